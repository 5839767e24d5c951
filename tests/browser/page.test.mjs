// The page as a whole: what it does with hostile text, that everybody can use it, what it says when it cannot work, what
// it weighs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { App, openApp } from "./support/app.mjs";
import { assertAccessible, eventually, newPage } from "./support/browser.mjs";
import { saying } from "./support/model.mjs";
import { root, startServer } from "./support/server.mjs";
import { serve } from "./support/service.mjs";

const MARKDOWN = `# Title

Some **bold**, *thin*, ~~gone~~ and \`code\`. A [link](https://example.com/a?b=1&c=2), a [mail](mailto:a@example.com), &amp; &lt;.

- [x] done
- one
  1. two

| a | b |
|---|--:|
| 1 | 2 |

> quoted

\`\`\`js
const answer = 42; // yes
\`\`\`

<img src=x onerror="globalThis.hacked = true"> <script>globalThis.hacked = true</script>

[a](javascript:globalThis.hacked=true) [b](data:text/html,x) ![picture](https://example.com/p.png) <javascript:alert(1)>

End.`;

const { server, model } = await serve(() => saying("Fine."));

test("Markdown is shown as what it means, and nothing in it runs or loads", async (t) => {
  const page = await newPage(t);
  const app = new App(page);
  const foreign = [];
  page.on("request", (request) => request.url().startsWith(server.url) || foreign.push(request.url()));
  await app.open(server.url);
  model.script = () => [{ text: MARKDOWN }, ...saying("")];
  await app.say("<b>Show</b> me **everything**");
  const answer = page.locator(".from-assistant .message-body");
  const html = (selector) => answer.locator(selector).allTextContents();
  assert.deepEqual(await html("h2"), ["Title"]);
  assert.deepEqual(await html("strong"), ["bold"]);
  assert.deepEqual(await html("td"), ["1", "2"]);
  assert.deepEqual(await html("blockquote"), ["quoted"]);
  await answer.locator(".hl-keyword", { hasText: "const" }).waitFor();
  const links = await answer.locator("a").evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.rel, a.target]));
  assert.deepEqual(links, ["https://example.com/a?b=1&c=2", "mailto:a@example.com", "https://example.com/p.png"].map((href) => [href, "noopener noreferrer", "_blank"]));
  assert.equal(await answer.locator("img, script, iframe, [onerror]").count(), 0);
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
  assert.deepEqual(await page.locator(".from-user .message-body").allTextContents(), ["<b>Show</b> me **everything**"]);
  assert.deepEqual(foreign, []);
});

for (const colorScheme of ["light", "dark"])
  test(`everybody can use it: ${colorScheme}`, async (t) => {
    const app = await openApp(t, server, { colorScheme, reducedMotion: "reduce", errors: [/ERR_|404|410/] });
    const { page } = app;
    await page.waitForSelector(".persona-pick");
    await assertAccessible(page, "a new session");
    // Twice the same: two tables, two blocks of code.
    model.script = () => [{ text: `${MARKDOWN}\n\n${MARKDOWN}` }, ...saying("")];
    await app.say("Hi, my name is Ada");
    await page.locator(".hl-keyword").first().waitFor();
    await assertAccessible(page, "a conversation");
    await page.click("#bar-tools [aria-label=More]");
    await assertAccessible(page, "a menu");
    await page.keyboard.press("Escape");
    await page.click(".title-button");
    await page.locator(".title-input").waitFor();
    await assertAccessible(page, "a title that is written in the bar");
    await page.keyboard.press("Escape");
    await page.locator(".session-link").first().focus();
    await page.keyboard.press("F2");
    await page.locator(".session-edit").waitFor();
    await assertAccessible(page, "a title that is written in the list");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Edit and send again" }).click();
    await page.locator(".edit-box").waitFor();
    await assertAccessible(page, "a message that is edited");
    await page.keyboard.press("Escape");
    for (const [text, found] of [["name", ".hit"], ["zebra", ".empty"]]) {
      await page.fill("#search", text);
      await page.locator(`#session-list ${found}`).first().waitFor();
      await assertAccessible(page, `a search for ${text}`);
    }
    await page.focus("#search");
    await page.keyboard.press("Escape");
    await page.click("#toggle-panel");
    await page.waitForSelector(".entry");
    await assertAccessible(page, "the memory");
    await page.click("#tab-context");
    await page.waitForSelector(".prompt-part");
    await assertAccessible(page, "the context");
    await page.click("#tab-statistics");
    await page.waitForSelector(".chart");
    await assertAccessible(page, "the statistics");
    await page.click("#new-session");
    await page.waitForSelector(".card");
    await assertAccessible(page, "the form");
    await page.keyboard.press("Escape");
    await page.locator("#log").click({ position: { x: 5, y: 5 } });
    await page.keyboard.press("?");
    await assertAccessible(page, "the sheet of keys");
    await page.keyboard.press("Escape");
    model.script = () => saying("Fine.");
    await app.home();
    await app.say("Goodbye");
    await app.choose("Delete");
    await page.locator(".toast", { hasText: "Deleted" }).waitFor();
    await assertAccessible(page, "a notice");
    await app.say("Hello");
    await page.context().setOffline(true);
    await app.send("Later");
    const problem = page.locator("#log .problem");
    await problem.waitFor();
    await page.locator(".banner").first().waitFor();
    await assertAccessible(page, "offline");
    await page.context().setOffline(false);
    await problem.waitFor({ state: "detached" });
    await app.idle();
    await server.ask("DELETE", `/sessions/${await app.sessionId()}`);
    await app.send("Too late");
    await page.locator("#expired").waitFor();
    await assertAccessible(page, "a session that has ended");
  });

test("on paper there is the conversation, all of it, dark on light, and nothing to press", async (t) => {
  const app = await openApp(t, server, { colorScheme: "dark", viewport: { width: 900, height: 400 } });
  const { page } = app;
  model.script = () => saying("Fine.\n\n".repeat(40));
  await app.say("Hello");
  await page.emulateMedia({ media: "print" });
  const [isWhole, paper] = await page.evaluate(() => {
    const log = document.querySelector("#log");
    return [log.clientHeight >= log.scrollHeight && log.clientHeight > 1000, getComputedStyle(document.documentElement).colorScheme];
  });
  assert.deepEqual([isWhole, paper], [true, "light"]);
  assert.equal(await page.locator("button:visible:not(.title-button)").count(), 0);
});

test("where colours are forced, what is chosen is outlined and switches are seen", async (t) => {
  const app = await openApp(t, server, { forcedColors: "active" });
  const { page } = app;
  model.script = () => saying("Fine.");
  await app.say("Hello");
  await page.click("#toggle-panel");
  await page.waitForSelector(".switch");
  const style = (selector, property) => page.locator(selector).first().evaluate((element, property) => getComputedStyle(element)[property], property);
  for (const chosen of [".session.is-current", ".tab[aria-selected=true]"]) assert.equal(await style(chosen, "outlineStyle"), "solid", chosen);
  assert.equal(await style(".switch input", "borderTopStyle"), "solid");
  await page.click("#new-session");
  await page.waitForSelector(".card");
  assert.equal(await style(".card:has(:checked)", "outlineStyle"), "solid");
});

test("notices stand over the message box, whatever is beside it", async (t) => {
  const app = await openApp(t, server, { viewport: { width: 1280, height: 700 } });
  const { page } = app;
  const middle = async (selector) => {
    const box = await page.locator(selector).last().boundingBox();
    return box ? box.x + box.width / 2 : Number.NaN;
  };
  for (const hasPanel of [false, true]) {
    await app.say("Hello");
    if (hasPanel) await page.click("#toggle-panel");
    await app.choose("Delete");
    await page.locator(".toast").last().waitFor();
    await eventually("both have one middle", async () => Math.abs((await middle(".toast")) - (await middle("#composer"))) < 2);
  }
});

test("on a phone the list is a drawer, and nothing is wider than the screen", async (t) => {
  const app = await openApp(t, server, { viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true, reducedMotion: "reduce" });
  const { page } = app;
  model.script = () => [{ text: MARKDOWN }, ...saying("")];
  await app.say("Hello");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  await page.click("#open-sidebar");
  await page.locator(".session-link").waitFor();
  await assertAccessible(page, "the drawer");
  await page.keyboard.press("Escape");
  await page.click("#open-sidebar");
  await app.sessions.getByRole("button").first().waitFor();
  const small = await page.evaluate(() => [...document.querySelectorAll("button, a.session-link, input:not(.card input)")].filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("[inert], .message, .scrim"))
    .map((one) => [one.id || one.className, one.getBoundingClientRect()]).filter(([, { width, height }]) => width > 0 && (width < 43 || height < 43)).map(([name]) => name));
  assert.deepEqual(small.filter((name) => name !== "scrim"), [], "targets below 44 px");
});

test("screen readers hear an answer once, when it is whole", async (t) => {
  const app = await openApp(t, server);
  const { page } = app;
  await page.evaluate(() => {
    globalThis.heard = [];
    new MutationObserver(() => {
      const text = document.querySelector("#announcer").textContent;
      if (text) globalThis.heard.push(text);
    }).observe(document.querySelector("#announcer"), { childList: true });
  });
  model.script = () => saying("One two three four.", 20);
  await app.say("Hello");
  await eventually("it is announced", () => page.evaluate(() => globalThis.heard.length > 0));
  assert.deepEqual(await page.evaluate(() => globalThis.heard), ["Assistant: One two three four."]);
  assert.equal(await page.locator("[aria-live]:not([aria-live=off])").count(), 1);
});

test("the theme that is chosen is there after a reload", async (t) => {
  const app = await openApp(t, server, { colorScheme: "light" });
  const { page } = app;
  await page.click("#theme");
  await page.click("#theme");
  await page.reload();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
});

test("of thousands of messages the newest are there at once, the others page by page", async (t) => {
  const MANY = 5000;
  const app = await openApp(t, server);
  const { page } = app;
  const lines = Array.from({ length: MANY }, (_, index) => JSON.stringify({ role: index % 2 ? "assistant" : "user", content: `Number ${index + 1}` }));
  const response = await fetch(`${server.url}/sessions/import?user_id=${await app.user()}`, { method: "POST", headers: { "content-type": "application/jsonl" }, body: lines.join("\n") });
  const { session_id: id } = await response.json();
  await page.goto(`${server.url}/#/s/${id}`);
  const shown = () => page.locator("[data-sequence]").evaluateAll((all) => all.map((one) => Number(one.dataset.sequence)));
  const range = (from) => Array.from({ length: MANY - from + 1 }, (_, index) => from + index);
  await page.locator(`[data-sequence="${MANY}"]`).waitFor();
  assert.ok(await page.locator(`[data-sequence="${MANY}"]`).evaluate((last) => last.getBoundingClientRect().bottom <= innerHeight), "the newest is in view");
  const first = (await shown()).length;
  assert.ok(first <= 100, `${first} at once`);

  // Whoever scrolls up gets a page at a time, and is not moved.
  const log = page.locator("#log");
  for (let count = first; count < 300; ) {
    await log.evaluate((log) => (log.scrollTop = 300));
    const before = count;
    await eventually("more than before", async () => (count = (await shown()).length) > before);
    assert.ok(count - before <= 100, `${count - before} at a time`);
    assert.ok((await log.evaluate((log) => log.scrollTop)) > 300, "what was read stays where it was");
  }
  const nodes = await page.evaluate(() => document.querySelectorAll("#thread *").length / document.querySelectorAll("[data-sequence]").length);
  assert.ok(nodes < 40, `${nodes} elements a message`);

  await page.evaluate((to) => (location.hash = to), `#/s/${id}/m/4321`);
  await page.locator("[data-sequence='4321'].is-target").waitFor();
  const now = await shown();
  assert.deepEqual(now, range(now[0]));
  assert.ok(now.length <= MANY - 4321 + 250, `${now.length} for a message that was asked for`);
});

test("visitors are told apart by a cookie that the page cannot see", async (t) => {
  model.script = () => saying("Fine.");
  const stranger = await newPage(t, { errors: [/404/] });
  const visited = await startServer({ ...model.variables, AUTH_MODE: "visitor", VISITOR_SECRET: "0123456789abcdef0123456789abcdef" });
  t.after(() => visited.close());
  const app = await openApp(t, visited, { errors: [/403/] });
  const { page } = app;
  await app.say("Hello");
  assert.deepEqual((await page.context().cookies()).map(({ name, httpOnly }) => [name, httpOnly]), [["visitor", true]]);
  assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.getItem("user")]), ["", null]);
  await page.click("#toggle-panel");
  await page.click("#tab-statistics");
  await page.waitForSelector("h3:has-text('Your sessions')");
  assert.equal(await page.locator("h3:has-text('The whole service')").count(), 0);
  await stranger.goto(page.url());
  await stranger.waitForSelector(".problem:has-text('not there any more')");
});

for (const [name, variables, status, words] of [
  ["takes keys alone", { AUTH_MODE: "keys", SERVICE_KEYS: JSON.stringify([{ name: "a", sha256: "0".repeat(64), scopes: ["read"] }]) }, /401/, "This service does not know you"],
  ["is not set up", { AUTH_MODE: "" }, /503/, "The service is not set up yet"],
])
  test(`a service that ${name} says what to do`, async (t) => {
    const page = await newPage(t, { errors: [status] });
    const refusing = await startServer(variables);
    t.after(() => refusing.close());
    await page.goto(refusing.url);
    await page.waitForSelector(`.problem:has-text('${words}')`);
    await page.waitForSelector(".problem:has-text('AUTH_MODE')");
    await assertAccessible(page, name);
  });

test("the first view does not wait for the service", async (t) => {
  const page = await newPage(t, { errors: [/ERR_/] });
  await page.route(({ pathname }) => /^\/(users|sessions|personas|health)/.test(pathname), () => {});
  await page.goto(server.url, { waitUntil: "commit" });
  for (const seen of ["#new-session", "#message", ".skeleton-list", ".brand-name"]) await page.waitForSelector(seen);
});

test("a part that could not be loaded is loaded when it is wanted again", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_FAILED/] });
  const { page } = app;
  for (const part of ["sessions/search", "panel/statistics", "highlight/core"]) await page.route(new RegExp(`${part}\\.js$`), (route) => route.abort());
  model.script = () => saying("```js\nconst lighthouse = 1;\n```");
  const refused = () => page.waitForEvent("requestfailed");
  await Promise.all([refused(), app.say("The lighthouse")]);
  await app.say("And another");
  await page.locator(".hl-keyword").first().waitFor();

  await Promise.all([refused(), page.focus("#search")]);
  await page.locator("#search").pressSequentially("lighthouse");
  await page.locator(".hit").first().waitFor();

  await page.click("#toggle-panel");
  await Promise.all([refused(), page.click("#tab-statistics")]);
  await page.locator("#panel").getByRole("button", { name: "Try again" }).click();
  await page.locator(".figure").first().waitFor();
});

test("where a part stays away the page offers to be loaded again, once the service answers", async (t) => {
  const app = await openApp(t, server, { errors: [/ERR_FAILED/] });
  const { page } = app;
  await page.route(/charts\.js$/, (route) => route.abort(), { times: 1 });
  await page.route(/health/, (route) => route.abort());
  await page.click("#toggle-panel");
  await page.click("#tab-statistics");
  const again = page.locator("#panel").getByRole("button", { name: "Try again" });
  await again.click();
  await again.click();
  await again.waitFor();
  assert.equal(await page.locator(".toast").count(), 0);
  await page.unroute(/health/);
  await again.click();
  await Promise.all([page.waitForEvent("load"), app.button("Load the page again").click()]);
  await page.click("#toggle-panel");
  await page.click("#tab-statistics");
  await page.locator(".figure").first().waitFor();
});

test("the page weighs less than 60 kB until somebody has said something", async (t) => {
  const page = await newPage(t);
  const loaded = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (/\.|^\/$/.test(pathname)) loaded.push(pathname);
  });
  await new App(page).open(server.url);
  await page.waitForSelector(".persona-pick");
  await page.waitForLoadState("networkidle");
  const file = (pathname) => join(root, "public", pathname === "/" ? "index.html" : pathname);
  const sizes = loaded.map((pathname) => gzipSync(readFileSync(file(pathname))).length);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  t.diagnostic(`${bytes} bytes in ${loaded.length} files`);
  assert.ok(bytes < 60_000, `${bytes} bytes: ${loaded.join(" ")}`);
  assert.deepEqual(loaded.filter((pathname) => pathname.startsWith("/vendor/")), []);
});
