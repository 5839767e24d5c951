// What is loaded when somebody first wants it: the first view of the page does without.
// @ts-check
import { health } from "../api.js";
import { byId } from "../dom.js";
import { toast } from "./toast.js";

/** @type {Map<string, number>} how often a module could not be loaded */
const failures = new Map();

/** So long another load of the page is offered. */
const OFFER_SECONDS = 30;
let offered = 0;

/**
 * Loads a module. Browsers remember what could not be loaded, so another attempt has another address. The modules that it
 * needs have none: where one of them is what failed, only another load of the page helps.
 * @param {string} path from the root
 * @param {{ isOrnament?: boolean }} [how] of what only looks better nothing is said
 * @returns {Promise<any>}
 */
export async function load(path, { isOrnament = false } = {}) {
  const times = failures.get(path) ?? 0;
  try {
    return await import(times ? `${path}?${times}` : path);
  } catch (error) {
    failures.set(path, times + 1);
    if (times && !isOrnament) void offerReload();
    throw error;
  }
}

/** Offers to load the page again, where that is sure to succeed. */
async function offerReload() {
  if (Date.now() < offered + OFFER_SECONDS * 1000) return;
  offered = Date.now();
  try {
    await health();
    toast("A part of this page could not be loaded.", { action: "Load the page again", onaction: () => location.reload(), seconds: OFFER_SECONDS });
  } catch {
    // Without the service the page as it is is better than none.
    offered = 0;
  }
}

/** The search over the list. */
export const loadSearch = () => load("/app/sessions/search.js");

/** See menu.js. @param {HTMLElement} anchor @param {import("./menu.js").Item[]} items */
export const openMenu = async (anchor, items) => (await load("/app/ui/menu.js")).openMenu(anchor, items);

/** The form for a new session. @param {string} persona the one that is chosen already */
export const openCreate = async (persona) => (await load("/app/sessions/create.js")).openForm(persona);

/** The sheet of keys. */
export const openSheet = async () => (await load("/app/ui/sheet.js")).openSheet();

/** @typedef {import("../panel/panel.js").Tab} Tab */
const panel = () => load("/app/panel/panel.js");
export const isPanelOpen = () => !byId("panel").hidden;
/** The panel beside the conversation. @param {Tab} [tab] the one that was looked at last, if none is given */
export const openPanel = async (tab) => (await panel()).openPanel(tab);
export const closePanel = async () => (await panel()).closePanel();
/** Draws a tab again when it is open. @param {Tab} [tab] */
export const redrawPanel = async (tab) => void (isPanelOpen() && (await panel()).redraw(tab));

const actions = () => load("/app/sessions/actions.js");
/** The menu of a session, at a button. @param {HTMLElement} anchor @param {any} session @param {() => void} onrename */
export async function openSessionMenu(anchor, session, onrename) {
  const { menuOf } = await actions();
  await openMenu(anchor, menuOf(session, onrename));
}
/** See actions.js. @param {string} id @param {string} before @param {string | null} title */
export const rename = async (id, before, title) => (await actions()).rename(id, before, title);
/** @param {string} id */
export const keepLonger = async (id) => (await actions()).keepLonger(id);
/** @param {string} id @param {number} through */
export const branch = async (id, through) => (await actions()).branch(id, through);
