// What the platform loads: the fetch handler and one thin class per Durable Object. They forward to Rust, and run what a
// call leaves to be done under the guard.
import { DurableObject } from "cloudflare:workers";
import { CounterCore, Crashed, SessionCore, UserCore, fetch, guard, heal, hear, unheard } from "./guard.js";

/** The answer of a Worker whose instance was lost, and the request's line in the log: the ones that Rust cannot write itself. */
function unavailable(request, began) {
  const given = request.headers.get("x-request-id") ?? "";
  const request_id = /^[\w\-.:/+=]{1,128}$/.test(given) ? given : crypto.randomUUID();
  const detail = "The service is briefly unavailable. Try again.";
  const problem = { type: "about:blank", title: "Service Unavailable", status: 503, detail, code: "UNAVAILABLE", request_id };
  const headers = { "content-type": "application/problem+json", "cache-control": "no-store", "retry-after": "1", "x-request-id": request_id };
  // It says nothing about anybody, so any page may read it; without this a browser would see a network error.
  headers["access-control-allow-origin"] = "*";
  const ms = Date.now() - began;
  headers["server-timing"] = `total;dur=${ms}`;
  console.log(JSON.stringify({ request_id, route: null, method: request.method, status: 503, ms, session: null }));
  return Response.json(problem, { status: 503, headers });
}

export default {
  async fetch(request, env, ctx) {
    const began = Date.now();
    try {
      return await fetch(request, env, ctx);
    } catch (error) {
      // Where it was thrown, not what it says: that may repeat what the client has sent.
      if (!(error instanceof Crashed)) console.error(error?.name, ...(error?.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)));
      return unavailable(request, began);
    }
  },
};

// The Rust side of each Durable Object, and the number of the instance it was made under.
const cores = new WeakMap();

/** The Rust side of an object, made anew when its instance was lost. To be asked before every method call: it heals,
 * and a call into a lost instance would copy its arguments into dead memory. */
function core(object, Core) {
  const instance = heal();
  let known = cores.get(object);
  if (known?.instance !== instance) {
    known = { instance, core: new Core(object.ctx, object.env) };
    cores.set(object, known);
  }
  return known.core;
}

/** So many messages of a socket wait for their answer: who leaves has no more than these made. */
const WAITING = 8;

export class SessionObject extends DurableObject {
  async call(json) {
    for (;;) {
      const reply = guard(() => core(this, SessionCore).call(json));
      const [answer] = await Promise.all([reply, this.#finish()]);
      if (answer !== undefined) return answer;
    }
  }

  /** The reply of a call, and what follows it in lines of JSON: the events of a turn, the parts of a session. */
  async stream(json) {
    const reply = await this.call(json);
    const tail = guard(() => core(this, SessionCore).tail(reply));
    return { reply, events: tail && events(tail) };
  }

  alarm() {
    return guard(() => core(this, SessionCore).alarm());
  }

  /** Takes a WebSocket from the Worker. The platform holds it while this object sleeps, and who is at its other end. */
  fetch(request) {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(new URL(request.url).searchParams.get("seat"));
    return new Response(null, { status: 101, webSocket: client });
  }

  // What each socket is still being answered, and how much that is. Nothing is lost with it when the object sleeps: then
  // nothing is.
  #answering = new WeakMap();

  /** Answers one message after another. */
  webSocketMessage(socket, message) {
    const { last, count } = this.#answering.get(socket) ?? { last: Promise.resolve(), count: 0 };
    if (count > WAITING) return refuse(socket, true);
    const answer = async () => hear(this.env, socket, message);
    const answered = last.then(answer).catch(() => refuse(socket, false)).finally(() => (this.#answering.get(socket).count -= 1));
    this.#answering.set(socket, { last: answered, count: count + 1 });
    return answered;
  }

  /** Has done what the last call left to be done. Waits for what its answer must wait for. */
  #finish() {
    const turn = guard(() => core(this, SessionCore).turn());
    if (turn) this.ctx.waitUntil(turn.catch(() => {}));
    const aftermath = guard(() => core(this, SessionCore).aftermath());
    if (aftermath === "nothing") return;
    const list = guard(() => core(this, SessionCore).updateList());
    const index = guard(() => core(this, SessionCore).updateIndex());
    const report = guard(() => core(this, SessionCore).report());
    this.ctx.waitUntil(Promise.allSettled([list, index, report]));
    if (aftermath === "before_answer") return list;
  }
}

/** Says that a message has no answer: too many wait, or the instance was lost. The socket was not: the platform holds it. */
function refuse(socket, isCrowded) {
  try {
    socket.send(unheard(isCrowded));
  } catch {
    // Nobody is at the other end any more.
  }
}

/** A stream that pulls from Rust, so that the guard sees every call. */
function events(tail) {
  return new ReadableStream({
    async pull(controller) {
      const line = await guard(() => {
        heal();
        return tail.next();
      });
      if (line === undefined) controller.close();
      else controller.enqueue(line);
    },
  });
}

export class UserObject extends DurableObject {
  async call(json) {
    const reply = await guard(() => core(this, UserCore).call(json));
    this.#tidy();
    return reply;
  }

  async alarm() {
    await guard(() => core(this, UserCore).alarm());
    this.#tidy();
  }

  #tidy() {
    const tidied = guard(() => core(this, UserCore).tidy());
    if (tidied) this.ctx.waitUntil(Promise.allSettled([tidied]));
  }
}

export class CounterObject extends DurableObject {
  call(json) {
    return guard(() => core(this, CounterCore).call(json));
  }

  alarm() {
    return guard(() => core(this, CounterCore).alarm());
  }
}
