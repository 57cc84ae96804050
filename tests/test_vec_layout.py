"""d vec(F)/d vec(X)' of small forms, each against differences and automatic differentiation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.special import OneMatrix

import symback as sb
from symback.sympy_matrices import CommutationMatrix, Vec
from tests import random_problems, witness
from tests.random_problems import Problem, m, n

C, D = (sp.MatrixSymbol(name, m, m) for name in "CD")
F, H = sp.MatrixSymbol("F", n, m), sp.MatrixSymbol("H", m, n)
E = sp.MatrixSymbol("E", n * m, 1)
x, q, r = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("q", m, 1), sp.MatrixSymbol("r", 1, n)

FORMS: list[tuple[Any, Any]] = [
    *((form, C) for form in (C.T, C * C, C**3, C * D * C.T, C + C.T, C.inv(), C.T.inv())),
    *((ones * C, C) for ones in (OneMatrix(n, m), OneMatrix(2, m))),
    *((C * ones, C) for ones in (OneMatrix(m, n), OneMatrix(m, 1) * r)),
    *((C.T * OneMatrix(m, n), C), (OneMatrix(n, m) * C.T, C), (OneMatrix(n, m) * C.T * H, C)),
    *((OneMatrix(n, m) * C * OneMatrix(m, n), C), (F * C * H, C), (F * C.T * H, C)),
    *((DiagMatrix(q) * C, C), (C * DiagMatrix(q), C), (DiagMatrix(DiagonalOf(C)), C)),
    *((DiagMatrix(q) * C, q), (C * DiagMatrix(q), q), (sp.HadamardProduct(C, q * q.T), q)),
    *((DiagonalOf(C) * r, C), (q * DiagonalOf(C).T, C), (DiagonalOf(C * D) * r, C)),
    *((DiagonalOf(C.inv()) * r, C), (DiagMatrix(C * q) * F.T, C), (DiagMatrix(C.T * q), C)),
    *((x * q.T, x), (x * q.T, q), (q * q.T * C, q), (F * q * r, F), (F.T * x * q.T, F)),
    *((sp.HadamardProduct(form, D), C) for form in (C, C.T)),
    *((sp.KroneckerProduct(*pair), C) for pair in ((C, D), (D, C), (q, C), (C, q))),
    *((sp.Trace(C) * form, C) for form in (D, C, sp.Identity(m))),
    *((C.applyfunc(sp.exp), C), ((F * C).applyfunc(sp.sin), C), ((F * C).applyfunc(sp.sin).T, C)),
    (sp.Determinant(C) * D.T, C),
    *((sp.KroneckerProduct(*pair), F) for pair in ((F, H), (H, F), (F.T, H), (H, F.T), (F, F))),
    *((sp.KroneckerProduct(*pair), F) for pair in ((F.T, F), (F, sp.Identity(2)), (D * H * F, H))),
    (sp.KroneckerProduct(sp.Identity(2), F), F),
    *((sp.KroneckerProduct(*three), F) for three in ((q, F, H), (F, q, H.T), (x, r, F))),
    *((sp.KroneckerProduct(*pair), C) for pair in ((C.inv(), D), (D.T, C.inv()), (C * D, C))),
    *((H * DiagMatrix(x) * F, x), (DiagMatrix(x) * F * DiagMatrix(q), q)),
    *((sp.HadamardProduct(F * C, F * D), C), (sp.HadamardProduct(C * H, D * H), H)),
    *((sp.HadamardProduct(D * C, C * D), C), (sp.HadamardProduct(C * H * F, D), H)),
    *((H.T * DiagMatrix(q.applyfunc(sp.exp)) * H, q), (DiagonalOf(F * C * F.T), F)),
]


@pytest.mark.parametrize("layout", ["vec", "mixed", "numerator"])
@pytest.mark.parametrize(("form", "wrt"), FORMS, ids=lambda part: str(part))
def test_layout(form: Any, wrt: Any, layout: str) -> None:
    verdict = random_problems.judge_within(
        Problem(form, (wrt,), "jacobian", layout, 5), 20, jax=False
    )
    assert verdict.kind == "right", f"{verdict.detail}: {verdict.answer}"


def explicit(answer: Any, names: dict[Any, Any]) -> Any:
    """The matrix of numbers that an answer is at a point."""
    point = {name: np.array(value.tolist(), dtype=float) for name, value in names.items()}
    return witness.evaluate(answer, {**point, n: 2})


@pytest.mark.parametrize(
    "form",
    [
        lambda X, A: sp.Trace(X.T * A * X),
        lambda X, A: sp.Trace(X * A * X),
        lambda X, A: sp.Trace(X**3),
        lambda X, A: sp.log(sp.Determinant(X)),
        lambda X, A: sp.Determinant(X),
        lambda X, A: sp.Trace(A * X.inv()),
        lambda X, A: sp.Trace(X) ** 2 * sp.Trace(A * X),
    ],
)
def test_hessian_by_a_matrix(form: Any) -> None:
    """d^2 f / d vec(X) d vec(X)', against SymPy's own Hessian of the explicit form."""
    X, A = sp.MatrixSymbol("X", n, n), sp.MatrixSymbol("A", n, n)
    entries = sp.Matrix(2, 2, sp.symbols("a:d"))
    number = sp.Matrix([[2, -1], [3, 5]])
    by_hand = form(entries, number).doit()
    wanted = sp.hessian(by_hand, list(entries.T.flat()))
    at = dict(zip(entries.flat(), (3, 1, -1, 2), strict=True))
    found = explicit(sb.hessian(form(X, A), X, layout="vec"), {X: entries.subs(at), A: number})
    np.testing.assert_allclose(found, np.array(wanted.subs(at).tolist(), dtype=float), atol=1e-9)


p = sp.Symbol("p", integer=True, positive=True)
K, tall = sp.KroneckerProduct, sp.MatrixSymbol("tall", n * m, 1)
t = sp.Symbol("t", real=True)
total = OneMatrix(1, n)
residual = F * q - x


@pytest.mark.parametrize(
    ("derivative", "textbook"),
    [
        (sb.hessian(residual.T * residual / 2, F, layout="vec"), K(q * q.T, sp.Identity(n))),
        (sb.hessian((x.T * F * q)[0, 0] ** 2 / 2, F, layout="vec"), K(q * q.T, x * x.T)),
        (
            sb.jacobian(sp.HadamardProduct(C * H, D * H), H, layout="vec"),
            DiagMatrix(Vec(C * H)) * K(sp.Identity(n), D)
            + DiagMatrix(Vec(D * H)) * K(sp.Identity(n), C),
        ),
        (
            sb.jacobian((F * q).applyfunc(sp.exp), F, layout="vec"),
            K(q.T, DiagMatrix((F * q).applyfunc(sp.exp))),
        ),
        (
            sb.jacobian(sp.Trace(C) * C, C, layout="vec"),
            sp.Trace(C) * sp.Identity(m**2) + Vec(C) * Vec(sp.Identity(m)).T,
        ),
        (sb.jacobian(sp.HadamardProduct(C, D), C, layout="vec"), DiagMatrix(Vec(D))),
        (sb.gradient(sp.log(sp.Determinant(K(D, C))), C), m * C.T.inv()),
        (
            sb.jacobian(K(F, H), F, layout="vec"),  # Magnus and Neudecker, theorem 3.10
            K(sp.Identity(m), CommutationMatrix(n, n), sp.Identity(m))
            * K(sp.Identity(n * m), Vec(H)),
        ),
        (
            sb.jacobian(K(F, F), F, layout="vec"),
            K(sp.Identity(m), CommutationMatrix(m, n), sp.Identity(n))
            * (K(sp.Identity(m * n), Vec(F)) + K(Vec(F), sp.Identity(m * n))),
        ),
        (
            sb.jacobian(H * DiagMatrix(x) * F, x, layout="vec"),  # Khatri and Rao
            sp.HadamardProduct(K(F.T, OneMatrix(m, 1)), K(OneMatrix(m, 1), H)),
        ),
        (
            sb.jacobian(DiagMatrix(x) * F, x, layout="vec"),
            DiagMatrix(Vec(F)) * K(OneMatrix(m, 1), sp.Identity(n)),
        ),
        (sb.gradient(tall.T * K(x, q), x), K(sp.Identity(n), q.T) * tall),
        (
            sb.gradient(tall.T * K(sp.Identity(n), C) * tall, tall),
            K(sp.Identity(n), C + C.T) * tall,
        ),
    ],
)
def test_kronecker_products_as_books_write_them(derivative: Any, textbook: Any) -> None:
    assert str(derivative) == str(textbook)


mean = sp.MatrixSymbol("mean", m, 1)
e, u = q - mean, F * q - x
sigmoid = sp.Lambda(t, 1 / (1 + sp.exp(-t)))
masked, turned = sp.HadamardProduct(F, F * C), sp.HadamardProduct(F.T, C * F.T)
HESSIANS = [
    (
        e.T * C.inv() * e,
        C,
        "(KroneckerProduct(C**(-1)*(-mean + q)*(-mean + q).T*C**(-1), C.T**(-1)) + "
        "KroneckerProduct(C**(-1), C.T**(-1)*(-mean + q)*(-mean + q).T*C.T**(-1)))"
        "*CommutationMatrix(m, m)",
    ),
    (
        sp.Determinant(C),
        C,
        "Determinant(C)*(-(KroneckerProduct(C**(-1), C.T**(-1)))*CommutationMatrix(m, m) + "
        "Vec(C.T**(-1))*Vec(C.T**(-1)).T)",
    ),
    (
        (total * (F * q).applyfunc(sigmoid))[0, 0],
        F,
        "KroneckerProduct(q*q.T, DiagMatrix(Lambda(t, t*(1 - 2*t)*(1 - t))."
        "(Lambda(t, 1/(1 + exp(-t))).(F*q))))",
    ),
    (
        sp.Trace(masked.T * masked) / 2,
        C,
        "(KroneckerProduct(I, F.T))*DiagMatrix(Vec(HadamardPower(F, 2)))*(KroneckerProduct(I, F))",
    ),
    (
        sp.Trace(turned.T * turned) / 2,
        C,
        "(KroneckerProduct(F.T, I))*DiagMatrix(Vec((HadamardPower(F, 2)).T))*(KroneckerProduct(F, I))",
    ),
]


@pytest.mark.parametrize(("form", "wrt", "textbook"), HESSIANS)
def test_hessians_as_books_write_them(form: Any, wrt: Any, textbook: Any) -> None:
    found = sb.hessian(form, wrt, layout="vec")
    assert str(found) == textbook
    rng = np.random.default_rng(5)
    env = {
        name: rng.uniform(0.5, 1, [{n: 3, m: 2}.get(size, 1) for size in name.shape])
        for name in (C, F, q, mean)
    }
    env |= {n: 3, m: 2}
    entries = sb.hessian(form, wrt)
    stacked = witness.evaluate(found, env)
    rows, columns = env[wrt].shape
    for at in np.ndindex(rows, columns, rows, columns):
        places = {index: place for (index, *_), place in zip(entries.limits, at, strict=True)}
        value = witness.evaluate(entries.function.subs(places), env)
        row, column = at[0] + rows * at[1], at[2] + rows * at[3]
        np.testing.assert_allclose(stacked[row, column], value, atol=1e-10)


@pytest.mark.parametrize(
    ("derivative", "textbook"),
    [
        (
            sb.hessian(u.T * u, F, q, layout="vec"),
            "2*(KroneckerProduct(I, F*q - x) + KroneckerProduct(q, F))",
        ),
        (
            sb.hessian(sp.Trace(C**5), C, layout="vec"),
            "5*(KroneckerProduct(I, C.T**3) + KroneckerProduct(C**2, C.T) + "
            "KroneckerProduct(C**3, I) + KroneckerProduct(C, C.T**2))*CommutationMatrix(m, m)",
        ),
        (
            sb.jacobian(sp.Determinant(C) * C, C, layout="vec"),
            "Determinant(C)*(I + Vec(C)*Vec(C.T**(-1)).T)",
        ),
        (sb.jacobian((C + C.T) / 2, C, layout="vec"), "(1/2)*(CommutationMatrix(m, m) + I)"),
        (
            sb.gradient(Vec(F).T * K(D, sp.Identity(n)) * Vec(F), F),
            "F*(D + D.T)",
        ),
        (
            sb.gradient(sp.MatrixSymbol("v", n**2, 1).T * K(x, x), x),
            "(KroneckerProduct(I, x.T) + KroneckerProduct(x.T, I))*v",
        ),
        (
            sb.gradient(sp.Trace(K(D, C) * sp.MatrixSymbol("N", m**2, m**2)), C),
            "FunctionMatrix(m, m, Lambda((i, j), Sum(D[k, l]*N[j + l*m, i + k*m], "
            "(k, 0, m - 1), (l, 0, m - 1))))",
        ),
    ],
)
def test_common_factors_and_digits(derivative: Any, textbook: str) -> None:
    assert str(derivative) == textbook


def test_a_commutation_matrix_is_read() -> None:
    turned = CommutationMatrix(n, m) * Vec(F)
    assert str(sb.jacobian(turned, F, layout="vec")) == "CommutationMatrix(n, m)"
    assert str(sb.gradient(E.T * turned, E)) == "Vec(F.T)"


def test_transposed_vectors_and_flattened_numbers() -> None:
    assert sb.hessian(q.T * C * q, q.T) == C + C.T
    assert str(sb.jacobian(x.T * F * q, q.T)) == "x.T*F"
    flattened = F * (q.T * q)  # SymPy makes F*q.T*q of it
    assert str(sb.jacobian(flattened, F, layout="vec")) == "Trace(q.T*q)*I"


def test_vec_of_a_matrix_with_numbers() -> None:
    matrix = sp.Matrix([[1, 2], [3, 4]])
    assert Vec(C).subs(m, 2).subs(sp.MatrixSymbol("C", 2, 2), matrix).doit() == matrix.vec()
    assert Vec(sp.MatrixSymbol("C", 2, 2)).as_explicit()[1, 0] == sp.MatrixSymbol("C", 2, 2)[1, 0]


STRUCTURED = [
    (lambda X, A: X.inv(), "-(KroneckerProduct(C**(-1), C**(-1)))*"),
    (lambda X, A: A * X * A.T, "(KroneckerProduct(F, F))*"),
    (lambda X, A: X * X, "((KroneckerProduct(I, C))*CommutationMatrix(m, m) + "),
]


@pytest.mark.parametrize("structure", ["symmetric", "diagonal"])
@pytest.mark.parametrize(("form", "begins"), STRUCTURED)
def test_entries_that_vary_together(form: Any, begins: str, structure: str) -> None:
    with sp.assuming(getattr(sp.Q, structure)(C)):
        answer = sb.jacobian(form(C, F), C, layout="vec")
    assert str(answer).startswith(begins)
    rng = np.random.default_rng(3)
    A, X = rng.uniform(0.5, 1, (3, 2)), np.diag(rng.uniform(1, 2, 2))
    if structure == "symmetric":
        X[0, 1] = X[1, 0] = 0.3
    found = witness.evaluate(answer, {C: X, F: A, n: 3, m: 2})

    def value(at: np.ndarray) -> np.ndarray:
        return np.asarray(witness.evaluate(form(C, F), {C: at, F: A, n: 3, m: 2})).ravel(order="F")

    for row, column in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[row, column] = step[column, row] = 1e-6
        if structure == "diagonal" and row != column:
            step[:] = 0
        slope = (value(X + step) - value(X - step)) / 2e-6
        np.testing.assert_allclose(found[:, row + 2 * column], slope, atol=1e-7)


def test_second_derivatives_by_a_symmetric_matrix() -> None:
    with sp.assuming(sp.Q.symmetric(C)):
        answer = sb.hessian(sp.log(sp.Determinant(C)), C, layout="vec")
        by_entries = sb.hessian(sp.log(sp.Determinant(C)), C)
    X = np.array([[2.0, 0.3], [0.3, 1.5]])
    env = {C: X, m: 2}
    stacked = witness.evaluate(answer, env)
    names = [index for index, *_ in by_entries.limits]
    for i, j, k, l in np.ndindex(2, 2, 2, 2):
        entry = by_entries.function.subs(dict(zip(names, (i, j, k, l), strict=True)))
        value = witness.evaluate(entry, env)
        np.testing.assert_allclose(stacked[i + 2 * j, k + 2 * l], value, atol=1e-10)


SHARED_AXES = [
    (sp.HadamardProduct(E, Vec(F)) * q.T, E),
    (DiagMatrix(E) * Vec(F) * q.T, E),
    (K(q, sp.HadamardProduct(E, Vec(F))), E),
    (sp.HadamardProduct(E, Vec(F)) * q.T, F),
    (sp.HadamardProduct(K(q, x), E) * q.T, E),
    (sp.HadamardProduct(K(q, x), E) * q.T, q),
    (DiagMatrix(sp.HadamardProduct(E, Vec(F))), E),
    (K(C, D) * DiagMatrix(Vec(C)) * K(C, D), D),
    (sp.HadamardPower(K(q, x), 2), x),
    (sp.HadamardProduct(DiagonalOf(K(C, D)), Vec(D)), C),
    (DiagonalOf(K(C, C)), C),
    (sp.HadamardPower(Vec(F), 2), F),
    (sp.HadamardProduct(K(q, q), Vec(C)) * q.T, q),
    (Vec(F).T * E * Vec(F * C), F),
]


@pytest.mark.parametrize(("form", "wrt"), SHARED_AXES, ids=str)
def test_an_axis_with_digits_that_something_else_has_whole(form: Any, wrt: Any) -> None:
    rng = np.random.default_rng(11)
    sizes = {n: 3, m: 2, n * m: 6}
    env = {
        name: rng.uniform(0.5, 1.5, [sizes.get(size, 1) for size in name.shape])
        for name in (C, D, F, E, x, q)
    }
    env |= {n: 3, m: 2}
    found = witness.evaluate(sb.jacobian(form, wrt, layout="vec"), env)

    def value(at: np.ndarray) -> np.ndarray:
        return np.asarray(witness.evaluate(form, env | {wrt: at})).ravel(order="F")

    slopes = []
    for column, row in np.ndindex(env[wrt].shape[::-1]):
        step = np.zeros(env[wrt].shape)
        step[row, column] = 1e-5
        slopes.append((value(env[wrt] + step) - value(env[wrt] - step)) / 2e-5)
    np.testing.assert_allclose(found, np.array(slopes).T, atol=1e-7)
