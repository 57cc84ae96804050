"""Kinks are found where the computation stands exactly at one, and nowhere else."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from symback.exact import Exact
from symback.graph import Node
from symback.kinks import find_kinks
from symback.ops import add, apply, constant, einsum, number, power, reduce, scale, subtract, symbol
from symback.rules import FUNCTIONS

X, Y, M = symbol("x", (3,)), symbol("y", (3,)), symbol("M", (2, 3))


def exact(*entries: Any) -> Exact:
    return Exact((len(entries),), tuple(map(Fraction, entries)))


@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if row.kink])
def test_function_at_its_kink(name: str) -> None:
    row = FUNCTIONS[name]
    args = [X, Y][: row.arity]
    at = {X: exact(0, 1, -2), Y: exact(0, 3, 3)}
    values = {arg: at[arg] for arg in args}
    node = apply(name, *args)
    for given in (values, {arg: [0.0, 1.0, -2.0] if arg is X else [0.0, 3.0, 3.0] for arg in args}):
        (report,) = find_kinks([node], given)
        assert report.entry == (0,)
        assert report.function == name
        assert row.kink is not None
        assert (report.interval, report.taken) == (row.kink.slopes, row.kink.taken)
        assert report.node == f"{name}({', '.join(arg.name for arg in args)})"


def test_scalars_among_arrays() -> None:
    s = symbol("s")
    (report,) = find_kinks([apply("maximum", s, X)], {s: 2.0, X: [1.0, 3.0, 2.0]})
    assert report.entry == (2,)


def test_ties_in_reductions() -> None:
    tied = [[1.0, 4.0, 4.0], [0.0, 2.0, 3.0]]
    (report,) = find_kinks([reduce("max", M)], {M: tied})
    assert (report.entry, report.function) == ((0,), "max")
    assert (report.interval, report.taken) == ((0, 1), Fraction(1, 2))
    (report,) = find_kinks([reduce("max", M, 2)], {M: tied})
    assert report.entry == ()
    (report,) = find_kinks([reduce("sort", M)], {M: tied})
    assert (report.entry, report.function) == ((0, 2), "sort")
    assert find_kinks([reduce("sort", M)], {M: [[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]]}) == []


def test_exact_values_decide_exactly() -> None:
    """0.1 + 0.2 - 0.3 is 0 as it is written, and 5.6e-17 in floats."""
    a, b, c = symbol("a"), symbol("b"), symbol("c")
    node = apply("relu", add(a, b, scale(-1, c)))
    written = {s: Exact((), (Fraction(v),)) for s, v in ((a, "0.1"), (b, "0.2"), (c, "0.3"))}
    assert len(find_kinks([node], written)) == 1
    assert find_kinks([node], {a: 0.1, b: 0.2, c: 0.3}) == []


def test_closed_forms_are_compared() -> None:
    root = Exact((), (power(number(2), Fraction(1, 2)),))
    s = symbol("s")
    assert len(find_kinks([apply("abs", subtract(power(s, 2), number(2)))], {s: root})) == 1
    assert find_kinks([apply("abs", subtract(s, constant("pi")))], {s: root}) == []


def test_floats_decide_where_exact_numbers_cannot() -> None:
    f = apply("f", X)

    def square(order: tuple[int, ...], u: Any) -> Any:
        return u**2

    (report,) = find_kinks([apply("abs", f)], {X: exact(0, 1, 2)}, functions={"f": square})
    assert report.entry == (0,)


def test_definitions_and_description() -> None:
    z = symbol("z", (3,))
    names: dict[Node, str] = {apply("relu", z): "h"}
    loss = einsum(1, [(apply("relu", z), "i")], "")
    (report,) = find_kinks(
        [loss], {X: exact(1, 2, 3)}, names.__getitem__, definitions=[(z, subtract(X, number_row()))]
    )
    assert (report.node, report.entry) == ("h", (1,))


def number_row() -> Node:
    return einsum(2, [], "i", {"i": 3})
