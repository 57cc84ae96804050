"""Derivatives by a list or an explicit matrix of scalars, put together from those by each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from symback.errors import Unsupported


def is_list(wrt: Any) -> bool:
    """Whether this is several variables: a list, a tuple, an explicit matrix or array."""
    return isinstance(wrt, (list, tuple, sp.Tuple, sp.MatrixBase, sp.NDimArray))


def is_explicit(slope: Any) -> bool:
    """Whether this is a scalar or has its entries one by one."""
    return isinstance(slope, sp.MatrixBase) or not getattr(slope, "is_Matrix", False)


def row_by_row(slope: Callable[[Any], Any], table: Any, wrt: Any) -> Any:
    """The derivative of a column of scalars by a scalar or by a column; None by anything else."""
    if table.shape[1] != 1:
        return None
    rows = [slope(entry) for entry in table]
    if not getattr(wrt, "is_Matrix", False):
        return sp.Matrix(rows) if all(map(is_explicit, rows)) else None
    if wrt.shape[1] != 1 or any(isinstance(row, sp.FunctionMatrix) for row in rows):
        return None
    return sp.BlockMatrix([[sp.Transpose(row).doit(deep=False)] for row in rows])


def entries(wrt: Any) -> list[Any]:
    """The variables of a list, in row-major order.

    Raises:
        Unsupported: one of them is no scalar.

    >>> entries(sp.Matrix([[1, 2], [3, 4]]))
    [1, 2, 3, 4]
    """
    found = list(wrt.flat()) if isinstance(wrt, sp.MatrixBase) else list(sp.flatten(wrt))
    for one in found:
        if getattr(one, "is_Matrix", False):
            raise Unsupported(
                f"a list of variables with the matrix {one} in it",
                hint="differentiate by each matrix on its own",
            )
    return found


def each_gradient(slopes: Sequence[Any], wrt: Any) -> Any:
    """The slopes of a scalar in the shape of its variables; those of a list are a column."""
    if isinstance(wrt, sp.NDimArray):
        return sp.Array(list(slopes), wrt.shape)
    shape = wrt.shape if isinstance(wrt, sp.MatrixBase) else (len(slopes), 1)
    return sp.Matrix(*shape, list(slopes))


def each_hessian(
    second: Callable[[int, int], Any], rows: Sequence[Any], columns: Sequence[Any]
) -> Any:
    """The matrix of second derivatives, each pair of variables worked out once.

    `second` takes the places of two variables in the one list after the other.
    """
    found: dict[frozenset[Any], Any] = {}
    for i, one in enumerate(rows):
        for j, two in enumerate(columns, len(rows)):
            if frozenset((one, two)) not in found:
                found[frozenset((one, two))] = second(i, j)
    return sp.Matrix([[found[frozenset((one, two))] for two in columns] for one in rows])


def each_jacobian(slopes: Sequence[Any], wrt: Any) -> Any:
    """The slopes of an expression, its own axes first, then those of the variables.

    Raises:
        Unsupported: the expression is a matrix of symbolic size.
    """
    if not any(getattr(slope, "is_Matrix", False) for slope in slopes):
        return each_gradient(slopes, wrt)
    if not all(map(is_explicit, slopes)):
        raise Unsupported(
            "the derivative of a matrix of symbolic size by a list of variables",
            hint="differentiate by one variable at a time",
        )
    is_table = isinstance(wrt, (sp.MatrixBase, sp.NDimArray)) and 1 not in wrt.shape[1:] != ()
    if slopes[0].shape[1] == 1 and not is_table:
        return sp.Matrix.hstack(*slopes)
    own = slopes[0].shape if slopes[0].shape[1] != 1 else slopes[0].shape[:1]
    axes = wrt.shape if is_table else (len(slopes),)
    return sp.Array([slope[k] for k in range(len(slopes[0])) for slope in slopes], (*own, *axes))
