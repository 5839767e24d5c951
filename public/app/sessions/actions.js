// What can be done with a session from the list and from the bar: delete with undo, keep, rename, export, branch.
// @ts-check
import { ApiError, deleteSession, exportPath, forkSession, newKey, patchSession, renewSession, restoreSession, session } from "../api.js";
import { go, route } from "../router.js";
import { forgetSession } from "../storage.js";
import { tellTabs } from "../tabs.js";
import { abandon } from "../turns.js";
import { complain } from "../ui/problem.js";
import { toast } from "../ui/toast.js";
import { drop, hide, put, state, titleOf } from "./store.js";

/** So long it is offered to take a deletion back, and so long the service can: who has tried in vain tries again. */
const UNDO_SECONDS = 10;
const KEPT_SECONDS = 60;

/** Deletes a session at once; for a while that can be taken back. @param {any} listed */
export async function remove(listed) {
  const { session_id: id } = listed;
  const isCurrent = route().sessionId === id;
  hide(id, true);
  try {
    await deleteSession(id, KEPT_SECONDS);
  } catch (error) {
    hide(id, false);
    // Gone already is what was wanted.
    if (!(error instanceof ApiError && error.status === 404)) return complain(error);
  }
  drop(id);
  hide(id, false);
  abandon(id);
  tellTabs({ what: "gone", sessionId: id });
  // What was being written there goes when it cannot come back any more.
  setTimeout(() => state.byId.has(id) || forgetSession(id), (KEPT_SECONDS + 1) * 1000);
  if (isCurrent) go(null, { replaces: true });
  offerUndo(`Deleted “${titleOf(listed)}”.`, { listed, wasCurrent: isCurrent, key: newKey(), end: performance.now() + KEPT_SECONDS * 1000 });
}

/** @typedef {{ listed: any, wasCurrent: boolean, key: string, end: number }} Deletion `key` under which it is taken back once, until `end` */

/** @param {string} text @param {Deletion} deletion */
function offerUndo(text, deletion) {
  const most = (deletion.end - performance.now()) / 1000;
  if (most > 0) toast(text, { action: "Undo", seconds: Math.min(UNDO_SECONDS, most), most, onaction: () => restore(deletion) });
}

/** @param {Deletion} deletion */
async function restore(deletion) {
  const { listed, wasCurrent, key } = deletion;
  try {
    const { value } = await restoreSession(listed.session_id, key);
    put({ ...listed, ...value });
    tellTabs({ what: "changed", sessionId: listed.session_id });
    if (wasCurrent) go(listed.session_id, { replaces: true });
  } catch (error) {
    complain(error);
    if (!(error instanceof ApiError && error.status === 404)) offerUndo(`“${titleOf(listed)}” is still deleted.`, deletion);
  }
}

/** Lets its time begin again. @param {string} id */
export async function keepLonger(id) {
  try {
    const { value } = await renewSession(id);
    put(value);
    tellTabs({ what: "changed", sessionId: id });
    return value;
  } catch (error) {
    complain(error);
    return null;
  }
}

/**
 * Gives a title, unless somebody else has given another since editing began; null removes it.
 * @param {string} id
 * @param {string} before what it was called when editing began
 * @param {string | null} title
 */
export async function rename(id, before, title) {
  for (let tries = 0; ; tries += 1) {
    const { value: now, etag } = await session(id);
    // Where there was none, what has come meanwhile is the one that the service makes of what was said.
    if (before && now.title !== null && now.title !== before && now.title !== title) {
      put(now);
      toast(`It was renamed elsewhere to “${now.title}”.`, { action: "Rename all the same", onaction: () => void rename(id, now.title, title).catch(complain) });
      return;
    }
    try {
      const { value } = await patchSession(id, { title }, etag);
      put(value);
      tellTabs({ what: "changed", sessionId: id });
      return;
    } catch (error) {
      // Something was said meanwhile: that is no reason not to rename.
      if (tries >= 4 || !(error instanceof ApiError && error.status === 412)) throw error;
    }
  }
}

/** A copy that goes on by itself, with everything up to a message. @param {string} id @param {number} through */
export async function branch(id, through) {
  try {
    const { value } = await forkSession(id, through);
    put(value);
    toast("This is a branch: what you say here does not change the other session.");
    go(value.session_id);
  } catch (error) {
    complain(error);
  }
}

/** The menu of a session. @param {any} listed @param {() => void} onrename @returns {import("../ui/menu.js").Item[]} */
export function menuOf(listed, onrename) {
  const id = listed.session_id;
  return [
    { icon: "pencil", label: "Rename", onclick: onrename },
    { icon: "clock", label: "Keep longer", onclick: () => void keepLonger(id) },
    { icon: "file", label: "Export as Markdown", href: exportPath(id, "markdown") },
    { icon: "file", label: "Export as JSON", href: exportPath(id, "json") },
    { icon: "copy", label: "Copy the session’s id", onclick: () => void navigator.clipboard.writeText(id).then(() => toast(`Copied ${id}.`), () => toast(id)) },
    null,
    { icon: "trash", label: "Delete", onclick: () => void remove(state.byId.get(id) ?? listed), isDanger: true },
  ];
}
