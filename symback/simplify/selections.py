"""Conditions on indices: they are solved, joined, or put into each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import TypeVar

from symback.graph import Node, Size, symbols_of
from symback.ops import (
    ONE,
    ZERO,
    Factor,
    Label,
    Labels,
    add,
    as_size,
    einsum,
    einsum_parts,
    is_pointwise,
    number,
    scale,
    select,
    size_node,
    subtract,
    value_of,
    zeros,
)
from symback.simplify.product import Product, delta
from symback.sizes import fits, fits_when_large, flat, has_both_signs, never_negative, plus

L = TypeVar("L", bound=Hashable)


def substitute_selections(product: Product) -> bool:
    """A selection that fixes an index puts it into the others; [p == q] on one range is I."""
    for place, (node, labels) in enumerate(product.factors):
        if not is_equation(node):
            continue
        coefs, offset = condition_of(node)
        row = labels[0]
        alone = row not in product.out and product.places(row) == 1
        if alone and len(labels) == 3 and unique_digits(node):
            product.replace([place], [])  # each pair (i, k) has one r = i*n + k
            product.forget(row)
            return True
        if not all(isinstance(c, int) for c in coefs):
            continue
        same_range = node.rank == 2 and node.shape[0] == node.shape[1]
        if coefs in ((1, -1), (-1, 1)) and value_of(offset) == 0 and same_range:
            product.replace([place], [delta(labels[0], labels[1], node.shape[0])])
            return True
        if coefs in ((1, -1), (-1, 1)) and _drop_lone_end(product, place):
            return True
        if coefs in ((1, -1), (-1, 1)) and _never_meet(node):
            product.replace([place], [(ZERO, ())])
            return True
        # an index that was given (w[k]) stays in its condition, which says what range it has
        of_sizes = all(x.params[1] == "size" for x in symbols_of([offset]))
        if (
            coefs in ((1,), (-1,))
            and of_sizes
            and _fix_index(product, place, labels[0], flat(scale(-int(coefs[0]), offset)))
        ):
            return True
    return _join_selections(product)


def join_residues(node: Node) -> Node | None:
    """w_j [p = 2*j] + w_j [p = 2*j + 1] -> sum_a w_j [p = 2*j + a], for a = 0, 1."""
    found: dict[tuple[Hashable, ...], dict[Fraction, Node]] = {}
    for term in node.args:
        product = Product.of(term)
        for place, (factor, labels) in enumerate(product.factors):
            start = value_of(condition_of(factor)[1]) if is_equation(factor) else None
            if start is None or labels[0] not in product.out:
                continue
            rest = tuple(f for k, f in enumerate(product.factors) if k != place)
            key = (product.coef, product.out, rest, condition_of(factor)[0], labels, factor.shape)
            shifted = found.setdefault(key, {})
            shifted[start] = term
            run = _whole_run(shifted, factor)
            if run is None:
                continue
            digit, stride = ("digit",), len(run)
            coefs = (*condition_of(factor)[0], -1)
            whole = select("==", coefs, size_node(int(max(run))), (*factor.shape, stride))
            parts = [*rest, (whole, (*labels, digit))]
            sizes = {**product.sizes, digit: stride}
            joined = einsum(product.coef, parts, product.out, sizes)
            return add(joined, *(other for other in node.args if other not in run.values()))
    return None


def _whole_run(shifted: dict[Fraction, Node], factor: Node) -> dict[Fraction, Node] | None:
    """Conditions p = s*j + a for s values of a one after the other."""
    strides = [abs(c) for c in condition_of(factor)[0] if isinstance(c, int) and abs(c) > 1]
    for last in shifted if len(strides) == 1 else ():
        run = {last - a: shifted.get(last - a) for a in range(strides[0])}
        if None not in run.values():
            return {start: term for start, term in run.items() if term is not None}
    return None


def at_given_index(product: Product) -> bool:
    """[p == c] f_p -> f_c [p == c] for an index c that was given, and the sum of [p == c] is 1.

    A given index is taken to lie within the axis that it is an index of.
    """
    for place, (node, labels) in enumerate(product.factors):
        if not is_equation(node) or node.rank != 1:
            continue
        coefs, offset = condition_of(node)
        index = scale(-1, offset)
        known = value_of(index)
        given = index.op == "symbol" and index.params[1] != "size"
        if known is not None:
            given = known >= 0 and fits_when_large(int(known) + 1, node.shape[0])
        if coefs != (1,) or not given:  # c - i is a delta, which may be 0 everywhere
            continue
        (p,) = labels
        if p not in product.out and product.places(p) == 1:
            product.replace([place], [])
            product.forget(p)
            return True
        for other, (factor, own) in enumerate(product.factors):
            if other != place and own == (p,) and product.places(p) > 2 and factor.op != "select":
                entry = einsum(1, [(factor, (p,)), (node, (p,))], ())
                product.replace([other], [(entry, ())])
                return True
    return False


def sum_of_indices(product: Product) -> bool:
    """The sum of 0, 1, ..., n - 1 (plus an offset each) is n*(n - 1)/2 (plus n times that)."""
    for place, (node, labels) in enumerate(product.factors):
        if node.op == "iota" and product.places(labels[0]) == 1:
            n = size_node(product.sizes.pop(labels[0]))
            pairs = einsum(Fraction(1, 2), [(n, ()), (add(n, number(-1)), ())], ())
            total = add(pairs, einsum(1, [(n, ()), (node.args[0], ())], ()))
            product.factors[place] = (flat(total), ())
            return True
    return False


def is_equation(node: Node) -> bool:
    """Whether this is 1 where an equation of indices holds."""
    return node.op == "select" and node.params[0] == "=="


def conditions_in(node: Node) -> list[tuple[Node, tuple[int, ...]]] | None:
    """The conditions on indices that a product of them is made of, with their axes."""
    if node.op == "select":
        return [(node, tuple(range(node.rank)))]
    if node.op != "einsum":
        return None
    coef, labels, out, _ = einsum_parts(node)
    if coef != 1 or not is_pointwise(node) or any(factor.op != "select" for factor in node.args):
        return None
    axes = [tuple(out.index(x) for x in own) for own in labels]
    return list(zip(node.args, axes, strict=True))


def condition_of(node: Node) -> tuple[tuple[Size, ...], Node]:
    coefs = node.params[1]
    assert isinstance(coefs, tuple)
    return coefs, node.args[0]


def _join_selections(product: Product) -> bool:
    """Two selections that meet in an index become one; the other stays if the index is needed.

    [r == i + a][r == j + b]      ->  [i + a == j + b]
    [r == i*n + k][r == j*n + l]  ->  [i == j][k == l]
    """
    selections = [
        (place, node, labels)
        for place, (node, labels) in enumerate(product.factors)
        if is_equation(node) and len(labels) in (2, 3)
    ]
    for a, (i, one, one_labels) in enumerate(selections):
        for j, other, other_labels in selections[a + 1 :]:
            for r in one_labels:
                if r not in other_labels:
                    continue
                stays = r in product.out or product.places(r) != 2
                if one_labels[0] == r == other_labels[0] and _same_digits(one, other):
                    ends = digits_of(one, one_labels), digits_of(other, other_labels)
                    pairs = zip(*ends, digits_of(one, one.shape), strict=True)
                    deltas = [delta(x, y, size) for x, y, size in pairs]
                    product.replace([j] if stays else (i, j), deltas)
                    product.forget(r)
                    return True
                if len(one_labels) == len(other_labels) == 2:
                    joined = _joined_shifts((one, one_labels), (other, other_labels), r)
                    if joined is not None and not (stays and joined[0].op == "select"):
                        product.replace([j] if stays else (i, j), [joined])
                        product.forget(r)
                        return True
    return False


def _same_digits(one: Node, other: Node) -> bool:
    """Whether both write an index in the same two digits."""
    unique = one.rank == other.rank == 3 and unique_digits(one) and unique_digits(other)
    return unique and digits_of(one, one.shape) == digits_of(other, other.shape)


def unique_digits(node: Node) -> bool:
    """Whether [r == i*n + k] names each pair (i, k) by its own r: k counts the digits below n."""
    coefs, offset = condition_of(node)
    sizes = dict(zip(coefs[1:], node.shape[1:], strict=True))
    others = [c for c in coefs[1:] if c != 1]
    return coefs[0] == -1 and offset is ZERO and len(others) == 1 and sizes.get(1) == others[0]


def digits_of(node: Node, labels: tuple[L, ...]) -> tuple[L, L]:
    """The labels that count slowly and fast in [r == i*n + k]."""
    fast = 1 + condition_of(node)[0][1:].index(1)
    return labels[3 - fast], labels[fast]


def _joined_shifts(one: tuple[Node, Labels], other: tuple[Node, Labels], r: Label) -> Factor | None:
    """[r == i + a][r == j + b] as a condition on i and j; a factor 0 if it cannot hold."""
    shifts = []
    for node, labels in (one, other):
        place = labels.index(r)
        if condition_of(node)[0] not in ((1, -1), (-1, 1)):
            return None
        shift, end = _shift(node, labels, r)
        if not never_negative(shift) or not fits(end, node.shape[place]):
            return None
        shifts.append((labels[1 - place], node.shape[1 - place], shift, end))
    (i, i_size, a, a_end), (j, j_size, b, b_end) = shifts
    if a is b and i_size == j_size:
        return delta(i, j, i_size)
    if fits(a_end, as_size(b)) or fits(b_end, as_size(a)):
        return zeros((i_size, j_size)), (i, j)
    return select("==", (1, -1), subtract(a, b), (i_size, j_size)), (i, j)


def _drop_lone_end(product: Product, place: int) -> bool:
    """The sum of [r == i + a] over r is 1 where every i + a is in the range of r."""
    node, labels = product.factors[place]
    for r in labels:
        shift, end = _shift(node, labels, r)
        if r in product.out or product.places(r) != 1:
            continue
        if never_negative(shift) and fits(end, node.shape[labels.index(r)]):
            product.replace([place], [])
            product.forget(r)
            return True
    return False


def _shift(node: Node, labels: Labels, r: Label) -> tuple[Node, Size]:
    """a, and where i + a ends, for a condition r == i + a."""
    coefs, offset = condition_of(node)
    place = labels.index(r)
    shift = scale(-1 if coefs[place] == 1 else 1, offset)
    return shift, plus(node.shape[1 - place], as_size(shift))


def _fix_index(product: Product, fixing: int, label: Label, index: Node) -> bool:
    """Put a known index into other selections, explicit arrays and index vectors."""
    size = product.sizes[label]
    is_entry = condition_of(product.factors[fixing][0])[0] == (1,)
    inside = never_negative(index) and (fits_when_large if is_entry else fits)(
        plus(as_size(index), 1), size
    )
    if inside and label not in product.out and product.places(label) == 1:
        product.replace([fixing], [])
        product.forget(label)
        return True
    for place, (node, labels) in enumerate(product.factors):
        if place == fixing or label not in labels:
            continue
        known = value_of(index)
        if is_equation(node):
            smaller = _at(node, labels, label, index, is_entry=is_entry)
            if smaller is not None:
                product.replace([place], [smaller])
                return True
        elif node.op == "stack" and len(labels) == 1 and known is not None:
            product.replace([place], [(node.args[int(known)], ())])
            return True
        elif node.op == "iota":
            product.replace([place], [(flat(add(node.args[0], index)), ())])
            return True
    return False


def _at(node: Node, labels: Labels, label: Label, index: Node, *, is_entry: bool) -> Factor | None:
    """A selection where one of its indices is known; None if that does not decide it.

    What is left of it is an entry where the index was one.
    """
    coefs, offset = condition_of(node)
    axis = labels.index(label)
    coef = coefs[axis]
    if not isinstance(coef, int):
        return None
    rest = [k for k in range(len(labels)) if k != axis]
    moved = flat(add(offset, scale(coef, index)))
    positive = _positive_when_large if is_entry else _plainly_positive
    if not rest:
        if value_of(moved) == 0:
            return ONE, ()
        return (ZERO, ()) if positive(moved) or positive(scale(-1, moved)) else None
    if len(rest) == 1 and _out_of_range(coefs[rest[0]], moved, node.shape[rest[0]], positive):
        return ZERO, ()
    if is_entry and not _is_decided(moved, node.shape[rest[0]] if rest else 1):
        return None  # whether entry 0 is in x[i + s] depends on s
    left = [coefs[k] for k in rest]
    if left in ([1], [-1]) and (left == [1]) != is_entry:
        left, moved = [1 if is_entry else -1], scale(-1, moved)
    smaller = select("==", left, moved, tuple(node.shape[k] for k in rest))
    return smaller, tuple(labels[k] for k in rest)


def _is_decided(offset: Node, size: Size) -> bool:
    """Whether large sizes tell if an entry is there: not n - 1 in an axis of m entries."""
    if any(x.params[1] != "size" for x in symbols_of([offset])):
        return False
    if value_of(offset) is not None:
        return True
    return not has_both_signs(add(offset, size_node(size))) or not has_both_signs(
        subtract(offset, size_node(size))
    )


def _out_of_range(coef: Size, offset: Node, size: Size, positive: Callable[[Node], bool]) -> bool:
    """Whether coef*i + offset is never 0 for 0 <= i < size, as far as `positive` can tell."""
    value = value_of(offset)
    if value is not None and isinstance(coef, int):
        solution = -value / coef
        beyond = isinstance(size, int) and solution >= size
        return solution < 0 or solution.denominator != 1 or beyond
    if coef not in (1, -1):
        return False
    index = scale(-int(coef), offset)
    return positive(scale(-1, index)) or positive(add(index, scale(-1, size_node(size)), ONE))


def _never_meet(node: Node) -> bool:
    """Whether the ranges of i and j in [i == j + start] have nothing in common."""
    coefs, offset = condition_of(node)
    start = scale(-1 if coefs[0] == 1 else 1, offset)
    return fits(node.shape[0], as_size(start)) or fits(node.shape[1], as_size(scale(-1, start)))


def _plainly_positive(node: Node) -> bool:
    return never_negative(add(node, number(-1)))


def _positive_when_large(node: Node) -> bool:
    """Whether it is positive for large sizes: n - 1, as x[1] is taken to be an entry of x."""
    of_sizes = all(x.params[1] == "size" for x in symbols_of([node]))
    return of_sizes and fits_when_large(1, as_size(flat(node)))
