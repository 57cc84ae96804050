"""An expression differentiated: SymPy read, swept backwards and simplified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import array_expressions as arrays

from symback import ops
from symback.backprop import jacobian as sweep
from symback.errors import DomainError, Unsupported
from symback.graph import Node, Shape, symbols_of, topological, transform
from symback.ops import Label, Labels, einsum, einsum_parts
from symback.phrase import Phrase
from symback.simplify import Simplifier
from symback.simplify.expand import masks_in
from symback.simplify.rolling import rolled_up
from symback.sympy_digits import in_digits
from symback.sympy_inverse import with_inverses
from symback.sympy_read import Reader, expression, short_text
from symback.tensor import Tensor

#: Functions whose rules hold for real arguments only.
REAL_ONLY = (sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside, sp.re, sp.im, sp.conjugate, sp.arg)


class Variable:
    """What is differentiated by: a symbol, or one entry of a symbol."""

    def __init__(self, wrt: Any, reader: Reader) -> None:
        self.entry: tuple[Node, ...] | None = None
        self.is_array = isinstance(wrt, (sp.IndexedBase, arrays.ArraySymbol))
        if isinstance(wrt, sp.Indexed):
            base = reader.indexed_base(wrt.base)
            origins = reader.origins.get(base.node, (ops.ZERO,) * base.rank)
            indices = [
                reader.position(i, {}, o)[1] for i, o in zip(wrt.indices, origins, strict=True)
            ]
        elif isinstance(wrt, (MatrixElement, arrays.ArrayElement)):
            base = reader.read(wrt.args[0])
            places = wrt.indices if isinstance(wrt, arrays.ArrayElement) else wrt.args[1:]
            indices = [reader.position(i, {})[1] for i in places]
        elif isinstance(wrt, sp.IndexedBase):
            base, indices = reader.indexed_base(wrt), []
        elif isinstance(wrt, (sp.Symbol, sp.MatrixSymbol, arrays.ArraySymbol)):
            base, indices = reader.read(wrt), []
        else:
            raise Unsupported(
                f"cannot differentiate by {wrt}",
                hint="differentiate by a symbol, a matrix symbol, or an entry of one",
            )
        if base.node.op != "symbol" or base.node.params[1] == "size":
            reason = "it is a size, an index, or the exponent of a matrix power"
            raise Unsupported(f"cannot differentiate by {wrt}: {reason}")
        open_sizes = [s for s in base.shape if isinstance(s, Node) and s.params[1:] == ("open",)]
        if isinstance(wrt, sp.IndexedBase) and open_sizes:
            raise Unsupported(
                f"cannot differentiate by {wrt}: its shape is not known",
                hint=f"differentiate by an entry, or declare IndexedBase('{wrt}', shape=(n,))",
            )
        self.node = base.node
        self.shape: Shape = base.shape
        self.structure = reader.structure_of(wrt.args[0] if indices else wrt)
        if indices:
            sized = [i for i, size in zip(indices, base.shape, strict=True) if size != 1]
            self.entry = tuple(sized)
            self.shape = ()


class Derivation:
    """One derivative on its way from SymPy to SymPy."""

    def __init__(self, expr: Any, variables: tuple[Any, ...]) -> None:
        self.endless = sp.Dummy("oo", integer=True, positive=True)
        self.expr = with_inverses(in_digits(_with_ends(expression(expr), self.endless)))
        if self.expr.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
            raise DomainError(f"this is not finite: {short_text(expr)}")
        if self.expr.has(sp.I) and self.expr.has(*REAL_ONLY):
            raise Unsupported(
                f"the derivative of {short_text(expr)}, where a case depends on a complex number"
            )
        variables = tuple(expression(v) for v in variables)
        self.expr, self.calls = _held(self.expr, variables)
        variables = tuple(self.calls.get(v, v) for v in variables)
        self.reader = Reader(self.expr, variables=variables)
        self.root = self.reader.read(self.expr)
        shape = () if self.root.is_scalar else self.root.shape
        node = rolled_up(self.root.node)
        stand_ins = masks_in(node)
        self.masks = {symbol: mask for mask, symbol in stand_ins.items()}
        self.root = Tensor(transform(node, ops.rebuild, stand_ins), shape, self.root.free)
        self.known = [Variable(v, self.reader) for v in variables]
        self.denominators: set[Phrase] = set()  # of what has been written: one sign for all
        self._tidies: dict[tuple[bool, frozenset[Node]], Simplifier] = {}

    def by(self, *places: int) -> Derivative:
        """The derivative by these of the variables, one after the other."""
        variables = tuple(self.known[place] for place in places)
        indices = any(v.entry is not None for v in variables) or bool(self.reader.tables)
        node = whole = self.tidy(indices, frozenset())(self.root.node)
        tidy = self.tidy(indices, _kinks(node, [v.node for v in variables]))
        for variable in variables:
            node = tidy(sweep(node, [variable.node])[0])
            if variable.structure:
                node = tidy(_within(node, variable))
            whole = node
            if variable.entry is not None:
                node = tidy(at_entry(node, variable.entry))
        return Derivative(self, variables, node, whole)

    def tidy(self, indices: bool, kinks: frozenset[Node] = frozenset()) -> Simplifier:
        """A simplifier, which remembers what it has simplified."""
        return self._tidies.setdefault(
            (indices, kinks),
            Simplifier(indices=indices, projections=not indices, kinks=kinks),
        )


@dataclass(frozen=True)
class Derivative:
    """A derivative of an expression as a graph: the expression's axes, then the variables'."""

    of: Derivation
    variables: tuple[Variable, ...]
    node: Node
    whole: Node  #: by the whole of the last variable, where that is an entry of one

    @property
    def by_indices(self) -> bool:
        """Whether a variable is an entry."""
        return any(variable.entry is not None for variable in self.variables)

    @property
    def by_arrays(self) -> bool:
        """Whether a variable is an array rather than a matrix."""
        return any(variable.is_array for variable in self.variables)


def _held(expr: Any, variables: Sequence[Any]) -> tuple[Any, dict[Any, Any]]:
    """The expression with symbols for f(t) and Derivative(f(t), t), where one is a variable.

    Each is then a variable of its own, as in Lagrange's equations.
    """
    functions = [v for v in variables if isinstance(v, (AppliedUndef, sp.Derivative))]
    if not functions:
        return expr, {}
    for v in functions:
        for inner in v.free_symbols.intersection(variables):
            raise Unsupported(f"cannot differentiate by {v} and by {inner} at once")
    expr = expr.replace(
        lambda e: isinstance(e, sp.Derivative) and not isinstance(e.expr, AppliedUndef),
        lambda e: e.doit(deep=False),
    )
    found = {d for d in expr.atoms(sp.Derivative) if isinstance(d.expr, AppliedUndef)}
    symbols = {call: sp.Symbol(str(call)) for call in {*found, *functions}}
    expr = expr.xreplace(symbols)
    for v in functions:
        others = [c for c in expr.atoms(AppliedUndef) if c.func == getattr(v, "func", None)]
        if others:
            raise Unsupported(
                f"cannot differentiate by {v}: {others[0]} is there too",
                hint="for entries with an index take IndexedBase",
            )
    return expr, symbols


def _with_ends(expr: Any, endless: Any) -> Any:
    """Sums and products without an end, which are differentiated term by term, with one."""

    def closed(total: Any) -> Any:
        ends = {sp.oo: endless, -sp.oo: -endless}
        limits = ((i, ends.get(low, low), ends.get(high, high)) for i, low, high in total.limits)
        return total.func(total.function, *limits)

    return expr.replace(lambda e: isinstance(e, (sp.Sum, sp.Product)), closed)


def _kinks(root: Node, variables: Sequence[Node]) -> frozenset[Node]:
    """u for each abs(u) that all variables are in, unless the square of sign(u) is there too."""
    maps = [node for node in topological([root]) if node.op == "map"]
    squares = {node.args[0] for node in maps if node.params[0] == "pow"}
    found = (node.args[0] for node in maps if node.params[0] == "abs")
    return frozenset(
        u
        for u in found
        if ops.apply("sign", u) not in squares and set(variables) <= set(symbols_of([u]))
    )


def _within(node: Node, variable: Variable) -> Node:
    """The derivative by a symmetric or diagonal matrix, its free entries varied.

    Petersen and Pedersen, The Matrix Cookbook, 2012, equations (138) to (143): G + G' - I.*G for
    a symmetric matrix, I.*G for a diagonal one, where G is the derivative without structure.
    """
    *lead, row, column = range(node.rank)
    diagonal = einsum(1, [(node, (*lead, row, row))], (*lead, row, row))
    if variable.structure == "diagonal":
        return node if _is_diagonal(node, variable.node) else diagonal
    flipped = einsum(1, [(node, (*lead, row, column))], (*lead, column, row))
    return ops.add(node, flipped, ops.scale(-1, diagonal))


def _is_diagonal(node: Node, variable: Node) -> bool:
    """Whether this is plainly diagonal where the variable is: X, inv(X), 2*X^3."""
    if node.op == "einsum":
        _, labels, out, _ = einsum_parts(node)
        matrices = [(arg, own) for arg, own in zip(node.args, labels, strict=True) if own]
        turned = len(matrices) == 1 and set(matrices[0][1]) == set(out)
        return turned and _is_diagonal(matrices[0][0], variable)
    if node.op in ("inv", "matpow", "expm"):
        return _is_diagonal(node.args[0], variable)
    return node is variable


def at_entry(node: Node, entry: tuple[Node, ...]) -> Node:
    """The part of a derivative that belongs to one entry of its variable (its last axes)."""
    lead = tuple(range(node.rank - len(entry)))
    axes: Labels = tuple(range(len(lead), node.rank))
    factors: list[tuple[Node, tuple[Label, ...]]] = [(node, (*lead, *axes))]
    for axis, index, size in zip(axes, entry, node.shape[len(lead) :], strict=True):
        offset = ops.scale(-1, index)
        factors.append((ops.select("==", (1,), offset, (size,)), (axis,)))
    return einsum(1, factors, lead)
