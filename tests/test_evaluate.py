"""Numbers for graph nodes: every operation against plain NumPy, and errors that name the node."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from symback.backprop import gradient
from symback.bindings import bind_sizes, offset_value
from symback.elementwise import IMPLEMENTATIONS, INDICATORS
from symback.errors import DomainError, LimitError, ShapeError, Unsupported, ValueProblem
from symback.evaluate import evaluate
from symback.exact import Exact, exact_evaluate
from symback.field import Entries
from symback.graph import Node, topological
from symback.multiprecision import Many, mp_evaluate
from symback.ops import (
    OPS,
    ZERO,
    add,
    apply,
    constant,
    det,
    einsum,
    expm,
    identity,
    inverse,
    iota,
    logdet,
    matrix_power,
    number,
    ones,
    pick,
    power,
    reduce,
    scale,
    select,
    stack,
    symbol,
    zeros,
)
from symback.rules import FUNCTIONS
from symback.walks import describe_briefly

X, Y, S = symbol("x", (3,)), symbol("y", (3,)), symbol("s")
A, B, M = symbol("A", (3, 3)), symbol("B", (3, 3)), symbol("M", (2, 3))
N = symbol("n", kind="size")
XN = symbol("xn", (N,))

RNG = np.random.default_rng(3)
VALUES: dict[Node, Any] = {
    X: np.array([0.5, 2.0, 1.0]),
    Y: np.array([1.5, -1.0, 0.25]),
    S: np.array(3.0),
    A: np.array([[2.0, 1.0, 0.0], [0.5, -1.0, 3.0], [1.0, 0.0, 1.5]]),
    B: RNG.integers(-3, 4, (3, 3)).astype(float),
    M: np.array([[1.0, 4.0, 4.0], [-2.0, 0.5, 3.0]]),
}
x, y, s, a, b, m = VALUES.values()

Case = tuple[Node, Any]


def exponential(matrix: Any) -> Any:
    values, vectors = np.linalg.eig(matrix)
    return (vectors * np.exp(values) @ np.linalg.inv(vectors)).real


CASES: dict[str, list[Case]] = {
    "symbol": [(X, x), (S, s)],
    "number": [(number(Fraction(-7, 4)), -1.75)],
    "constant": [(constant("pi"), math.pi), (constant("e"), math.e)],
    "zeros": [(zeros((2, 3)), np.zeros((2, 3)))],
    "select": [
        (select("==", (1, -1), 1, (3, 4)), np.eye(3, 4, 1)),
        (select("<=", (1, -1), 0, (3, 3)), np.triu(np.ones((3, 3)))),
        (select("==", (2,), -3, (3,)), np.zeros(3)),
        (select("==", (2,), -4, (3,)), [0, 0, 1]),
    ],
    "pick": [(pick([2, 0, 2], 4), np.eye(4)[[2, 0, 2]])],
    "iota": [(iota(4), [0, 1, 2, 3]), (iota(3, number(-2)), [-2, -1, 0])],
    "stack": [(stack([S, ZERO, number(2), S], (2, 2)), [[3, 0], [2, 3]])],
    "add": [(add(X, Y, X), 2 * x + y)],
    "einsum": [
        (einsum(2, [(A, "ij"), (X, "j")], "i"), 2 * a @ x),
        (einsum(1, [(A, "ij"), (B, "jk"), (A, "kl")], "il"), a @ b @ a),
        (einsum(1, [(A, "ii")], ""), np.trace(a)),
        (einsum(1, [(A, "ii")], "i"), a.diagonal()),
        (einsum(1, [(X, "i")], "ii"), np.diag(x)),
        (
            einsum(1, [(X, "i"), (Y, "j")], "jiij"),
            np.einsum("i,j,ik,jl->jikl", x, y, np.eye(3), np.eye(3)),
        ),
        (einsum(1, [(X, "i")], "ji", {"j": 2}), np.stack([x, x])),
        (einsum(1, [(X, "i"), (S, "")], ""), s * x.sum()),
        (einsum(-1, [(S, ""), (constant("e"), "")], ""), -s * math.e),
        (identity(3), np.eye(3)),
        (scale(3, ones((2, 2))), np.full((2, 2), 3)),
    ],
    "map": [(apply("maximum", X, S), np.maximum(x, s)), (power(X, 3), x**3)],
    "logsumexp": [
        (reduce("logsumexp", M), np.log(np.exp(m).sum(1))),
        (reduce("logsumexp", M, 2), np.log(np.exp(m).sum())),
    ],
    "max": [(reduce("max", M), [4, 3]), (reduce("max", M, 2), 4)],
    "argmax": [
        (reduce("argmax", M), [[0, 0.5, 0.5], [0, 0, 1]]),
        (reduce("argmax", M, 2), [[0, 0.5, 0.5], [0, 0, 0]]),
    ],
    "prod": [(reduce("prod", M), m.prod(1)), (reduce("prod", M, 2), m.prod())],
    "sort": [(reduce("sort", X), np.sort(x)), (reduce("sort", M), np.sort(m))],
    "order": [
        (reduce("order", X), np.eye(3)[np.argsort(x)]),
        (einsum(1, [(reduce("order", M), "rij"), (M, "rj")], "ri"), np.sort(m)),
    ],
    "inv": [(inverse(A), np.linalg.inv(a))],
    "det": [(det(A), np.linalg.det(a))],
    "logdet": [(logdet(A), math.log(abs(np.linalg.det(a))))],
    "matpow": [
        (matrix_power(A, number(3)), a @ a @ a),
        (matrix_power(A, number(-2)), np.linalg.inv(a @ a)),
        (matrix_power(A, S), a @ a @ a),
        (matrix_power(A, iota(3)), [np.eye(3), a, a @ a]),
    ],
    "expm": [(expm(A), exponential(a)), (expm(scale(-9, B)), exponential(-9 * b))],
}
ALL_CASES = [(op, k) for op, cases in CASES.items() for k in range(len(cases))]


def exact(value: Any) -> Exact:
    array = np.asarray(value, object)
    return Exact(array.shape, tuple(Fraction(entry) for entry in array.ravel()))


def test_every_operation_has_a_case() -> None:
    assert set(CASES) == set(OPS)


@pytest.mark.parametrize(("op", "k"), ALL_CASES)
def test_operation_against_numpy(op: str, k: int) -> None:
    node, wanted = CASES[op][k]
    assert op in {below.op for below in topological([node])}
    (found,) = evaluate([node], VALUES)
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, 1e-12, 1e-12)


@pytest.mark.parametrize(("op", "k"), ALL_CASES)
def test_operation_with_many_digits(op: str, k: int) -> None:
    """The other evaluator, over mpmath's numbers, says the same."""
    node, wanted = CASES[op][k]
    (found,) = mp_evaluate([node], {key: exact(value) for key, value in VALUES.items()})
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose([float(x) for x in found.entries], np.ravel(wanted), 1e-12, 1e-12)


def test_every_function_has_numbers() -> None:
    assert set(FUNCTIONS) == set(IMPLEMENTATIONS)


def outcome(run: Callable[..., Any], node: Node, values: dict[Node, Any]) -> float | str:
    """The value of a scalar, or the message that it has none."""
    try:
        (value,) = run([node], values)
    except DomainError as error:
        return error.message
    return float(value.entries[0] if isinstance(value, Entries) else value)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_against_many_digits(name: str) -> None:
    """Values and errors, at points in and outside the domain."""
    arity = FUNCTIONS[name].arity
    grid = [-7.5, -2.25, -0.625, 0.0, 0.375, 0.875, 1.0, 3.25, 8.5]
    points = np.random.default_rng(1).choice(grid, (40, arity))
    if name == "polygamma":
        points[:, 0] = np.arange(40) % 3
    args = [symbol(f"x{k}") for k in range(arity)]
    node = apply(name, *args)
    compared = 0
    for point in points:
        values = {arg: float(v) for arg, v in zip(args, point, strict=True)}
        exactly = {arg: exact(v) for arg, v in values.items()}
        value, wanted = outcome(evaluate, node, values), outcome(mp_evaluate, node, exactly)
        if isinstance(value, str):
            assert value == wanted
        else:
            assert value == pytest.approx(wanted, rel=2e-14, abs=1e-300)
            compared += 1
    assert compared > 5


@pytest.mark.parametrize("point", [-20.0, -6.0, -4.9, -1.0, 0.0, 1e-9, 0.7, 3.0, 5.1, 9.0])
@pytest.mark.parametrize("name", ["erf", "gelu", "sigmoid", "softplus", "tanh", "atan"])
def test_complex_step_of_function(name: str, point: float) -> None:
    field = Many(60)
    slope = IMPLEMENTATIONS[name](np.asarray(point + 1e-30j)).imag / 1e-30
    wanted = field.mp.diff(lambda t: field.function(name, (), [t]), field.number(Fraction(point)))
    assert slope == pytest.approx(float(wanted), rel=1e-11, abs=1e-14)


# --- products ----------------------------------------------------------------------------------


def random_product(rng: np.random.Generator) -> tuple[Node, dict[Node, Any]]:
    """A product of arrays and selections with labels at random."""
    sizes = {label: int(rng.integers(2, 5)) for label in "abcde"}
    factors: list[tuple[Node, str]] = []
    values: dict[Node, Any] = {}
    for k in range(rng.integers(1, 5)):
        own = "".join(rng.choice(list("abcde"), rng.integers(0, 4)))
        shape = tuple(sizes[label] for label in own)
        kind = rng.integers(0, 4)
        if kind == 0 and own:
            coefs = [int(c) for c in rng.integers(-2, 3, len(own))]
            relation = "==" if rng.integers(0, 3) else "<="
            node = select(relation, coefs, int(rng.integers(-3, 4)), shape)
        elif kind == 1 and len(own) == 2:
            node = pick([int(c) for c in rng.integers(0, shape[1], shape[0])], shape[1])
        else:
            node = symbol(f"T{k}", shape)
            values[node] = rng.integers(-3, 4, shape).astype(float)
        factors.append((node, own))
    out = "".join(rng.choice(list("abcde"), rng.integers(0, 4)))
    return einsum(Fraction(3, 2), factors, out, {label: sizes[label] for label in out}), values


def by_hand(node: Node, values: dict[Node, Any]) -> Any:
    """A product from its definition: a sum over every label."""
    coef, labels, out, sizes = node.params
    arrays = evaluate(node.args, values)
    result = np.zeros(node.shape)
    for index in np.ndindex(*sizes):
        term = math.prod(
            float(array[tuple(index[k] for k in own)])
            for array, own in zip(arrays, labels, strict=True)
        )
        result[tuple(index[k] for k in out)] += float(coef) * term
    return result


@pytest.mark.parametrize("seed", range(60))
def test_random_product(seed: int) -> None:
    node, values = random_product(np.random.default_rng(seed))
    if node.op != "einsum":
        return
    wanted = by_hand(node, values)
    np.testing.assert_allclose(evaluate([node], values)[0], wanted, 1e-12, 1e-12)
    (found,) = exact_evaluate([node], {key: exact(value) for key, value in values.items()})
    assert [float(entry) for entry in found.entries] == wanted.ravel().tolist()


def test_selections_are_used_as_indices() -> None:
    """A flattened 200x200 image: as an array, the selection would have 1.6e9 entries."""
    image, flat = symbol("I", (200, 200)), select("==", (1, -200, -1), 0, (40_000, 200, 200))
    vec = einsum(1, [(image, "ij"), (flat, "kij")], "k")
    back = einsum(1, [(vec, "k"), (flat, "kij")], "ij")
    value = np.arange(40_000.0).reshape(200, 200)
    assert (evaluate([back], {image: value})[0] == value).all()


def test_too_large_is_refused() -> None:
    with pytest.raises(LimitError, match="too large"):
        evaluate([ones((5000, 5000, 5000))], {})


# --- symbolic sizes, definitions, unknown functions --------------------------------------------


def test_sizes_from_values() -> None:
    mean = einsum(1, [(XN, "i"), (power(N, -1), "")], "")
    assert evaluate([mean], {XN: [1.0, 2.0, 6.0]})[0] == 3
    assert evaluate([identity(N)], {}, {N: 1})[0].tolist() == [[1.0]]


def test_sizes_are_worked_out() -> None:
    half = einsum(Fraction(1, 2), [(N, ""), (add(N, number(1)), "")], "")
    assert offset_value(half, {N: 4}) == 10
    assert offset_value(apply("floor", scale(Fraction(1, 3), N)), {N: 11}) == 3
    assert bind_sizes({symbol("z", (add(N, number(1)),)): (5,)}, {N: 4}) == {N: 4}
    assert evaluate([iota(N, scale(-1, N))], {}, {N: 2})[0].tolist() == [-2, -1]


@pytest.mark.parametrize(
    ("node", "values", "error", "message"),
    [
        (X, {}, ValueProblem, "x has no value"),
        (X, {X: [1.0, 2.0]}, ShapeError, "x has shape [3], its value [2]"),
        (
            XN,
            {XN: [1.0], symbol("u", (N,)): [1.0, 2.0]},
            ShapeError,
            "u has shape [1], its value [2]",
        ),
        (identity(N), {}, ValueProblem, "the size n has no value"),
        (identity(scale(Fraction(1, 2), N)), {N: 3}, ShapeError, "a size comes out as 3/2"),
        (apply("f", X), {X: x}, ValueProblem, "the function f has no value"),
        (X, {X: [1.0, math.nan, 0.0]}, ValueProblem, "the value of x is not finite"),
        (matrix_power(A, number(Fraction(1, 2))), VALUES, Unsupported, "not a whole number"),
    ],
)
def test_missing_and_misshapen(
    node: Node, values: dict[Node, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        evaluate([node], values)
    assert message in str(caught.value)


def test_definitions_are_followed_and_values_go_first() -> None:
    z, h = symbol("z", (3,)), symbol("h", (3,))
    steps = [(z, add(X, Y)), (h, apply("exp", z))]
    root = einsum(1, [(h, "i"), (z, "i")], "")
    (found,) = evaluate([root], {X: x, Y: y}, definitions=steps)
    assert found == pytest.approx((np.exp(x + y) * (x + y)).sum())
    (moved,) = evaluate([root], {z: [0.0, 1.0, 2.0]}, definitions=steps)
    assert moved == pytest.approx(math.e + 2 * math.e**2)


def test_a_value_for_any_node() -> None:
    inner = apply("sin", X)
    assert evaluate([power(inner, 2)], {inner: [1.0, 2.0, 3.0]})[0].tolist() == [1, 4, 9]


def test_unknown_function() -> None:
    def cube(order: tuple[int, ...], u: Any) -> Any:
        return [u**3, 3 * u**2][order[0]]

    f = apply("f", X)
    (slope,) = gradient(einsum(1, [(f, "i")], ""), [X])
    values, slopes = evaluate([f, slope], {X: x}, functions={"f": cube})
    assert values.tolist() == (x**3).tolist()
    assert slopes.tolist() == (3 * x**2).tolist()


def test_deep_graph_needs_no_recursion() -> None:
    node = S
    for _ in range(20_000):
        node = apply("sin", node)
    assert 0 < evaluate([node], {S: 1.0})[0] < 0.1


# --- the domain --------------------------------------------------------------------------------

DOMAIN_ERRORS: list[tuple[Callable[[], Node], list[float], str]] = [
    (lambda: apply("log", X), [1, 0, 2], "log(x) is not defined at x[1] = 0"),
    (lambda: apply("log", X), [1, 1, -0.5], "log(x) is not defined at x[2] = -0.5"),
    (lambda: power(X, -1), [0, 1, 1], "pow(x, -1) is not defined at x[0] = 0"),
    (lambda: power(X, Fraction(1, 2)), [1, -1, 1], "pow(x, 1/2) is not defined at x[1] = -1"),
    (lambda: apply("asin", X), [0, 2, 0], "asin(x) is not defined at x[1] = 2"),
    (lambda: apply("acosh", X), [2, 0.5, 2], "acosh(x) is not defined at x[1] = 0.5"),
    (lambda: apply("atanh", X), [0, 0, 1], "atanh(x) is not defined at x[2] = 1"),
    (lambda: apply("gamma", X), [1, -2, 1], "gamma(x) is not defined at x[1] = -2"),
    (lambda: apply("loggamma", X), [1, 1, 0], "loggamma(x) is not defined at x[2] = 0"),
    (lambda: apply("polygamma", ZERO, X), [1, 0, 1], "polygamma(0, x) is not defined at x[1] = 0"),
    (lambda: apply("log", ZERO), [0, 0, 0], "log(0) is not defined"),
    (
        lambda: einsum(1, [(apply("log", X), "i"), (Y, "i")], ""),
        [1, 0, 2],
        "log(x) is not defined at x[1] = 0",
    ),
    (
        lambda: inverse(einsum(1, [(X, "i"), (X, "j")], "ij")),
        [1, 2, 3],
        "inv(...) does not exist: the matrix is singular",
    ),
    (
        lambda: logdet(einsum(1, [(X, "i"), (X, "j")], "ij")),
        [1, 2, 3],
        "logdet(...) does not exist: the matrix is singular",
    ),
]


@pytest.mark.parametrize(("build", "at", "message"), DOMAIN_ERRORS)
def test_outside_the_domain(build: Callable[[], Node], at: list[float], message: str) -> None:
    """Floats, exact numbers and many digits refuse alike."""
    values = {X: at, Y: [1.0, 1.0, 1.0]}
    exactly = {key: exact(value) for key, value in values.items()}
    for run, given in (
        (evaluate, values),
        (exact_evaluate, exactly),
        (mp_evaluate, exactly),
    ):
        with pytest.raises(DomainError) as caught:
            run([build()], given)  # type: ignore[operator]
        assert caught.value.message == message


def test_overflow_is_an_error() -> None:
    with pytest.raises(DomainError, match=r"exp\(x\)\[2\] is too large for a floating-point"):
        evaluate([apply("exp", X)], {X: [0.0, 1.0, 1000.0]})
    with pytest.raises(DomainError, match="too large"):
        evaluate([number(10**400)], {})


def test_error_names_the_node_as_described() -> None:
    with pytest.raises(DomainError) as caught:
        evaluate(
            [apply("log", X)],
            {X: [1.0, 0.0, 1.0]},
            describe=lambda node: f"<{describe_briefly(node)}>",
            index_base=1,
        )
    assert caught.value.message == "<log(x)> is not defined at <x>[2] = 0"


def test_a_case_that_does_not_hold_may_be_undefined() -> None:
    """where(0 < x, x*log(x), 0) has a value and a slope at -1."""
    f = apply("where", apply("lt", ZERO, X), apply("log", X), number(7))
    (slope,) = gradient(einsum(1, [(f, "i"), (Y, "i")], ""), [X])
    at = {X: [0.0, -1.0, 2.0], Y: [1.0, 2.0, 3.0]}
    exactly = {key: exact(value) for key, value in at.items()}
    values, slopes = evaluate([f, slope], at)
    assert values.tolist() == [7, 7, math.log(2)]
    assert slopes.tolist() == [0, 0, 1.5]
    assert exact_evaluate([slope], exactly)[0].entries == (0, 0, Fraction(3, 2))
    assert mp_evaluate([slope], exactly)[0].entries == (0, 0, 1.5)


def test_a_zero_by_chance_does_not_hide_what_is_undefined() -> None:
    root = einsum(1, [(Y, "i"), (apply("log", X), "i")], "")
    at = {X: [1.0, 0.0, 2.0], Y: [1.0, 0.0, 3.0]}
    for run, values in (
        (evaluate, at),
        (exact_evaluate, {key: exact(value) for key, value in at.items()}),
    ):
        with pytest.raises(DomainError, match=r"log\(x\) is not defined"):
            run([root], values)  # type: ignore[operator]


def test_root_of_relu_is_flat_below_zero() -> None:
    (slope,) = gradient(power(apply("relu", S), Fraction(1, 2)), [S])
    assert evaluate([slope], {S: -1.0})[0] == 0
    with pytest.raises(DomainError):
        evaluate([slope], {S: 0.0})


def test_indicators_are_functions() -> None:
    assert set(FUNCTIONS) >= INDICATORS


# --- stability ---------------------------------------------------------------------------------


def test_stable_forms() -> None:
    big = [1000.0, 999.0, -1000.0]
    values = evaluate(
        [
            reduce("logsumexp", X),
            apply("softplus", X),
            apply("sigmoid", X),
            apply("gelu", X),
        ],
        {X: big},
    )
    assert values[0] == pytest.approx(1000 + math.log1p(math.exp(-1)))
    assert values[1].tolist() == [1000, 999, 0]
    assert values[2].tolist() == [1, 1, 0]
    assert values[3].tolist() == [1000, 999, 0]
