"""A derivative written as a closed form: matrix notation, else index notation, in a layout."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import prod
from typing import Any, Literal

import sympy as sp

from symback import ops
from symback.errors import DomainError, Unsupported
from symback.explicit import explicit_phrase
from symback.graph import Node, transform
from symback.notation import Notation
from symback.notation.finish import finished
from symback.phrase import Phrase, common_factor_out, entry, transpose, unit_columns
from symback.simplify import Simplifier
from symback.simplify.blocks import expand_blocks
from symback.simplify.expand import MAX_EXPANDED_TERMS, expand, is_sum
from symback.sympy_derivation import Derivative, at_entry
from symback.sympy_read import CANNOT_BUILD, short_text
from symback.sympy_vec import of_free_entries, vectorised
from symback.sympy_write import Writer

MAX_WRITTEN_OUT = 9  # entries of an array of known size among symbolic ones

Layout = Literal["mixed", "numerator", "denominator", "vec"]


def closed_form(derivative: Derivative, layout: Layout = "mixed") -> Any:
    """The derivative as SymPy writes it.

    Raises:
        DomainError: it divides by zero.
        Unsupported: SymPy has no class for it, or the layout none for this many axes.
    """
    origin = derivative.of
    written = _ClosedForm(derivative, layout).write()
    quotients = written.atoms(sp.Inverse, sp.HadamardPower)
    of_zeros = any(isinstance(q.base, sp.ZeroMatrix) and q.exp.is_negative for q in quotients)
    if of_zeros or written.has(sp.zoo, sp.nan):
        raise DomainError(f"this divides by zero: {short_text(origin.expr)}")
    symbols = {symbol: call for call, symbol in origin.calls.items()}
    return written.xreplace({**symbols, origin.endless: sp.oo})


class _ClosedForm:
    """One derivative on its way back to SymPy."""

    def __init__(self, derivative: Derivative, layout: Layout) -> None:
        self.derivative, self.layout = derivative, layout
        self.of, self.variables = derivative.of, derivative.variables
        self.root = self.of.root
        reader = self.of.reader
        self.notation = Notation(
            reader.surfaces,
            {},
            reader.origins,
            matrix_scalars=True,
            tables=reader.tables,
            inverses=reader.inverses,
            firm=frozenset(reader.firm),
            masks=self.of.masks,
            taken=frozenset(str(symbol) for symbol in self.of.expr.free_symbols),
        )
        self.writer = Writer(self.notation, reader.written, arrays=derivative.by_arrays)

    def write(self) -> Any:
        derivative, notation = self.derivative, self.notation
        stacked = self.layout == "vec"
        node = vectorised(derivative, notation) if stacked else derivative.node
        turned = bool(node.shape) and self._is_row()
        form = None if derivative.by_indices and not node.shape else notation.matrix(node)
        if form is None and node.rank in (1, 2):
            form = self._multiplied_out(node)
        by_entries = None
        if form is not None and unit_columns(form):
            by_entries = self._by_entries(node)
            longer = form.length >= by_entries.length and by_entries.head != "comprehension"
            form = None if longer or _lists_all(unit_columns(form)) else form
        if stacked:
            form = of_free_entries(derivative, notation) or (form and common_factor_out(form))
        if form is not None:
            form = transpose(form) if turned else form
            try:
                return self.writer(finished(form, self.of.denominators))
            except (*CANNOT_BUILD, Unsupported):  # a sum of matrices inside a product, say
                form = None
        if turned and node.rank == 2:
            node, by_entries = ops.transpose(node), None
        try:
            form = by_entries or self._by_entries(node)
            as_row = turned and node.rank == 1 and not derivative.by_arrays
            form = _as_row(form) if as_row else form
            return self.writer(finished(form, self.of.denominators))
        except CANNOT_BUILD as error:
            cause = None if isinstance(error, RecursionError) else error
            raise Unsupported(f"SymPy cannot write this derivative: {error}") from cause

    def _multiplied_out(self, node: Node) -> Phrase | None:
        """sum_i R_ik (X_ij - M_kj), whose sum has three axes, as R'*X - diag(R'*1)*M."""
        expanded = expand(node, MAX_EXPANDED_TERMS, is_sum)
        if expanded is None:
            return None
        return self.notation.matrix(Simplifier(projections=True)(expanded))

    def _by_entries(self, node: Node) -> Phrase:
        """The derivative written entry by entry, or with indices."""
        whole = transform(node, ops.rebuild, dict(self.of.masks))
        form = explicit_phrase(whole, self.notation) if node.rank in (1, 2) else None
        as_array = self.derivative.by_arrays
        if form is not None and (form.head == "array" or not as_array):
            return form  # 2*U is no array
        apart = None if as_array else self._entry_by_entry(node)
        if apart is not None:
            return apart
        node = expand_blocks(node)
        if node.rank > 2:
            node = self.of.tidy(True)(node)
        form = self.notation.comprehension(node) if node.shape else self.notation.indexed(node, ())
        return self._entry_of_whole(form)

    def _entry_by_entry(self, node: Node) -> Phrase | None:
        """The entries of a small array whose own parts have symbolic sizes: sums over data."""
        shape = [size for size in node.shape if isinstance(size, int)]
        if node.rank not in (1, 2) or len(shape) != node.rank or prod(shape) > MAX_WRITTEN_OUT:
            return None
        tidy = self.of.tidy(True)
        places = product(*map(range, shape))
        picked = (at_entry(node, tuple(map(ops.number, place))) for place in places)
        entries = tuple(self.notation.indexed(expand_blocks(tidy(entry)), ()) for entry in picked)
        rows, columns = (*shape, 1)[:2]
        return Phrase("array", entries, (), (rows, columns))

    def _entry_of_whole(self, form: Phrase) -> Phrase:
        """An entry of the gradient by the matrix, where that is shorter: -(X**-2)[q, p]."""
        first = self.variables[0]
        if first.entry is None or len(self.variables) > 1 or self.root.shape or form.shape:
            return form
        whole = self.notation.matrix(self.derivative.whole)
        if whole is None:
            return form
        picked = entry(whole, *map(self.notation.scalar, first.entry))
        return picked if picked.length < form.length and _is_plain(picked) else form

    def _is_row(self) -> bool:
        """Whether the result, written as columns of the expression's axes, has to be turned."""
        variable = self.variables[-1].shape
        scalar = not self.root.shape and len(self.variables) == 1
        by_scalar = all(size == 1 for size in variable)
        first = self.variables[0]
        one_row = first.entry is not None or all(size == 1 for size in first.shape)
        own = variable if scalar else self.root.shape if by_scalar else ()
        row = self.derivative.node.rank == 1 and len(own) == 2 and own[0] == 1
        turned = {
            "mixed": False,
            "numerator": scalar,
            "denominator": not scalar,
            "vec": scalar or (len(self.variables) == 2 and one_row),
        }[self.layout]
        return (row and self.layout != "vec") != turned


def _as_row(column: Phrase) -> Phrase:
    """The entries of a column one beside the other."""
    if column.head == "array":
        return Phrase("array", column.args, (), column.shape[::-1])
    return Phrase("transpose", (column,), (), (1, column.shape[0]))


def _is_plain(form: Phrase) -> bool:
    """Whether every entry is one of a symbol, an inverse or a power, not of a product."""
    heads = ("symbol", "inverse", "matrix_pow")
    return (form.head != "entry" or form.args[0].head in heads) and all(map(_is_plain, form.args))


def _lists_all(columns: set[Phrase]) -> bool:
    """Whether these are all columns of an identity matrix: then entries are what was meant."""
    counts = Counter(column.shape[0] for column in columns)
    return any(count == size != 1 for size, count in counts.items())
