"""Markdown and formulas the way Jupyter shows them.

Jupyter takes formulas out of a cell before it reads the Markdown, and looks for LaTeX commands even
behind a backslash. So what is plain text is written with character references, not backslashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from symback.graph import Shape
from symback.render.document import Equations, Formula, Row
from symback.render.equations import Line, lines_of
from symback.tensor import show_size

APPROX = r"\approx "
WIDTH = 52.0  # em, of a displayed formula

_MARKS = frozenset(r"\`*_{}[]()#+!|~$<>&")
_LINE = re.compile(r"\s*[\r\n\u2028\u2029\x0b\x0c]+\s*")
_ANGLE = re.compile(r"([<>])\s*")
_AT_START = re.compile(r"^([0-9]*)([-=.])")  # what would begin a list or underline a heading


def escaped(text: str) -> str:
    r"""Any text as Markdown that shows it as it is, on one line.

    >>> escaped("<b>$x_1$</b>"), escaped("1. a")
    ('&#60;b&#62;&#36;x&#95;1&#36;&#60;/b&#62;', '1&#46; a')
    """
    plain = _LINE.sub(" ", text.strip())
    shown = "".join(_reference(char) if char in _MARKS else char for char in plain)
    kept = "".join(char for char in shown if char.isprintable())
    return _AT_START.sub(lambda match: match[1] + _reference(match[2]), kept)


def _reference(char: str) -> str:
    return f"&#{ord(char)};"


def paragraphs(text: str) -> str:
    """A text of several lines; each line that starts with a dash is an item."""
    shown = []
    for line in text.strip().splitlines():
        plain = line.strip()
        item = plain.startswith(("- ", "* "))
        shown.append("- " + escaped(plain[2:]) if item else escaped(plain))
    return "\n".join(shown)


def code_span(text: str) -> str:
    """A name in Markdown's code type.

    >>> code_span("W1[1,1]"), code_span("a`b")
    ('`W1[1,1]`', "`a'b`")
    """
    plain = _LINE.sub(" ", text).replace("`", "'")
    return f"`{plain}`"


def shape_words(shape: Shape) -> str:
    """A shape in words, as Markdown.

    >>> shape_words(()), shape_words((3,)), shape_words((3, 2))
    ('a scalar', '3 entries', '3 × 2')
    """
    sizes = [escaped(show_size(size)) for size in shape]
    if not sizes:
        return "a scalar"
    if len(sizes) == 1:
        return f"{sizes[0]} entr{'y' if sizes[0] == '1' else 'ies'}"
    return " × ".join(sizes)


# --- formulas ----------------------------------------------------------------------------------


def inline(tex: str) -> str:
    """A formula in a line of text."""
    return f"${_without_angles(tex)}$"


def display(tex: str) -> str:
    """A formula on lines of its own."""
    return f"$$\n{_without_angles(tex)}\n$$"


def _without_angles(tex: str) -> str:
    """A formula without signs that Markdown could take for HTML."""
    return _ANGLE.sub(lambda match: r"\lt " if match[1] == "<" else r"\gt ", tex)


def equation(left: str, *rights: str, index_base: int = 0) -> str:
    r"""`left = right`, then `= right` for the others, in LaTeX broken into lines that fit.

    A right side that begins with `APPROX` is a rounded number.

    >>> equation("z", "a + b", "a + b")
    'z = a + b'
    """
    return equations([(left, rights)], index_base=index_base)


def equations(rows: Sequence[tuple[str, Sequence[str]]], *, index_base: int = 0) -> str:
    """Equations below each other, level at their signs; see :func:`equation`."""
    written = []
    for left, rights in rows:
        name: Formula | None = Formula.of(left)
        for right in dict.fromkeys(rights):
            sign = APPROX if right.startswith(APPROX) else "="
            written.append(Row(name, sign, Formula.of(right.removeprefix(APPROX))))
            name = None
    lines = lines_of(Equations(tuple(written), index_base), WIDTH)
    if len(lines) == 1:
        (line,) = lines
        return f"{line.left.tex} {line.sign} {line.right.tex}"
    return "\n".join([r"\begin{aligned}", *_aligned(lines), r"\end{aligned}"])


def _aligned(lines: Sequence[Line]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        end = r" \\" if number < len(lines) else ""
        if line.goes_on:
            yield rf"&\quad {line.right.tex}{end}"
        elif line.sign:
            yield f"{line.left.tex} &{line.sign} {line.right.tex}{end}"
        else:
            yield f"&{line.right.tex}{end}"
