"""Where text came from: from an offset in a string to a place that an error can show."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from symback.errors import Place

_KEEP = 200  # characters of a long line that a place carries on each side of its start


class Span(NamedTuple):
    """Offsets ``start <= offset < end`` into a text."""

    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """A whole text: a file, or (``file`` None) one that is in no file."""

    text: str
    file: str | None = None

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def place(self, start: int, end: int | None = None) -> Place:
        """The place of ``text[start:end]``; a stretch over several lines is cut at its first."""
        start = min(max(start, 0), len(self.text))
        line = bisect_right(self._line_starts, start)
        first = self._line_starts[line - 1]
        last = self.text.find("\n", start)
        last = len(self.text) if last < 0 else last
        left = max(first, start - _KEEP)
        length = max(1, min(start + 1 if end is None else end, last) - start)
        return Place(
            file=self.file,
            line=line,
            column=start - first + 1,
            text=self.text[left : min(last, start + _KEEP)],
            length=length,
            skipped=left - first,
        )

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and a column, both counted from 1."""
        starts = self._line_starts
        return min(starts[min(max(line, 1), len(starts)) - 1] + column - 1, len(self.text))


@dataclass(frozen=True)
class Source:
    """The text of an expression and, for each of its characters, where the document has it.

    ``offsets`` has one number per character and one for the end. It is empty when the text is
    the document.
    """

    text: str
    document: Document
    offsets: tuple[int, ...] = ()

    @staticmethod
    def of(text: str, file: str | None = None) -> "Source":
        """A source whose text is a document of its own."""
        return Source(text, Document(text, file))

    def place(self, start: int, end: int | None = None) -> Place:
        """The place of ``text[start:end]`` in the document."""
        end = start + 1 if end is None else end
        if not self.offsets:
            return self.document.place(start, end)
        last = len(self.text)
        first = self.offsets[min(start, last)]
        after = self.offsets[min(max(end, start + 1), last)]
        return self.document.place(first, max(after, first + 1))
