"""A drawing in Mermaid, which GitHub and many editors draw inside Markdown."""

from __future__ import annotations

from collections.abc import Collection

from symback.derivation import Derivation
from symback.drawing import Card, Drawing, draw
from symback.render.cards import checked_parts, row_lines, rows

#: What stands around a card's text: given round, node square, output doubled, adjoint six-sided.
_SHAPES = {
    "given": ('(["', '"])'),
    "node": ('["', '"]'),
    "output": ('[["', '"]]'),
    "gradient": ('{{"', '"}}'),
}
_ARROWS = {"forward": "-->", "gradient": "-.->", "use": "-.-o"}
_CLASSES = (
    "classDef given fill:#eef3f8,stroke:#5b6875,color:#16202b",
    "classDef node fill:#ffffff,stroke:#1f4e79,color:#16202b",
    "classDef output fill:#ffffff,stroke:#1f4e79,stroke-width:3px,color:#16202b",
    "classDef gradient fill:#fff6ea,stroke:#b45309,color:#8a4b00,stroke-dasharray:6 3",
)
_LINKS = {
    "forward": "stroke:#1f4e79",
    "gradient": "stroke:#b45309,stroke-width:2px,stroke-dasharray:7 4",
    "use": "stroke:#b45309,stroke-dasharray:2 4",
}


def to_mermaid(
    what: Derivation | Drawing,
    *,
    backward: bool = False,
    fold: bool = False,
    hide: Collection[str] = (),
) -> str:
    """The picture as a Mermaid flowchart.

    Args:
        backward, fold: what to draw of a derivation, as for :func:`symback.drawing.draw`.
        hide: parts of cards, of "formula", "shape", "value", "adjoint", "adjoint-value".
    """
    drawing = draw(what, backward=backward, fold=fold) if isinstance(what, Derivation) else what
    hidden = checked_parts(hide)
    keys = {card.key: f"n{number}" for number, card in enumerate(drawing.cards)}
    kinds = {card.kind for card in drawing.cards}
    lines = ["flowchart TB"]
    for card in drawing.cards:
        left, right = _SHAPES[card.kind]
        text = "<br/>".join(map(escaped, _text(drawing, card, hidden)))
        lines.append(f"  {keys[card.key]}{left}{text}{right}:::{card.kind}")
    lines += (f"  {keys[a.tail]} {_ARROWS[a.kind]} {keys[a.head]}" for a in drawing.arrows)
    for kind, style in _LINKS.items():
        its = [str(k) for k, arrow in enumerate(drawing.arrows) if arrow.kind == kind]
        if its:
            lines.append(f"  linkStyle {','.join(its)} {style}")
    lines += (f"  {line}" for line in _CLASSES if line.split()[1] in kinds)
    return "\n".join(lines) + "\n"


def _text(drawing: Drawing, card: Card, hidden: Collection[str]) -> list[str]:
    return [line for row in rows(card, hidden) for line in row_lines(drawing, row)]


def escaped(text: str) -> str:
    """Text inside quotes: what Mermaid, Markdown or HTML would read is spelled by its number.

    >>> escaped('a "b" <i>')
    'a #34;b#34; #60;i#62;'
    """
    return "".join(
        char if char.isalnum() or char in _PLAIN or ord(char) > _ASCII else f"#{ord(char)};"
        for char in text
        if char.isprintable()
    )


_PLAIN = " .,:/=+()-"
_ASCII = 126
