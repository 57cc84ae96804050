"""Short names for writing rows of the corpus: makers of rows, and matrices that recur in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sympy import (
    Expr,
    HadamardProduct,
    Lambda,
    MatrixExpr,
    OneMatrix,
    Piecewise,
    Sum,
    Symbol,
    exp,
    symbols,
)

from tests.corpus import KINDS, Row

Maker = Callable[..., Row]

t = Symbol("t")
_row = symbols("i", integer=True)

SIGMOID = 1 / (1 + exp(-t))
STEP = Piecewise((1, t > 0), (0, True))


def rows_from(
    module: str, section: str, source: str, where: Mapping[Symbol, Expr] | None = None
) -> Iterable[Maker]:
    """Return three makers of rows: gradient, jacobian and hessian.

    Each takes (name, expr, wrt, expected) and whatever else a Row takes by keyword; the id of the
    row is ``module/section/name``, with hyphens for spaces.

    ``where`` gives the meaning of symbols that stand for scalars such as a sum of exponentials.
    They are put in at the end, because SymPy tries to evaluate every Sum in a matrix product anew
    with each multiplication (about 10 ms each time).

    Example:
        gradient, jacobian, hessian = rows_from("demo", "norms", "Boyd and Vandenberghe, A.4")
        gradient("squared length", x.T*x, x, 2*x)
    """

    def maker(kind: str) -> Maker:
        def make(name: str, expr: Any, wrt: Any, expected: Any, **rest: Any) -> Row:
            words = f"{module}/{section}/{name}".replace(",", "").replace(" ", "-")
            if where:
                expr, expected = expr.xreplace(where), expected.xreplace(where)
            return Row(words, kind, expr, wrt, expected, source, **rest)

        return make

    return tuple(maker(kind) for kind in KINDS)


def each(body: Expr, matrix: MatrixExpr) -> MatrixExpr:
    """Apply a function of ``t`` elementwise: ``each(t**2, X)`` squares every entry of X."""
    return matrix.applyfunc(Lambda(t, body))


def had(*factors: MatrixExpr) -> MatrixExpr:
    """Return the Hadamard product."""
    return HadamardProduct(*factors)


def ones(rows: Expr, cols: Expr | int = 1) -> MatrixExpr:
    """Return a matrix of ones; a column unless told otherwise."""
    return OneMatrix(rows, cols)


def case(value: Any, condition: Any) -> Expr:
    """Return ``value`` where the condition holds and 0 elsewhere."""
    return Piecewise((value, condition), (0, True))


def total(column: MatrixExpr) -> Expr:
    """Sum the entries of a column, each written as an entry under a Sum."""
    return Sum(column[_row, 0], (_row, 0, column.rows - 1))
