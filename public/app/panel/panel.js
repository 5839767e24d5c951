// The panel beside the conversation and its three tabs. What a tab shows is in a file of its own, loaded when it is opened.
// @ts-check
import { byId, h, icon } from "../dom.js";
import { problemCard } from "../ui/problem.js";
import { route } from "../router.js";
import { load } from "../ui/later.js";
import { loadStyle } from "../ui/style.js";

/** @typedef {"memory" | "context" | "statistics"} Tab */

/** @type {[Tab, string, () => Promise<(sessionId: string | null) => Promise<any[]>>][]} */
const TABS = [
  ["memory", "Memory", async () => (await load("/app/panel/memory.js")).memoryTab],
  ["context", "Context", async () => (await load("/app/panel/context.js")).contextTab],
  ["statistics", "Statistics", async () => (await load("/app/panel/statistics.js")).statisticsTab],
];

/** @type {Tab} */
let open = "memory";
let drawing = 0;

/** @param {Tab} [tab] the one that was looked at last, if none is given */
export function openPanel(tab = open) {
  open = tab;
  byId("panel").hidden = false;
  byId("app").classList.add("has-panel");
  byId("toggle-panel").setAttribute("aria-expanded", "true");
  draw();
  byId(`tab-${tab}`)?.focus();
}

export function closePanel() {
  byId("panel").hidden = true;
  byId("app").classList.remove("has-panel");
  byId("toggle-panel").setAttribute("aria-expanded", "false");
  byId("toggle-panel").focus();
}

function draw() {
  const tabs = TABS.map(([tab, name]) => h("button", { class: "tab", id: `tab-${tab}`, type: "button", role: "tab", "aria-selected": String(tab === open), "aria-controls": "panel-body", tabindex: tab === open ? "0" : "-1", onclick: () => openPanel(tab) }, name));
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Details" }, tabs);
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = TABS.findIndex(([tab]) => tab === open);
    openPanel(/** @type {any} */ (TABS.at((index + step) % TABS.length))[0]);
  });
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Close the panel", onclick: closePanel }, icon("close"));
  const body = h("div", { class: "panel-body", id: "panel-body", role: "tabpanel", tabindex: "0", "aria-labelledby": `tab-${open}`, "aria-busy": "true" }, h("p", { class: "hint" }, "One moment…"));
  byId("panel").replaceChildren(h("div", { class: "panel-head" }, h("h2", { class: "visually-hidden" }, "Details"), list, close), body);
  void fill();
}

/** Draws a tab again when it is open. @param {Tab} [tab] */
export function redraw(tab = open) {
  if (!byId("panel").hidden && tab === open) void fill();
}

async function fill() {
  const number = (drawing += 1);
  const body = byId("panel-body");
  const tab = TABS.find(([tab]) => tab === open)?.[2];
  let content;
  try {
    [content] = await Promise.all([tab ? tab().then((draw) => draw(route().sessionId)) : [], loadStyle("panel")]);
  } catch (error) {
    content = [problemCard(error, h("button", { class: "button small", type: "button", onclick: () => void fill() }, "Try again"))];
  }
  // What somebody is writing there must not be taken away.
  if (number !== drawing || !body?.isConnected || body.querySelector("form")) return;
  const top = body.scrollTop;
  body.setAttribute("aria-busy", "false");
  body.replaceChildren(...content.filter(Boolean));
  body.scrollTop = top;
}
