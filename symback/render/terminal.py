"""The story of a derivation in the terminal, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, TypeVar

from rich.text import Text

from symback.derivation import Derivation
from symback.gradient import Gradient
from symback.graph import Shape
from symback.phrase import Phrase
from symback.render.boxes import Box, line, stacked
from symback.render.digits import SHORTENED, rounded
from symback.render.page import INDENT, NAME, QUIET, Page
from symback.story import (
    Backward,
    Contribution,
    CostNote,
    Forward,
    Given,
    GradientRow,
    KinkNote,
    Step,
    Update,
    VerificationNote,
)
from symback.tensor import show_shape
from symback.values import Value

View: TypeAlias = Literal["matrix", "index", "scalar"]
S = TypeVar("S", bound=Step)


def tell(derivation: Derivation, page: Page, view: View = "matrix") -> None:
    """Print everything: given, forward, backward, gradients, update, kinks, check, cost."""
    _Story(derivation, page, view).tell()


class _Story:
    def __init__(self, derivation: Derivation, page: Page, view: View) -> None:
        self.derivation = derivation
        self.page = page
        self.view = view
        self.steps = derivation.steps
        self.formulas = page.formulas
        self.numbers = page.formulas.numbers
        self.values: dict[tuple[str, str], Value] = {}
        for step in self.steps:
            if isinstance(step, (Given, Forward)) and step.value is not None:
                self.values[step.name, ""] = step.value
            elif isinstance(step, Backward) and step.value is not None:
                self.values[step.name, "adjoint"] = step.value

    def tell(self) -> None:
        self._title()
        self._given(self._of(Given))
        self._forward(self._of(Forward))
        self._backward(self._of(Backward))
        self._gradients(self._of(GradientRow))
        self._updates(self._of(Update))
        self._kinks(self._of(KinkNote))
        self._checks(self._of(VerificationNote), self._of(CostNote))

    def _of(self, kind: type[S]) -> list[S]:
        return [step for step in self.steps if isinstance(step, kind)]

    def _lookup(self, name: str, kind: str) -> Value | None:
        return self.values.get((name, kind))

    # --- sections ------------------------------------------------------------------------------

    def _title(self) -> None:
        problem = self.derivation.problem
        self.page.put(Text(problem.title, "bold"))
        if problem.source:
            self.page.paragraph(problem.source, style=QUIET, indent=0)

    def _given(self, steps: Sequence[Given]) -> None:
        self.page.heading("Given")
        if not any(step.value is not None for step in steps):
            self.page.flow(self._name_box(step) for step in steps)
            return
        for tall in (False, True):  # scalars and vectors first, matrices below
            chosen = [step for step in steps if (len(step.shape) > 1) is tall]
            self.page.flow(self._given_box(step) for step in chosen)

    def _given_box(self, step: Given) -> Box:
        head = self._name_box(step)
        if step.value is None:
            return head
        number = self.numbers.box(step.value, self.page.width - INDENT)
        if not step.shape:
            return line(Text.assemble((self._name(step), NAME), " = ", number.lines[0]))
        return stacked([head, number])

    def _name_box(self, step: Given) -> Box:
        about = self._about(step)
        return line(Text.assemble((self._name(step), NAME), (f"  {about}" if about else "", QUIET)))

    def _about(self, step: Given) -> str:
        if step.kind == "function":
            places = ", ".join("xyzuvwst"[: step.arity])
            return f"unknown function {step.name}({places})"
        words = {"size": "size", "upstream": "from above, "}.get(step.kind, "")
        return words if step.kind == "size" else words + self._shape(step.shape)

    def _forward(self, steps: Sequence[Forward]) -> None:
        self.page.heading("Forward pass")
        for step in steps:
            name = self.formulas(step.symbol)
            formula = self.formulas(step.formula)
            self.page.formula(name, formula, quiet=self._shape(step.shape))
            self._worked(step.formula, step.value, INDENT + len(name) + 1)

    def _worked(self, formula: Phrase, value: Value | None, indent: int) -> None:
        """`= formula with numbers = value`, in one row or in two."""
        if value is None:
            return
        room = self.page.width - indent - 2
        filled = self.formulas.with_numbers(formula, self._lookup, room)
        result = self.numbers.box(value, room, columns=filled is not None and filled.height > 1)
        sign = line("= ")
        if filled is None or [t.plain for t in filled.lines] == [t.plain for t in result.lines]:
            self._row([sign, result], indent)
        elif filled.width + 3 + result.width <= room:
            self._row([sign, filled, line(" = "), result], indent)
        else:
            self._row([sign, filled], indent)
            self._row([sign, result], indent)

    def _row(self, boxes: Sequence[Box], indent: int) -> None:
        self.page.row(boxes, indent)

    def _backward(self, steps: Sequence[Backward]) -> None:
        self.page.heading("Backward pass")
        for number, step in enumerate(steps):
            if number:
                self.page.gap()
            self._adjoint(step)

    def _adjoint(self, step: Backward) -> None:
        name = self.formulas(step.adjoint)
        several = len(step.contributions) > 1
        self.page.put(
            Text.assemble(" " * INDENT, (name, NAME), (f"  {self._shape(step.shape)}", QUIET))
        )
        for contribution in step.contributions:
            self._contribution(contribution, several)
        label = "sum of the paths " if several else ""
        if several and step.total != step.simplified:
            self.page.pair(label, [self.formulas(step.total)], None, 2 * INDENT)
        self._worked_pair(f"{name} = ", step.simplified, step.value)
        for case in step.cases:
            argument = self.formulas(case.argument)
            self.page.remark(f"{case.function}: {argument} is {_cases(case.entries)}")
        for remark in step.remarks:
            self.page.remark(remark)

    def _worked_pair(self, start: str, phrase: Phrase, value: Value | None) -> None:
        right = None if value is None else self._number(value)
        self.page.pair(start, [self.formulas(phrase)], right, 2 * INDENT)

    def _contribution(self, given: Contribution, several: bool) -> None:
        consumer = self._forward_of(given.consumer)
        words = "; ".join(given.rules)
        formula = f"{self.formulas(consumer.symbol)} = {self.formulas(consumer.formula)}"
        self.page.through("through", formula, words, 2 * INDENT)
        indent = 3 * INDENT
        rows: list[tuple[str, Phrase, Value | None]] = [
            ("incoming   ", given.incoming, given.incoming_value)
        ]
        if given.local is not None:
            label = "slopes     " if given.elementwise else "derivative "
            rows.append((label, given.local, given.local_value))
        if several:
            rows.append(("gives      ", given.phrase, given.value))
        for label, phrase, value in rows:
            right = None if value is None else self._number(value)
            self.page.pair(label, [self.formulas(phrase)], right, indent)

    def _forward_of(self, name: str) -> Forward:
        return next(step for step in self._of(Forward) if step.name == name)

    def _number(self, value: Value) -> Box:
        return self.numbers.box(value, self.page.number_room)

    def _gradients(self, rows: Sequence[GradientRow]) -> None:
        self.page.heading("Gradients")
        for row in rows:
            gradient = self.derivation.gradients[row.name]
            name = self._gradient_name(row.name)
            self.page.put(
                Text.assemble(" " * INDENT, (name, NAME), (f"  {self._shape(row.shape)}", QUIET))
            )
            right = None if row.value is None else self._number(row.value)
            self.page.pair("= ", self._closed(row, gradient), right, 2 * INDENT)
            for remark in row.remarks:
                self.page.remark(remark)

    def _gradient_name(self, label: str) -> str:
        adjoint = Phrase("symbol", (), (label.split("[")[0], "adjoint"))
        entry = label[len(label.split("[")[0]) :]
        return self.formulas(adjoint) + entry.replace(",", ", ").replace(",  ", ", ")

    def _closed(self, row: GradientRow, gradient: Gradient) -> list[str]:
        if self.view == "index":
            return [self.formulas(gradient.index_phrase)]
        if self.view == "scalar" and gradient.scalar_entries is not None:
            return [
                f"{self.formulas(entry)}: {self.formulas(slope)}"
                for entry, slope in gradient.scalar_entries
            ]
        return [self.formulas(row.closed)]

    def _updates(self, steps: Sequence[Update]) -> None:
        if not steps:
            return
        self.page.heading("One step of gradient descent")
        for step in steps:
            name = self._plain_name(step.name)
            self.page.formula(name, self.formulas(step.formula))
            if step.value is not None:
                room = self.page.width - INDENT - len(name) - 3
                boxes = [self.numbers.box(v, room) for v in (step.before, step.rate, step.gradient)]
                before, rate, gradient = boxes
                result = self.numbers.box(step.value, room)
                row = [line("= "), before, line(" - "), rate, line(self._times), gradient]
                self.page.row([*row, line(" = "), result], INDENT + len(name) + 1)

    def _plain_name(self, label: str) -> str:
        name, bracket, rest = label.partition("[")
        return self.formulas(Phrase("symbol", (), (name, ""))) + bracket + rest

    @property
    def _times(self) -> str:
        return "*" if self.formulas.ascii else " · "

    def _kinks(self, notes: Sequence[KinkNote]) -> None:
        if not notes:
            return
        self.page.heading("Kinks")
        for note in notes:
            low, high = note.interval
            place = f"[{', '.join(map(str, note.entry))}]" if note.entry else ""
            self.page.verdict(
                f"{note.node}{place}: {note.function} where {note.where}. Any slope from {low} to "
                f"{high} is valid; taken: {note.taken}. {note.others}",
                ok=False,
                indent=INDENT,
            )

    def _checks(self, checks: Sequence[VerificationNote], costs: Sequence[CostNote]) -> None:
        if not checks and not costs:
            return
        self.page.heading("Check and cost" if checks else "Cost")
        for check in checks:
            where = f" ({check.where})" if check.where and check.max_error else ""
            note = f"; {check.note}" if check.note else ""
            self.page.verdict(
                f"Verified by {check.witness} on the forward pass alone: largest difference "
                f"{rounded(check.max_error, 2)}{where}{note}.",
                ok=True,
                indent=INDENT,
            )
        for cost in (note.cost for note in costs):
            self.page.paragraph(
                f"Operations on numbers: {cost.forward.total:,} forward, {cost.backward.total:,} "
                f"backward, for all {cost.entries:,} derivatives at once. One by one, along each "
                f"of the {cost.paths:,} paths to {self.derivation.problem.of}: "
                f"{cost.by_paths.total:,}."
            )
        if self.numbers.shortened:
            self.page.paragraph(f"{self.numbers.dots} {SHORTENED}", style=QUIET)

    # --- words ---------------------------------------------------------------------------------

    def _name(self, step: Given) -> str:
        return self._plain_name(step.name)

    def _shape(self, shape: Shape) -> str:
        written = show_shape(shape)
        return written if self.formulas.ascii else written.replace(" x ", "×")


def _cases(entries: Iterable[str]) -> str:
    """Which condition holds where, in words.  ("> 0", "> 0") -> "> 0 everywhere"."""
    conditions = list(entries)
    if len(set(conditions)) == 1:
        return conditions[0] + (" in every entry" if len(conditions) > 1 else "")
    return ", ".join(conditions) if len(conditions) <= 12 else "of several cases"
