"""What undeclared names mean: a to g are scalars, h to z vectors, capitals matrices.

A name of several letters goes by its first one; Greek letters are scalars, capital ones matrices.
Sizes stay open until the expression settles them, and get names of their own after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symback import tensor as tn
from symback.graph import Node, Shape, Size, symbols_of, transform
from symback.ops import as_size, rebuild
from symback.parse.lower import Scope, lower
from symback.parse.syntax import Call, Expr, Expression, Name, SumOver, walk
from symback.sizes import flat, minus, plus
from symback.spell.names import GREEK
from symback.tensor import Tensor

SIZE_NAMES = ("m", "n", "k", "p", "q", "r", "s", "u", "v", "w", "l", "h")
#: Names that stand for what they always stand for.
_KEPT = ("pi", "True", "False")


def rank_by_habit(name: str) -> int:
    """The number of axes that a name suggests.

    >>> [rank_by_habit(name) for name in ("a", "x", "W1", "theta", "target")]
    [0, 1, 2, 0, 1]
    """
    letters = name.rstrip("0123456789").split("_")[0]
    if name[0].isupper():
        return 2
    return 0 if letters in GREEK or name[0] <= "g" else 1


def size_names(root: Expr) -> set[str]:
    """The names that can only be sizes: in eye(n), ones(m, n), zeros, and in the bounds of sums."""
    found: set[str] = set()
    bound: set[str] = set()
    for node in walk(root):
        parts: tuple[Expr, ...] = ()
        if isinstance(node, Call) and node.func in ("eye", "ones", "zeros"):
            parts = node.args
        elif isinstance(node, SumOver):
            parts = (node.low, node.high)
            bound.add(node.index)
        found.update(
            inner.name for part in parts for inner in walk(part) if isinstance(inner, Name)
        )
    return found - bound


def _fit_axes(scope: Scope) -> bool:
    """Make open axes as long as the indices along them ask for; whether one was."""
    changed = False
    for size, extents in scope.extents.items():
        longest = _longest(extents)
        if scope.resolve(size) is size and longest is not None:
            changed = scope.bind(size, longest) or changed
    return changed


def _longest(extents: Iterable[Size]) -> Size | None:
    """The largest of some sizes; None where two of them cannot be compared."""
    first, *rest = extents
    for size in rest:
        more = plus(size, minus(first))
        if not isinstance(more, int):
            return None
        first = size if more > 0 else first
    return first


class Declarations:
    """The names of one expression, declared by shape or by habit.

    Attributes:
        declared: tensors of names whose shape was given.
        found: the other names, in the order of their first use.
    """

    def __init__(self, declared: Mapping[str, Tensor], functions: Mapping[str, int]) -> None:
        self.declared = dict(declared)
        self.functions = functions
        self.found: dict[str, Shape] = {}

    def lower(self, expression: Expression, index_base: int) -> Tensor:
        """The tensor that `expression` means. Afterwards `declared` holds all of its names.

        Raises:
            InputError: with the place in the text.
        """
        for name in size_names(expression.root):
            if name not in self.declared:
                self.declared[name] = tn.symbol(name, kind="size")
        scope = self._scope(index_base)
        scope.declare = lambda name: self._declare(name, scope)
        lower(expression, scope)
        if _fit_axes(scope):
            lower(expression, scope)
        names = self._size_names(scope)
        for name, sizes in self.found.items():
            shape = tuple(_settled(size, scope, names) for size in sizes)
            self.declared[name] = tn.symbol(name, shape)
        scope = self._scope(index_base)
        scope.declare = lambda name: self._constant(name, scope)
        return lower(expression, scope)

    def _scope(self, index_base: int) -> Scope:
        return Scope(dict(self.declared), self.functions, index_base)

    def _declare(self, name: str, scope: Scope) -> Tensor | None:
        constant = self._constant(name, scope)
        if constant is not None or name in _KEPT:
            return constant
        if name not in self.found:
            axes = range(rank_by_habit(name))
            self.found[name] = tuple(scope.new_size(f"{name}.{axis}") for axis in axes)
        return tn.symbol(name, tuple(scope.resolve(size) for size in self.found[name]))

    def _constant(self, name: str, scope: Scope) -> Tensor | None:
        """`eye` alone is the identity matrix of the size that fits."""
        return tn.eye(scope.new_size("eye.")) if name == "eye" else None

    def _size_names(self, scope: Scope) -> dict[Node, Node]:
        """Names for the sizes that are still open: n if there is one, else m, n, k, ..."""
        avoid = {*self.found, *self.declared}
        given = [size for tensor in self.declared.values() for size in tensor.shape]
        avoid.update(s.name for s in symbols_of(size for size in given if isinstance(size, Node)))
        sizes = [scope.resolve(size) for shape in self.found.values() for size in shape]
        parts = symbols_of(size for size in sizes if isinstance(size, Node))
        ends = list(dict.fromkeys(part for part in parts if part in scope.open_sizes))
        candidates = [
            *(("n",) if len(ends) == 1 else ()),
            *SIZE_NAMES,
            *(f"n{k}" for k in range(1, 999)),
        ]
        free = (name for name in candidates if name not in avoid)
        return {end: tn.symbol(name, kind="size").node for end, name in zip(ends, free)}  # noqa: B905


def _settled(size: Size, scope: Scope, names: Mapping[Node, Node]) -> Size:
    """What a size came to be, with open ones under names of their own."""
    size = scope.resolve(size)
    if isinstance(size, int):
        return size
    return as_size(flat(transform(size, rebuild, dict(names))))
