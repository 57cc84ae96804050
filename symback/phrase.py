"""Mathematics as it is written: the tree that every spelling (SymPy, text, LaTeX) prints.

A phrase is what a person would write on paper: matrix products, transposes, Hadamard products,
sums over indices. It has a surface shape, `()` for a scalar and (rows, columns) for a matrix. The
constructors keep the form tidy: double transposes cancel, products are flat, the number comes
first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from math import gcd
from typing import TypeAlias

from symback.graph import Shape, Size
from symback.sizes import times

# What each head stands for; the spellings cover every one of them (a test walks this table).
HEADS: dict[str, str] = {
    "symbol": "a variable; data: name, kind",
    "number": "a rational number; data: value",
    "constant": "pi or e; data: name",
    "add": "a sum of terms",
    "mul": "data: coefficient; scalars first, then a chain of matrices",
    "hadamard": "an elementwise product of matrices",
    "pow": "a power of a scalar: base, exponent",
    "elementwise_pow": "an elementwise power of a matrix: base, exponent",
    "function": "an elementwise function; data: name, derivative orders",
    "scalar": "a 1x1 product read as a scalar",
    "transpose": "a transpose",
    "inverse": "an inverse",
    "matrix_pow": "a power of a square matrix: base, exponent",
    "expm": "a matrix exponential",
    "det": "a determinant",
    "logdet": "the logarithm of an absolute determinant",
    "trace": "a trace",
    "sum": "the sum of all entries",
    "row_sums": "the column of the sums of each row",
    "softmax": "softmax of a column or of each row",
    "logsumexp": "logsumexp of all entries, or (data: 1) of each row",
    "max": "the largest of all entries, or (data: 1) of each row",
    "argmax": "the indicator of the largest entry, ties shared; of all or (data: 1) of each row",
    "prod": "the product of all entries, or (data: 1) of each row",
    "sort": "entries in ascending order",
    "order": "the permutation matrix that sorts",
    "diag": "the diagonal matrix of a column",
    "diagonal": "the diagonal of a matrix as a column",
    "ones": "a matrix of ones",
    "zeros": "a matrix of zeros",
    "eye": "an identity matrix",
    "entry": "an entry of an array: base, indices",
    "slice": "rows and columns of a matrix: base, first row, past the last, the same of columns",
    "kron": "a Kronecker product",
    "commutation": "the matrix K with K*vec(X) = vec(X'); data: rows and columns of X",
    "vec": "the columns of a matrix one below the other",
    "blocks": "a matrix of blocks in row-major order; data: rows and columns of blocks",
    "array": "an explicit matrix, entries in row-major order",
    "sum_over": "a sum: body, then lowest and highest value of each index; data: index names",
    "prod_over": "a product, like sum_over",
    "delta": "Kronecker's delta of two indices",
    "iverson": "1 if a condition holds, else 0; data: relation; left, right",
    "comprehension": "an array by its entries: body; data: (index name, size) of each axis",
}


_NONE: frozenset[Hashable] = frozenset()


@dataclass(frozen=True, eq=False)
class Phrase:
    """One piece of written mathematics. `HEADS` says what `args` and `data` hold."""

    head: str
    args: tuple[Phrase, ...] = ()
    data: tuple[Hashable, ...] = ()
    shape: Shape = ()
    symmetric: bool = False
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._content()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Phrase):
            return self is other
        return self._hash == other._hash and self._content() == other._content()

    def _content(self) -> tuple[object, ...]:
        return self.head, self.args, self.data, self.shape, self.symmetric

    @property
    def bound(self) -> frozenset[Hashable]:
        """The names of the index variables that this runs over itself."""
        if self.head in ("sum_over", "prod_over"):
            return frozenset(self.data)
        return frozenset(name for name, _ in self.axes) if self.head == "comprehension" else _NONE

    @cached_property
    def indices(self) -> frozenset[Hashable]:
        """The names of the index variables in it that it does not run over itself."""
        own = {self.data[0]} if self.head == "symbol" and self.data[-1] == "index" else set()
        return frozenset(own).union(*(arg.indices for arg in self.args)) - self.bound

    @cached_property
    def binds(self) -> frozenset[Hashable]:
        """The names of the index variables that it, or a part of it, runs over."""
        return self.bound.union(*(arg.binds for arg in self.args))

    @cached_property
    def length(self) -> int:
        """How much there is to read: one for each symbol, number and operation."""
        own = {"add": len(self.args) - 1, "scalar": 0, "hadamard": len(self.args) - 1}.get(
            self.head
        )
        if self.head == "mul":
            own = len(self.args) - 1 + (self.data[0] != 1)
        return (1 if own is None else own) + sum(arg.length for arg in self.args)

    @cached_property
    def turned(self) -> Phrase:
        """The transpose of a matrix that is not symmetric, worked out once."""
        return _transpose(self)

    @property
    def is_matrix(self) -> bool:
        return len(self.shape) == 2

    @property
    def is_number(self) -> bool:
        return self.head == "number"

    @property
    def value(self) -> Fraction:
        value = self.data[0]
        assert isinstance(value, Fraction)
        return value

    @property
    def axes(self) -> tuple[tuple[str, Size], ...]:
        """Index name and size of each axis of a comprehension."""
        return self.data  # type: ignore[return-value]

    @property
    def counts(self) -> tuple[int, int]:
        """How many rows and columns of blocks there are."""
        return self.data  # type: ignore[return-value]


def num(value: int | Fraction) -> Phrase:
    return Phrase("number", data=(Fraction(value),))


UNIT = num(1)


def ones(shape: Shape) -> Phrase:
    return Phrase("ones", shape=shape, symmetric=shape[0] == shape[1]) if shape else UNIT


def eye(size: Size) -> Phrase:
    return Phrase("eye", shape=(size, size), symmetric=True)


def unit_columns(phrase: Phrase) -> set[Phrase]:
    """The columns of identity matrices that are written in a phrase."""
    return {x for x in pieces(phrase) if x.head == "slice" and x.args[0].head == "eye"}


def coefficient(phrase: Phrase) -> Fraction:
    """The number in front."""
    if phrase.head == "mul":
        coef = phrase.data[0]
        assert isinstance(coef, Fraction)
        return coef
    return phrase.value if phrase.is_number else Fraction(1)


def mul(factors: Iterable[Phrase], coef: Fraction | int = 1) -> Phrase:
    """Scalars times a chain of matrices. A column times a row is their outer product."""
    coef = Fraction(coef)
    scalars: list[Phrase] = []
    chain: list[Phrase] = []
    for factor in factors:
        if factor.head == "mul":
            coef *= coefficient(factor)
            for inner in factor.args:
                (chain if inner.is_matrix else scalars).append(inner)
        elif factor.is_number:
            coef *= factor.value
        else:
            (chain if factor.is_matrix else scalars).append(factor)
    chain = _joined_diagonals(chain)
    scalars = _paired_sigmoids(scalars)
    chain = _as_powers([f for f in chain if f.head != "eye"]) or chain[:1]
    if coef == 0:
        shape = (chain[0].shape[0], chain[-1].shape[1]) if chain else ()
        return Phrase("zeros", shape=shape) if shape else num(0)
    parts = (*scalars, *chain)
    if not parts:
        return num(coef)
    if len(parts) == 1 and coef == 1:
        return parts[0]
    if not chain:
        return Phrase("mul", parts, (coef,))
    rows, columns = chain[0].shape[0], chain[-1].shape[1]
    symmetric = rows == columns and _palindrome(chain)
    return Phrase("mul", parts, (coef,), (rows, columns), symmetric)


def _joined_diagonals(chain: list[Phrase]) -> list[Phrase]:
    """diag(u)*diag(v) -> diag(u .* v)"""
    result: list[Phrase] = []
    for factor in chain:
        if factor.head == "diag" and result and result[-1].head == "diag":
            result[-1] = diag(hadamard([result[-1].args[0], factor.args[0]]))
        else:
            result.append(factor)
    return result


def _paired_sigmoids(factors: list[Phrase]) -> list[Phrase]:
    """sigmoid(u)*sigmoid(-u) -> sigmoid(u)*(1 - sigmoid(u)), as books write it."""
    for k, factor in enumerate(factors):
        if factor.head != "function" or factor.data != ("sigmoid",):
            continue
        (u,) = factor.args
        for j, other in enumerate(factors):
            sigmoid = other.head == "function" and other.data == ("sigmoid",) and j != k
            if sigmoid and other.args[0] == mul([u], -1) and coefficient(u) > 0:
                pair = add([ones(factor.shape), mul([factor], -1)])
                return [*(f for i, f in enumerate(factors) if i != j), pair]
    return factors


def rebuilt(phrase: Phrase, args: tuple[Phrase, ...]) -> Phrase:
    """The phrase on other arguments of the same shapes, sums and products tidied."""
    if phrase.head == "add":
        return add(args)
    if phrase.head == "mul":
        return mul(args, coefficient(phrase))
    return Phrase(phrase.head, args, phrase.data, phrase.shape, phrase.symmetric)


def outer(u: Phrase, v: Phrase) -> Phrase:
    """The product of a column and a row: A*1 times (B*1)' is A*ones*B'."""
    left, right = mul([u]), mul([v])
    if "row_sums" in (left.head, right.head) or (left.head, right.head).count("ones"):
        a, a_size = (left.args[0], left.args[0].shape[1]) if left.head == "row_sums" else (None, 0)
        b, b_size = (
            (right.args[0], right.args[0].shape[1]) if right.head == "row_sums" else (None, 0)
        )
        flat_left, flat_right = left.head == "ones", right.head == "ones"
        if (a is not None or flat_left) and (b is not None or flat_right):
            middle = ones((a_size or left.shape[0], b_size or right.shape[0]))
            parts = [a, middle, None if b is None else transpose(b)]
            return mul([part for part in parts if part is not None])
    return mul([u, transpose(v)])


def _as_powers(chain: list[Phrase]) -> list[Phrase]:
    """A*A*A -> A^3, inv(A)*inv(A) -> A^-2, A^r*A -> A^(r+1) for numbers r."""
    result: list[Phrase] = []
    for factor in chain:
        base, exponent = _matrix_base(factor)
        if result and exponent is not None:
            last, before = _matrix_base(result[-1])
            if last == base and before is not None and base.shape[0] == base.shape[1]:
                result[-1] = matrix_power(base, before + exponent)
                continue
        result.append(factor)
    return _as_block_powers([f for f in result if f.head != "eye"]) or result[:1]


def _as_block_powers(chain: list[Phrase]) -> list[Phrase]:
    """A*B*A*B -> (A*B)^2"""
    for size in range(2, len(chain) // 2 + 1):
        for start in range(len(chain) - 2 * size + 1):
            block = chain[start : start + size]
            count = 1
            while chain[start + count * size : start + (count + 1) * size] == block:
                count += 1
            if count > 1 and block[0].shape[0] == block[-1].shape[1]:
                joined = matrix_power(mul(block), Fraction(count))
                rest = chain[start + count * size :]
                return _as_block_powers([*chain[:start], joined, *rest])
    return chain


def _matrix_base(factor: Phrase) -> tuple[Phrase, Fraction | None]:
    """base, exponent of a square factor; None for an exponent that is not a number."""
    if factor.head == "inverse":
        return factor.args[0], Fraction(-1)
    if factor.head == "matrix_pow":
        exponent = factor.args[1]
        return factor.args[0], exponent.value if exponent.is_number else None
    return factor, Fraction(1)


def matrix_power(base: Phrase, exponent: Fraction) -> Phrase:
    """base^exponent; the power of an inverse has a negative exponent."""
    if base.head == "inverse":
        return matrix_power(base.args[0], -exponent)
    if exponent == 0:
        return eye(base.shape[0])
    if exponent == 1:
        return base
    if exponent == -1:
        return Phrase("inverse", (base,), (), base.shape, base.symmetric)
    return Phrase("matrix_pow", (base, num(exponent)), (), base.shape, base.symmetric)


def _palindrome(chain: list[Phrase]) -> bool:
    return all(transpose(a) == b for a, b in zip(chain, reversed(chain), strict=True))


def add(terms: Iterable[Phrase]) -> Phrase:
    """A sum, terms with a plus sign first so that it does not start with a minus."""
    flat: list[Phrase] = []
    for term in terms:
        flat.extend(_flat(term))
    flat = _joined_permutations(_joined_kroneckers(_joined_sums(_joined_constants(flat))))
    flat = _paired_transposes(flat)
    flat.sort(key=lambda term: (coefficient(term) < 0, -_degree(term), _is_turned(term)))
    if len(flat) == 1:
        return flat[0]
    symmetric = all(term.symmetric for term in flat)
    if not symmetric and len(flat) == 2 and flat[0].is_matrix:
        symmetric = flat[0].shape[0] == flat[0].shape[1] and transpose(flat[0]) == flat[1]
    return Phrase("add", tuple(flat), (), flat[0].shape, symmetric)


def _flat(term: Phrase) -> tuple[Phrase, ...]:
    """The terms of a sum; those of -(a - b) too, for -a + b is no longer."""
    if term.head == "add":
        return term.args
    inner = term.args[0] if term.head == "mul" and len(term.args) == 1 else term
    if inner.head == "add" and coefficient(term) == -1:
        negative = sum(coefficient(part) < 0 for part in inner.args)
        if 2 * negative >= len(inner.args):
            return tuple(mul([part], -1) for part in inner.args)
    return (term,)


def _is_turned(term: Phrase) -> bool:
    """Whether this is a transpose: A + A' rather than A' + A."""
    return term.head == "transpose" or (term.head == "mul" and term.args[-1].head == "transpose")


def _joined_constants(terms: list[Phrase]) -> list[Phrase]:
    """c*I - I -> (c - 1)*I, and the same with a matrix of ones."""
    for head in ("eye", "ones"):
        found = [
            term
            for term in terms
            if term.head == head or (term.head == "mul" and [head] == _matrix_heads(term))
        ]
        if len(found) > 1:
            matrix = found[0].args[-1] if found[0].head == "mul" else found[0]
            scalars = (
                mul([a for a in term.args if not a.is_matrix], coefficient(term)) for term in found
            )
            joined = mul([add(scalars), matrix])
            terms = [term for term in terms if term not in found] + [joined]
    return terms


def _paired_transposes(terms: list[Phrase]) -> list[Phrase]:
    """A + B/2 + B'/2 -> A + (B + B')/2: a symmetric part stays together."""
    if len(terms) < 3 or not terms[0].is_matrix:
        return terms
    for term in terms:
        coef = coefficient(term)
        turned = transpose(term) if coef.denominator != 1 else term
        if turned != term and turned in terms:
            both = [mul([part], 1 / coef) for part in (term, turned)]
            rest = [other for other in terms if other not in (term, turned)]
            return _paired_transposes([*rest, mul([add(both)], coef)])
    return terms


def _matrix_heads(term: Phrase) -> list[str]:
    return [a.head for a in term.args if a.is_matrix]


def _joined_sums(terms: list[Phrase]) -> list[Phrase]:
    """Sums over the same indices, with the same factors in front, become one sum."""
    result: list[Phrase] = []
    for term in terms:
        coef, outside, total = split_sum(term)
        for place, other in enumerate(result):
            other_coef, other_outside, before = split_sum(other)
            if total is None or before is None or total.args[1:] != before.args[1:]:
                continue
            names = dict(zip(total.data, before.data, strict=True))
            if outside != other_outside or not total.args[0].binds.isdisjoint(before.data):
                continue  # the new names would be caught
            body = renamed(total.args[0], names)
            if body == before.args[0]:
                result[place] = mul([*outside, before], coef + other_coef)
                break
            common = coef if coef == other_coef else Fraction(1)
            both = add([mul([before.args[0]], other_coef / common), mul([body], coef / common)])
            number = coefficient(both)
            whole = (mul([both], 1 / number), *before.args[1:])
            joined = Phrase("sum_over", whole, before.data, before.shape)
            result[place] = mul([*outside, joined], common * number)
            break
        else:
            result.append(term)
    return result


def _joined_kroneckers(terms: list[Phrase]) -> list[Phrase]:
    """(A (x) B)*x + (A (x) C)*x -> (A (x) (B + C))*x, and the same with the right one in common."""
    products = [(k, *split) for k, term in enumerate(terms) if (split := _split_kronecker(term))]
    for (j, coef, first, around), (k, other_coef, second, beside) in combinations(products, 2):
        pairs = list(zip(first.args, second.args, strict=False))
        different = [place for place, (one, other) in enumerate(pairs) if one != other]
        alike = all(one.shape == other.shape for one, other in pairs)
        if around != beside or not alike or first.shape != second.shape or len(different) > 1:
            continue
        before, after = around
        if not different:
            joined = mul([*before, first, *after], coef + other_coef)
        else:
            one, other = pairs[different[0]]
            parts = list(first.args)
            parts[different[0]] = add(collected((mul([one], coef), mul([other], other_coef))))
            joined = mul([*before, kron(parts, first.shape), *after])
        rest = [t for i, t in enumerate(terms) if i not in (j, k)]
        return _joined_kroneckers([*rest, joined])
    return terms


def factors_of(phrase: Phrase) -> tuple[Phrase, ...]:
    """The factors of a product without its number; anything else is its own one factor."""
    return phrase.args if phrase.head == "mul" else (phrase,)


def pieces(phrase: Phrase) -> Iterator[Phrase]:
    """A phrase and all that it is made of, from left to right."""
    todo = [phrase]
    while todo:
        piece = todo.pop()
        yield piece
        todo.extend(reversed(piece.args))


def collected(totals: Iterable[Phrase]) -> list[Phrase]:
    """The terms of several sums, equal ones added."""
    coefs: dict[Phrase, Fraction] = {}
    for total in totals:
        for term in total.args if total.head == "add" else (total,):
            bare = mul(term.args) if term.head == "mul" else term
            coefs[bare] = coefs.get(bare, Fraction(0)) + coefficient(term)
    return [mul([bare], coef) for bare, coef in coefs.items()]


def _joined_permutations(terms: list[Phrase]) -> list[Phrase]:
    """A*K + B*K -> (A + B)*K for a commutation matrix K, or for Kronecker products A and B.

    Likewise (I (x) K)*A + (I (x) K)*B -> (I (x) K)*(A + B), and diag(vec(X)) in front.
    """
    for end in (-1, 0):
        groups: dict[Phrase, list[Phrase]] = {}
        for term in terms:
            if term.head == "mul" and len(term.args) > 1 and _is_shared(term.args, end):
                groups.setdefault(term.args[end], []).append(term)
        for shared, members in groups.items():
            if len(members) < 2:
                continue
            coefs = {coefficient(term) for term in members}
            common = coefs.pop() if len(coefs) == 1 else Fraction(1)
            rests = (term.args[:-1] if end else term.args[1:] for term in members)
            total = add(
                mul(rest, coefficient(term) / common)
                for rest, term in zip(rests, members, strict=True)
            )
            joined = mul([total, shared] if end else [shared, total], common)
            terms = [*(term for term in terms if term not in members), joined]
    return terms


def _is_shared(factors: tuple[Phrase, ...], end: int) -> bool:
    """Whether the last factor (the first for 0) reads better outside a sum."""
    heads = [factor.head for factor in factors]
    if end:
        return heads[-1] == "commutation" or (len(heads) == 2 and heads[0] == "kron" != heads[1])
    inner = {factor.head for factor in factors[0].args}
    permutes = heads[0] == "kron" and inner <= {"eye", "commutation"}
    return (permutes or (heads[0] == "diag" and inner == {"vec"})) and "kron" in heads[1:]


Around: TypeAlias = tuple[tuple[Phrase, ...], tuple[Phrase, ...]]


def _split_kronecker(term: Phrase) -> tuple[Fraction, Phrase, Around] | None:
    """coef, product, what stands before and after it; None for terms without just one."""
    factors = factors_of(term)
    places = [k for k, factor in enumerate(factors) if factor.head == "kron"]
    if len(places) != 1:
        return None
    (k,) = places
    return coefficient(term), factors[k], (factors[:k], factors[k + 1 :])


def split_sum(term: Phrase) -> tuple[Fraction, list[Phrase], Phrase | None]:
    """coef, scalars, sum with term = coef*scalars*sum; no sum for anything else."""
    factors = factors_of(term)
    sums = [factor for factor in factors if factor.head == "sum_over"]
    outside = [factor for factor in factors if factor.head != "sum_over"]
    plain = len(sums) == 1 and not any(factor.is_matrix for factor in outside)
    return coefficient(term), outside, sums[0] if plain else None


def renamed(phrase: Phrase, names: Mapping[Hashable, Hashable]) -> Phrase:
    """The phrase with index variables renamed, those that it does not run over itself."""
    if phrase.indices.isdisjoint(names):
        return phrase
    if phrase.head == "symbol":
        name, kind = phrase.data
        return Phrase("symbol", (), (names[name], kind), phrase.shape)
    left = {old: new for old, new in names.items() if old not in phrase.bound}
    args = tuple(renamed(arg, left) for arg in phrase.args)
    return Phrase(phrase.head, args, phrase.data, phrase.shape, phrase.symmetric)


def with_parts(phrase: Phrase, names: Mapping[Phrase, Phrase]) -> Phrase:
    """The phrase with some of its parts replaced by others."""
    if phrase in names or not phrase.args:
        return names.get(phrase, phrase)
    return rebuilt(phrase, tuple(with_parts(arg, names) for arg in phrase.args))


def _degree(term: Phrase) -> int:
    """Products before single symbols before plain numbers; an identity matrix comes last."""
    if term.is_number or term.head in ("ones", "eye"):
        return 1 if term.head != "eye" else -1
    if term.head == "mul" and term.args[-1].head == "eye":
        return -1
    return 0


def common_factor_out(total: Phrase) -> Phrase:
    """Numbers and scalars that all terms of a sum of matrices have, in front of it.

    2*c*A - 4*c*B -> 2*c*(A - 2*B)
    """
    if total.head != "add" or not total.is_matrix:
        return total
    factors = [list(factors_of(term)) for term in total.args]
    common = [f for f in factors[0] if not f.is_matrix and not f.is_number]
    common = [f for f in common if all(f in other for other in factors)]
    coefs = [coefficient(term) for term in total.args]
    alike = len({abs(coef) for coef in coefs}) == 1
    whole = all(coef.denominator == 1 for coef in coefs)
    number = abs(coefs[0]) if alike else Fraction(gcd(*map(int, coefs)) if whole else 1)
    number = -number if all(coef < 0 for coef in coefs) else number
    if not common and number == 1:
        return total
    for own in factors:
        for factor in common:
            own.remove(factor)
    rest = (mul(own, coef / number) for own, coef in zip(factors, coefs, strict=True))
    return mul([*common, add(rest)], number)


def hadamard(factors: Iterable[Phrase]) -> Phrase:
    """The elementwise product; scalars and numbers go to the front."""
    coef = Fraction(1)
    scalars: list[Phrase] = []
    matrices: list[Phrase] = []
    todo = list(factors)[::-1]
    while todo:
        factor = todo.pop()
        if factor.head == "hadamard":
            todo.extend(reversed(factor.args))
        elif factor.head == "mul" and sum(a.is_matrix for a in factor.args) == 1:
            coef *= coefficient(factor)
            todo.extend(reversed(factor.args))
        elif factor.is_number:
            coef *= factor.value
        elif factor.head == "mul" and coefficient(factor) != 1:
            coef *= coefficient(factor)
            todo.append(mul(factor.args))
        else:
            (matrices if factor.is_matrix else scalars).append(factor)
    kept = [m for m in matrices if m.head != "ones"] or matrices[:1]
    if not kept:
        return mul(scalars, coef)
    # A chain that starts with a column reads as if it were multiplied: c.*x*y is avoided.
    kept.sort(key=lambda m: m.head == "elementwise_pow" and _negative(m.args[1]))
    kept = _paired_sigmoids(kept)
    counts: dict[Phrase, int] = {}
    for m in kept:
        counts[m] = counts.get(m, 0) + 1
    kept = [m if k == 1 or m.head == "ones" else power(m, num(k)) for m, k in counts.items()]
    product = kept[0]
    if len(kept) > 1:
        symmetric = all(m.symmetric for m in kept)
        product = Phrase("hadamard", tuple(kept), (), kept[0].shape, symmetric)
    return mul([*scalars, product], coef)


def _negative(exponent: Phrase) -> bool:
    return coefficient(exponent) < 0


def transpose(p: Phrase) -> Phrase:
    """The transpose, pushed inside where that makes it vanish.  (A'*B)' -> B'*A"""
    return p if not p.is_matrix or p.symmetric else p.turned


def opposite(total: Phrase) -> Phrase:
    """A sum with its signs turned."""
    return add([mul([term], -1) for term in total.args])


def _is_atom(p: Phrase) -> bool:
    """Whether this is one symbol, or a matrix of ones, with scalars in front at most."""
    matrices = [a for a in p.args if a.is_matrix] if p.head == "mul" else [p]
    return len(matrices) == 1 and matrices[0].head in ("symbol", "ones")


def is_chain(p: Phrase) -> bool:
    """Whether this is a product of several matrices."""
    return p.head == "mul" and sum(a.is_matrix for a in p.args) > 1


def _transpose(p: Phrase) -> Phrase:
    shape = (p.shape[1], p.shape[0])
    if p.head == "transpose":
        return p.args[0]
    if p.head == "mul":
        scalars = [a for a in p.args if not a.is_matrix]
        chain = [transpose(a) for a in reversed(p.args) if a.is_matrix]
        return mul([*scalars, *chain], coefficient(p))
    if p.head in ("ones", "zeros"):
        return Phrase(p.head, shape=shape)
    if p.head == "blocks":
        rows, columns = p.counts
        turned = tuple(
            transpose(p.args[r * columns + c]) for c in range(columns) for r in range(rows)
        )
        return Phrase("blocks", turned, (columns, rows), shape)
    if p.head == "array":
        width = p.shape[1]
        assert isinstance(width, int)
        turned = tuple(entry for c in range(width) for entry in p.args[c::width])
        return Phrase("array", turned, (), shape, p.symmetric)
    if p.head == "commutation":
        return commutation(*reversed(p.data))  # type: ignore[arg-type]
    if p.head == "kron":
        return kron(map(transpose, p.args), shape)
    if p.head == "matrix_pow":
        return Phrase("matrix_pow", (transpose(p.args[0]), p.args[1]), (), shape)
    if p.head == "sum_over":
        return Phrase("sum_over", (transpose(p.args[0]), *p.args[1:]), p.data, shape)
    if p.head == "add":
        flipped = [transpose(a) for a in p.args]
        plain = all(map(_is_atom, p.args))
        allowed = 0 if plain else 2 if all(map(is_chain, p.args)) else 1
        if sum(a.length for a in flipped) <= sum(a.length for a in p.args) + allowed:
            return add(flipped)
    if p.head == "inverse":
        return Phrase("inverse", (transpose(p.args[0]),), (), shape)
    if p.head == "hadamard":
        flipped = [transpose(a) for a in p.args]
        if sum(a.length for a in flipped) <= sum(a.length for a in p.args):
            return hadamard(flipped)
    if p.head == "elementwise_pow" and p.args[1].is_matrix:
        # SymPy's own transpose of this leaves the exponent as it is
        return Phrase(p.head, tuple(map(transpose, p.args)), p.data, shape)
    if p.head in ("function", "elementwise_pow") and p.args[0].is_matrix:
        inner = transpose(p.args[0])
        if inner.length <= p.args[0].length and not any(a.is_matrix for a in p.args[1:]):
            return Phrase(p.head, (inner, *p.args[1:]), p.data, shape)
    return Phrase("transpose", (p,), (), shape)


def power(base: Phrase, exponent: Phrase) -> Phrase:
    if base.is_matrix or exponent.is_matrix:
        shape = base.shape or exponent.shape
        symmetric = all(x.symmetric or not x.is_matrix for x in (base, exponent))
        return Phrase("elementwise_pow", (base, exponent), (), shape, symmetric)
    return Phrase("pow", (base, exponent))


def function(name: str, args: tuple[Phrase, ...], order: tuple[int, ...] = ()) -> Phrase:
    shape: Shape = next((a.shape for a in args if a.is_matrix), ())
    symmetric = all(a.symmetric or not a.is_matrix for a in args)
    return Phrase("function", args, (name, *order), shape, symmetric and bool(shape))


def trace(matrix: Phrase) -> Phrase:
    """A trace, its number and scalars outside."""
    if matrix.head == "mul" and (coefficient(matrix) != 1 or not matrix.args[0].is_matrix):
        outside = [a for a in matrix.args if not a.is_matrix]
        inside = mul([a for a in matrix.args if a.is_matrix])
        return mul([*outside, Phrase("trace", (inside,))], coefficient(matrix))
    return Phrase("trace", (min(matrix, transpose(matrix), key=lambda form: form.length),))


def scalar(chain: Phrase) -> Phrase:
    """A 1x1 product as a scalar, its number outside.  (2*x'*y) -> 2*(x'*y)"""
    if chain.head == "mul":
        outside = [a for a in chain.args if not a.is_matrix]
        inside = mul([a for a in chain.args if a.is_matrix])
        wrapped = Phrase("scalar", (inside,))
        return mul([*outside, wrapped], coefficient(chain))
    return Phrase("scalar", (chain,))


def kron(factors: Iterable[Phrase], shape: Shape) -> Phrase:
    """A Kronecker product, numbers and scalars in front; I (x) I is I."""
    scalars: list[Phrase] = []
    coef = Fraction(1)
    bare: list[Phrase] = []
    for part in map(common_factor_out, factors):
        if part.head == "mul":
            coef *= coefficient(part)
            scalars += [x for x in part.args if not x.is_matrix]
            part = mul([x for x in part.args if x.is_matrix])
        for factor in part.args if part.head == "kron" else (part,):
            if bare and bare[-1].head == factor.head == "eye":
                factor = eye(times(bare.pop().shape[0], factor.shape[0]))
            bare.append(factor)
    if len(bare) == 1:
        return mul([*scalars, *bare], coef)
    symmetric = all(factor.symmetric for factor in bare)
    return mul([*scalars, Phrase("kron", tuple(bare), (), shape, symmetric)], coef)


def vec(matrix: Phrase, size: Size) -> Phrase:
    """The columns of a matrix one below the other; vec(u*v') is v (x) u."""
    if matrix.head == "mul" and (coefficient(matrix) != 1 or not matrix.args[0].is_matrix):
        outside = [x for x in matrix.args if not x.is_matrix]
        inside = mul([x for x in matrix.args if x.is_matrix])
        return mul([*outside, vec(inside, size)], coefficient(matrix))
    if matrix.head == "ones":
        return ones((size, 1))
    if matrix.head == "mul" and len(matrix.args) == 2 and matrix.args[0].shape[1] == 1:
        return kron((transpose(matrix.args[1]), matrix.args[0]), (size, 1))
    return Phrase("vec", (matrix,), (), (size, 1))


def commutation(rows: Size, columns: Size) -> Phrase:
    """Magnus and Neudecker, Matrix Differential Calculus, section 3.7."""
    size = times(rows, columns)
    return Phrase("commutation", (), (rows, columns), (size, size), rows == columns)


def entry(base: Phrase, *indices: Phrase) -> Phrase:
    """An entry of a matrix; of an elementwise one, that of what it is made of."""
    if not base.is_matrix:
        return base
    if base.head == "ones":
        return UNIT
    if base.head == "transpose" and len(indices) == 2:
        return entry(base.args[0], indices[1], indices[0])
    if base.head in ("inverse", "matrix_pow") and base.args[0].head == "transpose":
        return entry(transpose(base), *reversed(indices))
    if base.head == "add":
        return add(entry(a, *indices) for a in base.args)
    if base.head == "function":
        name, *order = base.data
        args = tuple(entry(a, *indices) for a in base.args)
        return function(str(name), args, tuple(order))  # type: ignore[arg-type]
    if base.head == "elementwise_pow":
        return power(*(entry(a, *indices) for a in base.args))
    if base.head == "hadamard":
        return mul([entry(a, *indices) for a in base.args])
    if base.head == "mul" and sum(a.is_matrix for a in base.args) == 1:
        return mul([entry(a, *indices) for a in base.args], coefficient(base))
    return Phrase("entry", (base, *indices))


def diag(column: Phrase) -> Phrase:
    """diag of a column, its number outside; diag of c*ones is c*I."""
    if column.head == "ones":
        return eye(column.shape[0])
    if column.head == "mul" and column.args[-1].head == "ones" and len(column.args) > 1:
        return mul([*column.args[:-1], diag(column.args[-1])], coefficient(column))
    if column.head == "mul" and coefficient(column) != 1:
        return mul([diag(mul(column.args))], coefficient(column))
    n = column.shape[0]
    return Phrase("diag", (column,), (), (n, n), True)
