"""The command line as a user meets it: output, messages, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.cells import cell_len

from symback.cli import main
from symback.cli.app import COMMANDS
from symback.progress import Progress

ROOT = Path(__file__).parent.parent
PROBLEMS = ROOT / "problems"


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command line in an empty folder, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> Result:
        code = main(args)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Result(code, out, err)

    return run


def process(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT), **more.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "symback", *args],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=environment,
        **more,
    )


# --- help and mistakes in the command line -------------------------------------------------------


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_help_names_every_command(run: Run, args: tuple[str, ...]) -> None:
    code, out, _ = run(*args)
    assert code == 0
    for name, words in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(words)}$", out, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: symback {command} ")


def test_version(run: Run) -> None:
    assert run("--version").out.startswith("symback 0.")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("lst",), "symback: no such command 'lst': did you mean 'list'?"),
        (("xyzzy",), "symback: no such command 'xyzzy'"),
        (("derive",), "symback: missing argument 'FILE'"),
        (("derive", "two_layer_net", "--jsn"), "no such option: --jsn; did you mean --json?"),
        (("--jsn",), "symback: no such option: --jsn"),
        (("diff", "x", "--order", "two"), "invalid value for '--order'"),
        (("derive", "two_layer_net", "--view", "vector"), "invalid value for '--view'"),
        (("derive", "two_layer_net", "--width", "12"), "--width is 40 to 120, not 12"),
        (("derive", "two_layer_net", "--digits", "0"), "--digits is 1 to 1000, not 0"),
    ],
)
def test_mistakes_in_the_command_line(run: Run, args: tuple[str, ...], message: str) -> None:
    code, out, err = run(*args)
    assert code == 2
    assert out == ""
    assert message in err


def test_help_imports_nothing_heavy() -> None:
    heavy = {"numpy", "sympy", "rich", "lark", "mpmath"}
    code = "import sys; from symback.cli import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert heavy.isdisjoint(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "args", [["derive", "two_layer_net"], ["diff", "x'*A*x", "--wrt", "x"], ["list"]]
)
def test_commands_do_not_import_sympy(args: list[str]) -> None:
    code = f"import sys; from symback.cli import main; main({args}); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "sympy" not in done.stdout.splitlines()[-1].split()


# --- list and new --------------------------------------------------------------------------------


def test_list(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert all(path.stem in out for path in PROBLEMS.glob("*.toml"))
    assert max(map(len, out.splitlines())) <= 80
    data = json.loads(run("list", "--json").out)
    assert len(data["problems"]) == len(list(PROBLEMS.glob("*.toml")))


def test_new_writes_a_problem_that_works(run: Run) -> None:
    code, out, _ = run("new", "my_net")
    assert code == 0
    assert "symback derive my_net.toml" in out
    assert "My net" in Path("my_net.toml").read_text(encoding="utf-8")
    data = json.loads(run("derive", "my_net.toml", "--json").out)
    assert data["verified"]["ok"]


def test_new_does_not_write_over_a_file(run: Run) -> None:
    Path("mine.toml").write_text("precious", encoding="utf-8")
    code, _, err = run("new", "mine")
    assert code == 2
    assert err == (
        "symback: 'mine.toml' is there already\n"
        "hint: choose another name, or --force to write over it\n"
    )
    assert Path("mine.toml").read_text(encoding="utf-8") == "precious"
    assert run("new", "mine", "--force").code == 0


@pytest.mark.parametrize("name", ["a b", "..", "no/such/folder/x", "x" * 61])
def test_new_refuses_names(run: Run, name: str) -> None:
    assert run("new", name).code == 2


# --- derive and verify ---------------------------------------------------------------------------


def test_derive_json_of_exercise_7_1(run: Run) -> None:
    code, out, err = run("derive", str(PROBLEMS / "two_layer_net.toml"), "--json")
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert data["output"] == "L"
    assert data["forward"]["L"] == pytest.approx(0.7962169226, abs=1e-10)
    wanted = {
        "W1[1,1]": 0.0121779795,
        "b1[2]": 0.0588108006,
        "W2[1,1]": -0.0462061899,
        "b2[1]": -0.2008964780,
    }
    for name, value in wanted.items():
        assert data["gradients"][name]["value"] == pytest.approx(value, abs=1e-10)
    assert data["verified"]["ok"]


def test_derive_json_of_the_skip_network_is_exact(run: Run) -> None:
    data = json.loads(run("derive", "sheet001_q3", "--json").out)
    assert data["forward"]["L"] == 48.1977625
    assert data["gradients"]["W3"]["value"] == [
        [19.95375, 30.5175, 19.5625],
        [15.1215, 23.127, 14.825],
    ]
    assert data["gradients"]["W3"]["exact"][0][0] == "15963/800"


def test_derive_of_a_missing_file(run: Run) -> None:
    code, out, err = run("derive", "no_such.toml")
    assert (code, out) == (2, "")
    assert err.startswith("symback: there is no file 'no_such.toml'")
    code, _, err = run("derive", "two_layer_nett")
    assert code == 2
    assert "did you mean 'two_layer_net'?" in err


def test_a_mistake_in_a_file_shows_its_place(run: Run) -> None:
    run("new", "mine")
    path = Path("mine.toml")
    text = path.read_text(encoding="utf-8").replace('"tanh(z)"', '"tahn(z)"')
    path.write_text(text, encoding="utf-8")
    code, out, err = run("derive", "mine.toml")
    assert (code, out) == (2, "")
    line = text[: text.index("tahn")].count("\n") + 1
    assert err.startswith(f"mine.toml:{line}:6: unknown function 'tahn'\n")
    assert '  h = "tahn(z)"' in err
    assert "\n       ^" in err
    assert "hint: did you mean" in err


def test_a_value_outside_the_domain_names_the_node(run: Run) -> None:
    Path("p.toml").write_text(
        '[symbols]\nx = [2]\n[define]\nL = "sum(log(x))"\n[derive]\nof = "L"\nwrt = ["x"]\n'
        "[values]\nx = [1, 0]\n",
        encoding="utf-8",
    )
    code, _, err = run("derive", "p.toml")
    assert code == 2
    assert err.startswith("p.toml:4:6: L: log(x) is not defined at x[1] = 0\n")


def test_demo_is_the_story_of_exercise_7_1(run: Run) -> None:
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    assert out == run("derive", "two_layer_net").out


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_problem_is_told_within_the_width(run: Run, width: int) -> None:
    for path in sorted(PROBLEMS.glob("*.toml")):
        code, out, _ = run("derive", str(path), "--width", str(width))
        assert code == 0, path
        assert max(map(cell_len, out.splitlines())) <= width, path


def test_plain_output_is_ascii(run: Run) -> None:
    for name in ("two_layer_net", "lstm_cell", "sheet001_q2", "at_the_kinks", "sheet000_7_3a"):
        out = run("derive", name, "--plain").out
        titles = out.splitlines()[:2]
        assert "\n".join(out.splitlines()[len(titles) :]).isascii()


def test_views(run: Run) -> None:
    matrix = run("derive", "sheet001_q3").out
    index = run("derive", "sheet001_q3", "--view", "index").out
    scalar = run("derive", "sheet001_q3", "--view", "scalar").out
    assert len({matrix, index, scalar}) == 3


def test_an_entry_path_by_path(run: Run) -> None:
    code, out, _ = run("derive", "sheet004_relu_net", "--entry", "a1[1,1]")
    assert code == 0
    assert "-6" in out
    code, _, err = run("derive", "sheet004_relu_net", "--entry", "W1[5,1]")
    assert code == 2
    assert "W1[5,1]" in err


def test_many_digits(run: Run) -> None:
    assert "0.79621692262915" in run("derive", "two_layer_net", "--digits", "25").out


# --- diff ----------------------------------------------------------------------------------------


def test_diff_prints_a_gradient(run: Run) -> None:
    code, out, err = run("diff", "norm2(A*x - y)^2", "--wrt", "x")
    assert (code, err) == (0, "")
    assert "∂f/∂x = 2 Aᵀ (A x − y)" in out
    assert "2*A'*(A*x - y)" in out
    assert "A: m×n, x: n×1, y: m×1" in out
    assert "Verified at a random point by complex step" in out


def test_an_expression_may_begin_with_a_minus(run: Run) -> None:
    assert "-2*x/(x'*x)" in run("diff", "-log(x'*x)", "--wrt", "x").out
    code, _, err = run("diff", "-log(x'*x)", "--wrtt", "x")
    assert code == 2 and "no such option: --wrtt" in err
    code, _, err = run("diff", "-log(x'*", "--wrt", "x")
    assert code == 2 and "column 5" in err


def test_diff_with_values_and_a_second_order(run: Run) -> None:
    values = ["--value", "A = [[1, 2], [3, 4]]", "--value", "x = [1, 1/2]"]
    args = ("diff", "x'*A*x", "--wrt", "x", "--order", "2", "--json", *values)
    (hessian,) = json.loads(run(*args).out)["derivatives"]
    assert hessian["wrt"] == ["x", "x"]
    assert hessian["value"] == [[2, 5], [5, 8]]
    assert hessian["exact"] == [["2", "5"], ["5", "8"]]


def test_diff_takes_shapes_and_functions(run: Run) -> None:
    out = run("diff", "sum(f(W*x))", "--wrt", "W", "--shape", "W: 3 n", "--function", "f").out
    assert "∂f/∂W = f′(W x) xᵀ" in out
    assert "a function in it is unknown" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("A*x",), "by which name to differentiate?\nhint: add --wrt, once for each name; "),
        (("A*x", "--wrt", "q"), "there is no 'q' in this expression"),
        (("A*x +", "--wrt", "x"), "line 1, column 5:"),
        (("A*x", "--wrt", "x", "--shape", "A: 3 2", "--shape", "x: 3"), "shapes 3 x 2 and 3"),
        (("A*x", "--wrt", "x", "--shape", "A 3"), "--shape:1:1: ':' is missing"),
        (("A*x", "--wrt", "x", "--shape", "A: 0"), "--shape:1:4: "),
        (("A*x", "--wrt", "x", "--value", "x = [1]"), "'A' has no value"),
        (("a^2", "--wrt", "a", "--value", "a = b"), "--value:1:5: "),
        (("a^2", "--wrt", "a", "--value", "a"), "'=' is missing"),
        (("a^2", "--wrt", "a", "--order", "3"), "the order of a derivative is 1 or 2"),
        (("log(a)", "--wrt", "a", "--value", "a = 0"), "log(a) is not defined at a = 0"),
        (("9**9**9*a", "--wrt", "a"), ""),
        (("__import__('os')", "--wrt", "a"), "column 1"),
    ],
)
def test_mistakes_in_diff(run: Run, args: tuple[str, ...], message: str) -> None:
    code, out, err = run("diff", *args)
    assert (code, out) == (2, "")
    assert message in err


# --- terminals, pipes, signals -------------------------------------------------------------------


def test_no_colour_in_a_pipe() -> None:
    assert "\x1b" not in process("diff", "x'*x", "--wrt", "x").stdout


def test_a_terminal_that_cannot_show_our_signs_gets_ascii() -> None:
    done = process("diff", "x'*A*x", "--wrt", "x", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "df/dx = (" in done.stdout
    done = process("derive", "two_layer_net", env={"PYTHONIOENCODING": "ascii"})
    assert done.stdout.splitlines()[1].startswith("NNTI, Universit?t des Saarlandes")


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m symback list | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_full_disk_is_one_message() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "symback", "list"],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "symback: cannot write: No space left on device\n"


def test_ctrl_c_stops_cleanly(tmp_path: Path) -> None:
    code = (
        "import sys, time; from symback.cli import diff_command as d, main;"
        "d.differentiate = lambda *a, **k: (print('go', flush=True), time.sleep(30));"
        "sys.exit(main(['diff', 'x', '--wrt', 'x']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert err == "symback: interrupted\n"


def test_a_bug_of_ours_is_one_message(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **more: object) -> None:
        raise RuntimeError("oh\x1b[31m")

    monkeypatch.setattr("symback.cli.diff_command.differentiate", fail)
    code, out, err = run("diff", "x", "--wrt", "x")
    assert (code, out) == (70, "")
    assert err.startswith("symback: a bug of ours: RuntimeError: oh�[31m\nhint: ")


class Recorder:
    """A stream that remembers what was written."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self.text = ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_speaks_after_a_while(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setattr("symback.progress.PATIENCE", 0.02)
    stream: Any = Recorder(terminal)
    with Progress("deriving", stream) as progress:
        time.sleep(0.3)
        progress.stage("checking")
        time.sleep(0.3)
    if terminal:
        assert "\rderiving ... 0 s (Ctrl-C stops)" in stream.text
        assert stream.text.endswith("\r")
    else:
        assert stream.text == "deriving ...\nchecking ...\n"


def test_progress_is_silent_when_quick() -> None:
    stream: Any = Recorder(terminal=True)
    with Progress("deriving", stream):
        pass
    assert stream.text == ""
