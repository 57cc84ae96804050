"""A derivation as lines of NumPy: what is given, forward pass, backward pass, updates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from symback.bindings import shape_of
from symback.decimals import decimal_text
from symback.elementwise import Array
from symback.emit.numpy_source import Emitter, unknown_function, variable_names
from symback.errors import SymbackError, Unsupported
from symback.evaluate import evaluate
from symback.exact import Exact, Scalar
from symback.field import Entries
from symback.graph import Node, topological
from symback.ops import drop_unit_axes
from symback.problem import Target, used_symbols
from symback.render.notebook_helpers import OWN_NAMES
from symback.rules import FUNCTIONS
from symback.sweep import Adjoint, Names
from symback.worked import Worked

WIDTH = 96  # of a line of code
MAX_LISTED = 400  # entries of an array whose numbers are written out
INDENT = "    "
RATE = "rate"
# Where example numbers come from, until the output has a value there.
_RANGES = ((0.2, 0.9), (0.5, 2.0), (-1.5, 1.5), (2.0, 5.0))
_EXAMPLE_SIZES = (3, 4, 2, 5)
_TRIES = 5


@dataclass(frozen=True)
class Back:
    """The code of one backward step.

    Attributes:
        variable: of the adjoint.
        lines: that work it out.
        parts: the contributions, (variable, expression), where these are not the lines themselves.
    """

    variable: str
    lines: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]


class Code:
    """Names and lines for one derivation. Arrays have no axes of length 1.

    Attributes:
        names: the variable of each name of the problem.
        adjoints: the variable of each adjoint, by the name that it is the derivative by.
    """

    def __init__(self, worked: Worked) -> None:
        self.worked = worked
        self.problem = worked.problem
        problem = self.problem
        of = problem.of
        given = [*problem.symbols, *problem.sizes, *(d.name for d in problem.definitions)]
        derivatives = {name: f"d{of}_d{name}" for name in worked.adjoints}
        functions = [unknown_function(name, order) for name, order in self.functions]
        reserved = {*OWN_NAMES, *functions}
        self.names = variable_names([*given, RATE], reserved)
        taken = {*reserved, *self.names.values()}
        self.adjoints = dict(
            zip(
                derivatives,
                variable_names(derivatives.values(), taken).values(),
                strict=True,
            )
        )
        self.emitter = Emitter(dict(self._variables()))
        self._in_names = Names(problem.definitions).in_names

    def _variables(self) -> Iterator[tuple[Node, str]]:
        problem = self.problem
        for name, tensor in {**problem.symbols, **problem.sizes}.items():
            yield tensor.node, self.names[name]
        for definition in problem.definitions:
            yield definition.symbol.node, self.names[definition.name]
        for name, adjoint in self.worked.adjoints.items():
            symbol = adjoint.symbol
            if symbol.op == "symbol" and symbol.params[1] == "adjoint":
                yield symbol, self.adjoints[name]

    @cached_property
    def functions(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Unknown functions and their derivatives: the name and an order for each argument."""
        roots = [d.tensor.node for d in self.problem.definitions]
        for adjoint in self.worked.adjoints.values():
            roots += [adjoint.named, *(passed.node for passed in adjoint.passed)]
        found: dict[tuple[str, tuple[int, ...]], None] = {}
        for node in topological(roots):
            if node.op == "map" and node.params[0] not in FUNCTIONS:
                name, *order = node.params
                whole = tuple(k for k in order if isinstance(k, int)) or (0,) * len(node.args)
                found[str(name), whole] = None
        return tuple(sorted(found))

    # --- given ---------------------------------------------------------------------------------

    @cached_property
    def values(self) -> dict[str, Any]:
        """The number of each symbol and size: those of the problem, or an example of our own.

        Raises:
            Unsupported: if no example is found at which the output has a value.
        """
        if self.problem.has_values:
            return dict(self.problem.values)
        for low, high in _RANGES:
            for seed in range(_TRIES):
                example = self._example(np.random.default_rng(seed), low, high)
                if self._has_value(example):
                    return example
        raise Unsupported(
            "no numbers were found at which every node has a value",
            hint="give some under [values]",
        )

    def _example(self, draw: np.random.Generator, low: float, high: float) -> dict[str, Any]:
        problem = self.problem
        sizes = {
            name: _EXAMPLE_SIZES[k % len(_EXAMPLE_SIZES)] for k, name in enumerate(problem.sizes)
        }
        bound = {problem.sizes[name].node: size for name, size in sizes.items()}
        example: dict[str, Any] = dict(sizes)
        for name in self.symbols:
            if name in sizes:
                continue
            shape = shape_of(problem.symbols[name].node, bound)
            example[name] = np.asarray(np.round(draw.uniform(low, high, shape), 2))
        return example

    def _has_value(self, example: dict[str, Any]) -> bool:
        problem = self.problem
        sizes = {tensor.node: example[name] for name, tensor in problem.sizes.items()}
        symbols = {
            tensor.node: example[name]
            for name, tensor in problem.symbols.items()
            if name in example and name not in problem.sizes
        }
        arity = {name: len(order) for name, order in self.functions}
        functions = {name: _example_function(count) for name, count in arity.items()}
        definitions = [(d.symbol.node, d.tensor.node) for d in problem.definitions]
        try:
            evaluate([s for s, _ in definitions], symbols, sizes, functions,
                     definitions=definitions)  # fmt: skip
        except SymbackError:
            return False
        return True

    @property
    def symbols(self) -> list[str]:
        """The symbols that have a part in it, the gradient from above among them."""
        used = {*used_symbols(self.problem), *(t.name for t in self.problem.wrt)}
        return [name for name in self.problem.symbols if name in used]

    def given_lines(self) -> list[str]:
        """Assignments of sizes and symbols."""
        lines = [
            f"{self.names[name]} = {self._whole(self.values[name])}" for name in self.problem.sizes
        ]
        for name in self.symbols:
            if name in self.values and name not in self.problem.sizes:
                lines += assigned(self.names[name], self._literal(self.values[name]))
        return lines

    def _whole(self, value: Any) -> int:
        return int(value.entries[0] if isinstance(value, Entries) else value)

    def _literal(self, value: Exact | Array) -> str:
        if isinstance(value, Entries):
            return nested([self.scalar(entry) for entry in value.entries], value.shape)
        return listed(value)

    def scalar(self, entry: Scalar) -> str:
        """An exact number as a float literal or an expression."""
        if isinstance(entry, Node):
            return self.emitter.expression(entry)
        decimal = decimal_text(entry)
        if decimal is not None:
            return decimal if "." in decimal else f"{decimal}.0"
        return f"{entry.numerator} / {entry.denominator}" if _short(entry) else repr(float(entry))

    def function_lines(self) -> list[str]:
        """Stand-ins for unknown functions: tanh of a sum, with its first derivatives."""
        blocks = []
        for name, order in self.functions:
            args = [f"x{k}" for k in range(len(order))] if len(order) > 1 else ["x"]
            total = " + ".join(f"{k} * {a}" if k > 1 else a for k, a in enumerate(args, start=1))
            if sum(order) > 1:
                raise Unsupported(f"a notebook needs the second derivative of '{name}'")
            value = f"np.tanh({total})"
            if any(order):
                factor = order.index(1) + 1
                value = f"1 - {value}**2" if factor == 1 else f"{factor} * (1 - {value}**2)"
            variable = unknown_function(name, order)
            blocks.append(f"def {variable}({', '.join(args)}):\n{INDENT}return {value}")
        return "\n\n\n".join(blocks).split("\n") if blocks else []

    # --- forward -------------------------------------------------------------------------------

    def forward_lines(self, name: str) -> list[str]:
        """The definition of one node."""
        definition = next(d for d in self.problem.definitions if d.name == name)
        return self._statements(definition.tensor.node, self.names[name])

    def _statements(self, node: Node, variable: str) -> list[str]:
        statements = self.emitter.statements(node, variable)
        return [line for name, text in statements for line in assigned(name, text)]

    @property
    def output(self) -> str:
        """The scalar that is differentiated, as an expression."""
        of = self.names[self.problem.of]
        upstream = self.problem.upstream
        if upstream is None:
            return of
        above = self.emitter.names[upstream.node]
        return f"np.sum({above} * {of})" if upstream.node.shape else f"{above} * {of}"

    def run_forward(self) -> str:
        """A function that works the output out again, from whatever is given to it."""
        parameters = [f"{self.names[name]}={self.names[name]}" for name in self.symbols]
        nodes = [self.names[d.name] for d in self.problem.definitions]
        parameters += [f"{node}=None" for node in nodes]
        lines = ["def run_forward("]
        lines += filled(parameters, WIDTH - len(INDENT))
        lines += ["):", f'{INDENT}"""The output; a node that is given is not worked out again."""']
        for definition, node in zip(self.problem.definitions, nodes, strict=True):
            lines.append(f"{INDENT}if {node} is None:")
            lines += [2 * INDENT + line for line in self.forward_lines(definition.name)]
        return "\n".join([*lines, f"{INDENT}return {self.output}"])

    # --- backward ------------------------------------------------------------------------------

    def backward(self, adjoint: Adjoint) -> Back:
        """One adjoint: its contributions, and its simplified form."""
        variable = self.adjoints[adjoint.name]
        if not adjoint.passed:
            return Back(variable, tuple(self._start(adjoint, variable)), ())
        simplified = self._statements(adjoint.named, variable)
        parts = [
            (f"{variable}_from_{self.names[passed.consumer.name]}",
             self.emitter.expression(self._in_names(passed.node)))
            for passed in adjoint.passed
        ]  # fmt: skip
        if len(parts) == 1 and assigned(variable, parts[0][1]) == simplified:
            parts = []
        return Back(variable, tuple(simplified), tuple(parts))

    def _start(self, adjoint: Adjoint, variable: str) -> list[str]:
        node = adjoint.named
        if adjoint.name == self.problem.of and self.problem.upstream is None:
            return [f"{variable} = 1.0"]
        return self._statements(node, variable)

    def target(self, target: Target) -> str:
        """The derivative by a target, as an expression."""
        return self._entry(self.adjoints[target.name], target)

    def _entry(self, variable: str, target: Target) -> str:
        shape = self.problem.tensor(target.name).shape
        sizes = (*shape, *(1,) * (len(target.indices or ()) - len(shape)))
        if target.indices is None:
            return variable
        at = [str(i) for i, size in zip(target.indices, sizes, strict=True) if size != 1]
        return f"{variable}[{', '.join(at)}]" if at else variable

    def update(self, target: Target) -> tuple[str, str]:
        """A variable for the symbol after a step of gradient descent, and its expression."""
        before = self._entry(self.names[target.name], target)
        where = "".join(f"_{i}" for i in target.indices or ())
        after = f"{self.names[target.name]}{where}_updated"
        return after, f"{before} - {self.names[RATE]} * {self.target(target)}"


# --- text --------------------------------------------------------------------------------------


def _short(entry: Fraction) -> bool:
    return max(abs(entry.numerator), entry.denominator) < 1000


def _example_function(arity: int) -> Any:
    """The stand-in that :meth:`Code.function_lines` writes."""
    return lambda order, *args: np.tanh(sum(k * a for k, a in zip(range(1, arity + 1), args,
                                                                  strict=True)))  # fmt: skip


def number_text(x: float) -> str:
    """A float with ten digits.

    >>> number_text(2.0), number_text(0.1 + 0.2), number_text(-0.0)
    ('2.0', '0.3', '0.0')
    """
    text = f"{x + 0.0:.10g}"
    return text if set("e.n") & set(text) else f"{text}.0"


def listed(value: Array, shape: Sequence[int] | None = None) -> str:
    """Numbers as source: a float, or nested lists in np.array."""
    cells = [number_text(x) for x in np.ravel(value).tolist()]
    return nested(cells, value.shape if shape is None else shape)


def nested(cells: Sequence[str], shape: Sequence[int]) -> str:
    """Cells, row by row, as an array of this shape."""
    if not shape:
        return cells[0]
    texts = list(cells)
    for size in reversed(shape):
        texts = [f"[{', '.join(texts[k : k + size])}]" for k in range(0, len(texts), size)]
    return f"np.array({texts[0]})"


def assigned(variable: str, expression: str) -> list[str]:
    """`variable = expression`, in lines that are not too long.

    >>> assigned("z", "W @ x + b")
    ['z = W @ x + b']
    """
    line = f"{variable} = {expression}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{variable} = (", *(INDENT + part for part in broken(expression)), ")"]


def broken(expression: str) -> list[str]:
    """An expression inside parentheses, broken at spaces, outer ones first."""
    room = WIDTH - len(INDENT)
    lines: list[str] = []
    rest = expression
    while len(rest) > room:
        depth = 0
        places: list[tuple[int, int]] = []
        for place, char in enumerate(rest[: room + 1]):
            depth += (char in "([{") - (char in ")]}")
            if char == " " and place > room // 3:
                places.append((depth, -place))
        if not places:
            break
        place = -min(places)[1]
        before = rest[:place].rstrip()
        lines.append(before)
        rest = rest[place + 1 :]
    return [*lines, rest]


def filled(parts: Iterable[str], room: int) -> list[str]:
    """Parts with commas behind them, as many in a line as fit."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= room:
            lines[-1] += f" {part},"
        else:
            lines.append(f"{INDENT}{part},")
    return lines


def plain_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """A surface shape without its axes of length 1."""
    return tuple(size for size in drop_unit_axes(tuple(shape)) if isinstance(size, int))
