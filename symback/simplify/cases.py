"""where(c, a, b): what can be taken into its cases, out of them, and joined."""

from __future__ import annotations

from collections.abc import Callable

from symback.graph import Node
from symback.ops import (
    Number,
    add,
    apply,
    einsum,
    einsum_parts,
    is_zero,
    rebuild,
    scale,
    split_coefficient,
    turned_matrix,
    zeros,
)
from symback.rules import broadcast, hadamard
from symback.simplify.product import Product, flipped


def has_cases(term: Node) -> bool:
    """Whether a factor of this product is a where."""
    return any(f.op == "map" and f.params[0] == "where" for f in Product.of(term).factors_alone)


def absorb_into_case(product: Product, tidy: Callable[[Node], Node]) -> bool:
    """x*where(c, 1, 0) -> where(c, x, 0), where that writes x once; x is made `tidy`."""
    for place, (node, labels) in enumerate(product.factors):
        if node.op != "map" or node.params[0] != "where" or is_zero(node):
            continue
        condition, a, b = node.args
        if not (is_zero(a) or is_zero(b)):
            continue
        pure = all(own == labels or not own for _, own in product.factors)
        absorbed = [
            k
            for k, (other, own) in enumerate(product.factors)
            if k != place and (own == labels or (pure and not own)) and other.op != "select"
        ]
        coef = product.coef if pure else 1
        if not absorbed and coef == 1:
            continue
        others = [product.factors[k][0] for k in absorbed]
        cases = [tidy(scale(coef, hadamard(x, *others, merge=True))) for x in (a, b)]
        cases = [zeros(()) if is_zero(x) else x for x in cases]
        if pure:
            product.coef = 1
        product.replace([place, *absorbed], [(where(condition, *cases), labels)])
        return True
    return False


def where(condition: Node, a: Node, b: Node) -> Node:
    """A case, cases inside it in the order of one list.

    where(c, where(d, 0, x), 0) -> where(d, 0, where(c, x, 0))
    """
    if is_zero(b) and _is_case(a) and is_zero(a.args[1]):
        first, nothing, x = a.args
        return apply("where", first, nothing, where(condition, x, b))
    return apply("where", condition, a, b)


def join_cases(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """where(c, a, 0) + where(c, 0, b) -> where(c, a, b), the sums in the cases made `tidy`.

    where(c, a, 0) + where(d, where(c, 0, b), 0) -> where(c, a, where(d, b, 0))
    """
    seen: dict[tuple[Node, bool], Node] = {}
    for term in node.args:
        coef, case, turned = _case_of(term)
        if not _is_case(case):
            continue
        condition, a, b = case.args
        mate = seen.get((condition, turned))
        if mate is not None:
            other_coef, other, _ = _case_of(mate)
            pairs = zip(other.args[1:], (a, b), strict=True)
            parts = [(scale(other_coef, x), scale(coef, y)) for x, y in pairs]
        else:
            seen[condition, turned] = term
            mate = next((t for t in node.args if _decides(condition, t, term)), None)
            if mate is None or turned:
                continue
            parts = [(scale(coef, x), in_case(mate, condition, k)) for k, x in ((1, a), (2, b))]
        cases = [tidy(add(*(broadcast(part, case) for part in pair))) for pair in parts]
        joined = where(condition, *cases)
        joined = out_of_cases(joined) or joined
        joined = flipped(joined) if turned else joined
        rest = [t for t in node.args if t is not term and t is not mate]
        return add(*rest, joined) if rest else joined
    return None


def _is_case(node: Node) -> bool:
    return node.op == "map" and node.params[0] == "where"


def _decides(condition: Node, term: Node, other: Node) -> bool:
    """Whether the cases inside a term depend on a condition that is not its own."""
    inner = _case_of(term)[1]
    if term is other or not _is_case(inner) or inner.args[0] is condition:
        return False
    return in_case(term, condition, 1) is not term


def _case_of(term: Node) -> tuple[Number, Node, bool]:
    """A number and a function with term = number*function, and whether that stands turned."""
    coef, core = split_coefficient(term)
    inner = turned_matrix(core)
    return (coef, core, False) if inner is None else (coef, inner, True)


def out_of_cases(node: Node) -> Node | None:
    """where(c, A.*x, A.*y) -> A.*where(c, x, y)"""
    condition, *cases = node.args
    if any(case.shape != node.shape or is_zero(case) for case in cases):
        return None
    products = [Product.of(case) for case in cases]
    if any(len(set(p.out)) != node.rank for p in products):
        return None
    placed = [
        [
            (f, tuple(p.out.index(x) for x in own)) if p.summed_none(own) else None
            for f, own in p.factors
        ]
        for p in products
    ]
    for place, factor in enumerate(placed[0]):
        if factor is None or not factor[1] or factor[0].op == "select" or factor not in placed[1]:
            continue
        rests = []
        for product, at in zip(products, (place, placed[1].index(factor)), strict=True):
            del product.factors[at]
            rests.append(product.node(merge=True))
        axes = tuple(range(node.rank))
        return einsum(1, [(apply("where", condition, *rests), axes), factor], axes)
    return None


def in_case(node: Node, condition: Node, place: int) -> Node:
    """What stands in one case, with its own cases on that condition decided.

    where(c, where(c, a, b), d) -> where(c, a, d)
    """

    def decide(inner: Node) -> Node | None:
        return inner.args[place] if _is_case(inner) and inner.args[0] is condition else None

    return decided(node, decide)


def decided(root: Node, decide: Callable[[Node], Node | None]) -> Node:
    """The node with whatever is `decide`d entry by entry in its place."""
    done: dict[Node, Node] = {}
    todo = [root]
    while todo:
        node = todo.pop()
        if node in done:
            continue
        choice = decide(node)
        if choice is not None or not _is_elementwise(node):
            done[node] = node if choice is None else broadcast(choice, node)
            continue
        below = [arg for arg in node.args if arg not in done]
        if below:
            todo += [node, *below]
        else:
            done[node] = rebuild(node, tuple(done[arg] for arg in node.args))
    return done[root]


def _is_elementwise(node: Node) -> bool:
    if node.op == "einsum":
        _, labels, out, _ = einsum_parts(node)
        return all(own == out or not own for own in labels) and len(set(out)) == len(out)
    return node.op in ("map", "add")
