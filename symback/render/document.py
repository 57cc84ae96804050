"""A write-up before it has a format: headings, prose with formulas in it, displayed equations.

:mod:`.writeup` puts one together from a story; :mod:`.latex`, :mod:`.typst` and :mod:`.markdown`
print it. Prose is plain text, which every printer escapes; formulas are trees
(:mod:`symback.spell.mathtree`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from symback.spell.mathtree import Node, math_tree, tex_of, typst_of, widths_of


@dataclass(frozen=True)
class Formula:
    """A formula; `nodes` may be broken into lines."""

    nodes: tuple[Node, ...]

    @classmethod
    def of(cls, tex: str) -> Formula:
        """From LaTeX.

        Raises:
            InputError: for what is not mathematics.
        """
        return cls(math_tree(tex))

    @cached_property
    def tex(self) -> str:
        return tex_of(self.nodes)

    @cached_property
    def typst(self) -> str:
        return typst_of(self.nodes)

    @cached_property
    def width(self) -> float:
        """In em, as a display."""
        return widths_of(self.nodes)[0]


Inline: TypeAlias = str | Formula


@dataclass(frozen=True)
class Heading:
    """A heading of a section (level 1) or of a step in it (level 2)."""

    parts: tuple[Inline, ...]
    level: Literal[1, 2] = 1


@dataclass(frozen=True)
class Prose:
    """A paragraph, an item of a list, or a remark beside the work."""

    parts: tuple[Inline, ...]
    kind: Literal["text", "item", "remark"] = "text"


@dataclass(frozen=True)
class Row:
    """`left = right`, or `= right` below it where there is no left side.

    Attributes:
        sign: "=" or, for rounded numbers, an approximate sign, in LaTeX; "" for a formula alone.
    """

    left: Formula | None
    sign: str
    right: Formula


@dataclass(frozen=True)
class Equations:
    """Equations below each other, level at their signs; entries count from `index_base`."""

    rows: tuple[Row, ...]
    index_base: int = 0


@dataclass(frozen=True)
class Flow:
    """Short equations beside each other, in as many lines as they need."""

    formulas: tuple[Formula, ...]


@dataclass(frozen=True)
class Graph:
    """Where the picture of the computation graph stands."""


Block: TypeAlias = Heading | Prose | Equations | Flow | Graph


@dataclass(frozen=True)
class Document:
    """A write-up."""

    title: str
    source: str
    blocks: tuple[Block, ...]
