"""Every problem in problems/: numbers computed elsewhere, printed results, closed forms, the story.

`data/expected.json` holds 30 digits of every number, from plain Python and differences, without
symback.
"""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symback.derivation import Derivation, derive
from symback.exact import float_of
from symback.given import constant_number
from symback.jsonout import as_json
from symback.parse.syntax import Expression
from symback.problem import Problem, load
from symback.problemfile import Figure
from symback.story import NumberStep

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "problems").glob("*.toml"))
EXPECTED = json.loads(
    (Path(__file__).parent / "data" / "expected.json").read_text(), parse_float=Decimal
)
NUMERIC = [path for path in FILES if path.name in EXPECTED]
SYMBOLIC = [path for path in FILES if path.name not in EXPECTED]
ids = {"ids": lambda path: path.stem}


@cache
def derived(path: Path) -> Derivation:
    return derive(load(path))


def floats(nested: Any) -> np.ndarray[Any, Any]:
    if isinstance(nested, list | tuple):
        return np.array([floats(item) for item in nested])
    if isinstance(nested, Expression):
        nested = constant_number(nested)
    return np.asarray(float(nested) if isinstance(nested, Decimal | int) else float_of(nested))


def same(found: np.ndarray[Any, Any], wanted: Any) -> bool:
    """Equal but for rounding; a vector may be given as a column or a row."""
    right = floats(wanted)
    assert found.size == right.size
    return bool(np.allclose(found.ravel(), right.ravel(), rtol=1e-11, atol=1e-13))


def test_every_file_is_known() -> None:
    assert len(FILES) >= 40
    assert {path.stem for path in SYMBOLIC} == {
        *("sheet000_7_3a", "sheet000_7_3b", "sheet000_7_3c", "sheet001_q2"),
        *("sheet004_p_norm", "polynomial_fit"),
    }


@pytest.mark.parametrize("path", NUMERIC, **ids)
def test_numbers(path: Path) -> None:
    derivation, wanted = derived(path), EXPECTED[path.name]
    for name, value in wanted["forward"].items():
        assert same(derivation.forward[name].floats, value), name
    for label, value in wanted["gradients"].items():
        found = derivation.gradients[label].value
        assert found is not None and same(found, value), label
    for label, value in wanted["updated"].items():
        assert same(derivation.updated[label].floats, value), label
    assert set(wanted["gradients"]) == set(derivation.gradients)


@pytest.mark.parametrize("path", NUMERIC, **ids)
def test_exact_numbers_are_the_floats(path: Path) -> None:
    derivation = derived(path)
    numbers = [*derivation.forward.values(), *derivation.updated.values()]
    numbers += [g.number for g in derivation.gradients.values() if g.number is not None]
    for number in numbers:
        if number.exact is not None:
            exact = [float_of(entry) for entry in number.exact.entries]
            assert np.allclose(exact, number.floats.ravel(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["two_layer_net", "attention_head", "lstm_cell", "rnn_unrolled"])
def test_many_digits(name: str) -> None:
    path = ROOT / "problems" / f"{name}.toml"
    derivation = derive(load(path), digits=25)
    for label, wanted in EXPECTED[path.name]["gradients"].items():
        number = derivation.gradients[label].number
        assert number is not None and number.digits is not None
        flat = np.array(wanted, dtype=object).ravel()
        for found, value in zip(number.digits, flat, strict=True):
            assert abs(Decimal(found) - Decimal(value)) <= Decimal("1e-24") * (1 + abs(value))


@pytest.mark.parametrize("path", NUMERIC, **ids)
def test_verified_and_kinks_reported(path: Path) -> None:
    derivation = derived(path)
    assert derivation.verification is not None
    assert derivation.verification.ok
    assert derivation.verification.witness == "complex step"
    assert derivation.verification.max_error < 1e-9
    kinks = [(k.node, k.function, k.interval, k.taken) for k in derivation.kinks]
    if path.stem == "at_the_kinks":
        assert kinks == [
            ("p = relu(a)", "relu", (0, 1), 0),
            ("q = abs(b)", "abs", (-1, 1), 0),
            ("m = max(c, d)", "maximum", (0, 1), Fraction(1, 2)),
        ]
    else:
        assert kinks == []


def figure_value(derivation: Derivation, figure: Figure) -> np.ndarray[Any, Any]:
    target = figure.target
    if figure.kind == "node":
        value = derivation.forward[target.name]
    elif figure.kind == "updated":
        value = derivation.updated[target.name]
    else:
        assert derivation.numbers is not None
        tensor = derivation.problem.tensor(target.name)
        value = derivation.numbers.value(derivation.adjoints[target.name].symbol, tensor.shape)
    if not target.indices:
        return value.floats
    base = derivation.problem.index_base
    return value.entry([index - base for index in target.indices if isinstance(index, int)]).floats


def printed(problem: Problem) -> list[tuple[Figure, Fraction, bool]]:
    published, misprint = problem.published, problem.misprint
    return [
        *((figure, published.tolerance, True) for figure in published.entries),
        *((figure, misprint.tolerance, False) for figure in misprint.entries),
    ]


@pytest.mark.parametrize("path", NUMERIC, **ids)
def test_printed_results(path: Path) -> None:
    """What a document prints right is what we find; what it prints wrong is not."""
    derivation = derived(path)
    for figure, tolerance, is_right in printed(derivation.problem):
        found, given = figure_value(derivation, figure), floats(figure.value)
        gap = float(np.abs(found.ravel() - given.ravel()).max())
        assert (gap <= float(tolerance)) is is_right, (figure.text, gap)


def test_printed_results_are_there() -> None:
    count = sum(len(printed(derived(path).problem)) for path in NUMERIC)
    assert count >= 40


def test_the_figures_that_were_asked_for() -> None:
    first = as_json(derived(ROOT / "problems" / "two_layer_net.toml"))
    assert first["forward"]["L"] == pytest.approx(0.7962169226, abs=5e-11)
    gradients = first["gradients"]
    assert gradients["W1[1,1]"]["value"] == pytest.approx(0.0121779795, abs=5e-11)
    assert gradients["b1[2]"]["value"] == pytest.approx(0.0588108006, abs=5e-11)
    assert gradients["W2[1,1]"]["value"] == pytest.approx(-0.0462061899, abs=5e-11)
    assert gradients["b2[1]"]["value"] == pytest.approx(-0.2008964780, abs=5e-11)
    second = as_json(derived(ROOT / "problems" / "sheet001_q3.toml"))
    assert second["forward"]["L"] == 48.1977625
    assert second["gradients"]["W3"]["value"] == [
        [19.95375, 30.5175, 19.5625],
        [15.1215, 23.127, 14.825],
    ]
    assert second["gradients"]["W3"]["exact"][0] == ["15963/800", "12207/400", "313/16"]


# --- forms --------------------------------------------------------------------------------------

NAMED = {
    "affine_flow": {"W": "z*x' - inv(W)'", "b": "z", "x": "W'*z"},
    "at_the_kinks": {"a": "step(a)", "b": "2*sign(b)", "c": "4*heaviside(c - d)"},
    "attention_head": {
        "Wq": "X'*dL_dQ",
        "Wk": "X'*dL_dK",
        "Wv": "X'*dL_dV",
        "X": "dL_dV*Wv' + dL_dK*Wk' + dL_dQ*Wq'",
    },
    "batch_mlp": {"W1": "X'*dL_dA", "b1": "sum(dL_dA, axis=0)'", "W2": "H'*dL_dY"},
    "batch_norm": {
        "X": "dL_dXc + dL_dmu/4",
        "gamma": "sum(dL_dY .* X_hat, axis=0)",
        "beta": "sum(dL_dY, axis=0)",
    },
    "lstm_cell": {
        "Wf": "(dL_df .* f .* (1 - f))*v'",
        "Wg": "(dL_dg .* (1 - g.^2))*v'",
        "c0": "dL_dc1 .* f",
    },
    "logistic_neuron": {"w": "dL_dz*x", "b": "dL_dz"},
    "matrix_factorisation": {"U": "lambda*U - (E .* M)*V"},
    "poisson_regression": {"w": "X'*dL_deta"},
    "ridge_regression": {"w": "lambda*w + X'*dL_dr"},
    "sheet000_7_2": {"a": "dL_de", "b": "dL_de", "c": "dL_df", "d": "-dL_df"},
    "sheet001_q2": {"W1": "dL_du1*x'", "W2": "dL_du2*x'", "W3": "dL_dy*z1'"},
    "sheet001_q3": {"W1": "dL_du1*x'", "W2": "dL_du2*x'", "W3": "dL_dy*z1'"},
    "sheet004_p_norm": {"w": "alpha*p*abs(w).^(p - 1) .* sign(w) + g"},
    "sheet004_relu_net": {
        "h3": "2*(h3 - y)",
        "W3": "dJ_dh3*h2'",
        "a2": "dJ_dh2 .* step(a2)",
        "W2": "dJ_da2*h1'",
        "a1": "dJ_dh1 .* step(a1)",
    },
    "softmax_regression": {"z": "p - t", "W": "dL_dz*x'", "b": "dL_dz"},
    "two_layer_net": {
        "W1[1,1]": "dL_dz1[1]*x[1]",
        "b1[2]": "dL_dz1[2]",
        "W2[1,1]": "dL_dz2[1]*h[1]",
        "W1": "dL_dz1*x'",
        "W2": "dL_dz2*h'",
        "b2": "dL_dz2",
    },
}


@pytest.mark.parametrize("stem", NAMED)
def test_named_forms(stem: str) -> None:
    derivation = derived(ROOT / "problems" / f"{stem}.toml")
    for label, wanted in NAMED[stem].items():
        assert derivation.forms.text(derivation.gradients[label].named_phrase) == wanted


ADJOINTS = {
    "two_layer_net": {
        "y": "(y - t) ./ (2*(1 - y) .* y)",
        "z2": "(y - t)/2",
        "h": "W2'*dL_dz2",
        "z1": "dL_dh .* step(z1)",
    },
    "logistic_neuron": {"z": "y - t"},
    "sheet001_q2": {"y": "y - y_hat", "u2": "dL_dy .* f'(u2)", "z1": "W3'*dL_dy"},
    "softmax_regression": {"p": "-t ./ p", "z": "p - t"},
    "sheet000_7_2": {"z": "z", "e": "f*z", "f": "e*z"},
    "batch_norm": {"var": "dL_ds ./ (2*s)", "X_hat": "dL_dY*diag(gamma')"},
    "lstm_cell": {"h1": "h1 - t", "c1": "dL_dh1 .* o .* (1 - tanh(c1).^2)", "g": "dL_dc1 .* i"},
    "attention_head": {"O": "O - T", "A": "dL_dO*V'", "V": "A'*dL_dO"},
}


@pytest.mark.parametrize("stem", ADJOINTS)
def test_adjoints_on_the_way(stem: str) -> None:
    derivation = derived(ROOT / "problems" / f"{stem}.toml")
    for name, wanted in ADJOINTS[stem].items():
        shape = derivation.problem.tensor(name).shape
        written = derivation.forms.write(derivation.adjoints[name].named, shape)
        assert derivation.forms.text(written) == wanted


CLOSED = {
    "sheet000_7_3a": {"x": "[d[3], d[4], d[0], d[2], d[1]]"},
    "sheet000_7_3b": {
        "x": "x[0]*d + (d'*x)*eye(5)[:, 0]",
    },
    "sheet000_7_3c": {
        "x": "[2*d[3]*x[0] + d[4]*x[1] + d[0]*x[2] + d[2]*x[3] + d[1]*x[4], "
        "d[4]*x[0], d[0]*x[0], d[2]*x[0], d[1]*x[0]]"
    },
    "sheet001_q2": {"W3": "(W3*f(W1*x) + f(W2*x) - y_hat)*f(W1*x)'"},
    "two_layer_net": {"b2": "(sigmoid(W2*relu(W1*x + b1) + b2) - t)/2"},
    "ridge_regression": {"w": "lambda*w + X'*(X*w - y)/n"},
    "logistic_neuron": {"w": "(sigmoid(w'*x + b) - t)*x", "b": "sigmoid(w'*x + b) - t"},
    "poisson_regression": {"w": "X'*(exp(X*w) - y)"},
}


@pytest.mark.parametrize("stem", CLOSED)
def test_closed_forms(stem: str) -> None:
    derivation = derived(ROOT / "problems" / f"{stem}.toml")
    for label, wanted in CLOSED[stem].items():
        gradient = derivation.gradients[label]
        assert derivation.forms.text(gradient.closed_phrase) == wanted
        assert gradient.closed_in == "symbols"


@pytest.mark.parametrize("path", FILES, **ids)
def test_json_is_plain(path: Path) -> None:
    data = as_json(derived(path))
    again = json.loads(json.dumps(data, allow_nan=False))
    assert again == data
    assert set(data) == {
        *("problem", "output", "forward", "gradients", "updated", "verified", "kinks")
    }
    for row in data["gradients"].values():
        assert set(row) == {"shape", "closed", "named", "latex", "value", "exact"}
        assert (row["value"] is None) is (path in SYMBOLIC)
        assert "?" not in row["closed"] + row["named"]
    assert (data["forward"] is None) is (path in SYMBOLIC)


@pytest.mark.parametrize("path", FILES, **ids)
def test_steps_work_out_their_own_numbers_again(path: Path) -> None:
    derivation = derived(path)
    steps = [step for step in derivation.steps if isinstance(step, NumberStep)]
    assert len(steps) >= len(derivation.problem.definitions) + len(derivation.problem.wrt)
    for step in (steps[0], steps[-1]) if path in NUMERIC else ():
        assert step.value is not None
        again = step.recompute({})
        assert np.array_equal(again.floats, step.value.floats)
    assert all(step.value is None for step in steps) or path in NUMERIC
