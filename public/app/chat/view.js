// What the address names: nothing yet, where the first message begins a session, or a session. What a session needs is
// conversation/, loaded when there is one or about to be one: the first view of the page does without.
// @ts-check
import { ApiError } from "../api.js";
import { byId, h } from "../dom.js";
import { prepare } from "../markdown/show.js";
import { loadPersonas } from "../personas.js";
import { isGivenUp } from "../replace.js";
import { address, go, route } from "../router.js";
import { drop, put, state } from "../sessions/store.js";
import { tellTabs } from "../tabs.js";
import { dismiss, isRunning, onTurn, retry, run, stop, turnOf } from "../turns.js";
import { load, openCreate } from "../ui/later.js";
import { complain, problemCard } from "../ui/problem.js";
import { giveBack, setBusy, setClosed, setText, showDraft, startComposer } from "./composer.js";
import { isBeginning, sayFirst, showFirst, stopFirst } from "./first.js";
import { home } from "./home.js";
import { startScroll, toEnd } from "./scroll.js";

/**
 * What is looked at. `visit` tells apart visits, so that late answers of an earlier one are dropped; `edition` what was
 * said or taken away here, so that pages which were asked for before it are.
 * @type {{ id: string | null, session: any, before: string | null, isPaging: boolean, visit: number, edition: number, persona: string }}
 */
export const view = { id: null, session: null, before: null, isPaging: false, visit: 0, edition: 0, persona: "default" };

/** @type {typeof import("../conversation/conversation.js") | null} */
let conversation = null;
/** @type {Promise<typeof import("../conversation/conversation.js")> | null} */
let loading = null;

/** Begins to load what a conversation needs, before it does. */
export function prepareConversation() {
  void prepare();
  loading ??= load("/app/conversation/conversation.js").then((module) => {
    if (!conversation) module.start();
    return (conversation = module);
  });
  loading.catch(() => (loading = null));
  return loading;
}

/** Sets everything up, once. */
export function startView() {
  startScroll(() => void conversation?.older());
  startComposer({ send: say, stop: stopNow, editLast: () => conversation?.edit() });
  onTurn(hear);
  if (route().sessionId !== null) void prepareConversation();
}

/** Shows what the address names. @param {{ isReload?: boolean }} [how] */
export async function show({ isReload = false } = {}) {
  const { sessionId, sequence } = route();
  if (sessionId === view.id && view.session && !isReload) {
    if (sequence !== null) await conversation?.showMessage(sequence);
    return;
  }
  const visit = (view.visit += 1);
  Object.assign(view, { id: sessionId, session: null, before: null, isPaging: false });
  showDraft(sessionId);
  setBusy(sessionId !== null && isRunning(sessionId));
  setClosed("");
  byId("thread").classList.remove("is-over");
  document.title = "edge-sessions";
  conversation?.drawBar(state.byId.get(sessionId ?? "") ?? null);
  if (sessionId === null) return showHome();
  if (!conversation) fill(skeleton());
  try {
    const { open } = await prepareConversation().catch(() => Promise.reject(new ApiError(0, { detail: "The service cannot be reached." })));
    if (visit === view.visit) await open({ sequence, isReload });
  } catch (error) {
    if (visit === view.visit) showFailure(sessionId, error);
  }
}

/** @param {...Node} content in place of a conversation */
const fill = (...content) => byId("thread").replaceChildren(...content);

/** Where messages are going to be. */
export const skeleton = () => h("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: 6 }, () => h("i")));

/** Shows the first view, or what is being said in it. */
export async function showHome() {
  if (isBeginning()) return showFirst();
  const draw = (/** @type {any[]} */ all) => fill(home(all, view.persona, { choose: (id) => ((view.persona = id), draw(all)), say, more: () => void openCreate(view.persona) }));
  draw([]);
  byId("message").focus({ preventScroll: true });
  toEnd();
  const visit = view.visit;
  // Without them the default answers.
  const all = await loadPersonas().catch(() => []);
  if (visit === view.visit && view.id === null && !isBeginning()) draw(all);
}

/** @param {string} id @param {any} error */
function showFailure(id, error) {
  const isGone = error instanceof ApiError && error.status === 404;
  if (isGone) drop(id);
  setClosed(isGone ? "This session has ended" : "");
  const again = !isGone && h("button", { class: "button small", type: "button", onclick: () => void show({ isReload: true }) }, "Try again");
  const anew = isGone && h("a", { class: "button small", href: address(null) }, "Begin a new session");
  fill(h("div", { class: "hero" }, problemCard(error, again, anew)));
}

/** Says something; where there is no session, in a new one. @param {string} text */
export function say(text) {
  const { sessionId } = route();
  if (sessionId === null) return void sayFirst(text);
  // Not shown yet, or no more.
  if (sessionId !== view.id || !view.session || isRunning(view.id)) return setText(text);
  // What could not be sent before goes first; this is kept meanwhile.
  if (turnOf(view.id)?.problem?.isUnreachable) return setText(text), retry(view.id);
  byId("thread").querySelector(".hero")?.remove();
  putAside(view.id, text);
  run("reply", view.id, text);
}

/** Makes room for another message: one that was refused goes back to the box. @param {string} id @param {string} text what is said now */
function putAside(id, text) {
  const turn = turnOf(id);
  dismiss(id);
  if (turn?.number === undefined && turn?.message !== undefined && turn.message !== text) giveBack(id, turn.message);
}

/** Stops the answer, or what is about to be asked. @returns {boolean} whether there is anything to stop */
export function stopNow() {
  const { id } = view;
  if (id === null ? !isBeginning() : !isRunning(id)) return false;
  if (id === null) stopFirst();
  else stop(id).catch(complain);
  return true;
}

/** @type {import("../turns.js").Listener} */
function hear(turn, what) {
  const { sessionId, number } = turn;
  if (what === "turn" && turn.isOwn && number !== undefined) {
    tellTabs({ what: "turn", sessionId, turn: number });
    const listed = state.byId.get(sessionId);
    // What the session is called until it has a title.
    if (listed && turn.kind === "reply") put({ ...listed, last_message: { text: turn.message }, message_count: Math.max(1, listed.message_count) });
  }
  if (turn.phase === "withdrawn" && turn.message !== undefined) giveBack(sessionId, turn.message);
  if (what === "begin" || what === "end") dispatchEvent(new CustomEvent("turns-changed", { detail: turn }));
  // What is still being loaded will find the turn, or its end.
  if (sessionId === view.id && view.session) conversation?.onTurnEvent(turn, what);
  else if (what === "end" && isGivenUp(turn)) {
    dismiss(sessionId);
    if (turn.message !== undefined) giveBack(sessionId, turn.message);
    complain(turn.problem);
  }
}

/** Looks after a session that others may have changed: other tabs, other devices, time. @param {number} [removed] the message that another tab has removed */
export const lookAgain = (removed) => conversation?.lookAgain(removed);

/** Says that time is up, once it is. @param {number} now */
export const tick = (now) => conversation?.tick(now);

/** Leaves a session that was deleted, here or in another tab. @param {string} id */
export function gone(id) {
  if (view.id === id) go(null, { replaces: true });
}
