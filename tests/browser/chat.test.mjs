// A conversation on the page: how answers come, are stopped, asked for again, continued, edited; that nothing is lost or
// doubled by reloads, lost connections and second tabs.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { openApp } from "./support/app.mjs";
import { eventually } from "./support/browser.mjs";
import { gated, saying } from "./support/model.mjs";
import { serve } from "./support/service.mjs";

const { server, model } = await serve(() => saying("Fine."));
beforeEach(() => {
  model.script = () => saying("Fine.");
  model.requests.length = 0;
});

test("an answer is waited for from the moment of sending, and grows as it comes", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  model.script = () => gated("One two three");
  await app.send("Count");
  await page.waitForSelector(".is-live[aria-busy=true] .waiting");
  assert.equal(await page.getAttribute("#send", "aria-label"), "Stop");
  model.open(2);
  await app.shows("Count", "One two");
  model.open(2);
  await app.shows("Count", "One two three");
  await page.waitForSelector("#send[aria-label=Send]");
  await app.live.waitFor({ state: "detached" });
  assert.match(page.url(), /#\/s\/session_[0-9a-f]{16}$/);
});

test("a reload amid an answer, and a second tab, show all of it once", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  const words = Array.from({ length: 30 }, (_, index) => `w${index}`).join(" ");
  model.script = () => gated(words);
  await app.send("Count");
  model.open(10);
  await page.locator(".is-live", { hasText: "w9" }).waitFor();
  await page.reload();
  await page.locator(".is-live", { hasText: "w9" }).waitFor();
  const other = await app.tab();
  await other.page.locator(".is-live", { hasText: "w9" }).waitFor();
  model.open(21);
  for (const tab of [app, other]) await tab.shows("Count", words);
  assert.equal(model.requests.length, 1);
});

test("tabs of one session stay in step", async (t) => {
  // A tab may just be asking for the session that the other one deletes.
  const app = await openApp(t, server, { errors: [/404/] });
  await app.say("Hello");
  const other = await app.tab();
  model.script = () => gated("Second");
  await app.send("Again");
  await other.button("Stop").waitFor();
  model.open(2);
  for (const tab of [app, other]) await tab.shows("Hello", "Fine.", "Again", "Second");
  await app.choose("Delete");
  await eventually("the other tab leaves the session", () => other.page.url().endsWith("#/"));
});

test("what is removed in one tab is removed in the others, however far back", async (t) => {
  const app = await openApp(t, server);
  const lines = Array.from({ length: 260 }, (_, index) => JSON.stringify({ role: index % 2 ? "assistant" : "user", content: `Number ${index + 1}.` }));
  const response = await fetch(`${server.url}/sessions/import?user_id=${await app.user()}`, { method: "POST", headers: { "content-type": "application/jsonl" }, body: lines.join("\n") });
  const { session_id: id } = await response.json();
  const other = await app.tab();
  for (const tab of [app, other]) {
    await tab.open(`${server.url}/#/s/${id}/m/3`);
    await tab.page.locator(".is-target").waitFor();
  }
  for (const text of ["Number 3.", "Number 230."]) {
    const message = other.page.locator(".message", { hasText: text });
    await message.hover();
    await message.getByRole("button", { name: "Remove what it says" }).click();
    for (const tab of [other, app]) await eventually(`${text} is gone`, async () => !(await tab.texts()).includes(text));
  }
  assert.equal((await app.texts()).length, 260);
});

test("a connection that is lost amid an answer is made again, and nothing is said twice", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_/] });
  const { page } = app;
  await app.say("Hello");
  // The request arrives and is begun, its answer does not.
  let lost = 0;
  await page.route("**/chat", async (route) => {
    lost += 1;
    if (lost > 1) return route.continue();
    await route.fetch();
    return route.abort("connectionreset");
  });
  await app.send("Again");
  await app.shows("Hello", "Fine.", "Again", "Fine.");
  assert.deepEqual([lost, model.requests.length], [2, 2]);
});

test("what cannot be sent is kept, over a reload, and sent once when the network is back", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_/] });
  const { page } = app;
  const context = page.context();
  await app.say("Hello");
  await context.setOffline(true);
  await app.send("Later");
  await page.waitForSelector(".banner:has-text('offline')");
  await page.waitForSelector(".problem:has-text('Send again')");
  await app.send("Later still");
  assert.equal(await app.box.inputValue(), "Later still");
  await context.setOffline(false);
  await app.shows("Hello", "Fine.", "Later", "Fine.");
  assert.equal(await app.box.inputValue(), "Later still");
  await page.locator(".banner").waitFor({ state: "detached" });
});

test("Esc stops an answer and keeps what was said; it can be continued", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  model.script = () => [...gated("One two three").slice(0, 4)];
  await app.send("Count");
  model.open(2);
  await page.locator(".is-live", { hasText: "two" }).waitFor();
  await page.keyboard.press("Escape");
  await page.waitForSelector(".cut-note:has-text('Stopped.')");
  model.script = () => saying("and three");
  await page.click("text=Continue");
  await app.shows("Count", "One two and three");
});

test("other answers and other questions keep what stood there before", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hello");
  model.script = () => saying("Better.");
  await page.click("[aria-label='Another answer']");
  await app.shows("Hello", "Better.");
  await page.waitForSelector(".pager:has-text('2 / 2')");
  await page.click("[aria-label='Earlier version']");
  await app.shows("Hello", "Fine.");
  await page.click("[aria-label='Later version']");
  await app.shows("Hello", "Better.");

  model.script = () => saying("Edited.");
  await page.focus("#message");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.type(" there");
  await page.keyboard.press("Enter");
  await app.shows("Hello there", "Edited.");
  await page.locator("[aria-label='Earlier version']").first().click();
  await app.shows("Hello", "Better.");
});

test("a first message is the user's until there is a session that it is said in", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_/] });
  const { page } = app;
  let held;
  await page.route("**/sessions", (route) => (route.request().method() === "POST" ? void (held = route) : route.continue()));
  const isHeld = () => eventually("it is under way", () => held);
  await app.send("Precious");
  await isHeld();
  await app.shows("Precious", "");
  await page.locator(".is-live .waiting").waitFor();
  await page.reload();
  await app.button("Send", { exact: true }).waitFor();
  await eventually("it is in the box after a reload", async () => (await app.box.inputValue()) === "Precious");

  held = undefined;
  await app.box.press("Enter");
  await isHeld();
  await app.box.fill("Rather that");
  await app.button("Stop", { exact: true }).click();
  assert.equal(await app.box.inputValue(), "Precious\n\nRather that");
  await page.locator("#thread > .hero").waitFor();
  await held.continue();

  await page.unroute("**/sessions");
  await app.say("Precious");
  await app.shows("Precious", "Fine.");
  await app.home();
  assert.equal(await app.box.inputValue(), "");
});

test("a suggestion that is pressed twice begins one session", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await page.locator(".persona-pick").first().waitFor();
  await page.locator(".starter").first().evaluate((starter) => (starter.click(), starter.click()));
  await app.answered("Fine.");
  const { sessions } = await server.ask("GET", `/users/${await app.user()}/sessions`);
  assert.equal(sessions.length, 1);
});

for (const [what, ask] of [
  ["another answer", async ({ page }) => page.click("[aria-label='Another answer']")],
  ["another question", async ({ page }) => page.getByRole("textbox", { name: "Edit your message" }).press("Enter")],
])
  test(`${what} replaces nothing that was said elsewhere meanwhile`, async (t) => {
    const app = await openApp(t, server);
    const { page } = app;
    await app.say("Hello");
    const id = await app.sessionId();
    await page.focus("#message");
    if (what === "another question") {
      await page.keyboard.press("ArrowUp");
      await page.keyboard.type(" there");
    }
    await server.ask("POST", "/chat", { session_id: id, message: "From my phone" });
    await ask(app);
    await page.getByText("It was changed elsewhere meanwhile").first().waitFor();
    await app.shows("Hello", "Fine.", "From my phone", "Fine.");
    assert.equal(await app.box.inputValue(), what === "another question" ? "Hello there" : "");
    const { messages } = await server.ask("GET", `/sessions/${id}/messages`);
    assert.deepEqual(messages.map(({ content }) => content), ["Hello", "Fine.", "From my phone", "Fine."]);
  });

test("a title that comes between an answer and another one is no obstacle", async (t) => {
  const app = await openApp(t, server, { errors: [/412/] });
  const { page } = app;
  await app.say("Hello");
  const id = await app.sessionId();
  model.script = () => saying("Better.");
  await page.route("**/regenerate", async (route) => {
    await server.ask("PATCH", `/sessions/${id}`, { title: "Tea" });
    await route.continue();
  }, { times: 1 });
  await page.click("[aria-label='Another answer']");
  await app.shows("Hello", "Better.");
});

test("an edited question that is not sent is not lost", async (t) => {
  const app = await openApp(t, server, { errors: [/429/] });
  const { page } = app;
  await app.say("Hello");
  const field = page.getByRole("textbox", { name: "Edit your message" });
  await page.focus("#message");
  await page.keyboard.press("ArrowUp");
  await field.fill("Hello there");

  await page.route("**/edit", (route) => route.fulfill({ status: 429, contentType: "application/problem+json", body: '{"code":"RATE_LIMITED","title":"Slowly"}' }), { times: 1 });
  await field.press("Enter");
  await page.getByText("That was too much at once").first().waitFor();
  assert.equal(await field.inputValue(), "Hello there");
  await page.getByText("What you write is kept").waitFor({ state: "detached" });

  await page.reload();
  await app.shows("Hello", "Fine.");
  assert.equal(await app.box.inputValue(), "Hello there");
  await app.box.fill("");
  await page.keyboard.press("ArrowUp");
  await field.fill("Hello there");

  // Another tab is faster.
  const other = await app.tab();
  await other.shows("Hello", "Fine.");
  model.script = () => gated("Wait");
  await other.send("Another");
  await app.button("Stop", { exact: true }).waitFor();
  await field.press("Enter");
  await page.getByText("Another answer is being written").first().waitFor();
  assert.equal(await field.inputValue(), "Hello there");
  model.open(2);
  await app.shows("Hello", "Fine.", "Another", "Wait");
  await page.locator("#send[aria-label=Send]").waitFor();
  await field.press("Enter");
  await eventually("it is in the message box", async () => (await app.box.inputValue()) === "Hello there");
  await app.shows("Hello", "Fine.", "Another", "Wait");
});

test("a message that is refused goes back to the box before another one is sent", async (t) => {
  const app = await openApp(t, server, { errors: [/429/] });
  const { page } = app;
  await app.say("Hello");
  await page.route("**/chat", (route) => route.fulfill({ status: 429, contentType: "application/problem+json", body: '{"code":"RATE_LIMITED","title":"Slowly"}' }), { times: 1 });
  await app.send("Precious");
  await page.locator(".problem").waitFor();
  await app.say("Another");
  await app.shows("Hello", "Fine.", "Another", "Fine.");
  assert.equal(await app.box.inputValue(), "Precious");
});

test("a model that fails says so, keeps the question, and is asked again", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  model.script = () => [{ status: 400, body: "{}" }];
  await app.send("Hello");
  await page.waitForSelector(".problem:has-text('does not answer this')");
  await page.reload();
  await page.waitForSelector("text=There is no answer to this yet.");
  model.script = () => saying("Fine.");
  await page.click("text=Ask again");
  await app.shows("Hello", "Fine.");
});

test("Enter that ends a word of an input method does not send; drafts are kept by session", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hello");
  await page.fill("#message", "日本");
  for (const init of [{ keyCode: 229 }, { isComposing: true }]) {
    await page.locator("#message").dispatchEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...init });
  }
  assert.equal(await page.inputValue("#message"), "日本");
  await app.home();
  await eventually("a new session has no draft", async () => (await page.inputValue("#message")) === "");
  await page.goBack();
  await eventually("the draft is back", async () => (await page.inputValue("#message")) === "日本");
  await page.reload();
  await eventually("the draft has survived", async () => (await page.inputValue("#message")) === "日本");
  await app.shows("Hello", "Fine.");
});

test("a tab in which nothing was typed leaves the draft of another alone", async (t) => {
  const one = await openApp(t, server);
  await one.say("Hello");
  const two = await one.tab();
  await two.answered("Fine.");
  await one.box.fill("Half a sent");
  const draft = `draft:${await one.sessionId()}`;
  const kept = () => one.page.evaluate((draft) => localStorage.getItem(draft), draft);
  await eventually("it is kept", async () => (await kept()) === "Half a sent");
  await two.home();
  await two.page.goBack();
  await eventually("it is there, too", async () => (await two.box.inputValue()) === "Half a sent");
  await one.box.fill("Half a sentence");
  await eventually("it is kept", async () => (await kept()) === "Half a sentence");
  await two.page.reload();
  assert.equal(await kept(), "Half a sentence");
  await one.box.fill("");
  await eventually("what is emptied is not kept", async () => (await kept()) === null);
});

test("focus stays where it is while the page looks after itself", async (t) => {
  const app = await openApp(t, server, { errors: [/400/] });
  const { page } = app;
  model.script = () => [{ status: 400, body: "{}" }];
  await app.send("Hello");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await server.ask("POST", "/sessions", { user_id: await app.user(), title: "Short", ttl_seconds: 200 });
  await page.clock.install();
  await page.reload();
  const again = app.button("Ask again");
  await again.waitFor();
  const isAt = (button) => button.evaluate((button) => button === document.activeElement);
  const more = app.sessions.getByRole("button", { name: "More for Short" });
  for (const [button, ms] of [[again, 11_000], [more, 150_000]]) {
    await button.focus();
    await page.clock.fastForward(ms);
    assert.ok(await isAt(button));
  }
  await app.sessions.locator(".session-expiry").waitFor();
  await more.press("Enter");
  await page.getByRole("menuitem", { name: "Rename" }).waitFor();
  await page.clock.fastForward(10_000);
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  assert.ok(await isAt(more));
});

test("the end is followed only while the reader is there", async (t) => {
  const app = await openApp(t, server, { viewport: { width: 900, height: 500 } });
  const { page } = app;
  const long = Array.from({ length: 40 }, (_, index) => `Line ${index}.`).join("\n\n");
  await app.say("Hello");
  model.script = () => [{ text: long }, { gate: true }, { text: `\n\n${long}` }, ...saying("End.")];
  await app.send("Much");
  await page.locator(".is-live", { hasText: "Line 39" }).waitFor();
  const place = () => page.evaluate(() => {
    const log = document.querySelector("#log");
    return { top: log.scrollTop, rest: log.scrollHeight - log.scrollTop - log.clientHeight };
  });
  await eventually("the end is in view", async () => (await place()).rest < 40);
  await page.locator("#log").hover();
  await page.mouse.wheel(0, -300);
  await page.waitForSelector("#jump:visible");
  const { top } = await place();
  model.open(1);
  await page.locator(".from-assistant:not(.is-live)", { hasText: "End." }).waitFor();
  assert.ok(Math.abs((await place()).top - top) < 60, "what is read stays");
  await page.click("#jump");
  await eventually("the end is in view again", async () => (await place()).rest < 40);
});

test("what is said while the conversation is still being looked through is not taken for missing", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hi");
  // What is asked for at the end of an answer comes when the next question has been accepted.
  const late = [];
  await page.route(/\/messages\?/, async (route) => {
    const response = await route.fetch();
    late.push(() => route.fulfill({ response }));
  });
  await app.send("Hello");
  await eventually("the end asks", () => late.length > 0);
  model.script = () => gated("Second");
  await app.send("Again");
  await page.locator(".from-user[data-sequence]", { hasText: "Again" }).waitFor();
  await Promise.all([page.waitForResponse(/\/messages\?/), ...late.splice(0).map((answer) => answer())]);
  await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.deepEqual(await page.locator(".from-user .message-body").allTextContents(), ["Hi", "Hello", "Again"]);
  await page.unrouteAll({ behavior: "wait" });
  model.open(2);
  await app.shows("Hi", "Fine.", "Hello", "Fine.", "Again", "Second");
});

test("an earlier version that is being read stays, whatever is heard of the conversation", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hello");
  model.script = () => saying("Better.");
  await page.click("[aria-label='Another answer']");
  await page.waitForSelector(".pager:has-text('2 / 2')");
  const other = await app.tab();
  await page.click("[aria-label='Earlier version']");
  await app.shows("Hello", "Fine.");
  const heard = page.waitForResponse(/\/messages\?/);
  await other.page.click(".from-assistant [aria-label='Remove what it says']");
  await heard;
  await page.evaluate(() => new Promise(requestAnimationFrame));
  await app.shows("Hello", "Fine.");
  await page.click("[aria-label='Later version']");
  await eventually("today's version is back", async () => (await app.texts()).length === 2);
});

test("a greeting is read from its beginning, on a small screen too", async (t) => {
  const app = await openApp(t, server, { viewport: { width: 360, height: 480 } });
  const { page } = app;
  await page.locator(".persona-pick").last().waitFor();
  const top = () => page.evaluate(() => document.querySelector("#log").scrollTop);
  assert.equal(await top(), 0);
  await app.say("Hello");
  await page.goto(`${server.url}/#/`);
  await page.locator(".persona-pick").last().waitFor();
  assert.equal(await top(), 0);
  assert.ok(await page.locator("#jump").isHidden());
});

test("Stop before the answer has begun stops it as soon as it has", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hello");
  model.script = () => gated("One two");
  let arrive;
  await page.route("**/chat", async (route) => {
    await new Promise((resolve) => (arrive = resolve));
    await route.continue();
  });
  await app.send("Count");
  await eventually("it is under way", () => arrive);
  const asked = page.waitForResponse("**/stop");
  await app.button("Stop", { exact: true }).click();
  await asked;
  arrive();
  await page.getByText("Stopped.").waitFor();
  await app.idle();
  await eventually("the service has stopped", async () => (await server.ask("GET", `/sessions/${await app.sessionId()}`)).running_turn === null);
});

for (const [name, fail] of [
  ["fails", (route, stopped) => stopped.then(() => route.abort())],
  ["is never answered", () => {}],
])
  test(`Stop takes back a message whose request ${name}`, async (t) => {
    const app = await openApp(t, server, { errors: [/ERR_/] });
    const { page } = app;
    await page.clock.install();
    await app.say("Hello");
    let begin;
    const begun = new Promise((resolve) => (begin = resolve));
    const stopped = page.waitForResponse("**/stop");
    await page.route("**/chat", (route) => (begin(), fail(route, stopped)));
    await app.send("Not this");
    await begun;
    await app.box.fill("Rather that");
    await page.keyboard.press("Escape");
    await stopped;
    await page.clock.fastForward(6000);
    await eventually("it is in the box again", async () => (await app.box.inputValue()) === "Not this\n\nRather that");
    await app.shows("Hello", "Fine.");
    await page.reload();
    await app.shows("Hello", "Fine.");
    assert.equal(await app.box.inputValue(), "Not this\n\nRather that");
  });

test("an answer without a word is asked for three times, and then says what to do", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hello");
  let asked = 0;
  await page.route("**/chat", (route) => (asked += 1) && route.fulfill({ status: 200, contentType: "text/event-stream", body: ": nothing\n\n" }));
  await app.send("Again");
  await page.locator(".problem", { hasText: "Send it again" }).waitFor();
  assert.equal(asked, 3);
  await page.unroute("**/chat");
  await page.locator(".problem").getByRole("button", { name: "Send again", exact: true }).click();
  await app.shows("Hello", "Fine.", "Again", "Fine.");
});

test("code and answers are copied as they were written, and the button says so", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const code = "let a = 1 < 2;\n\treturn `${a}`;";
  const answer = `Look:\n\n\`\`\`js\n${code}\n\`\`\`\n\nThat is all.`;
  model.script = () => [{ text: answer }, ...saying("")];
  await app.say("Hello");
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await page.locator(".hl-keyword").first().waitFor();
  await app.button("Copy code").click();
  await app.button("Copy code").getByText("Copied").waitFor();
  assert.equal(await copied(), code);
  await app.answers.last().getByRole("button", { name: "Copy", exact: true }).click();
  await eventually("the answer is copied", async () => (await copied()) === answer);
});

test("where copying is not allowed the button says that", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"))));
  model.script = () => [{ text: "```\ncode\n```" }, ...saying("")];
  await app.say("Hello");
  await app.button("Copy code").click();
  await app.button("Copy code").getByText("Not allowed").waitFor();
});
