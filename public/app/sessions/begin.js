// Beginning a session: by the form, or by a first message.
// @ts-check
import { createSession } from "../api.js";
import { now } from "../clock.js";
import { recall } from "../storage.js";
import { tellTabs } from "../tabs.js";
import { toast } from "../ui/toast.js";
import { put, refresh, state, titleOf } from "./store.js";

/** @type {(who: import("../identity.js").Identity) => void} */
export let createAs = () => {};
// Whoever writes faster than the service tells who is asking: a session without its user would be found by nobody again.
/** @type {Promise<import("../identity.js").Identity>} */
const identity = new Promise((resolve) => (createAs = resolve));

/**
 * Creates a session; whoever asked goes there, or has gone elsewhere meanwhile.
 * @param {{ persona: string, title?: string, ttl?: number, memory?: boolean }} choices
 * @param {string} key under which it is created once
 * @returns {Promise<any>} the session
 */
export async function begin({ persona, title, ttl, memory = true }, key) {
  const { label } = await identity;
  const name = (recall("display-name") ?? "").trim();
  const body = {
    ...(label ? { user_id: label } : {}),
    persona, memory,
    ...(title?.trim() ? { title: title.trim() } : {}),
    ...(ttl ? { ttl_seconds: ttl } : {}),
    metadata: { source: "web", ...(name ? { display_name: name } : {}) },
  };
  const { value } = await createSession(body, key);
  put(value);
  tellTabs({ what: "changed", sessionId: value.session_id });
  void tellEvicted();
  return value;
}

/** Where a user may have so many sessions only, another may have ended for this one. Nobody should find that out later. */
async function tellEvicted() {
  const before = now();
  const gone = (await refresh()).filter((session) => Date.parse(session.expires_at) > before);
  if (state.phase === "ready") for (const session of gone) toast(`“${titleOf(session)}” has ended: only so many sessions may be open at once.`, { seconds: 10 });
}
