// Programs that ask an operation, as text: curl, JavaScript, Python. Pure; nothing is sent from here.
// @ts-check

/**
 * A request as it is to be sent. `body` is JSON as a value, or any other text as it is.
 * @typedef {{ method: string, url: string, headers: Record<string, string>, body?: any, gives: "json" | "events" | "text" | "nothing" }} Ask
 */

/** The languages, in the order in which they are shown. @type {[string, (ask: Ask) => string][]} */
export const LANGUAGES = [
  ["curl", curl],
  ["JavaScript", javaScript],
  ["Python", python],
];

const shell = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
/** JSON on one line, with room between its members. */
const short = (/** @type {any} */ value) => JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
const isText = (/** @type {any} */ body) => typeof body === "string";

/** @param {Ask} ask */
function curl({ method, url, headers, body, gives }) {
  const options = [gives === "events" ? "curl -sSN" : "curl -sS"];
  if (method !== (body === undefined ? "GET" : "POST")) options[0] += ` -X ${method}`;
  options.push(shell(url));
  for (const [name, value] of Object.entries(headers)) options.push(`-H ${shell(`${name}: ${value}`)}`);
  if (body !== undefined) options.push(`--data-binary ${shell(isText(body) ? body : short(body))}`);
  return options.join(" \\\n  ");
}

/** @param {Ask} ask */
function javaScript({ method, url, headers, body, gives }) {
  const lines = [`const response = await fetch(${JSON.stringify(url)}, {`, `  method: ${JSON.stringify(method)},`];
  const names = Object.entries(headers).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  if (names.length > 0) lines.push(`  headers: { ${names.join(", ")} },`);
  if (isText(body)) lines.push(`  body: ${JSON.stringify(body)},`);
  else if (body !== undefined) lines.push(`  body: JSON.stringify(${indented(body, 2)}),`);
  lines.push("});");
  const read = {
    json: ["console.log(response.status, await response.json());"],
    text: ["console.log(response.status, await response.text());"],
    nothing: ["console.log(response.status);"],
    events: ["for await (const text of response.body.pipeThrough(new TextDecoderStream())) console.log(text);"],
  };
  return [...lines, ...read[gives]].join("\n");
}

/** @param {Ask} ask */
function python({ method, url, headers, body, gives }) {
  const lines = ["import json", "from urllib.request import Request, urlopen", "", "request = Request(", `    ${JSON.stringify(url)},`, `    method=${JSON.stringify(method)},`];
  if (Object.keys(headers).length > 0) lines.push(`    headers=${pythonValue(headers)},`);
  if (isText(body)) lines.push(`    data=${JSON.stringify(body)}.encode(),`);
  else if (body !== undefined) lines.push(`    data=json.dumps(${pythonValue(body)}).encode(),`);
  lines.push(")", "with urlopen(request) as response:");
  const read = {
    json: ["    print(response.status, json.load(response))"],
    text: ["    print(response.status, response.read().decode())"],
    nothing: ["    print(response.status)"],
    events: ["    for line in response:", "        print(line.decode(), end=\"\")"],
  };
  return [...lines, ...read[gives]].join("\n");
}

/** JSON over some lines when it is long, the first of them where it stands. */
function indented(value, spaces) {
  const line = short(value);
  return line.length <= 60 ? line : JSON.stringify(value, null, 2).replaceAll("\n", `\n${" ".repeat(spaces)}`);
}

/** A value as Python writes it. @returns {string} */
function pythonValue(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonValue(item)}`).join(", ")}}`;
}
