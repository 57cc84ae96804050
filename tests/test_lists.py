"""Derivatives by lists and explicit matrices of scalars, against SymPy's own."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import symback as sb
from symback.errors import DomainError, Unsupported

a, b, c, t = sp.symbols("a b c t")
n = sp.Symbol("n", integer=True, positive=True)
v = sp.Matrix(sp.symbols("v:3"))
F = sp.MatrixSymbol("F", 2, 2)
x = sp.MatrixSymbol("x", n, 1)
polar = sp.Matrix([a * sp.cos(b), a * sp.sin(b)])


@pytest.mark.parametrize("wrt", [[a, b], (a, b), sp.Matrix([a, b]), sp.Array([a, b])])
def test_jacobian_is_the_one_of_sympy(wrt: Any) -> None:
    assert sb.jacobian(polar, wrt) == polar.jacobian([a, b])


def test_gradient_has_the_shape_of_the_variables() -> None:
    assert sb.gradient(a**2 * b, [a, b]) == sp.Matrix([2 * a * b, a**2])
    assert sb.gradient(a**2 * b, sp.Matrix([[a, b]])) == sp.Matrix([[2 * a * b, a**2]])
    assert sb.jacobian(F.as_explicit().det(), F.as_explicit()) == sp.Matrix(
        [[F[1, 1], -F[1, 0]], [-F[0, 1], F[0, 0]]]
    )


def test_hessian_is_the_one_of_sympy() -> None:
    form = (v.T * sp.Matrix(3, 3, lambda i, j: i + 2 * j) * v)[0, 0] + sp.exp(v[0] * v[1])
    assert (sb.hessian(form, v) - sp.hessian(form, list(v))).expand() == sp.zeros(3)
    assert sb.hessian(a * b**2 * c, [a], [b, c]) == sp.Matrix([[2 * b * c, b**2]])
    assert sb.hessian(a * b**2 * c, a, [b, c]) == sp.Matrix([[2 * b * c, b**2]])
    assert sb.hessian(a * b**2 * c, sp.Tuple(b, c), a) == sp.Matrix([2 * b * c, b**2])
    with pytest.raises(Unsupported, match="a Hessian by a list and by the matrix x"):
        sb.hessian(a * b * x[0, 0], [a, b], x)


def test_higher_ranks_are_arrays() -> None:
    square = sp.Matrix([[a**2, a * b], [b, a]])
    assert sb.jacobian(square, [a, b]) == sp.Array([[[2 * a, 0], [b, a]], [[0, 1], [1, 0]]])
    assert sb.jacobian(sp.Array([a**2, a * b, b]), a) == sp.Matrix([2 * a, b, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sb.jacobian(a * x, [a, b]), "symbolic size"),
        (lambda: sb.jacobian(polar, [a, b], layout="vec"), "layout 'vec' is for one variable"),
    ],
)
def test_what_cannot_be_written_is_refused(call: Any, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        call()


# --- functions and constants that only SymPy knows -------------------------------------------


@pytest.mark.parametrize(
    "expr",
    [
        sp.atan2(t, a),
        sp.besselj(0, t**2),
        sp.LambertW(t),
        sp.zeta(a) * t + sp.ceiling(b) * t,
        sp.exp(sp.I * t),
        sp.binomial(n, a) * t**2,
    ],
)
def test_sympy_knows_the_derivative(expr: Any) -> None:
    assert sp.simplify(sb.gradient(expr, t) - expr.diff(t)) == 0


def test_an_applied_function_that_only_sympy_knows() -> None:
    slopes = sb.jacobian(x.applyfunc(sp.Si), x)
    three = slopes.subs(n, 3).subs(sp.MatrixSymbol("x", 3, 1), sp.Matrix([1, 2, 3])).as_explicit()
    assert three == sp.diag(sp.sin(1), sp.sin(2) / 2, sp.sin(3) / 3)


@pytest.mark.parametrize(
    ("expr", "wrt", "message"),
    [
        (sp.zeta(t), t, "cannot differentiate zeta"),
        (sp.Symbol("u", commutative=False) * t, t, "does not commute"),
        (sp.KroneckerDelta(a, b) * t, a, "an index depends on what is differentiated by"),
        (sp.Abs(a + sp.I * t), t, "depends on a complex number"),
        (sp.Integral(sp.sin(a * t), (a, 0, t)), t, "cannot read Integral"),
    ],
)
def test_what_nobody_knows_is_refused(expr: Any, wrt: Any, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        sb.gradient(expr, wrt)


def test_a_division_by_zero_is_said() -> None:
    with pytest.raises(DomainError, match="divides by zero"):
        sb.gradient(a / (sp.Trace(F) - sp.Trace(F.T)), a)


def test_names_that_would_clash() -> None:
    f, f_1 = sp.Function("f"), sp.Function("f_1")
    slope = sb.gradient(f(t, a) * f_1(t, a), t)
    assert len({part.func for part in slope.atoms(sp.core.function.AppliedUndef)}) == 4
    unused, i = sp.Symbol("unused", integer=True), sp.Symbol("i", integer=True)
    total = sp.Sum(x[i, 0] * sp.exp(i), (i, 0, n - 1))
    answer = sb.gradient(unused * total, x).subs(n, 2).as_explicit()
    assert answer == sp.Matrix([unused, unused * sp.E])


def test_another_symmetric_matrix_is_not_diagonal() -> None:
    X, A = sp.MatrixSymbol("X", n, n), sp.MatrixSymbol("A", n, n)
    with sp.assuming(sp.Q.diagonal(X), sp.Q.symmetric(A)):
        slope = sb.gradient(sp.Trace(A * X), X)
        assert sb.gradient(sp.log(sp.Determinant(X)), X) == X.inv()
    assert slope == sp.matrices.expressions.diagonal.DiagMatrix(
        sp.matrices.expressions.diagonal.DiagonalOf(A)
    )
