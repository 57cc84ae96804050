"""Numbers without NumPy are those of NumPy, or there are none."""

from __future__ import annotations

import numpy as np
import pytest

from symback.elementwise import apply_function
from symback.field import Entries
from symback.ops import apply, einsum, symbol
from symback.plain import _FUNCTIONS, NotPlain
from symback.rules import FUNCTIONS
from symback.walks import describe_briefly
from symback.witness import verify_plainly

POINTS = [-2.5, -0.3, 0.7, 1.9]
STEP = 1e-30


@pytest.mark.parametrize("name", sorted(_FUNCTIONS))
@pytest.mark.parametrize("step", [0, STEP])
def test_functions_agree_in_value_and_slope(name: str, step: float) -> None:
    arity = FUNCTIONS[name].arity
    for at in POINTS:
        args = [complex(x, step) if step else x for x in (at, 0.4, 1.3)[:arity]]
        try:
            found = _FUNCTIONS[name](*args)
        except ValueError:  # left to NumPy
            continue
        expected = apply_function(name, [np.asarray(x) for x in args])
        assert found.real == pytest.approx(float(expected.real), rel=1e-14)
        assert found.imag / STEP == pytest.approx(float(expected.imag) / STEP, rel=1e-13)


X = symbol("x", (2,))
ROOT = einsum(1, [(apply("tanh", X), "i"), (X, "i")], "")


def verdict(values: tuple[float, ...], claimed: tuple[float, ...], root: object = ROOT) -> object:
    return verify_plainly(
        root,
        [X],
        {X: Entries((2,), values)},
        [Entries((2,), claimed)],
        upstream=None,
        sizes={},
        definitions=(),
        describe=describe_briefly,
        index_base=0,
    )


def slopes(*values: float) -> tuple[float, ...]:
    return tuple(np.tanh(x) + x * (1 - np.tanh(x) ** 2) for x in values)


def test_the_right_gradient_is_confirmed() -> None:
    found = verdict((0.5, -1.5), slopes(0.5, -1.5))
    assert found.ok and found.witness == "complex step" and found.max_error < 1e-14


def test_a_wrong_gradient_is_not() -> None:
    right = slopes(0.5, -1.5)
    with pytest.raises(NotPlain):
        verdict((0.5, -1.5), (right[0], right[1] * (1 + 1e-6)))


@pytest.mark.parametrize("name", ["relu", "abs", "log"])
def test_kinks_and_missing_values_are_left_to_numpy(name: str) -> None:
    root = einsum(1, [(apply(name, X), "i")], "")
    with pytest.raises(NotPlain):
        verdict((0.0, 1.0), (0.0, 1.0), root)
