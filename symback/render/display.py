"""Problems, derivations, gradients and graphs as Jupyter shows them, and as one line of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from symback.derivation import Derivation
from symback.drawing import Drawing
from symback.forms import Forms
from symback.gradients import Gradient
from symback.parse.parser import parse
from symback.phrase import Phrase
from symback.problem import Definition, Problem
from symback.render.figures import Figures
from symback.render.jupyter import (
    APPROX,
    code_span,
    display,
    equations,
    escaped,
    inline,
    shape_words,
)
from symback.render.svg import to_svg
from symback.render.written_latex import WrittenSpeller
from symback.spell import latex, text
from symback.spell.names import tex_name
from symback.values import Value

MAX_PLAIN = 100  # characters of a formula in one line of text
MAX_NAMES = 8  # targets named in one line of text
MAX_CLOSED = 60  # length of a closed form beside the named one
MAX_ENTRIES = 200  # of a number that is shown

#: A left side and what it equals, form by form.
Row: TypeAlias = tuple[str, list[str]]


def bundle(thing: object) -> dict[str, str]:
    """Every form of an object by its MIME type."""
    forms = {"text/plain": plain(thing)}
    match thing:
        case Problem():
            forms["text/markdown"] = _problem(thing)
        case Derivation():
            forms["text/markdown"] = _derivation(thing)
        case Drawing():
            forms["image/svg+xml"] = to_svg(thing)
    return {**forms, "text/latex": latex_of(thing)}


def latex_of(thing: object) -> str:
    """The formulas of an object as one display."""
    match thing:
        case Problem():
            rows = [_definition(thing, d) for d in thing.definitions]
            base = int(thing.index_base)
        case Derivation():
            rows = _gradients(thing.gradients.values())
            base = thing.problem.index_base
        case Gradient():
            rows = _gradients([thing])
            base = thing.problem.index_base
        case Drawing():
            rows = _cards(thing)
            base = thing.index_base
        case _:
            raise TypeError(f"{type(thing).__name__} has no formulas")
    return display(equations(rows, index_base=base)) if rows else ""


def plain(thing: object) -> str:
    """One line of text."""
    match thing:
        case Problem():
            title = f" {thing.title!r}" if thing.title else ""
            return f"<Problem{title}: {_asked(thing)}>"
        case Derivation():
            found = thing.verification
            checked = "" if found is None else f", checked by {found.witness}"
            return f"<Derivation of {_asked(thing.problem)}{checked}>"
        case Gradient():
            spelled = _Spelling.of(thing.problem).text(thing.named_phrase)
            short = spelled if len(spelled) <= MAX_PLAIN else f"{spelled[: MAX_PLAIN - 3]}..."
            return f"<Gradient d{thing.problem.of}/d{thing.label} = {short}>"
        case Drawing():
            return (
                f"<Drawing of {thing.output}: {len(thing.cards)} nodes, {len(thing.arrows)} arrows>"
            )
    return object.__repr__(thing)


def _asked(problem: Problem) -> str:
    labels = [target.label for target in problem.wrt]
    more = ", ..." if len(labels) > MAX_NAMES else ""
    return f"{problem.of} by {', '.join(labels[:MAX_NAMES])}{more}"


@dataclass(frozen=True)
class _Spelling:
    """How the phrases of one problem are spelled."""

    output: str
    index_base: int
    scalars: Mapping[str, bool]

    @classmethod
    def of(cls, problem: Problem) -> _Spelling:
        tensors = {**problem.symbols, **{d.name: d.symbol for d in problem.definitions}}
        scalars = {name: tensor.is_scalar for name, tensor in tensors.items()}
        return cls(problem.of, problem.index_base, scalars)

    def tex(self, phrase: Phrase) -> str:
        return latex(phrase, output=self.output, index_base=self.index_base)

    def text(self, phrase: Phrase) -> str:
        return text(phrase, output=self.output, index_base=self.index_base)

    def is_scalar(self, name: str) -> bool:
        return self.scalars.get(name, True)

    def name(self, name: str) -> str:
        return tex_name(name, bold=not self.is_scalar(name))

    def typed(self, written: str) -> str:
        """An expression as the user typed it."""
        return WrittenSpeller(is_scalar=self.is_scalar)(parse(written))


# --- problems ----------------------------------------------------------------------------------


def _problem(problem: Problem) -> str:
    spelling = _Spelling.of(problem)
    given = [
        f"- {inline(spelling.name(name))}: {shape_words(tensor.shape)}"
        for name, tensor in problem.symbols.items()
        if name not in problem.sizes
    ]
    wanted = ", ".join(code_span(target.label) for target in problem.wrt)
    parts = [*_head(problem), "\n".join(given), latex_of(problem)]
    parts.append(f"Wanted: the derivatives of {code_span(problem.of)} by {wanted}.")
    return "\n\n".join(part for part in parts if part)


def _head(problem: Problem) -> list[str]:
    title = [f"**{escaped(problem.title)}**"] if problem.title.strip() else []
    return title + ([f"*{escaped(problem.source)}*"] if problem.source.strip() else [])


def _definition(problem: Problem, definition: Definition) -> Row:
    spelling = _Spelling.of(problem)
    written = definition.written
    if written is None:
        form = Forms(problem, {}).write(definition.tensor.node, definition.tensor.shape)
        return spelling.name(definition.name), [spelling.tex(form)]
    return spelling.name(definition.name), [spelling.typed(written)]


# --- derivations and gradients -----------------------------------------------------------------


def _derivation(derivation: Derivation) -> str:
    problem = derivation.problem
    parts = [*_head(problem), latex_of(derivation)]
    found = derivation.verification
    if found is not None and found.witness != "none":
        parts.append(
            f"Checked by {found.witness}: the largest difference is {found.max_error:.1e}."
        )
    kinks = [
        f"At a kink: {escaped(kink.node)}, {escaped(kink.where)}." for kink in derivation.kinks
    ]
    return "\n\n".join([*parts, *kinks])


def _gradients(gradients: Iterable[Gradient]) -> list[Row]:
    return [_gradient(gradient) for gradient in gradients]


def _gradient(gradient: Gradient) -> Row:
    spelling = _Spelling.of(gradient.problem)
    rights = [spelling.tex(gradient.named_phrase)]
    if gradient.closed_phrase.length <= MAX_CLOSED:
        rights.append(spelling.tex(gradient.closed_phrase))
    number = gradient.number
    if number is not None and number.floats.size <= MAX_ENTRIES:
        rights.append(_number(number))
    return spelling.tex(gradient.name_phrase), rights


def _number(value: Value) -> str:
    figures = Figures()
    written = figures.latex(value)
    return written if figures.is_exact(value) else APPROX + written


# --- graphs ------------------------------------------------------------------------------------


def _cards(drawing: Drawing) -> list[Row]:
    scalars = {card.key: drawing.is_scalar(card.key) for card in drawing.cards}
    spelling = _Spelling(drawing.output, drawing.index_base, scalars)
    rows = []
    for card in drawing.cards:
        forms = [spelling.tex(formula) for formula in card.formulas]
        if card.written is not None:
            forms = [spelling.typed(card.written)]
        if forms:
            rows.append((spelling.tex(card.symbol), forms))
    return rows
