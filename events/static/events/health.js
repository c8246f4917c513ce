// The health of the system and its backlog, refreshed every ten seconds and shortly after each message.

import { ApiError, ask, BASE } from "./api.js";

const INTERVAL_MS = 10_000;
const DELAY_MS = 800;
const MAX_COUNT = 200;
const STATES = { healthy: "Healthy", degraded: "Degraded", unhealthy: "Not working" };

export class Health {
  constructor() {
    this.waits = document.getElementById("waits");
    this.checks = document.getElementById("checks");
    this.well = document.getElementById("well");
    this.signs = [document.getElementById("health"), document.getElementById("state")];
    this.checkedAt = document.getElementById("checked-at");
    document.addEventListener("visibilitychange", () => document.hidden || this.soon());
    this.now();
    this.countRejected();
  }

  soon() {
    this.early ??= setTimeout(() => this.now(), DELAY_MS);
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
    this.timer = setTimeout(() => this.now(), INTERVAL_MS);
  }

  show({ status, checks = {}, waiting = {} }) {
    this.sign(status, STATES[status] ?? status);
    this.list(Object.entries(checks));
    for (const [name, count] of Object.entries(waiting)) this.count(name, count);
    this.checkedAt.textContent = `As of ${new Date().toLocaleTimeString()}`;
  }

  // Count files since midnight in the time zone of the browser.
  async countRejected() {
    const midnight = new Date(new Date().setHours(0, 0, 0, 0)).toISOString();
    const page = await ask(`${BASE}/api/uploads?state=rejected&after=${midnight}&limit=${MAX_COUNT}`).catch(() => null);
    this.count("rejected_today", page && (page.has_more ? `${MAX_COUNT}+` : page.items.length));
  }

  // Remove old figures when the system cannot be reached.
  unknown(error) {
    this.sign("unknown", error.status === 403 ? "Not allowed" : "Unknown");
    this.list([]);
    for (const line of this.waits.children) this.count(line.dataset.wait, null);
    this.checkedAt.textContent = error.message;
  }

  // Failed checks are shown with their reason. Healthy checks are in a closed part.
  list(checks) {
    const rows = (isHealthy) => checks.filter(([, { status }]) => (status === "healthy") === isHealthy).map(row);
    const well = rows(true);
    this.checks.replaceChildren(...rows(false));
    this.well.hidden = !well.length;
    this.well.querySelector("summary").textContent = `${well.length} healthy check${well.length === 1 ? "" : "s"}`;
    this.well.querySelector("ul").replaceChildren(...well);
  }

  sign(state, text) {
    for (const sign of this.signs) {
      sign.dataset.state = state;
      sign.querySelector("span").textContent = text;
    }
  }

  count(name, count) {
    const line = [...this.waits.children].find((row) => row.dataset.wait === name);
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
  detail.textContent = check.detail || (check.status === "healthy" ? "healthy" : check.status);
  item.append(mark, title, detail);
  return item;
}
