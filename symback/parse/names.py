r"""Spelling: every way to write a name becomes ASCII letters, digits and underscores.

================================  ============  ==================================================
written                           name          rule
================================  ============  ==================================================
``α``, ``\alpha``, ``𝛼``          ``alpha``     Greek letters are spelled out; variants (ϵ, ϕ) too
``W₁``                            ``W1``        a Unicode subscript is the plain character
``W_1``, ``W_{1}``, ``W^{(1)}``   ``W_1``       LaTeX sub- and superscript labels follow a ``_``
``w_{1,2}``, ``a_1^{(2)}``        ``w_1_2``     several labels: one ``_`` before each
``ŷ``, ``\hat{y}``, ``\hat y``    ``y_hat``     accents: hat, bar, tilde, dot; so ``\bar{x}_1`` is
                                                ``x_bar_1``
``𝐖``, ``\mathbf{W}``, ``ℒ``      ``W``, ``L``  fonts are dropped
================================  ============  ==================================================
"""

import re
import unicodedata
from typing import Final

from symback.errors import did_you_mean

MAX_NAME = 64

GREEK: Final = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu",
    "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
    "Α": "Alpha", "Β": "Beta", "Γ": "Gamma", "Δ": "Delta", "Ε": "Epsilon", "Ζ": "Zeta",
    "Η": "Eta", "Θ": "Theta", "Ι": "Iota", "Κ": "Kappa", "Λ": "Lambda", "Μ": "Mu",
    "Ν": "Nu", "Ξ": "Xi", "Ο": "Omicron", "Π": "Pi", "Ρ": "Rho", "Σ": "Sigma",
    "Τ": "Tau", "Υ": "Upsilon", "Φ": "Phi", "Χ": "Chi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip

ACCENTS: Final = {"\u0302": "hat", "\u0304": "bar", "\u0303": "tilde", "\u0307": "dot"}

#: LaTeX commands with an argument: what they add to its name.
COMMANDS: Final = {
    "hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde",
    "widetilde": "tilde", "dot": "dot", "vec": "", "mathbf": "", "boldsymbol": "", "bm": "",
    "mathrm": "", "mathit": "", "mathcal": "", "mathbb": "", "mathsf": "", "text": "",
    "operatorname": "",
}  # fmt: skip

#: LaTeX commands that are a name by themselves.
WORDS: Final = (
    {name: name for name in GREEK.values()}
    | {f"var{name}": name for name in ("epsilon", "theta", "phi", "rho", "sigma", "pi", "kappa")}
    | {
        name: name
        for name in (
            "exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos",
            "arctan", "max", "min", "det", "sum", "prod",
        )
    }
    | {"ell": "l"}
)  # fmt: skip

_COMMAND_HINTS = {
    "frac": "write (a)/(b)",
    "sqrt": "write sqrt(x)",
    "mathop": "write the function's name alone",
    "left": "write the bracket alone",
    "right": "write the bracket alone",
    "partial": "a derivative is asked for under wrt, not written in an expression",
    "top": "the transpose is written x' or x^\\top",
    "cdots": "write the terms out, or sum(x[i], i = 1..n)",
}
_MAX_COMMANDS = 4

SUPERSCRIPTS: Final = {char: digit for digit, char in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}

_LABEL = re.compile(r"\{([^{}]{0,64})\}")
_LABEL_PART = re.compile(r"\\?[^\W_]+")
_UPPER_LABEL = re.compile(r"\^\{\s*\(([^{}()]{1,64})\)\s*\}")
_WORD = re.compile(r"[A-Za-z]+")


class NotAName(Exception):
    """The text at ``at`` cannot be (part of) a name; ``reason`` says why."""

    def __init__(self, at: int, reason: str, length: int = 1, hint: str | None = None) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason
        self.length = length
        self.hint = hint


def starts_name(char: str) -> bool:
    """Whether ``char`` may begin a name, or begins what the scan of a name explains."""
    return (char.isalpha() or char == "_") and char not in "ᵀ"


def scan_name(text: str, at: int, depth: int = 0) -> tuple[str, int]:
    r"""The name that begins at ``text[at]``, in ASCII, and the offset after it.

    >>> scan_name(r"\hat{y}_1 - t", 0)
    ('y_hat_1', 9)

    Raises ``NotAName``. ``depth`` counts the LaTeX commands around it.
    """
    start = at
    if text[at] == "\\":
        name, at = _command(text, at, depth)
        accented = name.endswith(("_hat", "_bar", "_tilde", "_dot"))
    elif text[at] == "_":
        raise NotAName(at, "a name begins with a letter, not with '_'")
    else:
        name, accented = "", False
    while at < len(text):
        char = text[at]
        label = _LABEL.match(text, at + 1) if char == "_" else _UPPER_LABEL.match(text, at)
        if label is not None:
            name, at, accented = name + _labels(text, label), label.end(), False
        elif char == "\\" and name.endswith("_"):  # W_\alpha
            word, at = _command(text, at)
            name += word
        elif char in SUPERSCRIPTS or char == "ᵀ" or not _continues_name(char):
            break
        else:
            letters, marks = _spell(text, at)
            if letters and accented and letters != "_":
                name += "_"
            accented = bool(marks) or (accented and not letters)
            name += letters + "".join(f"_{mark}" for mark in marks)
            at += 1
        if len(name) > MAX_NAME:
            raise NotAName(start, f"a name has at most {MAX_NAME} characters", at - start)
    return name, at


def spell_name(text: str) -> str:
    """``text`` as a name, all of it; raises ``NotAName`` where it is none.

    >>> spell_name("W₁")
    'W1'
    """
    if not text:
        raise NotAName(0, "a name is missing")
    if not starts_name(text[0]) and text[0] != "\\":
        raise NotAName(0, f"a name cannot begin with {quoted(text[0])}")
    name, end = scan_name(text, 0)
    if end < len(text):
        raise NotAName(end, f"a name cannot hold {quoted(text[end])}")
    return name


def quoted(char: str) -> str:
    """A character as a message shows it: invisible ones by their number.

    >>> quoted("+"), quoted(chr(0x200B))
    ("'+'", 'the invisible character U+200B')
    """
    if char == " ":
        return "a space"
    return f"'{char}'" if char.isprintable() else f"the invisible character U+{ord(char):04X}"


def _continues_name(char: str) -> bool:
    return char.isalnum() or char == "_" or bool(unicodedata.combining(char))


def _spell(text: str, at: int) -> tuple[str, list[str]]:
    """The character at ``at`` as ASCII letters, and the accents on it."""
    char = text[at]
    if char.isascii():
        return char, []
    letters = ""
    marks = []
    for part in unicodedata.normalize("NFKD", char):
        if part in ACCENTS:
            marks.append(ACCENTS[part])
        elif part in GREEK:
            letters += GREEK[part]
        elif part.isascii() and part.isalnum():
            letters += part
        else:
            raise NotAName(
                at,
                f"the character {quoted(char)} cannot be in a name",
                hint="names are made of A-Z, a-z, 0-9, _ and Greek letters, "
                "with the accents hat, bar, tilde and dot",
            )
    return letters, marks


def _labels(text: str, label: re.Match[str]) -> str:
    """``_{1,2}`` and ``^{(1)}``: each part after an underscore."""
    start = label.start(1)
    rest = _LABEL_PART.sub("", label[1])
    parts = list(_LABEL_PART.finditer(label[1]))
    if not parts or rest.strip(" ,_"):
        raise NotAName(
            start, "this label is not made of letters and digits", len(label[1]) or 1,
            hint="an index into an array is written x[i]",
        )  # fmt: skip
    name = ""
    for part in parts:
        at = start + part.start()
        if part[0].startswith("\\"):
            name += "_" + _command(text, at)[0]
            continue
        name += "_"
        for offset in range(at, start + part.end()):
            letters, marks = _spell(text, offset)
            name += "_".join([letters, *marks])
    return name


def _command(text: str, at: int, depth: int = 0) -> tuple[str, int]:
    r"""``\alpha``, ``\hat{y}`` or ``\mathbf W`` at ``text[at]``, and the offset after it."""
    word = _WORD.match(text, at + 1)
    if word is None:
        raise NotAName(at, "a backslash begins a LaTeX name such as \\alpha or \\hat{y}")
    if word[0] in WORDS:
        return WORDS[word[0]], word.end()
    length = len(word[0]) + 1
    if word[0] not in COMMANDS:
        hint = _COMMAND_HINTS.get(word[0]) or did_you_mean(word[0], [*WORDS, *COMMANDS])
        raise NotAName(at, f"unknown LaTeX command '\\{word[0]}'", length, hint)
    if depth == _MAX_COMMANDS:
        raise NotAName(at, f"more than {_MAX_COMMANDS} LaTeX commands inside each other", length)
    inner = _skip_space(text, word.end())
    braced = text.startswith("{", inner)
    if braced:
        inner = _skip_space(text, inner + 1)
    if inner >= len(text) or not (starts_name(text[inner]) or text[inner] == "\\"):
        raise NotAName(at, f"'\\{word[0]}' needs a name after it", length)
    if braced:
        name, inner = scan_name(text, inner, depth + 1)
        inner = _skip_space(text, inner)
        if not text.startswith("}", inner):
            raise NotAName(at, f"the '{{' after '\\{word[0]}' is not closed after one name", length)
        inner += 1
    elif text[inner] == "\\":
        name, inner = _command(text, inner, depth + 1)
    else:
        letters, marks = _spell(text, inner)
        name, inner = "_".join([letters, *marks]), inner + 1
    accent = COMMANDS[word[0]]
    return (f"{name}_{accent}" if accent else name), inner


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
