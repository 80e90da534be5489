/** The quarantine: reasons with counts, and the newest entries of one reason. */

import { getJson, LoginNeeded } from "./api.js";
import { el, setText, table } from "./dom.js";
import { moment, number, plainNumber } from "./format.js";
import { onFrame } from "./frames.js";
import { reasonText, t } from "./i18n.js";
import { componentCalled } from "./names.js";
import { patientHash } from "./router.js";
import { store } from "./store.js";

const REFRESH_MS = 5000;
const COLUMNS = ["time", "patient", "sensor", "component", "value", "unit", "detail", "place"];

export function showQuarantine(host, route) {
  const heading = el("h1", { tabindex: "-1" }, t("quarantine.title"));
  const trouble = el("p", { class: "trouble", role: "alert", hidden: true });
  const nothing = el("p", { class: "nothing", hidden: true }, t("quarantine.none"));
  const reasons = el("nav", { class: "reasons", "aria-label": t("quarantine.reasons") });
  const samples = el("section", { class: "card", id: "samples", hidden: true });
  host.append(heading, trouble, nothing, reasons, samples);
  let isEnded = false;
  let timer = 0;
  let newest = null;

  async function ask() {
    try {
      newest = await getJson("/api/quarantine");
      onFrame(show);
    } catch (error) {
      if (isEnded || error instanceof LoginNeeded) return;
      setText(trouble, t("error.request", { detail: error.message }));
      trouble.hidden = false;
    }
    if (!isEnded) timer = setTimeout(ask, REFRESH_MS);
  }

  function show() {
    if (isEnded) return;
    const answer = newest;
    trouble.hidden = true;
    // the monitor has just started and has read nothing yet
    if (!answer.reasons) return;
    const found = answer.reasons.filter((counted) => counted.count > 0);
    nothing.hidden = found.length > 0;
    samples.hidden = found.length === 0;
    const wanted = route.options.get("reason");
    const chosen = found.find((counted) => counted.reason === wanted) ?? found[0];
    fill(reasons, found.map((counted) => reasonLink(counted, counted === chosen, found)));
    if (chosen) fill(samples, sampleTable(chosen.reason, answer.samples[chosen.reason] ?? []));
  }

  ask();
  return {
    focus: () => heading.focus(),
    destroy() {
      isEnded = true;
      clearTimeout(timer);
    },
  };
}

// unchanged nodes stay, with their focus and selection
function fill(box, nodes) {
  const text = nodes.map((node) => node.textContent).join("\n");
  if (box.shownText === text) return;
  box.shownText = text;
  const focused = [...box.children].findIndex((child) => child.contains(document.activeElement));
  box.replaceChildren(...nodes);
  box.children[focused]?.focus({ preventScroll: true });
}

function reasonLink({ reason, count }, isChosen, all) {
  const most = Math.max(...all.map((counted) => counted.count));
  const link = el(
    "a",
    { href: `#/quarantine?reason=${encodeURIComponent(reason)}`, class: "reason", "data-reason": reason, "aria-current": isChosen ? "true" : null },
    el("span", {}, reasonText(reason)), el("code", {}, reason), el("strong", {}, number(count)),
  );
  link.style.setProperty("--share", `${Math.round((100 * count) / most)}%`);
  return link;
}

function sampleTable(reason, entries) {
  const title = t("quarantine.samples", { reason: reasonText(reason) });
  const heading = el("h2", {}, title);
  if (entries.length === 0) return [heading, el("p", { class: "nothing" }, t("quarantine.noSamples"))];
  const rows = entries.map((entry) => [
    moment(entry.at, store.now()), who(entry.patient), entry.sensor ?? "–",
    componentCalled(entry.component), plainNumber(entry.value), entry.unit ?? "–",
    entry.detail ?? "–", placeOf(entry),
  ]);
  return [heading, table(title, COLUMNS.map((column) => t(`column.${column}`)), rows)];
}

function who(id) {
  if (id === null || !store.indexOf.has(id)) return id ?? "–";
  const { name } = store.patients[store.indexOf.get(id)];
  return el("a", { href: patientHash(id) }, name ? `${name} · ${id}` : id);
}

function placeOf(entry) {
  const isReading = entry.series !== null && entry.series >= 0;
  return t(isReading ? "quarantine.placeReading" : "quarantine.place", entry);
}
