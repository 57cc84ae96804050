"""A page in the terminal: headings, formulas beside their numbers, notes.

Everything is put together as lines of known width, so that the same page comes out in a terminal,
in a pipe and without colour. Colour only repeats what position and words say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import TextWrapper

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from symback.graph import Shape
from symback.render.boxes import Box, beside, flowing, indented, line
from symback.render.formulas import Formulas, wrapped
from symback.tensor import show_size

HEADING = "bold"
FORMULA = "cyan"
NAME = "bold cyan"
NUMBER = ""
QUIET = "dim"
GOOD = "green"
WARNING = "yellow"

INDENT = 2
LABEL = 11  # width of the words before a formula
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
        for one in _lines(words, self.width - indent):
            self.put(Text(" " * indent + one, style))

    def prose(self, text: str, *, indent: int = INDENT) -> None:
        """Paragraphs and lists as one writes them in plain text, filled anew."""
        for part in re.split(r"\n(?:\s*\n)*(?=\s*\n|- )|\n\s*\n", text):
            words = " ".join(part.split())
            if words.startswith("- "):
                mark = "-" if self.formulas.ascii else "•"
                self.bullet(words[2:], mark=mark, indent=indent)
            elif words:
                self.paragraph(words, indent=indent)

    def bullet(self, words: str, *, mark: str, style: str = "", indent: int = INDENT) -> None:
        """Prose behind a mark, which hangs out."""
        inner = indent + len(mark) + 1
        for number, one in enumerate(_lines(words, self.width - inner) or [""]):
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

    def row(self, boxes: Iterable[Box], indent: int = INDENT) -> None:
        """Boxes beside each other."""
        self.box(beside(boxes), indent)

    def entry(self, name: str, words: str, longest: int) -> None:
        """A line of a list: a name, and beside it some words."""
        inner = INDENT + longest + 2
        lines = _lines(words, self.width - inner) or [""]
        self.put(Text.assemble(" " * INDENT, (name.ljust(longest), NAME), "  ", lines[0]))
        self.put(*(" " * inner + rest for rest in lines[1:]))

    def remark(self, words: str, indent: int = 2 * INDENT) -> None:
        """A quiet sentence."""
        self.bullet(words, mark="-" if self.formulas.ascii else "·", style=QUIET, indent=indent)

    def verdict(self, words: str, *, ok: bool, indent: int = 0) -> None:
        """A sentence with a tick, or with a warning sign."""
        tick = "ok" if self.formulas.ascii else "✓"
        self.bullet(words, mark=tick if ok else "!", style=GOOD if ok else WARNING, indent=indent)

    def through(self, words: str, formula: str, quiet: str, indent: int) -> None:
        """Words, a formula behind them, and what to say about it at the end or below."""
        start = f"{words} "
        lines = wrapped(formula, self.width - indent - len(start))
        for number, part in enumerate(lines):
            text = Text(" " * indent)
            text.append(start if not number else " " * len(start), QUIET)
            text.append(part)
            last = number == len(lines) - 1
            if last and quiet and text.cell_len + cell_len(quiet) + 3 <= self.width:
                text.append(" " * (self.width - text.cell_len - cell_len(quiet)))
                text.append(quiet, QUIET)
                quiet = ""
            self.put(text)
        if quiet:
            self.paragraph(quiet, style=QUIET, indent=indent + INDENT)

    def shape(self, shape: Shape) -> str:
        """A shape in words: nothing for one number, a vector as a column."""
        if all(size == 1 for size in shape):
            return ""
        rows, *columns = map(show_size, shape)
        return (" x " if self.formulas.ascii else "×").join([rows, *(columns or ["1"])])

    @property
    def number_room(self) -> int:
        """How wide a number may be that stands beside or below its formula."""
        return self.width - 3 * INDENT - LABEL

    def pair(
        self, label: str, left: Sequence[str], right: Box | None, indent: int, style: str = QUIET
    ) -> None:
        """A label, formulas and their number beside them; below where there is no room."""
        start = indent + cell_len(label)
        column = max(int(self.width * _SYMBOLS_PART), start + LABEL)
        longest = max((cell_len(one) for one in left), default=0)
        fits = right is not None and right.width <= self.width - column
        if right is not None and not fits:  # a short formula leaves more room
            column = self.width - right.width
            fits = start + longest + 2 <= column
        whole = self.width - start
        beside_it = [part for one in left for part in wrapped(one, column - start - 2)]
        below_it = [part for one in left for part in wrapped(one, whole)]
        fits = fits and len(beside_it) <= len(below_it)
        parts = beside_it if fits else below_it
        formula = Box(tuple(Text(part, FORMULA) for part in parts))
        row = [line(Text(label, style)), formula]
        if right is None:
            self.row(row, indent)
        elif fits:
            first = Box(right.lines, right.base if formula.height == 1 else 0)
            gap = max(column - start - formula.width, 2)
            self.row([*row, line(" " * gap), first], indent)
        else:
            self.row(row, indent)
            self.box(right, start if label else start + INDENT)


def _lines(words: str, width: int) -> list[str]:
    """Prose in lines, broken at spaces only."""
    return TextWrapper(width, break_on_hyphens=False).wrap(words)
