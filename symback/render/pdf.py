"""A derivation as PDF: by LaTeX where there is TeX, else by Typst, a wheel without needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeAlias

from symback.derivation import Derivation
from symback.errors import MissingExtra, SymbackError, Undecided
from symback.render.latex import Paper, to_latex
from symback.render.typst import to_typst
from symback.render.writeup import Style

Engine: TypeAlias = Literal["auto", "tex", "typst"]

TEX = "pdflatex"
TIMEOUT = 120  # seconds
#: Nothing outside of the folder is read or written, and no command is run.
GUARDS = {"openin_any": "p", "openout_any": "p", "TEXMFOUTPUT": "", "max_print_line": "1000"}
INSTALL = "pip install 'symback[pdf]', or install TeX"


class _NoPackage(SymbackError):
    """This TeX lacks a package."""


def to_pdf(
    derivation: Derivation,
    style: Style | None = None,
    *,
    paper: Paper = "a4",
    engine: Engine = "auto",
) -> tuple[bytes, str]:
    """The worked solution as PDF, and what has set it: "pdflatex" or "Typst".

    Args:
        style, paper: as for :func:`symback.render.latex.to_latex`.
        engine: "tex", "typst", or whichever there is, TeX first.

    Raises:
        MissingExtra: where there is neither.
        InputError: as :func:`symback.render.latex.to_latex`.
    """
    tex = shutil.which(TEX)
    if engine == "tex" and tex is None:
        raise MissingExtra("there is no pdflatex on the path", hint=f"install TeX, or {INSTALL}")
    if tex is not None and engine != "typst":
        try:
            return _by_tex(tex, to_latex(derivation, style, paper=paper)), TEX
        except _NoPackage:
            if engine == "tex" or _typst() is None:
                raise
    typst = _typst()
    if typst is None:
        raise MissingExtra("a PDF needs the package typst, or TeX", hint=INSTALL)
    source = to_typst(derivation, style, paper=paper)
    return bytes(typst.compile(source.encode())), "Typst"


def _typst() -> ModuleType | None:
    try:
        import typst
    except ImportError:
        return None
    else:
        return typst


def _by_tex(program: str, source: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="symback-") as folder:
        Path(folder, "solution.tex").write_text(source, encoding="utf-8")
        command = [program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error"]
        try:
            done = subprocess.run(  # noqa: S603 - our own command line, no shell
                [*command, "solution.tex"],
                cwd=folder,
                env={**os.environ, **GUARDS},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Undecided(f"TeX did not finish within {TIMEOUT} seconds") from None
        result = Path(folder, "solution.pdf")
        if done.returncode == 0 and result.exists():
            return result.read_bytes()
        log = done.stdout.decode("utf-8", "replace")
    fault = next((line for line in log.splitlines() if line.startswith("!")), "! unknown")
    if "not found" in fault:
        raise _NoPackage(
            f"this TeX lacks a package: {fault[2:]}",
            hint="install amsmath, amssymb, lmodern, geometry and TikZ; on Debian: "
            "scripts/install-tex",
        )
    raise SymbackError(
        f"TeX stopped: {fault[2:]}", hint="this is a mistake of ours: please report the problem"
    )
