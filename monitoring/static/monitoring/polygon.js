// A polygon that is being drawn: its corners as [x, y] in 0 to 1, which one is chosen, and every step back.

const MOST_STEPS = 200;
const FIRST = [[0.3, 0.55], [0.7, 0.55], [0.7, 0.9], [0.3, 0.9]]; // for who has no pointer

export const clamp = (value) => Math.min(1, Math.max(0, value));
const round = (value) => Math.round(clamp(value) * 1e4) / 1e4;

export class Polygon {
  constructor(corners, { growing }) {
    this.corners = corners.map((corner) => [...corner]);
    this.growing = growing; // corners are added at its end, not into the nearest edge
    this.chosen = null;
    this.steps = [];
    this.pushed = null; // the corner that the last step pushed with arrow keys: pushes in a row are one step
  }

  get changed() {
    return this.steps.length > 0;
  }

  // To be called before a change.
  remember() {
    this.steps.push(JSON.stringify([this.corners, this.chosen]));
    if (this.steps.length > MOST_STEPS) this.steps.shift();
    this.pushed = null;
  }

  undo() {
    const step = this.steps.pop();
    if (step) [this.corners, this.chosen] = JSON.parse(step);
    this.pushed = null;
    return Boolean(step);
  }

  // `near(edge)` says whether the point is meant for that edge, of [start, end].
  add(point, near) {
    this.remember();
    const edge = this.edgeOf(point);
    const isLast = edge === this.corners.length - 1;
    const into = this.corners.length >= 3 && (this.growing ? !isLast && near(this.edge(edge)) : true);
    this.chosen = into ? edge + 1 : this.corners.length;
    this.corners.splice(this.chosen, 0, point.map(round));
  }

  // A corner without a pointer: in the middle of the edge behind the chosen one.
  addAfter() {
    this.remember();
    const count = this.corners.length;
    if (count < 3) {
      this.chosen = count;
      this.corners.push([...FIRST[count]]);
      return;
    }
    const edge = this.chosen ?? count - 1;
    const [[x, y], [u, v]] = this.edge(edge);
    this.chosen = edge + 1;
    this.corners.splice(this.chosen, 0, [round((x + u) / 2), round((y + v) / 2)]);
  }

  move(number, [x, y]) {
    this.corners[number] = [round(x), round(y)];
  }

  push(dx, dy) {
    if (this.pushed !== this.chosen) this.remember();
    const [x, y] = this.corners[this.chosen];
    this.move(this.chosen, [x + dx, y + dy]);
    this.pushed = this.chosen;
  }

  remove() {
    if (this.chosen === null) return;
    this.remember();
    this.corners.splice(this.chosen, 1);
    this.chosen = this.corners.length ? Math.min(this.chosen, this.corners.length - 1) : null;
  }

  edge(number) {
    return [this.corners[number], this.corners[(number + 1) % this.corners.length]];
  }

  // The number of the edge nearest to a point; -1 where there is none.
  edgeOf(point) {
    const distances = this.corners.map((_, number) => distance(point, this.edge(number)));
    return distances.indexOf(Math.min(...distances));
  }
}

export function distance([x, y], [[a, b], [c, d]]) {
  const length = (c - a) ** 2 + (d - b) ** 2;
  const along = length ? clamp(((x - a) * (c - a) + (y - b) * (d - b)) / length) : 0;
  return Math.hypot(x - a - along * (c - a), y - b - along * (d - b));
}
