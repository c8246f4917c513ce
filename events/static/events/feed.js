// The list of events that was asked for: newest first, kept up to date, and continued into the past.

import { ask, BASE } from "./api.js";
import { blank, fill, slot } from "./cards.js";

const KEPT = 300;
const AT_MOST_EVERY = 5000;

export class Feed {
  constructor(page, nameOf) {
    this.words = page.words;
    this.first = page.first;
    this.cursor = page.cursor;
    this.query = page.query;
    this.asking = null;
    this.nameOf = nameOf;
    this.list = document.getElementById("events");
    this.older = document.getElementById("older");
    this.filters = document.getElementById("filters");
    this.fault = document.getElementById("fault");
    this.news = document.getElementById("news");
    this.older.addEventListener("click", () => this.loadOlder());
    this.list.addEventListener("click", (click) => this.clicked(click));
    this.filters.addEventListener("change", ({ target }) => this.chose(target));
    this.filters.addEventListener("formdata", ({ formData }) => dropEmpty(formData));
  }

  find(id) {
    return this.list.querySelector(`:scope > [data-id="${Number(id)}"]`);
  }

  // What the stream tells. Whether an event matches what was asked for, only the server can say.
  heard(event, { fresh = false } = {}) {
    if (!this.query || this.find(event.id)) this.put(event, { fresh });
    else this.asking ??= setTimeout(() => this.lookAgain().finally(() => (this.asking = null)), AT_MOST_EVERY);
  }

  async lookAgain() {
    const page = await ask(this.address()).catch(() => null);
    page?.items.forEach((event) => this.put(event, { fresh: true }));
  }

  address(cursor) {
    const query = new URLSearchParams(this.query);
    query.set("limit", this.first);
    if (cursor) query.set("cursor", cursor);
    return `${BASE}/api/events?${query}`;
  }

  // A choice is asked for at once, what is typed with Enter or the button.
  chose(field) {
    if (field.matches("select, [type=checkbox]")) this.filters.requestSubmit();
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
    const none = document.getElementById("none-match");
    if (none) none.hidden = true;
  }

  async loadOlder() {
    await this.work(this.older, async () => {
      this.take(await ask(this.address(this.cursor)));
    });
  }

  // Everything anew: after messages were missed for good.
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

// So that the address says what was asked for, and no more.
function dropEmpty(data) {
  for (const [name, value] of [...data]) if (!value) data.delete(name);
}

function isBefore(started, id, card) {
  const difference = Date.parse(started) - Date.parse(card.dataset.started);
  return difference < 0 || (difference === 0 && Number(id) < Number(card.dataset.id));
}
