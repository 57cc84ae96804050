"""The derivative by one target, in all its forms."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from symback.explicit import entries_of
from symback.forms import ClosedIn, Forms, at_entry, count, index_node, node_indices
from symback.graph import Node, Shape
from symback.lazy import load_module
from symback.ops import symbol
from symback.phrase import Phrase
from symback.problem import Problem, Target
from symback.shown import Shown
from symback.sweep import Adjoint
from symback.values import Value

if TYPE_CHECKING:
    from symback.elementwise import Array

BEYOND: dict[ClosedIn, str] = {
    "nodes": "the closed form is long; it is left in the names of the forward nodes",
    "adjoints": "the closed form is long; it is left in the names of nodes and adjoints",
}


class Gradients(dict[str, "Gradient"]):
    """Gradients by label, in the order asked for.

    They are also found by what SymPy calls them: `gradients[W]`, `gradients[W[0, 1]]`.
    """

    def __missing__(self, key: object) -> Gradient:
        wanted = str(key).replace(" ", "")
        for label, gradient in self.items():
            counted = label if isinstance(key, str) else gradient.zero_based_label
            if counted.replace(" ", "") == wanted:
                return gradient
        raise KeyError(f"no derivative by {key} was asked for; there are {', '.join(self)}")


class Gradient(Shown):
    """The derivative of the output by one target. Forms are worked out when they are asked for.

    Attributes:
        target: what it is the derivative by.
        label: the target as written, "W1" or "W1[1,1]".
        shape: the target's shape as declared, () for an entry.
        node: the derivative in named nodes and adjoints.
        number: the number, exact and as floats, or None without values.
    """

    def __init__(self, target: Target, tensor_shape: Shape, adjoint: Adjoint, forms: Forms) -> None:
        self.target = target
        self.label = target.label
        self.adjoint = adjoint
        self.number: Value | None = None
        self._forms = forms
        self._indices = None
        self.shape = tensor_shape
        self.node = adjoint.named
        if target.indices is not None:
            self._indices = node_indices(target, tensor_shape)
            self.shape = ()
            self.node = at_entry(adjoint.named, self._indices)

    # --- phrases -------------------------------------------------------------------------------

    @cached_property
    def _closed(self) -> tuple[Node, ClosedIn]:
        return self._forms.closed(self.adjoint)

    @property
    def closed_node(self) -> Node:
        """The closed form of the whole target's derivative as a node."""
        return self._closed[0]

    @property
    def closed_in(self) -> ClosedIn:
        """Whether the closed form is in the given symbols.

        "nodes" or "adjoints" where it would be too long and stays in the names of forward nodes,
        or of adjoints too; else "symbols".
        """
        return self._closed[1]

    @cached_property
    def closed_phrase(self) -> Phrase:
        """The closed form: in matrix notation, entry by entry, or in index notation."""
        return self._written(self._closed[0])

    @cached_property
    def named_phrase(self) -> Phrase:
        """In named nodes and adjoints."""
        return self._written(self.adjoint.named)

    def _written(self, node: Node) -> Phrase:
        if self._indices is not None:
            return self._forms.entry(node, self._indices)
        return self._forms.write(node, self.shape)

    @cached_property
    def index_phrase(self) -> Phrase:
        """The named form in index notation; by its entries, unless the target is a scalar."""
        if self._indices is not None:
            indices = tuple(map(index_node, self._indices))
            form = self._forms.notation.indexed(self.adjoint.named, indices)
            return self._forms.finished(form)
        return self._forms.write_by_index(self.adjoint.named)

    @cached_property
    def scalar_entries(self) -> tuple[tuple[Phrase, Phrase], ...] | None:
        """Pairs (derivative by an entry as a name, its named form) for every entry of the target.

        None where there are many, or where sizes are symbolic.
        """
        node = self.node
        if not node.shape:
            name = self._forms.entry(self.adjoint_symbol, self._indices or ())
            return ((name, self.named_phrase),)
        entries = entries_of(node) if count(node.shape) is not None else None
        if entries is None:
            return None
        indices = product(*(range(n) for n in node.shape if isinstance(n, int)))
        return tuple(
            (self._forms.entry(self.adjoint_symbol, at), self._forms.write(entry))
            for at, entry in zip(indices, entries, strict=True)
        )

    @property
    def problem(self) -> Problem:
        """The problem that asks for it."""
        return self._forms.problem

    @property
    def zero_based_label(self) -> str:
        """The label with indices counted from 0, as SymPy counts them."""
        if self.target.indices is None:
            return self.target.name
        return f"{self.target.name}[{','.join(map(str, self.target.indices))}]"

    @cached_property
    def name_phrase(self) -> Phrase:
        """Its name: dL_dW1, or an entry of that."""
        if self._indices is not None:
            return self._forms.entry(self.adjoint_symbol, self._indices)
        return self._forms.write(self.adjoint_symbol, self.shape)

    @property
    def adjoint_symbol(self) -> Node:
        """The name of the whole target's derivative: dL_dW1."""
        return symbol(self.target.name, self.adjoint.named.shape, "adjoint")

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What was used, and what could not be had."""
        remarks = [self._forms.remark(u, self.shape) for u in self.adjoint.unit_sums]
        if not self.adjoint.passed and self.target.name != self._forms.problem.of:
            remarks.append(f"{self._forms.problem.of} does not depend on {self.target.name}")
        if self.closed_in in BEYOND:
            remarks.append(BEYOND[self.closed_in])
        return tuple(remarks)

    # --- SymPy ---------------------------------------------------------------------------------

    @cached_property
    def closed(self) -> Any:
        """The closed form as a SymPy expression."""
        return self._sympy(self.closed_phrase)

    @cached_property
    def named(self) -> Any:
        """The named form as a SymPy expression; nodes and adjoints are symbols (dL_dz1)."""
        return self._sympy(self.named_phrase)

    def _sympy(self, phrase: Phrase) -> Any:
        return load_module("sympy_forms").write(phrase, self._forms)

    # --- numbers -------------------------------------------------------------------------------

    @property
    def value(self) -> Array | None:
        """The number as a float array of the target's shape; None without values."""
        return None if self.number is None else self.number.floats

    @cached_property
    def exact(self) -> Any:
        """The exact number in SymPy: a number, a Matrix, or an Array; None where out of reach."""
        if self.number is None or self.number.exact is None:
            return None
        return load_module("sympy_forms").numbers(self.number.exact)
