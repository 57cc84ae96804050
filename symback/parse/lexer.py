r"""From text to tokens: numbers, names, operators, brackets, each with its place.

Operators of SymPy, MATLAB, LaTeX and typeset mathematics come out the same:

===================================  =======  ========================================
written                              token    meaning
===================================  =======  ========================================
``*``  ``@`` ``·`` ``×`` ``\cdot``   ``*``    product (between matrices: matrix product)
``.*`` ``⊙`` ``∘`` ``\odot``         ``.*``   elementwise product
``/``  ``÷``,   ``./`` ``⊘``         as they  quotient, elementwise quotient
``^``  ``**``,  ``.^`` ``.**``       ``^``    power, elementwise power; ``x²`` is ``x^2``
``'``  ``.'`` ``′`` ``’`` ``ᵀ``      ``'``    transpose; so are ``.T``, ``x^\top``, ``x^{T}``
``<=`` ``≤`` ``\leq`` and so on               comparisons
===================================  =======  ========================================

A dot before ``* / ^ '`` belongs to the operator: ``2.*x`` is ``2 .* x``; ``2.5*x`` has a decimal.
Limits are enforced here, before anything is built.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from symback.errors import LimitError, NameProblem, SyntaxProblem
from symback.parse.names import SUPERSCRIPTS, NotAName, quoted, scan_name, starts_name
from symback.parse.source import Source, Span

MAX_TEXT = 20_000
MAX_DEPTH = 200
MAX_DIGITS = 400
MAX_EXPONENT = 3000  # Python prints no integer of more than 4300 digits

OPENING: Final = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Token:
    """A piece of the text. ``type`` is its terminal in grammar.lark; ``value`` what it means."""

    type: str
    value: str
    span: Span
    text: str
    number: Fraction | None = None


_NUMBER = re.compile(r"(?:[0-9]+(?:\.(?![*/^'.T])[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NUMBER_RUN = re.compile(r"[\w.]+")
_TRANSPOSE_POWER = re.compile(r"\^\s*(?:\{\s*(?:\\top|T|⊤)\s*\}|\\top(?![A-Za-z])|⊤)")
_ATTRIBUTE_T = re.compile(r"\.T(?!\w)")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_OPERATOR = re.compile(r"\.\*\*|\.\^|\.\*|\./|\.'|\.\.|\*\*|<=|>=|==|!=|[-+*/^@'<>=,:()\[\]{}]")

_SPELLING: Final = {
    "@": "*", "·": "*", "×": "*", "⋅": "*", "∙": "*", "∗": "*", "•": "*", "⨯": "*",
    "⊙": ".*", "∘": ".*", "⊘": "./", "÷": "/", "∕": "/", "−": "-", "–": "-", "**": "^",
    ".**": ".^", ".'": "'", "′": "'", "’": "'", "ᵀ": "'", "…": "..", "≤": "<=", "≥": ">=",
    "≠": "!=",
    "\\cdot": "*", "\\times": "*", "\\odot": ".*", "\\circ": ".*", "\\oslash": "./",
    "\\leq": "<=", "\\le": "<=", "\\geq": ">=", "\\ge": ">=", "\\neq": "!=", "\\ne": "!=",
}  # fmt: skip

_TYPE: Final = {
    "+": "SIGN", "-": "SIGN", "*": "TIMES", "/": "TIMES", ".*": "TIMES", "./": "TIMES",
    "^": "POWER", ".^": "POWER", "'": "QUOTE", "<": "COMPARE", "<=": "COMPARE", ">": "COMPARE",
    ">=": "COMPARE", "==": "COMPARE", "!=": "COMPARE", "=": "EQUALS", ",": "COMMA",
    ":": "COLON", "..": "RANGE", "(": "OPEN", ")": "CLOSE", "{": "OPEN", "}": "CLOSE",
    "[": "LEFT", "]": "RIGHT",
}  # fmt: skip

_NAMED: Final = {"∑": "sum", "∏": "prod"}

_HINTS: Final = {
    '"': "an expression holds no text in quotes",
    "#": "an expression holds no comments",
    ";": "a matrix is written [[1, 2], [3, 4]]",
    "&": "conditions are nested: where(x > 0, where(x < 1, a, b), b)",
    "|": "the absolute value is written abs(x), a norm norm2(x)",
    "‖": "a norm is written norm1(x) or norm2(x)",
    "∥": "a norm is written norm1(x) or norm2(x)",
    "%": "a remainder cannot be differentiated; a comment cannot be inside an expression",
    "!": "the factorial of n is gamma(n + 1)",
    "√": "the square root is written sqrt(x)",
    "⊗": "the Kronecker product is written kron(A, B)",
    "∂": "a derivative is asked for under wrt, not written in an expression",
    "∇": "a derivative is asked for under wrt, not written in an expression",
    "∞": "infinity is not a value here",
    "½": "a fraction is written 1/2",
    ".": "a decimal has a digit after or before its point; elementwise operators are .* ./ .^",
    "{": "brackets for grouping are ( and )",
    "$": "write the formula without dollar signs",
    "`": "write the formula without backquotes",
}


def tokenize(source: Source) -> list[Token]:
    """The tokens of a text, brackets matched; raises a subclass of InputError."""
    text = source.text
    if len(text) > MAX_TEXT:
        raise LimitError(
            f"the expression has {len(text)} characters; at most {MAX_TEXT} are read",
            place=source.place(0),
            hint="name intermediate results, each on its own line",
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _next_token(source, at, after_power=bool(tokens) and tokens[-1].type == "POWER")
        tokens.append(token)
        at = token.span.end
    _match_brackets(source, tokens)
    return tokens


def _next_token(source: Source, at: int, *, after_power: bool) -> Token:
    text = source.text
    char = text[at]
    if char in "0123456789" or (char == "." and text[at + 1 : at + 2].isdecimal()):
        return _number(source, at)
    if char in SUPERSCRIPTS or char == "⁻":
        return _superscript(source, at)
    for pattern, type_ in ((_TRANSPOSE_POWER, "QUOTE"), (_ATTRIBUTE_T, "DOT_T")):
        match = pattern.match(text, at)
        if match is not None:
            return _token(source, type_, "'", at, match.end())
    written = _operator_text(text, at)
    value = _SPELLING.get(written, written)
    if value in _TYPE and (value != "{" or after_power):
        return _token(source, _TYPE[value], value, at, at + len(written))
    if char in _NAMED:
        return _token(source, "NAME", _NAMED[char], at, at + 1)
    if starts_name(char) or char == "\\":
        return _name(source, at)
    hint = _HINTS.get(char)
    if char == "." and text[at + 1 : at + 2].isalpha():
        hint = "a transpose is written x.T or x'; a function is applied as in sum(x)"
    raise SyntaxProblem(f"{quoted(char)} has no meaning here", place=source.place(at), hint=hint)


def _token(source: Source, type_: str, value: str, start: int, end: int) -> Token:
    return Token(type_, value, Span(start, end), source.text[start:end])


def _operator_text(text: str, at: int) -> str:
    """The longest spelling of an operator at ``text[at]``, or that one character."""
    if text[at] == "\\":
        word = _COMMAND.match(text, at)
        return word[0] if word is not None else "\\"
    match = _OPERATOR.match(text, at)
    return match[0] if match is not None else text[at]


def _number(source: Source, at: int) -> Token:
    text = source.text
    match = _NUMBER.match(text, at)
    if match is None:  # "1." cannot get here; a lone point before a strange digit can
        raise SyntaxProblem("this is not a number", place=source.place(at))
    end = match.end()
    after = text[end : end + 1]
    if (after.isalnum() and after not in SUPERSCRIPTS and after != "ᵀ") or after == "_":
        raise _malformed(source, at, end)
    if after == "." and (text[end + 1 : end + 2].isalnum() and not _ATTRIBUTE_T.match(text, end)):
        raise _malformed(source, at, end)
    problem = number_problem(match[0])
    if problem is not None:
        raise LimitError(problem, place=source.place(at, end))
    return Token("NUMBER", match[0], Span(at, end), match[0], Fraction(match[0]))


def _malformed(source: Source, at: int, end: int) -> SyntaxProblem:
    run = _NUMBER_RUN.match(source.text, at)
    stop = run.end() if run is not None else end
    written = source.text[at:stop]
    shown = written if len(written) <= 40 else written[:37] + "..."
    rest = source.text[end:stop]
    hint = "a number is written 12, 0.5 or 1e-3"
    if rest and rest[0].isalpha() and "." not in rest:
        hint = f"a product needs its *: {source.text[at:end]}*{rest}"[:100]
    return SyntaxProblem(f"malformed number '{shown}'", place=source.place(at, stop), hint=hint)


def number_problem(written: str) -> str | None:
    """What is too large about a decimal number such as ``-1.5e-3``; None if nothing is."""
    mantissa, _, exponent = written.lower().partition("e")
    digits = sum(char.isdecimal() for char in mantissa)
    if digits > MAX_DIGITS:
        return f"a number of {digits} digits; at most {MAX_DIGITS} are read"
    size = exponent.replace("_", "").lstrip("+-").lstrip("0")
    if len(size) > len(str(MAX_EXPONENT)) or int(size or "0") > MAX_EXPONENT:
        return f"an exponent beyond {MAX_EXPONENT}"
    return None


def _superscript(source: Source, at: int) -> Token:
    text = source.text
    end = at + 1 if text[at] == "⁻" else at
    digits = ""
    while end < len(text) and text[end] in SUPERSCRIPTS:
        digits += str(SUPERSCRIPTS[text[end]])
        end += 1
    if not digits or len(digits) > MAX_DIGITS:
        raise SyntaxProblem("a superscript without a number", place=source.place(at, end))
    number = Fraction(int(digits) * (-1 if text[at] == "⁻" else 1))
    return Token("SUPERSCRIPT", "^", Span(at, end), text[at:end], number)


def _name(source: Source, at: int) -> Token:
    try:
        name, end = scan_name(source.text, at)
    except NotAName as error:
        raise NameProblem(
            error.reason, place=source.place(error.at, error.at + error.length), hint=error.hint
        ) from None
    return _token(source, "NAME", name, at, end)


def _match_brackets(source: Source, tokens: list[Token]) -> None:
    """Raise unless every bracket has its partner and none is nested too deep."""
    opened: list[Token] = []
    for token in tokens:
        if token.type in {"OPEN", "LEFT"}:
            opened.append(token)
            if len(opened) > MAX_DEPTH:
                raise LimitError(
                    f"brackets are nested more than {MAX_DEPTH} deep",
                    place=source.place(*token.span),
                    hint="name intermediate results, each on its own line",
                )
        elif token.type in {"CLOSE", "RIGHT"}:
            if not opened:
                raise SyntaxProblem(
                    f"'{token.text}' closes nothing",
                    place=source.place(*token.span),
                    hint="remove it, or open the bracket before it",
                )
            opener = opened.pop()
            if OPENING[opener.text] != token.text:
                raise SyntaxProblem(
                    f"'{token.text}' found where '{OPENING[opener.text]}' is expected",
                    place=source.place(*token.span),
                    also=((f"'{opener.text}' is opened here", source.place(*opener.span)),),
                )
    if opened:
        word = {"(": "parenthesis", "[": "bracket", "{": "brace"}[opened[-1].text]
        raise SyntaxProblem(
            f"unclosed {word} opened here",
            place=source.place(*opened[-1].span),
            hint=f"add '{OPENING[opened[-1].text]}'",
        )
