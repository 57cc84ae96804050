"""A problem worked out: adjoints, gradients, numbers, the check. No steps and no story yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symback import ops
from symback.errors import WrongAnswer
from symback.forms import Forms, at_entry, node_indices
from symback.gradients import Gradient, Gradients
from symback.graph import Node
from symback.kinks import KinkReport, find_kinks
from symback.lazy import load_module
from symback.plain import NotPlain
from symback.problem import Problem, Target
from symback.rules import FUNCTIONS
from symback.sweep import sweep
from symback.values import Numbers, Value
from symback.walks import evaluation_order
from symback.witness import Verification, verify_plainly

MAX_VISITS = 2_000_000  # node visits of the witness, beyond which it moves fewer names
MAX_VISITS_BESIDE = 60_000  # the same for names that were not asked for
CLOSED_TOLERANCE = 1e-6


class Worked:
    """A problem worked out.

    Attributes:
        problem: the problem.
        adjoints: by name, last definition first, then symbols.
        forms: how nodes over the problem's names are written.
        numbers: works out such nodes; None without values.
        gradients: by label, in the order asked for.
        forward: the number of each definition, empty without values.
        updated: the symbols (or entries) after one step of gradient descent.
        kinks: where the computation stands at a kink.
        verification: what the witness found, None without values.
    """

    def __init__(self, problem: Problem, digits: int | None = None) -> None:
        self.problem = problem
        self.adjoints = sweep(problem)
        self.forms = Forms(problem, self.adjoints)
        self.gradients = Gradients((t.label, self._gradient(t)) for t in problem.wrt)
        self.numbers: Numbers | None = None
        self.forward: dict[str, Value] = {}
        self.updated: dict[str, Value] = {}
        self.kinks: tuple[KinkReport, ...] = ()
        self.verification: Verification | None = None
        if problem.has_values and not _unknown_functions(problem):
            self.numbers = Numbers(problem, self.adjoints, self.forms.describe, digits)
            self._work_out(self.numbers)

    def _gradient(self, target: Target) -> Gradient:
        shape = self.problem.shape(target.name)
        return Gradient(target, shape, self.adjoints[target.name], self.forms)

    def _work_out(self, numbers: Numbers) -> None:
        problem = self.problem
        self.verification = self._verify(numbers)
        for d in problem.definitions:
            self.forward[d.name] = numbers.value(d.symbol.node, problem.shape(d.name))
        for gradient in self.gradients.values():
            gradient.number = self.target_value(gradient.target)
            self._check_closed(gradient, numbers)
        self.kinks = tuple(
            find_kinks(
                [problem.output.symbol.node],
                numbers.exact_values,
                self._describe_kink,
                sizes=numbers.sizes,
                definitions=[(d.symbol.node, d.tensor.node) for d in problem.definitions],
            )
        )
        if problem.rate is not None:
            for target in problem.wrt:
                if target.name in problem.symbols:
                    self.updated[target.label] = self._after_update(target, numbers)

    def target_value(self, target: Target, numbers: Numbers | None = None) -> Value | None:
        """The number of the derivative by a target; None for an entry with an open index."""
        numbers = numbers or self.numbers
        assert numbers is not None
        shape = self.problem.shape(target.name)
        whole = numbers.value(self.adjoints[target.name].symbol, shape)
        if target.indices is None:
            return whole
        places = [i for i in target.indices if isinstance(i, int)]
        if len(places) < len(target.indices):
            return None
        return whole.entry(places[: len(whole.shape)])

    def update_node(self, target: Target) -> Node:
        """W - rate*dL_dW, or the same for one entry."""
        assert self.problem.rate is not None
        before = self.problem.tensor(target.name).node
        gradient = self.adjoints[target.name].symbol
        if target.indices is not None:
            indices = node_indices(target, self.problem.tensor(target.name).shape)
            before, gradient = at_entry(before, indices), at_entry(gradient, indices)
        axes = tuple(range(gradient.rank))
        rate = self.problem.rate
        factors = [(rate if isinstance(rate, Node) else ops.number(rate), ()), (gradient, axes)]
        return ops.subtract(before, ops.einsum(1, factors, axes))

    def _after_update(self, target: Target, numbers: Numbers) -> Value:
        shape = () if target.indices is not None else self.problem.tensor(target.name).shape
        return numbers.value(self.update_node(target), shape)

    # --- checks --------------------------------------------------------------------------------

    def _verify(self, numbers: Numbers) -> Verification:
        problem = self.problem
        definitions = [(d.symbol.node, d.tensor.node) for d in problem.definitions]
        names = self._names_to_move(len(definitions))
        root = problem.output.symbol.node
        moved = [problem.tensor(name).node for name in names]
        claimed = [numbers.value(self.adjoints[name].symbol) for name in names]
        upstream = None if problem.upstream is None else numbers.value(problem.upstream.node)
        words: dict[str, Any] = {
            "definitions": definitions,
            "describe": self.forms.describe,
            "index_base": problem.index_base,
        }
        result: Verification
        try:
            result = verify_plainly(
                root,
                moved,
                numbers.floats.given,
                [value.numbers for value in claimed],
                upstream=None if upstream is None else upstream.numbers,
                sizes=numbers.floats.bound,
                **words,
            )
        except NotPlain:
            result = load_module("verify").verify(
                root,
                moved,
                numbers.floats.arrays(),
                [value.floats for value in claimed],
                upstream=None if upstream is None else upstream.floats,
                sizes=numbers.sizes,
                **words,
            )
        if not result.ok and result.witness != "none":
            raise WrongAnswer(
                f"the gradient by {result.where} differs from {result.witness} by "
                f"{result.max_error:.3g}; nothing is shown",
                hint="this is a mistake of ours: please report the problem",
            )
        return result

    def _names_to_move(self, definitions: int) -> Sequence[str]:
        """The targets, and every other name with an adjoint where the graph is small."""
        order = evaluation_order(
            [self.problem.output.symbol.node],
            (),
            {d.symbol.node: d.tensor.node for d in self.problem.definitions},
        )
        asked = list(dict.fromkeys(target.name for target in self.problem.wrt))
        if 3 * len(self.adjoints) * len(order) <= MAX_VISITS_BESIDE:
            return list(self.adjoints)
        if 3 * len(asked) * len(order) <= MAX_VISITS:
            return asked
        # Names are then moved together, so that none of them may depend on another.
        return [name for name in asked if name in self.problem.symbols] or asked[:1]

    def _check_closed(self, gradient: Gradient, numbers: Numbers) -> None:
        """The closed form must have the number that the sweep has."""
        closed = gradient.closed_node
        found = numbers.float_or_none(closed)
        claimed = numbers.value(gradient.adjoint.symbol).numbers.entries
        if found is None or _close(found.entries, claimed):
            return
        # At a kink the floats of another form may fall on another side; exact numbers do not.
        if not _close(numbers.value(closed).numbers.entries, claimed):
            raise WrongAnswer(
                f"the closed form of the derivative by {gradient.label} has other numbers than "
                "the sweep; nothing is shown",
                hint="this is a mistake of ours: please report the problem",
            )

    def _describe_kink(self, node: Node) -> str:
        written = self.forms.describe(node)
        for definition in self.problem.definitions:
            if definition.tensor.node is node:
                return f"{definition.name} = {written}"
        return written


def _close(found: Sequence[float], claimed: Sequence[float]) -> bool:
    margin = CLOSED_TOLERANCE * max(1.0, *map(abs, claimed))
    return all(abs(a - b) <= margin for a, b in zip(found, claimed, strict=True))


def _unknown_functions(problem: Problem) -> bool:
    """Whether some definition uses a function without a formula."""
    nodes = ops_used(problem)
    return any(node.op == "map" and node.params[0] not in FUNCTIONS for node in nodes)


def ops_used(problem: Problem) -> list[Node]:
    """Every node of the definitions' expressions."""
    return evaluation_order([d.tensor.node for d in problem.definitions], (), {})
