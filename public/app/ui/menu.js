// A menu at a button: a native popover, so Esc and a click beside it close it.
// @ts-check
import { h, icon } from "../dom.js";
import { loadStyle } from "./style.js";

await loadStyle("dialogs");

/** @typedef {{ icon: string | Node, label: string, onclick?: () => void, href?: string, isDanger?: boolean, isChosen?: boolean } | null} Item `isChosen`: one of several; null draws a line */

/** @param {HTMLElement} anchor @param {Item[]} items */
export function openMenu(anchor, items) {
  const menu = h("div", { class: "menu", popover: "auto", role: "menu" }, items.map((item) => element(item, () => menu.hidePopover())));
  // In the landmark of its button, for those who go by landmarks.
  (anchor.closest("aside, header") ?? document.body).append(menu);
  menu.addEventListener("toggle", (/** @type {any} */ event) => {
    if (event.newState !== "closed") return;
    menu.remove();
    anchor.removeAttribute("aria-expanded");
  });
  menu.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const all = [...menu.querySelectorAll("[role^=menuitem]")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    all.at((all.indexOf(document.activeElement) + step) % all.length)?.focus();
  });
  menu.showPopover();
  anchor.setAttribute("aria-expanded", "true");
  place(menu, anchor.getBoundingClientRect());
  (menu.querySelector("[aria-checked=true]") ?? menu.querySelector("[role^=menuitem]"))?.focus();
}

/** @param {Item} item @param {() => void} close */
function element(item, close) {
  if (!item) return h("hr");
  const sign = typeof item.icon === "string" ? icon(item.icon) : item.icon;
  const one = item.isChosen === undefined ? { role: "menuitem" } : { role: "menuitemradio", "aria-checked": String(item.isChosen) };
  const props = { ...one, tabindex: "-1", class: item.isDanger ? "danger" : "" };
  if (item.href) return h("a", { ...props, href: item.href, download: true, onclick: () => setTimeout(close) }, sign, item.label);
  return h("button", { ...props, type: "button", onclick: () => (close(), item.onclick?.()) }, sign, item.label, item.isChosen && icon("check"));
}

/** Below the button, or above it where there is no room. @param {HTMLElement} menu @param {DOMRect} at */
function place(menu, at) {
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + 4 + height <= innerHeight;
  menu.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - 4 - height)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
}
