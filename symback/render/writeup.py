r"""The story of a derivation as a worked solution: a document of headings, prose and equations.

The order is that of a solution on paper: what is given and wanted, the graph, the forward pass
with numbers put in, the backward pass step by step, the gradients in the given symbols, the update,
kinks, the check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from symback.derivation import Derivation
from symback.errors import NameProblem, did_you_mean
from symback.graph import Shape, Size
from symback.notation import Notation
from symback.ops import size_node
from symback.parse.parser import parse
from symback.paths import Edge, EntryChain, Path, Vertex
from symback.phrase import Phrase
from symback.render.digits import DIGITS, rounded
from symback.render.document import (
    Block,
    Document,
    Equations,
    Flow,
    Formula,
    Graph,
    Heading,
    Inline,
    Prose,
    Row,
)
from symback.render.figures import Figures, Manner, transposed
from symback.render.substituted import number_piece, substituted
from symback.render.written_latex import WrittenSpeller
from symback.spell import latex
from symback.spell.names import tex_name
from symback.spell.speller import Piece
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
from symback.values import Value

S = TypeVar("S", bound=Step)
APPROX = r"\approx"
MAX_FILLED = 110  # em, of a formula with numbers in it
MAX_CLOSED = 3  # lines, of a closed form among the others
MAX_TOTAL = 1.7  # lines, of a sum of contributions that is written out
MAX_TERMS = 12  # of a sum of paths that is written out in numbers

#: Rules of single functions as formulas: what a story says of them, and how it is set.
RULES: Mapping[str, str] = MappingProxyType(
    {
        "(x^n)' = n*x^(n-1)": r"(x^{n})' = n x^{n-1}",
        "exp' = exp": r"\exp' = \exp",
        "log'(x) = 1/x": r"\log'(x) = 1/x",
        "sin' = cos": r"\sin' = \cos",
        "cos' = -sin": r"\cos' = -\sin",
        "tan' = 1 + tan^2": r"\tan' = 1 + \tan^{2}",
        "asin'(x) = 1/sqrt(1 - x^2)": r"\arcsin'(x) = 1/\sqrt{1 - x^{2}}",
        "acos'(x) = -1/sqrt(1 - x^2)": r"\arccos'(x) = -1/\sqrt{1 - x^{2}}",
        "atan'(x) = 1/(1 + x^2)": r"\arctan'(x) = 1/(1 + x^{2})",
        "sinh' = cosh": r"\sinh' = \cosh",
        "cosh' = sinh": r"\cosh' = \sinh",
        "tanh' = 1 - tanh^2": r"\tanh' = 1 - \tanh^{2}",
        "asinh'(x) = 1/sqrt(1 + x^2)": r"\operatorname{arsinh}'(x) = 1/\sqrt{1 + x^{2}}",
        "acosh'(x) = 1/sqrt(x^2 - 1)": r"\operatorname{arcosh}'(x) = 1/\sqrt{x^{2} - 1}",
        "atanh'(x) = 1/(1 - x^2)": r"\operatorname{artanh}'(x) = 1/(1 - x^{2})",
        "erf'(x) = 2/sqrt(pi)*exp(-x^2)": (
            r"\operatorname{erf}'(x) = 2 \, \mathrm{e}^{-x^{2}}/\sqrt{\pi}"
        ),
        "gamma' = gamma*digamma": r"\Gamma' = \Gamma \psi",
        "loggamma' = digamma": r"(\log\Gamma)' = \psi",
        "polygamma(k, x)' = polygamma(k + 1, x)": r"(\psi^{(k)})' = \psi^{(k+1)}",
        "sigmoid' = sigmoid*(1 - sigmoid)": r"\sigma' = \sigma \, (1 - \sigma)",
        "softplus' = sigmoid": r"\operatorname{softplus}' = \sigma",
        "gelu'(x) = Phi(x) + x*phi(x)": r"\operatorname{GELU}'(x) = \Phi(x) + x \, \varphi(x)",
        "relu'(x) = [x > 0]": r"\operatorname{ReLU}'(x) = \mathbf{1}[x > 0]",
        "abs' = sign": r"\lvert x \rvert' = \operatorname{sign}(x)",
        "softmax: J = diag(p) - p*p'": (
            r"\frac{\partial \operatorname{softmax}}{\partial x} = "
            r"\operatorname{diag}(p) - p p^{\top}"
        ),
        "logsumexp' = softmax": r"\operatorname{logsumexp}' = \operatorname{softmax}",
        "d(inv(X)) = -inv(X)*dX*inv(X)": r"d(X^{-1}) = -X^{-1} \, dX \, X^{-1}",
        "d(det(X)) = det(X)*tr(inv(X)*dX)": (
            r"d \det(X) = \det(X) \operatorname{tr}(X^{-1} \, dX)"
        ),
        "d(log det(X)) = tr(inv(X)*dX)": r"d \log\det(X) = \operatorname{tr}(X^{-1} \, dX)",
    }
)

#: Signs that are explained where they are used.
SIGNS = (
    (r"\odot", r"\odot", "multiplies entry by entry"),
    (r"\oslash", r"\oslash", "divides entry by entry"),
    (r"\mathbf{1}[", r"\mathbf{1}[\cdot]", "is 1 where the condition holds and 0 elsewhere"),
    (r"\sigma(", r"\sigma(x) = 1/(1 + \mathrm{e}^{-x})", ""),
    (r"\operatorname{ReLU}", r"\operatorname{ReLU}(x) = \max(0, x)", ""),
    (
        r"\operatorname{heaviside}",
        r"\operatorname{heaviside}",
        "is 1 above 0, 1/2 at 0 and 0 below",
    ),
)


@dataclass(frozen=True)
class Style:
    """How a write-up is written.

    Attributes:
        numbers: fractions ("exact") or decimals.
        digits: significant digits of rounded numbers.
        names: how single variables are set, in LaTeX.
        width: of a line, in em.
        entry: the one entry to tell path by path, or None for everything.
    """

    numbers: Manner = "decimal"
    digits: int = DIGITS
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    width: float = 40.0
    entry: str | None = None


def write_up(derivation: Derivation, style: Style) -> Document:
    """The document.

    Raises:
        InputError: for a name or an entry that the problem does not have, and for what is no LaTeX.
    """
    return _WriteUp(derivation, style).document()


class _WriteUp:
    def __init__(self, derivation: Derivation, style: Style) -> None:
        self.derivation = derivation
        self.problem = derivation.problem
        self.style = style
        self.names = style.names
        self._check_names()
        self.figures = Figures(style.numbers, style.digits, style.width - 8)
        self.steps = derivation.steps
        self.long: list[Row] = []
        self.forward = {step.name: step for step in self._of(Forward)}
        self.values: dict[tuple[str, str], Value] = {}
        for step in self.steps:
            if isinstance(step, (Given, Forward)) and step.value is not None:
                self.values[step.name, ""] = step.value
                self.values[step.name, "size"] = step.value
            elif isinstance(step, Backward) and step.value is not None:
                self.values[step.name, "adjoint"] = step.value
        self.adjoints = {step.name: step.adjoint for step in self._of(Backward)}

    def _check_names(self) -> None:
        known = [*self.problem.symbols, *self.problem.sizes, *self.problem.functions]
        known += [definition.name for definition in self.problem.definitions]
        for name, written in self.names.items():
            if name not in known:
                raise NameProblem(
                    f"unknown name '{name}' in the notation",
                    hint=did_you_mean(name, known) or "name a symbol or a definition",
                )
            Formula.of(written)

    def document(self) -> Document:
        blocks = [*self._given(), Graph(), *self._forward_pass()]
        if self.style.entry is None:
            blocks += [*self._backward_pass(), *self._gradients(), *self._updates()]
            blocks += [*self._kinks(), *self._check(), *self._long_forms()]
        else:
            blocks += [*self._one_entry(self.derivation.entry(self.style.entry)), *self._check()]
        signs = list(self._signs(blocks))
        at = next(k for k, block in enumerate(blocks) if isinstance(block, Graph))
        blocks[at:at] = signs
        if self.figures.shortened:
            words = "Long arrays are shortened here; symback derive --json has every number."
            blocks.append(Prose((words,), "remark"))
        return Document(self.problem.title, self.problem.source, tuple(blocks))

    def _of(self, kind: type[S]) -> list[S]:
        return [step for step in self.steps if isinstance(step, kind)]

    # --- formulas ------------------------------------------------------------------------------

    def _tex(self, phrase: Phrase) -> str:
        problem = self.problem
        return latex(phrase, self.names, output=problem.of, index_base=problem.index_base)

    def _formula(self, phrase: Phrase) -> Formula:
        return Formula.of(self._tex(phrase))

    def _name(self, name: str) -> str:
        """A name alone."""
        if name in self.names:
            return self.names[name]
        return tex_name(name, bold=not self._is_scalar(name))

    def _is_scalar(self, name: str) -> bool:
        problem = self.problem
        if name in problem.symbols or name in self.forward:
            return problem.tensor(name).is_scalar
        return True

    def _label(self, label: str) -> str:
        """The derivative by a target such as W1[1,1]."""
        name, _, rest = label.partition("[")
        return (
            rf"\frac{{\partial {self._name(self.problem.of)}}}{{\partial {self._at(name, rest)}}}"
        )

    def _at(self, name: str, rest: str) -> str:
        """An entry of a name, as the problem counts."""
        if not rest:
            return self._name(name)
        plain = self.names.get(name) or tex_name(name)
        if set("_^") & set(plain):
            plain = f"({self._name(name)})"
        return f"{plain}_{{{rest.rstrip(']').replace(' ', '')}}}"

    def _number(self, value: Value) -> Formula:
        return Formula.of(self.figures.latex(value))

    def _sign(self, *values: Value | None) -> str:
        """How the last value stands behind the others: rounded ones are only about equal."""
        exact = all(value is None or self.figures.is_exact(value) for value in values)
        return "=" if exact else APPROX

    def _lookup(self, name: str, kind: str) -> Value | None:
        return self.values.get((name, kind))

    def _filled(self, phrase: Phrase) -> Formula | None:
        """A formula with numbers in the place of names, where that is not long."""
        written = substituted(phrase, self._lookup, self.figures)
        formula = None if written is None else Formula.of(written)
        return formula if formula is not None and formula.width <= MAX_FILLED else None

    def _typed(self, text: str) -> Formula:
        speller = WrittenSpeller(self.names, self._is_scalar)
        return Formula.of(speller(parse(text)))

    def _typed_filled(self, text: str) -> Formula | None:
        """A definition as typed, with numbers in the place of names."""
        used: list[Value] = []
        missing: list[str] = []

        def replace(name: str, at: tuple[int, ...]) -> Piece | None:
            value = self._lookup(name.removesuffix("'"), "")
            if value is None or len(value.shape) > 2:
                missing.append(name)
                return None
            if name.endswith("'") and value.shape:
                value = transposed(value)
            if at:
                base = self.problem.index_base
                value = value.entry([i - base for i in at][: len(value.shape)])
            used.append(value)
            return number_piece(value, self.figures)

        written = WrittenSpeller(self.names, self._is_scalar, replace)(parse(text))
        count = sum(value.size for value in used)
        if missing or not 0 < count <= 60:
            return None
        formula = Formula.of(written)
        return formula if formula.width <= MAX_FILLED else None

    def _chain(
        self, left: str, rights: Iterable[tuple[str, Formula | None]], *, again: bool = False
    ) -> Iterator[Row]:
        """`left = a`, `= b`, ...; what says the same as the line above is left out."""
        name: Formula | None = Formula.of(left)
        before = left if not again else ""
        for sign, right in rights:
            if right is None or right.tex == before:
                continue
            yield Row(name, sign, right)
            name, before = None, right.tex

    def _equations(self, rows: Iterable[Row]) -> Iterator[Equations]:
        kept = tuple(rows)
        if kept:
            yield Equations(kept, self.problem.index_base)

    # --- given ---------------------------------------------------------------------------------

    def _given(self) -> Iterator[Block]:
        steps = self._of(Given)
        yield Heading(("Given and wanted",))
        valued = [step for step in steps if step.value is not None]
        if valued:
            scalars = [step for step in valued if not step.shape]
            arrays = [step for step in valued if step.shape]
            for chosen in (scalars, arrays):
                if chosen:
                    yield Flow(tuple(self._given_value(step) for step in chosen))
        without = [step for step in steps if step.value is None]
        if without:
            yield Flow(tuple(Formula.of(self._declared(step)) for step in without))
        wanted = [Formula.of(self._label(target.label)) for target in self.problem.wrt]
        if self.style.entry is not None:
            wanted = [Formula.of(self._label(self.style.entry))]
        if len(wanted) == 1:
            yield Prose(("Wanted is",))
        else:
            yield Prose(("Wanted, each of the shape of what it is the derivative by, are",))
        yield Flow(tuple(wanted))

    def _given_value(self, step: Given) -> Formula:
        assert step.value is not None
        sign = self._sign(step.value)
        return Formula.of(f"{self._name(step.name)} {sign} {self.figures.latex(step.value)}")

    def _declared(self, step: Given) -> str:
        name = self._name(step.name)
        if step.kind == "function":
            places = ", ".join("xyzuvwst"[: step.arity])
            return f"{name}({places})"
        if step.kind == "size":
            return rf"{name} \in \mathbb{{N}}"
        if not step.shape:
            return rf"{name} \in \mathbb{{R}}"
        return rf"{name} \in \mathbb{{R}}^{{{self._sizes(step.shape)}}}"

    def _sizes(self, shape: Shape) -> str:
        return r" \times ".join(map(self._size, shape))

    def _size(self, size: Size) -> str:
        written = self._tex(Notation().scalar(size_node(size)))
        return f"({written})" if " " in written else written

    def _signs(self, blocks: Sequence[Block]) -> Iterator[Block]:
        """What signs mean that are used in the document."""
        text = " ".join(formula.tex for formula in _formulas(blocks))
        parts: list[Inline] = []
        for needle, sign, words in SIGNS:
            if needle in text:
                if parts:
                    parts.append("; ")
                parts.append(Formula.of(sign))
                if words:
                    parts.append(f" {words}")
        if parts:
            yield Prose(("Notation: ", *parts, "."), "remark")

    # --- forward -------------------------------------------------------------------------------

    def _forward_pass(self) -> Iterator[Block]:
        yield Heading(("Forward pass",))
        rows: list[Row] = []
        for step in self._of(Forward):
            formula = self._formula(step.formula)
            filled = None
            if step.written is not None:
                formula = self._typed(step.written)
            if step.value is not None and step.written is not None:
                filled = self._typed_filled(step.written)
            elif step.value is not None:
                filled = self._filled(step.formula)
            number = None if step.value is None else self._number(step.value)
            last = self._sign(step.value)
            between = self._sign(*self._used(step.formula))
            if filled is not None and number is not None and filled.tex == number.tex:
                filled = None
            chain = [("=", formula), (between, filled), (last if between == "=" else "=", number)]
            if filled is None and number is not None:
                chain[-1] = (last, number)
            rows += self._chain(self._tex(step.symbol), chain, again=True)
        yield from self._equations(rows)

    def _used(self, phrase: Phrase) -> list[Value]:
        """The values of the names in a formula."""
        found: list[Value] = []
        stack = [phrase]
        while stack:
            part = stack.pop()
            if part.head == "symbol":
                value = self._lookup(str(part.data[0]), str(part.data[1]))
                if value is not None:
                    found.append(value)
            stack.extend(part.args)
        return found

    # --- backward ------------------------------------------------------------------------------

    def _backward_pass(self) -> Iterator[Block]:
        output = Formula.of(self._name(self.problem.of))
        yield Heading(("Backward pass",))
        yield Prose(
            (
                "From ",
                output,
                " back to what is given: at each node the derivative that arrives is multiplied by "
                "the local derivative (chain rule); where a node is used several times, the "
                "contributions are added.",
            )
        )
        for step in self._of(Backward):
            yield from self._adjoint(step)

    def _adjoint(self, step: Backward) -> Iterator[Block]:
        name = self._tex(step.adjoint)
        if not step.contributions:
            if step.name == self.problem.of:
                yield from self._equations(self._result(name, [], step))
            else:
                yield Heading(("Derivative by ", Formula.of(self._name(step.name)), "."), 2)
                yield from self._equations(self._result(name, [], step))
            return
        yield Heading(("Derivative by ", Formula.of(self._name(step.name)), "."), 2)
        several = len(step.contributions) > 1
        for contribution in step.contributions:
            yield from self._contribution(step, contribution, several)
        if several:
            yield Prose(("Added up:",))
            rights = [self._formula(step.total)]
            if rights[0].width > MAX_TOTAL * self.style.width:
                rights = [Formula.of(" + ".join(self._part(name, c) for c in step.contributions))]
        else:
            rights = [self._formula(step.contributions[0].phrase)]
        yield from self._equations(self._result(name, rights, step))
        for case in step.cases:
            yield self._case(case)
        for remark in step.remarks:
            yield Prose((_sentence(remark),), "remark")

    def _result(self, name: str, rights: Sequence[Formula], step: Backward) -> Iterator[Row]:
        """The forms of one adjoint below each other, then its number."""
        chain: list[tuple[str, Formula | None]] = [("=", right) for right in rights]
        chain.append(("=", self._formula(step.simplified)))
        yield from self._chain(name, [*chain, *self._numbers(step.simplified, step.value)])

    def _numbers(self, phrase: Phrase, value: Value | None) -> list[tuple[str, Formula | None]]:
        """The formula with numbers in it, and its value."""
        if value is None:
            return []
        filled = self._filled(phrase)
        number = self._number(value)
        last = self._sign(value)
        if filled is None or filled.tex == number.tex:
            return [(last, number)]
        between = self._sign(*self._used(phrase))
        return [(between, filled), (last if between == "=" else "=", number)]

    def _contribution(self, step: Backward, given: Contribution, several: bool) -> Iterator[Block]:
        consumer = self.forward[given.consumer]
        symbol = self._tex(consumer.symbol)
        right = self._formula(consumer.formula)
        if consumer.written is not None:
            right = self._typed(consumer.written)
        whole = Formula.of(f"{symbol} = {right.tex}")
        shown = whole if whole.width <= self.style.width * 0.7 else Formula.of(symbol)
        words: list[Inline] = ["Through ", shown]
        if given.rules:
            words += [" (", *_joined([_rule(rule) for rule in given.rules]), ")"]
        yield Prose((*words, ":"))
        rows = list(self._local(step, given, symbol))
        if several:
            part = self._part(self._tex(step.adjoint), given)
            chain: list[tuple[str, Formula | None]] = [("=", self._formula(given.phrase))]
            rows += self._chain(part, [*chain, *self._numbers(given.phrase, given.value)])
        yield from self._equations(rows)

    def _part(self, name: str, given: Contribution) -> str:
        """The part of a derivative that comes through one node."""
        return rf"\left. {name} \right|_{{{self._tex(self.forward[given.consumer].symbol)}}}"

    def _local(self, step: Backward, given: Contribution, symbol: str) -> Iterator[Row]:
        """The local derivative and its number, where it says more than the result does."""
        if given.local is None or given.local.head in ("eye", "number", "ones"):
            return
        if given.consumer == self.problem.of and given.local == given.phrase:
            return
        name = rf"\frac{{\partial {symbol}}}{{\partial {self._name(step.name)}}}"
        local = self._tex(given.local)
        value = given.local_value
        number = None if value is None else self.figures.latex(value)
        if given.elementwise:
            if len(step.shape) > 1:
                name = r"\text{slopes}"
            else:
                local = rf"\operatorname{{diag}}\left({local}\right)"
                number = None if number is None else rf"\operatorname{{diag}}\left({number}\right)"
        chain: list[tuple[str, Formula | None]] = [("=", Formula.of(local))]
        if number is not None:
            chain.append((self._sign(value), Formula.of(number)))
        yield from self._chain(name, chain)

    def _case(self, case: CaseNote) -> Prose:
        """Which case holds where."""
        argument = self._tex(case.argument)
        function = {"relu": "ReLU"}.get(case.function, case.function)
        conditions = list(dict.fromkeys(case.entries))
        if len(conditions) == 1:
            where = " in every entry" if len(case.entries) > 1 else ""
            holds = Formula.of(f"{argument} {conditions[0]}")
            return Prose((f"{function}: ", holds, f"{where}."), "remark")
        parts: list[Inline] = [f"{function}: "]
        for number, condition in enumerate(conditions):
            places = [k for k, entry in enumerate(case.entries) if entry == condition]
            listed = ", ".join(self._place(place, case.value.shape) for place in places)
            parts += [", " if number else "", Formula.of(f"{argument} {condition}")]
            parts.append(f" in {_entries(places)} {listed}")
        return Prose((*parts, "."), "remark")

    def _place(self, flat: int, shape: tuple[int, ...]) -> str:
        """The indices of an entry.  4 of a 2x3 matrix, from 1 -> (2, 2)"""
        indices: list[int] = []
        for size in reversed(shape):
            flat, index = divmod(flat, size)
            indices.insert(0, index + self.problem.index_base)
        return str(indices[0]) if len(indices) == 1 else f"({', '.join(map(str, indices))})"

    # --- gradients -----------------------------------------------------------------------------

    def _gradients(self) -> Iterator[Block]:
        yield Heading(("Gradients",))
        rows: list[Row] = []
        for row in self._of(GradientRow):
            closed, named = self._formula(row.closed), self._formula(row.named)
            value = None if row.value is None else self._number(row.value)
            sign = "=" if row.value is None else self._sign(row.value)
            chain: list[tuple[str, Formula | None]] = [("=", named)]
            if closed.width > MAX_CLOSED * self.style.width:
                self.long += self._chain(self._label(row.name), [("=", closed)])
            elif closed.width <= named.width:
                chain = [("=", closed)]
            else:
                chain.append(("=", closed))
            rows += self._chain(self._label(row.name), [*chain, (sign, value)])
            if row.remarks:
                yield from self._equations(rows)
                rows = []
                yield from (Prose((_sentence(remark),), "remark") for remark in row.remarks)
        yield from self._equations(rows)
        if self.long:
            yield Prose(("Closed forms that are long stand at the end.",), "remark")

    def _long_forms(self) -> Iterator[Block]:
        if self.long:
            yield Heading(("Long closed forms",))
            yield from self._equations(self.long)

    def _updates(self) -> Iterator[Block]:
        steps = self._of(Update)
        if not steps:
            return
        yield Heading(("One step of gradient descent",))
        rows: list[Row] = []
        for step in steps:
            assert step.value is not None
            before, rate, slope = map(self.figures.latex, (step.before, step.rate, step.gradient))
            if slope.startswith("-"):
                slope = f"({slope})"
            dot = r" \cdot " if not step.shape else r" \, "
            filled = Formula.of(f"{before} - {rate}{dot}{slope}")
            between = self._sign(step.before, step.rate, step.gradient)
            last = self._sign(step.value) if between == "=" else "="
            name, _, rest = step.name.partition("[")
            chain = [
                ("=", self._formula(step.formula)),
                (between, filled if filled.width <= MAX_FILLED else None),
                (last, self._number(step.value)),
            ]
            rows += self._chain(rf"{self._at(name, rest)}^{{\mathrm{{new}}}}", chain)
        yield from self._equations(rows)

    # --- the end -------------------------------------------------------------------------------

    def _kinks(self) -> Iterator[Block]:
        notes = self._of(KinkNote)
        if notes:
            yield Heading(("Kinks",))
        for note in notes:
            low, high = note.interval
            place = f"[{', '.join(map(str, note.entry))}]" if note.entry else ""
            yield Prose(
                (
                    f"{note.node}{place}: {note.function} where {note.where}. Any slope from {low} "
                    f"to {high} is valid; taken: {note.taken}. {note.others}.",
                ),
                "item",
            )

    def _check(self) -> Iterator[Block]:
        checks, costs = self._of(VerificationNote), self._of(CostNote)
        if checks or costs:
            yield Heading(("Check",) if checks else ("Cost",))
        for check in checks:
            where = f" (at {check.where})" if check.where and check.max_error else ""
            note = f"; {check.note}" if check.note else ""
            yield Prose(
                (
                    f"Verified by {check.witness} on the forward pass alone, without any rule of "
                    f"differentiation: the largest difference is ",
                    Formula.of(self._rounded(check.max_error)),
                    f"{where}{note}.",
                )
            )
        for cost in (step.cost for step in costs):
            yield Prose(
                (
                    f"Operations on numbers: {cost.forward.total:,} forward, "
                    f"{cost.backward.total:,} backward, for all {cost.entries:,} derivatives at "
                    f"once. One by one, along each of the {cost.paths:,} paths to ",
                    Formula.of(self._name(self.problem.of)),
                    f": {cost.by_paths.total:,}.",
                )
            )

    def _rounded(self, x: float) -> str:
        mantissa, e, exponent = rounded(x, 2).partition("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else mantissa

    # --- one entry -----------------------------------------------------------------------------

    def _one_entry(self, chain: EntryChain) -> Iterator[Block]:
        name = self._tex(chain.adjoint)
        yield Heading(("The derivative, path by path",))
        paths = f"{chain.count:,} path{'s' if chain.count != 1 else ''}"
        yield Prose(
            (
                "By the chain rule, ",
                Formula.of(name),
                f" is the sum over the {paths} through the graph, each the product of the local "
                "derivatives along it. The local derivatives are",
            )
        )
        yield from self._equations(self._edges(chain))
        if not chain.complete:
            words = "There are too many paths to write out; each stops at a derivative known above."
            yield Prose((words,), "remark")
        for number, path in enumerate(chain.paths, start=1):
            stops = [path.edges[0].tail, *(edge.head for edge in path.edges)] if path.edges else []
            arrows = r" \to ".join(self._tex(stop.phrase) for stop in stops)
            yield Prose((f"Path {number}: ", Formula.of(arrows)))
            yield from self._equations(self._product(path))
        yield Prose(("The sum over the paths:",))
        yield from self._equations(self._sum(name, chain))

    def _edges(self, chain: EntryChain) -> Iterator[Row]:
        seen: set[tuple[str, str]] = set()
        for path in chain.paths:
            for edge in path.edges:
                left = self._fraction(edge.head, edge.tail)
                if (left, "") in seen:
                    continue
                seen.add((left, ""))
                yield from self._edge(left, edge)

    def _edge(self, left: str, edge: Edge) -> Iterator[Row]:
        rights: list[tuple[str, Formula | None]] = [("=", self._formula(edge.local))]
        if edge.value is not None:
            rights += [(self._sign(edge.value), self._number(edge.value))]
        rows = list(self._chain(left, rights))
        if len(rows) == 2:  # in one line
            joined = f"{rows[0].right.tex} {rows[1].sign} {rows[1].right.tex}"
            rows = [Row(rows[0].left, "=", Formula.of(joined))]
        yield from rows

    def _fraction(self, head: Vertex, tail: Vertex) -> str:
        return rf"\frac{{\partial {self._tex(head.phrase)}}}{{\partial {self._tex(tail.phrase)}}}"

    def _product(self, path: Path) -> Iterator[Row]:
        factors = [self._fraction(edge.head, edge.tail) for edge in path.edges]
        if path.remaining is not None:
            factors.append(self._tex(path.remaining))
        yield Row(None, "", Formula.of(r" \cdot ".join(factors[::-1])))
        yield Row(None, "=", self._formula(path.product))
        if path.value is not None:
            values = [edge.value for edge in path.edges]
            if path.remaining is not None:
                values.append(path.remaining_value)
            known = [value for value in values if value is not None][::-1]
            numbers = [self._factor(value, first=not k) for k, value in enumerate(known)]
            between = self._sign(*known)
            if len(numbers) > 1:
                yield Row(None, between, Formula.of(r" \cdot ".join(numbers)))
            last = self._sign(path.value) if between == "=" else "="
            yield Row(None, last, self._number(path.value))

    def _factor(self, value: Value, *, first: bool) -> str:
        number = self.figures.latex(value)
        return f"({number})" if number.startswith("-") and not first else number

    def _sum(self, name: str, chain: EntryChain) -> Iterator[Row]:
        rights: list[tuple[str, Formula | None]] = [("=", self._formula(chain.grouped))]
        if chain.value is not None:
            values = [path.value for path in chain.paths if path.value is not None]
            sign = self._sign(*values)
            if 1 < len(values) <= MAX_TERMS:
                terms = [self._factor(value, first=not k) for k, value in enumerate(values)]
                rights.append((sign, Formula.of(" + ".join(terms))))
                rights.append(
                    (self._sign(chain.value) if sign == "=" else "=", self._number(chain.value))
                )
            else:
                rights.append((self._sign(chain.value), self._number(chain.value)))
        yield from self._chain(name, rights)


# --- words ---------------------------------------------------------------------------------------


def _rule(rule: str) -> Inline:
    """A rule as a formula where it is one, else in its words."""
    written = RULES.get(rule.rstrip("."))
    return rule.rstrip(".") if written is None else Formula.of(written)


def _sentence(words: str) -> str:
    """Words as a sentence; a name at their beginning stays as it is."""
    first = words.split(" ", 1)[0]
    start = words[:1].upper() if first.isalpha() and len(first) > 1 else words[:1]
    return f"{start}{words[1:]}."


def _joined(parts: Sequence[Inline]) -> Iterator[Inline]:
    for number, part in enumerate(parts):
        if number:
            yield "; "
        yield part


def _entries(places: Sequence[int]) -> str:
    return "entry" if len(places) == 1 else "entries"


def _formulas(blocks: Iterable[Block]) -> Iterator[Formula]:
    for block in blocks:
        match block:
            case Heading(parts=parts) | Prose(parts=parts):
                yield from (part for part in parts if isinstance(part, Formula))
            case Equations(rows=rows):
                for row in rows:
                    yield row.right
            case Flow(formulas=formulas):
                yield from formulas
