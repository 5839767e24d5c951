// "2 / 3": what stood in the place of a message before, as long as somebody looks at it. The conversation is what stands
// there now; older versions are shown, not restored.
// @ts-check
import { versions } from "../api.js";
import { h, iconButton } from "../dom.js";
import { complain } from "../ui/problem.js";
import { messageElement } from "./message.js";

/**
 * The pager of a message that replaces another one.
 * @param {string} sessionId
 * @param {any} session
 * @param {any} message
 * @param {{ find: () => any[], isLast: boolean }} place `find` gives the element of the message and what follows it up to
 *   the next message of the user; only of the last message is it asked at once how many versions there are
 */
export function pager(sessionId, session, message, { find, isLast }) {
  /** @type {any[][]} the oldest first; the last one is what stands there now */
  let all = [];
  let shown = -1;
  const before = iconButton("left", "Earlier version", () => void turn(-1));
  const after = iconButton("right", "Later version", () => void turn(1), { hidden: true });
  const label = h("span");
  const element = h("span", { class: "pager", role: "group", "aria-label": "Versions" }, before, label, after);

  const draw = () => {
    label.textContent = `${shown + 1} / ${all.length}`;
    before.disabled = shown === 0;
    after.hidden = false;
    after.disabled = shown === all.length - 1;
  };
  const load = async () => {
    if (all.length) return;
    all = (await versions(sessionId, message.sequence)).reverse();
    shown = all.length - 1;
    draw();
  };
  const turn = async (/** @type {number} */ step) => {
    try {
      await load();
    } catch (error) {
      return complain(error);
    }
    shown = Math.max(0, Math.min(all.length - 1, shown + step));
    draw();
    showVersion(find(), shown === all.length - 1 ? null : all[shown] ?? null, session, element);
  };
  if (isLast) load().catch(() => element.remove());
  return element;
}

/**
 * Shows an older stretch of messages in place of today's, or today's again.
 * @param {any[]} today elements, the one with the pager first
 * @param {any[] | null} earlier
 * @param {any} session
 * @param {any} pagerElement
 */
function showVersion(today, earlier, session, pagerElement) {
  const first = today[0];
  if (!first) return;
  for (const old of first.earlier ?? []) old.remove();
  first.earlier = [];
  // Were the first one to go, the others must come back.
  first.replaced = earlier ? today : [];
  for (const element of today) element.hidden = Boolean(earlier);
  const home = first.querySelector(":scope > .message-foot");
  if (!earlier) {
    // Back to its own place, where another may have been made meanwhile.
    home?.querySelector(".pager")?.remove();
    home?.append(pagerElement);
    pagerElement.querySelector("button:not(:disabled)")?.focus();
    return;
  }
  const elements = earlier.map((message) => {
    const element = messageElement(message, session);
    element.classList.add("is-earlier");
    delete element.dataset.sequence;
    return element;
  });
  first.before(...elements);
  first.earlier = elements;
  elements[0]?.querySelector(".message-foot")?.append(pagerElement);
  pagerElement.querySelector("button:not(:disabled)")?.focus();
}
