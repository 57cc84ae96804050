"""`symback export FILE`: write a solution down, to hand in, publish or teach from."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from symback import bundle
from symback.cli.options import checked_digits
from symback.derivation import derive
from symback.errors import FileProblem, InputError
from symback.problem import load
from symback.progress import Progress
from symback.render.export import (
    FORMATS,
    MAX_ROUNDED,
    Format,
    html_of,
    latex_of,
    markdown_of,
    pdf_of,
    style_of,
)
from symback.render.figures import Manner
from symback.render.latex import Paper
from symback.render.notebook import notebook_text
from symback.render.pdf import Engine

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A problem file, or a name from `symback list`.")
]
To = Annotated[
    Format | None, typer.Option("--to", help=f"{', '.join(FORMATS)}; else as --output ends.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PATH", help="Where to write; text is printed without."),
]
Fragment = Annotated[bool, typer.Option("--fragment", help=r"tex: without preamble, for \input.")]
Entry = Annotated[
    str | None,
    typer.Option("--entry", metavar="ENTRY", help='tex, pdf, md: one entry by paths, "W1[1,1]".'),
]
Numbers = Annotated[
    Manner, typer.Option("--numbers", help="tex, pdf, md: fractions (exact) or decimals.")
]
Digits = Annotated[
    int | None, typer.Option("--digits", metavar="N", help="Digits of rounded numbers.")
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="NAME=LATEX",
        help=r'How a variable is set, "W1=\mathbf{W}^{(1)}"; may be repeated.',
    ),
]
OnPaper = Annotated[Paper, typer.Option("--paper", help="tex, pdf: the size of the page.")]
By = Annotated[Engine, typer.Option("--engine", help="pdf: what sets it, TeX first.")]
Exercise = Annotated[
    bool, typer.Option("--exercise", help="ipynb: leave the backward lines blank.")
]

#: Options that only some formats have.
ONLY: dict[str, tuple[Format, ...]] = {
    "--fragment": ("tex",),
    "--entry": ("tex", "pdf", "md"),
    "--name": ("tex", "pdf", "md"),
    "--exercise": ("ipynb",),
}


def run(
    file: File,
    to: To = None,
    output: Output = None,
    fragment: Fragment = False,
    entry: Entry = None,
    numbers: Numbers = "decimal",
    digits: Digits = None,
    name: Names = None,
    paper: OnPaper = "a4",
    engine: By = "auto",
    exercise: Exercise = False,
) -> None:
    """Write the solution of FILE as LaTeX, PDF, HTML, Markdown or a notebook."""
    form = _format(to, output)
    used = {"--fragment": fragment, "--entry": entry, "--name": name, "--exercise": exercise}
    for option, value in used.items():
        if value and form not in ONLY[option]:
            raise InputError(f"{option} goes with --to {' or '.join(ONLY[option])}, not {form}")
    many = checked_digits(digits)
    style = style_of(numbers=numbers, digits=many, names=_names(name or ()), entry=entry)
    said = ""
    with Progress("reading the problem") as progress:
        path = bundle.find(file)
        problem = load(path)
        progress.stage("deriving and checking")
        derivation = derive(problem, digits=many if many and many > MAX_ROUNDED else None)
        progress.stage("writing it down")
        match form:
            case "pdf":
                data, said = pdf_of(derivation, style, paper=paper, engine=engine)
            case "tex":
                data = latex_of(derivation, style, fragment=fragment, paper=paper).encode()
            case "md":
                data = markdown_of(derivation, style).encode()
            case "html":
                data = html_of(derivation).encode()
            case "ipynb":
                data = notebook_text(derivation, exercise=exercise).encode()
    if output is None and form == "pdf":
        output = Path(f"{Path(path).stem}.pdf")
    if output is None:
        sys.stdout.write(data.decode())
    else:
        _write(output, data, f", set by {said}" if said else "")


def _format(to: Format | None, output: Path | None) -> Format:
    """The format that was asked for.

    Raises:
        InputError: where none was.
    """
    if to is not None:
        return to
    suffix = "" if output is None else output.suffix.lower().lstrip(".")
    for form in FORMATS:
        if form == suffix:
            return form
    raise InputError(
        "which format?" if output is None else f"'{output}' does not say which format to write",
        hint=f"add --to with one of {', '.join(FORMATS)}",
    )


def _names(options: list[str] | tuple[str, ...]) -> dict[str, str]:
    names = {}
    for option in options:
        match = re.fullmatch(r"\s*(\w+)\s*=\s*(.+)", option, re.DOTALL)
        if match is None:
            raise InputError(
                f"--name '{option}' is not of the form NAME=LATEX",
                hint=r'for example --name "W1=\mathbf{W}^{(1)}"',
            )
        names[match[1]] = match[2].strip()
    return names


def _write(path: Path, data: bytes, said: str) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise FileProblem(f"cannot write '{path}': {error.strerror or error}") from None
    sys.stdout.write(f"wrote {path}{said}\n")
