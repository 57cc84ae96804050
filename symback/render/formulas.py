"""Formulas in the terminal: spelled, wrapped at operators, and with numbers in place of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from rich.cells import cell_len

from symback.phrase import Phrase
from symback.render.boxes import Box, beside, enclosed, line
from symback.render.digits import Numbers, entries
from symback.spell import pretty, text
from symback.spell.walk import fold, with_args
from symback.values import Value

#: name and kind of a symbol -> its number
Lookup = Callable[[str, str], Value | None]

_FIRST_STAND_IN = 0xA000  # letters of the Yi script: no name of ours has them
_LAST_STAND_IN = 0xA48C
_SUMS = frozenset("+-−=")
_SIGNS = frozenset("+-−=·⊙⊘*/")
_POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻^'"


def wrapped(formula: str, width: int) -> list[str]:
    """A formula in lines, broken at the outermost operators: sums first, then products.

    >>> wrapped("a*b + c*(d - e)", 12)
    ['a*b', '+ c*(d - e)']
    """
    return _filled(formula, width, 0)


def _filled(formula: str, width: int, level: int) -> list[str]:
    """The formula in lines, broken at this level of `_breaks`, or at inner ones where need be."""
    if cell_len(formula) <= width:
        return [formula]
    levels = _breaks(formula)
    while level < len(levels) and not levels[level]:
        level += 1
    if level >= len(levels):
        return [formula]
    ends = [*levels[level], len(formula)]
    pieces = [formula[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    lines: list[str] = []
    for piece in pieces:
        if lines and cell_len(lines[-1] + piece) <= width:
            lines[-1] += piece
        else:
            lines.extend(_filled(piece.lstrip(), width, level + 1))
    return [text.rstrip() for text in lines]


def _breaks(formula: str) -> list[list[int]]:
    """Places to break: around sums and then around products, at each depth of brackets."""
    levels: list[list[int]] = []
    depth = 0
    for at, char in enumerate(formula):
        depth += (char in "([") - (char in ")]")
        while len(levels) < 2 * depth + 2:
            levels.append([])
        behind, before = formula[at + 1 : at + 2], formula[at - 1 : at]
        if char != " " or not at or before in _SIGNS:
            continue
        levels[2 * depth + (behind not in _SUMS and before != ",")].append(at)
    return levels


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
        stand_ins = _StandIns(lookup)
        replaced = fold(phrase, stand_ins.visit)
        values = stand_ins.values
        if replaced is None or not values:
            return None
        transposed = "'" if self.ascii else "ᵀ"
        tokens = list(_tokens(self(replaced), values, transposed))
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


@dataclass
class _Assembly:
    """Puts the tokens of a spelled formula together as boxes."""

    tokens: list[str]
    values: dict[str, Value]
    transposed: str
    numbers: Numbers
    width: int
    at: int = 0

    def box(self) -> Box:
        """Everything up to the closing parenthesis, or to the end."""
        parts: list[Box] = []
        while self.at < len(self.tokens):
            part = self.tokens[self.at]
            self.at += 1
            if part == ")":
                break
            parts.append(self._part(part))
        return beside(parts)

    def _part(self, part: str) -> Box:
        if part == "(":
            inside = self.box()
            tall = inside.height > 1 and not self.numbers.ascii
            return enclosed(inside, "(", ")") if tall else beside([line("("), inside, line(")")])
        if part not in self.values:
            return line(self._sign(part))
        value = self.values[part]
        if not value.shape:
            return line(self._number(entries(value)[0]))
        if self._token(0) == self.transposed and len(value.shape) <= 2:
            self.at += 1
            value = _transposed(value)
        return self.numbers.box(value, self.width, columns=True)

    def _token(self, step: int) -> str:
        """The token `step` places after the next one."""
        place = self.at + step
        return self.tokens[place] if 0 <= place < len(self.tokens) else ""

    def _is_scalar(self, token: str) -> bool:
        return token in self.values and not self.values[token].shape

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
        if char in values or char in "()" or (char == transposed and previous in values):
            if run:
                yield run
            yield char
            run = ""
        else:
            run += char
        previous = char
    if run:
        yield run


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
