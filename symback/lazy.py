"""Modules of ours that are loaded when they are first needed, if they are.

These import SymPy or NumPy, which take longer to import than most problems take to derive, or
serve an option that is seldom given.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def load_module(name: str) -> ModuleType:
    """The module `symback.name`."""
    return import_module(f"symback.{name}")
