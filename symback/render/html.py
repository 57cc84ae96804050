"""A derivation as one HTML file that needs nothing else: formulas in MathML, the graph in SVG.

A slider and the arrow keys walk through the steps; the node and its formula light up together.
Without scripts, and on paper, it is the whole story to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.parse.parser import parse
from symback.phrase import Phrase, num
from symback.problem import Target
from symback.render.cards import shape_text
from symback.render.digits import rounded
from symback.render.document import Equations, Formula, Row
from symback.render.equations import Line, lines_of
from symback.render.figures import Figures
from symback.render.substituted import substituted, typed_with_numbers
from symback.render.svg import Svg, style_sheet, xml
from symback.render.written_latex import WrittenSpeller
from symback.spell import latex, pretty
from symback.spell.mathml import mathml
from symback.spell.names import tex_name
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

ASSETS = Path(__file__).parent / "assets"
#: The file asks nobody for anything, and a browser is told so.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

LONG = 60  # symbols, numbers and operations of a closed form that is folded away
# In em of formulas, on a screen of usual size; a narrower one scrolls.
WIDTH = 33.0
INNER = 30.0  # of what is said about one path
LABEL = 5.0
TIP = 26.0
MAX_FILLED = 60.0  # of a formula with numbers in it

S = TypeVar("S", bound=Step)


def to_html(derivation: Derivation) -> str:
    """The story as an HTML document."""
    return _Page(derivation).document()


class _Page:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.problem = derivation.problem
        self.steps = derivation.steps
        self.drawing: Drawing = draw(derivation)
        self.number = {card.key: k for k, card in enumerate(self.drawing.cards)}
        self.adjoints = {step.name: step for step in self._of(Backward)}
        self.figures = Figures(room=INNER - LABEL)
        self.values: dict[tuple[str, str], Value] = {}
        for step in self.steps:
            if isinstance(step, (Given, Forward, Backward)) and step.value is not None:
                kind = "adjoint" if isinstance(step, Backward) else ""
                self.values[step.name, kind] = step.value
        self.count = 0

    def _of(self, kind: type[S]) -> list[S]:
        return [step for step in self.steps if isinstance(step, kind)]

    # --- the document --------------------------------------------------------------------------

    def document(self) -> str:
        title = xml(self.problem.title or self.problem.of)
        source = f"<p>{xml(self.problem.source)}</p>" if self.problem.source else ""
        story = "\n".join(self._story())
        svg = Svg(self.drawing, ("value", "adjoint", "adjoint-value"), embedded=True).inline()
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="symback">
<title>{title}</title>
<style>
{style_sheet()}{_asset("page.css")}
</style>
</head>
<body>
<a class="skip" href="#story">To the formulas</a>
<header><h1>{title}</h1>{source}</header>
<main>
<div id="graph" role="region" aria-label="Computation graph" tabindex="0">
{svg}
</div>
<div id="story">
{story}
</div>
</main>
<nav id="walk" aria-label="Steps" hidden>
<button id="back" type="button" aria-label="Previous step">←</button>
<input id="slider" type="range" min="0" max="{max(self.count - 1, 0)}" value="0" aria-label="Step">
<button id="next" type="button" aria-label="Next step">→</button>
<output id="where" for="slider" aria-live="polite"></output>
</nav>
<div id="tip" role="tooltip" hidden></div>
{"".join(self._about(card) for card in self.drawing.cards)}
<script>
{_asset("page.js")}</script>
</body>
</html>
"""

    def _story(self) -> Iterator[str]:
        yield from self._section("Given", self._given(self._of(Given)))
        yield from self._section("Forward pass", map(self._forward, self._of(Forward)))
        yield from self._section("Backward pass", map(self._backward, self._of(Backward)))
        yield from self._section("Gradients", map(self._gradient, self._of(GradientRow)))
        updates = map(self._update, self._of(Update))
        yield from self._section("One step of gradient descent", updates)
        yield from self._section("Kinks", map(_kink, self._of(KinkNote)))
        notes = [*map(_check, self._of(VerificationNote)), *map(self._cost, self._of(CostNote))]
        yield from self._section("Check and cost", notes)

    def _section(self, heading: str, parts: Iterable[str]) -> Iterator[str]:
        content = "\n".join(parts)
        if content:
            yield f"<section><h2>{heading}</h2>\n{content}\n</section>"

    # --- steps ---------------------------------------------------------------------------------

    def _step(
        self, title: str, names: Iterable[str], body: str, kind: str = "", arrows: bool = True
    ) -> str:
        """A stop of the walk; `names` are the nodes that light up."""
        self.count += 1
        lit = " ".join(str(self.number[name]) for name in names if name in self.number)
        still = "" if arrows else ' data-arrows="none"'
        return (
            f'<article class="step {kind}" id="step-{self.count}" data-cards="{lit}"'
            f' data-title="{xml(title)}"{still}>\n{body}\n</article>'
        )

    def _given(self, steps: Sequence[Given]) -> Iterator[str]:
        if steps:
            parts = "".join(f"<div>{self._given_one(step)}</div>" for step in steps)
            names = [step.name for step in steps]
            body = f'<div class="given">{parts}</div>'
            yield self._step("what is given", names, body, arrows=False)

    def _given_one(self, step: Given) -> str:
        name = self._name(step.name)
        if step.kind == "function":
            return f"{_math(name)} {_about('an unknown function')}"
        words = {"size": "a size", "upstream": "from above"}.get(step.kind, "")
        about = " ".join(part for part in (words, shape_text(step.shape)) if part)
        formula = name if step.value is None else f"{name} = {self.figures.latex(step.value)}"
        return _math(formula) + _about(about)

    def _forward(self, step: Forward) -> str:
        rows = [Row(self._formula(step.symbol), "=", self._definition(step))]
        if not _is_number(step.formula):
            rows += self._working(self._filled(step), step.value)
        title = f"{self._plain(step.symbol)} forward"
        body = [_hidden(title), _about(shape_text(step.shape)), self._display(rows)]
        return self._step(title, [step.name], "".join(body))

    def _backward(self, step: Backward) -> str:
        name = self._formula(step.adjoint)
        several = len(step.contributions) > 1
        title = f"{self._plain(step.adjoint)} backward"
        heading = f"<h3>{_math(name.tex)}</h3>" if step.contributions else _hidden(title)
        lines = [heading, _about(shape_text(step.shape))]
        lines += (self._contribution(one, several) for one in step.contributions)
        rows = [Row(name, "=", self._formula(step.simplified))]
        if several and step.total != step.simplified:
            lines.append('<p class="remark">sum of the paths</p>')
            rows = [Row(name, "=", self._formula(step.total)), replace(rows[0], left=None)]
        if not _is_number(step.simplified):
            rows += self._working(self._filled(step), step.value)
        lines.append(self._display(rows, "result"))
        lines += (self._case(case) for case in step.cases)
        lines += (_remark(remark) for remark in step.remarks)
        return self._step(title, [step.name], "\n".join(lines), "back")

    def _contribution(self, given: Contribution, several: bool) -> str:
        consumer = next(step for step in self._of(Forward) if step.name == given.consumer)
        rules = "; ".join(given.rules)
        through = [Row(self._formula(consumer.symbol), "=", self._definition(consumer))]
        words = "through" + (f" · {xml(rules)}" if rules else "")
        parts = [f'<p class="remark">{words}</p>', self._display(through, "quiet", INNER)]
        parts.append(self._labelled("incoming", given.incoming, given.incoming_value))
        if given.local is not None:
            label = "slopes" if given.elementwise else "derivative"
            parts.append(self._labelled(label, given.local, given.local_value))
        if several:
            parts.append(self._labelled("gives", given.phrase, given.value))
        return f'<div class="path">{"".join(parts)}</div>'

    def _labelled(self, label: str, phrase: Phrase, value: Value | None) -> str:
        rows = [Row(None, "", self._formula(phrase))]
        if not _is_number(phrase):
            rows += self._working(None, value)
        shown = self._display(rows, "", INNER - LABEL)
        return f'<div class="labelled"><span class="label">{label}</span>{shown}</div>'

    def _case(self, case: CaseNote) -> str:
        kinds = list(dict.fromkeys(case.entries))
        words = ", ".join(case.entries)
        if len(kinds) == 1:
            words = kinds[0] + (" in every entry" if len(case.entries) > 1 else "")
        argument = _math(self._formula(case.argument).tex)
        return f'<p class="remark">{xml(case.function)}: {argument} is {xml(words)}</p>'

    def _gradient(self, step: GradientRow) -> str:
        target = self.derivation.gradients[step.name].target
        name = self._formula(self._target(target, "adjoint"))
        title = f"gradient by {self._plain(self._target(target, ''))}"
        closed = Row(name, "=", self._formula(step.closed))
        named = Row(name, "=", self._formula(step.named))
        number = [] if _is_number(step.closed) else self._working(None, step.value)
        lines = [_hidden(title), _about(shape_text(step.shape))]
        if step.closed.length > LONG and step.named.length < step.closed.length:
            lines.append(self._display([named, *number], "result"))
            whole = self._display([closed], "result")
            lines.append(f"<details><summary>in the given symbols</summary>{whole}</details>")
        else:
            also = [] if step.named == step.closed else [replace(named, left=None)]
            lines.append(self._display([closed, *also, *number], "result"))
        lines += (_remark(remark) for remark in step.remarks)
        return self._step(title, [target.name], "\n".join(lines), "back", arrows=False)

    def _update(self, step: Update) -> str:
        target = next(t for t in self.problem.wrt if t.label == step.name)
        name = self._formula(self._target(target, ""))
        rows = [Row(name, r"\gets", self._formula(step.formula))]
        if step.value is not None:
            slope = self.figures.latex(step.gradient)
            if slope.startswith("-"):
                slope = f"({slope})"
            before, rate = self.figures.latex(step.before), self.figures.latex(step.rate)
            filled = Formula.of(rf"{before} - {rate} \cdot {slope}")
            rows += self._working(filled, step.value)
        title = f"update of {self._plain(self._target(target, ''))}"
        body = _hidden(title) + self._display(rows)
        return self._step(title, [target.name], body, arrows=False)

    def _cost(self, note: CostNote) -> str:
        cost = note.cost
        return (
            f"<p>Operations on numbers: {cost.forward.total:,} forward, then "
            f"{cost.backward.total:,} backward for all {cost.entries:,} derivatives together, "
            "because each adjoint is worked out once and used again. Path by path it would be "
            f"{cost.by_paths.total:,}, along {cost.paths:,} paths to {xml(self.problem.of)}.</p>"
        )

    # --- what a card says when it is pointed at --------------------------------------------------

    def _about(self, card: Card) -> str:
        words = {"given": "given", "output": "the output"}.get(card.kind, "node")
        about = " ".join(part for part in (words, shape_text(card.shape)) if part)
        rows = [Row(None, "", self._formula(card.symbol))]
        if card.formulas:
            step = next(step for step in self._of(Forward) if step.name == card.key)
            rows = [Row(rows[0].right, "=", self._definition(step))]
        rows += self._working(None, card.value)
        lines = [_about(about), self._display(rows, "", TIP)]
        if card.adjoint is not None and card.adjoint_formula is not None:
            back = [Row(self._formula(card.adjoint), "=", self._formula(card.adjoint_formula))]
            if not _is_number(card.adjoint_formula):
                back += self._working(None, card.adjoint_value)
            lines.append(self._display(back, "result", TIP))
        return f'<template id="about-{self.number[card.key]}">{"".join(lines)}</template>\n'

    # --- formulas ------------------------------------------------------------------------------

    def _formula(self, phrase: Phrase) -> Formula:
        spelled = latex(phrase, output=self.problem.of, index_base=self.problem.index_base)
        return Formula.of(spelled)

    def _plain(self, phrase: Phrase) -> str:
        return pretty(phrase, output=self.problem.of, index_base=self.problem.index_base)

    def _name(self, name: str) -> str:
        return tex_name(name, bold=not self.drawing.is_scalar(name))

    def _definition(self, step: Forward) -> Formula:
        """The formula of a definition, as the user typed it where that is known."""
        if step.written is None:
            return self._formula(step.formula)
        speller = WrittenSpeller(is_scalar=self.drawing.is_scalar)
        return Formula.of(speller(parse(step.written)))

    def _filled(self, step: Forward | Backward) -> Formula | None:
        """The formula of a step with numbers in the place of names, where it is not long."""
        if isinstance(step, Backward):
            written = substituted(step.simplified, self._lookup, self.figures)
        elif step.written is None:
            written = substituted(step.formula, self._lookup, self.figures)
        else:
            written = typed_with_numbers(
                step.written,
                self._lookup,
                self.figures,
                is_scalar=self.drawing.is_scalar,
                index_base=self.problem.index_base,
            )
        formula = None if written is None else Formula.of(written)
        return formula if formula is not None and formula.width <= MAX_FILLED else None

    def _lookup(self, name: str, kind: str) -> Value | None:
        return self.values.get((name, kind))

    def _working(self, filled: Formula | None, value: Value | None) -> list[Row]:
        """`= formula with numbers`, `= number`; a rounded number is only about equal."""
        rows = [] if filled is None else [Row(None, "=", filled)]
        if value is None:
            return rows
        number = Formula.of(self.figures.latex(value))
        if filled is not None and filled.tex == number.tex:
            return rows
        sign = "=" if self.figures.is_exact(value) else r"\approx"
        return [*rows, Row(None, sign, number)]

    def _display(self, rows: Sequence[Row], kind: str = "", width: float = WIDTH) -> str:
        """Equations below each other, level at their signs, broken into lines that fit."""
        lines = lines_of(Equations(tuple(rows), self.problem.index_base), width)
        return f'<div class="eq {kind}">{"".join(map(_line, lines))}</div>'

    def _target(self, target: Target, kind: str) -> Phrase:
        """The name of a target, or of the derivative by it."""
        shape = self.problem.tensor(target.name).shape
        size = (*shape, 1) if len(shape) == 1 else shape
        symbol = Phrase("symbol", (), (target.name, kind), size)
        if target.indices is None:
            return symbol
        indices = (
            Phrase("symbol", (), (index, "index")) if isinstance(index, str) else num(index)
            for index in target.indices
        )
        return Phrase("entry", (symbol, *indices))


# --- pieces --------------------------------------------------------------------------------------


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _math(tex: str) -> str:
    return f'<math displaystyle="true">{mathml(tex)}</math>'


def _line(line: Line) -> str:
    """One line: the left side, and the rest behind its sign."""
    left = _math(line.left.tex) if line.left.nodes else ""
    sign = f"{{}} {line.sign} " if line.sign else ""
    size = f' style="font-size:{line.scale:.2f}em"' if line.scale < 1 else ""
    more = " more" if line.goes_on else ""
    return f'<div>{left}</div><div class="right{more}"{size}>{_math(sign + line.right.tex)}</div>'


def _hidden(words: str) -> str:
    """A heading for those who do not see that a formula begins here."""
    return f'<h3 class="unseen">{xml(words)}</h3>'


def _about(words: str) -> str:
    return f'<span class="about">{xml(words)}</span>' if words else ""


def _remark(words: str) -> str:
    return f'<p class="remark">{xml(words)}</p>'


def _is_number(phrase: Phrase) -> bool:
    """Whether a formula is its own number, so that there is no need to give it again."""
    return phrase.head in ("number", "decimal")


def _kink(note: KinkNote) -> str:
    low, high = note.interval
    place = f"[{', '.join(map(str, note.entry))}]" if note.entry else ""
    return (
        f'<p class="kink">{xml(note.node)}{place}: {xml(note.function)} where {xml(note.where)}. '
        f"Any slope from {low} to {high} is valid; taken: {note.taken}. {xml(note.others)}.</p>"
    )


def _check(note: VerificationNote) -> str:
    where = f" ({note.where})" if note.where and note.max_error else ""
    more = f"; {note.note}" if note.note else ""
    return (
        f'<p class="good">✓ Verified by {xml(note.witness)} on the forward pass alone: largest '
        f"difference {rounded(note.max_error, 2)}{xml(where)}{xml(more)}.</p>"
    )
