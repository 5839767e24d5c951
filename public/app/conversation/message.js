// How a message looks, and what can be done with it. Knows no session but the one it is told.
// @ts-check
import { h, icon, iconButton } from "../dom.js";
import { clockTime, dateTime } from "../format.js";
import { prepare, showMarkdown } from "../markdown/show.js";
import { avatar, persona } from "../personas.js";
import { copy } from "../ui/copy.js";

/**
 * What can be done; what is missing is not offered.
 * @typedef {{ edit?: () => void, regenerate?: () => void, goOn?: () => void, branch?: () => void, remove?: () => void, versions?: () => Node }} Actions
 */

/** @type {Record<string, string>} */
const CUTS = { length: "It was cut off at the model’s limit.", stopped: "Stopped.", interrupted: "It was interrupted." };

/** @param {any} message @param {any} session @param {Actions} [actions] */
export function messageElement(message, session, actions = {}) {
  const { role } = message;
  const element = role === "user" ? fromUser(message) : role === "assistant" ? fromAssistant(message, session) : beside(message);
  element.message = message;
  element.dataset.sequence = message.sequence;
  element.classList.toggle("is-removed", Boolean(message.removed_at));
  if (role === "user" || role === "assistant") element.append(foot(message, actions));
  return element;
}

/** @param {any} message */
const fromUser = (message) => h("article", { class: "message from-user", "aria-label": "You" }, h("div", { class: "message-body", dir: "auto" }, message.removed_at ? "This message was removed." : message.content));

/** @param {any} message @param {any} session */
function fromAssistant(message, session) {
  const body = h("div", { class: "message-body markdown", dir: "auto" });
  if (message.removed_at) body.append(h("p", {}, "This message was removed."));
  else if (message.content) showMarkdown(body, message.content);
  const calls = (message.tool_calls ?? []).map((/** @type {any} */ call) => detail(`Called ${call.function.name}`, call.function.arguments));
  return h("article", { class: "message from-assistant", "aria-label": persona(session.persona).name }, avatar(session.persona), body, ...calls);
}

/** What is neither the user's nor an answer: instructions, results of tools. @param {any} message */
function beside(message) {
  void prepare();
  const title = message.role === "tool" ? `Result of ${message.name ?? "a tool"}` : "Instructions";
  return h("article", { class: "message", "aria-label": title }, detail(title, message.content ?? ""));
}

/** @param {string} title @param {string} text */
const detail = (title, text) => h("details", { class: "tool-detail" }, h("summary", {}, title), h("pre", {}, text));

/** Draws again what can be done with a message. @param {any} element @param {Actions} actions */
export function redrawFoot(element, actions) {
  const old = element.querySelector(":scope > .message-foot");
  // A pager that was used or loaded knows which version is shown.
  const pager = old?.querySelector(".pager:has(> span:not(:empty))");
  old?.replaceWith(foot(element.message, pager ? { ...actions, versions: () => pager } : actions));
}

/** @param {any} message @param {Actions} actions */
function foot(message, actions) {
  const at = Date.parse(message.created_at);
  const time = h("time", { class: "message-time", datetime: message.created_at, title: dateTime(at) }, clockTime(at));
  const copyIt = message.content && !message.removed_at && iconButton("copy", "Copy", (event) => void copy(event.currentTarget, message.content));
  const tools = h("span", { class: "message-tools" },
    copyIt,
    actions.edit && iconButton("pencil", "Edit and send again", actions.edit),
    actions.regenerate && iconButton("again", "Another answer", actions.regenerate),
    actions.branch && iconButton("branch", "Branch from here", actions.branch),
    actions.remove && iconButton("trash", "Remove what it says", actions.remove));
  const goOn = actions.goOn && h("button", { class: "button small", type: "button", onclick: actions.goOn }, icon("onward"), "Continue");
  const cut = message.cut && h("span", { class: "cut-note" }, CUTS[message.cut], goOn);
  const pager = actions.versions?.();
  const inOrder = message.role === "user" ? [time, tools, pager] : [cut, pager, tools, time];
  return h("footer", { class: "message-foot" }, ...inOrder);
}
