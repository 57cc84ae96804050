"""Markdown as GitHub reads it: every step, formulas intact, text as text."""

from __future__ import annotations

import re

import pytest

from symback.derivation import derive
from symback.problem import loads
from symback.render.markdown import escaped, to_markdown
from symback.spell import latex
from symback.spell.mathtree import math_tree, tex_of
from tests.every_form import SOME, derived, missing

HOSTILE = "<script>alert(1)</script> *a* _b_ `c` [d](e) # | $f$ ]] -->"


@pytest.mark.parametrize("name", SOME)
def test_every_step_is_there(name: str) -> None:
    derivation = derived(name)
    of, base = derivation.problem.of, derivation.problem.index_base

    def spell(phrase: object) -> str:
        return tex_of(math_tree(latex(phrase, output=of, index_base=base)))

    assert missing(derivation, to_markdown(derivation), spell) == []


@pytest.mark.parametrize("name", SOME)
def test_formulas_survive_markdown(name: str) -> None:
    """In a line, no backslash stands before a sign, which Markdown would take away."""
    text = to_markdown(derived(name))
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    formulas = re.findall(r"(?<!\\)\$(.+?)(?<!\\)\$", prose)
    assert formulas
    for formula in formulas:
        assert not re.search(r"\\[^A-Za-z]", formula), formula
        assert "<" not in formula
    assert text.count("```") % 2 == 0
    for block in re.findall(r"^```math\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        assert block.count("{") == block.count("}")


def test_hostile_text_is_shown_as_text() -> None:
    problem = loads(
        f"title = '{HOSTILE}'\n[symbols]\nx = []\n[define]\nL = \"x^2\"\n"
        '[derive]\nof = "L"\nwrt = ["x"]'
    )
    first = to_markdown(derive(problem)).splitlines()[0]
    assert first == (
        r"# &lt;script&gt;alert(1)&lt;/script&gt; \*a\* \_b\_ \`c\` \[d\](e) \# \| \$f\$ \]\] "
        "--&gt;"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [("- a", r"\- a"), ("1. a", r"1\. a"), ("a\nb", "a b"), ("&lt;", "&amp;lt;"), ("=", r"\=")],
)
def test_text_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown
