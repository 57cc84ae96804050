"""Python expressions under construction: text, and how tightly it binds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

EXACT_BELOW = 2**53  # whole numbers that a float holds


class Level(IntEnum):
    """How tightly an expression binds, the loosest first."""

    COMPARE = 0
    SUM = 1
    PRODUCT = 2
    MINUS = 3
    POWER = 4
    ATOM = 5


@dataclass(frozen=True)
class Piece:
    """An expression.

    Attributes:
        text: Python source.
        level: what it is at the outside.
        truth: whether it gives booleans; NumPy multiplies these, but does not add them.
    """

    text: str
    level: Level = Level.ATOM
    truth: bool = False

    def at_least(self, level: Level) -> str:
        """The text, in parentheses where it binds less tightly than `level`."""
        return self.text if self.level >= level else f"({self.text})"

    @property
    def solid(self) -> Piece:
        """The same with floats in the place of booleans."""
        return Piece(f"1.0 * {self.at_least(Level.MINUS)}", Level.PRODUCT) if self.truth else self


def call(function: str, *args: Piece | str) -> Piece:
    """function(a, b)"""
    texts = (arg if isinstance(arg, str) else arg.solid.text for arg in args)
    return Piece(f"{function}({', '.join(texts)})")


def number(value: Fraction | int) -> Piece:
    """An exact number as a person types it: 3, -2, 1 / 3."""
    value = Fraction(value)
    if max(abs(value.numerator), value.denominator) > EXACT_BELOW:
        return Piece(repr(float(value)), Level.MINUS if value < 0 else Level.ATOM)
    if value.denominator == 1:
        return Piece(str(value), Level.MINUS if value < 0 else Level.ATOM)
    return Piece(f"{value.numerator} / {value.denominator}", Level.PRODUCT)


def total(terms: Sequence[Piece]) -> Piece:
    """A sum; it does not start with a minus sign if that can be had.

    >>> total([Piece("-x", Level.MINUS), Piece("1")]).text
    '1 - x'
    """
    solid = sorted((term.solid for term in terms), key=lambda term: term.text.startswith("-"))
    text = solid[0].text
    for term in solid[1:]:
        if term.text.startswith("-"):
            text += f" - {term.text[1:]}"
        else:
            text += f" + {term.text}"
    return Piece(text, Level.SUM)


def product(top: Iterable[Piece], bottom: Iterable[Piece] = (), coef: Fraction | int = 1) -> Piece:
    """coef times the factors of `top` over those of `bottom`, elementwise.

    >>> product([Piece("t")], [Piece("y")], Fraction(-1, 2)).text
    '-t / (2 * y)'
    """
    over, under = list(top), list(bottom)
    coef = Fraction(coef)
    if not over and not under:
        return number(coef)
    if len(over) == 1 and not under and coef == 1:
        return over[0]
    plain = number(abs(coef.numerator))
    if max(abs(coef.numerator), coef.denominator) > EXACT_BELOW:
        plain, coef = number(abs(coef)), Fraction(1 if coef > 0 else -1)
    if plain.text != "1" or not over:
        over.insert(0, plain)
    elif all(piece.truth for piece in over):
        over.insert(0, Piece("1.0"))
    if coef.denominator != 1:
        under.insert(0, number(coef.denominator))
    text = _chain(over)
    if under:
        text += " / " + (_chain(under, Level.POWER) if len(under) == 1 else f"({_chain(under)})")
    elif len(over) == 1 and coef < 0:
        return Piece(f"-{over[0].at_least(Level.PRODUCT)}", Level.MINUS)
    return Piece(f"-{text}" if coef < 0 else text, Level.PRODUCT)


def _chain(factors: Sequence[Piece], first: Level = Level.PRODUCT) -> str:
    texts = [factors[0].at_least(first), *(f.at_least(Level.MINUS) for f in factors[1:])]
    return " * ".join(texts)


def matmul(left: Piece, right: Piece) -> Piece:
    """left @ right"""
    return Piece(
        f"{left.solid.at_least(Level.PRODUCT)} @ {right.solid.at_least(Level.MINUS)}",
        Level.PRODUCT,
    )


def power(base: Piece, exponent: Piece) -> Piece:
    """base**exponent"""
    written = exponent.text if exponent.level in (Level.ATOM, Level.MINUS) else f"({exponent.text})"
    return Piece(f"{base.solid.at_least(Level.ATOM)}**{written}", Level.POWER)


def transpose(piece: Piece) -> Piece:
    """piece.T"""
    if piece.text.endswith(".T") and piece.level == Level.ATOM:
        return Piece(piece.text.removesuffix(".T"), truth=piece.truth)
    return Piece(f"{piece.at_least(Level.ATOM)}.T", truth=piece.truth)


def at(piece: Piece, index: str) -> Piece:
    """piece[index]"""
    return Piece(f"{piece.at_least(Level.ATOM)}[{index}]", truth=piece.truth)
