"""Sums over ranges that lie one step apart, and what they have in common there."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

from symback import phrase as p
from symback.notation.counts import linear, sum_of
from symback.notation.starts import from_best_start, shifted_sum
from symback.phrase import Phrase


def joined_by_residual(terms: list[Phrase]) -> list[Phrase]:
    """sum_(t=2..T) c r_(t-1) x_t - sum_(t=1..T-1) r_t x_t -> sum_(t=1..T-1) r_t (c x_(t+1) - x_t).

    For sums over one index each, whose ranges have the same length and which share a factor r, a
    difference that has the index.
    """
    for one, other in permutations(terms, 2):
        joined = _joined(one, other)
        if joined is not None:
            rest = [term for term in terms if term is not one and term is not other]
            return joined_by_residual([*rest, joined])
    return terms


def _joined(one: Phrase, other: Phrase) -> Phrase | None:
    """Both as one sum over the range of the first; None where they have nothing in common."""
    (coef, outside, first), (other_coef, other_outside, second) = map(p.split_sum, (one, other))
    if first is None or second is None or not len(first.data) == len(second.data) == 1:
        return None
    gaps = [_gap(*ends) for ends in zip(first.args[1:], second.args[1:], strict=True)]
    if gaps[0] is None or gaps[0] != gaps[1] or gaps[0] == 0:
        return None
    (name,), (old,) = first.data, second.data
    moved = shifted_sum(second, str(old), {p.UNIT: -gaps[0]})
    if not moved.args[0].binds.isdisjoint({name}):
        return None
    body = p.renamed(moved.args[0], {old: name})
    factors, others = p.factors_of(first.args[0]), p.factors_of(body)
    for residual in factors:
        if residual.head != "add" or name not in residual.indices:
            continue
        for sign, wanted in ((1, residual), (-1, p.opposite(residual))):
            if wanted in others:
                left = [f for f in factors if f is not residual]
                right = [f for f in others if f != wanted]
                total = p.add(
                    (
                        p.mul([*outside, *left], coef * p.coefficient(first.args[0])),
                        p.mul([*other_outside, *right], sign * other_coef * p.coefficient(body)),
                    )
                )
                number = p.coefficient(total)
                whole = p.mul([residual, p.mul([total], 1 / number)])
                joined = Phrase("sum_over", (whole, *first.args[1:]), first.data)
                return p.mul([from_best_start(joined)], number)
    return None


def _gap(one: Phrase, other: Phrase) -> Fraction | None:
    """How far the second end lies behind the first; None where that is no number."""
    ends = linear(one), linear(other)
    if ends[0] is None or ends[1] is None:
        return None
    gap = sum_of(ends[1], {place: -count for place, count in ends[0].items()})
    return gap.get(p.UNIT, Fraction(0)) if gap.keys() <= {p.UNIT} else None
