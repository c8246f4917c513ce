// While there is no event, what the page says instead keeps up with what happens: the server says it anew.

const AT_MOST_EVERY = 3000;

export class Empty {
  constructor() {
    this.asking = null;
  }

  get shown() {
    return document.getElementById("empty");
  }

  soon() {
    if (this.shown) this.asking ??= setTimeout(() => this.refresh().finally(() => (this.asking = null)), AT_MOST_EVERY);
  }

  async refresh() {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const said = page.getElementById("empty");
    if (said) this.shown?.replaceWith(document.importNode(said, true));
  }
}
