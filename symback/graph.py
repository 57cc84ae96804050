"""The computation graph: immutable, hash-consed nodes and walks over them without recursion.

A node is `Node(op, args, params, shape)`. Identical nodes are one object, so sharing is identity
and a memo table is a plain dictionary. Axes of length 1 do not exist here: a column, a row and a
1-vector of numbers differ only in the surface shape that :mod:`symback.tensor` remembers.

A size is an `int` or a scalar node (a symbolic size such as `n` or `n + 1`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from fractions import Fraction
from hashlib import blake2b
from typing import TypeAlias
from weakref import WeakValueDictionary


class Node:
    """One operation of the graph.

    Attributes:
        op: name of the operation, a row of :data:`symback.ops.OPS`.
        args: the nodes it is computed from.
        params: data that is not differentiated (a name, index labels, a function's name).
        shape: tuple of sizes, each an `int` other than 1 or a scalar node.
        key: a number that depends only on the content; orders terms and factors.
        symmetric: whether this is a matrix known to equal its transpose.
        bare: a product without its number, once that has been asked for.
    """

    __slots__ = ("__weakref__", "args", "bare", "key", "op", "params", "shape", "symmetric")

    op: str
    args: tuple[Node, ...]
    params: tuple[Hashable, ...]
    shape: Shape
    key: int
    symmetric: bool
    bare: Node | None

    def __repr__(self) -> str:
        if self.op in ("symbol", "number", "constant"):
            return str(self.params[0])
        return f"<{self.op} {self.key:016x}>"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def name(self) -> str:
        """The name of a symbol, or the empty string."""
        return str(self.params[0]) if self.op == "symbol" else ""


Size: TypeAlias = int | Node
Shape: TypeAlias = tuple[Size, ...]

_KEEP_SYMMETRY = frozenset({"add", "map", "inv", "matpow", "expm", "zeros"})
_interned: WeakValueDictionary[Hashable, Node] = WeakValueDictionary()


def _content_key(parts: tuple[object, ...]) -> int:
    try:
        text = repr(parts)
    except ValueError:  # a number with more decimal digits than Python writes
        text = _hexadecimal(parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _hexadecimal(part: object) -> str:
    """Like `repr`, for tuples that hold very long numbers."""
    if isinstance(part, tuple):
        return f"({','.join(map(_hexadecimal, part))})"
    if isinstance(part, int | Fraction):
        return f"{part.numerator:x}/{part.denominator:x}"
    return repr(part)


def make(
    op: str,
    args: tuple[Node, ...] = (),
    params: tuple[Hashable, ...] = (),
    shape: Shape = (),
    identity: tuple[Node, ...] | None = None,
    symmetric: bool | None = None,
) -> Node:
    """The one node with this content.

    `identity` stands for `args` when two nodes are compared: a sum is the same sum in any order,
    and keeps the order in which it was first written. Where `symmetric` is not given, a matrix is
    symmetric if its operation keeps symmetry and its arguments have it.
    """
    same_as = args if identity is None else identity
    handle = (op, same_as, params, shape)
    node = _interned.get(handle)
    if node is None:
        node = Node()
        node.op, node.args, node.params, node.shape = op, args, params, shape
        node.bare = None
        node.key = _content_key((op, params, shape, tuple(a.key for a in same_as)))
        if symmetric is None:
            symmetric = op in _KEEP_SYMMETRY and all(not a.shape or a.symmetric for a in args)
        node.symmetric = symmetric and len(shape) == 2 and shape[0] == shape[1]
        _interned[handle] = node
    return node


def topological(roots: Iterable[Node]) -> list[Node]:
    """Every node below `roots`, each once, arguments before the nodes that use them."""
    order: list[Node] = []
    seen: set[Node] = set()
    for root in roots:
        stack: list[tuple[Node, Iterator[Node]]] = []
        if root not in seen:
            seen.add(root)
            stack.append((root, iter(root.args)))
        while stack:
            node, rest = stack[-1]
            for arg in rest:
                if arg not in seen:
                    seen.add(arg)
                    stack.append((arg, iter(arg.args)))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def symbols_of(roots: Iterable[Node]) -> list[Node]:
    """The symbols below `roots`, in order of first use."""
    return [node for node in topological(roots) if node.op == "symbol"]


def transform(
    root: Node,
    visit: Callable[[Node, tuple[Node, ...]], Node],
    memo: dict[Node, Node],
) -> Node:
    """Rebuild the graph below `root` bottom-up: `visit(node, new_args)` gives each new node.

    `memo` maps old nodes to new ones; entries given beforehand are not looked below.
    """
    stack = [root]
    while stack:
        node = stack[-1]
        if node in memo:
            stack.pop()
            continue
        waiting = [arg for arg in node.args if arg not in memo]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        memo[node] = visit(node, tuple(memo[arg] for arg in node.args))
        stack.pop()
    return memo[root]


def tree_size(root: Node, bindings: Mapping[Node, Node] | None = None) -> int:
    """Nodes of the tree that `root` unfolds to, symbols replaced by `bindings` as they come.

    This is what writing the closed form out would cost; it can be exponential in the graph.
    """
    count: dict[Node, int] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in count:
            stack.pop()
            continue
        bound = bindings.get(node) if bindings else None
        below = (bound,) if bound is not None else node.args
        waiting = [arg for arg in below if arg not in count]
        if waiting:
            stack.extend(waiting)
            continue
        count[node] = (0 if bound is not None else 1) + sum(count[arg] for arg in below)
        stack.pop()
    return count[root]
