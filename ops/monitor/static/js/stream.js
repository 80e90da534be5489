/** The server-sent events, reopened whenever they end or fall silent. */

import { getJson, LoginNeeded } from "./api.js";
import { store } from "./store.js";

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 10_000;
// something arrives every second; a connection that died silently must be noticed too
const SILENCE_MS = 6000;
const KINDS = {
  ward: (data) => store.takeTiles(data),
  patients: (data) => store.takePatients(data),
  pipeline: (data) => store.takePipeline(data),
  alarms: (data) => store.takeAlarms(data),
};

export class Stream extends EventTarget {
  #source = null;
  #waiting = null;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer = 0;
  #lastHeard = 0;
  /** When the connection was lost, and when the next try is (local epoch ms); null while connected. */
  lostAt = null;
  retryAt = null;

  constructor() {
    super();
    setInterval(() => this.#watch(), 1000);
  }

  start() {
    this.#close();
    this.#lastHeard = Date.now();
    this.retryAt = null;
    const source = new EventSource("/api/stream");
    this.#source = source;
    this.#waiting = [];
    source.addEventListener("open", () => this.#load(source));
    source.addEventListener("error", () => this.#lose());
    for (const [kind, take] of Object.entries(KINDS)) {
      source.addEventListener(kind, (event) => this.#take(take, JSON.parse(event.data)));
    }
  }

  /** No requests until `start`, and nothing counts as lost. */
  stop() {
    this.#close();
    this.lostAt = null;
    this.dispatchEvent(new Event("change"));
  }

  #close() {
    clearTimeout(this.#retryTimer);
    this.#source?.close();
    this.#source = null;
  }

  // changes that arrive while the ward loads are newer than it, so they wait
  async #load(source) {
    try {
      const ward = await getJson("/api/ward");
      if (source !== this.#source) return;
      store.takeWard(ward);
    } catch (error) {
      if (source !== this.#source) return;
      if (!(error instanceof LoginNeeded)) this.#lose();
      return;
    }
    for (const work of this.#waiting) work();
    this.#waiting = null;
    this.#retryMs = FIRST_RETRY_MS;
    this.lostAt = null;
    this.dispatchEvent(new Event("change"));
  }

  #take(take, data) {
    this.#lastHeard = Date.now();
    if (this.#waiting) this.#waiting.push(() => take(data));
    else take(data);
  }

  #watch() {
    if (this.#source && Date.now() - this.#lastHeard > SILENCE_MS) this.#lose();
    if (this.lostAt !== null) this.dispatchEvent(new Event("change"));
  }

  // EventSource does not say why: a wrong token shows in an ordinary request
  #lose() {
    this.#close();
    this.lostAt ??= Date.now();
    this.retryAt = Date.now() + this.#retryMs;
    this.#retryTimer = setTimeout(() => this.#retry(), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
    this.dispatchEvent(new Event("change"));
  }

  async #retry() {
    try {
      await getJson("/api/ward");
    } catch (error) {
      if (!(error instanceof LoginNeeded)) this.#lose();
      return;
    }
    this.start();
  }

  /** Tries now instead of at the next try. */
  retryNow() {
    clearTimeout(this.#retryTimer);
    this.#retry();
  }
}

export const stream = new Stream();
