"""From graph nodes through matrix notation to the three spellings."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symback import phrase as p
from symback import tensor as tn
from symback.backprop import gradient
from symback.graph import Node
from symback.notation import Notation
from symback.ops import add, apply, einsum, logdet, power, reduce, subtract, symbol
from symback.parse.lower import Scope, lower
from symback.parse.parser import parse
from symback.phrase import Phrase
from symback.rules import softmax
from symback.simplify import Simplifier
from symback.spell import latex, pretty, text

m, n = symbol("m", kind="size"), symbol("n", kind="size")
A, X, x, y = symbol("A", (m, n)), symbol("X", (n, n)), symbol("x", (n,)), symbol("y", (m,))
w = symbol("w", (n,))
residual = subtract(einsum(1, [(A, "ij"), (x, "j")], "i"), y)
squared = einsum(1, [(residual, "i"), (residual, "i")], "")
probability = softmax(x)
norm_gradient = (
    r"\frac{1}{\lVert \mathbf{A} \mathbf{x} - \mathbf{y} \rVert_{2}} "
    r"\mathbf{A}^{\top} (\mathbf{A} \mathbf{x} - \mathbf{y})"
)


def phrase(node: Node) -> Phrase:
    written = Notation().matrix(node)
    assert written is not None
    return written


@pytest.mark.parametrize(
    ("loss", "by", "typed", "shown", "tex"),
    [
        (
            squared,
            x,
            "2*A'*(A*x - y)",
            "2 Aᵀ (A x − y)",
            r"2 \mathbf{A}^{\top} (\mathbf{A} \mathbf{x} - \mathbf{y})",
        ),
        (
            power(squared, Fraction(1, 2)),
            x,
            "A'*(A*x - y)/norm2(A*x - y)",
            "Aᵀ (A x − y)/‖A x − y‖₂",
            norm_gradient,
        ),
        (logdet(X), X, "inv(X)'", "X⁻ᵀ", r"\mathbf{X}^{-\top}"),
        (
            einsum(1, [(apply("relu", w), "i"), (x, "i")], ""),
            w,
            "x .* step(w)",
            "x ⊙ [w > 0]",
            r"\mathbf{x} \odot \mathbf{1}[\mathbf{w} > 0]",
        ),
    ],
)
def test_gradients(loss: Node, by: Node, typed: str, shown: str, tex: str) -> None:
    (result,) = gradient(loss, [by])
    written = phrase(Simplifier()(result))
    assert text(written) == typed
    assert pretty(written) == shown
    assert latex(written) == tex


def test_softmax_is_recognised() -> None:
    assert text(phrase(probability)) == "softmax(x)"
    assert text(phrase(reduce("logsumexp", x))) == "logsumexp(x)"


def test_index_notation() -> None:
    i = symbol("i", kind="index")
    node = einsum(1, [(A, "ij"), (x, "j"), (y, "i")], "i")
    written = Notation().indexed(node, (i,))
    assert text(written) == "y[i]*sum(A[i,j]*x[j], j = 0..n-1)"
    assert pretty(written) == "y[i] Σⱼ₌₀ⁿ⁻¹ A[i, j] x[j]"
    assert latex(written) == r"y_{i} \sum_{j=0}^{n-1} A_{i,j} x_{j}"


def test_names_stand_for_nodes() -> None:
    z = einsum(1, [(A, "ij"), (x, "j")], "i")
    named = {z: Phrase("symbol", (), ("z1", ""), (m, 1))}
    form = Notation(names=named).matrix(add(apply("tanh", z), y))
    assert form is not None
    assert pretty(form) == "tanh(z₁) + y"


def test_a_long_and_a_deep_phrase() -> None:
    many = add(*(symbol(f"c{k}") for k in range(2000)))
    assert text(phrase(many)).count(" + ") == 1999
    deep = symbol("c")
    for _ in range(2000):
        deep = apply("sin", deep)
    assert text(phrase(deep)) == "sin(" * 2000 + "c" + ")" * 2000


SCOPE = Scope(
    names={
        **{name: tn.symbol(name) for name in "abc"},
        **{name: tn.symbol(name, (n,)) for name in ("x", "t", "w")},
        **{name: tn.symbol(name, (m, n)) for name in ("A", "B")},
        **{name: tn.symbol(name, (n, n)) for name in ("X", "Y")},
        "y": tn.symbol("y", (m,)),
        "u": tn.symbol("u", (1, n)),
        "m": tn.scalar(m),
        "n": tn.scalar(n),
    },
    functions={"f": 1, "g": 2},
)


@pytest.mark.parametrize(
    "typed",
    [
        "A*x - y",
        "A'*(A*x - y)",
        "norm2(A*x - y)^2/2",
        "x/norm2(x)",
        "(x - t)/2",
        "(t'*x)*w",
        "-sum(t .* log(x))/2",
        "t ./ x",
        "(1 - t) ./ (1 - x)",
        "1 ./ (1 + exp(-x))",
        "x.^2",
        "X.^2",
        "sqrt(x)",
        "X^3",
        "inv(X)*x",
        "inv(X)'",
        "tr(X*Y)",
        "logdet(X)",
        "det(X)*inv(X)'",
        "A + u",
        "diag(x)*X",
        "X*diag(x)",
        "X + a*eye(n)",
        "sum(A, axis=0)",
        "sum(A, axis=1)",
        "softmax(x)",
        "softmax(A)",
        "logsumexp(x)",
        "x .* step(x)",
        "max(x, 0)",
        "where(x < t, x, t)",
        "a*(b + c)",
        "a*b/(2*c)",
        "a^(b - 1)",
        "f(x) .* g(x, t)",
        "digamma(a)",
        "norm1(x)",
        "x[1:3]",
        "A[1, :]",
        "X[:, 1:3]",
        "x[1]",
        "kron(X, Y)",
        "vec(A)",
        "(t .* x)*y'",
    ],
)
def test_what_is_printed_can_be_typed_back_in(typed: str) -> None:
    written = lower(parse(typed), SCOPE)
    surfaces = {SCOPE.names["u"].node: SCOPE.names["u"].shape}
    form = Notation(surfaces).matrix(written.node)
    assert form is not None
    turned = p.transpose(form) if form.shape[1:] == (1,) and written.shape[:1] == (1,) else form
    assert text(turned) == typed
