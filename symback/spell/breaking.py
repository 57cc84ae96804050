"""Formulas broken into lines, at the outermost operators that do.

Sums are broken before products, outer brackets before inner ones. Brackets that grow and fractions
stay whole as long as they fit; a fraction that does not is written with a slash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from symback.spell.mathtree import (
    Exponential,
    Fence,
    Fraction,
    Node,
    called,
    fenced,
    height_of,
    lone_bracket,
    quotient,
    scripted,
    widths_of,
)

MAX_EXPONENT = 7.0  # em, of one that stays raised where a formula has to be broken
MIN_STARTED = 0.35  # of a line: less is left empty before something long
_SPACE = 0.6  # em, for the spaces around an operator
_SUMS = frozenset({"+", "-"})
_JOINS = Node(r"\cdot", "⋅", (0.278, 0.278, 0.2, 0.15), 1.0, "bin", r"\cdot")
_START = Node("{}", '""', (0.0, 0.0, 0.0, 0.0))


@dataclass(frozen=True)
class _Token:
    """A node, or one of the brackets of a fence that has been opened.

    Attributes:
        depth: of brackets.
        fence: the fence that this is a bracket of.
        number: of that fence.
        opens: whether it is the left one.
    """

    node: Node
    depth: int
    fence: Fence | None = None
    number: int = 0
    opens: bool = False


def broken(row: Sequence[Node], first: float, rest: float) -> list[tuple[Node, ...]]:
    """The row in lines of at most `first` em, then `rest` em, where that can be done.

    >>> from symback.spell.mathtree import math_tree, tex_of
    >>> [tex_of(line) for line in broken(math_tree(r"a + b + c + d"), 5, 4)]
    ['a + b + c', '{} + d']
    """
    if widths_of(row)[0] <= first:
        return [tuple(row)]
    tokens = list(_tokens(_slashed(row, min(first, rest))))
    parts = _filled(tokens, first, rest)
    return [_line(parts[0], None), *(_line(b, a[-1]) for a, b in pairwise(parts))]


def _slashed(row: Sequence[Node], width: float) -> Iterator[Node]:
    """Fractions that are too wide become quotients in one line, long exponents arguments."""
    for node in row:
        if isinstance(node, Fraction) and node.widths[0] > width:
            yield from _slashed(quotient(node), width)
        elif isinstance(node, Exponential) and node.widths[0] > MAX_EXPONENT:
            yield from _slashed(called(node), width)
        elif isinstance(node, Fence):
            inside = tuple(_slashed(node.inside, width))
            same = inside == node.inside
            yield node if same else _with_scripts(fenced(node.left, inside, node.right), node)
        else:
            yield node


def _tokens(row: Iterator[Node]) -> Iterator[_Token]:
    """Every node, growing brackets opened."""
    depth = count = 0
    stack: list[Node | _Token] = [*reversed([*row])]
    while stack:
        item = stack.pop()
        if isinstance(item, _Token):
            depth -= 1
            yield _Token(item.node, depth, item.fence, item.number)
        elif isinstance(item, Fence):
            count += 1
            yield _Token(item, depth, item, count, opens=True)
            depth += 1
            stack += [_Token(item, 0, item, count), *item.inside[::-1]]
        else:
            if item.kind == "close":
                depth -= 1
            yield _Token(item, depth)
            if item.kind == "open":
                depth += 1


def _filled(tokens: list[_Token], first: float, rest: float) -> list[list[_Token]]:
    if _width(tokens) <= first:
        return [tokens]
    level = min((own for own in map(_level, *_gaps(tokens)) if own is not None), default=None)
    if level is None:
        return [tokens]
    lines: list[list[_Token]] = []
    for piece in _pieces(tokens, level):
        room = rest if len(lines) > 1 else first
        left = room - _width(lines[-1]) if lines else 0.0
        if lines and _width([*lines[-1], *piece]) <= room:
            lines[-1] += piece
        elif lines and _width(piece) > rest and left > MIN_STARTED * room:
            started, *others = _filled(piece, left - _SPACE, rest)
            if _width([*lines[-1], *started]) <= room:
                lines[-1] += started
                lines.extend(others)
            else:
                lines.extend(_filled(piece, rest, rest))
        else:
            lines.extend(_filled(piece, rest if lines else first, rest))
    return lines


def _gaps(tokens: list[_Token]) -> tuple[list[_Token], list[_Token]]:
    return tokens[:-1], tokens[1:]


def _pieces(tokens: list[_Token], level: int) -> Iterator[list[_Token]]:
    piece = tokens[:1]
    for before, after in zip(*_gaps(tokens), strict=True):
        if _level(before, after) == level:
            yield piece
            piece = []
        piece = [*piece, after]
    yield piece


def _level(before: _Token, after: _Token) -> int | None:
    """How far inside a break between two tokens would be; None where there is none."""
    depth = 2 * after.depth
    if _opens(before) or _closes(after) or after.node.kind in ("punct", "space"):
        return None
    if before.node.kind == "punct":
        return depth
    if after.node.kind == "rel":
        return depth + (after.depth > 0)
    if before.node.kind in ("bin", "rel", "op"):
        return None
    if after.node.kind == "bin":
        return depth + (after.node.leads not in _SUMS)
    spaced = before.node.kind == "space"
    if _opens(after) and not spaced:
        return None
    joins = spaced or (_is_long(before) and _is_long(after))
    return depth + 1 if joins else None


def _is_long(token: _Token) -> bool:
    """Whether this is more than a letter: letters that are multiplied stay together."""
    return token.fence is not None or token.node.widths[0] > 1.6


def _opens(token: _Token) -> bool:
    return token.opens if token.fence is not None else token.node.kind == "open"


def _closes(token: _Token) -> bool:
    return not token.opens if token.fence is not None else token.node.kind == "close"


def _width(tokens: Sequence[_Token]) -> float:
    return widths_of(_joined(tokens))[0]


def _joined(tokens: Sequence[_Token]) -> tuple[Node, ...]:
    """Nodes again; brackets whose other one is elsewhere get a size of their own."""
    here: dict[int, int] = {}
    for token in tokens:
        if token.fence is not None:
            here[token.number] = here.get(token.number, 0) + 1
    stack: list[list[Node]] = [[]]
    for token in tokens:
        fence = token.fence
        if fence is None:
            stack[-1].append(token.node)
        elif here[token.number] == 2:
            if token.opens:
                stack.append([])
            else:
                inside = tuple(stack.pop())
                stack[-1].append(_with_scripts(fenced(fence.left, inside, fence.right), fence))
        else:
            sign = fence.left if token.opens else fence.right
            height = height_of(fence.inside)
            bracket = lone_bracket(sign, height, left=token.opens)
            stack[-1].append(bracket if token.opens else _with_scripts(bracket, fence))
    return tuple(stack[0])


def _with_scripts(node: Node, fence: Fence) -> Node:
    return node if fence.scripts is None else scripted(node, fence.scripts)


def _line(tokens: Sequence[_Token], before: _Token | None) -> tuple[Node, ...]:
    """A line; what is no operator multiplies what stands `before` it, on the line above."""
    nodes = list(_joined(tokens))
    while nodes and nodes[-1].kind == "space":
        nodes.pop()
    while nodes and nodes[0].kind == "space":
        nodes.pop(0)
    if before is None or before.node.kind == "punct" or not nodes or nodes[0].kind == "rel":
        return tuple(nodes)
    if nodes[0].kind == "bin":
        return (_START, *nodes)
    return (_START, _JOINS, *nodes)
