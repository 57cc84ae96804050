"""What the documentation shows is tried out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symback.habits import Declarations
from symback.parse.functions import function_names
from symback.parse.parser import parse, parse_name
from symback.problem import loads
from symback.tensor import symbol

DOCS = Path(__file__).parent.parent / "docs"
CODE = re.compile(r"`([^`]+)`")
SHAPES = {
    "a": (), "b": (), "c": (), "x": (3,), "y": (3,), "z": (3,), "A": (3, 3), "B": (3, 3),
    "X": (3, 3),
}  # fmt: skip
#: Functions with a name of their own in the tables of language.md; all others are aliases.
UNLISTED = re.compile(r"[A-Z]|arc|sgn|sigma|logistic|lgamma|gammaln|psi|swish|maximum|minimum|ln")


def tables(document: str) -> list[tuple[str, list[str]]]:
    """The header and the first cells of every table."""
    found: list[tuple[str, list[str]]] = []
    previous = ""
    for line in (DOCS / document).read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            cell = line.replace("\\|", " ").split("|")[1].strip()
            if not previous.startswith("|"):
                found.append((line, []))
            elif not cell.startswith("---"):
                found[-1][1].append(cell)
        previous = line
    return found


def examples() -> list[str]:
    return [
        code
        for header, cells in tables("language.md")
        if "means" in header
        for cell in cells
        for code in CODE.findall(cell)
    ]


@pytest.mark.parametrize("example", examples())
def test_every_expression_of_the_language_page_is_accepted(example: str) -> None:
    names = {name: symbol(name, shape) for name, shape in SHAPES.items()}
    Declarations(names, {"f": 1}).lower(parse(example), 0)


def test_every_function_is_on_the_language_page() -> None:
    page = (DOCS / "language.md").read_text(encoding="utf-8")
    missing = [
        name
        for name in function_names()
        if not re.search(rf"\b{name}\b", page) and not UNLISTED.match(name)
    ]
    assert set(missing) <= {"Abs", "average", "concatenate", "lse", "norm", "trace"}


def test_the_spellings_of_names() -> None:
    (rows,) = [cells for header, cells in tables("language.md") if "| name |" in header]
    text = (DOCS / "language.md").read_text(encoding="utf-8")
    for row in rows:
        (line,) = [one for one in text.splitlines() if one.startswith(f"| {row} |")]
        name = CODE.findall(line.split("|")[2])[0]
        assert {parse_name(code) for code in CODE.findall(row)} == {name}


def toml_blocks() -> list[str]:
    text = (DOCS / "file_format.md").read_text(encoding="utf-8")
    return re.findall(r"```toml\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("block", toml_blocks())
def test_every_problem_file_of_the_format_page_loads(block: str) -> None:
    loads(block)
