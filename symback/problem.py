"""A problem: named definitions over given symbols, what to derive, values.

Problems come from TOML files (:func:`load`), from text (:func:`loads`), or from SymPy expressions
(the constructor of :class:`Problem`). All that can be wrong with one is reported when it is made;
what is wrong in a file is reported at its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from symback.errors import (
    CycleError,
    InputError,
    NameProblem,
    Place,
    ShapeError,
    SymbackError,
    ValueProblem,
    did_you_mean,
)
from symback.exact import Exact, Scalar
from symback.given import (
    GivenArray,
    constant_number,
    exact_values,
    nested_exact,
    nested_value,
    shape_words,
)
from symback.graph import Node, Shape, Size, symbols_of
from symback.lazy import load_module
from symback.ops import as_size
from symback.parse.lower import Scope, lower
from symback.parse.syntax import Expression, Name, SumOver, walk
from symback.problemfile import Definition as DefinitionLine
from symback.problemfile import Figures, ProblemFile, parse_problem, read_problem_file
from symback.problemfile import Target as WrittenTarget
from symback.shown import Shown
from symback.sizes import flat, plus
from symback.tensor import Tensor, as_scalar, show_size, symbol

WITHOUT_UPSTREAM = 'name a symbol that holds the gradient from above: upstream = "d"'


@dataclass(frozen=True)
class Definition:
    """A named node.

    Attributes:
        tensor: its expression; earlier names appear in it as symbols.
        symbol: the name as a symbol, of the same shape.
        written: the expression as the user typed it, or None.
        place: where.
    """

    name: str
    tensor: Tensor
    symbol: Tensor
    written: str | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Target:
    """What to differentiate by.

    Attributes:
        label: as written, "W1" or "W1[1,1]".
        name: the symbol or definition.
        indices: counted from 0, one for each axis; a name stands for any index; None for all.
    """

    label: str
    name: str
    indices: tuple[int | str, ...] | None = None


@dataclass(frozen=True, init=False, repr=False)
class Problem(Shown):
    """Named definitions, what to derive and by what, and values.

    The constructor takes SymPy expressions; :func:`load` reads a file.

    Attributes:
        symbols: the given symbols by name.
        sizes: the sizes by name, as symbols.
        functions: unknown functions and the number of their arguments.
        definitions: in order.
        of: the definition that is differentiated.
        wrt: by what.
        upstream: the gradient that comes from above, where `of` is not a scalar.
        values: exact arrays by symbol and size, in the shape of the symbol's node.
        rate: of one step of gradient descent.
        published, misprint: printed results, right and wrong ones.
        index_base: the number of the first entry of an array, 0 or 1.
        file: where it was read from.
        written: the SymPy objects that symbols stand for; empty for a file.
        origins: the first index of each axis of a symbol, where that is not 0.
    """

    title: str
    source: str
    notes: str
    index_base: Literal[0, 1]
    symbols: Mapping[str, Tensor]
    sizes: Mapping[str, Tensor]
    functions: Mapping[str, int]
    definitions: tuple[Definition, ...]
    of: str
    wrt: tuple[Target, ...]
    upstream: Tensor | None
    values: Mapping[str, Exact]
    rate: Scalar | None
    published: Figures
    misprint: Figures
    file: str | None
    written: Mapping[Node, Any]
    origins: Mapping[Node, tuple[Node, ...]]

    def __init__(
        self,
        definitions: Sequence[tuple[str, Any]],
        of: str | None = None,
        wrt: Any = None,
        *,
        title: str = "",
        source: str = "",
        notes: str = "",
        values: Mapping[Any, Any] | None = None,
        upstream: Any = None,
        rate: Any = None,
        index_base: Literal[0, 1] = 0,
    ) -> None:
        """A problem from SymPy.

        Args:
            definitions: pairs (name, expression). An earlier name appears in a later expression as
                the Symbol or MatrixSymbol of that name.
            of: the definition to differentiate; the last one if not given.
            wrt: symbols, names, or entries such as `W[0, 0]` or "W[0,0]", one or a list of them;
                every given symbol if left out.
            values: by symbol or name: numbers, nested lists or a Matrix. A float counts as the
                decimal that Python prints for it.
            upstream: the symbol that holds the gradient from above, where `of` is not a scalar.
            rate: of one step of gradient descent.

        Raises:
            InputError, Unsupported: naming what is wrong.

        >>> from sympy import symbols
        >>> a, b, e = symbols("a b e")
        >>> Problem([("e", a + b), ("L", e**2)], wrt=[a, b], values={a: 1, b: 2}).of
        'L'
        """
        parts = load_module("sympy_problem").read_problem(
            definitions, of, wrt, values or {}, upstream, rate, index_base
        )
        self._set(title=title, source=source, notes=notes, **parts)

    def _set(self, **parts: Any) -> None:
        optional = {
            "functions": {},
            "published": Figures(),
            "misprint": Figures(),
            "file": None,
            "written": {},
            "origins": {},
        }
        for field in fields(self):
            value = parts.get(field.name, optional.get(field.name))
            if isinstance(value, dict):
                value = MappingProxyType(value)
            object.__setattr__(self, field.name, value)
        check_problem(self)

    @property
    def output(self) -> Definition:
        """The definition that is differentiated."""
        return next(d for d in self.definitions if d.name == self.of)

    @cached_property
    def _tensors(self) -> dict[str, Tensor]:
        return {**self.symbols, **{d.name: d.symbol for d in self.definitions}}

    def tensor(self, name: str) -> Tensor:
        """A given symbol or a definition as a symbol."""
        return self._tensors[name]

    def shape(self, name: str) -> Shape:
        """The shape in which a name's numbers are shown.

        As declared for a given symbol; a definition that comes out as 1x1 is a scalar.
        """
        tensor = self.tensor(name)
        return () if tensor.is_scalar and name not in self.symbols else tensor.shape

    @property
    def has_values(self) -> bool:
        """Whether every symbol that the definitions use has a value."""
        return bool(self.values) and all(name in self.values for name in used_symbols(self))

    def with_values(self, values: Mapping[str, Any]) -> Problem:
        """The same problem with other values for some symbols.

        Values are numbers, texts such as "1/3", nested lists of them, or exact arrays; symbols
        that are not named keep theirs. A float counts as the decimal that Python prints for it.

        Raises:
            InputError: for an unknown name, a wrong shape, or what is no number.
        """
        known = {**self.symbols, **self.sizes}
        for name in values:
            if name not in known:
                raise NameProblem(f"'{name}' is no given symbol", hint=did_you_mean(name, known))
        given = {
            name: GivenArray(nested_exact(self.values[name]), self.symbols[name])
            for name in self.symbols
            if name in self.values and name not in values
        }
        given.update(
            (name, GivenArray(nested_value(value), known[name])) for name, value in values.items()
        )
        exact = {**exact_values(given, self.sizes)}
        for name in self.sizes:
            if name in self.values:
                exact.setdefault(name, self.values[name])
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        other = Problem.__new__(Problem)
        other._set(**{**parts, "values": exact})
        return other

    def with_targets(self, wrt: tuple[Target, ...]) -> Problem:
        """The same problem, differentiated by others."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        other = Problem.__new__(Problem)
        other._set(**{**parts, "wrt": wrt})
        return other

    def derive(self, *, digits: int | None = None) -> Any:
        """The :class:`~symback.derivation.Derivation` of this problem."""
        return load_module("derivation").derive(self, digits=digits)


def used_symbols(problem: Problem) -> list[str]:
    """The given symbols that some definition uses, and the upstream one, in their order."""
    used = set(symbols_of([d.tensor.node for d in problem.definitions]))
    if problem.upstream is not None:
        used.add(problem.upstream.node)
    return [name for name, tensor in problem.symbols.items() if tensor.node in used]


def load(path: str | os.PathLike[str]) -> Problem:
    """The problem in a TOML file.

    Raises:
        InputError: with the place in the file and what to do.
    """
    return from_file(read_problem_file(path))


def loads(text: str, file: str | None = None) -> Problem:
    """The problem in a TOML text; `file` is its name in messages.

    >>> loads('''
    ... [symbols]
    ... x = []
    ... [define]
    ... L = "x^2"
    ... [derive]
    ... of = "L"
    ... wrt = ["x"]
    ... ''').definitions[0].written
    'x^2'
    """
    return from_file(parse_problem(text, file))


# --- from a file -------------------------------------------------------------------------------


def from_file(given: ProblemFile) -> Problem:
    """The problem that a file states."""
    return _Builder(given).problem()


class _Builder:
    """Looks up the names of a file and fits its shapes together."""

    def __init__(self, given: ProblemFile) -> None:
        self.given = given
        self.sizes: dict[str, Tensor] = {}
        self.size_places: dict[str, Place] = {}
        self.symbols: dict[str, Tensor] = {}
        self.later = {line.name: line for line in given.define}

    def problem(self) -> Problem:
        given = self.given
        self._symbols()
        definitions = self._definitions()
        names = {**self.symbols, **{d.name: d.symbol for d in definitions}}
        self._output(definitions)
        wrt = tuple(self._target(target, names) for target in given.wrt)
        values = self._values()
        rate = given.rate
        problem = Problem.__new__(Problem)
        problem._set(
            title=given.title,
            source=given.source,
            notes=given.notes,
            index_base=given.index_base,
            symbols=self.symbols,
            sizes=self.sizes,
            functions={line.name: line.arity for line in given.functions},
            definitions=tuple(definitions),
            of=given.of.name,
            wrt=wrt,
            upstream=self._upstream(definitions),
            values=values,
            rate=constant_number(rate) if isinstance(rate, Expression) else rate,
            published=self._figures(given.published, names),
            misprint=self._figures(given.misprint, names),
            file=given.file,
        )
        self._check_values(problem)
        return problem

    # symbols and sizes

    def _symbols(self) -> None:
        declared = {line.name: line for line in self.given.symbols}
        for line in self.given.symbols:
            for size in line.shape:
                if isinstance(size, Expression):
                    self._size_names(size)
        for name, place in self.size_places.items():
            if name in declared and declared[name].shape:
                raise ShapeError(
                    f"'{name}' is used as a size and is itself an array",
                    place=place,
                    hint=f"a size is a whole number; choose another name for it than '{name}'",
                )
            if name in self.later or any(name == f.name for f in self.given.functions):
                raise NameProblem(
                    f"'{name}' is a size here and also {self._kind(name)}",
                    place=place,
                    hint="choose another name for the size",
                )
        scope = Scope(names=dict(self.sizes))
        for line in self.given.symbols:
            if line.name in self.sizes:
                continue
            shape = tuple(
                size if isinstance(size, int) else self._size(size, scope) for size in line.shape
            )
            self.symbols[line.name] = symbol(line.name, shape)

    def _kind(self, name: str) -> str:
        return "a definition" if name in self.later else "a function"

    def _size_names(self, size: Expression) -> None:
        for node in walk(size.root):
            if isinstance(node, Name) and node.name not in self.sizes:
                self.sizes[node.name] = symbol(node.name, kind="size")
                self.size_places[node.name] = size.place(node)

    def _size(self, written: Expression, scope: Scope) -> Size:
        size = as_size(flat(as_scalar(lower(written, scope)).node))
        if isinstance(size, int) and size >= 1:
            return size
        if isinstance(size, int) or size.op == "number":
            raise ShapeError("a size is a whole number from 1", place=written.place())
        return size

    # definitions

    def _definitions(self) -> list[Definition]:
        scope = Scope(
            names={**self.sizes, **self.symbols},
            functions={line.name: line.arity for line in self.given.functions},
            index_base=self.given.index_base,
        )
        result: list[Definition] = []
        for line in self.given.define:
            scope.declare = lambda name, user=line.name: self._too_late(name, user)  # type: ignore[misc]
            tensor = lower(line.expression, scope)
            named = symbol(line.name, tensor.shape)
            scope.names[line.name] = named
            result.append(
                Definition(line.name, tensor, named, line.expression.text, line.expression.place())
            )
        return result

    def _too_late(self, name: str, user: str) -> None:
        """Refuse a name that is defined later on; others are simply unknown."""
        if name not in self.later:
            return
        line = self.later[name]
        if name == user:
            raise CycleError(
                f"'{name}' is defined by itself",
                hint="give the new node a name of its own",
            )
        cycle = _cycle(name, user, self.later)
        if cycle is None:
            raise CycleError(
                f"'{name}' is used before it is defined",
                also=((f"'{name}' is defined here", line.place),),
                hint=f"definitions are in order: move '{name}' above '{user}'",
            )
        raise CycleError(
            f"definitions need each other: {' needs '.join([user, *cycle])}",
            also=((f"'{name}' is defined here", line.place),),
            hint="a computation graph has no cycles: unroll it, one name for each step",
        )

    # [derive]

    def _output(self, definitions: list[Definition]) -> None:
        of = self.given.of
        if any(of.name == d.name for d in definitions):
            return
        if of.name in self.symbols or of.name in self.sizes:
            raise NameProblem(
                f"'{of.name}' is given, there is nothing to differentiate",
                place=of.place,
                hint=f'name a node of [define], such as of = "{definitions[-1].name}"',
            )
        names = [d.name for d in definitions]
        raise NameProblem(
            f"unknown name '{of.name}'",
            place=of.place,
            hint=did_you_mean(of.name, names) or f"[define] has {_listed(names)}",
        )

    def _target(self, target: WrittenTarget, names: Mapping[str, Tensor]) -> Target:
        if target.name in self.sizes:
            raise NameProblem(
                f"'{target.name}' is a size; sizes have no derivative", place=target.place
            )
        if target.name not in names:
            raise NameProblem(
                f"unknown name '{target.name}'",
                place=target.place,
                hint=did_you_mean(target.name, names)
                or "differentiate by a name under [symbols] or [define]",
            )
        try:
            return target_of(target.text, target.name, target.indices, names, self.given.index_base)
        except SymbackError as error:
            error.place = target.place
            raise

    def _upstream(self, definitions: list[Definition]) -> Tensor | None:
        given = self.given.upstream
        if given is None:
            return None
        if given.name not in self.symbols:
            if given.name in {d.name for d in definitions}:
                message = f"'{given.name}' is defined; the gradient from above is a given symbol"
                raise NameProblem(message, place=given.place, hint="declare it under [symbols]")
            shape = next(d.tensor.shape for d in definitions if d.name == self.given.of.name)
            sizes = ", ".join(
                show_size(size) if isinstance(size, int) else f'"{show_size(size)}"'
                for size in shape
            )
            raise NameProblem(
                f"unknown name '{given.name}'",
                place=given.place,
                hint=did_you_mean(given.name, self.symbols)
                or f"declare {given.name} = [{sizes}] under [symbols]",
            )
        return self.symbols[given.name]

    def _figures(self, figures: Figures, names: Mapping[str, Tensor]) -> Figures:
        for figure in figures.entries:
            if figure.of is not None and figure.of != self.given.of.name:
                raise NameProblem(
                    f"this file differentiates '{self.given.of.name}', not '{figure.of}'",
                    place=figure.place,
                )
            if figure.target.name not in names:
                raise NameProblem(
                    f"unknown name '{figure.target.name}'",
                    place=figure.target.place,
                    hint=did_you_mean(figure.target.name, names)
                    or 'results are named as "L", "dL/dW[1,1]" or "updated W"',
                )
            self._target(figure.target, names)
        return figures

    # [values]

    def _values(self) -> dict[str, Exact]:
        given: dict[str, GivenArray] = {}
        lines = {line.name: line for line in self.given.symbols}
        for line in self.given.values:
            if line.name in self.sizes:
                given[line.name] = GivenArray(line.value, self.sizes[line.name], line.place)
            elif line.name in self.symbols:
                place = lines[line.name].place
                tensor = self.symbols[line.name]
                given[line.name] = GivenArray(line.value, tensor, line.place, place)
            elif line.name in self.later:
                raise NameProblem(
                    f"'{line.name}' is defined; only given symbols have values",
                    place=line.place,
                    also=((f"'{line.name}' is defined here", self.later[line.name].place),),
                    hint="remove this value, or the definition and declare it under [symbols]",
                )
            else:
                known = [*self.symbols, *self.sizes]
                raise NameProblem(
                    f"unknown name '{line.name}'",
                    place=line.place,
                    hint=did_you_mean(line.name, known) or f"declare '{line.name}' under [symbols]",
                )
        return exact_values(given, self.sizes)

    def _check_values(self, problem: Problem) -> None:
        """Either every symbol in use has a value, or none."""
        if not problem.values:
            return
        places = {line.name: line.place for line in self.given.symbols}
        for name in used_symbols(problem):
            if name not in problem.values:
                shape = problem.symbols[name].shape
                raise ValueProblem(
                    f"'{name}' has no value",
                    place=places[name],
                    hint=f"add {name} = {_example(shape)} under [values], or remove all values",
                )
        for name in problem.sizes:
            if name not in problem.values:
                raise ValueProblem(
                    f"the size '{name}' has no value",
                    place=self.size_places[name],
                    hint=f"add {name} = 3 under [values]",
                )


def _cycle(start: str, goal: str, lines: Mapping[str, DefinitionLine]) -> list[str] | None:
    """The names from `start` to `goal`, each needing the next; None if there is no such way."""
    came_from: dict[str, str] = {start: ""}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            way = [name]
            while way[-1] != start:
                way.append(came_from[way[-1]])
            return way[::-1]
        for other in names_in(lines[name].expression):
            if other in lines and other not in came_from:
                came_from[other] = name
                waiting.append(other)
    return None


def names_in(expression: Expression) -> list[str]:
    """The names that an expression uses, index variables left out."""
    nodes = list(walk(expression.root))
    indices = {node.index for node in nodes if isinstance(node, SumOver)}
    names = (node.name for node in nodes if isinstance(node, Name))
    return [name for name in dict.fromkeys(names) if name not in indices]


def _example(shape: Sequence[Size]) -> str:
    """A value of this shape, to copy: 0.5, [..., ...]."""
    if not shape:
        return "0.5"
    if len(shape) == 1:
        return "[0.5, ...]"
    return "[" * len(shape) + "0.5, ...], ..." + "]" * (len(shape) - 1)


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:8]) + (", ..." if len(shown) > 8 else "")


# --- what every problem must hold to -----------------------------------------------------------


def target_of(
    label: str,
    name: str,
    written: Sequence[int | str],
    names: Mapping[str, Tensor],
    index_base: int,
) -> Target:
    """A target from its written indices, which count from `index_base`; checked against the shape.

    Raises:
        ShapeError: for a wrong number of indices.
        ValueProblem: for an entry outside.
    """
    if not written:
        return Target(label, name)
    shape = names[name].shape
    if len(shape) == 1 and len(written) == 2:
        shape = (*shape, 1)
    if len(written) != len(shape):
        count = f"{len(written)} {'index' if len(written) == 1 else 'indices'}"
        raise ShapeError(
            f"'{label}' has {count}, but '{name}' {shape_words(shape)}",
            hint="give one index for each axis" if shape else f"write {name} alone",
        )
    indices: list[int | str] = []
    for index, size in zip(written, shape, strict=True):
        if isinstance(index, int):
            index -= index_base
            if index < 0 or (isinstance(size, int) and index >= size):
                last = show_size(plus(size, index_base - 1))
                raise ValueProblem(
                    f"'{label}' is outside: '{name}' {shape_words(names[name].shape)}",
                    hint=f"entries count from {index_base} to {last} here (index_base)",
                )
        indices.append(index)
    return Target(label, name, tuple(indices))


def check_problem(problem: Problem) -> None:
    """What holds however the problem was made.

    Raises:
        InputError: naming what is wrong.
    """
    place = problem.output.place
    shape = problem.output.tensor.shape
    if problem.upstream is None:
        if not problem.output.tensor.is_scalar:
            raise ShapeError(
                f"'{problem.of}' {shape_words(shape)}; a gradient needs a scalar",
                place=place,
                hint=f"{WITHOUT_UPSTREAM} under [derive], or differentiate a scalar",
            )
    elif problem.upstream.node.shape != problem.output.tensor.node.shape:
        name = next(n for n, t in problem.symbols.items() if t is problem.upstream)
        raise ShapeError(
            f"the gradient from above, '{name}', {shape_words(problem.upstream.shape)}, "
            f"but '{problem.of}' {shape_words(shape)}",
            place=place,
            hint="both must have the same shape",
        )
    for target in problem.wrt:
        _check_entry(problem, target)


def _check_entry(problem: Problem, target: Target) -> None:
    """An entry of an array whose sizes the values tell must lie inside it."""
    if target.indices is None or target.name not in problem.values:
        return
    lengths = iter(problem.values[target.name].shape)
    for index, size in zip(target.indices, problem.tensor(target.name).shape, strict=False):
        length = 1 if size == 1 else next(lengths)
        if isinstance(index, int) and index >= length:
            raise ValueProblem(
                f"'{target.label}' is outside: the value of '{target.name}' has {length} entries "
                "along that axis",
                hint=f"entries count from {problem.index_base} here (index_base)",
            )


__all__ = [
    "Definition",
    "InputError",
    "Problem",
    "Target",
    "load",
    "loads",
]
