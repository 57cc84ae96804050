"""What must be known of SymPy expressions before they are read: sizes, and ranges of indices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions import special
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import array_expressions as arrays

from symback import ops
from symback.errors import ShapeError, Unsupported
from symback.graph import Node, Shape, Size


class SizeReader(Protocol):
    """Who turns SymPy's sizes into ours."""

    def is_size(self, *values: Any) -> bool: ...

    def size(self, value: Any) -> Size: ...


def size_symbols(expressions: Sequence[Any]) -> set[Any]:
    """The symbols that are sizes: in shapes, in the bounds of sums, and strides s in x[s*i + a].

    Not the free index of Sum(A[i, j]*w[j], (j, 0, i)), a bound that is an index too.
    """
    found: set[Any] = set()
    bounding: set[Any] = set()
    indexing: set[Any] = set()
    nothing: frozenset[Any] = frozenset()
    todo = [(sp.sympify(expr, strict=True), nothing) for expr in expressions]
    while todo:
        node, bound = todo.pop()
        parts: list[Any] = []
        if isinstance(node, (sp.MatrixSymbol, special.OneMatrix, special.Identity)):
            parts.extend(node.shape)
        elif isinstance(node, (arrays.ArraySymbol, sp.IndexedBase)):
            parts.extend(node.shape or ())
        elif isinstance(node, sp.MatPow):
            parts.append(node.exp)
        elif isinstance(node, sp.Indexed):
            parts.extend(s for index in node.indices for s in _strides(index))
        elif isinstance(node, (sp.Sum, sp.Product)):
            bound |= {limit[0] for limit in node.limits}
            ends = [end for limit in node.limits for end in limit[1:]]
            for symbols in (end.free_symbols for end in ends):
                bounding |= symbols if symbols.isdisjoint(bound) else set()
            parts.extend(stride for end in ends for stride in _strides(end))
        elif isinstance(node, sp.Lambda):
            bound |= set(node.variables)
        if isinstance(node, (sp.Indexed, MatrixElement)):
            indexing.update(s for index in node.indices for s in _summands(index))
        for part in parts:
            symbols = sp.sympify(part, strict=True).free_symbols
            if symbols.isdisjoint(bound):
                found |= symbols
        todo.extend((arg, bound) for arg in getattr(node, "args", ()))
    free = {s for s in bounding - found if not s.is_positive and _is_index(s, indexing)}
    return {s for s in found | bounding if s.is_Symbol} - free


def _is_index(symbol: Any, indexing: Collection[Any]) -> bool:
    return symbol in indexing or symbol.name in ("i", "j")


def _summands(index: Any) -> set[Any]:
    """The symbols that an index adds: i and a of s*i + a + 2*i."""
    terms = sp.Add.make_args(sp.expand(index))
    return {s for term in terms if len(term.free_symbols) == 1 for s in term.free_symbols}


def _strides(index: Any) -> set[Any]:
    """The positive whole symbols that an index multiplies."""
    found = set()
    for term in sp.Add.make_args(sp.expand(index)):
        if len(term.free_symbols) == 2:
            found |= {s for s in term.free_symbols if s.is_integer and s.is_positive}
    return found if len(found) == 1 else set()


def bounds_of(low: Any, high: Any, indices: Collection[Any]) -> tuple[list[Any], list[Any]]:
    """Each bound of max(a, b) <= i <= min(c, d); first those without an index of another sum."""

    def parts(bound: Any, kind: Any) -> list[Any]:
        found = bound.args if isinstance(bound, kind) else (bound,)
        return sorted(found, key=lambda part: not part.free_symbols.isdisjoint(indices))

    return parts(low, sp.Max), parts(high, sp.Min)


class IndexedAxes:
    """The range of each axis of indexed symbols, from the sums in which they stand."""

    def __init__(self, expressions: Sequence[Any]) -> None:
        self.ranges: dict[Any, list[list[tuple[Any, Any]]]] = {}
        self.fixed: dict[Any, list[list[Any]]] = {}
        self._free: set[Any] = set()
        for expr in map(partial(sp.sympify, strict=True), expressions):
            self._free |= expr.free_symbols
            self._collect(expr, {})

    def _collect(self, expr: Any, bounds: dict[Any, tuple[Any, Any]]) -> None:
        if isinstance(expr, (sp.Sum, sp.Product)):
            bounds = dict(bounds)
            for name, low, high in reversed(expr.limits):
                bounds.pop(name, None)
                lows, highs = bounds_of(low, high, bounds)
                bounds[name] = (lows[0], highs[0])
            self._collect(expr.function, bounds)
            return
        if isinstance(expr, sp.Indexed):
            axes = self.ranges.setdefault(expr.base, [[] for _ in expr.indices])
            fixed = self.fixed.setdefault(expr.base, [[] for _ in expr.indices])
            if len(axes) != len(expr.indices):
                raise ShapeError(
                    f"{expr.base} stands here with {len(axes)} and other indices: {expr}"
                )
            for axis, alone, index in zip(axes, fixed, expr.indices, strict=True):
                if isinstance(index, sp.Mod):  # a look-up goes all around
                    axis.append((sp.S.Zero, index.args[1] - 1))
                    continue
                low, high = _extremes(index, bounds)
                if low != high:
                    axis.append((low, high))
                else:
                    alone.append(low)
        for arg in getattr(expr, "args", ()):
            self._collect(arg, bounds)

    def of(self, base: Any, reader: SizeReader) -> tuple[Shape, tuple[Node, ...]]:
        """The shape of a base, and its first index along each axis."""
        declared = base.shape
        known = self.ranges.get(base)
        if known is None and declared is None:
            raise Unsupported(f"{base} needs indices or a shape")
        rank = len(declared) if declared is not None else len(known or ())
        if known is None:  # a variable that the expression has not
            self.ranges[base], self.fixed[base] = [[] for _ in declared], [[] for _ in declared]
            known = self.ranges[base]
        shape: list[Size] = []
        origins: list[Node] = []
        for axis in range(rank):
            ranges = known[axis]
            low, high = _hull(ranges)
            if high is not None and high.is_negative and self._is_looked_up(base, axis):
                low = None  # x[Abs(i - j)] beside x[-i] alone
            if low is not None:
                low, high = _stretched(low, high, self.fixed[base][axis], reader)
            if declared is not None:
                if low is None or low != 1 or (high is not None and high != declared[axis]):
                    low = sp.S.Zero
                high = low + declared[axis] - 1
            if low is not None and not reader.is_size(low, high):
                low = None
            if low is not None and low.is_Integer and (low > 1 or self._is_worked_out(base, axis)):
                low, high = min(low, sp.S.Zero), high
            if low is None:
                self._refuse_hidden_start(base, ranges)
                shape.append(ops.symbol(f"{base}_{axis}", kind="open"))
                starts = [start for start, _ in ranges if self._is_below(start)]
                ends = [*(start for start, _ in ranges), *self.fixed[base][axis]]
                lowest = _lowest([*starts, *filter(reader.is_size, ends)])
                origins.append(ops.size_node(reader.size(lowest)))
                continue
            shape.append(reader.size(sp.expand(high - low + 1)))
            origins.append(ops.size_node(reader.size(low)))
        return tuple(shape), tuple(origins)

    def _is_hidden(self, end: Any) -> bool:
        """Whether an end names the index of a sum, and so is not known."""
        return not end.free_symbols <= self._free

    def _is_looked_up(self, base: Any, axis: int) -> bool:
        """Whether an index of this axis is no sum of indices."""
        return any(map(self._is_hidden, self.fixed[base][axis]))

    def _is_worked_out(self, base: Any, axis: int) -> bool:
        """Whether an index of this axis is a function of others, floor(i/2) say, and no label."""
        return any(
            self._is_hidden(end) and not end.has(sp.Indexed, AppliedUndef)
            for end in self.fixed[base][axis]
        )

    def _refuse_hidden_start(self, base: Any, ranges: list[tuple[Any, Any]]) -> None:
        """An index i - s*i whose sign is not known might be below 0, where an axis begins."""
        for start, _ in ranges:
            if self._is_hidden(start):
                raise Unsupported(
                    f"cannot tell where the entries of {base} begin: {start} may be below 0",
                    hint=f"declare the shape: IndexedBase('{base}', shape=(n,))",
                )

    def _is_below(self, start: Any) -> bool:
        """Whether a window starts below 0, as far as its sign tells: that of x[i - m] at -m."""
        return bool(start.could_extract_minus_sign()) and not self._is_hidden(start)


def _extremes(index: Any, bounds: Mapping[Any, tuple[Any, Any]]) -> tuple[Any, Any]:
    """The least and the greatest value of an index expression; `bounds` from outside in."""
    return _end(index, bounds, least=True), _end(index, bounds, least=False)


def _end(index: Any, bounds: Mapping[Any, tuple[Any, Any]], *, least: bool) -> Any:
    value = sp.expand(sp.sympify(index, strict=True))
    for name, (low, high) in reversed(list(bounds.items())):
        if name not in value.free_symbols:
            continue
        slope = value.coeff(name)
        signs = {term.could_extract_minus_sign() for term in sp.Add.make_args(slope)}
        if len(signs) != 1 or name in (value - slope * name).expand().free_symbols:
            break  # what is left names the index, which says that the end is not known
        rising = signs == {False}  # sizes are positive
        value = sp.expand(value.xreplace({name: low if rising == least else high}))
    return value


def _hull(ranges: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """The smallest range that holds them all; (None, None) where ends cannot be compared."""
    low = high = None
    for a, b in ranges:
        low = a if low is None else _ordered(low, a, least=True)
        high = b if high is None else _ordered(high, b, least=False)
        if low is None or high is None:
            return None, None
    return low, high


def _lowest(ends: list[Any]) -> Any:
    """The lowest index, at most 0."""
    low = sp.S.Zero
    for end in ends:
        lower = _ordered(low, end, least=True)
        low = sp.Min(low, end) if lower is None else lower
    return low


def _stretched(low: Any, high: Any, fixed: list[Any], reader: SizeReader) -> tuple[Any, Any]:
    """The range with the single entries that plainly lie outside: w[0] beside w[1], ..., w[n]."""
    for index in fixed:
        if not reader.is_size(index):
            continue
        if sp.expand(low - index).is_positive:
            low = index
        if sp.expand(index - high).is_positive:
            high = index
    return low, high


def _ordered(a: Any, b: Any, *, least: bool) -> Any:
    """The smaller or larger of two ends, None where that depends on sizes."""
    difference = sp.expand(b - a)
    if difference.is_nonnegative:
        return a if least else b
    if difference.is_nonpositive:
        return b if least else a
    return None
