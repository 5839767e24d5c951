// The one live region: what screen readers are told. Finished texts only, each once, so that nothing talks over anything.
// @ts-check
import { byId } from "../dom.js";

/** @type {string[]} */
let waiting = [];
let timer = 0;

/** @param {string} text */
export function announce(text) {
  waiting.push(text);
  clearTimeout(timer);
  // Emptied first and filled later, so that the same text twice is a change twice.
  byId("announcer").textContent = "";
  timer = setTimeout(() => {
    byId("announcer").textContent = waiting.join(" ");
    waiting = [];
  }, 60);
}
