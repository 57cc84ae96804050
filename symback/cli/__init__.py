"""The command line: `symback COMMAND ...`.

======= ==========================================================
exit    meaning
======= ==========================================================
0       fine
1       an answer or a check is wrong
2       the input is at fault
3       undecided
70      a bug of ours
130     interrupted
======= ==========================================================

Results go to standard output, everything else to standard error. Nothing ends in a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from typer import Abort, TyperException
from typer.main import get_command

from symback.cli.app import app
from symback.errors import SymbackError, visible

INPUT_AT_FAULT = 2
BUG = 70
INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line, `sys.argv` unless given; returns the exit code."""
    try:
        code = get_command(app).main(args, prog_name="symback", standalone_mode=False)
        sys.stdout.flush()
    except SymbackError as error:
        _complain(str(error))
        return error.exit_code
    except TyperException as error:
        message = error.format_message().rstrip(".")
        _complain(f"symback: {message[:1].lower()}{message[1:]}\nhint: see symback --help")
        return INPUT_AT_FAULT
    except BrokenPipeError:
        _forget_stdout()
        return 0
    except (KeyboardInterrupt, Abort):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        return _bug(error)
    if code == INTERRUPTED:
        _complain("interrupted")
    return int(code or 0)


def _complain(message: str) -> None:
    sys.stderr.write(message + "\n")


def _forget_stdout() -> None:
    """Whoever read our output has left (`symback list | head -1`): nothing more can be said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception) -> int:
    if os.environ.get("SYMBACK_DEBUG"):
        raise error
    kind = type(error).__name__
    _complain(
        f"symback: a bug of ours: {kind}: {visible(str(error))}\n"
        "hint: SYMBACK_DEBUG=1 shows where; please report it with the input"
    )
    return BUG
