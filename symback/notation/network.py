"""Series-parallel reduction: a product of matrices and vectors on labels to matrix notation."""

from __future__ import annotations

from symback import phrase as p
from symback.graph import Shape, Size
from symback.phrase import Phrase


class Network:
    """A product of factors while it is reduced to matrix notation."""

    def __init__(self, out: tuple[int, ...], sizes: Shape, used: set[int]) -> None:
        self.out = out
        self.sizes = sizes
        self.scalars: list[Phrase] = []
        self.vectors: dict[int, list[Phrase]] = {label: [] for label in sorted(used)}
        self.edges: list[tuple[int, int, Phrase]] = []

    def take(self, form: Phrase, labels: tuple[int, ...]) -> None:
        if not labels:
            self.scalars.append(form)
        elif len(labels) == 1:
            self.vectors[labels[0]].append(form)
        elif labels[0] == labels[1]:
            self.vectors[labels[0]].append(_diagonal(form))
        else:
            self.edges.append((labels[0], labels[1], form))

    def reduce(self) -> Phrase | None:
        waiting = [label for label in self.vectors if label not in self.out]
        while waiting:
            ready = [label for label in waiting if self._degree(label) <= 1]
            ready = ready or [label for label in waiting if self._degree(label) == 2]
            if not ready:
                return None
            # innermost first: the label whose elimination leaves the shortest piece
            label = min(ready, key=lambda x: (self._degree(x), self._weight(x)))
            self._eliminate(label)
            waiting = [x for x in waiting if x in self.vectors]
        return self._finish()

    def _neighbours(self, label: int) -> set[int]:
        return {b if a == label else a for a, b, _ in self.edges if label in (a, b)}

    def _degree(self, label: int) -> int:
        return len(self._neighbours(label))

    def _weight(self, label: int) -> int:
        return sum(form.length for a, b, form in self.edges if label in (a, b))

    def _edges_from(self, label: int) -> dict[int, list[Phrase]]:
        """The edges at a label by neighbour, each with its rows at the label; they are removed."""
        result: dict[int, list[Phrase]] = {}
        for a, b, form in self.edges:
            if a == label:
                result.setdefault(b, []).append(form)
            elif b == label:
                result.setdefault(a, []).append(p.transpose(form))
        self.edges = [edge for edge in self.edges if label not in edge[:2]]
        return result

    def _eliminate(self, label: int) -> None:
        """Sum over a label that at most two others are joined to."""
        vectors = self.vectors.pop(label)
        edges = self._edges_from(label)
        if not edges:
            self.scalars.append(_vector_sum(vectors, self.sizes[label]))
            return
        if len(edges) == 1:
            ((other, forms),) = edges.items()
            alone = other not in self.out and self._degree(other) == 0 and not self.vectors[other]
            if alone and not vectors:
                del self.vectors[other]
                self.scalars.append(_matrix_sum(forms))
                return
            joined = p.hadamard(forms)
            if vectors:
                column = p.mul([p.transpose(joined), p.hadamard(vectors)])
            else:
                column = _column_sums(forms)
            self.vectors[other].append(column)
            return
        (a, first), (b, second) = edges.items()
        # (u*v') .* A where u and v are symbols, else diag(u)*A*diag(v)
        for other, forms in ((a, first), (b, second)):
            if vectors and self.vectors[other] and self._degree(other) + (other in self.out):
                column, row = p.hadamard(vectors), p.hadamard(self.vectors[other])
                if column.length == row.length == 1:
                    forms.append(p.outer(column, row))
                    vectors, self.vectors[other] = [], []
        middle = [p.diag(p.hadamard(vectors))] if vectors else []
        form = p.mul([p.transpose(p.hadamard(first)), *middle, p.hadamard(second)])
        self.edges.append((a, b, form))

    def _finish(self) -> Phrase | None:
        if len(self.out) == 0:
            return p.mul(self.scalars)
        if len(self.out) == 1 or self.out[0] == self.out[1]:
            column = self._column(self.out[0])
            body = column if len(self.out) == 1 else p.diag(column)
            return p.mul([*self.scalars, body])
        row, col = self.out
        forms = [f if (a, b) == (row, col) else p.transpose(f) for a, b, f in self.edges]
        left, right = self.vectors[row], self.vectors[col]
        if not forms and not left and not right:
            return p.mul([*self.scalars, p.ones((self.sizes[row], self.sizes[col]))])
        if not forms:
            return p.mul([*self.scalars, self._outer(row, col)])
        body = p.hadamard(forms)
        if left and right and body.head != "mul":
            return p.mul([*self.scalars, p.hadamard([self._outer(row, col), body])])
        before = [p.diag(p.hadamard(left))] if left else []
        after = [p.diag(p.hadamard(right))] if right else []
        return p.mul([*self.scalars, *before, body, *after])

    def _outer(self, row: int, col: int) -> Phrase:
        return p.outer(self._column(row), self._column(col))

    def _column(self, label: int) -> Phrase:
        vectors = self.vectors[label]
        return p.hadamard(vectors) if vectors else p.ones((self.sizes[label], 1))


def _diagonal(form: Phrase) -> Phrase:
    return Phrase("diagonal", (form,), (), (form.shape[0], 1))


def _split_square(form: Phrase) -> tuple[Phrase, Phrase] | None:
    """x, x for the elementwise square of x."""
    if form.head == "elementwise_pow" and form.args[1] == p.num(2):
        return form.args[0], form.args[0]
    return None


def _vector_sum(vectors: list[Phrase], size: Size) -> Phrase:
    """The sum of the elementwise product of columns: x'*y, sum(x)."""
    if not vectors:
        return p.mul([])
    vectors = sorted(vectors, key=_chain_order)
    if len(vectors) == 1:
        if vectors[0].head == "diagonal":
            return p.trace(vectors[0].args[0])
        pair = _split_square(vectors[0])
        if pair is not None:
            return p.scalar(p.mul([p.transpose(pair[0]), pair[1]]))
        (only,) = vectors
        coef = p.coefficient(only)
        if only.head == "mul" and any(not a.is_matrix for a in only.args):
            scalars = [a for a in only.args if not a.is_matrix]
            inner = p.mul([a for a in only.args if a.is_matrix])
            return p.mul([*scalars, Phrase("sum", (inner,))], coef)
        if coef != 1:
            return p.mul([Phrase("sum", (p.mul(only.args),))], coef)
        return Phrase("sum", (only,))
    # a'*(B*c) reads a'*B*c, so the longest chain goes to the right
    *left, right = vectors
    first = p.hadamard(left)
    chains = [p.mul([p.transpose(a), b]) for a, b in ((first, right), (right, first))]
    return p.scalar(min(chains, key=lambda chain: chain.length))


def _chain_order(form: Phrase) -> tuple[int, int]:
    return (form.head == "mul", form.length)


def _matrix_sum(forms: list[Phrase]) -> Phrase:
    """The sum of all entries of the elementwise product of matrices: tr(A'*B), sum(A)."""
    if len(forms) == 1:
        pair = _split_square(forms[0])
        if pair is None:
            return Phrase("sum", (forms[0],))
        forms = list(pair)
    *left, right = forms
    first = p.hadamard(left)
    chains = [
        p.mul([p.transpose(first), right]),
        p.mul([first, p.transpose(right)]),
        p.mul([p.transpose(right), first]),
        p.mul([right, p.transpose(first)]),
    ]
    return p.trace(min(chains, key=lambda chain: (chain.length, _ends(chain))))


def _column_sums(forms: list[Phrase]) -> Phrase:
    """The sums of the columns of A .* B: (A .* B)'*1, or diag(A'*M*A) or diag(M^2).

    Of a size in numbers always the former: SymPy has no diagonal of such a matrix as a whole.
    """
    joined = p.hadamard(forms)
    sums = Phrase("row_sums", (p.transpose(joined),), (), (joined.shape[1], 1))
    pair = forms if len(forms) == 2 else _split_square(joined)
    if pair is None or isinstance(joined.shape[1], int):
        return sums
    chains = [p.mul([p.transpose(a), b]) for a, b in (pair, pair[::-1])]
    chain = min(chains, key=lambda chain: (chain.length, _ends(chain)))
    if chain.head == "matrix_pow":
        return _diagonal(chain)
    links = [a for a in chain.args if a.is_matrix] if chain.head == "mul" else []
    whole = p.mul([*_scalars(chain), _diagonal(p.mul(links))])
    is_form = len(links) > 2 and links[0] == p.transpose(links[-1])
    return whole if is_form or (len(links) > 2 and whole.length < sums.length) else sums


def _scalars(chain: Phrase) -> list[Phrase]:
    return [p.num(p.coefficient(chain)), *(a for a in chain.args if not a.is_matrix)]


def _ends(chain: Phrase) -> tuple[bool, bool]:
    """W'*A*W before A*W*W': a transpose first, none last."""
    links = [a for a in chain.args if a.is_matrix] if chain.head == "mul" else [chain]
    return links[0].head != "transpose", links[-1].head == "transpose"
