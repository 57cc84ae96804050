"""From graph nodes to written mathematics: matrix notation where it exists, else index notation.

A product of labelled factors is a small network: labels are its vertices, matrices its edges,
vectors hang on vertices. Matrix notation is what is left after series-parallel reduction::

    A_ij B_jk          series    A*B
    A_ij B_ij          parallel  A .* B
    v_i A_ij           a vector on an edge: A'*v where i is summed, diag(v)*A where it is not
    A_ij B_ji          a closed pair: tr(A*B)

A network that does not reduce (an index that three matrices share, say) has no matrix notation
and is written with indices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd

from symback import phrase as p
from symback.graph import Node, Shape, Size, symbols_of, topological, transform
from symback.ops import (
    ONE,
    ZERO,
    Number,
    add,
    apply,
    einsum_parts,
    number,
    rebuild,
    scale,
    size_node,
    split_coefficient,
    subtract,
    symbol,
    value_of,
)
from symback.phrase import Phrase
from symback.rules import softmax
from symback.simplify import condition_of, unique_digits
from symback.sizes import affine, flat, never_negative, terms_of

INDEX_NAMES = "ijklmnpqrsuvw"


@dataclass
class Notation:
    """How nodes are written.

    Attributes:
        surfaces: the shape in which a symbol was declared, where that is not a scalar, a column
            or a matrix without axes of length 1: a row `(1, n)`, or `(1, 1)`.
        names: nodes that have a name of their own and are written by it.
        origins: the first index of each axis of a symbol, where that is not 0.
        matrix_scalars: whether scalars such as tr(A) stay in matrix notation among indices.
    """

    surfaces: Mapping[Node, Shape] = field(default_factory=dict)
    names: Mapping[Node, Phrase] = field(default_factory=dict)
    origins: Mapping[Node, tuple[Node, ...]] = field(default_factory=dict)
    matrix_scalars: bool = False
    _forms: dict[Node, Phrase | None] = field(default_factory=dict)

    # --- matrix notation -------------------------------------------------------------------------

    def matrix(self, root: Node) -> Phrase | None:
        """`root` in matrix notation (a vector as a column), or None where there is none."""
        for node in topological([root]):
            if node not in self._forms:
                self._forms[node] = self._matrix_form(node)
        return self._forms[root]

    def _matrix_form(self, node: Node) -> Phrase | None:
        if node in self.names:
            return self.names[node]
        if node.rank > 2:
            return None
        shape = column_shape(node.shape)
        if node.op == "einsum":
            return self._product(node)
        forms = [self._forms[arg] for arg in node.args]
        if node.op == "symbol":
            return self._symbol(node, shape)
        if node.op == "number":
            return p.num(value_of(node) or 0)
        if node.op == "constant":
            return Phrase("constant", data=node.params)
        if node.op == "zeros":
            return Phrase("zeros", shape=shape, symmetric=node.symmetric)
        if any(form is None for form in forms):
            return None
        args = [form for form in forms if form is not None]
        if node.op == "add":
            return p.add(args)
        if node.op == "map":
            return self._function(node, args)
        if node.op == "stack":
            return Phrase("array", tuple(args), (), shape)
        square = {"inv": "inverse", "det": "det", "logdet": "logdet", "expm": "expm"}
        if node.op in square:
            return Phrase(square[node.op], (args[0],), (), shape, node.symmetric)
        if node.op == "matpow" and not node.args[1].shape:
            return Phrase("matrix_pow", tuple(args), (), shape, node.symmetric)
        if node.op in ("logsumexp", "max", "prod", "argmax"):
            by_rows = node.args[0].rank == 2 and node.params[0] == 1
            return Phrase(node.op, tuple(args), (1,) if by_rows else (), shape)
        if node.op in ("sort", "order") and node.args[0].rank == 1:
            return Phrase(node.op, tuple(args), (), shape)
        return None

    def _symbol(self, node: Node, shape: Shape) -> Phrase:
        surface = self.surfaces.get(node, shape)
        written = Phrase("symbol", (), node.params, surface, node.symmetric)
        if surface == (1, 1):
            return p.scalar(written)
        return p.transpose(written) if surface != shape else written

    def _function(self, node: Node, args: list[Phrase]) -> Phrase:
        name = node.params[0]
        assert isinstance(name, str)
        if name == "pow":
            return p.power(*args)
        if name == "exp":
            inner = self._softmax_argument(node)
            if inner is not None:
                form = self._forms[inner]
                assert form is not None
                return Phrase("softmax", (form,), (), form.shape)
        return p.function(name, tuple(args), node.params[1:])  # type: ignore[arg-type]

    def _softmax_argument(self, node: Node) -> Node | None:
        """x for exp(x - logsumexp(x))."""
        (inner,) = node.args
        if inner.op != "add":
            return None
        for term in inner.args:
            core = split_coefficient(term)[1]
            bearer = core.args[0] if core.op == "einsum" and len(core.args) == 1 else core
            if bearer.op == "logsumexp":
                axes = bearer.params[0]
                assert isinstance(axes, int)
                if softmax(bearer.args[0], axes) is node and self._forms.get(bearer.args[0]):
                    return bearer.args[0]
        return None

    def _product(self, node: Node) -> Phrase | None:
        coef, labels, out, sizes = einsum_parts(node)
        counters: dict[int, Node] = {}
        factors: list[_Placed] = []
        for arg, own in zip(node.args, labels, strict=True):
            form = self._forms[arg]
            if arg.op == "matpow" and len(own) == 3 and own[0] not in out:
                form = self._counted_power(arg, own[0], counters, node)
                own = own[1:]
            factors.append(_Placed(arg, own, form))
        written = self._reduced(_cut(factors, out, sizes, self), out, sizes, set(counters))
        if written is None:
            return None
        for label, counter in counters.items():
            last = subtract(size_node(sizes[label]), ONE)
            bounds = (p.num(0), self.scalar(last))
            whole = p.mul([written], Fraction(coef))
            written, coef = Phrase("sum_over", (whole, *bounds), (counter.name,), whole.shape), 1
        return p.mul([written], Fraction(coef))

    def _reduced(
        self, factors: list[_Placed], out: tuple[int, ...], sizes: Shape, counters: set[int]
    ) -> Phrase | None:
        """A product as matrices, Kronecker products where its result has joined axes."""
        joints = [f for f in factors if f.joins(out)]
        if joints:
            return self._kronecker(factors, joints, out, sizes, counters)
        if any(f.form is None or len(f.labels) > 2 for f in factors):
            return None
        used = {label for f in factors for label in f.labels} | set(out)
        if used & counters:
            return None
        network = _Network(out, sizes, used)
        for f in factors:
            assert f.form is not None
            network.take(f.form, f.labels)
        return network.reduce()

    def _kronecker(
        self,
        factors: list[_Placed],
        joints: list[_Placed],
        out: tuple[int, ...],
        sizes: Shape,
        counters: set[int],
    ) -> Phrase | None:
        """[r == i*n + k] A_ij B_kl -> A (x) B, and [r == i + m*j] A_ij -> vec(A)."""
        rest = [f for f in factors if f not in joints]
        split = {f.labels[0]: f.digits() for f in joints}
        majors = [split[x][0] if x in split else x for x in out]
        minors = [split[x][1] if x in split else x for x in out]
        if len(out) == 1:
            major, minor = majors[0], minors[0]
            body = self._reduced(rest, (minor, major), sizes, counters)
            return None if body is None else p.vec(body, sizes[out[0]])
        if len(split) == 2 and majors[0] == majors[1] and minors[0] == minors[1]:
            body = self._reduced(rest, (minors[0], majors[0]), sizes, counters)
            return None if body is None else p.diag(p.vec(body, sizes[out[0]]))
        start = majors[0] if out[0] in split else majors[1]
        first, reached = _component(rest, start)
        second = [f for f in rest if f not in first]
        crossed = len(split) == 2 and majors[1] not in reached and minors[1] in reached
        columns = (minors[1], majors[1]) if crossed else (majors[1], minors[1])
        if (minors[0] in reached and out[0] in split) or (columns[1] in reached and out[1] in split):
            return None
        free = {x for x in out if x not in split}
        parts = []
        for chosen, mine in (
            (first, (majors[0], columns[0])),
            (second, (minors[0], columns[1])),
        ):
            own = tuple(x for x in mine if x not in free or (x in reached) == (chosen is first))
            body = self._reduced(chosen, own, sizes, counters)
            if body is None:
                return None
            if len(own) == 1 and own[0] == mine[1]:
                body = p.transpose(body)  # only the column axis: a row
            parts.append(body)
        written = p.kron(parts[0], parts[1], (sizes[out[0]], sizes[out[1]]))
        if crossed:
            return p.mul([written, p.commutation(sizes[minors[1]], sizes[majors[1]])])
        return written

    def _counted_power(
        self, arg: Node, label: int, counters: dict[int, Node], node: Node
    ) -> Phrase | None:
        """A^r, where the label of the exponents becomes the summation index r."""
        base = self._forms[arg.args[0]]
        if base is None:
            return None
        if label not in counters:
            taken = {x.name for x in symbols_of([node])} | {c.name for c in counters.values()}
            name = next(name for name in "rstuv" if name not in taken)
            counters[label] = symbol(name, kind="index")
        exponent = self.indexed(arg.args[1], (counters[label],))
        return Phrase("matrix_pow", (base, exponent), (), base.shape, base.symmetric)

    # --- index notation --------------------------------------------------------------------------

    def indexed(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        """The entry of `node` at `indices` (scalar nodes, counted from 0) as sums of entries."""
        free: dict[Node, Size | None] = dict.fromkeys(symbols_of([node, *indices]))
        for index, size in zip(indices, node.shape, strict=True):
            if index in free:
                free[index] = size
        return _Indexer(self, free).entry(node, indices)

    def comprehension(self, node: Node) -> Phrase:
        """The whole of `node` by its entries."""
        taken = {x.name for x in symbols_of([node])}
        names = [name for name in INDEX_NAMES if name not in taken]
        indices = tuple(symbol(names[axis], kind="index") for axis in range(node.rank))
        body = self.indexed(node, indices)
        axes = tuple((i.name, size) for i, size in zip(indices, node.shape, strict=True))
        return Phrase("comprehension", (body,), axes, node.shape)

    def scalar(self, node: Node) -> Phrase:
        """A scalar node that stands in an index, a bound or an exponent."""
        form = self.matrix(node)
        return form if form is not None else self.indexed(node, ())


def column_shape(shape: Shape) -> Shape:
    """The surface shape of a node: a vector is a column."""
    return (shape[0], 1) if len(shape) == 1 else shape


# --- series-parallel reduction -------------------------------------------------------------------


def _component(factors: list[_Placed], start: int) -> tuple[list[_Placed], set[int]]:
    """The factors that shared labels join to `start`, and the labels they reach."""
    found: list[_Placed] = []
    reached = {start}
    grown = True
    while grown:
        near = [f for f in factors if f not in found and not reached.isdisjoint(f.labels)]
        found += near
        reached |= {x for f in near for x in f.labels}
        grown = bool(near)
    return found, reached


@dataclass(frozen=True)
class _Placed:
    """A factor of a product with its labels and its written form."""

    node: Node
    labels: tuple[int, ...]
    form: Phrase | None

    def joins(self, out: tuple[int, ...]) -> bool:
        """Whether this is [r == i*n + k] with r an axis of the result: two axes read as one."""
        return (
            self.node.op == "select"
            and len(self.labels) == 3
            and self.labels[0] in out
            and unique_digits(self.node)
        )

    def digits(self) -> tuple[int, int]:
        """The labels that count slowly and fast."""
        coefs = condition_of(self.node)[0]
        fast = self.labels[1 + coefs[1:].index(1)]
        return next(x for x in self.labels[1:] if x != fast), fast


def _cut(
    factors: list[_Placed], out: tuple[int, ...], sizes: Shape, notation: Notation
) -> list[_Placed]:
    """Selections that cut one factor become its slices: x[k], X[k, :], X[a:b, :]."""
    current = list(factors)
    for selection in factors:
        node = selection.node
        if node.op != "select" or node.params[0] != "==" or node.rank > 2:
            continue
        coefs, offset = condition_of(node)
        label = selection.labels[0]
        bearers = [f for f in current if f is not selection and label in f.labels]
        if coefs not in ((1,), (1, -1)) or label in out or len(bearers) != 1:
            continue
        (bearer,) = bearers
        if bearer.form is None or bearer.labels.count(label) != 1 or len(bearer.labels) > 2:
            continue
        start = flat(scale(-1, offset))
        axis = bearer.labels.index(label)
        current.remove(selection)
        place = current.index(bearer)
        if len(coefs) == 1:
            kept = tuple(x for x in bearer.labels if x != label)
            form = _picked(bearer, axis, start, notation)
        else:
            kept = tuple(selection.labels[1] if x == label else x for x in bearer.labels)
            form = _sliced(bearer.form, axis, start, node.shape[1], notation)
        current[place] = _Placed(bearer.node, kept, form)
    return current


def _picked(bearer: _Placed, axis: int, index: Node, notation: Notation) -> Phrase:
    """One entry of a column, or one row or column of a matrix, as a column."""
    assert bearer.form is not None
    if len(bearer.labels) == 1:
        whole = bearer.node.op == "symbol" and bearer.node.rank == 1
        if whole:
            return notation.indexed(bearer.node, (index,))
        if bearer.form.head == "transpose" and bearer.form.args[0].head == "slice":
            return _entry_of_row(bearer.form.args[0], notation.scalar(index))
        if bearer.form.head == "slice" and bearer.form.shape[1] == 1:
            base, *bounds = bearer.form.args
            return Phrase("entry", (base, notation.scalar(index), bounds[2]))
        return Phrase("entry", (bearer.form, notation.scalar(index)))
    line = _sliced(bearer.form, axis, index, 1, notation)
    return p.transpose(line) if axis == 0 else line


def _entry_of_row(row: Phrase, column: Phrase) -> Phrase:
    """X[k, :][c] is X[k, c]."""
    base, *bounds = row.args
    return Phrase("entry", (base, bounds[0], column))


def _sliced(form: Phrase, axis: int, start: Node, size: Size, notation: Notation) -> Phrase:
    bounds = [ZERO, size_node(form.shape[0]), ZERO, size_node(form.shape[1])]
    if form.head == "transpose":
        return p.transpose(_sliced(form.args[0], 1 - axis, start, size, notation))
    if form.shape[1] == 1:
        axis = 0
    bounds[2 * axis], bounds[2 * axis + 1] = start, flat(add(start, size_node(size)))
    shape = tuple(size if k == axis else s for k, s in enumerate(form.shape))
    return Phrase("slice", (form, *map(notation.scalar, bounds)), (), shape)


class _Network:
    """A product of factors while it is reduced to matrix notation."""

    def __init__(self, out: tuple[int, ...], sizes: Shape, used: set[int]) -> None:
        self.out = out
        self.sizes = sizes
        self.scalars: list[Phrase] = []
        self.vectors: dict[int, list[Phrase]] = {label: [] for label in sorted(used)}
        self.edges: list[tuple[int, int, Phrase]] = []

    def take(self, form: Phrase, labels: tuple[int, ...]) -> None:
        if not labels:
            self.scalars.append(form)
        elif len(labels) == 1:
            self.vectors[labels[0]].append(form)
        elif labels[0] == labels[1]:
            self.vectors[labels[0]].append(_diagonal(form))
        else:
            self.edges.append((labels[0], labels[1], form))

    def reduce(self) -> Phrase | None:
        waiting = [label for label in self.vectors if label not in self.out]
        while waiting:
            ready = [label for label in waiting if self._degree(label) <= 1]
            ready = ready or [label for label in waiting if self._degree(label) == 2]
            if not ready:
                return None
            # innermost first: the label whose elimination leaves the shortest piece
            label = min(ready, key=lambda x: (self._degree(x), self._weight(x)))
            self._eliminate(label)
            waiting = [x for x in waiting if x in self.vectors]
        return self._finish()

    def _neighbours(self, label: int) -> set[int]:
        return {b if a == label else a for a, b, _ in self.edges if label in (a, b)}

    def _degree(self, label: int) -> int:
        return len(self._neighbours(label))

    def _weight(self, label: int) -> int:
        return sum(form.length for a, b, form in self.edges if label in (a, b))

    def _edges_from(self, label: int) -> dict[int, list[Phrase]]:
        """The edges at a label by neighbour, each with its rows at the label; they are removed."""
        result: dict[int, list[Phrase]] = {}
        for a, b, form in self.edges:
            if a == label:
                result.setdefault(b, []).append(form)
            elif b == label:
                result.setdefault(a, []).append(p.transpose(form))
        self.edges = [edge for edge in self.edges if label not in edge[:2]]
        return result

    def _eliminate(self, label: int) -> None:
        """Sum over a label that at most two others are joined to."""
        vectors = self.vectors.pop(label)
        edges = self._edges_from(label)
        if not edges:
            self.scalars.append(_vector_sum(vectors, self.sizes[label]))
            return
        if len(edges) == 1:
            ((other, forms),) = edges.items()
            alone = other not in self.out and self._degree(other) == 0 and not self.vectors[other]
            if alone and not vectors:
                del self.vectors[other]
                self.scalars.append(_matrix_sum(forms))
                return
            joined = p.hadamard(forms)
            if vectors:
                column = p.mul([p.transpose(joined), p.hadamard(vectors)])
            else:
                column = Phrase("row_sums", (p.transpose(joined),), (), (joined.shape[1], 1))
            self.vectors[other].append(column)
            return
        (a, first), (b, second) = edges.items()
        # vectors at both ends of an edge are an outer product on it
        for other, forms in ((a, first), (b, second)):
            if vectors and self.vectors[other] and self._degree(other) + (other in self.out):
                column, row = p.hadamard(vectors), p.hadamard(self.vectors[other])
                forms.append(p.outer(column, row))
                vectors, self.vectors[other] = [], []
        middle = [p.diag(p.hadamard(vectors))] if vectors else []
        form = p.mul([p.transpose(p.hadamard(first)), *middle, p.hadamard(second)])
        self.edges.append((a, b, form))

    def _finish(self) -> Phrase | None:
        if len(self.out) == 0:
            return p.mul(self.scalars)
        if len(self.out) == 1 or self.out[0] == self.out[1]:
            column = self._column(self.out[0])
            body = column if len(self.out) == 1 else p.diag(column)
            return p.mul([*self.scalars, body])
        row, col = self.out
        forms = [f if (a, b) == (row, col) else p.transpose(f) for a, b, f in self.edges]
        left, right = self.vectors[row], self.vectors[col]
        if not forms and not left and not right:
            return p.mul([*self.scalars, p.ones((self.sizes[row], self.sizes[col]))])
        if not forms:
            return p.mul([*self.scalars, p.outer(self._column(row), self._column(col))])
        if left and right:
            outer_product = p.outer(self._column(row), self._column(col))
            return p.mul([*self.scalars, p.hadamard([outer_product, *forms])])
        body = p.hadamard(forms)
        before = [p.diag(p.hadamard(left))] if left else []
        after = [p.diag(p.hadamard(right))] if right else []
        return p.mul([*self.scalars, *before, body, *after])

    def _column(self, label: int) -> Phrase:
        vectors = self.vectors[label]
        return p.hadamard(vectors) if vectors else p.ones((self.sizes[label], 1))


def _diagonal(form: Phrase) -> Phrase:
    return Phrase("diagonal", (form,), (), (form.shape[0], 1))


def _split_square(form: Phrase) -> tuple[Phrase, Phrase] | None:
    """x, x for the elementwise square of x."""
    if form.head == "elementwise_pow" and form.args[1] == p.num(2):
        return form.args[0], form.args[0]
    return None


def _vector_sum(vectors: list[Phrase], size: Size) -> Phrase:
    """The sum of the elementwise product of columns: x'*y, sum(x)."""
    if not vectors:
        return p.mul([])
    vectors = sorted(vectors, key=_chain_order)
    if len(vectors) == 1:
        if vectors[0].head == "diagonal":
            return p.trace(vectors[0].args[0])
        pair = _split_square(vectors[0])
        if pair is not None:
            return p.scalar(p.mul([p.transpose(pair[0]), pair[1]]))
        (only,) = vectors
        coef = p.coefficient(only)
        if only.head == "mul" and any(not a.is_matrix for a in only.args):
            scalars = [a for a in only.args if not a.is_matrix]
            inner = p.mul([a for a in only.args if a.is_matrix])
            return p.mul([*scalars, Phrase("sum", (inner,))], coef)
        if coef != 1:
            return p.mul([Phrase("sum", (p.mul(only.args),))], coef)
        return Phrase("sum", (only,))
    # a'*(B*c) reads a'*B*c, so the longest chain goes to the right
    *left, right = vectors
    first = p.hadamard(left)
    chains = [p.mul([p.transpose(a), b]) for a, b in ((first, right), (right, first))]
    return p.scalar(min(chains, key=lambda chain: chain.length))


def _chain_order(form: Phrase) -> tuple[int, int]:
    return (form.head == "mul", form.length)


def _matrix_sum(forms: list[Phrase]) -> Phrase:
    """The sum of all entries of the elementwise product of matrices: tr(A'*B), sum(A)."""
    if len(forms) == 1:
        pair = _split_square(forms[0])
        if pair is None:
            return Phrase("sum", (forms[0],))
        forms = list(pair)
    *left, right = forms
    first = p.hadamard(left)
    chains = [
        p.mul([p.transpose(first), right]),
        p.mul([first, p.transpose(right)]),
        p.mul([p.transpose(right), first]),
        p.mul([right, p.transpose(first)]),
    ]
    return p.trace(min(chains, key=lambda chain: chain.length))


# --- index notation ------------------------------------------------------------------------------


@dataclass
class _Range:
    """The values an index takes: from low to high, both included."""

    low: Node
    high: Node


class _Indexer:
    """Writes entries; names its summation indices afresh."""

    def __init__(self, notation: Notation, free: Mapping[Node, Size | None]) -> None:
        self.notation = notation
        self.taken = {index.name for index in free}
        self.free = {
            index: _Range(ZERO, subtract(size_node(size), ONE))
            for index, size in free.items()
            if size is not None
        }

    def fresh(self, node: Node) -> Node:
        used = self.taken | {x.name for x in symbols_of([node])}
        names = [*INDEX_NAMES, *(f"{a}{k}" for k in range(1, 100) for a in INDEX_NAMES)]
        name = next(name for name in names if name not in used)
        self.taken.add(name)
        return symbol(name, kind="index")

    def entry(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        if self.notation.matrix_scalars and not node.shape and node.op == "einsum":
            form = self.notation.matrix(node)
            if form is not None and not _has_head(form, "slice"):
                return form
        if node in self.notation.names:
            return self._entry_of(self.notation.names[node], indices)
        if node.op == "symbol":
            return self._symbol(node, indices)
        if node.op == "einsum":
            return self._product(node, indices)
        if node.op == "add":
            return p.add(self.entry(arg, indices) for arg in node.args)
        if node.op == "map":
            args = [self.entry(arg, indices if arg.shape else ()) for arg in node.args]
            name, *order = node.params
            assert isinstance(name, str)
            if name == "pow":
                return p.power(*args)
            return p.function(name, tuple(args), tuple(order))  # type: ignore[arg-type]
        if node.op == "zeros":
            return p.num(0)
        if node.op == "select":
            return self._condition(node, indices)
        if node.op == "iota":
            return self.notation.scalar(flat(add(indices[0], node.args[0])))
        if node.op == "logsumexp":
            return self._logsumexp(node, indices)
        if node.op == "prod":
            return self._reduction("prod_over", node, indices)
        if node.op == "stack" and all(value_of(i) is not None for i in indices):
            place = 0
            for i, size in zip(indices, node.shape, strict=True):
                assert isinstance(size, int)
                place = place * size + int(value_of(i) or 0)
            return self.entry(node.args[place], ())
        if node.op == "matpow" and node.args[1].shape:
            base = self.notation.matrix(node.args[0])
            if base is not None:
                exponent = self.entry(node.args[1], indices[:-2])
                powered = Phrase("matrix_pow", (base, exponent), (), base.shape)
                return self._entry_of(powered, indices[-2:])
        form = self.notation.matrix(node)
        if form is not None:
            return self._entry_of(form, indices) if indices else form
        return Phrase("entry", (self._opaque(node), *map(self.notation.scalar, indices)))

    def _opaque(self, node: Node) -> Phrase:
        """An array operation without notation of its own, as a function of its arguments."""
        args = tuple(self.notation.comprehension(arg) for arg in node.args)
        return Phrase("function", args, (node.op,), node.shape)

    def _entry_of(self, base: Phrase, indices: tuple[Node, ...]) -> Phrase:
        if not indices:
            return base
        if base.head == "transpose" and len(indices) == 2:
            return self._entry_of(base.args[0], indices[::-1])
        return Phrase("entry", (base, *map(self.notation.scalar, indices)))

    def _symbol(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        if not indices:
            form = self.notation.matrix(node)
            assert form is not None
            return form
        origins = self.notation.origins.get(node)
        if origins is not None:
            indices = tuple(add(i, o) for i, o in zip(indices, origins, strict=True))
        surface = self.notation.surfaces.get(node, column_shape(node.shape))
        base = Phrase("symbol", (), node.params, surface, node.symmetric)
        return Phrase("entry", (base, *map(self.notation.scalar, indices)))

    def _condition(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        relation = node.params[0]
        coefs, offset = condition_of(node)
        total = affine(coefs, indices, offset)
        known = value_of(total)
        if known is not None:
            holds = known == 0 if relation == "==" else known <= 0
            return p.num(int(holds))
        if relation == "==":
            return self._delta(total)
        left, right = _sides(total)
        return Phrase(
            "iverson", (self.notation.scalar(left), self.notation.scalar(right)), (relation,)
        )

    def _logsumexp(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        (x,) = node.args
        return p.function("log", (self._reduction("sum_over", node, indices, apply("exp", x)),))

    def _reduction(
        self, head: str, node: Node, indices: tuple[Node, ...], x: Node | None = None
    ) -> Phrase:
        x = node.args[0] if x is None else x
        inner = [self.fresh(x) for _ in x.shape[len(indices) :]]
        axes = range(len(indices), x.rank)
        starts = [self._axis_origin(x, axis) or ZERO for axis in axes]
        body = self.entry(
            x, (*indices, *(flat(subtract(i, o)) for i, o in zip(inner, starts, strict=True)))
        )
        bounds = [
            self.notation.scalar(bound)
            for axis, start in zip(axes, starts, strict=True)
            for bound in (start, flat(add(start, size_node(x.shape[axis]), number(-1))))
        ]
        return Phrase(head, (body, *bounds), tuple(i.name for i in inner))

    # --- products --------------------------------------------------------------------------------

    def _product(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        coef, labels, out, sizes = einsum_parts(node)
        value: dict[int, Node] = {}
        factors: list[Phrase] = []
        for label, index in zip(out, indices, strict=True):
            if label not in value:
                value[label] = index
                continue
            same = subtract(value[label], index)
            known = value_of(same)
            if known is not None and known != 0:
                return p.num(0)
            if known is None:
                pair = (self.notation.scalar(value[label]), self.notation.scalar(index))
                factors.append(Phrase("delta", pair))
        ranges: dict[Node, _Range] = {}
        for label in range(len(sizes)):
            if label not in value:
                origin = self._origin(node, label)
                index = self.fresh(node)
                value[label] = subtract(index, origin)
                high = add(size_node(sizes[label]), origin, number(-1))
                ranges[index] = _Range(origin, high)
        selections = []
        rest = []
        for arg, own in zip(node.args, labels, strict=True):
            if arg.op == "select":
                selections.append((arg, own))
            else:
                rest.append((arg, own))
        conditions = self._solve(selections, value, ranges)
        if conditions is None or not self._clip(selections, value, ranges, conditions):
            return p.num(0)
        factors.extend(conditions)
        before = set(self.taken)
        outside_free = dict(self.free)
        self.free.update(ranges)
        for arg, own in rest:
            factors.append(self.entry(arg, tuple(value[x] for x in own)))
        body = p.mul(_merge_equal(factors), Fraction(coef))
        self.taken = before
        self.free = outside_free
        if not ranges:
            return body
        outside = []
        inner_names = {i.name for i in ranges}
        coef_out = Fraction(1)
        if body.head == "mul":
            coef_out = p.coefficient(body)
            outside = [a for a in body.args if not _mentions(a, inner_names)]
            inside = [a for a in body.args if _mentions(a, inner_names)]
            body = p.mul(inside)
        order = sorted(ranges, key=lambda i: self._bounds_others(i, ranges))
        bounds = [self.notation.scalar(b) for i in order for b in (ranges[i].low, ranges[i].high)]
        total = Phrase("sum_over", (body, *bounds), tuple(i.name for i in order))
        return p.mul([*outside, total], coef_out)

    def _origin(self, node: Node, label: int) -> Node:
        """Where the user's own index for this label starts."""
        _, labels, _, _ = einsum_parts(node)
        for arg, own in zip(node.args, labels, strict=True):
            if label in own:
                found = self._axis_origin(arg, own.index(label))
                if found is not None:
                    return found
        return ZERO

    def _axis_origin(self, node: Node, axis: int) -> Node | None:
        """Where the index of one axis starts, found in what the node is made of."""
        todo = [(node, axis)]
        while todo:
            node, axis = todo.pop()
            origins = self.notation.origins.get(node)
            if origins is not None:
                return origins[axis]
            if node.op == "iota":
                return node.args[0]
            if node.op in ("map", "add"):
                todo.extend((arg, axis) for arg in reversed(node.args) if arg.shape)
            if node.op == "einsum":
                _, labels, out, _ = einsum_parts(node)
                for arg, own in zip(node.args, labels, strict=True):
                    if out[axis] in own:
                        todo.append((arg, own.index(out[axis])))
        return None

    def _solve(
        self,
        selections: list[tuple[Node, tuple[int, ...]]],
        value: dict[int, Node],
        ranges: dict[Node, _Range],
    ) -> list[Phrase] | None:
        """Solve each [a + b - c == 0] for a summed index, whose range passes on to the others.

        Returns the conditions that remain as factors, or None if one cannot hold.
        """
        conditions: list[Phrase] = []
        for arg, own in sorted(selections, key=lambda selection: len(selection[1])):
            if arg.params[0] != "==":
                continue
            coefs, offset = condition_of(arg)
            if len(own) == 1 and self._fix(value, ranges, own[0], coefs[0], offset):
                continue
            total = affine(coefs, tuple(value[x] for x in own), offset)
            total = _lowest_terms(total)
            known = value_of(total)
            if known is not None and known != 0:
                return None
            if known is not None:
                continue
            solutions = [
                _Solution(index, _solve_for(total, index), ranges, self.free)
                for index in ranges
                if abs(_coefficient(total, index)) == 1
            ]
            if not solutions:
                conditions.append(self._delta(total))
                continue
            best = min(solutions, key=lambda solution: solution.difficulty)
            if not self._apply_solution(best, value, ranges, conditions):
                return None
        return conditions

    def _clip(
        self,
        selections: list[tuple[Node, tuple[int, ...]]],
        value: dict[int, Node],
        ranges: dict[Node, _Range],
        conditions: list[Phrase],
    ) -> bool:
        """[i <= j] ends the sum over one of its indices there; False if it cannot hold."""
        for arg, own in selections:
            if arg.params[0] != "<=":
                continue
            coefs, offset = condition_of(arg)
            total = affine(coefs, tuple(value[x] for x in own), offset)
            involved = [i for i in ranges if abs(_coefficient(total, i)) == 1]
            # the innermost index gives way: the others may stand in its bounds
            index = next((i for i in involved if not self._bounds_others(i, ranges)), None)
            if index is None:
                if not self._demand(ZERO, scale(-1, total), conditions, ranges):
                    return False
                continue
            limits, end = ranges[index], _solve_for(total, index)
            if _coefficient(total, index) == 1:
                limits.high = _extreme("minimum", limits.high, end, {**self.free, **ranges})
            else:
                limits.low = _extreme("maximum", limits.low, end, {**self.free, **ranges})
        return True

    def _bounds_others(self, index: Node, ranges: dict[Node, _Range]) -> bool:
        return any(
            _depends(end, index)
            for other, limits in ranges.items()
            if other is not index
            for end in (limits.low, limits.high)
        )

    def _demand(
        self, low: Node, high: Node, conditions: list[Phrase], ranges: dict[Node, _Range]
    ) -> bool:
        """Add the condition low <= high where it says something; False if it cannot hold.

        A condition on sizes alone is taken to hold: sizes are large enough for every index that
        was written.
        """
        difference = flat(subtract(high, low))
        known = value_of(difference)
        if known is not None:
            return known >= 0
        if never_negative(_least(difference, {**self.free, **ranges})) or _only_sizes(difference):
            return True
        # in whole numbers i + 1 <= j is i < j
        strict = number(-1) in terms_of(difference)
        right, left = _sides(flat(add(difference, ONE)) if strict else difference)
        sides = (self.notation.scalar(left), self.notation.scalar(right))
        conditions.append(Phrase("iverson", sides, ("<" if strict else "<=",)))
        return True

    def _fix(
        self,
        value: dict[int, Node],
        ranges: dict[Node, _Range],
        label: int,
        coef: Size,
        offset: Node,
    ) -> bool:
        """An index that was given (`w[k]`) takes its value; it is taken to lie within its axis."""
        names = symbols_of([value[label]])
        index = next((i for i in names if i in ranges), None)
        if coef != 1 or index is None or _coefficient(value[label], index) != 1:
            return False
        given = scale(-1, offset)
        result = _solve_for(flat(subtract(value[label], given)), index)
        limits = ranges.pop(index)
        if given.op == "symbol":
            start = subtract(value[label], index)
            self.free.setdefault(
                given, _Range(flat(add(limits.low, start)), flat(add(limits.high, start)))
            )
        for other in value:
            value[other] = _replace(value[other], index, result)
        return True

    def _apply_solution(
        self,
        solution: _Solution,
        value: dict[int, Node],
        ranges: dict[Node, _Range],
        conditions: list[Phrase],
    ) -> bool:
        """Put the solution in; what its range demands clips another range or is a condition."""
        gone, index, result = ranges.pop(solution.index), solution.index, solution.value
        for label in value:
            value[label] = _replace(value[label], index, result)
        for limits in ranges.values():
            limits.low = _replace(limits.low, index, result)
            limits.high = _replace(limits.high, index, result)
        if solution.difficulty == 0:
            return True
        if solution.clipped is not None:
            sign = _coefficient(result, solution.clipped)
            rest = subtract(result, scale(sign, solution.clipped))
            ends = [flat(scale(sign, subtract(end, rest))) for end in (gone.low, gone.high)]
            low, high = ends if sign == 1 else ends[::-1]
            limits = ranges[solution.clipped]
            every = {**self.free, **ranges}
            limits.low = _extreme("maximum", limits.low, low, every)
            limits.high = _extreme("minimum", limits.high, high, every)
            return True
        return self._demand(gone.low, result, conditions, ranges) and self._demand(
            result, gone.high, conditions, ranges
        )

    def _delta(self, total: Node) -> Phrase:
        left, right = _sides(total)
        return Phrase("delta", (self.notation.scalar(left), self.notation.scalar(right)))


class _Solution:
    """One way to solve a selection: `index` = `value`, and what its range then demands.

    Attributes:
        clipped: the one summed index whose range takes the demand over, if there is one.
        difficulty: 0 nothing is demanded, 1 a range is clipped, 2 a condition remains.
    """

    def __init__(
        self, index: Node, value: Node, ranges: dict[Node, _Range], free: dict[Node, _Range]
    ) -> None:
        self.index, self.value = index, value
        limits = ranges[index]
        others = {i: r for i, r in ranges.items() if i is not index}
        every = {**free, **others}
        implied = never_negative(_least(subtract(value, limits.low), every)) and never_negative(
            _least(subtract(limits.high, value), every)
        )
        # every index written for an axis without a declared size lies within it
        implied = implied or any(x.params[1] == "open" for x in symbols_of([limits.high]))
        involved = [i for i in others if _depends(value, i)]
        self.clipped = None
        if not implied and len(involved) == 1 and abs(_coefficient(value, involved[0])) == 1:
            self.clipped = involved[0]
        self.difficulty = 0 if implied else 1 if self.clipped is not None else 2


def _coefficient(total: Node, index: Node) -> Number:
    """The number before `index`, 0 if the index stands anywhere else."""
    found: Number = 0
    for term in terms_of(total):
        coef, core = split_coefficient(term)
        if core is index:
            found = coef
        elif _depends(core, index):
            return 0
    return found


def _depends(node: Node, index: Node) -> bool:
    return index in topological([node])


def _lowest_terms(total: Node) -> Node:
    """2*i - 2*k -> i - k; 1 where the numbers rule a solution out: 2*i - 2*k + 1 is never 0."""
    coefs = [split_coefficient(term) for term in terms_of(total)]
    if any(Fraction(coef).denominator != 1 for coef, _ in coefs):
        return total
    moving = [int(coef) for coef, core in coefs if core is not ONE]
    fixed = sum(int(coef) for coef, core in coefs if core is ONE)
    common = gcd(*moving)
    if common <= 1:
        return total
    return flat(scale(Fraction(1, common), total)) if fixed % common == 0 else ONE


def _solve_for(total: Node, index: Node) -> Node:
    """The value of `index` where `total` is zero; its coefficient is 1 or -1."""
    sign = _coefficient(total, index)
    return flat(scale(-sign, subtract(total, scale(sign, index))))


def _replace(node: Node, index: Node, value: Node) -> Node:
    if not _depends(node, index):
        return node
    return flat(transform(node, rebuild, {index: value}))


def _least(node: Node, ranges: Mapping[Node, _Range]) -> Node:
    """The smallest value of an index expression when its indices run through their ranges."""
    terms = []
    for term in terms_of(flat(node)):
        coef = split_coefficient(term)[0]
        ends = {i: (r.low if coef > 0 else r.high) for i, r in ranges.items()}
        terms.append(transform(term, rebuild, dict(ends)))
    return flat(add(*terms))


def _extreme(name: str, a: Node, b: Node, ranges: Mapping[Node, _Range]) -> Node:
    """The larger or smaller of two bounds, decided where their difference is known."""
    difference = flat(subtract(a, b))
    if never_negative(_least(difference, ranges)):
        return a if name == "maximum" else b
    if never_negative(_least(scale(-1, difference), ranges)):
        return b if name == "maximum" else a
    return apply(name, a, b)


def _only_sizes(node: Node) -> bool:
    return all(x.params[1] == "size" for x in symbols_of([node]))


def _sides(total: Node) -> tuple[Node, Node]:
    """left, right with total = left - right and only plus signs in both."""
    left = [t for t in terms_of(total) if split_coefficient(t)[0] > 0]
    right = [scale(-1, t) for t in terms_of(total) if split_coefficient(t)[0] < 0]
    return (add(*left) if left else ZERO), (add(*right) if right else ZERO)


def _has_head(form: Phrase, head: str) -> bool:
    return form.head == head or any(_has_head(arg, head) for arg in form.args)


def _mentions(form: Phrase, names: set[str]) -> bool:
    todo = [form]
    while todo:
        piece = todo.pop()
        if piece.head == "symbol" and piece.data[-1] == "index" and piece.data[0] in names:
            return True
        todo.extend(piece.args)
    return False


def _merge_equal(factors: list[Phrase]) -> list[Phrase]:
    """x*x -> x^2."""
    counts: dict[Phrase, int] = {}
    for factor in factors:
        counts[factor] = counts.get(factor, 0) + 1
    return [f if k == 1 or f.is_number else p.power(f, p.num(k)) for f, k in counts.items()]
