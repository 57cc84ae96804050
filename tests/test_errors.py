"""Errors: their texts, their exit codes, and what never reaches a terminal."""

import inspect
import pickle

import pytest

from symback import errors
from symback.errors import NameProblem, Place, SymbackError, did_you_mean, visible

CLASSES = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, SymbackError)
]


def place(text: str, column: int, length: int = 1, file: str | None = "net.toml") -> Place:
    return Place(file=file, line=7, column=column, text=text, length=length)


def test_a_report_has_place_line_caret_and_hint() -> None:
    error = NameProblem("unknown name 'q'", place=place("y = q*x", 5), hint="declare it")
    assert str(error) == ("net.toml:7:5: unknown name 'q'\n  y = q*x\n      ^\nhint: declare it")


def test_without_a_file_the_place_is_in_words() -> None:
    error = NameProblem("unknown name 'q'", place=place("q*x", 1, file=None))
    assert str(error) == "line 7, column 1: unknown name 'q'\n  q*x\n  ^"


def test_a_bare_message() -> None:
    assert str(SymbackError("no", hint="yes")) == "no\nhint: yes"


def test_further_places_are_shown_before_the_hint() -> None:
    error = NameProblem(
        "'x' is given twice",
        place=place("x = 2", 1),
        also=(("first given here", place("x = 1", 1)),),
        hint="remove one",
    )
    assert str(error) == (
        "net.toml:7:1: 'x' is given twice\n  x = 2\n  ^\n"
        "net.toml:7:1: first given here\n  x = 1\n  ^\nhint: remove one"
    )


@pytest.mark.parametrize(
    ("text", "column", "length", "carets"),
    [
        ("ab + cd", 6, 2, "       ^^"),
        ("\tab", 2, 1, "  \t^"),
        ("漢字 + b", 6, 1, "         ^"),
        ("漢字", 1, 2, "  ^^^^"),
        ("y\u0302 + b", 6, 1, "      ^"),
        ("", 1, 1, "  ^"),
        ("ab", 3, 5, "    ^"),
    ],
)
def test_carets_stand_under_the_text(text: str, column: int, length: int, carets: str) -> None:
    assert place(text, column, length).excerpt().split("\n")[1] == carets


def test_a_long_line_is_shown_in_part() -> None:
    shown, carets = place("a" * 1000 + "!" + "b" * 1000, 1001).excerpt().split("\n")
    assert len(shown) < 130
    assert shown.startswith("  …aa")
    assert shown.endswith("bb…")
    assert shown[carets.index("^")] == "!"


def test_no_escape_sequence_passes() -> None:
    evil = "\x1b[31mred\u202e\r"
    text = str(NameProblem(evil, place=place(evil, 1, file=evil), hint=evil))
    assert not {"\x1b", "\u202e", "\r"} & set(text)
    assert visible("a\tb\nα") == "a\tb\nα"


@pytest.mark.parametrize("each", CLASSES)
def test_every_class_has_an_exit_code_and_pickles(each: type[SymbackError]) -> None:
    error = each("message", place=place("x", 1), hint="hint")
    assert each.exit_code == {"WrongAnswer": 1, "Undecided": 3}.get(each.__name__, 2)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert each.__doc__


def test_the_drawing_names_every_class() -> None:
    assert errors.__doc__ is not None
    for each in CLASSES:
        assert each.__name__ in errors.__doc__


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("sigmod", ["softmax", "sigmoid"], "did you mean 'sigmoid'?"),
        ("w1", ["W1", "b1"], "did you mean 'W1'?"),
        ("W3", ["W1", "W2"], "did you mean 'W2' or 'W1'?"),
        ("zebra", ["W1"], None),
        ("x" * 10_000, ["x" * 9999], None),
        ("x", [], None),
    ],
)
def test_did_you_mean(word: str, known: list[str], hint: str | None) -> None:
    assert did_you_mean(word, known) == hint
