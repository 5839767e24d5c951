// The sheet that tells the keys.
// @ts-check
import { h } from "../dom.js";
import { openDialog } from "./dialog.js";
import { MOD } from "./shortcuts.js";

/** @type {[string, string[]][]} */
const KEYS = [
  ["New session", [MOD, "Shift", "O"]],
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
