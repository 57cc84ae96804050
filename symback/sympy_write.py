"""From written mathematics to SymPy: a phrase becomes a plain SymPy expression.

Only SymPy's own classes come out, so that results can be substituted into, printed, differentiated
and compiled like anything else in SymPy.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from itertools import count
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, BooleanAtom, BooleanFunction
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import Identity, OneMatrix, ZeroMatrix
from sympy.tensor.array import ArrayComprehension
from sympy.tensor.array.expressions.array_expressions import ArraySymbol

from symback.errors import Unsupported
from symback.graph import Node, Size
from symback.notation import Notation
from symback.ops import OPS, size_node
from symback.phrase import UNIT, Phrase, coefficient, mul, num, transpose

# Functions of one scalar. Those with a plain SymPy function are applied to matrices as that
# function, the others as a Lambda.
PLAIN: dict[str, Any] = {
    "exp": sp.exp,
    "log": sp.log,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "asinh": sp.asinh,
    "acosh": sp.acosh,
    "atanh": sp.atanh,
    "erf": sp.erf,
    "gamma": sp.gamma,
    "loggamma": sp.loggamma,
    "abs": sp.Abs,
    "sign": sp.sign,
    "heaviside": sp.Heaviside,
    "floor": sp.floor,
}

RECIPROCALS: dict[str, Any] = {  # 1/f has a name of its own
    "sin": sp.csc,
    "cos": sp.sec,
    "tan": sp.cot,
    "tanh": sp.coth,
}

COMPOSED: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + sp.exp(-x)),
    "softplus": lambda x: sp.log(1 + sp.exp(x)),
    "relu": lambda x: sp.Max(0, x),
    "step": lambda x: sp.Heaviside(x, 0),
    "gelu": lambda x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "maximum": sp.Max,
    "minimum": sp.Min,
    "polygamma": lambda k, x: sp.digamma(x) if k == 0 else sp.polygamma(k, x),
    "where": lambda c, a, b: sp.Piecewise((a, _holds(c)), (b, True)),
    "lt": sp.StrictLessThan,
    "le": sp.LessThan,
    "eq": sp.Equality,
    "ne": sp.Unequality,
    "and": lambda a, b: sp.And(_holds(a), _holds(b)),
    "or": lambda a, b: sp.Or(_holds(a), _holds(b)),
    "not": lambda a: sp.Not(_holds(a)),
}


def _holds(condition: Any) -> Any:
    _keep_cases_in_condition(condition)
    return condition if _is_condition(condition) else sp.Ne(condition, 0)


def _is_condition(value: Any) -> bool:
    return isinstance(value, (Relational, BooleanFunction, BooleanAtom))


def _as_number(value: Any) -> Any:
    """A condition that stands where a number is wanted: 1 if it holds, else 0."""
    return sp.Piecewise((1, value), (0, True)) if _is_condition(value) else value


class CommutationMatrix(sp.MatrixExpr):  # type: ignore[misc]
    """The permutation matrix K with K*vec(X) = vec(X.T) for X of m rows and n columns.

    SymPy has no class for it. Magnus and Neudecker, Matrix Differential Calculus, section 3.7.

    >>> X = sp.Matrix(2, 3, range(6))
    >>> CommutationMatrix(2, 3).as_explicit() * X.vec() == X.T.vec()
    True
    """

    def __new__(cls, m: Any, n: Any) -> Any:
        return sp.MatrixExpr.__new__(cls, sp.sympify(m, strict=True), sp.sympify(n, strict=True))

    @property
    def shape(self) -> Any:
        return (self.args[0] * self.args[1],) * 2

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        m, n = self.args
        # entry i of vec(X.T) is X[i // n, i mod n], which is entry (i mod n)*m + i // n of vec(X)
        return sp.KroneckerDelta(j, sp.Mod(i, n) * m + sp.floor(i / n))

    def _eval_transpose(self) -> Any:
        return CommutationMatrix(self.args[1], self.args[0])


class Writer:
    """Writes phrases in SymPy, with the SymPy symbols of `written`.

    Entries that have an index are a FunctionMatrix, or with `arrays` an ArrayComprehension.
    """

    def __init__(
        self, notation: Notation, written: Mapping[Node, Any], *, arrays: bool = False
    ) -> None:
        self.notation, self.arrays = notation, arrays
        self.symbols = {node.params: obj for node, obj in written.items()}
        self._indices: dict[str, Any] = {}

    def size(self, size: Size) -> Any:
        return self(self.notation.scalar(size_node(size)))

    def __call__(self, phrase: Phrase) -> Any:
        return _as_number(self._write(phrase))

    def _write(self, p: Phrase) -> Any:
        return getattr(self, f"_{p.head}")(p)

    def _symbol(self, p: Phrase) -> Any:
        name, kind = p.data
        known = self.symbols.get((name, kind))
        if known is not None:
            return known
        if kind == "index":
            return self._indices.setdefault(str(name), sp.Symbol(str(name), integer=True))
        if not p.shape:
            return sp.Symbol(
                str(name), **({"integer": True, "positive": True} if kind == "size" else {})
            )
        if len(p.shape) == 2:
            return sp.MatrixSymbol(str(name), *map(self.size, p.shape))
        return ArraySymbol(str(name), tuple(map(self.size, p.shape)))

    def _number(self, p: Phrase) -> Any:
        return sp.Rational(p.value.numerator, p.value.denominator)

    def _constant(self, p: Phrase) -> Any:
        return {"pi": sp.pi, "e": sp.E}[str(p.data[0])]

    def _add(self, p: Phrase) -> Any:
        if p.is_matrix:
            inner = _argument(p)
            if any(a.head in ("hadamard", "mul") and inner != a for a in p.args) and inner != p:
                fused = self._fused_sum(p, inner)
                if fused is not None:
                    return fused
        terms = [self(a) for a in p.args]
        return sp.MatAdd(*terms) if p.is_matrix else sp.Add(*terms)

    def _mul(self, p: Phrase) -> Any:
        conditions = [a for a in p.args if a.head == "iverson"]
        if conditions:
            rest = mul([a for a in p.args if a.head != "iverson"], coefficient(p))
            holds = sp.And(*(self._relation(c) for c in conditions))
            return sp.Piecewise((self(rest), holds), (0, True))
        scalars = [self(a) for a in p.args if not a.is_matrix]
        factor = sp.Mul(self._number_of(p), *scalars)
        chain = [self(a) for a in p.args if a.is_matrix]
        if not chain:
            return factor
        product = sp.MatMul(*chain) if len(chain) > 1 else chain[0]
        if factor == 1:
            return product
        if isinstance(product, sp.MatrixBase):
            return factor * product
        return sp.MatMul(factor, *(product.args if isinstance(product, sp.MatMul) else (product,)))

    def _number_of(self, p: Phrase) -> Any:
        value = coefficient(p)
        return sp.Rational(value.numerator, value.denominator)

    def _hadamard(self, p: Phrase) -> Any:
        factors = list(p.args)
        written = []
        while factors:
            inner, members = _largest_group(factors)
            fused = self._fused(inner, members)
            if fused is None:
                break
            written.append(fused)
            factors = [factor for factor in factors if factor not in members]
        written.extend(map(self, factors))
        return written[0] if len(written) == 1 else HadamardProduct(*written)

    def _fused_sum(self, p: Phrase, inner: Phrase) -> Any:
        """A sum of several functions of one matrix as one function of it."""
        functions = [a for a in p.args if a.head != "ones" and mul([a]) != inner]
        if sum(1 for a in functions if _has_function(a, inner)) < 2:
            return None
        t = sp.Symbol("t", real=True)
        return self(inner).applyfunc(sp.Lambda(t, _ElementwiseWriter(self, inner, t)(p)))

    def _fused(self, inner: Phrase, factors: list[Phrase]) -> Any:
        """Several functions of one matrix as one, unless that is longer: f(X).*g(X) -> h(X)."""
        if len(factors) < 2:
            return None
        apart = sum(map(_written_length, factors)) + len(factors) - 1
        inside = sum(_written_length(factor, inner) for factor in factors) + len(factors) - 1
        # a Lambda has to earn its place, unless a factor needs one anyway
        least = 0 if any(_is_composed(factor) for factor in factors) else 3
        longer = inside + inner.length + 1 + least > apart
        if longer and not any(_adds_ones(factor) for factor in factors):
            return None
        t = sp.Symbol("t", real=True)
        write = _ElementwiseWriter(self, inner, t)
        body = sp.Mul(*(_as_number(write(factor)) for factor in factors))
        return self(inner).applyfunc(sp.Lambda(t, body))

    def _pow(self, p: Phrase) -> Any:
        return sp.Pow(self(p.args[0]), self(p.args[1]))

    def _elementwise_pow(self, p: Phrase) -> Any:
        base, exponent = p.args
        if base.head == "function" and exponent.is_number and exponent.value == -1:
            reciprocal = RECIPROCALS.get(str(base.data[0]))
            if reciprocal is not None:
                return self(base.args[0]).applyfunc(reciprocal)
        return HadamardPower(self(p.args[0]), self(p.args[1]))

    def _function(self, p: Phrase) -> Any:
        name, *order = p.data
        assert isinstance(name, str)
        if not p.is_matrix:
            args = [self._write(a) for a in p.args]
            if name == "where":
                holds = self._index_condition(p.args[0])
                args[0] = args[0] if holds is None else holds
            return self._scalar_function(name, tuple(order))(*args)
        if name in PLAIN and not _adds_ones(p):
            return self(p.args[0]).applyfunc(PLAIN[name])
        matrices = [a for a in p.args if a.is_matrix]
        if len(set(matrices)) == 1 and name not in {*COMPOSED, *PLAIN}:
            return self(matrices[0]).applyfunc(self._scalar_function(name, tuple(order)))
        inner = _argument(p)
        if inner == p and name == "where":
            return self._masked(p)
        if inner == p:
            raise Unsupported("an elementwise function of several matrices")
        t = sp.Symbol("t", real=True)
        body = _ElementwiseWriter(self, inner, t)(p)
        return self(inner).applyfunc(sp.Lambda(t, body))

    def _index_condition(self, p: Phrase) -> Any:
        """[i < j] as i < j and a delta as an equation; None for any other condition."""
        if p.head == "iverson":
            return self._relation(p)
        if p.head == "delta":
            return sp.Eq(*map(self, p.args))
        if p.head == "mul" and coefficient(p) == 1:
            parts = [self._index_condition(a) for a in p.args]
            return sp.And(*parts) if all(part is not None for part in parts) else None
        return None

    def _masked(self, p: Phrase) -> Any:
        """where(c, A, B) of several matrices as A .* where(c, 1, 0) + B .* where(c, 0, 1)."""
        condition, *cases = p.args
        split = [_elements(case) if case.head == "mul" else (case,) for case in cases]
        if all(case.is_matrix for case in cases) and split[0][-1] == split[1][-1]:
            pairs = zip(split, cases, strict=True)
            flags = tuple(mul(parts[:-1], coefficient(case)) for parts, case in pairs)
            return HadamardProduct(self(split[0][-1]), self._mask(p, condition, flags))
        terms = []
        for place, case in enumerate(cases):
            if case.is_number and case.value == 0:
                continue
            zero = num(0)
            flags = (case if not case.is_matrix else UNIT, zero)
            mask = self._mask(p, condition, flags if place == 0 else flags[::-1])
            terms.append(HadamardProduct(self(case), mask) if case.is_matrix else mask)
        return terms[0] if len(terms) == 1 else sp.MatAdd(*terms)

    def _mask(self, p: Phrase, condition: Phrase, flags: tuple[Phrase, ...]) -> Any:
        mask = Phrase("function", (condition, *flags), ("where",), p.shape)
        if _argument(mask) == mask:
            raise Unsupported("a case that depends on several matrices")
        return self(mask)

    def _scalar_function(self, name: str, order: tuple[Any, ...]) -> Any:
        if name in PLAIN:
            return PLAIN[name]
        if name in COMPOSED:
            return COMPOSED[name]
        if name in OPS:
            raise Unsupported(f"SymPy has no notation for {OPS[name]} of this")
        base = self.symbols.get((name, "function"), sp.Function(name))
        functions = {str(known) for known, kind in self.symbols if kind == "function"}
        return derived_function(base, order, functions)

    def _scalar(self, p: Phrase) -> Any:
        return sp.Trace(self(p.args[0]))

    def _transpose(self, p: Phrase) -> Any:
        (a,) = p.args
        if a.head == "comprehension":
            written = self(a)
            row, index = written.lamda.variables[::-1], written.lamda.expr
            return sp.FunctionMatrix(1, written.shape[0], sp.Lambda(row, index))
        if a.head == "softmax" and 1 not in a.shape:  # the transpose of a product
            scales, _ = self(a).args
            return sp.MatMul(self(transpose(a.args[0])).applyfunc(sp.exp), scales)
        if a.head == "row_sums":
            (matrix,) = a.args
            return sp.MatMul(OneMatrix(1, self.size(matrix.shape[1])), self(transpose(matrix)))
        return sp.Transpose(self(a))

    def _inverse(self, p: Phrase) -> Any:
        return sp.Inverse(self(p.args[0]))

    def _matrix_pow(self, p: Phrase) -> Any:
        return sp.MatPow(self(p.args[0]), self(p.args[1]))

    def _expm(self, p: Phrase) -> Any:
        return sp.exp(self(p.args[0]))

    def _det(self, p: Phrase) -> Any:
        return sp.Determinant(self(p.args[0]))

    def _logdet(self, p: Phrase) -> Any:
        return sp.log(sp.Abs(sp.Determinant(self(p.args[0]))))

    def _trace(self, p: Phrase) -> Any:
        return sp.Trace(self(p.args[0]))

    def _sum(self, p: Phrase) -> Any:
        (a,) = p.args
        rows, columns = map(self.size, a.shape)
        written = self(a)
        if columns == 1 and _is_lambda_of_symbol(written):
            index = _unused("i", written.free_symbols)
            return sp.Sum(written.function(written.expr[index, 0]), (index, 0, rows - 1))
        parts = [*([OneMatrix(1, rows)] if rows != 1 else []), written]
        if columns != 1:
            parts.append(OneMatrix(columns, 1))
        return sp.Trace(sp.MatMul(*parts))

    def _row_sums(self, p: Phrase) -> Any:
        (a,) = p.args
        return sp.MatMul(self(a), OneMatrix(self.size(a.shape[1]), 1))

    def _softmax(self, p: Phrase) -> Any:
        (a,) = p.args
        powers = self(a).applyfunc(sp.exp)
        rows, columns = map(self.size, a.shape)
        if columns == 1:
            total = sp.Trace(sp.MatMul(OneMatrix(1, rows), powers))
            return sp.MatMul(1 / total, powers)
        if rows == 1:
            return sp.MatMul(1 / sp.Trace(sp.MatMul(powers, OneMatrix(columns, 1))), powers)
        totals = sp.MatMul(powers, OneMatrix(columns, 1))
        return sp.MatMul(DiagMatrix(HadamardPower(totals, -1)), powers)

    def _logsumexp(self, p: Phrase) -> Any:
        (a,) = p.args
        powers = self(a).applyfunc(sp.exp) if a.is_matrix else sp.exp(self(a))
        rows, columns = map(self.size, a.shape)
        if p.data:
            return sp.MatMul(powers, OneMatrix(columns, 1)).applyfunc(sp.log)
        parts = [*([OneMatrix(1, rows)] if rows != 1 else []), powers]
        if columns != 1:
            parts.append(OneMatrix(columns, 1))
        return sp.log(sp.Trace(sp.MatMul(*parts)))

    def _max(self, p: Phrase) -> Any:
        matrix = self._entries(p.args[0], "the largest entry")
        if p.data:
            return sp.Matrix([sp.Max(*matrix.row(i)) for i in range(matrix.rows)]).as_immutable()
        return sp.Max(*matrix)

    def _entries(self, p: Phrase, what: str) -> Any:
        if not all(isinstance(s, int) for s in p.shape):
            raise Unsupported(f"SymPy cannot write {what} of a matrix of symbolic size")
        return self(p).as_explicit()

    def _argmax(self, p: Phrase) -> Any:
        matrix = self._entries(p.args[0], "which entry is the largest")

        def share(row: list[Any], x: Any) -> Any:
            largest = sp.Max(*row)
            ties = sp.Add(*(sp.Piecewise((1, sp.Eq(y, largest)), (0, True)) for y in row))
            return sp.Piecewise((1 / ties, sp.Eq(x, largest)), (0, True))

        if p.data:
            rows = [
                [share(list(matrix.row(i)), x) for x in matrix.row(i)] for i in range(matrix.rows)
            ]
            return sp.ImmutableDenseMatrix(rows)
        entries = list(matrix)
        return sp.ImmutableDenseMatrix(*matrix.shape, [share(entries, x) for x in entries])

    def _prod(self, p: Phrase) -> Any:
        (a,) = p.args
        index = sp.Symbol("i", integer=True)
        if p.data or not a.is_matrix or a.shape[1] != 1:
            raise Unsupported("SymPy cannot write the products of the rows of a matrix")
        return sp.Product(self(a)[index, 0], (index, 0, self.size(a.shape[0]) - 1))

    def _sort(self, p: Phrase) -> Any:
        raise Unsupported("SymPy cannot write a sorted vector")

    def _order(self, p: Phrase) -> Any:
        raise Unsupported("SymPy cannot write the permutation that sorts a vector")

    def _diag(self, p: Phrase) -> Any:
        return DiagMatrix(self(p.args[0]))

    def _diagonal(self, p: Phrase) -> Any:
        matrix = self(p.args[0])
        if any(isinstance(size, int) for size in matrix.shape):  # which DiagonalOf does not take
            return sp.Matrix([matrix[i, i] for i in range(int(matrix.shape[0]))]).as_immutable()
        return DiagonalOf(matrix)

    def _ones(self, p: Phrase) -> Any:
        return OneMatrix(*map(self.size, p.shape))

    def _zeros(self, p: Phrase) -> Any:
        if len(p.shape) == 2:
            return ZeroMatrix(*map(self.size, p.shape))
        return sp.Integer(0)

    def _eye(self, p: Phrase) -> Any:
        return Identity(self.size(p.shape[0]))

    def _entry(self, p: Phrase) -> Any:
        base, *indices = p.args
        written = self(base)
        places = [self(i) for i in indices]
        if isinstance(written, (sp.IndexedBase, ArraySymbol)):
            return written[tuple(places)]
        if isinstance(written, sp.Lambda):  # what is not differentiated, such as binomial(n, i)
            return written(*places)
        if len(places) == 1:
            places = [sp.Integer(0), *places] if base.shape[0] == 1 else [*places, sp.Integer(0)]
        if base.head in ("inverse", "matrix_pow", "mul", "softmax"):
            return MatrixElement(written, places[0], places[1])  # [...] would work it out
        return written[places[0], places[1]]

    def _blocks(self, p: Phrase) -> Any:
        rows, columns = p.counts
        cells = [self(a) for a in p.args]
        return sp.BlockMatrix([cells[r * columns : (r + 1) * columns] for r in range(rows)])

    def _slice(self, p: Phrase) -> Any:
        base, *bounds = map(self, p.args)
        return MatrixSlice(base, (bounds[0], bounds[1], 1), (bounds[2], bounds[3], 1))

    def _kron(self, p: Phrase) -> Any:
        return KroneckerProduct(*map(self, p.args))

    def _commutation(self, p: Phrase) -> Any:
        return CommutationMatrix(*(self.size(size) for size in p.data))  # type: ignore[arg-type]

    def _vec(self, p: Phrase) -> Any:
        (a,) = p.args
        rows, columns = map(self.size, a.shape)
        place, unused = sp.symbols("i unused", integer=True)
        written, at = self(a), (sp.Mod(place, rows), sp.floor(place / rows))
        # [...] would work an inverse out
        entry = MatrixElement(written, *at) if written.has(sp.MatPow) else written[at]
        return sp.FunctionMatrix(rows * columns, 1, sp.Lambda((place, unused), entry))

    def _array(self, p: Phrase) -> Any:
        rows, columns = p.shape
        return sp.ImmutableDenseMatrix(rows, columns, [self(a) for a in p.args])

    def _limits(self, p: Phrase) -> list[tuple[Any, Any, Any]]:
        result = []
        for place, name in enumerate(p.data):
            index = self._symbol(Phrase("symbol", data=(name, "index")))
            low, high = p.args[1 + 2 * place : 3 + 2 * place]
            result.append((index, self(low), self(high)))
        return result

    def _sum_over(self, p: Phrase) -> Any:
        body, limits = self(p.args[0]), self._limits(p)
        _keep_cases_inside(body, limits)
        return sp.Sum(body, *limits)

    def _prod_over(self, p: Phrase) -> Any:
        body, limits = self(p.args[0]), self._limits(p)
        _keep_cases_inside(body, limits)
        return sp.Product(body, *limits)

    def _delta(self, p: Phrase) -> Any:
        return sp.KroneckerDelta(*map(self, p.args))

    def _iverson(self, p: Phrase) -> Any:
        return sp.Piecewise((1, self._relation(p)), (0, True))

    def _relation(self, p: Phrase) -> Any:
        left, right = map(self, p.args)
        return sp.Lt(left, right) if p.data == ("<",) else sp.Le(left, right)

    def _comprehension(self, p: Phrase) -> Any:
        axes = []
        for name, size in p.axes:
            index = self._symbol(Phrase("symbol", data=(name, "index")))
            axes.append((index, self.size(size)))
        body = self(p.args[0])
        if len(axes) <= 2 and not self.arrays:
            rows, columns = (axes[0][1], axes[1][1]) if len(axes) == 2 else (axes[0][1], 1)
            column_index = axes[1][0] if len(axes) == 2 else _unused("unused", body.free_symbols)
            return sp.FunctionMatrix(rows, columns, sp.Lambda((axes[0][0], column_index), body))
        return ArrayComprehension(body, *((index, 0, size - 1) for index, size in axes))


def _keep_cases_inside(body: Any, limits: list[tuple[Any, Any, Any]]) -> None:
    """Refuse a sum out of whose inner sums SymPy would move a case that depends on both.

    `Sum` folds every Piecewise that has its index to the top, past the sums that it stands in.

    Raises:
        Unsupported: for such a sum.
    """
    outer = {index for index, *_ in limits}
    if any(not case.free_symbols.isdisjoint(outer) for case in _cases_of_sums(body)):
        raise Unsupported(
            "SymPy cannot hold this derivative: its Sum moves a case out of an inner sum",
            hint="state it as a problem, whose gradients are written in our own notation",
        )


def _keep_cases_in_condition(condition: Any) -> None:
    """The same for the condition of a Piecewise, out of which SymPy moves every other one."""
    if next(_cases_of_sums(condition), None) is not None:
        raise Unsupported(
            "SymPy cannot hold this derivative: its Piecewise moves a case out of a sum",
            hint="state it as a problem, whose gradients are written in our own notation",
        )


def _cases_of_sums(body: Any) -> Iterator[Any]:
    """Each Piecewise inside a sum, product or Lambda that depends on its index."""
    if body.has(sp.Piecewise, ITE):
        for binder in body.atoms(sp.Sum, sp.Product, sp.Lambda):
            inner = set(binder.bound_symbols)
            for case in binder.atoms(sp.Piecewise, ITE):
                if not case.free_symbols.isdisjoint(inner):
                    yield case


def _unused(name: str, symbols: set[Any]) -> Any:
    """An index of this name, or of one with a number, that no symbol has."""
    taken = {symbol.name for symbol in symbols}
    free = next(found for k in count() if (found := f"{name}{k or ''}") not in taken)
    return sp.Symbol(free, integer=True)


def _is_lambda_of_symbol(matrix: Any) -> bool:
    """Whether this is a matrix symbol with more than a plain function on its entries."""
    if not isinstance(matrix, ElementwiseApplyFunction) or not matrix.expr.is_symbol:
        return False
    body = matrix.function.expr
    return not (isinstance(body, sp.Function) and body.args == matrix.function.variables)


class _ElementwiseWriter:
    """The body of a Lambda: elementwise mathematics with one matrix read as its entry `t`."""

    def __init__(self, writer: Writer, inner: Phrase, t: Any) -> None:
        self.writer, self.inner, self.t = writer, inner, t

    def __call__(self, p: Phrase) -> Any:
        if p == self.inner:
            return self.t
        if _is_opposite(p, self.inner):
            return -self.t
        if not p.is_matrix:
            return self.writer._write(p)
        args = [self(a) for a in _elements(p)]
        if p.head == "function":
            name, *order = p.data
            return self.writer._scalar_function(str(name), tuple(order))(*args)
        if p.head == "elementwise_pow":
            return sp.Pow(*args)
        if p.head == "add":
            return sp.Add(*map(_as_number, args))
        if p.head == "ones":
            return sp.Integer(1)
        return sp.Mul(self.writer._number_of(p), *map(_as_number, args))


ELEMENTWISE_HEADS = frozenset({"function", "elementwise_pow", "hadamard", "add"})
CONDITIONS = frozenset({"lt", "le", "eq", "ne", "and", "or", "not"})


def _candidates(p: Phrase) -> list[Phrase]:
    """The matrices that an elementwise tree is a function of, each on its own.

    X and -X for sigmoid(-X); none but the tree itself for X .* Y.
    """
    found: list[Phrase] = []
    todo = [p]
    while todo:
        piece = todo.pop()
        if not piece.is_matrix or piece.head == "ones" or piece in found:
            continue
        if not (piece.head == "function" and piece.data[0] in CONDITIONS):
            found.append(piece)
        if _is_elementwise(piece):
            todo.extend(_elements(piece))
    return [c for c in found if _made_of(p, c)]


def _argument(p: Phrase) -> Phrase:
    """The smallest matrix that an elementwise tree is a function of; at worst the tree itself."""
    return min(_candidates(p), key=lambda c: (c.length, _count_opposites(p, c)), default=p)


def _count_opposites(p: Phrase, inner: Phrase) -> int:
    return _is_opposite(p, inner) + sum(_count_opposites(a, inner) for a in p.args)


def _largest_group(factors: list[Phrase]) -> tuple[Phrase, list[Phrase]]:
    """The factors that are functions of one matrix, and that matrix."""
    candidates = dict.fromkeys(c for factor in factors for c in _candidates(factor))
    groups = {c: [f for f in factors if _made_of(f, c)] for c in candidates}

    def length(inner: Phrase) -> int:
        return inner.length + sum(_written_length(f, inner) for f in groups[inner])

    inner = max(groups, key=lambda c: (len(groups[c]), -length(c)))
    return inner, groups[inner]


def _has_function(p: Phrase, inner: Phrase) -> bool:
    """Whether a term is more than a multiple of `inner`."""
    if p == inner or not p.is_matrix:
        return False
    if p.head in ("function", "elementwise_pow"):
        return True
    return _is_elementwise(p) and any(_has_function(a, inner) for a in _elements(p))


def _is_composed(p: Phrase) -> bool:
    """Whether SymPy has no function of this name, so that it is written as a Lambda."""
    own = p.head == "function" and p.data[0] in COMPOSED
    return own or any(_is_composed(a) for a in p.args)


def _adds_ones(p: Phrase) -> bool:
    """Whether this is f(X + c*1), which a Lambda writes without a ones matrix."""
    return p.head == "function" and any(
        a.head == "add" and any("ones" in (b.head, *(c.head for c in b.args)) for b in a.args)
        for a in p.args
    )


def _written_length(p: Phrase, inner: Phrase | None = None) -> int:
    """The length in SymPy, `inner` counted as one symbol."""
    if p == inner:
        return 1
    composed = p.head == "function" and p.data[0] in COMPOSED
    extra = (7 if inner is None else 4) if composed else 0
    parts = _elements(p) if p.is_matrix and _is_elementwise(p) else p.args
    below = sum(_written_length(a, inner) - a.length for a in parts)
    return p.length + extra + below


def _is_elementwise(p: Phrase) -> bool:
    if p.head == "mul":
        return sum(a.is_matrix for a in p.args) == 1 or mul([a for a in p.args if a.is_matrix]) != p
    return p.head in ELEMENTWISE_HEADS


def _elements(p: Phrase) -> tuple[Phrase, ...]:
    """The arguments of an elementwise tree; of c*X*V they are c and X*V."""
    if p.head != "mul":
        return p.args
    chain = [a for a in p.args if a.is_matrix]
    return (*(a for a in p.args if not a.is_matrix), mul(chain))


def _is_opposite(p: Phrase, inner: Phrase) -> bool:
    """Whether this is y - A*x for A*x - y."""
    if p.head != "add" or inner.head != "add" or len(p.args) != len(inner.args):
        return False
    return {mul([a], -1) for a in p.args} == {mul([a]) for a in inner.args}


def _made_of(p: Phrase, inner: Phrase) -> bool:
    """Whether an elementwise tree has no matrix in it but `inner` and ones."""
    if p == inner or not p.is_matrix or p.head == "ones" or _is_opposite(p, inner):
        return True
    return _is_elementwise(p) and all(_made_of(a, inner) for a in _elements(p) if a.is_matrix)


def derived_function(base: Any, order: tuple[Any, ...], taken: Container[str] = ()) -> Any:
    """f, f', f'' of an unknown function f of one argument; f_1, f_12 of several.

    A function that SymPy knows is differentiated by SymPy. `taken` are names of other functions.

    Raises:
        Unsupported: SymPy does not know the derivative either.
    """
    if not sum(order):
        return base
    if not isinstance(base, UndefinedFunction):
        return _known_derivative(base, order)
    name = base.__name__
    if len(order) == 1:
        return _Derived(base, f"{name}{chr(39) * sum(order)}", order)
    places = "".join(str(k + 1) * times for k, times in enumerate(order))
    derived = f"{name}_{places}"
    while derived in taken:
        derived += "_"
    return _Derived(base, derived, order)


def _known_derivative(base: Any, order: tuple[Any, ...]) -> Callable[..., Any]:
    stand_ins = [sp.Dummy() for _ in order]
    value = base(*stand_ins)
    for variable, times in zip(stand_ins, order, strict=True):
        value = value.diff(variable, times)
    if value.has(sp.Derivative, sp.Subs):
        raise Unsupported(f"cannot differentiate {base.__name__}: SymPy has no derivative for it")
    return lambda *args: value.xreplace(dict(zip(stand_ins, args, strict=True)))


def _Derived(base: Any, name: str, order: tuple[Any, ...]) -> Any:  # noqa: N802
    """The unknown function `name`, which becomes a true derivative once `base` is substituted."""

    def _eval_subs(self: Any, old: Any, new: Any) -> Any:
        if old != base or not callable(new):
            return AppliedUndef._eval_subs(self, old, new)
        stand_ins = [sp.Dummy() for _ in self.args]
        value = new(*stand_ins)
        for variable, times in zip(stand_ins, order, strict=True):
            value = value.diff(variable, times)
        return value.subs(dict(zip(stand_ins, self.args, strict=True)))

    return UndefinedFunction(name, __dict__={"_eval_subs": _eval_subs})
