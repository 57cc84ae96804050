"""Problem files: what is read, where it is, and every mistake's report."""

import os
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symback.errors import (
    FileProblem,
    InputError,
    LimitError,
    NameProblem,
    ShapeError,
    SyntaxProblem,
    ValueProblem,
)
from symback.parse.source import Document
from symback.parse.syntax import Expression, Name, Num
from symback.problemfile import (
    DEFAULT_TOLERANCE,
    MAX_BYTES,
    parse_problem,
    parse_target,
    read_problem_file,
)
from symback.toml_places import decode, elements, scan

PROBLEMS = Path(__file__).parent.parent / "problems"

FULL = r'''# a comment = "with traps" [symbols]
title = "Two layers"
source = 'a "sheet"'
index_base = 1
notes = """
[define] y = "not a definition"
"""

[symbols]
x = [2]  # input
"ŷ" = ["n", "n + 1"]
c = []
[functions]
f = 1
[define]
"z₁" = "W*x"
L = """
  sum(z1) +
  c"""
[derive]
of = "L"
wrt = ["x[1]", 'z₁',
       "\\hat{y}[k,2]"]
upstream = "d"
[values]
x = [0.1, "1/3"]
c = -1e-3
"ŷ" = [[1, 2], [3, 4]]
[update]
rate = 0.5
[published]
tolerance = 1e-6
L = 1.5
"dL/dx[1]" = 2
"updated x" = [1, 2]
[misprint]
"dz1/dx" = [1, 0]
'''

SMALL = """title = "t"
[symbols]
x = [2]
[define]
y = "x"
[derive]
of = "y"
wrt = ["x"]
"""


def test_all_that_a_file_can_say() -> None:
    problem = parse_problem(FULL, "net.toml")
    assert (problem.file, problem.title, problem.source) == ("net.toml", "Two layers", 'a "sheet"')
    assert problem.notes == '[define] y = "not a definition"\n'
    assert problem.index_base == 1
    assert [line.name for line in problem.symbols] == ["x", "y_hat", "c"]
    assert problem.symbols[0].shape == (2,)
    assert problem.symbols[2].shape == ()
    size = problem.symbols[1].shape[0]
    assert isinstance(size, Expression)
    assert size.root == Name("n")
    assert [(line.name, line.arity) for line in problem.functions] == [("f", 1)]
    assert [line.name for line in problem.define] == ["z1", "L"]
    assert problem.of.name == "L"
    assert [(each.name, each.indices) for each in problem.wrt] == [
        ("x", (1,)),
        ("z1", ()),
        ("y_hat", ("k", 2)),
    ]
    assert problem.upstream is not None
    assert problem.upstream.name == "d"
    values = {line.name: line.value for line in problem.values}
    assert values["c"] == Fraction(-1, 1000)
    assert values["y_hat"] == ((1, 2), (3, 4))
    x = values["x"]
    assert isinstance(x, tuple)
    assert x[0] == Fraction(1, 10)
    assert isinstance(x[1], Expression)
    assert problem.rate == Fraction(1, 2)
    assert problem.published.tolerance == Fraction(1, 1_000_000)
    assert [(f.kind, f.of, f.target.name, f.target.indices) for f in problem.published.entries] == [
        ("node", None, "L", ()),
        ("gradient", "L", "x", (1,)),
        ("updated", None, "x", ()),
    ]
    assert problem.misprint.tolerance == DEFAULT_TOLERANCE
    assert problem.misprint.entries[0].of == "z1"
    assert problem.misprint.entries[0].value == (1, 0)


def test_everything_knows_its_place() -> None:
    problem = parse_problem(FULL, "net.toml")
    lines = FULL.split("\n")

    def at(line: int, column: int, length: int) -> str:
        return lines[line - 1][column - 1 : column - 1 + length]

    places = [
        (problem.symbols[1].place, '"ŷ"'),
        (problem.functions[0].place, "f"),
        (problem.define[0].place, '"z₁"'),
        (problem.define[0].expression.place(), "W*x"),
        (problem.of.place, "L"),
        (problem.wrt[0].place, "x[1]"),
        (problem.wrt[1].place, "z₁"),
        (problem.wrt[2].place, r"\\hat{y}[k,2]"),
        (problem.values[1].place, "-1e-3"),
        (problem.published.entries[1].place, "dL/dx[1]"),
        (problem.published.entries[1].target.place, "x[1]"),
        (problem.published.entries[2].target.place, "x"),
    ]
    for place, text in places:
        assert at(place.line, place.column, place.length) == text
        assert place.text == lines[place.line - 1]
        assert place.file == "net.toml"
    root = problem.define[1].expression.root
    place = problem.define[1].expression.place(root.rest[0].operand)  # type: ignore[union-attr]
    assert (place.line, place.column, place.text) == (19, 3, '  c"""')


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    problem = read_problem_file(path)
    assert problem.define == parse_problem(FULL, str(path)).define
    assert problem.of == parse_problem(FULL, str(path)).of


def test_a_single_target_and_defaults() -> None:
    problem = parse_problem(SMALL.replace('["x"]', '"x"'))
    assert [each.name for each in problem.wrt] == ["x"]
    assert (problem.index_base, problem.rate, problem.upstream) == (0, None, None)
    assert problem.published.entries == ()


@pytest.mark.parametrize("path", sorted(PROBLEMS.glob("*.toml")), ids=lambda path: path.stem)
def test_bundled_files_are_read(path: Path) -> None:
    problem = read_problem_file(path)
    assert problem.title
    assert problem.define
    for line in problem.define:
        assert line.expression.place().file == str(path)


REPORTS = [
    ('"x"\n', '"2*x +* 3"\n', """p.toml:5:10: two operators in a row: '+' and '*'
  y = "2*x +* 3"
           ^^"""),
    ('"x"\n', '"""\n  x +\n  (x*2\n"""\n', """p.toml:7:3: unclosed parenthesis opened here
    (x*2
    ^
hint: add ')'"""),
    ('"x"\n', '"\\\\alph*x"\n', r"""p.toml:5:6: unknown LaTeX command '\alph'
  y = "\\alph*x"
       ^^^^^^
hint: did you mean 'alpha' or 'Alpha'?"""),
    ('"x"\n', '"\\theta*x"\n', r"""p.toml:5:6: '\t' is a control character in a TOML text
  y = "\theta*x"
       ^^
hint: write two backslashes, '\\theta', or the Greek letter"""),
    ('"x"\n', '"\\alpha*x"\n', r"""p.toml:5:6: '\' begins no escape that TOML knows
  y = "\alpha*x"
       ^
hint: write two backslashes, "\\alpha", or the Greek letter"""),
    ('"x"\n', "x*2\n", """p.toml:5:5: this is not a value
  y = x*2
      ^
hint: expressions go in quotes: z = "W*x + b"; a number is written 0.5, not .5"""),
    ('"x"\n', '"x\n', """p.toml:5:7: the text in quotes does not end on its line
  y = "x
        ^
hint: close the quotes; a text over several lines goes between \"\"\" and \"\"\""""),
    ('"x"\n', "3\n", """p.toml:5:5: the definition of 'y' is a number, not a text
  y = 3
      ^
hint: expressions go in quotes: z = "W*x + b\""""),
    ("y =", "α =", """p.toml:5:1: this is not a line of TOML
  α = "x"
  ^
hint: key = value, or [table]; a key like α or ŷ goes in quotes: "α" = [2]"""),
    ("y =", '"α" = "x"\nalpha =', """p.toml:6:1: 'alpha' is given twice, in two spellings
  alpha = "x"
  ^^^^^
p.toml:5:1: first given here
  "α" = "x"
  ^^^
hint: rename or remove one of them"""),
    ("y =", 'y = "2*x"\ny =', """p.toml:6:1: 'y' is given twice under [define]
  y = "x"
  ^
p.toml:5:1: first given here
  y = "2*x"
  ^
hint: rename or remove one of them"""),
    ("y =", "x =", """p.toml:5:1: 'x' is a symbol and a definition
  x = "x"
  ^
p.toml:3:1: first given here
  x = [2]
  ^
hint: rename or remove one of them"""),
    ("y =", '"a b" =', """p.toml:5:3: a name cannot hold a space
  "a b" = "x"
    ^
hint: a name is a letter, then letters, digits and _"""),
    ("title", "titel", """p.toml:1:1: unknown key 'titel'
  titel = "t"
  ^^^^^
hint: did you mean 'title'?"""),
    ("of =", "rate = 1\nof =", """p.toml:7:1: unknown key 'rate' under [derive]
  rate = 1
  ^^^^
hint: 'rate' belongs under [update]"""),
    ("[define]", "[defined]", """p.toml:4:2: unknown key 'defined'
  [defined]
   ^^^^^^^
hint: did you mean 'define' or 'derive'?"""),
    ('of = "y"\n', "", """p.toml:6:2: 'of' is missing under [derive]
  [derive]
   ^^^^^^
hint: of = "y\""""),
    ('["x"]', "[]", """p.toml:8:1: 'wrt' is empty
  wrt = []
  ^^^
hint: wrt = ["W", "b[1]"] says what to differentiate by"""),
    ('["x"]', '["x", "x"]', """p.toml:8:14: 'x' is asked for twice
  wrt = ["x", "x"]
               ^
p.toml:8:9: first asked for here
  wrt = ["x", "x"]
          ^"""),
    ('["x"]', '["x + 1"]', """p.toml:8:9: 'x + 1' is not a name or an entry
  wrt = ["x + 1"]
          ^^^^^
hint: name a symbol, a defined node, or an entry such as W[1,1]"""),
    ('["x"]', '["x[:]"]', """p.toml:8:11: an entry is named by whole numbers or names
  wrt = ["x[:]"]
            ^
hint: W[1,2] or w[k]; without [...] all of it is meant"""),
    ('title = "t"', "index_base = 1", None),
    ("[2]", "[2 3]", """p.toml:3:8: ',' or ']' is missing in an array
  x = [2 3]
         ^
hint: entries are separated by commas"""),
    ("[2]", "2", """p.toml:3:5: the shape of 'x' is a number, not an array of sizes
  x = 2
      ^
hint: [] a scalar, [3] a vector, [3, 2] a matrix; numbers go under [values]"""),
    ("[2]", "[2, 0]", """p.toml:3:9: a size is a whole number from 1 or a name in quotes, found 0
  x = [2, 0]
          ^
hint: [3, 2], or ["n", "m"]"""),
    ("[2]", '["n", "n+"]', """p.toml:3:13: the expression ends after '+'
  x = ["n", "n+"]
              ^
hint: write what belongs after '+', or remove it"""),
    (SMALL, "", """p.toml:1:1: the file has no [define] table
  
  ^
hint: add [define] with name = "expression\""""),
    (SMALL, "define = 3", """p.toml:1:1: 'define' is a table
  define = 3
  ^^^^^^
hint: write [define] on a line of its own, then name = "expression\""""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "report"), REPORTS)
def test_error_texts(old: str, new: str, report: str | None) -> None:
    text = SMALL.replace(old, new, 1)
    if report is None:
        assert parse_problem(text, "p.toml")
        return
    with pytest.raises(InputError) as caught:
        parse_problem(text, "p.toml")
    assert str(caught.value) == report


APPENDED = [
    ("[values]\nx = [1, nan]", ValueProblem, "'nan' is not a number that can be computed with", 9),
    ("[values]\nx = -inf", ValueProblem, "'-inf' is not a number that can be computed with", 5),
    ("[values]\nx = [true]", ValueProblem, "a value is a number, found true or false", 6),
    ("[values]\nx = 2020-01-01", ValueProblem, "a value is a number, found a date", 5),
    ("[values]\nx = {a = 1}", ValueProblem, "a value is a number, found a table", 5),
    ("[values]\nx.a = 1", ValueProblem, "a value is a number, found a table", 3),
    ("[values]\nx = []", ValueProblem, "an array without entries", 5),
    ("[values]\nx = [[1, 2], [3]]", ValueProblem, "row 2 has 1 entry, row 1 has 2 entries", 14),
    ("[values]\nx = [1, [2]]", ValueProblem, "row 2 has 1 entry, row 1 has one number", 9),
    ("[values]\nx = [{a = 1}]", SyntaxProblem, "a table {...} inside an array", 6),
    ("[values]\nx = [1, '1/']", SyntaxProblem, "the expression ends after '/'", 11),
    ("[values]\nx = 1/3", SyntaxProblem, "something follows the value", 6),
    ("[values]\nx = .5", SyntaxProblem, "this is not a value", 5),
    ("[values]\nx = [1,\n2", SyntaxProblem, "',' or ']' is missing in an array", 2),
    ("[values]\nx = 1e3001", LimitError, "an exponent beyond 3000", 5),
    ("[values]\nx = " + "1" * 401, LimitError, "a number of more than 400 digits", 5),
    ("[values]\nx = " + "1" * 5000, LimitError, "a number of more than 400 digits", 5),
    ("[values]\nx = 0." + "1" * 401, LimitError, "a number of 402 digits; at most 400 are read", 5),
    ("[values]\nx = " + "[" * 9 + "]" * 9, LimitError, "arrays are nested more than 8 deep", 13),
    ("[values]\nx = " + "[" * 9999, LimitError, "values are nested more than 32 deep", 37),
    ("[values]\n" + "a." * 9999 + "b = 1", LimitError, "a key of more than 8 parts", 17),
    ('[values]\n"α" = 1\nalpha = 2', NameProblem, "'alpha' is given twice, in two spellings", 1),
    ("[[values]]", SyntaxProblem, "'values' is a table", 3),
    ("[update]", SyntaxProblem, "'rate' is missing under [update]", 2),
    ("[update]\nrate = [1]", ValueProblem, "the rate is one number", 8),
    ("[define]\nz = 'x'", NameProblem, "'define' is given twice", 2),
    ("[functions]\nf = 0", ValueProblem, "'f' needs its number of arguments, 1 to 8", 5),
    ("[functions]\nx = 1", NameProblem, "'x' is a symbol and a function", 1),
    ("[published]\ntolerance = 0", ValueProblem, "'tolerance' is a number above 0", 13),
    ('[published]\n"L/W" = 1', SyntaxProblem, "'L/W' is not a gradient", 2),
    ('[published]\n"dL/dW[1," = 1', SyntaxProblem, "unclosed bracket opened here", 7),
    ('[published]\n"updated W+" = 1', SyntaxProblem, "the expression ends after '+'", 11),
    ('x = """abc\n', SyntaxProblem, "the text in quotes does not end", 5),
    ("\x00", SyntaxProblem, "this is not a line of TOML", 1),
    ("x = 'a\x01b'", SyntaxProblem, "an invisible control character", 7),
    ("[a", SyntaxProblem, "']' is missing at the end of the table's name", 1),
]


@pytest.mark.parametrize(("text", "kind", "message", "column"), APPENDED)
def test_mistakes(text: str, kind: type[InputError], message: str, column: int) -> None:
    start = time.perf_counter()
    with pytest.raises(kind) as caught:
        parse_problem(SMALL + text, "p.toml")
    assert time.perf_counter() - start < 2
    assert caught.value.message == message
    assert caught.value.place is not None
    assert caught.value.place.column == column
    assert caught.value.place.line >= 9


def test_entries_count_from_the_base() -> None:
    text = SMALL.replace('["x"]', '["x[0]"]')
    assert parse_problem(text).wrt[0].indices == (0,)
    with pytest.raises(ValueProblem, match="there is no entry 0: this file counts entries from 1"):
        parse_problem("index_base = 1\n" + text)
    with pytest.raises(ValueProblem, match="'index_base' is 0 or 1"):
        parse_problem("index_base = 2\n" + text)


@pytest.mark.parametrize("key", ["title", "source", "notes"])
def test_texts_are_texts(key: str) -> None:
    with pytest.raises(ValueProblem, match=f"'{key}' is a text, found a number"):
        parse_problem(f"{key} = 1\n" + SMALL.split("\n", 1)[1])


def test_shapes_are_bounded() -> None:
    with pytest.raises(LimitError, match="'x' has 9 axes; at most 8 are allowed"):
        parse_problem(SMALL.replace("[2]", str([1] * 9)))
    with pytest.raises(LimitError, match="a size beyond 1000000"):
        parse_problem(SMALL.replace("[2]", "[1000001]"))
    with pytest.raises(ShapeError, match="found true or false"):
        parse_problem(SMALL.replace("[2]", "[true]"))


def test_targets() -> None:
    assert parse_target("W1[1,2]").indices == (1, 2)
    assert parse_target("w[k]").indices == ("k",)
    assert parse_target("ŷ").name == "y_hat"
    for text in ("W[1.5]", "W[-1]", "W[1e9]", "f(x)", "W'", "", "W[", "W[1][2]"):
        with pytest.raises(InputError):
            parse_target(text)


def test_numbers_beside_expressions_are_exact() -> None:
    (line,) = parse_problem(SMALL + "[values]\nx = [0.1, 1_000.5, 0x10, '1/3']").values
    assert isinstance(line.value, tuple)
    assert line.value[:3] == (Fraction(1, 10), Fraction(2001, 2), Fraction(16))
    assert isinstance(line.value[3], Expression)
    assert line.value[3].root != Num(Fraction(1, 3))


# ---- files --------------------------------------------------------------------------------------


def test_a_missing_file_offers_a_similar_one(tmp_path: Path) -> None:
    (tmp_path / "two_layer_net.toml").write_text(SMALL)
    with pytest.raises(FileProblem) as caught:
        read_problem_file(tmp_path / "two_layer.toml")
    assert caught.value.message == f"there is no file '{tmp_path / 'two_layer.toml'}'"
    assert caught.value.hint == "did you mean 'two_layer_net.toml'?"


def test_folders_and_odd_files(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="is a folder"):
        read_problem_file(tmp_path)
    with pytest.raises(FileProblem, match="there is no folder"):
        read_problem_file(tmp_path / "no" / "net.toml")
    with pytest.raises(FileProblem):
        read_problem_file(str(tmp_path) + "/\0")
    with pytest.raises(FileProblem):
        read_problem_file(tmp_path / ("x" * 5000))
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(FileProblem, match="is not a regular file"):
        read_problem_file(tmp_path / "pipe.toml")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    path.write_bytes(b'title = "ok"\nnotes = "caf\xe9"\n')
    with pytest.raises(FileProblem) as caught:
        read_problem_file(path)
    assert caught.value.message == "this is not UTF-8 text"
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, 13)
    path.write_bytes(SMALL.encode("utf-16"))
    with pytest.raises(FileProblem):
        read_problem_file(path)


def test_files_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    path.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(LimitError, match=f"more than {MAX_BYTES} bytes"):
        read_problem_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"[t{i}]" for i in range(20_000)),
        "x = [" + "0.5, " * 20_000 + "]",
        "x = '''" + "'" * 100_000,
        'x = """' + "\\" * 100_000,
        "x = {" + ", ".join(f"a{i} = 1" for i in range(10_000)) + "}",
        '"' * 100_000,
        "[" * 100_000,
        "? " + "a." * 50_000 + "b = 1",
        "x = [{" + "a." * 50_000 + "b = 1}]",
        "x = " + "a." * 50_000,
    ],
)
def test_hostile_files_are_refused_soon(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        parse_problem(text, "p.toml")
    assert time.perf_counter() - start < 3
    assert len(str(caught.value)) < 600


# ---- the scanner --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ('"a"', "a"),
        ("'a\\n'", "a\\n"),
        (r'"\\alpha \" \u03b1 \U0001d6fc \t"', '\\alpha " α \U0001d6fc \t'),
        ('"""\na\\\n   b\n"""', "ab\n"),
        ('"""a"b"""', 'a"b'),
        ("'''\na\nb'''", "a\nb"),
        ('""', ""),
        ('""""a""""', '"a"'),
    ],
)
def test_texts_are_located_character_by_character(text: str, decoded: str) -> None:
    places = scan(Document(f"k = {text}"))
    span = places.value(("k",))
    assert places.document.text[span.start : span.end] == text
    chars, offsets = decode(places.document.text, span)
    assert chars == decoded
    assert len(offsets) == len(chars) + 1
    assert list(offsets) == sorted(offsets)


def test_elements_of_arrays() -> None:
    text = "k = [ 1 , # one ]\n [2, 3], 'a,]' , ]"
    span = scan(Document(text)).value(("k",))
    assert [text[a:b] for a, b in elements(text, span)] == ["1", "[2, 3]", "'a,]'"]


BASE = FULL.replace('"ŷ"', "yh")
PIECES = st.sampled_from(
    [*"\n\"'[]{}=,.#\\ 019ax_-+*()α\x00\r\t", '"""', "'''", "[define]", "x = ", "nan", "1e999999"]
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(BASE)), st.integers(0, 6), st.lists(PIECES, max_size=4).map("".join))
def test_a_damaged_file_is_read_or_refused(at: int, cut: int, piece: str) -> None:
    text = BASE[:at] + piece + BASE[at + cut :]
    try:
        parse_problem(text, "p.toml")
    except InputError as error:
        assert error.place is not None
        assert error.place.line <= text.count("\n") + 1
        assert "\x00" not in str(error)


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_problem(text, "p.toml")
