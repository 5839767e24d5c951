// `npm run openapi`: writes public/openapi.json anew, from the types that the handlers read and write.
import { run } from "./setup.mjs";

run("cargo", ["test", "--lib", "--quiet", "reference::"], { WRITE_OPENAPI: "1" });
