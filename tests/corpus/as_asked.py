"""Derivatives as people ask for them: time series, ranking, robust and statistical losses, gates.

The forms to beat are those of papers and lecture notes; sources stand with each section.
"""

import numpy as np
from sympy import (
    Abs,
    Determinant,
    HadamardPower,
    Heaviside,
    Identity,
    IndexedBase,
    Inverse,
    KroneckerDelta,
    KroneckerProduct,
    Lambda,
    MatrixSymbol,
    Max,
    Min,
    Mod,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    Trace,
    ZeroMatrix,
    atan,
    exp,
    floor,
    log,
    pi,
    sqrt,
    symbols,
    tanh,
)
from sympy.matrices.expressions.blockmatrix import BlockMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from tests.corpus import unit
from tests.corpus.shorthand import SIGMOID, each, had, ones, rows_from

m, n, p = symbols("m n p", integer=True, positive=True)
i, j, k, l = symbols("i j k l", integer=True)
t = Symbol("t")
r = Symbol("r", real=True)
c, g, h = symbols("c g h", positive=True)
x, y, a, b, w, s = (IndexedBase(name) for name in "xyabws")
W, X = IndexedBase("W"), IndexedBase("X")
label = IndexedBase("label", integer=True)

A, S, N = (MatrixSymbol(name, n, n) for name in "ASN")
B, C = MatrixSymbol("B", n, p), MatrixSymbol("C", m, n)
D = MatrixSymbol("D", p, p)
P, Q = MatrixSymbol("P", p, n), MatrixSymbol("Q", p, n)
u, v, z = (MatrixSymbol(name, n, 1) for name in "uvz")
q, gate = MatrixSymbol("q", p, 1), MatrixSymbol("gate", p, 1)
o = MatrixSymbol("o", m, 1)
long = MatrixSymbol("long", n * p, 1)

gradient, jacobian, hessian = rows_from(
    "as_asked", "index", "Hamilton, Time Series Analysis; Cao et al. 2007 (ListMLE); lecture notes"
)
INDEX = (
    gradient(
        "squared differences on a circle",
        Sum((x[Mod(i + 1, n)] - x[i]) ** 2, (i, 0, n - 1)),
        x[k],
        4 * x[k] - 2 * x[Mod(k + 1, n)] - 2 * x[Mod(k - 1, n)],
    ),
    gradient(
        "transitions of a Markov chain",
        log(x[label[1]]) + Sum(log(W[label[i - 1], label[i]]), (i, 2, n)),
        W[k, l],
        Sum(KroneckerDelta(k, label[i - 1]) * KroneckerDelta(l, label[i]), (i, 2, n)) / W[k, l],
        sizes={"n": 4},
        values={"label": np.array([0, 1, 2, 1, 0])},
    ),
    gradient(
        "dilated correlation by its signal",
        Sum(a[i] * x[i + g * j] * b[j], (j, 0, m - 1), (i, 0, n - 1)),
        x[k],
        Sum(
            a[k - g * j] * b[j],
            (j, Max(0, floor((k - n + g) / g)), Min(m - 1, floor(k / g))),
        ),
        sizes={"n": 3, "m": 2, "g": 2},
    ),
    gradient(
        "autoregression",
        Sum((x[i] - c * x[i - 1]) ** 2, (i, 2, n)) / 2,
        c,
        Sum((c * x[i - 1] - x[i]) * x[i - 1], (i, 2, n)),
    ),
    gradient(
        "autoregression of higher order",
        Sum((x[i] - Sum(a[j] * x[i - j], (j, 1, p))) ** 2, (i, p + 1, n)) / 2,
        a[k],
        Sum((Sum(a[j] * x[i - j], (j, 1, p)) - x[i]) * x[i - k], (i, p + 1, n)),
        sizes={"n": 5, "p": 2},
        values={"k": (1, 2)},
    ),
    gradient(
        "Plackett-Luce",
        Sum(s[i] - log(Sum(exp(s[j]), (j, i, n))), (i, 1, n)),
        s[k],
        1 - exp(s[k]) * Sum(1 / Sum(exp(s[j]), (j, i, n)), (i, 1, k)),
        values={"k": (1, 2)},
    ),
    gradient(
        "causal logsumexp",
        Sum(log(Sum(exp(x[j]), (j, 1, i))), (i, 1, n)),
        x[k],
        exp(x[k]) * Sum(1 / Sum(exp(x[j]), (j, 1, i)), (i, k, n)),
        values={"k": (1, 2)},
    ),
    gradient(
        "pairs of squares",
        Sum((x[i] - x[j]) ** 2, (j, i + 1, n), (i, 1, n)),
        x[k],
        2 * n * x[k] - 2 * Sum(x[j], (j, 1, n)),
        values={"k": (1, 2)},
    ),
    gradient(
        "second elementary symmetric polynomial",
        Sum(x[i] * x[j], (j, i + 1, n), (i, 1, n)),
        x[k],
        Sum(x[j], (j, 1, n)) - x[k],
        values={"k": (1, 2)},
    ),
    gradient(
        "pairs without the diagonal",
        Sum((1 - KroneckerDelta(i, j)) * x[i] * x[j], (i, 1, n), (j, 1, n)),
        x[k],
        2 * Sum(x[j], (j, 1, n)) - 2 * x[k],
        values={"k": (1, 2)},
    ),
    gradient(
        "factorisation machine",
        Sum(
            Sum(W[j, l] * x[j], (j, 1, n)) ** 2 - Sum(W[j, l] ** 2 * x[j] ** 2, (j, 1, n)),
            (l, 1, p),
        )
        / 2,
        W[k, i],
        x[k] * (Sum(W[j, i] * x[j], (j, 1, n)) - W[k, i] * x[k]),
        values={"k": (1, 2), "i": (1, 2)},
    ),
    gradient(
        "squares of running sums",
        Sum(Sum(x[j], (j, 1, i)) ** 2, (i, 1, n)),
        x[k],
        2 * Sum(x[j], (j, 1, i), (i, k, n)),
        values={"k": (1, 2)},
    ),
    gradient(
        "Vandermonde logarithm",
        Sum(log(Abs(x[i] - x[j])), (j, 1, i - 1), (i, 1, n)),
        x[k],
        Sum(1 / (x[k] - x[i]), (i, 1, k - 1)) + Sum(1 / (x[k] - x[i]), (i, k + 1, n)),
        values={"k": (1, 2)},
    ),
    gradient(
        "volume rendering",
        Sum(exp(-Sum(x[j], (j, 1, i - 1))) * (1 - exp(-x[i])) * a[i], (i, 1, n)),
        x[k],
        exp(-x[k]) * exp(-Sum(x[j], (j, 1, k - 1))) * a[k]
        - Sum(a[i] * (1 - exp(-x[i])) * exp(-Sum(x[j], (j, 1, i - 1))), (i, k + 1, n)),
        values={"k": (1, 2)},
    ),
    gradient(
        "mixture by a mean",
        Sum(
            log(
                Sum(
                    a[j] * exp(-((x[i] - b[j]) ** 2) / (2 * s[j] ** 2)) / (sqrt(2 * pi) * s[j]),
                    (j, 1, p),
                )
            ),
            (i, 1, n),
        ),
        b[k],
        a[k]
        * Sum(
            (x[i] - b[k])
            * exp(-((x[i] - b[k]) ** 2) / (2 * s[k] ** 2))
            / Sum(a[l] * exp(-((x[i] - b[l]) ** 2) / (2 * s[l] ** 2)) / s[l], (l, 1, p)),
            (i, 1, n),
        )
        / s[k] ** 3,
        values={"a": "positive", "s": "positive", "k": (1, 2)},
    ),
    gradient(
        "strain",
        Sum((Sum((X[i, l] - X[j, l]) ** 2, (l, 1, p)) - W[i, j]) ** 2, (i, 1, n), (j, 1, n)),
        X[k, m],
        4
        * Sum(
            (X[k, m] - X[i, m])
            * (2 * Sum((X[k, l] - X[i, l]) ** 2, (l, 1, p)) - W[k, i] - W[i, k]),
            (i, 1, n),
        ),
        values={"m": 1, "k": (1, 2)},
    ),
    gradient(
        "chi-square divergence",
        Sum((a[i] - b[i]) ** 2 / b[i], (i, 1, n)),
        b[k],
        1 - a[k] ** 2 / b[k] ** 2,
        values={"b": "positive", "k": (1, 2)},
    ),
    gradient(
        "distance to the total",
        Sum((Sum(x[j], (j, 1, n)) - x[i]) ** 2, (i, 1, n)) / 2,
        x[k],
        (n - 2) * Sum(x[j], (j, 1, n)) + x[k],
        values={"k": (1, 2)},
    ),
)

gradient, jacobian, hessian = rows_from(
    "as_asked", "scalar", "Abramowitz and Stegun; Barron 2019; Schulman et al. 2017"
)
SCALAR = (
    hessian(
        "pseudo-Huber",
        c**2 * (sqrt(1 + (r / c) ** 2) - 1),
        r,
        (1 + r**2 / c**2) ** Rational(-3, 2),
    ),
    hessian("smoothed modulus", sqrt(r**2 + c**2), r, c**2 / (c**2 + r**2) ** Rational(3, 2)),
    gradient("algebraic sigmoid", r / sqrt(1 + c * r**2), r, (1 + c * r**2) ** Rational(-3, 2)),
    hessian(
        "algebraic sigmoid Hessian", r / sqrt(1 + r**2), r, -3 * r / (1 + r**2) ** Rational(5, 2)
    ),
    gradient(
        "half circle", r * sqrt(1 - r**2), r, (1 - 2 * r**2) / sqrt(1 - r**2), values={"r": 0.3}
    ),
    gradient("angle", atan(g / h), h, -g / (g**2 + h**2)),
    gradient("Cauchy distribution", atan((r - c) / g) / pi, r, g / (pi * (g**2 + (r - c) ** 2))),
    gradient("log of 1 - exp", log(1 - exp(-g)), g, 1 / (exp(g) - 1)),
    gradient("Gauss times a square", g**2 * exp(-(g**2)), g, 2 * g * (1 - g**2) * exp(-(g**2))),
    gradient(
        "Lennard-Jones",
        4 * c * ((h / g) ** 12 - (h / g) ** 6),
        g,
        24 * c * h**6 * (g**6 - 2 * h**6) / g**13,
    ),
    hessian(
        "sigmoid Hessian",
        1 / (1 + exp(-r)),
        r,
        (1 - 2 / (1 + exp(-r))) * (1 - 1 / (1 + exp(-r))) / (1 + exp(-r)),
    ),
    gradient("clip", Min(Max(r, 0), 1), r, Heaviside(r) * Heaviside(1 - r), values={"r": 0.3}),
    gradient(
        "hard sigmoid",
        Piecewise((0, r < -1), (1, r > 1), ((r + 1) / 2, True)),
        r,
        Piecewise((0, r < -1), (0, r > 1), (Rational(1, 2), True)),
        values={"r": 0.3},
    ),
    gradient(
        "smoothstep",
        Piecewise((0, r < 0), (3 * r**2 - 2 * r**3, r < 1), (1, True)),
        r,
        Piecewise((0, r < 0), (6 * r * (1 - r), r < 1), (0, True)),
        values={"r": 0.3},
    ),
    gradient(
        "smooth hinge",
        Piecewise((Rational(1, 2) - r, r <= 0), ((1 - r) ** 2 / 2, r < 1), (0, True)),
        r,
        Piecewise((-1, r <= 0), (r - 1, r < 1), (0, True)),
        values={"r": 0.3},
    ),
    hessian("log of 1 + modulus", log(1 + Abs(r)), r, -1 / (1 + Abs(r)) ** 2, values={"r": 0.3}),
)

Wf, Wi, Wg = (MatrixSymbol(name, p, n) for name in ("Wf", "Wi", "Wg"))
W1, W2 = MatrixSymbol("W1", p, n), MatrixSymbol("W2", m, p)


def sigma(matrix: object) -> object:
    return each(SIGMOID, matrix)


def squash(matrix: object) -> object:
    return matrix.applyfunc(tanh)


def slope(column: object) -> object:
    return each(t * (1 - t), column)


gradient, jacobian, hessian = rows_from(
    "as_asked", "networks", "Hochreiter and Schmidhuber 1997; Goodfellow, Bengio, Courville 10.10"
)
NETWORKS = (
    gradient(
        "gated layer by its input",
        q.T * had(sigma(Wi * z), squash(Wg * z)),
        z,
        Wi.T * had(q, slope(sigma(Wi * z)), squash(Wg * z))
        + Wg.T * had(q, sigma(Wi * z), ones(p) - HadamardPower(squash(Wg * z), 2)),
    ),
    gradient(
        "memory cell by its input",
        q.T * (had(sigma(Wf * z), gate) + had(sigma(Wi * z), squash(Wg * z))),
        z,
        Wf.T * had(q, slope(sigma(Wf * z)), gate)
        + Wi.T * had(q, slope(sigma(Wi * z)), squash(Wg * z))
        + Wg.T * had(q, sigma(Wi * z), ones(p) - HadamardPower(squash(Wg * z), 2)),
    ),
    jacobian(
        "two layers of tanh",
        squash(W2 * squash(W1 * z)),
        z,
        DiagMatrix(ones(m) - HadamardPower(squash(W2 * squash(W1 * z)), 2))
        * W2
        * DiagMatrix(ones(p) - HadamardPower(squash(W1 * z), 2))
        * W1,
    ),
    hessian(
        "sum of sigmoids",
        ones(1, n) * sigma(z),
        z,
        DiagMatrix(each(t * (1 - t) * (1 - 2 * t), sigma(z))),
    ),
    gradient(
        "bias as a column of ones",
        (BlockMatrix([[C, ones(m)]]) * MatrixSymbol("th", n + 1, 1) - o).T
        * (BlockMatrix([[C, ones(m)]]) * MatrixSymbol("th", n + 1, 1) - o),
        MatrixSymbol("th", n + 1, 1),
        2
        * BlockMatrix([[C.T], [ones(1, m)]])
        * (BlockMatrix([[C, ones(m)]]) * MatrixSymbol("th", n + 1, 1) - o),
    ),
)

gradient, jacobian, hessian = rows_from(
    "as_asked", "matrices", "Magnus and Neudecker; Petersen and Pedersen; Kokiopoulou et al. 2011"
)
along = Trace(u.T * z)
MATRICES = (
    gradient(
        "reconstruction from one direction",
        (z - u * (u.T * z)).T * (z - u * (u.T * z)),
        u,
        2 * along * ((Trace(u.T * u) - 2) * z + along * u),
    ),
    gradient(
        "trace ratio of a subspace",
        Trace(B.T * S * B * Inverse(B.T * B)),
        B,
        (Identity(n) - B * Inverse(B.T * B) * B.T) * (S + S.T) * B * Inverse(B.T * B),
    ),
    gradient(
        "cube between vectors",
        u.T * A**3 * z,
        A,
        u * z.T * A.T**2 + A.T * u * z.T * A.T + A.T**2 * u * z.T,
    ),
    gradient(
        "determinant of a square", Determinant(A.T * A), A, 2 * Determinant(A.T * A) * A.T.inv()
    ),
    gradient(
        "log-determinant of a Kronecker product",
        log(Determinant(KroneckerProduct(S, A))),
        A,
        n * A.T.inv(),
    ),
    gradient(
        "form of a Kronecker product",
        long.T * KroneckerProduct(Identity(n), D) * long,
        long,
        KroneckerProduct(Identity(n), D + D.T) * long,
    ),
    gradient(
        "Kronecker product of columns",
        long.T * KroneckerProduct(z, q),
        z,
        KroneckerProduct(Identity(n), q.T) * long,
    ),
    gradient(
        "log-determinant of a triangle of blocks",
        log(Determinant(BlockMatrix([[A, B], [ZeroMatrix(p, n), D]]))),
        A,
        A.T.inv(),
    ),
    gradient("square of an entry", A[i, j] ** 2, A, 2 * A[i, j] * unit(i, n) * unit(j, n).T),
    gradient(
        "product of two entries", z[0, 0] * z[1, 0], z, z[1, 0] * unit(0, n) + z[0, 0] * unit(1, n)
    ),
    gradient("length of a column", (A[:, 0].T * A[:, 0])[0, 0], A, 2 * A[:, 0] * unit(0, n).T),
    gradient(
        "sum of powers times a product",
        Sum(c**i * (u.T * z)[0, 0], (i, 0, p)),
        z,
        Sum(c**i, (i, 0, p)) * u,
    ),
    jacobian(
        "direction times a form",
        (z.T * A * z)[0, 0] * z,
        z,
        Trace(z.T * A * z) * Identity(n) + z * z.T * (A + A.T),
    ),
    gradient(
        "exponent of a name like the Lambda's",
        u.T * z.applyfunc(Lambda(r, log(1 + exp(t * r)))),
        z,
        t * had(u, z.applyfunc(Lambda(r, 1 / (1 + exp(-t * r))))),
    ),
    gradient(
        "function of a multiple of the ones",
        (ones(1, n) * (t * ones(n)).applyfunc(exp) * (ones(1, n) * z))[0, 0],
        t,
        n * exp(t) * ones(1, n) * z,
    ),
    gradient(
        "Huber's function of the ones",
        u.T
        * ones(n).applyfunc(
            Lambda(r, Piecewise((r**2 / 2, Abs(r) < 1), (Abs(r) - Rational(1, 2), True)))
        ),
        u,
        ones(n) / 2,
    ),
    hessian(
        "inverse of a diagonal matrix and a multiple of I",
        Trace((DiagMatrix(z) + 9 * Identity(n)).inv()),
        z,
        2 * DiagMatrix(HadamardPower(z + 9 * ones(n), -3)),
    ),
    gradient(
        "exponential of a diagonal matrix",
        Trace(DiagMatrix(z).applyfunc(exp) * A),
        z,
        had(DiagonalOf(A), z.applyfunc(exp)),
    ),
    gradient(
        "decorrelation",
        Trace(had(B.T * B, ones(p, p) - Identity(p)) * had(B.T * B, ones(p, p) - Identity(p))) / 4,
        B,
        B * had(ones(p, p) - Identity(p), B.T * B),
    ),
    gradient(
        "diagonal of ones and more",
        Trace(had(2 * Identity(n) + ones(n, n), A)),
        A,
        3 * Identity(n),
    ),
    gradient(
        "exponent of a transpose",
        Trace(A * S.applyfunc(Lambda(t, 2**t))),
        A,
        HadamardPower(2, S.T),
    ),
    gradient(
        "first rows of a column",
        z[:2, :].T * A[:2, :2] * z[:2, :],
        z,
        BlockMatrix([[(A[:2, :2] + A[:2, :2].T) * z[:2, :]], [ZeroMatrix(n - 2, 1)]]),
    ),
    gradient(
        "first columns of a matrix",
        Trace(B[:, :2].T * A * B[:, :2]),
        B,
        BlockMatrix([[(A + A.T) * B[:, :2], ZeroMatrix(n, p - 2)]]),
    ),
    gradient(
        "leading block",
        log(Determinant(A[:2, :2])),
        A,
        BlockMatrix(
            [
                [A[:2, :2].T.inv(), ZeroMatrix(2, n - 2)],
                [ZeroMatrix(n - 2, 2), ZeroMatrix(n - 2, n - 2)],
            ]
        ),
    ),
    jacobian(
        "all rows but the first",
        z[1:, :],
        z,
        BlockMatrix([[ZeroMatrix(n - 1, 1), Identity(n - 1)]]),
    ),
    gradient(
        "softmax of rows by a diagonal inverse",
        Trace(P.T * DiagMatrix(Q * ones(n)).inv() * Q * N),
        N,
        Q.T * DiagMatrix((Q * ones(n)).applyfunc(Lambda(r, 1 / r))) * P,
    ),
    gradient(
        "logdet between diagonals",
        log(Determinant(DiagMatrix(z) * A * DiagMatrix(z))),
        z,
        2 * HadamardPower(z, -1),
    ),
    gradient(
        "form in a diagonal inverse",
        u.T * DiagMatrix(A * z).inv() * u,
        z,
        -A.T * had(HadamardPower(u, 2), HadamardPower(A * z, -2)),
    ),
    gradient(
        "larger of two entries",
        Max(z[0, 0], z[1, 0]),
        z,
        Heaviside(z[0, 0] - z[1, 0]) * unit(0, n) + Heaviside(z[1, 0] - z[0, 0]) * unit(1, n),
    ),
    gradient(
        "difference of two entries",
        exp(z[0, 0] - z[1, 0]),
        z,
        exp(z[0, 0] - z[1, 0]) * (unit(0, n) - unit(1, n)),
    ),
)

ROWS = [*INDEX, *SCALAR, *NETWORKS, *MATRICES]
