// Small charts as plain SVG: bars and dots, with a text for those who do not see them. No library.
// @ts-check
import { h, svg } from "../dom.js";

const WIDTH = 320;
const HEIGHT = 96;
const BASE = HEIGHT - 16;

/** @param {string} label @param {...any} children */
const frame = (label, ...children) => svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: BASE, y2: BASE }), ...children);

/** @param {number} x @param {number} y @param {string} text @param {string} [anchor] */
const word = (x, y, text, anchor = "middle") => svg("text", { x, y, "text-anchor": anchor }, text);

/**
 * Bars, one a value, from left to right.
 * @param {string} label what screen readers say
 * @param {{ name: string, value: number, said: string }[]} values
 */
export function bars(label, values) {
  const most = Math.max(1, ...values.map(({ value }) => value));
  const step = WIDTH / Math.max(1, values.length);
  const width = Math.max(2, Math.min(26, step - 4));
  const bar = (/** @type {any} */ { value, said }, /** @type {number} */ index) => {
    const height = value ? Math.max(2, (value / most) * (BASE - 12)) : 0;
    return svg("rect", { class: "bar-mark", x: index * step + (step - width) / 2, y: BASE - height, width, height, rx: Math.min(3, width / 2) }, svg("title", {}, said));
  };
  const every = Math.ceil(values.length / 5);
  const names = values.map(({ name }, index) => (index % every === 0 ? word(index * step + step / 2, HEIGHT - 3, name) : null));
  return frame(label, ...values.map(bar), ...names.filter(Boolean), word(0, 9, values.length ? String(Intl.NumberFormat(undefined, { notation: "compact" }).format(most)) : "", "start"));
}

/**
 * Dots in the order of time, with lines at some heights.
 * @param {string} label
 * @param {number[]} values
 * @param {{ value: number, name: string }[]} guides
 */
export function dots(label, values, guides) {
  const most = Math.max(1, ...values);
  const y = (/** @type {number} */ value) => BASE - 3 - (value / most) * (BASE - 18);
  const dot = (/** @type {number} */ value, /** @type {number} */ index) => svg("circle", { class: "dot", cx: values.length < 2 ? WIDTH / 2 : 6 + (index * (WIDTH - 60)) / (values.length - 1), cy: y(value), r: 3 });
  const guide = (/** @type {any} */ { value, name }, /** @type {number} */ index) => [
    svg("line", { class: "guide", x1: 0, x2: WIDTH - 46, y1: y(value), y2: y(value) }), word(WIDTH, Math.min(BASE - 2, y(value) + (index ? -1 : 9)), name, "end")];
  return frame(label, ...guides.flatMap(guide), ...values.map(dot));
}

/** A number and what it is. @param {string} value @param {string} name */
export const figure = (value, name) => h("div", { class: "figure" }, h("b", {}, value), h("span", {}, name));
