"""The methods that write a derivation down. Each loads its format when it is called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from symback.lazy import load_module


class Exports:
    """What a derivation can be written as."""

    def to_latex(
        self,
        *,
        fragment: bool = False,
        entry: str | None = None,
        numbers: Literal["decimal", "exact"] = "decimal",
        digits: int | None = None,
        names: Mapping[str, str] | None = None,
        paper: Literal["a4", "letter"] = "a4",
    ) -> str:
        r"""The worked solution in LaTeX.

        Args:
            fragment: whether to leave out the preamble, for ``\input``.
            entry: one entry, such as "W1[1,1]", to tell path by path instead of everything.
            numbers: "exact" for fractions, else decimals.
            digits: significant digits of rounded numbers, 15 at most.
            names: how single variables are set, such as ``{"W1": r"\mathbf{W}^{(1)}"}``.
            paper: "a4" or "letter".

        Raises:
            InputError: naming the option that is wrong.
        """
        export = load_module("render.export")
        style = export.style_of(numbers=numbers, digits=digits, names=names or {}, entry=entry)
        return str(export.latex_of(self, style, fragment=fragment, paper=paper))

    def to_markdown(
        self,
        *,
        entry: str | None = None,
        numbers: Literal["decimal", "exact"] = "decimal",
        digits: int | None = None,
        names: Mapping[str, str] | None = None,
    ) -> str:
        """The worked solution in GitHub's Markdown; arguments as for `to_latex`."""
        export = load_module("render.export")
        style = export.style_of(numbers=numbers, digits=digits, names=names or {}, entry=entry)
        return str(export.markdown_of(self, style))

    def to_pdf(
        self,
        *,
        entry: str | None = None,
        numbers: Literal["decimal", "exact"] = "decimal",
        digits: int | None = None,
        names: Mapping[str, str] | None = None,
        paper: Literal["a4", "letter"] = "a4",
        engine: Literal["auto", "tex", "typst"] = "auto",
    ) -> bytes:
        """The worked solution as PDF, by TeX where it is installed, else by Typst.

        Raises:
            MissingExtra: where there is neither; ``pip install 'symback[pdf]'`` brings Typst.
            InputError: as for `to_latex`.
        """
        export = load_module("render.export")
        style = export.style_of(numbers=numbers, digits=digits, names=names or {}, entry=entry)
        return bytes(export.pdf_of(self, style, paper=paper, engine=engine)[0])

    def to_html(self) -> str:
        """One page that needs nothing else: formulas, the graph, steps to walk through."""
        return str(load_module("render.html").to_html(self))

    def to_notebook(self, *, exercise: bool = False) -> dict[str, Any]:
        """A Jupyter notebook as data; with `exercise`, the backward lines are left blank."""
        notebook: dict[str, Any] = load_module("render.notebook").to_notebook(
            self, exercise=exercise
        )
        return notebook

    def to_svg(
        self, *, backward: bool = False, fold: bool = False, hide: Collection[str] = ()
    ) -> str:
        """The computation graph as a picture.

        Args:
            backward: whether to draw the nodes that compute the gradients, too.
            fold: whether to leave out nodes with one arrow in and one out.
            hide: parts of cards, of "formula", "shape", "value", "adjoint", "adjoint-value".
        """
        return str(load_module("render.svg").to_svg(self, backward=backward, fold=fold, hide=hide))
