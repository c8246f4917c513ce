// What the admin's own templates make clickable for a mouse alone, a keyboard reaches as well.
const MOUSE_ONLY = "span[x-on\\:click], div[x-on\\:click].cursor-pointer, a[x-on\\:click]:not([href]), h2[x-on\\:click]";
const NAMES = { dock_to_right: "Navigation", close: "Close", unfold_more: "Account" };

addEventListener("DOMContentLoaded", () => {
  for (const thing of document.querySelectorAll(MOUSE_ONLY)) {
    if (thing.closest("label")) continue;
    thing.tabIndex = 0;
    thing.setAttribute("role", "button");
    const name = NAMES[thing.textContent.trim()];
    if (name) thing.setAttribute("aria-label", name);
    thing.addEventListener("keydown", (event) => {
      if (event.target === thing && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        thing.click();
      }
    });
  }
});
