"""Arrays with a label on each axis: sums of products, and index maps in the place of selections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from symback.bindings import MAX_ENTRIES
from symback.elementwise import Array
from symback.errors import LimitError

Labels: TypeAlias = tuple[int, ...]
Factor: TypeAlias = tuple[Array, Labels]

MAX_LABELS = 52  # of np.einsum


def einsum_arrays(factors: Sequence[Factor], out: Labels, sizes: Sequence[int]) -> Array:
    """The product of labelled arrays, summed over the labels that `out` lacks.

    `out` may repeat a label (the result is 0 off that diagonal) and may carry labels that no
    factor has (the result is constant along them).
    """
    scale = math.prod((array for array, own in factors if not own), start=np.asarray(1.0))
    tensors = [(array, own) for array, own in factors if own]
    target = list(dict.fromkeys(out))
    number: dict[int, int] = {}
    for _, own in tensors:
        for label in own:
            number.setdefault(label, len(number))
    if len(number) > MAX_LABELS:
        raise LimitError(f"a product over {len(number)} indices is too large")
    result = scale
    carried = [label for label in target if label in number]
    if tensors:
        operands: list[object] = []
        for array, own in tensors:
            operands += [array, [number[label] for label in own]]
        operands.append([number[label] for label in carried])
        work = math.prod(sizes[label] for label in number)
        optimize = "greedy" if len(tensors) > 2 or work > 20_000 else False
        result = scale * np.einsum(*operands, optimize=optimize)  # type: ignore[call-overload]
    result = _aligned(result, carried, target, sizes)
    result = np.broadcast_to(result, [sizes[label] for label in target])
    if len(target) == len(out):
        return np.asarray(result)
    diagonal = np.zeros([sizes[label] for label in out], result.dtype)
    diagonal[tuple(_grid(target.index(label), len(target), sizes[label]) for label in out)] = result
    return diagonal


def _aligned(
    array: Array, own: Sequence[int], target: Sequence[int], sizes: Sequence[int]
) -> Array:
    """`array` with its axes in the order of `target`, and an axis of length 1 for each other."""
    order = sorted(range(len(own)), key=lambda axis: target.index(own[axis]))
    shape = [sizes[label] if label in own else 1 for label in target]
    return np.reshape(np.transpose(array, order), shape)


def _grid(axis: int, rank: int, size: int) -> Array:
    """0, 1, ..., size - 1 along one axis of `rank`."""
    return np.arange(size).reshape([size if k == axis else 1 for k in range(rank)])


def affine(coefs: Sequence[int], offset: int, sizes: Sequence[int]) -> Array:
    """`sum(coefs[k]*index[k]) + offset` for every index."""
    total = np.full(tuple(sizes), offset)
    for axis, (coef, size) in enumerate(zip(coefs, sizes, strict=True)):
        total = total + coef * _grid(axis, len(sizes), size)
    return total


def spread_size(own: Labels, selected: Labels, gone: int, sizes: Sequence[int]) -> int:
    """How many entries :func:`take` would make of a factor with the labels `own`."""
    return math.prod(sizes[label] for label in {*own, *selected} - {gone})


def take(factor: Factor, gone: int, others: Labels, index: Array, sizes: Sequence[int]) -> Factor:
    """The factor with `index`, a function of the labels `others`, for its label `gone`.

    Where the index lies outside the axis, the result is 0.
    """
    array, own = factor
    kept = tuple(dict.fromkeys(label for label in (*own, *others) if label != gone))
    shape = [sizes[label] for label in kept]
    if math.prod(shape) > MAX_ENTRIES:
        raise LimitError(f"a product over {len(kept)} indices is too large")
    spread = _aligned(index, others, kept, sizes)
    inside = (spread >= 0) & (spread < sizes[gone])
    inside_index = np.where(inside, spread, 0)
    indices = tuple(
        inside_index if label == gone else _grid(kept.index(label), len(kept), sizes[label])
        for label in own
    )
    return np.broadcast_to(np.where(inside, array[indices], 0), shape), kept
