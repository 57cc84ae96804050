"""Kronecker products that SymPy wrote out entry by entry, with Mod and floor, in digits again."""

from __future__ import annotations

from typing import Any

import sympy as sp


def in_digits(expr: Any) -> Any:
    """The sum over r = i*n + k of what has floor(r/n) and Mod(r, n), as one over i and k.

    SymPy writes (kron(A, B)*y)[0, 0] so. A range that is no multiple of n stays.

    >>> n, p = sp.symbols("n p", integer=True, positive=True)
    >>> a, b = sp.MatrixSymbol("a", n, 1), sp.MatrixSymbol("b", p, 1)
    >>> y = sp.MatrixSymbol("y", n*p, 1)
    >>> in_digits((y.T*sp.kronecker_product(a, b))[0, 0])
    Sum(a[_i, 0]*b[_k, 0]*y[_i*p + _k, 0], (_i, 0, n - 1), (_k, 0, p - 1))
    """
    if not expr.has(sp.Mod):
        return expr
    return expr.replace(lambda e: isinstance(e, sp.Sum) and e.has(sp.Mod), _apart)


def _apart(total: Any) -> Any:
    body, limits, todo = total.function, [], list(total.limits)
    while todo:
        index, low, high = todo.pop(0)
        count = sp.expand(high + 1)
        if low != 0 or any(limit[1:].has(index) for limit in total.limits):
            limits.append((index, low, high))
            continue
        body = body.xreplace({sp.floor(index): index})
        body = body.xreplace({sp.Mod(index, 1): sp.S.Zero, sp.Mod(index, count): index})
        divisor = _divisor(body, index, count)
        if divisor is None:
            limits.append((index, low, high))
            continue
        slow, fast = sp.Dummy("i", integer=True), sp.Dummy("k", integer=True)
        body = body.xreplace({sp.floor(index / divisor): slow, sp.Mod(index, divisor): fast})
        body = body.xreplace({index: slow * divisor + fast})
        todo = [(slow, 0, sp.cancel(count / divisor) - 1), (fast, 0, divisor - 1), *todo]
    return sp.Sum(body, *limits)


def _divisor(body: Any, index: Any, count: Any) -> Any:
    """The n of a Mod(index, n) that divides the length of the range."""
    for remainder in sorted(body.atoms(sp.Mod), key=sp.default_sort_key):
        inside, divisor = remainder.args
        whole = sp.cancel(count / divisor)
        counts = divisor.is_integer and divisor.is_positive and divisor != count
        if inside == index and counts and whole.is_polynomial() and whole.is_integer:
            return divisor
    return None
