"""A drawing as pixels: the SVG picture, drawn by resvg."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

from symback.derivation import Derivation
from symback.drawing import Drawing
from symback.errors import LimitError, MissingExtra
from symback.render.svg import picture_of

ZOOM = 2
MAX_PIXELS = 100_000_000


def to_png(
    what: Derivation | Drawing,
    *,
    backward: bool = False,
    fold: bool = False,
    hide: Collection[str] = (),
) -> bytes:
    """The picture as PNG, two pixels for one of the SVG; see :func:`symback.render.svg.to_svg`.

    Raises:
        MissingExtra: where resvg-py is not installed.
        LimitError: for a picture that is too large for pixels.
    """
    svg = picture_of(what, backward=backward, fold=fold, hide=hide)
    if svg.width * svg.height * ZOOM**2 > MAX_PIXELS:
        raise LimitError(
            f"the picture would have more than {MAX_PIXELS // 10**6} million pixels",
            hint="--to svg has no such limit; --hide and --fold make it smaller",
        )
    try:
        resvg = import_module("resvg_py")
    except ImportError:
        raise MissingExtra(
            "drawing PNG needs resvg-py, which is not installed",
            hint='pip install "symback[graph]"; --to svg, dot, mermaid and tikz work without it',
        ) from None
    return bytes(resvg.svg_to_bytes(svg_string=svg.document(), zoom=ZOOM))
