"""How a phrase is read aloud: quotients, minus signs, roots and norms, before any spelling.

    mul(1/2, x)                          x over 2
    mul(pow(a, -1), x)                   x over a
    hadamard(t, elementwise_pow(y, -1))  t over y, elementwise
    add(x, mul(-1, y))                   x minus y
    pow(scalar(x'*x), 1/2)               the norm of x
    add(ones, mul(-1, y))                1 minus y
    add(X, mul(ones, b'))                X plus b'

The result is a phrase again, made of the heads of :data:`symback.phrase.HEADS` (some with their
arguments arranged for a speller) and of the heads of :data:`HEADS_READ`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from symback import phrase as p
from symback.graph import Node, Shape, Size
from symback.notation import Notation
from symback.ops import add, number, size_node
from symback.phrase import Phrase
from symback.sizes import flat
from symback.spell.walk import fold, with_args

HEADS_READ: dict[str, str] = {
    "number": "a whole number from 0 on",
    "decimal": "a number as decimal digits; data: the digits",
    "add": "data: the sign of each term, '+' or '-'",
    "mul": "factors in the order in which they are written",
    "ones": "args: the sizes of its axes; so for zeros, eye and commutation",
    "comprehension": "like sum_over",
    "slice": "data: for each axis that is written 'all', 'one' or 'range'",
    "negative": "minus its argument",
    "quotient": "numerator, scalar denominator",
    "elementwise_quotient": "numerator, matrix denominator",
    "sqrt": "a square root, elementwise",
    "square": "a scalar product of a column with itself: the column, the product",
    "norm1": "the sum of absolute values",
    "norm2": "the Euclidean norm",
    "column_sums": "the row of the sums of each column",
    "inverse_transpose": "the transposed inverse",
    "compare": "1 where a relation holds, else 0; data: relation; left, right",
    "cases": "condition, value, condition, value, ..., value in all other cases",
}


@dataclass(frozen=True)
class Manner:
    """What the spellings read differently.

    Attributes:
        spreads: a row or a column in a sum spreads over a matrix, as in the input language.
        ones_multiply: sums of rows are products with a column of ones.
        indicators: step functions and comparisons are read as conditions.
        leading_fractions: a fraction stands before what it multiplies.
        base: where indices start.
    """

    spreads: bool = True
    ones_multiply: bool = False
    indicators: bool = False
    leading_fractions: bool = False
    base: int = 0


def reading(root: Phrase, manner: Manner) -> Phrase:
    """`root` as it is read aloud."""
    return fold(root, _Reader(manner).read, _Preparer(manner).prepare)


# --- before the arguments are read ---------------------------------------------------------------


class _Preparer:
    """Rewrites phrases into phrases."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.rows: dict[str, Callable[[Phrase], Phrase]] = {
            "add": self._add,
            "scalar": _scalar,
            "row_sums": self._row_sums,
            "transpose": self._transpose,
            "ones": _with_sizes,
            "zeros": _with_sizes,
            "eye": lambda phrase: _with_sizes(phrase, phrase.shape[:1]),
            "commutation": _with_data_sizes,
            "comprehension": self._comprehension,
            "slice": _slice,
        }

    def prepare(self, phrase: Phrase) -> Phrase:
        row = self.rows.get(phrase.head)
        return phrase if row is None else row(phrase)

    def _add(self, phrase: Phrase) -> Phrase:
        """Ones are written as numbers, where the other terms keep the shape."""
        if not phrase.shape:
            return phrase
        shorter = [_without_ones(term, self.manner.spreads) for term in phrase.args]
        if not _covers(shorter, phrase.shape):
            at = next(k for k, term in enumerate(shorter) if term is not phrase.args[k])
            shorter[at] = phrase.args[at]
        return Phrase("add", p.add(shorter).args, (), phrase.shape)

    def _row_sums(self, phrase: Phrase) -> Phrase:
        (matrix,) = phrase.args
        if self.manner.ones_multiply:
            return p.mul([matrix, p.ones((matrix.shape[1], 1))])
        flipped = p.transpose(matrix)
        if flipped.length < matrix.length:
            sums = Phrase("column_sums", (flipped,), (), (1, flipped.shape[1]))
            return Phrase("transpose", (sums,), (), phrase.shape)
        return phrase

    def _transpose(self, phrase: Phrase) -> Phrase:
        (matrix,) = phrase.args
        if matrix.head == "row_sums" and self.manner.ones_multiply:
            return p.transpose(self._row_sums(matrix))
        return phrase

    def _comprehension(self, phrase: Phrase) -> Phrase:
        axes = [axis for axis in phrase.data if isinstance(axis, tuple)]
        first = self.manner.base
        bounds = []
        for _, size in axes:
            bounds += [p.num(first), _size(size, first - 1)]
        names = tuple(name for name, _ in axes)
        return Phrase(phrase.head, (*phrase.args, *bounds), names, phrase.shape)


def _size(size: Size, plus: int = 0) -> Phrase:
    return Notation().scalar(flat(add(size_node(size), number(plus))))


def _with_sizes(phrase: Phrase, sizes: Shape | None = None) -> Phrase:
    if not phrase.shape:
        return p.num(0)
    written = tuple(_size(size) for size in (phrase.shape if sizes is None else sizes))
    return Phrase(phrase.head, written, (), phrase.shape)


def _with_data_sizes(phrase: Phrase) -> Phrase:
    sizes = tuple(size for size in phrase.data if isinstance(size, (int, Node)))
    return _with_sizes(phrase, sizes)


def _slice(phrase: Phrase) -> Phrase:
    """Which parts of X[0:2, :] have to be written; a column has one index only."""
    shape, cut = phrase.args[0].shape, phrase.shape
    axes = (0,) if shape[1] == 1 else (0, 1)
    kinds = []
    for axis in axes:
        alone = cut[axis] == 1 and len(axes) == 2
        kinds.append("one" if alone else "all" if cut[axis] == shape[axis] else "range")
    return Phrase("slice", phrase.args, tuple(kinds), cut)


def _scalar(phrase: Phrase) -> Phrase:
    """x'*x is the square of a norm."""
    (product,) = phrase.args
    if product.head == "mul" and len(product.args) == 2 and p.coefficient(product) == 1:
        a, b = product.args
        if a.is_matrix and p.transpose(b) == a:
            column = a if a.length < b.length else b
            return Phrase("square", (column, product))
    return phrase


def _without_ones(term: Phrase, spreads: bool) -> Phrase:
    """2*ones -> 2 and, where that spreads, ones*b' -> b'."""
    if term.head == "ones":
        return p.UNIT
    if term.head != "mul":
        return term
    scalars = [a for a in term.args if not a.is_matrix]
    chain = [a for a in term.args if a.is_matrix]
    if len(chain) > 1 and spreads:
        if chain[0].head == "ones" and chain[0].shape[1] == 1:
            del chain[0]
        elif chain[-1].head == "ones" and chain[-1].shape[0] == 1:
            del chain[-1]
    if len(chain) == 1 and chain[0].head == "ones":
        del chain[0]
    if len(scalars) + len(chain) == len(term.args):
        return term
    return p.mul([*scalars, *chain], p.coefficient(term))


def _covers(terms: Iterable[Phrase], shape: Shape) -> bool:
    """Whether a sum of these terms has this shape, once they spread over each other."""
    shapes = [term.shape for term in terms if term.shape]
    return all(any(own[axis] == shape[axis] for own in shapes) for axis in (0, 1))


# --- after the arguments are read ----------------------------------------------------------------


class _Reader:
    """Puts phrases together from arguments that are read already."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.rows: dict[str, Callable[[Phrase, tuple[Phrase, ...]], Phrase]] = {
            "number": lambda phrase, args: _fraction(phrase),
            "add": _add,
            "mul": self._mul,
            "hadamard": _hadamard,
            "pow": lambda phrase, args: _power(phrase.head, phrase.shape, *args),
            "elementwise_pow": lambda phrase, args: _power(phrase.head, phrase.shape, *args),
            "function": self._function,
            "transpose": _transpose,
            "inverse": _inverse,
            "sum": _sum,
            "iverson": _compare,
            "delta": lambda phrase, args: Phrase("compare", args, ("==",)),
        }

    def read(self, phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
        row = self.rows.get(phrase.head)
        return with_args(phrase, args) if row is None else row(phrase, args)

    def _mul(self, phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
        coef = p.coefficient(phrase)
        top, bottom = abs(coef.numerator), coef.denominator
        scalars, below = _split([a for a in args if not a.is_matrix], "quotient", "mul")
        scalars.sort(key=lambda a: a.head in ("scalar", "square", "sum_over", "prod_over"))
        chain = [a for a in args if a.is_matrix]
        written = self._quotient(top, bottom, scalars, below, chain, phrase.shape)
        return _negative(written) if coef < 0 else written

    def _quotient(
        self,
        top: int,
        bottom: int,
        scalars: list[Phrase],
        below: list[Phrase],
        chain: list[Phrase],
        shape: Shape,
    ) -> Phrase:
        if len(chain) == 1 and chain[0].head == "elementwise_quotient":
            over, beneath = map(_factors, chain[0].args)
            return Phrase(
                "elementwise_quotient",
                (
                    _product([*_number(top), *scalars, *over], shape),
                    _product([*_number(bottom), *below, *beneath], shape),
                ),
                (),
                shape,
            )
        above = [*_number(top), *scalars]
        under = [*_number(bottom), *below]
        if not under:
            return _product([*above, *chain], shape)
        behind: list[Phrase] = []
        if self.manner.leading_fractions:
            if chain and not _is_light(chain):
                behind = chain
            elif not chain and not below and not _is_light(scalars):
                above, behind = _number(top), scalars
        if not behind:
            above += chain
        fraction = Phrase(
            "quotient",
            (_product(above, () if behind else shape), _product(under, ())),
            (),
            () if behind else shape,
        )
        return _product([fraction, *behind], shape)

    def _function(self, phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
        name, *orders = phrase.data
        if orders and not any(orders):
            return Phrase("function", args, (name,), phrase.shape)
        if name == "polygamma" and phrase.args[0] == p.num(0):
            return Phrase("function", args[1:], ("digamma",), phrase.shape)
        if name == "exp" and args[0] == p.UNIT:
            return Phrase("constant", data=("e",))
        if name == "where":
            condition, value, other = args
            rest = other.args if other.head == "cases" else (other,)
            return Phrase("cases", (condition, value, *rest), (), phrase.shape)
        if name in _RELATIONS:
            return Phrase("compare", args, (_RELATIONS[str(name)],), phrase.shape)
        if name == "step" and self.manner.indicators:
            return _positive(args[0], phrase.shape)
        return with_args(phrase, args)


_RELATIONS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}


def _number(value: int) -> list[Phrase]:
    return [] if value == 1 else [p.num(value)]


def _fraction(phrase: Phrase) -> Phrase:
    value = phrase.value
    written = p.num(abs(value.numerator))
    if value.denominator != 1:
        written = Phrase("quotient", (written, p.num(value.denominator)))
    return _negative(written) if value < 0 else written


def _negative(phrase: Phrase) -> Phrase:
    return Phrase("negative", (phrase,), (), phrase.shape)


def _product(factors: Sequence[Phrase], shape: Shape) -> Phrase:
    if len(factors) <= 1:
        return factors[0] if factors else p.UNIT
    return Phrase("mul", tuple(factors), (), shape)


def _factors(phrase: Phrase, product: str = "mul") -> tuple[Phrase, ...]:
    if phrase == p.UNIT:
        return ()
    return phrase.args if phrase.head == product else (phrase,)


def _split(
    factors: Iterable[Phrase], quotient: str, product: str
) -> tuple[list[Phrase], list[Phrase]]:
    """The factors above and below the line; quotients are taken apart."""
    above: list[Phrase] = []
    below: list[Phrase] = []
    for factor in factors:
        if factor.head == quotient:
            above.extend(_factors(factor.args[0], product))
            below.extend(_factors(factor.args[1], product))
        else:
            above.append(factor)
    return above, below


def _is_light(factors: Sequence[Phrase]) -> bool:
    """Whether this stands above a fraction line rather than behind the fraction."""
    if len(factors) > 1:
        return False
    light = {"symbol", "entry", "constant", "sqrt", "norm1", "norm2", "transpose"}
    return all(a.head in light or (a.head == "add" and not a.shape) for a in factors)


def _add(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    signs = tuple("-" if arg.head == "negative" else "+" for arg in args)
    terms = tuple(arg.args[0] if arg.head == "negative" else arg for arg in args)
    if signs[:2] == ("+", "+") and terms[0].is_number and all(map(_counts, terms)):
        terms, signs = (*terms[1:], terms[0]), (*signs[1:], "+")  # i + 1
    return Phrase("add", terms, signs, phrase.shape)


def _counts(phrase: Phrase) -> bool:
    """Whether this is a number, an index or a size, or a product of them."""
    if phrase.head == "symbol":
        return phrase.data[1] in ("index", "size")
    return phrase.is_number or (phrase.head == "mul" and all(map(_counts, phrase.args)))


def _hadamard(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    above, below = _split(args, "elementwise_quotient", "hadamard")
    over, under = (
        Phrase("hadamard", tuple(factors), (), phrase.shape) if len(factors) > 1 else factors[0]
        for factors in (above or [p.UNIT], below or [p.UNIT])
    )
    if not below:
        return over
    return Phrase("elementwise_quotient", (over, under), (), phrase.shape)


def _power(head: str, shape: Shape, base: Phrase, exponent: Phrase) -> Phrase:
    if exponent.head == "negative":
        under = _power(head, shape, base, exponent.args[0])
        quotient = "elementwise_quotient" if shape else "quotient"
        return Phrase(quotient, (p.UNIT, under), (), shape)
    if exponent == p.UNIT:
        return base
    if exponent.head == "quotient" and exponent.args[1] == p.num(2):
        top = exponent.args[0]
        if base.head == "square" and top.is_number:
            return _power("pow", (), Phrase("norm2", base.args[:1]), top)
        if top == p.UNIT:
            return Phrase("sqrt", (base,), (), shape)
    if base.head == "square" and exponent.is_number:
        norm = Phrase("norm2", base.args[:1])
        return Phrase("pow", (norm, p.num(2 * exponent.value)))
    return Phrase(head, (base, exponent), (), shape)


def _transpose(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    (matrix,) = args
    if matrix.head == "transpose":
        return matrix.args[0]
    if matrix.head == "inverse":
        return Phrase("inverse_transpose", matrix.args, (), phrase.shape)
    return with_args(phrase, args)


def _inverse(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    (matrix,) = args
    if matrix.head == "transpose":
        return Phrase("inverse_transpose", matrix.args, (), phrase.shape)
    return with_args(phrase, args)


def _sum(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    (summed,) = args
    if summed.head == "diagonal":
        return Phrase("trace", summed.args)
    if summed.head == "function" and summed.data == ("abs",) and summed.shape[1] == 1:
        return Phrase("norm1", summed.args)
    return with_args(phrase, args)


def _compare(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    return Phrase("compare", args, phrase.data)


def _positive(phrase: Phrase, shape: Shape) -> Phrase:
    """The condition that `phrase` is positive.  x - y -> x > y, 1 - y -> y < 1"""
    if phrase.head == "negative":
        return Phrase("compare", (phrase.args[0], p.num(0)), ("<",), shape)
    if phrase.head != "add" or "-" not in phrase.data:
        return Phrase("compare", (phrase, p.num(0)), (">",), shape)
    sides = []
    for sign in "+-":
        terms = [t for t, own in zip(phrase.args, phrase.data, strict=True) if own == sign]
        if not terms:
            sides.append(p.num(0))
        elif len(terms) == 1:
            sides.append(terms[0])
        else:
            sides.append(Phrase("add", tuple(terms), ("+",) * len(terms), phrase.shape))
    left, right = sides
    if left.is_number:
        return Phrase("compare", (right, left), ("<",), shape)
    return Phrase("compare", (left, right), (">",), shape)
