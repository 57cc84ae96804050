"""The README is kept true: its commands are run and its output is compared.

In a ```console block each line after `$ ` is a command; what follows is its output at 80 columns.
A line `...` stands for any lines. ```python blocks are doctests. Run this module to write the
output anew: ``python -m tests.test_readme`` (blocks with `...` are left as they are).
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from symback.cli import main

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
ROUNDING = re.compile(r'(largest\s+difference\s+|"max_error": )[0-9][-.0-9e]*')
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return [
        body for name, body in BLOCK.findall(README.read_text(encoding="utf-8")) if name == kind
    ]


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Pairs of a command and the output shown for it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder with the problems in it, to run the commands of the README in."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(ROOT / "problems", Path(name) / "problems")
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def output_of(command: str) -> str:
    """What a command prints, errors included."""
    words = shlex.split(command)
    if words[0] == "cat":
        return Path(words[1]).read_text(encoding="utf-8")
    if words[0] == "sed":  # the mistakes that the README makes in its own file
        _, _, script, name = words
        _, old, new, _ = script.split("/")
        path = Path(name)
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        return ""
    assert words[0] == "symback"
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        main(words[1:])
    return stream.getvalue()


def matches(shown: str, printed: str) -> bool:
    """Whether the output is as shown, `...` standing for any lines; rounding errors may differ."""
    shown, printed = (ROUNDING.sub(r"\1?", text) for text in (shown, printed))
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*".join(parts), printed) is not None


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


def test_the_output_shown_is_the_output_printed() -> None:
    with workplace():
        for block in blocks("console"):
            for command, shown in commands(block):
                printed = output_of(command)
                assert matches(shown, printed), f"$ {command}\n{printed}"


def test_the_python_shown_runs() -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    parser = doctest.DocTestParser()
    text = "\n".join(blocks("python"))
    with workplace():
        runner.run(parser.get_doctest(text, {}, "README.md", None, None))
    assert runner.summarize().failed == 0
    assert runner.tries > 0


def test_the_first_two_blocks_set_up_and_check() -> None:
    run, check = blocks("sh")[:2]
    assert "problems/two_layer_net.toml" in run
    assert len(run.splitlines()) == len(check.splitlines()) == 1
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ci.splitlines()[-1] == check.strip()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def rewrite() -> None:
    """Write the output of every console block anew."""
    os.environ.update(COLUMNS="80", NO_COLOR="1")

    def renewed(match: re.Match[str]) -> str:
        kind, body = match.groups()
        if kind != "console":
            return match[0]
        parts = []
        for command, shown in commands(body):
            printed = output_of(command)
            keep = re.search(r"^\.\.\.$", shown, re.MULTILINE)
            parts.append(f"$ {command}\n{shown if keep else printed}")
        return f"```console\n{''.join(parts)}```"

    text = README.read_text(encoding="utf-8")
    with workplace():
        text = BLOCK.sub(renewed, text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(rewrite())
