"""Index notation against SymPy, which works the sums out once numbers are put in.

Windows, strides, look-ups, deltas, circles, masks: each gradient and each Hessian at every entry.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import sympy as sp

import symback as sb
from symback.errors import Unsupported

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k, ell = sp.symbols("i j k l", integer=True)
w, x, y = (sp.IndexedBase(name) for name in "wxy")
label = sp.IndexedBase("label", integer=True)
delta, Sum, Mod = sp.KroneckerDelta, sp.Sum, sp.Mod
SIZES = {n: 4, m: 2}
LABELS = (2, 1, 1, 3)
VALUES = {
    base[place]: sp.Rational((7 * place + 3 * order) % 11 + 1, 5 + order)
    for order, base in enumerate((w, x, y))
    for place in range(-9, 12)
}
all_ = (i, 0, n - 1)
both = (all_, (j, 0, n - 1))


def worked_out(expr: Any, given: dict[Any, Any]) -> Any:
    """With sizes, indices and labels put in and its sums written out; a range may be empty."""
    found = _written_out(sp.sympify(expr).subs({**SIZES, **given}))
    labels = {label[place]: sp.Integer(at) for place, at in enumerate(LABELS)}
    for _ in range(3):  # labels of labels
        found = found.xreplace(labels).doit()
    return found


def _written_out(expr: Any) -> Any:
    if isinstance(expr, (sp.Sum, sp.Product)):
        *inner, (name, low, high) = expr.limits
        body = expr.func(expr.function, *inner) if inner else expr.function
        values = range(int(low.doit()), int(high.doit()) + 1)
        parts = [_written_out(body.subs(name, value)) for value in values]
        return sp.Add(*parts) if isinstance(expr, sp.Sum) else sp.Mul(*parts)
    return expr.func(*map(_written_out, expr.args)) if expr.has(sp.Sum, sp.Product) else expr


EXPRESSIONS = {  # by the entries of w that there are
    range(4): (
        Sum(delta(i, label[i]) * w[i], all_),
        Sum((1 - delta(i, label[i])) * w[i] ** 2, all_),
        Sum(w[label[i]] * delta(i, label[i]) * y[i], all_),
        Sum(delta(i, i**2) * w[i] ** 2, all_),
        Sum(delta(i, sp.Abs(i - 2)) * w[i] ** 2, all_),
        Sum(delta(i, j**2) * x[i] * w[j] ** 2, *both),
        Sum(delta(i, sp.Max(j, 5)) * x[i] * w[j], *both),
        Sum(delta(i, sp.floor(j / 2) + 3) * x[i] * w[j] ** 2, *both),
        Sum(delta(i, label[j]) * delta(j, label[i]) * w[i] * w[j], *both),
        Sum(delta(j, Mod(i + 1, n)) * w[Mod(i + j, n)] ** 2, *both),
        Sum(delta(j, Mod(i + 1, n)) * y[i] * w[Mod(j - i, n)], *both),
        Sum((w[Mod(i + 1, n)] - w[i]) ** 2, all_),
        Sum(w[Mod(i + 2, n)] ** 3 * y[i], all_),
        Sum(sp.exp(w[Mod(i + 1, n)] * w[i]), all_),
        Sum(w[Mod(i - j, n)] ** 2 * y[i], *both),
        Sum(sp.log(w[Mod(i + j, n)] ** 2 + 3) * y[j], *both),
        Sum(w[i] * w[j] ** 2, (j, 0, i - 1), all_),
        Sum((w[i] - w[j]) ** 2, (j, 0, i - 1), all_),
        Sum(1 / (w[i] - w[j]) ** 2, (j, i + 1, n - 1), all_),
        Sum((w[i] - w[j]) ** 2 * sp.exp((w[j] - w[i]) ** 2) / 9, *both),
        Sum(sp.Piecewise((w[i] ** 2 * w[j], sp.Ne(i, j)), (y[i] * w[i], True)), *both),
        Sum(sp.Piecewise((w[i] * w[j], sp.Eq(j, i + 1)), (0, True)), *both),
        Sum(sp.Piecewise((w[i] ** 2, i < sp.Rational(3, 2)), (w[i], True)), all_),
        Sum(sp.Piecewise((w[i] ** 2, i < (n + 1) / 2), (0, True)), all_) ** 2,
        Sum(sp.Piecewise((w[i] ** 2, (i > n / 3) & (i < 2 * n / 3)), (x[i], True)), all_) ** 2,
        Sum(sp.Piecewise((w[i] ** 2, i < sp.sqrt(n + 1)), (w[i] * x[i], True)), all_),
        Sum(delta(i, (n + 1) / 2) * w[i] ** 2 + delta(i, n / 2) * w[i] ** 3, all_),
        Sum(delta(i, j / 2) * w[i] ** 2 * x[j], *both) ** 2,
        Sum(sp.Piecewise((w[i] ** 2, sp.Eq(i, (n + 1) / 2)), (x[i] * w[i], True)), all_),
        Sum(w[i] * w[j] ** 2, (j, sp.Max(0, i - 2), sp.Min(n - 1, i + 1)), all_),
        Sum((w[i] - Sum(w[j], (j, sp.Max(0, i - m), sp.Min(n - 1, i + m)))) ** 2, all_),
        Sum(x[j] * Sum(w[i] ** 2, (i, 0, sp.Min(j, m))), (j, 0, n - 1)) ** 2,
        Sum(sp.exp(w[i] * w[j]), (j, sp.Max(i - 1, 0), i), all_),
        Sum(sp.Product(w[j], (j, sp.Max(0, i - 1), sp.Min(n - 1, i + 1))) * x[i], all_),
        Sum(sp.Product(w[j] + 1, (j, i, sp.Min(n - 1, i))) * x[i], all_),
        Sum(w[i] ** 2 * w[sp.floor(i / 2)], (i, 1, n - 1)),
        sp.log(w[label[1]]) + Sum(sp.log(w[label[i]]) * y[i], all_),
        Sum((w[i] - Sum(x[j] * w[j], (j, 0, i))) ** 2, all_),
    ),
    range(8): (
        Sum(y[i] * (w[2 * i] + w[2 * i + 1]), all_),
        Sum(y[i] * (w[2 * i] + w[2 * i + 1] - x[i]) ** 2, all_),
        Sum(y[i] * Sum(w[m * i + j], (j, 0, m - 1)) ** 2, all_),
        Sum(y[i] * Sum(w[j], (j, 2 * i, 2 * i + 1)) ** 2, all_),
        Sum(y[i] * Sum(w[j], (j, m * i, m * i + m - 1)) ** 3, all_),
        Sum(w[2 * i - 1] * y[i] + w[2 * i] * y[i], (i, 1, n - 1)),
    ),
    range(5): (
        w[n] + Sum(w[Mod(i, n)] ** 2, all_),
        Sum(w[i + 1] + w[Mod(i, n)] ** 2, all_),
        Sum(w[Mod(i + 1, n)] * w[i + 1], all_),
        w[n] ** 2 + Sum(y[i] * w[Mod(i + 1, n)] ** 2, all_),
    ),
    range(-4, 8): (
        Sum(w[-i] ** 2 * w[2 * i], (i, 1, n - 2)),
        Sum(w[-i] ** 2 * w[i + m], (i, 1, n - 2)),
        Sum(w[-j] ** 2 * Sum(w[i] ** 2, (i, 0, j)), (j, 1, n - 2)),
        Sum(w[-i] ** 2 * w[sp.Abs(i - 2)] ** 2, (i, 1, n)),
        Sum(w[i] * w[i - m], (i, 0, n)),
        Sum((w[i] - w[i - m]) ** 2, (i, 0, n)),
        Sum(w[i - m + 1] * x[i], (i, 0, n)) + Sum(w[i] ** 2, (i, 0, n)),
        Sum(w[i], all_) + Sum(w[i - j] * x[i], (j, 0, n - 1), (i, 1, n)),
        Sum(w[-i], (i, 1, n)) * Sum(w[i], all_),
        Sum((w[i] - Sum(x[j] * w[i - j], (j, 1, m))) ** 2, (i, 1, n)),
        Sum(x[i] * w[i + m * j] * y[j], (j, 0, m - 1), all_),
    ),
}
CASES = [(places, expr) for places, some in EXPRESSIONS.items() for expr in some]


@pytest.mark.parametrize(("places", "expr"), CASES, ids=str)
def test_the_gradient_at_every_entry(places: range, expr: Any) -> None:
    slope = sb.gradient(expr, w[k])
    by_hand = worked_out(expr, {})
    for place in set(places) & {a.indices[0] for a in by_hand.atoms(sp.Indexed) if a.base == w}:
        found = worked_out(slope, {k: place}).subs(VALUES)
        assert found == by_hand.diff(w[place]).subs(VALUES), place


@pytest.mark.parametrize(("places", "expr"), CASES, ids=str)
def test_the_hessian_at_every_pair_of_entries(places: range, expr: Any) -> None:
    slopes = sb.hessian(expr, w[k], w[ell])
    by_hand = worked_out(expr, {})
    there = set(places) & {a.indices[0] for a in by_hand.atoms(sp.Indexed) if a.base == w}
    for one, other in product(sorted(there), repeat=2):
        found = worked_out(slopes, {k: one, ell: other}).subs(VALUES)
        assert found == by_hand.diff(w[one], w[other]).subs(VALUES), (one, other)


def test_a_mask_stays_on_unknown_functions() -> None:
    """f''(0) need not exist."""
    f = sp.Function("f")
    slopes = sb.hessian(Sum((1 - delta(i, j)) * f(x[i] - x[j]), *both), x[k])
    body, _ = slopes.args
    assert (1 - delta(i, k)) in body.args


def test_a_stride_is_no_index() -> None:
    """The fourth index that is needed would be called s."""
    s = sp.Symbol("s", integer=True)
    inner = sp.Piecewise((0, k > 0), (w[n - ell] * w[k + ell * s], True))
    slope = sb.gradient(Sum(inner, (k, 0, m - 1), (ell, 0, n)) ** 2, w[i])
    assert s not in {index for total in slope.atoms(Sum) for index in total.bound_symbols}


def test_a_delta_of_roots_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"may be none in KroneckerDelta\(i, sqrt\(j\)\)"):
        sb.gradient(Sum(delta(i, sp.sqrt(j)) * w[i] * x[j], *both), w[k])


def test_where_entries_begin_must_be_known() -> None:
    s = sp.Symbol("s", integer=True, positive=True)
    blocks = Sum((w[i - j + 1] + w[j]) ** 2, (j, i * s, i * s + s - 1), (i, 0, n))
    with pytest.raises(Unsupported, match="cannot tell where the entries of w begin"):
        sb.gradient(blocks, w[k])


def test_arrays_may_be_looked_up() -> None:
    array = sp.tensor.array.expressions.ArraySymbol("a", (n,))
    ring = Sum((array[Mod(i + 1, n)] - array[i]) ** 2, all_)
    assert sb.gradient(ring, array[k]) == (
        4 * array[k] - 2 * array[Mod(k + 1, n)] - 2 * array[Mod(k - 1, n)]
    )


def test_a_mask_that_a_user_wrote_for_one_index_stays() -> None:
    slope = sb.gradient(Sum((1 - delta(j, k)) / (x[j] - x[k]), (j, 1, n)), x[k])
    assert slope == Sum((1 - delta(i, k)) / (x[i] - x[k]) ** 2, (i, 1, n))


def test_zero_arrays_have_their_axes() -> None:
    zeros = sp.tensor.array.expressions.ZeroArray(n, n)
    assert len(sb.jacobian(zeros, sp.MatrixSymbol("v", n, 1)).shape) == 3
