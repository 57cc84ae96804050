"""Block matrices: sums of terms that stand inside zeros, and products split at their seams."""

from __future__ import annotations

from symback.graph import Node, Size, transform
from symback.ops import as_size, einsum_parts, rebuild, scale
from symback.simplify.product import Product
from symback.simplify.selections import condition_of
from symback.simplify.sums import MAX_EXPANDED_TERMS, expand
from symback.sizes import fits_when_large


def split_at_seams(node: Node) -> Node | None:
    """The product of block matrices as a sum of products of their blocks, None if it is none.

    [A, B]*[C; D]  ->  A*C + B*D, where A has as many columns as C has rows
    """
    product = Product.of(node)
    for label in product.sizes:
        if label in product.out:
            continue
        cuts: list[tuple[Node, frozenset[Block]]] = []
        for factor, own in product.factors:
            if own.count(label) == 1 and (found := seams(factor, own.index(label))):
                cuts.append((factor, found))
        for place, (one, blocks) in enumerate(cuts):
            for other, others in cuts[place + 1 :]:
                if blocks == others:
                    return expand(node, MAX_EXPANDED_TERMS, (one, other).__contains__)
    return None


Block = tuple[Size, Size]  # where it starts, how long it is


def seams(node: Node, axis: int) -> frozenset[Block] | None:
    """The blocks along an axis of a sum of terms that each stand in one of several."""
    if node.op != "add":
        return None
    found = {_block(term, axis) for term in node.args}
    blocks = frozenset(block for block in found if block is not None)
    return blocks if len(blocks) == len(found) > 1 else None


def _block(term: Node, axis: int) -> Block | None:
    """Where a term stands that is padded with zeros along an axis: [p == i + start] a_i."""
    if term.op != "einsum":
        return None
    _, labels, out, _ = einsum_parts(term)
    for factor, own in zip(term.args, labels, strict=True):
        if factor.op != "select" or out[axis] not in own:
            continue
        coefs, offset = condition_of(factor)
        place = own.index(out[axis])
        start = as_size(scale(-1 if coefs[place] == 1 else 1, offset))
        if coefs == (1,):
            return start, 1
        if coefs not in ((1, -1), (-1, 1)) or own[1 - place] in out:
            continue
        length, room = factor.shape[1 - place], factor.shape[place]
        if length != room and fits_when_large(length, room):
            return start, length
    return None


def expand_blocks(root: Node) -> Node:
    """Products with padded sums multiplied out, so that each condition on an index stands alone.

    x_p ([p == i] a_i + [p == n + j] b_j)  ->  x_i a_i + x_(n+j) b_j
    """

    def visit(node: Node, args: tuple[Node, ...]) -> Node:
        node = rebuild(node, args, merge=node.op == "einsum")
        if node.op != "einsum" or not any(map(_is_padded, node.args)):
            return node
        expanded = expand(node, MAX_EXPANDED_TERMS, _has_condition)
        return node if expanded is None else expanded

    return transform(root, visit, {})


def _is_padded(node: Node) -> bool:
    """Whether this is a sum with a term that stands inside zeros, as in a concatenation."""
    if node.op != "add":
        return False
    blocks = [_block(term, axis) for term in node.args for axis in range(node.rank)]
    return any(block is not None and block[1] != 1 for block in blocks)


def _has_condition(node: Node) -> bool:
    """Whether this is a sum with a condition on an index in one of its terms."""
    return node.op == "add" and any(
        factor.op == "select" for term in node.args for factor in term.args
    )
