// What somebody has filled in for an operation, and the request that comes of it: for the samples, and for a try.
// @ts-check

/** What was answered or filled in last, by the name of its place: the next operation begins with it. */
const known = new Map();
/** A key or token that was typed in. It is kept in this page's memory alone, and shown in no sample. */
let credential = "";

/** @param {string} text */
export function setCredential(text) {
  credential = text.trim();
  changes.dispatchEvent(new Event("change"));
}

/** Tells that samples are to be made anew. */
export const changes = new EventTarget();

/** @param {string} name @param {any} value */
export function remember(name, value) {
  if (typeof value === "string" && value) known.set(name, value);
}

/** @param {import("./reference.js").Parameter} parameter @returns {string} */
export function initial(parameter) {
  return String(known.get(parameter.name) ?? parameter.example ?? "");
}

/** How the answer is read. @param {import("./reference.js").Operation} operation @returns {"json" | "events" | "text" | "nothing"} */
function gives({ answers }) {
  const media = answers.find(({ status }) => status.startsWith("2"))?.contents[0]?.media;
  if (!media) return "nothing";
  if (media === "text/event-stream") return "events";
  return media === "application/json" ? "json" : "text";
}

/**
 * @param {import("./reference.js").Operation} operation
 * @param {Map<string, string>} values by parameter
 * @param {string | undefined} body as it is written
 * @returns {import("./samples.js").Ask}
 */
export function request(operation, values, body) {
  const url = new URL(operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values.get(name) || `{${name}}`)), location.origin);
  /** @type {Record<string, string>} */
  const headers = {};
  for (const { name, place } of operation.parameters) {
    const value = values.get(name);
    if (value && place === "query") url.searchParams.append(name, value);
    if (value && place === "header") headers[name.toLowerCase()] = value;
  }
  if (body) headers["content-type"] = operation.body?.contents[0].media ?? "application/json";
  if (credential) headers.authorization = "Bearer <your key>";
  return { method: operation.method, url: url.href, headers, body: parsed(body), gives: gives(operation) };
}

/** JSON as a value; what is none, as text. @param {string | undefined} text */
function parsed(text) {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Sends it. @param {import("./samples.js").Ask} ask @param {string | undefined} body @param {AbortSignal} signal */
export function send({ method, url, headers }, body, signal) {
  const own = credential ? { ...headers, authorization: `Bearer ${credential}` } : headers;
  return fetch(url, { method, headers: own, body: body || undefined, signal, cache: "no-store" });
}
