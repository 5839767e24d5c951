// A model server that does as a test says: it speaks OpenAI's chat completions, and misbehaves on command.
//
// The sibling of tests/http/support/model.rs. It answers POST /v1/chat/completions alone, always as a stream unless a
// step gives a status; whether a request makes sense is not its business.
import { once } from "node:events";
import { createServer } from "node:http";

/**
 * What the model does with a request, one after the other:
 * `{text}` says something, `{gate: true}` waits for one `model.open()`, `{pauseMs}` waits, `{finish}` tells why the
 * answer ends, `{usage: [prompt, completion]}` tells its tokens, `{done: true}` ends it, `{cut: true}` breaks the connection off,
 * `{hang: true}` sends nothing more, `{status, body, headers?}` is a whole answer of another kind.
 * @typedef {Record<string, any>} Step
 */

/**
 * The steps of an answer that ends as it should: a word a chunk, that many milliseconds apart.
 * @param {string} text
 * @param {number} [pauseMs]
 * @returns {Step[]}
 */
export function saying(text, pauseMs = 0) {
  const words = text.match(/\s*\S+\s*/g) ?? [];
  const steps = words.flatMap((word) => (pauseMs ? [{ pauseMs }, { text: word }] : [{ text: word }]));
  return [...steps, ...ending(words.length)];
}

/**
 * The same with a gate before each word, and one before the end.
 * @param {string} text
 * @returns {Step[]}
 */
export function gated(text) {
  const words = text.match(/\s*\S+\s*/g) ?? [];
  return [...words.flatMap((word) => [{ gate: true }, { text: word }]), { gate: true }, ...ending(words.length)];
}

/** How an answer of so many tokens ends. */
const ending = (tokens) => [{ finish: "stop" }, { usage: [1, tokens] }, { done: true }];

/**
 * Starts a model that answers each request as `script` says, which gets the request's body and its number from 0.
 * @param {(request: any, number: number) => Step[]} script may be changed later: `model.script = ...`
 */
export async function startModel(script) {
  const model = new Model(script);
  await model.listen();
  return model;
}

class Model {
  #server = createServer((request, response) => this.#serve(request, response));
  #gates = 0;
  #waiting = [];

  #script;

  constructor(script) {
    this.#script = script;
    /** The bodies of all requests so far. */
    this.requests = [];
  }

  /** From now on it does this; answers that still wait at gates wait for good. */
  set script(script) {
    this.#script = script;
    this.#gates = 0;
    this.#waiting = [];
  }

  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** The variables that make a server ask this model, for answers alone. */
  get variables() {
    return {
      MODEL_PROVIDER: "openai",
      MODEL_BASE_URL: `http://127.0.0.1:${this.#server.address().port}/v1`,
      MODEL_NAME: "fixture",
      MODEL_API_KEY: "fixture-key",
      MODEL_TOOLS: "off",
      MODEL_TITLES: "off",
    };
  }

  /** Lets that many gates through, now or when they are reached. */
  open(gates = 1) {
    this.#gates += gates;
    while (this.#gates > 0 && this.#waiting.length > 0) {
      this.#gates -= 1;
      this.#waiting.shift()();
    }
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request, response) {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") return response.writeHead(404).end();
    const body = JSON.parse(text);
    const number = this.requests.push(body) - 1;
    for (const step of this.#script(body, number)) {
      if (response.destroyed) return;
      await this.#play(step, response);
    }
    // A script without an end leaves the connection as it is.
  }

  async #play(step, response) {
    if (step.status) return response.writeHead(step.status, { "content-type": "application/json", ...step.headers }).end(step.body ?? "");
    if (step.pauseMs) return new Promise((resolve) => setTimeout(resolve, step.pauseMs));
    if (step.gate) return this.#pass(response);
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    if (step.text !== undefined) send(response, [{ index: 0, delta: { content: step.text }, finish_reason: null }]);
    if (step.finish) send(response, [{ index: 0, delta: {}, finish_reason: step.finish }]);
    if (step.usage) send(response, [], { prompt_tokens: step.usage[0], completion_tokens: step.usage[1] });
    if (step.done) response.end("data: [DONE]\n\n");
    if (step.cut) response.destroy();
    if (step.hang) await once(response, "close");
  }

  /** Goes through a gate, or away with the client. */
  #pass(response) {
    if (this.#gates > 0) {
      this.#gates -= 1;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      response.once("close", () => {
        this.#waiting = this.#waiting.filter((other) => other !== resolve);
        resolve();
      });
    });
  }
}

function send(response, choices, usage = null) {
  const event = { id: "chatcmpl-fixture", object: "chat.completion.chunk", created: 1_700_000_000, model: "fixture", choices, usage };
  response.write(`data: ${JSON.stringify(event)}\n\n`);
}
