// The only place that fetches. Knows paths, headers and problems of the API (README.md, "API"), and repeats what may be
// repeated: what reads, and what carries a key. Keeps nothing and draws nothing.
// @ts-check
import { hearTime } from "./clock.js";

/** A refusal of the API (RFC 9457), or `status` 0 when it could not be reached. */
export class ApiError extends Error {
  /** @param {number} status @param {any} problem @param {Headers} [headers] */
  constructor(status, problem, headers) {
    super(problem.detail || problem.title || "Something went wrong.");
    this.status = status;
    /** @type {string} */
    this.code = problem.code ?? "";
    /** @type {string} */
    this.requestId = problem.request_id ?? headers?.get("x-request-id") ?? "";
    this.retryAfterMs = Number(headers?.get("retry-after-ms") ?? 0) || Number(headers?.get("retry-after") ?? 0) * 1000;
  }

  get isUnreachable() {
    return this.status === 0;
  }

  /** May the same request fare better in a moment? */
  get isPassing() {
    return this.status === 0 || (this.status === 503 && this.code !== "MISCONFIGURED" && !this.code.startsWith("MODEL_"));
  }
}

/** How long is waited before another attempt, in milliseconds. */
const PAUSES = [250, 1000];

/** @typedef {{ body?: any, key?: string, ifMatch?: string | null, accept?: string, lastEventId?: number, signal?: AbortSignal }} Options */

const reached = new EventTarget();

/** Tells `listener` after each request whether the service could be reached. @param {(isReachable: boolean) => void} listener */
export function onReach(listener) {
  reached.addEventListener("reach", (event) => listener(/** @type {CustomEvent} */ (event).detail));
}

/** @param {string} method @param {string} path @param {Options} options @returns {Promise<Response>} */
async function attempt(method, path, { body, key, ifMatch, accept, lastEventId, signal }) {
  /** @type {Record<string, string>} */
  const headers = { accept: accept ?? "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  if (ifMatch) headers["if-match"] = ifMatch;
  if (lastEventId !== undefined && lastEventId >= 0) headers["last-event-id"] = String(lastEventId);
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    reached.dispatchEvent(new CustomEvent("reach", { detail: false }));
    throw new ApiError(0, { detail: "The service cannot be reached." });
  }
  reached.dispatchEvent(new CustomEvent("reach", { detail: true }));
  hearTime(response.headers);
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ detail: `The service answered with ${response.status}.` }));
  throw new ApiError(response.status, problem, response.headers);
}

/** @param {string} method @param {string} path @param {Options} [options] @returns {Promise<Response>} */
async function ask(method, path, options = {}) {
  const isRepeatable = method === "GET" || Boolean(options.key);
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt(method, path, options);
    } catch (error) {
      const pause = PAUSES[tries];
      if (!isRepeatable || pause === undefined || !(error instanceof ApiError) || !error.isPassing) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** An answer of JSON, with its entity tag. @param {string} method @param {string} path @param {Options} [options] */
async function json(method, path, options) {
  const response = await ask(method, path, options);
  const value = await response.json();
  return { value, etag: response.headers.get("etag") };
}

/** @param {string} path */
const read = async (path) => (await json("GET", path)).value;

/** @param {TemplateStringsArray} strings @param {...any} values percent-encoded each */
const url = (strings, ...values) => String.raw({ raw: strings }, ...values.map((value) => encodeURIComponent(String(value))));

/** @param {string} path @param {Record<string, any>} query what is null or empty is left out */
function withQuery(path, query) {
  const entries = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return entries.length ? `${path}?${new URLSearchParams(entries.map(([name, value]) => [name, String(value)]))}` : path;
}

const EVENTS = "text/event-stream";

/** A key under which a request may be sent again and is done once. */
export const newKey = () => crypto.randomUUID();

export const health = () => read("/health");
export const personas = async () => (await read("/personas")).personas;
export const user = (/** @type {string} */ name) => read(url`/users/${name}`);
export const setUser = async (/** @type {string} */ name, /** @type {any} */ body) => (await json("PATCH", url`/users/${name}`, { body })).value;
export const stats = () => read("/sessions/stats?bucket=day");

export const listSessions = (/** @type {string} */ name, /** @type {any} */ query = {}) => read(withQuery(url`/users/${name}/sessions`, query));
export const searchUser = (/** @type {string} */ name, /** @type {string} */ q) => read(withQuery(url`/users/${name}/search`, { q, limit: 20 }));

export const createSession = (/** @type {any} */ body, /** @type {string} */ key) => json("POST", "/sessions", { body, key });
export const session = (/** @type {string} */ id) => json("GET", url`/sessions/${id}`);
export const patchSession = (/** @type {string} */ id, /** @type {any} */ body, /** @type {string | null} */ ifMatch = null) => json("PATCH", url`/sessions/${id}`, { body, ifMatch });
export const deleteSession = (/** @type {string} */ id, /** @type {number} */ undo) => json("DELETE", withQuery(url`/sessions/${id}`, { undo }));
export const restoreSession = (/** @type {string} */ id, /** @type {string} */ key) => json("POST", url`/sessions/${id}/restore`, { key });
export const renewSession = (/** @type {string} */ id) => json("POST", url`/sessions/${id}/renew`, { key: newKey() });
export const forkSession = (/** @type {string} */ id, /** @type {number} */ through) => json("POST", url`/sessions/${id}/fork`, { body: { through }, key: newKey() });
export const exportPath = (/** @type {string} */ id, /** @type {string} */ format) => withQuery(url`/sessions/${id}/export`, { format });

/** A page of messages, the newest when no cursor is given, in their order. @param {string} id @param {{before?: string | null, after?: string | null, limit: number}} page */
export async function messages(id, { before, after, limit }) {
  const query = before || after ? { before, after, limit } : { strategy: "recent", limit };
  return read(withQuery(url`/sessions/${id}/messages`, query));
}
export const versions = async (/** @type {string} */ id, /** @type {number} */ sequence) => (await read(url`/sessions/${id}/messages/${sequence}/versions`)).versions;
export const removeMessage = (/** @type {string} */ id, /** @type {number} */ sequence) => json("DELETE", url`/sessions/${id}/messages/${sequence}`);
export const context = (/** @type {string} */ id) => read(url`/sessions/${id}/context`);

/** @typedef {"reply" | "regenerate" | "continue" | "edit"} TurnKind */

/**
 * Asks for a turn; its events are the body. Sent again under the same key it joins the turn.
 * @param {TurnKind} kind
 * @param {string} id
 * @param {{ message?: string, key: string, signal?: AbortSignal, ifMatch?: string | null }} said
 */
export function runTurn(kind, id, { message, key, signal, ifMatch }) {
  const path = kind === "reply" ? "/chat" : `${url`/sessions/${id}`}/${kind}`;
  const body = { ...(kind === "reply" ? { session_id: id } : {}), ...(message === undefined ? {} : { message }), stream: true, client_message_id: key, ...(kind === "reply" ? { on_busy: "wait" } : {}) };
  return attempt("POST", path, { body, accept: EVENTS, signal, ifMatch });
}

/** The events of a turn after `lastEventId`; 204 when there are none. @param {string} id @param {number} turn @param {number} lastEventId @param {AbortSignal} [signal] */
export const followTurn = (id, turn, lastEventId, signal) => attempt("GET", url`/sessions/${id}/events?turn=${turn}`, { accept: EVENTS, lastEventId, signal });
export const stopTurn = (/** @type {string} */ id, /** @type {number | undefined} */ turn) => json("POST", url`/sessions/${id}/stop`, { body: turn === undefined ? {} : { turn }, key: newKey() });

/** Whose memory: `["users", name]` or `["sessions", id]`. @typedef {["users" | "sessions", string]} Whose */

/** @param {Whose} whose @param {string} [key] */
const memoryPath = ([kind, id], key) => url`/${kind}/${id}/memory` + (key === undefined ? "" : url`/${key}`);

/** Everything that is remembered. @param {Whose} whose */
export async function memories(whose) {
  const entries = [];
  let cursor = null;
  do {
    const page = await read(withQuery(memoryPath(whose), { limit: 200, cursor }));
    entries.push(...page.entries);
    cursor = page.next_cursor;
  } while (cursor);
  return entries;
}
export const memory = (/** @type {Whose} */ whose, /** @type {string} */ key) => json("GET", memoryPath(whose, key));
export const putMemory = (/** @type {Whose} */ whose, /** @type {string} */ key, /** @type {any} */ value, /** @type {string | null} */ ifMatch) => json("PUT", memoryPath(whose, key), { body: { value }, ifMatch });
export const deleteMemory = (/** @type {Whose} */ whose, /** @type {string} */ key) => json("DELETE", memoryPath(whose, key));
export const undoMemory = (/** @type {Whose} */ whose, /** @type {string} */ key) => json("POST", `${memoryPath(whose, key)}/undo`, { key: newKey() });
export const forgetAll = (/** @type {Whose} */ whose) => json("DELETE", memoryPath(whose));
