"""The floats of nodes: by plain Python as long as that will do, by NumPy from then on."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symback.entrywise import Entrywise
from symback.exact import Exact, float_of
from symback.field import Entries
from symback.graph import Node
from symback.lazy import load_module
from symback.multiprecision import seed
from symback.plain import MAX_WORK, NotPlain, PlainField, plain_entries, run_plainly
from symback.walks import Fault

if TYPE_CHECKING:
    from symback.elementwise import Array
    from symback.evaluate import Evaluation


class Floats:
    """Works out floats of nodes, each node once.

    Attributes:
        given: the values, as floats.
        bound: the number of each size.
    """

    def __init__(
        self, values: Mapping[Node, Exact], sizes: Mapping[Node, int], definitions: dict[Node, Node]
    ) -> None:
        self.given = {
            node: Entries(value.shape, tuple(map(float_of, value.entries)))
            for node, value in values.items()
        }
        self._sizes = sizes
        self._definitions = definitions
        field = PlainField()
        memo, self.bound = seed(field, self.given, sizes)
        self._walk: Entrywise[Any] = Entrywise(field, memo, self.bound, definitions)
        self._evaluation: Evaluation | None = None
        if sum(len(value.entries) for value in values.values()) > MAX_WORK:
            self._evaluation = self._by_numpy()

    def arrays(self) -> dict[Node, Array]:
        """The values as arrays of NumPy."""
        return {node: array_of(value) for node, value in self.given.items()}

    def know(self, node: Node, value: Exact) -> None:
        """Take over a value that is known exactly."""
        if all(isinstance(entry, Fraction) for entry in value.entries):
            self._walk.memo[node] = Entries(value.shape, tuple(map(float_of, value.entries)))

    def fault(self, node: Node) -> Fault | None:
        """Why `node` has no value; None if it has one."""
        if self._evaluation is None:
            try:
                run_plainly(self._walk, [node])
                plain_entries(self._walk, node)
            except NotPlain:
                self._evaluation = self._by_numpy()
            else:
                return None
        self._evaluation.run([node])
        return self._evaluation.fault(node)

    def entries(self, node: Node) -> Entries[float]:
        """The value of a node without a fault."""
        if self._evaluation is None:
            return plain_entries(self._walk, node)
        array = self._evaluation.value(node)
        return Entries(tuple(array.shape), tuple(array.ravel().tolist()))

    def _by_numpy(self) -> Evaluation:
        found: Evaluation = load_module("evaluate").Evaluation.of(
            self.arrays(), self._sizes, {}, self._definitions
        )
        return found


def array_of(value: Entries[float]) -> Array:
    """The same numbers as an array of NumPy."""
    import numpy as np  # slow to import, and small problems do without

    return np.array(value.entries).reshape(value.shape)
