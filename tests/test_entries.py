"""Derivatives by entries, of lists, and of what stands in bounds: nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.assumptions import assuming
from sympy.matrices.expressions.diagonal import DiagMatrix

import symback as sb
from symback.errors import Unsupported
from tests import witness
from tests.corpus.shorthand import case, ones

m, n = sp.symbols("m n", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True)
h = sp.Symbol("h", integer=True, positive=True)
s, t = sp.symbols("s t")
A, P, X = sp.MatrixSymbol("A", m, n), sp.MatrixSymbol("P", n, n), sp.MatrixSymbol("X", n, n)
a, b, x = (sp.MatrixSymbol(name, n, 1) for name in "abx")
v, w = sp.IndexedBase("v"), sp.IndexedBase("w")
R = sp.IndexedBase("R")
f, g = sp.Function("f"), sp.Function("g")

# --- structure --------------------------------------------------------------------------------

FORMS = [
    sp.Trace(P * X),
    (a.T * X * b)[0, 0],
    sp.Trace(X**2),
    sp.log(sp.Determinant(X)),
    sp.Trace(P * X.inv()),
    X[0, 1] * X[1, 1],
]


@pytest.mark.parametrize("structure", ["symmetric", "diagonal"])
@pytest.mark.parametrize("form", FORMS)
def test_by_an_entry_as_by_the_matrix(form: Any, structure: str) -> None:
    """Under an assumption an entry varies with its mirror image, as in the gradient by X."""
    rng = np.random.default_rng(3)
    number = np.diag(rng.uniform(1, 2, 3))
    if structure == "symmetric":
        number += np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]]) / 10
    env = {P: rng.normal(size=(3, 3)), a: rng.normal(size=(3, 1)), b: rng.normal(size=(3, 1))}
    env |= {X: number, n: 3}
    with assuming(getattr(sp.Q, structure)(X)):
        whole = witness.evaluate(sb.gradient(form, X), env)
        for at in ((0, 0), (0, 1), (1, 0), (1, 2)):
            slope = witness.evaluate(sb.gradient(form, X[at]), env)
            np.testing.assert_allclose(slope, whole[at], atol=1e-12)


def test_by_a_transpose() -> None:
    row = sp.MatrixSymbol("row", 1, n)
    assert sb.gradient(x.T * P * x, x.T) == x.T * (P + P.T)
    assert sb.gradient(sp.Trace(A * P * A.T), A.T) == (P + P.T) * A.T
    assert sb.gradient(row * a, row.T) == a


def test_entries_of_symmetric_matrices() -> None:
    with assuming(sp.Q.symmetric(X)):
        assert sb.gradient(X[0, 1], X[0, 1]) == 1
        assert sb.gradient(t * X[1, 0], X[0, 1]) == t
        assert sb.hessian(sp.Trace(X**2), X[0, 1]) == 4
        assert sb.gradient(sp.Trace(P * X), X[0, 1]) == P[0, 1] + P[1, 0]
    with assuming(sp.Q.diagonal(X)):
        assert sb.gradient(sp.Trace(P * X), X[0, 1]) == 0


# --- functions of several arguments ---------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        f(t, s),
        f(s, t),
        f(t, 2),
        f(t, a[0, 0]),
        f(g(t), s),
        s * f(t, s) + t,
        f(t, t),
        sp.besselj(s, t),
    ],
)
def test_no_argument_of_a_function_is_lost(body: Any) -> None:
    """The slope of sum(F(x)), F = body, is F'(x): with definitions put in, SymPy agrees."""
    slope = sb.gradient((ones(1, n) * x.applyfunc(sp.Lambda(t, body)))[0, 0], x)
    known = {
        f: lambda u, z: sp.sin(u) * z**2 + u,
        g: lambda u: u**3,
        sp.Function("f_1"): lambda u, z: sp.cos(u) * z**2 + 1,
        sp.Function("f_2"): lambda u, z: 2 * sp.sin(u) * z,
        sp.Function("g'"): lambda u: 3 * u**2,
    }

    def defined(expr: Any) -> Any:
        for function, meaning in known.items():
            expr = expr.replace(function, meaning)
        return expr

    point = {s: sp.Rational(3, 2)}
    entries = slope.subs(n, 2).as_explicit() if slope.is_Matrix else slope
    x2 = sp.MatrixSymbol("x", 2, 1)
    for q in range(2):
        wanted = sp.diff(defined(body), t).subs(t, x2[q, 0])
        difference = defined(entries[q, 0]) - wanted
        names = {x2[0, 0]: sp.Rational(1, 3), x2[1, 0]: sp.Rational(5, 7)}
        names |= {sp.MatrixSymbol("a", 2, 1)[0, 0]: 2, a[0, 0]: 2}
        assert abs(difference.subs(names).subs(point).evalf()) < 1e-12


# --- lists ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("several", "wrt", "wanted"),
    [
        ([w[0] ** 2, w[0] * w[1]], [w[0], w[1]], [[2 * w[0], 0], [w[1], w[0]]]),
        ([s * v[0], t * v[1]], [s, t], [[v[0], 0], [0, v[1]]]),
        ([sp.Trace(X) * t, t * s], [t, s], [[sp.Trace(X), 0], [s, t]]),
        (
            [sp.Sum(w[i] ** 2, (i, 0, n - 1)), sp.Sum(w[i], (i, 0, n - 1))],
            w[k],
            [[2 * w[k]], [1]],
        ),
        ([x[0, 0] * x[1, 0], x[0, 0]], [x[0, 0], x[1, 0]], [[x[1, 0], x[0, 0]], [1, 0]]),
        ([t * (x.T * x)[0, 0], t**2], t, [[sp.Trace(x.T * x)], [2 * t]]),
    ],
)
def test_lists_of_scalars_are_explicit(several: Any, wrt: Any, wanted: Any) -> None:
    assert sb.jacobian(several, wrt) == sp.Matrix(wanted)


def test_scalars_by_a_column_are_rows() -> None:
    found = sb.jacobian([(a.T * x)[0, 0], (x.T * x)[0, 0]], x)
    assert found == sp.BlockMatrix([[a.T], [2 * x.T]])


# --- bounds and indices -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "wrt", "wanted"),
    [
        (sp.Sum(w[j], (j, 0, i)), w[k], case(1, k <= i)),
        (sp.Sum(R[i, j] * w[j], (j, 0, i)), w[k], case(R[i, k], k <= i)),
        (sp.Sum(w[j], (j, i, n - 1)), w[k], case(1, (i <= k) & (k < n))),
        (sp.Sum(w[j] * v[l - j], (j, 0, l)), v[k], case(w[l - k], k <= l)),
        (sp.Sum(w[j], (j, i - h, i + h)), w[k], case(1, (i <= h + k) & (k <= h + i))),
        (
            sp.Sum(w[j] ** 2, (j, sp.Max(0, i - h), sp.Min(n - 1, i + h))),
            w[k],
            case(2 * w[k], (k < n) & (i <= h + k) & (k <= h + i)),
        ),
        (sp.Product(w[j], (j, 0, i)), w[k], case(sp.Product(w[j], (j, 0, i)) / w[k], k <= i)),
        (sp.Sum(w[j] ** 2, (j, 1, n)), w[k], 2 * w[k]),
    ],
)
def test_a_bound_that_is_an_index_stays_a_condition(total: Any, wrt: Any, wanted: Any) -> None:
    assert sb.jacobian(total, wrt) == wanted


@pytest.mark.parametrize(
    ("total", "wrt", "wanted"),
    [
        (sp.Sum(w[j - i] * v[i], (i, -sp.oo, sp.oo)), v[k], w[j - k]),
        (sp.Sum(w[i] ** 2, (i, -sp.oo, n)), w[k], 2 * w[k]),
        (
            sp.Sum(v[i] * t**i, (i, -sp.oo, sp.oo)),
            t,
            sp.Sum(i * t ** (i - 1) * v[i], (i, -sp.oo, sp.oo)),
        ),
    ],
)
def test_sums_without_a_beginning(total: Any, wrt: Any, wanted: Any) -> None:
    assert sb.gradient(total, wrt) == wanted


def test_variables_that_are_not_there() -> None:
    total = sp.Sum(w[i] ** 2, (i, 0, n - 1))
    assert sb.gradient(total, sp.IndexedBase("v", shape=(n,))).doit() is not None
    with pytest.raises(Unsupported, match="cannot differentiate by R: its shape is not known"):
        sb.gradient(sp.Sum(R[i, j] * w[j], (j, 0, n - 1)), R)


@pytest.mark.parametrize(
    ("expr", "slope"),
    [
        (sp.ceiling(t) * t, sp.ceiling(t)),
        (sp.frac(t), 1),
        (sp.Mod(t, 3), 1),
        (sp.Mod(s * t, 3) * 2, 2 * s),
    ],
)
def test_what_jumps(expr: Any, slope: Any) -> None:
    found = sb.gradient(expr, t)
    for point in (sp.Rational(7, 3), sp.Rational(-5, 4)):
        assert found.subs({t: point, s: 1}) == sp.sympify(slope).subs({t: point, s: 1})


def test_roots_have_a_closed_form_in_a_trace_only() -> None:
    half = sp.Rational(1, 2)
    assert sb.gradient(sp.Trace(X**half), X) == X.T**-half / 2
    with pytest.raises(Unsupported, match="a closed form exists only inside a trace"):
        sb.gradient(sp.Trace(P * X**half), X)


def test_entries_with_constants_stay_squares() -> None:
    """A square of entries in which I + s*1*1' stands was opened for ever."""
    shifted = sp.HadamardProduct(X, s * ones(n, n) + sp.Identity(n))
    assert sb.hessian(sp.Determinant(shifted), X[0, 0]).has(DiagMatrix) is False


@pytest.mark.parametrize(
    ("expr", "wrt", "wanted"),
    [
        (s**2 * (s - t) / (t - s), s, -2 * s),
        (sp.log(s) * (s - t) ** 2 / (t - s) ** 2, s, 1 / s),
    ],
)
def test_opposite_sums_cancel(expr: Any, wrt: Any, wanted: Any) -> None:
    assert sb.gradient(expr, wrt) == wanted


def test_powers_of_opposite_sums_come_to_an_end() -> None:
    """(q - u)^3 beside (u - q)^2 in one product was turned for ever."""
    u, q, y = (sp.MatrixSymbol(name, n, 1) for name in "uqy")
    column = sp.HadamardPower((q - u) * (x - y).T * y, 3)
    assert sb.hessian(sp.Determinant(sp.DiagMatrix(column)), u, u).shape == (n, n)


def test_diagonals_of_inverses_stand_as_they_are() -> None:
    """SymPy would work the inverse of an explicit matrix out to find its diagonal."""
    two, z = sp.MatrixSymbol("two", 2, 2), sp.MatrixSymbol("z", 2, 1)
    slope = sb.gradient(sp.log(sp.Determinant(two + DiagMatrix(z))), z)
    assert slope.has(sp.Inverse) and slope.shape == (2, 1)
