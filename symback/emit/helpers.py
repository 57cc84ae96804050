"""Functions that NumPy lacks, as source that can stand at the head of any file or notebook."""

from __future__ import annotations

from collections.abc import Iterable

#: Name -> its source. The first line under `def` says what it does.
SOURCES: dict[str, str] = {
    "sigmoid": '''\
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)
''',
    "erf": '''\
def erf(x):
    """The error function, entry by entry."""
    return np.vectorize(math.erf, otypes=[float])(x)
''',
    "gelu": '''\
def gelu(x):
    """x times the normal distribution function of x."""
    return x * np.vectorize(math.erfc, otypes=[float])(-x / np.sqrt(2)) / 2
''',
    "gamma_function": '''\
def gamma_function(x):
    """The gamma function, entry by entry."""
    return np.vectorize(math.gamma, otypes=[float])(x)
''',
    "log_gamma": '''\
def log_gamma(x):
    """The logarithm of the gamma function, entry by entry."""
    return np.vectorize(math.lgamma, otypes=[float])(x)
''',
    "polygamma": '''\
def polygamma(k, x):
    """Derivative k of the digamma function at x > 0: recurrence, then the asymptotic series."""
    k, x, total = int(k), np.array(x, dtype=float), 0.0
    sign = (-1) ** (k + 1)
    while np.any(x < 30):
        small = x < 30
        step = -1 / x if k == 0 else sign * math.factorial(k) / x ** (k + 1)
        total = total + np.where(small, step, 0)
        x = np.where(small, x + 1, x)
    bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6]
    if k == 0:
        series = sum(b / (2 * j * x ** (2 * j)) for j, b in enumerate(bernoulli, 1))
        return total + np.log(x) - 1 / (2 * x) - series
    series = math.factorial(k - 1) / x**k + math.factorial(k) / (2 * x ** (k + 1))
    for j, b in enumerate(bernoulli, 1):
        ratio = math.factorial(2 * j + k - 1) / math.factorial(2 * j)
        series = series + b * ratio / x ** (2 * j + k)
    return total + sign * series
''',
    "logsumexp": '''\
def logsumexp(x, axis=None):
    """log(sum(exp(x))), without overflow."""
    top = np.max(x, axis=axis, keepdims=True)
    return np.squeeze(top, axis=axis) + np.log(np.sum(np.exp(x - top), axis=axis))
''',
    "argmax_mask": '''\
def argmax_mask(x, axis=None):
    """1 at the largest entry, 0 elsewhere; 1/k at each of k largest ones."""
    ties = x == np.max(x, axis=axis, keepdims=True)
    return ties / np.sum(ties, axis=axis, keepdims=True)
''',
    "sorting_matrix": '''\
def sorting_matrix(x):
    """The permutation matrix P with P @ x sorted (of the last axis)."""
    return np.eye(x.shape[-1])[np.argsort(x, axis=-1, kind="stable")]
''',
    "matrix_powers": '''\
def matrix_powers(a, exponents):
    """a to the power of each exponent."""
    flat = [np.linalg.matrix_power(a, int(n)) for n in np.ravel(exponents)]
    return np.reshape(flat, (*np.shape(exponents), *a.shape))
''',
    "expm": '''\
def expm(a):
    """The matrix exponential: scaling, Taylor, squaring."""
    halvings = max(0, math.frexp(np.abs(a).sum(axis=0).max())[1] + 4)
    term = result = np.eye(len(a))
    for k in range(1, 14):
        term = term @ a / 2**halvings / k
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result
''',
    "placing": '''\
def placing(size, count, width, stride=1, start=0):
    """1 where p == start + stride*i + a, else 0; the axes are p, i, a."""
    p, i, a = np.ogrid[:size, :count, :width]
    return (p == start + stride * i + a) * 1.0
''',
    "sliding_window_view": "from numpy.lib.stride_tricks import sliding_window_view\n",
}

NEEDS_MATH = frozenset({"erf", "gelu", "gamma_function", "log_gamma", "polygamma", "expm"})


def imports(used: Iterable[str]) -> str:
    """The import lines that these helpers need, and NumPy's.

    >>> print(imports(["erf"]))
    import math
    <BLANKLINE>
    import numpy as np
    """
    names = set(used)
    lines = ["import math", ""] if names & NEEDS_MATH else []
    lines.append("import numpy as np")
    lines += [SOURCES[name].rstrip() for name in sorted(names) if _is_import(name)]
    return "\n".join(lines)


def definitions(used: Iterable[str]) -> list[str]:
    """The source of each helper that is a function, in the order of the table."""
    names = set(used)
    return [SOURCES[name] for name in SOURCES if name in names and not _is_import(name)]


def _is_import(name: str) -> bool:
    return SOURCES[name].startswith("from ")
