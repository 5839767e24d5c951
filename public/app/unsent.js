// What was said and is not known to have arrived: kept in this browser until the service has it. A slot for each message,
// under its key, so that tabs of one session never write over each other's. Sends nothing.
// @ts-check
import { keep, keysOf, recall, recallJson, unsentSlots } from "./storage.js";

/** More of one session are not kept; the oldest goes. */
const MOST = 20;

/**
 * Keeps a message until it is kept no longer: null. What is kept already keeps its place in the order.
 * @param {string} sessionId
 * @param {string} key its `client_message_id`
 * @param {string | null} message
 */
export function keepUnsent(sessionId, key, message) {
  const slots = unsentSlots(sessionId);
  if (message === null) return keep(slots + key, null);
  if (recall(slots + key)) return;
  keep(slots + key, JSON.stringify({ message, at: Date.now() }));
  for (const oldest of unsent(sessionId).slice(0, -MOST)) keep(slots + oldest.key, null);
}

/** What was written and perhaps never accepted, oldest first. Sending it again under its key is safe. @param {string} sessionId @returns {{ message: string, key: string }[]} */
export function unsent(sessionId) {
  const slots = unsentSlots(sessionId);
  const all = keysOf(slots).map((slot) => ({ ...recallJson(slot), key: slot.slice(slots.length) }));
  return all.filter(({ message }) => typeof message === "string").sort((a, b) => a.at - b.at);
}
