"""Phrases in our own input language: what is printed can be typed back in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from symback.phrase import Phrase
from symback.spell.indices import rebased
from symback.spell.names import plain
from symback.spell.reading import Manner, reading
from symback.spell.speller import Level, Piece, Pieces, Speller, cuts

#: Heads that are calls, and the function that is called.
CALLS = {
    "inverse": "inv",
    "expm": "expm",
    "det": "det",
    "logdet": "logdet",
    "trace": "tr",
    "sum": "sum",
    "softmax": "softmax",
    "logsumexp": "logsumexp",
    "max": "max",
    "argmax": "hardmax",
    "prod": "prod",
    "sort": "sort",
    "order": "sorting",
    "diag": "diag",
    "diagonal": "diag",
    "vec": "vec",
    "commutation": "commutation",
    "kron": "kron",
    "eye": "eye",
    "ones": "ones",
    "zeros": "zeros",
    "sqrt": "sqrt",
    "norm1": "norm1",
    "norm2": "norm2",
}

#: Elementwise functions that go by another name in the input language.
FUNCTIONS = {"maximum": "max", "minimum": "min", "argmax": "hardmax", "order": "sorting"}

CONSTANTS = {"pi": "pi", "e": "exp(1)"}

MAX_PRIMES = 3


def text(phrase: Phrase, *, output: str = "L", index_base: int = 0) -> str:
    """`phrase` in the input language. Adjoints are named after `output`: ``dL_dz1``.

    `index_base` is the number of the first entry of an array.

    >>> from symback.phrase import add, mul, transpose
    >>> A, x = Phrase("symbol", (), ("A", ""), (2, 3)), Phrase("symbol", (), ("x", ""), (3, 1))
    >>> y = Phrase("symbol", (), ("y", ""), (2, 1))
    >>> text(mul([transpose(A), add([mul([A, x]), mul([y], -1)])]))
    "A'*(A*x - y)"
    """
    return TextSpeller(output)(reading(rebased(phrase, index_base), Manner(base=index_base)))


class TextSpeller(Speller):
    """Spellings in one line."""

    calls: ClassVar = CALLS
    functions: ClassVar = FUNCTIONS
    elementwise: ClassVar = ".*"
    over: ClassVar = "./"
    before_elementwise: ClassVar = Level.PRODUCT

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.rows |= {
            "symbol": self._symbol,
            "constant": lambda phrase, _: Piece(CONSTANTS[str(phrase.data[0])]),
            "quotient": self._quotient,
            "pow": self._pow,
            "elementwise_pow": self._pow,
            "matrix_pow": self._pow,
            "function": self._function,
            "transpose": self._transpose,
            "inverse_transpose": lambda _, pieces: _quoted(self.call("inv", *pieces)),
            "row_sums": lambda _, pieces: self.call("sum", *pieces, Piece("axis=1")),
            "column_sums": lambda _, pieces: self.call("sum", *pieces, Piece("axis=0")),
            "entry": self._entry,
            "slice": self._slice,
            "blocks": self._stacked,
            "sum_over": lambda phrase, pieces: self._over("sum", phrase, pieces),
            "prod_over": lambda phrase, pieces: self._over("prod", phrase, pieces),
            "comprehension": lambda phrase, pieces: self._over("array", phrase, pieces),
        }

    def between(self, left: str, right: str) -> str:
        return "*"

    def indicator(self, condition: str, tall: bool) -> Piece:
        return Piece(condition, Level.COMPARE)

    def _stacked(self, phrase: Phrase, pieces: Pieces) -> Piece:
        """concat(concat(A, B, axis=1), concat(C, D, axis=1)) for blocks [[A, B], [C, D]]."""
        rows, columns = phrase.counts
        lines = [pieces[r * columns : (r + 1) * columns] for r in range(rows)]
        beside = [
            line[0] if columns == 1 else self.call("concat", *line, Piece("axis=1"))
            for line in lines
        ]
        return beside[0] if rows == 1 else self.call("concat", *beside)

    def _symbol(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, kind = map(str, phrase.data)
        return Piece(plain(f"d{self.output}_d{name}" if kind == "adjoint" else name))

    def _call(self, phrase: Phrase, pieces: Pieces) -> Piece:
        by_rows = (Piece("axis=1"),) if phrase.data == (1,) else ()
        return self.call(self.calls[phrase.head], *pieces, *by_rows)

    def _quotient(self, phrase: Phrase, pieces: Pieces) -> Piece:
        top, bottom = pieces
        written = f"{self.at_least(top, Level.HADAMARD)}/{self.at_least(bottom, Level.POWER)}"
        return Piece(written, Level.HADAMARD if top.level == Level.HADAMARD else Level.PRODUCT)

    def _pow(self, phrase: Phrase, pieces: Pieces) -> Piece:
        base, exponent = pieces
        sign = ".^" if phrase.head == "elementwise_pow" else "^"
        written = self.at_least(base, Level.POSTFIX) + sign + self.at_least(exponent, Level.ATOM)
        return Piece(written, Level.POWER)

    def _function(self, phrase: Phrase, pieces: Pieces) -> Piece:
        name, *orders = phrase.data
        written = self.functions.get(str(name), plain(str(name)))
        return self.call(written + _primes(orders), *pieces)

    def _transpose(self, phrase: Phrase, pieces: Pieces) -> Piece:
        (piece,) = pieces
        return _quoted(Piece(self.at_least(piece, Level.POSTFIX)))

    def _entry(self, phrase: Phrase, pieces: Pieces) -> Piece:
        base, *indices = pieces
        inside = ",".join(map(_tight, indices))
        return Piece(f"{self.at_least(base, Level.ATOM)}[{inside}]")

    def _slice(self, phrase: Phrase, pieces: Pieces) -> Piece:
        base, *_ = pieces
        return Piece(f"{self.at_least(base, Level.ATOM)}[{', '.join(cuts(phrase, pieces))}]")

    def _over(self, name: str, phrase: Phrase, pieces: Pieces) -> Piece:
        body, *bounds = pieces
        ends = [f"{_tight(a)}..{_tight(b)}" for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
        ranges = [f"{index} = {end}" for index, end in zip(phrase.data, ends, strict=True)]
        return self.call(name, body, *map(Piece, ranges))

    def _cases(self, phrase: Phrase, pieces: Pieces) -> Piece:
        *cases, last = pieces
        for condition, value in zip(cases[-2::-2], cases[::-2], strict=True):
            last = self.call("where", condition, value, last)
        return last


def _quoted(piece: Piece) -> Piece:
    return Piece(f"{piece.text}'", Level.POSTFIX)


def _tight(piece: Piece) -> str:
    """An index or a bound, without spaces: n-1."""
    return piece.text.replace(" ", "")


def _primes(orders: Sequence[object]) -> str:
    """f', f'' and f'[4] for one argument, f'[1,0] for several."""
    if not orders:
        return ""
    if len(orders) == 1 and isinstance(orders[0], int) and orders[0] <= MAX_PRIMES:
        return "'" * orders[0]
    return f"'[{','.join(map(str, orders))}]"
