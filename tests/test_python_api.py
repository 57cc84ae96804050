"""The front door: the examples of docs/python.md, and what a user would try."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symback as sb
from symback.bundle import find, problems
from symback.drawing import Drawing
from symback.gradients import Gradient

ROOT = Path(__file__).parent.parent
W, V, Z = sp.MatrixSymbol("W", 2, 2), sp.MatrixSymbol("v", 2, 1), sp.MatrixSymbol("z", 2, 1)
A, B = sp.symbols("a b")
DEFINITIONS = [("z", W * V), ("L", Z.T * Z / 2)]
VALUES = {W: [[1, 2], [3, 4]], V: [1, sp.Rational(1, 2)]}


def test_the_examples_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    flags = doctest.NORMALIZE_WHITESPACE
    result = doctest.testfile(
        str(ROOT / "docs" / "python.md"), module_relative=False, optionflags=flags
    )
    assert result.attempted > 30 and result.failed == 0


def test_the_public_names() -> None:
    assert set(sb.__all__) <= set(dir(sb))
    assert all(getattr(sb, name) is not None for name in sb.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sb.nothing


def test_importing_symback_imports_nothing_heavy() -> None:
    code = (
        "import sys, symback; print(sorted({'sympy', 'numpy', 'rich', 'lark'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


# --- problems from SymPy -----------------------------------------------------------------------


def test_values_may_come_in_every_form() -> None:
    forms: list[Any] = [
        [1, "1/2"], [[1], [0.5]], sp.Matrix([1, sp.Rational(1, 2)]), np.array([1, 0.5]),
        np.array([[1], [0.5]]), (1, 0.5),
    ]  # fmt: skip
    for form in forms:
        d = sb.Problem(DEFINITIONS, wrt=W, values={"W": VALUES[W], V: form}).derive()
        assert d.gradients["W"].exact == sp.Matrix([[2, 1], [5, sp.Rational(5, 2)]])


@pytest.mark.parametrize("wrt", [W, "W", [W], ["W"], (W,)], ids=repr)
def test_one_target_needs_no_list(wrt: Any) -> None:
    assert list(sb.Problem(DEFINITIONS, wrt=wrt).derive().gradients) == ["W"]


def test_without_targets_every_symbol_is_one() -> None:
    assert list(sb.Problem(DEFINITIONS).derive().gradients) == ["W", "v"]


@pytest.mark.parametrize("base", [0, 1])
def test_gradients_are_found_by_label_symbol_and_entry(base: int) -> None:
    p = sb.Problem(DEFINITIONS, wrt=[W, W[0, 1], "z"], index_base=base)  # type: ignore[arg-type]
    found = p.derive().gradients
    assert found[W] is found["W"] and found[Z] is found["z"]
    label = f"W[{base},{base + 1}]"
    assert found[W[0, 1]] is found[label] is found[label.replace(",", ", ")]
    with pytest.raises(KeyError, match="no derivative by q was asked for; there are W, W"):
        _ = found["q"]
    assert found.get("q") is None and "q" not in found


def test_symbolic_sizes() -> None:
    n = sp.Symbol("n", positive=True, integer=True)
    x = sp.MatrixSymbol("x", n, n)
    assert sb.Problem([("L", sp.Trace(x * x.T))]).derive().gradients["x"].closed == 2 * x


def test_upstream_and_rate() -> None:
    d = sp.MatrixSymbol("d", 2, 1)
    p = sb.Problem(
        [("z", W * V)], wrt=[W], upstream=d, rate=sp.Rational(1, 10), values={**VALUES, d: [1, 0]}
    )
    worked = p.derive()
    assert worked.gradients["W"].closed == d * V.T
    assert worked.updated["W"].nested() == [[0.9, 1.95], [3.0, 4.0]]


def test_the_rate_may_be_a_text() -> None:
    p = sb.Problem([("L", A**2)], values={A: 3}, rate="1/10")
    assert p.derive().updated["a"].nested() == 2.4


def test_what_does_not_matter_has_the_derivative_zero_and_says_so() -> None:
    gradient = sb.Problem([("L", A**2)], wrt=B).derive().gradients["b"]
    assert gradient.closed == 0 and gradient.remarks == ("L does not depend on b",)


def test_other_values_for_the_same_problem() -> None:
    p = sb.Problem([("L", A**2 * B)], values={A: 3, B: 1})
    assert p.with_values({"a": 5}).derive().gradients["a"].value == 10
    assert p.derive().gradients["a"].value == 6


# --- what objects say of themselves ------------------------------------------------------------


def test_one_line_at_the_prompt() -> None:
    p = sb.Problem(DEFINITIONS, wrt=[W], values=VALUES)
    d = p.derive()
    assert repr(p) == "<Problem: L by W>"
    assert repr(d) == "<Derivation of L by W, checked by complex step>"
    assert repr(d.gradients[W]) == "<Gradient dL/dW = z*v'>"
    assert repr(d.graph) == "<Drawing of L: 4 nodes, 3 arrows>"


def test_jupyter_shows_formulas_and_pictures() -> None:
    d = sb.load(find("two_layer_net")).derive()
    forms = d.problem._repr_mimebundle_()
    assert r"&= \mathbf{W}_{1}\mathbf{x} + \mathbf{b}_{1} \\" in forms["text/markdown"]
    assert forms["text/latex"] == d.problem._repr_latex_()
    assert r"\approx \begin{bmatrix} 0.012178" in d.gradients["W1"]._repr_latex_()
    assert "Checked by complex step" in d._repr_mimebundle_()["text/markdown"]
    assert d.graph._repr_mimebundle_()["image/svg+xml"].startswith("<svg")
    assert set(d._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert "text/latex" not in d._repr_mimebundle_(exclude={"text/latex"})


@pytest.mark.parametrize("path", problems(), ids=lambda path: path.stem)
def test_every_bundled_problem_shows_itself(path: Path) -> None:
    d = sb.load(path).derive()
    shown: list[Any] = [d.problem, d, d.graph, *d.gradients.values()]
    for thing in shown:
        forms = thing._repr_mimebundle_()
        assert forms["text/latex"].startswith("$$\n") and forms["text/latex"].endswith("\n$$")
        assert forms["text/plain"] == repr(thing) and "object at 0x" not in repr(thing)
        assert "<" not in forms.get("text/markdown", "") + forms["text/latex"]
    assert isinstance(d.graph, Drawing)
    assert all(isinstance(g, Gradient) for g in d.gradients.values())


def test_hostile_titles_show_as_text() -> None:
    title = r"<script>alert(1)</script> $x$ \begin{align} ![a](http://b) ]] -->"
    p = sb.Problem([("L", A**2)], title=title, source=title, values={A: 1})
    d = p.derive()
    for thing in (p, d):
        markdown = thing._repr_mimebundle_()["text/markdown"]
        for mark in ("<script", "$x$", "\\begin{align}", "![", "-->"):
            assert mark not in markdown
    assert "<script" not in d.graph._repr_mimebundle_()["image/svg+xml"]


# --- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"definitions": []}, "a problem needs a definition"),
        ({"definitions": [("L", "a^2")]}, "a SymPy expression is needed here, not str"),
        ({"definitions": [("L", A**2)], "of": "M"}, "unknown name 'M'"),
        ({"definitions": [("L", A**2)], "wrt": "b"}, "unknown name 'b'"),
        ({"definitions": [("L", W * V)]}, "a gradient needs a scalar"),
        ({"definitions": DEFINITIONS, "values": {W: [1, 2]}}, "W.*shape"),
        ({"definitions": DEFINITIONS, "values": {W: VALUES[W]}}, "'v' has no value"),
        ({"definitions": [("L", A**2)], "values": {"c": 1}}, "'c' is no given symbol"),
        ({"definitions": [("L", A**2)], "values": {A: float("nan")}}, "not a number"),
        ({"definitions": [("L", A**2)], "wrt": "a[3]"}, "a"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(sb.SymbackError, match=message):
        sb.Problem(**arguments)
