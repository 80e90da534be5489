/** A grid with only its visible tiles in the DOM, so that 10,000 tiles cost as much as 50. */

import { onFrame } from "./frames.js";

const SPARE_ROWS = 2;

export class WindowedGrid {
  #items = [];
  #tiles = new Map();
  #pool = [];
  #columns = 1;
  #focused = null;
  #draw = () => this.#render();

  /** ``makeTile()`` gives ``{node, link, update(item)}``; items are compared by identity. */
  constructor(host, { tileHeight, leastWidth, gap, makeTile }) {
    this.host = host;
    this.options = { tileHeight, leastWidth, gap };
    this.makeTile = makeTile;
    this.observer = new ResizeObserver(() => onFrame(this.#draw));
    this.observer.observe(host);
    addEventListener("scroll", this, { passive: true });
    addEventListener("resize", this);
    host.addEventListener("keydown", this);
    host.addEventListener("focusin", this);
  }

  destroy() {
    this.observer.disconnect();
    removeEventListener("scroll", this);
    removeEventListener("resize", this);
  }

  handleEvent(event) {
    if (event.type === "keydown") this.#move(event);
    else if (event.type === "focusin") this.#noteFocus(event.target);
    else onFrame(this.#draw);
  }

  /** ``isAsked``: a person wants another selection or order, so that tiles may move below the pointer. */
  setItems(items, { isAsked = false } = {}) {
    this.#items = isAsked ? items : this.#pinned(items);
    if (!this.#items.includes(this.#focused)) this.#focused = this.#items[0] ?? null;
    onFrame(this.#draw);
  }

  // who points at a tile, or has it in focus, finds it in the same place
  #pinned(items) {
    let kept = items;
    for (const [item, tile] of this.#tiles) {
      if (!tile.node.matches(":hover, :focus-within")) continue;
      const place = this.#items.indexOf(item);
      if (place < 0 || kept[place] === item) continue;
      const others = kept.filter((other) => other !== item);
      kept = others.toSpliced(Math.min(place, others.length), 0, item);
    }
    return kept;
  }

  /** Brings an item into view and focuses it; does nothing if it is not in the grid. */
  focus(item) {
    const place = this.#items.indexOf(item);
    if (place < 0) return;
    this.#focused = item;
    this.#measure();
    this.#scrollTo(place);
    this.#render();
    this.#tiles.get(item).link.focus({ preventScroll: true });
  }

  #measure() {
    const { leastWidth, gap, tileHeight } = this.options;
    const width = this.host.clientWidth;
    this.#columns = Math.max(1, Math.floor((width + gap) / (leastWidth + gap)));
    this.tileWidth = Math.floor((width - gap * (this.#columns - 1)) / this.#columns);
    const rows = Math.ceil(this.#items.length / this.#columns);
    this.host.style.height = `${Math.max(0, rows * (tileHeight + gap) - gap)}px`;
  }

  #render() {
    if (!this.host.isConnected) return;
    this.#measure();
    const { tileHeight, gap } = this.options;
    const pitch = tileHeight + gap;
    const top = -this.host.getBoundingClientRect().top;
    const firstRow = Math.max(0, Math.floor(top / pitch) - SPARE_ROWS);
    const lastRow = Math.ceil((top + innerHeight) / pitch) + SPARE_ROWS;
    const first = firstRow * this.#columns;
    const places = new Map();
    this.#items.slice(first, Math.max(first, lastRow * this.#columns))
      .forEach((item, offset) => places.set(item, first + offset));
    // the focused tile stays even out of view, or the keyboard would lose its place
    if (this.#focused !== null && this.host.contains(document.activeElement)) {
      const place = this.#items.indexOf(this.#focused);
      if (place >= 0) places.set(this.#focused, place);
    }
    this.#release(places);
    for (const [item, place] of places) this.#place(item, place, pitch);
  }

  #release(places) {
    for (const [item, tile] of this.#tiles) {
      if (places.has(item)) continue;
      this.#tiles.delete(item);
      tile.node.remove();
      this.#pool.push(tile);
    }
  }

  #place(item, place, pitch) {
    let tile = this.#tiles.get(item);
    if (!tile) {
      tile = this.#pool.pop() ?? this.makeTile();
      this.#tiles.set(item, tile);
      this.host.append(tile.node);
    }
    const x = (place % this.#columns) * (this.tileWidth + this.options.gap);
    const y = Math.floor(place / this.#columns) * pitch;
    tile.node.style.transform = `translate(${x}px, ${y}px)`;
    tile.node.style.width = `${this.tileWidth}px`;
    tile.node.setAttribute("aria-posinset", place + 1);
    tile.node.setAttribute("aria-setsize", this.#items.length);
    tile.link.tabIndex = item === this.#focused ? 0 : -1;
    tile.item = item;
    tile.update(item);
  }

  #noteFocus(target) {
    for (const [item, tile] of this.#tiles) {
      if (tile.link === target) this.#focused = item;
    }
    onFrame(this.#draw);
  }

  #move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const place = this.#items.indexOf(this.#focused);
    const page = this.#columns * Math.max(1, Math.floor(innerHeight / this.options.tileHeight) - 1);
    const target = {
      ArrowRight: place + 1,
      ArrowLeft: place - 1,
      ArrowDown: place + this.#columns,
      ArrowUp: place - this.#columns,
      PageDown: place + page,
      PageUp: place - page,
      Home: 0,
      End: this.#items.length - 1,
    }[event.key];
    if (target === undefined || place < 0) return;
    event.preventDefault();
    this.focus(this.#items[Math.min(this.#items.length - 1, Math.max(0, target))]);
  }

  #scrollTo(place) {
    const { tileHeight, gap } = this.options;
    const covered = document.getElementById("top").getBoundingClientRect().bottom;
    const top = this.host.getBoundingClientRect().top
      + Math.floor(place / this.#columns) * (tileHeight + gap);
    if (top < Math.max(0, covered) + gap) {
      scrollBy(0, top - Math.max(0, covered) - gap);
      return;
    }
    const bottom = document.getElementById("notices").getBoundingClientRect().top;
    if (top + tileHeight + gap > bottom) scrollBy(0, top + tileHeight + gap - bottom);
  }
}
