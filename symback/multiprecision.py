"""Numbers with as many digits as one asks for, by mpmath.

mpmath is imported when the first number is needed, and used in a context of our own: nobody
else's precision is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

from symback.bindings import bind_sizes
from symback.elimination import determinant_of_numbers, invert_numbers
from symback.entrywise import Entrywise
from symback.errors import LimitError, Unsupported, ValueProblem
from symback.field import MAX_PSI_ORDER, Entries, Field, OutsideDomain
from symback.graph import Node
from symback.walks import Definitions, Describe, Functions

Real: TypeAlias = Any  # mpmath's mpf, which has no type stubs
Scalar: TypeAlias = Fraction | Node

MAX_WORK = 3_000_000
GUARD_DIGITS = 10
MAX_MAGNITUDE = 10_000  # binary digits before the point of a function's argument


def mp_evaluate(
    roots: Sequence[Node],
    values: Mapping[Node, Entries[Scalar]],
    sizes: Mapping[Node, int] | None = None,
    functions: Functions | None = None,
    *,
    digits: int = 30,
    definitions: Definitions = (),
    describe: Describe | None = None,
    index_base: int = 0,
) -> list[Entries[Real]]:
    """The value of each root to `digits` digits; arguments and errors as in `evaluate`.

    Values are rational numbers or constants such as `sqrt(2)`. Unknown `functions` receive and
    answer numbers of mpmath.

    >>> from symback.ops import number, power
    >>> root = power(number(2), Fraction(1, 2))
    >>> str(mp_evaluate([root], {}, digits=20)[0].entries[0])[:21]
    '1.4142135623730950488'
    """
    field = Many(digits + GUARD_DIGITS, functions or {})
    numbers: dict[Node, Entries[Real]] = {
        node: Entries(value.shape, tuple(map(field.of, value.entries)))
        for node, value in values.items()
    }
    memo, bound = seed(field, numbers, sizes or {})
    walk = Entrywise(field, memo, bound, dict(definitions))
    walk.run(roots)
    return [walk.result(root, describe, index_base) for root in roots]


def seed(
    field: Field[Any], values: Mapping[Node, Entries[Any]], sizes: Mapping[Node, int]
) -> tuple[dict[Node, Entries[Any]], dict[Node, int]]:
    """What a walk starts from: the values, and a number for each size that they tell."""
    memo = dict(values)
    bound = bind_sizes({node: value.shape for node, value in values.items()}, sizes)
    for node, value in values.items():
        whole = None if node.shape else field.whole(value.entries[0])
        if whole is not None:
            bound.setdefault(node, whole)
    for size, count in bound.items():
        memo.setdefault(size, Entries((), (field.number(Fraction(count)),)))
    return memo, bound


@lru_cache(maxsize=8)
def context(digits: int) -> Any:
    """An mpmath context of our own with that many digits."""
    import mpmath  # slow to import, and seldom needed

    own = mpmath.mp.clone()
    own.dps = digits
    return own


class Many(Field[Real]):
    """Real numbers with `digits` digits."""

    def __init__(self, digits: int, functions: Functions | None = None) -> None:
        self.mp = context(digits)
        self.nought = self.mp.mpf(0)
        self.one = self.mp.mpf(1)
        self._functions = functions or {}
        self._work = 0

    def of(self, scalar: Scalar) -> Real:
        """A rational number or a constant expression as a number."""
        if isinstance(scalar, Fraction):
            return self.number(scalar)
        walk = Entrywise(self, {}, {}, {})
        walk.run([scalar])
        return walk.result(scalar, None, 0).entries[0]

    def spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise LimitError("too many operations for numbers with many digits")

    def number(self, value: Fraction) -> Real:
        return self.mp.mpf(value.numerator) / value.denominator

    def constant(self, name: str) -> Real:
        return +self.mp.pi if name == "pi" else self.mp.exp(1)

    def sum(self, terms: Sequence[Real]) -> Real:
        return self.mp.fsum(terms)

    def product(self, factors: Sequence[Real]) -> Real:
        return self.mp.fprod(factors)

    def function(self, name: str, order: tuple[int, ...], args: Sequence[Real]) -> Real:
        outside = OUTSIDE.get(name)
        if outside is not None and outside(*args):
            raise OutsideDomain(len(args) - 1 if name == "polygamma" else 0)
        if name in ("step", "heaviside") and args[0] < 0:
            return self.nought
        if name != "exp" and any(self.mp.mag(x) > MAX_MAGNITUDE for x in args):
            raise OverflowError
        if name in FUNCTIONS:
            return FUNCTIONS[name](self.mp, *args)
        if name in INDICATORS:
            return self.one if INDICATORS[name](*args) else self.nought
        if name not in self._functions:
            raise ValueProblem(f"the function {name} has no value")
        return self.mp.mpf(self._functions[name](order or (0,) * len(args), *args))

    def compare(self, a: Real, b: Real) -> int:
        return int(a > b) - int(a < b)

    def whole(self, a: Real) -> int | None:
        return int(a) if self.mp.isint(a) else None

    def show(self, a: Real) -> str:
        return f"{float(a):.6g}"

    def logsumexp(self, terms: Sequence[Real]) -> Real:
        top = max(terms)
        return top + self.mp.log(self.mp.fsum(_exp(self.mp, term - top) for term in terms))

    def determinant(self, rows: list[list[Real]]) -> Real:
        return self.one * determinant_of_numbers(rows, _largest)

    def inverse(self, rows: list[list[Real]]) -> list[list[Real]]:
        result = invert_numbers(rows, _largest)
        condition = _norm(rows) * _norm(result)
        if condition * self.mp.eps > self.mp.mpf(10) ** -5:
            raise ZeroDivisionError
        return result

    def exponential(self, rows: list[list[Real]]) -> list[list[Real]]:
        result = self.mp.expm(self.mp.matrix(rows), method="taylor")
        return [[result[i, j] for j in range(len(rows))] for i in range(len(rows))]

    def refuse(self, what: str) -> Exception:
        return Unsupported(f"cannot work out {what}")


def _largest(candidates: Sequence[Real]) -> int | None:
    place = max(range(len(candidates)), key=lambda k: abs(candidates[k]))
    return place if candidates[place] != 0 else None


def _norm(rows: list[list[Real]]) -> Real:
    return max(sum(map(abs, row)) for row in rows)


def _whole_or_less(x: Real) -> bool:
    return bool(x <= 0 and x == int(x))


OUTSIDE: dict[str, Callable[..., bool]] = {
    "pow": lambda x, n: (x < 0 and n != int(n)) or (x == 0 and n < 0),
    "log": lambda x: x <= 0,
    "asin": lambda x: abs(x) > 1,
    "acos": lambda x: abs(x) > 1,
    "acosh": lambda x: x < 1,
    "atanh": lambda x: abs(x) >= 1,
    "gamma": _whole_or_less,
    "loggamma": lambda x: x <= 0,
    "polygamma": lambda k, x: _whole_or_less(x) or k < 0 or k != int(k),
}
"""For a function that is not defined everywhere: whether its arguments lie outside."""

INDICATORS: dict[str, Callable[..., bool]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: a != 0 and b != 0,
    "or": lambda a, b: a != 0 or b != 0,
    "not": lambda a: a == 0,
}


def _exp(mp: Any, x: Real) -> Real:
    if mp.mag(x) <= MAX_MAGNITUDE:
        return mp.exp(x)
    if x > 0:
        raise OverflowError
    return mp.mpf(0)


def _psi(mp: Any, k: Real, x: Real) -> Real:
    if k > MAX_PSI_ORDER:
        raise LimitError(f"polygamma of an order beyond {MAX_PSI_ORDER} takes too long")
    return mp.psi(int(k), x)


def _sigmoid(mp: Any, x: Real) -> Real:
    small = mp.exp(-abs(x))
    return (1 if x >= 0 else small) / (1 + small)


FUNCTIONS: dict[str, Callable[..., Real]] = {
    **{
        name: lambda mp, x, name=name: getattr(mp, name)(x)
        for name in (
            *("log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
            *("asinh", "acosh", "atanh", "erf", "gamma", "loggamma", "floor"),
        )
    },
    "exp": _exp,
    "pow": lambda mp, x, n: x**n,
    "polygamma": _psi,
    "sigmoid": _sigmoid,
    "softplus": lambda mp, x: max(x, mp.mpf(0)) + mp.log1p(mp.exp(-abs(x))),
    "gelu": lambda mp, x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "relu": lambda mp, x: max(x, mp.mpf(0)),
    "abs": lambda mp, x: abs(x),
    "maximum": lambda mp, x, z: max(x, z),
    "minimum": lambda mp, x, z: min(x, z),
    "where": lambda mp, c, a, b: a if c != 0 else b,
    "sign": lambda mp, x: mp.sign(x),
    "heaviside": lambda mp, x: (mp.sign(x) + 1) / 2,
    "step": lambda mp, x: mp.mpf(int(x > 0)),
}
