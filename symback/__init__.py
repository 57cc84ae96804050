"""symback: symbolic backpropagation, step by step.

A problem names the intermediates of a computation; symback derives every gradient in closed form,
tells how, works out the numbers exactly and checks them against an independent witness.
"""

__version__ = "0.1.0"
