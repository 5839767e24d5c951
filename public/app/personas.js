// Who can answer, and what each looks like: the service names them, the page gives them a colour, a sign and three first
// sentences. Personas that a deployment has of its own get a colour of their name.
// @ts-check
import { personas } from "./api.js";
import { h, icon } from "./dom.js";

/** @typedef {{ id: string, name: string, description: string }} Persona */

/** @type {Record<string, { hue: number, sign: string, starters: string[] }>} */
const LOOKS = {
  default: { hue: 188, sign: "spark", starters: ["Hi, my name is Ada. What will you remember of me?", "Explain how a hash table works, with a short example", "Plan a quiet weekend in a city I have never seen"] },
  mental_health_nurse: { hue: 345, sign: "heart", starters: ["I have had trouble sleeping this week", "How can I calm down before a talk?", "I feel overwhelmed. Where do I begin?"] },
  technical_support: { hue: 250, sign: "tool", starters: ["My laptop is slow since the last update", "Why does my Wi-Fi drop every evening?", "How do I find out what fills my disk?"] },
  creative_writer: { hue: 300, sign: "feather", starters: ["Write the opening of a story set in a lighthouse", "Give me five titles for a poem about rain", "Make this sentence sing: the train was late"] },
  supportive_coach: { hue: 70, sign: "peak", starters: ["I want to run 5 km in two months", "Help me to set one goal for this week", "I keep putting off a hard conversation"] },
};

/** @type {Persona[]} */
let known = [];

/** Loads the list once. @returns {Promise<Persona[]>} */
export async function loadPersonas() {
  if (!known.length) known = await personas();
  return known;
}

/** @param {string} id @returns {Persona} */
export const persona = (id) => known.find((one) => one.id === id) ?? { id, name: id === "default" ? "Assistant" : id, description: "" };

/** @param {string} id */
export const starters = (id) => (LOOKS[id] ?? LOOKS["default"])?.starters ?? [];

/** A persona's sign on its colour. @param {string} id @param {string} [size] */
export function avatar(id, size = "") {
  const look = LOOKS[id];
  const element = h("span", { class: `avatar ${size}`, "aria-hidden": "true" }, look ? icon(look.sign) : persona(id).name.charAt(0).toLocaleUpperCase());
  element.style.setProperty("--hue", String(look?.hue ?? hueOf(id)));
  return element;
}

/** @param {string} text */
const hueOf = (text) => [...text].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
