/** Who is signed in, and which views that person may open. */

import { getJson } from "./api.js";

const OF_VIEWERS = ["ward", "patient"];
const OF_ENGINEERS = [...OF_VIEWERS, "pipeline", "quarantine"];

export const person = { name: null, role: null };

/** Asks the monitor; throws as ``getJson``. */
export async function loadPerson() {
  Object.assign(person, await getJson("/api/me"));
}

export function forgetPerson() {
  Object.assign(person, { name: null, role: null });
}

export const mayOpen = (view) => (person.role === "engineer" ? OF_ENGINEERS : OF_VIEWERS).includes(view);
