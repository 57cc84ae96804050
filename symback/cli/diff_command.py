"""`symback diff EXPRESSION`: differentiate one expression."""

from __future__ import annotations

from typing import Annotated

import typer

from symback.cli.options import Json, NoColour, Plain, Width, page, print_json
from symback.progress import Progress
from symback.question import differentiate
from symback.render.answer import answer_data, tell_answer

Expression = Annotated[
    str, typer.Argument(metavar="EXPRESSION", help='Such as "norm2(A*x - y)^2".')
]
Wrt = Annotated[
    list[str] | None,
    typer.Option("--wrt", metavar="NAME", help="By what to differentiate; may be repeated."),
]
Order = Annotated[int, typer.Option("--order", metavar="N", help="1, or 2 for second derivatives.")]
Shapes = Annotated[
    list[str] | None,
    typer.Option("--shape", metavar="NAME:SIZES", help='A shape, "W: m n"; may be repeated.'),
]
Values = Annotated[
    list[str] | None,
    typer.Option("--value", metavar="NAME=VALUE", help='A value, "x = [1, 2]"; may be repeated.'),
]
Functions = Annotated[
    list[str] | None,
    typer.Option("--function", metavar="NAME", help='An unknown function, "f" or "f: 2".'),
]


def run(
    expression: Expression,
    wrt: Wrt = None,
    order: Order = 1,
    shape: Shapes = None,
    value: Values = None,
    function: Functions = None,
    json: Json = False,
    plain: Plain = False,
    no_color: NoColour = False,
    width: Width = None,
) -> None:
    """Differentiate EXPRESSION: gradient, Jacobian, or with --order 2 the Hessian.

    Names that are not declared by --shape go by their first letter: a to g are scalars, h to z
    vectors, capitals matrices. Sizes follow from use.
    """
    with Progress("differentiating"):
        answer = differentiate(
            expression.lstrip(),
            wrt or (),
            order=order,
            shapes=shape or (),
            values=value or (),
            functions=function or (),
        )
        if json:
            print_json(answer_data(answer))
        else:
            where = page(plain=plain, no_color=no_color, width=width, output="f")
            tell_answer(answer, where)
