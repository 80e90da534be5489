/** The address after ``#``: #/ward, #/patient/ID?range=1h, #/pipeline, #/quarantine. */

export function currentRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  return {
    view: view || "ward",
    subject: decoded(rest.join("/")),
    options: new URLSearchParams(query ?? ""),
  };
}

export const patientHash = (id, options = "") => `#/patient/${encodeURIComponent(id)}${options}`;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
