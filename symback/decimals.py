"""Numbers inside formulas: short decimals, small fractions, else rounded."""

from __future__ import annotations

from fractions import Fraction

from symback.phrase import Phrase, mul, num

MAX_DECIMALS = 8  # an exact decimal of no more digits is written as it is
MAX_DENOMINATOR = 99  # of a fraction that is written as one, such as 1/3
ROUNDED_TO = 6  # significant digits of a number that is rounded


def decimal_text(x: Fraction) -> str | None:
    """The decimal that equals `x`, if it is short.

    >>> decimal_text(Fraction(-1, 8)), decimal_text(Fraction(1, 3))
    ('-0.125', None)
    """
    scaled = x * 10**MAX_DECIMALS
    if scaled.denominator != 1 or abs(x) >= 10**MAX_DECIMALS:
        return None
    whole, rest = divmod(abs(int(scaled)), 10**MAX_DECIMALS)
    digits = f"{rest:0{MAX_DECIMALS}d}".rstrip("0")
    return ("-" if x < 0 else "") + str(whole) + (f".{digits}" if digits else "")


def decimal_phrase(x: Fraction | float) -> Phrase:
    """A number as a phrase; a negative one as a product with -1, so that signs are set well."""
    if x < 0:
        return mul([decimal_phrase(-x)], -1)
    if isinstance(x, Fraction):
        exact = decimal_text(x)
        if exact is not None:
            return num(x) if x.denominator == 1 else Phrase("decimal", data=(exact,))
        if x.denominator <= MAX_DENOMINATOR and x.numerator <= MAX_DENOMINATOR:
            return num(x)
    return Phrase("decimal", data=(f"{float(x):.{ROUNDED_TO}g}",))
