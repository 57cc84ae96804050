"""Losses and layers of machine learning, as SymPy users write them, with symbolic sizes.

Each row states a derivative and the form in which a good textbook prints it. Sizes are symbolic
throughout except where a fixed size is the point of the row (a max-pool over four entries).
"""

from sympy import (
    Abs,
    Determinant,
    DotProduct,
    Function,
    HadamardPower,
    Heaviside,
    Identity,
    IndexedBase,
    KroneckerDelta,
    Matrix,
    MatrixExpr,
    MatrixSymbol,
    Max,
    Min,
    Piecewise,
    Rational,
    Sum,
    Trace,
    atan,
    cosh,
    digamma,
    erf,
    exp,
    floor,
    gamma,
    log,
    loggamma,
    pi,
    polygamma,
    sign,
    sqrt,
    symbols,
    tanh,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from tests.corpus import array, unit
from tests.corpus.shorthand import SIGMOID, STEP, case, each, had, ones, rows_from, t, total

n, m, k, h, d = symbols("n m k h d", integer=True, positive=True)
i, j, a, b, p, q, r, s = symbols("i j a b p q r s", integer=True)
lam, eps, c = symbols("lambda epsilon c", positive=True)

X = MatrixSymbol("X", n, m)  # n samples, m features
w = MatrixSymbol("w", m, 1)
y = MatrixSymbol("y", n, 1)
z = MatrixSymbol("z", n, 1)
Y = MatrixSymbol("Y", n, k)
W = MatrixSymbol("W", m, k)
S = MatrixSymbol("S", m, m)
u = MatrixSymbol("u", m, 1)
v = MatrixSymbol("v", m, 1)
x = MatrixSymbol("x", m, 1)
mu = MatrixSymbol("mu", m, 1)
f, df, ddf, g, dg = (Function(name) for name in ("f", "f'", "f''", "g", "g'"))


def square(vector: MatrixExpr) -> MatrixExpr:
    """Return the squared length of a column as a 1x1 product."""
    return vector.T * vector


score = X * w  # n scores
residual = X * w - y
margin = had(y, X * w)

gradient, jacobian, hessian = rows_from(
    "machine_learning", "logistic", "Bishop, Pattern Recognition and Machine Learning, 4.3.2"
)
LOGISTIC = (
    # labels -1/+1, the sum of log(1 + exp(-margin)) written in five ways
    gradient(
        "logistic, ones row",
        ones(1, n) * each(log(1 + exp(-t)), margin),
        w,
        -X.T * had(y, each(SIGMOID, -margin)),
    ),
    gradient(
        "logistic, entry of the ones row",
        (ones(1, n) * each(log(1 + exp(t)), -margin))[0, 0],
        w,
        -X.T * had(y, each(SIGMOID, -margin)),
    ),
    gradient(
        "logistic, Sum of entries of a Hadamard product",
        total(each(log(1 + exp(-t)), margin)),
        w,
        -X.T * had(y, each(SIGMOID, -margin)),
    ),
    gradient(
        "logistic, Sum of Sum",
        Sum(log(1 + exp(-y[i, 0] * Sum(X[i, j] * w[j, 0], (j, 0, m - 1)))), (i, 0, n - 1)),
        w,
        -X.T * had(y, each(SIGMOID, -margin)),
    ),
    gradient(
        "logistic, Sum over rows as slices",
        Sum(log(1 + exp(-y[i, 0] * (X[i, :] * w)[0, 0])), (i, 0, n - 1)),
        w,
        -X.T * had(y, each(SIGMOID, -margin)),
    ),
    gradient(
        "logistic by X",
        total(each(log(1 + exp(-t)), margin)),
        X,
        -had(y, each(SIGMOID, -margin)) * w.T,
    ),
    gradient(
        "logistic, mean and ridge",
        total(each(log(1 + exp(-t)), margin)) / n + lam / 2 * DotProduct(w, w),
        w,
        lam * w - X.T * had(y, each(SIGMOID, -margin)) / n,
    ),
    hessian(
        "logistic Hessian, signed labels",
        total(each(log(1 + exp(-t)), margin)),
        w,
        X.T * DiagMatrix(had(HadamardPower(y, 2), each(SIGMOID * (1 - SIGMOID), margin))) * X,
    ),
    # labels 0/1
    gradient(
        "binary cross-entropy",
        -y.T * each(log(SIGMOID), score) - (ones(n) - y).T * each(log(1 - SIGMOID), score),
        w,
        X.T * (each(SIGMOID, score) - y),
    ),
    gradient(
        "binary cross-entropy, nested applyfunc",
        -y.T * each(SIGMOID, score).applyfunc(log)
        - (ones(n) - y).T * (ones(n) - each(SIGMOID, score)).applyfunc(log),
        w,
        X.T * (each(SIGMOID, score) - y),
    ),
    gradient(
        "binary cross-entropy, Hadamard and ones",
        -ones(1, n)
        * (had(y, each(log(SIGMOID), score)) + had(ones(n) - y, each(log(1 - SIGMOID), score))),
        w,
        X.T * (each(SIGMOID, score) - y),
    ),
    gradient(
        "binary cross-entropy, softplus form",
        ones(1, n) * each(log(1 + exp(t)), score) - y.T * X * w,
        w,
        X.T * (each(SIGMOID, score) - y),
    ),
    gradient(
        "binary cross-entropy, Sum of entries",
        Sum(
            log(1 + exp(Sum(X[i, j] * w[j, 0], (j, 0, m - 1))))
            - y[i, 0] * Sum(X[i, j] * w[j, 0], (j, 0, m - 1)),
            (i, 0, n - 1),
        ),
        w,
        X.T * (each(SIGMOID, score) - y),
    ),
    gradient(
        "binary cross-entropy with bias, by the bias",
        ones(1, n) * each(log(1 + exp(t)), score + c * ones(n)) - y.T * (X * w + c * ones(n)),
        c,
        ones(1, n) * (each(SIGMOID, score + c * ones(n)) - y),
    ),
    gradient(
        "binary cross-entropy with bias, by the weights",
        ones(1, n) * each(log(1 + exp(t)), score + c * ones(n)) - y.T * (X * w + c * ones(n)),
        w,
        X.T * (each(SIGMOID, score + c * ones(n)) - y),
    ),
    gradient(
        "binary cross-entropy by the logits",
        -y.T * each(log(SIGMOID), z) - (ones(n) - y).T * each(log(1 - SIGMOID), z),
        z,
        each(SIGMOID, z) - y,
    ),
    hessian(
        "binary cross-entropy Hessian",
        ones(1, n) * each(log(1 + exp(t)), score) - y.T * X * w,
        w,
        X.T * DiagMatrix(each(SIGMOID * (1 - SIGMOID), score)) * X,
    ),
    hessian(
        "binary cross-entropy Hessian with ridge",
        ones(1, n) * each(log(1 + exp(t)), score) - y.T * X * w + lam * w.T * w / 2,
        w,
        X.T * DiagMatrix(each(SIGMOID * (1 - SIGMOID), score)) * X + lam * Identity(m),
    ),
)

# Softmax: exponentials over their sum. `mass` is that sum.
V = MatrixSymbol("V", k, m)
mass, score_mass, layer_mass = symbols("mass score_mass layer_mass", positive=True)
MASSES = {
    mass: total(z.applyfunc(exp)),
    score_mass: total(score.applyfunc(exp)),
    layer_mass: total((V * x).applyfunc(exp)),
}
softmax = z.applyfunc(exp) / mass
powers = each(exp(t), X * W)  # one row of exponentials per sample
rowwise = DiagMatrix(HadamardPower(powers * ones(k), -1)) * powers
target = MatrixSymbol("y", k, 1)
output = (V * x).applyfunc(exp) / layer_mass
entry = Sum(X[i, r] * W[r, j], (r, 0, m - 1))

gradient, jacobian, hessian = rows_from(
    "machine_learning", "softmax", "Bishop, Pattern Recognition and Machine Learning, 4.3.4", MASSES
)
SOFTMAX = (
    gradient("softmax cross-entropy, log of Sum", log(mass) - (y.T * z)[0, 0], z, softmax - y),
    gradient(
        "softmax cross-entropy, log of a 1x1 product",
        log(ones(1, n) * z.applyfunc(exp)) - (y.T * z)[0, 0],
        z,
        softmax - y,
    ),
    gradient(
        "softmax cross-entropy, Trace and DotProduct",
        log(Trace(ones(1, n) * z.applyfunc(exp))) - DotProduct(y, z),
        z,
        softmax - y,
    ),
    gradient(
        "softmax cross-entropy, class s by one logit",
        log(Sum(exp(z[j, 0]), (j, 0, n - 1))) - z[s, 0],
        z[p, 0],
        exp(z[p, 0]) / Sum(exp(z[j, 0]), (j, 0, n - 1)) - KroneckerDelta(p, s),
    ),
    gradient(
        "softmax cross-entropy, log of each softmax entry",
        -Sum(y[i, 0] * log(exp(z[i, 0]) / Sum(exp(z[j, 0]), (j, 0, n - 1))), (i, 0, n - 1)),
        z,
        total(y) * softmax - y,
    ),
    gradient(
        "softmax cross-entropy, log of a softmax vector",
        -y.T * softmax.applyfunc(log),
        z,
        total(y) * softmax - y,
    ),
    jacobian("softmax Jacobian", softmax, z, DiagMatrix(softmax) - softmax * softmax.T),
    jacobian("log-softmax Jacobian", softmax.applyfunc(log), z, Identity(n) - ones(n) * softmax.T),
    jacobian(
        "log-softmax Jacobian, subtracting the log of the sum",
        z - log(mass) * ones(n),
        z,
        Identity(n) - ones(n) * softmax.T,
    ),
    hessian("logsumexp Hessian", log(mass), z, DiagMatrix(softmax) - softmax * softmax.T),
    gradient(
        "logsumexp with temperature",
        log(total(each(exp(t / c), z))) * c,
        z,
        each(exp(t / c), z) / total(each(exp(t / c), z)),
    ),
    gradient(
        "logsumexp of an affine map",
        log(score_mass),
        w,
        X.T * score.applyfunc(exp) / score_mass,
    ),
    hessian(
        "logsumexp of an affine map, Hessian",
        log(score_mass),
        w,
        X.T
        * (
            DiagMatrix(score.applyfunc(exp)) / score_mass
            - score.applyfunc(exp) * score.applyfunc(exp).T / score_mass**2
        )
        * X,
        sizes={"n": 3, "m": 2},
    ),
    gradient(
        "softmax layer by the weights",
        log(layer_mass) - (target.T * V * x)[0, 0],
        V,
        (output - target) * x.T,
    ),
    gradient(
        "softmax layer by the input",
        log(layer_mass) - (target.T * V * x)[0, 0],
        x,
        V.T * (output - target),
    ),
    gradient(
        "softmax regression, batch in matrices",
        ones(1, n) * (powers * ones(k)).applyfunc(log) - Trace(Y.T * X * W) * Identity(1),
        W,
        X.T * (rowwise - Y),
    ),
    gradient(
        "softmax regression, Sum of logs less a trace",
        total((powers * ones(k)).applyfunc(log)) - Trace(Y.T * X * W),
        W,
        X.T * (rowwise - Y),
    ),
    gradient(
        "softmax regression, by the samples",
        total((powers * ones(k)).applyfunc(log)) - Trace(Y.T * X * W),
        X,
        (rowwise - Y) * W.T,
    ),
    gradient(
        "softmax regression, nested Sum",
        Sum(
            log(Sum(exp(entry), (j, 0, k - 1))) - Sum(Y[i, j] * entry, (j, 0, k - 1)), (i, 0, n - 1)
        ),
        W,
        X.T * (rowwise - Y),
    ),
    gradient(
        "softmax regression, nested Sum by one weight",
        Sum(
            log(Sum(exp(entry), (j, 0, k - 1))) - Sum(Y[i, j] * entry, (j, 0, k - 1)), (i, 0, n - 1)
        ),
        W[p, q],
        Sum(
            X[i, p] * (exp(entry.subs(j, q)) / Sum(exp(entry), (j, 0, k - 1)) - Y[i, q]),
            (i, 0, n - 1),
        ),
    ),
    gradient(
        "expected reward under a softmax policy",
        y.T * softmax,
        z,
        had(softmax, y - Sum(y[i, 0] * exp(z[i, 0]), (i, 0, n - 1)) / mass * ones(n)),
    ),
    gradient(
        "Brier score of a softmax",
        square(softmax - y),
        z,
        2 * (DiagMatrix(softmax) - softmax * softmax.T) * (softmax - y),
    ),
)

# Linear models: least squares with every usual penalty, robust and quantile losses.
B = MatrixSymbol("B", m, k)
C = MatrixSymbol("C", n, n)
weights = MatrixSymbol("v", n, 1)
huber = Piecewise((t**2 / 2, Abs(t) <= c), (c * (Abs(t) - c / 2), True))

gradient, jacobian, hessian = rows_from(
    "machine_learning",
    "regression",
    "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 3 and 10.6",
)
REGRESSION = (
    gradient("least squares", square(residual), w, 2 * X.T * residual),
    gradient(
        "least squares, entry of the product", (square(residual))[0, 0], w, 2 * X.T * residual
    ),
    gradient("least squares, half", residual.T * residual / 2, w, X.T * residual),
    gradient("least squares, mean", square(residual) / n, w, 2 * X.T * residual / n),
    gradient("least squares, DotProduct", DotProduct(residual, residual), w, 2 * X.T * residual),
    gradient(
        "least squares, Trace of the outer product",
        Trace(residual * residual.T),
        w,
        2 * X.T * residual,
    ),
    gradient(
        "least squares, Sum of squares",
        Sum((Sum(X[i, j] * w[j, 0], (j, 0, m - 1)) - y[i, 0]) ** 2, (i, 0, n - 1)),
        w,
        2 * X.T * residual,
    ),
    gradient(
        "least squares, Sum of squared entries",
        Sum((X * w - y)[i, 0] ** 2, (i, 0, n - 1)),
        w,
        2 * X.T * residual,
    ),
    gradient(
        "least squares, ones and Hadamard power",
        ones(1, n) * HadamardPower(y - X * w, 2),
        w,
        2 * X.T * residual,
    ),
    gradient(
        "least squares, expanded",
        w.T * X.T * X * w - 2 * y.T * X * w + y.T * y,
        w,
        2 * X.T * residual,
    ),
    gradient("least squares by the samples", square(residual), X, 2 * residual * w.T),
    gradient("least squares by the target", square(residual), y, 2 * (y - X * w)),
    gradient(
        "least squares by one weight",
        Sum((Sum(X[i, j] * w[j, 0], (j, 0, m - 1)) - y[i, 0]) ** 2, (i, 0, n - 1)),
        w[p, 0],
        2 * Sum(X[i, p] * (Sum(X[i, j] * w[j, 0], (j, 0, m - 1)) - y[i, 0]), (i, 0, n - 1)),
    ),
    hessian("least squares Hessian", square(residual), w, 2 * X.T * X),
    hessian("least squares mixed Hessian", square(residual) / 2, (w, y), -X.T),
    gradient(
        "root mean square error",
        sqrt(Trace(square(residual)) / n),
        w,
        X.T * residual / sqrt(n * Trace(square(residual))),
    ),
    gradient(
        "length of the residual",
        sqrt(DotProduct(residual, residual)),
        w,
        X.T * residual / sqrt(Trace(square(residual))),
    ),
    gradient("ridge", square(residual) + lam * square(w), w, 2 * (X.T * residual + lam * w)),
    gradient(
        "ridge, half of both",
        square(residual) / 2 + lam / 2 * square(w),
        w,
        X.T * residual + lam * w,
    ),
    gradient(
        "ridge, DotProduct penalty",
        DotProduct(residual, residual) + lam * DotProduct(w, w),
        w,
        2 * (X.T * residual + lam * w),
    ),
    gradient("ridge by the penalty", square(residual) + lam * square(w), lam, w.T * w),
    hessian(
        "ridge Hessian", square(residual) / 2 + lam / 2 * square(w), w, X.T * X + lam * Identity(m)
    ),
    gradient(
        "Tikhonov",
        square(residual) + lam * square(S * w),
        w,
        2 * (X.T * residual + lam * S.T * S * w),
    ),
    gradient(
        "lasso, Sum of Abs",
        Trace(square(residual)) / 2 + lam * Sum(Abs(w[j, 0]), (j, 0, m - 1)),
        w,
        X.T * residual + lam * w.applyfunc(sign),
    ),
    gradient(
        "lasso, ones row",
        square(residual) / 2 + lam * ones(1, m) * w.applyfunc(Abs),
        w,
        X.T * residual + lam * w.applyfunc(sign),
    ),
    gradient(
        "elastic net",
        square(residual) / 2 + lam * ones(1, m) * w.applyfunc(Abs) + c / 2 * square(w),
        w,
        X.T * residual + lam * w.applyfunc(sign) + c * w,
    ),
    gradient(
        "group lasso",
        DotProduct(residual, residual) / 2 + lam * sqrt(DotProduct(w, w)),
        w,
        X.T * residual + lam / sqrt(Trace(square(w))) * w,
    ),
    gradient(
        "weighted least squares, diagonal",
        residual.T * DiagMatrix(weights) * residual,
        w,
        2 * X.T * DiagMatrix(weights) * residual,
    ),
    gradient(
        "weighted least squares, Sum",
        Sum(weights[i, 0] * (Sum(X[i, j] * w[j, 0], (j, 0, m - 1)) - y[i, 0]) ** 2, (i, 0, n - 1)),
        w,
        2 * X.T * had(weights, residual),
    ),
    gradient(
        "weighted least squares by the weights",
        residual.T * DiagMatrix(weights) * residual,
        weights,
        HadamardPower(residual, 2),
    ),
    hessian(
        "weighted least squares Hessian",
        residual.T * DiagMatrix(weights) * residual / 2,
        w,
        X.T * DiagMatrix(weights) * X,
    ),
    gradient("generalised least squares", residual.T * C * residual, w, X.T * (C + C.T) * residual),
    gradient(
        "generalised least squares by the metric",
        residual.T * C * residual,
        C,
        residual * residual.T,
    ),
    gradient(
        "generalised least squares, inverse covariance",
        residual.T * C.I * residual / 2,
        C,
        -C.I.T * residual * residual.T * C.I.T / 2,
    ),
    gradient(
        "multi-output least squares", Trace((X * W - Y).T * (X * W - Y)), W, 2 * X.T * (X * W - Y)
    ),
    gradient(
        "multi-output least squares, other order in the trace",
        Trace((X * W - Y) * (X * W - Y).T) / 2,
        W,
        X.T * (X * W - Y),
    ),
    gradient(
        "multi-output ridge",
        Trace((X * W - Y).T * (X * W - Y)) + lam * Trace(W.T * W),
        W,
        2 * (X.T * (X * W - Y) + lam * W),
    ),
    gradient(
        "multi-output least squares, Sum of squares",
        Sum((X * W - Y)[i, j] ** 2, (i, 0, n - 1), (j, 0, k - 1)),
        W,
        2 * X.T * (X * W - Y),
    ),
    gradient(
        "hinge",
        Sum(Max(0, 1 - y[i, 0] * Sum(X[i, j] * w[j, 0], (j, 0, m - 1))), (i, 0, n - 1)),
        w,
        -X.T * had(y, each(STEP, ones(n) - margin)),
    ),
    gradient(
        "hinge, applyfunc",
        ones(1, n) * each(Max(0, 1 - t), margin),
        w,
        -X.T * had(y, each(STEP, ones(n) - margin)),
    ),
    gradient(
        "hinge, ones less the margin",
        ones(1, n) * each(Max(t, 0), ones(n) - margin),
        w,
        -X.T * had(y, each(STEP, ones(n) - margin)),
    ),
    gradient(
        "support vector machine",
        ones(1, n) * each(Max(0, 1 - t), margin) * c + square(w) / 2,
        w,
        w - c * X.T * had(y, each(STEP, ones(n) - margin)),
    ),
    gradient(
        "squared hinge",
        ones(1, n) * each(Max(0, 1 - t) ** 2, margin),
        w,
        -2 * X.T * had(y, each(Max(0, 1 - t), margin)),
    ),
    hessian(
        "squared hinge Hessian",
        ones(1, n) * each(Max(0, 1 - t) ** 2, margin) / 2,
        w,
        X.T * DiagMatrix(had(HadamardPower(y, 2), each(STEP, ones(n) - margin))) * X,
    ),
    gradient(
        "Huber",
        ones(1, n) * each(huber, residual),
        w,
        X.T * each(Piecewise((t, Abs(t) <= c), (c * sign(t), True)), residual),
    ),
    hessian(
        "Huber Hessian",
        total(each(huber, residual)),
        w,
        X.T * DiagMatrix(each(case(1, Abs(t) <= c), residual)) * X,
    ),
    gradient(
        "pseudo-Huber",
        total(each(c**2 * (sqrt(1 + (t / c) ** 2) - 1), residual)),
        w,
        X.T * each(t / sqrt(1 + t**2 / c**2), residual),
    ),
    gradient(
        "log-cosh",
        ones(1, n) * each(log((exp(t) + exp(-t)) / 2), residual),
        w,
        X.T * residual.applyfunc(tanh),
    ),
    gradient("log of cosh", total(each(log(cosh(t)), residual)), w, X.T * residual.applyfunc(tanh)),
    hessian(
        "log of cosh Hessian",
        total(each(log(cosh(t)), residual)),
        w,
        X.T * DiagMatrix(each(1 - tanh(t) ** 2, residual)) * X,
    ),
    gradient(
        "absolute error", ones(1, n) * residual.applyfunc(Abs), w, X.T * residual.applyfunc(sign)
    ),
    gradient(
        "quantile",
        ones(1, n) * each(Max(c * t, (c - 1) * t), -residual),
        w,
        X.T * (each(Heaviside(t), residual) - c * ones(n)),
    ),
    gradient(
        "Student t",
        total(each(log(1 + t**2 / c), residual)),
        w,
        2 * X.T * each(t / (t**2 + c), residual),
    ),
    gradient(
        "Geman-McClure",
        total(each(t**2 / (t**2 + c), residual)),
        w,
        2 * c * X.T * each(t / (t**2 + c) ** 2, residual),
    ),
    gradient(
        "smooth absolute error",
        total(each(sqrt(t**2 + eps), residual)),
        w,
        X.T * each(t / sqrt(t**2 + eps), residual),
    ),
    gradient(
        "p-norm of the residual",
        Sum(Abs((X * w - y)[i, 0]) ** c, (i, 0, n - 1)),
        w,
        c * X.T * each(sign(t) * Abs(t) ** (c - 1), residual),
    ),
    gradient(
        "Poisson",
        ones(1, n) * score.applyfunc(exp) - y.T * X * w,
        w,
        X.T * (score.applyfunc(exp) - y),
    ),
    gradient(
        "Poisson, Sum",
        Sum(
            exp(Sum(X[i, j] * w[j, 0], (j, 0, m - 1)))
            - y[i, 0] * Sum(X[i, j] * w[j, 0], (j, 0, m - 1)),
            (i, 0, n - 1),
        ),
        w,
        X.T * (score.applyfunc(exp) - y),
    ),
    hessian(
        "Poisson Hessian",
        ones(1, n) * score.applyfunc(exp) - y.T * X * w,
        w,
        X.T * DiagMatrix(score.applyfunc(exp)) * X,
    ),
    gradient(
        "Gamma regression",
        y.T * (-score).applyfunc(exp) + ones(1, n) * X * w,
        w,
        X.T * (ones(n) - had(y, (-score).applyfunc(exp))),
    ),
    gradient(
        "exponential loss",
        ones(1, n) * (-margin).applyfunc(exp),
        w,
        -X.T * had(y, (-margin).applyfunc(exp)),
    ),
    gradient(
        "probit",
        -total(each(log((1 + erf(t / sqrt(2))) / 2), score)),
        w,
        -sqrt(2 / pi) * X.T * each(exp(-(t**2) / 2) / (1 + erf(t / sqrt(2))), score),
    ),
    gradient(
        "generalised linear model, link f", total(score.applyfunc(f)), w, X.T * score.applyfunc(df)
    ),
    hessian(
        "generalised linear model Hessian",
        total(score.applyfunc(f)),
        w,
        X.T * DiagMatrix(score.applyfunc(ddf)) * X,
    ),
    gradient(
        "nonlinear least squares, f",
        square(y - score.applyfunc(f)) / 2,
        w,
        X.T * had(score.applyfunc(f) - y, score.applyfunc(df)),
    ),
    gradient(
        "sigmoid regression with squared error",
        square(each(SIGMOID, score) - y) / 2,
        w,
        X.T * had(each(SIGMOID, score) - y, each(SIGMOID * (1 - SIGMOID), score)),
    ),
    gradient(
        "log barrier",
        -total(each(log(t), y - X * w)),
        w,
        X.T * HadamardPower(y - X * w, -1),
        values={"X": "small", "y": "positive"},
    ),
    hessian(
        "log barrier Hessian",
        -total(each(log(t), y - X * w)),
        w,
        X.T * DiagMatrix(HadamardPower(y - X * w, -2)) * X,
        values={"X": "small", "y": "positive"},
    ),
    gradient(
        "kernel ridge",
        square(C * weights - y) + lam * weights.T * C * weights,
        weights,
        2 * C.T * (C * weights - y) + lam * (C + C.T) * weights,
    ),
    gradient(
        "total variation", ones(1, n) * (C * y).applyfunc(Abs), y, C.T * (C * y).applyfunc(sign)
    ),
)
# Factorisations.
U = MatrixSymbol("U", n, d)
Vm = MatrixSymbol("V", m, d)
M = MatrixSymbol("M", n, m)
R = MatrixSymbol("R", n, m)
fit = U * Vm.T - R
masked = had(M, U * Vm.T - R)
product_entry = Sum(U[i, r] * Vm[j, r], (r, 0, d - 1))
H = MatrixSymbol("H", d, m)
down, up = MatrixSymbol("D", d, m), MatrixSymbol("U", m, d)
adapted = (S + up * down) * x - v
similar = MatrixSymbol("C", n, n)

gradient, jacobian, hessian = rows_from(
    "machine_learning", "factorisation", "Koren, Bell and Volinsky 2009; Lee and Seung 2001"
)
FACTORISATION = (
    gradient("matrix factorisation, left factor", Trace(fit.T * fit), U, 2 * fit * Vm),
    gradient("matrix factorisation, right factor", Trace(fit.T * fit), Vm, 2 * fit.T * U),
    gradient(
        "matrix factorisation, Sum of squares",
        Sum((R[i, j] - product_entry) ** 2, (i, 0, n - 1), (j, 0, m - 1)),
        U,
        2 * fit * Vm,
    ),
    gradient(
        "matrix factorisation, one entry",
        Sum((R[i, j] - product_entry) ** 2, (i, 0, n - 1), (j, 0, m - 1)),
        U[p, q],
        2 * Sum((Sum(U[p, r] * Vm[j, r], (r, 0, d - 1)) - R[p, j]) * Vm[j, q], (j, 0, m - 1)),
    ),
    gradient(
        "masked factorisation, squared mask",
        Trace(masked.T * masked) / 2,
        U,
        had(HadamardPower(M, 2), fit) * Vm,
    ),
    gradient(
        "masked factorisation, mask once",
        ones(1, n) * had(M, HadamardPower(fit, 2)) * ones(m),
        U,
        2 * had(M, fit) * Vm,
    ),
    gradient(
        "masked factorisation, right factor",
        ones(1, n) * had(M, HadamardPower(fit, 2)) * ones(m),
        Vm,
        2 * had(M, fit).T * U,
    ),
    gradient(
        "masked factorisation, Sum with weights",
        Sum(M[i, j] * (R[i, j] - product_entry) ** 2, (i, 0, n - 1), (j, 0, m - 1)),
        U,
        2 * had(M, fit) * Vm,
    ),
    gradient(
        "masked factorisation with penalties",
        Sum(M[i, j] * (R[i, j] - product_entry) ** 2, (i, 0, n - 1), (j, 0, m - 1)) / 2
        + lam / 2 * (Trace(U.T * U) + Trace(Vm.T * Vm)),
        Vm,
        had(M, fit).T * U + lam * Vm,
    ),
    gradient(
        "masked factorisation by the mask",
        ones(1, n) * had(M, HadamardPower(fit, 2)) * ones(m),
        M,
        HadamardPower(fit, 2),
    ),
    gradient(
        "nonnegative factorisation, Frobenius",
        Trace((R - U * H) * (R - U * H).T) / 2,
        H,
        U.T * (U * H - R),
    ),
    gradient(
        "nonnegative factorisation, Kullback-Leibler",
        ones(1, n) * (U * H - had(R, (U * H).applyfunc(log))) * ones(m),
        H,
        U.T * (ones(n, m) - had(R, HadamardPower(U * H, -1))),
        values={"R": "positive", "U": "positive", "H": "positive"},
    ),
    gradient(
        "nonnegative factorisation, Kullback-Leibler as Sum",
        Sum((U * H)[i, j] - R[i, j] * log((U * H)[i, j]), (i, 0, n - 1), (j, 0, m - 1)),
        U,
        (ones(n, m) - had(R, HadamardPower(U * H, -1))) * H.T,
        values={"R": "positive", "U": "positive", "H": "positive"},
    ),
    gradient(
        "nonnegative factorisation, Itakura-Saito",
        ones(1, n) * (had(R, HadamardPower(U * H, -1)) + (U * H).applyfunc(log)) * ones(m),
        H,
        U.T * (HadamardPower(U * H, -1) - had(R, HadamardPower(U * H, -2))),
        values={"R": "positive", "U": "positive", "H": "positive"},
    ),
    gradient(
        "symmetric factorisation",
        Trace((X * X.T - C) * (X * X.T - C).T) / 4,
        X,
        (X * X.T - C / 2 - C.T / 2) * X,
    ),
    gradient(
        "logistic factorisation",
        ones(1, n) * (each(log(1 + exp(t)), U * Vm.T) - had(R, U * Vm.T)) * ones(m),
        U,
        (each(SIGMOID, U * Vm.T) - R) * Vm,
    ),
    gradient(
        "low-rank update of a layer, inner factor", square(adapted) / 2, down, up.T * adapted * x.T
    ),
    gradient(
        "low-rank update of a layer, outer factor", square(adapted) / 2, up, adapted * x.T * down.T
    ),
    gradient(
        "factorisation machine, pairs",
        (square(Vm.T * x) - ones(1, d) * HadamardPower(Vm, 2).T * HadamardPower(x, 2)) / 2,
        x,
        Vm * Vm.T * x - had(x, HadamardPower(Vm, 2) * ones(d)),
    ),
    gradient(
        "factorisation machine, factors",
        (square(Vm.T * x) - ones(1, d) * HadamardPower(Vm, 2).T * HadamardPower(x, 2)) / 2,
        Vm,
        x * x.T * Vm - DiagMatrix(HadamardPower(x, 2)) * Vm,
    ),
    gradient(
        "word vectors",
        Sum(
            M[i, j] * (product_entry + y[i, 0] + w[j, 0] - log(R[i, j])) ** 2,
            (i, 0, n - 1),
            (j, 0, m - 1),
        ),
        U,
        2 * had(M, U * Vm.T + y * ones(1, m) + ones(n) * w.T - R.applyfunc(log)) * Vm,
        values={"R": "positive"},
    ),
    gradient(
        "word vectors, bias",
        Sum(
            M[i, j] * (product_entry + y[i, 0] + w[j, 0] - log(R[i, j])) ** 2,
            (i, 0, n - 1),
            (j, 0, m - 1),
        ),
        y,
        2 * had(M, U * Vm.T + y * ones(1, m) + ones(n) * w.T - R.applyfunc(log)) * ones(m),
        values={"R": "positive"},
    ),
    gradient(
        "skip-gram, positive pair",
        -log(1 / (1 + exp(-(u.T * v)[0, 0]))),
        u,
        -v / (1 + exp(Trace(u.T * v))),
    ),
    gradient(
        "skip-gram, negative samples",
        -log(1 / (1 + exp(-DotProduct(u, v))))
        - Sum(log(1 / (1 + exp(Sum(X[i, j] * u[j, 0], (j, 0, m - 1))))), (i, 0, n - 1)),
        u,
        X.T * each(SIGMOID, X * u) - v / (1 + exp(Trace(u.T * v))),
    ),
)

# Networks. First layer W1 (h x m), second W2 (k x h).
W1 = MatrixSymbol("W1", h, m)
W2 = MatrixSymbol("W2", k, h)
W3 = MatrixSymbol("W3", d, k)
b1 = MatrixSymbol("b1", h, 1)
b2 = MatrixSymbol("b2", k, 1)
out = MatrixSymbol("y", k, 1)
out3 = MatrixSymbol("y", d, 1)
linear = W2 * W1 * x - out
deep = W3 * W2 * W1 * x - out3
pre = W1 * x + b1
hidden = pre.applyfunc(tanh)
error = W2 * hidden + b2 - out
tanh_slope = each(1 - tanh(t) ** 2, pre)
relu_error = W2 * each(Max(t, 0), pre) + b2 - out
sig_pre = W1 * x
sig_hidden = each(SIGMOID, sig_pre)
sig_out = each(SIGMOID, W2 * sig_hidden)
sig_delta = had(sig_out - out, each(SIGMOID * (1 - SIGMOID), W2 * sig_hidden))
skip = W2 * (W1 * x).applyfunc(f) + (V * x).applyfunc(f)
f_error = W2 * (W1 * x).applyfunc(f) - out
Z = MatrixSymbol("Z", n, k)
A1 = MatrixSymbol("A1", m, h)
A2 = MatrixSymbol("A2", h, k)
batch_error = (X * A1).applyfunc(tanh) * A2 - Z
GELU = t * (1 + erf(t / sqrt(2))) / 2

gradient, jacobian, hessian = rows_from(
    "machine_learning", "networks", "Goodfellow, Bengio and Courville, Deep Learning, 6.5"
)
NETWORKS = (
    gradient("deep linear, first of two layers", square(linear) / 2, W1, W2.T * linear * x.T),
    gradient("deep linear, second of two layers", square(linear) / 2, W2, linear * x.T * W1.T),
    gradient("deep linear, input", square(linear), x, 2 * W1.T * W2.T * linear),
    gradient("deep linear, middle of three layers", square(deep) / 2, W2, W3.T * deep * x.T * W1.T),
    gradient(
        "deep linear, batch",
        Trace((W2 * W1 * X.T - Z.T).T * (W2 * W1 * X.T - Z.T)) / 2,
        W1,
        W2.T * (W2 * W1 * X.T - Z.T) * X,
    ),
    gradient(
        "tanh network, first layer", square(error) / 2, W1, had(tanh_slope, W2.T * error) * x.T
    ),
    gradient("tanh network, first bias", square(error) / 2, b1, had(tanh_slope, W2.T * error)),
    gradient("tanh network, second layer", square(error) / 2, W2, error * hidden.T),
    gradient("tanh network, second bias", square(error) / 2, b2, error),
    gradient("tanh network, input", square(error) / 2, x, W1.T * had(tanh_slope, W2.T * error)),
    jacobian("tanh network Jacobian", W2 * hidden + b2, x, W2 * DiagMatrix(tanh_slope) * W1),
    gradient(
        "tanh network, batch, first layer",
        Trace(batch_error.T * batch_error) / 2,
        A1,
        X.T * had(each(1 - tanh(t) ** 2, X * A1), batch_error * A2.T),
    ),
    gradient(
        "tanh network, batch, second layer",
        Trace(batch_error.T * batch_error) / 2,
        A2,
        (X * A1).applyfunc(tanh).T * batch_error,
    ),
    gradient(
        "ReLU network, first layer",
        square(relu_error) / 2,
        W1,
        had(each(STEP, pre), W2.T * relu_error) * x.T,
    ),
    gradient(
        "ReLU network, first bias",
        square(relu_error) / 2,
        b1,
        had(each(STEP, pre), W2.T * relu_error),
    ),
    gradient(
        "ReLU network, second layer",
        square(relu_error) / 2,
        W2,
        relu_error * each(Max(t, 0), pre).T,
    ),
    gradient(
        "ReLU network, input",
        square(relu_error) / 2,
        x,
        W1.T * had(each(STEP, pre), W2.T * relu_error),
    ),
    jacobian(
        "ReLU network Jacobian",
        W2 * each(Max(0, t), W1 * x),
        x,
        W2 * DiagMatrix(each(STEP, W1 * x)) * W1,
        sizes={"h": 6},
    ),
    gradient(
        "sigmoid network with squared error, second layer",
        square(sig_out - out) / 2,
        W2,
        sig_delta * sig_hidden.T,
    ),
    gradient(
        "sigmoid network with squared error, first layer",
        square(sig_out - out) / 2,
        W1,
        had(each(SIGMOID * (1 - SIGMOID), sig_pre), W2.T * sig_delta) * x.T,
    ),
    gradient(
        "sigmoid network with cross-entropy, first layer",
        -out.T * sig_out.applyfunc(log) - (ones(k) - out).T * (ones(k) - sig_out).applyfunc(log),
        W1,
        had(each(SIGMOID * (1 - SIGMOID), sig_pre), W2.T * (sig_out - out)) * x.T,
    ),
    gradient(
        "sigmoid network with cross-entropy, second layer",
        -out.T * sig_out.applyfunc(log) - (ones(k) - out).T * (ones(k) - sig_out).applyfunc(log),
        W2,
        (sig_out - out) * sig_hidden.T,
    ),
    gradient(
        "network with an undefined activation, first layer",
        square(f_error) / 2,
        W1,
        had((W1 * x).applyfunc(df), W2.T * f_error) * x.T,
    ),
    gradient(
        "network with an undefined activation, second layer",
        square(f_error) / 2,
        W2,
        f_error * (W1 * x).applyfunc(f).T,
    ),
    jacobian(
        "network with undefined activations, Jacobian",
        (W2 * (W1 * x).applyfunc(f)).applyfunc(g),
        x,
        DiagMatrix((W2 * (W1 * x).applyfunc(f)).applyfunc(dg))
        * W2
        * DiagMatrix((W1 * x).applyfunc(df))
        * W1,
    ),
    gradient(
        "skip connection, undefined activation",
        square(skip - out) / 2,
        V,
        had((V * x).applyfunc(df), skip - out) * x.T,
    ),
    jacobian(
        "residual block",
        x + A1 * (W1 * x).applyfunc(tanh),
        x,
        Identity(m) + A1 * DiagMatrix(each(1 - tanh(t) ** 2, W1 * x)) * W1,
    ),
    jacobian("layer Jacobian, tanh", hidden, x, DiagMatrix(tanh_slope) * W1),
    jacobian("layer Jacobian by the bias", hidden, b1, DiagMatrix(tanh_slope)),
    jacobian("ReLU", each(Max(0, t), x), x, DiagMatrix(each(STEP, x))),
    jacobian(
        "ReLU as Piecewise", each(Piecewise((t, t > 0), (0, True)), x), x, DiagMatrix(each(STEP, x))
    ),
    jacobian(
        "ReLU by comparison with Abs",
        each((t + Abs(t)) / 2, x),
        x,
        DiagMatrix(each((1 + sign(t)) / 2, x)),
    ),
    jacobian(
        "leaky ReLU",
        each(Max(t, t / 10), x),
        x,
        DiagMatrix((9 * each(Heaviside(t), x) + ones(m)) / 10),
    ),
    jacobian(
        "clipped ReLU",
        each(Min(Max(t, 0), 6), x),
        x,
        DiagMatrix(each(case(1, (t > 0) & (t < 6)), x)),
    ),
    jacobian(
        "ELU",
        each(Piecewise((t, t > 0), (c * (exp(t) - 1), True)), x),
        x,
        DiagMatrix(each(Piecewise((1, t > 0), (c * exp(t), True)), x)),
    ),
    jacobian(
        "GELU",
        each(GELU, x),
        x,
        DiagMatrix(each((1 + erf(t / sqrt(2))) / 2 + t * exp(-(t**2) / 2) / sqrt(2 * pi), x)),
    ),
    jacobian("sigmoid", each(SIGMOID, x), x, DiagMatrix(each(SIGMOID * (1 - SIGMOID), x))),
    jacobian(
        "sigmoid as exponential over one plus",
        each(exp(t) / (1 + exp(t)), x),
        x,
        DiagMatrix(each(SIGMOID * (1 - SIGMOID), x)),
    ),
    jacobian(
        "swish", each(t * SIGMOID, x), x, DiagMatrix(each(SIGMOID * (1 + t * (1 - SIGMOID)), x))
    ),
    jacobian("softplus", each(log(1 + exp(t)), x), x, DiagMatrix(each(SIGMOID, x))),
    jacobian("softsign", each(t / (1 + Abs(t)), x), x, DiagMatrix(each(1 / (1 + Abs(t)) ** 2, x))),
    jacobian("arctangent", each(atan(t), x), x, DiagMatrix(each(1 / (1 + t**2), x))),
    jacobian(
        "gated unit",
        had(each(SIGMOID, W1 * x), b1),
        x,
        DiagMatrix(had(b1, each(SIGMOID * (1 - SIGMOID), W1 * x))) * W1,
    ),
    gradient("dropout layer", square(had(u, S * x) - v) / 2, S, had(u, had(u, S * x) - v) * x.T),
    gradient("bilinear layer", x.T * S * v, S, x * v.T),
    jacobian("quadratic layer", had(x, S * x), x, DiagMatrix(S * x) + DiagMatrix(x) * S),
    jacobian(
        "recurrent step by the state",
        (S * x + V.T * out).applyfunc(tanh),
        x,
        DiagMatrix(each(1 - tanh(t) ** 2, S * x + V.T * out)) * S,
    ),
    gradient(
        "two recurrent steps, shared weights",
        ones(1, m) * (S * (S * x).applyfunc(tanh)).applyfunc(tanh),
        S,
        each(1 - tanh(t) ** 2, S * (S * x).applyfunc(tanh)) * (S * x).applyfunc(tanh).T
        + had(
            each(1 - tanh(t) ** 2, S * x), S.T * each(1 - tanh(t) ** 2, S * (S * x).applyfunc(tanh))
        )
        * x.T,
    ),
)
# Normalisation: a column z of n values, its mean, its centred copy and its scale.
centred = z - total(z) / n * ones(n)
centring = Identity(n) - ones(n, n) / n
spread, z_sum = symbols("spread z_sum", positive=True)
SCALES = {spread: sqrt(Trace((centring * z).T * centring * z) / n + eps), z_sum: total(z)}
normed = centring * z / spread
centred_by_sum = z - ones(n) * (ones(1, n) * z) / n
spelled_out = centred_by_sum / sqrt(Trace(centred_by_sum.T * centred_by_sum) / n + eps)
g0 = MatrixSymbol("g", n, 1)
Q = MatrixSymbol("Q", n, m)
length = sqrt(Trace(z.T * z))

gradient, jacobian, hessian = rows_from(
    "machine_learning", "normalisation", "Ioffe and Szegedy 2015; Ba, Kiros and Hinton 2016", SCALES
)
NORMALISATION = (
    jacobian("centring by the mean", centred, z, Identity(n) - ones(n, n) / n),
    jacobian("centring by a ones matrix", z - ones(n, n) * z / n, z, Identity(n) - ones(n, n) / n),
    gradient(
        "variance, Sum",
        Sum((z[i, 0] - Sum(z[j, 0], (j, 0, n - 1)) / n) ** 2, (i, 0, n - 1)) / n,
        z,
        2 * (z - Trace(ones(1, n) * z) / n * ones(n, 1)) / n,
    ),
    gradient(
        "variance, mean of squares less square of mean",
        z.T * z / n - (ones(1, n) * z / n) ** 2,
        z,
        2 * (z - Trace(ones(1, n) * z) / n * ones(n, 1)) / n,
    ),
    gradient(
        "variance, centring matrix", z.T * centring * z / n, z, 2 * (z - ones(n, n) * z / n) / n
    ),
    hessian("variance Hessian", z.T * centring * z / n, z, 2 * (Identity(n) - ones(n, n) / n) / n),
    gradient(
        "standard deviation",
        sqrt(DotProduct(centring * z, centring * z) / n),
        z,
        centring * z / sqrt(n * Trace(z.T * centring * z)),
    ),
    jacobian(
        "batch normalisation",
        centring * z / spread,
        z,
        centring / spread - centring * z * (centring * z).T / (n * spread**3),
    ),
    gradient(
        "batch normalisation with scale and shift, by the input",
        g0.T * (c * normed + y),
        z,
        c * (centring * g0 - Trace(g0.T * centring * z) / n * centring * z / spread**2) / spread,
    ),
    gradient(
        "batch normalisation with scale and shift, by the scale",
        g0.T * (c * normed + y),
        c,
        g0.T * centring * z / spread,
    ),
    jacobian(
        "layer normalisation, per-entry gain, by the gain",
        had(y, normed),
        y,
        DiagMatrix(centring * z / spread),
    ),
    jacobian(
        "layer normalisation, per-entry gain, by the input",
        had(y, normed),
        z,
        DiagMatrix(y) * (centring / spread - centring * z * (centring * z).T / (n * spread**3)),
    ),
    gradient(
        "layer normalisation, gain and shift, mean and scale spelled out",
        g0.T * (had(y, spelled_out) + y),
        z,
        centring
        * (had(g0, y) - Trace(had(g0, y).T * centring * z) / (n * spread**2) * centring * z)
        / spread,
    ),
    jacobian(
        "layer normalisation, mean and scale spelled out",
        spelled_out,
        z,
        centring / spread - centring * z * (centring * z).T / (n * spread**3),
    ),
    gradient(
        "correlation of two columns",
        z.T * centring * y / (sqrt(z.T * centring * z) * sqrt(y.T * centring * y)),
        z,
        centring
        * (y - Trace(z.T * centring * y) / Trace(z.T * centring * z) * z)
        / (sqrt(Trace(z.T * centring * z)) * sqrt(Trace(y.T * centring * y))),
    ),
    gradient(
        "scatter of the rows about their mean",
        Trace((Q - ones(n, n) * Q / n).T * (Q - ones(n, n) * Q / n)),
        Q,
        2 * centring * Q,
    ),
    jacobian(
        "RMS normalisation",
        z / sqrt(Trace(z.T * z) / n + eps),
        z,
        Identity(n) / sqrt(Trace(z.T * z) / n + eps)
        - z * z.T / (n * (Trace(z.T * z) / n + eps) ** Rational(3, 2)),
    ),
    jacobian(
        "unit length",
        z / sqrt(DotProduct(z, z)),
        z,
        (Identity(n) - z * z.T / Trace(z.T * z)) / length,
    ),
    jacobian(
        "unit length, power of the 1x1 product",
        z * (z.T * z) ** Rational(-1, 2),
        z,
        (Identity(n) - z * z.T / Trace(z.T * z)) / length,
    ),
    jacobian("unit sum", z / z_sum, z, Identity(n) / z_sum - z * ones(1, n) / z_sum**2),
    gradient(
        "weight normalisation",
        c * y.T * z / sqrt(DotProduct(z, z)),
        z,
        c * (y / length - Trace(y.T * z) * z / length**3),
    ),
    gradient(
        "coefficient of variation",
        z.T * z / (ones(1, n) * z) ** 2,
        z,
        2 * (z / z_sum**2 - Trace(z.T * z) * ones(n) / z_sum**3),
    ),
)

# Attention: keys K (n x m), values N (n x d), a query x (m x 1); or queries Q (n x m).
K = MatrixSymbol("K", n, m)
N = MatrixSymbol("V", n, d)
G = MatrixSymbol("G", n, d)
o = MatrixSymbol("o", d, 1)
focus_mass, scaled_mass = symbols("focus_mass scaled_mass", positive=True)
SMALL = {"n": 3, "m": 2, "d": 2}
FOCUS = {
    focus_mass: total((K * x).applyfunc(exp)),
    scaled_mass: total((K * x / sqrt(m)).applyfunc(exp)),
}
focus = (K * x).applyfunc(exp) / focus_mass
scaled = (K * x / sqrt(m)).applyfunc(exp) / scaled_mass
kernel = (Q * K.T).applyfunc(exp)
attention = DiagMatrix(HadamardPower(kernel * ones(n), -1)) * kernel

gradient, jacobian, hessian = rows_from(
    "machine_learning", "attention", "Vaswani et al. 2017", FOCUS
)
ATTENTION = (
    jacobian(
        "attention weights by the query",
        focus,
        x,
        (DiagMatrix(focus) - focus * focus.T) * K,
        sizes=SMALL,
    ),
    jacobian(
        "attention output by the query",
        N.T * focus,
        x,
        N.T * (DiagMatrix(focus) - focus * focus.T) * K,
        sizes=SMALL,
    ),
    jacobian(
        "scaled attention by the query",
        N.T * scaled,
        x,
        N.T * (DiagMatrix(scaled) - scaled * scaled.T) * K / sqrt(m),
        sizes=SMALL,
    ),
    gradient("attention by the values", o.T * N.T * focus, N, focus * o.T, sizes=SMALL),
    gradient(
        "attention by the keys",
        o.T * N.T * focus,
        K,
        (DiagMatrix(focus) - focus * focus.T) * N * o * x.T,
        sizes=SMALL,
    ),
    gradient("linear attention by the queries", Trace(G.T * Q * K.T * N), Q, G * N.T * K),
    gradient("linear attention by the keys", Trace(G.T * Q * K.T * N), K, N * G.T * Q),
    gradient("linear attention by the values", Trace(G.T * Q * K.T * N), N, K * Q.T * G),
    gradient(
        "self-attention by the values", Trace(G.T * attention * N), N, attention.T * G, sizes=SMALL
    ),
    gradient(
        "self-attention by the queries",
        Trace(G.T * attention * N),
        Q,
        (had(attention, G * N.T) - DiagMatrix(had(attention, G * N.T) * ones(n)) * attention) * K,
        sizes=SMALL,
    ),
    gradient(
        "self-attention scores in one bilinear form",
        Trace(G.T * X * S * X.T * N),
        S,
        X.T * G * N.T * X,
    ),
    gradient(
        "self-attention scores in one bilinear form, by the tokens",
        Trace(C * X * S * X.T),
        X,
        C.T * X * S.T + C * X * S,
    ),
    gradient(
        "Hopfield energy",
        -log(total((K * x).applyfunc(exp))) + DotProduct(x, x) / 2,
        x,
        x - K.T * focus,
        sizes=SMALL,
    ),
)

# Likelihoods and divergences.
Sigma = MatrixSymbol("Sigma", m, m)
P = MatrixSymbol("P", m, m)
L = MatrixSymbol("L", m, m)
D = x - mu
pr, qr = MatrixSymbol("p", n, 1), MatrixSymbol("q", n, 1)
gram = X * X.T + eps * Identity(n)
cov = eps * Identity(n) + c * C
logvar = MatrixSymbol("s", m, 1)
visible = MatrixSymbol("b", m, 1)

gradient, jacobian, hessian = rows_from(
    "machine_learning",
    "likelihoods",
    "Murphy, Probabilistic Machine Learning, 3 to 6; Rasmussen and Williams 5.4",
)
LIKELIHOODS = (
    gradient("Gaussian by the mean", D.T * Sigma.I * D, mu, -(Sigma.I + Sigma.I.T) * D),
    gradient(
        "Gaussian by the covariance",
        (log(Determinant(Sigma)) + (D.T * Sigma.I * D)[0, 0]) / 2,
        Sigma,
        (Sigma.I.T - Sigma.I.T * D * D.T * Sigma.I.T) / 2,
    ),
    gradient(
        "Gaussian by the covariance, trace form",
        log(Determinant(Sigma)) + Trace(Sigma.I * D * D.T),
        Sigma,
        Sigma.I.T - Sigma.I.T * D * D.T * Sigma.I.T,
    ),
    gradient(
        "Gaussian by the precision", -log(Determinant(P)) + Trace(D.T * P * D), P, D * D.T - P.I.T
    ),
    gradient(
        "Gaussian sample by the covariance",
        n * log(Determinant(Sigma)) + Trace(X * Sigma.I * X.T),
        Sigma,
        n * Sigma.I.T - Sigma.I.T * X.T * X * Sigma.I.T,
    ),
    gradient(
        "Gaussian sample by the mean",
        Trace((X - ones(n) * mu.T) * P * (X - ones(n) * mu.T).T),
        mu,
        -(P + P.T) * (X - ones(n) * mu.T).T * ones(n),
    ),
    gradient(
        "Gaussian by a square root of the covariance",
        log(Determinant(L)) + DotProduct(L.I * x, L.I * x) / 2,
        L,
        L.I.T - L.I.T * L.I * x * (L.I * x).T,
    ),
    gradient(
        "diagonal Gaussian by the log variances",
        ones(1, m) * (logvar + had(HadamardPower(D, 2), (-logvar).applyfunc(exp))) / 2,
        logvar,
        (ones(m) - had(HadamardPower(D, 2), (-logvar).applyfunc(exp))) / 2,
    ),
    gradient("graphical lasso, smooth part", Trace(S * P) - log(Determinant(P)), P, S.T - P.I.T),
    gradient(
        "D-optimal design",
        log(Determinant(X.T * DiagMatrix(g0) * X)),
        g0,
        DiagonalOf(X * (X.T * DiagMatrix(g0) * X).I * X.T),
        values={"g": "positive"},
        sizes={"m": 3, "n": 5},
    ),
    gradient(
        "determinantal point process",
        log(Determinant(X.T * X)),
        X,
        2 * X * (X.T * X).I,
        sizes={"m": 2, "n": 4},
    ),
    gradient("probabilistic PCA evidence", log(Determinant(gram)), X, 2 * gram.I * X),
    gradient(
        "probabilistic PCA quadratic", y.T * gram.I * y, X, -2 * gram.I * y * y.T * gram.I * X
    ),
    gradient("Gaussian process by the targets", y.T * gram.I * y / 2, y, gram.I * y),
    gradient(
        "Gaussian process by the noise",
        (log(Determinant(cov)) + Trace(y.T * cov.I * y)) / 2,
        eps,
        (Trace(cov.I) - Trace(y.T * cov.I * cov.I * y)) / 2,
    ),
    gradient(
        "Gaussian process by the signal",
        (log(Determinant(cov)) + Trace(y.T * cov.I * y)) / 2,
        c,
        (Trace(cov.I * C) - Trace(y.T * cov.I * C * cov.I * y)) / 2,
    ),
    gradient(
        "Gaussian process by the kernel matrix",
        (log(Determinant(C)) + Trace(y.T * C.I * y)) / 2,
        C,
        (C.I.T - C.I.T * y * y.T * C.I.T) / 2,
    ),
    gradient(
        "radial kernel",
        exp(-DotProduct(x - mu, x - mu) / (2 * c**2)),
        x,
        exp(-Trace(D.T * D) / (2 * c**2)) * (mu - x) / c**2,
    ),
    gradient(
        "radial kernel by the width",
        exp(-DotProduct(x - mu, x - mu) / (2 * c**2)),
        c,
        exp(-Trace(D.T * D) / (2 * c**2)) * Trace(D.T * D) / c**3,
    ),
    hessian(
        "radial kernel Hessian",
        exp(-DotProduct(x - mu, x - mu) / (2 * c**2)),
        x,
        exp(-Trace(D.T * D) / (2 * c**2)) * (D * D.T / c**2 - Identity(m)) / c**2,
    ),
    gradient(
        "Mahalanobis distance",
        sqrt((D.T * P * D)[0, 0]),
        x,
        (P + P.T) * D / (2 * sqrt(Trace(D.T * P * D))),
    ),
    gradient("Mahalanobis metric learning", D.T * L.T * L * D, L, 2 * L * D * D.T),
    gradient(
        "Kullback-Leibler of Gaussians, by the mean",
        Trace(D.T * Sigma.I * D)
        + Trace(Sigma.I * S)
        + log(Determinant(Sigma))
        - log(Determinant(S)),
        mu,
        -(Sigma.I + Sigma.I.T) * D,
    ),
    gradient(
        "Kullback-Leibler of Gaussians, by the first covariance",
        (
            Trace(D.T * Sigma.I * D)
            + Trace(Sigma.I * S)
            + log(Determinant(Sigma))
            - log(Determinant(S))
        )
        / 2,
        S,
        (Sigma.I.T - S.I.T) / 2,
    ),
    gradient(
        "Kullback-Leibler of Gaussians, by the second covariance",
        Trace(Sigma.I * S) + log(Determinant(Sigma)),
        Sigma,
        Sigma.I.T - Sigma.I.T * S.T * Sigma.I.T,
    ),
    gradient(
        "variational autoencoder, means",
        -ones(1, m) * (ones(m) + logvar - HadamardPower(mu, 2) - logvar.applyfunc(exp)) / 2,
        mu,
        mu,
    ),
    gradient(
        "variational autoencoder, log variances",
        -ones(1, m) * (ones(m) + logvar - HadamardPower(mu, 2) - logvar.applyfunc(exp)) / 2,
        logvar,
        (logvar.applyfunc(exp) - ones(m)) / 2,
    ),
    gradient(
        "Kullback-Leibler by the first",
        Sum(pr[i, 0] * log(pr[i, 0] / qr[i, 0]), (i, 0, n - 1)),
        pr,
        pr.applyfunc(log) - qr.applyfunc(log) + ones(n),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "Kullback-Leibler by the second",
        Sum(pr[i, 0] * log(pr[i, 0] / qr[i, 0]), (i, 0, n - 1)),
        qr,
        -had(pr, HadamardPower(qr, -1)),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "Kullback-Leibler, matrices",
        pr.T * (pr.applyfunc(log) - qr.applyfunc(log)),
        pr,
        pr.applyfunc(log) - qr.applyfunc(log) + ones(n),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "generalised Kullback-Leibler",
        Sum(pr[i, 0] * log(pr[i, 0] / qr[i, 0]) - pr[i, 0] + qr[i, 0], (i, 0, n - 1)),
        pr,
        pr.applyfunc(log) - qr.applyfunc(log),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "entropy",
        -Sum(pr[i, 0] * log(pr[i, 0]), (i, 0, n - 1)),
        pr,
        -pr.applyfunc(log) - ones(n),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "entropy, matrices",
        -pr.T * pr.applyfunc(log),
        pr,
        -pr.applyfunc(log) - ones(n),
        values={"p": "positive", "q": "positive"},
    ),
    hessian(
        "entropy Hessian",
        -pr.T * pr.applyfunc(log),
        pr,
        -DiagMatrix(HadamardPower(pr, -1)),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "Tsallis entropy",
        Sum(pr[i, 0] ** c, (i, 0, n - 1)) / (1 - c),
        pr,
        c / (1 - c) * HadamardPower(pr, c - 1),
        values={"p": "positive", "q": "positive"},
    ),
    gradient("Gini impurity", 1 - Sum(pr[i, 0] ** 2, (i, 0, n - 1)), pr, -2 * pr),
    gradient(
        "Hellinger",
        square(each(sqrt(t), pr) - each(sqrt(t), qr)),
        pr,
        ones(n) - had(each(sqrt(t), qr), each(1 / sqrt(t), pr)),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "cross-entropy by the prediction",
        -Sum(pr[i, 0] * log(qr[i, 0]), (i, 0, n - 1)),
        qr,
        -had(pr, HadamardPower(qr, -1)),
        values={"p": "positive", "q": "positive"},
    ),
    gradient(
        "Dirichlet",
        loggamma(total(z))
        - total(z.applyfunc(loggamma))
        + Trace((z - ones(n)).T * pr.applyfunc(log)),
        z,
        digamma(total(z)) * ones(n) - z.applyfunc(digamma) + pr.applyfunc(log),
        values={"z": "positive", "p": "positive"},
    ),
    hessian(
        "Dirichlet Hessian",
        loggamma(total(z)) - total(z.applyfunc(loggamma)),
        z,
        polygamma(1, total(z)) * ones(n, n) - DiagMatrix(each(polygamma(1, t), z)),
        values={"z": "positive", "p": "positive"},
    ),
    gradient(
        "Gamma function, elementwise",
        total(z.applyfunc(gamma)),
        z,
        had(z.applyfunc(gamma), z.applyfunc(digamma)),
        values={"z": "positive", "p": "positive"},
    ),
    gradient(
        "log of the Gamma function",
        total(z.applyfunc(gamma).applyfunc(log)),
        z,
        z.applyfunc(digamma),
        values={"z": "positive", "p": "positive"},
    ),
    gradient(
        "Poisson deviance with loggamma",
        Sum(loggamma(z[i, 0] + 1) - z[i, 0] * log(c), (i, 0, n - 1)),
        z,
        each(digamma(t + 1), z) - log(c) * ones(n),
        values={"z": "positive", "p": "positive"},
    ),
    gradient(
        "Gamma distribution by its shape",
        n * loggamma(c) - (c - 1) * total(z.applyfunc(log)),
        c,
        n * digamma(c) - total(z.applyfunc(log)),
        values={"z": "positive", "p": "positive"},
    ),
    gradient(
        "negative binomial by its dispersion",
        Sum(loggamma(z[i, 0] + c) - loggamma(c), (i, 0, n - 1)),
        c,
        Sum(digamma(z[i, 0] + c), (i, 0, n - 1)) - n * digamma(c),
        values={"z": "positive", "p": "positive"},
    ),
    gradient(
        "restricted Boltzmann machine, free energy",
        -visible.T * x - ones(1, h) * each(log(1 + exp(t)), W1 * x + b1),
        x,
        -visible - W1.T * each(SIGMOID, W1 * x + b1),
    ),
    gradient(
        "restricted Boltzmann machine, weights",
        -visible.T * x - ones(1, h) * each(log(1 + exp(t)), W1 * x + b1),
        W1,
        -each(SIGMOID, W1 * x + b1) * x.T,
    ),
    gradient(
        "Cox partial likelihood, one event",
        (x.T * w)[0, 0] - log(total((X * w).applyfunc(exp))),
        w,
        x - X.T * score.applyfunc(exp) / total((X * w).applyfunc(exp)),
    ),
)

# Mixtures, in index notation: data x_i, means mu_j, weights pi_j.
data, centre, share, width = (IndexedBase(name) for name in ("x", "mu", "pi", "sigma"))
bump = share[j] * exp(-((data[i] - centre[j]) ** 2) / (2 * c))
mixture = Sum(log(Sum(bump, (j, 0, k - 1))), (i, 0, n - 1))
bump_p = bump.subs(j, p)
prototypes = MatrixSymbol("M", k, m)

gradient, jacobian, hessian = rows_from(
    "machine_learning", "mixtures", "Bishop, Pattern Recognition and Machine Learning, 9.2"
)
MIXTURES = (
    gradient(
        "mixture of Gaussians by a mean",
        mixture,
        centre[p],
        Sum(bump_p * (data[i] - centre[p]) / Sum(bump, (j, 0, k - 1)), (i, 0, n - 1)) / c,
        values={"pi": "positive"},
    ),
    gradient(
        "mixture of Gaussians by a weight",
        mixture,
        share[p],
        Sum(exp(-((data[i] - centre[p]) ** 2) / (2 * c)) / Sum(bump, (j, 0, k - 1)), (i, 0, n - 1)),
        values={"pi": "positive"},
    ),
    gradient(
        "mixture of vectors by the centres",
        Sum(
            log(
                Sum(exp(-Sum((X[i, r] - prototypes[j, r]) ** 2, (r, 0, m - 1)) / 2), (j, 0, k - 1))
            ),
            (i, 0, n - 1),
        ),
        prototypes[p, q],
        Sum(
            exp(-Sum((X[i, r] - prototypes[p, r]) ** 2, (r, 0, m - 1)) / 2)
            * (X[i, q] - prototypes[p, q])
            / Sum(exp(-Sum((X[i, r] - prototypes[j, r]) ** 2, (r, 0, m - 1)) / 2), (j, 0, k - 1)),
            (i, 0, n - 1),
        ),
    ),
    gradient(
        "k-means with soft assignments",
        Sum(
            Y[i, j] * Sum((X[i, r] - prototypes[j, r]) ** 2, (r, 0, m - 1)),
            (i, 0, n - 1),
            (j, 0, k - 1),
        ),
        prototypes[p, q],
        2 * Sum(Y[i, p] * (prototypes[p, q] - X[i, q]), (i, 0, n - 1)),
    ),
    gradient(
        "k-means with assignment matrix",
        Trace((X - Y * prototypes).T * (X - Y * prototypes)),
        prototypes,
        2 * Y.T * (Y * prototypes - X),
    ),
)
# Projections and eigenproblems.
Sb = MatrixSymbol("B", m, m)
ratio = Trace(w.T * S * w) / Trace(w.T * Sb * w)
rest = X - X * W * W.T
Cxy = MatrixSymbol("C", m, n)

gradient, jacobian, hessian = rows_from(
    "machine_learning",
    "projections",
    "Bishop, Pattern Recognition and Machine Learning, 4.1.4 and 12.1",
)
PROJECTIONS = (
    gradient("principal components, trace", Trace(W.T * S * W), W, (S + S.T) * W),
    gradient("principal components, Gram matrix", Trace(W.T * X.T * X * W), W, 2 * X.T * X * W),
    gradient(
        "principal components, reconstruction",
        Trace(rest.T * rest),
        W,
        -2 * (X.T * rest + rest.T * X) * W,
    ),
    gradient(
        "Rayleigh quotient",
        (w.T * S * w) / (w.T * w),
        w,
        ((S + S.T) * w - 2 * Trace(w.T * S * w) / Trace(w.T * w) * w) / Trace(w.T * w),
    ),
    gradient(
        "Rayleigh quotient of DotProducts",
        DotProduct(w, S * w) / DotProduct(w, w),
        w,
        ((S + S.T) * w - 2 * Trace(w.T * S * w) / Trace(w.T * w) * w) / Trace(w.T * w),
    ),
    gradient(
        "Rayleigh quotient of a Gram matrix",
        (w.T * X.T * X * w)[0, 0] / (w.T * w)[0, 0],
        w,
        2 * (X.T * X * w - Trace(w.T * X.T * X * w) / Trace(w.T * w) * w) / Trace(w.T * w),
    ),
    gradient(
        "Fisher discriminant",
        (w.T * S * w)[0, 0] / (w.T * Sb * w)[0, 0],
        w,
        ((S + S.T) * w - ratio * (Sb + Sb.T) * w) / Trace(w.T * Sb * w),
    ),
    gradient(
        "Fisher discriminant, class means",
        (w.T * (x - mu))[0, 0] ** 2 / Trace(w.T * Sb * w),
        w,
        Trace(w.T * D)
        * (2 * D - Trace(w.T * D) / Trace(w.T * Sb * w) * (Sb + Sb.T) * w)
        / Trace(w.T * Sb * w),
    ),
    gradient(
        "discriminant of several directions",
        Trace((W.T * X.T * X * W).I * W.T * S * W),
        W,
        (S + S.T) * W * (W.T * X.T * X * W).I
        - X.T * X * W * (W.T * X.T * X * W).I * W.T * (S + S.T) * W * (W.T * X.T * X * W).I,
        sizes={"n": 5, "m": 4, "k": 2},
    ),
    gradient(
        "log-determinant ratio",
        log(Determinant(W.T * X.T * X * W)) - log(Determinant(W.T * W)),
        W,
        2 * (X.T * X * W * (W.T * X.T * X * W).I - W * (W.T * W).I),
        sizes={"n": 5, "m": 4, "k": 2},
    ),
    gradient("canonical correlation numerator", w.T * Cxy * y, w, Cxy * y),
    gradient(
        "Oja rule objective",
        square(X * w) - lam * (square(w) - Identity(1)) ** 2,
        w,
        2 * X.T * X * w - 4 * lam * w * (w.T * w - Identity(1)),
    ),
    gradient(
        "orthogonality penalty",
        Trace((W.T * W - Identity(k)).T * (W.T * W - Identity(k))) / 4,
        W,
        W * (W.T * W - Identity(k)),
    ),
    gradient(
        "independent components",
        log(Determinant(S)) + total((S * x).applyfunc(f)),
        S,
        S.I.T + (S * x).applyfunc(df) * x.T,
    ),
    gradient(
        "autoencoder with tied weights",
        square(W.T * (W * out).applyfunc(tanh) - out),
        W,
        2
        * (
            (W * out).applyfunc(tanh) * (W.T * (W * out).applyfunc(tanh) - out).T
            + had(each(1 - tanh(t) ** 2, W * out), W * (W.T * (W * out).applyfunc(tanh) - out))
            * out.T
        ),
    ),
)

# Distances, rankings and contrastive losses.
neg = MatrixSymbol("z", m, 1)
gap = Trace((x - v).T * (x - v)) - Trace((x - neg).T * (x - neg)) + c

gradient, jacobian, hessian = rows_from(
    "machine_learning",
    "metric",
    "Schroff, Kalenichenko and Philbin 2015; van den Oord, Li and Vinyals 2018",
    FOCUS,
)
METRIC = (
    gradient(
        "cosine similarity",
        (x.T * v)[0, 0] / (sqrt(DotProduct(x, x)) * sqrt(DotProduct(v, v))),
        x,
        (v - Trace(x.T * v) / Trace(x.T * x) * x) / (sqrt(Trace(x.T * x)) * sqrt(Trace(v.T * v))),
    ),
    gradient("squared distance", DotProduct(x - v, x - v), x, 2 * (x - v)),
    gradient(
        "distance", sqrt(((x - v).T * (x - v))[0, 0]), x, (x - v) / sqrt(Trace((x - v).T * (x - v)))
    ),
    hessian(
        "distance Hessian",
        sqrt(DotProduct(x, x)),
        x,
        (Identity(m) - x * x.T / Trace(x.T * x)) / sqrt(Trace(x.T * x)),
    ),
    gradient("triplet loss by the anchor", Max(0, gap), x, 2 * Heaviside(gap) * (neg - v)),
    gradient("triplet loss by the positive", Max(0, gap), v, 2 * Heaviside(gap) * (v - x)),
    gradient(
        "contrastive loss, dissimilar pair",
        Max(0, c - sqrt(Trace((x - v).T * (x - v)))) ** 2,
        x,
        -2
        * Max(0, c - sqrt(Trace((x - v).T * (x - v))))
        / sqrt(Trace((x - v).T * (x - v)))
        * (x - v),
        values={"c": 5},
    ),
    gradient(
        "contrastive estimation",
        log(total((K * x).applyfunc(exp))) - (x.T * v)[0, 0],
        x,
        K.T * focus - v,
    ),
    gradient(
        "contrastive estimation by the keys",
        log(total((K * x).applyfunc(exp))) - (x.T * v)[0, 0],
        K,
        focus * x.T,
    ),
    gradient(
        "pairwise ranking",
        log(1 + exp(-DotProduct(w, x - v))),
        w,
        (v - x) / (1 + exp(Trace(w.T * (x - v)))),
    ),
    gradient(
        "pairwise hinge ranking",
        Max(0, 1 - DotProduct(w, x - v)),
        w,
        Heaviside(1 - Trace(w.T * (x - v))) * (v - x),
    ),
    gradient(
        "correlation of centred vectors",
        Trace(z.T * centring * y) / sqrt(Trace(z.T * centring * z)),
        z,
        (centring * y - Trace(z.T * centring * y) / Trace(z.T * centring * z) * centring * z)
        / sqrt(Trace(z.T * centring * z)),
    ),
    gradient(
        "nearest-neighbour stress",
        Sum(
            (Sum((X[i, r] - X[j, r]) ** 2, (r, 0, m - 1)) - C[i, j]) ** 2,
            (i, 0, n - 1),
            (j, 0, n - 1),
        )
        / 4,
        X[p, q],
        Sum(
            (X[p, q] - X[i, q])
            * (
                Sum((X[p, r] - X[i, r]) ** 2, (r, 0, m - 1))
                + Sum((X[i, r] - X[p, r]) ** 2, (r, 0, m - 1))
                - C[i, p]
                - C[p, i]
            ),
            (i, 0, n - 1),
        ),
    ),
)

# Graphs, kernels and structured sums.
Adj = MatrixSymbol("A", n, n)
E = Adj.applyfunc(exp)
un, vn = MatrixSymbol("u", n, 1), MatrixSymbol("v", n, 1)
alpha, beta = MatrixSymbol("f", n, 1), MatrixSymbol("g", m, 1)
cost = MatrixSymbol("C", n, m)
plan = Sum(exp((alpha[i, 0] + beta[j, 0] - cost[i, j]) / eps), (i, 0, n - 1), (j, 0, m - 1))

gradient, jacobian, hessian = rows_from(
    "machine_learning", "graphs", "Kipf and Welling 2017; Cuturi 2013"
)
GRAPHS = (
    gradient("Laplacian quadratic form", z.T * C * z, z, (C + C.T) * z),
    gradient(
        "Laplacian from the adjacency",
        z.T * (DiagMatrix(Adj * ones(n)) - Adj) * z,
        z,
        2 * had(Adj * ones(n), z) - (Adj + Adj.T) * z,
    ),
    gradient(
        "Laplacian by the adjacency",
        z.T * (DiagMatrix(Adj * ones(n)) - Adj) * z,
        Adj,
        HadamardPower(z, 2) * ones(1, n) - z * z.T,
    ),
    gradient(
        "Laplacian as Sum of squared differences",
        Sum(Adj[i, j] * (z[i, 0] - z[j, 0]) ** 2, (i, 0, n - 1), (j, 0, n - 1)) / 2,
        z,
        had((Adj + Adj.T) * ones(n), z) - (Adj + Adj.T) * z,
    ),
    gradient(
        "Laplacian as Sum, by one edge",
        Sum(Adj[i, j] * (z[i, 0] - z[j, 0]) ** 2, (i, 0, n - 1), (j, 0, n - 1)) / 2,
        Adj[p, q],
        (z[p, 0] - z[q, 0]) ** 2 / 2,
    ),
    gradient(
        "Laplacian as Sum, by one node",
        Sum(Adj[i, j] * (z[i, 0] - z[j, 0]) ** 2, (i, 0, n - 1), (j, 0, n - 1)) / 2,
        z[p, 0],
        Sum((Adj[i, p] + Adj[p, i]) * (z[p, 0] - z[i, 0]), (i, 0, n - 1)),
    ),
    gradient(
        "graph convolution, weights",
        Trace((Adj * X * W - Y).T * (Adj * X * W - Y)) / 2,
        W,
        X.T * Adj.T * (Adj * X * W - Y),
    ),
    gradient(
        "graph convolution, ReLU and weights",
        Trace(Y.T * each(Max(t, 0), Adj * X * W)),
        W,
        X.T * Adj.T * had(each(STEP, Adj * X * W), Y),
    ),
    gradient(
        "graph convolution, adjacency",
        Trace(Y.T * each(Max(t, 0), Adj * X * W)),
        Adj,
        had(each(STEP, Adj * X * W), Y) * W.T * X.T,
    ),
    gradient(
        "label propagation",
        square(un - vn) + lam * un.T * C * un,
        un,
        2 * (un - vn) + lam * (C + C.T) * un,
    ),
    gradient("modularity", Trace(Y.T * (Adj - z * z.T) * Y), Y, (Adj + Adj.T - 2 * z * z.T) * Y),
    gradient(
        "power iteration step",
        un.T * Adj * Adj * Adj * vn,
        Adj,
        un * (Adj * Adj * vn).T + Adj.T * un * (Adj * vn).T + (Adj * Adj).T * un * vn.T,
    ),
    gradient(
        "chain partition function, one factor",
        log(un.T * E * vn),
        Adj,
        had(E, un * vn.T) / Trace(un.T * E * vn),
        values={"u": "positive", "v": "positive"},
    ),
    gradient(
        "chain partition function, two factors",
        log((un.T * E * E * vn)[0, 0]),
        Adj,
        had(E, un * (E * vn).T + E.T * un * vn.T) / Trace(un.T * E * E * vn),
        values={"u": "positive", "v": "positive"},
    ),
    gradient(
        "chain partition function by the start",
        log((un.T * E * vn)[0, 0]),
        un,
        E * vn / Trace(un.T * E * vn),
        values={"u": "positive", "v": "positive"},
    ),
    gradient(
        "chain score by nested Sum",
        log(Sum(exp(un[i, 0] + Adj[i, j] + vn[j, 0]), (i, 0, n - 1), (j, 0, n - 1))),
        Adj[p, q],
        exp(un[p, 0] + Adj[p, q] + vn[q, 0])
        / Sum(exp(un[i, 0] + Adj[i, j] + vn[j, 0]), (i, 0, n - 1), (j, 0, n - 1)),
    ),
    gradient(
        "chain score by nested Sum, unary",
        log(Sum(exp(un[i, 0] + Adj[i, j] + vn[j, 0]), (i, 0, n - 1), (j, 0, n - 1))),
        un[p, 0],
        Sum(exp(un[p, 0] + Adj[p, j] + vn[j, 0]), (j, 0, n - 1))
        / Sum(exp(un[i, 0] + Adj[i, j] + vn[j, 0]), (i, 0, n - 1), (j, 0, n - 1)),
    ),
    gradient(
        "transport dual, first potential",
        (y.T * alpha)[0, 0] + (w.T * beta)[0, 0] - eps * plan,
        alpha[p, 0],
        y[p, 0] - Sum(exp((alpha[p, 0] + beta[j, 0] - cost[p, j]) / eps), (j, 0, m - 1)),
    ),
    gradient(
        "transport dual by the cost",
        (y.T * alpha)[0, 0] + (w.T * beta)[0, 0] - eps * plan,
        cost[p, q],
        exp((alpha[p, 0] + beta[q, 0] - cost[p, q]) / eps),
    ),
    gradient(
        "transport plan cost by the first scaling",
        Trace(cost.T * DiagMatrix(alpha) * R * DiagMatrix(beta)),
        alpha,
        had(cost, R) * beta,
    ),
    gradient(
        "transport plan cost by the kernel",
        Trace(cost.T * DiagMatrix(alpha) * R * DiagMatrix(beta)),
        R,
        DiagMatrix(alpha) * cost * DiagMatrix(beta),
    ),
    jacobian(
        "Sinkhorn half-step",
        had(y, HadamardPower(R * beta, -1)),
        beta,
        -DiagMatrix(had(y, HadamardPower(R * beta, -2))) * R,
    ),
    gradient(
        "entropic transport",
        Trace(cost.T * R) + eps * Sum(R[i, j] * (log(R[i, j]) - 1), (i, 0, n - 1), (j, 0, m - 1)),
        R,
        cost + eps * R.applyfunc(log),
        values={"R": "positive"},
    ),
)

# Recurrent cells, convolutions, pooling, embeddings.
Wi, Wf, Wg = (MatrixSymbol(name, m, m) for name in ("Wi", "Wf", "Wg"))
cell0, state0 = MatrixSymbol("c", m, 1), MatrixSymbol("h", m, 1)
gate_i, gate_f = each(SIGMOID, Wi * x), each(SIGMOID, Wf * x + state0)
fresh = (Wg * x).applyfunc(tanh)
cell = had(gate_f, cell0) + had(gate_i, fresh)
update = each(SIGMOID, Wi * x)
signal, filt, back = IndexedBase("x"), IndexedBase("w"), IndexedBase("G")
image, kernel2 = IndexedBase("I"), IndexedBase("K")
conv1 = Sum(filt[a] * signal[i + a], (a, 0, d - 1))
conv2 = Sum(image[i + a, j + b] * kernel2[a, b], (a, 0, h - 1), (b, 0, k - 1))
token = MatrixSymbol("E", n, m)
four = MatrixSymbol("x", 4, 1)
picture = MatrixSymbol("I", n + h - 1, m + k - 1)
stencil = MatrixSymbol("K", h, k)
upstream = MatrixSymbol("G", n, m)

gradient, jacobian, hessian = rows_from(
    "machine_learning",
    "sequences",
    "Hochreiter and Schmidhuber 1997; Goodfellow, Bengio and Courville, Deep Learning, 9",
)
SEQUENCES = (
    gradient(
        "LSTM cell by the input weights",
        v.T * cell,
        Wi,
        had(v, fresh, each(SIGMOID * (1 - SIGMOID), Wi * x)) * x.T,
    ),
    gradient(
        "LSTM cell by the forget weights",
        v.T * cell,
        Wf,
        had(v, cell0, each(SIGMOID * (1 - SIGMOID), Wf * x + state0)) * x.T,
    ),
    gradient(
        "LSTM cell by the candidate weights",
        v.T * cell,
        Wg,
        had(v, gate_i, each(1 - tanh(t) ** 2, Wg * x)) * x.T,
    ),
    jacobian("LSTM cell by the old cell", cell, cell0, DiagMatrix(gate_f)),
    jacobian(
        "LSTM cell by the old state",
        cell,
        state0,
        DiagMatrix(had(cell0, each(SIGMOID * (1 - SIGMOID), Wf * x + state0))),
    ),
    jacobian(
        "LSTM output by the old cell",
        had(gate_i, cell.applyfunc(tanh)),
        cell0,
        DiagMatrix(had(gate_i, gate_f, each(1 - tanh(t) ** 2, cell))),
    ),
    jacobian(
        "gated recurrent unit by the old state",
        had(ones(m) - update, state0) + had(update, (Wg * state0).applyfunc(tanh)),
        state0,
        DiagMatrix(ones(m) - update)
        + DiagMatrix(had(update, each(1 - tanh(t) ** 2, Wg * state0))) * Wg,
    ),
    gradient(
        "correlation by the filter",
        Sum(back[i] * conv1, (i, 0, n - 1)),
        filt[p],
        Sum(back[i] * signal[i + p], (i, 0, n - 1)),
    ),
    gradient(
        "correlation by the signal",
        Sum(back[i] * conv1, (i, 0, n - 1)),
        signal[p],
        Sum(back[i] * filt[p - i], (i, Max(0, p - d + 1), Min(p, n - 1))),
        values={"p": (1, 2, 3)},
        sizes={"n": 3, "d": 4},
    ),
    gradient(
        "correlation, squared error by the filter",
        Sum((conv1 - back[i]) ** 2, (i, 0, n - 1)),
        filt[p],
        2 * Sum((conv1 - back[i]) * signal[i + p], (i, 0, n - 1)),
    ),
    gradient(
        "image correlation by the kernel",
        Sum(back[i, j] * conv2, (i, 0, n - 1), (j, 0, m - 1)),
        kernel2[p, q],
        Sum(back[i, j] * image[i + p, j + q], (i, 0, n - 1), (j, 0, m - 1)),
    ),
    gradient(
        "image correlation by the image",
        Sum(back[i, j] * conv2, (i, 0, n - 1), (j, 0, m - 1)),
        image[p, q],
        Sum(
            back[i, j] * kernel2[p - i, q - j],
            (i, Max(0, p - h + 1), Min(p, n - 1)),
            (j, Max(0, q - k + 1), Min(q, m - 1)),
        ),
        values={"p": (1, 2), "q": (1, 2, 3)},
        sizes={"n": 3, "m": 4, "h": 2, "k": 5},
    ),
    gradient(
        "image correlation, squared error by the kernel",
        Sum((conv2 - back[i, j]) ** 2, (i, 0, n - 1), (j, 0, m - 1)) / 2,
        kernel2[p, q],
        Sum((conv2 - back[i, j]) * image[i + p, j + q], (i, 0, n - 1), (j, 0, m - 1)),
    ),
    gradient(
        "image correlation with ReLU by the kernel",
        Sum(back[i, j] * Max(0, conv2), (i, 0, n - 1), (j, 0, m - 1)),
        kernel2[p, q],
        Sum(back[i, j] * case(1, conv2 > 0) * image[i + p, j + q], (i, 0, n - 1), (j, 0, m - 1)),
    ),
    gradient(
        "strided correlation by the filter",
        Sum(back[i] * Sum(filt[a] * signal[2 * i + a], (a, 0, d - 1)), (i, 0, n - 1)),
        filt[p],
        Sum(back[i] * signal[2 * i + p], (i, 0, n - 1)),
    ),
    gradient(
        "dilated correlation by the filter",
        Sum(back[i] * Sum(filt[a] * signal[i + 2 * a], (a, 0, d - 1)), (i, 0, n - 1)),
        filt[p],
        Sum(back[i] * signal[i + 2 * p], (i, 0, n - 1)),
    ),
    gradient(
        "convolution with matrix entries by the kernel",
        Sum(
            upstream[i, j]
            * Sum(picture[i + a, j + b] * stencil[a, b], (a, 0, h - 1), (b, 0, k - 1)),
            (i, 0, n - 1),
            (j, 0, m - 1),
        ),
        stencil[p, q],
        Sum(upstream[i, j] * picture[i + p, j + q], (i, 0, n - 1), (j, 0, m - 1)),
    ),
    gradient(
        "mean pooling",
        Sum(back[i] * Sum(signal[2 * i + a], (a, 0, 1)) / 2, (i, 0, n - 1)),
        signal[p],
        back[floor(p / 2)] / 2,
    ),
    gradient(
        "mean pooling of an image",
        Sum(
            back[i, j] * Sum(image[2 * i + a, 2 * j + b], (a, 0, 1), (b, 0, 1)) / 4,
            (i, 0, n - 1),
            (j, 0, m - 1),
        ),
        image[p, q],
        back[floor(p / 2), floor(q / 2)] / 4,
    ),
    gradient("global mean pooling", ones(1, n) * X * ones(m) / (n * m), X, ones(n, m) / (n * m)),
    gradient(
        "max pooling of four entries",
        Max(four[0, 0], four[1, 0]) ** 2 + Max(four[2, 0], four[3, 0]),
        four,
        Matrix(
            [
                case(2 * four[0, 0], four[0, 0] > four[1, 0]),
                case(2 * four[1, 0], four[1, 0] > four[0, 0]),
                case(1, four[2, 0] > four[3, 0]),
                case(1, four[3, 0] > four[2, 0]),
            ]
        ),
    ),
    gradient(
        "embedding by a one-hot column", square(token.T * z - x) / 2, token, z * (token.T * z - x).T
    ),
    gradient(
        "embedding by a batch of one-hot rows",
        Trace((Y * prototypes - X).T * (Y * prototypes - X)) / 2,
        prototypes,
        Y.T * (Y * prototypes - X),
    ),
    gradient(
        "embedding row, one entry",
        (token[s, :] * x)[0, 0],
        token[p, q],
        KroneckerDelta(p, s) * x[q, 0],
    ),
    gradient("embedding row, the vector", (token[s, :] * x)[0, 0], x, token[s, :].T),
    gradient(
        "embedding row, the table",
        token[s, :] * x,
        token,
        unit(s, n) * x.T,
        values={"s": 1},
    ),
    gradient("bag of embeddings", ones(1, n) * token * x, token, ones(n) * x.T),
    gradient(
        "moving average",
        Sum((signal[i + 1] - c * signal[i]) ** 2, (i, 0, n - 2)),
        c,
        -2 * Sum(signal[i] * (signal[i + 1] - c * signal[i]), (i, 0, n - 2)),
    ),
)

# Optimisation: quadratic programs, Lagrangians, barriers.
Aeq, beq, dual = MatrixSymbol("A", k, m), MatrixSymbol("b", k, 1), MatrixSymbol("lambda", k, 1)

gradient, jacobian, hessian = rows_from(
    "machine_learning", "optimisation", "Boyd and Vandenberghe, Convex Optimization, 5 and 10"
)
OPTIMISATION = (
    gradient(
        "Lagrangian of a quadratic program, primal",
        x.T * S * x / 2 + u.T * x + dual.T * (Aeq * x - beq),
        x,
        (S + S.T) * x / 2 + u + Aeq.T * dual,
    ),
    gradient(
        "Lagrangian of a quadratic program, dual",
        x.T * S * x / 2 + u.T * x + dual.T * (Aeq * x - beq),
        dual,
        Aeq * x - beq,
    ),
    hessian(
        "Lagrangian of a quadratic program, mixed",
        x.T * S * x / 2 + u.T * x + dual.T * (Aeq * x - beq),
        (x, dual),
        Aeq.T,
    ),
    gradient(
        "augmented Lagrangian",
        u.T * x + dual.T * (Aeq * x - beq) + c / 2 * square(Aeq * x - beq),
        x,
        u + Aeq.T * (dual + c * (Aeq * x - beq)),
    ),
    gradient(
        "squared penalty of inequalities",
        ones(1, k) * each(Max(0, t) ** 2, Aeq * x - beq) / 2,
        x,
        Aeq.T * each(Max(0, t), Aeq * x - beq),
    ),
    gradient(
        "negative entropy with a linear term",
        u.T * x + c * x.T * x.applyfunc(log),
        x,
        u + c * (x.applyfunc(log) + ones(m)),
        values={"x": "positive"},
    ),
    gradient(
        "proximal term",
        total(x.applyfunc(f)) + DotProduct(x - v, x - v) / (2 * c),
        x,
        x.applyfunc(df) + (x - v) / c,
    ),
    jacobian("gradient step", x - c * S * x, x, Identity(m) - c * S),
    jacobian(
        "soft threshold",
        each(sign(t) * Max(Abs(t) - c, 0), x),
        x,
        DiagMatrix(each(case(1, Abs(t) > c), x)),
    ),
    gradient(
        "p-norm",
        Sum(Abs(x[j, 0]) ** c, (j, 0, m - 1)) ** (1 / c),
        x,
        Sum(Abs(x[j, 0]) ** c, (j, 0, m - 1)) ** (1 / c - 1) * each(sign(t) * Abs(t) ** (c - 1), x),
    ),
    gradient(
        "Rosenbrock chain",
        Sum(100 * (signal[i + 1] - signal[i] ** 2) ** 2, (i, 0, n - 2)),
        signal[0],
        -400 * signal[0] * (signal[1] - signal[0] ** 2),
    ),
    gradient(
        "softmin of distances",
        -c * log(total((-y / c).applyfunc(exp))),
        y,
        (-y / c).applyfunc(exp) / total((-y / c).applyfunc(exp)),
    ),
)

# Derivatives of rank three and four: an entry for each combination of indices.
delta = KroneckerDelta

gradient, jacobian, hessian = rows_from(
    "machine_learning", "rank", "Magnus and Neudecker, Matrix Differential Calculus, 9"
)
RANK = (
    jacobian(
        "linear layer by the weights",
        S * x,
        S,
        array(delta(i, j) * x[r, 0], (i, m), (j, m), (r, m)),
    ),
    jacobian(
        "tanh layer by the weights",
        (S * x).applyfunc(tanh),
        S,
        array(
            delta(i, j) * (1 - tanh(Sum(S[i, b] * x[b, 0], (b, 0, m - 1))) ** 2) * x[r, 0],
            (i, m),
            (j, m),
            (r, m),
        ),
    ),
    jacobian(
        "batch layer by the weights",
        X * W,
        W,
        array(X[i, p] * delta(j, q), (i, n), (j, k), (p, m), (q, k)),
    ),
    jacobian(
        "batch layer by the samples",
        X * W,
        X,
        array(delta(i, p) * W[q, j], (i, n), (j, k), (p, n), (q, m)),
    ),
    jacobian(
        "ReLU of a batch",
        each(Max(0, t), X),
        X,
        array(delta(i, p) * delta(j, q) * case(1, X[i, j] > 0), (i, n), (j, m), (p, n), (q, m)),
    ),
    jacobian(
        "outer product by its left factor",
        y * w.T,
        y,
        array(delta(i, p) * w[j, 0], (i, n), (j, m), (p, n)),
    ),
    jacobian(
        "diagonal matrix of a vector",
        DiagMatrix(x),
        x,
        array(delta(i, j) * delta(i, p), (i, m), (j, m), (p, m)),
    ),
    jacobian(
        "scaled rows", DiagMatrix(y) * X, y, array(delta(i, p) * X[i, j], (i, n), (j, m), (p, n))
    ),
    jacobian("transpose", X.T, X, array(delta(i, q) * delta(j, p), (i, m), (j, n), (p, n), (q, m))),
    jacobian(
        "inverse of a kernel matrix",
        S.I,
        S,
        array(-S.I[i, p] * S.I[q, j], (i, m), (j, m), (p, m), (q, m)),
    ),
    jacobian(
        "Gram matrix",
        X.T * X,
        X,
        array(delta(i, q) * X[p, j] + delta(j, q) * X[p, i], (i, m), (j, m), (p, n), (q, m)),
    ),
    jacobian(
        "attention output by the values",
        N.T * y,
        N,
        array(y[p, 0] * delta(i, q), (i, d), (p, n), (q, d)),
    ),
    hessian(
        "least squares by a weight matrix",
        Trace((X * W - Y).T * (X * W - Y)) / 2,
        W,
        array(delta(j, q) * Sum(X[a, i] * X[a, p], (a, 0, n - 1)), (i, m), (j, k), (p, m), (q, k)),
    ),
    hessian(
        "linear layer with squared error by the weights",
        square(S * x - v) / 2,
        S,
        array(delta(i, p) * x[j, 0] * x[q, 0], (i, m), (j, m), (p, m), (q, m)),
    ),
    hessian(
        "log-determinant",
        log(Determinant(S)),
        S,
        array(-S.I[j, p] * S.I[q, i], (i, m), (j, m), (p, m), (q, m)),
    ),
    hessian(
        "bilinear layer, mixed",
        x.T * S * v,
        (x, S),
        array(delta(i, p) * v[q, 0], (i, m), (p, m), (q, m)),
    ),
)

ROWS = (
    LOGISTIC
    + SOFTMAX
    + REGRESSION
    + FACTORISATION
    + NETWORKS
    + NORMALISATION
    + ATTENTION
    + LIKELIHOODS
    + MIXTURES
    + PROJECTIONS
    + METRIC
    + GRAPHS
    + SEQUENCES
    + OPTIMISATION
    + RANK
)
