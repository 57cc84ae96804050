"""A derivation as plain data, ready for JSON."""

from __future__ import annotations

import math
from typing import Any

from symback.derivation import Derivation
from symback.exact import Exact, Scalar
from symback.gradients import Gradient
from symback.graph import Node, Shape
from symback.kinks import KinkReport
from symback.notation import Notation
from symback.spell.latex import latex
from symback.spell.text import text
from symback.tensor import show_size
from symback.values import Value


def as_json(derivation: Derivation) -> dict[str, Any]:
    """What `symback derive --json` prints: dictionaries, lists, strings, numbers, None.

    Formulas are in our input language, `latex` is the closed form; `exact` holds strings such as
    "-3/8" or "exp(2)/3", None where exact numbers are out of reach. Without values, `forward`,
    `updated`, `verified`, `value` and `exact` are None. Many digits, where asked for, are in
    `digits`.

    >>> from symback.derivation import derive
    >>> from symback.problem import loads
    >>> problem = loads('[symbols]\\nx = []\\n[define]\\nL = "x^2/2"\\n'
    ...                 '[derive]\\nof = "L"\\nwrt = ["x"]\\n[values]\\nx = 0.75')
    >>> as_json(derive(problem))["gradients"]["x"]["exact"]
    '3/4'
    """
    problem, verification = derivation.problem, derivation.verification
    has_numbers = derivation.numbers is not None
    return {
        "problem": problem.title or problem.file or problem.of,
        "output": problem.of,
        "forward": _numbers(derivation.forward) if has_numbers else None,
        "gradients": {g.label: _gradient(g, derivation) for g in derivation.gradients.values()},
        "updated": _numbers(derivation.updated) if has_numbers else None,
        "verified": None
        if verification is None
        else {
            "ok": verification.ok,
            "witness": verification.witness,
            "max_error": verification.max_error if math.isfinite(verification.max_error) else None,
        },
        "kinks": [_kink(kink, problem.index_base) for kink in derivation.kinks],
    }


def _numbers(values: dict[str, Value]) -> dict[str, Any]:
    return {name: value.nested() for name, value in values.items()}


def _gradient(gradient: Gradient, derivation: Derivation) -> dict[str, Any]:
    of, base = derivation.problem.of, derivation.problem.index_base
    number = gradient.number
    result = {
        "shape": shape_json(gradient.shape),
        "closed": text(gradient.closed_phrase, output=of, index_base=base),
        "named": text(gradient.named_phrase, output=of, index_base=base),
        "latex": latex(gradient.closed_phrase, output=of, index_base=base),
        "value": None if number is None else number.nested(),
        "exact": None if number is None or number.exact is None else exact_json(number.exact),
    }
    if number is not None and number.digits is not None:
        result["digits"] = _nested(number.digits, number.shape)
    return result


def shape_json(shape: Shape) -> list[int | str]:
    """Sizes as numbers, or as text where they are symbolic."""
    return [size if isinstance(size, int) else show_size(size) for size in shape]


def exact_json(exact: Exact) -> Any:
    """Exact numbers as nested lists of strings."""
    return _nested(tuple(map(exact_text, exact.entries)), exact.shape)


def exact_text(number: Scalar) -> str:
    """An exact number in the input language: -3/8, exp(2)/3."""
    if isinstance(number, Node):
        return text(Notation().scalar(number))
    return str(number)


def _nested(entries: tuple[str, ...], shape: tuple[int, ...]) -> Any:
    rows: list[Any] = list(entries)
    for size in reversed(shape[1:]):
        rows = [rows[k : k + size] for k in range(0, len(rows), size)]
    return rows if shape else rows[0]


def _kink(kink: KinkReport, index_base: int) -> dict[str, Any]:
    return {
        "node": kink.node,
        "entry": [index + index_base for index in kink.entry],
        "function": kink.function,
        "where": kink.where,
        "slopes": list(kink.interval),
        "taken": float(kink.taken),
        "others": kink.others,
    }
