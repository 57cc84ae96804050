"""The witness against values known otherwise: SymPy's own numbers, and NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import (
    Determinant,
    DotProduct,
    HadamardPower,
    HadamardProduct,
    Identity,
    Inverse,
    KroneckerDelta,
    KroneckerProduct,
    Lambda,
    MatrixSymbol,
    OneMatrix,
    Piecewise,
    Sum,
    Trace,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.tensor.array.expressions import array_expressions as ax

from tests import witness
from tests.corpus import array

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
s, t = sp.symbols("s t")
A, B = MatrixSymbol("A", n, n), MatrixSymbol("B", n, m)
x = MatrixSymbol("x", n, 1)
f = sp.Function("f")

RNG = np.random.default_rng(7)
ENV: dict[Any, Any] = {
    n: 3,
    m: 2,
    s: 0.7,
    t: 1.3,
    A: RNG.uniform(0.2, 1.0, (3, 3)) + np.eye(3),
    B: RNG.uniform(0.2, 1.0, (3, 2)),
    x: RNG.uniform(0.2, 1.0, (3, 1)),
    f: lambda *arguments: np.sin(arguments[0]) + sum(arguments[1:]) ** 2,
}
a, b, v = ENV[A], ENV[B], ENV[x]

VALUES: list[tuple[Any, Any]] = [
    (A * B, a @ b),
    (2 * A + A.T, 2 * a + a.T),
    (x.T * A * x, v.T @ a @ v),
    ((x.T * A * x)[0, 0], (v.T @ a @ v)[0, 0]),
    (Trace(A) * A, np.trace(a) * a),
    (Inverse(A), np.linalg.inv(a)),
    (A**-2, np.linalg.inv(a) @ np.linalg.inv(a)),
    (sp.log(Determinant(A)), np.log(np.linalg.det(a))),
    (sp.sqrt(x.T * x), np.sqrt(v.T @ v)),
    (sp.exp(x.T * x), np.exp((v.T @ v)[0, 0])),
    (HadamardProduct(B, B, B), b**3),
    (HadamardPower(B, -2), b**-2.0),
    (HadamardPower(2, B), 2.0**b),
    (HadamardPower(B, B), b**b),
    (B.applyfunc(lambda u: u**2 + 1), b**2 + 1),
    (B.applyfunc(sp.Abs), np.abs(b)),
    (DiagMatrix(x), np.diag(v[:, 0])),
    (DiagonalMatrix(A), np.diag(np.diag(a))),
    (DiagonalOf(A), np.diag(a).reshape(3, 1)),
    (OneMatrix(1, n) * x, v.sum().reshape(1, 1)),
    (KroneckerProduct(B, x), np.kron(b, v)),
    (DotProduct(x, A * x), (v.T @ a @ v)[0, 0]),
    (sp.BlockMatrix([[A, B], [B.T, Identity(m)]]), np.block([[a, b], [b.T, np.eye(2)]])),
    (A[0:2, 1:3], a[0:2, 1:3]),
    (sp.FunctionMatrix(n, m, Lambda((i, j), i + 10 * j)), np.array([[0, 10], [1, 11], [2, 12]])),
    (sp.Matrix([[s, 1], [t, s * t]]), np.array([[0.7, 1], [1.3, 0.91]])),
    (Sum(A[i, j] * x[j, 0], (j, 0, i), (i, 0, n - 1)), np.sum(np.tril(a) @ v)),
    (sp.Product(x[i, 0], (i, 0, n - 1)), v.prod()),
    (Sum(A**i, (i, 0, 2)), np.eye(3) + a + a @ a),
    (
        array(A[i, j] * KroneckerDelta(j, k), (i, n), (j, n), (k, n)),
        np.einsum("ij,jk->ijk", a, np.eye(3)),
    ),
    (Piecewise((s, s > 1), (t, True)), 1.3),
    (sp.Max(s, t) + sp.Min(s, t) + sp.sign(-s) + sp.Heaviside(s), 2.0),
    (sp.erf(s), 0.6778011938374184),
    (sp.gamma(t), 0.8974706963062772),
    (sp.digamma(t), -0.16919088886679956),
    (sp.besselj(0, s), 0.8812008886074052),
    (f(s, t), np.sin(0.7) + 1.69),
    (sp.Derivative(f(s), s), np.cos(0.7)),
    (sp.Derivative(sp.sin(s) * t**2, s, t), 2.6 * np.cos(0.7)),
    (sp.Subs(sp.Derivative(f(s), s), s, 2 * t), np.cos(2.6)),
    (sp.Function("f'")(s), np.cos(0.7)),
    (ax.ArrayContraction(ax.ArrayTensorProduct(A, A), (1, 2)), a @ a),
    (ax.ArrayDiagonal(A, (0, 1)), np.diag(a)),
    (
        ax.PermuteDims(ax.ArrayTensorProduct(A, x), [3, 1, 2, 0]),
        np.transpose(np.multiply.outer(a, v), (3, 1, 2, 0)),
    ),
    (ax.Reshape(A, (n * n,)), a.reshape(9)),
    (ax.ArrayAdd(A, A), 2 * a),
]


@pytest.mark.parametrize(("expr", "value"), VALUES, ids=lambda part: str(part)[:40])
def test_values(expr: Any, value: Any) -> None:
    np.testing.assert_allclose(witness.evaluate(expr, ENV), value, rtol=1e-9)


def test_matrix_function_of_a_square_matrix() -> None:
    series = sum(np.linalg.matrix_power(a, p) / float(sp.factorial(p)) for p in range(40))
    np.testing.assert_allclose(witness.evaluate(sp.exp(A), ENV), series, rtol=1e-9)


def test_complex_values() -> None:
    env = {**ENV, A: a + 1j * a.T}
    np.testing.assert_allclose(witness.evaluate(A.adjoint() * A, env), env[A].conj().T @ env[A])


def test_symbolic_matrices_agree_with_explicit_ones() -> None:
    two = {n: 2}
    expr = Inverse(A) * HadamardProduct(A, A.T) + Trace(A) * A**2
    symbol = A.subs(two)
    numbers = sp.Matrix([[2, 1], [sp.Rational(1, 3), 1]])
    exact = expr.subs(two).subs(symbol, numbers).doit().as_explicit()
    value = witness.evaluate(expr.subs(two), {symbol: np.array(numbers, dtype=float)})
    np.testing.assert_allclose(value, np.array(exact, dtype=float))


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (MatrixSymbol("Z", n, n), "no value for Z"),
        (A[k + 3, 0], "outside the shape"),
        (A[i - 1, 0], "outside the shape"),
        (sp.Add(A[0, 0], HadamardProduct(A, A), evaluate=False), "a sum of shapes"),
        (sp.Function("g")(s), "no value for the function g"),
        (Piecewise((s, s > 1)), "no case applies"),
    ],
)
def test_what_has_no_value_is_refused(expr: Any, message: str) -> None:
    with pytest.raises(witness.WitnessError, match=message):
        witness.evaluate(expr, {**ENV, i: 0, k: 0})


def test_first_derivatives_have_the_axes_of_both() -> None:
    truth = witness.derivative(A * B, B, ENV)
    assert truth.shape == (3, 2, 3, 2)
    np.testing.assert_allclose(truth, np.einsum("ik,jl->ijkl", a, np.eye(2)), atol=1e-11)


def test_first_derivative_is_accurate() -> None:
    truth = witness.derivative(sp.log(Determinant(A)), A, ENV)
    np.testing.assert_allclose(truth, np.linalg.inv(a).T, rtol=1e-10)


def test_derivative_by_an_entry_with_a_free_index() -> None:
    w = sp.IndexedBase("w")
    env = {**ENV, k: 1, w: witness.Entries(5, 0.5, 1.5)}
    slope = witness.derivative(Sum(w[i] ** 3, (i, 0, n - 1)), w[k], env)
    np.testing.assert_allclose(slope, 3 * env[w][(1,)] ** 2, rtol=1e-11)


def test_second_derivative_is_accurate() -> None:
    truth = witness.second(sp.exp((x.T * A * x)[0, 0] / 9), x, x, ENV)
    g = (a + a.T) @ v / 9
    exact = np.exp((v.T @ a @ v)[0, 0] / 9) * (g @ g.T + (a + a.T) / 9)
    np.testing.assert_allclose(truth.reshape(3, 3), exact, rtol=1e-8)


def test_structured_directions() -> None:
    expr = Trace(A * MatrixSymbol("C", n, n))
    c = RNG.uniform(size=(3, 3))
    env = {**ENV, MatrixSymbol("C", n, n): c}
    symmetric = witness.derivative(expr, A, env, structure="symmetric")
    np.testing.assert_allclose(symmetric, c + c.T - np.diag(np.diag(c)), rtol=1e-10)
    diagonal = witness.derivative(expr, A, env, structure="diagonal")
    np.testing.assert_allclose(diagonal, np.diag(np.diag(c)), atol=1e-12)
