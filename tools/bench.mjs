// `npm run bench`: builds what would be deployed and measures it.
import { run, setup } from "./setup.mjs";

const environment = setup();
run("node", ["tools/bundle.mjs"], environment);
run("cargo", ["bench", "--bench", "routes", "--bench", "turns", "--bench", "history", "--bench", "costs"], environment);
