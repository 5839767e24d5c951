// The page at /, as a person uses it: finds things by what they are called, and knows no class names but those of messages.
import { eventually, newContext } from "./browser.mjs";

/**
 * A tab of the page in a context of its own, or in one that is given.
 * @param {import("node:test").TestContext} t
 * @param {{ url: string }} server
 * @param {object} [options] those of `newContext`; `path` behind the address; `context` to share cookies and storage
 */
export async function openApp(t, server, { path = "/", context, ...options } = {}) {
  const page = await (context ?? (await newContext(t, options))).newPage();
  await page.goto(server.url + path);
  return new App(page);
}

export class App {
  /** @param {import("playwright-core").Page} page */
  constructor(page) {
    this.page = page;
    this.box = page.getByRole("textbox", { name: "Message", exact: true });
    this.sessions = page.getByRole("navigation", { name: "Your sessions" });
    this.answers = page.locator("article.from-assistant:not(.is-live)");
    this.questions = page.locator("article.from-user");
    this.live = page.locator("article.is-live");
  }

  /** Writes and sends. */
  async send(text) {
    await this.box.fill(text);
    await this.box.press("Enter");
  }

  /** The same, and waits for the whole answer; its text. */
  async say(text) {
    const before = await this.answers.count();
    await this.send(text);
    await eventually(`an answer to ${text}`, async () => (await this.answers.count()) > before);
    await this.idle();
    return this.lastAnswer();
  }

  /** Waits until nothing is being written. */
  async idle() {
    await this.button("Send", { exact: true }).waitFor();
    await this.live.waitFor({ state: "detached" });
  }

  /** The text of the last answer that is whole. */
  lastAnswer() {
    return this.answers.last().locator(".message-body").innerText();
  }

  /** The id in the address. */
  async sessionId() {
    const id = await eventually("a session in the address", () => /#\/s\/([^/?]+)/.exec(this.page.url())?.[1]);
    return decodeURIComponent(id);
  }

  button(name, options = {}) {
    return this.page.getByRole("button", { name, ...options });
  }

  /** Waits until the last answer reads so. */
  async answered(text) {
    await eventually(`the answer "${text}"`, async () => (await this.live.count()) === 0 && (await this.answers.count()) > 0 && (await this.lastAnswer()) === text);
    await this.idle();
  }

  /** The texts of everything that was said, in order. */
  texts() {
    // What is far off the screen has no text as it is seen.
    return this.page.locator("article.from-user .message-body, article.from-assistant .message-body").evaluateAll((all) => all.map((body) => body.textContent.trim()));
  }
}
