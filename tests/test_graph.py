"""Drawings: what stands on them, where it goes, and every format they are written in."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree as ET

import pytest

from symback.cli import main
from symback.cli.options import page
from symback.derivation import Derivation, derive
from symback.drawing import Arrow, Drawing, draw
from symback.errors import InputError, MissingExtra
from symback.layout import Link, layout, ranks
from symback.problem import loads
from symback.render.cards import PARTS, rows
from symback.render.chart import chart
from symback.render.dot import to_dot
from symback.render.mermaid import escaped, to_mermaid
from symback.render.picture import Picture
from symback.render.png import to_png
from symback.render.svg import Svg, to_svg
from symback.render.tikz import to_tikz
from symback.story import Backward, Forward, Given
from tests.every_form import NAMES, SOME, derived, numbers_in

HOSTILE = r"""
title = "<script>alert(1)</script> ]] --> \"]; x -> y %% \\input{/etc/passwd} & {{b}} `#quot;`"
[symbols]
w = []
x = []
[define]
L = "(w*x)^2"
[derive]
of = "L"
wrt = ["w"]
[values]
w = 0.5
x = 3
"""
SVG = "{http://www.w3.org/2000/svg}"


def chain_of(layers: int) -> Derivation:
    """A recurrent network of so many steps: five nodes each, weights shared by all."""
    lines = ["[symbols]", "h0 = [2]", "U = [2, 2]", "V = [2, 2]", "b = [2]"]
    lines += [f"x{k} = [2]" for k in range(1, layers + 1)]
    lines += ["[define]"]
    for k in range(1, layers + 1):
        lines += [
            f'u{k} = "U*h{k - 1}"',
            f'v{k} = "V*x{k}"',
            f'a{k} = "u{k} + v{k} + b"',
            f'h{k} = "tanh(a{k})"',
            f'e{k} = "sum(h{k})"',
        ]
    lines += [f'L = "{" + ".join(f"e{k}" for k in range(1, layers + 1))}"']
    lines += ["[derive]", 'of = "L"', 'wrt = ["U", "b"]']
    return derive(loads("\n".join(lines)))


# --- the layout ----------------------------------------------------------------------------------


def test_arrows_point_down_and_given_things_stand_where_they_are_used() -> None:
    boxes = ["x", "late", "a", "b", "c"]
    arrows = [("x", "a"), ("a", "b"), ("b", "c"), ("late", "c")]
    found = ranks(boxes, arrows, late=["x", "late"])
    assert all(found[tail] < found[head] for tail, head in arrows)
    assert found["late"] == found["c"] - 1


def test_long_links_go_around_boxes() -> None:
    sizes = dict.fromkeys("abc", (10.0, 4.0))
    links = [Link("a", "b"), Link("b", "c"), Link("a", "c")]
    found = layout(sizes, links, gap=(2, 6))
    x, y = found.places["b"]
    for px, py in found.routes[2]:
        assert abs(py - y) > 2 or abs(px - x) >= 5
    assert len(found.bands) == 3


def test_nothing_to_draw() -> None:
    assert layout({}, [], gap=(1, 1)).height == 0


def crossed(picture: Picture, arrow: Arrow) -> list[str]:
    """Cards, other than its ends, that an arrow runs through."""
    found = []
    for (x1, y1), (x2, y2) in pairwise(picture.routes[arrow]):
        near = [
            (key, frame)
            for key, frame in picture.frames.items()
            if frame.top < max(y1, y2) and min(y1, y2) < frame.bottom
        ]
        for step in range(1, 10):
            t = step / 10
            y = y1 + (y2 - y1) * (3 * t**2 * (1 - t) * 0.5 + 3 * t * (1 - t) ** 2 * 0.5 + t**3)
            x = x1 + (x2 - x1) * (3 * t**2 * (1 - t) + t**3)
            for key, frame in near:
                inside = frame.left < x < frame.right and frame.top < y < frame.bottom
                if inside and key not in (arrow.tail, arrow.head):
                    found.append(key)
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backward", [False, True])
def test_nothing_overlaps(name: str, backward: bool) -> None:
    picture = Svg(draw(derived(name), backward=backward)).picture
    for a, b in combinations(picture.frames.values(), 2):
        apart = a.right < b.left or b.right < a.left or a.bottom < b.top or b.bottom < a.top
        assert apart
    for arrow in picture.routes:
        assert crossed(picture, arrow) == []
        if arrow.kind == "forward":
            assert picture.frames[arrow.tail].bottom < picture.frames[arrow.head].top


def test_three_hundred_nodes_stay_readable() -> None:
    derivation = chain_of(60)
    assert len(derivation.steps) > 300
    start = perf_counter()
    drawing = draw(derivation)
    svg = Svg(drawing, ("value", "adjoint", "adjoint-value"))
    assert perf_counter() - start < 3
    assert sum(card.kind != "given" for card in drawing.cards) == 301
    assert svg.width < 3000  # shared weights are drawn again, not across everything
    assert sum(card.again for card in drawing.cards) > 100
    assert not any(crossed(svg.picture, arrow) for arrow in svg.picture.routes)


# --- what is drawn -------------------------------------------------------------------------------


def arrows_of(drawing: Drawing, kind: str) -> set[tuple[str, str]]:
    return {(a.tail, a.head) for a in drawing.arrows if a.kind == kind}


def test_forward() -> None:
    drawing = draw(derived("two_layer_net"))
    assert arrows_of(drawing, "forward") == {
        ("x", "z1"), ("W1", "z1"), ("b1", "z1"), ("z1", "h"), ("h", "z2"), ("W2", "z2"),
        ("b2", "z2"), ("z2", "y"), ("y", "L"), ("t", "L"),
    }  # fmt: skip
    assert drawing.card("L").kind == "output"
    assert drawing.card("W1").adjoint is not None
    assert drawing.card("x").adjoint is None
    assert {card.kind for card in drawing.cards} == {"given", "node", "output"}


def test_backward_adds_the_nodes_that_compute_the_gradients() -> None:
    drawing = draw(derived("sheet001_q2"), backward=True)
    gradients = arrows_of(drawing, "gradient")
    assert {("d/L", "d/y"), ("d/y", "d/u3"), ("d/u3", "d/W3"), ("d/u3", "d/z1")} <= gradients
    assert {("z1", "d/W3"), ("u1", "d/u1"), ("x", "d/W1")} <= arrows_of(drawing, "use")
    assert drawing.card("u1").adjoint is None


def test_upstream_is_where_gradients_start() -> None:
    drawing = draw(derived("sheet000_7_3a"), backward=True)
    assert all(card.key != "d" for card in drawing.cards)
    assert any(card.kind == "gradient" for card in drawing.cards)


def test_fold_leaves_out_what_has_one_arrow_in_and_one_out() -> None:
    drawing = draw(derived("sheet001_q2"), fold=True)
    keys = {card.key for card in drawing.cards}
    assert keys == {"x", "W1", "W2", "W3", "y_hat", "u1", "u2", "u3", "y", "L"}
    assert ("u1", "u3") in arrows_of(drawing, "forward")
    assert "f(u₁)" in to_svg(drawing) and "f(u₂)" in to_svg(drawing)
    whole = draw(derived("sheet001_q2"), backward=True)
    folded = draw(derived("sheet001_q2"), backward=True, fold=True)
    for drawing in (whole, folded):
        known = {card.key for card in drawing.cards}
        assert all({a.tail, a.head} <= known for a in drawing.arrows)
    assert len(folded.cards) < len(whole.cards)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_be_switched_off(part: str) -> None:
    drawing = draw(derived("two_layer_net"))
    card = drawing.card("z1")
    assert part in {row.part for row in rows(card)}
    left = [row for row in rows(card, {part}) if row.part == part]
    assert all(getattr(row, "right", None) is None for row in left)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InputError, match="a card has no part 'valu'") as error:
        to_svg(derived("two_layer_net"), hide=["valu"])
    assert error.value.hint == "did you mean 'value'?"


# --- the formats ---------------------------------------------------------------------------------

WRITERS = {"svg": to_svg, "dot": to_dot, "mermaid": to_mermaid, "tikz": to_tikz}


def on_cards(derivation: Derivation) -> Iterator[tuple[str, list[float]]]:
    """The numbers that a card shows in full."""
    used = {card.key for card in draw(derivation).cards}
    for step in derivation.steps:
        small = isinstance(step, (Given, Forward, Backward)) and step.name in used
        if small and step.value is not None and step.value.floats.size <= 4:  # type: ignore[union-attr]
            yield step.name, step.value.floats.ravel().tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_format_holds_every_node_and_its_numbers(
    name: str, backward: bool, form: str
) -> None:
    derivation = derived(name)
    text = WRITERS[form](derivation, backward=backward)
    shown = re.sub(r"#\d+;|<[^>]*>", " ", text)
    found = numbers_in(shown)
    for label, numbers in on_cards(derivation):
        for x in numbers:
            assert any(math.isclose(abs(x), k, rel_tol=1e-5, abs_tol=1e-12) for k in found), label


@pytest.mark.parametrize("name", SOME)
def test_svg_is_xml_that_asks_nobody(name: str) -> None:
    root = ET.fromstring(to_svg(derived(name), backward=True))
    for element in root.iter():
        assert not {"href", "src"} & set(element.attrib)
        assert element.tag.removeprefix(SVG) not in ("script", "image", "foreignObject", "use")
    cards = [e for e in root.iter(f"{SVG}g") if "card" in e.get("class", "")]
    assert len(cards) == len(draw(derived(name), backward=True).cards)
    assert all(card.get("aria-label") and card.find(f"{SVG}title") is not None for card in cards)


def test_hostile_text_is_shown_as_text() -> None:
    derivation = derive(loads(HOSTILE))
    svg = to_svg(derivation)
    root = ET.fromstring(svg)
    assert root.findtext(f"{SVG}title") == derivation.problem.title
    assert root.find(f".//{SVG}script") is None
    dot = to_dot(derivation)
    assert "<script" not in dot and dot.count(" -> ") == len(draw(derivation).arrows)
    assert "&lt;script&gt;" in dot
    assert "script" not in to_mermaid(derivation) and "input" not in to_tikz(derivation)


@pytest.mark.parametrize("char", list("\"'`#;<>[]{}|&%@*_~^\\!?"))
def test_mermaid_reads_no_code(char: str) -> None:
    assert escaped(f"a{char}b") == f"a#{ord(char)};b"


def test_forward_and_gradient_differ_in_shape_and_colour() -> None:
    svg = to_svg(derived("two_layer_net"), backward=True)
    assert re.search(
        r'class="card gradient"[^>]*><title>[^<]*</title>\s*<path class="shape-of"', svg
    )
    assert re.search(r'class="card node"[^>]*><title>[^<]*</title>\s*<rect class="shape-of"', svg)
    assert "gradient-end" in svg and "forward-end" in svg
    mermaid = to_mermaid(derived("two_layer_net"), backward=True)
    assert "{{" in mermaid and "-.->" in mermaid and "-->" in mermaid


def test_graphviz_reads_dot(tmp_path: Path) -> None:
    graphviz = pytest.importorskip("pygraphviz", reason="pygraphviz is not installed")
    for name in SOME:
        graph = graphviz.AGraph(string=to_dot(derived(name), backward=True))
        assert len(graph.nodes()) == len(draw(derived(name), backward=True).cards)


def test_png() -> None:
    pytest.importorskip("resvg_py", reason="resvg-py is not installed: no PNG is drawn")
    data = to_png(derived("two_layer_net"))
    assert data.startswith(b"\x89PNG")
    svg = Svg(draw(derived("two_layer_net")))
    width = int.from_bytes(data[16:20], "big")
    assert abs(width - 2 * svg.width) < 3


def test_png_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtra, match="needs resvg-py") as error:
        to_png(derived("two_layer_net"))
    assert 'pip install "symback[graph]"' in str(error.value.hint)


# --- the command ---------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["graph", *args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_command_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hide = [word for part in PARTS[1:] for word in ("--hide", part)]
    code, out, _ = run(capsys, "two_layer_net", "--width", "60", *hide)
    assert code == 0
    assert "│ z₁ = W₁ x + b₁ │" in out and "▼" in out and "╔═" in out
    assert max(map(len, out.splitlines())) <= 60


def test_command_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "two_layer_net", "--plain", "--width", "100")
    assert code == 0 and out.isascii()
    assert "z1 = W1*x + b1" in out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_is_never_too_narrow(
    capsys: pytest.CaptureFixture[str], name: str, width: int
) -> None:
    chart(derived(name), page(plain=False, no_color=True, width=width))
    out = capsys.readouterr().out
    if "╔" in out:
        assert max(map(len, out.splitlines())) <= width
    else:  # as a list
        assert "←" in out


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("g.svg", b"<svg"),
        ("g.dot", b"digraph"),
        ("g.mmd", b"flowchart"),
        ("g.tikz", b"\\begingroup"),
    ],
)
def test_the_end_of_the_name_chooses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, start: bytes
) -> None:
    path = tmp_path / name
    code, out, _ = run(capsys, "two_layer_net", "-o", str(path), "--backward", "--fold")
    assert (code, out) == (0, f"wrote {path}\n")
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-o", "graph.bmp"], "'graph.bmp' does not say which format to write"),
        (["--to", "png"], "--to png needs a file to write"),
        (["--to", "terminal", "-o", "x"], "--to terminal prints, and writes no file"),
        (["--hide", "colour"], "a card has no part 'colour'"),
        (["--to", "svg", "-o", "/no/such/folder/x.svg"], "cannot write '/no/such/folder/x.svg'"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], args: list[str], message: str) -> None:
    code, out, err = run(capsys, "two_layer_net", *args)
    assert (code, out) == (2, "")
    assert message in err
