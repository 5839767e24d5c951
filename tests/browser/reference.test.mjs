// What public/openapi.json says, against what the Worker does: the same operations, and answers as they are described.
//
// The walk asks every operation at least once, also so that it fails. That the document is the one of the code is tested
// in src/http/own/reference.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Ajv from "ajv/dist/2020.js";
import { root, startServer } from "./support/server.mjs";

const reference = JSON.parse(readFileSync(join(root, "public/openapi.json"), "utf8"));
const METHODS = ["get", "put", "post", "patch", "delete"];
/** Where the paths of our own dialect begin; other dialects are documented elsewhere. */
const OWN = ["", "chat", "health", "personas", "sessions", "users"];
/** Paths of other dialects that begin like ours. */
const FOREIGN = ["/sessions/active"];

const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(closed(reference), "reference");

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.close());

/** The document, with objects that may have nothing but what is described: an answer with a field more is not described. */
function closed(document) {
  const copy = structuredClone(document);
  for (const schema of Object.values(copy.components.schemas))
    if (schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  return copy;
}

/** Every operation, as "GET /sessions/{session_id}". */
function operations() {
  return Object.entries(reference.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => [`${method.toUpperCase()} ${path}`, item[method]]),
  );
}

/** A check of a part of the document, as a JSON pointer. */
const pointer = (...parts) => `reference#/${parts.map((part) => encodeURIComponent(String(part).replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`;

function assertFits(value, schema, what) {
  const check = ajv.getSchema(schema);
  assert.ok(check, `no schema at ${schema}`);
  assert.ok(check(value), `${what}: ${JSON.stringify(check.errors?.slice(0, 5), null, 1)}\n${JSON.stringify(value).slice(0, 1500)}`);
}

/** The events of a stream, each as [name, data]. */
const eventsOf = (text) => [...text.matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, name, data]) => [name, JSON.parse(data)]);

/** Asks an operation, and holds the answer against what is said of it. */
async function ask(key, places = {}, { query = "", headers = {}, body, type = "application/json" } = {}) {
  const [method, path] = key.split(" ");
  const operation = reference.paths[path]?.[method.toLowerCase()];
  assert.ok(operation, `${key} is not in the document`);
  const url = server.url + path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(places[name])) + query;
  const sent = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const response = await fetch(url, { method, headers: { ...(sent === undefined ? {} : { "content-type": type }), ...headers }, body: sent });
  const text = await response.text();
  const described = operation.responses[response.status];
  assert.ok(described, `${key} was answered with ${response.status}, which is not described: ${text}`);
  const media = response.headers.get("content-type")?.split(";")[0];
  if (!text) assert.equal(described.content, undefined, `${key}: an empty answer`);
  else assertContent(key, ["paths", path, method.toLowerCase(), "responses", response.status, "content", media], text);
  // A stream tells its version at its end.
  for (const header of media === "text/event-stream" ? [] : Object.keys(described.headers ?? {})) assert.ok(response.headers.get(header), `${key}: no ${header}`);
  return { status: response.status, headers: response.headers, text, json: media?.endsWith("json") ? JSON.parse(text) : undefined };
}

function assertContent(key, place, text) {
  const media = place.at(-1);
  const content = place.reduce((object, part) => object?.[part], reference);
  assert.ok(content, `${key}: ${media} is not described`);
  if (media === "text/event-stream")
    for (const [name, data] of eventsOf(text)) {
      assert.ok(content["x-events"][name], `${key}: the event ${name} is not described`);
      assertFits(data, pointer(...place, "x-events", name), `${key}, event ${name}`);
    }
  else if (media.endsWith("json")) assertFits(JSON.parse(text), pointer(...place, "schema"), key);
}

/** What is asked of a session's or a user's memory. */
async function walkMemory(place, places) {
  const entry = { ...places, key: "colour" };
  await ask(`PUT ${place}/memory/{key}`, entry, { body: { value: "green" } });
  await ask(`PUT ${place}/memory/{key}`, entry, { body: { value: ["green", { deep: 1 }] } });
  await ask(`GET ${place}/memory/{key}`, entry);
  await ask(`GET ${place}/memory`, places, { query: "?limit=1" });
  await ask(`DELETE ${place}/memory/{key}`, entry);
  await ask(`POST ${place}/memory/{key}/undo`, entry);
  await ask(`GET ${place}/memory/{key}`, { ...places, key: "nothing" });
  await ask(`DELETE ${place}/memory`, places);
}

test("the document has the operations that there are", async () => {
  const routes = await server.ask("GET", "/__test/routes");
  const own = routes.filter(({ path }) => OWN.includes(path.split("/")[1]) && !FOREIGN.includes(path));
  const served = own.map(({ method, path, needs }) => `${method} ${path} ${needs}`);
  const described = operations().map(([key, operation]) => `${key.replace(/\{\w+\}/g, "{}")} ${operation["x-scope"]}`);
  assert.deepEqual(described.sort(), served.sort());
});

test("every operation can be found, is described, and has examples", () => {
  const tags = reference.tags.map((tag) => tag.name);
  for (const [key, operation] of operations()) {
    assert.ok(operation.summary && operation.operationId && tags.includes(operation.tags[0]), key);
    for (const parameter of operation.parameters ?? []) assert.ok(parameter.description, `${key}: ${parameter.name}`);
    for (const content of Object.values(operation.requestBody?.content ?? {})) assert.ok(content.example, `${key}: no example of a body`);
    const successes = Object.entries(operation.responses).filter(([status]) => status < "300");
    const contents = successes.flatMap(([, response]) => Object.values(response.content ?? {}));
    assert.ok(contents.length === 0 || contents.some(({ example }) => example), `${key}: no example of an answer`);
    for (const [status, response] of Object.entries(operation.responses))
      for (const [media, content] of Object.entries(response.content ?? {})) {
        const place = pointer("paths", key.split(" ")[1], key.split(" ")[0].toLowerCase(), "responses", status, "content", media, "schema");
        if (content.example && media === "application/json") assertFits(content.example, place, `the example of ${key}`);
        for (const code of Object.keys(content.examples ?? {})) {
          const { value } = reference.components.examples[code];
          assert.equal(String(value.status), status, `${key}: ${code}`);
          assertFits(value, place, `the example ${code}`);
        }
      }
  }
});

test("what is answered is what is described, by every operation", async () => {
  const asked = new Set();
  const walk = (key, ...rest) => {
    asked.add(key);
    return ask(key, ...rest);
  };
  await walkAll(walk);
  const missing = operations().map(([key]) => key).filter((key) => !asked.has(key) && !key.includes("/memory"));
  assert.deepEqual(missing, [], "the walk leaves these out");
});

async function walkAll(walk) {
  const user = { user_id: "ann" };
  await walk("GET /");
  await walk("GET /health", {}, { query: "?deep=1" });
  await walk("GET /personas");
  await walk("GET /users/{user_id}/sessions/latest", user);

  const created = await walk("POST /sessions", {}, { body: { user_id: "ann", session_id: "tea", title: "Tea", metadata: { a: 1 } } });
  assert.equal(created.status, 201);
  const session = { session_id: "tea" };
  await walk("POST /sessions", {}, { body: { user_id: "ann", session_id: "tea" } });
  await walk("POST /sessions", {}, { body: { title: 5 } });

  await walk("POST /chat", {}, { body: { session_id: "tea", user_id: "ann", message: "Hi, my name is John" } });
  await walk("POST /chat", {}, { body: { session_id: "tea", message: "I live in Sofia", stream: true } });
  await walk("POST /chat", {}, { body: { message: "" } });
  await walk("POST /chat", {}, { body: { session_id: "nowhere", message: "Hello" } });
  await walk("POST /sessions/{session_id}/regenerate", session);
  await walk("POST /sessions/{session_id}/regenerate", session, { headers: { accept: "text/event-stream" } });
  await walk("POST /sessions/{session_id}/edit", session, { body: { message: "I like tea" } });
  await walk("POST /sessions/{session_id}/continue", session);
  await walk("GET /sessions/{session_id}/events", session);
  await walk("GET /sessions/{session_id}/events", { session_id: "nowhere" });
  await walk("POST /sessions/{session_id}/stop", session);
  await walk("GET /sessions/{session_id}/turns/{turn}", { ...session, turn: 1 });
  await walk("GET /sessions/{session_id}/turns/{turn}", { ...session, turn: 99 });
  await walk("GET /sessions/{session_id}/context", session, { query: "?message=Hello&strategy=summarize" });

  const calls = [{ id: "call_1", type: "function", function: { name: "look", arguments: "{}" } }];
  const messages = [{ role: "assistant", tool_calls: calls }, { role: "tool", tool_call_id: "call_1", content: "seen", metadata: { b: 2 } }];
  await walk("POST /sessions/{session_id}/messages", session, { body: { messages } });
  await walk("POST /sessions/{session_id}/messages", session, { body: { messages: [{ role: "tool", tool_call_id: "none", content: "" }] } });
  const page = await walk("GET /sessions/{session_id}/messages", session, { query: "?limit=2&order=desc" });
  const { sequence } = (await walk("GET /sessions/{session_id}/messages", session)).json.messages.find((message) => message.replaces);
  await walk("GET /sessions/{session_id}/messages", session, { query: `?before=${page.json.before}` });
  await walk("GET /sessions/{session_id}/messages/{sequence}/versions", { ...session, sequence });
  await walk("DELETE /sessions/{session_id}/messages/{sequence}", { ...session, sequence: 1 });
  await walk("GET /sessions/{session_id}/search", session, { query: "?q=tea" });
  await walk("GET /users/{user_id}/search", user, { query: "?q=tea&limit=1" });

  await walkMemory("/sessions/{session_id}", session);
  await walkMemory("/users/{user_id}", user);
  await walk("GET /users/{user_id}", user);
  await walk("PATCH /users/{user_id}", user, { body: { memory: true } });

  const read = await walk("GET /sessions/{session_id}", session);
  await walk("PATCH /sessions/{session_id}", session, { headers: { "if-match": read.headers.get("etag") }, body: { title: null } });
  await walk("PATCH /sessions/{session_id}", session, { headers: { "if-match": read.headers.get("etag") }, body: { title: "Old" } });
  await walk("POST /sessions/{session_id}/renew", session);
  await walk("POST /sessions/{session_id}/fork", session, { body: { session_id: "copy", title: "Copy" } });
  await walk("POST /sessions/{session_id}/pop", { session_id: "copy" });
  const exported = await walk("GET /sessions/{session_id}/export", session);
  for (const format of ["jsonl", "markdown"]) await walk("GET /sessions/{session_id}/export", session, { query: `?format=${format}` });
  await walk("POST /sessions/import", {}, { query: "?session_id=back", body: exported.text });
  await walk("POST /sessions/import", {}, { body: "x", type: "text/plain" });

  await walk("GET /users/{user_id}/sessions", user, { query: "?limit=1" });
  await walk("GET /users/{user_id}/sessions/latest", user);
  await walk("GET /sessions", {}, { query: "?limit=2" });
  await walk("GET /sessions/stats", {}, { query: "?bucket=hour" });
  await walk("POST /sessions/cleanup", {}, { body: { limit: 10 } });
  await walk("DELETE /sessions/{session_id}", session, { query: "?undo=60" });
  await walk("POST /sessions/{session_id}/restore", session);
  await walk("DELETE /sessions/{session_id}", session);
  await walk("DELETE /sessions/{session_id}", session);
  await walk("DELETE /users/{user_id}", user);
}
