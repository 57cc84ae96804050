"""Indices counted from 1, or from anywhere."""

from __future__ import annotations

from symback import phrase as p
from symback.phrase import Phrase
from symback.spell import text
from symback.spell.indices import rebased
from tests.spell_phrases import entry, index, sym, total

i, j, n = index("i"), index("j"), sym("n", kind="size")
x, A = sym("x", 4), sym("A", 4, 4)
last = p.add([n, p.num(-1)])


def both(phrase: Phrase) -> tuple[str, str]:
    return text(phrase), text(phrase, index_base=1)


def test_base_0_changes_nothing() -> None:
    phrase = total(entry(x, i), ("i", 0, last))
    assert rebased(phrase, 0) is phrase


def test_constant_indices_grow() -> None:
    assert both(entry(A, 0, 2)) == ("A[0,2]", "A[1,3]")
    assert both(entry(x, last)) == ("x[n-1]", "x[n]")


def test_free_indices_still_count_from_0() -> None:
    assert both(entry(x, i)) == ("x[i]", "x[i+1]")
    assert both(entry(x, p.add([i, p.num(-1)]))) == ("x[i-1]", "x[i]")


def test_summation_indices_count_from_the_base() -> None:
    shifted = entry(x, p.add([i, p.num(1)]))
    assert both(total(shifted, ("i", 0, last))) == (
        "sum(x[i+1], i = 0..n-1)",
        "sum(x[i+1], i = 1..n)",
    )
    doubled = entry(x, p.mul([i], 2))
    assert both(total(doubled, ("i", 0, last))) == (
        "sum(x[2*i], i = 0..n-1)",
        "sum(x[2*i-1], i = 1..n)",
    )


def test_an_index_outside_of_entries_keeps_its_value() -> None:
    phrase = total(p.mul([i, entry(x, i)]), ("i", 0, last))
    assert both(phrase) == ("sum(i*x[i], i = 0..n-1)", "sum((i - 1)*x[i], i = 1..n)")


def test_bounds_may_hold_other_indices() -> None:
    inner = total(entry(A, i, j), ("j", i, last))
    assert both(total(inner, ("i", 0, last))) == (
        "sum(sum(A[i,j], j = i..n-1), i = 0..n-1)",
        "sum(sum(A[i,j], j = i..n), i = 1..n)",
    )


def test_conditions_compare_the_same_entries() -> None:
    condition = Phrase("iverson", (i, p.num(2)), ("<=",))
    phrase = total(p.mul([condition, entry(x, i)]), ("i", 0, last))
    assert both(phrase) == (
        "sum((i <= 2)*x[i], i = 0..n-1)",
        "sum((i - 1 <= 2)*x[i], i = 1..n)",
    )
