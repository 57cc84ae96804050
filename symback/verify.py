"""An independent witness for numeric gradients: it knows the forward graph and no derivative rule.

The complex step takes f'(x)*d from the imaginary part of f(x + h*i*d), without cancellation and
to the last digits (Squire and Trapp, SIAM Review 40, 1998). Where a function cannot take complex
numbers, central differences extrapolated to step 0 stand in (Ridders, 1982).

At a kink there is no derivative. The complex step then follows the conventions of the functions
themselves (relu 0, abs 0, ties shared), and a gradient that differs from it must lie between the
slopes on both sides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from symback.elementwise import Array
from symback.errors import DomainError, ShapeError, SymbackError
from symback.evaluate import Evaluation, Values
from symback.graph import Node
from symback.kinks import kinks_met
from symback.walks import (
    Definitions,
    Describe,
    Functions,
    describe_briefly,
    evaluation_order,
)
from symback.witness import (
    CENTRAL_DIFFERENCES,
    COMPLEX_STEP,
    ENTRYWISE_UP_TO,
    NO_WITNESS,
    ROUNDING,
    STEP,
    TOLERANCE,
    Verification,
    entry_name,
)

__all__ = ["Verification", "verify"]

DIRECTIONS = 3
MAX_NODE_VISITS = 2_000_000  # beyond, one direction for all variables together

_NEAR_KINK = 1e-12
_BESIDE_KINK = 1e-7
_SLOPE_TOLERANCE = 1e-5


@dataclass(frozen=True)
class _Direction:
    """A way to move the variables, and the slope that the gradient claims along it."""

    where: str
    move: Mapping[Node, Array]
    claimed: float


@dataclass
class _Forward:
    """The scalar <upstream, root> as a function of the variables' values."""

    root: Node
    values: dict[Node, Array]
    upstream: Array
    sizes: Mapping[Node, int]
    functions: Functions
    definitions: Mapping[Node, Node]
    at: dict[Node, Array] = field(default_factory=dict)

    def evaluation(self, changed: Mapping[Node, Array]) -> Evaluation:
        """The forward graph worked out with some values changed."""
        walk = Evaluation.of(
            {**self.values, **changed}, self.sizes, self.functions, self.definitions
        )
        walk.run([self.root])
        return walk

    def __call__(self, move: Mapping[Node, Array], step: complex) -> complex:
        """The scalar after `step` along `move`; nan where it has no value."""
        moved = {node: self.at[node] + step * way for node, way in move.items()}
        value = (self.upstream * self.evaluation(moved).value(self.root)).sum()
        return complex(value)


def verify(
    root: Node,
    wrt: Sequence[Node],
    values: Values,
    claimed: Sequence[npt.ArrayLike],
    *,
    upstream: npt.ArrayLike | None = None,
    sizes: Mapping[Node, int] | None = None,
    functions: Functions | None = None,
    definitions: Definitions = (),
    describe: Describe = describe_briefly,
    index_base: int = 0,
    seed: int = 0,
) -> Verification:
    """Compare the `claimed` gradient of `root` by each of `wrt` with an independent witness.

    Args:
        root: the node whose gradient is claimed.
        wrt: symbols, or any other nodes of the forward graph (they are moved as if independent).
        values: floats for the symbols, as in `evaluate`.
        claimed: for each of `wrt`, an array of its shape; where `root` has axes and there is no
            `upstream`, a Jacobian with the axes of `root` first.
        upstream: dLoss/d(root), of the shape of `root`.
        sizes: numbers for size symbols.
        functions: callables for unknown functions.
        definitions: pairs (symbol, expression).
        describe: how reports and errors name a node.
        index_base: how they count entries.
        seed: of the directions, where there are too many entries to try each.

    Raises:
        DomainError: where `root` has no finite value.

    >>> from symback.ops import apply, symbol
    >>> x = symbol("x")
    >>> verify(apply("exp", x), [x], {x: 0.0}, [1.0]).ok
    True
    """
    given = {node: np.asarray(value, float) for node, value in values.items()}
    forward = _Forward(
        root, given, np.asarray(1.0), sizes or {}, functions or {}, dict(definitions)
    )
    start = forward.evaluation({})
    start.run(wrt)
    fault = start.fault(root)
    if fault is not None:
        raise DomainError(fault.text(describe, index_base))
    shape = start.value(root).shape
    rng = np.random.default_rng(seed)
    gradients = [np.asarray(gradient, float) for gradient in claimed]
    if upstream is not None:
        forward.upstream = np.broadcast_to(np.asarray(upstream, float), shape)
    elif shape:
        forward.upstream = rng.uniform(0.5, 1.5, shape)
        gradients = [np.tensordot(forward.upstream, g, axes=len(shape)) for g in gradients]
    forward.at = {node: start.value(node) for node in wrt}
    for node, gradient in zip(wrt, gradients, strict=True):
        if gradient.shape != forward.at[node].shape:
            wanted, got = forward.at[node].shape, gradient.shape
            raise ShapeError(f"the gradient by {describe(node)} has shape {got}, not {wanted}")
    order = evaluation_order([root], given, forward.definitions)
    pairs = list(zip(wrt, gradients, strict=True))
    directions = list(_directions(pairs, len(order), rng, describe, index_base))
    scale = abs(float((forward.upstream * start.value(root)).sum()))
    kinks = kinks_met(start, order, describe, _NEAR_KINK)
    return _judge(forward, directions, scale, len(kinks))


# --- directions --------------------------------------------------------------------------------


def _directions(
    pairs: Sequence[tuple[Node, Array]],
    nodes: int,
    rng: np.random.Generator,
    describe: Describe,
    index_base: int,
) -> Iterator[_Direction]:
    """Every entry where they are few, else some directions at random for each variable.

    A symmetric matrix is moved symmetrically: only so is its gradient defined.
    """
    entries = sum(gradient.size for _, gradient in pairs)
    if entries <= ENTRYWISE_UP_TO and entries * nodes <= MAX_NODE_VISITS:
        for node, gradient in pairs:
            for index in np.ndindex(gradient.shape):
                move = np.zeros(gradient.shape)
                move[index] = 1
                if node.symmetric:
                    move = np.maximum(move, move.T)
                where = entry_name(node, index, describe, index_base)
                yield _Direction(where, {node: move}, float((gradient * move).sum()))
        return
    moves = [
        [(node, g, _random_move(node, g, rng)) for node, g in pairs] for _ in range(DIRECTIONS)
    ]
    if DIRECTIONS * len(pairs) * nodes > MAX_NODE_VISITS:
        slope = sum(float((gradient * move).sum()) for _, gradient, move in moves[0])
        together = {node: move for node, _, move in moves[0]}
        yield _Direction("all variables together", together, slope)
        return
    for node, gradient, move in itertools.chain.from_iterable(moves):
        where = f"{describe(node)}, in a direction at random"
        yield _Direction(where, {node: move}, float((gradient * move).sum()))


def _random_move(node: Node, gradient: Array, rng: np.random.Generator) -> Array:
    move = rng.standard_normal(gradient.shape)
    if node.symmetric:
        move = (move + move.T) / 2
    return np.asarray(move / max(1.0, math.sqrt(gradient.size)))


# --- witnesses ---------------------------------------------------------------------------------


def _complex_step(forward: _Forward, move: Mapping[Node, Array]) -> float:
    return forward(move, 1j * STEP).imag / STEP


def _central_differences(forward: _Forward, move: Mapping[Node, Array]) -> float:
    """Ridders' extrapolation: halve the step, extrapolate, keep what changes least."""
    reach = max((float(np.abs(forward.at[node]).max(initial=0)) for node in move), default=0.0)
    first = 0.02 * max(1.0, reach)
    best, best_error = math.nan, math.inf
    previous: list[float] = []
    for k in range(10):
        step = first / 2**k
        slope = (forward(move, step) - forward(move, -step)).real / (2 * step)
        row = [slope]
        for m, older in enumerate(previous, start=1):
            row.append(row[-1] + (row[-1] - older) / (4**m - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - older))
            if error < best_error:
                best, best_error = row[-1], error
        previous = row
    return best


def _slopes_beside(forward: _Forward, move: Mapping[Node, Array]) -> tuple[float, float]:
    """The slopes a little before and a little after the point, the smaller first."""
    slopes = []
    for side in (-_BESIDE_KINK, _BESIDE_KINK):
        moved = {node: forward.at[node] + side * way for node, way in move.items()}
        beside = _Forward(**{**vars(forward), "at": {**forward.at, **moved}})
        slopes.append(_complex_step(beside, move))
    return min(slopes), max(slopes)


Witness = Callable[[_Forward, Mapping[Node, Array]], float]
_WITNESSES: dict[str, Witness] = {
    COMPLEX_STEP: _complex_step,
    CENTRAL_DIFFERENCES: _central_differences,
}


def _testify(forward: _Forward, directions: Sequence[_Direction]) -> tuple[str, list[float]]:
    """The first witness that can work out every slope, and the slopes."""
    for name, witness in _WITNESSES.items():
        try:
            slopes = [witness(forward, direction.move) for direction in directions]
        except (TypeError, ValueError, SymbackError):
            continue  # a function that takes no complex numbers, or no step beside the point
        if all(map(math.isfinite, slopes)):
            return name, slopes
    return NO_WITNESS, []


def _judge(
    forward: _Forward, directions: Sequence[_Direction], scale: float, kinks: int
) -> Verification:
    witness, slopes = _testify(forward, directions)
    if witness == NO_WITNESS:
        return Verification(False, witness, math.inf, "", "no step from this point has a value")
    worst, where, ok, between = 0.0, "", True, 0
    largest = max((abs(direction.claimed) for direction in directions), default=0.0)
    noise = ROUNDING[witness] * max(1.0, scale, largest)
    for direction, slope in zip(directions, slopes, strict=True):
        gap = abs(direction.claimed - slope)
        allowed = noise + TOLERANCE[witness] * max(abs(slope), abs(direction.claimed))
        if not gap <= allowed and kinks and _is_between(forward, direction):
            between += 1
            continue
        ok = ok and gap <= allowed
        error = gap / max(1.0, abs(slope))
        if not error <= worst or not where:
            worst, where = error, direction.where
    return Verification(ok, witness, worst, where, _note(kinks, between))


def _is_between(forward: _Forward, direction: _Direction) -> bool:
    low, high = _slopes_beside(forward, direction.move)
    margin = _SLOPE_TOLERANCE * max(1.0, abs(low), abs(high))
    return low - margin <= direction.claimed <= high + margin


def _note(kinks: int, between: int) -> str:
    if not kinks:
        return ""
    note = "at a kink: the slopes compared follow the conventions there"
    if between:
        note += f"; {between} of them differ and lie between the slopes on both sides"
    return note
