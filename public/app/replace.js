// Asks for a turn that takes the place of something: another answer, the rest of one, an answer to something else. It does
// so only as long as that is what is said last: elsewhere somebody may have gone on meanwhile. Draws nothing.
// @ts-check
import { ApiError, messages, runTurn, session } from "./api.js";

/** So often something that does not matter here, such as a title, may come between the look and the request. */
const MOST = 3;
/** So many are looked at: an answer may be followed by what tools have said. */
const NEWEST = 12;

/**
 * What asks for the turn, as often as it is called.
 * @param {import("./api.js").TurnKind} kind
 * @param {string} id
 * @param {{ message?: string, key: string, signal: AbortSignal }} said
 * @param {number} latest the message that is said last, as far as whoever asks has seen; for an edit the user's last
 * @returns {() => Promise<Response>}
 */
export function replacing(kind, id, said, latest) {
  // Kept from call to call: what an earlier one has begun is joined under its key, not looked at.
  /** @type {string | null} */
  let ifMatch = null;
  return async () => {
    for (let tries = 1; ; tries += 1) {
      ifMatch ??= await tagOf(kind, id, latest);
      try {
        return await runTurn(kind, id, { ...said, ifMatch });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 412) throw error;
        if (tries === MOST) throw changed();
        ifMatch = null;
      }
    }
  };
}

/** The entity tag of a session in which `latest` is still the last. @param {import("./api.js").TurnKind} kind @param {string} id @param {number} latest */
async function tagOf(kind, id, latest) {
  // In this order: what is said between the two makes the tag an old one.
  const { etag } = await session(id);
  const page = await messages(id, { limit: NEWEST });
  const last = page.messages.findLast((/** @type {any} */ message) => kind !== "edit" || message.role === "user");
  if (last ? last.sequence !== latest : !page.before) throw changed();
  return etag;
}

/** Is there nothing left to be asked for again? What was written for it goes back to where it was written. @param {import("./turns.js").Turn} turn */
export const isGivenUp = ({ phase, kind, number, problem }) => phase === "failed" && (problem?.code === "PRECONDITION_FAILED" || (kind === "edit" && number === undefined));

const changed = () => new ApiError(412, { code: "PRECONDITION_FAILED", detail: "Nothing was replaced. The conversation is shown as it is now." });
