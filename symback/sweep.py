"""The reverse sweep over named nodes: one adjoint for each name, in textbook form.

The definitions are visited in reverse. Each passes the adjoint of its node back to the names in
its expression, so every adjoint is a sum with one term for each consumer. An adjoint is written in
forward names and in the adjoints of its consumers (`dL_dz2 * h'`), or with those adjoints' own
forms put in where that is not longer (`(y - t)/2`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from symback.backprop import backprop
from symback.errors import Unsupported
from symback.exact import Exact
from symback.graph import Node, symbols_of, topological, transform
from symback.ops import (
    ONE,
    add,
    apply,
    is_zero,
    ones,
    power,
    rebuild,
    scale,
    split_coefficient,
    split_power,
    subtract,
    symbol,
    value_of,
    zeros,
)
from symback.problem import Definition, Problem
from symback.simplify import Simplifier

MAX_CHOICES = 12  # terms of a sum, beyond which its forms are not compared as a whole
MAX_PUT_IN = 60  # cost of an adjoint that may be written out in another
MAX_PUT_IN_AGAIN = 12  # the same for one that goes on to further adjoints

_LEAVES = frozenset({"symbol", "number", "constant", "zeros", "iota", "select", "pick"})


@dataclass(frozen=True)
class UnitSum:
    """The entries of a symbol sum to 1 along an axis: so it is given, or so it would have to be.

    Attributes:
        name: the symbol.
        axis: of its node.
        rank: of its node.
        otherwise: None where it holds for the given values; else the form that the adjoint would
            have if it held.
    """

    name: str
    axis: int
    rank: int
    otherwise: Node | None = None


@dataclass(frozen=True)
class Passed:
    """What one definition passes back to one name in its expression.

    Attributes:
        consumer: the definition.
        incoming: its adjoint: a symbol, or what comes from above.
        node: what is passed, as the rules have it, in `incoming`.
    """

    consumer: Definition
    incoming: Node
    node: Node


@dataclass(frozen=True)
class Adjoint:
    """The derivative of the output by one named node or symbol.

    Attributes:
        name: the node.
        symbol: the adjoint as a symbol, for use in other adjoints.
        passed: one contribution for each consumer, last definition first; empty for the output.
        total: their sum.
        named: the sum, simplified.
        unit_sums: what the simplification used, or could have used.
    """

    name: str
    symbol: Node
    passed: tuple[Passed, ...]
    total: Node
    named: Node
    unit_sums: tuple[UnitSum, ...] = ()


def sweep(problem: Problem) -> dict[str, Adjoint]:
    """The adjoint of every name between the output and the targets, the output first.

    Targets that do not influence the output have the adjoint zero.

    Raises:
        Unsupported: what cannot be differentiated, named.
    """
    return _Sweep(problem).run()


class _Sweep:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.names = Names(problem.definitions)
        self.plain = Simplifier()
        self.merged: dict[Node, Node] = {}
        candidates = unit_sum_candidates(problem)
        self.unit = Simplifier(frozenset(candidates)) if candidates else None
        self.by_symbol: dict[Node, Adjoint] = {}
        self.done: dict[str, Adjoint] = {}

    def run(self) -> dict[str, Adjoint]:
        problem = self.problem
        relevant = self._relevant()
        incoming = ONE if problem.upstream is None else problem.upstream.node
        arriving: dict[Node, list[Passed]] = {}
        for definition in reversed(problem.definitions):
            node = definition.symbol.node
            if definition.name == problem.of:
                self._keep(Adjoint(definition.name, incoming, (), incoming, incoming))
            elif node not in arriving:
                continue
            else:
                self._keep(self._adjoint(definition.name, node, arriving.pop(node)))
            adjoint = self.done[definition.name]
            if node in relevant and not is_zero(adjoint.named):
                self._pass_back(definition, adjoint.symbol, relevant, arriving)
        for name, tensor in problem.symbols.items():
            if tensor.node in arriving:
                self._keep(self._adjoint(name, tensor.node, arriving[tensor.node]))
        for target in problem.wrt:
            if target.name not in self.done:
                nothing = self._adjoint(target.name, problem.tensor(target.name).node, [])
                self._keep(nothing)
        return self.done

    def _relevant(self) -> set[Node]:
        """The names through which the targets influence something, targets included."""
        relevant = {self.problem.tensor(target.name).node for target in self.problem.wrt}
        for definition in self.problem.definitions:
            if not relevant.isdisjoint(symbols_of([definition.tensor.node])):
                relevant.add(definition.symbol.node)
        return relevant

    def _pass_back(
        self,
        definition: Definition,
        incoming: Node,
        relevant: set[Node],
        arriving: dict[Node, list[Passed]],
    ) -> None:
        root = definition.tensor.node
        inputs = [s for s in symbols_of([root]) if s in relevant and s.params[1] != "size"]
        try:
            adjoints = backprop(root, inputs, incoming)
        except Unsupported as error:
            raise Unsupported(
                f"{definition.name}: {error.message}", place=definition.place, hint=error.hint
            ) from None
        for name, node in zip(inputs, adjoints, strict=True):
            if not is_zero(node):
                passed = Passed(definition, incoming, node)
                arriving.setdefault(name, []).append(passed)

    def _keep(self, adjoint: Adjoint) -> None:
        self.done[adjoint.name] = adjoint
        self.by_symbol[adjoint.symbol] = adjoint

    # --- the form of one adjoint ---------------------------------------------------------------

    def _adjoint(self, name: str, node: Node, passed: Sequence[Passed]) -> Adjoint:
        own = symbol(name, node.shape, "adjoint")
        if not passed:
            return Adjoint(name, own, (), zeros(node.shape), zeros(node.shape))
        total = add(*(self.names.in_names(p.node) for p in passed))
        named, inherited = self._shortest(passed, self.plain)
        unit_sums = dict.fromkeys(inherited)
        if self.unit is not None:
            shorter, also = self._shortest(passed, self.unit)
            if self.plain.cost(shorter) < self.plain.cost(named):
                found = self._used(passed, named)
                if self.problem.has_values:
                    named, unit_sums = shorter, dict.fromkeys((*also, *found))
                else:
                    unit_sums.update(
                        (UnitSum(u.name, u.axis, u.rank, shorter), None) for u in found
                    )
        return Adjoint(name, own, tuple(passed), total, named, tuple(unit_sums))

    def _shortest(
        self, passed: Sequence[Passed], simplify: Simplifier
    ) -> tuple[Node, tuple[UnitSum, ...]]:
        """The shortest form of the sum, and what the forms put in have used.

        Candidates: as it is, with the consumers' own forms put in everywhere, and with those put
        in where the single term does not get longer. Of equal ones, the one put in is taken.
        """
        plain = [self._tidy(p.node, simplify) for p in passed]
        within = [self._within(p, a, simplify) for p, a in zip(passed, plain, strict=True)]
        length = partial(_length, simplify)
        chosen = [b if length(b) <= length(a) else a for a, b in zip(plain, within, strict=True)]
        if len(passed) > MAX_CHOICES:
            terms: Sequence[Node] = chosen
            best = simplify(add(*chosen))
        else:
            sums: dict[Node, Sequence[Node]] = {}
            for candidate in (plain, chosen, within):
                sums.setdefault(self._sum(candidate, simplify), candidate)
            best = min(reversed(sums), key=length)
            terms = sums[best]
        used = (p for p, t, a in zip(passed, terms, plain, strict=True) if t is not a)
        consumers = (self.by_symbol.get(p.incoming) for p in used)
        inherited = [u for c in consumers if c for u in c.unit_sums if u.otherwise is None]
        return best, tuple(inherited)

    def _sum(self, terms: Sequence[Node], simplify: Simplifier) -> Node:
        return terms[0] if len(terms) == 1 else self._tidy(add(*terms), simplify)

    def _within(self, passed: Passed, plain: Node, simplify: Simplifier) -> Node:
        """The contribution with the consumer's adjoint written out, unless that is long."""
        consumer = self.by_symbol.get(passed.incoming)
        if consumer is None:
            return plain
        final = all(s.params[1] != "adjoint" for s in symbols_of([consumer.named]))
        if simplify.cost(consumer.named) > (MAX_PUT_IN if final else MAX_PUT_IN_AGAIN):
            return plain
        put_in = transform(passed.node, rebuild, {consumer.symbol: consumer.named})
        return self._tidy(put_in, simplify)

    def _tidy(self, node: Node, simplify: Simplifier) -> Node:
        """The shortest of three forms.

        Names are put in first, or after a first simplification, or products of products are
        multiplied together before anything else.
        """
        first = self.names.in_names(node)
        if all(arg.op == "symbol" for arg in first.args):
            return simplify(first)
        later = self.names.in_names(simplify(node))
        starts = (first, later, transform(first, _merged, self.merged))
        return min((simplify(start) for start in starts), key=simplify.cost)

    def _used(self, passed: Sequence[Passed], plain: Node) -> list[UnitSum]:
        """Which of the candidates shorten this adjoint on their own."""
        assert self.unit is not None
        found = []
        for node, axis in sorted(self.unit.unit_sums, key=lambda pair: (pair[0].name, pair[1])):
            alone = Simplifier(frozenset({(node, axis)}))
            if alone.cost(self._shortest(passed, alone)[0]) < alone.cost(plain):
                found.append(UnitSum(node.name, axis, node.rank))
        return found


def _length(simplify: Simplifier, node: Node) -> int:
    """How long a form is to read; a number in front with many digits counts as longer."""
    coef = Fraction(split_coefficient(node)[0])
    digits = coef.numerator.bit_length() + coef.denominator.bit_length()
    return simplify.cost(node) + digits // 16


class Names:
    """Writes expressions by the names of the definitions in them.

    sigmoid(z)          ->  y         where y = sigmoid(z)
    sigmoid(-z)         ->  1 - y
    (v + eps)^(-3/2)    ->  s^(-3)    where s = (v + eps)^(1/2)
    """

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self._memo: dict[Node, Node] = {}
        self._roots: dict[Node, tuple[Node, Fraction]] = {}
        simplify = Simplifier()
        for definition in definitions:
            symbol_node = definition.symbol.node
            for node in (definition.tensor.node, simplify(definition.tensor.node)):
                if node.op not in _LEAVES:
                    self._memo.setdefault(node, symbol_node)
                if node.op == "map" and node.params[0] == "sigmoid":
                    flipped = apply("sigmoid", scale(-1, node.args[0]))
                    rest = subtract(ones(node.shape), symbol_node)
                    self._memo.setdefault(flipped, rest)
                base, exponent = split_power(node)
                root = value_of(exponent)
                if root is not None and root != 1:
                    self._roots.setdefault(base, (symbol_node, root))

    def in_names(self, node: Node) -> Node:
        return transform(node, self._visit, self._memo)

    def _visit(self, node: Node, args: tuple[Node, ...]) -> Node:
        base, exponent = split_power(node)
        power_of = value_of(exponent)
        if base in self._roots and power_of is not None:
            symbol_node, root = self._roots[base]
            if (power_of / root).denominator == 1:
                return power(symbol_node, power_of / root)
        return rebuild(node, args)


def _merged(node: Node, args: tuple[Node, ...]) -> Node:
    return rebuild(node, args, merge=True)


def unit_sum_candidates(problem: Problem) -> list[tuple[Node, int]]:
    """Pairs (symbol, axis) whose sum along the axis is 1, or may be where there are no values.

    Only labels that meet a softmax are of interest: symbols that nothing is differentiated by, in
    a problem with exponentials, with entries between 0 and 1.
    """
    nodes = topological([d.tensor.node for d in problem.definitions])
    if not any(n.op == "logsumexp" or (n.op == "map" and n.params[0] == "exp") for n in nodes):
        return []
    asked = {target.name for target in problem.wrt}
    result = []
    for name, tensor in problem.symbols.items():
        if name in asked or tensor is problem.upstream or not 1 <= tensor.node.rank <= 2:
            continue
        for axis in range(tensor.node.rank):
            known = problem.values.get(name)
            if known is None or _sums_to_one(known, axis):
                result.append((tensor.node, axis))
    return result


def _sums_to_one(value: Exact, axis: int) -> bool:
    totals: dict[tuple[int, ...], object] = {}
    for index, entry in value.indexed():
        if isinstance(entry, Node) or not 0 <= entry <= 1:
            return False
        rest = (*index[:axis], *index[axis + 1 :])
        totals[rest] = totals.get(rest, 0) + entry  # type: ignore[operator]
    return all(total == 1 for total in totals.values())
