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

from dataclasses import dataclass, field
from fractions import Fraction

from symback.graph import Node, transform
from symback.ops import (
    ONE,
    add,
    einsum,
    einsum_parts,
    is_closed,
    is_pointwise,
    ones,
    power,
    rebuild,
    scale,
    split_coefficient,
    split_power,
    value_of,
)
from symback.rules import hadamard
from symback.simplify.blocks import gather_blocks, split_at_seams
from symback.simplify.cancel import (
    absorb_sign,
    align_even,
    align_signs,
    align_turned,
    cancel_in_sums,
    cancel_inverses,
    cancel_opposites,
    cancel_powers,
    inverse_of_chain,
    join_matrix_powers,
)
from symback.simplify.cases import absorb_into_case, has_cases
from symback.simplify.centring import centred, drop_centring
from symback.simplify.constants import fold_constants
from symback.simplify.expand import (
    expand,
    expand_mask,
    is_fixed,
    is_sum,
    split_at_deltas,
    sum_of_spread,
)
from symback.simplify.fractions import over_one_denominator
from symback.simplify.functions import diagonal_inside, fuse_elementwise, fuse_function
from symback.simplify.gather import (
    Members,
    align_terms,
    around_sum,
    common_factors,
    factors_in_common,
    take_out,
)
from symback.simplify.product import Product, flipped
from symback.simplify.selections import at_given_index, substitute_selections, sum_of_indices
from symback.simplify.softmax import recognise_logsumexp, recognise_softmax, sum_of_softmax
from symback.simplify.steps import decide_by_step
from symback.simplify.sums import (
    common_coefficient,
    content_out,
    flatten_sum,
    fuse_sum,
    reflections,
)

MAX_GATHERED_TERMS = 60
MAX_GATHERING_TRIES = 12
ROOT_GAIN = 6
QUOTIENT_GAIN = 5
MAX_FACTORED_TERMS = 6
MAX_TRIED_TERMS = 16  # of a product that is multiplied out to see whether that gets shorter
MAX_GATHERINGS = 200  # in one simplification, after which no other forms are tried
BRACKETS = 3  # what a product inside a product may be longer than the sum that it was
# what 1 - f(u) for f(-u) must save at least
REFLECTION_GAIN = {"sigmoid": 4, "heaviside": 0}


@dataclass
class Simplifier:
    """Simplifies nodes; results are remembered from call to call.

    Attributes:
        unit_sums: pairs (symbol, axis): the entries of the symbol along that axis sum to 1.
        indices: whether the result is for index notation, where any arrays can be added.
        projections: whether x - 1*mean(x) becomes (I - 1*1'/n)*x, for forms without names.
        kinks: u for which sign(u)^2 is 1: at u = 0 is no derivative, or that is its limit.
        used: the pairs that a result depends on.
    """

    unit_sums: frozenset[tuple[Node, int]] = frozenset()
    indices: bool = False
    projections: bool = False
    kinks: frozenset[Node] = frozenset()
    used: set[tuple[Node, int]] = field(default_factory=set)
    _memo: dict[Node, Node] = field(default_factory=dict)
    _cost: dict[Node, int] = field(default_factory=dict)
    _gatherings: dict[Node, Node] = field(default_factory=dict)
    _tries: int = 0

    def __call__(self, root: Node) -> Node:
        self._tries = 0
        return transform(root, self._visit, self._memo)

    def _visit(self, node: Node, args: tuple[Node, ...]) -> Node:
        if node.op == "einsum":
            product = fold_constants(rebuild(node, args, merge=True))
            return self._shortest_product(self._product(product))
        if node.op == "add":
            return self._upright(self._sum(rebuild(node, args)))
        return self._upright(recognise_logsumexp(fuse_function(rebuild(node, args))))

    @property
    def _is_spent(self) -> bool:
        """Whether so much has been tried that the form there is has to do."""
        return self._tries > MAX_GATHERINGS

    def _upright(self, node: Node) -> Node:
        """A matrix function or sum in one of its two orientations, always the same one.

        exp(B'*A') -> exp(A*B)', and A' + B' -> (A + B)'
        """
        if node.rank != 2 or node.symmetric or node.op not in ("add", "map", "inv"):
            return node
        turned = rebuild(node, tuple(flipped(arg) for arg in node.args))
        ways = [(self.cost(way), _turned_terms(way), _core_keys(way)) for way in (turned, node)]
        return flipped(turned) if ways[0] < ways[1] else node

    # --- products ------------------------------------------------------------------------------

    def _product(self, node: Node) -> Node:
        """One product, its factors cancelled and fused until nothing changes."""
        while node.op == "einsum":
            product = Product.of(node)
            changed = (
                self._drop_unit_sums(product)
                or self._split_off_scalars(product)
                or cancel_opposites(product)
                or align_signs(product)
                or align_turned(product)
                or absorb_sign(product)
                or align_even(product)
                or self._drop_signs(product)
                or cancel_inverses(product)
                or cancel_powers(product)
                or cancel_in_sums(product)
                or self._join_projections(product)
                or self._clear_denominator(product)
                or content_out(product)
                or self._take_out_of_sum(product)
                or join_matrix_powers(product)
                or fuse_elementwise(product)
                or diagonal_inside(product)
                or decide_by_step(product)
                or recognise_softmax(product)
                or sum_of_softmax(product)
                or absorb_into_case(product, self._product)
                or substitute_selections(product)
                or sum_of_indices(product)
                or (self.indices and drop_centring(product))
                or (not self.indices and (at_given_index(product) or self._sum_of_spread(product)))
            )
            if not changed:
                break
            node = product.node(merge=True)
        return node

    def _sum_of_spread(self, product: Product) -> bool:
        """(X - b*1')*1 -> X*1 - n*b; a longer residual only where it gets shorter."""
        if not any(f.op == "add" and len(f.args) > 2 for f in product.factors_alone):
            return sum_of_spread(product)
        whole = product.node()
        apart = Product.of(whole)
        if not sum_of_spread(apart) or self.cost(apart.node()) > self.cost(whole):
            return False
        product.take(apart)
        return True

    def _join_projections(self, product: Product) -> bool:
        """H*H -> H for H = I - 1*1'/n, and any other product of constants that gets shorter."""
        for place, (factor, labels) in enumerate(product.factors):
            base, exponent = split_power(factor)
            fixed_inside = base.op == "einsum" and any(
                f.op == "add" and is_fixed(f) for f in base.args
            )
            if value_of(exponent) != 2 or not fixed_inside:
                continue
            rest = [f for k, f in enumerate(product.factors) if k != place]
            twice = [(base, labels), (base, labels)]  # |H*x|^2 is x'*H'*H*x
            opened = einsum(product.coef, [*rest, *twice], product.out, product.sizes, merge=True)
            unfolded = Product.of(opened)
            if self._join_fixed(unfolded):
                product.take(unfolded)
                return True
        return self._join_fixed(product)

    def _join_fixed(self, product: Product) -> bool:
        """Two constants of a product as one, if that gets shorter."""
        fixed = [
            (place, factor, labels)
            for place, (factor, labels) in enumerate(product.factors)
            if factor.op == "add" and is_fixed(factor)
        ]
        for k, (place, factor, labels) in enumerate(fixed):
            for other, second, own in fixed[k + 1 :]:
                middle = [x for x in labels if x in own and product.places(x) == 2]
                if len(middle) != 1 or middle[0] in product.out:
                    continue
                ends = tuple(x for x in (*labels, *own) if x != middle[0])
                both = expand(einsum(1, [(factor, labels), (second, own)], ends), 9, is_sum)
                joined = both and self._gathered(both)
                if joined and self.cost(joined) <= self.cost(factor):
                    product.replace((place, other), [(joined, ends)])
                    product.forget(middle[0])
                    return True
        return False

    def _clear_denominator(self, product: Product) -> bool:
        """1/c .* 1/(1 + x^2/c) -> 1/(c + x^2), where that is shorter."""
        for place, (total, labels) in enumerate(product.factors):
            base, exponent = split_power(total)
            if base.op != "add" or value_of(exponent) != -1:
                continue
            for other, (factor, own) in enumerate(product.factors):
                divisor, times = split_power(factor)
                e = value_of(times)
                least = 0 if own or e is None else _least_power(divisor, base)
                if e is None or least > -1 or e > -1:
                    continue
                axes, missing = tuple(range(base.rank)), power(divisor, -least)
                terms = [
                    einsum(1, [(term, axes), (missing, ())], axes, merge=True) for term in base.args
                ]
                cleared = power(add(*terms), -1)
                left = power(divisor, e - least)
                if self.cost(cleared) + self.cost(left) <= self.cost(total) + self.cost(factor):
                    product.replace((place, other), [(cleared, labels), (left, ())])
                    return True
        return False

    def _take_out_of_sum(self, product: Product) -> bool:
        """(z - z^3)*y -> z*(1 - z^2)*y: in a product there are brackets anyway."""
        for place, (total, labels) in enumerate(product.factors):
            if total.op != "add" or is_fixed(total) or len(total.args) > MAX_FACTORED_TERMS:
                continue
            terms = [Product.of(split_coefficient(term)[1]) for term in total.args]
            for members in common_factors(terms, with_units=not self.indices):
                every = len(members) == len(terms) and all(m[2] is None for m in members)
                if not every or not _is_elementwise(terms, members):
                    continue
                for factor in factors_in_common(terms, members)[:1]:
                    apart = take_out(
                        total, terms, members, factor, self._fused, spread=self.indices
                    )
                    if apart is not None and self.cost(apart) <= self.cost(total) + BRACKETS:
                        product.replace([place], [(apart, labels)])
                        return True
        return False

    def _split_off_scalars(self, product: Product) -> bool:
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

    def _drop_unit_sums(self, product: Product) -> bool:
        if not self.unit_sums:
            return False
        for place, (factor, labels) in enumerate(product.factors):
            for axis, label in enumerate(labels):
                if (factor, axis) in self.unit_sums and product.places(label) == 1:
                    self.used.add((factor, axis))
                    del product.factors[place], product.sizes[label]
                    return True
        return False

    def _drop_signs(self, product: Product) -> bool:
        """sign(u)^2 -> 1 where abs(u) has been differentiated twice."""
        for place, (factor, labels) in enumerate(product.factors):
            base, exponent = split_power(factor)
            e = value_of(exponent)
            is_sign = base.op == "map" and base.params[0] == "sign"
            if e == 2 and is_sign and base.args[0] in self.kinks:
                product.factors[place] = (ones(base.shape), labels)
                return True
        return False

    def _shortest_product(self, node: Node) -> Node:
        """The product as it is or multiplied out, whichever is shorter."""
        if node.op != "einsum":
            return node
        if any(f.op == "inv" and f.symmetric for f in node.args):
            chains = tuple(inverse_of_chain(f, symmetric=True) for f in node.args)
            if chains != node.args:
                candidate = self._product(rebuild(node, chains, merge=True))
                if self.cost(candidate) < self.cost(node):
                    return candidate
        split = split_at_seams(node)
        if split is not None:
            return self._gathered(self._cancelled(split))
        if not any(f.op == "add" for f in node.args):
            return node
        unmasked = expand_mask(node) if self.indices else None
        if unmasked is not None:
            return self._gathered(self._cancelled(unmasked))
        parts = split_at_deltas(node) if self.indices else None
        if parts is not None:
            apart = parts.args if parts.op == "add" else (parts,)
            shortest = (self._shortest_product(self._product(part)) for part in apart)
            return self._gathered(add(*shortest))
        expanded = None if self._is_spent else expand(node, MAX_TRIED_TERMS)
        if expanded is None:
            return node
        candidate = self._gathered(self._cancelled(expanded))
        # (a - b)/a reads as well as 1 - b/a
        least = 1 if is_pointwise(node) and any(map(_divides, node.args)) else 0
        gain = self.cost(node) - self.cost(candidate)
        return self._product(candidate) if gain > least else node

    def _cancelled(self, node: Node) -> Node:
        """A sum of products, each cancelled on its own."""
        if node.op != "add":
            return self._product(node)
        return add(*(self._product(term) for term in node.args))

    # --- sums ----------------------------------------------------------------------------------

    def _sum(self, node: Node) -> Node:
        node = fuse_sum(flatten_sum(node), self._sum)
        if node.op != "add":
            return self._product(node)
        if len(node.args) > MAX_GATHERED_TERMS:
            return node
        projected = centred(node, self._product) if self.projections else None
        if projected is not None:
            return self._sum(projected)
        best = self._gathered(node)
        if self._is_spent:
            return self._product(fuse_sum(best, self._fused))
        for name, gain in REFLECTION_GAIN.items():
            for reflected in reflections(node, name):
                candidate = self._gathered(self._cancelled(reflected))
                if self.cost(candidate) + gain < self.cost(best):
                    best = candidate
        best = self._as_quotient(node, best)
        opened = [self._with_open_scalars(node)] if len(node.args) <= MAX_FACTORED_TERMS else []
        for start in (node, *(other for other in opened if other is not node)):
            if not any(f.op == "add" for term in start.args for f in term.args):
                continue
            expanded = expand(start, MAX_TRIED_TERMS)
            if expanded is not None:
                candidate = self._gathered(self._cancelled(expanded))
                if self.cost(candidate) < self.cost(best):
                    best = candidate
        return self._product(fuse_sum(best, self._fused))

    def _as_quotient(self, node: Node, best: Node) -> Node:
        """The sum as one quotient, where that is no longer than the best form so far."""
        quotients = over_one_denominator(node)
        if quotients is None:
            return best
        whole, below = quotients
        axes = tuple(range(node.rank))
        above = self._gathered(self._cancelled(expand(whole, MAX_TRIED_TERMS) or whole))
        candidate = self._product(einsum(1, [(above, axes), (below, axes)], axes, merge=True))
        return candidate if self.cost(candidate) <= self.cost(best) else best

    def _with_open_scalars(self, node: Node) -> Node:
        """(u'*(x - y))*u - y -> (u'*x - u'*y)*u - y, and (a - b)^2 -> a^2 - 2*a*b + b^2."""
        terms = []
        for term in node.args:
            product = Product.of(term)
            for place, (factor, labels) in enumerate(product.factors):
                base, exponent = split_power(factor)
                if is_closed(factor) and any(f.op == "add" for f in factor.args):
                    opened = expand(factor, MAX_TRIED_TERMS)
                elif base.op == "add" and value_of(exponent) == 2:
                    opened = add(
                        *(hadamard(t, u, merge=True) for t in base.args for u in base.args)
                    )
                else:
                    continue
                if opened is not None and opened.op == "add":
                    product.factors[place] = (self._cancelled(opened), labels)
            terms.append(product.node(merge=True))
        return add(*terms)

    def _fused(self, node: Node) -> Node:
        """What is left of a sum when a factor has been taken out, tidied in its turn."""
        node = flatten_sum(node)
        if node.op == "add" and any(map(has_cases, node.args)):
            node = self._cancelled(node)  # c*where(a, 0, 1) -> where(a, 0, c), which joins others
        node = fuse_sum(node, self._fused, factor=True)
        if node.op != "add":
            return node
        projected = centred(node, self._product) if self.projections else None
        return self._gathered(node) if projected is None else self._fused(projected)

    def _gathered(self, node: Node) -> Node:
        """Common factors taken out of a sum, as long as that makes it shorter."""
        node = common_coefficient(fold_constants(node))
        coef, core = split_coefficient(node)
        if core.op != "add" or len(core.args) > MAX_GATHERED_TERMS:
            return node
        found = self._gatherings.get(core)
        if found is None:
            found = self._gather_all(core)
            for start in (found, core):
                around = around_sum(start) if start.op == "add" else None
                if around is not None:
                    found = min(self._gather_all(around), found, key=self.cost)
                    break
            aligned = align_terms(core)
            if aligned is not core:
                found = min(found, self._gather_all(aligned), key=self.cost)
            found = self._gatherings[core] = common_coefficient(found)
        return scale(coef, found)

    def _gather_all(self, node: Node) -> Node:
        while node.op == "add":
            better = self._gather_once(node)
            if better is None:
                break
            node = better
        return node

    def _gather_once(self, node: Node) -> Node | None:
        """The sum with one common factor taken out, if that makes it shorter."""
        apart = [Product.of(split_coefficient(term)[1]) for term in node.args]
        joined = [product.by_components() for product in apart]
        if self.indices:
            others = [[product.with_open_sums() for product in apart]]
        else:
            others = [[product.with_slices() for product in apart]]
            others += [[product.with_columns() for product in apart]]
        ways = [apart, *(way for way in (joined, *others) if _differ(way, apart))]
        groups = [
            (products, members)
            for products in ways
            for members in common_factors(products, with_units=not self.indices)
        ]

        def saving(group: tuple[list[Product], Members]) -> int:
            products, members = group
            t, place, _ = members[0]
            return (len(members) - 1) * (self.cost(products[t].factors[place][0]) + 2)

        known = [] if self.indices else groups
        groups = [group for group in groups if not _is_left_over(*group, known)]
        for products, members in sorted(groups, key=saving, reverse=True)[:MAX_GATHERING_TRIES]:
            best, least = None, self.cost(node)
            for k, factor in enumerate(factors_in_common(products, members)):
                self._tries += 1
                found = take_out(node, products, members, factor, self._fused, spread=self.indices)
                # a root in the denominator, rather than a power of it, unless that cancels
                base, exponent = split_power(factor)
                e = value_of(exponent)
                gain = 0 if not k else ROOT_GAIN if e and e.denominator != 1 else QUOTIENT_GAIN
                gain = 0 if base.op == "symbol" else gain
                if found is not None and self.cost(found) + gain <= least:
                    best, least = found, self.cost(found)
            if best is not None:
                return best  # of two forms of one length the product is the better
        alike = None if self.indices else gather_blocks(node, self._fused)
        return alike if alike is not None and self.cost(alike) < self.cost(node) else None

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


def _is_left_over(
    products: list[Product], members: Members, groups: list[tuple[list[Product], Members]]
) -> bool:
    """Whether a matrix that some terms have in common is in the others too.

    A*A*B + A*B*A + B*A*A reads better than A*(A*B + B*A) + B*A*A. Not where those others have it
    in common as well: W*A + W*B - C*W - D*W is W*(A + B) - (C + D)*W, in two steps.
    """
    t, place, _ = members[0]
    factor = products[t].factors[place][0]
    chosen = {term for term, _, _ in members}
    rest = {
        k
        for k, product in enumerate(products)
        if k not in chosen and factor in product.factors_alone
    }
    if factor.rank != 2 or not rest:
        return False
    if not groups or any(_occurrences(products[k], factor) > 1 for k in (*chosen, *rest)):
        return True
    gathered = {k for k in rest if any(f.op == "add" for f in products[k].factors_alone)}
    others = (
        {term for term, _, _ in other}
        for ways, other in groups
        if ways is products and products[other[0][0]].factors[other[0][1]][0] is factor
    )
    return rest != gathered and not any(rest == terms and len(rest) > 1 for terms in others)


def _differ(one: list[Product], other: list[Product]) -> bool:
    """Whether some product has its factors put together in another way."""
    return any(a is not b and a.factors != b.factors for a, b in zip(one, other, strict=True))


def _occurrences(product: Product, matrix: Node) -> int:
    """How often a matrix, or a power of it, stands in a product."""
    bases = (f.args[0] if f.op == "matpow" else f for f in product.factors_alone)
    return sum(base is matrix for base in bases)


def _is_elementwise(terms: list[Product], members: Members) -> bool:
    """Whether the factor has the axes of the whole sum, or none."""
    return all(terms[t].factors[k][1] in ((), terms[t].out) for t, k, _ in members)


def _least_power(divisor: Node, total: Node) -> Fraction:
    """The least exponent with which the terms of a sum have this factor."""
    exponents = [Fraction(0)]
    for term in total.args:
        for factor in Product.of(term).factors_alone:
            base, exponent = split_power(factor)
            if base is divisor:
                exponents.append(value_of(exponent) or Fraction(0))
    return min(exponents)


def _divides(factor: Node) -> bool:
    return (value_of(split_power(factor)[1]) or 0) < 0


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
    return 1 if node is ONE else 2


def _turned_terms(node: Node) -> int:
    """How many terms of a sum are transposes, or blocks of a matrix that are."""
    return sum(_is_turned(term) for term in node.args) if node.op == "add" else 0


def _is_turned(term: Node) -> bool:
    product = Product.of(term)
    matrices = [own for f, own in product.factors if f.rank == 2 and f.op != "select"]
    if len(matrices) != 1 or len(set(product.out)) != 2:
        return False
    row = product.out[0]
    for f, own in product.factors:
        if f.op == "select" and f.rank == 2 and row in own:
            row = own[1 - own.index(row)]
            break
    return row == matrices[0][1]


def _core_keys(node: Node) -> list[int]:
    """What a node is made of, whatever the numbers in front: the same for f(X) and g(-X)."""
    return sorted(split_coefficient(arg)[1].key for arg in node.args)
