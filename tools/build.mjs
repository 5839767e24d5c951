// Builds the WASM module into build/. `wrangler dev` and `wrangler deploy` run this too (wrangler.toml, [build]).
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkPersonas } from "./personas.mjs";
import "./variables.mjs";
import { root, run, setup } from "./setup.mjs";

/** When the newest file at or below one of `paths` was changed. */
function newest(paths) {
  const times = paths.flatMap((path) => {
    const stat = statSync(path);
    return stat.isDirectory() ? newest(readdirSync(path).map((name) => join(path, name))) : stat.mtimeMs;
  });
  return Math.max(0, ...times);
}

checkPersonas();
const sources = ["src", "tools", "Cargo.toml", "Cargo.lock"].map((name) => join(root, name));
const result = join(root, "build", "index.js");
if (existsSync(result) && statSync(result).mtimeMs > newest(sources)) console.log("The WASM module is up to date.");
else run("worker-build", ["--release"], setup());
