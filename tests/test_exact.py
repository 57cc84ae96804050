"""Exact numbers: fractions stay fractions, constants closed forms, and all of it is bounded."""

from __future__ import annotations

import math
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from symback.backprop import gradient
from symback.enclosure import enclosure
from symback.errors import DomainError, ShapeError
from symback.evaluate import evaluate
from symback.exact import Exact, ExactTooLarge, Scalar, as_floats, exact_evaluate, float_of
from symback.graph import Node, symbols_of
from symback.multiprecision import Many, mp_evaluate
from symback.ops import (
    add,
    apply,
    constant,
    det,
    einsum,
    expm,
    inverse,
    matrix_power,
    number,
    power,
    reduce,
    select,
    subtract,
    symbol,
)
from symback.rules import softmax

X, S, T, A = symbol("x", (3,)), symbol("s"), symbol("t"), symbol("A", (2, 2))
SQRT2 = power(number(2), Fraction(1, 2))


def exact(value: Any) -> Exact:
    """An exact array from numbers, "1/3" and nodes, nested."""
    array = np.asarray(value, object)
    entries = (x if isinstance(x, Node) else Fraction(x) for x in array.ravel())
    return Exact(array.shape, tuple(entries))


def scalar(node: Node, **values: Any) -> Scalar:
    """The exact value of a scalar at s= and t=."""
    given = {symbol(name): exact(value) for name, value in values.items()}
    (found,) = exact_evaluate([node], given)
    return found.entries[0]


def test_relu_network_stays_rational() -> None:
    w = symbol("w", (3, 3))
    h = apply("relu", einsum(1, [(w, "ij"), (X, "j")], "i"))
    loss = einsum(Fraction(1, 2), [(h, "i"), (h, "i")], "")
    values = {
        X: exact(["0.5", "1/3", -2]),
        w: exact([[1, 0, 0], [0, -1, 0], ["1/7", 3, "0.1"]]),
    }
    value, slopes = exact_evaluate([loss, *gradient(loss, [w])], values)
    top = Fraction(1, 14) + 1 - Fraction(1, 5)
    assert value.entries == ((Fraction(1, 4) + top**2) / 2,)
    assert slopes.nested() == [
        [Fraction(1, 4), Fraction(1, 6), -1],
        [0, 0, 0],
        [top / 2, top / 3, -2 * top],
    ]


@pytest.mark.parametrize(
    ("node", "value", "wanted"),
    [
        (apply("abs", S), "-3/4", Fraction(3, 4)),
        (apply("sign", S), "-3/4", -1),
        (apply("floor", S), "-3/4", -1),
        (apply("heaviside", S), 0, Fraction(1, 2)),
        (apply("sigmoid", S), 0, Fraction(1, 2)),
        (apply("maximum", S, number(2)), "5/2", Fraction(5, 2)),
        (apply("minimum", S, number(2)), "5/2", 2),
        (apply("gamma", S), 6, 120),
        (apply("atanh", S), 0, 0),
        (apply("log", S), 1, 0),
        (power(S, Fraction(3, 2)), "4/9", Fraction(8, 27)),
        (power(S, -2), "-1/2", 4),
        (power(S, T), 0, 1),
        (apply("le", S, number(2)), 2, 1),
        (apply("and", S, apply("not", S)), 2, 0),
    ],
)
def test_rational_values(node: Node, value: Any, wanted: Any) -> None:
    assert scalar(node, s=value, t=0) == wanted


def test_constants_are_closed_forms() -> None:
    assert scalar(power(S, Fraction(1, 2)), s=2) is SQRT2
    assert scalar(power(S, 2), s=SQRT2) == 2
    assert scalar(apply("exp", S), s="-199/500") is apply("exp", number(Fraction(-199, 500)))
    assert float_of(scalar(apply("sin", S), s=1)) == math.sin(1)


def test_softmax_is_a_quotient() -> None:
    (found,) = exact_evaluate([softmax(X)], {X: exact([0, 1, 2])})
    total = add(number(1), apply("exp", number(1)), apply("exp", number(2)))
    assert found.entries[0] is power(total, -1)
    assert as_floats(found) == pytest.approx(np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum())


def test_constants_are_compared_by_their_digits() -> None:
    near = number(Fraction(14142135623730950488016887243, 10**28))
    assert scalar(apply("relu", subtract(S, near)), s=SQRT2) == 0
    assert scalar(apply("maximum", S, T), s=constant("pi"), t="22/7") == Fraction(22, 7)
    assert scalar(apply("floor", S), s=apply("exp", number(3))) == 20
    order = exact([constant("pi"), 3, SQRT2])
    (found,) = exact_evaluate([reduce("sort", X)], {X: order})
    assert found.entries == (SQRT2, 3, constant("pi"))


def test_constants_that_cannot_be_told_apart() -> None:
    root6 = power(number(6), Fraction(1, 2))
    nested = power(add(number(5), einsum(2, [(root6, "")], "")), Fraction(1, 2))
    root3 = power(number(3), Fraction(1, 2))
    with pytest.raises(ExactTooLarge, match="told apart"):
        scalar(apply("maximum", S, T), s=add(SQRT2, root3), t=nested)


def test_entries_may_be_symbols() -> None:
    a, b, c, d = (symbol(name) for name in "abcd")
    found, value = exact_evaluate([inverse(A), det(A)], {A: exact([[a, b], [c, d]])})
    assert value.entries[0] is subtract(
        einsum(1, [(a, ""), (d, "")], ""), einsum(1, [(b, ""), (c, "")], "")
    )
    numbers = {a: 2.0, b: 1.0, c: 3.0, d: 5.0}
    entries = evaluate([entry for entry in found.entries if isinstance(entry, Node)], numbers)
    assert entries == pytest.approx(np.linalg.inv([[2, 1], [3, 5]]).ravel())


def test_functions_of_symbols_stay() -> None:
    a = symbol("a")
    (found,) = exact_evaluate([apply("relu", X)], {X: exact([a, 2, -1])})
    assert found.entries == (apply("relu", a), 2, 0)
    (top,) = exact_evaluate([reduce("max", X)], {X: exact([a, 2, -1])})
    assert isinstance(top.entries[0], Node)
    assert symbols_of([top.entries[0]]) == [a]
    with pytest.raises(ExactTooLarge, match="an order among symbols has no exact form"):
        exact_evaluate([reduce("sort", X)], {X: exact([a, 2, -1])})


def test_linear_algebra_is_exact() -> None:
    hilbert = [[Fraction(1, i + j + 1) for j in range(6)] for i in range(6)]
    h = symbol("H", (6, 6))
    found, value, square = exact_evaluate(
        [inverse(h), det(h), matrix_power(h, number(-2))], {h: exact(hilbert)}
    )
    assert found.nested()[0] == [36, -630, 3360, -7560, 7560, -2772]
    assert value.entries[0] == Fraction(1, 186313420339200000)
    assert square.nested()[0][0] == sum(x * x for x in found.nested()[0])


def test_correlation_of_a_large_image_is_quick() -> None:
    """28x28 by 5x5: a selection costs what it selects."""
    image, kernel = symbol("I", (28, 28)), symbol("K", (5, 5))
    window = select("==", (1, -1, -1), 0, (28, 24, 5))
    factors = [(image, "pq"), (window, "pia"), (window, "qjb"), (kernel, "ab")]
    rng = np.random.default_rng(0)
    i, k = rng.integers(-9, 9, (28, 28)), rng.integers(-9, 9, (5, 5))
    start = time.perf_counter()
    (found,) = exact_evaluate([einsum(1, factors, "ij")], {image: exact(i), kernel: exact(k)})
    assert time.perf_counter() - start < 3
    wanted = sum(i[a : a + 24, b : b + 24] * k[a, b] for a in range(5) for b in range(5))
    assert found.entries == tuple(wanted.ravel().tolist())


@pytest.mark.parametrize(
    ("node", "values", "reason"),
    [
        (expm(A), {A: [[0, 1], [1, 0]]}, "a matrix exponential has no exact form"),
        (matrix_power(A, S), {A: [[1, 1], [1, 0]], S: "1/2"}, "not a whole number"),
        (matrix_power(A, S), {A: [[1, 1], [1, 0]], S: 10**6}, "too many digits"),
        (power(S, 10**9), {S: 3}, "too many digits"),
        (symbol("u", (300_001,)), {}, ""),
    ],
)
def test_out_of_reach(node: Node, values: dict[Node, Any], reason: str) -> None:
    given = {key: exact(value) for key, value in values.items()}
    if not values:
        given = {node: exact([1] * 300_001)}
        node = apply("relu", node)
        reason = "too many operations"
    with pytest.raises(ExactTooLarge, match=reason):
        exact_evaluate([node], given)


def test_long_closed_forms_are_refused() -> None:
    node = S
    for k in range(150):
        node = apply("sin", add(node, number(k + 1), einsum(1, [(S, ""), (T, "")], "")))
    with pytest.raises(ExactTooLarge, match="too long"):
        scalar(node, s=SQRT2, t=constant("pi"))


def test_towers_of_exponentials_are_no_trap() -> None:
    tower = S
    for _ in range(4):
        tower = apply("exp", tower)
    with pytest.raises(DomainError, match="too large"):
        mp_evaluate([tower], {S: exact(1000)})
    with pytest.raises(ExactTooLarge):
        scalar(apply("relu", tower), s=1000)
    falling = apply("exp", einsum(-1, [(power(S, 3), "")], ""))
    assert mp_evaluate([apply("exp", falling)], {S: exact(10**1100)})[0].entries[0] == 1


def test_many_digits() -> None:
    (found,) = mp_evaluate([apply("erf", S)], {S: exact("1/2")}, digits=40)
    assert Many(50).mp.nstr(found.entries[0], 40) == "0.5204998778130465376827466538919645287365"


def test_floats_of_exact_numbers() -> None:
    assert float_of(Fraction(1, 3)) == 1 / 3
    with pytest.raises(DomainError, match="too large"):
        float_of(Fraction(10**400))
    with pytest.raises(DomainError, match="too large"):
        float_of(apply("exp", number(1000)))


def test_array_of_entries() -> None:
    array = exact([[1, 2, 3], [4, 5, 6]])
    assert array.nested() == [[1, 2, 3], [4, 5, 6]]
    assert array.at((1, 0)) == 4
    assert array.rows(1) == [(1, 2, 3), (4, 5, 6)]
    assert exact(7).nested() == 7
    with pytest.raises(ShapeError):
        Exact((2,), (Fraction(1),))


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "softplus", "erf", "sinh"])
@pytest.mark.parametrize("at", [Fraction(1, 7), Fraction(3), Fraction(20)])
def test_an_enclosure_is_tight_and_holds_the_number(name: str, at: Fraction) -> None:
    node = add(einsum(-3, [(apply(name, number(at)), ())], ()), power(number(2), Fraction(1, 3)))
    low, high = enclosure(node)
    (exact,) = mp_evaluate([node], {}, digits=40)[0].entries
    assert low < exact < high
    assert high - low < 1e-12 * max(1, abs(exact))


def test_an_enclosure_is_refused_where_floats_cannot_say() -> None:
    assert enclosure(apply("exp", number(1000))) is None
    assert enclosure(apply("sin", number(1))) is None
