"""Gradients, Jacobians and Hessians of SymPy expressions, as closed forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import sympy as sp

from symback.errors import InputError, ShapeError, Unsupported
from symback.sympy_closed_form import Layout, closed_form
from symback.sympy_derivation import Derivation
from symback.sympy_lists import (
    each_gradient,
    each_hessian,
    each_jacobian,
    entries,
    is_explicit,
    is_list,
    row_by_row,
)
from symback.sympy_read import expression
from symback.tensor import show_shape


def gradient(expr: Any, wrt: Any) -> Any:
    """The gradient of a scalar expression (1x1 counts) by one variable.

    `wrt` is a Symbol, a MatrixSymbol or its transpose, an entry of one (MatrixElement, Indexed,
    ArrayElement), an ArraySymbol, or a list or explicit matrix of scalars; the gradient has its
    shape.

    Raises:
        ShapeError: `expr` is not a scalar.
        Unsupported: something in `expr` cannot be differentiated; the message names it.
        DomainError: the derivative divides by zero.

    >>> from sympy import MatrixSymbol, symbols
    >>> n = symbols("n", integer=True, positive=True)
    >>> A, x = MatrixSymbol("A", n, n), MatrixSymbol("x", n, 1)
    >>> gradient(x.T*A*x, x)
    (A + A.T)*x
    """
    if is_list(wrt):
        variables = entries(wrt)
        derivation = _scalar(Derivation(expr, tuple(variables)), "gradient")
        places = range(len(variables))
        return each_gradient([closed_form(derivation.by(place)) for place in places], wrt)
    if isinstance(wrt, sp.Transpose):
        derivation = _scalar(Derivation(expr, (wrt.arg,)), "gradient")
        return closed_form(derivation.by(0), "numerator")
    return closed_form(_scalar(Derivation(expr, (wrt,)), "gradient").by(0))


def jacobian(expr: Any, wrt: Any, layout: Layout = "mixed") -> Any:
    """The derivative of any expression: its axes first, then those of `wrt`.

    Rank 2 at most comes back as a matrix, so d(A*x)/dx = A; the derivative of a scalar has the
    shape of `wrt`, which may also be the transpose of a vector. More axes come back as an
    ArrayComprehension in index notation. `layout`:

        mixed        the above
        numerator    rows are the expression's: the derivative of a scalar by a column is a row
        denominator  the transpose of that
        vec          d vec(expr) / d vec(wrt)', a matrix (Magnus and Neudecker)

    >>> from sympy import MatrixSymbol, exp, symbols
    >>> m, n = symbols("m n", integer=True, positive=True)
    >>> A, x = MatrixSymbol("A", m, n), MatrixSymbol("x", n, 1)
    >>> jacobian(A*x, x)
    A
    """
    _check_layout(layout, get_args(Layout))
    if is_list(wrt):
        if layout != "mixed":
            raise Unsupported(f"layout {layout!r} is for one variable, not for a list of them")
        return each_jacobian(_slopes(expr, entries(wrt)), wrt)
    derivation = Derivation(expr, (_upright(wrt),))
    if _upright(wrt) is not wrt and layout == "mixed" and not derivation.root.shape:
        layout = "numerator"
    slope = closed_form(derivation.by(0), layout)
    if is_list(expr) and layout == "mixed" and isinstance(slope, sp.FunctionMatrix):
        return row_by_row(lambda entry: jacobian(entry, wrt), expression(expr), wrt) or slope
    return slope


def _slopes(expr: Any, variables: Sequence[Any]) -> list[Any]:
    """The derivative of an expression by each of several scalars, that of a list explicit."""
    derivation = Derivation(expr, tuple(variables))
    slopes = [closed_form(derivation.by(place)) for place in range(len(variables))]
    if not is_list(expr) or all(map(is_explicit, slopes)):
        return slopes
    table = expression(expr)
    each = zip(*(_slopes(entry, variables) for entry in table), strict=True)
    return [sp.Matrix(*table.shape, list(column)) for column in each]


def hessian(expr: Any, x: Any, y: Any = None, layout: Literal["mixed", "vec"] = "mixed") -> Any:
    """The second derivative of a scalar expression by `x`, then by `y` (or `x` again).

    By matrices it has three or four axes, in index notation; with the layout "vec" it is the matrix
    d^2 f / d vec(x) d vec(y)' (Magnus and Neudecker, chapter 10).
    With lists of scalars the answer is the matrix of their second derivatives; one scalar beside a
    list counts as a list of one.

    >>> from sympy import MatrixSymbol, symbols
    >>> n = symbols("n", integer=True, positive=True)
    >>> A, x = MatrixSymbol("A", n, n), MatrixSymbol("x", n, 1)
    >>> hessian(x.T*A*x, x)
    A + A.T
    """
    _check_layout(layout, ("mixed", "vec"))
    y = x if y is None else y
    if is_list(x) or is_list(y):
        rows, columns = _each(x), _each(y)
        derivation = _scalar(Derivation(expr, (*rows, *columns)), "Hessian")
        return each_hessian(lambda *pair: closed_form(derivation.by(*pair)), rows, columns)
    x, y = map(_upright, (x, y))
    return closed_form(_scalar(Derivation(expr, (x, y)), "Hessian").by(0, 1), layout)


def _each(wrt: Any) -> list[Any]:
    """The variables of a list, or the one scalar that stands beside a list."""
    if is_list(wrt):
        return entries(wrt)
    if getattr(wrt, "is_Matrix", False):
        raise Unsupported(
            f"a Hessian by a list and by the matrix {wrt}",
            hint="differentiate by each variable of the list on its own",
        )
    return [wrt]


def _upright(wrt: Any) -> Any:
    """The vector that a variable is the transpose of; any other variable as it is."""
    return wrt.arg if isinstance(wrt, sp.Transpose) and 1 in wrt.shape else wrt


def _scalar(derivation: Derivation, wanted: str) -> Derivation:
    if derivation.root.shape and not derivation.root.is_scalar:
        shape = show_shape(derivation.root.shape)
        hint = "use jacobian" if wanted == "gradient" else None
        raise ShapeError(f"a {wanted} needs a scalar, not shape {shape}", hint=hint)
    return derivation


def _check_layout(layout: str, known: Sequence[str]) -> None:
    if layout not in known:
        raise InputError(f"there is no layout {layout!r} here; choose one of {', '.join(known)}")
