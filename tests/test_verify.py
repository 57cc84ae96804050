"""The witness agrees with right gradients, finds wrong ones, and knows what a kink is."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from symback.backprop import backprop, gradient, jacobian
from symback.errors import DomainError, ShapeError
from symback.evaluate import evaluate
from symback.graph import Node
from symback.ops import (
    add,
    apply,
    det,
    einsum,
    inverse,
    logdet,
    number,
    power,
    reduce,
    scale,
    subtract,
    symbol,
)
from symback.rules import softmax
from symback.verify import Verification, verify

X, Y, S = symbol("x", (3,)), symbol("y", (3,)), symbol("s")
A, W = symbol("A", (3, 3)), symbol("W", (40, 40))
SYM = symbol("P", (3, 3), "symmetric")


def total(node: Node) -> Node:
    return einsum(1, [(node, tuple(range(node.rank)))], ())


def numbers(root: Node, wrt: list[Node], values: dict[Node, Any]) -> list[Any]:
    return evaluate(gradient(root, wrt), values)


def sample() -> dict[Node, Any]:
    rng = np.random.default_rng(5)
    matrix = rng.uniform(0.5, 1.5, (3, 3)) + np.diag([1.0, -1.0, 2.0])
    return {
        X: rng.uniform(0.3, 1.2, 3),
        Y: rng.uniform(0.3, 1.2, 3),
        S: 0.7,
        A: matrix,
        SYM: matrix + matrix.T,
    }


LOSSES: dict[str, Callable[[], Node]] = {
    "cross-entropy": lambda: scale(-1, einsum(1, [(Y, "i"), (apply("log", softmax(X)), "i")], "")),
    "quadratic form": lambda: einsum(1, [(X, "i"), (A, "ij"), (Y, "j")], ""),
    "inverse": lambda: total(apply("tanh", inverse(A))),
    "log-determinant": lambda: einsum(1, [(logdet(A), ""), (S, "")], ""),
    "determinant": lambda: power(det(A), 2),
    "erf, gamma": lambda: total(add(apply("erf", X), apply("gamma", Y), apply("gelu", X))),
    "sorted": lambda: einsum(1, [(reduce("sort", X), "i"), (Y, "i")], ""),
    "powers": lambda: total(power(X, S)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_right_gradients_agree(name: str) -> None:
    root, values = LOSSES[name](), sample()
    wrt = [X, Y, S, A]
    found = verify(root, wrt, values, numbers(root, wrt, values))
    assert found.ok
    assert found.witness == "complex step"
    assert found.max_error < 1e-12
    assert found.note == ""


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    "change",
    [lambda g: -g, lambda g: 2 * g, lambda g: g + 1e-3, lambda g: g * (1 + 1e-6), np.zeros_like],
    ids=["negated", "doubled", "shifted", "a millionth off", "dropped"],
)
def test_wrong_gradients_do_not(name: str, change: Callable[[Any], Any]) -> None:
    root, values = LOSSES[name](), sample()
    wrt = [
        x for x, g in zip([X, Y, S, A], numbers(root, [X, Y, S, A], values), strict=True) if g.any()
    ]
    gradients = numbers(root, wrt, values)
    for k, node in enumerate(wrt):
        claimed = [change(g) if j == k else g for j, g in enumerate(gradients)]
        found = verify(root, wrt, values, claimed, index_base=1)
        assert not found.ok
        assert found.where.startswith(node.name)


def test_the_worst_entry_is_named() -> None:
    root, values = LOSSES["quadratic form"](), sample()
    (found,) = numbers(root, [A], values)
    found[1, 2] += 0.5
    report = verify(root, [A], values, [found], index_base=1)
    assert not report.ok
    assert report.where == "A[2, 3]"
    assert report.max_error == pytest.approx(0.5 / max(1, abs(found[1, 2] - 0.5)))


def test_small_gradients_are_not_waved_through() -> None:
    root = scale(Fraction(1, 10**9), total(apply("tanh", X)))
    values = sample()
    (found,) = numbers(root, [X], values)
    assert verify(root, [X], values, [found]).ok
    assert not verify(root, [X], values, [2 * found]).ok


def test_many_entries_by_directions() -> None:
    root = total(apply("tanh", einsum(1, [(W, "ij"), (W, "jk")], "ik")))
    values = {W: np.random.default_rng(2).normal(size=(40, 40)) / 10}
    (found,) = numbers(root, [W], values)
    report = verify(root, [W], values, [found])
    assert report.ok
    assert "direction" in report.where
    found[7, 3] += 0.1
    assert not verify(root, [W], values, [found]).ok


def test_upstream() -> None:
    z = einsum(1, [(A, "ij"), (X, "j")], "i")
    upstream, values = symbol("d", (3,)), sample()
    d = [1.0, -2.0, 0.5]
    found = evaluate(backprop(z, [A, X], upstream), {**values, upstream: d})
    assert verify(z, [A, X], values, found, upstream=d).ok
    assert not verify(z, [A, X], values, found, upstream=[1.0, 2.0, 0.5]).ok


def test_jacobian() -> None:
    values = sample()
    root = apply("exp", einsum(1, [(A, "ij"), (X, "j")], "i"))
    found = evaluate(jacobian(root, [X, A]), values)
    assert verify(root, [X, A], values, found).ok
    found[0][1, 2] *= -1
    assert not verify(root, [X, A], values, found).ok


def test_named_intermediates() -> None:
    """The gradient by z1 moves z1 alone, and everything that is computed from it."""
    z, h = symbol("z1", (3,)), symbol("h", (3,))
    steps = [(z, einsum(1, [(A, "ij"), (X, "j")], "i")), (h, apply("sigmoid", z))]
    loss = einsum(Fraction(1, 2), [(h, "i"), (h, "i")], "")
    values = sample()
    (at,) = evaluate([z], values, definitions=steps)
    y = 1 / (1 + np.exp(-at))
    slope = y * y * (1 - y)
    found = verify(loss, [z, X, h], values, [slope, values[A].T @ slope, y], definitions=steps)
    assert found.ok


def test_symmetric_matrices_are_moved_symmetrically() -> None:
    """With P = P' known, x'*P*y has the gradient x*y' as well as its transpose."""
    values = sample()
    root = einsum(1, [(X, "i"), (SYM, "ij"), (Y, "j")], "")
    outer = np.outer(values[X], values[Y])
    assert verify(root, [SYM], values, [outer]).ok
    assert verify(root, [SYM], values, [outer.T]).ok
    assert not verify(root, [SYM], values, [outer + np.eye(3)]).ok


# --- kinks -------------------------------------------------------------------------------------


def test_conventions_at_kinks_agree() -> None:
    root = total(add(apply("relu", X), apply("abs", X), apply("maximum", X, Y)))
    values: dict[Node, Any] = {X: [0.0, 1.0, 2.0], Y: [0.0, 1.0, 3.0]}
    report = verify(root, [X, Y], values, numbers(root, [X, Y], values))
    assert report.ok
    assert report.note == "at a kink: the slopes compared follow the conventions there"


@pytest.mark.parametrize(
    ("slope", "ok"), [(0, True), (0.3, True), (1, True), (1.1, False), (-1, False)]
)
def test_any_slope_between_is_valid_at_a_kink(slope: float, ok: bool) -> None:
    report = verify(apply("relu", S), [S], {S: 0.0}, [slope])
    assert report.ok is ok
    assert ("lie between" in report.note) is (ok and slope != 0)


def test_a_wrong_slope_elsewhere_is_found_at_a_kink() -> None:
    root, at = total(apply("relu", X)), {X: [0.0, 1.0, -1.0]}
    assert verify(root, [X], at, [[0.5, 1.0, 0.0]]).ok
    assert not verify(root, [X], at, [[0.5, 0.5, 0.0]]).ok


def test_a_kink_that_floats_miss() -> None:
    """0.1 + 0.2 - 0.3 is 0 for exact numbers: the gradient they give is 0, by the convention."""
    a, b, c = symbol("a"), symbol("b"), symbol("c")
    root = apply("relu", subtract(add(a, b), c))
    report = verify(root, [a, b, c], {a: 0.1, b: 0.2, c: 0.3}, [0.0, 0.0, 0.0])
    assert report.ok
    assert "lie between" in report.note


# --- other witnesses ---------------------------------------------------------------------------


def test_central_differences_for_functions_of_real_numbers() -> None:
    def real_sine(order: tuple[int, ...], u: Any) -> Any:
        if np.iscomplexobj(u):
            raise TypeError("real numbers only")
        return [np.sin, np.cos][order[0]](u)

    root = total(power(apply("f", X), 2))
    values, functions = sample(), {"f": real_sine}
    found = evaluate(gradient(root, [X]), values, functions=functions)
    report = verify(root, [X], values, found, functions=functions)
    assert report.ok
    assert report.witness == "central differences"
    assert report.max_error < 1e-8
    wrong = [found[0] * 1.001]
    assert not verify(root, [X], values, wrong, functions=functions).ok


def test_no_witness() -> None:
    def broken(order: tuple[int, ...], u: Any) -> Any:
        if np.iscomplexobj(u) or u != 0.5:
            raise ValueError("only at 1/2")
        return u

    report = verify(apply("f", S), [S], {S: 0.5}, [1.0], functions={"f": broken})
    assert report == Verification(False, "none", np.inf, "", "no step from this point has a value")


def test_errors() -> None:
    with pytest.raises(DomainError, match=r"log\(s\) is not defined at s = -1"):
        verify(apply("log", S), [S], {S: -1.0}, [1.0])
    with pytest.raises(ShapeError, match=r"the gradient by x has shape \(2,\), not \(3,\)"):
        verify(total(X), [X], sample(), [[1.0, 1.0]])


def test_nothing_to_compare() -> None:
    assert verify(number(3), [], {}, []).ok
