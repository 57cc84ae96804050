"""The layout "vec" of derivatives: d vec(F) / d vec(X)', a matrix.

Magnus and Neudecker, Matrix Differential Calculus with Applications in Statistics and
Econometrics, 3rd edition, 2019, chapters 3, 9 and 10.
"""

from __future__ import annotations

from symback import ops
from symback.backprop import jacobian as sweep
from symback.errors import Unsupported
from symback.graph import Node
from symback.notation import Notation
from symback.ops import Label, einsum
from symback.phrase import Phrase, add, common_factor_out, commutation, diag, eye, mul, vec
from symback.simplify import simplify
from symback.simplify.expand import MAX_EXPANDED_TERMS, expand, is_sum
from symback.sizes import times
from symback.sympy_derivation import Derivative, Variable


def vectorised(derivative: Derivative, notation: Notation) -> Node:
    """The derivative as a matrix, multiplied out where only that has a matrix notation."""
    return _with_notation(derivative.node, derivative, notation)


def _with_notation(node: Node, derivative: Derivative, notation: Notation) -> Node:
    stacked = _stacked(node, derivative)
    if notation.matrix(stacked) is not None:
        return stacked
    for opened in (_is_large_sum, is_sum):
        expanded = expand(node, MAX_EXPANDED_TERMS, opened)
        if expanded is None or expanded is node:
            continue
        apart = _stacked(expanded, derivative)
        if notation.matrix(apart) is not None:
            return apart
    return stacked


def of_free_entries(derivative: Derivative, notation: Notation) -> Phrase | None:
    """The derivative by vec(X) as if X had no structure, times that of vec(X) by its own.

    For a symmetric X that is I + K - diag(vec(I)), for a diagonal one diag(vec(I)). Magnus and
    Neudecker, Matrix Differential Calculus, 2019, section 3.8.
    """
    bound = any(variable.structure for variable in derivative.variables)
    if not bound or derivative.by_indices or derivative.node.rank < 2:
        return None
    node, tidy = derivative.of.root.node, derivative.of.tidy(False)
    for variable in derivative.variables:
        node = tidy(sweep(tidy(node), [variable.node])[0])
    form = notation.matrix(_with_notation(node, derivative, notation))
    sides = [_free_entries(variable) for variable in derivative.variables]
    if form is None:
        return None
    first = sides[0] if len(sides) == 2 else None
    factors = (first, common_factor_out(form), sides[-1])
    return common_factor_out(mul([factor for factor in factors if factor is not None]))


def _stacked(node: Node, derivative: Derivative) -> Node:
    """d vec(expr) / d vec(wrt)': the axes of each stacked column by column.

    For a Hessian the axes of each variable: d^2 f / d vec(x) d vec(y)'.
    """
    first = derivative.of.root.node.rank
    if len(derivative.variables) == 2:
        row = derivative.variables[0]
        first = 0 if row.entry is not None else row.node.rank
    terms = node.args if node.op == "add" else (node,)
    stacked = []
    for term in terms:
        factors: list[tuple[Node, tuple[Label, ...]]] = [(term, tuple(range(term.rank)))]
        out: list[Label] = []
        for start, count in ((0, first), (first, node.rank - first)):
            axes = tuple(range(start, start + count))
            if count == 2:
                tall, wide = term.shape[start], term.shape[start + 1]
                size = times(tall, wide)
                join = ops.select("==", (-1, 1, tall), 0, (size, tall, wide))
                factors.append((join, (("stacked", start), *axes)))
                out.append(("stacked", start))
            elif count > 2:
                raise Unsupported('layout "vec" is for matrices')
            else:
                out.extend(axes)
        stacked.append(simplify(einsum(1, factors, out, merge=True)))
    return ops.add(*stacked)


def _is_large_sum(node: Node) -> bool:
    """Whether this is a sum that has no matrix notation."""
    return is_sum(node) and node.rank > 2


def _free_entries(variable: Variable) -> Phrase | None:
    """d vec(X)/d vec(X)' where the entries of X vary together; None where each is free."""
    if not variable.structure:
        return None
    rows, columns = variable.node.shape
    size = times(rows, columns)
    diagonal = diag(vec(eye(rows), size))
    if variable.structure == "diagonal":
        return diagonal
    return add([eye(size), commutation(rows, columns), mul([diagonal], -1)])
