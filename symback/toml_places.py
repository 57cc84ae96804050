"""Where things are in a TOML document.

The standard library's reader gives values without places; this scanner gives places without
values. It trusts the document to be valid TOML (the reader has the last word on that) and stops
at the first thing it does not know, so it never fails on a document that is not.
"""

import re
from dataclasses import dataclass, field

from symback.errors import LimitError, Place, SyntaxProblem
from symback.parse.source import Document, Source, Span

MAX_NESTING = 32
MAX_KEY_PARTS = 8

_BASIC = r'"(?!"")(?:[^"\\\n]|\\[^\n])*"'
_LITERAL = r"'(?!'')[^'\n]*'"
_TOKEN = re.compile(
    rf'''(?P<space>[ \t\r]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<string>"""(?:[^\\]|\\.)*?"""(?:"{{1,2}}(?!"))?|\'\'\'.*?\'\'\'(?:'{{1,2}}(?!'))?
        |{_BASIC}|{_LITERAL})
    |(?P<open>[\[{{])
    |(?P<close>[\]}}])
    |(?P<comma>,)
    |(?P<bare>[^\s\#"'\[\]{{}},]+)''',
    re.VERBOSE | re.DOTALL,
)
_KEY_PART = re.compile(rf"[ \t]*({_BASIC}|{_LITERAL}|[A-Za-z0-9_-]+)[ \t]*(\.)?")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[ \t\r]*\n\s*|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}

Path = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """The spans of a key (its last part) and of its value."""

    key: Span
    value: Span


@dataclass
class TomlPlaces:
    """The places of all keys and tables of a document.

    ``repeated`` holds the keys and tables that are given twice: the path, the first span and the
    second. ``end`` is the offset where the scan stopped; what is before it holds no long keys and
    no deep nesting.
    """

    document: Document
    entries: dict[Path, Entry] = field(default_factory=dict)
    tables: dict[Path, Span] = field(default_factory=dict)
    repeated: list[tuple[Path, Span, Span]] = field(default_factory=list)
    end: int = 0
    _parents: dict[Path, Span] = field(default_factory=dict)
    _elements: dict[Span, list[Span]] = field(default_factory=dict)

    def key(self, path: Path) -> Place:
        """The place of a key, or of a table's header; the document's first line if unknown."""
        return self.document.place(*self.key_span(path))

    def key_span(self, path: Path) -> Span:
        """The span of what ``key`` gives the place of."""
        if path in self.entries:
            return self.entries[path].key
        return self.tables.get(path) or self._parents.get(path) or Span(0, 1)

    def value(self, path: Path, *indices: int) -> Span:
        """The span of a value, or of an element of it where it is an array.

        Indices count from 0, one for each level of nesting.
        """
        if path not in self.entries:
            return self.key_span(path)
        span = self.entries[path].value
        for index in indices:
            if span not in self._elements:
                self._elements[span] = elements(self.document.text, span)
            if index >= len(self._elements[span]):
                return span
            span = self._elements[span][index]
        return span

    def note_parents(self, path: Path, span: Span) -> None:
        """Remember where a table that has no header of its own is first spoken of."""
        for length in range(1, len(path)):
            self._parents.setdefault(path[:length], span)

    def source(self, text: str, span: Span) -> Source:
        """The source of ``text``, which the document holds as the string at ``span``."""
        decoded, offsets = decode(self.document.text, span)
        if self.document.text[span.start : span.end] == text:  # a key without quotes
            decoded, offsets = text, tuple(range(span.start, span.end + 1))
        if decoded != text:  # no string that we can read: point at all of it
            offsets = (span.start,) * len(text) + (span.end,)
        return Source(text, self.document, offsets)


def scan(document: Document) -> TomlPlaces:
    """The places in a document; raises LimitError where it is nested too deep."""
    places = TomlPlaces(document)
    text = document.text
    table: Path = ()
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            break
        if token.lastgroup in {"space", "newline"}:
            at = token.end()
        elif token[0] == "[":
            start = at + (2 if text.startswith("[[", at) else 1)
            header = _key(document, start)
            if header is None or not text.startswith("]", header[2]):
                break
            table, span, at = header
            places.note_parents(table, span)
            if start == at + 1 or table not in places.tables:
                places.tables.setdefault(table, span)
            elif text[token.start() : token.start() + 2] != "[[":
                places.repeated.append((table, places.tables[table], span))
            at += 2 if text.startswith("]]", at) else 1
        else:
            end = _pair(places, table, at, 0)
            if end is None:
                break
            at = end
    places.end = max(places.end, at)
    return places


def _key(document: Document, at: int) -> tuple[Path, Span, int] | None:
    """A dotted key at ``at``: its parts, the span of the last, the offset after it."""
    text = document.text
    parts: list[str] = []
    while True:
        part = _KEY_PART.match(text, at)
        if part is None:
            return None
        span = Span(part.start(1), part.end(1))
        parts.append(decode(text, span)[0] if part[1][0] in "\"'" else part[1])
        if len(parts) > MAX_KEY_PARTS:
            raise LimitError(
                f"a key of more than {MAX_KEY_PARTS} parts", place=document.place(*span)
            )
        at = part.end()
        if part[2] is None:
            return tuple(parts), span, at


def _pair(places: TomlPlaces, table: Path, at: int, depth: int) -> int | None:
    """Record the ``key = value`` at ``at``; the offset after it, None where it is none."""
    text = places.document.text
    key = _key(places.document, at)
    equals = _EQUALS.match(text, key[2]) if key is not None else None
    if key is None or equals is None:
        return None
    path = table + key[0]
    places.note_parents(path, key[1])
    start = equals.end()
    if text.startswith("{", start):
        _refuse_deep(places.document, start, depth)
        end = _inline_table(places, path, start, depth + 1)
    else:
        end = _value_end(places.document, start)
    if end is None or end == start:
        places.end = max(places.end, start)
        return None
    entry = Entry(key[1], Span(start, end))
    if path in places.entries:
        places.repeated.append((path, places.entries[path].key, key[1]))
    else:
        places.entries[path] = entry
    return end


def _inline_table(places: TomlPlaces, path: Path, at: int, depth: int) -> int | None:
    """Record the pairs of the ``{...}`` at ``at``; the offset after it."""
    text = places.document.text
    at += 1
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        if token[0] == "}":
            return token.end()
        if token.lastgroup in {"space", "newline", "comma"}:
            at = token.end()
            continue
        end = _pair(places, path, at, depth)
        if end is None:
            return None
        at = end
    return None


def _value_end(document: Document, at: int) -> int:
    """The offset after the value (no inline table) that begins at ``at``."""
    text = document.text
    depth = 0
    end = at
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            break
        kind = token.lastgroup
        if depth == 0 and kind in {"newline", "comma", "close"}:
            break
        if kind == "open":
            _refuse_deep(document, at, depth)
            if token[0] == "{":
                raise SyntaxProblem(
                    "a table {...} inside an array", place=document.place(at),
                    hint="an array holds numbers, texts and arrays",
                )  # fmt: skip
            depth += 1
        elif kind == "close":
            depth -= 1
        at = token.end()
        if kind not in {"space", "newline"}:
            end = at
        if depth == 0 and kind in {"string", "close"}:
            break
    return end


def _refuse_deep(document: Document, at: int, depth: int) -> None:
    if depth >= MAX_NESTING:
        raise LimitError(
            f"values are nested more than {MAX_NESTING} deep", place=document.place(at)
        )


def elements(text: str, span: Span) -> list[Span]:
    """The spans of the elements of the array at ``span``; none if it is no array."""
    if not text.startswith("[", span.start):
        return []
    found: list[Span] = []
    depth = 0
    at = span.start + 1
    start = end = -1
    while at < span.end:
        token = _TOKEN.match(text, at)
        if token is None:
            break
        kind = token.lastgroup
        at = token.end()
        if depth == 0 and kind in {"comma", "close"}:
            if start >= 0:
                found.append(Span(start, end))
            start = -1
            continue
        depth += {"open": 1, "close": -1}.get(kind or "", 0)
        if kind not in {"space", "newline"}:
            start = token.start() if start < 0 else start
            end = at
    return found


def decode(text: str, span: Span) -> tuple[str, tuple[int, ...]]:
    """The characters of the TOML string at ``span``, and the offset of each and of the end."""
    quote = text[span.start : span.start + 1]
    if quote not in {'"', "'"} or span.end - span.start < 2:
        return "", (span.start,)
    width = 3 if text.startswith(quote * 3, span.start) and span.end - span.start >= 6 else 1
    at = span.start + width
    end = span.end - width
    if width == 3 and text.startswith("\n", at):
        at += 1
    chars: list[str] = []
    offsets: list[int] = []
    while at < end:
        escape = _ESCAPE.match(text, at, end) if quote == '"' and text[at] == "\\" else None
        if escape is None:
            chars.append(text[at])
            offsets.append(at)
            at += 1
            continue
        code = escape[1] or escape[2]
        char = _ESCAPED.get(escape[3] or "", "")
        if code is not None:
            number = int(code, 16)
            char = chr(number) if number < 0x110000 else ""
        if char:
            chars.append(char)
            offsets.append(at)
        at = escape.end()
    return "".join(chars), (*offsets, end)
