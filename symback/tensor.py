"""Arrays as a person sees them: nodes with a surface shape, and the operations of the language.

A `Tensor` is a node together with the shape that was written: a vector `(n,)`, a column `(n, 1)`,
a row `(1, n)`. The node below has no axes of length 1. In matrix operations a vector is a column.

A tensor may also depend on index variables (`w[i]*x[i]` inside a sum over `i`). Their axes come
first in the node and are listed in `free`; every operation carries them along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from symback import ops
from symback.errors import ShapeError, Unsupported, ValueProblem
from symback.graph import Node, Shape, Size
from symback.ops import Label, Number, einsum, size_node
from symback.rules import softmax as softmax_node
from symback.sizes import flat, minus, plus, times


class SizeMismatch(ShapeError):
    """Two sizes that would have to be equal; a caller that infers sizes may make them so."""

    def __init__(self, message: str, a: Size, b: Size) -> None:
        super().__init__(message)
        self.a = a
        self.b = b


@dataclass(frozen=True)
class Index:
    """An index variable and the range it runs through, both ends included."""

    name: str
    low: Node
    high: Node

    @property
    def size(self) -> Size:
        return plus(ops.as_size(self.high), minus(ops.as_size(self.low)), 1)


Multiples: TypeAlias = Mapping[Index, Size]
"""What each index variable is multiplied by in an index such as s*i + a."""


def extreme(multiples: Multiples, offset: Node, *, low: bool) -> Node:
    """The least or greatest value of an index, its variables at the ends of their ranges."""
    ends = []
    for index, count in multiples.items():
        rising = not isinstance(count, int) or count > 0
        ends.append(ops.multiple(count, index.low if rising == low else index.high))
    return flat(ops.add(offset, *ends))


@dataclass(frozen=True)
class Tensor:
    """A node and the shape that was written; `free` are the index variables it depends on."""

    node: Node
    shape: Shape = ()
    free: tuple[Index, ...] = ()

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_scalar(self) -> bool:
        """Whether every axis has length 1: a scalar, or an array that counts as one."""
        return all(size == 1 for size in self.shape)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels of the node's axes: index variables, then the numbers of the axes."""
        own = tuple(axis for axis, size in enumerate(self.shape) if size != 1)
        return (*self.free, *own)


def scalar(value: Number | Node) -> Tensor:
    return Tensor(value if isinstance(value, Node) else ops.number(value))


def symbol(name: str, shape: Shape = (), kind: str = "") -> Tensor:
    return Tensor(ops.symbol(name, shape, kind), shape)


def show_shape(shape: Shape) -> str:
    return "scalar" if not shape else " x ".join(show_size(size) for size in shape)


def show_size(size: Size) -> str:
    if isinstance(size, int) or size.op in ("symbol", "number"):
        return str(size)
    if size.op == "add":
        return "+".join(show_size(ops.as_size(arg)) for arg in size.args).replace("+-", "-")
    if size.op == "einsum":
        coef = ops.einsum_parts(size)[0]
        parts = [show_size(ops.as_size(arg)) for arg in size.args]
        return "*".join(parts if coef == 1 else [str(coef), *parts])
    return "?"


def _same(a: Size, b: Size, what: str, left: Tensor, right: Tensor) -> Size:
    if a != b:
        shapes = f"{show_shape(left.shape)} and {show_shape(right.shape)}"
        raise SizeMismatch(
            f"{what}: shapes {shapes} do not fit ({show_size(a)} is not {show_size(b)})", a, b
        )
    return a


def as_matrix(t: Tensor) -> Tensor:
    """A scalar as 1x1, a vector as a column."""
    if t.rank > 2:
        raise ShapeError(f"a matrix is needed here, not an array of shape {show_shape(t.shape)}")
    return Tensor(t.node, (*t.shape, *(1,) * (2 - t.rank)), t.free)


def as_vector(t: Tensor) -> Tensor:
    """A row or a column as a vector."""
    length = t.shape[1] if t.shape[0] == 1 else t.shape[0]
    return Tensor(t.node, (length,), t.free)


def as_scalar(t: Tensor) -> Tensor:
    if not t.is_scalar:
        raise ShapeError(f"a scalar is needed here, not shape {show_shape(t.shape)}")
    return Tensor(t.node, (), t.free)


def _union(tensors: Iterable[Tensor]) -> tuple[Index, ...]:
    return tuple(dict.fromkeys(index for t in tensors for index in t.free))


def _sizes(free: Iterable[Index], shape: Shape = ()) -> dict[Label, Size]:
    sizes: dict[Label, Size] = {index: index.size for index in free}
    sizes.update((axis, size) for axis, size in enumerate(shape) if size != 1)
    return sizes


def _build(
    coef: Number,
    factors: Sequence[tuple[Node, Sequence[Label]]],
    free: tuple[Index, ...],
    axes: Sequence[Label],
    shape: Shape,
    sizes: Mapping[Label, Size] | None = None,
) -> Tensor:
    """An einsum with the index variables `free` in front; unit sizes are left out by the caller."""
    carried = {label for _, labels in factors for label in labels}
    known = {**_sizes(free), **(sizes or {})}
    used = {label: size for label, size in known.items() if label not in carried and size != 1}
    kept_free = tuple(index for index in free if index.size != 1)
    used = {k: v for k, v in used.items() if k in kept_free or k in axes}
    return Tensor(einsum(coef, factors, (*kept_free, *axes), used), shape, kept_free)


# --- elementwise -------------------------------------------------------------------------------


def broadcast(tensors: Sequence[Tensor], what: str) -> tuple[list[Node], Shape, tuple[Index, ...]]:
    """The nodes spread over their common shape, that shape, and the index variables."""
    full = max(tensors, key=lambda t: t.rank)
    if full.rank == 2:
        tensors = [as_matrix(t) if t.shape else t for t in tensors]
    shape: list[Size] = list(next((t.shape for t in tensors if t.rank == full.rank), ()))
    for t in tensors:
        if t.shape and t.rank != full.rank:
            if t.is_scalar:
                continue
            shapes = f"{show_shape(full.shape)} and {show_shape(t.shape)}"
            raise ShapeError(f"{what}: shapes {shapes} do not fit")
        for axis, size in enumerate(t.shape):
            if shape[axis] == 1:
                shape[axis] = size
            elif size != 1:
                _same(shape[axis], size, what, full, t)
    free = tuple(index for index in _union(tensors) if index.size != 1)
    result = tuple(shape)
    sizes = _sizes(free, result)
    target = tuple(sizes)
    nodes = []
    for t in tensors:
        if not t.labels and all(x is y for x, y in zip(t.labels, target, strict=False)):
            nodes.append(t.node)  # scalars stay scalars
            continue
        missing = {label: size for label, size in sizes.items() if label not in t.labels}
        nodes.append(einsum(1, [(t.node, t.labels)], target, missing))
    return nodes, result, free


def elementwise(name: str, *args: Tensor, order: tuple[int, ...] = ()) -> Tensor:
    """An elementwise function of arguments that broadcast together."""
    nodes, shape, free = broadcast(args, name)
    return Tensor(ops.apply(name, *nodes, order=order), shape, free)


def add(*terms: Tensor) -> Tensor:
    nodes, shape, free = broadcast(terms, "a sum")
    sizes = _sizes(free, shape)
    target = tuple(sizes)
    spread = [n if n.shape or not target else einsum(1, [(n, ())], target, sizes) for n in nodes]
    return Tensor(ops.add(*spread), shape, free)


def scale(coef: Number, t: Tensor) -> Tensor:
    return Tensor(ops.scale(coef, t.node), t.shape, t.free)


def hadamard(*factors: Tensor) -> Tensor:
    """The elementwise product, broadcasting."""
    full = max(factors, key=lambda t: t.rank)
    if full.rank == 2:
        factors = tuple(as_matrix(t) if t.shape else t for t in factors)
    _, shape, free = broadcast(factors, "an elementwise product")
    return _build(1, [(t.node, t.labels) for t in factors], free, tuple(_sizes((), shape)), shape)


def reciprocal(t: Tensor) -> Tensor:
    return Tensor(ops.power(t.node, -1), t.shape, t.free)


def power(base: Tensor, exponent: Tensor) -> Tensor:
    """Elementwise power."""
    if exponent.is_scalar and not exponent.free:
        return Tensor(ops.power(base.node, exponent.node), base.shape, base.free)
    return elementwise("pow", base, exponent)


# --- matrix products ---------------------------------------------------------------------------


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product; a scalar or 1x1 factor scales."""
    if not a.shape or not b.shape or a.rank > 2 or b.rank > 2:
        if a.is_scalar or b.is_scalar:
            return hadamard(a, b)
        raise ShapeError(
            f"a matrix product needs matrices, not {show_shape(a.shape)} and {show_shape(b.shape)}"
        )
    left, right = as_matrix(a), as_matrix(b)
    if left.shape[1] != right.shape[0] and (a.is_scalar or b.is_scalar):
        return hadamard(as_scalar(a), b) if a.is_scalar else hadamard(a, as_scalar(b))
    _same(left.shape[1], right.shape[0], "a matrix product", a, b)
    rows, inner, columns = left.shape[0], left.shape[1], right.shape[1]
    named = dict(zip("rkc", (rows, inner, columns), strict=True))
    a_labels = (*a.free, *(x for x in "rk" if named[x] != 1))
    b_labels = (*b.free, *(x for x in "kc" if named[x] != 1))
    shape: Shape = (rows, columns)
    if b.rank == 1 and columns == 1:
        shape = (rows,)
    axes = [x for x in "rc" if named[x] != 1]
    return _build(1, [(a.node, a_labels), (b.node, b_labels)], _union((a, b)), axes, shape)


def transpose(t: Tensor) -> Tensor:
    """The transpose; a vector becomes a row."""
    if not t.shape:
        return t
    m = as_matrix(t)
    rows, columns = m.shape
    labels = (*t.free, *(x for x, size in zip("rc", m.shape, strict=True) if size != 1))
    axes = [x for x, size in (("c", columns), ("r", rows)) if size != 1]
    return _build(1, [(t.node, labels)], t.free, axes, (columns, rows))


def trace(t: Tensor) -> Tensor:
    n = _square(t, "tr")
    return t if n == 1 else _build(1, [(t.node, (*t.free, "i", "i"))], t.free, (), ())


def _square(t: Tensor, what: str) -> Size:
    m = as_matrix(t)
    if m.shape[0] != m.shape[1]:
        message = f"{what} needs a square matrix, not shape {show_shape(t.shape)}"
        raise SizeMismatch(message, m.shape[0], m.shape[1])
    return m.shape[0]


def matrix_function(name: str, t: Tensor) -> Tensor:
    """inv, det, logdet or expm of a square matrix."""
    _square(t, name)
    if t.free:
        raise Unsupported(f"{name} of a matrix that depends on a summation index")
    build: dict[str, Callable[[Node], Node]] = {
        "inv": ops.inverse,
        "det": ops.det,
        "logdet": ops.logdet,
        "expm": ops.expm,
    }
    return Tensor(build[name](t.node), t.shape if name in ("inv", "expm") else ())


def matrix_power(t: Tensor, exponent: Tensor) -> Tensor:
    """The power of a square matrix."""
    _square(t, "a power")
    if t.free or exponent.free:
        raise Unsupported("a matrix power that depends on a summation index")
    e = as_scalar(exponent).node
    value = ops.value_of(e)
    base = t.node
    if value is not None and value < -1 and value.denominator == 1:
        base, e = ops.inverse(base), ops.number(-value)
    return Tensor(ops.matrix_power(base, e), t.shape)


def diag(t: Tensor) -> Tensor:
    """The diagonal matrix of a vector; the diagonal of a square matrix."""
    m = as_matrix(t)
    if 1 in m.shape:
        n = m.shape[1] if m.shape[0] == 1 else m.shape[0]
        if n == 1:
            return Tensor(t.node, (1, 1), t.free)
        return _build(1, [(t.node, (*t.free, "i"))], t.free, "ii", (n, n))
    n = _square(t, "diag")
    return _build(1, [(t.node, (*t.free, "i", "i"))], t.free, "i", (n,))


def kron(a: Tensor, b: Tensor) -> Tensor:
    """The Kronecker product: entry [i*p + k, j*q + l] is a[i, j]*b[k, l]."""
    a, b = as_matrix(a), as_matrix(b)
    shape = tuple(times(x, y) for x, y in zip(a.shape, b.shape, strict=True))
    factors: list[tuple[Node, Sequence[Label]]] = []
    axes = []
    for axis, size in enumerate(shape):
        big, small = a.shape[axis], b.shape[axis]
        if size == 1:
            continue
        row = ("row", axis)
        if big == 1 or small == 1:
            axes.append(("a" if small == 1 else "b", axis))
            continue
        axes.append(row)
        coefs = (-1, small, 1)
        selection = ops.select("==", coefs, 0, (size, big, small))
        factors.append((selection, (row, ("a", axis), ("b", axis))))
    for name, t in (("a", a), ("b", b)):
        own = [(name, axis) for axis, size in enumerate(t.shape) if size != 1]
        factors.append((t.node, (*t.free, *own)))
    return _build(1, factors, _union((a, b)), axes, shape)


def vec(t: Tensor) -> Tensor:
    """The columns of a matrix one below the other."""
    m = as_matrix(t)
    rows, columns = m.shape
    size = times(rows, columns)
    if 1 in m.shape:
        return Tensor(t.node, (size,), t.free)
    selection = ops.select("==", (-1, 1, rows), 0, (size, rows, columns))
    factors = [(selection, "pij"), (t.node, (*t.free, "i", "j"))]
    return _build(1, factors, t.free, "p", (size,))


# --- reductions --------------------------------------------------------------------------------


def _by_axis(t: Tensor, axis: int | None) -> tuple[Node, int, Shape]:
    """The node with the axes to reduce last, their number, and the shape that stays."""
    if axis is None:
        count = t.node.rank - len(t.free)
        return t.node, count, ()
    if t.rank == 1 and axis == 0:
        return t.node, int(t.shape[0] != 1), ()
    if not 0 <= axis < t.rank:
        raise ValueProblem(f"there is no axis {axis} in shape {show_shape(t.shape)}")
    kept = tuple(1 if k == axis else size for k, size in enumerate(t.shape))
    if t.shape[axis] == 1:
        return t.node, 0, kept
    order = [*(x for x in t.labels if x != axis), axis]
    return einsum(1, [(t.node, t.labels)], order), 1, kept


def total(t: Tensor, axis: int | None = None) -> Tensor:
    """The sum of all entries, or along one axis (axis=0 gives a row, axis=1 a column)."""
    node, count, shape = _by_axis(t, axis)
    labels = tuple(range(node.rank))
    return Tensor(einsum(1, [(node, labels)], labels[: node.rank - count]), shape, t.free)


def mean(t: Tensor, axis: int | None = None) -> Tensor:
    count: Size = 1
    for k, size in enumerate(t.shape):
        if axis is None or k == axis:
            count = times(count, size)
    summed = total(t, axis)
    labels = tuple(range(summed.node.rank))
    over = ops.power(size_node(count), -1)
    return Tensor(einsum(1, [(summed.node, labels), (over, ())], labels), summed.shape, t.free)


def reduce(op: str, t: Tensor, axis: int | None = None) -> Tensor:
    """logsumexp, max or prod of all entries or along one axis."""
    node, count, shape = _by_axis(t, axis)
    return Tensor(ops.reduce(op, node, count), shape, t.free)


def minimum_entry(t: Tensor, axis: int | None = None) -> Tensor:
    return scale(-1, reduce("max", scale(-1, t), axis))


def softmax(t: Tensor, axis: int | None = None, *, log: bool = False) -> Tensor:
    """softmax of a vector over its entries, of a matrix along each row unless `axis` is given."""

    def of(node: Node, count: int) -> Node:
        p = softmax_node(node, count)
        return ops.apply("log", p) if log else p

    return _along(t, _default_softmax_axis(t) if axis is None else axis, of)


def hardmax(t: Tensor, axis: int | None = None) -> Tensor:
    """1/k at each of the k largest entries, else 0: the gradient of the largest entry."""
    return _along(t, axis, lambda node, count: ops.reduce("argmax", node, count))


def _along(t: Tensor, axis: int | None, of: Callable[[Node, int], Node]) -> Tensor:
    """An operation on the last axes of a node, for one axis of a tensor or for all of them."""
    if axis is None or t.shape[axis] == 1:
        node, count = t.node, 0 if axis is not None else t.node.rank - len(t.free)
        order = list(range(node.rank))
    else:
        order = [*(x for x in t.labels if x != axis), axis]  # type: ignore[list-item]
        node, count = einsum(1, [(t.node, t.labels)], order), 1
        order = [order.index(x) for x in t.labels]  # type: ignore[arg-type]
    axes = tuple(range(node.rank))
    return Tensor(einsum(1, [(of(node, count), axes)], order), t.shape, t.free)


def _default_softmax_axis(t: Tensor) -> int | None:
    """A vector, a column or a row has one axis to normalise; a matrix is taken row by row."""
    if sum(size != 1 for size in t.shape) <= 1:
        return None
    return t.rank - 1


def norm1(t: Tensor) -> Tensor:
    return total(elementwise("abs", t))


def norm2(t: Tensor) -> Tensor:
    """The Euclidean norm of a vector, the Frobenius norm of a matrix."""
    square = total(hadamard(t, t))
    return Tensor(ops.power(square.node, Fraction(1, 2)), (), t.free)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """The sum of the products of corresponding entries; rows and columns are the same here."""
    if a.node.rank - len(a.free) == b.node.rank - len(b.free) <= 1:
        a = Tensor(a.node, tuple(s for s in a.shape if s != 1), a.free)
        b = Tensor(b.node, tuple(s for s in b.shape if s != 1), b.free)
    return total(hadamard(a, b))


def outer(a: Tensor, b: Tensor) -> Tensor:
    left, right = as_matrix(a), as_matrix(b)
    left = left if left.shape[1] == 1 else transpose(left)
    right = right if right.shape[0] == 1 else transpose(right)
    return matmul(left, right)


def sort(t: Tensor) -> Tensor:
    if t.node.rank - len(t.free) != 1:
        raise ShapeError(f"sort needs a vector, not shape {show_shape(t.shape)}")
    return Tensor(ops.reduce("sort", t.node), t.shape, t.free)


def sorting(t: Tensor) -> Tensor:
    """The permutation matrix P of a vector with sort(t) = P*t."""
    if t.node.rank != 1:
        raise ShapeError(f"sorting needs a vector, not shape {show_shape(t.shape)}")
    return Tensor(ops.reduce("order", t.node), (t.node.shape[0], t.node.shape[0]))


# --- constant arrays and rearrangements --------------------------------------------------------


def constant(value: Node, shape: Shape) -> Tensor:
    """An array with one value everywhere."""
    sizes = _sizes((), shape)
    return Tensor(einsum(1, [(value, ())], tuple(sizes), sizes), shape)


def eye(n: Size) -> Tensor:
    return Tensor(ops.identity(n), (n, n))


def affine_map(t: Tensor, axis: int, coef: int, offset: Size, size: Size) -> Tensor:
    """Entry k along the axis becomes entry coef*k + offset of `t` (zero outside), k < size."""
    length = t.shape[axis]
    shape = tuple(size if k == axis else s for k, s in enumerate(t.shape))
    labels = list(t.labels)
    factors: list[tuple[Node, Sequence[Label]]] = []
    if length != 1:
        old: Label = ("old", axis)
        labels[labels.index(axis)] = old
        if size == 1:
            selection = ops.select("==", (1,), ops.scale(-1, size_node(offset)), (length,))
            factors.append((selection, (old,)))
        else:
            minus = ops.scale(-1, size_node(offset))
            selection = ops.select("==", (1, -coef), minus, (length, size))
            factors.append((selection, (old, axis)))
    elif size != 1:
        selection = ops.select("==", (coef,), size_node(offset), (size,))
        factors.append((selection, (axis,)))
    factors.append((t.node, labels))
    return _build(1, factors, t.free, tuple(_sizes((), shape)), shape)


def slice_axis(t: Tensor, axis: int, start: Size, size: Size, step: int = 1) -> Tensor:
    if start == 0 and step == 1 and size == t.shape[axis]:
        return t
    return affine_map(t, axis, step, start, size)


def pad_axis(t: Tensor, axis: int, before: Size, size: Size) -> Tensor:
    """Zeros before and after, to the new length `size`."""
    return affine_map(t, axis, 1, ops.as_size(ops.scale(-1, size_node(before))), size)


def concat(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """One after the other along an axis."""
    rank = max(t.rank for t in parts)
    if rank == 0:
        parts, rank = [Tensor(t.node, (1,), t.free) for t in parts], 1
    if rank == 2:
        parts = [as_matrix(t) for t in parts]
    if rank == 1:
        parts = [t if t.rank == 1 else Tensor(t.node, (1,), t.free) for t in parts]
    length: Size = 0
    for t in parts:
        length = plus(length, t.shape[axis])
        for k, (a, b) in enumerate(zip(parts[0].shape, t.shape, strict=True)):
            if k != axis:
                _same(a, b, "concat", parts[0], t)
    terms, start = [], 0
    position: Size = start
    for t in parts:
        terms.append(pad_axis(t, axis, position, length))
        position = plus(position, t.shape[axis])
    return add(*terms)


def gather(t: Tensor, rows: Sequence[int]) -> Tensor:
    """The listed rows of a matrix (entries of a vector), counted from 0."""
    size = t.shape[0]
    shape = (len(rows), *t.shape[1:])
    if size == 1:
        return hadamard(constant(ops.ONE, (len(rows), *(1,) * (t.rank - 1))), t)
    if len(rows) == 1:
        return affine_map(t, 0, 1, rows[0], 1)
    labels = [("old", 0) if x == 0 else x for x in t.labels]
    factors = [(ops.pick(rows, size), (0, ("old", 0))), (t.node, labels)]
    return _build(1, factors, t.free, tuple(_sizes((), shape)), shape)


def array(entries: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
    """An explicit array of scalars, row by row."""
    nodes, _, free = broadcast([as_scalar(t) for t in entries], "an array")
    if free:
        raise Unsupported("an explicit array whose entries depend on a summation index")
    return Tensor(ops.stack(nodes, tuple(s for s in shape if s != 1)), shape)


# --- index variables ---------------------------------------------------------------------------


def index_value(index: Index) -> Tensor:
    """The value of an index variable."""
    if index.size == 1:
        return Tensor(index.low)
    return Tensor(ops.iota(index.size, ops.as_size(index.low)), (), (index,))


def entry(t: Tensor, positions: Sequence[tuple[Multiples, Node]]) -> Tensor:
    """One entry of an array: along each axis the position sum(coefs[i]*i) + offset, from 0."""
    if t.rank != len(positions):
        raise ShapeError(f"{len(positions)} indices for shape {show_shape(t.shape)}")
    labels: dict[int, Label] = {}
    factors: list[tuple[Node, Sequence[Label]]] = []
    free = list(t.free)
    for axis, (coefs, offset) in enumerate(positions):
        size = t.shape[axis]
        used = [index for index in coefs if coefs[index]]
        fixed = flat(ops.add(offset, *(ops.multiple(coefs[i], i.low) for i in used)))
        moving = [index for index in used if index.size != 1]
        for index in moving:
            if index not in free:
                free.append(index)
        if size == 1:
            continue
        straight = len(moving) == 1 and coefs[moving[0]] == 1 and fixed is ops.ZERO
        if straight and moving[0].size == size:
            labels[axis] = moving[0]
            continue
        labels[axis] = ("axis", axis)
        signs: tuple[Size, ...] = (1, *(minus(coefs[i]) for i in moving))
        if fixed is ops.ZERO and _are_digits(moving, coefs, size):
            signs = (-1, *(coefs[i] for i in moving))
        sizes = (size, *(i.size for i in moving))
        selection = ops.select("==", signs, ops.scale(-1, fixed), sizes)
        factors.append((selection, (("axis", axis), *moving)))
    own = [*t.free, *(labels[axis] for axis, size in enumerate(t.shape) if size != 1)]
    factors.append((t.node, own))
    return _build(1, factors, tuple(free), (), ())


def _are_digits(indices: Sequence[Index], coefs: Multiples, size: Size) -> bool:
    """Whether i*n + k names each entry of an axis once, by two digits."""
    fast = [index for index in indices if coefs[index] == 1]
    slow = [index for index in indices if coefs[index] != 1]
    return (
        len(fast) == len(slow) == 1
        and coefs[slow[0]] == fast[0].size
        and times(slow[0].size, fast[0].size) == size
    )


def sum_over(t: Tensor, index: Index) -> Tensor:
    """The sum over an index variable."""
    if index not in t.free:
        count = size_node(index.size)
        labels = tuple(range(t.node.rank))
        return Tensor(einsum(1, [(t.node, labels), (count, ())], labels), t.shape, t.free)
    kept = tuple(i for i in t.free if i is not index and i != index)
    axes = [x for x in t.labels if x != index and x not in kept]
    return _build(1, [(t.node, t.labels)], kept, axes, t.shape)


def array_over(t: Tensor, index: Index) -> Tensor:
    """The array of what `t` is for each value of an index variable, along a new first axis."""
    kept = tuple(i for i in t.free if i != index)
    sizes: dict[Label, Size] = {} if index in t.free else {index: index.size}
    axes = [*([] if index.size == 1 else [index]), *(x for x in t.labels if x not in t.free)]
    return _build(1, [(t.node, t.labels)], kept, axes, (index.size, *t.shape), sizes)


def prod_over(t: Tensor, index: Index) -> Tensor:
    """The product over an index variable, of a scalar."""
    if index not in t.free:
        return power(t, Tensor(size_node(index.size)))
    t = as_scalar(t)
    kept = tuple(i for i in t.free if i != index)
    node = einsum(1, [(t.node, t.free)], (*kept, index))
    return Tensor(ops.reduce("prod", node), (), kept)


def condition(relation: str, coefs: Multiples, offset: Node) -> Tensor:
    """1 where sum(coefs[i]*i) + offset is == 0 or <= 0, as an array over the index variables."""
    moving = [i for i in coefs if coefs[i] and i.size != 1]
    start = flat(ops.add(offset, *(ops.multiple(coefs[i], i.low) for i in coefs if coefs[i])))
    if not moving:
        known = ops.value_of(start)
        if known is None:
            raise Unsupported("a condition between sizes that are not known")
        return scalar(int(known == 0 if relation == "==" else known <= 0))
    if (
        relation == "=="
        and len(moving) == 2
        and {coefs[i] for i in moving} == {1, -1}
        and start is ops.ZERO
        and moving[0].size == moving[1].size
    ):
        return Tensor(einsum(1, [], "ii", {"i": moving[0].size}), (), tuple(moving))
    shape = tuple(i.size for i in moving)
    signs = [coefs[i] for i in moving]
    if relation == "==" and signs == [1]:
        signs, start = [-1], ops.scale(-1, start)  # not an entry, which lies within its axis
    return Tensor(ops.select(relation, signs, start, shape), (), tuple(moving))


# --- sliding windows ---------------------------------------------------------------------------


def correlate(
    image: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0, *, flip: bool = False
) -> Tensor:
    """Cross-correlation without (or with zero) padding: out[i] = sum(image[s*i + a - p]*kernel[a]).

    One or two axes, the same for both. `flip` turns the kernel round: convolution.
    """
    if image.rank != kernel.rank:
        image, kernel = (
            as_vector(t) if t.rank == 2 and 1 in t.shape else t for t in (image, kernel)
        )
    if image.rank != kernel.rank or image.rank not in (1, 2):
        shapes = f"{show_shape(image.shape)} and {show_shape(kernel.shape)}"
        raise ShapeError(f"correlate needs two vectors or two matrices, not {shapes}")
    if stride < 1 or padding < 0:
        raise ValueProblem("a stride is at least 1 and a padding at least 0")
    shape = tuple(
        window_count(n, k, stride, padding) for n, k in zip(image.shape, kernel.shape, strict=True)
    )
    factors: list[tuple[Node, Sequence[Label]]] = []
    for axis, (n, k, count) in enumerate(zip(image.shape, kernel.shape, shape, strict=True)):
        # [p - s*i - a + padding == 0], with a counted from the other end when flipped
        sign, offset = (1, plus(1 + padding, minus(k))) if flip else (-1, padding)
        axes = ((("p", axis), 1, n), ((axis), -stride, count), (("a", axis), sign, k))
        moving = [(label, coef, size) for label, coef, size in axes if size != 1]
        if moving:
            selection = ops.select(
                "==", [c for _, c, _ in moving], offset, tuple(s for _, _, s in moving)
            )
            factors.append((selection, [label for label, _, _ in moving]))
    for name, t in (("p", image), ("a", kernel)):
        own = [(name, axis) for axis, size in enumerate(t.shape) if size != 1]
        factors.append((t.node, (*t.free, *own)))
    return _build(1, factors, _union((image, kernel)), tuple(_sizes((), shape)), shape)


def window_count(n: Size, k: Size, stride: int, padding: int) -> Size:
    """How many windows of k fit: floor((n + 2*padding - k)/stride) + 1."""
    room = plus(plus(n, 2 * padding), minus(k))
    if isinstance(room, int):
        if room < 0:
            raise ShapeError(f"a window of {show_size(k)} does not fit into {show_size(n)}")
        return room // stride + 1
    if stride != 1:
        raise ShapeError("a stride other than 1 needs known sizes")
    return plus(room, 1)


def pool(t: Tensor, window: int, stride: int, how: str) -> Tensor:
    """The largest entry or the mean of each window."""
    if t.rank not in (1, 2) or window < 1 or stride < 1:
        raise ShapeError(f"pooling needs a vector or a matrix, not shape {show_shape(t.shape)}")
    shape = tuple(window_count(n, window, stride, 0) for n in t.shape)
    factors: list[tuple[Node, Sequence[Label]]] = []
    inner: list[Label] = []
    for axis, (n, count) in enumerate(zip(t.shape, shape, strict=True)):
        axes = ((("p", axis), 1, n), (axis, -stride, count), (("a", axis), -1, window))
        moving = [(label, coef, size) for label, coef, size in axes if size != 1]
        if moving:
            selection = ops.select(
                "==", [c for _, c, _ in moving], 0, tuple(s for _, _, s in moving)
            )
            factors.append((selection, [label for label, _, _ in moving]))
        if window != 1:
            inner.append(("a", axis))
    own = [("p", axis) for axis, size in enumerate(t.shape) if size != 1]
    factors.append((t.node, (*t.free, *own)))
    outer = tuple(_sizes((), shape))
    windows = _build(1, factors, t.free, (*outer, *inner), shape).node
    if how == "max":
        return Tensor(ops.reduce("max", windows, len(inner)), shape, t.free)
    every = tuple(range(windows.rank))
    kept = every[: len(every) - len(inner)]
    total = einsum(Fraction(1, window**t.rank), [(windows, every)], kept)
    return Tensor(total, shape, t.free)
