"""What every form of a story must carry: each step by its name, and its numbers.

A test of a format calls `missing` with the text that a reader of that format sees, and a way to
spell names in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from symback.derivation import Derivation, derive
from symback.phrase import Phrase
from symback.problem import load
from symback.story import Backward, Forward, Given, NumberStep
from symback.values import Value

PROBLEMS = Path(__file__).parent.parent / "problems"
NAMES = sorted(path.stem for path in PROBLEMS.glob("*.toml"))
#: Enough for slow formats: with values and without, kinks, three axes, long forms, many paths.
SOME = [
    "two_layer_net", "sheet001_q2", "sheet001_q3", "sheet004_relu_net", "sheet004_p_norm",
    "at_the_kinks", "attention_head", "conv_maxpool", "lstm_cell", "batch_norm",
]  # fmt: skip
SHORTENED_FROM = 30  # entries of an array that a format may shorten
CLOSE = 1e-4  # relative

_POWER = r"(?: ?(?:\\cdot|·|×) ?10\^?\{?([-−]?[0-9]+)\}?|e([-+]?[0-9]+))?"
_NUMBER = re.compile(r"(?<![\w.])([0-9]+(?:\.[0-9]+)?)" + _POWER)
_FRACTIONS = (re.compile(r"\\frac\{([0-9]+)\}\{([0-9]+)\}"), re.compile(r"([0-9]+)/([0-9]+)"))


@cache
def derived(name: str) -> Derivation:
    """A bundled problem, worked out."""
    return derive(load(PROBLEMS / f"{name}.toml"))


def numbers_in(text: str) -> list[float]:
    """The absolute values of all numbers in a text, in ascending order."""
    found = {0.0}
    for match in _NUMBER.finditer(text.replace("−", "-")):
        exponent = match[2] or match[3] or "0"
        found.add(float(match[1]) * 10.0 ** int(exponent))
    for pattern in _FRACTIONS:
        found |= {int(m[1]) / int(m[2]) for m in pattern.finditer(text) if int(m[2])}
    return sorted(found)


def steps_with_numbers(derivation: Derivation) -> Iterator[tuple[str, Value]]:
    """(what it is, its number) for every step that ends in one."""
    for step in derivation.steps:
        if isinstance(step, (Given, NumberStep)) and step.value is not None:
            yield f"{type(step).__name__} {step.name}", step.value
        if isinstance(step, Backward):
            for part in step.contributions:
                if part.value is not None:
                    yield f"Backward {step.name} through {part.consumer}", part.value


def names(derivation: Derivation) -> Iterator[tuple[str, Phrase]]:
    """(what it is, its name) for every step that has one."""
    for step in derivation.steps:
        if isinstance(step, Forward):
            yield f"Forward {step.name}", step.symbol
        elif isinstance(step, Backward):
            yield f"Backward {step.name}", step.adjoint


def missing(
    derivation: Derivation, text: str, spell: Callable[[Phrase], str] | None = None
) -> list[str]:
    """The steps whose name or number is not in `text`; spaces in names do not count."""
    there = numbers_in(text)
    lost = []
    for label, value in steps_with_numbers(derivation):
        entries = abs(value.floats.ravel()).tolist()
        if len(entries) > SHORTENED_FROM:
            entries = entries[:1]
        if not all(_is_there(x, there) for x in entries):
            lost.append(f"{label}: {entries}")
    if spell is not None:
        tight = "".join(text.split())
        for label, phrase in names(derivation):
            if "".join(spell(phrase).split()) not in tight:
                lost.append(f"{label}: {spell(phrase)}")
    return lost


def _is_there(x: float, numbers: list[float]) -> bool:
    slack = CLOSE * x + 1e-12
    place = bisect_left(numbers, x - slack)
    return place < len(numbers) and numbers[place] <= x + slack
