// Native dialogs: the browser keeps focus in them, closes them with Esc and gives focus back.
// @ts-check
import { h, icon } from "../dom.js";
import { loadStyle } from "./style.js";

await loadStyle("dialogs");

/**
 * Shows a dialog; it goes from the page when it is closed.
 * @param {string} title
 * @param {{ class?: string }} how
 * @param {...any} children
 * @returns {any} the dialog, with `close()`
 */
export function openDialog(title, how, ...children) {
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const id = `dialog-${crypto.randomUUID()}`;
  const head = h("header", { class: "dialog-head" }, h("h2", { id }, title), close);
  const dialog = h("dialog", { class: how.class ?? "", "aria-labelledby": id }, h("div", { class: "dialog" }, head, ...children));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (/** @type {any} */ event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something that cannot be taken back. @param {string} title @param {string} text @param {string} action @returns {Promise<boolean>} */
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const yes = h("button", { class: "button danger", type: "button", onclick: () => (resolve(true), dialog.close()) }, action);
    const no = h("button", { class: "button", type: "button", autofocus: true, onclick: () => dialog.close() }, "Cancel");
    const dialog = openDialog(title, {}, h("p", {}, text), h("div", { class: "dialog-actions" }, no, yes));
    dialog.addEventListener("close", () => resolve(false));
  });
}
