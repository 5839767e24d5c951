// The little Markdown that descriptions are written in, as elements: paragraphs, lists, `code` and links. Nothing else.
// @ts-check
import { h } from "/app/dom.js";

/** Text with `code` and [links](https://...). @param {string} text @returns {(Node | string)[]} */
export function inline(text) {
  return text.split(/(`[^`]+`|\[[^\]]+\]\((?:https:\/|\/)[^)\s]*\))/).filter(Boolean).map((piece) => {
    if (piece.startsWith("`")) return h("code", {}, piece.slice(1, -1));
    const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(piece);
    return link ? h("a", { href: link[2], rel: "noopener noreferrer" }, link[1]) : piece;
  });
}

/** Paragraphs and lists. @param {string} text @returns {Node[]} */
export function prose(text) {
  return text.trim().split(/\n{2,}/).map((block) => {
    const lines = block.split("\n");
    if (!lines.every((line) => line.startsWith("- "))) return h("p", {}, inline(block));
    return h("ul", { class: "points" }, lines.map((line) => h("li", {}, inline(line.slice(2)))));
  });
}
