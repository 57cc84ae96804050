"""What a command loads before it does its work, and the tables that spare it loading more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from symback.parse.lalr import TABLE
from symback.parse.table import table_text

ROOT = Path(__file__).parent.parent
PROBLEM = "problems/two_layer_net.toml"
HEAVY = {"sympy", "numpy", "mpmath", "lark", "rich.console"}

#: Runs one command line and writes the modules it has loaded to standard error.
RUN = """
import sys
from symback.cli import main
code = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )


def loaded(*args: str) -> set[str]:
    return HEAVY & set(run("-c", RUN, *args).stderr.split())


def test_help_loads_nothing_heavy() -> None:
    assert loaded("--help") == set()


@pytest.mark.parametrize("args", [(), ("--json",), ("--entry", "W1[1,1]"), ("--plain",)])
def test_a_small_problem_needs_no_library_of_numbers(args: tuple[str, ...]) -> None:
    assert loaded("derive", PROBLEM, *args) <= {"rich.console"}


def test_a_kink_is_a_case_for_numpy(tmp_path: Path) -> None:
    """This test would not see what is loaded if the one above could not fail."""
    file = tmp_path / "kink.toml"
    file.write_text(
        '[symbols]\nx = []\n[define]\nL = "abs(x)"\n[derive]\nof = "L"\nwrt = ["x"]\n'
        "[values]\nx = 0\n",
        encoding="utf-8",
    )
    assert "numpy" in loaded("derive", str(file))


@pytest.mark.skipif("CI" not in os.environ, reason="times are compared on a quiet machine")
def test_derive_takes_at_most_one_and_a_half_times_the_import_of_sympy() -> None:
    def seconds(*command: str) -> float:
        start = time.perf_counter()
        run(*command)
        return time.perf_counter() - start

    ratios = []
    for _ in range(10):
        derive = seconds("-m", "symback", "derive", PROBLEM)
        ratios.append(derive / seconds("-c", "import sympy"))
        if min(ratios) <= 1.5:
            return
    pytest.fail(f"it took at least {min(ratios):.2f} times as long")


def test_the_parse_table_is_that_of_the_grammar() -> None:
    """If not: python -m symback.parse.table"""
    assert TABLE.read_text(encoding="utf-8") == table_text()
