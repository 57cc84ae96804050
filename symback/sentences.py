"""Which rules of differentiation a definition uses on the way to one of its names, in words."""

from __future__ import annotations

from collections.abc import Iterator

from symback.graph import Node, topological
from symback.ops import einsum_parts, split_coefficient
from symback.rules import FUNCTIONS, RULES, softmax


def rules_used(root: Node, name: Node) -> tuple[str, ...]:
    """The rule of every operation between `name` and `root`, the outermost first.

    >>> from symback.ops import apply, einsum, symbol
    >>> W, x = symbol("W", (2, 3)), symbol("x", (3,))
    >>> rules_used(apply("tanh", einsum(1, [(W, "ij"), (x, "j")], "i")), x)
    ("tanh' = 1 - tanh^2", 'matrix product')
    """
    depends = {name}
    on_the_way: list[Node] = []
    for node in topological([root]):
        if node is not name and not depends.isdisjoint(node.args):
            depends.add(node)
            on_the_way.append(node)
    hidden: set[Node] = set()
    sentences: list[str] = []
    for node in reversed(on_the_way):
        if node in hidden:
            continue
        inner = _softmax_argument(node)
        if inner is not None:
            sentences.append("softmax: J = diag(p) - p*p'")
            (total,) = node.args
            hidden.update((total, *_below(total, inner)))
            continue
        sentences.extend(_sentence(node, depends))
    kept = dict.fromkeys(sentences)
    if len(kept) > 1:
        kept.pop(SUM, None)
    return tuple(kept)


SUM = "sum: every term takes the gradient as it is"


def _softmax_argument(node: Node) -> Node | None:
    """x for exp(x - logsumexp(x))."""
    if node.op != "map" or node.params[0] != "exp" or node.args[0].op != "add":
        return None
    for term in node.args[0].args:
        core = split_coefficient(term)[1]
        bearer = core.args[0] if core.op == "einsum" and len(core.args) == 1 else core
        if bearer.op == "logsumexp":
            axes = bearer.params[0]
            assert isinstance(axes, int)
            if softmax(bearer.args[0], axes) is node:
                return bearer.args[0]
    return None


def _below(root: Node, stop: Node) -> Iterator[Node]:
    """The nodes below `root` that are not below `stop`."""
    inside = set(topological([stop]))
    return (node for node in topological([root]) if node not in inside)


def _sentence(node: Node, depends: set[Node]) -> Iterator[str]:
    if node.op == "add":
        yield SUM
    elif node.op == "map":
        name = str(node.params[0])
        function = FUNCTIONS.get(name)
        yield f"{name}' is the derivative of {name}" if function is None else function.formula
    elif node.op == "einsum":
        for place, arg in enumerate(node.args):
            if arg in depends:
                yield product_name(node, place)
    else:
        words = (RULES[node.op].__doc__ or node.op).split(". [")[0]
        yield words.rstrip(".")


def product_name(node: Node, place: int) -> str:
    """What a product is called by the way its factor number `place` hangs in it."""
    coef, labels, out, _ = einsum_parts(node)
    own = labels[place]
    others = [x for k, x in enumerate(labels) if k != place]
    selects = [k for k, arg in enumerate(node.args) if arg.op in ("select", "pick")]
    if selects:
        return "selection of entries: the gradient goes back to where they came from"
    if not others:
        return _of_one(own, out, coef != 1)
    carried = {label for used in others for label in used}
    if not own or not carried:
        return "scalar multiple"
    summed = {label for label in (*own, *carried) if label not in out}
    if not summed:
        if all(set(used) == set(own) for used in others if used) and set(out) == set(own):
            return "elementwise product"
        if not carried & set(own):
            return "outer product"
        return "product with an array spread over the other axes"
    if not out and all(len(used) == 1 for used in labels):
        return "scalar product"
    if all(len(used) <= 2 for used in labels) and len(out) <= 2:
        return "matrix product" if out or len(labels) == 2 else "quadratic form"
    return "product summed over indices"


def _of_one(own: tuple[int, ...], out: tuple[int, ...], scaled: bool) -> str:
    if len(set(own)) < len(own):
        return "trace or diagonal"
    if len(set(out)) < len(out):
        return "diagonal matrix"
    if set(own) - set(out):
        return "sum over entries: each takes the gradient of the sum"
    if set(out) - set(own):
        return "spreading: the gradient is summed over the copies"
    if own != out:
        return "transpose"
    return "scalar multiple" if scaled else "identity"
