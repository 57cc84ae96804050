"""What a step decides about the other factors of its product."""

from __future__ import annotations

from functools import partial

from symback.graph import Node
from symback.ops import scale, split_coefficient, subtract, zeros
from symback.rules import broadcast
from symback.simplify.cases import decided
from symback.simplify.product import Product
from symback.simplify.sums import common_coefficient, flatten_sum


def decide_by_step(product: Product) -> bool:
    """heaviside(a - b)*f(max(a, b)) -> heaviside(a - b)*f(a), which holds at a = b as well."""
    for place, (step, labels) in enumerate(product.factors):
        if step.op != "map" or step.params[0] not in ("step", "heaviside"):
            continue
        for other, (factor, own) in enumerate(product.factors):
            if other == place or own != labels:
                continue
            simpler = decided(factor, partial(_where_positive, step.args[0]))
            if simpler is not factor:
                product.factors[other] = (simpler, own)
                return True
    return False


def _where_positive(difference: Node, node: Node) -> Node | None:
    """max(a, b), min(a, b), abs(a) or relu(a) where this difference is not negative."""
    if node.op != "map" or node.params[0] not in ("maximum", "minimum", "abs", "relu"):
        return None
    name = node.params[0]
    if name == "abs":
        first, second = node.args[0], scale(-1, node.args[0])
    else:
        first, second = (*node.args, zeros(()))[:2]
    for larger, smaller in ((first, second), (second, first)):
        gap = subtract(broadcast(larger, node), broadcast(smaller, node))
        if _direction(gap) is _direction(difference):
            return broadcast(smaller if name == "minimum" else larger, node)
    return None


def _direction(gap: Node) -> Node:
    """The same node for all positive multiples of one difference."""
    coef, core = split_coefficient(common_coefficient(flatten_sum(gap)))
    return scale(1 if coef > 0 else -1, core)
