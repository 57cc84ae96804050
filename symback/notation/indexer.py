"""Entries of nodes as sums of products of entries: index notation."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Protocol, TypeAlias

from symback import phrase as p
from symback.graph import Node, Shape, Size, symbols_of, topological
from symback.notation.counts import excluded, without_idle_masks
from symback.notation.gathering import gathered, in_one_direction
from symback.notation.nesting import same_sums, stands_in, with_inner_sums
from symback.notation.ranges import (
    Demand,
    Range,
    System,
    always,
    coefficient_of,
    depends_on,
    narrowed,
    sides_of,
)
from symback.notation.starts import from_best_start
from symback.ops import (
    ONE,
    ZERO,
    add,
    apply,
    einsum_parts,
    is_zero,
    number,
    scale,
    size_node,
    subtract,
    symbol,
    value_of,
)
from symback.phrase import Phrase
from symback.scopes import names_apart, unused_index
from symback.simplify.selections import condition_of, conditions_in, is_equation
from symback.sizes import affine, flat, never_negative, terms_of

Place: TypeAlias = tuple[Node, tuple[Node, ...], frozenset[tuple[Node, Node, Node]]]

SQUARE_OPS = {"inv": "inverse", "det": "det", "logdet": "logdet", "expm": "expm"}


class Notations(Protocol):
    """What the indexer asks of the notation it writes for."""

    @property
    def surfaces(self) -> Mapping[Node, Shape]: ...

    @property
    def names(self) -> Mapping[Node, Phrase]: ...

    @property
    def origins(self) -> Mapping[Node, tuple[Node, ...]]: ...

    @property
    def matrix_scalars(self) -> bool: ...

    @property
    def inverses(self) -> Mapping[Node, tuple[int, Node]]: ...

    @property
    def masks(self) -> Mapping[Node, Node]: ...

    @property
    def firm(self) -> Container[Node]: ...

    def matrix(self, root: Node) -> Phrase | None: ...

    def scalar(self, node: Node) -> Phrase: ...

    def comprehension(self, node: Node) -> Phrase: ...


def names_in(node: Node) -> set[str]:
    """Every name that a node is written with, those of its sizes and strides too."""
    nodes = topological([node])
    sizes = {s for x in nodes for s in x.shape if isinstance(s, Node)}
    for x in nodes:
        if x.op == "einsum":
            sizes.update(s for s in einsum_parts(x)[3] if isinstance(s, Node))
        if x.op == "select":
            sizes.update(c for c in condition_of(x)[0] if isinstance(c, Node))
    return {x.name for x in (*nodes, *topological(sizes)) if x.op == "symbol"}


class Indexer:
    """Writes entries; names its summation indices afresh."""

    def __init__(
        self, notation: Notations, free: Mapping[Node, Size | None], taken: Iterable[str] = ()
    ) -> None:
        self.notation = notation
        self.taken = {index.name for index in free} | set(taken)
        self.free = {
            index: Range(ZERO, subtract(size_node(size), ONE))
            for index, size in free.items()
            if size is not None
        }
        self._known_entries: dict[Place, Phrase] = {}
        self._mentioned: dict[Node, list[Node]] = {}

    def fresh(self) -> Node:
        """An index variable of its own: i, j, ..., then i1, j1, ..."""
        name = unused_index(self.taken)
        self.taken.add(name)
        return symbol(name, kind="index")

    def entry(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        """The entry of a node; the indices it sums over may serve again in the next one."""
        place = node, indices, self._limits(node, indices)
        written = self._known_entries.get(place)
        if written is not None:
            return self._apart(written)
        taken = set(self.taken)
        written = self._known_entries[place] = self._entry(node, indices)
        self.taken = taken
        return written

    def _limits(self, node: Node, indices: tuple[Node, ...]) -> frozenset[tuple[Node, Node, Node]]:
        """From where to where each index runs that the entry may depend on."""
        if node not in self._mentioned:
            self._mentioned[node] = symbols_of([node])
        found: dict[Node, Range] = {}
        todo = [*symbols_of(indices), *self._mentioned[node]]
        while todo:
            index = todo.pop()
            if index in self.notation.masks:
                todo.extend(symbols_of([self.notation.masks[index]]))
            if index in self.free and index not in found:
                limits = found[index] = self.free[index]
                todo.extend(symbols_of([limits.low, limits.high]))
        return frozenset((index, limits.low, limits.high) for index, limits in found.items())

    def _entry(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        if self.notation.matrix_scalars and not node.shape and node.op == "einsum":
            form = self.notation.matrix(node)
            if form is not None and not _takes_apart(form):
                return self._apart(form)
        if node in self.notation.names:
            return self._entry_of(self.notation.names[node], indices)
        node = self.notation.masks.get(node, node)
        if node.op == "symbol":
            return self._symbol(node, indices)
        if node.op == "einsum":
            return self._product(node, indices)
        if node.op == "add":
            return gathered([self.entry(arg, indices) for arg in node.args])
        if node.op == "map":
            args = [self.entry(arg, indices if arg.shape else ()) for arg in node.args]
            name, *order = node.params
            assert isinstance(name, str)
            if name == "pow":
                return p.power(*args)
            if name == "where" and args[0].is_number:  # the ranges decide the condition
                return args[1] if args[0].value else args[2]
            return p.function(name, tuple(args), tuple(order))  # type: ignore[arg-type]
        if node.op == "zeros":
            return p.num(0)
        if node.op == "select":
            return self._condition(node, indices)
        if node.op == "pick":
            return self._picked(node, indices)
        if node.op == "iota":
            return self.notation.scalar(flat(add(indices[0], node.args[0])))
        if node.op == "logsumexp":
            return self._logsumexp(node, indices)
        if node.op == "prod":
            return self._reduction("prod_over", node, indices)
        if node.op == "stack" and all(value_of(i) is not None for i in indices):
            place = 0
            for i, size in zip(indices, node.shape, strict=True):
                assert isinstance(size, int)
                place = place * size + int(value_of(i) or 0)
            return self.entry(node.args[place], ())
        if node.op == "stack":
            return p.add(self._stacked(node, indices))
        if node.op == "matpow" and node.args[1].shape:
            base = self.notation.matrix(node.args[0])
            if base is not None:
                exponent = self.entry(node.args[1], indices[:-2])
                powered = Phrase("matrix_pow", (self._apart(base), exponent), (), base.shape)
                return self._entry_of(powered, indices[-2:])
        form = self.notation.matrix(node)
        if form is not None:
            return self._entry_of(self._apart(form), indices)
        if node.op in SQUARE_OPS:
            inner = self._apart(self.notation.comprehension(node.args[0]))
            form = Phrase(SQUARE_OPS[node.op], (inner,), (), node.shape)
            return self._entry_of(form, indices)
        return Phrase("entry", (self._opaque(node), *map(self.notation.scalar, indices)))

    def _apart(self, form: Phrase) -> Phrase:
        """A form whose own indices have other names than those around it."""
        return names_apart(form, self.taken)

    def _picked(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        """1 where the column is the one listed for the row."""
        columns = node.params[0]
        assert isinstance(columns, tuple)
        row, column = indices
        known = value_of(row)
        if known is not None:
            return self._delta(flat(subtract(number(columns[int(known)]), column)))
        listed = Phrase("array", tuple(map(p.num, columns)), (), (len(columns), 1))
        chosen = Phrase("entry", (listed, self.notation.scalar(row)))
        return Phrase("delta", (chosen, self.notation.scalar(column)))

    def _stacked(self, node: Node, indices: tuple[Node, ...]) -> Iterator[Phrase]:
        """The entries of an explicit array, each where its place is asked for."""
        shape = [size for size in node.shape if isinstance(size, int)]
        for at, scalar in zip(product(*map(range, shape)), node.args, strict=True):
            here = [
                self._delta(flat(subtract(i, number(k)))) for i, k in zip(indices, at, strict=True)
            ]
            yield p.mul([*here, self.entry(scalar, ())])

    def _opaque(self, node: Node) -> Phrase:
        """An array operation without notation of its own, as a function of its arguments."""
        args = tuple(self._apart(self.notation.comprehension(arg)) for arg in node.args)
        return Phrase("function", args, (node.op,), node.shape)

    def _entry_of(self, base: Phrase, indices: tuple[Node, ...]) -> Phrase:
        if not indices:
            return base
        return p.entry(base, *map(self.notation.scalar, indices))

    def _symbol(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        if not indices:
            form = self.notation.matrix(node)
            assert form is not None
            return form
        origins = self.notation.origins.get(node)
        if origins is not None:
            indices = tuple(flat(add(i, o)) for i, o in zip(indices, origins, strict=True))
        if node.params[1] == "place":
            *inner, row = indices
            return self._delta(flat(subtract(self._pointed(node, inner), row)))
        surface = self.notation.surfaces.get(node, column_shape(node.shape))
        base = Phrase("symbol", (), node.params, surface, node.symmetric)
        return Phrase("entry", (base, *map(self.notation.scalar, indices)))

    def _pointed(self, place: Node, indices: list[Node]) -> Node:
        """The index labels[i] for the array of [labels[i] == r]; there and back again is r."""
        axis, back = self.notation.inverses.get(place, (0, None))
        others = tuple(x for k, x in enumerate(indices) if k != axis)
        if back is not None and _is_call(indices[axis], back.name, others):
            return indices[axis].args[0]
        return apply(place.name, *indices)

    def _condition(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        relation = node.params[0]
        coefs, offset = condition_of(node)
        total = affine(coefs, indices, offset)
        known = value_of(total)
        if known is not None:
            holds = known == 0 if relation == "==" else known <= 0
            return p.num(int(holds))
        if relation == "==":
            return self._delta(total)
        if always(scale(-1, total), self.free):
            return p.num(1)
        if always(subtract(total, ONE), self.free):
            return p.num(0)
        return self._written(Demand("<=", flat(scale(-1, total))))

    def _logsumexp(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        (x,) = node.args
        return p.function("log", (self._reduction("sum_over", node, indices, apply("exp", x)),))

    def _reduction(
        self, head: str, node: Node, indices: tuple[Node, ...], x: Node | None = None
    ) -> Phrase:
        x = node.args[0] if x is None else x
        inner = [self.fresh() for _ in x.shape[len(indices) :]]
        axes = range(len(indices), x.rank)
        starts = [self._axis_origin(x, axis) or ZERO for axis in axes]
        places = (*indices, *(flat(subtract(i, o)) for i, o in zip(inner, starts, strict=True)))
        ranges = {
            index: Range(start, flat(add(start, size_node(x.shape[axis]), number(-1))))
            for index, axis, start in zip(inner, axes, starts, strict=True)
        }
        if head == "prod_over":
            case, order = _turned_back(x)
            placed = tuple(places[k] for k in order)
            if case.op == "map" and case.params[0] == "where" and case.args[2] is ONE:
                clipped = {index: replace(limits) for index, limits in ranges.items()}
                found = conditions_in(case.args[0])
                if found and self._clipped(found, placed, clipped):
                    x, ranges = case.args[1], clipped
                    places = placed if x.shape else ()
        outside_free = dict(self.free)
        self.free.update(ranges)
        body = self.entry(x, places)
        self.free = outside_free
        bounds = [
            self.notation.scalar(flat(bound))
            for limits in ranges.values()
            for bound in (limits.low, limits.high)
        ]
        return from_best_start(Phrase(head, (body, *bounds), tuple(i.name for i in inner)))

    def _clipped(
        self,
        conditions: list[tuple[Node, tuple[int, ...]]],
        places: tuple[Node, ...],
        ranges: dict[Node, Range],
    ) -> bool:
        """Narrow ranges to where conditions hold; False where that does not say it all."""
        system = System(dict(enumerate(places)), ranges, self.free)
        return system.solve(conditions) and not system.demands

    # --- products --------------------------------------------------------------------------------

    def _product(self, node: Node, indices: tuple[Node, ...]) -> Phrase:
        coef, labels, out, sizes = einsum_parts(node)
        value: dict[int, Node] = {}
        factors: list[Phrase] = []
        for label, index in zip(out, indices, strict=True):
            if label not in value:
                value[label] = index
                continue
            same = subtract(value[label], index)
            known = value_of(same)
            if known is not None and known != 0:
                return p.num(0)
            if known is None:
                factors.append(self._delta(flat(same)))
        ranges: dict[Node, Range] = {}
        for label in range(len(sizes)):
            if label not in value:
                origin = self._origin(node, label)
                index = self.fresh()
                value[label] = subtract(index, origin)
                high = add(size_node(sizes[label]), origin, number(-1))
                ranges[index] = Range(origin, high)
        made = set(ranges)
        pairs = zip(node.args, labels, strict=True)
        given = {own[0] for arg, own in pairs if is_equation(arg) and arg.rank == 1} | {*out}
        selections, rest = [], []
        system = System(value, ranges, self.free)
        places = {arg.name for arg in symbols_of(node.args) if arg.params[1] == "place"}
        unmasked = list(_unmasked(zip(node.args, labels, strict=True)))
        # first the look-ups that have a way back from an index that is given
        unmasked.sort(key=lambda f: f[0] not in self.notation.inverses or f[1][-1] not in given)
        for arg, own in unmasked:
            if (
                arg.op == "symbol"
                and arg.params[1] == "place"
                and self._follow(arg, own, system, given)
            ):
                continue
            if arg.op == "select":
                selections.append((arg, own))
            else:
                rest.append((arg, own))
        if not system.solve(selections):
            return p.num(0)
        system.take_single_terms()
        demands = system.demands_left()
        if demands is None:
            return p.num(0)
        factors.extend(map(self._written, demands))
        for demand in demands:  # [i = 0]*f(i) -> [i = 0]*f(0), for f(1) may have no value
            for index, place in demand.fixed():
                system.put(index, place)
        self.taken -= {index.name for index in made if index not in ranges}
        outside_free = dict(self.free)
        self.free.update(ranges)
        self.free.update(narrowed(demands, self.free))
        for arg, own in rest:
            factors.append(self.entry(arg, tuple(value[x] for x in own)))
        factors = same_sums(_looked_up(factors, places))
        body = p.mul(_merge_equal(in_one_direction(factors)), Fraction(coef))
        body = without_idle_masks(body, {index.name for index in ranges})
        self.free = outside_free
        for index in system.in_order():
            count = flat(add(ranges[index].high, scale(-1, ranges[index].low), ONE))
            if _mentions(body, {index.name}) or system.bounds_others(index):
                continue
            if always(count, {**self.free, **ranges}):
                del ranges[index]
                body = p.mul([body, self.notation.scalar(count)])
        if not ranges:
            return body
        outside = []
        inner_names = {i.name for i in ranges}
        coef_out = Fraction(1)
        if body.head == "mul":
            coef_out = p.coefficient(body)
            outside = [a for a in body.args if not _mentions(a, inner_names)]
            inside = [a for a in body.args if _mentions(a, inner_names)]
            body = p.mul(inside)
        order = system.in_order()
        ends = [flat(b) for i in order for b in (ranges[i].low, ranges[i].high)]
        bounds = [self.notation.scalar(end) for end in ends]
        if coef_out < 0:
            turned = _turned(body)
            coef_out, body = (coef_out, body) if turned is None else (-coef_out, turned)
        body, bounds, names = with_inner_sums(body, bounds, tuple(i.name for i in order))
        total = from_best_start(_one_sum(_merged(body), bounds, names)) if names else _merged(body)
        return p.mul(_merge_equal(same_sums([*outside, total])), coef_out)

    def _follow(
        self,
        place: Node,
        labels: tuple[int, ...],
        system: System,
        given: set[int],
    ) -> bool:
        """Put labels[i] for the summed index r of [labels[i] == r]; False if that is not possible.

        Where r is given and i is summed, and there is a way back from r to i, put that for i.
        Of r = i^2 it is demanded that it lies in the range of r.
        """
        value = system.value
        *inner, row = labels
        *starts, origin = self.notation.origins[place]
        axis, back = self.notation.inverses.get(place, (0, None))
        shifted = [add(value[x], start) for x, start in zip(inner, starts, strict=True)]
        ways = [(row, subtract(self._pointed(place, shifted), origin))]
        if back is not None and row in given:
            others = tuple(x for k, x in enumerate(shifted) if k != axis)
            there = apply(back.name, add(value[row], origin), *others)
            ways.insert(0, (inner[axis], subtract(there, starts[axis])))
        for followed, position in ways:
            index = next((i for i in symbols_of([value[followed]]) if i in system.ranges), None)
            if index is None or coefficient_of(flat(value[followed]), index) != 1:
                continue
            result = flat(add(index, subtract(position, value[followed])))
            if depends_on(result, index):
                continue
            limits = system.ranges.pop(index)
            system.put(index, result)
            if place in self.notation.firm:
                ends = subtract(result, limits.low), subtract(limits.high, result)
                system.demands += [Demand("<=", flat(end), firm=True) for end in ends]
            elif followed != row:  # there is a way back from 0, ..., n - 1
                pointed = add(system.value[row], origin)
                last = subtract(size_node(place.shape[axis]), ONE)
                ends = pointed, subtract(last, pointed)
                system.demands += [Demand("<=", flat(end)) for end in ends]
            return True
        return False

    def _origin(self, node: Node, label: int) -> Node:
        """Where the user's own index for this label starts."""
        _, labels, _, _ = einsum_parts(node)
        for arg, own in zip(node.args, labels, strict=True):
            if label in own:
                found = self._axis_origin(arg, own.index(label))
                if found is not None:
                    return found
        return ZERO

    def _axis_origin(self, node: Node, axis: int) -> Node | None:
        """Where the index of one axis starts, found in what the node is made of.

        A symbol may have indices of its own. Of x_d, x_(d+1), ... alone the index counts from d;
        where x_0, x_1, ... stand there too it counts from 0.
        """
        todo = [(node, axis)]
        shifts = []
        while todo:
            node, axis = todo.pop()
            origins = self.notation.origins.get(node)
            if origins is not None:
                return origins[axis]
            if node.op == "iota":
                return node.args[0]
            shift = _shift(node, axis)
            if shift is not None:
                shifts.append(shift)
            if node.op in ("map", "add"):
                todo.extend((arg, axis) for arg in reversed(node.args) if arg.shape)
            if node.op == "einsum":
                _, labels, out, _ = einsum_parts(node)
                for arg, own in zip(node.args, labels, strict=True):
                    if out[axis] in own:
                        todo.append((arg, own.index(out[axis])))
        return None if ZERO in shifts or not shifts else shifts[0]

    def _written(self, demand: Demand) -> Phrase:
        if demand.relation == "==":
            return self._delta(demand.difference)
        # in whole numbers i + 1 <= j is i < j
        strict = number(-1) in terms_of(demand.difference)
        right, left = sides_of(flat(add(demand.difference, ONE)) if strict else demand.difference)
        sides = (self.notation.scalar(left), self.notation.scalar(right))
        return Phrase("iverson", sides, ("<" if strict else "<=",))

    def _delta(self, total: Node) -> Phrase:
        sides = [self.notation.scalar(side) for side in sides_of(total)]
        return Phrase("delta", tuple(sorted(sides, key=_order_of_sides)))


def _order_of_sides(side: Phrase) -> tuple[int, str]:
    """Symbols by name, before sums and numbers: one order for [i = k] and [k = i]."""
    return (0, str(side.data[0])) if side.head == "symbol" else (1 + side.is_number, "")


def _turned_back(node: Node) -> tuple[Node, tuple[int, ...]]:
    """The array that this is the transpose of, and which axis here each of its axes is."""
    if node.op == "einsum" and len(node.args) == 1:
        coef, (labels,), out, _ = einsum_parts(node)
        if coef == 1 and sorted(labels) == sorted(out) and len(set(out)) == len(out):
            return node.args[0], tuple(map(out.index, labels))
    return node, tuple(range(node.rank))


def _unmasked(
    factors: Iterable[tuple[Node, tuple[int, ...]]],
) -> Iterator[tuple[Node, tuple[int, ...]]]:
    """The factors of a product, where(c, x, 0) as the conditions c and x."""
    for node, labels in factors:
        masked = node.op == "map" and node.params[0] == "where" and is_zero(node.args[2])
        conditions = conditions_in(node.args[0]) if masked else None
        if conditions is None:
            yield node, labels
            continue
        for select, own in conditions:
            yield select, tuple(labels[k] for k in own)
        yield node.args[1], labels if node.args[1].shape else ()


def _shift(node: Node, axis: int) -> Node | None:
    """d for [i + d == j] and the axis of i."""
    if not is_equation(node):
        return None
    coefs, offset = condition_of(node)
    if coefs not in ((1, -1), (-1, 1)):
        return None
    shift = flat(scale(1 if coefs[axis] == 1 else -1, offset))
    return shift if never_negative(shift) else None


def _is_call(node: Node, name: str, others: tuple[Node, ...]) -> bool:
    return node.op == "map" and node.params[0] == name and node.args[1:] == others


def _takes_apart(form: Phrase) -> bool:
    """Whether this has a slice, or an entry of something that is no symbol."""
    picks = form.head == "entry" and form.args[0].head != "symbol"
    return picks or form.head == "slice" or any(map(_takes_apart, form.args))


def _mentions(form: Phrase, names: set[str]) -> bool:
    return not form.indices.isdisjoint(names)


def _turned(body: Phrase) -> Phrase | None:
    """-1 times this, where a denominator takes the sign: 1/(b - a) is -1/(a - b)."""
    factors = list(body.args) if body.head == "mul" else [body]
    for k, factor in enumerate(factors):
        if factor.head != "pow" or factor.args[0].head != "add" or not factor.args[1].is_number:
            continue
        base, exponent = factor.args
        signs = {p.coefficient(term) > 0 for term in base.args}
        if exponent.value < 0 and exponent.value % 2 == 1 and len(signs) == 2:
            factors[k] = p.power(p.opposite(base), exponent)
            return p.mul(factors, p.coefficient(body) if body.head == "mul" else 1)
    return None


def _one_sum(body: Phrase, bounds: list[Phrase], names: tuple[str, ...]) -> Phrase:
    """A sum over indices; with one inner sum as a factor both are one: sum_ij a_i b_ij x_j."""
    factors = p.factors_of(body)
    inner = [factor for factor in factors if factor.head == "sum_over"]
    rest = [factor for factor in factors if factor.head != "sum_over"]
    taken = {*names}.union(*(piece.indices for piece in (*rest, *bounds)))
    apart = len(inner) == 1 and inner[0].bound.isdisjoint(taken)
    if apart and inner[0].args[0].head != "add" and not stands_in(inner[0], rest):
        own, *own_bounds = inner[0].args
        body = p.mul([*rest, own])
        return Phrase("sum_over", (body, *own_bounds, *bounds), (*inner[0].data, *names))
    return Phrase("sum_over", (body, *bounds), names)


def _looked_up(factors: list[Phrase], places: set[str]) -> list[Phrase]:
    """[a = label_i] f(label_i) -> [a = label_i] f(a), for an index a and label among `places`."""
    known = {
        looked_up: index
        for factor in factors
        if factor.head == "delta"
        for looked_up, index in (factor.args, factor.args[::-1])
        if looked_up.head == "function" and index.head == "symbol"
        if looked_up.data[0] in places
    }
    if not known:
        return factors
    return [f if f.head == "delta" else p.with_parts(f, known) for f in factors]


def _merged(body: Phrase) -> Phrase:
    """A product with its equal factors as powers."""
    return p.mul(_merge_equal(list(body.args)), p.coefficient(body)) if body.head == "mul" else body


def _merge_equal(factors: list[Phrase]) -> list[Phrase]:
    """x*x -> x^2, x^k*x^l -> x^(k + l), and sums cancelled; but a condition stays itself."""
    exponents: dict[Phrase, list[Phrase]] = {}
    for factor in factors:
        base, exponent = _joinable(factor)
        exponents.setdefault(base, []).append(exponent)
    totals = {base: p.add(found) for base, found in exponents.items() if len(found) > 1}
    totals.pop(p.UNIT, None)
    if totals:
        apart = [factor for factor in factors if _joinable(factor)[0] not in totals]
        powers = [p.power(base, e) for base, e in totals.items() if e not in (p.UNIT, p.num(0))]
        factors = [*apart, *powers, *(base for base, e in totals.items() if e == p.UNIT)]
    counts: dict[Phrase, int] = {}
    for factor in factors:
        counts[factor] = counts.get(factor, 0) + 1
    return [_repeated(factor, count) for factor, count in counts.items()]


def _joinable(factor: Phrase) -> tuple[Phrase, Phrase]:
    """base, exponent of a power of a sum, or of one with a symbolic exponent; else 1, 1."""
    base, exponent = factor.args if factor.head == "pow" else (factor, p.UNIT)
    joins = base.head == "sum_over" or not exponent.is_number
    return (base, exponent) if joins else (p.UNIT, p.UNIT)


def _repeated(factor: Phrase, times: int) -> Phrase:
    if times == 1 or factor.head in ("iverson", "delta") or excluded(factor) is not None:
        return factor
    return p.num(factor.value**times) if factor.is_number else p.power(factor, p.num(times))


def column_shape(shape: Shape) -> Shape:
    """The surface shape of a node: a vector is a column."""
    return (shape[0], 1) if len(shape) == 1 else shape
