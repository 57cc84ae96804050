"""Numbers as they are shown: exact decimals where they are short, six digits where not."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from symback.exact import Scalar
from symback.render.boxes import Box, grid, line
from symback.values import Value

DIGITS = 6  # significant digits of a number that is rounded
EXACT_DIGITS = 10  # an exact decimal of no more digits than this is shown as it is
MAX_DENOMINATOR = 99  # of a fraction that is shown as one, such as 1/3
MAX_ROWS = 8  # of an array; in the middle of a longer one stand dots
KEPT_ROWS = 3  # before and after the dots
DOTS = "…"
SHORTENED = "shortened to fit: --json has every number"


def entries(value: Value) -> list[str]:
    """The entries of an array, row by row, in one manner: all exact, or all rounded alike.

    >>> import numpy as np
    >>> entries(Value.of(np.array([0.5, 2 / 3])))
    ['0.5', '0.666667']
    """
    if value.exact is not None:
        exact = [_exact(entry) for entry in value.exact.entries]
        written = [text for text in exact if text is not None]
        if len(written) == len(exact):
            return written
    if value.digits is not None:
        return list(value.digits)
    return [rounded(x) for x in value.numbers.entries]


def is_single(value: Value) -> bool:
    """Whether this is one number, be it in an array of one entry."""
    return value.size == 1


def rounded(x: float, digits: int = DIGITS) -> str:
    """A float with so many significant digits and no zeros behind them.

    >>> rounded(-0.20089848), rounded(1e-12), rounded(250000000.0)
    ('-0.200898', '1e-12', '2.5e+8')
    """
    text = f"{x + 0.0:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"
    return text


def _exact(entry: Scalar) -> str | None:
    """A rational as a short decimal or a small fraction; None for anything else."""
    if not isinstance(entry, Fraction):
        return None
    decimal = _decimal(entry)
    if decimal is not None:
        return decimal
    if entry.denominator <= MAX_DENOMINATOR and abs(entry.numerator) <= MAX_DENOMINATOR:
        return str(entry)
    return None


def _decimal(x: Fraction) -> str | None:
    """The decimal that equals `x`, if it is short.  1/8 -> 0.125"""
    places = 0
    rest = x.denominator
    for factor in (2, 5):
        count = 0
        while rest % factor == 0:
            rest //= factor
            count += 1
        places = max(places, count)
    if rest != 1 or places > EXACT_DIGITS:
        return None
    digits = str(abs(x.numerator) * 10**places // x.denominator)
    if len(digits.lstrip("0")) > EXACT_DIGITS:
        return None
    sign = "-" if x < 0 else ""
    if not places:
        return sign + digits
    digits = digits.zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


class Numbers:
    """Arrays as boxes.

    Attributes:
        ascii: whether to keep to ASCII.
        shortened: whether an array was shortened, so that a hint is due.
    """

    def __init__(self, *, ascii: bool = False) -> None:  # noqa: A002 - the name for it
        self.ascii = ascii
        self.dots = "..." if ascii else DOTS
        self.shortened = False

    def box(self, value: Value, width: int, *, columns: bool = False) -> Box:
        """A number, a vector as (a, b), a matrix as a grid, no wider than `width`.

        With `columns`, a vector is drawn as the column that it is.
        """
        cells, shape = entries(value), value.shape
        if is_single(value):
            return line(cells[0])
        if len(shape) == 1:
            written = f"({', '.join(cells)})"
            if columns or (len(written) > width and len(cells) <= MAX_ROWS):
                return self._grid([[cell] for cell in cells], width)
            return line(written if len(written) <= width else self._shortened(cells, width))
        if len(shape) == 2:
            return self._grid(_rows(cells, shape[1]), width)
        return line(self._nested(cells, shape, width))

    def _shortened(self, cells: Sequence[str], width: int) -> str:
        self.shortened = True
        for kept in range((len(cells) - 1) // 2, 0, -1):
            short = f"({', '.join([*cells[:kept], self.dots, *cells[-kept:]])})"
            if len(short) <= width:
                return short
        return f"({cells[0]}, {self.dots})"

    def _grid(self, rows: list[list[str]], width: int) -> Box:
        if len(rows) > MAX_ROWS:
            self.shortened = True
            between = [self.dots] * len(rows[0])
            rows = [*rows[:KEPT_ROWS], between, *rows[-KEPT_ROWS:]]
        box = self._drawn(rows)
        kept = len(rows[0])
        while box.width > width and kept > 2:
            kept -= 1
            self.shortened = True
            left = (kept + 1) // 2
            cut = [[*row[:left], self.dots, *row[left - kept :]] for row in rows]
            box = self._drawn(cut)
        return box

    def _drawn(self, rows: Sequence[Sequence[str]]) -> Box:
        if not self.ascii:
            return grid(rows)
        inside = grid(rows, brackets=False)
        width = inside.width
        return Box(
            tuple(text.__class__(f"[{text.plain:<{width}}]") for text in inside.lines),
            inside.base,
        )

    def _nested(self, cells: Sequence[str], shape: tuple[int, ...], width: int) -> str:
        """An array of three axes or more in one line."""
        if len(shape) == 1:
            return f"[{', '.join(cells)}]"
        step = prod(shape[1:])
        parts = [
            self._nested(cells[at : at + step], shape[1:], width)
            for at in range(0, len(cells), step)
        ]
        whole = f"[{', '.join(parts)}]"
        if len(whole) <= width:
            return whole
        self.shortened = True
        return f"{whole[: max(width - len(self.dots), 1)]}{self.dots}"


def _rows(cells: Sequence[str], columns: int) -> list[list[str]]:
    return [list(cells[at : at + columns]) for at in range(0, len(cells), columns)]
