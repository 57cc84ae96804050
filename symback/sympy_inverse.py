"""Inverses of matrices of known size, which SymPy writes out entry by entry, read back."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

LARGEST = 3  # rows; SymPy takes seconds for larger ones


def inverted(matrix: Any) -> Any:
    """X where an explicit matrix is the inverse of a matrix symbol X; None otherwise.

    >>> X = sp.MatrixSymbol("X", 2, 2)
    >>> inverted(X.as_explicit().inv()), inverted(X.as_explicit())
    (X, None)
    """
    size, columns = matrix.shape
    if size != columns or not 2 <= size <= LARGEST or not matrix[0, 0].is_Mul:
        return None
    found = {entry.parent for entry in matrix.atoms(MatrixElement)}
    if len(found) != 1:
        return None
    (symbol,) = found
    if not isinstance(symbol, sp.MatrixSymbol) or symbol.shape != matrix.shape:
        return None
    parts = [sp.fraction(entry) for entry in matrix]
    wanted = symbol.as_explicit().det(method="berkowitz")
    by_det = {below: sp.cancel(below / wanted) for below in {below for _, below in parts}}
    if not all(factor.is_Rational and factor != 0 for factor in by_det.values()):
        return None
    adjugate = sp.Matrix(size, size, [above / by_det[below] for above, below in parts])
    product = adjugate * symbol.as_explicit() - wanted * sp.eye(size)
    return symbol if all(sp.expand(entry) == 0 for entry in product) else None
