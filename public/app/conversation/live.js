// The answer that is being written: the indicator from the moment of sending, the text as it comes, what is remembered on
// the way, what went wrong and how to go on.
// @ts-check
import { byId, h, icon } from "../dom.js";
import { duration } from "../format.js";
import { showMarkdown } from "../markdown/show.js";
import { avatar, persona } from "../personas.js";
import { problemCard } from "../ui/problem.js";
import { memoryLine, supersede } from "./remembered.js";
import { lastOf } from "./thread.js";

/** After so long it is said how long it has taken. */
const PATIENCE_MS = 4000;

/** @typedef {import("../turns.js").Turn} Turn */
/** @typedef {{ session: any, user: string, retry: () => void, discard: () => void }} Surroundings */

let frame = 0;
let timer = 0;

const place = () => byId("live");

/** Where live things stand, at the end of the thread. */
export const livePlace = () => h("div", { id: "live" });

/** Shows a turn as it stands. @param {Turn} turn @param {Surroundings} around */
export function drawLive(turn, around) {
  const live = place();
  if (!live) return;
  const said = turn.message !== undefined && turn.inputSequence === undefined && h("article", { class: "message from-user is-enter is-unsent", "aria-label": "You" }, h("div", { class: "message-body", dir: "auto" }, turn.message));
  const isFailed = turn.phase === "failed" && turn.problem;
  const lines = turn.changes.map((change) => memoryLine(change, around));
  live.replaceChildren(...[said, ...lines, !isFailed && answer(turn, around.session), isFailed && failure(turn, around)].filter((one) => one !== false));
  supersede(lines);
  updateLive(turn);
  clearInterval(timer);
  timer = setInterval(() => wait(turn), 1000);
}

/** Nothing is being written any more. */
export function clearLive() {
  clearInterval(timer);
  place()?.replaceChildren();
}

/** @param {Turn} turn @param {any} session */
function answer(turn, session) {
  const busy = h("span", { class: "waiting" }, h("i"), h("i"), h("i"), h("span", { class: "waiting-text" }));
  const body = h("div", { class: "message-body markdown", dir: "auto" });
  const article = h("article", { class: "message from-assistant is-live", "aria-busy": "true", "aria-label": persona(session.persona).name }, avatar(session.persona), body, busy);
  article.begun = turn.kind === "continue" ? lastOf("assistant")?.message.content ?? "" : "";
  return article;
}

/** Shows what has come since, once a frame. @param {Turn} turn */
export function updateLive(turn) {
  if (frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    const article = place()?.querySelector(".is-live");
    if (!article) return;
    const text = article.begun + turn.text;
    if (text) showMarkdown(article.querySelector(".markdown"), text, { isGrowing: true });
    wait(turn);
  });
}

/** @param {Turn} turn */
function wait(turn) {
  const busy = place()?.querySelector(".waiting");
  if (!busy) return;
  const took = Date.now() - turn.began;
  busy.hidden = Boolean(turn.text) && !turn.isLost && !turn.isStopping;
  const call = turn.calls.at(-1)?.function?.name;
  const word = turn.isStopping ? "Stopping…" : turn.isLost ? "The connection is lost. Coming back…" : call ? `Calling ${call}…` : took > PATIENCE_MS ? `Waiting for the model, ${duration(Math.floor(took / 1000) * 1000)}` : "";
  busy.lastChild.textContent = word;
}

/** @param {Turn} turn @param {Surroundings} around */
function failure(turn, { retry, discard }) {
  const isUnsent = turn.inputSequence === undefined && turn.message !== undefined;
  const again = h("button", { class: "button small", type: "button", onclick: retry }, icon("again"), isUnsent ? "Send again" : "Try again");
  const away = h("button", { class: "button small quiet", type: "button", onclick: discard }, isUnsent ? "Take back to the message box" : "Dismiss");
  return h("article", { class: "message", "aria-label": "Problem" }, problemCard(turn.problem, again, away));
}

/** What was said last has no answer, and none is being written: it failed here once, or elsewhere. @param {() => void} ask */
export function drawUnanswered(ask) {
  // Whoever is at its button stays there.
  if (place()?.querySelector(".is-unanswered")) return;
  place()?.replaceChildren(h("p", { class: "aside-line is-unanswered" }, icon("alert"), h("span", {}, "There is no answer to this yet. ", h("button", { class: "link", type: "button", onclick: ask }, "Ask again"))));
}
