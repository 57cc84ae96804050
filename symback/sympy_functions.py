"""Functions of scalars in SymPy, its names for ours, and what it would do to their cases."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from functools import cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, BooleanAtom, BooleanFunction

from symback.errors import Unsupported

# Functions of one scalar. Those with a plain SymPy function are applied to matrices as that
# function, the others as a Lambda.
PLAIN: dict[str, Any] = {
    "exp": sp.exp,
    "log": sp.log,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "asinh": sp.asinh,
    "acosh": sp.acosh,
    "atanh": sp.atanh,
    "erf": sp.erf,
    "gamma": sp.gamma,
    "loggamma": sp.loggamma,
    "abs": sp.Abs,
    "sign": sp.sign,
    "heaviside": sp.Heaviside,
    "floor": sp.floor,
}

RECIPROCALS: dict[str, Any] = {  # 1/f has a name of its own
    "sin": sp.csc,
    "cos": sp.sec,
    "tan": sp.cot,
    "tanh": sp.coth,
}


@cache
def as_lambda(function: Callable[..., Any]) -> Any:
    """The function as a Lambda, always the same one: `applyfunc` makes a new one at each call."""
    variable = sp.Dummy("d")
    return sp.Lambda(variable, function(variable))


COMPOSED: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + sp.exp(-x)),
    "softplus": lambda x: sp.log(1 + sp.exp(x)),
    "relu": lambda x: sp.Max(0, x),
    "step": lambda x: sp.Heaviside(x, 0),
    "gelu": lambda x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "maximum": sp.Max,
    "minimum": sp.Min,
    "polygamma": lambda k, x: sp.digamma(x) if k == 0 else sp.polygamma(k, x),
    "where": lambda c, a, b: sp.Piecewise((a, _holds(c)), *_cases(b)),
    "lt": sp.StrictLessThan,
    "le": sp.LessThan,
    "eq": sp.Equality,
    "ne": sp.Unequality,
    "and": lambda a, b: sp.And(_holds(a), _holds(b)),
    "or": lambda a, b: sp.Or(_holds(a), _holds(b)),
    "not": lambda a: sp.Not(_holds(a)),
}


def _cases(value: Any) -> list[tuple[Any, Any]]:
    """The cases of c*Piecewise(...), so that they stand beside those before them."""
    factors = sp.Mul.make_args(value)
    inner = [factor for factor in factors if isinstance(factor, sp.Piecewise)]
    if len(inner) != 1:
        return [(value, True)]
    rest = sp.Mul(*(factor for factor in factors if factor is not inner[0]))
    return [(rest * branch, condition) for branch, condition in inner[0].args]


def _holds(condition: Any) -> Any:
    keep_cases_in_condition(condition)
    return condition if _is_condition(condition) else sp.Ne(condition, 0)


def _is_condition(value: Any) -> bool:
    return isinstance(value, (Relational, BooleanFunction, BooleanAtom))


def as_number(value: Any) -> Any:
    """A condition that stands where a number is wanted: 1 if it holds, else 0."""
    return sp.Piecewise((1, value), (0, True)) if _is_condition(value) else value


def keep_cases_inside(body: Any, limits: list[tuple[Any, Any, Any]]) -> None:
    """Refuse a sum out of whose inner sums SymPy would move a case that depends on both.

    `Sum` folds every Piecewise that has its index to the top, past the sums that it stands in.

    Raises:
        Unsupported: for such a sum.
    """
    outer = {index for index, *_ in limits}
    if any(not case.free_symbols.isdisjoint(outer) for case in _cases_of_sums(body)):
        raise Unsupported(
            "SymPy cannot hold this derivative: its Sum moves a case out of an inner sum",
            hint="state it as a problem, whose gradients are written in our own notation",
        )


def keep_cases_in_condition(condition: Any) -> None:
    """The same for the condition of a Piecewise, out of which SymPy moves every other one."""
    if next(_cases_of_sums(condition), None) is not None:
        raise Unsupported(
            "SymPy cannot hold this derivative: its Piecewise moves a case out of a sum",
            hint="state it as a problem, whose gradients are written in our own notation",
        )


def _cases_of_sums(body: Any) -> Iterator[Any]:
    """Each Piecewise inside a sum, product or Lambda that depends on its index."""
    if body.has(sp.Piecewise, ITE):
        for binder in body.atoms(sp.Sum, sp.Product, sp.Lambda):
            inner = set(binder.bound_symbols)
            for case in binder.atoms(sp.Piecewise, ITE):
                if not case.free_symbols.isdisjoint(inner):
                    yield case


def derived_function(base: Any, order: tuple[Any, ...], taken: Container[str] = ()) -> Any:
    """f, f', f'' of an unknown function f of one argument; f_1, f_12 of several.

    A function that SymPy knows is differentiated by SymPy. `taken` are names of other functions.

    Raises:
        Unsupported: SymPy does not know the derivative either.
    """
    if not sum(order):
        return base
    if not isinstance(base, UndefinedFunction):
        return _known_derivative(base, order)
    name = base.__name__
    if len(order) == 1:
        return _Derived(base, f"{name}{chr(39) * sum(order)}", order)
    places = "".join(str(k + 1) * times for k, times in enumerate(order))
    derived = f"{name}_{places}"
    while derived in taken:
        derived += "_"
    return _Derived(base, derived, order)


def _known_derivative(base: Any, order: tuple[Any, ...]) -> Callable[..., Any]:
    stand_ins = [sp.Dummy() for _ in order]
    value = base(*stand_ins)
    for variable, times in zip(stand_ins, order, strict=True):
        value = value.diff(variable, times)
    if value.has(sp.Derivative, sp.Subs):
        raise Unsupported(f"cannot differentiate {base.__name__}: SymPy has no derivative for it")
    return lambda *args: value.xreplace(dict(zip(stand_ins, args, strict=True)))


def _Derived(base: Any, name: str, order: tuple[Any, ...]) -> Any:  # noqa: N802
    """The unknown function `name`, which becomes a true derivative once `base` is substituted."""

    def _eval_subs(self: Any, old: Any, new: Any) -> Any:
        if old != base or not callable(new):
            return AppliedUndef._eval_subs(self, old, new)
        stand_ins = [sp.Dummy() for _ in self.args]
        value = new(*stand_ins)
        for variable, times in zip(stand_ins, order, strict=True):
            value = value.diff(variable, times)
        return value.subs(dict(zip(stand_ins, self.args, strict=True)))

    return UndefinedFunction(name, __dict__={"_eval_subs": _eval_subs})
