"""Phrases for the tests of the spellings, and what they are worth in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from math import prod
from random import Random
from typing import Any

import numpy as np

from symback import phrase as p
from symback.graph import Size
from symback.phrase import Phrase

HALF = Fraction(1, 2)


def sym(name: str, *shape: Size, kind: str = "") -> Phrase:
    """A variable; with one size it is a column."""
    return Phrase("symbol", (), (name, kind), (*shape, 1) if len(shape) == 1 else shape)


def adjoint(name: str, *shape: Size) -> Phrase:
    return sym(name, *shape, kind="adjoint")


def index(name: str) -> Phrase:
    return sym(name, kind="index")


def neg(phrase: Phrase) -> Phrase:
    return p.mul([phrase], -1)


def fun(name: str, *args: Phrase, order: tuple[int, ...] = ()) -> Phrase:
    return p.function(name, args, order)


def power(base: Phrase, exponent: int | Fraction | Phrase) -> Phrase:
    return p.power(base, exponent if isinstance(exponent, Phrase) else p.num(exponent))


def entry(base: Phrase, *indices: int | Phrase) -> Phrase:
    return Phrase("entry", (base, *(i if isinstance(i, Phrase) else p.num(i) for i in indices)))


def total(body: Phrase, *ranges: tuple[str, Phrase | int, Phrase | int]) -> Phrase:
    ends = [e if isinstance(e, Phrase) else p.num(e) for _, a, b in ranges for e in (a, b)]
    return Phrase("sum_over", (body, *ends), tuple(name for name, *_ in ranges))


# --- values --------------------------------------------------------------------------------------

Value = Any  # a float, or an array with two axes

ELEMENTWISE: dict[str, Callable[..., Value]] = {
    "exp": np.exp,
    "abs": np.abs,
    "sin": np.sin,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
    "maximum": np.maximum,
    "where": lambda c, a, b: np.where(c, a, b) if np.ndim(c) else (a if c else b),
    "lt": lambda a, b: 1.0 * (a < b),
    "le": lambda a, b: 1.0 * (a <= b),
}


def squeeze(value: Value) -> Value:
    """A 1x1 array as a number."""
    return float(np.asarray(value).item()) if np.size(value) == 1 else value


def _logsumexp(x: Value, axis: int | None = None) -> Value:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=axis is not None))


def softmax(x: Value) -> Value:
    """Of a column, or of each row."""
    axis = 0 if x.shape[1] == 1 else 1
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def _mul(phrase: Phrase, args: list[Value]) -> Value:
    result: Value = float(p.coefficient(phrase))
    chain: list[Value] = []
    for arg, value in zip(phrase.args, args, strict=True):
        if arg.is_matrix:
            chain.append(value)
        else:
            result = result * value
    for k, value in enumerate(chain):
        result = result * value if k == 0 else result @ value
    return result


def _sizes(phrase: Phrase) -> tuple[int, ...]:
    assert all(isinstance(size, int) for size in phrase.shape)
    return phrase.shape  # type: ignore[return-value]


MATRIX: dict[str, Callable[[Phrase, list[Value]], Value]] = {
    "number": lambda q, a: float(q.value),
    "constant": lambda q, a: {"pi": np.pi, "e": np.e}[str(q.data[0])],
    "add": lambda q, a: sum(a),
    "mul": _mul,
    "hadamard": lambda q, a: prod(a[1:], start=a[0]),
    "pow": lambda q, a: a[0] ** a[1],
    "elementwise_pow": lambda q, a: a[0] ** a[1],
    "function": lambda q, a: ELEMENTWISE[str(q.data[0])](*a),
    "scalar": lambda q, a: squeeze(a[0]),
    "transpose": lambda q, a: a[0].T,
    "inverse": lambda q, a: np.linalg.inv(a[0]),
    "matrix_pow": lambda q, a: np.linalg.matrix_power(a[0], int(a[1])),
    "det": lambda q, a: np.linalg.det(a[0]),
    "logdet": lambda q, a: np.log(abs(np.linalg.det(a[0]))),
    "trace": lambda q, a: np.trace(a[0]),
    "sum": lambda q, a: np.sum(a[0]),
    "row_sums": lambda q, a: np.sum(a[0], axis=1, keepdims=True),
    "softmax": lambda q, a: softmax(a[0]),
    "logsumexp": lambda q, a: _logsumexp(a[0], 1 if q.data else None),
    "max": lambda q, a: np.max(a[0], axis=1, keepdims=True) if q.data else np.max(a[0]),
    "prod": lambda q, a: np.prod(a[0], axis=1, keepdims=True) if q.data else np.prod(a[0]),
    "sort": lambda q, a: np.sort(a[0], axis=0),
    "diag": lambda q, a: np.diag(a[0].ravel()),
    "diagonal": lambda q, a: np.diag(a[0]).reshape(-1, 1),
    "ones": lambda q, a: np.ones(_sizes(q)),
    "zeros": lambda q, a: np.zeros(_sizes(q)) if q.shape else 0.0,
    "eye": lambda q, a: np.eye(_sizes(q)[0]),
    "entry": lambda q, a: a[0][tuple(int(i) for i in [*a[1:], 0][:2])],
    "array": lambda q, a: np.array(a, dtype=float).reshape(_sizes(q)),
    "delta": lambda q, a: float(a[0] == a[1]),
    "iverson": lambda q, a: float({"<": a[0] < a[1], "<=": a[0] <= a[1]}[str(q.data[0])]),
}


def evaluate(phrase: Phrase, values: Mapping[str, Value]) -> Value:
    """What a phrase is worth, straight from what its heads mean."""
    if phrase.head == "symbol":
        return values[str(phrase.data[0])]
    if phrase.head in ("sum_over", "prod_over"):
        body, *bounds = phrase.args
        ends = [int(evaluate(bound, values)) for bound in bounds]
        ranges = [range(a, b + 1) for a, b in zip(ends[::2], ends[1::2], strict=True)]
        names = [str(name) for name in phrase.data]
        parts = [
            evaluate(body, {**values, **dict(zip(names, point, strict=True))})
            for point in product(*ranges)
        ]
        return sum(parts) if phrase.head == "sum_over" else prod(parts)
    return MATRIX[phrase.head](phrase, [evaluate(arg, values) for arg in phrase.args])


# --- random phrases ------------------------------------------------------------------------------

SIZES = (2, 3)


def leaves() -> dict[str, Phrase]:
    """Variables of every shape that random phrases have."""
    made = {name: sym(name) for name in "abc"}
    for rows in SIZES:
        made[f"x{rows}"] = sym(f"x{rows}", rows)
        made[f"u{rows}"] = sym(f"u{rows}", 1, rows)
        for columns in SIZES:
            made[f"A{rows}{columns}"] = sym(f"A{rows}{columns}", rows, columns)
    return made


def leaf_values(random: Random) -> dict[str, Value]:
    """Values between 0.5 and 1.5, so that roots and quotients are harmless."""
    values: dict[str, Value] = {}
    for name, leaf in leaves().items():
        count = prod(_sizes(leaf)) if leaf.shape else 1
        flat = [0.5 + random.random() for _ in range(count)]
        values[name] = np.array(flat).reshape(leaf.shape) if leaf.shape else flat[0]
    return values


def random_phrase(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    """A phrase as the constructors of symback.phrase make it; its values stay positive."""
    if depth <= 0 or random.random() < 0.1:
        return _leaf(random, shape)
    return random.choice(_SCALARS if not shape else _MATRICES)(random, shape, depth - 1)


def _leaf(random: Random, shape: tuple[int, ...]) -> Phrase:
    if not shape:
        return random.choice([*map(sym, "abc"), p.num(2), p.num(HALF), p.num(3)])
    plain, swapped = _leaf_name(*shape), _leaf_name(*shape[::-1])
    named = leaves()
    return random.choice([named[plain], named[plain], p.transpose(named[swapped]), p.ones(shape)])


def _leaf_name(rows: int, columns: int) -> str:
    if columns == 1:
        return f"x{rows}"
    return f"u{columns}" if rows == 1 else f"A{rows}{columns}"


def _sub(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    return random_phrase(random, shape, depth)


def _coefficient(random: Random) -> Fraction:
    return Fraction(random.choice([1, 1, 2, 3]), random.choice([1, 1, 2]))


def _sum(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    terms = [p.mul([_sub(random, shape, depth)], _coefficient(random)) for _ in range(2)]
    if random.random() < 0.4:
        terms.append(p.mul([_leaf(random, shape)], Fraction(-1, 7)))
    return p.add(terms)


def _product(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    scalars = [_sub(random, (), depth - 1) for _ in range(random.choice([0, 0, 1, 2]))]
    if not shape:
        return p.mul([*scalars, _sub(random, (), depth)], _coefficient(random))
    inner = random.choice([1, *SIZES])
    left = _sub(random, (shape[0], inner) if (shape[0], inner) != (1, 1) else (1, 2), depth)
    right_rows = left.shape[1]
    assert isinstance(right_rows, int)
    if (right_rows, shape[1]) == (1, 1):
        return p.mul([*scalars, _sub(random, shape, depth)], _coefficient(random))
    return p.mul([*scalars, left, _sub(random, (right_rows, shape[1]), depth)])


def _hadamard(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    factors = [_sub(random, shape, depth) for _ in range(random.choice([2, 2, 3]))]
    if random.random() < 0.5:
        exponents: list[int | Fraction] = [-1, -2, -HALF]
        factors[-1] = power(factors[-1], random.choice(exponents))
    return p.mul([p.hadamard(factors)], _coefficient(random))


def _power(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    exponents: list[int | Fraction | Phrase] = [2, 3, -1, -2, HALF, -HALF, Fraction(3, 2)]
    return power(_sub(random, shape, depth), random.choice([*exponents, sym("a"), neg(sym("b"))]))


def _function(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    inside = p.mul([_sub(random, shape, depth)], Fraction(1, 5))
    name = random.choice(["sigmoid", "relu", "abs", "exp", "step", "maximum", "where"])
    if name == "maximum":
        return fun(name, inside, _sub(random, shape, depth))
    if name == "where":
        return fun(name, fun("lt", inside, p.num(1)), inside, _sub(random, shape, depth))
    return p.add([fun(name, inside), p.ones(shape)])


def _transpose(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    return p.transpose(_sub(random, shape[::-1], depth))


def _rows(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    if shape[1] != 1:
        return _transpose(random, shape, depth)
    rows = shape[0]
    head = random.choice(["row_sums", "logsumexp", "max", "prod", "diagonal", "softmax"])
    if head in ("diagonal", "softmax"):
        inner = (rows, rows) if head == "diagonal" else shape
        return Phrase(head, (_sub(random, inner, depth),), (), shape)
    data = () if head == "row_sums" else (1,)
    return Phrase(head, (_sub(random, (rows, 3), depth),), data, shape)


def _inner(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    rows = random.choice(SIZES)
    column = _sub(random, (rows, 1), depth)
    other = column if random.random() < 0.5 else _sub(random, (rows, 1), depth)
    return p.scalar(p.mul([p.transpose(column), other]))


def _reduction(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    rows = random.choice(SIZES)
    head = random.choice(["sum", "trace", "logsumexp", "max", "prod", "sum"])
    inner = (rows, rows) if head == "trace" else (rows, random.choice([1, *SIZES]))
    return Phrase(head, (_sub(random, inner, depth),))


def _indexed(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    i, j = index("i"), index("j")
    matrix, column = entry(sym("A23", 2, 3), i, j), entry(sym("x3", 3), j)
    body = random.choice([p.mul([matrix, column]), p.add([matrix, power(column, 2)])])
    inner = total(body, ("j", p.num(0), p.num(2)))
    if random.random() < 0.3:
        inner = p.mul([inner, p.add([i, p.num(1)])])
    return total(inner, ("i", p.num(0), p.num(1)))


def _entry(random: Random, shape: tuple[int, ...], depth: int) -> Phrase:
    return entry(_sub(random, (2, 3), depth), 1, 2)


_SCALARS = [_sum, _product, _power, _function, _inner, _reduction, _indexed, _entry]
_MATRICES = [_sum, _product, _product, _hadamard, _power, _function, _transpose, _rows]
