"""Products whose rows or columns count several labels at once: Kronecker products and vec.

An axis r with [r == i*n + k] has the digits i and k. What hangs together among the digits of the
rows and the columns is one factor::

    [r == i*n + k][c == j*m + l] A_ij B_kl      A (x) B
    [r == i + m*j] A_ij                         vec(A)
    [r == i*n + k][c == l*m + j] A_ij B_kl      (A (x) B)*K, a commutation matrix

Magnus and Neudecker, Matrix Differential Calculus, 2019, chapters 2 and 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from typing import TypeAlias

from symback import phrase as p
from symback.graph import Node, Shape, Size
from symback.phrase import Phrase
from symback.simplify.selections import digits_of, is_equation, unique_digits
from symback.sizes import times


@dataclass(frozen=True)
class Placed:
    """A factor of a product with its labels and its written form."""

    node: Node
    labels: tuple[int, ...]
    form: Phrase | None

    @property
    def is_joint(self) -> bool:
        """Whether this is [r == i*n + k], where k counts to n: two labels read as one."""
        return (
            is_equation(self.node)
            and len(self.labels) == 3
            and self.labels[0] not in self.labels[1:]
            and unique_digits(self.node)
        )

    def joins(self, out: tuple[int, ...]) -> bool:
        """Whether this is [r == i*n + k] with r an axis of the result."""
        return self.is_joint and self.labels[0] in out

    def digits(self) -> tuple[int, int]:
        """The labels that count slowly and fast."""
        return digits_of(self.node, self.labels)


Digits: TypeAlias = tuple[int, ...]  # labels, the one that counts slowest first
Reduce: TypeAlias = Callable[[list[Placed], tuple[int, ...]], Phrase | None]


def component(factors: list[Placed], start: int) -> tuple[list[Placed], set[int]]:
    """The factors that shared labels join to `start`, and the labels they reach."""
    found: list[Placed] = []
    reached = {start}
    grown = True
    while grown:
        near = [f for f in factors if f not in found and not reached.isdisjoint(f.labels)]
        found += near
        reached |= {x for f in near for x in f.labels}
        grown = bool(near)
    return found, reached


def _apart_from(factors: list[Placed], ends: set[int]) -> list[list[Placed]]:
    """The factors in groups that hang together by other labels than `ends`."""
    bare = [replace(f, labels=tuple(x for x in f.labels if x not in ends)) for f in factors]
    groups: list[list[Placed]] = []
    for factor, inner in zip(factors, bare, strict=True):
        if any(factor in group for group in groups):
            continue
        found = component(bare, inner.labels[0])[0] if inner.labels else []
        group = [f for f, own in zip(factors, bare, strict=True) if own in found]
        groups.append(group or [factor])
    return groups


def kronecker_form(
    factors: list[Placed], out: tuple[int, ...], sizes: Shape, matrix: Reduce
) -> Phrase | None:
    """A product with joints among its factors; `matrix` writes one that has none."""
    joints = {f.labels[0]: f for f in factors if f.is_joint}
    # labels that nothing but their own joint, and joints whose digit they are, have
    openable = {
        x
        for x, joint in joints.items()
        if all(f is joint or (f.is_joint and f.labels[0] != x) for f in factors if x in f.labels)
    }
    axes: list[Digits] = []
    opened: set[int] = set()
    for axis in out:
        waiting, digits = [axis], []
        while waiting:
            label = waiting.pop()
            if label in openable:
                opened.add(label)
                waiting += reversed(joints[label].digits())
            else:
                digits.append(label)
        axes.append(tuple(digits))
    rest = [f for f in factors if not (f.is_joint and f.labels[0] in opened)]
    if not opened or not opened.isdisjoint(x for f in rest for x in f.labels):
        return None  # something else has the axis whose digits these are
    rows, columns = (*axes, ())[:2]
    return _Digital(sizes, matrix).form(rest, rows, columns)


@dataclass(frozen=True)
class _Digital:
    """Writes products whose rows and columns have digits."""

    sizes: Shape
    matrix: Reduce

    def form(self, factors: list[Placed], rows: Digits, columns: Digits) -> Phrase | None:
        """The product as it is, or with digits of its rows or columns exchanged first."""
        groups = _Groups(factors, rows, columns)
        row_ways, column_ways = _exchanges(rows), _exchanges(columns)
        for turn_rows, turn_columns in ((0, 0), (0, 1), (1, 0), (1, 1)):
            for left in row_ways if turn_rows else [None]:
                for right in column_ways if turn_columns else [None]:
                    way = self._way(groups, rows, columns, left, right)
                    if way is not None:
                        return way
        return None

    def _way(
        self,
        groups: _Groups,
        rows: Digits,
        columns: Digits,
        left: _Exchange | None,
        right: _Exchange | None,
    ) -> Phrase | None:
        order = groups.in_order(left.after if left else rows, right.after if right else columns)
        if order is None:
            return None
        pieces = []
        for factors, own_rows, own_columns in order:
            piece = self._piece(factors, own_rows, own_columns)
            if piece is None:
                return None
            pieces.append(piece)
        shape = self._size(rows), self._size(columns)
        whole = _product(pieces, shape)
        before = [self._commutation(left)] if left else []
        after = [p.transpose(self._commutation(right))] if right else []
        return p.mul([*before, whole, *after])

    def _piece(self, factors: list[Placed], rows: Digits, columns: Digits) -> Phrase | None:
        """What hangs together, with at most two digits on each side."""
        if len(rows) < 2 and len(columns) < 2:
            body = self.matrix(factors, rows + columns)
            return body if body is None or rows else p.transpose(body)
        if rows == columns and len(rows) == 2:
            stacked = self._vec(factors, rows)
            return None if stacked is None else p.diag(stacked)
        if not columns:
            return self._vec(factors, rows)
        if not rows:
            stacked = self._vec(factors, columns)
            return None if stacked is None else p.transpose(stacked)
        for weight in _apart_from(factors, {*rows, *columns}):
            ends = {x for f in weight for x in f.labels} & {*rows, *columns}
            for digits in (rows, columns):
                if len(digits) == 2 and ends == set(digits):
                    scaling = self._vec(weight, digits)
                    body = self.form([f for f in factors if f not in weight], rows, columns)
                    if scaling is None or body is None:
                        continue
                    diagonal = p.diag(scaling)
                    return p.mul([diagonal, body] if digits is rows else [body, diagonal])
        if len(rows) == len(columns) == 2:
            return self._weighted(factors, rows, columns)
        if len(rows) == 2 and len(columns) == 1:
            return self._of_columns(factors, rows, columns[0])
        if len(rows) == 1 and len(columns) == 2:
            turned = self._of_columns(factors, columns, rows[0])
            return None if turned is None else p.transpose(turned)
        return None

    def _weighted(self, factors: list[Placed], rows: Digits, columns: Digits) -> Phrase | None:
        """A_ik W_kj B_km, with rows and columns for each j: (I (x) A)*diag(vec(W))*(I (x) B).

        And (A (x) I)*diag(vec(W))*(B (x) I) where the fast digits are the same.
        """
        shared = next((place for place in (0, 1) if rows[place] == columns[place]), None)
        if shared is None:
            return None
        label, row, column = rows[shared], rows[1 - shared], columns[1 - shared]
        for inner in {x for f in factors for x in f.labels} - {*rows, *columns}:
            weights = [f for f in factors if {*f.labels} <= {label, inner}]
            rest = [f for f in factors if f not in weights]
            without = [replace(f, labels=tuple(x for x in f.labels if x != inner)) for f in rest]
            sides = [component(without, end) for end in (row, column)]
            if label in sides[0][1] | sides[1][1] or column in sides[0][1]:
                continue
            before, after = (
                [f for f, bare in zip(rest, without, strict=True) if bare in side]
                for side, _ in sides
            )
            if len(before) + len(after) != len(rest):
                continue
            pair = (inner, label) if shared == 0 else (label, inner)
            left, right = self.matrix(before, (row, inner)), self.matrix(after, (inner, column))
            weight = self.matrix(weights, pair)
            if left is None or right is None or weight is None:
                continue
            eye, tall = p.eye(self.sizes[label]), times(self.sizes[label], self.sizes[inner])
            ends = self._size(rows), self._size(columns)
            outer = [
                p.kron((eye, side) if shared == 0 else (side, eye), shape)
                for side, shape in ((left, (ends[0], tall)), (right, (tall, ends[1])))
            ]
            return p.mul([outer[0], p.diag(p.vec(weight, tall)), outer[1]])
        return None

    def _of_columns(self, factors: list[Placed], rows: Digits, column: int) -> Phrase | None:
        """A_jk B_ik, the Kronecker products of columns: (A (x) 1) .* (1 (x) B).

        Khatri and Rao, Sankhya A 30 (1968), 167-180.
        """
        without = [replace(f, labels=tuple(x for x in f.labels if x != column)) for f in factors]
        first, reached = component(without, rows[0])
        if rows[1] in reached or column in rows:
            return None
        chosen = [f for f, bare in zip(factors, without, strict=True) if bare in first]
        others = [f for f in factors if f not in chosen]
        sides = (self.matrix(chosen, (rows[0], column)), self.matrix(others, (rows[1], column)))
        if sides[0] is None or sides[1] is None:
            return None
        shape = self._size(rows), self.sizes[column]
        tall, low = (p.ones((self.sizes[x], 1)) for x in rows)
        return p.hadamard([p.kron((sides[0], low), shape), p.kron((tall, sides[1]), shape)])

    def _vec(self, factors: list[Placed], digits: Digits) -> Phrase | None:
        if len(digits) != 2:
            return None
        body = self.matrix(factors, digits[::-1])
        return None if body is None else p.vec(body, self._size(digits))

    def _commutation(self, exchange: _Exchange) -> Phrase:
        """The matrix from the digits as they are after the exchange to those before it."""
        ahead, one, other, behind = map(self._size, exchange.blocks)
        sides = (p.eye(ahead), p.commutation(one, other), p.eye(behind))
        factors = [side for side in sides if side.shape != (1, 1)]
        size = self._size(exchange.after)
        return p.kron(factors, (size, size))

    def _size(self, digits: Digits) -> Size:
        size: Size = 1
        for label in digits:
            size = times(size, self.sizes[label])
        return size


@dataclass(frozen=True)
class _Exchange:
    """Two neighbouring blocks of digits that change places."""

    blocks: tuple[Digits, Digits, Digits, Digits]

    @property
    def after(self) -> Digits:
        ahead, one, other, behind = self.blocks
        return ahead + other + one + behind


def _exchanges(digits: Digits) -> list[_Exchange]:
    """First those in the middle, as in vec(A (x) B) = (I (x) K (x) I)*(vec(A) (x) vec(B))."""
    cuts = combinations(range(len(digits) + 1), 3)
    found = [_Exchange((digits[:i], digits[i:j], digits[j:k], digits[k:])) for i, j, k in cuts]
    return sorted(found, key=lambda exchange: exchange.blocks.count(()))


class _Groups:
    """The factors that hang together, with their digits."""

    def __init__(self, factors: list[Placed], rows: Digits, columns: Digits) -> None:
        self.factors: list[list[Placed]] = []
        self.group: dict[int, int] = {}
        for digit in (*rows, *columns):
            if digit not in self.group:
                found, reached = component(factors, digit)
                self.group.update((x, len(self.factors)) for x in reached)
                self.factors.append(found)
        known = [f for found in self.factors for f in found]
        self.factors[0] += [f for f in factors if f not in known]  # scalars of their own
        alone = Counter(self.group[x] for x in (*rows, *columns))
        sides = ([x for x in digits if alone[self.group[x]] == 1] for digits in (rows, columns))
        first, second = sides
        if len(first) == len(second):  # u*v' where one has rows and the other columns
            for row, column in zip(first, second, strict=True):
                self.factors[self.group[row]] += self.factors[self.group[column]]
                self.group[column] = self.group[row]

    def in_order(
        self, rows: Digits, columns: Digits
    ) -> list[tuple[list[Placed], Digits, Digits]] | None:
        """The groups from the slowest digits on; None where they are not side by side."""
        sides = [[key for key, _ in groupby(map(self.group.get, d))] for d in (rows, columns)]
        if any(len(set(side)) != len(side) for side in sides):
            return None
        order: list[int | None] = []
        first, second = sides
        shared = [key for key in first if key in second]
        if shared != [key for key in second if key in first]:
            return None
        for key in [*shared, None]:
            for side in sides:
                end = side.index(key) if key is not None else len(side)
                order += [x for x in side[:end] if x not in order and x not in shared]
            order += [] if key is None else [key]
        return [
            (
                self.factors[key],
                tuple(x for x in rows if self.group[x] == key),
                tuple(x for x in columns if self.group[x] == key),
            )
            for key in order
            if key is not None
        ]


def _product(pieces: Sequence[Phrase], shape: tuple[Size, Size]) -> Phrase:
    """The Kronecker product of these; columns beside rows are an outer product, u*v'."""
    factors: list[Phrase] = []
    for thin, run in groupby(pieces, key=lambda piece: 1 in piece.shape):
        group = list(run)
        columns = [piece for piece in group if piece.shape[1] == 1]
        rows = [p.transpose(piece) for piece in group if piece.shape[1] != 1]
        if thin and columns and rows:
            group = [p.outer(_column(columns), _column(rows))]
        factors += group
    return factors[0] if len(factors) == 1 else p.kron(factors, shape)


def _column(pieces: list[Phrase]) -> Phrase:
    size: Size = 1
    for piece in pieces:
        size = times(size, piece.shape[0])
    return pieces[0] if len(pieces) == 1 else p.kron(pieces, (size, 1))


def chains_joined(form: Phrase) -> Phrase:
    """(A (x) B)*C*y + (B (x) A)*C*y -> (A (x) B + B (x) A)*C*y, from either end of the chains."""
    if not any(piece.head == "kron" for piece in p.pieces(form)):
        return form
    args = tuple(map(chains_joined, form.args))
    form = p.rebuilt(form, args) if args != form.args else form
    return _joined(list(form.args)) if form.head == "add" and form.is_matrix else form


def _joined(terms: list[Phrase]) -> Phrase:
    """The sum of matrices with the first or last factor that most terms have taken out."""
    for end in (-1, 0):
        groups: dict[tuple[Phrase, ...], list[Phrase]] = {}
        for term in terms:
            factors = p.factors_of(term)
            chain = [f for f in factors if f.is_matrix]
            scalars = [f for f in factors if not f.is_matrix and not f.is_number]
            if len(chain) > 1:
                groups.setdefault((chain[end], *scalars), []).append(term)
        if all(len(alike) < 2 for alike in groups.values()):
            continue
        (common, *scalars), alike = max(groups.items(), key=lambda group: len(group[1]))
        rests = []
        for term in alike:
            chain = [f for f in p.factors_of(term) if f.is_matrix]
            rests.append(p.mul(chain[:-1] if end else chain[1:], p.coefficient(term)))
        inner = p.common_factor_out(_joined(rests))
        whole = p.mul([*scalars, *([inner, common] if end else [common, inner])])
        return _joined([whole, *(term for term in terms if term not in alike)])
    return p.add(terms)
