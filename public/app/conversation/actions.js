// What can be done with a message of the session that is shown. What a button looks like is message.js.
// @ts-check
import { removeMessage } from "../api.js";
import { giveBack } from "../chat/composer.js";
import { view } from "../chat/view.js";
import { tellTabs } from "../tabs.js";
import { isRunning, run } from "../turns.js";
import { branch } from "../ui/later.js";
import { complain } from "../ui/problem.js";
import { editMessage } from "./edit.js";
import { lastOf, place, stretch } from "./thread.js";
import { pager } from "./versions.js";

/** @param {any} message @param {boolean} isLast of its role @returns {import("./message.js").Actions} */
export function actions(message, isLast) {
  const { id } = view;
  if (id === null || message.removed_at) return {};
  const again = (/** @type {import("../api.js").TurnKind} */ kind) => () => void run(kind, id, undefined, { latest: message.sequence });
  const isAnswer = message.role === "assistant";
  return {
    ...(isLast && message.role === "user" ? { edit: () => void edit() } : {}),
    ...(isLast && isAnswer ? { regenerate: again("regenerate") } : {}),
    ...(isLast && isAnswer && message.cut ? { goOn: again("continue") } : {}),
    ...(isAnswer ? { branch: () => void branch(id, message.sequence) } : {}),
    remove: () => void remove(id, message.sequence),
    ...(message.replaces !== undefined ? { versions: () => pager(id, view.session, message, { find: () => stretch(message.sequence), isLast }) } : {}),
  };
}

/** Edits what the user said last. @param {string} [text] what was written for it already @returns {boolean} whether it can be */
export function edit(text) {
  const { id } = view;
  const last = lastOf("user");
  if (id === null || !last || isRunning(id) || last.message.removed_at) return false;
  editMessage(last, { text, send: (text) => run("edit", id, text, { latest: last.message.sequence }), giveBack: (text) => giveBack(id, text) });
  return true;
}

/** @param {string} id @param {number} sequence */
async function remove(id, sequence) {
  try {
    const { value } = await removeMessage(id, sequence);
    view.edition += 1;
    if (view.id === id) place([value], view.session);
    tellTabs({ what: "changed", sessionId: id, removed: sequence });
    dispatchEvent(new CustomEvent("memory-changed"));
  } catch (error) {
    complain(error);
  }
}
