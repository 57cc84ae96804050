"""Energies of pairs i != j whose terms have no value, or no derivative, at i = j.

`1 - KroneckerDelta(i, j)` has to stand on whatever is left: the answer is evaluated with the terms
left out where it is 0, and compared with the derivative of the energy written out for n = 3.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import sympy as sp

import symback as sb

n = sp.Symbol("n", integer=True, positive=True)
i, j, k, l = sp.symbols("i j k l", integer=True)
a = sp.Symbol("a", positive=True)
x, y, g, C = (sp.IndexedBase(name) for name in "xygC")
COUNT = 3
PLACES = range(1, COUNT + 1)
mask = 1 - sp.KroneckerDelta(i, j)
r = sp.sqrt((x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2)
gap = sp.Abs(x[i] - x[j])
ENERGIES = {
    "weighted distances": C[i, j] * r,
    "springs": C[i, j] * (r - a) ** 2,
    "charges and springs": g[i] * g[j] * (r - 1) ** 2,
    "force-directed layout": C[i, j] * r**3 / 3 - sp.log(r),
    "layout without weights": r**3 / 3 - sp.log(r),
    "screened charges": sp.exp(-r) / r,
    "charges": 1 / r,
    "cubes of distances": r**3 / 3,
    "Matern kernel": (1 + r) * sp.exp(-r),
    "exponential kernel": sp.exp(-r),
    "logarithms": sp.log(gap),
    "inverse squares": g[i] / (x[i] - x[j]) ** 2,
    "Lennard-Jones": gap**-12 - gap**-6,
    "roots": C[i, j] * sp.sqrt(gap),
}


def point() -> dict[Any, Any]:
    values: dict[Any, Any] = {a: sp.Rational(7, 10), n: COUNT}
    for at in PLACES:
        values |= {x[at]: sp.Rational(at * at, 3), y[at]: sp.Rational(2, at), g[at]: at - 4}
        values |= {C[at, other]: sp.Rational(at, other + 1) for other in PLACES}
    return values


def energy(pair: Any) -> Any:
    """The sum over i != j, written out."""
    pair = pair.subs(gap, sp.sqrt((x[i] - x[j]) ** 2))  # SymPy takes entries to be complex
    pairs = ((p, q) for p, q in product(PLACES, PLACES) if p != q)
    return sum(pair.subs({i: p, j: q}, simultaneous=True) for p, q in pairs)


def value(expr: Any, places: dict[Any, int], numbers: dict[Any, Any]) -> Any:
    """The value of an answer, with the terms left out that a mask leaves out."""
    if isinstance(expr, sp.Sum):
        index, low, high = expr.limits[0]
        inner = sp.Sum(expr.function, *expr.limits[1:]) if expr.limits[1:] else expr.function
        ends = (int(value(low, places, numbers)), int(value(high, places, numbers)))
        steps = range(ends[0], ends[1] + 1)
        return sum(value(inner, places | {index: at}, numbers) for at in steps)
    if isinstance(expr, sp.Indexed) or not expr.args:
        return expr.subs(places).subs(numbers)
    if isinstance(expr, sp.Mul):
        masks = [factor for factor in expr.args if not factor.has(sp.Indexed)]
        if any(value(factor, places, numbers) == 0 for factor in masks):
            return sp.Integer(0)
    return expr.func(*(value(arg, places, numbers) for arg in expr.args))


@pytest.mark.parametrize("name", ENERGIES)
def test_gradient(name: str) -> None:
    pair = ENERGIES[name]
    answer = sb.gradient(sp.Sum(mask * pair, (i, 1, n), (j, 1, n)), x[k])
    for place in PLACES:
        wanted = sp.diff(energy(pair), x[place]).subs(point())
        found = value(answer, {k: place}, point())
        assert abs(sp.N(found - wanted, 30)) < 1e-20, answer


@pytest.mark.parametrize("name", ENERGIES)
def test_hessian(name: str) -> None:
    pair = ENERGIES[name]
    answer = sb.hessian(sp.Sum(mask * pair, (i, 1, n), (j, 1, n)), x[k], x[l])
    whole = energy(pair)
    for one, two in ((1, 1), (1, 2), (3, 2)):
        wanted = sp.diff(whole, x[one], x[two]).subs(point())
        found = value(answer, {k: one, l: two}, point())
        assert abs(sp.N(found - wanted, 30)) < 1e-20, answer


X, d = sp.IndexedBase("X"), sp.Symbol("d", integer=True, positive=True)
b, p, q = sp.symbols("b p q", integer=True)
square = sp.Sum((X[i, b] - X[j, b]) ** 2, (b, 1, d))
CLOUDS = {
    "distances": sp.sqrt(square),
    "weighted distances": g[i] * sp.sqrt(square),
    "inverse squares": C[i, j] / square,
    "thin plates": g[i] * square * sp.log(square),
    "logarithms": sp.log(square),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_hessian_of_points_in_space(name: str) -> None:
    pair = CLOUDS[name]
    answer = sb.hessian(sp.Sum(mask * pair, (i, 1, n), (j, 1, n)), X[k, l], X[p, q])
    places = {
        (at, axis): sp.Rational(at * at + axis, 2 * axis + at) for at in PLACES for axis in (1, 2)
    }
    numbers = point() | {X[place]: number for place, number in places.items()} | {d: 2}
    pairs = ((s, t) for s, t in product(PLACES, PLACES) if s != t)
    flat = pair.subs(d, 2).doit()
    whole = sum(flat.subs({i: s, j: t}, simultaneous=True) for s, t in pairs)
    for at in ((1, 1, 1, 1), (1, 1, 2, 2), (3, 2, 1, 2), (2, 1, 2, 2)):
        wanted = sp.diff(whole, X[at[:2]], X[at[2:]]).subs(numbers)
        found = value(answer, dict(zip((k, l, p, q), at, strict=True)), numbers)
        assert abs(sp.N(found - wanted, 30)) < 1e-20, answer
    there = sb.hessian(sp.Sum(mask * pair, (i, 1, n), (j, 1, n)), X[1, 1], X[1, 1])
    wanted = sp.diff(whole, X[1, 1], X[1, 1]).subs(numbers)
    assert abs(sp.N(value(there, {}, numbers) - wanted, 30)) < 1e-20, there


@pytest.mark.parametrize("weight", [g[i], C[i, k], sp.Integer(1)], ids=str)
@pytest.mark.parametrize("wrt", [x[k], x[l], x[2]], ids=str)
def test_one_point_and_all_others(weight: Any, wrt: Any) -> None:
    pair = (weight * (r - a) ** 2).subs(j, k)
    total = sp.Sum((1 - sp.KroneckerDelta(i, k)) * pair, (i, 1, n))
    for answer, order in ((sb.gradient(total, wrt), 1), (sb.hessian(total, wrt, y[k]), 2)):
        for here, other in ((1, 1), (2, 3), (3, 2)):
            whole = sum(
                pair.subs({i: at, k: here}, simultaneous=True) for at in PLACES if at != here
            )
            slope = sp.diff(whole, wrt.subs({k: here, l: other}))
            wanted = (slope if order == 1 else sp.diff(slope, y[here])).subs(point())
            found = value(answer, {k: here, l: other}, point())
            assert abs(sp.N(found - wanted, 30)) < 1e-20, answer


@pytest.mark.parametrize("odd", range(3))
def test_two_masks_of_one_size_are_told_apart(odd: int) -> None:
    forms = r, g[i] * sp.log((x[i] - x[j]) ** 2), 1 / (x[i] - x[j])
    parts = [(form, l if place == odd else k) for place, form in enumerate(forms)]
    total = sum(
        sp.Sum((1 - sp.KroneckerDelta(i, at)) * form.subs(j, at), (i, 1, n)) for form, at in parts
    )
    answer = sb.gradient(total, x[p])
    for here, there, other in ((1, 2, 3), (2, 3, 3), (1, 3, 1)):
        fixed = {k: here, l: there}
        whole = sum(
            form.subs({i: at, j: fixed[name]}, simultaneous=True)
            for form, name in parts
            for at in PLACES
            if at != fixed[name]
        )
        wanted = sp.diff(whole, x[other]).subs(point())
        found = value(answer, {**fixed, p: other}, point())
        assert abs(sp.N(found - wanted, 30)) < 1e-20, answer


def test_the_mask_stands_on_the_whole_term() -> None:
    total = sp.Sum(mask * (r**3 / 3 - sp.log(r)), (i, 1, n), (j, 1, n)) / 2
    answer = sb.gradient(total, x[k])
    assert isinstance(answer, sp.Sum)
    ((index, *_),) = answer.limits
    assert 1 - sp.KroneckerDelta(index, k) in answer.function.args
