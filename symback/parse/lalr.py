"""A shift-reduce parser that follows grammar.table; see :mod:`symback.parse.table`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from symback.parse.lexer import Token

TABLE = Path(__file__).with_name("grammar.table")
PASSED_ON = "="  # the method of a rule with one part, which stands for the whole
JOINED = "*"  # that of a rule whose parts join those around it
END = "$END"

Rule: TypeAlias = tuple[str, int, str]
Row: TypeAlias = dict[str, tuple[bool, int]]


class Stuck(Exception):
    """No rule fits token number `at`; that is the number of tokens where more are expected."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _Joined(list[Any]):
    """Parts that join those around them."""


def build(tokens: Sequence[Token], builder: object) -> Any:
    """What the methods of `builder` make of the tokens, each from the list of its parts.

    Raises:
        Stuck: where no rule fits.
    """
    rules, rows = _table()
    states, parts = [0], list[Any]()
    for at in range(len(tokens) + 1):
        terminal = tokens[at].type if at < len(tokens) else END
        while rows[states[-1]]:
            step = rows[states[-1]].get(terminal)
            if step is None:
                raise Stuck(at)
            shifts, target = step
            if shifts:
                parts.append(tokens[at])
                states.append(target)
                break
            origin, length, method = rules[target]
            made = _made(method, parts[-length:], builder)
            del parts[-length:], states[-length:]
            parts.append(made)
            states.append(rows[states[-1]][origin][1])
    return parts[0]


def _made(method: str, parts: list[Any], builder: object) -> Any:
    if method == PASSED_ON:
        return parts[0]
    flat = _Joined()
    for part in parts:
        if isinstance(part, _Joined):
            flat += part
        else:
            flat.append(part)
    if method == JOINED:
        return flat
    make: Callable[[list[Any]], Any] = getattr(builder, method)
    return make(flat)


@cache
def _table() -> tuple[list[Rule], list[Row]]:
    """The rules, and for each state its steps: by terminal and origin, (is a shift, number)."""
    rules: list[Rule] = []
    rows: list[Row] = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        first, *rest = line.split()
        if first == "rule":
            origin, length, method = rest
            rules.append((origin, int(length), method))
            continue
        row: Row = {}
        for step in rest:
            symbol, shifts, target = step.replace(":", "  ").replace(">", " > ").split(" ")
            row[symbol] = shifts == ">", int(target)
        rows.append(row)
    return rules, rows
