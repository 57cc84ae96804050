"""Indices counted from another base: x[0] is x[1], and i = 0..n-1 is i = 1..n.

A phrase counts from 0. With base 1 every index of an entry grows by 1, and a summation index is
renamed to what the reader counts: ``sum(w[i], i = 0..n-1)`` becomes ``sum(w[i], i = 1..n)``, and
``sum(i*w[i], i = 0..n-1)`` becomes ``sum((i - 1)*w[i], i = 1..n)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from symback import phrase as p
from symback.phrase import Phrase
from symback.spell.walk import fold, with_args


def rebased(root: Phrase, base: int) -> Phrase:
    """`root`, which counts from 0, with indices counted from `base`."""
    if base == 0:
        return root

    def visit(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
        if phrase.head == "entry":
            return with_args(phrase, (args[0], *(_total([i, p.num(base)]) for i in args[1:])))
        if phrase.head == "slice":  # first and end; an end from 1 on is the last one itself
            array, *ends = args
            firsts = (_total([end, p.num(base)]) for end in ends[::2])
            return with_args(phrase, (array, *_alternating(firsts, ends[1::2])))
        if phrase.head in ("sum_over", "prod_over"):
            names = frozenset(map(str, phrase.data))
            body, *bounds = (_renamed(arg, names, -base) for arg in args)
            return with_args(phrase, (body, *(_total([b, p.num(base)]) for b in bounds)))
        if phrase.head == "comprehension":
            axes = [axis for axis in phrase.data if isinstance(axis, tuple)]
            names = frozenset(str(name) for name, _ in axes)
            return with_args(phrase, (_renamed(args[0], names, -base),))
        return with_args(phrase, args)

    return fold(root, visit)


def _alternating(firsts: Iterable[Phrase], seconds: Iterable[Phrase]) -> Iterator[Phrase]:
    for pair in zip(firsts, seconds, strict=True):
        yield from pair


def _renamed(root: Phrase, names: frozenset[str], by: int) -> Phrase:
    """`root` with i + by in the place of each index i of `names`."""

    def visit(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
        if phrase.head == "symbol" and phrase.data[-1] == "index" and phrase.data[0] in names:
            return _total([phrase, p.num(by)])
        if all(new is old for new, old in zip(args, phrase.args, strict=True)):
            return phrase
        if phrase.head == "add":
            return _total(args)
        if phrase.head == "mul" and not phrase.shape:
            return _multiple(p.coefficient(phrase), args)
        return with_args(phrase, args)

    return fold(root, visit)


def _total(terms: Iterable[Phrase]) -> Phrase:
    """A sum with its numbers collected.  i - 1 + 1 -> i"""
    constant = Fraction(0)
    rest = []
    for term in terms:
        for part in term.args if term.head == "add" else (term,):
            if part.is_number:
                constant += part.value
            else:
                rest.append(part)
    if constant or not rest:
        rest.append(p.num(constant))
    return p.add(rest)


def _multiple(coef: Fraction, factors: tuple[Phrase, ...]) -> Phrase:
    """A product, multiplied out where it is a number times a sum.  2*(i - 1) -> 2*i - 2"""
    if len(factors) == 1 and factors[0].head == "add":
        return _total(p.mul([term], coef) for term in factors[0].args)
    return p.mul(factors, coef)
