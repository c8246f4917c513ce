// Replaces panels that changed. The focused link keeps the focus.

import { follow, hear } from "./figures.js";

const page = document.getElementById("overview");
const asOf = document.getElementById("as-of");
let last = new Date();

function replace(section, html) {
  if (section.dataset.html === html) return;
  const links = () => [...section.querySelectorAll("a")];
  const focused = links().indexOf(document.activeElement);
  section.innerHTML = html;
  section.dataset.html = html;
  if (focused >= 0) links()[focused]?.focus({ preventScroll: true });
}

function show({ at, panels }) {
  for (const section of page.children) {
    const html = panels[section.dataset.panel];
    if (html !== undefined) replace(section, html);
  }
  last = new Date(at);
  page.classList.remove("stale");
  asOf.textContent = `As of ${last.toLocaleTimeString()}.`;
}

// Old figures are no news: they fade, and the page says since when.
function fail(why) {
  page.classList.add("stale");
  asOf.textContent = `Not up to date since ${last.toLocaleTimeString()}: ${why}.`;
}

// A picture may have gone since. What stands for one then is better than a broken one.
page.addEventListener("error", (event) => event.target.classList?.add("gone"), true);

const figures = follow(() => page.dataset.figures, show, fail);
hear(figures.soon);
