// The page of a system that this one replaces, put as it is where README says. The one here is a stand-in: it makes the
// calls of the Nono chat bot's page and reads the fields that it reads, in an inline script under an inline style.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { eventually, newContext } from "./support/browser.mjs";
import { root, startServer } from "./support/server.mjs";

const PAGE = `<!doctype html>
<html lang="en"><head><title>Moved</title><style>.active { font-weight: 700 }</style></head><body>
<p id="said"></p><ul id="list"></ul>
<script>
  let current;
  const call = async (path, body) => {
    const response = await fetch(path, { method: body ? "POST" : "GET", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    return response.json();
  };
  const say = (text) => { document.getElementById("said").textContent += text + "|"; };
  const create = async (user_id, persona) => {
    const created = await call("/api/session/create", { user_id, persona, metadata: { created_at: new Date().toISOString() } });
    current = created.session_id;
    document.getElementById("said").textContent = "";
    return created.user_id;
  };
  const send = async (user_message) => {
    const answer = await call("/api/chat", { session_id: current, user_message, persona_name: "default" });
    say(answer.response ?? "error: " + answer.detail);
  };
  const open = async (session_id, user_id) => {
    current = session_id;
    document.getElementById("said").textContent = "";
    const history = await call("/api/session/" + user_id + "/history?session_id=" + session_id);
    for (const { role, content } of history.messages) say(role + ": " + content);
  };
  const show = async () => {
    const list = document.getElementById("list");
    list.replaceChildren();
    for (const session of (await call("/api/sessions")).sessions) {
      const item = list.appendChild(document.createElement("li"));
      item.className = session.session_id === current ? "active" : "";
      item.textContent = session.user_id + ", " + session.persona + ", " + new Date(session.created_at).getFullYear();
      item.onclick = () => open(session.session_id, session.user_id);
    }
  };
  // Clicked before the first answer.
  call("/api/sessions");
  create("user_" + Date.now());
</script></body></html>`;

/** A folder like the repository's, with the page in it. */
function moved() {
  const folder = mkdtempSync(join(tmpdir(), "moved-"));
  after(() => rmSync(folder, { recursive: true }));
  for (const name of ["src", "dist", "node_modules"]) symlinkSync(join(root, name), join(folder, name));
  for (const name of ["wrangler.toml", "public"]) cpSync(join(root, name), join(folder, name), { recursive: true });
  mkdirSync(join(folder, "public/moved"));
  writeFileSync(join(folder, "public/moved/nono.html"), PAGE);
  return folder;
}

test("a page with script and style of its own works, for each visitor with their sessions", async (t) => {
  const server = await startServer({ AUTH_MODE: "visitor", VISITOR_SECRET: "0123456789abcdef0123456789abcdef" }, moved());
  t.after(() => server.close());

  const open = async () => {
    const page = await (await newContext(t, { errors: [/favicon/, /422/] })).newPage();
    await page.goto(`${server.url}/moved/nono.html`);
    await eventually("a session has begun", () => page.evaluate("current !== undefined"));
    return page;
  };
  const list = async (page) => {
    await page.evaluate("show()");
    return page.locator("li").allTextContents();
  };
  const page = await open();
  assert.equal((await page.context().cookies()).length, 1);
  const year = new Date().getFullYear();

  await page.evaluate(`send("Hi, my name is John")`);
  assert.match(await page.textContent("#said"), /John/);
  assert.equal(await page.evaluate(`create("Ada", "technical_support")`), "Ada");
  await page.evaluate(`send("   ")`);
  assert.match(await page.textContent("#said"), /^error: [^[]/);
  const shown = await list(page);
  assert.deepEqual([shown.length, shown[0]], [2, `Ada, technical_support, ${year}`]);
  assert.equal(await page.locator("li.active").textContent(), shown[0]);
  await page.locator("li").nth(1).click();
  await eventually("its history", async () => /^user: Hi, my name is John\|assistant: /.test(await page.textContent("#said")));
  assert.equal((await list(await open())).length, 1);
});
