// `npm run screenshots`: pictures of the page for README.md, of a conversation that is the same each time.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium as engine } from "playwright-core";
import { chromium } from "../../tools/chromium.mjs";
import { App } from "./support/app.mjs";
import { saying, startModel } from "./support/model.mjs";
import { root, startServer } from "./support/server.mjs";

const FOLDER = join(root, "tests/browser/screenshots");
const SAID = [
  ["Hi, I'm Ada. I live in Sofia and I prefer short answers.", "Nice to meet you, Ada. I will keep it short."],
  [
    "How do I read a file line by line in Rust?",
    "Wrap it in a `BufReader`, then iterate over `lines()`:\n\n```rust\nuse std::{fs::File, io::{BufRead, BufReader}};\n\nfn main() -> std::io::Result<()> {\n    for line in BufReader::new(File::open(\"tea.txt\")?).lines() {\n        println!(\"{}\", line?);\n    }\n    Ok(())\n}\n```\n\nEach `line` is a `Result`, since reading can fail halfway.",
  ],
];
const SHOTS = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 880 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 880 }, hasPanel: true },
  { name: "phone", colorScheme: "light", viewport: { width: 390, height: 760 } },
];

const model = await startModel((body) => saying(SAID.find(([question]) => body.messages.at(-1).content === question)?.[1] ?? "Certainly."));
const server = await startServer({ ...model.variables, MAX_SESSIONS_PER_USER: "20" });
const browser = await engine.launch({ executablePath: chromium(), args: ["--no-sandbox", "--disable-dev-shm-usage"] });
mkdirSync(FOLDER, { recursive: true });
for (const { name, hasPanel, ...options } of SHOTS) {
  const context = await browser.newContext({ locale: "en-GB", reducedMotion: "reduce", ...options });
  const app = new App(await context.newPage());
  await app.page.goto(server.url);
  await app.page.getByRole("heading", { name: "What would you like to talk about?" }).waitFor();
  const user_id = await app.page.evaluate(() => localStorage.getItem("user"));
  for (const title of ["Names for a tea shop", "A weekend in Plovdiv", "Sourdough that fails"]) await server.ask("POST", "/sessions", { user_id, title });
  for (const [question] of SAID) await app.say(question);
  // Code gets its colours when what draws it has come.
  await app.page.locator(".hl-keyword").first().waitFor();
  if (hasPanel) {
    await app.button("Memory, context and statistics").click();
    await app.page.locator("[role=tabpanel][aria-busy=false]").waitFor();
  }
  await app.box.blur();
  await app.page.screenshot({ path: join(FOLDER, `${name}.png`) });
  if (name === "light") {
    await app.page.goto(`${server.url}/docs/#chat`);
    await app.page.locator("#chat").waitFor();
    await app.page.screenshot({ path: join(FOLDER, "reference.png") });
  }
  await context.close();
}
await browser.close();
await server.close();
model.close();
console.log(`${SHOTS.length + 1} pictures in tests/browser/screenshots`);
