"""One entry, path by path, against the worked solution of document 004; what paths cost."""

from __future__ import annotations

from functools import cache
from pathlib import Path as File

import numpy as np
import pytest

from symback.cost import Operations
from symback.derivation import Derivation, derive
from symback.errors import NameProblem, ShapeError, ValueProblem
from symback.paths import MAX_PATHS, Edge, EntryChain, Path
from symback.problem import load, loads

PROBLEMS = File(__file__).parent.parent / "problems"


@cache
def derived(stem: str) -> Derivation:
    return derive(load(PROBLEMS / f"{stem}.toml"))


def numbers(path: Path) -> list[float]:
    return [edge.value.nested() for edge in path.edges if edge.value is not None]


def stops(derivation: Derivation, path: Path) -> str:
    vertices = [path.edges[0].tail, *(edge.head for edge in path.edges)]
    return " ".join(derivation.forms.text(vertex.phrase) for vertex in vertices)


def texts(derivation: Derivation, edges: tuple[Edge, ...]) -> list[str]:
    return [derivation.forms.text(edge.local) for edge in edges]


def total(chain: EntryChain) -> float:
    return sum(path.value.nested() for path in chain.paths if path.value is not None)


def test_the_worked_solution() -> None:
    """Document 004, equations (35) to (38) and (44): two paths from a1[1], one of them 0."""
    derivation = derived("sheet004_relu_net")
    chain = derivation.entry("W1[1,1]")
    assert chain.count == 2 and chain.complete
    first, second = chain.paths
    assert stops(derivation, first) == "W1[1,1] a1[1,1] h1[1,1] a2[1,1] h2[1,1] h3 J"
    assert stops(derivation, second) == "W1[1,1] a1[1,1] h1[1,1] a2[2,1] h2[2,1] h3 J"
    assert numbers(first) == [3, 1, -1, 0, -1, -6]
    assert numbers(second) == [3, 1, 1, 1, 1, -6]
    assert texts(derivation, second.edges) == [
        *("x", "step(a1[1,1])", "W2[2,1]", "step(a2[2,1])", "W3[1,2]", "2*(h3 - y)")
    ]
    assert [path.value.nested() for path in chain.paths if path.value] == [0, -18]
    assert chain.value is not None and chain.value.nested() == -18
    product = "2*(h3 - y)*W3[1,2]*step(a2[2,1])*W2[2,1]*step(a1[1,1])*x"
    assert derivation.forms.text(second.product) == product
    assert derivation.forms.text(chain.adjoint) == "dJ_dW1[1,1]"
    assert second.edges[0].tail.indices == (1, 1)


def test_what_paths_share_is_taken_out() -> None:
    derivation = derived("two_layer_net")
    chain = derivation.entry("W1[1,1]")
    written = derivation.forms.text(chain.grouped)
    assert written.endswith("*step(z1[1])*x[1]")
    assert written.count("step(z1[1])") == 1
    assert chain.value is not None
    assert chain.value.nested() == pytest.approx(0.0121779795, abs=5e-11)


@pytest.mark.parametrize(
    ("stem", "entry"),
    [
        ("two_layer_net", "b1[2]"),
        ("sheet001_q3", "W1[0,1]"),
        ("rnn_unrolled", "U[1,1]"),
        ("attention_head", "X[0,0]"),
        ("conv_maxpool", "K[0,0]"),
        ("embedding_bag", "E[0,0]"),
        ("lstm_cell", "x"),
        ("wasserstein_sorted", "x[2]"),
        ("batch_norm", "X[0,0]"),
        ("sheet004_cross_correlation", "I[2,2]"),
        ("layer_norm", "x[0]"),
    ],
)
def test_the_paths_add_up(stem: str, entry: str) -> None:
    derivation = derived(stem)
    chain = derivation.entry(entry)
    assert chain.complete and chain.count == len(chain.paths)
    assert chain.value is not None
    assert total(chain) == pytest.approx(chain.value.nested(), rel=1e-12, abs=1e-14)
    name = entry.split("[")[0]
    whole = derivation.numbers
    assert whole is not None
    adjoint = whole.value(derivation.adjoints[name].symbol, derivation.problem.shape(name))
    base = derivation.problem.index_base
    indices = [int(i) - base for i in entry[len(name) + 1 : -1].split(",") if i]
    found = adjoint.entry(indices) if indices else adjoint
    assert found.floats.item() == chain.value.nested()


def test_symbols_without_numbers() -> None:
    derivation = derived("sheet000_7_3b")
    chain = derivation.entry("x[0]")
    assert chain.count == 5 and chain.value is None
    written = [derivation.forms.text(path.product) for path in chain.paths]
    assert written == ["2*d[0]*x[0]", *(f"d[{k}]*x[{k}]" for k in range(1, 5))]
    remaining = chain.paths[0].remaining
    assert remaining is not None and derivation.forms.text(remaining) == "d[0]"


def test_an_entry_that_was_not_asked_for() -> None:
    derivation = derived("sheet001_q3")
    assert "x" not in derivation.adjoints
    chain = derivation.entry("x[0]")
    assert chain.value is not None
    assert total(chain) == pytest.approx(chain.value.nested(), rel=1e-12)


WIDE = """
[symbols]
x = [20]
W = [20, 20]
[define]
a = "tanh(W*x)"
b = "tanh(W*a)"
c = "tanh(W*b)"
L = "sum(c.^2)"
[derive]
of = "L"
wrt = ["x"]
[values]
x = [{}]
W = [{}]
"""


def test_too_many_paths_stop_early() -> None:
    row = ", ".join(str(k / 100) for k in range(20))
    derivation = derive(loads(WIDE.format(row, ", ".join([f"[{row}]"] * 20))))
    chain = derivation.entry("x[3]")
    assert chain.count == 20**3
    assert not chain.complete
    assert len(chain.paths) == 20 <= MAX_PATHS
    path = chain.paths[0]
    assert len(path.edges) == 1
    assert path.remaining is not None
    assert derivation.forms.text(path.remaining) == "dL_da[0]"
    assert chain.value is not None
    assert total(chain) == pytest.approx(chain.value.nested(), rel=1e-12)


def test_mistakes() -> None:
    derivation = derived("two_layer_net")
    with pytest.raises(NameProblem, match="unknown name 'W3'"):
        derivation.entry("W3[1,1]")
    with pytest.raises(ValueProblem, match="'W1' has many entries; name one") as caught:
        derivation.entry("W1")
    assert caught.value.hint == "such as W1[1,1]"
    with pytest.raises(ValueProblem, match="outside"):
        derivation.entry("W1[4,1]")
    with pytest.raises(ShapeError, match="has 1 index"):
        derivation.entry("W1[1]")
    with pytest.raises(ValueProblem, match="whole numbers"):
        derivation.entry("W1[i,1]")
    with pytest.raises(ValueProblem, match="the size 'n' has no number"):
        derived("sheet004_p_norm").entry("w[0]")


# --- cost ---------------------------------------------------------------------------------------


def test_cost_of_a_matrix_product() -> None:
    text = """
    [symbols]
    W = [3, 4]
    x = [4]
    [define]
    y = "W*x"
    L = "sum(y)"
    [derive]
    of = "L"
    wrt = ["W", "x"]
    """
    cost = derive(loads(text)).cost
    assert cost is not None
    assert cost.forward == Operations(multiplications=12, additions=9 + 2)
    assert cost.entries == 16
    # x[j] -> y[i] -> L and W[i,j] -> y[i] -> L
    assert cost.paths == 12 + 12
    assert cost.by_paths.multiplications == 24
    assert cost.by_paths.additions == 4 * 2


def test_paths_are_many_where_layers_are_wide() -> None:
    """Question 1.1 of document 004: with shared adjoints the work grows with the edges."""
    layers = 6
    definitions = "\n".join(
        f'h{k} = "tanh(W*{"x" if k == 0 else f"h{k - 1}"})"' for k in range(layers)
    )
    text = f"""
    [symbols]
    W = [10, 10]
    x = [10]
    [define]
    {definitions}
    L = "sum(h{layers - 1})"
    [derive]
    of = "L"
    wrt = ["x"]
    """
    cost = derive(loads(text)).cost
    assert cost is not None
    assert cost.paths == 10 ** (layers + 1)
    assert cost.by_paths.total > 5 * 10**7
    assert cost.backward.total < 10**4


def test_no_cost_with_symbolic_sizes() -> None:
    assert derived("sheet001_q2").cost is None


def test_cost_of_every_problem() -> None:
    for path in sorted(PROBLEMS.glob("*.toml")):
        derivation = derived(path.stem)
        cost = derivation.cost
        if cost is not None:
            assert cost.entries > 0 and cost.paths >= 0
            asked = sum(
                int(np.prod([s for s in g.shape if isinstance(s, int)]))
                for g in derivation.gradients.values()
                if "[" not in g.label
            )
            assert cost.entries >= asked or derivation.problem.sizes
