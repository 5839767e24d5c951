// Where a message is written. Keeps a draft for each session; Enter sends, Shift+Enter makes a line, and Enter that ends a
// word of an input method does neither.
// @ts-check
import { byId, h, icon } from "../dom.js";
import { keep, recall } from "../storage.js";

/** @typedef {{ send: (text: string) => void, stop: () => boolean, editLast: () => void }} Doings */

/** Whose draft it is: a session's id, "new", or "" as long as nobody has said. */
let place = "";
/** A first message on its way to a session that is not there yet: as long as that is so it belongs to the draft. */
let held = "";
let isBusy = false;
let isClosed = false;
/** Has this tab changed what is kept? Other tabs keep theirs in the same place. */
let isChanged = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let saving;

const field = () => byId("message");
const button = () => byId("send");

/** Is it the key that sends? An input method that is composing has the Enter for itself. @param {KeyboardEvent} event */
export const sendKey = (event) => event.key === "Enter" && !event.shiftKey && !event.altKey && !event.isComposing && event.keyCode !== 229;

/** @param {Doings} doings */
export function startComposer({ send, stop, editLast }) {
  const submit = () => {
    const text = field().value.trim();
    if (isClosed) return;
    if (isBusy) return void stop();
    if (!text) return;
    setText("");
    // The button is about to stop, and then to be of no use: whoever has pressed it goes on writing.
    if (document.activeElement === button()) field().focus({ preventScroll: true });
    send(text);
  };
  byId("composer").addEventListener("submit", (/** @type {Event} */ event) => (event.preventDefault(), submit()));
  field().addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (sendKey(event)) {
      event.preventDefault();
      // While an answer is being written Enter must not stop it by mistake.
      if (!isBusy) submit();
    } else if (event.key === "ArrowUp" && !field().value && !isBusy) {
      event.preventDefault();
      editLast();
    }
  });
  field().addEventListener("input", () => {
    draw();
    isChanged = true;
    clearTimeout(saving);
    saving = setTimeout(save, 300);
  });
  addEventListener("pagehide", save);
}

function save() {
  clearTimeout(saving);
  if (!place || !isChanged) return;
  isChanged = false;
  keepDraft(place, field().value);
}

/** @param {string} whose @param {string} text */
const keepDraft = (whose, text) => keep(`draft:${whose}`, [whose === "new" ? held : "", text.trim() ? text : ""].filter(Boolean).join("\n\n"));

/** What is being written there, without what is on its way. @param {string} whose */
function draftOf(whose) {
  const draft = recall(`draft:${whose}`) ?? "";
  return whose === "new" && held && draft.startsWith(held) ? draft.slice(held.length).trimStart() : draft;
}

/** Keeps a first message among the drafts, where a reload finds it, until it is said or given back: "". @param {string} text */
export function hold(text) {
  const now = place === "new" ? field().value : draftOf("new");
  held = text;
  keepDraft("new", now);
}

/** Shows the draft of a session; null for a new one. @param {string | null} sessionId */
export function showDraft(sessionId) {
  save();
  // Whoever was quicker than the page has written for what it shows first.
  const early = place ? "" : field().value;
  place = sessionId ?? "new";
  const draft = early || draftOf(place);
  // Where it is the same, the cursor stays where it is.
  if (field().value !== draft) field().value = draft;
  draw();
}

/** What is being written goes along into the session that has just begun. @param {string} sessionId */
export function moveDraft(sessionId) {
  keep(`draft:${place}`, null);
  place = sessionId;
  isChanged = true;
  save();
}

/** @param {string} text */
export function setText(text) {
  field().value = text;
  isChanged = true;
  save();
  draw();
}

/** Gives back what was not sent, before what is being written there now. @param {string | null} sessionId null: a new one @param {string} text */
export function giveBack(sessionId, text) {
  const to = sessionId ?? "new";
  const now = to === place ? field().value : draftOf(to);
  const both = now.trim() && now.trim() !== text ? `${text}\n\n${now}` : text;
  if (to === place) setText(both);
  else keepDraft(to, both);
}

/** Is an answer being written? Then the button stops it. @param {boolean} now */
export function setBusy(now) {
  isBusy = now;
  draw();
}

/** Closes the box, saying why; opens it again for "". @param {string} why */
export function setClosed(why) {
  isClosed = Boolean(why);
  field().disabled = isClosed;
  field().placeholder = why || "Write a message";
  draw();
}

function draw() {
  if (!CSS.supports("field-sizing", "content")) {
    field().style.height = "auto";
    field().style.height = `${field().scrollHeight}px`;
  }
  const label = isBusy ? "Stop" : "Send";
  if (button().getAttribute("aria-label") !== label) {
    button().setAttribute("aria-label", label);
    button().replaceChildren(icon(isBusy ? "stop" : "send"));
  }
  button().title = isBusy ? "Stop (Esc)" : "Send (Enter)";
  button().disabled = isClosed || (!isBusy && !field().value.trim());
}

/** Says below the box who answers. @param {string} text */
export const setNote = (text) => byId("model-note").replaceChildren(h("span", {}, text));
