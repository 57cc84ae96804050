"""The problems that come with symback."""

from __future__ import annotations

from pathlib import Path

from symback.errors import FileProblem, did_you_mean

_HERE = Path(__file__).parent
#: Inside an installed package; in a checkout they stand beside it.
_FOLDERS = (_HERE / "bundled", _HERE.parent / "problems")


def folder() -> Path:
    """Where they are.

    Raises:
        FileProblem: if this installation has none.
    """
    for place in _FOLDERS:
        if place.is_dir():
            return place
    raise FileProblem(
        "the problems are missing from this installation", hint="install symback anew"
    )


def problems() -> list[Path]:
    """Their files, in the order of their names."""
    return sorted(folder().glob("*.toml"))


def find(name: str) -> Path:
    """The file at the path `name`, or the problem of that name that comes with symback.

    Raises:
        FileProblem: where there is neither; the hint names what is close.

    >>> find("two_layer_net").name
    'two_layer_net.toml'
    """
    given = Path(name)
    if given.exists() or given.suffix or len(given.parts) != 1:
        return given
    for path in problems():
        if path.stem == name:
            return path
    hint = did_you_mean(name, [path.stem for path in problems()])
    raise FileProblem(
        f"there is no file '{name}' and no problem of that name",
        hint=hint or "symback list shows the problems that come with symback",
    )
