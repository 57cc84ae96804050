"""Spellings of written mathematics: one phrase, three ways to print it.

=========================  ======================================  ===========================
:func:`~.text.text`        our own input language, to type back    ``A'*(A*x - y)``
:func:`~.unicode.pretty`   one line for the terminal               ``Aᵀ (A x − y)``
:func:`~.latex.latex`      a textbook's LaTeX                      ``\\mathbf{A}^{\\top} ...``
=========================  ======================================  ===========================

A phrase goes through three small stages: its indices are counted from the base asked for
(:mod:`.indices`), it is read as a person would say it, quotients, minus signs and norms included
(:mod:`.reading`), and each head is spelled by the row of a table (:mod:`.speller` and the three
modules above).
"""

from symback.spell.latex import latex
from symback.spell.text import text
from symback.spell.unicode import pretty

__all__ = ["latex", "pretty", "text"]
