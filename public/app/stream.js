// Server-sent events of a turn, each once and in order, whatever becomes of the connection. Knows nothing of what the
// events mean but which of them is the last.
// @ts-check
import { ApiError } from "./api.js";

/** @typedef {{ id: number, name: string, data: any }} TurnEvent */

/** The service says something every 15 s, if only a comment. Longer silence is a dead connection. */
const SILENCE_MS = 45_000;
const PAUSES_MS = [300, 1000, 2000, 4000, 8000];

/**
 * The events of one response body.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<TurnEvent>}
 */
export async function* parseEvents(body) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await within(SILENCE_MS, reader.read());
      if (done) return;
      // Blank lines end events; an event that the connection has cut off is never given.
      const parts = (rest + value).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const event = parseEvent(part);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {string} text @returns {TurnEvent | null} null for comments */
function parseEvent(text) {
  let [id, name, data] = [-1, "message", ""];
  for (const line of text.split("\n")) {
    if (line.startsWith("id: ")) id = Number(line.slice(4));
    else if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  return data ? { id, name, data: JSON.parse(data) } : null;
}

/** @template T @param {number} ms @param {Promise<T>} work @returns {Promise<T>} */
function within(ms, work) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("silence")), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * The events of a turn from the first one on, over as many connections as it takes. Ends after `done` or `error`, or
 * when there is nothing more to come.
 *
 * @param {{ begin: () => Promise<Response>, resume: (turn: number, lastId: number) => Promise<Response>, turn?: number,
 *   signal: AbortSignal, onLost?: (isLost: boolean) => void }} source
 *   `begin` asks for the turn, again and again until its first event; `resume` goes on after an event.
 * @returns {AsyncGenerator<TurnEvent>}
 * @throws {ApiError} when it is refused, or has not begun after three attempts
 */
export async function* turnEvents({ begin, resume, turn, signal, onLost = () => {} }) {
  let last = -1;
  for (let failures = 0; ; failures += 1) {
    try {
      const response = turn === undefined ? await begin() : await resume(turn, last);
      if (response.status === 204 || !response.body) return;
      onLost(false);
      for await (const event of parseEvents(response.body)) {
        if (event.id <= last) continue;
        [last, failures] = [event.id, 0];
        if (event.name === "turn") turn = event.data.turn;
        yield event;
        if (event.name === "done" || event.name === "error") return;
      }
      // It ended in good order without a word: once more may help, for ever does not.
      if (turn === undefined && failures >= 2) throw new ApiError(502, { detail: "Three times the answer ended before it began. Send it again; if that does not help, something between you and the service holds streams back." });
    } catch (error) {
      if (signal.aborted || (error instanceof ApiError && !error.isPassing)) throw error;
      // Nothing was begun and nobody can be reached: whoever wrote this should know, and can send it again.
      if (turn === undefined && failures >= 2) throw error;
    }
    onLost(true);
    await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 0, signal);
  }
}

/** Waits, but no longer than until the network is back. @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const end = () => {
      over.abort();
      clearTimeout(timer);
      if (signal.aborted) reject(signal.reason);
      else resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end, { signal: over.signal });
    signal.addEventListener("abort", end, { signal: over.signal });
  });
}
