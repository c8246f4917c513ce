// Waits for the first picture of a camera, and sends one from here through the same intake.

import { ask } from "../events/api.js";

const EVERY = 2_000;
const LOOK_AFTER = 60_000; // so long nothing came: what to look at is opened

const page = document.getElementById("first");
const place = document.getElementById("arrivals");
const sent = document.getElementById("sent");
const opened = Date.now();
let timer;
let last = "";
let known; // the newest upload when this page was opened
let hasOpened = false;

// New words in the place of old ones. What was opened stays open, what the keyboard stands on keeps its place.
function show({ newest, html }) {
  if (html !== last) {
    const was = place.querySelector("details").open;
    const things = () => [...place.querySelectorAll("a, summary")];
    const focused = things().indexOf(document.activeElement);
    place.innerHTML = html;
    last = html;
    if (was) place.querySelector("details").open = true;
    if (focused >= 0) things()[focused]?.focus({ preventScroll: true });
  }
  known ??= newest;
  if (newest === known && !hasOpened && Date.now() - opened > LOOK_AFTER) {
    place.querySelector("details").open = true;
    hasOpened = true;
  }
}

async function look() {
  clearTimeout(timer);
  if (!document.hidden) {
    try {
      show(await ask(page.dataset.address));
      place.classList.remove("stale");
    } catch {
      place.classList.add("stale"); // the next look may succeed
    }
  }
  timer = setTimeout(look, EVERY);
}

// A card with the camera's name and the time, so that no two have the same bytes.
function drawn() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1280, 720];
  const pen = canvas.getContext("2d");
  ["#c9ced6", "#f4c75c", "#6fdca6", "#9cbcff", "#ff93a0", "#4d5866"].forEach((colour, number) => {
    pen.fillStyle = colour;
    pen.fillRect((number * 1280) / 6, 0, 1280 / 6 + 1, 720);
  });
  pen.fillStyle = "#151b24";
  pen.fillRect(0, 250, 1280, 220);
  pen.fillStyle = "#fff";
  pen.textAlign = "center";
  pen.font = "600 64px sans-serif";
  pen.fillText(page.dataset.name.slice(0, 30), 640, 345, 1200);
  pen.font = "40px sans-serif";
  pen.fillText(`Test picture, ${new Date().toISOString()}`, 640, 420, 1200);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}

async function send(blob, name) {
  const form = new FormData();
  form.append("file", blob, name);
  sent.textContent = "Sending…";
  try {
    const upload = await ask(page.dataset.uploads, { method: "POST", body: form });
    sent.textContent = `Sent: it is upload ${upload.id}.`;
  } catch (error) {
    sent.textContent = `It was not taken in: ${error.message}`;
  }
  await look();
}

document.getElementById("send-test").addEventListener("click", async () => send(await drawn(), "test-picture.jpg"));
// Heard before the field itself is: the admin's own script looks for a field beside it, which is not there.
page.addEventListener("change", async (event) => {
  const field = event.target;
  if (field.type !== "file") return;
  event.stopPropagation();
  const file = field.files[0];
  if (file) await send(file, file.name);
  field.value = "";
}, true);
document.addEventListener("visibilitychange", () => document.hidden || look());
// A picture may have gone since. What stands for one then is better than a broken one.
place.addEventListener("error", (event) => event.target.classList?.add("gone"), true);
timer = setTimeout(look, EVERY);
