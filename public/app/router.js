// Where the page is, in its address: `#/` a new session, `#/s/<id>` a session, `#/s/<id>/m/<sequence>` a message of it.
// So every session has an address, and back and forward work by themselves.
// @ts-check

/** @typedef {{ sessionId: string | null, sequence: number | null }} Route */

/** @returns {Route} */
export function route() {
  const match = /^#\/s\/([^/]+)(?:\/m\/(\d+))?$/.exec(location.hash);
  try {
    return { sessionId: match?.[1] ? decodeURIComponent(match[1]) : null, sequence: match?.[2] ? Number(match[2]) : null };
  } catch {
    return { sessionId: null, sequence: null };
  }
}

/** @param {string | null} sessionId @param {number} [sequence] */
export const address = (sessionId, sequence) => (sessionId === null ? "#/" : `#/s/${encodeURIComponent(sessionId)}${sequence === undefined ? "" : `/m/${sequence}`}`);

/** Goes to a session, or to a new one; `replaces`: without a step to come back to. @param {string | null} sessionId @param {{ replaces?: boolean }} [how] */
export function go(sessionId, { replaces = false } = {}) {
  if (!replaces) location.hash = address(sessionId);
  else location.replace(address(sessionId));
}

/** @param {() => void} listener */
export const onRoute = (listener) => addEventListener("hashchange", listener);
