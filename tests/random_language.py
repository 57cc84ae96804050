"""Random expressions of our own language: differentiated, printed, read again, evaluated.

    python -m tests.random_language --cases 5000 --seed 1

The text of a derivative is parsed anew and evaluated; it must give what differences of the
expression give, which know no rule of differentiation.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from symback.errors import DomainError, InputError, SymbackError
from symback.evaluate import evaluate
from symback.habits import Declarations
from symback.parse.parser import parse
from symback.question import differentiate
from symback.tensor import Tensor, symbol
from tests.batched import FINE, STENCIL

Below = Callable[[int], int]

SHAPES: dict[str, tuple[int, ...]] = {
    "a": (), "b": (), "x": (3,), "y": (3,), "u": (2,), "A": (3, 3), "B": (3, 3), "C": (2, 2),
    "G": (3, 2), "H": (2, 3),
}  # fmt: skip
DEPTHS = (1, 2, 2, 3, 3, 4, 5, 6)
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Question:
    """An expression in the language, and the names to differentiate it by."""

    text: str
    wrt: tuple[str, ...]
    seed: int = 0


# --- drawing --------------------------------------------------------------------------------------

SMOOTH = (
    "exp({})", "sin({})", "tanh({})", "sigmoid({})", "softplus({})", "gelu({})", "({}).^2",
    "sqrt(1 + ({}).^2)", "log(2 + ({}).^2)", "1 ./ (2 + sin({}))", "silu({})", "atan({})",
    "cos({})", "expm1({})", "erf({})", "({}).^3",
)  # fmt: skip
KINKED = (
    "relu({})", "abs({})", "leaky_relu({}, 0.1)", "max({}, 0.1)", "min({}, 0.2)", "step({})",
    "where({0} > 0, {0}.^2, sin({0}))", "sign({})",
)  # fmt: skip


class Maker:
    """Draws text of a given shape."""

    def __init__(self, below: Below) -> None:
        self.below = below

    def choose(self, options: Any) -> Any:
        return options[self.below(len(options))]

    def text(self, shape: tuple[int, ...], depth: int) -> str:
        if depth <= 0:
            names = [name for name, own in SHAPES.items() if own == shape]
            return str(self.choose([*names, *([] if shape else ["2", "0.5"])]))
        forms = [*self.forms(shape, depth)]
        return f"({self.choose(forms)()})"

    def again(self, shape: tuple[int, ...], depth: int) -> str:
        return self.text(shape, min(depth - 1, self.below(3)))

    def forms(self, shape: tuple[int, ...], depth: int) -> Iterator[Callable[[], str]]:
        def deep(shape: tuple[int, ...] = shape) -> str:
            return self.text(shape, depth - 1)

        def side(shape: tuple[int, ...] = shape) -> str:
            return self.again(shape, depth)

        yield lambda: f"{deep()} + {side()}"
        yield lambda: f"{side()} - {deep()}"
        yield lambda: f"{deep()} .* {side()}"
        yield lambda: self.choose(SMOOTH).format(deep())
        yield lambda: self.choose(SMOOTH).format(deep())
        yield lambda: self.choose(KINKED).format(deep())
        yield lambda: f"{side()} ./ (1 + ({deep()}).^2)"
        yield lambda: f"{deep(())}*{side()}"
        yield lambda: f"max({deep()}, {side()})"
        if not shape:
            yield from self.scalars(deep, side)
        elif len(shape) == 1:
            yield from self.vectors(shape[0], deep, side)
        else:
            yield from self.matrices(*shape, deep, side)

    def scalars(self, deep: Any, side: Any) -> Iterator[Callable[[], str]]:
        n = self.choose((3, 2))
        some = self.choose(((n,), (3, 3), (2, 3)))
        yield lambda: f"sum({deep(some)})"
        yield lambda: f"mean({deep(some)})"
        yield lambda: f"{deep((n,))}'*{side((n,))}"
        yield lambda: f"{side((3,))}'*{deep((3, 3))}*{side((3,))}"
        yield lambda: f"norm2({deep((n,))})^2"
        yield lambda: f"norm2({deep(some)})"
        yield lambda: f"norm1({deep(some)})"
        yield lambda: f"logsumexp({deep((n,))})"
        yield lambda: f"max({deep((n,))})"
        yield lambda: f"tr({deep((n, n))})"
        yield lambda: f"det({deep((n, n))})"
        yield lambda: f"logdet({deep((n, n))})"
        yield lambda: f"({deep((n,))})[{self.below(n)}]"
        yield lambda: f"({deep((3, 2))})[{self.below(3)},{self.below(2)}]"
        yield lambda: f"sum(({deep((n,))})[i]*({side((n,))})[i]^2, i = 0..{n - 1})"
        yield lambda: f"sum(sum(({deep((3, 3))})[i,j]*({side((3,))})[j], j = 0..i), i = 0..2)"
        yield lambda: f"prod({deep((n,))})"
        yield lambda: f"var({deep((n,))})"
        yield lambda: f"dot({deep((n,))}, log_softmax({side((n,))}))"
        yield lambda: f"dot({deep((n,))}, sort({side((n,))}))"

    def vectors(self, n: int, deep: Any, side: Any) -> Iterator[Callable[[], str]]:
        k = self.choose((3, 2))
        yield lambda: f"{deep((n, k))}*{side((k,))}"
        yield lambda: f"{side((n, k))}*{deep((k,))}"
        yield lambda: f"softmax({deep((n,))})"
        yield lambda: f"log_softmax({deep((n,))})"
        yield lambda: f"inv({side((n, n))})*{deep((n,))}"
        yield lambda: f"sum({deep((n, k))}, axis=1)"
        yield lambda: f"sum({deep((k, n))}, axis=0)'"
        yield lambda: f"diag({deep((n, n))})"
        yield lambda: f"({deep((n, k))})[:,{self.below(k)}]"
        yield lambda: f"{side((n,))} + vector({deep(())})"
        yield lambda: f"sort({deep((n,))})"
        if n == 3:
            yield lambda: f"concat({deep((2,))}, [{side(())}])"
            yield lambda: f"permute({deep((3,))}, [2, 0, 1])"
            yield lambda: f"gather({deep((3,))}, [1, 1, 0])"
        else:
            yield lambda: f"({deep((3,))})[1:3]"
            yield lambda: f"correlate({deep((3,))}, {side((2,))})"
            yield lambda: f"conv({deep((3,))}, {side((2,))})"
            yield lambda: f"[{deep(())}, {side(())}]"

    def matrices(self, n: int, m: int, deep: Any, side: Any) -> Iterator[Callable[[], str]]:
        k = self.choose((3, 2))
        yield lambda: f"{deep((n, k))}*{side((k, m))}"
        yield lambda: f"{side((n, k))}*{deep((k, m))}"
        yield lambda: f"{deep((m, n))}'"
        yield lambda: f"outer({deep((n,))}, {side((m,))})"
        yield lambda: f"softmax({deep((n, m))})"
        yield lambda: f"{deep((n,))} .* {side((n, m))}"
        yield lambda: f"{side((n, m))} + {deep((n,))}"
        if n == m:
            yield lambda: f"inv({deep((n, n))})"
            yield lambda: f"diag({deep((n,))})"
            yield lambda: f"{deep((n, n))} + eye({n})"
            yield lambda: f"({deep((n, n))})^2"
        if (n, m) == (2, 2):
            yield lambda: f"correlate({deep((3, 3))}, {side((2, 2))})"
            yield lambda: f"maxpool({deep((3, 3))}, 2, stride=1)"
            yield lambda: f"[[{deep(())}, {side(())}], [{side(())}, 1]]"
        if (n, m) == (2, 3):
            yield lambda: f"({deep((3, 3))})[0:2,:]"
        if (n, m) == (3, 3):
            yield lambda: f"concat({deep((2, 3))}, {side((3,))}', axis=0)"


def draw(below: Below) -> Question | None:
    maker = Maker(below)
    depth = maker.choose(DEPTHS)
    what = below(4)
    text = maker.text(() if what else (maker.choose((3, 2)),), depth)
    used = [name for name in SHAPES if f"{name}" in _names(text)]
    if not used:
        return None
    vectors = [name for name in used if len(SHAPES[name]) < 2]
    if what == 0:
        return Question(text, (maker.choose(vectors),), below(1000)) if vectors else None
    if what == 1:
        return Question(text, (maker.choose(vectors),) * 2, below(1000)) if vectors else None
    return Question(text, (maker.choose(used),), below(1000))


def _names(text: str) -> set[str]:
    return {"".join(word) for letter, word in itertools.groupby(text, str.isalnum) if letter}


# --- judging --------------------------------------------------------------------------------------


def values_for(question: Question) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(question.seed)
    found = {}
    for name, shape in SHAPES.items():
        values = np.asarray(rng.uniform(-1.1, 1.1, shape))
        values = np.asarray(values + 0.2 * np.sign(values))
        found[name] = values + 1.5 * np.eye(*shape) if len(shape) == 2 else values
    return found


def read(text: str) -> Tensor:
    """A text with every name declared."""
    names = {name: symbol(name, shape) for name, shape in SHAPES.items()}
    return Declarations(names, {}).lower(parse(text), 0)


RANGE = re.compile(r"(.*), (\w+) = (\d+)\.\.(\d+)", re.DOTALL)


def value_of(text: str, values: dict[str, np.ndarray]) -> np.ndarray:
    """The number of a text. `array(body, i = 0..1)` is read entry by entry, as one-term sums."""
    body, ranges = text.removeprefix("array(").removesuffix(")"), []
    while text.startswith("array(") and (found := RANGE.fullmatch(body)):
        body, name, low, high = found.groups()
        ranges.append((name, range(int(low), int(high) + 1)))
    if not ranges:
        return number(read(text), values)
    shape = [len(indices) for _, indices in reversed(ranges)]
    result = np.empty(shape)
    for place in np.ndindex(*shape):
        entry = body
        for (name, _), k in zip(reversed(ranges), place, strict=True):
            entry = f"sum({entry}, {name} = {k}..{k})"
        result[place] = number(read(entry), values)
    return result


def number(tensor: Tensor, values: dict[str, np.ndarray]) -> np.ndarray:
    at = {symbol(name, SHAPES[name]).node: value for name, value in values.items()}
    return np.asarray(evaluate([tensor.node], at)[0])


def differences(
    tensor: Tensor, wrt: tuple[str, ...], values: dict[str, np.ndarray], h: float = FINE
) -> np.ndarray:
    """The derivative by differences of order 8; the axes of the tensor, then of each name."""
    if not wrt:
        return number(tensor, values)
    first, *rest = wrt
    columns = []
    for place in np.ndindex(SHAPES[first]):
        total = 0.0
        for step, weight in STENCIL:
            moved = {**values, first: values[first].copy()}
            moved[first][place] += step * h
            total = total + weight * differences(tensor, tuple(rest), moved, h)
        columns.append(np.asarray(total) / h)
    stacked = np.stack(columns, axis=-1)
    return stacked.reshape(stacked.shape[:-1] + SHAPES[first])


def judge(question: Question) -> tuple[str, str]:
    """What came of it, and why: "right", "mismatch", "unread", "unsupported", "undecided"."""
    shapes = [f"{name}: {' '.join(map(str, shape))}" for name, shape in SHAPES.items()]
    used = _names(question.text)
    try:
        asked = [shape for shape in shapes if shape.partition(":")[0] in used]
        order = len(question.wrt)
        (answer,) = differentiate(
            question.text, question.wrt[:1], order=order, shapes=asked
        ).derivatives
    except SymbackError as error:
        kind = "unsupported" if isinstance(error, InputError) else "mismatch"
        return kind, f"{type(error).__name__}: {error}"
    values = values_for(question)
    with np.errstate(all="ignore"):
        root = read(question.text)
        try:
            wanted, again = (differences(root, question.wrt, values, h) for h in (FINE, 0.8 * FINE))
        except DomainError as error:
            return "undecided", str(error)
        if not np.isfinite(wanted).all() or np.abs(wanted).max(initial=0) > 1e7:
            return "undecided", "no value here"
        if not np.allclose(wanted, again, TOLERANCE, TOLERANCE):
            return "undecided", "a kink is near"
        try:
            found = value_of(answer.written, values)
        except SymbackError as error:
            return "unread", f"{answer.written}: {error}"
    wanted, found = np.squeeze(wanted), np.squeeze(found)
    if found.shape != wanted.shape:
        return "mismatch", f"shape {found.shape}, not {wanted.shape}: {answer.written}"
    off = np.abs(found - wanted).max() / max(1, np.abs(wanted).max())
    if not off <= TOLERANCE:
        return "mismatch", f"off by {off:.2g}: {answer.written}"
    return "right", answer.written


def case(seed: int, number: int) -> Question | None:
    return draw(random.Random(f"{seed}/{number}").randrange)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    totals: Counter[str] = Counter()
    for q in range(asked.cases):
        question = case(asked.seed, q)
        if question is None:
            continue
        try:
            kind, why = judge(question)
        except Exception as error:  # noqa: BLE001 (a finding; the others go on)
            kind, why = "exception", f"{type(error).__name__}: {error}"
        totals[kind] += 1
        if kind not in ("right", "undecided"):
            print(f"{kind} (case {q}): d {question.text} / d {question.wrt}\n    {why[:600]}")
    print(dict(totals))
    return int(bool(totals["mismatch"] or totals["exception"]))


if __name__ == "__main__":
    raise SystemExit(main())
