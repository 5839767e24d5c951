// The Worker under test: the bundle that would be deployed with the assets of public/, in workerd on a free port.
//
// It is wrangler's own harness, so that _headers, run_worker_first and bindings are what wrangler.toml says. Its storage
// is gone when it is closed. Needs what `npm test` builds: dist/.
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";

export const root = resolve(fileURLToPath(import.meta.url), "../../../..");

/** When the newest file below a folder was changed. */
function newest(folder) {
  return Math.max(...readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, name)).mtimeMs));
}

/**
 * Starts a server.
 * @param {Record<string, string>} [variables] in place of those of wrangler.toml
 * @param {string} [folder] where wrangler.toml and what it names lie
 * @returns {Promise<Server>}
 */
export async function startServer(variables = {}, folder = root) {
  if (statSync(join(root, "dist/entry.js"), { throwIfNoEntry: false })?.mtimeMs > newest(join(root, "src"))) {
    // No request of the harness's own to the network.
    process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
    const vars = { AUTH_MODE: "open", TEST_FAULTS: "1", ...variables };
    const harness = createTestHarness({ root: folder, workers: [{ configPath: "wrangler.toml", prebuiltWorkerDir: "dist", vars }] });
    const { url } = await harness.listen();
    return new Server(harness, url.origin);
  }
  throw new Error("dist/ is missing or older than src/: run npm run bundle");
}

class Server {
  #harness;

  constructor(harness, url) {
    this.#harness = harness;
    /** Without a slash at its end. */
    this.url = url;
  }

  /** Asks the API; the answer as JSON. Fails unless it is a success. */
  async ask(method, path, body) {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(this.url + path, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  close() {
    return this.#harness.close();
  }
}
