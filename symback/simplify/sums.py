"""Sums: flattened, multiplied out, terms that are one function together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import gcd, lcm

from symback.graph import Node, Shape, Size, topological
from symback.ops import (
    EVEN,
    ODD,
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
    turned_matrix,
    value_of,
)
from symback.simplify.cases import join_cases
from symback.simplify.expand import MAX_EXPANDED_TERMS, expand, is_fixed, is_sum
from symback.simplify.product import Product, flipped, opposite, opposites
from symback.simplify.selections import join_residues
from symback.sizes import terms_of


def flatten_sum(node: Node) -> Node:
    """a + 2*(b - c) -> a + 2*b - 2*c, and I + A + (I + B)' -> 2*I + A + B'."""
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
    opened = [part for term in terms for part in _turned_parts(term)]
    if len(opened) == len(terms):
        return add(*terms)
    total = add(*opened)
    return add(*terms) if len(terms_of(total)) == len(opened) else total


def _turned_parts(term: Node) -> Iterator[Node]:
    """The terms of 2*(A + B)', each turned; anything else as it is."""
    coef, core = split_coefficient(term)
    total = turned_matrix(core)
    if total is None or total.op != "add":
        yield term
        return
    for part in total.args:
        yield scale(coef, flipped(part))


def fuse_sum(node: Node, tidy: Callable[[Node], Node], *, factor: bool = False) -> Node:
    """Terms that are one function together: 1 - sigmoid(u), exp(u) + exp(-u), two cases of one.

    As a `factor` of a product 1 - sigmoid(u) stays as it is.
    """
    while node.op == "add":
        fused = (
            (None if factor else _one_less_sigmoid(node))
            or _two_sigmoids(node)
            or _of_both_signs(node)
            or _hyperbolic(node)
            or join_cases(node, tidy)
            or join_residues(node)
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
    """diag(a) + diag(b) -> diag(a + b), and so for all terms with the same deltas.

    Of more axes than two not where conditions stand, which are put into what stands beside them.
    """
    groups: dict[tuple[int, ...], list[Node]] = {}
    for term in node.args:
        product = Product.of(term)
        out = product.out
        pattern = tuple(out.index(x) for x in out)
        if len(set(pattern)) == len(pattern) or product.is_fixed:
            continue
        if node.rank == 2 or all(x.op != "select" for x in topological([term])):
            groups.setdefault(pattern, []).append(term)
    for pattern, terms in groups.items():
        if len(terms) < 2:
            continue
        axes = tuple(dict.fromkeys(pattern))
        narrow = []
        for product in map(Product.of, terms):
            out = tuple(product.out[axis] for axis in axes)
            narrow.append(einsum(product.coef, product.factors, out, product.sizes))
        total = tidy(add(*narrow))
        joined = einsum(1, [(total, axes)], pattern, merge=True)
        rest = [term for term in node.args if term not in terms]
        return add(*rest, joined) if rest else joined
    return None


def _join_row_sums(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """A*1 + A'*1 -> (A + A')*1."""
    if node.rank != 1:
        return None
    sums: dict[Size, list[Node]] = {}
    for term in node.args:
        core = split_coefficient(term)[1]
        if core.op == "einsum" and len(core.args) == 1 and core.args[0].rank == 2:
            _, (labels,), out, sizes = einsum_parts(core)
            if len(set(labels)) == 2 and out[0] in labels:
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
    for first, second in _mirrored(node, "sigmoid"):
        (a, one), (b, other) = split_coefficient(first), split_coefficient(second)
        if not _is_upright(one, other):
            (a, one), b = (b, other), a
        rest = [t for t in node.args if t is not first and t is not second]
        return add(*rest, scale(a - b, one), scale(b, ones(node.shape)))
    return None


def _of_both_signs(node: Node) -> Node | None:
    """a*sign(u) + b*sign(-u) -> (a - b)*sign(u), and for an even function (a + b)*f(u)."""
    present = {split_coefficient(term)[1] for term in node.args}
    for name in dict.fromkeys(f.params[0] for f in present if f.op == "map"):
        for first, second in _mirrored(node, str(name)) if name in ODD or name in EVEN else ():
            (a, one), (b, _) = split_coefficient(first), split_coefficient(second)
            rest = [t for t in node.args if t is not first and t is not second]
            return add(*rest, scale(a - b if name in ODD else a + b, one))
    return None


def _mirrored(node: Node, name: str) -> Iterator[tuple[Node, Node]]:
    """The pairs of terms a*f(u) and b*f(-u) with numbers a and b."""
    found: dict[Node, Node] = {}
    for term in node.args:
        core = split_coefficient(term)[1]
        if core.op == "map" and core.params[0] == name:
            u = core.args[0]
            mate = found.get(scale(-1, u)) or found.get(opposite(u))
            if mate is not None:
                yield mate, term
            found[u] = term


def reflections(node: Node, name: str) -> Iterator[Node]:
    """a*f(u) + b*f(-u) with b*(1 - f(u)), or a*(1 - f(-u)), for f = sigmoid or heaviside.

    Entries stay apart: f(u)*e_0 + f(-u)*e_1.
    """
    factors = (f for t in node.args for f in Product.of(t).factors_alone)
    present = {f for f in factors if f.op == "map" and f.params[0] == name}
    mirrored = {
        f: other
        for f in present
        for turned in opposites(f.args[0])
        if (other := apply(name, turned)) in present
    }
    upright = {f for f, other in mirrored.items() if _is_upright(f, other)}
    for kept in (upright, mirrored.keys() - upright) if mirrored else ():
        terms, new = [], set()
        for term in node.args:
            product = Product.of(term)
            is_entry = any(f.op == "select" for f in product.factors_alone)
            for place, (factor, labels) in enumerate(product.factors):
                if factor in mirrored and factor not in kept and not is_entry:
                    less = subtract(ones(factor.shape), mirrored[factor])
                    product.factors[place] = (less, labels)
                    new.add(less)
            terms.append(product.node())
        for chosen in (None, new.__contains__):
            expanded = expand(add(*terms), MAX_EXPANDED_TERMS, chosen)
            if expanded is not None:
                yield expanded


def _is_upright(f: Node, mirrored: Node) -> bool:
    """Whether f(-u) is written through f(u), rather than the other way, if neither is shorter."""
    turned, other = (split_coefficient(x.args[0])[0] < 0 for x in (f, mirrored))
    return f.key < mirrored.key if turned == other else other


def _hyperbolic(node: Node) -> Node | None:
    """c*exp(u) + c*exp(-u) -> 2*c*cosh(u), with a minus sign 2*c*sinh(u)."""
    for first, second in _mirrored(node, "exp"):
        (a, one), (b, _) = split_coefficient(first), split_coefficient(second)
        if abs(a) == abs(b):
            u = one.args[0]
            if split_coefficient(u)[0] < 0:
                u, a, b = scale(-1, u), b, a
            fused = scale(2 * a, apply("cosh" if a == b else "sinh", u))
            return add(*(t for t in node.args if t is not first and t is not second), fused)
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


def _fewer_numbers(coefs: list[Fraction], size: Fraction) -> bool:
    left = sum(abs(c) != size for c in coefs)
    return left + 1 < sum(abs(c) != 1 for c in coefs)


def content_out(product: Product) -> bool:
    """(4*a - 2*b)*c -> 2*(2*a - b)*c, and 4/(2*a - 2*b)^2 -> 1/(a - b)^2."""
    for place, (factor, labels) in enumerate(product.factors):
        total, exponent = split_power(factor)
        e = value_of(exponent)
        if not is_sum(total) or is_fixed(total) or e is None or e.denominator != 1 or e > 1:
            continue
        coefs = [Fraction(split_coefficient(term)[0]) for term in total.args]
        content = Fraction(gcd(*(c.numerator for c in coefs)), lcm(*(c.denominator for c in coefs)))
        coef = Fraction(product.coef) * content ** int(e)
        if content == 1 or (e < 0 and coef.denominator > Fraction(product.coef).denominator):
            continue  # 1/(2*a - 2*b)
        bare = add(*(scale(1 / content, term) for term in total.args))
        product.factors[place] = (power(bare, e), labels)
        product.coef = coef
        return True
    return False
