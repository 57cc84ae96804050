"""A drawing as SVG: one file, no scripts, no fonts of its own; it follows light and dark."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.layout import Point
from symback.render.cards import (
    Row,
    Shown,
    Words,
    checked_parts,
    equation_lines,
    name_of,
    plain,
    rows,
    spoken,
)
from symback.render.picture import Frame, Picture, arrange

SMALLEST = 0.62  # how small a picture may become on a page
FONT = 14.0  # px
SMALL = 12.0
FAMILY = "'STIX Two Text', 'Cambria Math', Cambria, 'DejaVu Serif', 'Times New Roman', serif"
_LINE = 20.0
_CELL = 17.0
_PADDING = (14.0, 9.0)
_GAP = (28.0, 52.0)
_MARGIN = 20.0
_TITLE = 34.0
_LEGEND = 34.0
_CUT = 9.0  # of the corners of an adjoint's card

#: (light, dark)
_COLOURS = {
    "paper": ("#ffffff", "#14181d"),
    "text": ("#16202b", "#e8edf2"),
    "quiet": ("#5b6875", "#9aa7b4"),
    "ink": ("#1f4e79", "#7db4e6"),
    "card": ("#ffffff", "#1b2129"),
    "given": ("#eef3f8", "#202934"),
    "gradient": ("#b45309", "#f0a65a"),
    "back": ("#fff6ea", "#2b2218"),
}


@dataclass(frozen=True)
class _Line:
    """A line of a card: text, which begins with `bold`, or rows of numbers between brackets."""

    style: str
    width: float
    height: float
    text: str = ""
    cells: tuple[tuple[str, ...], ...] = ()
    columns: tuple[float, ...] = ()
    bold: str = ""


def to_svg(
    what: Derivation | Drawing,
    *,
    backward: bool = False,
    fold: bool = False,
    hide: Collection[str] = (),
) -> str:
    """The picture as an SVG document.

    Args:
        backward, fold: what to draw of a derivation, as for :func:`symback.drawing.draw`.
        hide: parts of cards, of "formula", "shape", "value", "adjoint", "adjoint-value".
    """
    return picture_of(what, backward=backward, fold=fold, hide=hide).document()


def picture_of(
    what: Derivation | Drawing, *, backward: bool, fold: bool, hide: Collection[str]
) -> Svg:
    """The same before it is written."""
    drawing = draw(what, backward=backward, fold=fold) if isinstance(what, Derivation) else what
    return Svg(drawing, hide)


class Svg:
    """A drawing laid out in pixels.

    Attributes:
        width, height: of the picture, margins included.
    """

    def __init__(
        self, drawing: Drawing, hide: Collection[str] = (), *, embedded: bool = False
    ) -> None:
        """`embedded`: as a part of a page, without title and legend."""
        self.drawing = drawing
        self.embedded = embedded
        hidden = checked_parts(hide)
        self.lines = {card.key: self._lines(rows(card, hidden)) for card in drawing.cards}
        sizes = {card.key: self._size(card) for card in drawing.cards}
        self.picture: Picture = arrange(drawing, sizes, gap=_GAP)
        self.kinds = dict.fromkeys(arrow.kind for arrow in drawing.arrows)
        self.legend = [] if embedded else self._legend_entries()
        self.top = _MARGIN + (0 if embedded else _TITLE)
        inner = max(self.picture.width, self._legend_width())
        inner = max(inner, 0 if embedded else text_width(drawing.title, FONT + 4))
        self.left = _MARGIN + (inner - self.picture.width) / 2
        self.width = inner + 2 * _MARGIN
        self.height = self.top + self.picture.height + _MARGIN + (_LEGEND if self.legend else 0)

    # --- the document --------------------------------------------------------------------------

    def document(self) -> str:
        """A file of its own."""
        title = xml(self.drawing.title)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" '
            f'height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f'role="img" aria-label="{title}">',
            f"<title>{title}</title>",
            f"<style>{style_sheet()}</style>",
            '<rect class="paper" width="100%" height="100%"/>',
            f'<text class="title" x="{self.width / 2:.1f}" y="{_MARGIN + 16:.0f}">{title}</text>',
            self.body(),
            *self._legend_marks(),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def inline(self) -> str:
        """An element of a page; the page's style sheet holds `style_sheet`."""
        return (
            f'<svg class="graph" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f'width="{self.width:.0f}" height="{self.height:.0f}" '
            f'style="min-width:{self.width * SMALLEST:.0f}px" role="group" '
            f'aria-label="computation graph">\n{self.body()}\n</svg>'
        )

    def body(self) -> str:
        """Arrowheads, arrows, cards."""
        parts = [_MARKERS, f'<g transform="translate({self.left:.1f} {self.top:.1f})">']
        parts += self._arrows()
        parts += (self._card(number, card) for number, card in enumerate(self.drawing.cards))
        return "\n".join([*parts, "</g>"])

    def _arrows(self) -> Iterator[str]:
        order = {card.key: number for number, card in enumerate(self.drawing.cards)}
        for arrow, points in self.picture.routes.items():
            yield (
                f'<path class="{arrow.kind}" data-tail="{order[arrow.tail]}" '
                f'data-head="{order[arrow.head]}" marker-end="url(#{arrow.kind}-end)" '
                f'd="{_path(points)}"/>'
            )

    # --- cards ---------------------------------------------------------------------------------

    def _lines(self, its: Iterable[Row]) -> list[_Line]:
        return [line for row in its for line in self._lines_of(row)]

    def _lines_of(self, row: Row) -> Iterator[_Line]:
        style = "adjoint" if row.part.startswith("adjoint") else row.part
        if isinstance(row, Words):
            yield _Line("shape", text_width(row.text, SMALL), _CELL, row.text)
        elif isinstance(row, Shown) and (row.scalar or row.column):
            text = plain(row).replace("-", "−")
            yield _Line(f"number {style}", text_width(text, SMALL), _CELL, text)
        elif isinstance(row, Shown):
            yield _matrix(row, style)
        else:
            for number, text in enumerate(equation_lines(self.drawing, row)):
                bold = "" if number or row.part != "formula" else name_of(self.drawing, row)
                width = text_width(text, FONT) + text_width(bold, FONT) * 0.15
                yield _Line(f"formula {style}", width, _LINE, text, bold=bold)

    def _size(self, card: Card) -> tuple[float, float]:
        lines = self.lines[card.key]
        pad_x, pad_y = _PADDING
        width = max(line.width for line in lines) + 2 * pad_x
        height = sum(line.height for line in lines) + 2 * pad_y
        if self._divided(card):
            height += 8
        return max(width, 46.0), height

    def _divided(self, card: Card) -> bool:
        """Whether a line is drawn between value and adjoint."""
        styles = [line.style for line in self.lines[card.key]]
        return any("adjoint" in style for style in styles) and card.kind != "gradient"

    def _card(self, number: int, card: Card) -> str:
        frame = self.picture.frames[card.key]
        label = xml(spoken(self.drawing, card))
        hint = "" if self.embedded else f"<title>{label}</title>"
        focus = ' tabindex="0"' if self.embedded else ""
        again = " again" if card.again else ""
        parts = [
            f'<g class="card {card.kind}{again}" id="card-{number}" data-card="{number}" '
            f'role="img" aria-label="{label}"{focus}>{hint}',
            *_outline(card, frame),
        ]
        y = frame.top + _PADDING[1]
        below = False
        for line in self.lines[card.key]:
            if not below and "adjoint" in line.style and self._divided(card):
                y += 4
                parts.append(
                    f'<path class="divide" d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}"/>'
                )
                y += 4
                below = True
            parts += _line(line, frame, y)
            y += line.height
        return "\n".join([*parts, "</g>"])

    # --- the legend ----------------------------------------------------------------------------

    def _legend_entries(self) -> list[tuple[str, str]]:
        words = {
            "forward": "values, forward",
            "gradient": "gradients, backward",
            "use": "a value used in a gradient",
        }
        found: list[tuple[str, str]] = [(kind, words[kind]) for kind in words if kind in self.kinds]
        return found if len(found) > 1 else []

    def _legend_width(self) -> float:
        return sum(70 + text_width(words, SMALL) for _, words in self.legend)

    def _legend_marks(self) -> Iterator[str]:
        x = (self.width - self._legend_width()) / 2
        y = self.height - _MARGIN
        for kind, words in self.legend:
            yield (
                f'<path class="{kind}" marker-end="url(#{kind}-end)" '
                f'd="M{x:.1f} {y - 4:.1f}h32"/>'
                f'<text class="shape" style="text-anchor:start" x="{x + 44:.1f}" y="{y:.1f}">'
                f"{words}</text>"
            )
            x += 70 + text_width(words, SMALL)


# --- pieces --------------------------------------------------------------------------------------


def _matrix(row: Shown, style: str) -> _Line:
    most = max(map(len, row.cells))
    columns = tuple(
        max((text_width(cells[k], SMALL) for cells in row.cells if k < len(cells)), default=0.0)
        for k in range(most)
    )
    width = sum(columns) + 10 * (len(columns) - 1) + 14
    height = _CELL * len(row.cells) + 6
    return _Line(f"number {style}", width, height, cells=row.cells, columns=columns)


def _line(line: _Line, frame: Frame, y: float) -> Iterator[str]:
    if not line.cells:
        base = y + line.height - 5
        text = xml(line.text)
        if line.bold:
            rest = line.text[len(line.bold) :]
            text = f'<tspan class="name">{xml(line.bold)}</tspan>{xml(rest)}'
        yield f'<text class="{line.style}" x="{frame.x:.1f}" y="{base:.1f}">{text}</text>'
        return
    left, right = frame.x - line.width / 2, frame.x + line.width / 2
    top, bottom = y + 2, y + line.height - 2
    yield (
        f'<path class="bracket {line.style}" d="M{left + 4:.1f} {top:.1f}h-4V{bottom:.1f}h4'
        f'M{right - 4:.1f} {top:.1f}h4V{bottom:.1f}h-4"/>'
    )
    for number, cells in enumerate(line.cells):
        base = top + _CELL * (number + 1) - 4
        x = left + 7
        for cell, column in zip(cells, line.columns, strict=False):
            x += column
            text = xml(cell.replace("-", "−"))
            yield f'<text class="cell {line.style}" x="{x:.1f}" y="{base:.1f}">{text}</text>'
            x += 10


def _outline(card: Card, frame: Frame) -> Iterator[str]:
    """Given: round ends. Node: a rectangle. Output: a double one. Adjoint: cut corners."""
    box = f'x="{frame.left:.1f}" y="{frame.top:.1f}" width="{frame.width:.1f}"'
    box += f' height="{frame.height:.1f}"'
    if card.kind == "gradient":
        w, h = frame.width - 2 * _CUT, frame.height - 2 * _CUT
        yield (
            f'<path class="shape-of" d="M{frame.left + _CUT:.1f} {frame.top:.1f}h{w:.1f}'
            f"l{_CUT} {_CUT}v{h:.1f}l{-_CUT} {_CUT}h{-w:.1f}l{-_CUT} {-_CUT}v{-h:.1f}"
            f'l{_CUT} {-_CUT}z"/>'
        )
        return
    radius = min(frame.height / 2, 18) if card.kind == "given" else 3
    yield f'<rect class="shape-of" rx="{radius:.1f}" {box}/>'
    if card.kind == "output":
        inner = (
            f'x="{frame.left + 3:.1f}" y="{frame.top + 3:.1f}" width="{frame.width - 6:.1f}" '
            f'height="{frame.height - 6:.1f}"'
        )
        yield f'<rect class="inner" rx="1" {inner}/>'


def _path(points: Sequence[Point]) -> str:
    """Straight where it is vertical or level, else it leaves and arrives vertically."""
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        if abs(x1 - x2) < 0.05 or abs(y1 - y2) < 0.05:
            text += f"L{x2:.1f} {y2:.1f}"
        else:
            middle = (y1 + y2) / 2
            text += f"C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
    return text


def xml(text: str) -> str:
    """Text for XML and HTML: escaped, and without the characters that neither may hold.

    >>> xml("<script>&\\x00")
    '&lt;script&gt;&amp;�'
    """
    allowed = (
        char if char in "\t\n" or unicodedata.category(char) not in _FORBIDDEN else "\ufffd"
        for char in text
    )
    return escape("".join(allowed))


_FORBIDDEN = frozenset({"Cc", "Cs", "Cn", "Co", "Cf"})
_NARROW = frozenset("iljtfrI.,:;|()[]'′!/ ‖")
_WIDE = frozenset("mwMW⊙⊘⊗…∂∑∏")


def text_width(text: str, size: float) -> float:
    """About how wide a text is, rather too wide, in the serif fonts that people have."""
    return size * sum(map(_em, text))


def _em(char: str) -> float:
    category = unicodedata.category(char)
    if category == "Mn":
        return 0.0
    if char in _NARROW:
        return 0.38
    if char in _WIDE:
        return 0.92
    if category in ("Lm", "No"):  # superscripts and subscripts
        return 0.42
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if category in ("Lu", "Sm"):
        return 0.80
    return 0.62


_MARKERS = """<defs>
<marker id="forward-end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" \
markerUnits="userSpaceOnUse" orient="auto"><path class="forward-head" d="M0 1L10 5L0 9z"/></marker>
<marker id="gradient-end" viewBox="0 0 14 10" refX="13" refY="5" markerWidth="14" \
markerHeight="10" markerUnits="userSpaceOnUse" orient="auto">\
<path class="gradient-head" d="M1 5L7 1L13 5L7 9z"/></marker>
<marker id="use-end" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" \
markerUnits="userSpaceOnUse" orient="auto"><circle class="use-head" cx="4" cy="4" r="3"/></marker>
</defs>"""

_RULES = """
.paper{fill:PAPER}
text{font-family:FAMILY;font-size:14px;fill:TEXT;text-anchor:middle}
text.title{font-size:18px}
tspan.name{font-weight:bold}
text.shape{font-size:12px;fill:QUIET}
text.number{font-size:12px}
text.cell{text-anchor:end}
text.adjoint{fill:GRADIENT}

.card.gradient text.formula,.card.gradient text.number{fill:GRADIENT}
.shape-of{fill:CARD;stroke:INK;stroke-width:1.3}
.inner{fill:none;stroke:INK;stroke-width:1.1}
.given .shape-of{fill:GIVEN;stroke:QUIET;stroke-width:1}
.again .shape-of{stroke-dasharray:2 3}
.gradient .shape-of{fill:BACK;stroke:GRADIENT;stroke-dasharray:6 3}
.divide{stroke:GRADIENT;stroke-dasharray:6 3;stroke-width:1;fill:none}
.bracket{fill:none;stroke:TEXT;stroke-width:1}
.bracket.adjoint,.card.gradient .bracket{stroke:GRADIENT}
path.forward{fill:none;stroke:INK;stroke-width:1.4}
path.gradient{fill:none;stroke:GRADIENT;stroke-width:1.6;stroke-dasharray:7 4}
path.use{fill:none;stroke:GRADIENT;stroke-width:1.1;stroke-dasharray:1.5 3.5;stroke-linecap:round}
.forward-head{fill:INK}
.gradient-head{fill:PAPER;stroke:GRADIENT;stroke-width:1.4}
.use-head{fill:GRADIENT}
"""


def style_sheet() -> str:
    """The colours, for light; and for dark where the reader prefers it."""
    light, dark = (_coloured(_RULES, which) for which in (0, 1))
    changed = [b for a, b in zip(light.split("\n"), dark.split("\n"), strict=True) if a != b]
    return f"{light}@media screen and (prefers-color-scheme:dark){{{''.join(changed)}}}"


def _coloured(rules: str, which: int) -> str:
    for name, pair in _COLOURS.items():
        rules = rules.replace(name.upper(), pair[which])
    return rules.replace("FAMILY", FAMILY)
