"""The rules of differentiation: one line of mathematics for each operation.

`FUNCTIONS` holds the derivative of every elementwise function; `RULES` holds the vector-Jacobian
product of every other operation. Both answer in graph nodes, so a gradient can be differentiated
again. The tests take their cases from these tables.

In `RULES` the upstream gradient `g` may carry leading axes beyond the shape of the operation (a
Jacobian is a gradient with leading axes). They are the labels `lead`. A rule answers for one
argument, number `k`.

Sources: [GW] Griewank and Walther, Evaluating Derivatives, 2nd ed., 2008, table 2.3 and section
3.2; [MN] Magnus and Neudecker, Matrix Differential Calculus, 3rd ed., 2019, chapters 8 and 9;
[Giles] Giles, Collected matrix derivative results, 2008; [LMG] Laue, Mitterreiter and Giesen,
A simple and efficient tensor calculus, AAAI 2020; [DLMF] dlmf.nist.gov.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction

from symback.errors import Unsupported
from symback.graph import Node
from symback.ops import (
    Factor,
    Labels,
    Number,
    add,
    apply,
    constant,
    einsum,
    einsum_parts,
    inverse,
    iota,
    matrix_power,
    number,
    power,
    reduce,
    select,
    size_node,
    subtract,
    value_of,
    zeros,
)
from symback.sizes import never_negative


class E:
    """An elementwise operand: arithmetic on nodes of one shape, scalars among them."""

    __slots__ = ("node",)

    def __init__(self, node: Node | Number) -> None:
        self.node = node if isinstance(node, Node) else number(node)

    def __add__(self, other: E | Number) -> E:
        a, b = _same_shape(self, other)
        return E(add(a, b))

    def __sub__(self, other: E | Number) -> E:
        a, b = _same_shape(self, other)
        return E(subtract(a, b))

    def __mul__(self, other: E | Number) -> E:
        return E(hadamard(self.node, _node(other)))

    def __truediv__(self, other: E | Number) -> E:
        return E(hadamard(self.node, power(_node(other), -1)))

    def __pow__(self, other: E | Number) -> E:
        return E(power(self.node, _node(other)))

    def __neg__(self) -> E:
        return self * -1

    def __rsub__(self, other: Number) -> E:
        return E(other) - self

    def __rtruediv__(self, other: Number) -> E:
        return E(other) / self

    __radd__ = __add__
    __rmul__ = __mul__


def _node(x: E | Number) -> Node:
    return x.node if isinstance(x, E) else number(x)


def _same_shape(x: E | Number, y: E | Number) -> tuple[Node, Node]:
    a, b = _node(x), _node(y)
    return broadcast(a, b), broadcast(b, a)


def broadcast(a: Node, like: Node) -> Node:
    """A scalar spread over the shape of `like`; anything else as it is."""
    if a.shape or not like.shape:
        return a
    axes = range(like.rank)
    return einsum(1, [(a, ())], axes, dict(zip(axes, like.shape, strict=True)))


def hadamard(*factors: Node, coef: Number = 1, merge: bool = False) -> Node:
    """The elementwise product of nodes of one shape, scalars among them."""
    axes = tuple(range(max(factor.rank for factor in factors)))
    spread = [(factor, axes if factor.shape else ()) for factor in factors]
    return einsum(coef, spread, axes, merge=merge)


def call(name: str, *args: E) -> E:
    return E(apply(name, *(arg.node for arg in args)))


# --- elementwise functions ---------------------------------------------------------------------


@dataclass(frozen=True)
class Kink:
    """A place where a function has no derivative, and what is taken there.

    Attributes:
        where: the condition, in the function's argument names.
        slopes: the interval of valid slopes (the Clarke subdifferential).
        taken: the slope that the rule gives.
        others: what other programs take.
    """

    where: str
    slopes: tuple[int, int]
    taken: Fraction
    others: str


@dataclass(frozen=True)
class Function:
    """An elementwise function y = f(x, ...): one derivative for each argument, of (x, ..., y)."""

    derivatives: tuple[Callable[..., E], ...]
    formula: str
    source: str
    kink: Kink | None = None

    @property
    def arity(self) -> int:
        return len(self.derivatives)


_HALF = Fraction(1, 2)
_NOWHERE = (lambda *xs: E(0),)
_MAX_KINK = Kink(
    "the arguments are equal",
    (0, 1),
    _HALF,
    "torch.maximum 1/2, jnp.maximum 1/2, SymPy 1/2; torch.clamp 1",
)
_PI = E(constant("pi"))


def _zeros(count: int) -> tuple[Callable[..., E], ...]:
    return _NOWHERE * count


FUNCTIONS: dict[str, Function] = {
    "pow": Function(
        (
            lambda x, n, y: n * x ** (n - 1),
            lambda x, n, y: y * call("log", x),
        ),
        "(x^n)' = n*x^(n-1)",
        "DLMF 4.2(iv)",
    ),
    "exp": Function((lambda x, y: y,), "exp' = exp", "DLMF 4.7.7"),
    "log": Function((lambda x, y: 1 / x,), "log'(x) = 1/x", "DLMF 4.7.1"),
    "sin": Function((lambda x, y: call("cos", x),), "sin' = cos", "DLMF 4.20.1"),
    "cos": Function((lambda x, y: -call("sin", x),), "cos' = -sin", "DLMF 4.20.2"),
    "tan": Function((lambda x, y: 1 + y**2,), "tan' = 1 + tan^2", "DLMF 4.20.3"),
    "asin": Function(
        (lambda x, y: (1 - x**2) ** -_HALF,), "asin'(x) = 1/sqrt(1 - x^2)", "DLMF 4.24.7"
    ),
    "acos": Function(
        (lambda x, y: -((1 - x**2) ** -_HALF),), "acos'(x) = -1/sqrt(1 - x^2)", "DLMF 4.24.8"
    ),
    "atan": Function((lambda x, y: 1 / (1 + x**2),), "atan'(x) = 1/(1 + x^2)", "DLMF 4.24.9"),
    "sinh": Function((lambda x, y: call("cosh", x),), "sinh' = cosh", "DLMF 4.34.1"),
    "cosh": Function((lambda x, y: call("sinh", x),), "cosh' = sinh", "DLMF 4.34.2"),
    "tanh": Function((lambda x, y: 1 - y**2,), "tanh' = 1 - tanh^2", "DLMF 4.34.3"),
    "asinh": Function(
        (lambda x, y: (1 + x**2) ** -_HALF,), "asinh'(x) = 1/sqrt(1 + x^2)", "DLMF 4.38.9"
    ),
    "acosh": Function(
        (lambda x, y: (x - 1) ** -_HALF * (x + 1) ** -_HALF,),
        "acosh'(x) = 1/sqrt(x^2 - 1)",
        "DLMF 4.38.10",
    ),
    "atanh": Function((lambda x, y: 1 / (1 - x**2),), "atanh'(x) = 1/(1 - x^2)", "DLMF 4.38.11"),
    "erf": Function(
        (lambda x, y: 2 * _PI**-_HALF * call("exp", -(x**2)),),
        "erf'(x) = 2/sqrt(pi)*exp(-x^2)",
        "DLMF 7.10.1",
    ),
    "gamma": Function(
        (lambda x, y: y * call("polygamma", E(0), x),),
        "gamma' = gamma*digamma",
        "DLMF 5.2.2",
    ),
    "loggamma": Function(
        (lambda x, y: call("polygamma", E(0), x),), "loggamma' = digamma", "DLMF 5.2.2"
    ),
    "polygamma": Function(
        (
            lambda k, x, y: _no_derivative("polygamma", "its order is a whole number"),
            lambda k, x, y: call("polygamma", k + 1, x),
        ),
        "polygamma(k, x)' = polygamma(k + 1, x)",
        "DLMF 5.15",
    ),
    "sigmoid": Function((lambda x, y: y * (1 - y),), "sigmoid' = sigmoid*(1 - sigmoid)", "GW 2.3"),
    "softplus": Function((lambda x, y: call("sigmoid", x),), "softplus' = sigmoid", "DLMF 4.7"),
    "gelu": Function(
        (
            lambda x, y: (
                call("erf", x * E(number(2)) ** -_HALF) / 2
                + _HALF
                + x * (2 * _PI) ** -_HALF * call("exp", x**2 * -_HALF)
            ),
        ),
        "gelu'(x) = Phi(x) + x*phi(x)",
        "Hendrycks and Gimpel, 2016",
    ),
    "relu": Function(
        (lambda x, y: call("step", x),),
        "relu'(x) = [x > 0]",
        "GW 14.1",
        Kink("x = 0", (0, 1), Fraction(0), "torch.relu 0, jax.nn.relu 0; SymPy Max(0, x) 1/2"),
    ),
    "abs": Function(
        (lambda x, y: call("sign", x),),
        "abs' = sign",
        "GW 14.1",
        Kink("x = 0", (-1, 1), Fraction(0), "torch.abs 0, SymPy 0; jnp.abs 1"),
    ),
    "maximum": Function(
        (
            lambda x, z, y: call("heaviside", x - z),
            lambda x, z, y: call("heaviside", z - x),
        ),
        "max(x, z)' = [x > z], shared equally where x = z",
        "GW 14.1",
        _MAX_KINK,
    ),
    "minimum": Function(
        (
            lambda x, z, y: call("heaviside", z - x),
            lambda x, z, y: call("heaviside", x - z),
        ),
        "min(x, z)' = [x < z], shared equally where x = z",
        "GW 14.1",
        _MAX_KINK,
    ),
    "where": Function(
        (
            lambda c, a, b, y: E(0),
            lambda c, a, b, y: call("where", c, E(1), E(0)),
            lambda c, a, b, y: call("where", c, E(0), E(1)),
        ),
        "the derivative of the case that holds",
        "GW 14.1",
    ),
    "sign": Function(_zeros(1), "sign' = 0 where it exists", "GW 14.1"),
    "step": Function(_zeros(1), "step' = 0 where it exists", "GW 14.1"),
    "heaviside": Function(_zeros(1), "heaviside' = 0 where it exists", "GW 14.1"),
    "floor": Function(_zeros(1), "floor' = 0 where it exists", "GW 14.1"),
    "lt": Function(_zeros(2), "a condition is constant where it does not change", "GW 14.1"),
    "le": Function(_zeros(2), "a condition is constant where it does not change", "GW 14.1"),
    "eq": Function(_zeros(2), "a condition is constant where it does not change", "GW 14.1"),
    "ne": Function(_zeros(2), "a condition is constant where it does not change", "GW 14.1"),
    "and": Function(_zeros(2), "a condition is constant where it does not change", "GW 14.1"),
    "or": Function(_zeros(2), "a condition is constant where it does not change", "GW 14.1"),
    "not": Function(_zeros(1), "a condition is constant where it does not change", "GW 14.1"),
}


def _no_derivative(what: str, reason: str) -> E:
    raise Unsupported(f"cannot differentiate {what}: {reason}")


OWN: ContextVar[Mapping[str, Function]] = ContextVar("rules of one's own", default={})  # noqa: B039
"""Rules that hold for a while; :mod:`symback.extend` sets them."""


def derivative(node: Node, place: int) -> Node:
    """The elementwise derivative of the `map` node by its argument number `place`."""
    name = node.params[0]
    assert isinstance(name, str)
    function = FUNCTIONS.get(name)
    if function is None and not any(node.params[1:]):
        function = OWN.get().get(name)
    if function is None:  # an unknown function f: its derivative is f'
        order = [0] * len(node.args)
        for index, count in enumerate(node.params[1:]):
            assert isinstance(count, int)
            order[index] = count
        order[place] += 1
        return apply(name, *node.args, order=tuple(order))
    if function.arity != len(node.args):
        raise Unsupported(
            f"the rule for {name} has {function.arity} derivatives, and {name} has "
            f"{len(node.args)} arguments"
        )
    return function.derivatives[place](*map(E, node.args), E(node)).node


# --- everything else ---------------------------------------------------------------------------


def _labels(node: Node) -> tuple[int, ...]:
    return tuple(range(node.rank))


def _vjp_add(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """Every term takes the upstream gradient as it is."""
    return g


def _vjp_einsum(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """d/dA_k of c*A_1*...*A_n is the same product with g in the place of A_k. [LMG] theorem 9"""
    coef, labels, out, _ = einsum_parts(node)
    factors: list[Factor] = list(zip(node.args, labels, strict=True))
    others = [(g, (*lead, *out)), *factors[:k], *factors[k + 1 :]]
    own = labels[k]
    known = {label for _, used in others for label in used}
    free = {x: size for x, size in zip(own, node.args[k].shape, strict=True) if x not in known}
    return einsum(coef, others, (*lead, *own), free)


def _vjp_map(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """f(x) elementwise: g .* f'(x). [GW] section 3.2"""
    axes = _labels(node)
    local = derivative(node, k)
    own = axes if node.args[k].shape else ()
    local_labels = axes if local.shape else ()
    return einsum(1, [(g, (*lead, *axes)), (local, local_labels)], (*lead, *own))


def softmax(x: Node, axes: int = 1) -> Node:
    """exp(x - logsumexp(x)) over the last axes."""
    kept, every = tuple(range(x.rank - axes)), tuple(range(x.rank))
    sizes = dict(zip(every, x.shape, strict=True))
    spread = einsum(1, [(reduce("logsumexp", x, axes), kept)], every, sizes)
    return apply("exp", subtract(x, spread))


def _axes(node: Node) -> int:
    axes = node.params[0]
    assert isinstance(axes, int)
    return axes


def _vjp_logsumexp(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """logsumexp' = softmax."""
    (x,) = node.args
    p = softmax(x, _axes(node))
    return einsum(1, [(g, (*lead, *_labels(node))), (p, _labels(x))], (*lead, *_labels(x)))


def _vjp_max(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """The largest entries share the upstream gradient equally."""
    (x,) = node.args
    mask = reduce("argmax", x, _axes(node))
    return einsum(1, [(g, (*lead, *_labels(node))), (mask, _labels(x))], (*lead, *_labels(x)))


def _vjp_prod(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """d(prod x)/dx_i = prod(x)/x_i, for entries other than zero."""
    (x,) = node.args
    own = _labels(node)
    factors = [(g, (*lead, *own)), (node, own), (power(x, -1), _labels(x))]
    return einsum(1, factors, (*lead, *_labels(x)))


def _vjp_sort(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """sort(x) = P*x with a permutation P that is constant where no two entries are equal: P'*g."""
    (x,) = node.args
    rows, last = _labels(x)[:-1], x.rank
    order = reduce("order", x)
    here, there = (*rows, x.rank - 1), (*rows, last)
    return einsum(1, [(g, (*lead, *here)), (order, (*here, last))], (*lead, *there))


def _vjp_inv(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """d(inv(X)) = -inv(X)*dX*inv(X). [MN] 8.4.1; [Giles] 2.2.3"""
    factors = [(node, "ki"), (g, (*lead, "k", "l")), (node, "jl")]
    return einsum(-1, factors, (*lead, "i", "j"))


def _vjp_det(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """d(det(X)) = det(X)*tr(inv(X)*dX). [MN] 8.3.1; [Giles] 2.2.4"""
    factors = [(g, lead), (node, ()), (inverse(node.args[0]), "ji")]
    return einsum(1, factors, (*lead, "i", "j"))


def _vjp_logdet(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """d(log det(X)) = tr(inv(X)*dX). [MN] 8.3.2"""
    return einsum(1, [(g, lead), (inverse(node.args[0]), "ji")], (*lead, "i", "j"))


MAX_UNROLLED_POWER = 12


def _vjp_matpow(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """d(X^n) = sum over r < n of X^r*dX*X^(n-1-r); d(tr(X^p)) = p*tr(X^(p-1)*dX). [MN] 9.13.3"""
    a, exponent = node.args
    count = value_of(exponent)
    if k == 1:
        raise Unsupported("cannot differentiate a matrix power by its exponent")
    if exponent.shape:
        raise Unsupported("cannot differentiate a matrix power: a sum counts its exponent")
    if count is not None and (count.denominator != 1 or count < 0):
        scaled = _multiple_of_identity(g, lead)
        if scaled is None:
            raise Unsupported(
                "cannot differentiate a matrix power here: its exponent is no whole number, and a "
                "closed form exists only inside a trace"
            )
        lower = matrix_power(a, number(count - 1))
        return einsum(count, [(scaled, lead), (lower, "ji")], (*lead, "i", "j"))
    if count is None and exponent.op != "symbol" and not never_negative(exponent):
        raise Unsupported("cannot differentiate a matrix power: its exponent may be negative")

    def term(before: Node, after: Node, label: Labels) -> Node:
        left, right = matrix_power(a, before), matrix_power(a, after)
        factors = [
            (left, (*label, "k", "i")),
            (g, (*lead, "k", "l")),
            (right, (*label, "j", "l")),
        ]
        return einsum(1, factors, (*lead, "i", "j"))

    if count is not None and count.denominator == 1 and 0 < count <= MAX_UNROLLED_POWER:
        n = int(count)
        terms = [term(number(r), number(n - 1 - r), ()) for r in range(n)]
        return add(*terms)
    r = iota(size_node(exponent) if count is None else int(count))
    last = broadcast(subtract(exponent, number(1)), r)
    return term(r, subtract(last, r), ("r",))


def _vjp_expm(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """d(tr(exp(X))) = tr(exp(X)*dX), when the upstream gradient is a multiple of I. [MN] 8.8"""
    scaled = _multiple_of_identity(g, lead)
    if scaled is None:
        raise Unsupported(
            "cannot differentiate a matrix exponential here: "
            "a closed form exists only inside a trace"
        )
    return einsum(1, [(scaled, lead), (node, "ji")], (*lead, "i", "j"))


def _multiple_of_identity(g: Node, lead: Labels) -> Node | None:
    """c for the upstream gradient c*I, which is that of c*tr(F); None for any other."""
    if g.op != "einsum":
        return None
    coef, labels, out, sizes = einsum_parts(g)
    *_, row, column = out
    if row != column or any(row in own for own in labels) or row in out[:-2]:
        return None
    others = {label: sizes[label] for label in out[:-2]}
    return einsum(coef, zip(g.args, labels, strict=True), out[:-2], others)


def _vjp_stack(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """Each entry takes its own component of the upstream gradient."""
    factors: list[Factor] = [(g, (*lead, *_labels(node)))]
    for axis in reversed(_labels(node)):
        size = node.shape[axis]
        assert isinstance(size, int)
        k, index = divmod(k, size)
        factors.append((one_hot(index, size), (axis,)))
    return einsum(1, factors, lead)


def one_hot(index: Node | int, size: Node | int) -> Node:
    """The unit vector with a 1 at `index`, counted from 0."""
    offset = -index if isinstance(index, int) else subtract(number(0), index)
    return select("==", (1,), offset, (size,))


def _vjp_constant(node: Node, k: int, g: Node, lead: Labels) -> Node:
    """Piecewise constant: the derivative is zero where it exists."""
    return zeros((*g.shape[: len(lead)], *node.args[k].shape))


Vjp = Callable[[Node, int, Node, Labels], Node]

RULES: Mapping[str, Vjp] = {
    "add": _vjp_add,
    "einsum": _vjp_einsum,
    "map": _vjp_map,
    "logsumexp": _vjp_logsumexp,
    "max": _vjp_max,
    "argmax": _vjp_constant,
    "prod": _vjp_prod,
    "sort": _vjp_sort,
    "order": _vjp_constant,
    "inv": _vjp_inv,
    "det": _vjp_det,
    "logdet": _vjp_logdet,
    "matpow": _vjp_matpow,
    "expm": _vjp_expm,
    "stack": _vjp_stack,
}
