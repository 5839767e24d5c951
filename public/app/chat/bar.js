// The bar over a conversation: its title, who answers, when it ends, how full its context is, what can be done with it.
// @ts-check
import { ApiError, patchSession } from "../api.js";
import { now } from "../clock.js";
import { byId, h, icon, iconButton } from "../dom.js";
import { avatar, loadPersonas, persona } from "../personas.js";
import { expiryChip } from "../sessions/expiry.js";
import { titleField } from "../sessions/list.js";
import { put, titleOf } from "../sessions/store.js";
import { tellTabs } from "../tabs.js";
import { announce } from "../ui/announce.js";
import { keepLonger, openMenu, openSessionMenu } from "../ui/later.js";
import { complain } from "../ui/problem.js";
import { contextRing } from "../panel/ring.js";

let drawn = "";

/** Draws the bar for a session, or for none. @param {any} session */
export function drawBar(session) {
  // Only what is seen counts: focus stays where it is while nothing changes.
  const chip = session && expiryChip(session, now(), () => void keepLonger(session.session_id).then((kept) => kept && drawBar({ ...session, ...kept })));
  const text = JSON.stringify([session?.session_id, session && titleOf(session), session?.persona, chip?.textContent, chip?.className]);
  if (text === drawn) return;
  if (byId("bar-title").querySelector("input") && session && JSON.parse(drawn || "[]")[0] === session.session_id) return;
  drawn = text;
  byId("bar-title").replaceChildren(...title(session));
  byId("bar-tools").replaceChildren(...(session ? tools(session, chip) : []));
}

/** @param {any} session */
function title(session) {
  if (!session) return [h("h1", { class: "title" }, "New session")];
  const begin = () => {
    const field = titleField(session, "title-input", () => {
      drawn = "";
      drawBar(session);
      /** @type {any} */ (byId("bar-title").querySelector("button"))?.focus();
    });
    // The page keeps its heading.
    byId("bar-title").replaceChildren(h("h1", { class: "visually-hidden" }, titleOf(session)), field);
    field.select();
  };
  const name = h("h1", { class: "title" }, h("button", { class: "title-button", type: "button", title: "Rename", onclick: begin }, h("span", { class: "title-text", dir: "auto" }, titleOf(session)), icon("pencil")));
  const who = h("button", { class: "button small quiet persona-chip", type: "button", "aria-haspopup": "menu", title: "Who answers", "aria-label": `${persona(session.persona).name} answers. Change`, onclick: (/** @type {any} */ event) => void choose(event.currentTarget, session) }, avatar(session.persona), h("span", {}, persona(session.persona).name));
  return [name, who];
}

/** @param {any} session @param {Element | null} chip */
function tools(session, chip) {
  const rename = () => /** @type {any} */ (byId("bar-title").querySelector(".title-button"))?.click();
  const more = iconButton("more", "More", (event) => void openSessionMenu(event.currentTarget, session, rename), { class: "icon-button", "aria-haspopup": "menu" });
  return [...(chip ? [chip] : []), contextRing(session.session_id), more];
}

/** @param {HTMLElement} anchor @param {any} session */
async function choose(anchor, session) {
  const all = await loadPersonas().catch(() => []);
  void openMenu(anchor, all.map(({ id, name }) => ({ icon: avatar(id), isChosen: id === session.persona, label: name, onclick: () => void become(session, id) })));
}

/** @param {any} session @param {string} id */
async function become(session, id) {
  if (id === session.persona) return;
  try {
    const { value } = await patchSession(session.session_id, { persona: id });
    put(value);
    tellTabs({ what: "changed", sessionId: value.session_id });
    dispatchEvent(new CustomEvent("session-changed", { detail: value }));
    announce(`${persona(id).name} answers from now on.`);
  } catch (error) {
    complain(error instanceof ApiError ? error : new ApiError(0, {}));
  }
}
