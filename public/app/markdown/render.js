// Markdown to elements, by way of marked's tokens. HTML in Markdown is shown as the text it is; images become links. While
// a text grows, what has not changed stays the same elements, so that selections and scrolled code survive.
// @ts-check
import { lexer } from "/vendor/marked.js";
import { h } from "../dom.js";
import { inline } from "./inline.js";
import { codeBlock } from "./code.js";

/**
 * Shows `text` in `target`. Called again with a longer text it changes the end only.
 * @param {any} target an element of class `markdown`
 * @param {string} text
 * @param {{ isGrowing?: boolean }} [how] while it grows its last block is not highlighted yet
 */
export function renderMarkdown(target, text, { isGrowing = false } = {}) {
  try {
    renderTokens(target, lexer(text, { gfm: true }).filter(isShown), isGrowing);
  } catch {
    // Nested deeper than the stack reaches: what it says counts more than how it looks.
    target.blocks = [];
    target.replaceChildren(h("p", { class: "is-plain" }, text));
  }
}

/** @param {any} target @param {any[]} tokens @param {boolean} isGrowing */
function renderTokens(target, tokens, isGrowing) {
  /** @type {string[]} */
  const before = target.blocks ?? [];
  const now = tokens.map((token, index) => token.type + (isGrowing && index === tokens.length - 1 ? " open " : " ") + token.raw);
  let same = 0;
  while (same < now.length && now[same] === before[same]) same += 1;
  while (target.childNodes.length > same) target.lastChild.remove();
  tokens.slice(same).forEach((token, index) => target.append(block(token, isGrowing && same + index === tokens.length - 1)));
  target.blocks = now;
}

/** @param {any} token */
const isShown = (token) => token.type !== "space" && token.type !== "def";

/** @param {any} token @param {boolean} [isOpen] may it still grow? @returns {Node} */
function block(token, isOpen = false) {
  switch (token.type) {
    case "heading":
      // A level lower: the page has a heading of its own.
      return h(`h${Math.min(6, token.depth + 1)}`, {}, inline(token.tokens));
    case "paragraph":
      return h("p", {}, inline(token.tokens));
    case "code":
      return codeBlock(token.text, token.lang, !isOpen || isClosed(token.raw));
    case "blockquote":
      return h("blockquote", {}, blocks(token.tokens));
    case "list":
      return h(token.ordered ? "ol" : "ul", token.ordered && token.start !== 1 ? { start: token.start } : {}, token.items.map(listItem));
    case "table":
      return table(token);
    case "hr":
      return h("hr");
    case "text":
      return h("p", {}, token.tokens ? inline(token.tokens) : token.text);
    default:
      return h("p", {}, token.raw);
  }
}

/** @param {any[]} tokens */
const blocks = (tokens) => tokens.filter(isShown).map((token) => block(token));

/** Has its fence an end? @param {string} raw */
function isClosed(raw) {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1];
  return !fence || raw.trimEnd().split("\n").length > 1 && new RegExp(`\\n {0,3}${fence[0] === "`" ? "`" : "~"}{${fence.length},}\\s*$`).test(raw);
}

/** @param {any} item */
function listItem(item) {
  const box = item.task && h("input", { type: "checkbox", disabled: true, checked: item.checked, "aria-label": item.checked ? "Done" : "Not done" });
  const parts = item.tokens.filter((/** @type {any} */ token) => token.type !== "space" && token.type !== "checkbox");
  const children = parts.flatMap((/** @type {any} */ token) => (token.type === "text" && !item.loose ? (token.tokens ? inline(token.tokens) : [token.text]) : [block(token)]));
  return h("li", { class: item.task ? "is-task" : null }, box, children);
}

/** @param {any} token */
function table({ header, rows, align }) {
  const cell = (/** @type {string} */ tag) => (/** @type {any} */ one, /** @type {number} */ column) =>
    h(tag, { class: { center: "is-center", right: "is-right" }[/** @type {string} */ (align[column])], scope: tag === "th" && "col" }, inline(one.tokens));
  const body = rows.map((/** @type {any[]} */ row) => h("tr", {}, row.map(cell("td"))));
  return h("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Table" }, h("table", {}, h("thead", {}, h("tr", {}, header.map(cell("th")))), h("tbody", {}, body)));
}
