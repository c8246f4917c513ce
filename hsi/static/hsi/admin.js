// What the admin's own templates make clickable for a mouse alone, a keyboard reaches as well.
const MOUSE_ONLY = "span[x-on\\:click], div[x-on\\:click].cursor-pointer, a[x-on\\:click]:not([href]), h2[x-on\\:click]";
// What a control is called that shows nothing but an icon.
const NAMES = {
  add: "Add", close: "Close", dock_to_right: "Navigation", more_horiz: "More", more_vert: "More", search: "Search",
  unfold_more: "Account",
};
const ICON = ".material-symbols-outlined";

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
