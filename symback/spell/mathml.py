"""Phrases in MathML, as browsers show it and screen readers say it.

Only MathML Core is used. Matrices and vectors are upright with the class `bold`, for a style sheet
to make them so. A browser does not break formulas, so long sums and products are broken here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import ClassVar

from symback.phrase import Phrase
from symback.spell.indices import rebased
from symback.spell.names import GREEK, split_name
from symback.spell.names import plain as plain_name
from symback.spell.reading import Manner, reading
from symback.spell.speller import Level, Piece, Pieces, Speller, entries

#: Heads that are calls, and what is called.
CALLS = {
    "det": "det",
    "trace": "tr",
    "expm": "expm",
    "sum": "sum",
    "softmax": "softmax",
    "logsumexp": "logsumexp",
    "max": "max",
    "argmax": "argmax",
    "prod": "prod",
    "sort": "sort",
    "order": "order",
    "diag": "diag",
    "diagonal": "diag",
    "vec": "vec",
}

FUNCTIONS = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arsinh",
    "acosh": "arcosh",
    "atanh": "artanh",
    "gamma": "Γ",
    "loggamma": "log Γ",
    "digamma": "ψ",
    "polygamma": "ψ",
    "sigmoid": "σ",
    "gelu": "GELU",
    "relu": "ReLU",
    "maximum": "max",
    "minimum": "min",
}

#: What stands around the argument: left, right, and a mark at the foot.
FENCES = {
    "abs": ("|", "|", ""),
    "floor": ("⌊", "⌋", ""),
    "norm1": ("‖", "‖", "1"),
    "norm2": ("‖", "‖", "2"),
}

ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "dot": "˙"}
BETWEEN = {"and": "∧", "or": "∨"}
RELATIONS = {"<": "&lt;", ">": "&gt;", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
CONSTANTS = {"pi": "π", "e": "e"}
MAX_PRIMES = 3
LINE = 64  # characters, about, beyond which a sum or a product is broken

TOP = '<mi mathvariant="normal">⊤</mi>'
_TALL = re.compile("<m(frac|table|underover)")
_STARTS_WITH_NUMBER = re.compile("(<m(row|sup)>)*<mn>")
_STARTS_WITH_WORD = re.compile("(<m(row|sub)>)*<mi>[A-Za-z]{2}")
_THIN = '<mspace width="0.17em"></mspace>'
_NEGATIVE = '<mo form="prefix">−</mo>'
_APPLY = "<mo>&#x2061;</mo>"
_TIMES = "<mo>&#x2062;</mo>"


def mathml(phrase: Phrase, *, output: str = "L", index_base: int = 0) -> str:
    """`phrase` as the content of a `<math>` element: one `<mrow>` or another single element.

    Adjoints are derivatives of `output`; `index_base` is the number of the first entry of an
    array.

    >>> from symback.phrase import mul, transpose
    >>> mathml(Phrase("symbol", (), ("theta", "")))
    '<mi>θ</mi>'
    """
    manner = Manner(
        spreads=False,
        ones_multiply=True,
        indicators=True,
        leading_fractions=True,
        base=index_base,
    )
    return MathmlSpeller(output)(reading(rebased(phrase, index_base), manner))


def name_mathml(name: str, bold: bool = False) -> str:
    """A name with its accents and subscripts.

    >>> name_mathml("z1")
    '<msub><mi>z</mi><mn>1</mn></msub>'
    """
    parts = split_name(name)
    if parts is None:
        return identifier(plain_name(name), bold)
    text = identifier(GREEK.get(parts.head, parts.head), bold)
    for accent in parts.accents:
        text = f'<mover accent="true">{text}<mo>{ACCENTS[accent]}</mo></mover>'
    if not parts.labels:
        return text
    labels = "<mo>,</mo>".join(
        f"<mn>{label}</mn>" if label.isdecimal() else identifier(GREEK.get(label, label), False)
        for label in parts.labels
    )
    return f"<msub>{text}{row(labels) if len(parts.labels) > 1 else labels}</msub>"


def identifier(text: str, bold: bool) -> str:
    if bold:
        return f'<mi mathvariant="normal" class="bold">{escape(text)}</mi>'
    return f"<mi>{escape(text)}</mi>"


def row(*parts: str) -> str:
    """Parts as one element."""
    return f"<mrow>{''.join(parts)}</mrow>"


def big(base: str, below: str, above: str, *, limits: bool = False) -> str:
    """An element with a foot and a head; with `limits` they stand under and over it."""
    names = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
    if below and above:
        return f"<{names[2]}>{base}{below}{above}</{names[2]}>"
    if below or above:
        name = names[0] if below else names[1]
        return f"<{name}>{base}{below}{above}</{name}>"
    return base


def fenced(left: str, inside: str, right: str) -> str:
    """Something between two signs, which grow only where it is tall."""
    grows = "true" if _TALL.search(inside) else "false"
    signs = [
        f'<mo fence="true" stretchy="{grows}" form="{form}">{sign}</mo>'
        for sign, form in ((left, "prefix"), (right, "postfix"))
    ]
    return row(signs[0], inside, signs[1])


def visible_length(markup: str) -> int:
    """About how many characters one sees."""
    return len(re.sub(r"<[^>]*>|&#x206.;|&", "", markup))


class MathmlSpeller(Speller):
    """Spellings in MathML."""

    calls: ClassVar = CALLS
    functions: ClassVar = FUNCTIONS
    relations: ClassVar = RELATIONS
    plus: ClassVar = "<mo>+</mo>"
    minus: ClassVar = "<mo>−</mo>"
    elementwise: ClassVar = "<mo>⊙</mo>"
    over: ClassVar = "<mo>⊘</mo>"

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.rows |= {
            "number": lambda phrase, _: Piece(f"<mn>{phrase.value}</mn>"),
            "decimal": lambda phrase, _: Piece(f"<mn>{phrase.data[0]}</mn>"),
            "symbol": self._symbol,
            "constant": lambda phrase, _: Piece(f"<mi>{CONSTANTS[str(phrase.data[0])]}</mi>"),
            "quotient": self._quotient,
            "sqrt": lambda _, pieces: Piece(f"<msqrt>{pieces[0].text}</msqrt>"),
            "pow": lambda _, pieces: self._raised(pieces[0], pieces[1].text),
            "matrix_pow": lambda _, pieces: self._raised(pieces[0], pieces[1].text),
            "elementwise_pow": lambda _, pieces: self._raised(
                pieces[0], row(self.elementwise, pieces[1].text)
            ),
            "transpose": lambda _, pieces: self._raised(pieces[0], TOP),
            "inverse": lambda _, pieces: self._raised(pieces[0], row(_NEGATIVE, "<mn>1</mn>")),
            "inverse_transpose": lambda _, pieces: self._raised(pieces[0], row(_NEGATIVE, TOP)),
            "function": self._function,
            "logdet": self._logdet,
            "norm1": lambda phrase, pieces: _fenced(phrase.head, pieces[0]),
            "norm2": lambda phrase, pieces: _fenced(phrase.head, pieces[0]),
            "eye": lambda _, pieces: Piece(
                f"<msub>{identifier('I', True)}{row(pieces[0].text)}</msub>"
            ),
            "ones": lambda _, pieces: _constant_matrix("1", pieces),
            "zeros": lambda _, pieces: _constant_matrix("0", pieces),
            "entry": self._entry,
            "slice": self._slice,
            "kron": lambda _, pieces: self._joined("<mo>⊗</mo>", pieces),
            "sum_over": lambda phrase, pieces: self._over("∑", phrase, pieces),
            "prod_over": lambda phrase, pieces: self._over("∏", phrase, pieces),
            "comprehension": self._comprehension,
        }

    def __call__(self, phrase: Phrase) -> str:
        return row(super().__call__(phrase)) if phrase.args else super().__call__(phrase)

    # --- brackets ----------------------------------------------------------------------------

    def brackets(self, inside: str, tall: bool = False) -> str:
        return fenced("(", inside, ")")

    def call(self, name: str, *args: Piece) -> Piece:
        inside = "<mo>,</mo>".join(arg.text for arg in args)
        written = name if name.startswith("<") else f"<mi>{escape(name)}</mi>"
        return Piece(row(written, _APPLY, self.brackets(inside)))

    def between(self, left: str, right: str) -> str:
        if _STARTS_WITH_NUMBER.match(right):
            return "<mo>·</mo>"
        return _TIMES + _THIN if _STARTS_WITH_WORD.match(right) else _TIMES

    def indicator(self, condition: str, tall: bool) -> Piece:
        one = '<mi mathvariant="normal" class="bold">1</mi>'
        return Piece(row(one, fenced("[", condition, "]")), bare=condition)

    # --- leaves ------------------------------------------------------------------------------

    def _symbol(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, kind = map(str, phrase.data)
        written = name_mathml(name, bold=any(size != 1 for size in phrase.shape))
        return self._adjoint(written) if kind == "adjoint" else Piece(written)

    def _adjoint(self, of: str) -> Piece:
        top, bottom = row("<mi>∂</mi>", name_mathml(self.output)), row("<mi>∂</mi>", of)
        return Piece(f"<mfrac>{top}{bottom}</mfrac>", Level.FRACTION)

    def _entry(self, phrase: Phrase, pieces: Pieces) -> Piece:
        base, *indices = pieces
        inside = row("<mo>,</mo>".join(piece.text for piece in indices))
        array = phrase.args[0]
        if array.head != "symbol":
            return Piece(self._subscripted(array, base, inside))
        name, kind = map(str, array.data)
        plain = name_mathml(name)
        if plain.startswith("<msub>"):
            plain = self.brackets(name_mathml(name, bold=True))
        written = f"<msub>{plain}{inside}</msub>"
        return self._adjoint(written) if kind == "adjoint" else Piece(written)

    def _slice(self, phrase: Phrase, pieces: Pieces) -> Piece:
        ends = [piece.text for piece in pieces[1:]]
        parts = [
            "<mo>:</mo>" if kind == "all" else first if kind == "one" else f"{first}<mo>:</mo>{end}"
            for kind, first, end in zip(phrase.data, ends[::2], ends[1::2], strict=False)
        ]
        return Piece(self._subscripted(phrase.args[0], pieces[0], row("<mo>,</mo>".join(parts))))

    def _subscripted(self, base: Phrase, piece: Piece, inside: str) -> str:
        bare = base.head == "symbol" and piece.text.startswith("<mi")
        written = row(piece.text) if bare else self.brackets(piece.text)
        return f"<msub>{written}{inside}</msub>"

    # --- operators ---------------------------------------------------------------------------

    def _quotient(self, phrase: Phrase, pieces: Pieces) -> Piece:
        top, bottom = (row(piece.text) for piece in pieces)
        return Piece(f"<mfrac>{top}{bottom}</mfrac>", Level.FRACTION)

    def _raised(self, base: Piece, exponent: str) -> Piece:
        below = self.at_least(base, Level.ATOM)
        above = row(exponent if exponent.startswith("<") else f"<mn>{exponent}</mn>")
        if below.startswith("<msub>"):  # an atom is one element, so all of it is this one
            inside = below.removeprefix("<msub>").removesuffix("</msub>")
            return Piece(f"<msubsup>{inside}{above}</msubsup>", Level.POWER)
        return Piece(f"<msup>{row(below)}{above}</msup>", Level.POWER)

    def _add(self, phrase: Phrase, pieces: Pieces) -> Piece:
        texts: list[str] = []
        for sign, piece in zip(phrase.data, pieces, strict=True):
            minus = self.minus if texts else _NEGATIVE
            mark = minus if sign == "-" else self.plus if texts else ""
            texts.append(mark + self.at_least(piece, Level.HADAMARD))
        return Piece(_broken(texts), Level.SUM)

    def _negative(self, phrase: Phrase, pieces: Pieces) -> Piece:
        return Piece(row(_NEGATIVE, self.at_least(pieces[0], Level.HADAMARD)), Level.NEGATIVE)

    def _joined(self, sign: str, pieces: Pieces) -> Piece:
        first = self.at_least(pieces[0], self.before_elementwise)
        rest = [sign + self.at_least(piece, Level.FRACTION) for piece in pieces[1:]]
        return Piece(_broken([first, *rest]), Level.HADAMARD)

    # --- functions ---------------------------------------------------------------------------

    def _call(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name = f"<mi>{self.calls[phrase.head]}</mi>"
        if phrase.data == (1,):
            name = f"<msub>{name}<mtext>rows</mtext></msub>"
        return self.call(name, *pieces)

    def _logdet(self, phrase: Phrase, pieces: Pieces) -> Piece:
        inside = Piece(self.call("det", *pieces).text)
        return Piece(row("<mi>log</mi>", _APPLY, _fenced("abs", inside).text), Level.FRACTION)

    def _function(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, *orders = (str(part) for part in phrase.data)
        if name == "exp" and not phrase.shape and visible_length(pieces[0].text) < LINE // 2:
            return Piece(f"<msup><mi>e</mi>{row(pieces[0].text)}</msup>", Level.POWER)
        if name in FENCES:
            return _fenced(name, pieces[0])
        if name in BETWEEN:
            return self.indicator(f"<mo>{BETWEEN[name]}</mo>".join(map(_grouped, pieces)), False)
        if name == "not":
            return self.indicator(f"<mo>¬</mo>{_grouped(pieces[0])}", False)
        own = self.functions.get(name)
        written = name_mathml(name) if own is None else f"<mi>{own}</mi>"
        if name == "sigmoid" and "sigma" in self.used:
            written = "<mi>sigmoid</mi>"
        if name == "polygamma":
            order = self.brackets(pieces[0].text)
            return self.call(f"<msup>{written}{order}</msup>", pieces[1])
        if len(orders) == 1 and int(orders[0]) <= MAX_PRIMES:
            written = f"<msup>{written}<mo lspace='0' rspace='0'>{'′' * int(orders[0])}</mo></msup>"
        elif orders:
            inside = "<mo>,</mo>".join(f"<mn>{order}</mn>" for order in orders)
            written = f"<msup>{written}{self.brackets(inside)}</msup>"
        return self.call(written, *pieces)

    # --- big operators -----------------------------------------------------------------------

    def _over(self, sign: str, phrase: Phrase, pieces: Pieces) -> Piece:
        body, *bounds = pieces
        written = ""
        for index, low, high in zip(phrase.data, bounds[::2], bounds[1::2], strict=True):
            below = row(name_mathml(str(index)), "<mo>=</mo>", low.text)
            written += f"<munderover><mo>{sign}</mo>{below}{row(high.text)}</munderover>"
        return Piece(row(written, self.at_least(body, Level.PRODUCT)), Level.HADAMARD)

    def _comprehension(self, phrase: Phrase, pieces: Pieces) -> Piece:
        body, *bounds = pieces
        ranges = [
            row(name_mathml(str(name)), "<mo>=</mo>", low.text, "<mo>,</mo><mo>…</mo><mo>,</mo>")
            + high.text
            for name, low, high in zip(phrase.data, bounds[::2], bounds[1::2], strict=True)
        ]
        inside = fenced("[", body.text, "]")
        return Piece(f"<msub>{inside}{row('<mo>;</mo>'.join(ranges))}</msub>")

    def _cases(self, phrase: Phrase, pieces: Pieces) -> Piece:
        *cases, last = pieces
        lines = [
            (value.text, f"<mtext>if&#xA0;</mtext>{condition.condition}")
            for condition, value in zip(cases[::2], cases[1::2], strict=True)
        ]
        lines.append((last.text, "<mtext>otherwise</mtext>"))
        table = "".join(
            f"<mtr><mtd>{row(value)}</mtd><mtd>{row(condition)}</mtd></mtr>"
            for value, condition in lines
        )
        return Piece(row(f'<mo>{{</mo><mtable class="lines">{table}</mtable>'), Level.COMPARE)

    def _array(self, phrase: Phrase, pieces: Pieces) -> Piece:
        return Piece(matrix([[p.text for p in line] for line in entries(phrase, pieces)]))

    def _compare(self, phrase: Phrase, pieces: Pieces) -> Piece:
        left, right = (self.at_least(piece, Level.SUM) for piece in pieces)
        bare = row(left, f"<mo>{self.relations[str(phrase.data[0])]}</mo>", right)
        return self.indicator(bare, False)


def matrix(cells: Sequence[Sequence[str]]) -> str:
    """A matrix between square brackets."""
    lines = "".join(
        f"<mtr>{''.join(f'<mtd>{row(cell)}</mtd>' for cell in line)}</mtr>" for line in cells
    )
    return row(f"<mo>[</mo><mtable>{lines}</mtable><mo>]</mo>")


def _broken(texts: Sequence[str]) -> str:
    """Terms in one line, or below each other in several where there are many."""
    lines, used = [""], 0
    for text in texts:
        length = visible_length(text)
        if lines[-1] and used + length > LINE:
            lines.append("")
            used = 0
        lines[-1] += text
        used += length + 1
    if len(lines) == 1:
        return row(lines[0])
    table = "".join(f"<mtr><mtd>{row(line)}</mtd></mtr>" for line in lines)
    return f'<mtable class="lines">{table}</mtable>'


def _fenced(name: str, piece: Piece) -> Piece:
    left, right, foot = FENCES[name]
    inside = fenced(left, piece.text, right)
    return Piece(f"<msub>{inside}<mn>{foot}</mn></msub>" if foot else inside)


def _grouped(piece: Piece) -> str:
    nested = any(f"<mo>{sign}</mo>" in piece.bare for sign in BETWEEN.values())
    return fenced("(", piece.bare, ")") if nested else piece.condition


def _constant_matrix(digit: str, sizes: Pieces) -> Piece:
    """1 with the size of a column at its foot, its transpose for a row, m times n."""
    bold = f'<mi mathvariant="normal" class="bold">{digit}</mi>'
    rows, columns = (size.text for size in sizes)
    if columns == "<mn>1</mn>":
        return Piece(f"<msub>{bold}{row(rows)}</msub>")
    if rows == "<mn>1</mn>":
        return Piece(f"<msubsup>{bold}{row(columns)}{TOP}</msubsup>", Level.POWER)
    return Piece(f"<msub>{bold}{row(rows, '<mo>×</mo>', columns)}</msub>")
