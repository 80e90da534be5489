/** Readings in uPlot's form: one common row of times, null where a gap begins. */

// a reading may be a little late without a gap
const TOLERANCE = 1.5;

/**
 * Aligned data of several lines. ``lines``: [{t: [ms], rows: [[values], ...]}], ``stepMs``: the
 * usual time between two points. In the result null is a gap and undefined is "another line's time".
 */
export function aligned(lines, stepMs) {
  const times = new Set();
  for (const line of lines) {
    line.t.forEach((at, place) => {
      times.add(at);
      if (place > 0 && isGap(line.t[place - 1], at, stepMs)) times.add(line.t[place - 1] + stepMs);
    });
  }
  const x = [...times].sort((one, other) => one - other);
  return [x, ...lines.flatMap((line) => columnsOf(line, x, stepMs))];
}

function isGap(before, after, stepMs) {
  return after - before > TOLERANCE * stepMs;
}

function columnsOf(line, x, stepMs) {
  const columns = line.rows.map(() => new Array(x.length));
  let next = 0;
  x.forEach((at, place) => {
    if (line.t[next] === at) {
      line.rows.forEach((row, which) => { columns[which][place] = row[next]; });
      next += 1;
      return;
    }
    const isWithin = next > 0 && next < line.t.length;
    const isMissing = isWithin && isGap(line.t[next - 1], line.t[next], stepMs);
    for (const column of columns) column[place] = isMissing ? null : undefined;
  });
  return columns;
}

/** Places of points without a neighbour to draw a line to: they need a dot to be visible. */
export function isolated(column) {
  const found = [];
  const neighbour = (place, step) => {
    let at = place + step;
    while (column[at] === undefined && at >= 0 && at < column.length) at += step;
    return column[at] ?? null;
  };
  for (let place = 0; place < column.length; place += 1) {
    const isPoint = column[place] !== null && column[place] !== undefined;
    if (isPoint && neighbour(place, -1) === null && neighbour(place, 1) === null) found.push(place);
  }
  return found;
}
