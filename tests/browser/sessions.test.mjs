// The list of sessions: made by a form, named, found, deleted and brought back, exported, kept; each with an address.
import assert from "node:assert/strict";
import { test } from "node:test";
import { App, openApp } from "./support/app.mjs";
import { eventually, newPage } from "./support/browser.mjs";
import { saying } from "./support/model.mjs";
import { serve } from "./support/service.mjs";

const { server, model } = await serve(() => saying("Fine."));

test("a session is made by the form, with everything that was chosen", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await page.keyboard.press("Control+Shift+O");
  await page.check("input[value=creative_writer]");
  await page.fill("[name=display_name]", "Ada");
  await page.fill("[name=title]", "Poems");
  await page.selectOption("[name=ttl]", "86400");
  await page.uncheck("[name=memory]");
  await page.click("text=Create session");
  await page.waitForSelector(".hero:has-text('Poems')");
  const id = decodeURIComponent(page.url().split("/s/")[1]);
  const session = await server.ask("GET", `/sessions/${id}`);
  const { title, persona, ttl_seconds, memory, metadata } = session;
  assert.deepEqual({ title, persona, ttl_seconds, memory, name: metadata.display_name }, { title: "Poems", persona: "creative_writer", ttl_seconds: 86400, memory: false, name: "Ada" });
  assert.deepEqual(await page.locator(".session.is-current .session-name").allTextContents(), ["Poems"]);
});

test("a form whose answer was lost can be changed and sent again", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_/] });
  const { page } = app;
  await app.button("New session", { exact: true }).click();
  await page.locator(".card").first().waitFor();
  await page.route(/\/sessions$/, async (route) => {
    await route.fetch();
    await route.abort("connectionreset");
  });
  await page.fill("[name=title]", "Poems");
  await page.click("text=Create session");
  await page.locator("dialog .problem").waitFor();
  await page.unroute(/\/sessions$/);
  await page.fill("[name=title]", "Verses");
  await page.click("text=Create session");
  await page.waitForSelector(".hero:has-text('Verses')");
});

test("what is said before it is known who asks is said in a session of theirs", async (t) => {
  const page = await newPage(t);
  const app = new App(page);
  let tell;
  await page.route("**/users/me", async (route) => {
    await new Promise((resolve) => (tell = resolve));
    await route.continue();
  });
  await page.goto(server.url);
  await app.send("Hello");
  await eventually("it is asked", () => tell);
  tell();
  await app.shows("Hello", "Fine.");
  const user = await app.user();
  assert.equal((await server.ask("GET", `/users/${user}/sessions`)).sessions.length, 1);
});

test("every session has an address, and back goes back", async (t) => {
  const app = await openApp(t, server, { errors: [/404/] });
  const { page } = app;
  await app.say("About trains");
  const trains = page.url();
  await app.home();
  await app.say("About boats");
  await page.goBack();
  await page.goBack();
  await app.shows("About trains", "Fine.");
  assert.equal(page.url(), trains);
  await page.goto(`${server.url}/#/s/nobody`);
  await page.waitForSelector(".problem:has-text('not there any more')");
});

test("titles are changed in place: Enter saves, Esc restores", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("About trains");
  await page.locator(".session-link").first().focus();
  await page.keyboard.press("F2");
  await page.keyboard.type("Railways");
  await page.keyboard.press("Enter");
  await page.waitForSelector("h1:has-text('Railways')");
  await page.click(".title-button");
  await page.keyboard.type("Nothing");
  await page.keyboard.press("Escape");
  await page.waitForSelector("h1:has-text('Railways')");
  assert.deepEqual(await app.titles(), ["Railways"]);
});

test("a new title is not undone by a list that was asked for before", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  const late = [];
  await page.route(/\/users\/[^/]+\/sessions/, async (route) => {
    const response = await route.fetch();
    late.push(() => route.fulfill({ response }));
  });
  await app.say("About trains");
  await eventually("the list is asked for", () => late.length > 0);
  await page.locator(".session-link").first().focus();
  await page.keyboard.press("F2");
  await page.keyboard.type("Railways");
  await page.keyboard.press("Enter");
  await page.waitForSelector("h1:has-text('Railways')");
  for (const answer of late.splice(0)) await Promise.all([page.waitForResponse(/\/sessions/), answer()]);
  await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.deepEqual(await app.titles(), ["Railways"]);
  await page.unrouteAll({ behavior: "wait" });
});

test("a deleted session can be brought back", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("About trains");
  const address = page.url();
  await app.choose("Delete");
  await page.waitForSelector(".empty:has-text('No sessions yet')");
  await page.click(".toast >> text=Undo");
  await app.shows("About trains", "Fine.");
  assert.equal(page.url(), address);
});

test("bringing a session back is tried again by itself, and offered again when that was in vain", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_|503/] });
  const { page } = app;
  const keys = new Set();
  let fails = 1;
  await page.route(/\/restore$/, async (route) => {
    keys.add(await route.request().headerValue("idempotency-key"));
    // The first time it is done all the same, and nobody hears of it.
    if (fails === 1) await route.fetch();
    return (fails -= 1) < 0 ? route.continue() : route.abort("connectionreset");
  });
  const undo = page.locator(".toast").getByRole("button", { name: "Undo" });
  for (const times of [1, 3]) {
    await app.home();
    await app.say("About trains");
    await app.choose("Delete");
    fails = times;
    await undo.click();
    if (times > 1) await page.locator(".toast", { hasText: "is still deleted" }).waitFor();
    if (times > 1) await undo.click();
    await app.shows("About trains", "Fine.");
  }
  assert.equal(keys.size, 2);
});

test("Undo waits for whoever is at it, as long as the service can do it", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("About trains");
  await page.clock.install();
  await app.choose("Delete");
  const undo = page.locator(".toast").getByRole("button", { name: "Undo" });
  await undo.focus();
  await page.clock.runFor(50_000);
  assert.equal(await undo.count(), 1);
  await page.clock.runFor(15_000);
  assert.equal(await undo.count(), 0);
});

test("sessions are found by titles and by what was said", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("The lighthouse is white");
  await app.home();
  await app.say("Something else");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("lightho");
  await page.waitForSelector(".hit mark:has-text('lighthouse')");
  await page.click(".hit");
  await app.shows("The lighthouse is white", "Fine.");
  assert.match(page.url(), /\/m\/1$/);
  await page.fill("#search", "zebra");
  await page.waitForSelector("text=Nothing says “zebra”.");
  await page.focus("#search");
  await page.keyboard.press("Escape");
  await eventually("the list is back", async () => (await app.titles()).length === 2);
});

test("a session is exported", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("About trains");
  for (const [format, name] of [["Markdown", /\.md$/], ["JSON", /\.json$/]]) {
    await page.click("#bar-tools [aria-label=More]");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`[role=menuitem]:has-text('${format}')`)]);
    assert.match(download.suggestedFilename(), name);
  }
});

test("what ends soon says so and is kept; what has ended says so", async (t) => {
  const app = await openApp(t, server, { errors: [/404/] });
  const { page } = app;
  const user = await app.user();
  const { session_id: id } = await server.ask("POST", "/sessions", { user_id: user, title: "Short", ttl_seconds: 60 });
  await page.clock.install();
  await page.goto(`${server.url}/#/s/${id}`);
  await page.reload();
  await page.waitForSelector("h1:has-text('Short')");
  const before = (await server.ask("GET", `/sessions/${id}`)).expires_at;
  await page.clock.fastForward(50_000);
  await page.click(".expiry.is-near >> text=Keep");
  await eventually("it is kept", async () => (await server.ask("GET", `/sessions/${id}`)).expires_at > before);
  await server.ask("DELETE", `/sessions/${id}`);
  await page.clock.fastForward(120_000);
  await page.waitForSelector("#expired");
  assert.ok(await page.isDisabled("#message"));
});

test("a first message is said where this browser keeps nothing", async (t) => {
  const page = await newPage(t);
  await page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  });
  const app = new App(page);
  await app.open(server.url);
  await app.send("Hello");
  await app.shows("Hello", "Fine.");
});

test("whoever opens another session while one begins stays there, with what is being written", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("About trains");
  const trains = page.url();
  await app.home();
  let begin;
  await page.route(/\/sessions$/, async (route) => {
    await new Promise((resolve) => (begin = resolve));
    await route.continue();
  });
  await app.send("About boats");
  await eventually("it is beginning", () => begin);
  await app.sessions.getByRole("link", { name: "About trains" }).click();
  await app.shows("About trains", "Fine.");
  await app.box.fill("Half a sent");
  begin();
  await app.sessions.getByRole("link", { name: "About boats" }).waitFor();
  assert.equal(page.url(), trains);
  assert.equal(await app.box.inputValue(), "Half a sent");
  await app.sessions.getByRole("link", { name: "About boats" }).click();
  await app.shows("About boats", "Fine.");
  assert.equal(await app.box.inputValue(), "");
});

test("a session that was begun without this page hearing of it is not begun again", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_/] });
  const { page } = app;
  await page.route(/\/sessions$/, async (route) => {
    await route.fetch();
    await route.abort("connectionreset");
  });
  await app.send("About boats");
  const again = page.locator("#thread").getByRole("button", { name: "Try again" });
  await again.waitFor();
  assert.equal(await app.box.inputValue(), "About boats");
  await page.unroute(/\/sessions$/);
  await again.click();
  await app.shows("About boats", "Fine.");
  assert.equal(await app.box.inputValue(), "");
  assert.equal((await server.ask("GET", `/users/${await app.user()}/sessions`)).sessions.length, 1);
});

const kept = (page) => page.evaluate(() => Object.keys(localStorage).filter((key) => /^(draft|unsent):/.test(key)));

test("what is being written in a session goes with it, when that cannot be taken back any more", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await page.clock.install();
  for (const [text, isBack] of [["About trains", true], ["About boats", false]]) {
    await app.home();
    await app.say(text);
    await app.box.fill("Half a sent");
    const id = await app.sessionId();
    await app.choose("Delete");
    await page.locator(".toast", { hasText: `Deleted “${text}”` }).waitFor();
    await page.clock.runFor(5000);
    assert.deepEqual(await kept(page), [`draft:${id}`]);
    if (isBack) await page.click(".toast >> text=Undo");
    if (isBack) await app.shows(text, "Fine.");
    await page.clock.runFor(60_000);
    assert.deepEqual(await kept(page), isBack ? [`draft:${id}`] : []);
    if (isBack) assert.equal(await app.box.inputValue(), "Half a sent");
    if (isBack) await app.box.fill("");
  }
});

test("a computer whose clock is wrong shows the sessions, and when they end", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await app.say("Hello");
  for (const hours of [2, -2]) {
    const { session_id: id } = await server.ask("POST", "/sessions", { user_id: await app.user(), title: `Short ${hours}`, ttl_seconds: 60 });
    await page.clock.install({ time: Date.now() + hours * 3_600_000 });
    await page.goto(`${server.url}/#/s/${id}`);
    await page.reload();
    await page.locator("h1", { hasText: "Short" }).waitFor();
    await eventually("it is listed", async () => (await app.titles()).includes(`Short ${hours}`) && (await app.titles()).includes("Hello"));
    await page.clock.fastForward(45_000);
    await page.locator("#bar .expiry.is-near", { hasText: /expires in \d+ s/ }).waitFor();
  }
  // Where answers have a date, it counts.
  await page.route(/\/(users|sessions)\//, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), date: new Date(Date.now() + 600_000).toUTCString() } });
  });
  await page.reload();
  await eventually("what has ended is not listed", async () => (await app.titles()).join() === "Hello");
  await page.unrouteAll({ behavior: "wait" });
});

test("what was left behind by sessions that have ended is cleared away", async (t) => {
  const app = await openApp(t, server, { errors: [/404/] });
  const { page } = app;
  const { session_id: other } = await server.ask("POST", "/sessions", { user_id: "somebody" });
  await app.box.fill("Mine");
  await page.evaluate((other) => {
    localStorage.setItem(`draft:${other}`, "Not listed, but alive");
    localStorage.setItem("draft:gone-1", "Gone");
    localStorage.setItem("unsent:gone-1:key", JSON.stringify({ message: "Gone", at: 1 }));
  }, other);
  await page.clock.install();
  await page.reload();
  await app.sessions.getByText("No sessions yet").waitFor();
  let now;
  await eventually(() => `only what can be used is kept; there is ${now}`, async () => {
    await page.clock.runFor(10_000);
    now = (await kept(page)).sort().join();
    return now === ["draft:new", `draft:${other}`].sort().join();
  });
});

test("a first message that is written and sent offline is said when the network is back", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_/] });
  const { page } = app;
  await page.waitForLoadState("networkidle");
  await page.context().setOffline(true);
  await app.send("Hello");
  const again = page.locator("#thread").getByRole("button", { name: "Try again" });
  await again.waitFor();
  await page.context().setOffline(false);
  await again.click();
  await app.shows("Hello", "Fine.");
});
