"""Index notation: sums and products over entries, with symbolic, dependent and shifted bounds.

The derivative is by an entry with a free index (``w[k]``), by a fixed entry (``w[2]``), by an
entry of a matrix or array symbol, or by the whole matrix. A free index is understood to lie within
the sizes of its array, as in a textbook; where that is not enough the answer carries its case.
"""

from sympy import (
    Abs,
    Determinant,
    Expr,
    Function,
    HadamardPower,
    HadamardProduct,
    Identity,
    Idx,
    IndexedBase,
    KroneckerDelta,
    MatrixSymbol,
    Max,
    Min,
    Mod,
    OneMatrix,
    Piecewise,
    Product,
    Rational,
    Sum,
    Trace,
    binomial,
    cos,
    exp,
    floor,
    log,
    sign,
    sin,
    sqrt,
    symbols,
    tanh,
)
from sympy.tensor.array.expressions import ArraySymbol

from tests.corpus.shorthand import case, rows_from

n, m, d, h = symbols("n m d h", integer=True, positive=True)
i, j, k, s, p, q, r, a, b, o = symbols("i j k s p q r a b o", integer=True)
t, c, mean = symbols("t c mu", positive=True)
idx = Idx("i", n)
f, df, ddf = Function("f"), Function("f'"), Function("f''")

w, x, y, v, u, z = (IndexedBase(name) for name in "wxyvuz")
shaped = IndexedBase("s", shape=(n,))
A, B, C, G, N = (IndexedBase(name) for name in "ABCGN")
W1, W2 = IndexedBase("W1"), IndexedBase("W2")
kernel, image = IndexedBase("K"), IndexedBase("I")


def over(body: Expr, *limits: tuple[Expr, Expr]) -> Expr:
    """Sum ``body`` over each index from 0 to its size less one."""
    return Sum(body, *((index, 0, size - 1) for index, size in limits))


gradient, jacobian, hessian = rows_from(
    "index_notation", "single", "partial derivatives by components, any calculus text"
)
SINGLE = (
    gradient("sum of squares", over(w[i] ** 2, (i, n)), w[k], 2 * w[k]),
    gradient(
        "sum of squares by an entry named like the bound index",
        over(w[i] ** 2, (i, n)),
        w[i],
        2 * w[i],
    ),
    gradient("sum of squares by a fixed entry", over(w[i] ** 2, (i, n)), w[2], 2 * w[2]),
    gradient("sum of squares by the last entry", over(w[i] ** 2, (i, n)), w[n - 1], 2 * w[n - 1]),
    gradient("plain sum", over(w[i], (i, n)), w[k], 1),
    gradient("sum from one to n", Sum(i * w[i], (i, 1, n - 1)), w[k], k),
    gradient("weighted sum by a fixed entry", over(i * w[i], (i, n)), w[2], 2),
    gradient("inner product", over(x[i] * w[i], (i, n)), w[k], x[k]),
    gradient("square of a sum", over(w[i], (i, n)) ** 2, w[k], 2 * over(w[i], (i, n))),
    gradient(
        "product of two sums with the same index",
        over(w[i], (i, n)) * over(w[i] ** 2, (i, n)),
        w[k],
        over(w[i] ** 2, (i, n)) + 2 * w[k] * over(w[i], (i, n)),
    ),
    gradient(
        "Euclidean norm", sqrt(over(w[i] ** 2, (i, n))), w[k], w[k] / sqrt(over(w[i] ** 2, (i, n)))
    ),
    gradient(
        "inverse of a norm",
        1 / sqrt(over(w[i] ** 2, (i, n))),
        w[k],
        -w[k] / over(w[i] ** 2, (i, n)) ** Rational(3, 2),
    ),
    gradient(
        "sum of powers",
        over(w[i] ** c, (i, n)),
        w[k],
        c * w[k] ** (c - 1),
        values={"w": "positive"},
    ),
    gradient(
        "sum of powers by the exponent",
        over(w[i] ** c, (i, n)),
        c,
        over(w[i] ** c * log(w[i]), (i, n)),
        values={"w": "positive"},
    ),
    gradient("sum of absolute values", over(Abs(w[i]), (i, n)), w[k], sign(w[k])),
    gradient("sum of positive parts", over(Max(0, w[i]), (i, n)), w[k], case(1, w[k] > 0)),
    gradient("sum of maxima of pairs", over(Max(w[i], x[i]), (i, n)), w[k], case(1, w[k] > x[k])),
    gradient(
        "sum with a case on the index",
        over(Piecewise((w[i] ** 2, i < 2), (3 * w[i], True)), (i, n)),
        w[k],
        Piecewise((2 * w[k], k < 2), (3, True)),
    ),
    gradient("sum of an undefined function", over(f(w[i]), (i, n)), w[k], df(w[k])),
    gradient(
        "undefined function of a sum",
        f(over(x[i] * w[i], (i, n))),
        w[k],
        x[k] * df(over(x[i] * w[i], (i, n))),
    ),
    gradient(
        "exponential of a sum",
        exp(over(x[i] * w[i], (i, n))),
        w[k],
        x[k] * exp(over(x[i] * w[i], (i, n))),
    ),
    gradient("sum of sines", over(x[i] * sin(w[i]), (i, n)), w[k], x[k] * cos(w[k])),
    gradient(
        "sum of logarithms", over(log(w[i]), (i, n)), w[k], 1 / w[k], values={"w": "positive"}
    ),
    gradient(
        "squared deviations by the mean",
        over((x[i] - mean) ** 2, (i, n)),
        mean,
        2 * over(mean - x[i], (i, n)),
    ),
    gradient(
        "sample variance",
        over((x[i] - over(x[j], (j, n)) / n) ** 2, (i, n)) / n,
        x[k],
        2 * (x[k] - over(x[j], (j, n)) / n) / n,
    ),
    gradient(
        "share of a total",
        x[i] / over(x[j], (j, n)),
        x[k],
        (KroneckerDelta(i, k) - x[i] / over(x[j], (j, n))) / over(x[j], (j, n)),
    ),
    gradient(
        "softmax entry",
        exp(x[i]) / over(exp(x[j]), (j, n)),
        x[k],
        exp(x[i])
        / over(exp(x[j]), (j, n))
        * (KroneckerDelta(i, k) - exp(x[k]) / over(exp(x[j]), (j, n))),
    ),
    gradient(
        "softmax entry by itself",
        exp(x[i]) / over(exp(x[j]), (j, n)),
        x[i],
        exp(x[i]) / over(exp(x[j]), (j, n)) * (1 - exp(x[i]) / over(exp(x[j]), (j, n))),
    ),
    gradient("logsumexp", log(over(exp(x[i]), (i, n))), x[k], exp(x[k]) / over(exp(x[j]), (j, n))),
    gradient("entropy", -over(x[i] * log(x[i]), (i, n)), x[k], -log(x[k]) - 1),
    gradient("polynomial by a coefficient", over(w[i] * t**i, (i, n)), w[k], t**k),
    gradient(
        "polynomial by its variable",
        Sum(w[i] * t**i, (i, 0, n - 1)),
        t,
        Sum(i * w[i] * t ** (i - 1), (i, 0, n - 1)),
    ),
    gradient("Fourier series by a coefficient", over(w[i] * cos(i * t), (i, n)), w[k], cos(k * t)),
    gradient(
        "Fourier series by its variable",
        over(w[i] * cos(i * t), (i, n)),
        t,
        -over(i * w[i] * sin(i * t), (i, n)),
    ),
    gradient("a single entry", w[i], w[k], KroneckerDelta(i, k)),
    gradient("an entry squared, by a fixed entry", w[2] ** 2 + w[1], w[2], 2 * w[2]),
    gradient("a base of known shape", over(shaped[i] ** 2, (i, n)), shaped[k], 2 * shaped[k]),
    gradient("an index with its own range", Sum(w[idx] ** 2, (idx, 0, n - 1)), w[k], 2 * w[k]),
)

gradient, jacobian, hessian = rows_from(
    "index_notation", "nested", "index calculus, Petersen and Pedersen 2.4 in components"
)
NESTED = (
    gradient("linear map, one row", over(A[i, j] * w[j], (j, n)), w[k], A[i, k]),
    gradient(
        "linear map, one row by the matrix",
        over(A[i, j] * w[j], (j, n)),
        A[p, q],
        KroneckerDelta(i, p) * w[q],
    ),
    gradient(
        "bilinear form by the matrix",
        over(u[i] * A[i, j] * w[j], (i, m), (j, n)),
        A[p, q],
        u[p] * w[q],
    ),
    gradient(
        "bilinear form by a fixed entry",
        over(u[i] * A[i, j] * w[j], (i, m), (j, n)),
        A[1, 2],
        u[1] * w[2],
        sizes={"m": 4, "n": 3, "d": 2},
    ),
    gradient(
        "bilinear form by the left vector",
        over(u[i] * A[i, j] * w[j], (i, m), (j, n)),
        u[k],
        over(A[k, j] * w[j], (j, n)),
    ),
    gradient(
        "quadratic form",
        over(A[i, j] * w[i] * w[j], (i, n), (j, n)),
        w[k],
        over((A[i, k] + A[k, i]) * w[i], (i, n)),
    ),
    gradient(
        "quadratic form, nested, by an entry named like a bound index",
        over(w[j] * over(A[j, i] * w[i], (i, n)), (j, n)),
        w[i],
        over((A[i, j] + A[j, i]) * w[j], (j, n)),
    ),
    gradient(
        "quadratic form by a fixed entry",
        over(A[i, j] * w[i] * w[j], (i, n), (j, n)),
        w[2],
        over((A[i, 2] + A[2, i]) * w[i], (i, n)),
    ),
    gradient(
        "least squares",
        over((over(A[i, j] * w[j], (j, n)) - y[i]) ** 2, (i, m)),
        w[k],
        2 * over(A[i, k] * (over(A[i, j] * w[j], (j, n)) - y[i]), (i, m)),
    ),
    gradient(
        "least squares by the matrix",
        over((over(A[i, j] * w[j], (j, n)) - y[i]) ** 2, (i, m)),
        A[p, q],
        2 * (over(A[p, j] * w[j], (j, n)) - y[p]) * w[q],
    ),
    gradient(
        "logistic loss",
        over(log(1 + exp(-y[i] * over(A[i, j] * w[j], (j, n)))), (i, m)),
        w[k],
        -over(y[i] * A[i, k] / (1 + exp(y[i] * over(A[i, j] * w[j], (j, n)))), (i, m)),
    ),
    gradient(
        "nonlinear layer, one output by an input",
        tanh(over(A[i, j] * w[j], (j, n))),
        w[k],
        (1 - tanh(over(A[i, j] * w[j], (j, n))) ** 2) * A[i, k],
    ),
    gradient(
        "nonlinear layer, one output by a weight",
        tanh(over(A[i, j] * w[j], (j, n))),
        A[p, q],
        KroneckerDelta(i, p) * (1 - tanh(over(A[i, j] * w[j], (j, n))) ** 2) * w[q],
    ),
    gradient(
        "undefined activation by a weight",
        over((f(over(A[i, j] * w[j], (j, n))) - y[i]) ** 2, (i, m)),
        A[p, q],
        2 * (f(over(A[p, j] * w[j], (j, n))) - y[p]) * df(over(A[p, j] * w[j], (j, n))) * w[q],
    ),
    gradient(
        "two layers by the first weights",
        over(u[i] * tanh(over(W1[i, j] * x[j], (j, n))), (i, m)),
        W1[p, q],
        u[p] * (1 - tanh(over(W1[p, j] * x[j], (j, n))) ** 2) * x[q],
    ),
    gradient(
        "two layers of weights by the first",
        over((over(W2[o, i] * f(over(W1[i, j] * x[j], (j, n))), (i, m)) - z[o]) ** 2, (o, d)) / 2,
        W1[p, q],
        over((over(W2[o, i] * f(over(W1[i, j] * x[j], (j, n))), (i, m)) - z[o]) * W2[o, p], (o, d))
        * df(over(W1[p, j] * x[j], (j, n)))
        * x[q],
    ),
    gradient(
        "pairwise differences",
        over(A[i, j] * (w[i] - w[j]) ** 2, (i, n), (j, n)),
        w[k],
        2 * over((A[i, k] + A[k, i]) * (w[k] - w[i]), (i, n)),
    ),
    gradient(
        "paired comparisons",
        over(N[i, j] * log(w[i] / (w[i] + w[j])), (i, n), (j, n)),
        w[k],
        over(N[k, j] / w[k] - (N[j, k] + N[k, j]) / (w[j] + w[k]), (j, n)),
        values={"w": "positive"},
    ),
    gradient(
        "spin energy",
        -over(A[i, j] * w[i] * w[j], (i, n), (j, n)) / 2 - over(x[i] * w[i], (i, n)),
        w[k],
        -over((A[i, k] + A[k, i]) * w[i], (i, n)) / 2 - x[k],
    ),
    gradient(
        "spin energy by a coupling",
        -over(A[i, j] * w[i] * w[j], (i, n), (j, n)) / 2,
        A[p, q],
        -w[p] * w[q] / 2,
    ),
    gradient(
        "trace of three matrices",
        over(A[i, j] * B[j, r] * C[r, i], (i, n), (j, m), (r, d)),
        A[p, q],
        over(B[q, r] * C[r, p], (r, d)),
    ),
    gradient(
        "trace of three matrices, middle one",
        over(A[i, j] * B[j, r] * C[r, i], (i, n), (j, m), (r, d)),
        B[p, q],
        over(A[i, p] * C[q, i], (i, n)),
    ),
    gradient(
        "cubic form",
        over(C[i, j, s] * w[i] * w[j] * w[s], (i, n), (j, n), (s, n)),
        w[k],
        over((C[k, i, j] + C[i, k, j] + C[i, j, k]) * w[i] * w[j], (i, n), (j, n)),
    ),
    gradient(
        "sum of squares of a matrix by a diagonal entry",
        over(A[i, j] ** 2, (i, n), (j, n)),
        A[k, k],
        2 * A[k, k],
    ),
    gradient("trace by a diagonal entry", over(A[i, i], (i, n)), A[k, k], 1),
    gradient("trace", over(A[i, i], (i, n)), A[p, q], KroneckerDelta(p, q)),
    gradient("trace of the square", over(A[i, j] * A[j, i], (i, n), (j, n)), A[p, q], 2 * A[q, p]),
    gradient(
        "logsumexp of rows",
        over(log(over(exp(A[i, j]), (j, n))), (i, m)),
        A[p, q],
        exp(A[p, q]) / over(exp(A[p, j]), (j, n)),
    ),
    gradient(
        "sum of norms of rows",
        over(sqrt(over(A[i, j] ** 2, (j, n))), (i, m)),
        A[p, q],
        A[p, q] / sqrt(over(A[p, j] ** 2, (j, n))),
    ),
    gradient(
        "energy of a pair potential",
        over(f(x[i] - x[j]), (i, n), (j, n)),
        x[k],
        over(df(x[k] - x[j]) - df(x[j] - x[k]), (j, n)),
    ),
)

gradient, jacobian, hessian = rows_from("index_notation", "delta", "summation convention")
KRONECKER = (
    gradient(
        "sum over a delta", over(KroneckerDelta(i, j) * x[j], (j, n)), x[k], KroneckerDelta(i, k)
    ),
    gradient(
        "diagonal picked by a delta",
        over(KroneckerDelta(i, j) * A[i, j], (i, n), (j, n)),
        A[p, q],
        KroneckerDelta(p, q),
    ),
    gradient(
        "off-diagonal squares",
        over((1 - KroneckerDelta(i, j)) * A[i, j] ** 2, (i, n), (j, n)),
        A[p, q],
        (1 - KroneckerDelta(p, q)) * A[p, q] * 2,
    ),
    gradient(
        "distance to the identity",
        over((A[i, j] - KroneckerDelta(i, j)) ** 2, (i, n), (j, n)),
        A[p, q],
        2 * (A[p, q] - KroneckerDelta(p, q)),
    ),
    gradient(
        "orthogonality penalty",
        over((over(A[i, j] * A[i, s], (i, m)) - KroneckerDelta(j, s)) ** 2, (j, n), (s, n)) / 4,
        A[p, q],
        over(A[p, j] * (over(A[i, j] * A[i, q], (i, m)) - KroneckerDelta(j, q)), (j, n)),
    ),
    gradient(
        "one-hot cross-entropy",
        -over(KroneckerDelta(i, o) * log(x[i]), (i, n)),
        x[k],
        -KroneckerDelta(k, o) / x[k],
    ),
    gradient(
        "a delta with a fixed place",
        over(KroneckerDelta(i, 2) * w[i] ** 2, (i, n)),
        w[k],
        2 * KroneckerDelta(k, 2) * w[k],
        values={"k": (1, 2)},
    ),
    gradient(
        "diagonal scaling",
        over(KroneckerDelta(i, j) * x[i] * A[j, s] * w[s], (i, n), (j, n), (s, n)),
        x[k],
        over(A[k, s] * w[s], (s, n)),
    ),
)

gradient, jacobian, hessian = rows_from(
    "index_notation", "shifted", "adjoint of correlation and convolution, Goodfellow et al. 9"
)
SHIFTED = (
    gradient(
        "neighbours",
        Sum(w[i] * w[i + 1], (i, 0, n - 2)),
        w[k],
        case(w[k + 1], k < n - 1) + case(w[k - 1], k > 0),
    ),
    gradient("neighbours by the first", Sum(w[i] * w[i + 1], (i, 0, n - 2)), w[0], w[1]),
    gradient("neighbours by the last", Sum(w[i] * w[i + 1], (i, 0, n - 2)), w[n - 1], w[n - 2]),
    gradient("neighbours by the second", Sum(w[i] * w[i + 1], (i, 0, n - 2)), w[1], w[0] + w[2]),
    gradient(
        "squared differences by the first",
        Sum((w[i + 1] - w[i]) ** 2, (i, 0, n - 2)),
        w[0],
        2 * (w[0] - w[1]),
    ),
    gradient(
        "squared differences by the second",
        Sum((w[i + 1] - w[i]) ** 2, (i, 0, n - 2)),
        w[1],
        4 * w[1] - 2 * w[0] - 2 * w[2],
    ),
    gradient("reversal", over(x[i] * w[n - 1 - i], (i, n)), w[k], x[n - 1 - k]),
    gradient("every second entry by an even one", over(x[i] * w[2 * i], (i, n)), w[2 * k], x[k]),
    gradient("every second entry by a fixed entry", over(x[i] * w[2 * i], (i, n)), w[2], x[1]),
    gradient(
        "every second entry",  # x[k/2] would be no entry for odd k
        over(x[i] * w[2 * i], (i, n)),
        w[k],
        over(KroneckerDelta(2 * i, k) * x[i], (i, n)),
    ),
    gradient(
        "correlation by the filter",
        over(y[i] * over(w[a] * x[i + a], (a, d)), (i, n)),
        w[k],
        over(y[i] * x[i + k], (i, n)),
    ),
    gradient(
        "correlation by the signal",
        over(y[i] * over(w[a] * x[i + a], (a, d)), (i, n)),
        x[k],
        Sum(y[i] * w[k - i], (i, Max(0, k - d + 1), Min(k, n - 1))),
    ),
    gradient(
        "one output of a correlation by the filter", over(w[a] * x[i + a], (a, d)), w[k], x[i + k]
    ),
    gradient(
        "one output of a correlation by the signal",
        over(w[a] * x[i + a], (a, d)),
        x[k],
        case(w[k - i], (k >= i) & (k < i + d)),
    ),
    gradient(
        "one pixel of an image correlation by the kernel",
        over(image[i + a, j + b] * kernel[a, b], (a, h), (b, d)),
        kernel[p, q],
        image[i + p, j + q],
    ),
    gradient(
        "convolution by the filter",
        over(y[i] * over(w[a] * x[i - a + d - 1], (a, d)), (i, n)),
        w[k],
        over(y[i] * x[i - k + d - 1], (i, n)),
    ),
    gradient(
        "Hankel form by its generator",
        over(w[i + j] * u[i] * v[j], (i, n), (j, m)),
        w[k],
        Sum(u[i] * v[k - i], (i, Max(0, k - m + 1), Min(k, n - 1))),
    ),
    gradient(
        "Toeplitz form by the left vector",
        over(w[i - j + m - 1] * u[i] * v[j], (i, n), (j, m)),
        u[k],
        over(w[k - j + m - 1] * v[j], (j, m)),
    ),
    gradient(
        "polynomial product by a coefficient",
        over(y[i + j] * u[i] * v[j], (i, n), (j, m)),
        u[k],
        over(y[k + j] * v[j], (j, m)),
    ),
    gradient(
        "ring of neighbours",
        Sum(w[i] * w[Mod(i + 1, n)], (i, 0, n - 1)),
        w[k],
        w[Mod(k + 1, n)] + w[Mod(k + n - 1, n)],
    ),
    gradient(
        "smoothness around a ring",
        Sum((w[Mod(i + 1, n)] - w[i]) ** 2, (i, 0, n - 1)),
        w[k],
        4 * w[k] - 2 * w[Mod(k + 1, n)] - 2 * w[Mod(k + n - 1, n)],
    ),
    gradient(
        "circular convolution by the filter",
        Sum(y[j] * Sum(w[Mod(j - i, n)] * x[i], (i, 0, n - 1)), (j, 0, n - 1)),
        w[k],
        Sum(y[j] * x[Mod(j - k, n)], (j, 0, n - 1)),
    ),
    gradient(
        "circular convolution by the signal",
        Sum(y[j] * Sum(w[Mod(j - i, n)] * x[i], (i, 0, n - 1)), (j, 0, n - 1)),
        x[k],
        Sum(y[j] * w[Mod(j - k, n)], (j, 0, n - 1)),
    ),
    gradient("cyclic shift", over(x[i] * w[Mod(i + 1, n)], (i, n)), w[k], x[Mod(k - 1, n)]),
    gradient(
        "several channels by the kernel",
        over(G[o, i] * C[o, j, a] * B[j, i + a], (o, h), (i, n), (j, m), (a, d)),
        C[p, q, r],
        over(G[p, i] * B[q, i + r], (i, n)),
    ),
    gradient(
        "autoregression by a coefficient",
        Sum((x[i] - over(w[a] * x[i - 1 - a], (a, d))) ** 2, (i, d, n - 1)),
        w[k],
        -2 * Sum((x[i] - over(w[a] * x[i - 1 - a], (a, d))) * x[i - 1 - k], (i, d, n - 1)),
        sizes={"d": 2, "n": 6},
    ),
)

gradient, jacobian, hessian = rows_from(
    "index_notation", "dependent", "exchange of summation, Graham, Knuth and Patashnik 2.4"
)
DEPENDENT = (
    gradient(
        "pairs up to the diagonal",
        Sum(w[i] * w[j], (j, 0, i), (i, 0, n - 1)),
        w[k],
        Sum(w[j], (j, 0, k)) + Sum(w[i], (i, k, n - 1)),
    ),
    gradient(
        "pairs below the diagonal",
        Sum(w[i] * w[j], (j, 0, i - 1), (i, 0, n - 1)),
        w[k],
        Sum(w[j], (j, 0, k - 1)) + Sum(w[i], (i, k + 1, n - 1)),
    ),
    gradient("lower triangle", Sum(A[i, j], (j, 0, i), (i, 0, n - 1)), A[p, q], case(1, q <= p)),
    gradient(
        "strict lower triangle of squares",
        Sum(A[i, j] ** 2, (j, 0, i - 1), (i, 0, n - 1)),
        A[p, q],
        case(2 * A[p, q], q < p),
        values={"p": (1, 2), "q": (0, 1)},
        sizes={"n": 4},
    ),
    gradient("running sum", Sum(x[j], (j, 0, i)), x[k], case(1, k <= i)),
    gradient(
        "running sums, weighted",
        over(y[i] * Sum(x[j], (j, 0, i)), (i, n)),
        x[k],
        Sum(y[i], (i, k, n - 1)),
    ),
    gradient(
        "running logsumexp",
        over(log(Sum(exp(x[j]), (j, 0, i))), (i, n)),
        x[k],
        exp(x[k]) * Sum(1 / Sum(exp(x[j]), (j, 0, i)), (i, k, n - 1)),
    ),
    gradient(
        "triangular form by the matrix",
        Sum(y[i] * A[i, j] * x[j], (j, 0, i), (i, 0, n - 1)),
        A[p, q],
        case(x[q] * y[p], q <= p),
    ),
    gradient(
        "triangular form by the right vector",
        Sum(y[i] * A[i, j] * x[j], (j, 0, i), (i, 0, n - 1)),
        x[k],
        Sum(y[i] * A[i, k], (i, k, n - 1)),
    ),
    gradient(
        "logarithmic repulsion",
        Sum(log(Abs(x[i] - x[j])), (j, 0, i - 1), (i, 0, n - 1)),
        x[k],
        Sum(1 / (x[k] - x[j]), (j, 0, k - 1)) + Sum(1 / (x[k] - x[j]), (j, k + 1, n - 1)),
    ),
    gradient("a sum that starts late, by an earlier entry", Sum(w[i] ** 2, (i, 3, n - 1)), w[2], 0),
    gradient(
        "a sum that starts late",
        Sum(w[i] ** 2, (i, 3, n - 1)),
        w[k],
        case(2 * w[k], k >= 3),
        values={"k": (2, 3, 4)},
        sizes={"n": 6},
    ),
    gradient("a sum of fixed length", Sum(w[i] ** 2, (i, 0, 2)), w[1], 2 * w[1]),
    gradient("first m of n", over(w[i] ** 3, (i, m)), w[k], case(3 * w[k] ** 2, k < m)),
)

gradient, jacobian, hessian = rows_from("index_notation", "products", "logarithmic differentiation")
PRODUCTS = (
    gradient("product", Product(w[i], (i, 0, n - 1)), w[k], Product(w[i], (i, 0, n - 1)) / w[k]),
    gradient(
        "product by a fixed entry",
        Product(w[i], (i, 0, n - 1)),
        w[2],
        Product(w[i], (i, 0, n - 1)) / w[2],
    ),
    gradient("logarithm of a product", log(Product(w[i], (i, 0, n - 1))), w[k], 1 / w[k]),
    gradient(
        "product of one plus",
        Product(1 + w[i], (i, 0, n - 1)),
        w[k],
        Product(1 + w[i], (i, 0, n - 1)) / (1 + w[k]),
    ),
    gradient(
        "product of powers",
        Product(w[i] ** x[i], (i, 0, n - 1)),
        w[k],
        x[k] * Product(w[i] ** x[i], (i, 0, n - 1)) / w[k],
        values={"w": "positive"},
    ),
    gradient(
        "product of powers by an exponent",
        Product(w[i] ** x[i], (i, 0, n - 1)),
        x[k],
        log(w[k]) * Product(w[i] ** x[i], (i, 0, n - 1)),
        values={"w": "positive"},
    ),
    gradient(
        "geometric mean",
        Product(w[i], (i, 0, n - 1)) ** (1 / n),
        w[k],
        Product(w[i], (i, 0, n - 1)) ** (1 / n) / (n * w[k]),
        values={"w": "positive"},
    ),
    gradient(
        "product of linear forms",
        Product(over(A[i, j] * w[j], (j, n)), (i, 0, m - 1)),
        w[k],
        Product(over(A[i, j] * w[j], (j, n)), (i, 0, m - 1))
        * over(A[i, k] / over(A[i, j] * w[j], (j, n)), (i, m)),
    ),
    gradient(
        "sum of products of rows",
        over(Product(A[i, j], (j, 0, n - 1)), (i, m)),
        A[p, q],
        Product(A[p, j], (j, 0, n - 1)) / A[p, q],
    ),
    gradient(
        "product of a parameter",
        Product(t + w[i], (i, 0, n - 1)),
        t,
        Product(t + w[i], (i, 0, n - 1)) * over(1 / (t + w[i]), (i, n)),
    ),
    gradient(
        "Bernoulli likelihood, logarithm",
        log(Product(t ** x[i] * (1 - t) ** (1 - x[i]), (i, 0, n - 1))),
        t,
        over(x[i], (i, n)) / t - over(1 - x[i], (i, n)) / (1 - t),
        values={"t": "unit", "x": "binary"},
    ),
    gradient(
        "alpha compositing by a colour",
        Sum(x[i] * w[i] * Product(1 - w[j], (j, 0, i - 1)), (i, 0, n - 1)),
        x[k],
        w[k] * Product(1 - w[j], (j, 0, k - 1)),
        values={"w": "unit"},
    ),
    gradient(
        "alpha compositing by an opacity",
        Sum(x[i] * w[i] * Product(1 - w[j], (j, 0, i - 1)), (i, 0, n - 1)),
        w[k],
        x[k] * Product(1 - w[j], (j, 0, k - 1))
        - Sum(x[i] * w[i] * Product(1 - w[j], (j, 0, i - 1)), (i, k + 1, n - 1)) / (1 - w[k]),
        values={"w": "unit"},
    ),
    gradient(
        "Vandermonde determinant",
        Product(x[i] - x[j], (j, 0, i - 1), (i, 0, n - 1)),
        x[k],
        (Sum(1 / (x[k] - x[j]), (j, 0, k - 1)) + Sum(1 / (x[k] - x[j]), (j, k + 1, n - 1)))
        * Product(x[i] - x[j], (j, 0, i - 1), (i, 0, n - 1)),
    ),
    gradient(
        "tails of a product",
        Sum(Product(x[j], (j, i, n - 1)), (i, 0, n - 1)),
        x[k],
        Sum(Product(x[j], (j, i, n - 1)), (i, 0, k)) / x[k],
    ),
    gradient(
        "softmax likelihood, logarithm of a product",
        log(Product(exp(w[i]) / over(exp(w[j]), (j, n)), (i, 0, n - 1))),
        w[k],
        1 - n * exp(w[k]) / over(exp(w[j]), (j, n)),
    ),
)

# Entries of matrix symbols.
X = MatrixSymbol("X", n, n)
Y = MatrixSymbol("Y", n, n)
M = MatrixSymbol("M", m, n)
vec = MatrixSymbol("x", n, 1)
left = MatrixSymbol("u", m, 1)
big = MatrixSymbol("Z", n + h - 1, n + d - 1)
small = MatrixSymbol("K", h, d)

gradient, jacobian, hessian = rows_from(
    "index_notation", "elements", "Petersen and Pedersen 2, in components"
)
ELEMENTS = (
    gradient(
        "sum of squared elements by one", over(M[i, j] ** 2, (i, m), (j, n)), M[p, q], 2 * M[p, q]
    ),
    gradient("sum of squared elements by the matrix", over(M[i, j] ** 2, (i, m), (j, n)), M, 2 * M),
    gradient("sum of elements by the matrix", over(M[i, j], (i, m), (j, n)), M, OneMatrix(m, n)),
    gradient("trace as a sum, by the matrix", over(X[i, i], (i, n)), X, Identity(n)),
    gradient(
        "trace of a product as a sum, by the matrix",
        over(X[i, j] * Y[j, i], (i, n), (j, n)),
        X,
        Y.T,
    ),
    gradient(
        "bilinear form by the matrix",
        over(left[i, 0] * M[i, j] * vec[j, 0], (i, m), (j, n)),
        M,
        left * vec.T,
    ),
    gradient(
        "bilinear form by one element",
        over(left[i, 0] * M[i, j] * vec[j, 0], (i, m), (j, n)),
        M[p, q],
        left[p, 0] * vec[q, 0],
    ),
    gradient(
        "bilinear form by a fixed element",
        over(left[i, 0] * M[i, j] * vec[j, 0], (i, m), (j, n)),
        M[1, 2],
        left[1, 0] * vec[2, 0],
        sizes={"m": 4, "n": 3, "d": 2},
    ),
    gradient(
        "bilinear form by a vector",
        over(left[i, 0] * M[i, j] * vec[j, 0], (i, m), (j, n)),
        vec,
        M.T * left,
    ),
    gradient(
        "quadratic form by a vector",
        over(X[i, j] * vec[i, 0] * vec[j, 0], (i, n), (j, n)),
        vec,
        (X + X.T) * vec,
    ),
    gradient(
        "quadratic form by one element",
        (vec.T * X * vec)[0, 0],
        vec[k, 0],
        over((X[i, k] + X[k, i]) * vec[i, 0], (i, n)),
    ),
    hessian(
        "quadratic form Hessian",
        over(X[i, j] * vec[i, 0] * vec[j, 0], (i, n), (j, n)),
        vec,
        X + X.T,
    ),
    gradient("squared norm by one element", (vec.T * vec)[0, 0], vec[k, 0], 2 * vec[k, 0]),
    gradient(
        "an element by an element", X[i, j], X[p, q], KroneckerDelta(i, p) * KroneckerDelta(j, q)
    ),
    gradient(
        "an element of the transpose",
        X.T[i, j],
        X[p, q],
        KroneckerDelta(i, q) * KroneckerDelta(j, p),
    ),
    gradient("an element of a product", (X * Y)[i, j], X[p, q], KroneckerDelta(i, p) * Y[q, j]),
    gradient(
        "an element of a product by the right factor",
        (X * Y)[i, j],
        Y[p, q],
        KroneckerDelta(j, q) * X[i, p],
    ),
    gradient(
        "an element of a Gram matrix",
        (M.T * M)[i, j],
        M[p, q],
        KroneckerDelta(i, q) * M[p, j] + KroneckerDelta(j, q) * M[p, i],
    ),
    gradient("an element of the inverse", X.I[i, j], X[p, q], -X.I[i, p] * X.I[q, j]),
    gradient(
        "an element of a square",
        (X * X)[i, j],
        X[p, q],
        KroneckerDelta(i, p) * X[q, j] + KroneckerDelta(j, q) * X[i, p],
    ),
    gradient("a fixed element", (M * vec)[1, 0], vec, M[1, :].T),
    gradient(
        "a fixed element by the matrix entry",
        (M * vec)[1, 0],
        M[p, q],
        KroneckerDelta(1, p) * vec[q, 0],
    ),
    gradient("trace by one element", Trace(X * Y), X[p, q], Y[q, p]),
    gradient("determinant by one element", Determinant(X), X[p, q], Determinant(X) * X.I[q, p]),
    gradient("log-determinant by one element", log(Determinant(X)), X[p, q], X.I[q, p]),
    gradient("log-determinant by a fixed element", log(Determinant(X)), X[0, 1], X.I[1, 0]),
    gradient("trace of the inverse by one element", Trace(X.I), X[p, q], -(X.I * X.I)[q, p]),
    gradient(
        "product of elements by the vector",
        Product(vec[i, 0], (i, 0, n - 1)),
        vec,
        Product(vec[i, 0], (i, 0, n - 1)) * HadamardPower(vec, -1),
    ),
    gradient(
        "product of diagonal elements by one",
        Product(X[i, i], (i, 0, n - 1)),
        X[p, p],
        Product(X[i, i], (i, 0, n - 1)) / X[p, p],
    ),
    gradient(
        "sum of exponentials by the vector", over(exp(vec[i, 0]), (i, n)), vec, vec.applyfunc(exp)
    ),
    gradient(
        "product of column norms, logarithm",
        log(Product(over(M[i, j] ** 2, (i, m)), (j, 0, n - 1))),
        M[p, q],
        2 * M[p, q] / over(M[i, q] ** 2, (i, m)),
    ),
    gradient(
        "matrix times vector, squared, by the matrix",
        over(over(M[i, j] * vec[j, 0], (j, n)) ** 2, (i, m)),
        M,
        2 * M * vec * vec.T,
    ),
    gradient(
        "elementwise function under a sum",
        over(left[i, 0] * sin(over(M[i, j] * vec[j, 0], (j, n))), (i, m)),
        vec,
        M.T * HadamardProduct(left, (M * vec).applyfunc(cos)),
    ),
    gradient(
        "diagonal of a product under a sum",
        over((X * Y)[i, i] ** 2, (i, n)),
        X[p, q],
        2 * over(X[p, j] * Y[j, p], (j, n)) * Y[q, p],
    ),
    gradient(
        "double sum with a dependent bound",
        Sum(X[i, j] ** 2, (j, 0, i), (i, 0, n - 1)),
        X[p, q],
        case(2 * X[p, q], q <= p),
    ),
    gradient(
        "neighbouring elements by the first",
        Sum((vec[i + 1, 0] - vec[i, 0]) ** 2, (i, 0, n - 2)),
        vec[0, 0],
        2 * (vec[0, 0] - vec[1, 0]),
    ),
    gradient(
        "image correlation by the kernel",
        over(Y[i, j] * over(big[i + a, j + b] * small[a, b], (a, h), (b, d)), (i, n), (j, n)),
        small[p, q],
        over(Y[i, j] * big[i + p, j + q], (i, n), (j, n)),
    ),
)

# Arrays of rank three, and Indexed bases of rank three.
T = ArraySymbol("T", (n, m, d))
U, V, Q = MatrixSymbol("U", n, h), MatrixSymbol("V", m, h), MatrixSymbol("W", d, h)
model = over(U[i, r] * V[j, r] * Q[s, r], (r, h))

gradient, jacobian, hessian = rows_from(
    "index_notation", "arrays", "Kolda and Bader 2009, in components"
)
ARRAYS = (
    gradient(
        "sum of squares of an array",
        over(T[i, j, s] ** 2, (i, n), (j, m), (s, d)),
        T[p, q, r],
        2 * T[p, q, r],
    ),
    gradient(
        "sum of squares of an array by a fixed entry",
        over(T[i, j, s] ** 2, (i, n), (j, m), (s, d)),
        T[1, 2, 0],
        2 * T[1, 2, 0],
        sizes={"m": 4, "n": 3, "d": 2},
    ),
    gradient(
        "trilinear form by the array",
        over(T[i, j, s] * u[i] * v[j] * w[s], (i, n), (j, m), (s, d)),
        T[p, q, r],
        u[p] * v[q] * w[r],
    ),
    gradient(
        "trilinear form by a vector",
        over(T[i, j, s] * u[i] * v[j] * w[s], (i, n), (j, m), (s, d)),
        v[k],
        over(T[i, k, s] * u[i] * w[s], (i, n), (s, d)),
    ),
    gradient(
        "exponentials of an array",
        log(over(exp(T[i, j, s]), (i, n), (j, m), (s, d))),
        T[p, q, r],
        exp(T[p, q, r]) / over(exp(T[i, j, s]), (i, n), (j, m), (s, d)),
    ),
    gradient(
        "tensor factorisation",
        over((T[i, j, s] - model) ** 2, (i, n), (j, m), (s, d)) / 2,
        U[p, q],
        over(
            (over(U[p, r] * V[j, r] * Q[s, r], (r, h)) - T[p, j, s]) * V[j, q] * Q[s, q],
            (j, m),
            (s, d),
        ),
    ),
    gradient(
        "tensor factorisation by the tensor",
        over((T[i, j, s] - model) ** 2, (i, n), (j, m), (s, d)) / 2,
        T[p, q, k],
        T[p, q, k] - over(U[p, r] * V[q, r] * Q[k, r], (r, h)),
    ),
    gradient(
        "batch of matrix products",
        over(A[o, i, j] * B[o, j, s] * G[o, i, s], (o, h), (i, n), (j, m), (s, d)),
        A[p, q, r],
        over(B[p, r, s] * G[p, q, s], (s, d)),
    ),
    gradient(
        "batch of matrix products by the second",
        over(A[o, i, j] * B[o, j, s] * G[o, i, s], (o, h), (i, n), (j, m), (s, d)),
        B[p, q, r],
        over(A[p, i, q] * G[p, i, r], (i, n)),
    ),
    gradient(
        "Tucker form by the core",
        over(T[i, j, s] * U[i, p] * V[j, q] * Q[s, r], (i, n), (j, m), (s, d)),
        U[a, b],
        KroneckerDelta(b, p) * over(T[a, j, s] * V[j, q] * Q[s, r], (j, m), (s, d)),
    ),
)

# Second derivatives by two entries.
gradient, jacobian, hessian = rows_from(
    "index_notation", "second", "second derivatives by components"
)
HESSIANS = (
    hessian("sum of squares", over(w[i] ** 2, (i, n)), (w[k], w[s]), 2 * KroneckerDelta(k, s)),
    hessian("sum of cubes", over(w[i] ** 3, (i, n)), (w[k], w[s]), 6 * KroneckerDelta(k, s) * w[k]),
    hessian(
        "quadratic form",
        over(A[i, j] * w[i] * w[j], (i, n), (j, n)),
        (w[k], w[s]),
        A[k, s] + A[s, k],
    ),
    hessian(
        "quadratic form, mixed",
        over(A[i, j] * w[i] * w[j], (i, n), (j, n)),
        (w[k], A[p, q]),
        KroneckerDelta(k, p) * w[q] + KroneckerDelta(k, q) * w[p],
    ),
    hessian(
        "least squares",
        over((over(A[i, j] * w[j], (j, n)) - y[i]) ** 2, (i, m)),
        (w[k], w[s]),
        2 * over(A[i, k] * A[i, s], (i, m)),
    ),
    hessian(
        "bilinear form, mixed", over(u[i] * A[i, j] * w[j], (i, m), (j, n)), (u[k], w[s]), A[k, s]
    ),
    hessian(
        "logsumexp",
        log(over(exp(x[i]), (i, n))),
        (x[k], x[s]),
        exp(x[k])
        / over(exp(x[i]), (i, n))
        * (KroneckerDelta(k, s) - exp(x[s]) / over(exp(x[i]), (i, n))),
    ),
    hessian(
        "sum of an undefined function",
        over(f(w[i]), (i, n)),
        (w[k], w[s]),
        KroneckerDelta(k, s) * ddf(w[k]),
    ),
    hessian(
        "undefined function of a sum",
        f(over(x[i] * w[i], (i, n))),
        (w[k], w[s]),
        x[k] * x[s] * ddf(over(x[i] * w[i], (i, n))),
    ),
    hessian(
        "product",
        Product(w[i], (i, 0, n - 1)),
        (w[k], w[s]),
        (1 - KroneckerDelta(k, s)) * Product(w[i], (i, 0, n - 1)) / (w[k] * w[s]),
        values={"k": (0, 2), "s": (1, 2)},
    ),
    hessian(
        "logarithm of a product",
        log(Product(w[i], (i, 0, n - 1))),
        (w[k], w[s]),
        -KroneckerDelta(k, s) / w[k] ** 2,
    ),
    hessian(
        "Euclidean norm",
        sqrt(over(w[i] ** 2, (i, n))),
        (w[k], w[s]),
        (KroneckerDelta(k, s) - w[k] * w[s] / over(w[i] ** 2, (i, n)))
        / sqrt(over(w[i] ** 2, (i, n))),
    ),
    hessian(
        "correlation, mixed",
        over(y[i] * over(w[a] * x[i + a], (a, d)), (i, n)),
        (y[p], w[k]),
        x[k + p],
    ),
    hessian("entropy", -over(x[i] * log(x[i]), (i, n)), (x[k], x[s]), -KroneckerDelta(k, s) / x[k]),
)

gradient, jacobian, hessian = rows_from(
    "index_notation", "one based", "sums counted from 1, as in print"
)
ONE_BASED = (
    gradient("inner product", Sum(x[i] * y[i], (i, 1, n)), x[k], y[k], values={"k": (1, 2)}),
    gradient(
        "squared differences",
        Sum((w[i + 1] - w[i]) ** 2, (i, 1, n - 1)),
        w[k],
        case(2 * (w[k] - w[k + 1]), k < n) + case(2 * (w[k] - w[k - 1]), k > 1),
        values={"k": (1, 2)},
    ),
    gradient(
        "neighbours",
        Sum(w[i] * w[i + 1], (i, 1, n - 1)),
        w[k],
        case(w[k + 1], k < n) + case(w[k - 1], k > 1),
        values={"k": (1, 2)},
    ),
    gradient(
        "pairs up to the diagonal",
        Sum(w[i] * w[j], (j, 1, i), (i, 1, n)),
        w[k],
        Sum(w[j], (j, 1, k)) + Sum(w[j], (j, k, n)),
        values={"k": (1, 2)},
    ),
    gradient("an entry before the first", Sum(w[i] ** 2, (i, 1, n)), w[0], 0),
    gradient("an entry after the last", Sum(w[i] * y[i], (i, 1, 5)), w[7], 0),
    gradient("the entry after n - 1", over(w[i] ** 2, (i, n)), w[n], 0),
)

gradient, jacobian, hessian = rows_from(
    "index_notation", "strides", "Dumoulin and Visin, A guide to convolution arithmetic, 2016"
)
STRIDES = (
    gradient(
        "mean pooling with a window of s",
        over(G[i] * over(x[s * i + a], (a, s)) / s, (i, n)),
        x[p],
        G[floor(p / s)] / s,
        sizes={"s": 2},
    ),
    gradient(
        "stride two by the signal",
        over(G[i] * over(x[2 * i + a] * w[a], (a, 2)), (i, n)),
        x[p],
        G[floor(p / 2)] * w[p - 2 * floor(p / 2)],
    ),
    gradient(
        "stride s by the filter",
        over(G[i] * over(x[s * i + a] * w[a], (a, m)), (i, n)),
        w[p],
        over(G[i] * x[s * i + p], (i, n)),
        sizes={"s": 2},
    ),
    gradient(
        "overlapping windows by the signal",
        over(G[i] * over(x[2 * i + a] * w[a], (a, 3)), (i, n)),
        x[p],
        Sum(G[i] * w[p - 2 * i], (i, Max(0, floor((p - 1) / 2)), Min(n - 1, floor(p / 2)))),
    ),
)

gradient, jacobian, hessian = rows_from(
    "index_notation", "looked up", "embeddings and integer labels, deep-learning courses"
)
U, X = MatrixSymbol("U", n, m), MatrixSymbol("X", m, n)
LOOKED_UP = (
    gradient(
        "embedding table",
        over(U[Mod(i, n), j] ** 2, (i, d), (j, m)),
        U[p, q],
        over(2 * KroneckerDelta(p, Mod(i, n)) * U[Mod(i, n), q], (i, d)),
    ),
    gradient(
        "cross-entropy with labels",
        over(log(over(exp(X[i, k]), (k, n))) - X[i, Mod(i, n)], (i, m)),
        X[p, q],
        exp(X[p, q]) / over(exp(X[p, j]), (j, n)) - KroneckerDelta(q, Mod(p, n)),
    ),
    gradient(
        "Bernstein form by a coefficient",
        Sum(binomial(n, i) * t**i * (1 - t) ** (n - i) * w[i], (i, 0, n)),
        w[k],
        binomial(n, k) * t**k * (1 - t) ** (n - k),
        values={"t": "unit"},
    ),
    gradient(
        "two deltas",
        KroneckerDelta(i, j) * x[i] * y[j],
        x[k],
        KroneckerDelta(i, j) * KroneckerDelta(i, k) * y[j],
    ),
)

gradient, jacobian, hessian = rows_from(
    "index_notation", "Idx", "SymPy documentation, sympy.tensor.indexed"
)
one, two = Idx("i"), Idx("j")
IDX = (
    gradient("an entry", x[one], x[two], KroneckerDelta(one, two)),
    gradient("a square", x[two] ** 2 / 2, x[one], KroneckerDelta(one, two) * x[two]),
    gradient("inner product", Sum(c * x[one] * y[one], (one, 0, n - 1)), x[two], c * y[two]),
)

ROWS = (
    *(SINGLE + NESTED + KRONECKER + SHIFTED + DEPENDENT + PRODUCTS + ELEMENTS + ARRAYS + HESSIANS),
    *(ONE_BASED + STRIDES + LOOKED_UP + IDX),
)
