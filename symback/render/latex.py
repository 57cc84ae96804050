r"""A derivation as LaTeX: a document of its own, or a fragment to be put in one by ``\input``.

Formulas are broken into lines here, from estimated widths, so that no line runs out of the page.
Only packages of every TeX distribution are needed: amsmath, amssymb, graphicx and TikZ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

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
from symback.render.tikz import LIBRARIES, to_tikz
from symback.render.writeup import Style, write_up

Paper: TypeAlias = Literal["a4", "letter"]


@dataclass(frozen=True)
class Page:
    """A sheet of paper: its name for LaTeX and Typst, margins, and what is left, in cm."""

    latex: str
    typst: str
    margin: str
    width: float
    height: float

    @property
    def line(self) -> float:
        """The width of a displayed line in em of 11pt type; formulas are indented a little."""
        return self.width / 2.54 * 72.27 / 10.95 - 2.2


PAGES: dict[Paper, Page] = {
    "a4": Page("a4paper", "a4", "2.4cm", 16.2, 24.9),
    "letter": Page("letterpaper", "us-letter", "1in", 16.51, 22.86),
}

PREAMBLE = r"""\documentclass[11pt,%(paper)s,fleqn]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern,amsmath,amssymb,graphicx,tikz}
\usepackage[%(paper)s,margin=%(margin)s]{geometry}
%(libraries)s
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5\baselineskip plus 2pt}
\setlength{\mathindent}{1.5em}
\AtBeginDocument{\setlength{\abovedisplayskip}{4pt plus 2pt}%%
  \setlength{\belowdisplayskip}{4pt plus 2pt}\setlength{\jot}{5pt}}
\allowdisplaybreaks
\emergencystretch=3em
\raggedbottom
\begin{document}
"""

HEADER = """%% Written by symback. To be used by \\input in a document that loads
%% amsmath, amssymb, graphicx and tikz, with
%%   %(libraries)s
"""

ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "-": "-{}", "[": "{[}", "]": "{]}",
}  # fmt: skip

#: Characters outside of ASCII that LaTeX with T1 fonts can set as they are.
_SET_AS_THEY_ARE = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿŒœŠšŽž")
_SIGNS = {
    "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\dots{}",
    "×": r"$\times$",
    "−": "$-$", "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "→": r"$\to$", "·": r"$\cdot$",
    "∂": r"$\partial$", "σ": r"$\sigma$", "°": r"$^\circ$", "∞": r"$\infty$", "²": "$^2$",
    "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "δ": r"$\delta$", "λ": r"$\lambda$",
    "μ": r"$\mu$", "π": r"$\pi$", "θ": r"$\theta$", "Σ": r"$\Sigma$", "⊙": r"$\odot$",
    "ᵀ": r"$^\top$", "\u00a0": "~",
}  # fmt: skip


def to_latex(
    derivation: Derivation,
    style: Style | None = None,
    *,
    fragment: bool = False,
    paper: Paper = "a4",
) -> str:
    r"""The worked solution in LaTeX.

    Args:
        style: numbers, digits, notation, one entry only; its width is set by the paper.
        fragment: whether to leave out the preamble, for ``\input``.
        paper: "a4" or "letter".

    Raises:
        InputError: for a name in the notation that the problem does not have, or that is no
            mathematics, and for an entry that it does not have.
    """
    page = PAGES[paper]
    style = replace(style or Style(), width=page.line)
    document = write_up(derivation, style)
    body = "\n".join(_Printer(derivation, style, page).printed(document))
    if style.numbers == "exact":
        body = f"\\begingroup\\renewcommand{{\\arraystretch}}{{1.25}}\n{body}\n\\endgroup"
    if fragment:
        return HEADER % {"libraries": LIBRARIES} + body + "\n"
    settings = {"paper": page.latex, "margin": page.margin, "libraries": LIBRARIES}
    return f"{PREAMBLE % settings}{body}\n\\end{{document}}\n"


def escaped(text: str) -> str:
    r"""Text as TeX shows it; nothing in it is a command.

    >>> print(escaped(r"\input{x} 50% & co_1"))
    \textbackslash{}input\{x\} 50\% \& co\_1
    """
    return "".join(map(_character, unicodedata.normalize("NFC", text)))


def _character(char: str) -> str:
    if char in ESCAPES:
        return ESCAPES[char]
    if char in _SIGNS:
        return _SIGNS[char]
    if char.isspace():
        return " "
    if char.isascii():
        return char if char.isprintable() else "?"
    if char in _SET_AS_THEY_ARE:
        return char
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return "".join(ESCAPES.get(one, one) for one in plain) or "?"


class _Printer:
    def __init__(self, derivation: Derivation, style: Style, page: Page) -> None:
        self.derivation = derivation
        self.style = style
        self.page = page

    def printed(self, document: Document) -> Iterator[str]:
        if document.title:
            yield rf"\begin{{center}}{{\Large\bfseries {escaped(document.title)}\par}}"
            if document.source:
                yield rf"\smallskip{{\small {escaped(document.source)}\par}}"
            yield r"\end{center}"
        items = False
        for block in document.blocks:
            item = isinstance(block, Prose) and block.kind == "item"
            if item != items:
                yield r"\begin{itemize}" if item else r"\end{itemize}"
                items = item
            yield self._block(block)
        if items:
            yield r"\end{itemize}"

    def _block(self, block: Block) -> str:
        match block:
            case Heading(parts=parts, level=1):
                return rf"\section*{{{_inline(parts)}}}"
            case Heading(parts=parts):
                return rf"\medskip\par\textbf{{{_inline(parts, bold=True)}}}\quad"
            case Prose(parts=parts, kind="item"):
                return rf"\item {_inline(parts)}"
            case Prose(parts=parts, kind="remark"):
                return rf"\par{{\small {_inline(parts)}\par}}"
            case Prose(parts=parts):
                return _inline(parts)
            case Equations():
                return self._equations(lines_of(block, self.style.width))
            case Flow():
                return self._flow(flowing(block, self.style.width))
            case Graph():
                return self._graph()

    def _equations(self, lines: Sequence[Line]) -> str:
        body = " \\\\\n".join(map(_line, lines))
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"

    def _flow(self, rows: Sequence[Sequence[Formula]]) -> str:
        body = " \\\\\n".join(r" \qquad ".join(formula.tex for formula in row) for row in rows)
        return f"\\begin{{gather*}}\n{body}\n\\end{{gather*}}"

    def _graph(self) -> str:
        picture = to_tikz(
            self.derivation,
            hide=("shape", "adjoint", "adjoint-value"),
            names=self.style.names,
            width=self.page.width - 0.3,
            height=self.page.height * 0.45,
        )
        heading = rf"\section*{{{escaped('Computation graph')}}}"
        return f"{heading}\n\\begin{{center}}\n{picture}\n\\end{{center}}"


def _line(line: Line) -> str:
    right = line.right.tex
    if line.scale < 1:
        size = f"{line.scale:.3f}"
        right = rf"\scalebox{{{size}}}{{$\displaystyle {right}$}}"
    if line.goes_on:
        return rf"  &\quad {right}"
    sign = f"{line.sign} " if line.sign else ""
    return f"  {line.left.tex} &{sign}{right}" if line.sign else f"  &{right}"


def _inline(parts: Sequence[Inline], *, bold: bool = False) -> str:
    written = []
    for part in parts:
        if isinstance(part, Formula):
            written.append(rf"$\boldsymbol{{{part.tex}}}$" if bold else f"${part.tex}$")
        else:
            written.append(escaped(part))
    return "".join(written)
