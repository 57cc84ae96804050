"""Is a problem file right? Its derivatives by the witness, its printed results by our numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np

from symback.bindings import sizes_of
from symback.derivation import Derivation, derive
from symback.errors import DomainError, Undecided, ValueProblem
from symback.exact import Exact, as_floats
from symback.given import GivenArray, exact_values
from symback.graph import Node
from symback.problem import Problem, Target, target_of
from symback.problemfile import Figure
from symback.tensor import symbol
from symback.values import Value
from symback.witness import Verification

_TRIES = 20
_SMALLEST_SIZE = 2  # of sizes by name, each another number


@dataclass(frozen=True)
class Printed:
    """One result that the source prints.

    Attributes:
        text: what it is of, "L", "dL/dW[1,1]" or "updated W".
        off: how far the printed number is from ours, in the entry where it is farthest.
        tolerance: how far it may be.
        is_misprint: whether the file says that it is wrong.
    """

    text: str
    off: float
    tolerance: float
    is_misprint: bool

    @property
    def ok(self) -> bool:
        """Whether the file is right about it."""
        return (self.off > self.tolerance) is self.is_misprint


@dataclass(frozen=True)
class Verdict:
    """What was found about a problem.

    Attributes:
        at_random: whether the file has no values, and random ones were taken.
        printed: one for each result under [published] and [misprint].
    """

    problem: Problem
    verification: Verification
    at_random: bool
    printed: tuple[Printed, ...]

    @property
    def ok(self) -> bool:
        return self.verification.ok and all(figure.ok for figure in self.printed)


def examine(problem: Problem) -> Verdict:
    """Check the derivatives of a problem and, where it has values, its printed results.

    Raises:
        WrongAnswer: if the witness disagrees with a derivative.
        Undecided: if there is no point at which to compare.
    """
    if any(problem.functions):
        raise Undecided(
            f"undecided: {', '.join(problem.functions)} is unknown, so that there are no numbers "
            "to compare",
            hint="define it to have the derivatives checked",
        )
    derivation = derive(problem) if problem.has_values else _derived_at_random(problem)
    verification = derivation.verification
    if verification is None or verification.witness == "none":
        raise Undecided("undecided: there is no point beside this one at which to compare")
    printed = tuple(_printed(derivation)) if problem.has_values else ()
    return Verdict(problem, verification, not problem.has_values, printed)


# --- random values ------------------------------------------------------------------------------


def _derived_at_random(problem: Problem) -> Derivation:
    for seed in range(_TRIES):
        try:
            return derive(problem.with_values(_random_values(problem, seed)))
        except DomainError:
            continue
    raise Undecided("undecided: no numbers were found at which every function has a value")


def _random_values(problem: Problem, seed: int) -> dict[str, Exact]:
    """Two-digit decimals for every symbol, small whole numbers for the sizes by name."""
    rng = random.Random(seed)  # noqa: S311 - numbers to compare at, not secrets
    low, high = ((20, 90), (50, 200), (-150, 150))[seed % 3]
    bound: dict[Node, int] = {}
    values: dict[str, Exact] = {}
    for number, (name, tensor) in enumerate(problem.sizes.items(), start=_SMALLEST_SIZE):
        bound[tensor.node] = number
        values[name] = Exact((), (Fraction(number),))
    for name, tensor in problem.symbols.items():
        shape = sizes_of(tensor.node.shape, bound)
        entries = tuple(Fraction(rng.randint(low, high), 100) for _ in range(prod(shape)))
        values[name] = Exact(shape, entries)
    return values


# --- printed results -----------------------------------------------------------------------------


def _printed(derivation: Derivation) -> Iterator[Printed]:
    problem = derivation.problem
    for figures, is_misprint in ((problem.published, False), (problem.misprint, True)):
        for figure in figures.entries:
            off = _distance(derivation, figure)
            yield Printed(figure.text, off, float(figures.tolerance), is_misprint)


def _distance(derivation: Derivation, figure: Figure) -> float:
    """How far the printed number is from ours, where it is farthest."""
    problem, written = derivation.problem, figure.target
    names = {**problem.symbols, **{d.name: d.symbol for d in problem.definitions}}
    target = target_of(written.text, written.name, written.indices, names, problem.index_base)
    ours = _ours(derivation, figure, target).floats
    given = GivenArray(figure.value, symbol(figure.text, ours.shape), figure.place)
    theirs = as_floats(exact_values({figure.text: given}, {})[figure.text])
    return float(np.abs(ours - theirs.reshape(ours.shape)).max())


def _ours(derivation: Derivation, figure: Figure, target: Target) -> Value:
    """Our number for what is printed."""
    indices = [index for index in target.indices or () if isinstance(index, int)]
    if figure.kind == "gradient":
        value = derivation.target_value(target)
    else:
        values = derivation.forward if figure.kind == "node" else derivation.updated
        whole = values.get(target.name)
        value = values.get(target.label) if whole is None or not indices else whole.entry(indices)
    if value is None:
        raise ValueProblem("there is no number to compare this with", place=figure.place)
    return value
