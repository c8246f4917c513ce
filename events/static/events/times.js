// Times in the time zone of the browser: relative in the text, complete in the title.

const STEPS = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86400, "hour", 3600],
  [7 * 86400, "day", 86400],
];
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "long" });
const briefly = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "narrow" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function relative(when, now, format) {
  const seconds = Math.round((now - when) / 1000);
  if (seconds < 0) return seconds > -120 ? "just now" : "in the future";
  if (seconds < 10) return "just now";
  for (const [below, unit, size] of STEPS) {
    if (seconds < below) return format.format(-Math.floor(seconds / size), unit);
  }
  return "";
}

function describe(when, now) {
  const sameDay = new Date(when).toDateString() === new Date(now).toDateString();
  const at = sameDay ? clock.format(when) : `${day.format(when)}, ${clock.format(when)}`;
  const before = relative(when, now, ago);
  return before ? `${before} · ${at}` : at;
}

function brief(when, now) {
  return relative(when, now, briefly) || day.format(when);
}

export function show(element, iso) {
  element.dateTime = iso ?? "";
  refresh(element);
}

function refresh(element, now = Date.now()) {
  const when = Date.parse(element.dateTime);
  const text = Number.isNaN(when) ? "" : element.hasAttribute("data-short") ? brief(when, now) : describe(when, now);
  if (element.textContent !== text) element.textContent = text;
  element.title = Number.isNaN(when) ? "" : full.format(when);
}

export function keepFresh(root) {
  const all = () => root.querySelectorAll("time").forEach((element) => refresh(element));
  all();
  setInterval(all, 15_000);
  document.addEventListener("visibilitychange", () => document.hidden || all());
}
