// How full the context of a session is: a ring in the bar, filled by what a model would be sent now.
// @ts-check
import { context } from "../api.js";
import { h, svg } from "../dom.js";
import { compact, whole } from "../format.js";

const RADIUS = 9;
const ROUND = 2 * Math.PI * RADIUS;

/** @type {{ id: string, value: any } | null} what was heard last */
let known = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** Asks for a session's context, and shows in the ring how full it is. @param {string} id @returns {Promise<any>} */
export async function askContext(id) {
  const value = await context(id);
  known = { id, value };
  const ring = document.getElementById("ring");
  if (ring?.dataset.session === id) fill(ring, value);
  return value;
}

/** @param {string} id */
export function contextRing(id) {
  const level = svg("circle", { class: "level", cx: 12, cy: 12, r: RADIUS, "stroke-dasharray": ROUND, "stroke-dashoffset": ROUND });
  const ring = h("button", { class: "ring", type: "button", id: "ring", "aria-label": "Context", onclick: () => dispatchEvent(new CustomEvent("open-panel", { detail: "context" })) },
    svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("circle", { class: "track", cx: 12, cy: 12, r: RADIUS }), level));
  ring.dataset.session = id;
  if (known?.id === id) fill(ring, known.value);
  else refreshContext(id);
  return ring;
}

/** Asks anew, when nothing has asked again for a moment. @param {string} id */
export function refreshContext(id) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    try {
      await askContext(id);
    } catch {
      // The gauge shows what it knew.
      return;
    }
    dispatchEvent(new CustomEvent("context-changed", { detail: id }));
  }, 120);
}

/** @param {any} ring @param {any} value */
function fill(ring, { tokens, budget_tokens: budget, left_out: cut }) {
  const share = Math.min(1, tokens / Math.max(1, budget));
  ring.querySelector(".level").setAttribute("stroke-dashoffset", String(ROUND * (1 - Math.max(0.02, share))));
  ring.classList.toggle("is-cut", cut.length > 0);
  const said = `${compact(tokens)} of ${compact(budget)} tokens${cut.length ? ", and something is left out" : ""}`;
  ring.title = `Context: ${said}`;
  ring.setAttribute("aria-label", `Context: ${whole(tokens)} of ${whole(budget)} tokens${cut.length ? ", and something is left out" : ""}`);
}
