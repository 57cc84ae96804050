"""Arithmetic of sizes and indices: flat sums of products of whole numbers and symbols.

Two sizes are equal when they are the same node, so every size is kept in this one form:
`(n - 1) + 1` is `n`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from symback.graph import Node, Size, topological
from symback.ops import (
    ONE,
    add,
    as_size,
    einsum,
    einsum_parts,
    number,
    scale,
    size_node,
    split_coefficient,
)


@lru_cache(maxsize=1 << 13)
def flat(node: Node) -> Node:
    """A scalar sum of products, multiplied out.  2*(n - 1) + 1 -> 2*n - 1"""
    if node.op == "add":
        return add(*(term for arg in node.args for term in terms_of(flat(arg))))
    if node.op != "einsum" or any(einsum_parts(node)[1]):
        return node
    terms = [number(einsum_parts(node)[0])]
    for factor in node.args:
        parts = terms_of(flat(factor))
        terms = [einsum(1, [(a, ()), (b, ())], (), merge=True) for a in terms for b in parts]
    return add(*(term for node in terms for term in terms_of(node)))


def terms_of(node: Node) -> tuple[Node, ...]:
    return node.args if node.op == "add" else (node,)


def plus(*sizes: Size) -> Size:
    if all(isinstance(size, int) for size in sizes):
        return sum(size for size in sizes if isinstance(size, int))
    return as_size(flat(add(*map(size_node, sizes))))


def minus(size: Size) -> Size:
    return -size if isinstance(size, int) else scale(-1, size)


def times(a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    return as_size(flat(einsum(1, [(size_node(a), ()), (size_node(b), ())], ())))


def affine(coefs: Sequence[Size], indices: Sequence[Node], offset: Node) -> Node:
    """sum(coefs[k]*indices[k]) + offset, flat."""
    terms = [
        einsum(1, [(size_node(c), ()), (i, ())], ()) for c, i in zip(coefs, indices, strict=True)
    ]
    return flat(add(*terms, offset))


@lru_cache(maxsize=1 << 13)
def never_negative(node: Node) -> bool:
    """Whether an expression in sizes (whole numbers from 1 on) is plainly at least 0.

    n - 1 is, n - 2 and m - n are not.
    """
    total = Fraction(0)
    for term in terms_of(flat(node)):
        coef, core = split_coefficient(term)
        plain = core is ONE or all(
            x.op in ("einsum", "number") or (x.op == "symbol" and x.params[1] == "size")
            for x in topological([core])
        )
        if not plain or (core is not ONE and coef < 0):
            return False
        total += coef
    return total >= 0


def fits_when_large(size: Size, room: Size) -> bool:
    """Whether `size` is at most `room` for large sizes: 3 and n, but not n and 3."""
    terms = [split_coefficient(term) for term in terms_of(size_node(plus(room, minus(size))))]
    moving = [(coef, core) for coef, core in terms if core is not ONE]
    if any(x.op == "map" and x.params[0] in ("minimum", "maximum") for _, x in moving):
        return False  # min(2 - n, 0) gets smaller
    return all(coef > 0 for coef, _ in moving) if moving else sum(coef for coef, _ in terms) >= 0


def has_both_signs(node: Node) -> bool:
    """Whether sizes are added and subtracted: m - n, but not n - 2."""
    terms = [split_coefficient(term) for term in terms_of(flat(node))]
    return len({coef > 0 for coef, core in terms if core is not ONE}) == 2


@lru_cache(maxsize=1 << 13)
def fits(size: Size, room: Size) -> bool:
    """Whether `size` is plainly at most `room`."""
    return never_negative(size_node(plus(room, minus(size))))
