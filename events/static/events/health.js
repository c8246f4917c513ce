// How the system is and what waits, asked every ten seconds and soon after something happened.

import { ApiError, ask, BASE } from "./api.js";

const EVERY = 10_000;
const SOON = 800;
const MANY = 200;
const STATES = { healthy: "All well", degraded: "Degraded", unhealthy: "Not working" };

export class Health {
  constructor() {
    this.waits = document.getElementById("waits");
    this.checks = document.getElementById("checks");
    this.well = document.getElementById("well");
    this.signs = [document.getElementById("health"), document.getElementById("state")];
    this.asked = document.getElementById("asked");
    document.addEventListener("visibilitychange", () => document.hidden || this.soon());
    this.now();
    this.countRefused();
  }

  soon() {
    this.early ??= setTimeout(() => this.now(), SOON);
  }

  async now() {
    clearTimeout(this.early);
    clearTimeout(this.timer);
    this.early = null;
    try {
      this.show(await ask(`${BASE}/api/system/health`));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.unknown(error);
    }
    this.timer = setTimeout(() => this.now(), EVERY);
  }

  show({ status, checks = {}, waiting = {} }) {
    this.sign(status, STATES[status] ?? status);
    this.list(Object.entries(checks));
    for (const [name, count] of Object.entries(waiting)) this.count(name, count);
    this.asked.textContent = `As of ${new Date().toLocaleTimeString()}`;
  }

  // Of the files taken since midnight, the reader's time.
  async countRefused() {
    const midnight = new Date(new Date().setHours(0, 0, 0, 0)).toISOString();
    const page = await ask(`${BASE}/api/uploads?state=rejected&after=${midnight}&limit=${MANY}`).catch(() => null);
    this.count("rejected_today", page && (page.has_more ? `${MANY}+` : page.items.length));
  }

  // Old figures are no news: they go when the system cannot be asked.
  unknown(error) {
    this.sign("unknown", error.status === 403 ? "Not for you to see" : "Cannot be asked");
    this.list([]);
    for (const line of this.waits.children) this.count(line.dataset.wait, null);
    this.asked.textContent = error.message;
  }

  // What is not well stands open, with its reason; the rest is there for who wants to know.
  list(checks) {
    const rows = (wanted) => checks.filter(([, { status }]) => (status === "healthy") === wanted).map(row);
    const well = rows(true);
    this.checks.replaceChildren(...rows(false));
    this.well.hidden = !well.length;
    this.well.querySelector("summary").textContent = `${well.length} check${well.length === 1 ? " is" : "s are"} well`;
    this.well.querySelector("ul").replaceChildren(...well);
  }

  sign(state, text) {
    for (const sign of this.signs) {
      sign.dataset.state = state;
      sign.querySelector("span").textContent = text;
    }
  }

  count(name, count) {
    const line = [...this.waits.children].find((one) => one.dataset.wait === name);
    if (!line) return;
    line.querySelector("dd").textContent = count ?? "–";
    line.toggleAttribute("data-some", parseInt(count, 10) > 0);
  }
}

function row([name, check]) {
  const item = document.createElement("li");
  item.dataset.state = check.status;
  const mark = document.createElement("i");
  mark.setAttribute("aria-hidden", "true");
  const title = document.createElement("strong");
  title.textContent = name.replaceAll("_", " ");
  const detail = document.createElement("span");
  detail.textContent = check.detail || (check.status === "healthy" ? "well" : check.status);
  item.append(mark, title, detail);
  return item;
}
