"""The graph of scalars behind a problem: which entry of a name another entry is computed from.

A vertex is an entry of a named node or symbol. There is an edge from an entry of a name to each
entry of a definition that uses it, where the local derivative is not plainly zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from symback.backprop import jacobian
from symback.bindings import Sizes, bind_sizes, sizes_of
from symback.entrywise import Entrywise
from symback.errors import InputError, SymbackError, ValueProblem
from symback.field import Entries, Field
from symback.graph import Node, symbols_of
from symback.problem import Definition, Problem
from symback.sweep import Adjoint
from symback.walks import Fault

Indices: TypeAlias = tuple[int, ...]
Corner: TypeAlias = tuple[str, Indices]  # a name and an entry of its node, counted from 0

MAX_WORK = 300_000


class TooManyScalars(SymbackError):
    """The graph of scalars is too large to be looked at entry by entry."""


@dataclass(frozen=True)
class Use:
    """One name in one definition.

    Attributes:
        name: the name.
        node: its symbol.
        definition: who uses it.
        derivative: of the definition by the name; the definition's axes first.
        edges: for each entry of the name, the entries of the definition it has an influence on.
    """

    name: str
    node: Node
    definition: Definition
    derivative: Node
    edges: Mapping[Indices, tuple[Indices, ...]]


@dataclass(frozen=True)
class Ways:
    """How many paths lead from an entry to the output, and their edges altogether."""

    count: int = 0
    edges: int = 0


class ScalarGraph:
    """The scalars between some names and the output.

    Args:
        adjoints: the names that matter.
        sizes: numbers for size symbols.

    Raises:
        ValueProblem: where a size has no number.
        TooManyScalars: beyond `MAX_WORK` operations.
    """

    def __init__(self, problem: Problem, adjoints: Mapping[str, Adjoint], sizes: Sizes) -> None:
        self.problem = problem
        self.names = adjoints
        self.bound = bind_sizes({}, sizes)
        self._field = Pattern()

    def entries(self, name: str) -> list[Indices]:
        """The entries of a name's node."""
        shape = sizes_of(self.problem.tensor(name).node.shape, self.bound)
        self._field.spend(len(shape))
        return list(itertools.product(*map(range, shape)))

    @cached_property
    def uses(self) -> dict[str, tuple[Use, ...]]:
        """The uses of each name, in the order of the sweep: last definition first."""
        found: dict[str, list[Use]] = {name: [] for name in self.names}
        known = {self.problem.tensor(name).node: name for name in self.names}
        for definition in reversed(self.problem.definitions):
            if definition.name not in self.names:
                continue
            for node in symbols_of([definition.tensor.node]):
                if node in known:
                    found[known[node]].append(self._use(known[node], node, definition))
        return {name: tuple(uses) for name, uses in found.items()}

    def _use(self, name: str, node: Node, definition: Definition) -> Use:
        root = definition.tensor.node
        (derivative,) = jacobian(root, [node])
        every: dict[Node, Entries[bool | Fault]] = {
            s: Entries(sizes, (True,) * _count(sizes))
            for s in symbols_of([derivative])
            for sizes in [sizes_of(s.shape, self.bound)]
        }
        walk = Entrywise(self._field, every, self.bound, {})
        walk.run([derivative])
        edges: dict[Indices, list[Indices]] = {}
        for index, influences in walk.value(derivative).indexed():
            if influences:
                edges.setdefault(index[root.rank :], []).append(index[: root.rank])
        return Use(name, node, definition, derivative, {k: tuple(v) for k, v in edges.items()})

    @cached_property
    def ways(self) -> dict[Corner, Ways]:
        """The paths from each entry to the output."""
        result: dict[Corner, Ways] = {}
        order = [d.name for d in reversed(self.problem.definitions) if d.name in self.names]
        order += [name for name in self.names if name in self.problem.symbols]
        for name in order:
            for index in self.entries(name):
                if name == self.problem.of:
                    result[name, index] = Ways(1, 0)
                    continue
                ahead = [
                    result.get((use.definition.name, head), Ways())
                    for use in self.uses[name]
                    for head in use.edges.get(index, ())
                ]
                count = sum(way.count for way in ahead)
                result[name, index] = Ways(count, count + sum(way.edges for way in ahead))
        return result


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def known_sizes(problem: Problem) -> dict[Node, int]:
    """The numbers of the sizes that the values tell.

    Raises:
        ValueProblem: where a size has none.
    """
    unknown = [name for name in problem.sizes if name not in problem.values]
    if unknown:
        raise ValueProblem(
            f"the size '{unknown[0]}' has no number",
            hint="paths are counted entry by entry: give values, or sizes as numbers",
        )
    return {
        size.node: int(problem.values[name].entries[0])  # type: ignore[arg-type]
        for name, size in problem.sizes.items()
    }


class Pattern(Field[bool]):
    """Where an array may have entries other than zero: arithmetic on "plainly zero or not"."""

    nought = False
    one = True

    def __init__(self) -> None:
        self._work = 0

    def spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise TooManyScalars("there are too many entries to follow one by one")

    def number(self, value: Fraction) -> bool:
        return bool(value)

    def constant(self, name: str) -> bool:
        return True

    def sum(self, terms: Sequence[bool]) -> bool:
        return any(terms)

    def product(self, factors: Sequence[bool]) -> bool:
        return all(factors)

    def function(self, name: str, order: tuple[int, ...], args: Sequence[bool]) -> bool:
        return True

    def compare(self, a: bool, b: bool) -> int | None:
        """Entries that may be anything count as equal among themselves: all take part."""
        return 0 if a is b else None

    def whole(self, a: bool) -> int | None:
        return 2

    def show(self, a: bool) -> str:
        return "0" if not a else "?"

    def logsumexp(self, terms: Sequence[bool]) -> bool:
        return True

    def determinant(self, rows: list[list[bool]]) -> bool:
        return True

    def inverse(self, rows: list[list[bool]]) -> list[list[bool]]:
        return [[True] * len(rows) for _ in rows]

    def exponential(self, rows: list[list[bool]]) -> list[list[bool]]:
        return [[True] * len(rows) for _ in rows]

    def refuse(self, what: str) -> Exception:
        return InputError(f"cannot follow the entries of {what}")
