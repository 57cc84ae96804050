"""Explicit matrices, worked out: sums of any, products and transposes of those of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import prod
from typing import TypeAlias

from symback.graph import Node
from symback.ops import add, einsum_parts, number, scale, split_coefficient, stack, value_of

Entries: TypeAlias = dict[tuple[int, ...], Fraction]

MAX_STEPS = 4096


def fold_constants(node: Node) -> Node:
    """[1 2; 3 4] + [1 2; 3 4]' -> [2 5; 5 8]; in a sum, the terms that are explicit."""
    if node.op == "add":
        constant = [term for term in node.args if _is_constant(term)]
        if len(constant) < 2 or not any(_is_explicit(term) for term in constant):
            return _with_one_array(node)
        entries = [_entries(term) for term in constant]
        total = {at: sum((e[at] for e in entries), Fraction(0)) for at in entries[0]}
        rest = [term for term in node.args if term not in constant]
        return add(_as_node(total, node), *rest)
    if node.op == "einsum" and node.args and _is_constant(node) and _is_explicit(node):
        return _as_node(_entries(node), node)
    return node


def _with_one_array(total: Node) -> Node:
    """[a b; c d] + [a c; b d] -> [2*a b+c; b+c 2*d]"""
    found = {term: entries for term in total.args if (entries := _written_out(term)) is not None}
    if len(found) < 2:
        return total
    shape = tuple(size for size in total.shape if isinstance(size, int))
    joined = stack([add(*entries) for entries in zip(*found.values(), strict=True)], shape)
    rest = [term for term in total.args if term not in found]
    return add(joined, *rest) if rest else joined


def _written_out(term: Node) -> list[Node] | None:
    """The entries of a multiple of an explicit array or its transpose; None of anything else."""
    coef, core = split_coefficient(term)
    if core.op == "stack":
        return [scale(coef, entry) for entry in core.args]
    if core.op == "einsum" and len(core.args) == 1 and core.args[0].op == "stack":
        _, (own,), out, _ = einsum_parts(core)
        if sorted(own) == sorted(out) and len(own) == 2:
            rows, columns = (size for size in core.shape if isinstance(size, int))
            inner = core.args[0].args
            return [scale(coef, inner[j * rows + i]) for i in range(rows) for j in range(columns)]
    return None


def _is_explicit(node: Node) -> bool:
    return node.op == "stack" or (node.op == "einsum" and any(map(_is_explicit, node.args)))


def _is_constant(node: Node) -> bool:
    """Whether this is an explicit array of numbers, an identity, ones, or a product of them."""
    if node.op == "einsum":
        sizes = einsum_parts(node)[3]
        small = all(isinstance(size, int) for size in sizes)
        return (
            small
            and prod(size for size in sizes if isinstance(size, int)) <= MAX_STEPS
            and all(arg.op in ("stack", "number") and _is_constant(arg) for arg in node.args)
        )
    return value_of(node) is not None or (
        node.op == "stack" and all(value_of(entry) is not None for entry in node.args)
    )


def _entries(node: Node) -> Entries:
    """Every entry of a constant node."""
    coef, core = split_coefficient(node)
    if core.op != "einsum":
        places = product(*(range(size) for size in core.shape if isinstance(size, int)))
        values = core.args if core.op == "stack" else (core,)
        return {
            at: Fraction(coef) * Fraction(value_of(value) or 0)
            for at, value in zip(places, values, strict=True)
        }
    _, labels, out, sizes = einsum_parts(core)
    factors = [_entries(arg) for arg in core.args]
    counts = [size for size in sizes if isinstance(size, int)]
    totals = dict.fromkeys(product(*(range(counts[x]) for x in out)), Fraction(0))
    for at in product(*map(range, counts)):
        term = Fraction(coef)
        for factor, own in zip(factors, labels, strict=True):
            term *= factor[_at(at, own)]
        totals[_at(at, out)] += term
    return totals


def _at(place: Sequence[int], labels: Sequence[int]) -> tuple[int, ...]:
    return tuple(place[x] for x in labels)


def _as_node(entries: Entries, like: Node) -> Node:
    shape = tuple(size for size in like.shape if isinstance(size, int))
    return stack([number(value) for value in entries.values()], shape)
