"""Matrices that cancel or join in a product: inverses, powers, signs."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from symback.graph import Node
from symback.ops import (
    EVEN,
    ODD,
    ONE,
    Factor,
    Label,
    Labels,
    add,
    apply,
    einsum,
    einsum_parts,
    inverse,
    is_closed,
    matrix_power,
    number,
    power,
    rebuild,
    scale,
    size_node,
    split_coefficient,
    split_power,
    value_of,
)
from symback.rules import broadcast, hadamard
from symback.simplify.expand import is_fixed
from symback.simplify.product import Product, delta, flipped, negated
from symback.simplify.sums import flatten_sum
from symback.sizes import flat


def absorb_sign(product: Product) -> bool:
    """-A'*(y - A*x) -> A'*(A*x - y), -sign(a - b) -> sign(b - a)."""
    if product.coef >= 0:
        return False
    for place, (node, labels) in enumerate(product.factors):
        if product.factors_alone.count(node) > 1:
            continue  # -(x - u)'*S*(x - u) stays a square
        if node.op == "map" and node.params[0] in ODD and _has_both_signs(node.args[0]):
            flipped = apply(str(node.params[0]), negated(node.args[0]))
        else:
            base, exponent = split_power(node)
            e = value_of(exponent)
            odd = e is not None and e.denominator == 1 and e % 2 == 1
            if not (odd and _has_both_signs(base)) or is_fixed(base):  # I - 1*1'/n keeps its sign
                continue
            flipped = power(negated(base), exponent)
        product.coef = -product.coef
        product.factors[place] = (flipped, labels)
        return True
    return False


def align_signs(product: Product) -> bool:
    """(x - u)*(u - x)' -> -(x - u)*(x - u)'."""
    turning = [(k, node) for k, (node, _) in enumerate(product.factors) if _has_both_signs(node)]
    for first, node in turning:
        for second, other in turning:
            if first < second and negated(node) is other:
                product.factors[second] = (node, product.factors[second][1])
                product.coef = -product.coef
                return True
    return False


def align_turned(product: Product) -> bool:
    """D_ij D_ji -> -D_ij^2 for D with D' = -D, as x*1' - 1*x'."""
    known: set[tuple[Node, Labels]] = set()
    for place, (factor, labels) in enumerate(product.factors):
        base, exponent = split_power(factor)
        e = value_of(exponent)
        is_pair = len(labels) == len({*labels}) == 2
        if not is_pair or not _has_both_signs(base) or e is None or e.denominator != 1:
            continue
        if (base, labels[::-1]) in known and negated(base) is add(*map(flipped, base.args)):
            product.factors[place] = (factor, labels[::-1])
            product.coef = product.coef if e % 2 == 0 else -product.coef
            return True
        known.add((base, labels))
    return False


def cancel_opposites(product: Product) -> bool:
    """(a - b)/(b - a) -> -1, and (a - b)/(b - a)^3 -> -1/(a - b)^2."""
    powers = []
    for place, (factor, labels) in enumerate(product.factors):
        base, exponent = split_power(factor)
        e = value_of(exponent)
        if _has_both_signs(base) and e is not None and e.denominator == 1:
            powers.append((place, base, e, labels))
    for place, base, e, labels in powers:
        for other, second, f, own in powers:
            if place < other and e * f < 0 and labels == own and negated(base) is second:
                product.replace((place, other), [(power(base, e + f), labels)])
                product.coef = product.coef if f % 2 == 0 else -product.coef
                return True
    return False


def align_even(product: Product) -> bool:
    """sign(x - u) .* abs(u - x) -> sign(x - u) .* abs(x - u)."""
    odd = {f.args[0] for f in product.factors_alone if f.op == "map" and f.params[0] in ODD}
    for place, (node, labels) in enumerate(product.factors):
        base, exponent = split_power(node)
        aligned = base.op != "map" or base.args[0] in odd
        if not aligned and base.params[0] in EVEN and _has_both_signs(base.args[0]):
            turned = negated(base.args[0])
            if turned in odd:
                even = apply(str(base.params[0]), turned)
                product.factors[place] = (power(even, exponent), labels)
                return True
    return False


def _has_both_signs(node: Node) -> bool:
    return node.op == "add" and len({split_coefficient(term)[0] > 0 for term in node.args}) == 2


def cancel_inverses(product: Product) -> bool:
    """inv(M)*M -> I, also where M is itself a product that has been merged."""
    for place, (node, labels) in enumerate(product.factors):
        if node.op != "inv":
            continue
        pattern = Product.of(node.args[0])
        for row, column in (labels, labels[::-1]):
            # inv(M)[row, column] * M[column, other] with `column` nowhere else
            if product.places(column) != 2 or row == column:
                continue
            here, there = pattern.out if (row, column) == labels else pattern.out[::-1]
            found = None if here == there else _match(pattern, product, {place}, {here: column})
            if found is None:
                continue
            used, bound = found
            other, inner = bound[there], [bound[x] for x in pattern.sizes if x not in pattern.out]
            product.replace({place, *used}, [delta(row, other, product.sizes[row])])
            if pattern.coef != 1:
                product.coef = product.coef / Fraction(pattern.coef)
            product.forget(column, *inner)
            return True
    return False


def cancel_powers(product: Product) -> bool:
    """(A*B).^-2 .* (A*B) -> (A*B).^-1, also where A*B has been merged into the product."""
    for place, (node, labels) in enumerate(product.factors):
        base, exponent = split_power(node)
        if base is node or base.op != "einsum" or not _may_rise(exponent):
            continue
        pattern = Product.of(base)
        if len(set(labels)) != len(labels) or len(set(pattern.out)) != len(labels):
            continue
        bound = dict(zip(pattern.out, labels, strict=True))
        if _absorb(product, place, pattern, bound):
            return True
        found = _match(pattern, product, {place}, bound)
        if found is None:
            continue
        used, bound = found
        product.replace({place, *used}, [(power(base, flatten_sum(add(exponent, ONE))), labels)])
        product.coef = product.coef / Fraction(pattern.coef)
        product.forget(*(bound[x] for x in pattern.sizes))
        return True
    return False


def cancel_in_sums(product: Product) -> bool:
    """1/v sum_i x_i (x_i/v)^(p-1) -> sum_i (x_i/v)^p, where x_i/v stands on both sides of a sum."""
    scalars = {k for k, (_, labels) in enumerate(product.factors) if not labels}
    for place in scalars:
        total = product.factors[place][0]
        if not is_closed(total) or not any(map(_may_take_up, total.args)):
            continue
        opened = Product.of(total)
        opened.factors += [product.factors[k] for k in scalars - {place}]
        if cancel_powers(opened):
            product.replace(scalars, [(opened.node(), ())])
            return True
    return False


def _may_take_up(node: Node) -> bool:
    base, exponent = split_power(node)
    return base.op == "einsum" and value_of(exponent) is None and _may_rise(exponent)


def _may_rise(exponent: Node) -> bool:
    """Whether an exponent is a number, or p - 1, which gets shorter."""
    terms = exponent.args if exponent.op == "add" else (exponent,)
    numbers = [value for term in terms if (value := value_of(term)) is not None]
    return bool(numbers) and (len(terms) == 1 or sum(numbers) < 0)


def _absorb(product: Product, place: int, pattern: Product, bound: Mapping[Label, Label]) -> bool:
    """s*t^2*(s*t)^(-1/2) -> t*(s*t)^(1/2): the base is in the product, and more of some factors."""
    wanted: dict[tuple[Node, Labels], Fraction] = {}
    for factor, labels in pattern.factors:
        base, exponent = split_power(factor)
        e = value_of(exponent)
        if e is None or not set(labels) <= set(bound):
            return False
        wanted[base, tuple(bound[x] for x in labels)] = e
    there = {}
    for k, (factor, labels) in enumerate(product.factors):
        base, exponent = split_power(factor)
        least = wanted.get((base, labels))
        e = value_of(exponent)
        if k != place and least is not None and e is not None and e / least >= 1:
            there[base, labels] = (k, e - least)
    if there.keys() != wanted.keys():
        return False
    root, labels = product.factors[place]
    base, exponent = split_power(root)
    rest = [(power(one, left), own) for (one, own), (_, left) in there.items() if left != 0]
    product.replace(
        {place, *(k for k, _ in there.values())},
        [*rest, (power(base, flatten_sum(add(exponent, ONE))), labels)],
    )
    product.coef = product.coef / Fraction(pattern.coef)
    return True


def _match(
    pattern: Product, host: Product, taken: set[int], start: dict[Label, Label]
) -> tuple[set[int], dict[Label, Label]] | None:
    """Factors of `host` that form `pattern` with its labels of the result bound by `start`.

    Returns the places of those factors and what each label is bound to.
    """
    order = _connected_order(pattern.factors, set(start))
    if not order:
        return None

    def search(
        depth: int, bound: dict[Label, Label], used: set[int]
    ) -> tuple[set[int], dict[Label, Label]] | None:
        if depth == len(order):
            if any(x not in bound for x in pattern.sizes):
                return None  # a matrix that is constant along an axis
            inner = [bound[x] for x in pattern.sizes if x not in pattern.out]
            inside = [x for p in used for x in host.factors[p][1]]
            private = all(host.places(x) == inside.count(x) for x in inner)
            distinct = len(set(bound.values())) == len(bound)
            return (used, bound) if private and distinct else None
        want, own = pattern.factors[order[depth]]
        for place, (node, labels) in enumerate(host.factors):
            if node is not want or place in used or place in taken:
                continue
            orders = [labels, labels[::-1]] if node.symmetric else [labels]
            for candidate in orders:
                trial = dict(bound)
                if all(trial.setdefault(a, b) == b for a, b in zip(own, candidate, strict=True)):
                    result = search(depth + 1, trial, used | {place})
                    if result is not None:
                        return result
        return None

    return search(0, dict(start), set())


def _connected_order(factors: list[tuple[Node, Labels]], reached: set[Label]) -> list[int] | None:
    """The factors in an order in which each shares a label with those before it."""
    reached, order = set(reached), []
    waiting = list(range(len(factors)))
    while waiting:
        near = next((p for p in waiting if _touches(factors[p][1], reached)), None)
        if near is None:
            return None
        waiting.remove(near)
        order.append(near)
        reached.update(factors[near][1])
    return order


def _touches(labels: Labels, reached: set[Label]) -> bool:
    return not labels or not reached.isdisjoint(labels)


def _matrix_power_parts(node: Node) -> tuple[Node, Node]:
    """base, exponent with node = base^exponent as matrices.  inv(A) -> (A, -1)"""
    if node.op == "matpow":
        return node.args[0], node.args[1]
    if node.op == "inv":
        return node.args[0], number(-1)
    return node, ONE


def join_matrix_powers(product: Product) -> bool:
    """A^r * A^(n-r) -> A^n."""
    for i, (a, a_labels) in enumerate(product.factors):
        if a.op != "matpow":
            continue
        *batch, row, column = a_labels
        base, exponent = a.args
        for j, (b, b_labels) in enumerate(product.factors):
            other_base, other_exponent = (b, ONE) if b is base else _matrix_power_parts(b)
            if i == j or other_base is not base or b_labels[:-2] not in ((), tuple(batch)):
                continue
            if not exponent.shape:
                batch = list(b_labels[:-2])
            exponent, other_exponent = (
                broadcast(exponent, other_exponent),
                broadcast(other_exponent, exponent),
            )
            b_row, b_column = b_labels[-2:]
            if column == b_row and product.places(column) == 2 and column not in product.out:
                ends, middle = (row, b_column), column
            elif row == b_column and product.places(row) == 2 and row not in product.out:
                ends, middle = (b_row, column), row
            else:
                continue
            total = flatten_sum(add(exponent, other_exponent))
            terms = total.args if total.op == "add" else (total,)
            if total.rank and not any(_carries_axes(term) for term in terms):
                total = flat(
                    add(
                        *(
                            einsum(einsum_parts(t)[0], [(arg, ()) for arg in t.args], ())
                            for t in terms
                        )
                    )
                )
            power_labels = (*batch, *ends) if total.rank else ends
            product.replace((i, j), [(matrix_power(base, total), power_labels)])
            product.forget(middle)
            return True
    return False


def _carries_axes(node: Node) -> bool:
    """Whether an array varies along its axes; ones times a scalar does not."""
    return node.op != "einsum" or any(einsum_parts(node)[1])


MAX_CHAIN_POWER = 4


def take_out_scalars(node: Node) -> Node:
    """inv(t*A) -> inv(A)/t, det(t*A) -> t^n*det(A), (t*A)^n -> t^n*A^n, A^3 -> A*A*A.

    det(inv(A)) -> 1/det(A)
    """
    a = node.args[0]
    exponent = value_of(node.args[-1]) if node.op == "matpow" else None
    is_root = exponent is not None and exponent.denominator != 1
    if a.op == "einsum" and not is_root:
        coef, labels, out, sizes = einsum_parts(a)
        scalars = [arg for arg, own in zip(a.args, labels, strict=True) if not own]
        rest: list[Factor] = [(arg, own) for arg, own in zip(a.args, labels, strict=True) if own]
        if rest and (scalars or coef != 1):
            factor = einsum(coef, [(arg, ()) for arg in scalars], ())
            inner = einsum(1, rest, out, dict(enumerate(sizes)))
            e = {"inv": number(-1), "det": size_node(a.shape[0]), "matpow": node.args[-1]}[node.op]
            if not e.shape:
                bare = rebuild(node, (inner, *node.args[1:]))
                if bare.op == node.op:
                    bare = take_out_scalars(bare)
                return hadamard(power(factor, e), bare, merge=True)
    if node.op == "det" and a.op == "inv":
        return power(rebuild(node, a.args), -1)
    if node.op == "inv" and a.op == "matpow":
        return matrix_power(a.args[0], scale(-1, a.args[1]))
    if node.op == "inv":
        return inverse_of_chain(node)
    if exponent is not None and not is_root and 1 < exponent <= MAX_CHAIN_POWER:
        steps = range(int(exponent))
        return einsum(1, [(a, (k, k + 1)) for k in steps], (0, len(steps)), merge=True)
    return node


def inverse_of_chain(node: Node, *, symmetric: bool = False) -> Node:
    """inv(A*B) -> inv(B)*inv(A) for square A and B (each is invertible if the product is).

    inv(diag(u)*A) -> inv(A)*diag(1/u) with them.
    """
    a = node.args[0] if node.op == "inv" else node
    if node.op != "inv" or a.op != "einsum" or (a.symmetric and not symmetric):
        return node
    coef, labels, out, sizes = einsum_parts(a)
    if any(size != a.shape[0] for size in sizes) or len(set(out)) != 2 or len(labels) < 2:
        return node
    factors = list(zip(a.args, labels, strict=True))
    diagonals = [(power(factor, -1), own) for factor, own in factors if len(own) == 1]
    chain: list[tuple[Node, Labels]] = []
    position, waiting = out[0], [f for f in factors if len(f[1]) != 1]
    while waiting:
        step = [f for f in waiting if len(set(f[1])) == 2 and position in f[1]]
        if len(step) != 1:
            return node
        waiting.remove(step[0])
        factor, own = step[0]
        forward = own[0] == position
        position = own[1] if forward else own[0]
        # inv(A)[j, i] stands for A[i, j]
        chain.append((inverse(factor), own[::-1]))
    if position != out[1] or len(sizes) != len(chain) + 1:
        return node
    return einsum(1 / Fraction(coef), [*chain, *diagonals], out[::-1])
