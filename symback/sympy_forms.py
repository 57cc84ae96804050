"""Phrases and exact numbers of a derivation as SymPy objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from symback.exact import Exact, Scalar
from symback.forms import Forms
from symback.graph import Node
from symback.notation import Notation
from symback.ops import symbol
from symback.phrase import Phrase
from symback.sympy_write import Writer


def write(phrase: Phrase, forms: Forms) -> Any:
    """A phrase over a problem's names; the adjoint of z1 becomes the symbol dL_dz1.

    Raises:
        Unsupported: for what SymPy cannot say.
    """
    plain = Writer(forms.notation, forms.problem.written)
    adjoints = dict(_adjoint_symbols(phrase, plain, forms.problem.of))
    return Writer(forms.notation, {**forms.problem.written, **adjoints})(phrase)


def _adjoint_symbols(phrase: Phrase, writer: Writer, output: str) -> Iterator[tuple[Node, Any]]:
    todo = [phrase]
    while todo:
        piece = todo.pop()
        todo.extend(piece.args)
        if piece.head == "symbol" and piece.data[1] == "adjoint":
            name = f"d{output}_d{piece.data[0]}"
            stand_in = Phrase("symbol", (), (name, ""), piece.shape)
            yield symbol(str(piece.data[0]), piece.shape, "adjoint"), writer(stand_in)


def numbers(exact: Exact) -> Any:
    """Exact numbers: a SymPy number, a Matrix (a vector as a column), or an Array."""
    entries = [_number(entry) for entry in exact.entries]
    if not exact.shape:
        return entries[0]
    if len(exact.shape) <= 2:
        rows, columns = (*exact.shape, 1)[:2]
        return sp.ImmutableMatrix(rows, columns, entries)
    return sp.ImmutableDenseNDimArray(entries, exact.shape)


def _number(entry: Scalar) -> Any:
    if isinstance(entry, Node):
        return Writer(Notation(), {})(Notation().scalar(entry))
    return sp.Rational(entry.numerator, entry.denominator)
