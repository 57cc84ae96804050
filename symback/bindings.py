"""Symbolic sizes with numbers in their places.

A size is an `int` or a scalar node such as `n` or `n + 1`. Here `n` gets its number, from the
caller or from the shape of a value, and the others are worked out from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from symback.errors import LimitError, ShapeError, Unsupported, ValueProblem
from symback.graph import Node, Size, topological
from symback.ops import einsum_parts, value_of

Sizes = Mapping[Node, int]

MAX_ENTRIES = 30_000_000

_WHOLE: dict[str, Callable[..., Fraction]] = {
    "floor": lambda x: Fraction(math.floor(x)),
    "abs": abs,
    "relu": lambda x: max(x, Fraction(0)),
    "maximum": max,
    "minimum": min,
}


def bind_sizes(shapes: Mapping[Node, tuple[int, ...]], sizes: Sizes) -> dict[Node, int]:
    """The number of every size symbol, from `sizes` and from the shapes of the values given.

    Raises:
        ShapeError: if a value's shape is not its symbol's shape, or two values disagree on a size.

    >>> from symback.ops import symbol
    >>> n = symbol("n", kind="size")
    >>> bind_sizes({symbol("x", (n,)): (4,)}, {}) == {n: 4}
    True
    """
    bound = dict(sizes)
    for node, shape in shapes.items():
        if len(shape) == node.rank:
            for size, length in zip(node.shape, shape, strict=True):
                if isinstance(size, Node) and size.op == "symbol":
                    bound.setdefault(size, length)
    for node, shape in shapes.items():
        wanted = shape_of(node, bound)
        if shape != wanted:
            raise ShapeError(f"{node} has shape {_shown(wanted)}, its value {_shown(shape)}")
    return bound


def _shown(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def shape_of(node: Node, bound: Mapping[Node, int]) -> tuple[int, ...]:
    """The shape of `node` in numbers.

    Raises:
        LimitError: if it has more entries than we work with.
    """
    shape = sizes_of(node.shape, bound)
    if math.prod(shape) > MAX_ENTRIES:
        raise LimitError(f"an array of shape {_shown(shape)} is too large to work out")
    return shape


def sizes_of(sizes: Iterable[Size], bound: Mapping[Node, int]) -> tuple[int, ...]:
    """Sizes as numbers."""
    return tuple(size if isinstance(size, int) else _size(size, bound) for size in sizes)


def _size(size: Node, bound: Mapping[Node, int]) -> int:
    value = offset_value(size, bound)
    if value.denominator != 1 or value < 0:
        raise ShapeError(f"a size comes out as {value}; it must be a whole number")
    return int(value)


def offset_value(root: Node, bound: Mapping[Node, int]) -> Fraction:
    """The number that a scalar node over size symbols stands for.

    >>> from symback.ops import add, number, symbol
    >>> n = symbol("n", kind="size")
    >>> offset_value(add(n, number(1)), {n: 4})
    Fraction(5, 1)
    """
    memo: dict[Node, Fraction] = {}
    for node in topological([root]):
        args = [memo[arg] for arg in node.args]
        value = value_of(node)
        if value is not None:
            memo[node] = value
        elif node in bound:
            memo[node] = Fraction(bound[node])
        elif node.op == "symbol":
            raise ValueProblem(f"the size {node} has no value")
        elif node.op == "add":
            memo[node] = sum(args, Fraction(0))
        elif node.op == "einsum" and not any(einsum_parts(node)[1]):
            memo[node] = math.prod(args, start=Fraction(einsum_parts(node)[0]))
        elif node.op == "map":
            memo[node] = _whole_function(str(node.params[0]), args)
        else:
            raise Unsupported(f"a size cannot be worked out from {node.op}")
    return memo[root]


def _whole_function(name: str, args: list[Fraction]) -> Fraction:
    if name == "pow":
        base, exponent = args
        if exponent.denominator == 1 and abs(exponent) <= 64 and (base or exponent >= 0):
            return base ** int(exponent)
    elif name in _WHOLE:
        return _WHOLE[name](*args)
    raise Unsupported(f"a size cannot be worked out from {name}")
