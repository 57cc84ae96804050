"""Matrices made of blocks: what stands at [r == i + a][c == j + b] M_ij is a block inside zeros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from symback import phrase as p
from symback.graph import Node, Size
from symback.ops import Label, as_size, einsum, scale, turned_matrix
from symback.phrase import Phrase
from symback.simplify.product import Product, flipped
from symback.simplify.selections import condition_of, is_equation
from symback.sizes import fits, fits_when_large, minus, never_negative, plus

Write = Callable[[Node], Phrase | None]


@dataclass(frozen=True)
class _Block:
    """A matrix and where it stands: first row and column, number of rows and columns."""

    node: Node
    start: tuple[Size, Size]
    size: tuple[Size, Size]
    turned: bool = False  # a row, of which the node is the column

    def written(self, write: Write) -> Phrase | None:
        form = write(self.node)
        if form is None:
            return None
        if form == p.UNIT:
            return p.ones((1, 1))
        if not form.is_matrix:
            return Phrase("array", (form,), (), (1, 1), symmetric=True)
        return p.transpose(form) if self.turned else form


def block_form(node: Node, write: Write) -> Phrase | None:
    """A vector or matrix as blocks and zeros; None if it has no such form.

    [[A, B], [0, C]] from the sum of three padded matrices.
    """
    blocks = _blocks(node)
    total: tuple[Size, Size] = (node.shape[0], node.shape[1] if node.rank == 2 else 1)
    if all(block.size == total for block in blocks):
        return None
    lines = [_lines(blocks, axis, total[axis]) for axis in (0, 1)]
    cells: dict[tuple[int, int], list[Phrase]] = {}
    for block in blocks:
        written = block.written(write)
        place = tuple(_cell(block, axis, lines[axis]) for axis in (0, 1))
        if written is None or place[0] is None or place[1] is None:
            return None
        cells.setdefault((place[0], place[1]), []).append(written)
    rows, columns = (list(pairwise(ends)) for ends in lines)
    parts = []
    for r, (top, bottom) in enumerate(rows):
        for c, (left, right) in enumerate(columns):
            shape = (plus(bottom, minus(top)), plus(right, minus(left)))
            inside = cells.get((r, c))
            parts.append(p.add(inside) if inside else Phrase("zeros", shape=shape))
    return Phrase("blocks", tuple(parts), (len(rows), len(columns)), total)


def selections_form(node: Node, write: Write) -> Phrase | None:
    """[q == i + 1] - [q == i] as [0, I] - [I, 0]; None for anything but selections."""
    terms = _terms(node)
    factors = [[f.op for f in Product.of(term).factors_alone] for term in terms]
    if node.rank != 2 or any(ops != ["select"] for ops in factors):
        return None
    forms = [form for term in terms if (form := block_form(term, write)) is not None]
    return p.add(forms) if len(forms) == len(terms) else None


def _blocks(node: Node) -> list[_Block]:
    """The blocks of a sum, those of blocks that are sums of blocks themselves."""
    found = []
    for term in _terms(node):
        outer = _block(term)
        inner = _blocks(outer.node) if outer.node is not term and outer.node.shape else []
        if outer.turned:
            inner = [_Block(b.node, b.start[::-1], b.size[::-1], turned=True) for b in inner]
        if any(block.size != outer.size for block in inner):
            for block in inner:
                top, left = map(plus, outer.start, block.start)
                found.append(_Block(block.node, (top, left), block.size, block.turned))
        else:
            found.append(outer)
    return found


def _terms(node: Node) -> tuple[Node, ...]:
    """The terms of a sum, or of a sum that is turned: (A + B)' is A' + B'."""
    inner = turned_matrix(node)
    if inner is not None and inner.op == "add":
        return tuple(map(flipped, inner.args))
    return node.args if node.op == "add" else (node,)


def _block(term: Node) -> _Block:
    """A term without the selections that pad it, and where they put it."""
    shape: tuple[Size, ...] = (*term.shape, 1)[:2]
    if term.op not in ("einsum", "select"):
        return _Block(term, (0, 0), (shape[0], shape[1]))
    product = Product.of(term)
    factors, out, sizes = product.factors, product.out, product.sizes
    start: list[Size] = [0, 0]
    target: list[Label | None] = list(out)
    for axis, label in enumerate(out):
        for factor in factors:
            node, own = factor
            alone = sum(label in other for _, other in factors) == out.count(label) == 1
            found = _place(node, own.index(label)) if alone and label in own else None
            if found is not None:
                factors.remove(factor)
                start[axis] = found
                target[axis] = own[1 - own.index(label)] if len(own) == 2 else None
                break
    kept = tuple(x for x in target if x is not None)
    carried = {x for _, own in factors for x in own}
    inner = einsum(product.coef, factors, kept, {x: sizes[x] for x in kept if x not in carried})
    size: tuple[Size, ...] = (*(1 if x is None else sizes[x] for x in target), 1)[:2]
    turned = len(target) == 2 and target[0] is None
    return _Block(inner, (start[0], start[1]), (size[0], size[1]), turned)


def _place(node: Node, at: int) -> Size | None:
    """Where the axis `at` of [r == i + start] or [r == start] begins; None for other factors."""
    if not is_equation(node) or condition_of(node)[0] not in ((1, -1), (-1, 1), (1,), (-1,)):
        return None
    coefs, offset = condition_of(node)
    first = scale(-1 if coefs[at] == 1 else 1, offset)
    last = plus(as_size(first), node.shape[1 - at] if node.rank == 2 else 1)
    if not never_negative(first) or not fits_when_large(last, node.shape[at]):
        return None  # a slice of something longer
    return as_size(first)


def _lines(blocks: list[_Block], axis: int, total: Size) -> list[Size]:
    """Where blocks begin and end along an axis, in order; empty where the order is not known.

    Every block lies inside, even if its length is a number and the axis has a symbolic one.
    """
    ordered: list[Size] = []
    for block in blocks:
        start = block.start[axis]
        for end in (start, plus(start, block.size[axis])):
            if end in (0, total) or end in ordered:
                continue
            place = next((k for k, other in enumerate(ordered) if fits(end, other)), len(ordered))
            if not all(fits(other, end) for other in ordered[:place]):
                return []
            ordered.insert(place, end)
    return [0, *ordered, total]


def _cell(block: _Block, axis: int, lines: list[Size]) -> int | None:
    """The number of the stripe that a block fills exactly."""
    start = block.start[axis]
    end = plus(start, block.size[axis])
    stripes = list(pairwise(lines))
    return stripes.index((start, end)) if (start, end) in stripes else None
