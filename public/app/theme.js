// Light, dark or as the system is: applied before anything is drawn, so that nothing flashes. A classic script, since
// modules run too late for that; everything else is modules.
// @ts-check
"use strict";
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // Storage may be switched off; then the system decides.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
