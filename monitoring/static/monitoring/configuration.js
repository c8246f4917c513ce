// Narrows the table of settings while somebody types.

const find = document.getElementById("find");
const changed = document.getElementById("changed");
const rows = [...document.querySelectorAll("#settings tbody tr")];

function narrow() {
  const words = find.value.toLowerCase().split(/\s+/);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = (changed.checked && !("set" in row.dataset)) || !words.every((word) => text.includes(word));
  }
}

find.addEventListener("input", narrow);
changed.addEventListener("change", narrow);
