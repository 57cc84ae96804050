"""Rules of one's own."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symback
from symback.errors import NameProblem, Unsupported
from symback.extend import PI, call, rule
from tests import batched

n = sp.Symbol("n", integer=True, positive=True)
i = sp.Symbol("i", integer=True)
a, t = sp.symbols("a t")
x = sp.MatrixSymbol("x", n, 1)
A = sp.MatrixSymbol("A", n, n)
swish, bump, power = (sp.Function(name) for name in ("swish", "bump", "power"))
SWISH = lambda x, y: y + call("sigmoid", x) * (1 - y)  # noqa: E731
DEFINED = {swish: lambda xp, u: u / (1 + xp.exp(-u)), bump: lambda xp, u: xp.exp(-(u**2))}


@pytest.mark.parametrize(
    "expr",
    [
        sp.Sum(x[i, 0] * swish(a * x[i, 0]), (i, 0, n - 1)),
        (x.T * (A * x).applyfunc(swish))[0, 0],
        sp.Trace((A * A.T).applyfunc(swish)) * swish(a),
    ],
)
def test_a_rule_against_differences(expr: sp.Expr) -> None:
    rng = np.random.default_rng(3)
    values = {n: 3, a: 0.7, x: rng.normal(size=(3, 1)), A: rng.normal(size=(3, 3)), **DEFINED}
    for wrt in expr.free_symbols & {a, x, A}:
        with rule("swish", SWISH):
            slope = symback.gradient(expr, wrt)
            again = symback.hessian(expr, a, wrt)
        for found, variables in ((slope, (wrt,)), (again, (a, wrt))):
            value = batched.Batch(batched.as_points(values)).value(found)[0]
            wanted = batched.differences(expr, variables, values)
            np.testing.assert_allclose(value, np.reshape(wanted, value.shape), atol=1e-8)


def test_rules_nest_and_end() -> None:
    with rule("swish", SWISH):
        with rule("bump", lambda x, y: -2 * x * y):
            both = symback.gradient(swish(t) * bump(t), t)
        assert "bump'" in str(symback.gradient(bump(t), t))
    assert "'" not in str(both)
    assert "swish'" in str(symback.gradient(swish(t), t))


def test_a_rule_ends_with_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), rule("swish", SWISH):
        _ = 1 / 0
    assert "swish'" in str(symback.gradient(swish(t), t))


def test_a_rule_calls_another_of_ones_own() -> None:
    with rule("swish", SWISH), rule("bump", lambda x, y: call("swish", x) / PI):
        assert symback.gradient(bump(t), t) == swish(t) / sp.pi
        assert not symback.hessian(bump(t), t).has(sp.Function("swish'"))


def test_several_arguments() -> None:
    log = lambda x: call("log", x)  # noqa: E731
    with rule("power", lambda x, z, y: z * y / x, lambda x, z, y: y * log(x)):
        assert symback.gradient(power(a, t), a) == t * power(a, t) / a
        assert symback.gradient(power(a, t), t) == power(a, t) * sp.log(a)


def test_mistakes_are_named() -> None:
    with pytest.raises(NameProblem, match="'exp' has a rule already: exp' = exp"), rule("exp"):
        pass
    typo = rule("swish", lambda x, y: call("sigmiod", x))
    with typo, pytest.raises(NameProblem, match="no function 'sigmiod'"):
        symback.gradient(swish(t), t)
    with rule("swish", SWISH, SWISH), pytest.raises(Unsupported, match="2 derivatives, and swish"):
        symback.gradient(swish(t), t)
