"""From graph nodes through matrix notation to the three spellings."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symback.backprop import gradient
from symback.graph import Node
from symback.notation import Notation
from symback.ops import add, apply, einsum, logdet, power, reduce, subtract, symbol
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
