"""Indices at the edge of their ranges, names that clash, masks: what is easily and silently wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.matexpr import MatrixElement

import symback as sb
from symback import ops
from symback.errors import DomainError, InputError, ShapeError, Unsupported
from symback.notation import Notation
from symback.notation.indexer import Indexer
from symback.notation.nesting import same_sums
from symback.phrase import Phrase, entry, mul, num
from symback.simplify import product as products
from symback.simplify.softmax import sum_of_softmax
from tests import witness
from tests.corpus.harness import indices_bound_twice

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k, ell = sp.symbols("i j k l", integer=True)
lag = sp.Symbol("s", integer=True, positive=True)
c, t = sp.symbols("c t")
w, x, y, labels = (sp.IndexedBase(name) for name in ("w", "x", "y", "labels"))
T = sp.IndexedBase("T")
delta, Sum, Product = sp.KroneckerDelta, sp.Sum, sp.Product


@pytest.mark.parametrize(
    ("expr", "wrt", "answer"),
    [
        # a delta with a number or a size may lie outside the range of the other side
        (c * Sum(delta(i, n), (i, 0, n - 1)), c, 0),
        (c * Sum(delta(i, 5), (i, 0, m - 1)), c, sp.Piecewise((1, m >= 6), (0, True))),
        (c * Sum(delta(i, 0) * x[i], (i, 0, n - 1)), c, x[0]),
        (Sum(delta(labels[i], 1) * x[i] ** 2, (i, 0, n - 1)), x[k], 2 * delta(1, labels[k]) * x[k]),
        # entries named by numbers and sizes, windows that begin elsewhere
        (Sum(x[i] * x[i + lag], (i, 0, n - 1)), x[0], x[lag]),
        (Sum((x[i + lag] - c * x[i]) ** 2, (i, 0, n - 1)), x[0], 2 * c * (c * x[0] - x[lag])),
        (Sum(w[i] ** 2, (i, 0, n - 1)) + Sum(x[i] * w[i + m], (i, 1, n)), w[0], 2 * w[0]),
        (
            Sum(x[i] * w[1 - i], (i, 0, n - 1)) + Sum(w[i] ** 2, (i, 0, n - 1)),
            w[0],
            x[1] + 2 * w[0],
        ),
        (Sum((x[i] - x[1 - i]) ** 2, (i, 0, n - 1)), x[0], 4 * x[0] - 4 * x[1]),
        (
            Sum(x[i] ** 2, (i, 0, m - 1)) + Sum(x[i] ** 3, (i, 0, n - 1)),
            x[n - 1],
            sp.Piecewise((2 * x[n - 1], m >= n), (0, True)) + 3 * x[n - 1] ** 2,
        ),
        (Sum(w[i] * w[n - 1 - i], (i, 0, n - 1)), w[k], 2 * w[n - 1 - k]),
        # arrays of three axes whose first and last are exchanged
        (
            Sum(sp.exp(T[i, j, k]) * sp.exp(-T[k, j, i]), (i, 0, n), (j, 0, n), (k, 0, n)),
            T[1, 2, 3],
            sp.exp(T[1, 2, 3]) * sp.exp(-T[3, 2, 1]) - sp.exp(-T[1, 2, 3]) * sp.exp(T[3, 2, 1]),
        ),
        (
            Sum((T[i, j, k] - T[k, j, i]) ** 2 * x[j], (i, 0, n), (j, 0, n), (k, 0, n)),
            T[1, 2, 3],
            4 * (T[1, 2, 3] - T[3, 2, 1]) * x[2],
        ),
        # ranges without an index
        (Sum(w[i], (i, 0, -1)), w[k], 0),
        (c * Product(w[i], (i, 0, -1)), c, 1),
        # the index asked for has the name of a bound one, which also is a bound
        (
            Sum((x[i + 1] - x[i]) * Sum(y[j], (j, 0, i)), (i, 0, n - 1)),
            x[i],
            sp.Piecewise((-Sum(y[j], (j, 0, sp.Min(i, n - 1))), i < n), (0, True))
            + Sum(y[j], (j, 0, i - 1)),
        ),
        # products with a bound that is an index
        (
            Sum(Product(x[j], (j, i, n - 1)), (i, 0, n - 1)),
            x[k],
            Sum(Product(x[i], (i, j, n - 1)), (j, 0, k)) / x[k],
        ),
    ],
)
def test_edges(expr: Any, wrt: Any, answer: Any) -> None:
    found = sb.gradient(expr, wrt)
    assert sp.expand(found) == sp.expand(answer)


def test_a_look_up_goes_all_around() -> None:
    """w[3] stands in w[(2 + 1) mod 4], though the sum itself ends at w[2]."""
    ring = Sum((w[i] - w[sp.Mod(i + 1, n)]) ** 2, (i, 0, n - 2))
    slope = sb.gradient(ring, w[k]).subs(n, 4)
    v = sp.symbols("v:4")
    entries = {w[place]: v[place] for place in range(4)}
    by_hand = ring.subs(n, 4).doit().subs(entries)
    for place in range(4):
        at = slope.subs(k, place).doit().subs(entries)
        assert sp.expand(at - by_hand.diff(v[place])) == 0


@pytest.mark.parametrize("name", ["gamma", "step", "where", "max", "abs", "maximum", "det"])
def test_an_unknown_function_with_a_known_name(name: str) -> None:
    unknown = sp.Function(name)
    assert str(sb.gradient(unknown(t) ** 2, t)) == f"2*{name}(t)*{name}'(t)"


lower = sp.FunctionMatrix(n, n, sp.Lambda((i, j), sp.Piecewise((1, i >= j), (0, True))))
column, row = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("r", 1, n)
S = sp.MatrixSymbol("S", n, n)


@pytest.mark.parametrize(
    ("expr", "by_hand"),
    [
        (
            Sum(S[i, j], (j, 0, i - 1), (i, 0, n - 1)),
            lambda s, v: s[1, 0] + s[2, 0] + s[2, 1],
        ),
        (
            Sum(sp.sin(S[i, j]), (j, 0, i), (i, 1, n - 1)),
            lambda s, v: sum(sp.sin(s[a, b]) for a in (1, 2) for b in range(a + 1)),
        ),
        (
            (sp.OneMatrix(1, n - 1) * S[1:, 1:] * column[1:, 0])[0, 0],
            lambda s, v: sum(s[a, b] * v[b] for a in (1, 2) for b in (1, 2)),
        ),
        (
            Sum(S[i, j] * column[j, 0], (j, 1, n - 1), (i, 0, n - 2)),
            lambda s, v: sum(s[a, b] * v[b] for a in (0, 1) for b in (1, 2)),
        ),
        (
            sp.Trace(sp.HadamardProduct(S, lower) * S),
            lambda s, v: sum(s[a, b] * s[b, a] for a in range(3) for b in range(a + 1)),
        ),
    ],
)
def test_triangles_and_corners(expr: Any, by_hand: Any) -> None:
    entries, vector = sp.Matrix(3, 3, sp.symbols("s:9")), sp.symbols("v:3")
    slopes = sb.gradient(expr, S).subs(n, 3).as_explicit()
    known = {sp.MatrixSymbol("S", 3, 3)[a, b]: entries[a, b] for a in range(3) for b in range(3)}
    known |= {sp.MatrixSymbol("x", 3, 1)[a, 0]: vector[a] for a in range(3)}
    value = by_hand(entries, vector)
    wanted = entries.applyfunc(lambda entry: sp.diff(value, entry))
    assert (slopes.subs(known) - wanted).expand() == sp.zeros(3)


def test_causal_attention_has_clipped_sums() -> None:
    value, target = sp.MatrixSymbol("V", n, m), sp.MatrixSymbol("Y", n, m)
    scores = sp.HadamardProduct(S.applyfunc(sp.exp), lower)
    weights = sp.DiagMatrix(sp.HadamardPower(scores * sp.OneMatrix(n, 1), -1)) * scores
    slope = sb.gradient(sp.Trace(target.T * weights * value), value)
    assert not slope.has(sp.Piecewise) and slope.shape == (n, m)


def test_the_gradient_by_a_row_is_a_row() -> None:
    four = sp.MatrixSymbol("f", 1, 4)
    assert sb.gradient(row[0, 0] ** 2, row).shape == (1, n)
    assert sb.gradient(Sum(i * row[0, i], (i, 0, n - 1)), row)[0, k] == k
    assert sb.gradient(four[0, 0] * four[0, 1], four) == sp.Matrix([[four[0, 1], four[0, 0], 0, 0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sb.gradient(Sum(w[i], (i, 0, -3)), w[k]), Unsupported, "bounds run backwards"),
        (lambda: sb.gradient(sp.zoo, t), DomainError, "not finite"),
        (lambda: sb.gradient(Sum(w[i], (i, 0, n)), w[k, j]), ShapeError, "other indices"),
        (lambda: sb.gradient(w[w[0]], w[0]), Unsupported, "an index must be"),
        (lambda: sb.gradient(t, int), InputError, "not type"),
        (lambda: sb.gradient((column.T * column)[0, 0], [column, t]), Unsupported, "the matrix x"),
        (lambda: sb.jacobian(S * column, column, layout="foo"), InputError, "no layout 'foo'"),  # type: ignore[arg-type]
        (lambda: sb.hessian(t**2, t, layout="numerator"), InputError, "mixed, vec"),  # type: ignore[arg-type]
        (lambda: sb.jacobian(sp.sin(S), S), Unsupported, "a function of a matrix as a whole"),
    ],
)
def test_what_is_wrong_is_said(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_mask_stays_where_there_is_no_value_under_it() -> None:
    mask = 1 - delta(i, j)
    pairs = Sum(mask / (x[i] - x[j]) ** 2, (i, 1, n), (j, 1, n))
    slope = sb.gradient(pairs, x[k])
    assert slope == 4 * Sum((1 - delta(i, k)) / (x[i] - x[k]) ** 3, (i, 1, n))
    logs = Sum(mask * sp.log(sp.Abs(x[i] - x[j])), (i, 0, n - 1), (j, 0, n - 1))
    assert sb.gradient(logs, x[k]) == 2 * Sum((1 - delta(j, k)) / (x[k] - x[j]), (j, 0, n - 1))
    coulomb = Sum(1 / sp.Abs(x[i] - x[j]), (j, i + 1, n), (i, 1, n - 1))
    assert len(sb.gradient(coulomb, x[k]).args) == 2  # below k and above it, not at k


def test_odd_and_even_functions_of_both_signs_are_one() -> None:
    pairs = Sum(sp.sqrt(sp.Abs(x[i] - x[j])), (i, 1, n), (j, 1, n))
    body = sp.sign(x[k] - x[i]) / sp.sqrt(sp.Abs(x[i] - x[k]))
    assert sb.gradient(pairs, x[k]) == Sum(body, (i, 1, n))
    masked = sp.Piecewise((1 / (x[i] - x[j]), sp.Ne(j, i)), (0, True))
    assert sb.gradient(Sum(masked, (i, 1, n), (j, 1, n)), x[k]) == 0


def test_bounds_stand_outside_the_sums_that_they_bound() -> None:
    windows = Sum(Sum(w[m], (m, i, n), (i, j, j + 1)) ** 2, (j, ell, ell + 1), (ell, 0, n))
    slope = sb.gradient(windows.subs(m, sp.Symbol("q", integer=True)), w[k])
    assert {s for s in slope.free_symbols if s.is_Symbol} <= {n, k, w.label}


def test_an_axis_may_start_below_0_where_its_end_is_not_known() -> None:
    slope = sb.gradient(Sum(w[i], (i, -1, m)) + Sum(w[i] ** 2, (i, 0, n)), w[k])
    assert slope.subs({k: -1, m: 2, n: 3}) == 1
    shifted = sb.gradient(Sum(w[i] * w[2 * i - 2], (i, 0, n)), w[k])
    assert shifted.subs({k: -2, n: 3}).doit() == w[0]


def test_a_value_of_an_unknown_function_is_a_variable() -> None:
    f = sp.Function("f")
    assert sb.gradient(f(t) ** 2 * t, f(t)) == 2 * t * f(t)
    with pytest.raises(Unsupported, match=r"by f\(k\): f\(i\) is there too"):
        sb.gradient(Sum(f(i) ** 2, (i, 1, n)), f(k))


def test_a_coordinate_and_its_velocity_are_variables_of_their_own() -> None:
    at = sp.Function("q")(t)
    speed = at.diff(t)
    for held in (at * speed**2, sp.Derivative(at**2, t) * speed, sp.exp(at) * at.diff(t, 2)):
        for wrt in (at, speed, at.diff(t, 2)):
            assert (sb.gradient(held, wrt) - sp.diff(held.doit(), wrt)).expand() == 0
    assert sb.hessian(at**2 * speed**2, at, speed) == 4 * at * speed
    with pytest.raises(Unsupported, match=r"by q\(t\) and by t at once"):
        sb.hessian(at**2, at, t)


def test_unknown_functions_of_one_name_keep_their_own_derivatives() -> None:
    total = sp.OneMatrix(1, n)
    for f in (sp.Function("f"), sp.Function("f", real=True)):
        slope = sb.gradient(total * column.applyfunc(f), column)
        assert str(slope.subs(f, sp.sin)) == str(column.applyfunc(sp.cos))


def test_the_variable_of_a_lambda_is_no_symbol_of_the_users() -> None:
    r = sp.Symbol("r", real=True)
    slope = sb.gradient(row * column.applyfunc(sp.Lambda(r, sp.log(1 + sp.exp(t * r)))), column)
    (applied,) = slope.atoms(sp.matrices.expressions.applyfunc.ElementwiseApplyFunction)
    assert applied.function.variables[0].name not in {"t", "x"}
    assert applied.function.free_symbols == {t}


def test_a_sum_inside_matrix_notation_keeps_its_index() -> None:
    inner = Sum(column[i, 0] ** 2 * c**i, (i, 0, n - 1))
    both = sb.gradient(Sum(inner * row[0, i] * column[i, 0], (i, 0, n - 1)), row)
    at_two = both.subs({n: 2, c: 3}).subs(sp.MatrixSymbol("x", 2, 1), sp.Matrix([2, 5]))
    assert at_two.doit() == sp.Matrix([[2 * 79, 5 * 79]])


def test_a_list_of_expressions_is_a_column() -> None:
    assert sb.jacobian([t, t * c], [t, c]) == sp.Matrix([[1, 0], [c, t]])


@pytest.mark.parametrize(
    ("expr", "wrt", "answer"),
    [
        (Sum(x[i] * t**i, (i, 0, sp.oo)), x[k], t**k),
        (Sum(x[i] * t**i, (i, 0, sp.oo)), t, Sum(i * t ** (i - 1) * x[i], (i, 0, sp.oo))),
        (Sum(x[i] * y[j], (j, i, sp.oo), (i, 0, sp.oo)), y[k], Sum(x[i], (i, 0, k))),
    ],
)
def test_sums_without_an_end_are_differentiated_term_by_term(
    expr: Any, wrt: Any, answer: Any
) -> None:
    assert sb.gradient(expr, wrt) == answer


def test_derivatives_of_unknown_functions_are_read() -> None:
    f, g = sp.Function("f"), sp.Function("g")
    assert str(sb.gradient(f(t).diff(t) ** 2, t)) == "2*f'(t)*f''(t)"
    assert str(sb.gradient(c * g(t, c).diff(t), c)) == "c*g_12(t, c) + g_1(t, c)"
    assert str(sb.gradient(f(t**2).diff(t), t)) == "4*t**2*f''(t**2) + 2*f'(t**2)"
    with pytest.raises(Unsupported, match="cannot read Derivative"):
        sb.gradient(sp.Derivative(f(t), (t, n)), t)


def test_a_factor_that_stands_twice_is_no_count() -> None:
    """32*t*t is no 32*t, beside 8*tr(M*N)."""
    one, other = sp.Matrix([[c, t], [1, t]]), sp.Matrix([[c, 2], [t, t]])
    eye = sp.Identity(2)
    whole = sp.Trace(sp.BlockMatrix([[eye], [one]]) * sp.BlockMatrix([[eye, other]])) ** 2
    by_hand = (2 + (one * other).trace()) ** 2
    assert sp.expand(sb.hessian(whole, t, t).doit() - by_hand.diff(t, t)) == 0


def test_indices_within_sums_have_names_of_their_own() -> None:
    """SymPy puts the value of an index in for every index of its name, and fails or is wrong."""
    five = S[i, k] * S[j, k] * S[k, ell] * S[i, ell] * S[j, ell]
    rows = sp.Lambda((i, j), S[i, j] + Sum(five, (k, 0, n - 1), (ell, 0, n - 1)))
    logdet = sp.log(sp.Determinant(sp.FunctionMatrix(n, n, rows)))
    two, start = sp.MatrixSymbol("S", 2, 2), sp.Matrix([[1, 2], [3, 5]])
    slope, mixed = sb.gradient(logdet, S), sb.hessian(logdet, S[1, 0], S)
    assert not indices_bound_twice(slope) and not indices_bound_twice(mixed)

    entries = sp.Matrix(2, 2, sp.symbols("a:4"))
    whole = sp.Matrix(2, 2, lambda a, b: rows(a, b).subs(n, 2).doit().subs(two, entries).doit())
    slopes = entries.applyfunc(lambda entry: sp.log(whole.det()).diff(entry))
    for found, wanted in ((slope, slopes), (mixed, slopes.diff(entries[1, 0]))):
        at_two = found.subs(n, 2).subs(two, start).doit()
        values = wanted.subs(dict(zip(entries, start, strict=True)))
        assert [at_two[a, b].doit() for a in (0, 1) for b in (0, 1)] == list(values)


def test_functions_within_functions_have_variables_of_their_own() -> None:
    column, other = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", n, 1)
    sigmoids = (S * other).applyfunc(sp.Lambda(t, 1 / (1 + sp.exp(-t))))
    whole = sp.Trace(sp.OneMatrix(1, n) * sigmoids)
    cases = sp.Lambda(t, sp.Piecewise((t**2, t < 1), (t, True)))
    slope = sb.gradient(sp.OneMatrix(1, n) * (whole * column).applyfunc(cases), column)
    assert not indices_bound_twice(slope)
    at = {n: 2, S: 2 * np.eye(2), column: np.array([[0.1], [2.0]]), other: np.array([[0.5], [1.0]])}
    factor = 1 / (1 + np.exp(-1)) + 1 / (1 + np.exp(-2))
    wanted = [[2 * 0.1 * factor**2], [factor]]
    assert np.allclose(np.asarray(witness.evaluate(slope, at), dtype=float), wanted)


def test_powers_of_a_number_by_a_multiple_of_the_identity() -> None:
    """2^(2*I) is 4 on the diagonal and 1 beside it, not 4."""
    powers = sp.Identity(n).applyfunc(sp.Lambda(t, 2**t))
    four_times = sp.KroneckerProduct(sp.OneMatrix(2, 2), powers)
    for square, by_hand in ((powers**2, 18), (powers * powers.T, 18), (four_times**2, 72)):
        found = sb.gradient(c * sp.Trace(square), c)
        assert witness.evaluate(found, {n: 3}) == by_hand


def test_an_entry_of_a_reciprocal_stays_that_entry() -> None:
    """[j = 1]/(d_j*[j = 1]) is no 1/d_j: beside the diagonal there is no value."""
    two = sp.MatrixSymbol("d", 2, 1)
    reciprocals = sp.HadamardPower(DiagMatrix(two)[1:, :], -1)
    entry = MatrixElement(reciprocals, 0, 1)  # brackets would work it out
    assert sb.gradient(entry, two) == sp.Matrix([0, -1 / two[1, 0] ** 2])


def test_a_scalar_is_no_row_of_a_softmax() -> None:
    """exp(b - logsumexp(x)) has no index to be summed over."""
    column, scalar = ops.symbol("x", (3,)), ops.symbol("b")
    share = ops.apply("exp", ops.subtract(scalar, ops.reduce("logsumexp", column)))
    product = products.Product.of(ops.einsum(1, [(share, ()), (column, "i")], "i"))
    assert not sum_of_softmax(product)


def test_a_delta_with_a_number_puts_it_in() -> None:
    """[i = 0]/(|A_ij| + A_ij) has no value where A_ij < 0."""
    both = S.applyfunc(sp.Lambda(t, t * sp.sign(t))) + S
    slopes = sb.hessian(MatrixElement(sp.HadamardPower(both, -1), 0, 0), S, S)
    assert {entry.args[1:] for entry in slopes.atoms(MatrixElement)} == {(0, 0)}


def test_what_cannot_be_shown_is_named() -> None:
    """SymPy cannot write -(0^-1) out; the error is ours all the same."""
    nothing = sp.Inverse(sp.MatMul(S, sp.ZeroMatrix(n, n), evaluate=False))
    twice = sp.Lambda(t, 2 * t)
    expr = sp.Trace((sp.MatMul(-1, nothing, S)).applyfunc(twice))
    with pytest.raises(DomainError, match="divides by zero"):
        sb.gradient(expr, S)


def test_quotients_of_entries_by_zero_are_said() -> None:
    nothing = sp.MatAdd(sp.MatMul(-1, S), S)
    with pytest.raises(DomainError, match="divides by zero: HadamardProduct"):
        sb.jacobian(sp.HadamardProduct(S, sp.HadamardPower(nothing, -1)), S)


def test_an_entry_depends_on_what_is_known_of_an_index() -> None:
    """[j <= k] is 1 at j = 0 where k runs from 0, and only there."""
    place, size = ops.symbol("k"), ops.symbol("n")
    mask = ops.select("<=", (1,), ops.scale(-1, place), (size,))
    indexer = Indexer(Notation(), {place: size})
    assert indexer.entry(mask, (ops.ZERO,)) == num(1)
    indexer.free = {}
    assert indexer.entry(mask, (ops.ZERO,)).head == "iverson"


def test_sums_are_the_same_whatever_their_indices_are_called() -> None:
    """But the matrices in them keep their order."""

    def power_sum(name: str, *, turned: bool) -> Phrase:
        r = Phrase("symbol", (), (name, "index"))
        base, other = (Phrase("symbol", (), (letter, ""), (3, 3)) for letter in "AB")
        factors = [Phrase("matrix_pow", (base, r), (), (3, 3)), other]
        body = mul(factors[::-1] if turned else factors)
        return Phrase("sum_over", (body, num(0), num(2)), (name,), (3, 3))

    def first(total: Phrase) -> Phrase:
        return entry(total, num(0), num(1))

    one, same = power_sum("r", turned=False), power_sum("s", turned=False)
    other = power_sum("s", turned=True)
    assert same_sums([first(one), first(same)]) == [first(one), first(one)]
    assert same_sums([first(one), first(other)]) == [first(one), first(other)]
