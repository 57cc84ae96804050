"""Values of SymPy expressions at many points at once, in NumPy or in JAX, and their derivatives.

A witness for random problems: it shares nothing with symback and knows no rule of differentiation.
Every value is an array (points, rows, columns); a scalar has one row and one column.

    Batch(expr, values).value(expr)                 at one point
    differences(expr, (x,), values)                 d(expr)/dx by differences of order 8
    autodiff(expr, (x, y), values)                  the same by JAX, which finds it by itself

`values` maps Symbol -> number, MatrixSymbol -> (rows, columns) array, IndexedBase -> array of one
or two axes, the class of an undefined function -> a callable of (module, argument).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.matrices.expressions import diagonal, hadamard, special
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.blockmatrix import BlockMatrix
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice

MOST_NUMBERS = 3_000_000

Values = Mapping[Any, Any]
Array = Any


class NoValue(Exception):
    """Outside the domain of a function, or a class of expressions that is not known here."""


def _by_number(function: Callable[..., Any]) -> Callable[..., Array]:
    def on_array(*arrays: Array) -> Array:
        try:
            return np.vectorize(lambda *x: float(function(*x)), otypes=[float])(*arrays)
        except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
            raise NoValue(str(error)) from None

    return on_array


def _real_loggamma(x: float) -> float:
    if x <= 0:
        raise ValueError("loggamma is complex below 0")
    return math.lgamma(x)


NUMPY_SPECIAL: dict[str, Callable[..., Array]] = {
    "erf": _by_number(math.erf),
    "gamma": _by_number(math.gamma),
    "loggamma": _by_number(_real_loggamma),
    "polygamma": _by_number(mpmath.fp.psi),
}
SIMPLE = {
    sp.exp: "exp",
    sp.log: "log",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.asin: "arcsin",
    sp.acos: "arccos",
    sp.atan: "arctan",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.tanh: "tanh",
    sp.asinh: "arcsinh",
    sp.acosh: "arccosh",
    sp.atanh: "arctanh",
    sp.Abs: "abs",
    sp.sign: "sign",
    sp.floor: "floor",
}
SPECIAL = {
    sp.erf: "erf",
    sp.gamma: "gamma",
    sp.loggamma: "loggamma",
    sp.polygamma: "polygamma",
}
RELATIONS = {
    sp.StrictGreaterThan: "greater",
    sp.GreaterThan: "greater_equal",
    sp.StrictLessThan: "less",
    sp.LessThan: "less_equal",
    sp.Equality: "equal",
    sp.Unequality: "not_equal",
}


class Batch:
    """Evaluates expressions that share their values.

    Args:
        values: (points, rows, columns) arrays by symbol, an int for each size and free index.
        xp: numpy or jax.numpy.
        special: functions that `xp` lacks.
    """

    def __init__(
        self, values: Values, xp: ModuleType = np, special: Mapping[str, Any] = NUMPY_SPECIAL
    ) -> None:
        self.values = dict(values)
        self.xp = xp
        self.special = special
        self.memo: dict[Any, Array] = {}

    def value(self, expr: Any, bound: Mapping[Any, int] | None = None) -> Array:
        """The value, with indices `bound`."""
        bound = bound or {}
        here = {i: k for i, k in bound.items() if i in expr.free_symbols}
        key = (expr, *sorted(here.items(), key=str))
        if key not in self.memo:
            self.memo[key] = self._value(expr, here)
        return self.memo[key]

    def _value(self, expr: Any, bound: Mapping[Any, int]) -> Array:
        if isinstance(expr, ElementwiseApplyFunction):
            return self.apply(expr.function, [self.value(expr.expr, bound)], bound)
        for kind in type(expr).__mro__:
            if kind in SIMPLE or kind in SPECIAL:
                return self.apply(kind, [self.value(a, bound) for a in expr.args], bound)
            if kind in READERS:
                return READERS[kind](self, expr, bound)
        raise NoValue(f"{type(expr).__name__}: {expr}")

    def number(self, number: Any) -> Array:
        return self.xp.full((1, 1, 1), float(number))

    def integer(self, expr: Any, bound: Mapping[Any, int]) -> int:
        """The value of a size or an index."""
        known = {s: bound.get(s, self.values.get(s)) for s in expr.free_symbols}
        if not all(isinstance(k, int) for k in known.values()):
            raise NoValue(f"{expr} is not an integer")
        return int(expr.xreplace({s: sp.Integer(k) for s, k in known.items()}))

    def shape(self, expr: Any) -> tuple[int, int]:
        return self.integer(expr.shape[0], {}), self.integer(expr.shape[1], {})

    def apply(self, function: Any, args: list[Array], bound: Mapping[Any, int]) -> Array:
        if isinstance(function, sp.Lambda):
            inner = Batch({**self.values, **bound}, self.xp, self.special)
            inner.values |= dict(zip(function.variables, args, strict=True))
            body = inner.value(function.expr)
            return self.xp.broadcast_arrays(body, *args)[0]
        if isinstance(function, UndefinedFunction):
            return self.values[function](self.xp, *args)
        if function in SIMPLE:
            value = getattr(self.xp, SIMPLE[function])(*args)
            if function is sp.log and self.xp is np and np.isneginf(value).any():
                raise NoValue("log(0)")  # 1/log(0)^2 would be a 0 that is none
            return value
        if function in SPECIAL:
            return self.special[SPECIAL[function]](*args)
        stand_ins = [sp.Dummy() for _ in args]
        return self.apply(sp.Lambda(stand_ins, function(*stand_ins)), args, bound)

    def power(self, base: Array, exponent: Array, exponent_expr: Any) -> Array:
        if exponent_expr.is_Integer:
            return base ** int(exponent_expr)
        return base**exponent


def _product(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    scalars, chain = [], []
    for factor in expr.args:
        value = batch.value(factor, bound)
        (chain if getattr(factor, "is_Matrix", False) else scalars).append(value)
    total = chain[0] if chain else scalars.pop(0)
    for value in chain[1:]:
        total = total @ value
    for value in scalars:
        total = total * value
    return total


def _power(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    base = batch.value(expr.base, bound)
    if not getattr(expr.base, "is_Matrix", False) or base.shape[1:] == (1, 1):
        return batch.power(base, batch.value(expr.exp, bound), expr.exp)
    exponent = batch.integer(expr.exp, bound)
    if exponent < 0:
        base, exponent = batch.xp.linalg.inv(base), -exponent
    total = batch.xp.eye(base.shape[1])[None]
    for _ in range(exponent):
        total = total @ base
    return total


def _total(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    values = [batch.value(term, bound) for term in expr.args]
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _hadamard(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    total = batch.value(expr.args[0], bound)
    for factor in expr.args[1:]:
        total = total * batch.value(factor, bound)
    return total


def _kronecker(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    total = batch.number(1)
    for factor in expr.args:
        value = batch.value(factor, bound)
        rows, columns = total.shape[1] * value.shape[1], total.shape[2] * value.shape[2]
        if rows * columns * max(total.shape[0], value.shape[0]) > MOST_NUMBERS:
            raise NoValue("a Kronecker product that is too large")
        both = batch.xp.einsum("bij,bkl->bikjl", *_same_points(batch, total, value))
        total = both.reshape(both.shape[0], rows, columns)
    return total


def _same_points(batch: Batch, *values: Array) -> list[Array]:
    points = max(value.shape[0] for value in values)
    return [batch.xp.broadcast_to(v, (points, *v.shape[1:])) for v in values]


def _grid(batch: Batch, rows: list[list[Array]]) -> Array:
    points = max(value.shape[0] for row in rows for value in row)
    wide = [[batch.xp.broadcast_to(v, (points, *v.shape[1:])) for v in row] for row in rows]
    return batch.xp.concatenate([batch.xp.concatenate(row, axis=2) for row in wide], axis=1)


def _block(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    rows, columns = expr.blockshape
    return _grid(
        batch,
        [[batch.value(expr.blocks[i, j], bound) for j in range(columns)] for i in range(rows)],
    )


def _explicit(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    return _grid(batch, [[batch.value(entry, bound) for entry in row] for row in expr.tolist()])


def _slice(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    rows, columns = (
        slice(*(batch.integer(sp.sympify(part), bound) for part in ends))
        for ends in (expr.rowslice, expr.colslice)
    )
    return batch.value(expr.parent, bound)[:, rows, columns]


def _entry(batch: Batch, value: Array, indices: Any, bound: Mapping[Any, int]) -> Array:
    i, j, *_ = [*(batch.integer(sp.sympify(index), bound) for index in indices), 0]
    if not (0 <= i < value.shape[1] and 0 <= j < value.shape[2]):
        raise NoValue("an index out of range")
    return value[:, i : i + 1, j : j + 1]


def _terms(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Iterator[Array]:
    def inner(limits: Any, bound: Mapping[Any, int]) -> Iterator[Array]:
        if not limits:
            yield batch.value(expr.function, bound)
            return
        index, low, high = limits[-1]
        for k in range(batch.integer(low, bound), batch.integer(high, bound) + 1):
            yield from inner(limits[:-1], {**bound, index: k})

    return inner(expr.limits, bound)


def _sum(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    return sum(_terms(batch, expr, bound), batch.number(0))


def _prod(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    return math.prod(_terms(batch, expr, bound), start=batch.number(1))


def _extreme(name: str) -> Callable[..., Array]:
    def read(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
        total = batch.value(expr.args[0], bound)
        for arg in expr.args[1:]:
            total = getattr(batch.xp, name)(total, batch.value(arg, bound))
        return total

    return read


def _holds(batch: Batch, condition: Any, bound: Mapping[Any, int]) -> Array:
    if condition in (sp.true, sp.false):
        return batch.xp.full((1, 1, 1), condition == sp.true)
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [_holds(batch, part, bound) for part in condition.args]
        total = parts[0]
        for part in parts[1:]:
            total = total & part if isinstance(condition, sp.And) else total | part
        return total
    if isinstance(condition, sp.Not):
        return ~_holds(batch, condition.args[0], bound)
    sides = [batch.value(side, bound) for side in condition.args]
    return getattr(batch.xp, RELATIONS[type(condition)])(*sides)


def _piecewise(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    total = batch.number(math.nan)
    for value, condition in reversed(expr.args):
        total = batch.xp.where(_holds(batch, condition, bound), batch.value(value, bound), total)
    return total


def _heaviside(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    return batch.xp.heaviside(batch.value(expr.args[0], bound), 0.5)


def _delta(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    one, two = (batch.integer(index, bound) for index in expr.args[:2])
    return batch.number(one == two)


def _symbol(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    value = bound.get(expr, batch.values.get(expr))
    if value is None:
        raise NoValue(f"no value for {expr}")
    return batch.number(value) if isinstance(value, int) else value


def _trace(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    return batch.xp.trace(batch.value(expr.arg, bound), axis1=1, axis2=2)[:, None, None]


def _determinant(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    return batch.xp.linalg.det(batch.value(expr.arg, bound))[:, None, None]


def _diagonal_matrix(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    value = batch.value(expr.args[0], bound)
    return value.reshape(value.shape[0], -1, 1) * batch.xp.eye(value.size // value.shape[0])[None]


def _diagonal(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    return batch.xp.diagonal(batch.value(expr.args[0], bound), axis1=1, axis2=2)[:, :, None]


def _dot(batch: Batch, expr: Any, bound: Mapping[Any, int]) -> Array:
    one, two = (batch.value(arg, bound) for arg in expr.args)
    columns = [v.reshape(v.shape[0], -1, 1) for v in (one, two)]
    return (columns[0] * columns[1]).sum(axis=1, keepdims=True)


READERS: dict[Any, Callable[[Batch, Any, Mapping[Any, int]], Array]] = {
    sp.Number: lambda b, e, _: b.number(e),
    sp.NumberSymbol: lambda b, e, _: b.number(e),
    sp.Symbol: _symbol,
    sp.MatrixSymbol: _symbol,
    sp.Add: _total,
    sp.MatAdd: _total,
    sp.Mul: _product,
    sp.MatMul: _product,
    sp.Pow: _power,
    sp.MatPow: _power,
    sp.Transpose: lambda b, e, bound: b.value(e.arg, bound).swapaxes(1, 2),
    sp.Inverse: lambda b, e, bound: b.xp.linalg.inv(b.value(e.arg, bound)),
    sp.Trace: _trace,
    sp.Determinant: _determinant,
    sp.Identity: lambda b, e, _: b.xp.eye(b.shape(e)[0])[None],
    sp.ZeroMatrix: lambda b, e, _: b.xp.zeros((1, *b.shape(e))),
    special.OneMatrix: lambda b, e, _: b.xp.ones((1, *b.shape(e))),
    hadamard.HadamardProduct: _hadamard,
    hadamard.HadamardPower: lambda b, e, bound: b.power(
        b.value(e.base, bound), b.value(e.exp, bound), e.exp
    ),
    diagonal.DiagMatrix: _diagonal_matrix,
    diagonal.DiagonalOf: _diagonal,
    diagonal.DiagonalMatrix: lambda b, e, bound: (
        b.value(e.args[0], bound) * b.xp.eye(*b.shape(e))[None]
    ),
    KroneckerProduct: _kronecker,
    BlockMatrix: _block,
    DotProduct: _dot,
    sp.MatrixBase: _explicit,
    MatrixSlice: _slice,
    MatrixElement: lambda b, e, bound: _entry(b, b.value(e.parent, bound), e.indices, bound),
    sp.Indexed: lambda b, e, bound: _entry(b, b.values[e.base], e.indices, bound),
    sp.Sum: _sum,
    sp.Product: _prod,
    sp.Max: _extreme("maximum"),
    sp.Min: _extreme("minimum"),
    sp.Piecewise: _piecewise,
    sp.Heaviside: _heaviside,
    sp.KroneckerDelta: _delta,
    AppliedUndef: lambda b, e, bound: b.apply(e.func, [b.value(a, bound) for a in e.args], bound),
}


# --- derivatives ----------------------------------------------------------------------------------

# The central difference of order 8: sum of weight*f(step*h), over h.
STENCIL = [(k * sign, sign * w) for k, w in ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))
           for sign in (1, -1)]  # fmt: skip
FINE = 1 / 256
ROUNDING = 1e-15  # of a value, relative
TOO_ROUGH = 5e-7


def as_points(values: Values) -> dict[Any, Any]:
    """Numbers and arrays as arrays of one point."""
    result: dict[Any, Any] = {}
    for name, value in values.items():
        if isinstance(value, float):
            result[name] = np.full((1, 1, 1), value)
        elif isinstance(value, np.ndarray):
            result[name] = value.reshape(1, value.shape[0], -1)
        else:
            result[name] = value
    return result


def base_of(wrt: Any) -> Any:
    """The symbol that is varied."""
    if isinstance(wrt, sp.Indexed):
        return wrt.base
    return wrt.parent if isinstance(wrt, MatrixElement) else wrt


def places(wrt: Any, values: Values) -> list[tuple[int, int]]:
    """The entries of its base that a variable consists of, row by row."""
    base = as_points({0: values[base_of(wrt)]})[0]
    if isinstance(wrt, (sp.Indexed, MatrixElement)):
        i, j, *_ = [*(Batch(values).integer(sp.sympify(k), {}) for k in wrt.indices), 0]
        return [(i, j)]
    return list(itertools.product(range(base.shape[1]), range(base.shape[2])))


def shape_of(wrt: Any, values: Values) -> tuple[int, ...]:
    return np.shape(values[wrt]) if base_of(wrt) is wrt else ()


def differences(
    expr: Any, variables: tuple[Any, ...], values: Values, h: float = FINE
) -> np.ndarray:
    """The derivative by one variable, or by two: the axes of `expr`, then of each variable.

    Raises:
        NoValue: outside the domain of `expr`.
    """
    entries = [places(wrt, values) for wrt in variables]
    stencils = list(itertools.product(STENCIL, repeat=len(variables)))
    where = list(itertools.product(*entries))
    weights = np.array([math.prod(weight for _, weight in steps) for steps in stencils])
    points = as_points(values)
    for wrt in dict.fromkeys(map(base_of, variables)):
        points[wrt] = np.repeat(points[wrt], len(where) * len(stencils), axis=0)
    for row, (moved, steps) in enumerate(itertools.product(where, stencils)):
        for wrt, (i, j), (step, _) in zip(variables, moved, steps, strict=True):
            points[base_of(wrt)][row, i, j] += step * h
    with np.errstate(all="ignore"):
        try:
            value = Batch(points).value(sp.sympify(expr))
        except np.linalg.LinAlgError as error:
            raise NoValue(str(error)) from None
    value = np.broadcast_to(value, (len(where) * len(stencils), *value.shape[1:]))
    shaped = value.reshape(len(where), len(stencils), *value.shape[1:])
    slopes = np.einsum("esrc,s->rce", shaped, weights) / h ** len(variables)
    if not np.isfinite(slopes).all():
        raise NoValue("not finite")
    rounding = ROUNDING * np.abs(shaped).max(initial=0.0) / h ** len(variables)
    if rounding > TOO_ROUGH * max(1.0, np.abs(slopes).max(initial=0.0)):
        raise NoValue("large values with small differences")
    return _shaped(slopes, expr, variables, values)


def _shaped(
    slopes: np.ndarray, expr: Any, variables: tuple[Any, ...], values: Values
) -> np.ndarray:
    own = slopes.shape[:2] if getattr(expr, "is_Matrix", False) else ()
    return slopes.reshape((*own, *(size for wrt in variables for size in shape_of(wrt, values))))


def autodiff(expr: Any, variables: tuple[Any, ...], values: Values) -> np.ndarray:
    """As :func:`differences`, by JAX in float64."""
    import jax  # slow to import, and not always there
    import jax.numpy as jnp
    from jax.scipy import special as functions

    jax.config.update("jax_enable_x64", True)
    special = {
        "erf": functions.erf,
        "gamma": lambda x: jnp.exp(functions.gammaln(x)) * jnp.where(x > 0, 1, jnp.nan),
        "loggamma": lambda x: jnp.where(x > 0, functions.gammaln(x), jnp.nan),
        "polygamma": functions.polygamma,
    }
    fixed = as_points(values)

    def value(*moved: Any) -> Any:
        points = dict(fixed)
        for wrt, delta in zip(variables, moved, strict=True):
            base = points[base_of(wrt)]
            for k, (i, j) in enumerate(places(wrt, values)):
                base = jnp.asarray(base).at[0, i, j].add(delta[k])
            points[base_of(wrt)] = base
        return Batch(points, jnp, special).value(sp.sympify(expr))[0]

    derivative = value
    for k in range(len(variables)):
        derivative = jax.jacfwd(derivative, argnums=k)
    zeros = [jnp.zeros(len(places(wrt, values))) for wrt in variables]
    return _shaped(np.asarray(jax.jit(derivative)(*zeros)), expr, variables, values)
