"""From text to syntax tree, by the grammar in grammar.lark.

>>> parse("a - b").root == Chain(Name("a"), (Link("-", Name("b")),))
True
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

from symback.errors import LimitError, NameProblem, SyntaxProblem
from symback.parse.diagnose import explain
from symback.parse.lalr import Stuck, build
from symback.parse.lexer import MAX_DEPTH, Token, tokenize
from symback.parse.names import NotAName, spell_name
from symback.parse.source import Source, Span
from symback.parse.syntax import (
    Call,
    Chain,
    ChainOp,
    Compare,
    CompareOp,
    Expr,
    Expression,
    Index,
    Link,
    List,
    Name,
    Num,
    Power,
    PowerOp,
    Slice,
    SumOver,
    Transpose,
    Unary,
    children,
)

_OVER: dict[str, Literal["sum", "prod", "array"]] = {
    "array": "array",
    "sum": "sum",
    "Sum": "sum",
    "prod": "prod",
    "product": "prod",
    "Product": "prod",
}


def parse(text: str | Source, file: str | None = None) -> Expression:
    """The syntax tree of an expression.

    ``text`` is plain text (in ``file``, for messages) or a ``Source`` that knows its place in a
    document. Raises a subclass of InputError, never anything else: SyntaxProblem, NameProblem
    for what cannot be a name, LimitError.
    """
    source = Source.of(text, file) if isinstance(text, str) else text
    tokens = tokenize(source)
    try:
        root: Expr = build(tokens, _Builder())
    except Stuck as stuck:
        raise explain(source, tokens, stuck.at) from None
    except _Misused as error:
        raise SyntaxProblem(
            error.message,
            place=source.place(*error.span),
            hint=error.hint,
            also=tuple((word, source.place(*span)) for word, span in error.also),
        ) from None
    _check_depth(root, source)
    return Expression(root, source)


def parse_name(text: str | Source, file: str | None = None) -> str:
    r"""The ASCII spelling of a text that is one name: ``ŷ`` and ``\hat{y}`` are ``y_hat``.

    Raises NameProblem.
    """
    source = Source.of(text, file) if isinstance(text, str) else text
    try:
        return spell_name(source.text)
    except NotAName as error:
        raise NameProblem(
            error.reason,
            place=source.place(error.at, error.at + error.length),
            hint=error.hint or "a name is a letter, then letters, digits and _",
        ) from None


def _check_depth(root: Expr, source: Source) -> None:
    waiting = [(cast("Any", root), 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise LimitError(
                f"the expression is nested more than {MAX_DEPTH} deep",
                place=source.place(*node.span),
                hint="name intermediate results, each on its own line",
            )
        below = depth + (not isinstance(node, Link))
        waiting.extend((child, below) for child in children(node))


class _Misused(Exception):
    """What the grammar allows and we do not; raised by the builder, who has no source."""

    def __init__(
        self,
        message: str,
        span: Span,
        hint: str | None = None,
        also: tuple[tuple[str, Span], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint
        self.also = also


@dataclass(frozen=True)
class _Keyword:
    """``name=value`` among the arguments of a call."""

    name: Token
    value: Expr


@dataclass(frozen=True)
class _Range:
    """``index = low..high`` among the arguments of a call."""

    name: Token
    low: Expr
    high: Expr


_Part: TypeAlias = Any  # a Token or what a method of the builder returned


def _over(first: _Part, last: _Part) -> Span:
    return Span(first.span.start, last.span.end)


def _without_tokens(parts: list[_Part]) -> list[_Part]:
    return [part for part in parts if not isinstance(part, Token)]


class _Builder:
    """One method for each ``-> name`` of the grammar: its parts in, a node out."""

    def number(self, parts: list[_Part]) -> Num:
        (token,) = parts
        return Num(token.number, token.span)

    def name(self, parts: list[_Part]) -> Name:
        (token,) = parts
        return Name(token.value, token.span)

    def group(self, parts: list[_Part]) -> Expr:
        opening, node, closing = parts
        return cast("Expr", replace(node, span=_over(opening, closing)))

    def listing(self, parts: list[_Part]) -> List:
        return List(tuple(_without_tokens(parts)), _over(parts[0], parts[-1]))

    def unary(self, parts: list[_Part]) -> Unary:
        sign, operand = parts
        return Unary(sign.value, operand, _over(sign, operand))

    def chain(self, parts: list[_Part]) -> Chain:
        first, *rest = parts
        links = tuple(
            Link(cast("ChainOp", op.value), operand, op.span)
            for op, operand in zip(rest[::2], rest[1::2], strict=True)
        )
        return Chain(first, links, _over(first, rest[-1]))

    def compare(self, parts: list[_Part]) -> Compare:
        left, op, right = parts
        return Compare(cast("CompareOp", op.value), left, right, _over(left, right))

    def power(self, parts: list[_Part]) -> Power:
        base, op, exponent = parts
        return Power(cast("PowerOp", op.value), base, exponent, _over(base, exponent))

    def superscript(self, parts: list[_Part]) -> Power:
        base, token = parts
        return Power("^", base, Num(token.number, token.span), _over(base, token))

    def transpose(self, parts: list[_Part]) -> Transpose:
        operand, token = parts
        return Transpose(operand, _over(operand, token))

    def index(self, parts: list[_Part]) -> Index:
        base, _, items, closing = parts
        return Index(base, items, _over(base, closing))

    def items(self, parts: list[_Part]) -> tuple[Expr | Slice, ...]:
        return tuple(_without_tokens(parts))

    def slice(self, parts: list[_Part]) -> Slice:
        bounds: list[Expr | None] = [None]
        for part in parts:
            if isinstance(part, Token):
                bounds.append(None)
            else:
                bounds[-1] = part
        span = _over(parts[0], parts[-1])
        if len(bounds) > 3:
            raise _Misused("a slice has at most three parts", span, "start:stop:step")
        bounds += [None] * (3 - len(bounds))
        return Slice(bounds[0], bounds[1], bounds[2], span)

    def keyword(self, parts: list[_Part]) -> _Keyword:
        name, _, value = parts
        return _Keyword(name, value)

    def range(self, parts: list[_Part]) -> _Range:
        name, _, low, _, high = parts
        return _Range(name, low, high)

    def call(self, parts: list[_Part]) -> Call | SumOver:
        func: Token = parts[0]
        span = _over(func, parts[-1])
        args: list[Expr] = []
        named: dict[str, _Keyword] = {}
        ranges: list[_Range] = []
        for part in _without_tokens(parts):
            if isinstance(part, _Range):
                ranges.append(part)
            elif isinstance(part, _Keyword):
                first = named.setdefault(part.name.value, part)
                if first is not part:
                    raise _Misused(
                        f"'{part.name.value}=' is given twice",
                        part.name.span,
                        also=(("first given here", first.name.span),),
                    )
            elif named or ranges:
                raise _Misused(
                    "an argument without a name after one with a name",
                    part.span,
                    "write the named arguments last",
                )
            else:
                args.append(part)
        if func.value in _OVER:
            if ranges:
                return _sum_over(func, args, named, ranges, span)
            triples = _sympy_ranges(args)
            if triples:
                return _sum_over(func, args[:1], named, triples, span)
        elif ranges:
            raise _Misused(
                f"'{func.text}' takes no range",
                ranges[0].name.span,
                "ranges are for sum(x[i], i = 0..n-1), prod(...) and array(...)",
            )
        kwargs = tuple((key, keyword.value) for key, keyword in named.items())
        return Call(func.value, tuple(args), kwargs, span, func.span)


def _sympy_ranges(args: list[Expr]) -> list[_Range]:
    """The ranges of ``Sum(body, (i, 0, n), ...)``, outermost first; none if it is not one."""
    ranges = []
    for arg in args[1:]:
        match arg:
            case List(items=(Name() as index, low, high)):
                ranges.append(_Range(Token("NAME", index.name, index.span, index.name), low, high))
            case _:
                return []
    return ranges[::-1]


def _sum_over(
    func: Token,
    args: list[Expr],
    named: dict[str, _Keyword],
    ranges: list[_Range],
    span: Span,
) -> SumOver:
    """A sum over one or several ranges, of which the first is the outermost."""
    if len(args) != 1 or named:
        raise _Misused(
            f"'{func.text}' over a range takes one expression and its ranges",
            span,
            f"{func.text}(x[i]*y[i], i = 0..n-1)",
        )
    node = args[0]
    for each in reversed(ranges):
        node = SumOver(
            _OVER[func.value],
            node,
            each.name.value,
            each.low,
            each.high,
            span,
            each.name.span,
        )
    return cast("SumOver", node)
