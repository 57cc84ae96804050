"""Write the tables of docs/calculus.md anew from the tables of rules.

    python scripts/calculus_page.py

A table stands between `<!-- table: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from symback.ops import OPS
from symback.rules import FUNCTIONS, RULES

PAGE = Path(__file__).parent.parent / "docs" / "calculus.md"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
#: Names of operands in the formulas of functions of several arguments.
CALLS = {
    "pow": "x^n", "maximum": "max(x, z)", "minimum": "min(x, z)", "where": "where(c, a, b)",
    "polygamma": "polygamma(k, x)", "lt": "x < z", "le": "x <= z", "eq": "x == z", "ne": "x != z",
    "and": "p and q", "or": "p or q", "not": "not p",
}  # fmt: skip


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


def functions() -> Iterator[tuple[str, ...]]:
    for name, row in FUNCTIONS.items():
        yield f"`{CALLS.get(name, f'{name}(x)')}`", f"`{row.formula}`", row.source


def kinks() -> Iterator[tuple[str, ...]]:
    for name, row in FUNCTIONS.items():
        if row.kink is not None:
            low, high = row.kink.slopes
            yield (
                f"`{CALLS.get(name, f'{name}(x)')}`",
                row.kink.where,
                f"from {low} to {high}",
                str(row.kink.taken),
                row.kink.others,
            )


def operations() -> Iterator[tuple[str, ...]]:
    for name, rule in RULES.items():
        said = " ".join((rule.__doc__ or "").split())
        words, _, source = said.partition(" [")
        yield f"`{name}`", OPS[name], words, f"[{source}" if source else ""


TABLES = {
    "functions": lambda: table(("function", "derivative", "source"), functions()),
    "kinks": lambda: table(
        ("function", "where", "valid slopes", "taken", "what others take"), kinks()
    ),
    "operations": lambda: table(("operation", "what it is", "derivative", "source"), operations()),
}


def filled(page: str) -> str:
    """The page with its tables written anew."""
    return MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[4]}", page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
