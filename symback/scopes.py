"""Names of index variables where sums and arrays stand within one another."""

from __future__ import annotations

from collections.abc import Hashable, Set
from itertools import count

from symback.phrase import Phrase, renamed

INDEX_NAMES = "ijklqrsuvwpmn"


def unused_index(taken: Set[Hashable]) -> str:
    """i, j, ..., then i1, j1, ...: the first name that is not taken."""
    names = (f"{letter}{round_ or ''}" for round_ in count() for letter in INDEX_NAMES)
    return next(name for name in names if name not in taken)


def names_apart(phrase: Phrase, around: Set[Hashable] = frozenset()) -> Phrase:
    """The phrase where no index of a sum has the name of one that is known there already.

    sum_i (x_i * sum_i y_i) -> sum_i (x_i * sum_j y_j), which says the same; but what is put in for
    the outer i, by whoever reads on from here, must not reach the inner one.
    """
    known = frozenset(around) | phrase.indices
    if not phrase.binds:
        return phrase
    bound: dict[Hashable, str] = {}
    for name in phrase.bound & known:
        bound[name] = unused_index(known | _names_in(phrase) | set(bound.values()))
    known = known | phrase.bound | set(bound.values())
    args = [names_apart(renamed(arg, bound), known) for arg in phrase.args]
    data = tuple(_renamed_axis(part, bound) for part in phrase.data) if bound else phrase.data
    return Phrase(phrase.head, tuple(args), data, phrase.shape, phrase.symmetric)


def _renamed_axis(part: Hashable, names: dict[Hashable, str]) -> Hashable:
    """A name that a sum runs over, or (name, size) of an array, under its new name."""
    if isinstance(part, tuple):
        name, size = part
        return names.get(name, name), size
    return names.get(part, part)


def _names_in(phrase: Phrase) -> set[Hashable]:
    found, seen, todo = set(phrase.binds), set(), [phrase]
    while todo:
        piece = todo.pop()
        if piece.head == "symbol":
            found.add(piece.data[0])
        if id(piece) not in seen:
            seen.add(id(piece))
            todo.extend(piece.args)
    return found
