"""Formulas with numbers in the place of names, in LaTeX."""

from __future__ import annotations

from collections.abc import Callable

from symback.parse.parser import parse
from symback.phrase import Phrase
from symback.render.figures import Figures, transposed
from symback.render.written_latex import WrittenSpeller
from symback.spell.indices import rebased
from symback.spell.latex import MANNER, LatexSpeller
from symback.spell.reading import reading
from symback.spell.speller import Level, Piece, Pieces
from symback.spell.walk import fold
from symback.values import Value

#: name and kind of a symbol -> its number
Lookup = Callable[[str, str], Value | None]

#: What has no form with numbers in it: what ranges over indices, or is written by its entries.
_WITHOUT = frozenset({"sum_over", "prod_over", "comprehension", "array", "slice"})
MAX_NUMBERS = 60  # in a formula


def substituted(phrase: Phrase, lookup: Lookup, figures: Figures) -> str | None:
    """The formula with numbers, or None where it has no such form or is nothing but one name."""
    plain = phrase.args[0] if phrase.head == "transpose" else phrase
    if plain.head == "symbol" or not _names_only(phrase, lookup):
        return None
    return _NumberSpeller(lookup, figures)(reading(rebased(phrase, 0), MANNER))


def number_piece(value: Value, figures: Figures) -> Piece:
    """A number or an array, to be put into a formula."""
    text = figures.latex(value)
    if value.shape:
        return Piece(text, tall=True)
    tall = r"\frac" in text
    if text.startswith("-"):
        return Piece(text, Level.NEGATIVE, tall)
    if r"\cdot" in text:
        return Piece(text, Level.PRODUCT)
    return Piece(text, Level.FRACTION if tall else Level.ATOM, tall)


def typed_with_numbers(
    text: str,
    lookup: Lookup,
    figures: Figures,
    *,
    is_scalar: Callable[[str], bool],
    index_base: int = 0,
) -> str | None:
    """What a user typed, in the same order, with numbers; None where it has no such form."""
    used: list[Value] = []
    missing: list[str] = []

    def replace(name: str, at: tuple[int, ...]) -> Piece | None:
        value = lookup(name.removesuffix("'"), "")
        if value is None or len(value.shape) > 2:
            missing.append(name)
            return None
        if name.endswith("'") and value.shape:
            value = transposed(value)
        if at:
            value = value.entry([i - index_base for i in at][: len(value.shape)])
        used.append(value)
        return number_piece(value, figures)

    written = WrittenSpeller(is_scalar=is_scalar, replace=replace)(parse(text))
    count = sum(value.size for value in used)
    return written if not missing and 0 < count <= MAX_NUMBERS else None


def _names_only(phrase: Phrase, lookup: Lookup) -> bool:
    """Whether every name in it has a number, there is one, and there are not too many."""
    count = 0

    def visit(part: Phrase, below: tuple[bool, ...]) -> bool:
        nonlocal count
        if part.head in _WITHOUT:
            return False
        if part.head == "entry":
            base, *indices = part.args
            count += 1
            return base.head == "symbol" and all(i.is_number for i in indices) and below[0]
        if part.head == "symbol":
            value = lookup(str(part.data[0]), str(part.data[1]))
            if value is None or len(value.shape) > 2:
                return False
            count += value.size
        return all(below)

    whole = fold(phrase, visit)
    return whole and 0 < count <= MAX_NUMBERS


class _NumberSpeller(LatexSpeller):
    """Spells a name as its number."""

    def __init__(self, lookup: Lookup, figures: Figures) -> None:
        super().__init__("", {})
        self.lookup = lookup
        self.figures = figures
        self.rows |= {"transpose": self._transposed}

    def between(self, left: str, right: str) -> str:
        """A dot between numbers, nothing between matrices."""
        tight = right.startswith((r"\begin", r"\left\l", r"\lVert", r"\lvert", r"\mathrm{e}^"))
        if tight and (left[-1] in "]}" or not left[-1].isdigit()):
            return r" \, "
        return r" \, " if right.startswith(r"\begin") else r" \cdot "

    def _symbol(self, phrase: Phrase, pieces: Pieces) -> Piece:
        return self._number(self._value(phrase))

    def _value(self, phrase: Phrase) -> Value:
        value = self.lookup(str(phrase.data[0]), str(phrase.data[1]))
        assert value is not None
        return value

    def _number(self, value: Value) -> Piece:
        return number_piece(value, self.figures)

    def _entry(self, phrase: Phrase, pieces: Pieces) -> Piece:
        value = self._value(phrase.args[0])
        at = tuple(int(index.value) for index in phrase.args[1:])[: len(value.shape)]
        return self._number(value.entry(at))

    def _transposed(self, phrase: Phrase, pieces: Pieces) -> Piece:
        (array,) = phrase.args
        if array.head == "symbol" and 1 <= len(self._value(array).shape) <= 2:
            return self._number(transposed(self._value(array)))
        return self._raised(pieces[0], r"\top")
