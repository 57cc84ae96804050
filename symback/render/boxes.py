"""Blocks of text that stand side by side, such as a matrix between two signs.

A block has lines of equal width and a baseline: the line that is level with the text around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.text import Text

#: Opening and closing brackets: of one line; first, middle and last line.
BRACKETS = {
    "[": ("[", "⎡", "⎢", "⎣"),
    "]": ("]", "⎤", "⎥", "⎦"),
    "(": ("(", "⎛", "⎜", "⎝"),
    ")": (")", "⎞", "⎟", "⎠"),
    "‖": ("‖", "║", "║", "║"),
}


@dataclass(frozen=True)
class Box:
    """Some lines of text; `base` is the number of the line on the baseline."""

    lines: tuple[Text, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return max((line.cell_len for line in self.lines), default=0)

    @property
    def height(self) -> int:
        return len(self.lines)


def line(text: str | Text, style: str = "") -> Box:
    """A box of one line."""
    return Box((text if isinstance(text, Text) else Text(text, style),))


def beside(boxes: Iterable[Box], gap: int = 0) -> Box:
    """Boxes in a row, on one baseline."""
    row = [box for box in boxes if box.lines]
    above = max((box.base for box in row), default=0)
    below = max((box.height - box.base for box in row), default=0)
    lines = [Text() for _ in range(above + below)]
    for place, box in enumerate(row):
        first = above - box.base
        for number, target in enumerate(lines):
            if place and gap:
                target.append(" " * gap)
            own = number - first
            inside = box.lines[own] if 0 <= own < box.height else Text()
            target.append_text(inside)
            target.append(" " * (box.width - inside.cell_len))
    for target in lines:
        target.rstrip()
    return Box(tuple(lines), above)


def stacked(boxes: Iterable[Box], base: int = 0) -> Box:
    """Boxes below each other, flush left."""
    return Box(tuple(text for box in boxes for text in box.lines), base)


def indented(box: Box, by: int) -> Box:
    """A box moved to the right."""
    return Box(tuple(Text(" " * by) + text for text in box.lines), box.base)


def flowing(boxes: Iterable[Box], width: int, gap: int = 3) -> list[Box]:
    """Boxes beside each other, their first lines level, in as many rows as `width` asks for."""
    rows: list[list[Box]] = []
    used = 0
    for box in boxes:
        if rows and used + gap + box.width <= width:
            rows[-1].append(box)
            used += gap + box.width
        else:
            rows.append([box])
            used = box.width
    return [beside((Box(box.lines, 0) for box in row), gap) for row in rows]


def bracket(sign: str, height: int, *, style: str = "") -> Box:
    """A bracket as tall as its content."""
    one, first, middle, last = BRACKETS[sign]
    if height <= 1:
        return line(one, style)
    signs = [first, *[middle] * (height - 2), last]
    return Box(tuple(Text(sign, style) for sign in signs), (height - 1) // 2)


def enclosed(box: Box, left: str, right: str, style: str = "") -> Box:
    """A box in brackets of its height."""
    return beside(
        Box(side.lines, box.base) if side.height == box.height else side
        for side in (
            bracket(left, box.height, style=style),
            box,
            bracket(right, box.height, style=style),
        )
    )


def grid(rows: Sequence[Sequence[str]], *, brackets: bool = True, style: str = "") -> Box:
    """A matrix of numbers: columns aligned at the decimal point, between brackets.

    >>> print(*grid([["1", "-2.5"], ["0.25", "3"]]).lines, sep="\\n")
    ⎡1     -2.5⎤
    ⎣0.25   3  ⎦
    """
    columns = [_aligned(column) for column in zip_longest(*rows, fillvalue="")]
    lines = tuple(Text("  ".join(cells)) for cells in zip(*columns, strict=True))
    inside = Box(lines, (len(lines) - 1) // 2)
    return enclosed(inside, "[", "]", style) if brackets else inside


def _aligned(cells: Sequence[str]) -> list[str]:
    """Cells padded to one width, level at their decimal points."""
    halves = [_halves(cell) for cell in cells]
    left = max(cell_len(before) for before, _ in halves)
    right = max(cell_len(after) for _, after in halves)
    return [
        " " * (left - cell_len(before)) + before + after + " " * (right - cell_len(after))
        for before, after in halves
    ]


def _halves(cell: str) -> tuple[str, str]:
    """What stands before and from the decimal point on; dots stand in the middle of a number."""
    at = cell.find(".")
    if at < 0:
        at = len(cell)
    return cell[:at], cell[at:]
