"""`symback derive FILE`: solve a problem and tell how."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from symback import bundle
from symback.cli.options import (
    Digits,
    Json,
    NoColour,
    Plain,
    Width,
    checked_digits,
    page,
    print_json,
)
from symback.derivation import Derivation, derive
from symback.lazy import load_module
from symback.problem import load
from symback.progress import Progress
from symback.render.terminal import View, tell

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A problem file, or a name from `symback list`.")
]
Entry = Annotated[
    str | None,
    typer.Option("--entry", metavar="ENTRY", help='Tell one entry path by path: "W1[1,1]".'),
]
Viewed = Annotated[View, typer.Option("--view", help="How closed forms are written.")]


def run(
    file: File,
    entry: Entry = None,
    view: Viewed = "matrix",
    json: Json = False,
    digits: Digits = None,
    plain: Plain = False,
    no_color: NoColour = False,
    width: Width = None,
) -> None:
    """Solve the problem in FILE: forward pass, every backward step, gradients, a check."""
    with Progress("reading the problem") as progress:
        problem = load(bundle.find(file))
        progress.stage("deriving and checking")
        derivation = derive(problem, digits=checked_digits(digits))
        progress.stage("writing it down")
        if json:
            print_json(_data(derivation, entry))
            return
        show(derivation, entry=entry, view=view, plain=plain, no_color=no_color, width=width)


def _data(derivation: Derivation, entry: str | None) -> Any:
    if entry is None:
        return load_module("jsonout").as_json(derivation)
    return load_module("render.entry").entry_data(derivation, entry)


def show(
    derivation: Derivation,
    *,
    entry: str | None = None,
    view: View = "matrix",
    plain: bool = False,
    no_color: bool = False,
    width: int | None = None,
) -> None:
    """Print the story, or that of one entry."""
    problem = derivation.problem
    where = page(
        plain=plain,
        no_color=no_color,
        width=width,
        output=problem.of,
        index_base=problem.index_base,
    )
    if entry is not None:
        load_module("render.entry").tell_entry(derivation, entry, where)
    else:
        tell(derivation, where, view)
