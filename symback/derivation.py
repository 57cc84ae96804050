"""From a problem to its gradients: closed forms, numbers, a check, and the story of how.

>>> from symback.problem import loads
>>> problem = loads('''
... [symbols]
... w = []
... x = []
... [define]
... z = "w*x"
... L = "z^2"
... [derive]
... of = "L"
... wrt = ["w"]
... [values]
... w = 0.5
... x = 3
... ''')
>>> derivation = derive(problem)
>>> derivation.gradients["w"].value.item()
9.0
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from symback.cost import Cost, cost_of
from symback.exports import Exports
from symback.lazy import load_module
from symback.narrate import narrate
from symback.problem import Problem
from symback.shown import Shown
from symback.story import Step
from symback.worked import Worked

if TYPE_CHECKING:
    from symback.drawing import Drawing
    from symback.paths import EntryChain


class Derivation(Worked, Exports, Shown):
    """A problem worked out, and its story."""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The story: every step in order; see :mod:`symback.story`."""
        return narrate(self, self.cost)

    @cached_property
    def graph(self) -> Drawing:
        """The computation graph: cards and arrows. Jupyter shows it as a picture."""
        drawing: Drawing = load_module("drawing").draw(self)
        return drawing

    @cached_property
    def cost(self) -> Cost | None:
        """Operations counted; None where sizes are symbolic, or it is too large to count."""
        return cost_of(self)

    def entry(self, target: str) -> EntryChain:
        """The derivative by one entry, such as "W1[1,1]", path by path.

        Raises:
            InputError: for what is no entry of the problem.
        """
        chain: EntryChain = load_module("paths").entry_chain(self, target)
        return chain


def derive(problem: Problem, *, digits: int | None = None) -> Derivation:
    """Every gradient that the problem asks for; numbers, checked, where it has values.

    `digits` asks for numbers with that many digits beside the floats.

    Raises:
        DomainError: where a node has no value; the message names it.
        Unsupported: what cannot be differentiated, named.
        WrongAnswer: if an independent witness disagrees. Nothing is returned then.
    """
    return Derivation(problem, digits)
