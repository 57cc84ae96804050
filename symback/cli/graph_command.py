"""`symback graph FILE`: draw the computation graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

import typer

from symback import bundle
from symback.cli.options import NoColour, Plain, Width, page
from symback.derivation import derive
from symback.drawing import draw
from symback.errors import FileProblem, InputError
from symback.problem import load
from symback.progress import Progress
from symback.render.cards import PARTS, checked_parts
from symback.render.chart import chart
from symback.render.dot import to_dot
from symback.render.mermaid import to_mermaid
from symback.render.png import to_png
from symback.render.svg import to_svg
from symback.render.tikz import to_tikz

Form: TypeAlias = Literal["terminal", "svg", "png", "dot", "mermaid", "tikz"]

#: The end of a file's name -> the format that it asks for.
SUFFIXES: dict[str, Form] = {
    ".svg": "svg",
    ".png": "png",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".tikz": "tikz",
    ".tex": "tikz",
}
_WRITERS = {"svg": to_svg, "dot": to_dot, "mermaid": to_mermaid, "tikz": to_tikz}

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A problem file, or a name from `symback list`.")
]
To = Annotated[
    Form | None,
    typer.Option("--to", help=f"{', '.join(get_args(Form))}; else as --output ends."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="PATH", help="Where to write the picture.")
]
Backward = Annotated[
    bool, typer.Option("--backward", help="Draw the nodes that compute the gradients, too.")
]
Fold = Annotated[
    bool, typer.Option("--fold", help="Leave out nodes with one arrow in and one out.")
]
Hide = Annotated[
    list[str] | None,
    typer.Option("--hide", metavar="PART", help=f"{', '.join(PARTS)}; may be repeated."),
]


def run(
    file: File,
    to: To = None,
    output: Output = None,
    backward: Backward = False,
    fold: Fold = False,
    hide: Hide = None,
    plain: Plain = False,
    no_color: NoColour = False,
    width: Width = None,
) -> None:
    """Draw the computation graph of FILE: a card for each node, with its value and gradient."""
    form = _form(to, output)
    hidden = checked_parts(hide or ())
    with Progress("deriving and checking") as progress:
        problem = load(bundle.find(file))
        derivation = derive(problem)
        progress.stage("drawing")
        drawing = draw(derivation, backward=backward, fold=fold)
        if form == "terminal":
            where = page(
                plain=plain,
                no_color=no_color,
                width=width,
                output=problem.of,
                index_base=problem.index_base,
            )
            chart(drawing, where, hide=hidden)
            return
        if form == "png":
            data = to_png(drawing, hide=hidden)
        else:
            data = _WRITERS[form](drawing, hide=hidden).encode()
    if output is None:
        sys.stdout.write(data.decode())
    else:
        _write(output, data)


def _form(to: Form | None, output: Path | None) -> Form:
    """The format that was asked for.

    Raises:
        InputError: where none, or one that needs a file without one.
    """
    if to is None:
        if output is None:
            return "terminal"
        suffix = output.suffix.lower()
        if suffix not in SUFFIXES:
            raise InputError(
                f"'{output}' does not say which format to write",
                hint=f"add --to, or end the name with one of {', '.join(SUFFIXES)}",
            )
        return SUFFIXES[suffix]
    if to == "terminal" and output is not None:
        raise InputError("--to terminal prints, and writes no file", hint="leave out --output")
    if to == "png" and output is None:
        raise InputError("--to png needs a file to write", hint="add --output graph.png")
    return to


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise FileProblem(f"cannot write '{path}': {error.strerror or error}") from None
    sys.stdout.write(f"wrote {path}\n")
