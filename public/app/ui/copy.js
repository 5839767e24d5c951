// Copying texts, and saying so at the button.
// @ts-check
import { h, icon } from "../dom.js";
import { announce } from "./announce.js";

/** A button that copies a text. @param {string} label @param {() => string} text */
export function copyButton(label, text) {
  const button = h("button", { class: "button small quiet", type: "button", "aria-label": label, onclick: () => void copy(button, text()) }, icon("copy"), h("span", {}, "Copy"));
  return button;
}

/** Copies, and says so at the button. @param {any} button @param {string} text */
export async function copy(button, text) {
  const [sign, word] = [button.querySelector("use"), button.querySelector("span")];
  try {
    await navigator.clipboard.writeText(text);
    sign?.setAttribute("href", "#i-check");
    if (word) word.textContent = "Copied";
    announce("Copied.");
  } catch {
    if (word) word.textContent = "Not allowed";
    announce("The browser does not allow copying here.");
  }
  setTimeout(() => {
    sign?.setAttribute("href", "#i-copy");
    if (word) word.textContent = "Copy";
  }, 1600);
}
