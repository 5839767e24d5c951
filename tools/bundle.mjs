// Makes dist/: what a deployment would upload. Tests and benchmarks run it in workerd. Prints its size.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root, run, setup } from "./setup.mjs";

const environment = setup();
rmSync(join(root, "dist"), { recursive: true, force: true });
run("wrangler", ["deploy", "--dry-run", "--outdir", "dist"], environment);
