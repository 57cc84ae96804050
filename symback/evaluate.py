"""Numbers for graph nodes: float64, and complex128 for the complex step, with NumPy.

A place where a function has no value (log(0), an overflow) becomes nan while the graph is walked,
because it may still be discarded: the branch of a `where` that is not taken, or a factor next to
an indicator that is 0 all around. A nan that reaches a result raises a
:class:`~symback.errors.DomainError` that names the node where it arose. No nan or inf leaves here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from symback.arrays import LINEAR_ALGEBRA, REDUCTIONS, flatten_last
from symback.bindings import bind_sizes, offset_value, shape_of, sizes_of
from symback.elementwise import (
    IMPLEMENTATIONS,
    INDICATORS,
    OUTSIDE,
    Array,
    apply_function,
    is_complex,
)
from symback.errors import DomainError, ValueProblem
from symback.graph import Node
from symback.labelled import Factor, Labels, affine, einsum_arrays, spread_size, take
from symback.ops import einsum_parts, size_node, value_of
from symback.walks import (
    TOO_LARGE,
    Definitions,
    Describe,
    Fault,
    Functions,
    below,
    describe_briefly,
    evaluation_order,
)

Values: TypeAlias = Mapping[Node, npt.ArrayLike]


def evaluate(
    roots: Sequence[Node],
    values: Values,
    sizes: Mapping[Node, int] | None = None,
    functions: Functions | None = None,
    *,
    definitions: Definitions = (),
    describe: Describe | None = None,
    index_base: int = 0,
) -> list[Array]:
    """The value of each root, an array of the root's shape.

    Args:
        roots: what to work out.
        values: an array for each symbol (or for any other node, which is then not looked below).
        sizes: numbers for size symbols; those in the shapes of `values` need not be given.
        functions: for the name of an unknown function f a callable `f(order, *args)`, where
            `order` counts the derivatives by each argument.
        definitions: pairs (symbol, expression), in any order; `values` goes before them.
        describe: how errors name a node.
        index_base: how errors count entries.

    Raises:
        DomainError: where a root has no finite value.
        ValueProblem: for a symbol without a value, ShapeError for a value of another shape.

    >>> from symback.ops import apply, symbol
    >>> x = symbol("x", (2,))
    >>> evaluate([apply("relu", x)], {x: [1, -2]})[0].tolist()
    [1.0, 0.0]
    """
    evaluation = Evaluation.of(values, sizes or {}, functions or {}, dict(definitions))
    evaluation.run(roots)
    for root in roots:
        fault = evaluation.fault(root)
        if fault is not None:
            raise DomainError(fault.text(describe or describe_briefly, index_base))
    return [evaluation.value(root) + 0.0 for root in roots]  # -0.0 comes out as 0.0


@dataclass
class Evaluation:
    """One walk over a graph; `memo` keeps the value of every node met.

    Selections (`select`, `pick`) are worked out only where a product cannot use them as indices.
    """

    memo: dict[Node, Array]
    bound: dict[Node, int]
    functions: Functions
    definitions: Mapping[Node, Node]
    _nought: dict[Node, Array]

    @staticmethod
    def of(
        values: Values,
        sizes: Mapping[Node, int],
        functions: Functions,
        definitions: Mapping[Node, Node],
    ) -> Evaluation:
        """A walk that starts from `values`; the arguments are those of :func:`evaluate`."""
        memo = {node: _as_numbers(value) for node, value in values.items()}
        bound = bind_sizes({node: value.shape for node, value in memo.items()}, sizes)
        for node, value in memo.items():
            if not np.isfinite(value).all():
                raise ValueProblem(f"the value of {describe_briefly(node)} is not finite")
            if not node.shape and node.op == "symbol" and value.real == np.floor(value.real):
                bound.setdefault(node, int(value.real))
        for size, count in bound.items():
            memo.setdefault(size, np.asarray(float(count)))
        nought = {node: np.zeros(value.shape, bool) for node, value in memo.items()}
        return Evaluation(memo, bound, functions, definitions, nought)

    def run(self, roots: Iterable[Node]) -> None:
        """Work out every node that `roots` need."""
        with np.errstate(all="ignore"):
            for node in evaluation_order(roots, self.memo, self.definitions):
                if node.op not in ("select", "pick"):
                    self.memo[node] = self._compute(node)

    def value(self, node: Node) -> Array:
        """The value of a node that :meth:`run` has met."""
        found = self.memo.get(node)
        if found is None:
            found = self.memo[node] = self._compute(node)
        return np.asarray(found)

    def _compute(self, node: Node) -> Array:
        defined = self.definitions.get(node)
        if defined is not None:
            return self.value(defined)
        if node.op == "symbol":
            raise ValueProblem(f"{node} has no value")
        if node.op == "einsum":
            result = self._product(node)
        elif node.op == "map":
            result = self._function(node, [self.value(arg) for arg in node.args])
        elif node.args and node.op not in ("select", "iota"):
            result = self._operation(node, [self.value(arg) for arg in node.args])
        else:
            result = np.broadcast_to(self._leaf(node), shape_of(node, self.bound))
        if not np.isfinite(result).all():
            result = np.where(np.isfinite(result), result, np.nan)
        return result

    # --- leaves and functions ------------------------------------------------------------------

    def _leaf(self, node: Node) -> Array:
        if node.op == "number":
            return np.asarray(_as_float(value_of(node) or Fraction(0)))
        if node.op == "constant":
            return np.asarray({"pi": math.pi, "e": math.e}[str(node.params[0])])
        if node.op == "zeros":
            return np.asarray(0.0)
        shape = shape_of(node, self.bound)
        if node.op == "iota":
            return np.asarray(np.arange(shape[0]) + _as_float(self._offset(node.args[0])))
        if node.op == "pick":
            columns = np.asarray(node.params[0], int)
            return np.asarray((columns[:, None] == np.arange(shape[1])) * 1.0)
        relation, coefs, offset = self._condition(node)
        total = affine(coefs, offset, shape)
        return ((total == 0) if relation == "==" else (total <= 0)) * 1.0

    def _condition(self, node: Node) -> tuple[str, tuple[int, ...], int]:
        """A selection's condition with a whole offset: `sum(coefs*index) + offset` against 0."""
        relation, coefs = node.params
        assert isinstance(coefs, tuple)
        coefs = tuple(int(self._offset(size_node(c))) for c in coefs)
        exact = self._offset(node.args[0])
        if relation == "==" and exact.denominator != 1:
            return "==", (0,) * len(coefs), 1  # never
        return str(relation), coefs, math.ceil(exact)

    def _offset(self, offset: Node) -> Fraction:
        return offset_value(offset, self.bound)

    def _function(self, node: Node, args: list[Array]) -> Array:
        name, *order = node.params
        if name in IMPLEMENTATIONS:
            result = apply_function(str(name), args)
        else:
            function = self.functions.get(str(name))
            if function is None:
                raise ValueProblem(f"the function {name} has no value")
            result = np.asarray(function(tuple(order) or (0,) * len(args), *args))
        shape = shape_of(node, self.bound)
        return result if result.shape == shape else np.broadcast_to(result, shape)

    def _operation(self, node: Node, args: list[Array]) -> Array:
        if node.op == "add":
            return np.asarray(sum(args[1:], start=args[0]))
        if node.op == "stack":
            return np.reshape(args, shape_of(node, self.bound))
        if node.op in LINEAR_ALGEBRA:
            return LINEAR_ALGEBRA[node.op](*args)
        (axes,) = node.params
        assert isinstance(axes, int)
        result = REDUCTIONS[node.op](flatten_last(args[0], axes))
        return result.reshape(shape_of(node, self.bound))

    # --- products ------------------------------------------------------------------------------

    def _product(self, node: Node) -> Array:
        coef, labels, out, label_sizes = einsum_parts(node)
        factor = _as_float(Fraction(coef))
        if not out and not any(labels):
            scalars = [self.value(arg) for arg in node.args]
            if not any(np.isnan(scalar) for scalar in scalars):
                return np.asarray(math.prod(scalars, start=np.asarray(factor)))
        sizes = sizes_of(label_sizes, self.bound)
        shape_of(node, self.bound)
        factors = self._use_selections(list(zip(node.args, labels, strict=True)), out, sizes)
        if any(np.isnan(array).any() for array, _ in factors):
            return factor * self._product_without_value(node, out, sizes)
        return factor * einsum_arrays(factors, out, sizes)

    def _use_selections(
        self, factors: list[tuple[Node, Labels]], out: Labels, sizes: tuple[int, ...]
    ) -> list[Factor]:
        """The factors as arrays; a selection that fixes a summed label becomes an index map.

        I[p] S[p, i, a] with S = [p == i + a]  ->  I[i + a], of axes i and a
        """
        arrays: dict[int, Factor] = {
            place: (self.value(arg), own)
            for place, (arg, own) in enumerate(factors)
            if arg.op not in ("select", "pick")
        }
        for place, (arg, own) in enumerate(factors):
            if place in arrays:
                continue
            options = []
            for axis, label in enumerate(own):
                users = [
                    k
                    for k, (other, used) in enumerate(factors)
                    if k != place and label in (arrays[k][1] if k in arrays else used)
                ]
                free = label not in out and len(set(own)) == len(own)
                if free and users and all(k in arrays for k in users) and _solvable(arg, axis):
                    spread = sum(spread_size(arrays[k][1], own, label, sizes) for k in users)
                    options.append((spread, axis, users))
            if not options:
                arrays[place] = (self.value(arg), own)
                continue
            _, axis, users = min(options)
            others = (*own[:axis], *own[axis + 1 :])
            index = self._solve(arg, axis, [sizes[label] for label in others])
            for k in users:
                arrays[k] = take(arrays[k], own[axis], others, index, sizes)
            arrays[place] = (np.asarray(1.0), ())
        return [arrays[place] for place in range(len(factors))]

    def _solve(self, selection: Node, axis: int, sizes: Sequence[int]) -> Array:
        """Where the selection is 1 along `axis`, for each index of the other axes.

        The answer may lie outside the axis: there, no entry is selected.
        """
        if selection.op == "pick":
            return np.asarray(selection.params[0], int)
        _, coefs, offset = self._condition(selection)
        total = affine((*coefs[:axis], *coefs[axis + 1 :]), offset, sizes)
        return -coefs[axis] * total

    def _product_without_value(self, node: Node, out: Labels, sizes: tuple[int, ...]) -> Array:
        """A product some of whose factors have entries without a value.

        A term with such an entry is still 0 if another factor is 0 all around the point.
        """
        _, labels, _, _ = einsum_parts(node)
        known, live, sound = [], [], []
        for arg, own in zip(node.args, labels, strict=True):
            value = self.value(arg)
            nan, counts = np.isnan(value), ~self._nought_entries(arg)
            known.append((np.where(nan, 0, value), own))
            live.append((counts * 1.0, own))
            sound.append(((counts & ~nan) * 1.0, own))
        lost = einsum_arrays(live, out, sizes) - einsum_arrays(sound, out, sizes)
        return np.where(lost > 0.5, np.nan, einsum_arrays(known, out, sizes))

    def _nought_entries(self, root: Node) -> Array:
        """Which entries are 0 in a whole neighbourhood of the point, whatever multiplies them."""
        nought = self._nought
        for node in evaluation_order([root], nought, self.definitions):
            parts = [nought[arg] for arg in below(node, self.definitions)]
            nought[node] = np.broadcast_to(
                self._nought_rule(node, parts), shape_of(node, self.bound)
            )
        return nought[root]

    def _nought_rule(self, node: Node, parts: list[Array]) -> Array:
        name = node.params[0] if node.op == "map" else ""
        if node in self.definitions:
            return parts[0]
        if name == "step":
            return np.asarray(self.value(node.args[0]).real < 0)
        if name in INDICATORS or (not node.args and node.op not in ("symbol", "einsum")):
            return np.asarray(self.value(node) == 0)
        if node.op in ("argmax", "order"):
            return np.asarray(self.value(node) == 0)
        if name == "where":
            return np.where(self.value(node.args[0]).real != 0, parts[1], parts[2])
        if node.op == "add":
            return np.asarray(np.logical_and.reduce(parts))
        if node.op == "stack":
            return np.reshape(parts, shape_of(node, self.bound))
        if node.op == "einsum":
            _, labels, out, label_sizes = einsum_parts(node)
            live = [(~mask * 1.0, own) for mask, own in zip(parts, labels, strict=True)]
            return np.asarray(einsum_arrays(live, out, sizes_of(label_sizes, self.bound)) < 0.5)
        return np.asarray(False)

    # --- faults --------------------------------------------------------------------------------

    def fault(self, root: Node) -> Fault | None:
        """Where the first entry without a value of `root` came from; None if there is none."""
        node, entry = root, _first_nan(self.value(root))
        while entry is not None:
            source = self._source(node, entry)
            if source is None:
                return self._fault_at(node, entry)
            node, entry = source
        return None

    def _source(self, node: Node, entry: tuple[int, ...]) -> tuple[Node, tuple[int, ...]] | None:
        """An argument's entry that took the value away; None if the node itself did."""
        args = below(node, self.definitions)
        if node.op == "map" and node.params[0] == "where":
            condition = self.value(args[0])[entry if args[0].shape else ()]
            args = (args[0], args[1] if condition.real != 0 else args[2])
        for arg in args:
            value = self.value(arg)
            if node.op in ("map", "add") or node in self.definitions:
                own = entry if arg.shape else ()
                if np.isnan(value[own]):
                    return arg, own
            elif (found := _first_nan(value)) is not None:
                return arg, found
        return None

    def _fault_at(self, node: Node, entry: tuple[int, ...]) -> Fault:
        if node.op in ("inv", "logdet", "matpow"):
            return Fault(node, (), "does not exist: the matrix is singular")
        if node.op == "map":
            name = str(node.params[0])
            own = [entry if arg.shape else () for arg in node.args]
            at = [self.value(arg)[e].real for arg, e in zip(node.args, own, strict=True)]
            if name in OUTSIDE and OUTSIDE[name](*map(np.asarray, at)):
                k = len(at) - 1 if name == "polygamma" else 0
                return Fault(node, entry, "is not defined", (node.args[k], own[k], f"{at[k]:.6g}"))
            if name not in IMPLEMENTATIONS:
                return Fault(node, entry, "has no finite value")
        return Fault(node, entry, TOO_LARGE)


def _first_nan(value: Array) -> tuple[int, ...] | None:
    places = np.argwhere(np.isnan(value))
    return tuple(int(index) for index in places[0]) if len(places) else None


def _as_numbers(value: npt.ArrayLike) -> Array:
    given = np.asarray(value)
    return np.asarray(given, np.complex128 if is_complex(given) else np.float64)


def _as_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _solvable(selection: Node, axis: int) -> bool:
    """Whether the other indices of a selection fix the index on `axis`."""
    if selection.op == "pick":
        return axis == 1
    relation, coefs = selection.params
    assert isinstance(coefs, tuple)
    return relation == "==" and coefs[axis] in (1, -1)
