// Finds or installs LiteLLM's proxy, a real gateway for the tests to go through, where there is a Python that can run it.
//
// It goes to the cache folder of the other tools, one virtual environment per version. Its own dependencies are not
// pinned. It never ends the process: without LiteLLM the rest can still be tested, and one line says why it is missing.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cache, isAtLeast, output } from "./setup.mjs";

const VERSION = "1.100.5";
const PYTHON_MIN = [3, 10]; // what this version of LiteLLM demands
const folder = join(cache, `litellm-${VERSION}`);
const python = join(folder, "bin", "python");
// An environment cannot be renamed once it is whole, as its scripts name their interpreter: a file says that it is.
const marker = join(folder, "installed");

/** Runs a command with its output shown; whether it succeeded. */
const succeeds = (command, ...args) => spawnSync(command, args, { stdio: "inherit" }).status === 0;

/** Why there can be no gateway with this machine's Python, or undefined. */
function obstacle() {
  const version = output("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])?.trim();
  if (!version) return "python3 is missing";
  if (!isAtLeast(version, PYTHON_MIN)) return `Python ${version} is too old, ${PYTHON_MIN.join(".")} is needed`;
  // Debian and Ubuntu leave these two out of python3.
  return output("python3", ["-c", "import venv, ensurepip"]) === undefined ? "python3 has no venv: apt install python3-venv" : undefined;
}

function install() {
  console.log(`Installing LiteLLM ${VERSION} (some minutes, once for all checkouts) ...`);
  rmSync(folder, { recursive: true, force: true });
  // Nothing is compiled: what has no binary for this machine is not worth the wait.
  const pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:"];
  if (!succeeds("python3", "-m", "venv", folder) || !succeeds(...pip, `litellm[proxy]==${VERSION}`)) return false;
  writeFileSync(marker, "");
  return true;
}

/** The path of the `litellm` executable, installed when it is not there; undefined where it cannot be. */
export function gateway() {
  const litellm = join(folder, "bin", "litellm");
  // The interpreter is a link to the machine's, which may have been replaced by another version.
  if (existsSync(marker) && existsSync(python)) return litellm;
  const reason = obstacle() ?? (install() ? undefined : "pip has not installed it, see above");
  if (!reason) return litellm;
  console.log(`No LiteLLM: ${reason}.`);
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(gateway());
