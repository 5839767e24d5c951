// The session that is looked at: loads it, keeps what is shown in step with the service, and says what is done with a
// message. Older messages are brought by pages.js; what a turn does to it is in turning.js.
// @ts-check
import { ApiError, messages, newKey, removeMessage, session as getSession } from "../api.js";
import { byId, h } from "../dom.js";
import { loadPersonas } from "../personas.js";
import { begin } from "../sessions/begin.js";
import { nearness } from "../sessions/expiry.js";
import { clock, drop, put, state, titleOf } from "../sessions/store.js";
import { address, go, route } from "../router.js";
import { keep } from "../storage.js";
import { tellTabs } from "../tabs.js";
import { dismiss, follow, isRunning, retry, run, stop, turnOf, unsent } from "../turns.js";
import { announce } from "../ui/announce.js";
import { branch, openCreate, pager } from "../ui/later.js";
import { complain, problemCard } from "../ui/problem.js";
import { drawBar } from "./bar.js";
import { moveDraft, setBusy, setClosed, setText, showDraft, startComposer } from "./composer.js";
import { view } from "./current.js";
import { editMessage } from "./edit.js";
import { emptySession, home } from "./home.js";
import { clearLive, drawUnanswered, livePlace } from "./live.js";
import { PAGE, markOlder, older, showMessage } from "./pages.js";
import { startScroll, toEnd } from "./scroll.js";
import { clear, dropMissing, elements, lastOf, offer, place, stretch } from "./thread.js";
import { redrawTurn, startTurning } from "./turning.js";

/** So many are looked at again after each change. */
const NEWEST = 12;

/** Sets everything up, once. */
export function startView() {
  offer(actions);
  startScroll(() => void older());
  startComposer({ send: say, stop: stopNow, editLast: () => edit() });
  startTurning({ syncQuietly, expire });
}

/** Shows what the address names. @param {{ isReload?: boolean }} [how] */
export async function show({ isReload = false } = {}) {
  const { sessionId, sequence } = route();
  if (sessionId === view.id && view.session && !isReload) {
    if (sequence !== null) await showMessage(sequence);
    return;
  }
  const visit = (view.visit += 1);
  Object.assign(view, { id: sessionId, session: null, before: null, isPaging: false });
  showDraft(sessionId);
  setBusy(false);
  setClosed("");
  byId("thread").classList.remove("is-over");
  const listed = sessionId === null ? undefined : state.byId.get(sessionId);
  drawBar(listed ?? null);
  if (sessionId === null) return showHome();
  document.title = "edge-sessions";
  if (listed?.message_count === 0 && listed.running_turn === null) return showNew(listed);
  clear(h("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: 6 }, () => h("i"))), livePlace());
  try {
    const [{ value }, page] = await Promise.all([getSession(sessionId), messages(sessionId, { limit: PAGE }), loadPersonas().catch(() => [])]);
    if (visit !== view.visit) return;
    view.session = value;
    put(value);
    showPage(page);
    pickUp();
    if (sequence !== null) await showMessage(sequence);
    else if (!isReload) readyToWrite();
  } catch (error) {
    if (visit === view.visit) showFailure(sessionId, error);
  }
}

/** Whoever has chosen a session writes in it, unless that would bring up a keyboard, or something else is being done already. */
function readyToWrite() {
  const isIdle = document.activeElement === document.body || document.activeElement?.matches("a");
  if (isIdle && matchMedia("(pointer: fine)").matches) byId("message").focus({ preventScroll: true });
}

/** A session in which nothing was said, as far as anybody knows. @param {any} session */
function showNew(session) {
  view.session = session;
  showPage({ messages: [], before: null });
  byId("message").focus({ preventScroll: true });
  pickUp();
  if (!turnOf(session.session_id)) void syncQuietly();
}

/** @param {any} page */
function showPage(page) {
  view.before = page.before;
  clear(livePlace());
  place(page.messages, view.session);
  if (!page.messages.length) showEmpty();
  markOlder();
  drawSession();
  toEnd();
}

function showEmpty() {
  byId("thread").prepend(emptySession(view.session, say));
}

/** @param {string} id @param {any} error */
function showFailure(id, error) {
  const isGone = error instanceof ApiError && error.status === 404;
  if (isGone) drop(id);
  setClosed(isGone ? "This session has ended" : "");
  const again = !isGone && h("button", { class: "button small", type: "button", onclick: () => void show({ isReload: true }) }, "Try again");
  const anew = isGone && h("a", { class: "button small", href: address(null) }, "Begin a new session");
  clear(h("div", { class: "hero" }, problemCard(error, again, anew)));
}

async function showHome() {
  document.title = "edge-sessions";
  const draw = (/** @type {any[]} */ all) => clear(home(all, view.persona, { choose: (id) => ((view.persona = id), draw(all)), say, more: () => void openCreate(view.persona) }));
  draw([]);
  byId("message").focus({ preventScroll: true });
  toEnd();
  const visit = view.visit;
  // Without them the default answers.
  const all = await loadPersonas().catch(() => []);
  if (visit === view.visit && view.id === null) draw(all);
}

/** Goes on with what was under way: here before a reload, in another tab, or not accepted yet. */
function pickUp() {
  const { id, session } = view;
  if (id === null || !session) return;
  const waiting = unsent(id);
  if (turnOf(id)) redrawTurn();
  else if (waiting) run("reply", id, waiting.message, waiting.key);
  else if (session.running_turn !== null) follow(id, session.running_turn);
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

/** Looks after a session that others may have changed: other tabs, other devices, time. */
export async function lookAgain() {
  if (view.id === null || !view.session || isRunning(view.id)) return;
  // What could not be sent is sent now: under its key that happens once.
  if (turnOf(view.id)?.problem?.isUnreachable) return retry(view.id);
  try {
    await sync();
    pickUp();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) expire();
  }
}

/** Says that time is up, once it is. @param {number} now */
export function tick(now) {
  if (!view.session) return;
  if (nearness(view.session, now) === "over" && !isRunning(view.session.session_id)) void lookAgain();
  else drawSession();
}

function expire() {
  if (!view.session || view.id === null) return;
  drop(view.id);
  setClosed("This session has ended");
  clearLive();
  // Nothing can be done with it any more; what was said stays to be read until the page is left.
  view.session = null;
  byId("bar-tools").replaceChildren();
  byId("thread").classList.add("is-over");
  if (document.getElementById("expired")) return;
  const anew = h("a", { class: "button small", href: address(null) }, "Begin a new session");
  byId("thread").append(h("article", { class: "message", id: "expired" }, problemCard(new ApiError(404, { code: "SESSION_NOT_FOUND", }), anew)));
  announce("This session has ended.");
}

function drawSession() {
  if (!view.session) return;
  document.title = `${titleOf(view.session)} · edge-sessions`;
  setBusy(isRunning(view.session.session_id));
  drawBar(view.session);
  drawGap();
}

/** Offers an answer to what has none. */
function drawGap() {
  const { id, session } = view;
  if (id === null || turnOf(id) || unsent(id) || session.running_turn !== null) return;
  const last = elements().at(-1)?.message;
  if (last?.role === "user" && !last.removed_at) drawUnanswered(() => run("regenerate", id));
  else clearLive();
}

/** Says something; where there is no session, in a new one. @param {string} text */
async function say(text) {
  if (view.id !== null) {
    if (!view.session || isRunning(view.id)) return setText(text);
    byId("thread").querySelector(".hero")?.remove();
    dismiss(view.id);
    run("reply", view.id, text);
    return;
  }
  setBusy(true);
  try {
    const value = await begin({ persona: view.persona }, newKey());
    moveDraft(value.session_id);
    // Shown by the change of the address; what is unsent is sent by it.
    keep(`unsent:${value.session_id}`, JSON.stringify({ message: text, key: newKey() }));
  } catch (error) {
    setText(text);
    clear(h("div", { class: "hero" }, problemCard(error, h("button", { class: "button small", type: "button", onclick: () => void say(text) }, "Try again"))));
  } finally {
    setBusy(false);
  }
}

/** Stops the answer. */
export function stopNow() {
  if (view.id !== null) stop(view.id).catch(complain);
}

/** Edits what the user said last. */
export function edit() {
  const { id } = view;
  const last = lastOf("user");
  if (id === null || !last || isRunning(id) || last.message.removed_at) return;
  editMessage(last, (text) => run("edit", id, text));
}

/** @param {any} message @param {boolean} isLast @returns {import("./message.js").Actions} */
function actions(message, isLast) {
  const { id } = view;
  if (id === null || message.removed_at) return {};
  const again = (/** @type {import("../api.js").TurnKind} */ kind) => () => run(kind, id);
  const isAnswer = message.role === "assistant";
  return {
    ...(isLast && message.role === "user" ? { edit } : {}),
    ...(isLast && isAnswer ? { regenerate: again("regenerate") } : {}),
    ...(isLast && isAnswer && message.cut ? { goOn: again("continue") } : {}),
    ...(isAnswer ? { branch: () => void branch(id, message.sequence) } : {}),
    remove: () => void remove(id, message.sequence),
    ...(message.replaces !== undefined ? { versions: () => pager(id, view.session, message, { find: () => stretch(message.sequence), isLast }) } : {}),
  };
}

/** @param {string} id @param {number} sequence */
async function remove(id, sequence) {
  try {
    const { value } = await removeMessage(id, sequence);
    view.edition += 1;
    if (view.id === id) place([value], view.session);
    tellTabs({ what: "changed", sessionId: id });
    dispatchEvent(new CustomEvent("memory-changed"));
  } catch (error) {
    complain(error);
  }
}

/** Leaves a session that was deleted, here or in another tab. @param {string} id */
export function gone(id) {
  if (view.id === id) go(null, { replaces: true });
}
