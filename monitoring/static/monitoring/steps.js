// The steps of setting a camera up: copying, searching a long list, and what time it is elsewhere. All work without it.

const CLOCK_EVERY = 1_000;
const COPIED_FOR = 2_000;

async function copy(button) {
  const field = button.parentElement.querySelector("input");
  field.select();
  // The clipboard is only there over HTTPS or on this machine.
  if (navigator.clipboard) await navigator.clipboard.writeText(field.value).catch(() => document.execCommand("copy"));
  else document.execCommand("copy");
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), COPIED_FOR);
}

// Takes options out of the list that do not hold the words; the chosen one stays.
function search(field) {
  const list = document.getElementById(field.dataset.filters);
  const all = [...list.options];
  const plain = (text) => text.toLowerCase().replaceAll("_", " ");
  field.addEventListener("input", () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    const fit = all.filter((option) => option.selected || words.every((word) => plain(option.text).includes(word)));
    list.replaceChildren(...fit);
    const others = fit.filter((option) => !option.selected);
    if (words.length && others.length === 1) choose(list, others[0]);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    list.focus();
  });
}

function choose(list, option) {
  list.value = option.value;
  list.dispatchEvent(new Event("change"));
}

function clock(list) {
  const there = document.getElementById("there");
  function tell() {
    const zone = list.value || list.dataset.clock;
    try {
      const time = new Intl.DateTimeFormat([], { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
      const words = `It is now ${time.format(new Date())} there.`;
      if (there.textContent !== words) there.textContent = words;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      there.textContent = "This browser does not know that time zone.";
    }
  }
  list.addEventListener("change", tell);
  setInterval(tell, CLOCK_EVERY);
  tell();
  list.selectedOptions[0]?.scrollIntoView({ block: "nearest" });
}

for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button));
for (const field of document.querySelectorAll("[data-filters]")) search(field);
for (const list of document.querySelectorAll("select[data-clock]")) clock(list);

// Who enters another time means it.
for (const field of document.querySelectorAll(".measure :is(input, select)")) {
  field.addEventListener("input", () => (field.closest("li").querySelector("[type=radio]").checked = true));
}
