// The web page as tests use it: what a person does and sees, in a few words.
import { eventually } from "./browser.mjs";

/** Opens the page; waits until the list is there. */
export async function open(page, address) {
  await page.goto(address);
  await page.waitForSelector("#session-list[aria-busy=false]", { state: "attached" });
}

/** Writes a message and sends it. */
export async function say(page, text) {
  await page.fill("#message", text);
  await page.click("#send[aria-label=Send]");
}

/** What the conversation shows, in its order. */
export const texts = (page) => page.locator("#thread .message:visible .message-body").allTextContents();

/** Waits until the conversation shows exactly this. */
export const shows = (page, ...expected) => eventually(`the conversation is ${JSON.stringify(expected)}`, async () => {
  const now = await texts(page);
  return now.length === expected.length && now.every((text, index) => text === expected[index]);
}).catch(async (error) => {
  throw new Error(`${error.message}; it is ${JSON.stringify(await texts(page))}`);
});

/** Says something and waits for the answer. */
export async function exchange(page, text, answer) {
  await say(page, text);
  await page.locator(".from-assistant:not(.is-live) .message-body", { hasText: answer }).last().waitFor();
  await page.waitForSelector("#send[aria-label=Send]");
}

/** The titles in the list. */
export const titles = (page) => page.locator(".session-name").allTextContents();
