"""Derivations: numbers, forms, the check, remarks, deep and wide graphs."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from symback import sweep as sweep_module
from symback.derivation import Derivation, derive
from symback.errors import DomainError, WrongAnswer
from symback.jsonout import as_json
from symback.ops import scale
from symback.problem import Problem, load, loads
from symback.story import (
    Backward,
    CostNote,
    Forward,
    Given,
    GradientRow,
    KinkNote,
    NumberStep,
    Update,
    VerificationNote,
)

PROBLEMS = Path(__file__).parent.parent / "problems"


@cache
def derived(stem: str) -> Derivation:
    return derive(load(PROBLEMS / f"{stem}.toml"))


def problem(symbols: str, define: str, wrt: str, values: str = "", **more: str) -> Problem:
    """`name: sizes` and `name = expression` lines; the last definition is derived."""
    names = [line.split(" = ")[0].strip() for line in define.splitlines()]
    tables = {
        "symbols": "\n".join(f"{n} = [{s}]" for n, s in (x.split(":") for x in symbols.split(";"))),
        "define": "\n".join(
            f'{n} = "{e}"' for n, e in (x.strip().split(" = ", 1) for x in define.splitlines())
        ),
        "derive": f'of = "{names[-1]}"\nwrt = [{wrt}]',
        "values": values,
        **more,
    }
    return loads("".join(f"[{name}]\n{body}\n" for name, body in tables.items() if body))


def named(derivation: Derivation, name: str) -> str:
    adjoint, shape = derivation.adjoints[name], derivation.problem.shape(name)
    return derivation.forms.text(derivation.forms.write(adjoint.named, shape))


# --- textbook forms -----------------------------------------------------------------------------

SOFTMAX = "p = softmax(z)\nL = -sum(t .* log(p))"


def test_softmax_with_values_uses_the_sum_and_says_so() -> None:
    d = derive(problem("z:3;t:3", SOFTMAX, '"z"', "z = [1, 2, 3]\nt = [0, 0.25, 0.75]"))
    assert named(d, "z") == "p - t"
    assert d.gradients["z"].remarks == ("used sum(t) = 1, which holds for the given t",)


def test_softmax_without_values_keeps_the_sum_and_says_what_if() -> None:
    d = derive(problem('z:"k";t:"k"', SOFTMAX, '"z"'))
    assert named(d, "z") == "sum(t)*p - t"
    assert d.gradients["z"].remarks == ("= p - t if sum(t) = 1",)


def test_softmax_whose_labels_do_not_sum_to_one() -> None:
    d = derive(problem("z:3;t:3", SOFTMAX, '"z"', "z = [1, 2, 3]\nt = [0, 0.5, 0.75]"))
    assert named(d, "z") == "sum(t)*p - t"
    assert d.gradients["z"].remarks == ()


def test_softmax_labels_that_are_asked_for_are_no_constants() -> None:
    d = derive(problem("z:3;t:3", SOFTMAX, '"z", "t"', "z = [1, 2, 3]\nt = [0, 0, 1]"))
    assert named(d, "z") == "sum(t)*p - t"


def test_softmax_of_a_batch() -> None:
    definitions = "Z = X*W + b'\nP = softmax(Z)\nL = -mean(sum(Y .* log(P), axis=1))"
    values = """
    X = [[1, 2, 3], [0, 1, 0], [1, 0, 1], [2, 1, 0]]
    W = [[0.1, 0.2], [0.3, -0.1], [0, 0.5]]
    b = [0.1, -0.1]
    Y = [[1, 0], [0, 1], [1, 0], [0, 1]]
    """
    d = derive(problem("X:4,3;W:3,2;b:2;Y:4,2", definitions, '"Z", "W", "b"', values))
    assert named(d, "Z") == "(P - Y)/4"
    assert d.gradients["Z"].remarks == ("used sum(Y, axis=1) = 1, which holds for the given Y",)
    assert named(d, "W") == "X'*dL_dZ"


TEXTBOOK = [
    (
        "w:;b:;x:;t:",
        "z = w*x + b\ny = 1/(1 + exp(-z))\nL = -t*log(y) - (1-t)*log(1-y)",
        "z",
        "y - t",
    ),
    ('z:"n";t:"n"', "y = sigmoid(z)\nL = -sum(t.*log(y) + (1-t).*log(1-y))", "z", "y - t"),
    ('z:"n";t:"n"', "L = sum(softplus(z) - t .* z)", "z", "sigmoid(z) - t"),
    ('z:"n"', "h = tanh(z)\nL = sum(h)", "z", "1 - h.^2"),
    ('z:"n";g:"n"', "h = relu(z)\nL = g'*h", "z", "g .* step(z)"),
    ('z:"n"', "h = exp(z)\nL = sum(h)", "z", "h"),
    ('z:"n"', "s = sqrt(z)\nL = sum(s)", "z", "1 ./ (2*s)"),
    ('X:"m","n";w:"n";y:"m"', "r = X*w - y\nL = norm2(r)^2/2", "w", "X'*r"),
    ('X:"m","n";w:"n";y:"m"', "L = norm2(X*w - y)", "w", "X'*(X*w - y)/L"),
    ('A:"n","n";x:"n"', "q = x'*A*x\nL = log(q)", "x", "dL_dq*(A + A')*x"),
    ('X:"n","n"', "L = logdet(X)", "X", "inv(X)'"),
]


@pytest.mark.parametrize(("symbols", "define", "name", "wanted"), TEXTBOOK)
def test_textbook_forms(symbols: str, define: str, name: str, wanted: str) -> None:
    found = named(derive(problem(symbols, define, f'"{name}"')), name)
    assert found in (wanted, wanted.replace("A + A'", "A' + A"))


def test_unreachable_targets_are_zero_and_say_so() -> None:
    d = derive(problem("x:;u:", "q = 3*u\nL = x^2", '"x", "u", "q"', "x = 2\nu = 1"))
    for label in ("u", "q"):
        assert d.gradients[label].value == 0
        assert d.gradients[label].remarks == (f"L does not depend on {label}",)
    assert d.gradients["x"].remarks == ()


def test_the_output_by_itself() -> None:
    assert derive(problem("x:", "L = x^2", '"L", "x"', "x = 2")).gradients["L"].value == 1


def test_rows_are_written_as_rows() -> None:
    definitions = "z = w*X + b\nL = sum(z.^2)"
    d = derive(problem("w:1,3;X:3,4;b:", definitions, '"w", "b", "w[0,1]"'))
    text = d.forms.text
    assert text(d.gradients["w"].named_phrase) == "dL_dz*X'"
    assert text(d.gradients["b"].named_phrase) == "sum(dL_dz)"
    assert text(d.gradients["w[0,1]"].named_phrase) == " + ".join(
        f"dL_dz[0,{k}]*X[1,{k}]" for k in range(4)
    )
    assert d.gradients["w"].closed.shape == (1, 3)


def test_an_entry_with_an_open_index() -> None:
    definitions = "L = sum((w[i]*x[i])^2, i = 0..2)"
    d = derive(problem("w:3;x:3", definitions, '"w[k]", "w"', "w = [1, 2, 3]\nx = [1, 1, 2]"))
    assert d.forms.text(d.gradients["w[k]"].closed_phrase) == "2*w[k]*x[k]^2"
    assert d.gradients["w[k]"].value is None
    assert as_json(d)["gradients"]["w[k]"]["value"] is None
    assert d.gradients["w"].value.tolist() == [2, 4, 24]


def test_long_closed_forms_stay_in_names() -> None:
    lines = ["z0 = tanh(W*x)", *(f"z{k} = tanh(W*z{k - 1})" for k in range(1, 40))]
    d = derive(problem("W:2,2;x:2", "\n".join([*lines, "L = sum(z39)"]), '"x"'))
    gradient = d.gradients["x"]
    assert gradient.closed_in == "nodes"
    assert gradient.remarks == (
        "the closed form is long; it is left in the names of the forward nodes",
    )


def test_sympy_forms() -> None:
    d = derived("sheet001_q3")
    W1, W2, W3 = (
        sp.MatrixSymbol(n, *s) for n, s in (("W1", (3, 4)), ("W2", (2, 4)), ("W3", (2, 3)))
    )
    x, target = sp.MatrixSymbol("x", 4, 1), sp.MatrixSymbol("y_hat", 2, 1)
    closed = d.gradients["W3"].closed
    assert closed.free_symbols == {W1, W2, W3, x, target}
    assert closed.shape == (2, 3)
    given = {name: sp.Matrix(value.nested()) for name, value in d.problem.values.items()}
    numbers = closed.subs({s: given[s.name] for s in closed.free_symbols}).doit()
    assert numbers.applyfunc(sp.nsimplify) == d.gradients["W3"].exact
    assert str(d.gradients["W3"].named) == "dL_dy*z1.T"
    assert d.gradients["W3"].exact[0, 0] == sp.Rational(15963, 800)


def test_every_form_of_every_bundled_gradient_can_be_had() -> None:
    for path in sorted(PROBLEMS.glob("*.toml")):
        for gradient in derived(path.stem).gradients.values():
            for phrase in (gradient.index_phrase, *sum(gradient.scalar_entries or (), ())):
                assert "?" not in derived(path.stem).forms.text(phrase)


def test_scalar_entries() -> None:
    d = derived("sheet001_q3")
    pairs = d.gradients["W3"].scalar_entries
    assert pairs is not None
    written = [(d.forms.text(a), d.forms.text(b)) for a, b in pairs]
    assert written[:2] == [
        ("dL_dW3[0,0]", "dL_dy[0]*z1[0]"),
        ("dL_dW3[0,1]", "dL_dy[0]*z1[1]"),
    ]
    assert len(pairs) == 6


# --- numbers ------------------------------------------------------------------------------------


def test_relu_nets_stay_rational() -> None:
    d = derived("sheet004_relu_net")
    for gradient in d.gradients.values():
        assert gradient.number is not None and gradient.number.is_rational


def test_update() -> None:
    d = derived("sheet004_relu_net")
    assert d.updated["W3"].exact is not None
    assert d.updated["W3"].exact.entries == (Fraction(-1), Fraction(118, 100))
    assert set(d.updated) == {"W1", "W2", "W3"}


def test_update_of_an_entry() -> None:
    text = problem("w:2", "L = w'*w", '"w[1]"', "w = [1, 2]", update='rate = "1/10"')
    d = derive(text)
    assert d.updated["w[1]"].nested() == 1.6


def test_upstream() -> None:
    d = derived("sheet004_cross_correlation")
    assert d.gradients["K"].value.tolist() == [[16, 21], [28, 21]]
    assert d.verification is not None and d.verification.ok


def test_digits() -> None:
    text = problem("x:", "L = exp(x)", '"x"', "x = 1")
    number = derive(text, digits=30).gradients["x"].number
    assert number is not None
    assert number.digits == ("2.71828182845904523536028747135",)


def test_a_gradient_without_a_value_names_its_node() -> None:
    with pytest.raises(DomainError) as caught:
        derive(problem("x:", "s = sqrt(x)\nL = s + 1", '"x"', "x = 0"))
    assert caught.value.message.startswith("dL/dx: ")


def test_exact_numbers_decide_what_floats_do_not() -> None:
    with pytest.raises(DomainError, match=r"log\(x\) is not defined at x = 0"):
        derive(problem("a:;b:", "x = a + b - 0.3\nL = log(x)", '"a"', "a = 0.1\nb = 0.2"))


def test_kinks_are_exact() -> None:
    d = derive(problem("a:;b:", "h = relu(a + b - 0.3)\nL = h", '"a"', "a = 0.1\nb = 0.2"))
    assert [kink.node for kink in d.kinks] == ["h = relu(a + b - 3/10)"]
    assert d.gradients["a"].value == 0


def test_an_unknown_function_has_no_numbers() -> None:
    text = problem(
        "x:2;W:2,2", "L = sum(f(W*x))", '"W"', "x = [1, 2]\nW = [[1, 2], [3, 4]]", functions="f = 1"
    )
    d = derive(text)
    assert d.numbers is None and d.verification is None
    assert d.forms.text(d.gradients["W"].closed_phrase) == "f'(W*x)*x'"


# --- the check ----------------------------------------------------------------------------------


def test_a_wrong_adjoint_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = problem("w:2;x:2", "z = w'*x\nL = z^2", '"w"', "w = [1, 2]\nx = [3, 4]")
    honest = sweep_module._Sweep._adjoint

    def doubled(self: object, name: str, *rest: object) -> sweep_module.Adjoint:
        adjoint = honest(self, name, *rest)  # type: ignore[arg-type]
        return replace(adjoint, named=scale(2, adjoint.named)) if name == "z" else adjoint

    derive(text)
    monkeypatch.setattr(sweep_module._Sweep, "_adjoint", doubled)
    with pytest.raises(WrongAnswer) as caught:
        derive(text)
    assert caught.value.exit_code == 1


def test_a_wrong_closed_form_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = problem("w:2;x:2", "z = w'*x\nL = z^2", '"w"', "w = [1, 2]\nx = [3, 4]")
    from symback.forms import Forms

    honest = Forms.closed
    monkeypatch.setattr(
        Forms, "closed", lambda self, adjoint: (scale(2, honest(self, adjoint)[0]), "symbols")
    )
    with pytest.raises(WrongAnswer, match="closed form"):
        derive(text)


# --- the story ----------------------------------------------------------------------------------


def test_the_steps_and_their_order() -> None:
    d = derived("sheet004_relu_net")
    kinds = [type(step) for step in d.steps]
    order = [Given, Forward, Backward, GradientRow, Update, KinkNote, VerificationNote, CostNote]
    assert kinds == sorted(kinds, key=order.index)
    forward = next(step for step in d.steps if isinstance(step, Forward) and step.name == "a2")
    assert d.forms.text(forward.formula) == forward.written == "W2*h1"
    assert forward.substituted is not None
    assert d.forms.text(forward.substituted) == "[[-1, 1], [1, -1]]*[3, 0]"
    assert forward.value is not None and forward.value.nested() == [[-3], [3]]


def backward(d: Derivation, name: str) -> Backward:
    return next(step for step in d.steps if isinstance(step, Backward) and step.name == name)


def test_a_backward_step() -> None:
    d = derived("two_layer_net")
    text = d.forms.text
    step = backward(d, "z2")
    (part,) = step.contributions
    assert part.consumer == "y"
    assert text(part.incoming) == "dL_dy"
    assert part.local is not None and text(part.local) == "y .* (1 - y)"
    assert part.elementwise
    assert part.rules == ("sigmoid' = sigmoid*(1 - sigmoid)",)
    assert text(part.phrase) == "dL_dy .* y .* (1 - y)"
    assert text(step.simplified) == "(y - t)/2"
    assert step.value is not None and part.value is not None
    assert np.allclose(part.value.floats, step.value.floats)
    relu = backward(d, "z1")
    assert [(c.function, text(c.argument), c.entries) for c in relu.cases] == [
        ("relu", "z1", ("> 0", "> 0", "> 0"))
    ]
    (matrix,) = backward(d, "h").contributions
    assert matrix.local is not None and text(matrix.local) == "W2"
    assert matrix.rules == ("matrix product",)


def test_contributions_add_up() -> None:
    d = derived("residual_block")
    step = backward(d, "x")
    assert [part.consumer for part in step.contributions] == ["u", "z1"]
    assert d.forms.text(step.total) == "dL_du + W1'*dL_dz1"
    values = [part.value.floats for part in step.contributions if part.value is not None]
    assert step.value is not None and np.allclose(sum(values), step.value.floats)


def test_every_contribution_adds_up() -> None:
    for path in sorted(PROBLEMS.glob("*.toml")):
        for step in derived(path.stem).steps:
            if isinstance(step, Backward) and step.contributions and step.value is not None:
                parts = [c.value.floats for c in step.contributions if c.value is not None]
                assert np.allclose(sum(parts), step.value.floats, rtol=1e-9, atol=1e-12)


def test_steps_work_out_other_numbers() -> None:
    d = derived("sheet000_7_2")
    steps = {(type(step), step.name): step for step in d.steps if isinstance(step, NumberStep)}
    assert steps[Forward, "z"].recompute({"a": 2}).nested() == -4
    assert steps[Backward, "e"].recompute({"a": 2}).nested() == 4
    assert steps[GradientRow, "c"].recompute({"a": 2, "d": "7/2"}).nested() == -8
    assert steps[Forward, "z"].value is not None
    assert steps[Forward, "z"].value.nested() == -3


# --- size ---------------------------------------------------------------------------------------


def chain(length: int) -> Problem:
    names = ["x", *(f"z{k}" for k in range(length))]
    lines = [f'{b} = "0.5*{a} + x"' for a, b in pairwise(names)]
    return loads(
        "[symbols]\nx = [2]\n[define]\n"
        + "\n".join([*lines, f'L = "sum({names[-1]})"'])
        + '\n[derive]\nof = "L"\nwrt = ["x"]\n[values]\nx = [1, 2]\n'
    )


def test_a_deep_chain_needs_no_recursion_and_linear_time() -> None:
    times = []
    for length in (2_000, 8_000):
        stated = chain(length)
        start = time.process_time()
        derivation = derive(stated)
        times.append(time.process_time() - start)
        assert derivation.verification is not None and derivation.verification.ok
        assert derivation.gradients["x"].value.tolist() == [2, 2]
    assert times[1] < 4 * times[0] * 2


def test_a_name_used_by_many() -> None:
    lines = [f"y{k} = w*{k} + 1" for k in range(200)]
    total = " + ".join(f"y{k}^2" for k in range(200))
    d = derive(problem("w:", "\n".join([*lines, f"L = {total}"]), '"w"', "w = 1"))
    assert d.gradients["w"].value == sum(2 * k * (k + 1) for k in range(200))


def test_numbers_with_very_many_digits() -> None:
    """Halving all the way down makes a coefficient of thousands of digits; none may be printed."""
    d = derive(chain(300))
    assert d.forms.text(d.gradients["x"].closed_phrase).count("0") < 500
    with pytest.raises(DomainError, match="too large for a floating-point number"):
        derive(problem("x:", "y = x/10^2000\nL = y*10^2000", '"x"', "x = 3"))
