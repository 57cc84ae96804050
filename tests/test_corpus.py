"""The corpus is true and well written: proved by differences, row by row.

What symback answers for it is rated by `python -m tests.corpus.harness`.
"""

from __future__ import annotations

import dataclasses

import pytest
import sympy as sp
from sympy import MatrixSymbol

from tests.corpus import REFUSED, Row, harness

ROWS = harness.all_rows()
n = sp.Symbol("n", integer=True, positive=True)
A, x = MatrixSymbol("A", n, n), MatrixSymbol("x", n, 1)
TRUE_ROW = Row("test/quadratic", "gradient", x.T * A * x, x, (A + A.T) * x, "here")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_expected_is_the_derivative(row: Row) -> None:
    assert harness.prove(row) == ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_expected_reads_well(row: Row) -> None:
    if row.expected is not None and row.expected is not REFUSED:
        assert harness.debris(row.expected, row) == []


def test_ids_are_unique() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("planted", "reason"),
    [
        (A * x, "off by"),
        ((A + A.T) * x * sp.Rational(1001, 1000), "off by"),
        (x.T * (A + A.T), "shape"),
        (sp.Integer(0), "shape"),
        ((A + A.T) * MatrixSymbol("z", n, 1), "off by"),
        (-(A + A.T) * x, "off by"),
    ],
)
def test_a_planted_mistake_is_seen(planted: object, reason: str) -> None:
    assert harness.prove(TRUE_ROW) == ""
    assert reason in harness.prove(dataclasses.replace(TRUE_ROW, expected=planted))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ((A + A.T) * x, []),
        (A.T.T * x, []),  # SymPy's own constructor removes it
        (sp.Transpose(sp.Transpose(A)), ["double transpose"]),
        (sp.MatMul(sp.Identity(n), A, x), ["identity factor"]),
        (sp.MatMul(2, sp.MatMul(3, A), x), ["numbers not multiplied"]),
        (sp.MatAdd(A * x, sp.ZeroMatrix(n, 1)), ["zero term"]),
        (sp.HadamardProduct(x, sp.OneMatrix(n, 1)), ["ones factor"]),
        (x.applyfunc(sp.exp), []),
        (x.applyfunc(sp.Lambda(n, 2 * n)), ["Lambda"]),
        (sp.Derivative(sp.Function("f")(n), n), ["Derivative"]),
    ],
)
def test_debris_is_seen(answer: object, found: list[str]) -> None:
    assert harness.debris(answer, TRUE_ROW) == found


@pytest.mark.parametrize(
    ("expr", "length"),
    [
        (A * x, 3),
        (2 * A * x, 5),
        (-A * x, 4),
        (A.T * x, 4),
        (A.inv() * x, 4),
        (x.applyfunc(sp.exp), 2),
        (x.T * x, 4),
        (sp.Trace(x.T * x), 4),
        (sp.DotProduct(x, x), 4),
        (sp.sqrt(n), 3),
        (A[0, 1], 3),
    ],
)
def test_length_counts_what_is_read(expr: object, length: int) -> None:
    assert harness.length(expr) == length
