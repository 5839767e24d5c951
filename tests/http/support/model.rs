//! A model server that does as a test says: it speaks OpenAI's chat completions, and misbehaves on command.
//!
//! It runs in threads of the test's process and ends with the value. It answers `POST /v1/chat/completions` alone, one
//! request a connection, always as a stream unless the script gives a status; whether a request makes sense is not its
//! business.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Server, head::Head};

/// How long it waits for anybody, so that a test that went wrong ends.
const PATIENCE: Duration = Duration::from_secs(20);
/// A `default` that tells the model nothing: a prompt is then what the test has put there.
const PLAIN_PERSONA: &str = r#"{"default":{"name":"Plain","description":"Nobody.","instructions":""}}"#;
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What the model does with a request, step by step. Whatever a step sends is one HTTP chunk.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A whole answer with status, headers and body. It is the last step.
    Status(u16, Vec<(&'static str, String)>, String),
    /// The head of a stream; implied before the first thing that is sent.
    Headers,
    Text(String),
    /// A piece of a tool call. An empty `id` or `name` is left out.
    ToolCall {
        index: usize,
        id: &'static str,
        name: &'static str,
        arguments: String,
    },
    /// Why the answer ends.
    Finish(&'static str),
    /// Tokens of the prompt and of the answer.
    Usage(u64, u64),
    Done,
    /// Bytes as they are.
    Raw(Vec<u8>),
    Pause(Duration),
    /// Waits for one `Model::open`. Goes on when its patience is over.
    Gate,
    /// Closes the connection in the middle of the answer. It is the last step.
    Cut,
    /// Sends nothing more until the client closes the connection. It is the last step.
    Hang,
}

/// A request for a completion.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// A running model server.
pub(crate) struct Model {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

type Script = dyn Fn(usize, &Value) -> Vec<Step> + Send + Sync;

/// What the test and the threads of the connections share.
struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<Received>>,
    open_gates: AtomicUsize,
    hang_ups: AtomicUsize,
    is_over: AtomicBool,
}

impl Server {
    /// A server for local development that asks `model`, with these variables besides.
    pub(crate) fn asking(model: &Model, variables: &[(&str, &str)]) -> Server {
        let own = model.variables();
        // Asked for nothing but answers, unless the test wants more.
        let plain = [("MODEL_TOOLS", "off"), ("MODEL_TITLES", "off"), ("PERSONAS", PLAIN_PERSONA)];
        let own = own.iter().map(|(name, value)| (*name, value.as_str())).chain(plain);
        let is_own = |(name, _): &(&str, &str)| variables.iter().all(|(given, _)| given != name);
        Server::with(&own.filter(is_own).chain(variables.iter().copied()).collect::<Vec<_>>())
    }
}

impl Model {
    /// Answers each request as `script` says; it gets the request's number from 0 and its body. When it panics, so does
    /// the test at its end.
    pub(crate) fn start(script: impl Fn(usize, &Value) -> Vec<Step> + Send + Sync + 'static) -> Model {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            requests: Mutex::default(),
            open_gates: AtomicUsize::new(0),
            hang_ups: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn({
            let shared = shared.clone();
            move || shared.accept(&listener)
        });
        Model { address, shared, thread: Some(thread) }
    }

    /// Says these words, one a chunk, and ends as it should.
    pub(crate) fn saying(text: &str) -> Vec<Step> {
        let mut steps: Vec<Step> = text.split_inclusive(' ').map(|word| Step::Text(word.to_owned())).collect();
        let words = steps.len() as u64;
        steps.extend([Step::Finish("stop"), Step::Usage(1, words), Step::Done]);
        steps
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The variables that make a server use this model.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("MODEL_PROVIDER", "openai".to_owned()),
            ("MODEL_BASE_URL", self.base_url()),
            ("MODEL_NAME", "fixture".to_owned()),
            ("MODEL_API_KEY", "fixture-key".to_owned()),
        ]
    }

    /// Lets that many gates through, now or when they are reached.
    pub(crate) fn open(&self, gates: usize) {
        self.shared.open_gates.fetch_add(gates, Ordering::SeqCst);
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many connections the client has closed before the script was over.
    pub(crate) fn hang_ups(&self) -> usize {
        self.shared.hang_ups.load(Ordering::SeqCst)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts. It waits for those of the connections.
        let _ = TcpStream::connect(self.address);
        let has_ended = self.thread.take().is_none_or(|thread| thread.join().is_ok());
        assert!(has_ended || thread::panicking(), "the script of the model panicked, see above");
    }
}

impl Shared {
    fn accept(&self, listener: &TcpListener) {
        thread::scope(|scope| {
            for stream in listener.incoming() {
                if self.is_over.load(Ordering::SeqCst) {
                    return;
                }
                scope.spawn(|| self.serve(stream.unwrap()));
            }
        });
    }

    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(POLL_INTERVAL)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let Some((head, body)) = self.receive(&mut stream) else { return };
        let steps = self.steps(head, &body);
        if (Answer { stream, shared: self, has_head: false }).play(steps).is_err() {
            self.hang_ups.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Reads a request; none when the client goes away before its end.
    fn receive(&self, stream: &mut TcpStream) -> Option<(Head, Vec<u8>)> {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 1 << 16]);
        loop {
            if let Some(head) = Head::parse(&bytes)
                && let Some(body) = bytes.get(head.size_bytes..head.size_bytes + head.length().unwrap_or(0))
            {
                let body = body.to_vec();
                return Some((head, body));
            }
            match stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(size_bytes) => bytes.extend_from_slice(&buffer[..size_bytes]),
                Err(error) if is_early(&error) && !self.is_over.load(Ordering::SeqCst) => {}
                Err(_) => return None,
            }
        }
    }

    /// What to do with a request, which is noted when it is one for a completion.
    fn steps(&self, head: Head, body: &[u8]) -> Vec<Step> {
        if !head.line.starts_with("POST /v1/chat/completions ") {
            return vec![Step::Status(404, vec![], format!("no such route: {}", head.line))];
        }
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return vec![Step::Status(400, vec![], format!("no JSON: {error}"))],
        };
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(Received { headers: head.fields, body: body.clone() });
            requests.len() - 1
        };
        (self.script)(number, &body)
    }

    /// Goes through a gate if one is open.
    fn passes(&self) -> bool {
        self.open_gates.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |gates| gates.checked_sub(1)).is_ok()
    }
}

/// An answer on its way. Its errors mean that the client is gone.
struct Answer<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    has_head: bool,
}

impl Answer<'_> {
    fn play(&mut self, steps: Vec<Step>) -> io::Result<()> {
        for step in steps {
            self.check()?;
            match step {
                Step::Status(status, headers, body) => return self.send_whole(status, &headers, &body),
                Step::Headers => self.send_head()?,
                Step::Text(text) => self.send_choice(&json!({"content": text}), None)?,
                Step::ToolCall { index, id, name, arguments } => {
                    self.send_choice(&json!({"tool_calls": [tool_call(index, id, name, &arguments)]}), None)?;
                }
                Step::Finish(reason) => self.send_choice(&json!({}), Some(reason))?,
                Step::Usage(prompt, answer) => {
                    let usage = json!({"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer});
                    self.send_event(&json!([]), &usage)?;
                }
                Step::Done => self.send(b"data: [DONE]\n\n")?,
                Step::Raw(bytes) => self.send(&bytes)?,
                Step::Pause(time) => _ = self.wait(time, || false)?,
                Step::Gate => {
                    if !self.wait(PATIENCE, || self.shared.passes())? {
                        eprintln!("model: nobody has opened a gate for {PATIENCE:?}");
                    }
                }
                Step::Cut => return self.stream.shutdown(Shutdown::Both),
                Step::Hang => {
                    self.wait(PATIENCE, || false)?;
                    return self.stream.shutdown(Shutdown::Both);
                }
            }
        }
        self.send_head()?;
        self.stream.write_all(b"0\r\n\r\n")
    }

    fn send_whole(&mut self, status: u16, headers: &[(&str, String)], body: &str) -> io::Result<()> {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} \r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
        self.stream.write_all(answer.as_bytes())
    }

    fn send_head(&mut self) -> io::Result<()> {
        if self.has_head {
            return Ok(());
        }
        self.has_head = true;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        self.stream.write_all(head.as_bytes())
    }

    fn send_choice(&mut self, delta: &Value, finish_reason: Option<&str>) -> io::Result<()> {
        self.send_event(&json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}]), &Value::Null)
    }

    fn send_event(&mut self, choices: &Value, usage: &Value) -> io::Result<()> {
        let event = json!({
            "id": "chatcmpl-fixture",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "fixture",
            "choices": choices,
            "usage": usage,
        });
        self.send(format!("data: {event}\n\n").as_bytes())
    }

    /// Sends one HTTP chunk.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send_head()?;
        // An empty chunk would end the body.
        if bytes.is_empty() {
            return Ok(());
        }
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.stream.write_all(&chunk)
    }

    /// Waits until `condition` holds, at most `limit`; whether it holds. Fails as soon as the client is gone.
    fn wait(&self, limit: Duration, condition: impl Fn() -> bool) -> io::Result<bool> {
        let started = Instant::now();
        loop {
            self.check()?;
            if condition() {
                return Ok(true);
            }
            let remaining = limit.saturating_sub(started.elapsed());
            if remaining.is_zero() {
                return Ok(false);
            }
            thread::sleep(remaining.min(POLL_INTERVAL));
        }
    }

    /// Fails when the client has closed the connection or the test is over.
    fn check(&self) -> io::Result<()> {
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        match peeked {
            Ok(0) => Err(ErrorKind::ConnectionAborted.into()),
            Err(error) if !is_early(&error) => Err(error),
            _ if self.shared.is_over.load(Ordering::SeqCst) => Err(ErrorKind::Interrupted.into()),
            _ => Ok(()),
        }
    }
}

/// Whether a read has only come before there was anything; a timeout has either name.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn tool_call(index: usize, id: &str, name: &str, arguments: &str) -> Value {
    let mut call = json!({"index": index, "function": {"arguments": arguments}});
    if !id.is_empty() {
        call["id"] = id.into();
        call["type"] = "function".into();
    }
    if !name.is_empty() {
        call["function"]["name"] = name.into();
    }
    call
}
