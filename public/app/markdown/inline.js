// What stands in a line of Markdown: emphasis, code, links. Links go to the web or to a mailbox, or they are text.
// @ts-check
import { h } from "../dom.js";

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** @param {any[]} [tokens] @returns {(Node | string)[]} */
export const inline = (tokens = []) => tokens.flatMap(piece);

/** @param {any} token @returns {(Node | string)[]} */
function piece(token) {
  switch (token.type) {
    case "strong":
    case "em":
    case "del":
      return [h(token.type, {}, inline(token.tokens))];
    case "codespan":
      return [h("code", {}, token.text)];
    case "br":
      return [h("br")];
    case "link":
      return [link(token.href, inline(token.tokens), token.raw)];
    case "image":
      // Loading it would tell its server who reads this, and when.
      return [link(token.href, [token.text || "image"], token.raw)];
    case "text":
      return token.tokens ? inline(token.tokens) : [decode(token)];
    case "escape":
      return [token.text];
    case "checkbox":
      return [];
    default:
      return [token.raw];
  }
}

/** @param {string} href @param {(Node | string)[]} content @param {string} raw */
function link(href, content, raw) {
  const target = safe(href);
  return target ? h("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, content) : raw;
}

/** The address, if it may be a link. @param {string} href */
export function safe(href) {
  try {
    const url = new URL(href);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** @type {Record<string, string>} */
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", hellip: "…", mdash: "—", ndash: "–", copy: "©", rarr: "→", larr: "←" };

/** The text of a token, entities of Markdown decoded. @param {any} token */
function decode({ text }) {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,8}));/gi, (/** @type {string} */ whole, /** @type {string} */ decimal, /** @type {string} */ hex, /** @type {string} */ name) => {
    if (name) return ENTITIES[name] ?? whole;
    const code = decimal ? Number(decimal) : parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
  });
}
