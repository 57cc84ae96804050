"""Every spelling of every head, as exact strings."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest

from symback import ops
from symback import phrase as p
from symback.phrase import HEADS, Phrase, num
from symback.spell import latex, pretty, text
from symback.spell.latex import LatexSpeller
from symback.spell.reading import HEADS_READ
from symback.spell.speller import Speller
from symback.spell.text import TextSpeller
from symback.spell.unicode import PrettySpeller
from tests.spell_phrases import HALF, adjoint, entry, fun, index, neg, power, sym, total

M, N = ops.symbol("m", kind="size"), ops.symbol("n", kind="size")
a, b, c = map(sym, "abc")
x, t, y, u = sym("x", N), sym("t", N), sym("y", M), sym("u", 1, N)
A, X = sym("A", M, N), sym("X", N, N)
W1, W2, h, z1, delta2 = (
    sym("W1", 3, 2),
    sym("W2", 2, 3),
    sym("h", 3),
    sym("z1", 3),
    sym("delta2", 2),
)
i, j = index("i"), index("j")
residual = p.add([p.mul([A, x]), neg(y)])
square = p.scalar(p.mul([p.transpose(x), x]))
last = p.add([sym("n", kind="size"), num(-1)])


def row_sums(matrix: Phrase) -> Phrase:
    return Phrase("row_sums", (matrix,), (), (matrix.shape[0], 1))


# Each row: the phrase, the input language, the terminal and LaTeX, both counted from 1.
TABLE: list[tuple[Phrase, str, str, str]] = [
    # leaves
    (a, "a", "a", "a"),
    (W1, "W1", "W₁", r"\mathbf{W}_{1}"),
    (delta2, "delta2", "δ₂", r"\boldsymbol{\delta}_{2}"),
    (num(0), "0", "0", "0"),
    (num(-3), "-3", "−3", "-3"),
    (num(Fraction(-3, 2)), "-3/2", "−3/2", r"-\frac{3}{2}"),
    (Phrase("constant", data=("pi",)), "pi", "π", r"\pi"),
    (Phrase("constant", data=("e",)), "exp(1)", "e", r"\mathrm{e}"),
    (p.ones((M, N)), "ones(m, n)", "ones(m, n)", r"\mathbf{1}_{m \times n}"),
    (p.ones((N, 1)), "ones(n, 1)", "ones(n, 1)", r"\mathbf{1}_{n}"),
    (p.ones((1, 3)), "ones(1, 3)", "ones(1, 3)", r"\mathbf{1}_{3}^{\top}"),
    (Phrase("zeros", shape=(M, N)), "zeros(m, n)", "zeros(m, n)", r"\mathbf{0}_{m \times n}"),
    (Phrase("zeros"), "0", "0", "0"),
    (p.eye(N), "eye(n)", "Iₙ", r"\mathbf{I}_{n}"),
    (adjoint("z1", 3), "dL_dz1", "∂L/∂z₁", r"\frac{\partial L}{\partial \mathbf{z}_{1}}"),
    # sums
    (p.add([x, neg(t)]), "x - t", "x − t", r"\mathbf{x} - \mathbf{t}"),
    (p.add([neg(a), neg(b)]), "-a - b", "−a − b", "-a - b"),
    (p.add([p.ones((N, 1)), neg(x)]), "1 - x", "1 − x", r"1 - \mathbf{x}"),
    (
        p.add([A, p.mul([p.ones((M, 1)), u])]),
        "A + u",
        "A + u",
        r"\mathbf{A} + \mathbf{1}_{m} \mathbf{u}",
    ),
    (
        p.add([p.mul([y, p.ones((1, N))]), p.mul([p.ones((M, 1)), u])]),
        "y + u",
        "y + u",
        r"\mathbf{y} \mathbf{1}_{n}^{\top} + \mathbf{1}_{m} \mathbf{u}",
    ),
    (
        p.add([p.ones((M, N)), p.mul([p.ones((M, 1)), u])]),
        "ones(m, n) + u",
        "ones(m, n) + u",
        r"1 + \mathbf{1}_{m} \mathbf{u}",
    ),
    (
        p.add([X, p.mul([p.eye(N)], 2)]),
        "X + 2*eye(n)",
        "X + 2 Iₙ",
        r"\mathbf{X} + 2 \mathbf{I}_{n}",
    ),
    (neg(p.add([a, b])), "-(a + b)", "−(a + b)", "-(a + b)"),
    # products
    (p.mul([a, b], 2), "2*a*b", "2 a b", "2 a b"),
    (p.mul([a, p.add([b, c])]), "a*(b + c)", "a·(b + c)", r"a \, (b + c)"),
    (
        p.mul([p.transpose(A), p.add([p.mul([A, x]), neg(y)])], 2),
        "2*A'*(A*x - y)",
        "2 Aᵀ (A x − y)",
        r"2 \mathbf{A}^{\top} (\mathbf{A} \mathbf{x} - \mathbf{y})",
    ),
    (
        p.mul([p.add([x, neg(t)])], HALF),
        "(x - t)/2",
        "(x − t)/2",
        r"\frac{1}{2} (\mathbf{x} - \mathbf{t})",
    ),
    (p.mul([p.add([a, b])], HALF), "(a + b)/2", "(a + b)/2", r"\frac{a + b}{2}"),
    (p.mul([a], Fraction(3, 2)), "3*a/2", "3 a/2", r"\frac{3 a}{2}"),
    (p.mul([power(a, 2)], -HALF), "-a^2/2", "−a²/2", r"-\frac{1}{2} a^{2}"),
    (
        p.mul([Phrase("sum", (x,))], -HALF),
        "-sum(x)/2",
        "−sum(x)/2",
        r"-\frac{1}{2} \operatorname{sum}(\mathbf{x})",
    ),
    (
        p.mul([power(sym("n", kind="size"), -1), p.transpose(A), y]),
        "A'*y/n",
        "Aᵀ y/n",
        r"\frac{1}{n} \mathbf{A}^{\top} \mathbf{y}",
    ),
    (
        p.mul([a, b, power(c, -1)], Fraction(-2, 3)),
        "-2*a*b/(3*c)",
        "−2 a b/(3 c)",
        r"-\frac{2 a b}{3 c}",
    ),
    (p.mul([num(2), power(num(3), a)]), "2*3^a", "2 · 3ᵃ", r"2 \cdot 3^{a}"),
    (
        p.mul([p.hadamard([x, t]), p.transpose(y)]),
        "(x .* t)*y'",
        "(x ⊙ t) yᵀ",
        r"(\mathbf{x} \odot \mathbf{t}) \mathbf{y}^{\top}",
    ),
    (
        p.mul([delta2, p.transpose(h)]),
        "delta2*h'",
        "δ₂ hᵀ",
        r"\boldsymbol{\delta}_{2} \mathbf{h}^{\top}",
    ),
    (
        p.mul([adjoint("z2", 2), p.transpose(h)]),
        "dL_dz2*h'",
        "(∂L/∂z₂) hᵀ",
        r"\frac{\partial L}{\partial \mathbf{z}_{2}} \mathbf{h}^{\top}",
    ),
    # scalar products
    (
        p.scalar(p.mul([p.transpose(x), X, x])),
        "x'*X*x",
        "xᵀ X x",
        r"\mathbf{x}^{\top} \mathbf{X} \mathbf{x}",
    ),
    (
        p.mul([a, p.scalar(p.mul([p.transpose(x), t]))], 2),
        "2*a*x'*t",
        "2 a xᵀ t",
        r"2 a \mathbf{x}^{\top} \mathbf{t}",
    ),
    (
        p.mul([p.scalar(p.mul([p.transpose(x), t])), a, x]),
        "a*(x'*t)*x",
        "a·(xᵀ t) x",
        r"a \, (\mathbf{x}^{\top} \mathbf{t}) \mathbf{x}",
    ),
    (
        p.mul([p.scalar(p.mul([p.transpose(x), t])), p.scalar(p.mul([p.transpose(t), X, x]))]),
        "(x'*t)*t'*X*x",
        "(xᵀ t) tᵀ X x",
        r"(\mathbf{x}^{\top} \mathbf{t}) \mathbf{t}^{\top} \mathbf{X} \mathbf{x}",
    ),
    (square, "x'*x", "xᵀ x", r"\mathbf{x}^{\top} \mathbf{x}"),
    (
        p.scalar(p.mul([p.transpose(residual), residual])),
        "norm2(A*x - y)^2",
        "‖A x − y‖₂²",
        r"\lVert \mathbf{A} \mathbf{x} - \mathbf{y} \rVert_{2}^{2}",
    ),
    (power(square, HALF), "norm2(x)", "‖x‖₂", r"\lVert \mathbf{x} \rVert_{2}"),
    (
        p.mul([power(square, -HALF), x]),
        "x/norm2(x)",
        "x/‖x‖₂",
        r"\frac{\mathbf{x}}{\lVert \mathbf{x} \rVert_{2}}",
    ),
    (
        p.mul([power(square, -1), x]),
        "x/(x'*x)",
        "x/(xᵀ x)",
        r"\frac{\mathbf{x}}{\mathbf{x}^{\top} \mathbf{x}}",
    ),
    (power(square, Fraction(3, 2)), "norm2(x)^3", "‖x‖₂³", r"\lVert \mathbf{x} \rVert_{2}^{3}"),
    (power(square, 2), "norm2(x)^4", "‖x‖₂⁴", r"\lVert \mathbf{x} \rVert_{2}^{4}"),
    (p.scalar(sym("r", 1, 1)), "r", "r", "r"),
    # elementwise products and quotients
    (p.hadamard([x, t]), "x .* t", "x ⊙ t", r"\mathbf{x} \odot \mathbf{t}"),
    (
        p.hadamard([p.mul([p.transpose(W2), delta2]), fun("step", z1)]),
        "W2'*delta2 .* step(z1)",
        "(W₂ᵀ δ₂) ⊙ [z₁ > 0]",
        (
            r"(\mathbf{W}_{2}^{\top} \boldsymbol{\delta}_{2}) \odot "
            r"\mathbf{1}[\mathbf{z}_{1} > 0]"
        ),
    ),
    (
        p.hadamard([x, p.mul([X, t])]),
        "x .* (X*t)",
        "x ⊙ (X t)",
        r"\mathbf{x} \odot (\mathbf{X} \mathbf{t})",
    ),
    (
        p.hadamard([p.mul([p.transpose(W2), adjoint("z2", 2)]), fun("f", z1, order=(1,))]),
        "W2'*dL_dz2 .* f'(z1)",
        "(W₂ᵀ (∂L/∂z₂)) ⊙ f′(z₁)",
        (
            r"\left(\mathbf{W}_{2}^{\top} \frac{\partial L}{\partial "
            r"\mathbf{z}_{2}}\right) \odot f'(\mathbf{z}_{1})"
        ),
    ),
    (p.hadamard([t, power(x, -1)]), "t ./ x", "t ⊘ x", r"\mathbf{t} \oslash \mathbf{x}"),
    (
        p.mul([p.hadamard([t, power(x, -1)])], -HALF),
        "-t ./ (2*x)",
        "−t ⊘ (2 x)",
        r"-\mathbf{t} \oslash (2 \mathbf{x})",
    ),
    (power(x, -1), "1 ./ x", "1 ⊘ x", r"1 \oslash \mathbf{x}"),
    (
        power(p.add([p.ones((N, 1)), fun("exp", neg(x))]), -1),
        "1 ./ (1 + exp(-x))",
        "1 ⊘ (1 + exp(−x))",
        r"1 \oslash (1 + \exp(-\mathbf{x}))",
    ),
    (
        p.hadamard([fun("sigmoid", x), p.add([p.ones((N, 1)), neg(fun("sigmoid", x))])]),
        "sigmoid(x) .* (1 - sigmoid(x))",
        "σ(x) ⊙ (1 − σ(x))",
        r"\sigma(\mathbf{x}) \odot (1 - \sigma(\mathbf{x}))",
    ),
    # powers
    (power(a, 2), "a^2", "a²", "a^{2}"),
    (power(a, HALF), "sqrt(a)", "sqrt(a)", r"\sqrt{a}"),
    (power(a, -HALF), "1/sqrt(a)", "1/sqrt(a)", r"\frac{1}{\sqrt{a}}"),
    (power(a, neg(b)), "1/a^b", "1/aᵇ", r"\frac{1}{a^{b}}"),
    (power(a, p.add([b, num(-1)])), "a^(b - 1)", "aᵇ⁻¹", "a^{b - 1}"),
    (power(power(a, b), c), "(a^b)^c", "(aᵇ)ᶜ", "(a^{b})^{c}"),
    (power(num(-2), a), "(-2)^a", "(−2)ᵃ", "(-2)^{a}"),
    (power(num(HALF), a), "(1/2)^a", "(1/2)ᵃ", r"\left(\frac{1}{2}\right)^{a}"),
    (power(p.add([a, b]), 2), "(a + b)^2", "(a + b)²", "(a + b)^{2}"),
    (power(x, 2), "x.^2", "x²", r"\mathbf{x}^{\odot 2}"),
    (power(X, 2), "X.^2", "X⊙²", r"\mathbf{X}^{\odot 2}"),
    (power(x, -2), "1 ./ x.^2", "1 ⊘ x²", r"1 \oslash \mathbf{x}^{\odot 2}"),
    (power(x, HALF), "sqrt(x)", "sqrt(x)", r"\sqrt{\mathbf{x}}"),
    (power(p.transpose(x), 2), "x'.^2", "(xᵀ)²", r"(\mathbf{x}^{\top})^{\odot 2}"),
    (
        p.transpose(power(p.mul([X, x]), 2)),
        "((X*x).^2)'",
        "((X x)²)ᵀ",
        r"((\mathbf{X} \mathbf{x})^{\odot 2})^{\top}",
    ),
    (Phrase("matrix_pow", (X, num(3)), (), X.shape), "X^3", "X³", r"\mathbf{X}^{3}"),
    (Phrase("matrix_pow", (X, num(-3)), (), X.shape), "X^(-3)", "X⁻³", r"\mathbf{X}^{-3}"),
    (Phrase("inverse", (X,), (), X.shape), "inv(X)", "X⁻¹", r"\mathbf{X}^{-1}"),
    (
        p.mul([Phrase("inverse", (X,), (), X.shape), x]),
        "inv(X)*x",
        "X⁻¹ x",
        r"\mathbf{X}^{-1} \mathbf{x}",
    ),
    (p.transpose(Phrase("inverse", (X,), (), X.shape)), "inv(X)'", "X⁻ᵀ", r"\mathbf{X}^{-\top}"),
    (Phrase("inverse", (p.transpose(X),), (), X.shape), "inv(X)'", "X⁻ᵀ", r"\mathbf{X}^{-\top}"),
    (Phrase("expm", (X,), (), X.shape), "expm(X)", "expm(X)", r"\operatorname{expm}(\mathbf{X})"),
    # functions
    (fun("exp", neg(a)), "exp(-a)", "exp(−a)", r"\mathrm{e}^{-a}"),
    (fun("exp", neg(x)), "exp(-x)", "exp(−x)", r"\exp(-\mathbf{x})"),
    (fun("exp", num(1)), "exp(1)", "e", r"\mathrm{e}"),
    (fun("log", power(a, -1)), "log(1/a)", "log(1/a)", r"\log\left(\frac{1}{a}\right)"),
    (fun("abs", x), "abs(x)", "|x|", r"\lvert \mathbf{x} \rvert"),
    (fun("floor", a), "floor(a)", "⌊a⌋", r"\lfloor a \rfloor"),
    (fun("maximum", a, num(0)), "max(a, 0)", "max(a, 0)", r"\max(a, 0)"),
    (fun("gelu", x), "gelu(x)", "gelu(x)", r"\operatorname{GELU}(\mathbf{x})"),
    (fun("loggamma", a), "loggamma(a)", "loggamma(a)", r"\log\Gamma(a)"),
    (fun("polygamma", num(0), a), "digamma(a)", "digamma(a)", r"\psi(a)"),
    (fun("polygamma", num(2), a), "polygamma(2, a)", "polygamma(2, a)", r"\psi^{(2)}(a)"),
    (fun("f", x), "f(x)", "f(x)", r"f(\mathbf{x})"),
    (fun("f", a, b, order=(0, 0)), "f(a, b)", "f(a, b)", "f(a, b)"),
    (fun("f", x, order=(2,)), "f''(x)", "f′′(x)", r"f''(\mathbf{x})"),
    (fun("f", x, order=(4,)), "f'[4](x)", "f⁽⁴⁾(x)", r"f^{(4)}(\mathbf{x})"),
    (fun("phi", a, b, order=(1, 2)), "phi'[1,2](a, b)", "∂₁∂₂²φ(a, b)", r"\phi^{(1,2)}(a, b)"),
    (fun("loss", a), "loss(a)", "loss(a)", r"\operatorname{loss}(a)"),
    (fun("step", x), "step(x)", "[x > 0]", r"\mathbf{1}[\mathbf{x} > 0]"),
    (fun("step", neg(a)), "step(-a)", "[a < 0]", r"\mathbf{1}[a < 0]"),
    (
        fun("step", p.add([x, neg(t)])),
        "step(x - t)",
        "[x > t]",
        r"\mathbf{1}[\mathbf{x} > \mathbf{t}]",
    ),
    (fun("step", p.add([num(1), neg(a)])), "step(1 - a)", "[a < 1]", r"\mathbf{1}[a < 1]"),
    (
        fun("step", p.add([a, b, num(-1)])),
        "step(a + b - 1)",
        "[a + b > 1]",
        r"\mathbf{1}[a + b > 1]",
    ),
    (fun("heaviside", x), "heaviside(x)", "heaviside(x)", r"\operatorname{heaviside}(\mathbf{x})"),
    (p.mul([a, fun("lt", a, b)]), "a*(a < b)", "a·[a < b]", r"a \, \mathbf{1}[a < b]"),
    (
        fun("where", fun("le", a, num(0)), num(0), a),
        "where(a <= 0, 0, a)",
        "(0 if a ≤ 0, else a)",
        r"\begin{cases} 0 & \text{if } a \le 0 \\ a & \text{otherwise} \end{cases}",
    ),
    (
        fun("where", fun("lt", x, num(0)), x, fun("where", fun("eq", x, t), t, z1)),
        "where(x < 0, x, where(x == t, t, z1))",
        "(x if x < 0, t if x = t, else z₁)",
        (
            r"\begin{cases} \mathbf{x} & \text{if } \mathbf{x} < 0 \\ \mathbf{t} & "
            r"\text{if } \mathbf{x} = \mathbf{t} \\ \mathbf{z}_{1} & \text{otherwise} "
            r"\end{cases}"
        ),
    ),
    (
        fun("where", fun("and", fun("ne", a, b), fun("not", fun("or", a, b))), a, b),
        "where(and(a != b, not(or(a, b))), a, b)",
        "(a if a ≠ b and (not (a or b)), else b)",
        (
            r"\begin{cases} a & \text{if } a \ne b \land (\lnot (a \lor b)) \\ b & "
            r"\text{otherwise} \end{cases}"
        ),
    ),
    (
        fun("where", a, b, c),
        "where(a, b, c)",
        "(b if a, else c)",
        r"\begin{cases} b & \text{if } a \\ c & \text{otherwise} \end{cases}",
    ),
    # matrices to scalars and columns
    (
        Phrase("trace", (p.mul([A, p.transpose(A)]),)),
        "tr(A*A')",
        "tr(A Aᵀ)",
        r"\operatorname{tr}(\mathbf{A} \mathbf{A}^{\top})",
    ),
    (Phrase("det", (X,)), "det(X)", "det(X)", r"\det(\mathbf{X})"),
    (Phrase("logdet", (X,)), "logdet(X)", "logdet(X)", r"\log \lvert \det(\mathbf{X}) \rvert"),
    (Phrase("sum", (x,)), "sum(x)", "sum(x)", r"\operatorname{sum}(\mathbf{x})"),
    (
        Phrase("sum", (Phrase("diagonal", (X,), (), (N, 1)),)),
        "tr(X)",
        "tr(X)",
        r"\operatorname{tr}(\mathbf{X})",
    ),
    (Phrase("sum", (fun("abs", x),)), "norm1(x)", "‖x‖₁", r"\lVert \mathbf{x} \rVert_{1}"),
    (row_sums(A), "sum(A, axis=1)", "sum(A, axis=1)", r"\mathbf{A} \mathbf{1}_{n}"),
    (
        row_sums(p.transpose(A)),
        "sum(A, axis=0)'",
        "sum(A, axis=0)ᵀ",
        r"\mathbf{A}^{\top} \mathbf{1}_{m}",
    ),
    (
        p.transpose(row_sums(p.transpose(A))),
        "sum(A, axis=0)",
        "sum(A, axis=0)",
        r"\mathbf{1}_{m}^{\top} \mathbf{A}",
    ),
    (
        row_sums(p.hadamard([A, A])),
        "sum(A.^2, axis=1)",
        "sum(A⊙², axis=1)",
        r"\mathbf{A}^{\odot 2} \mathbf{1}_{n}",
    ),
    (p.diag(x), "diag(x)", "diag(x)", r"\operatorname{diag}(\mathbf{x})"),
    (
        Phrase("diagonal", (X,), (), (N, 1)),
        "diag(X)",
        "diag(X)",
        r"\operatorname{diag}(\mathbf{X})",
    ),
    (
        Phrase("softmax", (x,), (), x.shape),
        "softmax(x)",
        "softmax(x)",
        r"\operatorname{softmax}(\mathbf{x})",
    ),
    (
        Phrase("logsumexp", (x,)),
        "logsumexp(x)",
        "logsumexp(x)",
        r"\operatorname{logsumexp}(\mathbf{x})",
    ),
    (
        Phrase("logsumexp", (X,), (1,), (N, 1)),
        "logsumexp(X, axis=1)",
        "logsumexp(X, axis=1)",
        r"\operatorname{logsumexp}_{\mathrm{rows}}(\mathbf{X})",
    ),
    (Phrase("max", (x,)), "max(x)", "max(x)", r"\max(\mathbf{x})"),
    (
        Phrase("argmax", (x,), (), x.shape),
        "hardmax(x)",
        "hardmax(x)",
        r"\operatorname{hardmax}(\mathbf{x})",
    ),
    (
        Phrase("prod", (X,), (1,), (N, 1)),
        "prod(X, axis=1)",
        "prod(X, axis=1)",
        r"\operatorname{prod}_{\mathrm{rows}}(\mathbf{X})",
    ),
    (Phrase("sort", (x,), (), x.shape), "sort(x)", "sort(x)", r"\operatorname{sort}(\mathbf{x})"),
    (
        Phrase("order", (x,), (), X.shape),
        "sorting(x)",
        "sorting(x)",
        r"\operatorname{sorting}(\mathbf{x})",
    ),
    (
        Phrase("array", (a, b, num(0), num(HALF)), (), (2, 2)),
        "[[a, b], [0, 1/2]]",
        "[[a, b], [0, 1/2]]",
        r"\begin{bmatrix} a & b \\ 0 & \frac{1}{2} \end{bmatrix}",
    ),
    (
        Phrase("array", (a, power(b, -1)), (), (2, 1)),
        "[a, 1/b]",
        "[a, 1/b]",
        r"\begin{bmatrix} a \\ \frac{1}{b} \end{bmatrix}",
    ),
    (
        Phrase("array", (a, b), (), (1, 2)),
        "[[a, b]]",
        "[[a, b]]",
        r"\begin{bmatrix} a & b \end{bmatrix}",
    ),
    # indices
    (entry(x, i), "x[i]", "x[i+1]", "x_{i+1}"),
    (entry(W1, 0, 1), "W1[0,1]", "W₁[1, 2]", r"(\mathbf{W}_{1})_{1,2}"),
    (entry(p.mul([A, x]), i), "(A*x)[i]", "(A x)[i+1]", r"(\mathbf{A} \mathbf{x})_{i+1}"),
    (
        entry(adjoint("z1", 3), i),
        "dL_dz1[i]",
        "∂L/∂z₁[i+1]",
        r"\frac{\partial L}{\partial (\mathbf{z}_{1})_{i+1}}",
    ),
    (
        total(p.mul([entry(x, i), entry(t, i)]), ("i", 0, last)),
        "sum(x[i]*t[i], i = 0..n-1)",
        "Σᵢ₌₁ⁿ x[i] t[i]",
        r"\sum_{i=1}^{n} x_{i} t_{i}",
    ),
    (
        p.mul([a, total(entry(x, i), ("i", 0, last))], 3),
        "3*a*sum(x[i], i = 0..n-1)",
        "3 a Σᵢ₌₁ⁿ x[i]",
        r"3 a \sum_{i=1}^{n} x_{i}",
    ),
    (
        power(total(p.add([entry(x, i), neg(entry(t, i))]), ("i", 0, 2)), 2),
        "sum(x[i] - t[i], i = 0..2)^2",
        "(Σᵢ₌₁³ (x[i] − t[i]))²",
        r"\left(\sum_{i=1}^{3} (x_{i} - t_{i})\right)^{2}",
    ),
    (
        total(p.mul([i, entry(W1, i, j)]), ("i", 0, last), ("j", 0, i)),
        "sum(i*W1[i,j], i = 0..n-1, j = 0..i)",
        "Σᵢ₌₁ⁿ Σⱼ₌₁ⁱ (i − 1) W₁[i, j]",
        r"\sum_{i=1}^{n} \sum_{j=1}^{i} (i - 1) (\mathbf{W}_{1})_{i,j}",
    ),
    (
        total(a, ("i", 0, entry(x, 0))),
        "sum(a, i = 0..x[0])",
        "Σ(i = 1..1+x[1]) a",
        r"\sum_{i=1}^{1+x_{1}} a",
    ),
    (
        Phrase("prod_over", (entry(x, i), num(0), last), ("i",)),
        "prod(x[i], i = 0..n-1)",
        "Πᵢ₌₁ⁿ x[i]",
        r"\prod_{i=1}^{n} x_{i}",
    ),
    (
        p.mul([Phrase("delta", (i, j)), entry(x, i)]),
        "(i == j)*x[i]",
        "[i = j] x[i+1]",
        r"\mathbf{1}[i = j] x_{i+1}",
    ),
    (
        Phrase("iverson", (i, p.add([j, num(1)])), ("<=",)),
        "i <= j + 1",
        "[i ≤ j + 1]",
        r"\mathbf{1}[i \le j + 1]",
    ),
    (
        Phrase("slice", (x, num(0), num(2), num(0), num(1)), (), (2, 1)),
        "x[0:2]",
        "x[1:2]",
        r"\mathbf{x}_{1:2}",
    ),
    (
        Phrase("slice", (A, i, p.add([i, num(1)]), num(0), sym("n", kind="size")), (), (1, N)),
        "A[i, :]",
        "A[i+1, :]",
        r"\mathbf{A}_{i+1,:}",
    ),
    (
        Phrase("slice", (A, num(0), sym("m", kind="size"), num(1), last), (), (M, M)),
        "A[:, 1:n-1]",
        "A[:, 2:n−1]",
        r"\mathbf{A}_{:,2:n-1}",
    ),
    (
        Phrase(
            "slice", (p.mul([p.transpose(W2), delta2]), num(1), num(3), num(0), num(1)), (), (2, 1)
        ),
        "(W2'*delta2)[1:3]",
        "(W₂ᵀ δ₂)[2:3]",
        r"(\mathbf{W}_{2}^{\top} \boldsymbol{\delta}_{2})_{2:3}",
    ),
    (
        Phrase("kron", (X, p.mul([X, X])), (), (N, N)),
        "kron(X, X^2)",
        "X ⊗ X²",
        r"\mathbf{X} \otimes \mathbf{X}^{2}",
    ),
    (
        Phrase("commutation", (), (N, 3), (N, N)),
        "commutation(n, 3)",
        "K(n, 3)",
        r"\mathbf{K}_{n,3}",
    ),
    (
        Phrase("blocks", (A, Phrase("zeros", shape=(2, 3)), X, A), (2, 2), (N, N)),
        "concat(concat(A, zeros(2, 3), axis=1), concat(X, A, axis=1))",
        "concat(concat(A, zeros(2, 3), axis=1), concat(X, A, axis=1))",
        r"\begin{bmatrix} \mathbf{A} & \mathbf{0}_{2 \times 3} \\ \mathbf{X} & \mathbf{A} \end{bmatrix}",
    ),
    (Phrase("vec", (X,), (), (N, 1)), "vec(X)", "vec(X)", r"\operatorname{vec}(\mathbf{X})"),
    (
        total(Phrase("matrix_pow", (X, p.add([i, num(1)])), (), X.shape), ("i", 0, last)),
        "sum(X^(i + 1), i = 0..n-1)",
        "Σᵢ₌₁ⁿ Xⁱ",
        r"\sum_{i=1}^{n} \mathbf{X}^{i}",
    ),
    (
        Phrase("comprehension", (p.mul([entry(x, i), entry(y, j)]),), (("i", N), ("j", 3)), (N, 3)),
        "array(x[i]*y[j], i = 0..n-1, j = 0..2)",
        "[x[i] y[j] for i = 1..n, j = 1..3]",
        r"\left[x_{i} y_{j}\right]_{i=1,\dotsc,n;j=1,\dotsc,3}",
    ),
]


@pytest.mark.parametrize(("phrase", "typed", "shown", "tex"), TABLE, ids=[row[1] for row in TABLE])
def test_spellings(phrase: Phrase, typed: str, shown: str, tex: str) -> None:
    assert text(phrase) == typed
    assert pretty(phrase, index_base=1) == shown
    assert latex(phrase, index_base=1) == tex


def _below(phrase: Phrase) -> Iterator[Phrase]:
    yield phrase
    for arg in phrase.args:
        yield from _below(arg)


def test_the_table_has_every_head() -> None:
    assert {q.head for row in TABLE for q in _below(row[0])} == set(HEADS)


@pytest.mark.parametrize("speller", [TextSpeller("L"), PrettySpeller("L"), LatexSpeller("L", {})])
def test_every_spelling_has_a_row_for_every_head(speller: Speller) -> None:
    read_otherwise = {"delta", "iverson"}
    if isinstance(speller, LatexSpeller):  # a product with ones
        read_otherwise |= {"row_sums", "column_sums"}
    assert set(speller.rows) >= (set(HEADS) | set(HEADS_READ)) - read_otherwise
