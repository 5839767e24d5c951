// That the other tests notice what they are there for: the tools of support/, each tried on something that is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible, newPage } from "./support/browser.mjs";
import { gated, saying } from "./support/model.mjs";
import { serve } from "./support/service.mjs";

const { server, model } = await serve(() => saying("Two words."));

/** Runs a test in a test of its own, so that what it does at its end can be looked at; what it fails with. */
async function failure(run) {
  const ends = [];
  await run({ after: (end) => ends.push(end) });
  try {
    for (const end of ends) await end();
  } catch (error) {
    return error.message + (error.actual ?? []);
  }
  return undefined;
}

/** Shows this document under a policy that allows nothing but itself. */
async function show(page, body) {
  const headers = { "content-security-policy": "default-src 'self'", "content-type": "text/html" };
  await page.route("**/made-up", (route) => route.fulfill({ headers, body }));
  await page.route("**/made-up.js", (route) => route.fulfill({ contentType: "text/javascript", body: "throw new Error('boom')" }));
  await page.goto(`${server.url}/made-up`);
  // Violations are told in tasks of their own.
  await page.evaluate(() => new Promise(requestAnimationFrame));
}

const mistakes = [
  ["an exception", "<script src='/made-up.js'></script>", /boom/],
  ["a request that failed", "<img alt='' src='/nowhere.png'>", /404/],
  ["an inline script", "<script>document.title = 'x'</script>", /content security policy: script-src/],
  ["an inline style", "<p style='color: red'>Red</p>", /content security policy: style-src/],
];
for (const [name, body, expected] of mistakes)
  test(`a page fails its test by ${name}`, async () => {
    const failed = await failure(async (t) => show(await newPage(t), body));
    assert.match(failed ?? "nothing", expected);
  });

test("what a test expects does not fail it", async () => {
  const failed = await failure(async (t) => show(await newPage(t, { errors: [/404/] }), "<img alt='' src='/nowhere.png'>"));
  assert.equal(failed, undefined);
});

test("axe finds what cannot be read", async (t) => {
  const page = await newPage(t);
  await show(page, "<!doctype html><html lang='en'><title>Pale</title><main><h1>Pale</h1><p><font color='#eeeeee'>pale on white</font></p></main>");
  await assert.rejects(() => assertAccessible(page, "pale"), /color-contrast/);
});

test("a model says what it is told, through the server, and waits at its gates", async (t) => {
  const page = await newPage(t, { errors: [/favicon/] });
  await page.goto(`${server.url}/health`);
  const { response } = await server.ask("POST", "/chat", { message: "Hello" });
  assert.equal(response, "Two words.");
  assert.equal(model.requests[0].messages.at(-1).content, "Hello");

  model.script = () => gated("One two three");
  const chat = page.evaluate(async () => {
    const body = JSON.stringify({ message: "Count", stream: true });
    const answer = await fetch("/chat", { method: "POST", headers: { "content-type": "application/json" }, body });
    return answer.text();
  });
  model.open(4);
  const events = await chat;
  const text = [...events.matchAll(/^data: (\{"text".*)$/gm)].map((match) => JSON.parse(match[1]).text).join("");
  assert.equal(text, "One two three", events);
});

test("a model breaks off and fails when it is told to", async () => {
  const cases = [
    [[{ text: "Half " }, { cut: true }], /MODEL_UNAVAILABLE/],
    [[{ status: 400, body: "{}" }], /MODEL_REFUSED/],
  ];
  for (const [steps, expected] of cases) {
    model.script = () => steps;
    await assert.rejects(() => server.ask("POST", "/chat", { message: "Hello" }), expected);
  }
});
