"""Products with index labels as NumPy code that a person would write.

A product is read as a network: factors with two labels are edges, factors with one label are
weights at a vertex. Where the network is a tree it becomes matrix products, sums and elementwise
products; what is no tree, or has a factor of three labels in a sum, becomes `np.einsum`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase

from symback.emit.pieces import Piece, at, call, matmul, product, transpose
from symback.errors import LimitError

LETTERS = ascii_lowercase[8:] + ascii_lowercase[:8] + ascii_uppercase  # i, j, k first


@dataclass(frozen=True)
class Operand:
    """An array with a label on each axis.

    Attributes:
        bottom: whether the product is divided by it.
        inverted: for an inverse, the matrix that it is the inverse of.
        flipped: gives the transpose of a matrix, where there is a better way than `.T`.
        factors: what the piece is the elementwise product of, if it is.
        windows: for sliding windows over a base: its pieces, so that windows can be joined.
    """

    piece: Piece
    labels: tuple[int, ...]
    bottom: bool = False
    inverted: Piece | None = None
    flipped: Callable[[], Piece] | None = None
    factors: tuple[Piece, ...] = ()
    windows: Windows | None = None

    @property
    def transposed(self) -> Piece:
        """A matrix, transposed."""
        plain = transpose(self.piece)
        if self.flipped is None or plain.text.count(".T") < self.piece.text.count(".T"):
            return plain
        other = self.flipped()
        return other if len(other.text) <= len(plain.text) else plain


@dataclass(frozen=True)
class Windows:
    """Windows over `base`: their widths and axes, and how the axes of their places are cut."""

    base: Piece
    widths: tuple[str, ...]
    axes: tuple[int, ...]
    cuts: tuple[str, ...]

    @property
    def piece(self) -> Piece:
        one = len(self.axes) == 1
        widths = self.widths[0] if one else f"({', '.join(self.widths)})"
        axes = str(self.axes[0]) if one else f"({', '.join(map(str, self.axes))})"
        windows = call("sliding_window_view", self.base, widths, f"axis={axes}")
        cuts = list(self.cuts)
        while cuts and cuts[-1] == ":":
            cuts.pop()
        return at(windows, ", ".join(cuts)) if cuts else windows


@dataclass(frozen=True)
class Product:
    """What is to be written: operands, labels of the result (none repeated), sizes as text."""

    operands: tuple[Operand, ...]
    out: tuple[int, ...]
    coef: Fraction
    sizes: Sequence[str]

    def piece(self, *, spread: bool) -> Piece:
        """The expression. With `spread` it has the whole shape; else it broadcasts to it."""
        scalars = [x for x in self.operands if not x.labels]
        tensors = [x for x in self.operands if x.labels]
        parts = [*scalars, *self._contracted(tensors)]
        return self._elementwise(parts, spread=spread)

    # --- elementwise ---------------------------------------------------------------------------

    def _elementwise(self, parts: Sequence[Operand], *, spread: bool) -> Piece:
        """Operands whose labels are all in the result, multiplied."""
        carried = {label for x in parts for label in x.labels}
        missing = [label for label in self.out if label not in carried]
        scalars = [x for x in parts if not x.labels]
        tensors = [x for x in parts if x.labels]
        narrow = [x for x in tensors if len(x.labels) < len(self.out)]
        if len(narrow) > 1:
            tensors = [x for x in tensors if x not in narrow] + _grouped(narrow)
        if len(self.out) == 2 and len(tensors) == 2 and not missing:
            first, second = sorted(tensors, key=lambda x: self.out.index(x.labels[0]))
            apart = len(first.labels) == len(second.labels) == 1
            if apart and not first.bottom and not second.bottom:
                tensors = [Operand(call("np.outer", first.piece, second.piece), self.out)]
        pieces = [(self._aligned(x), x.bottom) for x in (*scalars, *tensors)]
        result = _multiplied(pieces, self.coef)
        if not missing or not spread:
            return result
        shape = _tuple(self.sizes[label] for label in self.out)
        if not tensors:
            return call("np.ones", shape) if result.text == "1" else call("np.full", shape, result)
        return call("np.broadcast_to", result, shape)

    def _aligned(self, x: Operand) -> Piece:
        """The operand with axes that broadcast against the result."""
        if not x.labels:
            return x.piece
        own = tuple(label for label in self.out if label in x.labels)
        piece = _transposed(x, own)
        rest = self.out[self.out.index(own[0]) :]
        if rest == own:
            return piece
        return at(piece, ", ".join(":" if label in own else "None" for label in rest))

    # --- sums ----------------------------------------------------------------------------------

    def _contracted(self, tensors: Sequence[Operand]) -> list[Operand]:
        """Operands without summed labels: what has some is summed, group by group."""
        ready = [x for x in tensors if set(x.labels) <= set(self.out) and _plain(x)]
        rest = [x for x in tensors if x not in ready]
        return [*ready, *map(self._sum, _components(rest, frozenset(self.out)))]

    def _sum(self, part: Sequence[Operand]) -> Operand:
        kept = tuple(x for x in self.out if any(x in y.labels for y in part))
        groups = [_over_one(x) for x in _grouped(part)]
        if all(_plain(x) and len(x.labels) <= 2 for x in groups):
            tree = _Tree(groups, kept)
            if tree.is_tree:
                return tree.operand()
        if len(groups) == 1 and _plain(groups[0]):
            return _sum_over(groups[0], kept)
        return _einsum([_over_one(x) for x in _grouped(part, joined=False)], kept)


def _multiplied(pieces: Iterable[tuple[Piece, bool]], coef: Fraction) -> Piece:
    listed = list(pieces)
    top = [piece for piece, bottom in listed if not bottom]
    return product(top, [piece.solid for piece, bottom in listed if bottom], coef)


def _tuple(texts: Iterable[str]) -> str:
    listed = list(texts)
    return listed[0] if len(listed) == 1 else f"({', '.join(listed)})"


def _plain(x: Operand) -> bool:
    return len(set(x.labels)) == len(x.labels)


def _transposed(x: Operand, labels: tuple[int, ...]) -> Piece:
    """The operand with its axes in the order of `labels`."""
    if x.labels == labels:
        return x.piece
    if len(labels) == 2:
        return x.transposed
    return call("np.transpose", x.piece, _tuple(str(x.labels.index(label)) for label in labels))


def _components(tensors: Sequence[Operand], kept: frozenset[int]) -> list[list[Operand]]:
    """Groups that share no label but those in `kept`."""
    groups: list[tuple[set[int], list[int]]] = []
    for place, x in enumerate(tensors):
        own = set(x.labels) - kept
        touching = [group for group in groups if group[0] & own]
        labels = own.union(*(group[0] for group in touching))
        places = sorted([place, *(p for group in touching for p in group[1])])
        groups = [group for group in groups if group not in touching]
        groups.append((labels, places))
    groups.sort(key=lambda group: group[1])
    return [[tensors[place] for place in places] for _, places in groups]


def _grouped(part: Sequence[Operand], *, joined: bool = True) -> list[Operand]:
    """Operands with the same labels as one; with `joined` False only what divides is joined."""
    groups: dict[object, list[Operand]] = {}
    for place, x in enumerate(part):
        alone = not joined and not x.bottom and not any(y.bottom for y in part)
        key = (place,) if alone or not _plain(x) else frozenset(x.labels)
        groups.setdefault(key, []).append(x)
    result = []
    for same in groups.values():
        first = same[0]
        if len(same) == 1 and (joined or not first.bottom):
            result.append(first)
            continue
        pieces = [(_transposed(x, first.labels), x.bottom) for x in same]
        if all(x.bottom for x in same) and joined:
            whole = product([piece for piece, _ in pieces])
            result.append(Operand(whole, first.labels, bottom=True))
            continue
        factors = () if any(x.bottom for x in same) else tuple(piece for piece, _ in pieces)
        whole = _multiplied(pieces, Fraction(1))
        result.append(Operand(whole, first.labels, factors=factors))
    return result


def _over_one(x: Operand) -> Operand:
    """What divides as a factor: 1 / x."""
    return Operand(product([], [x.piece]), x.labels) if x.bottom else x


def _sum_over(x: Operand, kept: tuple[int, ...]) -> Operand:
    """The operand summed over every label but `kept`."""
    own = tuple(label for label in x.labels if label in kept)
    axes = [axis for axis, label in enumerate(x.labels) if label not in kept]
    if len(axes) == len(x.labels):
        return Operand(call("np.sum", x.piece), ())
    return Operand(call("np.sum", x.piece, f"axis={_tuple(map(str, axes))}"), own)


def _einsum(part: Sequence[Operand], kept: tuple[int, ...]) -> Operand:
    letters: dict[int, str] = {}
    for label in (*kept, *(label for x in part for label in x.labels)):
        letters.setdefault(label, LETTERS[len(letters) % len(LETTERS)])
    if len(letters) > len(LETTERS):
        raise LimitError(f"a product over {len(letters)} indices is too large for np.einsum")
    inputs = ",".join("".join(letters[label] for label in x.labels) for x in part)
    result = "".join(letters[label] for label in kept)
    return Operand(call("np.einsum", f'"{inputs}->{result}"', *(x.piece for x in part)), kept)


class _Tree:
    """A connected group of matrices (edges) and vectors (weights), and at most two kept labels."""

    def __init__(self, groups: Sequence[Operand], kept: tuple[int, ...]) -> None:
        self.kept = kept
        self.edges = [x for x in groups if len(x.labels) == 2]
        self.weights = {x.labels[0]: x for x in groups if len(x.labels) == 1}
        self.vertices = list(dict.fromkeys(label for x in groups for label in x.labels))

    @property
    def is_tree(self) -> bool:
        return len(self.edges) == len(self.vertices) - 1 and len(self.kept) <= 2

    def operand(self) -> Operand:
        if len(self.kept) == 2:
            return self._chain(self._path(*self.kept))
        if self.kept:
            value = self._value(self.kept[0], ())
            assert value is not None
            return Operand(value, self.kept)
        return Operand(self._scalar(), ())

    def _neighbours(self, vertex: int) -> list[tuple[int, Operand]]:
        found = []
        for edge in self.edges:
            if vertex in edge.labels:
                other = edge.labels[1] if edge.labels[0] == vertex else edge.labels[0]
                found.append((other, edge))
        return found

    def _factors(self, vertex: int, avoid: Sequence[int]) -> list[Piece]:
        """What stands at a vertex: its weight, and what each branch below it amounts to."""
        own = [self.weights[vertex].piece] if vertex in self.weights else []
        return own + [
            self._times(edge, vertex, self._value(other, (vertex,)))
            for other, edge in self._neighbours(vertex)
            if other not in avoid
        ]

    def _value(self, vertex: int, avoid: Sequence[int]) -> Piece | None:
        factors = self._factors(vertex, avoid)
        return product(factors) if factors else None

    def _times(self, edge: Operand, row: int, value: Piece | None) -> Piece:
        """The matrix of an edge, its rows at `row`, times a column; the column of ones if None."""
        straight = edge.labels[0] == row
        if value is None:
            return call("np.sum", edge.piece, "axis=1" if straight else "axis=0")
        if edge.inverted is not None:
            matrix = edge.inverted if straight else transpose(edge.inverted)
            return call("np.linalg.solve", matrix, value)
        return matmul(edge.piece if straight else edge.transposed, value)

    def _scalar(self) -> Piece:
        if not self.weights and len(self.edges) == 1:
            return call("np.sum", self.edges[0].piece)
        ends = [v for v in self.vertices if len(self._neighbours(v)) <= 1]
        weighted = [v for v in ends if v in self.weights]
        root = (weighted or ends)[0]
        factors = self._factors(root, ())
        if len(factors) == 2:
            return matmul(*factors)
        if len(self.vertices) == 1 and _is_dot(self.weights[root].factors):
            return matmul(*self.weights[root].factors)
        return call("np.sum", product(factors))

    def _path(self, start: int, end: int) -> list[int]:
        came_from = {start: start}
        waiting = [start]
        while waiting:
            vertex = waiting.pop()
            for other, _ in self._neighbours(vertex):
                if other not in came_from:
                    came_from[other] = vertex
                    waiting.append(other)
        way = [end]
        while way[-1] != start:
            way.append(came_from[way[-1]])
        return way[::-1]

    def _chain(self, path: list[int]) -> Operand:
        """Matrices multiplied along a path, weights of inner vertices taken into the columns."""
        result: Piece | None = None
        for row, column in pairwise(path):
            edge = next(e for v, e in self._neighbours(row) if v == column)
            matrix = edge.piece if edge.labels[0] == row else edge.transposed
            inner = self._side(row, path) if row != path[0] else None
            if result is None:
                result = matrix
            else:
                left = result if inner is None else product([result, inner])
                result = matmul(left, matrix)
        assert result is not None
        return Operand(result, (path[0], path[-1]))

    def _side(self, vertex: int, path: list[int]) -> Piece | None:
        """The weight of a vertex on the path, branches off the path included."""
        factors = self._factors(vertex, path)
        return product(factors) if factors else None


def _is_dot(factors: Sequence[Piece]) -> bool:
    """Whether a sum of x*y is better read as x @ y: of two names, or where matrices multiply."""
    if len(factors) != 2 or any(piece.truth for piece in factors):
        return False
    linear = any(sign in piece.text for piece in factors for sign in (" @ ", "linalg"))
    return linear or all(piece.text.isidentifier() for piece in factors)
