"""A page in the terminal: headings, formulas beside their numbers, notes.

Everything is put together as lines of known width, so that the same page comes out in a terminal,
in a pipe and without colour. Colour only repeats what position and words say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from symback.render.boxes import Box, beside, flowing, indented, line
from symback.render.formulas import Formulas, wrapped

HEADING = "bold"
FORMULA = "cyan"
NAME = "bold cyan"
NUMBER = ""
QUIET = "dim"
GOOD = "green"
WARNING = "yellow"

INDENT = 2
MAX_WIDTH = 120  # lines that are longer are hard to read
MIN_WIDTH = 40
_SYMBOLS_PART = 0.56  # of the width, for the column of formulas


class Page:
    """Where a story is printed.

    Attributes:
        formulas: how formulas are written.
        width: of a line.
    """

    def __init__(self, console: Console, formulas: Formulas) -> None:
        self.console = console
        self.formulas = formulas
        self.width = max(min(console.width, MAX_WIDTH), MIN_WIDTH)
        self.rule_sign = "-" if formulas.ascii else "─"

    def put(self, *texts: Text | str) -> None:
        """Lines as they are; nothing is wrapped or highlighted."""
        for text in texts:
            self.console.print(text, soft_wrap=True, highlight=False, markup=False)

    def gap(self) -> None:
        self.put("")

    def box(self, box: Box, indent: int = INDENT) -> None:
        self.put(*indented(box, indent).lines)

    def heading(self, words: str, quiet: str = "") -> None:
        """A section's heading, a rule behind it, and at its end a word about it."""
        self.gap()
        rest = self.width - len(words) - 1 - (len(quiet) + 1 if quiet else 0)
        text = Text(words, HEADING)
        text.append(f" {self.rule_sign * max(rest, 1)}", QUIET)
        if quiet:
            text.append(f" {quiet}", QUIET)
        self.put(text)

    def paragraph(self, words: str, *, style: str = "", indent: int = INDENT) -> None:
        """Prose, wrapped."""
        for part in words.splitlines():
            for one in wrap(part, self.width - indent) or [""]:
                self.put(Text(" " * indent + one, style))

    def bullet(self, words: str, *, mark: str, style: str = "", indent: int = INDENT) -> None:
        """Prose behind a mark, which hangs out."""
        inner = indent + len(mark) + 1
        for number, one in enumerate(wrap(words, self.width - inner) or [""]):
            before = f"{' ' * indent}{mark} " if not number else " " * inner
            self.put(Text(before + one, style))

    def flow(self, boxes: Iterable[Box]) -> None:
        """Boxes in rows."""
        for row in flowing(boxes, self.width - INDENT):
            self.box(row)

    def formula(self, left: str, right: str, *, indent: int = INDENT, quiet: str = "") -> None:
        """`left = right`, the right side wrapped below itself; a quiet word at the end."""
        start = f"{left} = " if left else ""
        room = self.width - indent - len(start)
        for number, part in enumerate(wrapped(right, room)):
            text = Text(" " * indent)
            text.append(start if not number else " " * len(start), NAME if left else "")
            text.append(part, FORMULA)
            if not number and quiet and text.cell_len + len(quiet) + 2 <= self.width:
                text.append(" " * (self.width - text.cell_len - len(quiet)))
                text.append(quiet, QUIET)
            self.put(text)

    def pair(self, label: str, left: Sequence[str], right: Box | None, indent: int) -> None:
        """A label, a formula and its number beside it; below it where both are wide."""
        label_box = line(Text(label, QUIET))
        column = max(int(self.width * _SYMBOLS_PART), indent + len(label) + 8)
        room = column - indent - len(label) - 2
        whole = self.width - indent - len(label)
        beside_each_other = right is not None and right.width <= self.width - column
        parts = [p for one in left for p in wrapped(one, room if beside_each_other else whole)]
        if beside_each_other and len(parts) > len([p for p in left if p]) and right is not None:
            beside_each_other = False
            parts = [p for one in left for p in wrapped(one, whole)]
        formula = Box(tuple(Text(part, FORMULA) for part in parts))
        if right is None:
            self.box(beside([label_box, formula]), indent)
        elif beside_each_other:
            padding = " " * max(column - indent - len(label) - formula.width, 2)
            self.box(beside([label_box, formula, line(padding), right]), indent)
        else:
            self.box(beside([label_box, formula]), indent)
            self.box(right, indent + len(label))
