"""The story of a derivation in the terminal, section by section."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias, TypeVar

from rich.text import Text

from symback.derivation import Derivation
from symback.gradients import BEYOND, Gradient
from symback.graph import Shape
from symback.phrase import Phrase
from symback.render.boxes import Box, line, stacked
from symback.render.digits import SHORTENED, is_single, rounded
from symback.render.formulas import wrapped
from symback.render.page import FORMULA, HEADING, INDENT, LABEL, NAME, QUIET, Page
from symback.story import (
    Backward,
    CaseNote,
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
from symback.values import Value

View: TypeAlias = Literal["matrix", "index", "scalar"]
S = TypeVar("S", bound=Step)

MAX_CLOSED_LINES = 3  # of the closed form of an array; a longer one is left in names of nodes
TOO_LONG = "Where a closed form would be long, names of nodes stay in it; --json goes further."
MAX_CASES = 6  # entries whose case is told one by one
#: Local derivatives that say all there is to say without their numbers.
SELF_EVIDENT = frozenset({"eye", "ones", "zeros", "number"})


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
        self.shapes: dict[str, Shape] = {}
        self.nodes = {step.name: step for step in self._of(Forward)}
        for step in self.steps:
            if isinstance(step, (Given, Forward)):
                self.shapes[step.name] = step.shape
                kind = ""
            elif isinstance(step, Backward):
                kind = "adjoint"
            else:
                continue
            if step.value is not None:
                self.values[step.name, kind] = step.value

    def tell(self) -> None:
        self._title()
        self._given(self._of(Given))
        self._forward(self._of(Forward))
        self._backward(self._of(Backward))
        self._gradients(self._of(GradientRow))
        self._updates(self._of(Update))
        self._kinks(self._of(KinkNote))
        self._checks(self._of(VerificationNote), self._of(CostNote))
        self._notes()

    def _of(self, kind: type[S]) -> list[S]:
        return [step for step in self.steps if isinstance(step, kind)]

    def _lookup(self, name: str, kind: str) -> Value | None:
        return self.values.get((name, kind))

    # --- given -----------------------------------------------------------------------------------

    def _title(self) -> None:
        problem = self.derivation.problem
        self.page.paragraph(problem.title or problem.of, style=HEADING, indent=0)
        if problem.source:
            self.page.paragraph(problem.source, style=QUIET, indent=0)

    def _given(self, steps: Sequence[Given]) -> None:
        self.page.heading("Given")
        scalars = [s for s in steps if s.value is not None and is_single(s.value)]
        arrays = [s for s in steps if s.value is not None and not is_single(s.value)]
        open_ones = [s for s in steps if s.value is None]
        for group in (scalars, arrays, open_ones):
            self.page.flow(self._given_box(step) for step in group)

    def _given_box(self, step: Given) -> Box:
        name = self._plain_name(step.name)
        if step.value is not None and is_single(step.value):
            number = self.numbers.box(step.value, self.page.width)
            return line(Text.assemble((name, NAME), " = ", number.lines[0]))
        about = {
            "symbol": self.page.shape(step.shape),
            "size": "a size",
            "upstream": f"from above, {self.page.shape(step.shape) or 'a scalar'}",
            "function": f"a function of {step.arity} argument{'s' if step.arity != 1 else ''}",
        }[step.kind]
        head = line(Text.assemble((name, NAME), (f"  {about}" if about else "", QUIET)))
        if step.value is None:
            return head
        return stacked([head, self.numbers.box(step.value, self.page.width - INDENT)])

    # --- forward ---------------------------------------------------------------------------------

    def _forward(self, steps: Sequence[Forward]) -> None:
        self.page.heading("Forward pass")
        for number, step in enumerate(steps):
            if number and step.value is not None:
                self.page.gap()
            name = self.formulas(step.symbol)
            self.page.formula(name, self._definition(step), quiet=self.page.shape(step.shape))
            self._worked(step, INDENT + len(name) + 1)

    def _definition(self, step: Forward) -> str:
        """The right side of a definition, in the user's order where there is one."""
        if step.written is None:
            return self.formulas(step.formula)
        return self.formulas.written(step.written, self._is_column)

    def _is_column(self, name: str) -> bool:
        return sum(size != 1 for size in self.shapes.get(name, (0, 0))) < 2

    def _worked(self, step: Forward, indent: int) -> None:
        """`= formula with numbers = value`, in one row or in two."""
        value = step.value
        if value is None:
            return
        room = self.page.width - indent - 2
        if step.written is None:
            filled = self.formulas.with_numbers(step.formula, self._lookup, room)
        else:
            filled = self.formulas.written_with_numbers(
                step.written, self._is_column, self._lookup, room
            )
        result = self.numbers.box(value, room, columns=filled is not None and filled.height > 1)
        sign = line("= ")
        if filled is None or [t.plain for t in filled.lines] == [t.plain for t in result.lines]:
            self.page.row([sign, result], indent)
        elif filled.width + 3 + result.width <= room:
            self.page.row([sign, filled, line(" = "), result], indent)
        else:
            self.page.row([sign, filled], indent)
            self.page.row([sign, result], indent)

    # --- backward --------------------------------------------------------------------------------

    def _backward(self, steps: Sequence[Backward]) -> None:
        self.page.heading("Backward pass")
        for number, step in enumerate(steps):
            if number:
                self.page.gap()
            self._adjoint(step)

    def _adjoint(self, step: Backward) -> None:
        name = self.formulas(step.adjoint)
        several = len(step.contributions) > 1
        if step.contributions:
            shape = self.page.shape(step.shape)
            self.page.put(
                Text.assemble(" " * INDENT, (name, NAME), (f"  {shape}" if shape else "", QUIET))
            )
        for contribution in step.contributions:
            self._contribution(contribution, several)
        indent = 2 * INDENT if step.contributions else INDENT
        if several and step.total != step.simplified:
            self.page.pair(f"{name} = ", [self.formulas(step.total)], None, indent, NAME)
        right = None if step.value is None or step.simplified.is_number else step.value
        self._pair(f"{name} = ", step.simplified, right, indent, NAME)
        for case in step.cases:
            self.page.remark(f"{case.function}: {self._cases(case)}")
        for remark in step.remarks:
            self.page.remark(remark)

    def _contribution(self, given: Contribution, several: bool) -> None:
        consumer = self.nodes[given.consumer]
        formula = f"{self.formulas(consumer.symbol)} = {self._definition(consumer)}"
        self.page.through("through", formula, "; ".join(given.rules), 2 * INDENT)
        indent = 3 * INDENT
        if not given.incoming.is_number:
            self._pair("incoming".ljust(LABEL), given.incoming, given.incoming_value, indent)
        if given.local is not None:
            label = "slopes" if given.elementwise else "derivative"
            self._pair(label.ljust(LABEL), given.local, given.local_value, indent)
        if several:
            self._pair("gives".ljust(LABEL), given.phrase, given.value, indent)

    def _pair(
        self, label: str, phrase: Phrase, value: Value | None, indent: int, style: str = QUIET
    ) -> None:
        shown = None if phrase.head in SELF_EVIDENT else value
        right = None if shown is None else self.numbers.box(shown, self.page.number_room)
        self.page.pair(label, [self.formulas(phrase)], right, indent, style)

    def _cases(self, case: CaseNote) -> str:
        """Which case holds where, entry by entry where they are few."""
        argument = self.formulas(case.argument)
        counts = Counter(case.entries)
        if len(counts) == 1:
            (condition,) = counts
            return f"{argument} {condition}" + (" everywhere" if len(case.entries) > 1 else "")
        if len(case.entries) <= MAX_CASES:
            base = self.derivation.problem.index_base
            places = itertools.product(*(range(base, base + n) for n in case.value.shape if n != 1))
            bare = f"({argument})" if " " in argument else argument
            return ", ".join(
                f"{bare}[{', '.join(map(str, at))}] {condition}"
                for at, condition in zip(places, case.entries, strict=True)
            )
        told = ", ".join(f"{argument} {condition} in {n}" for condition, n in counts.items())
        return f"{told} of {len(case.entries)} entries"

    # --- gradients -------------------------------------------------------------------------------

    def _gradients(self, rows: Sequence[GradientRow]) -> None:
        self.page.heading("Gradients")
        left_out = False
        for number, row in enumerate(rows):
            if number:
                self.page.gap()
            name = self._gradient_name(row.name)
            gradient = self.derivation.gradients[row.name]
            forms, is_long = self._closed(row, gradient, self.page.width - INDENT - len(name) - 3)
            left_out = left_out or is_long
            if len(forms) > 1:
                self.page.put(Text.assemble(" " * INDENT, (name, NAME)))
                self.page.put(*(Text(" " * 2 * INDENT + form, FORMULA) for form in forms))
                if row.value is not None:
                    self.page.box(self._number(row.value), 2 * INDENT)
            else:
                right = None if row.value is None else self._number(row.value)
                self.page.pair(f"{name} = ", forms, right, INDENT, NAME)
            for remark in row.remarks:
                if remark not in BEYOND.values():
                    self.page.remark(remark)
        if left_out:
            self.page.gap()
            self.page.paragraph(TOO_LONG, style=QUIET)

    def _closed(self, row: GradientRow, gradient: Gradient, width: int) -> tuple[list[str], bool]:
        """The lines of a closed form, and whether it was too long and another one stands there."""
        if self.view == "index":
            return [self.formulas(gradient.index_phrase)], False
        if self.view == "scalar" and row.shape and gradient.scalar_entries is not None:
            pairs = [(self.formulas(a), self.formulas(b)) for a, b in gradient.scalar_entries]
            return [f"{entry} = {slope}" for entry, slope in pairs], False
        if row.closed_in != "symbols":
            return [self.formulas(row.named)], True
        closed = self.formulas(row.closed)
        most = MAX_CLOSED_LINES if row.shape else 1
        if len(wrapped(closed, width)) <= most or row.closed == row.named:
            return [closed], False
        return [self.formulas(row.named)], True

    def _number(self, value: Value) -> Box:
        return self.numbers.box(value, self.page.number_room)

    def _gradient_name(self, label: str) -> str:
        name, bracket, rest = label.partition("[")
        adjoint = Phrase("symbol", (), (name, "adjoint"))
        indices = ", ".join(part.strip() for part in rest.split(","))
        return self.formulas(adjoint) + bracket + indices

    def _plain_name(self, label: str) -> str:
        name, bracket, rest = label.partition("[")
        return self.formulas(Phrase("symbol", (), (name, ""))) + bracket + rest

    # --- update, kinks, checks -------------------------------------------------------------------

    def _updates(self, steps: Sequence[Update]) -> None:
        if not steps:
            return
        self.page.heading("One step of gradient descent")
        becomes, times = (" <- ", "*") if self.formulas.ascii else (" ← ", " · ")
        for number, step in enumerate(steps):
            if number:
                self.page.gap()
            name = self._plain_name(step.name)
            formula = self.formulas(step.formula)
            self.page.formula("", f"{name}{becomes}{formula}")
            if step.value is None:
                continue
            indent = INDENT + len(name) + 2
            room = self.page.width - indent - 2
            before, rate, gradient, after = (
                self.numbers.box(value, room, columns=True)
                for value in (step.before, step.rate, step.gradient, step.value)
            )
            slope = [line("("), gradient, line(")")] if _is_negative(gradient) else [gradient]
            working = [before, line(" - "), rate, line(times), *slope, line(" = ")]
            if sum(box.width for box in (*working, after)) <= room:
                self.page.row([line("= "), *working, after], indent)
            else:
                self.page.row([line("= "), after], indent)

    def _kinks(self, notes: Sequence[KinkNote]) -> None:
        if not notes:
            return
        self.page.heading("Kinks")
        for note in notes:
            low, high = note.interval
            place = f"[{', '.join(map(str, note.entry))}]" if note.entry else ""
            self.page.verdict(
                f"{note.node}{place}: {note.function} where {note.where}. Any slope from {low} to "
                f"{high} is valid; taken: {note.taken}. {note.others}.",
                ok=False,
                indent=INDENT,
            )

    def _checks(self, checks: Sequence[VerificationNote], costs: Sequence[CostNote]) -> None:
        if checks or costs:
            self.page.heading(
                "Check and cost" if checks and costs else "Check" if checks else "Cost"
            )
        for check in checks:
            where = f" ({check.where})" if check.where and check.max_error else ""
            note = f"; {check.note}" if check.note else ""
            self.page.verdict(
                f"Verified by {check.witness} on the forward pass alone: largest difference "
                f"{rounded(check.max_error, 2)}{where}{note}.",
                ok=True,
                indent=INDENT,
            )
        for cost in (note.cost for note in costs if note.cost.forward.total):
            what = "the derivative" if cost.entries == 1 else f"all {cost.entries:,} derivatives"
            self.page.paragraph(
                f"Operations on numbers: {cost.forward.total:,} forward, then "
                f"{cost.backward.total:,} backward for {what}, because each adjoint is worked out "
                f"once and used again. Path by path it would be {cost.by_paths.total:,}, along "
                f"{cost.paths:,} paths to {self._plain_name(self.derivation.problem.of)}."
            )
        if self.numbers.shortened:
            self.page.paragraph(f"{self.numbers.dots} {SHORTENED}", style=QUIET)

    def _notes(self) -> None:
        notes = self.derivation.problem.notes.strip()
        if notes:
            self.page.heading("Notes")
            self.page.prose(notes)


def _is_negative(box: Box) -> bool:
    return box.height == 1 and box.lines[0].plain.startswith("-")
