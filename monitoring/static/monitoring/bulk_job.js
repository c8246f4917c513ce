// Shows the progress of a bulk job until it ends.

import { ask } from "../events/api.js";

const EVERY = 1_000;
const place = document.getElementById("progress");

async function look() {
  if (!document.hidden) {
    try {
      const { html, over } = await ask(place.dataset.address);
      if (place.innerHTML !== html) place.innerHTML = html;
      place.classList.remove("stale");
      if (over) {
        document.querySelector(".while-running").remove();
        document.querySelector(".when-over").hidden = false;
        return;
      }
    } catch {
      place.classList.add("stale"); // the next request may succeed
    }
  }
  setTimeout(look, EVERY);
}

if (place.dataset.address) setTimeout(look, EVERY);
