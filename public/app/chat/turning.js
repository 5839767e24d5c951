// What a turn does to the session that is looked at: its question, its answer as it grows, how it ends. Turns themselves are
// in turns.js.
// @ts-check
import { byId } from "../dom.js";
import { persona } from "../personas.js";
import { put, refresh, state } from "../sessions/store.js";
import { tellTabs } from "../tabs.js";
import { dismiss, isRunning, onTurn, retry, turnOf } from "../turns.js";
import { announce } from "../ui/announce.js";
import { setBusy, setText } from "./composer.js";
import { view } from "./current.js";
import { clearLive, drawLive, memoryLine, updateLive } from "./live.js";
import { toEnd } from "./scroll.js";
import { dropElement, elementOf, hideAfter, lastOf, place } from "./thread.js";

/** @type {{ syncQuietly: () => Promise<void>, expire: () => void }} */
let looked;

/**
 * Begins to draw turns.
 * @param {typeof looked} actions what is done with the session that is looked at: shown as it is now, shown as ended
 */
export function startTurning(actions) {
  looked = actions;
  onTurn(onTurnEvent);
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

/** Draws the turn of the session that is looked at, if it has one. */
export function redrawTurn() {
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
  } else if (sequence !== undefined && (turn.kind === "edit" || !elementOf(sequence))) await looked.syncQuietly();
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
  if (turn.problem?.code === "INVALID_SESSION") return looked.expire();
  await looked.syncQuietly();
  // A model makes its title when the answer is there already.
  if (visit === view.visit && view.session?.turn_count <= 2) setTimeout(() => visit === view.visit && !isRunning(turn.sessionId) && void looked.syncQuietly(), 4000);
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
