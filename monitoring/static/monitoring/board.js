// The board: shapes as SVG in units of the picture, corners as buttons on top, which a finger and the keyboard reach.

import { distance } from "./polygon.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR_PIXELS = 16;
const STEP = 0.005; // of the picture, by an arrow key; ten times as much with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Board {
  // `add(point, near)` is called for a new corner, `changed()` after each change, `pick(id)` for a shape that is clicked.
  constructor({ ratio, add, changed, pick }) {
    Object.assign(this, { add, changed, pick });
    this.place = document.getElementById("board");
    this.shapes = document.getElementById("shapes");
    this.labels = document.getElementById("labels");
    this.corners = document.getElementById("corners");
    this.place.style.aspectRatio = ratio;
    this.place.style.maxWidth = `calc(78vh * ${ratio})`;
    this.place.addEventListener("click", (event) => this.clicked(event));
    document.getElementById("ground")?.addEventListener("error", ({ target }) => target.classList.add("gone"));
  }

  draw(others, polygon, colour) {
    this.polygon = polygon;
    const shapes = others.map((zone) => shape(zone.corners, `${zone.colour}${zone.enabled ? "" : " off"}`, zone));
    if (polygon?.corners.length) shapes.push(shape(polygon.corners, `${colour} in-hand`));
    this.shapes.replaceChildren(...shapes);
    this.labels.replaceChildren(...others.map(label));
    this.place.classList.toggle("editing", Boolean(polygon));
    this.drawCorners(polygon, colour);
  }

  // The buttons stay while their number does, so that a drag or the keyboard's place is not lost.
  drawCorners(polygon, colour) {
    const count = polygon?.corners.length ?? 0;
    const hadFocus = this.corners.contains(document.activeElement);
    while (this.corners.children.length > count) this.corners.lastChild.remove();
    while (this.corners.children.length < count) this.corners.append(this.corner(this.corners.children.length));
    [...this.corners.children].forEach((button, number) => {
      const [x, y] = polygon.corners[number];
      button.style.left = `${x * 100}%`;
      button.style.top = `${y * 100}%`;
      button.className = `corner ${colour}`;
      button.setAttribute("aria-pressed", String(polygon.chosen === number));
      button.setAttribute("aria-label", `Corner ${number + 1} of ${count}, ${Math.round(x * 100)} % from the left, ${Math.round(y * 100)} % from the top`);
    });
    if (hadFocus) this.focusChosen();
  }

  focusChosen() {
    const place = this.polygon?.chosen == null ? this.place : this.corners.children[this.polygon.chosen];
    if (place !== document.activeElement) place?.focus({ preventScroll: true });
  }

  corner(number) {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("focus", () => this.choose(number));
    button.addEventListener("keydown", (event) => this.pressed(event));
    button.addEventListener("pointerdown", (event) => this.grabbed(event, number));
    return button;
  }

  choose(number) {
    if (this.polygon.chosen === number) return;
    this.polygon.chosen = number;
    this.changed();
  }

  pressed(event) {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = event.shiftKey ? STEP * 10 : STEP;
      this.polygon.push(arrow[0] * step, arrow[1] * step);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.polygon.remove();
    } else return;
    event.preventDefault();
    this.changed();
  }

  // A drag is one step back; Escape cancels it.
  grabbed(event, number) {
    if (event.button !== 0) return;
    event.preventDefault();
    const button = event.currentTarget;
    const end = new AbortController();
    const options = { signal: end.signal };
    let moved = false;
    button.focus({ preventScroll: true });
    this.choose(number);
    button.setPointerCapture(event.pointerId);
    button.addEventListener("pointermove", (moving) => {
      if (!moved) this.polygon.remember();
      moved = true;
      this.polygon.move(number, this.point(moving));
      this.changed();
    }, options);
    for (const last of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(last, () => end.abort(), options);
    }
    const escape = (pressed) => {
      if (pressed.key !== "Escape") return;
      pressed.preventDefault();
      if (moved) this.polygon.undo();
      end.abort();
      this.changed();
    };
    document.addEventListener("keydown", escape, { ...options, capture: true });
  }

  clicked(event) {
    if (event.target.closest(".corner")) return;
    const picked = event.target.closest?.("[data-id]");
    if (picked && !this.polygon) {
      this.pick(picked.dataset.id);
      return;
    }
    const point = this.point(event);
    this.add(point, (edge) => this.pixels(point, edge) <= NEAR_PIXELS);
    this.focusChosen();
  }

  point(event) {
    const box = this.place.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  // How far a point is from an edge on the screen.
  pixels(point, edge) {
    const { width, height } = this.place.getBoundingClientRect();
    const scaled = ([x, y]) => [x * width, y * height];
    return distance(scaled(point), edge.map(scaled));
  }
}

function shape(corners, kind, zone) {
  const drawn = document.createElementNS(SVG, "polygon");
  drawn.setAttribute("points", corners.map((corner) => corner.join(",")).join(" "));
  drawn.setAttribute("class", `shape ${kind}`);
  drawn.setAttribute("vector-effect", "non-scaling-stroke");
  if (zone) drawn.dataset.id = zone.id;
  return drawn;
}

// The name of a zone, in the middle of its corners.
function label(zone) {
  const name = document.createElement("span");
  name.className = zone.colour;
  name.textContent = zone.name;
  const middle = (axis) => zone.corners.reduce((sum, corner) => sum + corner[axis], 0) / zone.corners.length;
  [name.style.left, name.style.top] = [`${middle(0) * 100}%`, `${middle(1) * 100}%`];
  return name;
}
