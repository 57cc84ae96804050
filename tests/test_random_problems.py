"""A seeded part of the random problems, and the witnesses that judge them."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests import batched, random_problems, witness
from tests.random_problems import Problem, case, judge_within, n

SEED, CASES = 7, 150
ONCE_FAILED = [
    (20298, 977),  # a diagonal of an array of three axes among the terms of a sum
    (20305, 12695),  # SymPy cannot print the problem whose division by zero is told
]
MOST_SECONDS = 60  # for what hangs: a slow machine is let be slow
ACCEPTED = {"right", "slow", "unsupported", "undecided", "undefined"}
A, x = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("x", n, 1)
QUADRATIC = Problem(sp.Trace(x.T * A * x), (x,), "gradient")


def assert_right(problem: Problem, limit: int, *, jax: bool) -> None:
    """Not wrong, no exception, and answered within `limit` seconds."""
    found = judge_within(problem, limit, jax=jax)
    assert found.kind in ACCEPTED, f"{problem} (seed {problem.seed}): {found.detail}"
    assert found.seconds < limit, f"{problem} (seed {problem.seed}): {found.detail}"


@pytest.mark.parametrize("number", range(CASES))
def test_closed_form_against_differences(number: int) -> None:
    problem = case(SEED, number)
    if problem is not None:
        assert_right(problem, MOST_SECONDS, jax=False)


@pytest.mark.parametrize(("seed_", "number"), ONCE_FAILED)
def test_what_once_failed(seed_: int, number: int) -> None:
    problem = case(seed_, number)
    assert problem is not None
    assert_right(problem, MOST_SECONDS, jax=False)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.parametrize("number", range(0, CASES, 15))
@pytest.mark.filterwarnings("default")
def test_closed_form_against_jax(number: int) -> None:
    problem = case(SEED, number)
    if problem is not None:
        assert_right(problem, MOST_SECONDS, jax=True)


# --- the witnesses --------------------------------------------------------------------------------


@st.composite
def problems(draw: Any) -> Problem | None:
    """Random problems that shrink."""
    try:
        return random_problems.draw(lambda of: draw(st.integers(0, of - 1)))
    except random_problems.REFUSALS:
        return None


@seed(5)
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(problem=problems())
def test_two_readings_of_sympy_agree(problem: Problem | None) -> None:
    """`witness` and `batched` share no code."""
    if problem is None:
        return
    values = random_problems.values_for(problem)
    try:
        with np.errstate(all="ignore"):
            one = batched.Batch(batched.as_points(values)).value(problem.expr)[0]
            other = witness.evaluate(problem.expr, random_problems.for_witness(values))
    except (batched.NoValue, witness.WitnessError, np.linalg.LinAlgError):
        return
    if np.isfinite(one).all() and np.isrealobj(other):
        scale = 1 + np.abs(one).max()
        np.testing.assert_allclose(np.reshape(other, one.shape) / scale, one / scale, atol=1e-9)


def test_a_planted_mistake_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge_within(QUADRATIC, 5, jax=False).kind == "right"
    monkeypatch.setattr(random_problems.symback, "gradient", lambda expr, wrt: 2 * A * x)
    found = judge_within(QUADRATIC, 5, jax=False)
    assert found.kind == "mismatch" and found.detail.startswith("off by")


def test_a_finding_is_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wrong derivative of sin, what is left of a long expression is a sine."""
    b = random_problems.b
    long = sp.Trace(A * A) * sp.exp(b) + sp.sin(b) ** 2 * sp.tanh(b)
    wrong = lambda expr, wrt: sp.diff(expr, wrt).subs(sp.cos(b), 3)  # noqa: E731
    monkeypatch.setattr(random_problems.symback, "gradient", wrong)
    problem = Problem(
        sp.Add(*long.args[1:]) + long.args[0].subs(sp.Trace(A * A), 2), (b,), "gradient"
    )
    found = judge_within(problem, 5, jax=False)
    assert found.kind == "mismatch"
    small = random_problems.minimal(problem, found, jax=False)
    assert small.expr == sp.sin(b)
    assert judge_within(replace(small, expr=b), 5, jax=False).kind == "right"


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        (sp.Trace(x.T * A * x), lambda a, v: (a + a.T) @ v),
        (sp.Sum(A[0, 0] * sp.exp(x[0, 0]), (random_problems.i, 0, n - 1)), None),
    ],
)
def test_differences(expr: Any, wanted: Any) -> None:
    values = random_problems.values_for(QUADRATIC)
    found = batched.differences(expr, (x,), values)
    if wanted is None:
        first = 3 * values[A][0, 0] * np.exp(values[x][0, 0])
        assert found[:, 0] == pytest.approx([first, 0, 0], abs=1e-11)
    else:
        np.testing.assert_allclose(found, wanted(values[A], values[x]), atol=1e-11)
