"""The commented problem file that `symback new` writes."""

from __future__ import annotations

TEMPLATE = """\
# A problem for symback. Lines behind a # are comments; the file holds data only, no code runs.
#
#   symback derive {file}        every step, closed forms, numbers
#   symback verify {file}        only: are the derivatives right?

title  = "{title}"
source = "where the exercise comes from"
index_base = 1                 # the first entry of x is x[1]; leave out to count from x[0]

[symbols]                      # name = shape: [] scalar, [3] column vector, [3, 2] matrix
x = [2]                        # the size may also be a name: ["n"]
t = [1]
W = [3, 2]
b = [3]
v = [1, 3]

[define]                       # in order; each line is a node with a name of its own
z = "W*x + b"                  # * is the matrix product, .* ./ .^ work entry by entry
h = "tanh(z)"                  # relu, sigmoid, softmax, exp, log, sum, norm2, tr, inv, ...
y = "v*h"                      # W' or W.T is the transpose, h[1] an entry
L = "1/2 * norm2(y - t)^2"

[derive]
of  = "L"
wrt = ["W", "b", "v", "W[1,1]", "z"]   # symbols, entries, or nodes

[values]                       # leave this table out to get symbols only
x = [0.5, "1/3"]               # decimals are exact; fractions and sqrt(2) stand in quotes
t = [1]
W = [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]]
b = [0.1, 0.2, 0.3]
v = [[0.7, -0.2, 0.1]]

[update]                       # one step of gradient descent; leave out if not wanted
rate = 0.1
"""


def template(name: str) -> str:
    """The text of a new problem file for the problem `name`."""
    title = name.replace("_", " ").capitalize()
    return TEMPLATE.format(file=f"{name}.toml", title=title)
