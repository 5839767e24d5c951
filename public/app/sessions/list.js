// The list of sessions: by day, the current one marked, renamed in place. Its search is search.js.
// @ts-check
import { now as currentTime } from "../clock.js";
import { byId, h, iconButton } from "../dom.js";
import { dayGroup, span } from "../format.js";
import { avatar, persona } from "../personas.js";
import { address, route } from "../router.js";
import { isRunning } from "../turns.js";
import { openSessionMenu, rename } from "../ui/later.js";
import { complain, problemCard } from "../ui/problem.js";
import { nearness } from "./expiry.js";
import { loadMore, refresh, sessions, state, titleOf } from "./store.js";

/** @type {string | null} the session whose title is being written */
let renaming = null;

/** Draws the list. */
export function drawList() {
  const list = byId("session-list");
  // A title that is being written must not be taken away.
  if (renaming && list.querySelector(".session-edit")) return;
  list.setAttribute("aria-busy", String(state.phase === "loading"));
  if (state.phase === "loading") return;
  replace(list, content());
}

/** Puts in what has changed, and nothing where nothing has: whoever is at something stays there, at the same of it. @param {any} list @param {any[]} fresh */
function replace(list, fresh) {
  const [focused, top] = [list.contains(document.activeElement) ? /** @type {any} */ (document.activeElement) : null, list.scrollTop];
  const id = focused?.closest(".session")?.dataset.id;
  const old = [...list.children];
  if (old.length === fresh.length && old.every((one, index) => one.isEqualNode(fresh[index]))) return;
  const wrapper = h("div", {}, fresh);
  for (const one of wrapper.querySelectorAll(".session")) keepParts(list.querySelector(`.session[data-id="${CSS.escape(one.dataset.id)}"]`), one);
  list.replaceChildren(...wrapper.childNodes);
  list.scrollTop = top;
  if (!focused || document.activeElement === focused) return;
  const place = focused.isConnected ? focused : id && list.querySelector(`.session[data-id="${CSS.escape(id)}"] ${focused.localName}`);
  place?.focus({ preventScroll: true });
}

/** What is the same in a session that is drawn again stays, with the menu that may be open at it. @param {Element | null} old @param {Element} fresh */
function keepParts(old, fresh) {
  for (const part of [".session-link", ".session-tools > button"]) {
    const [before, now] = [old?.querySelector(part), fresh.querySelector(part)];
    // A menu that is open shows at its button alone.
    const isSame = now?.matches("button") ? before?.ariaLabel === now.ariaLabel : before && now?.isEqualNode(before);
    if (before && isSame) now?.replaceWith(before);
  }
}

function content() {
  if (state.phase === "failed") {
    return [h("div", { class: "empty" }, problemCard(state.problem, h("button", { class: "button small", type: "button", onclick: () => void refresh() }, "Try again")))];
  }
  const now = currentTime();
  const all = sessions(now);
  if (!all.length) return [h("p", { class: "empty" }, "No sessions yet. Write a message, and the first one begins.")];
  /** @type {Map<string, any[]>} */
  const groups = Map.groupBy ? Map.groupBy(all, (session) => dayGroup(Date.parse(session.last_activity), now)) : grouped(all, now);
  const drawn = [...groups].map(([title, members]) => h("section", { class: "session-group" }, h("h2", {}, title), h("ul", {}, members.map((one) => item(one, now)))));
  const more = state.cursor && h("button", { class: "button small quiet list-more", type: "button", onclick: () => loadMore().catch(complain) }, "Show older sessions");
  return more ? [...drawn, more] : drawn;
}

/** `Map.groupBy` for browsers that have none. @param {any[]} all @param {number} now */
function grouped(all, now) {
  const groups = new Map();
  for (const session of all) {
    const title = dayGroup(Date.parse(session.last_activity), now);
    groups.set(title, [...(groups.get(title) ?? []), session]);
  }
  return groups;
}

/** @param {any} session @param {number} now */
function item(session, now) {
  const id = session.session_id;
  const isCurrent = route().sessionId === id;
  const isBusy = isRunning(id) || session.running_turn !== null;
  const begin = () => beginRename(id);
  const sign = avatar(session.persona, isBusy ? "is-busy" : "");
  const name = h("span", { class: `session-name ${session.title ? "" : "is-untitled"}` }, titleOf(session));
  const near = nearness(session, now) === "near" && h("span", { class: "session-expiry", title: "This session ends soon" }, span(Date.parse(session.expires_at) - now));
  const link = h("a", { class: "session-link", href: address(id), "aria-current": isCurrent && "page", title: `${titleOf(session)} · ${persona(session.persona).name}`, ondblclick: begin }, sign, name, near,
    isBusy && h("span", { class: "visually-hidden" }, "(answering)"));
  link.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "F2" && begin());
  const menu = iconButton("more", `More for ${titleOf(session)}`, (event) => void openSessionMenu(event.currentTarget, state.byId.get(id) ?? session, begin), { "aria-haspopup": "menu", title: "More" });
  return h("li", { class: `session ${isCurrent ? "is-current" : ""}`, data: { id } }, link, h("span", { class: "session-tools" }, menu));
}

/** Turns a title in the list into a field. @param {string} id */
function beginRename(id) {
  const listed = state.byId.get(id);
  const place = byId("session-list").querySelector(`[data-id="${CSS.escape(id)}"]`);
  if (!listed || !place) return;
  renaming = id;
  place.replaceChildren(titleField(listed, "session-edit", () => {
    renaming = null;
    drawList();
    byId("session-list").querySelector(`[data-id="${CSS.escape(id)}"] a`)?.focus();
  }));
  place.querySelector("input")?.select();
}

/**
 * A field for a title: Enter saves, Esc restores, leaving saves.
 * @param {any} session
 * @param {string} className
 * @param {() => void} onend
 */
export function titleField(session, className, onend) {
  const before = session.title ?? "";
  let isOver = false;
  const end = (/** @type {boolean} */ saves) => {
    if (isOver) return;
    isOver = true;
    const title = input.value.trim();
    onend();
    if (saves && title !== before) rename(session.session_id, before, title || null).catch(complain);
  };
  const input = h("input", { class: `input ${className}`, value: before, "aria-label": "Title of the session", maxlength: "200", placeholder: titleOf(session), onblur: () => end(true) });
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" || event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      end(event.key === "Enter");
    }
  });
  return input;
}
