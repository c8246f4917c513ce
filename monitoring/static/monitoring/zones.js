// The zone editor: a list of zones, one of them in hand. What is stored, the server checks.

import { ask } from "../events/api.js";
import { Board } from "./board.js";
import { Polygon } from "./polygon.js";

const COLOURS = 8;
const { zones, address, width, height, fewest, most, mostZones } = JSON.parse(
  document.getElementById("drawn-on").textContent,
);
const part = (id) => document.getElementById(id);
const [form, fault, conflict, say] = ["form", "fault", "conflict", "say"].map(part);
const [nameField, kindField, enabledField] = ["zone-name", "zone-kind", "zone-enabled"].map(part);
const labelsField = part("zone-labels");

let inHand = null; // the zone that is edited; an empty object for a new one
let polygon = null;
let theirs = null; // the version that another user stored meanwhile
let isSaving = false;
const board = new Board({ ratio: width / height, add: addCorner, changed: draw, pick: (id) => take(find(id)) });

const find = (id) => zones.find((zone) => zone.id === id);
const colourOf = (zone) => `colour-${Math.max(zones.indexOf(zone), 0) % COLOURS}`;
const tell = (words) => (say.textContent = words);

function complain(words) {
  fault.textContent = words;
  fault.hidden = !words;
}

// The shapes of the others, and of the one in hand with its corners.
function draw() {
  const others = zones.filter((zone) => zone !== inHand);
  board.draw(
    others.map((zone) => ({ id: zone.id, name: zone.name, corners: zone.polygon, enabled: zone.enabled, colour: colourOf(zone) })),
    polygon,
    inHand?.id ? colourOf(inHand) : `colour-${zones.length % COLOURS}`,
  );
  const count = polygon?.corners.length ?? 0;
  part("tools").hidden = form.hidden = !polygon;
  part("undo").disabled = !polygon?.changed;
  part("delete-corner").disabled = polygon?.chosen == null;
  part("add-corner").disabled = count >= most;
  part("count").textContent = count < fewest ? `${count} of at least ${fewest} corners` : `${count} corners`;
  part("save").disabled = count < fewest || isSaving;
  list();
}

function list() {
  const rows = zones.map((zone) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = `zone ${colourOf(zone)}`;
    button.dataset.id = zone.id;
    button.setAttribute("aria-pressed", String(zone === inHand));
    const swatch = document.createElement("i");
    const name = document.createElement("b");
    name.textContent = zone.name;
    const more = document.createElement("small");
    more.textContent = [zone.kind, `${zone.polygon.length} corners`, zone.enabled ? "" : "off"].filter(Boolean).join(", ");
    button.append(swatch, name, more);
    button.addEventListener("click", () => take(zone));
    row.append(button);
    return row;
  });
  const focused = document.activeElement?.closest?.("#zones button")?.dataset.id;
  part("zones").replaceChildren(...rows);
  if (focused) part("zones").querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  part("no-zones").hidden = zones.length > 0;
  part("new-zone").hidden = Boolean(inHand && !inHand.id);
  part("new-zone").disabled = zones.length >= mostZones;
}

// Whether what is in hand would be lost.
function isChanged() {
  if (!inHand) return false;
  const fields = nameField.value !== (inHand.name ?? "") || kindField.value !== (inHand.kind ?? "");
  const labels = ignoredLabels().join() !== (inHand.labels ?? []).join();
  return fields || labels || enabledField.checked !== (inHand.enabled ?? true) || polygon.changed;
}

function take(zone) {
  if (zone === inHand) return;
  if (isChanged()) {
    tell("Save or cancel the zone in hand first.");
    return;
  }
  hold(zone);
}

function hold(zone) {
  inHand = zone;
  theirs = null;
  polygon = new Polygon(zone.polygon ?? [], { growing: !zone.id });
  nameField.value = zone.name ?? "";
  kindField.value = zone.kind ?? "";
  labelsField.value = (zone.labels ?? []).join(", ");
  showKind();
  enabledField.checked = zone.enabled ?? true;
  part("form-title").textContent = zone.id ? `Change ${zone.name}` : "New zone";
  part("remove").hidden = !zone.id;
  part("remove").textContent = "Delete";
  conflict.hidden = true;
  complain("");
  tell(zone.id ? "Drag its corners, or click on an edge to add one." : "Click into the picture to add corners, one after the other.");
  draw();
}

function release(words) {
  inHand = polygon = theirs = null;
  conflict.hidden = true;
  complain("");
  tell(words);
  draw();
}

function cancel() {
  if (!polygon) return;
  const was = inHand;
  release(was.id ? `${was.name} is as it was.` : "Nothing was kept.");
  (was.id ? part("zones").querySelector(`[data-id="${CSS.escape(was.id)}"]`) : part("new-zone"))?.focus();
}

function addCorner(point, near) {
  if (!polygon) hold({});
  if (polygon.corners.length >= most) tell(`A zone has at most ${most} corners.`);
  else polygon.add(point, near);
  draw();
}

// The labels of a zone say what is ignored in it. Other zones have none.
function ignoredLabels() {
  if (kindField.value !== "ignore") return [];
  const labels = labelsField.value.split(",").map((label) => label.trim().toLowerCase().replace(/\s+/g, " "));
  return [...new Set(labels.filter(Boolean))];
}

function showKind() {
  part("zone-kind-help").textContent = kindField.selectedOptions[0].dataset.help;
  part("zone-labels-row").hidden = kindField.value !== "ignore";
}

function values() {
  const entered = { name: nameField.value.trim(), kind: kindField.value, enabled: enabledField.checked };
  return { ...entered, labels: ignoredLabels(), polygon: polygon.corners };
}

async function save(version = inHand.version) {
  const [zone, isNew] = [inHand, !inHand.id];
  await attempt(async () => {
    const stored = isNew
      ? await ask(address, { method: "POST", body: values() })
      : await ask(`${address}/${zone.id}`, { method: "PATCH", body: { ...values(), version } });
    if (isNew) zones.push(stored);
    else Object.assign(zone, stored);
    release(`${stored.name} is saved.`);
    part("zones").querySelector(`[data-id="${CSS.escape(stored.id)}"]`)?.focus({ preventScroll: true });
  });
}

async function remove() {
  const button = part("remove");
  if (button.textContent === "Delete") {
    button.textContent = "Really delete?";
    return;
  }
  const zone = inHand;
  await attempt(async () => {
    await ask(`${address}/${zone.id}`, { method: "DELETE" });
    drop(zone, `${zone.name} is deleted. What stood in it goes on saying so.`);
  });
}

function drop(zone, words) {
  zones.splice(zones.indexOf(zone), 1);
  release(words);
  part("new-zone").focus({ preventScroll: true });
}

async function attempt(change) {
  isSaving = true;
  complain("");
  draw();
  try {
    await change();
  } catch (error) {
    if (error.status === undefined) throw error;
    await failed(error);
  } finally {
    isSaving = false;
    draw();
  }
}

async function failed(error) {
  const [zone, kept] = [inHand, values()];
  if (error.status === 404 && zone.id) {
    drop(zone, "");
    hold({});
    [nameField.value, kindField.value, enabledField.checked] = [kept.name, kept.kind, kept.enabled];
    labelsField.value = kept.labels.join(", ");
    showKind();
    polygon = new Polygon(kept.polygon, { growing: false });
    complain("Another user deleted this zone. Saving creates it again.");
    return;
  }
  const byField = Object.values(error.problem?.errors ?? {}).flat(9).filter((words) => typeof words === "string");
  complain(byField.join(" ") || error.message);
  if (error.problem?.code === "ZONE_CHANGED") {
    theirs = await ask(`${address}/${zone.id}`).catch(() => null);
    conflict.hidden = !theirs;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!isSaving) save();
});
form.addEventListener("input", () => (part("remove").textContent = "Delete"));
kindField.addEventListener("change", showKind);
part("cancel").addEventListener("click", cancel);
part("remove").addEventListener("click", remove);
part("new-zone").addEventListener("click", () => {
  take({});
  if (polygon && !inHand.id) nameField.focus();
});
part("undo").addEventListener("click", () => {
  polygon.undo();
  draw();
});
part("add-corner").addEventListener("click", () => {
  polygon.addAfter();
  draw();
  board.focusChosen();
});
part("delete-corner").addEventListener("click", () => {
  polygon.remove();
  draw();
});
part("take-theirs").addEventListener("click", () => {
  const zone = Object.assign(inHand, theirs);
  release("");
  hold(zone);
});
part("keep-mine").addEventListener("click", () => save(theirs.version));
document.addEventListener("keydown", (event) => {
  if (!polygon || event.defaultPrevented) return;
  const isText = event.target.matches("input:not([type=checkbox])");
  if (event.key === "Escape") cancel();
  else if (event.key === "z" && (event.ctrlKey || event.metaKey) && !isText) {
    event.preventDefault();
    polygon.undo();
    draw();
  }
});
addEventListener("beforeunload", (event) => isChanged() && event.preventDefault());
draw();
