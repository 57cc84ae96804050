"""Sums of quotients over one denominator."""

from __future__ import annotations

from symback.graph import Node
from symback.ops import Label, Labels, add, einsum, power, split_power, value_of
from symback.simplify.product import Product

MAX_DENOMINATORS = 3


def over_one_denominator(total: Node) -> tuple[Node, Node] | None:
    """The numerator and 1/denominator of y/t - (1 - y)/(1 - t), entry by entry for arrays.

    y*(1 - t) - (1 - y)*t, and 1/(t*(1 - t)). None where there are not two or three denominators.
    """
    products = [_in_axes(Product.of(term)) for term in total.args]
    if any(product.out != products[0].out for product in products):
        return None
    if any(f.op == "select" or not {*own} <= {*p.out} for p in products for f, own in p.factors):
        return None
    below = [
        {(d[0], own): d[1] for f, own in product.factors if (d := _denominator(f)) is not None}
        for product in products
    ]
    highest: dict[tuple[Node, Labels], int] = {}
    for found in below:
        for key, e in found.items():
            highest[key] = max(e, highest.get(key, 0))
    if not 2 <= len(highest) <= MAX_DENOMINATORS or sum(map(len, below)) > 2 * MAX_DENOMINATORS:
        return None
    out, terms = products[0].out, []
    for product, found in zip(products, below, strict=True):
        missing = [
            (power(key[0], e - found.get(key, 0)), key[1])
            for key, e in highest.items()
            if e > found.get(key, 0)
        ]
        above = [f for f in product.factors if _denominator(f[0]) is None]
        terms.append(einsum(product.coef, [*above, *missing], out, product.sizes, merge=True))
    whole = [(power(base, -e), own) for (base, own), e in highest.items()]
    return add(*terms), einsum(1, whole, out, products[0].sizes)


def _in_axes(product: Product) -> Product:
    """The product with its axes as labels; a diagonal, which has one label twice, as it is."""
    if len({*product.out}) != len(product.out):
        return product
    names: dict[Label, Label] = {x: ("in", x) for x in product.sizes}
    names.update((x, axis) for axis, x in enumerate(product.out))
    factors = [(f, tuple(names[x] for x in own)) for f, own in product.factors]
    sizes = {names[x]: size for x, size in product.sizes.items()}
    return Product(product.coef, factors, tuple(range(len(product.out))), sizes)


def _denominator(factor: Node) -> tuple[Node, int] | None:
    """base, e for a factor 1/base^e."""
    base, exponent = split_power(factor)
    e = value_of(exponent)
    return (base, -int(e)) if e is not None and e < 0 and e.denominator == 1 else None
