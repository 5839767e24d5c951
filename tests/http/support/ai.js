// Stands in for the Workers AI binding, which needs an account: says what it was asked, in the shape of its streams.
import { WorkerEntrypoint } from "cloudflare:workers";

export default {};

export class Ai extends WorkerEntrypoint {
  run(model, inputs) {
    if (model !== "@cf/stand-in") throw new Error(`no such model: ${model}`);
    const words = ["You said: ", inputs.messages.at(-1).content, "."];
    const chunks = [...words.map((response) => ({ response })), { response: "", usage: { prompt_tokens: 2, completion_tokens: 3 } }];
    const lines = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"];
    const encoder = new TextEncoder();
    return new ReadableStream({
      type: "bytes",
      pull(controller) {
        const line = lines.shift();
        if (line === undefined) controller.close();
        else controller.enqueue(encoder.encode(`data: ${line}\n\n`));
      },
    });
  }
}
