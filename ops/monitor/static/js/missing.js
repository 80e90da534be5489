/** Lists below a patient's charts: gaps and rejected readings. */

import { el, table } from "./dom.js";
import { duration, moment, number, plainNumber, time } from "./format.js";
import { reasonText, t } from "./i18n.js";
import { componentCalled, sensorCalled } from "./names.js";
import { store } from "./store.js";

const LISTED = 200;

/** The monitor reports single windows; adjacent windows are shown as one gap. */
export function joinedGaps(gaps) {
  const open = new Map();
  const all = [];
  for (const gap of gaps.toSorted((one, other) => one.from - other.from)) {
    const before = open.get(gap.sensor);
    if (before?.until === gap.from) {
      before.until = gap.until;
      before.expected += gap.expected;
      before.received += gap.received;
    } else {
      open.set(gap.sensor, { ...gap });
      all.push(open.get(gap.sensor));
    }
  }
  return all;
}

export function gapList(answer) {
  const gaps = joinedGaps(answer.gaps);
  const heading = el("h2", {}, t("patient.gaps"));
  if (gaps.length === 0) return [heading, el("p", { class: "nothing" }, t("patient.noGaps"))];
  const newest = gaps.toSorted((one, other) => other.from - one.from).slice(0, LISTED);
  const headings = ["sensor", "from", "until", "duration", "expected", "received"].map((name) => t(`column.${name}`));
  const rows = newest.map((gap) => [
    sensorCalled(gap.sensor), moment(gap.from, store.now()), moment(gap.until, store.now()),
    duration(gap.until - gap.from), number(gap.expected), number(gap.received),
  ]);
  return [heading, table(t("patient.gaps"), headings, rows), more(newest.length, gaps.length)];
}

export function rejectedList({ rejected }) {
  const heading = el("h2", {}, t("patient.rejected"));
  if (rejected.length === 0) return [heading, el("p", { class: "nothing" }, t("patient.noRejected"))];
  const newest = rejected.toSorted((one, other) => other.t - one.t).slice(0, LISTED);
  const headings = ["time", "sensor", "component", "value", "reason"].map((name) => t(`column.${name}`));
  const rows = newest.map((reading) => [
    time(reading.t, "moment"), sensorCalled(reading.sensor), componentCalled(reading.component),
    plainNumber(reading.value), reasonText(reading.reason),
  ]);
  return [heading, table(t("patient.rejected"), headings, rows), more(newest.length, rejected.length)];
}

function more(shown, all) {
  return el("p", { class: "nothing", hidden: shown === all }, t("patient.more", { shown: number(shown), all: number(all) }));
}

