// While there is no event, keep the explanation up to date: the server renders it again.

const MIN_INTERVAL_MS = 3000;

export class Empty {
  constructor() {
    this.pending = null;
  }

  get shown() {
    return document.getElementById("empty");
  }

  soon() {
    if (this.shown) this.pending ??= setTimeout(() => this.refresh().finally(() => (this.pending = null)), MIN_INTERVAL_MS);
  }

  async refresh() {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const element = page.getElementById("empty");
    if (element) this.shown?.replaceWith(document.importNode(element, true));
  }
}
