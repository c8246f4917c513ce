// The list of events: newest first, kept up to date, filtered, and continued into the past.

import { ask } from "./api.js";
import { RANK, blank, fill, slot } from "./cards.js";

const KEPT = 300;

export class Feed {
  constructor(page, nameOf) {
    this.words = page.words;
    this.first = page.first;
    this.cursor = page.cursor;
    this.nameOf = nameOf;
    this.list = document.getElementById("events");
    this.older = document.getElementById("older");
    this.filters = document.getElementById("filters");
    this.fault = document.getElementById("fault");
    this.news = document.getElementById("news");
    this.older.addEventListener("click", () => this.loadOlder());
    this.list.addEventListener("click", (click) => this.clicked(click));
    this.filters.addEventListener("change", () => this.filter());
    this.filters.addEventListener("submit", (submit) => submit.preventDefault());
    this.filter();
  }

  find(id) {
    return this.list.querySelector(`:scope > [data-id="${Number(id)}"]`);
  }

  // Puts an event where it belongs; an older version of what is shown changes nothing.
  put(event, { fresh = false } = {}) {
    let card = this.find(event.id);
    if (card && Date.parse(card.dataset.updated) > Date.parse(event.updated_at)) return;
    const isNew = !card;
    if (isNew && this.isBeyond(event)) return;
    card ??= blank("event-blank");
    fill(card, event, this.nameOf(event.camera), this.words);
    if (isNew) this.insert(card);
    if (isNew && fresh) this.announce(card, event);
    this.settle();
  }

  // Older than everything shown, while older ones can still be asked for: it comes with them.
  isBeyond(event) {
    const last = this.list.lastElementChild;
    return Boolean(last && this.cursor && isBefore(event.started_at, event.id, last));
  }

  insert(card) {
    const next = [...this.list.children].find((other) => !isBefore(card.dataset.started, card.dataset.id, other));
    this.list.insertBefore(card, next ?? null);
    while (this.list.children.length > KEPT && !this.list.lastElementChild.contains(document.activeElement)) {
      this.list.lastElementChild.remove();
      this.cursor = null;
      this.older.hidden = true;
    }
  }

  announce(card, event) {
    card.classList.add("arriving");
    const level = slot(card, "level").textContent;
    this.news.textContent = `New event. ${this.nameOf(event.camera)}: ${level}. ${slot(card, "sentence").textContent}`;
  }

  settle() {
    document.getElementById("empty")?.remove();
    this.filter();
  }

  filter() {
    const least = Number(this.filters.elements.risk.value);
    const unreviewed = this.filters.elements.unreviewed.checked;
    let shown = 0;
    for (const card of this.list.children) {
      // What is not judged yet is never filtered away: it could be anything.
      const risky = card.dataset.level === "none" || RANK[card.dataset.level] >= least;
      card.hidden = !(risky && (!unreviewed || card.dataset.reviewed !== "true"));
      shown += card.hidden ? 0 : 1;
    }
    document.getElementById("none-match").hidden = shown > 0 || !this.list.children.length;
  }

  async loadOlder() {
    await this.work(this.older, async () => {
      const page = await ask(`/api/events?limit=${this.first}&cursor=${encodeURIComponent(this.cursor)}`);
      this.take(page);
    });
  }

  // Everything anew: after messages were missed for good.
  async reload() {
    await this.work(this.older, async () => {
      const page = await ask(`/api/events?limit=${this.first}`);
      this.list.replaceChildren();
      this.take(page);
    });
  }

  take(page) {
    this.cursor = null;
    page.items.forEach((event) => this.put(event));
    this.cursor = page.next_cursor;
    this.older.hidden = !page.has_more;
  }

  async clicked({ target }) {
    const button = target.closest("[data-slot=review]");
    if (!button) return;
    const card = button.closest(".event");
    await this.work(button, async () => {
      const reviewed = card.dataset.reviewed !== "true";
      this.put(await ask(`/api/events/${card.dataset.id}`, { method: "PATCH", body: { reviewed } }));
    });
  }

  async work(button, action) {
    button.disabled = true;
    this.fault.hidden = true;
    try {
      await action();
    } catch (error) {
      this.fault.textContent = error.message;
      this.fault.hidden = false;
    } finally {
      button.disabled = false;
    }
  }
}

function isBefore(started, id, card) {
  const difference = Date.parse(started) - Date.parse(card.dataset.started);
  return difference < 0 || (difference === 0 && Number(id) < Number(card.dataset.id));
}
