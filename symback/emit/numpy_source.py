"""Graph nodes as NumPy code for people to read.

>>> from symback.ops import apply, einsum, symbol
>>> W, x = symbol("W", (3, 2)), symbol("x", (2,))
>>> emit(apply("relu", einsum(1, [(W, "ij"), (x, "j")], "i")), {W: "W", x: "x"})
'np.maximum(W @ x, 0)'

Arrays have the axes of their nodes: a column, a row and a vector are arrays with one axis.
"""

from __future__ import annotations

import builtins
import keyword
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TypeAlias

from symback.emit.helpers import SOURCES
from symback.emit.pieces import (
    Level,
    Piece,
    at,
    call,
    number,
    power,
    product,
    total,
)
from symback.emit.products import Operand, Product
from symback.emit.selections import Selection, indexed
from symback.errors import NameProblem, Unsupported
from symback.graph import Node, Size, topological, tree_size
from symback.ops import (
    as_size,
    einsum_parts,
    rebuild,
    size_node,
    split_power,
    transpose,
    value_of,
)

Names: TypeAlias = Mapping[Node, str]
Labels: TypeAlias = tuple[int, ...]

NUMPY = {
    "exp": "np.exp", "log": "np.log", "sin": "np.sin", "cos": "np.cos", "tan": "np.tan",
    "asin": "np.arcsin", "acos": "np.arccos", "atan": "np.arctan", "sinh": "np.sinh",
    "cosh": "np.cosh", "tanh": "np.tanh", "asinh": "np.arcsinh", "acosh": "np.arccosh",
    "atanh": "np.arctanh", "abs": "np.abs", "sign": "np.sign", "floor": "np.floor",
    "maximum": "np.maximum", "minimum": "np.minimum", "erf": "erf", "gamma": "gamma_function",
    "loggamma": "log_gamma", "polygamma": "polygamma", "sigmoid": "sigmoid", "gelu": "gelu",
}  # fmt: skip
"""Functions that are a call; the others are spelled in `_SPELLED`."""

COMPARISONS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}
REDUCTIONS = {"max": "np.max", "prod": "np.prod", "logsumexp": "logsumexp", "argmax": "argmax_mask"}
MAX_TREE = 400  # nodes of an expression that is written on one line
RESERVED = frozenset({*SOURCES, "np", "math", *keyword.kwlist, *keyword.softkwlist, *dir(builtins)})


def emit(node: Node, names: Names) -> str:
    """`node` as one NumPy expression over the variables `names`.

    Raises:
        NameProblem: for a symbol or size without a name.
    """
    return Emitter(names).expression(node)


def variable_names(wanted: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """A Python variable for each name; those that mean something in Python get a `_`.

    >>> variable_names(["W1", "lambda"])
    {'W1': 'W1', 'lambda': 'lambda_'}
    """
    listed = list(wanted)
    taken = {*RESERVED, *reserved}
    result: dict[str, str] = {}
    for name in listed:
        variable = "".join(c if c.isalnum() or c == "_" else "_" for c in name) or "_"
        variable = variable if variable.isidentifier() else f"_{variable}"
        while variable in taken or (variable != name and variable in listed):
            variable += "_"
        taken.add(variable)
        result[name] = variable
    return result


class Emitter:
    """Writes nodes over the variables `names` and keeps account of the helpers that they need.

    Attributes:
        helpers: names of rows of :data:`symback.emit.helpers.SOURCES` used so far.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.helpers: set[str] = set()
        self._done: dict[Node, Piece] = {}

    def expression(self, node: Node) -> str:
        """One expression."""
        return self.piece(node).solid.text

    def statements(self, root: Node, variable: str) -> list[tuple[str, str]]:
        """Assignments (variable, expression) that end in `variable`, the value of `root`.

        What a long expression uses several times gets a variable of its own, `variable_1`, ...
        """
        if tree_size(root) <= MAX_TREE:
            return [(variable, self.expression(root))]
        order = topological([root])
        uses = Counter(arg for node in order for arg in set(node.args))
        names = dict(self.names)
        inner = Emitter(names)
        result: list[tuple[str, str]] = []
        for node in order:
            plain = not node.args or node.op in ("select", "iota") or node in names
            if uses[node] > 1 and not plain:
                name = f"{variable}_{len(result) + 1}"
                result.append((name, inner.expression(node)))
                names[node] = name
                inner._done[node] = Piece(name)
        result.append((variable, inner.expression(root)))
        self.helpers |= inner.helpers
        return result

    def piece(self, root: Node) -> Piece:
        """The expression with its level; every node below `root` is written once."""
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self._done:
                stack.pop()
                continue
            named = node in self.names
            waiting = [] if named else [arg for arg in node.args if arg not in self._done]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            self._done[node] = self._written(node)
            stack.pop()
        return self._done[root]

    def size(self, size: Size) -> str:
        """A size, a whole number, as an expression."""
        return self.whole(size).text

    def whole(self, size: Size) -> Piece:
        """A size as a piece."""
        node = size_node(size)
        if node.op == "add":
            return total([self.whole(as_size(arg)) for arg in node.args])
        if node.op == "einsum" and not any(einsum_parts(node)[1]):
            factors = [self.whole(as_size(arg)) for arg in node.args]
            coef = Fraction(einsum_parts(node)[0])
            if coef.denominator == 1:
                return product(factors, coef=coef)
        if node.op == "map" and node.params[0] == "floor":
            return call("int", call("np.floor", self.whole(as_size(node.args[0]))))
        piece = self.piece(node)
        return piece if node.op in ("symbol", "number") else call("int", piece)

    # --- nodes ---------------------------------------------------------------------------------

    def _written(self, node: Node) -> Piece:
        name = self.names.get(node)
        if name is not None:
            return Piece(name)
        if node.op == "symbol":
            raise NameProblem(f"no variable holds '{node.name}'")
        return _ROWS.get(node.op, Emitter._operation)(self, node)

    def _args(self, node: Node) -> list[Piece]:
        return [self._done[arg] for arg in node.args]

    def _shape(self, node: Node) -> str:
        sizes = [self.size(size) for size in node.shape]
        return sizes[0] if len(sizes) == 1 else f"({', '.join(sizes)})"

    def _helper(self, name: str) -> str:
        if name in SOURCES:
            self.helpers.add(name)
        return name

    def _number(self, node: Node) -> Piece:
        return number(value_of(node) or 0)

    def _constant(self, node: Node) -> Piece:
        return Piece({"pi": "np.pi", "e": "np.e"}[str(node.params[0])])

    def _zeros(self, node: Node) -> Piece:
        return call("np.zeros", self._shape(node))

    def _iota(self, node: Node) -> Piece:
        offset, size = node.args[0], self.whole(node.shape[0])
        if value_of(offset) == 0:
            return call("np.arange", size)
        start = self.whole(as_size(offset))
        return call("np.arange", start, total([start, size]))

    def _select(self, node: Node) -> Piece:
        return self._selection(node, tuple(range(node.rank))).materialised()

    def _pick(self, node: Node) -> Piece:
        columns, size = node.params[0], self.size(node.shape[1])
        assert isinstance(columns, tuple)
        return at(call("np.eye", size), f"[{', '.join(map(str, columns))}]")

    def _selection(self, node: Node, labels: tuple[int, ...]) -> Selection:
        sizes = tuple(map(self.whole, node.shape))
        known = tuple(size if isinstance(size, int) else None for size in node.shape)
        if node.op == "pick":
            columns = node.params[0]
            assert isinstance(columns, tuple)
            return Selection(self._pick(node), labels, sizes, known, columns=columns)
        relation, coefs = node.params
        assert isinstance(coefs, tuple)
        offset = as_size(node.args[0])
        return Selection(
            None,
            labels,
            sizes,
            known,
            relation=str(relation),
            coefs=tuple(coefs),
            offset=offset,
            whole=self.whole,
            shape=node.shape,
        )

    def _stack(self, node: Node) -> Piece:
        texts = [piece.solid.text for piece in self._args(node)]
        for size in reversed(node.shape):
            assert isinstance(size, int)
            rows = range(0, len(texts), size)
            texts = [f"[{', '.join(texts[k : k + size])}]" for k in rows]
        return call("np.array", texts[0])

    def _add(self, node: Node) -> Piece:
        return self._concatenation(node) or total(self._fitting(node))

    def _concatenation(self, node: Node) -> Piece | None:
        """A sum of arrays that are set into zeros side by side: one after the other."""
        placed = [self._placed(arg) for arg in node.args]
        parts = sorted((part for part in placed if part is not None), key=lambda part: part.start)
        if len(parts) < len(placed) or len({part.axis for part in parts}) > 1:
            return None
        starts = [part.start for part in parts] + [node.shape[parts[0].axis]]
        ends = [0] + [part.start + part.length for part in parts]
        if starts != ends or node.rank > 2:
            return None
        if node.rank == 2 and any(part.arg.rank < 2 for part in parts):
            return None
        function = "np.hstack" if parts[0].axis == node.rank - 1 else "np.vstack"
        return call(function, f"[{', '.join(self._done[p.arg].solid.text for p in parts)}]")

    def _placed(self, node: Node) -> _Placed | None:
        """For result[..., start + i, ...] = x[..., i, ...]: the array x, where it goes."""
        if node.op != "einsum" or node in self.names or len(node.args) != 2:
            return None
        coef, labels, out, _ = einsum_parts(node)
        pairs = sorted(zip(node.args, labels, strict=True), key=lambda pair: pair[0].op != "select")
        (selection, own), (arg, used) = pairs
        if coef != 1 or selection.op != "select" or not 1 <= len(own) <= 2:
            return None
        for axis, label in enumerate(own):
            solved = self._selection(selection, own).solved(axis)
            if solved is None or label not in out or not isinstance(solved[1], int):
                continue
            others, start = solved[0], solved[1]
            length = 1 if len(own) == 1 else selection.shape[1 - axis]
            straight = [k for k in out if k != label or len(own) == 2]
            wanted = tuple(own[1 - axis] if k == label else k for k in straight)
            if isinstance(length, int) and used == wanted and all(c == 1 for _, c in others):
                return _Placed(arg, out.index(label), int(start), length)
        return None

    def _fitting(self, node: Node) -> list[Piece]:
        """Arguments that broadcast to the shape of `node`: spread out only if all would need it."""
        axes: set[int] = set()
        for arg in node.args:
            axes |= self._axes(arg)
        loose = [self._loose(arg) for arg in node.args]
        if len(axes) == node.rank:
            return loose
        return [self._done[node.args[0]], *loose[1:]]

    def _axes(self, node: Node) -> set[int]:
        """The axes along which the node, loosely written, is not constant."""
        if node.op != "einsum" or node in self.names:
            return set(range(node.rank))
        _, labels, out, _ = einsum_parts(node)
        carried = {label for own in labels for label in own}
        whole = len(set(out)) < len(out)
        return {axis for axis, label in enumerate(out) if whole or label in carried}

    def _loose(self, node: Node) -> Piece:
        """The node without the axes along which it is constant."""
        if len(self._axes(node)) == node.rank:
            return self._done[node]
        return self._product(node, spread=False)

    def _einsum(self, node: Node) -> Piece:
        return self._product(node, spread=True)

    def _product(self, node: Node, *, spread: bool) -> Piece:
        coef, labels, out, sizes = einsum_parts(node)
        if not node.args and len(out) == 2 and out[0] == out[1]:
            return product([call("np.eye", self.size(sizes[0]))], coef=coef)
        operands: list[Operand] = []
        selections: list[Selection] = []
        coef, factors = self._flattened(Fraction(coef), zip(node.args, labels, strict=True))
        for arg, own in sorted(factors, key=lambda factor: not _is_adjoint(factor[0])):
            if arg.op in ("select", "pick") and arg not in self.names:
                selections.append(self._selection(arg, own))
            else:
                operands.append(self._operand(arg, own))
        operands = indexed(operands, selections, out, self.helpers)
        operands = [y for x in operands for y in _without_diagonal(x)]
        distinct = tuple(dict.fromkeys(out))
        texts = [self.size(size) for size in sizes]
        if len(distinct) == len(out):
            return Product(tuple(operands), out, coef, texts).piece(spread=spread)
        if len(out) == 2:
            whole = Product(tuple(operands), distinct, coef, texts).piece(spread=True)
            return call("np.diag", whole)
        fresh, target = len(sizes), list(out)
        for place, label in enumerate(out):
            if label in out[:place]:
                operands.append(Operand(call("np.eye", texts[label]), (label, fresh)))
                texts.append(texts[label])
                target[place] = fresh
                fresh += 1
        return Product(tuple(operands), tuple(target), coef, texts).piece(spread=True)

    def _flattened(
        self, coef: Fraction, factors: Iterable[tuple[Node, Labels]]
    ) -> tuple[Fraction, list[tuple[Node, Labels]]]:
        """Factors that are themselves products without a sum are multiplied out."""
        result: list[tuple[Node, Labels]] = []
        for arg, own in factors:
            inner = einsum_parts(arg) if arg.op == "einsum" and arg not in self.names else None
            if inner is None or not arg.args or self._under(arg) is not None:
                result.append((arg, own))
                continue
            inner_coef, labels, out, sizes = inner
            carried = {label for used in labels for label in used}
            if len(sizes) == len(out) and carried == set(out):
                rename = dict(zip(out, own, strict=True))
                renamed = (tuple(rename[label] for label in used) for used in labels)
                more = self._flattened(coef * inner_coef, zip(arg.args, renamed, strict=True))
                coef = more[0]
                result += more[1]
            else:
                result.append((arg, own))
        return coef, result

    def _operand(self, arg: Node, own: Labels) -> Operand:
        under = self._under(arg)
        if under is not None:
            return Operand(under, own, bottom=True)
        inverted = flipped = None
        if arg.op == "inv" and arg not in self.names:
            inverted = self._done[arg.args[0]]
        if arg.op in ("add", "map") and arg.rank == 2 and arg not in self.names:
            flipped = partial(self._flipped, arg)
        return Operand(self._done[arg], own, inverted=inverted, flipped=flipped)

    def _under(self, node: Node) -> Piece | None:
        """1/node, where the node is a product of negative powers and nothing else."""
        if node in self.names:
            return None
        base, exponent = split_power(node)
        e = value_of(exponent)
        if e is not None and e < 0:
            return self._raised(self._done[base], number(-e), -e)
        if node.op != "einsum" or not node.args:
            return None
        coef, labels, out, _ = einsum_parts(node)
        if coef != 1 or len(set(out)) < len(out) or any(own != out for own in labels):
            return None
        parts = [self._under(arg) for arg in node.args]
        found = [part for part in parts if part is not None]
        return product(found) if len(found) == len(parts) else None

    def _flipped(self, node: Node) -> Piece:
        """A sum or a function of matrices, transposed: its arguments are."""
        flat = {arg: transpose(arg) for arg in node.args if arg.rank == 2}
        return self.piece(rebuild(node, tuple(flat.get(arg, arg) for arg in node.args)))

    # --- functions -----------------------------------------------------------------------------

    def _map(self, node: Node) -> Piece:
        name, *order = node.params
        args = self._fitting(node) if len(node.args) > 1 else self._args(node)
        spelled = _SPELLED.get(str(name))
        if name == "pow":
            return self._raised(args[0], args[1], value_of(node.args[1]))
        if spelled is not None:
            return spelled(*args)
        if name in COMPARISONS:
            left, right = (arg.solid.at_least(Level.SUM) for arg in args)
            return Piece(f"{left} {COMPARISONS[str(name)]} {right}", Level.COMPARE, truth=True)
        if name in NUMPY:
            return call(self._helper(NUMPY[str(name)]), *args)
        return call(unknown_function(str(name), tuple(order)), *args)  # type: ignore[arg-type]

    def _raised(self, base: Piece, exponent: Piece, value: Fraction | None) -> Piece:
        if value == 1:
            return base
        if value is not None and value < 0:
            under = self._raised(base, number(-value), -value)
            return product([], [under])
        if value == Fraction(1, 2):
            return call("np.sqrt", base)
        return power(base, exponent)

    # --- reductions and linear algebra ---------------------------------------------------------

    def _reduction(self, node: Node) -> Piece:
        (x,), (count,) = self._args(node), node.params
        rank = node.args[0].rank
        assert isinstance(count, int)
        function = self._helper(REDUCTIONS[node.op])
        if count == rank:
            return call(function, x)
        axes = [str(axis - count) for axis in range(count)]
        written = axes[0] if count == 1 else f"({', '.join(axes)})"
        return call(function, x, f"axis={written}")

    def _matpow(self, node: Node) -> Piece:
        a, exponent = self._args(node)
        if node.args[1].shape:
            return call(self._helper("matrix_powers"), a, exponent)
        return call("np.linalg.matrix_power", a, self.size(as_size(node.args[1])))

    def _operation(self, node: Node) -> Piece:
        if node.op not in _CALLS:
            raise Unsupported(f"cannot write {node.op} in NumPy")
        return call(self._helper(_CALLS[node.op]), *self._args(node))

    def _logdet(self, node: Node) -> Piece:
        return at(call("np.linalg.slogdet", *self._args(node)), "1")


def unknown_function(name: str, order: tuple[int, ...]) -> str:
    """The variable that holds an unknown function, or a derivative of it.

    >>> unknown_function("f", ()), unknown_function("f", (1,)), unknown_function("f", (0, 1))
    ('f', 'f_d1', 'f_d0_1')
    """
    return name + ("_d" + "_".join(map(str, order)) if any(order) else "")


@dataclass(frozen=True)
class _Placed:
    """An array, the axis along which it is set into zeros, where it starts there, how long."""

    arg: Node
    axis: int
    start: int
    length: int


def _is_adjoint(node: Node) -> bool:
    return node.op == "symbol" and node.params[1] == "adjoint"


def _without_diagonal(x: Operand) -> list[Operand]:
    """The diagonal of a matrix with equal labels, as a vector."""
    if len(x.labels) == 2 and x.labels[0] == x.labels[1] and not x.bottom:
        return [Operand(call("np.diag", x.piece), x.labels[:1])]
    return [x]


def _truth(piece: Piece) -> str:
    """A condition, as a boolean array."""
    return piece.text if piece.truth else f"{piece.at_least(Level.SUM)} != 0"


def _joined(sign: str) -> Callable[[Piece, Piece], Piece]:
    def spelled(a: Piece, b: Piece) -> Piece:
        return Piece(f"({_truth(a)}) {sign} ({_truth(b)})", Level.COMPARE, truth=True)

    return spelled


_SPELLED: dict[str, Callable[..., Piece]] = {
    "relu": lambda x: call("np.maximum", x, "0"),
    "softplus": lambda x: call("np.logaddexp", "0", x),
    "step": lambda x: Piece(f"{x.solid.at_least(Level.SUM)} > 0", Level.COMPARE, truth=True),
    "heaviside": lambda x: call("np.heaviside", x, "0.5"),
    "where": lambda c, a, b: call("np.where", _truth(c), a, b),
    "and": _joined("&"),
    "or": _joined("|"),
    "not": lambda a: Piece(f"np.logical_not({_truth(a)})", truth=True),
}

_CALLS = {
    "sort": "np.sort",
    "order": "sorting_matrix",
    "inv": "np.linalg.inv",
    "det": "np.linalg.det",
    "expm": "expm",
}

_ROWS: dict[str, Callable[[Emitter, Node], Piece]] = {
    "number": Emitter._number,
    "constant": Emitter._constant,
    "zeros": Emitter._zeros,
    "iota": Emitter._iota,
    "select": Emitter._select,
    "pick": Emitter._pick,
    "stack": Emitter._stack,
    "add": Emitter._add,
    "einsum": Emitter._einsum,
    "map": Emitter._map,
    "matpow": Emitter._matpow,
    "logdet": Emitter._logdet,
    **dict.fromkeys(REDUCTIONS, Emitter._reduction),
}
