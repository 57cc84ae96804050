"""Matrices that SymPy has no class for: what the layout "vec" needs."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement


class CommutationMatrix(sp.MatrixExpr):  # type: ignore[misc]
    """The permutation matrix K with K*vec(X) = vec(X.T) for X of m rows and n columns.

    SymPy has no class for it. Magnus and Neudecker, Matrix Differential Calculus, section 3.7.

    >>> X = sp.Matrix(2, 3, range(6))
    >>> CommutationMatrix(2, 3).as_explicit() * X.vec() == X.T.vec()
    True
    """

    def __new__(cls, m: Any, n: Any) -> Any:
        return sp.MatrixExpr.__new__(cls, sp.sympify(m, strict=True), sp.sympify(n, strict=True))

    @property
    def shape(self) -> Any:
        return (self.args[0] * self.args[1],) * 2

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        m, n = self.args
        # entry i of vec(X.T) is X[i // n, i mod n], which is entry (i mod n)*m + i // n of vec(X)
        return sp.KroneckerDelta(j, sp.Mod(i, n) * m + sp.floor(i / n))

    def _eval_transpose(self) -> Any:
        return CommutationMatrix(self.args[1], self.args[0])


class Vec(sp.MatrixExpr):  # type: ignore[misc]
    """The columns of a matrix, one below the other.

    SymPy has it for explicit matrices only. Magnus and Neudecker, Matrix Differential Calculus,
    section 2.4.

    >>> n = sp.Symbol("n", integer=True, positive=True)
    >>> X = sp.MatrixSymbol("X", n, n)
    >>> Vec(X)
    Vec(X)
    >>> Vec(X).subs(n, 2).as_explicit() == X.subs(n, 2).as_explicit().vec()
    True
    """

    def __new__(cls, matrix: Any) -> Any:
        return sp.MatrixExpr.__new__(cls, matrix)

    @property
    def shape(self) -> Any:
        rows, columns = self.args[0].shape
        return (rows * columns, 1)

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        (matrix,) = self.args
        rows = matrix.shape[0]
        at = (sp.Mod(i, rows), sp.floor(i / rows))
        # [...] would work an inverse out
        symbolic = matrix.has(sp.MatPow) and not all(place.is_number for place in at)
        return MatrixElement(matrix, *at) if symbolic else matrix[at]

    def doit(self, **hints: Any) -> Any:
        matrix = self.args[0].doit(**hints) if hints.get("deep", True) else self.args[0]
        return matrix.vec() if isinstance(matrix, sp.MatrixBase) else Vec(matrix)
