"""Quotients over one denominator, and sums that cancel."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import Sum, exp, log

import symback as sb
from symback.ops import ONE, add, einsum, power, scale, symbol
from symback.simplify.fractions import over_one_denominator

size = symbol("n", kind="size")
x, A = symbol("x", (size,)), symbol("A", (size, size))
s, t, y = symbol("s"), symbol("t"), symbol("y")


def over(above: Any, below: Any, own: str = "", out: str = "") -> Any:
    return einsum(1, [(above, own), (power(below, -1), "")], out)


def test_scalars_have_one_denominator() -> None:
    rest = add(ONE, scale(-1, t))
    found = over_one_denominator(add(over(y, t), over(s, rest)))
    assert found is not None
    above, below = found
    assert below is einsum(1, [(power(t, -1), ""), (power(rest, -1), "")], "")
    assert above is add(einsum(1, [(y, ""), (rest, "")], ""), einsum(1, [(s, ""), (t, "")], ""))


def test_a_diagonal_and_a_full_matrix_have_none_in_common() -> None:
    diagonal = einsum(1, [(x, "i"), (power(t, -1), "")], "ii")
    assert over_one_denominator(add(diagonal, over(A, s, "ij", "ij"))) is None
    assert over_one_denominator(add(over(y, t), y)) is None


a, b, c, p = sp.symbols("a b c p", positive=True)
n = sp.Symbol("n", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True)
V, Q = sp.IndexedBase("V"), sp.IndexedBase("Q")
u = sp.MatrixSymbol("u", n, 1)


@pytest.mark.parametrize(
    ("expr", "wrt", "wanted"),
    [
        (a * log(p) + (1 - a) * log(1 - p), p, "(-a + p)/(p*(p - 1))"),
        (log(p / (1 - p)), p, "1/(p*(1 - p))"),
        (a / b + b / c, b, "-a/b**2 + 1/c"),
        (a / (2 - 2 * c**2), a, "1/(2 - 2*c**2)"),
        (a**2 / (2 - 2 * c**2), a, "a/(1 - c**2)"),
    ],
)
def test_forms(expr: Any, wrt: Any, wanted: str) -> None:
    slope = sb.gradient(expr, wrt)
    assert str(slope) == wanted
    assert sp.simplify(slope - sp.diff(expr, wrt)) == 0


def test_equal_sums_cancel_whatever_their_index_is_called() -> None:
    weights = Sum(exp(V[k]) * Q[i, k], (k, 0, n - 1)) / Sum(exp(V[k]), (k, 0, n - 1))
    slope = sb.gradient(Sum(log(weights), (i, 0, n - 1)), Q[j, l])
    assert slope == exp(V[l]) / Sum(exp(V[i]) * Q[j, i], (i, 0, n - 1))
