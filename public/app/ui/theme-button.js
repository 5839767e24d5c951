// The button that goes round light, dark and as the system is. theme.js applies the choice before the page is drawn.
// @ts-check
import { byId, icon } from "../dom.js";
import { keep, recall } from "../storage.js";
import { announce } from "./announce.js";

/** @type {[string, string, string][]} what is kept, its icon, its name */
const THEMES = [["", "auto", "as the system is"], ["light", "sun", "light"], ["dark", "moon", "dark"]];

export function startThemeButton() {
  const button = byId("theme");
  const current = () => Math.max(0, THEMES.findIndex(([theme]) => theme === (recall("theme") ?? "")));
  const draw = () => {
    const [theme, sign, name] = /** @type {[string, string, string]} */ (THEMES[current()]);
    if (theme) document.documentElement.dataset["theme"] = theme;
    else delete document.documentElement.dataset["theme"];
    button.replaceChildren(icon(sign));
    button.setAttribute("aria-label", `Theme: ${name}. Change`);
    button.title = `Theme: ${name}`;
  };
  button.addEventListener("click", () => {
    const [theme, , name] = /** @type {[string, string, string]} */ (THEMES[(current() + 1) % THEMES.length]);
    keep("theme", theme);
    draw();
    announce(`Theme: ${name}.`);
  });
  addEventListener("storage", (event) => event.key === "theme" && draw());
  draw();
}
