"""Which matrices an elementwise phrase is a function of, and how long it is as a Lambda."""

from __future__ import annotations

from symback.phrase import Phrase, mul
from symback.sympy_functions import COMPOSED

ELEMENTWISE_HEADS = frozenset({"function", "elementwise_pow", "hadamard", "add"})
CONDITIONS = frozenset({"lt", "le", "eq", "ne", "and", "or", "not"})


def _candidates(p: Phrase) -> list[Phrase]:
    """The matrices that an elementwise tree is a function of, each on its own.

    X and -X for sigmoid(-X); none but the tree itself for X .* Y.
    """
    found: list[Phrase] = []
    todo = [p]
    while todo:
        piece = todo.pop()
        if not piece.is_matrix or piece.head in ("ones", "zeros") or piece in found:
            continue
        if not (piece.head == "function" and piece.data[0] in CONDITIONS):
            found.append(piece)
        if _is_elementwise(piece):
            todo.extend(elements(piece))
    return [c for c in found if made_of(p, c)]


def argument(p: Phrase) -> Phrase:
    """The smallest matrix that an elementwise tree is a function of; at worst the tree itself."""
    return min(_candidates(p), key=lambda c: (c.length, _count_opposites(p, c)), default=p)


def _count_opposites(p: Phrase, inner: Phrase) -> int:
    return is_opposite(p, inner) + sum(_count_opposites(a, inner) for a in p.args)


def largest_group(factors: list[Phrase]) -> tuple[Phrase, list[Phrase]]:
    """The factors that are functions of one matrix, and that matrix."""
    candidates = dict.fromkeys(c for factor in factors for c in _candidates(factor))
    groups = {c: [f for f in factors if made_of(f, c)] for c in candidates}

    def length(inner: Phrase) -> int:
        return inner.length + sum(written_length(f, inner) for f in groups[inner])

    inner = max(groups, key=lambda c: (len(groups[c]), -length(c)))
    return inner, groups[inner]


def has_function(p: Phrase, inner: Phrase) -> bool:
    """Whether a term is more than a multiple of `inner`."""
    if p == inner or not p.is_matrix:
        return False
    if p.head in ("function", "elementwise_pow"):
        return True
    return _is_elementwise(p) and any(has_function(a, inner) for a in elements(p))


def is_composed(p: Phrase) -> bool:
    """Whether SymPy has no function of this name, so that it is written as a Lambda."""
    own = p.head == "function" and p.data[0] in COMPOSED
    return own or any(is_composed(a) for a in p.args)


def adds_ones(p: Phrase) -> bool:
    """Whether this is f(X + c*1), which a Lambda writes without a ones matrix."""
    inside = p.args if p.head == "function" else ()
    return any(a.head == "add" and any(map(_is_ones, a.args)) for a in inside)


def _is_ones(p: Phrase) -> bool:
    matrices = [a for a in p.args if a.is_matrix] if p.head == "mul" else [p]
    return all(a.head == "ones" for a in matrices) and bool(matrices)


def written_length(p: Phrase, inner: Phrase | None = None) -> int:
    """The length in SymPy, `inner` counted as one symbol."""
    if p == inner:
        return 1
    composed = p.head == "function" and p.data[0] in COMPOSED
    extra = (7 if inner is None else 4) if composed else 0
    parts = elements(p) if p.is_matrix and _is_elementwise(p) else p.args
    below = sum(written_length(a, inner) - a.length for a in parts)
    return p.length + extra + below


def _is_elementwise(p: Phrase) -> bool:
    if p.head == "mul":
        return sum(a.is_matrix for a in p.args) == 1 or mul([a for a in p.args if a.is_matrix]) != p
    return p.head in ELEMENTWISE_HEADS


def elements(p: Phrase) -> tuple[Phrase, ...]:
    """The arguments of an elementwise tree; of c*X*V they are c and X*V."""
    if p.head != "mul":
        return p.args
    chain = [a for a in p.args if a.is_matrix]
    return (*(a for a in p.args if not a.is_matrix), mul(chain))


def is_opposite(p: Phrase, inner: Phrase) -> bool:
    """Whether this is y - A*x for A*x - y."""
    if p.head != "add" or inner.head != "add" or len(p.args) != len(inner.args):
        return False
    return {mul([a], -1) for a in p.args} == {mul([a]) for a in inner.args}


def made_of(p: Phrase, inner: Phrase) -> bool:
    """Whether an elementwise tree has no matrix in it but `inner`, ones and zeros."""
    if p == inner or not p.is_matrix or p.head in ("ones", "zeros") or is_opposite(p, inner):
        return True
    return _is_elementwise(p) and all(made_of(a, inner) for a in elements(p) if a.is_matrix)
