"""Where the boxes of a layered graph go: a small layout in the manner of Sugiyama.

Boxes stand in rows so that arrows point down; long arrows go through places of their own in the
rows between. Rows are ordered by barycentres until crossings get no fewer, and boxes are moved as
close to their neighbours as the distances between them allow. Units are the caller's.

>>> found = layout({"a": (10, 4), "b": (10, 4)}, [Link("a", "b")], gap=(2, 6))
>>> found.places
{'a': (5.0, 2.0), 'b': (5.0, 12.0)}
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Stop: TypeAlias = tuple[str, int]  # a box (its name, 0), or a place of a long link (its own, row)

_SWEEPS = 12  # of ordering, down and up
_SETTLING = 16  # of moving, down and up
_LANES = 0.35  # of the gap, between two long links
_STRAIGHT = 4.0  # how much more a long link wants to be straight


@dataclass(frozen=True)
class Link:
    """A link between two boxes, from top to bottom where they are in different rows.

    Attributes:
        tail_at, head_at: where it touches each box, from its middle to the right.
    """

    tail: str
    head: str
    tail_at: float = 0.0
    head_at: float = 0.0


@dataclass(frozen=True)
class Layout:
    """Where things are: x to the right, y down.

    Attributes:
        places: the middle of each box.
        routes: for each link the points it goes through, from the tail's edge to the head's.
        bands: top and bottom of each row.
        width, height: of everything.
    """

    places: dict[str, Point]
    routes: tuple[tuple[Point, ...], ...]
    bands: tuple[tuple[float, float], ...]
    width: float
    height: float


def ranks(
    boxes: Iterable[str], arrows: Iterable[tuple[str, str]], late: Collection[str] = ()
) -> dict[str, int]:
    """The row of each box, below the rows of all tails; `late` ones right above their heads.

    What has more arrows out than in, not counting late tails, stands right above its heads, too:
    long arrows get fewer. The boxes come in an order in which tails stand before heads.
    """
    below: dict[str, list[str]] = defaultdict(list)
    above: dict[str, list[str]] = defaultdict(list)
    for tail, head in arrows:
        below[tail].append(head)
        above[head].append(tail)
    row: dict[str, int] = {}
    for box in boxes:
        row[box] = max((row[tail] + 1 for tail in above[box]), default=0)
    follows = frozenset(late)
    for box in reversed(row):
        bound = sum(tail not in follows for tail in above[box])
        if below[box] and (box in follows or len(below[box]) > bound):
            row[box] = min(row[head] for head in below[box]) - 1
    return row


def layout(
    sizes: Mapping[str, tuple[float, float]],
    links: Sequence[Link],
    rows: Mapping[str, int] | None = None,
    *,
    gap: tuple[float, float],
) -> Layout:
    """Places for boxes of the given (width, height) and routes for the links between them.

    `rows` gives the row of each box; otherwise links point down. `gap` is the least distance of
    boxes beside and below each other.
    """
    if rows is None:
        rows = ranks(sizes, [(link.tail, link.head) for link in links])
    return _Layout(sizes, links, rows, gap).run()


class _Layout:
    def __init__(
        self,
        sizes: Mapping[str, tuple[float, float]],
        links: Sequence[Link],
        rows: Mapping[str, int],
        gap: tuple[float, float],
    ) -> None:
        self.sizes = sizes
        self.links = links
        self.row = rows
        self.gap_x, self.gap_y = gap
        self.chains = [self._stops(k, link) for k, link in enumerate(links)]
        self.up: dict[Stop, list[tuple[Stop, float]]] = defaultdict(list)
        self.down: dict[Stop, list[tuple[Stop, float]]] = defaultdict(list)
        for link, stops in zip(links, self.chains, strict=True):
            self._connect(link, stops)
        self.layers: list[list[Stop]] = [[] for _ in range(max(rows.values(), default=-1) + 1)]
        boxes: list[Stop] = [(box, 0) for box in sizes]
        for stop in dict.fromkeys([*boxes, *chain.from_iterable(self.chains)]):
            self.layers[self._row(stop)].append(stop)
        #: how far to the right each stop is in its row, from 0 to 1
        self.place = {stop: k / len(row) for row in self.layers for k, stop in enumerate(row)}
        self.x: dict[Stop, float] = {}

    def _row(self, stop: Stop) -> int:
        return self.row[stop[0]] if stop[0] in self.row else stop[1]

    def _stops(self, number: int, link: Link) -> list[Stop]:
        """The stops of a link, the upper box first."""
        ends = sorted((link.tail, link.head), key=lambda box: self.row[box])
        between = range(self.row[ends[0]] + 1, self.row[ends[1]])
        return [(ends[0], 0), *((f"\0{number}", row) for row in between), (ends[1], 0)]

    def _connect(self, link: Link, stops: list[Stop]) -> None:
        """Neighbours, and how far to the right of the one the other would like to stand."""
        if self.row[link.tail] == self.row[link.head]:
            return
        at = {(link.tail, 0): link.tail_at, (link.head, 0): link.head_at}
        for upper, lower in pairwise(stops):
            shift = at.get(upper, 0.0) - at.get(lower, 0.0)
            self.down[upper].append((lower, -shift))
            self.up[lower].append((upper, shift))

    def run(self) -> Layout:
        self._order()
        self._settle()
        return self._result()

    # --- the order in each row -----------------------------------------------------------------

    def _order(self) -> None:
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            downwards = sweep % 2 == 0
            near = self.up if downwards else self.down
            for layer in self.layers if downwards else reversed(self.layers):
                self._sort(layer, near)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _sort(self, layer: list[Stop], near: Mapping[Stop, list[tuple[Stop, float]]]) -> None:
        """Order a row by the middles of its neighbours; what has none keeps its place."""
        middle = {
            stop: sum(self.place[other] for other, _ in near[stop]) / len(near[stop])
            for stop in layer
            if near.get(stop)
        }
        layer.sort(key=lambda stop: middle.get(stop, self.place[stop]))
        self.place |= {stop: k / len(layer) for k, stop in enumerate(layer)}

    def _crossings(self) -> int:
        count = 0
        for upper, lower in pairwise(self.layers):
            place = {stop: k for k, stop in enumerate(lower)}
            seen: list[int] = []
            for stop in upper:
                ends = sorted(place[other] for other, _ in self.down[stop])
                count += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    # --- places --------------------------------------------------------------------------------

    def _width(self, stop: Stop) -> float:
        return self.sizes[stop[0]][0] if stop[0] in self.sizes else 0.0

    def _apart(self, left: Stop, right: Stop) -> float:
        """The least distance of two middles; links may run closer together than boxes stand."""
        lanes = (left[0] not in self.sizes) + (right[0] not in self.sizes)
        gap = self.gap_x * (1.0, 0.7, _LANES)[lanes]
        return (self._width(left) + self._width(right)) / 2 + gap

    def _settle(self) -> None:
        for layer in self.layers:
            at = 0.0
            for k, stop in enumerate(layer):
                at += self._apart(layer[k - 1], stop) if k else 0.0
                self.x[stop] = at
        for sweep in range(_SETTLING):
            last = sweep >= _SETTLING - 4
            for layer in self.layers if sweep % 2 == 0 else reversed(self.layers):
                near = [self.up, self.down] if last else [(self.up, self.down)[sweep % 2]]
                self._move(layer, near)

    def _move(
        self, layer: list[Stop], near: Sequence[Mapping[Stop, list[tuple[Stop, float]]]]
    ) -> None:
        """Move a row as close to its neighbours as the gaps allow (isotonic regression)."""
        blocks: list[list[float]] = []  # weight, weighted wish, number of stops
        offsets: list[float] = []
        at = 0.0
        for k, stop in enumerate(layer):
            if k:
                at += self._apart(layer[k - 1], stop)
            offsets.append(at)
            weight, wish = 1e-3, 1e-3 * self.x[stop]
            for sides in near:
                for other, shift in sides.get(stop, ()):
                    own = 1.0 if stop[0] in self.sizes else _STRAIGHT
                    weight += own
                    wish += own * (self.x[other] + shift)
            blocks.append([weight, wish - weight * at, 1])
            while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] > blocks[-1][1] * blocks[-2][0]:
                last = blocks.pop()
                blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
        starts = [wish / weight for weight, wish, size in blocks for _ in range(int(size))]
        for stop, start, offset in zip(layer, starts, offsets, strict=True):
            self.x[stop] = start + offset

    def _result(self) -> Layout:
        left = min((self.x[s] - self._width(s) / 2 for s in self.x), default=0.0)
        right = max((self.x[s] + self._width(s) / 2 for s in self.x), default=0.0)
        heights = [
            max((self.sizes[s[0]][1] for s in layer if s[0] in self.sizes), default=0.0)
            for layer in self.layers
        ]
        tops = [sum(heights[:k]) + k * self.gap_y for k in range(len(heights))]
        middles = [top + height / 2 for top, height in zip(tops, heights, strict=True)]
        places = {box: (self.x[box, 0] - left, middles[self.row[box]]) for box in self.sizes}
        tracks = self._tracks()
        routes = []
        for link, stops in zip(self.links, self.chains, strict=True):
            route = self._route(link, stops, places, tops, heights, left, tracks)
            routes.append(tuple(route if stops[0][0] == link.tail else reversed(route)))
        height = tops[-1] + heights[-1] if tops else 0.0
        bands = tuple((top, top + size) for top, size in zip(tops, heights, strict=True))
        return Layout(places, tuple(routes), bands, right - left, height)

    def _tracks(self) -> dict[int, Iterator[float]]:
        """For each row, how far down into the gap below it its own links run, one after another."""
        count: dict[int, int] = defaultdict(int)
        for link in self.links:
            if self.row[link.tail] == self.row[link.head]:
                count[self.row[link.tail]] += 1
        return {row: iter([(k + 1) / (n + 2) for k in range(n)]) for row, n in count.items()}

    def _route(
        self,
        link: Link,
        stops: list[Stop],
        places: Mapping[str, Point],
        tops: Sequence[float],
        heights: Sequence[float],
        left: float,
        tracks: Mapping[int, Iterator[float]],
    ) -> list[Point]:
        (upper, _), (lower, _) = stops[0], stops[-1]
        at = {link.tail: link.tail_at, link.head: link.head_at}
        x1, x2 = places[upper][0] + at[upper], places[lower][0] + at[lower]
        bottom = places[upper][1] + self.sizes[upper][1] / 2
        if self.row[upper] == self.row[lower]:  # through the gap below the row
            row = self.row[upper]
            below = tops[row] + heights[row] + next(tracks[row]) * self.gap_y
            other = places[lower][1] + self.sizes[lower][1] / 2
            return [(x1, bottom), (x1, below), (x2, below), (x2, other)]
        route = [(x1, bottom)]
        row_end = tops[self.row[upper]] + heights[self.row[upper]]
        if row_end > bottom:
            route.append((x1, row_end))
        for stop in stops[1:-1]:
            x = self.x[stop] - left
            route += [(x, tops[stop[1]]), (x, tops[stop[1]] + heights[stop[1]])]
        top = places[lower][1] - self.sizes[lower][1] / 2
        if tops[self.row[lower]] < top:
            route.append((x2, tops[self.row[lower]]))
        route.append((x2, top))
        return route
