// Notices that go by themselves, with something to do about them. They wait while somebody is at them.
// @ts-check
import { byId, h } from "../dom.js";
import { announce } from "./announce.js";

/**
 * @param {string} text
 * @param {{ action?: string, onaction?: () => void, seconds?: number, most?: number }} [how] `most`: so many seconds it waits for somebody, no longer
 * @returns {() => void} takes it away
 */
export function toast(text, { action, onaction, seconds = 6, most = Infinity } = {}) {
  const time = h("span", { class: "toast-time", "aria-hidden": "true" });
  const element = h("div", { class: "toast" }, h("p", {}, text), time);
  if (action) element.insertBefore(h("button", { type: "button", onclick: () => (close(), onaction?.()) }, action), time);
  time.style.animationDuration = `${seconds}s`;
  let timer = 0;
  const close = () => (clearTimeout(timer), element.remove());
  // Not by the animation's end: it is over at once where motion is reduced.
  const end = performance.now() + most * 1000;
  const wait = () => {
    const left = Math.min(seconds * 1000, end - performance.now());
    timer = setTimeout(() => (element.matches(":hover, :focus-within") && performance.now() < end - 1 ? wait() : close()), left);
  };
  wait();
  byId("toasts").append(element);
  announce(action ? `${text} ${action} is possible for ${Math.round(seconds)} seconds.` : text);
  return close;
}
