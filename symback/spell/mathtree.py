r"""LaTeX's mathematics taken apart, measured, and put together again.

What :mod:`.latex` spells, and what a user writes for a name, is read into a tree of few kinds of
nodes. Commands that are not in the tables below are refused, so that nothing that is not
mathematics (``\input``, ``\write``) passes from a name into a document.

Every node knows its LaTeX, its Typst and its widths, in em of Computer Modern, for each of TeX's
four styles; they are put together from below, so that a deep formula needs no deep recursion later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal, NamedTuple, TypeAlias

from symback.errors import InputError, LimitError
from symback.spell.names import GREEK

Kind: TypeAlias = Literal["ord", "bin", "rel", "op", "open", "close", "punct", "space"]
Widths: TypeAlias = tuple[float, float, float, float]

#: How wide type is in each style: display, text, script, script of a script (small type is wide).
SCALES: Final = (1.0, 1.0, 0.8, 0.68)
THIN, MEDIUM, THICK = 0.167, 0.222, 0.278
MAX_DEPTH = 120
MAX_DIVISOR = 8.0  # em, of what is still put below a 1
EULER = r"\mathrm{e}"
NOTHING = '""'  # in Typst

#: Widths of Computer Modern's letters, in thousandths of an em: italic, bold, upright.
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ITALIC: Final = (
    529, 429, 433, 520, 466, 597, 513, 576, 345, 469, 552, 318, 878, 600, 485, 503, 482, 479, 469,
    361, 572, 521, 743, 572, 526, 509, 750, 809, 786, 856, 796, 782, 786, 912, 518, 651, 921, 681,
    1079, 912, 791, 781, 791, 767, 671, 723, 792, 806, 1083, 907, 803, 754,
)  # fmt: skip
_BOLD: Final = (
    581, 639, 511, 639, 527, 465, 586, 643, 319, 351, 615, 321, 963, 643, 575, 639, 629, 474, 454,
    447, 643, 608, 833, 613, 608, 511, 869, 818, 831, 882, 756, 724, 904, 900, 436, 594, 901, 692,
    1092, 900, 864, 786, 864, 886, 639, 800, 885, 870, 1192, 869, 877, 703,
)  # fmt: skip
_UPRIGHT: Final = (
    511, 556, 444, 556, 444, 385, 513, 563, 278, 306, 539, 283, 841, 563, 500, 556, 555, 392, 394,
    389, 563, 536, 731, 544, 536, 444, 750, 708, 722, 764, 681, 653, 785, 750, 361, 514, 778, 625,
    917, 750, 778, 681, 778, 760, 556, 722, 750, 758, 1037, 754, 766, 611,
)  # fmt: skip
_WIDTHS: Final = {
    font: dict(zip(_LETTERS, (w / 1000 for w in widths), strict=True))
    for font, widths in (("italic", _ITALIC), ("bold", _BOLD), ("upright", _UPRIGHT))
}
DIGIT = 0.5
BOLDER = 1.15  # how much wider bold is, where the tables do not say

#: Characters that stand for themselves: width and kind.
_CHARACTERS: Final[dict[str, tuple[float, Kind]]] = {
    "+": (0.778, "bin"), "-": (0.778, "bin"), "*": (0.5, "bin"),
    "=": (0.778, "rel"), "<": (0.778, "rel"), ">": (0.778, "rel"), ":": (0.278, "rel"),
    "(": (0.389, "open"), "[": (0.278, "open"), ")": (0.389, "close"), "]": (0.278, "close"),
    ",": (0.278, "punct"), ";": (0.278, "punct"), ".": (0.278, "ord"), "|": (0.278, "ord"),
    "/": (0.5, "ord"), "!": (0.278, "close"), "?": (0.472, "close"), "@": (0.778, "ord"),
}  # fmt: skip

#: Commands that are one sign: the same in Unicode, width, kind.
_SIGNS: Final[dict[str, tuple[str, float, Kind]]] = {
    "partial": ("∂", 0.586, "ord"), "nabla": ("∇", 0.833, "ord"), "ell": ("ℓ", 0.417, "ord"),
    "infty": ("∞", 1.0, "ord"), "top": ("⊤", 0.778, "ord"), "backslash": ("∖", 0.5, "ord"),
    "odot": ("⊙", 0.778, "bin"), "oslash": ("⊘", 0.778, "bin"), "otimes": ("⊗", 0.778, "bin"),
    "cdot": ("⋅", 0.278, "bin"), "times": ("×", 0.778, "bin"), "circ": ("∘", 0.5, "bin"),
    "land": ("∧", 0.667, "bin"), "lor": ("∨", 0.667, "bin"), "wedge": ("∧", 0.667, "bin"),
    "ast": ("∗", 0.5, "bin"), "star": ("⋆", 0.5, "bin"), "oplus": ("⊕", 0.778, "bin"),
    "lnot": ("¬", 0.667, "ord"), "prime": ("′", 0.281, "ord"), "dagger": ("†", 0.444, "bin"),
    "le": ("≤", 0.778, "rel"), "ge": ("≥", 0.778, "rel"), "ne": ("≠", 0.778, "rel"),
    "approx": ("≈", 0.778, "rel"), "sim": ("∼", 0.778, "rel"), "mapsto": ("↦", 1.0, "rel"),
    "to": ("→", 1.0, "rel"), "equiv": ("≡", 0.778, "rel"), "in": ("∈", 0.667, "rel"),
    "dotsc": ("…", 1.333, "ord"), "dots": ("…", 1.333, "ord"), "ldots": ("…", 1.333, "ord"),
    "cdots": ("⋯", 1.333, "ord"), "vdots": ("⋮", 0.278, "ord"), "ddots": ("⋱", 1.167, "ord"),
    "lvert": ("|", 0.278, "open"), "rvert": ("|", 0.278, "close"),
    "lVert": ("‖", 0.5, "open"), "rVert": ("‖", 0.5, "close"),
    "lfloor": ("⌊", 0.444, "open"), "rfloor": ("⌋", 0.444, "close"),
    "{": ("{", 0.5, "open"), "}": ("}", 0.5, "close"),
    "$": ("$", 0.5, "ord"), "&": ("&", 0.778, "ord"), "#": ("#", 0.833, "ord"),
    "%": ("%", 0.833, "ord"), "_": ("_", 0.3, "ord"),
    "varepsilon": ("ε", 0.466, "ord"), "varphi": ("φ", 0.654, "ord"),
    "epsilon": ("ϵ", 0.406, "ord"), "phi": ("ϕ", 0.596, "ord"),
    "vartheta": ("ϑ", 0.591, "ord"), "hbar": ("ℏ", 0.576, "ord"),
}  # fmt: skip

SCRIPTS: Final = ("_", "^", "'")
OPENING: Final = ("{",)
ALIGNING: Final = ("&",)

_BIG: Final = {"sum": ("∑", 1.444, 1.056), "prod": ("∏", 1.278, 0.944)}
_NAMED: Final = frozenset(
    ["exp", "log", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
     "max", "min", "det", "ln", "arg", "dim", "ker", "lim", "sup", "inf"]
)  # fmt: skip
_SPACES: Final = {
    ",": ("thin", THIN), ":": ("med", MEDIUM), ";": ("thick", THICK), " ": ("thick", 0.333),
    "quad": ("quad", 1.0), "qquad": ("quad quad", 2.0), "!": ("", -THIN),
}  # fmt: skip
_FONTS: Final = {
    "mathbf": ("bold(upright({}))", "bold"), "mathrm": ("upright({})", "upright"),
    "boldsymbol": ("bold({})", "bold"), "mathcal": ("cal({})", "italic"),
    "mathbb": ("bb({})", "bold"), "mathit": ("italic({})", "italic"),
    "mathsf": ("sans({})", "upright"), "mathtt": ("mono({})", "upright"),
    "bm": ("bold({})", "bold"), "operatorname": ('op({})', "upright"),
}  # fmt: skip
_ACCENTS: Final = {
    "hat": "hat", "bar": "macron", "tilde": "tilde", "dot": "dot", "vec": "arrow",
    "ddot": "dot.double", "widehat": "hat", "widetilde": "tilde", "overline": "overline",
}  # fmt: skip
_FENCES: Final = {
    "(": ("(", "\\("), ")": (")", "\\)"), "[": ("[", "\\["), "]": ("]", "\\]"), ".": (".", ""),
    "|": ("|", "|"), "lvert": ("\\lvert", "|"), "rvert": ("\\rvert", "|"),
    "lVert": ("\\lVert", "‖"), "rVert": ("\\rVert", "‖"),
    "lfloor": ("\\lfloor", "⌊"), "rfloor": ("\\rfloor", "⌋"),
    "{": ("\\{", "\\{"), "}": ("\\}", "\\}"),
}  # fmt: skip

# In Typst's mathematics these signs mean something else, or group.
_TYPST_ESCAPED: Final = frozenset("#$&_^/\\\"()[]{},;'`@~*<>=-+:!|.?")


# --- nodes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """One piece of a formula.

    Attributes:
        tex, typst: how it is written.
        widths: in em, for each style.
        height: in lines.
        kind: what TeX takes it for when it puts space around it.
        leads: the bare sign, for operators.
    """

    tex: str
    typst: str
    widths: Widths
    height: float = 1.0
    kind: Kind = "ord"
    leads: str = ""


class Scripts(NamedTuple):
    """What stands at the foot and at the head of a node, and how many primes."""

    below: tuple[Node, ...] | None
    above: tuple[Node, ...]
    primes: int


@dataclass(frozen=True)
class Fence(Node):
    """Brackets that grow with what they hold; `scripts` stand at the right one."""

    left: str = ""
    right: str = ""
    inside: tuple[Node, ...] = ()
    scripts: Scripts | None = None


@dataclass(frozen=True)
class Fraction(Node):
    """One row over another."""

    top: tuple[Node, ...] = ()
    bottom: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Exponential(Node):
    """e to the power of a row."""

    above: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Grid(Node):
    """A matrix or cases; `rows` holds the cells."""

    rows: tuple[tuple[tuple[Node, ...], ...], ...] = ()


def _even(width: float) -> Widths:
    a, b, c, d = (width * scale for scale in SCALES)
    return (a, b, c, d)


def _each(widths: Iterable[float]) -> Widths:
    a, b, c, d = widths
    return (a, b, c, d)


def tex_of(row: Iterable[Node]) -> str:
    """A row in LaTeX."""
    nodes = list(row)
    written = ""
    for kind, node in zip(_kinds(nodes), nodes, strict=True):
        text = node.tex
        around = kind in ("bin", "rel")
        apart = bool(text) and text[0].isalpha() and _ENDS_IN_COMMAND.search(written) is not None
        if written and not written.endswith(" ") and (around or apart):
            written += " "
        written += text
        if around or kind == "punct":
            written += " "
    return written if written.endswith("\\ ") else written.strip()


_ENDS_IN_COMMAND = re.compile(r"\\[A-Za-z]+$")


def typst_of(row: Iterable[Node]) -> str:
    """A row in Typst."""
    return " ".join(node.typst for node in row if node.typst)


_BEFORE_OP = ("ord", "op", "close")
_NOT_AFTER_OP = ("open", "close", "punct", "end")


def widths_of(row: Sequence[Node]) -> Widths:
    """The widths of a row, with TeX's spaces between its nodes."""
    kinds = _kinds(row)
    wide = narrow = 0.0
    for (kind, node), (after, _) in pairwise([*zip(kinds, row, strict=True), ("end", None)]):
        assert node is not None
        if "bin" in (kind, after):
            wide += MEDIUM
        elif "rel" in (kind, after) and kind != after:
            wide += THICK
        elif kind == "punct":
            wide += THIN
        elif "op" in (kind, after) and kind in _BEFORE_OP and after not in _NOT_AFTER_OP:
            wide += THIN
            narrow += THIN
    totals = [sum(node.widths[style] for node in row) for style in range(4)]
    return (totals[0] + wide, totals[1] + wide, totals[2] + narrow, totals[3] + narrow)


def _kinds(row: Sequence[Node]) -> list[str]:
    """The kinds, a sign at the start being no operation.  a + -b"""
    kinds: list[str] = []
    for node in row:
        kind: str = node.kind
        if kind == "bin" and (not kinds or kinds[-1] in ("bin", "rel", "open", "punct", "op")):
            kind = "ord"
        if kind in ("rel", "close", "punct") and kinds and kinds[-1] == "bin":
            kinds[-1] = "ord"
        kinds.append(kind)
    return kinds


def height_of(row: Iterable[Node]) -> float:
    return max((node.height for node in row), default=1.0)


# --- reading -------------------------------------------------------------------------------------

_TOKENS = re.compile(
    r"\\begin\{(\w+)\}|\\end\{(\w+)\}|\\([A-Za-z]+|.)|([0-9]+(?:\.[0-9]+)?)|(\s+)|(.)", re.DOTALL
)


def math_tree(tex: str) -> tuple[Node, ...]:
    r"""A formula as a row of nodes.

    >>> [node.kind for node in math_tree(r"\frac{x}{2} + y")]
    ['ord', 'bin', 'ord']

    Raises:
        InputError: for a command that is not mathematics, and for braces that do not close.
        LimitError: for a formula that is nested too deep.
    """
    reader = _Reader(tex)
    row = reader.row()
    if reader.at < len(reader.tokens):
        raise InputError(f"'{tex[:80]}' is no formula: '{reader.peek()}' has no beginning")
    return row


class _Reader:
    def __init__(self, tex: str) -> None:
        self.tex = tex
        self.tokens = [m.group() for m in _TOKENS.finditer(tex) if not m.group().isspace()]
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise InputError(f"'{self.tex[:80]}' is no formula: it ends too early")
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise InputError(f"'{self.tex[:80]}' is no formula: '{token}' is missing")

    def row(self) -> tuple[Node, ...]:
        """Nodes up to something that closes."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError(
                f"a formula is nested more than {MAX_DEPTH} deep",
                hint="give its inner parts names of their own",
            )
        nodes: list[Node] = []
        while (token := self.peek()) and token not in ("}", "&", "\\\\", "\\right"):
            if token.startswith("\\end{"):
                break
            if token in SCRIPTS:
                base = nodes.pop() if nodes else Node("{}", NOTHING, _even(0))
                nodes.append(self.scripts(base))
            else:
                nodes.append(self.node())
        self.depth -= 1
        return tuple(nodes)

    def group(self) -> tuple[Node, ...]:
        if self.peek() != "{":
            return (self.node(),)
        self.take()
        row = self.row()
        self.expect("}")
        return row

    def node(self) -> Node:
        token = self.take()
        if token in OPENING:
            row = self.row()
            self.expect("}")
            return _grouped(row)
        if token.startswith("\\begin{"):
            return self.grid(token[7:-1])
        if token[0] == "\\" and len(token) > 1:
            return self.command(token[1:])
        if token[0].isdigit():
            return Node(token, token, _even(_number_width(token)))
        if token in _CHARACTERS:
            width, kind = _CHARACTERS[token]
            return Node(token, _typst_sign(token), _even(width), 1.0, kind, token)
        if token in _WIDTHS["italic"]:
            return Node(token, token, _even(_WIDTHS["italic"][token]))
        raise InputError(f"'{token}' is no part of a formula in LaTeX", hint=f"in {self.tex[:80]}")

    def command(self, name: str) -> Node:
        if name in GREEK and name not in _SIGNS:
            italic = not name[0].isupper()
            return Node(f"\\{name}", GREEK[name], _even(0.55 if italic else 0.72))
        if name in _SIGNS:
            sign, width, kind = _SIGNS[name]
            return Node(f"\\{name}", _typst_sign(sign), _even(width), 1.0, kind, f"\\{name}")
        if name in _SPACES:
            typst, width = _SPACES[name]
            return Node(f"\\{name}", typst, _even(width), 1.0, "space")
        if name in _BIG:
            sign, display, text = _BIG[name]
            widths = (display, text, text * SCALES[2], text * SCALES[3])
            return Node(f"\\{name}", sign, widths, 1.6, "op")
        if name in _NAMED:
            width = sum(_WIDTHS["upright"][c] for c in name)
            return Node(f"\\{name}", name, _even(width), 1.0, "op")
        if name in ("frac", "tfrac", "dfrac"):
            return _fraction(self.group(), self.group())
        if name == "sqrt":
            return _root(self.group())
        if name in _FONTS:
            return self.font(name)
        if name in _ACCENTS:
            body = self.group()
            typst = f"{_ACCENTS[name]}({typst_of(body)})"
            return Node(f"\\{name}{{{tex_of(body)}}}", typst, widths_of(body), height_of(body))
        if name == "text":
            return self.words()
        if name == "left":
            return self.fence()
        raise InputError(
            f"'\\{name}' is not allowed in a formula",
            hint="letters, digits, accents, fonts, scripts and the usual signs are",
        )

    def font(self, name: str) -> Node:
        """A font's argument; several letters in it are one word."""
        template, font = _FONTS[name]
        row = self.group()
        inside = tex_of(row)
        word = inside.replace("\\_", "_")
        bolder = BOLDER if font == "bold" else 1.0
        width = sum(_WIDTHS[font].get(node.tex) or node.widths[0] * bolder for node in row)
        plain = re.fullmatch(r"[\w?]+", word) and len(word) > 1
        typst = f'"{word}"' if plain else typst_of(row)
        if name == "operatorname":
            typst = f'op("{word}")' if plain else f"op({typst})"
        elif name == "mathrm" and plain:
            typst = f'upright("{word}")'
        else:
            typst = template.format(typst)
        kind: Kind = "op" if name == "operatorname" else "ord"
        return Node(f"\\{name}{{{inside}}}", typst, _even(width), 1.0, kind)

    def words(self) -> Node:
        """\\text{...}: the tokens have lost their spaces, so the source is read again."""
        self.expect("{")
        words: list[str] = []
        while self.peek() != "}":
            word = self.take()
            if not word.isalnum():
                raise InputError(f"'{word}' is not allowed in \\text{{...}}")
            words.append(word)
        self.take()
        spelled = "".join(words)
        after = " " if spelled == "if" else ""
        width = sum(_WIDTHS["upright"].get(c, DIGIT) for c in spelled) + 0.333 * len(after)
        return Node(f"\\text{{{spelled}{after}}}", f'"{spelled}{after}"', _even(width))

    def fence(self) -> Node:
        left = self.take().lstrip("\\")
        inside = self.row()
        self.expect("\\right")
        right = self.take().lstrip("\\")
        if left not in _FENCES or right not in _FENCES:
            raise InputError(f"'{self.tex[:80]}' is no formula: brackets are missing")
        return fenced(left, inside, right)

    def grid(self, kind: str) -> Node:
        rows: list[tuple[tuple[Node, ...], ...]] = []
        cells: list[tuple[Node, ...]] = []
        while True:
            cells.append(self.row())
            token = self.take()
            if token not in ALIGNING:
                rows.append(tuple(cells))
                cells = []
            if token.startswith("\\end{"):
                break
            if token not in (*ALIGNING, "\\\\"):
                raise InputError(f"'{self.tex[:80]}' is no formula: a matrix does not end")
        return grid(kind, tuple(rows))

    def scripts(self, base: Node) -> Node:
        below: tuple[Node, ...] | None = None
        above: tuple[Node, ...] = ()
        primes = 0
        while self.peek() in SCRIPTS:
            sign = self.take()
            if sign == "'":
                primes += 1
            elif sign == "_":
                below = self.group()
            else:
                above = self.group()
        return scripted(base, Scripts(below, above, primes))


# --- putting together ----------------------------------------------------------------------------


def _number_width(digits: str) -> float:
    return sum(0.278 if c == "." else DIGIT for c in digits)


def _typst_sign(sign: str) -> str:
    if sign in "+-=<>":
        return {"-": "−"}.get(sign, sign)
    return f"\\{sign}" if sign in _TYPST_ESCAPED else sign


def _grouped(row: tuple[Node, ...]) -> Node:
    if len(row) == 1:
        return row[0]
    return Node(f"{{{tex_of(row)}}}", typst_of(row) or NOTHING, widths_of(row), height_of(row))


def _smaller(widths: Widths) -> Widths:
    """What stands in a fraction is set in the next style."""
    return (widths[1], widths[2], widths[3], widths[3])


def _fraction(top: tuple[Node, ...], bottom: tuple[Node, ...]) -> Node:
    pairs = zip(_smaller(widths_of(top)), _smaller(widths_of(bottom)), strict=True)
    widths = _each(max(pair) + 0.24 for pair in pairs)
    height = height_of(top) + height_of(bottom) + 0.2
    return Fraction(
        f"\\frac{{{tex_of(top)}}}{{{tex_of(bottom)}}}",
        f"frac({typst_of(top) or NOTHING}, {typst_of(bottom) or NOTHING})",
        widths,
        height,
        "ord",
        "",
        top,
        bottom,
    )


def _root(body: tuple[Node, ...]) -> Node:
    widths = _each(w + 0.9 * s for w, s in zip(widths_of(body), SCALES, strict=True))
    height = height_of(body) + 0.2
    return Node(f"\\sqrt{{{tex_of(body)}}}", f"sqrt({typst_of(body)})", widths, height)


def fenced(left: str, inside: tuple[Node, ...], right: str) -> Fence:
    """Brackets that grow."""
    height = height_of(inside)
    each = 0.45 if height < 1.3 else 0.75
    (tex_left, typst_left), (tex_right, typst_right) = _FENCES[left], _FENCES[right]
    widths = _each(w + 2 * each * s for w, s in zip(widths_of(inside), SCALES, strict=True))
    space_left = " " if tex_left[-1].isalpha() else ""
    return Fence(
        f"\\left{tex_left}{space_left}{tex_of(inside)}\\right{tex_right}",
        f"lr({typst_left} {typst_of(inside)} {typst_right})",
        widths,
        height,
        "ord",
        "",
        left,
        right,
        inside,
    )


def grid(kind: str, rows: tuple[tuple[tuple[Node, ...], ...], ...]) -> Grid:
    """A matrix in brackets (bmatrix), one without (matrix), or cases."""
    if kind not in ("bmatrix", "pmatrix", "matrix", "cases"):
        raise InputError(f"'\\begin{{{kind}}}' is not allowed in a formula")
    columns = max(len(row) for row in rows)
    cells = [[widths_of(cell) for cell in row] for row in rows]
    total = []
    for style in range(4):
        inner = max(style, 1)
        widest = [max(row[k][inner] for row in cells if k < len(row)) for k in range(columns)]
        total.append(sum(widest) + columns - 1)
    around = {"bmatrix": 1.06, "pmatrix": 1.2, "matrix": 0.0, "cases": 1.0}[kind]
    tex_rows = [" & ".join(map(tex_of, row)) for row in rows]
    typst_rows = [", ".join(typst_of(cell) or NOTHING for cell in row) for row in rows]
    heights = [max(map(height_of, row)) for row in rows]
    if kind == "cases":
        inside = ", ".join(" & ".join(map(typst_of, row)) for row in rows)
        typst = f"cases({inside})"
    else:
        sign = {"bmatrix": '"["', "pmatrix": '"("', "matrix": "#none"}[kind]
        typst = f"mat(delim: {sign}, {'; '.join(typst_rows)})"
    tex = " \\\\ ".join(tex_rows)
    a, b, c, d = (width + around * scale for width, scale in zip(total, SCALES, strict=True))
    return Grid(
        f"\\begin{{{kind}}} {tex} \\end{{{kind}}}",
        typst,
        (a, b, c, d),
        sum(max(h, 1.0) * 1.15 for h in heights),
        "ord",
        "",
        rows,
    )


def scripted(base: Node, scripts: Scripts) -> Node:
    """A node with scripts."""
    below, above, primes = scripts
    tex, typst = base.tex, base.typst
    if primes:
        tex += "'" * primes
        typst += "'" * primes
    if below is not None:
        tex += f"_{{{tex_of(below)}}}"
        typst += f"_({typst_of(below)})"
    if above:
        tex += f"^{{{tex_of(above)}}}"
        typst += f"^({typst_of(above)})"
    foot = widths_of(below or ())
    head = widths_of(above)
    widths: list[float] = []
    for style in range(4):
        small = min(max(style, 1) + 1, 3)
        top = head[small] + primes * 0.28 * SCALES[style]
        if base.kind == "op" and base.height > 1 and style == 0:  # limits above and below
            widths.append(max(base.widths[0], top, foot[small]))
        else:
            widths.append(base.widths[style] + max(top, foot[small]) + 0.06)
    height = base.height + (0.3 if below or above else 0.0)
    if isinstance(base, Fence):
        return replace(
            base, tex=tex, typst=typst, widths=_each(widths), height=height, scripts=scripts
        )
    whole = Node(tex, typst, _each(widths), height, base.kind)
    if base.tex == EULER and below is None and not primes:
        return Exponential(tex, typst, whole.widths, height, above=above)
    return whole


# --- for line breaking ---------------------------------------------------------------------------

#: Brackets of a size of their own, where the other one stands on another line; by their height.
_SIZED: Final = (("", 1.3, 0.45), ("Big", 2.0, 0.6), ("bigg", 2.9, 0.74), ("Bigg", 9e9, 0.8))


def lone_bracket(sign: str, height: float, *, left: bool) -> Node:
    """One bracket, as large as what it holds on two lines or more."""
    tex, typst = _FENCES[sign]
    size, _, width = next(row for row in _SIZED if height < row[1])
    if not size or not typst:
        tex = f"{tex} " if tex[-1].isalpha() else tex
        return Node("" if tex == "." else tex, typst, _even(0.4), 1.0, "open" if left else "close")
    sized = f"\\{size}{'l' if left else 'r'}{tex}"
    tall = f"lr(size: #{min(height, 3) * 1.1:.1f}em, {typst})"
    return Node(sized, tall, _even(width), height, "open" if left else "close")


def quotient(fraction: Fraction) -> tuple[Node, ...]:
    """A fraction that is too wide, in one line.  (a + b) / c -> 1/c (a + b)"""
    if widths_of(fraction.bottom)[0] <= MAX_DIVISOR:
        one = Node("1", "1", _even(DIGIT))
        return (_fraction((one,), fraction.bottom), fenced("(", fraction.top, ")"))
    over = Node("\\big/", "\\/", _even(0.58), 1.0, "bin")
    return (fenced("(", fraction.top, ")"), over, fenced("(", fraction.bottom, ")"))


def called(exponential: Exponential) -> tuple[Node, ...]:
    """A long exponent in the line.  e^x -> exp(x)"""
    width = sum(_WIDTHS["upright"][c] for c in "exp")
    return (Node(r"\exp", "exp", _even(width), 1.0, "op"), fenced("(", exponential.above, ")"))
