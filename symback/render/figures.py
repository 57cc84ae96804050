r"""Numbers in LaTeX: exact decimals or fractions where they are short, rounded ones where not.

A number that has been rounded is told apart, so that the text can say :math:`\approx`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Literal, TypeAlias

from symback.decimals import decimal_text
from symback.render.digits import DIGITS, rounded
from symback.spell.mathtree import math_tree, widths_of
from symback.values import Value

Manner: TypeAlias = Literal["decimal", "exact"]

MAX_PART = 99_999  # of a numerator or a denominator that is written out
MAX_SMALL = 99  # the same where decimals are asked for and would not end
MORE = 4  # characters that an exact decimal may have beyond the digits of a rounded one
MAX_ROWS = 10  # of an array; in the middle of a longer one stand dots
KEPT_ROWS = 4  # before and behind the dots


@dataclass
class Figures:
    """How numbers are written.

    Attributes:
        manner: fractions ("exact"), or decimals as far as these are short.
        digits: significant digits of a rounded number.
        room: how wide an array may be, in em.
        shortened: whether an array was shortened, so that a hint is due.
    """

    manner: Manner = "decimal"
    digits: int = DIGITS
    room: float = 30.0
    shortened: bool = field(default=False, compare=False)

    def entries(self, value: Value) -> tuple[list[str], bool]:
        """Every entry in LaTeX, in one manner, and whether these are the numbers exactly."""
        if value.digits is not None:
            return [_power_of_ten(text) for text in value.digits], False
        if value.exact is not None:
            exact = [
                self._exact(entry) for entry in value.exact.entries if isinstance(entry, Fraction)
            ]
            written = [text for text in exact if text is not None]
            if len(written) == len(value.exact.entries):
                return written, True
        return [_power_of_ten(rounded(x, self.digits)) for x in value.numbers.entries], False

    def _exact(self, entry: Fraction) -> str | None:
        top, bottom = abs(entry.numerator), entry.denominator
        sign = "-" if entry < 0 else ""
        if self.manner == "exact" and max(top, bottom) <= MAX_PART:
            return f"{sign}{top}" if bottom == 1 else rf"{sign}\frac{{{top}}}{{{bottom}}}"
        decimal = decimal_text(entry)
        if decimal is not None and len(decimal.strip("-0.")) <= max(self.digits, DIGITS) + MORE:
            return decimal
        if max(top, bottom) <= MAX_SMALL:
            return rf"{sign}\frac{{{top}}}{{{bottom}}}"
        return None

    def is_exact(self, value: Value) -> bool:
        return self.entries(value)[1]

    def latex(self, value: Value) -> str:
        """The number or the array."""
        cells, _ = self.entries(value)
        return self.array(cells, value.shape)

    def array(self, cells: Sequence[str], shape: tuple[int, ...]) -> str:
        """A number, a column, a matrix, or a list of such, shortened to the room there is."""
        if not shape:
            return cells[0]
        if len(shape) <= 2:
            columns = 1 if len(shape) == 1 else shape[1]
            return self._grid([list(cells[k : k + columns]) for k in range(0, len(cells), columns)])
        step = prod(shape[1:])
        count = shape[0]
        kept = count if count <= KEPT_ROWS else KEPT_ROWS - 1
        parts = [self.array(cells[k * step : (k + 1) * step], shape[1:]) for k in range(kept)]
        if kept < count:
            self.shortened = True
            parts.append(r"\dots")
        return rf"\left[{', '.join(parts)}\right]"

    def _grid(self, rows: list[list[str]]) -> str:
        if len(rows) > MAX_ROWS:
            self.shortened = True
            between = [r"\vdots"] * len(rows[0])
            rows = [*rows[:KEPT_ROWS], between, *rows[-KEPT_ROWS:]]
        kept = len(rows[0])
        written = _matrix(rows)
        while kept > 2 and widths_of(math_tree(written))[0] > self.room:
            kept -= 1
            self.shortened = True
            left = (kept + 1) // 2
            written = _matrix(
                [
                    [*row[:left], _dots(row[0]), *(row[left - kept :] if kept > left else [])]
                    for row in rows
                ]
            )
        return written


def _matrix(rows: Sequence[Sequence[str]]) -> str:
    inside = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}"


def _dots(cell: str) -> str:
    return r"\ddots" if cell == r"\vdots" else r"\cdots"


def _power_of_ten(text: str) -> str:
    """2.5e-8 -> 2.5 \\cdot 10^{-8}"""
    mantissa, e, exponent = text.partition("e")
    if not e:
        return mantissa.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def transposed(value: Value) -> Value:
    """The transpose of a column or a matrix, to be written as numbers."""
    return value.transposed
