"""Block matrices: sums of terms that stand inside zeros, and products split at their seams."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from symback.graph import Node, Size, transform
from symback.ops import Labels, add, as_size, einsum, einsum_parts, rebuild, scale
from symback.simplify.expand import MAX_EXPANDED_TERMS, expand
from symback.simplify.product import Product
from symback.simplify.selections import condition_of, is_equation
from symback.simplify.sums import flatten_sum
from symback.sizes import fits_when_large, never_negative, plus


def split_at_seams(node: Node) -> Node | None:
    """The product of block matrices as a sum of products of their blocks, None if it is none.

    [A, B]*[C; D]   ->  A*C + B*D, where A has as many columns as C has rows
    f([A; B])[n:]   ->  f(B), where A has n rows
    """
    product = Product.of(node)
    for label in product.sizes:
        places = [
            (place, factor, own.index(label))
            for place, (factor, own) in enumerate(product.factors)
            if own.count(label) == 1
        ]
        cuts = {
            place: found
            for place, factor, axis in places
            if (found := seams(_of_blocks(factor), axis))
        }
        chosen = {_block_selected(factor, axis) for _, factor, axis in places}
        for blocks in cuts.values():
            alike = [place for place, others in cuts.items() if others == blocks]
            if blocks.isdisjoint(chosen) and (len(alike) < 2 or label in product.out):
                continue
            parts = {place: _into_blocks(product.factors[place][0]) for place in alike}
            if any(part.op != "add" for part in parts.values()):
                continue  # a function of blocks with a gap between them is not 0 there
            for place, part in parts.items():
                product.factors[place] = (part, product.factors[place][1])
            return expand(product.node(), MAX_EXPANDED_TERMS, set(parts.values()).__contains__)
    return None


def _of_blocks(node: Node) -> Node:
    """The one array that an elementwise function is of; the node itself otherwise."""
    arrays = [arg for arg in node.args if arg.shape] if node.op == "map" else []
    return arrays[0] if len(arrays) == 1 else node


def _block_selected(node: Node, axis: int) -> Block | None:
    """The block that [p == i + start] picks along the axis of p."""
    if not is_equation(node) or node.rank != 2:
        return None
    coefs, offset = condition_of(node)
    if coefs not in ((1, -1), (-1, 1)):
        return None
    return as_size(scale(-1 if coefs[axis] == 1 else 1, offset)), node.shape[1 - axis]


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
    found = _selection(term, axis)
    if found is None:
        return None
    factor = term.args[found[0]]
    at, *inner = found[1]
    coefs, offset = condition_of(factor)
    start = as_size(scale(-1 if coefs[at] == 1 else 1, offset))
    return start, factor.shape[1 - at] if inner else 1


def _selection(term: Node, axis: int) -> tuple[int, tuple[int, ...]] | None:
    """Which factor of a padded term is [p == i + start] or [p == start], and its axes p and i."""
    if term.op != "einsum":
        return None
    _, labels, out, _ = einsum_parts(term)
    if sum(own.count(out[axis]) for own in (*labels, out)) != 2:
        return None  # something beside the condition has that index too
    for place, (factor, own) in enumerate(zip(term.args, labels, strict=True)):
        if not is_equation(factor) or out[axis] not in own:
            continue
        coefs, _ = condition_of(factor)
        at = own.index(out[axis])
        if coefs == (1,):
            return place, (0,)
        if coefs not in ((1, -1), (-1, 1)) or own[1 - at] in out:
            continue
        length, room = factor.shape[1 - at], factor.shape[at]
        if length != room and fits_when_large(length, room):
            return place, (at, 1 - at)
    return None


def _content(term: Node, axis: int) -> Node:
    """a_i of a padded term [p == i + start] a_i, or a of [p == start] a, without that axis."""
    found = _selection(term, axis)
    assert found is not None
    place, (at, *inner) = found
    product = Product.of(term)
    own = product.factors.pop(place)[1]
    moved = (own[inner[0]],) if inner else ()
    product.out = (*product.out[:axis], *moved, *product.out[axis + 1 :])
    product.forget(own[at])
    return product.node()


def _into_blocks(node: Node) -> Node:
    """f([A; B]) -> [f(A); f(B)], where the blocks fill an axis of the one array in f."""
    total = _of_blocks(node)
    if total is node:
        return node
    for axis, size in enumerate(total.shape):
        blocks = seams(total, axis)
        if blocks is None or _in_order(blocks, size) is None:
            continue
        groups: dict[Block | None, list[Node]] = {}
        for term in total.args:
            groups.setdefault(_block(term, axis), []).append(term)
        placed = []
        for terms in groups.values():
            content = add(*(_content(term, axis) for term in terms))
            args = tuple(content if arg is total else arg for arg in node.args)
            function = _into_blocks(rebuild(node, args))
            placed.append(_placed(function, terms[0], axis))
        return add(*placed)
    return node


def gather_blocks(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """[A*X; 0] + [B*X; 0] -> [(A + B)*X; 0] for each block that several terms stand in."""
    for axis in range(node.rank):
        groups: dict[tuple[Block | None, int], list[Node]] = {}
        for term in node.args:
            block = _block(term, axis)
            rank = _content(term, axis).rank if block else 0
            groups.setdefault((block, rank), []).append(term)
        for (block, _), terms in groups.items():
            if block is None or len(terms) < 2:
                continue
            joined = tidy(add(*(_content(term, axis) for term in terms)))
            others = (term for term in node.args if term not in terms)
            return add(_placed(joined, terms[0], axis), *others)
    return None


def _placed(block: Node, like: Node, axis: int) -> Node:
    """A block put where a padded term has its own."""
    found = _selection(like, axis)
    assert found is not None
    place, (at, *inner) = found
    selection = like.args[place]
    out = list(range(like.rank))
    kept = ["inner" if k == axis else k for k in out if inner or k != axis]
    ends = ["inner", axis] if at else [axis, "inner"]
    return einsum(1, [(block, kept), (selection, ends if inner else [axis])], out)


def of_block_diagonal(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """The inverse, determinant or log-determinant of a block diagonal matrix by its blocks.

    The determinants of a block triangular one too. `tidy` simplifies the one of a block.
    """
    (matrix,) = node.args
    if matrix.op != "add":
        return None
    matrix = expand(matrix, MAX_EXPANDED_TERMS, _has_condition) or matrix
    groups: dict[Block | None, list[Node]] = {}
    beside: set[tuple[Block, Block]] = set()
    for term in matrix.args:
        row, column = _block(term, 0), _block(term, 1)
        if row is None or column is None or (row != column and node.op == "inv"):
            return None
        if row != column:
            beside.add((row, column))
        else:
            groups.setdefault(row, []).append(term)
    blocks = frozenset(filter(None, groups))
    order = _in_order(blocks, matrix.shape[0])
    if len(groups) < 2 or order is None:
        return None
    if any(not blocks.issuperset(pair) for pair in beside):
        return None
    if len({order.index(row) < order.index(column) for row, column in beside}) > 1:
        return None  # blocks above the diagonal and below it
    parts = []
    for terms in groups.values():
        # a block of one row has lost that axis when its column is taken
        inside = [_content(_content(term, 0), 1 if _has_rows(term) else 0) for term in terms]
        part = tidy(rebuild(node, (add(*inside),)))
        if node.op == "inv":
            wide = _placed(part, _content(terms[0], 0), 1 if _has_rows(terms[0]) else 0)
            part = _placed(wide, terms[0], 0)
        parts.append(part)
    if node.op == "det":
        return einsum(1, [(part, ()) for part in parts], ())
    return add(*parts)


def _has_rows(term: Node) -> bool:
    block = _block(term, 0)
    return block is not None and block[1] != 1


def _in_order(blocks: frozenset[Block], size: Size) -> list[Block] | None:
    """Blocks that lie side by side from 0 to the end of an axis, in order; None for others."""
    lengths, order = dict(blocks), []
    end: Size = 0
    for _ in blocks:
        if end not in lengths:
            return None
        order.append((end, lengths[end]))
        end = plus(end, lengths[end])
    return order if end == size and len(lengths) == len(blocks) else None


def expand_blocks(root: Node) -> Node:
    """Products with padded sums multiplied out, so that each condition on an index stands alone.

    x_p ([p == i] a_i + [p == n + j] b_j)  ->  x_i a_i + x_(n+j) b_j
    """

    def visit(node: Node, args: tuple[Node, ...]) -> Node:
        node = rebuild(node, args, merge=node.op == "einsum")
        if node.op == "map":
            return _into_blocks(node)
        if node.op == "add":
            return flatten_sum(node)
        if node.op != "einsum" or not any(_is_padded(f) or _is_limited(f) for f in node.args):
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


def _is_limited(node: Node) -> bool:
    """Whether this is a sum with a term where an index is looked up, or at most another one."""
    return node.op == "add" and any(
        _asks(product, factor, labels) and not is_equation(factor)
        for product in _products(node)
        for factor, labels in product.factors
    )


def _has_condition(node: Node) -> bool:
    """Whether this is a sum with a condition on an index in one of its terms."""
    return node.op == "add" and any(
        _asks(product, factor, labels)
        for product in _products(node)
        for factor, labels in product.factors
    )


def _products(total: Node) -> Iterator[Product]:
    return (Product.of(term) for term in total.args if term.op == "einsum")


def _asks(product: Product, factor: Node, labels: Labels) -> bool:
    """Whether a factor is a condition; the place of an entry mu[c[i]] is none."""
    if factor.op == "select":
        inside = [axis for axis, label in enumerate(labels) if label not in product.out]
        if is_equation(factor):
            return len(inside) != 1 or not _always_found(factor, inside[0])
        return not inside
    is_place = factor.op == "symbol" and factor.params[1] == "place"
    return is_place and (labels[-1] in product.out or factor.name.endswith("?"))


def _always_found(node: Node, axis: int) -> bool:
    """Whether [i == p + start] has an i within its axis for every p: x_(p+1) for p below n - 1."""
    coefs, offset = condition_of(node)
    if coefs not in ((1, -1), (-1, 1)):
        return False
    start = scale(-int(coefs[axis]), offset)
    end = plus(as_size(start), node.shape[1 - axis])
    return never_negative(start) and fits_when_large(end, node.shape[axis])
