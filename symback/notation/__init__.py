"""From graph nodes to written mathematics: matrix notation where it exists, else indices."""

from symback.notation.notation import Notation

__all__ = ["Notation"]
