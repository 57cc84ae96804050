"""The last touch to a whole answer: one spelling for what is the same or the opposite."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm

from symback import phrase as p
from symback.notation.kronecker import chains_joined
from symback.phrase import Phrase


def finished(form: Phrase, denominators: set[Phrase]) -> Phrase:
    """The form with sigmoid(-u) by sigmoid(u), and differences in one direction.

    `denominators` are those of the answers before, such as other entries of one gradient; those of
    this one join them.
    """
    form = chains_joined(_with_one_sigmoid(form))
    form = _without_fractions(_with_one_direction(form, denominators))
    denominators.update(_denominators(form))
    return form


def _without_fractions(phrase: Phrase) -> Phrase:
    """2*(a - b/2) -> 2*a - b, also with other factors."""
    args = tuple(map(_without_fractions, phrase.args))
    if args != phrase.args:
        phrase = p.rebuilt(phrase, args)
    number = p.coefficient(phrase) if phrase.head == "mul" else Fraction(1)
    for place, factor in enumerate(phrase.args if abs(number) > 1 else ()):
        if factor.head != "add":
            continue
        below = lcm(*(p.coefficient(term).denominator for term in factor.args))
        if below > 1 and number.numerator % below == 0:
            whole = p.add(p.mul([term], below) for term in factor.args)
            rest = [other for k, other in enumerate(phrase.args) if k != place]
            return p.mul([*rest, whole], number / below)
    return phrase


def _with_one_sigmoid(phrase: Phrase) -> Phrase:
    """sigmoid(-u) as 1 - sigmoid(u) in a phrase that has sigmoid(u) too."""
    arguments = {
        piece.args[0]
        for piece in p.pieces(phrase)
        if piece.head == "function" and piece.data == ("sigmoid",)
    }
    turned = {u for u in arguments if p.coefficient(u) < 0 and p.mul([u], -1) in arguments}
    return _without_sigmoids(phrase, turned) if turned else phrase


def _without_sigmoids(phrase: Phrase, turned: set[Phrase]) -> Phrase:
    if phrase.head == "function" and phrase.data == ("sigmoid",) and phrase.args[0] in turned:
        upright = p.function("sigmoid", (p.mul([phrase.args[0]], -1),))
        return p.add([p.ones(phrase.shape), p.mul([upright], -1)])
    args = tuple(_without_sigmoids(arg, turned) for arg in phrase.args)
    return phrase if args == phrase.args else p.rebuilt(phrase, args)


def _with_one_direction(phrase: Phrase, known: set[Phrase]) -> Phrase:
    """(y - x)*(y - x)' as (x - y)*(x - y)' in a phrase that has x - y too, if no sign is added.

    And a/(y - x) as -a/(x - y), for denominators.
    """
    counts: dict[Phrase, int] = {}
    below = _denominators(phrase)
    for total in (*(piece for piece in p.pieces(phrase) if piece.head == "add"), *below):
        if total.is_matrix or total in below:
            counts[total] = counts.get(total, 0) + 1
    turned = {other: total for total in known if (other := p.opposite(total)) in below}
    turned.update({total: p.opposite(total) for total in below if _falls(total)})

    def rank(total: Phrase) -> tuple[int, bool]:
        return -counts[total], p.coefficient(total.args[0]) < 0

    for total in sorted(counts, key=rank):
        other = p.opposite(total)
        if other in counts and total not in turned and other not in turned:
            turned[other] = total
    return _in_direction(phrase, turned) if turned else phrase


def _falls(total: Phrase) -> bool:
    """Whether this is a number less sizes: 1 - n."""
    sizes = [term for term in total.args if not term.is_number]
    kinds = {term.args[0].data[1:] for term in sizes if term.head == "mul" and len(term.args) == 1}
    return kinds == {("size",)} and all(p.coefficient(term) < 0 for term in sizes)


def _denominators(phrase: Phrase) -> set[Phrase]:
    return {base for piece in p.pieces(phrase) if (base := _denominator(piece)) is not None}


def _denominator(phrase: Phrase) -> Phrase | None:
    """A sum of scalars that is divided by, to an odd power."""
    if phrase.head != "pow" or not phrase.args[1].is_number or phrase.args[0].head != "add":
        return None
    base, exponent = phrase.args[0], phrase.args[1].value
    return base if exponent < 0 and exponent % 2 == 1 else None


def _in_direction(phrase: Phrase, turned: Mapping[Phrase, Phrase]) -> Phrase:
    """Factors that are `turned` the other way round, where their signs cancel."""
    args = tuple(_in_direction(arg, turned) for arg in phrase.args)
    factors = []
    sign, divides = 1, False
    for arg in args if phrase.head in ("mul", "hadamard") else ():
        inner = arg.args[0] if arg.head == "transpose" else arg
        base = _denominator(arg)
        if inner in turned:
            sign = -sign
            inner = turned[inner]
            arg = p.transpose(inner) if arg.head == "transpose" else inner
        elif base is not None and base in turned:
            sign, divides = -sign, True
            arg = p.power(turned[base], arg.args[1])
        factors.append(arg)
    if phrase.head == "mul" and (sign > 0 or divides or p.coefficient(phrase) < 0):
        return p.mul(factors, sign * p.coefficient(phrase))
    if phrase.head == "hadamard" and sign > 0:
        return p.hadamard(factors)
    if phrase.head == "elementwise_pow" and args[0] in turned:
        base, exponent = turned[args[0]], args[1]
        if exponent.is_number and exponent.value % 2 == 0:
            return p.power(base, exponent)
    return phrase if args == phrase.args else p.rebuilt(phrase, args)
