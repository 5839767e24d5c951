// What this browser keeps by itself: theme, drafts, messages that were not accepted yet, who is asking in open mode. The
// truth about sessions is never here. Storage may be full or switched off; then nothing is kept, and nothing breaks.
// @ts-check

/** @param {string} key @returns {string | null} */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a value; null and "" remove it. @param {string} key @param {string | null} value */
export function keep(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // See above.
  }
}

/** @param {string} key @returns {any} what was kept as JSON, null when there is none */
export function recallJson(key) {
  try {
    return JSON.parse(recall(key) ?? "null");
  } catch {
    return null;
  }
}

/** The keys that begin so. @param {string} begin */
export function keysOf(begin) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(begin));
  } catch {
    return [];
  }
}

/** How the keys of a session's unsent messages begin; an id may hold a colon itself. @param {string} sessionId */
export const unsentSlots = (sessionId) => `unsent:${encodeURIComponent(sessionId)}:`;

/** Removes all that is kept of a session. @param {string} sessionId */
export function forgetSession(sessionId) {
  for (const key of [`draft:${sessionId}`, ...keysOf(unsentSlots(sessionId))]) keep(key, null);
}
