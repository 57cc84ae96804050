"""The story of a derivation: its steps in order, put together from what was worked out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial

from symback import phrase as p
from symback.backprop import jacobian
from symback.cost import Cost
from symback.decimals import decimal_phrase
from symback.errors import ValueProblem
from symback.exact import as_node
from symback.forms import node_indices
from symback.graph import Node, Shape, symbols_of, topological
from symback.notation import Notation
from symback.ops import einsum, einsum_parts, subtract, symbol
from symback.phrase import Phrase
from symback.problem import Definition, Target
from symback.rules import FUNCTIONS, broadcast
from symback.sentences import rules_used
from symback.simplify import Simplifier
from symback.story import (
    Backward,
    CaseNote,
    Contribution,
    CostNote,
    Forward,
    Given,
    GradientRow,
    KinkNote,
    Step,
    Update,
    VerificationNote,
)
from symback.sweep import Adjoint, Names, Passed
from symback.tensor import Tensor
from symback.values import Value
from symback.worked import Worked

MAX_LOCAL_DEFINITIONS = 200  # beyond, local derivatives are left out
MAX_SUBSTITUTED = 24  # numbers in a formula with numbers in it
MAX_CASES = 64  # entries whose case is told
RATE = "eta"


def narrate(worked: Worked, cost: Cost | None) -> tuple[Step, ...]:
    """The steps of a story, in the order that :mod:`symback.story` tells."""
    return tuple(_Narrator(worked, cost).steps())


class _Narrator:
    def __init__(self, worked: Worked, cost: Cost | None) -> None:
        self.worked = worked
        self.problem = worked.problem
        self.forms = worked.forms
        self.numbers = worked.numbers
        self.cost = cost
        self.names = Names(self.problem.definitions)
        self.simplify = Simplifier()

    def steps(self) -> Iterator[Step]:
        yield from self._given()
        yield from map(self._forward, self.problem.definitions)
        yield from map(self._backward, self.worked.adjoints.values())
        yield from map(self._gradient, self.problem.wrt)
        yield from self._updates()
        yield from self._notes()

    # --- numbers -------------------------------------------------------------------------------

    def _value(self, node: Node, shape: Shape | None = None) -> Value | None:
        return None if self.numbers is None else self.numbers.value(node, shape)

    def _again(self, pick: Callable[[Worked], Value]) -> Callable[[Mapping[str, object]], Value]:
        return lambda values: pick(Worked(self.problem.with_values(values)))

    def _substituted(self, node: Node) -> Phrase | None:
        """`node` in matrix notation with numbers in the place of names, if that is short."""
        if self.numbers is None:
            return None
        written: dict[Node, Phrase] = {}
        count = 0
        for name in symbols_of([node]):
            value = self.numbers.value(name)
            count += value.size
            if count > MAX_SUBSTITUTED or name.rank > 2:
                return None
            written[name] = self._as_phrase(name, value)
        if not written or node in written:
            return None
        return Notation(self.forms.notation.surfaces, written).matrix(node)

    def _as_phrase(self, name: Node, value: Value) -> Phrase:
        entries: list[Fraction | float] = list(value.numbers.entries)
        if value.exact is not None:
            pairs = zip(value.exact.entries, entries, strict=True)
            entries = [e if isinstance(e, Fraction) else x for e, x in pairs]
        phrases = tuple(map(decimal_phrase, entries))
        if not name.shape:
            return phrases[0]
        rows, columns = (*value.shape, 1)[:2]
        if len(self.forms.notation.surfaces.get(name, ())) == 2 and name.rank == 1:
            return p.transpose(Phrase("array", phrases, (), (columns, rows)))
        return Phrase("array", phrases, (), (rows, columns))

    # --- given and forward ---------------------------------------------------------------------

    def _given(self) -> Iterator[Given]:
        problem = self.problem
        for name, tensor in problem.symbols.items():
            kind = "upstream" if tensor is problem.upstream else "symbol"
            value = None
            if self.numbers is not None and name in problem.values:
                value = self.numbers.value(tensor.node, tensor.shape)
            yield Given(name, tensor.shape, value, kind)  # type: ignore[arg-type]
        for name, tensor in problem.sizes.items():
            yield Given(name, (), self._value(tensor.node), "size")
        for name, arity in problem.functions.items():
            yield Given(name, (), None, "function", arity)

    def _forward(self, definition: Definition) -> Forward:
        name, tensor = definition.name, definition.tensor
        return Forward(
            name=name,
            shape=self.problem.shape(name),
            value=self.worked.forward.get(name),
            _work=self._again(partial(_forward_value, name)),
            symbol=self._symbol(definition.symbol),
            formula=self.forms.write(tensor.node, tensor.shape),
            written=definition.written,
            substituted=self._substituted(tensor.node),
        )

    def _symbol(self, tensor: Tensor) -> Phrase:
        return self.forms.write(tensor.node, tensor.shape)

    # --- backward ------------------------------------------------------------------------------

    def _backward(self, adjoint: Adjoint) -> Backward:
        name = adjoint.name
        shape = self.problem.shape(name)
        terms = [self._simple(passed.node) for passed in adjoint.passed]
        phrases = [self.forms.write(term, shape) for term in terms]
        simplified = self.forms.write(adjoint.named, shape)
        return Backward(
            name=name,
            shape=shape,
            value=self._value(adjoint.symbol, shape),
            _work=self._again(partial(_adjoint_value, name)),
            adjoint=self.adjoint_name(name),
            contributions=tuple(
                self._contribution(name, passed, term, phrase)
                for passed, term, phrase in zip(adjoint.passed, terms, phrases, strict=True)
            ),
            total=p.add(phrases) if phrases else simplified,
            simplified=simplified,
            substituted=self._substituted(adjoint.named),
            cases=tuple(self._cases(name, adjoint)),
            remarks=tuple(self.forms.remark(u, shape) for u in adjoint.unit_sums),
        )

    def adjoint_name(self, name: str) -> Phrase:
        tensor = self.problem.tensor(name)
        form = self.forms.notation.matrix(adjoint_symbol(tensor.node))
        if form is None:  # an array of more than two axes
            return Phrase("symbol", (), (name, "adjoint"), tensor.node.shape)
        return p.transpose(form) if form.head == "transpose" else form

    def _simple(self, node: Node) -> Node:
        return self.simplify(self.names.in_names(node))

    def _contribution(self, name: str, passed: Passed, term: Node, phrase: Phrase) -> Contribution:
        consumer = passed.consumer
        shape = self.problem.shape(name)
        node = self.problem.tensor(name).node
        local, elementwise = self._local(consumer, node)
        incoming_shape = self.problem.shape(consumer.name)
        return Contribution(
            consumer=consumer.name,
            incoming=self.forms.write(passed.incoming, incoming_shape),
            incoming_value=self._value(
                passed.incoming, incoming_shape if passed.incoming.shape else ()
            ),
            local=None if local is None else self.forms.write(local),
            elementwise=elementwise,
            local_value=None if local is None else self._value(local),
            rules=rules_used(consumer.tensor.node, node),
            phrase=phrase,
            substituted=self._substituted(term),
            value=self._value(term, shape),
        )

    def _local(self, consumer: Definition, name: Node) -> tuple[Node | None, bool]:
        """The derivative of a definition by a name in it, and whether it is a column of slopes."""
        root = consumer.tensor.node
        if len(self.problem.definitions) > MAX_LOCAL_DEFINITIONS:
            return None, False
        (full,) = jacobian(root, [name])
        full = self._simple(full)
        slopes = _diagonal(full, root.rank) if root.rank == name.rank > 0 else None
        varies = full.op == "einsum" and any(einsum_parts(full)[1])
        if slopes is not None and (varies or name.rank > 1):
            return slopes, True
        return (full, False) if full.rank <= 2 else (None, False)

    def _cases(self, name: str, adjoint: Adjoint) -> Iterator[CaseNote]:
        if self.numbers is None:
            return
        own = self.problem.tensor(name).node
        for passed in adjoint.passed:
            for node in topological([passed.consumer.tensor.node]):
                if node.op != "map" or own not in symbols_of([node]):
                    continue
                function = FUNCTIONS.get(str(node.params[0]))
                if function is None or function.kink is None:
                    continue
                argument = self._simple(
                    node.args[0] if len(node.args) == 1 else subtract(*_spread(node))
                )
                value = self.numbers.value(argument)
                if value.size <= MAX_CASES:
                    conditions = tuple(_CONDITIONS[sign] for sign in _signs(value))
                    written = self.forms.write(argument)
                    yield CaseNote(str(node.params[0]), written, conditions, value)

    # --- the end -------------------------------------------------------------------------------

    def _gradient(self, target: Target) -> GradientRow:
        gradient = self.worked.gradients[target.label]
        label = target.label
        return GradientRow(
            name=label,
            shape=gradient.shape,
            value=gradient.number,
            _work=self._again(partial(_gradient_value, label)),
            closed=gradient.closed_phrase,
            closed_in=gradient.closed_in,
            named=gradient.named_phrase,
            remarks=gradient.remarks,
        )

    def _updates(self) -> Iterator[Update]:
        if self.numbers is None or self.problem.rate is None:
            return
        taken = {*self.problem.symbols, *(d.name for d in self.problem.definitions)}
        rate = Phrase("symbol", (), (RATE if RATE not in taken else "rate", ""))
        rate_value = self.numbers.value(as_node(self.problem.rate))
        for target in self.problem.wrt:
            after = self.worked.updated.get(target.label)
            gradient = self.worked.gradients[target.label].number
            if after is None or gradient is None:
                continue
            before, slope = self._update_phrases(target)
            yield Update(
                name=target.label,
                shape=self.worked.gradients[target.label].shape,
                value=after,
                _work=self._again(partial(_updated, target.label)),
                formula=p.add([before, p.mul([rate, slope], -1)]),
                before=self._before(target),
                rate=rate_value,
                gradient=gradient,
            )

    def _update_phrases(self, target: Target) -> tuple[Phrase, Phrase]:
        tensor = self.problem.tensor(target.name)
        if target.indices is None:
            return self._symbol(tensor), self.adjoint_name(target.name)
        indices = node_indices(target, tensor.shape)
        return self.forms.entry(tensor.node, indices), self.forms.entry(
            adjoint_symbol(tensor.node), indices
        )

    def _before(self, target: Target) -> Value:
        assert self.numbers is not None
        tensor = self.problem.tensor(target.name)
        whole = self.numbers.value(tensor.node, tensor.shape)
        if target.indices is None:
            return whole
        return whole.entry([i for i in target.indices if isinstance(i, int)][: len(whole.shape)])

    def _notes(self) -> Iterator[Step]:
        of = self.problem.of
        for kink in self.worked.kinks:
            yield KinkNote(
                name=kink.node.split(" = ")[0],
                node=kink.node,
                entry=tuple(index + self.problem.index_base for index in kink.entry),
                function=kink.function,
                where=kink.where,
                interval=kink.interval,
                taken=kink.taken,
                others=kink.others,
            )
        found = self.worked.verification
        if found is not None:
            yield VerificationNote(
                of, found.ok, found.witness, found.max_error, found.where, found.note
            )
        if self.cost is not None:
            yield CostNote(of, self.cost)


def _known(value: Value | None) -> Value:
    if value is None:
        raise ValueProblem("this entry has no number of its own: its index is open")
    return value


def _forward_value(name: str, worked: Worked) -> Value:
    return worked.forward[name]


def _gradient_value(label: str, worked: Worked) -> Value:
    return _known(worked.gradients[label].number)


def _updated(label: str, worked: Worked) -> Value:
    return worked.updated[label]


def _adjoint_value(name: str, worked: Worked) -> Value:
    assert worked.numbers is not None
    shape = worked.problem.shape(name)
    return worked.numbers.value(worked.adjoints[name].symbol, shape)


def adjoint_symbol(node: Node) -> Node:
    """The adjoint of a named node as a symbol."""
    return symbol(node.name, node.shape, "adjoint")


def _diagonal(full: Node, rank: int) -> Node | None:
    """s for an array that is s on the diagonal of its first and last `rank` axes, else 0."""
    if full.op != "einsum":
        return None
    coef, labels, out, sizes = einsum_parts(full)
    first, last = out[:rank], out[rank:]
    if first != last or len(set(first)) != rank:
        return None
    known = {label: sizes[label] for label in first}
    return einsum(coef, zip(full.args, labels, strict=True), first, known)


def _spread(node: Node) -> tuple[Node, Node]:
    """The two arguments of an elementwise function, in one shape."""
    a, b = node.args[:2]
    return broadcast(a, b), broadcast(b, a)


def _signs(value: Value) -> Iterator[int]:
    """The sign of each entry, by the exact number where there is one."""
    exact = value.exact.entries if value.exact is not None else ()
    for place, x in enumerate(value.numbers.entries):
        known = exact[place] if exact else x
        number = known if isinstance(known, Fraction) else x
        yield (number > 0) - (number < 0)


_CONDITIONS = {-1: "< 0", 0: "= 0", 1: "> 0"}
