// The turns that run, one a session at most. They belong to their sessions: whoever looks at another session, or at
// none, loses nothing. Draws nothing.
// @ts-check
import { ApiError, followTurn, newKey, runTurn, stopTurn } from "./api.js";
import { replacing } from "./replace.js";
import { turnEvents } from "./stream.js";
import { keepUnsent } from "./unsent.js";

/**
 * @typedef {object} Turn
 * @property {string} sessionId
 * @property {import("./api.js").TurnKind} kind
 * @property {"sending" | "running" | "done" | "failed" | "lost" | "withdrawn"} phase `lost`: it has ended, nobody can say how; `withdrawn`: stopped before anybody had it
 * @property {string} key
 * @property {string | undefined} message what was said, when it was said here
 * @property {number | undefined} latest what was said last when something was asked for in its place
 * @property {number | undefined} number
 * @property {number | undefined} inputSequence
 * @property {string} text what has been answered so far
 * @property {any[]} changes of the memory
 * @property {any[]} calls of tools
 * @property {any} answer the message at the end
 * @property {any} end the event that ended it
 * @property {ApiError | null} problem
 * @property {boolean} isLost the connection is gone, and is being made again
 * @property {boolean} isOwn was it asked for here?
 * @property {boolean} isStopping
 * @property {number} began
 * @property {AbortController} aborter
 */

/** @typedef {(turn: Turn, what: "begin" | "turn" | "memory" | "delta" | "tool_call" | "lost" | "stopping" | "end") => void} Listener */

/** So long a turn that was stopped may take to be accepted. */
const ACCEPTED_WITHIN_MS = 5000;

/** @type {Map<string, Turn>} */
const turns = new Map();
/** @type {Set<Listener>} */
const listeners = new Set();

/** @param {Listener} listener */
export const onTurn = (listener) => void listeners.add(listener);

/** The turn of a session that runs, or has failed and waits to be sent again. @param {string} sessionId */
export const turnOf = (sessionId) => turns.get(sessionId);

/** @param {string} sessionId */
export const isRunning = (sessionId) => ["sending", "running"].includes(turns.get(sessionId)?.phase ?? "");

/** Forgets a turn that has failed. @param {string} sessionId */
export function dismiss(sessionId) {
  const turn = turns.get(sessionId);
  if (!turn || isRunning(sessionId)) return;
  turns.delete(sessionId);
  keepUnsent(sessionId, turn.key, null);
}

/** @param {Turn} turn @param {Parameters<Listener>[1]} what */
const tell = (turn, what) => listeners.forEach((listener) => listener(turn, what));

/**
 * Says something, or asks for another answer, an end of it, an answer to something else.
 * @param {import("./api.js").TurnKind} kind
 * @param {string} sessionId
 * @param {string} [message]
 * @param {{ key?: string, latest?: number }} [how] `key`: of an earlier attempt; `latest`: see replace.js
 * @returns {boolean} whether it is being asked for: not while another one runs
 */
export function run(kind, sessionId, message, { key = newKey(), latest } = {}) {
  if (isRunning(sessionId)) return false;
  const turn = newTurn(sessionId, kind, { message, latest, key, isOwn: true });
  // Until the service has accepted it, a reload must not lose what was written.
  if (kind === "reply") keepUnsent(sessionId, key, message ?? null);
  const said = { message, key, signal: turn.aborter.signal };
  void drive(turn, latest === undefined ? () => runTurn(kind, sessionId, said) : replacing(kind, sessionId, said, latest));
  return true;
}

/** Follows a turn that somebody else has asked for, or this page before it was loaded again. @param {string} sessionId @param {number} number */
export function follow(sessionId, number) {
  if (isRunning(sessionId)) return;
  const turn = newTurn(sessionId, "reply", { number, isOwn: false });
  void drive(turn, () => followTurn(sessionId, number, -1, turn.aborter.signal));
}

/** Sends again what has failed, under its key: it is done once. @param {string} sessionId */
export function retry(sessionId) {
  const turn = turns.get(sessionId);
  if (!turn || isRunning(sessionId)) return;
  turns.delete(sessionId);
  // Without a key it was somebody else's; then its question is answered anew.
  // What was accepted has replaced already what it is to replace.
  if (turn.isOwn) run(turn.kind, sessionId, turn.message, { key: turn.key, latest: turn.number === undefined ? turn.latest : undefined });
  else run("regenerate", sessionId);
}

/** Stops the turn of a session; what was said stays. One that is not accepted yet is stopped when it is, or withdrawn. @param {string} sessionId */
export async function stop(sessionId) {
  const turn = turns.get(sessionId);
  if (!turn || turn.isStopping || !isRunning(sessionId)) return;
  turn.isStopping = true;
  tell(turn, "stopping");
  if (turn.number === undefined) setTimeout(() => withdraw(turn), ACCEPTED_WITHIN_MS);
  await halt(turn, turn.number);
}

/** @param {Turn} turn @param {number | undefined} number undefined: whatever runs, which this one may be waiting for */
async function halt(turn, number) {
  try {
    await stopTurn(turn.sessionId, number);
  } catch (error) {
    if (number === undefined) return;
    turn.isStopping = false;
    tell(turn, "stopping");
    throw error;
  }
}

/** Gives up a turn that was stopped and is not accepted. @param {Turn} turn */
function withdraw(turn) {
  if (!turn.isStopping || turn.phase !== "sending") return;
  turn.aborter.abort();
  turns.delete(turn.sessionId);
  keepUnsent(turn.sessionId, turn.key, null);
  turn.phase = "withdrawn";
  tell(turn, "end");
}

/** Lets go of a session that is gone. @param {string} sessionId */
export function abandon(sessionId) {
  turns.get(sessionId)?.aborter.abort();
  turns.delete(sessionId);
}

/** @param {string} sessionId @param {Turn["kind"]} kind @param {Partial<Turn>} rest @returns {Turn} */
function newTurn(sessionId, kind, rest) {
  /** @type {Turn} */
  const turn = {
    sessionId, kind, phase: rest.isOwn ? "sending" : "running", key: "", message: undefined, latest: undefined, number: undefined, inputSequence: undefined, text: "", changes: [], calls: [],
    answer: null, end: null, problem: null, isLost: false, isOwn: false, isStopping: false, began: Date.now(), aborter: new AbortController(), ...rest,
  };
  turns.set(sessionId, turn);
  tell(turn, "begin");
  return turn;
}

/** @param {Turn} turn @param {() => Promise<Response>} begin */
async function drive(turn, begin) {
  const { sessionId, aborter } = turn;
  const onLost = (/** @type {boolean} */ isLost) => {
    if (turn.isLost === isLost) return;
    turn.isLost = isLost;
    tell(turn, "lost");
    if (isLost) withdraw(turn);
  };
  const resume = (/** @type {number} */ number, /** @type {number} */ lastId) => followTurn(sessionId, number, lastId, aborter.signal);
  try {
    for await (const event of turnEvents({ begin, resume, turn: turn.number, signal: aborter.signal, onLost })) take(turn, event);
    if (turn.phase === "running" || turn.phase === "sending") turn.phase = "lost";
  } catch (error) {
    if (aborter.signal.aborted) return;
    turn.problem = error instanceof ApiError ? error : new ApiError(0, { detail: "The connection was lost." });
    if (turn.problem.isPassing) withdraw(turn);
    if (turn.phase === "withdrawn") return;
    turn.phase = "failed";
    turn.isStopping = false;
  }
  turn.isLost = false;
  // What has failed stays, so that it can be sent again.
  if (turn.phase !== "failed") turns.delete(sessionId);
  tell(turn, "end");
}

/** @param {Turn} turn @param {import("./stream.js").TurnEvent} event */
function take(turn, { name, data }) {
  switch (name) {
    case "turn":
      [turn.phase, turn.number, turn.inputSequence] = ["running", data.turn, data.input_sequence];
      // What was asked for here is known better: an edit is a reply to the service.
      if (!turn.isOwn) [turn.kind, turn.began] = [data.kind, Date.parse(data.started_at)];
      keepUnsent(turn.sessionId, turn.key, null);
      if (turn.isStopping) halt(turn, turn.number).catch(() => {});
      return tell(turn, "turn");
    case "delta":
      turn.text += data.text;
      return tell(turn, "delta");
    case "memory":
      turn.changes.push(data);
      return tell(turn, "memory");
    case "tool_call":
      turn.calls.push(data);
      return tell(turn, "tool_call");
    case "done":
    case "error":
      [turn.phase, turn.end, turn.answer] = [name === "done" ? "done" : "failed", data, data.message];
      if (name === "error") turn.problem = new ApiError(502, data);
      return undefined;
    default:
      return undefined;
  }
}
