// Updates of a page: polled every few seconds, and immediately after a message of the system.

import { Live } from "../events/socket.js";

const EVERY = 5_000;
const BURST = 500; // messages within this many milliseconds cause one request

// `address` returns where to ask, or null while nothing is to be asked. Returns what asks at once.
export function follow(address, show, fail) {
  let timer;
  let due = Infinity;
  async function ask() {
    clearTimeout(timer);
    due = Infinity;
    const place = document.hidden ? null : address();
    if (place) {
      try {
        const answer = await fetch(place, { headers: { Accept: "application/json" }, redirect: "error" });
        if (!answer.ok) throw new TypeError(`it answered ${answer.status}`);
        show(await answer.json());
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
        fail(error.message);
      }
    }
    soon(EVERY);
  }
  // What is due sooner stays so: news that never cease must not put it off.
  function soon(milliseconds) {
    const at = Date.now() + milliseconds;
    if (at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(ask, milliseconds);
  }
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  soon(EVERY);
  return { ask, soon: () => soon(BURST) };
}

// Calls `heard` for each message of the system. Without a connection, the page still polls.
export function hear(heard) {
  new Live("system", null, { onMessage: heard, onState() {}, isSignedIn: async () => true });
}
