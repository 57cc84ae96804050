"""Scalars taken out of 1x1 matrices with [0, 0], where SymPy writes Mod, floor and cofactors."""

from __future__ import annotations

from sympy import (
    BlockMatrix,
    Determinant,
    Identity,
    IndexedBase,
    KroneckerDelta,
    KroneckerProduct,
    MatrixSymbol,
    Product,
    Sum,
    Trace,
    exp,
    log,
    sqrt,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from tests.corpus.shorthand import case, rows_from

m, n, p = symbols("m n p", integer=True, positive=True)
i, j, k, l, q, r, s = symbols("i j k l q r s", integer=True)
a, b, c, t = symbols("a b c t")

A, B = MatrixSymbol("A", n, n), MatrixSymbol("B", p, p)
C, D = MatrixSymbol("C", n, n**2), MatrixSymbol("D", n, n * p)
E, M = MatrixSymbol("E", n**2, n**2), MatrixSymbol("M", n * p, n * p)
F, G = MatrixSymbol("F", m, n), MatrixSymbol("G", m, p)
K = MatrixSymbol("K", n, n)
u, x, z = MatrixSymbol("u", n, 1), MatrixSymbol("x", n, 1), MatrixSymbol("z", p, 1)
v, y = MatrixSymbol("v", m, 1), MatrixSymbol("y", n * p, 1)
long = MatrixSymbol("long", n**2, 1)
three, P3 = MatrixSymbol("three", 3, 1), MatrixSymbol("P3", 3, 3)
two, P2 = MatrixSymbol("two", 2, 1), MatrixSymbol("P2", 2, 2)
Q, T, V, W, o, w = (IndexedBase(name) for name in "QTVWow")

SIZES = {"n": 2, "p": 3, "m": 2}
CUBE = {"n": 2, "m": 3}

gradient, jacobian, hessian = rows_from(
    "entry_forms", "Kronecker", "Magnus and Neudecker, chapters 2 and 3; Ahle, The Tensor Cookbook"
)
KRONECKER = (
    gradient(
        "product of columns by the first",
        (y.T * KroneckerProduct(x, z))[0, 0],
        x,
        KroneckerProduct(Identity(n), z.T) * y,
        sizes=SIZES,
    ),
    gradient(
        "product with an identity",
        (y.T * KroneckerProduct(Identity(n), z) * u)[0, 0],
        z,
        KroneckerProduct(u.T, Identity(p)) * y,
        sizes=SIZES,
    ),
    gradient(
        "squared length of a square",
        (KroneckerProduct(x, x).T * KroneckerProduct(x, x))[0, 0],
        x,
        4 * Trace(x.T * x) * x,
        sizes=CUBE,
    ),
    gradient(
        "cubic form",
        (x.T * C * KroneckerProduct(x, x))[0, 0],
        x,
        C * KroneckerProduct(x, x)
        + (KroneckerProduct(Identity(n), x.T) + KroneckerProduct(x.T, Identity(n))) * C.T * x,
        sizes=CUBE,
    ),
    gradient(
        "quartic form",
        KroneckerProduct(x, x).T * E * KroneckerProduct(x, x),
        x,
        (KroneckerProduct(Identity(n), x.T) + KroneckerProduct(x.T, Identity(n)))
        * (E + E.T)
        * KroneckerProduct(x, x),
        sizes=CUBE,
    ),
    gradient(
        "bilinear form",
        KroneckerProduct(x, z).T * M * KroneckerProduct(x, z),
        z,
        KroneckerProduct(x.T, Identity(p)) * (M + M.T) * KroneckerProduct(x, z),
        sizes=SIZES,
    ),
    gradient(
        "residual of a quadratic model",
        ((C * KroneckerProduct(x, x) - u).T * (C * KroneckerProduct(x, x) - u))[0, 0],
        x,
        2
        * (KroneckerProduct(Identity(n), x.T) + KroneckerProduct(x.T, Identity(n)))
        * C.T
        * (C * KroneckerProduct(x, x) - u),
        sizes=CUBE,
    ),
)

gradient, jacobian, hessian = rows_from(
    "entry_forms", "blocks and inverses", "Boyd and Vandenberghe, appendix A"
)
WRITTEN_OUT = (
    gradient(
        "row of blocks", (v.T * BlockMatrix([[F, G]]) * BlockMatrix([[x], [z]]))[0, 0], x, F.T * v
    ),
    gradient(
        "residual of blocks",
        (
            (BlockMatrix([[F, G]]) * BlockMatrix([[x], [z]]) - v).T
            * (BlockMatrix([[F, G]]) * BlockMatrix([[x], [z]]) - v)
        )[0, 0],
        x,
        2 * F.T * (F * x + G * z - v),
    ),
    gradient(
        "form with an inverse by the matrix",
        (three.T * P3.I * three)[0, 0],
        P3,
        -P3.T.I * three * three.T * P3.T.I,
        values={"P3": "spd"},
    ),
    gradient(
        "form with an inverse by the vector",
        (two.T * P2.I * two)[0, 0],
        two,
        (P2.I + P2.T.I) * two,
        values={"P2": "spd"},
    ),
    gradient(
        "normal log-likelihood",
        -log(Determinant(P3)) / 2 - (three.T * P3.I * three)[0, 0] / 2,
        P3,
        (P3.T.I * three * three.T * P3.T.I - P3.T.I) / 2,
        values={"P3": "spd"},
    ),
    gradient(
        "trace of an inverse",
        P3.as_explicit().inv().trace(),
        P3,
        -(P3.T ** (-2)),
        values={"P3": "spd"},
    ),
    gradient(
        "logarithm of a determinant",
        log(P3.as_explicit().det()),
        P3,
        P3.T.I,
        values={"P3": "spd"},
    ),
    gradient("norm", P3.as_explicit().norm(), P3, P3 / sqrt(Trace(P3.T * P3))),
    gradient(
        "determinant by the diagonal in the middle",
        log(Determinant(Identity(n) + A * DiagMatrix(x) * K)),
        x,
        DiagonalOf(K * (Identity(n) + A * DiagMatrix(x) * K).I * A),
        values={"x": "positive", "A": "spd", "K": "spd"},
    ),
)

gradient, jacobian, hessian = rows_from(
    "entry_forms", "quotients and pairs", "Bishop; Cameron and Trivedi; lecture notes"
)
MEAN = Sum(T[r, j], (j, 0, n - 1)) / n
INDEXED = (
    gradient(
        "binary cross-entropy by the probability",
        o[i] * log(t) + (1 - o[i]) * log(1 - t),
        t,
        (o[i] - t) / (t * (1 - t)),
        values={"t": "unit"},
    ),
    gradient(
        "divergence of two coins",
        c * log(c / t) + (1 - c) * log((1 - c) / (1 - t)),
        t,
        (t - c) / (t * (1 - t)),
        values={"t": "unit", "c": "unit"},
    ),
    gradient(
        "counts with a dispersion",
        a * log(c * t) - (a + 1 / c) * log(1 + c * t),
        t,
        (a - t) / (t * (1 + c * t)),
        values={"t": "positive", "c": "positive"},
    ),
    hessian(
        "correlated pair",
        (a**2 - 2 * c * a * b + b**2) / (2 * (1 - c**2)),
        (a, b),
        c / (c**2 - 1),
    ),
    gradient(
        "share of a mixture",
        -Sum(
            log(Sum(exp(V[k]) * Q[i, k], (k, 0, p - 1)) / Sum(exp(V[k]), (k, 0, p - 1))),
            (i, 0, n - 1),
        ),
        Q[q, l],
        -exp(V[l]) / Sum(exp(V[k]) * Q[q, k], (k, 0, p - 1)),
        values={"Q": "positive"},
    ),
    gradient(
        "layer normalisation of a batch",
        Sum(
            W[k, i]
            * (T[k, i] - Sum(T[k, j], (j, 0, n - 1)) / n)
            / sqrt(Sum((T[k, l] - Sum(T[k, j], (j, 0, n - 1)) / n) ** 2, (l, 0, n - 1))),
            (i, 0, n - 1),
            (k, 0, m - 1),
        ),
        T[r, s],
        (
            W[r, s]
            - Sum(W[r, i], (i, 0, n - 1)) / n
            - (T[r, s] - MEAN)
            * Sum((T[r, i] - MEAN) * W[r, i], (i, 0, n - 1))
            / Sum((T[r, i] - MEAN) ** 2, (i, 0, n - 1))
        )
        / sqrt(Sum((T[r, i] - MEAN) ** 2, (i, 0, n - 1))),
    ),
    hessian(
        "quartic springs between all pairs",
        Sum((w[i] - w[j]) ** 4, (j, 1, i - 1), (i, 1, n)),
        (w[k], w[l]),
        12 * KroneckerDelta(k, l) * Sum((w[k] - w[i]) ** 2, (i, 1, n)) - 12 * (w[k] - w[l]) ** 2,
        values={"k": (1, 2), "l": (1, 2)},
    ),
    hessian(
        "chain of exponentials",
        Sum(exp(w[i] - w[i + 1]), (i, 1, n - 1)),
        (w[k], w[l]),
        case(exp(w[l] - w[l + 1]) * KroneckerDelta(k, l), l < n)
        + case(exp(w[l - 1] - w[l]) * KroneckerDelta(k, l), l >= 2)
        - exp(w[k] - w[k + 1]) * KroneckerDelta(l, k + 1)
        - exp(w[l] - w[l + 1]) * KroneckerDelta(k, l + 1),
        values={"k": (1, 2), "l": (1, 2)},
    ),
    hessian(
        "bilinear form by a vector and an entry",
        Trace(u.T * A * x),
        (x, A[i, j]),
        u[i, 0] * Identity(n)[:, j : j + 1],
    ),
    hessian(
        "quadratic form by a vector and an entry",
        Trace(x.T * A * x),
        (x, A[i, j]),
        x[i, 0] * Identity(n)[:, j : j + 1] + x[j, 0] * Identity(n)[:, i : i + 1],
    ),
    hessian(
        "quartic springs above the diagonal",
        Sum((w[i] - w[j]) ** 4, (j, i + 1, n - 1), (i, 0, n - 2)),
        (w[k], w[l]),
        12 * KroneckerDelta(k, l) * Sum((w[i] - w[k]) ** 2, (i, 0, n - 1))
        - 12 * (w[k] - w[l]) ** 2,
        values={"k": (0, 1), "l": (0, 1)},
    ),
    gradient(
        "product of the sums of all pairs",
        Product(w[i] + w[j], (j, i + 1, n - 1), (i, 0, n - 2)),
        w[k],
        Product(w[i] + w[j], (j, i + 1, n - 1), (i, 0, n - 2))
        * (Sum(1 / (w[i] + w[k]), (i, 0, k - 1)) + Sum(1 / (w[k] + w[l]), (l, k + 1, n - 1))),
        values={"k": (0, 1)},
    ),
    gradient(
        "Weibull likelihood by its scale",
        Sum(log(a / b) + (a - 1) * log(w[i] / b) - (w[i] / b) ** a, (i, 0, n - 1)),
        b,
        a * (Sum((w[i] / b) ** a, (i, 0, n - 1)) - n) / b,
        values={"w": "positive", "a": "positive", "b": "positive"},
    ),
)

ROWS = [*KRONECKER, *WRITTEN_OUT, *INDEXED]
