"""The table of commands. A command's module is loaded when the command is used, not before."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from symback import __version__
from symback.errors import did_you_mean

#: Command -> what `symback --help` says of it. `symback.cli.NAME` holds it as `run`.
COMMANDS = {
    "demo": "Solve a real exercise and tell every step.",
    "derive": "Solve the problem in a file: values, gradients, every step.",
    "diff": "Differentiate one expression, no file needed.",
    "graph": "Draw the computation graph: cards with values and gradients.",
    "export": "Write the solution as LaTeX, PDF, HTML, Markdown or a notebook.",
    "verify": "Check the derivatives of a file by an independent witness.",
    "list": "List the problems that come with symback.",
    "new": "Write a commented problem file to start from.",
}

_SETTINGS: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None}


class ReaderLeft(Exception):
    """Whoever read our output has left (`symback list | head -1`): nothing more can be said."""


class _Commands(TyperGroup):
    """A group that knows its commands by name and loads one when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        gc.disable()  # what modules make while they load is no garbage
        module = import_module(f"symback.cli.{cmd_name}_command")
        gc.freeze()
        gc.enable()
        one = typer.Typer(**_SETTINGS)
        one.command(cmd_name)(module.run)
        return get_command(one)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            suggestion = did_you_mean(args[0], COMMANDS)
            ctx.fail(f"no such command '{args[0]}'" + (f": {suggestion}" if suggestion else ""))
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, [_shielded(arg) for arg in rest] if name == "diff" else rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # typer would exit with 1
            raise ReaderLeft from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _shielded(arg: str) -> str:
    """-log(x) is an expression: `diff` has no option with one dash, and a space tells so."""
    return f" {arg}" if arg[:1] == "-" and arg[1:2] not in ("", "-") else arg


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"symback {__version__}")
        raise typer.Exit


app = typer.Typer(cls=_Commands, invoke_without_command=True, **_SETTINGS)


@app.callback()
def symback(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Symbolic backpropagation, step by step.

    Gradients in closed form with every step told, exact numbers, and an independent check.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
