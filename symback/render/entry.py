"""The derivative by one entry, path by path, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from symback.derivation import Derivation
from symback.paths import Edge, EntryChain, Path, Vertex
from symback.phrase import Phrase
from symback.render.boxes import Box, line
from symback.render.digits import entries
from symback.render.page import HEADING, INDENT, NAME, QUIET, Page
from symback.spell import text
from symback.values import Value

MAX_TERMS = 12  # of a sum that is written out in numbers


def tell_entry(derivation: Derivation, target: str, page: Page) -> None:
    """Print the local derivatives, each path with its product, and their sum.

    Raises:
        InputError: if `target` is no entry of the problem.
    """
    _Entry(derivation, derivation.entry(target), page).tell()


class _Entry:
    def __init__(self, derivation: Derivation, chain: EntryChain, page: Page) -> None:
        self.problem = derivation.problem
        self.chain = chain
        self.page = page
        self.formulas = page.formulas

    def tell(self) -> None:
        chain = self.chain
        self.page.paragraph(self.problem.title or self.problem.of, style=HEADING, indent=0)
        name = self.formulas(chain.adjoint)
        count = f"{chain.count:,} path{'s' if chain.count != 1 else ''}"
        self.page.paragraph(
            f"{name} by the chain rule: one product of local derivatives for each of the {count} "
            f"from {self._start()} to {self.problem.of}.",
            style=QUIET,
            indent=0,
        )
        self._local_derivatives()
        self._paths()
        self._sum(name)

    def _local_derivatives(self) -> None:
        edges: dict[tuple[str, str], Edge] = {}
        for path in self.chain.paths:
            for edge in path.edges:
                edges.setdefault((self._at(edge.tail), self._at(edge.head)), edge)
        self.page.heading("Local derivatives")
        for (tail, head), edge in edges.items():
            right = None if edge.value is None else self._number(edge.value)
            formula = f"{self._fraction(head, tail)} = {self.formulas(edge.local)}"
            self.page.pair("", [formula], right, INDENT)

    def _paths(self) -> None:
        self.page.heading("Paths" if self.chain.complete else "First parts of the paths")
        if not self.chain.complete:
            self.page.remark("there are too many paths to write out; each stops at an adjoint")
        for number, path in enumerate(self.chain.paths, start=1):
            if number > 1:
                self.page.gap()
            self._path(number, path)

    def _path(self, number: int, path: Path) -> None:
        stops = [self._at(path.edges[0].tail), *(self._at(edge.head) for edge in path.edges)]
        arrow = " -> " if self.formulas.ascii else " → "
        label = f"{number}. "
        self.page.put(Text.assemble(" " * INDENT, (label, QUIET), (arrow.join(stops), NAME)))
        indent = INDENT + len(label)
        self.page.pair("", [self.formulas(path.product)], None, indent)
        if path.value is not None:
            slopes = [edge.value for edge in reversed(path.edges)]
            if path.remaining is not None:
                slopes.insert(0, path.remaining_value)
            times = "*" if self.formulas.ascii else " · "
            words = f"= {_joined(slopes, times)} = {entries(path.value)[0]}"
            self.page.formula("", words, indent=indent)

    def _sum(self, name: str) -> None:
        chain = self.chain
        self.page.heading("Sum" if len(chain.paths) > 1 else "Result")
        self.page.formula(name, self.formulas(chain.grouped))
        if chain.value is None:
            return
        total = f"= {entries(chain.value)[0]}"
        if 1 < len(chain.paths) <= MAX_TERMS:
            total = f"= {_joined([path.value for path in chain.paths], ' + ')} {total}"
        self.page.formula("", total, indent=INDENT + len(name) + 1)

    def _start(self) -> str:
        """The entry asked for."""
        paths = self.chain.paths
        return self._at(paths[0].edges[0].tail) if paths else self.chain.target

    def _at(self, vertex: Vertex) -> str:
        return self.formulas(vertex.phrase)

    def _fraction(self, head: str, tail: str) -> str:
        return f"d{head}/d{tail}" if self.formulas.ascii else f"∂{head}/∂{tail}"

    def _number(self, value: Value) -> Box:
        return line(entries(value)[0])


def _joined(values: Sequence[Value | None], sign: str) -> str:
    """Numbers with a sign between them, in parentheses where their own sign would be misread."""
    numbers = [entries(value)[0] for value in values if value is not None]
    exposed = [number for number in numbers[1:] if number.startswith("-") or "/" in number]
    return sign.join([*numbers[:1], *(f"({n})" if n in exposed else n for n in numbers[1:])])


def entry_data(derivation: Derivation, target: str) -> dict[str, Any]:
    """The same as plain data; strings are in the input language."""
    chain = derivation.entry(target)
    problem = derivation.problem

    def written(phrase: Phrase) -> str:
        return text(phrase, output=problem.of, index_base=problem.index_base)

    return {
        "problem": problem.title,
        "output": problem.of,
        "target": chain.target,
        "count": chain.count,
        "complete": chain.complete,
        "paths": [
            {
                "through": [
                    *(written(edge.tail.phrase) for edge in path.edges),
                    *(written(edge.head.phrase) for edge in path.edges[-1:]),
                ],
                "product": written(path.product),
                "value": None if path.value is None else path.value.nested(),
            }
            for path in chain.paths
        ],
        "closed": written(chain.grouped),
        "value": None if chain.value is None else chain.value.nested(),
    }
