// A classic script, before everything else: applies the chosen theme and language without a flash of the others,
// and loads the page again when one of its files could not be loaded.
(() => {
  const RELOAD_MS = 3000;
  // a browser drops what it is loading when the machine's network changes: without one module there is no page
  const isPart = (node) => node instanceof HTMLScriptElement || node instanceof HTMLLinkElement;
  addEventListener("error", ({ target }) => {
    if (isPart(target)) setTimeout(() => location.reload(), RELOAD_MS);
  }, true);
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const chosen = localStorage.getItem("theme");
    const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
    root.dataset.theme = isDark ? "dark" : "light";
  };
  paint();
  dark.addEventListener("change", paint);
  document.addEventListener("theme", paint);
  const language = localStorage.getItem("language") ?? navigator.language;
  root.lang = language.toLowerCase().startsWith("pt") ? "pt-BR" : "en";
})();
