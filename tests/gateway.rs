//! Turns through LiteLLM's proxy, a gateway that others really use, with a model that gives one fixed answer.
//!
//! Needs `LITELLM`, the path of its executable: `tools/gateway.mjs` installs it and says where it is. The proxy reaches
//! no network and no database, and sees nothing of this machine's environment, which could configure it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may fail"
)]

#[path = "http/support/mod.rs"]
mod support;

use std::{
    env, fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use support::{Server, json};

const ANSWER: &str = "Hello there 👋 from the gateway, all is well 🙂";

/// Importing it takes seconds, and many more when it has never been compiled and the machine is busy.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running proxy. It listens on the loopback interface alone.
struct Gateway {
    port: u16,
    folder: PathBuf,
    process: Child,
    agent: ureq::Agent,
}

impl Gateway {
    fn start() -> Gateway {
        let litellm = env::var("LITELLM").expect("LITELLM is not set: it is the path that `node tools/gateway.mjs` prints");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gateway-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        // It is YAML, which JSON is too.
        let parameters = json!({"model": "openai/mock", "api_key": "x", "mock_response": ANSWER});
        let config = json!({"model_list": [{"model_name": "mock", "litellm_params": parameters}]});
        fs::write(folder.join("config.yaml"), config.to_string()).unwrap();
        let process = spawn(&litellm, port, &folder);
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build().into();
        let mut gateway = Gateway { port, folder, process, agent };
        gateway.wait_until_it_answers();
        gateway
    }

    fn wait_until_it_answers(&mut self) {
        let started = Instant::now();
        while self.agent.get(self.url("/health/liveliness")).call().is_err() {
            let has_ended = self.process.try_wait().unwrap().is_some();
            assert!(!has_ended && started.elapsed() < START_LIMIT, "LiteLLM did not start, after {:?}", started.elapsed());
            thread::sleep(Duration::from_millis(100));
        }
        println!("LiteLLM answers after {:?}", started.elapsed());
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It has a process group of its own, so this ends its children too. It may have ended already.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.process.id())]).status();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("--- LiteLLM\n{}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(litellm: &str, port: u16, folder: &Path) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    Command::new(litellm)
        .args(["--config", "config.yaml", "--telemetry", "False", "--host", "127.0.0.1", "--port", &port.to_string()])
        .current_dir(folder)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("PYTHONUTF8", "1")
        // Otherwise it reads `.env` files of the folders above.
        .env("LITELLM_MODE", "PRODUCTION")
        // Otherwise it downloads these two.
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{litellm}: {error}"))
}

/// A server of ours that asks the gateway.
fn serve(gateway: &Gateway) -> Server {
    let url = gateway.url("/v1");
    Server::with(&[("MODEL_PROVIDER", "openai"), ("MODEL_BASE_URL", &url), ("MODEL_NAME", "mock"), ("MODELS_ALLOWED", "unknown")])
}

#[test]
#[ignore = "needs LiteLLM: npm test runs it where Python is"]
fn a_turn_goes_through_a_gateway_whole_and_as_events() {
    let gateway = Gateway::start();
    let server = serve(&gateway);
    let id = server.new_session();

    let whole = server.post("/chat", json!({"session_id": id, "message": "hi"})).expect(200).value();
    assert_eq!((&whole["response"], &whole["turn"]["finish_reason"]), (&json!(ANSWER), &json!("stop")));
    assert!(whole["turn"]["usage"]["total_tokens"].as_u64() > Some(0), "{whole}");
    assert_eq!(whole["turn"]["usage"]["estimated"], json!(false));

    let asked = json!({"session_id": id, "message": "again", "stream": true, "temperature": 0.5, "max_tokens": 50});
    let events = server.events("POST", "/chat", &[], Some(&asked)).rest();
    let text: String = events.iter().filter_map(|event| event.data["text"].as_str()).collect();
    let deltas = events.iter().filter(|event| event.name == "delta").count();
    assert!(text == ANSWER && deltas > 1, "{events:?}");
    let done = events.last().unwrap();
    assert_eq!((done.name.as_str(), &done.data["usage"]["estimated"]), ("done", &json!(false)));

    server.post("/chat", json!({"session_id": id, "message": "x", "model": "unknown"})).expect_problem(502, "MODEL_REFUSED");
    server.post("/chat", json!({"session_id": id, "message": "x"})).expect(200);
}
