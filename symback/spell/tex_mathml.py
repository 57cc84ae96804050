r"""From the LaTeX that we spell to MathML.

What a user typed is spelled in LaTeX by :mod:`symback.render.written_latex`, in the user's order;
a browser reads MathML. Only what our spellings use is known here.
"""

from __future__ import annotations

import re
from html import escape

from symback.errors import InputError
from symback.spell.mathml import ACCENTS, TOP, big, fenced, identifier, matrix, row
from symback.spell.names import GREEK

_MARKS = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}|\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.")
_SIGNS = {
    "\\odot": "⊙", "\\oslash": "⊘", "\\otimes": "⊗", "\\cdot": "·", "\\times": "×",
    "\\le": "≤", "\\ge": "≥", "\\ne": "≠", "\\land": "∧", "\\lor": "∨", "\\lnot": "¬",
    "\\dotsc": "…", "\\cdots": "⋯", "\\dots": "…", "\\vdots": "⋮", "\\ddots": "⋱", "\\infty": "∞",
    "\\wedge": "∧", "\\sim": "∼", "\\backslash": "∖",
    "\\{": "{", "\\}": "}", "\\$": "$", "\\&": "&", "\\#": "#", "\\%": "%", "\\_": "_",
    "-": "−", "<": "<", ">": ">",
}  # fmt: skip
_FENCES = {
    "\\lvert": "|", "\\rvert": "|", "\\lVert": "‖", "\\rVert": "‖", "\\lfloor": "⌊",
    "\\rfloor": "⌋", "(": "(", ")": ")", "[": "[", "]": "]",
}  # fmt: skip
_OPENING = frozenset(["\\lvert", "\\lVert", "\\lfloor", "(", "["])
_SPACES = {"\\,": "0.17em", "\\;": "0.28em", "\\quad": "1em", "\\ ": "0.33em"}
_FONTS = frozenset(["\\mathbf", "\\boldsymbol", "\\mathrm", "\\operatorname"])
_ENDS = ("}", "&", "\\\\", "\\right", "\\end")


def tex_mathml(tex: str) -> str:
    r"""A formula in MathML.

    >>> tex_mathml(r"\frac{1}{2} x_{1}")
    '<mrow><mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac><msub><mi>x</mi><mrow><mn>1</mn></mrow></msub></mrow>'

    Raises:
        InputError: for what our spellings do not use.
    """
    reader = _Reader([mark for mark in _MARKS.findall(tex) if not mark.isspace()])
    markup = reader.row()
    if reader.marks:
        raise InputError(f"no formula of ours: {tex[:80]}")
    return markup


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
        while self.marks and not self.peek().startswith(_ENDS):
            parts.append(self.scripted(*self.atom(first=not parts)))
        return row(*parts)

    def group(self) -> str:
        if self.peek() != "{":
            return row(self.atom(first=True)[0])
        self.take()
        inside = self.row()
        self.take()
        return inside

    def scripted(self, base: str, is_big: bool) -> str:
        below = above = ""
        while self.peek() in ("_", "^", "'"):
            sign = self.take()
            if sign == "'":
                above += '<mo lspace="0" rspace="0">′</mo>'
            elif sign == "_":
                below = self.group()
            else:
                above += self.group()
        return big(base, below, row(above) if above else "", limits=is_big)

    def atom(self, *, first: bool) -> tuple[str, bool]:
        """One element, and whether it is a big operator."""
        mark = self.take()
        if mark in ("\\sum", "\\prod"):
            return ("<mo>∑</mo>" if mark == "\\sum" else "<mo>∏</mo>"), True
        return self.plain(mark, first), False

    def plain(self, mark: str, first: bool) -> str:
        if mark == "{":
            self.marks.append(mark)
            return self.group()
        if mark.startswith("\\begin"):
            return self.grid(mark[7:-1])
        if mark == "\\frac":
            return f"<mfrac>{self.group()}{self.group()}</mfrac>"
        if mark == "\\sqrt":
            return f"<msqrt>{self.group()}</msqrt>"
        if mark == "\\left":
            left = _FENCES[self.take()]
            inside = self.row()
            self.take()
            return fenced(left, inside, _FENCES[self.take()])
        if mark in _FONTS:
            return self.font(mark)
        if mark == "\\text":
            return f"<mtext>{escape(self.word())}&#xA0;</mtext>"
        if mark == "\\top":
            return TOP
        if mark in _SPACES:
            return f'<mspace width="{_SPACES[mark]}"></mspace>'
        if mark in _FENCES:
            form = "prefix" if mark in _OPENING else "postfix"
            sign = escape(_FENCES[mark])
            return f'<mo fence="true" stretchy="false" form="{form}">{sign}</mo>'
        if mark[1:] in ACCENTS and mark[0] == "\\":
            return f'<mover accent="true">{self.group()}<mo>{ACCENTS[mark[1:]]}</mo></mover>'
        if mark in ("-", "+") and first:
            return f'<mo form="prefix">{_SIGNS.get(mark, mark)}</mo>'
        if mark[0] == "\\" and mark[1:] in GREEK:
            return f"<mi>{GREEK[mark[1:]]}</mi>"
        if mark in _SIGNS:
            return f"<mo>{escape(_SIGNS[mark])}</mo>"
        if mark[0] == "\\" and not mark[1:].isalpha():
            raise InputError(f"no sign of ours: {mark}")
        if mark[0] == "\\":  # \log, \arctan
            return f"<mi>{mark[1:]}</mi>"
        if mark[0].isdigit():
            return f"<mn>{mark}</mn>"
        return f"<mi>{mark}</mi>" if mark.isalpha() else f"<mo>{escape(mark)}</mo>"

    def word(self) -> str:
        """The letters of a group."""
        self.take()
        letters = ""
        while self.peek() != "}":
            mark = self.take()
            letters += GREEK.get(mark[1:], _SIGNS.get(mark, mark.lstrip("\\")))
        self.take()
        return letters

    def font(self, mark: str) -> str:
        if mark in ("\\mathbf", "\\boldsymbol"):
            return identifier(self.word(), bold=True)
        return f'<mi mathvariant="normal">{escape(self.word())}</mi>'

    def grid(self, kind: str) -> str:
        rows: list[list[str]] = [[]]
        while True:
            rows[-1].append(self.row())
            mark = self.take()
            if mark.startswith("\\end"):
                break
            if mark == "\\\\":
                rows.append([])
        if kind != "cases":
            return matrix(rows)
        lines = "".join(
            f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in line)}</mtr>" for line in rows
        )
        return row(f'<mo>{{</mo><mtable class="lines">{lines}</mtable>')
