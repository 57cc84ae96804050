"""Everything symback can tell a user that went wrong: one tree of exceptions.

Each carries a message, the place in the source it is about (if there is one), a hint (what to do
next) and, by its class, the exit code of the command line::

    SymbackError                 exit code
    |-- InputError                   2     the input is at fault
    |   |-- FileProblem              2     a file that cannot be read
    |   |-- SyntaxProblem            2     text that does not follow the grammar
    |   |-- NameProblem              2     a name that is unknown, repeated, or not a name
    |   |-- ShapeError               2     shapes that do not fit; the message shows both
    |   |-- ValueProblem             2     a value that is missing or malformed
    |   |-- DomainError              2     a number outside a function's domain, such as log(0)
    |   |-- LimitError               2     larger, longer or deeper than we accept
    |   `-- CycleError               2     definitions that need each other
    |-- Unsupported                  2     a node that cannot be differentiated, and why
    |-- MissingExtra                 2     an optional package that is not installed
    |-- WrongAnswer                  1     an answer or a check is wrong
    `-- Undecided                    3     neither shown right nor shown wrong

>>> place = Place(file="net.toml", line=7, column=9, text='L = "sum(q)"', length=1)
>>> print(NameProblem("unknown name 'q'", place=place, hint="declare it under [symbols]"))
net.toml:7:9: unknown name 'q'
  L = "sum(q)"
          ^
hint: declare it under [symbols]
"""

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

_WINDOW = 120  # characters of a long source line that are shown around the caret
_SUGGEST_FROM = 2000  # names that are compared when a name is unknown
_SUGGEST_LENGTH = 64


@dataclass(frozen=True)
class Place:
    """A stretch of one line of source text.

    ``line`` and ``column`` count from 1, in characters; ``text`` is the source line, of which the
    first ``skipped`` characters may be missing (a very long line is not carried about whole).
    ``file`` is None for text that is in no file, such as an argument of the command line.
    """

    file: str | None
    line: int
    column: int
    text: str
    length: int = 1
    skipped: int = 0

    def __str__(self) -> str:
        """``file:line:column``, or ``line L, column C`` without a file."""
        if self.file is None:
            return f"line {self.line}, column {self.column}"
        return f"{visible(self.file)}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """The source line, indented by two, with carets under the stretch."""
        at = max(self.column - 1 - self.skipped, 0)
        start = max(0, at - _WINDOW // 2)
        stop = start + _WINDOW
        shown = self.text[start:stop]
        marked = shown[at - start : at - start + max(self.length, 1)]
        before = "…" if start or self.skipped else ""
        after = "…" if stop < len(self.text) else ""
        gap = " " * len(before) + "".join(_blank(char) for char in shown[: at - start])
        carets = "^" * max(sum(_width(char) for char in marked), 1)
        return f"  {before}{visible(shown)}{after}\n  {gap}{carets}"


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _blank(char: str) -> str:
    return "\t" if char == "\t" else " " * _width(char)


def visible(text: str) -> str:
    """``text`` with every control and direction character but tab and newline shown as ``�``.

    What we print may hold pieces of a stranger's file; no escape sequence in it reaches a terminal.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and char not in "\t\n"
        else char
        for char in text
    )


class SymbackError(Exception):
    """What every error of ours is: a message, a place, a hint.

    ``also`` holds further places with a word about each, such as the first of two definitions.
    ``str(error)`` is the whole report, ready to print; ``error.message`` is the bare sentence.
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        hint: str | None = None,
        also: tuple[tuple[str, Place], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint
        self.also = also

    def __str__(self) -> str:
        lines = [visible(self.message)]
        if self.place is not None:
            lines = [f"{self.place}: {visible(self.message)}", self.place.excerpt()]
        for word, place in self.also:
            lines += [f"{place}: {visible(word)}", place.excerpt()]
        if self.hint is not None:
            lines.append(f"hint: {visible(self.hint)}")
        return "\n".join(lines)


class InputError(SymbackError):
    """The input is at fault."""


class FileProblem(InputError):
    """A file that is missing, is no file, is not text, or is not valid TOML."""


class SyntaxProblem(InputError):
    """Text that does not follow the grammar of expressions or the layout of problem files."""


class NameProblem(InputError):
    """A name that is unknown, repeated, or not a name."""


class ShapeError(InputError):
    """Shapes that do not fit together; the message shows both."""


class ValueProblem(InputError):
    """A value that is missing or malformed."""


class DomainError(InputError):
    """A number outside the domain of a function, such as log(0); the message names the node."""


class LimitError(InputError):
    """Input that is larger, longer or deeper than we accept; refused before anything is built."""


class CycleError(InputError):
    """Definitions that need each other."""


class Unsupported(SymbackError):
    """A node that we cannot differentiate (or evaluate, or write), named, with the reason."""


class MissingExtra(SymbackError):
    """An optional package is needed and not installed; the hint says what to install."""


class WrongAnswer(SymbackError):
    """An answer, or a check of our own, is wrong."""

    exit_code = 1


class Undecided(SymbackError):
    """Neither shown right nor shown wrong within the limits."""

    exit_code = 3


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that offers the known names closest to ``word``; None when there is none close.

    >>> did_you_mean("sigmod", ["sigmoid", "softmax"])
    "did you mean 'sigmoid'?"
    """
    names = list(islice(known, _SUGGEST_FROM))
    folded = {name.casefold(): name for name in reversed(names)}
    if len(word) > _SUGGEST_LENGTH:
        return None
    if word.casefold() in folded:  # only the case differs
        return f"did you mean '{folded[word.casefold()]}'?"
    close = difflib.get_close_matches(word, names, n=2, cutoff=0.5 if len(word) < 4 else 0.6)
    if not close:
        return None
    return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
