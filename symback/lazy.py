"""Modules of ours that import SymPy, loaded when they are first needed.

SymPy takes longer to import than most problems take to derive.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def load_module(name: str) -> ModuleType:
    """The module `symback.name`."""
    return import_module(f"symback.{name}")
