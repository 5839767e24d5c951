// Who is asking. Where the service knows by itself (a visitor's cookie, a token that a proxy adds), `me`; where it serves
// everybody as whomever they like (AUTH_MODE=open, on one's own machine), an id that this browser has made up and keeps.
// @ts-check
import { user } from "./api.js";
import { keep, recall } from "./storage.js";

/** @typedef {{ name: string, label: string | undefined }} Identity `name` stands in paths; `label` goes into bodies, where needed */

/** @returns {Promise<Identity>} */
export async function identify() {
  // The first request of all, and alone: a visitor gets the cookie by it, and two at once would make two visitors.
  const { user_id: id } = await user("me");
  if (id !== "me") return { name: "me", label: undefined };
  const name = recall("user") ?? `web_${crypto.randomUUID().replaceAll("-", "")}`;
  keep("user", name);
  return { name, label: name };
}
