// The keys of the page; sheet.js tells them. Those without Ctrl only where no text is being written.
// @ts-check
import { openSheet } from "./later.js";

const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);
export const MOD = isMac ? "⌘" : "Ctrl";

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
    } else if (event.key === "?" && !isWriting) void openSheet();
    else if (event.key === "/" && !isWriting && !isModified) write();
    else return;
    event.preventDefault();
  });
}
