// The list of events: newest first, kept up to date, with older events on request.

import { ask, BASE } from "./api.js";
import { blank, fill, slot } from "./cards.js";

const MAX_CARDS = 300;
const MIN_INTERVAL_MS = 5000;

export class Feed {
  constructor(page, nameOf) {
    this.words = page.words;
    this.first = page.first;
    this.cursor = page.cursor;
    this.query = page.query;
    this.pending = null;
    this.nameOf = nameOf;
    this.list = document.getElementById("events");
    this.older = document.getElementById("older");
    this.filters = document.getElementById("filters");
    this.fault = document.getElementById("fault");
    this.news = document.getElementById("news");
    this.older.addEventListener("click", () => this.loadOlder());
    this.list.addEventListener("click", (click) => this.clicked(click));
    this.filters.addEventListener("change", ({ target }) => this.search(target));
    this.filters.addEventListener("formdata", ({ formData }) => dropEmpty(formData));
  }

  find(id) {
    return this.list.querySelector(`:scope > [data-id="${Number(id)}"]`);
  }

  // Handle a message. Only the server knows whether an event matches the search.
  receive(event, { isNew = false } = {}) {
    if (!this.query || this.find(event.id)) this.put(event, { announce: isNew });
    else this.pending ??= setTimeout(() => this.refresh().finally(() => (this.pending = null)), MIN_INTERVAL_MS);
  }

  async refresh() {
    const page = await ask(this.address()).catch(() => null);
    page?.items.forEach((event) => this.put(event, { announce: true }));
  }

  address(cursor) {
    const query = new URLSearchParams(this.query);
    query.set("limit", this.first);
    if (cursor) query.set("cursor", cursor);
    return `${BASE}/api/events?${query}`;
  }

  // A choice searches immediately, a text with Enter or the button.
  search(field) {
    if (field.matches("select, [type=checkbox]")) this.filters.requestSubmit();
  }

  // Insert or update an event. An older version than the shown one is ignored.
  put(event, { announce = false } = {}) {
    let card = this.find(event.id);
    if (card && Date.parse(card.dataset.updated) > Date.parse(event.updated_at)) return;
    const isNew = !card;
    if (isNew && this.isBeyond(event)) return;
    card ??= blank("event-blank");
    fill(card, event, this.nameOf(event.camera), this.words);
    if (isNew) this.insert(card);
    if (isNew && announce) this.announce(card, event);
    this.settle();
  }

  // Whether the event is older than all shown events, so that it comes with a later page.
  isBeyond(event) {
    const last = this.list.lastElementChild;
    return Boolean(last && this.cursor && isBefore(event.started_at, event.id, last));
  }

  insert(card) {
    const next = [...this.list.children].find((other) => !isBefore(card.dataset.started, card.dataset.id, other));
    this.list.insertBefore(card, next ?? null);
    while (this.list.children.length > MAX_CARDS && !this.list.lastElementChild.contains(document.activeElement)) {
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
    const none = document.getElementById("none-match");
    if (none) none.hidden = true;
  }

  async loadOlder() {
    await this.work(this.older, async () => {
      this.take(await ask(this.address(this.cursor)));
    });
  }

  // Load everything again, after messages were lost.
  async reload() {
    await this.work(this.older, async () => {
      const page = await ask(this.address());
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
      this.put(await ask(`${BASE}/api/events/${card.dataset.id}`, { method: "PATCH", body: { reviewed } }));
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

// Keep empty fields out of the address.
function dropEmpty(data) {
  for (const [name, value] of [...data]) if (!value) data.delete(name);
}

function isBefore(started, id, card) {
  const difference = Date.parse(started) - Date.parse(card.dataset.started);
  return difference < 0 || (difference === 0 && Number(id) < Number(card.dataset.id));
}
