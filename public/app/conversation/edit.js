// Saying something else in place of what was said last.
// @ts-check
import { h } from "../dom.js";
import { sendKey } from "../chat/composer.js";
import { toast } from "../ui/toast.js";

/**
 * Turns the last message of the user into a field.
 * @param {any} element
 * @param {{ text?: string, send: (text: string) => boolean, giveBack: (text: string) => void }} doings
 *   `send` says whether it is sent; `giveBack` has what was written when the message is taken away from under it
 */
export function editMessage(element, { text: written = element.message.content, send: pass, giveBack }) {
  if (element.querySelector(".edit-box")) return;
  const body = element.querySelector(".message-body");
  const feet = element.querySelector(".message-foot");
  const field = h("textarea", { "aria-label": "Edit your message", value: written, rows: "2" });
  const end = () => {
    box.remove();
    body.hidden = feet.hidden = false;
    element.onlost = undefined;
  };
  const send = () => {
    const text = field.value.trim();
    if (!text) return;
    if (pass(text)) end();
    else toast("Another answer is being written. Send it when that is there.");
  };
  const box = h("form", { class: "edit-box" }, field, h("div", { class: "edit-actions" },
    h("button", { class: "button small", type: "button", onclick: end }, "Cancel"), h("button", { class: "button small primary", type: "submit" }, "Send")));
  box.addEventListener("submit", (/** @type {Event} */ event) => (event.preventDefault(), send()));
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      end();
      document.getElementById("message")?.focus();
    } else if (sendKey(event)) {
      event.preventDefault();
      send();
    }
  });
  body.hidden = feet.hidden = true;
  element.onlost = () => field.value.trim() && field.value !== element.message.content && giveBack(field.value.trim());
  element.prepend(box);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}
