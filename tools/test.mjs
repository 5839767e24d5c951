// `npm test`: everything that can be checked, one step after the other. The exit code is honest; the last line counts.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "./chromium.mjs";
import { gateway } from "./gateway.mjs";
import { fail, root, setup } from "./setup.mjs";

const environment = { ...process.env, ...setup(), RUSTDOCFLAGS: "-D warnings" };
const wasm = ["--target", "wasm32-unknown-unknown"];
let passed = 0;
let failed = 0;

/** Runs one step with its output shown; counts the tests that it reports, or itself. */
async function step(name, work) {
  console.log(`\n--- ${name}`);
  const { ok, tests = [] } = await work();
  const reported = tests.reduce((sum, [good, bad]) => [sum[0] + good, sum[1] + bad], [0, 0]);
  passed += reported[0] || (ok ? 1 : 0);
  failed += reported[1] || (ok ? 0 : 1);
  if (!ok) console.log(`FAILED: ${name}`);
}

/** Runs a command to its end. */
const command = (program, ...args) => () =>
  new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      process.stdout.write(chunk);
      output += chunk;
    });
    child.on("error", (error) => {
      console.log(`${program}: ${error.message}`);
      resolve({ ok: false });
    });
    child.on("close", (code) => {
      resolve({ ok: code === 0, tests: counts(output) });
    });
  });

/** How many tests have passed and failed, by what cargo or Node's runner say. */
function counts(output) {
  const ofCargo = [...output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed/gm)].map((match) => [Number(match[1]), Number(match[2])]);
  const ofNode = (word) => Number(new RegExp(`^. ${word} (\\d+)$`, "mu").exec(output)?.[1] ?? 0);
  return [...ofCargo, [ofNode("pass"), ofNode("fail") + ofNode("cancelled")]];
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts the Worker as a developer would, talks to it, stops it, and looks for processes left behind. */
function serve(env, ...start) {
  return async () => {
    const state = mkdtempSync(join(tmpdir(), "edge-sessions-"));
    const address = `http://127.0.0.1:${await freePort()}`;
    const [program, ...args] = [...start, "--ip", "127.0.0.1", "--port", new URL(address).port, "--inspector-port", String(await freePort()), "--persist-to", state];
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"], detached: true });
    const signal = (name) => process.kill(-child.pid, name); // to the whole group, as Ctrl-C in a terminal
    try {
      await answers(address, child);
      const said = await post(`${address}/chat`, { message: "Hi, my name is John" });
      const { response } = await post(`${address}/chat`, { message: "What's my name?", session_id: said.session_id });
      if (response !== "Your name is John.") throw new Error(`it answered: ${response}`);
      signal("SIGINT");
      await quiet(signal);
      return { ok: true };
    } catch (error) {
      console.log(String(error));
      return { ok: false };
    } finally {
      try {
        signal("SIGKILL");
      } catch {
        // Nothing is left to be killed.
      }
      rmSync(state, { recursive: true, force: true });
    }
  };
}

async function answers(address, child) {
  for (const end = Date.now() + 300_000; Date.now() < end; ) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const response = await fetch(`${address}/health?deep=1`).catch(() => undefined);
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("it does not answer");
}

async function post(url, body) {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Waits until nothing of a process group is left. */
async function quiet(signal) {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    try {
      signal(0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("it has left processes behind");
}

for (const [tool, component] of [["cargo-clippy", "clippy"], ["cargo-fmt", "rustfmt"]])
  if (spawnSync(tool, ["--version"], { env: environment }).status !== 0) fail(`${component} is missing: rustup component add ${component}`);

const started = Date.now();
await step("format", command("cargo", "fmt", "--check"));
await step("lint, this machine", command("cargo", "clippy", "--all-targets", "--locked", "--", "-D", "warnings"));
await step("lint, WASM", command("cargo", "clippy", "--lib", "--locked", ...wasm, "--", "-D", "warnings"));
await step("documentation", command("cargo", "doc", "--no-deps", "--document-private-items", "--locked"));
await step("bundle, as it would be deployed", command("node", "tools/bundle.mjs"));
await step("tests", command("cargo", "test", "--no-fail-fast", "--locked"));
await step("tests in a browser", () => {
  environment.CHROMIUM = chromium();
  if (!environment.CHROMIUM) return { ok: false };
  return command("node", "--test", "--test-reporter=spec", "tests/browser/*.test.mjs")();
});
const litellm = gateway();
if (litellm) {
  environment.LITELLM = litellm;
  await step("tests through LiteLLM's gateway", command("cargo", "test", "--test", "gateway", "--locked", "--", "--ignored"));
}
await step("npm start serves", serve(process.env, "npm", "start", "--"));
await step("npx wrangler dev serves", serve(process.env, "npx", "wrangler", "dev"));

console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
