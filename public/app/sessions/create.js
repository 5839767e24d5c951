// The form for a new session: who answers, what you are called, how long it lives. Everything is optional.
// @ts-check
import { newKey } from "../api.js";
import { h } from "../dom.js";
import { avatar, loadPersonas } from "../personas.js";
import { go } from "../router.js";
import { keep, recall } from "../storage.js";
import { openDialog } from "../ui/dialog.js";
import { problemCard } from "../ui/problem.js";
import { begin } from "./begin.js";

/** @type {[string, string][]} seconds, and what they are called; the first leaves it to the service */
const LIFETIMES = [["", "As usual here"], ["3600", "1 hour"], ["86400", "1 day"], ["604800", "7 days"], ["2592000", "30 days"]];

/** @param {string} [persona] the one that is chosen already */
export async function openForm(persona = "default") {
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
  // The same again is created once; something else is another request.
  let [asked, key] = ["", newKey()];
  form.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    create.disabled = true;
    const chosen = new FormData(form);
    keep("display-name", String(chosen.get("display_name") ?? "").trim());
    const choices = { persona: String(chosen.get("persona") ?? "default"), title: String(chosen.get("title") ?? ""), ttl: Number(chosen.get("ttl")), memory: memory.checked };
    const all = JSON.stringify([...chosen, choices]);
    if (asked && asked !== all) key = newKey();
    asked = all;
    try {
      const { session_id: id } = await begin(choices, key);
      go(id);
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
