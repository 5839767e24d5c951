// What was said before what is shown: brought page by page, when the reader nears it or looks for a message in it.
// @ts-check
import { messages } from "../api.js";
import { byId, h } from "../dom.js";
import { view } from "./current.js";
import { keepPlace, toElement } from "./scroll.js";
import { elementOf, elements, place } from "./thread.js";

/** So many messages are a page. */
export const PAGE = 50;

/** Brings the page before the oldest message that is shown. */
export async function older() {
  const { id, before, visit } = view;
  if (!before || view.isPaging || id === null) return;
  view.isPaging = true;
  try {
    await page(id, before, visit, PAGE);
  } catch {
    // The next scroll tries again.
  } finally {
    if (visit === view.visit) view.isPaging = false;
  }
}

/** @param {string} id @param {string} before @param {number} visit @param {number} limit */
async function page(id, before, visit, limit) {
  const found = await messages(id, { before, limit });
  if (visit !== view.visit) return;
  view.before = found.before;
  keepPlace(() => {
    place(found.messages, view.session);
    markOlder();
  });
}

/** Offers what is older, if there is something. */
export function markOlder() {
  byId("thread").querySelector(".older")?.remove();
  if (view.before) byId("thread").prepend(h("button", { class: "link older", type: "button", onclick: () => void older() }, "Show older messages"));
}

/** Brings a message into view, loading as far back as it takes. @param {number} sequence */
export async function showMessage(sequence) {
  const { id, visit } = view;
  while (!elementOf(sequence) && view.before && id !== null && visit === view.visit) {
    if (sequence >= (elements()[0]?.message.sequence ?? 0)) break;
    await page(id, view.before, visit, 200);
  }
  const element = elementOf(sequence);
  if (visit !== view.visit || !element) return;
  toElement(element);
  element.classList.remove("is-target");
  requestAnimationFrame(() => element.classList.add("is-target"));
  element.setAttribute("tabindex", "-1");
  element.focus({ preventScroll: true });
}
