"""The HTML page: what it holds, and how it behaves in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from symback.derivation import derive
from symback.problem import loads
from symback.render.html import to_html
from symback.spell.latex import latex
from symback.spell.mathml import mathml
from symback.story import Backward, Forward, GradientRow, Update
from tests.browser import Browser, find
from tests.every_form import NAMES, derived, missing
from tests.test_spell_table import TABLE

#: Looked at in the browser in both widths; the others are checked as text.
IN_BROWSER = [
    "two_layer_net", "sheet001_q3", "lstm_cell", "attention_head", "batch_norm", "conv_maxpool",
    "sheet004_p_norm", "sheet001_q2", "at_the_kinks", "sheet004_output_sizes",
]  # fmt: skip
HOSTILE = """
title = "<script>alert(1)</script> ]] --> \\\\input{/etc/passwd} & <b>"
source = "<img src=x onerror=alert(2)>"
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
VOID = {"meta", "input", "br"}


@cache
def page(name: str) -> str:
    return to_html(derived(name))


class Checker(HTMLParser):
    """Collects tags, and complains about what is opened and not closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if "script" not in self.stack and "style" not in self.stack:
            self.text += data


def read(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    assert checker.stack == []
    return checker


def shown(text: str) -> str:
    """The page as it is read, numbers in the notation of `missing`."""
    story = text[text.index('<div id="story">') : text.index("<nav")]
    story = re.sub(
        r"<mfrac>(<mrow>)?<mn>(\d+)</mn>(</mrow>)?(<mrow>)?<mn>(\d+)</mn>", r" \2/\5 ", story
    )
    story = re.sub(
        r"<mn>([\d.]+)</mn><mo>·</mo><msup><mn>10</mn><mrow>(<mo[^>]*>−</mo>)?<mn>(\d+)</mn>",
        lambda m: f" {m[1]}e{'-' if m[2] else ''}{m[3]} ",
        story,
    )
    story = story.replace('<mo form="prefix">−</mo><mn>', "<mn>−").replace("</mo>", "</mo> ")
    return re.sub(r"<[^>]*>", " ", story)


# --- what it holds -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_step_and_its_numbers(name: str) -> None:
    derivation, text = derived(name), page(name)
    assert missing(derivation, shown(text)) == []
    kinds = (Forward, Backward, GradientRow, Update)
    count = sum(isinstance(step, kinds) for step in derivation.steps)
    assert text.count('<article class="step') == count + 1  # and what is given


@pytest.mark.parametrize("name", NAMES)
def test_it_is_well_formed_and_asks_nobody(name: str) -> None:
    checker = read(page(name))
    for tag, attributes in checker.tags:
        assert tag not in ("link", "img", "iframe", "object")
        assert not {"src", "srcset", "action"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "http" not in re.sub(r'http-equiv|xmlns="[^"]*"', "", page(name))
    ids = [attributes["id"] for _, attributes in checker.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_step_lights_up_a_node() -> None:
    checker = read(page("two_layer_net"))
    cards = {a["data-card"] for _, a in checker.tags if "data-card" in a}
    steps = [a for _, a in checker.tags if (a.get("class") or "").startswith("step")]
    assert steps and all(set((a["data-cards"] or "").split()) <= cards for a in steps)
    assert all(a["data-cards"] for a in steps)


def test_hostile_text_is_shown_as_text() -> None:
    text = to_html(derive(loads(HOSTILE)))
    checker = read(text)
    assert sum(tag == "script" for tag, _ in checker.tags) == 1
    assert not any(tag == "img" for tag, _ in checker.tags)
    assert "<script>alert(1)</script> ]] --> \\input{/etc/passwd} & <b>" in checker.text


ARITY = {"msub": 2, "msup": 2, "mfrac": 2, "msubsup": 3, "munderover": 3, "munder": 2, "mover": 2}
CONTENT = {"mi", "mn", "mo", "mtext", "mspace"}
GROUPS = {"mrow", "msqrt", "mtable", "mtr", "mtd"}


@pytest.mark.parametrize("phrase", [line[0] for line in TABLE], ids=[line[1] for line in TABLE])
def test_mathml_of_every_phrase(phrase: object) -> None:
    root = ET.fromstring(mathml(latex(phrase, index_base=1)))  # type: ignore[arg-type]
    for element in root.iter():
        assert element.tag in GROUPS | CONTENT | set(ARITY)
        if element.tag in ARITY:
            assert len(element) == ARITY[element.tag]
        if element.tag not in CONTENT:
            assert not (element.text or "").strip()


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find()
    if path is None:
        pytest.skip("Chromium is not installed: the page is not tried in a browser")
    one = Browser(path)
    yield one
    one.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Browser:
    file = tmp_path / "page.html"
    file.write_text(page("two_layer_net"), encoding="utf-8")
    browser.media()
    browser.open(file)
    return browser


LIT = (
    "[...document.querySelectorAll('.card.lit, .card.lit-back')].map(c => c.textContent.trim()[0])"
)
CURRENT = "document.querySelector('.step.current').dataset.title"


def test_keys_and_slider_walk(opened: Browser) -> None:
    assert opened.run(CURRENT) == "what is given"
    opened.press("ArrowRight")
    assert opened.run(CURRENT) == "z₁ forward"
    assert opened.run(LIT) == ["z"]
    opened.press("ArrowLeft")
    assert opened.run(CURRENT) == "what is given"
    opened.press("End")
    assert opened.run("document.getElementById('next').disabled")
    opened.run("(s => { s.value = 7; s.dispatchEvent(new Event('input')); })(slider)")
    assert opened.run(CURRENT) == "∂L/∂y backward"
    assert opened.run("document.querySelectorAll('.card.lit-back').length") == 1
    assert opened.run("slider.getAttribute('aria-valuetext')") == "8 of 23: ∂L/∂y backward"
    opened.run("document.getElementById('next').click()")
    assert opened.run("document.querySelectorAll('[aria-current]').length") == 1
    assert opened.errors == []


def test_a_card_shows_its_numbers_and_leads_to_its_steps(opened: Browser) -> None:
    opened.point("#card-7")  # h
    tip = opened.run("(t => t.hidden ? '' : t.textContent)(document.getElementById('tip'))")
    assert "0.57" in tip and "0.111897" in tip and "3×1" in tip
    opened.run("document.getElementById('card-7').dispatchEvent(new Event('click'))")
    assert opened.run(CURRENT) == "h forward"
    opened.run("document.getElementById('card-7').dispatchEvent(new Event('click'))")
    assert opened.run(CURRENT) == "∂L/∂h backward"


def test_it_can_be_used_by_keyboard_alone(opened: Browser) -> None:
    seen = set()
    for _ in range(16):
        opened.press("Tab")
        seen.add(
            opened.run("document.activeElement.id || document.activeElement.className.baseVal")
        )
    assert {"graph", "card-0", "slider", "next"} - {"slider", "next"} <= seen
    opened.run("document.getElementById('card-6').focus()")
    opened.press("Enter")
    assert opened.run(CURRENT) == "z₁ forward"


INSIDE = """(() => {
  const bad = [];
  for (const card of document.querySelectorAll('.card')) {
    const box = card.querySelector('.shape-of').getBBox();
    for (const part of card.querySelectorAll('text, .bracket')) {
      const own = part.getBBox();
      if (own.x < box.x || own.x + own.width > box.x + box.width
          || own.y < box.y - 1 || own.y + own.height > box.y + box.height + 1)
        bad.push(card.textContent);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) bad.push('the page is too wide');
  if (innerWidth > 1000)
    for (const part of document.querySelectorAll('.eq'))
      if (part.scrollWidth > part.clientWidth + 1) bad.push('formula: ' + part.textContent);
  return bad;
})()"""


@pytest.mark.parametrize("name", IN_BROWSER)
def test_nothing_overflows(browser: Browser, tmp_path: Path, name: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(name), encoding="utf-8")
    browser.media()
    for width, height in ((1280, 900), (390, 844)):
        browser.open(file, width, height)
        assert browser.run(INSIDE) == []
        assert browser.errors == []
        assert browser.requests == [file.as_uri()]


def test_dark_and_print(opened: Browser, tmp_path: Path) -> None:
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    assert opened.run(colour) == "rgb(255, 255, 255)"
    opened.media(scheme="dark")
    assert opened.run(colour) == "rgb(20, 24, 29)"
    opened.media("print", "dark")
    assert opened.run(colour) == "rgb(255, 255, 255)"
    assert opened.run("getComputedStyle(document.getElementById('walk')).display") == "none"
    opened.paper(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
