"""What symback answers for each identity of the corpus: the derivative, as a textbook writes it.

A row is right when the answer is the derivative (judged by differences), holds no debris, is not
longer than the textbook's form, and took less than a second. Rows that fall short stand in
`tests/corpus/known.txt` with their verdict, and may only leave it:

    python -m tests.test_identities        write known.txt anew; refuses to add a row to it
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.corpus import REFUSED, Row, harness

ROWS = harness.all_rows()
KNOWN_FILE = Path(__file__).parent / "corpus" / "known.txt"
HEADER = "# Rows of the corpus that are not right yet. Lines may only be taken out.\n"
#: From good to bad. An answer that is wrong is never accepted.
VERDICTS = ("right", "longer", "raw", "error")
MOST_SECONDS = 1.0
GIVE_UP_AFTER = 20


def known() -> dict[str, str]:
    """Row -> the verdict it is allowed."""
    lines = KNOWN_FILE.read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: verdict for verdict, name in pairs}


KNOWN = known() if KNOWN_FILE.exists() else {}


def report(row: Row) -> harness.Report:
    """A slow answer gets a second try, since a test may share its processor."""
    first = harness.check_within(row, GIVE_UP_AFTER)
    return first if first.seconds < MOST_SECONDS else harness.check_within(row, GIVE_UP_AFTER)


def described(found: harness.Report) -> str:
    notes = "; ".join(found.notes)
    return f"{found.verdict}: {notes}\n is       {found.answer}\n expected {found.row.expected}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_identity(row: Row) -> None:
    found = report(row)
    allowed = KNOWN.get(row.id, "right")
    assert found.verdict in VERDICTS, described(found)
    assert VERDICTS.index(found.verdict) <= VERDICTS.index(allowed), described(found)
    assert found.seconds < MOST_SECONDS
    assert found.verdict == allowed, (
        f"{row.id} is {found.verdict} now: run `python -m tests.test_identities`"
    )


def test_the_table_is_large_enough() -> None:
    stated = [row for row in ROWS if row.expected is not None and row.expected is not REFUSED]
    assert len(stated) >= 1000


def test_known_rows_exist() -> None:
    assert set(KNOWN) <= {row.id for row in ROWS}
    assert set(KNOWN.values()) <= set(VERDICTS[1:])


def main() -> int:
    """Write what is not right into known.txt, unless it would get worse."""
    before = known() if KNOWN_FILE.exists() else None
    found = {one.row.id: one for one in map(report, ROWS) if one.verdict != "right"}
    worse = [
        one
        for name, one in found.items()
        if one.verdict not in VERDICTS
        or (
            before is not None
            and VERDICTS.index(one.verdict) > VERDICTS.index(before.get(name, "right"))
        )
    ]
    for one in worse:
        print(f"{one.row.id}\n{described(one)}\n")
    if worse:
        print(f"{len(worse)} rows got worse; known.txt is left as it is")
        return 1
    lines = [f"{one.verdict:7} {name}\n" for name, one in found.items()]
    KNOWN_FILE.write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"{len(lines)} of {len(ROWS)} rows are not right yet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
