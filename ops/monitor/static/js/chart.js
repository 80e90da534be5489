/* global uPlot -- a classic script of index.html: the WebJar has no small file that is a module */

/** The common parts of all charts: axes, theme colours, size. */

import { themeColor } from "./dom.js";
import { plainNumber, time } from "./format.js";
import { onFrame } from "./frames.js";
import { t } from "./i18n.js";
import { isolated } from "./series.js";

const DAY_MS = 86_400_000;
const FONT = "12px sans-serif";

export function clockOf(stepMs) {
  if (stepMs >= DAY_MS) return "day";
  return stepMs >= 60_000 ? "minute" : "time";
}

function timeAxis() {
  return {
    ...axis(),
    space: 70,
    size: 30,
    values: (_, splits, __, ___, step) => splits.map((at) => time(at, clockOf(step))),
  };
}

function axis() {
  return {
    font: FONT,
    stroke: () => themeColor("muted"),
    grid: { stroke: () => themeColor("grid"), width: 1 },
    ticks: { stroke: () => themeColor("grid"), width: 1, size: 4 },
  };
}

/** A line; its colour is named by the theme. */
export function line(label, color, format, more = {}) {
  return {
    label,
    stroke: () => themeColor(color),
    width: 1.5,
    spanGaps: false,
    points: { show: true, size: 4, filter: (plot, which) => isolated(plot.data[which]) },
    value: (_, value) => (value === null || value === undefined ? "–" : format(value)),
    ...more,
  };
}

/** Makes a chart in ``host``; the uPlot object is also its property ``chart``, for the tests. */
export function makeChart(host, { series, height, data, more = {} }) {
  const options = {
    ms: 1,
    width: Math.max(200, host.clientWidth),
    height,
    padding: [8, 28, 0, 0],
    legend: { live: true },
    cursor: { y: false, drag: { x: false, y: false }, ...more.cursor },
    scales: { x: { time: true }, ...more.scales },
    axes: [timeAxis(), { ...axis(), size: 54, values: (_, splits) => splits.map((at) => plainNumber(at)) }],
    series: [{ label: t("column.time"), value: (_, at) => (at === null ? "–" : time(at, "moment")) }, ...series],
    bands: more.bands,
    hooks: more.hooks,
  };
  const chart = new uPlot(options, data, host);
  host.chart = chart;
  const fit = () => {
    const width = Math.max(200, host.clientWidth);
    if (width !== chart.width) chart.setSize({ width, height });
  };
  const observer = new ResizeObserver(() => onFrame(fit));
  observer.observe(host);
  return {
    chart,
    destroy() {
      observer.disconnect();
      chart.destroy();
    },
  };
}
