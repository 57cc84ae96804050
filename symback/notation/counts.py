"""Terms whose factors are counts, and sums over ranges that lie side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from fractions import Fraction
from itertools import combinations
from typing import TypeAlias

from symback import phrase as p
from symback.phrase import Phrase

Factors: TypeAlias = frozenset[tuple[Phrase, int]]  # each with how often it stands there
Linear: TypeAlias = dict[Phrase, Fraction]  # of scalar symbols; the number stands under UNIT

EVERYWHERE = ("exp", "sin", "cos", "tanh", "sigmoid", "sign", "abs")


def counted_together(terms: list[Phrase]) -> list[Phrase]:
    """(n - k) x_k + (k - 1) x_k -> (n - 1) x_k, and (n - k) x_k + k x_k -> n x_k."""
    groups: dict[Factors, list[tuple[Phrase, list[Phrase], Linear]]] = {}
    counted = {_as_key(_split_count(term)[0]) for term in terms}
    for term in terms:
        rest, count = _split_count(term)
        for place, symbol in enumerate(rest):
            others = [*rest[:place], *rest[place + 1 :]]
            if count.keys() == {p.UNIT} and linear(symbol) and _as_key(others) in counted:
                rest, count = others, {symbol: count[p.UNIT]}
                break
        groups.setdefault(_as_key(rest), []).append((term, rest, count))
    result: list[Phrase] = []
    for members in groups.values():
        if len(members) < 2:
            result.extend(term for term, _, _ in members)
            continue
        total = sum_of(*(count for _, _, count in members))
        if total:
            result.append(p.mul([written(total), *members[0][1]]))
    return result or [p.num(0)]


def _as_key(factors: list[Phrase]) -> Factors:
    return frozenset(Counter(factors).items())


def ranges_joined(terms: list[Phrase]) -> list[Phrase]:
    """sum_(i<k) x_i + sum_(i>k) x_i -> sum_i x_i - x_k, where x_k plainly has a value."""
    for one, other in combinations(terms, 2):
        for first, second in ((one, other), (other, one)):
            joined = _joined(first, second)
            if joined is not None:
                rest = [term for term in terms if term not in (one, other)]
                return ranges_joined([*rest, *joined])
    return terms


def halves_joined(terms: list[Phrase]) -> list[Phrase]:
    """[k < l] a + [l < k] a -> (1 - [k = l]) a, or a where that is 0 for k = l.

    Where a has a value whatever k and l are. And [k <= l] a + [l < k] a -> a.
    """
    for one, other in combinations(terms, 2):
        (first, rest), (second, others) = _split_condition(one), _split_condition(other)
        if first is None or second is None or first.args != second.args[::-1]:
            continue
        relations = {first.data[0], second.data[0]}
        if relations not in ({"<"}, {"<", "<="}) or p.coefficient(one) != p.coefficient(other):
            continue
        left, right = first.args
        if _as_key(rest) != _as_key(others) or not all(map(_has_value, rest)):
            continue
        apart = relations == {"<"} and not _is_zero_where(rest, left, right)
        mask = [p.add([p.UNIT, p.mul([Phrase("delta", (left, right))], -1)])] if apart else []
        joined = p.mul([*mask, *rest], p.coefficient(one))
        return halves_joined([joined, *(term for term in terms if term not in (one, other))])
    return terms


def _split_condition(term: Phrase) -> tuple[Phrase | None, list[Phrase]]:
    """The one condition of a term, and its other factors."""
    factors = p.factors_of(term)
    conditions = [f for f in factors if f.head == "iverson"]
    return conditions[0] if len(conditions) == 1 else None, [
        f for f in factors if f.head != "iverson"
    ]


def is_nothing(term: Phrase) -> bool:
    """Whether this is [k = l] (x_k - x_l), or such a product with more factors."""
    factors = p.factors_of(term)
    deltas = [f for f in factors if f.head == "delta" and f.args[0].head == "symbol"]
    return any(
        _is_zero_where([f for f in factors if f is not delta], *delta.args) for delta in deltas
    )


def _is_zero_where(factors: list[Phrase], left: Phrase, right: Phrase) -> bool:
    """Whether a factor is x_k - x_l, or a positive power of it, and all have a value."""
    bases = (f.args[0] if f.head == "pow" and f.args[1].is_number else f for f in factors)
    return all(map(_has_value, factors)) and any(
        base.head == "add" and _vanishes(p.with_parts(base, {left: right})) for base in bases
    )


def _joined(first: Phrase, second: Phrase) -> list[Phrase] | None:
    """The sum over both ranges and what it has too much, if the second follows the first."""
    (coef, outside, one), (other_coef, other_outside, other) = map(p.split_sum, (first, second))
    if one is None or other is None or not len(one.data) == len(other.data) == 1:
        return None
    if one.is_matrix or coef != other_coef or set(outside) != set(other_outside):
        return None
    (body, low, high), (name,) = one.args, one.data
    (other_body, other_low, other_high), (other_name,) = other.args, other.data
    ends = linear(high), linear(other_low)
    if ends[0] is None or ends[1] is None or body != p.renamed(other_body, {other_name: name}):
        return None
    gap = sum_of(ends[1], {place: -c for place, c in ends[0].items()})
    if gap not in ({}, {p.UNIT: 1}, {p.UNIT: 2}):
        return None
    whole = Phrase("sum_over", (body, low, other_high), (name,))
    joined = [p.mul([*outside, whole], coef)]
    if gap != {p.UNIT: 1}:  # an index stands between the ranges, or in both
        between = written(sum_of(ends[0], {p.UNIT: Fraction(1)} if gap else {}))
        if not _has_value(body):
            return None
        joined.append(p.mul([*outside, _put(body, str(name), between)], -coef if gap else coef))
    return joined


def without_idle_masks(body: Phrase, own: Container[str]) -> Phrase:
    """(1 - [j = k]) a_j (x_k - x_j) -> a_j (x_k - x_j), which has a value at j = k, namely 0.

    For the `own` indices of a sum with this body: nothing outside depends on them.
    """
    for place, mask in enumerate(body.args if body.head == "mul" else ()):
        delta = excluded(mask)
        rest = [factor for k, factor in enumerate(body.args) if k != place]
        for one, other in (delta.args, delta.args[::-1]) if delta is not None else ():
            name = str(one.data[0]) if one.head == "symbol" else ""
            if name not in own:
                continue
            inside = [factor for factor in rest if name in factor.indices]
            there = [_put(factor, name, other) for factor in inside]
            if all(map(_has_value, inside)) and any(map(_vanishes, there)):
                return without_idle_masks(p.mul(rest, p.coefficient(body)), own)
    return body


def excluded(mask: Phrase) -> Phrase | None:
    """[j = k] for 1 - [j = k]."""
    if mask.head != "add" or len(mask.args) != 2 or p.UNIT not in mask.args:
        return None
    (term,) = (part for part in mask.args if part != p.UNIT)
    is_delta = term.head == "mul" and p.coefficient(term) == -1 and len(term.args) == 1
    return term.args[0] if is_delta and term.args[0].head == "delta" else None


def _vanishes(total: Phrase) -> bool:
    """Whether the terms of a sum cancel."""
    return not any(map(p.coefficient, p.collected([total])))


def _has_value(body: Phrase) -> bool:
    """Whether a summand has a value whatever its index: it divides by nothing."""
    if body.head == "pow":
        e = body.args[1]
        fine = e.is_number and e.value > 0 and e.value.denominator == 1
    else:
        plain = body.head in ("entry", "symbol", "number", "mul", "add")
        fine = plain or (body.head == "function" and body.data[0] in EVERYWHERE)
    return fine and all(map(_has_value, body.args))


def _put(phrase: Phrase, name: str, place: Phrase) -> Phrase:
    """The phrase at a place of its index."""
    if name not in phrase.indices:
        return phrase
    if phrase.head == "symbol":
        return place if phrase.data == (name, "index") else phrase
    args = tuple(_put(arg, name, place) for arg in phrase.args)
    return p.rebuilt(phrase, args)


def _split_count(term: Phrase) -> tuple[list[Phrase], Linear]:
    """The other factors of a term, and its number times the one factor that is a count.

    That of (k - l) [k = l] is 0.
    """
    factors = [f for f in p.factors_of(term) if not f.is_number]
    coef = p.coefficient(term)
    for factor in factors:
        count = linear(factor)
        if count is not None and factor.head == "add":
            rest = [f for f in factors if f is not factor]
            same = {f.args[0]: f.args[1] for f in rest if f.head == "delta"}
            return rest, sum_of(*({same.get(x, x): coef * c} for x, c in count.items()))
    return factors, {p.UNIT: coef}


def linear(phrase: Phrase) -> Linear | None:
    """The numbers before each symbol, None for what is more than their sum."""
    result: Linear = {}
    for term in phrase.args if phrase.head == "add" else (phrase,):
        coef, bare = p.coefficient(term), term
        if term.is_number:
            bare = p.UNIT
        elif term.head == "mul":
            bare = p.mul(term.args)
        if bare != p.UNIT and (bare.head != "symbol" or bare.shape):
            return None
        result[bare] = result.get(bare, Fraction(0)) + coef
    return result


def sum_of(*counts: Mapping[Phrase, Fraction]) -> Linear:
    total: Linear = {}
    for count in counts:
        for place, coef in count.items():
            total[place] = total.get(place, Fraction(0)) + coef
    return {place: coef for place, coef in total.items() if coef}


def written(count: Linear) -> Phrase:
    terms = [p.num(c) if place == p.UNIT else p.mul([place], c) for place, c in count.items()]
    return p.add(terms) if terms else p.num(0)
