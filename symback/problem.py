"""A problem: named definitions over given symbols, what to derive, values.

Problems come from TOML files (:func:`load`), from text, or from SymPy expressions (the constructor
of :class:`Problem`). All that can be wrong with one is reported here, at its place in the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from symback.errors import Place
from symback.exact import Exact, Scalar
from symback.problemfile import Figures
from symback.tensor import Tensor


@dataclass(frozen=True)
class Definition:
    """A named node.

    Attributes:
        tensor: its expression; earlier names appear in it as symbols.
        symbol: the name as a symbol, of the same shape.
        written: the expression as the user typed it, or None.
        place: where.
    """

    name: str
    tensor: Tensor
    symbol: Tensor
    written: str | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Target:
    """What to differentiate by.

    Attributes:
        label: as written, "W1" or "W1[1,1]".
        name: the symbol or definition.
        indices: counted from 0, one for each axis; a name stands for any index; None for all.
    """

    label: str
    name: str
    indices: tuple[int | str, ...] | None = None


@dataclass(frozen=True, init=False)
class Problem:
    """Named definitions, what to derive and by what, and values.

    Attributes:
        symbols: the given symbols by name.
        sizes: the sizes by name, as symbols.
        functions: unknown functions and the number of their arguments.
        definitions: in order.
        of: the definition that is differentiated.
        wrt: by what.
        upstream: the gradient that comes from above, where `of` is not a scalar.
        values: exact arrays by symbol (and size) name, in the shape of the symbol's node.
        rate: of one step of gradient descent.
        published, misprint: printed results, right and wrong ones.
        index_base: the number of the first entry of an array, 0 or 1.
        file: where it was read from.
    """

    title: str
    source: str
    notes: str
    index_base: Literal[0, 1]
    symbols: Mapping[str, Tensor]
    sizes: Mapping[str, Tensor]
    functions: Mapping[str, int]
    definitions: tuple[Definition, ...]
    of: str
    wrt: tuple[Target, ...]
    upstream: Tensor | None
    values: Mapping[str, Exact]
    rate: Scalar | None
    published: Figures
    misprint: Figures
    file: str | None


def load(path: str | os.PathLike[str]) -> Problem:
    """The problem in a TOML file.

    Raises:
        InputError: with the place in the file and what to do.
    """
    raise NotImplementedError
