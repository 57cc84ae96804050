"""A derivation as Markdown the way GitHub reads it: formulas in LaTeX, the graph in Mermaid.

Displayed formulas stand in fences (```` ```math ````), where Markdown changes nothing in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from symback.derivation import Derivation
from symback.render.document import (
    Block,
    Document,
    Equations,
    Flow,
    Formula,
    Graph,
    Heading,
    Inline,
    Prose,
)
from symback.render.equations import Line, flowing, lines_of
from symback.render.mermaid import to_mermaid
from symback.render.writeup import Style, write_up

WIDTH = 46.0  # em, of a displayed line
HIDDEN = ("shape", "adjoint", "adjoint-value")

_MARKUP = re.compile(r"([\\`*_\[\]#|~$!])")
_AT_START = re.compile(r"^([0-9]*)([-+=.)])")  # what would begin a list or underline a heading
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Markdown takes a backslash before a sign away, so that a formula in a line has none.
_SPACES = {r"\,": r"\thinspace ", r"\;": r"\thickspace ", r"\:": r"\medspace ", r"\!": ""}


def to_markdown(derivation: Derivation, style: Style | None = None) -> str:
    """The worked solution in Markdown.

    Args:
        style: numbers, digits, notation, one entry only; its width is set here.

    Raises:
        InputError: as :func:`symback.render.latex.to_latex`.
    """
    style = replace(style or Style(), width=WIDTH)
    document = write_up(derivation, style)
    return "\n".join(_Printer(derivation).printed(document)) + "\n"


def escaped(text: str) -> str:
    r"""Text as Markdown shows it.

    >>> print(escaped("1. <b> *no* $x$"))
    1\. &lt;b&gt; \*no\* \$x\$
    """
    spaced = _AT_START.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", " ".join(text.split())))
    return "".join(_HTML.get(char, char) for char in spaced)


def words(text: str) -> str:
    """Text of our own, in which only what would be read as markup is escaped."""
    return re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", text).replace("<", "&lt;").replace(">", "&gt;")


class _Printer:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation

    def printed(self, document: Document) -> Iterator[str]:
        if document.title:
            yield f"# {escaped(document.title)}"
        if document.source:
            yield f"\n{escaped(document.source)}"
        previous: list[Block | None] = [None, *document.blocks]
        for before, block in pairwise(previous):
            assert block is not None
            if isinstance(before, Heading) and before.level == 2 and isinstance(block, Prose):
                continue
            yield "\n" + self._block(block, document.blocks)

    def _block(self, block: Block, blocks: Sequence[Block]) -> str:
        match block:
            case Heading(parts=parts, level=1):
                return f"## {_inline(parts)}"
            case Heading(parts=parts):
                after = blocks[_place(blocks, block) + 1 :][:1]
                words = [_inline(one.parts) for one in after if isinstance(one, Prose)]
                return " ".join([f"**{_inline(parts)}**", *words])
            case Prose(parts=parts, kind="item"):
                return f"- {_inline(parts)}"
            case Prose(parts=parts, kind="remark"):
                return f"*{_inline(parts).strip()}*" if _is_plain(parts) else _inline(parts)
            case Prose(parts=parts):
                return _inline(parts)
            case Equations():
                return _display("aligned", map(_line, lines_of(block, WIDTH)))
            case Flow():
                rows = flowing(block, WIDTH)
                return _display("gathered", (r" \qquad ".join(f.tex for f in row) for row in rows))
            case Graph():
                picture = to_mermaid(self.derivation, hide=HIDDEN).rstrip()
                return f"## Computation graph\n\n```mermaid\n{picture}\n```"


def _place(blocks: Sequence[Block], block: Block) -> int:
    return next(k for k, own in enumerate(blocks) if own is block)


def _is_plain(parts: Sequence[Inline]) -> bool:
    return all(isinstance(part, str) for part in parts)


def _display(environment: str, lines: Iterator[str]) -> str:
    body = " \\\\\n".join(lines)
    return f"```math\n\\begin{{{environment}}}\n{body}\n\\end{{{environment}}}\n```"


def _line(line: Line) -> str:
    right = line.right.tex
    if line.goes_on:
        return rf"&\quad {right}"
    return f"{line.left.tex} &{line.sign} {right}" if line.sign else f"&{right}"


def _inline(parts: Sequence[Inline]) -> str:
    return "".join(
        f"${_flat(part.tex)}$" if isinstance(part, Formula) else words(part) for part in parts
    )


def _flat(tex: str) -> str:
    """A formula in a line, without the commands that Markdown would take for escapes."""
    for command, named in _SPACES.items():
        tex = tex.replace(command, named)
    return tex.replace("<", r"\lt ").replace(">", r"\gt ").strip()
