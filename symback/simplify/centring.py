"""x - 1*mean(x) is (I - 1*1'/n)*x, a projection, of which products cancel."""

from __future__ import annotations

from collections.abc import Callable

from symback.graph import Node, Size
from symback.ops import (
    Label,
    Labels,
    Number,
    add,
    einsum,
    is_zero,
    power,
    size_node,
    split_coefficient,
)
from symback.simplify.expand import is_fixed, sum_of_spread
from symback.simplify.product import Product, delta


def centred(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """x - 1*(1'*x)/n -> (I - 1*1'/n)*x in a sum, along either axis of a matrix."""
    if not node.shape:
        return None
    for mean in node.args:
        product = Product.of(mean)
        for axis, label in enumerate(product.out):
            number = _times_size(product, node.shape[axis])
            if number is None or product.places(label) != 1:
                continue
            for term in node.args:
                opposite = split_coefficient(term)[0] == -number
                if opposite and _varies_along(term, axis) and tidy(_less_mean(term, axis)) is mean:
                    rest = [t for t in node.args if t is not term and t is not mean]
                    return add(*rest, _projected(term, axis))
    return None


def _times_size(product: Product, size: Size) -> Number | None:
    """The number before a product that is divided by a size, None for one that is not."""
    if isinstance(size, int):
        return product.coef * size
    return product.coef if power(size, -1) in product.factors_alone else None


def _varies_along(term: Node, axis: int) -> bool:
    product = Product.of(term)
    label = product.out[axis]
    return product.out.count(label) == 1 and product.places(label) > 1


def _less_mean(term: Node, axis: int) -> Node:
    """-1*(1'*x)/n for x, spread along the axis over which it is taken."""
    product = Product.of(term)
    size = term.shape[axis]
    along, spread = product.out[axis], ("spread", axis)
    out = tuple(spread if k == axis else x for k, x in enumerate(product.out))
    others = tuple(x for x in product.out if x != along)
    summed = einsum(product.coef, product.factors, others, product.sizes)
    share = power(size_node(size), -1)
    sizes = {**dict(zip(others, summed.shape, strict=True)), spread: size}
    return einsum(-1, [(summed, others), (share, ())], out, sizes, merge=True)


def _projected(term: Node, axis: int) -> Node:
    axes = tuple(range(term.rank))
    moved = tuple("moved" if k == axis else k for k in axes)
    projection = centring(term.shape[axis])
    sizes = dict(zip(moved, term.shape, strict=True))
    return einsum(1, [(projection, (axis, "moved")), (term, moved)], axes, sizes, merge=True)


def centring(size: Size) -> Node:
    """I - 1*1'/n."""
    eye = einsum(1, [], "ii", {"i": size})
    share = einsum(-1, [(power(size_node(size), -1), ())], "ij", {"i": size, "j": size})
    return add(eye, share)


def drop_centring(product: Product) -> bool:
    """(I - 1*1'/n)*(x - 1*mean(x)) -> x - 1*mean(x), for what sums to 0 already."""
    for place, (projection, labels) in enumerate(product.factors):
        if not is_fixed(projection) or len({*labels}) != 2:
            continue
        coefs = [
            split_coefficient(term)[0]
            for term in projection.args
            if len({*Product.of(term).out}) == 1
        ]
        for kept, label in (labels, labels[::-1]):
            bearers = [f for k, f in enumerate(product.factors) if k != place and label in f[1]]
            alone = len(bearers) == 1 and product.places(label) == 2 and label not in product.out
            if len(coefs) == 1 and alone and _sums_to_nothing(*bearers[0], label):
                product.coef *= coefs[0]
                size = product.sizes[label]
                product.replace([place], [delta(kept, label, size)])
                return True
    return False


def _sums_to_nothing(total: Node, labels: Labels, label: Label) -> bool:
    rest = tuple(x for x in labels if x != label)
    if total.op != "add" or len({*rest}) != len(labels) - 1:
        return False
    summed = Product.of(einsum(1, [(total, labels)], rest))
    return sum_of_spread(summed) and is_zero(summed.node(merge=True))
