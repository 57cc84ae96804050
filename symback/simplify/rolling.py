"""Sums that were written out entry by entry as one: u_0*v_0 + u_1*v_1 + u_2*v_2 -> u'*v.

SymPy writes them out whenever an entry of a product of matrices of known size is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from symback.graph import Node, transform
from symback.ops import (
    Factor,
    Label,
    add,
    einsum,
    rebuild,
    scale,
    select,
    split_coefficient,
    split_power,
    symbol,
    value_of,
)
from symback.simplify.product import Product
from symback.simplify.selections import condition_of, is_equation

MAX_PLACES = 4  # that count together in one term
COUNTER = symbol("counter#", kind="index")


def rolled_up(root: Node) -> Node:
    """The graph with sums over all entries of an axis as products, and arrays put together again.

    >>> from symback.ops import symbol
    >>> from symback.rules import one_hot
    >>> u, v = symbol("u", (2,)), symbol("v", (2,))
    >>> entries = [[(u, "i"), (v, "j"), (one_hot(k, 2), "i"), (one_hot(k, 2), "j")] for k in (0, 1)]
    >>> rolled_up(add(*(einsum(1, factors, ()) for factors in entries))) is (
    ...     einsum(1, [(u, "i"), (v, "i")], ())
    ... )
    True
    """
    return transform(root, _visit, {})


def _visit(node: Node, args: tuple[Node, ...]) -> Node:
    node = node if args == node.args else rebuild(node, args)
    if node.op == "stack":
        return _array(node) or node
    while node.op == "add":
        terms = _with_one_sum(node.args) or _with_one_function(node.args)
        if terms is None:
            break
        node = add(*terms)
    return node


def _array(node: Node) -> Node | None:
    """An explicit array as one, row by row: A for [A_00, A_01; A_10, A_11]."""
    entries: list[Node] | None = list(node.args)
    for size in reversed(node.shape):
        assert isinstance(size, int)
        starts = range(0, len(entries or ()), size)
        lines = [_along(entries[k : k + size]) for k in starts] if entries and size > 1 else [None]
        entries = [line for line in lines if line is not None]
        if len(entries) != len(lines):
            return None
    return entries[0] if entries else None


def _along(entries: Sequence[Node]) -> Node | None:
    """f(i) with an axis for i, of f(0), ..., f(n - 1); None where they are not alike."""
    calls = {(entry.params, entry.args[1:]) for entry in entries if entry.op == "map"}
    if len(calls) == 1 and all(entry.op == "map" for entry in entries):
        inner = _along([entry.args[0] for entry in entries])
        return None if inner is None else rebuild(entries[0], (inner, *entries[0].args[1:]))
    first, *others = ([*_terms(entry)] for entry in entries)
    parts = []
    for term in first:
        product = _opened(term)
        for count, places in _counting(product):
            pattern, size = _pattern(product, places)
            found = [_find(terms, pattern, k) for k, terms in enumerate(others, 1)]
            if count or size != len(entries) or None in found:
                continue
            for terms, place in zip(others, found, strict=True):
                assert place is not None
                del terms[place]
            parts.append(_summed(product, places, kept=True))
            break
        else:
            return None
    return None if any(others) else add(*parts)


def _terms(node: Node) -> tuple[Node, ...]:
    return node.args if node.op == "add" else (node,)


def _inside(entry: Node) -> tuple[Node, ...]:
    """The terms of what elementwise functions are of."""
    while entry.op == "map":
        entry = entry.args[0]
    return _terms(entry)


def _find(terms: Sequence[Node], pattern: Node, count: int) -> int | None:
    """The place of a term that has this number where the pattern has the counter."""
    for k, term in enumerate(terms):
        if any(
            own == count and _pattern(product, places)[0] is pattern
            for product in [_opened(term)]
            for own, places in _counting(product)
        ):
            return k
    return None


def _with_one_function(terms: tuple[Node, ...]) -> list[Node] | None:
    """f(u_0) + f(u_1) + f(u_2) as the sum of f(u); None where there is none."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, term in enumerate(terms):
        coef, core = split_coefficient(term)
        if core.op == "map" and not core.shape and not any(arg.shape for arg in core.args):
            groups.setdefault((coef, core.params, core.args[1:]), []).append(k)
    for places in groups.values():
        inner = [split_coefficient(terms[k])[1].args[0] for k in places]
        column = _along(_in_order(inner)) if len(inner) > 1 else None
        if column is not None:
            coef, core = split_coefficient(terms[places[0]])
            whole = rebuild(core, (column, *core.args[1:]))
            rest = [term for k, term in enumerate(terms) if k not in places]
            return [*rest, einsum(coef, [(whole, "i")], ())]
    return None


def _in_order(entries: list[Node]) -> list[Node]:
    """The entries by the number that counts in their first terms."""
    product = _opened(_inside(entries[0])[0])
    for _, places in _counting(product):
        pattern, size = _pattern(product, places)
        order = (
            [entry for entry in entries if _find(_inside(entry), pattern, k) is not None]
            for k in range(size)
        )
        found = [group[0] for group in order if len(group) == 1]
        if len({*found}) == len(entries) == size:
            return found
    return entries


def _with_one_sum(terms: tuple[Node, ...]) -> list[Node] | None:
    """The terms with those that count through an axis as one; None where none do."""
    found: dict[Node, dict[int, int]] = {}
    for k, term in enumerate(terms):
        product = _opened(term)
        for count, places in _counting(product):
            pattern, size = _pattern(product, places)
            by_count = found.setdefault(pattern, {})
            by_count.setdefault(count, k)
            if len(by_count) == size and len({*by_count.values()}) == size:
                rest = [t for q, t in enumerate(terms) if q not in by_count.values()]
                return [*rest, _summed(product, places)]
    return None


def _opened(term: Node) -> Product:
    """A product with the entries in it, and their squares, as factors of its own."""
    product = Product.of(term)
    opened = Product(product.coef, [], product.out, dict(product.sizes))
    for place, (factor, labels) in enumerate(product.factors):
        base, exponent = split_power(factor)
        times = value_of(exponent)
        inner = Product.of(base)
        if base.op != "einsum" or times not in (1, 2) or len({*inner.out}) != len(inner.out):
            opened.factors.append((factor, labels))
            continue
        for copy in range(int(times)):
            names: dict[Label, Label] = {x: (place, copy, x) for x in inner.sizes}
            names.update(zip(inner.out, labels, strict=True))
            opened.coef *= inner.coef
            opened.factors += [(f, tuple(names[x] for x in own)) for f, own in inner.factors]
            opened.sizes.update({names[x]: size for x, size in inner.sizes.items()})
    return opened


def _number(factor: Node) -> int | None:
    """c for [p == c]."""
    if not is_equation(factor) or factor.rank != 1 or condition_of(factor)[0] != (1,):
        return None
    offset = value_of(condition_of(factor)[1])
    return None if offset is None else -int(offset)


def _counting(product: Product) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each set of places [p == c], [q == c] with one number c and one size."""
    groups: dict[tuple[int, object], list[int]] = {}
    for place, (factor, labels) in enumerate(product.factors):
        count = _number(factor)
        if count is not None and labels[0] not in product.out and isinstance(factor.shape[0], int):
            groups.setdefault((count, factor.shape[0]), []).append(place)
    for (count, _), places in groups.items():
        for many in range(1, min(len(places), MAX_PLACES) + 1):
            yield from ((count, chosen) for chosen in combinations(places, many))


def _pattern(product: Product, places: tuple[int, ...]) -> tuple[Node, int]:
    """The product with a counter for the numbers at these places, and how far it counts."""
    size = product.factors[places[0]][0].shape[0]
    assert isinstance(size, int)
    counted = select("==", (1,), scale(-1, COUNTER), (size,))
    factors = [
        (counted if place in places else factor, labels)
        for place, (factor, labels) in enumerate(product.factors)
    ]
    return einsum(product.coef, factors, product.out, product.sizes), size


def _summed(product: Product, places: tuple[int, ...], *, kept: bool = False) -> Node:
    """The sum over all values of the counter at these places, or with an axis for it in front."""
    labels = [product.factors[place][1][0] for place in places]
    names: dict[Label, Label] = dict.fromkeys(labels, labels[0])
    factors: list[Factor] = [
        (factor, tuple(names.get(x, x) for x in own))
        for place, (factor, own) in enumerate(product.factors)
        if place not in places
    ]
    sizes = {x: size for x, size in product.sizes.items() if names.get(x, x) == x}
    out = (labels[0], *product.out) if kept else product.out
    return einsum(product.coef, factors, out, sizes)
