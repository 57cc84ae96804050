"""Bounds of constants by floats, rounded outwards: enough to tell most signs, and quick.

>>> from symback.ops import apply, number
>>> low, high = enclosure(apply("exp", number(1)))
>>> low < 2.718281828459045 < high < low + 1e-13
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from symback.graph import Node, topological
from symback.ops import einsum_parts, value_of

Bounds: TypeAlias = tuple[float, float]

_MARGIN = 2.0**-48  # of a function of the C library, far beyond its rounding
_LEAST = 1e-300


def enclosure(root: Node) -> Bounds | None:
    """Two floats with the constant `root` between them; None where floats cannot say."""
    known: dict[Node, Bounds] = {}
    for node in topological([root]):
        try:
            found = _bounds(node, [known[arg] for arg in node.args])
        except (OverflowError, ValueError, ZeroDivisionError):
            return None
        if found is None or not all(map(math.isfinite, found)):
            return None
        known[node] = found
    return known[root]


def _bounds(node: Node, args: Sequence[Bounds]) -> Bounds | None:
    number = value_of(node)
    if number is not None:
        return _widened(float(number))
    if node.op == "constant":
        return _widened(math.pi if node.params[0] == "pi" else math.e)
    if node.shape or any(arg.shape for arg in node.args):
        return None
    if node.op == "add":
        return _sum(args)
    if node.op == "einsum":
        return _product([_widened(float(einsum_parts(node)[0])), *args])
    if node.op == "map" and len(node.params) == 1:
        if node.params[0] == "pow":
            return _power(*args)
        function = _INCREASING.get(str(node.params[0]))
        if function is not None:
            ((low, high),) = args
            return _widened(function(low))[0], _widened(function(high))[1]
    return None


def _widened(x: float) -> Bounds:
    margin = abs(x) * _MARGIN + _LEAST
    return x - margin, x + margin


def _sum(terms: Sequence[Bounds]) -> Bounds:
    """Each partial sum is rounded; the largest there can be bounds what that loses."""
    size = math.fsum(max(-low, high) for low, high in terms)
    margin = size * _MARGIN + _LEAST
    return math.fsum(low for low, _ in terms) - margin, math.fsum(h for _, h in terms) + margin


def _product(factors: Sequence[Bounds]) -> Bounds:
    low, high = 1.0, 1.0
    for a, b in factors:
        corners = (low * a, low * b, high * a, high * b)
        low, high = _widened(min(corners))[0], _widened(max(corners))[1]
    return low, high


def _power(base: Bounds, exponent: Bounds) -> Bounds | None:
    """Of a positive base only: there the extremes are at the corners."""
    if base[0] <= 0:
        return None
    corners = [x**n for x in base for n in exponent]
    return _widened(min(corners))[0], _widened(max(corners))[1]


def _sigmoid(x: float) -> float:
    small = math.exp(-abs(x))
    return (1 if x >= 0 else small) / (1 + small)


_INCREASING: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "sinh": math.sinh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "atan": math.atan,
    "erf": math.erf,
    "sigmoid": _sigmoid,
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
}
"""Functions that increase wherever they are defined."""
