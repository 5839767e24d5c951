// Chromium for a test file, and a page of its own for each test.
//
// A page fails its test by whatever it tells the console as an error: exceptions, requests that failed, and what its
// Content-Security-Policy has refused. What a test provokes it has to name.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium as engine } from "playwright-core";
import { chromium } from "../../../tools/chromium.mjs";

const PATIENCE_MS = 30_000;
const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
let launched;

function launch() {
  const executablePath = chromium();
  if (!executablePath) throw new Error("there is no Chromium");
  // In containers there is neither a sandbox for root nor much of /dev/shm.
  launched ??= engine.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  return launched;
}

after(async () => (await launched)?.close());

/**
 * A browser context of a test's own, closed at its end: what tabs share, cookies and storage.
 * @param {import("node:test").TestContext} t
 * @param {import("playwright-core").BrowserContextOptions & {errors?: RegExp[]}} [options] `errors`: what may be in the console
 */
export async function newContext(t, { errors = [], ...options } = {}) {
  const browser = await launch();
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC", ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const heard = listen(context);
  t.after(async () => {
    await context.close();
    const unexpected = heard.filter((line) => !errors.some((expected) => expected.test(line)));
    assert.deepEqual(unexpected, [], "errors in the console of the page");
  });
  return context;
}

/** A page in a context of its own. */
export async function newPage(t, options) {
  return (await newContext(t, options)).newPage();
}

/** Gathers what the pages of a context complain of. */
function listen(context) {
  const heard = [];
  context.on("console", (message) => {
    if (message.type() === "error") heard.push(`${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => heard.push(String(error.error().stack ?? error.error())));
  // Tells what was refused and by which rule, also where the console is silent.
  const tell = () =>
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`content security policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
    );
  // Before any page: Playwright keeps the order of its commands.
  context.addInitScript(tell);
  return heard;
}

/**
 * Checks a page as it is now against WCAG 2.2 AA and axe's best practices.
 * @param {import("playwright-core").Page} page
 * @param {string} state what is shown, for the message
 * @param {string} [part] a selector of the part that is looked at
 */
export async function assertAccessible(page, state, part = "html") {
  // Not as a script of the page, which its policy would refuse.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((part) => globalThis.axe.run(part, { resultTypes: ["violations"] }), part);
  const lines = violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}\n    ${node.html}\n    ${node.failureSummary}`));
  assert.equal(lines.length, 0, `axe, ${state}:\n${lines.join("\n")}`);
}

/**
 * Waits until `condition` gives something that is true; gives it.
 * @template T
 * @param {string | (() => string)} what it is; a function is asked when it did not come
 * @param {() => Promise<T> | T} condition
 */
export async function eventually(what, condition) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const value = await condition();
    if (value) return value;
  }
  throw new assert.AssertionError({ message: `not within ${PATIENCE_MS / 1000} s: ${typeof what === "string" ? what : what()}` });
}
