"""NumPy source of nodes: every operation against the evaluator, and how it reads."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from symback.bundle import problems
from symback.derivation import derive
from symback.emit.helpers import SOURCES, definitions, imports
from symback.emit.numpy_source import NUMPY, Emitter, emit, unknown_function, variable_names
from symback.emit.pieces import Level, Piece, number, power, product, total
from symback.errors import NameProblem
from symback.evaluate import evaluate
from symback.graph import Node, symbols_of, topological
from symback.ops import (
    OPS,
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
    ones,
    pick,
    reduce,
    scale,
    select,
    stack,
    symbol,
    transpose,
    zeros,
)
from symback.ops import number as num
from symback.ops import power as raised
from symback.problem import load
from symback.rules import FUNCTIONS, softmax
from symback.values import Numbers

S, R = symbol("s"), symbol("r")
X, Y, Z = symbol("x", (3,)), symbol("y", (3,)), symbol("z", (2,))
A, B, M = symbol("A", (3, 3)), symbol("B", (3, 3)), symbol("M", (2, 3))
I4 = symbol("I", (4, 4))
K2 = symbol("K", (2, 2))
T3 = symbol("T", (2, 3, 4))
V6 = symbol("v", (6,))
N = symbol("n", kind="size")
XN = symbol("xn", (N,))
G = symbol("z", (2,), "adjoint")

RNG = np.random.default_rng(1)
VALUES: dict[Node, Any] = {
    S: 3.0,
    R: 0.5,
    X: [0.5, 2.0, 1.0],
    Y: [1.5, -1.0, 0.25],
    Z: [0.75, -0.5],
    A: [[2.0, 1.0, 0.0], [0.5, -1.0, 3.0], [1.0, 0.0, 1.5]],
    B: RNG.integers(-3, 4, (3, 3)).astype(float),
    M: [[1.0, 4.0, 4.0], [-2.0, 0.5, 3.0]],
    I4: RNG.normal(size=(4, 4)),
    K2: RNG.normal(size=(2, 2)),
    T3: RNG.normal(size=(2, 3, 4)),
    V6: RNG.normal(size=6),
    XN: [1.0, -2.0, 3.0, 4.0],
    G: [1.0, 2.0],
}
VALUES = {node: np.asarray(value, float) for node, value in VALUES.items()}
NAMES = {**{node: node.name for node in VALUES}, G: "dL_dz", N: "n"}


def run(expression: str, helpers: set[str], values: Mapping[str, Any]) -> Any:
    scope: dict[str, Any] = dict(values)
    exec("\n\n".join([imports(helpers), *definitions(helpers)]), scope)
    return eval(expression, scope)


def value_of_text(text: str, helpers: set[str]) -> Any:
    values = {NAMES[node]: value for node, value in VALUES.items()}
    return run(text, helpers, {**values, "n": 4})


def check(node: Node) -> str:
    emitter = Emitter(NAMES)
    text = emitter.expression(node)
    (expected,) = evaluate([node], VALUES, {N: 4})
    found = np.asarray(value_of_text(text, emitter.helpers), float)
    assert found.shape == expected.shape, text
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=text)
    return text


C2 = 'np.einsum("ijkl,kl->ij", sliding_window_view(I, (2, 2), axis=(0, 1)), K)'
WINDOW = select("==", (-1, 1, 1), 0, (4, 3, 2))
STRIDED = select("==", (-1, 2, 1), 0, (4, 2, 2))

#: node -> how it reads
READINGS: list[tuple[Node, str]] = [
    (einsum(1, [(A, "ij"), (X, "j")], "i"), "A @ x"),
    (einsum(1, [(A, "ji"), (X, "j")], "i"), "A.T @ x"),
    (einsum(2, [(A, "ij"), (B, "kj")], "ik"), "2 * (A @ B.T)"),
    (einsum(1, [(A, "ij"), (X, "j"), (B, "jk")], "ik"), "A * x @ B"),
    (einsum(1, [(A, "ij"), (B, "jk"), (X, "k")], "i"), "A @ (B @ x)"),
    (einsum(1, [(X, "i"), (Y, "i")], ""), "x @ y"),
    (einsum(1, [(X, "i"), (A, "ij"), (Y, "j")], ""), "x @ (A @ y)"),
    (einsum(1, [(X, "i"), (Y, "j")], "ij"), "np.outer(x, y)"),
    (einsum(1, [(G, "i"), (X, "j")], "ij"), "np.outer(dL_dz, x)"),
    (einsum(1, [(X, "i"), (X, "i")], ""), "np.sum(x**2)"),
    (einsum(1, [(A, "ij")], ""), "np.sum(A)"),
    (einsum(1, [(A, "ij")], "i"), "np.sum(A, axis=1)"),
    (einsum(1, [(A, "ij"), (B, "ij")], ""), "np.sum(A * B)"),
    (einsum(1, [(A, "ij"), (B, "ji")], ""), "np.sum(A * B.T)"),
    (einsum(1, [(A, "ii")], ""), "np.sum(np.diag(A))"),
    (einsum(1, [(X, "i")], "ii"), "np.diag(x)"),
    (einsum(1, [(inverse(A), "ij"), (X, "j")], "i"), "np.linalg.solve(A, x)"),
    (einsum(1, [(inverse(A), "ji"), (X, "j")], "i"), "np.linalg.solve(A.T, x)"),
    (einsum(1, [(X, "i"), (M, "ki")], "ki"), "M * x"),
    (einsum(1, [(Z, "k"), (M, "ki")], "ki"), "M * z[:, None]"),
    (einsum(Fraction(-1, 2), [(X, "i"), (raised(Y, -1), "i")], "i"), "-x / (2 * y)"),
    (add(M, einsum(1, [(X, "i")], "ki", {"k": 2})), "M + x"),
    (add(M, einsum(1, [(Z, "k")], "ki", {"i": 3})), "M + z[:, None]"),
    (einsum(1, [(Z, "k")], "ki", {"i": 3}), "np.broadcast_to(z[:, None], (2, 3))"),
    (scale(3, ones((2, 3))), "np.full((2, 3), 3)"),
    (identity(3), "np.eye(3)"),
    (scale(2, identity(N)), "2 * np.eye(n)"),
    (apply("relu", add(einsum(1, [(A, "ij"), (X, "j")], "i"), Y)), "np.maximum(A @ x + y, 0)"),
    (einsum(1, [(Y, "i"), (apply("step", X), "i")], "i"), "y * (x > 0)"),
    (softmax(M), "np.exp(M - logsumexp(M, axis=-1)[:, None])"),
    (einsum(1, [(X, "i"), (select("==", (1,), -2, (3,)), "i")], ""), "x[2]"),
    (einsum(1, [(X, "j"), (select("==", (1, -1), 1, (2, 3)), "ij")], "i"), "x[1:]"),
    (einsum(1, [(X, "j"), (select("==", (1, 1), -2, (3, 3)), "ij")], "i"), "x[::-1]"),
    (einsum(1, [(V6, "j"), (select("==", (2, -1), 0, (3, 6)), "ij")], "i"), "v[:5:2]"),
    (einsum(1, [(Z, "j"), (select("==", (1, -1), -1, (4, 2)), "ij")], "i"), "np.pad(z, (1, 1))"),
    (einsum(1, [(M, "ij"), (pick((1, 0, 1), 2), "ki")], "kj"), "M[[1, 0, 1]]"),
    (einsum(1, [(M, "ij"), (pick((1, 0, 1), 3), "kj")], "ik"), "M[:, [1, 0, 1]]"),
    (einsum(1, [(I4, "pq"), (WINDOW, "pia"), (WINDOW, "qjb"), (K2, "ab")], "ij"), C2),
    (einsum(1, [(V6, "p"), (select("==", (-1, 3, 1), 0, (6, 2, 3)), "pia")], "ia"),
     "np.reshape(v, (2, 3))"),
    (einsum(1, [(M, "ia"), (select("==", (-1, 3, 1), 0, (6, 2, 3)), "pia")], "p"), "np.ravel(M)"),
    (add(einsum(1, [(X, "j"), (select("==", (1, -1), 0, (5, 3)), "ij")], "i"),
         einsum(1, [(Z, "j"), (select("==", (1, -1), -3, (5, 2)), "ij")], "i")),
     "np.hstack([x, z])"),
    (einsum(1, [(XN, "i"), (N, ())], ""), "n * np.sum(xn)"),
    (einsum(1, [(XN, "i"), (iota(N), "i")], "i"), "xn * np.arange(n)"),
    (apply("log", add(num(1), scale(-1, R))), "np.log(1 - r)"),
    (raised(S, Fraction(1, 2)), "np.sqrt(s)"),
    (raised(add(S, R), -2), "1 / (s + r)**2"),
]  # fmt: skip


@pytest.mark.parametrize(("node", "text"), READINGS, ids=[text for _, text in READINGS])
def test_a_person_would_write_it_so(node: Node, text: str) -> None:
    assert check(node) == text


MORE: list[Node] = [
    num(Fraction(-7, 4)),
    num(10**40),
    constant("pi"),
    zeros((2, 3)),
    iota(3, 2),
    stack([S, R, num(1), num(2)], (2, 2)),
    pick((2, 0, 2, 1), 3),
    select("<=", (1, -1), 0, (3, 3)),
    select("==", (2, -3), 1, (5, 4)),
    select("==", (1, 1, 1), -3, (3, 2, 4)),
    einsum(1, [(I4, "pq"), (STRIDED, "pia"), (STRIDED, "qjb")], "ijab"),
    einsum(1, [(K2, "ij"), (STRIDED, "pia"), (STRIDED, "qjb"), (K2, "ab")], "pq"),
    einsum(1, [(I4, "pq"), (select("==", (-1, 2, 1), -1, (4, 3, 2)), "pia")], "iaq"),
    einsum(1, [(T3, "ijk"), (X, "j")], "ik"),
    einsum(1, [(T3, "ijk")], "kji"),
    einsum(1, [(T3, "ijk")], "j"),
    einsum(1, [(A, "ij"), (A, "jk"), (A, "ki")], ""),
    einsum(1, [(A, "ij"), (B, "jk"), (M, "lk"), (X, "j"), (Y, "i")], "li"),
    einsum(1, [(A, "ij"), (raised(X, -1), "i"), (raised(Y, -2), "j")], ""),
    einsum(1, [(X, "i"), (Z, "k")], "iki"),
    einsum(1, [(M, "ij")], "iijj"),
    einsum(1, [(S, ()), (raised(R, -1), ())], "ij", {"i": 2, "j": 3}),
    apply("maximum", X, S),
    apply("where", apply("lt", X, Y), X, apply("pow", X, num(2))),
    apply("where", X, X, Y),
    apply("and", apply("lt", X, Y), apply("not", apply("eq", X, Y))),
    apply("or", apply("ne", X, Y), apply("le", X, Y)),
    add(num(1), scale(-1, apply("step", S))),
    scale(-1, apply("step", X)),
    einsum(1, [(apply("step", X), "i"), (A, "ij")], "j"),
    einsum(1, [(apply("step", X), "i"), (apply("step", Y), "i")], ""),
    raised(Y, 3),
    apply("pow", X, Y),
    apply("pow", einsum(1, [(X, "i")], "ik", {"k": 2}), einsum(1, [(Z, "k")], "ik", {"i": 3})),
    *(reduce(op, M, axes) for op in ("logsumexp", "max", "argmax", "prod") for axes in (1, 2)),
    reduce("sort", M),
    reduce("order", M),
    reduce("order", X),
    inverse(A),
    det(A),
    logdet(A),
    matrix_power(A, num(3)),
    matrix_power(A, iota(3)),
    expm(A),
    transpose(add(transpose(A), B)),
    einsum(1, [(M, "ij"), (add(transpose(A), num(1) and B), "kj")], "ik"),
]


@pytest.mark.parametrize("node", MORE, ids=[emit(node, NAMES) for node in MORE])
def test_the_value_is_that_of_the_evaluator(node: Node) -> None:
    check(node)


def test_every_operation_is_among_the_cases() -> None:
    cases = [node for node, _ in READINGS] + MORE
    assert {node.op for node in topological(cases)} == set(OPS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function(name: str) -> None:
    arity = FUNCTIONS[name].arity
    first = num(1) if name == "polygamma" else X
    arguments = {1: [X], 2: [first, apply("abs", Y)], 3: [apply("lt", X, Y), X, Y]}[arity]
    if name in ("asin", "acos", "atanh"):
        arguments = [scale(Fraction(1, 4), X)]
    if name == "acosh":
        arguments = [add(X, ones((3,)))]
    check(apply(name, *arguments))


@pytest.mark.parametrize("order", [0, 1, 3])
def test_polygamma_keeps_its_digits(order: int) -> None:
    points = stack([num(Fraction(1, 10)), num(3), num(40), num(Fraction(-1, 2))], (4,))
    check(apply("polygamma", num(order), points))


def test_each_helper_is_used_by_some_spelling() -> None:
    cases = [node for node, _ in READINGS] + MORE
    emitter = Emitter(NAMES)
    for node in cases:
        emitter.expression(node)
    assert set(SOURCES) - emitter.helpers <= set(NUMPY.values())


@pytest.mark.parametrize("seed", range(60))
def test_products_drawn_at_random(seed: int) -> None:
    draw = random.Random(seed)
    sizes = {"i": 3, "j": 3, "k": 2, "l": 4}
    pool = [X, Y, Z, A, B, M, T3, I4, K2, raised(X, -1), apply("exp", A)]
    factors = []
    for node in draw.choices(pool, k=draw.randint(1, 4)):
        fitting = [[x for x, n in sizes.items() if n == size] for size in node.shape]
        factors.append((node, [draw.choice(labels) for labels in fitting]))
    out = draw.choices(list(sizes), k=draw.randint(0, 3))
    node = einsum(draw.choice([1, -2, Fraction(1, 3)]), factors, out, {x: sizes[x] for x in out})
    check(node)
    check(add(node, apply("exp", node)) if seed % 2 else apply("tanh", node))


@pytest.mark.parametrize("path", problems(), ids=lambda path: path.stem)
def test_bundled_problems(path: Any) -> None:
    """Each definition, each contribution and each adjoint has the number that the story has."""
    derivation = derive(load(path))
    problem = derivation.problem
    nodes = [problem.tensor(name).node for name in (*problem.symbols, *derivation.adjoints)]
    nodes += [d.symbol.node for d in problem.definitions]
    nodes += [a.symbol for a in derivation.adjoints.values() if a.symbol.op == "symbol"]
    nodes += [size.node for size in problem.sizes.values()]
    distinct = list(dict.fromkeys(nodes))
    names = {node: f"v{place}" for place, node in enumerate(distinct)}
    asked = [d.tensor.node for d in problem.definitions]
    for adjoint in derivation.adjoints.values():
        asked += [adjoint.named, *(passed.node for passed in adjoint.passed)]
    emitter = Emitter(names)
    texts = [emitter.expression(node) for node in asked]
    if derivation.numbers is None:
        return
    scope = known(derivation.numbers, names, asked)
    for node, text in zip(asked, texts, strict=True):
        found = np.asarray(run(text, emitter.helpers, scope))
        expected = derivation.numbers.value(node).floats
        assert found.shape == expected.shape, text
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=text)


def known(numbers: Numbers, names: Mapping[Node, str], asked: list[Node]) -> dict[str, Any]:
    used = {node for root in asked for node in symbols_of([root])}
    scope: dict[str, Any] = {}
    for node, name in names.items():
        if node in numbers.sizes:
            scope[name] = numbers.sizes[node]
        elif node in used:
            scope[name] = numbers.value(node).floats
    return scope


def test_long_expressions_share_what_they_use_twice() -> None:
    node = X
    for _ in range(12):
        node = apply("tanh", add(einsum(1, [(A, "ij"), (node, "j")], "i"), node))
    emitter = Emitter(NAMES)
    lines = emitter.statements(node, "u")
    assert lines[-1][0] == "u" and max(len(text) for _, text in lines) < 60
    source = "\n".join(f"{name} = {text}" for name, text in lines)
    scope: dict[str, Any] = {"np": np, "A": VALUES[A], "x": VALUES[X]}
    exec(source, scope)
    np.testing.assert_allclose(scope["u"], evaluate([node], VALUES)[0])
    assert emitter.statements(apply("exp", X), "u") == [("u", "np.exp(x)")]


def test_deep_expressions_need_no_recursion() -> None:
    node = S
    for _ in range(3000):
        node = apply("sin", node)
    assert emit(node, NAMES).startswith("np.sin(np.sin(")


def test_unknown_functions_and_their_derivatives() -> None:
    assert emit(apply("f", X), NAMES) == "f(x)"
    assert emit(apply("f", X, order=(1,)), NAMES) == "f_d1(x)"
    assert unknown_function("f", (0, 2)) == "f_d0_2"


def test_a_symbol_without_a_variable_is_named() -> None:
    with pytest.raises(NameProblem, match="no variable holds 'q'"):
        emit(apply("exp", symbol("q")), NAMES)


def test_names_that_mean_something_in_python_change() -> None:
    wanted = ["W", "lambda", "np", "sum", "lambda_", "sigmoid"]
    assert list(variable_names(wanted).values()) == [
        "W", "lambda__", "np_", "sum_", "lambda_", "sigmoid_"
    ]  # fmt: skip


def test_pieces_keep_their_parentheses() -> None:
    plus = Piece("a + b", Level.SUM)
    assert product([plus, Piece("c")]).text == "(a + b) * c"
    assert product([Piece("c")], [plus]).text == "c / (a + b)"
    assert product([Piece("c")], [Piece("a"), Piece("b")], -1).text == "-c / (a * b)"
    assert product([], [plus], Fraction(2, 3)).text == "2 / (3 * (a + b))"
    assert power(number(-2), Piece("n")).text == "(-2)**n"
    assert power(Piece("x"), number(Fraction(1, 3))).text == "x**(1 / 3)"
    assert total([Piece("-x", Level.MINUS), Piece("-y", Level.MINUS)]).text == "-x - y"
