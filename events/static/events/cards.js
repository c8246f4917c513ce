// The card of an event: `fill` writes an event of the API into the card of the server's template.

import * as times from "./times.js";

export function slot(card, name) {
  return card.querySelector(`[data-slot="${name}"]`);
}

export function blank(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

export function seen(labels) {
  if (!labels.length) return "Something was detected.";
  const text = [labels.slice(0, -1).join(", "), labels.at(-1)].filter(Boolean).join(" and ");
  return `${text[0].toUpperCase()}${text.slice(1)} detected.`;
}

export function fill(card, event, camera, words) {
  const level = event.risk_level ?? "none";
  Object.assign(card.dataset, {
    id: event.id,
    level,
    reviewed: event.reviewed,
    camera: event.camera,
    started: event.started_at,
    updated: event.updated_at,
    analysis: event.analysis,
  });
  slot(card, "camera").textContent = camera;
  times.show(slot(card, "time"), event.started_at);
  slot(card, "fast").hidden = !event.is_fast_path;
  fillRisk(card, event, level, words);
  slot(card, "sentence").textContent = event.summary || seen(event.labels);
  slot(card, "verdict").textContent = words.verdicts[`${event.risk_source ?? "none"}-${event.analysis}`] ?? "";
  fillLabels(card, event);
  fillWhy(card, event);
  slot(card, "review-text").textContent = event.reviewed ? "Reviewed" : "Mark reviewed";
  slot(card, "review").title = event.reviewed ? "Mark as not reviewed" : "";
  fillPicture(card, event, camera);
}

function fillRisk(card, event, level, words) {
  const scored = event.risk_score !== null;
  slot(card, "score").textContent = scored ? event.risk_score : "–";
  slot(card, "arc").setAttribute("stroke-dasharray", `${scored ? event.risk_score : 0} 100`);
  slot(card, "level").textContent = words.levels[level] ?? words.no_level[event.analysis] ?? "Not analysed";
  slot(card, "score-text").textContent = scored ? `, score ${event.risk_score} of 100` : "";
}

function fillLabels(card, event) {
  const count = slot(card, "detections");
  count.textContent = `${event.detection_count} detection${event.detection_count === 1 ? "" : "s"}`;
  const labels = event.labels.map((label) => {
    const item = document.createElement("li");
    item.textContent = label;
    return item;
  });
  count.parentElement.replaceChildren(count, ...labels);
}

function fillWhy(card, event) {
  slot(card, "why").hidden = !event.reasoning && !event.recommended_action;
  slot(card, "reasoning").textContent = event.reasoning;
  slot(card, "action").textContent = event.recommended_action;
  slot(card, "action").hidden = !event.recommended_action;
}

function fillPicture(card, event, camera) {
  const address = event.snapshot_url;
  slot(card, "picture-link").href = address;
  const image = slot(card, "picture");
  image.alt = `Picture of ${camera}`;
  // Load the picture again only when the number of detections changed: the best picture may be another one.
  const source = `${address}&seen=${event.detection_count}`;
  if (image.getAttribute("src") !== source) image.src = source;
}

// Mark pictures that cannot be loaded.
export function watchPictures(root) {
  const note = (image, missing) => image.closest(".picture")?.classList.toggle("missing", missing);
  root.addEventListener("error", ({ target }) => target.tagName === "IMG" && note(target, true), true);
  root.addEventListener("load", ({ target }) => target.tagName === "IMG" && note(target, false), true);
  for (const image of root.querySelectorAll(".picture img[src]")) {
    if (image.complete && !image.naturalWidth) note(image, true);
  }
}
