// What the page could do that this one replaces, feature by feature in the order of its list: none was lost. What became
// of each in detail is tested where it belongs; here is that it is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp } from "./support/app.mjs";
import { eventually } from "./support/browser.mjs";
import { gated, saying } from "./support/model.mjs";
import { serve } from "./support/service.mjs";

const { server, model } = await serve(() => saying("Fine."));

const form = (page) => page.getByRole("dialog", { name: "New session" });
const openForm = async (app) => {
  await app.button("New session", { exact: true }).click();
  await form(app.page).getByRole("radio").first().waitFor();
};
const isWriting = (app) => app.box.evaluate((box) => box === document.activeElement);

/** @type {[string, (app: import("./support/app.mjs").App, page: import("playwright-core").Page) => Promise<void>][]} */
const FEATURES = [
  ["1 one can write at once; a reload comes back to the same session", async (app, page) => {
    await app.say("Hello");
    const address = page.url();
    await page.reload();
    await app.shows("Hello", "Fine.");
    assert.equal(page.url(), address);
  }],
  ["2 a header with the title, a way to a new session and the list, and who one is", async (app, page) => {
    await app.say("Hello");
    await page.getByRole("heading", { level: 1, name: "Hello" }).waitFor();
    assert.ok((await app.button("New session", { exact: true }).isVisible()) && (await app.sessions.isVisible()));
    await app.button("Memory, context and statistics").click();
    await page.getByText(await app.user()).waitFor();
  }],
  ["3 the id of the session", async (app, page) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await app.say("Hello");
    await app.choose("Copy the session’s id");
    const id = await app.sessionId();
    await eventually("it is copied", async () => (await page.evaluate(() => navigator.clipboard.readText())) === id);
  }],
  ["4 a form with a display name, a persona, a way to create, to cancel and to close", async (app, page) => {
    for (const way of ["Cancel", "Close"]) {
      await openForm(app);
      await form(page).getByRole("button", { name: way }).click();
      await form(page).waitFor({ state: "detached" });
    }
    await openForm(app);
    await form(page).getByLabel("Your display name").fill("Ada");
    await form(page).getByRole("radio", { name: /^Creative Writer/ }).check({ force: true });
    await form(page).getByRole("button", { name: "Create session" }).click();
    const { persona, metadata } = await server.ask("GET", `/sessions/${await app.sessionId()}`);
    assert.deepEqual([persona, metadata.display_name], ["creative_writer", "Ada"]);
  }],
  ["5 the form begins anew when it was closed", async (app, page) => {
    await openForm(app);
    await form(page).getByLabel("Title").fill("Nothing");
    await page.keyboard.press("Escape");
    await openForm(app);
    assert.equal(await form(page).getByLabel("Title").inputValue(), "");
  }],
  ["6 what was created is said with its persona, and the conversation is empty", async (app, page) => {
    await app.say("Hello");
    await openForm(app);
    await form(page).getByRole("radio", { name: /^Technical Support/ }).check({ force: true });
    await form(page).getByRole("button", { name: "Create session" }).click();
    await page.getByRole("heading", { level: 2, name: "Technical Support" }).waitFor();
    await app.shows();
  }],
  ["7 a list of one's sessions, which says when it is empty", async (app, page) => {
    await app.sessions.getByText("No sessions yet").waitFor();
    await app.say("Hello");
    await eventually("the session is listed", async () => (await app.titles()).join() === "Hello");
    await page.setViewportSize({ width: 390, height: 700 });
    await app.button("Sessions", { exact: true }).click();
    await app.button("Close the list of sessions").click();
    await app.sessions.waitFor({ state: "hidden" });
  }],
  ["8 each listed with its title, its persona and its day", async (app) => {
    await app.say("Hello");
    await app.sessions.getByRole("heading", { name: "Today" }).waitFor();
    assert.equal(await app.sessions.getByRole("link").first().getAttribute("title"), "Hello · Assistant");
  }],
  ["8 when it was begun, how much was said in it and when last", async (app, page) => {
    await app.say("Hello");
    await app.button("Memory, context and statistics").click();
    await page.getByRole("tab", { name: "Context" }).click();
    await page.getByText(/^Begun \d+ \w+ \d{4}, \d\d:\d\d · 2 messages · last active this minute$/).waitFor();
  }],
  ["9 the current one marked", async (app) => {
    await app.say("Hello");
    await app.sessions.locator("[aria-current=page]").getByText("Hello", { exact: true }).waitFor();
  }],
  ["10 a click changes to another: its history, and the box to write in", async (app, page) => {
    await app.say("First");
    await app.home();
    await app.say("Second");
    await app.sessions.getByRole("link", { name: "First" }).click();
    await app.shows("First", "Fine.");
    await eventually("one can write", () => isWriting(app));
  }],
  ["11 a click beside a dialog closes it", async (app, page) => {
    await openForm(app);
    await page.mouse.click(5, 5);
    await form(page).waitFor({ state: "detached" });
  }],
  ["12 questions on the right, answers on the left", async (app) => {
    await app.say("Hello");
    // A message that is drawn anew has no place for a moment.
    const left = async (said) => (await said.locator(".message-body").boundingBox())?.x ?? Number.NaN;
    await eventually("questions stand on the right", async () => (await left(app.questions)) > (await left(app.answers)));
  }],
  ["13 a sign that an answer is being written", async (app) => {
    model.script = () => gated("Fine.");
    await app.send("Hello");
    await app.live.locator(".waiting").waitFor();
    model.open(2);
    await app.shows("Hello", "Fine.");
  }],
  ["14 Enter or a button sends, blanks do not, one at a time, and one goes on writing", async (app) => {
    await app.box.fill("   ");
    assert.ok(await app.button("Send", { exact: true }).isDisabled());
    await app.box.press("Enter");
    await app.box.fill("Hello");
    model.script = () => gated("Fine.");
    await app.button("Send", { exact: true }).click();
    await app.button("Stop", { exact: true }).waitFor();
    await app.send("Too early");
    model.open(2);
    await app.idle();
    await app.shows("Hello", "Fine.");
    assert.equal(await app.box.inputValue(), "Too early");
    assert.ok(await isWriting(app));
  }],
  ["15 what went wrong is said in the conversation", async (app, page) => {
    model.script = () => [{ status: 400, body: "{}" }];
    await app.send("Hello");
    await page.getByRole("article", { name: "Problem" }).waitFor();
  }],
  ["16 the end is followed", async (app, page) => {
    model.script = () => saying("Line.\n\n".repeat(60));
    await app.say("Much");
    await eventually("the end is in view", () => page.locator("#log").evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40));
  }],
  ["17 what is said is shown as it was written", async (app) => {
    await app.say("<b>Hello</b> & **you**");
    await app.shows("<b>Hello</b> & **you**", "Fine.");
  }],
];

for (const [name, use] of FEATURES)
  test(name, async (t) => {
    model.script = () => saying("Fine.");
    const app = await openApp(t, server);
    await use(app, app.page);
  });
