"""Index variables, their ranges, and the equations between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from symback.graph import Node, symbols_of, topological, transform
from symback.ops import (
    ONE,
    ZERO,
    Number,
    add,
    apply,
    rebuild,
    scale,
    split_coefficient,
    subtract,
)
from symback.sizes import flat, never_negative, terms_of


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
        implied = never_negative(
            least_value(subtract(value, limits.low), every)
        ) and never_negative(least_value(subtract(limits.high, value), every))
        # every index written for an axis without a declared size lies within it
        implied = implied or any(x.params[1] == "open" for x in symbols_of([limits.high]))
        involved = [i for i in others if depends_on(value, i)]
        self.clipped = None
        if not implied and len(involved) == 1 and abs(coefficient_of(value, involved[0])) == 1:
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


def solve_for(total: Node, index: Node) -> Node:
    """The value of `index` where `total` is zero; its coefficient is 1 or -1."""
    sign = coefficient_of(total, index)
    return flat(scale(-sign, subtract(total, scale(sign, index))))


def replaced(node: Node, index: Node, value: Node) -> Node:
    if not depends_on(node, index):
        return node
    return flat(transform(node, rebuild, {index: value}))


def least_value(node: Node, ranges: Mapping[Node, Range]) -> Node:
    """The smallest value of an index expression when its indices run through their ranges."""
    terms = []
    for term in terms_of(flat(node)):
        coef = split_coefficient(term)[0]
        ends = {i: (r.low if coef > 0 else r.high) for i, r in ranges.items()}
        terms.append(transform(term, rebuild, dict(ends)))
    return flat(add(*terms))


def extreme(name: str, a: Node, b: Node, ranges: Mapping[Node, Range]) -> Node:
    """The larger or smaller of two bounds, decided where their difference is known."""
    difference = flat(subtract(a, b))
    if never_negative(least_value(difference, ranges)):
        return a if name == "maximum" else b
    if never_negative(least_value(scale(-1, difference), ranges)):
        return b if name == "maximum" else a
    return apply(name, a, b)


def only_sizes(node: Node) -> bool:
    return all(x.params[1] == "size" for x in symbols_of([node]))


def sides_of(total: Node) -> tuple[Node, Node]:
    """left, right with total = left - right and only plus signs in both."""
    left = [t for t in terms_of(total) if split_coefficient(t)[0] > 0]
    right = [scale(-1, t) for t in terms_of(total) if split_coefficient(t)[0] < 0]
    return (add(*left) if left else ZERO), (add(*right) if right else ZERO)
