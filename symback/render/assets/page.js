"use strict";
// Walks through the steps of a derivation and lights up node and formula together.
(() => {
  const steps = [...document.querySelectorAll(".step")];
  const graph = document.getElementById("graph");
  const cards = [...graph.querySelectorAll(".card")];
  const arrows = [...graph.querySelectorAll("path[data-tail]")];
  const slider = document.getElementById("slider");
  const where = document.getElementById("where");
  const back = document.getElementById("back");
  const next = document.getElementById("next");
  const tip = document.getElementById("tip");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const cardsOf = (element) => (element.dataset.cards || "").split(" ").filter(Boolean);
  let current = -1;

  const light = (step) => {
    const backwards = step.classList.contains("back");
    const mark = backwards ? "lit-back" : "lit";
    const lit = new Set(cardsOf(step));
    for (const element of [...cards, ...arrows]) element.classList.remove("lit", "lit-back");
    for (const card of cards) if (lit.has(card.dataset.card)) card.classList.add(mark);
    if (step.dataset.arrows === "none") return;
    for (const arrow of arrows) {
      if (lit.has(backwards ? arrow.dataset.tail : arrow.dataset.head)) arrow.classList.add(mark);
    }
  };

  // Scrolls inside the graph only: the page belongs to the formulas.
  const reveal = (step) => {
    const card = cards.find((one) => cardsOf(step).includes(one.dataset.card));
    if (!card || cardsOf(step).length > 1) return;
    const [inner, outer] = [card.getBoundingClientRect(), graph.getBoundingClientRect()];
    const fits = inner.top >= outer.top && inner.bottom <= outer.bottom
      && inner.left >= outer.left && inner.right <= outer.right;
    if (fits) return;
    graph.scrollBy({
      top: inner.top - outer.top - (outer.height - inner.height) / 2,
      left: inner.left - outer.left - (outer.width - inner.width) / 2,
    });
  };

  const go = (number, scroll = true) => {
    const target = Math.min(Math.max(number, 0), steps.length - 1);
    if (current >= 0) {
      steps[current].classList.remove("current");
      steps[current].removeAttribute("aria-current");
    }
    current = target;
    const step = steps[current];
    step.classList.add("current");
    step.setAttribute("aria-current", "step");
    slider.value = String(current);
    const words = `${current + 1} of ${steps.length}: ${step.dataset.title}`;
    slider.setAttribute("aria-valuetext", words);
    where.textContent = words;
    back.disabled = current === 0;
    next.disabled = current === steps.length - 1;
    light(step);
    if (scroll) {
      step.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
    }
    reveal(step);
  };

  const showTip = (card) => {
    const about = document.getElementById(`about-${card.dataset.card}`);
    if (!about) return;
    tip.replaceChildren(about.content.cloneNode(true));
    tip.hidden = false;
    const [box, own] = [card.getBoundingClientRect(), tip.getBoundingClientRect()];
    const right = box.right + 12 + own.width <= innerWidth;
    const left = right ? box.right + 12 : box.left - own.width - 12;
    tip.style.left = `${Math.min(Math.max(left, 8), Math.max(innerWidth - own.width - 8, 8))}px`;
    const top = left >= 8 ? box.top : box.bottom + 8;
    tip.style.top = `${Math.min(Math.max(top, 8), Math.max(innerHeight - own.height - 8, 8))}px`;
  };
  const hideTip = () => { tip.hidden = true; };

  // A card leads to its value, and from there to its gradient.
  const goTo = (card) => {
    const own = steps.flatMap((step, number) =>
      cardsOf(step).length === 1 && cardsOf(step)[0] === card.dataset.card ? [number] : []);
    if (own.length) go(own[(own.indexOf(current) + 1) % own.length]);
  };

  for (const card of cards) {
    card.addEventListener("mouseenter", () => showTip(card));
    card.addEventListener("mouseleave", hideTip);
    card.addEventListener("focus", () => { if (card.matches(":focus-visible")) showTip(card); });
    card.addEventListener("blur", hideTip);
    card.addEventListener("click", () => goTo(card));
    card.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      goTo(card);
    });
  }
  steps.forEach((step, number) => step.addEventListener("click", () => {
    if (!String(getSelection())) go(number, false);
  }));
  slider.addEventListener("input", () => go(Number(slider.value)));
  back.addEventListener("click", () => go(current - 1));
  next.addEventListener("click", () => go(current + 1));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Escape") hideTip();
    const moves = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: steps.length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    go(moves[event.key]);
  });
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
  addEventListener("scroll", hideTip, { passive: true });
  document.getElementById("walk").hidden = false;
  const asked = /^#step-(\d+)$/.exec(location.hash);
  go(asked ? Number(asked[1]) - 1 : 0, Boolean(asked));
})();
