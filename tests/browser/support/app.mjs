// The page at /, as a person uses it: what is said, what is seen, in a few words. All tests of the page go through it;
// what only one of them looks at it finds itself, in `app.page`.
import { eventually, newContext } from "./browser.mjs";

/**
 * A tab of the page in a context of its own, or in one that is given; ready when the list of sessions is there.
 * @param {import("node:test").TestContext} t
 * @param {{ url: string }} server
 * @param {object} [options] those of `newContext`; `path` behind the address; `context` to share cookies and storage
 */
export async function openApp(t, server, { path = "/", context, ...options } = {}) {
  const app = new App(await (context ?? (await newContext(t, options))).newPage());
  await app.open(server.url + path);
  return app;
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

  /** Goes to an address; waits until the list of sessions is there. */
  async open(url) {
    await this.page.goto(url);
    await this.page.locator("#session-list[aria-busy=false]").waitFor({ state: "attached" });
  }

  /** Another tab of the same person, on what this one shows. */
  async tab() {
    const other = new App(await this.page.context().newPage());
    await other.open(this.page.url());
    return other;
  }

  /** Leaves the session that is shown for the first view; waits until it is there. */
  async home() {
    await this.page.click(".brand-name");
    await this.page.locator("#thread > .hero").waitFor();
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

  /** Waits until nothing is being loaded or written. */
  async idle() {
    await this.page.locator("#thread .skeleton").waitFor({ state: "detached" });
    await this.button("Send", { exact: true }).waitFor();
    await this.live.waitFor({ state: "detached" });
  }

  /** The text of the last answer that is whole, as it is now: it may be drawn anew. To wait for one, see `answered` and `shows`. */
  lastAnswer() {
    return this.answers.last().locator(".message-body").innerText();
  }

  /** Waits until the last answer reads so, and is whole. */
  async answered(text) {
    await eventually(`the answer "${text}"`, async () => (await this.live.count()) === 0 && (await this.answers.count()) > 0 && (await this.lastAnswer()) === text);
    await this.idle();
  }

  /** The id in the address. */
  async sessionId() {
    const id = await eventually("a session in the address", () => /#\/s\/([^/?]+)/.exec(this.page.url())?.[1]);
    return decodeURIComponent(id);
  }

  button(name, options = {}) {
    return this.page.getByRole("button", { name, ...options });
  }

  /** Chooses something from the menu of the session that is shown. */
  async choose(name) {
    await this.page.locator("#bar").getByRole("button", { name: "More", exact: true }).click();
    await this.page.getByRole("menuitem", { name }).click();
  }

  /** The name of the user in open mode. */
  user() {
    return this.page.evaluate(() => localStorage.getItem("user"));
  }

  /** What the conversation shows, in its order, with what is being written. */
  texts() {
    // What is far off the screen has no text as it is seen.
    return this.page.locator("#thread .message:visible .message-body").evaluateAll((all) => all.map((body) => body.textContent.trim()));
  }

  /** Waits until the conversation shows exactly this. */
  async shows(...expected) {
    let now;
    const isSo = async () => JSON.stringify((now = await this.texts())) === JSON.stringify(expected);
    await eventually(() => `the conversation is ${JSON.stringify(expected)}; it is ${JSON.stringify(now)}`, isSo);
  }

  /** The titles in the list. */
  titles() {
    return this.sessions.locator(".session-name").allTextContents();
  }
}
