/** The texts of the page in the chosen language, or else in the browser's. */

const TAGS = { en: "en-GB", pt: "pt-BR" };
let texts = {};
let current = "en";

export function preferredLanguage() {
  const chosen = localStorage.getItem("language") ?? navigator.language;
  return chosen.toLowerCase().startsWith("pt") ? "pt" : "en";
}

export async function loadLanguage(code) {
  const answer = await fetch(`/static/i18n/${code}.json`);
  if (!answer.ok) throw new Error(`cannot load the texts in ${code}: ${answer.status}`);
  texts = await answer.json();
  current = code;
  document.documentElement.lang = code === "pt" ? "pt-BR" : "en";
}

export async function chooseLanguage(code) {
  await loadLanguage(code);
  localStorage.setItem("language", code);
}

export const language = () => current;
/** The language tag for Intl. */
export const languageTag = () => TAGS[current];
export const hasText = (key) => key in texts;

/** The text of ``key`` with ``{name}`` replaced; a missing text shows as its key. */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const sensorName = (column) => column[`name_${current}`] ?? column.sensor;
export const shortName = (column) => column[`short_name_${current}`];
export const componentName = (column) => column[`component_${current}`];
export const reasonText = (code) => (hasText(`reason.${code}`) ? t(`reason.${code}`) : code);
