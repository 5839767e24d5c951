// The sessions that the list shows: loaded page by page, changed as answers tell, newest activity first. The service is
// the truth; this is what was last heard of it. Draws nothing.
// @ts-check
import { listSessions } from "../api.js";
import { now } from "../clock.js";

/** @typedef {any} Session as the API shows it */

export const state = {
  /** @type {Map<string, Session>} */
  byId: new Map(),
  /** @type {string | null} */
  cursor: null,
  /** @type {"loading" | "ready" | "failed"} */
  phase: "loading",
  /** @type {any} why it failed */
  problem: null,
  /** @type {string} the user's name in paths */
  user: "",
};

/** @type {Set<() => void>} */
const listeners = new Set();
const hidden = new Set();

/** Counts what is heard, so that what was asked for before something newer was heard is not taken for news. */
let moment = 0;
/** @type {Map<string, number>} when something was last heard of a session */
const heard = new Map();
export const clock = () => moment;

/** @param {() => void} listener */
export const onSessions = (listener) => void listeners.add(listener);
const tell = () => listeners.forEach((listener) => listener());

const PAGE = 50;

/** Living sessions, latest activity first. @param {number} [at] @returns {Session[]} */
export function sessions(at = now()) {
  const alive = [...state.byId.values()].filter((session) => !hidden.has(session.session_id) && Date.parse(session.expires_at) > at);
  return alive.sort((a, b) => Date.parse(b.last_activity) - Date.parse(a.last_activity));
}

/** Loads the list anew, as far as it was loaded. Gives the ids that are gone since. @returns {Promise<Session[]>} */
export async function refresh() {
  try {
    const wanted = Math.max(PAGE, Math.min(200, state.byId.size));
    const asked = moment;
    const page = await listSessions(state.user, { limit: wanted });
    const before = state.byId;
    state.byId = new Map(page.sessions.map((/** @type {Session} */ session) => [session.session_id, session]));
    for (const [id, at] of heard) {
      if (at <= asked) continue;
      const newer = before.get(id);
      if (newer) state.byId.set(id, newer);
      else state.byId.delete(id);
    }
    [state.cursor, state.phase, state.problem] = [page.next_cursor, "ready", null];
    tell();
    return page.next_cursor ? [] : [...before.values()].filter((session) => !state.byId.has(session.session_id));
  } catch (error) {
    // What was heard before is better than nothing.
    if (state.phase !== "ready") [state.phase, state.problem] = ["failed", error];
    tell();
    return [];
  }
}

export async function loadMore() {
  if (!state.cursor) return;
  const page = await listSessions(state.user, { limit: PAGE, cursor: state.cursor });
  for (const session of page.sessions) state.byId.set(session.session_id, session);
  state.cursor = page.next_cursor;
  tell();
}

/**
 * Takes what an answer says of a session, unless something newer was heard since it was asked for; gives what is known now.
 * @param {Session} session
 * @param {number} [asked] `clock()` at that time
 * @returns {Session}
 */
export function put(session, asked = moment) {
  const id = session.session_id;
  const known = state.byId.get(id);
  if (known && (heard.get(id) ?? 0) > asked) return known;
  const merged = { ...known, ...session };
  state.byId.set(id, merged);
  heard.set(id, (moment += 1));
  tell();
  return merged;
}

/** @param {string} id */
export function drop(id) {
  state.byId.delete(id);
  heard.set(id, (moment += 1));
  tell();
}

/** Hides a session while its deletion is under way, or can be taken back. @param {string} id @param {boolean} isHidden */
export function hide(id, isHidden) {
  if (isHidden) hidden.add(id);
  else hidden.delete(id);
  tell();
}

/** What a session is called where it has no title. @param {Session} session */
export const titleOf = (session) => session.title || session.last_message?.text || "New session";
