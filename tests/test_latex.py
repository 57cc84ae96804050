"""LaTeX: every step is there, every bundled problem compiles, no line runs out of the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from symback.derivation import derive
from symback.errors import InputError, LimitError
from symback.problem import loads
from symback.render.latex import LIBRARIES, PAGES, Paper, escaped, to_latex
from symback.render.writeup import RULES, Style
from symback.rules import FUNCTIONS
from symback.spell import latex
from symback.spell.breaking import broken
from symback.spell.mathtree import math_tree, tex_of, typst_of, widths_of
from tests.every_form import NAMES, SOME, derived, missing

OVERFULL = 2.0  # pt, that nobody sees
HOSTILE = r"\input{/etc/passwd} 100% $x$ #1 & _^~ <b> ]] --> \end{document}"


def has_tex() -> bool:
    """Whether there is a TeX with the packages that a write-up loads."""
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        return False
    wanted = ["amsmath.sty", "amssymb.sty", "geometry.sty", "lmodern.sty", "tikz.sty"]
    return subprocess.run(["kpsewhich", *wanted], capture_output=True, check=False).returncode == 0


needs_tex = pytest.mark.skipif(not has_tex(), reason="there is no TeX here: scripts/install-tex")


def problem(title: str = "t", **lines: str) -> str:
    parts = {"symbols": "x = [2]", "define": 'L = "x\'*x"', "values": "x = [1, 2]"} | lines
    return (
        f"title = {title!r}\n[symbols]\n{parts['symbols']}\n[define]\n{parts['define']}\n"
        f'[derive]\nof = "L"\nwrt = ["x"]\n[values]\n{parts["values"]}\n'
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_there(name: str) -> None:
    derivation = derived(name)
    of, base = derivation.problem.of, derivation.problem.index_base

    def spell(phrase: object) -> str:
        return tex_of(math_tree(latex(phrase, output=of, index_base=base)))

    text = to_latex(derivation)
    assert missing(derivation, text, spell) == []
    assert "None" not in text and "?" not in text


def compile_tex(source: str, folder: Path) -> str:
    """The log of TeX, which must come to its end; nothing outside of the folder is read."""
    (folder / "all.tex").write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=folder,
        env={**os.environ, "openin_any": "p", "openout_any": "p", "max_print_line": "1000"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, "\n".join(re.findall(r"^!.*(?:\n.*){3}", log, re.MULTILINE))
    return log


@needs_tex
@pytest.mark.parametrize("paper", list(PAGES))
def test_all_problems_compile_and_fit(paper: Paper, tmp_path: Path) -> None:
    """All fragments, one after the other, in the document that a single one would be in."""
    parts = []
    chosen = NAMES if paper == "a4" else SOME  # letter is wider
    for name in chosen:
        fragment = to_latex(derived(name), fragment=True, paper=paper)
        (tmp_path / f"{name}.tex").write_text(fragment, encoding="utf-8")
        parts.append(rf"\typeout{{AT {name}}}\input{{{name}}}\clearpage")
    whole = to_latex(derived(NAMES[0]), paper=paper)
    preamble = whole[: whole.index(r"\begin{document}")]
    log = compile_tex(
        preamble + "\\begin{document}\n" + "\n".join(parts) + "\n\\end{document}\n", tmp_path
    )
    wide = []
    name = ""
    for line in log.splitlines():
        if line.startswith("AT "):
            name = line
        found = re.match(r"Overfull \\hbox \(([0-9.]+)pt", line)
        if found and float(found[1]) > OVERFULL:
            wide.append((name, line))
    assert wide == []
    assert "undefined" not in log and "Missing character" not in log


@needs_tex
@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("two_layer_net", Style(entry="W1[1,1]")),
        ("two_layer_net", Style(numbers="exact", names={"W1": r"\mathbf{W}^{(1)}"})),
        ("sheet004_relu_net", Style(digits=12)),
    ],
)
def test_documents_compile(name: str, style: Style, tmp_path: Path) -> None:
    log = compile_tex(to_latex(derived(name), style), tmp_path)
    assert "Overfull" not in log


@needs_tex
def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    source = to_latex(derive(loads(problem(HOSTILE))))
    assert r"\input{/etc" not in source and r"\textbackslash{}input\{/etc/passwd\}" in source
    compile_tex(source, tmp_path)
    if shutil.which("pdftotext"):
        subprocess.run(["pdftotext", "all.pdf"], cwd=tmp_path, check=True)
        assert r"\input{/etc/passwd} 100% $x$ #1" in (tmp_path / "all.txt").read_text()


@needs_tex
def test_what_tex_cannot_set_is_left_out(tmp_path: Path) -> None:
    title = "Größe α → β, 漢字, e\u0301, \u202e, ∂L/∂z"
    compile_tex(to_latex(derive(loads(problem(title)))), tmp_path)


@needs_tex
def test_estimated_widths_are_those_of_tex(tmp_path: Path) -> None:
    formulas = [
        r"\frac{\partial L}{\partial \mathbf{W}_{1}}",
        r"\mathrm{e}^{\frac{K_{0,0} q_{0} + K_{0,1} q_{1}}{\tau}}",
        r"\begin{bmatrix} 0.598207 & -1 \\ 0.659934 & 0 \end{bmatrix}",
        r"\sum_{i=1}^{n} w_{i} \left(\frac{x_{i}}{\sigma} - \mu\right)^{2}",
        r"\operatorname{softmax}\left(\frac{1}{\sqrt{2}} \mathbf{Q} \mathbf{K}^{\top}\right)",
        r"\begin{cases} a & \text{if } x > 0 \\ b & \text{otherwise} \end{cases}",
        r"\mathbf{t} \odot \log(\mathbf{y}) + (1 - \mathbf{t}) \odot \log(1 - \mathbf{y})",
    ]
    lines = [
        rf"\settowidth\w{{$\displaystyle {formula}$}}\typeout{{WIDTH \the\w}}"
        for formula in formulas
    ]
    preamble = (
        "\\documentclass[10pt]{article}\\usepackage{lmodern,amsmath}\\usepackage[T1]{fontenc}\n"
        "\\newlength\\w\\begin{document}\n"
    )
    log = compile_tex(preamble + "\n".join(lines) + "\n\\end{document}", tmp_path)
    widths = [float(w) / 10 for w in re.findall(r"^WIDTH ([0-9.]+)pt", log, re.MULTILINE)]
    for formula, width in zip(formulas, widths, strict=True):
        assert widths_of(math_tree(formula))[0] == pytest.approx(width, rel=0.06)


# --- options -------------------------------------------------------------------------------------


def test_a_fragment_has_no_preamble() -> None:
    text = to_latex(derived("two_layer_net"), fragment=True)
    assert "documentclass" not in text and r"\begin{document}" not in text
    assert LIBRARIES in text


def test_numbers_as_fractions() -> None:
    text = to_latex(derived("two_layer_net"), Style(numbers="exact"))
    assert r"\frac{199}{500}" in text and "0.398 " not in text


def test_digits() -> None:
    text = to_latex(derived("two_layer_net"), Style(digits=10))
    assert "0.7962169226" in text


def test_one_entry_path_by_path() -> None:
    text = to_latex(derived("two_layer_net"), Style(entry="W1[1,1]"))
    assert "Path 2" in text and "0.012178" in text and "Backward pass" not in text


def test_notation() -> None:
    text = to_latex(derived("two_layer_net"), Style(names={"W1": r"\mathbf{W}^{(1)}"}))
    assert r"\mathbf{W}^{(1)}" in text and r"\mathbf{W}_{1}" not in text


@pytest.mark.parametrize(
    "written", [r"\input{x}", r"\write18{ls}", "}", "{", r"\def\x{}", "x%", r"\begin{tikz}", "é"]
)
def test_only_mathematics_is_a_notation(written: str) -> None:
    with pytest.raises(InputError):
        to_latex(derived("two_layer_net"), Style(names={"W1": written}))


def test_notation_for_an_unknown_name() -> None:
    with pytest.raises(InputError, match="unknown name 'W3' in the notation"):
        to_latex(derived("two_layer_net"), Style(names={"W3": "W"}))


def test_names_hold_no_commands() -> None:
    text = to_latex(
        derive(loads(problem(symbols="x = [2]\nend_x_y = []", values="x = [1, 2]\nend_x_y = 1")))
    )
    assert r"\end_" not in text


# --- lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "width", "lines"),
    [
        ("a + b - c", 3, ["a + b", "{} - c"]),
        (r"a \odot b + c \odot d", 4, [r"a \odot b", r"{} + c \odot d"]),
        (r"\left(\frac{a}{b} + c\right)^{2}", 2, [r"\biggl(\frac{a}{b}", r"{} + c\biggr)^{2}"]),
        (r"\frac{a + b + c}{2}", 4, [r"\frac{1}{2}\left(a + b", r"{} + c\right)"]),
        (r"\mathrm{e}^{a + b + c + d + a + b + c + d + a} x + y", 9, None),
    ],
)
def test_lines_are_broken_at_the_outermost_operators(
    formula: str, width: float, lines: list[str] | None
) -> None:
    found = [tex_of(line) for line in broken(math_tree(formula), width, width)]
    if lines is None:
        assert found[0].startswith(r"\exp")
    else:
        assert [line.replace(r"\left", "") for line in found] == [
            line.replace(r"\left", "").replace(r"\right", "") for line in lines
        ]


def test_broken_lines_hold_everything() -> None:
    """Nothing but brackets' sizes and operators between lines differs from the whole."""
    row = math_tree(
        r"-\frac{1}{2} \left(\mathbf{W}_{2}^{\top} (\mathbf{y} - \mathbf{t}) \odot "
        r"\mathbf{1}[\mathbf{z}_{1} > 0]\right) \mathbf{x}^{\top}"
    )
    for width in (8.0, 12.0, 20.0):
        letters = re.sub(r"[^a-zA-Z0-9]", "", tex_of(row).replace("left", "").replace("right", ""))
        joined = "".join(tex_of(line) for line in broken(row, width, width))
        for size in ("Biggl", "Biggr", "biggl", "biggr", "Bigl", "Bigr", "left", "right", "cdot"):
            joined = joined.replace(size, "")
        assert re.sub(r"[^a-zA-Z0-9]", "", joined) == letters


def test_nesting_is_bounded() -> None:
    with pytest.raises(LimitError):
        math_tree(r"\sqrt{" * 500 + "x" + "}" * 500)


def test_typst_of_a_formula() -> None:
    assert typst_of(math_tree(r"\frac{\partial L}{\partial \mathbf{z}_{1}}")) == (
        "frac(∂ L, ∂ bold(upright(z))_(1))"
    )


def test_rules_of_functions_are_set_as_formulas() -> None:
    sentences = {function.formula for function in FUNCTIONS.values()}
    formulas = {s for s in sentences if "=" in s and "where" not in s and "shared" not in s}
    assert formulas <= set(RULES)
    for written in RULES.values():
        math_tree(written)


def test_text_is_escaped() -> None:
    assert escaped("a_b [c] --") == r"a\_b {[}c{]} -{}-{}"
