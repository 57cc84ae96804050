"""The values of a problem: exact, of the declared shapes, sizes by name worked out from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Number, Rational
from typing import TypeAlias

from symback.bindings import sizes_of
from symback.errors import (
    DomainError,
    LimitError,
    NameProblem,
    Place,
    ShapeError,
    SymbackError,
    ValueProblem,
)
from symback.exact import Exact, ExactTooLarge, Scalar, exact_evaluate, float_of
from symback.field import Entries
from symback.graph import Node, Shape, symbols_of
from symback.parse.lower import Scope, lower
from symback.parse.parser import parse
from symback.parse.syntax import Expression, Name, walk
from symback.problemfile import Value as WrittenValue
from symback.tensor import Tensor, as_scalar, show_size

MAX_ENTRIES = 1_000_000

Value: TypeAlias = "WrittenValue | Node | tuple[Value, ...]"


@dataclass(frozen=True)
class GivenArray:
    """A value as written, the symbol it is for, and where both stand."""

    value: Value
    tensor: Tensor
    place: Place | None = None
    declared: Place | None = None


def exact_values(given: Mapping[str, GivenArray], sizes: Mapping[str, Tensor]) -> dict[str, Exact]:
    """Exact arrays in the shapes of the symbols' nodes, and a number for each size they tell.

    Raises:
        ShapeError: for a value of another shape than declared; both are shown.
        ValueProblem: for a value that is not a number.
    """
    lengths = {name: _lengths(item.value) for name, item in given.items()}
    bound: dict[Node, int] = {}
    reasons: dict[Node, str] = {}
    result: dict[str, Exact] = {}
    for name, size in sizes.items():
        if name in given:
            bound[size.node] = _whole(name, given[name])
            reasons[size.node] = f"{name} = {bound[size.node]}"
    for name, item in given.items():
        if name in sizes:
            continue
        shape = item.tensor.shape
        fitted = _fit(shape, lengths[name])
        if fitted is None:
            raise _mismatch(name, item, shape, lengths[name])
        for declared, length in zip(shape, fitted, strict=True):
            if isinstance(declared, Node) and declared.op == "symbol" and declared not in bound:
                bound[declared] = length
                reasons[declared] = f"{declared} = {length} from the value of '{name}'"
    for name, item in given.items():
        if name in sizes:
            continue
        shape = item.tensor.shape
        fitted = _fit(shape, lengths[name])
        assert fitted is not None
        known = _known_sizes(shape, bound, item)
        for declared, length, wanted in zip(shape, fitted, known, strict=True):
            if length != wanted:
                reason = (
                    "; ".join(
                        reasons[s] for s in symbols_of([declared]) if isinstance(declared, Node)
                    )
                    if isinstance(declared, Node)
                    else ""
                )
                raise _mismatch(name, item, shape, lengths[name], reason)
        node_shape = tuple(n for n, s in zip(known, shape, strict=True) if s != 1)
        result[name] = Exact(node_shape, tuple(_entries(item)))
    for name, size in sizes.items():
        if size.node in bound:
            result[name] = Exact((), (Fraction(bound[size.node]),))
    return result


def _known_sizes(shape: Shape, bound: Mapping[Node, int], item: GivenArray) -> tuple[int, ...]:
    try:
        return sizes_of(shape, bound)
    except SymbackError as error:
        error.place = error.place or item.declared
        raise


def _lengths(value: Value) -> tuple[int, ...]:
    lengths = []
    while isinstance(value, tuple):
        lengths.append(len(value))
        value = value[0]
    if math.prod(lengths) > MAX_ENTRIES:
        raise LimitError(f"a value with more than {MAX_ENTRIES} entries")
    return tuple(lengths)


def _fit(shape: Shape, lengths: tuple[int, ...]) -> tuple[int, ...] | None:
    """The lengths of a value along the axes of `shape`; None if it cannot be meant so.

    A value may be given without the axes of length 1: [1, 2] for a 2-vector, a 2x1 matrix or a
    1x2 matrix, and [[1], [2]] for a 2-vector. The lengths are not compared here.
    """
    if len(lengths) == len(shape):
        return lengths
    long = [n for n in lengths if n != 1]
    axes = [size for size in shape if size != 1]
    if len(long) != len(axes):
        if len(axes) != len(shape) or len(lengths) <= len(shape):
            return None
        # an axis of symbolic size that turns out to be 1
        long = [n for n in lengths if n != 1] + [1] * (len(axes) - len(long))
        if len(long) != len(axes):
            return None
    rest = iter(long)
    return tuple(1 if size == 1 else next(rest) for size in shape)


def _mismatch(
    name: str, item: GivenArray, shape: Shape, lengths: tuple[int, ...], reason: str = ""
) -> ShapeError:
    also = () if item.declared is None else ((f"'{name}' is declared here", item.declared),)
    hint = "correct the value or the declared shape"
    if len(lengths) == 1 and len(shape) == 2:
        hint = "a matrix is given row by row: [[1, 2], [3, 4]]"
    return ShapeError(
        f"'{name}' {shape_words(shape)}, its value {shape_words(lengths)}"
        + (f" ({reason})" if reason else ""),
        place=item.place,
        also=also,
        hint=hint,
    )


def shape_words(shape: Shape) -> str:
    """The shape as it is declared in a file: has shape [3, 2]; is a scalar."""
    if not shape:
        return "is a scalar"
    return f"has shape [{', '.join(map(show_size, shape))}]"


def _whole(name: str, item: GivenArray) -> int:
    number = _number(item.value, item.place) if not isinstance(item.value, tuple) else None
    if not isinstance(number, Fraction) or number.denominator != 1 or number < 1:
        raise ValueProblem(
            f"the size '{name}' is a whole number from 1", place=item.place, hint=f"{name} = 3"
        )
    return int(number)


def _entries(item: GivenArray) -> list[Scalar]:
    flat: list[Scalar] = []
    waiting: list[Value] = [item.value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, tuple):
            waiting.extend(reversed(value))
        else:
            flat.append(_number(value, item.place))
    return flat


def _number(value: Scalar | Expression, place: Place | None) -> Scalar:
    number = constant_number(value) if isinstance(value, Expression) else value
    try:
        float_of(number)
    except SymbackError as error:
        error.place = error.place or place
        raise
    return number


def nested_value(value: object) -> Value:
    """A number of Python, a text, nested lists of them, or an array, as a value.

    >>> nested_value([0.1, "1/3"])[0]
    Fraction(1, 10)
    """
    if isinstance(value, Entries):
        return nested_exact(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        if not value:
            raise ValueProblem("an array without entries")
        items = tuple(map(nested_value, value))
        if any(_lengths(item) != _lengths(items[0]) for item in items):
            raise ValueProblem("the rows of an array must be of one length")
        return items
    if isinstance(value, Node | Expression):
        return value
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, bool) or not isinstance(value, Number | Decimal):
        raise ValueProblem(f"a value is a number, not {type(value).__name__}")
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    try:
        return Fraction(str(value))
    except ValueError:
        raise ValueProblem(f"'{value}' is not a number that can be computed with") from None


def nested_exact(value: Exact) -> Value:
    """An exact array as a value."""
    rows: tuple[Value, ...] = value.entries
    for size in reversed(value.shape[1:]):
        rows = tuple(rows[k : k + size] for k in range(0, len(rows), size))
    return rows if value.shape else rows[0]


def constant_number(written: Expression) -> Scalar:
    """The exact number of an expression without names.  "1/3", "sqrt(2)"

    Raises:
        NameProblem: if there is a name in it. DomainError: if it has no value.
    """
    for piece in walk(written.root):
        if isinstance(piece, Name) and piece.name not in ("pi", "e", "E"):
            raise NameProblem(
                f"a value is a number, and '{piece.name}' is a name",
                place=written.place(piece),
                hint='"1/3", "sqrt(2)" and "2*pi" are numbers',
            )
    try:
        node = as_scalar(lower(written, Scope())).node
        return exact_evaluate([node], {})[0].entries[0]
    except ExactTooLarge as error:
        raise LimitError(f"this number is too long: {error}", place=written.place()) from None
    except DomainError:
        raise DomainError(f"'{written.text}' has no value", place=written.place()) from None
    except SymbackError as error:
        error.place = error.place or written.place()
        raise
