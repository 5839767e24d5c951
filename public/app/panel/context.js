// What a model would be sent now, what that is made of, and what is left out and why.
// @ts-check
import { now } from "../clock.js";
import { h } from "../dom.js";
import { ago, compact, dateTime, plural, whole } from "../format.js";
import { state } from "../sessions/store.js";
import { askContext } from "./ring.js";

/** @type {Record<string, string>} */
const PARTS = { persona: "Persona", instructions: "Instructions and profile", user_memory: "What is known about you", session_memory: "What is known in this session", summary: "Summary of earlier messages", passages: "Passages that fit", messages: "Latest messages" };
/** @type {Record<string, string>} */
const WHY = { budget: "there is no room", summarized: "the summary stands for it", shortened: "it was too long and is shortened", too_old: "it is too far back" };
/** @type {Record<string, string>} */
const STRATEGIES = { truncate: "What does not fit is left out.", summarize: "A summary stands for what does not fit.", hierarchical: "A summary and passages that fit your message stand for what does not fit." };

/** @param {string | null} sessionId @returns {Promise<any[]>} */
export async function contextTab(sessionId) {
  if (sessionId === null) return [h("p", { class: "hint" }, "Once a session has begun, this shows what the model is sent: how much of it, what it is made of, and what is left out.")];
  const { tokens, budget_tokens: budget, model, strategy, parts, left_out: cut, messages } = await askContext(sessionId);
  return [
    life(state.byId.get(sessionId)),
    h("section", {}, h("p", { class: "big-number" }, `~${whole(tokens)} `, h("small", {}, `of ${whole(budget)} tokens`)), meter(parts, budget),
      h("p", { class: "hint" }, `${model}. ${STRATEGIES[strategy] ?? strategy}`)),
    h("section", {}, h("h3", {}, "Made of"), h("ul", { class: "parts" }, parts.map(part))),
    h("section", {}, h("h3", {}, "Left out"), cut.length ? h("ul", { class: "parts" }, cut.map(left)) : h("p", { class: "hint" }, "Nothing: the model sees the whole conversation.")),
    h("section", {}, h("h3", {}, "Exactly what is sent"), messages.map(sent)),
  ];
}

/** "Begun 21 Nov 2026, 14:02 · 12 messages · last active 3 minutes ago" @param {any} [session] */
const life = (session) => session && h("p", { class: "hint" }, `Begun ${dateTime(Date.parse(session.created_at))} · ${plural(session.message_count, "message")} · last active ${ago(Date.parse(session.last_activity), now())}`);

/** @param {number} index */
function swatch(index) {
  const element = h("i", { "aria-hidden": "true" });
  element.style.setProperty("--turn", String(index * 52));
  return element;
}

/** @param {any[]} parts @param {number} budget */
function meter(parts, budget) {
  const pieces = parts.map((one, index) => {
    const element = swatch(index);
    element.style.width = `${(100 * one.tokens) / Math.max(1, budget)}%`;
    return element;
  });
  return h("div", { class: "meter", "aria-hidden": "true" }, pieces);
}

/** @param {any} one @param {number} index */
const part = ({ kind, count, tokens }, index) => h("li", {}, swatch(index), h("span", {}, PARTS[kind] ?? kind, count > 1 ? ` (${whole(count)})` : ""), h("b", {}, compact(tokens)));

/** @param {any} one */
const left = ({ kind, count, why }) => h("li", {}, h("span"), h("span", {}, kind === "messages" ? plural(count, "message") : `${PARTS[kind] ?? kind}${count > 1 ? ` (${whole(count)})` : ""}`, `: ${WHY[why] ?? why}`));

/** @param {any} message */
const sent = ({ role, content, tool_calls: calls }) => h("div", { class: "prompt-part", tabindex: "0" }, h("b", {}, role), content ?? JSON.stringify(calls));
