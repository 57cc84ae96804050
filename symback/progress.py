"""Signs of life on standard error while something takes long."""

from __future__ import annotations

import sys
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import TextIO

PATIENCE = 2.0  # seconds before anything is said
_PERIOD = 0.2


class Progress:
    """Says what is being done, once it has taken more than two seconds.

    In a terminal one line counts the seconds and is wiped out at the end; elsewhere each stage is
    said once. Used as a context manager::

        with Progress("deriving") as progress:
            ...
            progress.stage("checking")
    """

    def __init__(self, stage: str, stream: TextIO | None = None) -> None:
        self._stage = stage
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._done = Event()
        self._said = ""
        self._thread = Thread(target=self._watch, daemon=True)

    def stage(self, words: str) -> None:
        """What is being done from now on."""
        self._stage = words

    def __enter__(self) -> Progress:
        self._start = monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        if self._said and self._is_terminal:
            self._write("\r" + " " * len(self._said) + "\r")

    def _watch(self) -> None:
        if self._done.wait(PATIENCE):
            return
        while True:
            if self._is_terminal:
                words = f"{self._stage} ... {monotonic() - self._start:.0f} s (Ctrl-C stops)"
                self._write("\r" + words.ljust(len(self._said)))
                self._said = words
            elif self._said != self._stage:
                self._said = self._stage
                self._write(f"{self._stage} ...\n")
            if self._done.wait(_PERIOD):
                return

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal has gone
            self._done.set()
