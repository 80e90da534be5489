/** Requests to the monitor; 401 anywhere asks for the token. */

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

/** True if the token was right. */
export async function login(token) {
  const answer = await fetch("/api/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.ok) return true;
  if (answer.status === 401) return false;
  throw new ApiError(answer.status, `/api/login: ${answer.status}`);
}
