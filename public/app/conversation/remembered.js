// What an answer has made the service remember or forget, said in the conversation as long as it can be taken back there.
// All that is remembered is the panel's, ../panel/memory.js.
// @ts-check
import { memories, undoMemory } from "../api.js";
import { view } from "../chat/view.js";
import { now } from "../clock.js";
import { h, icon } from "../dom.js";
import { state } from "../sessions/store.js";
import { tellTabs } from "../tabs.js";
import { announce } from "../ui/announce.js";
import { complain } from "../ui/problem.js";
import { elementOf } from "./thread.js";

/** The service takes nothing back after so long. */
const UNDO_MS = 600_000;
/** What changed so long after an answer was not changed by it. */
const AFTERWARDS_MS = 5000;

/** @type {Record<string, string>} */
const SCOPES = { user: "", session: " for this session" };

/** "Remembered name: Ada. Undo" @param {any} change @param {{ session: any, user: string }} around */
export function memoryLine({ action, scope, key, value }, { session, user }) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const what = action === "saved" ? [`Remembered${SCOPES[scope]} `, h("b", {}, `${label(key)}: ${text}`)] : ["Forgot ", h("b", {}, label(key))];
  /** @type {import("../api.js").Whose} */
  const whose = scope === "user" ? ["users", user] : ["sessions", session.session_id];
  const undo = h("button", { class: "link", type: "button", "aria-label": `Undo: ${label(key)}` }, "Undo");
  const line = h("p", { class: "aside-line is-enter", data: { key: `${scope} ${key}` } }, icon("memory"), h("span", {}, ...what, " ", undo));
  undo.addEventListener("click", async () => {
    undo.disabled = true;
    try {
      await undoMemory(whose, key);
      line.replaceChildren(icon("check"), h("span", {}, `Taken back: ${label(key)}`));
      announce("Taken back.");
      tellTabs({ what: "memory" });
      dispatchEvent(new CustomEvent("memory-changed"));
    } catch (error) {
      undo.disabled = false;
      complain(error);
    }
  });
  return line;
}

/** Takes "Undo" off what was said earlier of the same keys: the service takes back the latest change, not that one. @param {any[]} lines what has just been said */
export function supersede(lines) {
  const latest = new Map(lines.map((line) => [line.dataset.key, line]));
  for (const line of document.querySelectorAll("#thread [data-key]")) {
    const { key } = /** @type {HTMLElement} */ (line).dataset;
    if (latest.has(key) && latest.get(key) !== line) line.querySelector("button")?.remove();
  }
}

/** A key of the memory as people would say it. @param {string} key */
export const label = (key) => key.replaceAll(/[_-]+/g, " ");

/** What a turn has changed stays before its answer. @param {import("../turns.js").Turn} turn */
export function keepLines({ changes, answer }) {
  if (!changes.length) return;
  show(answer && elementOf(answer.sequence), changes);
  dispatchEvent(new CustomEvent("memory-changed"));
}

/** Says again, in a view that has just been opened, what can still be taken back. Of what was forgotten nothing is kept, so that is not said again. */
export async function showRemembered() {
  const { session, visit } = view;
  if (!session || now() - Date.parse(session.last_activity) > UNDO_MS) return;
  const [mine, here] = await Promise.all([memories(["users", state.user]), memories(["sessions", session.session_id])]).catch(() => [[], []]);
  if (visit !== view.visit) return;
  for (const [scope, entries] of /** @type {const} */ ([["user", mine], ["session", here]]))
    for (const entry of entries) {
      const answer = answerBehind(entry, session.session_id);
      // A turn that was followed meanwhile has said its own.
      const isSaid = document.querySelector(`#thread [data-key="${CSS.escape(`${scope} ${entry.key}`)}"]`);
      if (answer && !isSaid) show(answer, [{ ...entry, scope, action: "saved" }]);
    }
}

/** The element of the answer that came with an entry, if it is shown and the entry is still as it was then. @param {any} entry @param {string} sessionId */
function answerBehind({ message, updated_at: at }, sessionId) {
  const changed = Date.parse(at);
  if (message?.session_id !== sessionId || now() - changed > UNDO_MS) return null;
  let element = elementOf(message.sequence)?.nextElementSibling;
  while (element && element.message?.role !== "assistant") element = element.message?.role === "user" ? null : element.nextElementSibling;
  return element && changed < Date.parse(element.message.created_at) + AFTERWARDS_MS ? element : null;
}

/** @param {any} answer its element @param {any[]} changes */
function show(answer, changes) {
  const lines = changes.map((change) => memoryLine(change, { session: view.session, user: state.user }));
  for (const line of lines) line.classList.remove("is-enter");
  answer?.before(...lines);
  supersede(lines);
}
