"""A derivation as one HTML file that needs nothing else: formulas in MathML, the graph in SVG.

A slider and the arrow keys walk through the steps; the node and its formula light up together.
Without scripts, and on paper, it is the whole story to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.parse.parser import parse
from symback.phrase import Phrase, num
from symback.problem import Target
from symback.render.cards import shape_text
from symback.render.digits import rounded
from symback.render.figures import Figures
from symback.render.substituted import substituted, typed_with_numbers
from symback.render.svg import Svg, style_sheet, xml
from symback.render.written_latex import WrittenSpeller
from symback.spell import pretty
from symback.spell.mathml import mathml, matrix, name_mathml, row
from symback.spell.tex_mathml import tex_mathml
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
ROOM = 60.0  # em, for an array

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
        self.figures = Figures(room=ROOM)
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
        if step.kind == "function":
            return f"{_math(name_mathml(step.name))} {_about('an unknown function')}"
        bold = any(size != 1 for size in step.shape)
        name = name_mathml(step.name, bold)
        words = {"size": "a size", "upstream": "from above"}.get(step.kind, "")
        about = " ".join(part for part in (words, shape_text(step.shape)) if part)
        if step.value is None:
            return _math(name) + _about(about)
        return _math(name, "<mo>=</mo>", self._number(step.value)) + _about(about)

    def _forward(self, step: Forward) -> str:
        name = self._spell(step.symbol)
        formula = _math(name, "<mo>=</mo>", self._definition(step))
        lines = [_head(formula, shape_text(step.shape))]
        if step.value is not None and not _is_number(step.formula):
            lines.append(_line(_equal(*self._filled(step), self._number(step.value))))
        title = f"{self._plain(step.symbol)} forward"
        return self._step(title, [step.name], "\n".join(lines))

    def _backward(self, step: Backward) -> str:
        name = self._spell(step.adjoint)
        several = len(step.contributions) > 1
        lines = [_head(_math(name), shape_text(step.shape))]
        lines += (self._contribution(one, several) for one in step.contributions)
        if several and step.total != step.simplified:
            total = _math(name, "<mo>=</mo>", self._spell(step.total))
            lines.append(_line(f'<span class="label">sum of the paths</span>{total}'))
        formula = [name, "<mo>=</mo>", self._spell(step.simplified)]
        lines.append(_line(_math(*formula), "result"))
        if step.value is not None and not _is_number(step.simplified):
            parts = [*self._filled(step), self._number(step.value)]
            lines.append(_line(_equal(*parts), "result"))
        lines += (self._case(case) for case in step.cases)
        lines += (_remark(remark) for remark in step.remarks)
        title = f"{self._plain(step.adjoint)} backward"
        return self._step(title, [step.name], "\n".join(lines), "back")

    def _contribution(self, given: Contribution, several: bool) -> str:
        consumer = next(step for step in self._of(Forward) if step.name == given.consumer)
        formula = (self._spell(consumer.symbol), "<mo>=</mo>", self._definition(consumer))
        through = _math(*formula, inline=True)
        rules = "; ".join(given.rules)
        words = f"through {through}" + (f" · {xml(rules)}" if rules else "")
        rows = [self._labelled("incoming", given.incoming, given.incoming_value)]
        if given.local is not None:
            label = "slopes" if given.elementwise else "derivative"
            rows.append(self._labelled(label, given.local, given.local_value))
        if several:
            rows.append(self._labelled("gives", given.phrase, given.value))
        return f'<div class="path"><p>{words}</p>{"".join(rows)}</div>'

    def _labelled(self, label: str, phrase: Phrase, value: Value | None) -> str:
        parts = [self._spell(phrase)]
        if value is not None and not _is_number(phrase):
            parts += ["<mo>=</mo>", self._number(value)]
        return _line(f'<span class="label">{label}</span>{_math(*parts)}')

    def _case(self, case: CaseNote) -> str:
        kinds = list(dict.fromkeys(case.entries))
        words = ", ".join(case.entries)
        if len(kinds) == 1:
            words = kinds[0] + (" in every entry" if len(case.entries) > 1 else "")
        argument = _math(self._spell(case.argument))
        return f'<p class="remark">{xml(case.function)}: {argument} is {xml(words)}</p>'

    def _gradient(self, step: GradientRow) -> str:
        target = self.derivation.gradients[step.name].target
        name = self._spell(self._target(target, "adjoint"))
        lines = [_head(_math(name), shape_text(step.shape))]
        closed = _line(_math(name, "<mo>=</mo>", self._spell(step.closed)), "result")
        named = _line(_math(name, "<mo>=</mo>", self._spell(step.named)), "result")
        if step.closed.length > LONG and step.named.length < step.closed.length:
            summary = "<summary>in the given symbols</summary>"
            lines += [named, f"<details>{summary}{closed}</details>"]
        else:
            lines += [closed, named][: 1 if step.named == step.closed else 2]
        if step.value is not None and not _is_number(step.closed):
            lines.append(_line(_math("<mo>=</mo>", self._number(step.value)), "result"))
        lines += (_remark(remark) for remark in step.remarks)
        title = f"gradient by {self._plain(self._target(target, ''))}"
        return self._step(title, [target.name], "\n".join(lines), "back", arrows=False)

    def _update(self, step: Update) -> str:
        target = next(t for t in self.problem.wrt if t.label == step.name)
        name = self._spell(self._target(target, ""))
        lines = [_line(_math(name, "<mo>←</mo>", self._spell(step.formula)))]
        if step.value is not None:
            before, rate = self._number(step.before), self._number(step.rate)
            working = [before, "<mo>−</mo>", rate, "<mo>·</mo>"]
            slope = self._number(step.gradient)
            if not step.gradient.shape and step.gradient.floats < 0:
                slope = row("<mo>(</mo>", slope, "<mo>)</mo>")
            lines.append(_line(_equal(row(*working, slope), self._number(step.value))))
        title = f"update of {self._plain(self._target(target, ''))}"
        return self._step(title, [target.name], "\n".join(lines), arrows=False)

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
        parts = [self._spell(card.symbol)]
        if card.formulas:
            step = next(step for step in self._of(Forward) if step.name == card.key)
            parts += ["<mo>=</mo>", self._definition(step)]
        words = {"given": "given", "output": "the output"}.get(card.kind, "node")
        about = " ".join(part for part in (words, shape_text(card.shape)) if part)
        lines = [f"<p>{_math(*parts)}{_about(about)}</p>"]
        if card.value is not None:
            lines.append(f"<p>{_math('<mo>=</mo>', self._number(card.value))}</p>")
        if card.adjoint is not None and card.adjoint_formula is not None:
            formula = [self._spell(card.adjoint), "<mo>=</mo>", self._spell(card.adjoint_formula)]
            if card.adjoint_value is not None and not _is_number(card.adjoint_formula):
                formula += ["<mo>=</mo>", self._number(card.adjoint_value)]
            lines.append(f'<p class="back">{_math(*formula)}</p>')
        return f'<template id="about-{self.number[card.key]}">{"".join(lines)}</template>\n'

    # --- formulas ------------------------------------------------------------------------------

    def _spell(self, phrase: Phrase) -> str:
        return mathml(phrase, output=self.problem.of, index_base=self.problem.index_base)

    def _plain(self, phrase: Phrase) -> str:
        return pretty(phrase, output=self.problem.of, index_base=self.problem.index_base)

    def _definition(self, step: Forward) -> str:
        """The formula of a definition, as the user typed it where that is known."""
        if step.written is None:
            return self._spell(step.formula)
        return tex_mathml(WrittenSpeller(is_scalar=self.drawing.is_scalar)(parse(step.written)))

    def _number(self, value: Value) -> str:
        return tex_mathml(self.figures.latex(value))

    def _lookup(self, name: str, kind: str) -> Value | None:
        return self.values.get((name, kind))

    def _filled(self, step: Forward | Backward) -> list[str]:
        """The formula of a step with numbers in the place of names, where there is room for it."""
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
        if written is None or (step.value and written == self.figures.latex(step.value)):
            return []
        return [tex_mathml(written)]

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


def _math(*parts: str, inline: bool = False) -> str:
    start = "<math>" if inline else '<math displaystyle="true">'
    return f"{start}{row(*parts)}</math>"


def _equal(*parts: str) -> str:
    """= part = part, each a formula of its own, so that a line may end between them."""
    return " ".join(_math('<mo form="infix">=</mo>', part) for part in parts)


def _line(content: str, kind: str = "") -> str:
    return f'<div class="row {kind}" tabindex="-1">{content}</div>'


def _head(name: str, about: str) -> str:
    return f"<h3>{name}</h3>{_about(about)}"


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
