"""One expression and its derivatives, without a problem file.

>>> answer = differentiate("norm2(A*x - y)^2", ["x"])
>>> answer.derivatives[0].written
"2*A'*(A*x - y)"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from symback import ops
from symback import tensor as tn
from symback.backprop import jacobian
from symback.elementwise import Array
from symback.errors import (
    InputError,
    NameProblem,
    SyntaxProblem,
    ValueProblem,
    WrongAnswer,
    did_you_mean,
)
from symback.evaluate import evaluate
from symback.exact import Exact, ExactTooLarge, as_floats, exact_evaluate
from symback.given import GivenArray, exact_values
from symback.graph import Node, Shape, Size, symbols_of, topological
from symback.habits import Declarations
from symback.kinks import KinkReport, find_kinks
from symback.notation import Notation
from symback.notation.indexer import column_shape
from symback.ops import as_size, einsum_parts
from symback.parse.lower import Scope, lower
from symback.parse.parser import parse, parse_name
from symback.parse.source import Document, Source
from symback.parse.syntax import Expr, Expression, List, Name, walk
from symback.phrase import Phrase, transpose
from symback.problemfile import Value as WrittenValue
from symback.simplify import Simplifier
from symback.sizes import flat
from symback.spell import text as spelled
from symback.tensor import Tensor
from symback.values import Value
from symback.verify import Verification, verify

MAX_ORDER = 2
# Where numbers for a check are drawn from, until every function has a value there. Sizes differ
# from each other, and fall where they rose before: X'*X needs a tall X, X*X' a wide one.
_RANGES = ((0.2, 0.9), (0.5, 2.0), (-1.5, 1.5), (2.0, 5.0), (0.05, 0.3))
_TRIES = 40


@dataclass(frozen=True)
class Derivative:
    """The derivative of the expression by one name, or by two.

    Attributes:
        wrt: the names, one for each order.
        shape: as it is written; the shape of the name for the gradient of a scalar.
        phrase: in matrix notation, or by its entries.
        value: its number, where every name has a value.
    """

    wrt: tuple[str, ...]
    shape: Shape
    phrase: Phrase
    value: Value | None

    @property
    def written(self) -> str:
        """In the input language."""
        return spelled(self.phrase)


@dataclass(frozen=True)
class Answer:
    """What was asked, what was understood, and the derivatives.

    Attributes:
        text: the expression as it was written.
        phrase: the same as it was understood.
        shape: its shape.
        symbols: every name in it.
        value: the number of the expression, where every name has a value.
        verification: what an independent witness found, at the values given or at random ones;
            None where no point was found at which the expression has a value.
        at_random: whether the point was a random one.
        kinks: where the given values stand at a kink.
        has_unknown_functions: whether a function was declared and not defined.
    """

    text: str
    phrase: Phrase
    shape: Shape
    symbols: Mapping[str, Tensor]
    order: int
    derivatives: tuple[Derivative, ...]
    value: Value | None
    verification: Verification | None
    at_random: bool
    kinks: tuple[KinkReport, ...]
    has_unknown_functions: bool


def differentiate(
    text: str,
    wrt: Sequence[str],
    *,
    order: int = 1,
    shapes: Sequence[str] = (),
    values: Sequence[str] = (),
    functions: Sequence[str] = (),
    index_base: int = 0,
) -> Answer:
    """The derivatives of an expression by each name in `wrt`, or by each two of them.

    Args:
        shapes: declarations such as "W: m n", "x: 3" or "a:" (a scalar). Other names mean what
            :mod:`symback.habits` says.
        values: such as "x = [1, 2]"; for all names or for none.
        functions: unknown functions, "f" or "f: 2" (of two arguments).

    Raises:
        InputError: what is wrong with the text, with its place.
        WrongAnswer: if an independent witness disagrees.
    """
    if not 1 <= order <= MAX_ORDER:
        raise ValueProblem(f"the order of a derivative is 1 or {MAX_ORDER} here, not {order}")
    question = _Question(text, shapes, functions, index_base)
    return question.answer(question.wrt(wrt), order, dict(map(_assignment, values)))


class _Question:
    """An expression with its names declared."""

    def __init__(
        self, text: str, shapes: Sequence[str], functions: Sequence[str], index_base: int
    ) -> None:
        self.index_base = index_base
        self.expression = parse(text)
        arities = dict(map(_function, functions))
        names = Declarations(dict(_shapes(shapes)), arities)
        self.root = names.lower(self.expression, index_base)
        if self.root.is_scalar:
            self.root = tn.as_scalar(self.root)
        used = set(symbols_of([self.root.node]))
        self.symbols = {
            n: t for n, t in names.declared.items() if t.node in used and t.node.params[1] != "size"
        }
        self.others = [name for name in names.declared if name not in self.symbols]
        self.unknown = bool(arities)
        surfaces = {t.node: t.shape for t in self.symbols.values() if _is_unusual(t.shape)}
        self.notation = Notation(surfaces)
        self.simplify = Simplifier(projections=True)

    def wrt(self, names: Sequence[str]) -> list[str]:
        """The names to differentiate by, spelled as the expression spells them."""
        choice = ", ".join(self.symbols) or "none"
        if not names:
            raise NameProblem(
                "by which name to differentiate?",
                hint=f"add --wrt, once for each name; the names are: {choice}",
            )
        result = [parse_name(Source.of(name, "--wrt")) for name in names]
        for name in result:
            if name not in self.symbols:
                raise NameProblem(
                    f"there is no '{name}' in this expression",
                    hint=did_you_mean(name, self.symbols) or f"its names are: {choice}",
                )
        return list(dict.fromkeys(result))

    def answer(self, wrt: Sequence[str], order: int, written: Mapping[str, Expression]) -> Answer:
        values = self._values(written)
        derivatives = self._derivatives(wrt, order)
        point, at_random = (values, False) if values else (None, True)
        verification = self._verified(derivatives, point)
        nodes = [self.root.node, *(node for _, node in derivatives)]
        numbers: list[Value | None] = [None] * len(nodes)
        kinks: tuple[KinkReport, ...] = ()
        if values:
            shapes = [self.root.shape, *(self._shape(names) for names, _ in derivatives)]
            numbers = list(_numbers(nodes, shapes, values, self.index_base))
            kinks = tuple(find_kinks([self.root.node], values))
        return Answer(
            text=self.expression.text,
            phrase=self._phrase(self.root.node, self.root.shape),
            shape=self.root.shape,
            symbols=self.symbols,
            order=order,
            derivatives=tuple(
                Derivative(names, self._shape(names), self._phrase(node, self._shape(names)), value)
                for (names, node), value in zip(derivatives, numbers[1:], strict=True)
            ),
            value=numbers[0],
            verification=verification,
            at_random=at_random,
            kinks=kinks,
            has_unknown_functions=self.unknown,
        )

    def _derivatives(self, wrt: Sequence[str], order: int) -> list[tuple[tuple[str, ...], Node]]:
        nodes = {name: self.symbols[name].node for name in wrt}
        root = self.simplify(self.root.node)
        first = dict(
            zip(wrt, map(self.simplify, jacobian(root, list(nodes.values()))), strict=True)
        )
        if order == 1:
            return [((name,), node) for name, node in first.items()]
        return [
            ((a, b), self.simplify(jacobian(first[a], [nodes[b]])[0]))
            for a, b in combinations_with_replacement(wrt, 2)
        ]

    def _shape(self, names: Sequence[str]) -> Shape:
        """The shape in which a derivative is written."""
        parts = [self.root.shape, *(self.symbols[name].shape for name in names)]
        long = [part for part in parts if any(size != 1 for size in part)]
        if len(long) == 1:
            return long[0]
        return tuple(size for part in long for size in part if size != 1)

    def _phrase(self, node: Node, shape: Shape) -> Phrase:
        form = self.notation.matrix(node)
        if form is None:
            return self.notation.comprehension(node) if node.shape else self.notation.scalar(node)
        if len(shape) == 2 and shape[0] == 1 and node.rank == 1:
            return transpose(form)
        return form

    # --- values --------------------------------------------------------------------------------

    def _values(self, written: Mapping[str, Expression]) -> dict[Node, Exact]:
        """The given values by symbol; empty where none are given."""
        given: dict[str, GivenArray] = {}
        for name, value in written.items():
            if name not in self.symbols:
                known = did_you_mean(name, self.symbols)
                raise NameProblem(
                    f"there is no '{name}' in this expression",
                    hint=known or f"its names are: {', '.join(self.symbols)}",
                )
            content = _content(value, value.root)
            given[name] = GivenArray(content, self.symbols[name], value.place())
        if not given:
            return {}
        sizes = {size.name: Tensor(size) for size in self._sizes()}
        for name in self.symbols:
            if name not in given and name not in sizes:
                raise ValueProblem(
                    f"'{name}' has no value",
                    hint=f'add --value "{name} = ...", or leave out all values',
                )
        if self.unknown:
            raise ValueProblem("numbers need every function to be known", hint="leave out --value")
        exact = exact_values(given, sizes)
        tensors = {**sizes, **self.symbols}
        return {tensors[name].node: value for name, value in exact.items()}

    def _sizes(self) -> list[Node]:
        shapes = [size for tensor in self.symbols.values() for size in tensor.shape]
        found = symbols_of([*(s for s in shapes if isinstance(s, Node)), *self._counts()])
        return [symbol for symbol in found if symbol.params[1] == "size"]

    def _places(self) -> set[Node]:
        """The symbols that stand in an index, as c in x[c]."""
        selections = [node for node in topological([self.root.node]) if node.op == "select"]
        return set(symbols_of(arg for node in selections for arg in node.args))

    def _counts(self) -> Iterator[Node]:
        """The nodes that hold a size: what stands in the expression, and along its products."""
        for node in topological([self.root.node]):
            sizes = einsum_parts(node)[3] if node.op == "einsum" else node.shape
            yield from (size for size in sizes if isinstance(size, Node))
            if node.op == "symbol" and not node.shape:
                yield node

    # --- the check -----------------------------------------------------------------------------

    def _verified(
        self,
        derivatives: Sequence[tuple[tuple[str, ...], Node]],
        values: Mapping[Node, Exact] | None,
    ) -> Verification | None:
        """The verdict at the given values, or at the first random point that has one."""
        if self.unknown:
            return None
        if values is not None:
            floats = {node: as_floats(value) for node, value in values.items()}
            evaluate([self.root.node], floats, index_base=self.index_base)
            return self._verdict(derivatives, floats)
        for seed in range(_TRIES):
            try:
                return self._verdict(derivatives, self._point(seed))
            except InputError:
                continue
        return None

    def _verdict(
        self, derivatives: Sequence[tuple[tuple[str, ...], Node]], values: dict[Node, Array]
    ) -> Verification:
        """Each derivative against what it is the derivative of."""
        worst: Verification | None = None
        for below, names, node in self._pairs(derivatives):
            (claimed,) = evaluate([node], values)
            variable = self.symbols[names[-1]].node
            verdict = verify(below, [variable], values, [claimed], index_base=self.index_base)
            if not verdict.ok:
                raise WrongAnswer(
                    f"the derivative by {' and '.join(names)} fails the check by "
                    f"{verdict.witness}: off by {verdict.max_error:.2g} at {verdict.where}",
                    hint="this is a bug of symback; please report the expression",
                )
            if worst is None or verdict.max_error > worst.max_error:
                worst = verdict
        assert worst is not None
        return worst

    def _pairs(
        self, derivatives: Sequence[tuple[tuple[str, ...], Node]]
    ) -> Iterator[tuple[Node, tuple[str, ...], Node]]:
        """What is differentiated, by which names, and the result; first derivatives on the way."""
        first: dict[str, Node] = {}
        for names, node in derivatives:
            if len(names) == 1:
                yield self.root.node, names, node
                continue
            name = names[0]
            if name not in first:
                first[name] = jacobian(self.root.node, [self.symbols[name].node])[0]
                yield self.root.node, (name,), first[name]
            yield first[name], names, node

    def _point(self, seed: int) -> dict[Node, Array]:
        """Numbers at random for every symbol, small different ones for the sizes."""
        rng = np.random.default_rng(seed)
        names = self._sizes()
        lengths = range(3, 3 + len(names))
        chosen = lengths if seed % 2 == 0 else reversed(lengths)
        sizes = {size: np.asarray(float(n)) for size, n in zip(names, chosen, strict=True)}
        values: dict[Node, Array] = dict(sizes)
        for tensor in self.symbols.values():
            node = tensor.node
            if node in values:
                continue
            shape = tuple(int(evaluate([ops.size_node(n)], sizes)[0]) for n in node.shape)
            low, high = _RANGES[seed // 2] if seed < 2 * len(_RANGES) else rng.choice(_RANGES)
            if node in self._places():
                values[node] = np.asarray(float(rng.integers(0, 2)))
                continue
            values[node] = rng.uniform(low, high, shape)
            if len(shape) == 2 and shape[0] == shape[1]:
                values[node] = values[node] + np.eye(shape[0])
        return values


def _is_unusual(shape: Shape) -> bool:
    """Whether a node of this shape is written in another one: a row, or 1x1."""
    return shape != column_shape(tuple(size for size in shape if size != 1)) and 1 in shape


def _numbers(
    nodes: Sequence[Node],
    shapes: Sequence[Shape],
    values: Mapping[Node, Exact],
    index_base: int,
) -> Iterator[Value]:
    """The number of each node, exact where that is in reach, in the shape it is written in."""
    floats = {node: as_floats(value) for node, value in values.items()}
    exact: Sequence[Exact | None] = [None] * len(nodes)
    with suppress(ExactTooLarge):
        exact = exact_evaluate(nodes, values, index_base=index_base)
    approximate = evaluate(nodes, floats, index_base=index_base)
    for number, precise, shape in zip(approximate, exact, shapes, strict=True):
        lengths = iter(number.shape)
        written = tuple(1 if size == 1 else next(lengths) for size in shape)
        yield Value.of(number.reshape(written), precise)


# --- arguments ---------------------------------------------------------------------------------


def _parted(written: str, sign: str, option: str, example: str) -> tuple[str, Source]:
    """The name before a sign, and the text behind it."""
    document = Document(written, option)
    at = written.find(sign)
    if at < 0:
        place = document.place(0, len(written))
        raise SyntaxProblem(f"'{sign}' is missing", place=place, hint=example)
    name = parse_name(Source(written[:at].rstrip(), document))
    return name, Source(written[at + 1 :], document, tuple(range(at + 1, len(written) + 1)))


def _shapes(written: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Declarations such as "W: m n"."""
    for one in written:
        name, rest = _parted(one, ":", "--shape", 'a shape is declared as "W: m n"')
        sizes: list[Size] = []
        for part, start in _words(rest.text):
            stop = start + len(part)
            source = Source(part, rest.document, rest.offsets[start : stop + 1])
            sizes.append(_size(parse(source)))
        for size in symbols_of(size for size in sizes if isinstance(size, Node)):
            yield size.name, Tensor(size)
        yield name, tn.symbol(name, tuple(sizes))


def _words(text: str) -> Iterator[tuple[str, int]]:
    """The words of a text, split at spaces, commas and `x`, and where they start."""
    at = 0
    for word in text.replace(",", " ").replace("×", " ").split(" "):
        if word:
            yield word, at
        at += len(word) + 1


def _size(written: Expression) -> Size:
    names = [node.name for node in walk(written.root) if isinstance(node, Name)]
    scope = Scope({name: tn.symbol(name, kind="size") for name in names})
    size = as_size(flat(tn.as_scalar(lower(written, scope)).node))
    if (isinstance(size, int) and size < 1) or (isinstance(size, Node) and size.op == "number"):
        raise ValueProblem("a size is a whole number from 1, or a name", place=written.place())
    return size


def _function(written: str) -> tuple[str, int]:
    """An unknown function, "f" or "f: 2"."""
    if ":" not in written:
        return parse_name(Source.of(written, "--function")), 1
    name, rest = _parted(written, ":", "--function", 'as in "f: 2"')
    if not rest.text.strip().isdecimal() or not 1 <= int(rest.text) <= 8:
        raise SyntaxProblem("a function has 1 to 8 arguments", place=rest.place(0, len(rest.text)))
    return name, int(rest.text)


def _assignment(written: str) -> tuple[str, Expression]:
    """A value such as "x = [1, 2]"."""
    name, rest = _parted(written, "=", "--value", 'a value is given as "x = [1, 2]"')
    return name, parse(rest)


def _content(value: Expression, item: Expr) -> WrittenValue:
    """Nested lists as nested tuples."""
    if isinstance(item, List):
        return tuple(_content(value, inner) for inner in item.items)
    return Expression(item, value.source)
