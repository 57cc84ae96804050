"""The workshop door: derivative rules of one's own.

A function that is declared and not defined keeps its derivative as f'. A rule says what that
derivative is, as a line of mathematics, for as long as a `with` block lasts:

>>> import sympy as sp
>>> from symback import gradient
>>> from symback.extend import call, rule
>>> swish, a, b = sp.Function("swish"), *sp.symbols("a b")
>>> gradient(swish(a*b), a)
b*swish'(a*b)
>>> with rule("swish", lambda x, y: y + call("sigmoid", x)*(1 - y)):
...     slope = gradient(swish(a*b), a)
>>> slope.has(swish), slope.has(sp.Function("swish'"))
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from symback.errors import NameProblem
from symback.ops import apply, constant
from symback.rules import FUNCTIONS, OWN, E, Function

__all__ = ["PI", "E", "call", "rule"]

PI = E(constant("pi"))


def call(name: str, *args: E) -> E:
    """A function of the table, or one of one's own, entry by entry.

    Raises:
        NameProblem: the table has no such function, and there is no rule for it.
    """
    if name in FUNCTIONS:
        return E(apply(name, *(arg.node for arg in args)))
    if name not in OWN.get():
        raise NameProblem(
            f"there is no function '{name}'", hint="the functions are listed in docs/calculus.md"
        )
    return E(apply(name, *(arg.node for arg in args), order=(0,) * len(args)))


@contextmanager
def rule(name: str, *derivatives: Callable[..., E], source: str = "") -> Iterator[None]:
    """Within the block, the elementwise function `name` has these derivatives.

    Args:
        name: a function that is declared and not defined, such as sympy.Function("swish").
        derivatives: one for each argument; a function of the arguments, then of the value y. They
            are operands with + - * / ** and numbers; `call` makes functions of them.
        source: where the rule is found.

    Raises:
        NameProblem: the function is one of the table, whose rules stand.

    >>> from sympy import Function, symbols
    >>> from symback import hessian
    >>> t, cube = symbols("t"), Function("cube")
    >>> with rule("cube", lambda x, y: 3*x**2):
    ...     hessian(cube(t), t)
    6*t
    """
    if name in FUNCTIONS:
        raise NameProblem(
            f"'{name}' has a rule already: {FUNCTIONS[name].formula}", hint="choose another name"
        )
    row = Function(derivatives, f"a rule of your own for {name}'", source)
    token = OWN.set({**OWN.get(), name: row})
    try:
        yield
    finally:
        OWN.reset(token)
