"""How objects show themselves in Jupyter and at the prompt; written only when asked for."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from symback.lazy import load_module


class Shown:
    """What has a form of its own in Jupyter; see :mod:`symback.render.display`."""

    __slots__ = ()

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, Any]:
        """The forms by their MIME types: text/plain, text/latex, and Markdown or a picture."""
        forms: dict[str, str] = load_module("render.display").bundle(self)
        return {
            kind: form
            for kind, form in forms.items()
            if (not include or kind in include) and not (exclude and kind in exclude)
        }

    def _repr_latex_(self) -> str:
        """Its formulas, displayed."""
        return str(load_module("render.display").latex_of(self))

    def __repr__(self) -> str:
        """One line of plain text."""
        return str(load_module("render.display").plain(self))
