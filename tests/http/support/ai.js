// Stands in for the Workers AI binding, which needs an account: says what it was asked, in the shape of its streams. Other
// models of its misbehave, and @cf/witness tells what became of them.
import { WorkerEntrypoint } from "cloudflare:workers";

export default {};

// How often @cf/silent and @cf/endless were asked, and how many of their streams were cancelled.
let silent = 0;
let endless = 0;
let cancelled = 0;

const LONG_MS = 60_000;
const LATE_MS = 1000;

/** A stream of what is said, in as many chunks; then it ends, or waits until it is cancelled. */
function stream(words, ends = true) {
  const chunks = words.map((response) => ({ response }));
  if (ends) chunks.push({ response: "", usage: { prompt_tokens: 2, completion_tokens: 3 } });
  const lines = chunks.map((chunk) => JSON.stringify(chunk));
  if (ends) lines.push("[DONE]");
  const encoder = new TextEncoder();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const line = lines.shift();
      if (line !== undefined) controller.enqueue(encoder.encode(`data: ${line}\n\n`));
      else if (ends) controller.close();
      else await scheduler.wait(LONG_MS);
    },
    cancel() {
      cancelled += 1;
    },
  });
}

export class Ai extends WorkerEntrypoint {
  async run(model, inputs) {
    switch (model) {
      case "@cf/stand-in":
        return stream(["You said: ", inputs.messages.at(-1).content, "."]);
      case "@cf/endless":
        endless += 1;
        return stream(["Once ", "upon "], false);
      case "@cf/late":
        silent += 1;
        await scheduler.wait(LATE_MS);
        return stream(["Late."], false);
      case "@cf/silent":
        silent += 1;
        await scheduler.wait(LONG_MS);
        return stream(["Too late."]);
      case "@cf/witness":
        return stream([`silent ${silent}, endless ${endless}, cancelled ${cancelled}`]);
      default:
        throw new Error(`no such model: ${model}`);
    }
  }
}
