"""A derivation as a Jupyter notebook that works out and checks every step in plain NumPy.

The solution notebook asserts the numbers of the story. The exercise notebook leaves the backward
pass blank and checks what is written there by differences; the numbers are not in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symback.derivation import Derivation
from symback.emit.helpers import definitions, imports
from symback.phrase import Phrase
from symback.render.notebook_code import MAX_LISTED, Code, assigned, listed, plain_shape
from symback.render.notebook_helpers import CHECK, DIFFERENCES, FIRST_WRONG
from symback.spell import latex
from symback.story import (
    Backward,
    Contribution,
    CostNote,
    Forward,
    Given,
    GradientRow,
    KinkNote,
    NumberStep,
    Update,
    VerificationNote,
)
from symback.tensor import show_shape
from symback.values import Value

Cell = dict[str, Any]

_MARKS = {char: f"&#{ord(char)};" for char in r"\`*_{}[]()#+!|~$<>&"}
_LINE = re.compile(r"\s*[\r\n\u2028\u2029\x0b\x0c]+\s*")


def to_notebook(derivation: Derivation, *, exercise: bool = False) -> dict[str, Any]:
    """The notebook as nbformat's plain dictionaries (version 4.5).

    With `exercise` the backward pass is left blank.

    Raises:
        Unsupported: for a problem without values at which we find no example numbers.
    """
    return _Notebook(derivation, exercise).notebook()


def notebook_text(derivation: Derivation, *, exercise: bool = False) -> str:
    """The notebook as the text of an .ipynb file."""
    notebook = to_notebook(derivation, exercise=exercise)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def escaped(text: str) -> str:
    r"""Any text as Markdown that shows it as it is, on one line.

    >>> escaped("<b>$x_1$</b>")
    '&#60;b&#62;&#36;x&#95;1&#36;&#60;/b&#62;'
    """
    plain = _LINE.sub(" ", text.strip())
    return "".join(_MARKS.get(char, char) for char in plain if char.isprintable())


def paragraphs(text: str) -> str:
    """A text of several lines; each line that starts with a dash is an item."""
    lines = [line.strip() for line in text.strip().splitlines()]
    shown = []
    for line in lines:
        item = line.startswith(("- ", "* "))
        shown.append(("- " + escaped(line[2:])) if item else escaped(line))
    return "\n".join(shown)


class _Notebook:
    def __init__(self, derivation: Derivation, exercise: bool) -> None:
        self.derivation = derivation
        self.problem = derivation.problem
        self.exercise = exercise
        self.code = Code(derivation)
        self.kinks = bool(derivation.kinks)
        self.cells: list[Cell] = []

    # --- cells ---------------------------------------------------------------------------------

    def notebook(self) -> dict[str, Any]:
        self._given()
        self._forward()
        self._tools()
        self._backward()
        if not self.exercise:
            self._gradients()
        self._updates()
        self._end()
        self._head()
        return {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "cells": self.cells,
        }

    def _markdown(self, name: str, *parts: str) -> None:
        source = "\n\n".join(part for part in parts if part)
        self.cells.append(_cell("markdown", name, source))

    def _python(self, name: str, lines: Iterable[str]) -> None:
        self.cells.append(_cell("code", name, "\n".join(lines)))

    def _steps(self, kind: type[NumberStep] | type[Given]) -> list[Any]:
        return [step for step in self.derivation.steps if isinstance(step, kind)]

    def _tex(self, phrase: Phrase) -> str:
        return latex(phrase, output=self.problem.of, index_base=self.problem.index_base)

    # --- head and given ------------------------------------------------------------------------

    def _head(self) -> None:
        """Goes to the front last: only now is it known which helpers the lines use."""
        problem = self.problem
        wanted = ", ".join(f"`{t.label}`" for t in problem.wrt if "`" not in t.label)
        task = "Write" if self.exercise else "Find"
        intro = f"{task} the derivatives of `{problem.of}` by {wanted}."
        if self.exercise:
            intro += (
                " Replace each `...` in the backward pass by NumPy code; the line below it checks "
                "what you wrote. Arrays have no axes of length 1: a column is an array with one "
                "axis, `A @ x` multiplies, `A.T` transposes, `np.outer(u, v)` is $u v^\\top$."
            )
        else:
            intro += " Every step below works out its numbers again and checks them."
        title = escaped(problem.title) or f"The derivatives of `{problem.of}`"
        source = f"*{escaped(problem.source)}*" if problem.source else ""
        head = _cell(
            "markdown",
            "title",
            "\n\n".join(part for part in (f"# {title}", source, self._notes(), intro) if part),
        )
        helpers = self.code.emitter.helpers
        blocks = [
            imports(helpers),
            f"INDEX_BASE = {problem.index_base}  # the first entry of an array, in messages",
            *(block.rstrip() for block in definitions(helpers)),
            CHECK.rstrip(),
        ]
        start = "\n\n".join(blocks[:2]) + "\n\n\n" + "\n\n\n".join(blocks[2:])
        self.cells[:0] = [head, _cell("code", "helpers", start)]

    def _notes(self) -> str:
        """Notes of the file; not in an exercise, whose results they may discuss."""
        return "" if self.exercise else paragraphs(self.problem.notes)

    def _given(self) -> None:
        rows = []
        for step in self._steps(Given):
            what = {"size": "a size", "function": "an unknown function"}.get(
                step.kind, show_shape(step.shape)
            )
            if step.kind == "upstream":
                what += ", the gradient from above"
            rows.append(f"- ${self._name(step)}$: {escaped(what)}")
        example = ""
        if not self.problem.has_values:
            example = "The problem has no numbers; these are an example, to be replaced at will."
        self._markdown("given-text", "## Given", "\n".join(rows), example)
        functions = self.code.function_lines()
        lines = [*self.code.given_lines(), *(["", "", *functions] if functions else [])]
        self._python("given", lines)

    def _name(self, step: Given) -> str:
        if step.kind == "function":
            return self._tex(Phrase("function", (), (step.name,))).partition("(")[0]
        shape = (*step.shape, *((1,) if len(step.shape) == 1 else ()))
        return self._tex(Phrase("symbol", (), (step.name, ""), shape))

    # --- forward -------------------------------------------------------------------------------

    def _forward(self) -> None:
        self._markdown("forward-text", "## Forward pass")
        for number, step in enumerate(self._steps(Forward)):
            formula = _display(f"{self._tex(step.symbol)} = {self._tex(step.formula)}")
            self._markdown(f"forward-{number}-text", formula)
            variable = self.code.names[step.name]
            lines = self.code.forward_lines(step.name)
            self._python(f"forward-{number}", [*lines, *self._checked(step, variable)])

    def _checked(self, step: NumberStep | Contribution, variable: str, name: str = "") -> list[str]:
        """The lines that check a variable by its number, where it has one."""
        name = name or getattr(step, "name", variable)
        if step.value is None:
            return [variable]
        return _check(name, variable, step.value)

    # --- backward ------------------------------------------------------------------------------

    def _tools(self) -> None:
        """What the checks of the backward pass need, where the story has no numbers for them."""
        text = (
            "## Backward pass\n\nThe adjoint of a node is the derivative of the output by it. It "
            "is the sum of what every node that uses it passes back: the adjoint of that node "
            "times a local derivative."
        )
        if self.problem.upstream is not None:
            text += " The sweep starts with the gradient from above."
        self._markdown("backward-text", text)
        self._python("tools", [self.code.run_forward(), "", "", *DIFFERENCES.splitlines()])

    def _backward(self) -> None:
        for number, step in enumerate(self._steps(Backward)):
            adjoint = self.derivation.adjoints[step.name]
            first = adjoint.name == self.problem.of
            blank = self.exercise and not first
            self._markdown(f"backward-{number}-text", *self._told(step, blank=blank))
            code = self.code.backward(adjoint)
            variable = code.variable
            if blank:
                lines = [f"{variable} = ...", "", self._by_differences(step, variable)]
            else:
                lines = [*code.lines, *self._parts(step, code.parts, variable)]
                lines += self._right(step, variable)
            self._python(f"backward-{number}", lines)

    def _told(self, step: Backward, *, blank: bool) -> list[str]:
        """The step in words and formulas; of a blank one only what is asked."""
        name = self._tex(step.adjoint)
        shape = show_shape(step.shape)
        if blank:
            users = ", ".join(f"`{c.consumer}`" for c in step.contributions)
            used = f"`{step.name}` is used in {users}." if users else ""
            return [f"### ${name}$, {escaped(shape)}", used]
        told = [f"### ${name}$, {escaped(shape)}", *map(self._contribution, step.contributions)]
        last = [f"{name} = {self._tex(step.simplified)}"]
        if len(step.contributions) > 1 or step.total != step.simplified:
            last.insert(0, f"{name} = {self._tex(step.total)}")
        told += [_display(formula) for formula in dict.fromkeys(last)]
        for case in step.cases:
            entries = ", ".join(case.entries)
            told.append(
                f"{escaped(case.function)} at ${self._tex(case.argument)}$, entry by entry: "
                f"{escaped(entries)}"
            )
        return [*told, *(escaped(remark) for remark in step.remarks)]

    def _contribution(self, part: Contribution) -> str:
        rules = "; ".join(escaped(rule) for rule in part.rules)
        text = f"From `{part.consumer}`" + (f" ({rules})" if rules else "") + ": "
        if part.local is not None:
            kind = "slopes" if part.elementwise else "local derivative"
            text += f"{kind} ${self._tex(part.local)}$, so it passes back "
        else:
            text += "it passes back "
        return text + f"${self._tex(part.phrase)}$."

    def _parts(self, step: Backward, parts: Sequence[tuple[str, str]], variable: str) -> list[str]:
        """Contributions, each with its own check, and that their sum is the result."""
        if not parts:
            return []
        lines = [""]
        for (name, text), told in zip(parts, step.contributions, strict=True):
            lines += assigned(name, text)
            if told.value is not None:
                lines += _check(f"what {told.consumer} passes back", name, told.value)
        total = " + ".join(name for name, _ in parts)
        return [*lines, *_call("check", _text(f"the sum for {step.name}"), total, variable)]

    def _right(self, step: Backward, variable: str) -> list[str]:
        lines = [""] if step.value is None or step.contributions else []
        if step.value is not None:
            lines += _check(self._label(step.name), variable, step.value)
        if not self.kinks:
            lines.append(self._by_differences(step, variable))
        return lines

    def _label(self, name: str) -> str:
        return f"d{self.problem.of}/d{name}"

    def _wanted(self, step: Backward) -> str:
        """What an adjoint is compared with: differences, or at a kink the number itself."""
        variable = self.code.names[step.name]
        if self.kinks and step.value is not None:
            return listed(step.value.floats, plain_shape(step.value.shape))
        return f"differences({variable}={variable})"

    def _by_differences(self, step: Backward, variable: str) -> str:
        label = _text(self._label(step.name))
        return f"check({label}, {variable}, {self._wanted(step)}, tolerance=1e-6)"

    # --- results -------------------------------------------------------------------------------

    def _gradients(self) -> None:
        rows = []
        lines: list[str] = []
        targets = {target.label: target for target in self.problem.wrt}
        for step in self._steps(GradientRow):
            target = targets[step.name]
            text = f"- by `{step.name}`: ${self._tex(step.closed)}$"
            if step.closed_in != "symbols":
                text += f" (in the names of {step.closed_in})"
            rows.append(text)
            if step.value is not None:
                expression = self.code.target(target)
                lines += _check(self._label(step.name), expression, step.value)
        self._markdown("gradients-text", "## Gradients", "\n".join(rows))
        if lines:
            self._python("gradients", lines)

    def _updates(self) -> None:
        steps = self._steps(Update)
        if not steps:
            return
        formulas = [_display(self._tex(step.formula)) for step in steps]
        self._markdown("update-text", "## One step of gradient descent", *formulas)
        targets = {target.label: target for target in self.problem.wrt}
        lines = [f"{self.code.names['rate']} = {_exact_or_float(self.code, steps[0].rate)}"]
        for step in steps:
            variable, text = self.code.update(targets[step.name])
            lines += assigned(variable, text)
            if self.exercise:
                lines.append(variable)
            else:
                lines += _check(f"{step.name} after the step", variable, step.value)
        self._python("update", lines)

    def _end(self) -> None:
        told = []
        for step in self.derivation.steps:
            if isinstance(step, KinkNote):
                low, high = step.interval
                told.append(
                    f"At a kink: {escaped(step.node)}, {escaped(step.where)}. Every slope from "
                    f"{low} to {high} is valid; {escaped(str(step.taken))} is taken here. "
                    f"Elsewhere: {escaped(step.others)}."
                )
            elif isinstance(step, VerificationNote) and not self.exercise:
                told.append(
                    f"When this notebook was written, {escaped(step.witness)} agreed within "
                    f"{step.max_error:.1e}." + (f" {escaped(step.note)}" if step.note else "")
                )
            elif isinstance(step, CostNote) and not self.exercise:
                told.append(_cost(step))
        if self.exercise:
            told.insert(0, "The first wrong gradient, in the order of the backward pass:")
        if told:
            self._markdown("end-text", "## Checks", *told)
        if self.exercise:
            rows = [
                f"    ({_text(self._label(s.name))}, {self.code.adjoints[s.name]}, "
                f"{self._wanted(s)}),"
                for s in self._steps(Backward)
            ]
            lines = [*FIRST_WRONG.rstrip().splitlines(), "", "", "check_in_order(["]
            self._python("first-wrong", [*lines, *rows, "])"])


def _cost(step: CostNote) -> str:
    cost = step.cost
    return (
        f"Operations on scalars: {cost.forward.total} forward, {cost.backward.total} backward; "
        f"path by path, with {cost.paths} paths, {cost.by_paths.total}."
    )


def _exact_or_float(code: Code, value: Value) -> str:
    if value.exact is not None:
        return code.scalar(value.exact.entries[0])
    return repr(float(value.floats))


def _cell(kind: str, name: str, source: str) -> Cell:
    cell: Cell = {
        "cell_type": kind,
        "id": name,
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def _display(formula: str) -> str:
    return f"$$\n{formula}\n$$"


def _text(text: str) -> str:
    """A Python string."""
    return json.dumps(text)


def _check(name: str, variable: str, value: Value) -> list[str]:
    """A call of `check` with the numbers of the story; of a long array only their sum."""
    if value.floats.size > MAX_LISTED:
        total = listed(np.asarray(value.floats.sum()))
        return _call("check", _text(f"the sum of {name}"), f"np.sum({variable})", total)
    return _call("check", _text(name), variable, _plain_list(value))


def _plain_list(value: Value) -> str:
    """Nested lists, without `np.array`: `check` makes an array of them."""
    text = listed(value.floats, plain_shape(value.shape))
    return text.removeprefix("np.array(").removesuffix(")") if text.startswith("np.") else text


def _call(function: str, *args: str) -> list[str]:
    line = f"{function}({', '.join(args)})"
    if len(line) <= 96:
        return [line]
    lines = [f"{function}("]
    for arg in args:
        if len(arg) > 90 and arg.startswith("[["):
            rows = arg[1:-1].replace("], [", "],\n        [").split("\n")
            lines += ["    [", f"        {rows[0]}", *rows[1:], "    ],"]
            lines[-2] += ","
        else:
            lines.append(f"    {arg},")
    return [*lines, ")"]
