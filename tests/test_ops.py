"""The normal form of products."""

from __future__ import annotations

import pytest

from symback.graph import Size
from symback.ops import einsum, symbol

m, c = symbol("m", kind="size"), symbol("c")


@pytest.mark.parametrize(
    ("sizes", "count"),
    [({"i": 2, "k": m}, 2), ({"k": m, "i": 2}, 2), ({"i": 2, "k": m, "j": 3}, 6)],
)
def test_a_sum_over_axes_that_nothing_carries_counts_each_of_them_once(
    sizes: dict[str, Size], count: int
) -> None:
    assert einsum(1, [(c, ())], "", sizes) is einsum(count, [(c, ()), (m, ())], "")
