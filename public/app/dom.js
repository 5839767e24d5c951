// Making elements. Text goes in as text; there is no way to hand in HTML, here or anywhere else on the page.
// @ts-check

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. `on…` functions become listeners, `data` its data attributes, true and false attributes without a value.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value") /** @type {any} */ (element).value = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  add(element, children);
  return element;
}

/** @param {Element} parent @param {(Child | Child[])[]} children */
function add(parent, children) {
  for (const child of children.flat()) if (child || child === "") parent.append(child);
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  add(element, children);
  return element;
}

/** An icon of the sprite in index.html. @param {string} name */
export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

/**
 * A button that is only an icon; its label is its tooltip, too.
 * @param {string} name
 * @param {string} label
 * @param {(event: any) => void} onclick
 * @param {Record<string, any>} [props]
 */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { class: "icon-button small", type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

/**
 * The element of index.html with that id.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);
