/** The strip chart of one sensor: its columns as lines, gaps as gaps, rejected readings as marks. */

import { line, makeChart } from "./chart.js";
import { el, setText, themeColor } from "./dom.js";
import { moment, number, plainNumber, time, unitText } from "./format.js";
import { componentName, reasonText, sensorName, t } from "./i18n.js";
import { rejectedMarks } from "./marks.js";
import { joinedGaps } from "./missing.js";
import { aligned } from "./series.js";
import { store } from "./store.js";

const HEIGHT = 150;
const MARGIN = 0.05;
const SYNC = "patient";

export function makeStrip(sensor) {
  const newest = el("span", { class: "strip-newest" });
  const tip = el("p", { class: "strip-tip", hidden: true });
  const plot = el("div", { class: "plot" });
  const summary = el("p", { class: "sr-only" });
  const node = el(
    "section",
    { class: "card strip", "data-sensor": sensor.code, "aria-label": sensorName(sensor) },
    el("h2", {}, sensorName(sensor), " ", el("small", {}, unitText(sensor.unit)), newest),
    plot, tip, summary,
  );
  const marks = rejectedMarks(tip, (mark) => markText(mark));
  let made = null;
  let isBucketed = null;

  function build(data, hasBuckets) {
    made?.destroy();
    plot.replaceChildren();
    isBucketed = hasBuckets;
    made = makeChart(plot, {
      series: linesOf(sensor, hasBuckets), height: HEIGHT, data,
      more: {
        bands: hasBuckets ? sensor.columns.map((_, place) => bandOf(place)) : undefined,
        hooks: marks.hooks,
        cursor: { sync: { key: SYNC } },
        scales: {
          x: { time: true, range: () => [made?.from ?? 0, made?.until ?? 1] },
          y: { range: (_, lowest, highest) => spanned(lowest, highest, sensor.chart_span) },
        },
      },
    });
  }

  return {
    node,
    update(answer) {
      const hasBuckets = answer.bucket_ms > 0;
      const own = answer.rejected.filter((reading) => sensor.columns.includes(reading.column));
      const gaps = joinedGaps(answer.gaps.filter((gap) => gap.sensor === sensor.code));
      marks.take(own);
      const data = dataOf(sensor, answer);
      if (isBucketed !== hasBuckets) build(data, hasBuckets);
      Object.assign(made, { from: answer.from, until: answer.until });
      made.chart.setData(data);
      const text = newestText(sensor, answer);
      setText(newest, text ?? "");
      setText(summary, t("patient.chart", {
        sensor: sensorName(sensor),
        from: moment(answer.from, store.now()),
        until: moment(answer.until, store.now()),
        newest: text ?? t("patient.noReadings"),
        rejected: number(own.length),
        gaps: number(gaps.length),
      }));
    },
    destroy: () => made?.destroy(),
  };
}

// noise of the last digit is no curve as high as the chart
function spanned(lowest, highest, least) {
  if (lowest === null) return [0, least];
  const half = Math.max((highest - lowest) * (0.5 + MARGIN), least / 2);
  const middle = (lowest + highest) / 2;
  return [middle - half, middle + half];
}

function linesOf(sensor, hasBuckets) {
  const format = (value) => number(value, sensor.decimals);
  return sensor.columns.flatMap((column, place) => {
    const label = sensor.columns.length > 1 ? componentName(store.columns[column]) : sensorName(sensor);
    const color = `series-${place + 1}`;
    const mean = line(label, color, format, { dash: [[], [7, 3], [2, 3]][place] });
    if (!hasBuckets) return [mean];
    const edge = (key) => line(`${label} ${key}`, color, format, { width: 0, class: "edge", points: { show: false } });
    return [mean, edge("min"), edge("max")];
  });
}

const bandOf = (place) => ({
  series: [3 * place + 3, 3 * place + 2],
  fill: () => themeColor(`band-${place + 1}`),
});

function dataOf(sensor, answer) {
  const hasBuckets = answer.bucket_ms > 0;
  const lines = sensor.columns.map((column) => {
    const found = answer.series.find((series) => series.column === column);
    const { t: times, v, min, max } = found ?? { t: [], v: [], min: [], max: [] };
    return { t: times, rows: hasBuckets ? [v, min, max] : [v] };
  });
  return aligned(lines, answer.bucket_ms || store.intervalMs);
}

function newestText(sensor, answer) {
  const values = sensor.columns.map((column) => {
    const found = answer.series.find((series) => series.column === column);
    return found?.v.length ? number(found.v.at(-1), sensor.decimals) : null;
  });
  return values.every((value) => value === null)
    ? null : values.map((value) => value ?? "–").join(values.length === 2 ? "/" : "  ");
}

function markText(mark) {
  const parts = { time: time(mark.t), value: plainNumber(mark.value), reason: reasonText(mark.reason) };
  return `✕ ${t("patient.mark", parts)}`;
}

