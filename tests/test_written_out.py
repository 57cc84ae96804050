"""What SymPy writes out entry by entry is read as the matrices that it was."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import Array, Trace, exp, log, sqrt
from sympy.tensor.array.expressions import ArraySymbol

import symback as sb
from symback.sympy_digits import in_digits
from symback.sympy_inverse import with_inverses
from tests import random_problems
from tests.random_problems import Problem

n = sp.Symbol("n", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True)
a, b, c, d = sp.symbols("a:d")
t = sp.Symbol("t")
M, N = sp.MatrixSymbol("M", 3, 3), sp.MatrixSymbol("N", 3, 3)
u, h = sp.MatrixSymbol("u", 3, 1), sp.MatrixSymbol("h", 3, 1)
H, x = sp.MatrixSymbol("H", 3, n), sp.MatrixSymbol("x", n, 1)
P, Q, e = sp.MatrixSymbol("P", 2, 2), sp.MatrixSymbol("Q", 2, 2), sp.MatrixSymbol("d", 2, 1)
U, V = ArraySymbol("U", (2, 2)), ArraySymbol("V", (3,))
delta = sp.KroneckerDelta
unit = sp.Identity(3)


@pytest.mark.parametrize(
    ("derivative", "answer"),
    [
        (lambda: sb.gradient((u.T * u)[0, 0], u[k, 0]), 2 * u[k, 0]),
        (lambda: sb.gradient((M * u)[i, 0], u[k, 0]), M[i, k]),
        (lambda: sb.gradient((M * N)[i, j], M[k, l]), delta(i, k) * N[l, j]),
        (lambda: sb.gradient(Trace(M * N).rewrite(sp.Sum), M[k, l]), N[l, k]),
        (lambda: sb.gradient(Trace(M).rewrite(sp.Sum), M[k, l]), delta(k, l)),
        (lambda: sb.gradient((u.T * M * u)[0, 0], M[k, l]), u[k, 0] * u[l, 0]),
        (lambda: sb.gradient((u.T * M * u)[0, 0], u), (M + M.T) * u),
        (lambda: sb.gradient((h.T * H * x)[0, 0], H), h * x.T),
        (lambda: sb.gradient((M * N * M).as_explicit().trace(), M), M.T * N.T + N.T * M.T),
        (lambda: sb.gradient(M.as_explicit().trace(), M), unit),
        (lambda: sb.gradient(M.as_explicit().norm() ** 2, M), 2 * M),
        (lambda: sb.gradient(u.as_explicit().norm(), u), 1 / sqrt(Trace(u.T * u)) * u),
        (lambda: sb.jacobian((M * u).as_explicit(), u), M),
        (
            lambda: sb.gradient(((M * u - h).T * (M * u - h)).as_explicit()[0, 0], u),
            2 * M.T * (M * u - h),
        ),
        (lambda: sb.gradient((M * u)[k, 0], u), "M[k:k + 1, :].T"),
        (lambda: sb.gradient((M * u)[k, 0], M), "I[:, k:k + 1]*u.T"),
        (lambda: sb.gradient(M[i, j], M), "I[:, i:i + 1]*I[:, j:j + 1].T"),
        (lambda: sb.jacobian(M * u, M[k, l]), "u[l, 0]*I[:, k:k + 1]"),
        (lambda: sb.hessian(u[k, 0] ** 2, u), "2*I[:, k:k + 1]*I[:, k:k + 1].T"),
        # what is no whole stays as it is
        (lambda: sb.gradient(u[0, 0] + 2 * u[1, 0] + u[2, 0], u), sp.Matrix([1, 2, 1])),
        (
            lambda: sb.gradient(u[0, 0] ** 2 + u[1, 0] * u[2, 0], u),
            sp.Matrix([2 * u[0, 0], u[2, 0], u[1, 0]]),
        ),
        (
            lambda: sb.gradient(P.as_explicit().det(), P),
            sp.Matrix([[P[1, 1], -P[1, 0]], [-P[0, 1], P[0, 0]]]),
        ),
        # arrays
        (
            lambda: sb.gradient(a * b**2 * exp(c) * log(d), Array([[a, b], [c, d]])),
            Array(
                [
                    [b**2 * exp(c) * log(d), 2 * a * b * exp(c) * log(d)],
                    [a * b**2 * exp(c) * log(d), a * b**2 * exp(c) / d],
                ]
            ),
        ),
        (lambda: sb.jacobian(x, x.T), sp.Identity(n)),
        (lambda: sb.jacobian(x.T * x, x.T), 2 * x.T),
        (lambda: sb.gradient(t ** (1 / 3), t), 1 / (3 * t ** sp.Rational(2, 3))),
    ],
)
def test_read_as_it_was_meant(derivative: Any, answer: Any) -> None:
    assert str(derivative()) == str(answer)


def test_an_inverse_is_recognised() -> None:
    explicit = P.as_explicit().inv()
    for built in (explicit, 2 * explicit, explicit.T, M.as_explicit().inv()):
        assert built.has(P[0, 0]) or built.has(M[0, 0])
        assert not with_inverses(built).has(sp.Add)
    assert not with_inverses(explicit.subs(P[0, 1], a)).has(sp.Inverse)
    assert str(sb.gradient((P**-1)[i, j], P[k, l])) == "-(P**(-1))[i, k]*(P**(-1))[l, j]"
    assert str(sb.jacobian(explicit, P, layout="vec")) == "-(KroneckerProduct(P.T**(-1), P**(-1)))"


@pytest.mark.parametrize(
    ("expr", "wrt", "wanted"),
    [
        ((u.T * M.I * u)[0, 0], M, "-M.T**(-1)*u*u.T*M.T**(-1)"),
        ((u.T * M.I * u)[0, 0], u, "(M**(-1) + M.T**(-1))*u"),
        ((e.T * P.I * e)[0, 0], P, "-P.T**(-1)*d*d.T*P.T**(-1)"),
        (M.as_explicit().inv().trace(), M, "-M.T**(-2)"),
        (log(M.as_explicit().det()), M, "M.T**(-1)"),
        (log(-P.as_explicit().det()), P, "P.T**(-1)"),
        (1 / P.as_explicit().det() ** 2, P, "(-2/Determinant(P)**2)*P.T**(-1)"),
        (P.as_explicit().det(), P, "Matrix([[P[1, 1], -P[1, 0]], [-P[0, 1], P[0, 0]]])"),
    ],
)
def test_what_has_an_inverse_written_out(expr: Any, wrt: Any, wanted: str) -> None:
    slope = sb.gradient(expr, wrt)
    assert str(slope) == wanted
    entries = [entry for m in (M, u, P, e) for entry in m.as_explicit()]
    values = {x: sp.Rational(5 * k % 11 + 1, 1 + k % 3) for k, x in enumerate(entries)}
    plain = wrt.as_explicit().applyfunc(lambda entry: sp.diff(expr, entry).xreplace(values))
    filled = slope.xreplace({m: m.as_explicit().xreplace(values) for m in (M, u, P, e)}).doit()
    assert sp.Matrix(filled).applyfunc(sp.nsimplify).equals(plain.applyfunc(sp.nsimplify))


def test_denominators_have_one_sign_through_all_entries() -> None:
    q = sp.Matrix(2, 2, [a, b, c, d])
    below = a * d - b * c
    wanted = sp.Matrix([[d / below, -c / below], [-b / below, a / below]])
    assert str(sb.gradient(log(q.det()), q)) == str(wanted)


def test_a_small_parameter_among_sums_over_data() -> None:
    X, Y = sp.IndexedBase("X"), sp.IndexedBase("Y")
    residual = e[0, 0] + e[1, 0] * X[i] - Y[i]
    loss = sp.Sum(residual**2, (i, 1, n)) / 2
    slope = sb.gradient(loss, e)
    both = [sp.Sum(residual, (i, 1, n)), sp.Sum(residual * X[i], (i, 1, n))]
    for found, wanted in zip(slope.flat(), both, strict=True):
        assert sp.expand(found.function - wanted.function) == 0
    total = sp.Sum(X[i], (i, 1, n))
    assert sb.hessian(loss, e) == sp.Matrix([[n, total], [total, sp.Sum(X[i] ** 2, (i, 1, n))]])


def test_arrays_of_known_size() -> None:
    assert (
        str(sb.gradient(sp.Sum(V[i] ** 2, (i, 0, 2)), V)) == "ArrayComprehension(2*V[i], (i, 0, 2))"
    )
    slopes = sb.gradient(U[k, l] ** 2, U)
    body = 2 * delta(i, k) * delta(j, l) * U[k, l]
    assert str(slopes) == f"ArrayComprehension({body}, (i, 0, 1), (j, 0, 1))"
    square = Array([[a, b], [c, d]])
    assert sb.jacobian(square, square).shape == (2, 2, 2, 2)


MIXED = [
    (P * Q).as_explicit().trace(),
    ((P * e).T * (P * e)).as_explicit()[0, 0],
    (P.as_explicit() + Q.as_explicit()).norm(),
    log(exp(P[0, 0]) + exp(P[1, 0])),
    log(exp(P[0, 0] * e[0, 0]) + exp(P[0, 1] * e[1, 0])) + P[1, 1],
    P[0, 0] * Q[0, 1] + P[0, 1] * Q[1, 1] + P[1, 0] * Q[1, 0],
    P[0, 0] ** 2 + P[0, 1] * P[1, 0] + P[1, 1] ** 2,
    P[0, 0] * P[0, 1] + P[1, 0] * P[1, 1],
    (e.as_explicit().T * P.as_explicit().inv() * e.as_explicit())[0, 0],
    P.as_explicit().inv().trace() * P.as_explicit().det(),
    (P[0, 0] - Q[0, 0]) ** 2 + (P[1, 0] - Q[1, 0]) ** 2 + (P[0, 1] - Q[1, 1]) ** 2,
    sp.sin(P[0, 0] + e[0, 0]) + sp.sin(P[1, 1] + e[1, 0]),
    sp.sin(P[0, 0] + e[1, 0]) + sp.sin(P[1, 1] + e[0, 0]),
]


@pytest.mark.parametrize("kind", ["gradient", "hessian"])
@pytest.mark.parametrize("form", MIXED, ids=str)
def test_against_differences(form: Any, kind: str) -> None:
    variables = (P,) if kind == "gradient" else (P, P)
    verdict = random_problems.judge_within(
        Problem(form, variables, kind, "mixed", 7), 20, jax=False
    )
    assert verdict.kind in ("right", "slow"), f"{verdict.detail}: {verdict.answer}"


B = sp.MatrixSymbol("B", 2, 2)
g, row = sp.MatrixSymbol("g", 2 * n, 1), sp.MatrixSymbol("row", 1, n)
A, C = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("C", n, n)
both = sp.KroneckerProduct(x, e)


@pytest.mark.parametrize(
    ("form", "wrt"),
    [
        (g.T * sp.KroneckerProduct(A, B) * g, g),
        (g.T * sp.KroneckerProduct(A.I, sp.Identity(2)) * g, g),
        (both.T * sp.KroneckerProduct(A, B) * both, x),
        (both.T * sp.KroneckerProduct(A, B) * both, e),
        (g.T * sp.KroneckerProduct(sp.Identity(n), e) * x, e),
        ((g - both).T * (g - both), e),
        (sp.KroneckerProduct(x, e, x).T * sp.KroneckerProduct(x, e, x), x),
        (row * sp.BlockMatrix([[A, C]]) * sp.BlockMatrix([[x], [row.T]]), x),
    ],
)
def test_a_product_is_the_same_at_0_0(form: Any, wrt: Any) -> None:
    """SymPy writes Kronecker products with Mod and floor, and entries of blocks."""
    slope = sb.gradient(form[0, 0], wrt)
    assert not slope.has(sp.Mod, sp.floor, sp.FunctionMatrix)
    assert slope == sb.gradient(form, wrt)


def test_a_remainder_that_is_no_digit_stays() -> None:
    y = sp.IndexedBase("y")
    nested = sp.Sum(y[sp.Mod(i, 2)], (j, 0, i), (i, 0, 2 * n - 1))
    assert in_digits(nested) == nested
    from_below = sp.Sum(y[sp.Mod(i, n)], (i, -1, n - 1))
    assert in_digits(from_below) == from_below
    uneven = sp.Sum(y[sp.Mod(i, 2)], (i, 0, n - 1))
    assert in_digits(uneven) == uneven
    for divisor in (sp.Rational(5, 2), -3):
        odd = sp.Sum(sp.Mod(i, divisor) * y[i], (i, 0, 14))
        assert in_digits(odd) == odd


def test_sums_of_explicit_matrices_are_one() -> None:
    p = sp.Matrix([[a, b], [c, d]])
    assert sb.hessian(e.T * p * e, e) == p + p.T
    turned = sp.Matrix([[sp.cos(t), -sp.sin(t)], [sp.sin(t), sp.cos(t)]])
    residual = turned * e - sp.Matrix([a, b])
    assert sb.gradient(residual.T * residual, e) == sp.MatMul(2, turned.T, residual)
