// When sessions end, and that it can be put off. Counts down by itself; what has ended is said at once.
// @ts-check
import { now } from "../clock.js";
import { h, icon } from "../dom.js";
import { dateTime, span } from "../format.js";

/** How near the end is: `far`, `half` (less than half of its time is left), `near` (a tenth, or ten minutes), `over`. @param {any} session @param {number} now */
export function nearness({ expires_at, ttl_seconds }, now) {
  const left = Date.parse(expires_at) - now;
  if (left <= 0) return "over";
  if (left < Math.max(ttl_seconds * 100, Math.min(600_000, ttl_seconds * 300))) return "near";
  return left < ttl_seconds * 500 ? "half" : "far";
}

/** "Expires in 12 min · Keep". Nothing while the end is far. @param {any} session @param {number} now @param {() => void} onkeep */
export function expiryChip(session, now, onkeep) {
  const near = nearness(session, now);
  if (near === "far" || near === "over") return null;
  const left = span(Date.parse(session.expires_at) - now);
  const button = h("button", { class: "link", type: "button", onclick: onkeep, title: `Keep it ${span(session.ttl_seconds * 1000)} from now on` }, "Keep");
  const title = `Ends ${dateTime(Date.parse(session.expires_at))} unless something is said`;
  return h("span", { class: `expiry ${near === "near" ? "is-near" : ""}`, title }, icon("clock"), h("span", {}, h("span", { class: "long" }, "expires in "), left), button);
}

/** Calls `listener` often enough for what counts down. @param {(now: number) => void} listener */
export function everyWhile(listener) {
  setInterval(() => document.visibilityState === "visible" && listener(now()), 10_000);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && listener(now()));
}
