// What is shown where nothing was said yet: who answers, and three ways to begin.
// @ts-check
import { h } from "../dom.js";
import { avatar, persona, starters } from "../personas.js";

/** @param {string} personaId @param {(text: string) => void} say */
const starterButtons = (personaId, say) => h("div", { class: "starters" }, starters(personaId).map((text) => h("button", { class: "starter", type: "button", onclick: () => say(text) }, text)));

/**
 * A session in which nothing was said.
 * @param {any} session
 * @param {(text: string) => void} say
 */
export function emptySession(session, say) {
  const { name, description } = persona(session.persona);
  const greeting = session.metadata?.display_name ? `Hello, ${session.metadata.display_name}` : name;
  return h("div", { class: "hero" }, h("div", { class: "hero-head" }, avatar(session.persona, "large"), h("h2", {}, session.title || greeting), h("p", {}, description || "Say something to begin.")), starterButtons(session.persona, say));
}

/** A first message as long as there is no session that it is said in: as conversation/live.js shows what is being sent. @param {string} text @param {string} personaId */
export const beginning = (text, personaId) => [
  h("article", { class: "message from-user is-enter is-unsent", "aria-label": "You" }, h("div", { class: "message-body", dir: "auto" }, text)),
  h("article", { class: "message from-assistant is-live", "aria-busy": "true", "aria-label": persona(personaId).name }, avatar(personaId), h("div", { class: "message-body markdown" }), h("span", { class: "waiting" }, h("i"), h("i"), h("i"))),
];

/**
 * No session yet: the first message begins one.
 * @param {import("../personas.js").Persona[]} all
 * @param {string} chosen
 * @param {{ choose: (id: string) => void, say: (text: string) => void, more: () => void }} doings
 */
export function home(all, chosen, { choose, say, more }) {
  const pick = (/** @type {import("../personas.js").Persona} */ { id, name, description }) => h("button", { class: "persona-pick", type: "button", title: description, "aria-pressed": String(id === chosen), onclick: () => choose(id) }, avatar(id), name);
  const { description } = persona(chosen);
  return h("div", { class: "hero" },
    h("div", { class: "hero-head" }, h("h2", {}, "What would you like to talk about?"), h("p", {}, description || "Your first message begins a session.")),
    h("div", { class: "persona-row", role: "group", "aria-label": "Who answers" }, all.map(pick)),
    starterButtons(chosen, say),
    h("button", { class: "link", type: "button", onclick: more }, "More choices for a new session"));
}
