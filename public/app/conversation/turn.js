// A turn as the conversation shows it: what is asked, what is being answered, how it ends, what is left of it. What runs
// is ../turns.js.
// @ts-check
import { giveBack, setBusy, setText } from "../chat/composer.js";
import { toEnd } from "../chat/scroll.js";
import { view } from "../chat/view.js";
import { now } from "../clock.js";
import { byId } from "../dom.js";
import { refreshContext } from "../panel/ring.js";
import { persona } from "../personas.js";
import { isGivenUp } from "../replace.js";
import { refresh, state } from "../sessions/store.js";
import { tellTabs } from "../tabs.js";
import { dismiss, follow, isRunning, retry, run, turnOf } from "../turns.js";
import { announce } from "../ui/announce.js";
import { complain } from "../ui/problem.js";
import { unsent } from "../unsent.js";
import { edit } from "./actions.js";
import { clearLive, drawLive, updateLive } from "./live.js";
import { expire, syncQuietly } from "./pages.js";
import { keepLines } from "./remembered.js";
import { dropCovered, dropElement, elementOf, hideAfter, lastOf, place } from "./thread.js";

/** A model makes its title when the answer is there already. */
const TITLE_MS = 4000;

/** Is what was not sent before being sent, one after the other? Only since this view was opened: other tabs look after their own. */
let isCatchingUp = false;

/** Goes on with what was under way: here before a reload, in another tab, or, in a view that has just been opened, not accepted yet. @param {{ isOpening?: boolean }} [how] */
export function pickUp({ isOpening = false } = {}) {
  const { id, session } = view;
  if (id === null || !session) return;
  isCatchingUp ||= isOpening;
  const [waiting] = isCatchingUp ? unsent(id) : [];
  isCatchingUp = Boolean(waiting);
  if (turnOf(id)) redraw();
  else if (waiting) run("reply", id, waiting.message, { key: waiting.key });
  else if (session.running_turn !== null) follow(id, session.running_turn);
}

/** What has happened to the turn of the session that is shown. @type {import("../turns.js").Listener} */
export function onTurnEvent(turn, what) {
  if (what === "delta") updateLive(turn);
  else if (what === "end") void ended(turn);
  else if (what === "turn") void accepted(turn);
  else redraw();
}

function redraw() {
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
  const before = lastOf("user")?.message.sequence;
  view.edition += 1;
  if (content !== undefined && turn.isOwn && sequence !== undefined) {
    const replaces = turn.kind === "edit" && before !== sequence ? { replaces: before } : {};
    // The edited message and its answer are hidden since it was sent.
    if (turn.kind === "edit") dropCovered();
    place([{ sequence, role: "user", content, created_at: new Date(now()).toISOString(), ...replaces }], view.session);
  } else if (sequence !== undefined && !elementOf(sequence)) await syncQuietly();
  if (turnOf(turn.sessionId) === turn && turn.sessionId === view.id) redraw();
}

/** @param {import("../turns.js").Turn} turn */
async function ended(turn) {
  const { visit } = view;
  view.edition += 1;
  if (turn.phase === "failed") {
    hideAfter(null);
    if (isGivenUp(turn)) giveUp(turn);
    else redraw();
    announce(`${turn.problem?.message ?? "That did not work."}`);
  } else finish(turn);
  setBusy(false);
  refreshContext(turn.sessionId);
  if (turn.isOwn) tellTabs({ what: "changed", sessionId: turn.sessionId });
  // A session that has gone is found out here, too.
  if (turn.problem?.code === "INVALID_SESSION") return expire();
  await syncQuietly();
  // What else was not sent.
  if (visit === view.visit && turn.phase !== "failed") pickUp();
  if (visit === view.visit && view.session?.turn_count <= 2) setTimeout(() => visit === view.visit && !isRunning(turn.sessionId) && void syncQuietly(), TITLE_MS);
}

/** Gives up what has replaced nothing. What was written for it can be sent again, or, where somebody has gone on elsewhere, be said after that. @param {import("../turns.js").Turn} turn */
function giveUp(turn) {
  dismiss(turn.sessionId);
  clearLive();
  const isLast = turn.problem?.code !== "PRECONDITION_FAILED" && lastOf("user")?.message.sequence === turn.latest;
  if (turn.message !== undefined && !(isLast && edit(turn.message))) giveBack(turn.sessionId, turn.message);
  complain(turn.problem);
}

/** Puts the answer where it was being written. @param {import("../turns.js").Turn} turn */
function finish(turn) {
  const { answer } = turn;
  if (answer?.replaces !== undefined) dropElement(elementOf(answer.replaces));
  hideAfter(null);
  if (answer) place([answer], view.session);
  clearLive();
  keepLines(turn);
  if (answer) announce(`${persona(view.session?.persona ?? "default").name}: ${elementOf(answer.sequence)?.querySelector(".message-body")?.textContent ?? ""}`);
}

/** Lets go of what has failed. What was never accepted goes back to where it was written. @param {import("../turns.js").Turn} turn */
function discard(turn) {
  dismiss(turn.sessionId);
  clearLive();
  if (turn.inputSequence === undefined && turn.message !== undefined) setText(turn.message);
  byId("message").focus();
  void refresh();
}
