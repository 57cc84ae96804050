"""A table of derivatives with their textbook closed forms.

Each module of this package holds `ROWS`, a list of `Row`. `tests/corpus/harness.py` proves every
`expected` against numerical differentiation, and rates what symback answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.tensor.array.array_comprehension import ArrayComprehension

KINDS = ("gradient", "jacobian", "hessian")
LAYOUTS = ("mixed", "numerator", "denominator", "vec")

# What `Row.values` may ask of a random value, besides a number, an array or a tuple of choices.
CONSTRAINTS = (
    "positive",  # entries in (0.4, 1.6)
    "unit",  # entries in (0.15, 0.85)
    "sign",  # entries -1 or 1
    "binary",  # entries 0 or 1
    "symmetric",
    "spd",  # symmetric positive definite
    "diagonal",
    "small",  # entries in (-0.2, 0.2)
    "simplex",  # positive, all entries sum to 1
)


# The `expected` of a row that has no derivative, or none that can be written: an error is right.
REFUSED = "refused"


@dataclass(frozen=True, eq=False)
class Row:
    """One derivative and the form a good textbook gives it.

    Args:
        id: unique in the whole corpus, `module/what-it-is`.
        kind: "gradient" (scalar `expr`), "jacobian" or "hessian" (scalar `expr`).
        expr: plain SymPy, written as a user would write it.
        wrt: Symbol, MatrixSymbol, MatrixElement, Indexed, ArraySymbol or ArrayElement; for a mixed
            Hessian a tuple of two of them.
        expected: the textbook form, as short as a good book writes it. Its axes are those of
            `expr`, then those of `wrt`, axes of size 1 dropped, save that a scalar's gradient has
            the shape of `wrt` and that the derivative by a scalar has the shape of `expr`.
            Rank 3 and 4: an `ArrayComprehension` (see `array`), or None to check numbers only.
            REFUSED where an error that names the reason is the right answer.
        source: where the identity is found.
        values: name of a symbol => one of CONSTRAINTS, a number or array, or a tuple of choices.
        sizes: name of a size symbol => int, where the default sizes do not suit.
        assume: SymPy predicates in force, such as `Q.symmetric(A)`. A predicate on `wrt` itself
            means that the derivative is taken within that set of matrices.
        layout: as `symback.jacobian`'s.

    Example:
        Row("demo/quadratic", "gradient", x.T*A*x, x, (A + A.T)*x, "Matrix Cookbook (81)")
    """

    id: str
    kind: str
    expr: Any
    wrt: Any
    expected: Any
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    assume: tuple[Any, ...] = ()
    layout: str = "mixed"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.id}: kind {self.kind!r} is not one of {KINDS}")
        if self.layout not in LAYOUTS:
            raise ValueError(f"{self.id}: layout {self.layout!r} is not one of {LAYOUTS}")
        for name, asked in self.values.items():
            if isinstance(asked, str) and asked not in CONSTRAINTS:
                raise ValueError(f"{self.id}: {name} = {asked!r} is not one of {CONSTRAINTS}")

    @property
    def variables(self) -> tuple[Any, ...]:
        """What to differentiate by, in order: one for gradient and jacobian, two for hessian."""
        if self.kind == "hessian":
            return self.wrt if isinstance(self.wrt, tuple) else (self.wrt, self.wrt)
        return (self.wrt,)


def array(body: Any, *axes: tuple[Any, Any]) -> ArrayComprehension:
    """The array with entry `body` and one axis for each `(index, size)`, counted from 0.

    Example:
        array(KroneckerDelta(i, k)*Y[l, j], (i, m), (j, p), (k, m), (l, n))
    """
    return ArrayComprehension(body, *[(index, 0, sp.sympify(size) - 1) for index, size in axes])


def unit(place: Any, size: Any) -> Any:
    """Column `place` of the identity, counted from 0."""
    return sp.Identity(size)[:, place : place + 1]
