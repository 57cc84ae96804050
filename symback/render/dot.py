"""A drawing in Graphviz's language, DOT. Cards are tables, so that nothing has to be measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.render.cards import Row, Shown, checked_parts, row_lines, rows
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
    for card in drawing.cards:
        lines.append(f"  {keys[card.key]} [label=<{_table(drawing, card, hidden)}>];")
    for a in drawing.arrows:
        lines.append(f"  {keys[a.tail]} -> {keys[a.head]} [{_ARROWS[a.kind]}];")
    for card in drawing.cards:  # an adjoint beside its node
        if card.kind == "gradient" and card.name in keys:
            lines.append(f"  {{ rank=same; {keys[card.name]}; {keys[card.key]}; }}")
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
        yield _coloured(_matrix(row), adjoint, table=True)
        return
    for number, line in enumerate(row_lines(drawing, row)):
        text = xml(line)
        if row.part == "formula" and not number and getattr(row, "left", None) is not None:
            text = f"<b>{text}</b>"
        elif row.part != "formula" and not row.part.startswith("adjoint"):
            text = f'<font point-size="10">{text}</font>'
        yield _coloured(text, adjoint)


def _coloured(text: str, adjoint: bool, *, table: bool = False) -> str:
    if not adjoint or table:
        return text
    return f'<font color="{_GRADIENT}">{text}</font>'


def _matrix(row: Shown) -> str:
    lines = "".join(
        "<tr>" + "".join(f'<td align="right">{xml(cell)}</td>' for cell in cells) + "</tr>"
        for cells in row.cells
    )
    colour = f' color="{_GRADIENT}"' if row.part.startswith("adjoint") else ""
    return (
        f'<table border="1" sides="LR" cellborder="0" cellspacing="0" cellpadding="1"{colour}>'
        f"{lines}</table>"
    )
