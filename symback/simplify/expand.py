"""Products multiplied out over sums, and what stays in one piece: projections and masks."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from symback.graph import Node, topological
from symback.ops import (
    ONE,
    Labels,
    add,
    einsum,
    is_indicator,
    split_coefficient,
    split_power,
    symbol,
    value_of,
)
from symback.simplify.product import Product, delta

MAX_EXPANDED_TERMS = 40
EVERYWHERE = frozenset(("pow", "exp", "sin", "cos", "tanh", "sigmoid", "relu", "abs", "maximum"))
"""Functions that have a value for all arguments (a power: of a positive exponent)."""


def is_sum(node: Node) -> bool:
    return node.op == "add"


def expand(node: Node, limit: int, chosen: Callable[[Node], bool] | None = None) -> Node | None:
    """Products multiplied out over the `chosen` sums; None if that gives too many terms.

    By default over every sum that stands once in its product: (x - c)*(x - c)' stays a square.
    """
    done: list[Node] = []
    todo = list(reversed(node.args)) if node.op == "add" else [node]
    while todo:
        if len(done) + len(todo) > limit:
            return None
        term = todo.pop()
        if term.op == "add":
            todo.extend(reversed(term.args))
            continue
        product = Product.of(term)
        alone = product.factors_alone
        sums = [
            place
            for place, factor in enumerate(alone)
            if (chosen(factor) if chosen else alone.count(factor) == 1 and _opens(product, place))
        ]
        if not sums or term.op != "einsum":
            done.append(term)
            continue
        # first the sum whose terms divide by something that may cancel
        place = max(sums, key=lambda k: _has_quotients(product.factors[k][0]))
        total, labels = product.factors[place]
        for inner in reversed(total.args):
            product.factors[place] = (inner, labels)
            todo.append(product.node(merge=True))
    return add(*done)


def expand_mask(node: Node) -> Node | None:
    """sum_i (1 - [i = k]) x_i -> sum_i x_i - x_k, wherever x_k has a value."""
    product = Product.of(node)
    for place, (factor, labels) in enumerate(product.factors):
        asked = {x for f, own in product.factors if f.op == "select" for x in own}
        sums = not product.summed_none(labels) and asked.isdisjoint(labels)
        if sums and is_sum(factor) and is_fixed(factor) and _opens(product, place):
            return expand(node, MAX_EXPANDED_TERMS, partial(operator.is_, factor))
    return None


def split_at_deltas(node: Node) -> Node | None:
    """sum_j ([j = k] - [k = l]) a_jl b_j -> a_kl b_k - [k = l] sum_j a_jl b_j.

    The terms of a factor that fix a summed index, each kind apart, and those that do not.
    """
    product = Product.of(node)
    for place, (total, labels) in enumerate(product.factors):
        if not is_sum(total) or not _opens(product, place) or len(set(labels)) != len(labels):
            continue
        groups: dict[Fixing, list[Node]] = {}
        for term in total.args:
            groups.setdefault(_fixing(term), []).append(term)
        asked = {labels[axis] for group in groups for own in group for axis in own[1]}
        if product.summed_none(asked):
            continue
        parts = []
        for fixing, terms in groups.items():
            rest = [factor for k, factor in enumerate(product.factors) if k != place]
            chosen = [(factor, tuple(labels[axis] for axis in own)) for factor, own in fixing]
            inner, axes = _unfixed(terms)
            factors = [*rest, *chosen, (inner, tuple(labels[axis] for axis in axes))]
            parts.append(einsum(product.coef, factors, product.out, product.sizes, merge=True))
        return add(*parts)
    return None


Fixing: TypeAlias = frozenset[tuple[Node, tuple[int, ...]]]


def _fixing(term: Node) -> Fixing:
    """The deltas of a term and its conditions that give an index, with their axes."""
    product = Product.of(term)
    out = product.out
    deltas = [
        (delta(0, 1, term.shape[k])[0], (out.index(x), k))
        for k, x in enumerate(out)
        if out.index(x) != k
    ]
    given = [(f, (out.index(own[0]),)) for f, own in product.factors if _gives(f, own, out)]
    return frozenset((*deltas, *given))


def _gives(factor: Node, labels: Labels, out: Labels) -> bool:
    return factor.op == "select" and len(labels) == 1 and labels[0] in out


def _unfixed(terms: list[Node]) -> tuple[Node, tuple[int, ...]]:
    """The sum of terms without what fixes their indices, and which axes of theirs it has."""
    out = Product.of(terms[0]).out
    axes = tuple(out.index(x) for x in dict.fromkeys(out))
    rests = []
    for term in terms:
        product = Product.of(term)
        product.factors = [f for f in product.factors if not _gives(*f, product.out)]
        product.out = tuple(product.out[axis] for axis in axes)
        rests.append(product.node())
    return add(*rests), axes


def _opens(product: Product, place: int) -> bool:
    """Whether a factor is a sum, but no I - 1*1'/n, and no mask on what has no value under it.

    (1 - I).*A is A - I.*A, but 1/(x_i - x_j) without i = j is no difference of two sums.
    """
    total, labels = product.factors[place]
    if not is_sum(total) or not _is_mask(total):
        return is_sum(total) and not is_fixed(total)
    return has_values(*_under(total, labels, product))


def masks_in(root: Node) -> dict[Node, Node]:
    """A symbol for each mask on what may have no value, or no derivative, without it.

    A mask is 1 less conditions on indices. Taken apart, 1/(x_i - x_j) without i = j would be a
    difference of two sums with a term 1/0 in each.
    """
    found: dict[Node, Node] = {}
    for node in topological([root]):
        product = Product.of(node)
        for mask, labels in product.factors:
            if mask not in found and is_sum(mask) and _is_mask(mask):
                masked = _under(mask, labels, product)
                if not has_values(*masked) or any(map(_is_root, topological(masked))):
                    kinds = ("symmetric" * mask.symmetric, "indicator" * is_indicator(mask))
                    found[mask] = symbol(
                        f"mask#{len(found)}", mask.shape, " ".join(filter(None, kinds))
                    )
    return found


def _under(mask: Node, labels: Labels, product: Product) -> list[Node]:
    """What a mask is on: the factors that have its indices."""
    return [f for f, own in product.factors if set(labels) <= set(own) and f is not mask]


def _is_root(node: Node) -> bool:
    """Whether this has no derivative, of some order, where what it is of is 0."""
    e = value_of(split_power(node)[1])
    return node.op == "map" and e is not None and e.denominator != 1


def _is_mask(total: Node) -> bool:
    """Whether a sum is 1 less conditions on indices."""
    terms = [split_coefficient(term) for term in total.args]
    products = [Product.of(core) for _, core in terms]
    plain = any(
        core is ONE or (not own.factors and len(set(own.out)) == len(own.out))
        for (_, core), own in zip(terms, products, strict=True)
    )
    only = all(f is ONE or f.op == "select" for own in products for f in own.factors_alone)
    return plain and only and all(abs(coef) == 1 for coef, _ in terms)


def has_values(*nodes: Node) -> bool:
    """Whether these plainly have a value whatever their symbols are."""
    return not any(map(_may_lack_value, topological(nodes)))


def _may_lack_value(node: Node) -> bool:
    e = value_of(split_power(node)[1])
    return node.op == "map" and (e is None or e < 0 or node.params[0] not in EVERYWHERE)


def is_fixed(total: Node) -> bool:
    """Whether a sum has nothing but identity and ones matrices, as I - 1*1'/n has."""
    return total.op == "add" and all(Product.of(term).is_fixed for term in total.args)


def sum_of_spread(product: Product) -> bool:
    """(X - b*1')*1 -> X*1 - n*b: a sum over an axis along which a term does not change.

    And tr(I - X) -> n - tr(X).
    """
    for place, (total, labels) in enumerate(product.factors):
        if total.op != "add":
            continue
        if _is_trace(product, labels) and any(Product.of(term).is_fixed for term in total.args):
            traces = (einsum(1, [(term, "ii")], (), merge=True) for term in total.args)
            product.factors[place] = (add(*traces), ())
            product.forget(labels[0])
            return True
        for axis, label in enumerate(labels):
            if label in product.out or product.places(label) != 1:
                continue
            if not any(_is_spread_along(term, axis) for term in total.args):
                continue
            every = tuple(range(total.rank))
            kept = tuple(x for x in every if x != axis)
            terms = [einsum(1, [(term, every)], kept, merge=True) for term in total.args]
            product.factors[place] = (add(*terms), tuple(labels[x] for x in kept))
            product.forget(label)
            return True
    return False


def _is_trace(product: Product, labels: Labels) -> bool:
    twice = len(labels) == 2 and labels[0] == labels[1]
    return twice and labels[0] not in product.out and product.places(labels[0]) == 2


def _is_spread_along(term: Node, axis: int) -> bool:
    product = Product.of(term)
    label = product.out[axis]
    return product.places(label) == 1


def _has_quotients(total: Node) -> bool:
    """Whether a term of a sum divides by an elementwise factor."""
    for term in total.args:
        for factor in term.args if term.op == "einsum" else (term,):
            e = value_of(split_power(factor)[1])
            if e is not None and e < 0:
                return True
    return False
