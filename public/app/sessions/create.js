// The form for a new session: who answers, what you are called, how long it lives. Everything is optional.
// @ts-check
import { createSession, newKey } from "../api.js";
import { h } from "../dom.js";
import { avatar, loadPersonas } from "../personas.js";
import { go } from "../router.js";
import { keep, recall } from "../storage.js";
import { tellTabs } from "../tabs.js";
import { openDialog } from "../ui/dialog.js";
import { problemCard } from "../ui/problem.js";
import { put, refresh, state, titleOf } from "./store.js";
import { toast } from "../ui/toast.js";

/** @type {[string, string][]} seconds, and what they are called; the first leaves it to the service */
const LIFETIMES = [["", "As usual here"], ["3600", "1 hour"], ["86400", "1 day"], ["604800", "7 days"], ["2592000", "30 days"]];

/** @type {import("../identity.js").Identity | null} */
let identity = null;
/** @param {import("../identity.js").Identity} who */
export const createAs = (who) => void (identity = who);

/** @param {string} [persona] the one that is chosen already */
export async function openCreate(persona = "default") {
  const cards = h("div", { class: "cards", role: "radiogroup", "aria-label": "Persona" }, h("p", { class: "hint" }, "One moment…"));
  const name = h("input", { class: "input", name: "display_name", maxlength: "80", autocomplete: "nickname", value: recall("display-name") ?? "" });
  const title = h("input", { class: "input", name: "title", maxlength: "200", autocomplete: "off" });
  const life = h("select", { class: "input", name: "ttl" }, LIFETIMES.map(([value, label]) => h("option", { value }, label)));
  const memory = h("input", { type: "checkbox", role: "switch", name: "memory", checked: true });
  const trouble = h("div", { role: "alert" });
  const create = h("button", { class: "button primary", type: "submit" }, "Create session");
  const form = h("form", { class: "dialog", method: "dialog" },
    h("fieldset", {}, h("legend", {}, "Who answers"), cards),
    h("div", { class: "two" },
      h("label", { class: "field" }, h("span", {}, "Your display name ", h("small", {}, "(optional)")), name),
      h("label", { class: "field" }, h("span", {}, "Title ", h("small", {}, "(optional)")), title)),
    h("div", { class: "two" },
      h("label", { class: "field" }, h("span", {}, "Ends after a silence of"), life),
      h("label", { class: "switch" }, h("span", {}, "Use what is remembered of me"), memory)),
    trouble,
    h("div", { class: "dialog-actions" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"), create));
  form.style.padding = "0";
  const dialog = openDialog("New session", {}, form);
  const key = newKey();
  form.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    create.disabled = true;
    const chosen = new FormData(form);
    keep("display-name", String(chosen.get("display_name") ?? "").trim());
    try {
      await begin({ persona: String(chosen.get("persona") ?? "default"), title: String(chosen.get("title") ?? ""), ttl: Number(chosen.get("ttl")), memory: memory.checked }, key);
      dialog.close();
    } catch (error) {
      trouble.replaceChildren(problemCard(error));
      create.disabled = false;
    }
  });
  try {
    cards.replaceChildren(...(await loadPersonas()).map((one) => card(one, one.id === persona)));
  } catch (error) {
    cards.replaceChildren(problemCard(error));
  }
}

/** @param {import("../personas.js").Persona} one @param {boolean} isChosen */
const card = ({ id, name, description }, isChosen) =>
  h("label", { class: "card" }, h("input", { type: "radio", name: "persona", value: id, checked: isChosen }), avatar(id, "large"), h("b", {}, name), h("small", {}, description));

/**
 * Creates a session and goes there.
 * @param {{ persona: string, title?: string, ttl?: number, memory?: boolean }} choices
 * @param {string} key under which it is created once
 * @returns {Promise<any>} the session
 */
export async function begin({ persona, title, ttl, memory = true }, key) {
  const name = (recall("display-name") ?? "").trim();
  const body = {
    ...(identity?.label ? { user_id: identity.label } : {}),
    persona, memory,
    ...(title?.trim() ? { title: title.trim() } : {}),
    ...(ttl ? { ttl_seconds: ttl } : {}),
    metadata: { source: "web", ...(name ? { display_name: name } : {}) },
  };
  const { value } = await createSession(body, key);
  put(value);
  go(value.session_id);
  tellTabs({ what: "changed", sessionId: value.session_id });
  void tellEvicted();
  return value;
}

/** Where a user may have so many sessions only, another may have ended for this one. Nobody should find that out later. */
async function tellEvicted() {
  const now = Date.now();
  const gone = (await refresh()).filter((session) => Date.parse(session.expires_at) > now);
  if (state.phase === "ready") for (const session of gone) toast(`“${titleOf(session)}” has ended: only so many sessions may be open at once.`, { seconds: 10 });
}
