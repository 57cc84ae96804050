"""Gradients, Jacobians and Hessians of SymPy expressions, as closed forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, Literal, get_args

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import array_expressions as arrays

from symback import ops
from symback.backprop import jacobian as sweep
from symback.errors import DomainError, InputError, ShapeError, Unsupported
from symback.explicit import explicit_phrase
from symback.graph import Node, Shape, symbols_of, topological, transform
from symback.notation import Notation
from symback.notation.finish import finished
from symback.ops import Label, Labels, einsum, einsum_parts
from symback.phrase import (
    Phrase,
    add,
    common_factor_out,
    commutation,
    diag,
    entry,
    eye,
    mul,
    transpose,
    unit_columns,
    vec,
)
from symback.simplify import Simplifier, simplify
from symback.simplify.blocks import expand_blocks
from symback.simplify.expand import MAX_EXPANDED_TERMS, expand, is_sum, masks_in
from symback.simplify.rolling import rolled_up
from symback.sizes import times
from symback.sympy_lists import (
    each_gradient,
    each_hessian,
    each_jacobian,
    entries,
    is_explicit,
    is_list,
    row_by_row,
)
from symback.sympy_read import Reader, expression, short_text
from symback.sympy_write import Writer
from symback.tensor import Tensor, show_shape

#: How SymPy says that its classes cannot hold something.
CANNOT_BUILD = (TypeError, ValueError, NotImplementedError, AttributeError, RecursionError)

MAX_WRITTEN_OUT = 9  # entries of an array of known size among symbolic ones

#: Functions whose rules hold for real arguments only.
REAL_ONLY = (sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside, sp.re, sp.im, sp.conjugate, sp.arg)

Layout = Literal["mixed", "numerator", "denominator", "vec"]


def gradient(expr: Any, wrt: Any) -> Any:
    """The gradient of a scalar expression (1x1 counts) by one variable.

    `wrt` is a Symbol, a MatrixSymbol or its transpose, an entry of one (MatrixElement, Indexed,
    ArrayElement), an ArraySymbol, or a list or explicit matrix of scalars; the gradient has its
    shape.

    Raises:
        ShapeError: `expr` is not a scalar.
        Unsupported: something in `expr` cannot be differentiated; the message names it.
        DomainError: the derivative divides by zero.

    >>> from sympy import MatrixSymbol, symbols
    >>> n = symbols("n", integer=True, positive=True)
    >>> A, x = MatrixSymbol("A", n, n), MatrixSymbol("x", n, 1)
    >>> gradient(x.T*A*x, x)
    (A + A.T)*x
    """
    if is_list(wrt):
        variables = entries(wrt)
        derivation = _scalar(_Derivation(expr, tuple(variables)), "gradient")
        places = range(len(variables))
        return each_gradient([derivation.by(place).write("mixed") for place in places], wrt)
    if isinstance(wrt, sp.Transpose):
        return _scalar(_Derivation(expr, (wrt.arg,)), "gradient").by(0).write("numerator")
    return _scalar(_Derivation(expr, (wrt,)), "gradient").by(0).write("mixed")


def jacobian(expr: Any, wrt: Any, layout: Layout = "mixed") -> Any:
    """The derivative of any expression: its axes first, then those of `wrt`.

    Rank 2 at most comes back as a matrix, so d(A*x)/dx = A; the derivative of a scalar has the
    shape of `wrt`, which may also be the transpose of a vector. More axes come back as an
    ArrayComprehension in index notation. `layout`:

        mixed        the above
        numerator    rows are the expression's: the derivative of a scalar by a column is a row
        denominator  the transpose of that
        vec          d vec(expr) / d vec(wrt)', a matrix (Magnus and Neudecker)

    >>> from sympy import MatrixSymbol, exp, symbols
    >>> m, n = symbols("m n", integer=True, positive=True)
    >>> A, x = MatrixSymbol("A", m, n), MatrixSymbol("x", n, 1)
    >>> jacobian(A*x, x)
    A
    """
    _check_layout(layout, get_args(Layout))
    if is_list(wrt):
        if layout != "mixed":
            raise Unsupported(f"layout {layout!r} is for one variable, not for a list of them")
        return each_jacobian(_slopes(expr, entries(wrt)), wrt)
    derivation = _Derivation(expr, (_upright(wrt),)).by(0)
    if _upright(wrt) is not wrt and layout == "mixed" and not derivation.root.shape:
        layout = "numerator"
    slope = derivation.write(layout)
    if is_list(expr) and layout == "mixed" and isinstance(slope, sp.FunctionMatrix):
        return row_by_row(lambda entry: jacobian(entry, wrt), expression(expr), wrt) or slope
    return slope


def _slopes(expr: Any, variables: Sequence[Any]) -> list[Any]:
    """The derivative of an expression by each of several scalars, that of a list explicit."""
    derivation = _Derivation(expr, tuple(variables))
    slopes = [derivation.by(place).write("mixed") for place in range(len(variables))]
    if not is_list(expr) or all(map(is_explicit, slopes)):
        return slopes
    table = expression(expr)
    each = zip(*(_slopes(entry, variables) for entry in table), strict=True)
    return [sp.Matrix(*table.shape, list(column)) for column in each]


def hessian(expr: Any, x: Any, y: Any = None, layout: Literal["mixed", "vec"] = "mixed") -> Any:
    """The second derivative of a scalar expression by `x`, then by `y` (or `x` again).

    By matrices it has three or four axes, in index notation; with the layout "vec" it is the matrix
    d^2 f / d vec(x) d vec(y)' (Magnus and Neudecker, chapter 10).
    With lists of scalars the answer is the matrix of their second derivatives.

    >>> from sympy import MatrixSymbol, symbols
    >>> n = symbols("n", integer=True, positive=True)
    >>> A, x = MatrixSymbol("A", n, n), MatrixSymbol("x", n, 1)
    >>> hessian(x.T*A*x, x)
    A + A.T
    """
    _check_layout(layout, ("mixed", "vec"))
    y = x if y is None else y
    if is_list(x) and is_list(y):
        rows, columns = entries(x), entries(y)
        derivation = _scalar(_Derivation(expr, (*rows, *columns)), "Hessian")
        return each_hessian(lambda *pair: derivation.by(*pair).write("mixed"), rows, columns)
    x, y = map(_upright, (x, y))
    return _scalar(_Derivation(expr, (x, y)), "Hessian").by(0, 1).write(layout)


def _upright(wrt: Any) -> Any:
    """The vector that a variable is the transpose of; any other variable as it is."""
    return wrt.arg if isinstance(wrt, sp.Transpose) and 1 in wrt.shape else wrt


def _scalar(derivation: _Derivation, wanted: str) -> _Derivation:
    if derivation.root.shape and not derivation.root.is_scalar:
        shape = show_shape(derivation.root.shape)
        hint = "use jacobian" if wanted == "gradient" else None
        raise ShapeError(f"a {wanted} needs a scalar, not shape {shape}", hint=hint)
    return derivation


def _check_layout(layout: str, known: Sequence[str]) -> None:
    if layout not in known:
        raise InputError(f"there is no layout {layout!r} here; choose one of {', '.join(known)}")


class _Variable:
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


class _Derivation:
    """One derivative on its way from SymPy to SymPy."""

    def __init__(self, expr: Any, variables: tuple[Any, ...]) -> None:
        self.endless = sp.Dummy("oo", integer=True, positive=True)
        self.expr = _with_ends(expression(expr), self.endless)
        if self.expr.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
            raise DomainError(f"this is not finite: {short_text(expr)}")
        if self.expr.has(sp.I) and self.expr.has(*REAL_ONLY):
            raise Unsupported(
                f"the derivative of {short_text(expr)}, where a case depends on a complex number"
            )
        variables = tuple(expression(v) for v in variables)
        self.calls = {v: self._stand_in(v) for v in variables if isinstance(v, AppliedUndef)}
        self.expr = self.expr.xreplace(self.calls)
        variables = tuple(self.calls.get(v, v) for v in variables)
        self.reader = Reader(self.expr, variables=variables)
        self.root = self.reader.read(self.expr)
        shape = () if self.root.is_scalar else self.root.shape
        node = rolled_up(self.root.node)
        stand_ins = masks_in(node)
        self.masks = {symbol: mask for mask, symbol in stand_ins.items()}
        self.root = Tensor(transform(node, ops.rebuild, stand_ins), shape, self.root.free)
        self.known = [_Variable(v, self.reader) for v in variables]
        self.denominators: set[Phrase] = set()
        self._tidies: dict[tuple[bool, frozenset[Node]], Simplifier] = {}

    def by(self, *places: int) -> _Derivation:
        """The derivative by these of the variables, one after the other."""
        self.variables = [self.known[place] for place in places]
        self.by_indices = any(v.entry is not None for v in self.variables)
        indices = self.by_indices or bool(self.reader.tables)
        node = self._tidy(indices, frozenset())(self.root.node)
        tidy = self._tidy(indices, _kinks(node, [v.node for v in self.variables]))
        for variable in self.variables:
            node = tidy(sweep(node, [variable.node])[0])
            if variable.structure:
                node = tidy(_within(node, variable))
            if variable.entry is not None:
                self.whole = node
                node = tidy(_at_entry(node, variable.entry))
        self.node = node
        return self

    def _tidy(self, indices: bool, kinks: frozenset[Node]) -> Simplifier:
        """A simplifier, which remembers what it has simplified."""
        return self._tidies.setdefault(
            (indices, kinks),
            Simplifier(indices=indices, projections=not indices, kinks=kinks),
        )

    def _stand_in(self, call: Any) -> Any:
        """A symbol for f(t), where the expression has no other value of f."""
        others = [c for c in self.expr.atoms(AppliedUndef) if c.func == call.func and c != call]
        if others:
            raise Unsupported(
                f"cannot differentiate by {call}: {others[0]} is there too",
                hint="for entries with an index take IndexedBase",
            )
        return sp.Symbol(str(call))

    def write(self, layout: Layout) -> Any:
        written = self._written(layout)
        of_zeros = any(isinstance(a.arg, sp.ZeroMatrix) for a in written.atoms(sp.Inverse))
        if of_zeros or written.has(sp.zoo, sp.nan):
            raise DomainError(f"this divides by zero: {short_text(self.expr)}")
        symbols = {symbol: call for call, symbol in self.calls.items()}
        return written.xreplace({**symbols, self.endless: sp.oo})

    def _written(self, layout: Layout) -> Any:
        reader = self.reader
        notation = Notation(
            reader.surfaces,
            {},
            reader.origins,
            matrix_scalars=True,
            tables=reader.tables,
            inverses=reader.inverses,
            firm=frozenset(reader.firm),
            masks=self.masks,
            taken=frozenset(str(symbol) for symbol in self.expr.free_symbols),
        )
        as_arrays = any(variable.is_array for variable in self.variables)
        writer = Writer(notation, reader.written, arrays=as_arrays)
        node = self.node if layout != "vec" else self._vectorised(notation, self.node)
        turned = bool(node.shape) and self._is_row(layout)
        form = None if self.by_indices and not self.root.shape else notation.matrix(node)
        if form is None and not self.by_indices and node.rank in (1, 2):
            form = self._multiplied_out(notation, node)
        by_entries = None
        if form is not None and unit_columns(form):
            by_entries = self._by_entries(notation, node)
            longer = form.length >= by_entries.length and by_entries.head != "comprehension"
            form = None if longer or _lists_all(unit_columns(form)) else form
        if layout == "vec" and node.rank == 2 and any(v.structure for v in self.variables):
            form = self._of_free_entries(notation) or form
        if form is not None and layout == "vec":
            form = common_factor_out(form)
        if form is not None:
            try:
                return writer(finished(transpose(form) if turned else form, self.denominators))
            except (*CANNOT_BUILD, Unsupported):  # a sum of matrices inside a product, say
                form = None
        if turned and node.rank == 2:
            node, by_entries = ops.transpose(node), None
        try:
            form = by_entries or self._by_entries(notation, node)
            as_row = turned and node.rank == 1 and not as_arrays
            return writer(finished(_as_row(form) if as_row else form, self.denominators))
        except CANNOT_BUILD as error:
            cause = None if isinstance(error, RecursionError) else error
            raise Unsupported(f"SymPy cannot write this derivative: {error}") from cause

    def _multiplied_out(self, notation: Notation, node: Node) -> Phrase | None:
        """sum_i R_ik (X_ij - M_kj), whose sum has three axes, as R'*X - diag(R'*1)*M."""
        expanded = expand(node, MAX_EXPANDED_TERMS, is_sum)
        return None if expanded is None else notation.matrix(Simplifier(projections=True)(expanded))

    def _by_entries(self, notation: Notation, node: Node) -> Phrase:
        """The derivative written entry by entry, or with indices."""
        whole = transform(node, ops.rebuild, dict(self.masks))
        form = explicit_phrase(whole, notation) if node.rank in (1, 2) else None
        as_array = any(variable.is_array for variable in self.variables)
        if form is not None and (form.head == "array" or not as_array):
            return form  # 2*U is no array
        apart = None if as_array else self._entry_by_entry(notation, node)
        if apart is not None:
            return apart
        node = expand_blocks(node)
        if node.rank > 2:
            node = self._tidy(True, frozenset())(node)
        form = notation.comprehension(node) if node.shape else notation.indexed(node, ())
        return self._entry_of_whole(notation, form)

    def _entry_by_entry(self, notation: Notation, node: Node) -> Phrase | None:
        """The entries of a small array whose own parts have symbolic sizes: sums over data."""
        shape = [size for size in node.shape if isinstance(size, int)]
        if node.rank not in (1, 2) or len(shape) != node.rank or prod(shape) > MAX_WRITTEN_OUT:
            return None
        tidy = self._tidy(True, frozenset())
        places = product(*map(range, shape))
        picked = (_at_entry(node, tuple(map(ops.number, place))) for place in places)
        entries = tuple(notation.indexed(expand_blocks(tidy(entry)), ()) for entry in picked)
        rows, columns = (*shape, 1)[:2]
        return Phrase("array", entries, (), (rows, columns))

    def _entry_of_whole(self, notation: Notation, form: Phrase) -> Phrase:
        """An entry of the gradient by the matrix, where that is shorter: -(X**-2)[q, p]."""
        first = self.variables[0]
        if first.entry is None or len(self.variables) > 1 or self.root.shape or form.shape:
            return form
        whole = notation.matrix(self.whole)
        if whole is None:
            return form
        picked = entry(whole, *map(notation.scalar, first.entry))
        return picked if picked.length < form.length and _is_plain(picked) else form

    def _is_row(self, layout: Layout) -> bool:
        """Whether the result, written as columns of the expression's axes, has to be turned."""
        variable = self.variables[-1].shape
        scalar = not self.root.shape and len(self.variables) == 1
        by_scalar = all(size == 1 for size in variable)
        first = self.variables[0]
        one_row = first.entry is not None or all(size == 1 for size in first.shape)
        own = variable if scalar else self.root.shape if by_scalar else ()
        row = self.node.rank == 1 and len(own) == 2 and own[0] == 1
        turned = {
            "mixed": False,
            "numerator": scalar,
            "denominator": not scalar,
            "vec": scalar or (len(self.variables) == 2 and one_row),
        }[layout]
        return (row and layout != "vec") != turned

    def _of_free_entries(self, notation: Notation) -> Phrase | None:
        """The derivative by vec(X) as if X had no structure, times that of vec(X) by its own.

        For a symmetric X that is I + K - diag(vec(I)), for a diagonal one diag(vec(I)). Magnus and
        Neudecker, Matrix Differential Calculus, 2019, section 3.8.
        """
        if any(v.entry is not None for v in self.variables):
            return None
        node = self.root.node
        tidy = self._tidy(False, frozenset())
        for variable in self.variables:
            node = tidy(sweep(tidy(node), [variable.node])[0])
        form = notation.matrix(self._vectorised(notation, node))
        sides = [_free_entries(variable) for variable in self.variables]
        if form is None:
            return None
        first = sides[0] if len(sides) == 2 else None
        factors = (first, common_factor_out(form), sides[-1])
        return mul([factor for factor in factors if factor is not None])

    def _vectorised(self, notation: Notation, node: Node) -> Node:
        """The derivative as a matrix, multiplied out where only that has a matrix notation."""
        stacked = self._stacked(node)
        if notation.matrix(stacked) is not None:
            return stacked
        for opened in (_is_large_sum, is_sum):
            expanded = expand(node, MAX_EXPANDED_TERMS, opened)
            if expanded is None or expanded is node:
                continue
            apart = self._stacked(expanded)
            if notation.matrix(apart) is not None:
                return apart
        return stacked

    def _stacked(self, node: Node) -> Node:
        """d vec(expr) / d vec(wrt)': the axes of each stacked column by column.

        For a Hessian the axes of each variable: d^2 f / d vec(x) d vec(y)'.
        """
        first = self.root.node.rank
        if len(self.variables) == 2:
            first = 0 if self.variables[0].entry is not None else self.variables[0].node.rank
        terms = node.args if node.op == "add" else (node,)
        stacked = []
        for term in terms:
            factors: list[tuple[Node, tuple[Label, ...]]] = [(term, tuple(range(term.rank)))]
            out: list[Label] = []
            for start, count in ((0, first), (first, node.rank - first)):
                axes = tuple(range(start, start + count))
                if count == 2:
                    tall, wide = term.shape[start], term.shape[start + 1]
                    size = times(tall, wide)
                    join = ops.select("==", (-1, 1, tall), 0, (size, tall, wide))
                    factors.append((join, (("stacked", start), *axes)))
                    out.append(("stacked", start))
                elif count > 2:
                    raise Unsupported('layout "vec" is for matrices')
                else:
                    out.extend(axes)
            stacked.append(simplify(einsum(1, factors, out, merge=True)))
        return ops.add(*stacked)


def _is_large_sum(node: Node) -> bool:
    """Whether this is a sum that has no matrix notation."""
    return is_sum(node) and node.rank > 2


def _as_row(column: Phrase) -> Phrase:
    """The entries of a column one beside the other."""
    if column.head == "array":
        return Phrase("array", column.args, (), column.shape[::-1])
    return Phrase("transpose", (column,), (), (1, column.shape[0]))


def _is_plain(form: Phrase) -> bool:
    """Whether every entry is one of a symbol, an inverse or a power, not of a product."""
    heads = ("symbol", "inverse", "matrix_pow")
    return (form.head != "entry" or form.args[0].head in heads) and all(map(_is_plain, form.args))


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


def _lists_all(columns: set[Phrase]) -> bool:
    """Whether these are all columns of an identity matrix: then entries are what was meant."""
    counts = Counter(column.shape[0] for column in columns)
    return any(count == size != 1 for size, count in counts.items())


def _within(node: Node, variable: _Variable) -> Node:
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


def _free_entries(variable: _Variable) -> Phrase | None:
    """d vec(X)/d vec(X)' where the entries of X vary together; None where each is free."""
    if not variable.structure:
        return None
    rows, columns = variable.node.shape
    size = times(rows, columns)
    diagonal = diag(vec(eye(rows), size))
    if variable.structure == "diagonal":
        return diagonal
    return add([eye(size), commutation(rows, columns), mul([diagonal], -1)])


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


def _at_entry(node: Node, entry: tuple[Node, ...]) -> Node:
    """The part of a derivative that belongs to one entry of its variable (its last axes)."""
    lead = tuple(range(node.rank - len(entry)))
    axes: Labels = tuple(range(len(lead), node.rank))
    factors: list[tuple[Node, tuple[Label, ...]]] = [(node, (*lead, *axes))]
    for axis, index, size in zip(axes, entry, node.shape[len(lead) :], strict=True):
        offset = ops.scale(-1, index)
        factors.append((ops.select("==", (1,), offset, (size,)), (axis,)))
    return einsum(1, factors, lead)
