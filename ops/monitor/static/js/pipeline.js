/** The pipeline: what is up, how fast, how far behind, what went wrong. */

import { el, icon, setClass, setIcon, setText, table } from "./dom.js";
import { ago, moment, number, percent, time } from "./format.js";
import { onFrame } from "./frames.js";
import { makeHistory } from "./history.js";
import { t } from "./i18n.js";
import { alarmSentence } from "./sentence.js";
import { store } from "./store.js";

export function showPipeline(host) {
  const heading = el("h1", { tabindex: "-1" }, t("pipeline.title"));
  const waiting = el("p", { class: "nothing" }, t("pipeline.waiting"));
  const parts = ["database", "broker", "consumer"].map(makePart);
  const figures = FIGURES.map(makeFigure);
  const history = makeHistory();
  const boxes = Object.fromEntries(Object.keys(LISTS).map((name) => [name, makeBox(name)]));
  const all = el(
    "div", { hidden: true },
    el("div", { class: "parts" }, ...parts.map((part) => part.node)),
    el("div", { class: "figures" }, ...figures.map((figure) => figure.node)),
    el("div", { class: "two" }, boxes.producers.node, boxes.partitions.node),
    el("div", { class: "three" }, ...history.nodes),
    el("div", { class: "two" }, boxes.alarms.node, boxes.errors.node),
  );
  host.append(heading, waiting, all);

  function draw() {
    const { pipeline } = store;
    if (!pipeline) return;
    waiting.hidden = true;
    all.hidden = false;
    for (const part of parts) part.update(pipeline);
    for (const figure of figures) figure.update(pipeline);
    history.update(pipeline.history);
    for (const box of Object.values(boxes)) box.update(pipeline);
  }

  const later = () => onFrame(draw);
  store.addEventListener("pipeline", later);
  store.addEventListener("alarms", later);
  draw();
  return {
    focus: () => heading.focus(),
    destroy() {
      store.removeEventListener("pipeline", later);
      store.removeEventListener("alarms", later);
      history.destroy();
    },
  };
}

function stateOf(isUp) {
  return [isUp ? "ok" : "away", t(isUp ? "part.up" : "part.down")];
}

function makePart(name) {
  const shape = icon("away");
  const word = el("span");
  const node = el("div", { class: "part", id: `part-${name}` }, shape, el("strong", {}, t(`part.${name}`)), word);
  return {
    node,
    update(pipeline) {
      const [state, text] = stateOf(pipeline[name]);
      setClass(node, `part is-${state}`);
      setIcon(shape, state);
      setText(word, text);
    },
  };
}

const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
// while nobody answers, an old figure or a sum of nothing would look like today's
const known = (isAnswering, value) => number(isAnswering ? value : null);
const rate = (value, knownMs) =>
  value === null ? t("tile.unknown", { since: time(knownMs, "minute") }) : number(value);
const FIGURES = [
  ["in", "figure.perSecond", (it) => rate(it.readings_in_per_second, it.readings_in_known_ms)],
  ["committed", "figure.perSecond", (it) => rate(it.readings_committed_per_second, it.readings_committed_known_ms)],
  ["freshness", "figure.freshnessHelp", (it) => (it.freshness_ms === null ? "–" : `${number(it.freshness_ms / 1000, 1)} s`)],
  ["lag", "figure.lagHelp", (it) => known(it.broker && it.database, sum(it.lag.map((partition) => partition.lag)))],
  ["outbox", "figure.outboxHelp", (it) => number(it.outbox_files)],
  ...["accepted", "quarantined", "unmapped", "messages", "repeated", "refused"]
    .map((name) => [name, "figure.total", (it) => known(it.database, it.totals[name])]),
];

function makeFigure([name, help, textOf]) {
  const value = el("span", { class: "figure-value" });
  const node = el("div", { class: "figure", id: `figure-${name}` },
    el("span", { class: "figure-name" }, t(`figure.${name}`)), value, el("span", { class: "figure-help" }, t(help)));
  return { node, update: (pipeline) => setText(value, textOf(pipeline)) };
}

// title, text if empty, headings, rows, whose answer it needs
const LISTS = {
  producers: ["pipeline.producers", "pipeline.noProducers",
    ["producer", "state", "shards", "patients", "share", "outbox", "rate"],
    (it) => it.producers.map((producer) => [
      producer.id, word(producer.up), number(producer.shards), number(producer.patients), bar(producer.share, percent(producer.share)),
      number(producer.outbox), number(producer.readings_per_second),
    ])],
  partitions: ["pipeline.partitions", "pipeline.noPartitions",
    ["partition", "committed", "end", "lag"],
    (it) => it.lag.map((partition) => [
      String(partition.partition), number(partition.committed), number(partition.end), number(partition.lag),
    ]), ["broker", "database"]],
  alarms: ["pipeline.alarms", "pipeline.noAlarms", ["alarm", "since", "cleared"],
    () => store.alarms.map((alarm) => [
      alarmSentence(alarm), moment(alarm.since, store.now()),
      alarm.cleared === null ? t("alarm.active") : moment(alarm.cleared, store.now()),
    ])],
  errors: ["pipeline.errors", "pipeline.noErrors", ["time", "where", "what"],
    (it) => it.errors.map((error) => [
      `${moment(error.at, store.now())} (${ago(error.at, store.now())})`, error.where, error.what,
    ])],
};

function word(isUp) {
  const [state, text] = stateOf(isUp);
  return el("span", { class: `is-${state} state` }, icon(state), text);
}

function bar(share, text) {
  const node = el("span", { class: "bar" }, el("span", { class: "bar-text" }, text));
  node.style.setProperty("--share", `${Math.round(100 * (share ?? 0))}%`);
  return node;
}

function makeBox(name) {
  const [title, nothing, headings, rowsOf, needed = []] = LISTS[name];
  const body = el("div");
  const node = el("section", { class: "card", id: `list-${name}` }, el("h2", {}, t(title)), body);
  let shown = null;
  return {
    node,
    // a table is rebuilt only if its text changed, so that a selection in it stays
    update(pipeline) {
      const away = needed.find((part) => !pipeline[part]);
      const rows = away ? [] : rowsOf(pipeline);
      const made = rows.length
        ? table(t(title), headings.map((heading) => t(`column.${heading}`)), rows)
        : el("p", { class: away ? "trouble" : "nothing" }, away ? t("card.away", { part: t(`part.${away}`) }) : t(nothing));
      if (made.textContent === shown) return;
      shown = made.textContent;
      const { scrollLeft = 0 } = body.firstChild ?? {};
      const hadFocus = body.contains(document.activeElement);
      body.replaceChildren(made);
      made.scrollLeft = scrollLeft;
      if (hadFocus) made.focus({ preventScroll: true });
    },
  };
}
