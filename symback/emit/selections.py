"""Selections inside products, as indices: x[2], x[1:4], W[[0, 5, 0]], a sliding window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symback.emit.pieces import Level, Piece, at, call, number, product, total
from symback.emit.products import Operand, Windows
from symback.graph import Shape, Size
from symback.sizes import fits, minus, plus, times


@dataclass(frozen=True)
class Selection:
    """An array of 0 and 1: row i of `columns` marks one column, or an affine condition holds.

    Attributes:
        array: the array, where it is written in a way of its own.
        labels: of its axes.
        sizes, known: of its axes, written, and as numbers where they are.
        relation, coefs, offset: sum(coefs*index) + offset stands in `relation` to 0.
    """

    array: Piece | None
    labels: tuple[int, ...]
    sizes: tuple[Piece, ...]
    known: tuple[int | None, ...]
    columns: tuple[int, ...] = ()
    relation: str = "=="
    coefs: tuple[Size, ...] = ()
    offset: Size = 0
    whole: Callable[[Size], Piece] = number  # type: ignore[assignment]
    shape: Shape = ()

    def materialised(self) -> Piece:
        """The array, from a comparison of index ranges."""
        if self.array is not None:
            return self.array
        unit = self._unit()
        if unit is not None:
            return unit
        sides: tuple[list[Piece], list[Piece]] = ([], [])
        for axis, (coef, size) in enumerate(zip(self.coefs, self.sizes, strict=True)):
            index = call("np.arange", size)
            if axis < len(self.sizes) - 1:
                rest = ", ".join(["None"] * (len(self.sizes) - 1 - axis))
                index = at(index, f":, {rest}")
            negative = isinstance(coef, int) and coef < 0
            factor = self.whole(-coef if isinstance(coef, int) and negative else coef)
            sides[negative].append(product([index] if factor.text == "1" else [factor, index]))
        if self.offset != 0:
            negative = isinstance(self.offset, int) and self.offset < 0
            sides[negative].append(self.whole(minus(self.offset) if negative else self.offset))
        left, right = (total(side).at_least(Level.SUM) if side else "0" for side in sides)
        return Piece(f"{left} {self.relation} {right}", Level.COMPARE, truth=True)

    def _unit(self) -> Piece | None:
        """A unit vector, or ones on a diagonal."""
        if self.relation != "==" or not isinstance(self.offset, int):
            return None
        if self.coefs in ((1,), (-1,)):
            index = -self.offset if self.coefs == (1,) else self.offset
            return at(call("np.eye", self.sizes[0]), str(index))
        if self.coefs in ((1, -1), (-1, 1)):
            shift = self.offset if self.coefs == (1, -1) else -self.offset
            square = self.shape[0] == self.shape[1] and not shift
            sizes = self.sizes[:1] if square else self.sizes
            return call("np.eye", *sizes, *([f"k={shift}"] if shift else []))
        return None

    # --- as an index ---------------------------------------------------------------------------

    def solved(self, axis: int) -> tuple[list[tuple[int, int]], Size] | None:
        """Where it is 1 along `axis`: pairs (other axis, coefficient) and an offset."""
        if self.relation != "==" or self.array is not None:
            return None
        if not all(isinstance(coef, int) for coef in self.coefs):
            return None
        coefs = [int(coef) for coef in self.coefs if isinstance(coef, int)]
        sign = -coefs[axis]
        if sign not in (1, -1):
            return None
        others = [(k, sign * coef) for k, coef in enumerate(coefs) if k != axis and coef]
        return others, self.offset if sign == 1 else minus(self.offset)

    def inside(self, axis: int, others: Sequence[tuple[int, int]], offset: Size) -> bool:
        """Whether the index along `axis` lies within it wherever the others are."""
        low, high = offset, offset
        for k, coef in others:
            reach = plus(self.shape[k], -1)
            for _ in range(abs(coef)):
                if coef > 0:
                    high = plus(high, reach)
                else:
                    low = plus(low, minus(reach))
        return fits(0, low) and fits(plus(high, 1), self.shape[axis])


def indexed(
    operands: Sequence[Operand],
    selections: Sequence[Selection],
    out: tuple[int, ...],
    helpers: set[str],
) -> list[Operand]:
    """Operands in whose indices the selections have gone, and arrays for those that could not."""
    current = list(operands)
    left = list(selections)
    progress = True
    while progress:
        progress = False
        for selection in left:
            others = [s for s in left if s is not selection]
            changed = _absorbed(selection, current, others, out, helpers)
            if changed is not None:
                current, left, progress = changed, others, True
                break
    return [*current, *(_written(s, helpers) for s in left)]


def _written(selection: Selection, helpers: set[str]) -> Operand:
    """A selection as an array; p = start + stride*i + a has a helper of its own."""
    labels, sizes = selection.labels, selection.sizes
    for axis in range(len(labels)) if len(labels) == 3 else ():
        solved = selection.solved(axis)
        if solved is None or len(solved[0]) != 2:
            continue
        (i, stride), (a, inner) = sorted(solved[0], key=lambda other: -other[1])
        if inner == 1 and stride >= 1:
            more = [str(stride)] if stride > 1 else []
            more += [f"start={selection.whole(solved[1]).text}"] if solved[1] != 0 else []
            helpers.add("placing")
            piece = call("placing", sizes[axis], sizes[i], sizes[a], *more)
            return Operand(piece, (labels[axis], labels[i], labels[a]))
    return Operand(selection.materialised(), labels)


def _absorbed(
    selection: Selection,
    operands: list[Operand],
    others: Sequence[Selection],
    out: tuple[int, ...],
    helpers: set[str],
) -> list[Operand] | None:
    if len(set(selection.labels)) < len(selection.labels):
        return None
    for axis, label in enumerate(selection.labels):
        users = [k for k, x in enumerate(operands) if label in x.labels]
        if label in out or not users or any(label in s.labels for s in others):
            continue
        changed = list(operands)
        for k in users:
            taken = (
                _reshaped(operands[k], selection, axis, single=len(users) == 1)
                or _taken(operands[k], selection, axis, helpers)
                or _padded(operands[k], selection, axis, single=len(users) == 1)
            )
            if taken is None:
                break
            changed[k] = taken
        else:
            return changed
    return None


def _taken(x: Operand, selection: Selection, axis: int, helpers: set[str]) -> Operand | None:
    """The operand with what is selected along `axis` of the selection."""
    label = selection.labels[axis]
    rest = [other for k, other in enumerate(selection.labels) if k != axis]
    if x.labels.count(label) > 1 or any(other in x.labels for other in rest):
        return None
    place = x.labels.index(label)
    before, after = x.labels[:place], x.labels[place + 1 :]
    if selection.columns:
        if axis != 1:
            return None
        listed = f"[{', '.join(map(str, selection.columns))}]"
        return _at(x, place, listed, (*before, *rest, *after))
    solved = selection.solved(axis)
    if solved is None or not selection.inside(axis, *solved):
        return None
    others, offset = solved
    start = selection.whole(offset)
    if not others:
        return _at(x, place, start.text, (*before, *after)) if not rest else None
    if len(others) == len(rest) == 1:
        ((k, coef),) = others
        labels = (*before, selection.labels[k], *after)
        return _at(x, place, _slice(selection, axis, k, coef, offset), labels)
    if len(others) == len(rest) == 2:
        return _window(x, place, selection, axis, others, offset, helpers)
    return None


def _at(x: Operand, place: int, index: str, labels: tuple[int, ...]) -> Operand:
    parts = [":"] * place + [index]
    return Operand(at(x.piece, ", ".join(parts)), labels, x.bottom)


def _slice(selection: Selection, axis: int, k: int, coef: int, offset: Size) -> str:
    """offset, offset + coef, ... : as many as axis `k` is long"""
    size, whole = selection.shape[k], selection.whole
    if coef == -1 and offset == plus(size, -1) and size == selection.shape[axis]:
        return "::-1"
    if coef < 0:
        steps = product([number(-coef), call("np.arange", selection.sizes[k])])
        return total([whole(offset), product([steps], coef=-1)]).text
    stop = offset
    for _ in range(coef):
        stop = plus(stop, size)
    if coef == 1:
        first = "" if offset == 0 else whole(offset).text
        last = "" if stop == selection.shape[axis] else whole(stop).text
        return f"{first}:{last}"
    last = whole(plus(stop, 1 - coef)).text
    return f"{'' if offset == 0 else whole(offset).text}:{last}:{coef}"


def _window(
    x: Operand,
    place: int,
    selection: Selection,
    axis: int,
    others: Sequence[tuple[int, int]],
    offset: Size,
    helpers: set[str],
) -> Operand | None:
    """index = i*stride + a: a sliding window as long as axis a, from every place i.

    The axis of a comes last.
    """
    (i, stride), (a, inner) = sorted(others, key=lambda other: -other[1])
    if inner != 1 or stride < 1:
        return None
    if stride == 1 and selection.shape[i] == selection.shape[a]:
        i, a = sorted((i, a))
    last = offset
    for _ in range(stride):
        last = plus(last, plus(selection.shape[i], -1))
    helpers.add("sliding_window_view")
    fits_all = offset == 0 and plus(last, selection.shape[a]) == selection.shape[axis]
    cut = ":"
    if not fits_all or stride > 1:
        first = "" if offset == 0 else selection.whole(offset).text
        step = f":{stride}" if stride > 1 else ""
        stop = "" if fits_all else selection.whole(plus(last, 1)).text
        cut = f"{first}:{stop}{step}"
    windows = x.windows or Windows(x.piece, (), (), (":",) * len(x.labels))
    cuts = list(windows.cuts)
    cuts[place] = cut
    windows = Windows(
        windows.base,
        (*windows.widths, selection.sizes[a].text),
        (*windows.axes, place),
        tuple(cuts),
    )
    before, after = x.labels[:place], x.labels[place + 1 :]
    labels = (*before, selection.labels[i], *after, selection.labels[a])
    return Operand(windows.piece, labels, x.bottom, windows=windows)


def _reshaped(x: Operand, selection: Selection, axis: int, *, single: bool) -> Operand | None:
    """index p = width*i + a over all i and a: a vector as a matrix, or a matrix as a vector."""
    if len(selection.labels) != 3 or x.bottom:
        return None
    for p in range(3):
        solved = selection.solved(p)
        if solved is None or len(solved[0]) != 2 or solved[1] != 0:
            continue
        (i, stride), (a, inner) = sorted(solved[0], key=lambda other: -other[1])
        width, shape = selection.shape[a], selection.shape
        if inner != 1 or stride != width or times(width, shape[i]) != shape[p]:
            continue
        rows, columns = selection.labels[i], selection.labels[a]
        if p == axis and x.labels == (selection.labels[p],):
            sizes = f"({selection.sizes[i].text}, {selection.sizes[a].text})"
            return Operand(call("np.reshape", x.piece, sizes), (rows, columns))
        if p != axis and single and set(x.labels) == {rows, columns}:
            straight = x.labels == (rows, columns)
            return Operand(
                call("np.ravel", x.piece if straight else x.transposed), (selection.labels[p],)
            )
    return None


def _padded(x: Operand, selection: Selection, axis: int, *, single: bool) -> Operand | None:
    """The operand set into zeros: result[i + offset] = x[i]."""
    if not single or x.bottom or len(selection.labels) != 2 or selection.array is not None:
        return None
    other = 1 - axis
    label, target = selection.labels[axis], selection.labels[other]
    if x.labels.count(label) > 1 or target in x.labels:
        return None
    solved = selection.solved(other)
    if solved is None or not selection.inside(other, *solved):
        return None
    others, offset = solved
    if others != [(axis, 1)]:
        return None
    behind = plus(selection.shape[other], minus(plus(offset, selection.shape[axis])))
    width = f"({selection.whole(offset).text}, {selection.whole(behind).text})"
    if len(x.labels) > 1:
        width = ", ".join(width if own == label else "(0, 0)" for own in x.labels)
        width = f"({width})"
    labels = tuple(target if own == label else own for own in x.labels)
    return Operand(call("np.pad", x.piece, width), labels)
