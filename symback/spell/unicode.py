"""Phrases in one line of Unicode, for the terminal.

Signs are used where everybody reads them (``Aᵀ``, ``⊙``, ``σ₂``); functions keep their plain names,
so that a screen reader says them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import ClassVar

from symback.phrase import Phrase
from symback.spell.indices import rebased
from symback.spell.names import SUBSCRIPTS, SUPERSCRIPTS, scripted, unicode_name
from symback.spell.reading import Manner, reading
from symback.spell.speller import Level, Piece, Pieces
from symback.spell.text import CALLS as TEXT_CALLS
from symback.spell.text import MAX_PRIMES, TextSpeller

#: Heads that are calls in the input language and signs here.
SIGNS = ("inverse", "eye", "commutation", "norm1", "norm2", "kron")

CALLS = {head: name for head, name in TEXT_CALLS.items() if head not in SIGNS}

FUNCTIONS = {"maximum": "max", "minimum": "min", "sigmoid": "σ"}

#: Elementwise functions that stand around or between their arguments.
AROUND = {"abs": ("|", "|"), "floor": ("⌊", "⌋")}
BETWEEN = {"and": "and", "or": "or"}

RELATIONS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}

CONSTANTS = {"pi": "π", "e": "e"}


def pretty(phrase: Phrase, *, output: str = "L", index_base: int = 0) -> str:
    """`phrase` in one line. Adjoints are derivatives of `output`: ``∂L/∂z₁``.

    `index_base` is the number of the first entry of an array.

    >>> from symback.phrase import mul, transpose
    >>> W2 = Phrase("symbol", (), ("W2", ""), (2, 3))
    >>> pretty(mul([transpose(W2), Phrase("symbol", (), ("delta2", ""), (2, 1))]))
    'W₂ᵀ δ₂'
    """
    manner = Manner(indicators=True, base=index_base)
    return PrettySpeller(output)(reading(rebased(phrase, index_base), manner))


class PrettySpeller(TextSpeller):
    """Spellings in Unicode."""

    calls: ClassVar = CALLS
    functions: ClassVar = FUNCTIONS
    relations: ClassVar = RELATIONS
    minus: ClassVar = "−"
    elementwise: ClassVar = "⊙"
    over: ClassVar = "⊘"
    before_elementwise: ClassVar = Level.FRACTION

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.rows |= {
            "constant": lambda phrase, _: Piece(CONSTANTS[str(phrase.data[0])]),
            "elementwise_pow": self._elementwise_pow,
            "transpose": lambda _, pieces: self._raised(pieces[0], "ᵀ"),
            "inverse": lambda _, pieces: self._raised(pieces[0], "⁻¹"),
            "inverse_transpose": lambda _, pieces: self._raised(pieces[0], "⁻ᵀ"),
            "norm1": lambda _, pieces: Piece(f"‖{pieces[0].text}‖₁"),
            "norm2": lambda _, pieces: Piece(f"‖{pieces[0].text}‖₂"),
            "eye": lambda _, pieces: Piece("I" + _index(pieces[0].text)),
            "kron": lambda _, pieces: self._joined("⊗", pieces),
            "commutation": lambda _, pieces: Piece(f"K({pieces[0].text}, {pieces[1].text})"),
            "sum_over": lambda phrase, pieces: self._over("Σ", phrase, pieces),
            "prod_over": lambda phrase, pieces: self._over("Π", phrase, pieces),
            "comprehension": self._comprehension,
        }

    def between(self, left: str, right: str) -> str:
        """A space, but a dot where the factors could be read as a call, an entry or a number."""
        if right[0].isdigit():
            return " · "
        return "·" if right[0] in "([" and _ends_name(left) else " "

    def indicator(self, condition: str, tall: bool) -> Piece:
        return Piece(f"[{condition}]", bare=condition)

    def _symbol(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, kind = map(str, phrase.data)
        if kind == "adjoint":
            return Piece(f"∂{unicode_name(self.output)}/∂{unicode_name(name)}", Level.PRODUCT)
        return Piece(unicode_name(name))

    def _raised(self, base: Piece, sign: str) -> Piece:
        return Piece(self.at_least(base, Level.ATOM) + sign, Level.POWER)

    def _pow(self, phrase: Phrase, pieces: Pieces) -> Piece:
        base, exponent = pieces
        small = scripted(exponent.text, SUPERSCRIPTS)
        sign = "^" + self.at_least(exponent, Level.ATOM) if small is None else small
        return self._raised(base, sign)

    def _elementwise_pow(self, phrase: Phrase, pieces: Pieces) -> Piece:
        """x² for a column, whose square can mean nothing else, and X⊙² for a matrix."""
        if 1 in phrase.shape:
            return self._pow(phrase, pieces)
        base, exponent = pieces
        small = scripted(exponent.text, SUPERSCRIPTS)
        return self._raised(base, f"⊙{small or '^' + self.at_least(exponent, Level.ATOM)}")

    def _function(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, *orders = phrase.data
        if name in AROUND:
            left, right = AROUND[str(name)]
            return Piece(left + pieces[0].text + right)
        if name in BETWEEN:
            return self.indicator(f" {name} ".join(_grouped(piece) for piece in pieces), tall=False)
        if name == "not":
            return self.indicator(f"not {_grouped(pieces[0])}", tall=False)
        written = self.functions.get(str(name)) or unicode_name(str(name))
        if written == "σ" and "sigma" in self.used:
            written = str(name)
        if len(orders) == 1 and isinstance(orders[0], int):
            small = str(orders[0]).translate(SUPERSCRIPTS)
            written += "′" * orders[0] if orders[0] <= MAX_PRIMES else f"⁽{small}⁾"
        else:
            written = _partials(orders) + written
        return self.call(written, *pieces)

    def _entry(self, phrase: Phrase, pieces: Pieces) -> Piece:
        base, *indices = pieces
        inside = ", ".join(map(_tight, indices))
        adjoint = phrase.args[0].head == "symbol" and phrase.args[0].data[1] == "adjoint"
        if adjoint:  # the entry of z, not of the quotient
            return Piece(f"{base.text}[{inside}]", base.level)
        return Piece(f"{self.at_least(base, Level.ATOM)}[{inside}]")

    def _over(self, name: str, phrase: Phrase, pieces: Pieces) -> Piece:
        body, *bounds = pieces
        written = ""
        for index, low, high in zip(phrase.data, bounds[::2], bounds[1::2], strict=True):
            below = scripted(f"{index}={low.text}", SUBSCRIPTS)
            above = scripted(high.text, SUPERSCRIPTS)
            if below is None or above is None:
                written += f"{name}({index} = {_tight(low)}..{_tight(high)}) "
            else:
                written += f"{name}{below}{above} "
        return Piece(written + self.at_least(body, Level.PRODUCT), Level.HADAMARD)

    def _comprehension(self, phrase: Phrase, pieces: Pieces) -> Piece:
        body, *bounds = pieces
        ends = [f"{_tight(a)}..{_tight(b)}" for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
        ranges = [f"{name} = {end}" for name, end in zip(phrase.data, ends, strict=True)]
        return Piece(f"[{body.text} for {', '.join(ranges)}]")

    def _cases(self, phrase: Phrase, pieces: Pieces) -> Piece:
        *cases, last = pieces
        written = [
            f"{value.text} if {condition.condition}"
            for condition, value in zip(cases[::2], cases[1::2], strict=True)
        ]
        return Piece(f"({', '.join(written)}, else {last.text})")


def _ends_name(text: str) -> bool:
    """Whether this ends with a letter or a subscript; small letters such as ᵀ do not count."""
    last = text[-1]
    return last in "₀₁₂₃₄₅₆₇₈₉" or (last.isalpha() and unicodedata.category(last) != "Lm")


def _tight(piece: Piece) -> str:
    """An index or a bound, with fewer spaces: 2i+1."""
    return re.sub(r" (?=[+−])|(?<=[+−]) |(?<=[0-9]) (?=[^\W\d])", "", piece.text)


def _grouped(piece: Piece) -> str:
    return f"({piece.bare})" if " and " in piece.bare or " or " in piece.bare else piece.condition


def _index(size: str) -> str:
    return scripted(size, SUBSCRIPTS) or f"({size})"


def _partials(orders: Sequence[object]) -> str:
    """∂₁ for the derivative by the first argument, ∂₁² for the second one."""
    written = ""
    for place, order in enumerate(orders, start=1):
        if order:
            written += "∂" + str(place).translate(SUBSCRIPTS)
            written += str(order).translate(SUPERSCRIPTS) if order != 1 else ""
    return written
