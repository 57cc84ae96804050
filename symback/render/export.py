"""A derivation in every format of `symback export`, with the options of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from symback.derivation import Derivation
from symback.errors import InputError, ValueProblem, did_you_mean
from symback.render.digits import DIGITS
from symback.render.figures import Manner
from symback.render.html import to_html
from symback.render.latex import PAGES, Paper, to_latex
from symback.render.markdown import to_markdown
from symback.render.pdf import Engine, to_pdf
from symback.render.writeup import Style

Format: TypeAlias = Literal["tex", "pdf", "html", "md", "ipynb"]
FORMATS: tuple[Format, ...] = get_args(Format)
MAX_ROUNDED = 15  # digits that a float has; more are worked out by the derivation


def style_of(
    *,
    numbers: Manner = "decimal",
    digits: int | None = None,
    names: Mapping[str, str] = MappingProxyType({}),
    entry: str | None = None,
) -> Style:
    """How to write, checked.

    Raises:
        InputError: naming the option that is wrong.
    """
    _one_of("numbers", numbers, get_args(Manner))
    if digits is not None and digits < 1:
        raise ValueProblem(f"at least 1 digit is shown, not {digits}")
    shown = DIGITS if digits is None else min(digits, MAX_ROUNDED)
    return Style(numbers=numbers, digits=shown, names=dict(names), entry=entry)


def latex_of(
    derivation: Derivation, style: Style, *, fragment: bool = False, paper: Paper = "a4"
) -> str:
    return to_latex(derivation, style, fragment=fragment, paper=checked_paper(paper))


def pdf_of(
    derivation: Derivation, style: Style, *, paper: Paper = "a4", engine: Engine = "auto"
) -> tuple[bytes, str]:
    _one_of("engine", engine, get_args(Engine))
    return to_pdf(derivation, style, paper=checked_paper(paper), engine=engine)


def markdown_of(derivation: Derivation, style: Style) -> str:
    return to_markdown(derivation, style)


def html_of(derivation: Derivation) -> str:
    return to_html(derivation)


def checked_paper(paper: Paper) -> Paper:
    _one_of("paper", paper, tuple(PAGES))
    return paper


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        hint = did_you_mean(value, known) or f"{option} is one of: {', '.join(known)}"
        raise InputError(f"unknown {option} '{value}'", hint=hint)
