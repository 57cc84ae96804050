"""Where the index of a sum starts: sum_(j=0..T-2) x_(j+1) x_(j+2) is sum_(t=2..T) x_(t-1) x_t."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

from symback import phrase as p
from symback.notation.counts import Linear, linear, sum_of, written
from symback.phrase import Phrase

OTHER_END = {"maximum": "minimum", "minimum": "maximum"}
#: The kinds of symbols that are no index of a sum.
GIVEN = (("size",), ("",))


def from_best_start(total: Phrase) -> Phrase:
    """A sum or product over indices with each index shifted, or turned, so that it reads shortest.

    sum_(i=-n..-1) x_(-i) is sum_(i=1..n) x_i
    """
    for name in map(str, total.data):
        ways = [total]
        if any(map(partial(_falls, name=name), total.args)):
            ways.append(_turned_sum(total, name))
        for way in tuple(ways):
            shifts = dict.fromkeys(shift for arg in way.args for shift in _shifts(arg, name))
            ways += [shifted_sum(way, name, dict(shift)) for shift in shifts]
        total = min(ways, key=_reading)
    return total


def _falls(phrase: Phrase, name: str) -> bool:
    """Whether an index stands in a phrase as -i alone, or as -i + k."""
    if name not in phrase.indices:
        return False
    return _multiple_of(phrase, name) < 0 or any(_falls(arg, name) for arg in phrase.args)


def _turned_sum(total: Phrase, name: str) -> Phrase:
    """The sum over j = -i instead of i."""
    body, *bounds = (_turned(arg, name) for arg in total.args)
    place = 2 * total.data.index(name)
    low, high = bounds[place : place + 2]
    bounds[place : place + 2] = _negated(high), _negated(low)
    return Phrase(total.head, (body, *bounds), total.data, total.shape)


def _turned(phrase: Phrase, name: str) -> Phrase:
    """The phrase with -i in the place of i."""
    if name not in phrase.indices:
        return phrase
    if _multiple_of(phrase, name):
        return p.mul([phrase], -1)
    args = tuple(_turned(arg, name) for arg in phrase.args)
    if phrase.head == "delta":
        args = _balanced(*args)
    turned = p.rebuilt(phrase, args)
    return from_best_start(turned) if phrase.head in ("sum_over", "prod_over") else turned


def _negated(bound: Phrase) -> Phrase:
    if bound.head == "function" and bound.data[0] in OTHER_END:
        return p.function(OTHER_END[str(bound.data[0])], tuple(map(_negated, bound.args)))
    return p.opposite(bound) if bound.head == "add" else p.mul([bound], -1)


def _reading(total: Phrase) -> tuple[int, int, int, int]:
    """Entries at -j, what there is to read; with as much, that in the upper bounds, in the body."""
    body, *bounds = total.args
    high = sum(bound.length for bound in bounds[1::2])
    return _negative_places(body), total.length, high, body.length


def _negative_places(phrase: Phrase) -> int:
    """How many entries are at minus an index."""
    here = phrase.args[1:] if phrase.head == "entry" else ()
    own = sum(place.head == "mul" and p.coefficient(place) < 0 for place in here)
    return own + sum(map(_negative_places, phrase.args))


def shifted_sum(total: Phrase, name: str, shift: Linear) -> Phrase:
    """The sum over j = i + shift instead of i."""
    body, *bounds = (_shifted(arg, name, shift) for arg in total.args)
    place = 2 * total.data.index(name)
    bounds[place : place + 2] = (_plus(bound, shift) for bound in bounds[place : place + 2])
    return Phrase(total.head, (body, *bounds), total.data, total.shape)


def _multiple_of(term: Phrase, name: str) -> Fraction:
    """c for c*i, 0 for anything else."""
    if term.head == "mul" and len(term.args) == 1:
        return p.coefficient(term) * _multiple_of(term.args[0], name)
    return Fraction(term.head == "symbol" and term.data == (name, "index"))


def _shifts(phrase: Phrase, name: str) -> Iterator[tuple[tuple[Phrase, Fraction], ...]]:
    """b/c for each c*i + b in a phrase, where that is a sum of sizes and whole numbers."""
    if name not in phrase.indices:
        return
    terms = phrase.args if phrase.head == "add" else (phrase,)
    factor = sum(_multiple_of(term, name) for term in terms)
    if factor:
        sizes = (_size(term) for term in terms if not _multiple_of(term, name))
        shift = _times(sum_of(*filter(None, sizes)), 1 / Fraction(factor))
        if all(count.denominator == 1 for count in shift.values()):
            yield tuple(sorted(shift.items(), key=str))
    if not _multiple_of(phrase, name):
        for arg in phrase.args:
            if not _multiple_of(arg, name) or phrase.head != "add":
                yield from _shifts(arg, name)


def _size(term: Phrase) -> Linear | None:
    """A term that is a number or a multiple of a size, or of an index that no sum runs over."""
    found = linear(term)
    known = found is not None and all(x == p.UNIT or x.data[1:] in GIVEN for x in found)
    return found if known else None


def _times(shift: Linear, factor: Fraction) -> Linear:
    return {place: factor * count for place, count in shift.items()}


def _shifted(phrase: Phrase, name: str, shift: Linear) -> Phrase:
    """The phrase with i - shift in the place of i."""
    if name not in phrase.indices:
        return phrase
    factor = _multiple_of(phrase, name)
    if factor:
        return _plus(phrase, _times(shift, -factor))
    if phrase.head == "add" and not phrase.is_matrix:
        moved = sum(_multiple_of(term, name) for term in phrase.args)
        terms = [t if _multiple_of(t, name) else _shifted(t, name, shift) for t in phrase.args]
        return _plus(p.add(terms), _times(shift, Fraction(-moved)))
    args = tuple(_shifted(arg, name, shift) for arg in phrase.args)
    if args == phrase.args:
        return phrase
    if phrase.head == "delta":
        args = _balanced(*args)
    moved_on = p.rebuilt(phrase, args)
    return from_best_start(moved_on) if phrase.head in ("sum_over", "prod_over") else moved_on


def _balanced(left: Phrase, right: Phrase) -> tuple[Phrase, Phrase]:
    """The sides of an equation of indices without a number that stands on both."""
    common = min(_split_constant(side)[1] for side in (left, right))
    less = {p.UNIT: -common}
    return _plus(left, less), _plus(right, less)


def _split_constant(phrase: Phrase) -> tuple[list[Phrase], Fraction]:
    """The terms that are no numbers, and the sum of those that are."""
    terms = phrase.args if phrase.head == "add" else (phrase,)
    numbers = (term.value for term in terms if term.is_number)
    return [term for term in terms if not term.is_number], sum(numbers, Fraction(0))


def _plus(phrase: Phrase, shift: Linear) -> Phrase:
    """The sum of a scalar and a shift, taken into maxima and minima."""
    shift = sum_of(shift)
    if not shift:
        return phrase
    if phrase.head == "function" and phrase.data[0] in ("maximum", "minimum"):
        return p.function(str(phrase.data[0]), tuple(_plus(arg, shift) for arg in phrase.args))
    terms = phrase.args if phrase.head == "add" else (phrase,)
    parts = [(term, linear(term)) for term in terms]
    rest = [term for term, part in parts if part is None]
    total = sum_of(*(part for _, part in parts if part is not None), shift)
    return p.add([*rest, written(total)]) if rest and total else p.add(rest or [written(total)])
