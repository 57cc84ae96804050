"""What names stand for while SymPy expressions are read: symbols, sizes, indices, constants."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.assumptions.assume import global_assumptions
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import array_expressions as arrays

from symback import ops
from symback import tensor as tn
from symback.errors import Unsupported
from symback.graph import Node, Shape, Size
from symback.sizes import flat, minus, plus
from symback.sympy_axes import IndexedAxes, bounds_of, size_symbols
from symback.tensor import Index, Tensor

Env = Mapping[Any, Tensor | Index]


def _base_of(variable: Any) -> Any:
    """w of w[k], X of X[i, j], the variable itself otherwise."""
    if isinstance(variable, sp.Indexed):
        return variable.base
    return (
        variable.args[0] if isinstance(variable, (MatrixElement, arrays.ArrayElement)) else variable
    )


class Scope(ABC):
    """The names in expressions that are read together.

    With `variables`, what depends on none of them may be anything, and any function that SymPy can
    differentiate is read.

    Attributes:
        surfaces: the declared shape of symbols that are rows or 1x1.
        origins: the first index of each axis of an indexed symbol.
        written: the SymPy object that a symbol stands for.
        inverses: which index of a look-up its place gives back, and the function that does.
        firm: look-ups that may point past their axis, those of a delta of i and j^2.
    """

    def __init__(self, *expressions: Any, variables: Sequence[Any] = ()) -> None:
        self.variables = tuple(_base_of(v) for v in variables)
        expressions = (*expressions, *variables)
        self.surfaces: dict[Node, Shape] = {}
        self.origins: dict[Node, tuple[Node, ...]] = {}
        self.written: dict[Node, Any] = {}
        self.inverses: dict[Node, tuple[int, Node]] = {}
        self.firm: set[Node] = set()
        self._symbols: dict[Any, Tensor] = {}
        self._taken: dict[tuple[str, str], Any] = {}
        self._size_symbols = size_symbols(expressions)
        self._axes = IndexedAxes(expressions)
        self._diagonal = _assumed(sp.Q.diagonal)
        self._symmetric = _assumed(sp.Q.symmetric) | self._diagonal

    @abstractmethod
    def read(self, expr: Any, env: Env | None = None) -> Tensor:
        """The tensor of an expression, where `env` binds names."""

    @abstractmethod
    def known(self, expr: Any) -> Tensor | None:
        """What has been read of an expression without free indices before."""

    # --- symbols -----------------------------------------------------------------------------

    def symbol(self, obj: Any, name: str, shape: Shape) -> Tensor:
        """The tensor of a SymPy symbol; one node for each object, whatever the names."""
        if obj in self._symbols:
            return self._symbols[obj]
        kind = "size" if obj in self._size_symbols else ""
        if obj in self._symmetric:
            kind = "symmetric"
        while self._taken.setdefault((name, kind), obj) != obj:
            kind += "~"
        result = tn.symbol(name, shape, kind)
        self._symbols[obj] = result
        self.written[result.node] = obj
        if len(shape) == 2 and shape[0] == 1:
            self.surfaces[result.node] = shape
        return result

    def structure_of(self, obj: Any) -> str:
        """What SymPy's assumptions in force say of a matrix symbol."""
        if obj in self._diagonal:
            return "diagonal"
        return "symmetric" if obj in self._symmetric else ""

    @property
    def tables(self) -> frozenset[Node]:
        """The symbols read so far that have entries only: indexed ones, and tables of constants."""
        indexed = (sp.IndexedBase, arrays.ArraySymbol, sp.Lambda)
        return frozenset(node for node, obj in self.written.items() if isinstance(obj, indexed))

    def is_size(self, *values: Any) -> bool:
        """Whether these are made of sizes and numbers, not of free indices."""
        return all(s in self._size_symbols for value in values for s in value.free_symbols)

    def size(self, value: Any) -> Size:
        """A SymPy size as ours."""
        value = sp.sympify(value, strict=True)
        if value.is_Integer:
            return int(value)
        return ops.as_size(flat(self.read(value, {}).node))

    # --- what is not differentiated ---------------------------------------------------------

    def is_constant(self, expr: Any, env: Env) -> bool:
        """Whether a scalar depends on no variable, but perhaps on indices of sums around it."""
        bound = [env[s] for s in expr.free_symbols if s in env]
        return (
            bool(self.variables)
            and isinstance(expr, sp.Expr)
            and not expr.is_Matrix
            and all(isinstance(value, Index) for value in bound)
            and not expr.has(*self.variables)
        )

    def constant(self, expr: Any, env: Env) -> Tensor:
        """binomial(n, i) over i, say, as an array that is a symbol of its own."""
        names, indices = _bound_names(expr, env)
        if not names:
            return self.symbol(expr, str(expr), ())
        written = sp.Lambda(tuple(names), expr)
        sizes = tuple(i.size for i in indices)
        node = self.symbol(written, str(expr), sizes).node
        self.origins[node] = tuple(i.low for i in indices if i.size != 1)
        free = tuple(i for i in indices if i.size != 1)
        return Tensor(node, (), free)

    def place(
        self, expr: Any, env: Env, size: Size, origin: Node, *, firm: bool = False
    ) -> tuple[Index, Tensor]:
        """An index that is no sum of indices, labels[i] say: its axis, and 1 where it points.

        The sum of U[r, k]*[labels[i] == r] over r is U[labels[i], k]. It is taken to point to an
        entry, unless it is `firm`.
        """
        names, indices = _bound_names(expr, env)
        if not names or not self.is_constant(expr, env):
            raise Unsupported(f"an index must be a sum of indices and sizes, not {expr}")
        name = f"[{expr}]?" if firm else f"[{expr}]"
        target = Index(
            f"{name}#{len(self.written)}", ops.ZERO, ops.subtract(ops.size_node(size), ops.ONE)
        )
        moving = tuple(i for i in indices if i.size != 1)
        node = ops.symbol(name, (*(i.size for i in moving), size), kind="place")
        self.origins[node] = (*(i.low for i in moving), origin)
        self.written[node] = sp.Lambda(tuple(names), expr)
        self.written[ops.symbol(name, kind="function")] = self.written[node]
        if firm:
            self.firm.add(node)
        elif isinstance(expr, sp.Mod) and len(names) == len(moving):
            self._turn_back(node, expr, names, moving)
        return target, Tensor(node, (), (*moving, target))

    def _turn_back(
        self, place: Node, expr: Any, names: Sequence[Any], moving: Sequence[Index]
    ) -> None:
        """Of r = (i + c) mod n, where i goes all around once, i is (r - c) mod n."""
        inside, around = expr.args
        if around.free_symbols.intersection(names) or not self.is_size(around):
            return
        for axis, (name, index) in reversed(list(enumerate(zip(names, moving, strict=True)))):
            slope = inside.diff(name)
            if slope not in (1, -1) or index.low is not ops.ZERO or self.size(around) != index.size:
                continue
            row = sp.Dummy("row", integer=True)
            back = sp.Mod(slope * (row - (inside - slope * name)), around)
            function = ops.symbol(f"{place.name} back", kind="function")
            others = [other for other in names if other != name]
            self.written[function] = sp.Lambda((row, *others), back)
            self.inverses[place] = axis, function
            return

    def all(self, items: Sequence[Any], env: Env) -> list[Tensor]:
        return [self.read(item, env) for item in items]

    # --- index variables -----------------------------------------------------------------------

    def is_affine(self, expr: Any, env: Env) -> bool:
        """Whether every index of a sum stands alone in its term, as i and j do in 2*i - j + n."""
        try:
            self.affine(expr, env)
        except Unsupported:
            return False
        return True

    def affine(self, expr: Any, env: Env) -> tuple[dict[Index, Size], Node]:
        """An index expression as whole multiples of index variables, and the rest."""
        expr = sp.expand(sp.sympify(expr, strict=True))
        coefs: dict[Index, Size] = {}
        rest = []
        for term in sp.Add.make_args(expr):
            used = [s for s in term.free_symbols if isinstance(env.get(s), Index)]
            factor = sp.cancel(term / used[0]) if len(used) == 1 else None
            if factor is not None and (factor.is_Integer or self._is_stride(factor)):
                bound = env[used[0]]
                assert isinstance(bound, Index)
                coefs[bound] = plus(coefs.get(bound, 0), self.size(factor))
            elif any(isinstance(env.get(s), Index) for s in term.free_symbols):
                raise Unsupported(f"an index must be a sum of indices and sizes, not {expr}")
            elif self.variables and term.has(*self.variables):
                raise Unsupported(f"an index depends on what is differentiated by: {expr}")
            else:
                rest.append(self.read(term, {}).node)
        return coefs, ops.add(ops.ZERO, *rest) if rest else ops.ZERO

    def _is_stride(self, factor: Any) -> bool:
        """Whether this is a size, which is positive, as s in x[s*i + a]."""
        return bool(factor.free_symbols) and self.is_size(factor) and factor.is_polynomial()

    def position(
        self, index: Any, env: Env, origin: Node = ops.ZERO
    ) -> tuple[dict[Index, Size], Node]:
        coefs, offset = self.affine(index, env)
        return coefs, ops.subtract(offset, origin)

    def entry_of(self, base: Tensor, indices: Sequence[Any], env: Env) -> Tensor:
        """One entry of an array, at any indices that do not depend on the variables."""
        origins = self.origins.get(base.node, (ops.ZERO,) * base.rank)
        positions: list[tuple[dict[Index, Size], Node]] = []
        places: list[tuple[Index, Tensor]] = []
        for index, size, origin in zip(indices, base.shape, origins, strict=True):
            if self.is_affine(index, env):
                positions.append(self.position(index, env, origin))
                continue
            places.append(self.place(index, env, size, origin))
            positions.append(({places[-1][0]: 1}, ops.ZERO))
        result = tn.entry(base, positions)
        for target, place in places:
            result = tn.sum_over(tn.hadamard(place, result), target)
        return result

    def indexed(self, expr: Any, env: Env) -> Tensor:
        return self.entry_of(self.indexed_base(expr.base), expr.indices, env)

    def indexed_base(self, base: Any) -> Tensor:
        if base in self._symbols:
            return self._symbols[base]
        shape, origins = self._axes.of(base, self)
        result = self.symbol(base, str(base.label), shape)
        if any(o is not ops.ZERO for o in origins):
            self.origins[result.node] = origins
        return result

    def element(self, expr: Any, env: Env) -> Tensor:
        parent, *indices = expr.args
        inner = self.read(parent, env)
        return self.entry_of(tn.as_matrix(inner), indices, env)

    def limits(self, expr: Any, env: Env) -> tuple[list[Index], dict[Any, Tensor | Index], Tensor]:
        """The index variables of a Sum, the names they bind, and the conditions on them."""
        inner = dict(env)
        indices: list[Index] = []
        holds = tn.scalar(1)
        for name, low, high in reversed(expr.limits):
            lows, highs = bounds_of(
                low, high, [s for s, i in inner.items() if isinstance(i, Index)]
            )
            starts = [self.affine(part, inner) for part in lows]
            ends = [self.affine(part, inner) for part in highs]
            index = Index(
                f"{name.name}#{len(inner)}",
                tn.extreme(*starts[0], low=True),
                tn.extreme(*ends[0], low=False),
            )
            inner[name] = index
            indices.append(index)
            for place, (coefs, rest) in enumerate(starts):  # low - i <= 0
                if coefs or place:
                    holds = tn.hadamard(holds, tn.condition("<=", {**coefs, index: -1}, rest))
            for place, (coefs, rest) in enumerate(ends):  # i - high <= 0
                if coefs or place:
                    turned = {index: 1, **{i: minus(c) for i, c in coefs.items()}}
                    holds = tn.hadamard(holds, tn.condition("<=", turned, ops.scale(-1, rest)))
        return indices, inner, holds


def _bound_names(expr: Any, env: Env) -> tuple[list[Any], list[Index]]:
    """The indices of sums around an expression that stand in it."""
    names = [s for s, bound in env.items() if isinstance(bound, Index) and s in expr.free_symbols]
    return names, [bound for s in names if isinstance(bound := env[s], Index)]


def _assumed(*predicates: Any) -> set[Any]:
    """The symbols that SymPy's assumptions in force put under one of the predicates."""
    return {
        fact.arguments[0]
        for fact in global_assumptions
        if getattr(fact, "function", None) in predicates
    }
