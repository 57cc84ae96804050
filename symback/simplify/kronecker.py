"""Inverse and determinants of Kronecker products by those of their factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symback.graph import Node
from symback.ops import Factor, Label, Labels, add, einsum, power, rebuild, size_node
from symback.rules import hadamard
from symback.simplify.product import Product
from symback.simplify.selections import condition_of, digits_of, is_equation, unique_digits


def of_kronecker(node: Node, tidy: Callable[[Node], Node]) -> Node | None:
    """inv(A (x) B) -> inv(A) (x) inv(B), det(A (x) B) -> det(A)^n*det(B)^m for m and n rows.

    `tidy` simplifies each. Magnus and Neudecker, Matrix Differential Calculus, section 2.2.
    """
    found = _factors(node.args[0])
    if found is None:
        return None
    (a, b), joints = found
    parts = [tidy(rebuild(node, (part,))) for part in (a, b)]
    if node.op == "inv":
        ends: list[Factor] = [(parts[0], ("i", "j")), (parts[1], ("k", "l"))]
        places = zip(joints, (("r", "i", "k"), ("c", "j", "l")), strict=True)
        selections = [(joint, _ordered(joint, labels)) for joint, labels in places]
        return einsum(1, [*ends, *selections], ("r", "c"))
    sizes = [size_node(part.shape[0]) for part in (b, a)]
    if node.op == "det":
        return einsum(1, [(power(p, size), ()) for p, size in zip(parts, sizes, strict=True)], ())
    return add(*(hadamard(size, part) for size, part in zip(sizes, parts, strict=True)))


def _ordered(joint: Node, labels: tuple[str, str, str]) -> tuple[str, ...]:
    """The labels of [r == i*n + k] in the order in which its own axes stand."""
    place, slow, fast = labels
    coefs = condition_of(joint)[0]
    return (place, slow, fast) if coefs[2] == 1 else (place, fast, slow)


def _factors(node: Node) -> tuple[tuple[Node, Node], list[Node]] | None:
    """A, B and the two joints of A (x) B for square A and B."""
    if node.op != "einsum" or node.rank != 2:
        return None
    product = Product.of(node)
    joints: list[tuple[Node, Labels]] = []
    for label in product.out:
        mine = [
            (factor, own)
            for factor, own in product.factors
            if is_equation(factor) and factor.rank == 3 and own[0] == label
        ]
        if len(mine) != 1 or not unique_digits(mine[0][0]) or product.places(label) != 2:
            return None
        joints += mine
    if len(set(product.out)) != 2 or joints[0][0] is not joints[1][0]:
        return None
    digits = [digits_of(joint, own) for joint, own in joints]
    rest = [f for f in product.factors if f not in joints]
    sides = [_hanging(rest, {digits[0][k], digits[1][k]}) for k in (0, 1)]
    if any(factor in sides[1] for factor in sides[0]):
        return None
    sides[0] += [factor for factor in rest if factor not in (*sides[0], *sides[1])]
    parts = []
    for k, coef in ((0, product.coef), (1, 1)):
        ends = (digits[0][k], digits[1][k])
        inside = {x for _, own in sides[k] for x in own}.union(ends)
        parts.append(einsum(coef, sides[k], ends, {x: product.sizes[x] for x in inside}))
    return (parts[0], parts[1]), [joint for joint, _ in joints]


def _hanging(factors: Sequence[Factor], labels: set[Label]) -> list[Factor]:
    """The factors that shared labels join to one of these."""
    found: list[Factor] = []
    grown = True
    while grown:
        near = [f for f in factors if f not in found and not labels.isdisjoint(f[1])]
        found += near
        labels = labels.union(*(own for _, own in near))
        grown = bool(near)
    return found
