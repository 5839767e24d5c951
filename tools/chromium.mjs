// Finds or installs Chromium, the browser of tests/browser.
//
// One that the machine has will do. Otherwise it is Debian's package, by apt-get: the browsers that Playwright brings
// come from servers that not every network allows. It never ends the process; one line says why there is none.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const PLACES = [
  "/usr/bin",
  "/usr/local/bin",
  "/usr/lib/chromium",
  "/snap/bin",
  "/opt/google/chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a browser: the one that CHROMIUM names, or the first that is found. */
function find() {
  const named = process.env.CHROMIUM;
  if (named) return isAbsolute(named) && isExecutable(named) ? named : undefined;
  const folders = [...(process.env.PATH ?? "").split(delimiter).filter(Boolean), ...PLACES];
  const files = folders.flatMap((place) => (place.includes(".app/") ? [place] : NAMES.map((name) => join(place, name))));
  return files.find(isExecutable);
}

/** Runs apt-get as root with its output shown; whether it succeeded. */
function apt(...args) {
  const isRoot = process.getuid?.() === 0;
  const command = [...(isRoot ? [] : ["sudo", "-n"]), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", ...args];
  return spawnSync(command[0], command.slice(1), { stdio: "inherit" }).status === 0;
}

function install() {
  console.log("Installing Chromium (a minute, once for this machine) ...");
  const packages = ["install", "-y", "--no-install-recommends", "chromium"];
  // A machine that is new has no lists yet, or old ones.
  return apt(...packages) || (apt("update") && apt(...packages));
}

/** The path of Chromium, installed when it is not there; undefined where it cannot be. */
export function chromium() {
  const found = find() ?? (!process.env.CHROMIUM && install() ? find() : undefined);
  if (!found) console.log(`No Chromium: ${process.env.CHROMIUM ? "CHROMIUM is not the path of one" : "apt-get has not installed it; install it or Chrome, or set CHROMIUM to its path"}.`);
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(chromium());
