"""What SymPy's own test-suite differentiates, and the failures in its tracker.

The first part takes the expressions of SymPy 1.14's tests of derivatives (of matrices, arrays,
Indexed, Sum), with its plain size symbols that carry no assumptions; the answers are the
textbook's, not SymPy's. The second part takes the issues of sympy/sympy by number, and close relatives.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import (
    Determinant,
    DotProduct,
    Function,
    HadamardPower,
    HadamardProduct,
    Identity,
    IndexedBase,
    Inverse,
    KroneckerDelta,
    KroneckerProduct,
    Lambda,
    MatMul,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Product,
    Q,
    Rational,
    Sum,
    Trace,
    ZeroMatrix,
    cos,
    exp,
    eye,
    log,
    sin,
    sqrt,
    symbols,
    tan,
)
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.tensor.array.expressions.array_expressions import (
    ArrayContraction,
    ArrayDiagonal,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    ArrayTensorProduct,
    PermuteDims,
)

from tests.corpus import REFUSED, Row, array, unit

i, j, k, l, m, n, p = symbols("i j k l m n p")
s, t, mu = symbols("s t mu")
A, B, C, D, X, Y = (MatrixSymbol(name, k, k) for name in "ABCDXY")
a, b, c, d, x, y = (MatrixSymbol(name, k, 1) for name in "abcdxy")
I = Identity(k)
ones = OneMatrix(k, 1)
f = Function("f")

ROWS: list[Row] = []


def slope(argument: Any) -> Any:
    """f' at an argument, in SymPy's spelling."""
    return sp.Subs(sp.Derivative(f(t), t), t, argument)


def grad(name: str, expr: Any, wrt: Any, expected: Any, source: str, **more: Any) -> None:
    """Add a gradient."""
    ROWS.append(Row(f"sympy/{name}", "gradient", expr, wrt, expected, source, **more))


def jac(name: str, expr: Any, wrt: Any, expected: Any, source: str, **more: Any) -> None:
    """Add a Jacobian."""
    ROWS.append(Row(f"sympy/{name}", "jacobian", expr, wrt, expected, source, **more))


def hess(name: str, expr: Any, wrt: Any, expected: Any, source: str, **more: Any) -> None:
    """Add a Hessian."""
    ROWS.append(Row(f"sympy/{name}", "hessian", expr, wrt, expected, source, **more))


# --- a matrix expression by a scalar --------------------------------------------------------------

BY_SCALAR = "SymPy's tests: matrix by scalar"
jac("scalar-constant-matrix", A, i, ZeroMatrix(k, k), BY_SCALAR)
jac("scalar-constant-product", A * (X + B) * c, i, ZeroMatrix(k, 1), BY_SCALAR)
jac("scalar-constant-inner", x.T * y, i, sp.Integer(0), BY_SCALAR)
jac("scalar-constant-outer", x * x.T, i, ZeroMatrix(k, k), BY_SCALAR)
jac("scalar-constant-elementwise", x.applyfunc(sin), i, ZeroMatrix(k, 1), BY_SCALAR)
jac(
    "scalar-hadamard-power",
    HadamardPower(x, i),
    i,
    HadamardProduct(x.applyfunc(log), HadamardPower(x, i)),
    BY_SCALAR,
    values={"x": "positive"},
)
jac("scalar-hadamard-product", HadamardProduct(i * ones, x, y), i, HadamardProduct(x, y), BY_SCALAR)
jac("scalar-times-vector", i * x, i, x, BY_SCALAR)
jac("scalar-function-times", sin(i) * A * B * x, i, cos(i) * A * B * x, BY_SCALAR)
jac("scalar-in-trace", Trace(i**2 * X), i, 2 * i * Trace(X), BY_SCALAR)
jac("scalar-times-vector-by-vector", 2 * mu * x, x, 2 * mu * I, BY_SCALAR)
jac(
    "scalar-inside-sin",
    (i**2 * x).applyfunc(sin),
    i,
    2 * i * HadamardProduct(x, (i**2 * x).applyfunc(cos)),
    BY_SCALAR,
)
jac(
    "scalar-inside-sin-entry",
    (i**2 * x).applyfunc(sin)[j, 0],
    i,
    2 * i * x[j, 0] * cos(i**2 * x[j, 0]),
    BY_SCALAR,
)
jac(
    "scalar-log-inside-sin",
    (log(i) * A * B).applyfunc(sin),
    i,
    HadamardProduct(A * B, (log(i) * A * B).applyfunc(cos)) / i,
    BY_SCALAR,
    values={"i": "positive"},
)

# --- rank above two, and trivial ones -------------------------------------------------------------

HIGHER = "SymPy's tests: non-matrix results"
AXES = ((i, k), (j, k), (m, k), (n, k))
SAME = KroneckerDelta(i, m) * KroneckerDelta(j, n)
SWAPPED = KroneckerDelta(i, n) * KroneckerDelta(j, m)
jac("matrix-itself", A, A, array(SAME, *AXES), HIGHER)
jac("matrix-transposed", A.T, A, array(SWAPPED, *AXES), HIGHER)
jac("matrix-twice", 2 * A, A, array(2 * SAME, *AXES), HIGHER)
jac("matrix-added", sp.MatAdd(A, A), A, array(2 * SAME, *AXES), HIGHER)
jac("matrix-plus-constant", A + B, A, array(SAME, *AXES), HIGHER)
jac("matrix-unrelated", X, A, array(sp.Integer(0), *AXES), HIGHER)
jac(
    "trace-times-matrix",
    Trace(A) * A,
    A,
    array(KroneckerDelta(m, n) * A[i, j] + Trace(A) * SAME, *AXES),
    HIGHER,
)
jac(
    "trace-times-matrix-entry",
    (Trace(A) * A)[i, j],
    A[m, n],
    SAME * Trace(A) + KroneckerDelta(m, n) * A[i, j],
    HIGHER,
)
jac("outer-times-vector", x * x.T * x, x, Trace(x.T * x) * I + 2 * x * x.T, HIGHER)
jac("vector-itself", x, x, I, HIGHER)
jac("row-itself", x.T, x, I, HIGHER)
grad("vector-entry", x[i, 0], x[m, 0], KroneckerDelta(i, m), HIGHER)
grad("ones-row", MatMul(x.T, ones), x, ones, HIGHER)
grad("size-is-constant", k, A, ZeroMatrix(k, k), HIGHER)

# --- the Cookbook's forms as SymPy's tests state them (square, plain sizes) -----------------------

COOK = "SymPy's tests: Cookbook forms"
for name, expr, wrt, expected in [
    ("61", a.T * Inverse(X) * b, X, -Inverse(X).T * a * b.T * Inverse(X).T),
    ("62", Determinant(Inverse(X)), X, -Determinant(X.inv()) * X.inv().T),
    ("63", Trace(A * Inverse(X) * B), X, -((X.inv() * B * A * X.inv()).T)),
    ("64", Trace(Inverse(X + A)), X, -(Inverse(X + A).T ** 2)),
    ("69", x.T * a, x, a),
    ("69-mirrored", a.T * x, x, a),
    ("69-entry", (x.T * a)[0, 0], x[m, 0], a[m, 0]),
    ("70", a.T * X * b, X, a * b.T),
    ("71", a.T * X.T * b, X, b * a.T),
    ("72", a.T * X * a, X, a * a.T),
    ("72-transposed", a.T * X.T * a, X, a * a.T),
    ("77", b.T * X.T * X * c, X, X * (b * c.T + c * b.T)),
    ("78", (B * x + b).T * C * (D * x + d), x, B.T * C * (D * x + d) + D.T * C.T * (B * x + b)),
    ("81", x.T * B * x, x, B * x + B.T * x),
    ("82", b.T * X.T * D * X * c, X, D.T * X * b * c.T + D * X * c * b.T),
    ("83", (X * b + c).T * D * (X * b + c), X, (D + D.T) * (X * b + c) * b.T),
    (
        "83-entry",
        ((X * b + c).T * D * (X * b + c))[0, 0],
        X[m, n],
        b[n, 0] * ((D + D.T) * (X * b + c))[m, 0],
    ),
    ("99", Trace(X), X, I),
    ("99-entry", Trace(X).rewrite(Sum), X[m, n], KroneckerDelta(m, n)),
    ("100", Trace(X * A), X, A.T),
    ("100-entry", Trace(X * A).rewrite(Sum), X[m, n], A[n, m]),
    ("101", Trace(A * X * B), X, A.T * B.T),
    ("101-entry", Trace(A * X * B).rewrite(Sum), X[m, n], (B * A)[n, m]),
    ("102", Trace(A * X.T * B), X, B * A),
    ("103", Trace(X.T * A), X, A),
    ("104", Trace(A * X.T), X, A),
    ("105", Trace(KroneckerProduct(A, X)), X, Trace(A) * I),
    ("106", Trace(X**2), X, 2 * X.T),
    ("107", Trace(X**2 * B), X, (X * B + B * X).T),
    ("107-product", Trace(MatMul(X, X, B)), X, (X * B + B * X).T),
    ("108", Trace(X.T * B * X), X, B * X + B.T * X),
    ("109", Trace(B * X * X.T), X, B * X + B.T * X),
    ("110", Trace(X * X.T * B), X, B * X + B.T * X),
    ("111", Trace(X * B * X.T), X, X * B.T + X * B),
    ("112", Trace(B * X.T * X), X, X * B.T + X * B),
    ("113", Trace(X.T * X * B), X, X * B.T + X * B),
    ("114", Trace(A * X * B * X), X, A.T * X.T * B.T + B.T * X.T * A.T),
    ("115", Trace(X.T * X), X, 2 * X),
    ("115-mirrored", Trace(X * X.T), X, 2 * X),
    ("116", Trace(B.T * X.T * C * X * B), X, (C + C.T) * X * B * B.T),
    ("117", Trace(X.T * B * X * C), X, B * X * C + B.T * X * C.T),
    ("118", Trace(A * X * B * X.T * C), X, A.T * C.T * X * B.T + C * A * X * B),
    ("119", Trace((A * X * B + C) * (A * X * B + C).T), X, 2 * A.T * (A * X * B + C) * B.T),
    ("120", Trace(KroneckerProduct(X, X)), X, 2 * Trace(X) * I),
    ("120-product", Trace(X) * Trace(X), X, 2 * Trace(X) * I),
    ("121", Trace(X**k), X, k * X.T ** (k - 1)),
    ("122", Trace(A * X**k), X, Sum(X.T**i * A.T * X.T ** (k - 1 - i), (i, 0, k - 1))),
    (
        "123",
        Trace(B.T * X.T * C * X * X.T * C * X * B),
        X,
        C * X * X.T * C * X * B * B.T
        + C.T * X * B * B.T * X.T * C.T * X
        + C * X * B * B.T * X.T * C * X
        + C.T * X * X.T * C.T * X * B * B.T,
    ),
    ("124", Trace(A * X ** (-1) * B), X, -Inverse(X).T * A.T * B.T * Inverse(X).T),
    (
        "125",
        Trace(Inverse(X.T * C * X) * A),
        X,
        -X.T.inv() * A.T * X.inv() * C.T.inv() * X.T.inv()
        - X.T.inv() * A * X.inv() * C.inv() * X.T.inv(),
    ),
    ("3tr", 3 * Trace(A), A, 3 * I),
    ("tr-squared", Trace(A) ** 2, A, 2 * Trace(A) * I),
    ("tr-of-tr", Trace(Trace(A) * A), A, 2 * Trace(A) * I),
    ("tr-of-tr-of-tr", Trace(Trace(Trace(A) * A) * A), A, 3 * Trace(A) ** 2 * I),
]:
    grad(f"cookbook-{name}", expr, wrt, expected, f"{COOK} ({name.split('-')[0]})")
SYMMETRIC = {
    "values": {"A": "spd", "B": "symmetric", "C": "spd"},
    "assume": (Q.symmetric(A), Q.symmetric(B), Q.symmetric(C)),
}
S, R = Inverse(X.T * C * X), Inverse(A + X.T * C * X)
grad(
    "cookbook-126",
    Trace((X.T * C * X).inv() * (X.T * B * X)),
    X,
    2 * B * X * S - 2 * C * X * S * X.T * B * X * S,
    f"{COOK} (126)",
    **SYMMETRIC,
)
grad(
    "cookbook-127",
    Trace((A + X.T * C * X).inv() * (X.T * B * X)),
    X,
    2 * B * X * R - 2 * C * X * R * X.T * B * X * R,
    f"{COOK} (127)",
    **SYMMETRIC,
)

# One long form, differentiated by hand: f = tr(N*(A*X*P + B'*X'*M*B + 42*X*B*X'*A'*(X + X'))).
N = b * a.T
P, Qx = X.T * B + X * A, X.T * B + A * X
M = a * b.T * (X * D * X.T + X * Qx * D * B - X.T * C.T * A) * B + B * (
    X * D.T + B * A * X * A.T - 3 * X * D
)
grad(
    "long-form",
    a.T * (A * X * P + B.T * X.T * M * B + 42 * X * B * X.T * A.T * (X + X.T)) * b,
    X,
    A.T * N.T * P.T
    + B * N * A * X
    + X.T * A.T * N.T * A.T
    + M * B * N * B.T
    + N * X * B * N.T * B.T * B.T * X * D.T
    + B * B * N * B.T * X.T * N.T * X * D
    + N * X * B * N.T * B.T * B.T * (Qx * D * B).T
    + B * D * B * B * B * N * B.T * X.T * N.T * X
    + A.T * X.T * N * X * B * N.T * B.T * B.T * B.T * D.T
    - C.T * A * B * B * N * B.T * X.T * N.T
    + B.T * X * B * N.T * B.T * D
    + A.T * B.T * B.T * X * B * N.T * B.T * A
    - 3 * B.T * X * B * N.T * B.T * D.T
    + 42
    * (
        N.T * (X + X.T) * A * X * B.T
        + A.T * (X + X.T) * N * X * B
        + A * X * B.T * X.T * N.T
        + N * X * B * X.T * A.T
    ),
    "SymPy's tests: one long form",
    sizes={"k": 2},
)

# --- norms, roots of 1x1 matrices -----------------------------------------------------------------

NORMS = "SymPy's tests: norms and roots"
PLUS = {
    a: "positive",
    b: "positive",
    c: "positive",
    d: "positive",
    x: "positive",
    y: "positive",
    X: "positive",
}
positive = {"values": {str(key): value for key, value in PLUS.items()}}
half, third = Rational(1, 2), Rational(1, 3)
grad("root-inner", (x.T * y) ** half, x, y / (2 * sqrt(x.T * y)), NORMS, **positive)
grad("root-norm", (x.T * x) ** half, x, x / sqrt(x.T * x), NORMS)
grad(
    "root-product",
    (c.T * a * x.T * b) ** half,
    x,
    b * a.T * c / (2 * sqrt(c.T * a * x.T * b)),
    NORMS,
    **positive,
)
grad(
    "cube-root-product",
    (c.T * a * x.T * b) ** third,
    x,
    b * a.T * c / (3 * (c.T * a * x.T * b) ** (2 * third)),
    NORMS,
    **positive,
)
grad(
    "root-bilinear",
    (a.T * X * b) ** half,
    X,
    a * b.T / (2 * sqrt(Trace(a.T * X * b))),
    NORMS,
    **positive,
)
grad(
    "root-bilinear-inside",
    d.T * x * (a.T * X * b) ** half * y.T * c,
    X,
    Trace(d.T * x) * Trace(y.T * c) * a * b.T / (2 * sqrt(Trace(a.T * X * b))),
    NORMS,
    **positive,
)

# --- elementwise functions ------------------------------------------------------------------------

ELEMENT = "SymPy's tests: elementwise functions"
jac("tan", x.applyfunc(tan), x, DiagMatrix(x.applyfunc(Lambda(t, tan(t) ** 2 + 1))), ELEMENT)
grad(
    "tan-entry",
    x.applyfunc(tan)[i, 0],
    x[m, 0],
    (tan(x[i, 0]) ** 2 + 1) * KroneckerDelta(i, m),
    ELEMENT,
)
jac("matrix-times-exp", A * x.applyfunc(exp), x, A * DiagMatrix(x.applyfunc(exp)), ELEMENT)
grad(
    "quadratic-plus-sin",
    x.T * A * x + k * y.applyfunc(sin).T * x,
    x,
    (A + A.T) * x + k * y.applyfunc(sin),
    ELEMENT,
)
grad("sin-times-vector", x.applyfunc(sin).T * y, x, HadamardProduct(x.applyfunc(cos), y), ELEMENT)
grad("sin-of-1x1", (a.T * X * b).applyfunc(sin), X, cos(Trace(a.T * X * b)) * a * b.T, ELEMENT)
grad("sin-of-1x1-plain", sin((a.T * X * b)[0, 0]), X, cos(Trace(a.T * X * b)) * a * b.T, ELEMENT)
grad(
    "sin-between",
    a.T * X.applyfunc(sin) * b,
    X,
    HadamardProduct(a * b.T, X.applyfunc(cos)),
    ELEMENT,
)
grad(
    "sin-of-product-between",
    a.T * (A * X * B).applyfunc(sin) * b,
    X,
    A.T * HadamardProduct(a * b.T, (A * X * B).applyfunc(cos)) * B.T,
    ELEMENT,
)
grad(
    "sin-inside-product",
    a.T * A * X.applyfunc(sin) * B * b,
    X,
    HadamardProduct(A.T * a * b.T * B.T, X.applyfunc(cos)),
    ELEMENT,
)
grad(
    "log-of-sin",
    a.T * X.applyfunc(sin).applyfunc(log) * b,
    X,
    HadamardProduct(a * b.T, X.applyfunc(sp.cot)),
    ELEMENT,
    values={"X": "unit"},
)
grad(
    "log-of-product-of-sin",
    a.T * (A * X.applyfunc(sin) * B).applyfunc(log) * b,
    X,
    HadamardProduct(
        A.T * HadamardProduct(a * b.T, HadamardPower(A * X.applyfunc(sin) * B, -1)) * B.T,
        X.applyfunc(cos),
    ),
    ELEMENT,
    values={"X": "unit", "A": "positive", "B": "positive"},
)
jac("outer-of-sin", (A * X * b).applyfunc(sin) * b.T, b, None, ELEMENT)

# --- Hadamard products and powers -----------------------------------------------------------------

HADAMARD = "SymPy's tests: Hadamard"
jac("hadamard-vectors", HadamardProduct(a, x, b), x, DiagMatrix(HadamardProduct(a, b)), HADAMARD)
grad(
    "hadamard-between",
    a.T * HadamardProduct(A, X, B) * b,
    X,
    HadamardProduct(a * b.T, A, B),
    HADAMARD,
)
jac("hadamard-square", HadamardPower(x, 2), x, 2 * DiagMatrix(x), HADAMARD)
jac("hadamard-square-row", HadamardPower(x.T, 2), x, 2 * DiagMatrix(x), HADAMARD)
jac(
    "hadamard-root",
    HadamardPower(x, half),
    x,
    DiagMatrix(HadamardPower(x, -half)) / 2,
    HADAMARD,
    values={"x": "positive"},
)
grad("hadamard-square-1x1", HadamardPower(a.T * X * b, 2), X, 2 * a * a.T * X * b * b.T, HADAMARD)
grad(
    "hadamard-root-1x1",
    HadamardPower(a.T * X * b, half),
    X,
    a * b.T / (2 * sqrt(Trace(a.T * X * b))),
    HADAMARD,
    **positive,
)
grad("hadamard-trace", Trace(HadamardProduct(A, X)), X, HadamardProduct(A, I), HADAMARD)
jac(
    "hadamard-power-symbolic",
    HadamardPower(x, p),
    x,
    p * DiagMatrix(HadamardPower(x, p - 1)),
    HADAMARD,
    values={"x": "positive"},
)
jac(
    "hadamard-power-of-number",
    HadamardPower(2, x),
    x,
    log(2) * DiagMatrix(HadamardPower(2, x)),
    HADAMARD,
)
jac("hadamard-of-product", HadamardProduct(A * x, b), x, DiagMatrix(b) * A, HADAMARD)
jac(
    "hadamard-quotient",
    HadamardProduct(x, HadamardPower(y, -1)),
    x,
    DiagMatrix(HadamardPower(y, -1)),
    HADAMARD,
    values={"y": "positive"},
)
jac(
    "hadamard-quotient-below",
    HadamardProduct(x, HadamardPower(y, -1)),
    y,
    -DiagMatrix(HadamardProduct(x, HadamardPower(y, -2))),
    HADAMARD,
    values={"y": "positive"},
)

# --- array expressions ----------------------------------------------------------------------------

ARRAYS = "SymPy's tests: array expressions"
A3 = ArraySymbol("A", (3, 2, k))
M2 = ArraySymbol("M", (k, k))
N2 = ArraySymbol("N", (k, k))
K4 = ArraySymbol("K4", (k, k, k, k))
grad("array-trace", ArrayContraction(X, (0, 1)), X, I, ARRAYS)
jac(
    "array-diagonal",
    ArrayDiagonal(X, (0, 1)),
    X,
    array(KroneckerDelta(i, j) * KroneckerDelta(i, m), (i, k), (j, k), (m, k)),
    ARRAYS,
)
jac(
    "array-elementwise",
    ArrayElementwiseApplyFunc(sin, X),
    X,
    array(cos(X[i, j]) * SAME, *AXES),
    ARRAYS,
)
jac("elementwise-by-matrix", X.applyfunc(sin), X, array(cos(X[i, j]) * SAME, *AXES), ARRAYS)
jac("array-symbol-itself", A3, A3, None, ARRAYS)
jac("array-symbol-sin", ArrayElementwiseApplyFunc(sin, A3), A3, None, ARRAYS)
jac("array-product", ArrayTensorProduct(x, y), x, None, ARRAYS)
jac("array-permuted", PermuteDims(M2, [1, 0]), M2, array(SWAPPED, *AXES), ARRAYS)
grad("array-entry-itself", M2[0, 0], M2[0, 0], sp.Integer(1), ARRAYS)
grad("array-entry-other", M2[0, 0], M2[1, 0], sp.Integer(0), ARRAYS)
grad("array-entry-other-name", M2[0, 0], N2[0, 0], sp.Integer(0), ARRAYS)
grad(
    "array-entry-by-free-entry",
    M2[0, 1],
    M2[i, j],
    KroneckerDelta(i, 0) * KroneckerDelta(j, 1),
    ARRAYS,
    values={"i": (0, 1), "j": 1},
)
grad(
    "array-entry-four",
    K4[i, j, m, n],
    K4[1, 0, 1, 0],
    KroneckerDelta(i, 1) * KroneckerDelta(j, 0) * KroneckerDelta(m, 1) * KroneckerDelta(n, 0),
    ARRAYS,
    sizes={"k": 2},
    values={"i": 1, "j": 0, "m": 1, "n": (0, 1)},
)
grad(
    "array-squares",
    Sum(M2[i, j] ** 2, (i, 0, k - 1), (j, 0, k - 1)),
    M2,
    array(2 * M2[i, j], (i, k), (j, k)),
    ARRAYS,
)
grad(
    "array-squares-entry",
    Sum(M2[i, j] ** 2, (i, 0, k - 1), (j, 0, k - 1)),
    M2[m, n],
    2 * M2[m, n],
    ARRAYS,
)

# --- entries of matrices --------------------------------------------------------------------------

ENTRIES = "SymPy's tests: matrix elements"
A44 = MatrixSymbol("A", 4, 4)
Mxy = Matrix([[s, 2], [t, s * t]])
grad("entry-of-product", A44[3, 0] * A44[0, 0], A44[0, 0], A44[3, 0], ENTRIES)
grad("entry-itself", A[i, j], A[i, j], sp.Integer(1), ENTRIES)
grad("entry-by-numbered", A[i, j], A[0, 0], KroneckerDelta(i, 0) * KroneckerDelta(j, 0), ENTRIES)
grad("entry-of-matrix-vector", (D * x)[i, 0], x[m, 0], D[i, m], ENTRIES)
grad("entry-of-inner-sum", Sum(D[i, j] * x[j, 0], (j, 0, k - 1)), x[m, 0], D[i, m], ENTRIES)
jac("explicit-by-symbol", Mxy, s, Matrix([[1, 0], [0, t]]), ENTRIES)
jac(
    "explicit-functions",
    Matrix([[s**2, s * t], [t * sin(s), s * cos(t)]]),
    s,
    Matrix([[2 * s, t], [t * cos(s), cos(t)]]),
    ENTRIES,
)
hess("explicit-determinant", Matrix([[s, t], [t, s**2]]).det(), (s, t), sp.Integer(0), ENTRIES)
jac("explicit-times-symbol", Mxy * MatrixSymbol("u", 2, 1), MatrixSymbol("u", 2, 1), Mxy, ENTRIES)
grad("array-of-symbols", exp(s) * sin(t * s), s, (sin(t * s) + t * cos(t * s)) * exp(s), ENTRIES)
jac(
    "block-by-scalar",
    sp.BlockMatrix([[t * A, B], [C, t**2 * D]]),
    t,
    sp.BlockMatrix([[A, ZeroMatrix(k, k)], [ZeroMatrix(k, k), 2 * t * D]]),
    ENTRIES,
)
grad("block-trace", Trace(sp.BlockMatrix([[A * X, B], [C, X * D]])), X, A.T + D.T, ENTRIES)
grad(
    "block-quadratic",
    sp.BlockMatrix([[x], [y]]).T * sp.BlockMatrix([[A, B], [C, D]]) * sp.BlockMatrix([[x], [y]]),
    x,
    (A + A.T) * x + (B + C.T) * y,
    ENTRIES,
)
grad("slice-sum", sp.Trace(X[0:2, 0:2]), X[0, 0], sp.Integer(1), ENTRIES)
grad(
    "column-slice",
    X[:, 0].T * X[:, 0],
    X,
    2 * X[:, 0] * unit(0, k).T,
    ENTRIES,
)
grad(
    "determinant-of-explicit",
    Matrix(MatrixSymbol("Z", 2, 2)).det(),
    MatrixSymbol("Z", 2, 2),
    Matrix(
        [
            [MatrixSymbol("Z", 2, 2)[1, 1], -MatrixSymbol("Z", 2, 2)[1, 0]],
            [-MatrixSymbol("Z", 2, 2)[0, 1], MatrixSymbol("Z", 2, 2)[0, 0]],
        ]
    ),
    ENTRIES,
)

# --- Indexed and Sum ------------------------------------------------------------------------------

INDEXED = "SymPy's tests: Indexed and Sum"
h, L, v, w = (IndexedBase(name) for name in ("h", "L", "v", "w"))
low, high = symbols("p q", integer=True)
RANGE = {"values": {"p": -3, "q": 5}}
grad("indexed-itself", h[i], h[j], KroneckerDelta(i, j), INDEXED)
grad("indexed-twice", 2 * h[i], h[j], 2 * KroneckerDelta(i, j), INDEXED)
grad("indexed-sum", Sum(2 * h[i], (i, low, high)), h[j], sp.Integer(2), INDEXED, **RANGE)
grad("indexed-by-parameter", s * h[j] * h[j] / 2, s, h[j] ** 2 / 2, INDEXED)
grad("indexed-square", s * h[j] * h[j] / 2, h[i], s * h[i] * KroneckerDelta(i, j), INDEXED)
grad(
    "indexed-square-sum", Sum(s * h[j] * h[j] / 2, (j, low, high)), h[i], s * h[i], INDEXED, **RANGE
)
grad("indexed-sin", s * sin(h[j] * h[j]), h[j], 2 * s * h[j] * cos(h[j] ** 2), INDEXED)
grad(
    "indexed-sin-other",
    s * sin(h[j] * h[j]),
    h[i],
    2 * s * h[i] * cos(h[i] ** 2) * KroneckerDelta(i, j),
    INDEXED,
)
grad("indexed-two", s * L[i, j] * h[j], L[i, j], s * h[j], INDEXED)
grad(
    "indexed-two-free",
    s * L[i, j] * h[j],
    L[m, n],
    s * h[j] * KroneckerDelta(i, m) * KroneckerDelta(j, n),
    INDEXED,
)
grad("indexed-two-half-free", s * L[i, j] * h[j], L[i, n], s * h[j] * KroneckerDelta(j, n), INDEXED)
grad(
    "indexed-matvec",
    Sum(s * L[i, j] * h[j], (j, low, high)),
    L[m, n],
    s * h[n] * KroneckerDelta(i, m),
    INDEXED,
    **RANGE,
)
grad("indexed-sum-over-nothing", Sum(s * h[m], (n, 0, 4)), h[m], 5 * s, INDEXED)
grad(
    "indexed-function",
    f((v[i] - w[i]) ** 2 / s),
    v[m],
    2 * (v[i] - w[i]) * slope((v[i] - w[i]) ** 2 / s) * KroneckerDelta(i, m) / s,
    INDEXED,
    values={"s": "positive"},
)
grad(
    "indexed-function-plain",
    f(h[i]),
    h[j],
    sp.Derivative(f(h[i]), h[i]) * KroneckerDelta(i, j),
    INDEXED,
)
grad("sum-by-parameter", Sum(s * i, (i, 1, 2)), s, sp.Integer(3), INDEXED)
grad("sum-by-own-index", Sum(s, (s, 1, 2)), s, sp.Integer(0), INDEXED)
grad("sum-of-two", Sum(i * s, (i, 1, 3), (j, 2, 5)), s, sp.Integer(24), INDEXED)
ROWS.append(Row("sympy/sum-by-its-bound", "gradient", Sum(i * s, (i, 1, t)), t, REFUSED, INDEXED))
hess(
    "indexed-mixed", Sum(h[i] ** 2 * v[i], (i, low, high)), (h[j], v[j]), 2 * h[j], INDEXED, **RANGE
)

# --- the tracker ----------------------------------------------------------------------------------


def issue(number: int) -> str:
    """The source of a row from the tracker."""
    return f"sympy/sympy issue {number}"


M33 = MatrixSymbol("M", 3, 3)
E11 = Matrix([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
grad("17229-entry-by-matrix", M33[1, 1], M33, E11, issue(17229))
jac("17229-matrix-by-entry", M33, M33[1, 1], E11, issue(17229))
jac("17229-explicit-by-entry", M33.as_explicit(), M33[1, 1], E11, issue(17229))
jac(
    "17229-matrix-by-matrix",
    M33,
    M33,
    array(KroneckerDelta(i, l) * KroneckerDelta(j, m), (i, 3), (j, 3), (l, 3), (m, 3)),
    issue(17229),
)
jac("17229-explicit-by-matrix", M33.as_explicit(), M33, None, issue(17229))
grad(
    "17229-free-entry-by-matrix",
    A[i, j],
    A,
    unit(i, k) * unit(j, k).T,
    issue(17229),
)
xn, Mmn = MatrixSymbol("x", n, 1), MatrixSymbol("M", m, n)
jac(
    "21062-exp-of-product",
    (Mmn * xn).applyfunc(exp),
    xn,
    DiagMatrix((Mmn * xn).applyfunc(exp)) * Mmn,
    issue(21062),
)
grad(
    "21062-sum-of-exp",
    OneMatrix(1, m) * (Mmn * xn).applyfunc(exp),
    xn,
    Mmn.T * (Mmn * xn).applyfunc(exp),
    issue(21062),
)
jac(
    "21062-sin-of-exp",
    xn.applyfunc(exp).applyfunc(sin),
    xn,
    DiagMatrix(HadamardProduct(xn.applyfunc(exp), xn.applyfunc(exp).applyfunc(cos))),
    issue(21062),
)
jac(
    "21062-hadamard-of-product",
    HadamardProduct(Mmn * xn, (Mmn * xn).applyfunc(exp)),
    xn,
    DiagMatrix(HadamardProduct((Mmn * xn).applyfunc(exp), OneMatrix(m, 1) + Mmn * xn)) * Mmn,
    issue(21062),
)
jac("23364-product", t * A * t * A, t, 2 * t * A**2, issue(23364))
jac("23364-bracketed", (t * A) * (t * A), t, 2 * t * A**2, issue(23364))
jac("23364-power", sp.MatPow(t * A, 3), t, 3 * t**2 * A**3, issue(23364))
jac(
    "23364-power-of-sum",
    sp.MatPow(A + t * B, 2),
    t,
    (A + t * B) * B + B * (A + t * B),
    issue(23364),
)
jac("23364-inverse", Inverse(t * A), t, -A.inv() / t**2, issue(23364))
A33 = MatrixSymbol("A", 3, 3)
FOUR = ((i, 3), (j, 3), (l, 3), (m, 3))
jac(
    "23492-plus-identity",
    A33 + Identity(3),
    A33,
    array(KroneckerDelta(i, l) * KroneckerDelta(j, m), *FOUR),
    issue(23492),
)
jac(
    "23492-plus-eye",
    A33 + eye(3),
    A33,
    array(KroneckerDelta(i, l) * KroneckerDelta(j, m), *FOUR),
    issue(23492),
)
jac(
    "23492-times-eye",
    A33 * eye(3),
    A33,
    array(KroneckerDelta(i, l) * KroneckerDelta(j, m), *FOUR),
    issue(23492),
)
grad("23492-traces", Trace(A33) + Trace(A33**2), A33, Identity(3) + 2 * A33.T, issue(23492))
grad(
    "23492-trace-of-eye-product",
    Trace((A33 + eye(3)) * A33),
    A33,
    2 * A33.T + Identity(3),
    issue(23492),
)
grad("24229-function-of-1x1", f((x.T * x)[0, 0]), x, 2 * slope(Trace(x.T * x)) * x, issue(24229))
grad("24229-function-of-linear", f((a.T * x)[0, 0]), x, slope(Trace(a.T * x)) * a, issue(24229))
jac(
    "24229-elementwise",
    x.applyfunc(f),
    x,
    DiagMatrix(x.applyfunc(Lambda(t, sp.Derivative(f(t), t)))),
    issue(24229),
)
grad(
    "24229-elementwise-layer",
    a.T * (A * x).applyfunc(f),
    x,
    A.T * HadamardProduct(a, (A * x).applyfunc(Lambda(t, sp.Derivative(f(t), t)))),
    issue(24229),
)
F = MatrixSymbol("F", 3, 3)
grad("25118-invariant", Trace(F.T * F) - 3, F, 2 * F, issue(25118))
grad(
    "25118-neo-hooke",
    mu * (Trace(F.T * F) - 3) / 2 - mu * log(Determinant(F)),
    F,
    mu * (F - F.T.inv()),
    issue(25118),
)
grad("26561-plus-one", Trace(F) + 1, F, Identity(3), issue(26561))
grad("26561-square-plus-one", Trace(F) ** 2 + 1, F, 2 * Trace(F) * Identity(3), issue(26561))
grad("26561-square-plus-zero", Trace(F) ** 2 + 0, F, 2 * Trace(F) * Identity(3), issue(26561))
Anm, U, V = MatrixSymbol("A", n, m), MatrixSymbol("U", n, k), MatrixSymbol("V", k, m)


def norm2(matrix: Any) -> Any:
    """The squared Frobenius norm."""
    return Trace(matrix.T * matrix)


grad("26585-alone", 0.5 * norm2(Anm - U * V), U, (U * V - Anm) * V.T, issue(26585))
grad(
    "26585-plus-constant",
    0.5 * norm2(Anm - U * V) + 0.5 * norm2(Anm),
    U,
    (U * V - Anm) * V.T,
    issue(26585),
)
grad(
    "26585-regularised",
    0.5 * norm2(Anm - U * V) + 0.5 * norm2(U),
    U,
    (U * V - Anm) * V.T + U,
    issue(26585),
)
grad(
    "26585-regularised-exact",
    norm2(Anm - U * V) / 2 + s * norm2(V) / 2,
    V,
    U.T * (U * V - Anm) + s * V,
    issue(26585),
)
grad("27406", Trace(A.T * A) + Trace(B.T * B), A, 2 * A, issue(27406))
grad("27406-difference", Trace(A.T * A) - Trace(B.T * A), A, 2 * A - B, issue(27406))
xN, oneN = MatrixSymbol("x", n, 1), OneMatrix(n, 1)
grad(
    "24725-mean",
    Trace((xN - s * oneN).T * (xN - s * oneN)),
    s,
    2 * n * s - 2 * Sum(xN[i, 0], (i, 0, n - 1)),
    issue(24725),
)
grad("24725-bias", Trace(x.T * y) + s, y, x, issue(24725))
grad(
    "24725-entry",
    y[0, 0],
    y,
    unit(0, k),
    issue(24725),
)
grad(
    "30527-square-of-trace",
    Trace(Identity(3) - F) ** 2,
    F,
    -2 * Trace(Identity(3) - F) * Identity(3),
    issue(30527),
)
grad("28838-scaled", s * Determinant(F), F, s * Determinant(F) * F.T.inv(), issue(28838))
grad("28838-reciprocal", 1 / Determinant(F), F, -F.T.inv() / Determinant(F), issue(28838))
grad("28838-plus", s + Determinant(F), F, Determinant(F) * F.T.inv(), issue(28838))
grad("28618-logdet", log(F.det()), F, F.T.inv(), issue(28618))
grad("28615-frobenius", sqrt(Trace(F.T * F)), F, F / sqrt(Trace(F.T * F)), issue(28615))
grad("28640-det-of-power", Determinant(F**j), F, j * Determinant(F) ** j * F.T.inv(), issue(28640))
grad("28623-det-scaled", Determinant(s * F), s, 3 * s**2 * Determinant(F), issue(28623))
grad("28617-unrelated", sqrt(a.T * a), X, ZeroMatrix(k, k), issue(28617))
grad("24637-ones", MatMul(x.T, OneMatrix(k, 1)), x, OneMatrix(k, 1), issue(24637))
jac(
    "15650-power",
    A**p,
    A,
    array(Sum((A**l)[i, m] * (A ** (p - 1 - l))[n, j], (l, 0, p - 1)), *AXES),
    issue(15650),
    sizes={"p": 3, "k": 2},
)
Sigma, mean = MatrixSymbol("Sigma", k, k), MatrixSymbol("mu", k, 1)
quadratic = (x - mean).T * Sigma.inv() * (x - mean)
GAUSS = {"values": {"Sigma": "spd"}, "assume": (Q.symmetric(Sigma),)}
grad(
    "28818-normal-log-by-mean",
    -quadratic[0, 0] / 2 - log(Determinant(Sigma)) / 2 - k * log(2 * sp.pi) / 2,
    mean,
    Sigma.inv() * (x - mean),
    issue(28818),
    **GAUSS,
)
grad(
    "28818-normal-density-by-mean",
    exp(-quadratic[0, 0] / 2) / sqrt((2 * sp.pi) ** k * Determinant(Sigma)),
    mean,
    exp(-Trace(quadratic) / 2)
    / sqrt((2 * sp.pi) ** k * Determinant(Sigma))
    * Sigma.inv()
    * (x - mean),
    issue(28818),
    **GAUSS,
)
H33, x3, c3 = MatrixSymbol("H", 3, 3), MatrixSymbol("x", 3, 1), MatrixSymbol("c", 3, 1)
hess(
    "9840-quadratic-float",
    (1 / 2) * x3.T * H33 * x3 + c3.T * x3,
    x3,
    (H33 + H33.T) / 2,
    issue(9840),
)
grad(
    "9840-quadratic-gradient",
    (1 / 2) * x3.T * H33 * x3 + c3.T * x3,
    x3,
    (H33 + H33.T) * x3 / 2 + c3,
    issue(9840),
)
X35, y5, w3 = MatrixSymbol("X", 3, 5), MatrixSymbol("y", 5, 1), MatrixSymbol("w", 3, 1)
grad(
    "16613-sum",
    w3.T * X35 * X35.T * w3 + y5.T * X35.T * w3,
    w3,
    2 * X35 * X35.T * w3 + X35 * y5,
    issue(16613),
)
x2 = MatrixSymbol("x", 2, 1)
grad(
    "22476-explicit",
    x2.T * MatMul(Matrix([[1, 2], [4, 7]]), x2) + x2.T * Matrix([3, 5]) + 6 * Identity(1),
    x2,
    Matrix([[2, 6], [6, 14]]) * x2 + Matrix([3, 5]),
    "sympy/sympy pull 22476",
)
grad("15136", Trace(X**2 * B), X, (X * B + B * X).T, issue(15136))
grad("15614", Trace(X.T * A * X), X, (A + A.T) * X, issue(15614))
jac("5858-linear", A.T * x, x, A.T, issue(5858))
jac("10989-by-scalar", t * x + a, t, x, issue(10989))
jac("10989-by-shift", t * x + a, a, I, issue(10989))
jac("10989-by-direction", t * x + a, x, t * I, issue(10989))
a3, b3 = Matrix(MatrixSymbol("a", 3, 1)), Matrix(MatrixSymbol("b", 3, 1))
grad("8207-explicit-dot", a3.dot(b3), a3[0, 0], b3[0, 0], issue(8207))
hess("8207-explicit-dot-again", a3.dot(b3), (a3[0, 0], a3[0, 0]), sp.Integer(0), issue(8207))
grad(
    "8207-explicit-dot-by-vector",
    a3.dot(b3),
    MatrixSymbol("a", 3, 1),
    MatrixSymbol("b", 3, 1),
    issue(8207),
)
grad("9185-square", h[j] * h[j] / 2, h[i], h[i] * KroneckerDelta(i, j), issue(9185))
grad("12191-numbered", 2 * h[0], h[0], sp.Integer(2), issue(12191))
grad("12751-first-of-sum", Sum(h[i], (i, 1, n)), h[1], sp.Integer(1), issue(12751))
grad(
    "13994-product",
    Product(h[j], (j, 1, n)),
    h[i],
    Product(h[j], (j, 1, n)) / h[i],
    issue(13994),
    values={"i": (1, 2), "h": "positive"},
)
grad(
    "13994-product-of-entries",
    Product(x[j, 0], (j, 0, k - 1)),
    x,
    Product(x[j, 0], (j, 0, k - 1)) * HadamardPower(x, -1),
    issue(13994),
)
grad(
    "14803-polynomial",
    Sum(h[i] * t**i, (i, 1, m)),
    t,
    Sum(i * h[i] * t ** (i - 1), (i, 1, m)),
    issue(14803),
)
grad(
    "20777-exponentials",
    Sum(exp(t * sin(i / m)), (i, 1, m)),
    t,
    Sum(sin(i / m) * exp(t * sin(i / m)), (i, 1, m)),
    issue(20777),
)
grad(
    "24859-unexpanded-entry",
    sp.matrices.expressions.matexpr.MatrixElement(A + t * B, 0, 0),
    t,
    B[0, 0],
    issue(24859),
)
Amn, Bnp = MatrixSymbol("A", m, n), MatrixSymbol("B", n, p)
E = (Amn * Bnp).applyfunc(exp)
grad("17972-trace-of-exp-gram", Trace(E.T * E), Amn, 2 * HadamardPower(E, 2) * Bnp.T, issue(17972))
jac(
    "17972-exp-of-product",
    E,
    Amn,
    array(E[i, j] * KroneckerDelta(i, l) * Bnp[k, j], (i, m), (j, p), (l, m), (k, n)),
    issue(17972),
    sizes={"m": 2, "n": 3, "p": 4},
)
grad(
    "16588-sin-between",
    a.T * (A * X * B).applyfunc(sin) * b,
    X,
    A.T * HadamardProduct(a * b.T, (A * X * B).applyfunc(cos)) * B.T,
    issue(16588),
)
grad("30132-sin-of-trace", sin(Trace(A * X)), X, cos(Trace(A * X)) * A.T, "sympy/sympy pull 30132")
grad("30132-exp-of-trace", exp(Trace(X)), X, exp(Trace(X)) * I, "sympy/sympy pull 30132")
grad("30132-log-of-trace", log(Trace(X.T * X)), X, 2 * X / Trace(X.T * X), "sympy/sympy pull 30132")
grad(
    "30132-trace-of-negative-power",
    Trace(B * X**-2),
    X,
    -X.T.inv() * B.T * X.T**-2 - X.T**-2 * B.T * X.T.inv(),
    "sympy/sympy pull 30132",
)
grad("16504-det-as-scalar", sp.det(x.T * x), x, 2 * x, issue(16504))
grad("15649-determinant", Determinant(X * B), X, Determinant(X * B) * X.T.inv(), issue(15649))
grad("11088-inner-of-inner", (x.T * y) * (x.T * y), x, 2 * y * x.T * y, "a relative of 11088")
grad("11088-dot", DotProduct(x, A * y), A, x * y.T, "a relative of 11088")
for name, expr, wrt in [
    ("26950-function-of-vector", f(x), x),
    ("28799-function-of-matrix", f(X), X),
    ("25861-delta-by-index", KroneckerDelta(i, j, (0, k)), i),
    ("17972-matrix-exponential-of-rectangle", exp(MatMul(Amn, Bnp)), Amn),
    ("power-by-its-exponent", Trace(X**t), t),
    ("by-an-expression", Trace(A * X), A * X),
]:
    ROWS.append(Row(f"sympy/refused-{name}", "gradient", expr, wrt, REFUSED, "tracker"))
