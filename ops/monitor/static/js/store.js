/** The data received so far: patients, tiles, pipeline, alarms. Views listen to it. */

// as the monitor numbers them; the last two are what the page makes of a tile's other fields
export const STATES = ["fresh", "silent", "out", "stale", "never", "unknown", "unmonitored"];
const [STALE, UNKNOWN, UNMONITORED] = [3, 5, 6];
// most urgent first
const NEED = [STALE, 2, 1, UNKNOWN, 0, 4, UNMONITORED];
const RANK = NEED.map((_, state) => NEED.indexOf(state));
export const STATES_BY_NEED = NEED.map((state) => STATES[state]);
export const ORDERS = ["name", "need"];
// a tile moves down no sooner than this after it moved up
const HELD_MS = 60_000;

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
  #lostAt = null;
  /** By index: the state that decides its place by need, and since when. */
  #held = [];
  #byName = [];
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
    this.#held = [];
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

  /** Since when (local epoch ms) nothing comes from the monitor; null while it does. */
  takeLost(lostAt) {
    if (this.#lostAt === lostAt) return;
    this.#lostAt = lostAt;
    this.#tell("ward");
  }

  /** The number of a patient's state in STATES. */
  state(index) {
    const tile = this.tiles[index];
    if (tile[8] === false) return UNMONITORED;
    return this.unknownSince(index) === null ? tile[1] : UNKNOWN;
  }

  /** Since when (epoch ms) nobody can say how the patient's data is; null if it is known. */
  unknownSince(index) {
    const since = this.tiles[index][7];
    return since ? Date.parse(since) : this.#lostAt;
  }

  /** Indices of all patients, by name or most urgent first; those not monitored come last. */
  order(by) {
    this.#sortNames();
    if (by === "name") return this.#byName;
    const now = Date.now();
    const places = new Map(this.#byName.map((index, place) => [index, place]));
    const ranks = new Map(this.#byName.map((index) => [index, this.#rank(index, now)]));
    return [...this.#byName].sort((one, other) => {
      const [a, b] = [ranks.get(one), ranks.get(other)];
      if (a !== b) return a - b;
      const isStale = a === RANK[STALE];
      return (isStale && this.tiles[one][2] - this.tiles[other][2]) || places.get(one) - places.get(other);
    });
  }

  #sortNames() {
    if (this.#isSorted) return;
    const { compare } = new Intl.Collator(document.documentElement.lang, { numeric: true });
    const named = (index) => this.patients[index].name ?? this.patients[index].id;
    const isLast = (index) => this.tiles[index][8] === false;
    this.#byName = [...this.indexOf.values()].sort((one, other) => (
      isLast(one) - isLast(other) || compare(named(one), named(other)) || one - other
    ));
    this.#isSorted = true;
  }

  // a state that improves keeps its place for a while, or a sensor that comes and goes makes tiles jump
  #rank(index, now) {
    const state = this.state(index);
    const held = this.#held[index];
    const isKept = held && RANK[held.state] < RANK[state] && now - held.since < HELD_MS && state !== UNMONITORED;
    if (held?.state !== state && !isKept) this.#held[index] = { state, since: now };
    return RANK[this.#held[index].state];
  }

  counts() {
    const counts = STATES.map(() => 0);
    for (const index of this.indexOf.values()) counts[this.state(index)] += 1;
    return counts;
  }

  #takePatients(patients) {
    for (const [index, id, name] of patients) {
      this.patients[index] = { index, id, name, search: folded(name ?? ""), foldedId: folded(id) };
      this.indexOf.set(id, index);
      this.tiles[index] ??= this.#never(index);
    }
    this.#isSorted = false;
  }

  #takeTiles(tiles) {
    for (const tile of tiles) {
      const before = this.tiles[tile[0]];
      // a tile that arrives before its patient's name waits in its place
      if (before?.[8] !== tile[8]) this.#isSorted = false;
      this.tiles[tile[0]] = tile;
    }
  }

  #never(index) {
    const nothing = this.columns.map(() => null);
    return [index, 4, null, nothing, nothing, 0, 0, null, true, []];
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
