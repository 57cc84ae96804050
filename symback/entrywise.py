"""One evaluator over any kind of scalar: exact numbers, closed forms, or many digits.

The arithmetic comes from a :class:`Field`; arrays are tuples of its scalars. As in
:mod:`symback.evaluate`, an entry without a value travels on, as a :class:`Fault`, and is an error
only if it reaches a result.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cmp_to_key, partial
from typing import Generic, TypeAlias

from symback.bindings import offset_value, shape_of, sizes_of
from symback.errors import DomainError, ValueProblem
from symback.field import Entries, Field, Index, OutsideDomain, S
from symback.graph import Node
from symback.ops import einsum_parts, size_node, value_of
from symback.walks import TOO_LARGE, Describe, Fault, describe_briefly, evaluation_order

Labels: TypeAlias = tuple[int, ...]
Value: TypeAlias = S | Fault
Sparse: TypeAlias = dict[Index, S | Fault]


class Entrywise(Generic[S]):
    """One walk over a graph with the arithmetic of `field`; `memo` keeps the value of every node.

    Products run over the entries that are not `nought` only, so selections cost what they select.
    """

    def __init__(
        self,
        field: Field[S],
        memo: dict[Node, Entries[Value[S]]],
        bound: Mapping[Node, int],
        definitions: Mapping[Node, Node],
    ) -> None:
        self.field = field
        self.memo = memo
        self.bound = bound
        self.definitions = definitions

    def run(self, roots: Sequence[Node]) -> None:
        """Work out every node that `roots` need."""
        for node in evaluation_order(roots, self.memo, self.definitions):
            if node.op not in ("select", "pick"):
                self.memo[node] = self._compute(node)

    def value(self, node: Node) -> Entries[Value[S]]:
        """The value of a node that :meth:`run` has met."""
        found = self.memo.get(node)
        if found is None:
            found = self.memo[node] = self._compute(node)
        return found

    def result(self, root: Node, describe: Describe | None, index_base: int) -> Entries[S]:
        """The value of a root. Raises DomainError if an entry of it has none."""
        value = self.value(root)
        sound: list[S] = []
        for entry in value.entries:
            if isinstance(entry, Fault):
                raise DomainError(entry.text(describe or describe_briefly, index_base))
            sound.append(entry)
        return Entries(value.shape, tuple(sound))

    def _compute(self, node: Node) -> Entries[Value[S]]:
        defined = self.definitions.get(node)
        if defined is not None:
            return self.value(defined)
        if node.op == "symbol":
            raise ValueProblem(f"{node} has no value")
        shape = shape_of(node, self.bound)
        self.field.spend(math.prod(shape))
        if (not node.args and node.op != "einsum") or node.op in ("select", "iota"):
            return Entries(shape, tuple(self._leaf(node, shape)))
        if node.op == "einsum":
            return Entries(shape, tuple(self._product(node)))
        args = [self.value(arg) for arg in node.args]
        if node.op == "map":
            indices = itertools.product(*map(range, shape))
            return Entries(shape, tuple(self._function(node, args, index) for index in indices))
        if node.op == "add":
            together = zip(*(arg.entries for arg in args), strict=True)
            return Entries(shape, tuple(self._sum(terms) for terms in together))
        if node.op == "stack":
            return Entries(shape, tuple(arg.entries[0] for arg in args))
        if node.op in ("inv", "det", "logdet", "matpow", "expm"):
            return Entries(shape, tuple(self._matrix_operation(node, args)))
        axes = node.params[0]
        assert isinstance(axes, int)
        rows = args[0].rows(axes)
        return Entries(shape, tuple(x for row in rows for x in self._reduction(node.op, row)))

    # --- leaves and functions ------------------------------------------------------------------

    def _leaf(self, node: Node, shape: tuple[int, ...]) -> list[S]:
        field = self.field
        if node.op == "number":
            return [self._number(value_of(node) or Fraction(0))]
        if node.op == "constant":
            return [field.constant(str(node.params[0]))]
        if node.op == "zeros":
            return [field.nought] * math.prod(shape)
        if node.op == "iota":
            start = self._offset(node)
            return [self._number(start + k) for k in range(shape[0])]
        chosen = set(self._selected(node, shape))
        every = itertools.product(*map(range, shape))
        return [field.one if index in chosen else field.nought for index in every]

    def _number(self, value: Fraction) -> S:
        return self.field.number(value) if value else self.field.nought

    def _offset(self, node: Node) -> Fraction:
        return offset_value(node.args[0], self.bound)

    def _selected(self, node: Node, shape: tuple[int, ...]) -> Iterator[Index]:
        """The indices where a selection is 1."""
        if node.op == "pick":
            columns = node.params[0]
            assert isinstance(columns, tuple)
            yield from enumerate(columns)
            return
        relation, written = node.params
        assert isinstance(written, tuple)
        coefs = tuple(int(offset_value(size_node(c), self.bound)) for c in written)
        offset = self._offset(node)
        solved = next((axis for axis, coef in enumerate(coefs) if abs(coef) == 1), None)
        if relation != "==" or solved is None:
            self.field.spend(math.prod(shape))
            for index in itertools.product(*map(range, shape)):
                total = offset + sum(map(int.__mul__, coefs, index))
                if total == 0 or (relation == "<=" and total < 0):
                    yield index
            return
        others = [coef for axis, coef in enumerate(coefs) if axis != solved]
        for rest in itertools.product(
            *(range(size) for axis, size in enumerate(shape) if axis != solved)
        ):
            place = -coefs[solved] * (offset + sum(map(int.__mul__, others, rest)))
            if place.denominator == 1 and 0 <= place < shape[solved]:
                yield (*rest[:solved], int(place), *rest[solved:])

    def _function(self, node: Node, args: list[Entries[Value[S]]], index: Index) -> Value[S]:
        name, *order = node.params
        at = [arg.at(index) for arg in args]
        if name == "where" and not isinstance(at[0], Fault):
            sign = self.field.compare(at[0], self.field.nought)
            if sign is not None:
                return at[1] if sign else at[2]
        sound: list[S] = []
        for x in at:
            if isinstance(x, Fault):
                return x
            sound.append(x)
        try:
            return self.field.function(str(name), tuple(order), sound)  # type: ignore[arg-type]
        except OverflowError:
            return Fault(node, index, TOO_LARGE)
        except OutsideDomain as error:
            arg = node.args[error.place]
            shown = self.field.show(sound[error.place])
            place = index if arg.shape else ()
            return Fault(node, index, "is not defined", (arg, place, shown))

    def _sum(self, terms: Sequence[Value[S]]) -> Value[S]:
        """The sum; `nought` only if every term is."""
        kept: list[S] = []
        for term in terms:
            if isinstance(term, Fault):
                return term
            if term is not self.field.nought:
                kept.append(term)
        if not kept:
            return self.field.nought
        return kept[0] if len(kept) == 1 else self.field.sum(kept)

    def _times(self, a: Value[S], b: Value[S]) -> Value[S]:
        """The product; `nought` if a factor is, even next to one without a value."""
        if a is self.field.nought or b is self.field.nought:
            return self.field.nought
        if isinstance(a, Fault) or b is self.field.one:
            return a
        if isinstance(b, Fault) or a is self.field.one:
            return b
        return self.field.product((a, b))

    # --- products ------------------------------------------------------------------------------

    def _product(self, node: Node) -> list[Value[S]]:
        coef, labels, out, label_sizes = einsum_parts(node)
        sizes = sizes_of(label_sizes, self.bound)
        scalar: Value[S] = self.field.one if coef == 1 else self.field.number(Fraction(coef))
        tables: list[tuple[Labels, Sparse[S]]] = []
        for arg, own in zip(node.args, labels, strict=True):
            if own:
                tables.append(self._table(arg, own))
            else:
                scalar = self._times(scalar, self.value(arg).entries[0])
        while len(tables) > 1:
            first, second = min(
                itertools.combinations(range(len(tables)), 2),
                key=lambda pair: _join_cost(tables[pair[0]], tables[pair[1]], sizes),
            )
            rest = [table for k, table in enumerate(tables) if k not in (first, second)]
            wanted = {*out, *(label for own, _ in rest for label in own)}
            tables = [*rest, self._join(tables[first], tables[second], wanted)]
        unit: tuple[Labels, Sparse[S]] = ((), {(): self.field.one})
        kept, table = self._keep(tables[0] if tables else unit, set(out))
        scaled = {key: self._times(scalar, entry) for key, entry in table.items()}
        places = [out.index(label) for label in kept]
        first_place = [out.index(label) for label in out]
        result: list[Value[S]] = []
        for index in itertools.product(*(range(sizes[label]) for label in out)):
            on_diagonal = all(index[k] == index[place] for k, place in enumerate(first_place))
            key = tuple(index[place] for place in places)
            result.append(scaled.get(key, self.field.nought) if on_diagonal else self.field.nought)
        return result

    def _table(self, arg: Node, own: Labels) -> tuple[Labels, Sparse[S]]:
        """The entries of a factor that are not nought, by index; a diagonal as one label."""
        table: Sparse[S]
        if arg.op in ("select", "pick") and arg not in self.memo:
            shape = shape_of(arg, self.bound)
            table = dict.fromkeys(self._selected(arg, shape), self.field.one)
        else:
            nought = self.field.nought
            table = {key: entry for key, entry in self.value(arg).indexed() if entry is not nought}
        distinct = tuple(dict.fromkeys(own))
        if len(distinct) == len(own):
            return own, table
        places = [own.index(label) for label in distinct]
        first = [own.index(label) for label in own]
        return distinct, {
            tuple(key[place] for place in places): entry
            for key, entry in table.items()
            if all(key[k] == key[place] for k, place in enumerate(first))
        }

    def _keep(self, factor: tuple[Labels, Sparse[S]], wanted: set[int]) -> tuple[Labels, Sparse[S]]:
        """The factor summed over every label that is not wanted."""
        own, table = factor
        kept = tuple(label for label in own if label in wanted)
        if kept == own:
            return factor
        places = [own.index(label) for label in kept]
        terms: dict[Index, list[Value[S]]] = {}
        for key, entry in table.items():
            terms.setdefault(tuple(key[place] for place in places), []).append(entry)
        return kept, {key: self._sum(found) for key, found in terms.items()}

    def _join(
        self,
        first: tuple[Labels, Sparse[S]],
        second: tuple[Labels, Sparse[S]],
        wanted: set[int],
    ) -> tuple[Labels, Sparse[S]]:
        """The product of two factors, summed over every label that is not wanted."""
        one, table = self._keep(first, wanted | set(second[0]))
        two, other = self._keep(second, wanted | set(first[0]))
        shared = [label for label in one if label in two]
        own = [two.index(label) for label in two if label not in one]
        groups: dict[Index, list[tuple[Index, Value[S]]]] = {}
        here, there = [one.index(x) for x in shared], [two.index(x) for x in shared]
        for key, entry in other.items():
            group = groups.setdefault(tuple(key[place] for place in there), [])
            group.append((tuple(key[place] for place in own), entry))
        joined = (*one, *(two[place] for place in own))
        kept = tuple(label for label in joined if label in wanted)
        places = [joined.index(label) for label in kept]
        terms: dict[Index, list[Value[S]]] = {}
        for key, entry in table.items():
            matches = groups.get(tuple(key[place] for place in here), ())
            self.field.spend(len(matches))
            for rest, partner in matches:
                both = (*key, *rest)
                target = tuple(both[place] for place in places)
                terms.setdefault(target, []).append(self._times(entry, partner))
        return kept, {key: self._sum(found) for key, found in terms.items()}

    # --- reductions and linear algebra ---------------------------------------------------------

    def _reduction(self, op: str, row: tuple[Value[S], ...]) -> list[Value[S]]:
        """What one row of the reduced axes becomes: one entry, or one for each entry."""
        sound: list[S] = []
        for entry in row:
            if isinstance(entry, Fault):
                lasting = {"argmax": len(row), "sort": len(row), "order": len(row) ** 2}
                return [entry] * lasting.get(op, 1)
            sound.append(entry)
        field = self.field
        if op == "logsumexp":
            return [field.logsumexp(sound)]
        if op == "prod":
            return [field.product(sound)]
        if op == "max":
            return [self._largest(sound)]
        order = sorted(range(len(sound)), key=cmp_to_key(partial(self._compare_at, sound)))
        if op == "sort":
            return [sound[k] for k in order]
        if op == "order":
            return [
                field.one if k == place else field.nought
                for k in order
                for place in range(len(sound))
            ]
        top = sound[order[-1]]
        ties = [self._compare(x, top) == 0 for x in sound]
        share = field.number(Fraction(1, sum(ties)))
        return [share if tie else field.nought for tie in ties]

    def _compare(self, a: S, b: S) -> int:
        sign = self.field.compare(a, b)
        if sign is None:
            raise self.field.refuse("an order among symbols")
        return sign

    def _compare_at(self, entries: Sequence[S], i: int, j: int) -> int:
        return self._compare(entries[i], entries[j])

    def _largest(self, entries: Sequence[S]) -> S:
        top = entries[0]
        for entry in entries[1:]:
            sign = self.field.compare(entry, top)
            if sign is None:
                top = self.field.function("maximum", (), [top, entry])
            elif sign > 0:
                top = entry
        return top

    def _matrix_operation(self, node: Node, args: list[Entries[Value[S]]]) -> list[Value[S]]:
        faulty = next((x for arg in args for x in arg.entries if isinstance(x, Fault)), None)
        count = math.prod(shape_of(node, self.bound))
        if faulty is not None:
            return [faulty] * count
        rows: list[list[S]] = args[0].nested()
        self.field.spend(len(rows) ** 3)
        try:
            if node.op == "expm":
                return _flat(self.field.exponential(rows))
            if node.op == "inv":
                return _flat(self.field.inverse(rows))
            if node.op == "matpow":
                powers = [self._matrix_power(rows, x) for x in args[1].entries]  # type: ignore[arg-type]
                return [entry for power in powers for entry in _flat(power)]
            value = self.field.determinant(rows)
            if node.op == "logdet":
                if self.field.compare(value, self.field.nought) == 0:
                    raise ZeroDivisionError
                value = self.field.function("log", (), [self.field.function("abs", (), [value])])
        except ZeroDivisionError:
            singular = Fault(node, (), "does not exist: the matrix is singular")
            return [singular] * count
        return [value]

    def _matrix_power(self, rows: list[list[S]], exponent: S) -> list[list[S]]:
        n = self.field.whole(exponent)
        if n is None:
            raise self.field.refuse("a matrix power whose exponent is not a whole number")
        size = range(len(rows))
        result = [[self.field.one if i == j else self.field.nought for j in size] for i in size]
        base = rows if n >= 0 else self.field.inverse(rows)
        n = abs(n)
        while n:
            if n % 2:
                result = self._matrix_product(result, base)
            n //= 2
            if n:
                base = self._matrix_product(base, base)
        return result

    def _matrix_product(self, a: list[list[S]], b: list[list[S]]) -> list[list[S]]:
        self.field.spend(len(a) ** 3)
        columns = list(zip(*b, strict=True))
        return [
            [
                self.field.sum([self.field.product(pair) for pair in zip(row, column, strict=True)])
                for column in columns
            ]
            for row in a
        ]


def _flat(rows: list[list[S]]) -> list[Value[S]]:
    return [entry for row in rows for entry in row]


def _join_cost(
    first: tuple[Labels, Sparse[S]], second: tuple[Labels, Sparse[S]], sizes: Sequence[int]
) -> float:
    """About how many products joining the two factors takes."""
    shared = math.prod(sizes[label] for label in first[0] if label in second[0])
    return len(first[1]) * len(second[1]) / shared
