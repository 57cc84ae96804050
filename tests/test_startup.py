"""What a command loads before it does its work, and the tables that spare it loading more."""

from __future__ import annotations

from symback.parse.lalr import TABLE
from symback.parse.table import table_text


def test_the_parse_table_is_that_of_the_grammar() -> None:
    """If not: python -m symback.parse.table"""
    assert TABLE.read_text(encoding="utf-8") == table_text()
