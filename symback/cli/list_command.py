"""`symback list`: the problems that come with symback."""

from __future__ import annotations

from symback import bundle
from symback.cli.options import Json, NoColour, Plain, Width, page, print_json
from symback.problemfile import read_problem_file
from symback.render.page import QUIET


def run(
    json: Json = False, plain: Plain = False, no_color: NoColour = False, width: Width = None
) -> None:
    """List the problems that come with symback."""
    rows = []
    for path in bundle.problems():
        problem = read_problem_file(path)
        rows.append({"name": path.stem, "title": problem.title, "source": problem.source})
    if json:
        print_json({"folder": str(bundle.folder()), "problems": rows})
        return
    where = page(plain=plain, no_color=no_color, width=width)
    longest = max(len(row["name"]) for row in rows)
    for row in rows:
        where.entry(row["name"], row["title"], longest)
    where.gap()
    where.paragraph(
        f"symback derive {rows[0]['name']} solves the first one.", style=QUIET, indent=0
    )
