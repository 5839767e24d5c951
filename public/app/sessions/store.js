// The sessions that the list shows: loaded page by page, changed as answers tell, newest activity first. The service is
// the truth; this is what was last heard of it. Draws nothing.
// @ts-check
import { listSessions } from "../api.js";

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

/** @param {() => void} listener */
export const onSessions = (listener) => void listeners.add(listener);
const tell = () => listeners.forEach((listener) => listener());

const PAGE = 50;

/** Living sessions, latest activity first. @param {number} [now] @returns {Session[]} */
export function sessions(now = Date.now()) {
  const alive = [...state.byId.values()].filter((session) => !hidden.has(session.session_id) && Date.parse(session.expires_at) > now);
  return alive.sort((a, b) => Date.parse(b.last_activity) - Date.parse(a.last_activity));
}

/** Loads the list anew, as far as it was loaded. Gives the ids that are gone since. @returns {Promise<Session[]>} */
export async function refresh() {
  try {
    const wanted = Math.max(PAGE, Math.min(200, state.byId.size));
    const page = await listSessions(state.user, { limit: wanted });
    const before = state.byId;
    state.byId = new Map(page.sessions.map((/** @type {Session} */ session) => [session.session_id, session]));
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

/** Takes what an answer says of a session. @param {Session} session */
export function put(session) {
  state.byId.set(session.session_id, { ...state.byId.get(session.session_id), ...session });
  tell();
}

/** @param {string} id */
export function drop(id) {
  state.byId.delete(id);
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
