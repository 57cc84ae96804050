"""Forms as they stand in textbooks and papers: of second order, with diagonals, cases, look-ups."""

import numpy as np
from sympy import (
    Abs,
    Determinant,
    HadamardPower,
    Identity,
    IndexedBase,
    KroneckerDelta,
    KroneckerProduct,
    MatrixSymbol,
    Max,
    Min,
    Piecewise,
    Q,
    Rational,
    S,
    Sum,
    Symbol,
    Trace,
    exp,
    factorial,
    log,
    sign,
    sqrt,
    symbols,
    tanh,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from tests.corpus.shorthand import case, each, had, ones, rows_from

m, n, p = symbols("m n p", integer=True, positive=True)
i, j, k, l = symbols("i j k l", integer=True)
h = Symbol("h", integer=True, positive=True)
c, g = symbols("c g", positive=True)
t = Symbol("t")
Z = symbols("z:3")

A, B, D = MatrixSymbol("A", m, n), MatrixSymbol("B", n, n), MatrixSymbol("D", m, m)
E, M, X = (MatrixSymbol(name, n, n) for name in "EMX")
W, L = MatrixSymbol("W", n, p), MatrixSymbol("L", p, p)
x, u, z = (MatrixSymbol(name, n, 1) for name in "xuz")
o, y = MatrixSymbol("o", m, 1), MatrixSymbol("y", m, 1)
long = MatrixSymbol("long", n**2, 1)

a, b, d, s, v, w = (IndexedBase(name) for name in "abdsvw")
R, T, U = (IndexedBase(name) for name in "RTU")
label = IndexedBase("label", integer=True)

gradient, jacobian, hessian = rows_from(
    "textbook_forms", "matrices", "Boyd and Vandenberghe; Golub and Van Loan; Bishop"
)
r = A * x - y
SPREAD = A * DiagMatrix(x) * A.T
NOISE = W * W.T + c * Identity(n)
MATRICES = (
    gradient(
        "form with an identity", x.T * (Identity(n) + X) * x, x, (2 * Identity(n) + X + X.T) * x
    ),
    gradient(
        "form with a rank-one term",
        x.T * (Identity(n) + u * z.T) * x,
        x,
        (2 * Identity(n) + u * z.T + z * u.T) * x,
    ),
    gradient(
        "orthogonality constraint",
        Trace(L * (W.T * W - Identity(p))) - Trace(W.T * X * W),
        W,
        W * (L + L.T) - (X + X.T) * W,
    ),
    gradient(
        "Laplacian form",
        Trace(A * (DiagMatrix(X * ones(n)) - X) * A.T),
        A,
        A * (2 * DiagMatrix(X * ones(n)) - X - X.T),
    ),
    gradient(
        "dual of a support vector machine",
        ones(1, n) * x - x.T * DiagMatrix(u) * X * DiagMatrix(u) * x / 2,
        x,
        ones(n) - had(u, (X + X.T) * had(u, x)) / 2,
    ),
    gradient(
        "design of experiments",
        log(Determinant(SPREAD)),
        x,
        DiagonalOf(A.T * SPREAD.I * A),
        values={"x": "positive"},
        sizes={"m": 2, "n": 3},
    ),
    gradient(
        "trace of a shifted inverse",
        Trace((B + DiagMatrix(x)).I),
        x,
        -DiagonalOf((B + DiagMatrix(x)) ** (-2)),
    ),
    gradient("modulus of a determinant", Abs(Determinant(X)), X, Abs(Determinant(X)) * X.T.I),
    gradient(
        "root of a determinant", sqrt(Abs(Determinant(X))), X, sqrt(Abs(Determinant(X))) / 2 * X.T.I
    ),
    gradient(
        "trace of a root",
        Trace(X ** Rational(1, 2)),
        X,
        X.T ** Rational(-1, 2) / 2,
        values={"X": "spd"},
    ),
    gradient(
        "nuclear norm",
        Trace((A * A.T) ** Rational(1, 2)),
        A,
        (A * A.T) ** Rational(-1, 2) * A,
        sizes={"m": 2, "n": 3},
    ),
    gradient(
        "resolvent between ones",
        ones(1, n) * (Identity(n) - t * X).I * ones(n),
        t,
        Trace(ones(1, n) * (Identity(n) - t * X).I * X * (Identity(n) - t * X).I * ones(n)),
    ),
    gradient(
        "entry of a square",
        (X**2)[i, j],
        X,
        Identity(n)[:, i : i + 1] * X[:, j : j + 1].T
        + X[i : i + 1, :].T * Identity(n)[:, j : j + 1].T,
    ),
    hessian("form and squares", x.T * X * x / 2 + r.T * r / 2, x, (X + X.T) / 2 + A.T * A),
    hessian(
        "quartic well",
        ((x.T * x)[0, 0] - 1) ** 2 / 4,
        x,
        (Trace(x.T * x) - 1) * Identity(n) + 2 * x * x.T,
    ),
    hessian(
        "distance to a range",
        sqrt((r.T * r)[0, 0]),
        x,
        A.T * (Identity(m) - 1 / Trace(r.T * r) * r * r.T) * A / sqrt(Trace(r.T * r)),
    ),
    hessian(
        "radial function",
        exp(-((x - u).T * (x - u))[0, 0] / 2),
        x,
        exp(-Trace((x - u).T * (x - u)) / 2) * ((x - u) * (x - u).T - Identity(n)),
    ),
    gradient(
        "scale of a normal sample",
        ((y - t * ones(m)).T * (y - t * ones(m)))[0, 0] / (2 * c**2),
        c,
        -Trace((y - t * ones(m)).T * (y - t * ones(m))) / c**3,
    ),
    gradient(
        "diagonal matrix by an entry",
        x.T * X * u,
        X[0, 0],
        x[0, 0] * u[0, 0],
        assume=(Q.diagonal(X),),
        values={"X": "diagonal"},
    ),
    gradient(
        "trace of an inverse of a symmetric matrix",
        Trace(X.I),
        X,
        DiagMatrix(DiagonalOf(X ** (-2))) - 2 * X ** (-2),
        assume=(Q.symmetric(X),),
        values={"X": "spd"},
    ),
    gradient(
        "determinant of a Gram matrix in a Kronecker product",
        log(Determinant(KroneckerProduct(A * A.T, B))),
        A,
        2 * n * (A * A.T).I * A,
        sizes={"m": 2, "n": 3},
    ),
    gradient(
        "residual of a linear system",
        (x - B * x - u).T * (x - B * x - u),
        x,
        2 * (Identity(n) - B.T) * (x - B * x - u),
    ),
    gradient(
        "residual of a damped walk",
        (x - c * B * x - (1 - c) / n * ones(n)).T * (x - c * B * x - (1 - c) / n * ones(n)),
        x,
        2 * (Identity(n) - c * B.T) * (x - c * B * x - (1 - c) / n * ones(n)),
    ),
    gradient(
        "weighted residual of a linear system",
        (x - B * x - u).T * M * (x - B * x - u),
        x,
        (Identity(n) - B.T) * (M + M.T) * (x - B * x - u),
    ),
)

gradient, jacobian, hessian = rows_from(
    "textbook_forms", "elementwise", "lecture notes; Ramachandran et al. 2017"
)
CASES = (
    gradient(
        "hard sigmoid",
        ones(1, n) * each(Piecewise((0, t < 0), (t, t < 1), (1, True)), x),
        x,
        each(Piecewise((0, t < 0), (1, t < 1), (0, True)), x),
    ),
    gradient(
        "three cases",
        ones(1, n) * each(Piecewise((0, t < 0), (t**2 / 2, t < 1), (t - S.Half, True)), x),
        x,
        each(Piecewise((0, t < 0), (t, t < 1), (1, True)), x),
    ),
    gradient(
        "hyperbolic tangent by exponentials",
        ones(1, n) * each((exp(t) - exp(-t)) / (exp(t) + exp(-t)), x),
        x,
        ones(n) - HadamardPower(each(tanh(t), x), 2),
    ),
    hessian(
        "power of a product of three",
        sqrt(Z[0] * Z[1] * Z[2]) ** 3,
        (Z[0], Z[1]),
        9 * Z[2] * sqrt(Z[0] * Z[1] * Z[2]) / 4,
        values=dict.fromkeys(("z0", "z1", "z2"), "positive"),
    ),
    hessian(
        "sum of powers of products",
        ones(1, n) * HadamardPower(had(x, u, z), S(3) / 2),
        (x, u),
        DiagMatrix(had(z, HadamardPower(had(x, u, z), S.Half))) * 9 / 4,
        values=dict.fromkeys("xuz", "positive"),
    ),
    gradient(
        "divergence of order c",
        log(Sum(x[i, 0] ** c * u[i, 0] ** (1 - c), (i, 0, n - 1))) / (c - 1),
        u,
        -1
        / Trace(HadamardPower(x, c).T * HadamardPower(u, 1 - c))
        * had(HadamardPower(x, c), HadamardPower(u, -c)),
        values={"x": "positive", "u": "positive", "c": 0.6},
    ),
)

gradient, jacobian, hessian = rows_from(
    "textbook_forms", "index", "Bishop, Pattern Recognition; Koren et al. 2009; lecture notes"
)
DENSITY = exp(-((a[i] - b[k]) ** 2) / (2 * s[k] ** 2)) / s[k]
INDEX = (
    gradient(
        "mixture by a width",
        Sum(log(Sum(w[k] * DENSITY, (k, 0, p - 1))), (i, 0, n - 1)),
        s[j],
        w[j]
        / s[j] ** 2
        * Sum(
            ((a[k] - b[j]) ** 2 / s[j] ** 2 - 1)
            * exp(-((a[k] - b[j]) ** 2) / (2 * s[j] ** 2))
            / Sum(w[i] * exp(-((a[k] - b[i]) ** 2) / (2 * s[i] ** 2)) / s[i], (i, 0, p - 1)),
            (k, 0, n - 1),
        ),
        values={"s": "positive", "w": "positive"},
    ),
    gradient(
        "ratings",
        Sum((d[i] - Sum(U[label[i], j] * v[j], (j, 0, p - 1))) ** 2, (i, 0, n - 1)),
        U[k, l],
        2
        * v[l]
        * Sum(
            (Sum(U[k, j] * v[j], (j, 0, p - 1)) - d[i]) * KroneckerDelta(k, label[i]), (i, 0, n - 1)
        ),
        values={"label": np.array([0, 1, 2, 1, 0])},
    ),
    jacobian("triangular product", Sum(R[i, j] * w[j], (j, 0, i)), w[k], case(R[i, k], k <= i)),
    jacobian(
        "causal softmax",
        exp(w[i]) / Sum(exp(w[j]), (j, 0, i)),
        w[k],
        (KroneckerDelta(i, k) - case(exp(w[k]) / Sum(exp(w[j]), (j, 0, i)), k <= i))
        * exp(w[i])
        / Sum(exp(w[j]), (j, 0, i)),
    ),
    jacobian(
        "moving sum",
        Sum(w[j], (j, i - h, i + h)),
        w[k],
        case(1, (i - h <= k) & (k <= i + h)),
        sizes={"h": 1},
    ),
    gradient(
        "normaliser by its temperature",
        log(Sum(exp(-c * a[i]), (i, 0, n - 1))),
        c,
        -Sum(a[i] * exp(-c * a[i]), (i, 0, n - 1)) / Sum(exp(-c * a[i]), (i, 0, n - 1)),
    ),
    gradient(
        "coupled phases",
        -Sum(R[i, j] * (w[i] - w[j]) ** 4, (i, 0, n - 1), (j, 0, n - 1)),
        w[k],
        -4 * Sum((R[i, k] + R[k, i]) * (w[k] - w[i]) ** 3, (i, 0, n - 1)),
    ),
    gradient(
        "exponential series",
        Sum(w[i] ** 2 / factorial(i), (i, 0, n - 1)),
        w[k],
        2 * w[k] / factorial(k),
    ),
    gradient(
        "cases by index",
        Sum(Piecewise((w[i] * a[i], i < h), (w[i] ** 2, True)), (i, 0, n - 1)),
        w[k],
        Piecewise((a[k], k < h), (2 * w[k], True)),
        sizes={"h": 2},
    ),
    hessian(
        "polynomial regression",
        Sum((d[i] - Sum(w[j] * a[i] ** j, (j, 0, p))) ** 2, (i, 0, n - 1)),
        (w[k], w[l]),
        2 * Sum(a[i] ** (k + l), (i, 0, n - 1)),
    ),
    gradient(
        "causal filter by its kernel",
        Sum((d[i] - Sum(v[j] * w[i - j], (j, 0, i))) ** 2, (i, 0, n - 1)),
        v[k],
        2 * Sum((Sum(v[j] * w[i - j], (j, 0, i)) - d[i]) * w[i - k], (i, k, n - 1)),
    ),
    gradient(
        "discounted past by a weight",
        Sum((d[i] - Sum(w[j] * c ** (i - j), (j, 0, i))) ** 2, (i, 0, n - 1)),
        w[k],
        2 * Sum(c ** (i - k) * (Sum(w[j] * c ** (i - j), (j, 0, i)) - d[i]), (i, k, n - 1)),
        values={"c": 0.7},
    ),
    gradient(
        "exponential moving average by its start",
        Sum((d[i] - g * Sum(c**j * w[i - j], (j, 0, i))) ** 2, (i, 0, n - 1)),
        g,
        2
        * Sum(
            (g * Sum(c**j * w[i - j], (j, 0, i)) - d[i]) * Sum(c**j * w[i - j], (j, 0, i)),
            (i, 0, n - 1),
        ),
    ),
    hessian(
        "phase retrieval",
        Sum((Sum(R[i, j] * w[j], (j, 0, p - 1)) ** 2 - d[i]) ** 2, (i, 0, n - 1)) / 4,
        (w[k], w[l]),
        Sum(
            (3 * Sum(R[i, j] * w[j], (j, 0, p - 1)) ** 2 - d[i]) * R[i, k] * R[i, l], (i, 0, n - 1)
        ),
    ),
    gradient(
        "pairs with weights",
        Sum(R[i, j] * (Abs(w[i] - w[j]) - T[i, j]) ** 2, (j, i + 1, n - 1), (i, 0, n - 1)) / 2,
        w[k],
        Sum((Abs(w[i] - w[k]) - T[i, k]) * R[i, k] * sign(w[k] - w[i]), (i, 0, k - 1))
        + Sum((Abs(w[k] - w[j]) - T[k, j]) * R[k, j] * sign(w[k] - w[j]), (j, k + 1, n - 1)),
    ),
    gradient(
        "window into the past",
        Sum(w[i + j] * v[i], (j, 1, h), (i, 1, n)),
        w[k],
        Sum(v[i], (i, Max(1, k - h), Min(n, k - 1))),
        sizes={"h": 2},
    ),
)

ROWS = [*MATRICES, *CASES, *INDEX]
