// What is shown of a session: page by page from the newest back, kept in step with the service, and that it has ended.
// Asks for no turn but at a button.
// @ts-check
import { ApiError, messages, session as getSession } from "../api.js";
import { drawBar } from "../chat/bar.js";
import { setBusy, setClosed } from "../chat/composer.js";
import { emptySession } from "../chat/home.js";
import { keepPlace, toElement, toEnd } from "../chat/scroll.js";
import { say, view } from "../chat/view.js";
import { byId, h } from "../dom.js";
import { address } from "../router.js";
import { clock, drop, put, titleOf } from "../sessions/store.js";
import { isRunning, run, turnOf } from "../turns.js";
import { announce } from "../ui/announce.js";
import { problemCard } from "../ui/problem.js";
import { unsent } from "../unsent.js";
import { clearLive, drawUnanswered, livePlace } from "./live.js";
import { clear, dropMissing, elementOf, elements, place } from "./thread.js";

export const PAGE = 50;
/** The service gives no more at once. */
const MOST = 200;
/** So many are looked at again after each change. */
const NEWEST = 12;

/** Shows the newest page, and nothing else. @param {any} page */
export function showPage(page) {
  view.before = page.before;
  clear(livePlace());
  place(page.messages, view.session);
  if (!page.messages.length) byId("thread").prepend(emptySession(view.session, say));
  markOlder();
  drawSession();
  toEnd();
}

/** Asks for what is newest, and shows it. @param {number} [limit] @returns {Promise<void>} */
export async function sync(limit = NEWEST) {
  const { id, visit, edition } = view;
  if (id === null || !view.session) return;
  const asked = clock();
  const [{ value }, page] = await Promise.all([getSession(id), messages(id, { limit })]);
  if (visit !== view.visit) return;
  // The end of what is under way asks once more.
  if (edition !== view.edition) return isRunning(id) ? undefined : sync(limit);
  view.session = put(value, asked);
  const shown = elements().at(-1)?.message.sequence ?? 0;
  const oldest = page.messages[0]?.sequence ?? 0;
  // More has come than was asked for: begin anew, there must be no gap.
  if (page.before && oldest > shown && shown > 0) return showPage(await messages(id, { limit: PAGE }));
  if (page.messages.length) byId("thread").querySelector(".hero")?.remove();
  dropMissing(new Set(page.messages.map((/** @type {any} */ message) => message.sequence)), page.before ? oldest : 0);
  place(page.messages, view.session);
  drawSession();
}

/** The same, where a failure can wait for the next time. */
export const syncQuietly = () => sync().catch(() => {});

/** The same for all that is shown, as far as one page goes: what others have removed must not stay to be read. */
export const syncAll = () => sync(Math.min(MOST, Math.max(NEWEST, elements().length)));

/** Asks for one message that is shown, however far back: it was removed elsewhere. @param {number} sequence @returns {Promise<void>} */
export async function syncMessage(sequence) {
  const { id, visit, edition } = view;
  const count = elements().filter(({ message }) => message.sequence >= sequence).length;
  let before = null;
  while (id !== null && elementOf(sequence)) {
    const page = await messages(id, { before, limit: Math.min(MOST, count) });
    if (visit !== view.visit) return;
    if (edition !== view.edition) return syncMessage(sequence);
    place(page.messages.filter((/** @type {any} */ message) => message.sequence === sequence), view.session);
    before = page.before;
    if (!before || page.messages[0].sequence <= sequence) return;
  }
}

/** Draws what is around the messages. */
export function drawSession() {
  if (!view.session) return;
  document.title = `${titleOf(view.session)} · edge-sessions`;
  setBusy(isRunning(view.session.session_id));
  drawBar(view.session);
  drawGap();
}

/** Offers an answer to what has none. */
function drawGap() {
  const { id, session } = view;
  if (id === null || turnOf(id) || unsent(id).length || session.running_turn !== null) return;
  const last = elements().at(-1)?.message;
  if (last?.role === "user" && !last.removed_at) drawUnanswered(() => void run("regenerate", id, undefined, { latest: last.sequence }));
  else clearLive();
}

/** Loads the page before the oldest one that is there. */
export async function older() {
  const { id, before, visit } = view;
  if (!before || view.isPaging || id === null) return;
  view.isPaging = true;
  try {
    await load(id, before, visit, PAGE);
  } catch {
    // The next scroll tries again.
  } finally {
    if (visit === view.visit) view.isPaging = false;
  }
}

/** @param {string} id @param {string} before @param {number} visit @param {number} limit */
async function load(id, before, visit, limit) {
  const found = await messages(id, { before, limit });
  if (visit !== view.visit) return;
  view.before = found.before;
  keepPlace(() => {
    place(found.messages, view.session);
    markOlder();
  });
}

function markOlder() {
  byId("thread").querySelector(".older")?.remove();
  if (view.before) byId("thread").prepend(h("button", { class: "link older", type: "button", onclick: () => void older() }, "Show older messages"));
}

/** Brings a message into view, loading as far back as it takes. @param {number} sequence */
export async function showMessage(sequence) {
  const { id, visit } = view;
  while (!elementOf(sequence) && view.before && id !== null && visit === view.visit) {
    if (sequence >= (elements()[0]?.message.sequence ?? 0)) break;
    await load(id, view.before, visit, MOST);
  }
  const element = elementOf(sequence);
  if (visit !== view.visit || !element) return;
  toElement(element);
  element.classList.remove("is-target");
  requestAnimationFrame(() => element.classList.add("is-target"));
  element.setAttribute("tabindex", "-1");
  element.focus({ preventScroll: true });
}

/** Says that the session has ended. What was said stays to be read until the page is left; nothing can be done with it. */
export function expire() {
  if (!view.session || view.id === null) return;
  drop(view.id);
  setClosed("This session has ended");
  clearLive();
  view.session = null;
  byId("bar-tools").replaceChildren();
  byId("thread").classList.add("is-over");
  if (document.getElementById("expired")) return;
  const anew = h("a", { class: "button small", href: address(null) }, "Begin a new session");
  byId("thread").append(h("article", { class: "message", id: "expired" }, problemCard(new ApiError(404, { code: "SESSION_NOT_FOUND" }), anew)));
  announce("This session has ended.");
}
