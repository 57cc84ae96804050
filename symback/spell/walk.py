"""A walk over phrases without recursion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from symback.phrase import Phrase

T = TypeVar("T")


def fold(
    root: Phrase,
    visit: Callable[[Phrase, tuple[T, ...]], T],
    prepare: Callable[[Phrase], Phrase] | None = None,
) -> T:
    """`visit(phrase, results of its args)` for every phrase below `root`, arguments first.

    `prepare` may replace a phrase before its arguments are looked at. A phrase object that occurs
    several times is visited once.
    """
    ready: dict[int, Phrase] = {}
    done: dict[int, T] = {}
    stack = [root]
    while stack:
        phrase = stack[-1]
        own = id(phrase)
        if own in done:
            stack.pop()
            continue
        if own not in ready:
            ready[own] = phrase if prepare is None else prepare(phrase)
        args = ready[own].args  # kept alive in `ready`, so that their ids stay theirs
        waiting = [arg for arg in args if id(arg) not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        done[own] = visit(ready[own], tuple(done[id(arg)] for arg in args))
        stack.pop()
    return done[id(root)]


def with_args(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    """The same phrase of other arguments."""
    if all(new is old for new, old in zip(args, phrase.args, strict=True)):
        return phrase
    return Phrase(phrase.head, args, phrase.data, phrase.shape, phrase.symmetric)
