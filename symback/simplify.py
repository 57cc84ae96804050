"""From a gradient as the sweep leaves it to the form that a good textbook prints.

Small rewrites, each right wherever the expression is defined, or with its side condition stated:

    merge        (A*B)*x                        ->  A*B*x          (products of products)
    cancel       inv(A)*A*x                     ->  x
    fuse         abs(x)*sign(x)                 ->  x
    expand       -(t/y - (1-t)/(1-y))/2*y*(1-y) ->  (y - t)/2      (only where it gets shorter)
    gather       A*x + A'*x                     ->  (A + A')*x     (only where it gets shorter)
    unit sums    sum(t)*p - t                   ->  p - t          (only where sum(t) = 1 is given)

:func:`simplify` applies them bottom-up, each node once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from symback.graph import Node, Size, transform
from symback.ops import (
    ONE,
    ZERO,
    Factor,
    Label,
    Labels,
    Number,
    add,
    apply,
    as_size,
    einsum,
    einsum_parts,
    inverse,
    is_zero,
    matrix_power,
    number,
    ones,
    power,
    rebuild,
    scale,
    select,
    size_node,
    split_coefficient,
    split_power,
    subtract,
    value_of,
    zeros,
)
from symback.sizes import fits, flat, never_negative, plus

MAX_EXPANDED_TERMS = 40
MAX_GATHERED_TERMS = 60
MAX_GATHERING_TRIES = 6


@dataclass
class Simplifier:
    """Simplifies nodes; results are remembered from call to call.

    Attributes:
        unit_sums: pairs (symbol, axis): the entries of the symbol along that axis sum to 1.
        used: the pairs that a result depends on.
    """

    unit_sums: frozenset[tuple[Node, int]] = frozenset()
    used: set[tuple[Node, int]] = field(default_factory=set)
    _memo: dict[Node, Node] = field(default_factory=dict)
    _cost: dict[Node, int] = field(default_factory=dict)
    _gatherings: dict[Node, Node] = field(default_factory=dict)

    def __call__(self, root: Node) -> Node:
        return transform(root, self._visit, self._memo)

    def _visit(self, node: Node, args: tuple[Node, ...]) -> Node:
        if node.op == "einsum":
            return self._shortest_product(self._product(rebuild(node, args, merge=True)))
        if node.op == "add":
            return self._upright(self._sum(rebuild(node, args)))
        return self._upright(_fuse_function(rebuild(node, args)))

    def _upright(self, node: Node) -> Node:
        """A matrix function or sum in one of its two orientations, always the same one.

        exp(B'*A') -> exp(A*B)', and A' + B' -> (A + B)'
        """
        if node.rank != 2 or node.symmetric or node.op not in ("add", "map", "inv"):
            return node
        flipped = rebuild(node, tuple(_flipped(arg) for arg in node.args))
        if (self.cost(flipped), _core_keys(flipped)) < (self.cost(node), _core_keys(node)):
            return _flipped(flipped)
        return node

    # --- products ------------------------------------------------------------------------------

    def _product(self, node: Node) -> Node:
        """One product, its factors cancelled and fused until nothing changes."""
        while node.op == "einsum":
            product = _Product.of(node)
            changed = (
                self._drop_unit_sums(product)
                or self._split_off_scalars(product)
                or _absorb_sign(product)
                or _cancel_inverses(product)
                or _join_matrix_powers(product)
                or _fuse_elementwise(product)
                or _absorb_into_case(product)
                or _substitute_selections(product)
                or _sum_of_indices(product)
            )
            if not changed:
                break
            node = product.node(merge=True)
        return node

    def _split_off_scalars(self, product: _Product) -> bool:
        """x'*y*A -> (x'*y)*A: factors that no index joins to the result are a scalar factor."""
        for start, (_, labels) in enumerate(product.factors):
            if not labels or not product.summed(labels):
                continue
            group, reached = {start}, set(labels)
            grown = True
            while grown:
                near = {
                    place
                    for place, (_, own) in enumerate(product.factors)
                    if place not in group and not reached.isdisjoint(own)
                }
                group |= near
                reached |= {x for place in near for x in product.factors[place][1]}
                grown = bool(near)
            alone = len(group) == len(product.factors) and not product.out
            if alone or not product.summed(reached):
                continue
            parts = [product.factors[place] for place in sorted(group)]
            closed = self._shortest_product(self._product(einsum(1, parts, ())))
            product.replace(group, [(closed, ())])
            for label in reached:
                del product.sizes[label]
            return True
        return False

    def _drop_unit_sums(self, product: _Product) -> bool:
        if not self.unit_sums:
            return False
        for place, (factor, labels) in enumerate(product.factors):
            for axis, label in enumerate(labels):
                if (factor, axis) in self.unit_sums and product.places(label) == 1:
                    self.used.add((factor, axis))
                    del product.factors[place], product.sizes[label]
                    return True
        return False

    def _shortest_product(self, node: Node) -> Node:
        """The product as it is or multiplied out, whichever is shorter."""
        if node.op != "einsum":
            return node
        if any(f.op == "inv" and f.symmetric for f in node.args):
            split = tuple(_inverse_of_chain(f, symmetric=True) for f in node.args)
            if split != node.args:
                candidate = self._product(rebuild(node, split, merge=True))
                if self.cost(candidate) < self.cost(node):
                    return candidate
        if not any(f.op == "add" for f in node.args):
            return node
        expanded = expand(node, MAX_EXPANDED_TERMS)
        if expanded is None:
            return node
        candidate = self._gathered(self._cancelled(expanded))
        return candidate if self.cost(candidate) < self.cost(node) else node

    def _cancelled(self, node: Node) -> Node:
        """A sum of products, each cancelled on its own."""
        if node.op != "add":
            return self._product(node)
        return add(*(self._product(term) for term in node.args))

    # --- sums ----------------------------------------------------------------------------------

    def _sum(self, node: Node) -> Node:
        node = _fuse_sum(flatten_sum(node), self._sum)
        if node.op != "add":
            return self._product(node)
        if len(node.args) > MAX_GATHERED_TERMS:
            return node
        best = self._gathered(node)
        reflected = _reflect_sigmoids(node)
        if reflected is not None:
            candidate = self._gathered(self._cancelled(reflected))
            if self.cost(candidate) < self.cost(best):
                best = candidate
        if any(t.op == "einsum" and any(f.op == "add" for f in t.args) for t in node.args):
            expanded = expand(node, MAX_EXPANDED_TERMS)
            if expanded is not None:
                candidate = self._gathered(self._cancelled(expanded))
                if self.cost(candidate) < self.cost(best):
                    best = candidate
        return best

    def _gathered(self, node: Node) -> Node:
        """Common factors taken out of a sum, as long as that makes it shorter."""
        node = _common_coefficient(node)
        coef, core = split_coefficient(node)
        if core.op != "add" or len(core.args) > MAX_GATHERED_TERMS:
            return node
        found = self._gatherings.get(core)
        if found is None:
            found = core
            while found.op == "add":
                better = self._gather_once(found)
                if better is None:
                    break
                found = better
            found = self._gatherings[core] = _common_coefficient(found)
        return scale(coef, found)

    def _gather_once(self, node: Node) -> Node | None:
        """The sum with one common factor taken out, if that makes it shorter."""
        products = [_Product.of(split_coefficient(term)[1]) for term in node.args]
        groups = _common_factors(products)
        savings = {
            members: (len(members) - 1) * (self.cost(products[t].factors[place][0]) + 2)
            for members in groups
            for t, place in members[:1]
        }
        for members in sorted(groups, key=lambda m: -savings[m])[:MAX_GATHERING_TRIES]:
            candidates = [
                _take_out(node, products, members, factor, self._gathered)
                for factor in _factors_in_common(products, members)
            ]
            best = min((c for c in candidates if c is not None), key=self.cost, default=node)
            if self.cost(best) < self.cost(node):
                return best
        return None

    # --- length --------------------------------------------------------------------------------

    def cost(self, node: Node) -> int:
        """Roughly the length of the node when written out; shared parts count each time."""
        found = self._cost.get(node)
        if found is None:
            todo = [node]
            while todo:
                top = todo[-1]
                below = [arg for arg in top.args if arg not in self._cost]
                if below:
                    todo.extend(below)
                    continue
                todo.pop()
                self._cost[top] = _own_cost(top) + sum(self._cost[arg] for arg in top.args)
            found = self._cost[node]
        return found


def simplify(node: Node) -> Node:
    """The shortest form of `node` that the rewrites of this module find.

    >>> from symback.ops import symbol, einsum, add
    >>> A, x = symbol("A", (symbol("n"), symbol("n"))), symbol("x", (symbol("n"),))
    >>> both = add(einsum(1, [(A, "ij"), (x, "j")], "i"), einsum(1, [(A, "ji"), (x, "j")], "i"))
    >>> simplify(both).op  # A*x + A'*x -> (A + A')*x
    'einsum'
    """
    return Simplifier()(node)


def _own_cost(node: Node) -> int:
    if node.op == "einsum":
        coef, labels, out, sizes = einsum_parts(node)
        summed = len(sizes) - len(set(out))
        carried = {x for own in labels for x in own}
        lonely = sum(1 for x in range(len(sizes)) if x not in carried and labels)
        repeated = len(out) - len(set(out))
        cost = 2 * (len(labels) - 1) + 2 * repeated + lonely
        if coef not in (1, -1):
            cost += 2
        elif coef == -1:
            cost += 1
        if len(labels) == 1 and summed:
            cost += 2
        return max(cost, 1)
    if node.op == "add":
        return 2 * (len(node.args) - 1)
    if node.op == "map" and node.params[0] == "pow":
        return 1
    return 2


# --- the working form of a product --------------------------------------------------------------


@dataclass
class _Product:
    """A product being rewritten in place."""

    coef: Number
    factors: list[tuple[Node, Labels]]
    out: Labels
    sizes: dict[Label, Size]

    @staticmethod
    def of(node: Node) -> _Product:
        if node.op != "einsum":
            axes = tuple(range(node.rank))
            return _Product(1, [(node, axes)], axes, dict(enumerate(node.shape)))
        coef, labels, out, sizes = einsum_parts(node)
        factors: list[tuple[Node, Labels]] = list(zip(node.args, labels, strict=True))
        return _Product(coef, factors, out, dict(enumerate(sizes)))

    def node(self, *, merge: bool = False) -> Node:
        return einsum(self.coef, self.factors, self.out, self.sizes, merge=merge)

    @property
    def factors_alone(self) -> list[Node]:
        return [factor for factor, _ in self.factors]

    def summed(self, labels: Iterable[Label]) -> bool:
        """Whether the sum runs over all of these labels."""
        return all(label not in self.out for label in labels)

    def places(self, label: Label) -> int:
        """How often a label occurs in the factors and in the result."""
        return sum(own.count(label) for _, own in self.factors) + self.out.count(label)

    def replace(self, gone: Iterable[int], new: Iterable[Factor]) -> None:
        dropped = set(gone)
        kept = [factor for place, factor in enumerate(self.factors) if place not in dropped]
        self.factors = [*kept, *((node, tuple(labels)) for node, labels in new)]

    def forget(self, *labels: Label) -> None:
        """Drop labels that no factor carries any more."""
        for label in labels:
            if self.places(label) == 0:
                self.sizes.pop(label, None)


def _core_keys(node: Node) -> list[int]:
    """What a node is made of, whatever the numbers in front: the same for f(X) and g(-X)."""
    return sorted(split_coefficient(arg)[1].key for arg in node.args)


def _flipped(a: Node) -> Node:
    """The transpose, a product opened up."""
    return a if a.rank < 2 else einsum(1, [(a, "ij")], "ji", merge=True)


def _delta(a: Label, b: Label, size: Size) -> Factor:
    return einsum(1, [], "ii", {"i": size}), (a, b)


ODD = frozenset(("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "erf", "sign"))


def _absorb_sign(product: _Product) -> bool:
    """-A'*(y - A*x) -> A'*(A*x - y), -sign(a - b) -> sign(b - a)."""
    if product.coef >= 0:
        return False
    for place, (node, labels) in enumerate(product.factors):
        if node.op == "map" and node.params[0] in ODD and _has_both_signs(node.args[0]):
            flipped = apply(str(node.params[0]), _negated(node.args[0]))
        elif _has_both_signs(node):
            flipped = _negated(node)
        else:
            continue
        product.coef = -product.coef
        product.factors[place] = (flipped, labels)
        return True
    return False


def _has_both_signs(node: Node) -> bool:
    return node.op == "add" and len({split_coefficient(term)[0] > 0 for term in node.args}) == 2


def _negated(total: Node) -> Node:
    return add(*(scale(-1, term) for term in total.args))


def _cancel_inverses(product: _Product) -> bool:
    """inv(M)*M -> I, also where M is itself a product that has been merged."""
    for place, (node, labels) in enumerate(product.factors):
        if node.op != "inv":
            continue
        pattern = _Product.of(node.args[0])
        for row, column in (labels, labels[::-1]):
            # inv(M)[row, column] * M[column, other] with `column` nowhere else
            if product.places(column) != 2 or row == column:
                continue
            flipped = (row, column) != labels
            found = _match(pattern, product, {place}, column, first_axis=not flipped)
            if found is None:
                continue
            used, other, inner = found
            product.replace({place, *used}, [_delta(row, other, product.sizes[row])])
            if pattern.coef != 1:
                product.coef = product.coef / Fraction(pattern.coef)
            product.forget(column, *inner)
            return True
    return False


def _match(
    pattern: _Product, host: _Product, taken: set[int], start: Label, *, first_axis: bool
) -> tuple[set[int], Label, list[Label]] | None:
    """Factors of `host` that form the matrix `pattern` with one axis at label `start`.

    Returns the places of those factors, the label at the other axis and the labels inside.
    """
    here, there = pattern.out if first_axis else pattern.out[::-1]
    if here == there:
        return None
    order = _connected_order(pattern.factors, here)
    if order is None:
        return None

    def search(
        depth: int, bound: dict[Label, Label], used: set[int]
    ) -> tuple[set[int], dict[Label, Label]] | None:
        if depth == len(order):
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

    result = search(0, {here: start}, set())
    if result is None:
        return None
    used, bound = result
    return used, bound[there], [bound[x] for x in pattern.sizes if x not in pattern.out]


def _connected_order(factors: list[tuple[Node, Labels]], start: Label) -> list[int] | None:
    """The factors in an order in which each shares a label with those before it."""
    reached, order = {start}, []
    waiting = list(range(len(factors)))
    while waiting:
        near = next((p for p in waiting if not reached.isdisjoint(factors[p][1])), None)
        if near is None:
            return None
        waiting.remove(near)
        order.append(near)
        reached.update(factors[near][1])
    return order


def _matrix_power_parts(node: Node) -> tuple[Node, Node]:
    """base, exponent with node = base^exponent as matrices.  inv(A) -> (A, -1)"""
    if node.op == "matpow":
        return node.args[0], node.args[1]
    if node.op == "inv":
        return node.args[0], number(-1)
    return node, ONE


def _join_matrix_powers(product: _Product) -> bool:
    """A^r * A^(n-r) -> A^n."""
    for i, (a, a_labels) in enumerate(product.factors):
        if a.op != "matpow":
            continue
        *batch, row, column = a_labels
        base, exponent = _matrix_power_parts(a)
        for j, (b, b_labels) in enumerate(product.factors):
            other_base, other_exponent = _matrix_power_parts(b)
            if i == j or other_base is not base or b_labels[:-2] not in ((), tuple(batch)):
                continue
            if not exponent.shape:
                batch = list(b_labels[:-2])
            exponent, other_exponent = (
                _spread(exponent, other_exponent),
                _spread(other_exponent, exponent),
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


def _fuse_elementwise(product: _Product) -> bool:
    """Two elementwise factors on the same labels that are one simpler factor together."""
    by_labels: dict[frozenset[Label], list[int]] = {}
    for place, (node, labels) in enumerate(product.factors):
        if node.op == "map" or (node.op in ("symbol", "add", "einsum")):
            by_labels.setdefault(frozenset(labels), []).append(place)
    for places in by_labels.values():
        for i in places:
            a, a_labels = product.factors[i]
            if a.op != "map":
                continue
            for j in places:
                b, b_labels = product.factors[j]
                if i == j or a_labels != b_labels:
                    continue
                fused = _fuse_pair(a, b)
                if fused is not None:
                    product.replace((i, j), [(fused, a_labels)])
                    return True
    return False


def _absorb_into_case(product: _Product) -> bool:
    """x*where(c, 1, 0) -> where(c, x, 0), where that writes x once."""
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
        cases = [scale(coef, einsum_like(x, *others)) for x in (a, b)]
        cases = [zeros(()) if is_zero(x) else x for x in cases]
        if pure:
            product.coef = 1
        product.replace([place, *absorbed], [(apply("where", condition, *cases), labels)])
        return True
    return False


def _fuse_pair(a: Node, b: Node) -> Node | None:
    """a*b as one simpler node, or None.  sign(x)*abs(x) -> x, exp(x)*exp(-x) -> 1"""
    name = a.params[0]
    base, exponent = split_power(b)
    whole = value_of(exponent)
    if name == "sign":
        (x,) = a.args
        if base.op == "map" and base.params[0] == "abs" and base.args[0] is x:
            odd = whole is not None and whole % 2 == 1
            return power(x, exponent) if odd else None  # |x|^(k-1) is x^(k-1)
        if b is x:
            return apply("abs", x)
    if (name, base.params[0] if base.op == "map" else "") in _QUOTIENTS and whole == -1:
        if a.args == base.args:
            quotient, e = _QUOTIENTS[str(name), str(base.params[0])]
            return power(apply(quotient, *a.args), e)
    if name in ("step", "heaviside"):
        (x,) = a.args
        positive_part = base.op == "map" and base.params[0] in ("relu", "maximum")
        if positive_part and whole is not None and whole > 0 and _positive_part_of(base) is x:
            return b
        if name == "step" and b is a:
            return a
        if b is x:
            return apply("relu", x) if name == "step" else None
    if name == "exp" and base.op == "map" and base.params[0] == "exp":
        u, v = a.args[0], base.args[0]
        if whole is not None and u.shape == v.shape:
            total = flatten_sum(add(u, scale(whole, v)))
            if is_zero(total) or (total.op != "add" or u.op == "add" or v.op == "add"):
                return apply("exp", total)
    if name == "exp" and base.op == "map" and base.params[0] == "sigmoid":
        # exp(-z)*sigmoid(z) = sigmoid(-z)
        if whole == 1 and scale(-1, base.args[0]) is a.args[0]:
            return apply("sigmoid", a.args[0])
        if whole is not None and whole > 1 and scale(-1, base.args[0]) is a.args[0]:
            return einsum_like(apply("sigmoid", a.args[0]), power(base, whole - 1))
    if name == "where" and base.op == "map" and base.params[0] == "where" and whole == 1:
        if a.args[0] is base.args[0]:
            _, p, q = a.args
            _, r, s = base.args
            return apply("where", a.args[0], einsum_like(p, r), einsum_like(q, s))
    return None


_QUOTIENTS = {  # f(u)/g(u) = h(u)^e
    ("sin", "cos"): ("tan", 1),
    ("cos", "sin"): ("tan", -1),
    ("sinh", "cosh"): ("tanh", 1),
    ("cosh", "sinh"): ("tanh", -1),
}


def _positive_part_of(node: Node) -> Node | None:
    """x for relu(x) and max(x, 0)."""
    if node.params[0] == "relu":
        return node.args[0]
    kept = [arg for arg in node.args if not is_zero(arg)]
    return kept[0] if len(kept) == 1 else None


def einsum_like(*factors: Node) -> Node:
    """The elementwise product of nodes of one shape, scalars among them."""
    rank = max(factor.rank for factor in factors)
    axes = tuple(range(rank))
    return einsum(1, [(f, axes if f.shape else ()) for f in factors], axes, merge=True)


def _fuse_function(node: Node) -> Node:
    """1/(1 + exp(u)) -> sigmoid(-u), log(1 + exp(u)) -> softplus(u), abs(x)^2 -> x^2, ..."""
    if node.op in ("inv", "det", "matpow"):
        return _take_out_scalars(node)
    if node.op != "map":
        return node
    name = node.params[0]
    if name in ("abs", "sign"):
        coef, core = split_coefficient(node.args[0])
        if coef != 1 and value_of(node.args[0]) is None:
            inner = apply(str(name), core)
            return scale(abs(coef), inner) if name == "abs" else scale(1 if coef > 0 else -1, inner)
        base, exponent = split_power(node.args[0])
        e = value_of(exponent)
        if name == "abs" and e is not None and e % 2 == 0:
            return node.args[0]
    if name == "pow":
        base, exponent = node.args
        e = value_of(exponent)
        if base.op == "map" and base.params[0] == "abs" and e is not None and e % 2 == 0:
            return power(base.args[0], exponent)
        if e is not None and e < 0 and e.denominator == 1:
            u = _one_plus_exp(base)
            if u is not None:
                return power(apply("sigmoid", scale(-1, u)), -e)
        if base.op == "map" and base.params[0] == "exp" and e is not None:
            return apply("exp", scale(e, base.args[0]))
    if name == "log":
        u = _one_plus_exp(node.args[0])
        if u is not None:
            return apply("softplus", u)
    return node


def _one_plus_exp(node: Node) -> Node | None:
    """u for 1 + exp(u)."""
    if node.op != "add" or len(node.args) != 2:
        return None
    for one, other in (node.args, node.args[::-1]):
        is_one = one is ONE or (node.shape and one is ones(node.shape))
        if is_one and other.op == "map" and other.params[0] == "exp":
            return other.args[0]
    return None


MAX_CHAIN_POWER = 4


def _take_out_scalars(node: Node) -> Node:
    """inv(t*A) -> inv(A)/t, det(t*A) -> t^n*det(A), (t*A)^n -> t^n*A^n, A^3 -> A*A*A."""
    a = node.args[0]
    if a.op == "einsum":
        coef, labels, out, sizes = einsum_parts(a)
        scalars = [arg for arg, own in zip(a.args, labels, strict=True) if not own]
        rest: list[Factor] = [(arg, own) for arg, own in zip(a.args, labels, strict=True) if own]
        if rest and (scalars or coef != 1):
            factor = einsum(coef, [(arg, ()) for arg in scalars], ())
            inner = einsum(1, rest, out, dict(enumerate(sizes)))
            e = {"inv": number(-1), "det": size_node(a.shape[0]), "matpow": node.args[-1]}[node.op]
            if not e.shape:
                bare = rebuild(node, (inner, *node.args[1:]))
                return einsum_like(power(factor, e), _take_out_scalars(bare))
    if node.op == "inv" and a.op == "matpow":
        return matrix_power(a.args[0], scale(-1, a.args[1]))
    if node.op == "inv":
        return _inverse_of_chain(node)
    e_value = value_of(node.args[1]) if node.op == "matpow" else None
    if e_value is not None and 1 < e_value <= MAX_CHAIN_POWER:
        steps = range(int(e_value))
        return einsum(1, [(a, (k, k + 1)) for k in steps], (0, len(steps)), merge=True)
    return node


def _inverse_of_chain(node: Node, *, symmetric: bool = False) -> Node:
    """inv(A*B) -> inv(B)*inv(A) for square A and B (each is invertible if the product is)."""
    a = node.args[0] if node.op == "inv" else node
    if node.op != "inv" or a.op != "einsum" or (a.symmetric and not symmetric):
        return node
    coef, labels, out, sizes = einsum_parts(a)
    if any(size != a.shape[0] for size in sizes) or len(set(out)) != 2 or len(labels) < 2:
        return node
    chain: list[tuple[Node, Labels]] = []
    position, waiting = out[0], list(zip(a.args, labels, strict=True))
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
    return einsum(1 / Fraction(coef), chain, out[::-1])


def _substitute_selections(product: _Product) -> bool:
    """A selection that fixes an index puts it into the others; [p == q] on one range is I."""
    for place, (node, labels) in enumerate(product.factors):
        if node.op != "select" or node.params[0] != "==":
            continue
        coefs, offset = condition_of(node)
        if not all(isinstance(c, int) for c in coefs):
            continue
        if coefs in ((1, -1), (-1, 1)) and value_of(offset) == 0:
            if node.shape[0] == node.shape[1]:
                product.replace([place], [_delta(labels[0], labels[1], node.shape[0])])
                return True
        fixed = value_of(offset)
        if len(coefs) == 1 and fixed is not None:
            index = -int(fixed) * (1 if coefs[0] == 1 else -1)
            if abs(fixed) and _fix_index(product, place, labels[0], index):
                return True
            if not fixed and _fix_index(product, place, labels[0], 0):
                return True
    return _join_selections(product)


def _sum_of_indices(product: _Product) -> bool:
    """The sum of 0, 1, ..., n - 1 (plus an offset each) is n*(n - 1)/2 (plus n times that)."""
    for place, (node, labels) in enumerate(product.factors):
        if node.op == "iota" and product.places(labels[0]) == 1:
            n = size_node(product.sizes.pop(labels[0]))
            pairs = einsum(Fraction(1, 2), [(n, ()), (add(n, number(-1)), ())], ())
            total = add(pairs, einsum(1, [(n, ()), (node.args[0], ())], ()))
            product.factors[place] = (flat(total), ())
            return True
    return False


def condition_of(node: Node) -> tuple[tuple[Size, ...], Node]:
    coefs = node.params[1]
    assert isinstance(coefs, tuple)
    return coefs, node.args[0]


def _join_selections(product: _Product) -> bool:
    """Two selections that meet in a summed index and nowhere else become one.

    [r == i + a][r == j + b] -> [i + a == j + b], and [r == i*n + k][r == j*n + l] -> [i == j][k == l]
    """
    selections = [
        (place, node, labels)
        for place, (node, labels) in enumerate(product.factors)
        if node.op == "select" and node.params[0] == "==" and len(labels) in (2, 3)
    ]
    for a, (i, one, one_labels) in enumerate(selections):
        for j, other, other_labels in selections[a + 1 :]:
            for r in one_labels:
                if r not in other_labels or r in product.out or product.places(r) != 2:
                    continue
                if one is other and len(one_labels) == 3 and one_labels[0] == r == other_labels[0]:
                    if not unique_digits(one):
                        continue
                    pairs = zip(one_labels[1:], other_labels[1:], one.shape[1:], strict=True)
                    product.replace((i, j), [_delta(x, y, size) for x, y, size in pairs])
                    product.forget(r)
                    return True
                if len(one_labels) == len(other_labels) == 2:
                    joined = _joined_shifts((one, one_labels), (other, other_labels), r)
                    if joined is not None:
                        product.replace((i, j), [joined])
                        product.forget(r)
                        return True
    return False


def unique_digits(node: Node) -> bool:
    """Whether [r == i*n + k] names each pair (i, k) by its own r: k counts the digits below n."""
    coefs, offset = condition_of(node)
    sizes = dict(zip(coefs[1:], node.shape[1:], strict=True))
    others = [c for c in coefs[1:] if c != 1]
    return coefs[0] == -1 and offset is ZERO and len(others) == 1 and sizes.get(1) == others[0]


def _joined_shifts(
    one: tuple[Node, Labels], other: tuple[Node, Labels], r: Label
) -> tuple[Node, Labels] | None:
    """[r == i + a][r == j + b] as a condition on i and j; a factor 0 if it cannot hold."""
    shifts = []
    for node, labels in (one, other):
        coefs, offset = condition_of(node)
        place = labels.index(r)
        if coefs != (1, -1) and coefs != (-1, 1):
            return None
        sign = 1 if coefs[place] == 1 else -1
        shift = scale(-sign, offset)  # r == i + shift
        end = plus(node.shape[1 - place], as_size(shift))
        if not never_negative(shift) or not fits(end, node.shape[place]):
            return None
        shifts.append((labels[1 - place], node.shape[1 - place], shift, end))
    (i, i_size, a, a_end), (j, j_size, b, b_end) = shifts
    if a is b and i_size == j_size:
        return _delta(i, j, i_size)
    if fits(a_end, as_size(b)) or fits(b_end, as_size(a)):
        return zeros((i_size, j_size)), (i, j)
    return select("==", (1, -1), subtract(a, b), (i_size, j_size)), (i, j)


def _out_of_range(coef: Size, offset: Node, size: Size) -> bool:
    """Whether coef*i + offset is plainly never 0 for 0 <= i < size."""
    value = value_of(offset)
    if value is None or not isinstance(coef, int):
        return False
    solution = -value / coef
    beyond = isinstance(size, int) and solution >= size
    return solution < 0 or solution.denominator != 1 or beyond


def _fix_index(product: _Product, fixing: int, label: Label, index: int) -> bool:
    """Put a known index into other selections, explicit arrays and index vectors."""
    for place, (node, labels) in enumerate(product.factors):
        if place == fixing or label not in labels:
            continue
        if node.op == "select" and node.params[0] == "==":
            coefs, offset = condition_of(node)
            axis = labels.index(label)
            if not isinstance(coefs[axis], int):
                continue
            rest = [k for k in range(len(labels)) if k != axis]
            moved = add(offset, number(coefs[axis] * index))
            if not rest:
                known = value_of(moved)
                if known is None:
                    continue
                product.replace([place], [(number(int(known == 0)), ())])
                return True
            if len(rest) == 1 and _out_of_range(coefs[rest[0]], moved, node.shape[rest[0]]):
                product.replace([place], [(ZERO, ())])
                return True
            smaller = select(
                "==", [coefs[k] for k in rest], moved, tuple(node.shape[k] for k in rest)
            )
            product.replace([place], [(smaller, tuple(labels[k] for k in rest))])
            return True
        if node.op == "stack" and len(labels) == 1:
            product.replace([place], [(node.args[index], ())])
            return True
        if node.op == "iota":
            product.replace([place], [(add(node.args[0], number(index)), ())])
            return True
    return False


# --- sums --------------------------------------------------------------------------------------


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


def _fuse_sum(node: Node, tidy: Callable[[Node], Node]) -> Node:
    """Terms that are one function together: 1 - sigmoid(u), exp(u) + exp(-u), two cases of one."""
    while node.op == "add":
        fused = (
            _one_less_sigmoid(node)
            or _hyperbolic(node)
            or _join_cases(node)
            or _join_diagonals(node, tidy)
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
        product = _Product.of(term)
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


def _reflect_sigmoids(node: Node) -> Node | None:
    """a*sigmoid(u) + b*sigmoid(-u) with b*(1 - sigmoid(u)) multiplied out."""
    present = {f for t in node.args for f in _Product.of(t).factors_alone if _is_sigmoid(f)}
    mirrored = {f: apply("sigmoid", scale(-1, f.args[0])) for f in present}
    pairs = {f: m for f, m in mirrored.items() if m in present and f.key > m.key}
    if not pairs:
        return None
    terms = []
    for term in node.args:
        product = _Product.of(term)
        for place, (factor, labels) in enumerate(product.factors):
            if factor in pairs:
                less = subtract(ones(factor.shape), pairs[factor])
                product.factors[place] = (less, labels)
        terms.append(product.node())
    return expand(add(*terms), MAX_EXPANDED_TERMS)


def _is_sigmoid(node: Node) -> bool:
    return node.op == "map" and node.params[0] == "sigmoid"


def _hyperbolic(node: Node) -> Node | None:
    """c*exp(u) + c*exp(-u) -> 2*c*cosh(u), with a minus sign 2*c*sinh(u)."""
    found: dict[Node, tuple[Number, Node]] = {}
    for term in node.args:
        coef, core = split_coefficient(term)
        if core.op != "map" or core.params[0] != "exp":
            continue
        u = core.args[0]
        mate = found.get(scale(-1, u)) or found.get(_negated(u) if u.op == "add" else u)
        if mate is not None and abs(mate[0]) == abs(coef):
            name = "cosh" if mate[0] == coef else "sinh"
            fused = scale(2 * mate[0], apply(name, split_coefficient(mate[1])[1].args[0]))
            return add(*(t for t in node.args if t is not term and t is not mate[1]), fused)
        found[u] = (coef, term)
    return None


def _join_cases(node: Node) -> Node | None:
    """where(c, a, 0) + where(c, 0, b) -> where(c, a, b)."""
    seen: dict[Node, Node] = {}
    for term in node.args:
        coef, core = split_coefficient(term)
        if core.op != "map" or core.params[0] != "where":
            continue
        condition, a, b = core.args
        mate = seen.get(condition)
        if mate is not None:
            other_coef, other = split_coefficient(mate)
            _, p, q = other.args
            cases = [
                add(_spread(scale(coef, x), core), _spread(scale(other_coef, y), core))
                for x, y in ((a, p), (b, q))
            ]
            joined = apply("where", condition, *cases)
            rest = [t for t in node.args if t is not term and t is not mate]
            return add(*rest, joined) if rest else joined
        seen[condition] = term
    return None


def _spread(node: Node, like: Node) -> Node:
    """A scalar over the shape of `like`."""
    if node.shape or not like.shape:
        return node
    axes = tuple(range(like.rank))
    return einsum(1, [(node, ())], axes, dict(zip(axes, like.shape, strict=True)))


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
    product = _Product.of(term)
    for place, (node, labels) in enumerate(product.factors):
        base, exponent = split_power(node)
        if value_of(exponent) == 2 and base.op == "map" and base.params[0] == first:
            square = power(apply(second, base.args[0]), 2)
            swapped, without = _Product.of(term), _Product.of(term)
            swapped.factors[place] = (square, labels)
            without.factors[place] = (ones(base.shape), labels)
            return swapped.node(merge=True), without.node(merge=True)
    return None


def expand(node: Node, limit: int) -> Node | None:
    """Every product of sums multiplied out; None if that gives more than `limit` terms."""
    done: list[Node] = []
    todo = list(reversed(node.args)) if node.op == "add" else [node]
    while todo:
        if len(done) + len(todo) > limit:
            return None
        term = todo.pop()
        if term.op == "add":
            todo.extend(reversed(term.args))
            continue
        product = _Product.of(term)
        sums = [place for place, (f, _) in enumerate(product.factors) if f.op == "add"]
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


def _has_quotients(total: Node) -> bool:
    """Whether a term of a sum divides by an elementwise factor."""
    for term in total.args:
        for factor in term.args if term.op == "einsum" else (term,):
            e = value_of(split_power(factor)[1])
            if e is not None and e < 0:
                return True
    return False


def _common_coefficient(node: Node) -> Node:
    """2*a - 2*b -> 2*(a - b), -a - b -> -(a + b)."""
    if node.op != "add":
        return node
    coefs = [split_coefficient(term)[0] for term in node.args]
    size = abs(coefs[0])
    sign = -1 if all(c < 0 for c in coefs) else 1
    if any(abs(c) != size for c in coefs) or (size == 1 and sign == 1):
        return node
    if any(value_of(term) is not None for term in node.args):
        return node
    factor = size * sign
    return scale(factor, add(*(scale(1 / Fraction(factor), term) for term in node.args)))


Members: TypeAlias = tuple[tuple[int, int], ...]  # places (term, factor) of a common factor


def _common_factors(products: list[_Product]) -> list[Members]:
    """The factors that several terms have in one role, with the places where they stand.

    x^2 and x^3 have x^2 in common, and so have 1/x and 1/x^2 the latter.
    """
    groups: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for t, product in enumerate(products):
        if any(factor.op == "select" for factor, _ in product.factors):
            continue
        repeated = len(set(product.out)) != len(product.out)
        seen = set()
        for place, (factor, labels) in enumerate(product.factors):
            if repeated and labels:
                continue
            base, exponent = split_power(factor)
            numeric = value_of(exponent) is not None
            key = (base if numeric else factor, _role(product, place))
            if key not in seen:
                seen.add(key)
                groups.setdefault(key, []).append((t, place))
    return [tuple(members) for members in groups.values() if len(members) >= 2]


def _role(product: _Product, place: int) -> tuple[object, ...]:
    """How a factor hangs in its product: the axes of the result, or the sums, it carries."""
    _, labels = product.factors[place]
    return tuple(
        ("out", product.out.index(x)) if x in product.out else ("sum", labels.index(x))
        for x in labels
    )


def _factors_in_common(products: list[_Product], members: Members) -> list[Node]:
    """What may be taken out: of 1/x and 1/x^2, first 1/x and then 1/x^2; of x and x^2, x."""
    wholes = [products[t].factors[place][0] for t, place in members]
    exponents = {value_of(split_power(whole)[1]) for whole in wholes}
    if len(exponents) == 1:
        return wholes[:1]
    known = sorted((e for e in exponents if e is not None), key=abs)
    base = split_power(wholes[0])[0]
    chosen = [known[0], known[-1]] if known[-1] < 0 else [known[0]]
    if known[0] > 0 > known[-1]:
        chosen = [known[-1]]
    return [power(base, e) for e in dict.fromkeys(chosen)]


def _take_out(
    node: Node,
    products: list[_Product],
    members: Members,
    factor: Node,
    tidy: Callable[[Node], Node],
) -> Node | None:
    """The sum with the factors at `members` (term, place) taken out of their terms."""
    first, first_place = members[0]
    first_labels = products[first].factors[first_place][1]
    out = products[first].out
    if not first_labels:
        return _take_out_scalar(node, products, members, factor, tidy)
    rests, axes_of = [], []
    for t, place in members:
        product = products[t]
        whole, labels = product.factors[place]
        rest = [f for p, f in enumerate(product.factors) if p != place]
        if whole is not factor:
            base, exponent = split_power(whole)
            rest.append((power(base, subtract(exponent, split_power(factor)[1])), labels))
        sums = list(dict.fromkeys(x for x in labels if x not in product.out))
        rename: dict[Label, Label] = {x: ("out", k) for k, x in enumerate(product.out)}
        rename.update({x: ("sum", labels.index(x)) for x in sums})
        own_sizes = {rename[x]: product.sizes[x] for x in rename}
        coef = split_coefficient(node.args[t])[0]
        inner = [(f, tuple(rename.get(x, ("in", x)) for x in own)) for f, own in rest]
        kept = [x for x in own_sizes if any(x in own for _, own in inner)]
        rests.append((coef, inner, kept, own_sizes))
        axes_of.append(frozenset(kept))
    axes = _union_axes(axes_of, first_labels, products[first])
    if axes is None or len(axes) > max(2, len(out)):
        return None  # a sum of rank three would have no matrix notation
    order = [x for x in rests[0][3] if x in axes]
    sizes = {x: size for _, _, _, known in rests for x, size in known.items()}
    terms = []
    for coef, inner, kept, _ in rests:
        free = {x: sizes[x] for x in order if x not in kept}
        terms.append(einsum(coef, inner, order, free))
    total = tidy(flatten_sum(add(*terms)))
    factor_labels = tuple(
        ("out", out.index(x)) if x in out else ("sum", first_labels.index(x)) for x in first_labels
    )
    target = [("out", k) for k in range(len(out))]
    known = {x for x in order} | set(factor_labels)
    free = {x: products[first].sizes[out[x[1]]] for x in target if x not in known}
    gathered = einsum(1, [(total, order), (factor, factor_labels)], target, free)
    chosen = {t for t, _ in members}
    others = [term for t, term in enumerate(node.args) if t not in chosen]
    return add(gathered, *others) if others else gathered


def _take_out_scalar(
    node: Node,
    products: list[_Product],
    members: Members,
    factor: Node,
    tidy: Callable[[Node], Node],
) -> Node:
    """c*A + c*B -> c*(A + B)"""
    base, exponent = split_power(factor)
    rests = []
    for t, place in members:
        product = products[t]
        rest = [f for p, f in enumerate(product.factors) if p != place]
        whole = product.factors[place][0]
        if whole is not factor:
            rest.append((power(base, subtract(split_power(whole)[1], exponent)), ()))
        coef = split_coefficient(node.args[t])[0]
        rests.append(einsum(coef, rest, product.out, product.sizes))
    total = tidy(flatten_sum(add(*rests)))
    axes = tuple(range(total.rank))
    gathered = einsum(1, [(total, axes), (factor, ())], axes)
    chosen = {t for t, _ in members}
    return add(gathered, *(term for t, term in enumerate(node.args) if t not in chosen))


def _union_axes(
    axes_of: list[frozenset[Label]], labels: Labels, product: _Product
) -> frozenset[Label] | None:
    """The axes of the gathered sum; residues that lack some are spread along the factor's own."""
    union = frozenset().union(*axes_of)
    if all(axes == union for axes in axes_of):
        return union
    own = {
        ("out", product.out.index(x)) if x in product.out else ("sum", labels.index(x))
        for x in labels
    }
    return union if all(not axes or union - axes <= own for axes in axes_of) else None
