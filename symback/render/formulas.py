"""Formulas in the terminal: spelled, wrapped at operators, and with numbers in place of names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.cells import cell_len

from symback.parse.parser import parse
from symback.parse.syntax import Slice, walk
from symback.phrase import Phrase
from symback.render.boxes import Box, beside, enclosed, line
from symback.render.digits import Numbers, entries, is_single
from symback.render.written import Speller
from symback.spell import pretty, text
from symback.spell.walk import fold, with_args
from symback.values import Value

#: name and kind of a symbol -> its number
Lookup = Callable[[str, str], Value | None]

_FIRST_STAND_IN = 0xA000  # letters of the Yi script: no name of ours has them
_LAST_STAND_IN = 0xA48C
CONSTANTS = frozenset({"pi", "e", "E"})
MIN_WIDTH = 8
CONTINUED = 2  # columns before a line that goes on inside of brackets
_SUBSCRIPTS = frozenset("₀₁₂₃₄₅₆₇₈₉")
_SUMS = frozenset("+-−=")
_SIGNS = frozenset("+-−=·⊙⊘*/")
_CLOSING = {"(": ")", "‖": "‖"}
_POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻^'"


def wrapped(formula: str, width: int) -> list[str]:
    """A formula in lines: few of them, broken outside of brackets rather than inside.

    Lines that go on inside of brackets are indented.

    >>> wrapped("a*b + c*(d - e)", 12)
    ['a*b', '+ c*(d - e)']
    """
    width = max(width, MIN_WIDTH)
    if cell_len(formula) <= width:
        return [formula]
    breaks = [_Break(0, 0, 0.0), *_breaks(formula)]
    ends = [at.place for at in breaks[1:]] + [len(formula)]
    pieces = itertools.pairwise((0, *ends))
    lengths = [0, *itertools.accumulate(cell_len(formula[i:k]) for i, k in pieces)]
    # best[k]: the cheapest way to set what stands before break k, and where its last line began
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(lengths)):
        ways = []
        for start in range(stop - 1, -1, -1):
            own = lengths[stop] - lengths[start] + (breaks[start].indent - 1 if start else 0)
            slack = 0.0 if stop == len(lengths) - 1 else 0.1 * (width - own) / width
            cost = breaks[start].cost + _line_cost(own, width) + slack
            ways.append((best[start][0] + cost, start))
            if own > 2 * width:
                break
        best.append(min(ways))
    lines: list[str] = []
    stop = len(lengths) - 1
    while stop:
        start = best[stop][1]
        text = formula[breaks[start].place : ends[stop - 1]].strip()
        lines.append(" " * (breaks[start].indent if start else 0) + text)
        stop = start
    return lines[::-1]


def _line_cost(length: int, width: int) -> float:
    return 1.0 if length <= width else 1.0 + 10.0 * (length - width)


class _Break(NamedTuple):
    """A place to break a formula: before this offset, at this price."""

    place: int
    indent: int
    cost: float


def _breaks(formula: str) -> Iterator[_Break]:
    """Around sums and products at any depth of brackets, and between the items of lists."""
    opened: list[str] = []
    for at, char in enumerate(formula):
        if char in "([":
            before = formula[at - 1 : at]
            is_index = char == "[" and (before.isalnum() or before in _SUBSCRIPTS)
            opened.append("index" if is_index and before else char)
        elif char in ")]" and opened:
            opened.pop()
        before, behind = formula[at - 1 : at], formula[at + 1 : at + 2]
        if char != " " or not at or before in _SIGNS or "index" in opened:
            continue
        is_product = behind not in _SUMS and before != ","
        depth = len(opened)
        yield _Break(at, CONTINUED if depth else 0, 0.7 * depth + (0.5 if is_product else 0.0))


@dataclass
class Formulas:
    """How formulas of one derivation are written.

    Attributes:
        output: the name of what is differentiated.
        index_base: the number of the first entry.
        ascii: whether to write in the input language instead of Unicode.
        numbers: how numbers are written.
    """

    output: str = "L"
    index_base: int = 0
    ascii: bool = False
    numbers: Numbers = field(default_factory=Numbers)

    def __call__(self, phrase: Phrase) -> str:
        spelling = text if self.ascii else pretty
        return spelling(phrase, output=self.output, index_base=self.index_base)

    def written(self, text: str, is_column: Callable[[str], bool]) -> str:
        """An expression in the user's order."""
        return Speller(ascii_only=self.ascii, is_column=is_column)(parse(text))

    def written_with_numbers(
        self, text: str, is_column: Callable[[str], bool], lookup: Lookup, width: int
    ) -> Box | None:
        """The same with numbers in place of names; None where it has no such form."""
        expression = parse(text)
        if any(isinstance(node, Slice) for node in walk(expression.root)):
            return None
        stand_ins = _StandIns(lookup)
        missing: list[str] = []

        def replace(name: str, at: tuple[int, ...]) -> str | None:
            letter = stand_ins.letter(name, "", tuple(i - self.index_base for i in at))
            if letter is None and name not in CONSTANTS:
                missing.append(name)
            return letter

        speller = Speller(ascii_only=self.ascii, replace=replace, is_column=is_column)
        spelled = speller(expression)
        return None if missing else self._assembled(spelled, stand_ins.values, width)

    def with_numbers(self, phrase: Phrase, lookup: Lookup, width: int) -> Box | None:
        """The formula with numbers in place of names, or None where it has no such form."""
        stand_ins = _StandIns(lookup)
        replaced = fold(phrase, stand_ins.visit)
        if replaced is None:
            return None
        return self._assembled(self(replaced), stand_ins.values, width)

    def _assembled(self, spelled: str, values: dict[str, Value], width: int) -> Box | None:
        """A spelled formula with stand-ins as a box, if it is not too wide."""
        if not values:
            return None
        transposed = "'" if self.ascii else "ᵀ"
        tokens = list(_tokens(spelled, values, transposed))
        box = _Assembly(tokens, values, transposed, self.numbers, width).box()
        return box if box.width <= width else None


class _StandIns:
    """Names that stand for numbers while a formula is spelled."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.values: dict[str, Value] = {}
        self.letters: dict[tuple[str, str, tuple[int, ...]], str] = {}

    def visit(self, phrase: Phrase, args: tuple[Phrase | None, ...]) -> Phrase | None:
        if phrase.head in ("sum_over", "prod_over", "comprehension", "array"):
            return None
        if phrase.head == "entry":
            return self._entry(phrase)
        if phrase.head == "symbol":
            name, kind = map(str, phrase.data)
            return self._stand_in(phrase, name, kind, ())
        known = tuple(arg for arg in args if arg is not None)
        return with_args(phrase, known) if len(known) == len(args) else None

    def _entry(self, phrase: Phrase) -> Phrase | None:
        base, *indices = phrase.args
        if base.head != "symbol" or not all(index.is_number for index in indices):
            return None
        name, kind = map(str, base.data)
        return self._stand_in(phrase, name, kind, tuple(int(i.value) for i in indices))

    def _stand_in(self, phrase: Phrase, name: str, kind: str, at: tuple[int, ...]) -> Phrase | None:
        letter = self.letter(name, kind, at)
        if letter is None:
            return None
        return Phrase("symbol", (), (letter, ""), phrase.shape, phrase.symmetric)

    def letter(self, name: str, kind: str, at: tuple[int, ...]) -> str | None:
        """The letter that stands for a name, or for an entry of it; None without a number."""
        value = self.lookup(name, kind)
        if value is None:
            return None
        if (name, kind, at) not in self.letters:
            letter = chr(_FIRST_STAND_IN + len(self.letters))
            if ord(letter) > _LAST_STAND_IN:
                return None
            self.letters[name, kind, at] = letter
            self.values[letter] = value.entry(at[: len(value.shape)]) if at else value
        return self.letters[name, kind, at]


@dataclass
class _Assembly:
    """Puts the tokens of a spelled formula together as boxes."""

    tokens: list[str]
    values: dict[str, Value]
    transposed: str
    numbers: Numbers
    width: int
    at: int = 0

    def box(self, closing: str = "") -> Box:
        """Everything up to the closing bracket, or to the end."""
        parts: list[Box] = []
        while self.at < len(self.tokens):
            part = self.tokens[self.at]
            self.at += 1
            if part == closing:
                break
            parts.append(self._part(part))
        return beside(parts)

    def _part(self, part: str) -> Box:
        if part in _CLOSING:
            closing = _CLOSING[part]
            inside = self.box(closing)
            if inside.height > 1 and not self.numbers.ascii:
                return enclosed(inside, part, closing)
            return beside([line(part), inside, line(closing)])
        if part not in self.values:
            return line(self._sign(part))
        value = self.values[part]
        if is_single(value):
            if self._token(0) == self.transposed:
                self.at += 1
            return line(self._number(entries(value)[0]))
        if self._token(0) == self.transposed and len(value.shape) <= 2:
            self.at += 1
            value = value.transposed
        return self.numbers.box(value, self.width, columns=True)

    def _token(self, step: int) -> str:
        """The token `step` places after the next one."""
        place = self.at + step
        return self.tokens[place] if 0 <= place < len(self.tokens) else ""

    def _is_scalar(self, token: str) -> bool:
        return token in self.values and is_single(self.values[token])

    def _number(self, number: str) -> str:
        """A number, in parentheses where its sign or slash would be misread."""
        before, behind = self._token(-2), self._token(0)
        opens = not before or before.endswith(("(", ", ", "= ", "|", "[", "‖"))
        raised = bool(behind) and behind[0] in _POWERS
        misread = (number[0] == "-" and not opens) or ("/" in number and bool(before + behind))
        raised = raised and ("-" in number or "/" in number)
        return f"({number})" if misread or raised else number

    def _sign(self, between: str) -> str:
        """Text between numbers; what only a space multiplies gets a dot."""
        if self._is_scalar(self._token(-2)) and re.match(r" ($|[\w∂‖|\[⌊])", between):
            return f" · {between[1:]}" if between[1:] or self._token(0) else between
        if self._is_scalar(self._token(-2)) and between == "·":
            return " · "
        if self._is_scalar(self._token(0)) and re.search(r"(^|[\w)\]|‖′⁻¹²³ᵀ]) $", between):
            return f"{between}· "
        return between


def _tokens(spelled: str, values: Container[str], transposed: str) -> Iterator[str]:
    """Stand-ins, parentheses, transposes behind stand-ins, and the text between them."""
    run = ""
    previous = ""
    for char in spelled:
        if char in values or char in "()‖" or (char == transposed and previous in values):
            if run:
                yield run
            yield char
            run = ""
        else:
            run += char
        previous = char
    if run:
        yield run
