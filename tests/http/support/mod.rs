//! Starts the real thing: the bundle that would be deployed, in workerd, on a free port, with its data on disk.
//!
//! KV is Miniflare's simulator, as in `wrangler dev`. A server can be killed and started again on the same data; it
//! leaves no process behind. Needs what `npm test` builds: `dist/` and `node_modules/`.
#![allow(dead_code, reason = "the benchmark uses a part")]

pub(crate) mod sqlite;
pub(crate) mod model;
pub(crate) mod socket;
pub(crate) mod events;
pub(crate) mod ask;
pub(crate) mod token;
pub(crate) mod totals;
mod head;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

pub(crate) use serde_json::json;

/// A running workerd with its data.
pub(crate) struct Server {
    port: u16,
    folder: PathBuf,
    process: Option<Child>,
    agent: ureq::Agent,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What was asked, for messages of failed tests.
    pub(crate) asked: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// As text.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// A server for local development, with empty storage.
    pub(crate) fn start() -> Server {
        Server::with(&[])
    }

    /// The same with these variables. `ANALYTICS` and `LIMITER` are bindings instead, to the module that they name
    /// (`support/workerd.capnp`).
    pub(crate) fn with(variables: &[(&str, &str)]) -> Server {
        let open: &[(&str, &str)] = &[("AUTH_MODE", "open"), ("TEST_FAULTS", "1")];
        Server::with_only(&[open, variables].concat())
    }

    /// A server with no other variables than these.
    pub(crate) fn with_only(variables: &[(&str, &str)]) -> Server {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("server-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("objects")).unwrap();
        fs::create_dir_all(folder.join("kv")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        write_config(&folder, port, variables);
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).timeout_global(Some(Duration::from_secs(30)));
        let mut server = Server { port, folder, process: None, agent: config.build().into() };
        server.launch();
        server
    }

    /// Ends the process at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            process.wait().unwrap();
        }
    }

    /// Ends the process while other threads are using the server; `kill` must follow.
    pub(crate) fn kill_from_beside(&self) {
        let id = self.process.as_ref().expect("it runs").id();
        assert!(Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap().success());
    }

    /// Starts it again with something else in what `entry.js` has become.
    pub(crate) fn launch_changed(&mut self, from: &str, to: &str) {
        let file = self.folder.join("entry.js");
        let entry = fs::read_to_string(&file).unwrap();
        assert_eq!(entry.matches(from).count(), 1, "{from}");
        fs::write(file, entry.replace(from, to)).unwrap();
        self.launch();
    }

    /// Starts it again on the same data and port.
    pub(crate) fn launch(&mut self) {
        self.kill();
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let process = Command::new(root().join("node_modules/workerd/bin/workerd"))
            .args(["serve", "--experimental", "config.capnp"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("workerd is missing: run npm test");
        self.process = Some(process);
        let started = Instant::now();
        while self.try_ask("GET", "/health", &[], None).is_err() {
            let has_ended = self.process.as_mut().is_some_and(|process| process.try_wait().is_ok_and(|status| status.is_some()));
            assert!(!has_ended && started.elapsed() < Duration::from_secs(10), "workerd did not start: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it again on the same data with other variables.
    pub(crate) fn configure(&mut self, variables: &[(&str, &str)]) {
        self.kill();
        write_config(&self.folder, self.port, variables);
        self.launch();
    }

    /// What workerd has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The SQLite files of the objects of a class.
    pub(crate) fn databases(&self, class: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.join("objects").join(class)) else { return Vec::new() };
        let files =
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|extension| extension == "sqlite"));
        files.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with("metadata")).collect()
    }

    /// Has every alarm of the objects of a class go off when the server, which is stopped, starts again. Where none is set, none
    /// does.
    pub(crate) fn hasten_alarms(&self, class: &str) {
        let known = self.folder.join("objects").join(class).join("metadata.sqlite");
        sqlite::run(&known, "update _cf_ALARM set scheduled_time = @now * 1000000");
        // Each object knows its own.
        for file in self.databases(class).iter().filter(|file| sqlite::rows(file, "_cf_METADATA") > 0) {
            sqlite::run(file, "update _cf_METADATA set value = @now * 1000000 where key = 1 and value is not null");
        }
    }

    /// Every file that the server has written data to.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        ["objects", "kv"].iter().flat_map(|folder| files(&self.folder.join(folder))).collect()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Answer {
        self.json("POST", path, &body)
    }

    pub(crate) fn put(&self, path: &str, body: Value) -> Answer {
        self.json("PUT", path, &body)
    }

    pub(crate) fn patch(&self, path: &str, body: Value) -> Answer {
        self.json("PATCH", path, &body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[], None)
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(method, path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }

    /// Asks anything. The body is sent with a length.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_ask(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    /// The same; fails when there is no answer.
    pub(crate) fn try_ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://127.0.0.1:{}{path}", self.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body.to_vec())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        Ok(Answer {
            asked: format!("{method} {path}"),
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
                .collect(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        })
    }

    /// Sends bytes as they are on a connection of their own, and gives the status of the answer.
    pub(crate) fn send_raw(&self, bytes: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[9..]).parse().unwrap()
    }

    /// A connection on which `head` has been sent, lines of a request without the last, empty one.
    pub(crate) fn connect(&self, head: &str) -> TcpStream {
        self.connect_with(head, "close")
    }

    /// The same with another header `Connection`.
    pub(crate) fn connect_with(&self, head: &str, connection: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "{head}\r\nhost: localhost\r\nconnection: {connection}\r\n\r\n").unwrap();
        stream
    }

    /// The most memory that the process has had at once, in MiB.
    pub(crate) fn peak_memory_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.as_ref().expect("it runs").id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// A new session of nobody's; its id.
    pub(crate) fn rows_written(&self) -> u64 {
        let costs = self.costs();
        costs.iter().filter(|(what, _)| what.starts_with("rows:")).map(|(_, count)| count).sum()
    }

    /// What has been billed since the server began, by what it was.
    pub(crate) fn costs(&self) -> BTreeMap<String, u64> {
        serde_json::from_str(&self.get("/__test/costs").expect(200).body).unwrap()
    }

    pub(crate) fn new_session(&self) -> String {
        self.post("/sessions", json!({})).expect(201).text("session_id")
    }

    /// Says something in a session; the answer.
    pub(crate) fn say(&self, session_id: &str, message: &str) -> String {
        self.post("/chat", json!({"session_id": session_id, "message": message})).expect(200).text("response")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- workerd\n{}", self.log());
        }
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Answer {
    /// Checks the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{} was answered with {}", self.asked, self.body);
        self
    }

    /// Checks the status and the code of a problem, and that it is one.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Answer {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.asked);
        let problem = answer.value();
        assert_eq!(problem["code"], code, "{}: {problem}", answer.asked);
        assert_eq!(problem["status"], status, "{}: {problem}", answer.asked);
        assert_eq!(problem["request_id"], answer.header("x-request-id"), "{}: {problem}", answer.asked);
        answer
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{}: {error} in {:?}", self.asked, self.body))
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.value()[field].as_str().unwrap_or_else(|| panic!("{}: no text {field} in {}", self.asked, self.body)).to_owned()
    }

    pub(crate) fn number(&self, field: &str) -> u64 {
        self.value()[field].as_u64().unwrap_or_else(|| panic!("{}: no number {field} in {}", self.asked, self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// Waits until `condition` holds, for what happens soon but not at once.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(15), "not within 15 s: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn files(path: &Path) -> Vec<PathBuf> {
    match fs::read_dir(path) {
        Ok(entries) => entries.flat_map(|entry| files(&entry.unwrap().path())).collect(),
        Err(_) => vec![path.to_owned()],
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Writes workerd's configuration and puts the files it embeds next to it.
fn write_config(folder: &Path, port: u16, variables: &[(&str, &str)]) {
    let dist = root().join("dist");
    let built = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let newest = files(&root().join("src")).iter().map(|file| built(file).unwrap()).max().unwrap();
    assert!(built(&dist.join("entry.js")).is_ok_and(|dist| dist > newest), "dist/ is older than src/: run npm run bundle");
    let files = fs::read_dir(&dist).expect("dist/ is missing: run npm test").map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let [wasm] =
        files.filter(|name| name.ends_with(".wasm")).collect::<Vec<_>>().try_into().expect("one WASM module in dist/: run npm test");
    fs::copy(dist.join("entry.js"), folder.join("entry.js")).unwrap();
    fs::copy(dist.join(&wasm), folder.join("index.wasm")).unwrap();
    for stand_in in ["ai.js", "analytics.js", "assets.js", "limiter.js"] {
        fs::copy(root().join("tests/http/support").join(stand_in), folder.join(stand_in)).unwrap();
    }
    let miniflare = root().join("node_modules/miniflare/dist/src/workers");
    for (from, to) in [("kv/namespace", "kv"), ("shared/object-entry", "kv-entry"), ("shared/index", "shared"), ("shared/zod", "zod")] {
        fs::copy(miniflare.join(format!("{from}.worker.js")), folder.join(format!("{to}.js"))).unwrap();
    }
    let variables: String = variables
        .iter()
        .map(|(name, value)| match *name {
            "ANALYTICS" | "LIMITER" => format!("(name = {name:?}, wrapped = (moduleName = {value:?})), "),
            _ => format!("(name = {name:?}, text = {value:?}), "),
        })
        .collect();
    let template = fs::read_to_string(root().join("tests/http/support/workerd.capnp")).unwrap();
    let config = template.replace("@PORT", &port.to_string()).replace("@WASM", &wasm).replace("@VARIABLES", &variables);
    fs::write(folder.join("config.capnp"), config).unwrap();
}
