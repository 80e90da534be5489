/** A patient's tile: name, freshness, the newest value of each sensor. */

import { el, icon, setClass, setIcon, setText } from "./dom.js";
import { ago, number, unitText } from "./format.js";
import { sensorName, shortName, t } from "./i18n.js";
import { patientHash } from "./router.js";
import { stateName, stateText } from "./state.js";
import { store } from "./store.js";

const WIDE_FROM = 3;
const isWide = (sensor) => sensor.columns.length >= WIDE_FROM;

/** The sensors in the tile's order: two per row, then those with a row of their own. */
const tileSensors = () => [
  ...store.sensors.filter((sensor) => !isWide(sensor)), ...store.sensors.filter(isWide),
];

/** How many rows of values a tile has. */
export function tileRows() {
  const wide = store.sensors.filter(isWide).length;
  return wide + Math.ceil((store.sensors.length - wide) / 2);
}

/** Makes an empty tile; ``update(index)`` fills it with a patient, repeatedly. */
export function makeTile() {
  const stateIcon = icon("never");
  const parts = {
    name: el("span", { class: "tile-name" }),
    id: el("span", { class: "tile-id" }),
    word: el("span", { class: "tile-word" }),
    age: el("span", { class: "tile-age" }),
    vitals: tileSensors().map(makeVital),
  };
  const link = el(
    "a",
    { class: "tile-link" },
    el("span", { class: "tile-head" }, parts.name, parts.id),
    el("span", { class: "tile-state" }, el("span", { class: "state" }, stateIcon, parts.word), parts.age),
    el("span", { class: "vitals" }, ...parts.vitals.map((vital) => vital.node)),
  );
  const node = el("div", { class: "tile", role: "listitem" }, link);
  return { node, link, update: (index) => update({ node, link, stateIcon, ...parts }, index) };
}

function makeVital(sensor) {
  const flagIcon = icon("silent");
  const flagWord = el("span", { class: "sr-only" });
  const value = el("span", { class: "value" });
  const flag = el("span", { class: "flag", hidden: true }, flagIcon, flagWord);
  const node = el(
    "span",
    { class: vitalClass(sensor), "data-sensor": sensor.code },
    el("abbr", { class: "label", title: sensorName(sensor) }, shortName(sensor)),
    value,
    el("span", { class: "unit" }, unitText(sensor.unit)),
    flag,
  );
  return { node, sensor, value, flag, flagIcon, flagWord };
}

function vitalClass(sensor, flag = "") {
  return `vital${isWide(sensor) ? " is-wide" : ""}${flag ? ` is-${flag}` : ""}`;
}

function update(parts, index) {
  const patient = store.patients[index];
  const [, , last, values, , silent, out] = store.tiles[index];
  const name = stateName(index);
  const href = patientHash(patient.id);
  if (parts.link.getAttribute("href") !== href) parts.link.setAttribute("href", href);
  setText(parts.name, patient.name ?? patient.id);
  setText(parts.id, patient.name === null ? "" : patient.id);
  setClass(parts.node, `tile is-${name}`);
  parts.node.dataset.patient = patient.id;
  parts.node.dataset.state = name;
  setIcon(parts.stateIcon, name);
  setText(parts.word, stateText(index));
  if (parts.word.title !== parts.word.textContent) parts.word.title = parts.word.textContent;
  setText(parts.age, last === null ? "" : ago(last, store.now()));
  const isJudged = name !== "unknown" && name !== "unmonitored";
  for (const vital of parts.vitals) updateVital(vital, values, isJudged && silent, isJudged && out);
}

function updateVital(vital, values, silent, out) {
  const { columns, decimals } = vital.sensor;
  const texts = columns.map((column) => number(values[column], decimals));
  setText(vital.value, texts.join(columns.length === 2 ? "/" : "  "));
  const mask = columns.reduce((bits, column) => bits | (1 << column), 0);
  // a sensor with only rejected readings is silent too: the rejection says more
  const flag = (out & mask && "out") || (silent & mask && "silent") || "";
  setClass(vital.node, vitalClass(vital.sensor, flag));
  if (vital.flag.hidden !== !flag) vital.flag.hidden = !flag;
  if (!flag) return;
  setIcon(vital.flagIcon, flag);
  setText(vital.flagWord, t(`flag.${flag}`));
}
