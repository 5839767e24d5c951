// A block of code: its language, a button that copies, colours. Highlight.js and each of its languages are loaded when
// code in it is first shown; its tree of scopes becomes elements, its HTML is never used.
// @ts-check
import { h } from "../dom.js";
import { copyButton } from "../ui/copy.js";
import { load } from "../ui/later.js";

/** @type {Record<string, string>} what people write after the fence, and the file of its grammar */
const LANGUAGES = {
  js: "javascript", javascript: "javascript", jsx: "javascript", mjs: "javascript", ts: "typescript", tsx: "typescript", typescript: "typescript", py: "python", python: "python", json: "json", jsonc: "json",
  sh: "bash", bash: "bash", shell: "bash", zsh: "bash", console: "bash", rs: "rust", rust: "rust", html: "xml", xml: "xml", svg: "xml", css: "css", sql: "sql", java: "java", go: "go", golang: "go",
  c: "cpp", h: "cpp", cpp: "cpp", "c++": "cpp", yaml: "yaml", yml: "yaml", toml: "yaml", diff: "diff", patch: "diff",
};
/** Longer code stays plain: colours are not worth a page that stands still. */
const LONGEST = 40_000;

/** @type {Map<string, Promise<any>>} */
const loaded = new Map();

/** @param {string} language @returns {Promise<any>} highlight.js, knowing the language */
function highlighter(language) {
  let ready = loaded.get(language);
  if (!ready) {
    ready = Promise.all(["core", language].map((name) => load(`/vendor/highlight/${name}.js`, { isOrnament: true }))).then(([{ default: core }, { default: grammar }]) => {
      core.registerLanguage(language, grammar);
      return core;
    });
    loaded.set(language, ready);
    ready.catch(() => loaded.delete(language));
  }
  return ready;
}

/**
 * @param {string} text
 * @param {string | undefined} info what stands after the fence
 * @param {boolean} isWhole has the block ended?
 */
export function codeBlock(text, info, isWhole) {
  const name = (info ?? "").trim().split(/\s/)[0]?.toLowerCase() ?? "";
  const code = h("code", {}, text);
  const language = LANGUAGES[name];
  if (isWhole && language && text.length <= LONGEST) void colour(code, text, language);
  const pre = h("pre", { tabindex: "0", role: "group", "aria-label": name ? `Code, ${name}` : "Code" }, code);
  return h("div", { class: "code" }, h("div", { class: "code-head" }, h("span", {}, name || "code"), copyButton("Copy code", () => text)), pre);
}

/** @param {any} code @param {string} text @param {string} language */
async function colour(code, text, language) {
  try {
    const core = await highlighter(language);
    const result = core.highlight(text, { language, ignoreIllegals: true });
    code.replaceChildren(...result._emitter.rootNode.children.map(scope));
  } catch {
    // Plain code is code, too.
  }
}

/** @param {any} node @returns {Node | string} */
function scope(node) {
  if (typeof node === "string") return node;
  const children = node.children.map(scope);
  // "title.function" is a title, "language:css" is nothing by itself.
  return node.scope && !node.scope.includes(":") ? h("span", { class: `hl-${node.scope.split(".")[0]}` }, children) : h("span", {}, children);
}
