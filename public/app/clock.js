// What time it is, by the service's clock: a computer whose own is wrong would have sessions ended that live, and keep
// those that have ended. Spans that begin and end here need no such thing.
// @ts-check

/** Answers tell their time to the second and are under way for a moment: so much is no difference. */
const ROUGHLY_MS = 3000;

/** How far the service's clock is ahead of this computer's. */
let ahead = 0;

/** Milliseconds since 1970. */
export const now = () => Date.now() + ahead;

/** Learns from an answer of the service. @param {Headers} headers */
export function hearTime(headers) {
  const told = Date.parse(headers.get("date") ?? "") || timeOfId(headers.get("x-request-id") ?? "");
  const apart = told - Date.now();
  if (told && Math.abs(apart - ahead) > ROUGHLY_MS) ahead = Math.abs(apart) > ROUGHLY_MS ? apart : 0;
}

/** The time in the number of a request, a UUID of version 7 (RFC 9562); on a developer's machine no answer has a `Date`. @param {string} id */
const timeOfId = (id) => (/^[\da-f]{8}-[\da-f]{4}-7/i.test(id) ? Number.parseInt(id.replace("-", "").slice(0, 12), 16) : 0);
