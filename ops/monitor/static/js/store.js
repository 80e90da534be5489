/** The data received so far: patients, tiles, pipeline, alarms. Views listen to it. */

// most urgent first: stale, out of range, silent sensor, fresh, never seen
const NEED = [3, 2, 1, 0, 4];
const RANK = NEED.map((_, state) => NEED.indexOf(state));
export const STATES = ["fresh", "silent", "out", "stale", "never"];
export const STATES_BY_NEED = NEED.map((state) => STATES[state]);

class Store extends EventTarget {
  columns = [];
  sensors = [];
  windowMs = 10_000;
  intervalMs = 1000;
  patients = [];
  tiles = [];
  indexOf = new Map();
  pipeline = null;
  alarms = [];
  isLoaded = false;
  #offset = 0;
  #order = [];
  #isSorted = false;

  /** The monitor's clock: a wall screen's own may be wrong. */
  now() {
    return Date.now() + this.#offset;
  }

  takeWard(ward) {
    this.#takeTime(ward.now);
    this.windowMs = ward.window_ms;
    this.intervalMs = ward.interval_ms;
    this.columns = ward.columns;
    this.sensors = bySensor(ward.columns);
    this.patients = [];
    this.tiles = [];
    this.indexOf = new Map();
    this.#takePatients(ward.patients);
    this.#takeTiles(ward.tiles);
    this.isLoaded = true;
    this.#tell("ward");
  }

  takeTiles({ now, tiles }) {
    this.#takeTime(now);
    this.#takeTiles(tiles);
    this.#tell("ward");
  }

  takePatients({ patients }) {
    this.#takePatients(patients);
    this.#tell("ward");
  }

  takePipeline(pipeline) {
    if (!pipeline.now) return;
    this.#takeTime(pipeline.now);
    this.pipeline = pipeline;
    this.#tell("pipeline");
  }

  takeAlarms({ alarms }) {
    this.alarms = alarms;
    this.#tell("alarms");
  }

  /** Indices of all patients, most urgent first. */
  order() {
    if (!this.#isSorted) {
      this.#order.sort((one, other) => this.#compare(one, other));
      this.#isSorted = true;
    }
    return this.#order;
  }

  counts() {
    const counts = STATES.map(() => 0);
    for (const index of this.#order) counts[this.tiles[index][1]] += 1;
    return counts;
  }

  #compare(one, other) {
    const [a, b] = [this.tiles[one], this.tiles[other]];
    if (a[1] !== b[1]) return RANK[a[1]] - RANK[b[1]];
    if (a[1] === 3 && a[2] !== b[2]) return a[2] - b[2];
    const [id, otherId] = [this.patients[one].id, this.patients[other].id];
    return id < otherId ? -1 : Number(id > otherId);
  }

  #takePatients(patients) {
    for (const [index, id, name] of patients) {
      this.patients[index] = { index, id, name, search: folded(name ?? ""), foldedId: folded(id) };
      this.indexOf.set(id, index);
      this.tiles[index] ??= this.#never(index);
    }
    this.#order = [...this.indexOf.values()];
    this.#isSorted = false;
  }

  #takeTiles(tiles) {
    for (const tile of tiles) {
      const before = this.tiles[tile[0]];
      // a tile that arrives before its patient's name waits in its place
      if (!before || before[1] !== tile[1] || tile[1] === 3) this.#isSorted = false;
      this.tiles[tile[0]] = tile;
    }
  }

  #never(index) {
    const nothing = this.columns.map(() => null);
    return [index, 4, null, nothing, nothing, 0, 0];
  }

  // zero or missing: the monitor has not polled yet
  #takeTime(now) {
    if (now) this.#offset = now - Date.now();
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

/** Text without case and accents, for the filter. */
export function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** The columns of each sensor, in their order: pressure has two, movement three. */
function bySensor(columns) {
  const found = new Map();
  columns.forEach((column, index) => {
    if (!found.has(column.sensor)) found.set(column.sensor, { ...column, code: column.sensor, columns: [] });
    found.get(column.sensor).columns.push(index);
  });
  return [...found.values()];
}

export const store = new Store();
