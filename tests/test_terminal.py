"""Blocks, formulas and numbers in the terminal, and the stories put together from them."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from rich.console import Console

from symback.derivation import derive
from symback.exact import Exact
from symback.parse.parser import parse
from symback.phrase import Phrase, add, function, hadamard, mul, num, power, transpose
from symback.problem import loads
from symback.render.boxes import Box, beside, enclosed, flowing, grid, line
from symback.render.digits import Numbers, entries, rounded
from symback.render.formulas import Formulas, wrapped
from symback.render.page import MAX_WIDTH, Page
from symback.render.terminal import tell
from symback.render.written import Speller
from symback.values import Value


def shown(box: Box) -> list[str]:
    return [text.plain for text in box.lines]


def value(numbers: object) -> Value:
    return Value.of(np.array(numbers, float))


def exact(*numbers: Fraction | int) -> Value:
    fractions = tuple(map(Fraction, numbers))
    return Value.of(np.array([float(x) for x in fractions]), Exact((len(fractions),), fractions))


# --- boxes ---------------------------------------------------------------------------------------


def test_a_grid_is_level_at_its_decimal_points() -> None:
    assert shown(grid([["1", "-2.5"], ["10.25", "3"]])) == ["⎡ 1     -2.5⎤", "⎣10.25   3  ⎦"]


def test_boxes_beside_each_other_share_a_baseline() -> None:
    column = grid([["1"], ["2"], ["3"]])
    assert shown(beside([line("x = "), column, line(" + 1")])) == [
        "    ⎡1⎤",
        "x = ⎢2⎥ + 1",
        "    ⎣3⎦",
    ]


def test_parentheses_grow() -> None:
    assert shown(enclosed(grid([["1"], ["2"]]), "(", ")")) == ["⎛⎡1⎤⎞", "⎝⎣2⎦⎠"]


def test_boxes_flow_into_rows() -> None:
    rows = flowing([line("a" * 5), line("b" * 5), line("c" * 5)], 14)
    assert [shown(row) for row in rows] == [["aaaaa   bbbbb"], ["ccccc"]]


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.5982070439, "0.598207"),
        (1e-12, "1e-12"),
        (-2.5e8, "-2.5e+8"),
        (-0.0, "0"),
        (1234567.0, "1.23457e+6"),
        (0.30000000000000004, "0.3"),
    ],
)
def test_floats_have_six_digits(number: float, text: str) -> None:
    assert rounded(number) == text


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ((Fraction(1, 8), 3), ["0.125", "3"]),
        ((Fraction(1, 3), Fraction(-2, 7)), ["1/3", "-2/7"]),
        ((Fraction(-481977625, 10**7),), ["-48.1977625"]),
        ((Fraction(1, 3), Fraction(1, 10**11)), ["0.333333", "1e-11"]),
        ((Fraction(1, 1000003),), ["9.99997e-7"]),
        ((Fraction(0),), ["0"]),
    ],
)
def test_exact_numbers_are_shown_exactly_where_short(
    numbers: tuple[Fraction | int, ...], texts: list[str]
) -> None:
    assert entries(exact(*numbers)) == texts


def test_a_vector_in_a_line_and_as_a_column() -> None:
    numbers = Numbers()
    assert shown(numbers.box(value([1, 2.5]), 40)) == ["(1, 2.5)"]
    assert shown(numbers.box(value([1, 2.5]), 40, columns=True)) == ["⎡1  ⎤", "⎣2.5⎦"]
    assert not numbers.shortened


def test_long_arrays_are_shortened() -> None:
    numbers = Numbers()
    assert shown(numbers.box(value(range(100)), 20)) == ["(0, 1, …, 98, 99)"]
    tall = numbers.box(value(np.arange(100).reshape(50, 2)), 40)
    assert tall.height == 7
    wide = numbers.box(value(np.arange(100).reshape(2, 50)), 30)
    assert wide.width <= 30
    assert numbers.shortened


def test_ascii_numbers() -> None:
    assert shown(Numbers(ascii=True).box(value([[1, 2], [3, 4.5]]), 40)) == ["[1  2  ]", "[3  4.5]"]


# --- formulas ------------------------------------------------------------------------------------

W = Phrase("symbol", (), ("W1", ""), (3, 2))
X = Phrase("symbol", (), ("x", ""), (2, 1))
B = Phrase("symbol", (), ("b", ""), (3, 1))
S = Phrase("symbol", (), ("s", ""))
T = Phrase("symbol", (), ("t", ""))
VALUES = {
    "W1": value([[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]]),
    "x": value([0.5, 0.2]),
    "b": value([1, -2, 3]),
    "s": value(-3),
    "t": value(2.5),
}


def with_numbers(phrase: Phrase, *, ascii_only: bool = False, width: int = 80) -> list[str] | None:
    formulas = Formulas(ascii=ascii_only, numbers=Numbers(ascii=ascii_only))
    box = formulas.with_numbers(phrase, lambda name, kind: VALUES.get(name), width)
    return None if box is None else shown(box)


@pytest.mark.parametrize(
    ("phrase", "lines"),
    [
        (
            add([mul([W, X]), B]),
            ["⎡0.1  0.4⎤         ⎡ 1⎤", "⎢0.2  0.5⎥ ⎡0.5⎤ + ⎢-2⎥", "⎣0.3  0.6⎦ ⎣0.2⎦   ⎣ 3⎦"],
        ),
        (mul([transpose(X), X]), ["[0.5  0.2] ⎡0.5⎤", "           ⎣0.2⎦"]),
        (
            hadamard([function("sigmoid", (mul([W, X]),)), B]),
            [
                " ⎛⎡0.1  0.4⎤      ⎞   ⎡ 1⎤",
                "σ⎜⎢0.2  0.5⎥ ⎡0.5⎤⎟ ⊙ ⎢-2⎥",
                " ⎝⎣0.3  0.6⎦ ⎣0.2⎦⎠   ⎣ 3⎦",
            ],
        ),
        (mul([S, T]), ["-3 · 2.5"]),
        (mul([S, S]), ["-3 · (-3)"]),
        (power(S, num(2)), ["(-3)²"]),
        (add([T, mul([S], -1)]), ["2.5 − (-3)"]),
        (mul([add([S, T])], Fraction(1, 2)), ["(-3 + 2.5)/2"]),
        (mul([S], 2), ["2 · (-3)"]),
        (Phrase("entry", (B, num(1))), ["-2"]),
    ],
)
def test_numbers_in_place_of_names(phrase: Phrase, lines: list[str]) -> None:
    assert with_numbers(phrase) == lines


def test_numbers_in_place_of_names_in_ascii() -> None:
    assert with_numbers(mul([S, T]), ascii_only=True) == ["-3*2.5"]
    assert with_numbers(mul([transpose(X), X]), ascii_only=True) == [
        "[0.5  0.2]*[0.5]",
        "           [0.2]",
    ]


def test_no_numbers_where_there_is_no_room_or_no_value() -> None:
    assert with_numbers(add([mul([W, X]), B]), width=20) is None
    assert with_numbers(Phrase("symbol", (), ("unknown", ""))) is None


@pytest.mark.parametrize(
    ("formula", "width", "lines"),
    [
        ("a + b", 9, ["a + b"]),
        ("a*b + c*(d - e)", 12, ["a*b", "+ c*(d - e)"]),
        ("aaaa bbbb cccc", 9, ["aaaa bbbb", "cccc"]),
        ("f(aaaa + bbbb)", 9, ["f(aaaa", "  + bbbb)"]),
        ("x[1, 2] y[3, 4]", 9, ["x[1, 2]", "y[3, 4]"]),
        ("unbreakable", 4, ["unbreakable"]),
        ("a + b + c + d", 9, ["a + b + c", "+ d"]),
    ],
)
def test_formulas_break_at_their_outermost_operators(
    formula: str, width: int, lines: list[str]
) -> None:
    assert wrapped(formula, width) == lines


# --- expressions as they were typed --------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "shown_as"),
    [
        ("-1/2 * sum(t .* log(y) + (1 - t) .* log(1 - y))", None),
        ("W1'*(x - y)*2", "W₁ᵀ (x − y) · 2"),
        ("A*(B + C)", "A·(B + C)"),
        ("2*(a + b)", "2 (a + b)"),
        ("Q*K' / sqrt(2)", "Q Kᵀ/sqrt(2)"),
        ("norm2(y - y_hat)^2/2", "‖y − ŷ‖₂²/2"),
        ("sum(w[i]*x[i], i = 0..n-1)", "Σᵢ₌₀ⁿ⁻¹ w[i] x[i]"),
        ("prod(x[i], i = 0..2*n)", "Πᵢ₌₀²ⁿ x[i]"),
        ("sum(x[k], k = 0..n/2)", "Σ(k = 0..n/2) x[k]"),
        ("a/(b*c)", "a/(b c)"),
        ("-(a + b)^2", "−(a + b)²"),
        ("a - (b - c)", "a − (b − c)"),
        ("a*-b", "a·(−b)"),
        ("X.^2 ./ X", "X⊙² ⊘ X"),
        ("v.^2", "v²"),
        ("inv(A*B)*x", "(A B)⁻¹ x"),
        ("correlate(I, K, stride=2)", "correlate(I, K, stride=2)"),
        ("where(a >= 0, 2.5*x, -x)", "where(a ≥ 0, 2.5 x, −x)"),
        ("x[0:3] + A[:,1]", "x[0:3] + A[:, 1]"),
        ("A^T*x", "Aᵀ x"),
        ("2^3^2", "2^(3²)"),
        ("[[a, b], [c, 1]]", "[[a, b], [c, 1]]"),
    ],
)
def test_expressions_keep_the_order_in_which_they_were_typed(
    typed: str, shown_as: str | None
) -> None:
    expression = parse(typed)
    plain = Speller(ascii_only=True)(expression)
    if "^T" not in typed:
        assert parse(plain).root == expression.root
    if shown_as is not None:
        assert Speller(is_column=lambda name: name == "v")(expression) == shown_as


# --- a whole page --------------------------------------------------------------------------------

SMALL = '''
title = "One neuron"
source = "ours"
notes = """
First line
of a paragraph.
- a point,
  told in two lines
- another
"""
[symbols]
w = []
x = [2]
[define]
z = "w*x"
h = "relu(z)"
L = "sum(h.^2)"
[derive]
of = "L"
wrt = ["w"]
[values]
w = 2
x = [1.5, -1]
[update]
rate = 0.01
'''

PAGE = """\
One neuron
ours

Given ──────────────────────────────────────────────────────────
  w = 2
  x  2×1
  (1.5, -1)

Forward pass ───────────────────────────────────────────────────
  z = w x                                                    2×1
    = 2 · ⎡ 1.5⎤ = ⎡ 3⎤
          ⎣-1  ⎦   ⎣-2⎦

  h = relu(z)                                                2×1
    = relu⎛⎡ 3⎤⎞ = ⎡3⎤
          ⎝⎣-2⎦⎠   ⎣0⎦

  L = sum(h²)
    = sum⎛⎡3⎤²⎞ = 9
         ⎝⎣0⎦ ⎠

Backward pass ──────────────────────────────────────────────────
  ∂L/∂L = 1

  ∂L/∂h  2×1
    through L = sum(h²)
      sum over entries: each takes the gradient of the sum;
      (x^n)' = n*x^(n-1)
      derivative 2 h               (6, 0)
    ∂L/∂h = 2 h                    (6, 0)

  ∂L/∂z  2×1
    through h = relu(z)                       relu'(x) = [x > 0]
      incoming   ∂L/∂h             (6, 0)
      slopes     [z > 0]           (1, 0)
    ∂L/∂z = (∂L/∂h) ⊙ [z > 0]      (6, 0)
    · relu: z[0] > 0, z[1] < 0

  ∂L/∂w
    through z = w x                              scalar multiple
      incoming   ∂L/∂z             (6, 0)
      derivative x                 (1.5, -1)
    ∂L/∂w = xᵀ (∂L/∂z)             9

Gradients ──────────────────────────────────────────────────────
  ∂L/∂w = 2 xᵀ relu(w x)           9

One step of gradient descent ───────────────────────────────────
  w ← w − η ∂L/∂w
     = 2 - 0.01 · 9 = 1.91

Check and cost ─────────────────────────────────────────────────
  ✓ Verified by complex step on the forward pass alone: largest
    difference 0.
  Operations on numbers: 7 forward, then 9 backward for the
  derivative, because each adjoint is worked out once and used
  again. Path by path it would be 9, along 2 paths to L.

Notes ──────────────────────────────────────────────────────────
  First line of a paragraph.
  • a point, told in two lines
  • another
"""


def page_of(problem: str, width: int, *, ascii_only: bool = False, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system=None, emoji=False
    )
    formulas = Formulas(ascii=ascii_only, numbers=Numbers(ascii=ascii_only))
    with console.capture() as capture:
        tell(derive(loads(problem)), Page(console, formulas))
    return capture.get()


def test_a_whole_page() -> None:
    assert page_of(SMALL, 64) == PAGE


def test_the_page_is_as_wide_as_asked() -> None:
    for width in (60, 80, 120):
        headings = [text for text in page_of(SMALL, width).splitlines() if "───" in text]
        assert {len(text) for text in headings} == {width}
    assert max(map(len, page_of(SMALL, 300).splitlines())) == MAX_WIDTH


def test_a_plain_page_is_ascii() -> None:
    page = page_of(SMALL, 64, ascii_only=True)
    assert page.isascii()
    assert "    dL_dz = dL_dh .* step(z)       (6, 0)" in page
    assert "  w <- w - eta*dL_dw\n     = 2 - 0.01*9 = 1.91\n" in page


def test_symbols_alone_have_no_numbers_and_no_check() -> None:
    page = page_of(SMALL.partition("[values]")[0], 64)
    assert "Verified" not in page
    assert "∂L/∂w = 2 xᵀ relu(w x)" in page
    assert "1.5" not in page
