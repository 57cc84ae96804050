"""A seeded part of the random expressions of our own language."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from tests import random_language
from tests.random_language import Question, case, judge

SEED, CASES = 3, 60
ACCEPTED = {"right", "undecided", "unsupported"}
#: What is printed and cannot be typed back in yet. This may only get shorter.
UNREADABLE = re.compile(
    r"this index is outside the axis"  # (i <= 1)*u[i] where i runs on
    r"|a scalar is needed"
    r"|\d indices for shape"  # the largest of some of four axes
)


judged = cache(judge)


@pytest.mark.parametrize("number", range(CASES))
def test_a_printed_derivative_reads_back_and_is_right(number: int) -> None:
    question = case(SEED, number)
    if question is not None:
        kind, why = judged(question)
        readable = kind != "unread" or not UNREADABLE.search(why)
        assert kind in ACCEPTED or not readable, (
            f"{kind}: d {question.text} / d {question.wrt}: {why}"
        )


def test_most_of_them_read_back() -> None:
    kinds = [judged(q)[0] for number in range(CASES) if (q := case(SEED, number))]
    assert kinds.count("right") > 0.6 * len(kinds)


def test_a_planted_mistake_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question("x'*A*x", ("x",))
    assert judge(question) == ("right", "(A + A')*x")
    monkeypatch.setattr(random_language, "value_of", lambda text, values: np.ones(3))
    assert judge(question)[0] == "mismatch"
