"""Names of variables in LaTeX and Unicode."""

from __future__ import annotations

import pytest

from symback import phrase as p
from symback.parse.parser import parse_name
from symback.spell import latex, pretty, text
from symback.spell.names import GREEK, plain, tex_name, unicode_name
from tests.spell_phrases import adjoint, entry, fun, sym


@pytest.mark.parametrize(
    ("name", "tex", "bold", "shown"),
    [
        ("x", "x", r"\mathbf{x}", "x"),
        ("W1", "W_{1}", r"\mathbf{W}_{1}", "W₁"),
        ("W_1", "W_{1}", r"\mathbf{W}_{1}", "W₁"),
        ("W12", "W_{12}", r"\mathbf{W}_{12}", "W₁₂"),
        ("W_1_2", "W_{1,2}", r"\mathbf{W}_{1,2}", "W_1_2"),
        ("x_i", "x_{i}", r"\mathbf{x}_{i}", "xᵢ"),
        ("theta", r"\theta", r"\boldsymbol{\theta}", "θ"),
        ("delta2", r"\delta_{2}", r"\boldsymbol{\delta}_{2}", "δ₂"),
        ("Delta", r"\Delta", r"\boldsymbol{\Delta}", "Δ"),
        ("y_hat", r"\hat{y}", r"\hat{\mathbf{y}}", "ŷ"),
        ("y_hat_1", r"\hat{y}_{1}", r"\hat{\mathbf{y}}_{1}", "ŷ₁"),
        ("theta_bar", r"\bar{\theta}", r"\bar{\boldsymbol{\theta}}", "θ̄"),
        ("loss_hat", r"\hat{\mathrm{loss}}", r"\hat{\mathbf{loss}}", "loss_hat"),
        ("y_pred", r"y_{\mathrm{pred}}", r"\mathbf{y}_{\mathrm{pred}}", "y_pred"),
        ("w_beta", r"w_{\beta}", r"\mathbf{w}_{\beta}", "w_β"),
        ("loss", r"\mathrm{loss}", r"\mathbf{loss}", "loss"),
        ("loss2", r"\mathrm{loss}_{2}", r"\mathbf{loss}_{2}", "loss₂"),
        ("x2y", r"\mathrm{x2y}", r"\mathbf{x2y}", "x2y"),
        ("a__b", r"\mathrm{a\_\_b}", r"\mathbf{a\_\_b}", "a__b"),
        ("hat", r"\mathrm{hat}", r"\mathbf{hat}", "hat"),
    ],
)
def test_names(name: str, tex: str, bold: str, shown: str) -> None:
    assert tex_name(name) == tex
    assert tex_name(name, bold=True) == bold
    assert unicode_name(name) == shown


@pytest.mark.parametrize("name", ["W1", "theta", "delta2", "y_hat", "y_pred", "Sigma", *GREEK])
def test_what_the_terminal_shows_is_read_as_the_same_name(name: str) -> None:
    assert parse_name(unicode_name(name)) == name


@pytest.mark.parametrize(
    ("name", "tex"),
    [
        (r"\input{a}", r"\mathrm{\backslash input\{a\}}"),
        ("a$b", r"\mathrm{a\$b}"),
        ("<script>", r"\mathrm{?script?}"),
        ("x^2~%#&", r"\mathrm{x\wedge 2\sim \%\#\&}"),
        ("\x1b[31m", r"\mathrm{??31m}"),
        ("", r"\mathrm{}"),
    ],
)
def test_strange_names_do_no_harm(name: str, tex: str) -> None:
    assert tex_name(name) == tex
    assert set(plain(name)) <= set("?") | {char for char in name if char.isalnum()}
    for spelled in (text(sym(name)), pretty(sym(name))):
        assert spelled == plain(name)


def test_adjoints_are_named_after_the_output() -> None:
    z = adjoint("z1", 3)
    assert text(z, output="loss") == "dloss_dz1"
    assert pretty(z, output="E") == "∂E/∂z₁"
    expected = r"\frac{\partial \mathrm{loss}}{\partial \mathbf{z}_{1}}"
    assert latex(z, output="loss") == expected


def test_names_can_be_set_by_hand() -> None:
    product = p.mul([sym("Wf", 3, 3), adjoint("bf", 3)])
    names = {"Wf": r"\mathbf{W}_{f}", "bf": r"\mathbf{b}_{f}"}
    assert latex(product) == r"\mathbf{Wf} \frac{\partial L}{\partial \mathbf{bf}}"
    assert latex(product, names) == r"\mathbf{W}_{f} \frac{\partial L}{\partial \mathbf{b}_{f}}"
    raised = latex(p.transpose(sym("W1", 2, 3)), {"W1": r"\mathbf{W}^{(1)}"})
    assert raised == r"(\mathbf{W}^{(1)})^{\top}"
    assert latex(entry(sym("W1", 2, 3), 0, 1), {"W1": "W^{(1)}"}) == "(W^{(1)})_{0,1}"


def test_sigma_the_variable_is_not_the_function() -> None:
    phrase = p.mul([sym("sigma"), fun("sigmoid", sym("a"))])
    assert pretty(phrase) == "σ sigmoid(a)"
    assert latex(phrase) == r"\sigma \operatorname{sigmoid}(a)"
