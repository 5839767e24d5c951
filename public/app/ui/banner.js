// What concerns the whole page: no network, a service that refuses, one that cannot be reached. One line, with what to do.
// @ts-check
import { onReach } from "../api.js";
import { byId, h, icon } from "../dom.js";
import { announce } from "./announce.js";

const OFFLINE = "You are offline. You can go on reading and writing; what you write is kept.";

let shown = "";

/** Shows a line, or none for "". @param {string} text @param {{ action?: string, onaction?: () => void }} [how] */
export function banner(text, { action, onaction } = {}) {
  if (text === shown) return;
  shown = text;
  byId("banners").replaceChildren(...(text ? [h("div", { class: "banner" }, icon("alert"), h("p", {}, text), action && h("button", { class: "button small", type: "button", onclick: onaction }, action))] : []));
  if (text) announce(text);
}

/** Watches the connection. @param {() => void} onback called when it is there again */
export function startBanner(onback) {
  let isAway = false;
  const away = (/** @type {string} */ why) => {
    isAway = true;
    banner(why, { action: "Try again", onaction: onback });
  };
  const back = () => {
    if (!isAway) return;
    isAway = false;
    banner("");
    onback();
  };
  addEventListener("offline", () => away(OFFLINE));
  addEventListener("online", back);
  onReach((isReachable) => (isReachable ? back() : away(navigator.onLine ? "The service cannot be reached. What you write is kept." : OFFLINE)));
  if (!navigator.onLine) away(OFFLINE);
}
