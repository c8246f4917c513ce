// Calls of the REST API with the session cookie. Throws ApiError. Dispatches "signed-out" on the document after a 401.

// The path prefix of the site. This script is in `static/events/` below it.
export const BASE = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

export class ApiError extends Error {
  // `problem` is the body of the answer, if any: with `code`, and `errors` by field.
  constructor(status, text, problem = null) {
    super(text);
    this.status = status;
    this.problem = problem;
  }
}

function token() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

export async function ask(url, { method = "GET", body } = {}) {
  const headers = { Accept: "application/json" };
  const isForm = body instanceof FormData;
  if (method !== "GET") headers["X-CSRFToken"] = token();
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  let answer;
  try {
    const sent = body === undefined || isForm ? body : JSON.stringify(body);
    answer = await fetch(url, { method, headers, body: sent, credentials: "same-origin" });
  } catch {
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (answer.status === 401) document.dispatchEvent(new Event("signed-out"));
  if (answer.status === 204) return null;
  const data = await answer.json().catch(() => null);
  // The health report comes with 503 too, and is shown.
  if (!answer.ok && !(answer.status === 503 && data?.checks)) {
    throw new ApiError(answer.status, data?.detail || `The server answered ${answer.status}.`, data);
  }
  if (data === null) throw new ApiError(answer.status, "The server's answer could not be read.");
  return data;
}
