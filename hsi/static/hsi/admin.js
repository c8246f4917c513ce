// What the admin's own templates make clickable for a mouse alone, a keyboard reaches as well.
const MOUSE_ONLY = "span[x-on\\:click], div[x-on\\:click].cursor-pointer, a[x-on\\:click]:not([href]), h2[x-on\\:click]";
// What a control is called that shows nothing but an icon.
const NAMES = {
  add: "Add", close: "Close", dock_to_right: "Navigation", more_horiz: "More", more_vert: "More", search: "Search",
  unfold_more: "Account",
};
const ICON = ".material-symbols-outlined";
const COUNTED_EVERY = 15_000;
const SCRIPT = document.currentScript.src;

addEventListener("DOMContentLoaded", () => {
  for (const thing of document.querySelectorAll(MOUSE_ONLY)) {
    if (thing.closest("label")) continue;
    thing.tabIndex = 0;
    thing.setAttribute("role", "button");
    thing.addEventListener("keydown", (event) => {
      if (event.target === thing && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        thing.click();
      }
    });
  }
  for (const icon of document.querySelectorAll(ICON)) {
    const control = icon.closest("a, button, [role=button]");
    if (control && control.textContent.trim() === icon.textContent.trim()) {
      const name = control.title || NAMES[icon.textContent.trim()];
      if (name) control.setAttribute("aria-label", name);
    }
    icon.setAttribute("aria-hidden", "true"); // else its name is read out
  }
});

// How much waits, in the navigation, of every page that is looked at. Who was signed out meanwhile is told by the next page.
async function count() {
  const counts = [...document.querySelectorAll("[data-count]")];
  if (document.hidden || !counts.length) return;
  const answer = await fetch(new URL("../../admin/counts", SCRIPT), { redirect: "error" }).catch(() => null);
  if (!answer?.ok) return;
  const found = await answer.json();
  for (const shown of counts) shown.textContent = found[shown.dataset.count] ?? "";
}

setInterval(count, COUNTED_EVERY);
document.addEventListener("visibilitychange", count);

// A page that stays open goes along when the system turns dark in the evening.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  const theme = Alpine.$data(document.documentElement);
  if (theme.adminTheme !== "auto") return;
  theme.adminTheme = ""; // looked at anew
  Alpine.nextTick(() => (theme.adminTheme = "auto"));
});
