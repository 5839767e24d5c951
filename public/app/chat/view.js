// The session that is looked at: loads it, keeps what is shown in step with the service, and says what is done with a
// message. Pages come from the newest back; a turn that runs is followed wherever it was asked for.
// @ts-check
import { ApiError, messages, newKey, removeMessage, session as getSession } from "../api.js";
import { byId, h } from "../dom.js";
import { loadPersonas, persona } from "../personas.js";
import { begin } from "../sessions/begin.js";
import { nearness } from "../sessions/expiry.js";
import { clock, drop, put, refresh, state, titleOf } from "../sessions/store.js";
import { address, go, route } from "../router.js";
import { tellTabs } from "../tabs.js";
import { dismiss, follow, isRunning, onTurn, retry, run, stop, turnOf } from "../turns.js";
import { announce } from "../ui/announce.js";
import { branch, openCreate, pager } from "../ui/later.js";
import { complain, problemCard } from "../ui/problem.js";
import { unsent } from "../unsent.js";
import { drawBar } from "./bar.js";
import { giveBack, moveDraft, setBusy, setClosed, setText, showDraft, startComposer } from "./composer.js";
import { editMessage } from "./edit.js";
import { emptySession, home } from "./home.js";
import { clearLive, drawLive, drawUnanswered, livePlace, memoryLine, updateLive } from "./live.js";
import { keepPlace, startScroll, toElement, toEnd } from "./scroll.js";
import { clear, dropElement, dropMissing, elementOf, elements, hideAfter, lastOf, offer, place, stretch } from "./thread.js";

const PAGE = 50;
/** So many are looked at again after each change. */
const NEWEST = 12;

/**
 * What is looked at. `visit` tells apart visits, so that late answers of an earlier one are dropped; `edition` what was
 * said or taken away here, so that pages which were asked for before it are.
 * @type {{ id: string | null, session: any, before: string | null, isPaging: boolean, visit: number, edition: number, persona: string }}
 */
export const view = { id: null, session: null, before: null, isPaging: false, visit: 0, edition: 0, persona: "default" };

/** Sets everything up, once. */
export function startView() {
  offer(actions);
  startScroll(() => void older());
  startComposer({ send: say, stop: stopNow, editLast: () => edit() });
  onTurn(onTurnEvent);
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
  const [waiting] = unsent(id);
  if (turnOf(id)) redrawTurn();
  else if (waiting) run("reply", id, waiting.message, waiting.key);
  else if (session.running_turn !== null) follow(id, session.running_turn);
}

/** Asks for what is newest, and shows it. @param {number} [limit] */
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
  if (id === null || turnOf(id) || unsent(id).length || session.running_turn !== null) return;
  const last = elements().at(-1)?.message;
  if (last?.role === "user" && !last.removed_at) drawUnanswered(() => run("regenerate", id));
  else clearLive();
}

async function older() {
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

function markOlder() {
  byId("thread").querySelector(".older")?.remove();
  if (view.before) byId("thread").prepend(h("button", { class: "link older", type: "button", onclick: () => void older() }, "Show older messages"));
}

/** Brings a message into view, loading as far back as it takes. @param {number} sequence */
async function showMessage(sequence) {
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

/** Says something; where there is no session, in a new one. @param {string} text */
function say(text) {
  const { sessionId } = route();
  if (sessionId === null) return void sayFirst(text);
  // Not shown yet, or no more.
  if (sessionId !== view.id || !view.session || isRunning(view.id)) return setText(text);
  // What could not be sent before goes first; this is kept meanwhile.
  if (turnOf(view.id)?.problem?.isUnreachable) return setText(text), retry(view.id);
  byId("thread").querySelector(".hero")?.remove();
  dismiss(view.id);
  run("reply", view.id, text);
}

/** What no session could be begun with. It may have been begun all the same: the same again has the same key. @type {{ text: string, persona: string, key: string } | null} */
let failed = null;

/** Says the first message of a session. @param {string} text */
async function sayFirst(text) {
  const { persona } = view;
  const key = failed?.text === text && failed.persona === persona ? failed.key : newKey();
  setBusy(true);
  try {
    const { session_id: id } = await begin({ persona }, key);
    failed = null;
    run("reply", id, text);
    // Whoever has gone elsewhere meanwhile stays there.
    if (route().sessionId !== null) return;
    moveDraft(id);
    // It stays busy until it is shown, or whoever is quick would begin another session.
    go(id);
  } catch (error) {
    failed = { text, persona, key };
    giveBack(null, text);
    if (route().sessionId !== null) return complain(error);
    setBusy(false);
    const again = () => (setText(byId("message").value.replace(text, "").trim()), void sayFirst(text));
    clear(h("div", { class: "hero" }, problemCard(error, h("button", { class: "button small", type: "button", onclick: again }, "Try again"))));
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

/** @type {import("../turns.js").Listener} */
function onTurnEvent(turn, what) {
  if (what === "turn" && turn.isOwn && turn.number !== undefined) tellTabs({ what: "turn", sessionId: turn.sessionId, turn: turn.number });
  if (what === "begin" || what === "end") dispatchEvent(new CustomEvent("turns-changed", { detail: turn }));
  if (turn.sessionId !== view.id) return;
  if (what === "delta") updateLive(turn);
  else if (what === "end") void ended(turn);
  else if (what === "turn") void accepted(turn);
  else redrawTurn();
}

function redrawTurn() {
  const turn = view.id === null ? undefined : turnOf(view.id);
  if (!turn || !view.session) return;
  setBusy(isRunning(turn.sessionId));
  const last = lastOf("user")?.message.sequence;
  // What is being replaced goes at once, not only when its replacement is there.
  if (turn.inputSequence !== undefined) hideAfter(turn.inputSequence);
  else if (turn.kind === "edit" && last !== undefined) hideAfter(last - 1);
  else if (turn.kind !== "reply" && last !== undefined) hideAfter(last);
  byId("thread").querySelector(".hero")?.remove();
  drawLive(turn, { session: view.session, user: state.user, retry: () => retry(turn.sessionId), discard: () => discard(turn) });
  if (turn.isOwn && turn.phase === "sending") toEnd();
}

/** @param {import("../turns.js").Turn} turn */
async function accepted(turn) {
  const { inputSequence: sequence, message: content } = turn;
  view.edition += 1;
  if (turn.kind === "reply" && turn.isOwn && sequence !== undefined) {
    place([{ sequence, role: "user", content, created_at: new Date().toISOString() }], view.session);
    // What the session is called until it has a title.
    if (!view.session.title) put({ session_id: turn.sessionId, last_message: { text: content } });
  } else if (sequence !== undefined && (turn.kind === "edit" || !elementOf(sequence))) await sync().catch(() => {});
  if (turnOf(turn.sessionId) === turn && turn.sessionId === view.id) redrawTurn();
}

/** @param {import("../turns.js").Turn} turn */
async function ended(turn) {
  const { visit } = view;
  view.edition += 1;
  if (turn.phase === "failed") {
    hideAfter(null);
    redrawTurn();
    announce(`${turn.problem?.message ?? "That did not work."}`);
  } else {
    if (turn.answer?.replaces !== undefined) dropElement(elementOf(turn.answer.replaces));
    hideAfter(null);
    if (turn.answer) place([turn.answer], view.session);
    clearLive();
    keepLines(turn);
    if (turn.answer) announce(`${persona(view.session?.persona ?? "default").name}: ${elementOf(turn.answer.sequence)?.querySelector(".message-body")?.textContent ?? ""}`);
  }
  setBusy(false);
  if (turn.isOwn) tellTabs({ what: "changed", sessionId: turn.sessionId });
  // A session that has gone is found out here, too.
  if (turn.problem?.code === "INVALID_SESSION") return expire();
  await syncQuietly();
  // What else could not be sent, here or in another tab.
  if (visit === view.visit && turn.phase !== "failed") pickUp();
  // A model makes its title when the answer is there already.
  if (visit === view.visit && view.session?.turn_count <= 2) setTimeout(() => visit === view.visit && !isRunning(turn.sessionId) && void syncQuietly(), 4000);
}

/** What was remembered stays to be read and taken back, before the answer that it came with. @param {import("../turns.js").Turn} turn */
function keepLines(turn) {
  if (!turn.changes.length) return;
  const answer = turn.answer && elementOf(turn.answer.sequence);
  const lines = turn.changes.map((change) => memoryLine(change, { session: view.session, user: state.user, retry() {}, discard() {} }));
  for (const line of lines) line.classList.remove("is-enter");
  if (answer) answer.before(...lines);
  dispatchEvent(new CustomEvent("memory-changed"));
}

/** Lets go of what has failed. What was never accepted goes back to where it was written. @param {import("../turns.js").Turn} turn */
function discard(turn) {
  dismiss(turn.sessionId);
  clearLive();
  if (turn.inputSequence === undefined && turn.message !== undefined) setText(turn.message);
  byId("message").focus();
  void refresh();
}

/** Leaves a session that was deleted, here or in another tab. @param {string} id */
export function gone(id) {
  if (view.id === id) go(null, { replaces: true });
}
