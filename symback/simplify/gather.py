"""Common factors taken out of a sum."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from symback.graph import Node, topological, transform
from symback.ops import (
    ONE,
    ZERO,
    Label,
    Number,
    add,
    einsum,
    matrix_power,
    number,
    power,
    rebuild,
    scale,
    size_node,
    split_coefficient,
    split_power,
    subtract,
    value_of,
)
from symback.rules import broadcast
from symback.simplify.expand import is_fixed
from symback.simplify.product import Product, delta, flipped, negated
from symback.simplify.selections import is_equation
from symback.simplify.sums import flatten_sum
from symback.sizes import terms_of

# places (term, factor, detached axis) of a common factor
Members: TypeAlias = tuple[tuple[int, int, int | None], ...]


def common_factors(products: list[Product], *, with_units: bool) -> list[Members]:
    """The factors that several terms have in one role, with the places where they stand.

    x^2 and x^3 have x^2 in common, and so have 1/x and 1/x^2 the latter. Terms with conditions on
    indices have none, but [i == k] itself for a given k where all terms have it.

    With `with_units`, for matrix notation, terms with unit vectors do; and p_i A_ik and
    c_i d_j A_jk have A in common, once its first axis is detached from p: diag(p)_ij A_jk.
    """
    groups: dict[tuple[Node, Node, object], list[tuple[int, int, int | None]]] = {}
    fixed = [t for t, product in enumerate(products) if product.is_fixed]
    for t, product in enumerate(products):
        if t in fixed and len(fixed) > 1:
            continue  # I - 1*1'/n stays together
        asks = any(is_equation(f) and (f.rank > 1 or not with_units) for f in product.factors_alone)
        if asks and with_units:
            continue
        repeated = len(set(product.out)) != len(product.out)
        seen = set()
        for place, (factor, labels) in enumerate(product.factors):
            if (repeated and labels) or (asks and not (is_equation(factor) and factor.rank == 1)):
                continue
            base, symbolic, _ = _split_exponent(factor)
            role = _role(product, place)
            for detached in (None, *(_detachable(product, place) if with_units else ())):
                hung = tuple(
                    ("sum", axis) if axis == detached else own for axis, own in enumerate(role)
                )
                key = (base, symbolic, hung)
                if key not in seen:
                    seen.add(key)
                    groups.setdefault(key, []).append((t, place, detached))
    found = [
        sorted(members, key=lambda m: m[2] is not None)
        for (base, *_), members in groups.items()
        if with_units or not is_equation(base) or len(members) == len(products)
    ]
    return [tuple(members) for members in found if len(members) >= 2 and members[0][2] is None]


def _detachable(product: Product, place: int) -> list[int]:
    """The axes of a matrix that the result has too, and another factor with it."""
    factor, labels = product.factors[place]
    if len(set(labels)) != 2 or factor.op == "select" or set(labels) != set(product.out):
        return []
    others = [own for k, (_, own) in enumerate(product.factors) if k != place]
    if not any(others) and factor.shape[0] != factor.shape[1]:
        return [0, 1]  # A is I*A and A*I
    return [axis for axis, x in enumerate(labels) if any(own == (x,) for own in others)]


def _role(product: Product, place: int) -> tuple[object, ...]:
    """How a factor hangs in its product: the axes of the result, or the sums, it carries."""
    _, labels = product.factors[place]
    return tuple(
        ("out", product.out.index(x)) if x in product.out else ("sum", labels.index(x))
        for x in labels
    )


def align_terms(node: Node) -> Node:
    """(a - b)*x + (b - a)*y -> (a - b)*x - (a - b)*y, so that a - b can be taken out."""
    seen: set[Node] = set()
    terms = []
    for term in node.args:
        product = Product.of(term)
        for place, (factor, labels) in enumerate(product.factors):
            base, exponent = split_power(factor)
            e = value_of(exponent)
            if base.op != "add" or e is None or e.denominator != 1:
                continue
            turned = negated(base)
            if base in seen or turned not in seen:
                seen.add(base)
                continue
            product.factors[place] = (power(turned, e), labels)
            product.coef = product.coef if e % 2 == 0 else -product.coef
        terms.append(product.node())
    return add(*_counted_alike(terms))


def _counted_alike(terms: list[Node]) -> list[Node]:
    """sum_r A^r*B*A^(n-r) + A^(n-r)*C*A^r, in the second r counted down: A^r*C*A^(n-r)."""
    seen: set[tuple[Node, object]] = set()
    result = []
    for term in terms:
        powers = _counted_powers(Product.of(term))
        if powers and not powers & seen:
            turned = _counted_down(term)
            if _counted_powers(Product.of(turned)) & seen:
                term, powers = turned, _counted_powers(Product.of(turned))
        seen |= powers
        result.append(term)
    return result


def _counted_powers(product: Product) -> set[tuple[Node, object]]:
    """The powers in a product whose exponent counts, each with its role."""
    return {
        (factor, _role(product, place))
        for place, (factor, labels) in enumerate(product.factors)
        if _counts(factor) and product.summed(labels[:1])
    }


def _counts(factor: Node) -> bool:
    """Whether this is A^r with an axis for r."""
    return factor.op == "matpow" and factor.rank == 3


def _counted_down(term: Node) -> Node:
    """sum_r f(r) as sum_r f(n-1-r), for r = 0..n-1 that only powers of matrices count."""
    product = Product.of(term)
    counting = {labels[0] for factor, labels in product.factors if _counts(factor)}
    for place, (factor, labels) in enumerate(product.factors):
        if _counts(factor):
            product.factors[place] = (_power_counted_down(factor), labels)
        elif not counting.isdisjoint(labels):
            return term
    return product.node()


def _power_counted_down(factor: Node) -> Node:
    base, exponent = factor.args
    last = broadcast(subtract(size_node(exponent.shape[0]), ONE), exponent)
    turned = {
        x: subtract(add(last, broadcast(scale(2, x.args[0]), exponent)), x)
        for x in topological([exponent])
        if x.op == "iota"
    }
    return matrix_power(base, flatten_sum(transform(exponent, rebuild, turned)))


def around_sum(node: Node) -> Node | None:
    """A + B - M*(A + B) -> (I - M)*(A + B), for matrices or vectors."""
    if node.rank not in (1, 2):
        return None
    for term in node.args:
        product = Product.of(term)
        for place, (total, labels) in enumerate(product.factors):
            inner = [x for x in labels if x not in product.out]
            apart = len(labels) == len({*labels}) == len({*product.out}) == node.rank
            if total.op != "add" or not apart or len(inner) != 1:
                continue
            behind = product.out[0] not in labels  # M*(A + B), not (A + B)*M
            ends = product.out[1:] if behind else product.out[:1]
            axes = (*inner, *ends) if behind else (*ends, *inner)
            if labels != axes:
                total = add(*map(flipped, total.args))
            coef, spelled = _spelled_out(total, [t for t in node.args if t is not term])
            if not spelled or any(product.places(x) != 2 for x in ends):
                continue
            rest = Product.of(term)
            del rest.factors[place]
            for x in ends:
                del rest.sizes[x]
            rest.out = (product.out[0], *inner) if behind else (*inner, product.out[1])
            if coef < 0:
                coef, rest.coef, total = -coef, -rest.coef, negated(total)
            eye = einsum(coef, [], "ii", {"i": product.sizes[inner[0]]})
            factors = [(add(rest.node(), eye), rest.out), (total, axes)]
            gathered = einsum(1, factors, product.out)
            others = [t for t in node.args if t is not term and t not in spelled]
            return add(gathered, *others)
    return None


def _spelled_out(total: Node, terms: list[Node]) -> tuple[Number, list[Node]]:
    """A number and those of the terms that are number*total, written as its own terms."""
    coef, core = split_coefficient(total.args[0])
    for term in terms:
        own, other = split_coefficient(term)
        if other is core:
            share = Fraction(own) / Fraction(coef)
            wanted = [scale(share, part) for part in total.args]
            if all(part in terms for part in wanted):
                return share, wanted
    return 1, []


def factors_in_common(products: list[Product], members: Members) -> list[Node]:
    """What may be taken out: of 1/x and 1/x^2, first 1/x and then 1/x^2; of x and x^2, x.

    Of roots the lower power only: (I - x*x'/u)/sqrt(u) reads better than (u*I - x*x')/u^(3/2).

    Of x and 1/x nothing: a sum of powers reads better than (x^2 + 1)/x.
    """
    wholes = [products[t].factors[place][0] for t, place, _ in members]
    base, symbolic, _ = _split_exponent(wholes[0])
    known = sorted({_split_exponent(whole)[2] for whole in wholes}, key=abs)
    if len(known) == 1:
        return wholes[:1]
    if symbolic is not ZERO:
        return [power(base, add(symbolic, number(min(known))))]
    chosen = [] if min(known) < 0 < max(known) else [known[0]]
    is_size = base.op == "symbol" and base.params[1] == "size"
    if any(e.denominator != 1 for e in known):
        if len(members) == len(products) == 2:
            chosen.append(min(known))  # sqrt(u) - x^2/sqrt(u), in which u may cancel
    elif known[-1] < 0 and chosen and not is_size:
        chosen.append(known[-1])
    return [power(base, e) for e in dict.fromkeys(chosen)]


def _split_exponent(factor: Node) -> tuple[Node, Node, Fraction]:
    """base, symbolic part and number with factor = base^(symbolic + number)."""
    base, exponent = split_power(factor)
    known = value_of(exponent)
    if known is not None:
        return base, ZERO, known
    terms = terms_of(flatten_sum(exponent))
    numbers = [e for term in terms if (e := value_of(term)) is not None]
    symbolic = [term for term in terms if value_of(term) is None]
    return base, add(*symbolic) if symbolic else ZERO, sum(numbers, Fraction(0))


def take_out(
    node: Node,
    products: list[Product],
    members: Members,
    factor: Node,
    tidy: Callable[[Node], Node],
    *,
    spread: bool,
) -> Node | None:
    """The sum with the factors at `members` taken out of their terms.

    With `spread` what is left may be a column plus a matrix, which index notation can write.
    """
    first, first_place, _ = members[0]
    first_labels = products[first].factors[first_place][1]
    out = products[first].out
    if not first_labels:
        return _take_out_scalar(node, products, members, factor, tidy)
    rests, axes_of = [], []
    for t, place, detached in members:
        product = products[t]
        whole, labels = product.factors[place]
        rest = [f for p, f in enumerate(product.factors) if p != place]
        if whole is not factor:
            base, exponent = split_power(whole)
            rest.append(
                (power(base, flatten_sum(subtract(exponent, split_power(factor)[1]))), labels)
            )
        sums = list(dict.fromkeys(x for x in labels if x not in product.out))
        rename: dict[Label, Label] = {x: ("out", k) for k, x in enumerate(product.out)}
        rename.update({x: ("sum", labels.index(x)) for x in sums})
        own_sizes = {rename[x]: product.sizes[x] for x in rename}
        coef = split_coefficient(node.args[t])[0]
        inner = [(f, tuple(rename.get(x, ("in", x)) for x in own)) for f, own in rest]
        if detached is not None:
            x = labels[detached]
            eye, ends = delta(rename[x], ("sum", detached), product.sizes[x])
            inner.append((eye, tuple(ends)))
            own_sizes[("sum", detached)] = product.sizes[x]
        kept = [x for x in own_sizes if any(x in own for _, own in inner)]
        rests.append((coef, inner, kept, own_sizes))
        axes_of.append(frozenset(kept))
    if all(_is_entry(inner) for _, inner, _, _ in rests):
        return None  # x[0] - x[1] reads better than x'*(e_0 - e_1)
    scaled = (_is_scaled(inner, kept) for _, inner, kept, _ in rests)
    if len(out) == 1 and not spread and any(scaled):
        return None  # A'*(u .* v) + B'*(u .* w) reads better than (diag(v)*A + diag(w)*B)'*u
    axes = _union_axes(axes_of, spread=spread)
    if axes is None or len(axes) > max(2, len(out)):
        return None  # a sum of rank three would have no matrix notation
    order = [x for x in rests[0][3] if x in axes]
    sizes = {x: size for _, _, _, known in rests for x, size in known.items()}
    terms = []
    for coef, inner, kept, _ in rests:
        free = {x: sizes[x] for x in order if x not in kept}
        terms.append(einsum(coef, inner, order, free, merge=True))
    total = tidy(flatten_sum(add(*terms)))
    if is_fixed(total) and any(detached is not None for _, _, detached in members):
        return None  # X - 1*mean(X) reads better than (I - 1*1'/n)*X
    factor_labels = tuple(
        ("out", out.index(x)) if x in out else ("sum", first_labels.index(x)) for x in first_labels
    )
    target = [("out", k) for k in range(len(out))]
    known = set(order) | set(factor_labels)
    free = {x: products[first].sizes[out[x[1]]] for x in target if x not in known}
    gathered = einsum(1, [(total, order), (factor, factor_labels)], target, free, merge=True)
    chosen = {t for t, _, _ in members}
    others = [term for t, term in enumerate(node.args) if t not in chosen]
    return add(gathered, *others) if others else gathered


def _is_entry(left: list[tuple[Node, tuple[Label, ...]]]) -> bool:
    """Whether what is left picks an entry, a row or a column of the factor, and may scale it."""
    selections = [labels for factor, labels in left if factor.op == "select"]
    picks = any(x[0] == "sum" for labels in selections for x in labels if isinstance(x, tuple))
    return picks and all(factor.op == "select" or not labels for factor, labels in left)


def _is_scaled(factors: list[tuple[Node, tuple[Label, ...]]], kept: list[Label]) -> bool:
    """Whether a matrix among these has a column in front or behind, as diag(v)*A has."""
    columns = {labels[0] for _, labels in factors if len(labels) == 1} & set(kept)
    return any(len(labels) == 2 and not columns.isdisjoint(labels) for _, labels in factors)


def _take_out_scalar(
    node: Node,
    products: list[Product],
    members: Members,
    factor: Node,
    tidy: Callable[[Node], Node],
) -> Node:
    """c*A + c*B -> c*(A + B)"""
    base, exponent = split_power(factor)
    rests = []
    for t, place, _ in members:
        product = products[t]
        rest = [f for p, f in enumerate(product.factors) if p != place]
        whole = product.factors[place][0]
        if whole is not factor:
            rest.append((power(base, flatten_sum(subtract(split_power(whole)[1], exponent))), ()))
        coef = split_coefficient(node.args[t])[0]
        rests.append(einsum(coef, rest, product.out, product.sizes, merge=True))
    total = tidy(flatten_sum(add(*rests)))
    axes = tuple(range(total.rank))
    gathered = einsum(1, [(total, axes), (factor, ())], axes, merge=True)
    chosen = {t for t, _, _ in members}
    return add(gathered, *(term for t, term in enumerate(node.args) if t not in chosen))


def _union_axes(axes_of: list[frozenset[Label]], *, spread: bool) -> frozenset[Label] | None:
    """The axes of the gathered sum; a number among the residues is spread along them.

    In matrix notation a column among matrices is not: A.*B + diag(v)*A stays as it is.
    """
    union = frozenset().union(*axes_of)
    return union if spread or all(axes == union or not axes for axes in axes_of) else None
