"""The last touch to a whole answer: one spelling for what is the same or the opposite."""

from __future__ import annotations

from collections.abc import Mapping

from symback import phrase as p
from symback.phrase import Phrase


def finished(form: Phrase) -> Phrase:
    """The form with sigmoid(-u) by sigmoid(u), and differences in one direction."""
    return _with_one_direction(_with_one_sigmoid(form))


def _with_one_sigmoid(phrase: Phrase) -> Phrase:
    """sigmoid(-u) as 1 - sigmoid(u) in a phrase that has sigmoid(u) too."""
    arguments: set[Phrase] = set()
    todo = [phrase]
    while todo:
        piece = todo.pop()
        if piece.head == "function" and piece.data == ("sigmoid",):
            arguments.add(piece.args[0])
        todo.extend(piece.args)
    turned = {u for u in arguments if p.coefficient(u) < 0 and p.mul([u], -1) in arguments}
    return _without_sigmoids(phrase, turned) if turned else phrase


def _without_sigmoids(phrase: Phrase, turned: set[Phrase]) -> Phrase:
    if phrase.head == "function" and phrase.data == ("sigmoid",) and phrase.args[0] in turned:
        upright = p.function("sigmoid", (p.mul([phrase.args[0]], -1),))
        return p.add([p.ones(phrase.shape), p.mul([upright], -1)])
    args = tuple(_without_sigmoids(arg, turned) for arg in phrase.args)
    return phrase if args == phrase.args else p.rebuilt(phrase, args)


def _with_one_direction(phrase: Phrase) -> Phrase:
    """(y - x)*(y - x)' as (x - y)*(x - y)' in a phrase that has x - y too, if no sign is added."""
    counts: dict[Phrase, int] = {}
    todo = [phrase]
    while todo:
        piece = todo.pop()
        if piece.head == "add" and piece.is_matrix:
            counts[piece] = counts.get(piece, 0) + 1
        todo.extend(reversed(piece.args))
    turned = {
        other: total
        for total in counts
        if (other := p.opposite(total)) in counts and counts[other] < counts[total]
    }
    for total in counts:
        other = p.opposite(total)
        if other in counts and total not in turned and other not in turned:
            turned[other] = total
    return _in_direction(phrase, turned) if turned else phrase


def _in_direction(phrase: Phrase, turned: Mapping[Phrase, Phrase]) -> Phrase:
    """Factors that are `turned` the other way round, where their signs cancel."""
    args = tuple(_in_direction(arg, turned) for arg in phrase.args)
    factors = []
    sign = 1
    for arg in args if phrase.head in ("mul", "hadamard") else ():
        inner = arg.args[0] if arg.head == "transpose" else arg
        if inner in turned:
            sign = -sign
            inner = turned[inner]
            arg = p.transpose(inner) if arg.head == "transpose" else inner
        factors.append(arg)
    if phrase.head == "mul" and (sign > 0 or p.coefficient(phrase) < 0):
        return p.mul(factors, sign * p.coefficient(phrase))
    if phrase.head == "hadamard" and sign > 0:
        return p.hadamard(factors)
    if phrase.head == "elementwise_pow" and args[0] in turned:
        base, exponent = turned[args[0]], args[1]
        if exponent.is_number and exponent.value % 2 == 0:
            return p.power(base, exponent)
    return phrase if args == phrase.args else p.rebuilt(phrase, args)
