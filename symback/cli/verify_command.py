"""`symback verify FILE`: are the derivatives right, and what the source prints?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from symback import bundle
from symback.cli.options import Json, NoColour, Plain, Width, page, print_json
from symback.errors import WrongAnswer
from symback.problem import load
from symback.progress import Progress
from symback.render.digits import rounded
from symback.render.page import Page
from symback.verdict import Printed, Verdict, examine

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A problem file, or a name from `symback list`.")
]


def run(
    file: File,
    json: Json = False,
    plain: Plain = False,
    no_color: NoColour = False,
    width: Width = None,
) -> None:
    """Check the derivatives in FILE by an independent witness, and the results it quotes."""
    with Progress("deriving and checking"):
        verdict = examine(load(bundle.find(file)))
    if json:
        print_json(_data(verdict))
    else:
        _tell(verdict, page(plain=plain, no_color=no_color, width=width))
    wrong = [figure.text for figure in verdict.printed if not figure.ok]
    if wrong:
        raise WrongAnswer(
            f"the file is wrong about {', '.join(wrong)}",
            hint="correct the number, or move it between [published] and [misprint]",
        )


def _tell(verdict: Verdict, where: Page) -> None:
    check = verdict.verification
    point = "random values" if verdict.at_random else "the values given"
    where.verdict(
        f"Verified at {point} by {check.witness} on the forward pass alone: largest difference "
        f"{rounded(check.max_error, 2)}{f'; {check.note}' if check.note else ''}.",
        ok=True,
    )
    for figure in verdict.printed:
        where.verdict(_words(figure), ok=figure.ok)


def _words(figure: Printed) -> str:
    off = rounded(figure.off, 2)
    kind = "misprint" if figure.is_misprint else "published"
    if figure.off > figure.tolerance:
        return f"{kind} {figure.text}: off by {off}"
    return f"{kind} {figure.text}: agrees, off by {off} at most"


def _data(verdict: Verdict) -> dict[str, Any]:
    check = verdict.verification
    return {
        "problem": verdict.problem.title,
        "verified": {
            "ok": check.ok,
            "witness": check.witness,
            "max_error": check.max_error,
            "at": "random values" if verdict.at_random else "values",
        },
        "printed": [
            {
                "of": figure.text,
                "ok": figure.ok,
                "off": figure.off,
                "tolerance": figure.tolerance,
                "misprint": figure.is_misprint,
            }
            for figure in verdict.printed
        ],
    }
