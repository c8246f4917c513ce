// The live connection: resumes after the last number, backs off when refused, and reports its state.

import { BASE } from "./api.js";

const MIN_WAIT_MS = 1000;
const MAX_WAIT_MS = 30_000;
const PING_INTERVAL_MS = 25_000;
const SIGNED_OUT = 4401;
const NOT_ALLOWED = 4403;

export class Live {
  // `topic`: "events" or "system". `after`: the newest received number, or null for new messages only.
  // `onMessage(message)`, `onState(state)`, `isSignedIn()`.
  constructor(topic, after, { onMessage, onState, isSignedIn }) {
    Object.assign(this, { topic, last: after, onMessage, onState, isSignedIn, wait: MIN_WAIT_MS, ended: false });
    addEventListener("online", () => this.hurry());
    addEventListener("pagehide", () => this.socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const after = this.last === null ? "" : `?after=${this.last}`;
    this.socket = new WebSocket(`${scheme}://${location.host}${BASE}/ws/${this.topic}${after}`);
    this.alive = false;
    this.socket.addEventListener("message", ({ data }) => this.take(JSON.parse(data)));
    this.socket.addEventListener("close", ({ code }) => this.closed(code));
  }

  take(message) {
    this.alive = true;
    if (message.type === "connection.ready") this.ready(message);
    else if (message.type === "stream.gap") this.gap(message);
    else if (message.type !== "pong" && typeof message.seq === "number") {
      if (message.seq <= this.last) return;
      this.last = message.seq;
      this.onMessage(message);
    }
  }

  ready(message) {
    this.wait = MIN_WAIT_MS;
    this.last ??= message.seq;
    this.onState("live");
    clearInterval(this.pinger);
    this.pinger = setInterval(() => this.ping(), PING_INTERVAL_MS);
    // The numbers went back because the database was replaced, so all data on the page is outdated.
    if (message.seq < this.last) this.gap(message);
  }

  gap(message) {
    if (typeof message.seq === "number") this.last = message.seq;
    this.onMessage({ type: "stream.gap" });
  }

  // A dead connection may not be reported: two pings without an answer close it.
  ping() {
    if (!this.alive) this.socket.close();
    this.alive = false;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type":"ping"}');
  }

  async closed(code) {
    clearInterval(this.pinger);
    if (code === SIGNED_OUT || (code === 1006 && !(await this.isSignedIn()))) return this.end("signed-out");
    if (code === NOT_ALLOWED) return this.end("refused");
    this.onState("reconnecting");
    this.timer = setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, MAX_WAIT_MS);
  }

  end(state) {
    this.ended = true;
    this.onState(state);
  }

  hurry() {
    if (this.ended || this.socket.readyState !== WebSocket.CLOSED) return;
    this.wait = MIN_WAIT_MS;
    this.connect();
  }
}
