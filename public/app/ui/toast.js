// Notices that go by themselves, with something to do about them. They wait while somebody is at them.
// @ts-check
import { byId, h } from "../dom.js";
import { announce } from "./announce.js";

/**
 * @param {string} text
 * @param {{ action?: string, onaction?: () => void, seconds?: number }} [how]
 * @returns {() => void} takes it away
 */
export function toast(text, { action, onaction, seconds = 6 } = {}) {
  const time = h("span", { class: "toast-time", "aria-hidden": "true" });
  const element = h("div", { class: "toast" }, h("p", {}, text), time);
  if (action) element.insertBefore(h("button", { type: "button", onclick: () => (close(), onaction?.()) }, action), time);
  time.style.animationDuration = `${seconds}s`;
  let timer = 0;
  const close = () => (clearTimeout(timer), element.remove());
  // Not by the animation's end: it is over at once where motion is reduced.
  const wait = () => (timer = setTimeout(() => (element.matches(":hover, :focus-within") ? wait() : close()), seconds * 1000));
  wait();
  byId("toasts").append(element);
  announce(action ? `${text} ${action} is possible for ${seconds} seconds.` : text);
  return close;
}
