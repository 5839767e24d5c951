// The first message of a session: the user's until there is a session that it is said in. Meanwhile it is shown as what is
// being said, kept among the drafts, and can be stopped.
// @ts-check
import { newKey } from "../api.js";
import { byId, h } from "../dom.js";
import { go, route } from "../router.js";
import { begin } from "../sessions/begin.js";
import { run } from "../turns.js";
import { complain, problemCard } from "../ui/problem.js";
import { giveBack, hold, moveDraft, setBusy, setText } from "./composer.js";
import { beginning } from "./home.js";
import { prepareConversation, showHome, view } from "./view.js";

/** @typedef {{ text: string, persona: string, key: string }} First */

/** What is on its way. @type {First | null} */
let first = null;
/** What no session could be begun with. It may have been begun all the same: the same again has the same key. @type {First | null} */
let failed = null;

/** Is a first message on its way? */
export const isBeginning = () => first !== null;

/** Shows it in place of what the first view shows. */
export function showFirst() {
  if (!first) return;
  setBusy(true);
  byId("thread").replaceChildren(...beginning(first.text, first.persona));
}

/** Says the first message of a session. @param {string} text */
export async function sayFirst(text) {
  // Whoever presses twice means it once.
  if (first) return;
  const { persona } = view;
  const key = failed?.text === text && failed.persona === persona ? failed.key : newKey();
  const mine = (first = { text, persona, key });
  hold(text);
  showFirst();
  // Loaded meanwhile: what is said is shown from its beginning.
  const shown = prepareConversation().catch(() => {});
  try {
    const { session_id: id } = await begin({ persona }, key);
    await shown;
    if (first !== mine) return;
    run("reply", id, text);
    [first, failed] = [null, null];
    hold("");
    // Whoever has gone elsewhere meanwhile stays there.
    if (route().sessionId !== null) return;
    moveDraft(id);
    // It stays busy until it is shown, or whoever is quick would begin another session.
    go(id);
  } catch (error) {
    if (first !== mine) return;
    takeBack();
    if (route().sessionId !== null) return complain(error);
    const again = () => (setText(byId("message").value.replace(text, "").trim()), void sayFirst(text));
    byId("thread").replaceChildren(h("div", { class: "hero" }, problemCard(error, h("button", { class: "button small", type: "button", onclick: again }, "Try again"))));
  }
}

/** Stops it before it is said: it goes back to where it was written. */
export function stopFirst() {
  takeBack();
  void showHome();
}

function takeBack() {
  if (!first) return;
  const { text } = (failed = first);
  first = null;
  hold("");
  giveBack(null, text);
  if (route().sessionId === null) setBusy(false);
}
