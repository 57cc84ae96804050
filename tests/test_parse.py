"""The expression language: what is written and the tree it means; every error text."""

import subprocess
import sys
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symback.errors import InputError, LimitError, NameProblem, SyntaxProblem
from symback.parse.lexer import MAX_DEPTH, MAX_TEXT
from symback.parse.names import COMMANDS, GREEK, MAX_NAME, WORDS
from symback.parse.parser import parse, parse_name
from symback.parse.source import Source
from symback.parse.syntax import (
    Call,
    Chain,
    Compare,
    Index,
    Link,
    List,
    Name,
    Num,
    Power,
    Slice,
    SumOver,
    Syntax,
    Transpose,
    Unary,
    walk,
)


def show(node: Syntax | None) -> str:
    """A tree with every grouping written out; index and call in their own brackets."""
    match node:
        case None:
            return ""
        case Num(value=value):
            return str(value) if value.denominator == 1 else f"<{value}>"
        case Name(name=name):
            return name
        case Unary(op=op, operand=operand):
            return f"({op}{show(operand)})"
        case Chain(first=first, rest=rest):
            return f"({show(first)}{''.join(show(link) for link in rest)})"
        case Link(op=op, operand=operand):
            return f" {op} {show(operand)}"
        case Power(op=op, base=base, exponent=Transpose() as exponent):
            return f"({show(base)}{op}({show(exponent)}))"
        case Power(op=op, base=base, exponent=exponent):
            return f"({show(base)}{op}{show(exponent)})"
        case Transpose(operand=operand):
            return f"{show(operand)}'"
        case Index(base=base, items=items):
            return f"{show(base)}[{', '.join(show(item) for item in items)}]"
        case Slice(start=start, stop=stop, step=step):
            return f"{show(start)}:{show(stop)}:{show(step)}"
        case Call(func=func, args=args, kwargs=kwargs):
            parts = [show(arg) for arg in args] + [f"{key}={show(each)}" for key, each in kwargs]
            return f"{func}({', '.join(parts)})"
        case SumOver(func=func, body=body, index=index, low=low, high=high):
            return f"{func}{{{show(body)} | {index}={show(low)}..{show(high)}}}"
        case Compare(op=op, left=left, right=right):
            return f"({show(left)} {op} {show(right)})"
        case List(items=items):
            return f"[{', '.join(show(item) for item in items)}]"


MEANINGS = {
    # sums and products group from the left, in one chain
    "a": "a",
    "a + b - c": "(a + b - c)",
    "a - (b - c)": "(a - (b - c))",
    "a*b/c .* d ./ e": "(a * b / c .* d ./ e)",
    "a + b*c": "(a + (b * c))",
    "W1*x + b1": "((W1 * x) + b1)",
    "A@x": "(A * x)",
    # signs and powers
    "-x^2": "(-(x^2))",
    "-x*y": "((-x) * y)",
    "2^-1": "(2^(-1))",
    "2^-x^2": "(2^(-(x^2)))",
    "2^3^2": "(2^(3^2))",
    "9**9**9": "(9^(9^9))",
    "a - -b": "(a - (-b))",
    "a*-b": "(a * (-b))",
    "+a": "(+a)",
    "x.^2": "(x.^2)",
    "x.**2": "(x.^2)",
    "x.^-y": "(x.^(-y))",
    # numbers next to dots
    "2.*x": "(2 .* x)",
    "2.5*x": "(<5/2> * x)",
    "2 .* x": "(2 .* x)",
    "2..*x": None,
    "1./x": "(1 ./ x)",
    "2.^x": "(2.^x)",
    "2.**x": "(2.^x)",
    "2.": "2",
    "2.+x": "(2 + x)",
    "2.'": "2'",
    "2.T": "2'",
    ".5": "<1/2>",
    "1e-3": "<1/1000>",
    "1.5E+2": "150",
    "0.1": "<1/10>",
    "2.e1": "20",
    # transposes
    "x'": "x'",
    "x''": "x''",
    "x.'": "x'",
    "x.T": "x'",
    "x'*A*x": "(x' * A * x)",
    "W' * x": "(W' * x)",
    "a.T*b": "(a' * b)",
    "a'.*b": "(a' .* b)",
    "a.'.*b": "(a' .* b)",
    "(A*B)'": "(A * B)'",
    "x'^2": "(x'^2)",
    "x.^2'": "(x.^2)'",
    "x^2.T": "(x^(2'))",
    "x^2'^3": "((x^2)'^3)",
    "-x'": "(-x')",
    "x'[0]": "x'[0]",
    "f(x)'": "f(x)'",
    "x^{T}*y": "(x' * y)",
    r"x^\top*y": "(x' * y)",
    r"x^{\top}*y": "(x' * y)",
    "x^T": "(x^T)",
    "x'.T": "x''",
    "xᵀ*y": "(x' * y)",
    # entries and slices
    "p[1, 0]": "p[1, 0]",
    "p[-1]": "p[(-1)]",
    "x[0:3]": "x[0:3:]",
    "x[:, 0]": "x[::, 0]",
    "x[::2]": "x[::2]",
    "x[1:]": "x[1::]",
    "x[:n-1]": "x[:(n - 1):]",
    "I[i + a, j + b]": "I[(i + a), (j + b)]",
    "x[0]^2": "(x[0]^2)",
    "2^x[0]": "(2^x[0])",
    "(A*x)[0]": "(A * x)[0]",
    # calls
    "sigmoid(z)": "sigmoid(z)",
    "zeros()": "zeros()",
    "ones(m, n+1)": "ones(m, (n + 1))",
    "sum(X, axis=0)": "sum(X, axis=0)",
    "correlate(I, K, stride=2, padding=1)": "correlate(I, K, stride=2, padding=1)",
    "gather(W, [0, 5, 0])": "gather(W, [0, 5, 0])",
    "matrix([[1, 2], [3, 4]])": "matrix([[1, 2], [3, 4]])",
    "f(x)^2": "(f(x)^2)",
    "where(x >= 0, x, -x)": "where((x >= 0), x, (-x))",
    "Piecewise((x, x > 0), (0, True))": "Piecewise([x, (x > 0)], [0, True])",
    "[]": "[]",
    # index notation
    "sum(w[i]^2, i = 0..n-1)": "sum{(w[i]^2) | i=0..(n - 1)}",
    "prod(x[i], i=1..3)": "prod{x[i] | i=1..3}",
    "sum(x[i], i=0…n)": "sum{x[i] | i=0..n}",
    "sum(a[i,j], i = 0..n, j = 0..i)": "sum{sum{a[i, j] | j=0..i} | i=0..n}",
    "Sum(a[i,j], (i, 0, j), (j, 0, n))": "sum{sum{a[i, j] | i=0..j} | j=0..n}",
    "Product(x[i], (i, 0, n))": "prod{x[i] | i=0..n}",
    "sum([1, 2])": "sum([1, 2])",
    "sum(x, [1, 2, 3])": "sum(x, [1, 2, 3])",
    # comparisons
    "a <= b + 1": "(a <= (b + 1))",
    "a == b": "(a == b)",
    "a ≠ b": "(a != b)",
    "(a < b)*c": "((a < b) * c)",
    # typeset mathematics
    "α₁⊙σ(z)": "(alpha1 .* sigma(z))",
    "x²": "(x^2)",
    "x²³": "(x^23)",
    "x⁻¹": "(x^-1)",
    "-x²": "(-(x^2))",
    "2^x²": "(2^(x^2))",
    "x'²": "(x'^2)",
    "a·b × c": "(a * b * c)",
    "a − b": "(a - b)",
    "a ÷ b": "(a / b)",
    "a ∘ b ⊘ c": "(a .* b ./ c)",
    "x′*y’": "(x' * y')",
    "∑(x)": "sum(x)",
    "𝐖·𝒙": "(W * x)",
    # LaTeX
    r"\alpha \cdot x": "(alpha * x)",
    r"\sigma(W x)": None,
    r"a \odot b \leq c": "((a .* b) <= c)",
    r"\hat{y} - \hat y - ŷ": "(y_hat - y_hat - y_hat)",
    r"\log(\mathbf{y})": "log(y)",
    "W^{(1)}*x": "(W_1 * x)",
    "x^{2}": "(x^2)",
    "e^{-x}": "(e^(-x))",
    "W^(1)": "(W^1)",
    # layout does not matter
    "a\n  + b\t* c": "(a + (b * c))",
    "\u00a0a": "a",
    "((a))": "a",
}  # fmt: skip


@pytest.mark.parametrize(("text", "meaning"), MEANINGS.items())
def test_meaning(text: str, meaning: str | None) -> None:
    if meaning is None:
        with pytest.raises(SyntaxProblem):
            parse(text)
    else:
        assert show(parse(text).root) == meaning


NAMES = {
    "x": "x",
    "W1": "W1",
    "W_1": "W_1",
    "W₁": "W1",
    "W_{1}": "W_1",
    "W_{12}": "W_12",
    "w_{1,2}": "w_1_2",
    "W^{(1)}": "W_1",
    "a_1^{(2)}": "a_1_2",
    "W^{(l)}_{ij}": "W_l_ij",
    r"W_\alpha": "W_alpha",
    r"W_{\alpha}": "W_alpha",
    "α": "alpha",
    "ϵ": "epsilon",
    "ε": "epsilon",
    "ϕ": "phi",
    "λ": "lambda",
    "Σ": "Sigma",
    "μ": "mu",
    "µ": "mu",
    "δ2": "delta2",
    "δ₂": "delta2",
    "Δx": "Deltax",
    "ŷ": "y_hat",
    "y\u0302": "y_hat",
    "ŷ₁": "y_hat_1",
    "ŷ_1": "y_hat_1",
    r"\hat{y}_1": "y_hat_1",
    r"\hat{y_1}": "y_1_hat",
    "x\u0304": "x_bar",
    "ñ": "n_tilde",
    r"\bar x": "x_bar",
    r"\tilde{\alpha}": "alpha_tilde",
    r"\hat\theta": "theta_hat",
    r"\hat{\mathbf{y}}": "y_hat",
    r"\mathcal{L}": "L",
    "ℒ": "L",
    "ℓ": "l",
    r"\ell": "l",
    "𝛼": "alpha",
    r"\varepsilon": "epsilon",
    r"\operatorname{ReLU}": "ReLU",
    "x" * MAX_NAME: "x" * MAX_NAME,
}


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_spelling(text: str, name: str) -> None:
    assert parse_name(text) == name
    assert parse(text).root == Name(name)
    assert parse_name(name) == name


def test_all_greek_letters_and_commands() -> None:
    for letter, name in GREEK.items():
        assert parse_name(letter) == name
    for command, name in WORDS.items():
        assert parse_name(f"\\{command}") == name
    for command, accent in COMMANDS.items():
        assert parse_name(f"\\{command}{{y}}") == ("y" + f"_{accent}" if accent else "y")


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("", "a name is missing", 1),
        ("1x", "a name cannot begin with '1'", 1),
        ("_x", "a name begins with a letter, not with '_'", 1),
        ("a b", "a name cannot hold a space", 2),
        ("a+b", "a name cannot hold '+'", 2),
        ("x²", "a name cannot hold '²'", 2),
        ("é", "the character 'é' cannot be in a name", 1),
        ("名", "the character '名' cannot be in a name", 1),
        ("a\u200b", "a name cannot hold the invisible character U+200B", 2),
        ("x" * (MAX_NAME + 1), f"a name has at most {MAX_NAME} characters", 1),
        (r"\frac", r"unknown LaTeX command '\frac'", 1),
        (r"\hat", r"'\hat' needs a name after it", 1),
        (r"\hat{", r"'\hat' needs a name after it", 1),
        (r"\hat{1}", r"'\hat' needs a name after it", 1),
        (r"\hat{y", r"the '{' after '\hat' is not closed after one name", 1),
        (r"\hat{x y}", r"the '{' after '\hat' is not closed after one name", 1),
        ("\\", r"a backslash begins a LaTeX name such as \alpha or \hat{y}", 1),
        ("x_{}", "this label is not made of letters and digits", 4),
        ("x_{i+1}", "this label is not made of letters and digits", 4),
        (r"\hat\hat\hat\hat\hat y", "more than 4 LaTeX commands inside each other", 17),
        ("__import__('os')", "a name begins with a letter, not with '_'", 1),
    ],
)
def test_what_is_not_a_name(text: str, message: str, column: int) -> None:
    with pytest.raises(NameProblem) as caught:
        parse_name(text)
    assert caught.value.message == message
    assert caught.value.place is not None
    assert caught.value.place.column == column


REPORTS = {
    "": "line 1, column 1: the expression is empty\n  \n  ^",
    "a +": """line 1, column 3: the expression ends after '+'
  a +
    ^
hint: write what belongs after '+', or remove it""",
    "2*x +* 3": """line 1, column 5: two operators in a row: '+' and '*'
  2*x +* 3
      ^^""",
    "a * * b": """line 1, column 3: two operators in a row: '*' and '*'
  a * * b
    ^^^
hint: a power is written ^ or **""",
    "* a": """line 1, column 1: something is missing before '*'
  * a
  ^""",
    "f(, a)": """line 1, column 3: something is missing before ','
  f(, a)
    ^""",
    "f(a,)": """line 1, column 5: something is missing before ')'
  f(a,)
      ^""",
    "(a + )": """line 1, column 6: something is missing before ')'
  (a + )
       ^""",
    "()": """line 1, column 1: nothing between '(' and ')'
  ()
  ^^""",
    "x[]": """line 1, column 2: nothing between '[' and ']'
  x[]
   ^^""",
    "sum((a + b": """line 1, column 5: unclosed parenthesis opened here
  sum((a + b
      ^
hint: add ')'""",
    "x[0": """line 1, column 2: unclosed bracket opened here
  x[0
   ^
hint: add ']'""",
    "a) + b": """line 1, column 2: ')' closes nothing
  a) + b
   ^
hint: remove it, or open the bracket before it""",
    "f(x]": """line 1, column 4: ']' found where ')' is expected
  f(x]
     ^
line 1, column 2: '(' is opened here
  f(x]
   ^""",
    "a b": """line 1, column 1: an operator is missing between 'a' and 'b'
  a b
  ^^^
hint: a product is written with *""",
    "(a)(b)": """line 1, column 3: an operator is missing between ')' and '('
  (a)(b)
    ^^
hint: a product is written with *""",
    "[1 2]": """line 1, column 2: an operator is missing between '1' and '2'
  [1 2]
   ^^^
hint: entries are separated by commas: [1, 2]; a product is written with *""",
    "f'(x)": """line 1, column 2: an operator is missing between "'" and '('
  f'(x)
   ^^
hint: a product is written x'*(y); f'(x) is derived, it cannot be written""",
    "a and b": """line 1, column 1: an operator is missing between 'a' and 'and'
  a and b
  ^^^^^
hint: conditions are nested: where(x > 0, where(x < 1, a, b), b)""",
    "y = W*x": """line 1, column 3: '=' inside an expression
  y = W*x
    ^
hint: a definition is a line y = "..." under [define]; a comparison is written ==""",
    "f(2 = x)": """line 1, column 5: '=' inside an expression
  f(2 = x)
      ^
hint: a comparison is written ==; an argument is named as in sum(x, axis=0)""",
    "a < b < c": """line 1, column 7: more than two sides in a comparison
  a < b < c
        ^
hint: compare two at a time""",
    "a, b": """line 1, column 2: ',' outside brackets
  a, b
   ^
hint: a vector is written [a, b]; a decimal as 0.5""",
    "0..n": """line 1, column 2: a range '..' belongs to a sum or product
  0..n
   ^^
hint: sum(x[i], i = 0..n-1)""",
    "f(x, i = 0..3)": """line 1, column 6: 'f' takes no range
  f(x, i = 0..3)
       ^
hint: ranges are for sum(x[i], i = 0..n-1), prod(...) and array(...)""",
    "sum(x, y, i = 0..3)": """line 1, column 1: 'sum' over a range takes one expression and its ranges
  sum(x, y, i = 0..3)
  ^^^^^^^^^^^^^^^^^^^
hint: sum(x[i]*y[i], i = 0..n-1)""",
    "a:b": """line 1, column 2: ':' belongs to a slice in [...]
  a:b
   ^
hint: x[0:3] holds x[0], x[1] and x[2]""",
    "x[1:2:3:4]": """line 1, column 3: a slice has at most three parts
  x[1:2:3:4]
    ^^^^^^^
hint: start:stop:step""",
    "f(a=1, a=2)": """line 1, column 8: 'a=' is given twice
  f(a=1, a=2)
         ^
line 1, column 3: first given here
  f(a=1, a=2)
    ^""",
    "f(a=1, b)": """line 1, column 8: an argument without a name after one with a name
  f(a=1, b)
         ^
hint: write the named arguments last""",
    "' + x": """line 1, column 1: "'" has nothing before it to apply to
  ' + x
  ^""",
    "2x": """line 1, column 1: malformed number '2x'
  2x
  ^^
hint: a product needs its *: 2*x""",
    "1.2.3": """line 1, column 1: malformed number '1.2.3'
  1.2.3
  ^^^^^
hint: a number is written 12, 0.5 or 1e-3""",
    "0x10": """line 1, column 1: malformed number '0x10'
  0x10
  ^^^^
hint: a product needs its *: 0*x10""",
    "x $ y": """line 1, column 3: '$' has no meaning here
  x $ y
    ^
hint: write the formula without dollar signs""",
    "x.sum()": """line 1, column 2: '.' has no meaning here
  x.sum()
   ^
hint: a transpose is written x.T or x'; a function is applied as in sum(x)""",
    "a{b}": """line 1, column 2: '{' has no meaning here
  a{b}
   ^
hint: brackets for grouping are ( and )""",
    '"a"': """line 1, column 1: '"' has no meaning here
  "a"
  ^
hint: an expression holds no text in quotes""",
    r"\alpa*x": r"""line 1, column 1: unknown LaTeX command '\alpa'
  \alpa*x
  ^^^^^
hint: did you mean 'alpha' or 'kappa'?""",
    "a +\n+* b": """line 2, column 1: two operators in a row: '+' and '*'
  +* b
  ^^""",
    "1e3001": """line 1, column 1: an exponent beyond 3000
  1e3001
  ^^^^^^""",
}


@pytest.mark.parametrize(("text", "report"), REPORTS.items())
def test_error_texts(text: str, report: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value) == report


def test_an_error_names_its_file() -> None:
    with pytest.raises(SyntaxProblem, match=r"^net\.toml:1:2: "):
        parse("a)", "net.toml")


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_TEXT + 1),
        "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1),
        "(" * 9000 + "a" + ")" * 9000,
        "-" * 15_000 + "a",
        "a" + "'" * 15_000,
        "a" + "^a" * 9000,
        "a" + "[0]" * 6000,
        "f(-" * 150 + "a" + ")" * 150,
        "9" * 401,
        "0." + "0" * 500 + "1",
        "1e" + "9" * 5000,
        "1e-99999",
    ],
)
def test_limits_are_enforced_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(LimitError) as caught:
        parse(text)
    assert time.perf_counter() - start < 2
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["a"] * 5000),
        "*".join(["a"] * 5000),
        "a" + " - b .* c" * 1500,
        "[" + ",".join(["a"] * 5000) + "]",
        "(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1),
        "f(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1),
        "-" * (MAX_DEPTH - 1) + "a",
        "1e3000",
        "9" * 400,
    ],
)
def test_long_texts_are_fine(text: str) -> None:
    root = parse(text).root
    assert sum(1 for _ in walk(root)) <= len(text) + 1
    assert root == parse(text).root
    assert hash(root) == hash(parse(text).root)
    assert repr(root)


def test_numbers_are_exact() -> None:
    assert parse("0.1").root == Num(Fraction(1, 10))
    assert parse("1e3000").root == Num(Fraction(10**3000))


def test_spans_cover_what_was_written() -> None:
    text = "(a + b)*f(x, axis=0)' - sum(w[i], i = 0..n)"
    expression = parse(text)
    written = [text[node.span.start : node.span.end] for node in walk(expression.root)]
    assert written == [
        text, "(a + b)*f(x, axis=0)'", "(a + b)", "a", "+", "b", "*", "f(x, axis=0)'",
        "f(x, axis=0)", "x", "0", "-", "sum(w[i], i = 0..n)", "w[i]", "w", "i", "0", "n",
    ]  # fmt: skip
    assert expression.place().column == 1
    assert expression.text == text


def test_places_follow_the_document() -> None:
    expression = parse(Source.of("a +\n  bb", "net.toml"))
    (node,) = (node for node in walk(expression.root) if node == Name("bb"))
    place = expression.place(node)
    assert (place.line, place.column, place.length, place.text) == (2, 3, 2, "  bb")


def test_lark_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, symback.parse.parser, symback.problemfile; assert 'lark' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


PIECES = st.sampled_from(
    [
        *"abxWn019.,:;'+-*/^()[]{}=<>!|&%#\"\\_ \n\t²⁻ᵀασŷ∑≤·é\u200b\u0302𝐖",
        *(
            "..",
            ".*",
            "**",
            "sum(",
            "i=0..n",
            r"\hat",
            r"\alpha",
            "1e5",
            ".T",
            "f(",
            "x[",
            "_{",
            "^{(",
        ),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40))
def test_any_text_gives_a_tree_or_an_error_of_ours(text: str) -> None:
    try:
        expression = parse(text)
    except InputError as error:
        assert error.message
        assert error.place is not None
        assert not any(word in str(error) for word in ("LPAR", "Token(", "$END", "CLOSE", "QUOTE"))
    else:
        for node in walk(expression.root):
            assert 0 <= node.span.start < node.span.end <= len(text)
            if isinstance(node, Name):
                assert node.name.isascii()
                assert node.name.isidentifier()


TREES = st.recursive(
    st.sampled_from(["a", "W1", "2", "x[0]"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"(-{t})"),
        inner.map(lambda t: f"{t}'"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})^({t[1]})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda t: f"f({', '.join(t)})"),
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_what_a_tree_shows_is_read_as_the_same_tree(text: str) -> None:
    root = parse(text).root
    assert parse(show(root)).root == root
