/** The ward: all patients as tiles, by name or most urgent first. */

import { el, icon, setText } from "./dom.js";
import { number } from "./format.js";
import { onFrame } from "./frames.js";
import { WindowedGrid } from "./grid.js";
import { t } from "./i18n.js";
import { ORDERS, STATES, STATES_BY_NEED, folded, store } from "./store.js";
import { makeTile, tileRows } from "./tile.js";

const HEAD_HEIGHT = 66;
const ROW_HEIGHT = 24;

// the choice stays while other views are shown
const chosen = { text: "", states: new Set(), patient: null, order: localStorage.getItem("order") ?? "name" };

export function showWard(host) {
  const count = el("p", { class: "count", "aria-live": "polite" });
  const nothing = el("p", { class: "nothing", hidden: true });
  const list = el("div", { class: "grid", role: "list", "aria-label": t("ward.list") });
  const search = el("input", {
    type: "search", id: "filter", class: "filter", placeholder: t("ward.filter"),
    "aria-label": t("ward.filter"), autocomplete: "off", spellcheck: "false",
  });
  search.value = chosen.text;
  const drawAsked = () => draw({ isAsked: true });
  const chips = stateChips(() => onFrame(drawAsked));
  const order = orderChoice(() => onFrame(drawAsked));
  host.append(
    el("h1", { tabindex: "-1", class: "sr-only" }, t("ward.title")),
    el("div", { class: "ward-bar" }, search, order, chips.node, count),
    el("p", { class: "sr-only" }, t("ward.keys")),
    nothing,
    list,
  );
  const tileHeight = HEAD_HEIGHT + ROW_HEIGHT * tileRows();
  list.style.setProperty("--tile-height", `${tileHeight}px`);
  const grid = new WindowedGrid(list, { tileHeight, leastWidth: 296, gap: 10, makeTile });
  search.addEventListener("input", () => {
    chosen.text = search.value;
    onFrame(drawAsked);
  });
  list.addEventListener("focusin", (event) => {
    chosen.patient = event.target.closest(".tile")?.dataset.patient ?? null;
  });

  function draw({ isAsked = false } = {}) {
    const items = visible();
    grid.setItems(items, { isAsked });
    chips.update();
    const all = store.indexOf.size;
    setText(count, t("ward.shown", { shown: number(items.length), all: number(all) }));
    nothing.hidden = items.length > 0;
    setText(nothing, t(all === 0 ? "ward.empty" : "ward.none"));
  }

  const drawNews = () => draw();
  const later = () => onFrame(drawNews);
  store.addEventListener("ward", later);
  const ages = setInterval(later, 1000);
  drawAsked();
  return {
    /** After a patient's view, the focus returns to where it was. */
    focus() {
      if (chosen.patient !== null) grid.focus(store.indexOf.get(chosen.patient));
    },
    destroy() {
      store.removeEventListener("ward", later);
      clearInterval(ages);
      grid.destroy();
    },
  };
}

/** Sets the tile that gets the focus when the ward is shown again. */
export function rememberPatient(id) {
  chosen.patient = id;
}

function visible() {
  const wanted = folded(chosen.text.trim());
  const { states, text } = chosen;
  const all = store.order(chosen.order);
  if (!wanted && states.size === 0) return all;
  // ids may differ in case, accents or blanks alone: who types one as it is finds no other
  const isId = store.patients.some(({ id }) => id.includes(text));
  return all.filter((index) => {
    const fits = states.size === 0 || states.has(STATES[store.state(index)]);
    const { id, foldedId, search } = store.patients[index];
    return fits && (search.includes(wanted) || (isId ? id.includes(text) : foldedId.includes(wanted)));
  });
}

function orderChoice(onChange) {
  const select = el("select", { "aria-label": t("order.label"), id: "order" },
    ...ORDERS.map((name) => el("option", { value: name, selected: name === chosen.order }, t(`order.${name}`))));
  select.addEventListener("change", () => {
    chosen.order = select.value;
    localStorage.setItem("order", select.value);
    onChange();
  });
  return select;
}

function stateChips(onChange) {
  const chips = STATES_BY_NEED.map((state) => {
    const count = el("span", { class: "chip-count" });
    const button = el(
      "button",
      { type: "button", class: `chip is-${state}`, title: t(`stateHelp.${state}`), "data-state": state },
      icon(state), el("span", {}, t(`state.${state}`)), count,
    );
    button.setAttribute("aria-pressed", chosen.states.has(state));
    button.addEventListener("click", () => {
      if (!chosen.states.delete(state)) chosen.states.add(state);
      button.setAttribute("aria-pressed", chosen.states.has(state));
      onChange();
    });
    return { state, button, count };
  });
  const node = el("div", { class: "chips", role: "group", "aria-label": t("ward.states") },
    ...chips.map((chip) => chip.button));
  return {
    node,
    update() {
      const counts = store.counts();
      for (const chip of chips) setText(chip.count, number(counts[STATES.indexOf(chip.state)]));
    },
  };
}
