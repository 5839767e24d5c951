// A server and the model that it asks, for a whole test file.
import { after } from "node:test";
import { startModel } from "./model.mjs";
import { startServer } from "./server.mjs";

/**
 * Starts both; they are stopped when the file is done. To be awaited at its beginning.
 * @param {Parameters<typeof startModel>[0]} script of the model
 * @param {Record<string, string>} [variables] of the server, besides those that name the model
 */
export async function serve(script, variables = {}) {
  const model = await startModel(script);
  after(() => model.close());
  const server = await startServer({ ...model.variables, ...variables });
  after(() => server.close());
  return { server, model };
}
