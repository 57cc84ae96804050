"""The steps of a derivation as data: what a person would write, with symbols and numbers.

Renderers print these classes and hold no mathematics. Formulas are phrases
(:mod:`symback.phrase`; :mod:`symback.spell` spells them), numbers are
:class:`~symback.values.Value`. A step with numbers can work them out again from other values:
``step.recompute(values)``.

The steps of a story come in this order: every `Given`, every `Forward`, every `Backward`, every
`GradientRow`, every `Update`, every `KinkNote`, one `VerificationNote`, one `CostNote`. Without
values there are no updates, kinks and verification, and every `value` is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from symback.cost import Cost
from symback.graph import Shape
from symback.phrase import Phrase
from symback.values import Value

Recompute: TypeAlias = Callable[[Mapping[str, object]], Value]


@dataclass(frozen=True)
class Step:
    """One step; `name` is the node, symbol or target it is about."""

    name: str


@dataclass(frozen=True)
class NumberStep(Step):
    """A step that ends in a number.

    Attributes:
        shape: as declared or written: `()` scalar, `(n,)` vector, `(1, n)` row, `(m, n)` matrix.
        value: the number, or None without values.
    """

    shape: Shape
    value: Value | None
    _work: Recompute | None = field(repr=False, compare=False)

    def recompute(self, values: Mapping[str, object]) -> Value:
        """This step's number for other values of the symbols, as numbers or nested lists.

        Symbols that are not in `values` keep the problem's value.
        """
        assert self._work is not None
        return self._work(values)


@dataclass(frozen=True)
class Given(Step):
    """What the problem gives.

    Attributes:
        kind: "symbol", "size" (a size by name), "function" (an unknown function), or "upstream"
            (the gradient that comes from above).
        arity: the number of arguments of a function, else 0.
    """

    shape: Shape
    value: Value | None
    kind: Literal["symbol", "size", "function", "upstream"] = "symbol"
    arity: int = 0


@dataclass(frozen=True)
class Forward(NumberStep):
    """One definition of the forward pass.

    Attributes:
        symbol: the node's name as a phrase.
        formula: its definition.
        written: the definition as the user typed it, or None (a problem from SymPy).
        substituted: the formula with numbers in the place of names, None where that is long.
    """

    symbol: Phrase
    formula: Phrase
    written: str | None
    substituted: Phrase | None


@dataclass(frozen=True)
class Contribution:
    """What one consumer passes back to the node of a `Backward` step.

    Attributes:
        consumer: the definition that uses the node.
        incoming: the adjoint of the consumer (the number 1 for the output itself).
        incoming_value: its number.
        local: the derivative of the consumer by the node, where it has at most two axes; of an
            elementwise function the column of its slopes (the diagonal). Else None.
        elementwise: whether `local` is such a column.
        local_value: its number.
        rules: what was used on the way, as sentences, such as "matrix product" or
            "relu'(x) = [x > 0]".
        phrase: the contribution, in named nodes and adjoints.
        substituted: the same with numbers in the place of names, None where that is long.
        value: its number.
    """

    consumer: str
    incoming: Phrase
    incoming_value: Value | None
    local: Phrase | None
    elementwise: bool
    local_value: Value | None
    rules: tuple[str, ...]
    phrase: Phrase
    substituted: Phrase | None
    value: Value | None


@dataclass(frozen=True)
class CaseNote:
    """Which case of a function that is defined by cases holds, entry by entry.

    Attributes:
        function: "relu", "abs", "maximum", ...
        argument: what it is applied to.
        entries: for each entry, row by row, the condition that holds: "> 0", "< 0", "= 0".
        value: the argument's number.
    """

    function: str
    argument: Phrase
    entries: tuple[str, ...]
    value: Value


@dataclass(frozen=True)
class Backward(NumberStep):
    """The adjoint of one node or symbol.

    Attributes:
        adjoint: its name as a phrase, spelled dL_dz1 or dL/dz1.
        contributions: one for each definition that uses the node, in the order of the sweep.
        total: the sum of the contributions.
        simplified: the same, simplified; this is what later steps go on with.
        substituted: `simplified` with numbers in the place of names, None where that is long.
        cases: which cases of relu and others hold here.
        remarks: what was used, such as "used sum(t) = 1, which holds for the given t".
    """

    adjoint: Phrase
    contributions: tuple[Contribution, ...]
    total: Phrase
    simplified: Phrase
    substituted: Phrase | None
    cases: tuple[CaseNote, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class GradientRow(NumberStep):
    """One row of the table of gradients; `name` is the target, such as "W1" or "W1[1,1]".

    Attributes:
        closed: in the given symbols (or as far as `closed_in` says).
        closed_in: "symbols"; "nodes" or "adjoints" where the closed form would be too long and
            stays in the names of forward nodes, or of adjoints too.
        named: in named nodes and adjoints.
    """

    closed: Phrase
    closed_in: Literal["symbols", "nodes", "adjoints"]
    named: Phrase
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Update(NumberStep):
    """One step of gradient descent; `value` is the symbol's number after it.

    Attributes:
        formula: W - rate*dL_dW.
        before, rate, gradient: the numbers in it.
    """

    formula: Phrase
    before: Value
    rate: Value
    gradient: Value


@dataclass(frozen=True)
class KinkNote(Step):
    """A node that stands exactly where a function has no derivative.

    Attributes:
        node: what stands there, described.
        entry: which entry of it, as the problem counts; () for a scalar.
        function: what has the kink: relu, abs, maximum, minimum, max, sort.
        where: the condition that holds there.
        interval: the smallest and the largest valid slope.
        taken: the slope that was taken.
        others: what other programs take.
    """

    node: str
    entry: tuple[int, ...]
    function: str
    where: str
    interval: tuple[int, int]
    taken: Fraction
    others: str


@dataclass(frozen=True)
class VerificationNote(Step):
    """What the independent witness found.

    Attributes:
        ok: whether it agrees.
        witness: "complex step", "central differences", or "none" where neither could be had.
        max_error: the largest difference, relative to max(1, |slope|).
        where: the entry with that difference.
        note: what else there is to say.
    """

    ok: bool
    witness: str
    max_error: float
    where: str
    note: str


@dataclass(frozen=True)
class CostNote(Step):
    """What forward pass, backward pass and path-by-path differentiation cost."""

    cost: Cost
