// Style sheets that the first view does not need.
// @ts-check
import { h } from "../dom.js";

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/** Loads `styles/<name>.css` once; without it things are plain, not broken. @param {string} name @returns {Promise<void>} */
export function loadStyle(name) {
  let ready = loaded.get(name);
  if (!ready) {
    ready = new Promise((resolve) => document.head.append(h("link", { rel: "stylesheet", href: `/styles/${name}.css`, onload: () => resolve(), onerror: () => (loaded.delete(name), resolve()) })));
    loaded.set(name, ready);
  }
  return ready;
}
