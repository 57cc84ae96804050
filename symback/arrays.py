"""Reductions and linear algebra on float arrays, complex ones included (for the complex step).

Where there is no value (a singular matrix, an overflow) the result is nan or inf. Entries are
compared by their real parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from symback.elementwise import Array, is_complex
from symback.errors import Unsupported

SINGULAR_ABOVE = 1e15  # condition number from which a matrix has no inverse in float64
LARGEST_EXPONENT = 1e4  # norm of a matrix beyond which its exponential surely overflows


def flatten_last(x: Array, axes: int) -> Array:
    """`x` with its last `axes` axes as one: the rows that a reduction works on."""
    return x.reshape(*x.shape[: x.ndim - axes], math.prod(x.shape[x.ndim - axes :]))


def _without_value(result: Array, rows: Array) -> Array:
    """`result` with nan in each row where `rows` has one; it has the leading axes of `rows`."""
    nan = np.isnan(rows).any(axis=-1)
    return np.where(nan.reshape(nan.shape + (1,) * (result.ndim - nan.ndim)), np.nan, result)


def _logsumexp(rows: Array) -> Array:
    top = rows.real.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(rows - top).sum(axis=-1)))


def _shares(rows: Array) -> Array:
    ties = rows.real == rows.real.max(axis=-1, keepdims=True)
    return np.asarray(ties / np.maximum(ties.sum(axis=-1, keepdims=True), 1))


def _max(rows: Array) -> Array:
    """The largest entry; the mean of the largest where several tie, which share the slope."""
    shares = _shares(rows)
    return _without_value((np.where(shares > 0, rows, 0) * shares).sum(axis=-1), rows)


def _argmax(rows: Array) -> Array:
    return _without_value(_shares(rows), rows)


def _prod(rows: Array) -> Array:
    return np.asarray(rows.prod(axis=-1))


def _ascending(rows: Array) -> Array:
    return np.argsort(rows.real, axis=-1, kind="stable")


def _sort(rows: Array) -> Array:
    return _without_value(np.take_along_axis(rows, _ascending(rows), axis=-1), rows)


def _permutation(rows: Array) -> Array:
    places = np.arange(rows.shape[-1])
    return _without_value((_ascending(rows)[..., None] == places) * 1.0, rows)


REDUCTIONS: dict[str, Callable[[Array], Array]] = {
    "logsumexp": _logsumexp,
    "max": _max,
    "argmax": _argmax,
    "prod": _prod,
    "sort": _sort,
    "order": _permutation,
}
"""Operations on the last axis."""


def _inverse(a: Array) -> Array:
    """The inverse; nan for a matrix that is singular in float64."""
    missing = np.full_like(a, np.nan)
    if np.isnan(a).any():
        return missing
    try:
        result = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return missing
    condition = np.abs(a).sum(axis=0).max() * np.abs(result).sum(axis=0).max()
    return result if condition < SINGULAR_ABOVE else missing


def _det(a: Array) -> Array:
    return np.asarray(np.linalg.det(a))


def _logdet(a: Array) -> Array:
    """log|det(A)|; the sign of a complex determinant carries the imaginary part of the log."""
    if np.isnan(_inverse(a)).any():
        return np.asarray(np.nan)
    sign, log = np.linalg.slogdet(a)
    return np.asarray(log + 1j * np.arctan(sign.imag / sign.real) if is_complex(a) else log)


def _matrix_powers(a: Array, exponents: Array) -> Array:
    """a**n for each entry n of `exponents`, whose axes come first."""
    exponents = exponents.real
    if not (exponents == np.floor(exponents)).all():
        raise Unsupported("cannot work out a matrix power whose exponent is not a whole number")
    if np.isnan(a).any():
        return np.full((*exponents.shape, *a.shape), np.nan)
    inverse = _inverse(a) if (exponents < 0).any() else a
    powers = {
        n: np.linalg.matrix_power(a if n >= 0 else inverse, abs(n))
        for n in {int(n) for n in exponents.flat}
    }
    flat = [powers[int(n)] for n in exponents.flat]
    return np.asarray(flat).reshape(*exponents.shape, *a.shape)


def _matrix_exponential(a: Array) -> Array:
    """Scaling and squaring with a Taylor polynomial of a matrix of norm below 1/16."""
    norm = np.abs(a).sum(axis=0).max()
    if not norm < LARGEST_EXPONENT:
        return np.full_like(a, np.nan)
    halvings = max(0, math.frexp(norm)[1] + 4)
    scaled = a / 2**halvings
    term = result = np.eye(len(a), dtype=a.dtype)
    for k in range(1, 14):
        term = term @ scaled / k
        result = result + term
    for _ in range(halvings):
        result = result @ result
    return result


LINEAR_ALGEBRA: dict[str, Callable[..., Array]] = {
    "inv": _inverse,
    "det": _det,
    "logdet": _logdet,
    "matpow": _matrix_powers,
    "expm": _matrix_exponential,
}
"""Operations on a square matrix; a matrix power takes its exponent too."""
