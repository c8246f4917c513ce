// Select pictures without a reload: by click, arrow keys, or the buttons below the picture.
const frames = [...document.querySelectorAll(".frame")];
const screen = document.querySelector(".screen");
const large = document.querySelector("#large");
const boxes = document.querySelector("#boxes");
const strip = document.querySelector(".strip");
const STORAGE_KEY = "review-boxes";

let shown = Math.max(frames.findIndex((frame) => frame.ariaCurrent === "true"), 0);

function show(number) {
  const frame = frames[number];
  if (!frame || number === shown) return;
  shown = number;
  screen.style.aspectRatio = frame.dataset.ratio;
  screen.classList.remove("lost");
  screen.querySelector(".gone").hidden = true;
  large.src = frame.dataset.large;
  large.alt = frame.querySelector("img").alt;
  screen.querySelector(".boxes").replaceChildren(...frame.querySelector(".boxes").cloneNode(true).children);
  document.querySelector("#caption").textContent = frame.dataset.caption;
  mark();
  history.replaceState(null, "", frame.getAttribute("href").replace(/#.*/, ""));
}

function mark() {
  for (const link of document.querySelectorAll("[data-frame]")) {
    if (Number(link.dataset.frame) === shown) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const frame = frames[shown];
  strip.scrollTo({ left: frame.offsetLeft - strip.offsetLeft - (strip.clientWidth - frame.clientWidth) / 2 });
  document.querySelector("#back").disabled = shown === 0;
  document.querySelector("#forth").disabled = shown === frames.length - 1;
}

function lost(image) {
  if (image !== large) {
    image.closest(".frame").classList.add("lost");
    return;
  }
  screen.classList.add("lost");
  screen.querySelector(".gone").hidden = false;
}

const KEYS = {
  ArrowLeft: () => show(shown - 1),
  ArrowRight: () => show(shown + 1),
  Home: () => show(0),
  End: () => show(frames.length - 1),
  b: () => boxes?.click(),
  j: () => document.querySelector(".neighbours [rel=next]")?.click(),
  k: () => document.querySelector(".neighbours [rel=prev]")?.click(),
};
// Elements in which the keys have another meaning.
const TYPED = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const SCROLLED = "pre, .detections";

addEventListener("keydown", (event) => {
  const key = KEYS[event.key];
  const busy = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest(TYPED);
  if (!key || busy || (event.key.length > 1 && event.target.closest(SCROLLED))) return;
  event.preventDefault();
  key();
});

if (frames.length) {
  for (const link of document.querySelectorAll("[data-frame]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      show(Number(link.dataset.frame));
    });
  }
  for (const image of document.querySelectorAll(".shot img, #large")) {
    image.addEventListener("error", () => lost(image));
    if (image.complete && !image.naturalWidth && image.src) lost(image);
  }
  document.querySelector("#back").addEventListener("click", () => show(shown - 1));
  document.querySelector("#forth").addEventListener("click", () => show(shown + 1));
  boxes.checked = localStorage.getItem(STORAGE_KEY) !== "off";
  boxes.addEventListener("change", () => localStorage.setItem(STORAGE_KEY, boxes.checked ? "on" : "off"));
  mark();
}
