"""Reading TOML with exact decimals, with places, and with reports a person can act on."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any, NoReturn

from symback.errors import LimitError, NameProblem, SyntaxProblem
from symback.parse.lexer import MAX_DIGITS
from symback.parse.source import Document
from symback.toml_places import TomlPlaces, scan


@dataclass(frozen=True)
class TomlDecimal:
    """A TOML float as it is written."""

    text: str


_REPORT = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)

QUOTES_HINT = 'expressions go in quotes: z = "W*x + b"'
_KEYS = 'key = value, or [table]; a key like α or ŷ goes in quotes: "α" = [2]'
_ESCAPES = r'write two backslashes, "\\alpha", or the Greek letter'

#: How the standard library's report begins, what we say, and the hint.
_TOML_REPORTS = (
    ("Expected newline or end of document", "something follows the value", QUOTES_HINT),
    ("Invalid statement", "this is not a line of TOML", _KEYS),
    ("Expected '=' after a key", "'=' is missing after the key", _KEYS),
    ("Invalid initial character for a key part", "a key is missing here", None),
    ("Expected ']' at the end of a table", "']' is missing at the end of the table's name", None),
    ("Expected ']]' at the end of a table", "']]' is missing at the end of the table's name", None),
    ("Invalid value", "this is not a value", f"{QUOTES_HINT}; a number is written 0.5, not .5"),
    ("Unclosed array", "',' or ']' is missing in an array", "entries are separated by commas"),
    ("Unclosed inline table", "',' or '}' is missing in a table", None),
    ("Unterminated string", "the text in quotes does not end", "close the quotes"),
    ("Expected \"'''\"", "the text in quotes does not end", "close it with '''"),
    ("Expected '\"\"\"'", "the text in quotes does not end", 'close it with """'),
    ("Expected \"'\"", "the text in quotes does not end", "close it with '"),
    ("Illegal character '\\n'", "the text in quotes does not end on its line",
     'close the quotes; a text over several lines goes between """ and """'),
    ("Unescaped '\\' in a string", "'\\' begins no escape that TOML knows", _ESCAPES),
    ("Invalid hex value", "'\\u' needs four hexadecimal digits", _ESCAPES),
    ("Escaped character is not a Unicode scalar", "this escape is no character", _ESCAPES),
    ("Illegal character", "an invisible control character", "remove it"),
    ("Found invalid character", "an invisible control character", "remove it"),
    ("Cannot", "this key or table is given twice", "rename or remove one of them"),
    ("Duplicate inline table key", "this key is given twice", "rename or remove one of them"),
    ("Invalid date or datetime", "this is not a value", None),
)  # fmt: skip

_LONG_INTEGER = re.compile(rf"[0-9][0-9_]{{{MAX_DIGITS},}}")


def load_toml(document: Document) -> tuple[dict[str, Any], TomlPlaces]:
    """The data of a document (floats as TomlDecimal) and the places of its keys and values.

    Raises SyntaxProblem, NameProblem for what is given twice, LimitError.
    """
    places = scan(document)
    for path, first, second in places.repeated:
        where = f" under [{path[0]}]" if len(path) > 1 else ""
        raise NameProblem(
            f"'{path[-1]}' is given twice{where}",
            place=document.place(*second),
            also=(("first given here", document.place(*first)),),
            hint="rename or remove one of them",
        )
    # What the scan did not get to is not read: the scan has refused what the library takes
    # quadratic time for.
    end = document.text.find("\n", places.end) + 1
    text = document.text[:end] if end and places.end < len(document.text) else document.text
    try:
        data = tomllib.loads(text, parse_float=TomlDecimal)
    except tomllib.TOMLDecodeError as error:
        _explain_toml(document, str(error), places.end)
    except RecursionError:
        raise LimitError("values are nested too deep", place=document.place(0)) from None
    except ValueError:  # more digits than Python converts
        number = _LONG_INTEGER.search(document.text)
        span = number.span() if number is not None else (0, 1)
        raise LimitError(
            f"a number of more than {MAX_DIGITS} digits", place=document.place(*span)
        ) from None
    if len(text) < len(document.text):
        raise SyntaxProblem("this is not a line of TOML", place=document.place(places.end))
    return data, places


def _explain_toml(document: Document, report: str, scanned: int) -> NoReturn:
    """Raise the library's ``report`` in our words; ``scanned`` is where the scan stopped."""
    match = _REPORT.fullmatch(report)
    what = match[1] if match is not None else report
    at = len(document.text)
    if match is not None and match[2] is not None:
        at = document.offset(int(match[2]), int(match[3]))
    elif scanned < at:
        at = scanned
    elif document.text.endswith("\n"):
        at -= 1
    if what.startswith("Unescaped"):  # the report is about what follows the backslash
        at = max(document.text.rfind("\\", 0, at), 0)
    for begins, message, hint in _TOML_REPORTS:
        if what.startswith(begins):
            raise SyntaxProblem(message, place=document.place(at), hint=hint)
    raise SyntaxProblem(f"this is not valid TOML: {what}", place=document.place(at))
