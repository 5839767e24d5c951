// The API reference at /docs: complete, readable by everybody, and its examples run.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { assertAccessible, eventually, newPage } from "./support/browser.mjs";
import { root, startServer } from "./support/server.mjs";

const reference = JSON.parse(readFileSync(join(root, "public/openapi.json"), "utf8"));
const operations = Object.values(reference.paths).flatMap((item) => Object.values(item));

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.close());

/** The page, drawn. */
async function open(t, options, hash = "") {
  const page = await newPage(t, options);
  await page.goto(`${server.url}/docs${hash}`);
  await page.locator("#chat").waitFor();
  return page;
}

/** The example of an operation in a language. */
async function sample(page, id, language) {
  const article = page.locator(`#${id}`);
  await article.getByRole("tab", { name: language, exact: true }).click();
  return article.locator(".sample .code").innerText();
}

test("every operation is shown, with examples in three languages", async (t) => {
  const page = await open(t);
  assert.equal(await page.locator(".operation").count(), operations.length);
  for (const language of ["curl", "JavaScript", "Python"]) {
    await page.locator("#chat").getByRole("tab", { name: language, exact: true }).click();
    const samples = await page.locator(".operation .sample .code").allInnerTexts();
    assert.equal(samples.length, operations.length);
    assert.ok(samples.every((text) => text.includes(server.url)), language);
  }
  for (const { operationId, summary } of operations) {
    const text = await page.locator(`#${operationId}`).innerText();
    assert.ok(text.includes(summary) && !/\[object|undefined|NaN/.test(text), `${operationId}: ${text}`);
  }
});

for (const colorScheme of ["light", "dark"])
  test(`anybody can read it, ${colorScheme}`, async (t) => {
    const page = await open(t, { colorScheme });
    await assertAccessible(page, `the reference, ${colorScheme}`);
    await page.locator("#chat .try > summary").click();
    await page.locator("#chat details.inner").first().evaluate((details) => (details.open = true));
    await page.locator("#chat").getByRole("button", { name: "Send" }).click();
    await page.locator("#chat .status").filter({ hasText: "200" }).waitFor();
    await assertAccessible(page, `a try, ${colorScheme}`, "#chat");
  });

test("a narrow screen shows all of it without scrolling sideways", async (t) => {
  const page = await open(t, { viewport: { width: 320, height: 640 } });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

/** Runs a program; what it prints. */
async function run(program, ...args) {
  const { stdout } = await promisify(execFile)(program, args, { timeout: 30_000 });
  return stdout;
}

/** How the programs of a language are run. */
const LANGUAGES = {
  curl: (text) => run("sh", "-c", text),
  JavaScript: (text) => run(process.execPath, "--input-type=module", "-e", text),
  Python: (text) => run("python3", "-c", text),
};

for (const [language, execute] of Object.entries(LANGUAGES))
  test(`the examples of the main flow run as they stand, ${language}`, { skip: language === "Python" && !(await hasPython()) }, async (t) => {
    const page = await open(t);
    const created = await execute(await sample(page, "createSession", language));
    const [id] = /session_[0-9a-f]{16}/.exec(created) ?? assert.fail(created);
    const inSession = async (name) => execute((await sample(page, name, language)).replaceAll("session_37963be5bf63fe4e", id));
    assert.match(await execute(await sample(page, "chat", language)), /Nice to meet you, John!/);
    assert.match(await inSession("appendMessages"), /I live in Sofia/);
    assert.match(await inSession("listMessages"), /A beautiful city\./);
    assert.match(await inSession("patchSession"), /Green tea/);
    assert.match(await inSession("editMessage"), /Ann/);
    assert.match(await inSession("followEvents"), /event: done/);
    assert.match(await inSession("putMemoryOfSession"), /John/);
    assert.match(await inSession("exportSession"), /edge-sessions\.session/);
    assert.match(await execute(await sample(page, "listUserSessions", language)), new RegExp(id));
    assert.match(await inSession("deleteSession"), /deleted/);
    assert.match(await execute(await sample(page, "importSession", language)), /imported/);
  });

async function hasPython() {
  return run("python3", "--version").then(() => true, () => false);
}

test("a search leaves what fits, and can be taken back", async (t) => {
  const page = await open(t);
  await page.keyboard.press("/");
  await page.keyboard.type("export");
  await page.locator("#found").filter({ hasText: "of" }).waitFor();
  const shown = await page.locator(".operation:visible").evaluateAll((all) => all.map((article) => article.id));
  assert.ok(shown.includes("exportSession") && shown.length < 5, String(shown));
  assert.ok(await page.locator("#contents").getByText("Export a session").isVisible());
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".operation:visible").count(), operations.length);
});

test("a link leads to its operation", async (t) => {
  const page = await open(t, {}, "#getContext");
  await eventually("it is in view", () =>
    page.locator("#getContext h3").evaluate((title) => title.getBoundingClientRect().top >= 0 && title.getBoundingClientRect().top < innerHeight),
  );
});

test("a try streams, and the next operation knows the session", async (t) => {
  const page = await open(t);
  await page.locator("#chat .try > summary").click();
  await page.locator("#chat textarea").fill('{"message": "Hi, my name is John", "stream": true}');
  await page.locator("#chat").getByRole("button", { name: "Send" }).click();
  await page.locator("#chat .outcome").filter({ hasText: "event: done" }).waitFor();

  await page.locator("#createSession .try > summary").click();
  await page.locator("#createSession").getByRole("button", { name: "Send" }).click();
  await page.locator("#createSession .status").filter({ hasText: "201" }).waitFor();
  await page.locator("#getSession .try > summary").click();
  const id = await page.locator("#getSession").getByLabel("session_id").inputValue();
  await page.locator("#getSession").getByRole("button", { name: "Send" }).click();
  await page.locator("#getSession .status").filter({ hasText: "200" }).waitFor();
  assert.ok((await sample(page, "getSession", "curl")).includes(id));
});

test("a failure is shown, and nothing that cannot be taken back can be tried", async (t) => {
  const page = await open(t, { errors: [/404/] });
  await page.locator("#getTurn .try > summary").click();
  await page.locator("#getTurn").getByRole("button", { name: "Send" }).click();
  await page.locator("#getTurn .status.is-bad").filter({ hasText: "404" }).waitFor();
  for (const id of ["deleteSession", "eraseUser", "popTurn", "cleanUpSessions"]) assert.equal(await page.locator(`#${id} .try`).count(), 0, id);
});

test("a key is sent with a try, and stands in no example", async (t) => {
  const page = await open(t);
  await page.getByLabel("Service key or token").fill("secret-key");
  const sent = page.waitForRequest("**/personas");
  await page.locator("#listPersonas .try > summary").click();
  await page.locator("#listPersonas").getByRole("button", { name: "Send" }).click();
  assert.equal((await sent).headers().authorization, "Bearer secret-key");
  const samples = (await page.locator(".sample").allInnerTexts()).join();
  assert.ok(!samples.includes("secret-key") && samples.includes("<your key>"));
});

test("without its document the page says so", async (t) => {
  const page = await newPage(t, { errors: [/500/] });
  await page.route("**/openapi.json", (route) => route.fulfill({ status: 500 }));
  await page.goto(`${server.url}/docs`);
  await page.getByRole("alert").waitFor();
  await page.unroute("**/openapi.json");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("#chat").waitFor();
});

test("programs find the document and its short form", async () => {
  const document = await fetch(`${server.url}/openapi.json`);
  assert.match(document.headers.get("content-type"), /application\/json/);
  assert.equal((await document.json()).openapi, "3.1.0");
  const short = await (await fetch(`${server.url}/llms.txt`)).text();
  assert.match(short, /^# edge-sessions\n\n> /);
  for (const [, path] of short.matchAll(/\]\((\/[^)]*)\)/g)) assert.equal((await fetch(server.url + path)).status, 200, path);
});
