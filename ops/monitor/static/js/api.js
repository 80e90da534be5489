/** Requests to the monitor; 401 anywhere shows the form to sign in. */

export class LoginNeeded extends Error {}
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let onLoginNeeded = () => {};

export function whenLoginNeeded(callback) {
  onLoginNeeded = callback;
}

export async function getJson(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" }, cache: "no-store" });
  if (answer.status === 401) {
    onLoginNeeded();
    throw new LoginNeeded();
  }
  if (!answer.ok) throw new ApiError(answer.status, `${path.split("?")[0]}: ${answer.status}`);
  return answer.json();
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new ApiError(answer.status, `${path}: ${answer.status}`);
}

/** Throws an ApiError: 401 for an unknown secret, 429 after too many of them. */
export const login = (secret) => post("/api/login", { secret });

export const logout = () => post("/api/logout", {});
