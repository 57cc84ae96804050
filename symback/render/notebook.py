"""A derivation as a Jupyter notebook that works out and checks every step in plain NumPy.

The solution notebook asserts the numbers of the story. The exercise notebook leaves the backward
pass blank and checks what is written there by differences; the numbers are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symback.derivation import Derivation
from symback.emit.helpers import definitions, imports
from symback.graph import Shape
from symback.narrate import adjoint_symbol
from symback.parse.parser import parse
from symback.phrase import Phrase
from symback.problem import Target
from symback.render.jupyter import (
    code_span,
    display,
    equation,
    escaped,
    inline,
    paragraphs,
    shape_words,
)
from symback.render.notebook_code import MAX_LISTED, RATE, Code, assigned, listed, plain_shape
from symback.render.notebook_helpers import CHECK, DIFFERENCES, FIRST_WRONG
from symback.render.written_latex import WrittenSpeller
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
from symback.tensor import show_size
from symback.values import Value

Cell = dict[str, Any]

MAX_CLOSED = 60  # length of the closed form of an entry beside its named form


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

    def _equation(self, left: str, *rights: str) -> str:
        return display(equation(left, *rights, index_base=self.problem.index_base))

    def _written(self, step: Forward) -> str:
        """A definition in the user's order, or as the graph has it."""
        if step.written is None:
            return self._tex(step.formula)
        return WrittenSpeller(is_scalar=self._is_scalar)(parse(step.written))

    def _is_scalar(self, name: str) -> bool:
        known = name in self.code.names and name not in self.problem.sizes and name != RATE
        return not known or self.problem.tensor(name).is_scalar

    def _tex(self, phrase: Phrase) -> str:
        return latex(phrase, output=self.problem.of, index_base=self.problem.index_base)

    # --- head and given ------------------------------------------------------------------------

    def _head(self) -> None:
        """Goes to the front last: only now is it known which helpers the lines use."""
        problem = self.problem
        wanted = ", ".join(code_span(target.label) for target in problem.wrt)
        of = code_span(problem.of)
        intro = f"{'Write' if self.exercise else 'Find'} the derivatives of {of} by {wanted}."
        if self.exercise:
            intro += (
                " Replace each `...` in the backward pass by NumPy code; the line below it checks "
                "what you wrote. Arrays have no axes of length 1: a column is an array with one "
                "axis, `A @ x` multiplies, `A.T` transposes, `np.outer(u, v)` is $u v^\\top$."
            )
        else:
            intro += " Every step below works out its numbers again and checks them."
        title = escaped(problem.title) or f"The derivatives of {of}"
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
                step.kind, shape_words(step.shape)
            )
            if step.kind == "upstream":
                what += ", the gradient from above"
            rows.append(f"- {inline(self._name(step))}: {what}")
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
            formula = self._equation(self._tex(step.symbol), self._written(step))
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
                shape = f"  # {_array_shape(step.shape)}"
                label = self._label(step.name)
                lines = [
                    f"{variable} = ...{shape}",
                    "",
                    self._by_differences(step, variable, label),
                ]
            else:
                lines = [*self._parts(step, code.parts), *code.lines]
                lines += self._right(step, variable, code.parts)
            self._python(f"backward-{number}", lines)

    def _told(self, step: Backward, *, blank: bool) -> list[str]:
        """The step in words and formulas; of a blank one only what is asked."""
        name = self._tex(step.adjoint)
        head = f"### {inline(name)}, {shape_words(step.shape)}"
        if blank:
            users = ", ".join(code_span(part.consumer) for part in step.contributions)
            used = f"{code_span(step.name)} is used in {users}." if users else ""
            return [head, used]
        several = len(step.contributions) > 1
        told = [head, *(self._contribution(part, several) for part in step.contributions)]
        told.append(self._equation(name, self._tex(step.total), self._tex(step.simplified)))
        for case in step.cases:
            entries = ", ".join(case.entries)
            told.append(
                f"{escaped(case.function)} at {inline(self._tex(case.argument))}, entry by entry: "
                f"{escaped(entries)}"
            )
        return [*told, *(escaped(remark) for remark in step.remarks)]

    def _contribution(self, part: Contribution, several: bool) -> str:
        """What a consumer passes back; where there is but one, the formula follows anyway."""
        rules = "; ".join(escaped(rule) for rule in part.rules)
        text = f"From {code_span(part.consumer)}" + (f" ({rules})" if rules else "")
        told = []
        if part.local is not None:
            kind = "slopes" if part.elementwise else "local derivative"
            told.append(f"{kind} {inline(self._tex(part.local))}")
        if several:
            told.append(f"passed back: {inline(self._tex(part.phrase))}")
        return text + (f": {', '.join(told)}." if told else ".")

    def _parts(self, step: Backward, parts: Sequence[tuple[str, str]]) -> list[str]:
        """Contributions; where there are several, each with its own check."""
        lines = []
        for (name, text), told in zip(parts, step.contributions, strict=bool(parts)):
            lines += assigned(name, text)
            if told.value is not None and len(parts) > 1:
                lines += _check(f"what {told.consumer} passes back", name, told.value)
        return [*lines, ""] if lines else []

    def _right(self, step: Backward, variable: str, parts: Sequence[tuple[str, str]]) -> list[str]:
        """That the contributions add up to it, and that its number is right."""
        label = self._label(step.name)
        lines = []
        if step.value is not None:
            lines += _check(label, variable, step.value)
        if parts:
            total = " + ".join(name for name, _ in parts)
            lines += _call("check", _text(f"{label}, by the chain rule"), total, variable)
        if not self.kinks and (step.contributions or step.value is None):
            lines.append(self._by_differences(step, variable, f"{label}, by differences"))
        return ["", *lines] if len(lines) > 1 else lines

    def _label(self, name: str) -> str:
        return f"d{self.problem.of}/d{name}"

    def _by_differences(self, step: Backward, variable: str, label: str) -> str:
        """The check of an adjoint by differences, or at a kink by the number itself."""
        node = self.code.names[step.name]
        if self.kinks and step.value is not None:
            wanted = listed(step.value.floats, plain_shape(step.value.shape))
            return f"check({_text(label)}, {variable}, {wanted})"
        return f"check_by_differences({_text(label)}, {variable}, {node}={node})"

    # --- results -------------------------------------------------------------------------------

    def _gradients(self) -> None:
        formulas = []
        lines: list[str] = []
        targets = {target.label: target for target in self.problem.wrt}
        for step in self._steps(GradientRow):
            target = targets[step.name]
            forms = [step.named]
            if step.closed.length <= MAX_CLOSED or not target.indices:
                forms.append(step.closed)
            name = self._tex(self._adjoint_of(target))
            formulas.append(self._equation(name, *map(self._tex, forms)))
            formulas += map(escaped, step.remarks)
            if step.value is not None and target.indices is not None:
                lines += _check(self._label(step.name), self.code.target(target), step.value)
        intro = "In the names of nodes and adjoints, then in the given symbols."
        self._markdown("gradients-text", "## Gradients", intro, *formulas)
        if lines:
            self._python("gradients", lines)

    def _adjoint_of(self, target: Target) -> Phrase:
        tensor = self.problem.tensor(target.name)
        own = adjoint_symbol(tensor.node)
        if target.indices is None:
            return self.derivation.forms.write(own, tensor.shape)
        return self.derivation.forms.entry(own, target.indices)

    def _updates(self) -> None:
        steps = self._steps(Update)
        if not steps:
            return
        formulas = [display(self._tex(step.formula)) for step in steps]
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
                f"    lambda: {self._by_differences(s, self.code.adjoints[s.name], label)},"
                for s in self._steps(Backward)
                for label in [self._label(s.name)]
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


def _array_shape(shape: Shape) -> str:
    """What an array of a declared shape has in NumPy."""
    sizes = [show_size(size) for size in shape if size != 1]
    if not sizes:
        return "a number"
    return f"shape ({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


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
