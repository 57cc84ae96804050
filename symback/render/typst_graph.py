"""The computation graph in Typst: cards with formulas and numbers, curved arrows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.layout import Point
from symback.parse.parser import parse
from symback.phrase import Phrase
from symback.render.cards import Equation, Row, Shown, rows
from symback.render.digits import DOTS
from symback.render.document import Formula
from symback.render.picture import Frame, Picture, arrange
from symback.render.written_latex import WrittenSpeller
from symback.spell import latex

HIDDEN = ("shape", "adjoint", "adjoint-value")
INK = 'rgb("1f4e79")'
STYLES = {
    "given": f"stroke: 0.5pt + {INK}.lighten(40%), fill: {INK}.lighten(92%), radius: 5pt",
    "node": f"stroke: 0.7pt + {INK}, fill: white, radius: 1.5pt",
    "output": f"stroke: 1.8pt + {INK}, fill: white, radius: 1.5pt",
}
SIZE = 8.0  # pt, of the type on the cards
MAX_WIDTH = 24.0  # em, of a formula on a card; a longer one is made smaller
GAP = (12.0, 24.0)  # pt
MARGIN = 5.0


def typst_graph(
    derivation: Derivation,
    width: float,
    height: float,
    names: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The picture as Typst markup, no larger than `width` and `height` in pt."""
    return _Graph(draw(derivation), names).picture(width, height)


class _Graph:
    def __init__(self, drawing: Drawing, names: Mapping[str, str]) -> None:
        self.drawing = drawing
        self.names = names
        self.rows = {
            card.key: [self._row(row) for row in rows(card, HIDDEN)] for card in drawing.cards
        }

    def picture(self, width: float, height: float) -> str:
        sizes = {card.key: self._size(card) for card in self.drawing.cards}
        picture = arrange(self.drawing, sizes, gap=GAP)
        scale = min(1.0, width / picture.width, height / picture.height)
        body = "\n".join([*self._arrows(picture), *self._cards(picture)])
        box = f"box(width: {picture.width:.1f}pt, height: {picture.height:.1f}pt)[\n{body}\n]"
        if scale < 1:
            box = f"scale(x: {scale:.1%}, y: {scale:.1%}, reflow: true, {box})"
        return f"#align(center)[#{{set text(size: {SIZE}pt); {box}}}]"

    # --- cards ---------------------------------------------------------------------------------

    def _row(self, row: Row) -> Formula:
        if isinstance(row, Shown):
            return Formula.of(_numbers(row))
        assert isinstance(row, Equation)
        sides = [self._latex(phrase) for phrase in (row.left, row.right) if phrase is not None]
        if row.written is not None:
            sides[-1] = WrittenSpeller(self.names, self.drawing.is_scalar)(parse(row.written))
        return Formula.of(("" if row.left is not None else "= ") + " = ".join(sides))

    def _latex(self, phrase: Phrase) -> str:
        drawing = self.drawing
        return latex(phrase, self.names, output=drawing.output, index_base=drawing.index_base)

    def _size(self, card: Card) -> tuple[float, float]:
        lines = self.rows[card.key]
        width = max(min(line.width, MAX_WIDTH) for line in lines) * SIZE
        return max(width, 14.0) + 2 * MARGIN, sum(map(_height, lines)) + 1.4 * MARGIN

    def _cards(self, picture: Picture) -> Iterator[str]:
        for card in self.drawing.cards:
            frame = picture.frames[card.key]
            lines = r" \ ".join(map(_line, self.rows[card.key]))
            inside = f"align(center + horizon)[{lines}]"
            size = f"width: {frame.width:.1f}pt, height: {frame.height:.1f}pt"
            style = STYLES.get(card.kind, STYLES["node"])
            yield _placed(frame, f"rect({size}, inset: 1pt, {style}, {inside})")

    # --- arrows --------------------------------------------------------------------------------

    def _arrows(self, picture: Picture) -> Iterator[str]:
        for points in picture.routes.values():
            yield f"#place(curve(stroke: 0.6pt + {INK}, {', '.join(_path(points))}))"
            (x, y), back = points[-1], points[-2]
            up = 4 if back[1] <= y else -4
            head = f"({x - 2:.1f}pt, {y - up:.1f}pt), ({x + 2:.1f}pt, {y - up:.1f}pt)"
            yield f"#place(polygon(fill: {INK}, ({x:.1f}pt, {y:.1f}pt), {head}))"


def _line(line: Formula) -> str:
    written = f"${line.typst}$"
    if line.width <= MAX_WIDTH:
        return written
    scale = f"{MAX_WIDTH / line.width:.1%}"
    return f"#scale(x: {scale}, y: {scale}, reflow: true)[#box[{written}]]"


def _height(line: Formula) -> float:
    return max((node.height for node in line.nodes), default=1.0) * 1.35 * SIZE + 2.0


def _numbers(row: Shown) -> str:
    if row.scalar:
        return _number(row.cells[0][0])
    if row.column:
        return f"({', '.join(map(_number, row.cells[0]))})"
    inside = r" \\ ".join(" & ".join(map(_number, cells)) for cells in row.cells)
    return rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}"


def _number(cell: str) -> str:
    if cell == DOTS:
        return r"\cdots"
    mantissa, e, exponent = cell.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else cell


def _placed(frame: Frame, content: str) -> str:
    return f"#place(dx: {frame.left:.1f}pt, dy: {frame.top:.1f}pt, {content})"


def _path(points: Sequence[Point]) -> Iterator[str]:
    """A smooth path: straight where it is vertical, else it leaves and arrives vertically."""
    yield f"curve.move({_point(points[0])})"
    for (x1, y1), (x2, y2) in pairwise(points):
        if x1 == x2 or y1 == y2:
            yield f"curve.line({_point((x2, y2))})"
        else:
            middle = (y1 + y2) / 2
            first, second = _point((x1, middle)), _point((x2, middle))
            yield f"curve.cubic({first}, {second}, {_point((x2, y2))})"


def _point(point: Point) -> str:
    return f"({point[0]:.1f}pt, {point[1]:.1f}pt)"
