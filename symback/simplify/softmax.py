"""exp, log and sum as softmax and logsumexp."""

from __future__ import annotations

from symback.graph import Node
from symback.ops import (
    add,
    apply,
    einsum,
    einsum_parts,
    number,
    power,
    reduce,
    split_coefficient,
    split_power,
    value_of,
)
from symback.rules import softmax
from symback.simplify.product import Product
from symback.simplify.sums import flatten_sum


def recognise_logsumexp(node: Node) -> Node:
    """log(sum(exp(u))) -> logsumexp(u), log(c*sum(exp(u))) -> log(c) + logsumexp(u)."""
    if node.op != "map" or node.params[0] != "log":
        return node
    coef, total = split_coefficient(node.args[0])
    kept = _kept_axes(total)
    if kept is None or coef <= 0 or (coef != 1 and total.shape):
        return node
    turned = _kept_first(total.args[0].args[0], kept)
    found = reduce("logsumexp", turned)
    return found if coef == 1 else add(found, apply("log", number(coef)))


def recognise_softmax(product: Product) -> bool:
    """exp(u)/sum(exp(u)) -> softmax(u)."""
    for place, (factor, labels) in enumerate(product.factors):
        total, exponent = split_power(factor)
        times = value_of(exponent)
        if times is None or times >= 0 or times.denominator != 1:
            continue
        kept = _kept_axes(total)
        if kept is None:
            continue
        for other, (node, own) in enumerate(product.factors):
            if node is not total.args[0] or tuple(own[axis] for axis in kept) != labels:
                continue
            order = (*kept, *(axis for axis in range(node.rank) if axis not in kept))
            turned = softmax(_kept_first(node.args[0], kept))
            factors = [(turned, tuple(own[axis] for axis in order))]
            if times != -1:
                factors.append((power(total, times + 1), labels))
            product.replace((place, other), factors)
            return True
    return False


def sum_of_softmax(product: Product) -> bool:
    """sum(softmax(u)) -> 1, of a matrix along each row."""
    for place, (node, labels) in enumerate(product.factors):
        if not labels or not is_softmax(node):
            continue
        if labels[-1] in product.out or product.places(labels[-1]) != 1:
            continue
        bearers = _logsumexps(node)
        if any(flatten_sum(softmax(b.args[0]).args[0]) is node.args[0] for b in bearers):
            del product.factors[place], product.sizes[labels[-1]]
            return True
    return False


def _kept_axes(total: Node) -> tuple[int, ...] | None:
    """The axes of exp(u) that a sum over one axis keeps; None for anything else than such a sum."""
    if total.op != "einsum" or len(total.args) != 1:
        return None
    (inner,) = total.args
    coef, (labels,), out, sizes = einsum_parts(total)
    plain = len(set(labels)) == len(labels) == len(sizes) == len(out) + 1
    if coef != 1 or not plain or inner.op != "map" or inner.params[0] != "exp":
        return None
    return tuple(labels.index(x) for x in out)


def _kept_first(u: Node, kept: tuple[int, ...]) -> Node:
    order = (*kept, *(axis for axis in range(u.rank) if axis not in kept))
    return einsum(1, [(u, tuple(range(u.rank)))], order, merge=True)


def is_softmax(node: Node) -> bool:
    """Whether this is exp(u - logsumexp(u)), which stays in one piece."""
    return bool(_logsumexps(node))


def _logsumexps(node: Node) -> list[Node]:
    """The logsumexps that are terms in the exponent of exp."""
    if node.op != "map" or node.params[0] != "exp" or node.args[0].op != "add":
        return []
    cores = [split_coefficient(term)[1] for term in node.args[0].args]
    alone = [c.args[0] if c.op == "einsum" and c.args else c for c in cores]
    return [core for core in alone if core.op == "logsumexp"]
