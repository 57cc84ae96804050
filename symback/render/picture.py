"""A drawing with its layout: where each card and each arrow goes, in the units of a format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from symback.drawing import Arrow, Drawing, gradient_key
from symback.layout import Link, Point, layout

_NEAR = 1e-9
_PORTS = 0.8  # of a card's side, for the arrows that touch it


@dataclass(frozen=True)
class Frame:
    """A rectangle: its middle and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Picture:
    """Where things are; y points down.

    Attributes:
        frames: of each card by its key.
        routes: the points of each arrow, from tail to head; between two points on one vertical
            line it is straight, else it leaves and arrives vertically.
        bands: top and bottom of each row of cards.
    """

    frames: Mapping[str, Frame]
    routes: Mapping[Arrow, tuple[Point, ...]]
    bands: tuple[tuple[float, float], ...]
    width: float
    height: float


def arrange(
    drawing: Drawing, sizes: Mapping[str, tuple[float, float]], *, gap: tuple[float, float]
) -> Picture:
    """A picture of cards of the given sizes. A node and its adjoint stand side by side."""
    return _Arranger(drawing, sizes, gap).picture()


class _Arranger:
    def __init__(
        self,
        drawing: Drawing,
        sizes: Mapping[str, tuple[float, float]],
        gap: tuple[float, float],
    ) -> None:
        self.drawing = drawing
        self.sizes = sizes
        self.gap = gap
        self.between = gap[0]  # a node and its adjoint
        rows = drawing.rows
        self.cell: dict[str, str] = {}
        self.cells: dict[str, tuple[float, float]] = {}
        self.shift: dict[str, float] = {}
        self.rows: dict[str, int] = {}
        for card in drawing.cards:
            if card.kind != "gradient":
                self._pair(card.key, gradient_key(card.name), rows[card.key])
        for card in drawing.cards:
            if card.key not in self.cell:
                self._single(card.key)

    def _pair(self, key: str, partner: str, row: int) -> None:
        """A cell for a card, with that of its adjoint on its right if there is one."""
        width, height = self.sizes[key]
        self.cell[key], self.shift[key] = key, 0.0
        if partner in self.sizes and partner not in self.cell:
            other = self.sizes[partner]
            whole = width + self.between + other[0]
            self.cell[partner] = key
            self.shift[key] = (width - whole) / 2
            self.shift[partner] = (whole - other[0]) / 2
            width, height = whole, max(height, other[1])
        self.cells[key] = (width, height)
        self.rows[key] = row

    def _single(self, key: str) -> None:
        """A cell for an adjoint whose node is left out: above what it comes from."""
        sources = [a.tail for a in self.drawing.arrows if a.head == key and a.kind == "gradient"]
        rows = [self.rows[self.cell[tail]] for tail in sources if tail in self.cell]
        self.cell[key], self.shift[key] = key, 0.0
        self.cells[key] = self.sizes[key]
        self.rows[key] = max(min(rows, default=1) - 1, 0)

    def picture(self) -> Picture:
        arrows = [a for a in self.drawing.arrows if self.cell[a.tail] != self.cell[a.head]]
        links = [
            Link(self.cell[a.tail], self.cell[a.head], self.shift[a.tail], self.shift[a.head])
            for a in arrows
        ]
        found = layout(self.cells, links, self.rows, gap=self.gap)
        frames = {}
        for key, (width, height) in self.sizes.items():
            x, y = found.places[self.cell[key]]
            frames[key] = Frame(x + self.shift[key], y, width, height)
        routes = _at_ports(dict(zip(arrows, found.routes, strict=True)), frames)
        for arrow in self.drawing.arrows:
            if arrow not in routes:
                routes[arrow] = _sideways(frames[arrow.tail], frames[arrow.head])
        return Picture(frames, routes, found.bands, found.width, found.height)


def _sideways(tail: Frame, head: Frame) -> tuple[Point, ...]:
    """From a card to its neighbour in the same cell."""
    if tail.x < head.x:
        return ((tail.right, tail.y), (head.left, tail.y))
    return ((tail.left, tail.y), (head.right, tail.y))


def _at_ports(
    routes: dict[Arrow, tuple[Point, ...]], frames: Mapping[str, Frame]
) -> dict[Arrow, tuple[Point, ...]]:
    """The routes with ends spread along the sides of cards, in the order of where they go."""
    sides: dict[tuple[str, bool], list[tuple[float, Arrow, bool]]] = defaultdict(list)
    for arrow, points in routes.items():
        for key, end, inner, last in (
            (arrow.tail, points[0], points[1:], False),
            (arrow.head, points[-1], points[-2::-1], True),
        ):
            towards = next((x for x, _ in inner if abs(x - end[0]) > _NEAR), end[0])
            below = inner[0][1] > end[1]
            sides[key, below].append((towards, arrow, last))
    moved = {arrow: list(points) for arrow, points in routes.items()}
    for (key, below), ends in sides.items():
        frame = frames[key]
        ends.sort(key=lambda end: end[0])
        for number, (_, arrow, last) in enumerate(ends):
            x = frame.x + frame.width * _PORTS * ((number + 0.5) / len(ends) - 0.5)
            y = frame.bottom if below else frame.top
            _shift_end(moved[arrow], x, y, last)
    return {arrow: tuple(points) for arrow, points in moved.items()}


def _shift_end(points: list[Point], x: float, y: float, last: bool) -> None:
    """Move one end of a route, and what stands straight above or below it.

    A card may be lower than what stands beside it: then the route goes on straight to its edge.
    """
    order = range(len(points) - 1, -1, -1) if last else range(len(points))
    old, edge = points[order[0]]
    for place in order[:-1] if len(points) > 2 else order[:1]:
        if abs(points[place][0] - old) > _NEAR:
            break
        points[place] = (x, points[place][1])
    if abs(edge - y) > _NEAR:
        points.insert(len(points) if last else 0, (x, y))
