// "Try it": a form for an operation, and what this service answers. Not there for what cannot be taken back.
// @ts-check
import { h } from "/app/dom.js";
import { initial, remember, request, send } from "./ask.js";

/** What removes something for good, or reads a file. */
const NOT_TRIED = ["cleanUpSessions", "popTurn", "importSession"];
/** Answers are shown up to here. */
const CHARACTERS_MAX = 100_000;

/** @param {import("./reference.js").Operation} operation */
export const isHarmless = ({ id, method }) => method !== "DELETE" && !NOT_TRIED.includes(id);

/**
 * @param {import("./reference.js").Operation} operation
 * @param {(values: Map<string, string>, body: string | undefined) => void} onchange
 */
export function attempt(operation, onchange) {
  const inputs = operation.parameters.map((parameter) => {
    const isPath = parameter.place === "path";
    const input = h("input", { class: "input", name: parameter.name, value: isPath ? initial(parameter) : "", required: parameter.isRequired, autocomplete: "off", spellcheck: "false" });
    return h("label", { class: "field" }, h("span", {}, parameter.name), input);
  });
  const example = operation.body?.contents[0].example;
  const body = operation.body && h("textarea", { class: "input body", name: "body", rows: "5", spellcheck: "false", value: JSON.stringify(example, null, 2) });
  const output = h("div", { class: "outcome", "aria-live": "polite" });
  const button = h("button", { class: "button primary", type: "submit" }, "Send");
  const form = h(
    "form",
    { class: "attempt", "aria-label": `Try ${operation.summary}` },
    inputs.length > 0 && h("div", { class: "inputs" }, inputs),
    body && h("label", { class: "field" }, h("span", {}, "Body"), body),
    h("div", { class: "send-line" }, button, h("span", { class: "hint" }, "Asks this service.")),
    output,
  );
  const values = () => new Map([...new FormData(form)].filter(([name]) => name !== "body").map(([name, value]) => [name, String(value)]));
  const changed = () => onchange(values(), body?.value);
  form.addEventListener("input", changed);
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    for (const [name, value] of values()) remember(name, value);
    run(operation, request(operation, values(), body?.value), body?.value, button, output);
  });
  changed();
  return form;
}

/** Sends, and shows the answer as it comes. */
async function run(operation, asked, body, button, output) {
  const stop = new AbortController();
  const text = h("code");
  const head = h("p", { class: "status" }, "Waiting ...");
  const stopping = h("button", { class: "button small", type: "button", onclick: () => stop.abort() }, "Stop");
  output.replaceChildren(h("div", { class: "status-line" }, head, stopping), h("pre", { class: "code", tabindex: "0", "aria-label": "The answer" }, text));
  button.disabled = true;
  try {
    const response = await send(asked, body, stop.signal);
    head.textContent = `${response.status} ${response.headers.get("content-type") ?? ""}`;
    head.classList.toggle("is-bad", !response.ok);
    await show(response, text);
  } catch (error) {
    head.textContent = stop.signal.aborted ? "Stopped." : "The service cannot be reached.";
    head.classList.add("is-bad");
  } finally {
    button.disabled = false;
    stopping.remove();
  }
}

/** @param {Response} response @param {HTMLElement} place */
async function show(response, place) {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (isStream && response.body) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) place.append(part.value);
    return;
  }
  const text = await response.text();
  place.textContent = pretty(text).slice(0, CHARACTERS_MAX);
}

/** JSON on lines of its own, whose ids the next operation begins with. @param {string} text */
function pretty(text) {
  try {
    const value = JSON.parse(text);
    remember("session_id", value.session_id);
    remember("user_id", value.user_id);
    return JSON.stringify(value, null, 2);
  } catch {
    return text;
  }
}
