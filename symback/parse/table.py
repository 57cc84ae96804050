"""The parse table of grammar.lark, as Lark works it out, and as it is kept in grammar.table.

Lark takes longer to build the table than a whole sheet takes to parse. So the table is kept, and
`python -m symback.parse.table` writes it anew after a change of the grammar; a test compares.

    rule ORIGIN LENGTH METHOD     METHOD of the builder; `=` the one part itself; `*` parts to join
    STATE TERMINAL>STATE TERMINAL:RULE ... ORIGIN>STATE
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from lark import Lark
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift

from symback.parse.lalr import JOINED, PASSED_ON, TABLE

GRAMMAR = Path(__file__).with_name("grammar.lark")


class _NoLexer(Lexer):
    """The tokens are ours."""

    def __init__(self, conf: object) -> None:
        pass

    def lex(self, lexer_state: object, parser_state: object) -> NoReturn:
        raise NotImplementedError


def table_text() -> str:
    """The table of the grammar as it stands.

    States are numbered as a walk from the first one meets them, so that the text depends on the
    grammar alone.
    """
    grammar = GRAMMAR.read_text(encoding="utf-8")
    lark = Lark(grammar, parser="lalr", lexer=_NoLexer, maybe_placeholders=False)
    table: Any = lark.parser.parser._parse_table
    number_of = {rule: number for number, rule in enumerate(lark.rules)}
    lines = [_rule_line(rule) for rule in lark.rules]
    states = [table.start_states["start"]]
    for state in states:
        line = [str(states.index(state))]
        for symbol, (action, target) in sorted(table.states[state].items()):
            if action is not Shift:
                line.append(f"{symbol}:{number_of[target]}")
            else:
                if target not in states:
                    states.append(target)
                line.append(f"{symbol}>{states.index(target)}")
        lines.append(" ".join(line))
    return "\n".join(lines) + "\n"


def _rule_line(rule: Any) -> str:
    origin, length = rule.origin.name, len(rule.expansion)
    method = rule.alias or (JOINED if origin.startswith("_") else origin)
    if not rule.alias and rule.options.expand1:
        assert length == 1, f"give the alternative of {origin} a name with ->"
        method = PASSED_ON
    return f"rule {origin} {length} {method}"


if __name__ == "__main__":
    TABLE.write_text(table_text(), encoding="utf-8")
