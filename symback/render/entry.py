"""The derivative by one entry, path by path, in the terminal."""

from __future__ import annotations

from rich.text import Text

from symback.derivation import Derivation
from symback.paths import Edge, EntryChain, Path, Vertex
from symback.render.boxes import Box, line
from symback.render.digits import entries
from symback.render.page import INDENT, NAME, QUIET, Page
from symback.values import Value


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
        self.page.put(Text(self.problem.title, "bold"))
        name = self.formulas(chain.adjoint)
        count = f"{chain.count:,} path{'s' if chain.count != 1 else ''}"
        self.page.paragraph(
            f"{name} by the chain rule: one product of local derivatives for each of the {count} "
            f"from {chain.target} to {self.problem.of}.",
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
            factors = [edge.value for edge in path.edges]
            if path.remaining is not None:
                factors.append(path.remaining_value)
            numbers = [_factor(factor) for factor in factors if factor is not None]
            times = "*" if self.formulas.ascii else " · "
            words = f"= {times.join(numbers)} = {entries(path.value)[0]}"
            self.page.formula("", words, indent=indent)

    def _sum(self, name: str) -> None:
        chain = self.chain
        self.page.heading("Sum" if len(chain.paths) > 1 else "Result")
        self.page.formula(name, self.formulas(chain.grouped))
        if chain.value is None:
            return
        terms = [_factor(path.value) for path in chain.paths if path.value is not None]
        total = f"= {entries(chain.value)[0]}"
        if 1 < len(terms) <= 12:
            total = f"= {' + '.join(terms)} {total}"
        self.page.formula("", total, indent=INDENT + len(name) + 1)

    def _at(self, vertex: Vertex) -> str:
        return self.formulas(vertex.phrase)

    def _fraction(self, head: str, tail: str) -> str:
        return f"d{head}/d{tail}" if self.formulas.ascii else f"∂{head}/∂{tail}"

    def _number(self, value: Value) -> Box:
        return line(entries(value)[0])


def _factor(value: Value) -> str:
    """A number inside a product or a sum."""
    number = entries(value)[0]
    return f"({number})" if number.startswith("-") or "/" in number else number
