"""Elementwise functions that are one simpler function together."""

from __future__ import annotations

from symback.graph import Node
from symback.ops import (
    EVEN,
    ODD,
    ONE,
    Factor,
    Label,
    add,
    apply,
    einsum,
    einsum_parts,
    is_closed,
    is_zero,
    number,
    ones,
    power,
    rebuild,
    scale,
    split_coefficient,
    split_power,
    subtract,
    turned_matrix,
    value_of,
    zeros,
)
from symback.rules import hadamard
from symback.simplify.blocks import of_block_diagonal
from symback.simplify.cancel import take_out_scalars
from symback.simplify.cases import in_case, out_of_cases, where
from symback.simplify.kronecker import of_kronecker
from symback.simplify.product import Product, flipped
from symback.simplify.softmax import is_softmax
from symback.simplify.sums import flatten_sum
from symback.sizes import terms_of


def fuse_elementwise(product: Product) -> bool:
    """Two elementwise factors on the same labels that are one simpler factor together."""
    by_labels: dict[frozenset[Label], list[int]] = {}
    for place, (node, labels) in enumerate(product.factors):
        if node.op == "map" or (node.op in ("symbol", "add", "einsum", "det")):
            by_labels.setdefault(frozenset(labels), []).append(place)
    for places in by_labels.values():
        for i in places:
            a, a_labels = product.factors[i]
            if a.op != "map":
                continue
            for j in places:
                b, b_labels = product.factors[j]
                turned = len(b_labels) == 2 and a_labels == b_labels[::-1] != b_labels
                if i != j and b.op == "map" and turned:
                    b, b_labels = rebuild(b, tuple(map(flipped, b.args))), a_labels
                if i == j or a_labels != b_labels:
                    continue
                fused = _fuse_pair(a, b)
                if fused is not None:
                    product.replace((i, j), [(fused, a_labels)])
                    return True
    return False


def diagonal_inside(product: Product) -> bool:
    """diagonal(f(diag(x))) -> f(x), and of f(2*I + 1*1') -> f(3)."""
    for place, (node, labels) in enumerate(product.factors):
        if node.op not in ("map", "add") or len(labels) != 2 or labels[0] != labels[1]:
            continue
        terms = [term for arg in node.args if arg.shape for term in _terms(arg)]
        if any(len(set(t.out)) == 2 and any(own for _, own in t.factors) for t in terms):
            continue
        args = tuple(
            add(*(_along(t, [0]) for t in _terms(arg))) if arg.shape else arg for arg in node.args
        )
        product.replace([place], [(fuse_function(rebuild(node, args)), labels[:1])])
        return True
    return False


def _fuse_pair(a: Node, b: Node) -> Node | None:
    """a*b as one simpler node, or None.  sign(x)*abs(x) -> x, exp(x)*exp(-x) -> 1"""
    name = a.params[0]
    base, exponent = split_power(b)
    whole = value_of(exponent)
    if name == "sign":
        (x,) = a.args
        if base.op == "map" and base.params[0] == "abs" and base.args[0] is x:
            odd = whole is not None and whole % 2 == 1
            return power(x, exponent) if odd else None  # |x|^(k-1) is x^(k-1)
        if base is x and whole is not None and whole > 0:
            return hadamard(apply("abs", x), power(x, whole - 1), merge=True)
    if name == "abs" and base is a.args[0] and whole is not None and whole > 0 and whole % 2 == 0:
        return power(a, whole + 1)  # |x|*x^2
    if base.op == "map" and whole == -1 and a.args == base.args:
        quotient = _QUOTIENTS.get((str(name), str(base.params[0])))
        if quotient is not None:
            return power(apply(quotient[0], *a.args), quotient[1])
    if name in ("step", "heaviside"):
        (x,) = a.args
        positive_part = base.op == "map" and base.params[0] in ("relu", "maximum")
        if positive_part and whole is not None and whole > 0 and _positive_part_of(base) is x:
            return b
        if name == "step" and b is a:
            return a
        if b is x:
            return apply("relu", x) if name == "step" else apply("maximum", x, zeros(x.shape))
    if name == "exp" and base.op == "map" and base.params[0] == "exp":
        u, v = a.args[0], base.args[0]
        one_piece = is_softmax(a) or is_softmax(base)
        if one_piece and whole == 1 and u.shape == v.shape:
            return _denominator(flatten_sum(add(u, v)))
        if whole is not None and u.shape == v.shape and not one_piece:
            total = flatten_sum(add(u, scale(whole, v)))
            if is_zero(total) or (total.op != "add" or u.op == "add" or v.op == "add"):
                return apply("exp", total)
    if name == "exp" and whole == -1 and {*base.args} == {ones(base.shape), scale(-1, a)}:
        # exp(u)/(1 - exp(u)) = 1/(exp(-u) - 1)
        turned = apply("exp", scale(-1, a.args[0]))
        return power(subtract(turned, ones(base.shape)), -1)
    if name == "exp" and base.op == "map" and base.params[0] == "sigmoid":
        # exp(-z)*sigmoid(z) = sigmoid(-z)
        if whole == 1 and scale(-1, base.args[0]) is a.args[0]:
            return apply("sigmoid", a.args[0])
        if whole is not None and whole > 1 and scale(-1, base.args[0]) is a.args[0]:
            return hadamard(apply("sigmoid", a.args[0]), power(base, whole - 1), merge=True)
    same_condition = name == "where" and base.op == "map" and a.args[0] is base.args[0]
    if same_condition and base.params[0] == "where" and whole == 1:
        cases = (hadamard(x, y, merge=True) for x, y in zip(a.args[1:], base.args[1:], strict=True))
        return apply("where", a.args[0], *cases)
    return None


def _denominator(exponent: Node) -> Node | None:
    """1/sum(exp(u)) for exp(-logsumexp(u)), spread over an array; None for any other exponent."""
    product = Product.of(exponent)
    if product.coef != -1 or [f.op for f in product.factors_alone] != ["logsumexp"]:
        return None
    ((total, labels),) = product.factors
    (u,) = total.args
    if labels:
        return None
    powers = einsum(1, [(apply("exp", u), tuple(range(u.rank)))], ())
    return einsum(1, [(power(powers, -1), ())], product.out, product.sizes)


_QUOTIENTS = {  # f(u)/g(u) = h(u)^e
    ("sin", "cos"): ("tan", 1),
    ("cos", "sin"): ("tan", -1),
    ("sinh", "cosh"): ("tanh", 1),
    ("cosh", "sinh"): ("tanh", -1),
}


def _positive_part_of(node: Node) -> Node | None:
    """x for relu(x) and max(x, 0)."""
    if node.params[0] == "relu":
        return node.args[0]
    kept = [arg for arg in node.args if not is_zero(arg)]
    return kept[0] if len(kept) == 1 else None


def fuse_function(node: Node) -> Node:
    """1/(1 + exp(u)) -> sigmoid(-u), log(1 + exp(u)) -> softplus(u), abs(x)^2 -> x^2, ..."""
    upright = turned_matrix(node.args[0]) if node.op in ("det", "logdet") else None
    if upright is not None:
        return fuse_function(rebuild(node, (upright,)))
    if node.op == "inv":
        entries = _diagonal(node.args[0])
        if entries is not None:
            return einsum(1, [(power(entries, -1), "i")], "ii")
    if node.op in ("inv", "det", "logdet"):
        by_parts = of_block_diagonal(node, fuse_function) or of_kronecker(node, fuse_function)
        if by_parts is not None:
            return by_parts
    if node.op in ("inv", "det", "matpow"):
        return take_out_scalars(node)
    if node.op != "map":
        return node
    narrow = _before_spreading(node)
    if narrow is not None:
        return narrow
    name = node.params[0]
    if name in ODD or name in EVEN:
        coef, core = split_coefficient(node.args[0])
        if coef < 0 and core is not ONE:
            return scale(-1 if name in ODD else 1, apply(str(name), scale(-1, node.args[0])))
    if name == "exp":
        powers = _power_of_logarithm(node.args[0])
        if powers is not None:
            return powers
    if name in ("abs", "sign"):
        coef, core = split_coefficient(node.args[0])
        if coef != 1 and value_of(node.args[0]) is None:
            inner = apply(str(name), core)
            sign = 1 if coef > 0 else -1
            return scale(sign * coef if name == "abs" else sign, inner)
    if name in ("step", "heaviside"):
        coef, core = split_coefficient(node.args[0])
        if abs(coef) != 1 and value_of(node.args[0]) is None:
            return apply(str(name), scale(1 if coef > 0 else -1, core))
    if name == "abs":
        base, exponent = split_power(node.args[0])
        e = value_of(exponent)
        if e is not None and e % 2 == 0:
            return node.args[0]
    if name == "pow":
        base, exponent = node.args
        e = value_of(exponent)
        apart = _lengths_apart(base, exponent) or _scalars_apart(base, exponent)
        if apart is not None:
            return apart
        if base.op == "map" and base.params[0] == "abs" and e is not None and e % 2 == 0:
            return power(base.args[0], exponent)
        if e is not None and e < 0 and e.denominator == 1:
            u = _one_plus_exp(base)
            if u is not None:
                return power(apply("sigmoid", scale(-1, u)), -e)
        if base.op == "map" and base.params[0] == "exp" and e is not None and not is_softmax(base):
            return apply("exp", scale(e, base.args[0]))
    if name == "where":
        condition, a, b = node.args
        a, b = in_case(a, condition, 1), in_case(b, condition, 2)
        case = where(condition, a, b)
        return case if case is not node else out_of_cases(node) or node
    if name == "log":
        u = _one_plus_exp(node.args[0])
        if u is not None:
            return apply("softplus", u)
    return node


def _diagonal(matrix: Node) -> Node | None:
    """u for diag(u), and u + 1 for diag(u) + I."""
    if matrix.rank != 2:
        return None
    products = _terms(matrix)
    if any(len(set(product.out)) != 1 for product in products):
        return None
    if not any(product.factors for product in products):
        return None
    return add(*(_along(product, [0]) for product in products))


def _before_spreading(node: Node) -> Node | None:
    """f of a column spread over the columns of a matrix: first f, then spread."""
    arrays = {arg: _terms(arg) for arg in node.args if arg.shape}
    products = [product for terms in arrays.values() for product in terms]
    if not arrays or any(len(set(product.out)) != node.rank for product in products):
        return None
    kept = [axis for axis in range(node.rank) if not all(_is_lonely(p, axis) for p in products)]
    if len(kept) == node.rank or (not kept and is_softmax(node)):
        return None
    narrow = {arg: add(*(_along(p, kept) for p in terms)) for arg, terms in arrays.items()}
    inner = rebuild(node, tuple(narrow.get(arg, arg) for arg in node.args))
    return einsum(1, [(inner, tuple(kept))], tuple(range(node.rank)), dict(enumerate(node.shape)))


def _terms(node: Node) -> list[Product]:
    return [Product.of(term) for term in terms_of(node)]


def _along(product: Product, axes: list[int]) -> Node:
    """An array that changes along these axes alone, or is diagonal, as an array of them."""
    ends = tuple(product.out[axis] for axis in axes)
    sizes = {x: size for x, size in product.sizes.items() if x in ends or x not in product.out}
    return einsum(product.coef, product.factors, ends, sizes)


def _is_lonely(product: Product, axis: int) -> bool:
    """Whether an array does not change along an axis of its own."""
    return product.places(product.out[axis]) == 1


def _lengths_apart(base: Node, exponent: Node) -> Node | None:
    """((x'*x)*(y'*y))^(1/2) -> (x'*x)^(1/2)*(y'*y)^(1/2): sums of squares are not negative."""
    if base.op != "einsum" or base.shape or not all(map(_is_sum_of_squares, base.args)):
        return None
    coef = einsum_parts(base)[0]
    if coef <= 0 or len(base.args) < 2:
        return None
    factors = [(power(arg, exponent), ()) for arg in base.args]
    return einsum(1, [(power(number(coef), exponent), ()), *factors], ())


def _scalars_apart(base: Node, exponent: Node) -> Node | None:
    """(c*u)^k -> c^k*u^k for a whole number k, numbers and scalars c: they may cancel."""
    e = value_of(exponent)
    if base.op != "einsum" or is_closed(base) or e is None or e.denominator != 1:
        return None
    summed = any(x not in einsum_parts(base)[2] for own in einsum_parts(base)[1] for x in own)
    product = Product.of(rebuild(base, base.args, merge=True) if summed else base)
    scalars = [f for f, own in product.factors if not own]
    rest = [(f, own) for f, own in product.factors if own]
    if not scalars or (len(scalars) == 1 and not rest and product.coef == 1):
        return None
    axes = tuple(range(base.rank))
    outside: list[Factor] = [(power(f, exponent), ()) for f in scalars]
    outside.append((power(number(product.coef), exponent), ()))
    inner = einsum(1, rest, product.out, product.sizes, merge=True)
    return einsum(1, [*outside, (power(inner, exponent), axes)], axes)


def _is_sum_of_squares(node: Node) -> bool:
    """Whether this is x'*x or the sum of the squares of a matrix."""
    if not is_closed(node):
        return False
    coef, labels, _, _ = einsum_parts(node)
    pair = len(node.args) == 2 and node.args[0] is node.args[1] and labels[0] == labels[1]
    square = len(node.args) == 1 and value_of(split_power(node.args[0])[1]) == 2
    return coef > 0 and (pair or square)


def _power_of_logarithm(node: Node) -> Node | None:
    """u^c for c*log(u) with a number or a scalar c."""
    product = Product.of(node)
    logs = [(f, own) for f, own in product.factors if f.op == "map" and f.params[0] == "log"]
    if len(logs) != 1 or logs[0][1] != product.out:
        return None
    rest = [(f, own) for f, own in product.factors if f is not logs[0][0]]
    if len(rest) != len(product.factors) - 1 or any(own for _, own in rest):
        return None
    return power(logs[0][0].args[0], einsum(product.coef, rest, ()))


def _one_plus_exp(node: Node) -> Node | None:
    """u for 1 + exp(u)."""
    if node.op != "add" or len(node.args) != 2:
        return None
    for one, other in (node.args, node.args[::-1]):
        is_one = one is ONE or (node.shape and one is ones(node.shape))
        if is_one and other.op == "map" and other.params[0] == "exp":
            return other.args[0]
    return None
