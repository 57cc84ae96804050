"""docs/calculus.md: its tables are those of the engine, its examples are tried out."""

from __future__ import annotations

import doctest
import re
import runpy
from pathlib import Path

from symback.rules import FUNCTIONS, RULES

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "calculus.md"
SCRIPT = ROOT / "scripts" / "calculus_page.py"


def test_the_tables_are_in_step_with_the_rules() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert runpy.run_path(str(SCRIPT))["filled"](page) == page, f"run python {SCRIPT.name}"


def test_every_rule_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{row.formula}`".replace("|", "\\|") in page for row in FUNCTIONS.values())
    assert all(f"| `{name}` |" in page for name in RULES)


def test_examples() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "calculus", str(PAGE), 0)
    assert len(example.examples) > 30
    failed: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(
        example, out=failed.append
    )
    assert failed == []
