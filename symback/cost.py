"""What a derivation costs: operations on scalars, forward, backward and path by path.

Differentiating path by path multiplies out, for each entry asked for, every chain of scalar
derivatives from it to the output. Backpropagation shares what the chains have in common.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Operations:
    """Counts of operations on scalars."""

    multiplications: int = 0
    additions: int = 0
    functions: int = 0

    @property
    def total(self) -> int:
        return self.multiplications + self.additions + self.functions

    def __add__(self, other: Operations) -> Operations:
        return Operations(
            self.multiplications + other.multiplications,
            self.additions + other.additions,
            self.functions + other.functions,
        )


@dataclass(frozen=True)
class Cost:
    """What was counted.

    Attributes:
        forward: every definition worked out once.
        backward: every adjoint worked out once, from the forward values.
        paths: chains of scalar derivatives from the entries asked for to the output.
        by_paths: multiplying and adding up these chains one by one, local derivatives given.
        entries: how many scalar derivatives are asked for.
    """

    forward: Operations
    backward: Operations
    paths: int
    by_paths: Operations
    entries: int
