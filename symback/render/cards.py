"""What stands on the cards of a drawing: rows of text and numbers, any of which can be hidden."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, Protocol, TypeAlias, get_args

from symback.drawing import Card, Drawing
from symback.errors import InputError, did_you_mean
from symback.graph import Shape
from symback.parse.parser import parse
from symback.phrase import Phrase
from symback.render.digits import DOTS, entries
from symback.render.formulas import wrapped
from symback.render.written import Speller
from symback.spell import pretty
from symback.tensor import show_size
from symback.values import Value

Part: TypeAlias = Literal["formula", "shape", "value", "adjoint", "adjoint-value"]
PARTS: tuple[Part, ...] = get_args(Part)

MAX_ROWS = 6  # of a matrix on a card
MAX_COLUMNS = 5
MAX_ENTRIES = 4  # of a vector
LINE = 44  # characters of a formula, about
LINES = 5  # of a formula
MAX_FORMULA = 60  # symbols, numbers and operations; a second form that is longer is left out


@dataclass(frozen=True)
class Equation:
    """`left = right`, where `left` may be missing; `written` is the right side as it was typed."""

    part: Part
    left: Phrase | None
    right: Phrase | None
    written: str | None = None


@dataclass(frozen=True)
class Shown:
    """A number; `cells` are the rows of what is shown of it, a scalar has one cell.

    Attributes:
        column: whether it is a vector, whose cells stand in one row to save room.
    """

    part: Part
    cells: tuple[tuple[str, ...], ...]
    column: bool
    scalar: bool


@dataclass(frozen=True)
class Words:
    """Some words."""

    part: Part
    text: str


Row: TypeAlias = Equation | Shown | Words


class Spelling(Protocol):
    """How phrases are spelled: :func:`symback.spell.pretty` or :func:`symback.spell.text`."""

    def __call__(self, phrase: Phrase, /, *, output: str, index_base: int) -> str: ...


def checked_parts(hide: Collection[str]) -> frozenset[str]:
    """The parts to hide.

    Raises:
        InputError: for a part that there is not.
    """
    for part in hide:
        if part not in PARTS:
            raise InputError(
                f"a card has no part '{part}'",
                hint=did_you_mean(part, PARTS) or f"the parts are: {', '.join(PARTS)}",
            )
    return frozenset(hide)


def rows(card: Card, hidden: Collection[str] = ()) -> list[Row]:
    """The rows of a card, the name with its formula first."""
    found: list[Row] = []
    formulas = () if "formula" in hidden else card.formulas
    first = formulas[0] if formulas else None
    found.append(Equation("formula", card.symbol, first, card.written))
    found += [Equation("formula", None, other) for other in formulas[1:] if _is_short(other)]
    size = shape_text(card.shape)
    if "shape" not in hidden and not card.again and size:
        found.append(Words("shape", size))
    if "value" not in hidden and card.value is not None:
        found.append(shown("value", card.value))
    if card.adjoint is not None and "adjoint" not in hidden:
        found.append(Equation("adjoint", card.adjoint, card.adjoint_formula))
    below = None if card.adjoint is None or "adjoint-value" in hidden else card.adjoint_value
    if below is not None:
        found.append(shown("adjoint-value", below))
    return found


def shape_text(shape: Shape) -> str:
    """A shape, nothing for one number; a vector is a column.

    >>> shape_text((3,)), shape_text((2, 3)), shape_text(())
    ('3×1', '2×3', '')
    """
    if all(size == 1 for size in shape):
        return ""
    rows, *columns = map(show_size, shape)
    return "×".join([rows, *(columns or ["1"])])


def _is_short(phrase: Phrase) -> bool:
    return phrase.length <= MAX_FORMULA


def shown(part: Part, value: Value) -> Shown:
    """What is shown of a number; large arrays are shortened."""
    cells, shape = entries(value), value.shape
    if not shape:
        return Shown(part, ((cells[0],),), column=False, scalar=True)
    if len(shape) == 1:
        return Shown(part, (tuple(_kept(cells, MAX_ENTRIES)),), column=True, scalar=False)
    if len(shape) > 2:  # its first matrix, and that there are more
        size = prod(shape[-2:])
        table = _table(cells[:size], shape[-1])
        return Shown(part, (*table, (DOTS,)), column=False, scalar=False)
    return Shown(part, _table(cells, shape[1]), column=False, scalar=False)


def _table(cells: Sequence[str], columns: int) -> tuple[tuple[str, ...], ...]:
    lines = [cells[at : at + columns] for at in range(0, len(cells), columns)]
    kept = [tuple(_kept(line, MAX_COLUMNS)) for line in lines]
    if len(kept) <= MAX_ROWS:
        return tuple(kept)
    half = (MAX_ROWS - 1) // 2
    return (*kept[: half + 1], tuple(DOTS for _ in kept[0]), *kept[-half:])


def _kept(cells: Sequence[str], most: int) -> list[str]:
    if len(cells) <= most:
        return list(cells)
    half = (most - 1) // 2
    return [*cells[: most - 1 - half], DOTS, *cells[-half:]]


def spoken(drawing: Drawing, card: Card) -> str:
    """A card in words: what it is, its formula, its shape, its number, its adjoint."""
    parts = []
    for row in rows(card):
        words = " ".join(row_lines(drawing, row))
        if isinstance(row, Words):
            words = f"shape {words}"
        elif isinstance(row, Shown):
            words = f"{'value' if row.part == 'value' else 'which is'} {words}"
        parts.append(words)
    return f"{card.kind} {'; '.join(parts)}"


def row_lines(drawing: Drawing, row: Row, spelling: Spelling = pretty) -> list[str]:
    """A row as lines of text; a matrix has a line for each of its rows."""
    if isinstance(row, Words):
        return [row.text]
    if isinstance(row, Shown):
        if row.scalar or row.column:
            return [plain(row)]
        return [f"[{', '.join(cells)}]" for cells in row.cells]
    return equation_lines(drawing, row, spelling)


def equation_lines(drawing: Drawing, row: Equation, spelling: Spelling = pretty) -> list[str]:
    """An equation in lines that are not too long, shortened where there would be many."""

    def spell(phrase: Phrase) -> str:
        return spelling(phrase, output=drawing.output, index_base=drawing.index_base)

    left = "" if row.left is None else spell(row.left)
    if row.right is None:
        return [left]
    right = spell(row.right)
    if row.written is not None:
        speller = Speller(ascii_only=spelling is not pretty, is_column=drawing.is_column)
        right = speller(parse(row.written))
    parts = wrapped(f"{left} = {right}".strip(), LINE)
    if len(parts) > LINES:
        parts = [*parts[: LINES - 1], DOTS]
    return [part if len(part) <= LINE + 12 else part[: LINE + 11] + DOTS for part in parts]


def name_of(drawing: Drawing, row: Equation) -> str:
    """The left side of an equation, as its first line begins."""
    if row.left is None:
        return ""
    return pretty(row.left, output=drawing.output, index_base=drawing.index_base)


def plain(row: Shown) -> str:
    """A number in one line."""
    if row.scalar:
        return row.cells[0][0]
    lines = [f"({', '.join(cells)})" for cells in row.cells]
    return lines[0] if row.column else f"[{', '.join(lines)}]"
