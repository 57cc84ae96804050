"""Numbers as they are shown: exact where possible, as floats, and with many digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symback.elementwise import Array
from symback.exact import Exact


@dataclass(frozen=True)
class Value:
    """An array of numbers in the shape in which the user sees it.

    Attributes:
        floats: a float64 array.
        exact: the same numbers, exact, or None where that is out of reach.
        digits: the same numbers as text with many digits, row by row, where they were asked for.
    """

    floats: Array
    exact: Exact | None = None
    digits: tuple[str, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.floats.shape)

    def nested(self) -> Any:
        """The floats as nested lists; a scalar as a number."""
        return self.floats.tolist()
