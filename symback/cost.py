"""What a derivation costs: operations on scalars, forward, backward and path by path.

Differentiating path by path multiplies out, for each entry asked for, every chain of scalar
derivatives from it to the output. Backpropagation shares what the chains have in common.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from symback.bindings import Sizes, sizes_of
from symback.errors import SymbackError
from symback.forms import node_indices
from symback.graph import Node, topological
from symback.ops import einsum_parts, value_of
from symback.problem import Problem
from symback.scalargraph import Corner, ScalarGraph, known_sizes
from symback.simplify import Simplifier
from symback.sweep import Names
from symback.worked import Worked

MAX_DEFINITIONS = 2000

_FREE = frozenset({"symbol", "number", "constant", "zeros", "select", "pick", "iota", "stack"})


@dataclass(frozen=True)
class Operations:
    """Counts of operations on scalars.

    Divisions count as multiplications, comparisons as functions.
    """

    multiplications: int = 0
    additions: int = 0
    functions: int = 0

    @property
    def total(self) -> int:
        return self.multiplications + self.additions + self.functions

    def __add__(self, other: Operations) -> Operations:
        return Operations(
            self.multiplications + other.multiplications,
            self.additions + other.additions,
            self.functions + other.functions,
        )


@dataclass(frozen=True)
class Cost:
    """What was counted.

    Attributes:
        forward: every definition worked out once.
        backward: every adjoint worked out once, from the forward values.
        paths: chains of scalar derivatives from the entries asked for to the output.
        by_paths: local derivatives worked out once, these chains multiplied and added one by one.
        entries: how many scalar derivatives are asked for.
    """

    forward: Operations
    backward: Operations
    paths: int
    by_paths: Operations
    entries: int


def cost_of(worked: Worked) -> Cost | None:
    """The cost of a derivation; None where sizes are symbolic, or it is too large to count."""
    problem = worked.problem
    if len(problem.definitions) > MAX_DEFINITIONS:
        return None
    try:
        graph = ScalarGraph(problem, worked.adjoints, known_sizes(problem))
        paths, by_paths, entries = _by_paths(problem, graph)
    except SymbackError:
        return None
    known: set[Node] = set()
    forward = count((d.tensor.node for d in problem.definitions), graph.bound, known)
    by_paths += count(_local_derivatives(graph), graph.bound, set(known))
    adjoints = (a.named for a in worked.adjoints.values())
    return Cost(forward, count(adjoints, graph.bound, known), paths, by_paths, entries)


def _local_derivatives(graph: ScalarGraph) -> Iterator[Node]:
    names, simplify = Names(graph.problem.definitions), Simplifier()
    for uses in graph.uses.values():
        for use in uses:
            yield simplify(names.in_names(use.derivative))


def _by_paths(problem: Problem, graph: ScalarGraph) -> tuple[int, Operations, int]:
    """How many paths there are, what multiplying them out takes, and for how many entries."""
    asked: set[Corner] = set()
    for target in problem.wrt:
        if target.indices is None:
            asked.update((target.name, index) for index in graph.entries(target.name))
        else:
            written = node_indices(target, problem.tensor(target.name).shape)
            asked.add((target.name, tuple(i for i in written if isinstance(i, int))))
    paths = multiplications = additions = 0
    from_above = 0 if problem.upstream is None else 1
    for corner in asked:
        ways = graph.ways.get(corner)
        if ways is not None and ways.count:
            paths += ways.count
            multiplications += ways.edges - ways.count + from_above * ways.count
            additions += ways.count - 1
    return paths, Operations(multiplications, additions), len(asked)


def count(roots: Iterable[Node], sizes: Sizes, known: set[Node]) -> Operations:
    """The operations that `roots` take; `known` are nodes with a value, and it takes up new ones.

    A product of several factors is worked out two at a time, the cheapest pair first.
    """
    total = Operations()
    for node in topological(roots):
        if node not in known and node.op not in _FREE:
            total += _of(node, sizes)
        known.add(node)
    return total


def _of(node: Node, sizes: Sizes) -> Operations:
    size = math.prod(sizes_of(node.shape, sizes))
    if node.op == "add":
        return Operations(additions=(len(node.args) - 1) * size)
    if node.op == "map":
        exponent = value_of(node.args[1]) if node.params[0] == "pow" else None
        if exponent is not None and exponent.denominator == 1 and abs(exponent) <= 4:
            return Operations(multiplications=max(1, abs(int(exponent)) - 1) * size)
        return Operations(functions=size)
    if node.op == "einsum":
        return _product(node, sizes)
    inner = math.prod(sizes_of(node.args[0].shape, sizes))
    if node.op == "logsumexp":
        return Operations(additions=inner - size, functions=inner + size)
    if node.op == "prod":
        return Operations(multiplications=inner - size)
    if node.op in ("inv", "matpow", "expm"):
        return Operations(multiplications=inner * node_side(node, sizes))
    if node.op in ("det", "logdet"):
        return Operations(multiplications=inner * node_side(node, sizes) // 3)
    return Operations(functions=inner)


def node_side(node: Node, sizes: Sizes) -> int:
    """The number of rows of the matrix that `node` is a function of."""
    return sizes_of(node.args[0].shape[:1], sizes)[0]


def _product(node: Node, sizes: Sizes) -> Operations:
    coef, labels, out, label_sizes = einsum_parts(node)
    lengths = sizes_of(label_sizes, sizes)
    fixed = _fixed_by_selections(node)
    factors = [
        frozenset(own) - fixed
        for arg, own in zip(node.args, labels, strict=True)
        if arg.op not in ("select", "pick")
    ]
    kept = frozenset(out)
    total = Operations()

    def length(own: Iterable[int]) -> int:
        return math.prod(lengths[label] for label in own)

    while len(factors) > 1:
        pairs = [(a, b) for a in range(len(factors)) for b in range(a)]
        a, b = min(pairs, key=lambda pair: length(factors[pair[0]] | factors[pair[1]]))
        first, second = factors.pop(a), factors.pop(b)
        wanted = kept.union(*factors)
        both = first | second
        joined = both & wanted
        total += Operations(length(both), length(both) - length(joined))
        factors.append(joined)
    for own in factors:
        total += Operations(additions=length(own) - length(own & kept))
    if abs(coef) != 1:
        total += Operations(multiplications=min(length(kept), _least(node, sizes)))
    return total


def _least(node: Node, sizes: Sizes) -> int:
    """The number of entries of the smallest factor: a number is multiplied into that one."""
    return min((math.prod(sizes_of(arg.shape, sizes)) for arg in node.args), default=1)


def _fixed_by_selections(node: Node) -> frozenset[int]:
    """A label for each selection that the others fix, so that it costs nothing to sum over."""
    _, labels, out, _ = einsum_parts(node)
    fixed: set[int] = set()
    for arg, own in zip(node.args, labels, strict=True):
        if arg.op == "pick" or (arg.op == "select" and arg.params[0] == "=="):
            free = [label for label in own if label not in out and label not in fixed]
            fixed.update(free[:1])
    return frozenset(fixed)
