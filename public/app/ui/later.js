// What is loaded when somebody first wants it: the first view of the page does without.
// @ts-check
import { h } from "../dom.js";

/** See menu.js. @param {HTMLElement} anchor @param {import("./menu.js").Item[]} items */
export const openMenu = async (anchor, items) => (await import("./menu.js")).openMenu(anchor, items);

/** The form for a new session. @param {string} persona the one that is chosen already */
export const openCreate = async (persona) => (await import("../sessions/create.js")).openForm(persona);

/** The sheet of keys. */
export const openSheet = async () => (await import("./sheet.js")).openSheet();

/** A place for the pager of a message, see versions.js. @param {any[]} what */
export function pager(...what) {
  const place = h("span", { class: "pager" });
  void import("../chat/versions.js").then((module) => place.replaceChildren(module.pager(.../** @type {[any, any, any, any]} */ (what))));
  return place;
}
