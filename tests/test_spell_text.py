"""What text() prints, our own parser reads, and it is worth the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
import pytest

from symback.parse.parser import parse
from symback.parse.syntax import (
    Call,
    Chain,
    Compare,
    Expr,
    Index,
    List,
    Name,
    Num,
    Power,
    Slice,
    SumOver,
    Transpose,
    Unary,
)
from symback.spell import latex, pretty, text
from tests.spell_phrases import (
    ELEMENTWISE,
    Value,
    evaluate,
    leaf_values,
    random_phrase,
    softmax,
    squeeze,
)


def _times(a: Value, b: Value) -> Value:
    return a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else a @ b


def _over(a: Value, b: Value) -> Value:
    assert np.ndim(b) == 0, "a quotient by a matrix is written ./"
    return a / b


OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": _times,
    "/": _over,
    ".*": lambda a, b: a * b,
    "./": lambda a, b: a / b,
    "<": lambda a, b: 1.0 * (a < b),
    "<=": lambda a, b: 1.0 * (a <= b),
    "==": lambda a, b: 1.0 * (a == b),
}


def _logsumexp(x: Value, **axis: Any) -> Value:
    return np.log(np.sum(np.exp(x), **axis))


CALLS: dict[str, Callable[..., Value]] = {
    **{name: f for name, f in ELEMENTWISE.items() if name not in ("maximum", "lt", "le")},
    "sum": np.sum,
    "prod": np.prod,
    "logsumexp": _logsumexp,
    "softmax": softmax,
    "max": lambda *a, **axis: np.maximum(*a) if len(a) == 2 else np.max(*a, **axis),
    "tr": np.trace,
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "diag": lambda x: np.diag(x.ravel()) if x.shape[1] == 1 else np.diag(x).reshape(-1, 1),
    "ones": lambda m, n: np.ones((int(m), int(n))),
    "eye": lambda n: np.eye(int(n)),
    "sqrt": np.sqrt,
    "norm1": lambda x: np.sum(np.abs(x)),
    "norm2": np.linalg.norm,
}


def read(node: Expr, values: Mapping[str, Value], base: int) -> Value:
    """The value of a syntax tree under the rules of the input language."""

    def sub(part: Expr | Slice) -> Value:
        assert not isinstance(part, Slice)
        return squeeze(read(part, values, base))

    match node:
        case Num(value=value):
            return float(value)
        case Name(name=name):
            return values[name]
        case Unary(op=op, operand=operand):
            return -sub(operand) if op == "-" else sub(operand)
        case Chain(first=first, rest=rest):
            result = sub(first)
            for link in rest:
                result = squeeze(OPERATORS[link.op](result, sub(link.operand)))
            return result
        case Power(op=op, base=below, exponent=exponent):
            a, b = sub(below), sub(exponent)
            return np.linalg.matrix_power(a, int(b)) if op == "^" and np.ndim(a) else a**b
        case Transpose(operand=operand):
            return np.transpose(sub(operand))
        case Index(base=array, items=items):
            place = [int(sub(item)) - base for item in items]
            return sub(array)[tuple([*place, 0][:2])]
        case Call(func=func, args=args, kwargs=kwargs):
            axis = {key: int(sub(value)) for key, value in kwargs}
            return CALLS[func](*map(sub, args), **axis, **({"keepdims": True} if axis else {}))
        case SumOver(func=func, body=body, index=index, low=low, high=high):
            counted = range(int(sub(low)), int(sub(high)) + 1)
            parts = [read(body, {**values, index: k}, base) for k in counted]
            return sum(parts) if func == "sum" else np.prod(parts)
        case Compare(op=op, left=left, right=right):
            return OPERATORS[op](sub(left), sub(right))
        case List():
            raise NotImplementedError


@pytest.mark.parametrize("shape", [(), (3, 1), (2, 3), (1, 2), (3, 3)])
@pytest.mark.parametrize("base", [0, 1])
def test_text_reads_back_to_the_same_value(shape: tuple[int, ...], base: int) -> None:
    for seed in range(150):
        random = Random(f"{shape} {base} {seed}")
        values = leaf_values(random)
        phrase = random_phrase(random, shape, depth=random.choice([1, 2, 3, 4]))
        expected = evaluate(phrase, values)
        written = text(phrase, index_base=base)
        value = read(parse(written).root, values, base)
        assert np.shape(value) == np.shape(squeeze(expected)), written
        assert np.allclose(value, expected, rtol=1e-9), written


def test_spellings_have_their_brackets_in_pairs() -> None:
    for seed in range(150):
        random = Random(seed)
        phrase = random_phrase(random, random.choice([(), (3, 1), (2, 3)]), depth=4)
        for written in (text(phrase), pretty(phrase), latex(phrase)):
            opened = []
            for char in written:
                if char in "([{":
                    opened.append(char)
                elif char in ")]}":
                    assert "([{"[")]}".index(char)] == opened.pop(), written
            assert not opened, written
        set_in_tex = latex(phrase)
        assert set_in_tex.count(r"\left") == set_in_tex.count(r"\right")
        assert not _doubled(set_in_tex), set_in_tex


def _doubled(tex: str) -> bool:
    """Whether a script stands on a script of its kind, which TeX refuses."""
    closed = {"^": -1, "_": -1}
    opened: list[str] = []
    for at, char in enumerate(tex):
        if char == "{":
            opened.append(tex[at - 1])
        elif char == "}":
            closed[opened.pop()] = at
        elif char in "^_" and closed[char] == at - 1 and at > 0:
            return True
    return False
