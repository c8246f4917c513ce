// Filters the tables of settings by the typed text, and marks edited fields.

const find = document.getElementById("find");
const changed = document.getElementById("changed");
const rows = [...document.querySelectorAll("#settings tbody tr")];
const live = document.getElementById("live");
const fields = [...live.querySelectorAll("[data-was]")];
const edited = document.getElementById("edited");

function narrow() {
  const words = find.value.toLowerCase().split(/\s+/);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const isOut = (changed.checked && !("set" in row.dataset)) || !words.every((word) => text.includes(word));
    row.hidden = isOut && !row.matches(".edited, .faulty"); // what is being changed stays in sight
  }
}

function note() {
  const names = [];
  for (const field of fields) {
    const isEdited = field.value.trim() !== field.dataset.was;
    field.closest("tr").classList.toggle("edited", isEdited);
    if (isEdited) names.push(field.name);
  }
  edited.textContent = names.length > 3 ? `${names.length} edited` : names.join(", ");
}

// The admin hides the page until its own script runs: what is wrong is gone to as soon as it can be seen.
function goToFault() {
  live.querySelector("[aria-invalid]")?.focus();
}

find.addEventListener("input", narrow);
changed.addEventListener("change", narrow);
live.addEventListener("input", note);
note();
document.addEventListener("alpine:initialized", () => requestAnimationFrame(goToFault));
goToFault();
