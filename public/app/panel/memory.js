// What is remembered of the user and in this session: seen, with where it was learned, changed, forgotten, switched off.
// @ts-check
import { ApiError, deleteMemory, forgetAll, memories, memory, patchSession, putMemory, session as getSession, setUser, undoMemory, user } from "../api.js";
import { h, iconButton } from "../dom.js";
import { dateTime, plural } from "../format.js";
import { label } from "../conversation/remembered.js";
import { put, state, titleOf } from "../sessions/store.js";
import { address, route } from "../router.js";
import { tellTabs } from "../tabs.js";
import { refreshContext } from "./ring.js";
import { confirmed } from "../ui/dialog.js";
import { complain } from "../ui/problem.js";
import { toast } from "../ui/toast.js";

/** @type {Record<string, string>} */
const SOURCES = { rule: "Learned from what you said", model: "Noted by the model", client: "Written here" };

/** @param {string | null} sessionId @returns {Promise<any[]>} */
export async function memoryTab(sessionId) {
  /** @type {import("../api.js").Whose} */
  const mine = ["users", state.user];
  const [who, entries, session] = await Promise.all([user(state.user), memories(mine), sessionId === null ? null : getSession(sessionId).then(({ value }) => value).catch(() => null)]);
  const here = session && sessionId !== null ? await memories(["sessions", sessionId]) : [];
  return [
    h("section", {}, h("div", { class: "section-head" }, h("h3", {}, "About you")),
      toggle("Remember things about me", "In all sessions. Off: nothing is told to models, and nothing new is learned.", who.memory, async (isOn) => void (await setUser(state.user, { memory: isOn }))),
      list(mine, entries, "Nothing yet. Say something like “My name is Ada” or “I prefer short answers”."), adder(mine), forgetButton(mine, entries)),
    session && h("section", {}, h("h3", {}, "In this session"),
      toggle("Use memory in this session", "What is remembered of you stays, but plays no part here.", session.memory, async (isOn) => put((await patchSession(session.session_id, { memory: isOn })).value)),
      list(["sessions", session.session_id], here, "Nothing is remembered for this session alone."), forgetButton(["sessions", session.session_id], here)),
    h("p", { class: "hint" }, `To the service you are ${who.user_id}.`),
  ];
}

function changed() {
  tellTabs({ what: "memory" });
  dispatchEvent(new CustomEvent("memory-changed"));
}

/** @param {string} name @param {string} hint @param {boolean} isOn @param {(isOn: boolean) => Promise<void>} set */
function toggle(name, hint, isOn, set) {
  const box = h("input", { type: "checkbox", role: "switch", checked: isOn });
  box.addEventListener("change", async () => {
    box.disabled = true;
    try {
      await set(box.checked);
      const { sessionId } = route();
      if (sessionId !== null) refreshContext(sessionId);
    } catch (error) {
      box.checked = !box.checked;
      complain(error);
    }
    box.disabled = false;
  });
  return h("div", {}, h("label", { class: "switch" }, h("span", {}, name), box), h("p", { class: "hint" }, hint));
}

/** @param {import("../api.js").Whose} whose @param {any[]} entries @param {string} empty */
function list(whose, entries, empty) {
  if (!entries.length) return h("p", { class: "hint" }, empty);
  const newest = [...entries].sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at));
  return h("ul", { class: "entries" }, newest.map((entry) => entryElement(whose, entry)));
}

/** @param {any} value */
const shown = (value) => (typeof value === "string" ? value : Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(", ") : JSON.stringify(value, null, 1));

/** @param {import("../api.js").Whose} whose @param {any} entry */
function entryElement(whose, entry) {
  const { key, value, source, message, updated_at: at } = entry;
  const name = label(key);
  const edit = iconButton("pencil", `Edit ${name}`, () => void beginEdit(whose, key, element));
  const remove = iconButton("trash", `Forget ${name}`, () => void forget(whose, key, name));
  const element = h("li", { class: "entry", data: { key } }, h("span", { class: "entry-key" }, name), h("span", { class: "entry-value", dir: "auto" }, shown(value)),
    h("span", { class: "entry-source" }, origin(source, message), " · ", h("time", { datetime: at }, dateTime(Date.parse(at)))), h("span", { class: "entry-tools" }, edit, remove));
  return element;
}

/** @param {string} source @param {any} message */
function origin(source, message) {
  const word = SOURCES[source] ?? source;
  if (!message) return word;
  const session = state.byId.get(message.session_id);
  // A session that is gone can be no longer looked at.
  return session ? h("a", { href: address(message.session_id, message.sequence), title: `In “${titleOf(session)}”` }, word) : `${word}, in a session that has ended`;
}

/** @param {import("../api.js").Whose} whose @param {string} key @param {any} element */
async function beginEdit(whose, key, element) {
  let now;
  try {
    now = await memory(whose, key);
  } catch (error) {
    return complain(error);
  }
  // The list may have been drawn anew meanwhile.
  const place = element.isConnected ? element : document.querySelector(`#panel [data-key="${CSS.escape(key)}"]`);
  if (!place) return;
  const { value } = now.value;
  // Lists of words are written with commas, anything else as JSON.
  const isWords = Array.isArray(value) && value.every((/** @type {any} */ one) => typeof one === "string" && !one.includes(","));
  const field = h("textarea", { class: "input", "aria-label": label(key), value: shown(value) });
  const form = h("form", {}, field, h("div", { class: "edit-actions" }, h("button", { class: "button small", type: "button", onclick: redraw }, "Cancel"), h("button", { class: "button small primary", type: "submit" }, "Save")));
  function redraw() {
    form.remove();
    dispatchEvent(new CustomEvent("memory-changed"));
  }
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await putMemory(whose, key, parse(field.value.trim(), value, isWords), now.etag);
      form.remove();
      changed();
    } catch (error) {
      complain(error);
      if (error instanceof ApiError && error.status === 412) redraw();
    }
  });
  form.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    redraw();
  });
  place.replaceChildren(h("span", { class: "entry-key" }, label(key)), form);
  field.focus();
}

/** @param {string} text @param {any} before @param {boolean} isWords */
function parse(text, before, isWords) {
  if (isWords) return text.split(",").map((word) => word.trim()).filter(Boolean);
  if (typeof before === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {import("../api.js").Whose} whose @param {string} key @param {string} name */
async function forget(whose, key, name) {
  try {
    await deleteMemory(whose, key);
    changed();
    toast(`Forgot ${name}.`, { action: "Undo", seconds: 9, onaction: () => undoMemory(whose, key).then(changed, complain) });
  } catch (error) {
    complain(error);
  }
}

/** A line to write something down by hand. @param {import("../api.js").Whose} whose */
function adder(whose) {
  const open = h("button", { class: "button small", type: "button" }, "Add something");
  const key = h("input", { class: "input", "aria-label": "What it is", placeholder: "What it is, such as diet", maxlength: "128", required: true });
  const value = h("input", { class: "input", "aria-label": "What to remember", placeholder: "What to remember", required: true });
  const close = () => form.replaceWith(open);
  const form = h("form", { class: "entries" }, key, value, h("div", { class: "edit-actions" }, h("button", { class: "button small", type: "button", onclick: close }, "Cancel"), h("button", { class: "button small primary", type: "submit" }, "Remember")));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await putMemory(whose, key.value.trim(), value.value.trim(), null);
      close();
      changed();
    } catch (error) {
      complain(error);
    }
  });
  open.addEventListener("click", () => (open.replaceWith(form), key.focus()));
  return h("div", {}, open);
}

/** @param {import("../api.js").Whose} whose @param {any[]} entries */
function forgetButton(whose, entries) {
  if (!entries.length) return null;
  const ask = async () => {
    if (!(await confirmed("Forget everything?", `${plural(entries.length, "entry", "entries")} will be gone for good. This cannot be taken back.`, "Forget everything"))) return;
    try {
      await forgetAll(whose);
      changed();
    } catch (error) {
      complain(error);
    }
  };
  return h("div", {}, h("button", { class: "button small danger", type: "button", onclick: () => void ask() }, "Forget everything"));
}
