"""From a gradient as the sweep leaves it to the form that a good textbook prints."""

from symback.simplify.simplifier import Simplifier, simplify

__all__ = ["Simplifier", "simplify"]
