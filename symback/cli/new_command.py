"""`symback new NAME`: a commented problem file to start from."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from symback.errors import FileProblem, NameProblem
from symback.template import template

Name = Annotated[str, typer.Argument(metavar="[NAME]", help="Of the file, without .toml.")]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


def run(name: Name = "problem", force: Force = False) -> None:
    """Write NAME.toml, a commented problem that works, to change into your own."""
    path = Path(name.removesuffix(".toml") + ".toml")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", path.stem):
        raise NameProblem(
            f"'{path.stem}' is not a name for a problem",
            hint="letters, digits, _ and - are allowed, 60 at most",
        )
    try:
        with path.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(template(path.stem))
    except FileExistsError:
        raise FileProblem(
            f"'{path}' is there already", hint="choose another name, or --force to write over it"
        ) from None
    except OSError as error:
        raise FileProblem(f"cannot write '{path}': {error.strerror or error}") from None
    sys.stdout.write(f"wrote {path}; solve it with: symback derive {path}\n")
