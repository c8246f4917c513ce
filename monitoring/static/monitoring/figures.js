// Where news of a page come from. For now they are asked for; whatever brings them calls `show` or `fail`.

const EVERY = 5_000;

// `address` returns where to ask, or null while nothing is to be asked. Returns what asks at once.
export function follow(address, show, fail) {
  let timer;
  async function ask() {
    clearTimeout(timer);
    const place = document.hidden ? null : address();
    if (place) {
      try {
        const answer = await fetch(place, { headers: { Accept: "application/json" }, redirect: "error" });
        if (!answer.ok) throw new TypeError(`it answered ${answer.status}`);
        show(await answer.json());
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
        fail(error.message);
      }
    }
    timer = setTimeout(ask, EVERY);
  }
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  timer = setTimeout(ask, EVERY);
  return ask;
}
