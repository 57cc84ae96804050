"""Gaussian elimination over any numbers with `+ - * /`: rationals, or floats of many digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

PivotChoice: TypeAlias = Callable[[Sequence[Any]], int | None]


def invert_numbers(rows: list[list[Any]], best_pivot: PivotChoice) -> list[list[Any]]:
    """The inverse by Gauss and Jordan, for numbers with `+ - * /`.

    `best_pivot(candidates)` is the place of a usable pivot among them, or None.
    """
    size = len(rows)
    work = [[*row, *(int(i == j) for j in range(size))] for i, row in enumerate(rows)]
    for column in range(size):
        chosen = best_pivot([work[i][column] for i in range(column, size)])
        if chosen is None:
            raise ZeroDivisionError
        work[column], work[column + chosen] = work[column + chosen], work[column]
        pivot = work[column][column]
        top = work[column] = [x / pivot for x in work[column]]
        for i in range(size):
            factor = work[i][column]
            if i != column and factor != 0:
                work[i] = [x - factor * y for x, y in zip(work[i], top, strict=True)]
    return [row[size:] for row in work]


def determinant_of_numbers(rows: list[list[Any]], best_pivot: PivotChoice) -> Any:
    """The determinant by elimination; the arguments are those of :func:`invert_numbers`."""
    work = [list(row) for row in rows]
    result = 1
    while work:
        chosen = best_pivot([row[0] for row in work])
        if chosen is None:
            return 0
        pivot_row = work.pop(chosen)
        pivot = pivot_row[0]
        result = result * (pivot if chosen % 2 == 0 else -pivot)
        work = [
            [x - row[0] / pivot * y for x, y in zip(row[1:], pivot_row[1:], strict=True)]
            for row in work
        ]
    return result
