// Calls to the REST API with the session's cookie. Throws ApiError; says "signed-out" once on the document.

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function token() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
}

export async function ask(url, { method = "GET", body } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["X-CSRFToken"] = token();
  }
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body && JSON.stringify(body), credentials: "same-origin" });
  } catch {
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (answer.status === 401) document.dispatchEvent(new Event("signed-out"));
  const data = await answer.json().catch(() => null);
  // Health answers 503 with a body that is still worth showing.
  if (!answer.ok && !(answer.status === 503 && data?.checks)) {
    throw new ApiError(answer.status, data?.detail || `The server answered ${answer.status}.`);
  }
  if (data === null) throw new ApiError(answer.status, "The server's answer could not be read.");
  return data;
}
