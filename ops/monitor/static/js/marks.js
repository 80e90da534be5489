/** Rejected readings in a chart: a cross at each one's place, its reason on hover. */

import { setText, themeColor } from "./dom.js";

const NEAR_PIXELS = 8;

/** Hooks and tooltip of one chart. ``tip``: the element that shows ``textOf(mark)``. */
export function rejectedMarks(tip, textOf) {
  let marks = [];
  return {
    take(rejected) {
      marks = rejected;
    },
    hooks: {
      draw: [(chart) => draw(chart, marks)],
      setCursor: [(chart) => point(chart, marks, tip, textOf)],
    },
  };
}

// at the edge if it is off the chart or has no value
function placeOf(chart, mark, isCanvas) {
  const { top, height } = isCanvas ? chart.bbox : { top: 0, height: chart.over.clientHeight };
  const radius = isCanvas ? 4 * devicePixelRatio : 4;
  const x = chart.valToPos(mark.t, "x", isCanvas);
  const wanted = mark.value === null ? Infinity : chart.valToPos(mark.value, "y", isCanvas);
  const bottom = top + height - radius;
  return [x, Number.isNaN(wanted) ? bottom : Math.min(bottom, Math.max(top + radius, wanted)), radius];
}

function isShown(chart, mark) {
  return mark.t >= chart.scales.x.min && mark.t <= chart.scales.x.max;
}

function draw(chart, marks) {
  const { ctx } = chart;
  const drawn = new Set();
  ctx.save();
  ctx.strokeStyle = themeColor("rejected");
  ctx.lineWidth = 1.6 * devicePixelRatio;
  ctx.beginPath();
  for (const mark of marks) {
    if (!isShown(chart, mark)) continue;
    const [x, y, radius] = placeOf(chart, mark, true);
    const place = `${Math.round(x)} ${Math.round(y)}`;
    if (drawn.has(place)) continue;
    drawn.add(place);
    ctx.moveTo(x - radius, y - radius);
    ctx.lineTo(x + radius, y + radius);
    ctx.moveTo(x - radius, y + radius);
    ctx.lineTo(x + radius, y - radius);
  }
  ctx.stroke();
  ctx.restore();
}

function point(chart, marks, tip, textOf) {
  const { left, top } = chart.cursor;
  let best = null;
  let least = NEAR_PIXELS;
  for (const mark of left < 0 ? [] : marks) {
    if (!isShown(chart, mark)) continue;
    const [x, y] = placeOf(chart, mark, false);
    const distance = Math.abs(x - left) + Math.abs(y - top) / 8;
    if (distance < least) [best, least] = [mark, distance];
  }
  tip.hidden = best === null;
  if (best !== null) setText(tip, textOf(best));
}
