// The camera tiles: name, last picture and its time.

import { ask, BASE } from "./api.js";
import { blank, slot } from "./cards.js";
import * as times from "./times.js";

const MIN_INTERVAL_MS = 2000;

export class Cameras {
  constructor() {
    this.list = document.getElementById("cameras");
    this.pending = null;
  }

  find(id) {
    return [...this.list.children].find((tile) => tile.dataset.id === id);
  }

  nameOf(id) {
    const tile = this.find(id);
    return tile ? slot(tile, "name").textContent : id;
  }

  // Handle a status message: a new picture, a camera that went offline or online, or a change of what it shows.
  receive({ camera, status, last_captured_at: captured, view }) {
    const tile = this.find(camera);
    if (!tile) {
      this.refreshSoon();
      return;
    }
    slot(tile, "silent").hidden = status !== "offline";
    if (view) this.showView(tile, view);
    this.show(tile, captured);
  }

  showView(tile, view) {
    slot(tile, "view").textContent = view;
    slot(tile, "view").hidden = view === "ok";
  }

  show(tile, captured) {
    const shownAt = Date.parse(tile.dataset.sent);
    if (!captured || Date.parse(captured) <= shownAt) return;
    tile.dataset.sent = captured;
    times.show(slot(tile, "time"), captured);
    const whole = `${BASE}/api/cameras/${encodeURIComponent(tile.dataset.id)}/snapshot`;
    slot(tile, "picture-link").href = whole;
    slot(tile, "no-picture").textContent = "The picture cannot be shown";
    slot(tile, "picture").alt = `Last picture of ${slot(tile, "name").textContent}`;
    slot(tile, "picture").src = `${whole}?at=${Date.parse(captured)}`;
  }

  refreshSoon() {
    this.pending ??= setTimeout(() => this.refresh().finally(() => (this.pending = null)), MIN_INTERVAL_MS);
  }

  async refresh() {
    const page = await ask(`${BASE}/api/cameras?limit=1000`).catch(() => null);
    if (!page) return;
    const byName = page.items.sort((one, other) => (one.name < other.name ? -1 : 1));
    const tiles = byName.map((camera) => this.put(camera));
    if (tiles.some((tile, place) => this.list.children[place] !== tile) || tiles.length !== this.list.children.length) {
      this.list.replaceChildren(...tiles);
    }
    document.getElementById("no-cameras").hidden = tiles.length > 0;
  }

  put(camera) {
    const tile = this.find(camera.id) ?? blank("camera-blank");
    tile.dataset.id = camera.id;
    slot(tile, "name").textContent = camera.name;
    slot(tile, "paused").hidden = camera.enabled !== false;
    slot(tile, "silent").hidden = !camera.offline_since;
    this.showView(tile, camera.view);
    this.show(tile, camera.last_captured_at);
    return tile;
  }
}
