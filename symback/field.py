"""What a kind of scalar must know to be computed with, and arrays of such scalars."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeAlias, TypeVar

from symback.errors import ShapeError

MAX_PSI_ORDER = 200  # of polygamma

S = TypeVar("S")
Index: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Entries(Generic[S]):
    """An array of scalars in row-major order.

    >>> Entries((2, 2), (1, 2, 3, 4)).nested()
    [[1, 2], [3, 4]]
    """

    shape: tuple[int, ...]
    entries: tuple[S, ...]

    def __post_init__(self) -> None:
        if len(self.entries) != math.prod(self.shape):
            raise ShapeError(f"{len(self.entries)} entries do not make an array {self.shape}")

    def nested(self) -> Any:
        """The entries as nested lists; a scalar as itself."""
        rows: list[Any] = list(self.entries)
        for size in reversed(self.shape[1:]):
            rows = [rows[k : k + size] for k in range(0, len(rows), size)]
        return rows if self.shape else rows[0]

    def indexed(self) -> Iterator[tuple[Index, S]]:
        """Pairs (index, entry)."""
        return zip(itertools.product(*map(range, self.shape)), self.entries, strict=True)

    def rows(self, axes: int) -> list[tuple[S, ...]]:
        """The entries in groups: all those that differ only in the last `axes` indices."""
        length = math.prod(self.shape[len(self.shape) - axes :])
        return [self.entries[k : k + length] for k in range(0, len(self.entries), length)]

    def at(self, index: Index) -> S:
        """One entry; of a scalar, that one for any index."""
        place = 0
        for size, position in zip(self.shape, index, strict=False):
            place = place * size + position
        return self.entries[place]


class OutsideDomain(Exception):
    """A function is not defined at its argument number `place`."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class Field(ABC, Generic[S]):
    """The arithmetic of one kind of scalar.

    `nought` is a 0 that holds in a whole neighbourhood of the point (an indicator's); it is told
    from another 0 by identity, and wins over a factor without a value.
    """

    nought: S
    one: S

    @abstractmethod
    def spend(self, work: int) -> None:
        """Count `work` operations; raise when there were too many."""

    @abstractmethod
    def number(self, value: Fraction) -> S:
        """A rational number."""

    @abstractmethod
    def constant(self, name: str) -> S:
        """The constant pi or e."""

    @abstractmethod
    def sum(self, terms: Sequence[S]) -> S:
        """The sum of one term or more."""

    @abstractmethod
    def product(self, factors: Sequence[S]) -> S:
        """The product of one factor or more."""

    @abstractmethod
    def function(self, name: str, order: tuple[int, ...], args: Sequence[S]) -> S:
        """An elementwise function. Raises OutsideDomain where it is not defined."""

    @abstractmethod
    def compare(self, a: S, b: S) -> int | None:
        """The sign of a - b; None if it depends on a symbol."""

    @abstractmethod
    def whole(self, a: S) -> int | None:
        """The integer that `a` is, or None."""

    @abstractmethod
    def show(self, a: S) -> str:
        """`a` as errors write it."""

    @abstractmethod
    def logsumexp(self, terms: Sequence[S]) -> S:
        """log(exp(a) + exp(b) + ...)."""

    @abstractmethod
    def determinant(self, rows: list[list[S]]) -> S:
        """The determinant of a square matrix."""

    @abstractmethod
    def inverse(self, rows: list[list[S]]) -> list[list[S]]:
        """The inverse of a square matrix. Raises ZeroDivisionError for a singular one."""

    @abstractmethod
    def exponential(self, rows: list[list[S]]) -> list[list[S]]:
        """The matrix exponential."""

    @abstractmethod
    def refuse(self, what: str) -> Exception:
        """The error for `what` this arithmetic cannot do."""
