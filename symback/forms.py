"""Closed forms of adjoints, and how nodes over a problem's names are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from symback.backprop import backprop
from symback.errors import Unsupported
from symback.explicit import entries_of
from symback.graph import Node, Shape, symbols_of, transform, tree_size
from symback.notation import Notation
from symback.notation.indexer import column_shape
from symback.ops import ONE, einsum, number, rebuild, symbol
from symback.phrase import Phrase, num, transpose, unit_columns
from symback.problem import Problem, Target
from symback.rules import one_hot
from symback.simplify import Simplifier
from symback.spell.text import text
from symback.spell.walk import fold, with_args
from symback.sweep import Adjoint, UnitSum
from symback.tensor import Tensor
from symback.walks import describe_briefly

MAX_CLOSED = 600  # nodes of a closed form, written out
MAX_EXPLICIT = 64  # entries of an array that is written out
MAX_EXPLICIT_NODES = 1500  # nodes of the graph in it
MAX_EXPLICIT_LENGTH = 400  # symbols, numbers and operations in it
MAX_DESCRIPTION = 60  # characters of a node in an error

ClosedIn: TypeAlias = Literal["symbols", "nodes", "adjoints"]


class Forms:
    """Writes nodes over a problem's names and adjoints."""

    def __init__(self, problem: Problem, adjoints: Mapping[str, Adjoint]) -> None:
        self.problem = problem
        self.notation = Notation(dict(_surfaces(problem)), {}, problem.origins)
        self._shapes = {t.node.name: t.shape for t in named_tensors(problem)}
        self._adjoints = {a.symbol: a.named for a in adjoints.values() if a.symbol is not a.named}
        self._forward = {d.symbol.node: d.tensor.node for d in problem.definitions}
        self._everything = {**self._forward, **self._adjoints}
        self._in_symbols: dict[Node, Node] = {}
        self._in_nodes: dict[Node, Node] = {}
        self._roots: dict[Node | None, Node] = {}
        self._closed: dict[Node, tuple[Node, ClosedIn]] = {}
        self._simplify = Simplifier(projections=True)

    # --- closed forms --------------------------------------------------------------------------

    def closed(self, adjoint: Adjoint) -> tuple[Node, ClosedIn]:
        """An adjoint in the given symbols; where that is too long in forward nodes, or as it is."""
        if adjoint.named not in self._closed:
            self._closed[adjoint.named] = self._closed_form(adjoint)
        return self._closed[adjoint.named]

    def _closed_form(self, adjoint: Adjoint) -> tuple[Node, ClosedIn]:
        node = adjoint.named
        if tree_size(node, self._everything) <= MAX_CLOSED:
            form = self._simplify(self._expand(node, self._everything, self._in_symbols))
            if self.problem.has_values or any(u.otherwise is None for u in adjoint.unit_sums):
                return form, "symbols"  # numbers are told in the named form, and want to be quick
            other = self._of_simplified_output(adjoint)
            return min(form, other or form, key=self._simplify.cost), "symbols"
        if tree_size(node, self._adjoints) <= MAX_CLOSED:
            return self._simplify(self._expand(node, self._adjoints, self._in_nodes)), "nodes"
        return node, "adjoints"

    def _of_simplified_output(self, adjoint: Adjoint) -> Node | None:
        """The adjoint from an output that was simplified first: log(sigmoid(u)) is one function.

        None where the output, written out, is long.
        """
        problem = self.problem
        target = problem.tensor(adjoint.name).node
        bindings = {name: node for name, node in self._forward.items() if name is not target}
        output = problem.output.symbol.node
        if output is target or tree_size(output, bindings) > MAX_CLOSED:
            return None
        given = target if target in self._forward else None
        if given not in self._roots:
            self._roots[given] = self._simplify(self._expand(output, bindings, {}))
        root = self._roots[given]
        upstream = ONE if problem.upstream is None else problem.upstream.node
        try:
            (slope,) = backprop(root, [target], upstream)
        except Unsupported:  # a power that was joined may have no rule
            return None
        closed = self._expand(self._simplify(slope), self._forward, self._in_symbols)
        return self._simplify(closed)

    def _expand(self, root: Node, bindings: Mapping[Node, Node], memo: dict[Node, Node]) -> Node:
        """`root` with every bound symbol replaced, and those in the replacements too."""
        stack = [s for s in symbols_of([root]) if s in bindings]
        while stack:
            name = stack[-1]
            if name in memo:
                stack.pop()
                continue
            inner = [s for s in symbols_of([bindings[name]]) if s in bindings and s not in memo]
            if inner:
                stack.extend(inner)
                continue
            memo[name] = transform(bindings[name], rebuild, memo)
        return transform(root, rebuild, memo)

    # --- writing -------------------------------------------------------------------------------

    def write(self, node: Node, shape: Shape | None = None) -> Phrase:
        """Matrix notation; where there is none, the entries one by one, or index notation.

        `shape` is the shape as the user sees it: a row is written as a row.
        """
        return self.finished(self._write(node, shape))

    def _write(self, node: Node, shape: Shape | None) -> Phrase:
        form = self.notation.matrix(node)
        is_row = shape is not None and len(shape) == 2 and shape[0] == 1 and node.rank == 1
        short = form is not None and not unit_columns(form)
        explicit = None if short or not node.shape else self._explicit(node)
        if form is not None and (explicit is None or form.length < explicit.length):
            return transpose(form) if is_row else form
        if not node.shape:
            return self.notation.indexed(node, ())
        if explicit is not None:
            return explicit if not is_row else _as_row(explicit)
        return self.notation.comprehension(node)

    def _explicit(self, node: Node) -> Phrase | None:
        """The array written out, a vector as a column; None where that is long."""
        if node.rank > 2 or count(node.shape) is None:
            return None
        entries = entries_of(node, self._simplify)
        if entries is None or sum(map(tree_size, entries)) > MAX_EXPLICIT_NODES:
            return None
        written = tuple(self.notation.indexed(entry, ()) for entry in entries)
        form = Phrase("array", written, (), column_shape(node.shape))
        return form if form.length <= MAX_EXPLICIT_LENGTH else None

    def finished(self, phrase: Phrase) -> Phrase:
        """Scalar factors in order, and entries with an index for each axis that was declared.

        x[1]*dL_dz[1]  ->  dL_dz[1]*x[1],    w[2]  ->  w[1,2] for a row w
        """

        def visit(piece: Phrase, args: tuple[Phrase, ...]) -> Phrase:
            if piece.head == "sum" and transpose(args[0]).length < args[0].length:
                return Phrase("sum", (transpose(args[0]),))
            if piece.head == "entry" and args[0].head == "symbol":
                return Phrase("entry", (args[0], *self._all_indices(args[0], args[1:])))
            return with_args(piece, _in_order(piece, args))

        return fold(phrase, visit)

    def _all_indices(self, base: Phrase, indices: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
        shape = self._shapes.get(str(base.data[0]), ())
        if len(shape) - len(indices) != shape.count(1):
            return indices
        rest = iter(indices)
        return tuple(num(0) if size == 1 else next(rest) for size in shape)

    def write_by_index(self, node: Node) -> Phrase:
        """Index notation throughout."""
        if not node.shape:
            return self.finished(self.notation.indexed(node, ()))
        return self.finished(self.notation.comprehension(node))

    def entry(self, node: Node, indices: Sequence[int | str]) -> Phrase:
        """One entry of a node, as a scalar expression."""
        if not node.shape:
            return self.write(node)
        if all(isinstance(index, int) for index in indices):
            entries = entries_of(at_entry(node, indices), self._simplify)
            if entries is not None:
                form = self.write(entries[0])
                if form.length <= MAX_EXPLICIT_LENGTH:
                    return form
        return self.finished(self.notation.indexed(node, tuple(map(index_node, indices))))

    def text(self, phrase: Phrase) -> str:
        """A phrase in the input language."""
        return text(phrase, output=self.problem.of, index_base=self.problem.index_base)

    def describe(self, node: Node) -> str:
        """A node in an error message: `log(y)`, or (1 - y) where an index may follow."""
        if node.op == "symbol":
            if node.params[1] == "adjoint":
                return f"d{self.problem.of}/d{node.name}"
            return node.name
        form = self.notation.matrix(node)
        written = describe_briefly(node) if form is None else self.text(form)
        if len(written) > MAX_DESCRIPTION:
            return describe_briefly(node)
        loose = form is not None and form.head in ("add", "mul", "hadamard")
        return f"({written})" if loose else written

    def remark(self, unit_sum: UnitSum, shape: Shape) -> str:
        """What a simplification used, or what form it would have."""
        name, rank = unit_sum.name, unit_sum.rank
        total = f"sum({name})" if rank == 1 else f"sum({name}, axis={unit_sum.axis})"
        if unit_sum.otherwise is None:
            return f"used {total} = 1, which holds for the given {name}"
        return f"= {self.text(self.write(unit_sum.otherwise, shape))} if {total} = 1"


def _surfaces(problem: Problem) -> Iterator[tuple[Node, Shape]]:
    """The declared shapes of names that are rows or 1x1, and of their adjoints."""
    for tensor in named_tensors(problem):
        if len(tensor.shape) == 2 and tensor.shape[0] == 1:
            yield tensor.node, tensor.shape
            yield symbol(tensor.node.name, tensor.node.shape, "adjoint"), tensor.shape


def named_tensors(problem: Problem) -> list[Tensor]:
    """Every given symbol and every definition as a symbol."""
    return [*problem.symbols.values(), *(d.symbol for d in problem.definitions)]


def _as_row(column: Phrase) -> Phrase:
    return Phrase(column.head, column.args, column.data, (1, column.shape[0]))


def _in_order(piece: Phrase, args: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    """Factors as one writes them: adjoints first, then scalar variables by name and index."""
    if piece.head == "hadamard":
        return tuple(sorted(args, key=lambda arg: not _is_adjoint(arg)))
    if piece.head == "mul":
        scalars = [arg for arg in args if not arg.is_matrix]
        return (*sorted(scalars, key=_scalar_order), *(arg for arg in args if arg.is_matrix))
    return args


def _is_adjoint(phrase: Phrase) -> bool:
    if phrase.head in ("entry", "transpose"):
        phrase = phrase.args[0]
    return phrase.head == "symbol" and phrase.data[1] == "adjoint"


def _scalar_order(phrase: Phrase) -> tuple[int, str, tuple[int, ...]]:
    if _is_adjoint(phrase):
        return 0, "", ()
    base = phrase.args[0] if phrase.head == "pow" else phrase
    indices = base.args[1:] if base.head == "entry" else ()
    base = base.args[0] if base.head == "entry" else base
    if base.head == "symbol" and all(index.is_number for index in indices):
        return 1, str(base.data[0]), tuple(int(index.value) for index in indices)
    return 2, "", ()


def count(shape: Shape) -> int | None:
    """How many entries an array has; None if that is not known or too many to write out."""
    total = 1
    for size in shape:
        if not isinstance(size, int):
            return None
        total *= size
    return total if total <= MAX_EXPLICIT else None


def index_node(index: int | str) -> Node:
    """An index, counted from 0, as a node."""
    return number(index) if isinstance(index, int) else symbol(index, kind="index")


def node_indices(target: Target, shape: Shape) -> tuple[int | str, ...]:
    """The indices of a target along the axes that its node has."""
    assert target.indices is not None
    sizes = (*shape, *(1,) * (len(target.indices) - len(shape)))
    return tuple(i for i, size in zip(target.indices, sizes, strict=True) if size != 1)


def at_entry(node: Node, indices: Sequence[int | str]) -> Node:
    """One entry of a node as a node."""
    axes = tuple(range(node.rank))
    picks = [
        (one_hot(index if isinstance(index, int) else index_node(index), size), (axis,))
        for axis, index, size in zip(axes, indices, node.shape, strict=True)
    ]
    return einsum(1, [(node, axes), *picks], ())
