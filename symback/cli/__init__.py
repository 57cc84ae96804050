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

import gc
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress

from typer import Abort, TyperException
from typer.main import get_command

from symback.cli.app import ReaderLeft, app
from symback.errors import InputError, SymbackError

BUG = 70
RARELY = 100_000  # objects made between two collections; Python's own choice is 700
INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line, `sys.argv` unless given; returns the exit code."""
    _prepare()
    try:
        code = get_command(app).main(args, prog_name="symback", standalone_mode=False)
        sys.stdout.flush()
    except SymbackError as error:
        _complain(error)
        return error.exit_code
    except TyperException as error:
        _complain(InputError(_tidied(error.format_message()), hint="see symback --help"))
        return InputError.exit_code
    except (ReaderLeft, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _complain(InputError(f"cannot write: {error.strerror or error}"))
        return InputError.exit_code
    except (KeyboardInterrupt, Abort):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        return _bug(error)
    if code == INTERRUPTED:
        _complain(InputError("interrupted"))
    return int(code or 0)


def _prepare() -> None:
    """Start quickly: collect garbage rarely, and let NumPy start no threads for small arrays."""
    gc.set_threshold(RARELY)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _complain(error: SymbackError) -> None:
    """One message on standard error; the program's name goes where no file's name stands."""
    start = "symback: " if error.place is None else ""
    with suppress(OSError):
        sys.stderr.write(f"{start}{error}\n")


def _tidied(message: str) -> str:
    """A message about options in our manner.

    >>> _tidied("No such option: --jsn (Possible options: --json)")
    'no such option: --jsn; did you mean --json?'
    """
    message = re.sub(r" \(Possible options: (.*)\)", r"; did you mean \1?", message).rstrip(".")
    return message[:1].lower() + message[1:]


def _bug(error: Exception) -> int:
    if os.environ.get("SYMBACK_DEBUG"):
        raise error
    hint = "SYMBACK_DEBUG=1 shows where; please report it with the input"
    _complain(SymbackError(f"a bug of ours: {type(error).__name__}: {error}", hint=hint))
    return BUG
