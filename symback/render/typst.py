"""A derivation as Typst, the same worked solution as in LaTeX, for a PDF without TeX.

No package of Typst is needed, and no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from symback.derivation import Derivation
from symback.render.document import (
    Block,
    Document,
    Equations,
    Flow,
    Formula,
    Graph,
    Heading,
    Inline,
    Prose,
)
from symback.render.equations import Line, flowing, lines_of
from symback.render.latex import PAGES, Page, Paper
from symback.render.typst_graph import typst_graph
from symback.render.writeup import Style, write_up

PREAMBLE = """#set page(paper: "{paper}", margin: {margin}, numbering: "1")
#set text(font: "New Computer Modern", size: 11pt, lang: "en")
#set par(justify: true, leading: 0.55em, spacing: 0.9em)
#set math.mat(column-gap: 0.8em, row-gap: {gap})
#show heading: set text(size: 14pt)
#show heading: set block(above: 1.5em, below: 0.8em)
#show math.equation.where(block: true): set align(left)
#show math.equation.where(block: true): set block(breakable: true, above: 0.7em, below: 0.8em)
#show math.equation.where(block: true): it => pad(left: 1.5em, it)
#set document(title: {title})
"""

SLACK = 1.0  # em: widths are those of TeX
SIGNS = {"=": "=", r"\approx": "≈", "": ""}


def to_typst(derivation: Derivation, style: Style | None = None, *, paper: Paper = "a4") -> str:
    """The worked solution in Typst.

    Args:
        style: numbers, digits, notation, one entry only; its width is set by the paper.
        paper: "a4" or "letter".

    Raises:
        InputError: as :func:`symback.render.latex.to_latex`.
    """
    page = PAGES[paper]
    style = replace(style or Style(), width=page.line - SLACK)
    document = write_up(derivation, style)
    margin = page.margin
    preamble = PREAMBLE.format(
        paper=page.typst,
        margin=margin,
        title=string(document.title),
        gap="0.5em" if style.numbers == "exact" else "0.25em",
    )
    return preamble + "\n".join(_Printer(derivation, style, page).printed(document)) + "\n"


def string(text: str) -> str:
    r"""A string literal.

    >>> print(string('say "no"'))
    "say \"no\""
    """
    shown = "".join(char if char.isprintable() else " " for char in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped(text: str) -> str:
    """Text as Typst shows it: a string, in which nothing is markup."""
    return f"#{string(text)};"


class _Printer:
    def __init__(self, derivation: Derivation, style: Style, page: Page) -> None:
        self.derivation = derivation
        self.style = style
        self.page = page

    def printed(self, document: Document) -> Iterator[str]:
        if document.title:
            yield f'#align(center)[#text(size: 16pt, weight: "bold")[{escaped(document.title)}]'
            if document.source:
                yield f"\n#text(size: 10pt)[{escaped(document.source)}]"
            yield "]"
        for before, block in pairwise([None, *document.blocks]):
            assert block is not None
            runs_in = isinstance(before, Heading) and before.level == 2
            yield ("" if runs_in else "\n") + self._block(block)

    def _block(self, block: Block) -> str:
        match block:
            case Heading(parts=parts, level=1):
                return f"#heading[{_inline(parts)}]"
            case Heading(parts=parts):
                return f"#v(0.3em)*{_inline(parts)}* #h(0.6em)"
            case Prose(parts=parts, kind="item"):
                return f"- {_inline(parts)}"
            case Prose(parts=parts, kind="remark"):
                return f"#text(size: 9.5pt)[{_inline(parts)}]"
            case Prose(parts=parts):
                return _inline(parts)
            case Equations():
                return _display(map(_line, lines_of(block, self.style.width)))
            case Flow():
                return _display(_flow(flowing(block, self.style.width)))
            case Graph():
                return self._graph()

    def _graph(self) -> str:
        points = 72 / 2.54
        width, height = self.page.width * points, self.page.height * points * 0.45
        picture = typst_graph(self.derivation, width - 8, height, self.style.names)
        return f"#heading[Computation graph]\n{picture}"


def _display(lines: Iterator[str]) -> str:
    return "$ " + " \\\n  ".join(lines) + " $"


def _flow(rows: Sequence[Sequence[Formula]]) -> Iterator[str]:
    for row in rows:
        yield " quad quad ".join(formula.typst for formula in row)


def _line(line: Line) -> str:
    right = line.right.typst
    if line.scale < 1:
        scale = f"{line.scale:.1%}"
        right = f"#box(scale(x: {scale}, y: {scale}, reflow: true)[#box[$display({right})$]])"
    if line.goes_on:
        return f"& quad {right}"
    return f"{line.left.typst} & {SIGNS[line.sign]} {right}" if line.sign else f"& {right}"


def _inline(parts: Sequence[Inline]) -> str:
    return "".join(
        f"${part.typst}$" if isinstance(part, Formula) else escaped(part) for part in parts
    )
