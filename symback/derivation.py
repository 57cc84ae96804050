"""From a problem to its gradients: the sweep over named nodes, closed forms, numbers, a check.

The definitions are visited in reverse. Each passes the adjoint of its node back to the names in
its expression, so every adjoint is a sum with one term for each consumer. Adjoints are written in
forward names and in the adjoints of their consumers, as a textbook does: `dL_dz2 * h'`. Closed
forms in the given symbols are put together when they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from symback.cost import Cost
from symback.graph import Node, Shape
from symback.kinks import KinkReport
from symback.paths import EntryChain
from symback.phrase import Phrase
from symback.problem import Problem
from symback.story import Step
from symback.values import Value
from symback.verify import Verification


@dataclass(frozen=True)
class Passed:
    """What one definition passes back to one name in its expression.

    Attributes:
        consumer: the definition.
        node: in forward names and the adjoint of the consumer.
    """

    consumer: str
    node: Node


@dataclass(frozen=True)
class Adjoint:
    """The derivative of the output by one named node or symbol.

    Attributes:
        name: the node.
        symbol: the adjoint as a symbol, in other adjoints.
        passed: one contribution for each consumer, last definition first.
        total: their sum.
        named: the sum, simplified.
        remarks: what the simplification used.
    """

    name: str
    symbol: Node
    passed: tuple[Passed, ...]
    total: Node
    named: Node
    remarks: tuple[str, ...]


class Gradient:
    """The derivative of the output by one target.

    Attributes:
        label: the target as written, "W1" or "W1[1,1]".
        shape: of the target, () for an entry.
        value_: the number with everything known about it, or None without values.
        remarks: what was used or could not be had.
        closed_in: "symbols"; "nodes" or "adjoints" where the closed form would be too long and
            stays in the names of forward nodes, or of adjoints too.
    """

    label: str
    shape: Shape
    value_: Value | None
    remarks: tuple[str, ...]
    closed_in: Literal["symbols", "nodes", "adjoints"]

    @cached_property
    def closed_phrase(self) -> Phrase:
        """The closed form, in matrix notation where there is one."""
        raise NotImplementedError

    @cached_property
    def named_phrase(self) -> Phrase:
        """In named nodes and adjoints."""
        raise NotImplementedError

    @cached_property
    def index_phrase(self) -> Phrase:
        """The closed form in index notation; a comprehension unless the target is a scalar."""
        raise NotImplementedError

    @cached_property
    def scalar_entries(self) -> tuple[tuple[Phrase, Phrase], ...] | None:
        """Pairs (entry of the target, its derivative) in named nodes; None where there are many
        or sizes are symbolic."""
        raise NotImplementedError

    @cached_property
    def closed(self) -> Any:
        """The closed form as a SymPy expression."""
        raise NotImplementedError

    @cached_property
    def named(self) -> Any:
        """The named form as a SymPy expression; nodes and adjoints are symbols (dL_dz1)."""
        raise NotImplementedError

    @property
    def exact(self) -> Any:
        """The number as SymPy numbers (a Matrix where it has axes); None where out of reach."""
        raise NotImplementedError

    @property
    def value(self) -> Any:
        """The number as a float array of the target's shape, or None."""
        return None if self.value_ is None else self.value_.floats


class Derivation:
    """A problem worked out.

    Attributes:
        problem: the problem.
        adjoints: by name, last definition first.
        gradients: by label, in the order asked for.
        forward: the number of each definition, empty without values.
        adjoint_values: the number of each adjoint, empty without values.
        updated: the symbols (or entries) after one step of gradient descent.
        kinks: where the computation stands at a kink.
        verification: what the witness found, None without values.
    """

    problem: Problem
    adjoints: dict[str, Adjoint]
    gradients: dict[str, Gradient]
    forward: dict[str, Value]
    adjoint_values: dict[str, Value]
    updated: dict[str, Value]
    kinks: tuple[KinkReport, ...]
    verification: Verification | None

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The story."""
        raise NotImplementedError

    @cached_property
    def cost(self) -> Cost | None:
        """Operations counted; None where sizes are symbolic."""
        raise NotImplementedError

    def entry(self, target: str) -> EntryChain:
        """The derivative by one entry, such as "W1[1,1]", path by path."""
        raise NotImplementedError


def derive(problem: Problem, *, digits: int | None = None) -> Derivation:
    """Every gradient that the problem asks for; numbers, checked, where it has values.

    `digits` asks for numbers with that many digits beside the floats.

    Raises:
        DomainError: where a node has no value; the message names it.
        Unsupported: what cannot be differentiated, named.
        WrongAnswer: if an independent witness disagrees. Nothing is returned then.
    """
    raise NotImplementedError
