/** The banner shown while nothing arrives from the monitor and the page is out of date. */

import { el, setText } from "./dom.js";
import { time } from "./format.js";
import { t } from "./i18n.js";
import { store } from "./store.js";

export function lostBanner(host, stream) {
  const text = el("span");
  const retry = el("button", { type: "button", onclick: () => stream.retryNow() });
  host.append(text, retry);
  stream.addEventListener("change", () => {
    store.takeLost(stream.lostAt);
    host.hidden = stream.lostAt === null;
    if (host.hidden) return;
    const seconds = Math.ceil((stream.retryAt - Date.now()) / 1000);
    const key = stream.retryAt !== null && seconds > 0 ? "lost.text" : "lost.trying";
    setText(text, t(key, { since: time(stream.lostAt), seconds }));
    setText(retry, t("lost.retry"));
  });
}
