// One operation: what it takes, what it gives, how it is asked in three languages, and a try.
// @ts-check
import { h } from "/app/dom.js";
import { changes, initial, request } from "./ask.js";
import { attempt, isHarmless } from "./attempt.js";
import { field, fieldList } from "./fields.js";
import { inline, prose } from "./prose.js";
import { fieldsOf } from "./reference.js";
import { LANGUAGES } from "./samples.js";
import { tabs } from "./tabs.js";

const SCOPES = { nothing: "no credentials", any: "any scope", read: "scope read", chat: "scope chat", admin: "scope admin" };

/** @param {any} document @param {import("./reference.js").Operation} operation */
export function article(document, operation) {
  const { id, method, path, summary, description, scope, parameters, body, answers } = operation;
  return h(
    "article",
    { class: "operation", id, "aria-labelledby": `${id}-title` },
    h("h3", { id: `${id}-title` }, summary, h("a", { class: "anchor", href: `#${id}`, "aria-label": `Link to ${summary}` }, "#")),
    h("p", { class: "path" }, badge(method), h("code", {}, path.split(/(?<=\/)/).flatMap((part) => [h("wbr"), part])), h("span", { class: "scope" }, SCOPES[scope] ?? scope)),
    prose(description),
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        { class: "details" },
        parameters.length > 0 && section("Parameters", h("ul", { class: "fields" }, parameters.map((parameter) => parameterLine(document, parameter)))),
        body && section(body.isRequired ? "Body" : "Body, if any", body.contents.flatMap((content) => contentOf(document, content, false))),
        section("Answers", answers.filter(({ status }) => status < "300").map((answer) => answerOf(document, answer))),
        section("Failures", h("ul", { class: "failures" }, answers.filter(({ status }) => status >= "400").flatMap(failureOf))),
      ),
      h("div", { class: "examples" }, examples(operation)),
    ),
  );
}

/** @param {string} method */
export const badge = (method) => h("span", { class: `method ${method.toLowerCase()}` }, method);

const section = (/** @type {string} */ title, /** @type {any} */ content) => h("section", {}, h("h4", {}, title), content);

/** @param {any} document @param {import("./reference.js").Parameter} parameter */
const parameterLine = (document, { name, schema, isRequired, description, place }) => field(document, name, schema, { isRequired, description, place });

/** @param {any} document @param {import("./reference.js").Content} content @param {boolean} isAnswer */
function contentOf(document, { media, schema, events, example }, isAnswer) {
  const object = fieldsOf(document, schema);
  return [
    h("p", { class: "media" }, h("code", {}, media)),
    object && (isAnswer ? h("details", { class: "inner" }, h("summary", {}, `Fields of ${object.name ?? "the answer"}`), fieldList(document, object.schema)) : fieldList(document, object.schema, typeof example === "object" ? example : {})),
    !object && !events && schema?.description && h("p", {}, inline(schema.description)),
    ...Object.entries(events ?? {}).map(([name, data]) => eventOf(document, name, data)),
  ];
}

function eventOf(document, name, data) {
  const object = fieldsOf(document, data);
  return h("details", { class: "inner" }, h("summary", {}, "Event ", h("code", {}, name)), object && fieldList(document, object.schema));
}

/** @param {any} document @param {import("./reference.js").Answer} answer */
function answerOf(document, { status, description, headers, contents }) {
  return h(
    "div",
    { class: "answer" },
    h("p", {}, h("code", { class: "code-good" }, status), " ", inline(description), headers.length > 0 && h("span", { class: "hint" }, ` Headers: ${headers.join(", ")}.`)),
    contents.flatMap((content) => contentOf(document, content, true)),
  );
}

/** @param {import("./reference.js").Answer} answer */
function failureOf({ status, contents }) {
  const problems = contents.flatMap(({ examples: all }) => all);
  return problems
    .filter((problem) => String(problem.status) === status)
    .map((problem) => h("li", {}, h("code", { class: "code-bad" }, status), " ", h("code", {}, problem.code), " ", h("span", {}, problem.detail)));
}

/** Samples that follow what is filled in, an answer, and the form. @param {import("./reference.js").Operation} operation */
function examples(operation) {
  let values = new Map(operation.parameters.filter(({ place }) => place === "path").map((parameter) => [parameter.name, initial(parameter)]));
  const given = operation.body?.contents[0];
  let body = given && (given.media === "application/json" ? JSON.stringify(given.example) : given.example);
  const code = h("code");
  let language = LANGUAGES[0][0];
  const draw = () => {
    const [, write] = LANGUAGES.find(([name]) => name === language) ?? LANGUAGES[0];
    code.textContent = write(request(operation, values, body));
  };
  const samples = tabs(`${operation.summary}, in`, LANGUAGES.map(([name]) => name), (name) => {
    language = name;
    draw();
    return h("div", { class: "sample" }, h("pre", { class: "code", tabindex: "0", "aria-label": `${operation.summary}, ${name}` }, code), copyButton(() => code.textContent));
  });
  changes.addEventListener("change", draw);
  const answer = operation.answers.find(({ contents }) => contents.some(({ example }) => example !== undefined));
  const example = answer?.contents.find((content) => content.example !== undefined)?.example;
  return [
    samples,
    example !== undefined && h("details", { class: "inner" }, h("summary", {}, `An answer, ${answer?.status}`), h("pre", { class: "code", tabindex: "0", "aria-label": "An answer" }, h("code", {}, typeof example === "string" ? example : JSON.stringify(example, null, 2)))),
    isHarmless(operation) && trying(operation, (newValues, newBody) => {
      [values, body] = [newValues, newBody];
      draw();
    }),
  ];
}

/** The form is made when somebody wants it: with what was learned until then. */
function trying(operation, onchange) {
  const details = h("details", { class: "inner try" }, h("summary", {}, "Try it"));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(attempt(operation, onchange));
  });
  return details;
}

/** @param {() => string} text */
function copyButton(text) {
  const button = h("button", { class: "button small copy", type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}
