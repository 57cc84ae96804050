"""Options that several commands share, and the page and data that they print."""

from __future__ import annotations

import json
import os
import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from rich.console import Console

from symback.errors import ValueProblem
from symback.render.digits import Numbers
from symback.render.formulas import Formulas
from symback.render.page import MAX_WIDTH, MIN_WIDTH, Page

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Plain = Annotated[
    bool, typer.Option("--plain", help="ASCII only, in the input language; no colour.")
]
NoColour = Annotated[bool, typer.Option("--no-color", help="No colour.")]
Width = Annotated[
    int | None,
    typer.Option("--width", metavar="N", help=f"Columns to fill, {MIN_WIDTH} to {MAX_WIDTH}."),
]
Digits = Annotated[
    int | None, typer.Option("--digits", metavar="N", help="Show numbers with N digits.")
]

MAX_DIGITS = 1000
JSON_LINE = 88  # a list or an object that fits is not broken


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main`; Rich would exit with 1."""
        raise BrokenPipeError


def page(
    *, plain: bool, no_color: bool, width: int | None, output: str = "L", index_base: int = 0
) -> Page:
    """Where to print. What cannot show our signs gets ASCII.

    Raises:
        ValueProblem: for a width that is out of bounds.
    """
    if width is not None and not MIN_WIDTH <= width <= MAX_WIDTH:
        raise ValueProblem(f"--width is {MIN_WIDTH} to {MAX_WIDTH}, not {width}")
    ascii_only = plain or not _shows(sys.stdout.encoding)
    if isinstance(sys.stdout, TextIOWrapper):  # a title may hold what the terminal cannot show
        sys.stdout.reconfigure(errors="replace")
    quiet = plain or no_color or bool(os.environ.get("NO_COLOR"))
    console = _Console(width=width, color_system=None if quiet else "auto", emoji=False)
    formulas = Formulas(output, index_base, ascii_only, Numbers(ascii=ascii_only))
    return Page(console, formulas)


def _shows(encoding: str | None) -> bool:
    try:
        "∂⊙⎡₁ᵀ".encode(encoding or "utf-8")  # a stream in memory has none, and takes all
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def checked_digits(digits: int | None) -> int | None:
    """The argument of --digits.

    Raises:
        ValueProblem: for a number that is out of bounds.
    """
    if digits is not None and not 1 <= digits <= MAX_DIGITS:
        raise ValueProblem(f"--digits is 1 to {MAX_DIGITS}, not {digits}")
    return digits


def print_json(data: Any) -> None:
    """One object, in ASCII, so that it survives every terminal; short lists in one line."""
    sys.stdout.write(_json(data, "") + "\n")


def _json(data: Any, indent: str) -> str:
    line = json.dumps(data, allow_nan=False)
    if not isinstance(data, (dict, list)) or len(line) <= JSON_LINE - len(indent):
        return line
    inner = indent + "  "
    if isinstance(data, list):
        rows = [inner + _json(item, inner) for item in data]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    rows = [f"{inner}{json.dumps(key)}: {_json(item, inner)}" for key, item in data.items()]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
