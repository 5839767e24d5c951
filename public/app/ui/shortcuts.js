// The keys of the page, and the sheet that tells them. Keys with a letter only where no text is being written.
// @ts-check
import { h } from "../dom.js";
import { openDialog } from "./dialog.js";

const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);
export const MOD = isMac ? "⌘" : "Ctrl";

/** @type {[string, string[]][]} */
const KEYS = [
  ["New session", [isMac ? "⌘" : "Ctrl", "Shift", "O"]],
  ["Search sessions and messages", [MOD, "K"]],
  ["Write a message", ["/"]],
  ["Send", ["Enter"]],
  ["A new line", ["Shift", "Enter"]],
  ["Stop the answer", ["Esc"]],
  ["Edit your last message", ["↑"]],
  ["Rename the session in the list", ["F2"]],
  ["Memory, context, statistics", [MOD, "."]],
  ["This sheet", ["?"]],
];

export function openSheet() {
  openDialog("Keyboard", {}, h("dl", { class: "keys" }, KEYS.flatMap(([what, keys]) => [h("dt", {}, what), h("dd", {}, keys.map((key) => h("kbd", {}, key)))])));
}

/**
 * @param {{ search: () => void, create: () => void, stop: () => boolean, write: () => void, panel: () => void, close: () => boolean }} doings
 *   `stop` and `close` say whether there was anything to do
 */
export function startShortcuts({ search, create, stop, write, panel, close }) {
  addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || document.querySelector("dialog[open], [popover]:popover-open")) return;
    const isModified = event.ctrlKey || event.metaKey;
    const isWriting = event.target instanceof HTMLElement && event.target.matches("input, textarea, select, [contenteditable]");
    const key = event.key.toLowerCase();
    if (isModified && !event.altKey && !event.shiftKey && key === "k") search();
    else if (isModified && !event.altKey && event.shiftKey && key === "o") create();
    else if (isModified && !event.altKey && !event.shiftKey && key === ".") panel();
    else if (event.key === "Escape" && !isModified) {
      // A drawer lies over everything; then the answer; nothing else is closed by accident.
      if (!close() && !stop()) return;
    } else if (event.key === "?" && !isWriting) openSheet();
    else if (event.key === "/" && !isWriting && !isModified) write();
    else return;
    event.preventDefault();
  });
}
