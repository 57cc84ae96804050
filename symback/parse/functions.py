"""The functions of the language, as tables: what each name builds, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from symback import ops
from symback import tensor as tn
from symback.errors import SyntaxProblem, ValueProblem
from symback.graph import Node, Shape, Size
from symback.parse import syntax as ast
from symback.sizes import plus
from symback.tensor import Index, Tensor

Env = Mapping[str, Index]


class Lowers(Protocol):
    """Who turns the syntax of arguments into tensors."""

    @property
    def expression(self) -> ast.Expression: ...

    @property
    def index_base(self) -> int: ...

    def tensor(self, node: ast.Expr, env: Env) -> Tensor: ...

    def whole(self, node: ast.Expr, env: Env, what: str) -> int: ...

    def size(self, node: ast.Expr, env: Env) -> Size: ...

    def new_size(self, name: str) -> Size: ...


@dataclass
class Arguments:
    """The arguments of one call."""

    lowering: Lowers
    node: ast.Call
    env: Env

    def __getitem__(self, place: int) -> Tensor:
        return self.lowering.tensor(self.node.args[place], self.env)

    @property
    def all(self) -> list[Tensor]:
        return [self[k] for k in range(len(self.node.args))]

    def whole(self, key: str, default: int) -> int:
        for name, value in self.node.kwargs:
            if name == key:
                return self.lowering.whole(value, self.env, key)
        return default

    def axis(self, place: int = 1) -> int | None:
        """axis=..., or the argument at `place`."""
        if len(self.node.args) > place:
            return self.lowering.whole(self.node.args[place], self.env, "axis")
        axis = self.whole("axis", -1)
        return None if axis == -1 and not self.node.kwargs else axis

    def sizes(self) -> Shape:
        return tuple(self.lowering.size(arg, self.env) for arg in self.node.args)

    def positions(self, place: int, size: Size) -> list[int]:
        """A list of entries, as positions counted from 0."""
        item = self.node.args[place]
        if not isinstance(item, ast.List):
            raise ValueProblem("a list of entries is needed, such as [2, 0, 1]")
        base = self.lowering.index_base
        result = []
        for entry in item.items:
            value = self.lowering.whole(entry, self.env, "an entry") - base
            if value < 0 or (isinstance(size, int) and value >= size):
                last = tn.show_size(plus(size, base - 1))
                raise ValueProblem(
                    f"this entry is outside the axis, whose entries are {base} to {last}",
                    place=self.lowering.expression.place(entry),
                )
            result.append(value)
        return result

    def new_size(self, what: str) -> Size:
        """A size that is the same each time this call is lowered."""
        return self.lowering.new_size(f"{what}_{self.node.span.start}")


@dataclass(frozen=True)
class _Function:
    build: Callable[[Arguments], Tensor]
    fewest: int = 1
    most: int | None = 1
    keywords: tuple[str, ...] = ()


def _elementwise(name: str) -> Callable[[Tensor], Tensor]:
    return lambda x: tn.elementwise(name, x)


def _reciprocal(name: str) -> Callable[[Tensor], Tensor]:
    return lambda x: tn.reciprocal(tn.elementwise(name, x))


def _plus(x: Tensor, value: int) -> Tensor:
    return tn.add(x, tn.scalar(value))


def _log_base(base: int) -> Callable[[Tensor], Tensor]:
    over = ops.power(ops.apply("log", ops.number(base)), -1)
    return lambda x: tn.hadamard(tn.elementwise("log", x), Tensor(over))


ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    **{
        name: _elementwise(name)
        for name in (
            *("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"),
            *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
            *("erf", "gamma", "loggamma", "sigmoid", "softplus", "gelu", "relu"),
            *("abs", "sign", "step", "heaviside", "floor"),
        )
    },
    "sqrt": lambda x: Tensor(ops.power(x.node, Fraction(1, 2)), x.shape, x.free),
    "square": lambda x: Tensor(ops.power(x.node, 2), x.shape, x.free),
    "cot": _reciprocal("tan"),
    "sec": _reciprocal("cos"),
    "csc": _reciprocal("sin"),
    "erfc": lambda x: _plus(tn.scale(-1, tn.elementwise("erf", x)), 1),
    "digamma": lambda x: tn.elementwise("polygamma", tn.scalar(0), x),
    "log1p": lambda x: tn.elementwise("log", _plus(x, 1)),
    "expm1": lambda x: _plus(tn.elementwise("exp", x), -1),
    "log2": _log_base(2),
    "log10": _log_base(10),
    "silu": lambda x: tn.hadamard(x, tn.elementwise("sigmoid", x)),
}

ALIASES: dict[str, str] = {
    "ln": "log",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "sigma": "sigmoid",
    "logistic": "sigmoid",
    "ReLU": "relu",
    "Abs": "abs",
    "sgn": "sign",
    "lgamma": "loggamma",
    "gammaln": "loggamma",
    "psi": "digamma",
    "Heaviside": "heaviside",
    "swish": "silu",
    "SiLU": "silu",
    "GELU": "gelu",
    "Max": "max",
    "Min": "min",
    "maximum": "max",
    "minimum": "min",
    "trace": "tr",
    "Trace": "tr",
    "Tr": "tr",
    "Determinant": "det",
    "Inverse": "inv",
    "norm": "norm2",
    "Hadamard": "hadamard",
    "HadamardProduct": "hadamard",
    "KroneckerProduct": "kron",
    "Identity": "eye",
    "OneMatrix": "ones",
    "ZeroMatrix": "zeros",
    "Piecewise": "piecewise",
    "Transpose": "transpose",
    "LogSumExp": "logsumexp",
    "lse": "logsumexp",
    "concatenate": "concat",
    "average": "mean",
}

COMPARISONS: dict[str, tuple[str, bool]] = {
    "<": ("lt", False),
    "<=": ("le", False),
    ">": ("lt", True),
    ">=": ("le", True),
    "==": ("eq", False),
    "!=": ("ne", False),
}

CONSTANTS: dict[str, Tensor] = {
    "pi": Tensor(ops.constant("pi")),
    "e": Tensor(ops.apply("exp", ops.ONE)),
    "E": Tensor(ops.apply("exp", ops.ONE)),
    "True": tn.scalar(1),
    "False": tn.scalar(0),
}


def _largest(a: Arguments, sign: int) -> Tensor:
    """The larger of several, or the largest entry of one array."""
    if len(a.node.args) > 1:
        first, *rest = a.all
        for t in rest:
            first = tn.elementwise("maximum" if sign > 0 else "minimum", first, t)
        return first
    (x,) = a.all
    return tn.reduce("max", x, a.axis()) if sign > 0 else tn.minimum_entry(x, a.axis())


def _variance(a: Arguments) -> Tensor:
    x, axis = a[0], a.axis()
    centred = tn.add(x, tn.scale(-1, tn.mean(x, axis)))
    return tn.mean(tn.hadamard(centred, centred), axis)


def _square_root(t: Tensor) -> Tensor:
    return Tensor(ops.power(t.node, Fraction(1, 2)), t.shape, t.free)


def _piecewise(a: Arguments) -> Tensor:
    """piecewise((value, condition), ..., (value, True))"""
    result: Tensor | None = None
    for item in reversed(a.node.args):
        if not isinstance(item, ast.List) or len(item.items) != 2:
            raise SyntaxProblem(
                "a case of piecewise is written (value, condition)",
                place=a.lowering.expression.place(item),
            )
        value = a.lowering.tensor(item.items[0], a.env)
        holds = a.lowering.tensor(item.items[1], a.env)
        if result is None:
            if holds.node is not ops.ONE:
                raise SyntaxProblem(
                    "the last case of piecewise must hold for everything else",
                    place=a.lowering.expression.place(item),
                    hint="end with (value, True)",
                )
            result = value
        else:
            result = tn.elementwise("where", holds, value, result)
    assert result is not None
    return result


def _constant(a: Arguments, value: Node) -> Tensor:
    return tn.constant(value, a.sizes())


def _product(combine: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Arguments], Tensor]:
    def build(a: Arguments) -> Tensor:
        first, *rest = a.all
        for t in rest:
            first = combine(first, t)
        return first

    return build


def _matrix(name: str) -> Callable[[Arguments], Tensor]:
    return lambda a: tn.matrix_function(name, a[0])


def _reduction(op: str) -> Callable[[Arguments], Tensor]:
    return lambda a: tn.reduce(op, a[0], a.axis())


def _gather(a: Arguments) -> Tensor:
    t = a[0]
    return tn.gather(t, a.positions(1, t.shape[0]))


def _leaky_relu(a: Arguments) -> Tensor:
    x, slope = a[0], a[1]
    return tn.elementwise("where", tn.elementwise("lt", tn.scalar(0), x), x, tn.hadamard(slope, x))


MATRIX_FUNCTIONS: dict[str, _Function] = {
    "sum": _Function(lambda a: tn.total(a[0], a.axis()), 1, 2, ("axis",)),
    "mean": _Function(lambda a: tn.mean(a[0], a.axis()), 1, 2, ("axis",)),
    "var": _Function(_variance, 1, 2, ("axis",)),
    "std": _Function(lambda a: _square_root(_variance(a)), 1, 2, ("axis",)),
    "max": _Function(lambda a: _largest(a, 1), 1, None, ("axis",)),
    "min": _Function(lambda a: _largest(a, -1), 1, None, ("axis",)),
    "prod": _Function(_reduction("prod"), 1, 2, ("axis",)),
    "logsumexp": _Function(_reduction("logsumexp"), 1, 2, ("axis",)),
    "softmax": _Function(lambda a: tn.softmax(a[0], a.axis()), 1, 2, ("axis",)),
    "log_softmax": _Function(lambda a: tn.softmax(a[0], a.axis(), log=True), 1, 2, ("axis",)),
    "hardmax": _Function(lambda a: tn.hardmax(a[0], a.axis()), 1, 2, ("axis",)),
    "norm1": _Function(lambda a: tn.norm1(a[0])),
    "norm2": _Function(lambda a: tn.norm2(a[0])),
    "dot": _Function(_product(tn.dot), 2, 2),
    "outer": _Function(_product(tn.outer), 2, 2),
    "hadamard": _Function(_product(tn.hadamard), 2, None),
    "kron": _Function(_product(tn.kron), 2, None),
    "tr": _Function(lambda a: tn.trace(a[0])),
    "det": _Function(_matrix("det")),
    "logdet": _Function(_matrix("logdet")),
    "inv": _Function(_matrix("inv")),
    "expm": _Function(_matrix("expm")),
    "transpose": _Function(lambda a: tn.transpose(a[0])),
    "diag": _Function(lambda a: tn.diag(a[0])),
    "vec": _Function(lambda a: tn.vec(a[0])),
    "sort": _Function(lambda a: tn.sort(a[0])),
    "sorting": _Function(lambda a: tn.sorting(a[0])),
    "gather": _Function(_gather, 2, 2),
    "permute": _Function(_gather, 2, 2),
    "concat": _Function(lambda a: tn.concat(a.all, a.whole("axis", 0)), 1, None, ("axis",)),
    "ones": _Function(lambda a: _constant(a, ops.ONE), 1, None),
    "zeros": _Function(lambda a: _constant(a, ops.ZERO), 1, None),
    "eye": _Function(lambda a: tn.eye(a.sizes()[0])),
    "vector": _Function(lambda a: tn.constant(tn.as_scalar(a[0]).node, (a.new_size("rows"),))),
    "matrix": _Function(
        lambda a: tn.constant(tn.as_scalar(a[0]).node, (a.new_size("rows"), a.new_size("columns")))
    ),
    "correlate": _Function(
        lambda a: tn.correlate(a[0], a[1], a.whole("stride", 1), a.whole("padding", 0)),
        *(2, 2, ("stride", "padding")),
    ),
    "conv": _Function(
        lambda a: tn.correlate(a[0], a[1], a.whole("stride", 1), a.whole("padding", 0), flip=True),
        *(2, 2, ("stride", "padding")),
    ),
    "maxpool": _Function(lambda a: _pool(a, "max"), 2, 2, ("stride",)),
    "avgpool": _Function(lambda a: _pool(a, "mean"), 2, 2, ("stride",)),
    "where": _Function(lambda a: tn.elementwise("where", a[0], a[1], a[2]), 3, 3),
    "piecewise": _Function(_piecewise, 1, None),
    "polygamma": _Function(lambda a: tn.elementwise("polygamma", a[0], a[1]), 2, 2),
    "leaky_relu": _Function(_leaky_relu, 2, 2),
}


def _pool(a: Arguments, how: str) -> Tensor:
    window = a.lowering.whole(a.node.args[1], a.env, "the window")
    return tn.pool(a[0], window, a.whole("stride", window), how)


def function_names() -> Sequence[str]:
    """Every function of the language."""
    return sorted({*MATRIX_FUNCTIONS, *ELEMENTWISE, *ALIASES})
