"""The picture of a computation graph before it has a layout or a format: cards and arrows.

There is one card for each given symbol and each definition. Drawn `backward`, each adjoint that is
worked out has a card of its own, with arrows from the adjoints and values that it is made of: the
gradients are nodes of a graph like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from symback.derivation import Derivation
from symback.graph import Shape
from symback.layout import ranks
from symback.phrase import Phrase
from symback.shown import Shown
from symback.spell.walk import fold as fold_phrase
from symback.spell.walk import with_args
from symback.story import Backward, Forward, Given, Step
from symback.values import Value

CardKind: TypeAlias = Literal["given", "node", "output", "gradient"]
ArrowKind: TypeAlias = Literal["forward", "gradient", "use"]

MANY = 6  # a symbol with more consumers than this, far apart, is drawn again beside each
FAR = 6  # rows


@dataclass(frozen=True)
class Card:
    """One node of the picture.

    Attributes:
        key: the card's own name in the picture.
        name: the symbol, the definition, or the node that an adjoint belongs to.
        kind: "gradient" for a node that computes an adjoint.
        symbol: its name as a phrase.
        formulas: what it is, the first as worked out, a second where that is simpler; none for
            what is given.
        shape: as declared or written.
        value: its number, or None.
        adjoint, adjoint_formula, adjoint_value: the derivative of the output by it, where the card
            shows it.
        written: the first formula as the user typed it, or None.
        again: whether another card shows the same symbol in full.
    """

    key: str
    name: str
    kind: CardKind
    symbol: Phrase
    formulas: tuple[Phrase, ...]
    shape: Shape
    value: Value | None
    adjoint: Phrase | None = None
    adjoint_formula: Phrase | None = None
    adjoint_value: Value | None = None
    written: str | None = None
    again: bool = False


@dataclass(frozen=True)
class Arrow:
    """An arrow between two cards.

    Attributes:
        kind: "forward" between values, "gradient" between adjoints, "use" from a value to an
            adjoint in whose formula it stands.
    """

    tail: str
    head: str
    kind: ArrowKind


@dataclass(frozen=True, repr=False)
class Drawing(Shown):
    """Cards and arrows; `output` and `index_base` say how phrases are spelled."""

    title: str
    output: str
    index_base: int
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]

    def card(self, key: str) -> Card:
        return next(card for card in self.cards if card.key == key)

    def is_column(self, name: str) -> bool:
        """Whether a name stands for a scalar or a vector, so that x^2 needs no special sign."""
        shapes = (card.shape for card in self.cards if card.key == name)
        return sum(size != 1 for size in next(shapes, (0, 0))) < 2

    def is_scalar(self, name: str) -> bool:
        """Whether a name stands for one number."""
        shapes = (card.shape for card in self.cards if card.key == name)
        return all(size == 1 for size in next(shapes, (0, 0)))

    @property
    def rows(self) -> dict[str, int]:
        """The row of each card that is no gradient, and of each gradient without such a partner.

        An adjoint stands beside its node.
        """
        arrows = [(a.tail, a.head) for a in self.arrows if a.kind == "forward"]
        values = [card.key for card in self.cards if card.kind != "gradient"]
        late = [card.key for card in self.cards if card.kind == "given"]
        return ranks(values, arrows, late)


def draw(derivation: Derivation, *, backward: bool = False, fold: bool = False) -> Drawing:
    """The picture of a derivation.

    Args:
        backward: adjoints are cards of their own; otherwise they stand on the cards of their nodes.
        fold: leave out cards with one arrow in and one out; their formulas go to where they are
            used.
    """
    problem = derivation.problem
    cards, arrows = _Drawer(derivation.steps, problem.of, backward).drawn()
    if fold:
        kept = {problem.of, *(target.name for target in problem.wrt)}
        cards, arrows = _folded(cards, arrows, kept)
    drawing = Drawing(
        problem.title or problem.of, problem.of, problem.index_base, tuple(cards), tuple(arrows)
    )
    return _with_copies(drawing)


class _Drawer:
    def __init__(self, steps: Sequence[Step], output: str, backward: bool) -> None:
        self.steps = steps
        self.output = output
        self.backward = backward
        self.adjoints = {step.name: step for step in steps if isinstance(step, Backward)}
        self.upstream = {s.name for s in steps if isinstance(s, Given) and s.kind == "upstream"}

    def drawn(self) -> tuple[list[Card], list[Arrow]]:
        cards: list[Card] = []
        arrows: list[Arrow] = []
        for step in self.steps:
            if isinstance(step, Given) and step.kind == "symbol":
                cards.append(self._given(step))
            elif isinstance(step, Forward):
                kind: CardKind = "output" if step.name == self.output else "node"
                cards.append(self._value(step, kind, step.symbol, (step.formula,)))
                arrows += [Arrow(tail, step.name, "forward") for tail in names_in([step.formula])]
            elif self.backward and isinstance(step, Backward):
                cards.append(self._gradient(step))
                arrows += self._backward_arrows(step)
        known = {card.key for card in cards}
        used = {a.tail for a in arrows} | {a.head for a in arrows}
        cards = [c for c in cards if c.kind != "given" or c.key in used]
        return cards, [a for a in dict.fromkeys(arrows) if {a.tail, a.head} <= known]

    def _given(self, step: Given) -> Card:
        size: Shape = (*step.shape, 1) if len(step.shape) == 1 else step.shape
        symbol = Phrase("symbol", (), (step.name, ""), size)
        return self._value(step, "given", symbol, ())

    def _value(
        self, step: Given | Forward, kind: CardKind, symbol: Phrase, formulas: tuple[Phrase, ...]
    ) -> Card:
        card = Card(step.name, step.name, kind, symbol, formulas, step.shape, step.value)
        if isinstance(step, Forward):
            card = replace(card, written=step.written)
        back = self.adjoints.get(step.name)
        if back is None or self.backward:
            return card
        return replace(
            card, adjoint=back.adjoint, adjoint_formula=back.simplified, adjoint_value=back.value
        )

    def _gradient(self, step: Backward) -> Card:
        forms = tuple(dict.fromkeys((step.total, step.simplified)))
        key = gradient_key(step.name)
        return Card(key, step.name, "gradient", step.adjoint, forms, step.shape, step.value)

    def _backward_arrows(self, step: Backward) -> Iterator[Arrow]:
        own = gradient_key(step.name)
        for contribution in step.contributions:
            yield Arrow(gradient_key(contribution.consumer), own, "gradient")
        for name in names_in([step.total]):
            if name not in self.upstream:
                yield Arrow(name, own, "use")


def gradient_key(name: str) -> str:
    """The key of the card of an adjoint. No name of a node has a slash."""
    return f"d/{name}"


def names_in(phrases: Collection[Phrase]) -> list[str]:
    """The names of variables in formulas, in the order in which they stand there."""
    found: dict[str, None] = {}

    def visit(phrase: Phrase, _: tuple[None, ...]) -> None:
        if phrase.head == "symbol" and phrase.data[1] not in ("adjoint", "index", "size"):
            found[str(phrase.data[0])] = None

    for phrase in phrases:
        fold_phrase(phrase, visit)
    return list(found)


# --- leaving out ---------------------------------------------------------------------------------


def _folded(
    cards: Sequence[Card], arrows: Sequence[Arrow], kept: Collection[str]
) -> tuple[list[Card], list[Arrow]]:
    """Without cards that have one arrow in and one out."""
    shown = {card.key: card for card in cards}
    into: dict[str, list[Arrow]] = {key: [] for key in shown}
    out: dict[str, list[Arrow]] = {key: [] for key in shown}
    for arrow in arrows:
        into[arrow.head].append(arrow)
        out[arrow.tail].append(arrow)
    for card in cards:
        if card.kind not in ("node", "gradient") or card.name in kept:
            continue
        before, behind = into[card.key], out[card.key]
        if len(before) != 1 or len(behind) != 1:
            continue
        (first,), (last,) = before, behind
        joined = Arrow(first.tail, last.head, first.kind if first.kind == "use" else last.kind)
        del shown[card.key]
        out[first.tail] = _put(out[first.tail], first, joined)
        into[last.head] = _put(into[last.head], last, joined)
        binding = {(str(card.symbol.data[0]), str(card.symbol.data[1])): card.formulas[-1]}
        shown = {key: _with_formula(other, binding) for key, other in shown.items()}
    return list(shown.values()), [arrow for key in shown for arrow in into[key]]


def _put(arrows: Sequence[Arrow], old: Arrow, new: Arrow) -> list[Arrow]:
    """The arrows with a new one in the place of an old one, none twice."""
    ends = {(a.tail, a.head) for a in arrows if a is not old}
    result = [new if a is old else a for a in arrows]
    return [a for a in result if a is not new] if (new.tail, new.head) in ends else result


def _with_formula(card: Card, binding: Mapping[tuple[str, str], Phrase]) -> Card:
    """The card with formulas in which a name is written out."""

    def visit(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
        if phrase.head == "symbol":
            return binding.get((str(phrase.data[0]), str(phrase.data[1])), phrase)
        return with_args(phrase, args)

    formulas = tuple(dict.fromkeys(fold_phrase(f, visit) for f in card.formulas))
    adjoint = card.adjoint_formula and fold_phrase(card.adjoint_formula, visit)
    written = card.written if formulas == card.formulas else None
    return replace(card, formulas=formulas, adjoint_formula=adjoint, written=written)


# --- symbols that are used far and wide ----------------------------------------------------------


def _with_copies(drawing: Drawing) -> Drawing:
    """Where a symbol goes to many nodes far apart, each far one gets a small card of its own.

    The shared weights of a long recurrent network would otherwise draw lines across all of it.
    """
    rows = drawing.rows
    cards, arrows = list(drawing.cards), list(drawing.arrows)
    for card in drawing.cards:
        heads = [a.head for a in arrows if a.tail == card.key and a.kind == "forward"]
        if card.kind != "given" or len(heads) <= MANY:
            continue
        first = min(rows[head] for head in heads)
        if max(rows[head] for head in heads) - first <= FAR:
            continue
        for number, head in enumerate(h for h in heads if rows[h] > first + 1):
            key = f"{card.key}/{number}"
            blank = replace(card, key=key, again=True, value=None, adjoint=None)
            cards.insert(cards.index(card), blank)
            at = arrows.index(Arrow(card.key, head, "forward"))
            arrows[at] = Arrow(key, head, "forward")
    return replace(drawing, cards=tuple(cards), arrows=tuple(arrows))
