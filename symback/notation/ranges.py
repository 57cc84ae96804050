"""Index variables, their ranges, and the equations between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor, gcd, inf

from symback.graph import Node, symbols_of, topological, transform
from symback.ops import (
    ONE,
    ZERO,
    Number,
    add,
    apply,
    einsum,
    multiple,
    number,
    power,
    rebuild,
    scale,
    split_coefficient,
    subtract,
    value_of,
)
from symback.simplify.selections import condition_of
from symback.sizes import affine, flat, has_both_signs, never_negative, terms_of


@dataclass
class Range:
    """The values an index takes: from low to high, both included."""

    low: Node
    high: Node


class Solution:
    """One way to solve a selection: `index` = `value`, and what its range then demands.

    Attributes:
        clipped: the one summed index whose range takes the demand over, if there is one.
        difficulty: 0 nothing is demanded, 1 a range is clipped, 2 a condition remains.
    """

    def __init__(
        self, index: Node, value: Node, ranges: dict[Node, Range], free: dict[Node, Range]
    ) -> None:
        self.index, self.value = index, value
        limits = ranges[index]
        others = {i: r for i, r in ranges.items() if i is not index}
        every = {**free, **others}
        implied = always(subtract(value, limits.low), every) and always(
            subtract(limits.high, value), every
        )
        # every index written for an axis without a declared size lies within it
        implied = implied or any(x.params[1] == "open" for x in symbols_of([limits.high]))
        involved = [i for i in others if depends_on(value, i)]
        self.clipped = None
        if not implied and len(involved) == 1 and _has_sign(stride_of(value, involved[0])):
            self.clipped = involved[0]
        self.difficulty = 0 if implied else 1 if self.clipped is not None else 2


def coefficient_of(total: Node, index: Node) -> Number:
    """The number before `index`, 0 if the index stands anywhere else."""
    found: Number = 0
    for term in terms_of(total):
        coef, core = split_coefficient(term)
        if core is index:
            found = coef
        elif depends_on(core, index):
            return 0
    return found


def depends_on(node: Node, index: Node) -> bool:
    return index in topological([node])


def lowest_terms(total: Node) -> Node:
    """2*i - 2*k -> i - k; 1 where the numbers rule a solution out: 2*i - 2*k + 1 is never 0."""
    coefs = [split_coefficient(term) for term in terms_of(total)]
    if any(Fraction(coef).denominator != 1 for coef, _ in coefs):
        return total
    moving = [int(coef) for coef, core in coefs if core is not ONE]
    fixed = sum(int(coef) for coef, core in coefs if core is ONE)
    common = gcd(*moving)
    if common <= 1:
        return total
    return flat(scale(Fraction(1, common), total)) if fixed % common == 0 else ONE


def stride_of(total: Node, index: Node) -> Node:
    """What an index is multiplied by in a sum: a whole number, or sizes as in s*i + a."""
    terms = []
    for term in terms_of(total):
        coef, core = split_coefficient(term)
        if core is index:
            terms.append(number(coef))
        elif core.op == "einsum" and index in core.args:
            others = [(arg, ()) for arg in core.args if arg is not index]
            terms.append(einsum(coef, others, ()))
        elif depends_on(core, index):
            return ZERO
    return add(*terms) if terms else ZERO


def whole_part(total: Node, divisor: Node) -> Node:
    """floor(total/divisor): n - 1 for 2*n - 1 by 2, and for n*s - 1 by a size s."""
    quotient = einsum(1, [(total, ()), (power(divisor, -1), ())], ())
    terms = terms_of(flat(quotient))
    broken = [term for term in terms if not _is_whole(term)]
    rest = add(ZERO, *(term for term in terms if _is_whole(term)))
    if not broken:
        return rest
    coef, core = split_coefficient(broken[0])
    if len(broken) == 1 and core is ONE:
        return add(rest, number(floor(coef)))
    is_quotient = core.op == "map" and core is power(core.args[0], -1)
    if len(broken) == 1 and coef == -1 and is_quotient and only_sizes(core):
        return add(rest, number(-1))  # 1/s is at most 1
    return apply("floor", quotient)


def _is_whole(term: Node) -> bool:
    """Whether there is no quotient in a term, but inside a floor."""
    coef, core = split_coefficient(term)
    parts = (core, *core.args) if core.op == "einsum" else (core,)
    divides = any(part.op == "map" and part.params[0] == "pow" for part in parts)
    return Fraction(coef).denominator == 1 and not divides


def ceiling(total: Node, divisor: Node) -> Node:
    return whole_part(flat(add(total, divisor, number(-1))), divisor)


def solve_for(total: Node, index: Node) -> Node:
    """The value of `index` where `total` is zero; its coefficient is 1 or -1."""
    sign = coefficient_of(total, index)
    return flat(scale(-sign, subtract(total, scale(sign, index))))


def replaced(node: Node, index: Node, value: Node) -> Node:
    if not depends_on(node, index):
        return node
    return flat(transform(node, rebuild, {index: value}))


def always(node: Node, ranges: Mapping[Node, Range], choices: int = 6) -> bool:
    """Whether an index expression is plainly at least 0 wherever its indices lie in their ranges.

    Each index goes to the end of its range where the expression is smallest, first those on which
    no other range depends: k - p + q with p <= min(k, m) and q >= 0 is k - k + 0. `choices` bounds
    how many maxima and minima are taken apart.
    """
    node = flat(node)
    for term in terms_of(node):
        coef, core = split_coefficient(term)
        if core.op == "map" and core.params[0] in ("maximum", "minimum"):
            rest = subtract(node, term)
            options = (
                choices > 0 and always(add(rest, scale(coef, arg)), ranges, choices - 1)
                for arg in core.args
            )
            is_one_enough = (core.params[0] == "maximum") == (coef > 0)
            return any(options) if is_one_enough else all(options)
    present = [index for index in ranges if depends_on(node, index)]
    for index in present:
        if not any(_bounds(index, ranges[other]) for other in present):
            least = [_least(term, index, ranges[index]) for term in terms_of(node)]
            known = [term for term in least if term is not None]
            others = {i: r for i, r in ranges.items() if i is not index}
            return len(known) == len(least) and always(add(*known), others, choices)
    return never_negative(node)


def _bounds(index: Node, limits: Range) -> bool:
    return depends_on(limits.low, index) or depends_on(limits.high, index)


def _least(term: Node, index: Node, limits: Range) -> Node | None:
    """A term where it is smallest; None if it is not known at which end of the range."""
    coef, core = split_coefficient(term)
    way = _direction(core, index)
    if way is None:
        return None
    return transform(
        term, _with_whole_floors, {index: limits.low if coef * way >= 0 else limits.high}
    )


def _direction(core: Node, index: Node) -> int | None:
    """1 if a core rises with an index, -1 if it falls, 0 if it stays; None if that is not known."""
    if core is index:
        return 1
    if not depends_on(core, index):
        return 0
    if core.op == "map" and core.params[0] == "floor":
        terms = [split_coefficient(term) for term in terms_of(flat(core.args[0]))]
        ways = {
            None if way is None else way * (1 if coef > 0 else -1)
            for coef, way in ((coef, _direction(inner, index)) for coef, inner in terms)
        }
        return (ways - {0}).pop() if len(ways - {0}) == 1 else None
    if core.op == "einsum" and not core.shape:
        moving = [factor for factor in core.args if depends_on(factor, index)]
        others = [factor for factor in core.args if factor not in moving]
        return (
            _direction(moving[0], index)
            if len(moving) == 1 and all(map(only_sizes, others))
            else None
        )
    return None


def _with_whole_floors(node: Node, args: tuple[Node, ...]) -> Node:
    if node.op == "map" and node.params[0] == "floor":
        return whole_part(args[0], ONE)
    return rebuild(node, args)


def extreme(name: str, a: Node, b: Node, ranges: Mapping[Node, Range]) -> Node:
    """The larger or smaller of two bounds, decided where their difference is known."""
    difference = flat(subtract(a, b))
    if always(difference, ranges):
        return a if name == "maximum" else b
    if always(scale(-1, difference), ranges):
        return b if name == "maximum" else a
    return apply(name, a, b)


def only_sizes(node: Node) -> bool:
    return all(x.params[1] == "size" for x in symbols_of([node]))


def sides_of(total: Node) -> tuple[Node, Node]:
    """left, right with total = left - right and only plus signs in both."""
    left = [t for t in terms_of(total) if split_coefficient(t)[0] > 0]
    right = [scale(-1, t) for t in terms_of(total) if split_coefficient(t)[0] < 0]
    return (add(*left) if left else ZERO), (add(*right) if right else ZERO)


@dataclass
class Demand:
    """What must hold beside the sums: `difference` is 0 ("==") or at least 0 ("<=").

    `firm` where it is no matter of course for large sizes: a delta of an index and 5.
    """

    relation: str
    difference: Node
    firm: bool = False

    def apart(self) -> list[Demand]:
        """k >= max(a, b) as k >= a and k >= b, k <= min(a, b) likewise."""
        for term in terms_of(flat(self.difference)) if self.relation == "<=" else ():
            coef, core = split_coefficient(term)
            name = core.params[0] if core.op == "map" else ""
            if (name, coef > 0) in (("maximum", False), ("minimum", True)):
                rest = subtract(self.difference, term)
                parts = (Demand("<=", add(rest, scale(coef, x)), self.firm) for x in core.args)
                return [inner for part in parts for inner in part.apart()]
        return [self]

    def fixed(self) -> list[tuple[Node, Node]]:
        """The index that is set equal to a number, with that number."""
        found = [] if self.relation != "==" else symbols_of([self.difference])
        if len(found) != 1 or only_sizes(self.difference):
            return []
        (index,) = found
        if abs(coefficient_of(self.difference, index)) != 1:
            return []
        place = solve_for(self.difference, index)
        return [(index, place)] if value_of(place) is not None else []


def _order_of_solving(selection: tuple[Node, tuple[int, ...]]) -> tuple[int, bool]:
    """First the indices that were given, whose ranges are known then."""
    node, labels = selection
    return len(labels), condition_of(node)[0] != (1,)


class System:
    """The selections of one product while they are solved for its summation indices.

    Attributes:
        value: what each label of the product stands for, in terms of index variables.
        ranges: the summation indices that are left, with their ranges.
        free: the ranges of the indices that are given from outside.
        demands: what remains to be demanded.
    """

    def __init__(
        self, value: dict[int, Node], ranges: dict[Node, Range], free: dict[Node, Range]
    ) -> None:
        self.value, self.ranges, self.free = value, ranges, free
        self.demands: list[Demand] = []

    def solve(self, selections: list[tuple[Node, tuple[int, ...]]]) -> bool:
        """Solve each [a + b == c] for a summed index, clip ranges at each [a <= b].

        False if one of them cannot hold.
        """
        for node, labels in sorted(selections, key=_order_of_solving):
            if node.params[0] == "==" and not self._solve_one(node, labels):
                return False
        for node, labels in selections:
            if node.params[0] == "<=":
                self._keep_positive(scale(-1, self._total(node, labels)))
        return True

    def take_single_terms(self) -> None:
        """A sum from a to a is its one term."""
        for index, limits in list(self.ranges.items()):
            if flat(subtract(limits.high, limits.low)) is ZERO:
                del self.ranges[index]
                self.put(index, limits.low)

    def demands_left(self) -> list[Demand] | None:
        """The demands that say something, or None if one cannot hold.

        A demand on sizes alone is taken to hold, unless it plainly cannot: sizes are large enough
        for every index written.
        """
        left = []
        equal = [(i, solve_for(d.difference, i)) for d in self.demands for i in self._fixed_by(d)]
        for demand in [part for whole in self.demands for part in whole.apart()]:
            difference = flat(demand.difference)
            known = value_of(difference)
            if known is not None:
                if known < 0 or (demand.relation == "==" and known != 0):
                    return None
                continue
            if demand.relation == "<=" and self._certain(scale(-1, add(difference, ONE))):
                return None
            if demand.relation == "<=" and (
                (only_sizes(difference) and not demand.firm)
                or self._certain(difference)
                or any(self._certain(replaced(difference, i, value)) for i, value in equal)
                or any(self._empty_without(difference, limits) for limits in self.ranges.values())
            ):
                continue
            left.append(Demand(demand.relation, difference, demand.firm))
        for demand in list(left):
            others = [other for other in left if other is not demand]
            every = {**self.free, **self.ranges}
            implied = always(demand.difference, {**every, **narrowed(others, every)})
            if demand.relation == "<=" and implied:
                left = others
        return left

    def _certain(self, difference: Node) -> bool:
        return always(difference, {**self.free, **self.ranges})

    def _fixed_by(self, demand: Demand) -> list[Node]:
        """The indices from outside that a remaining delta sets equal to something."""
        if demand.relation != "==":
            return []
        found = symbols_of([demand.difference])
        return [i for i in found if abs(coefficient_of(demand.difference, i)) == 1]

    def _empty_without(self, difference: Node, limits: Range) -> bool:
        """Whether the sum over a range has no terms, and so is 0, where a demand fails."""
        extent = subtract(limits.high, limits.low)
        return self._certain(subtract(difference, extent)) and self._certain(add(extent, ONE))

    def bounds_others(self, index: Node) -> bool:
        """Whether an index stands in the range of another one."""
        return any(_bounds(index, r) for i, r in self.ranges.items() if i is not index)

    def in_order(self) -> list[Node]:
        """The indices from the innermost on: each before those that stand in its range."""
        order: list[Node] = []
        waiting = list(self.ranges)
        while waiting:
            inner = [i for i in waiting if not any(_bounds(i, self.ranges[j]) for j in waiting)]
            order += inner or waiting
            waiting = [i for i in waiting if i not in order]
        return order

    def _total(self, node: Node, labels: tuple[int, ...]) -> Node:
        coefs, offset = condition_of(node)
        return affine(coefs, tuple(self.value[x] for x in labels), offset)

    def _solve_one(self, node: Node, labels: tuple[int, ...]) -> bool:
        if len(labels) == 1 and self._take_given(node, labels[0]):
            return True
        total = lowest_terms(self._total(node, labels))
        solutions = self._solutions(total)
        if self._take_digits(total, solutions) or self._take_low_digit(total):
            return True
        known = value_of(total)
        if known is not None:
            return known == 0
        if not solutions:
            self.demands.append(Demand("==", total))
            return True
        best = min(solutions, key=lambda solution: solution.difficulty)
        self._apply(best, firm=condition_of(node)[0] == (-1,))
        return True

    def _solutions(self, total: Node) -> list[Solution]:
        return [
            Solution(index, solve_for(total, index), self.ranges, self.free)
            for index in self.ranges
            if abs(coefficient_of(total, index)) == 1
        ]

    def _take_given(self, node: Node, label: int) -> bool:
        """An index that was given (`w[k]`) takes its value; it is taken to lie within its axis."""
        coefs, offset = condition_of(node)
        whole = self.value[label]
        index = next((i for i in symbols_of([whole]) if i in self.ranges), None)
        if coefs != (1,) or index is None or coefficient_of(whole, index) != 1:
            return False
        given = flat(scale(-1, offset))
        limits = self.ranges.pop(index)
        self._bound_given(given, limits, subtract(whole, index))
        self.put(index, solve_for(flat(subtract(whole, given)), index))
        return True

    def _take_digits(self, total: Node, solutions: list[Solution]) -> bool:
        """p == s*i + a with a = 0..s-1 has the one solution i = floor(p/s), a = p - s*i.

        Where a is given from outside, p is s*i + a if p is summed over, or [a == p - s*i] stays.
        """
        solved = any(solution.difficulty == 0 for solution in solutions)
        known = self.ranges if solved else {**self.free, **self.ranges}
        for high, low in product(self.ranges, known):
            sign = coefficient_of(total, low)
            stride = scale(sign, stride_of(total, high))
            if low is high or abs(sign) != 1 or not _counts(known[low], stride):
                continue
            rest = flat(subtract(add(low, multiple(stride, high)), scale(sign, total)))
            if any(depends_on(rest, i) or self.bounds_others(i) for i in (low, high)):
                continue
            limits = self.ranges[high]
            past = add(multiple(stride, limits.high), stride, number(-1))
            above = subtract(rest, multiple(stride, limits.low))
            if not (self._certain(above) and self._certain(subtract(past, rest))):
                continue
            digit = whole_part(rest, stride)
            digit_left = flat(subtract(rest, multiple(stride, digit)))
            del self.ranges[high]
            self.put(high, digit)
            if low in self.ranges:
                del self.ranges[low]
                self.put(low, digit_left)
            else:
                self.demands.append(Demand("==", subtract(digit_left, low)))
            return True
        return False

    def _take_low_digit(self, total: Node) -> bool:
        """p == s*k + a for a = 0..s-1, p and k given: a = p - s*d where k is d = floor(p/s)."""
        for low, high in product(self.ranges, self.free):
            sign = coefficient_of(total, low)
            stride = scale(sign, stride_of(total, high))
            if abs(sign) != 1 or not _counts(self.ranges[low], stride):
                continue
            rest = flat(subtract(add(low, multiple(stride, high)), scale(sign, total)))
            if any(depends_on(rest, i) for i in (low, high, *self.ranges)):
                continue
            digit = whole_part(rest, stride)
            del self.ranges[low]
            self.put(low, flat(subtract(rest, multiple(stride, digit))))
            self.demands.append(Demand("==", subtract(digit, high)))
            return True
        return False

    def _bound_given(self, given: Node, limits: Range, start: Node) -> None:
        """The range of k where w[2*k] was asked for: the entries that w has."""
        unknown = [x for x in symbols_of([given]) if x.params[1] != "size"]
        factor = coefficient_of(given, unknown[0]) if len(unknown) == 1 else 0
        if factor <= 0:
            return
        rest = subtract(given, scale(factor, unknown[0]))
        low, high = (flat(subtract(add(end, start), rest)) for end in (limits.low, limits.high))
        ends = Range(ceiling(low, number(factor)), whole_part(high, number(factor)))
        self.free.setdefault(unknown[0], ends)

    def put(self, index: Node, result: Node) -> None:
        """Put a value for an index wherever that stands."""
        for label, old in self.value.items():
            self.value[label] = replaced(old, index, result)
        for limits in self.ranges.values():
            limits.low = replaced(limits.low, index, result)
            limits.high = replaced(limits.high, index, result)
        for demand in self.demands:
            demand.difference = replaced(demand.difference, index, result)

    def _apply(self, solution: Solution, *, firm: bool) -> None:
        """Put a solution in; what its range demands clips another range or is a demand."""
        gone, result = self.ranges.pop(solution.index), solution.value
        self.put(solution.index, result)
        if solution.difficulty == 0:
            return
        if solution.clipped is None:
            for end in (subtract(result, gone.low), subtract(gone.high, result)):
                unrelated = only_sizes(result) and has_both_signs(end)  # x[n - 1] in m entries
                self.demands.append(Demand("<=", end, firm or unrelated))
            return
        self._keep_positive(subtract(result, gone.low))
        self._keep_positive(subtract(gone.high, result))

    def _keep_positive(self, total: Node) -> None:
        """total >= 0 narrows the range of one of its indices."""
        total = flat(total)
        steps = {i: stride_of(total, i) for i in self.ranges}
        # the innermost index gives way: the others may stand in its bounds
        alone = sum(depends_on(total, i) for i in self.ranges) == 1
        involved = [
            i for i in steps if _has_sign(steps[i]) and (alone or not self.bounds_others(i))
        ]
        if not involved:
            self.demands.append(Demand("<=", total))
            return
        index = min(involved, key=lambda i: abs(float(value_of(steps[i]) or inf)))
        step = steps[index]
        rest = flat(subtract(total, multiple(step, index)))
        limits, every = self.ranges[index], {**self.free, **self.ranges}
        if split_coefficient(step)[0] > 0:
            end = ceiling(flat(scale(-1, rest)), step)
            limits.low = extreme("maximum", limits.low, end, every)
        else:
            end = whole_part(rest, scale(-1, step))
            limits.high = extreme("minimum", limits.high, end, every)


def _counts(limits: Range, stride: Node) -> bool:
    """Whether an index runs from 0 to stride - 1, and stride is not 1 or less."""
    if stride is ONE or not always(subtract(stride, ONE), {}):
        return False
    return limits.low is ZERO and flat(subtract(stride, limits.high)) is ONE


def narrowed(demands: list[Demand], ranges: Mapping[Node, Range]) -> dict[Node, Range]:
    """The ranges of indices where k + 1 <= n or l = k + 1, say, is demanded of them."""
    found: dict[Node, Range] = {}
    for demand in demands:
        for index in symbols_of([demand.difference]):
            sign = coefficient_of(demand.difference, index)
            if abs(sign) != 1 or index not in ranges:
                continue
            limits = found.get(index, ranges[index])
            if demand.relation == "==":
                other = _of_the_other(demand.difference, index, ranges)
                if other is not None:
                    low = extreme("maximum", limits.low, other.low, ranges)
                    high = extreme("minimum", limits.high, other.high, ranges)
                    found[index] = Range(low, high)
                continue
            end = solve_for(demand.difference, index)
            if sign > 0:
                found[index] = Range(extreme("maximum", limits.low, end, ranges), limits.high)
            else:
                found[index] = Range(limits.low, extreme("minimum", limits.high, end, ranges))
    return found


def _of_the_other(difference: Node, index: Node, ranges: Mapping[Node, Range]) -> Range | None:
    """The range of an index as far as that of the only one that it is equal to tells."""
    place = solve_for(difference, index)
    others = [other for other in symbols_of([place]) if other in ranges]
    if len(others) != 1 or abs(coefficient_of(place, others[0])) != 1:
        return None
    limits = ranges[others[0]]
    ends = [replaced(place, others[0], end) for end in (limits.low, limits.high)]
    return Range(*(ends if coefficient_of(place, others[0]) > 0 else ends[::-1]))


def _has_sign(stride: Node) -> bool:
    """Whether a stride is plainly positive or negative, as 2 and -m are."""
    return stride.op != "add" and stride is not ZERO
