/** One patient: strip charts of all sensors, gaps, rejected readings; live while the period ends now. */

import { ApiError, getJson, LoginNeeded } from "./api.js";
import { el, icon, setClass, setIcon, setText } from "./dom.js";
import { duration, moment, years } from "./format.js";
import { onFrame } from "./frames.js";
import { t } from "./i18n.js";
import { gapList, rejectedList } from "./missing.js";
import { stateName, stateText } from "./state.js";
import { store } from "./store.js";
import { patientHash } from "./router.js";
import { makeStrip } from "./strip.js";
import { rememberPatient } from "./ward.js";

const MINUTE_MS = 60_000;
export const RANGES = {
  "5min": 5 * MINUTE_MS, "1h": 60 * MINUTE_MS, "6h": 360 * MINUTE_MS, "1d": 1440 * MINUTE_MS, "7d": 10_080 * MINUTE_MS,
};
// only the shortest period loads new readings at once; longer ones hardly change
const LEAST_WAIT_MS = { "5min": 1000, "1h": 5000, "6h": 15_000, "1d": 30_000, "7d": 60_000 };
const RETRY_MS = 3000;

export function showPatient(host, route) {
  const id = route.subject;
  const range = route.options.get("range") in RANGES ? route.options.get("range") : "5min";
  const chosenUntil = Number(route.options.get("until")) || null;
  const head = makeHead(id, range, chosenUntil);
  const trouble = el("p", { class: "trouble", role: "alert", hidden: true });
  const strips = store.sensors.map(makeStrip);
  const gaps = el("section", { class: "card", id: "gaps" });
  const rejected = el("section", { class: "card", id: "rejected" });
  host.append(
    head.node, trouble,
    el("div", { class: "strips" }, ...strips.map((strip) => strip.node)),
    el("div", { class: "two" }, gaps, rejected),
  );
  rememberPatient(id);
  let isEnded = false;
  let isAsking = false;
  let askedAt = 0;
  let timer = 0;
  let newest = null;

  async function ask() {
    if (isAsking || isEnded) return;
    isAsking = true;
    askedAt = Date.now();
    const until = Math.round(chosenUntil ?? store.now());
    let wait = MINUTE_MS;
    try {
      const path = `/api/patient/${encodeURIComponent(id)}?from=${until - RANGES[range]}&until=${until}`;
      const answer = await getJson(path);
      newest = answer;
      onFrame(show);
    } catch (error) {
      if (isEnded || error instanceof LoginNeeded) return;
      const isUnknown = error instanceof ApiError && error.status === 404;
      setText(trouble, isUnknown ? t("patient.unknown", { id }) : t("error.request", { detail: error.message }));
      trouble.hidden = false;
      markCards(newest ? t("card.old", { until: moment(newest.until, store.now()) }) : t("card.failed"));
      wait = RETRY_MS;
    } finally {
      isAsking = false;
    }
    again(wait);
  }

  function again(wait) {
    clearTimeout(timer);
    if (!isEnded) timer = setTimeout(ask, wait);
  }

  // a card that shows nothing, or nothing new, must not look like a patient without readings
  function markCards(text) {
    for (const card of host.querySelectorAll(".card")) {
      const note = card.querySelector(".card-trouble") ?? el("p", { class: "trouble card-trouble" });
      if (!note.isConnected) card.append(note);
      setText(note, text);
      note.hidden = !text;
    }
  }

  // a page in the background draws nothing and keeps only the newest answer
  function show() {
    if (isEnded) return;
    const answer = newest;
    trouble.hidden = true;
    markCards("");
    head.update(answer);
    for (const strip of strips) strip.update(answer);
    gaps.replaceChildren(...gapList(answer));
    rejected.replaceChildren(...rejectedList(answer));
  }

  // the patient's tile shows when there is something new
  let lastSeen = null;
  function onWard() {
    head.updateState();
    const last = store.tiles[store.indexOf.get(id)]?.[2] ?? null;
    if (chosenUntil !== null || last === lastSeen) return;
    lastSeen = last;
    again(Math.max(0, LEAST_WAIT_MS[range] - (Date.now() - askedAt)));
  }

  const later = () => onFrame(onWard);
  store.addEventListener("ward", later);
  head.updateState();
  ask();
  return {
    focus: () => head.focus(),
    destroy() {
      isEnded = true;
      clearTimeout(timer);
      store.removeEventListener("ward", later);
      for (const strip of strips) strip.destroy();
    },
  };
}

function makeHead(id, range, chosenUntil) {
  const title = el("h1", { tabindex: "-1" });
  const about = el("span", { class: "about" });
  const stateIcon = icon("never");
  const stateWord = el("span");
  const state = el("span", { class: "state-box" }, el("span", { class: "state" }, stateIcon, stateWord));
  const shown = el("span", { class: "shown" });
  const isLive = chosenUntil === null;
  const node = el(
    "div", { class: "patient-head" },
    el("a", { href: "#/ward", class: "back" }, `‹ ${t("patient.back")}`),
    el("div", { class: "who" }, title, about, state),
    el("nav", { class: "ranges", "aria-label": t("patient.range") },
      ...Object.keys(RANGES).map((name) => el("a", {
        href: hashOf(id, name, chosenUntil), class: "range", "data-range": name,
        "aria-current": name === range ? "true" : null,
      }, t(`range.${name}`))),
      el("a", { href: hashOf(id, range, (chosenUntil ?? store.now()) - RANGES[range] / 2), class: "range" }, `‹ ${t("patient.earlier")}`),
      isLive ? null : el("a", { href: laterHash(id, range, chosenUntil), class: "range" }, `${t("patient.later")} ›`),
      isLive ? null : el("a", { href: hashOf(id, range, null), class: "range" }, t("patient.now")),
      shown),
  );
  function updateState() {
    const index = store.indexOf.get(id);
    const patient = store.patients[index];
    setText(title, patient?.name ? `${patient.name} · ${id}` : id);
    state.hidden = !patient;
    if (!patient) return;
    const name = stateName(index);
    setClass(state, `state-box is-${name}`);
    setIcon(stateIcon, name);
    setText(stateWord, stateText(index));
  }
  return {
    node,
    updateState,
    focus: () => title.focus(),
    update(answer) {
      setText(title, answer.name ? `${answer.name} · ${id}` : id);
      const facts = [
        answer.born ? t("patient.age", { years: years(answer.born, store.now()) }) : null,
        answer.sex ? t(`patient.sex.${answer.sex}`) : null,
      ];
      setText(about, facts.filter(Boolean).join(", "));
      const kind = answer.bucket_ms
        ? t("patient.buckets", { length: duration(answer.bucket_ms) }) : t("patient.each");
      const until = moment(answer.until, store.now());
      setText(shown, `${t(isLive ? "patient.live" : "patient.past")}: ${moment(answer.from, store.now())} – ${until}. ${kind}`);
    },
  };
}

function hashOf(id, range, until) {
  return patientHash(id, `?range=${range}${until === null ? "" : `&until=${Math.round(until)}`}`);
}

function laterHash(id, range, chosenUntil) {
  const until = chosenUntil + RANGES[range] / 2;
  return hashOf(id, range, until >= store.now() ? null : until);
}
