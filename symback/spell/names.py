"""From the name of a variable to its typeset form.

=============  ==========================  =========
name           LaTeX                       Unicode
=============  ==========================  =========
``W1``         ``W_{1}``                   W₁
``theta``      ``\\theta``                  θ
``y_hat``      ``\\hat{y}``                 ŷ
``delta2``     ``\\delta_{2}``              δ₂
``y_pred``     ``y_{\\mathrm{pred}}``       y_pred
``W_1_2``      ``W_{1,2}``                 W_1_2
``loss``       ``\\mathrm{loss}``           loss
=============  ==========================  =========

A bold name (a matrix or a vector) is ``\\mathbf{W}_{1}`` or ``\\boldsymbol{\\delta}_{2}``. Names
are letters, digits and underscores; anything else is escaped, or shown as a question mark.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

GREEK: Final = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip

#: Accents: the LaTeX command has the same name; the combining character for Unicode.
ACCENTS: Final = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}

SUBSCRIPTS: Final = str.maketrans(
    "0123456789+-=aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"
)
SUPERSCRIPTS: Final = str.maketrans(
    "0123456789+-abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
)

_TEX_ESCAPES: Final = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\wedge ", "~": r"\sim ",
}  # fmt: skip

_HEAD = re.compile(r"([A-Za-z]+)([0-9]*)")
_LABEL = re.compile(r"[A-Za-z]+|[0-9]+")


class Parts(NamedTuple):
    """A name taken apart: `delta2_hat` is the head `delta`, the accent `hat`, the label `2`."""

    head: str
    accents: tuple[str, ...]
    labels: tuple[str, ...]


def split_name(name: str) -> Parts | None:
    """The parts of a name; None for one that is not built of such parts."""
    first, *rest = name.split("_")
    match = _HEAD.fullmatch(first)
    if match is None:
        return None
    count = next((k for k, part in enumerate(rest) if part not in ACCENTS), len(rest))
    accents, labels = rest[:count], rest[count:]
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    number = (match[2],) if match[2] else ()
    return Parts(match[1], tuple(accents), (*number, *labels))


def tex_name(name: str, bold: bool = False) -> str:
    r"""A name in LaTeX's mathematics.

    >>> tex_name("W1", bold=True), tex_name("x_hat"), tex_name("y_pred")
    ('\\mathbf{W}_{1}', '\\hat{x}', 'y_{\\mathrm{pred}}')
    """
    parts = split_name(name)
    if parts is None:
        return ("\\mathbf" if bold else "\\mathrm") + "{" + _escaped(name) + "}"
    text = _tex_head(parts.head, bold)
    for accent in parts.accents:
        text = f"\\{accent}{{{text}}}"
    if parts.labels:
        text += "_{" + ",".join(_tex_head(label, bold=False) for label in parts.labels) + "}"
    return text


def _tex_head(head: str, bold: bool) -> str:
    if head in GREEK:
        return f"\\boldsymbol{{\\{head}}}" if bold else f"\\{head}"
    if bold:
        return f"\\mathbf{{{head}}}"
    return head if len(head) == 1 or head.isdecimal() else f"\\mathrm{{{head}}}"


def _escaped(name: str) -> str:
    return "".join(
        char if char.isascii() and char.isalnum() else _TEX_ESCAPES.get(char, "?") for char in name
    )


def unicode_name(name: str) -> str:
    """A name for the terminal.

    >>> unicode_name("delta2"), unicode_name("y_hat"), unicode_name("z_out")
    ('δ₂', 'ŷ', 'z_out')
    """
    parts = split_name(name)
    if parts is None:
        return plain(name)
    head = GREEK.get(parts.head, parts.head)
    if len(head) > 1 and parts.accents:
        head = "_".join([head, *parts.accents])
    else:
        marks = "".join(ACCENTS[accent] for accent in parts.accents)
        head = unicodedata.normalize("NFC", head + marks)
    labels = [GREEK.get(label, label) for label in parts.labels]
    if len(labels) == 1:
        small = labels[0].translate(SUBSCRIPTS)
        if labels[0].isdecimal() or (len(labels[0]) == 1 and small != labels[0]):
            return head + small
    return "_".join([head, *labels])


def plain(name: str) -> str:
    """A name as it is; what is not a letter, a digit or an underscore becomes a question mark."""
    return "".join(char if char.isalnum() or char == "_" else "?" for char in name)


def scripted(text: str, table: dict[int, int]) -> str | None:
    """`text` in small characters, or None where there are none for it."""
    small = text.replace("−", "-").replace(" ", "").translate(table)
    return small if all(ord(char) > 127 for char in small) else None
