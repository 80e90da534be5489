/** The active alarms, above every view. */

import { el, icon, setText } from "./dom.js";
import { ago, moment, number } from "./format.js";
import { onFrame } from "./frames.js";
import { t } from "./i18n.js";
import { patientHash } from "./router.js";
import { alarmAdvice, alarmSentence, isOfPatient } from "./sentence.js";
import { store } from "./store.js";

const SHOWN = 3;

/** In the monitor's order: the critical ones first. */
export const activeAlarms = () => store.alarms.filter((alarm) => alarm.cleared === null);

export class AlarmBar {
  #items = new Map();
  #isOpen = false;

  constructor(host) {
    this.host = host;
    this.list = el("ul", { "aria-live": "polite" });
    this.toggle = el("button", { type: "button", class: "more" });
    this.toggle.addEventListener("click", () => {
      this.#isOpen = !this.#isOpen;
      this.draw();
    });
    host.append(this.list, this.toggle);
    const draw = () => this.draw();
    const later = () => onFrame(draw);
    store.addEventListener("alarms", later);
    setInterval(later, 10_000);
  }

  /** Rewrites every text after a change of language. */
  retranslate() {
    this.#items.clear();
    this.list.replaceChildren();
    this.draw();
  }

  // an item that stays keeps its element: it stays unfolded and is not read aloud again
  draw() {
    const active = activeAlarms();
    this.host.hidden = active.length === 0;
    this.host.setAttribute("aria-label", t("alarms.label"));
    const shown = this.#isOpen ? active : active.slice(0, SHOWN);
    const ids = new Set(shown.map((alarm) => alarm.id));
    for (const [id, item] of this.#items) {
      if (ids.has(id)) continue;
      item.node.remove();
      this.#items.delete(id);
    }
    shown.forEach((alarm, place) => {
      const item = this.#items.get(alarm.id) ?? makeItem(alarm);
      this.#items.set(alarm.id, item);
      item.update(alarm);
      const before = this.list.children[place];
      if (before !== item.node) this.list.insertBefore(item.node, before ?? null);
    });
    this.toggle.hidden = active.length <= SHOWN;
    this.toggle.setAttribute("aria-expanded", this.#isOpen);
    this.toggle.textContent = this.#isOpen
      ? t("alarms.fewer") : t("alarms.more", { count: number(active.length - SHOWN) });
  }
}

function makeItem(alarm) {
  const sentence = el("span", { class: "sentence" });
  const since = el("span", { class: "since", "aria-live": "off" });
  const advice = alarmAdvice(alarm);
  const node = el(
    "li", { class: `alarm is-${alarm.severity}`, "data-code": alarm.code, "data-subject": alarm.subject },
    el("span", { class: "severity" }, icon(alarm.severity), t(`severity.${alarm.severity}`)),
    sentence, since,
    isOfPatient(alarm) ? el("a", { href: patientHash(alarm.subject) }, t("alarms.patient")) : null,
    advice === null ? null : el("details", {}, el("summary", {}, t("alarms.what")), el("p", {}, advice)),
  );
  return {
    node,
    update(now) {
      const text = alarmSentence(now);
      setText(sentence, text);
      const start = `${t("alarms.since", { time: moment(now.since, store.now()) })} (${ago(now.since, store.now())})`;
      setText(since, start);
    },
  };
}
