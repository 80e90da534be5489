/** The charts of the pipeline's last half hour. */

import { line, makeChart } from "./chart.js";
import { el } from "./dom.js";
import { plainNumber } from "./format.js";
import { reasonText, t } from "./i18n.js";
import { aligned } from "./series.js";

const POINT_MS = 5000;
const HEIGHT = 170;
const COLORS = 6;
const DASHES = [[], [7, 3], [2, 3]];
const format = (value) => plainNumber(value, 1);

export function makeHistory() {
  const charts = [
    oneLine("accepted", "pipeline.acceptedChart", "figure.accepted", (history) => history.accepted),
    reasonLines(),
    oneLine("duration", "pipeline.durationChart", "pipeline.duration", (history) => history.duration_ms),
  ];
  return {
    nodes: charts.map((chart) => chart.node),
    update(history) {
      for (const chart of charts) chart.update(history);
    },
    destroy() {
      for (const chart of charts) chart.destroy();
    },
  };
}

function card(name, title) {
  const plot = el("div", { class: "plot", id: `chart-${name}` });
  return [plot, el("section", { class: "card" }, el("h2", {}, t(title)), plot)];
}

const yFromZero = { y: { range: (_, __, highest) => [0, Math.max(1, highest * 1.1)] } };

function oneLine(name, title, label, valuesOf) {
  const [plot, node] = card(name, title);
  let made = null;
  return {
    node,
    update(history) {
      const data = dataOf(history, [valuesOf(history)]);
      made ??= makeChart(plot, {
        series: [line(t(label), "series-1", format)], height: HEIGHT, data, more: { scales: yFromZero },
      });
      made.chart.setData(data);
    },
    destroy: () => made?.destroy(),
  };
}

function reasonLines() {
  const [plot, node] = card("quarantined", "pipeline.quarantinedChart");
  const nothing = el("p", { class: "nothing", hidden: true }, t("pipeline.noneQuarantined"));
  node.append(nothing);
  let made = null;
  let shown = "";
  return {
    node,
    update(history) {
      const reasons = Object.keys(history.quarantined).sort();
      nothing.hidden = reasons.length > 0;
      plot.hidden = reasons.length === 0;
      const data = dataOf(history, reasons.map((reason) => history.quarantined[reason]));
      if (shown !== reasons.join() && reasons.length > 0) {
        shown = reasons.join();
        made?.destroy();
        const series = reasons.map((reason, place) => line(
          reasonText(reason), `series-${(place % COLORS) + 1}`, format,
          { dash: DASHES[place % DASHES.length] },
        ));
        made = makeChart(plot, { series, height: HEIGHT, data, more: { scales: yFromZero } });
      }
      made?.chart.setData(data);
    },
    destroy: () => made?.destroy(),
  };
}

// unknown values are gaps: no micro-batch, or the monitor was not running
function dataOf({ t: times }, rows) {
  return aligned([{ t: times, rows }], POINT_MS);
}
