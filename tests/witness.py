"""Numbers for SymPy expressions, and derivatives by differences.

An independent judge: it shares nothing with symback, knows no rule of differentiation, and reads
SymPy's expressions the way their documentation defines them. Matrices are 2-d arrays, arrays are
n-d arrays, scalars are numbers. A 1x1 matrix is taken as a scalar wherever a scalar is wanted.

    evaluate(expr, env)            the value
    derivative(expr, wrt, env)     axes of expr, then axes of wrt
    second(expr, one, two, env)    axes of expr, of one, of two

`env` maps Symbol -> number, MatrixSymbol and ArraySymbol -> array, IndexedBase -> array or Entries,
the class of an undefined function -> callable.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.matrices.expressions import blockmatrix, diagonal, dotproduct, hadamard, matexpr
from sympy.matrices.expressions import slice as slices
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.funcmatrix import FunctionMatrix
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.permutation import PermutationMatrix
from sympy.matrices.expressions.special import GenericIdentity, GenericZeroMatrix, OneMatrix
from sympy.tensor.array.array_comprehension import ArrayComprehension
from sympy.tensor.array.expressions import array_expressions as ax
from sympy.tensor.array.ndim_array import NDimArray

Env = Mapping[Any, Any]
Value = Any  # a number or an ndarray


class WitnessError(Exception):
    """The witness does not know this expression, or it has no value here."""


class Entries:
    """An array of unknown extent: any tuple of integers has its own repeatable random number.

    Example:
        w = Entries(seed=3, low=0.5, high=1.5)
        w[(2,)] == w[(2,)]
    """

    def __init__(self, seed: int, low: float, high: float) -> None:
        self.seed, self.low, self.high = seed, low, high
        self.changed: dict[tuple[int, ...], float] = {}

    def __getitem__(self, index: tuple[int, ...]) -> float:
        if index not in self.changed:
            key = [self.seed, *[number + 1000 for number in index]]
            self.changed[index] = float(np.random.default_rng(key).uniform(self.low, self.high))
        return self.changed[index]

    def with_entry(self, index: tuple[int, ...], value: float) -> Entries:
        """A copy in which one entry is `value`."""
        copy = Entries(self.seed, self.low, self.high)
        copy.changed = {**self.changed, index: value}
        return copy


# --- values -------------------------------------------------------------------------------------

READERS: dict[type, Callable[[Any, Env], Value]] = {}


def reads(*types: type) -> Callable[[Callable[[Any, Env], Value]], Callable[[Any, Env], Value]]:
    """Register a reader for these SymPy classes and their subclasses."""

    def register(reader: Callable[[Any, Env], Value]) -> Callable[[Any, Env], Value]:
        READERS.update(dict.fromkeys(types, reader))
        return reader

    return register


def evaluate(expr: Any, env: Env) -> Value:
    """The value of a SymPy expression: a number, or an array of as many axes as it has.

    Raises:
        WitnessError: a symbol has no value, an index is out of range, a class is unknown.

    Example:
        evaluate(Trace(A), {A: np.eye(3), n: 3}) == 3.0
    """
    for kind in type(expr).__mro__:
        reader = READERS.get(kind)
        if reader is not None:
            return reader(expr, env)
    raise WitnessError(f"no reader for {type(expr).__name__}: {expr}")


def as_scalar(value: Value) -> Any:
    """The number itself, or the entry of a 1x1 matrix."""
    if isinstance(value, np.ndarray):
        if value.size != 1:
            raise WitnessError(f"a scalar was wanted, not an array of shape {value.shape}")
        return value.reshape(()).item()
    return value


def as_int(expr: Any, env: Env) -> int:
    """The value of a size or an index."""
    value = as_scalar(evaluate(expr, env))
    nearest = round(float(np.real(value)))
    if abs(value - nearest) > 1e-9:
        raise WitnessError(f"{expr} is {value}, not an integer")
    return nearest


def lookup(name: Any, env: Env) -> Any:
    """The value given for a symbol."""
    try:
        return env[name]
    except KeyError:
        raise WitnessError(f"no value for {name} ({type(name).__name__})") from None


def entry(values: Any, index: tuple[int, ...], name: Any) -> Any:
    """One entry; never wraps round at a negative index as NumPy would."""
    if isinstance(values, Entries):
        return values[index]
    inside = len(index) == np.ndim(values) and all(
        0 <= number < size for number, size in zip(index, np.shape(values), strict=True)
    )
    if not inside:
        raise WitnessError(f"{name}{list(index)} is outside the shape {np.shape(values)}")
    return values[index]


@reads(int, float, complex, np.ndarray)
def _plain(expr: Any, env: Env) -> Value:
    return expr


@reads(sp.Number, sp.NumberSymbol)
def _number(expr: Any, env: Env) -> Value:
    return float(expr)


@reads(sp.core.numbers.ImaginaryUnit)
def _imaginary(expr: Any, env: Env) -> Value:
    return 1j


@reads(sp.Symbol, sp.MatrixSymbol, ax.ArraySymbol)
def _symbol(expr: Any, env: Env) -> Value:
    return lookup(expr, env)


@reads(sp.Idx)
def _idx(expr: Any, env: Env) -> Value:
    return env[expr] if expr in env else evaluate(expr.label, env)


@reads(sp.Add, sp.MatAdd, ax.ArrayAdd)
def _add(expr: Any, env: Env) -> Value:
    terms = [evaluate(term, env) for term in expr.args]
    shapes = {np.shape(term) for term in terms}
    if len(shapes) > 1:
        if not shapes <= {(), (1, 1)}:
            raise WitnessError(f"a sum of shapes {sorted(shapes)}: {expr}")
        terms = [as_scalar(term) for term in terms]
    return sum(terms[1:], terms[0])


@reads(sp.Mul, sp.MatMul)
def _multiply(expr: Any, env: Env) -> Value:
    result: Value = 1.0
    for factor in expr.args:
        value = evaluate(factor, env)
        if np.ndim(result) == 0 or np.ndim(value) == 0:
            result = result * value
        elif np.ndim(result) != 2 or np.ndim(value) != 2:
            raise WitnessError(f"a matrix product of {np.shape(result)} and {np.shape(value)}")
        elif result.shape[1] == value.shape[0]:
            result = result @ value
        elif result.size == 1 or value.size == 1:
            result = result * value
        else:
            raise WitnessError(f"a product of {result.shape} and {value.shape}: {expr}")
    return result


@reads(sp.Pow, sp.MatPow)
def _power(expr: Any, env: Env) -> Value:
    base, exponent = evaluate(expr.base, env), as_scalar(evaluate(expr.exp, env))
    if np.ndim(base) == 0:
        return scalar_power(base, exponent)
    if base.size == 1:
        return np.full((1, 1), scalar_power(as_scalar(base), exponent))
    if exponent == round(np.real(exponent)):
        return np.linalg.matrix_power(base, round(np.real(exponent)))
    return matrix_function(base, lambda number: scalar_power(number, exponent))


def scalar_power(base: Any, exponent: Any) -> Any:
    """A power that is real where it can be, complex where it must be."""
    if exponent == round(np.real(exponent)):
        return base ** round(np.real(exponent))
    if np.real(base) < 0 and not isinstance(base, complex):
        base = complex(base)
    return base**exponent


def matrix_function(matrix: np.ndarray, function: Callable[[Any], Any]) -> np.ndarray:
    """f(M) for a diagonalisable square matrix, through its eigenvalues."""
    values, vectors = np.linalg.eig(matrix)
    mapped = np.array([complex(function(complex(value))) for value in values])
    result = vectors @ np.diag(mapped) @ np.linalg.inv(vectors)
    imaginary = np.abs(result.imag).max()
    return result.real if imaginary < 1e-9 * (1 + np.abs(result).max()) else result


@reads(sp.Inverse)
def _inverse(expr: Any, env: Env) -> Value:
    return np.linalg.inv(evaluate(expr.arg, env))


@reads(sp.Transpose, sp.transpose)
def _transpose(expr: Any, env: Env) -> Value:
    return np.transpose(evaluate(expr.args[0], env))


@reads(sp.Adjoint, sp.adjoint)
def _adjoint(expr: Any, env: Env) -> Value:
    return np.conj(np.transpose(evaluate(expr.args[0], env)))


@reads(sp.Trace)
def _trace(expr: Any, env: Env) -> Value:
    return np.trace(evaluate(expr.arg, env))


@reads(sp.Determinant)
def _determinant(expr: Any, env: Env) -> Value:
    return np.linalg.det(evaluate(expr.arg, env))


@reads(dotproduct.DotProduct)
def _dot(expr: Any, env: Env) -> Value:
    one, two = (np.ravel(evaluate(arg, env)) for arg in expr.args)
    if one.shape != two.shape:
        raise WitnessError(f"a dot product of {one.shape} and {two.shape}")
    return one @ two


@reads(sp.Identity)
def _identity(expr: Any, env: Env) -> Value:
    return np.eye(*(as_int(size, env) for size in expr.shape))


@reads(sp.ZeroMatrix, ax.ZeroArray)
def _zeros(expr: Any, env: Env) -> Value:
    return np.zeros([as_int(size, env) for size in expr.shape])


@reads(OneMatrix, ax.OneArray)
def _ones(expr: Any, env: Env) -> Value:
    return np.ones([as_int(size, env) for size in expr.shape])


@reads(GenericZeroMatrix)
def _no_terms(expr: Any, env: Env) -> Value:
    return 0.0


@reads(GenericIdentity)
def _no_factors(expr: Any, env: Env) -> Value:
    return 1.0


@reads(hadamard.HadamardProduct)
def _hadamard_product(expr: Any, env: Env) -> Value:
    result: Value = 1.0
    for factor in expr.args:
        value = evaluate(factor, env)
        if 0 not in (np.ndim(value), np.ndim(result)) and np.shape(value) != np.shape(result):
            raise WitnessError(f"a Hadamard product of {np.shape(result)} and {np.shape(value)}")
        result = result * value
    return result


@reads(hadamard.HadamardPower)
def _hadamard_power(expr: Any, env: Env) -> Value:
    base, exponent = (np.asarray(evaluate(arg, env)) for arg in (expr.base, expr.exp))
    if 0 not in (base.ndim, exponent.ndim) and base.shape != exponent.shape:
        raise WitnessError(f"a Hadamard power of {base.shape} and {exponent.shape}")
    bases, exponents = np.broadcast_arrays(base, exponent)
    powers = [
        scalar_power(b.item(), e.item()) for b, e in zip(bases.flat, exponents.flat, strict=True)
    ]
    return np.array(powers).reshape(bases.shape)


@reads(ElementwiseApplyFunction, ax.ArrayElementwiseApplyFunc)
def _elementwise(expr: Any, env: Env) -> Value:
    values = np.asarray(evaluate(expr.expr, env))
    return np.array([apply(expr.function, [v], env) for v in values.flat]).reshape(values.shape)


@reads(diagonal.DiagMatrix)
def _diag_matrix(expr: Any, env: Env) -> Value:
    return np.diag(np.ravel(evaluate(expr.args[0], env)))


@reads(diagonal.DiagonalMatrix)
def _diagonal_matrix(expr: Any, env: Env) -> Value:
    matrix = evaluate(expr.args[0], env)
    return matrix * np.eye(*matrix.shape)


@reads(diagonal.DiagonalOf)
def _diagonal_of(expr: Any, env: Env) -> Value:
    return np.diag(evaluate(expr.args[0], env)).reshape(-1, 1)


@reads(KroneckerProduct)
def _kronecker(expr: Any, env: Env) -> Value:
    result: Value = np.ones((1, 1))
    for factor in expr.args:
        result = np.kron(result, evaluate(factor, env))
    return result


@reads(blockmatrix.BlockMatrix)
def _block(expr: Any, env: Env) -> Value:
    rows, columns = expr.blockshape
    return np.block(
        [[evaluate(expr.blocks[i, j], env) for j in range(columns)] for i in range(rows)]
    )


@reads(sp.MatrixBase)
def _explicit(expr: Any, env: Env) -> Value:
    entries = [as_scalar(evaluate(item, env)) for item in expr.flat()]
    return np.array(entries).reshape(expr.shape)


@reads(NDimArray)
def _explicit_array(expr: Any, env: Env) -> Value:
    entries = [as_scalar(evaluate(item, env)) for item in sp.flatten(expr.tolist())]
    return np.array(entries).reshape(expr.shape)


@reads(FunctionMatrix)
def _function_matrix(expr: Any, env: Env) -> Value:
    rows, columns = (as_int(size, env) for size in expr.shape)
    return np.array(
        [[as_scalar(apply(expr.lamda, [i, j], env)) for j in range(columns)] for i in range(rows)]
    )


@reads(PermutationMatrix)
def _permutation_matrix(expr: Any, env: Env) -> Value:
    order = expr.args[0].array_form
    return np.eye(len(order))[order]


@reads(matexpr.MatrixElement)
def _matrix_element(expr: Any, env: Env) -> Value:
    return entry(
        evaluate(expr.parent, env), (as_int(expr.i, env), as_int(expr.j, env)), expr.parent
    )


@reads(slices.MatrixSlice)
def _matrix_slice(expr: Any, env: Env) -> Value:
    rows, columns = (range(*(as_int(part, env) for part in s)) for s in expr.args[1:])
    parent = evaluate(expr.parent, env)
    picked = [entry(parent, (i, j), expr.parent) for i in rows for j in columns]
    return np.array(picked).reshape(len(rows), len(columns))


@reads(sp.Indexed)
def _indexed(expr: Any, env: Env) -> Value:
    return entry(
        lookup(expr.base, env), tuple(as_int(index, env) for index in expr.indices), expr.base
    )


@reads(ax.ArrayElement)
def _array_element(expr: Any, env: Env) -> Value:
    return entry(
        evaluate(expr.name, env), tuple(as_int(index, env) for index in expr.indices), expr.name
    )


def bound_environments(limits: Any, env: Env) -> Any:
    """One environment for each value of the bound indices, the first limit innermost."""
    if not limits:
        yield env
        return
    index, low, high = limits[-1]
    for number in range(as_int(low, env), as_int(high, env) + 1):
        yield from bound_environments(limits[:-1], {**env, index: number})


@reads(sp.Sum)
def _sum(expr: Any, env: Env) -> Value:
    total: Value = 0.0
    for inner in bound_environments(expr.limits, env):
        total = total + evaluate(expr.function, inner)
    return total


@reads(sp.Product)
def _product(expr: Any, env: Env) -> Value:
    total: Value = 1.0
    for inner in bound_environments(expr.limits, env):
        total = total * as_scalar(evaluate(expr.function, inner))
    return total


@reads(ArrayComprehension)
def _comprehension(expr: Any, env: Env) -> Value:
    def fill(limits: Any, inner: Env) -> Any:
        if not limits:
            return as_scalar(evaluate(expr.function, inner))
        index, low, high = limits[0]
        numbers = range(as_int(low, inner), as_int(high, inner) + 1)
        return [fill(limits[1:], {**inner, index: number}) for number in numbers]

    return np.array(fill(list(expr.limits), env))


@reads(ax.ArrayTensorProduct)
def _tensor_product(expr: Any, env: Env) -> Value:
    result: Value = np.asarray(1.0)
    for factor in expr.args:
        result = np.multiply.outer(result, evaluate(factor, env))
    return result


@reads(ax.ArrayContraction)
def _contraction(expr: Any, env: Env) -> Value:
    value = evaluate(expr.expr, env)
    labels = list(range(np.ndim(value)))
    summed = set()
    for group in expr.contraction_indices:
        first = int(group[0])
        summed.add(first)
        for axis in group:
            labels[int(axis)] = first
    return np.einsum(value, labels, [label for label in labels if label not in summed])


@reads(ax.ArrayDiagonal)
def _diagonal(expr: Any, env: Env) -> Value:
    value = evaluate(expr.expr, env)
    labels = list(range(np.ndim(value)))
    kept = []
    for group in expr.diagonal_indices:
        kept.append(int(group[0]))
        for axis in group:
            labels[int(axis)] = int(group[0])
    return np.einsum(value, labels, [label for label in labels if label not in kept] + kept)


@reads(ax.PermuteDims)
def _permute(expr: Any, env: Env) -> Value:
    return np.transpose(evaluate(expr.expr, env), expr.permutation.array_form)


@reads(ax.Reshape)
def _reshape(expr: Any, env: Env) -> Value:
    return np.reshape(evaluate(expr.expr, env), [as_int(size, env) for size in expr.shape])


# --- scalar functions ---------------------------------------------------------------------------


def step(number: Any, at_zero: Any = 0.5) -> Any:
    """Heaviside's function."""
    return at_zero if number == 0 else float(np.real(number) > 0)


FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.exp: np.exp,
    sp.log: lambda x, base=np.e: np.emath.log(x) / np.log(base),
    sp.sin: np.sin,
    sp.cos: np.cos,
    sp.tan: np.tan,
    sp.cot: lambda x: 1 / np.tan(x),
    sp.sec: lambda x: 1 / np.cos(x),
    sp.csc: lambda x: 1 / np.sin(x),
    sp.asin: np.emath.arcsin,
    sp.acos: np.emath.arccos,
    sp.atan: np.arctan,
    sp.atan2: np.arctan2,
    sp.sinh: np.sinh,
    sp.cosh: np.cosh,
    sp.tanh: np.tanh,
    sp.coth: lambda x: 1 / np.tanh(x),
    sp.sech: lambda x: 1 / np.cosh(x),
    sp.csch: lambda x: 1 / np.sinh(x),
    sp.asinh: np.arcsinh,
    sp.acosh: lambda x: np.arccosh(x + 0j if np.real(x) < 1 else x),
    sp.atanh: np.emath.arctanh,
    sp.sinc: lambda x: np.sinc(x / np.pi),
    sp.Abs: np.abs,
    sp.sign: np.sign,
    sp.Heaviside: step,
    sp.DiracDelta: lambda x, order=0: 0.0,
    sp.Max: max,
    sp.Min: min,
    sp.floor: np.floor,
    sp.ceiling: np.ceil,
    sp.re: np.real,
    sp.im: np.imag,
    sp.conjugate: np.conj,
    sp.arg: np.angle,
    sp.erf: mpmath.fp.erf,
    sp.erfc: mpmath.fp.erfc,
    sp.gamma: mpmath.fp.gamma,
    sp.loggamma: mpmath.fp.loggamma,
    sp.digamma: mpmath.fp.digamma,
    sp.polygamma: mpmath.fp.psi,
    sp.factorial: lambda x: mpmath.fp.gamma(x + 1),
    sp.binomial: mpmath.fp.binomial,
    sp.beta: mpmath.fp.beta,
}


def apply(function: Any, arguments: list[Any], env: Env) -> Any:
    """The value of a Lambda or of a function class at numbers."""
    if isinstance(function, sp.Lambda):
        bound = dict(zip(function.variables, arguments, strict=True))
        return as_scalar(evaluate(function.expr, {**env, **bound}))
    if isinstance(function, UndefinedFunction):
        return undefined(function, arguments, env)
    if function in FUNCTIONS:
        return FUNCTIONS[function](*arguments)
    if function is sp.Id:
        return arguments[0]
    return complex_if_needed(function(*[sp.Float(a) for a in arguments]))


def complex_if_needed(number: Any) -> Any:
    """SymPy's own value, for functions that the table does not hold."""
    value = complex(sp.N(number))
    return value.real if value.imag == 0 else value


def undefined(function: Any, arguments: list[Any], env: Env) -> Any:
    """An undefined function; a name that ends in primes is the derivative of the one without."""
    for known, callable_ in env.items():
        if isinstance(known, UndefinedFunction) and known.__name__ == function.__name__:
            return callable_(*arguments)
    name = function.__name__
    if name.endswith("'") and len(arguments) == 1:
        below = sp.Function(name[:-1])
        return central(lambda shift: undefined(below, [arguments[0] + shift], env), FINE)
    raise WitnessError(f"no value for the function {name}")


@reads(sp.Function)
def _function(expr: Any, env: Env) -> Value:
    arguments = [evaluate(arg, env) for arg in expr.args]
    wide = [arg for arg in arguments if np.ndim(arg) and np.size(arg) > 1]
    if wide and len(arguments) == 1:  # exp(A) of a square matrix is the matrix function
        if np.ndim(wide[0]) != 2 or wide[0].shape[0] != wide[0].shape[1]:
            raise WitnessError(f"{expr.func} of an array of shape {wide[0].shape}")
        return matrix_function(wide[0], lambda number: apply(expr.func, [number], env))
    return apply(expr.func, [as_scalar(arg) for arg in arguments], env)


@reads(AppliedUndef)
def _applied_undefined(expr: Any, env: Env) -> Value:
    return undefined(expr.func, [as_scalar(evaluate(arg, env)) for arg in expr.args], env)


@reads(sp.Max, sp.Min)
def _extreme(expr: Any, env: Env) -> Value:
    return FUNCTIONS[expr.func](*[as_scalar(evaluate(arg, env)) for arg in expr.args])


@reads(sp.KroneckerDelta)
def _delta(expr: Any, env: Env) -> Value:
    one, two = (as_int(index, env) for index in expr.args[:2])
    if len(expr.args) > 2:
        low, high = (as_int(bound, env) for bound in expr.args[2])
        return float(one == two and low <= one <= high)
    return float(one == two)


@reads(sp.Piecewise)
def _piecewise(expr: Any, env: Env) -> Value:
    for value, condition in expr.args:
        if truth(condition, env):
            return evaluate(value, env)
    raise WitnessError(f"no case applies in {expr}")


def truth(condition: Any, env: Env) -> bool:
    """The truth of a condition."""
    if condition in (sp.true, sp.false, True, False):
        return bool(condition)
    if isinstance(condition, sp.And):
        return all(truth(arg, env) for arg in condition.args)
    if isinstance(condition, sp.Or):
        return any(truth(arg, env) for arg in condition.args)
    if isinstance(condition, sp.Not):
        return not truth(condition.args[0], env)
    if isinstance(condition, sp.core.relational.Relational):
        left, right = (as_scalar(evaluate(side, env)) for side in (condition.lhs, condition.rhs))
        if isinstance(condition, sp.Eq):
            return bool(left == right)
        if isinstance(condition, sp.Ne):
            return bool(left != right)
        left, right = np.real(left), np.real(right)
        strict = isinstance(condition, (sp.StrictLessThan, sp.StrictGreaterThan))
        if left == right:
            return not strict
        less = isinstance(condition, (sp.StrictLessThan, sp.LessThan))
        return bool((left < right) == less)
    if isinstance(condition, sp.ITE):
        first, then, other = condition.args
        return truth(then if truth(first, env) else other, env)
    if isinstance(condition, sp.Contains):
        return bool(as_scalar(evaluate(condition.args[0], env)) in condition.args[1])
    raise WitnessError(f"no truth value for {condition}")


@reads(sp.Derivative)
def _derivative(expr: Any, env: Env) -> Value:
    variables = [variable for variable, count in expr.variable_count for _ in range(int(count))]

    def nested(rest: list[Any], inner: Env) -> Value:
        if not rest:
            return evaluate(expr.expr, inner)
        changes = list(directions(rest[0], inner))
        if len(changes) != 1:
            raise WitnessError(f"a derivative by {rest[0]} inside an expression")
        return central(lambda shift: nested(rest[1:], changes[0](shift)), FINE)

    return nested(variables, env)


@reads(sp.Subs)
def _subs(expr: Any, env: Env) -> Value:
    points = [evaluate(point, env) for point in expr.point]
    return evaluate(expr.expr, {**env, **dict(zip(expr.variables, points, strict=True))})


# --- differences --------------------------------------------------------------------------------

# The central difference of order 8: sum of weight*(f(+k h) - f(-k h))/h, k = 1..4.
WEIGHTS = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))
FINE = 1 / 128  # steps are powers of two, so that x + h is exact in most digits


def central(function: Callable[[float], Value], h: float) -> Value:
    """f'(0) to order h**8, for a function of a real shift that returns a number or an array."""
    total: Value = 0.0
    for k, weight in WEIGHTS:
        total = total + weight * (function(k * h) - function(-k * h))
    return total / h


def directions(wrt: Any, env: Env, structure: str = "") -> Any:
    """For each entry of `wrt`, in row-major order: shift => the environment with it shifted.

    structure: "symmetric" moves an entry and its mirror together; "diagonal" leaves entries off
    the diagonal alone.
    """
    if isinstance(wrt, matexpr.MatrixElement):
        yield shift_entry(wrt.parent, (as_int(wrt.i, env), as_int(wrt.j, env)), env)
    elif isinstance(wrt, ax.ArrayElement):
        yield shift_entry(wrt.name, tuple(as_int(i, env) for i in wrt.indices), env)
    elif isinstance(wrt, sp.Indexed):
        yield shift_entry(wrt.base, tuple(as_int(i, env) for i in wrt.indices), env)
    elif np.ndim(lookup(wrt, env)) == 0:
        yield lambda shift: {**env, wrt: env[wrt] + shift}
    else:
        for index in np.ndindex(*np.shape(env[wrt])):
            if structure == "diagonal" and index[0] != index[1]:
                yield lambda shift: env
            elif structure == "symmetric" and index[0] != index[1]:
                yield shift_entry(wrt, index, env, index[::-1])
            else:
                yield shift_entry(wrt, index, env)


def shift_entry(
    name: Any, index: tuple[int, ...], env: Env, also: tuple[int, ...] | None = None
) -> Callable[[float], Env]:
    """shift => env in which name[index] (and name[also]) is larger by shift."""
    values = lookup(name, env)

    def shifted(shift: float) -> Env:
        if isinstance(values, Entries):
            return {**env, name: values.with_entry(index, values[index] + shift)}
        copy = np.array(values, dtype=np.result_type(values, float))
        for place in (index, also):
            if place is not None:
                copy[place] = entry(values, place, name) + shift
        return {**env, name: copy}

    return shifted


def shape_of(wrt: Any, env: Env) -> tuple[int, ...]:
    """The axes that differentiating by `wrt` adds."""
    if isinstance(wrt, (matexpr.MatrixElement, ax.ArrayElement, sp.Indexed)):
        return ()
    return np.shape(lookup(wrt, env))


def derivative(
    expr: Any, wrt: Any, env: Env, *, h: float = FINE, structure: str = ""
) -> np.ndarray:
    """d(expr)/d(wrt) by differences of order 8; relative error about 1e-12 for smooth functions.

    Returns:
        an array with the axes of `expr`, then those of `wrt`.

    Example:
        derivative(x.T*A*x, x, {x: v, A: M, n: 3}).shape == (1, 1, 3, 1)
    """
    columns = [
        np.asarray(central(lambda shift, move=move: evaluate(expr, move(shift)), h))
        for move in directions(wrt, env, structure)
    ]
    return np.stack(columns, axis=-1).reshape(columns[0].shape + shape_of(wrt, env))


def second(expr: Any, one: Any, two: Any, env: Env, *, h: float = 2 * FINE) -> np.ndarray:
    """The second derivative, by differences in both variables; relative error about 1e-10.

    Returns:
        an array with the axes of `expr`, of `one`, of `two`.
    """
    first, again = len(list(directions(one, env))), len(list(directions(two, env)))
    columns: dict[tuple[int, int], np.ndarray] = {}
    for i, j in itertools.product(range(first), range(again)):
        if one == two and (j, i) in columns:
            columns[i, j] = columns[j, i]
            continue

        def inner(shift: float, i: int = i, j: int = j) -> Value:
            moved = list(directions(one, env))[i](shift)
            move = list(directions(two, moved))[j]
            return central(lambda other: evaluate(expr, move(other)), h)

        columns[i, j] = np.asarray(central(inner, h))
    stacked = np.stack([columns[key] for key in itertools.product(range(first), range(again))], -1)
    shape = next(iter(columns.values())).shape
    return stacked.reshape(shape + shape_of(one, env) + shape_of(two, env))
