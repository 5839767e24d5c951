// The API reference: /openapi.json as a page. Fetches it, draws it, and keeps search and contents in step.
// @ts-check
import { byId, h } from "/app/dom.js";
import { setCredential } from "./ask.js";
import { article, badge } from "./operation.js";
import { prose } from "./prose.js";
import { groups, matches } from "./reference.js";

/** Where a reader begins. */
const QUICK_START = `curl ${location.origin}/chat -H 'content-type: application/json' -d '{"message": "Hi, my name is John"}'`;

start();

async function start() {
  const main = byId("reference");
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error(String(response.status));
    draw(await response.json());
  } catch (error) {
    console.warn("the reference is not drawn:", error);
    byId("about").replaceChildren(h("p", { role: "alert" }, "The reference could not be loaded. "), h("button", { class: "button", type: "button", onclick: start }, "Try again"));
  }
  main.removeAttribute("aria-busy");
}

/** @param {any} document */
function draw(document) {
  const all = groups(document);
  byId("about").replaceChildren(...about(document));
  byId("groups").replaceChildren(...all.map((group) => groupOf(document, group)));
  byId("contents").replaceChildren(...all.map(contentsOf));
  const operations = all.flatMap((group) => group.operations);
  const find = byId("find");
  find.addEventListener("input", () => filter(operations, find.value));
  listenForSlash(find);
  followReading();
  if (location.hash) globalThis.document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/** @param {any} document */
function about({ info }) {
  const key = h("input", { class: "input", type: "password", autocomplete: "off", spellcheck: "false", placeholder: "None" });
  key.addEventListener("input", () => setCredential(key.value));
  return [
    h("p", { class: "hint" }, `Version ${info.version}. `, h("a", { href: "/openapi.json" }, "openapi.json"), " for tools, ", h("a", { href: "/llms.txt" }, "llms.txt"), " for language models."),
    ...prose(info.description),
    h("pre", { class: "code", tabindex: "0", "aria-label": "A first request" }, h("code", {}, QUICK_START)),
    h("form", { onsubmit: (/** @type {Event} */ event) => event.preventDefault() }, h("label", { class: "field credential" }, h("span", {}, "Service key or token"), key, h("small", {}, "Sent with what you try here, and forgotten with this page. An open deployment and visitors of its page need none."))),
  ];
}

/** @param {any} document @param {import("./reference.js").Group} group */
function groupOf(document, { name, description, operations }) {
  return h("section", { class: "group", id: `group-${name}`, "aria-labelledby": `group-${name}-title` }, h("h2", { id: `group-${name}-title` }, name), h("p", { class: "hint" }, description), operations.map((operation) => article(document, operation)));
}

/** @param {import("./reference.js").Group} group */
function contentsOf({ name, operations }) {
  const line = (/** @type {import("./reference.js").Operation} */ { id, method, summary }) => h("li", { data: { of: id } }, h("a", { href: `#${id}` }, badge(method), h("span", {}, summary)));
  return h("section", { data: { group: name } }, h("h2", {}, name), h("ul", {}, operations.map(line)));
}

/** Shows what fits a search, in the contents and on the page. @param {import("./reference.js").Operation[]} operations @param {string} search */
function filter(operations, search) {
  const shown = new Set(operations.filter((operation) => matches(operation, search.trim())).map(({ id }) => id));
  for (const { id } of operations) {
    byId(id).hidden = !shown.has(id);
    const line = byId("contents").querySelector(`[data-of="${id}"]`);
    line.hidden = !shown.has(id);
  }
  for (const section of byId("contents").children) {
    const isEmpty = [...section.querySelectorAll("li")].every((line) => line.hidden);
    section.hidden = isEmpty;
    byId(`group-${section.dataset.group}`).hidden = isEmpty;
  }
  byId("found").textContent = search.trim() ? `${shown.size} of ${operations.length} operations` : "";
}

/** @param {HTMLInputElement} find */
function listenForSlash(find) {
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      find.focus();
    }
    if (event.key === "Escape" && event.target === find && find.value) {
      find.value = "";
      find.dispatchEvent(new Event("input"));
    }
  });
}

/** Marks in the contents what is being read. */
function followReading() {
  const links = new Map([...byId("contents").querySelectorAll("[data-of]")].map((line) => [line.dataset.of, line.firstElementChild]));
  const mark = (/** @type {IntersectionObserverEntry[]} */ entries) => {
    const seen = entries.filter((entry) => entry.isIntersecting).at(-1);
    if (!seen) return;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(seen.target.id)?.setAttribute("aria-current", "location");
  };
  const observer = new IntersectionObserver(mark, { rootMargin: "-10% 0px -80% 0px" });
  for (const operation of document.querySelectorAll(".operation")) observer.observe(operation);
}
