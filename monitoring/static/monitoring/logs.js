// Adds new lines on top while the user follows the log, and removes the oldest ones.

import { follow } from "./figures.js";

const MOST = 500;
const tick = document.getElementById("follow");
const words = document.getElementById("following");
const list = document.getElementById("lines");

if (tick) {
  let newest = tick.dataset.newest;
  const address = () => (tick.checked ? `${tick.dataset.tail}&newer_than=${newest}` : null);
  const show = (answer) => {
    newest = answer.newest;
    list.insertAdjacentHTML("afterbegin", answer.lines);
    while (list.children.length > MOST) list.lastElementChild.remove();
    if (list.children.length) document.getElementById("no-lines")?.remove();
    words.textContent = `Up to date at ${new Date().toLocaleTimeString()}.`;
  };
  const { ask } = follow(address, show, (why) => (words.textContent = `Not up to date: ${why}.`));
  tick.addEventListener("change", () => (tick.checked ? ask() : (words.textContent = "")));
}
