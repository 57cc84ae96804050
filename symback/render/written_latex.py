r"""Expressions as the user typed them, in LaTeX.

The graph puts factors and terms in an order of its own; a definition is shown in the user's. So
this speller works on the syntax tree: nothing is reordered, only signs and names change. Names may
be replaced by numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

from symback.decimals import decimal_text
from symback.parse import syntax as ast
from symback.spell.latex import CALLS, FENCES, FUNCTIONS, RELATIONS
from symback.spell.names import tex_name
from symback.spell.speller import Level, Piece

#: A name and constant indices -> its number in LaTeX, or None for the name itself.
Replace = Callable[[str, tuple[int, ...]], Piece | None]

SIGMOIDS = frozenset({"sigmoid", "sigma", "logistic"})
CALLED = FUNCTIONS | CALLS | {"tr": CALLS["trace"], "max": r"\max", "min": r"\min"}
FENCED = FENCES | {"norm": FENCES["norm2"]}
BAR = r"\_"
BETWEEN = {".*": r" \odot ", "./": r" \oslash "}


class WrittenSpeller:
    """Spells one expression.

    Args:
        names: how single variables are set.
        is_scalar: whether a name is a scalar, and so not bold.
        replace: what to put in place of names; a name with "'" behind it is transposed.
    """

    def __init__(
        self,
        names: Mapping[str, str] = MappingProxyType({}),
        is_scalar: Callable[[str], bool] = lambda name: False,
        replace: Replace = lambda name, at: None,
    ) -> None:
        self.names = names
        self.is_scalar = is_scalar
        self.replace = replace

    def __call__(self, expression: ast.Expression) -> str:
        r"""The expression.

        >>> from symback.parse.parser import parse
        >>> print(WrittenSpeller()(parse("-1/2 * sum(y + W1'*x.^2)")))
        -\frac{1}{2} \operatorname{sum}(\mathbf{y} + \mathbf{W}_{1}^{\top} \mathbf{x}^{\odot 2})
        """
        return self.spell(expression.root).text

    def spell(self, node: ast.Expr) -> Piece:
        match node:
            case ast.Num(value=value):
                return _number(value)
            case ast.Name(name=name):
                return self.replace(name, ()) or Piece(self.name(name))
            case ast.Unary(op=op, operand=operand):
                piece = self.spell(operand)
                text = self.at_least(piece, Level.HADAMARD)
                return Piece("-" + text, Level.NEGATIVE, piece.tall) if op == "-" else piece
            case ast.Chain():
                return self.sum(node) if node.rest[0].op in ("+", "-") else self.product(node)
            case ast.Power():
                return self.power(node)
            case ast.Transpose(operand=ast.Name(name=name)) if self.replace(f"{name}'", ()):
                return self.replace(f"{name}'", ()) or Piece(name)
            case ast.Transpose(operand=operand):
                return self.raised(self.spell(operand), r"\top")
            case ast.Index():
                return self.index(node)
            case ast.Call():
                return self.call(node)
            case ast.SumOver():
                return self.over(node)
            case ast.Compare(op=op, left=left, right=right):
                pieces = self.spell(left), self.spell(right)
                sides = [self.at_least(piece, Level.SUM) for piece in pieces]
                tall = any(piece.tall for piece in pieces)
                return Piece(f"{sides[0]} {RELATIONS.get(op, op)} {sides[1]}", Level.COMPARE, tall)
            case ast.List(items=items):
                return _enclosed("[", [self.spell(item) for item in items], "]")

    def name(self, name: str) -> str:
        return self.names.get(name) or tex_name(name, bold=not self.is_scalar(name))

    def at_least(self, piece: Piece, level: Level) -> str:
        return piece.text if piece.level >= level else _enclosed("(", [piece], ")").text

    # --- operators -----------------------------------------------------------------------------

    def sum(self, node: ast.Chain) -> Piece:
        first = self.spell(node.first)
        text = first.text if first.level > Level.COMPARE else self.at_least(first, Level.SUM)
        tall = first.tall
        for link in node.rest:
            piece = self.spell(link.operand)
            text += f" {link.op} {self.at_least(piece, Level.HADAMARD)}"
            tall = tall or piece.tall
        return Piece(text, Level.SUM, tall)

    def product(self, node: ast.Chain) -> Piece:
        """Factors in their order; what stands before a slash is put above a line."""
        product = self.spell(node.first)
        if product.level < Level.NEGATIVE:
            product = _enclosed("(", [product], ")")
        for link in node.rest:
            product = self.times(product, link.op, self.spell(link.operand))
        return product

    def times(self, left: Piece, op: str, right: Piece) -> Piece:
        minus = left.level == Level.NEGATIVE
        tall = left.tall or right.tall
        if op == "/":
            top = left.text.removeprefix("-") if minus else left.text
            quotient = rf"\frac{{{_bare(top)}}}{{{right.text}}}"
            if minus:
                return Piece("-" + quotient, Level.NEGATIVE, tall=True)
            return Piece(quotient, Level.FRACTION, tall=True)
        own = Level.HADAMARD if op in BETWEEN else Level.PRODUCT
        factor = self.at_least(right, Level.FRACTION)
        sign = BETWEEN.get(op) or self.between(left.text, factor)
        return Piece(left.text + sign + factor, Level.NEGATIVE if minus else own, tall)

    def between(self, left: str, right: str) -> str:
        if right[0].isdigit() or right.startswith(("(", r"\left(", "[")):
            return r" \cdot "
        return r" \, " if right.startswith(r"\begin") or left[-1].isdigit() else " "

    def power(self, node: ast.Power) -> Piece:
        if isinstance(node.exponent, ast.Name) and node.exponent.name == "T":
            return self.spell(ast.Transpose(node.base))
        base, exponent = self.spell(node.base), self.spell(node.exponent)
        names = [inner.name for inner in ast.walk(node.base) if isinstance(inner, ast.Name)]
        plain = node.op == "^" or all(map(self.is_scalar, names))
        return self.raised(base, ("" if plain else r"\odot ") + exponent.text)

    def raised(self, base: Piece, exponent: str) -> Piece:
        return Piece(
            f"{self.at_least(base, Level.ATOM)}^{{{exponent}}}", Level.POWER, tall=base.tall
        )

    def index(self, node: ast.Index) -> Piece:
        at = tuple(int(i.value) for i in node.items if isinstance(i, ast.Num))
        inside = ",".join(self.place(item) for item in node.items)
        if isinstance(node.base, ast.Name):
            if len(at) == len(node.items):
                replaced = self.replace(node.base.name, at)
                if replaced is not None:
                    return replaced
            alone = not any(isinstance(item, ast.Slice) for item in node.items)
            name = node.base.name
            written = self.names.get(name) or tex_name(name, bold=False)
            if alone and not set("_^") & set(written):
                return Piece(f"{written}_{{{inside}}}")
        base = self.spell(node.base)
        if base.text.endswith(")"):
            return Piece(f"{base.text}_{{{inside}}}", tall=base.tall)
        return Piece(f"{_enclosed('(', [base], ')').text}_{{{inside}}}", tall=base.tall)

    def place(self, item: ast.Expr | ast.Slice) -> str:
        if not isinstance(item, ast.Slice):
            return self.spell(item).text.replace(" ", "")
        parts = (item.start, item.stop, *((item.step,) if item.step is not None else ()))
        return ":".join("" if part is None else self.spell(part).text for part in parts)

    # --- calls ---------------------------------------------------------------------------------

    def call(self, node: ast.Call) -> Piece:
        pieces = [self.spell(arg) for arg in node.args]
        if len(pieces) == 1 and not node.kwargs:
            (piece,) = pieces
            if node.func in FENCED:
                left, right, foot = FENCED[node.func]
                return Piece(_fence(left, piece.text, right, piece.tall) + foot, tall=piece.tall)
            if node.func == "inv":
                return self.raised(piece, "-1")
            if node.func == "sqrt":
                return Piece(rf"\sqrt{{{piece.text}}}", tall=piece.tall)
            if node.func in SIGMOIDS:
                return Piece(r"\sigma" + _enclosed("(", pieces, ")").text, tall=piece.tall)
            if node.func == "logdet":
                inside = _fence(r"\lvert", rf"\det{_enclosed('(', pieces, ')').text}", r"\rvert")
                return Piece(rf"\log {inside}", Level.FRACTION, tall=piece.tall)
        for key, value in node.kwargs:
            piece = self.spell(value)
            pieces.append(Piece(rf"\mathrm{{{key}}} = {piece.text}", Level.COMPARE, piece.tall))
        written = CALLED.get(node.func) or self.function(node.func)
        arguments = _enclosed("(", pieces, ")")
        return Piece(written + arguments.text, tall=arguments.tall)

    def function(self, name: str) -> str:
        if name in self.names:
            return self.names[name]
        if len(name) == 1:
            return tex_name(name)
        return rf"\operatorname{{{name.replace('_', BAR)}}}"

    def over(self, node: ast.SumOver) -> Piece:
        low, high = (self.spell(end).text.replace(" ", "") for end in (node.low, node.high))
        index = tex_name(node.index)
        if node.func == "array":
            inside = self.spell(node.body).text
            return Piece(rf"\left[{inside}\right]_{{{index}={low}}}^{{{high}}}", tall=True)
        sign = rf"\{node.func}_{{{index}={low}}}^{{{high}}} "
        body = self.at_least(self.spell(node.body), Level.PRODUCT)
        return Piece(sign + body, Level.HADAMARD, tall=True)


def _number(value: Fraction) -> Piece:
    written = decimal_text(value)
    if written is None:
        parts = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
        return Piece(parts, Level.FRACTION, tall=True)
    return Piece(written)


def _bare(text: str) -> str:
    """What stands above a line needs no parentheses of its own."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth and at < len(text) - 1:
            return text
    return text[1:-1]


def _enclosed(left: str, pieces: list[Piece], right: str) -> Piece:
    tall = any(piece.tall for piece in pieces)
    inside = ", ".join(piece.text for piece in pieces)
    return Piece(_fence(left, inside, right, tall), tall=tall)


def _fence(left: str, inside: str, right: str, tall: bool = False) -> str:
    if tall:
        return rf"\left{left} {inside} \right{right}"
    return f"{left}{inside}{right}" if len(left) == 1 else f"{left} {inside} {right}"
