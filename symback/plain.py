"""Floats and complex numbers without NumPy, for small graphs where nothing is out of the ordinary.

NumPy takes longer to import than a small problem takes to work out. Whatever is not plain (a
value that is missing or not finite, a kink, a function that is not listed here, a large graph)
raises :class:`NotPlain`, and :mod:`symback.evaluate` and :mod:`symback.verify` take over, who
know all cases and say what is wrong.
"""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias

from symback.bindings import shape_of
from symback.entrywise import Entrywise
from symback.field import Entries, Field
from symback.graph import Node
from symback.rules import FUNCTIONS
from symback.walks import evaluation_order

Slot: TypeAlias = int
Function: TypeAlias = Callable[..., Any]

MAX_WORK = 5_000  # operations on scalars
_NEAR_KINK = 1e-12


class NotPlain(Exception):
    """This is a case for NumPy."""


class PlainField(Field[Any]):
    """Python's floats."""

    nought: Any = 0.0
    one: Any = 1.0

    def __init__(self) -> None:
        self._work = 0

    def spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise NotPlain

    def number(self, value: Fraction) -> Any:
        try:
            return float(value)
        except OverflowError:
            raise NotPlain from None

    def constant(self, name: str) -> Any:
        return self.number(Fraction(math.pi if name == "pi" else math.e))

    def sum(self, terms: Sequence[Any]) -> Any:
        return math.fsum(terms)

    def product(self, factors: Sequence[Any]) -> Any:
        return math.prod(factors)

    def function(self, name: str, order: tuple[int, ...], args: Sequence[Any]) -> Any:
        if order or name not in _FUNCTIONS:
            raise NotPlain
        try:
            return _FUNCTIONS[name](*args)
        except (ValueError, OverflowError, ZeroDivisionError):
            raise NotPlain from None

    def compare(self, a: Any, b: Any) -> int | None:
        return int(a > b) - int(a < b)

    def whole(self, a: Any) -> int | None:
        return int(a) if a == int(a) else None

    def show(self, a: Any) -> str:
        return f"{a:.6g}"

    def logsumexp(self, terms: Sequence[Any]) -> Any:
        return _logsumexp(*terms)

    def determinant(self, rows: list[list[Any]]) -> NoReturn:
        raise NotPlain

    def inverse(self, rows: list[list[Any]]) -> NoReturn:
        raise NotPlain

    def exponential(self, rows: list[list[Any]]) -> NoReturn:
        raise NotPlain

    def refuse(self, what: str) -> Exception:
        return NotPlain(what)


def run_plainly(walk: Entrywise[Any], roots: Sequence[Node]) -> None:
    """Work out `roots` by a walk over plain numbers. Raises NotPlain for what is too large."""
    for node in evaluation_order(roots, walk.memo, walk.definitions):
        if node.op not in ("select", "pick"):
            walk.field.spend(math.prod(shape_of(node, walk.bound)))
    walk.run(roots)


def plain_entries(walk: Entrywise[Any], node: Node) -> Entries[float]:
    """The value of a node. Raises NotPlain if it is not finite."""
    value = walk.result(node, None, 0)
    if not all(map(math.isfinite, value.entries)):
        raise NotPlain
    return Entries(value.shape, tuple(entry + 0.0 for entry in value.entries))


# --- a computation as a list of steps ----------------------------------------------------------


class Tape(PlainField):
    """A field whose scalars are numbered slots: a walk over it writes down what it computes.

    The list of steps can then be run often, with other numbers in some slots.
    """

    nought: Slot = 0
    one: Slot = 1

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[complex] = [0.0, 1.0]
        self.steps: list[tuple[Slot, Function, tuple[Slot, ...]]] = []
        self.kinks: list[tuple[Slot, Slot]] = []

    def slot(self, number: complex) -> Slot:
        """A new slot that holds a number."""
        self.numbers.append(number)
        return len(self.numbers) - 1

    def number(self, value: Fraction) -> Slot:
        return self.slot(super().number(value))

    def copy(self, slot: Slot) -> Slot:
        """A slot with the same number, for a name that can be moved by itself."""
        return self._step(operator.pos, (slot,))

    def _step(self, function: Function, args: Sequence[Slot]) -> Slot:
        self.spend(1)
        result = self.slot(math.nan)
        self.steps.append((result, function, tuple(args)))
        return result

    def sum(self, terms: Sequence[Slot]) -> Slot:
        return self._step(operator.add if len(terms) == 2 else _total, terms)

    def product(self, factors: Sequence[Slot]) -> Slot:
        return self._step(operator.mul if len(factors) == 2 else _multiplied, factors)

    def function(self, name: str, order: tuple[int, ...], args: Sequence[Slot]) -> Slot:
        if order or name not in _FUNCTIONS:
            raise NotPlain
        if FUNCTIONS[name].kink is not None:
            self.kinks.append((args[0], args[1] if len(args) > 1 else self.nought))
        return self._step(_FUNCTIONS[name], args)

    def compare(self, a: Slot, b: Slot) -> None:
        """It depends on the numbers."""

    def whole(self, a: Slot) -> None:
        """It depends on the numbers."""

    def logsumexp(self, terms: Sequence[Slot]) -> Slot:
        return self._step(_logsumexp, terms)

    def run(self, moved: Mapping[Slot, complex]) -> list[complex]:
        """Every slot worked out, with numbers given for some.

        Raises:
            NotPlain: where there is no value.
        """
        numbers = list(self.numbers)
        for slot, number in moved.items():
            numbers[slot] = number
        try:
            for result, function, args in self.steps:
                if result not in moved:
                    numbers[result] = function(*[numbers[arg] for arg in args])
        except (ValueError, OverflowError, ZeroDivisionError):
            raise NotPlain from None
        return numbers

    def near_kink(self, numbers: Sequence[complex]) -> bool:
        """Whether some function stands at its kink, or so near that rounding decides."""
        for one, two in self.kinks:
            a, b = numbers[one].real, numbers[two].real
            if abs(a - b) <= _NEAR_KINK * max(1.0, abs(a), abs(b)):
                return True
        return False


def _total(*terms: Any) -> Any:
    return sum(terms)


def _multiplied(*factors: Any) -> Any:
    return math.prod(factors)


# --- functions ---------------------------------------------------------------------------------
# Of floats, and of complex numbers whose imaginary part is an infinitesimal, as in elementwise.


def _either(real: Function, extended: Function) -> Function:
    return lambda x: extended(x) if isinstance(x, complex) else real(x)


def _log(x: Any) -> Any:
    if x.real <= 0:
        raise ValueError
    return cmath.log(x) if isinstance(x, complex) else math.log(x)


_exp = _either(math.exp, cmath.exp)
_log1p = _either(math.log1p, lambda x: cmath.log(1 + x))


def _pow(x: Any, n: Any) -> Any:
    if n.imag == 0 and n.real == int(n.real) and abs(n.real) <= 64:
        return x ** int(n.real)
    if x.real <= 0:
        raise ValueError
    return _exp(n * _log(x)) if isinstance(x + n, complex) else x**n


def _magnitude(x: Any) -> Any:
    return x if x.real >= 0 else -x


def _sigmoid(x: Any) -> Any:
    small = _exp(-_magnitude(x))
    return (1 if x.real >= 0 else small) / (1 + small)


def _logsumexp(*terms: Any) -> Any:
    top = max(term.real for term in terms)
    return top + _log(sum(_exp(term - top) for term in terms))


def _sign(x: Any) -> float:
    return float((x.real > 0) - (x.real < 0))


_FUNCTIONS: dict[str, Function] = {
    "pow": _pow,
    "exp": _exp,
    "log": _log,
    "sin": _either(math.sin, cmath.sin),
    "cos": _either(math.cos, cmath.cos),
    "tan": _either(math.tan, cmath.tan),
    "sinh": _either(math.sinh, cmath.sinh),
    "cosh": _either(math.cosh, cmath.cosh),
    "tanh": _either(math.tanh, cmath.tanh),
    "atan": _either(math.atan, cmath.atan),
    "sigmoid": _sigmoid,
    "softplus": lambda x: (x if x.real >= 0 else 0.0) + _log1p(_exp(-_magnitude(x))),
    "relu": lambda x: x if x.real > 0 else 0.0,
    "abs": _magnitude,
    "maximum": lambda x, z: x if x.real > z.real else z,
    "minimum": lambda x, z: x if x.real < z.real else z,
    "where": lambda c, a, b: a if c.real != 0 else b,
    "sign": _sign,
    "step": lambda x: float(x.real > 0),
    "heaviside": lambda x: (_sign(x) + 1) / 2,
    "lt": lambda a, b: float(a.real < b.real),
    "le": lambda a, b: float(a.real <= b.real),
    "eq": lambda a, b: float(a.real == b.real),
    "ne": lambda a, b: float(a.real != b.real),
}
