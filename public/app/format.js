// Dates, spans of time and numbers as people say them, in their language and zone. Pure.
// @ts-check

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const time = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const dayOnly = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const month = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" });
const number = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

const DAY_MS = 86_400_000;

/** Begin of the day of `at` in the user's zone. @param {number} at */
export const dayOf = (at) => new Date(at).setHours(0, 0, 0, 0);

/** How many days ago, by the calendar. @param {number} at @param {number} now */
export const daysAgo = (at, now) => Math.round((dayOf(now) - dayOf(at)) / DAY_MS);

/** The heading that a session stands under. @param {number} at @param {number} now */
export function dayGroup(at, now) {
  const days = daysAgo(at, now);
  if (days <= 1) return capital(relative.format(-Math.max(0, days), "day"));
  if (days < 7) return "Previous 7 days";
  if (days < 30) return "Previous 30 days";
  return month.format(at);
}

/** The heading of a day in a conversation. @param {number} at @param {number} now */
export const dayTitle = (at, now) => (daysAgo(at, now) <= 1 ? dayGroup(at, now) : dayOnly.format(at));

/** "12 min", "3 h", "2 d". @param {number} ms */
export function span(ms) {
  const minutes = Math.max(0, ms) / 60_000;
  if (minutes < 1) return `${Math.ceil((Math.max(0, ms) % 60_000) / 1000)} s`;
  if (minutes < 90) return `${Math.round(minutes)} min`;
  if (minutes < 36 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440)} days`;
}

/** "2.4 s", "310 ms". @param {number} ms */
export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`);

/** "3 minutes ago", "yesterday". @param {number} at @param {number} now */
export function ago(at, now) {
  const minutes = Math.round(Math.min(0, at - now) / 60_000);
  if (minutes > -60) return relative.format(minutes, "minute");
  return minutes > -24 * 60 ? relative.format(Math.round(minutes / 60), "hour") : relative.format(-daysAgo(at, now), "day");
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

export const clockTime = (/** @type {number} */ at) => time.format(at);
export const dateTime = (/** @type {number} */ at) => dayAndTime.format(at);
export const whole = (/** @type {number} */ value) => number.format(value);
export const compact = (/** @type {number} */ value) => short.format(value);
export const plural = (/** @type {number} */ count, /** @type {string} */ one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;
