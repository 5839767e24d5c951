// What people, models and other clients write is text: nothing of it runs, leaves the page or looks like a part of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openApp } from "./support/app.mjs";
import { eventually } from "./support/browser.mjs";
import { serve } from "./support/service.mjs";

/** Each would set `globalThis.harmed`, ask `evil.example`, or send the reader there, where text is taken for more. */
const CORPUS = [
  "<script>harmed=1</script>",
  "<img src=x onerror=harmed=1>",
  "<svg onload=harmed=1><use href='https://evil.example/x#y'/></svg>",
  "<iframe srcdoc='<script>parent.harmed=1</script>'></iframe>",
  "<a href='javascript:harmed=1'>click</a>",
  "[click](javascript:harmed=1)",
  "[click](JaVaScRiPt&colon;harmed=1)",
  "[click](&#106;avascript:harmed=1)",
  "[click](data:text/html,<script>harmed=1</script>)",
  "[click](vbscript:harmed)",
  "![x](https://evil.example/pixel.png)",
  "![x](javascript:harmed=1)",
  "<javascript:harmed=1>",
  "[x]: javascript:harmed=1\n\n[x]",
  "<style>*{display:none}</style>",
  "<form action=https://evil.example><button>go</button></form>",
  "<base href=https://evil.example/>",
  "<meta http-equiv=refresh content='0;url=https://evil.example'>",
  "```html\n<script>harmed=1</script>\n```",
  "```\"><img src=x onerror=harmed=1>\ncode\n```",
  "`<img src=x onerror=harmed=1>`",
  "| <img src=x onerror=harmed=1> |\n|---|\n| <script>harmed=1</script> |",
  "<div id=app><input name=message><form id=composer>",
  "\u202Egnp.exe \u0000 \uFEFF {{constructor.constructor('harmed=1')()}}",
  "https://evil.example/\"onmouseover=\"harmed=1",
  "<details open ontoggle=harmed=1>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=harmed=1>",
];
const ALL = CORPUS.map((text) => text.replaceAll("\u0000", "")).join("\n\n");
const LINE = "<img src=x onerror=harmed=1><script>harmed=1</script>";

const PERSONAS = JSON.stringify({ evil: { name: LINE, description: LINE, instructions: "" } });

const { server, model } = await serve(() => [{ text: ALL }, { finish: "stop" }, { usage: [1, 1] }, { done: true }], { PERSONAS });

/** The page, watched for whatever leaves it. */
async function open(t, path) {
  const app = await openApp(t, server, { path });
  const asked = [];
  app.page.on("request", (request) => asked.push(request.url()));
  return { app, asked };
}

/** Nothing has run, nothing was asked elsewhere, and every link leads where links may. */
async function assertHarmless({ app, asked }) {
  await app.page.evaluate(() => new Promise(requestAnimationFrame));
  assert.equal(await app.page.evaluate(() => globalThis.harmed), undefined);
  assert.deepEqual(asked.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:") && !url.startsWith("blob:")), []);
  const links = await app.page.locator("a[href]").evaluateAll((all) => all.map((link) => [link.protocol, link.origin === location.origin, link.rel]));
  for (const [protocol, isOwn, rel] of links) {
    assert.ok(["http:", "https:", "mailto:"].includes(protocol), protocol);
    assert.ok(isOwn || (rel.includes("noopener") && rel.includes("noreferrer")), rel);
  }
  const foreign = "main script, main iframe, main style, main form:not(#composer, .edit-box, .dialog), main base, main meta, main img[src^=http]";
  assert.equal(await app.page.locator(foreign).count(), 0);
  assert.equal(await app.page.locator("#app").count(), 1);
}

test("in messages, of people and of models, while they come and afterwards", async (t) => {
  const watched = await open(t);
  const { app } = watched;
  await app.send(ALL);
  await eventually("an answer", async () => (await app.answers.count()) === 1 && (await app.live.count()) === 0);
  await assertHarmless(watched);
  assert.ok((await app.questions.first().innerText()).includes("<script>harmed=1</script>"), "it is shown as it was written");
  await app.page.reload();
  await eventually("an answer", async () => (await app.answers.count()) === 1);
  await assertHarmless(watched);
});

test("in pieces: a stream may end a chunk anywhere", async (t) => {
  const pieces = ALL.match(/[\s\S]{1,7}/g);
  model.script = () => [...pieces.map((text) => ({ text })), { finish: "stop" }, { usage: [1, 1] }, { done: true }];
  const watched = await open(t);
  await watched.app.send("Go");
  await eventually("an answer", async () => (await watched.app.answers.count()) === 1 && (await watched.app.live.count()) === 0);
  await assertHarmless(watched);
});

// Not among the others: with it they would be taken for plain text, too.
test("nested deeper than a stack reaches: while it comes and afterwards it is the text it is", async (t) => {
  const deep = `First\n\n${">".repeat(4000)} <img src=x onerror=harmed=1>`;
  model.script = () => [{ text: deep.slice(0, 3000) }, { text: deep.slice(3000) }, { gate: true }, { text: "\n\nEnd" }, { finish: "stop" }, { usage: [1, 1] }, { done: true }];
  const watched = await open(t);
  const { app } = watched;
  await app.send("Go");
  await eventually("it is shown while it comes", async () => (await app.live.locator(".message-body").textContent()) === deep);
  model.open();
  await app.shows("Go", `${deep}\n\nEnd`);
  await assertHarmless(watched);
  await app.page.reload();
  await app.shows("Go", `${deep}\n\nEnd`);
  await assertHarmless(watched);
});

test("in titles, names, personas, memory, and what a search finds", async (t) => {
  const watched = await open(t);
  const { app } = watched;
  await app.button("New session", { exact: true }).click();
  await app.page.getByRole("radio").first().waitFor();
  await app.page.getByRole("radio").last().check({ force: true });
  await app.page.getByLabel("Your display name").fill(LINE);
  await app.page.getByLabel("Title").fill(LINE);
  await app.button("Create session").click();
  const id = await app.sessionId();
  const user = await app.page.evaluate(() => localStorage.getItem("user"));
  await server.ask("PUT", `/users/${user}/memory/${encodeURIComponent(LINE)}`, { value: { [LINE]: [LINE] } });
  await server.ask("PUT", `/sessions/${id}/memory/x`, { value: LINE });
  await server.ask("POST", `/sessions/${id}/messages`, { messages: [{ role: "user", content: `harmless ${LINE}` }, { role: "system", content: LINE }, { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: { name: "look", arguments: LINE } }] }, { role: "tool", tool_call_id: "c", content: LINE }] });
  await app.page.reload();
  await app.page.getByText(`harmless ${LINE}`).first().waitFor();
  await assertHarmless(watched);
  await app.button("Memory, context and statistics").click();
  for (const tab of ["Memory", "Context", "Statistics"]) {
    await app.page.getByRole("tab", { name: tab }).click();
    await app.page.locator("[role=tabpanel][aria-busy=false]").waitFor();
    await assertHarmless(watched);
  }
  await app.page.getByRole("searchbox").click();
  await app.page.getByRole("searchbox").pressSequentially("harmless", { delay: 50 });
  await app.sessions.locator("mark").first().waitFor();
  await assertHarmless(watched);
});

for (const path of ["/#/s/<img src=x onerror=harmed=1>", "/#/s/%22%3E%3Cscript%3Eharmed=1%3C/script%3E", "/#/s/a/b?c", "/#javascript:harmed=1"])
  test(`in the address: ${path}`, async (t) => {
    const app = await openApp(t, server, { path, errors: [/40\d/] });
    await app.button("New session", { exact: true }).waitFor();
    await assertHarmless({ app, asked: [] });
  });
