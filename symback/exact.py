"""Exact numbers: rationals as long as the functions allow, closed forms such as sqrt(2) after that.

Entries may also hold symbols; then explicit closed forms of every entry come out of the same walk.
Everything is bounded: where exact numbers would take too long, or cannot be told apart,
:class:`ExactTooLarge` says so, and the caller turns to floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from symback.elimination import determinant_of_numbers, invert_numbers
from symback.enclosure import enclosure
from symback.entrywise import Entrywise
from symback.errors import DomainError, LimitError
from symback.field import Entries, Field, OutsideDomain
from symback.graph import Node, topological
from symback.multiprecision import GUARD_DIGITS, Many, mp_evaluate, seed
from symback.ops import (
    add,
    apply,
    constant,
    einsum,
    number,
    power,
    split_coefficient,
    value_of,
)
from symback.rules import FUNCTIONS
from symback.walks import Definitions, Describe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Exact",
    "ExactTooLarge",
    "Scalar",
    "as_floats",
    "exact_evaluate",
    "float_of",
    "mp_evaluate",
]

Scalar: TypeAlias = Fraction | Node
Exact = Entries[Scalar]

MAX_WORK = 300_000
MAX_TREE = 400  # nodes of one entry's expression, written out
MAX_BITS = 14_000  # of one rational number; Python writes numbers of up to 4300 digits
NODE_WORK = 25  # an operation on closed forms takes about as long as this many on rationals
MAX_COFACTOR_SIZE = 4
MAX_FACTORIAL = 200

_COARSE, _FINE = 50, 80  # digits at which two constants are told apart


class ExactTooLarge(Exception):
    """Exact numbers are out of reach here, and why; floats are not."""


def exact_evaluate(
    roots: Sequence[Node],
    values: Mapping[Node, Exact],
    sizes: Mapping[Node, int] | None = None,
    *,
    definitions: Definitions = (),
    describe: Describe | None = None,
    index_base: int = 0,
) -> list[Exact]:
    """The exact value of each root; arguments and errors as in `evaluate`.

    Raises:
        ExactTooLarge: beyond the bounds above, or where constants or symbols would have to be
            ordered and cannot be.

    >>> from symback.ops import symbol
    >>> x = symbol("x", (2,))
    >>> half = Exact((2,), (Fraction(1, 2), Fraction(3)))
    >>> exact_evaluate([einsum(1, [(x, "i"), (x, "i")], "")], {x: half})[0].entries
    (Fraction(37, 4),)
    """
    field = ExactField()
    memo, bound = seed(field, values, sizes or {})
    walk = Entrywise(field, memo, bound, dict(definitions))
    try:
        walk.run(roots)
    except LimitError as error:
        raise ExactTooLarge(error.message) from error
    return [walk.result(root, describe, index_base) for root in roots]


def float_of(scalar: Scalar) -> float:
    """The nearest float of an exact number. Raises DomainError for one that is too large.

    >>> float_of(power(number(2), Fraction(1, 2)))
    1.4142135623730951
    """
    value = scalar if isinstance(scalar, Fraction) else Many(17 + GUARD_DIGITS).of(scalar)
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if math.isinf(result):
        raise DomainError("a number is too large for a floating-point number")
    return result


def as_floats(value: Exact) -> npt.NDArray[np.float64]:
    """An exact array as a float array."""
    import numpy as np  # slow to import, and small problems do without

    return np.array([float_of(entry) for entry in value.entries]).reshape(value.shape)


def _tidy(node: Node) -> Scalar:
    value = value_of(node)
    return node if value is None else value


def as_node(scalar: Scalar) -> Node:
    """An exact number as a node."""
    return scalar if isinstance(scalar, Node) else number(scalar)


class ExactField(Field[Scalar]):
    """Fractions, and scalar nodes where no fraction will do."""

    def __init__(self) -> None:
        self.nought: Scalar = Fraction(0)
        self.one: Scalar = Fraction(1)
        self._work = 0
        self._tree_size: dict[Node, int] = {}
        self._constant: dict[Node, bool] = {}
        self._signs: dict[Node, int] = {}

    # --- bounds --------------------------------------------------------------------------------

    def spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise ExactTooLarge("too many operations for exact numbers")

    def _checked(self, scalar: Scalar) -> Scalar:
        """`scalar`, if it is of a bearable length."""
        if isinstance(scalar, Fraction):
            if scalar.numerator.bit_length() + scalar.denominator.bit_length() > MAX_BITS:
                raise ExactTooLarge("a number has too many digits")
            return scalar
        self.spend(NODE_WORK)
        node = _tidy(scalar)
        if isinstance(node, Node) and self._size(node) > MAX_TREE:
            raise ExactTooLarge("a closed form is too long")
        return node

    def _size(self, root: Node) -> int:
        known = self._tree_size
        stack = [root]
        while stack:
            node = stack[-1]
            waiting = [arg for arg in node.args if arg not in known]
            if waiting:
                stack.extend(waiting)
            else:
                known[node] = 1 + sum(known[arg] for arg in node.args)
                stack.pop()
        return known[root]

    # --- arithmetic ----------------------------------------------------------------------------

    def number(self, value: Fraction) -> Scalar:
        return Fraction(value)

    def constant(self, name: str) -> Scalar:
        return constant(name)

    def sum(self, terms: Sequence[Scalar]) -> Scalar:
        total = sum((term for term in terms if isinstance(term, Fraction)), Fraction(0))
        nodes = [term for term in terms if isinstance(term, Node)]
        return self._checked(add(number(total), *nodes) if nodes else total)

    def product(self, factors: Sequence[Scalar]) -> Scalar:
        coef = math.prod(
            (factor for factor in factors if isinstance(factor, Fraction)), start=Fraction(1)
        )
        nodes = [factor for factor in factors if isinstance(factor, Node)]
        return self._checked(einsum(coef, [(node, ()) for node in nodes], ()) if nodes else coef)

    def whole(self, a: Scalar) -> int | None:
        return int(a) if isinstance(a, Fraction) and a.denominator == 1 else None

    def show(self, a: Scalar) -> str:
        return f"{float_of(a):.6g}"

    def refuse(self, what: str) -> Exception:
        return ExactTooLarge(f"{what} has no exact form")

    # --- comparison ----------------------------------------------------------------------------

    def compare(self, a: Scalar, b: Scalar) -> int | None:
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return (a > b) - (a < b)
        difference = self.sum([a, self.product([Fraction(-1), b])])
        if isinstance(difference, Fraction):
            return (difference > 0) - (difference < 0)
        return self._sign(difference) if self.is_constant(difference) else None

    def is_constant(self, root: Node) -> bool:
        """Whether `root` has neither symbols nor unknown functions in it."""
        known = self._constant
        for node in topological([root]):
            if node not in known:
                unknown = node.op == "map" and node.params[0] not in FUNCTIONS
                known[node] = (
                    node.op != "symbol" and not unknown and all(known[arg] for arg in node.args)
                )
        return known[root]

    def _sign(self, node: Node) -> int:
        """The sign of a constant, by floats if they can tell, else by its digits."""
        if node in self._signs:
            return self._signs[node]
        self.spend(NODE_WORK)
        low, high = enclosure(node) or (0.0, 0.0)
        if low > 0 or high < 0:
            sign = self._signs[node] = 1 if low > 0 else -1
            return sign
        try:
            coarse, fine = (Many(digits).of(node) for digits in (_COARSE, _FINE))
        except DomainError as error:
            raise ExactTooLarge(error.message) from error
        if abs(fine) < 10**-30 or abs(fine) < 10**6 * abs(fine - coarse):
            raise ExactTooLarge("two constants cannot be told apart")
        sign = self._signs[node] = 1 if fine > 0 else -1
        return sign

    # --- functions -----------------------------------------------------------------------------

    def function(self, name: str, order: tuple[int, ...], args: Sequence[Scalar]) -> Scalar:
        if name in _CASES and not order:
            found = _CASES[name](self, *args)
            if found is not None:
                return found
        known = _KNOWN.get((name, args[0])) if isinstance(args[0], Fraction) else None
        if known is not None:
            return known
        if name in _BOUNDS:
            self._check_bounds(name, args[0])
        if name == "exp" and isinstance(args[0], Node):
            return self._checked(_exp(args[0]))
        return self._checked(apply(name, *map(as_node, args), order=order))

    def _check_bounds(self, name: str, x: Scalar) -> None:
        low, high, closed = _BOUNDS[name]
        for bound, outside in ((low, -1), (high, 1)):
            if bound is not None:
                sign = self.compare(x, Fraction(bound))
                if sign == outside or (sign == 0 and not closed):
                    raise OutsideDomain(0)

    def logsumexp(self, terms: Sequence[Scalar]) -> Scalar:
        total = self.sum([self.function("exp", (), [term]) for term in terms])
        return self.function("log", (), [total])

    # --- linear algebra ------------------------------------------------------------------------

    def determinant(self, rows: list[list[Scalar]]) -> Scalar:
        if _all_rational(rows):
            return self._checked(Fraction(determinant_of_numbers(rows, _simplest)))
        if len(rows) > MAX_COFACTOR_SIZE:
            raise self.refuse(f"the determinant of a matrix of {len(rows)} rows of closed forms")
        return self._expanded(rows)

    def _expanded(self, rows: list[list[Scalar]]) -> Scalar:
        """The determinant by its first row."""
        if not rows:
            return self.one
        return self.sum(
            [
                self.product([Fraction((-1) ** j), entry, self._expanded(_minor(rows, 0, j))])
                for j, entry in enumerate(rows[0])
            ]
        )

    def inverse(self, rows: list[list[Scalar]]) -> list[list[Scalar]]:
        if _all_rational(rows):
            result = invert_numbers(rows, _simplest)
            return [[self._checked(Fraction(entry)) for entry in row] for row in result]
        determinant = self.determinant(rows)
        if self.compare(determinant, Fraction(0)) == 0:
            raise ZeroDivisionError
        reciprocal = self._reciprocal(determinant)
        size = range(len(rows))
        return [
            [
                self.product(
                    [Fraction((-1) ** (i + j)), self._expanded(_minor(rows, j, i)), reciprocal]
                )
                for j in size
            ]
            for i in size
        ]

    def _reciprocal(self, a: Scalar) -> Scalar:
        return 1 / a if isinstance(a, Fraction) else self._checked(power(a, -1))

    def exponential(self, rows: list[list[Scalar]]) -> list[list[Scalar]]:
        raise self.refuse("a matrix exponential")


def _all_rational(rows: list[list[Scalar]]) -> bool:
    return all(isinstance(entry, Fraction) for row in rows for entry in row)


def _minor(rows: list[list[Scalar]], i: int, j: int) -> list[list[Scalar]]:
    return [row[:j] + row[j + 1 :] for k, row in enumerate(rows) if k != i]


def _simplest(candidates: Sequence[Fraction]) -> int | None:
    """The non-zero candidate with the fewest digits."""
    places = [k for k, x in enumerate(candidates) if x]
    return min(places, key=lambda k: _digits(Fraction(candidates[k])), default=None)


def _digits(x: Fraction) -> int:
    return x.numerator.bit_length() + x.denominator.bit_length()


# --- functions with rational values ------------------------------------------------------------

Case: TypeAlias = Callable[..., Scalar | None]


def _pow(field: ExactField, x: Scalar, n: Scalar) -> Scalar | None:
    sign = field.compare(x, Fraction(0))
    whole = isinstance(n, Fraction) and n.denominator == 1
    if sign == -1 and not whole and (isinstance(n, Fraction) or field.is_constant(n)):
        raise OutsideDomain(0)
    if sign == 0:
        towards = field.compare(n, Fraction(0))
        if towards is None:
            return None
        if towards < 0:
            raise OutsideDomain(0)
        return Fraction(int(towards == 0))
    return None


def _sign_case(below: Scalar, at: Scalar, above: Scalar) -> Case:
    """A function of the sign alone; `below` is nought, which wins over no value."""

    def case(field: ExactField, x: Scalar) -> Scalar | None:
        sign = field.compare(x, Fraction(0))
        if sign is None:
            return None
        return field.nought if sign < 0 and not below else (below, at, above)[sign + 1]

    return case


def _chosen(keep: int) -> Case:
    """The larger (`keep` 1) or the smaller (-1) of two."""

    def case(field: ExactField, x: Scalar, z: Scalar) -> Scalar | None:
        sign = field.compare(x, z)
        return None if sign is None else z if sign == -keep else x

    return case


def _relation(holds: Callable[[int], bool]) -> Case:
    def case(field: ExactField, a: Scalar, b: Scalar) -> Scalar | None:
        sign = field.compare(a, b)
        return None if sign is None else field.one if holds(sign) else field.nought

    return case


def _logic(holds: Callable[..., bool]) -> Case:
    def case(field: ExactField, *args: Scalar) -> Scalar | None:
        signs = [field.compare(arg, Fraction(0)) for arg in args]
        if None in signs:
            return None
        return field.one if holds(*(sign != 0 for sign in signs)) else field.nought

    return case


def _relu(field: ExactField, x: Scalar) -> Scalar | None:
    sign = field.compare(x, Fraction(0))
    return None if sign is None else x if sign > 0 else Fraction(0)


def _abs(field: ExactField, x: Scalar) -> Scalar | None:
    sign = field.compare(x, Fraction(0))
    if sign is None:
        return None
    return field.product([Fraction(-1), x]) if sign < 0 else x


def _floor(field: ExactField, x: Scalar) -> Scalar | None:
    if isinstance(x, Fraction):
        return Fraction(math.floor(x))
    if not field.is_constant(x):
        return None
    nearest = Fraction(round(float_of(x)))
    return nearest if field.compare(x, nearest) != -1 else nearest - 1


def _gamma(field: ExactField, x: Scalar) -> Scalar | None:
    if isinstance(x, Fraction) and x.denominator == 1:
        if x <= 0:
            raise OutsideDomain(0)
        if x <= MAX_FACTORIAL:
            return Fraction(math.factorial(int(x) - 1))
    return None


def _polygamma(field: ExactField, k: Scalar, x: Scalar) -> Scalar | None:
    if isinstance(x, Fraction) and x.denominator == 1 and x <= 0:
        raise OutsideDomain(1)
    return None


def _exp(arg: Node) -> Node:
    """exp(a + c*log(u)) -> u**c*exp(a): a softmax comes out as a quotient."""
    terms = arg.args if arg.op == "add" else (arg,)
    powers, rest = [], []
    for term in terms:
        coef, core = split_coefficient(term)
        if core.op == "map" and core.params[0] == "log":
            powers.append(power(core.args[0], number(coef)))
        else:
            rest.append(term)
    factors = [*powers, apply("exp", add(*rest))] if rest else powers
    return einsum(1, [(factor, ()) for factor in factors], ())


_HALF = Fraction(1, 2)
_CASES: dict[str, Case] = {
    "pow": _pow,
    "relu": _relu,
    "abs": _abs,
    "sign": _sign_case(Fraction(-1), Fraction(0), Fraction(1)),
    "step": _sign_case(Fraction(0), Fraction(0), Fraction(1)),
    "heaviside": _sign_case(Fraction(0), _HALF, Fraction(1)),
    "floor": _floor,
    "maximum": _chosen(1),
    "minimum": _chosen(-1),
    "lt": _relation(lambda sign: sign < 0),
    "le": _relation(lambda sign: sign <= 0),
    "eq": _relation(lambda sign: sign == 0),
    "ne": _relation(lambda sign: sign != 0),
    "and": _logic(lambda a, b: a and b),
    "or": _logic(lambda a, b: a or b),
    "not": _logic(lambda a: not a),
    "gamma": _gamma,
    "polygamma": _polygamma,
}
"""Functions that are decided by comparing: the value, or None where it depends on a symbol."""

_BOUNDS: dict[str, tuple[int | None, int | None, bool]] = {
    "log": (0, None, False),
    "loggamma": (0, None, False),
    "asin": (-1, 1, True),
    "acos": (-1, 1, True),
    "acosh": (1, None, True),
    "atanh": (-1, 1, False),
}
"""Where a function is defined: from, to, and whether at the ends."""

_KNOWN: dict[tuple[str, Any], Fraction] = {
    ("atanh", Fraction(0)): Fraction(0),
    ("gelu", Fraction(0)): Fraction(0),
    ("acos", Fraction(1)): Fraction(0),
    ("acosh", Fraction(1)): Fraction(0),
    ("loggamma", Fraction(1)): Fraction(0),
    ("loggamma", Fraction(2)): Fraction(0),
}
