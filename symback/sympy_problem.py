"""Problems stated in SymPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symback.errors import CycleError, NameProblem, ShapeError, ValueProblem, did_you_mean
from symback.exact import ExactTooLarge, Scalar, exact_evaluate
from symback.given import GivenArray, Value, constant_number, exact_values, nested_value
from symback.ops import value_of
from symback.parse.parser import parse_name
from symback.parse.source import Source
from symback.parse.syntax import Expression
from symback.problem import Definition, Target, target_of
from symback.problemfile import parse_target
from symback.sympy_read import Reader, expression
from symback.tensor import Tensor, as_scalar, show_shape, symbol


def read_problem(
    definitions: Sequence[tuple[str, Any]],
    of: str | None,
    wrt: Any,
    values: Mapping[Any, Any],
    upstream: Any,
    rate: Any,
    index_base: int,
) -> dict[str, Any]:
    """The parts of a problem; the arguments are those of :class:`~symback.problem.Problem`."""
    pairs = [(_name(name), expression(expr)) for name, expr in _pairs(definitions)]
    targets = _listed(wrt)
    given = [item for item in targets if isinstance(item, sp.Basic)]
    extra = [upstream] if isinstance(upstream, sp.Basic) else []
    reader = Reader(*(expr for _, expr in pairs), *given, *extra)
    nodes = _definitions(pairs, reader)
    for item in (*given, *extra):
        reader.read(item.args[0] if isinstance(item, MatrixElement) else item)
    names = {d.name: d.symbol for d in nodes}
    symbols, sizes = _given(reader, names)
    everything = {**symbols, **names}
    written = {node: obj for node, obj in reader.written.items() if node.name in everything}
    known = {obj: node.name for node, obj in reader.written.items()}
    return {
        "index_base": index_base,
        "symbols": symbols,
        "sizes": sizes,
        "functions": _functions(pairs),
        "definitions": tuple(nodes),
        "of": _output(of, nodes),
        "wrt": tuple(
            _target(item, everything, known, index_base)
            for item in (symbols if wrt is None else targets)
        ),
        "upstream": None if upstream is None else _upstream(upstream, symbols, known),
        "values": _values(values, symbols, sizes, known),
        "rate": None if rate is None else _number(rate),
        "written": {**written, **{s.node: reader.written[s.node] for s in sizes.values()}},
        "origins": reader.origins,
    }


def _pairs(definitions: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(definitions, Mapping):
        definitions = definitions.items()
    for pair in definitions:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueProblem("a definition is a pair (name, expression)")
        yield pair[0], pair[1]


def _name(name: Any) -> str:
    return parse_name(Source.of(str(name)))


def _definitions(pairs: Sequence[tuple[str, Any]], reader: Reader) -> list[Definition]:
    if not pairs:
        raise ValueProblem("a problem needs a definition", hint='definitions=[("L", expression)]')
    result: list[Definition] = []
    earlier: set[str] = set()
    for place, (name, expr) in enumerate(pairs):
        if name in earlier:
            raise NameProblem(f"'{name}' is defined twice")
        later = {other for other, _ in pairs[place:]}
        for free in sorted(_names(expr) & later):
            raise CycleError(
                f"'{free}' is used before it is defined"
                if free != name
                else f"'{name}' is defined by itself",
                hint="definitions are in order: each uses symbols and earlier names",
            )
        tensor = reader.read(expr)
        if tensor.is_scalar:
            tensor = Tensor(tensor.node, (), tensor.free)
        result.append(Definition(name, tensor, symbol(name, tensor.shape)))
        earlier.add(name)
    _check_uses(result, reader)
    return result


def _names(expr: Any) -> set[str]:
    return {str(getattr(s, "name", s)) for s in expr.free_symbols}


def _check_uses(definitions: Sequence[Definition], reader: Reader) -> None:
    """A name must be used in the shape that it was defined with."""
    shapes = {d.name: d.symbol for d in definitions}
    for node, obj in reader.written.items():
        defined = shapes.get(node.name)
        if defined is not None and node is not defined.node:
            raise ShapeError(
                f"'{node.name}' is defined with shape {show_shape(defined.shape)} and used as "
                f"{sp.srepr(obj)}",
                hint="use a Symbol or a MatrixSymbol of the same shape",
            )


def _given(
    reader: Reader, defined: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    symbols: dict[str, Tensor] = {}
    sizes: dict[str, Tensor] = {}
    for node in reader.written:
        if node.name in defined:
            continue
        kind = node.params[1]
        shape = reader.surfaces.get(node) or _surface(node, reader)
        group = sizes if kind == "size" else symbols
        if node.name in symbols or node.name in sizes:
            raise NameProblem(f"two symbols are called '{node.name}'")
        group[node.name] = Tensor(node, shape)
    return symbols, sizes


def _surface(node: Any, reader: Reader) -> Any:
    """The declared shape: a column of SymPy is a matrix of one column."""
    obj = reader.written[node]
    if isinstance(obj, sp.MatrixSymbol) and node.rank < 2:
        return tuple(reader.size(size) for size in obj.shape)
    return node.shape


def _functions(pairs: Sequence[tuple[str, Any]]) -> dict[str, int]:
    applied = {f for _, expr in pairs for f in expr.atoms(sp.core.function.AppliedUndef)}
    return {f.func.__name__: len(f.args) for f in sorted(applied, key=str)}


def _listed(wrt: Any) -> list[Any]:
    """One target, several, or none."""
    if wrt is None:
        return []
    return [wrt] if isinstance(wrt, str | sp.Basic) else list(wrt)


def _output(of: str | None, definitions: Sequence[Definition]) -> str:
    names = [d.name for d in definitions]
    of = names[-1] if of is None else str(of)
    if of not in names:
        hint = did_you_mean(of, names) or f"the definitions are {', '.join(names[:8])}"
        raise NameProblem(f"unknown name '{of}'", hint=hint)
    return of


def _target(
    item: Any, names: Mapping[str, Tensor], known: Mapping[Any, str], index_base: int
) -> Target:
    if isinstance(item, str):
        text = parse_target(item)
        if text.name not in names:
            raise NameProblem(f"unknown name '{text.name}'", hint=did_you_mean(text.name, names))
        return target_of(text.text, text.name, text.indices, names, index_base)
    base, indices = item, []
    if isinstance(item, MatrixElement | sp.Indexed):
        base, indices = item.args[0], list(item.args[1:])
    name = known.get(base, str(base))
    if name not in names:
        raise NameProblem(f"cannot differentiate by {item}: it is no symbol of the problem")
    places = [int(index) + index_base if index.is_Integer else str(index) for index in indices]
    label = f"{name}[{','.join(map(str, places))}]" if places else name
    return target_of(label, name, places, names, index_base)


def _upstream(upstream: Any, symbols: Mapping[str, Tensor], known: Mapping[Any, str]) -> Tensor:
    name = known.get(upstream, str(upstream))
    if name not in symbols:
        raise NameProblem(f"'{name}' is no given symbol", hint=did_you_mean(name, symbols))
    return symbols[name]


def _values(
    values: Mapping[Any, Any],
    symbols: Mapping[str, Tensor],
    sizes: Mapping[str, Tensor],
    known: Mapping[Any, str],
) -> Any:
    everything = {**symbols, **sizes}
    given: dict[str, GivenArray] = {}
    for key, value in values.items():
        name = known.get(key, str(key))
        if name not in everything:
            raise NameProblem(
                f"'{name}' is no given symbol of the problem",
                hint=did_you_mean(name, everything),
            )
        given[name] = GivenArray(_nested(value), everything[name])
    exact = exact_values(given, sizes)
    if exact:
        for name in symbols:
            if name not in exact:
                raise ValueProblem(f"'{name}' has no value", hint=f"add {name} to values")
    return exact


def _nested(value: Any) -> Value:
    if isinstance(value, sp.MatrixBase | sp.NDimArray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return nested_value([_nested(item) for item in value])
    return _number(value) if isinstance(value, sp.Basic) else nested_value(value)


def _number(value: Any) -> Scalar:
    """A number of Python or SymPy, exact: sqrt(2) stays sqrt(2)."""
    if not isinstance(value, sp.Basic) or isinstance(value, sp.Rational | sp.Float):
        found = nested_value(value)
        if isinstance(found, tuple):
            raise ValueProblem("one number is needed here")
        if isinstance(found, Expression):
            return constant_number(found)
        return found
    if value.free_symbols:
        raise ValueProblem(f"a value is a number, not {value}")
    node = as_scalar(Reader(value).read(value)).node
    known = value_of(node)
    if known is not None:
        return known
    try:
        return exact_evaluate([node], {})[0].entries[0]
    except ExactTooLarge as error:
        raise ValueProblem(f"this number is too long: {error}") from None
