"""What every way of working out a graph shares: the order, and what is said of a missing value."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from symback.graph import Node

Definitions: TypeAlias = Sequence[tuple[Node, Node]]
Functions: TypeAlias = Mapping[str, Callable[..., Any]]
Describe: TypeAlias = Callable[[Node], str]

TOO_LARGE = "is too large for a floating-point number"


def describe_briefly(node: Node) -> str:
    """A short name for a node, without notation: its symbol, or the operation on its arguments."""
    if node.op in ("symbol", "number", "constant"):
        return str(node.params[0])
    name = str(node.params[0]) if node.op == "map" else node.op
    inner = [str(arg.params[0]) if _is_plain(arg) else "..." for arg in node.args]
    return f"{name}({', '.join(inner)})"


def _is_plain(node: Node) -> bool:
    return node.op in ("symbol", "number", "constant")


@dataclass(frozen=True)
class Fault:
    """Where a value stopped being a number: entry `entry` of `node`.

    `argument` is the entry of the node's argument that is outside its domain, if it is that.
    """

    node: Node
    entry: tuple[int, ...]
    reason: str
    argument: tuple[Node, tuple[int, ...], str] | None = None

    def text(self, describe: Describe, index_base: int) -> str:
        """One sentence: `log(y) is not defined at y[1] = 0`."""
        name = describe(self.node)
        if self.argument is None:
            return f"{name}{_place(self.entry, index_base)} {self.reason}"
        arg, entry, value = self.argument
        if arg.op == "number":
            return f"{name} is not defined"
        return f"{name} is not defined at {describe(arg)}{_place(entry, index_base)} = {value}"


def _place(entry: tuple[int, ...], index_base: int) -> str:
    return f"[{', '.join(str(index + index_base) for index in entry)}]" if entry else ""


def evaluation_order(
    roots: Iterable[Node], given: Container[Node], definitions: Mapping[Node, Node]
) -> list[Node]:
    """The nodes to work out for `roots`, arguments first; nothing below a given node.

    Takes time for what it finds only, however much is given.
    """
    order: list[Node] = []
    seen: set[Node] = set()
    for root in roots:
        stack: list[tuple[Node, Iterator[Node]]] = []
        if root not in seen and root not in given:
            seen.add(root)
            stack.append((root, iter(below(root, definitions))))
        while stack:
            node, rest = stack[-1]
            for arg in rest:
                if arg not in seen and arg not in given:
                    seen.add(arg)
                    stack.append((arg, iter(below(arg, definitions))))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def below(node: Node, definitions: Mapping[Node, Node]) -> tuple[Node, ...]:
    """The nodes that `node` is worked out from."""
    defined = definitions.get(node)
    return node.args if defined is None else (defined,)
