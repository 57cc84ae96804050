"""Arrays of known size written out entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from symback import phrase as p
from symback.exact import Exact, ExactTooLarge, as_node, exact_evaluate
from symback.graph import Node, Shape, symbols_of, topological, transform
from symback.notation import Notation
from symback.ops import einsum, einsum_parts, rebuild, symbol
from symback.phrase import Phrase
from symback.rules import one_hot
from symback.simplify import Simplifier


def entries_of(node: Node, simplify: Simplifier | None = None) -> list[Node] | None:
    """Every entry of a node as a scalar node, in row-major order; None where that is too much.

    The entries of a symbol stay entries of it: for x of size 2, x .* x is [x[0]^2, x[1]^2]. Pass
    the same `simplify` for several nodes that have parts in common: it remembers these.
    """
    symbols = [s for s in symbols_of([node]) if s.params[1] != "index"]
    nodes = topological([node])
    if not all(isinstance(size, int) for x in nodes for size in _sizes(x)):
        return None
    if any(symbols_of(x.args) for x in nodes if x.op in ("select", "iota")):
        return None  # which entry X[k, 0] is depends on k
    # While it is worked out, an entry is a scalar symbol of its own, so that it stays in one piece.
    meaning: dict[Node, Node] = {}
    values = {s: Exact(_known(s), tuple(_stand_ins(s, meaning))) for s in symbols}
    try:
        (result,) = exact_evaluate([node], values)
    except ExactTooLarge:
        return None
    simplify = simplify or Simplifier()
    entries = [simplify(as_node(entry)) for entry in result.entries]
    return [transform(entry, rebuild, meaning) for entry in entries]


def _sizes(node: Node) -> Shape:
    return einsum_parts(node)[3] if node.op == "einsum" else node.shape


def _known(node: Node) -> tuple[int, ...]:
    return tuple(size for size in node.shape if isinstance(size, int))


def _stand_ins(node: Node, meaning: dict[Node, Node]) -> Sequence[Node]:
    """A scalar symbol for each entry of a symbol; what it stands for goes into `meaning`."""
    if not node.shape:
        return [node]
    shape = _known(node)
    axes = tuple(range(node.rank))
    result = []
    for at in product(*map(range, shape)):
        picks = [(one_hot(i, n), (a,)) for a, i, n in zip(axes, at, shape, strict=True)]
        name = f"{node.name}[{','.join(f'{i:06}' for i in at)}]"
        stand_in = symbol(name, kind=str(node.params[1]))
        meaning[stand_in] = einsum(1, [(node, axes), *picks], ())
        result.append(stand_in)
    return result


def explicit_phrase(node: Node, notation: Notation) -> Phrase | None:
    """The array of `node` (rank 1: a column, or rank 2) with every entry written out."""
    entries = entries_of(node)
    if entries is None or node.rank not in (1, 2):
        return None
    rows, columns = (*_known(node), 1)[:2]
    written = tuple(notation.indexed(entry, ()) for entry in entries)
    return _whole(written, (rows, columns)) or Phrase("array", written, (), (rows, columns))


def _whole(entries: tuple[Phrase, ...], shape: tuple[int, int]) -> Phrase | None:
    """A or its transpose, or a multiple of it, where all its entries stand in their places."""
    coef = p.coefficient(entries[0])
    bare = p.mul([entries[0]], 1 / coef) if coef else entries[0]
    if bare.head != "entry":
        return None
    whole, counts = bare.args[0], len(bare.args) - 1
    for turned in (False, True):
        if whole.shape != (shape[::-1] if turned else shape):
            continue
        places = ([*divmod(place, shape[1])] for place in range(len(entries)))
        indices = ((at[::-1] if turned else at)[:counts] for at in places)
        picked = (Phrase("entry", (whole, *map(p.num, at))) for at in indices)
        if all(e == p.mul([one], coef) for e, one in zip(entries, picked, strict=True)):
            return p.mul([p.transpose(whole) if turned else whole], coef)
    return None
