/** Asks for the token; calls ``onDone`` once it is right. */

import { login } from "./api.js";
import { el, setText } from "./dom.js";
import { t } from "./i18n.js";

export function showLogin(host, onDone) {
  const trouble = el("p", { class: "trouble", role: "alert", hidden: true });
  const token = el("input", {
    type: "password", id: "token", name: "token", autocomplete: "current-password", required: true,
  });
  const form = el(
    "form", { class: "card login" },
    el("h1", { tabindex: "-1" }, t("login.title")),
    el("label", { for: "token" }, t("login.token")),
    token,
    el("button", { type: "submit" }, t("login.submit")),
    trouble,
    el("p", { class: "nothing" }, t("login.help")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let key = "login.failed";
    try {
      if (await login(token.value)) {
        onDone();
        return;
      }
      key = "login.wrong";
      token.select();
    } catch { /* the text reports it */ }
    setText(trouble, t(key));
    trouble.hidden = false;
  });
  host.append(form);
  token.focus();
}
