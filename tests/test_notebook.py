"""Notebooks: they run from top to bottom, check every step, and catch what is wrong."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from symback.bundle import find, problems
from symback.derivation import Derivation, derive
from symback.problem import load, loads
from symback.render.jupyter import code_span, escaped, paragraphs
from symback.render.notebook import notebook_text, to_notebook
from symback.render.notebook_code import WIDTH, broken, number_text
from symback.spell import latex
from symback.story import Backward, Forward, Update
from tests.every_form import missing

Notebook = dict[str, Any]


def derivation(name: str) -> Derivation:
    return derive(load(find(name)))


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code(notebook: Notebook) -> dict[str, str]:
    cells = notebook["cells"]
    return {cell["id"]: source(cell) for cell in cells if cell["cell_type"] == "code"}


def prose(notebook: Notebook) -> str:
    return "\n".join(source(c) for c in notebook["cells"] if c["cell_type"] == "markdown")


def run(cells: dict[str, str]) -> str:
    """What the cells print; they run as the kernel would run them."""
    scope: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for name, text in cells.items():
            exec(compile(text, name, "exec"), scope)
    return printed.getvalue()


def filled(exercise: Notebook, solution: Notebook) -> dict[str, str]:
    """The exercise with the blanks filled from the solution."""
    blank, solved = code(exercise), code(solution)
    return {
        name: solved[name] + "\n" + text.split("\n", 1)[1] if is_blank(text) else text
        for name, text in blank.items()
    }


def is_blank(text: str) -> bool:
    return re.match(r"\w+ = \.\.\.", text) is not None


@pytest.fixture(scope="module", params=problems(), ids=lambda path: path.stem)
def bundled(request: pytest.FixtureRequest) -> Derivation:
    path: Path = request.param
    return derive(load(path))


def test_the_solution_runs_and_holds_every_number(bundled: Derivation) -> None:
    notebook = to_notebook(bundled)
    run(code(notebook))
    text = "\n".join(code(notebook).values())
    for step in bundled.steps:
        if isinstance(step, (Forward, Backward, Update)) and step.value is not None:
            for number in step.value.floats.ravel().tolist():
                assert number_text(number) in text, (step.name, number)
    told = prose(notebook)
    assert "<" not in told and ">" not in told
    of, base = bundled.problem.of, bundled.problem.index_base
    assert missing(bundled, text + told, lambda name: latex(name, output=of, index_base=base)) == []


def test_the_exercise_runs_once_it_is_filled(bundled: Derivation) -> None:
    exercise = to_notebook(bundled, exercise=True)
    blanks = [text for text in code(exercise).values() if is_blank(text)]
    assert len(blanks) == len(bundled.adjoints) - 1
    printed = run(filled(exercise, to_notebook(bundled)))
    assert printed.endswith("every gradient is right\n")


def test_lines_are_not_long_and_the_notebook_is_valid_json(bundled: Derivation) -> None:
    notebook = json.loads(notebook_text(bundled))
    for text in code(notebook).values():
        ast.parse(text)
        long = [line for line in text.splitlines() if len(line) > WIDTH + 24]
        assert long == []
    names = [cell["id"] for cell in notebook["cells"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)


def test_nothing_but_numpy_is_imported(bundled: Derivation) -> None:
    text = "\n".join(code(to_notebook(bundled)).values())
    imported = re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)
    assert set(imported) <= {"numpy", "math"}


# --- exercises ---------------------------------------------------------------------------------

ANSWERS = {
    "dL_dy": "((1 - t) / (1 - y) - t / y) / 2",
    "dL_dz2": "(y - t) / 2",
    "dL_dh": "W2.T @ dL_dz2",
    "dL_dz1": "dL_dh * (z1 > 0)",
    "dL_dW1": "np.outer(dL_dz1, x)",
    "dL_db1": "dL_dz1",
    "dL_dW2": "np.outer(dL_dz2, h)",
    "dL_db2": "dL_dz2",
}


def answered(changes: dict[str, str]) -> dict[str, str]:
    cells = code(to_notebook(derivation("two_layer_net"), exercise=True))
    for name, text in {**ANSWERS, **changes}.items():
        cells = {
            key: re.sub(rf"^{name} = \.\.\..*", f"{name} = {text}", cell)
            for key, cell in cells.items()
        }
    return cells


def test_right_answers_pass() -> None:
    assert run(answered({})).endswith("every gradient is right\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dL_dz2": "y - t"}, "dL/dz2 is wrong at entry [1]: it is twice what it should be"),
        ({"dL_dh": "-W2.T @ dL_dz2"}, "dL/dh is wrong at entry [1]: its sign is turned"),
        ({"dL_dh": "W2 @ dL_dh"}, "dL_dh"),
        ({"dL_dW1": "np.outer(x, dL_dz1)"},
         "dL/dW1 has shape (2, 3), it needs (3, 2); is it transposed?"),
        ({"dL_dW2": "np.outer(dL_dz2, z2)"}, "dL/dW2 has shape (2, 2), it needs (2, 3)"),
        ({"dL_dz1": "..."}, "dL/dz1 is still blank"),
        ({"dL_db2": "np.zeros(2)"}, "dL/db2 is wrong at entry [1]: it is zero"),
        ({"dL_dy": "-t / y", "dL_db2": "0 * t"}, "dL/dy is wrong at entry [1]"),
    ],
    ids=["twice", "sign", "error", "transposed", "shape", "blank", "zero", "first of two"],
)  # fmt: skip
def test_a_wrong_answer_is_named(changes: dict[str, str], message: str) -> None:
    with pytest.raises((AssertionError, NameError)) as caught:
        run(answered(changes))
    assert message in str(caught.value)


def test_the_last_cell_names_the_first_wrong_gradient() -> None:
    """Also where the checks of the single steps were not run."""
    cells = answered({"dL_dh": "W2.T @ dL_dz2 * 2", "dL_dW2": "np.outer(dL_dz2, h) / 3"})
    cells = {
        name: re.sub(r"^check\w*\(\".*", "", text, flags=re.MULTILINE)
        for name, text in cells.items()
    }
    with pytest.raises(AssertionError) as caught:
        run(cells)
    assert str(caught.value) == (
        "the first wrong gradient: dL/dh is wrong at entry [1]: it is twice what it should be"
    )


@pytest.mark.parametrize("name", ["two_layer_net", "softmax_regression", "lstm_cell"])
def test_an_exercise_does_not_hold_its_answers(name: str) -> None:
    worked = derivation(name)
    text = notebook_text(worked, exercise=True)
    of = worked.problem.of
    given = {number_text(x) for v in worked.forward.values() for x in v.floats.ravel().tolist()}
    for step in worked.steps:
        if isinstance(step, Backward) and step.name != of and step.value is not None:
            for number in map(number_text, step.value.floats.ravel().tolist()):
                assert number not in text or number in given | {"0.0", "1.0"}
    assert "student" not in text  # notes may discuss results


def test_at_a_kink_the_convention_is_what_is_checked() -> None:
    worked = derivation("at_the_kinks")
    assert "At a kink" in prose(to_notebook(worked))
    assert "differences(a=a)" not in "\n".join(code(to_notebook(worked)).values())


# --- problems without numbers, names, hostile text ---------------------------------------------


def test_a_problem_without_numbers_gets_an_example() -> None:
    notebook = to_notebook(derivation("sheet001_q2"))
    assert "these are an example" in prose(notebook)
    assert "def f_d1(x):" in code(notebook)["given"]
    run(code(notebook))


def test_functions_of_two_arguments_get_an_example() -> None:
    worked = derive(
        loads("""
        [symbols]
        x = [3]
        y = [3]
        [functions]
        f = 2
        [define]
        L = "sum(f(x, y))"
        [derive]
        of = "L"
        wrt = ["x", "y"]
    """)
    )
    notebook = to_notebook(worked)
    run(code(notebook))
    assert "2 * (1 - np.tanh(x0 + 2 * x1)**2)" in code(notebook)["given"]


def test_names_that_python_uses_itself() -> None:
    worked = derive(
        loads("""
        [symbols]
        lambda = []
        np = [2]
        check = [2]
        [define]
        run_forward = "lambda*np + check"
        sum = "norm2(run_forward)^2"
        [derive]
        of = "sum"
        wrt = ["lambda", "np"]
        [values]
        lambda = 0.5
        np = [1, 2]
        check = [3, "1/3"]
    """)
    )
    notebook = to_notebook(worked)
    run(code(notebook))
    assert "run_forward_ = lambda_ * np_ + check_" in code(notebook)["forward-0"]
    run(filled(to_notebook(worked, exercise=True), notebook))


HOSTILE = "\\input{/etc/passwd} <script>alert(1)</script> ]] --> $x_1$ ![a](http://b) `c`\n# d"


def test_hostile_text_shows_as_text() -> None:
    toml = """
        title = {0}
        source = {0}
        notes = {0}
        [symbols]
        x = []
        [define]
        L = "x^2"
        [derive]
        of = "L"
        wrt = ["x"]
        [values]
        x = 2
    """
    notebook = to_notebook(derive(loads(toml.format(json.dumps(HOSTILE)))))
    run(code(notebook))
    told = source(notebook["cells"][0])
    for mark in ("<script", "\\input", "$x", "![", "](", "`c`", "-->"):
        assert mark not in told
    assert not re.search(r"^# d", told, re.MULTILINE)
    assert all(HOSTILE not in text for text in code(notebook).values())


def test_escapes() -> None:
    assert escaped("a*b_c") == "a&#42;b&#95;c"
    assert escaped("two\nlines\u2028three\x00") == "two lines three"
    assert code_span("a`b\nc") == "`a'b c`"
    assert paragraphs("a\n---\n- b\n2. c") == "a\n&#45;--\n- b\n2&#46; c"


def test_long_lines_are_broken_outside_of_brackets_first() -> None:
    text = " + ".join(['np.einsum("ij,jk->ik", A, B)'] * 5)
    lines = broken(text)
    assert " ".join(lines) == text
    assert max(map(len, lines)) <= WIDTH
    assert all(line.count("(") == line.count(")") for line in lines)


def test_long_arrays_are_checked_by_their_sum() -> None:
    worked = derive(loads("""
        [symbols]
        x = [500]
        [define]
        y = "x .* x"
        L = "sum(y)"
        [derive]
        of = "L"
        wrt = ["x"]
        [values]
        x = [{}]
    """.format(", ".join(map(str, range(500))))))  # fmt: skip
    notebook = to_notebook(worked)
    assert "np.sum(dL_dx)" in code(notebook)["backward-2"]
    run(code(notebook))


# --- in Jupyter --------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", [False, True], ids=["solution", "exercise"])
def test_a_kernel_runs_it(exercise: bool, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs the extra: symback[notebook]")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra: symback[notebook]")
    pytest.importorskip("ipykernel", reason="needs the extra: symback[notebook]")
    worked = derivation("two_layer_net")
    notebook = nbformat.reads(notebook_text(worked, exercise=exercise), as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(notebook, timeout=60, resources={
        "metadata": {"path": str(tmp_path)}
    })  # fmt: skip
    if not exercise:
        client.execute()
        return
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="dL/dy is still blank"):
        client.execute()


def test_the_page_about_notebooks_shows_what_is_in_one() -> None:
    page = (Path(__file__).parent.parent / "docs" / "notebooks.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(dL_.*?)\n```", page, re.DOTALL)
    exercise = to_notebook(derivation("two_layer_net"), exercise=True)
    assert block in code(exercise).values()
    with pytest.raises(AssertionError) as caught:
        run(answered({"dL_dz2": "y - t"}))
    assert str(caught.value) in page
