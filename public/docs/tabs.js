// A panel with tabs, as WAI-ARIA has them: arrows, Home and End move, and what is chosen is chosen everywhere on the page.
// @ts-check
import { h } from "/app/dom.js";

let count = 0;
/** Names of chosen tabs are told to all others, so that who reads Python reads it everywhere. */
const chosen = new EventTarget();

/**
 * @param {string} label
 * @param {string[]} names
 * @param {(name: string) => Node} content made when it is first shown
 */
export function tabs(label, names, content) {
  const id = `tabs-${(count += 1)}`;
  const panel = h("div", { class: "tab-panel", role: "tabpanel", id, tabindex: "0" });
  const buttons = names.map((name, index) =>
    h("button", { class: "tab", type: "button", role: "tab", id: `${id}-${index}`, "aria-controls": id, onclick: () => announce(name) }, name),
  );
  const show = (/** @type {string} */ name) => {
    const index = names.indexOf(name);
    if (index < 0) return;
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === index));
      button.tabIndex = other === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `${id}-${index}`);
    panel.replaceChildren(content(name));
  };
  const move = (/** @type {KeyboardEvent} */ event) => {
    const at = buttons.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const button = buttons[(to + buttons.length) % buttons.length];
    button.focus();
    announce(button.textContent);
  };
  chosen.addEventListener("choose", (event) => show(/** @type {CustomEvent} */ (event).detail));
  show(names[0]);
  return h("div", { class: "tabs" }, h("div", { class: "tab-list", role: "tablist", "aria-label": label, onkeydown: move }, buttons), panel);
}

/** @param {string} name */
function announce(name) {
  chosen.dispatchEvent(new CustomEvent("choose", { detail: name }));
}
