/** Asks for a person's secret; calls ``onDone`` once it is right. */

import { login } from "./api.js";
import { el, setText } from "./dom.js";
import { t } from "./i18n.js";

const TROUBLES = { 401: "login.wrong", 429: "login.limited" };

export function showLogin(host, onDone) {
  const trouble = el("p", { class: "trouble", role: "alert", hidden: true });
  const secret = el("input", {
    type: "password", id: "secret", name: "secret", autocomplete: "current-password", required: true,
  });
  const form = el(
    "form", { class: "card login" },
    el("h1", { tabindex: "-1" }, t("login.title")),
    el("label", { for: "secret" }, t("login.secret")),
    secret,
    el("button", { type: "submit" }, t("login.submit")),
    trouble,
    el("p", { class: "nothing" }, t("login.help")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await login(secret.value);
    } catch (error) {
      secret.select();
      setText(trouble, t(TROUBLES[error.status] ?? "login.failed"));
      trouble.hidden = false;
      return;
    }
    onDone();
  });
  host.append(form);
  secret.focus();
}
