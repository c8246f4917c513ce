// The live page: the server renders it, this script keeps it up to date.

import { ask, BASE } from "./api.js";
import { Cameras } from "./cameras.js";
import { watchPictures } from "./cards.js";
import { Empty } from "./empty.js";
import { Feed } from "./feed.js";
import { Health } from "./health.js";
import { Live } from "./socket.js";
import { keepFresh } from "./times.js";

const REFRESH_INTERVAL_MS = 30_000;
const LINK = {
  live: "Live",
  reconnecting: "Reconnecting…",
  "signed-out": "Signed out",
  refused: "Not allowed",
};

const page = JSON.parse(document.getElementById("page").textContent);
const main = document.querySelector("main");
watchPictures(main);
keepFresh(main);

const cameras = new Cameras();
const feed = new Feed(page, (id) => cameras.nameOf(id));
const health = new Health();
const empty = new Empty();

const handlers = {
  "event.created": (message) => feed.receive(message.data, { isNew: true }),
  "event.updated": (message) => feed.receive(message.data),
  "camera.status": (message) => cameras.receive(message.data),
  "stream.gap": () => Promise.all([feed.reload(), cameras.refresh()]),
};

const link = document.getElementById("link");
function showLink(state) {
  link.dataset.state = state;
  link.querySelector("span").textContent = LINK[state];
}

async function isSignedIn() {
  try {
    await ask(`${BASE}/api/events?limit=1`);
  } catch (error) {
    return error.status !== 401;
  }
  return true;
}

document.addEventListener("signed-out", () => {
  document.getElementById("signed-out").hidden = false;
  showLink("signed-out");
});

new Live("events", page.seq, {
  onMessage(message) {
    handlers[message.type]?.(message);
    health.soon();
    empty.soon();
  },
  onState: showLink,
  isSignedIn,
});
setInterval(() => {
  if (document.hidden) return;
  cameras.refresh();
  health.countRejected();
  empty.soon();
}, REFRESH_INTERVAL_MS);
