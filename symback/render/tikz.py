r"""A drawing as a TikZ picture, for LaTeX documents.

The picture needs `\usepackage{amsmath,tikz}` and :data:`LIBRARIES`; colours are defined in it. It
is scaled down where it would not fit on the page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.layout import Point
from symback.parse.parser import parse
from symback.phrase import Phrase, coefficient
from symback.render.cards import Equation, Row, Shown, checked_parts, rows
from symback.render.digits import DOTS
from symback.render.picture import Frame, Picture, arrange
from symback.render.written_latex import WrittenSpeller
from symback.spell import latex
from symback.spell.mathtree import math_tree, widths_of
from symback.spell.walk import fold

#: What the preamble of a document needs beside `\usepackage{tikz}`.
LIBRARIES = r"\usetikzlibrary{arrows.meta,shapes.misc,shapes.geometric}"

MAX_LENGTH = 44  # of a formula on a card, in characters of its one-line spelling
_CHARACTER = 0.155  # cm, about
_EM = 0.31  # cm, with a little to spare
_LINE = 0.46
_ROW = 0.40
_MARGIN = 0.22
_GAP = (0.45, 0.75)
_STRAIGHT = 1e-6
_TALL = frozenset({"sum_over", "prod_over", "array", "pow", "comprehension"})

_STYLES = r"""  symback/.style={inner sep=0pt, outer sep=0pt, align=center, font=\footnotesize},
  given/.style={symback, draw=symbackink!55, fill=symbackink!6, rounded corners=6pt},
  node/.style={symback, draw=symbackink, fill=white, rounded corners=1.5pt},
  output/.style={node, line width=1pt, double, double distance=0.8pt},
  gradient/.style={symback, chamfered rectangle, chamfered rectangle xsep=3pt,
    chamfered rectangle ysep=3pt, draw=symbackgrad, dashed, fill=symbackgrad!6},
  forward arrow/.style={draw=symbackink, -{Latex[length=4pt]}},
  gradient arrow/.style={draw=symbackgrad, dashed, line width=0.7pt, -{Diamond[open,length=6pt]}},
  use arrow/.style={draw=symbackgrad!60, densely dotted, -{Circle[length=2.5pt]}},"""


def to_tikz(
    what: Derivation | Drawing,
    *,
    backward: bool = False,
    fold: bool = False,
    hide: Collection[str] = (),
    names: Mapping[str, str] = MappingProxyType({}),
    width: float = 16.0,
    height: float = 22.0,
) -> str:
    r"""The picture as a `tikzpicture` environment.

    Args:
        backward, fold: what to draw of a derivation, as for :func:`symback.drawing.draw`.
        hide: parts of cards, of "formula", "shape", "value", "adjoint", "adjoint-value".
        names: how single variables are set.
        width, height: of the page in cm; a larger picture is scaled down.
    """
    hidden = checked_parts(hide)
    drawing = draw(what, backward=backward, fold=fold) if isinstance(what, Derivation) else what
    return _Tikz(drawing, hidden, names).picture(width, height)


class _Tikz:
    def __init__(self, drawing: Drawing, hidden: Collection[str], names: Mapping[str, str]) -> None:
        self.drawing = drawing
        self.names = names
        self.rows = {card.key: rows(card, hidden) for card in drawing.cards}
        self.tags = {card.key: f"n{number}" for number, card in enumerate(drawing.cards)}

    def picture(self, width: float, height: float) -> str:
        sizes = {key: self._size(its) for key, its in self.rows.items()}
        picture = arrange(self.drawing, sizes, gap=_GAP)
        lines = [
            r"\begingroup",
            r"\definecolor{symbackink}{HTML}{1F4E79}\definecolor{symbackgrad}{HTML}{B45309}%",
            rf"\begin{{tikzpicture}}[x=1cm, y=-1cm,{chr(10)}{_STYLES}]",
            *(self._card(card, picture.frames[card.key]) for card in self.drawing.cards),
            *self._arrows(picture),
            r"\end{tikzpicture}%",
        ]
        if picture.width > width or picture.height > height:
            wide = picture.width / width >= picture.height / height
            size = rf"{{{width:.2f}cm}}{{!}}" if wide else rf"{{!}}{{{height:.2f}cm}}"
            lines.insert(2, rf"\resizebox*{size}{{%")
            lines.append("}%")
        return "\n".join([*lines, r"\endgroup"])

    # --- cards ---------------------------------------------------------------------------------

    def _size(self, its: Sequence[Row]) -> tuple[float, float]:
        sizes = [self._row_size(row) for row in its]
        width = max(width for width, _ in sizes) + 2 * _MARGIN
        return max(width, 0.7), sum(height for _, height in sizes) + 2 * _MARGIN * 0.6

    def _row_size(self, row: Row) -> tuple[float, float]:
        if isinstance(row, Shown):
            lines = [sum(len(cell) + 1 for cell in cells) for cells in row.cells]
            return (max(lines) + 2) * _CHARACTER, _ROW * len(row.cells) + 0.1
        if isinstance(row, Equation):
            tall = row.right is not None and any(map(_is_tall, (row.right, row.left or row.right)))
            length = min(self._length(row), MAX_LENGTH)
            return length * _CHARACTER, _LINE * (1.6 if tall or _is_adjoint(row.left) else 1)
        return len(row.text) * _CHARACTER, _LINE * 0.8

    def _length(self, row: Equation) -> int:
        """About how long an equation is, in characters."""
        return round(widths_of(math_tree(self._equation(row)))[1] * _EM / _CHARACTER)

    def _equation(self, row: Equation) -> str:
        sides = [self._latex(phrase) for phrase in (row.left, row.right) if phrase is not None]
        if row.written is not None:
            speller = WrittenSpeller(self.names, self.drawing.is_scalar)
            sides[-1] = speller(parse(row.written))
        return ("" if row.left is not None else "= ") + " = ".join(sides)

    def _latex(self, phrase: Phrase) -> str:
        return latex(
            phrase,
            self.names,
            output=self.drawing.output,
            index_base=self.drawing.index_base,
        )

    def _card(self, card: Card, frame: Frame) -> str:
        content = r" \\ ".join(self._row(row) for row in self.rows[card.key])
        size = f"minimum width={frame.width:.2f}cm, minimum height={frame.height:.2f}cm"
        at = _point((frame.x, frame.y))
        return rf"\node[{card.kind}, {size}] ({self.tags[card.key]}) at {at} {{{content}}};"

    def _row(self, row: Row) -> str:
        if isinstance(row, Shown):
            return _numbers(row)
        if isinstance(row, Equation):
            written = f"${self._equation(row)}$"
            if self._length(row) > MAX_LENGTH:
                return rf"\resizebox{{{MAX_LENGTH * _CHARACTER:.2f}cm}}{{!}}{{{written}}}"
            return written
        written = row.text.replace("×", r"$\times$")
        return rf"{{\color{{symbackink!70}}\scriptsize {written}}}"

    # --- arrows --------------------------------------------------------------------------------

    def _arrows(self, picture: Picture) -> Iterable[str]:
        for arrow, points in picture.routes.items():
            yield rf"\draw[{arrow.kind} arrow] {_path(points)};"


def _numbers(row: Shown) -> str:
    """A number, or a small matrix; a vector stands in one row to save room."""
    table = [" & ".join(map(_number, cells)) for cells in row.cells]
    if row.scalar:
        return f"${table[0]}$"
    if row.column:
        return f"$({', '.join(map(_number, row.cells[0]))})$"
    body = r" \\ ".join(table)
    return rf"$\left[\begin{{smallmatrix}} {body} \end{{smallmatrix}}\right]$"


def _number(cell: str) -> str:
    """A number in mathematics.  2.5e-8 -> 2.5 times ten to the minus 8"""
    if cell == DOTS:
        return r"\cdots"
    mantissa, e, exponent = cell.partition("e")
    return rf"{mantissa}{{\cdot}}10^{{{exponent.lstrip('+')}}}" if e else cell


def _is_adjoint(phrase: Phrase | None) -> bool:
    return phrase is not None and phrase.data[-1:] == ("adjoint",)


def _is_tall(phrase: Phrase) -> bool:
    """Whether a formula has fractions or big operators in it."""

    def visit(part: Phrase, below: tuple[bool, ...]) -> bool:
        return part.head in _TALL or _is_adjoint(part) or _has_fraction(part) or any(below)

    return fold(phrase, visit)


def _has_fraction(part: Phrase) -> bool:
    return part.head == "mul" and coefficient(part).denominator != 1


def _point(point: Point) -> str:
    return f"({point[0]:.2f},{point[1]:.2f})"


def _path(points: Sequence[Point]) -> str:
    """A smooth path: straight where it is vertical, else it leaves and arrives vertically."""
    text = _point(points[0])
    for (x1, y1), (x2, y2) in pairwise(points):
        if abs(x1 - x2) < _STRAIGHT or abs(y1 - y2) < _STRAIGHT:
            text += f" -- {_point((x2, y2))}"
        else:
            middle = (y1 + y2) / 2
            controls = f"{_point((x1, middle))} and {_point((x2, middle))}"
            text += f" .. controls {controls} .. {_point((x2, y2))}"
    return text
