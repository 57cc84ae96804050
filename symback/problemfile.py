"""Reading a problem file: TOML in, typed and immutable data with places out.

Purely a matter of syntax: expressions become syntax trees, numbers exact fractions. Whether names
are known and shapes fit is for those who use it; every part carries the place to complain about.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeAlias

from symback.errors import (
    FileProblem,
    LimitError,
    NameProblem,
    Place,
    ShapeError,
    SyntaxProblem,
    ValueProblem,
    did_you_mean,
)
from symback.parse.lexer import MAX_DIGITS, number_problem
from symback.parse.parser import parse, parse_name
from symback.parse.source import Document, Source
from symback.parse.syntax import Expression, Index, Name, Num
from symback.toml_places import TomlPlaces
from symback.toml_reader import QUOTES_HINT, TomlDecimal, load_toml

MAX_BYTES = 1_000_000
MAX_RANK = 8
MAX_SIZE = 1_000_000
DEFAULT_TOLERANCE = Fraction(5, 10_000)

Value: TypeAlias = "Fraction | Expression | tuple[Value, ...]"


@dataclass(frozen=True)
class SymbolLine:
    """``name = [size, ...]`` under [symbols]; a size is a number or an expression of names."""

    name: str
    shape: tuple[int | Expression, ...]
    place: Place


@dataclass(frozen=True)
class FunctionLine:
    """``name = arity`` under [functions]: an unknown function of so many scalars."""

    name: str
    arity: int
    place: Place


@dataclass(frozen=True)
class Definition:
    """``name = "expression"`` under [define]; ``place`` is the name's."""

    name: str
    expression: Expression
    place: Place


@dataclass(frozen=True)
class Reference:
    """A name that must be defined elsewhere."""

    name: str
    place: Place


@dataclass(frozen=True)
class Target:
    """What to differentiate by: ``W1``, or an entry ``W1[1,1]``.

    ``indices`` are as written (the file's ``index_base`` is not taken off); an index may also be
    a name, ``w[k]``. Empty for the whole.
    """

    name: str
    indices: tuple[int | str, ...]
    text: str
    place: Place


@dataclass(frozen=True)
class ValueLine:
    """``name = value`` under [values]; ``place`` is the value's.

    A value is a fraction, an expression such as "sqrt(2)", or nested tuples of these, of which all
    of one level have one length.
    """

    name: str
    value: Value
    place: Place


@dataclass(frozen=True)
class Figure:
    """One printed result: of a node ``L``, a gradient ``dL/dW1[1,1]``, or ``updated W3``.

    ``of`` is the name above the fraction bar of a gradient, else None.
    """

    kind: Literal["node", "gradient", "updated"]
    of: str | None
    target: Target
    text: str
    value: Value
    place: Place


@dataclass(frozen=True)
class Figures:
    """The printed results of one table, and how far a right one may be from the truth."""

    entries: tuple[Figure, ...] = ()
    tolerance: Fraction = DEFAULT_TOLERANCE


@dataclass(frozen=True)
class ProblemFile:
    """All that a problem file says, in the order in which it says it."""

    file: str | None
    title: str
    source: str
    notes: str
    index_base: Literal[0, 1]
    symbols: tuple[SymbolLine, ...]
    functions: tuple[FunctionLine, ...]
    define: tuple[Definition, ...]
    of: Reference
    wrt: tuple[Target, ...]
    upstream: Reference | None
    values: tuple[ValueLine, ...]
    rate: Fraction | Expression | None
    published: Figures
    misprint: Figures


def read_problem_file(path: str | os.PathLike[str]) -> ProblemFile:
    """The problem in the file at ``path``; raises a subclass of InputError, never anything else."""
    return parse_problem(_read_text(Path(path)), str(path))


def parse_problem(text: str, file: str | None = None) -> ProblemFile:
    """The problem in a TOML text; ``file`` is its name in messages."""
    document = Document(text.replace("\r\n", "\n"), file)
    if len(text) > MAX_BYTES:
        raise LimitError(f"the file has more than {MAX_BYTES} characters", place=document.place(0))
    data, places = load_toml(document)
    return _Reader(places).problem(data)


# ---- the file -----------------------------------------------------------------------------------


def _read_text(path: Path) -> str:
    try:
        if path.is_dir():
            raise FileProblem(f"'{path}' is a folder", hint="name a problem file in it")
        if not path.exists():
            raise FileProblem(f"there is no file '{path}'", hint=_similar_file(path))
        if not path.is_file():
            raise FileProblem(f"'{path}' is not a regular file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileProblem(f"cannot read '{path}': {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise LimitError(f"'{path}' has more than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8", "replace")
        rest = data[error.start : error.start + 80].decode("utf-8", "replace").split("\n")[0]
        raise FileProblem(
            "this is not UTF-8 text",
            place=Document(good + rest, str(path)).place(len(good)),
            hint="save the file as UTF-8",
        ) from None


def _similar_file(path: Path) -> str | None:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder '{folder}' either"
    return did_you_mean(path.name, sorted(each.name for each in folder.glob("*.toml")))


# ---- the parts ----------------------------------------------------------------------------------

_TABLES = {
    "symbols": "name = [sizes]",
    "functions": "name = number of arguments",
    "define": 'name = "expression"',
    "derive": 'of = "L" and wrt = ["W"]',
    "values": "name = value",
    "update": "rate = 0.1",
    "published": "name = value",
    "misprint": "name = value",
}
_TEXTS = ("title", "source", "notes")
_TOP = (*_TEXTS, "index_base", *_TABLES)
_DERIVE = ("of", "wrt", "upstream")
_UPDATE = ("rate",)
_HOME = (
    dict.fromkeys(_DERIVE, "under [derive]")
    | dict.fromkeys(_UPDATE, "under [update]")
    | dict.fromkeys((*_TEXTS, "index_base"), "at the top of the file, before the first [table]")
)

_ESCAPE_WORD = re.compile(r"\\[A-Za-z]{1,20}")
_KIND = {bool: "true or false", str: "a text", list: "an array", dict: "a table"}


def _kind(data: object) -> str:
    return _KIND.get(type(data), "a number" if isinstance(data, int | TomlDecimal) else "a date")


class _Reader:
    """Checks and converts the data of one document, with its places at hand."""

    def __init__(self, places: TomlPlaces) -> None:
        self.places = places
        self.base: Literal[0, 1] = 0

    def problem(self, data: dict[str, Any]) -> ProblemFile:
        self._known((), data, _TOP)
        self.base = self._index_base(data)
        title, source, notes = (self._text(key, data) for key in _TEXTS)
        symbols = tuple(self._symbols(self._table(data, "symbols")))
        functions = tuple(self._functions(self._table(data, "functions")))
        define = tuple(self._define(self._table(data, "define", required=True)))
        self._refuse_repeats(symbols, functions, define)
        derive = self._table(data, "derive", required=True)
        self._known(("derive",), derive, _DERIVE)
        update = self._table(data, "update")
        self._known(("update",), update, _UPDATE)
        return ProblemFile(
            file=self.places.document.file,
            title=title,
            source=source,
            notes=notes,
            index_base=self.base,
            symbols=symbols,
            functions=functions,
            define=define,
            of=self._reference(derive, "of", define[-1].name),
            wrt=tuple(self._wrt(derive)),
            upstream=self._reference(derive, "upstream", "d") if "upstream" in derive else None,
            values=tuple(self._values(self._table(data, "values"))),
            rate=self._rate(update) if "update" in data else None,
            published=self._figures("published", data),
            misprint=self._figures("misprint", data),
        )

    # what every table needs

    def _known(self, path: tuple[str, ...], table: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                where = f" under [{path[0]}]" if path else ""
                hint = did_you_mean(key, known)
                if hint is None and key in _HOME:
                    hint = f"'{key}' belongs {_HOME[key]}"
                raise NameProblem(
                    f"unknown key '{key}'{where}",
                    place=self.places.key((*path, key)),
                    hint=hint or "known here: " + ", ".join(known),
                )

    def _table(self, data: dict[str, Any], name: str, *, required: bool = False) -> dict[str, Any]:
        table = data.get(name, {})
        if not isinstance(table, dict):
            raise SyntaxProblem(
                f"'{name}' is a table",
                place=self.places.key((name,)),
                hint=f"write [{name}] on a line of its own, then {_TABLES[name]}",
            )
        if required and not table:
            raise SyntaxProblem(
                f"the file has no [{name}] table" if name not in data else f"[{name}] is empty",
                place=self.places.key((name,)),
                hint=f"add [{name}] with {_TABLES[name]}",
            )
        return table

    def _name(self, path: tuple[str, ...]) -> str:
        """The name that the last part of ``path`` spells."""
        return parse_name(self._key_source(path))

    def _key_source(self, path: tuple[str, ...]) -> Source:
        return self.places.source(path[-1], self.places.key_span(path))

    def _place(self, path: tuple[str, ...], *indices: int) -> Place:
        return self.places.document.place(*self.places.value(path, *indices))

    def _expression(self, text: str, path: tuple[str, ...], *indices: int) -> Expression:
        source = self.places.source(text, self.places.value(path, *indices))
        written = self.places.document.text
        for at, char in enumerate(text):
            if char in "\b\t\n\f\r" and written[source.offsets[at]] == "\\":
                escape = _ESCAPE_WORD.match(written, source.offsets[at])
                word = escape[0] if escape is not None else "\\"
                raise SyntaxProblem(
                    f"'{word[:2]}' is a control character in a TOML text",
                    place=source.place(at),
                    hint=f"write two backslashes, '\\{word}', or the Greek letter",
                )
        return parse(source)

    # the top

    def _text(self, key: str, data: dict[str, Any]) -> str:
        text = data.get(key, "")
        if not isinstance(text, str):
            raise ValueProblem(
                f"'{key}' is a text, found {_kind(text)}",
                place=self._place((key,)),
                hint=f'{key} = "..."',
            )
        return text

    def _index_base(self, data: dict[str, Any]) -> Literal[0, 1]:
        base = data.get("index_base", 0)
        if isinstance(base, int) and not isinstance(base, bool) and base in (0, 1):
            return 1 if base else 0
        raise ValueProblem(
            "'index_base' is 0 or 1",
            place=self._place(("index_base",)),
            hint="it says whether the first entry is written x[0] or x[1]",
        )

    # [symbols], [functions], [define]

    def _symbols(self, table: dict[str, Any]) -> Iterator[SymbolLine]:
        for key, shape in table.items():
            path = ("symbols", key)
            name = self._name(path)
            if not isinstance(shape, list):
                raise ShapeError(
                    f"the shape of '{key}' is {_kind(shape)}, not an array of sizes",
                    place=self._place(path),
                    hint="[] a scalar, [3] a vector, [3, 2] a matrix; numbers go under [values]",
                )
            if len(shape) > MAX_RANK:
                raise LimitError(
                    f"'{key}' has {len(shape)} axes; at most {MAX_RANK} are allowed",
                    place=self._place(path),
                )
            sizes = tuple(self._size(size, path, axis) for axis, size in enumerate(shape))
            yield SymbolLine(name, sizes, self.places.key(path))

    def _size(self, size: object, path: tuple[str, ...], axis: int) -> int | Expression:
        if isinstance(size, str):
            return self._expression(size, path, axis)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            found = size if isinstance(size, int) and not isinstance(size, bool) else _kind(size)
            raise ShapeError(
                f"a size is a whole number from 1 or a name in quotes, found {found}",
                place=self._place(path, axis),
                hint='[3, 2], or ["n", "m"]',
            )
        if size > MAX_SIZE:
            raise LimitError(f"a size beyond {MAX_SIZE}", place=self._place(path, axis))
        return size

    def _functions(self, table: dict[str, Any]) -> Iterator[FunctionLine]:
        for key, arity in table.items():
            path = ("functions", key)
            name = self._name(path)
            if isinstance(arity, bool) or not isinstance(arity, int) or not 1 <= arity <= MAX_RANK:
                raise ValueProblem(
                    f"'{key}' needs its number of arguments, 1 to {MAX_RANK}",
                    place=self._place(path),
                    hint=f"{key} = 1",
                )
            yield FunctionLine(name, arity, self.places.key(path))

    def _define(self, table: dict[str, Any]) -> Iterator[Definition]:
        for key, text in table.items():
            path = ("define", key)
            name = self._name(path)
            if not isinstance(text, str):
                raise SyntaxProblem(
                    f"the definition of '{key}' is {_kind(text)}, not a text",
                    place=self._place(path),
                    hint=QUOTES_HINT,
                )
            yield Definition(name, self._expression(text, path), self.places.key(path))

    def _refuse_repeats(self, *groups: tuple[SymbolLine | FunctionLine | Definition, ...]) -> None:
        kinds = {SymbolLine: "a symbol", FunctionLine: "a function", Definition: "a definition"}
        seen: dict[str, SymbolLine | FunctionLine | Definition] = {}
        for line in (line for group in groups for line in group):
            first = seen.setdefault(line.name, line)
            if first is line:
                continue
            message = f"'{line.name}' is {kinds[type(first)]} and {kinds[type(line)]}"
            if type(first) is type(line):
                message = f"'{line.name}' is given twice, in two spellings"
            raise NameProblem(
                message,
                place=line.place,
                also=(("first given here", first.place),),
                hint="rename or remove one of them",
            )

    # [derive], [update]

    def _reference(self, derive: dict[str, Any], key: str, example: str) -> Reference:
        path = ("derive", key)
        if key not in derive:
            raise SyntaxProblem(
                f"'{key}' is missing under [derive]",
                place=self.places.key(("derive",)),
                hint=f'{key} = "{example}"',
            )
        text = derive[key]
        if not isinstance(text, str):
            raise ValueProblem(
                f"'{key}' is a name in quotes, found {_kind(text)}",
                place=self._place(path),
                hint=f'{key} = "{example}"',
            )
        source = self.places.source(text, self.places.value(path))
        return Reference(parse_name(source), source.place(0, len(text)))

    def _wrt(self, derive: dict[str, Any]) -> Iterator[Target]:
        path = ("derive", "wrt")
        given = derive.get("wrt")
        if not given:
            raise SyntaxProblem(
                "'wrt' is missing under [derive]" if given is None else "'wrt' is empty",
                place=self.places.key(path if "wrt" in derive else ("derive",)),
                hint='wrt = ["W", "b[1]"] says what to differentiate by',
            )
        seen: dict[tuple[str, tuple[int | str, ...]], Target] = {}
        for index, text in enumerate(given if isinstance(given, list) else [given]):
            at = (index,) if isinstance(given, list) else ()
            if not isinstance(text, str):
                raise ValueProblem(
                    f"'wrt' holds names in quotes, found {_kind(text)}",
                    place=self._place(path, *at),
                    hint='wrt = ["W", "b[1]"]',
                )
            target = self._target(self.places.source(text, self.places.value(path, *at)))
            first = seen.setdefault((target.name, target.indices), target)
            if first is not target:
                raise NameProblem(
                    f"'{text}' is asked for twice",
                    place=target.place,
                    also=(("first asked for here", first.place),),
                )
            yield target

    def _target(self, source: Source) -> Target:
        target = parse_target(source)
        for index in target.indices:
            if isinstance(index, int) and index < self.base:
                raise ValueProblem(
                    f"there is no entry {index}: this file counts entries from {self.base}",
                    place=target.place,
                    hint="index_base = 0 at the top of the file counts from 0"
                    if self.base
                    else None,
                )
        return target

    def _rate(self, update: dict[str, Any]) -> Fraction | Expression:
        if "rate" not in update:
            raise SyntaxProblem(
                "'rate' is missing under [update]",
                place=self.places.key(("update",)),
                hint="rate = 0.1",
            )
        rate = self._value(update["rate"], ("update", "rate"))
        if isinstance(rate, tuple):
            raise ValueProblem(
                "the rate is one number", place=self._place(("update", "rate")), hint="rate = 0.1"
            )
        return rate

    # [values], [published], [misprint]

    def _values(self, table: dict[str, Any]) -> Iterator[ValueLine]:
        seen: dict[str, Place] = {}
        for key, data in table.items():
            path = ("values", key)
            name = self._name(path)
            first = seen.setdefault(name, self.places.key(path))
            if first != self.places.key(path):
                raise NameProblem(
                    f"'{name}' is given twice, in two spellings",
                    place=self.places.key(path),
                    also=(("first given here", first),),
                )
            yield ValueLine(name, self._value(data, path), self._place(path))

    def _value(self, data: object, path: tuple[str, ...], *indices: int) -> Value:
        if isinstance(data, list):
            return self._array(data, path, indices)
        if isinstance(data, str):
            return self._expression(data, path, *indices)
        if isinstance(data, int) and not isinstance(data, bool):
            if abs(data) >= 10**MAX_DIGITS:
                raise LimitError(
                    f"a number of more than {MAX_DIGITS} digits",
                    place=self._place(path, *indices),
                )
            return Fraction(data)
        if isinstance(data, TomlDecimal):
            return self._decimal(data.text, path, indices)
        raise ValueProblem(
            f"a value is a number, found {_kind(data)}",
            place=self._place(path, *indices),
            hint='0.5, "1/3", "sqrt(2)", or an array of such',
        )

    def _decimal(self, text: str, path: tuple[str, ...], indices: tuple[int, ...]) -> Fraction:
        if text.lstrip("+-") in {"nan", "inf"}:
            raise ValueProblem(
                f"'{text}' is not a number that can be computed with",
                place=self._place(path, *indices),
            )
        problem = number_problem(text)
        if problem is not None:
            raise LimitError(problem, place=self._place(path, *indices))
        return Fraction(text)

    def _array(
        self, data: list[Any], path: tuple[str, ...], indices: tuple[int, ...]
    ) -> tuple[Value, ...]:
        if len(indices) == MAX_RANK:
            raise LimitError(
                f"arrays are nested more than {MAX_RANK} deep", place=self._place(path, *indices)
            )
        if not data:
            raise ValueProblem("an array without entries", place=self._place(path, *indices))
        rows = tuple(self._value(item, path, *indices, at) for at, item in enumerate(data))
        first = _lengths(rows[0])
        for at, row in enumerate(rows):
            if _lengths(row) != first:
                raise ValueProblem(
                    f"row {at + 1} has {_shape_words(row)}, row 1 has {_shape_words(rows[0])}",
                    place=self._place(path, *indices, at),
                    hint="all rows of an array have the same length",
                )
        return rows

    def _figures(self, name: str, data: dict[str, Any]) -> Figures:
        table = self._table(data, name)
        tolerance = DEFAULT_TOLERANCE
        entries: list[Figure] = []
        for key, given in table.items():
            path = (name, key)
            value = self._value(given, path)
            if key == "tolerance":
                if not isinstance(value, Fraction) or value <= 0:
                    raise ValueProblem(
                        "'tolerance' is a number above 0",
                        place=self._place(path),
                        hint="tolerance = 5e-4",
                    )
                tolerance = value
            else:
                entries.append(self._figure(self._key_source(path), value))
        return Figures(tuple(entries), tolerance)

    def _figure(self, source: Source, value: Value) -> Figure:
        text = source.text
        place = source.place(0, len(text))
        if text.startswith("updated "):
            target = self._target(_part(source, len("updated "), len(text)))
            return Figure("updated", None, target, text, value, place)
        if "/" not in text:
            return Figure("node", None, self._target(source), text, value, place)
        bar = text.find("/d")
        if not text.startswith("d") or bar < 2:
            raise SyntaxProblem(
                f"'{text}' is not a gradient", place=place, hint='a gradient is named "dL/dW[1,1]"'
            )
        of = parse_name(_part(source, 1, bar))
        target = self._target(_part(source, bar + 2, len(text)))
        return Figure("gradient", of, target, text, value, place)


def _part(source: Source, start: int, end: int) -> Source:
    return Source(source.text[start:end], source.document, source.offsets[start : end + 1])


def _lengths(value: Value) -> tuple[int, ...]:
    lengths = []
    while isinstance(value, tuple):
        lengths.append(len(value))
        value = value[0]
    return tuple(lengths)


def _shape_words(value: Value) -> str:
    lengths = _lengths(value)
    if not lengths:
        return "one number"
    if len(lengths) == 1:
        return f"{lengths[0]} entries" if lengths[0] != 1 else "1 entry"
    return "shape " + "x".join(str(length) for length in lengths)


def parse_target(text: str | Source, file: str | None = None) -> Target:
    """What to differentiate by: a name, ``W``, or an entry, ``W[1,1]`` or ``w[k]``.

    Raises a subclass of InputError.
    """
    source = Source.of(text, file) if isinstance(text, str) else text
    expression = parse(source)
    place = expression.place()
    match expression.root:
        case Name(name=name):
            return Target(name, (), source.text, place)
        case Index(base=Name(name=name), items=items):
            indices: list[int | str] = []
            for item in items:
                match item:
                    case Num(value=value) if value.denominator == 1 and value <= MAX_SIZE:
                        indices.append(int(value))
                    case Name(name=index):
                        indices.append(index)
                    case _:
                        raise SyntaxProblem(
                            "an entry is named by whole numbers or names",
                            place=source.place(*item.span),
                            hint="W[1,2] or w[k]; without [...] all of it is meant",
                        )
            return Target(name, tuple(indices), source.text, place)
        case _:
            raise SyntaxProblem(
                f"'{_short(source.text)}' is not a name or an entry",
                place=place,
                hint="name a symbol, a defined node, or an entry such as W[1,1]",
            )


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
