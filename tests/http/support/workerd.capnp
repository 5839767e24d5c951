# workerd as the tests start it; tests/http/support/mod.rs fills in what begins with @.
# Services: the bundle under test, and Miniflare's KV simulator as wrangler uses it.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      compatibilityDate = "2026-11-01",
      modules = [(name = "entry.js", esModule = embed "entry.js"), (name = "./@WASM", wasm = embed "index.wasm")],
      bindings = [
        @VARIABLES
        (name = "INDEX", kvNamespace = (name = "kv-entry")),
        (name = "SESSION", durableObjectNamespace = "SessionObject"),
        (name = "USER", durableObjectNamespace = "UserObject"),
        (name = "COUNTER", durableObjectNamespace = "CounterObject"),
        (name = "AI", service = (name = "ai", entrypoint = "Ai")),
        (name = "ASSETS", service = "assets"),
      ],
      durableObjectNamespaces = [
        (className = "SessionObject", uniqueKey = "session", enableSql = true),
        (className = "UserObject", uniqueKey = "user", enableSql = true),
        (className = "CounterObject", uniqueKey = "counter", enableSql = true),
      ],
      durableObjectStorage = (localDisk = "objects"))),
    (name = "ai", worker = (
      compatibilityDate = "2026-11-01",
      modules = [(name = "ai.js", esModule = embed "ai.js")])),
    # The platform serves public/; here it is only asked for the page.
    (name = "assets", worker = (
      compatibilityDate = "2026-11-01",
      modules = [(name = "assets.js", esModule = embed "assets.js")])),
    # Model servers of the tests are on this machine.
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "objects", disk = (path = "objects", writable = true)),

    (name = "kv-entry", worker = (
      compatibilityDate = "2023-07-24",
      modules = [(name = "kv-entry.js", esModule = embed "kv-entry.js")],
      bindings = [
        (name = "MINIFLARE_NAMESPACE", text = "index"),
        (name = "MINIFLARE_OBJECT", durableObjectNamespace = (className = "KVNamespaceObject", serviceName = "kv-objects")),
      ])),
    (name = "kv-objects", worker = (
      compatibilityDate = "2023-07-24",
      compatibilityFlags = ["nodejs_compat", "experimental"],
      modules = [(name = "kv.js", esModule = embed "kv.js")],
      bindings = [(name = "MINIFLARE_BLOBS", service = "kv"), (name = "MINIFLARE_LOOPBACK", service = "none")],
      durableObjectNamespaces = [(className = "KVNamespaceObject", uniqueKey = "kv", enableSql = true)],
      durableObjectStorage = (localDisk = "kv"))),
    (name = "kv", disk = (path = "kv", writable = true)),
    (name = "none", worker = (
      compatibilityDate = "2023-07-24",
      modules = [(name = "none.js", esModule = "export default { fetch: () => new Response(null) };")])),
  ],
  extensions = [(modules = [
    (name = "miniflare:shared", esModule = embed "shared.js"),
    (name = "miniflare:zod", esModule = embed "zod.js"),
    (name = "stand-in:analytics", esModule = embed "analytics.js", internal = true),
    (name = "stand-in:broken", esModule = "export default () => ({ writeDataPoint() { throw new Error('no') } });", internal = true),
    (name = "stand-in:limiter", esModule = embed "limiter.js", internal = true),
  ])],
  sockets = [(name = "http", address = "127.0.0.1:@PORT", http = (), service = "main")],
);
