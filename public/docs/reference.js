// Reads an OpenAPI document into what the page shows. Pure: no DOM, no network.
// @ts-check

const METHODS = ["get", "post", "put", "patch", "delete"];

/**
 * @typedef {{ name: string, place: string, description: string, schema: any, example: any, isRequired: boolean }} Parameter
 * @typedef {{ media: string, schema: any, events: any, example: any, examples: any[] }} Content
 * @typedef {{ status: string, description: string, headers: string[], contents: Content[] }} Answer
 * @typedef {{ id: string, method: string, path: string, group: string, summary: string, description: string, scope: string,
 *   parameters: Parameter[], body: { isRequired: boolean, contents: Content[] } | undefined, answers: Answer[] }} Operation
 * @typedef {{ name: string, description: string, operations: Operation[] }} Group
 */

/** The operations by subject, in the order of the document. @param {any} document @returns {Group[]} */
export function groups(document) {
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => operation(document, path, method, item[method])),
  );
  return document.tags.map(({ name, description }) => ({ name, description, operations: all.filter(({ group }) => group === name) }));
}

/** @returns {Operation} */
function operation(document, path, method, given) {
  const contents = (/** @type {any} */ content) => Object.entries(content ?? {}).map(([media, part]) => toContent(document, media, part));
  return {
    id: given.operationId,
    method: method.toUpperCase(),
    path,
    group: given.tags[0],
    summary: given.summary,
    description: given.description ?? "",
    scope: given["x-scope"],
    parameters: (given.parameters ?? []).map((parameter) => ({
      name: parameter.name,
      place: parameter.in,
      description: parameter.description,
      schema: parameter.schema,
      example: parameter.example,
      isRequired: parameter.required === true,
    })),
    body: given.requestBody && { isRequired: given.requestBody.required === true, contents: contents(given.requestBody.content) },
    answers: Object.entries(given.responses).map(([status, answer]) => ({
      status,
      description: answer.description,
      headers: Object.keys(answer.headers ?? {}),
      contents: contents(answer.content),
    })),
  };
}

/** @returns {Content} */
function toContent(document, media, part) {
  const examples = Object.values(part.examples ?? {}).map((example) => resolve(document, example).value);
  return { media, schema: part.schema, events: part["x-events"], example: part.example, examples };
}

/** What a reference within the document stands for; anything else as it is. */
export function resolve(document, value) {
  if (typeof value?.$ref !== "string") return value;
  return value.$ref.split("/").slice(1).reduce((object, part) => object[part], document);
}

/** The name of the schema that is referred to, if one is. */
export const refName = (schema) => schema?.$ref?.split("/").at(-1);

/**
 * A schema apart from what is said of null: itself, what it refers to, and whether it may be null.
 * @returns {{ schema: any, name: string | undefined, isNullable: boolean }}
 */
export function plain(document, schema) {
  const alternatives = schema?.anyOf;
  if (alternatives?.length === 2 && alternatives[1].type === "null") return { ...plain(document, alternatives[0]), isNullable: true };
  const target = resolve(document, schema);
  return { schema: target, name: refName(schema), isNullable: Array.isArray(target?.type) && target.type.includes("null") };
}

/** A type in words: "text", "list of Message". @returns {string} */
export function typeName(document, given) {
  const { schema, name, isNullable } = plain(document, given);
  const types = [schema?.type ?? []].flat().filter((type) => type !== "null");
  const words = () => {
    if (schema === true || types.length === 0) return "any JSON";
    if (types.includes("array")) return `list of ${typeName(document, schema.items)}`;
    if (types.includes("object")) return name ?? "object";
    return types.map((type) => ({ string: schema.format === "date-time" ? "time" : "text", integer: "whole number" })[type] ?? type).join(" or ");
  };
  return words() + (isNullable ? " or null" : "");
}

/** The object behind a schema or a list of it, if it has fields of its own. */
export function fieldsOf(document, given) {
  const { schema, name } = plain(document, given);
  if (schema?.items) return fieldsOf(document, schema.items);
  if (schema?.additionalProperties?.$ref) return fieldsOf(document, schema.additionalProperties);
  return schema?.properties ? { name, schema } : undefined;
}

/** The fields of an object: `first`, those that must be there, in their order, then the others. @returns {[string, any, boolean][]} */
export function fields(schema, first = []) {
  const required = schema.required ?? [];
  const names = new Set([...first, ...required, ...Object.keys(schema.properties)]);
  return [...names].filter((name) => schema.properties[name] !== undefined).map((name) => [name, schema.properties[name], required.includes(name)]);
}

/** Does every word of a search occur in what is said of the operation? @param {Operation} operation @param {string} search */
export function matches(operation, search) {
  const names = operation.parameters.map(({ name }) => name).join(" ");
  const text = `${operation.id} ${operation.method} ${operation.path} ${operation.group} ${operation.summary} ${operation.description} ${names}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
