"""From the syntax tree of an expression to a tensor: names looked up, shapes checked.

Every mistake is reported at the piece of text it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from symback import ops
from symback import tensor as tn
from symback.errors import (
    LimitError,
    NameProblem,
    ShapeError,
    SymbackError,
    SyntaxProblem,
    Unsupported,
    ValueProblem,
    did_you_mean,
)
from symback.graph import Node, Size, topological
from symback.parse import syntax as ast
from symback.parse.functions import (
    ALIASES,
    COMPARISONS,
    CONSTANTS,
    ELEMENTWISE,
    MATRIX_FUNCTIONS,
    Arguments,
    Env,
)
from symback.sizes import flat, minus, plus, times
from symback.tensor import Index, Tensor

MAX_AXIS_PARTS = 2000


@dataclass
class Scope:
    """What names mean.

    Attributes:
        names: variables, sizes and earlier definitions.
        functions: unknown functions and the number of their arguments.
        index_base: the number of the first entry, 0 or 1.
        open_sizes: sizes that may still be set to what the expression needs.
        bound: what they have been set to.
        extents: how long the axes of open sizes must be for the indices that run along them.
        declare: called for an unknown name; returns a tensor, or None to refuse it.
    """

    names: dict[str, Tensor] = field(default_factory=dict)
    functions: Mapping[str, int] = field(default_factory=dict)
    index_base: int = 0
    open_sizes: set[Node] = field(default_factory=set)
    bound: dict[Node, Size] = field(default_factory=dict)
    extents: dict[Node, set[Size]] = field(default_factory=dict)
    declare: Callable[[str], Tensor | None] = lambda name: None

    def new_size(self, name: str) -> Size:
        """A size that the expression will set."""
        size = ops.symbol(name, kind="size")
        self.open_sizes.add(size)
        return self.resolve(size)

    def resolve(self, size: Size) -> Size:
        while isinstance(size, Node) and size in self.bound:
            size = self.bound[size]
        return size

    def bind(self, a: Size, b: Size) -> bool:
        """Make two sizes equal if one of them is open."""
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Node) and one in self.open_sizes and other != 1:
                self.bound[one] = other
                return True
        return False


def lower(expression: ast.Expression, scope: Scope) -> Tensor:
    """The tensor that an expression means; open sizes are set on the way.

    Raises:
        InputError: with the place in the text.
    """
    while True:
        try:
            return _Lowering(expression, scope).tensor(expression.root, {})
        except tn.SizeMismatch as mismatch:
            if not scope.bind(mismatch.a, mismatch.b):
                raise


class _Lowering:
    def __init__(self, expression: ast.Expression, scope: Scope) -> None:
        self.expression = expression
        self.scope = scope

    @property
    def index_base(self) -> int:
        return self.scope.index_base

    def new_size(self, name: str) -> Size:
        return self.scope.new_size(name)

    def tensor(self, node: ast.Expr, env: Env) -> Tensor:
        try:
            return self._tensor(node, env)
        except SymbackError as error:
            if error.place is None:
                error.place = self.expression.place(node)
            raise

    def _tensor(self, node: ast.Expr, env: Env) -> Tensor:
        match node:
            case ast.Num(value=value):
                return tn.scalar(value)
            case ast.Name(name=name):
                return self.name(name, env)
            case ast.Unary(op=op, operand=operand):
                inner = self.tensor(operand, env)
                return tn.scale(-1, inner) if op == "-" else inner
            case ast.Chain():
                return self.chain(node, env)
            case ast.Power():
                return self.power(node, env)
            case ast.Transpose(operand=operand):
                return tn.transpose(self.tensor(operand, env))
            case ast.Index():
                return self.index(node, env)
            case ast.Call():
                return self.call(node, env)
            case ast.SumOver():
                return self.sum_over(node, env)
            case ast.Compare(op=op, left=left, right=right):
                a, b = self.tensor(left, env), self.tensor(right, env)
                name, swapped = COMPARISONS[op]
                return tn.elementwise(name, b, a) if swapped else tn.elementwise(name, a, b)
            case ast.List():
                return self.array(node, env)
        raise SyntaxProblem("this cannot stand here")

    # --- names ---------------------------------------------------------------------------------

    def name(self, name: str, env: Env) -> Tensor:
        if name in env:
            return tn.index_value(env[name])
        if name in self.scope.names:
            return self.scope.names[name]
        declared = self.scope.declare(name)
        if declared is not None:
            return declared
        if name in CONSTANTS:
            return CONSTANTS[name]
        hint = did_you_mean(name, [*env, *self.scope.names])
        raise NameProblem(
            f"unknown name '{name}'", hint=hint or "declare it under [symbols] or [define]"
        )

    # --- operators -----------------------------------------------------------------------------

    def chain(self, node: ast.Chain, env: Env) -> Tensor:
        first = self.tensor(node.first, env)
        if node.rest and node.rest[0].op in "+-":
            terms = [first]
            for link in node.rest:
                term = self.tensor(link.operand, env)
                terms.append(tn.scale(-1, term) if link.op == "-" else term)
            return self._sum(terms, node)
        result = first
        for link in node.rest:
            operand = self.tensor(link.operand, env)
            try:
                result = self._product(link.op, result, operand)
            except SymbackError as error:
                if error.place is None:
                    error.place = self.expression.place(link)
                raise
        return result

    def _sum(self, terms: list[Tensor], node: ast.Chain) -> Tensor:
        shape = terms[0]
        for term, link in zip(terms[1:], node.rest, strict=True):
            try:
                tn.broadcast([shape, term], "a difference" if link.op == "-" else "a sum")
            except SymbackError as error:
                if error.place is None:
                    error.place = self.expression.place(link)
                raise
            shape = max(shape, term, key=lambda t: (t.rank, sum(s != 1 for s in t.shape)))
        return tn.add(*terms)

    def _product(self, op: str, a: Tensor, b: Tensor) -> Tensor:
        if op == ".*":
            return tn.hadamard(a, b)
        if op == "./":
            return tn.hadamard(a, tn.reciprocal(b))
        if op == "*":
            return tn.matmul(a, b)
        if not b.is_scalar:
            shapes = f"{tn.show_shape(a.shape)} and {tn.show_shape(b.shape)}"
            raise ShapeError(
                f"cannot divide by a matrix: shapes {shapes}",
                hint="elementwise division is ./ and A*inv(B) solves a system",
            )
        return tn.hadamard(a, tn.as_scalar(tn.reciprocal(b)))

    def power(self, node: ast.Power, env: Env) -> Tensor:
        exponent = node.exponent
        if isinstance(exponent, ast.Name) and exponent.name == "T" and "T" not in self.scope.names:
            return tn.transpose(self.tensor(node.base, env))
        base, e = self.tensor(node.base, env), self.tensor(exponent, env)
        if node.op == ".^" or base.is_scalar:
            if node.op == "^" and not e.is_scalar:
                raise ShapeError(
                    f"the exponent has shape {tn.show_shape(e.shape)}",
                    hint="elementwise powers are written .^",
                )
            return tn.power(base, e if node.op == ".^" else tn.as_scalar(e))
        matrix = tn.as_matrix(base)
        if matrix.shape[0] != matrix.shape[1] and 1 in matrix.shape:
            raise ShapeError(
                f"a vector has no powers: shape {tn.show_shape(base.shape)}",
                hint="elementwise powers are written .^",
            )
        value = ops.value_of(e.node)
        if value is not None and value.denominator != 1 and not ops.is_diagonal(base.node):
            raise Unsupported(
                f"a matrix power needs a whole exponent, not {value}",
                hint="elementwise power is .^",
            )
        return tn.matrix_power(base, e)

    # --- indices -------------------------------------------------------------------------------

    def affine(self, node: ast.Expr, env: Env) -> tuple[dict[Index, Size], Node]:
        """An index expression: whole multiples of index variables, and the rest."""
        if isinstance(node, ast.Name) and node.name in env:
            return {env[node.name]: 1}, ops.ZERO
        if isinstance(node, ast.Unary):
            coefs, rest = self.affine(node.operand, env)
            sign = -1 if node.op == "-" else 1
            return {i: times(sign, c) for i, c in coefs.items()}, ops.scale(sign, rest)
        if isinstance(node, ast.Chain) and node.rest[0].op in ("+", "-"):
            total, offset = self.affine(node.first, env)
            for link in node.rest:
                coefs, rest = self.affine(link.operand, env)
                sign = -1 if link.op == "-" else 1
                for i, c in coefs.items():
                    total[i] = plus(total.get(i, 0), times(sign, c))
                offset = ops.add(offset, ops.scale(sign, rest))
            return total, offset
        if isinstance(node, ast.Chain) and all(link.op == "*" for link in node.rest):
            parts = [
                self.affine(part, env) for part in (node.first, *(k.operand for k in node.rest))
            ]
            moving = [part for part in parts if part[0]]
            fixed = [rest for coefs, rest in parts if not coefs]
            factor = ops.einsum(1, [(rest, ()) for rest in fixed], ())
            if not moving:
                return {}, factor
            whole = all(x.op != "symbol" or x.params[1] == "size" for x in topological([factor]))
            value = ops.value_of(factor)
            if len(moving) == 1 and whole and (value is None or value.denominator == 1):
                coefs, rest = moving[0]
                count = ops.as_size(flat(factor))
                return {i: times(count, c) for i, c in coefs.items()}, ops.multiple(count, rest)
        inner = tn.as_scalar(self.tensor(node, env))
        if inner.free:
            raise SyntaxProblem(
                "an index must be a sum of index variables, sizes and whole numbers",
                place=self.expression.place(node),
            )
        return {}, inner.node

    def position(self, node: ast.Expr, env: Env, size: Size) -> tuple[dict[Index, Size], Node]:
        """A written index as a position counted from 0, checked against the axis."""
        coefs, rest = self.affine(node, env)
        base = self.scope.index_base
        offset = ops.add(rest, ops.number(-base))
        lowest = tn.extreme(coefs, offset, low=True)
        highest = tn.extreme(coefs, offset, low=False)
        if coefs and isinstance(size, Node) and size in self.scope.open_sizes:
            self.scope.extents.setdefault(size, set()).add(plus(ops.as_size(highest), 1))
        short = ops.value_of(flat(lowest))
        over = ops.value_of(flat(ops.subtract(highest, ops.size_node(size))))
        whole = all(v is None or v.denominator == 1 for v in (short, over))
        if (short is not None and short < 0) or (over is not None and over >= 0) or not whole:
            last = tn.show_size(plus(size, base - 1))
            raise ValueProblem(
                f"this index is outside the axis, whose entries are {base} to {last}",
                place=self.expression.place(node),
                hint=f"indices count from {base} here (index_base)",
            )
        return coefs, offset

    def index(self, node: ast.Index, env: Env) -> Tensor:
        base = self.tensor(node.base, env)
        items = list(node.items)
        if base.rank == 1 and len(items) == 2:
            base = tn.as_matrix(base)
        if base.rank == 2 and len(items) == 1 and 1 in base.shape:
            base = tn.as_vector(base)
        if len(items) != base.rank:
            count = f"{len(items)} {'index' if len(items) == 1 else 'indices'}"
            raise ShapeError(
                f"{count} for shape {tn.show_shape(base.shape)}",
                hint="give one index or slice for each axis",
            )
        if not any(isinstance(item, ast.Slice) for item in items):
            places = [
                self.position(item, env, size)
                for item, size in zip(items, base.shape, strict=True)
                if not isinstance(item, ast.Slice)
            ]
            return tn.entry(base, places)
        for axis, item in enumerate(items):
            if isinstance(item, ast.Slice):
                base = self._slice(base, axis, item, env)
                continue
            coefs, offset = self.position(item, env, base.shape[axis])
            if coefs:
                raise SyntaxProblem(
                    "an index variable cannot stand beside a slice",
                    place=self.expression.place(item),
                    hint="write every axis with an index, or every index as a number",
                )
            base = tn.slice_axis(base, axis, ops.as_size(offset), 1)
        return base

    def _slice(self, t: Tensor, axis: int, item: ast.Slice, env: Env) -> Tensor:
        """start:stop as in Python where entries count from 0; both ends included from 1."""
        base, size = self.scope.index_base, t.shape[axis]
        step = self.whole(item.step, env, "a step") if item.step is not None else 1
        low = ops.ZERO if item.start is None else self.position(item.start, env, size)[1]
        if item.stop is None:
            high = ops.size_node(size)
        else:
            coefs, high = self.affine(item.stop, env)
            if coefs:
                raise SyntaxProblem("a slice has fixed ends", place=self.expression.place(item))
        length = ops.as_size(flat(ops.subtract(high, low)))
        over = ops.value_of(flat(ops.subtract(high, ops.size_node(size))))
        bad = isinstance(length, int) and length < 1
        if bad or step < 1 or (over is not None and over > 0):
            last = tn.show_size(plus(size, base - 1))
            raise ValueProblem(
                f"this slice is empty or outside the axis, whose entries are {base} to {last}",
                place=self.expression.place(item),
            )
        if step != 1:
            if not isinstance(length, int):
                raise ValueProblem("a slice with a step needs known ends")
            length = -(-length // step)
        return tn.slice_axis(t, axis, ops.as_size(low), length, step)

    def sum_over(self, node: ast.SumOver, env: Env) -> Tensor:
        if node.index in self.scope.names:
            raise NameProblem(
                f"'{node.index}' is a variable already and cannot be an index",
                hint="choose another letter for the index",
            )
        low, high = (self.affine(end, env) for end in (node.low, node.high))
        index = Index(
            f"{node.index}#{len(env)}",
            tn.extreme(*low, low=True),
            tn.extreme(*high, low=False),
        )
        if isinstance(index.size, int) and index.size < 1:
            empty = f"the index '{node.index}' runs through no value"
            raise ValueProblem(empty, place=self.expression.place(node))
        body = self.tensor(node.body, {**env, node.index: index})
        holds = tn.scalar(1)
        if low[0]:
            holds = tn.condition("<=", {**low[0], index: -1}, low[1])
        if high[0]:
            coefs = {index: 1, **{i: minus(c) for i, c in high[0].items()}}
            upper = tn.condition("<=", coefs, ops.scale(-1, high[1]))
            holds = tn.hadamard(holds, upper)
        if node.func != "sum":
            if holds.free:
                what = "a product" if node.func == "prod" else "an array"
                raise SyntaxProblem(f"the ends of {what} must not depend on another index")
            return (tn.prod_over if node.func == "prod" else tn.array_over)(body, index)
        return tn.sum_over(tn.hadamard(holds, body) if holds.free else body, index)

    # --- calls ---------------------------------------------------------------------------------

    def call(self, node: ast.Call, env: Env) -> Tensor:
        place = self.expression.place
        if node.func in self.scope.functions:
            arity = self.scope.functions[node.func]
            _check_count(node, arity, arity)
            args = [self.tensor(arg, env) for arg in node.args]
            return tn.elementwise(node.func, *args, order=(0,) * arity)
        if node.func in self.scope.names or node.func in env:
            inside = ", ".join(self.text_of(arg) for arg in node.args)
            raise NameProblem(
                f"'{node.func}' is not a function",
                hint=f"entries are written {node.func}[{inside}], products with *",
            )
        name = ALIASES.get(node.func, node.func)
        if name in MATRIX_FUNCTIONS:
            function = MATRIX_FUNCTIONS[name]
            _check_count(node, function.fewest, function.most)
            for key, value in node.kwargs:
                if key not in function.keywords:
                    known = ", ".join(function.keywords) or "none"
                    raise NameProblem(
                        f"{node.func} does not take '{key}'",
                        place=place(value),
                        hint=did_you_mean(key, function.keywords) or f"it takes: {known}",
                    )
            return function.build(Arguments(self, node, env))
        if name in ELEMENTWISE:
            _check_count(node, 1, 1)
            return ELEMENTWISE[name](self.tensor(node.args[0], env))
        names = [*MATRIX_FUNCTIONS, *ELEMENTWISE, *ALIASES, *self.scope.functions]
        raise NameProblem(
            f"unknown function '{node.func}'",
            hint=did_you_mean(node.func, names) or "declare an unknown function under [functions]",
        )

    def text_of(self, node: ast.Expr) -> str:
        return self.expression.text[node.span.start : node.span.end]

    def array(self, node: ast.List, env: Env) -> Tensor:
        rows = [item.items if isinstance(item, ast.List) else (item,) for item in node.items]
        if not rows or any(len(row) != len(rows[0]) for row in rows) or not rows[0]:
            raise ShapeError("the rows of an array must be of one length", hint="[[a, b], [c, d]]")
        if len(rows) * len(rows[0]) > MAX_AXIS_PARTS:
            raise LimitError(f"an explicit array may have {MAX_AXIS_PARTS} entries")
        entries = [self.tensor(item, env) for row in rows for item in row]
        nested = any(isinstance(item, ast.List) for item in node.items)
        return tn.array(entries, (len(rows), len(rows[0])) if nested else (len(rows),))

    def whole(self, node: ast.Expr, env: Env, what: str) -> int:
        value = ops.value_of(tn.as_scalar(self.tensor(node, env)).node)
        if value is None or value.denominator != 1 or abs(value) > 10**6:
            raise ValueProblem(f"{what} must be a whole number", place=self.expression.place(node))
        return int(value)

    def size(self, node: ast.Expr, env: Env) -> Size:
        inner = tn.as_scalar(self.tensor(node, env))
        size = ops.as_size(flat(inner.node))
        if inner.free or (isinstance(size, int) and size < 1):
            raise ValueProblem("a size is a whole number from 1", place=self.expression.place(node))
        value = ops.value_of(ops.size_node(size))
        if value is not None and (value.denominator != 1 or value > 10**6):
            raise ValueProblem("a size is a whole number from 1", place=self.expression.place(node))
        return size


def _check_count(node: ast.Call, fewest: int, most: int | None) -> None:
    count = len(node.args)
    if count < fewest or (most is not None and count > most):
        if most is None:
            wanted = f"at least {fewest}"
        else:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise SyntaxProblem(f"{node.func} takes {wanted} argument(s), not {count}")
