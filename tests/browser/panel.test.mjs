// The panel: what is remembered and what can be done about it, what a model sees, what was said how fast.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp } from "./support/app.mjs";
import { eventually } from "./support/browser.mjs";
import { saying } from "./support/model.mjs";
import { serve } from "./support/service.mjs";

const { server, model } = await serve(() => saying("Fine."));

const entries = (page) => page.locator(".entry-value").allTextContents();
const are = (page, ...expected) => eventually(`the memory is ${JSON.stringify(expected)}`, async () => JSON.stringify(await entries(page)) === JSON.stringify(expected));

test("what was remembered is said, and can be taken back at once", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hi, my name is Ada");
  const line = page.locator(".aside-line", { hasText: "name: Ada" });
  await line.getByRole("button").click();
  await page.waitForSelector(".aside-line:has-text('Taken back: name')");
  const user = await app.user();
  assert.equal((await server.ask("GET", `/users/${user}/memory`)).total, 0);
});

test("of what was said of one thing only the latest can be taken back", async (t) => {
  const app = await openApp(t, server);
  await app.say("My name is Ada");
  await app.say("I live in Sofia");
  await app.say("My name is Bob");
  const line = (text) => app.page.locator(".aside-line", { hasText: text });
  await eventually("the earlier one is said only", async () => (await line("name: Ada").getByRole("button").count()) === 0);
  assert.equal(await line("location: Sofia").getByRole("button").count(), 1);
  await line("name: Bob").getByRole("button").click();
  await line("Taken back: name").waitFor();
  const { entries: kept } = await server.ask("GET", `/users/${await app.user()}/memory`);
  assert.deepEqual(kept.map(({ key, value }) => [key, value]).sort(), [["location", "Sofia"], ["name", "Ada"]]);
});

test("what was remembered can be taken back after a reload, as long as it has not changed since", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  const line = page.locator(".aside-line", { hasText: "Remembered" });
  await app.say("Hi, my name is Ada");
  await app.say("And what else?");
  await page.reload();
  await line.getByText("name: Ada").waitFor();
  assert.ok(await page.locator(".from-user + .aside-line + .from-assistant").first().isVisible(), "before the answer that it came with");
  await line.getByRole("button", { name: "Undo: name" }).click();
  await page.locator(".aside-line", { hasText: "Taken back: name" }).waitFor();
  const told = page.waitForResponse(/\/memory/);
  await page.reload();
  await told;
  await app.shows("Hi, my name is Ada", "Fine.", "And what else?", "Fine.");
  assert.equal(await line.count(), 0);
});

test("what is remembered is seen with its source, changed, forgotten, brought back, switched off", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("I live in Sofia");
  await page.click("#toggle-panel");
  await are(page, "Sofia");
  await page.click(".entry-source a");
  await page.waitForSelector(".message.is-target:has-text('I live in Sofia')");

  await page.click("[aria-label='Edit location']");
  await page.fill(".entry textarea", "Plovdiv");
  await page.click(".entry >> text=Save");
  await are(page, "Plovdiv");
  await page.click("[aria-label='Forget location']");
  await are(page);
  await page.click(".toast >> text=Undo");
  await are(page, "Plovdiv");

  await page.click("text=Add something");
  await page.fill("[aria-label='What it is']", "diet");
  await page.fill("[aria-label='What to remember']", "vegan");
  await page.click("#panel button[type=submit]");
  await are(page, "vegan", "Plovdiv");

  await page.click("text=Remember things about me");
  const user = await app.user();
  await eventually("memory is off", async () => (await server.ask("GET", `/users/${user}`)).memory === false);

  await page.click("text=Forget everything");
  await page.click("dialog .danger");
  await are(page);
});

test("the gauge tells how full the context is, the panel what it is made of", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hi, my name is Ada");
  await eventually("the gauge knows", async () => /of 16,000 tokens/.test((await page.getAttribute("#ring", "aria-label")) ?? ""));
  await page.click("#ring");
  await page.waitForSelector(".parts:has-text('What is known about you')");
  await page.waitForSelector("text=Nothing: the model sees the whole conversation.");
  await page.waitForSelector(".prompt-part:has-text('Hi, my name is Ada')");
});

test("the context is what is sent now, whatever has changed since the last answer", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hi, my name is Ada");
  await app.say("One thing more");
  const sends = async (text) => (await page.locator(".prompt-part").allTextContents()).some((part) => part.includes(text));
  await page.click("#ring");
  await eventually("the name is sent", () => sends("name: Ada"));

  await page.click("#tab-memory");
  await page.click("text=Forget everything");
  await page.click("dialog .danger");
  await are(page);
  await page.click("#tab-context");
  await page.locator(".prompt-part").first().waitFor();
  assert.equal(await sends("name: Ada"), false);

  // While the tab is looked at, too.
  const other = await app.tab();
  await server.ask("PUT", `/users/${await app.user()}/memory/diet`, { value: "vegan" });
  await other.page.locator(".from-user", { hasText: "One thing more" }).hover();
  await other.page.locator(".from-user", { hasText: "One thing more" }).getByRole("button", { name: "Remove what it says" }).click();
  await eventually("what is remembered is sent", () => sends("diet: vegan"));
  await eventually("what was removed is not", async () => !(await sends("One thing more")));

  await page.click("#bar .persona-chip");
  const before = await page.locator(".prompt-part").first().textContent();
  await page.getByRole("menuitemradio").last().click();
  await eventually("another persona is sent", async () => (await page.locator(".prompt-part").first().textContent()) !== before);
});

test("statistics count the user's own sessions, and the service where one may see it", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("One");
  await app.say("Two");
  await page.click("#toggle-panel");
  await page.click("#tab-statistics");
  await page.waitForSelector(".figure:has-text('4messages')");
  await page.waitForSelector("svg[aria-label*='4 messages']");
  await page.waitForSelector("h3:has-text('Time to an answer')");
  await page.waitForSelector("h3:has-text('The whole service')");
});

test("statistics count all messages, and say where the days are of the latest ones", async (t) => {
  const app = await openApp(t, server);
  await app.say("Hello");
  const { session_id: id } = await server.ask("POST", "/sessions", { user_id: await app.user(), title: "Long" });
  await server.ask("POST", `/sessions/${id}/messages`, { messages: Array.from({ length: 250 }, (_, number) => ({ role: "user", content: `Message ${number}` })) });
  await app.page.reload();
  await app.page.locator(".session-link", { hasText: "Long" }).waitFor();
  await app.button("Memory, context and statistics").click();
  await app.page.click("#tab-statistics");
  await app.page.locator(".figure", { hasText: "252" }).waitFor();
  await app.page.getByText("Of the latest 200 messages").waitFor();
});
