// Finds or installs what a build needs: npm packages, the WASM target, worker-build and the wasm-bindgen CLI.
//
// Runs under any Node from 20 on, before node_modules exists, so it imports nothing but Node itself. Cargo tools go to
// a cache folder of this project, one folder per version: nothing else on the machine is touched.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(fileURLToPath(import.meta.url), "../..");
const modules = join(root, "node_modules");
const bin = join(modules, ".bin");
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "edge-sessions", "tools");
const NODE_MIN = [20, 0];
const RUST_MIN = [1, 91];

/** Ends with one line that says what is missing and how to get it. */
export function fail(message) {
  console.error(`edge-sessions: ${message}`);
  process.exit(1);
}

/** Runs a command in the project with its output shown; ends with its failure. */
export function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  if (error) fail(`${command} could not be started: ${error.message}`);
  if (status !== 0) fail(`"${[command, ...args].join(" ")}" failed`);
}

/** What a command prints, or undefined when it cannot be run. */
export function output(command, args) {
  const { status, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

export function isAtLeast(version, minimum) {
  const [major, minor] = version.split(".").map(Number);
  return major > minimum[0] || (major === minimum[0] && minor >= minimum[1]);
}

function checkNode() {
  if (!isAtLeast(process.versions.node, NODE_MIN)) fail(`Node ${process.versions.node} is too old, 20 is needed: install one from https://nodejs.org`);
}

function checkRust() {
  // rustup's folder, for a shell that was opened before rustup was installed.
  process.env.PATH = [process.env.PATH, join(homedir(), ".cargo", "bin")].join(delimiter);
  const rustup = output("rustup", ["--version"]);
  const install = rustup ? "rustup default stable" : "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
  const version = output("rustc", ["--version"])?.match(/(\d+\.\d+)/)?.[1];
  if (!version || !output("cargo", ["--version"])) fail(`Rust is missing, get it with: ${install}`);
  const needed = RUST_MIN.join(".");
  if (!isAtLeast(version, RUST_MIN)) fail(`Rust ${version} is too old, ${needed} is needed: ${rustup ? "rustup update stable" : install}`);
  if (!output("cc", ["--version"])) fail("a C compiler is missing, which Rust links with: apt install build-essential, or xcode-select --install");
  const target = "wasm32-unknown-unknown";
  const libraries = output("rustc", ["--print", "target-libdir", "--target", target])?.trim();
  if (libraries && existsSync(libraries)) return;
  if (!rustup) fail(`the Rust target ${target} is missing and rustup is not there to add it: ${install}`);
  console.log(`Adding the Rust target ${target} ...`);
  run("rustup", ["target", "add", target]);
}

/** What an installation must have brought. */
const isInstalled = () => ["node", "wrangler", "workerd", "wasm-opt", "esbuild"].every((name) => existsSync(join(bin, name)));

function installPackages() {
  const installed = join(modules, ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs && isInstalled()) return;
  console.log("Installing npm packages (wrangler, workerd, Node; about 300 MB, once) ...");
  // What an interrupted installation has left would be taken for whole.
  if (!isInstalled()) rmSync(modules, { recursive: true, force: true });
  // Not `npm ci`: it refuses a lock without the packages of every other platform, which not every registry has.
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", "--include=dev", "--ignore-scripts=false"]);
  if (!isInstalled()) fail("npm has not installed everything: remove node_modules and look at what `npm install` says");
}

/** The version of a crate in Cargo.lock. */
function lockedVersion(crate) {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  return lock.match(new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`))?.[1] ?? fail(`${crate} is not in Cargo.lock`);
}

/** The folder with the binaries of a Cargo tool, compiled into the cache when it is not there. */
function cargoTool(crate, version) {
  const folder = join(cache, `${crate}-${version}`);
  if (!existsSync(folder)) {
    console.log(`Compiling ${crate} ${version} (some minutes, once for all checkouts) ...`);
    const unfinished = `${folder}.${process.pid}`;
    mkdirSync(cache, { recursive: true });
    run("cargo", ["install", crate, "--version", version, "--root", unfinished]);
    if (existsSync(folder)) rmSync(unfinished, { recursive: true });
    else renameSync(unfinished, folder);
  }
  return join(folder, "bin");
}

/** Makes everything ready. Returns the environment that builds and wrangler need. */
export function setup() {
  checkNode();
  checkRust();
  installPackages();
  const workerBuild = cargoTool("worker-build", lockedVersion("worker"));
  const wasmBindgen = cargoTool("wasm-bindgen-cli", lockedVersion("wasm-bindgen"));
  return {
    // node_modules first: its Node is the one that wrangler needs, whatever the machine has.
    PATH: [bin, workerBuild, process.env.PATH].join(delimiter),
    // worker-build would download these otherwise.
    WASM_BINDGEN_BIN: join(wasmBindgen, "wasm-bindgen"),
    WASM_OPT_BIN: join(bin, "wasm-opt"),
    ESBUILD_BIN: join(bin, "esbuild"),
    WRANGLER_SEND_METRICS: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false", // the local server needs nothing from the network
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
