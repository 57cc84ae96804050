"""Formulas in the terminal: spelled, wrapped at operators, and with numbers in place of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from symback.phrase import Phrase
from symback.render.boxes import Box, beside, enclosed, line
from symback.render.numbers import Numbers, entries
from symback.spell import pretty, text
from symback.spell.walk import fold, with_args
from symback.values import Value

#: name and kind of a symbol -> its number
Lookup = Callable[[str, str], Value | None]

_FIRST_STAND_IN = 0xA000  # letters of the Yi script: no name of ours has them
_LAST_STAND_IN = 0xA48C
_OPERATOR = re.compile(r" (?=[-+−*/⊙⊘·=] | *\.[*/] )|(?<=[,*/]) ?|(?<=[])′'ᵀ\w]) (?=[\w∂‖|(\[])")
_POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻^'"


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

    def with_numbers(self, phrase: Phrase, lookup: Lookup, width: int) -> Box | None:
        """The formula with numbers in place of names, or None where it has no such form."""
        stand_ins = _StandIns(lookup, transposed="'" if self.ascii else "ᵀ")
        replaced = fold(phrase, stand_ins.visit)
        if replaced is None or not stand_ins.values:
            return None
        box = _Assembly(self(replaced), stand_ins, self.numbers, width).box()
        return box if box.width <= width else None


class _StandIns:
    """Names that stand for numbers while a formula is spelled."""

    def __init__(self, lookup: Lookup, transposed: str) -> None:
        self.lookup = lookup
        self.transposed = transposed
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

    def _stand_in(
        self, phrase: Phrase, name: str, kind: str, at: tuple[int, ...]
    ) -> Phrase | None:
        value = self.lookup(name, kind)
        if value is None:
            return None
        if (name, kind, at) not in self.letters:
            letter = chr(_FIRST_STAND_IN + len(self.letters))
            if ord(letter) > _LAST_STAND_IN:
                return None
            self.letters[name, kind, at] = letter
            self.values[letter] = _entry_of(value, at) if at else value
        letter = self.letters[name, kind, at]
        return Phrase("symbol", (), (letter, ""), phrase.shape, phrase.symmetric)


def _entry_of(value: Value, at: tuple[int, ...]) -> Value:
    """One entry of an array; what has fewer axes than indices was written with axes of length 1."""
    shape = value.shape
    own = at[: len(shape)]
    flat = 0
    for index, size in zip(own, shape, strict=True):
        flat = flat * size + index
    exact = None
    if value.exact is not None:
        exact = type(value.exact)((), (value.exact.entries[flat],))
    digits = None if value.digits is None else (value.digits[flat],)
    return Value(value.floats[own], exact, digits)


class _Assembly:
    """A spelled formula with stand-ins, put together as boxes."""

    def __init__(self, spelled: str, stand_ins: _StandIns, numbers: Numbers, width: int) -> None:
        self.tokens = list(_tokens(spelled))
        self.stand_ins = stand_ins
        self.numbers = numbers
        self.width = width
        self.at = 0

    def box(self) -> Box:
        parts: list[Box] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token == ")":
                break
            parts.append(self._part(token))
        return beside(parts)

    def _part(self, token: str) -> Box:
        if token == "(":
            inside = self.box()
            return enclosed(inside, "(", ")") if not self.numbers.ascii else _in_one_line(inside)
        value = self.stand_ins.values.get(token)
        if value is None:
            return line(token)
        if not value.shape:
            return line(self._number(entries(value)[0]))
        if self._next() == self.stand_ins.transposed and len(value.shape) <= 2:
            self.at += 1
            return self.numbers.box(_transposed(value), self.width, columns=True)
        return self.numbers.box(value, self.width, columns=True)

    def _number(self, number: str) -> str:
        """A number; in parentheses where a sign or a slash in it would be misread."""
        before = "".join(t for t in self.tokens[: self.at - 1][-1:])
        behind = self._next()
        joined = self._dot() if before == " " and self._before_is_factor() else ""
        opens = not before.strip() and not joined and not self._follows_operator()
        exposed = number.startswith("-") and not (opens or before.endswith(("(", ", ")))
        raised = behind[:1] in _POWERS and behind[:1] != "" and ("-" in number or "/" in number)
        return joined + (f"({number})" if exposed or raised else number)

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _before_is_factor(self) -> bool:
        return self.at >= 3 and self.tokens[self.at - 3] in self.stand_ins.values

    def _follows_operator(self) -> bool:
        return self.at >= 2

    def _dot(self) -> str:
        return "· "


def _in_one_line(box: Box) -> Box:
    return beside([line("("), box, line(")")])


def _transposed(value: Value) -> Value:
    rows = value.floats.reshape(1, -1) if len(value.shape) == 1 else value.floats.T
    if len(value.shape) == 1:
        exact = None if value.exact is None else type(value.exact)(rows.shape, value.exact.entries)
        return Value(rows, exact, value.digits)
    m, n = value.shape
    order = [i * n + j for j in range(n) for i in range(m)]
    exact = None
    if value.exact is not None:
        exact = type(value.exact)((n, m), tuple(value.exact.entries[k] for k in order))
    digits = None if value.digits is None else tuple(value.digits[k] for k in order)
    return Value(rows, exact, digits)
