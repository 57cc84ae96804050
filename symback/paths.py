"""The derivative by one entry, path by path: the chain rule as one writes it by hand.

The scalar graph has a vertex for each entry of each named node, and an edge from an entry to each
entry that uses it, with a local derivative. The derivative of the output is the sum, over every
path, of the product of its edges.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symback import phrase as p
from symback.errors import NameProblem, ShapeError, ValueProblem, did_you_mean
from symback.explicit import entries_of
from symback.forms import at_entry, node_indices
from symback.graph import Node
from symback.ops import ONE, einsum, is_zero, symbol
from symback.phrase import Phrase
from symback.problem import Problem, Target, target_of
from symback.problemfile import parse_target
from symback.scalargraph import Corner, Indices, ScalarGraph, Use, known_sizes
from symback.simplify import Simplifier
from symback.sweep import Names
from symback.values import Value
from symback.worked import Worked

MAX_PATHS = 200
MAX_FIRST_PARTS = 20  # partial paths, where the whole ones are too many


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
        paths: every path; with `complete` False only their first edges, at most `MAX_PATHS`.
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


def entry_chain(worked: Worked, text: str) -> EntryChain:
    """The derivative of the output by one entry, path by path.

    Args:
        worked: a derivation.
        text: the entry as the problem counts, "W1[1,1]"; of a scalar its name alone.

    Raises:
        InputError: for what is no entry.
        TooManyScalars: for a graph that is too large to follow entry by entry.
    """
    problem = worked.problem
    target = _target(problem, text)
    if target.name not in worked.adjoints:
        worked = Worked(_by(problem, target))
    return _Chains(worked).chain(target)


def _target(problem: Problem, text: str) -> Target:
    written = parse_target(text)
    names = {**problem.symbols, **{d.name: d.symbol for d in problem.definitions}}
    if written.name not in names:
        hint = did_you_mean(written.name, names) or "name an entry such as W1[1,1]"
        raise NameProblem(f"unknown name '{written.name}'", place=written.place, hint=hint)
    try:
        target = target_of(written.text, written.name, written.indices, names, problem.index_base)
    except (ShapeError, ValueProblem) as error:
        error.place = written.place
        raise
    if any(isinstance(index, str) for index in target.indices or ()):
        raise ValueProblem("an entry is named by whole numbers", place=written.place)
    if target.indices is None and not names[target.name].is_scalar:
        first = ",".join([str(problem.index_base)] * names[target.name].rank)
        raise ValueProblem(
            f"'{target.name}' has many entries; name one",
            place=written.place,
            hint=f"such as {target.name}[{first}]",
        )
    return target


def _by(problem: Problem, target: Target) -> Problem:
    return problem.with_targets((replace(target, indices=None, label=target.name),))


@dataclass(frozen=True)
class _Step:
    """One edge: from an entry to one that uses it, and the local derivative as a node."""

    tail: Corner
    head: Corner
    local: Node


class _Chains:
    """Follows the scalars of one derivation."""

    def __init__(self, worked: Worked) -> None:
        self.worked = worked
        self.problem = worked.problem
        self.forms = worked.forms
        self.graph = ScalarGraph(self.problem, worked.adjoints, known_sizes(self.problem))
        self.names = Names(self.problem.definitions)
        self.simplify = Simplifier()
        self._steps: dict[Corner, tuple[_Step, ...]] = {}
        self._derivatives: dict[Node, Node] = {}
        self._written: dict[Node, Phrase] = {}
        self._vertices: dict[Corner, Vertex] = {}

    def chain(self, target: Target) -> EntryChain:
        start = self._start(target)
        ways = self.graph.ways[start].count
        complete = ways <= MAX_PATHS
        parts = self._whole(start) if complete else self._first_parts(start)
        adjoint = self._adjoint(start)
        return EntryChain(
            target=target.label,
            adjoint=self._adjoint_name(start),
            paths=tuple(map(self._path, parts)),
            count=len(parts) if complete else ways,
            complete=complete,
            grouped=self._grouped(start, parts),
            value=self._value(adjoint),
        )

    def _start(self, target: Target) -> Corner:
        if target.indices is None:
            return target.name, ()
        indices = node_indices(target, self.problem.tensor(target.name).shape)
        return target.name, tuple(i for i in indices if isinstance(i, int))

    # --- walking -------------------------------------------------------------------------------

    def _from(self, corner: Corner) -> tuple[_Step, ...]:
        """The edges that leave an entry towards the output."""
        found = self._steps.get(corner)
        if found is None:
            name, index = corner
            steps = []
            for use in self.graph.uses[name]:
                for head in use.edges.get(index, ()):
                    ahead: Corner = (use.definition.name, head)
                    local = self._local(use, index, head)
                    if self.graph.ways[ahead].count and not is_zero(local):
                        steps.append(_Step(corner, ahead, local))
            found = self._steps[corner] = tuple(steps)
        return found

    def _local(self, use: Use, index: Indices, head: Indices) -> Node:
        """One entry of the derivative of a definition, in entries of named nodes."""
        derivative = self._derivatives.get(use.derivative)
        if derivative is None:
            derivative = self.simplify(self.names.in_names(use.derivative))
            self._derivatives[use.derivative] = derivative
        node = at_entry(derivative, (*head, *index))
        entries = entries_of(node)
        return node if entries is None else entries[0]

    def _whole(self, start: Corner) -> list[tuple[_Step, ...]]:
        """Every path from `start` to the output."""
        if start[0] == self.problem.of:
            return [()]
        paths = []
        waiting: list[tuple[_Step, ...]] = [(step,) for step in reversed(self._from(start))]
        while waiting:
            path = waiting.pop()
            head = path[-1].head
            if head[0] == self.problem.of:
                paths.append(path)
            else:
                waiting.extend((*path, step) for step in reversed(self._from(head)))
        return paths

    def _first_parts(self, start: Corner) -> list[tuple[_Step, ...]]:
        """The paths as far as they are few, one edge at least."""
        parts: list[tuple[_Step, ...]] = [(step,) for step in self._from(start)]
        while sum(self._branches(part[-1].head) for part in parts) <= MAX_FIRST_PARTS:
            longer: list[tuple[_Step, ...]] = []
            for part in parts:
                ahead = self._from(part[-1].head)
                longer.extend((*part, step) for step in ahead)
                if not ahead:
                    longer.append(part)
            if len(longer) == len(parts) and all(map(operator.is_, longer, parts)):
                break
            parts = longer
        return parts[:MAX_PATHS]

    def _branches(self, corner: Corner) -> int:
        """How many edges leave an entry, one at least."""
        name, index = corner
        return max(1, sum(len(use.edges.get(index, ())) for use in self.graph.uses[name]))

    # --- writing -------------------------------------------------------------------------------

    def _value(self, node: Node) -> Value | None:
        return None if self.worked.numbers is None else self.worked.numbers.value(node, ())

    def _write(self, node: Node) -> Phrase:
        if node not in self._written:
            self._written[node] = self.forms.write(node)
        return self._written[node]

    def _vertex(self, corner: Corner) -> Vertex:
        if corner not in self._vertices:
            name, indices = corner
            tensor = self.problem.tensor(name)
            rest = iter(indices)
            declared = (0 if size == 1 else next(rest) for size in tensor.shape)
            self._vertices[corner] = Vertex(
                name,
                tuple(index + self.problem.index_base for index in declared),
                self.forms.entry(tensor.node, indices),
                self._value(_entry(tensor.node, indices)),
            )
        return self._vertices[corner]

    def _adjoint(self, corner: Corner) -> Node:
        """The adjoint of an entry as a node; the number 1 for a scalar output."""
        return _entry(self.worked.adjoints[corner[0]].symbol, corner[1])

    def _adjoint_name(self, corner: Corner) -> Phrase:
        name, indices = corner
        node = self.problem.tensor(name).node
        return self.forms.entry(symbol(name, node.shape, "adjoint"), indices)

    def _edge(self, step: _Step) -> Edge:
        tail, head = self._vertex(step.tail), self._vertex(step.head)
        return Edge(tail, head, self._write(step.local), self._value(step.local))

    def _remaining(self, corner: Corner) -> Node | None:
        """What a path that stops here is still multiplied by."""
        adjoint = self._adjoint(corner)
        return None if adjoint is ONE else adjoint

    def _path(self, steps: tuple[_Step, ...]) -> Path:
        remaining = self._remaining(steps[-1].head) if steps else None
        nodes = [step.local for step in reversed(steps)]
        if remaining is not None:
            nodes.insert(0, remaining)
        return Path(
            edges=tuple(map(self._edge, steps)),
            remaining=None if remaining is None else self._write(remaining),
            remaining_value=None if remaining is None else self._value(remaining),
            product=p.mul(map(self._write, nodes)),
            value=self._value(einsum(1, [(node, ()) for node in nodes], ())),
        )

    def _grouped(self, start: Corner, parts: Sequence[tuple[_Step, ...]]) -> Phrase:
        """The sum of the paths, what several of them share taken out: nested as they branch."""
        leaving: dict[Corner, dict[_Step, None]] = {}
        for part in parts:
            for step in part:
                leaving.setdefault(step.tail, {})[step] = None
        forms: dict[Corner, Phrase] = {}
        waiting = [start]
        while waiting:
            corner = waiting[-1]
            steps = leaving.get(corner, {})
            unknown = [step.head for step in steps if step.head not in forms]
            if unknown:
                waiting.extend(unknown)
                continue
            waiting.pop()
            if steps:
                terms = [p.mul([forms[step.head], self._write(step.local)]) for step in steps]
                forms[corner] = p.add(terms)
            else:
                remaining = self._remaining(corner)
                forms[corner] = p.UNIT if remaining is None else self._write(remaining)
        return forms[start] if parts else p.num(0)


def _entry(node: Node, indices: Indices) -> Node:
    return at_entry(node, indices) if node.shape else node
