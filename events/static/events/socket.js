// The live connection: resumes with the last number, backs off when refused, and says how it is.

import { BASE } from "./api.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
const PING_EVERY = 25_000;
const SIGNED_OUT = 4401;
const NOT_ALLOWED = 4403;

export class Live {
  // `topic`: "events" or "system". `after`: the newest number already known, or null for what is new.
  // `heard(message)`, `changed(state)`, `isSignedIn()`.
  constructor(topic, after, { heard, changed, isSignedIn }) {
    Object.assign(this, { topic, last: after, heard, changed, isSignedIn, wait: FIRST_WAIT, ended: false });
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
      this.heard(message);
    }
  }

  ready(message) {
    this.wait = FIRST_WAIT;
    this.last ??= message.seq;
    this.changed("live");
    clearInterval(this.pinger);
    this.pinger = setInterval(() => this.ping(), PING_EVERY);
    // The server counts anew (its database was replaced): nothing known here holds any more.
    if (message.seq < this.last) this.gap(message);
  }

  gap(message) {
    if (typeof message.seq === "number") this.last = message.seq;
    this.heard({ type: "stream.gap" });
  }

  // A connection can be dead without anybody saying so: two pings without any answer end it.
  ping() {
    if (!this.alive) this.socket.close();
    this.alive = false;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type":"ping"}');
  }

  async closed(code) {
    clearInterval(this.pinger);
    if (code === SIGNED_OUT || (code === 1006 && !(await this.isSignedIn()))) return this.end("signed-out");
    if (code === NOT_ALLOWED) return this.end("refused");
    this.changed("reconnecting");
    this.timer = setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  end(state) {
    this.ended = true;
    this.changed(state);
  }

  hurry() {
    if (this.ended || this.socket.readyState !== WebSocket.CLOSED) return;
    this.wait = FIRST_WAIT;
    this.connect();
  }
}
