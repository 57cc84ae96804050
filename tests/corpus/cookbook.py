"""Section 2 of the Matrix Cookbook (Petersen and Pedersen, edition of November 2012).

Numbers such as (81) are its equation numbers. Sizes are symbolic, and matrices are rectangular
where the identity allows it. The sections on complex matrices and on Toeplitz structure are left
out, as are the derivatives of a single eigenvalue, which SymPy cannot state.
"""

from __future__ import annotations

from typing import Any

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
    MatrixSymbol,
    OneMatrix,
    Q,
    Rational,
    Sum,
    Trace,
    cos,
    exp,
    log,
    sin,
    sqrt,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagMatrix

from tests.corpus import Row, array, unit

n, m, p, q = symbols("n m p q", integer=True, positive=True)
N = symbols("N", integer=True, positive=True)
i, j, k, l, r = symbols("i j k l r", integer=True)
t, alpha = symbols("t alpha")

# Square matrices of order n, vectors of length n, and the rectangular ones, by name and shape.
A, B, C, D, W, X, Y = (MatrixSymbol(name, n, n) for name in "ABCDWXY")
a, b, c, d, s, x, y = (MatrixSymbol(name, n, 1) for name in "abcdsxy")
bm, cm, um = (MatrixSymbol(name, m, 1) for name in ("b", "c", "u"))
Xnm, Cnm = MatrixSymbol("X", n, m), MatrixSymbol("C", n, m)
Apn, Bmq, Cpq = MatrixSymbol("A", p, n), MatrixSymbol("B", m, q), MatrixSymbol("C", p, q)
Amm, Bmm, Cmm = (MatrixSymbol(name, m, m) for name in "ABC")
Anm, Amn = MatrixSymbol("A", n, m), MatrixSymbol("A", m, n)

TALL = {"n": 4, "m": 2}  # X'X of a tall X is invertible

ROWS: list[Row] = []


def row(name: str, kind: str, expr: Any, wrt: Any, expected: Any, number: str, **more: Any) -> None:
    """Add a row whose source is an equation of the Cookbook."""
    source = f"Matrix Cookbook ({number})" if number[0].isdigit() else number
    ROWS.append(Row(f"cookbook/{name}", kind, expr, wrt, expected, source, **more))


def grad(name: str, expr: Any, wrt: Any, expected: Any, number: str, **more: Any) -> None:
    """Add a gradient."""
    row(name, "gradient", expr, wrt, expected, number, **more)


def jac(name: str, expr: Any, wrt: Any, expected: Any, number: str, **more: Any) -> None:
    """Add a Jacobian."""
    row(name, "jacobian", expr, wrt, expected, number, **more)


def hess(name: str, expr: Any, wrt: Any, expected: Any, number: str, **more: Any) -> None:
    """Add a Hessian."""
    row(name, "hessian", expr, wrt, expected, number, **more)


# --- the differentials (33) to (45), for matrices that are linear in a scalar t -----------------

At, Bt = A + t * B, C + t * D
jac("constant", A, t, sp.ZeroMatrix(n, n), "33")
jac("scaled", alpha * t * Xnm, t, alpha * Xnm, "34")
jac("sum", At + t**2 * C, t, B + 2 * t * C, "35")
jac("trace", Trace(At), t, Trace(B), "36")
jac("product", At * Bt, t, B * (C + t * D) + (A + t * B) * D, "37")
jac(
    "hadamard",
    HadamardProduct(At, Bt),
    t,
    HadamardProduct(B, C + t * D) + HadamardProduct(A + t * B, D),
    "38",
)
jac(
    "kronecker",
    KroneckerProduct(At, Bt),
    t,
    KroneckerProduct(B, C + t * D) + KroneckerProduct(A + t * B, D),
    "39",
    sizes={"n": 2},
)
jac(
    "inverse-by-scalar",
    Inverse(At),
    t,
    -Inverse(A + t * B) * B * Inverse(A + t * B),
    "40",
    values={"t": "small"},
)
jac(
    "det-by-scalar",
    Determinant(At),
    t,
    Determinant(A + t * B) * Trace(Inverse(A + t * B) * B),
    "41",
    values={"t": "small"},
)
jac(
    "logdet-by-scalar",
    log(Determinant(At)),
    t,
    Trace(Inverse(A + t * B) * B),
    "43",
    values={"t": "small"},
)
jac("transpose", At.T, t, B.T, "44")

# --- 2.1 determinants ---------------------------------------------------------------------------

hess(
    "det-second",
    Determinant(At),
    t,
    Determinant(A + t * B)
    * (Trace(Inverse(A + t * B) * B) ** 2 - Trace((Inverse(A + t * B) * B) ** 2)),
    "48",
    values={"t": "small"},
)
grad("det", Determinant(X), X, Determinant(X) * X.T.inv(), "49")
grad("det-function", sp.det(X), X, Determinant(X) * X.T.inv(), "49")
grad("det-scaled", 3 * Determinant(X) / 2, X, Rational(3, 2) * Determinant(X) * X.T.inv(), "49")
grad(
    "det-linear",
    Determinant(A * X * B),
    X,
    Determinant(A * X * B) * X.T.inv(),
    "51",
    values={"A": "spd", "B": "spd"},
)
grad(
    "det-linear-rectangular",
    Determinant(Apn * Xnm * MatrixSymbol("B", m, p)),
    Xnm,
    Determinant(Apn * Xnm * MatrixSymbol("B", m, p))
    * Apn.T
    * (Apn * Xnm * MatrixSymbol("B", m, p)).inv().T
    * MatrixSymbol("B", m, p).T,
    "51",
    sizes={"p": 2, "n": 3, "m": 4},
)
grad("det-square", Determinant(X.T * A * X), X, 2 * Determinant(X.T * A * X) * X.T.inv(), "52")
grad(
    "det-square-symmetric",
    Determinant(Xnm.T * A * Xnm),
    Xnm,
    2 * Determinant(Xnm.T * A * Xnm) * A * Xnm * Inverse(Xnm.T * A * Xnm),
    "53",
    values={"A": "spd"},
    assume=(Q.symmetric(A),),
    sizes=TALL,
)
grad(
    "det-square-general",
    Determinant(Xnm.T * A * Xnm),
    Xnm,
    Determinant(Xnm.T * A * Xnm)
    * (A * Xnm * Inverse(Xnm.T * A * Xnm) + A.T * Xnm * Inverse(Xnm.T * A.T * Xnm)),
    "54",
    sizes=TALL,
)
grad(
    "logdet-gram",
    log(Determinant(Xnm.T * Xnm)),
    Xnm,
    2 * Xnm * Inverse(Xnm.T * Xnm),
    "55",
    sizes=TALL,
)
grad("logdet-gram-square", log(Determinant(X.T * X)), X, 2 * X.T.inv(), "55")
grad("logdet", log(Determinant(X)), X, X.T.inv(), "57")
grad("logabsdet", log(sp.Abs(Determinant(X))), X, X.T.inv(), "57")
grad("det-power", Determinant(X**N), X, N * Determinant(X**N) * X.T.inv(), "58")
grad("det-power-3", Determinant(X**3), X, 3 * Determinant(X**3) * X.T.inv(), "58")
grad("power-of-det", Determinant(X) ** N, X, N * Determinant(X) ** N * X.T.inv(), "58")
grad("sqrt-det", sqrt(Determinant(X)), X, sqrt(Determinant(X)) * X.T.inv() / 2, "49 and chain")
grad("reciprocal-det", 1 / Determinant(X), X, -(X.T.inv()) / Determinant(X), "62")
grad("det-shifted", Determinant(X + A), X, Determinant(X + A) * (X + A).T.inv(), "49 and chain")
grad(
    "logdet-identity-plus",
    log(Determinant(Identity(n) + Xnm * Xnm.T)),
    Xnm,
    2 * Inverse(Identity(n) + Xnm * Xnm.T) * Xnm,
    "43 and chain",
)
grad(
    "det-of-gram-plus",
    log(Determinant(A + Xnm * Bmm * Xnm.T)),
    Xnm,
    2 * Inverse(A + Xnm * Bmm * Xnm.T) * Xnm * Bmm,
    "43 and chain",
    values={"A": "spd", "B": "spd"},
    assume=(Q.symmetric(A), Q.symmetric(Bmm)),
)
grad("logdet-of-inverse", log(Determinant(X.inv())), X, -X.T.inv(), "57, 62")
grad("det-by-entry", Determinant(X), X[i, j], Determinant(X) * X.inv()[j, i], "49")
grad("logdet-by-entry", log(Determinant(X)), X[i, j], X.inv()[j, i], "57")
grad(
    "logdet-by-vector",
    log(Determinant(A + x * x.T)),
    x,
    2 * Inverse(A + x * x.T) * x,
    "43 and chain",
    values={"A": "spd"},
    assume=(Q.symmetric(A),),
)
grad(
    "logdet-diag",
    log(Determinant(DiagMatrix(x))),
    x,
    HadamardPower(x, -1),
    "57 and chain",
    values={"x": "positive"},
)
hess(
    "logdet-hessian",
    log(Determinant(X)),
    X,
    array(-X.inv()[j, k] * X.inv()[l, i], (i, n), (j, n), (k, n), (l, n)),
    "57 and 60",
    sizes={"n": 2},
)

# --- 2.2 inverse ----------------------------------------------------------------------------------

jac(
    "inverse-entries",
    X.inv(),
    X,
    array(-X.inv()[i, k] * X.inv()[l, j], (i, n), (j, n), (k, n), (l, n)),
    "60",
)
grad("inverse-entry-by-entry", X.inv()[k, l], X[i, j], -X.inv()[k, i] * X.inv()[j, l], "60")
jac(
    "inverse-by-entry",
    X.inv(),
    X[i, j],
    -X.inv()[:, i : i + 1] * X.inv()[j : j + 1, :],
    "60",
)
jac(
    "inverse-squared-by-entry",
    X**-2,
    X[i, j],
    -X.inv()
    * (unit(i, n) * X.inv()[j : j + 1, :] + X.inv()[:, i : i + 1] * unit(j, n).T)
    * X.inv(),
    "60",
)
jac(
    "inverses-around-a-matrix-by-entry",
    X.inv() * A * X.inv(),
    X[i, j],
    -X.inv()
    * (unit(i, n) * X.inv()[j : j + 1, :] * A + A * X.inv()[:, i : i + 1] * unit(j, n).T)
    * X.inv(),
    "60",
)
grad("inverse-form", a.T * X.inv() * b, X, -X.T.inv() * a * b.T * X.T.inv(), "61")
grad("inverse-form-entry", (a.T * X.inv() * b)[0, 0], X, -X.T.inv() * a * b.T * X.T.inv(), "61")
grad("inverse-form-trace", Trace(a.T * X**-1 * b), X, -X.T.inv() * a * b.T * X.T.inv(), "61")
grad("inverse-quadratic", a.T * X.inv() * a, X, -X.T.inv() * a * a.T * X.T.inv(), "61")
grad("inverse-quadratic-by-vector", x.T * A.inv() * x, x, (A.inv() + A.T.inv()) * x, "81")
grad(
    "inverse-quadratic-symmetric",
    x.T * A.inv() * x,
    x,
    2 * A.inv() * x,
    "81",
    values={"A": "spd"},
    assume=(Q.symmetric(A),),
)
grad("det-of-inverse", Determinant(X.inv()), X, -Determinant(X.inv()) * X.T.inv(), "62")
grad("trace-inverse", Trace(X.inv()), X, -((X.T) ** -2), "63")
grad(
    "trace-inverse-product",
    Trace(Anm.T * X.inv() * Anm),
    X,
    -X.T.inv() * Anm * Anm.T * X.T.inv(),
    "63",
)
grad(
    "trace-inverse-two",
    Trace(Amn * X.inv() * MatrixSymbol("B", n, m)),
    X,
    -X.T.inv() * Amn.T * MatrixSymbol("B", n, m).T * X.T.inv(),
    "63",
)
grad("trace-inverse-shifted", Trace((X + A).inv()), X, -(((X + A).T) ** -2), "64")
grad("trace-inverse-shifted-unsplit", Trace(Inverse(X + A)), X, -(((X + A).T) ** -2), "64")
grad(
    "trace-inverse-chain",
    Trace(B * Inverse(Identity(n) + X)),
    X,
    -(Inverse(Identity(n) + X) * B * Inverse(Identity(n) + X)).T,
    "64",
)
jac("inverse-times-vector", X.inv() * b, b, X.inv(), "61")
jac(
    "solution-by-scalar",
    Inverse(A + t * Identity(n)) * b,
    t,
    -(Inverse(A + t * Identity(n)) ** 2) * b,
    "59",
    values={"t": "positive"},
)
hess("inverse-hessian", x.T * A.inv() * x, x, A.inv() + A.T.inv(), "81")

# --- 2.3 eigenvalues, through their sum and their product -----------------------------------------

grad("eigenvalue-sum", Trace(X), X, Identity(n), "65")
grad("eigenvalue-product", Determinant(X), X, Determinant(X) * X.T.inv(), "66")
grad(
    "rayleigh",
    (x.T * A * x) / (x.T * x),
    x,
    2 / Trace(x.T * x) * (A * x - Trace(x.T * A * x) / Trace(x.T * x) * x),
    "67",
    assume=(Q.symmetric(A),),
    values={"A": "symmetric"},
)
grad(
    "rayleigh-entries",
    (x.T * A * x)[0, 0] / (x.T * x)[0, 0],
    x,
    2 / Trace(x.T * x) * (A * x - Trace(x.T * A * x) / Trace(x.T * x) * x),
    "67",
    assume=(Q.symmetric(A),),
    values={"A": "symmetric"},
)

# --- 2.4 matrices, vectors and scalar forms: first order ------------------------------------------

for name, form in {
    "1x1": x.T * a,
    "1x1-mirrored": a.T * x,
    "entry": (x.T * a)[0, 0],
    "trace": Trace(x.T * a),
    "trace-outer": Trace(x * a.T),
    "dot": DotProduct(x, a),
    "sum": Sum(x[i, 0] * a[i, 0], (i, 0, n - 1)),
    "hadamard": OneMatrix(1, n) * HadamardProduct(x, a),
}.items():
    grad(f"linear-{name}", form, x, a, "69")
for name, form in {
    "1x1": a.T * Xnm * bm,
    "entry": (a.T * Xnm * bm)[0, 0],
    "trace": Trace(a.T * Xnm * bm),
    "trace-turned": Trace(bm * a.T * Xnm),
    "dot": DotProduct(a, Xnm * bm),
    "sum": Sum(a[i, 0] * Xnm[i, j] * bm[j, 0], (i, 0, n - 1), (j, 0, m - 1)),
}.items():
    grad(f"bilinear-{name}", form, Xnm, a * bm.T, "70")
grad("bilinear-by-vector", a.T * Xnm * bm, bm, Xnm.T * a, "69")
grad("bilinear-transposed", bm.T * Xnm.T * a, Xnm, a * bm.T, "71")
grad("bilinear-same", a.T * X * a, X, a * a.T, "72")
grad("bilinear-same-transposed", a.T * X.T * a, X, a * a.T, "72")
jac(
    "by-entry",
    Xnm,
    Xnm[i, j],
    unit(i, n) * unit(j, m).T,
    "73",
)
jac(
    "itself",
    Xnm,
    Xnm,
    array(KroneckerDelta(i, k) * KroneckerDelta(j, l), (i, n), (j, m), (k, n), (l, m)),
    "73",
)
jac(
    "its-transpose",
    Xnm.T,
    Xnm,
    array(KroneckerDelta(i, l) * KroneckerDelta(j, k), (i, m), (j, n), (k, n), (l, m)),
    "73",
)
jac("vector-itself", x, x, Identity(n), "73")
grad("product-entry", (Xnm * Amm)[i, j], Xnm[k, l], KroneckerDelta(i, k) * Amm[l, j], "74")
grad("product-entry-transposed", (Xnm.T * A)[i, j], Xnm[k, l], KroneckerDelta(i, l) * A[k, j], "75")
jac(
    "product-left",
    Apn * Xnm,
    Xnm,
    array(Apn[i, k] * KroneckerDelta(j, l), (i, p), (j, m), (k, n), (l, m)),
    "74",
)
jac(
    "product-right",
    Xnm * Bmq,
    Xnm,
    array(KroneckerDelta(i, k) * Bmq[l, j], (i, n), (j, q), (k, n), (l, m)),
    "74",
)
jac(
    "product-both",
    Apn * Xnm * Bmq,
    Xnm,
    array(Apn[i, k] * Bmq[l, j], (i, p), (j, q), (k, n), (l, m)),
    "74",
)
jac("matrix-times-vector", Xnm * bm, bm, Xnm, "74")
jac(
    "matrix-times-vector-by-matrix",
    Xnm * bm,
    Xnm,
    array(KroneckerDelta(i, k) * bm[l, 0], (i, n), (k, n), (l, m)),
    "74",
)
jac("row-times-matrix", a.T * Xnm, a, Xnm.T, "74")
jac(
    "outer-by-entry",
    Xnm * Amm,
    Xnm[i, j],
    unit(i, n) * Amm[j : j + 1, :],
    "74",
)

# --- 2.4 second order -----------------------------------------------------------------------------

grad(
    "sum-of-all-products",
    Sum(Xnm[i, j] * Xnm[k, l], (i, 0, n - 1), (j, 0, m - 1), (k, 0, n - 1), (l, 0, m - 1)),
    Xnm,
    2 * Sum(Xnm[k, l], (k, 0, n - 1), (l, 0, m - 1)) * OneMatrix(n, m),
    "76",
)
grad(
    "square-of-sum",
    (OneMatrix(1, n) * Xnm * OneMatrix(m, 1)) ** 2,
    Xnm,
    2 * Trace(OneMatrix(1, n) * Xnm * OneMatrix(m, 1)) * OneMatrix(n, m),
    "76",
)
grad("gram-form", bm.T * Xnm.T * Xnm * cm, Xnm, Xnm * (bm * cm.T + cm * bm.T), "77")
grad("gram-form-entry", (bm.T * Xnm.T * Xnm * cm)[0, 0], Xnm, Xnm * (bm * cm.T + cm * bm.T), "77")
grad("gram-form-same", bm.T * Xnm.T * Xnm * bm, Xnm, 2 * Xnm * bm * bm.T, "77")
Bpn, Dqn, Cpq2 = Apn, MatrixSymbol("D", q, n), Cpq
grad(
    "two-affine",
    (Bpn * x + MatrixSymbol("b", p, 1)).T * Cpq * (Dqn * x + MatrixSymbol("d", q, 1)),
    x,
    Bpn.T * Cpq * (Dqn * x + MatrixSymbol("d", q, 1))
    + Dqn.T * Cpq.T * (Bpn * x + MatrixSymbol("b", p, 1)),
    "78",
)
grad(
    "sandwich-entry",
    (Xnm.T * B * Xnm)[k, l],
    Xnm[i, j],
    KroneckerDelta(l, j) * (Xnm.T * B)[k, i] + KroneckerDelta(k, j) * (B * Xnm)[i, l],
    "79",
)
jac(
    "sandwich",
    Xnm.T * B * Xnm,
    Xnm,
    array(
        KroneckerDelta(i, l) * (B * Xnm)[k, j] + (Xnm.T * B)[i, k] * KroneckerDelta(j, l),
        (i, m),
        (j, m),
        (k, n),
        (l, m),
    ),
    "80",
)
for name, form in {
    "1x1": x.T * B * x,
    "entry": (x.T * B * x)[0, 0],
    "trace": Trace(x.T * B * x),
    "trace-turned": Trace(B * x * x.T),
    "dot": DotProduct(x, B * x),
    "sum": Sum(x[i, 0] * B[i, j] * x[j, 0], (i, 0, n - 1), (j, 0, n - 1)),
    "nested-sum": Sum(x[i, 0] * Sum(B[i, j] * x[j, 0], (j, 0, n - 1)), (i, 0, n - 1)),
    "hadamard": OneMatrix(1, n) * HadamardProduct(x, B * x),
}.items():
    grad(f"quadratic-{name}", form, x, (B + B.T) * x, "81")
    hess(f"quadratic-{name}-hessian", form, x, B + B.T, "98")
grad(
    "quadratic-symmetric",
    x.T * B * x,
    x,
    2 * B * x,
    "81",
    values={"B": "symmetric"},
    assume=(Q.symmetric(B),),
)
hess(
    "quadratic-symmetric-hessian",
    x.T * B * x,
    x,
    2 * B,
    "98",
    values={"B": "symmetric"},
    assume=(Q.symmetric(B),),
)
grad("quadratic-half", x.T * B * x / 2, x, (B + B.T) * x / 2, "81")
grad("quadratic-by-matrix", x.T * B * x, B, x * x.T, "72")
grad(
    "gram-weighted",
    bm.T * Xnm.T * D * Xnm * cm,
    Xnm,
    D.T * Xnm * bm * cm.T + D * Xnm * cm * bm.T,
    "82",
)
grad(
    "residual-weighted",
    (Xnm * bm + c).T * D * (Xnm * bm + c),
    Xnm,
    (D + D.T) * (Xnm * bm + c) * bm.T,
    "83",
)
for name, form in {
    "1x1": (x - Anm * um).T * W * (x - Anm * um),
    "entry": ((x - Anm * um).T * W * (x - Anm * um))[0, 0],
    "trace": Trace((x - Anm * um).T * W * (x - Anm * um)),
}.items():
    with_w = {"values": {"W": "symmetric"}, "assume": (Q.symmetric(W),)}
    grad(
        f"residual-{name}-by-coefficients",
        form,
        um,
        -2 * Anm.T * W * (x - Anm * um),
        "84",
        **with_w,
    )
    grad(f"residual-{name}-by-data", form, x, 2 * W * (x - Anm * um), "87", **with_w)
    grad(f"residual-{name}-by-matrix", form, Anm, -2 * W * (x - Anm * um) * um.T, "88", **with_w)
grad(
    "residual-general-by-coefficients",
    (x - Anm * um).T * W * (x - Anm * um),
    um,
    -Anm.T * (W + W.T) * (x - Anm * um),
    "84",
)
grad(
    "deviation-by-first",
    (x - s).T * W * (x - s),
    x,
    2 * W * (x - s),
    "85",
    values={"W": "symmetric"},
    assume=(Q.symmetric(W),),
)
grad(
    "deviation-by-second",
    (x - s).T * W * (x - s),
    s,
    -2 * W * (x - s),
    "86",
    values={"W": "symmetric"},
    assume=(Q.symmetric(W),),
)
hess("deviation-mixed", (x - s).T * W * (x - s), (x, s), -(W + W.T), "85, 86")
hess("least-squares-hessian", (x - Anm * um).T * (x - Anm * um), um, 2 * Anm.T * Anm, "84")
grad("least-squares", (x - Anm * um).T * (x - Anm * um), um, 2 * Anm.T * (Anm * um - x), "84")

# --- 2.4 higher order and non-linear --------------------------------------------------------------

grad(
    "power-entry",
    (X**N)[k, l],
    X[i, j],
    Sum((X**r)[k, i] * (X ** (N - 1 - r))[j, l], (r, 0, N - 1)),
    "90",
)
jac(
    "power-2",
    X**2,
    X,
    array(
        KroneckerDelta(i, k) * X[l, j] + X[i, k] * KroneckerDelta(j, l),
        (i, n),
        (j, n),
        (k, n),
        (l, n),
    ),
    "90",
)
grad(
    "power-form", a.T * X**N * b, X, Sum(X.T**r * a * b.T * X.T ** (N - 1 - r), (r, 0, N - 1)), "91"
)
grad("power-form-2", a.T * X**2 * b, X, a * b.T * X.T + X.T * a * b.T, "91")
grad(
    "power-form-3",
    a.T * X**3 * b,
    X,
    a * b.T * X.T**2 + X.T * a * b.T * X.T + X.T**2 * a * b.T,
    "91",
)
grad(
    "power-gram-form",
    a.T * (X**N).T * X**N * b,
    X,
    Sum(X.T**r * X**N * (a * b.T + b * a.T) * X.T ** (N - 1 - r), (r, 0, N - 1)),
    "92",
)
grad(
    "two-functions",
    x.applyfunc(sin).T * A * x.applyfunc(exp),
    x,
    HadamardProduct(x.applyfunc(cos), A * x.applyfunc(exp))
    + HadamardProduct(x.applyfunc(exp), A.T * x.applyfunc(sin)),
    "93",
)
grad(
    "quotient-of-squares",
    ((A * x).T * (A * x)) / ((B * x).T * (B * x)),
    x,
    2 * A.T * A * x / (x.T * B.T * B * x)
    - 2 * B.T * B * x * (x.T * A.T * A * x) / (x.T * B.T * B * x) ** 2,
    "95",
)
grad("quadratic-and-linear", x.T * A * x + b.T * x, x, (A + A.T) * x + b, "97")
hess("quadratic-and-linear-hessian", x.T * A * x + b.T * x, x, A + A.T, "98")
jac("gradient-again", (A + A.T) * x + b, x, A + A.T, "98")
grad(
    "matrix-polynomial",
    a.T * (X**2 + 3 * X) * b,
    X,
    a * b.T * X.T + X.T * a * b.T + 3 * a * b.T,
    "91",
)

# --- 2.5 traces: first order ----------------------------------------------------------------------

grad("trace-identity", Trace(X), X, Identity(n), "99")
grad("trace-of-transpose", Trace(X.T), X, Identity(n), "99")
grad("trace-as-sum", Sum(X[i, i], (i, 0, n - 1)), X, Identity(n), "99")
grad("trace-XA", Trace(Xnm * Amn), Xnm, Amn.T, "100")
grad("trace-AX", Trace(Amn * Xnm), Xnm, Amn.T, "100")
grad(
    "trace-AXB",
    Trace(Apn * Xnm * MatrixSymbol("B", m, p)),
    Xnm,
    Apn.T * MatrixSymbol("B", m, p).T,
    "101",
)
grad(
    "trace-AXtB",
    Trace(MatrixSymbol("A", p, m) * Xnm.T * MatrixSymbol("B", n, p)),
    Xnm,
    MatrixSymbol("B", n, p) * MatrixSymbol("A", p, m),
    "102",
)
grad("trace-XtA", Trace(Xnm.T * Anm), Xnm, Anm, "103")
grad("trace-AXt", Trace(Anm * Xnm.T), Xnm, Anm, "104")
grad("trace-kronecker", Trace(KroneckerProduct(Amm, X)), X, Trace(Amm) * Identity(n), "105")
grad("trace-kronecker-right", Trace(KroneckerProduct(X, Amm)), X, Trace(Amm) * Identity(n), "105")
grad("trace-by-entry", Trace(A * X), X[i, j], A[j, i], "100")
grad("trace-of-sum", Trace(A + 2 * X - X.T), X, Identity(n), "99")
grad("trace-hadamard", Trace(HadamardProduct(A, X)), X, HadamardProduct(A, Identity(n)), "99")

# --- 2.5 second order -----------------------------------------------------------------------------

grad("trace-X2", Trace(X**2), X, 2 * X.T, "106")
grad("trace-XX", Trace(X * X), X, 2 * X.T, "106")
grad("trace-X2B", Trace(X**2 * B), X, (B * X + X * B).T, "107")
grad("trace-XtBX", Trace(Xnm.T * B * Xnm), Xnm, (B + B.T) * Xnm, "108")
grad("trace-BXXt", Trace(B * Xnm * Xnm.T), Xnm, (B + B.T) * Xnm, "109")
grad("trace-XXtB", Trace(Xnm * Xnm.T * B), Xnm, (B + B.T) * Xnm, "110")
grad("trace-XBXt", Trace(Xnm * Bmm * Xnm.T), Xnm, Xnm * (Bmm + Bmm.T), "111")
grad("trace-BXtX", Trace(Bmm * Xnm.T * Xnm), Xnm, Xnm * (Bmm + Bmm.T), "112")
grad("trace-XtXB", Trace(Xnm.T * Xnm * Bmm), Xnm, Xnm * (Bmm + Bmm.T), "113")
grad(
    "trace-XtBX-symmetric",
    Trace(Xnm.T * B * Xnm),
    Xnm,
    2 * B * Xnm,
    "108",
    values={"B": "symmetric"},
    assume=(Q.symmetric(B),),
)
grad(
    "trace-AXBX",
    Trace(Amn * Xnm * MatrixSymbol("B", m, n) * Xnm),
    Xnm,
    Amn.T * Xnm.T * MatrixSymbol("B", m, n).T + MatrixSymbol("B", m, n).T * Xnm.T * Amn.T,
    "114",
)
grad("trace-XtX", Trace(Xnm.T * Xnm), Xnm, 2 * Xnm, "115")
grad("trace-XXt", Trace(Xnm * Xnm.T), Xnm, 2 * Xnm, "115")
grad(
    "trace-BtXtCXB", Trace(Bmq.T * Xnm.T * C * Xnm * Bmq), Xnm, (C + C.T) * Xnm * Bmq * Bmq.T, "116"
)
grad("trace-XtBXC", Trace(Xnm.T * B * Xnm * Cmm), Xnm, B * Xnm * Cmm + B.T * Xnm * Cmm.T, "117")
grad(
    "trace-AXBXtC",
    Trace(Apn * Xnm * Bmm * Xnm.T * MatrixSymbol("C", n, p)),
    Xnm,
    Apn.T * MatrixSymbol("C", n, p).T * Xnm * Bmm.T + MatrixSymbol("C", n, p) * Apn * Xnm * Bmm,
    "118",
)
grad(
    "trace-square",
    Trace((Apn * Xnm * Bmq + Cpq) * (Apn * Xnm * Bmq + Cpq).T),
    Xnm,
    2 * Apn.T * (Apn * Xnm * Bmq + Cpq) * Bmq.T,
    "119",
)
grad(
    "trace-square-turned",
    Trace((Apn * Xnm * Bmq + Cpq).T * (Apn * Xnm * Bmq + Cpq)),
    Xnm,
    2 * Apn.T * (Apn * Xnm * Bmq + Cpq) * Bmq.T,
    "119",
)
grad("trace-kronecker-square", Trace(KroneckerProduct(X, X)), X, 2 * Trace(X) * Identity(n), "120")
grad("trace-times-trace", Trace(X) * Trace(X), X, 2 * Trace(X) * Identity(n), "120")
grad(
    "trace-product-of-traces",
    Trace(A * X) * Trace(B * X),
    X,
    Trace(B * X) * A.T + Trace(A * X) * B.T,
    "100 and product rule",
)
hess(
    "trace-XtBX-hessian",
    Trace(Xnm.T * B * Xnm),
    Xnm,
    array((B[i, k] + B[k, i]) * KroneckerDelta(j, l), (i, n), (j, m), (k, n), (l, m)),
    "108",
)
hess(
    "trace-X2-hessian",
    Trace(X**2),
    X,
    array(2 * KroneckerDelta(i, l) * KroneckerDelta(j, k), (i, n), (j, n), (k, n), (l, n)),
    "106",
)
hess(
    "trace-by-two",
    Trace(Amn * Xnm),
    (Xnm, Amn),
    array(KroneckerDelta(i, l) * KroneckerDelta(j, k), (i, n), (j, m), (k, m), (l, n)),
    "100",
)

# --- 2.5 higher order and others ------------------------------------------------------------------

grad("trace-power", Trace(X**N), X, N * X.T ** (N - 1), "121")
grad("trace-power-3", Trace(X**3), X, 3 * X.T**2, "121")
grad("trace-power-5", Trace(X**5), X, 5 * X.T**4, "121")
grad("trace-power-minus-2", Trace(X**-2), X, -2 * X.T**-3, "121")
grad("trace-power-minus-N", Trace(X**-N), X, -N * X.T ** (-N - 1), "121")
grad(
    "trace-A-power",
    Trace(A * X**N),
    X,
    Sum(X.T**r * A.T * X.T ** (N - 1 - r), (r, 0, N - 1)),
    "122",
)
grad("trace-A-power-3", Trace(A * X**3), X, A.T * X.T**2 + X.T * A.T * X.T + X.T**2 * A.T, "122")
grad(
    "trace-fourth-order",
    Trace(Bmq.T * Xnm.T * C * Xnm * Xnm.T * C * Xnm * Bmq),
    Xnm,
    C * Xnm * Xnm.T * C * Xnm * Bmq * Bmq.T
    + C.T * Xnm * Bmq * Bmq.T * Xnm.T * C.T * Xnm
    + C * Xnm * Bmq * Bmq.T * Xnm.T * C * Xnm
    + C.T * Xnm * Xnm.T * C.T * Xnm * Bmq * Bmq.T,
    "123",
)
grad("trace-AXinvB", Trace(A * X.inv() * B), X, -X.T.inv() * A.T * B.T * X.T.inv(), "124")
SYMMETRIC_BC = {
    "values": {"B": "symmetric", "C": "spd"},
    "assume": (Q.symmetric(B), Q.symmetric(C)),
    "sizes": TALL,
}
S = Inverse(Xnm.T * C * Xnm)
grad(
    "trace-inverse-of-sandwich",
    Trace(Inverse(Xnm.T * C * Xnm) * Amm),
    Xnm,
    -C * Xnm * S * (Amm + Amm.T) * S,
    "125",
    values={"C": "spd"},
    assume=(Q.symmetric(C),),
    sizes=TALL,
)
grad(
    "trace-ratio",
    Trace(Inverse(Xnm.T * C * Xnm) * (Xnm.T * B * Xnm)),
    Xnm,
    2 * B * Xnm * S - 2 * C * Xnm * S * Xnm.T * B * Xnm * S,
    "126",
    **SYMMETRIC_BC,
)
R = Inverse(Amm + Xnm.T * C * Xnm)
grad(
    "trace-ratio-shifted",
    Trace(Inverse(Amm + Xnm.T * C * Xnm) * (Xnm.T * B * Xnm)),
    Xnm,
    2 * B * Xnm * R - 2 * C * Xnm * R * Xnm.T * B * Xnm * R,
    "127",
    values={"B": "symmetric", "C": "spd", "A": "spd"},
    assume=(Q.symmetric(B), Q.symmetric(C), Q.symmetric(Amm)),
    sizes=TALL,
)
grad(
    "trace-elementwise-sin",
    Trace(X.applyfunc(sin)),
    X,
    HadamardProduct(X.applyfunc(cos), Identity(n)),
    "128, entry by entry",
)
grad("trace-of-log-of-det", Trace(A * X) - log(Determinant(X)), X, A.T - X.T.inv(), "100 and 57")

# --- 2.6 and 2.7 norms ----------------------------------------------------------------------------

for name, form in {
    "power": ((x - a).T * (x - a)) ** Rational(1, 2),
    "sqrt": sqrt((x - a).T * (x - a)),
    "entry": sqrt(((x - a).T * (x - a))[0, 0]),
    "dot": sqrt(DotProduct(x - a, x - a)),
    "sum": sqrt(Sum((x[i, 0] - a[i, 0]) ** 2, (i, 0, n - 1))),
}.items():
    grad(f"distance-{name}", form, x, (x - a) / sqrt((x - a).T * (x - a)), "129")
squared = Trace((x - a).T * (x - a))
jac(
    "direction",
    (x - a) / sqrt((x - a).T * (x - a)),
    x,
    Identity(n) / sqrt(squared) - (x - a) * (x - a).T / squared ** Rational(3, 2),
    "130",
)
hess(
    "distance-hessian",
    sqrt((x - a).T * (x - a)),
    x,
    Identity(n) / sqrt(squared) - (x - a) * (x - a).T / squared ** Rational(3, 2),
    "130",
)
grad("norm-squared", x.T * x, x, 2 * x, "131")
grad("norm-squared-sum", Sum(x[i, 0] ** 2, (i, 0, n - 1)), x, 2 * x, "131")
hess("norm-squared-hessian", x.T * x, x, 2 * Identity(n), "131")
grad("norm", sqrt(x.T * x), x, x / sqrt(x.T * x), "129")
grad("norm-reciprocal", (x.T * x) ** Rational(-1, 2), x, -x / (x.T * x) ** Rational(3, 2), "129")
grad("norm-fourth", (x.T * x) ** 2, x, 4 * x * x.T * x, "131")
hess(
    "norm-fourth-hessian", (x.T * x) ** 2, x, 4 * Trace(x.T * x) * Identity(n) + 8 * x * x.T, "131"
)
grad(
    "norm-affine",
    sqrt((Anm * um - x).T * (Anm * um - x)),
    um,
    Anm.T * (Anm * um - x) / sqrt((Anm * um - x).T * (Anm * um - x)),
    "129",
)
grad("norm-1", OneMatrix(1, n) * x.applyfunc(sp.Abs), x, x.applyfunc(sp.sign), "2.6")
grad("norm-1-sum", Sum(sp.Abs(x[i, 0]), (i, 0, n - 1)), x, x.applyfunc(sp.sign), "2.6")
grad(
    "norm-4",
    (Sum(x[i, 0] ** 4, (i, 0, n - 1))) ** Rational(1, 4),
    x,
    HadamardPower(x, 3) / Sum(x[i, 0] ** 4, (i, 0, n - 1)) ** Rational(3, 4),
    "2.6",
)
for name, form in {
    "trace": Trace(Xnm.T * Xnm),
    "sum": Sum(Xnm[i, j] ** 2, (i, 0, n - 1), (j, 0, m - 1)),
    "ones": OneMatrix(1, n) * HadamardPower(Xnm, 2) * OneMatrix(m, 1),
}.items():
    grad(f"frobenius-squared-{name}", form, Xnm, 2 * Xnm, "132")
grad("frobenius", sqrt(Trace(Xnm.T * Xnm)), Xnm, Xnm / sqrt(Trace(Xnm.T * Xnm)), "132")
grad(
    "frobenius-distance",
    sqrt(Trace((Xnm - Anm).T * (Xnm - Anm))),
    Xnm,
    (Xnm - Anm) / sqrt(Trace((Xnm - Anm).T * (Xnm - Anm))),
    "132",
)
hess(
    "frobenius-squared-hessian",
    Trace(Xnm.T * Xnm) / 2,
    Xnm,
    array(KroneckerDelta(i, k) * KroneckerDelta(j, l), (i, n), (j, m), (k, n), (l, m)),
    "132",
)

# --- 2.8 structured matrices ----------------------------------------------------------------------

IN_SYMMETRIC = {"values": {"X": "spd"}, "assume": (Q.symmetric(X),)}
IN_DIAGONAL = {"values": {"X": "diagonal"}, "assume": (Q.diagonal(X),)}
grad(
    "symmetric-trace",
    Trace(A * X),
    X,
    A + A.T - HadamardProduct(A, Identity(n)),
    "139",
    **IN_SYMMETRIC,
)
grad(
    "symmetric-det",
    Determinant(X),
    X,
    Determinant(X) * (2 * X.inv() - HadamardProduct(X.inv(), Identity(n))),
    "140",
    **IN_SYMMETRIC,
)
grad(
    "symmetric-logdet",
    log(Determinant(X)),
    X,
    2 * X.inv() - HadamardProduct(X.inv(), Identity(n)),
    "141",
    **IN_SYMMETRIC,
)
grad(
    "symmetric-quadratic",
    a.T * X * b,
    X,
    a * b.T + b * a.T - HadamardProduct(a * b.T, Identity(n)),
    "138",
    **IN_SYMMETRIC,
)
grad("symmetric-trace-identity", Trace(X), X, Identity(n), "139", **IN_SYMMETRIC)
grad(
    "symmetric-frobenius",
    Trace(X.T * X),
    X,
    4 * X - 2 * HadamardProduct(X, Identity(n)),
    "138",
    **IN_SYMMETRIC,
)
grad("diagonal-trace", Trace(A * X), X, HadamardProduct(A, Identity(n)), "142", **IN_DIAGONAL)
grad("diagonal-quadratic", a.T * X * b, X, DiagMatrix(HadamardProduct(a, b)), "142", **IN_DIAGONAL)
grad("diagonal-logdet", log(sp.Abs(Determinant(X))), X, X.inv(), "142", **IN_DIAGONAL)
