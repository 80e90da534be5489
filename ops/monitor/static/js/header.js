/** The top line: views, alarms, language, colours. */

import { activeAlarms } from "./alarmbar.js";
import { el, setText } from "./dom.js";
import { number } from "./format.js";
import { onFrame } from "./frames.js";
import { language, t } from "./i18n.js";
import { mayOpen, person } from "./person.js";
import { store } from "./store.js";

const VIEWS = ["ward", "pipeline", "quarantine"];
const THEMES = ["auto", "light", "dark"];

export class Header {
  /** ``onLanguage(code)`` and ``onTheme()`` are called after a change, ``onSignOut()`` by its button. */
  constructor(host, { onLanguage, onTheme, onSignOut }) {
    Object.assign(this, { host, onLanguage, onTheme, onSignOut });
    const draw = () => this.#countAlarms();
    store.addEventListener("alarms", () => onFrame(draw));
  }

  draw() {
    this.links = VIEWS.filter(mayOpen).map((view) => el("a", { href: `#/${view}`, "data-view": view }, t(`nav.${view}`)));
    this.count = el("span", { class: "alarm-count", hidden: true });
    this.host.replaceChildren(
      el("a", { class: "brand", href: "#/ward" }, t("title")),
      el("nav", { "aria-label": t("nav.label") }, ...this.links),
      el("span", { class: "purpose" }, t("purpose")),
      this.count,
      this.#languages(),
      this.#themes(),
      this.#signOut(),
    );
    this.#countAlarms();
  }

  markView(view) {
    for (const link of this.links) {
      const isCurrent = link.dataset.view === view || (view === "patient" && link.dataset.view === "ward");
      if (isCurrent) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #countAlarms() {
    const count = activeAlarms().length;
    this.count.hidden = count === 0;
    setText(this.count, t("alarms.count", { count: number(count) }));
  }

  #languages() {
    const buttons = ["en", "pt"].map((code) => el("button", {
      type: "button", lang: code, "data-language": code, "aria-pressed": String(code === language()),
      onclick: () => this.onLanguage(code),
    }, code.toUpperCase()));
    return el("div", { class: "switch", role: "group", "aria-label": t("language.label") }, ...buttons);
  }

  #signOut() {
    if (person.name === null) return "";
    const label = t("signOut.of", { name: person.name });
    return el("button", { type: "button", id: "sign-out", title: label, onclick: () => this.onSignOut() }, t("signOut"));
  }

  #themes() {
    const current = localStorage.getItem("theme") ?? "auto";
    const select = el("select", { "aria-label": t("theme.label"), id: "theme" },
      ...THEMES.map((theme) => el("option", { value: theme, selected: theme === current }, t(`theme.${theme}`))));
    select.addEventListener("change", () => {
      localStorage.setItem("theme", select.value);
      document.dispatchEvent(new Event("theme"));
      this.onTheme();
    });
    return select;
  }
}
