// A classic script, before the first paint: applies the chosen theme and language without a flash of the others.
(() => {
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
