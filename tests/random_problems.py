"""Random problems of matrix and index calculus, and what symback answers for them.

    python -m tests.random_problems --cases 20000 --seed 1 --processes 2

prints every mismatch with a small SymPy expression that shows it, then the totals. The closed form
is evaluated by `tests/witness.py` and compared with differences of order 8 and, where JAX is
installed, with its automatic differentiation (`tests/batched.py`): nothing there knows symback.

A problem is drawn through one function, `below(n)`, a number from 0 to n - 1, so that Hypothesis
and `random` draw from the same problems.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import math
import multiprocessing
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import UndefinedFunction
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.blockmatrix import BlockMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.special import OneMatrix
from sympy.printing.str import StrPrinter
from sympy.tensor.array.array_comprehension import ArrayComprehension

import symback
from symback.errors import SymbackError
from symback.sympy_matrices import CommutationMatrix, Vec
from tests import batched, witness
from tests.corpus.harness import indices_bound_twice


@witness.reads(Vec)
def _vec(matrix: Any, env: witness.Env) -> np.ndarray:
    return np.reshape(witness.evaluate(matrix.args[0], env), (-1, 1), order="F")


@witness.reads(CommutationMatrix)
def _commutation(expr: Any, env: witness.Env) -> np.ndarray:
    """K*vec(X) = vec(X') for X of m rows and n columns."""
    rows, columns = (witness.as_int(size, env) for size in expr.args)
    places = np.arange(rows * columns).reshape(columns, rows).T  # of X[i, j] in vec(X)
    return np.eye(rows * columns)[places.ravel()]


Below = Callable[[int], int]

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k, s = sp.symbols("i j k s", integer=True)
a, b, c, t = sp.symbols("a b c t")
w, v, z, Y = (sp.IndexedBase(name) for name in "wvzY")
f = sp.Function("f")
SIZES = {n: 3, m: 2}
NAMES = {
    (n, n): "AB", (m, m): "CD", (n, m): "FG", (m, n): "HK", (2, 2): "PQ", (n, 1): "xy",
    (m, 1): "uq", (1, n): "r", (1, m): "l", (2, 1): "d", (1, 2): "e", (n, 2): "L", (2, n): "M",
    (m, 2): "N", (2, m): "O",
}  # fmt: skip
DIMENSIONS = (n, m, 2)
DEPTHS = (1, 2, 3, 2, 3, 4, 3, 4, 5, 6, 8, 10, 12)
MOST_NODES = 30
EXTENT = 8  # entries of an indexed symbol along each axis
PRINT_WITHIN = 2
GIVE_UP_AFTER = 10
SLOW = 1.0
TOLERANCE = 1e-6
WORST_CONDITION = 1e9  # of 16 digits an inverse loses so many that no more than TOLERANCE is left
MOST_ENTRIES = 24
#: How SymPy says that it cannot build an expression.
REFUSALS = (IndexError, ValueError, TypeError, NotImplementedError, AttributeError)


# --- drawing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """What is differentiated, by what, and how the axes are laid out.

    `seed` draws the values of the symbols.
    """

    expr: Any
    variables: tuple[Any, ...]
    kind: str
    layout: str = "mixed"
    seed: int = 0

    def __str__(self) -> str:
        names = ", ".join(map(str, self.variables))
        layout = "" if self.layout == "mixed" else f", layout={self.layout!r}"
        return f"{self.kind}({Python().doprint(self.expr)}, {names}{layout})"


class Python(StrPrinter):  # type: ignore[misc]
    """SymPy's own text, with the few classes that it does not write as they are typed in."""

    def _print_BlockMatrix(self, expr: Any) -> str:
        return f"BlockMatrix({self._print(expr.blocks.tolist())})"

    def _print_MatrixBase(self, expr: Any) -> str:
        return f"Matrix({self._print(expr.tolist())})"

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        function = expr.function
        plain = isinstance(function, sp.Lambda) and function.expr.args == function.variables
        name = function.expr.func if plain else function
        return f"({self._print(expr.expr)}).applyfunc({self._print(name)})"


class Maker:
    """Draws expressions; what was drawn before may come again, as a shared node."""

    def __init__(self, below: Below) -> None:
        self.below = below
        self.pool: dict[Any, list[tuple[int, Any]]] = {}
        self.made = 0
        self.as_written = True

    def choose(self, options: Any) -> Any:
        return options[self.below(len(options))]

    def chance(self, of: int) -> bool:
        """One time in `of`; the simplest draw is no."""
        return self.below(of) == of - 1

    # SymPy's own operators work through all that is below them each time, and try to work out each
    # Sum, so that deep expressions are put together from their classes.

    def times(self, *factors: Any) -> Any:
        if self.as_written and not any(x.has(sp.Sum) for x in map(sp.sympify, factors)):
            return math.prod(factors[1:], start=factors[0])
        return sp.MatMul(*_flat(sp.MatMul, factors))

    def plus(self, *terms: Any) -> Any:
        return sum(terms[1:], terms[0]) if self.as_written else sp.MatAdd(*_flat(sp.MatAdd, terms))

    def transposed(self, x: Any) -> Any:
        return x.T if self.as_written or isinstance(x, sp.Transpose) else sp.Transpose(x)

    def entry(self, x: Any, row: Any, column: Any) -> Any:
        small = self.as_written and not x.has(sp.Sum)
        return x[row, column] if small else MatrixElement(x, row, column)

    def side(self, depth: int) -> int:
        """The depth of an argument that is not the deepest one."""
        return min(depth - 1, self.below(3))

    def remember(self, shape: Any, depth: int, expr: Any) -> Any:
        self.pool.setdefault(shape, []).append((depth, expr))
        self.made += 1
        return expr

    def again(self, shape: Any, depth: int) -> Any:
        """Something drawn before, not deeper than this."""
        old = [expr for level, expr in self.pool.get(shape, ()) if level <= depth]
        return self.choose(old) if old and self.chance(4) else None

    # --- scalars ---

    def scalar(self, depth: int) -> Any:
        old = self.again((), depth)
        if old is not None:
            return old
        if depth <= 0 or self.made > MOST_NODES:
            return self.choose((a, b, c, sp.Integer(2), sp.Rational(1, 2), a, b))
        return self.remember((), depth, self.choose(SCALARS)(self, depth))

    def function(self, u: Any) -> Any:
        """A smooth or piecewise smooth function of a scalar, defined everywhere."""
        return self.choose(FUNCTIONS)(u)

    def body(self, depth: int, indices: tuple[Any, ...]) -> Any:
        """A scalar that depends on summation indices."""
        if depth <= 0:
            return self.indexed(indices)
        one = self.body(depth - 1, indices)
        what = self.below(6)
        if what == 0:
            return one * self.indexed(indices)
        if what == 1:
            return one + self.indexed(indices)
        if what == 2:
            return self.function(one)
        if what == 3:
            return one**2
        if what == 4:
            return one * self.scalar(min(depth - 1, 1))
        return one - self.body(self.side(depth), indices)

    def indexed(self, indices: tuple[Any, ...]) -> Any:
        """An entry at some of the indices."""
        one, two = self.choose(indices), self.choose(indices)
        last = indices[-1]
        return self.choose(
            (
                w[one], v[one], w[two], Y[one, two], Y[two, one], w[one] - v[two], Y[one, 0],
                z[one + two], w[one + 1], sp.KroneckerDelta(one, two) + w[last], w[0] * v[one], a,
            )
        )  # fmt: skip

    # --- matrices ---

    def matrix(self, shape: tuple[Any, Any], depth: int) -> Any:
        if shape == (1, 1):
            x = (self.choose(DIMENSIONS), 1)
            return self.times(
                self.transposed(self.matrix(x, depth - 1)), self.matrix(x, self.side(depth))
            )
        old = self.again(shape, depth)
        if old is not None:
            return old
        if depth <= 0 or self.made > MOST_NODES:
            return self.leaf(shape)
        make = self.choose(MATRICES)
        made = make(self, shape, depth)
        return self.leaf(shape) if made is None else self.remember(shape, depth, made)

    def leaf(self, shape: tuple[Any, Any]) -> Any:
        symbols = [sp.MatrixSymbol(name, *shape) for name in NAMES[shape]]
        special = [OneMatrix(*shape)]
        if shape[0] == shape[1]:
            special.append(sp.Identity(shape[0]))
        if shape in {(2, 2), (2, 1)} and self.chance(6):
            return sp.ImmutableMatrix(*shape, lambda p, q: self.choose((a, b, a * b, 1, c)))
        return self.choose((*symbols, *symbols, *symbols, *symbols, *special))

    def any_matrix(self, depth: int) -> Any:
        return self.matrix(self.choose(list(NAMES)), depth)

    def square(self, depth: int) -> Any:
        size = self.choose(DIMENSIONS)
        return self.matrix((size, size), depth)

    def regular(self, size: Any, depth: int) -> Any:
        """A square matrix that is often well conditioned."""
        x = self.matrix((size, size), depth)
        if self.chance(3):
            return x
        shift = self.choose((1, 2, sp.Rational(1, 2), a)) * sp.Identity(size)
        return self.plus(self.times(x, self.transposed(x)), shift)


def _flat(kind: Any, args: Any) -> Iterator[Any]:
    for arg in args:
        yield from arg.args if isinstance(arg, kind) else (arg,)


def _softplus(u: Any) -> Any:
    return sp.log(1 + sp.exp(u))


FUNCTIONS: tuple[Callable[[Any], Any], ...] = (
    sp.sin, sp.tanh, sp.exp, sp.cos, sp.atan, sp.Abs, sp.erf, sp.asinh, _softplus, sp.sinh,
    lambda u: 1 / (1 + sp.exp(-u)),
    lambda u: sp.log(1 + u**2),
    lambda u: sp.sqrt(1 + u**2),
    lambda u: 1 / (2 + sp.sin(u)),
    lambda u: sp.Max(0, u),
    lambda u: sp.Min(u, sp.Rational(1, 3)),
    lambda u: sp.Max(u, u**2),
    lambda u: sp.Piecewise((u**2 / 2, sp.Abs(u) < 1), (sp.Abs(u) - sp.Rational(1, 2), True)),
    lambda u: sp.Piecewise((u, u > 0), (sp.exp(u) - 1, True)),
    lambda u: sp.Heaviside(u) * u**2,
    lambda u: sp.sign(u) * u,
    lambda u: sp.loggamma(1 + u**2),
    lambda u: sp.gamma(1 + sp.tanh(u) ** 2),
    lambda u: u * sp.exp(-(u**2)),
    lambda u: (1 + u**2) ** a,
    lambda u: 2**u,
    lambda u: sp.log(u),
    lambda u: sp.sqrt(u),
    lambda u: u ** sp.Rational(3, 2),
    lambda u: f(u),
)  # fmt: skip


def _of_index(maker: Maker, depth: int) -> Any:
    """A sum or a product over one or two indices."""
    what = maker.below(7)
    depth = min(depth, 4)
    if what <= 1:
        return sp.Sum(maker.body(depth, (i,)), (i, 0, n - 1))
    if what == 2:
        return sp.Sum(maker.body(depth, (i, j)), (j, 0, m - 1), (i, 0, n - 1))
    if what == 3:
        return sp.Sum(maker.body(depth, (i, j)), (j, 0, i), (i, 0, n - 1))
    if what == 4:
        return sp.Product(maker.body(min(depth, 2), (i,)), (i, 0, n - 1))
    if what == 5:
        before = sp.Product(maker.body(min(depth - 1, 2), (i, j)), (j, 0, i - 1))
        return sp.Sum(maker.body(min(depth, 2), (i,)) * before, (i, 0, n - 1))
    inner = sp.Sum(maker.body(min(depth - 1, 2), (i, j)), (j, 0, m - 1))
    return sp.Sum(maker.function(inner), (i, 0, n - 1))


def _entry_sum(maker: Maker, depth: int) -> Any:
    x = maker.any_matrix(depth - 1)
    return sp.Sum(maker.function(maker.entry(x, i, j)), (i, 0, x.rows - 1), (j, 0, x.cols - 1))


def _logsumexp(maker: Maker, depth: int) -> Any:
    x = maker.matrix((maker.choose(DIMENSIONS), 1), depth - 1)
    return sp.log(sp.Sum(sp.exp(maker.entry(x, i, 0)), (i, 0, x.rows - 1)))


def _quadratic(maker: Maker, depth: int) -> Any:
    rows, columns = maker.choose(DIMENSIONS), maker.choose(DIMENSIONS)
    x, y = maker.matrix((rows, 1), depth - 1), maker.matrix((columns, 1), maker.side(depth))
    middle = maker.matrix((rows, columns), maker.side(depth))
    return maker.entry(maker.times(maker.transposed(x), middle, y), 0, 0)


def _dot(maker: Maker, depth: int) -> Any:
    shape = (maker.choose(DIMENSIONS), 1)
    return DotProduct(maker.matrix(shape, depth - 1), maker.matrix(shape, maker.side(depth)))


def _blocks(maker: Maker, depth: int) -> Any:
    rows = maker.choose(DIMENSIONS)
    shapes = [(rows, maker.choose((n, m, 2, 1))) for _ in range(2)]
    whole = BlockMatrix(
        [[maker.matrix(shapes[0], depth - 1), maker.matrix(shapes[1], maker.side(depth))]]
    )
    turned = maker.transposed(whole)
    pair = (whole, turned) if maker.chance(2) else (turned, whole)
    return sp.Trace(maker.times(*pair))


def _kroneckers(maker: Maker, depth: int) -> Any:
    product = KroneckerProduct(maker.square(depth - 1), maker.square(maker.side(depth)))
    return (
        sp.Trace(product)
        if maker.chance(2)
        else sp.Trace(maker.times(product, maker.transposed(product)))
    )


def _slices(maker: Maker, depth: int) -> Any:
    x = maker.any_matrix(depth - 1)
    part = maker.choose((lambda: x[1:, :], lambda: x[:, 0], lambda: x[0, :], lambda: x[0:2, :]))()
    return sp.Trace(maker.times(maker.transposed(part), part))


def _trace_pair(maker: Maker, depth: int) -> Any:
    x = maker.any_matrix(depth - 1)
    y = maker.matrix(x.shape, maker.side(depth)) if x.shape in NAMES else x
    return sp.Trace(maker.times(maker.transposed(x), y))


def _one_entry(maker: Maker, depth: int) -> Any:
    x = maker.any_matrix(depth - 1)
    row, column = (maker.below(2) if size != 1 else 0 for size in x.shape)
    return maker.entry(x, row, column)


SCALARS: tuple[Callable[[Maker, int], Any], ...] = (
    lambda g, d: g.scalar(d - 1) + g.scalar(g.side(d)),
    lambda g, d: g.scalar(d - 1) * g.scalar(g.side(d)),
    lambda g, d: g.scalar(d - 1) ** g.choose((2, 3, 4)),
    lambda g, d: g.function(g.scalar(d - 1)),
    lambda g, d: g.function(g.scalar(d - 1)),
    lambda g, d: g.scalar(g.side(d)) / (1 + g.scalar(d - 1) ** 2),
    lambda g, d: g.scalar(g.side(d)) - g.scalar(d - 1),
    lambda g, d: sp.Max(g.scalar(d - 1), g.scalar(g.side(d))),
    lambda g, d: g.scalar(d - 1) / g.scalar(g.side(d)),
    _quadratic,
    _trace_pair,
    lambda g, d: sp.Trace(g.square(d - 1)),
    _dot,
    lambda g, d: sp.Determinant(g.square(d - 1)),
    lambda g, d: sp.log(sp.Determinant(g.regular(g.choose(DIMENSIONS), d - 1))),
    lambda g, d: sp.sqrt(1 + _trace_pair(g, d)),
    _entry_sum,
    _logsumexp,
    _of_index,
    _of_index,
    _one_entry,
    _blocks,
    _kroneckers,
    _slices,
    lambda g, d: sp.Trace(sp.MatPow(g.square(d - 1), g.choose((2, 3, 5)))),
)


def _product(maker: Maker, shape: Any, depth: int) -> Any:
    inner = maker.choose((*DIMENSIONS, 1))
    left, right = (shape[0], inner), (inner, shape[1])
    deep, side = depth - 1, maker.side(depth)
    if maker.chance(2):
        deep, side = side, deep
    return maker.times(maker.matrix(left, deep), maker.matrix(right, side))


def _hadamard(maker: Maker, shape: Any, depth: int) -> Any:
    one, two = maker.matrix(shape, depth - 1), maker.matrix(shape, maker.side(depth))
    return sp.HadamardProduct(one, two)


def _quotient(maker: Maker, shape: Any, depth: int) -> Any:
    one = maker.matrix(shape, maker.side(depth))
    return sp.HadamardProduct(one, sp.HadamardPower(maker.matrix(shape, depth - 1), -1))


def _applied(maker: Maker, shape: Any, depth: int) -> Any:
    x = maker.matrix(shape, depth - 1)
    plain = (sp.exp, sp.sin, sp.tanh, sp.Abs, f, sp.cos, sp.erf, sp.sign)
    if maker.chance(2):
        return x.applyfunc(maker.choose(plain))
    return x.applyfunc(sp.Lambda(t, maker.function(t)))


def _softmax(maker: Maker, shape: Any, depth: int) -> Any:
    if shape[1] != 1:
        return None
    e = maker.matrix(shape, depth - 1).applyfunc(sp.exp)
    total = MatrixElement(sp.MatMul(OneMatrix(1, shape[0]), e), 0, 0)
    return sp.MatMul(1 / total, e)


def _inverse(maker: Maker, shape: Any, depth: int) -> Any:
    if shape[0] != shape[1]:
        return maker.times(sp.Inverse(maker.regular(shape[0], depth - 1)), maker.leaf(shape))
    return sp.Inverse(maker.regular(shape[0], depth - 1))


def _matrix_power(maker: Maker, shape: Any, depth: int) -> Any:
    if shape[0] != shape[1]:
        return None
    return sp.MatPow(maker.matrix(shape, depth - 1), maker.choose((2, 3, -1, -2)))


def _diag(maker: Maker, shape: Any, depth: int) -> Any:
    if shape[0] == shape[1]:
        return DiagMatrix(maker.matrix((shape[0], 1), depth - 1))
    if shape[1] == 1:
        return DiagonalOf(maker.matrix((shape[0], shape[0]), depth - 1))
    return maker.times(DiagMatrix(maker.matrix((shape[0], 1), depth - 1)), maker.leaf(shape))


def _block_product(maker: Maker, shape: Any, depth: int) -> Any:
    inner = [maker.choose((n, m, 2, 1)) for _ in range(2)]
    left = BlockMatrix([[maker.matrix((shape[0], size), maker.side(depth)) for size in inner]])
    right = [maker.matrix((inner[0], shape[1]), depth - 1), maker.matrix((inner[1], shape[1]), 1)]
    return maker.times(left, BlockMatrix([[part] for part in right]))


def _row_or_column(maker: Maker, shape: Any, depth: int) -> Any:
    if shape[1] == 1:
        return maker.matrix((shape[0], maker.choose(DIMENSIONS)), depth - 1)[:, 0]
    if shape[0] == 1:
        return maker.matrix((maker.choose(DIMENSIONS), shape[1]), depth - 1)[1, :]
    return None


MATRICES: tuple[Callable[[Maker, Any, int], Any], ...] = (
    lambda g, shape, d: g.plus(g.matrix(shape, d - 1), g.matrix(shape, g.side(d))),
    lambda g, shape, d: g.plus(g.matrix(shape, d - 1), g.times(-1, g.matrix(shape, g.side(d)))),
    _product,
    _product,
    lambda g, shape, d: g.transposed(g.matrix(shape[::-1], d - 1)),
    lambda g, shape, d: g.times(g.scalar(g.side(d)), g.matrix(shape, d - 1)),
    lambda g, shape, d: g.times(g.scalar(d - 1), g.matrix(shape, g.side(d))),
    _hadamard,
    _hadamard,
    _applied,
    _applied,
    lambda g, shape, d: sp.HadamardPower(g.matrix(shape, d - 1), g.choose((2, 3))),
    _quotient,
    _inverse,
    _matrix_power,
    _diag,
    _softmax,
    _block_product,
    _row_or_column,
)


def draw(below: Below) -> Problem | None:
    """A problem, or None where the draw has nothing to differentiate by."""
    maker = Maker(below)
    depth = maker.choose(DEPTHS)
    maker.as_written = depth <= 3
    what = below(4)
    if what == 3:
        expr = maker.any_matrix(depth)
        kind, orders = "jacobian", 1
    else:
        expr = maker.scalar(depth) if what < 2 or below(3) else maker.matrix((1, 1), depth)
        kind, orders = (("gradient", 1), ("hessian", 2))[below(2)]
    expr = sp.sympify(expr)
    found = candidates(expr)
    if not found:
        return None
    variables = tuple(maker.choose(found) for _ in range(orders))
    if orders == 2 and below(3) < 2:
        variables = (variables[0], variables[0])
    if orders == 2 and variables[0] == variables[1] == w[k]:
        variables = (w[k], w[maker.choose((s, k))])
    layout = "mixed"
    if kind == "jacobian":
        layout = maker.choose(("mixed", "mixed", "mixed", "vec", "numerator", "denominator"))
    return Problem(expr, variables, kind, layout, below(1000))


def candidates(expr: Any) -> list[Any]:
    """What the expression can be differentiated by."""
    found: list[Any] = []
    atoms = list(subtrees(expr))
    for x in sorted({x for x in atoms if isinstance(x, sp.MatrixSymbol)}, key=str):
        found += [x, x, x, x[0, 0]]
        if x.rows != 1:
            found.append(x[1, 0])
    found += sorted({x for x in atoms if x in (a, b, c)}, key=str)
    bases = {x.base for x in atoms if isinstance(x, sp.Indexed)}
    for base in sorted(bases, key=str):
        found += [Y[k, 1], Y[s, k]] if base == Y else [base[k], base[1]]
    return found


def subtrees(expr: Any) -> Iterator[Any]:
    """Every node, those inside explicit matrices too."""
    yield expr
    inside = expr.flat() if isinstance(expr, sp.MatrixBase) else expr.args
    for arg in inside:
        if isinstance(arg, sp.Basic):
            yield from subtrees(arg)


# --- judging --------------------------------------------------------------------------------------


def a_function(xp: Any, u: Any) -> Any:
    return xp.sin(u + 0.3) + 0.7 * u**2 / 2


def values_for(problem: Problem) -> dict[Any, Any]:
    """A random point, away from the kinks at 0."""
    rng = np.random.default_rng(problem.seed)
    shifted = {w[i + 1], w[j + 1]} & set(subtrees(problem.expr))
    # Free indices lie within the range of every index there is.
    found: dict[Any, Any] = {**SIZES, k: 1, s: 1 if shifted else 0}
    for symbol in (a, b, c):
        found[symbol] = float(rng.uniform(0.3, 1.5))
    for shape, names in NAMES.items():
        for name in names:
            rows, columns = (SIZES.get(size, size) for size in shape)
            found[sp.MatrixSymbol(name, *shape)] = _away_from_zero(rng, (rows, columns))
    for base in (w, v, z):
        found[base] = _away_from_zero(rng, (EXTENT, 1))
    found[Y] = _away_from_zero(rng, (EXTENT, EXTENT))
    found[f] = a_function
    return found


def _away_from_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    values = rng.uniform(-1.2, 1.2, shape)
    return values + 0.2 * np.sign(values)


def for_witness(values: dict[Any, Any]) -> dict[Any, Any]:
    """The same point as `tests/witness.py` wants it."""
    found: dict[Any, Any] = {}
    for name, value in values.items():
        if isinstance(name, UndefinedFunction):
            found[name] = lambda u, value=value: value(np, u)
        elif isinstance(name, sp.IndexedBase) and name != Y:
            found[name] = np.ravel(value)
        else:
            found[name] = value
    return found


@dataclass(frozen=True)
class Verdict:
    """What came of one problem.

    `kind` is "right", "mismatch", "exception", "unsupported", "slow" (right, but it took a second),
    "undefined" (the closed form divides by zero here) or "undecided" (no derivative here by which
    to judge).
    """

    kind: str
    detail: str = ""
    seconds: float = 0.0
    answer: Any = None


def reference(problem: Problem, values: dict[Any, Any], *, jax: bool) -> np.ndarray:
    """The derivative by two witnesses that agree, in the layout of the problem.

    Raises:
        batched.NoValue: it has no value here, or the witnesses do not agree (a kink is near).
    """
    expr, variables = problem.expr, problem.variables
    fine = batched.differences(expr, variables, values)
    if np.abs(fine).max(initial=0) > 1e6:
        raise batched.NoValue("too large")
    second = (
        batched.autodiff(expr, variables, values)
        if jax
        else batched.differences(expr, variables, values, h=0.4 * batched.FINE)
    )
    if not close(fine, second):
        raise batched.NoValue("the witnesses do not agree")
    return arranged(second, problem, values)


def close(one: np.ndarray, two: np.ndarray) -> bool:
    scale = max(1.0, float(np.abs(two).max(initial=0.0)))
    return bool(np.isfinite(one).all()) and bool(
        np.abs(one - two).max(initial=0.0) <= TOLERANCE * scale
    )


def arranged(slopes: np.ndarray, problem: Problem, values: dict[Any, Any]) -> np.ndarray:
    """The axes of the expression, then those of the variables, as the layout wants them."""
    wrt = sum((batched.shape_of(x, values) for x in problem.variables), ())
    own = slopes.shape[: slopes.ndim - len(wrt)]
    if problem.layout == "vec":
        order = [*reversed(range(len(own))), *reversed(range(len(own), slopes.ndim))]
        return slopes.transpose(order).reshape(int(np.prod(own)), int(np.prod(wrt)))
    if problem.kind != "hessian" and np.prod(own) == 1:
        answer = slopes.reshape(wrt)
        return answer.T if problem.layout == "numerator" else answer
    if len(wrt) <= 2 and np.prod(wrt) == 1:
        answer = slopes.reshape(own)
        return answer.T if problem.layout == "denominator" else answer
    answer = slopes.reshape([size for size in slopes.shape if size != 1])
    if problem.layout == "denominator" and answer.ndim > 2:
        raise batched.NoValue("this layout is for matrices")
    return answer.T if problem.layout == "denominator" else answer


def difference(answer: Any, truth: np.ndarray, problem: Problem, env: dict[Any, Any]) -> str:
    """Why an answer is not the derivative, or "" if it is."""
    if isinstance(answer, ArrayComprehension):
        return _difference_of_entries(answer, truth, problem, env)
    value = np.asarray(witness.evaluate(answer, env))
    if not np.isfinite(value).all():
        _excuse(answer, problem, env)
    if value.shape != truth.shape:
        same = [size for size in value.shape if size != 1] == [x for x in truth.shape if x != 1]
        if not same:
            return f"shape {value.shape}, not {truth.shape}"
        value = value.reshape(truth.shape)
    if not close(value, truth):
        return f"off by {np.abs(value - truth).max():.3g} of {np.abs(truth).max():.3g}"
    return ""


def _excuse(answer: Any, problem: Problem, env: dict[Any, Any]) -> None:
    """Raise where it is no wonder that an answer has no value."""
    if problem.expr.has(sp.Product):
        raise ZeroDivisionError("a factor of a product is 0 here")
    if any(e.exp.is_Rational and not e.exp.is_Integer for e in problem.expr.atoms(sp.Pow)):
        raise ZeroDivisionError("0/0 where a root starts, for autodiff too")
    if _overflows(answer, env):
        raise OverflowError("exp(u)*exp(-exp(u)) where floats end")


def _overflows(answer: Any, env: dict[Any, Any]) -> bool:
    """Whether a number on the way is larger than floats can be."""
    try:
        with np.errstate(over="raise"):
            witness.evaluate(answer, env)
    except FloatingPointError:
        return True
    return False


def _difference_of_entries(
    answer: Any, truth: np.ndarray, problem: Problem, env: dict[Any, Any]
) -> str:
    """A comprehension is slow to evaluate: some of its entries."""
    shape = tuple(
        witness.as_int(high, env) - witness.as_int(low, env) + 1 for _, low, high in answer.limits
    )
    if [x for x in shape if x != 1] != [x for x in truth.shape if x != 1]:
        return f"shape {shape}, not {truth.shape}"
    truth = truth.reshape(shape)
    places = list(itertools.product(*map(range, shape)))
    random.Random(problem.seed).shuffle(places)
    for place in places[:MOST_ENTRIES]:
        names = [index for index, *_ in answer.limits]
        inner = {**env, **dict(zip(names, place, strict=True))}
        value = witness.as_scalar(witness.evaluate(answer.function, inner))
        if not np.isfinite(value):
            _excuse(answer.function, problem, inner)
        if not abs(value - truth[place]) <= TOLERANCE * max(1.0, np.abs(truth).max()):
            return f"entry {place} is {value:.6g}, not {truth[place]:.6g}"
    return ""


def ask(problem: Problem) -> Any:
    """symback's answer."""
    if problem.kind == "hessian":
        return symback.hessian(problem.expr, *problem.variables)
    if problem.kind == "gradient":
        return symback.gradient(problem.expr, *problem.variables)
    return symback.jacobian(problem.expr, *problem.variables, layout=problem.layout)


def answered(problem: Problem) -> Verdict:
    """Ask; the verdict is "answered" where there is something to compare."""
    start = time.process_time()
    try:
        answer = ask(problem)
    except SymbackError as error:
        return Verdict("unsupported", f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001 (a finding)
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno}"
        return Verdict("exception", f"{type(error).__name__} at {place}: {error}")
    return Verdict("answered", "", time.process_time() - start, answer)


def compare(problem: Problem, answered: Verdict, *, jax: bool) -> Verdict:
    """Compare an answer with the witnesses."""
    answer, seconds = answered.answer, answered.seconds
    twice = indices_bound_twice(answer)
    if twice:
        return Verdict("mismatch", f"a sum within a sum over the same {twice}", seconds, answer)
    values = values_for(problem)
    try:
        truth = reference(problem, values, jax=jax)
    except batched.NoValue as error:
        return Verdict("undecided", str(error), seconds, answer)
    try:
        with np.errstate(all="ignore"):
            problem_found = difference(answer, truth, problem, for_witness(values))
    except (ZeroDivisionError, OverflowError, np.linalg.LinAlgError) as error:
        # prod(x)/x[k] where x[k] = 0; det(X)*inv(X)' where X is singular
        return Verdict("undefined", str(error), seconds, answer)
    except (witness.WitnessError, ValueError, TypeError, KeyError) as error:
        return Verdict("mismatch", f"no value: {type(error).__name__}: {error}", seconds, answer)
    if problem_found and is_singular(problem, values):
        return Verdict("undefined", "inv(X) where X is nearly singular", seconds, answer)
    if problem_found:
        return Verdict("mismatch", problem_found, seconds, answer)
    return Verdict("slow" if seconds > SLOW else "right", f"{seconds:.1f} s", seconds, answer)


def is_singular(problem: Problem, values: dict[Any, Any]) -> bool:
    """Whether the problem has the determinant or the inverse of a singular matrix at this point."""
    point = for_witness(values)
    for node in subtrees(problem.expr):
        inverted = isinstance(node, sp.MatPow) and node.exp.could_extract_minus_sign()
        if inverted or isinstance(node, sp.Determinant):
            with suppress(witness.WitnessError):  # inside a sum it has indices without a value
                matrix = np.asarray(witness.evaluate(node.args[0], point), dtype=float)
                if np.linalg.cond(matrix) > WORST_CONDITION:
                    return True
    return False


# --- many of them ---------------------------------------------------------------------------------


class TooLong(BaseException):
    """A case took too long; not an Exception, so that nothing on the way catches it."""


def _stop(*_: Any) -> None:
    raise TooLong


def within(limit: int, run: Callable[[], Any], otherwise: Any) -> Any:
    """What `run` returns, or `otherwise` after `limit` seconds.

    The alarm repeats: an exception raised inside a callback is lost.
    """
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, limit, 1)
    try:
        return run()
    except TooLong:
        return otherwise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def judge_within(problem: Problem, limit: int, *, jax: bool) -> Verdict:
    """Ask, and compare with the witnesses; either is given up after `limit` seconds."""
    late = Verdict("slow", f"not done after {limit} s", float(limit))
    found = within(limit, lambda: answered(problem), late)
    if found.kind != "answered":
        return found
    late = Verdict("undecided", "the witnesses take too long", found.seconds, found.answer)
    return within(limit, lambda: compare(problem, found, jax=jax), late)


def case(seed: int, number: int) -> Problem | None:
    """The problem with this number; None where SymPy itself cannot build it."""
    rng = random.Random(f"{seed}/{number}")
    with suppress(*REFUSALS):
        return draw(rng.randrange)
    return None


def smaller(problem: Problem) -> Iterator[Problem]:
    """Problems in which one piece is replaced by a simpler one of its shape."""
    pieces = sorted(set(subtrees(problem.expr)), key=lambda x: -sum(1 for _ in subtrees(x)))
    for piece in pieces:
        if isinstance(piece, (sp.MatrixSymbol, sp.Symbol, sp.Tuple, sp.Number, sp.Lambda)):
            continue
        for simple in _simpler(piece):
            with suppress(Exception):  # not every replacement makes sense
                expr = problem.expr.xreplace({piece: simple})
                known = {x for x in subtrees(expr) if isinstance(x, (sp.Symbol, sp.IndexedBase))}
                loose = {x for x in (i, j, t) if x in expr.free_symbols}
                inside = all(batched.base_of(x) in set(subtrees(expr)) for x in problem.variables)
                if expr != problem.expr and not loose and inside and known:
                    yield replace(problem, expr=expr)


def _simpler(piece: Any) -> Iterator[Any]:
    is_matrix = getattr(piece, "is_Matrix", False)
    below = [x for x in subtrees(piece) if x is not piece]
    for inner in below:
        same_kind = getattr(inner, "is_Matrix", False) == is_matrix
        if not same_kind or not isinstance(inner, (sp.Expr, sp.MatrixBase)):
            continue
        if not is_matrix or inner.shape == piece.shape:
            yield inner
    if is_matrix and piece.shape in NAMES:
        yield from (sp.MatrixSymbol(name, *piece.shape) for name in NAMES[piece.shape])
    elif isinstance(piece, sp.Expr) and not is_matrix:
        yield from (a, sp.Integer(1))
    several = (sp.Add, sp.Mul, sp.MatAdd, sp.MatMul, sp.HadamardProduct)
    if isinstance(piece, several) and len(piece.args) > 2:
        for q in range(len(piece.args)):
            with suppress(Exception):  # the shapes of a product no longer fit
                yield piece.func(*piece.args[:q], *piece.args[q + 1 :])
    if isinstance(piece, ElementwiseApplyFunction):
        yield piece.expr


def minimal(problem: Problem, verdict: Verdict, *, jax: bool, seconds: float = 8) -> Problem:
    """The smallest problem that was found with the same kind of verdict."""
    end = time.monotonic() + seconds
    limit = 3
    shrinking = True
    while shrinking and time.monotonic() < end:
        shrinking = False
        for attempt in smaller(problem):
            if time.monotonic() > end:
                break
            found = verdict
            with suppress(Exception):  # a piece too many was taken away
                found = judge_within(attempt, limit, jax=jax)
            if found is not verdict and _alike(found, verdict):
                problem, shrinking = attempt, True
                break
    return problem


def _alike(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts are the same finding."""
    if one.kind != other.kind or one.kind == "slow":
        return one.kind == other.kind
    if one.kind == "mismatch":
        return one.detail.startswith("no value") == other.detail.startswith("no value")
    return one.detail.split(":")[0] == other.detail.split(":")[0]


def work(task: tuple[int, int, bool]) -> tuple[int, str, str, float, str]:
    """One case for the command: number, kind, detail, seconds, a small problem that shows it."""
    seed, number, jax = task
    problem = within(GIVE_UP_AFTER, lambda: case(seed, number), None)
    if problem is None:
        return number, "nothing", "", 0.0, ""
    try:
        verdict = judge_within(problem, GIVE_UP_AFTER, jax=jax)
    except Exception as error:  # noqa: BLE001 (the other cases go on)
        verdict = Verdict("undecided", f"{type(error).__name__}: {error}")
        print(f"seed {seed}, case {number}: {verdict.detail}", flush=True)
    text = ""
    if verdict.kind in ("mismatch", "exception", "slow"):
        small, found = problem, verdict
        with suppress(Exception):  # SymPy gives up on some piece of it
            if verdict.kind != "slow":
                small = minimal(problem, verdict, jax=False)
                found = judge_within(small, GIVE_UP_AFTER, jax=False)
        text = f"    seed {problem.seed}: {found.detail}"
        with suppress(Exception):  # nor can SymPy print every one
            text = within(PRINT_WITHIN, lambda: f"{small}\n{text}\n    is {found.answer}", text)
    text = "\n".join(line[:600] for line in text.splitlines())
    return number, verdict.kind, verdict.detail, verdict.seconds, text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--jax-every", type=int, default=20, help="ask JAX, which is slow, for one case in so many"
    )
    asked = parser.parse_args()
    every = asked.jax_every if importlib.util.find_spec("jax") else 0
    numbers = range(asked.first, asked.first + asked.cases)
    tasks = [(asked.seed, q, bool(every) and q % every == 0) for q in numbers]
    totals: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    seconds = []
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for number, kind, detail, took, text in pool.imap_unordered(work, tasks, chunksize=8):
            totals[kind] += 1
            seconds.append(took)
            if kind == "unsupported":
                reasons[detail.split("\n")[0][:70]] += 1
            if text:
                print(f"{kind} (seed {asked.seed}, case {number}): {detail}\n  {text}", flush=True)
            if sum(totals.values()) % 1000 == 0:
                print(dict(totals), flush=True)
    for reason, count in reasons.most_common(25):
        print(f"{count:6} {reason}")
    print(dict(totals), f"median {1000 * np.median(seconds):.0f} ms, longest {max(seconds):.2f} s")
    return int(bool(totals["mismatch"] or totals["exception"]))


if __name__ == "__main__":
    raise SystemExit(main())
