// Shows Markdown as soon as it can: what draws it is loaded when the first answer needs it, and until then the text stands
// there as it is.
// @ts-check
import { h } from "../dom.js";
import { load } from "../ui/later.js";
import { loadStyle } from "../ui/style.js";

/** @type {any} render.js */
let renderer = null;
/** @type {Promise<void> | null} */
let loading = null;

/** Begins to load what answers need, before they do. @returns {Promise<void>} */
export function prepare() {
  loading ??= Promise.all([load("/app/markdown/render.js"), loadStyle("markdown")]).then(([module]) => void (renderer = module), () => void (loading = null));
  return loading;
}

/** @param {any} target an element of class `markdown` @param {string} text @param {{ isGrowing?: boolean }} [how] may it still grow? */
export function showMarkdown(target, text, how = {}) {
  if (renderer) return renderer.renderMarkdown(target, text, how);
  target.wanted = [text, how];
  target.replaceChildren(h("p", {}, text));
  void prepare().then(() => {
    if (!renderer || !target.wanted) return;
    target.replaceChildren();
    renderer.renderMarkdown(target, ...target.wanted);
    target.wanted = null;
  });
}
