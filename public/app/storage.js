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

/** Removes all that is kept of a session. @param {string} sessionId */
export function forgetSession(sessionId) {
  for (const kind of ["draft", "unsent"]) keep(`${kind}:${sessionId}`, null);
}
