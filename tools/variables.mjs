// Makes .dev.vars, the variables of `wrangler dev` on this machine, when there is none. wrangler reads it before it
// builds, so this runs after `npm install`. Without it the Worker refuses to serve, as a deployment would.
import { copyFileSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const variables = fileURLToPath(new URL("../.dev.vars", import.meta.url));
if (!existsSync(variables)) copyFileSync(`${variables}.example`, variables);
