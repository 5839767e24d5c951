// What has been said, how much of it and how fast: counted here, from the user's own sessions. Below it the totals of the
// service, for those who may see them.
// @ts-check
import { ApiError, messages, stats } from "../api.js";
import { now } from "../clock.js";
import { h } from "../dom.js";
import { compact, dayOf, duration, plural, whole } from "../format.js";
import { persona } from "../personas.js";
import { sessions, titleOf } from "../sessions/store.js";
import { bars, dots, figure } from "./charts.js";

/** So many sessions and messages of each are looked at. */
const SESSIONS = 30;
const MESSAGES = 200;
const DAYS = 14;

/** @returns {Promise<any[]>} */
export async function statisticsTab() {
  const mine = sessions();
  const looked = mine.slice(0, SESSIONS);
  const histories = await Promise.all(looked.map((session) => messages(session.session_id, { limit: MESSAGES }).then(({ messages: all }) => all, () => [])));
  const said = histories.flat();
  const service = await stats().catch((error) => {
    // Most may not see it, and miss nothing.
    if (error instanceof ApiError && [401, 403].includes(error.status)) return null;
    throw error;
  });
  if (!mine.length && !service) return [h("p", { class: "hint" }, "Nothing to count yet.")];
  const isPartial = mine.length > SESSIONS || looked.some(({ message_count: count }) => count > MESSAGES);
  return [own(mine), perDay(said, isPartial), tokens(mine), latency(histories), service && total(service)];
}

/** @param {any[]} mine */
function own(mine) {
  const sum = mine.reduce((total, { usage }) => total + usage.total_tokens, 0);
  const said = mine.reduce((total, { message_count: count }) => total + count, 0);
  return h("section", {}, h("h3", {}, "Your sessions"), h("div", { class: "figures" }, figure(whole(mine.length), "sessions"), figure(compact(said), "messages"), figure(`${mine.some(({ usage }) => usage.estimated) ? "~" : ""}${compact(sum)}`, "tokens")));
}

/** @param {any[]} said @param {boolean} isPartial */
function perDay(said, isPartial) {
  const today = dayOf(now());
  const days = Array.from({ length: DAYS }, (_, index) => new Date(today).setDate(new Date(today).getDate() - (DAYS - 1 - index)));
  const counts = new Map(days.map((day) => [day, 0]));
  for (const { created_at: at } of said) {
    const day = dayOf(Date.parse(at));
    if (counts.has(day)) counts.set(day, (counts.get(day) ?? 0) + 1);
  }
  const name = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "numeric" });
  const values = days.map((day) => ({ name: name.format(day), value: counts.get(day) ?? 0, said: `${name.format(day)}: ${plural(counts.get(day) ?? 0, "message")}` }));
  return h("section", {}, h("h3", {}, "Messages a day"), bars(`Messages of the last ${DAYS} days: ${values.filter(({ value }) => value).map((one) => one.said).join(", ") || "none"}`, values),
    isPartial && h("p", { class: "hint" }, `Of the latest ${MESSAGES} messages in each of your latest ${SESSIONS} sessions.`));
}

/** @param {any[]} mine */
function tokens(mine) {
  const used = mine.filter(({ usage }) => usage.total_tokens > 0).slice(0, 8);
  if (!used.length) return null;
  const values = used.map((session) => ({ name: "", value: session.usage.total_tokens, said: `${titleOf(session)}: ${whole(session.usage.total_tokens)} tokens` }));
  return h("section", {}, h("h3", {}, "Tokens a session"), bars(values.map(({ said }) => said).join(", "), values), h("p", { class: "hint" }, "The latest sessions, newest first. Prompts and answers together."));
}

/** From a question to its whole answer. @param {any[][]} histories */
function latency(histories) {
  const took = histories.flatMap((all) => all.flatMap((message, index) => {
    const before = all[index - 1];
    const isAnswer = message.role === "assistant" && before?.role === "user" && message.replaces === undefined;
    return isAnswer ? [{ at: Date.parse(message.created_at), ms: Date.parse(message.created_at) - Date.parse(before.created_at) }] : [];
  })).sort((a, b) => a.at - b.at).slice(-60).map(({ ms }) => ms);
  if (took.length < 2) return null;
  const sorted = [...took].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  const [half, most] = [at(0.5), at(0.95)];
  const chart = dots(`Half of the answers took less than ${duration(half)}, 95% less than ${duration(most)}.`, took, [{ value: half, name: "half" }, { value: most, name: "95%" }]);
  return h("section", {}, h("h3", {}, "Time to an answer"), chart, h("p", { class: "hint" }, `Half within ${duration(half)}, 95% within ${duration(most)}; the last ${took.length} answers.`));
}

/** @param {any} all */
function total({ sessions: counts, messages: said, turns, errors, tokens: used, by_persona: by, lag_seconds: lag }) {
  const personas = Object.entries(by).filter(([, one]) => one.sessions).sort((a, b) => b[1].sessions - a[1].sessions);
  const values = personas.map(([id, one]) => ({ name: persona(id).name.split(" ")[0] ?? id, value: one.sessions, said: `${persona(id).name}: ${plural(one.sessions, "session")}` }));
  return h("section", {}, h("h3", {}, "The whole service"),
    h("div", { class: "figures" }, figure(compact(counts.alive), "alive now"), figure(compact(counts.created), "ever begun"), figure(compact(turns), "turns"), figure(compact(said), "messages"), figure(compact(used.total), "tokens"), figure(compact(errors), "errors")),
    values.length > 0 && bars(`Sessions by persona. ${values.map((one) => one.said).join(", ")}`, values),
    h("p", { class: "hint" }, `Messages and turns show up to ${Math.ceil(lag / 60)} min late.`));
}
