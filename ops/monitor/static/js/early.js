// A classic script, before the first paint: the chosen theme and language without a flash of the other.
(() => {
  const root = document.documentElement;
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const language = localStorage.getItem("language") ?? navigator.language;
  root.lang = language.toLowerCase().startsWith("pt") ? "pt-BR" : "en";
})();
