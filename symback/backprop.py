"""The reverse sweep: symbol to symbol, once over the graph, one rule for each node.

Adjoints are nodes of the same graph, so a gradient can be differentiated, simplified, drawn and
evaluated like any other expression. Griewank and Walther, Evaluating Derivatives, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from symback.errors import Unsupported
from symback.graph import Node, topological
from symback.ops import OPS, Labels, add, einsum, is_zero, zeros
from symback.rules import RULES


def backprop(root: Node, wrt: Sequence[Node], upstream: Node) -> list[Node]:
    """The adjoint of each node of `wrt`, given the adjoint `upstream` of `root`.

    `upstream` has the shape of `root`, or that shape behind leading axes; every adjoint then has
    the same leading axes. Nodes that do not influence `root` get zeros.

    >>> from symback.ops import ONE, einsum, symbol
    >>> x = symbol("x", (3,))
    >>> backprop(einsum(1, [(x, "i"), (x, "i")], ""), [x], ONE)[0] is einsum(2, [(x, "i")], "i")
    True
    """
    lead_shape = upstream.shape[: upstream.rank - root.rank]
    lead: Labels = tuple(("lead", axis) for axis in range(len(lead_shape)))
    order = topological([root])
    relevant = set(wrt)
    for node in order:
        if not relevant.isdisjoint(node.args):
            relevant.add(node)
    contributions: dict[Node, list[Node]] = {root: [upstream]}
    adjoints: dict[Node, Node] = {}
    for node in reversed(order):
        arriving = contributions.pop(node, None)
        if arriving is None or node not in relevant:
            continue
        adjoint = adjoints[node] = add(*arriving)
        if is_zero(adjoint):
            continue
        for k, arg in enumerate(node.args):
            if arg in relevant:
                if node.op not in RULES:
                    raise Unsupported(f"cannot differentiate by an index: {OPS[node.op]}")
                contribution = RULES[node.op](node, k, adjoint, lead)
                contributions.setdefault(arg, []).append(contribution)
    return [adjoints.get(node, zeros((*lead_shape, *node.shape))) for node in wrt]


def gradient(root: Node, wrt: Sequence[Node]) -> list[Node]:
    """The gradients of a scalar `root`, each with the shape of its variable."""
    return jacobian(root, wrt)


def jacobian(root: Node, wrt: Sequence[Node]) -> list[Node]:
    """The derivatives of `root`: its axes first, then those of the variable."""
    rows = tuple(range(root.rank))
    upstream = einsum(1, [], (*rows, *rows), dict(zip(rows, root.shape, strict=True)))
    return backprop(root, wrt, upstream)
