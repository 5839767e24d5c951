// Keeps a lost WASM instance (panic, trap, uncaught exception under Rust) from hanging its callers.
//
// All knowledge of worker-build's generated code is here: the default export's prototype has the handlers,
// `X.prototype.constructor` of an exported class is the class without its Proxy, and globalThis.__worker_init_state
// tells of a crash. Cargo.toml pins the versions this holds for; the check below fails at load when it does not.
import Worker, { CounterCore as CounterProxy, Reset, SessionCore as SessionProxy, UserCore as UserProxy } from "../build/index.js";

const state = globalThis.__worker_init_state; // { criticalError, instanceId }, kept by the worker crate
const handlers = Worker.prototype;
export const SessionCore = SessionProxy.prototype.constructor;
export const UserCore = UserProxy.prototype.constructor;
export const CounterCore = CounterProxy.prototype.constructor;
if (!state || [handlers?.fetch, handlers?.touch, handlers?.hear, handlers?.unheard, SessionCore, UserCore, CounterCore].some((f) => typeof f !== "function"))
  throw new Error("worker-build's output has a new shape: check src/guard.js");

/** A call was cut off because the instance under it was lost. */
export class Crashed extends Error {}

const waiting = new Set(); // the reject functions of the calls that are in Rust now
let lost = false; // make a new instance before the next call

function crashed() {
  lost = true;
  const error = new Crashed("WASM instance lost");
  for (const reject of waiting) reject(error);
  waiting.clear();
}

// The worker crate's panic hook sets criticalError while the panic runs: hear of it at once, without polling.
Object.defineProperty(state, "criticalError", {
  get: () => lost,
  set: (value) => {
    if (value) crashed();
    else lost = false;
  },
});

/** After an exception: was the instance lost? wasm-bindgen makes a new one in `touch` then, under another number. */
function probe(error) {
  const id = state.instanceId;
  if (!lost && !(error instanceof Crashed)) {
    try {
      handlers.touch();
    } catch {
      lost = true;
    }
  }
  if (lost || state.instanceId !== id || /closure invoked recursively/.test(error?.message)) crashed();
}
addEventListener("error", (event) => probe(event.error));
addEventListener("unhandledrejection", (event) => probe(event.reason));

/** Makes a new instance if the last one was lost. The number of the good one: objects made under another are stale. */
export function heal() {
  if (lost) {
    new Reset(); // through the Proxy, which runs worker-build's own re-initialisation
    lost = false;
  }
  return state.instanceId;
}

/** Runs a call into Rust, sync or async; fails with Crashed when the instance is lost meanwhile. */
export function guard(call) {
  let result;
  try {
    result = call();
  } catch (error) {
    probe(error);
    throw lost ? new Crashed("WASM instance lost") : error;
  }
  if (!(result instanceof Promise)) return result;
  return new Promise((resolve, reject) => {
    if (lost) return reject(new Crashed("WASM instance lost"));
    waiting.add(reject);
    const leave = (settle) => (value) => {
      waiting.delete(reject);
      settle(value);
    };
    result.then(leave(resolve), leave(reject));
  });
}

/** The Worker's fetch handler in Rust. */
export function fetch(request, env, ctx) {
  heal();
  return guard(() => handlers.fetch.call({ env, ctx }, request));
}

/** What is said over a WebSocket in place of an answer: that too many messages wait, or that the instance was lost. */
export function unheard(isCrowded) {
  heal();
  return guard(() => handlers.unheard(isCrowded));
}

/** The handler in Rust of what comes over a WebSocket. */
export function hear(env, socket, message) {
  heal();
  return guard(() => handlers.hear(env, socket, message));
}
