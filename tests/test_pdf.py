"""PDF: by TeX where there is TeX, else by Typst; what was used is said."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from symback.cli import main
from symback.derivation import derive
from symback.errors import MissingExtra
from symback.problem import loads
from symback.render.pdf import to_pdf
from symback.render.typst import to_typst
from symback.render.writeup import Style
from tests.every_form import SOME, derived, missing
from tests.test_latex import needs_tex

HOSTILE = r'#import "@preview/x:1.0.0": * #read("/etc/passwd") "*_$`<b>\ ] // /* \u{41}'

pytest.importorskip("typst", reason="pip install 'symback[pdf]'")


def text_of(pdf: bytes, folder: Path) -> str:
    (folder / "x.pdf").write_bytes(pdf)
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext here")
    subprocess.run(["pdftotext", "-layout", "x.pdf"], cwd=folder, check=True)
    return (folder / "x.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SOME)
def test_typst_carries_every_step_and_compiles(name: str) -> None:
    derivation = derived(name)
    source = to_typst(derivation)
    assert missing(derivation, source.replace("⋅", "·").replace("^(−", "^(-")) == []
    pdf, said = to_pdf(derivation, engine="typst")
    assert said == "Typst" and pdf.startswith(b"%PDF")


def test_letter_paper_and_one_entry() -> None:
    style = Style(entry="W1[1,1]", numbers="exact", names={"W1": r"\mathbf{W}^{(1)}"})
    pdf, _ = to_pdf(derived("two_layer_net"), style, paper="letter", engine="typst")
    assert pdf.startswith(b"%PDF")


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    problem = loads(
        f"title = '{HOSTILE}'\n"
        '[symbols]\nx = []\n[define]\nL = "x^2"\n[derive]\nof = "L"\nwrt = ["x"]'
    )
    pdf, _ = to_pdf(derive(problem), engine="typst")
    assert '#read("/etc/passwd")' in text_of(pdf, tmp_path)


@needs_tex
def test_tex_comes_first() -> None:
    pdf, said = to_pdf(derived("sheet001_q2"))
    assert said == "pdflatex" and pdf.startswith(b"%PDF")


def test_without_tex_typst_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert to_pdf(derived("sheet001_q2"))[1] == "Typst"
    with pytest.raises(MissingExtra, match="no pdflatex"):
        to_pdf(derived("sheet001_q2"), engine="tex")


def test_with_neither_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(MissingExtra) as caught:
        to_pdf(derived("sheet001_q2"))
    assert "pip install 'symback[pdf]'" in str(caught.value)


# --- the command ---------------------------------------------------------------------------------


def test_the_command_says_what_it_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "two_layer_net", "--to", "pdf", "--engine", "typst"]) == 0
    assert capsys.readouterr().out == "wrote two_layer_net.pdf, set by Typst\n"
    assert (tmp_path / "two_layer_net.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("form", "start"),
    [("tex", r"\documentclass"), ("md", "# Two-layer"), ("html", "<!"), ("ipynb", "{")],
)
def test_text_formats_are_printed(
    form: str, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "two_layer_net", "--to", form]) == 0
    assert capsys.readouterr().out.startswith(start)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "which format?"),
        (["-o", "x.doc"], "'x.doc' does not say which format to write"),
        (["--to", "md", "--fragment"], "--fragment goes with --to tex, not md"),
        (["--to", "tex", "--exercise"], "--exercise goes with --to ipynb, not tex"),
        (["--to", "tex", "--name", "W1"], "--name 'W1' is not of the form NAME=LATEX"),
        (["--to", "tex", "--name", r"W1=\input{x}"], r"'\input' is not allowed in a formula"),
        (["--to", "tex", "--digits", "0"], "--digits is 1 to 1000, not 0"),
        (["--to", "tex", "--entry", "W9[1]"], "unknown name 'W9'"),
    ],
)
def test_what_is_wrong_with_an_option(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "two_layer_net", *args]) == 2
    assert message in capsys.readouterr().err


def test_methods_of_a_derivation() -> None:
    derivation = derived("two_layer_net")
    assert derivation.to_latex(fragment=True, digits=10).count("0.7962169226")
    assert derivation.to_markdown(entry="b1[2]").startswith("# Two-layer")
    assert derivation.to_pdf(engine="typst").startswith(b"%PDF")
