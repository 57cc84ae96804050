"""Elementwise functions on float arrays, and where each is defined.

Every function takes real and complex arrays. Complex ones arrive from the complex step, where the
imaginary part is an infinitesimal: functions with cases choose their case by the real part, and at
a tie or a kink their slope is the convention of :mod:`symback.rules`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from symback.errors import LimitError
from symback.field import MAX_PSI_ORDER

Array: TypeAlias = npt.NDArray[Any]

_SERIES_TERMS = 130
_FRACTION_TERMS = 60
_ERF_SERIES_BELOW = 5.0


def is_complex(*arrays: Array) -> bool:
    """Whether any of the arrays is complex."""
    return any(np.iscomplexobj(array) for array in arrays)


def _vectorised(function: Callable[..., Any], arity: int = 1) -> Callable[..., Array]:
    """A function of numbers as one of arrays; overflow gives inf, no value gives nan."""

    def safe(*args: Any) -> Any:
        try:
            return function(*args)
        except OverflowError:
            return math.inf
        except (ValueError, ZeroDivisionError):  # a pole
            return math.nan

    vector = np.frompyfunc(safe, arity, 1)

    def on_arrays(*args: Array) -> Array:
        kind = np.complex128 if is_complex(*args) else np.float64
        return np.asarray(vector(*args)).astype(kind)

    return on_arrays


# --- powers ------------------------------------------------------------------------------------


def _pow(x: Array, n: Array) -> Array:
    if not is_complex(x, n):
        return np.asarray(np.power(x, n))
    x, n = np.broadcast_arrays(np.asarray(x, complex), np.asarray(n, complex))
    whole = (n.imag == 0) & (n.real == np.round(n.real))
    odd = whole & (n.real % 2 == 1)
    negative = whole & (x.real < 0)
    base = np.where(negative, -x, x)
    at_zero = base.real == 0
    result = np.exp(n * np.log(np.where(at_zero, 1, base)))
    result = np.where(negative & odd, -result, result)
    return np.where(at_zero, _power_at_zero(x, n), result)


def _power_at_zero(x: Array, n: Array) -> Array:
    """(0 + h*i)**n to first order in h: 1, h*i or 0."""
    return np.where(n.real == 0, 1, np.where(n.real == 1, x, np.where(n.real > 0, 0, np.nan)))


# --- functions with cases ----------------------------------------------------------------------


def _maximum(x: Array, z: Array) -> Array:
    if not is_complex(x, z):
        return np.maximum(x, z)
    return np.where(x.real == z.real, (x + z) / 2, np.where(x.real > z.real, x, z))


def _minimum(x: Array, z: Array) -> Array:
    return -_maximum(-x, -z)


def _relu(x: Array) -> Array:
    return np.where(x.real > 0, x, 0.0)


def _indicator(condition: Array) -> Array:
    return np.asarray(condition, np.float64)


def _defined(*args: Array) -> Array:
    """1 where every argument is a number, nan elsewhere: what a comparison inherits."""
    nan = np.isnan(args[0])
    for arg in args[1:]:
        nan = nan | np.isnan(arg)
    return np.where(nan, np.nan, 1.0)


def _compare(relation: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *args: _indicator(relation(*(arg.real for arg in args))) * _defined(*args)


def _where(c: Array, a: Array, b: Array) -> Array:
    return np.where(c.real != 0, a, b) * _defined(c)


# --- sigmoids ----------------------------------------------------------------------------------


def _sigmoid(x: Array) -> Array:
    small = np.exp(-_magnitude(x))
    return np.asarray(np.where(x.real >= 0, 1, small) / (1 + small))


def _softplus(x: Array) -> Array:
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    return np.where(x.real >= 0, x, 0.0) + np.log1p(np.exp(-_magnitude(x)))


def _magnitude(x: Array) -> Array:
    """|x|, taken as x at 0: the slope there is 1, which the formulas that use this want."""
    return np.where(x.real >= 0, x, -x)


def _abs(x: Array) -> Array:
    return np.asarray(np.sign(x.real) * x)


def _gelu(x: Array) -> Array:
    """x*Phi(x); below 0 by erfc, which keeps its digits there."""
    if is_complex(x):
        return np.asarray(x * (1 + _erf(x / math.sqrt(2))) / 2)
    return np.asarray(x * _erfc(-x / math.sqrt(2)) / 2)


# --- special functions -------------------------------------------------------------------------

_real_erf = _vectorised(math.erf)
_erfc = _vectorised(math.erfc)
_real_gamma = _vectorised(math.gamma)
_real_loggamma = _vectorised(math.lgamma)


def _erf(x: Array) -> Array:
    """The error function; for complex arguments near the real line by DLMF 7.6.2 and 7.9.1."""
    if not is_complex(x):
        return _real_erf(x)
    x = np.asarray(x)
    near = np.abs(x.real) < _ERF_SERIES_BELOW
    return np.where(near, _erf_series(np.where(near, x, 0)), _erf_far(np.where(near, 9, x)))


def _erf_series(x: Array) -> Array:
    term = total = np.asarray(x, complex)
    for k in range(1, _SERIES_TERMS):
        term = term * (2 * x * x / (2 * k + 1))
        total = total + term
    return np.asarray(2 / math.sqrt(math.pi) * np.exp(-x * x) * total)


def _erf_far(x: Array) -> Array:
    """sign(x)*(1 - erfc(|x|)), with the continued fraction of erfc."""
    sign = np.sign(x.real)
    x = sign * x
    tail = x
    for k in range(_FRACTION_TERMS, 0, -1):
        tail = x + k / 2 / tail
    return np.asarray(sign * (1 - np.exp(-x * x) / (math.sqrt(math.pi) * tail)))


@cache
def _mpmath() -> Any:
    """A context of mpmath with a few digits more than a float, apart from anybody else's."""
    import mpmath  # slow to import, and seldom needed

    context = mpmath.mp.clone()
    context.dps = 20
    return context


def _complex_or_real(name: str, real: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def at(z: complex) -> complex:
        return complex(getattr(_mpmath(), name)(z))

    extended = _vectorised(at)
    return lambda x: extended(x) if is_complex(x) else real(x)


def _psi(k: Any, x: Any) -> Any:
    if k.real > MAX_PSI_ORDER:
        raise LimitError(f"polygamma of an order beyond {MAX_PSI_ORDER} takes too long")
    value = _mpmath().psi(int(k.real), x)
    return complex(value) if isinstance(x, complex) else float(value)


# --- the table ---------------------------------------------------------------------------------

IMPLEMENTATIONS: dict[str, Callable[..., Array]] = {
    "pow": _pow,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": _erf,
    "gamma": _complex_or_real("gamma", _real_gamma),
    "loggamma": _complex_or_real("loggamma", _real_loggamma),
    "polygamma": _vectorised(_psi, 2),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "gelu": _gelu,
    "relu": lambda x: _relu(x) * _defined(x),
    "abs": _abs,
    "maximum": _maximum,
    "minimum": _minimum,
    "where": _where,
    "sign": lambda x: np.sign(x.real) * _defined(x),
    "step": _compare(lambda x: x > 0),
    "heaviside": lambda x: (np.sign(x.real) + 1) / 2 * _defined(x),
    "floor": lambda x: np.floor(x.real) * _defined(x),
    "lt": _compare(np.less),
    "le": _compare(np.less_equal),
    "eq": _compare(np.equal),
    "ne": _compare(np.not_equal),
    "and": _compare(lambda a, b: (a != 0) & (b != 0)),
    "or": _compare(lambda a, b: (a != 0) | (b != 0)),
    "not": _compare(lambda a: a == 0),
}

INDICATORS = frozenset({"step", "heaviside", "lt", "le", "eq", "ne", "and", "or", "not"})
"""Functions that are 0 on whole regions: such a zero wins over a factor without a value."""


def _pole(x: Array) -> Array:
    return np.asarray((x <= 0) & (x == np.floor(x)))


OUTSIDE: dict[str, Callable[..., Array]] = {
    "pow": lambda x, n: ((x < 0) & (n != np.floor(n))) | ((x == 0) & (n < 0)),
    "log": lambda x: x <= 0,
    "asin": lambda x: np.abs(x) > 1,
    "acos": lambda x: np.abs(x) > 1,
    "acosh": lambda x: x < 1,
    "atanh": lambda x: np.abs(x) >= 1,
    "gamma": _pole,
    "loggamma": lambda x: x <= 0,
    "polygamma": lambda k, x: _pole(x) | (k < 0) | (k != np.floor(k)),
}
"""For a function that is not defined everywhere: where its (real) arguments lie outside."""


def apply_function(name: str, args: list[Array]) -> Array:
    """The function at `args`, which broadcast; nan wherever it is not defined."""
    result = np.asarray(IMPLEMENTATIONS[name](*args))
    outside = OUTSIDE.get(name)
    if outside is not None:
        mask = outside(*(arg.real for arg in args))
        if mask.any():
            result = np.where(mask, np.nan, result)
    return result
