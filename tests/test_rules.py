"""Every row of the tables of rules, against witnesses that know no rule, to second order.

The cases come from the tables: a new row is tested the day it lands. The last tests break every
row on purpose and demand that the same checks fail.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from symback import rules
from symback.backprop import gradient, jacobian
from symback.errors import Unsupported
from symback.evaluate import evaluate
from symback.graph import Node, symbols_of, topological
from symback.multiprecision import Many
from symback.ops import (
    OPS,
    ZERO,
    add,
    apply,
    det,
    einsum,
    einsum_parts,
    expm,
    inverse,
    is_zero,
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
from symback.rules import FUNCTIONS, RULES, E
from symback.verify import verify

Values = dict[Node, Any]


# --- elementwise functions ---------------------------------------------------------------------

ROWS = [(name, place) for name, row in FUNCTIONS.items() for place in range(row.arity)]
WITHOUT_DERIVATIVE = {("polygamma", 0)}


def points(name: str, arity: int) -> list[list[float]]:
    """Two points inside the function's domain; most are defined and smooth on (0, 1)."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    drawn = rng.uniform(0.15, 0.9, (2, arity)).tolist()
    if name == "acosh":
        return [[1.0 + x for x in point] for point in drawn]
    if name == "polygamma":
        return [[2.0, 1.3], [1.0, 0.4]]
    if name == "where":
        return [[1.0, 0.3, 0.7], [0.0, 0.3, 0.7]]
    if name == "pow":
        return [*drawn, [1.7, -2.4]]
    if arity == 1 and name not in ("log", "gamma", "loggamma"):
        return [*drawn, [-drawn[0][0]]]
    return drawn


def differences(name: str, point: list[float], orders: tuple[int, ...]) -> float:
    """A derivative by differences with 60 digits."""
    field = Many(60)
    at = [field.number(Fraction(x)) for x in point]
    several = len(at) > 1
    found = field.mp.diff(
        lambda *moved: field.function(name, (), moved),
        at if several else at[0],
        orders if several else orders[0],
    )
    return float(found)


def check_function(name: str, place: int) -> None:
    """The row's derivative by argument `place`, and every derivative of that."""
    arity = FUNCTIONS[name].arity
    args = [symbol(f"x{k}") for k in range(arity)]
    (slope,) = gradient(apply(name, *args), [args[place]])
    others = [k for k in range(arity) if (name, k) not in WITHOUT_DERIVATIVE]
    curvatures = gradient(slope, [args[k] for k in others])
    for point in points(name, arity):
        values = dict(zip(args, point, strict=True))
        found = [float(x) for x in evaluate([slope, *curvatures], values)]
        unit = np.eye(arity, dtype=int)
        wanted = [tuple(unit[place]), *(tuple(unit[place] + unit[k]) for k in others)]
        for value, orders in zip(found, wanted, strict=True):
            if name == "where" and orders[0] and point[0] == 0:
                continue  # another case holds for every other condition
            reference = differences(name, point, tuple(map(int, orders)))
            assert value == pytest.approx(reference, rel=1e-9, abs=1e-11), (point, orders)


@pytest.mark.parametrize(("name", "place"), ROWS)
def test_function_against_differences(name: str, place: int) -> None:
    if (name, place) in WITHOUT_DERIVATIVE:
        with pytest.raises(Unsupported, match="whole number"):
            check_function(name, place)
    else:
        check_function(name, place)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_of_arrays(name: str) -> None:
    """Jacobian and second derivatives of f applied to vectors, by the complex step."""
    row = FUNCTIONS[name]
    sample = points(name, row.arity)[:2]
    args = [symbol(f"x{k}", (2,)) for k in range(row.arity)]
    values: Values = {x: [point[k] for point in sample] for k, x in enumerate(args)}
    wrt = [x for k, x in enumerate(args) if (name, k) not in WITHOUT_DERIVATIVE]
    check_jacobians(apply(name, *args), wrt, values)


@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if row.kink])
def test_slope_taken_at_a_kink(name: str) -> None:
    row = FUNCTIONS[name]
    assert row.kink is not None
    args = [symbol(f"x{k}") for k in range(row.arity)]
    at = dict.fromkeys(args, 0.0)
    for slope in evaluate(gradient(apply(name, *args), args), at):
        assert Fraction(float(slope)) == row.kink.taken
        assert row.kink.slopes[0] <= slope <= row.kink.slopes[1]


def test_unknown_function() -> None:
    x = symbol("x", (2,))

    def sine(order: tuple[int, ...], u: Any) -> Any:
        return [np.sin, np.cos, lambda v: -np.sin(v)][order[0]](u)

    f = apply("f", x)
    (slopes,) = jacobian(f, [x])
    (second,) = jacobian(slopes, [x])
    found = evaluate([slopes, second], {x: [0.3, 0.8]}, functions={"f": sine})
    assert found[0].diagonal() == pytest.approx(np.cos([0.3, 0.8]))
    assert [found[1][k, k, k] for k in range(2)] == pytest.approx(-np.sin([0.3, 0.8]))


# --- every other operation ---------------------------------------------------------------------

X, Y, S = symbol("x", (3,)), symbol("y", (3,)), symbol("s")
A, B, M = symbol("A", (3, 3)), symbol("B", (3, 3)), symbol("M", (2, 3))
V = symbol("v", (2,))
K = symbol("k", kind="size")


def spread(scalar: Node) -> Node:
    """A scalar times a vector, so that its adjoint has a leading axis."""
    return einsum(1, [(scalar, ""), (V, "i")], "i")


def correlation() -> Node:
    window = select("==", (1, -1, -1), 0, (3, 2, 2))
    return einsum(1, [(X, "p"), (window, "pia"), (V, "a")], "i")


CASES: dict[str, dict[str, Callable[[], Node]]] = {
    "add": {
        "three terms": lambda: add(X, scale(2, Y), einsum(1, [(A, "ij"), (X, "j")], "i")),
    },
    "einsum": {
        "A*x": lambda: einsum(1, [(A, "ij"), (X, "j")], "i"),
        "s*x'*A*y": lambda: einsum(-3, [(S, ""), (X, "i"), (A, "ij"), (Y, "j")], ""),
        "A*A*B": lambda: einsum(1, [(A, "ij"), (A, "jk"), (B, "kl")], "il"),
        "diagonal": lambda: einsum(1, [(A, "ii"), (Y, "i")], "i"),
        "diag(x)": lambda: einsum(2, [(X, "i")], "ii"),
        "trace": lambda: spread(einsum(1, [(A, "ij"), (B, "ji")], "")),
        "broadcast": lambda: einsum(1, [(X, "j")], "ij", {"i": 2}),
        "outer": lambda: einsum(1, [(X, "i"), (Y, "j"), (X, "k")], "ijk"),
        "correlation": correlation,
        "gather": lambda: einsum(1, [(pick([2, 0, 2], 3), "ij"), (A, "jk")], "ik"),
    },
    "map": {
        "sin(A)": lambda: apply("sin", A),
        "x**s": lambda: power(X, S),
        "max(s, x)": lambda: apply("maximum", S, X),
        "where": lambda: apply("where", apply("lt", X, Y), power(X, 2), power(Y, 3)),
    },
    "logsumexp": {
        "rows": lambda: reduce("logsumexp", M),
        "all": lambda: spread(reduce("logsumexp", M, 2)),
    },
    "max": {
        "rows": lambda: reduce("max", M),
        "all": lambda: spread(reduce("max", M, 2)),
    },
    "argmax": {"rows": lambda: einsum(1, [(reduce("argmax", M), "ij"), (X, "j")], "i")},
    "prod": {
        "rows": lambda: reduce("prod", M),
        "all": lambda: spread(reduce("prod", M, 2)),
    },
    "sort": {
        "vector": lambda: power(reduce("sort", X), 2),
        "rows": lambda: einsum(1, [(reduce("sort", M), "ij"), (Y, "j")], "ij"),
    },
    "order": {"rows": lambda: einsum(1, [(reduce("order", M), "rij"), (Y, "j")], "ri")},
    "inv": {
        "A": lambda: inverse(A),
        "solve": lambda: einsum(1, [(inverse(A), "ij"), (X, "j")], "i"),
    },
    "det": {"A": lambda: spread(det(A))},
    "logdet": {"A": lambda: spread(logdet(A))},
    "matpow": {
        "A**2": lambda: matrix_power(A, number(2)),
        "A**5*x": lambda: einsum(1, [(matrix_power(A, number(5)), "ij"), (X, "j")], "i"),
        "A**k": lambda: matrix_power(A, K),
        "A**13": lambda: spread(einsum(1, [(matrix_power(A, number(13)), "ii")], "")),
    },
    "expm": {"trace": lambda: spread(einsum(1, [(expm(A), "ii")], ""))},
    "stack": {"vector": lambda: power(stack([S, apply("exp", S), ZERO, number(2)], (4,)), 3)},
}
ONE_ORDER_ONLY = {("expm", "trace"), ("matpow", "A**k"), ("matpow", "A**13")}
RULE_CASES = [(op, case) for op, cases in CASES.items() for case in cases]


def sample_values() -> Values:
    rng = np.random.default_rng(7)
    values: Values = {x: rng.uniform(0.3, 1.6, x.shape) for x in (X, Y, S, A, B, M, V)}
    values[A] = values[A] + np.diag([1.0, -1.0, 2.0])
    values[K] = 3
    return values


def complex_jacobian(node: Node, x: Node, values: Values) -> Any:
    """d(node)/dx: the axes of the node, then those of x."""
    at = np.asarray(values[x], complex)
    columns = []
    for index in np.ndindex(at.shape):
        moved = at.copy()
        moved[index] += 1e-30j
        columns.append(evaluate([node], {**values, x: moved})[0].imag / 1e-30)
    return np.reshape(np.stack(columns, axis=-1), (*np.shape(columns[0]), *at.shape))


def check_jacobians(root: Node, wrt: list[Node], values: Values, orders: int = 2) -> None:
    """All derivatives of `root` up to the second against the complex step."""
    for x, slope in zip(wrt, jacobian(root, wrt), strict=True):
        (found,) = evaluate([slope], values)
        np.testing.assert_allclose(found, complex_jacobian(root, x, values), 1e-9, 1e-10)
        assert verify(root, [x], values, [found]).ok
        if orders == 2 and not is_zero(slope):
            seconds = jacobian(slope, wrt)
            for z, value in zip(wrt, evaluate(seconds, values), strict=True):
                wanted = complex_jacobian(slope, z, values)
                np.testing.assert_allclose(value, wanted, 1e-9, 1e-9)


def check_rule(op: str, case: str) -> None:
    root = CASES[op][case]()
    inputs = [x for x in symbols_of([root]) if x is not K]
    check_jacobians(root, inputs, sample_values(), 1 if (op, case) in ONE_ORDER_ONLY else 2)


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == set(RULES)
    assert set(RULES) <= set(OPS)
    assert {
        node.op
        for cases in CASES.values()
        for build in cases.values()
        for node in topological([build()])
    } >= set(RULES)


@pytest.mark.parametrize(("op", "case"), RULE_CASES)
def test_rule_against_complex_step(op: str, case: str) -> None:
    check_rule(op, case)


@pytest.mark.parametrize(
    "root",
    [
        pytest.param(matrix_power(A, S), id="by a symbol's value"),
        pytest.param(expm(A), id="matrix exponential outside a trace"),
    ],
)
def test_what_has_no_rule_says_so(root: Node) -> None:
    with pytest.raises(Unsupported, match="cannot differentiate a matrix"):
        jacobian(root, [S, A])


# --- broken on purpose -------------------------------------------------------------------------


def without_first_factor(node: Node) -> Node:
    coef, labels, out, _ = einsum_parts(node)
    return einsum(coef, zip(node.args[1:], labels[1:], strict=True), out)


def function_mutants() -> Iterator[Any]:
    """Each derivative negated, doubled, shifted, without its first term, without a factor."""
    for name, place in ROWS:
        if (name, place) in WITHOUT_DERIVATIVE:
            continue
        row = FUNCTIONS[name]
        original = row.derivatives[place]
        args = [E(symbol(f"x{k}")) for k in range(row.arity)]
        node = original(*args, E(apply(name, *(arg.node for arg in args)))).node
        changes: dict[str, Callable[[E], E]] = {"plus one": lambda d: d + 1}
        if not is_zero(node):
            changes |= {"negated": lambda d: -d, "doubled": lambda d: 2 * d}
        if node.op == "add":
            changes["a term dropped"] = lambda d: E(add(*d.node.args[1:]))
        if node.op == "einsum" and len(node.args) > 1:
            changes["a factor dropped"] = lambda d: E(without_first_factor(d.node))
        for what, change in changes.items():
            yield pytest.param(name, place, change, id=f"{name}-{place}-{what}")


@pytest.mark.parametrize(("name", "place", "change"), list(function_mutants()))
def test_broken_function_is_found(
    name: str, place: int, change: Callable[[E], E], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = FUNCTIONS[name]
    original = row.derivatives[place]
    derivatives = list(row.derivatives)
    derivatives[place] = lambda *xs: change(original(*xs))
    monkeypatch.setitem(rules.FUNCTIONS, name, replace(row, derivatives=tuple(derivatives)))
    with pytest.raises(AssertionError):
        check_function(name, place)


def swap_last_axes(node: Node) -> Node:
    *lead, i, j = range(node.rank)
    return einsum(1, [(node, (*lead, i, j))], (*lead, j, i))


RULE_MUTATIONS: dict[str, tuple[Callable[[Node], Node], set[str]]] = {
    "negated": (lambda found: scale(-1, found), set(RULES) - {"argmax", "order"}),
    "doubled": (lambda found: scale(2, found), set(RULES) - {"argmax", "order"}),
    "dropped": (lambda found: zeros(found.shape), set(RULES) - {"argmax", "order"}),
    "ones": (lambda found: ones(found.shape), {"argmax", "order"}),
    "transposed": (swap_last_axes, {"inv", "det", "logdet", "matpow", "expm"}),
    "a term dropped": (
        lambda found: add(*found.args[1:]) if found.op == "add" else found,
        {"matpow"},
    ),
}


@pytest.mark.parametrize(
    ("op", "what"),
    [(op, what) for what, (_, ops) in RULE_MUTATIONS.items() for op in sorted(ops)],
)
def test_broken_rule_is_found(op: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original, change = RULES[op], RULE_MUTATIONS[what][0]
    monkeypatch.setitem(
        rules.RULES,  # type: ignore[arg-type]
        op,
        lambda *arguments: change(original(*arguments)),
    )
    with pytest.raises(AssertionError):
        check_rule(op, next(iter(CASES[op])))


def test_broken_slope_at_a_kink_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, slope in (("relu", 1), ("abs", 1), ("maximum", 0), ("minimum", 1)):
        row = FUNCTIONS[name]
        wrong = replace(row, derivatives=(lambda *_, slope=slope: E(slope),) * row.arity)
        monkeypatch.setitem(rules.FUNCTIONS, name, wrong)
        with pytest.raises(AssertionError):
            test_slope_taken_at_a_kink(name)
