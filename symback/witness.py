"""The independent witness of :mod:`symback.verify` for small problems, without NumPy.

It takes the complex step entry by entry, and says nothing but yes: whatever is out of the ordinary
is left to :func:`symback.verify.verify`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symback.entrywise import Entrywise
from symback.field import Entries
from symback.graph import Node
from symback.multiprecision import seed
from symback.plain import NotPlain, Slot, Tape, run_plainly
from symback.walks import Definitions, Describe, evaluation_order

COMPLEX_STEP = "complex step"
CENTRAL_DIFFERENCES = "central differences"
NO_WITNESS = "none"

ENTRYWISE_UP_TO = 60  # entries in all; beyond, directions at random
STEP = 1e-30
TOLERANCE = {COMPLEX_STEP: 1e-8, CENTRAL_DIFFERENCES: 1e-6}
ROUNDING = {COMPLEX_STEP: 1e-12, CENTRAL_DIFFERENCES: 1e-9}

_MAX_STEPS = 60_000  # of the tape, over all directions


@dataclass(frozen=True)
class Verification:
    """What an independent witness says about a gradient.

    Attributes:
        ok: whether it agrees.
        witness: "complex step", "central differences", or "none" where neither could be had.
        max_error: the largest difference, relative to max(1, |slope|).
        where: the entry or variable with that difference.
        note: what else there is to say, such as that a slope at a kink is a convention.
    """

    ok: bool
    witness: str
    max_error: float
    where: str
    note: str = ""


def verify_plainly(
    root: Node,
    wrt: Sequence[Node],
    values: Mapping[Node, Entries[float]],
    claimed: Sequence[Entries[float]],
    *,
    upstream: Entries[float] | None,
    sizes: Mapping[Node, int],
    definitions: Definitions,
    describe: Describe,
    index_base: int,
) -> Verification:
    """The verdict of :func:`symback.verify.verify`, with the same arguments, if it is yes.

    Raises:
        NotPlain: in every other case.
    """
    tape = Tape()
    slots = {
        node: Entries(value.shape, tuple(map(tape.slot, value.entries)))
        for node, value in values.items()
    }
    walk = _recorded(tape, slots, sizes, dict(definitions), [root, *wrt])
    out = walk.result(root, None, 0)
    weights = upstream.entries if upstream is not None else (1.0,)
    entries = [
        (node, index, slot, claim)
        for node, gradient in zip(wrt, claimed, strict=True)
        for (index, slot), claim in zip(
            walk.result(node, None, 0).indexed(), gradient.entries, strict=True
        )
    ]
    if (
        len(weights) != len(out.entries)
        or len(entries) > ENTRYWISE_UP_TO
        or len(entries) * len(tape.steps) > _MAX_STEPS
        or any(node.symmetric for node in wrt)
    ):
        raise NotPlain
    start = tape.run({})
    if tape.near_kink(start):
        raise NotPlain
    scale = abs(sum(w * start[slot].real for w, slot in zip(weights, out.entries, strict=True)))
    largest = max((abs(claim) for _, _, _, claim in entries), default=0.0)
    noise = ROUNDING[COMPLEX_STEP] * max(1.0, scale, largest)
    worst, where = -1.0, ""
    for node, index, slot, claim in entries:
        numbers = tape.run({slot: complex(start[slot].real, STEP)})
        slope = sum(w * numbers[o].imag for w, o in zip(weights, out.entries, strict=True)) / STEP
        gap = abs(claim - slope)
        if not gap <= noise + TOLERANCE[COMPLEX_STEP] * max(abs(slope), abs(claim)):
            raise NotPlain
        if gap / max(1.0, abs(slope)) > worst:
            worst = gap / max(1.0, abs(slope))
            where = entry_name(node, index, describe, index_base)
    return Verification(True, COMPLEX_STEP, max(worst, 0.0), where)


def entry_name(node: Node, index: tuple[int, ...], describe: Describe, index_base: int) -> str:
    """An entry as reports name it: `W[1, 2]`."""
    shown = ", ".join(str(k + index_base) for k in index)
    return describe(node) + (f"[{shown}]" if index else "")


def _recorded(
    tape: Tape,
    values: Mapping[Node, Entries[Slot]],
    sizes: Mapping[Node, int],
    definitions: Mapping[Node, Node],
    roots: Sequence[Node],
) -> Entrywise[Slot]:
    """A walk that has written on the tape how to work out `roots`.

    Each name gets slots of its own, so that it can be moved while what it is made of stays.
    """
    memo, bound = seed(tape, values, sizes)
    walk = Entrywise(tape, memo, bound, definitions)
    for node in evaluation_order(roots, memo, definitions):
        if node in definitions:
            run_plainly(walk, [node])
            value = walk.result(node, None, 0)
            memo[node] = Entries(value.shape, tuple(map(tape.copy, value.entries)))
    run_plainly(walk, roots)
    return walk
