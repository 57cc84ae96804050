"""Functions with cases inside functions with cases, elementwise, against central differences."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import sympy as sp

import symback as sb

n = sp.Symbol("n", integer=True, positive=True)
t = sp.Symbol("t", real=True)
x, y = (sp.MatrixSymbol(name, n, 1) for name in "xy")
THREE = sp.MatrixSymbol("x", 3, 1)
POINTS = (-0.7, 0.6, 1.4, 1.7, 2.3, 3.6, 5.4)

PIECES = (
    sp.Piecewise((1, t < 2), (t, True)),
    sp.Piecewise((t**2, t > 1), (t**3, True)),
    sp.Piecewise((0, t < 0), (t, t < 1), (1, True)),
    sp.Piecewise((t**2, (t > 1) & (t < 2)), (t**3, True)),
    sp.Piecewise((1, t < 3), (t, t > 5), (sp.sin(t), True)),
)
JOINED = {
    "product": lambda a, b: a * b,
    "max": sp.Max,
    "distance": lambda a, b: sp.Abs(a - b),
    "sine": lambda a, b: sp.sin(a * b / 50),
}


def total(column: Any, body: Any) -> Any:
    return sp.OneMatrix(1, n) * column.applyfunc(sp.Lambda(t, body))


@pytest.mark.parametrize("joined", JOINED)
@pytest.mark.parametrize("pair", list(product(range(len(PIECES)), repeat=2)))
def test_pairs_of_cases(joined: str, pair: tuple[int, int]) -> None:
    body = JOINED[joined](*(PIECES[k] for k in pair))
    slope = sb.gradient(total(x, body), x)
    value, step = sp.lambdify(t, body, "math"), 1e-6
    for at in POINTS:
        entries = slope.subs(n, 3).subs(THREE, sp.Matrix([at, 1, 1])).doit().as_explicit()
        wanted = (value(at + step) - value(at - step)) / (2 * step)
        assert float(sp.N(entries[0, 0])) == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        (t - 1) * sp.sin(t) * sp.sqrt(sp.Abs(t)),
        (t - 1) * sp.tanh(t) * sp.Abs(t) ** sp.Rational(3, 2),
    ],
)
def test_an_even_function_beside_odd_ones_of_both_signs(body: Any) -> None:
    slope = sb.gradient(total(x - y, body), x)  # once turned back and forth for ever
    at = {THREE: sp.Matrix([1, 2, 3]), sp.MatrixSymbol("y", 3, 1): sp.Matrix([2, 0, 1])}
    entries = slope.subs(n, 3).subs(at).doit().as_explicit()
    for entry, place in zip(entries, (-1, 2, 2), strict=True):
        assert float(sp.N(entry - body.diff(t).subs(t, place).doit())) == pytest.approx(0, abs=1e-9)


def test_a_matrix_under_a_condition_is_a_number_times_it() -> None:
    """Else a column of zeros would be written as the number 0."""
    m = sp.Symbol("m", integer=True, positive=True)
    i, j, k = sp.symbols("i j k", integer=True)
    Y, A = sp.IndexedBase("Y"), sp.MatrixSymbol("A", m, 1)
    total = sp.Sum(sp.Product(Y[j, i], (j, 0, i - 1)), (i, 0, n))
    slopes = sb.jacobian(total * A, Y[k, 1])
    assert slopes.shape == (m, 1)
    assert slopes.subs({m: 2, k: 3}).as_explicit() == sp.zeros(2, 1)
