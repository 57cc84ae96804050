"""Equations laid out: broken into lines that fit, matrices of long entries taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from symback.render.document import Equations, Flow, Formula, Row
from symback.spell.breaking import broken
from symback.spell.mathtree import Grid, Scripts, fenced, math_tree, scripted

SIGN = 1.4  # em, for a sign and the spaces around it
INDENT = 1.0  # of a line that goes on
GAP = 2.0  # between formulas that stand beside each other
MAX_LEFT = 0.4  # of the width, for left sides


@dataclass(frozen=True)
class Line:
    """One line of a display.

    Attributes:
        left: the left side, often empty.
        sign: "=", an approximate sign, or "".
        right: what stands behind the sign.
        goes_on: whether this goes on with the line above.
        scale: 1, or less for what cannot be broken and has to be made smaller.
    """

    left: Formula
    sign: str
    right: Formula
    goes_on: bool = False
    scale: float = 1.0


NOTHING = Formula(())


def lines_of(equations: Equations, width: float) -> list[Line]:
    """The lines of a display no wider than `width` em."""
    rows = list(_without_wide_matrices(equations, width))
    longest = max((row.left.width for row in rows if row.left is not None), default=0.0)
    if longest > MAX_LEFT * width:
        rows = [part for row in rows for part in _left_above(row, MAX_LEFT * width)]
        longest = max((row.left.width for row in rows if row.left is not None), default=0.0)
    room = width - longest - SIGN
    return [line for row in _joined(rows, room) for line in _lines(row, room)]


def _joined(rows: Iterable[Row], room: float) -> Iterator[Row]:
    """What goes on with `= ...` stands in one line as long as it fits."""
    last: Row | None = None
    for row in rows:
        if last is not None and row.left is None and row.sign:
            right = Formula((*last.right.nodes, *math_tree(row.sign), *row.right.nodes))
            if right.width <= room:
                last = Row(last.left, last.sign, right)
                continue
        if last is not None:
            yield last
        last = row
    if last is not None:
        yield last


def _lines(row: Row, room: float) -> Iterator[Line]:
    first = room if row.sign else room + SIGN
    for number, nodes in enumerate(broken(row.right.nodes, first, room - INDENT)):
        right = Formula(nodes)
        fits = first if not number else room - INDENT
        scale = min(1.0, fits / right.width) if right.width else 1.0
        if number:
            yield Line(NOTHING, "", right, goes_on=True, scale=scale)
        else:
            yield Line(row.left or NOTHING, row.sign, right, scale=scale)


def _left_above(row: Row, room: float) -> Iterator[Row]:
    """A left side that is too wide stands on a line of its own."""
    if row.left is None or row.left.width <= room:
        yield row
    else:
        yield Row(None, "", row.left)
        yield Row(None, row.sign, row.right)


def _without_wide_matrices(equations: Equations, width: float) -> Iterator[Row]:
    """A matrix that is too wide is written entry by entry; what follows names its left side."""
    name: Formula | None = None
    apart = False
    for row in equations.rows:
        if row.left is not None:
            name, apart = row.left, False
        room = width - SIGN - (name.width if name is not None else 0)
        entries = _entries(row.right, equations.index_base)
        if name is not None and entries and row.right.width > room:
            for index, entry in entries:
                yield Row(_entry_of(name, index), row.sign, entry)
            apart = True
        elif apart and row.left is None:
            yield Row(name, row.sign, row.right)
            apart = False
        else:
            yield row


def _entries(formula: Formula, base: int) -> list[tuple[str, Formula]]:
    """The entries of an explicit matrix, with their indices; none for anything else."""
    if len(formula.nodes) != 1 or not isinstance(formula.nodes[0], Grid):
        return []
    rows = formula.nodes[0].rows
    if not formula.nodes[0].tex.startswith(r"\begin{bmatrix}"):
        return []
    column = all(len(row) == 1 for row in rows)
    return [
        (str(i) if column else f"{i},{j}", Formula(cell))
        for i, row in enumerate(rows, start=base)
        for j, cell in enumerate(row, start=base)
    ]


def _entry_of(name: Formula, index: str) -> Formula:
    whole = fenced("(", name.nodes, ")")
    return Formula((scripted(whole, Scripts(math_tree(index), (), 0)),))


def flowing(flow: Flow, width: float) -> list[list[Formula]]:
    """The formulas in rows no wider than `width` em, as far as that can be had."""
    rows: list[list[Formula]] = []
    used = 0.0
    for formula in flow.formulas:
        if rows and used + GAP + formula.width <= width:
            rows[-1].append(formula)
            used += GAP + formula.width
        else:
            rows.append([formula])
            used = formula.width
    return rows
