"""Expressions as the user typed them, in the signs of the terminal.

The graph puts factors and terms in an order of its own; a definition is shown in the user's order.
So this speller works on the syntax tree: only signs and names change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple

from symback.parse import syntax as ast
from symback.spell.names import SUBSCRIPTS, SUPERSCRIPTS, scripted, unicode_name

#: A name and constant indices -> what stands for it, or None for the name itself.
Replace = Callable[[str, tuple[int, ...]], str | None]


class Level(IntEnum):
    """How tightly text holds together; the levels of the grammar."""

    COMPARE = 0
    SUM = 1
    PRODUCT = 2
    SIGNED = 3
    POWER = 4
    POSTFIX = 5
    ATOM = 6


class Piece(NamedTuple):
    """Spelled text, and how tightly it holds together."""

    text: str
    level: Level = Level.ATOM


@dataclass(frozen=True)
class Signs:
    """What operators look like."""

    minus: str
    signs: dict[str, str]
    compare: dict[str, str] = field(default_factory=dict)


UNICODE = Signs(
    "−",
    {".*": " ⊙ ", "./": " ⊘ ", "/": "/"},
    {"<=": "≤", ">=": "≥", "!=": "≠", "==": "="},
)
ASCII = Signs("-", {".*": " .* ", "./": " ./ ", "/": "/", "*": "*"})
#: Functions that are signs around their argument.
AROUND = {
    "norm1": ("‖", "‖₁"),
    "norm2": ("‖", "‖₂"),
    "norm": ("‖", "‖₂"),
    "abs": ("|", "|"),
    "floor": ("⌊", "⌋"),
}
SUBSCRIPT_DIGITS = frozenset("₀₁₂₃₄₅₆₇₈₉")
SIGMOIDS = frozenset({"sigmoid", "sigma", "logistic"})


class Speller:
    """Spells one expression.

    Args:
        ascii_only: whether to keep to the input language.
        replace: what to put in place of names.
        is_column: whether a name is a scalar or a vector, whose powers need no special sign.
    """

    def __init__(
        self,
        *,
        ascii_only: bool = False,
        replace: Replace = lambda name, at: None,
        is_column: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self.ascii = ascii_only
        self.signs = ASCII if ascii_only else UNICODE
        self.replace = replace
        self.is_column = is_column

    def __call__(self, expression: ast.Expression) -> str:
        """The expression in one line.

        >>> from symback.parse.parser import parse
        >>> Speller()(parse("-1/2 * sum(t .* log(y) + W1'*x.^2)"))
        '−1/2 · sum(t ⊙ log(y) + W₁ᵀ x⊙²)'
        """
        return self.spell(expression.root).text

    def spell(self, node: ast.Expr) -> Piece:
        match node:
            case ast.Num(value=value):
                return _number(value)
            case ast.Name(name=name):
                return Piece(self.replace(name, ()) or self.name(name))
            case ast.Unary(op=op, operand=operand):
                sign = self.signs.minus if op == "-" else ""
                return Piece(sign + self.at_least(operand, Level.SIGNED), Level.SIGNED)
            case ast.Chain():
                return self.chain(node)
            case ast.Power():
                return self.power(node)
            case ast.Transpose(operand=operand):
                sign = "'" if self.ascii else "ᵀ"
                return Piece(self.at_least(operand, Level.POSTFIX) + sign, Level.POSTFIX)
            case ast.Index():
                return self.index(node)
            case ast.Call():
                return self.call(node)
            case ast.SumOver():
                return self.over(node)
            case ast.Compare(op=op, left=left, right=right):
                sign = self.signs.compare.get(op, op)
                sides = [self.at_least(side, Level.SUM) for side in (left, right)]
                return Piece(f"{sides[0]} {sign} {sides[1]}", Level.COMPARE)
            case ast.List(items=items):
                return Piece(f"[{self.listed(items)}]")

    def name(self, name: str) -> str:
        return name if self.ascii else unicode_name(name)

    def at_least(self, node: ast.Expr, level: Level) -> str:
        piece = self.spell(node)
        return piece.text if piece.level >= level else f"({piece.text})"

    def listed(self, items: tuple[ast.Expr, ...]) -> str:
        return ", ".join(self.spell(item).text for item in items)

    # --- operators -----------------------------------------------------------------------------

    def chain(self, node: ast.Chain) -> Piece:
        is_sum = node.rest[0].op in ("+", "-")
        own = Level.SUM if is_sum else Level.PRODUCT
        text = self.at_least(node.first, Level.PRODUCT if is_sum else Level.SIGNED)
        divided = False
        for link in node.rest:
            operand = self.spell(link.operand)
            right = operand.text
            if operand.level < own + 1 or (operand.level == Level.SIGNED and right[0] in "-−"):
                right = f"({right})"
            if is_sum:
                text += f" {self.signs.minus if link.op == '-' else '+'} {right}"
            else:
                text += self.product_sign(link.op, text, right, divided) + right
                divided = link.op == "/"
        return Piece(text, own)

    def product_sign(self, op: str, left: str, right: str, divided: bool) -> str:
        """The sign between two factors; a space where nothing else can be read there."""
        if op in self.signs.signs:
            return self.signs.signs[op]
        if divided or right[0].isdigit():
            return " · "
        ends_name = left[-1].isalpha() or left[-1] in SUBSCRIPT_DIGITS
        return "·" if right[0] in "([" and ends_name and left[-1] != "ᵀ" else " "

    def power(self, node: ast.Power) -> Piece:
        if isinstance(node.exponent, ast.Name) and node.exponent.name == "T":
            return self.spell(ast.Transpose(node.base))
        base = self.at_least(node.base, Level.POSTFIX)
        exponent = self.at_least(node.exponent, Level.ATOM)
        if self.ascii:
            return Piece(f"{base}{node.op}{exponent}", Level.POWER)
        names = [inner.name for inner in ast.walk(node.base) if isinstance(inner, ast.Name)]
        plain = node.op == "^" or all(map(self.is_column, names))
        nested = any(isinstance(inner, ast.Power) for inner in ast.walk(node.exponent))
        small = None if nested else scripted(self.spell(node.exponent).text, SUPERSCRIPTS)
        raised = f"^{exponent}" if small is None else small
        return Piece(base + ("" if plain else "⊙") + raised, Level.POWER)

    def index(self, node: ast.Index) -> Piece:
        at = tuple(int(i.value) for i in node.items if isinstance(i, ast.Num))
        if isinstance(node.base, ast.Name) and len(at) == len(node.items):
            replaced = self.replace(node.base.name, at)
            if replaced is not None:
                return Piece(replaced)
        inside = ", ".join(self.place(item) for item in node.items)
        return Piece(f"{self.at_least(node.base, Level.ATOM)}[{inside}]", Level.POSTFIX)

    def place(self, item: ast.Expr | ast.Slice) -> str:
        if not isinstance(item, ast.Slice):
            return self.spell(item).text
        parts = (item.start, item.stop, *((item.step,) if item.step is not None else ()))
        return ":".join("" if part is None else self.spell(part).text for part in parts)

    # --- calls ---------------------------------------------------------------------------------

    def call(self, node: ast.Call) -> Piece:
        inside = self.listed(node.args)
        if not self.ascii and len(node.args) == 1 and not node.kwargs:
            if node.func in AROUND:
                left, right = AROUND[node.func]
                return Piece(left + inside + right)
            if node.func == "inv":
                return Piece(self.at_least(node.args[0], Level.ATOM) + "⁻¹", Level.POWER)
            if node.func in SIGMOIDS:
                return Piece(f"σ({inside})")
        keywords = [f"{key}={self.spell(value).text}" for key, value in node.kwargs]
        return Piece(f"{self.name(node.func)}({', '.join([inside, *keywords])})")

    def over(self, node: ast.SumOver) -> Piece:
        low, high = (self.spell(end).text.replace(" ", "") for end in (node.low, node.high))
        if self.ascii:
            return Piece(f"{node.func}({self.spell(node.body).text}, {node.index} = {low}..{high})")
        if node.func == "array":
            return Piece(f"[{self.spell(node.body).text} for {node.index} = {low}..{high}]")
        sign = "Σ" if node.func == "sum" else "Π"
        below = scripted(f"{node.index}={low}", SUBSCRIPTS)
        above = scripted(high, SUPERSCRIPTS)
        if below is None or above is None:
            sign += f"({node.index} = {low}..{high})"
        else:
            sign += below + above
        return Piece(f"{sign} {self.at_least(node.body, Level.PRODUCT)}", Level.PRODUCT)


def _number(value: Fraction) -> Piece:
    """A number: a decimal where it is one; the language has no other literals."""
    places = 0
    while value.denominator != 1 and places < 20:
        value *= 10
        places += 1
    digits = str(int(value)).zfill(places + 1)
    return Piece(f"{digits[:-places]}.{digits[-places:]}" if places else digits)
