"""The vocabulary of the graph and its normal form.

Every constructor returns the one node that stands for its content, after the rewrites that are
always right and always wanted: zeros vanish, numbers fold, equal factors become powers, identity
and ones matrices dissolve into index labels. Nothing here grows an expression.

The central operation is :func:`einsum`, a product of factors with index labels, summed over every
label that the result does not carry::

    A*x          einsum(1, [(A, "ij"), (x, "j")], "i")
    x .* y       einsum(1, [(x, "i"), (y, "i")], "i")
    diag(x)      einsum(1, [(x, "i")], "ii")
    identity     einsum(1, [], "ii", {"i": n})
    sum(x)       einsum(1, [(x, "i")], "")
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

from symback.errors import LimitError, ShapeError
from symback.graph import Node, Shape, Size, make

Label: TypeAlias = Hashable
Labels: TypeAlias = tuple[Label, ...]
Factor: TypeAlias = tuple[Node, Sequence[Label]]
Number: TypeAlias = int | Fraction

MAX_NUMBER_BITS = 14_000  # Python writes whole numbers of up to 4300 digits

OPS: dict[str, str] = {
    "symbol": "a named variable",
    "number": "an exact rational number",
    "constant": "pi or e",
    "zeros": "an array of zeros",
    "select": "1 where an affine condition on the indices holds, else 0",
    "pick": "row i is 1 in the column listed i-th, else 0",
    "iota": "the index itself: 0, 1, ..., n - 1, plus an offset",
    "stack": "an array of given scalars",
    "add": "a sum of terms of one shape",
    "einsum": "a product of labelled factors, summed over the labels that the result lacks",
    "map": "an elementwise function of arguments of one shape (or scalar)",
    "logsumexp": "log of the sum of exponentials over the last axes",
    "max": "the largest entry over the last axes",
    "argmax": "1/k at each of the k largest entries over the last axes, else 0",
    "prod": "the product of the entries over the last axes",
    "sort": "the entries in ascending order",
    "order": "the permutation matrix P with sort(x) = P x",
    "inv": "the inverse of a square matrix",
    "det": "the determinant of a square matrix",
    "logdet": "the logarithm of the absolute determinant",
    "matpow": "the power of a square matrix, one for each entry of the exponent",
    "expm": "the exponential of a square matrix",
}


# --- leaves ------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 12)
def number(value: Number) -> Node:
    return make("number", params=(Fraction(_checked(value)),))


def _checked(value: Number) -> Number:
    """The number itself, unless it has too many digits."""
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    if bits > MAX_NUMBER_BITS:
        raise LimitError("a number in this expression has too many digits")
    return value


ONE = number(1)
ZERO = number(0)


def symbol(name: str, shape: Shape = (), kind: str = "") -> Node:
    """A variable.

    `kind` is "" or "symmetric" (a matrix that equals its transpose), "indicator" (0 or 1), both, or
    keeps variables of one name apart ("size", "adjoint").
    """
    shape = drop_unit_axes(shape)
    return make("symbol", (), (name, kind), shape, symmetric=kind.startswith("symmetric"))


def constant(name: str) -> Node:
    return make("constant", params=(name,))


def zeros(shape: Shape) -> Node:
    return make("zeros", shape=shape) if shape else ZERO


def ones(shape: Shape) -> Node:
    labels = tuple(range(len(shape)))
    return einsum(1, [], labels, dict(zip(labels, shape, strict=True)))


def identity(size: Size) -> Node:
    return ONE if size == 1 else einsum(1, [], "ii", {"i": size})


def select(relation: str, coefs: Sequence[Size], offset: Size, shape: Shape) -> Node:
    """1 where `sum(coefs[k]*index[k]) + offset` stands in `relation` ("==" or "<=") to 0.

    With one index, coefs (1,) pick an entry, which is taken to lie within the axis; (-1,) are a
    delta, which may be 0 everywhere.
    """
    return make("select", (size_node(offset),), (relation, tuple(coefs)), shape)


def pick(columns: Sequence[int], size: Size) -> Node:
    return make("pick", params=(tuple(columns),), shape=(len(columns), size))


def iota(size: Size, offset: Size = 0) -> Node:
    return make("iota", (size_node(offset),), (), (size,))


def stack(entries: Sequence[Node], shape: tuple[int, ...]) -> Node:
    """An explicit array: scalar `entries` in row-major order."""
    if len(entries) == 1:
        return entries[0]
    if all(entry is ZERO for entry in entries):
        return zeros(shape)
    square = len(shape) == 2 and shape[0] == shape[1]
    if square and all(
        e is (ONE if k % (shape[0] + 1) == 0 else ZERO) for k, e in enumerate(entries)
    ):
        return identity(shape[0])
    mirrored = square and all(
        entries[i * shape[0] + k] is entries[k * shape[0] + i]
        for i in range(shape[0])
        for k in range(i)
    )
    return make("stack", tuple(entries), (), shape, symmetric=mirrored)


def drop_unit_axes(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def size_node(size: Size) -> Node:
    return size if isinstance(size, Node) else number(size)


def as_size(node: Node) -> Size:
    """A scalar node as a size: an `int` where it is one."""
    if node.op == "number":
        value = node.params[0]
        assert isinstance(value, Fraction)
        if value.denominator == 1:
            return int(value)
    return node


def value_of(node: Node) -> Fraction | None:
    """The rational number this node is, or None."""
    if node.op == "number":
        value = node.params[0]
        assert isinstance(value, Fraction)
        return value
    return None


def is_zero(node: Node) -> bool:
    return node.op == "zeros" or node is ZERO


# --- sums --------------------------------------------------------------------------------------


def add(*terms: Node) -> Node:
    """The sum of terms of one shape; like terms are collected. add(x, x) -> 2*x, add(x, -x) -> 0"""
    shape = terms[0].shape
    coefs: dict[Node, Number] = {}
    for term in terms:
        if term.shape != shape:
            raise ShapeError(f"cannot add shapes {terms[0].shape} and {term.shape}")
        coef, core = split_coefficient(term)
        coefs[core] = coefs.get(core, 0) + coef
    kept = [scale(coef, core) for core, coef in coefs.items() if coef != 0 and not is_zero(core)]
    if not kept:
        return zeros(shape)
    if len(kept) == 1:
        return kept[0]
    canonical = tuple(sorted(kept, key=lambda node: node.key))
    mirrored = len(shape) == 2 and shape[0] == shape[1] and _is_mirrored(kept)
    return make("add", tuple(kept), (), shape, symmetric=mirrored, identity=canonical)


def _is_mirrored(terms: Sequence[Node], sign: int = 1) -> bool:
    """Whether turning a sum of these terms only multiplies it by the sign."""
    turned = [term for term in terms if sign < 0 or not term.symmetric]
    return len(turned) <= MOST_TURNED and all(
        scale(sign, einsum(1, [(term, "ij")], "ji", merge=True)) in turned for term in turned
    )


MOST_TURNED = 8


def subtract(a: Node, b: Node) -> Node:
    return add(a, scale(-1, b))


def split_coefficient(node: Node) -> tuple[Number, Node]:
    """coef, core with node = coef*core.  -3*x*y -> (-3, x*y)"""
    if node.op == "einsum":
        coef = einsum_parts(node)[0]
        if coef != 1 and node.bare is None:
            node.bare = _with_coefficient(node, 1)
        return coef, node.bare or node
    value = value_of(node)
    if value is not None:
        return value, ONE
    return 1, node


def scale(coef: Number, node: Node) -> Node:
    """coef*node."""
    if coef == 1:
        return node
    if coef == 0 or is_zero(node):
        return zeros(node.shape)
    value = value_of(node)
    if value is not None:
        return number(coef * value)
    if node.op == "einsum":
        return _with_coefficient(node, coef * einsum_parts(node)[0])
    labels = tuple(range(node.rank))
    params = (_tidy(coef), (labels,), labels, node.shape)
    return make("einsum", (node,), params, node.shape, symmetric=node.symmetric)


def multiple(count: Size, value: Node) -> Node:
    """count*value of scalars, where the count may be a size."""
    return einsum(1, [(size_node(count), ()), (value, ())], ())


def _tidy(coef: Number) -> Number:
    """A whole number as an `int`; refuses one with too many digits."""
    coef = _checked(coef)
    return int(coef) if coef.denominator == 1 else coef


def _with_coefficient(node: Node, coef: Number) -> Node:
    _, labels, out, sizes = einsum_parts(node)
    if coef == 1 and len(node.args) == 1 and labels[0] == out and len(set(out)) == len(out):
        return node.args[0]
    if not node.args and not out:
        return number(coef)
    params = (_tidy(coef), labels, out, sizes)
    return make("einsum", node.args, params, node.shape, symmetric=node.symmetric)


# --- products ----------------------------------------------------------------------------------

Parts: TypeAlias = tuple[Number, tuple[tuple[int, ...], ...], tuple[int, ...], Shape]


def einsum_parts(node: Node) -> Parts:
    """(coefficient, labels of each factor, labels of the result, size of each label)."""
    return node.params  # type: ignore[return-value]


def einsum(
    coef: Number,
    factors: Iterable[Factor],
    out: Sequence[Label],
    sizes: Mapping[Any, Size] | None = None,
    *,
    merge: bool = False,
) -> Node:
    """coef times the product of `factors`, summed over every label that `out` lacks.

    A label repeated in a factor takes its diagonal, repeated in `out` builds a diagonal; a label
    of `out` that no factor carries broadcasts and needs its size in `sizes`. With `merge`, factors
    that are products themselves are multiplied out into this one (never across a sum).
    """
    size_of: dict[Label, Size] = dict(sizes or {})
    flat, coef, alias = _flatten(coef, factors, size_of, merge)
    target = tuple(out)
    if alias:
        target = tuple(_find(alias, label) for label in out)
        flat = [(node, tuple(_find(alias, label) for label in labels)) for node, labels in flat]
        size_of = {label: size for label, size in size_of.items() if label not in alias}
    if coef == 0:
        return zeros(tuple(size_of[label] for label in target))
    combined = _combine_powers(flat)
    if combined is not flat and any(_dissolves(node) for node, _ in combined):
        return einsum(coef, combined, target, size_of, merge=merge)
    return _canonical(coef, combined, target, size_of)


def is_closed(node: Node) -> bool:
    """Whether this is a scalar that sums over indices, such as x'*y; it stays one factor."""
    return node.op == "einsum" and not node.shape and bool(einsum_parts(node)[3])


def is_pointwise(node: Node) -> bool:
    """Whether each entry of a product is the product of entries: nothing is summed, no diagonal."""
    _, labels, out, _ = einsum_parts(node)
    return len(set(out)) == len(out) and all(label in out for own in labels for label in own)


def _find(alias: Mapping[Label, Label], label: Label) -> Label:
    while label in alias:
        label = alias[label]
    return label


def _dissolves(node: Node) -> bool:
    """Whether a product has something simpler to do with this factor than to carry it."""
    if node.op == "einsum":
        small = len(node.args) <= 1 and not is_closed(node)
        return small or einsum_parts(node)[0] != 1
    return node.op in ("number", "zeros")


def _flatten(
    coef: Number, factors: Iterable[Factor], size_of: dict[Label, Size], merge: bool
) -> tuple[list[tuple[Node, Labels]], Number, dict[Label, Label]]:
    """Numbers into the coefficient; trivial (or, with `merge`, all) products into this one."""
    flat: list[tuple[Node, Labels]] = []
    alias: dict[Label, Label] = {}
    todo = [(node, tuple(labels)) for node, labels in factors][::-1]
    while todo:
        node, labels = todo.pop()
        for label, size in zip(labels, node.shape, strict=True):
            known = size_of.setdefault(label, size)
            if known is not size and known != size:
                raise ShapeError(f"sizes {known} and {size} do not match")
        value = value_of(node)
        if value is not None:
            coef = coef * value
        elif node.op == "zeros":
            coef = 0
        elif node.op != "einsum":
            flat.append((node, labels))
        elif is_closed(node) or (len(node.args) > 1 and not merge):
            inner_coef, core = split_coefficient(node)
            coef *= inner_coef
            flat.append((core, labels))
        else:
            coef *= einsum_parts(node)[0]
            todo.extend(_open_product(node, labels, size_of, alias))
    return flat, coef, alias


def _open_product(
    node: Node, labels: Labels, size_of: dict[Label, Size], alias: dict[Label, Label]
) -> list[tuple[Node, Labels]]:
    """The factors of the product `node`, relabelled for its place; diagonals go into `alias`."""
    _, inner_labels, inner_out, inner_sizes = einsum_parts(node)
    rename: dict[int, Label] = {}
    for inner, outer in zip(inner_out, labels, strict=True):
        if inner not in rename:
            rename[inner] = outer
            continue
        a, b = _find(alias, rename[inner]), _find(alias, outer)
        if a != b:
            alias[b] = a
    for inner, size in enumerate(inner_sizes):
        if inner not in rename:
            fresh = ("summed", len(size_of))
            while fresh in size_of:
                fresh = ("summed", fresh[1] + 1)
            rename[inner] = fresh
            size_of[fresh] = size
    renamed = [tuple(rename[label] for label in own) for own in inner_labels]
    return list(zip(node.args, renamed, strict=True))[::-1]


def _combine_powers(factors: list[tuple[Node, Labels]]) -> list[tuple[Node, Labels]]:
    """Equal factors with equal labels become one power.  x_i * x_i**2 -> x_i**3"""
    if len(factors) < 2:
        return factors
    exponents: dict[tuple[Node, Labels], list[Node]] = {}
    for node, labels in factors:
        base, exponent = node, ONE
        while base.op == "map" and base.params[0] == "pow":
            outer = (exponent, base.args[1])
            whole = value_of(exponent)
            if exponent is not ONE and (whole is None or whole.denominator != 1):
                break  # (x^2)^(1/2) is |x|
            exponent = base.args[1] if exponent is ONE else _times_exponent(*outer)
            base = base.args[0]
        exponents.setdefault((base, labels), []).append(exponent)
    if len(exponents) == len(factors):
        return factors
    combined = [(_of_powers(base, powers), labels) for (base, labels), powers in exponents.items()]
    return [(node, labels if node.shape else ()) for node, labels in combined]


def _of_powers(base: Node, exponents: list[Node]) -> Node:
    """The product of powers of one base; a condition is 0 where 1 divided by it is no number."""
    if is_indicator(base) and any((value_of(e) or 0) > 0 for e in exponents):
        return base
    return power(base, _total_exponent(exponents))


def _times_exponent(a: Node, b: Node) -> Node:
    axes = tuple(range(b.rank))
    return einsum(1, [(a, ()), (b, axes)], axes)


def _total_exponent(powers: list[Node]) -> Node:
    """The sum of exponents, numbers spread over arrays."""
    known = [value_of(exponent) for exponent in powers]
    if None not in known:
        return number(sum(value for value in known if value is not None))
    shape = next((e.shape for e in powers if e.shape), ())
    axes = tuple(range(len(shape)))
    sizes = dict(enumerate(shape))
    total = add(*(e if e.shape == shape else einsum(1, [(e, ())], axes, sizes) for e in powers))
    terms: list[Node] = []
    for term in total.args if total.op == "add" else (total,):
        coef, core = split_coefficient(term)
        inner = core.args if core.op == "add" else (core,)
        terms.extend(scale(coef, part) for part in inner)
    total = add(*terms)
    if shape and is_zero(total):
        return ZERO
    if total.op == "einsum" and not total.args and is_pointwise(total):
        return number(einsum_parts(total)[0])  # the same at every entry, not a multiple of I
    return total


def _canonical(
    coef: Number, factors: list[tuple[Node, Labels]], out: Labels, size_of: Mapping[Label, Size]
) -> Node:
    """The node of this product: factors in content order, labels renamed 0, 1, 2, ..."""
    carried = {label for _, labels in factors for label in labels}
    alone = {x: size for x, size in size_of.items() if x not in carried and x not in out}
    if alone:  # the sum of what does not change along an axis: as often as the axis is long
        counts = [(size_node(size), ()) for size in alone.values()]
        rest = {x: size for x, size in size_of.items() if x not in alone}
        return einsum(coef, [*factors, *counts], out, rest)
    if not factors and not out:
        return number(coef)
    coef = _tidy(coef)
    alike = tuple(factors)
    args, labels, target, order = _numbered(alike, out)
    sizes = tuple(size_of[label] for label in order)
    if len(args) == 1 and coef == 1 and labels[0] == target and len(set(target)) == len(target):
        return args[0]
    if len(args) == 1 and labels[0] == target[::-1] != target and is_antisymmetric(args[0]):
        return scale(-coef, args[0])
    symmetric = False
    if len(out) == 2 and size_of[out[0]] == size_of[out[1]]:
        *turned, turned_order = _numbered(alike, out[::-1])
        turned_sizes = tuple(size_of[label] for label in turned_order)
        symmetric = (*turned, turned_sizes) == (args, labels, target, sizes)
    shape = tuple(size_of[label] for label in out)
    return make("einsum", args, (coef, labels, target, sizes), shape, symmetric=symmetric)


@lru_cache(maxsize=1 << 13)
def _numbered(
    factors: tuple[tuple[Node, Labels], ...], out: Labels
) -> tuple[tuple[Node, ...], tuple[tuple[int, ...], ...], tuple[int, ...], Labels]:
    """Factors in content order, labels as 0, 1, 2, ... in order of appearance, and that order."""
    if all(labels == out or not labels for _, labels in factors):
        ordered = sorted(factors, key=lambda factor: _order(factor[0]))
    else:
        colors = _label_colors(factors, out)

        def by_role(factor: tuple[Node, Labels]) -> tuple[Any, ...]:
            roles = [colors[label] for label in factor[1]]
            return (_order(factor[0]), sorted(roles) if factor[0].symmetric else roles)

        ordered = sorted(factors, key=by_role)
    numbering: dict[Label, int] = {}
    for label in out:
        numbering.setdefault(label, len(numbering))
    numbered = []
    for node, labels in ordered:
        if node.symmetric and not all(label in numbering for label in labels):
            labels = tuple(sorted(labels, key=lambda x: (numbering.get(x, 1 << 30), colors[x])))
        own = tuple(numbering.setdefault(label, len(numbering)) for label in labels)
        numbered.append(tuple(sorted(own)) if node.symmetric else own)
    return (
        tuple(node for node, _ in ordered),
        tuple(numbered),
        tuple(numbering[label] for label in out),
        tuple(numbering),
    )


def _order(node: Node) -> tuple[int, str, int]:
    """Symbols first, by name; the rest by content."""
    return (0 if node.op == "symbol" else 1, node.name, node.key)


def _label_colors(factors: tuple[tuple[Node, Labels], ...], out: Labels) -> dict[Label, int]:
    """A number for each label that depends only on its role, not on its name.

    Colour refinement on the network of factors: labels start with their places in the result and
    take up, round by round, what they meet in the factors.
    """
    colors: dict[Label, int] = {label: 0 for _, labels in factors for label in labels}
    for place, label in enumerate(out):
        colors[label] = hash((colors.get(label, 0), place + 1))
    for _ in range(min(4, len(factors))):
        meets: dict[Label, list[int]] = {label: [] for label in colors}
        for node, labels in factors:
            seen = tuple(colors[x] for x in labels)
            if node.symmetric:
                seen = tuple(sorted(seen))
            for place, label in enumerate(labels):
                meets[label].append(hash((node.key, 0 if node.symmetric else place, seen)))
        colors = {label: hash((colors[label], tuple(sorted(met)))) for label, met in meets.items()}
    return colors


# --- powers ------------------------------------------------------------------------------------


def split_power(node: Node) -> tuple[Node, Node]:
    """base, exponent with node = base**exponent and a scalar exponent.  x -> (x, 1)"""
    if node.op == "map" and node.params[0] == "pow" and not node.args[1].shape:
        return node.args[0], node.args[1]
    return node, ONE


def power(base: Node, exponent: Node | Number) -> Node:
    """base**exponent, elementwise."""
    if not isinstance(exponent, Node):
        exponent = number(exponent)
    e = value_of(exponent)
    if e is None and is_zero(exponent):
        return ones(exponent.shape)
    if e is None:
        inner, times = split_power(base)
        if times is not ONE and _is_whole(times) and _is_whole(exponent):
            return power(inner, einsum(1, [(times, ()), (exponent, ())], ()))
        return make("map", (base, exponent), ("pow",), base.shape or exponent.shape)
    if e == 0:
        return ones(base.shape)
    if e == 1:
        return base
    value = value_of(base)
    if value is not None:
        folded = _number_power(value, e)
        if folded is not None:
            return number(folded)
    if e > 0 and is_indicator(base):
        return base
    whole = e.denominator == 1
    if base.op == "map" and base.params[0] == "pow" and whole:
        return power(base.args[0], scale(e, base.args[1]))
    if base.op == "einsum" and whole:
        coef, labels, out, _ = einsum_parts(base)
        turned = len(labels) == 1 and set(labels[0]) == set(out) and labels[0] != out
        if base.args and is_pointwise(base) and not (turned and coef == 1):
            factors = [(power(arg, e), own) for arg, own in zip(base.args, labels, strict=True)]
            folded = _number_power(Fraction(coef), e)
            if folded is not None:
                sizes = dict(zip(out, base.shape, strict=True))
                return einsum(folded, factors, out, sizes)
    if base.op == "einsum" and not whole:
        coef, core = split_coefficient(base)
        root = _number_power(Fraction(coef), e) if coef > 0 and coef != 1 else None
        if root is not None:
            return scale(root, power(core, e))
    even = whole and e.numerator % 2 == 0 and is_antisymmetric(base)
    return make("map", (base, exponent), ("pow",), base.shape, symmetric=even or None)


def is_indicator(node: Node) -> bool:
    """Whether the entries are 0 or 1: conditions, I, and 1*1' less one of them."""
    if node.op == "add" and len(node.args) == 2 and ones(node.shape) in node.args:
        (other,) = (term for term in node.args if term is not ones(node.shape))
        coef, core = split_coefficient(other)
        return coef == -1 and core.op != "add" and is_indicator(core)
    fixed = node.op == "einsum" and not node.args and einsum_parts(node)[0] == 1
    if node.op == "symbol":
        return str(node.params[1]).endswith(("place", "indicator"))
    return fixed or node.op in ("select", "pick", "order")


def _is_whole(exponent: Node) -> bool:
    """Whether an exponent is a whole number, or such a multiple of a size."""
    coef, core = split_coefficient(exponent)
    is_size = core.op == "symbol" and core.params[1] == "size"
    return (core is ONE or is_size) and Fraction(coef).denominator == 1


def is_antisymmetric(node: Node) -> bool:
    """Whether this changes its sign when it is turned, as x*1' - 1*x' and its sign do."""
    if node.op == "map" and node.params[0] in ODD:
        return is_antisymmetric(node.args[0])
    if node.op != "add" or node.rank != 2 or node.shape[0] != node.shape[1]:
        return False
    return _is_mirrored(node.args, sign=-1)


def _number_power(value: Fraction, e: Fraction) -> Fraction | None:
    """value**e if that is a rational number of bearable length, else None."""
    if value == 0:
        return Fraction(0) if e > 0 else None
    top, bottom = value.numerator, value.denominator
    if e.denominator != 1:
        if value < 0:
            return None
        roots = [_exact_root(part, e.denominator) for part in (top, bottom)]
        if roots[0] is None or roots[1] is None:
            return None
        top, bottom = roots[0], roots[1]
    bits = abs(e.numerator) * (abs(top).bit_length() + bottom.bit_length())
    if bits > MAX_NUMBER_BITS:
        if abs(top) == bottom == 1:
            return Fraction(top if e.numerator % 2 else 1)
        raise LimitError(f"a power with exponent {e.numerator} has too many digits")
    return Fraction(top, bottom) ** e.numerator


def _exact_root(value: int, degree: int) -> int | None:
    if value in (0, 1):
        return value
    if degree > value.bit_length():
        return None
    low, high = 1, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**degree < value:
            low = middle + 1
        else:
            high = middle
    return low if low**degree == value else None


# --- functions ---------------------------------------------------------------------------------


def apply(function: str, *args: Node, order: tuple[int, ...] = ()) -> Node:
    """An elementwise function of arguments of one shape, scalars allowed among them.

    `order` counts the derivatives of an unknown function by each of its arguments.
    """
    if function == "pow":
        return power(*args)
    shape = next((arg.shape for arg in args if arg.shape), ())
    for arg in args:
        if arg.shape not in ((), shape):
            raise ShapeError(f"{function} needs equal shapes, not {shape} and {arg.shape}")
    if function in _AT_ZERO and is_zero(args[0]):
        return einsum(_AT_ZERO[function], [], range(len(shape)), dict(enumerate(shape)))
    if function == "log":
        return _log(args[0])
    if function in ("maximum", "minimum") and args[0] is args[1]:
        return args[0]
    if function == "abs" and args[0].op == "map" and args[0].params[0] in ("abs", "exp"):
        return args[0]
    even = function in EVEN and is_antisymmetric(args[0])
    return make("map", args, (function, *order), shape, symmetric=even or None)


#: Functions with f(-x) = -f(x), and with f(-x) = f(x).
ODD = frozenset(("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "erf", "sign"))
EVEN = frozenset(("cos", "cosh", "abs"))

_AT_ZERO: dict[str, Fraction] = {
    **dict.fromkeys(("sin", "tan", "sinh", "tanh", "asin", "atan", "asinh", "atanh"), Fraction(0)),
    **dict.fromkeys(("erf", "abs", "sign", "relu", "step"), Fraction(0)),
    **dict.fromkeys(("exp", "cos", "cosh"), Fraction(1)),
    **dict.fromkeys(("sigmoid", "heaviside"), Fraction(1, 2)),
}


def _log(arg: Node) -> Node:
    """log(exp(u)) -> u, log(1) -> 0, log(c/u) stays as it is written."""
    if arg.op == "map" and arg.params[0] == "exp":
        return arg.args[0]
    if arg is ONE:
        return ZERO
    return make("map", (arg,), ("log",), arg.shape)


def reduce(op: str, x: Node, axes: int = 1) -> Node:
    """`logsumexp`, `max` or `prod` over the last `axes` axes; `argmax`, `sort` keep them."""
    if axes == 0:
        return ONE if op == "argmax" else x
    shape = x.shape if op in ("argmax", "sort") else x.shape[: x.rank - axes]
    if op == "order":
        shape = (*x.shape, x.shape[-1])
    return make(op, (x,), (axes,), shape)


def inverse(a: Node) -> Node:
    if not a.shape:
        return power(a, -1)
    if a.op == "inv":
        return a.args[0]
    if a.op == "einsum":
        coef, labels, out, sizes = einsum_parts(a)
        if not a.args:  # c*I
            return einsum(1 / Fraction(coef), [], "ii", {"i": a.shape[0]})
        if coef != 1:
            return scale(1 / Fraction(coef), inverse(split_coefficient(a)[1]))
        upright = turned_matrix(a)
        if upright is not None:
            return transpose(inverse(upright))
        if is_diagonal(a):
            return einsum(
                1,
                [(power(arg, -1), own) for arg, own in zip(a.args, labels, strict=True)],
                out,
                dict(enumerate(sizes)),
            )
    return make("inv", (a,), (), a.shape)


def turned_matrix(node: Node) -> Node | None:
    """A for A', None for what is no transpose."""
    if node.op == "einsum" and len(node.args) == 1:
        coef, (labels,), out, _ = einsum_parts(node)
        if coef == 1 and labels == out[::-1] and len(set(out)) == 2:
            return node.args[0]
    return None


def is_diagonal(a: Node) -> bool:
    """Whether this matrix is diag(v) for some v that is a product of numbers and vectors."""
    if a.op != "einsum":
        return False
    _, labels, out, _ = einsum_parts(a)
    return len(out) == 2 and out[0] == out[1] and all(own in ((), (out[0],)) for own in labels)


def transpose(a: Node) -> Node:
    return a if a.rank < 2 else einsum(1, [(a, "ij")], "ji")


def det(a: Node) -> Node:
    if is_diagonal(a) and not a.args:  # c*I
        coef, *_ = einsum_parts(a)
        return power(number(coef), size_node(a.shape[0]))
    return make("det", (a,)) if a.shape else a


def logdet(a: Node) -> Node:
    if is_diagonal(a) and not a.args:
        coef, *_ = einsum_parts(a)
        log = apply("log", number(abs(Fraction(coef))))
        return einsum(1, [(log, ()), (size_node(a.shape[0]), ())], ())
    return make("logdet", (a,)) if a.shape else apply("log", apply("abs", a))


def matrix_power(a: Node, exponent: Node) -> Node:
    """a**exponent for a square matrix; an exponent with axes puts those axes first."""
    if not a.shape:
        return power(a, exponent)
    e = value_of(exponent)
    if e is not None and e.denominator == 1 and e < 0:
        return matrix_power(inverse(a), number(-e))
    if e is not None and e in (0, 1):
        return a if e == 1 else identity(a.shape[0])
    if is_diagonal(a) and not exponent.shape:
        diagonal = power(einsum(1, [(a, "ii")], "i", merge=True), exponent)
        return einsum(1, [(diagonal, "i")], "ii", {"i": a.shape[0]})
    upright = turned_matrix(a)
    if upright is not None:
        axes = tuple(range(exponent.rank))
        return einsum(1, [(matrix_power(upright, exponent), (*axes, "i", "j"))], (*axes, "j", "i"))
    return make("matpow", (a, exponent), (), (*exponent.shape, *a.shape))


def expm(a: Node) -> Node:
    return make("expm", (a,), (), a.shape) if a.shape else apply("exp", a)


def rebuild(node: Node, args: tuple[Node, ...], *, merge: bool = False) -> Node:
    """The operation of `node` on other arguments of the same shapes."""
    if args == node.args and not merge:
        return node
    if node.op == "einsum":
        coef, labels, out, sizes = einsum_parts(node)
        carried = {x for own in labels for x in own}
        free = {x: size for x, size in enumerate(sizes) if x not in carried}
        return einsum(coef, zip(args, labels, strict=True), out, free, merge=merge)
    if node.op == "add":
        return add(*args)
    if node.op == "map":
        function, *order = node.params
        assert isinstance(function, str)
        return apply(function, *args, order=tuple(order))  # type: ignore[arg-type]
    builders: dict[str, Callable[..., Node]] = {
        "inv": inverse,
        "det": det,
        "logdet": logdet,
        "matpow": matrix_power,
        "expm": expm,
    }
    if node.op in builders:
        return builders[node.op](*args)
    if node.op == "stack":
        return stack(args, node.shape)  # type: ignore[arg-type]
    if node.op in ("select", "iota"):
        return make(node.op, args, node.params, node.shape)
    if not node.args:
        return node
    axes = node.params[0]
    assert isinstance(axes, int)
    return reduce(node.op, args[0], axes)
