"""`symback demo`: a real exercise, solved."""

from __future__ import annotations

from symback import bundle
from symback.cli.derive_command import show
from symback.cli.options import NoColour, Plain, Width
from symback.derivation import derive
from symback.problem import load
from symback.progress import Progress

DEMO = "two_layer_net"


def run(plain: Plain = False, no_color: NoColour = False, width: Width = None) -> None:
    """Solve a real exercise and tell every step."""
    with Progress("deriving"):
        derivation = derive(load(bundle.find(DEMO)))
        show(derivation, plain=plain, no_color=no_color, width=width)
