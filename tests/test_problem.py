"""Problems: from files, from SymPy; every mistake is one clear message at its place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import sympy as sp

from symback.derivation import derive
from symback.errors import (
    CycleError,
    DomainError,
    InputError,
    LimitError,
    NameProblem,
    ShapeError,
    SymbackError,
    Unsupported,
    ValueProblem,
)
from symback.exact import Exact
from symback.given import nested_value
from symback.graph import symbols_of
from symback.problem import Problem, load, loads

PROBLEMS = Path(__file__).parent.parent / "problems"

TABLES = {
    "symbols": "x = [2]\nW = [3, 2]\nb = [3]",
    "define": 'z = "W*x + b"\nL = "sum(z.^2)"',
    "derive": 'of = "L"\nwrt = ["W"]',
    "values": "x = [1, 2]\nW = [[1, 2], [3, 4], [5, 6]]\nb = [0, 0, 1]",
}
SIZES = 'x = ["n"]\nW = ["m", "n"]\nb = ["m"]'


def problem_text(**tables: str) -> str:
    """The tables above, some of them replaced; an empty one is left out."""
    every = {**TABLES, **tables}
    return "".join(f"[{name}]\n{body}\n" for name, body in every.items() if body)


def report(text: str) -> str:
    with pytest.raises(SymbackError) as caught:
        derive(loads(text, "net.toml"))
    return str(caught.value)


# --- mistakes -----------------------------------------------------------------------------------

MISTAKES: list[tuple[str, dict[str, str], type[SymbackError], str]] = [
    (
        "unknown name",
        {"define": 'z = "W*x + c"\nL = "sum(z.^2)"'},
        NameProblem,
        """\
        net.toml:6:12: unknown name 'c'
          z = "W*x + c"
                     ^
        hint: declare it under [symbols] or [define]""",
    ),
    (
        "defined later",
        {"define": 'L = "sum(z.^2)"\nz = "W*x + b"'},
        CycleError,
        """\
        net.toml:6:10: 'z' is used before it is defined
          L = "sum(z.^2)"
                   ^
        net.toml:7:1: 'z' is defined here
          z = "W*x + b"
          ^
        hint: definitions are in order: move 'z' above 'L'""",
    ),
    (
        "defined by itself",
        {"define": 'z = "z + 1"\nL = "sum(z)"'},
        CycleError,
        """\
        net.toml:6:6: 'z' is defined by itself
          z = "z + 1"
               ^
        hint: give the new node a name of its own""",
    ),
    (
        "cycle",
        {"define": 'a = "q + 1"\nr = "2*a"\nq = "r^2"\nL = "q"'},
        CycleError,
        """\
        net.toml:6:6: definitions need each other: a needs q needs r needs a
          a = "q + 1"
               ^
        net.toml:8:1: 'q' is defined here
          q = "r^2"
          ^
        hint: a computation graph has no cycles: unroll it, one name for each step""",
    ),
    (
        "of unknown",
        {"derive": 'of = "Loss"\nwrt = ["W"]'},
        NameProblem,
        """\
        net.toml:9:7: unknown name 'Loss'
          of = "Loss"
                ^^^^
        hint: [define] has z, L""",
    ),
    (
        "of given",
        {"derive": 'of = "x"\nwrt = ["W"]'},
        NameProblem,
        """\
        net.toml:9:7: 'x' is given, there is nothing to differentiate
          of = "x"
                ^
        hint: name a node of [define], such as of = "L\"""",
    ),
    (
        "wrt unknown",
        {"derive": 'of = "L"\nwrt = ["Z"]'},
        NameProblem,
        """\
        net.toml:10:9: unknown name 'Z'
          wrt = ["Z"]
                  ^
        hint: did you mean 'z'?""",
    ),
    (
        "entry outside",
        {"derive": 'of = "L"\nwrt = ["W[3,0]"]'},
        ValueProblem,
        """\
        net.toml:10:9: 'W[3,0]' is outside: 'W' has shape [3, 2]
          wrt = ["W[3,0]"]
                  ^^^^^^
        hint: entries count from 0 to 2 here (index_base)""",
    ),
    (
        "too few indices",
        {"derive": 'of = "L"\nwrt = ["W[1]"]'},
        ShapeError,
        """\
        net.toml:10:9: 'W[1]' has 1 index, but 'W' has shape [3, 2]
          wrt = ["W[1]"]
                  ^^^^
        hint: give one index for each axis""",
    ),
    (
        "entry of a scalar",
        {"derive": 'of = "L"\nwrt = ["L[0]"]'},
        ShapeError,
        """\
        net.toml:10:9: 'L[0]' has 1 index, but 'L' is a scalar
          wrt = ["L[0]"]
                  ^^^^
        hint: write L alone""",
    ),
    (
        "no scalar",
        {"derive": 'of = "z"\nwrt = ["W"]'},
        ShapeError,
        """\
        net.toml:6:6: 'z' has shape [3]; a gradient needs a scalar
          z = "W*x + b"
               ^^^^^^^
        hint: name a symbol that holds the gradient from above: upstream = "d" under [derive], \
or differentiate a scalar""",
    ),
    (
        "upstream unknown",
        {"derive": 'of = "z"\nwrt = ["W"]\nupstream = "d"'},
        NameProblem,
        """\
        net.toml:11:13: unknown name 'd'
          upstream = "d"
                      ^
        hint: declare d = [3] under [symbols]""",
    ),
    (
        "upstream of another shape",
        {"derive": 'of = "z"\nwrt = ["W"]\nupstream = "x"'},
        ShapeError,
        """\
        net.toml:6:6: the gradient from above, 'x', has shape [2], but 'z' has shape [3]
          z = "W*x + b"
               ^^^^^^^
        hint: both must have the same shape""",
    ),
    (
        "missing value",
        {"values": "x = [1, 2]\nb = [0, 0, 1]"},
        ValueProblem,
        """\
        net.toml:3:1: 'W' has no value
          W = [3, 2]
          ^
        hint: add W = [[0.5, ...], ...] under [values], or remove all values""",
    ),
    (
        "value of another shape",
        {"values": "x = [1, 2, 3]\nW = [[1, 2], [3, 4], [5, 6]]\nb = [0, 0, 1]"},
        ShapeError,
        """\
        net.toml:12:5: 'x' has shape [2], its value has shape [3]
          x = [1, 2, 3]
              ^^^^^^^^^
        net.toml:2:1: 'x' is declared here
          x = [2]
          ^
        hint: correct the value or the declared shape""",
    ),
    (
        "a flat matrix",
        {"values": "x = [1, 2]\nW = [1, 2, 3, 4, 5, 6]\nb = [0, 0, 1]"},
        ShapeError,
        """\
        net.toml:13:5: 'W' has shape [3, 2], its value has shape [6]
          W = [1, 2, 3, 4, 5, 6]
              ^^^^^^^^^^^^^^^^^^
        net.toml:3:1: 'W' is declared here
          W = [3, 2]
          ^
        hint: a matrix is given row by row: [[1, 2], [3, 4]]""",
    ),
    (
        "value of a definition",
        {"values": TABLES["values"] + "\nz = [1, 2, 3]"},
        NameProblem,
        """\
        net.toml:15:5: 'z' is defined; only given symbols have values
          z = [1, 2, 3]
              ^^^^^^^^^
        net.toml:6:1: 'z' is defined here
          z = "W*x + b"
          ^
        hint: remove this value, or the definition and declare it under [symbols]""",
    ),
    (
        "value of an unknown name",
        {"values": TABLES["values"] + "\nbb = 1"},
        NameProblem,
        """\
        net.toml:15:6: unknown name 'bb'
          bb = 1
               ^
        hint: did you mean 'b'?""",
    ),
    (
        "a name as a value",
        {"values": 'x = ["a", 2]\nW = [[1, 2], [3, 4], [5, 6]]\nb = [0, 0, 1]'},
        NameProblem,
        """\
        net.toml:12:7: a value is a number, and 'a' is a name
          x = ["a", 2]
                ^
        hint: "1/3", "sqrt(2)" and "2*pi" are numbers""",
    ),
    (
        "a value without a value",
        {"values": 'x = ["1/0", 2]\nW = [[1, 2], [3, 4], [5, 6]]\nb = [0, 0, 1]'},
        DomainError,
        """\
        net.toml:12:7: '1/0' has no value
          x = ["1/0", 2]
                ^^^""",
    ),
    (
        "a value too large",
        {"values": "x = [1e400, 2]\nW = [[1, 2], [3, 4], [5, 6]]\nb = [0, 0, 1]"},
        DomainError,
        """\
        net.toml:12:5: a number is too large for a floating-point number
          x = [1e400, 2]
              ^^^^^^^^^^""",
    ),
    (
        "logarithm of zero",
        {"define": 'z = "W*x + b"\ny = "log(z - 5)"\nL = "sum(y)"'},
        DomainError,
        """\
        net.toml:7:6: y: log(z - 5) is not defined at (z - 5)[0] = 0
          y = "log(z - 5)"
               ^^^^^^^^^^
        hint: the values given lie outside the domain of this function""",
    ),
    (
        "tower",
        {"define": 'z = "W*x + b"\nL = "9^9^9*sum(z)"'},
        LimitError,
        """\
        net.toml:7:6: a power with exponent 387420489 has too many digits
          L = "9^9^9*sum(z)"
               ^^^^^""",
    ),
    (
        "sizes that disagree",
        {"symbols": SIZES, "values": "x = [1, 2]\nW = [[1, 2, 3], [3, 4, 5]]\nb = [0, 1]"},
        ShapeError,
        """\
        net.toml:13:5: 'W' has shape [m, n], its value has shape [2, 3] (n = 2 from the value of 'x')
          W = [[1, 2, 3], [3, 4, 5]]
              ^^^^^^^^^^^^^^^^^^^^^^
        net.toml:3:1: 'W' is declared here
          W = ["m", "n"]
          ^
        hint: correct the value or the declared shape""",
    ),
    (
        "a size that is none",
        {"symbols": SIZES, "values": "n = 1.5"},
        ValueProblem,
        """\
        net.toml:12:5: the size 'n' is a whole number from 1
          n = 1.5
              ^^^
        hint: n = 3""",
    ),
    (
        "a size that is an array",
        {"symbols": SIZES + "\nn = [2]", "values": ""},
        ShapeError,
        """\
        net.toml:2:7: 'n' is used as a size and is itself an array
          x = ["n"]
                ^
        hint: a size is a whole number; choose another name for it than 'n'""",
    ),
    (
        "a size that is a definition",
        {"symbols": 'x = ["z"]', "values": ""},
        NameProblem,
        """\
        net.toml:2:7: 'z' is a size here and also a definition
          x = ["z"]
                ^
        hint: choose another name for the size""",
    ),
    (
        "derivative by a size",
        {"symbols": SIZES, "derive": 'of = "L"\nwrt = ["n"]', "values": ""},
        NameProblem,
        """\
        net.toml:10:9: 'n' is a size; sizes have no derivative
          wrt = ["n"]
                  ^""",
    ),
    (
        "shapes that do not fit",
        {"symbols": 'x = ["n"]\nW = ["m", "n"]\nb = ["n"]', "values": ""},
        ShapeError,
        """\
        net.toml:6:10: a sum: shapes m and n do not fit (m is not n)
          z = "W*x + b"
                   ^""",
    ),
    (
        "no derivative",
        {
            "symbols": "A = [2, 2]",
            "define": 'L = "sum(expm(A))"',
            "derive": 'of = "L"\nwrt = ["A"]',
            "values": "",
        },
        Unsupported,
        """\
        net.toml:4:6: L: cannot differentiate a matrix exponential here: a closed form exists only \
inside a trace
          L = "sum(expm(A))"
               ^^^^^^^^^^^^""",
    ),
    (
        "printed result of another",
        {"published": '"dJ/dW" = 1'},
        NameProblem,
        """\
        net.toml:16:2: this file differentiates 'L', not 'J'
          "dJ/dW" = 1
           ^^^^^""",
    ),
    (
        "printed result of nothing",
        {"published": "q = 1"},
        NameProblem,
        """\
        net.toml:16:1: unknown name 'q'
          q = 1
          ^
        hint: results are named as "L", "dL/dW[1,1]" or "updated W\"""",
    ),
]


@pytest.mark.parametrize(
    ("tables", "kind", "message"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_one_clear_message(
    tables: dict[str, str], kind: type[SymbackError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        derive(loads(problem_text(**tables), "net.toml"))
    assert str(caught.value) == dedent(message)
    assert caught.value.exit_code == 2


# --- what a file says ---------------------------------------------------------------------------


def test_load() -> None:
    problem = load(PROBLEMS / "two_layer_net.toml")
    assert problem.title == "Two-layer network with ReLU and sigmoid"
    assert [d.name for d in problem.definitions] == ["z1", "h", "z2", "y", "L"]
    assert problem.definitions[0].written == "W1*x + b1"
    assert [t.label for t in problem.wrt][:2] == ["W1[1,1]", "b1[2]"]
    assert problem.wrt[0].indices == (0, 0)
    assert problem.values["x"] == Exact((2,), (Fraction(1, 2), Fraction(1, 5)))
    assert problem.has_values


def test_definitions_use_earlier_names_as_symbols() -> None:
    problem = loads(problem_text())
    assert symbols_of([problem.definitions[1].tensor.node]) == [problem.tensor("z").node]


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("[2]", "[1, 2]"),
        ("[2]", "[[1], [2]]"),
        ("[2, 1]", "[1, 2]"),
        ("[2, 1]", "[[1], [2]]"),
        ("[1, 2]", "[1, 2]"),
        ("[1, 2]", "[[1, 2]]"),
        ('["n"]', "[1, 2]"),
        ('["n", 1]', "[1, 2]"),
        ('["n", "k"]', "[[1, 2]]"),
    ],
)
def test_a_value_may_be_flat_or_nested(shape: str, value: str) -> None:
    text = problem_text(
        symbols=f"x = {shape}",
        define='L = "sum(x.^2)"',
        derive='of = "L"\nwrt = ["x"]',
        values=f"x = {value}",
    )
    assert derive(loads(text)).forward["L"].nested() == 5


@pytest.mark.parametrize(("shape", "value"), [("[2, 1]", "[[1, 2]]"), ("[1, 2]", "[[1], [2]]")])
def test_a_row_is_no_column(shape: str, value: str) -> None:
    text = problem_text(
        symbols=f"x = {shape}",
        define='L = "sum(x.^2)"',
        derive='of = "L"\nwrt = ["x"]',
        values=f"x = {value}",
    )
    with pytest.raises(ShapeError):
        loads(text)


def test_values_are_exact() -> None:
    text = problem_text(
        symbols="x = [3]",
        define='L = "x\'*x"',
        derive='of = "L"\nwrt = ["x"]',
        values='x = [0.1, "1/3", "sqrt(2)"]',
    )
    derivation = derive(loads(text))
    exact = derivation.forward["L"].exact
    assert exact is not None
    assert exact.entries == (Fraction(1, 100) + Fraction(1, 9) + 2,)
    assert derivation.gradients["x"].exact == sp.Matrix(
        [sp.Rational(1, 5), sp.Rational(2, 3), 2 * sp.sqrt(2)]
    )


def test_sizes_come_from_the_values() -> None:
    text = problem_text(symbols=SIZES + '\nu = ["n + m"]', values=TABLES["values"])
    problem = loads(text)
    assert problem.values["m"].entries == (3,)
    assert problem.values["n"].entries == (2,)


def test_symbols_that_nothing_uses_need_no_value() -> None:
    text = problem_text(symbols=TABLES["symbols"] + "\nunused = [7]")
    assert derive(loads(text)).verification is not None


def test_a_scalar_that_is_used_as_a_size() -> None:
    text = problem_text(
        symbols='n = []\nx = ["n"]',
        define='L = "sum(x)/n"',
        derive='of = "L"\nwrt = ["x"]',
        values="x = [1, 2, 3, 4]",
    )
    assert derive(loads(text)).gradients["x"].value.tolist() == [0.25] * 4


def test_a_one_by_one_definition_is_shown_as_a_scalar() -> None:
    text = problem_text(
        symbols="w = [1, 3]\nx = [3]",
        define='z = "w*x"\nL = "z^2"',
        derive='of = "L"\nwrt = ["w", "z"]',
        values="w = [1, 2, 3]\nx = [1, 1, 1]",
    )
    derivation = derive(loads(text))
    assert derivation.forward["z"].nested() == 6
    assert derivation.gradients["z"].value.tolist() == 12
    assert derivation.gradients["w"].value.tolist() == [[12, 12, 12]]


def test_other_values() -> None:
    problem = loads(problem_text())
    other = problem.with_values({"x": [0.5, "1/3"], "b": np.array([1.0, 0.0, 0.0])})
    assert other.values["x"].entries == (Fraction(1, 2), Fraction(1, 3))
    assert other.values["W"] == problem.values["W"]
    with pytest.raises(NameProblem, match="no given symbol"):
        problem.with_values({"q": 1})
    with pytest.raises(ShapeError, match=r"'x' has shape \[2\], its value has shape \[3\]"):
        problem.with_values({"x": [1, 2, 3]})


def test_other_values_may_have_other_sizes() -> None:
    text = problem_text(
        symbols='x = ["n"]',
        define='L = "sum(x)"',
        derive='of = "L"\nwrt = ["x"]',
        values="x = [1, 2]",
    )
    other = loads(text).with_values({"x": [1, 2, 3]})
    assert other.values["n"].entries == (3,)


@pytest.mark.parametrize("bad", [[], [[1], [1, 2]], True, None, float("nan"), {"a": 1}, "q"])
def test_what_is_no_value(bad: object) -> None:
    with pytest.raises(InputError):
        loads(problem_text()).with_values({"x": bad})


def test_nested_value() -> None:
    assert nested_value((1, 0.25)) == (1, Fraction(1, 4))
    assert nested_value(np.float64(0.1)) == Fraction(1, 10)
    assert nested_value(Exact((2,), (Fraction(1), Fraction(2)))) == (1, 2)


def test_problems_do_not_change() -> None:
    problem = loads(problem_text())
    with pytest.raises(AttributeError):
        problem.of = "z"  # type: ignore[misc]
    with pytest.raises(TypeError):
        problem.values["x"] = Exact((), (Fraction(1),))  # type: ignore[index]


# --- from SymPy ---------------------------------------------------------------------------------

W1, b1, x = (sp.MatrixSymbol(n, *s) for n, s in (("W1", (3, 2)), ("b1", (3, 1)), ("x", (2, 1))))
z1, y, t = (sp.MatrixSymbol(name, 3, 1) for name in ("z1", "y", "t"))
DEFINITIONS = [
    ("z1", W1 * x + b1),
    ("y", z1.applyfunc(sp.tanh)),
    ("L", (y - t).T * (y - t) / 2),
]


def test_from_sympy() -> None:
    problem = Problem(
        DEFINITIONS,
        wrt=[W1, "b1", W1[0, 1]],
        values={
            x: [0.5, sp.Rational(1, 3)],
            W1: [[1, 2], [0.1, 0.2], [sp.sqrt(2) / 10, 0]],
            "b1": sp.Matrix([0, 0, 1]),
            t: [1, 0, 0],
        },
        rate=sp.Rational(1, 10),
    )
    assert problem.of == "L"
    assert [target.label for target in problem.wrt] == ["W1", "b1", "W1[0,1]"]
    derivation = problem.derive()
    assert derivation.verification.ok
    assert str(derivation.gradients["W1"].named) == "dL_dz1*x.T"
    assert derivation.gradients["W1"].closed.free_symbols == {W1, b1, x, t}
    whole, entry = derivation.gradients["W1"].value, derivation.gradients["W1[0,1]"].value
    assert entry == whole[0, 1]
    given = sp.Matrix([[1, 2], [sp.Rational(1, 10), sp.Rational(1, 5)], [sp.sqrt(2) / 10, 0]])
    numbers = {x: sp.Matrix([0.5, sp.Rational(1, 3)]), W1: given, b1: sp.Matrix([0, 0, 1])}
    closed = derivation.gradients["W1[0,1]"].closed.subs({**numbers, t: sp.Matrix([1, 0, 0])})
    assert float(closed.doit()) == pytest.approx(float(entry), rel=1e-12)


def test_from_sympy_with_symbolic_sizes() -> None:
    m, n = sp.symbols("m n", integer=True, positive=True)
    X, w, target = (
        sp.MatrixSymbol("X", m, n),
        sp.MatrixSymbol("w", n, 1),
        sp.MatrixSymbol("y", m, 1),
    )
    r = sp.MatrixSymbol("r", m, 1)
    derivation = Problem([("r", X * w - target), ("L", r.T * r)], wrt=[w, X]).derive()
    assert str(derivation.gradients["w"].closed) == "2*X.T*(X*w - y)"
    assert str(derivation.gradients["X"].closed) == "2*(X*w - y)*w.T"
    assert derivation.gradients["w"].closed.free_symbols == {X, w, target}
    assert derivation.gradients["w"].value is None


def test_from_sympy_scalars_keep_their_own_symbols() -> None:
    a, b = sp.symbols("a b", positive=True)
    e = sp.Symbol("e")
    derivation = Problem([("e", a + b), ("L", e**2)], wrt=[a], values={a: 1, b: 2}).derive()
    assert derivation.gradients["a"].closed == 2 * a + 2 * b
    assert derivation.gradients["a"].exact == 6


BAD_SYMPY = [
    ({"definitions": []}, "a problem needs a definition"),
    ({"definitions": [("L", y.T * y), ("y", z1)], "wrt": [z1]}, "'y' is used before"),
    ({"definitions": [("y", y + z1)], "wrt": [z1]}, "'y' is defined by itself"),
    ({"definitions": [("L", 1), ("L", 2)], "wrt": []}, "'L' is defined twice"),
    ({"definitions": [("L!", sp.Symbol("q"))], "wrt": ["q"]}, "cannot hold '!'"),
    ({"definitions": DEFINITIONS, "wrt": ["Q"]}, "unknown name 'Q'"),
    ({"definitions": DEFINITIONS, "wrt": ["W1[3,0]"]}, "outside"),
    ({"definitions": DEFINITIONS, "wrt": [W1], "of": "Loss"}, "unknown name 'Loss'"),
    ({"definitions": DEFINITIONS, "wrt": [W1], "values": {x: [1, 2]}}, "has no value"),
    ({"definitions": DEFINITIONS, "wrt": [W1], "values": {x: [1, 2, 3]}}, "has shape"),
    ({"definitions": DEFINITIONS, "wrt": [W1], "values": {x: [1, sp.Symbol("q")]}}, "a number"),
    ({"definitions": DEFINITIONS[:1], "wrt": [W1]}, "a gradient needs a scalar"),
    (
        {"definitions": [("y", x), ("L", sp.Symbol("y") ** 2)], "wrt": [x]},
        "'y' is defined with shape",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_SYMPY, ids=[m for _, m in BAD_SYMPY])
def test_mistakes_in_sympy(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Problem(**arguments)  # type: ignore[arg-type]
    assert message in caught.value.message
