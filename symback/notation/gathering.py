"""Terms of a sum in index notation that have factors in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from symback import phrase as p
from symback.notation.counts import (
    counted_together,
    excluded,
    halves_joined,
    is_nothing,
    ranges_joined,
)
from symback.notation.nesting import same_sums
from symback.notation.shifts import joined_by_residual
from symback.notation.starts import from_best_start
from symback.ops import EVEN, ODD
from symback.phrase import Phrase

Powers: TypeAlias = dict[Phrase, Fraction]


def gathered(terms: list[Phrase]) -> Phrase:
    """A sum with what its terms have in common written once.

    a_i x_i + b_i x_i -> (a_i + b_i) x_i, and two terms under one condition stand under it together.
    """
    terms = [inner for term in terms for inner in _terms_of(term) if inner != p.num(0)]
    if not terms:
        return p.num(0)
    by_condition: dict[frozenset[Phrase], list[Phrase]] = {}
    terms = joined_by_residual(same_sums(terms))
    terms = _joined_at_deltas(ranges_joined(halves_joined(_aligned(terms))))
    for term in counted_together([term for term in terms if not is_nothing(term)]):
        conditions = frozenset(f for f in p.factors_of(term) if f.head == "iverson")
        by_condition.setdefault(conditions, []).append(term)
    total = p.add(_common_out(_over_deltas(group)) for group in by_condition.values())
    known = {factor for term in terms for factor in p.factors_of(term)}
    return p.add(_tidied(term, known) for term in (total.args if total.head == "add" else [total]))


def _joined_at_deltas(terms: list[Phrase]) -> list[Phrase]:
    """[k = l] sum_(i<k) x_i + [k = l] sum_(i>l) x_i, with k for l, where that is one sum."""
    deltas = [f for term in terms for f in p.factors_of(term) if f.head == "delta"]
    for delta in dict.fromkeys(deltas):
        one, other = delta.args
        chosen = [term for term in terms if delta in p.factors_of(term)]
        if len(chosen) < 2 or not one.head == other.head == "symbol":
            continue
        renamed = []
        for term in chosen:
            rest = [p.with_parts(f, {other: one}) for f in p.factors_of(term) if f != delta]
            renamed.append(p.mul([delta, *rest], p.coefficient(term)))
        joined = [t for t in ranges_joined(_aligned(renamed)) if not is_nothing(t)]
        if len(joined) < len(chosen):
            terms = [*(term for term in terms if term not in chosen), *joined]
    return terms


def _tidied(term: Phrase, known: set[Phrase]) -> Phrase:
    """A term whose sum, if it is not a known one, was two sums: their common factors taken out."""
    factors = p.factors_of(term)
    new = [f for f in factors if f.head == "sum_over" and f.args[0].head == "add"]
    if len(new) != 1 or new[0] in known:
        return term
    coef, body = _split_number(_common_out(list(new[0].args[0].args)))
    joined = Phrase("sum_over", (body, *new[0].args[1:]), new[0].data, new[0].shape)
    rest = [factor for factor in factors if factor is not new[0]]
    return p.mul([*rest, from_best_start(joined)], coef * p.coefficient(term))


def _split_number(term: Phrase) -> tuple[Fraction, Phrase]:
    bare = p.mul(term.args) if term.head == "mul" else term
    return p.coefficient(term), bare


def _common_out(terms: list[Phrase]) -> Phrase:
    """Terms with the powers that all of them have, and a number, in front."""
    if len(terms) == 1:
        return terms[0]
    terms = _aligned(terms)
    powers = [_powers(term) for term in terms]
    common = {}
    for base in powers[0]:
        exponents = [own.get(base, Fraction(0)) for own in powers]
        least, most = min(exponents), max(exponents)
        if least * most > 0:
            common[base] = least if least > 0 else most
    sizes = {abs(p.coefficient(term)) for term in terms}
    size = sizes.pop() if len(sizes) == 1 else Fraction(1)
    if not common and (size == 1 or any(not own for own in powers)):
        return p.add(terms)
    rests = []
    for term, own in zip(terms, powers, strict=True):
        left = {base: e - common.get(base, 0) for base, e in own.items()}
        rest = _product(left, p.coefficient(term) / size)
        rests.extend(_terms_of(rest))
    if all(rest.is_number for rest in rests):
        return p.mul([_product(common)], size * sum(rest.value for rest in rests))
    return p.mul([_product(common), p.add(rests)], size)


def _terms_of(phrase: Phrase) -> list[Phrase]:
    """The terms of a sum with a number in front of it: -(a - b) is -a + b.

    A mask 1 - [i = k] stays: other terms may have it as a factor, over what has no value there.
    """
    factors = [f for f in p.factors_of(phrase) if not f.is_number]
    if len(factors) != 1 or factors[0].head != "add" or excluded(factors[0]) is not None:
        return [phrase]
    return [p.mul([term], p.coefficient(phrase)) for term in factors[0].args]


def _aligned(terms: list[Phrase]) -> list[Phrase]:
    """(x_k - x_i) a_i + (x_i - x_k) b_i -> (x_k - x_i) a_i - (x_k - x_i) b_i.

    The same for odd and even functions of sums. The terms as they are, where no factor of one
    stands turned in another.
    """
    known: dict[Phrase, Phrase] = {}  # b - a -> a - b
    for term in terms:
        for base in _powers(term):
            turned_base = _opposite(base)
            if turned_base is not None and base not in known:
                known.setdefault(turned_base, base)
    turned = False
    result = []
    for term in terms:
        coef, powers = p.coefficient(term), _powers(term)
        for base, e in list(powers.items()):
            even = e % 2 == 0 or (base.head == "function" and base.data[0] in EVEN)
            if base in known and known[base] not in powers and (even or e.denominator == 1):
                del powers[base]
                powers[known[base]] = e
                coef = coef if even else -coef
                turned = True
        result.append(_product(powers, coef))
    return same_squares(result if turned else terms)


def same_squares(phrases: list[Phrase]) -> list[Phrase]:
    """(a - b)^2 for (b - a)^2, where the former stands in a phrase before; even functions alike."""
    evens: dict[Phrase, Phrase] = {}
    result = []
    for phrase in phrases:
        result.append(_turned(phrase, evens) if evens else phrase)
        for base in _squares(result[-1]):
            if base not in evens:
                evens[p.opposite(base)] = base
    return result


def in_one_direction(factors: list[Phrase]) -> list[Phrase]:
    """(b - a)/(a - b)^3 -> -(a - b)^-2, sign(a - b)*(b - a) -> -sign(a - b)*(a - b)."""
    powers: Powers = {}
    inside = {f.args[0] for f in factors if f.head == "function" and len(f.args) == 1}
    rest, coef = [], Fraction(1)
    for factor in same_squares([inner for f in factors for inner in p.factors_of(f)]):
        base, e = _split_power(factor)
        if base.head != "add" or base.is_matrix or e.denominator != 1:
            rest.append(factor)
            continue
        turned = p.opposite(base)
        if turned in powers or turned in inside:
            base, coef = turned, coef * (-1) ** int(e)
        powers[base] = powers.get(base, Fraction(0)) + e
    coef *= math.prod(p.coefficient(f) for f in factors if f.head == "mul")
    return [p.num(coef), *rest, *p.factors_of(_product(powers))] if powers else factors


def _opposite(base: Phrase) -> Phrase | None:
    """b - a for a - b, f(b - a) for an odd or even function f of a - b."""
    if base.head == "add":
        return p.opposite(base)
    is_call = base.head == "function" and len(base.data) == len(base.args) == 1
    if is_call and base.args[0].head == "add" and base.data[0] in (*ODD, *EVEN):
        return p.function(str(base.data[0]), (p.opposite(base.args[0]),))
    return None


@lru_cache(maxsize=1 << 12)
def _squares(phrase: Phrase) -> tuple[Phrase, ...]:
    """The sums whose even powers, or even functions, stand anywhere in a phrase, in order."""
    found = dict.fromkeys(base for arg in phrase.args for base in _squares(arg))
    return tuple({**found, phrase.args[0]: None} if _is_even(phrase) else found)


def _is_even(phrase: Phrase) -> bool:
    """Whether this is an even power, or an even function, of a sum."""
    if not phrase.args or phrase.args[0].head != "add":
        return False
    if phrase.head == "function":
        return len(phrase.args) == len(phrase.data) == 1 and phrase.data[0] in EVEN
    return phrase.head == "pow" and phrase.args[1].is_number and phrase.args[1].value % 2 == 0


def _turned(phrase: Phrase, evens: Mapping[Phrase, Phrase]) -> Phrase:
    """(b - a)^2 as (a - b)^2."""
    if not _squares(phrase):
        return phrase
    args = tuple(_turned(arg, evens) for arg in phrase.args)
    if _is_even(phrase) and args[0] in evens:
        args = (evens[args[0]], *args[1:])
    return p.rebuilt(phrase, args)


def _over_deltas(terms: list[Phrase]) -> list[Phrase]:
    """[k = s] a_k / x_s^2 + a_k/(x_k x_s) -> ([k = s] + 1) a_k/(x_k x_s)."""
    for term in terms:
        deltas = [f for f in p.factors_of(term) if f.head == "delta"]
        if len(deltas) != 1 or any(side.head != "symbol" for side in deltas[0].args):
            continue
        one, two = deltas[0].args
        rest = _powers(term)
        del rest[deltas[0]]
        for other in terms:
            if other is term or any(f.head == "delta" for f in p.factors_of(other)):
                continue
            if _put(rest, {two: one}) == _put(_powers(other), {two: one}):
                share = p.coefficient(term) / p.coefficient(other)
                joined = p.mul([p.add([p.UNIT, p.mul([deltas[0]], share)]), other])
                return [joined if t is other else t for t in terms if t is not term]
    return terms


def _powers(term: Phrase) -> Powers:
    """The factors of a term as powers, its number left out."""
    powers: Powers = {}
    for factor in p.factors_of(term):
        if factor.is_number:
            continue
        base, exponent = _split_power(factor)
        powers[base] = powers.get(base, Fraction(0)) + exponent
    return powers


def _split_power(factor: Phrase) -> tuple[Phrase, Fraction]:
    if factor.head == "pow" and factor.args[1].is_number:
        return factor.args[0], factor.args[1].value
    return factor, Fraction(1)


def _product(powers: Powers, coef: Fraction = Fraction(1)) -> Phrase:
    factors = [b if e == 1 else p.power(b, p.num(e)) for b, e in powers.items() if e != 0]
    return p.mul(factors, coef)


def _put(powers: Powers, names: Mapping[Phrase, Phrase]) -> Powers:
    """The powers with some indices replaced by others."""
    result: Powers = {}
    for base, exponent in powers.items():
        new = p.with_parts(base, names)
        result[new] = result.get(new, Fraction(0)) + exponent
    return {base: e for base, e in result.items() if e != 0}
