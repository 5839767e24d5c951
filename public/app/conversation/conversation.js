// The session that is looked at: opens it, goes on with what was under way, looks after it while others may change it. What
// of it is shown is pages.js, what is done with it turn.js and actions.js.
// @ts-check
import { ApiError, messages, session as getSession } from "../api.js";
import { drawBar } from "../chat/bar.js";
import { skeleton, view } from "../chat/view.js";
import { byId } from "../dom.js";
import { refreshContext } from "../panel/ring.js";
import { loadPersonas } from "../personas.js";
import { nearness } from "../sessions/expiry.js";
import { onSessions, put, state } from "../sessions/store.js";
import { isRunning, retry, turnOf } from "../turns.js";
import { actions } from "./actions.js";
import { livePlace } from "./live.js";
import { PAGE, drawSession, expire, showMessage, showPage, syncAll, syncMessage, syncQuietly } from "./pages.js";
import { showRemembered } from "./remembered.js";
import { clear, letGo, offer } from "./thread.js";
import { pickUp } from "./turn.js";

export { drawBar } from "../chat/bar.js";
export { edit } from "./actions.js";
export { older, showMessage } from "./pages.js";
export { onTurnEvent } from "./turn.js";

/** Sets everything up, once. */
export function start() {
  offer(actions);
  addEventListener("pagehide", letGo);
  addEventListener("session-changed", (event) => {
    view.session = { ...view.session, .../** @type {CustomEvent} */ (event).detail };
    drawBar(view.session);
    void syncQuietly();
    contextChanged();
  });
  addEventListener("memory-changed", contextChanged);
  onSessions(() => {
    const listed = view.id === null ? null : state.byId.get(view.id);
    if (!listed || !view.session) return;
    view.session = { ...view.session, ...listed };
    drawBar(view.session);
  });
}

/** What a model is sent is made of the session, its messages and what is remembered. */
const contextChanged = () => view.id !== null && view.session && refreshContext(view.id);

/**
 * Shows the session that `view` names.
 * @param {{ sequence: number | null, isReload: boolean }} how `sequence`: the message to show
 * @throws {ApiError} when it cannot be loaded
 */
export async function open({ sequence, isReload }) {
  const { id, visit } = view;
  if (id === null) return;
  const listed = state.byId.get(id);
  drawBar(listed ?? null);
  if (listed?.message_count === 0 && listed.running_turn === null) return showNew(listed);
  clear(skeleton(), livePlace());
  const [{ value }, page] = await Promise.all([getSession(id), messages(id, { limit: PAGE }), loadPersonas().catch(() => [])]);
  if (visit !== view.visit) return;
  view.session = value;
  put(value);
  showPage(page);
  pickUp({ isOpening: true });
  void showRemembered();
  if (sequence !== null) await showMessage(sequence);
  else if (!isReload) readyToWrite();
}

/** A session in which nothing was said, as far as anybody knows. @param {any} session */
function showNew(session) {
  view.session = session;
  showPage({ messages: [], before: null });
  byId("message").focus({ preventScroll: true });
  pickUp({ isOpening: true });
  if (!turnOf(session.session_id)) void syncQuietly();
}

/** Whoever has chosen a session writes in it, unless that would bring up a keyboard, or something else is being done already. */
function readyToWrite() {
  const isIdle = document.activeElement === document.body || document.activeElement?.matches("a");
  if (isIdle && matchMedia("(pointer: fine)").matches) byId("message").focus({ preventScroll: true });
}

/** See view.js. @param {number} [removed] */
export async function lookAgain(removed) {
  if (view.id === null || !view.session) return;
  // Whatever is under way here.
  if (removed !== undefined) await syncMessage(removed).catch(() => {});
  if (view.id === null || !view.session || isRunning(view.id)) return;
  // What could not be sent is sent now: under its key that happens once.
  if (turnOf(view.id)?.problem?.isUnreachable) return retry(view.id);
  try {
    await syncAll();
    contextChanged();
    pickUp();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) expire();
  }
}

/** See view.js. @param {number} now */
export function tick(now) {
  if (!view.session) return;
  if (nearness(view.session, now) === "over" && !isRunning(view.session.session_id)) void lookAgain();
  else drawSession();
}
