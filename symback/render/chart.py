"""A drawing in the terminal: cards and arrows in characters, or a list where that is too wide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from rich.cells import cell_len
from rich.text import Text

from symback.derivation import Derivation
from symback.drawing import Arrow, ArrowKind, Card, CardKind, Drawing, draw
from symback.layout import Point
from symback.render.cards import checked_parts, row_lines, rows
from symback.render.digits import DOTS
from symback.render.page import FORMULA, QUIET, WARNING, Page
from symback.render.picture import Picture, arrange
from symback.spell import pretty, text

_GAP = (3.0, 3.0)
_DROPPED = ("adjoint-value", "value", "adjoint")  # what is left out first of a wide picture
_JOG = 3  # columns; an arrow that would step aside by less goes straight
UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
_JOINTS = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"
_PLAIN_JOINTS = " |||-+++-+++-+++"
_BORDERS: dict[CardKind, str] = {  # corners from the upper left on, level, upright
    "given": "╭╮╯╰─│",
    "node": "┌┐┘└─│",
    "output": "╔╗╝╚═║",
    "gradient": "┌┐┘└╌╎",
}
_PLAIN_BORDERS: dict[CardKind, str] = {
    "given": "..''-|",
    "node": "++++-|",
    "output": "####=#",
    "gradient": "****~:",
}
_HEADS: dict[ArrowKind, str] = {"forward": "▼", "gradient": "◇", "use": "•"}
_PLAIN_HEADS: dict[ArrowKind, str] = {"forward": "v", "gradient": "o", "use": "*"}

#: Where a vertical stretch of an arrow begins and ends: x above, x below, and what it is.
Stretch: TypeAlias = tuple[int, int, ArrowKind]


def chart(
    what: Derivation | Drawing,
    page: Page,
    *,
    backward: bool = False,
    fold: bool = False,
    hide: Collection[str] = (),
) -> None:
    """Print the picture; values that a gradient uses are told by its formula alone.

    Args:
        backward, fold: what to draw of a derivation, as for :func:`symback.drawing.draw`.
        hide: parts of cards, of "formula", "shape", "value", "adjoint", "adjoint-value".
    """
    drawing = draw(what, backward=backward, fold=fold) if isinstance(what, Derivation) else what
    hidden = checked_parts(hide)
    ascii_only = page.formulas.ascii
    whole = _texts(drawing, hidden, ascii_only)
    page.put(Text(drawing.title, "bold"), "")
    for dropped in range(len(_DROPPED) + 1):
        lines = _texts(drawing, hidden | set(_DROPPED[:dropped]), ascii_only)
        canvas = _Chart(drawing, lines, ascii_only)
        if canvas.width <= page.width:
            page.put(*canvas.drawn())
            break
    else:
        lines = whole
        page.put(*_listed(drawing, lines, ascii_only))
    if lines != whole:
        page.gap()
        page.remark(
            f"some numbers and gradients are left out to fit {page.width} columns; "
            "--to svg has all",
            indent=0,
        )


def _texts(drawing: Drawing, hidden: Collection[str], ascii_only: bool) -> dict[str, list[str]]:
    """The lines of each card."""
    spell = text if ascii_only else pretty
    found = {}
    for card in drawing.cards:
        lines = [line for row in rows(card, hidden) for line in row_lines(drawing, row, spell)]
        found[card.key] = [_in_ascii(line) for line in lines] if ascii_only else lines
    return found


def _in_ascii(line: str) -> str:
    return line.replace("×", " x ").replace(DOTS, "...")


class _Chart:
    """A grid of characters, each with a style."""

    def __init__(
        self, drawing: Drawing, lines: Mapping[str, Sequence[str]], ascii_only: bool
    ) -> None:
        self.drawing = drawing
        self.lines = lines
        self.borders = _PLAIN_BORDERS if ascii_only else _BORDERS
        self.heads = _PLAIN_HEADS if ascii_only else _HEADS
        self.joints = _PLAIN_JOINTS if ascii_only else _JOINTS
        sizes = {
            key: (float(max(map(cell_len, its)) + 4), float(len(its) + 2))
            for key, its in lines.items()
        }
        self.picture: Picture = arrange(drawing, sizes, gap=_GAP)
        self.width = int(self.picture.width) + 2
        self.marks: dict[tuple[int, int], tuple[str, str]] = {}
        self.links: dict[tuple[int, int], tuple[int, str]] = {}
        self.height = 0

    def drawn(self) -> Iterator[Text]:
        """The lines of the picture."""
        stretches = self._stretches()
        tracks = [_tracks(stretches[k]) for k in range(len(self.picture.bands))]
        top = 0
        for row, (start, end) in enumerate(self.picture.bands):
            height = round(end - start)
            for card in self.drawing.cards:
                frame = self.picture.frames[card.key]
                if start - 0.5 <= frame.top and frame.bottom <= end + 0.5:
                    self._card(card, round(frame.left), top + round(frame.top - start))
            self._through(row, top)
            top += height
            self._gap(stretches[row], tracks[row], top)
            top += max(tracks[row].values(), default=-1) + 3 if stretches[row] else 0
        self.height = top
        for y in range(top):
            yield self._line(y)

    def _line(self, y: int) -> Text:
        line = Text()
        skip = 0
        for x in range(self.width):
            if skip:
                skip -= 1
                continue
            sign, style = self.marks.get((x, y), ("", ""))
            if not sign and (x, y) in self.links:
                ways, style = self.links[x, y]
                sign = self.joints[ways]
            line.append(sign or " ", style)
            skip = cell_len(sign) - 1 if sign else 0
        line.rstrip()
        return line

    # --- cards ---------------------------------------------------------------------------------

    def _card(self, card: Card, left: int, top: int) -> None:
        its = self.lines[card.key]
        width = max(map(cell_len, its)) + 4
        a, b, c, d, level, upright = tuple(self.borders[card.kind])
        style = {"given": QUIET, "gradient": WARNING}.get(card.kind, "")
        bottom = top + len(its) + 1
        self._write(left, top, a + level * (width - 2) + b, style)
        self._write(left, bottom, d + level * (width - 2) + c, style)
        below = False
        for number, line in enumerate(its, start=1):
            below = below or (number > 1 and line.startswith(("∂", "d")) and "=" in line)
            room = width - 4 - cell_len(line)
            inside = WARNING if below or card.kind == "gradient" else FORMULA if number == 1 else ""
            self._write(left, top + number, upright, style)
            self._write(left + 1, top + number, " " * (room // 2 + 1), "")
            self._write(left + 2 + room // 2, top + number, line, inside)
            self._write(
                left + 2 + room // 2 + cell_len(line),
                top + number,
                " " * (room - room // 2 + 1),
                "",
            )
            self._write(left + width - 1, top + number, upright, style)

    def _write(self, x: int, y: int, line: str, style: str) -> None:
        last = None
        for char in line:
            wide = cell_len(char)
            if not wide and last is not None:  # an accent stands on the letter before it
                sign, own = self.marks[last, y]
                self.marks[last, y] = (sign + char, own)
                continue
            self.marks[x, y] = (char, style)
            last = x
            x += wide

    # --- arrows --------------------------------------------------------------------------------

    def _routes(self) -> Iterator[tuple[Arrow, list[Point]]]:
        """From top to bottom, without values used by gradients and what stays in one row."""
        for arrow, points in self.picture.routes.items():
            down = list(points) if points[0][1] <= points[-1][1] else list(reversed(points))
            if arrow.kind != "use" and down[0][1] != down[-1][1]:
                lower = arrow.head if points[0][1] <= points[-1][1] else arrow.tail
                yield arrow, self._straight(down, lower)

    def _straight(self, points: list[Point], lower: str) -> list[Point]:
        """Without a small step aside right above the lower card."""
        frame = self.picture.frames[lower]
        last = points[-1][0]
        before = next((x for x, _ in reversed(points) if x != last), last)
        meets = frame.left + 0.5 <= round(before) <= frame.right - 1.5
        if meets and abs(round(before) - round(last)) <= _JOG:
            return [(before if x == last else x, y) for x, y in points]
        return points

    def _stretches(self) -> dict[int, list[Stretch]]:
        """For each row the arrows through the gap below it."""
        found: dict[int, list[Stretch]] = defaultdict(list)
        ends = [end for _, end in self.picture.bands]
        for arrow, points in self._routes():
            for (x1, y1), (x2, y2) in pairwise(points):
                for row, end in enumerate(ends[:-1]):
                    if y1 <= end + 0.01 and y2 >= end + _GAP[1] - 0.01:
                        found[row].append((round(x1), round(x2), arrow.kind))
        return found

    def _through(self, row: int, top: int) -> None:
        """Arrows that pass a row, or go on from a card to the row's end; their heads."""
        start, end = self.picture.bands[row]
        for arrow, points in self._routes():
            style = _style(arrow.kind)
            for (x1, y1), (x2, y2) in pairwise(points):
                if x1 == x2 and start - 0.01 <= y1 and y2 <= end + 0.01:
                    for y in range(round(y1 - start), round(y2 - start)):
                        self._link(round(x1), top + y, UP | DOWN, style)

    def _gap(self, stretches: Sequence[Stretch], tracks: Mapping[int, int], top: int) -> None:
        """Arrows from one row to the next: down, level in a track of their own, down."""
        depth = max(tracks.values(), default=-1) + 3
        for number, (x1, x2, kind) in enumerate(stretches):
            style = _style(kind)
            turn = top + 1 + tracks[number] if number in tracks else top + depth
            for y in range(top, min(turn, top + depth)):
                self._link(x1, y, UP | DOWN, style)
            if x1 != x2:
                away, back = (RIGHT, LEFT) if x1 < x2 else (LEFT, RIGHT)
                self._link(x1, turn, UP | away, style)
                for x in range(min(x1, x2) + 1, max(x1, x2)):
                    self._link(x, turn, LEFT | RIGHT, style)
                self._link(x2, turn, DOWN | back, style)
                for y in range(turn + 1, top + depth):
                    self._link(x2, y, UP | DOWN, style)
            head = top + depth - 1 if kind == "forward" else top
            at = x2 if kind == "forward" else x1
            self.marks[at, head] = (self.heads[kind], style)

    def _link(self, x: int, y: int, ways: int, style: str) -> None:
        known, own = self.links.get((x, y), (0, style))
        self.links[x, y] = (known | ways, own)


def _style(kind: ArrowKind) -> str:
    return "" if kind == "forward" else WARNING


def _tracks(stretches: Iterable[Stretch]) -> dict[int, int]:
    """A track for each arrow that goes sideways, so that no two share a stretch of it."""
    found: dict[int, int] = {}
    taken: list[list[tuple[int, int]]] = []
    order = sorted(enumerate(stretches), key=lambda one: abs(one[1][0] - one[1][1]))
    for number, (x1, x2, _) in order:
        if x1 == x2:
            continue
        low, high = min(x1, x2), max(x1, x2)
        free = (k for k, spans in enumerate(taken) if all(high < a or b < low for a, b in spans))
        track = next(free, len(taken))
        if track == len(taken):
            taken.append([])
        taken[track].append((low, high))
        found[number] = track
    return found


# --- as a list -----------------------------------------------------------------------------------


def _listed(
    drawing: Drawing, lines: Mapping[str, Sequence[str]], ascii_only: bool
) -> Iterator[Text]:
    """Every card with what it comes from, for pictures that are too wide."""
    arrow = "<-" if ascii_only else "←"
    names = {card.key: card for card in drawing.cards}
    spell = text if ascii_only else pretty
    for card in drawing.cards:
        sources = [
            spell(names[a.tail].symbol, output=drawing.output, index_base=drawing.index_base)
            for a in drawing.arrows
            if a.head == card.key
        ]
        first, *rest = lines[card.key]
        style = WARNING if card.kind == "gradient" else FORMULA
        head = Text(first, style)
        if sources:
            head.append(f"   {arrow} {', '.join(sources)}", QUIET)
        yield head
        for line in rest:
            yield Text(f"    {line}")
