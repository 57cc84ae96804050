"""From "the grammar stops here" to a sentence a person can act on."""

from symback.errors import SyntaxProblem
from symback.parse.lexer import Token
from symback.parse.source import Source

_OPERATORS = frozenset({"SIGN", "TIMES", "POWER", "COMPARE"})
_POSTFIX = frozenset({"QUOTE", "DOT_T", "SUPERSCRIPT"})
_ENDS_OPERAND = frozenset({"NUMBER", "NAME", "CLOSE", "RIGHT"}) | _POSTFIX
_STARTS_OPERAND = frozenset({"NUMBER", "NAME", "OPEN", "LEFT"})
_CONDITIONS = "conditions are nested: where(x > 0, where(x < 1, a, b), b)"
_WORD_HINTS = {
    "and": _CONDITIONS,
    "or": _CONDITIONS,
    "not": _CONDITIONS,
    "if": "a case is written where(condition, value, otherwise)",
    "in": "a range is written sum(x[i], i = 0..n-1)",
}


def _shown(token: Token) -> str:
    return '"\'"' if token.text == "'" else f"'{token.text}'"


def explain(source: Source, tokens: list[Token], at: int) -> SyntaxProblem:
    """The error for ``tokens[at]``, the first that fits no rule; ``len(tokens)`` is the end.

    Brackets are known to match.
    """
    before = tokens[at - 1] if at > 0 else None
    if at == len(tokens):
        return _at_end(source, before)
    here = tokens[at]
    message, hint, first = _sentence(tokens, at, before, here)
    return SyntaxProblem(
        message, place=source.place((first or here).span.start, here.span.end), hint=hint
    )


def _at_end(source: Source, before: Token | None) -> SyntaxProblem:
    if before is None:
        return SyntaxProblem("the expression is empty", place=source.place(0))
    return SyntaxProblem(
        f"the expression ends after {_shown(before)}",
        place=source.place(*before.span),
        hint=f"write what belongs after {_shown(before)}, or remove it",
    )


def _sentence(
    tokens: list[Token], at: int, before: Token | None, here: Token
) -> tuple[str, str | None, Token | None]:
    """Message, hint, and the token where the carets begin if that is not ``here``."""
    after_operand = before is not None and before.type in _ENDS_OPERAND
    if here.type == "EQUALS":
        return "'=' inside an expression", _equals_hint(tokens, at), None
    if here.type == "RANGE":
        return "a range '..' belongs to a sum or product", "sum(x[i], i = 0..n-1)", None
    if here.type == "COLON":
        return "':' belongs to a slice in [...]", "x[0:3] holds x[0], x[1] and x[2]", None
    if before is not None and after_operand:
        if here.type in _STARTS_OPERAND:
            message = f"an operator is missing between {_shown(before)} and {_shown(here)}"
            return message, _missing_operator_hint(tokens, at), before
        if here.type == "COMPARE":
            return "more than two sides in a comparison", "compare two at a time", None
        if here.type == "COMMA":
            return "',' outside brackets", "a vector is written [a, b]; a decimal as 0.5", None
    if before is not None and before.type in _OPERATORS and here.type in _OPERATORS:
        hint = "a power is written ^ or **" if before.text == here.text == "*" else None
        return f"two operators in a row: {_shown(before)} and {_shown(here)}", hint, before
    if before is not None and before.type in {"OPEN", "LEFT"} and here.type in {"CLOSE", "RIGHT"}:
        return f"nothing between {_shown(before)} and {_shown(here)}", None, before
    if here.type in _POSTFIX:
        return f"{_shown(here)} has nothing before it to apply to", None, None
    if not after_operand:
        return f"something is missing before {_shown(here)}", None, None
    return f"{_shown(here)} is not expected here", None, None


def _equals_hint(tokens: list[Token], at: int) -> str:
    if at == 1 and tokens[0].type == "NAME":
        return (
            f'a definition is a line {tokens[0].value} = "..." under [define]; '
            "a comparison is written =="
        )
    return "a comparison is written ==; an argument is named as in sum(x, axis=0)"


def _missing_operator_hint(tokens: list[Token], at: int) -> str:
    for word in (tokens[at - 1], tokens[at]):
        if word.text in _WORD_HINTS:
            return _WORD_HINTS[word.text]
    if tokens[at - 1].type == "QUOTE" and tokens[at].type == "OPEN":
        return "a product is written x'*(y); f'(x) is derived, it cannot be written"
    opened: list[Token] = []
    for token in tokens[:at]:
        if token.type in {"OPEN", "LEFT"}:
            opened.append(token)
        elif token.type in {"CLOSE", "RIGHT"}:
            opened.pop()
    if opened and opened[-1].type == "LEFT":
        return "entries are separated by commas: [1, 2]; a product is written with *"
    return "a product is written with *"
