r"""MathML from the LaTeX that :mod:`.latex` spells: what browsers show and screen readers say.

Only what our spellings use is known, and only MathML Core is written. Matrices and vectors are
upright with the class `bold`, for a style sheet to make them so. That what is multiplied and what
is called is told apart by signs that are not seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Literal, TypeAlias

from symback.errors import InputError
from symback.spell.names import GREEK

Kind: TypeAlias = Literal["name", "ord", "big", "bin", "open", "close", "space", "start"]

_MARKS = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}|\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.")
_ENDS = ("}", "&", "\\\\", "\\right", "\\end")
_OPERATIONS = {
    "\\odot": "⊙", "\\oslash": "⊘", "\\otimes": "⊗", "\\cdot": "·", "\\times": "×",
    "\\le": "≤", "\\ge": "≥", "\\ne": "≠", "\\land": "∧", "\\lor": "∨", "\\lnot": "¬",
    "\\approx": "≈", "\\leftarrow": "←", "\\gets": "←", "\\to": "→", "\\in": "∈", "\\wedge": "∧",
    "\\sim": "∼", "-": "−", "+": "+", "=": "=", "<": "<", ">": ">", ",": ",", ";": ";", ":": ":",
    "/": "/",
}  # fmt: skip
_SIGNS = {
    "\\dotsc": "…", "\\dots": "…", "\\cdots": "⋯", "\\vdots": "⋮", "\\ddots": "⋱",
    "\\infty": "∞", "\\backslash": "∖", "\\$": "$", "\\&": "&", "\\#": "#",
    "\\%": "%", "\\_": "_", "\\ell": "ℓ",
}  # fmt: skip
_FENCES = {
    "\\lvert": "|", "\\rvert": "|", "\\lVert": "‖", "\\rVert": "‖", "\\lfloor": "⌊",
    "\\rfloor": "⌋", "(": "(", ")": ")", "[": "[", "]": "]", "\\{": "{", "\\}": "}", ".": "",
    "|": "|",
}  # fmt: skip
_OPENING = frozenset(["\\lvert", "\\lVert", "\\lfloor", "(", "[", "\\{"])
_BIG = {"\\sum": "∑", "\\prod": "∏"}
_SPACES = {"\\,": 0.17, "\\:": 0.22, "\\;": 0.28, "\\ ": 0.33, "\\quad": 1.0, "\\qquad": 2.0}
_BOLD = frozenset(["\\mathbf", "\\boldsymbol", "\\bm"])
_UPRIGHT = frozenset(["\\mathrm", "\\operatorname", "\\mathsf", "\\mathtt", "\\mathit"])
_ACCENTS = {
    "\\hat": "^", "\\bar": "¯", "\\tilde": "~", "\\dot": "˙", "\\vec": "→", "\\ddot": "¨",
    "\\widehat": "^", "\\widetilde": "~", "\\overline": "¯",
}  # fmt: skip
_SIZED = re.compile(r"\\(big|Big|bigg|Bigg)([lrm]?)")
_SIZES = {"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3.0}
_AROUND = {"bmatrix": ("[", "]"), "pmatrix": ("(", ")"), "cases": ("{", "")}
_WORD = re.compile("(<m(sub|sup|subsup)>)?<mi>[A-Za-z]{2}")
_THIN = '<mspace width="0.17em"></mspace>'
_APPLIED = "<mo>&#x2061;</mo>"
_TIMES = "<mo>&#x2062;</mo>"
_ALONE = {
    "\\top": '<mi mathvariant="normal">⊤</mi>',
    "\\partial": '<mo form="prefix" lspace="0" rspace="0.07em">∂</mo>',
}


def mathml(tex: str) -> str:
    r"""A formula as one element.

    >>> mathml(r"\theta_{1}")
    '<mrow><msub><mi>θ</mi><mrow><mn>1</mn></mrow></msub></mrow>'

    Raises:
        InputError: for what our spellings do not use.
    """
    reader = _Reader([mark for mark in _MARKS.findall(tex) if not mark.isspace()])
    markup = reader.row()
    if reader.marks:
        raise InputError(f"'{tex[:80]}' is no formula of ours")
    return markup


def row(*parts: str) -> str:
    """Parts as one element."""
    return f"<mrow>{''.join(parts)}</mrow>"


class _Reader:
    def __init__(self, marks: list[str]) -> None:
        self.marks = marks[::-1]

    def peek(self) -> str:
        return self.marks[-1] if self.marks else ""

    def take(self) -> str:
        if not self.marks:
            raise InputError("a formula ends too early")
        return self.marks.pop()

    def row(self) -> str:
        parts: list[str] = []
        before: Kind = "start"
        spaced = False
        while self.marks and not self.peek().startswith(_ENDS):
            markup, kind = self.atom(before)
            markup = self.scripted(markup, kind)
            if kind == "space":
                spaced = True
            elif before in ("name", "ord", "close") and kind in ("name", "ord", "open", "big"):
                called = kind == "open" and before == "name" and not spaced
                parts.append(_APPLIED if called else _TIMES)
                if not called and not spaced and _WORD.match(markup):
                    parts.append(_THIN)
            parts.append(markup)
            if kind != "space":
                before, spaced = kind, False
        return row(*parts)

    def group(self) -> str:
        """What an argument of a command, or a script, holds."""
        if self.peek() != "{":
            return row(self.atom("start")[0])
        self.take()
        inside = self.row()
        self.take()
        return inside

    def scripted(self, base: str, kind: Kind) -> str:
        """An element with its foot and head; those of a big operator stand under and over it."""
        below = above = ""
        while self.peek() in ("_", "^", "'"):
            sign = self.take()
            if sign == "'":
                above += '<mo lspace="0" rspace="0">′</mo>'
            elif sign == "_":
                below = self.group()
            else:
                above += self.group()
        names = ("munder", "mover", "munderover") if kind == "big" else ("msub", "msup", "msubsup")
        if not below and not above:
            return base
        name = names[2] if below and above else names[0] if below else names[1]
        return f"<{name}>{base}{below}{row(above) if above else ''}</{name}>"

    def atom(self, before: Kind) -> tuple[str, Kind]:
        mark = self.take()
        if mark in _BIG:
            return f"<mo>{_BIG[mark]}</mo>", "big"
        if mark in _SPACES:
            return f'<mspace width="{_SPACES[mark]}em"></mspace>', "space"
        if mark in _OPERATIONS:
            unary = mark in "+-" and before in ("start", "bin", "open", "big")
            form = ' form="prefix"' if unary else ""
            return f"<mo{form}>{escape(_OPERATIONS[mark])}</mo>", "bin"
        if mark in _FENCES:
            kind: Kind = "open" if mark in _OPENING else "close"
            return _bracket(_FENCES[mark], kind), kind
        sized = _SIZED.fullmatch(mark)
        if sized is not None:
            return self.sized(_SIZES[sized[1]], sized[2])
        if mark in _BOLD:
            return f'<mi mathvariant="normal" class="bold">{escape(self.word())}</mi>', "name"
        if mark in _UPRIGHT:
            word = self.word()
            upright = ' mathvariant="normal"' if len(word) == 1 else ""
            return f"<mi{upright}>{escape(word)}</mi>", "name"
        if mark[0] == "\\" and mark[1:] in GREEK:
            return f"<mi>{GREEK[mark[1:]]}</mi>", "name"
        if mark[0].isdigit():
            return f"<mn>{mark}</mn>", "ord"
        if mark.isalpha():
            return f"<mi>{mark}</mi>", "name"
        return self.command(mark)

    def command(self, mark: str) -> tuple[str, Kind]:
        if mark == "{":
            self.marks.append(mark)
            return self.group(), "ord"
        if mark.startswith("\\begin"):
            return self.grid(mark[7:-1]), "ord"
        if mark in ("\\frac", "\\tfrac", "\\dfrac"):
            return f"<mfrac>{self.group()}{self.group()}</mfrac>", "ord"
        if mark == "\\sqrt":
            return f"<msqrt>{self.group()}</msqrt>", "ord"
        if mark == "\\left":
            left = _bracket(_FENCES[self.take()], "open", grows=True)
            inside = self.row()
            self.take()
            return row(left, inside, _bracket(_FENCES[self.take()], "close", grows=True)), "open"
        if mark == "\\text":
            return f"<mtext>{escape(self.word())}&#xA0;</mtext>", "space"
        if mark in _ALONE:
            return _ALONE[mark], "space"
        if mark in _ACCENTS:
            return f'<mover accent="true">{self.group()}<mo>{_ACCENTS[mark]}</mo></mover>', "name"
        if mark in _SIGNS:
            return f"<mi>{escape(_SIGNS[mark])}</mi>", "space"
        if mark[0] == "\\" and mark[1:].isalpha():  # \log, \arctan
            return f"<mi>{mark[1:]}</mi>", "name"
        return f"<mo>{escape(mark)}</mo>", "bin"

    def sized(self, size: float, side: str) -> tuple[str, Kind]:
        """A bracket of a size of its own, because the other one stands on another line."""
        sign = escape(_FENCES.get(self.peek(), self.peek()))
        self.take()
        kind: Kind = {"l": "open", "r": "close"}.get(side, "bin")  # type: ignore[assignment]
        return f'<mo stretchy="true" minsize="{size}em" maxsize="{size}em">{sign}</mo>', kind

    def word(self) -> str:
        """The letters of a group."""
        self.take()
        letters = ""
        depth = 1
        while depth:
            mark = self.take()
            depth += (mark == "{") - (mark == "}")
            if depth and mark not in "{}":
                letters += GREEK.get(mark[1:], _SIGNS.get(mark, mark.lstrip("\\")))
        return letters

    def grid(self, kind: str) -> str:
        cells: list[list[str]] = [[]]
        while True:
            cells[-1].append(self.row())
            mark = self.take()
            if mark.startswith("\\end"):
                break
            if mark == "\\\\":
                cells.append([])
        left, right = _AROUND.get(kind, ("", ""))
        style = ' class="lines"' if kind == "cases" else ""
        table = f"<mtable{style}>{_rows(cells)}</mtable>"
        opening, closing = _bracket(left, "open", grows=True), _bracket(right, "close", grows=True)
        return row(opening, table, closing)


def _rows(cells: Sequence[Sequence[str]]) -> str:
    return "".join(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in line)}</mtr>" for line in cells)


def _bracket(sign: str, kind: Kind, *, grows: bool = False) -> str:
    if not sign:
        return ""
    form = "prefix" if kind == "open" else "postfix"
    stretchy = "true" if grows else "false"
    return f'<mo fence="true" stretchy="{stretchy}" form="{form}">{escape(sign)}</mo>'
