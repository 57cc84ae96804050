"""Sums: flattened, multiplied out, terms that are one function together."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from math import gcd, lcm

from symback.graph import Node, Shape, Size, topological
from symback.ops import (
    Labels,
    Number,
    add,
    apply,
    einsum,
    einsum_parts,
    is_closed,
    ones,
    power,
    scale,
    split_coefficient,
    split_power,
    subtract,
    value_of,
)
from symback.simplify.cases import join_cases
from symback.simplify.product import Product, opposite


def flatten_sum(node: Node) -> Node:
    """a + 2*(b - c) -> a + 2*b - 2*c."""
    if node.op != "add":
        return node
    terms, todo = [], list(reversed(node.args))
    while todo:
        term = todo.pop()
        coef, core = split_coefficient(term)
        if core.op == "add":
            todo.extend(scale(coef, inner) for inner in reversed(core.args))
        else:
            terms.append(term)
    return add(*terms)


def fuse_sum(node: Node, tidy: Callable[[Node], Node], *, factor: bool = False) -> Node:
    """Terms that are one function together: 1 - sigmoid(u), exp(u) + exp(-u), two cases of one.

    As a `factor` of a product 1 - sigmoid(u) stays as it is.
    """
    while node.op == "add":
        fused = (
            (None if factor else _one_less_sigmoid(node))
            or _two_sigmoids(node)
            or _hyperbolic(node)
            or join_cases(node, tidy)
            or _join_diagonals(node, tidy)
            or _join_row_sums(node, tidy)
            or _join_spreads(node, tidy)
            or _join_totals(node, tidy)
        )
        if fused is None:
            return _pythagoras(node)
        node = fused
    return node


def _one_less_sigmoid(node: Node) -> Node | None:
    """1 - sigmoid(u) -> sigmoid(-u)."""
    one = ones(node.shape)
    if one not in node.args:
        return None
    for term in node.args:
        coef, core = split_coefficient(term)
        if coef == -1 and core.op == "map" and core.params[0] == "sigmoid":
            flipped = apply("sigmoid", scale(-1, core.args[0]))
            return add(*(t for t in node.args if t is not one and t is not term), flipped)
    return None


def _join_diagonals(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """diag(a) + diag(b) -> diag(a + b)."""
    if node.rank != 2:
        return None
    columns, rest = [], []
    for term in node.args:
        product = Product.of(term)
        row, column = product.out
        if row == column and any(row in labels for _, labels in product.factors):
            columns.append(einsum(product.coef, product.factors, (row,), product.sizes))
        else:
            rest.append(term)
    if len(columns) < 2:
        return None
    total = tidy(add(*columns))
    joined = einsum(1, [(total, "i")], "ii", {"i": node.shape[0]})
    return add(*rest, joined) if rest else joined


def _join_row_sums(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """A*1 + A'*1 -> (A + A')*1."""
    if node.rank != 1:
        return None
    sums: dict[Size, list[Node]] = {}
    for term in node.args:
        core = split_coefficient(term)[1]
        if core.op == "einsum" and len(core.args) == 1 and core.args[0].rank == 2:
            _, (labels,), out, sizes = einsum_parts(core)
            if len(set(labels)) == 2:
                sums.setdefault(sizes[sum(labels) - out[0]], []).append(term)
    for terms in sums.values():
        if len(terms) < 2:
            continue
        matrices = []
        for term in terms:
            coef, (labels,), out, _ = einsum_parts(term)
            order = (out[0], sum(labels) - out[0])
            matrices.append(einsum(coef, [(term.args[0], labels)], order))
        joined = einsum(1, [(tidy(add(*matrices)), (0, 1))], (0,))
        return add(*(t for t in node.args if t not in terms), joined)
    return None


def _join_spreads(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """a*1' + b*1' -> (a + b)*1'."""
    if node.rank != 2 or len(node.args) < 2:
        return None
    for axis in (0, 1):
        kept = []
        for term in node.args:
            product = Product.of(term)
            here, other = product.out[axis], product.out[1 - axis]
            if here == other or any(here in own for _, own in product.factors):
                break
            del product.sizes[here]
            kept.append(einsum(product.coef, product.factors, (other,), product.sizes))
        else:
            total = tidy(add(*kept))
            ends = ("lost", "kept") if axis == 0 else ("kept", "lost")
            return einsum(1, [(total, ("kept",))], ends, {"lost": node.shape[axis]})
    return None


def _join_totals(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """sum(where(c, a, b)) + sum(where(c, d, e)) -> sum(where(c, a + d, b + e))."""
    if node.shape:
        return None
    totals: dict[Shape, list[Node]] = {}
    for term in node.args:
        core = split_coefficient(term)[1]
        if is_closed(core) and len(core.args) == 1 and core.args[0].op == "map":
            inner = core.args[0]
            if inner.params[0] == "where" and len(set(einsum_parts(core)[1][0])) == inner.rank:
                totals.setdefault(inner.shape, []).append(term)
    for shape, terms in totals.items():
        if len(terms) < 2:
            continue
        parts = [scale(split_coefficient(t)[0], split_coefficient(t)[1].args[0]) for t in terms]
        joined = einsum(1, [(tidy(add(*parts)), tuple(range(len(shape))))], ())
        rest = [t for t in node.args if t not in terms]
        return add(*rest, joined) if rest else joined
    return None


def _two_sigmoids(node: Node) -> Node | None:
    """a*sigmoid(u) + b*sigmoid(-u) -> (a - b)*sigmoid(u) + b for numbers a and b."""
    found: dict[Node, tuple[Number, Node]] = {}
    for term in node.args:
        coef, core = split_coefficient(term)
        if core.op != "map" or core.params[0] != "sigmoid":
            continue
        u = core.args[0]
        mate = found.get(scale(-1, u)) or found.get(opposite(u))
        if mate is None:
            found[u] = (coef, term)
            continue
        other_coef, other = mate
        mirrored = split_coefficient(other)[1]
        kept, a, b = (core, coef, other_coef)
        if _is_upright(mirrored, core):
            kept, a, b = (mirrored, other_coef, coef)
        rest = [t for t in node.args if t is not term and t is not other]
        return add(*rest, scale(a - b, kept), scale(b, ones(node.shape)))
    return None


def reflections(node: Node, name: str) -> Iterator[Node]:
    """a*f(u) + b*f(-u) with b*(1 - f(u)), or a*(1 - f(-u)), for f = sigmoid or heaviside."""
    factors = (f for t in node.args for f in Product.of(t).factors_alone)
    present = {f for f in factors if f.op == "map" and f.params[0] == name}
    mirrored = {
        f: other
        for f in present
        for turned in (scale(-1, f.args[0]), opposite(f.args[0]))
        if (other := apply(name, turned)) in present
    }
    upright = {f for f, other in mirrored.items() if _is_upright(f, other)}
    for kept in (upright, mirrored.keys() - upright) if mirrored else ():
        terms = []
        for term in node.args:
            product = Product.of(term)
            for place, (factor, labels) in enumerate(product.factors):
                if factor in mirrored and factor not in kept:
                    less = subtract(ones(factor.shape), mirrored[factor])
                    product.factors[place] = (less, labels)
            terms.append(product.node())
        expanded = expand(add(*terms), MAX_EXPANDED_TERMS)
        if expanded is not None:
            yield expanded


def _is_upright(f: Node, mirrored: Node) -> bool:
    """Whether f(-u) is written through f(u), rather than the other way, if neither is shorter."""
    turned, other = (split_coefficient(x.args[0])[0] < 0 for x in (f, mirrored))
    return f.key < mirrored.key if turned == other else other


def _hyperbolic(node: Node) -> Node | None:
    """c*exp(u) + c*exp(-u) -> 2*c*cosh(u), with a minus sign 2*c*sinh(u)."""
    found: dict[Node, tuple[Number, Node]] = {}
    for term in node.args:
        coef, core = split_coefficient(term)
        if core.op != "map" or core.params[0] != "exp":
            continue
        u = core.args[0]
        mate = found.get(scale(-1, u)) or found.get(opposite(u))
        if mate is not None and abs(mate[0]) == abs(coef):
            name = "cosh" if mate[0] == coef else "sinh"
            fused = scale(2 * mate[0], apply(name, split_coefficient(mate[1])[1].args[0]))
            return add(*(t for t in node.args if t is not term and t is not mate[1]), fused)
        found[u] = (coef, term)
    return None


def _pythagoras(node: Node) -> Node:
    """c*sin(u)^2 + c*cos(u)^2 -> c, c*cosh(u)^2 - c*sinh(u)^2 -> c."""
    if node.op != "add":
        return node
    pairs = (("sin", "cos", 1, 1), ("cosh", "sinh", -1, 1))
    for term in node.args:
        for first, second, sign, _ in pairs:
            mate = _swap_square(term, first, second)
            if mate is None:
                continue
            replaced, rest = mate
            other = scale(sign, replaced)
            if other in node.args:
                kept = [t for t in node.args if t is not term and t is not other]
                return _pythagoras(add(*kept, rest)) if kept else rest
    return node


def _swap_square(term: Node, first: str, second: str) -> tuple[Node, Node] | None:
    """The term with first(u)^2 replaced by second(u)^2, and the term without it."""
    product = Product.of(term)
    for place, (node, labels) in enumerate(product.factors):
        base, exponent = split_power(node)
        if value_of(exponent) == 2 and base.op == "map" and base.params[0] == first:
            square = power(apply(second, base.args[0]), 2)
            swapped, without = Product.of(term), Product.of(term)
            swapped.factors[place] = (square, labels)
            without.factors[place] = (ones(base.shape), labels)
            return swapped.node(merge=True), without.node(merge=True)
    return None


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


def _opens(product: Product, place: int) -> bool:
    """Whether a factor is a sum, but no I - 1*1'/n, and no mask on what has no value under it.

    (1 - I).*A is A - I.*A, but 1/(x_i - x_j) without i = j is no difference of two sums.
    """
    total, labels = product.factors[place]
    if not is_sum(total) or not is_fixed(total):
        return is_sum(total)
    if any(abs(split_coefficient(term)[0]) != 1 or term.args for term in total.args):
        return False
    masked = [f for f, own in product.factors if set(labels) <= set(own) and f is not total]
    return not any(map(_may_lack_value, topological(masked)))


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


def common_coefficient(node: Node) -> Node:
    """2*a - 4*b -> 2*(a - 2*b), a/2 - b/2 -> (a - b)/2, -a - b -> -(a + b)."""
    if node.op != "add" or any(value_of(term) is not None for term in node.args):
        return node
    coefs = [Fraction(split_coefficient(term)[0]) for term in node.args]
    whole = gcd(*(c.numerator for c in coefs))
    size = Fraction(whole, lcm(*(c.denominator for c in coefs)))
    if any(abs(c) != size for c in coefs) and not _fewer_numbers(coefs, size):
        size = Fraction(1)
    factor = -size if all(c < 0 for c in coefs) else size
    if factor == 1:
        return node
    return scale(factor, add(*(scale(1 / factor, term) for term in node.args)))


def content_out(product: Product) -> bool:
    """(4*a - 2*b)*c -> 2*(2*a - b)*c."""
    for place, (total, labels) in enumerate(product.factors):
        if not is_sum(total) or is_fixed(total):
            continue
        coefs = [Fraction(split_coefficient(term)[0]) for term in total.args]
        content = Fraction(gcd(*(c.numerator for c in coefs)), lcm(*(c.denominator for c in coefs)))
        if content != 1:
            product.factors[place] = (add(*(scale(1 / content, t) for t in total.args)), labels)
            product.coef = product.coef * content
            return True
    return False


def _fewer_numbers(coefs: list[Fraction], size: Fraction) -> bool:
    left = sum(abs(c) != size for c in coefs)
    return left + 1 < sum(abs(c) != 1 for c in coefs)
