"""The syntax tree of an expression: what was written, and where.

Twelve small immutable classes. Every node has a ``span``, the offsets of what it stands for in
the text (parentheses around it included); spans take no part in comparisons. No tree is deeper
than ``parser.MAX_DEPTH``, however long its text: sums and products are flat chains. So a function
that calls itself on the children of a node is safe.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from symback.errors import Place
from symback.parse.source import Source, Span

_NOWHERE = Span(0, 0)

ChainOp: TypeAlias = Literal["+", "-", "*", "/", ".*", "./"]
PowerOp: TypeAlias = Literal["^", ".^"]
CompareOp: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True)
class Num:
    """A number, exact: ``0.1`` is 1/10 and ``1e-3`` is 1/1000."""

    value: Fraction
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Name:
    """A name, already spelled in ASCII: ``σ₁`` is ``sigma1``."""

    name: str
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Unary:
    """``-operand`` or ``+operand``."""

    op: Literal["-", "+"]
    operand: "Expr"
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Link:
    """One further member of a chain: an operator and what follows it. ``span``: the operator's."""

    op: ChainOp
    operand: "Expr"
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Chain:
    """Operators of one precedence, applied from left to right: ``first op operand op operand``.

    The operators are all of ``+ -`` or all of ``* / .* ./``.
    """

    first: "Expr"
    rest: tuple[Link, ...]
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Power:
    """``base ^ exponent`` (also written ``**``), or elementwise ``base .^ exponent``."""

    op: PowerOp
    base: "Expr"
    exponent: "Expr"
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Transpose:
    """``operand'`` or ``operand.T``."""

    operand: "Expr"
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Slice:
    """``start:stop:step`` inside an index; a part that is not written is None."""

    start: "Expr | None"
    stop: "Expr | None"
    step: "Expr | None" = None
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Index:
    """``base[item, ...]``."""

    base: "Expr"
    items: "tuple[Expr | Slice, ...]"
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Call:
    """``func(arg, ..., key=value, ...)``. ``func_span``: the function's name alone."""

    func: str
    args: "tuple[Expr, ...]"
    kwargs: "tuple[tuple[str, Expr], ...]" = ()
    span: Span = field(default=_NOWHERE, compare=False)
    func_span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class SumOver:
    """``sum(body, index = low..high)``, ``prod`` or ``array``; both ends belong to the range."""

    func: Literal["sum", "prod", "array"]
    body: "Expr"
    index: str
    low: "Expr"
    high: "Expr"
    span: Span = field(default=_NOWHERE, compare=False)
    index_span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class Compare:
    """``left op right``."""

    op: CompareOp
    left: "Expr"
    right: "Expr"
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True)
class List:
    """``[item, ...]``, or a parenthesised ``(item, item, ...)`` as SymPy writes its pairs."""

    items: "tuple[Expr, ...]"
    span: Span = field(default=_NOWHERE, compare=False)


Expr: TypeAlias = (
    Num | Name | Unary | Chain | Power | Transpose | Index | Call | SumOver | Compare | List
)
Syntax: TypeAlias = Expr | Link | Slice


@dataclass(frozen=True)
class Expression:
    """A parsed text: the root of its tree, and where the text came from."""

    root: Expr
    source: Source = field(compare=False)

    @property
    def text(self) -> str:
        """The expression as it was written."""
        return self.source.text

    def place(self, node: Syntax | None = None) -> Place:
        """The place of a node of this tree; of the whole expression without one."""
        span = self.root.span if node is None else node.span
        return self.source.place(span.start, span.end)


def children(node: Syntax) -> tuple[Syntax, ...]:
    """The nodes directly below ``node``, from left to right."""
    match node:
        case Unary(operand=operand) | Link(operand=operand) | Transpose(operand=operand):
            return (operand,)
        case Chain(first=first, rest=rest):
            return (first, *rest)
        case Power(base=left, exponent=right) | Compare(left=left, right=right):
            return (left, right)
        case Slice(start=start, stop=stop, step=step):
            return tuple(part for part in (start, stop, step) if part is not None)
        case Index(base=base, items=items):
            return (base, *items)
        case Call(args=args, kwargs=kwargs):
            return (*args, *(value for _, value in kwargs))
        case SumOver(body=body, low=low, high=high):
            return (body, low, high)
        case List(items=members):
            return members
        case _:
            return ()


def walk(root: Syntax) -> Iterator[Syntax]:
    """``root`` and every node below it, each before its children, from left to right."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))
