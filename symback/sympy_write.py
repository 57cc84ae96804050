"""From written mathematics to SymPy: a phrase becomes a plain SymPy expression.

Only SymPy's own classes come out, so that results can be substituted into, printed, differentiated
and compiled like anything else in SymPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, count
from typing import Any

import sympy as sp
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
from symback.phrase import UNIT, Phrase, coefficient, is_chain, mul, num, transpose
from symback.scopes import unused_index
from symback.sympy_elementwise import (
    adds_ones,
    argument,
    elements,
    has_function,
    is_composed,
    is_opposite,
    largest_group,
    written_length,
)
from symback.sympy_functions import (
    COMPOSED,
    PLAIN,
    RECIPROCALS,
    as_lambda,
    as_number,
    derived_function,
    keep_cases_inside,
)
from symback.sympy_matrices import CommutationMatrix, Vec

MAX_EVALUATED = 40  # of a longer argument SymPy takes seconds to ask whether it is real


class Writer:
    """Writes phrases in SymPy, with the SymPy symbols of `written`.

    Entries that have an index are a FunctionMatrix, or with `arrays` an ArrayComprehension.
    """

    def __init__(
        self, notation: Notation, written: Mapping[Node, Any], *, arrays: bool = False
    ) -> None:
        self.notation, self.arrays = notation, arrays
        self.symbols = {node.params: obj for node, obj in written.items()}
        taken = {node.name for node in written} | notation.taken
        letters = chain("tz", (f"t{'_' * k}" for k in count(1)))  # no index has these names
        self._letters = (name for name in letters if name not in taken)
        self._variables: list[Any] = []  # one for each Lambda inside another
        self._depth = 0
        self._indices: dict[str, Any] = {}
        self._done: dict[tuple[Phrase, int], Any] = {}

    def size(self, size: Size) -> Any:
        return self(self.notation.scalar(size_node(size)))

    def __call__(self, phrase: Phrase) -> Any:
        return as_number(self._write(phrase))

    def _write(self, p: Phrase) -> Any:
        place = p, self._depth
        if place not in self._done:
            self._done[place] = getattr(self, f"_{p.head}")(p)
        return self._done[place]

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
            inner = argument(p)
            if any(a.head in ("hadamard", "mul") and inner != a for a in p.args) and inner != p:
                fused = self._fused_sum(p, inner)
                if fused is not None:
                    return fused
        terms = [self(a) for a in p.args]
        return sp.MatAdd(*terms) if p.is_matrix else sp.Add(*terms)

    def _mul(self, p: Phrase) -> Any:
        conditions = [a for a in p.args if a.head == "iverson"]
        if conditions and not p.is_matrix:
            rest = mul([a for a in p.args if a.head != "iverson"], coefficient(p))
            return self._where(conditions, self(rest))
        scalars = [self(a) for a in p.args if not a.is_matrix and a.head != "iverson"]
        factor = sp.Mul(self._number_of(p), *scalars)
        if conditions:
            factor = self._where(conditions, factor)
        chain = [matrix for a in p.args if a.is_matrix for matrix in self._factors(a)]
        if not chain:
            return _minus_inside(factor)
        product = _product(chain)
        if factor == 1:
            return product
        if isinstance(product, sp.MatrixBase):
            return factor * product
        whole = product if isinstance(product, sp.MatMul) else sp.MatMul(product)
        number, matrices = whole.as_coeff_matrices()
        return sp.MatMul(factor * number, *matrices)

    def _factors(self, p: Phrase) -> list[Any]:
        """What a product multiplies, that of a row sum A*1 too."""
        written = self(p)
        head = p.args[0].head if p.head == "transpose" else p.head
        if head in ("mul", "row_sums") and isinstance(written, sp.MatMul):
            number, matrices = written.as_coeff_matrices()
            return list(matrices) if number == 1 else [written]
        return [written]

    def _where(self, conditions: list[Phrase], value: Any) -> Any:
        """A number where all of the conditions hold, 0 elsewhere."""
        return sp.Piecewise((value, sp.And(*map(self._relation, conditions))), (0, True))

    def _number_of(self, p: Phrase) -> Any:
        value = coefficient(p)
        return sp.Rational(value.numerator, value.denominator)

    def _hadamard(self, p: Phrase) -> Any:
        factors = list(p.args)
        written = []
        while factors:
            inner, members = largest_group(factors)
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
        if sum(1 for a in functions if has_function(a, inner)) < 2:
            return None
        return self._applied(inner, lambda write: write(p))

    def _fused(self, inner: Phrase, factors: list[Phrase]) -> Any:
        """Several functions of one matrix as one, unless that is longer: f(X).*g(X) -> h(X)."""
        if len(factors) < 2:
            return None
        apart = sum(map(written_length, factors)) + len(factors) - 1
        inside = sum(written_length(factor, inner) for factor in factors) + len(factors) - 1
        # a Lambda has to earn its place, unless a factor needs one anyway
        least = 0 if any(is_composed(factor) for factor in factors) else 3
        longer = inside + inner.length + 1 + least > apart
        if longer and not any(adds_ones(factor) for factor in factors):
            return None
        return self._applied(
            inner, lambda write: sp.Mul(*(as_number(write(factor)) for factor in factors))
        )

    def _applied(self, inner: Phrase, body: Callable[[_ElementwiseWriter], Any]) -> Any:
        """A Lambda of the entries of `inner`; one inside another has a variable of its own."""
        if self._depth == len(self._variables):
            self._variables.append(sp.Symbol(next(self._letters), real=True))
        variable = self._variables[self._depth]
        self._depth += 1
        try:
            written = as_number(body(_ElementwiseWriter(self, inner, variable)))
        finally:
            self._depth -= 1
        return self(inner).applyfunc(sp.Lambda(variable, written))

    def _pow(self, p: Phrase) -> Any:
        return sp.Pow(self(p.args[0]), self(p.args[1]))

    def _elementwise_pow(self, p: Phrase) -> Any:
        base, exponent = p.args
        if base.head == "function" and exponent.is_number and exponent.value == -1:
            reciprocal = RECIPROCALS.get(str(base.data[0]))
            if reciprocal is not None:
                return self(base.args[0]).applyfunc(as_lambda(reciprocal))
        return HadamardPower(self(p.args[0]), self(p.args[1]))

    def _function(self, p: Phrase) -> Any:
        name, *order = p.data
        assert isinstance(name, str)
        if not p.is_matrix:
            args = [self._write(a) for a in p.args]
            if name == "where":
                holds = self._index_condition(p.args[0])
                args[0] = args[0] if holds is None else holds
            function = self._scalar_function(name, tuple(order))
            if name in PLAIN and p.length > MAX_EVALUATED:
                return function(*args, evaluate=False)
            return function(*args)
        if name in PLAIN and not adds_ones(p):
            return self(p.args[0]).applyfunc(as_lambda(PLAIN[name]))
        if len(p.args) == 1 and name not in {*COMPOSED, *PLAIN}:
            return self(p.args[0]).applyfunc(self._scalar_function(name, tuple(order)))
        inner = argument(p)
        if inner == p and name == "where":
            return self._masked(p)
        if inner == p:
            raise Unsupported("an elementwise function of several matrices")
        return self._applied(inner, lambda write: write(p))

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
        split = [elements(case) if case.head == "mul" else (case,) for case in cases]
        if all(case.is_matrix for case in cases) and split[0][-1] == split[1][-1]:
            pairs = zip(split, cases, strict=True)
            flags = tuple(mul(parts[:-1], coefficient(case)) for parts, case in pairs)
            return HadamardProduct(self(split[0][-1]), self._mask(p, condition, flags))
        terms = []
        for place, case in enumerate(cases):
            if case.head == "zeros" or (case.is_number and case.value == 0):
                continue
            flags = (UNIT if case.is_matrix else case, num(0))
            mask = self._mask(p, condition, flags if place == 0 else flags[::-1])
            is_factor = case.is_matrix and case.head != "ones"
            terms.append(HadamardProduct(self(case), mask) if is_factor else mask)
        return terms[0] if len(terms) == 1 else sp.MatAdd(*terms)

    def _mask(self, p: Phrase, condition: Phrase, flags: tuple[Phrase, ...]) -> Any:
        mask = Phrase("function", (condition, *flags), ("where",), p.shape)
        if argument(mask) == mask:
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
            return sp.MatMul(self(transpose(a.args[0])).applyfunc(as_lambda(sp.exp)), scales)
        if a.head == "row_sums":
            (matrix,) = a.args
            ones = OneMatrix(1, self.size(matrix.shape[1]))
            return _product([ones, *self._factors(transpose(matrix))])
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
        a = min(p.args[0], transpose(p.args[0]), key=lambda form: form.length)
        rows, columns = map(self.size, a.shape)
        written = self(a)
        if columns == 1 and _is_lambda_of_symbol(written):
            index = self._own_index(written)
            return sp.Sum(written.function(written.expr[index, 0]), (index, 0, rows - 1))
        parts = [*([OneMatrix(1, rows)] if rows != 1 else []), *self._factors(a)]
        if columns != 1:
            parts.append(OneMatrix(columns, 1))
        return sp.Trace(_product(parts))

    def _own_index(self, inside: Any) -> Any:
        """An index for the entries of a matrix that is none of those in it or around it."""
        return sp.Symbol(unused_index(_names_in(inside).union(self._indices)), integer=True)

    def _row_sums(self, p: Phrase) -> Any:
        (a,) = p.args
        return _product([*self._factors(a), OneMatrix(self.size(a.shape[1]), 1)])

    def _softmax(self, p: Phrase) -> Any:
        (a,) = p.args
        powers = self(a).applyfunc(as_lambda(sp.exp))
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
        powers = self(a).applyfunc(as_lambda(sp.exp)) if a.is_matrix else sp.exp(self(a))
        rows, columns = map(self.size, a.shape)
        if p.data:
            return sp.MatMul(powers, OneMatrix(columns, 1)).applyfunc(as_lambda(sp.log))
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
        if p.data or not a.is_matrix or a.shape[1] != 1:
            raise Unsupported("SymPy cannot write the products of the rows of a matrix")
        column = self(a)
        index = self._own_index(column)
        return sp.Product(column[index, 0], (index, 0, self.size(a.shape[0]) - 1))

    def _sort(self, p: Phrase) -> Any:
        raise Unsupported("SymPy cannot write a sorted vector")

    def _order(self, p: Phrase) -> Any:
        raise Unsupported("SymPy cannot write the permutation that sorts a vector")

    def _diag(self, p: Phrase) -> Any:
        return DiagMatrix(self(p.args[0]))

    def _diagonal(self, p: Phrase) -> Any:
        matrix = self(p.args[0])
        if any(isinstance(size, int) for size in matrix.shape):  # which DiagonalOf does not take
            entries = [_place(p.args[0], matrix, i, i) for i in range(int(matrix.shape[0]))]
            return sp.Matrix(entries).as_immutable()
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
        return _place(base, written, *places)

    def _blocks(self, p: Phrase) -> Any:
        rows, columns = p.counts
        cells = [self(a) for a in p.args]
        return sp.BlockMatrix([cells[r * columns : (r + 1) * columns] for r in range(rows)])

    def _slice(self, p: Phrase) -> Any:
        base, *bounds = map(self, p.args)
        return MatrixSlice(base, (bounds[0], bounds[1], 1), (bounds[2], bounds[3], 1))

    def _kron(self, p: Phrase) -> Any:
        # SymPy's own rules fail on numbers inside: KroneckerProduct(x*x.T, c*A).doit()
        apart = [sp.MatMul(self(a)).as_coeff_matrices() for a in p.args]
        product = KroneckerProduct(*(sp.MatMul(*chain).doit(deep=False) for _, chain in apart))
        factor = sp.Mul(*(number for number, _ in apart))
        return product if factor == 1 else sp.MatMul(factor, product)

    def _commutation(self, p: Phrase) -> Any:
        return CommutationMatrix(*(self.size(size) for size in p.data))  # type: ignore[arg-type]

    def _vec(self, p: Phrase) -> Any:
        return Vec(self(p.args[0]))

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
        limits, body = self._limits(p), self(p.args[0])  # whose own indices have other names
        keep_cases_inside(body, limits)
        if not body.is_Matrix:
            # a number in front of terms that SymPy sees to be equal, 1/b of exp(a - log(b))
            factor, body = body.as_independent(*(index for index, *_ in limits), as_Add=False)
            return factor * self._total(body, limits)
        return self._total(body, limits)

    def _total(self, body: Any, limits: list[tuple[Any, Any, Any]]) -> Any:
        total = sp.Sum(body, *limits)
        return total if total.function != 0 else sp.S.Zero

    def _prod_over(self, p: Phrase) -> Any:
        limits, body = self._limits(p), self(p.args[0])  # whose own indices have other names
        keep_cases_inside(body, limits)
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
            column_index = axes[1][0] if len(axes) == 2 else _unused(body)
            return sp.FunctionMatrix(rows, columns, sp.Lambda((axes[0][0], column_index), body))
        return ArrayComprehension(body, *((index, 0, size - 1) for index, size in axes))


def _product(matrices: list[Any]) -> Any:
    return matrices[0] if len(matrices) == 1 else sp.MatMul(*matrices)


def _names_in(body: Any) -> set[str]:
    """The names of all symbols, those of the indices of sums and the variables of Lambdas too."""
    return {symbol.name for symbol in body.atoms(sp.Symbol)}


def _unused(body: Any) -> Any:
    """The index of the one column of a column, which nothing in `body` has."""
    taken = _names_in(body)
    free = next(found for k in count() if (found := f"unused{k or ''}") not in taken)
    return sp.Symbol(free, integer=True)


def _is_lambda_of_symbol(matrix: Any) -> bool:
    """Whether this is a matrix symbol with more than a plain function on its entries."""
    if not isinstance(matrix, ElementwiseApplyFunction) or not matrix.expr.is_symbol:
        return False
    body = matrix.function.expr
    return not (isinstance(body, sp.Function) and body.args == matrix.function.variables)


def _minus_inside(value: Any) -> Any:
    """-Piecewise((1, c), (1 - t, d), ...) as Piecewise((-1, c), (t - 1, d), ...)."""
    inner = -value
    if value.is_Mul and isinstance(inner, sp.Piecewise):
        return sp.Piecewise(*((-branch, condition) for branch, condition in inner.args))
    return value


def _place(base: Phrase, written: Any, row: Any, column: Any) -> Any:
    """An entry of a matrix that stands as it is; SymPy works out those of products and inverses."""
    if base.head in ("inverse", "matrix_pow", "mul", "softmax") or _has_chain(base):
        return MatrixElement(written, row, column)
    return written[row, column]


def _has_chain(p: Phrase) -> bool:
    """Whether there is a product of matrices in a phrase, of which SymPy would write sums."""
    return is_chain(p) or any(map(_has_chain, p.args))


class _ElementwiseWriter:
    """The body of a Lambda: elementwise mathematics with one matrix read as an entry of it."""

    def __init__(self, writer: Writer, inner: Phrase, variable: Any) -> None:
        self.writer, self.inner, self.variable = writer, inner, variable

    def __call__(self, p: Phrase) -> Any:
        if p == self.inner:
            return self.variable
        if is_opposite(p, self.inner):
            return -self.variable
        if not p.is_matrix:
            return self.writer._write(p)
        args = [self(a) for a in elements(p)]
        if p.head == "function":
            name, *order = p.data
            return self.writer._scalar_function(str(name), tuple(order))(*args)
        if p.head == "elementwise_pow":
            return sp.Pow(*args)
        if p.head == "add":
            return sp.Add(*map(as_number, args))
        if p.head in ("ones", "zeros"):
            return sp.Integer(p.head == "ones")
        return sp.Mul(self.writer._number_of(p), *map(as_number, args))
