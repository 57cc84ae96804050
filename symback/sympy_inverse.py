"""Inverses and determinants of matrices of known size, which SymPy writes out entry by entry."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

LARGEST = 3  # rows; SymPy takes seconds for larger ones


def with_inverses(expr: Any) -> Any:
    """The expression with entries of inverses for quotients of cofactors by a determinant.

    And with the determinant for what it is in logarithms, roots and denominators.

    >>> X, v = sp.MatrixSymbol("X", 2, 2), sp.MatrixSymbol("v", 2, 1)
    >>> with_inverses(X.as_explicit().inv()[0, 1] + sp.log(X.as_explicit().det()))
    log(Determinant(X)) + (X**(-1))[0, 1]
    """
    for symbol in sorted(_written_out(expr), key=str):
        expr = _read_back(expr, symbol)
    return expr


def _written_out(expr: Any) -> set[Any]:
    """The small square matrices all entries of which stand in an expression."""
    places: dict[Any, set[Any]] = {}
    for entry in expr.atoms(MatrixElement):
        parent = entry.parent
        if isinstance(parent, sp.MatrixSymbol) and parent.shape[0] == parent.shape[1]:
            places.setdefault(parent, set()).add(entry)
    sizes = range(2, LARGEST + 1)
    return {
        symbol
        for symbol, entries in places.items()
        if symbol.shape[0] in sizes and len(entries) == symbol.shape[0] ** 2
    }


def _read_back(expr: Any, symbol: Any) -> Any:
    matrix = symbol.as_explicit()
    size = matrix.rows
    determinant = sp.expand(matrix.det(method="berkowitz"))
    signs = {determinant: 1, sp.expand(-determinant): -1}
    if not any(expr.has(total) for total in signs):
        return expr
    inverse = {}
    for i in range(size):
        for j in range(size):
            cofactor = sp.expand(matrix.cofactor(i, j, method="berkowitz"))
            entry = MatrixElement(sp.Inverse(symbol), sp.Integer(j), sp.Integer(i))
            inverse[cofactor] = entry
            inverse[sp.expand(-cofactor)] = -entry

    def quotient(term: Any) -> Any:
        below = next((f for f in term.args if f.is_Pow and f.exp == -1 and f.base in signs), None)
        above = next((f for f in term.args if f in inverse), None)
        if below is None or above is None:
            return term
        rest = [f for f in term.args if f is not above and f is not below]
        return sp.Mul(signs[below.base], inverse[above], *rest)

    def whole(term: Any) -> Any:
        base, *rest = term.args
        if base not in signs or (rest and rest[0].is_Integer and rest[0] > 0):
            return term
        return term.func(signs[base] * sp.Determinant(symbol), *rest)

    expr = expr.replace(lambda e: e.is_Mul, quotient)
    return expr.replace(lambda e: isinstance(e, (sp.log, sp.Pow)), whole)
