"""What the spellings share: how tightly things bind, sums, products, calls.

A speller turns a read phrase (:mod:`.reading`) into a :class:`Piece` by the row of its head, from
pieces of the arguments. Parentheses come from levels alone: an operator names the level that its
operands must have, and :meth:`Speller.at_least` puts the others in parentheses.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise
from typing import ClassVar, NamedTuple

from symback.phrase import Phrase, num
from symback.spell.walk import fold


class Level(IntEnum):
    """From loose to tight."""

    COMPARE = 0
    SUM = 1
    NEGATIVE = 2
    HADAMARD = 3
    PRODUCT = 4
    FRACTION = 5
    POWER = 6
    POSTFIX = 7
    ATOM = 8


class Piece(NamedTuple):
    """Spelled mathematics.

    Attributes:
        text: the spelling.
        level: how tightly it holds together.
        tall: whether brackets around it have to grow.
        bare: a condition without the brackets that make a number of it.
    """

    text: str
    level: Level = Level.ATOM
    tall: bool = False
    bare: str = ""

    @property
    def condition(self) -> str:
        return self.bare or self.text


Pieces = tuple[Piece, ...]
Row = Callable[[Phrase, Pieces], Piece]


class Speller:
    """The rows that the spellings share; a spelling adds its own to `rows`.

    Attributes:
        calls: heads that are spelled as a call of a function.
        functions: elementwise functions whose name is not their own.
        relations: how relations are spelled where not as they are.
        plus, minus: the signs.
        elementwise, over: the elementwise product and quotient.
        before_elementwise: how tight the first factor of an elementwise product must be.
        used: the names of the variables in the phrase.
    """

    calls: ClassVar[dict[str, str]] = {}
    functions: ClassVar[dict[str, str]] = {}
    relations: ClassVar[dict[str, str]] = {}
    plus: ClassVar[str] = "+"
    minus: ClassVar[str] = "-"
    elementwise: ClassVar[str]
    over: ClassVar[str]
    before_elementwise: ClassVar[Level] = Level.FRACTION

    def __init__(self, output: str) -> None:
        self.output = output
        self.used: set[str] = set()
        self.rows: dict[str, Row] = {
            "number": lambda phrase, _: Piece(str(phrase.value)),
            "decimal": lambda phrase, _: Piece(str(phrase.data[0])),
            "add": self._add,
            "negative": self._negative,
            "mul": self._mul,
            "hadamard": self._hadamard,
            "elementwise_quotient": self._elementwise_quotient,
            "scalar": lambda phrase, pieces: pieces[0],
            "square": self._square,
            "cases": self._cases,
            "compare": self._compare,
            "array": self._array,
            "blocks": self._blocks,
            **dict.fromkeys(self.calls, self._call),
        }

    def __call__(self, phrase: Phrase) -> str:
        self.used = fold(phrase, _names)
        return fold(phrase, self._spell).text

    def _spell(self, phrase: Phrase, pieces: Pieces) -> Piece:
        return self.rows[phrase.head](phrase, pieces)

    # --- brackets ----------------------------------------------------------------------------

    def brackets(self, inside: str, tall: bool = False) -> str:
        return f"({inside})"

    def at_least(self, piece: Piece, level: Level) -> str:
        if piece.level >= level:
            return piece.text
        return self.brackets(piece.text, piece.tall)

    def call(self, name: str, *args: Piece) -> Piece:
        tall = any(arg.tall for arg in args)
        inside = ", ".join(arg.text for arg in args)
        return Piece(name + self.brackets(inside, tall), tall=tall)

    # --- rows --------------------------------------------------------------------------------

    def _call(self, phrase: Phrase, pieces: Pieces) -> Piece:
        return self.call(self.calls[phrase.head], *pieces)

    def _add(self, phrase: Phrase, pieces: Pieces) -> Piece:
        text = ""
        for sign, piece in zip(phrase.data, pieces, strict=True):
            mark = self.minus if sign == "-" else self.plus
            if text:
                text += f" {mark} "
            elif sign == "-":
                text = mark
            text += self.at_least(piece, Level.HADAMARD)
        return Piece(text, Level.SUM, is_tall(pieces))

    def _negative(self, phrase: Phrase, pieces: Pieces) -> Piece:
        (piece,) = pieces
        return Piece(self.minus + self.at_least(piece, Level.HADAMARD), Level.NEGATIVE, piece.tall)

    def _mul(self, phrase: Phrase, pieces: Pieces) -> Piece:
        """Factors; the last one needs no parentheses where only scalars stand before it."""
        front = phrase.args[:-1]
        loose = Level.FRACTION if any(a.is_matrix for a in front) else Level.HADAMARD
        levels = [Level.FRACTION] * len(front) + [loose]
        texts = [self.at_least(x, level) for x, level in zip(pieces, levels, strict=True)]
        text = texts[0]
        for left, right in pairwise(texts):
            text += self.between(left, right) + right
        level = Level.HADAMARD if pieces[-1].level == loose == Level.HADAMARD else Level.PRODUCT
        return Piece(text, level, is_tall(pieces))

    def between(self, left: str, right: str) -> str:
        """What stands between two factors."""
        raise NotImplementedError

    def _hadamard(self, phrase: Phrase, pieces: Pieces) -> Piece:
        return self._joined(self.elementwise, pieces)

    def _joined(self, sign: str, pieces: Pieces) -> Piece:
        first = self.at_least(pieces[0], self.before_elementwise)
        rest = [self.at_least(piece, Level.FRACTION) for piece in pieces[1:]]
        return Piece(f" {sign} ".join([first, *rest]), Level.HADAMARD, is_tall(pieces))

    def _elementwise_quotient(self, phrase: Phrase, pieces: Pieces) -> Piece:
        top, bottom = pieces
        text = f"{self.at_least(top, Level.HADAMARD)} {self.over} "
        return Piece(text + self.at_least(bottom, Level.FRACTION), Level.HADAMARD, is_tall(pieces))

    def _square(self, phrase: Phrase, pieces: Pieces) -> Piece:
        """x'*x, but the squared norm of anything longer."""
        column, product = pieces
        if phrase.args[0].head in ("symbol", "transpose"):
            return product
        norm = Phrase("norm2", phrase.args[:1])
        power = Phrase("pow", (norm, num(2)))
        return self._spell(power, (self._spell(norm, (column,)), Piece("2")))

    def _compare(self, phrase: Phrase, pieces: Pieces) -> Piece:
        left, right = (self.at_least(piece, Level.SUM) for piece in pieces)
        relation = str(phrase.data[0])
        bare = f"{left} {self.relations.get(relation, relation)} {right}"
        return self.indicator(bare, is_tall(pieces))

    def indicator(self, condition: str, tall: bool) -> Piece:
        """A condition as a number, 1 where it holds."""
        raise NotImplementedError

    def _cases(self, phrase: Phrase, pieces: Pieces) -> Piece:
        raise NotImplementedError

    def _blocks(self, phrase: Phrase, pieces: Pieces) -> Piece:
        """A matrix of matrices, laid out like one of entries."""
        return self._array(Phrase("array", phrase.args, (), phrase.counts), pieces)

    def _array(self, phrase: Phrase, pieces: Pieces) -> Piece:
        """[a, b] for a column, [[a, b], [c, d]] for a matrix."""
        rows = [f"[{', '.join(x.text for x in row)}]" for row in entries(phrase, pieces)]
        if phrase.shape[1] == 1:
            return Piece(f"[{', '.join(piece.text for piece in pieces)}]")
        return Piece(f"[{', '.join(rows)}]")


def _names(phrase: Phrase, below: tuple[set[str], ...]) -> set[str]:
    own = {str(phrase.data[0])} if phrase.head == "symbol" else set()
    return own.union(*below)


def is_tall(pieces: Pieces) -> bool:
    return any(piece.tall for piece in pieces)


def cuts(phrase: Phrase, pieces: Pieces) -> list[str]:
    """What a slice says about each axis: k, a:b, or : for all of it."""
    texts = [piece.text.replace(" ", "") for piece in pieces[1:]]
    return [
        ":" if kind == "all" else first if kind == "one" else f"{first}:{end}"
        for kind, first, end in zip(phrase.data, texts[::2], texts[1::2], strict=False)
    ]


def entries(phrase: Phrase, pieces: Pieces) -> list[Pieces]:
    """The entries of an explicit matrix, row by row."""
    columns = phrase.shape[1]
    assert isinstance(columns, int)
    return [pieces[k : k + columns] for k in range(0, len(pieces), columns)]
