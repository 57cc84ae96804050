"""Prove the corpus, then rate symback on it.

    python -m tests.corpus.harness --prove [PATTERN]    is every `expected` the derivative?
    python -m tests.corpus.harness [PATTERN]            what symback answers: right, longer, ...

Verdicts: "right" (correct, no debris, not longer than the textbook), "longer" (correct, no debris,
longer), "raw" (correct, with debris), "wrong", "error" (an exception, or a value that the witness
cannot read).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import signal
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.special import OneMatrix
from sympy.tensor.array.array_comprehension import ArrayComprehension
from sympy.tensor.array.expressions import array_expressions as ax

from tests import witness
from tests.corpus import REFUSED, Row

MODULES = (
    "cookbook",
    "sympy_tests",
    "matrixcalculus",
    "machine_learning",
    "index_notation",
    "as_asked",
    "textbook_forms",
    "entry_forms",
)
DEFAULT_SIZES = (3, 2, 4, 5, 6, 7)
TOLERANCE = 1e-7
SEEDS = (1, 2)
INDEX_SEEDS = {3: 0, 4: 1}  # with free indices also: all of them 0, all of them 1
SHAPED = (
    sp.MatrixSymbol,
    sp.Identity,
    sp.ZeroMatrix,
    OneMatrix,
    ax.ArraySymbol,
    ax.ZeroArray,
    ax.OneArray,
)
# What gets a value of its own, besides symbols.
NAMED = (sp.MatrixSymbol, ax.ArraySymbol, sp.IndexedBase, AppliedUndef, UndefinedFunction)
# Read through their children alone.
UNCOUNTED = (MatrixElement, sp.Indexed, ax.ArrayElement, sp.Tuple, sp.MatrixBase)


def all_rows() -> list[Row]:
    """The rows of every module that exists, in order; ids are unique."""
    rows: list[Row] = []
    for name in MODULES:
        full = f"tests.corpus.{name}"
        if importlib.util.find_spec(full) is not None:
            rows += importlib.import_module(full).ROWS
    repeated = [key for key, count in Counter(row.id for row in rows).items() if count > 1]
    if repeated:
        raise ValueError(f"ids used twice: {repeated}")
    return rows


# --- values -------------------------------------------------------------------------------------


def parts(row: Row) -> list[Any]:
    """Every SymPy object of a row."""
    found = [row.expr, *row.variables, row.expected]
    return [sp.sympify(part) for part in found if part is not None and part is not REFUSED]


def subtrees(*expressions: Any) -> Iterator[Any]:
    """Every node, with the shape of special matrices and the arguments inside explicit ones."""
    for expression in expressions:
        if isinstance(expression, sp.MatrixBase):
            yield expression
            yield from subtrees(*expression.flat())
        elif isinstance(expression, ax.ArraySymbol):
            yield expression
            yield from subtrees(*expression.shape)
        elif isinstance(expression, sp.Basic):
            yield expression
            yield from subtrees(*expression.args)


def symbol_roles(nodes: list[Any]) -> tuple[set[Any], set[Any]]:
    """The symbols that must be sizes (or other integers), and those that are free indices."""
    sizes: set[Any] = set()
    indices: set[Any] = set()
    for node in nodes:
        shape: Any = ()
        if isinstance(node, SHAPED):
            shape = node.shape
        elif isinstance(node, sp.IndexedBase):
            shape = node.shape or ()
        elif isinstance(node, (sp.Sum, sp.Product, ArrayComprehension)):
            shape = [bound for limit in node.limits for bound in limit[1:]]
        elif isinstance(node, sp.Idx) and node.lower is not None:
            shape = (node.lower, node.upper)
        elif isinstance(node, sp.MatPow):
            shape = (node.exp,)
        for size in shape:
            sizes |= sp.sympify(size).free_symbols
        if isinstance(node, MatrixElement):
            indices |= node.i.free_symbols | node.j.free_symbols
        elif isinstance(node, (sp.Indexed, ax.ArrayElement)):
            indices |= set().union(*[index.free_symbols for index in node.indices])
        elif isinstance(node, sp.KroneckerDelta):
            indices |= node.args[0].free_symbols | node.args[1].free_symbols
    return sizes, indices - sizes


def environment(row: Row, seed: int) -> dict[Any, Any]:
    """Random values for everything that a row mentions.

    Distinct sizes for distinct size symbols; square matrices get a positive determinant.
    """
    nodes = list(subtrees(*parts(row)))
    rng = np.random.default_rng([seed, zlib.crc32(row.id.encode())])
    sizes, indices = symbol_roles(nodes)
    env: dict[Any, Any] = {}
    free = iter(size for size in DEFAULT_SIZES if size not in row.sizes.values())
    for symbol in sorted(sizes, key=str):
        if isinstance(symbol, sp.Dummy):
            continue
        if symbol.name in row.sizes:
            env[symbol] = row.sizes[symbol.name]
        elif symbol.name in row.values:
            env[symbol] = random_scalar(row.values[symbol.name], rng)
        else:
            env[symbol] = next(free)
    for symbol in sorted({node for node in nodes if isinstance(node, sp.Symbol)}, key=str):
        asked = row.values.get(symbol.name)
        if symbol in env:
            continue
        if symbol in indices and asked is None:
            env[symbol] = INDEX_SEEDS.get(seed % 100, int(rng.integers(0, 2)))
        elif symbol.is_integer and asked is None:
            env[symbol] = row.sizes.get(symbol.name, 3)
        else:
            env[symbol] = random_scalar(asked, rng)
    for node in sorted({n for n in nodes if isinstance(n, sp.Idx)}, key=str):
        asked = row.values.get(node.name, (0, 1))
        env.setdefault(node, INDEX_SEEDS.get(seed % 100, random_scalar(asked, rng)))
    named = {node for node in nodes if isinstance(node, NAMED)}  # few, as str() of the rest is slow
    for node in sorted(named, key=str):
        if isinstance(node, (sp.MatrixSymbol, ax.ArraySymbol)):
            shape = tuple(witness.as_int(size, env) for size in node.shape)
            env[node] = random_array(row.values.get(str(node.name)), shape, rng)
        elif isinstance(node, sp.IndexedBase):
            asked = row.values.get(str(node.label))
            if node.shape:
                shape = tuple(witness.as_int(size, env) for size in node.shape)
                env[node] = random_array(asked, shape, rng)
            elif isinstance(asked, np.ndarray):
                env[node] = asked
            else:
                low, high = {"positive": (0.4, 1.6), "unit": (0.15, 0.85)}.get(asked, (-1.5, 1.5))
                env[node] = witness.Entries(int(rng.integers(1, 10**6)), low, high)
        elif isinstance(node, (AppliedUndef, UndefinedFunction)):
            function = node.func if isinstance(node, AppliedUndef) else node
            if not function.__name__.endswith("'"):  # the witness differentiates f to get f'
                env[function] = a_function(function.__name__)
    return env


def a_function(name: str) -> Any:
    """A smooth function of any number of arguments; another for each name."""
    a, b = np.random.default_rng(zlib.crc32(name.encode())).uniform(0.4, 1.6, 2)

    def function(*arguments: Any) -> Any:
        total = sum((k + a) * argument for k, argument in enumerate(arguments))
        return np.sin(total + b) + b * total**2 / 2

    return function


def random_scalar(asked: Any, rng: np.random.Generator) -> Any:
    """A number as `Row.values` asks."""
    if isinstance(asked, tuple):
        return asked[int(rng.integers(0, len(asked)))]
    if asked is None or isinstance(asked, str):
        return float(random_array(asked, (1, 1), rng)[0, 0])
    return asked


def random_array(asked: Any, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """An array as `Row.values` asks."""
    if asked is not None and not isinstance(asked, str):
        return np.broadcast_to(np.asarray(asked, dtype=float), shape).copy()
    if asked == "positive":
        return rng.uniform(0.4, 1.6, shape)
    if asked == "unit":
        return rng.uniform(0.15, 0.85, shape)
    if asked == "small":
        return rng.uniform(-0.2, 0.2, shape)
    if asked == "sign":
        return rng.choice([-1.0, 1.0], shape)
    if asked == "binary":
        return rng.choice([0.0, 1.0], shape)
    if asked == "simplex":
        weights = rng.uniform(0.4, 1.6, shape)
        return weights / weights.sum()
    values = rng.uniform(-1.3, 1.3, shape)
    values += 0.25 * np.sign(values)  # away from the kinks at 0
    square = len(shape) == 2 and shape[0] == shape[1] > 1
    if not square:
        return values
    if asked == "symmetric":
        return values + values.T
    if asked == "diagonal":
        return np.diag(np.diag(values))
    if asked == "spd":
        return values @ values.T / shape[0] + np.eye(shape[0])
    while np.linalg.det(values) < 0.3:
        values = rng.uniform(-1.3, 1.3, shape) + 0.8 * np.eye(shape[0])
    return values


# --- truth --------------------------------------------------------------------------------------


def structure_of(row: Row) -> str:
    """The set of matrices within which the derivative is taken: "", "symmetric", "diagonal"."""
    for predicate in row.assume:
        if predicate.arguments == (row.wrt,):
            return {sp.Q.symmetric: "symmetric", sp.Q.diagonal: "diagonal"}[predicate.function]
    return ""


def true_derivative(row: Row, env: dict[Any, Any]) -> np.ndarray:
    """The derivative by differences, in the layout of the row.

    Raises:
        witness.WitnessError: the differences do not settle (a kink or a pole is too near).
    """
    if row.kind == "hessian":
        one, two = row.variables
        fine = witness.second(row.expr, one, two, env)
        coarse = witness.second(row.expr, one, two, env, h=3 * witness.FINE)
        axes = (one, two)
    else:
        structure = structure_of(row)
        fine = witness.derivative(row.expr, row.wrt, env, structure=structure)
        coarse = witness.derivative(
            row.expr, row.wrt, env, h=0.75 * witness.FINE, structure=structure
        )
        axes = (row.wrt,)
    if not close(fine, coarse):
        raise witness.WitnessError("the differences do not settle: a kink or a pole is near")
    wrt_shape = sum((witness.shape_of(axis, env) for axis in axes), ())
    expr_shape = fine.shape[: fine.ndim - len(wrt_shape)]
    if row.layout == "vec":
        order = [*reversed(range(len(expr_shape))), *reversed(range(len(expr_shape), fine.ndim))]
        return fine.transpose(order).reshape(int(np.prod(expr_shape)), int(np.prod(wrt_shape)))
    if row.kind != "hessian" and np.prod(expr_shape) == 1:
        answer = fine.reshape(wrt_shape)
        return answer.T if row.layout == "numerator" else answer
    if np.prod(wrt_shape) == 1 and len(wrt_shape) <= 2:
        answer = fine.reshape(expr_shape)
        return answer.T if row.layout == "denominator" else answer
    answer = fine.reshape([size for size in fine.shape if size != 1])
    return answer.T if row.layout == "denominator" else answer


def close(one: np.ndarray, two: np.ndarray) -> bool:
    """Equal to TOLERANCE, relative to the largest entry (at least 1)."""
    if not (np.all(np.isfinite(one)) and np.all(np.isfinite(two))):
        return False
    scale = max(1.0, float(np.abs(two).max(initial=0.0)))
    return bool(np.abs(one - two).max(initial=0.0) <= TOLERANCE * scale)


def difference(answer: Any, truth: np.ndarray, env: dict[Any, Any]) -> str:
    """Why an answer is not the derivative, or "" if it is."""
    value = np.asarray(witness.evaluate(answer, env))
    if value.shape != truth.shape:
        same = [s for s in value.shape if s != 1] == [s for s in truth.shape if s != 1]
        loose = truth.ndim == 0 or value.ndim == 0 or truth.ndim > 2 or 1 not in truth.shape
        if not (same and loose):
            return f"shape {value.shape}, not {truth.shape}"
        value = value.reshape(truth.shape)
    if not np.all(np.isfinite(value)):
        return "not finite"
    if not close(value, truth):
        return f"off by {np.abs(value - truth).max():.3g} of {np.abs(truth).max():.3g}"
    return ""


def settled(row: Row, seed: int) -> tuple[dict[Any, Any], np.ndarray]:
    """Values at which the derivative exists, and the derivative there."""
    problem = ""
    for attempt in range(12):
        env = environment(row, seed + 100 * attempt)
        try:
            with np.errstate(all="ignore"):
                return env, true_derivative(row, env)
        except witness.WitnessError as error:
            problem = str(error)
            if "settle" not in problem:
                break
    raise witness.WitnessError(f"{row.id}: {problem}")


def seeds(row: Row) -> tuple[int, ...]:
    """The seeds at which a row is tried: more of them where deltas must be met on and off."""
    nodes = list(subtrees(*parts(row)))
    if symbol_roles(nodes)[1] or any(isinstance(node, sp.Idx) for node in nodes):
        return (*SEEDS, *INDEX_SEEDS)
    return SEEDS


def prove(row: Row) -> str:
    """Why `expected` is not the derivative, or "" if it is."""
    if row.expected is REFUSED:
        return ""
    try:
        for seed in seeds(row):
            env, truth = settled(row, seed)
            if row.expected is not None:
                problem = difference(sp.sympify(row.expected), truth, env)
                if problem:
                    return problem
    except Exception as error:  # noqa: BLE001 (a long table is to be read to its end)
        return f"{type(error).__name__}: {error}"
    return ""


# --- readability --------------------------------------------------------------------------------

DEBRIS = (
    sp.Derivative,
    sp.Subs,
    sp.Lambda,
    sp.Integral,
    ax.ArrayContraction,
    ax.ArrayTensorProduct,
    ax.ArrayAdd,
    ax.ArrayDiagonal,
    ax.PermuteDims,
    ax.ArrayElementwiseApplyFunc,
    ax.Reshape,
    ArrayComprehension,
    sp.Piecewise,
)


def plain_function(lam: Any) -> bool:
    """Whether a Lambda is only SymPy's spelling of an elementwise function such as exp."""
    return (
        isinstance(lam, sp.Lambda)
        and len(lam.variables) == 1
        and not isinstance(lam.expr, sp.Pow)
        and lam.expr.args == tuple(lam.variables)
    )


def nodes_to_read(expr: Any) -> Iterator[Any]:
    """The nodes that a person reads: no shapes, no names, no Lambda that only names a function."""
    yield expr
    if isinstance(expr, sp.MatrixBase):
        children = expr.flat()
    elif isinstance(
        expr,
        (
            sp.MatrixSymbol,
            sp.Symbol,
            sp.Identity,
            OneMatrix,
            sp.ZeroMatrix,
            sp.Number,
            ax.ArraySymbol,
            sp.IndexedBase,
            sp.Idx,
        ),
    ):
        children = []
    elif isinstance(expr, ElementwiseApplyFunction):
        children = [expr.expr] if plain_function(expr.function) else [expr.function, expr.expr]
    elif isinstance(expr, sp.Lambda):
        children = [expr.expr]
    elif isinstance(expr, (sp.Sum, sp.Product, ArrayComprehension)):
        children = [expr.function, *[bound for limit in expr.limits for bound in limit[1:]]]
    elif isinstance(expr, sp.Inverse):
        children = [expr.arg]
    else:
        children = [arg for arg in getattr(expr, "args", ()) if isinstance(arg, sp.Basic)]
    for child in children:
        yield from nodes_to_read(child)


def length(expr: Any) -> int:
    """How much there is to read: a symbol, a number, an operation, a function are 1 each.

    An n-ary operation counts n - 1; a minus sign counts 1; a power -1 (a quotient, an inverse) and
    an index count 1; the bounds of a Sum count what they hold. The trace of a 1x1 matrix, SymPy's
    way to have a product such as x'x as a scalar, counts as that product, and so does DotProduct.
    """
    total = 0
    for node in nodes_to_read(sp.sympify(expr)):
        if isinstance(node, (sp.Add, sp.Mul, sp.MatAdd, sp.MatMul, HadamardProduct, ax.ArrayAdd)):
            total += len(node.args) - 1
            if isinstance(node, (sp.Mul, sp.MatMul)) and node.args[0] == -1:
                total -= 1
        elif isinstance(node, sp.Rational) and not node.is_Integer:
            total += 1 if node.p == 1 else 2
        elif isinstance(node, DotProduct):
            total += 2
        elif isinstance(node, sp.Trace) and node.arg.shape == (1, 1):
            continue
        elif not isinstance(node, UNCOUNTED):
            total += 1
    return total


def debris(answer: Any, row: Row) -> list[str]:
    """What a person would not have written, by name."""
    found = set()
    allowed = {type(node) for part in parts(row) for node in nodes_to_read(part)}
    for node in nodes_to_read(answer):
        wanted = row.expected is None and isinstance(node, ArrayComprehension)
        if isinstance(node, DEBRIS) and type(node) not in allowed and not wanted:
            found.add(type(node).__name__)
        if isinstance(node, sp.Dummy) and sp.Dummy not in allowed and not inside_lambda(answer):
            found.add("Dummy")
        if isinstance(node, sp.Transpose) and isinstance(node.arg, sp.Transpose):
            found.add("double transpose")
        if isinstance(node, sp.MatAdd) and any(isinstance(a, sp.ZeroMatrix) for a in node.args):
            found.add("zero term")
        if isinstance(node, (sp.MatMul, sp.Mul)):
            numbers = [arg for arg in node.args if arg.is_Number]
            if len(numbers) > 1 or sp.Integer(1) in numbers:
                found.add("numbers not multiplied")
            if any(isinstance(a, sp.MatMul) and a.args[0].is_Number for a in node.args):
                found.add("numbers not multiplied")
            matrices = [arg for arg in node.args if getattr(arg, "is_Matrix", False)]
            if len(matrices) > 1 and any(isinstance(a, sp.Identity) for a in matrices):
                found.add("identity factor")
            if any(isinstance(a, sp.ZeroMatrix) for a in node.args):
                found.add("zero factor")
        if isinstance(node, HadamardProduct) and any(isinstance(a, OneMatrix) for a in node.args):
            found.add("ones factor")
    if indices_bound_twice(answer):
        found.add("an index inside a sum over an index of its name")
    return sorted(found)


def indices_bound_twice(expr: Any, known: frozenset[Any] = frozenset()) -> set[Any]:
    """Indices that stand for two things in one place; SymPy puts values in for both of them."""
    own: set[Any] = set()
    inside = [arg for arg in getattr(expr, "args", ()) if isinstance(arg, sp.Basic)]
    if isinstance(expr, sp.MatrixBase):
        inside = expr.flat()
    elif isinstance(expr, sp.Lambda):
        own, inside = set(expr.variables), [expr.expr]
    elif isinstance(expr, (sp.Sum, sp.Product, ArrayComprehension)):
        own = {limit[0] for limit in expr.limits}
        inside = [expr.function, *[bound for limit in expr.limits for bound in limit[1:]]]
    below = [indices_bound_twice(arg, known | own) for arg in inside]
    return (own & known).union(*below)


def inside_lambda(answer: Any) -> bool:
    """Whether a Dummy may be there because SymPy puts one into applyfunc's Lambda."""
    return isinstance(answer, sp.Basic) and bool(answer.atoms(ElementwiseApplyFunction))


# --- rating -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    """What symback answered for one row."""

    row: Row
    verdict: str
    answer: Any = None
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


def ask(row: Row) -> Any:
    """symback's answer for a row."""
    symback = importlib.import_module("symback")
    options = {} if row.layout == "mixed" else {"layout": row.layout}
    with sp.assuming(*row.assume):
        if row.kind == "gradient":
            return symback.gradient(row.expr, row.wrt, **options)
        if row.kind == "jacobian":
            return symback.jacobian(row.expr, row.wrt, **options)
        return symback.hessian(row.expr, *row.variables, **options)


def check(row: Row) -> Report:
    """Ask symback, compare with the differences, rate how the answer reads."""
    start = time.process_time()
    try:
        answer = ask(row)
    except Exception as error:  # noqa: BLE001 (an "error" verdict)
        if row.expected is REFUSED and type(error).__module__.startswith("symback"):
            return Report(row, "right", None, [], 0.0)
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno}"
        return Report(row, "error", None, [f"{type(error).__name__} at {place}: {error}"])
    if row.expected is REFUSED:
        return Report(row, "wrong", answer, ["an error was wanted"])
    seconds = time.process_time() - start
    notes = [] if seconds < 1 else [f"slow: {seconds:.1f} s"]
    try:
        for seed in seeds(row):
            env, truth = settled(row, seed)
            problem = difference(answer, truth, env)
            if problem:
                return Report(row, "wrong", answer, [*notes, problem], seconds)
    except Exception as error:  # noqa: BLE001 (an "error" verdict)
        return Report(row, "error", answer, [*notes, f"{type(error).__name__}: {error}"], seconds)
    found = debris(answer, row)
    if found:
        return Report(row, "raw", answer, [*notes, *found], seconds)
    if row.expected is not None and length(answer) > length(row.expected):
        lengths = f"length {length(answer)}, textbook {length(row.expected)}"
        return Report(row, "longer", answer, [*notes, lengths], seconds)
    return Report(row, "right", answer, notes, seconds)


def check_within(row: Row, limit: int) -> Report:
    """`check`, given up after `limit` seconds (an "error"), so that one bad row stops nothing."""

    def give_up(*_: Any) -> None:
        raise TimeoutError(f"not done after {limit} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(limit)
    try:
        return check(row)
    except TimeoutError as error:
        return Report(row, "error", None, [str(error)], float(limit))
    finally:
        signal.alarm(0)


def chosen(pattern: str) -> list[Row]:
    """The rows whose id matches a pattern such as `cookbook/*` or holds a piece such as `trace`."""
    return [row for row in all_rows() if fnmatch(row.id, pattern) or pattern in row.id]


def shortened(answer: Any) -> str:
    """The text of an answer, cut where it is hopeless to read on."""
    text = str(answer)
    return text if len(text) <= 600 else f"{text[:600]}... ({len(text)} characters)"


def main() -> int:
    """Print a line for each row that is not right, then the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pattern", nargs="?", default="*")
    parser.add_argument("--prove", action="store_true", help="check the table, not symback")
    parser.add_argument("--all", action="store_true", help="print the right ones too")
    parser.add_argument("--limit", type=int, default=10, help="seconds for a row (default 10)")
    asked = parser.parse_args()
    rows = chosen(asked.pattern)
    if asked.prove:
        failures = [(row.id, problem) for row in rows if (problem := prove(row))]
        for name, problem in failures:
            print(f"NOT PROVED  {name}: {problem}")
        print(f"{len(rows) - len(failures)} of {len(rows)} rows proved")
        return int(bool(failures))
    totals: Counter[str] = Counter()
    seconds = []
    for row in rows:
        report = check_within(row, asked.limit)
        totals[report.verdict] += 1
        seconds.append(report.seconds)
        if asked.all or report.verdict != "right" or report.notes:
            print(
                f"{report.verdict:7} {row.id}  [{1000 * report.seconds:.0f} ms]"
                f"  {'; '.join(report.notes)}"
            )
            print(f"        d {row.expr} / d {row.wrt}")
            print(f"        is       {shortened(report.answer)}")
            print(f"        expected {row.expected}")
    print(
        "  ".join(
            f"{name} {totals[name]}" for name in ("right", "longer", "raw", "wrong", "error")
        ),
        f" of {len(rows)}",
    )
    if seconds:
        print(f"median {1000 * np.median(seconds):.0f} ms, longest {max(seconds):.2f} s")
    return int(totals["right"] < len(rows))


if __name__ == "__main__":
    raise SystemExit(main())
