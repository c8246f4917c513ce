// Make elements reachable by keyboard that the templates of the admin make clickable by mouse only.
const MOUSE_ONLY = "span[x-on\\:click], div[x-on\\:click].cursor-pointer, a[x-on\\:click]:not([href]), h2[x-on\\:click]";
// Names of controls that show only an icon.
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
    icon.setAttribute("aria-hidden", "true"); // otherwise screen readers read its name
  }
});

// Update the counts in the navigation of visible pages. After a sign-out the next page load shows the login.
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

// Follow the colour scheme of the system on an open page.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  const theme = Alpine.$data(document.documentElement);
  if (theme.adminTheme !== "auto") return;
  theme.adminTheme = ""; // evaluate it again
  Alpine.nextTick(() => (theme.adminTheme = "auto"));
});
