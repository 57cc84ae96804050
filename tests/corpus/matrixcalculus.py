"""The examples and every function of matrixcalculus.org's documentation, as text and as SymPy.

Text follows that site's habits: a to g are scalars, h to z vectors, capitals matrices; `'` is the
transpose, `.*  ./  .^` are elementwise, `vector(1)` is a vector of ones of the size that fits.
``TEXT_ROWS`` holds tuples (text, with respect to, order, expected); expected is in the same
language and names its own meaning, so it is compared by value, and by length as printed.
"""

from sympy import (
    Abs,
    Determinant,
    DotProduct,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    KroneckerDelta,
    MatrixExpr,
    MatrixSymbol,
    Max,
    OneMatrix,
    Sum,
    Trace,
    acos,
    asin,
    atan,
    cos,
    exp,
    log,
    sign,
    sin,
    sqrt,
    symbols,
    tan,
    tanh,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from tests.corpus import array
from tests.corpus.shorthand import STEP, each, ones, rows_from, t

SITE = "matrixcalculus.org/documentation"

# The nine examples of the documentation, by every one of their symbols.
EXAMPLES = (
    ("0.5*x'*A*x", "x", 1, "0.5*(A + A')*x"),
    ("0.5*x'*A*x", "A", 1, "0.5*x*x'"),
    ("0.5*x'*A*x", "x", 2, "0.5*(A + A')"),
    ("A*exp(x)", "x", 1, "A*diag(exp(x))"),
    ("(y.*v)'*x", "x", 1, "y.*v"),
    ("(y.*v)'*x", "y", 1, "v.*x"),
    ("(y.*v)'*x", "v", 1, "y.*x"),
    ("a^b", "a", 1, "b*a^(b - 1)"),
    ("a^b", "b", 1, "a^b*log(a)"),
    ("a^b", "a", 2, "b*(b - 1)*a^(b - 2)"),
    ("a^b", "b", 2, "a^b*log(a)^2"),
    ("norm1(A*x-y)", "x", 1, "A'*sign(A*x - y)"),
    ("norm1(A*x-y)", "y", 1, "sign(y - A*x)"),
    ("norm1(A*x-y)", "A", 1, "sign(A*x - y)*x'"),
    ("norm2(A*x-y)^2", "x", 1, "2*A'*(A*x - y)"),
    ("norm2(A*x-y)^2", "y", 1, "2*(y - A*x)"),
    ("norm2(A*x-y)^2", "A", 1, "2*(A*x - y)*x'"),
    ("norm2(A*x-y)^2", "x", 2, "2*A'*A"),
    ("norm2(A*x-y)^2", "y", 2, "2*eye"),
    ("sum(log(exp(-y.*(X*w)) + vector(1)))", "w", 1, "-X'*(y./(exp(y.*(X*w)) + vector(1)))"),
    ("sum(log(exp(-y.*(X*w)) + vector(1)))", "X", 1, "-(y./(exp(y.*(X*w)) + vector(1)))*w'"),
    ("sum(log(exp(-y.*(X*w)) + vector(1)))", "y", 1, "-(X*w)./(exp(y.*(X*w)) + vector(1))"),
    (
        "sum(log(exp(-y.*(X*w)) + vector(1)))",
        "w",
        2,
        "X'*diag(y.^2.*exp(y.*(X*w))./(exp(y.*(X*w)) + vector(1)).^2)*X",
    ),
    ("tr(A*X'*B*X*C)", "X", 1, "B*X*C*A + B'*X*A'*C'"),
    ("tr(A*X'*B*X*C)", "A", 1, "C'*X'*B'*X"),
    ("tr(A*X'*B*X*C)", "B", 1, "X*A'*C'*X'"),
    ("tr(A*X'*B*X*C)", "C", 1, "X'*B'*X*A'"),
    ("log(det(inv(X)))", "X", 1, "-inv(X)'"),
)

# The layouts that the documentation illustrates.
LAYOUT = (
    ("v'*x", "x", 1, "v"),
    ("A*x", "x", 1, "A"),
    ("tr(A*X)", "X", 1, "A'"),
    ("x'*A", "x", 1, "A'"),
    ("x", "x", 1, "eye"),
    ("x'*x", "x", 2, "2*eye"),
)

# Each elementwise function: as a sum (gradient), on its own (Jacobian), of a linear map, twice.
ELEMENTWISE = (
    ("sum(sin(x))", "x", 1, "cos(x)"),
    ("sin(x)", "x", 1, "diag(cos(x))"),
    ("sin(x)'*y", "x", 1, "y.*cos(x)"),
    ("sin(x)'*y", "y", 1, "sin(x)"),
    ("sum(sin(A*x))", "x", 1, "A'*cos(A*x)"),
    ("sum(sin(A*x))", "x", 2, "-A'*diag(sin(A*x))*A"),
    ("sum(sin(X))", "X", 1, "cos(X)"),
    ("sum(cos(x))", "x", 1, "-sin(x)"),
    ("cos(A*x)", "x", 1, "-diag(sin(A*x))*A"),
    ("cos(x)'*y", "x", 2, "-diag(y.*cos(x))"),
    ("sum(tan(x))", "x", 1, "tan(x).^2 + vector(1)"),
    ("tan(A*x)", "x", 1, "diag(tan(A*x).^2 + vector(1))*A"),
    ("sum(arcsin(x))", "x", 1, "vector(1)./sqrt(vector(1) - x.^2)"),
    ("sum(asin(x))", "x", 1, "vector(1)./sqrt(vector(1) - x.^2)"),
    ("sum(arccos(x))", "x", 1, "-vector(1)./sqrt(vector(1) - x.^2)"),
    ("sum(acos(x))", "x", 1, "-vector(1)./sqrt(vector(1) - x.^2)"),
    ("sum(arctan(x))", "x", 1, "vector(1)./(x.^2 + vector(1))"),
    ("sum(atan(A*x))", "x", 1, "A'*(vector(1)./((A*x).^2 + vector(1)))"),
    ("sum(exp(A*x))", "x", 1, "A'*exp(A*x)"),
    ("sum(exp(A*x))", "x", 2, "A'*diag(exp(A*x))*A"),
    ("exp(-x)", "x", 1, "-diag(exp(-x))"),
    ("exp(a*x)", "a", 1, "exp(a*x).*x"),
    ("exp(x'*A*x)", "x", 1, "exp(x'*A*x)*(A + A')*x"),
    ("sum(log(x))", "x", 1, "vector(1)./x"),
    ("sum(log(x))", "x", 2, "-diag(vector(1)./x.^2)"),
    ("log(A*x)", "x", 1, "diag(vector(1)./(A*x))*A"),
    ("log(sum(exp(x)))", "x", 1, "exp(x)/sum(exp(x))"),
    ("log(sum(exp(A*x)))", "x", 1, "A'*exp(A*x)/sum(exp(A*x))"),
    ("log(sum(exp(x)))", "x", 2, "diag(exp(x))/sum(exp(x)) - exp(x)*exp(x)'/sum(exp(x))^2"),
    ("sum(tanh(x))", "x", 1, "vector(1) - tanh(x).^2"),
    ("tanh(A*x)", "x", 1, "diag(vector(1) - tanh(A*x).^2)*A"),
    ("y'*tanh(A*x)", "A", 1, "(y.*(vector(1) - tanh(A*x).^2))*x'"),
    ("sum(abs(x))", "x", 1, "sign(x)"),
    ("abs(A*x)", "x", 1, "diag(sign(A*x))*A"),
    ("sign(x)'*x", "x", 1, "sign(x)"),
    ("sum(relu(x))", "x", 1, "step(x)"),
    ("relu(A*x)", "x", 1, "diag(step(A*x))*A"),
    ("y'*relu(A*x)", "A", 1, "(y.*step(A*x))*x'"),
    ("norm2(relu(A*x) - y)^2", "x", 1, "2*A'*(step(A*x).*(relu(A*x) - y))"),
    ("sum(sqrt(x))", "x", 1, "vector(0.5)./sqrt(x)"),
    ("sqrt(x'*x)", "x", 1, "x/sqrt(x'*x)"),
    ("x.^a", "x", 1, "a*diag(x.^(a - 1))"),
    ("sum(x.^3)", "x", 1, "3*x.^2"),
    ("sum(x.^3)", "x", 2, "6*diag(x)"),
    ("sum(x.^y)", "x", 1, "y.*x.^(y - vector(1))"),
    ("sum(x.^y)", "y", 1, "x.^y.*log(x)"),
    ("a.^x", "x", 1, "log(a)*diag(a.^x)"),
    ("x./y", "x", 1, "diag(vector(1)./y)"),
    ("x./y", "y", 1, "-diag(x./y.^2)"),
    ("sum(x./y)", "y", 1, "-x./y.^2"),
    ("x.*y", "y", 1, "diag(x)"),
    ("sum((A*x).*y)", "x", 1, "A'*y"),
    ("x.*(A*x)", "x", 1, "diag(A*x) + diag(x)*A"),
    ("x./sum(x)", "x", 1, "eye/sum(x) - x*vector(1)'/sum(x)^2"),
    ("exp(x)/sum(exp(x))", "x", 1, "diag(exp(x))/sum(exp(x)) - exp(x)*exp(x)'/sum(exp(x))^2"),
)

# Norms, traces, determinants, inverses, sums, constants.
MATRICES = (
    ("sum(x)", "x", 1, "vector(1)"),
    ("sum(X)", "X", 1, "matrix(1)"),
    ("sum(A*x)", "x", 1, "A'*vector(1)"),
    ("sum(X.^2)", "X", 1, "2*X"),
    ("sum(X.*A)", "X", 1, "A"),
    ("sum(A*X*B)", "X", 1, "A'*matrix(1)*B'"),
    ("vector(1)'*x", "x", 1, "vector(1)"),
    ("norm1(x)", "x", 1, "sign(x)"),
    ("norm1(X)", "X", 1, "sign(X)"),
    ("norm1(A*X)", "X", 1, "A'*sign(A*X)"),
    ("norm2(x)", "x", 1, "x/norm2(x)"),
    ("norm2(x)^2", "x", 1, "2*x"),
    ("norm2(x)", "x", 2, "eye/norm2(x) - x*x'/norm2(x)^3"),
    ("norm2(A*x - y)", "x", 1, "A'*(A*x - y)/norm2(A*x - y)"),
    ("x/norm2(x)", "x", 1, "eye/norm2(x) - x*x'/norm2(x)^3"),
    ("norm2(X)", "X", 1, "X/norm2(X)"),
    ("norm2(X)^2", "X", 1, "2*X"),
    ("norm2(X*Y - A)^2", "X", 1, "2*(X*Y - A)*Y'"),
    ("norm2(X*Y - A)^2", "Y", 1, "2*X'*(X*Y - A)"),
    ("norm2(A - U*V')^2", "U", 1, "2*(U*V' - A)*V"),
    ("norm2(A - U*V')^2", "V", 1, "2*(U*V' - A)'*U"),
    ("norm2(M.*(A - U*V'))^2", "U", 1, "2*(M.^2.*(U*V' - A))*V"),
    ("norm2(A*X - B)^2", "X", 1, "2*A'*(A*X - B)"),
    ("norm2(X*w - y)^2 + c*norm2(w)^2", "w", 1, "2*(X'*(X*w - y) + c*w)"),
    ("norm2(X*w - y)^2 + c*norm1(w)", "w", 1, "2*X'*(X*w - y) + c*sign(w)"),
    ("norm2(X*w - y)^2 + c*norm2(w)^2", "w", 2, "2*(X'*X + c*eye)"),
    ("tr(X)", "X", 1, "eye"),
    ("tr(X'*X)", "X", 1, "2*X"),
    ("tr(X*X)", "X", 1, "2*X'"),
    ("tr(A*X*B)", "X", 1, "A'*B'"),
    ("tr(A*X')", "X", 1, "A"),
    ("tr(X'*A*X)", "X", 1, "(A + A')*X"),
    ("tr(X*A*X')", "X", 1, "X*(A + A')"),
    ("tr(X^3)", "X", 1, "3*X'^2"),
    ("tr(inv(X))", "X", 1, "-(inv(X)*inv(X))'"),
    ("tr(A*inv(X)*B)", "X", 1, "-(inv(X)*B*A*inv(X))'"),
    ("x'*inv(X)*y", "X", 1, "-inv(X)'*x*y'*inv(X)'"),
    ("inv(A)*x", "x", 1, "inv(A)"),
    ("x'*inv(A)*x", "x", 1, "(inv(A) + inv(A)')*x"),
    ("det(X)", "X", 1, "det(X)*inv(X)'"),
    ("log(det(X))", "X", 1, "inv(X)'"),
    ("logdet(X)", "X", 1, "inv(X)'"),
    ("det(inv(X))", "X", 1, "-det(inv(X))*inv(X)'"),
    ("det(A*X*B)", "X", 1, "det(A*X*B)*inv(X)'"),
    ("logdet(X'*X)", "X", 1, "2*X*inv(X'*X)"),
    ("logdet(X'*A*X)", "X", 1, "A*X*inv(X'*A*X) + A'*X*inv(X'*A*X)'"),
    ("tr(A*X) - logdet(X)", "X", 1, "A' - inv(X)'"),
    ("x'*X*y", "X", 1, "x*y'"),
    ("x'*X*x", "X", 1, "x*x'"),
    ("x'*X'*X*y", "X", 1, "X*(x*y' + y*x')"),
    ("(A*x - y)'*B*(A*x - y)", "x", 1, "A'*(B + B')*(A*x - y)"),
    ("x'*A*x", "x", 1, "(A + A')*x"),
    ("x'*A*x", "x", 2, "A + A'"),
    ("x'*A*y", "y", 1, "A'*x"),
    ("(x'*A*x)/(x'*x)", "x", 1, "((A + A')*x - 2*(x'*A*x)/(x'*x)*x)/(x'*x)"),
    ("(x'*y)^2", "x", 1, "2*(x'*y)*y"),
    ("(x'*A*x)^2", "x", 1, "2*(x'*A*x)*(A + A')*x"),
    ("x'*diag(y)*x", "y", 1, "x.^2"),
    ("x'*diag(y)*x", "x", 1, "2*y.*x"),
    ("diag(x)*y", "x", 1, "diag(y)"),
    ("A*diag(x)*y", "x", 1, "A*diag(y)"),
    ("tr(diag(x)*A)", "x", 1, "diag(A)"),
    ("sum(diag(X))", "X", 1, "eye"),
    ("diag(X)'*x", "X", 1, "diag(x)"),
    ("x*y'*z", "x", 1, "y'*z*eye"),
    ("x*y'*z", "y", 1, "x*z'"),
    ("a*x + b*y", "a", 1, "x"),
    ("x'*x*x", "x", 1, "x'*x*eye + 2*x*x'"),
    ("(A + eye)*x", "x", 1, "A + eye"),
    ("sum((X*w - y).^2)", "w", 1, "2*X'*(X*w - y)"),
    ("sum(exp(X*w)) - y'*X*w", "w", 1, "X'*(exp(X*w) - y)"),
    ("sum(exp(X*w)) - y'*X*w", "w", 2, "X'*diag(exp(X*w))*X"),
    ("sum(relu(vector(1) - y.*(X*w)))", "w", 1, "-X'*(y.*step(vector(1) - y.*(X*w)))"),
    (
        "sum(log(vector(1) + exp(X*w))) - y'*X*w",
        "w",
        1,
        "X'*(vector(1)./(vector(1) + exp(-X*w)) - y)",
    ),
    ("norm2(tanh(A*x) - y)^2", "A", 1, "2*((tanh(A*x) - y).*(vector(1) - tanh(A*x).^2))*x'"),
    (
        "norm2(B*tanh(A*x) - y)^2",
        "A",
        1,
        "2*((B'*(B*tanh(A*x) - y)).*(vector(1) - tanh(A*x).^2))*x'",
    ),
    ("-sum(log(y - A*x))", "x", 1, "A'*(vector(1)./(y - A*x))"),
    ("-sum(log(y - A*x))", "x", 2, "A'*diag(vector(1)./(y - A*x).^2)*A"),
    ("sum(matrix(2).*X)", "X", 1, "matrix(2)"),
    ("sum(x.*vector(a))", "a", 1, "sum(x)"),
)

TEXT_ROWS = EXAMPLES + LAYOUT + ELEMENTWISE + MATRICES

n, m, k = symbols("n m k", integer=True, positive=True)
a, b, c = symbols("a b c", positive=True)
i, j, p = symbols("i j p", integer=True)
x, z = MatrixSymbol("x", n, 1), MatrixSymbol("z", n, 1)
y, w = MatrixSymbol("y", m, 1), MatrixSymbol("w", n, 1)
A, X = MatrixSymbol("A", m, n), MatrixSymbol("X", m, n)
S, Q = MatrixSymbol("S", n, n), MatrixSymbol("Q", n, n)
B, C = MatrixSymbol("B", m, m), MatrixSymbol("C", n, k)
U, V = MatrixSymbol("U", m, k), MatrixSymbol("V", n, k)
D = MatrixSymbol("D", k, m)


def total(matrix: MatrixExpr) -> Expr:
    """Sum all entries of a matrix, as a 1x1 product with vectors of ones."""
    rows = OneMatrix(1, matrix.rows) * matrix
    return rows if matrix.cols == 1 else rows * OneMatrix(matrix.cols, 1)


row_vector = MatrixSymbol("r", 1, n)
residual = A * x - y
margin = HadamardProduct(y, X * w)
mass = Sum(exp(x[i, 0]), (i, 0, n - 1))

gradient, jacobian, hessian = rows_from("matrixcalculus", "examples", SITE)
EXAMPLES_SYMPY = (
    gradient("half a quadratic form", 0.5 * x.T * S * x, x, (S + S.T) * x / 2),
    gradient("half a quadratic form, exact", x.T * S * x / 2, x, (S + S.T) * x / 2),
    gradient("half a quadratic form by its matrix", x.T * S * x / 2, S, x * x.T / 2),
    hessian("half a quadratic form Hessian", x.T * S * x / 2, x, (S + S.T) / 2),
    jacobian("matrix times exponential", A * x.applyfunc(exp), x, A * DiagMatrix(x.applyfunc(exp))),
    jacobian(
        "matrix times exponential, by the matrix",
        A * x.applyfunc(exp),
        A,
        array(KroneckerDelta(i, p) * exp(x[j, 0]), (i, m), (p, m), (j, n)),
    ),
    gradient(
        "Hadamard product in an inner product",
        HadamardProduct(x, z).T * w,
        x,
        HadamardProduct(z, w),
    ),
    gradient(
        "Hadamard product in a DotProduct",
        DotProduct(HadamardProduct(x, z), w),
        w,
        HadamardProduct(x, z),
    ),
    gradient("scalar power by the base", a**b, a, b * a ** (b - 1)),
    gradient("scalar power by the exponent", a**b, b, a**b * log(a)),
    hessian("scalar power Hessian", a**b, a, b * (b - 1) * a ** (b - 2)),
    gradient(
        "1-norm of a residual", total(residual.applyfunc(Abs)), x, A.T * residual.applyfunc(sign)
    ),
    gradient(
        "1-norm of a residual by the target",
        total(residual.applyfunc(Abs)),
        y,
        (y - A * x).applyfunc(sign),
    ),
    gradient(
        "1-norm of a residual by the matrix",
        total(residual.applyfunc(Abs)),
        A,
        residual.applyfunc(sign) * x.T,
    ),
    gradient(
        "1-norm of a residual as a sum",
        Sum(Abs(residual[i, 0]), (i, 0, m - 1)),
        x,
        A.T * residual.applyfunc(sign),
    ),
    gradient("squared 2-norm of a residual", residual.T * residual, x, 2 * A.T * residual),
    gradient(
        "squared 2-norm of a residual, power of a root",
        sqrt(DotProduct(residual, residual)) ** 2,
        x,
        2 * A.T * residual,
    ),
    gradient(
        "squared 2-norm of a residual by the matrix", residual.T * residual, A, 2 * residual * x.T
    ),
    hessian("squared 2-norm of a residual Hessian", residual.T * residual, x, 2 * A.T * A),
    hessian("squared 2-norm of a residual, mixed", residual.T * residual, (x, y), -2 * A.T),
    gradient(
        "logistic regression",
        total(((-margin).applyfunc(exp) + ones(m)).applyfunc(log)),
        w,
        -X.T * HadamardProduct(y, each(1 / (1 + exp(t)), margin)),
    ),
    gradient(
        "logistic regression by the samples",
        total(((-margin).applyfunc(exp) + ones(m)).applyfunc(log)),
        X,
        -HadamardProduct(y, each(1 / (1 + exp(t)), margin)) * w.T,
    ),
    hessian(
        "logistic regression Hessian",
        total(((-margin).applyfunc(exp) + ones(m)).applyfunc(log)),
        w,
        X.T
        * DiagMatrix(
            HadamardProduct(HadamardPower(y, 2), each(t * (1 - t), each(1 / (1 + exp(-t)), margin)))
        )
        * X,
    ),
    gradient(
        "trace with two occurrences",
        Trace(U * V.T * S * V * D),
        V,
        S * V * D * U + S.T * V * U.T * D.T,
    ),
    gradient(
        "trace with two occurrences, outer matrix",
        Trace(U * V.T * S * V * D),
        U,
        D.T * V.T * S.T * V,
    ),
    gradient(
        "trace with two occurrences, inner matrix",
        Trace(U * V.T * S * V * D),
        S,
        V * U.T * D.T * V.T,
    ),
    gradient("log-determinant of the inverse", log(Determinant(S.I)), S, -S.I.T),
    gradient("minus log-determinant", -log(Determinant(S)), S, -S.I.T),
)

gradient, jacobian, hessian = rows_from("matrixcalculus", "layout", SITE)
LAYOUT_SYMPY = (
    gradient("inner product", z.T * x, x, z),
    gradient("inner product, other order", x.T * z, x, z),
    gradient("inner product by a row", row_vector * x, row_vector, x.T),
    jacobian("linear map", A * x, x, A),
    jacobian("row times matrix", x.T * S, x, S.T),
    jacobian("identity map", x, x, Identity(n)),
    jacobian("transpose of a vector", x.T, x, Identity(n)),
    gradient("trace of a product", Trace(C.T * V), V, C),
    gradient("trace of a product, first factor", Trace(C.T * V), C, V),
    hessian("squared length", x.T * x, x, 2 * Identity(n)),
)

gradient, jacobian, hessian = rows_from("matrixcalculus", "elementwise", SITE)
ANY: dict[str, str] = {}
POSITIVE = {"x": "positive", "X": "positive", "A": "positive"}
INSIDE = {"x": "unit", "X": "unit", "A": "small"}  # arguments between -1 and 1
ELEMENTWISE_SYMPY = tuple(
    row
    for name, function, derivative, domain in (
        ("sine", sin(t), cos(t), ANY),
        ("cosine", cos(t), -sin(t), ANY),
        ("tangent", tan(t), tan(t) ** 2 + 1, ANY),
        ("arcsine", asin(t), 1 / sqrt(1 - t**2), INSIDE),
        ("arccosine", acos(t), -1 / sqrt(1 - t**2), INSIDE),
        ("arctangent", atan(t), 1 / (t**2 + 1), ANY),
        ("exponential", exp(t), exp(t), ANY),
        ("logarithm", log(t), 1 / t, POSITIVE),
        ("hyperbolic tangent", tanh(t), 1 - tanh(t) ** 2, ANY),
        ("absolute value", Abs(t), sign(t), ANY),
        ("positive part", Max(0, t), STEP, ANY),
        ("square root", sqrt(t), 1 / (2 * sqrt(t)), POSITIVE),
        ("cube", t**3, 3 * t**2, ANY),
        ("reciprocal", 1 / t, -1 / t**2, ANY),
    )
    for row in (
        gradient(
            f"{name}, summed", total(each(function, x)), x, each(derivative, x), values=domain
        ),
        jacobian(
            f"{name}, elementwise",
            each(function, x),
            x,
            DiagMatrix(each(derivative, x)),
            values=domain,
        ),
        gradient(
            f"{name} of a linear map, weighted",
            y.T * each(function, A * x),
            x,
            A.T * HadamardProduct(y, each(derivative, A * x)),
            values=domain,
        ),
        gradient(
            f"{name} of a matrix, summed",
            total(each(function, X)),
            X,
            each(derivative, X),
            values=domain,
        ),
    )
)

gradient, jacobian, hessian = rows_from("matrixcalculus", "functions", SITE)
POWERS_SYMPY = (
    gradient("Hadamard power, summed", total(HadamardPower(x, 3)), x, 3 * HadamardPower(x, 2)),
    hessian("Hadamard power Hessian", total(HadamardPower(x, 3)), x, 6 * DiagMatrix(x)),
    jacobian(
        "Hadamard power with a symbol",
        HadamardPower(x, a),
        x,
        a * DiagMatrix(HadamardPower(x, a - 1)),
        values=POSITIVE,
    ),
    gradient(
        "Hadamard power with a vector, by the base",
        total(HadamardPower(x, z)),
        x,
        HadamardProduct(z, HadamardPower(x, z - ones(n))),
        values=POSITIVE,
    ),
    gradient(
        "Hadamard power with a vector, by the exponent",
        total(HadamardPower(x, z)),
        z,
        HadamardProduct(HadamardPower(x, z), x.applyfunc(log)),
        values=POSITIVE,
    ),
    jacobian("scalar to a vector power", each(a**t, x), x, log(a) * DiagMatrix(each(a**t, x))),
    jacobian(
        "Hadamard quotient by the denominator",
        HadamardProduct(x, HadamardPower(z, -1)),
        z,
        -DiagMatrix(HadamardProduct(x, HadamardPower(z, -2))),
    ),
    jacobian(
        "Hadamard quotient by the numerator",
        HadamardProduct(x, HadamardPower(z, -1)),
        x,
        DiagMatrix(HadamardPower(z, -1)),
    ),
    jacobian("Hadamard product", HadamardProduct(x, z), z, DiagMatrix(x)),
    jacobian(
        "vector times its image",
        HadamardProduct(x, S * x),
        x,
        DiagMatrix(S * x) + DiagMatrix(x) * S,
    ),
    gradient(
        "exponential of a quadratic form",
        exp(x.T * S * x),
        x,
        exp(Trace(x.T * S * x)) * (S + S.T) * x,
    ),
    gradient(
        "square of a quadratic form", (x.T * S * x) ** 2, x, 2 * Trace(x.T * S * x) * (S + S.T) * x
    ),
    gradient(
        "quotient of quadratic forms",
        (x.T * S * x) / (x.T * x),
        x,
        ((S + S.T) * x - 2 * Trace(x.T * S * x) / Trace(x.T * x) * x) / Trace(x.T * x),
    ),
    gradient("root of a squared length", sqrt((x.T * x)[0, 0]), x, x / sqrt(Trace(x.T * x))),
    gradient(
        "2-norm of a residual",
        sqrt(DotProduct(residual, residual)),
        x,
        A.T * residual / sqrt(Trace(residual.T * residual)),
    ),
    hessian(
        "2-norm Hessian",
        sqrt(DotProduct(x, x)),
        x,
        (Identity(n) - x * x.T / Trace(x.T * x)) / sqrt(Trace(x.T * x)),
    ),
    gradient("Frobenius norm", sqrt(Trace(X.T * X)), X, X / sqrt(Trace(X.T * X))),
    gradient("squared Frobenius norm", Trace(X * X.T), X, 2 * X),
    gradient(
        "squared Frobenius norm of a product",
        Trace((U * V.T - X).T * (U * V.T - X)),
        U,
        2 * (U * V.T - X) * V,
    ),
    gradient("elementwise 1-norm of a matrix", total(X.applyfunc(Abs)), X, X.applyfunc(sign)),
    gradient("sum of entries", total(X), X, OneMatrix(m, n)),
    gradient("sum of entries of a product", total(B * X * S), X, B.T * OneMatrix(m, n) * S.T),
    gradient("trace", Trace(S), S, Identity(n)),
    gradient("trace of a square", Trace(S * S), S, 2 * S.T),
    gradient("trace of a cube", Trace(S**3), S, 3 * (S.T) ** 2),
    gradient("trace of the inverse", Trace(S.I), S, -(S.I * S.I).T),
    gradient("trace around the inverse", Trace(Q * S.I), S, -S.I.T * Q.T * S.I.T),
    gradient("determinant", Determinant(S), S, Determinant(S) * S.I.T),
    gradient("determinant of the inverse", Determinant(S.I), S, -S.I.T / Determinant(S)),
    gradient(
        "determinant of a Gram matrix",
        Determinant(X.T * X),
        X,
        2 * Determinant(X.T * X) * X * (X.T * X).I,
    ),
    gradient("log-determinant of a product", log(Determinant(Q * S)), S, S.I.T),
    gradient(
        "log-determinant of a congruence",
        log(Determinant(X.T * B * X)),
        X,
        B * X * (X.T * B * X).I + B.T * X * (X.T * B * X).I.T,
    ),
    jacobian("solution of a linear system", S.I * x, x, S.I),
    gradient("inverse in a quadratic form", x.T * S.I * x, S, -S.I.T * x * x.T * S.I.T),
    gradient(
        "diagonal matrix in a quadratic form", x.T * DiagMatrix(z) * x, z, HadamardPower(x, 2)
    ),
    gradient(
        "trace of a diagonal matrix times another", Trace(DiagMatrix(x) * S), x, DiagonalOf(S)
    ),
    jacobian("matrix times diagonal times vector", A * DiagMatrix(x) * z, x, A * DiagMatrix(z)),
    jacobian("outer product times vector", x * z.T * w, x, Trace(z.T * w) * Identity(n)),
    jacobian("outer product times vector, by the row", x * z.T * w, z, x * w.T),
    jacobian(
        "squared length times vector", x * x.T * x, x, Trace(x.T * x) * Identity(n) + 2 * x * x.T
    ),
    jacobian(
        "softmax",
        x.applyfunc(exp) / mass,
        x,
        DiagMatrix(x.applyfunc(exp)) / mass - x.applyfunc(exp) * x.applyfunc(exp).T / mass**2,
    ),
    gradient("logsumexp", log(mass), x, x.applyfunc(exp) / mass),
    gradient(
        "log of the sum of a vector of exponentials",
        log(total((A * x).applyfunc(exp))),
        x,
        A.T * (A * x).applyfunc(exp) / Trace(total((A * x).applyfunc(exp))),
    ),
    gradient("linear in two scalars", total(a * x + b * z), a, total(x)),
    jacobian("by a scalar", a * x + b * z, a, x),
    jacobian("shifted matrix", (S + Identity(n)) * x, x, S + Identity(n)),
)

ROWS = EXAMPLES_SYMPY + LAYOUT_SYMPY + ELEMENTWISE_SYMPY + POWERS_SYMPY
