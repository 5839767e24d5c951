// The messages that are shown: in the order of their numbers, each once, a heading for each day. Thousands of them are no
// trouble: nothing here looks at all of them for one. What is done with them is view.js.
// @ts-check
import { now as currentTime } from "../clock.js";
import { byId, h } from "../dom.js";
import { dayOf, dayTitle } from "../format.js";
import { messageElement, redrawFoot } from "./message.js";

/** @type {(message: any, isLast: boolean) => import("./message.js").Actions} */
let actionsOf = () => ({});
/** @param {typeof actionsOf} what */
export const offer = (what) => void (actionsOf = what);

/** @type {Map<number, any>} the elements by the numbers of their messages */
const shown = new Map();
/** @type {any[]} the same, oldest first */
let order = [];
/** @type {Set<any>} which were the last ones when that was said last */
let lasts = new Set();

/** The elements of messages, oldest first. @returns {any[]} */
export const elements = () => order;

/** @param {number} sequence @returns {any} */
export const elementOf = (sequence) => shown.get(sequence);

/** The last message, of a role if one is given. @param {string} [role] @returns {any} its element */
export const lastOf = (role) => order.findLast((element) => !role || element.message.role === role);

/** Empties the thread. @param {...Node} content what is shown in place of messages */
export function clear(...content) {
  letGo();
  shown.clear();
  [order, lasts] = [[], new Set()];
  byId("thread").replaceChildren(...content);
}

/** Whoever is writing in a message's place goes on elsewhere: it is about to go. */
export const letGo = () => order.forEach((element) => element.onlost?.());

/** Puts messages in their places; what is there already and has not changed stays. @param {any[]} messages in their order @param {any} session */
export function place(messages, session) {
  const fresh = [];
  for (const message of messages) {
    const text = JSON.stringify(message) + session.persona;
    const old = shown.get(message.sequence);
    // What somebody writes or reads in its place must not be taken away.
    if (old?.text === text || old?.querySelector(".edit-box") || old?.earlier?.length) continue;
    const element = messageElement(message, session, actionsOf(message, false));
    element.text = text;
    shown.set(message.sequence, element);
    if (!old) fresh.push(element);
    else {
      order[order.indexOf(old)] = element;
      old.replaceWith(element);
    }
  }
  insert(fresh);
  mark();
}

/** Inserts elements that are not there yet. @param {any[]} fresh in their order */
function insert(fresh) {
  const first = fresh[0]?.message.sequence;
  if (first === undefined) return;
  const at = order.findIndex((element) => element.message.sequence > first);
  const next = order[at];
  // They nearly always stand together, before all others or after them.
  const isTogether = !next || next.message.sequence > fresh.at(-1).message.sequence;
  if (!isTogether) return fresh.forEach((element) => insert([element]));
  order.splice(at < 0 ? order.length : at, 0, ...fresh);
  const fragment = document.createDocumentFragment();
  fragment.append(...fresh);
  byId("thread").insertBefore(fragment, next ? (next.earlier?.[0] ?? next) : document.getElementById("live"));
}

/** Takes out what is not in `kept`, from the number `from` on; `place` must follow. @param {Set<number>} kept @param {number} from */
export function dropMissing(kept, from) {
  for (const element of order.filter(({ message }) => message.sequence >= from && !kept.has(message.sequence))) dropElement(element);
}

/** Takes out a message. @param {any} [element] */
export function dropElement(element) {
  if (!element) return;
  for (const earlier of element.earlier ?? []) earlier.remove();
  for (const other of element.replaced ?? []) other.hidden = false;
  if (element.previousElementSibling?.className === "day") element.previousElementSibling.remove();
  element.remove();
  // Whoever was writing in its place goes on elsewhere.
  element.onlost?.();
  shown.delete(element.message.sequence);
  order = order.filter((other) => other !== element);
}

/** Hides what stands after a message while something else is made for its place; shows it again for null. @param {number | null} sequence */
export function hideAfter(sequence) {
  for (const element of order) {
    const covers = sequence !== null && element.message.sequence > sequence;
    if (covers === Boolean(element.isCovered)) continue;
    element.hidden = element.isCovered = covers;
    for (const earlier of element.earlier ?? []) earlier.hidden = covers;
  }
}

/** Takes out what is hidden, when something else has come into its place. */
export function dropCovered() {
  for (const element of order.filter(({ isCovered }) => isCovered)) dropElement(element);
}

/** A message and what follows it, up to the next message of the user. @param {number} sequence @returns {any[]} */
export function stretch(sequence) {
  const begin = order.findIndex((element) => element.message.sequence === sequence);
  const length = order.slice(begin + 1).findIndex((element) => element.message.role === "user");
  return begin < 0 ? [] : order.slice(begin, length < 0 ? undefined : begin + 1 + length);
}

/** Says anew which messages are the last ones, and where days begin. */
export function mark() {
  const end = order.at(-1);
  const answer = lastOf("assistant");
  const now = new Set([lastOf("user"), answer === end ? answer : undefined].filter(Boolean));
  for (const element of new Set([...lasts, ...now])) {
    element.classList.toggle("is-last", element === end);
    if (lasts.has(element) !== now.has(element)) redrawFoot(element, actionsOf(element.message, now.has(element)));
  }
  lasts = now;
  markDays();
}

function markDays() {
  const today = currentTime();
  let day = dayOf(today);
  for (const element of order) {
    const its = dayOf(Date.parse(element.message.created_at));
    // A conversation of today needs no heading.
    const title = its === day ? "" : dayTitle(its, today);
    day = its;
    const heading = element.previousElementSibling?.className === "day" ? element.previousElementSibling : null;
    if (heading?.textContent === title || (!heading && !title)) continue;
    heading?.remove();
    if (title) element.before(h("h2", { class: "day" }, title));
  }
}
