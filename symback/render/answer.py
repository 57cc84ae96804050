"""The answer to `symback diff` in the terminal and as data."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from symback.jsonout import exact_json, shape_json
from symback.phrase import Phrase
from symback.question import Answer, Derivative
from symback.render.boxes import beside, line
from symback.render.digits import rounded
from symback.render.page import INDENT, QUIET, Page
from symback.spell import latex, text


def tell_answer(answer: Answer, page: Page) -> None:
    """Print the expression as understood, each derivative, and the check."""
    formulas, numbers = page.formulas, page.formulas.numbers
    columns = {n for n, t in answer.symbols.items() if sum(size != 1 for size in t.shape) < 2}
    written = formulas.written(answer.text, columns.__contains__)
    page.formula("f", written, indent=0, quiet=page.shape(answer.shape))
    if answer.value is not None:
        page.row([line("  = "), numbers.box(answer.value, page.width - 4)], 0)
    words = []
    for name, tensor in answer.symbols.items():
        written = formulas(Phrase("symbol", (), (name, "")))
        words.append(f"{written}: {page.shape(tensor.shape) or 'a scalar'}")
    page.paragraph(f"where {', '.join(words)}", style=QUIET, indent=0)
    for derivative in answer.derivatives:
        page.gap()
        _tell(derivative, page)
    page.gap()
    _check(answer, page)


def _tell(derivative: Derivative, page: Page) -> None:
    name = _name(derivative.wrt, page)
    formula = page.formulas(derivative.phrase)
    page.formula(name, formula, indent=INDENT, quiet=page.shape(derivative.shape))
    if derivative.value is not None:
        indent = INDENT + len(name) + 1
        number = page.formulas.numbers.box(derivative.value, page.width - indent - 2)
        page.put(*(Text(" " * indent) + t for t in beside([line("= "), number]).lines))
    written = derivative.written
    if written != formula:
        page.put(Text.assemble(" " * INDENT, ("to type in: ", QUIET), (written, "")))


def _name(wrt: tuple[str, ...], page: Page) -> str:
    names = [page.formulas(Phrase("symbol", (), (name, ""))) for name in wrt]
    if page.formulas.ascii:
        return f"d{len(wrt) if len(wrt) > 1 else ''}f/{''.join(f'd{name}' for name in names)}"
    if len(wrt) == 1:
        return f"∂f/∂{names[0]}"
    if wrt[0] == wrt[1]:
        return f"∂²f/∂{names[0]}²"
    return f"∂²f/∂{names[0]}∂{names[1]}"


def _check(answer: Answer, page: Page) -> None:
    verification = answer.verification
    for kink in answer.kinks:
        low, high = kink.interval
        page.verdict(
            f"{kink.node}: {kink.function} stands at its kink; any slope from {low} to {high} is "
            f"valid, taken: {kink.taken}. {kink.others}",
            ok=False,
        )
    if verification is None:
        words = "Not checked by numbers: no point was found at which it has a value."
        if answer.has_unknown_functions:
            words = "Not checked by numbers: a function in it is unknown."
        page.verdict(words, ok=False)
        return
    point = "a random point" if answer.at_random else "these values"
    page.verdict(
        f"Verified at {point} by {verification.witness}: largest difference "
        f"{rounded(verification.max_error, 2)}.",
        ok=True,
    )


def answer_data(answer: Answer) -> dict[str, Any]:
    """The answer as plain data; strings are in the input language."""
    verification = answer.verification
    return {
        "expression": text(answer.phrase),
        "order": answer.order,
        "shape": shape_json(answer.shape),
        "symbols": {name: shape_json(tensor.shape) for name, tensor in answer.symbols.items()},
        "value": None if answer.value is None else answer.value.nested(),
        "derivatives": [_derivative_data(one) for one in answer.derivatives],
        "verified": None
        if verification is None
        else {
            "ok": verification.ok,
            "witness": verification.witness,
            "max_error": verification.max_error,
            "at": "random point" if answer.at_random else "values",
        },
    }


def _derivative_data(derivative: Derivative) -> dict[str, Any]:
    value = derivative.value
    return {
        "wrt": list(derivative.wrt),
        "shape": shape_json(derivative.shape),
        "closed": derivative.written,
        "latex": latex(derivative.phrase),
        "value": None if value is None else value.nested(),
        "exact": None if value is None or value.exact is None else exact_json(value.exact),
    }
