// `npm start`: everything that is needed, then the Worker on this machine, with its data kept in .wrangler/state.
import { spawn } from "node:child_process";
import { fail, root, setup } from "./setup.mjs";

const environment = { ...process.env, ...setup() };
const wrangler = spawn("wrangler", ["dev", "--var", "AUTH_MODE:open", ...process.argv.slice(2)], {
  cwd: root,
  env: environment,
  stdio: ["inherit", "pipe", "inherit"],
});

function greet(address) {
  console.log(`
edge-sessions answers at ${address}, with the built-in offline model. Try, in another terminal:

  curl ${address}/chat -H 'content-type: application/json' -d '{"message":"Hi, my name is John"}'
  curl ${address}/chat -H 'content-type: application/json' -d '{"message":"What is my name?","session_id":"<session_id from above>"}'
  curl '${address}/health?deep=1'
`);
}

let greeted = false;
wrangler.stdout.on("data", (chunk) => {
  process.stdout.write(chunk);
  const address = !greeted && /Ready on (http:\/\/\S+)/.exec(String(chunk))?.[1];
  if (address) {
    greeted = true;
    greet(address);
  }
});
let isStopping = false;
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => {
    isStopping = true;
    wrangler.kill(signal);
  });
wrangler.on("error", (error) => fail(`wrangler could not be started: ${error.message}`));
wrangler.on("exit", (code) => process.exit(isStopping ? 0 : (code ?? 1)));
