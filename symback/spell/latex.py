r"""Phrases as a textbook sets them, in LaTeX.

Matrices and vectors are bold (``\mathbf{W}_{1}``, ``\boldsymbol{\delta}_{2}``), scalars italic,
elementwise operations circled, a condition as a number is an indicator ``\mathbf{1}[z > 0]``. Only
plain LaTeX and amsmath are needed; MathJax and KaTeX read it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from symback.phrase import Phrase
from symback.spell.indices import rebased
from symback.spell.names import tex_name
from symback.spell.reading import Manner, reading
from symback.spell.speller import Level, Piece, Pieces, Speller, cuts, entries, is_tall

#: Heads that are calls, and what is called.
CALLS = {
    "det": r"\det",
    "trace": r"\operatorname{tr}",
    "expm": r"\operatorname{expm}",
    "sum": r"\operatorname{sum}",
    "softmax": r"\operatorname{softmax}",
    "logsumexp": r"\operatorname{logsumexp}",
    "max": r"\max",
    "argmax": r"\operatorname{hardmax}",
    "prod": r"\operatorname{prod}",
    "sort": r"\operatorname{sort}",
    "order": r"\operatorname{sorting}",
    "diag": r"\operatorname{diag}",
    "diagonal": r"\operatorname{diag}",
    "vec": r"\operatorname{vec}",
}

FUNCTIONS = {
    "exp": r"\exp",
    "log": r"\log",
    "sin": r"\sin",
    "cos": r"\cos",
    "tan": r"\tan",
    "asin": r"\arcsin",
    "acos": r"\arccos",
    "atan": r"\arctan",
    "sinh": r"\sinh",
    "cosh": r"\cosh",
    "tanh": r"\tanh",
    "asinh": r"\operatorname{arsinh}",
    "acosh": r"\operatorname{arcosh}",
    "atanh": r"\operatorname{artanh}",
    "erf": r"\operatorname{erf}",
    "gamma": r"\Gamma",
    "loggamma": r"\log\Gamma",
    "digamma": r"\psi",
    "polygamma": r"\psi",
    "sigmoid": r"\sigma",
    "softplus": r"\operatorname{softplus}",
    "gelu": r"\operatorname{GELU}",
    "relu": r"\operatorname{ReLU}",
    "maximum": r"\max",
    "minimum": r"\min",
    "sign": r"\operatorname{sign}",
    "heaviside": r"\operatorname{heaviside}",
}

#: What stands around the argument: left, right, and a mark at the foot.
FENCES = {
    "abs": (r"\lvert", r"\rvert", ""),
    "floor": (r"\lfloor", r"\rfloor", ""),
    "norm1": (r"\lVert", r"\rVert", "_{1}"),
    "norm2": (r"\lVert", r"\rVert", "_{2}"),
}

BETWEEN = {"and": r"\land", "or": r"\lor"}

RELATIONS = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne"}

CONSTANTS = {"pi": r"\pi", "e": r"\mathrm{e}"}

MAX_PRIMES = 3

MANNER = Manner(spreads=False, ones_multiply=True, indicators=True, leading_fractions=True)


def latex(
    phrase: Phrase,
    names: Mapping[str, str] = MappingProxyType({}),
    *,
    output: str = "L",
    index_base: int = 0,
) -> str:
    r"""`phrase` in LaTeX's mathematics, without delimiters.

    `names` overrides how single variables and functions are set. Adjoints are derivatives of
    `output`; `index_base` is the number of the first entry of an array.

    >>> from symback.phrase import mul, transpose
    >>> W2 = Phrase("symbol", (), ("W2", ""), (2, 3))
    >>> print(latex(mul([transpose(W2), Phrase("symbol", (), ("delta2", ""), (2, 1))])))
    \mathbf{W}_{2}^{\top} \boldsymbol{\delta}_{2}
    """
    manner = replace(MANNER, base=index_base)
    return LatexSpeller(output, names)(reading(rebased(phrase, index_base), manner))


class LatexSpeller(Speller):
    """Spellings in LaTeX."""

    calls: ClassVar = CALLS
    functions: ClassVar = FUNCTIONS
    relations: ClassVar = RELATIONS
    elementwise: ClassVar = r"\odot"
    over: ClassVar = r"\oslash"

    def __init__(self, output: str, names: Mapping[str, str]) -> None:
        super().__init__(output)
        self.names = names
        self.rows |= {
            "symbol": self._symbol,
            "constant": lambda phrase, _: Piece(CONSTANTS[str(phrase.data[0])]),
            "quotient": self._quotient,
            "sqrt": lambda _, pieces: Piece(rf"\sqrt{{{pieces[0].text}}}", tall=pieces[0].tall),
            "pow": lambda _, pieces: self._raised(pieces[0], pieces[1].text),
            "matrix_pow": lambda _, pieces: self._raised(pieces[0], pieces[1].text),
            "elementwise_pow": lambda _, pieces: self._raised(
                pieces[0], rf"\odot {pieces[1].text}"
            ),
            "transpose": lambda _, pieces: self._raised(pieces[0], r"\top"),
            "inverse": lambda _, pieces: self._raised(pieces[0], "-1"),
            "inverse_transpose": lambda _, pieces: self._raised(pieces[0], r"-\top"),
            "function": self._function,
            "logdet": self._logdet,
            "norm1": lambda phrase, pieces: _fenced(phrase.head, pieces[0]),
            "norm2": lambda phrase, pieces: _fenced(phrase.head, pieces[0]),
            "eye": lambda _, pieces: Piece(rf"\mathbf{{I}}_{{{pieces[0].text}}}"),
            "ones": lambda _, pieces: _constant_matrix("1", pieces),
            "zeros": lambda _, pieces: _constant_matrix("0", pieces),
            "entry": self._entry,
            "slice": self._slice,
            "commutation": lambda _, pieces: Piece(
                rf"\mathbf{{K}}_{{{pieces[0].text},{pieces[1].text}}}"
            ),
            "kron": lambda _, pieces: self._joined(r"\otimes", pieces),
            "sum_over": lambda phrase, pieces: self._over(r"\sum", phrase, pieces),
            "prod_over": lambda phrase, pieces: self._over(r"\prod", phrase, pieces),
            "comprehension": self._comprehension,
        }

    def brackets(self, inside: str, tall: bool = False) -> str:
        return rf"\left({inside}\right)" if tall else f"({inside})"

    def between(self, left: str, right: str) -> str:
        if right[0].isdigit():
            return r" \cdot "
        called = right[0] == "(" and left[-1].isalnum()
        return r" \, " if called or right.startswith(r"\mathbf{1}[") else " "

    def indicator(self, condition: str, tall: bool) -> Piece:
        left, right = (r"\left[", r"\right]") if tall else ("[", "]")
        return Piece(rf"\mathbf{{1}}{left}{condition}{right}", tall=tall, bare=condition)

    # --- leaves ------------------------------------------------------------------------------

    def name(self, name: str, bold: bool = False) -> str:
        return self.names.get(name) or tex_name(name, bold)

    def _symbol(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, kind = map(str, phrase.data)
        written = self.name(name, bold=any(size != 1 for size in phrase.shape))
        if kind == "adjoint":
            return self._adjoint(written)
        return Piece(written, Level.POWER if "^" in written else Level.ATOM)

    def _adjoint(self, of: str) -> Piece:
        text = rf"\frac{{\partial {self.name(self.output)}}}{{\partial {of}}}"
        return Piece(text, Level.FRACTION, tall=True)

    def _entry(self, phrase: Phrase, pieces: Pieces) -> Piece:
        """x_{i}, a scalar and so not bold; (W_{1})_{i,j} where there is a subscript already."""
        base, *indices = pieces
        inside = ",".join(_tight(piece.text) for piece in indices)
        array = phrase.args[0]
        if array.head != "symbol":
            return self._subscripted(array, base, inside)
        name, kind = map(str, array.data)
        plain = self.name(name)
        if set("_^") & set(plain):
            plain = f"({self.name(name, bold=True)})"
        written = f"{plain}_{{{inside}}}"
        return self._adjoint(written) if kind == "adjoint" else Piece(written)

    def _slice(self, phrase: Phrase, pieces: Pieces) -> Piece:
        return self._subscripted(phrase.args[0], pieces[0], ",".join(cuts(phrase, pieces)))

    def _subscripted(self, base: Phrase, piece: Piece, inside: str) -> Piece:
        """Nothing that may have a subscript or a superscript already gets another one."""
        bare = base.head == "symbol" and not set("_^") & set(piece.text)
        bare = bare or (piece.level == Level.ATOM and piece.text.endswith(")"))
        written = piece.text if bare else self.brackets(piece.text, piece.tall)
        return Piece(f"{written}_{{{inside}}}", tall=piece.tall)

    # --- operators ---------------------------------------------------------------------------

    def _quotient(self, phrase: Phrase, pieces: Pieces) -> Piece:
        top, bottom = pieces
        return Piece(rf"\frac{{{top.text}}}{{{bottom.text}}}", Level.FRACTION, tall=True)

    def _raised(self, base: Piece, exponent: str) -> Piece:
        return Piece(f"{self.at_least(base, Level.ATOM)}^{{{exponent}}}", Level.POWER, base.tall)

    # --- functions ---------------------------------------------------------------------------

    def _call(self, phrase: Phrase, pieces: Pieces) -> Piece:
        by_rows = r"_{\mathrm{rows}}" if phrase.data == (1,) else ""
        return self.call(self.calls[phrase.head] + by_rows, *pieces)

    def _logdet(self, phrase: Phrase, pieces: Pieces) -> Piece:
        inside = Piece(self.call(r"\det", *pieces).text, tall=pieces[0].tall)
        return Piece(rf"\log {_fenced('abs', inside).text}", Level.FRACTION, pieces[0].tall)

    def _function(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, *orders = (str(part) for part in phrase.data)
        if name == "exp" and not phrase.shape:
            return Piece(rf"\mathrm{{e}}^{{{pieces[0].text}}}", Level.POWER, pieces[0].tall)
        if name in FENCES:
            return _fenced(name, pieces[0])
        if name in BETWEEN:
            joined = f" {BETWEEN[name]} ".join(map(_grouped, pieces))
            return self.indicator(joined, is_tall(pieces))
        if name == "not":
            return self.indicator(rf"\lnot {_grouped(pieces[0])}", is_tall(pieces))
        written = self.functions.get(name) or self._unknown(name)
        if name == "sigmoid" and "sigma" in self.used:
            written = r"\operatorname{sigmoid}"
        if name == "polygamma":
            return self.call(f"{written}^{{({pieces[0].text})}}", pieces[1])
        if len(orders) == 1 and int(orders[0]) <= MAX_PRIMES:
            written += "'" * int(orders[0])
        elif orders:
            written += f"^{{({','.join(orders)})}}"
        return self.call(written, *pieces)

    def _unknown(self, name: str) -> str:
        written = self.name(name)
        if written.startswith(r"\mathrm"):
            return r"\operatorname" + written.removeprefix(r"\mathrm")
        return written

    # --- big operators -----------------------------------------------------------------------

    def _over(self, sign: str, phrase: Phrase, pieces: Pieces) -> Piece:
        body, *bounds = pieces
        written = ""
        for index, low, high in zip(phrase.data, bounds[::2], bounds[1::2], strict=True):
            written += (
                f"{sign}_{{{self.name(str(index))}={_tight(low.text)}}}^{{{_tight(high.text)}}} "
            )
        return Piece(written + self.at_least(body, Level.PRODUCT), Level.HADAMARD, tall=True)

    def _comprehension(self, phrase: Phrase, pieces: Pieces) -> Piece:
        body, *bounds = pieces
        ends = [
            rf"{_tight(a.text)},\dotsc,{_tight(b.text)}"
            for a, b in zip(bounds[::2], bounds[1::2], strict=True)
        ]
        names = [self.name(str(name)) for name in phrase.data]
        ranges = [f"{name}={end}" for name, end in zip(names, ends, strict=True)]
        return Piece(rf"\left[{body.text}\right]_{{{';'.join(ranges)}}}", tall=True)

    def _cases(self, phrase: Phrase, pieces: Pieces) -> Piece:
        *cases, last = pieces
        lines = [
            rf"{value.text} & \text{{if }} {condition.condition}"
            for condition, value in zip(cases[::2], cases[1::2], strict=True)
        ]
        lines.append(rf"{last.text} & \text{{otherwise}}")
        text = r" \\ ".join(lines)
        return Piece(rf"\begin{{cases}} {text} \end{{cases}}", Level.COMPARE, tall=True)

    def _array(self, phrase: Phrase, pieces: Pieces) -> Piece:
        rows = [" & ".join(piece.text for piece in row) for row in entries(phrase, pieces)]
        text = r" \\ ".join(rows)
        return Piece(rf"\begin{{bmatrix}} {text} \end{{bmatrix}}", tall=True)


def _tight(text: str) -> str:
    return text.replace(" + ", "+").replace(" - ", "-")


def _fenced(name: str, piece: Piece) -> Piece:
    left, right, foot = FENCES[name]
    if piece.tall:
        left, right = rf"\left{left}", rf"\right{right}"
    return Piece(f"{left} {piece.text} {right}{foot}", tall=piece.tall)


def _grouped(piece: Piece) -> str:
    nested = any(sign in piece.bare for sign in BETWEEN.values())
    return f"({piece.bare})" if nested else piece.condition


def _constant_matrix(digit: str, sizes: Pieces) -> Piece:
    r"""\mathbf{1}_{n} for a column, its transpose for a row, \mathbf{1}_{m \times n}."""
    bold = rf"\mathbf{{{digit}}}"
    rows, columns = (size.text for size in sizes)
    if columns == "1":
        return Piece(f"{bold}_{{{rows}}}")
    if rows == "1":
        return Piece(f"{bold}_{{{columns}}}^{{\\top}}", Level.POWER)
    return Piece(rf"{bold}_{{{rows} \times {columns}}}")
