"""From SymPy to the graph: plain SymPy expressions as people write them.

`READERS` holds one reader for each class of SymPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.matrices.expressions import hadamard, special
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.blockmatrix import BlockDiagMatrix, BlockMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.permutation import PermutationMatrix
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.tensor.array import ArrayComprehension
from sympy.tensor.array.expressions import array_expressions as arrays

from symback import ops
from symback import tensor as tn
from symback.elementwise import IMPLEMENTATIONS
from symback.errors import InputError, ShapeError, Unsupported
from symback.graph import Node, Shape, Size, symbols_of, topological
from symback.rules import broadcast
from symback.simplify.expand import has_values
from symback.simplify.selections import conditions_in
from symback.sizes import minus, plus, times
from symback.sympy_matrices import CommutationMatrix, Vec
from symback.sympy_scope import Env, Scope
from symback.tensor import Index, Tensor

# SymPy's function -> the name of the elementwise function of the graph
FUNCTIONS: dict[Any, str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.asin: "asin",
    sp.acos: "acos",
    sp.atan: "atan",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.tanh: "tanh",
    sp.asinh: "asinh",
    sp.acosh: "acosh",
    sp.atanh: "atanh",
    sp.erf: "erf",
    sp.gamma: "gamma",
    sp.loggamma: "loggamma",
    sp.polygamma: "polygamma",
    sp.Abs: "abs",
    sp.sign: "sign",
    sp.floor: "floor",
}


def _reciprocal_of(name: str) -> Callable[[Tensor], Tensor]:
    return lambda x: tn.reciprocal(tn.elementwise(name, x))


# functions that are written through others
COMPOSED: dict[Any, Callable[[Tensor], Tensor]] = {
    sp.sec: _reciprocal_of("cos"),
    sp.csc: _reciprocal_of("sin"),
    sp.cot: _reciprocal_of("tan"),
    sp.sech: _reciprocal_of("cosh"),
    sp.csch: _reciprocal_of("sinh"),
    sp.coth: _reciprocal_of("tanh"),
    sp.erfc: lambda x: tn.add(tn.scalar(1), tn.scale(-1, tn.elementwise("erf", x))),
    sp.digamma: lambda x: tn.elementwise("polygamma", tn.scalar(0), x),
}

LARGEST_SPELLED_OUT = 4

#: How SymPy says that its classes cannot hold something.
CANNOT_BUILD = (TypeError, ValueError, NotImplementedError, AttributeError, RecursionError)

RELATIONS: dict[Any, tuple[str, bool]] = {  # name, whether the sides are swapped
    sp.StrictLessThan: ("lt", False),
    sp.LessThan: ("le", False),
    sp.StrictGreaterThan: ("lt", True),
    sp.GreaterThan: ("le", True),
    sp.Equality: ("eq", False),
    sp.Unequality: ("ne", False),
}


def expression(value: Any) -> Any:
    """A SymPy object as it is; numbers and arrays as SymPy's, a list of scalars as a column.

    Text is never read as code.

    Raises:
        InputError: for anything else.
    """
    if isinstance(value, (list, tuple)) and value:
        return sp.Matrix([expression(entry) for entry in value])
    if isinstance(value, sp.NDimArray) and value.rank() in (1, 2):
        return value.tomatrix() if value.rank() == 2 else sp.Matrix(list(value))
    try:
        if not isinstance(value, type):
            return sp.sympify(value, strict=True)
        raise sp.SympifyError(value)
    except sp.SympifyError:
        raise InputError(
            f"a SymPy expression is needed here, not {type(value).__name__}",
            hint="text is read by `symback diff`, expressions are built with sympy.symbols",
        ) from None


def _number(expr: Any) -> Fraction:
    if expr.is_Rational:
        return Fraction(int(expr.p), int(expr.q))
    if expr.is_Float and expr.is_finite:
        plain = Fraction(float(expr)).limit_denominator(1000)
        return plain if float(plain) == expr else Fraction(str(expr))  # 1/3 was meant
    raise Unsupported(f"cannot read the number {expr}")


def _matmul(r: Scope, expr: Any, env: Env) -> Tensor:
    factors = r.all([f for arg in expr.args for f in _repeated_column(arg)], env)
    numbers = [t for t in factors if not t.shape]
    matrices = [t for t in factors if t.shape]
    result = matrices[0] if matrices else numbers.pop()
    inner: Tensor | None = None  # x'*x in A*(x'*x), which SymPy flattens
    for t in matrices[1:]:
        fits = inner is None and (t.shape[0] != 1 or result.shape[-1] == 1)
        if fits:
            result = tn.matmul(result, t)
            continue
        inner = t if inner is None else tn.matmul(inner, t)
        if inner.is_scalar:
            numbers.append(tn.as_scalar(inner))
            inner = None
    if inner is not None:
        result = tn.matmul(result, inner)
    for t in numbers:
        result = tn.hadamard(t, result)
    return result


def _repeated_column(factor: Any) -> tuple[Any, ...]:
    """x, x for the x**2 that SymPy makes of (x.T*A*x)*x."""
    if isinstance(factor, sp.MatPow) and factor.base.shape[1] == 1 != factor.base.shape[0]:
        return (factor.base,) * int(factor.exp) if factor.exp.is_Integer else (factor,)
    return (factor,)


def _mul(r: Scope, expr: Any, env: Env) -> Tensor:
    """A product of scalars, which may stand for arrays inside a Lambda: elementwise."""
    if any(a.is_Matrix for a in expr.args):
        return _matmul(r, expr, env)
    return tn.hadamard(*r.all(expr.args, env))


def _power(r: Scope, expr: Any, env: Env) -> Tensor:
    if isinstance(expr.args[0], sp.Abs) and expr.args[1].is_even:
        return r.read(expr.args[0].args[0] ** expr.args[1], env)
    base, exponent = r.read(expr.args[0], env), r.read(expr.args[1], env)
    if expr.args[0].is_Matrix and not base.is_scalar:
        if expr.args[1].could_extract_minus_sign() and not expr.args[1].is_number:
            inverse = tn.matrix_function("inv", base)
            return tn.matrix_power(inverse, tn.scale(-1, exponent))  # X**(-k)
        return tn.matrix_power(base, exponent)
    if expr.args[0] is sp.E:
        return tn.elementwise("exp", exponent)
    return tn.power(base, exponent)


def _elementwise(r: Scope, expr: Any, env: Env) -> Tensor:
    return _applied(r, expr.function, [r.read(expr.expr, env)], env)


def _applied(r: Scope, function: Any, args: list[Tensor], env: Env) -> Tensor:
    """A function, a Lambda or an unknown function on tensors."""
    if isinstance(function, sp.Lambda):
        inner: dict[Any, Tensor | Index] = dict(env)
        inner.update(zip(function.variables, args, strict=True))
        body = r.read(function.expr, inner)
        spread, shape, free = tn.broadcast([body, *args], "a function")
        return body if body.shape else Tensor(broadcast(spread[0], spread[1]), shape, free)
    if function in FUNCTIONS:
        return tn.elementwise(FUNCTIONS[function], *args)
    if function in COMPOSED:
        return COMPOSED[function](args[0])
    if isinstance(function, UndefinedFunction) or (
        isinstance(function, sp.FunctionClass) and not _is_read(function)
    ):
        return _unknown(r, function, args, (0,) * len(args))
    stand_ins = [sp.Dummy(f"x{k}") for k in range(len(args))]
    inner = {**env, **dict(zip(stand_ins, args, strict=True))}
    return r.read(function(*stand_ins), inner)


def _unknown(r: Scope, function: Any, args: list[Tensor], order: tuple[int, ...]) -> Tensor:
    """An unknown function, differentiated so often by each of its arguments."""
    name = function.__name__
    if name in IMPLEMENTATIONS or name in ops.OPS:
        name += "~"  # Function("gamma") is not gamma
    r.written[ops.symbol(name, kind="function")] = function
    return tn.elementwise(name, *args, order=order)


def _derivative(r: Scope, expr: Any, env: Env) -> Tensor:
    """Derivative(f(s, t), t) of an unknown function by its own arguments; others worked out."""
    done = expr.doit(deep=False)
    if done != expr:
        return r.read(done, env)
    call, counts = expr.expr, dict(expr.variable_count)
    own = isinstance(call, AppliedUndef) and all(
        [arg for arg in call.args if arg.has(variable)] == [variable] for variable in counts
    )
    if not own or not all(count.is_Integer for count in counts.values()):
        raise Unsupported(f"cannot read Derivative: {short_text(expr)}")
    order = tuple(int(counts.get(arg, 0)) for arg in call.args)
    return _unknown(r, call.func, r.all(call.args, env), order)


def _substituted(r: Scope, expr: Any, env: Env) -> Tensor:
    """SymPy's f'(t**2)."""
    points = dict(zip(expr.variables, r.all(expr.point, env), strict=True))
    return r.read(expr.expr, {**env, **points})


def _is_read(function: Any) -> bool:
    return any(cls in FUNCTIONS or cls in COMPOSED or cls in READERS for cls in function.__mro__)


def _undefined(r: Scope, expr: Any, env: Env) -> Tensor:
    return _applied(r, expr.func, r.all(expr.args, env), env)


def _extreme(name: str) -> Callable[[Scope, Any, Env], Tensor]:
    def read(r: Scope, expr: Any, env: Env) -> Tensor:
        first, *rest = sorted(r.all(expr.args, env), key=lambda t: not t.node.args)
        for t in rest:
            first = tn.elementwise(name, first, t)
        return first

    return read


def _heaviside(r: Scope, expr: Any, env: Env) -> Tensor:
    x = r.read(expr.args[0], env)
    at_zero = expr.args[1] if len(expr.args) > 1 else sp.S.Half
    if at_zero == 0:
        return tn.elementwise("step", x)
    if at_zero == sp.S.Half:
        return tn.elementwise("heaviside", x)
    if at_zero == 1:
        flipped = tn.elementwise("step", tn.scale(-1, x))
        return tn.add(tn.scalar(1), tn.scale(-1, flipped))
    raise Unsupported(f"Heaviside with the value {at_zero} at 0")


def _piecewise(r: Scope, expr: Any, env: Env) -> Tensor:
    pairs = list(expr.args)
    if pairs[-1][1] != sp.true:
        raise Unsupported(f"a Piecewise needs a last case for everything else: {short_text(expr)}")
    _refuse_moved_case(expr)
    result = r.read(pairs[-1][0], env)
    for value, condition in reversed(pairs[:-1]):
        this = r.read(value, env)
        apart = type(condition) in (sp.Equality, sp.Unequality) and _is_of_indices(
            r, condition, env
        )
        if apart and has_values(this.node, result.node):
            cases = (this, result) if isinstance(condition, sp.Equality) else (result, this)
            result = _at_delta(_delta(r, sp.KroneckerDelta(*condition.args), env), *cases)
            continue
        holds = _condition(r, condition, env)
        if all(map(_of_indices_alone, (holds, this, result))):
            result = _at_delta(holds, this, result)
        else:
            result = tn.elementwise("where", holds, this, result)
    return result


def _at_delta(holds: Tensor, this: Tensor, other: Tensor) -> Tensor:
    """One value where a condition of 0 and 1 is 1, another one where it is 0."""
    fails = tn.add(tn.scalar(1), tn.scale(-1, holds))
    return tn.add(tn.hadamard(holds, this), tn.hadamard(fails, other))


def _of_indices_alone(t: Tensor) -> bool:
    """Whether this is made of numbers and conditions on indices alone."""
    return all(
        x.op in ("number", "select", "einsum", "add") for x in topological([t.node])
    ) and not symbols_of([t.node])


def _refuse_moved_case(expr: Any) -> None:
    """Refuse a case that has the index of a sum inside it: SymPy's `Sum` moved it out of that sum.

    The square of a sum over j of cases of i and j, summed over i, becomes cases of i and j outside
    the sum over j, where j is nothing.
    """
    for value, condition in expr.args:
        for binder in value.atoms(sp.Sum, sp.Product):
            lost = condition.free_symbols.intersection(binder.bound_symbols)
            if lost:
                raise Unsupported(
                    f"SymPy moved the condition {condition} out of the sum over {lost.pop()}",
                    hint="write the case with Max, Abs or Heaviside, which SymPy leaves in place",
                )


def _condition(r: Scope, expr: Any, env: Env) -> Tensor:
    if expr in (sp.true, sp.false):
        return tn.scalar(int(expr == sp.true))
    if isinstance(expr, (sp.And, sp.Or)):
        name = "and" if isinstance(expr, sp.And) else "or"
        first, *rest = parts = [_condition(r, a, env) for a in expr.args]
        if name == "and" and all(conditions_in(t.node) for t in parts):
            return tn.hadamard(*parts)
        for t in rest:
            first = tn.elementwise(name, first, t)
        return first
    if isinstance(expr, sp.Not):
        return tn.elementwise("not", _condition(r, expr.args[0], env))
    if type(expr) not in RELATIONS:
        raise Unsupported(f"cannot read the condition {short_text(expr)}")
    name, swapped = RELATIONS[type(expr)]
    if name != "ne" and _is_of_indices(r, expr, env):
        return _index_condition(r, expr.args[::-1] if swapped else expr.args, name, env)
    left, right = r.all(expr.args, env)
    return tn.elementwise(name, right, left) if swapped else tn.elementwise(name, left, right)


def _is_of_indices(r: Scope, relation: Any, env: Env) -> bool:
    """Whether this compares indices of sums with one another or with whole numbers."""
    indices = {s for s in relation.free_symbols if isinstance(env.get(s), Index)}
    whole = all(s.is_integer for s in relation.free_symbols - indices)
    affine = whole and all(r.is_affine(side, env) for side in relation.args)
    return bool(indices) and affine and _in_whole_numbers(*relation.args) is not None


def _index_condition(r: Scope, sides: Sequence[Any], name: str, env: Env) -> Tensor:
    """i < j as i - j + 1 <= 0, an array of 0 and 1 over the indices; i < n/2 is 2*i < n."""
    if name == "eq":
        return _delta(r, sp.KroneckerDelta(*sides), env)
    coefs, rest = r.affine(_in_whole_numbers(*sides), env)
    return tn.condition("<=", coefs, ops.add(rest, ops.ONE) if name == "lt" else rest)


def _in_whole_numbers(left: Any, right: Any) -> Any:
    """A positive multiple of a difference that is whole; None if there may be none: i - sqrt(n).

    Symbols, entries and values of unknown functions are taken to be whole, as indices are.
    """
    total = sp.nsimplify(sp.expand(left - right), rational=True)
    parts = [term.as_coeff_Mul()[0] for term in sp.Add.make_args(total)]
    total = sp.expand(total * sp.ilcm(1, *(part.q for part in parts if part.is_Rational)))
    names = total.atoms(sp.Symbol, sp.Indexed, AppliedUndef)
    numbers = total.xreplace({name: sp.Dummy(integer=True, positive=True) for name in names})
    quotients = [power for power in numbers.atoms(sp.Pow) if power.exp.could_extract_minus_sign()]
    roots = [power for power in numbers.atoms(sp.Pow) if power.exp.is_integer is False]
    known = all(f.is_integer for f in numbers.atoms(sp.Function, sp.NumberSymbol))
    return total if known and not quotients and not roots else None


def _hadamard_power(r: Scope, expr: Any, env: Env) -> Tensor:
    base, exponent = r.all(expr.args, env)
    return tn.power(base, exponent)


def _determinant(r: Scope, expr: Any, env: Env) -> Tensor:
    """A polynomial of the entries where these are written out."""
    matrix = expr.arg
    if isinstance(matrix, sp.MatrixBase) and matrix.rows <= LARGEST_SPELLED_OUT:
        return r.read(matrix.det(method="berkowitz"), env)
    return tn.matrix_function("det", r.read(matrix, env))


def _diag_matrix(r: Scope, expr: Any, env: Env) -> Tensor:
    return tn.diag(r.read(expr.args[0], env))


def _diagonal_matrix(r: Scope, expr: Any, env: Env) -> Tensor:
    t = r.read(expr.args[0], env)
    n = r.size(expr.shape[0])
    return tn.hadamard(t, tn.eye(n))


def _diagonal_of(r: Scope, expr: Any, env: Env) -> Tensor:
    return tn.as_matrix(tn.diag(r.read(expr.args[0], env)))


def _kronecker(r: Scope, expr: Any, env: Env) -> Tensor:
    first, *rest = r.all(expr.args, env)
    for t in rest:
        first = tn.kron(first, t)
    return first


def _dot(r: Scope, expr: Any, env: Env) -> Tensor:
    return tn.dot(*r.all(expr.args, env))


def _block_matrix(r: Scope, expr: Any, env: Env) -> Tensor:
    blocks = expr.blocks
    rows = [
        tn.concat([tn.as_matrix(r.read(blocks[i, j], env)) for j in range(blocks.shape[1])], axis=1)
        for i in range(blocks.shape[0])
    ]
    return tn.concat(rows, axis=0)


def _block_diagonal(r: Scope, expr: Any, env: Env) -> Tensor:
    parts = [tn.as_matrix(t) for t in r.all(expr.args, env)]
    total = r.size(expr.shape[0]), r.size(expr.shape[1])
    row: Size = 0
    column: Size = 0
    placed = []
    for t in parts:
        wide = tn.pad_axis(tn.pad_axis(t, 0, row, total[0]), 1, column, total[1])
        placed.append(wide)
        row, column = plus(row, t.shape[0]), plus(column, t.shape[1])
    return tn.add(*placed)


def _slice(r: Scope, expr: Any, env: Env) -> Tensor:
    result = tn.as_matrix(r.read(expr.parent, env))
    for axis, (start, _, step) in enumerate((expr.rowslice, expr.colslice)):
        length = expr.shape[axis]
        coefs, offset = r.affine(start, env)
        if coefs:
            if length != 1:
                raise Unsupported("a slice that moves with a summation index has one row or column")
            result = _moving_row(result, axis, coefs, offset)
            continue
        result = tn.slice_axis(result, axis, ops.as_size(offset), r.size(length), int(step))
    return result


def _moving_row(t: Tensor, axis: int, coefs: dict[Index, Size], offset: Node) -> Tensor:
    """The row or column at an index expression, as a matrix with one row or column."""
    other = 1 - axis
    across = Index("slice", ops.ZERO, ops.subtract(ops.size_node(t.shape[other]), ops.ONE))
    places: list[tuple[Mapping[Index, Size], Node]] = [(coefs, offset), ({across: 1}, ops.ZERO)]
    if t.shape[other] == 1:
        places[1] = ({}, ops.ZERO)
    picked = tn.entry(t, places if axis == 0 else places[::-1])
    kept = tuple(i for i in picked.free if i != across)
    labels = tuple(picked.free)
    axes = (across,) if across in labels else ()
    node = ops.einsum(1, [(picked.node, labels)], (*kept, *axes))
    shape = (1, t.shape[1]) if axis == 0 else (t.shape[0], 1)
    return Tensor(node, shape, kept)


def _matrix_element(r: Scope, expr: Any, env: Env) -> Tensor:
    return r.element(expr, env)


def _array_element(r: Scope, expr: Any, env: Env) -> Tensor:
    base = r.read(expr.name, env)
    return r.entry_of(base, expr.indices, env)


def _explicit(r: Scope, expr: Any, env: Env) -> Tensor:
    rows, columns = expr.shape
    turned = None if env else r.known(expr.T.as_immutable())
    if turned is not None and rows > 1 and columns > 1:
        return tn.transpose(turned)  # SymPy works the transposes of explicit matrices out
    return tn.array([r.read(e, env) for e in expr.flat()], (int(rows), int(columns)))


def _function_matrix(r: Scope, expr: Any, env: Env) -> Tensor:
    shape = tuple(r.size(s) for s in expr.shape)
    indices = [
        Index(f"entry{axis}", ops.ZERO, ops.subtract(ops.size_node(s), ops.ONE))
        for axis, s in enumerate(shape)
    ]
    inner = {**env, **dict(zip(expr.lamda.variables, indices, strict=True))}
    body = r.read(expr.lamda.expr, inner)
    return _comprehended(body, indices, shape)


def _comprehended(body: Tensor, indices: list[Index], shape: Shape) -> Tensor:
    body = tn.as_scalar(body)
    kept = tuple(i for i in body.free if i not in indices)
    axes = [i for i in indices if i.size != 1]
    sizes = {i: i.size for i in axes if i not in body.free}
    node = ops.einsum(1, [(body.node, body.free)], (*kept, *axes), sizes)
    return Tensor(node, shape, kept)


def _array_comprehension(r: Scope, expr: Any, env: Env) -> Tensor:
    indices, inner, _ = r.limits(expr, env)
    body = r.read(expr.function, inner)
    return _comprehended(body, indices[::-1], tuple(i.size for i in indices[::-1]))


def _is_empty(expr: Any) -> bool:
    """Whether the range of a sum or product plainly has no index in it.

    Raises:
        Unsupported: the range runs backwards, which SymPy gives a meaning of its own.
    """
    lengths = [sp.expand(high - low + 1) for _, low, high in expr.limits]
    if any(length.is_negative for length in lengths):
        raise Unsupported(f"the bounds run backwards: {short_text(expr)}")
    return any(length.is_zero for length in lengths)


def _sum(r: Scope, expr: Any, env: Env) -> Tensor:
    if _is_empty(expr):
        return tn.scalar(0)
    indices, inner, holds = r.limits(expr, env)
    result = r.read(expr.function, inner)
    if holds.free:
        result = tn.hadamard(holds, result)
    for index in reversed(indices):
        result = tn.sum_over(result, index)
    return result


def _product(r: Scope, expr: Any, env: Env) -> Tensor:
    if _is_empty(expr):
        return tn.scalar(1)
    indices, inner, holds = r.limits(expr, env)
    result = r.read(expr.function, inner)
    if holds.free:  # j < i: all other factors are 1
        result = tn.elementwise("where", holds, result, tn.scalar(1))
    for index in reversed(indices):
        result = tn.prod_over(result, index)
    return result


def _delta(r: Scope, expr: Any, env: Env) -> Tensor:
    sides = expr.args[:2]
    whole = _in_whole_numbers(*sides)
    if whole is None:
        raise Unsupported(
            f"what a delta compares must be whole numbers, and may be none in {expr}",
            hint="multiply by the divisor: KroneckerDelta(2*i, n) for i = n/2",
        )
    if whole != sp.expand(sides[0] - sides[1]):
        sides = (whole, sp.S.Zero)
    for index, other in (sides, sides[::-1]):
        bound = env.get(other)
        if not r.is_affine(index, env) and isinstance(bound, Index):
            # a label is one of those that it is compared with, a number like j^2 need not be
            around = isinstance(index, sp.Mod) and bound.low is ops.ZERO
            inside = isinstance(index, sp.Indexed) or (
                around and r.is_size(index.args[1]) and r.size(index.args[1]) == bound.size
            )
            target, place = r.place(index, env, bound.size, bound.low, firm=not inside)
            return Tensor(place.node, (), tuple(bound if i is target else i for i in place.free))
    if not all(r.is_affine(side, env) for side in sides) and r.is_constant(expr, env):
        return r.constant(expr, env)
    left, left_rest = r.affine(sides[0], env)
    right, right_rest = r.affine(sides[1], env)
    coefs = dict(left)
    for index, c in right.items():
        coefs[index] = plus(coefs.get(index, 0), minus(c))
    rest = ops.subtract(left_rest, right_rest)
    if any(coefs.values()):
        return tn.condition("==", coefs, rest)
    known = ops.value_of(rest)
    if known is not None:
        return tn.scalar(int(known == 0))
    if not r.is_constant(expr, env):
        raise Unsupported(f"a delta of what is differentiated by: {expr}")
    return r.constant(expr, env)


def _array_product(r: Scope, expr: Any, env: Env) -> Tensor:
    parts = r.all(expr.args, env)
    factors: list[tuple[Node, Sequence[ops.Label]]] = []
    shape: list[Size] = []
    for t in parts:
        own = [len(shape) + axis for axis, size in enumerate(t.shape) if size != 1]
        factors.append((t.node, own))
        shape.extend(t.shape)
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    return Tensor(ops.einsum(1, factors, axes), tuple(shape))


def _array_contraction(r: Scope, expr: Any, env: Env) -> Tensor:
    """Axes that are set equal, and summed over or (a diagonal) kept as a last axis."""
    t = r.read(expr.expr, env)
    diagonal = isinstance(expr, arrays.ArrayDiagonal)
    groups = expr.diagonal_indices if diagonal else expr.contraction_indices
    first = {axis: group[0] for group in groups for axis in group}
    labels = [first.get(axis, axis) for axis, size in enumerate(t.shape) if size != 1]
    kept = [axis for axis in range(t.rank) if axis not in first]
    kept += [group[0] for group in groups] if diagonal else []
    shape = tuple(t.shape[axis] for axis in kept)
    node = ops.einsum(1, [(t.node, labels)], [axis for axis in kept if t.shape[axis] != 1])
    return Tensor(node, shape)


def _permuted(r: Scope, expr: Any, env: Env) -> Tensor:
    t = r.read(expr.expr, env)
    order = list(expr.permutation.array_form)
    axes = [axis for axis, size in enumerate(t.shape) if size != 1]
    out = [axis for axis in order if t.shape[axis] != 1]
    return Tensor(ops.einsum(1, [(t.node, axes)], out), tuple(t.shape[axis] for axis in order))


def _unless_constant(build: Callable[..., Tensor]) -> Callable[[Scope, Any, Env], Tensor]:
    """A reader of a function that stays as it is where nothing is differentiated by."""

    def read(r: Scope, expr: Any, env: Env) -> Tensor:
        return r.constant(expr, env) if r.is_constant(expr, env) else build(*r.all(expr.args, env))

    return read


def _floor(x: Tensor) -> Tensor:
    return tn.elementwise("floor", x)


def _remainder(x: Tensor, divisor: Tensor) -> Tensor:
    """x - d*floor(x/d)"""
    whole = _floor(tn.hadamard(x, tn.reciprocal(divisor)))
    return tn.add(x, tn.scale(-1, tn.hadamard(divisor, whole)))


def _commutation(r: Scope, expr: Any, env: Env) -> Tensor:
    """[r == i*n + j] and [c == j*m + i] for the m rows and n columns of X in K*vec(X) = vec(X')."""
    m, n = map(r.size, expr.args)
    size = times(m, n)
    rows = ops.select("==", (-1, n, 1), 0, (size, m, n))
    columns = ops.select("==", (-1, 1, m), 0, (size, m, n))
    node = ops.einsum(1, [(rows, "rij"), (columns, "cij")], "rc")
    return Tensor(node, (size, size))


def _vec(matrix: Tensor) -> Tensor:
    column = tn.vec(matrix)
    return Tensor(column.node, (*column.shape, 1), column.free)


READERS: dict[Any, Callable[[Scope, Any, Env], Tensor]] = {
    sp.Add: lambda r, e, env: tn.add(*r.all(e.args, env)),
    sp.Mul: _mul,
    sp.Pow: _power,
    sp.MatAdd: lambda r, e, env: tn.add(*map(tn.as_matrix, r.all(e.args, env))),
    sp.MatMul: _matmul,
    sp.MatPow: _power,
    sp.Transpose: lambda r, e, env: tn.transpose(tn.as_matrix(r.read(e.arg, env))),
    sp.Adjoint: lambda r, e, env: tn.transpose(tn.as_matrix(r.read(e.arg, env))),
    sp.Inverse: lambda r, e, env: tn.matrix_function("inv", r.read(e.arg, env)),
    sp.Determinant: _determinant,
    sp.Trace: lambda r, e, env: tn.trace(r.read(e.arg, env)),
    hadamard.HadamardProduct: lambda r, e, env: tn.hadamard(*r.all(e.args, env)),
    hadamard.HadamardPower: _hadamard_power,
    ElementwiseApplyFunction: _elementwise,
    AppliedUndef: _undefined,
    sp.Max: _extreme("maximum"),
    sp.Min: _extreme("minimum"),
    sp.Heaviside: _heaviside,
    sp.Piecewise: _piecewise,
    DiagMatrix: _diag_matrix,
    DiagonalMatrix: _diagonal_matrix,
    DiagonalOf: _diagonal_of,
    KroneckerProduct: _kronecker,
    DotProduct: _dot,
    BlockMatrix: _block_matrix,
    BlockDiagMatrix: _block_diagonal,
    MatrixElement: _matrix_element,
    MatrixSlice: _slice,
    sp.FunctionMatrix: _function_matrix,
    sp.MatrixBase: _explicit,
    special.OneMatrix: lambda r, e, env: tn.constant(ops.ONE, tuple(map(r.size, e.shape))),
    special.ZeroMatrix: lambda r, e, env: tn.constant(ops.ZERO, tuple(map(r.size, e.shape))),
    special.Identity: lambda r, e, env: tn.eye(r.size(e.shape[0])),
    sp.MatrixSymbol: lambda r, e, env: r.symbol(e, e.name, tuple(map(r.size, e.shape))),
    arrays.ArraySymbol: lambda r, e, env: r.symbol(e, str(e.name), tuple(map(r.size, e.shape))),
    arrays.ArrayElement: _array_element,
    arrays.ZeroArray: lambda r, e, env: tn.constant(ops.ZERO, tuple(map(r.size, e.shape))),
    PermutationMatrix: lambda r, e, env: r.read(e.as_explicit(), env),
    sp.Indexed: lambda r, e, env: r.indexed(e, env),
    sp.Sum: _sum,
    sp.Product: _product,
    sp.KroneckerDelta: _delta,
    sp.factorial: _unless_constant(lambda n: tn.elementwise("gamma", tn.add(n, tn.scalar(1)))),
    sp.ceiling: _unless_constant(lambda x: tn.scale(-1, _floor(tn.scale(-1, x)))),
    sp.frac: _unless_constant(lambda x: tn.add(x, tn.scale(-1, _floor(x)))),
    sp.Mod: _unless_constant(_remainder),
    CommutationMatrix: _commutation,
    Vec: lambda r, e, env: _vec(r.read(e.args[0], env)),
    sp.Derivative: _derivative,
    sp.Subs: _substituted,
    ArrayComprehension: _array_comprehension,
    arrays.ArrayTensorProduct: _array_product,
    arrays.ArrayContraction: _array_contraction,
    arrays.ArrayDiagonal: _array_contraction,
    arrays.PermuteDims: _permuted,
    arrays.ArrayAdd: lambda r, e, env: tn.add(*r.all(e.args, env)),
    arrays.ArrayElementwiseApplyFunc: _elementwise,
    type(sp.pi): lambda r, e, env: Tensor(ops.constant("pi")),
    type(sp.E): lambda r, e, env: Tensor(ops.apply("exp", ops.ONE)),
}


class Reader(Scope):
    """Reads expressions that share their symbols."""

    def __init__(self, *expressions: Any, variables: Sequence[Any] = ()) -> None:
        super().__init__(*expressions, variables=variables)
        self._memo: dict[Any, Tensor] = {}

    def read(self, expr: Any, env: Env | None = None) -> Tensor:
        """The tensor of a SymPy expression.

        Raises:
            Unsupported: naming what cannot be read.
            ShapeError: where shapes do not fit.
        """
        expr = sp.sympify(expr, strict=True)
        if env:
            return self._read(expr, env)
        if expr not in self._memo:
            self._memo[expr] = self._read(expr, {})
        return self._memo[expr]

    def known(self, expr: Any) -> Tensor | None:
        """What has been read of an expression without free indices before."""
        return self._memo.get(expr)

    def _read(self, expr: Any, env: Env) -> Tensor:
        if expr in env:
            bound = env[expr]
            return tn.index_value(bound) if isinstance(bound, Index) else bound
        if expr.is_Number:
            return tn.scalar(_number(expr))
        if expr.is_Symbol and not expr.is_commutative:
            raise Unsupported(f"cannot read {expr}: it does not commute, and is no matrix")
        if expr.is_Symbol or isinstance(expr, sp.Idx):
            return self.symbol(expr, expr.name, ())
        for cls in type(expr).__mro__:
            if cls in FUNCTIONS:
                return self._function(cls, expr, env)
            if cls in COMPOSED:
                return self._function(cls, expr, env)
            reader = READERS.get(cls)
            if reader is not None:
                return reader(self, expr, env)
        if self.is_constant(expr, env):
            return self.constant(expr, env)
        if self.variables and isinstance(expr, sp.Function):
            return _applied(self, expr.func, self.all(expr.args, env), env)
        raise Unsupported(f"cannot read {type(expr).__name__}: {short_text(expr)}")

    def _function(self, cls: Any, expr: Any, env: Env) -> Tensor:
        """exp(X) of a square matrix is its exponential; sin(X) is not sin of its entries."""
        args = self.all(expr.args, env)
        if any(a.is_Matrix and not t.is_scalar for a, t in zip(expr.args, args, strict=True)):
            if cls is sp.exp:
                return tn.matrix_function("expm", args[0])
            raise Unsupported(
                f"a function of a matrix as a whole: {short_text(expr)}",
                hint=f"for the function of each entry write X.applyfunc({cls.__name__})",
            )
        return COMPOSED[cls](args[0]) if cls in COMPOSED else tn.elementwise(FUNCTIONS[cls], *args)


def short_text(expr: Any) -> str:
    """An expression for a message."""
    try:
        text = str(expr)
    except CANNOT_BUILD:  # SymPy works things out to find out about a sign
        text = type(expr).__name__
    return text if len(text) <= 80 else text[:77] + "..."


def shape_of(expr: Any, tensor: Tensor) -> Shape:
    """The surface shape of what was read: a 1x1 matrix counts as a scalar."""
    if tensor.is_scalar:
        return ()
    if tensor.free:
        raise ShapeError(f"{short_text(expr)} depends on an index that no sum binds")
    return tensor.shape
