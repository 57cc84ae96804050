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

from symback import phrase as p
from symback.graph import Node, Shape, Size, symbols_of, topological
from symback.notation.blocks import block_form, selections_form
from symback.notation.indexer import SQUARE_OPS, Indexer, column_shape, names_in
from symback.notation.kronecker import Placed, component, kronecker_form
from symback.notation.network import Network
from symback.ops import (
    ONE,
    ZERO,
    add,
    as_size,
    einsum,
    einsum_parts,
    scale,
    size_node,
    split_coefficient,
    subtract,
    symbol,
    value_of,
)
from symback.phrase import Phrase
from symback.rules import softmax
from symback.scopes import names_apart, unused_index
from symback.simplify.selections import condition_of, is_equation
from symback.simplify.sums import flatten_sum
from symback.sizes import fits_when_large, flat, never_negative, plus


@dataclass
class Notation:
    """How nodes are written.

    Attributes:
        surfaces: the shape in which a symbol was declared, where that is not a scalar, a column
            or a matrix without axes of length 1: a row `(1, n)`, or `(1, 1)`.
        names: nodes that have a name of their own and are written by it.
        origins: the first index of each axis of a symbol, where that is not 0.
        matrix_scalars: whether scalars such as tr(A) stay in matrix notation among indices.
        tables: symbols that have entries only, and no matrix notation.
        inverses: which index of a look-up its place gives back, and the function that does.
        firm: look-ups that may point past their axis, those of a delta of i and j^2.
        masks: what the symbols that stand for masks stand for.
        taken: names that no summation index may have, those inside look-ups, say.
    """

    surfaces: Mapping[Node, Shape] = field(default_factory=dict)
    names: Mapping[Node, Phrase] = field(default_factory=dict)
    origins: Mapping[Node, tuple[Node, ...]] = field(default_factory=dict)
    matrix_scalars: bool = False
    tables: frozenset[Node] = frozenset()
    inverses: Mapping[Node, tuple[int, Node]] = field(default_factory=dict)
    firm: frozenset[Node] = frozenset()
    masks: Mapping[Node, Node] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    _forms: dict[Node, Phrase | None] = field(default_factory=dict)

    # --- matrix notation -------------------------------------------------------------------------

    def matrix(self, root: Node) -> Phrase | None:
        """`root` in matrix notation (a vector as a column), or None where there is none."""
        for node in topological([root]):
            if node not in self._forms:
                form = self._matrix_form(node)
                if node.op in ("add", "einsum") and node.rank in (1, 2):
                    apart = form is not None and form.head == "add" and _has_blocks(form)
                    if form is None or apart:
                        form = block_form(node, self.matrix) or form
                self._forms[node] = form
                if form is None and root.shape and not node.shape:
                    scalar = self.indexed(node, ())
                    # SymPy works a sum of traces out when it prints it in a product
                    self._forms[node] = None if _sums_traces(scalar) else scalar
        return self._forms[root] or selections_form(root, self.matrix)

    def _matrix_form(self, node: Node) -> Phrase | None:
        if node in self.names:
            return self.names[node]
        if node in self.masks:
            return self.matrix(self.masks[node])
        if node.rank > 2:
            return None
        shape = column_shape(node.shape)
        if node.op == "einsum":
            return self._product(node)
        forms = [self._forms[arg] for arg in node.args]
        if node.op == "symbol":
            return None if node in self.tables else self._symbol(node, shape)
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
        if node.op in ("det", "logdet"):
            args = [min(args[0], p.transpose(args[0]), key=lambda form: form.length)]
        if node.op in SQUARE_OPS:
            return Phrase(SQUARE_OPS[node.op], (args[0],), (), shape, node.symmetric)
        if node.op == "matpow" and args[1].is_number:
            return p.matrix_power(args[0], args[1].value)
        if node.op == "matpow" and not node.args[1].shape:
            if args[0].head == "inverse":
                exponent = self.scalar(flat(scale(-1, node.args[1])))
                args = [args[0].args[0], exponent]
            return Phrase("matrix_pow", tuple(args), (), shape, node.symmetric)
        if node.op in ("logsumexp", "max", "prod", "argmax"):
            by_rows = node.args[0].rank == 2 and node.params[0] == 1
            if node.op == "prod" and by_rows and self.matrix_scalars:
                return None  # SymPy has products over an index alone
            return Phrase(node.op, tuple(args), (1,) if by_rows else (), shape)
        if is_equation(node) and node.rank == 1:
            return self._unit_column(node)
        if node.op in ("sort", "order") and node.args[0].rank == 1:
            return Phrase(node.op, tuple(args), (), shape)
        return None

    def _unit_column(self, node: Node) -> Phrase | None:
        """[p == k] is column k of the identity."""
        coefs, offset = condition_of(node)
        if coefs not in ((1,), (-1,)):
            return None
        place = flat(offset if coefs == (-1,) else scale(-1, offset))
        return _sliced(p.eye(node.shape[0]), 1, place, 1, self)

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
            inner, turned = self._softmax_argument(node)
            form = self._forms[inner] if inner is not None else None
            if form is not None:
                written = Phrase("softmax", (form,), (), form.shape)
                return p.transpose(written) if turned else written
        return p.function(name, tuple(args), node.params[1:])  # type: ignore[arg-type]

    def _softmax_argument(self, node: Node) -> tuple[Node | None, bool]:
        """x for exp(x - logsumexp(x)), and whether that stands here as its transpose."""
        coef, inner = split_coefficient(node.args[0])
        if inner.op != "add":
            return None, False
        inner = add(*(scale(coef, term) for term in inner.args))
        for term in inner.args:
            core = split_coefficient(term)[1]
            bearer = core.args[0] if core.op == "einsum" and len(core.args) == 1 else core
            if bearer.op == "logsumexp":
                axes = bearer.params[0]
                assert isinstance(axes, int)
                x = bearer.args[0]
                if axes != 1:  # over all entries of a matrix: written out
                    continue
                if flatten_sum(softmax(x, axes).args[0]) is inner:
                    return x, False
                if x.rank == 2:
                    spread = einsum(1, [(bearer, "i")], "ji", {"j": x.shape[1]})
                    terms = x.args if x.op == "add" else (x,)
                    turned = [einsum(1, [(t, "ij")], "ji", merge=True) for t in terms]
                    if add(*turned, scale(-1, spread)) is inner:
                        return x, True
        return None, False

    def _product(self, node: Node) -> Phrase | None:
        coef, labels, out, sizes = einsum_parts(node)
        counters: dict[int, Node] = {}
        factors: list[Placed] = []
        for arg, own in zip(node.args, labels, strict=True):
            form = self._forms[arg]
            if arg.op == "matpow" and len(own) == 3 and own[0] not in out:
                form = self._counted_power(arg, own[0], counters, node)
                own = own[1:]
            factors.append(Placed(arg, own, form))
        written = self._reduced(_cut(factors, out, sizes, self), out, sizes, set(counters))
        if written is None:
            return None
        for label, counter in counters.items():
            last = subtract(size_node(sizes[label]), ONE)
            bounds = (p.num(0), self.scalar(last))
            whole = p.mul([written], Fraction(coef))
            written, coef = Phrase("sum_over", (whole, *bounds), (counter.name,), whole.shape), 1
        return names_apart(p.mul([written], Fraction(coef)))

    def _reduced(
        self, factors: list[Placed], out: tuple[int, ...], sizes: Shape, counters: set[int]
    ) -> Phrase | None:
        """A product as matrices, Kronecker products where its result has joined axes."""
        factors = self._with_vecs(factors, out, sizes, counters)
        factors = self._with_kronecker(factors, out, sizes, counters)
        if any(f.joins(out) for f in factors):
            return kronecker_form(
                factors, out, sizes, lambda part, axes: self._reduced(part, axes, sizes, counters)
            )
        if any(f.form is None or len(f.labels) > 2 for f in factors):
            return None
        used = {label for f in factors for label in f.labels} | set(out)
        if used & counters:
            return None
        network = Network(out, sizes, used)
        for f in factors:
            assert f.form is not None
            network.take(f.form, f.labels)
        return network.reduce()

    def _with_vecs(
        self, factors: list[Placed], out: tuple[int, ...], sizes: Shape, counters: set[int]
    ) -> list[Placed]:
        """w_p [p == i + m*j] A_ij -> w'*vec(A)."""
        for joint in factors:
            label = joint.labels[0] if joint.labels else -1
            if label in out or not joint.joins((label,)):
                continue
            slow, fast = joint.digits()
            rest = [f for f in factors if f is not joint]
            inside, reached = component(rest, slow)
            if label in reached or fast not in reached or not reached.isdisjoint(out):
                continue
            body = self._reduced(inside, (fast, slow), sizes, counters)
            if body is None:
                continue
            column = Placed(joint.node, (label,), p.vec(body, sizes[label]))
            kept = [f for f in rest if f not in inside]
            return self._with_vecs([*kept, column], out, sizes, counters)
        return factors

    def _with_kronecker(
        self, factors: list[Placed], out: tuple[int, ...], sizes: Shape, counters: set[int]
    ) -> list[Placed]:
        """[r == i*n + k] A_ij B_kl z_r -> (A (x) B)'*z, for anything z that r joins to the rest."""
        for joint in factors:
            row = joint.labels[0] if joint.labels else -1
            if row in out or not joint.joins((row,)):
                continue
            bearers = [f for f in factors if f is not joint and row in f.labels]
            others = [f for f in factors if f not in bearers]
            inside, reached = component(others, row)
            outside = {x for f in bearers for x in f.labels} | set(out)
            ends = (reached & outside) - {row}
            if not bearers or len(ends) > 1 or any(f.joins((row,)) for f in bearers):
                continue
            body = self._reduced(inside, (row, *ends), sizes, counters)
            if body is None:
                continue
            product = Placed(joint.node, (row, *ends), body)
            kept = [f for f in factors if f not in inside]
            return self._with_kronecker([*kept, product], out, sizes, counters)
        return factors

    def _counted_power(
        self, arg: Node, label: int, counters: dict[int, Node], node: Node
    ) -> Phrase | None:
        """A^r, where the label of the exponents becomes the summation index r."""
        base = self._forms[arg.args[0]]
        if base is None:
            return None
        if label not in counters:
            taken = names_in(node) | {c.name for c in counters.values()} | self.taken
            name = next((name for name in "rstuv" if name not in taken), unused_index(taken))
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
        taken = names_in(node).union(self.taken, (index.name for index in free))
        return names_apart(Indexer(self, free, taken).entry(node, indices), taken)

    def comprehension(self, node: Node) -> Phrase:
        """The whole of `node` by its entries."""
        taken = names_in(node) | self.taken
        names: list[str] = []
        for _ in range(node.rank):
            names.append(unused_index(taken.union(names)))
        indices = tuple(symbol(name, kind="index") for name in names)
        body = self.indexed(node, indices)
        axes = tuple((i.name, size) for i, size in zip(indices, node.shape, strict=True))
        return Phrase("comprehension", (body,), axes, node.shape)

    def scalar(self, node: Node) -> Phrase:
        """A scalar node that stands in an index, a bound or an exponent."""
        form = self.matrix(node)
        return form if form is not None else self.indexed(node, ())


def _sums_traces(form: Phrase, *, inside: bool = False) -> bool:
    """Whether a number that is worked out of matrices stands under a sum over an index."""
    inside = inside or form.head in ("sum_over", "prod_over")
    found = inside and any(a.is_matrix for a in form.args) and form.head != "entry"
    return found or any(_sums_traces(a, inside=inside) for a in form.args)


def _has_blocks(total: Phrase) -> bool:
    return any(term.head == "blocks" for term in total.args)


def _cut(
    factors: list[Placed], out: tuple[int, ...], sizes: Shape, notation: Notation
) -> list[Placed]:
    """Selections that cut one factor become its slices: x[k], X[k, :], X[a:b, :]."""
    current = list(factors)
    for selection in factors:
        node = selection.node
        if not is_equation(node) or node.rank > 2:
            continue
        coefs, offset = condition_of(node)
        if coefs not in ((1,), (1, -1), (-1, 1)):
            continue
        for at, label in enumerate(selection.labels):
            bearers = [f for f in current if f is not selection and label in f.labels]
            if label in out or len(bearers) != 1:
                continue
            start = flat(scale(-int(coefs[at]), offset))
            lies_inside = len(coefs) == 1 or (
                never_negative(start)
                and fits_when_large(plus(as_size(start), node.shape[1 - at]), node.shape[at])
            )
            if lies_inside:
                break
        else:
            continue
        (bearer,) = bearers
        if bearer.form is None or bearer.labels.count(label) != 1 or len(bearer.labels) > 2:
            continue
        axis = bearer.labels.index(label)
        current.remove(selection)
        place = current.index(bearer)
        if len(coefs) == 1:
            kept = tuple(x for x in bearer.labels if x != label)
            form = _picked(bearer, axis, start, notation)
        else:
            kept = tuple(selection.labels[1 - at] if x == label else x for x in bearer.labels)
            form = _sliced(bearer.form, axis, start, node.shape[1 - at], notation)
        current[place] = Placed(bearer.node, kept, form)
    return current


def _picked(bearer: Placed, axis: int, index: Node, notation: Notation) -> Phrase:
    """One entry of a column, or one row or column of a matrix, as a column."""
    assert bearer.form is not None
    if len(bearer.labels) == 1:
        if bearer.node.rank == 1:
            return notation.indexed(bearer.node, (index,))
        if bearer.form.head == "transpose" and bearer.form.args[0].head == "slice":
            return _entry_of_row(bearer.form.args[0], notation.scalar(index))
        if bearer.form.head == "slice" and bearer.form.shape[1] == 1:
            base, *bounds = bearer.form.args
            return p.entry(base, notation.scalar(index), bounds[2])
        return p.entry(bearer.form, notation.scalar(index))
    line = _sliced(bearer.form, axis, index, 1, notation)
    return p.transpose(line) if axis == 0 else line


def _entry_of_row(row: Phrase, column: Phrase) -> Phrase:
    """X[k, :][c] is X[k, c]."""
    base, *bounds = row.args
    return p.entry(base, bounds[0], column)


def _sliced(form: Phrase, axis: int, start: Node, size: Size, notation: Notation) -> Phrase:
    if form.head == "transpose":
        return p.transpose(_sliced(form.args[0], 1 - axis, start, size, notation))
    if form.shape[1] == 1:
        axis = 0
    ends = start, flat(add(start, size_node(size)))
    shape = tuple(size if k == axis else s for k, s in enumerate(form.shape))
    rows, columns = ((ZERO, size_node(s)) if k != axis else ends for k, s in enumerate(form.shape))
    base, *cut = form, *map(notation.scalar, (*rows, *columns))
    if form.head == "slice" and form.args[0].shape[axis] == form.shape[axis]:
        base, other = form.args[0], 2 * (1 - axis)
        cut[other : other + 2] = form.args[1 + other : 3 + other]
    return Phrase("slice", (base, *cut), (), shape)
