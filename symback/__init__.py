"""symback: symbolic backpropagation, step by step.

A problem names the intermediates of a computation; symback derives every gradient in closed form,
tells how, works out the numbers exactly and checks them against an independent witness.
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symback.calculus import gradient, hessian, jacobian
    from symback.errors import SymbackError
    from symback.problem import Problem, load, loads

# Public name -> the module that defines it. Loaded on first use: SymPy takes a while to import.
_HOMES = {
    "gradient": "symback.calculus",
    "jacobian": "symback.calculus",
    "hessian": "symback.calculus",
    "Problem": "symback.problem",
    "SymbackError": "symback.errors",
    "load": "symback.problem",
    "loads": "symback.problem",
}

__all__ = ["Problem", "SymbackError", "gradient", "hessian", "jacobian", "load", "loads"]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'symback' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
