// Clears away what this browser has kept for sessions that have ended since: drafts, and what was never accepted. Only the
// service knows which those are; what it does not say is gone stays.
// @ts-check
import { ApiError, session } from "../api.js";
import { route } from "../router.js";
import { forgetSession, keysOf } from "../storage.js";
import { state } from "./store.js";

/** So many are asked for at a time; the others have their turn when the page is loaded again. */
const MOST = 50;
/** So long what was deleted may still be brought back, in another tab. */
const UNDO_MS = 15_000;

export async function clearLeftovers() {
  const isUnknown = (/** @type {string} */ id) => !state.byId.has(id) && route().sessionId !== id;
  /** @type {string[]} */
  const gone = [];
  for (const id of [...keptIds()].filter(isUnknown).slice(0, MOST)) if (await isGone(id)) gone.push(id);
  if (gone.length) setTimeout(() => gone.filter(isUnknown).forEach(forgetSession), UNDO_MS);
}

/** The sessions that something is kept for. */
function keptIds() {
  const drafts = keysOf("draft:").map((key) => key.slice("draft:".length)).filter((id) => id !== "new");
  const unsent = keysOf("unsent:").map((key) => decodeURIComponent(key.split(":")[1] ?? ""));
  return new Set([...drafts, ...unsent]);
}

/** @param {string} id */
async function isGone(id) {
  try {
    await session(id);
    return false;
  } catch (error) {
    return error instanceof ApiError && error.status === 404;
  }
}
