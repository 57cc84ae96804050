"""Products of block matrices: split where the blocks meet, entries in the block they lie in."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import symback as sb
from symback.errors import Unsupported
from symback.notation import Notation
from symback.ops import add, einsum, number, select, symbol
from symback.phrase import Phrase, num
from symback.simplify.blocks import gather_blocks
from symback.simplify.sums import flatten_sum
from symback.sympy_write import Writer

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
A, F, H = (sp.MatrixSymbol(*args) for args in (("A", n, n), ("F", n, m), ("H", m, n)))
L, O, K, M = (
    sp.MatrixSymbol(*args) for args in (("L", n, 2), ("O", 2, m), ("K", m, n), ("M", 2, n))
)
d, r, x = (sp.MatrixSymbol(*args) for args in (("d", 2, 1), ("r", 1, n), ("x", n, 1)))
N = sp.MatrixSymbol("N", m, 2)
inner = sp.BlockMatrix([[O, d]]) * sp.BlockMatrix([[K], [r]])
nested = sp.BlockMatrix([[F, L]]) * sp.BlockMatrix([[H], [inner]])


@pytest.mark.parametrize(
    ("expr", "wrt", "form"),
    [
        (
            sp.Trace((sp.BlockMatrix([[F, L]]) * sp.BlockMatrix([[H], [M]])) ** 2),
            F,
            "2*(F*H + L*M).T*H.T",
        ),
        (sp.Trace(nested**2), F, "2*(F*H + L*(O*K + d*r)).T*H.T"),
        (sp.Trace(nested**2), L, "2*(F*H + L*(O*K + d*r)).T*(O*K + d*r).T"),
        (sp.Trace(A * nested), d, "L.T*A.T*r.T"),
    ],
)
def test_products_of_blocks_are_sums_of_products(expr: Any, wrt: Any, form: str) -> None:
    assert str(sb.gradient(expr, wrt)) == form


def test_an_entry_lies_in_one_block() -> None:
    """Row 0 of [H; M] is row 0 of H, whatever m is, and not row -m of M."""
    assert sb.hessian(sp.Trace(nested**2), F[0, 0], F[0, 0]) == 2 * H[0, 0] ** 2
    stacked = sp.BlockMatrix([[H], [inner]])
    assert sb.gradient(stacked[0, 0] * stacked[0, 1], H[0, 0]) == H[0, 1]


def test_a_case_that_sympy_would_move_out_of_an_inner_sum_is_refused() -> None:
    """The sum over k in the inverse has a case on k and i; the outer sum is over i too."""
    ramp = sp.FunctionMatrix(n, n, sp.Lambda((i, j), sp.Piecewise((x[i, 0], i <= j), (1, True))))
    with pytest.raises(Unsupported, match="moves a case out of an inner sum"):
        sb.gradient(sp.Trace(ramp * ramp * A) ** 2, x)


def test_a_case_that_sympy_has_moved_out_of_a_sum_is_refused() -> None:
    u, v = sp.IndexedBase("u"), sp.IndexedBase("v")
    hinge = sp.Piecewise((u[i] - v[j], u[i] > v[j]), (0, True))
    expr = sp.Sum(sp.Sum(hinge, (j, 0, m - 1)) ** 2, (i, 0, n - 1))
    with pytest.raises(Unsupported, match=r"SymPy moved the condition .* out of the sum over j"):
        sb.gradient(expr, u[k])


def test_functions_of_blocks_are_blocks_in_sums() -> None:
    """d sum(exp([A*x; y])) needs no case for the rows of y."""
    y = sp.MatrixSymbol("y", m, 1)
    stacked = sp.BlockMatrix([[A * x], [y]]).applyfunc(sp.exp)
    total = sp.OneMatrix(1, n + m) * stacked
    assert str(sb.gradient(total, y)) == "Lambda(_d, exp(_d)).(y)"
    assert not sb.hessian(total[0, 0] ** 2, y, x).has(sp.Piecewise)


def test_a_demand_holds_for_all_that_it_guards() -> None:
    """w[k + 1] stands where k <= n anyway, and is not guarded once more."""
    w = sp.IndexedBase("w")
    hinge = sp.Piecewise((-1, w[i + 1] < 1), (w[i], True))
    inner = sp.Piecewise((0, w[k + 1] < 1), (1, True))
    answer = sb.gradient(sp.Sum(hinge, (i, 0, n)), w[k])
    assert answer == sp.Piecewise((inner, k <= n), (0, True))


D, B, C = (sp.MatrixSymbol(*args) for args in (("D", m, m), ("B", n, m), ("C", m, n)))
W, y, v = (sp.MatrixSymbol(*args) for args in (("W", 2, n + m), ("y", m, 1), ("v", 2, 1)))
z = sp.BlockMatrix([[x], [y]])
square = sp.BlockMatrix([[A, B], [C, D]])
diagonal = sp.BlockDiagMatrix(A, D)


@pytest.mark.parametrize(
    ("function", "expr", "wrt", "form"),
    [
        (sb.gradient, v.T * W * z, y, W[:, n:].T * v),
        (sb.jacobian, W * z, y, W[:, n:]),
        (sb.gradient, sp.log(sp.Determinant(diagonal)), D, D.T.I),
        (sb.gradient, sp.Determinant(diagonal), D, sp.Determinant(A) * sp.Determinant(D) * D.T.I),
        (sb.gradient, z.T * diagonal.inverse() * z, D, -D.T.I * y * y.T * D.T.I),
        (
            sb.gradient,
            sp.log(sp.Determinant(square)),
            B,
            sp.BlockMatrix([[A, B], [C, D]]).I[n:, :n].T,
        ),
        (
            sb.jacobian,
            z.applyfunc(sp.exp),
            y,
            sp.BlockMatrix([[sp.ZeroMatrix(n, m)], [sp.DiagMatrix(y.applyfunc(sp.exp))]]),
        ),
        # an entry that is named by a number lies in the first block: y[1 - n] is none
        (sb.gradient, z[1, 0] ** 2, x, 2 * x[1, 0] * sp.Identity(n)[:, 1:2]),
        (sb.gradient, z[1, 0] ** 2, y, 0),
        (
            sb.gradient,
            z.T * sp.BlockMatrix([[sp.DiagMatrix(x)[:, 1:2]], [y]]),
            x,
            2 * x[1, 0] * sp.Identity(n)[:, 1:2],
        ),
    ],
)
def test_blocks_of_results(function: Any, expr: Any, wrt: Any, form: Any) -> None:
    assert str(function(expr, wrt)) == str(form)


def test_cases_of_several_matrices_keep_their_functions() -> None:
    """where(0 < A, tanh(G), sin(G)) is no multiple of G, though G stands in both cases."""
    a, g = (Phrase("symbol", (), (name, ""), (2, 2)) for name in "AG")
    positive = Phrase("function", (num(0), a), ("lt",), (2, 2))
    cases = (Phrase("function", (g,), (name,), (2, 2)) for name in ("tanh", "sin"))
    form = Writer(Notation(), {})(Phrase("function", (positive, *cases), ("where",), (2, 2)))
    values = {"A": sp.Matrix([[1, -1], [-2, 2]]), "G": sp.Matrix([[3, 4], [5, 6]])}
    symbols = {symbol: values[symbol.name] for symbol in form.atoms(sp.MatrixSymbol)}
    assert form.subs(symbols).as_explicit() == sp.Matrix(
        [[sp.tanh(3), sp.sin(4)], [sp.sin(5), sp.tanh(6)]]
    )


def test_blocks_are_gathered_only_where_the_condition_alone_has_the_index() -> None:
    """[p = 1] x_p a_i keeps its p; of [p = 1] a_i + [p = 1] b_i the sum of a and b is left."""
    first = select("==", (1,), number(-1), (3,))
    a, b, c = (symbol(name, (3,)) for name in "abc")
    carried = [einsum(1, [(first, "p"), (c, "p"), (v, "i")], "pi") for v in (a, b)]
    alone = [einsum(1, [(first, "p"), (v, "i")], "pi") for v in (a, b)]
    assert gather_blocks(add(*carried), flatten_sum) is None
    gathered = gather_blocks(add(*alone), flatten_sum)
    assert gathered is einsum(1, [(first, "p"), (add(a, b), "i")], "pi")
