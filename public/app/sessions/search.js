// The search over the list: titles and texts, both asked of the service, in place of the list while there is something in
// the field.
// @ts-check
import { listSessions, searchUser } from "../api.js";
import { byId, h } from "../dom.js";
import { avatar } from "../personas.js";
import { address } from "../router.js";
import { announce } from "../ui/announce.js";
import { problemCard } from "../ui/problem.js";
import { plural } from "../format.js";
import { drawList } from "./list.js";
import { state, titleOf } from "./store.js";

let asked = 0;

const isSearching = () => byId("search").value.trim() !== "";

export function startSearch() {
  const field = byId("search");
  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (!isSearching()) return clearSearch();
    timer = setTimeout(() => void search(field.value.trim()), 160);
  });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "ArrowDown") byId("session-list").querySelector("a")?.focus();
    else if (event.key === "Enter") byId("session-list").querySelector("a")?.click();
    else if (event.key === "Escape" && field.value) clearSearch();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  byId("session-list").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !(event.target instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    const links = [...byId("session-list").querySelectorAll("a")];
    const next = links[links.indexOf(event.target) + step];
    (next ?? (step < 0 ? field : event.target)).focus();
  });
  // What was typed before this file was there.
  if (isSearching()) field.dispatchEvent(new Event("input"));
}

/** Empties the field and shows the list again. */
export function clearSearch() {
  asked += 1;
  byId("search").value = "";
  drawList();
}

/** @param {string} text */
async function search(text) {
  const number = (asked += 1);
  const list = byId("session-list");
  try {
    const [titles, texts] = await Promise.all([listSessions(state.user, { title: text, limit: 20 }), searchUser(state.user, text)]);
    // Another question was asked meanwhile.
    if (number !== asked) return;
    const found = titles.sessions.length + texts.total;
    list.replaceChildren(...(found ? results(titles.sessions, texts) : [nothing(text)]));
    list.scrollTop = 0;
    announce(found ? `${plural(found, "result")}.` : "Nothing was found.");
  } catch (error) {
    if (number === asked) list.replaceChildren(h("div", { class: "empty" }, problemCard(error)));
  }
}

/** @param {string} text */
const nothing = (text) => h("div", { class: "empty" }, h("p", {}, `Nothing says “${text}”.`), h("p", {}, "Words are searched as they are written, the last one also by its beginning."));

/** @param {any[]} titles @param {any} texts */
function results(titles, texts) {
  const parts = [];
  if (titles.length) {
    parts.push(h("section", { class: "session-group" }, h("h2", {}, "Sessions"), h("ul", {}, titles.map((session) =>
      h("li", { class: "session" }, h("a", { class: "session-link", href: address(session.session_id) }, avatar(session.persona), h("span", { class: "session-name" }, titleOf(session))))))));
  }
  if (texts.hits.length) parts.push(h("section", { class: "session-group" }, h("h2", {}, `Messages (${texts.total})`), h("ul", {}, texts.hits.map(hit))));
  return parts;
}

/** @param {any} found */
function hit({ session_id: id, sequence, role, snippet }) {
  const session = state.byId.get(id);
  const who = role === "user" ? "You: " : "";
  const pieces = snippet.map((/** @type {any} */ { text, matches }) => (matches ? h("mark", {}, text) : text));
  return h("li", {}, h("a", { class: "hit", href: address(id, sequence) }, h("b", {}, session ? titleOf(session) : "Session"), h("span", {}, who, pieces)));
}
