// The fields of a body or an answer, one under the other; objects within can be opened.
// @ts-check
import { h } from "/app/dom.js";
import { fields, fieldsOf, plain, typeName } from "./reference.js";
import { inline } from "./prose.js";

/** Limits of a value, in words. @param {any} schema @returns {string} */
function limits(schema) {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema ?? {};
  const range = (/** @type {any} */ from, /** @type {any} */ to, /** @type {string} */ of) => {
    if (to === undefined) return from > 1 || (from === 1 && !of) ? `from ${from}${of}` : "";
    return from === undefined ? `up to ${to}${of}` : `${from} to ${to}${of}`;
  };
  return range(minimum, maximum, "") || range(minLength, maxLength, " characters") || range(minItems, maxItems, " items");
}

/** What may stand there: its words, its limits, what it is when absent. @param {any} schema */
function details(schema) {
  const words = (schema?.enum ?? []).filter((/** @type {any} */ word) => word !== null);
  return [
    words.length > 0 && h("p", { class: "words" }, "One of ", words.flatMap((/** @type {string} */ word, /** @type {number} */ index) => [index > 0 && ", ", h("code", {}, word)])),
    limits(schema) && h("p", { class: "hint" }, limits(schema)),
    schema?.default != null && h("p", { class: "hint" }, "Default ", h("code", {}, String(schema.default))),
  ];
}

/**
 * One line of a list of fields.
 * @param {any} document @param {string} name @param {any} schema
 * @param {{ isRequired?: boolean, isSent?: boolean, description?: string, place?: string }} about
 */
export function field(document, name, schema, { isRequired = false, isSent = false, description, place } = {}) {
  const { schema: target } = plain(document, schema);
  const inner = fieldsOf(document, schema);
  const words = description ?? schema.description ?? (inner ? undefined : target?.description) ?? "";
  return h(
    "li",
    { class: "field-line" },
    h(
      "p",
      { class: "field-head" },
      h("code", { class: "field-name" }, name),
      // Who sends may always say null for nothing.
      h("span", { class: "field-type" }, isSent ? typeName(document, schema).replace(/ or null$/, "") : typeName(document, schema)),
      place && place !== "path" && h("span", { class: "field-type" }, place === "header" ? "header" : "query"),
      isRequired && h("span", { class: "required" }, "required"),
    ),
    words && h("p", {}, inline(words)),
    details(target),
    inner && h("details", { class: "inner" }, h("summary", {}, `Fields of ${inner.name ?? name}`), fieldList(document, inner.schema)),
  );
}

/** All fields of an object. `example`: of what is sent; its fields come first. Without one nobody has to send them. */
export function fieldList(document, schema, example) {
  const isAnswer = example === undefined;
  const first = Object.keys(isAnswer ? {} : example);
  return h("ul", { class: "fields" }, fields(schema, first).map(([name, inner, isRequired]) => field(document, name, inner, { isRequired: !isAnswer && isRequired, isSent: !isAnswer })));
}
