"""Sums inside sums: which factors of a product are a sum of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from itertools import combinations
from typing import TypeAlias

from symback import phrase as p
from symback.phrase import Phrase, renamed

Key: TypeAlias = tuple[str, frozenset[tuple[Phrase, int]], tuple[Phrase, ...], tuple[Phrase, ...]]


def with_inner_sums(
    body: Phrase, bounds: list[Phrase], names: tuple[str, ...]
) -> tuple[Phrase, list[Phrase], tuple[str, ...]]:
    """A sum whose body has a sum of its own again, where that stands in it already, or twice.

    sum_ij f(sum_j a_ij x_j) a_ij x_j -> sum_i f(z) z with z = sum_j a_ij x_j, and
    sum_ijk a_ij x_j a_ik x_k -> sum_i z^2. The body is a product; `bounds` has the lowest and the
    highest value of each index.
    """
    while len(names) > 1:
        found = _repeated(body, bounds, names) or _squared(body, bounds, names)
        if found is None:
            break
        body, gone = found
        kept = [k for k, name in enumerate(names) if name not in gone]
        bounds = [bound for k in kept for bound in bounds[2 * k : 2 * k + 2]]
        names = tuple(names[k] for k in kept)
    return body, bounds, names


def stands_in(total: Phrase, factors: list[Phrase]) -> bool:
    """Whether a sum stands in one of these, whatever its index is called."""
    key = _key_of(total)
    return any(_key_of(piece) == key for factor in factors for piece in _sums(factor))


def same_sums(terms: list[Phrase]) -> list[Phrase]:
    """The terms with one name for each index of what is one sum, or one product, in them.

    sum_j a_ij x_j + sum_k a_ik x_k -> 2 sum_j a_ij x_j, in products and functions too.
    """
    known: dict[Key, Phrase] = {}
    return [_named_alike(term, known, frozenset()) for term in terms]


def _named_alike(phrase: Phrase, known: dict[Key, Phrase], around: frozenset[Hashable]) -> Phrase:
    if not phrase.binds:
        return phrase
    args = tuple(_named_alike(arg, known, around | phrase.bound) for arg in phrase.args)
    if args != phrase.args:
        phrase = p.rebuilt(phrase, args)
    if phrase.head not in ("sum_over", "prod_over"):
        return phrase
    found = known.setdefault(_key_of(phrase), phrase)
    return found if found.binds.isdisjoint(around) else phrase


def _repeated(
    body: Phrase, bounds: list[Phrase], names: tuple[str, ...]
) -> tuple[Phrase, tuple[str, ...]] | None:
    """The body with one index gone, whose sum stands in another factor."""
    for name, group, own in _groups(body, bounds, names):
        others = [factor for factor in body.args if factor not in group]
        key = _key(group, (name,), own)
        for piece in (piece for factor in others for piece in _sums(factor)):
            if _key_of(piece) == key:
                return p.mul([*others, piece], p.coefficient(body)), (name,)
    return None


def _squared(
    body: Phrase, bounds: list[Phrase], names: tuple[str, ...]
) -> tuple[Phrase, tuple[str, ...]] | None:
    """The body with two indices gone, whose sums are the same."""
    for (name, group, own), (other, twin, ends) in combinations(_groups(body, bounds, names), 2):
        apart = not any(factor in twin for factor in group)
        if apart and _key(group, (name,), own) == _key(twin, (other,), ends):
            inner = Phrase("sum_over", (p.mul(group), *own), (name,))
            rest = [factor for factor in body.args if factor not in (*group, *twin)]
            square = p.power(inner, p.num(2))
            return p.mul([*rest, square], p.coefficient(body)), (name, other)
    return None


def _groups(
    body: Phrase, bounds: list[Phrase], names: tuple[str, ...]
) -> Iterator[tuple[str, list[Phrase], tuple[Phrase, Phrase]]]:
    """Each index that stands in some of the factors and in no bound, with these and its bounds."""
    if body.head != "mul":
        return
    for place, name in enumerate(names):
        group = [factor for factor in body.args if name in factor.indices]
        alone = not any(name in bound.indices for bound in bounds)
        if alone and len(group) < len(body.args):
            yield name, group, (bounds[2 * place], bounds[2 * place + 1])


def _sums(phrase: Phrase) -> Iterator[Phrase]:
    """The sums over one index in a phrase."""
    return (x for x in p.pieces(phrase) if x.head == "sum_over" and len(x.data) == 1)


def _key_of(total: Phrase) -> Key:
    body, *bounds = total.args
    number = p.coefficient(body)
    extra = [p.num(number)] if number != 1 else []
    return _key([*p.factors_of(body), *extra], total.data, tuple(bounds), total.head)


def _key(
    factors: list[Phrase],
    names: tuple[Hashable, ...],
    bounds: tuple[Phrase, ...],
    head: str = "sum_over",
) -> Key:
    """The factors whatever the indices are called, and numbers in whichever order they stand."""
    marks = {name: f"#{place}" for place, name in enumerate(names)}
    marked = [renamed(factor, marks) for factor in factors]
    numbers = Counter(factor for factor in marked if not factor.is_matrix)
    matrices = tuple(factor for factor in marked if factor.is_matrix)
    ends = tuple(renamed(bound, marks) for bound in bounds)
    return head, frozenset(numbers.items()), matrices, ends
