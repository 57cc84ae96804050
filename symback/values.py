"""The numbers of a derivation: exact as far as possible, floats, and many digits on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symback.bindings import sizes_of
from symback.entrywise import Entrywise
from symback.errors import DomainError, ValueProblem
from symback.exact import Exact, ExactField, ExactTooLarge
from symback.field import Entries
from symback.floats import Floats, array_of
from symback.graph import Node, Shape, symbols_of
from symback.multiprecision import Many, seed
from symback.problem import Problem
from symback.sweep import Adjoint
from symback.walks import TOO_LARGE, Describe

if TYPE_CHECKING:
    from symback.elementwise import Array

MAX_DIGITS = 1000
OUTSIDE_HINT = "the values given lie outside the domain of this function"


@dataclass(frozen=True)
class Value:
    """An array of numbers in the shape in which the user sees it.

    Attributes:
        numbers: the floats.
        exact: the same numbers, exact, or None where that is out of reach.
        digits: the same numbers as text with many digits, row by row, where they were asked for.
    """

    numbers: Entries[float]
    exact: Exact | None = None
    digits: tuple[str, ...] | None = None

    @staticmethod
    def of(floats: Array, exact: Exact | None = None) -> Value:
        """The value that an array of NumPy holds."""
        return Value(Entries(tuple(floats.shape), tuple(floats.ravel().tolist())), exact)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.numbers.shape

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.numbers.entries)

    @cached_property
    def floats(self) -> Array:
        """The numbers as a float64 array."""
        return array_of(self.numbers)

    @property
    def is_rational(self) -> bool:
        """Whether every number is an exact fraction."""
        exact = self.exact
        return exact is not None and all(isinstance(x, Fraction) for x in exact.entries)

    def nested(self) -> Any:
        """The floats as nested lists; a scalar as a number."""
        return self.numbers.nested()

    def entry(self, indices: Sequence[int]) -> Value:
        """One entry, a scalar; indices count from 0."""
        place = 0
        for index, size in zip(indices, self.shape, strict=True):
            place = place * size + index
        return self.chosen((), [place])

    @property
    def transposed(self) -> Value:
        """A column (or a vector) as a row, a matrix with its axes exchanged."""
        rows, columns = (*self.shape, 1)[:2]
        order = [i * columns + j for j in range(columns) for i in range(rows)]
        return self.chosen((columns, rows), order)

    def chosen(self, shape: tuple[int, ...], places: Sequence[int]) -> Value:
        """An array of some entries, by their places row by row."""
        floats, exact, digits = self.numbers.entries, self.exact, self.digits
        return Value(
            Entries(shape, tuple(floats[k] for k in places)),
            None if exact is None else Entries(shape, tuple(exact.entries[k] for k in places)),
            None if digits is None else tuple(digits[k] for k in places),
        )


class Numbers:
    """Works out nodes over a problem's names and adjoints, each name once.

    Args:
        problem: with values for its symbols.
        adjoints: definitions of the adjoint symbols.
        digits: how many digits are wanted beside the floats.
        describe: how errors name a node.

    Raises:
        DomainError: where a definition has no value.
    """

    def __init__(
        self,
        problem: Problem,
        adjoints: Mapping[str, Adjoint],
        describe: Describe,
        digits: int | None = None,
    ) -> None:
        self.problem = problem
        self.describe = describe
        self.digits = digits
        given = {**problem.symbols, **problem.sizes}
        self.exact_values = {
            given[name].node: value
            for name, value in problem.values.items()
            if name in problem.symbols
        }
        self.sizes = {
            size.node: int(problem.values[name].entries[0])  # type: ignore[arg-type]
            for name, size in problem.sizes.items()
            if name in problem.values
        }
        forward = [(d.symbol.node, d.tensor.node) for d in problem.definitions]
        backward = [(a.symbol, a.named) for a in adjoints.values() if a.symbol is not a.named]
        self.definitions = dict([*forward, *backward])
        self.floats = Floats(self.exact_values, self.sizes, self.definitions)
        self._lost: set[Node] = set()
        self._field = ExactField()
        memo, bound = seed(self._field, self.exact_values, self.sizes)
        self._exact = Entrywise(self._field, memo, bound, self.definitions)
        self._many: Entrywise[Any] | None = None
        if digits is not None:
            if not 1 <= digits <= MAX_DIGITS:
                raise ValueProblem(f"the number of digits is 1 to {MAX_DIGITS}, not {digits}")
            many = Many(digits + 10)
            numbers = {
                node: Entries(value.shape, tuple(map(many.of, value.entries)))
                for node, value in self.exact_values.items()
            }
            self._many = Entrywise(many, *seed(many, numbers, self.sizes), self.definitions)
        for name, expression in forward:
            self._prepare(name, expression, "")
        for adjoint in adjoints.values():
            if adjoint.symbol is not adjoint.named:
                label = f"d{problem.of}/d{adjoint.name}: "
                self._prepare(adjoint.symbol, adjoint.named, label)

    def _prepare(self, name: Node, expression: Node, label: str) -> None:
        """Work out one name, after those that it uses."""
        self._try_exact(name, expression, label)
        self._check(name, label)

    def _try_exact(self, name: Node, expression: Node, label: str) -> None:
        if not self._lost.isdisjoint(symbols_of([expression])):
            self._lost.add(name)
            return
        try:
            self._exact.run([name])
            exact = self._exact.result(name, self.describe, self.problem.index_base)
            self.floats.know(name, exact)
        except ExactTooLarge:
            self._lost.add(name)
        except DomainError as error:
            raise self._domain_error(name, label, error.message) from None

    def _check(self, node: Node, label: str) -> None:
        fault = self.floats.fault(node)
        if fault is not None:
            text = fault.text(self.describe, self.problem.index_base)
            raise self._domain_error(node, label, text)

    def _domain_error(self, node: Node, label: str, text: str) -> DomainError:
        definition = next((d for d in self.problem.definitions if d.symbol.node is node), None)
        if definition is None:
            return DomainError(label + text)
        return DomainError(
            f"{definition.name}: {text}",
            place=definition.place,
            hint=None if text.endswith(TOO_LARGE) else OUTSIDE_HINT,
        )

    # --- any node ------------------------------------------------------------------------------

    def shape(self, shape: Shape) -> tuple[int, ...]:
        """A surface shape in numbers."""
        return sizes_of(shape, self.floats.bound)

    def value(self, node: Node, shape: Shape | None = None, label: str = "") -> Value:
        """The number of a node over the problem's names, in the surface shape `shape`."""
        self._check(node, label)
        floats = self.floats.entries(node)
        wanted = floats.shape if shape is None else self.shape(shape)
        exact = self._exact_value(node)
        digits = None if self._many is None else self._many_digits(node)
        if exact is not None:
            exact = Entries(wanted, exact.entries)
            rationals = [x for x in exact.entries if isinstance(x, Fraction)]
            if len(rationals) == len(exact.entries):
                floats = Entries(wanted, tuple(map(float, rationals)))
        return Value(Entries(wanted, floats.entries), exact, digits)

    def float_or_none(self, node: Node) -> Entries[float] | None:
        """The floats of a node, None where it has no value."""
        return None if self.floats.fault(node) is not None else self.floats.entries(node)

    def _exact_value(self, node: Node) -> Exact | None:
        if not self._lost.isdisjoint(symbols_of([node])):
            return None
        try:
            self._exact.run([node])
            return self._exact.result(node, self.describe, self.problem.index_base)
        except ExactTooLarge:
            return None

    def _many_digits(self, node: Node) -> tuple[str, ...]:
        assert self._many is not None and self.digits is not None
        self._many.run([node])
        result = self._many.result(node, self.describe, self.problem.index_base)
        show = self._many.field.mp.nstr  # type: ignore[attr-defined]
        return tuple(show(entry, self.digits) for entry in result.entries)
