"""The working form of a product while it is rewritten, and helpers for products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from symback.graph import Node, Size
from symback.ops import (
    Factor,
    Label,
    Labels,
    Number,
    add,
    einsum,
    einsum_parts,
    is_closed,
    scale,
)


@dataclass
class Product:
    """A product being rewritten in place."""

    coef: Number
    factors: list[tuple[Node, Labels]]
    out: Labels
    sizes: dict[Label, Size]

    @staticmethod
    def of(node: Node) -> Product:
        if node.op != "einsum":
            axes = tuple(range(node.rank))
            return Product(1, [(node, axes)], axes, dict(enumerate(node.shape)))
        coef, labels, out, sizes = einsum_parts(node)
        factors: list[tuple[Node, Labels]] = list(zip(node.args, labels, strict=True))
        return Product(coef, factors, out, dict(enumerate(sizes)))

    def node(self, *, merge: bool = False) -> Node:
        return einsum(self.coef, self.factors, self.out, self.sizes, merge=merge)

    @property
    def factors_alone(self) -> list[Node]:
        return [factor for factor, _ in self.factors]

    @property
    def is_fixed(self) -> bool:
        """Whether this is an identity or ones matrix, perhaps scaled."""
        return len(self.out) == 2 and not any(labels for _, labels in self.factors)

    def summed(self, labels: Iterable[Label]) -> bool:
        """Whether the sum runs over all of these labels."""
        return all(label not in self.out for label in labels)

    def summed_none(self, labels: Iterable[Label]) -> bool:
        """Whether the result has all of these labels."""
        return all(label in self.out for label in labels)

    def places(self, label: Label) -> int:
        """How often a label occurs in the factors and in the result."""
        return sum(own.count(label) for _, own in self.factors) + self.out.count(label)

    def by_components(self) -> Product:
        """Factors that share a summed index as one factor: A_ij z_j y_k -> (A*z)_i y_k."""
        group = list(range(len(self.factors)))
        first: dict[Label, int] = {}
        for place, (_, labels) in enumerate(self.factors):
            for x in labels:
                if x not in self.out and first.setdefault(x, place) != place:
                    old, new = group[place], group[first[x]]
                    group = [new if g == old else g for g in group]
        factors: list[tuple[Node, Labels]] = []
        for g in dict.fromkeys(group):
            members = [f for f, own in zip(self.factors, group, strict=True) if own == g]
            carried = {x for _, labels in members for x in labels}
            kept = tuple(x for x in dict.fromkeys(self.out) if x in carried)
            whole = members[0] if len(members) == 1 else (einsum(1, members, kept), kept)
            factors.append(whole)
        return self._of(factors)

    def with_slices(self) -> Product:
        """Factors that a selection cuts as one factor with it: A_ij X_jk [k == l] is A*X[:, l]."""
        factors = list(self.factors)
        for selection in self.factors:
            node, own = selection
            if node.op != "select" or node.params[0] != "==" or len(set(own)) != 2:
                continue
            for cut in own:
                bearers = [f for f in factors if f is not selection and cut in f[1]]
                if cut in self.out or len(bearers) != 1 or bearers[0][0].op == "select":
                    continue
                (bearer,) = bearers
                (left,) = (x for x in own if x != cut)
                kept = tuple(left if x == cut else x for x in bearer[1])
                factors.remove(selection)
                factors[factors.index(bearer)] = (einsum(1, [bearer, selection], kept), kept)
                break
        return self._of(factors)

    def with_columns(self) -> Product:
        """Columns at one summed index as one factor: A_ij x_j y_j is A*(x .* y)."""
        columns: dict[Label, list[Factor]] = {}
        for factor, labels in self.factors:
            if len(labels) == 1 and labels[0] not in self.out and factor.op != "select":
                columns.setdefault(labels[0], []).append((factor, labels))
        if all(len(members) == 1 for members in columns.values()):
            return self
        factors = list(self.factors)
        for label, members in columns.items():
            if len(members) > 1:
                factors = [f for f in factors if f not in members]
                factors.append((einsum(1, members, (label,)), (label,)))
        return self._of(factors)

    def with_open_sums(self) -> Product:
        """Sums of functions among the factors opened: c*(x_i*f(x)_i) is c*x_i*f(x)_i, summed."""
        coef, factors, sizes = self.coef, [], dict(self.sizes)
        for place, (factor, labels) in enumerate(self.factors):
            if not is_closed(factor) or all(f.op != "map" for f in factor.args):
                factors.append((factor, labels))
                continue
            number, inside, _, lengths = einsum_parts(factor)
            names = [("inside", place, x) for x in range(len(lengths))]
            coef *= number
            for arg, own in zip(factor.args, inside, strict=True):
                factors.append((arg, tuple(names[x] for x in own)))
            sizes.update(zip(names, lengths, strict=True))
        return Product(coef, factors, self.out, sizes)

    def _of(self, factors: list[tuple[Node, Labels]]) -> Product:
        """This product of other factors, which need not carry every label."""
        present = {*self.out, *(x for _, labels in factors for x in labels)}
        sizes = {x: size for x, size in self.sizes.items() if x in present}
        return Product(self.coef, factors, self.out, sizes)

    def replace(self, gone: Iterable[int], new: Iterable[Factor]) -> None:
        dropped = set(gone)
        kept = [factor for place, factor in enumerate(self.factors) if place not in dropped]
        self.factors = [*kept, *((node, tuple(labels)) for node, labels in new)]

    def take(self, other: Product) -> None:
        """Become the other product."""
        self.coef, self.factors, self.out, self.sizes = (
            other.coef,
            other.factors,
            other.out,
            other.sizes,
        )

    def forget(self, *labels: Label) -> None:
        """Drop labels that no factor carries any more."""
        for label in labels:
            if self.places(label) == 0:
                self.sizes.pop(label, None)


def delta(a: Label, b: Label, size: Size) -> Factor:
    return einsum(1, [], "ii", {"i": size}), (a, b)


def flipped(a: Node) -> Node:
    """The transpose, a product opened up."""
    return a if a.rank < 2 else einsum(1, [(a, "ij")], "ji", merge=True)


def negated(total: Node) -> Node:
    return add(*(scale(-1, term) for term in total.args))


def opposites(node: Node) -> Iterator[Node]:
    """-node in the ways in which it may be written: -c*(a - b) as c*(b - a) too."""
    yield scale(-1, node)
    yield opposite(node)
    product = Product.of(node)
    for place, (total, labels) in enumerate(product.factors):
        if total.op == "add":
            rest = [f for k, f in enumerate(product.factors) if k != place]
            factors = [*rest, (negated(total), labels)]
            yield einsum(product.coef, factors, product.out, product.sizes)


def opposite(node: Node) -> Node:
    """-node, a sum with its signs turned."""
    return negated(node) if node.op == "add" else scale(-1, node)
