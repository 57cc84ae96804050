"""The derivative by one entry, path by path: the chain rule as one writes it by hand.

The scalar graph has a vertex for each entry of each named node, and an edge from an entry to each
entry that uses it, with a local derivative. The derivative of the output is the sum, over every
path, of the product of its edges.
"""

from __future__ import annotations

from dataclasses import dataclass

from symback.phrase import Phrase
from symback.values import Value

MAX_PATHS = 200


@dataclass(frozen=True)
class Vertex:
    """One entry of a named node; `indices` as the problem counts, () for a scalar.

    Attributes:
        phrase: the entry, such as z1[1].
        value: its number.
    """

    name: str
    indices: tuple[int, ...]
    phrase: Phrase
    value: Value | None


@dataclass(frozen=True)
class Edge:
    """One local derivative: of the entry `head` by the entry `tail`.

    Attributes:
        local: the derivative, in entries of named nodes.
        value: its number.
    """

    tail: Vertex
    head: Vertex
    local: Phrase
    value: Value | None


@dataclass(frozen=True)
class Path:
    """One chain of edges, from the entry asked for on.

    Attributes:
        edges: in the order from the entry to the output.
        remaining: the adjoint of the last vertex, where the chain stops before the output
            (because there are too many paths); else None.
        remaining_value: its number.
        product: the product of the local derivatives (and of `remaining`).
        value: its number.
    """

    edges: tuple[Edge, ...]
    remaining: Phrase | None
    remaining_value: Value | None
    product: Phrase
    value: Value | None


@dataclass(frozen=True)
class EntryChain:
    """The derivative of the output by one entry.

    Attributes:
        target: such as "W1[1,1]".
        adjoint: the derivative's name as a phrase.
        paths: at most `MAX_PATHS`; with `complete` False they stop after their first edges.
        count: how many paths there are in all, to the output.
        complete: whether `paths` run to the output.
        grouped: the derivative with common parts of the paths taken out.
        value: the sum of the paths' numbers.
    """

    target: str
    adjoint: Phrase
    paths: tuple[Path, ...]
    count: int
    complete: bool
    grouped: Phrase
    value: Value | None
