"""A drawing in Graphviz's language, DOT. Cards are tables, so that nothing has to be measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.render.cards import (
    Equation,
    Row,
    Shown,
    checked_parts,
    name_of,
    row_lines,
    rows,
)
from symback.render.svg import xml

_CARDS = {
    "given": 'color="#5b6875" bgcolor="#eef3f8" style="rounded"',
    "node": 'color="#1f4e79" bgcolor="#ffffff"',
    "output": 'color="#1f4e79" bgcolor="#ffffff" border="2"',
    "gradient": 'color="#b45309" bgcolor="#fff6ea" style="dashed"',
}
_ARROWS = {
    "forward": 'color="#1f4e79", arrowhead=normal',
    "gradient": 'color="#b45309", style=dashed, arrowhead=odiamond, constraint=false',
    "use": 'color="#b45309", style=dotted, arrowhead=dot, arrowsize=0.6, constraint=false',
}
_GRADIENT = "#b45309"


def to_dot(
    what: Derivation | Drawing,
    *,
    backward: bool = False,
    fold: bool = False,
    hide: Collection[str] = (),
) -> str:
    """The picture in DOT.

    Args:
        backward, fold: what to draw of a derivation, as for :func:`symback.drawing.draw`.
        hide: parts of cards, of "formula", "shape", "value", "adjoint", "adjoint-value".
    """
    drawing = draw(what, backward=backward, fold=fold) if isinstance(what, Derivation) else what
    hidden = checked_parts(hide)
    keys = {card.key: f"n{number}" for number, card in enumerate(drawing.cards)}
    lines = [
        "digraph symback {",
        f"  label=<{xml(drawing.title)}>; labelloc=t; rankdir=TB; ranksep=0.6; nodesep=0.35;",
        '  node [shape=plain, fontname="DejaVu Serif", fontsize=11];',
        '  graph [fontname="DejaVu Serif"]; edge [arrowsize=0.8];',
    ]
    lines += (
        f"  {keys[card.key]} [label=<{_table(drawing, card, hidden)}>];" for card in drawing.cards
    )
    lines += (f"  {keys[a.tail]} -> {keys[a.head]} [{_ARROWS[a.kind]}];" for a in drawing.arrows)
    lines += (  # an adjoint beside its node
        f"  {{ rank=same; {keys[card.name]}; {keys[card.key]}; }}"
        for card in drawing.cards
        if card.kind == "gradient" and card.name in keys
    )
    return "\n".join([*lines, "}"]) + "\n"


def _table(drawing: Drawing, card: Card, hidden: Collection[str]) -> str:
    cells = [cell for row in rows(card, hidden) for cell in _cells(drawing, card, row)]
    body = "".join(f"<tr><td>{cell}</td></tr>" for cell in cells)
    around = _CARDS[card.kind]
    border = "" if "border=" in around else ' border="1"'
    return f'<table cellborder="0" cellspacing="0" cellpadding="2"{border} {around}>{body}</table>'


def _cells(drawing: Drawing, card: Card, row: Row) -> Iterator[str]:
    adjoint = row.part.startswith("adjoint") or card.kind == "gradient"
    if isinstance(row, Shown) and not (row.scalar or row.column):
        yield _matrix(row, adjoint)
        return
    for number, line in enumerate(row_lines(drawing, row)):
        if isinstance(row, Equation):
            name = "" if number or row.part == "adjoint" else name_of(drawing, row)
            text = f"<b>{xml(name)}</b>{xml(line[len(name) :])}" if name else xml(line)
        else:
            text = f'<font point-size="10">{xml(line)}</font>'
        yield f'<font color="{_GRADIENT}">{text}</font>' if adjoint else text


def _matrix(row: Shown, adjoint: bool) -> str:
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td align="right"><font point-size="10"{_colour(adjoint)}>{xml(cell)}</font></td>'
            for cell in cells
        )
        + "</tr>"
        for cells in row.cells
    )
    return (
        f'<table border="1" sides="LR" cellborder="0" cellspacing="0" cellpadding="1"'
        f"{_colour(adjoint)}>{lines}</table>"
    )


def _colour(adjoint: bool) -> str:
    return f' color="{_GRADIENT}"' if adjoint else ""
