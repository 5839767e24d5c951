// Streams on the page that are cut anywhere, and tabs that look at the same session: each word exactly once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp } from "./support/app.mjs";
import { eventually, newContext } from "./support/browser.mjs";
import { gated, saying } from "./support/model.mjs";
import { serve } from "./support/service.mjs";

const WORDS = Array.from({ length: 40 }, (_, index) => `word${index}é`).join(" ");

const { server, model } = await serve(() => saying(WORDS));

/** Numbers that look random and are the same in every run. */
function* numbers(seed) {
  for (let state = seed; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    yield state / 2 ** 31;
  }
}

/** Has every stream of a page end after some of its bytes, as often as `cuts` says, and then be whole. */
async function cutStreams(page, cuts, random) {
  let left = cuts;
  const taken = [];
  await page.route(/\/(chat|events|regenerate)(\?.*)?$/, async (route) => {
    const request = route.request();
    const isStream = request.method() === "GET" || /"stream":true/.test(request.postData() ?? "") || (request.headers().accept ?? "").includes("event-stream");
    if (!isStream || left <= 0) return route.continue();
    left -= 1;
    const response = await route.fetch();
    const body = await response.body();
    const at = Math.floor(random.next().value * body.length);
    taken.push(`${at} of ${body.length}`);
    await route.fulfill({ response, body: body.subarray(0, at) });
  });
  return { taken, isOver: () => left === 0 };
}

for (const seed of [1, 2, 3, 4, 5, 6])
  test(`a stream that is cut at random places is told once, ${seed}`, async (t) => {
    model.script = () => saying(WORDS);
    const app = await openApp(t, server);
    await app.say("Hello");
    const cut = await cutStreams(app.page, 3, numbers(seed));
    await app.send("Once more");
    await eventually("both answers", async () => (await app.answers.count()) === 2 && (await app.live.count()) === 0);
    t.diagnostic(`cut at ${cut.taken.join(", ")}`);
    assert.ok(cut.taken.length > 0);
    await app.shows("Hello", WORDS, "Once more", WORDS);
    await app.page.reload();
    await app.answered(WORDS);
    await app.shows("Hello", WORDS, "Once more", WORDS);
  });

test("a reload amid an answer goes on with it", async (t) => {
  model.script = () => gated("One two three four");
  const app = await openApp(t, server);
  await app.send("Count");
  model.open(2);
  await eventually("two words", async () => (await app.live.innerText()).includes("One two"));
  await app.page.reload();
  await eventually("the same two words", async () => (await app.live.innerText()).trim() === "One two");
  assert.ok(await app.button("Stop").isVisible(), "it can still be stopped");
  model.open(3);
  await app.answered("One two three four");
  await app.shows("Count", "One two three four");
  assert.equal(model.requests.filter(({ messages }) => messages.at(-1).content === "Count").length, 1);
});

test("another session can be looked at while one answers, and it is whole afterwards", async (t) => {
  model.script = () => gated("One two");
  const app = await openApp(t, server);
  await app.send("Count");
  model.open(1);
  await eventually("a word", async () => (await app.live.innerText()).includes("One"));
  const address = app.page.url();
  await app.page.goto(`${server.url}/#/`);
  await app.page.getByRole("heading", { name: "What would you like to talk about?" }).waitFor();
  model.open(2);
  await app.page.goto(address);
  await app.answered("One two");
});

test("two tabs on a session stay in step", async (t) => {
  const context = await newContext(t);
  const one = await openApp(t, server, { context });
  model.script = () => saying("First.");
  await one.say("Hello");
  const two = await openApp(t, server, { context, path: `/${new URL(one.page.url()).hash}` });
  await two.answered("First.");
  model.script = () => gated("Second answer here");
  await one.send("And now?");
  model.open(1);
  for (const tab of [one, two]) await eventually("the first word in both", async () => (await tab.live.count()) === 1 && (await tab.live.innerText()).includes("Second"));
  model.open(3);
  for (const tab of [one, two]) {
    await tab.answered("Second answer here");
    await tab.shows("Hello", "First.", "And now?", "Second answer here");
  }
  model.script = () => saying("Third.");
  await two.say("From here");
  await one.shows("Hello", "First.", "And now?", "Second answer here", "From here", "Third.");
});

test("a message whose answer to it was lost is not said twice", async (t) => {
  model.script = () => saying("Heard.");
  const app = await openApp(t, server, { errors: [/ERR_FAILED|ERR_CONNECTION/] });
  await app.say("Hello");
  let lost = 0;
  await app.page.route(/\/chat$/, async (route) => {
    if ((lost += 1) > 1) return route.continue();
    await route.fetch();
    await route.abort("connectionreset");
  });
  await app.send("Only once");
  await eventually("an answer", async () => {
    if (await app.button("Send again", { exact: true }).count()) await app.button("Send again", { exact: true }).click();
    return (await app.answers.count()) === 2;
  });
  const page = await server.ask("GET", `/sessions/${await app.sessionId()}/messages`);
  assert.deepEqual(page.messages.map(({ content }) => content), ["Hello", "Heard.", "Only once", "Heard."]);
});

test("what two tabs could not send is sent once each, in its order, by whichever comes back", async (t) => {
  model.script = (body) => saying(`To ${body.messages.at(-1).content}.`);
  const one = await openApp(t, server, { errors: [/ERR_FAILED/] });
  await one.say("Hello");
  const two = await one.tab();
  await two.answered("To Hello.");
  for (const [tab, text] of [[one, "First"], [two, "Second"]]) {
    await tab.page.route(/\/chat$/, (route) => route.abort());
    await tab.send(text);
    await tab.button("Send again", { exact: true }).waitFor();
  }
  const whole = ["Hello", "To Hello.", "First", "To First.", "Second", "To Second."];
  for (const tab of [two, one]) {
    // The view that is left must not send its own before.
    const address = tab.page.url();
    await tab.page.goto("about:blank");
    await tab.page.unroute(/\/chat$/);
    await tab.page.goto(address);
    await tab.shows(...whole);
  }
  const page = await server.ask("GET", `/sessions/${await one.sessionId()}/messages`);
  assert.deepEqual(page.messages.map(({ content }) => content), whole);
  assert.deepEqual(await one.page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("unsent:"))), []);
});
