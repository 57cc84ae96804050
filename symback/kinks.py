"""Where a computation stands exactly at a kink: relu(0), |0|, a tie in a maximum or in a sort.

There the derivative is a convention. A report says where, between which slopes, what is taken, and
what other programs take.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from symback.entrywise import Entrywise
from symback.errors import LimitError
from symback.exact import Exact, ExactField, ExactTooLarge, Scalar, as_floats
from symback.field import Entries, Index
from symback.graph import Node
from symback.lazy import load_module
from symback.multiprecision import seed
from symback.rules import FUNCTIONS, Kink
from symback.walks import (
    Definitions,
    Describe,
    Fault,
    Functions,
    describe_briefly,
    evaluation_order,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from symback.elementwise import Array
    from symback.evaluate import Evaluation

Compare: TypeAlias = Callable[[Any, Any], int | None]


@dataclass(frozen=True)
class KinkReport:
    """One entry of one node that stands at a kink.

    Attributes:
        node: the node, described.
        entry: which entry of it, counted from 0; () for a scalar.
        function: what has the kink: relu, abs, maximum, minimum, max, sort.
        where: the condition that holds there.
        interval: the smallest and the largest valid slope.
        taken: the slope that we take.
        others: what other programs take.
    """

    node: str
    entry: Index
    function: str
    where: str
    interval: tuple[int, int]
    taken: Fraction
    others: str


_MAX_OTHERS = "torch.amax and jnp.max share equally; torch.max(dim) takes one of them"
_SORT_OTHERS = "torch.sort and jnp.sort also keep one order"


def find_kinks(
    roots: Sequence[Node],
    values: Mapping[Node, Exact | npt.ArrayLike],
    describe: Describe = describe_briefly,
    *,
    sizes: Mapping[Node, int] | None = None,
    functions: Functions | None = None,
    definitions: Definitions = (),
) -> list[KinkReport]:
    """Every kink that the computation of `roots` at `values` stands at, in the order of the walk.

    Exact values decide exactly, so that 0.1 + 0.2 - 0.3 is 0; floats decide where some value is no
    `Exact`, and where exact numbers are out of reach.

    >>> from symback.ops import apply, symbol
    >>> x = symbol("x", (2,))
    >>> [kink.entry for kink in find_kinks([apply("abs", x)], {x: [0.0, 3.0]})]
    [(0,)]
    """
    given = dict(definitions)
    order = evaluation_order(roots, values, given)
    if not any(map(_may_have_kink, order)):
        return []
    exact = {node: value for node, value in values.items() if isinstance(value, Entries)}
    if len(exact) == len(values):
        try:
            field = ExactField()
            memo, bound = seed(field, exact, sizes or {})
            walk = Entrywise(field, memo, bound, given)
            walk.run(roots)
            return list(_reports(order, walk.value, _decided(field), describe))
        except (ExactTooLarge, LimitError):
            pass
    floats = {
        node: as_floats(value) if isinstance(value, Entries) else value
        for node, value in values.items()
    }
    evaluation = load_module("evaluate").Evaluation.of(floats, sizes or {}, functions or {}, given)
    evaluation.run(roots)
    return kinks_met(evaluation, order, describe)


def kinks_met(
    evaluation: Evaluation, order: Sequence[Node], describe: Describe, tolerance: float = 0.0
) -> list[KinkReport]:
    """The kinks among the nodes of `order`, by floats: within `tolerance`, relative from 1 on."""

    def compare(a: float, b: float) -> int:
        near = abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
        return 0 if near else 1 if a > b else -1

    return list(_reports(order, lambda node: _entries(evaluation.value(node)), compare, describe))


def _decided(field: ExactField) -> Compare:
    def compare(a: Scalar, b: Scalar) -> int:
        sign = field.compare(a, b)
        if sign is None:
            raise ExactTooLarge("an unknown function has no exact value")
        return sign

    return compare


def _entries(value: Array) -> Entries[Any]:
    return Entries(value.shape, tuple(value.real.ravel().tolist()))


def _may_have_kink(node: Node) -> bool:
    return node.op in ("max", "sort") or _kink_of(node) is not None


def _kink_of(node: Node) -> Kink | None:
    function = FUNCTIONS.get(str(node.params[0])) if node.op == "map" else None
    return function.kink if function else None


def _reports(
    order: Sequence[Node],
    value: Callable[[Node], Entries[Any]],
    compare: Compare,
    describe: Describe,
) -> Iterator[KinkReport]:
    for node in order:
        kink = _kink_of(node)
        if kink is not None:
            args = [value(arg) for arg in node.args]
            for entry, _ in value(node).indexed():
                first, *others = [arg.at(entry) for arg in args]
                if _is_tie(compare, first, others[0] if others else Fraction(0)):
                    function, at = str(node.params[0]), describe(node)
                    yield KinkReport(
                        at, entry, function, kink.where, kink.slopes, kink.taken, kink.others
                    )
        elif node.op == "max":
            yield from _tied_maxima(node, value(node.args[0]), value(node), compare, describe)
        elif node.op == "sort":
            yield from _tied_neighbours(node, value(node), compare, describe)


def _is_tie(compare: Compare, a: Any, b: Any) -> bool:
    return not (isinstance(a, Fault) or isinstance(b, Fault)) and compare(a, b) == 0


def _tied_maxima(
    node: Node, x: Entries[Any], top: Entries[Any], compare: Compare, describe: Describe
) -> Iterator[KinkReport]:
    (axes,) = node.params
    assert isinstance(axes, int)
    for (entry, largest), row in zip(top.indexed(), x.rows(axes), strict=True):
        count = sum(_is_tie(compare, candidate, largest) for candidate in row)
        if count > 1:
            where, taken = f"{count} entries are the largest", Fraction(1, count)
            yield KinkReport(describe(node), entry, "max", where, (0, 1), taken, _MAX_OTHERS)


def _tied_neighbours(
    node: Node, ordered: Entries[Any], compare: Compare, describe: Describe
) -> Iterator[KinkReport]:
    pairs = list(ordered.indexed())
    for (_, before), (entry, after) in itertools.pairwise(pairs):
        if entry[-1] and _is_tie(compare, before, after):
            where = "two neighbours are equal"
            yield KinkReport(
                describe(node), entry, "sort", where, (0, 1), Fraction(1), _SORT_OTHERS
            )
