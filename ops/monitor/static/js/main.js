/** Puts the parts together: texts, header, alarms, stream, and the view that the address names. */

import { AlarmBar } from "./alarmbar.js";
import { LoginNeeded, logout, whenLoginNeeded } from "./api.js";
import { el, visible } from "./dom.js";
import { Header } from "./header.js";
import { chooseLanguage, loadLanguage, preferredLanguage, t } from "./i18n.js";
import { showLogin } from "./loginform.js";
import { lostBanner } from "./lost.js";
import { forgetPerson, loadPerson, mayOpen } from "./person.js";
import { showPatient } from "./patient.js";
import { showPipeline } from "./pipeline.js";
import { showQuarantine } from "./quarantine.js";
import { currentRoute } from "./router.js";
import { store } from "./store.js";
import { stream } from "./stream.js";
import { showWard } from "./ward.js";

const VIEWS = { ward: showWard, patient: showPatient, pipeline: showPipeline, quarantine: showQuarantine };
const content = document.getElementById("content");
const RETRY_MS = 3000;
let view = null;
let isLoginShown = false;

const header = new Header(document.getElementById("top"), {
  onLanguage: async (code) => {
    await chooseLanguage(code);
    redraw();
    document.querySelector(`[data-language=${code}]`).focus();
  },
  onTheme: show,
  onSignOut: async () => {
    await logout();
    location.reload();
  },
});
const alarms = new AlarmBar(document.getElementById("alarms"));

function redraw() {
  const skip = document.getElementById("skip");
  skip.textContent = t("skip");
  header.draw();
  alarms.retranslate();
  show();
}

function show() {
  view?.destroy?.();
  view = null;
  content.replaceChildren();
  const route = currentRoute();
  const name = route.view in VIEWS && mayOpen(route.view) ? route.view : "ward";
  document.title = `${name === "patient" ? visible(route.subject) : t(`nav.${name}`)} – ${t("title")}`;
  header.markView(name);
  document.body.dataset.view = isLoginShown ? "login" : name;
  if (isLoginShown) showLogin(content, begin);
  else if (!store.isLoaded) content.append(el("p", { class: "nothing" }, t("loading")));
  else view = VIEWS[name](content, route);
}

async function begin() {
  isLoginShown = false;
  try {
    await loadPerson();
  } catch (error) {
    if (error instanceof LoginNeeded) return;
    setTimeout(begin, RETRY_MS);
  }
  redraw();
  stream.start();
}

whenLoginNeeded(() => {
  if (isLoginShown) return;
  if (store.isLoaded) {
    // what was shown to the person before must not stay, not even in memory
    location.reload();
    return;
  }
  isLoginShown = true;
  stream.stop();
  forgetPerson();
  header.draw();
  show();
});

addEventListener("hashchange", () => {
  show();
  if (document.body.dataset.view !== "ward") scrollTo(0, 0);
  view?.focus?.();
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  (content.querySelector(".tile-link[tabindex='0']") ?? content).focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  const isField = event.target.matches("input, select");
  if (isField || document.body.dataset.view === "ward" || isLoginShown) return;
  location.hash = "#/ward";
});

let wasLoaded = false;
store.addEventListener("ward", () => {
  if (!wasLoaded && store.isLoaded) show();
  wasLoaded = store.isLoaded;
});

async function loadTexts() {
  try {
    await loadLanguage(preferredLanguage());
  } catch {
    await new Promise((again) => setTimeout(again, RETRY_MS));
    await loadTexts();
  }
}

// early.js loads the page again where a file is missing: until then nothing is drawn without it
if (!window.uPlot) await new Promise(() => {});
await loadTexts();
redraw();
lostBanner(document.getElementById("lost"), stream);
await begin();
