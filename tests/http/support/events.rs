//! A client for server-sent events over a socket of its own, so that a test can cut the connection after any of them.
//!
//! It is strict with what our server sends: lines end with LF, fields are known, ids are numbers, data is JSON. It does
//! not connect again by itself.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Server, head::Head};

const PATIENCE: Duration = Duration::from_secs(20);

/// One event. Without a name of its own it is a `message`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    /// `[DONE]`, which is no JSON, is given as text.
    pub(crate) data: Value,
}

/// An open response, which gives one event after the other until the end of the body.
pub(crate) struct Events {
    /// What was asked, for messages of failed tests.
    asked: String,
    stream: TcpStream,
    headers: Vec<(String, String)>,
    framing: Framing,
    /// What has come of the connection and is not in `body` yet.
    unread: Vec<u8>,
    body: Vec<u8>,
    /// How much of `body` has been given as events.
    given_bytes: usize,
    chunks: usize,
    comments: usize,
    end: Option<End>,
}

enum Framing {
    Chunked,
    Length(usize),
    UntilClosed,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Whole,
    Broken,
}

impl Server {
    /// Asks for events. Panics unless they come.
    pub(crate) fn events(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Events {
        self.try_events(method, path, headers, body).unwrap_or_else(|answer| panic!("{answer}"))
    }

    /// The same; gives the answer, to be shown, when it is none of events.
    pub(crate) fn try_events(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Result<Events, String> {
        let address = format!("127.0.0.1:{}", self.port);
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        match body.map(Value::to_string) {
            Some(body) => request += &format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
            None => request += "\r\n",
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        Events::open(format!("{method} {path}"), stream)
    }
}

impl Events {
    /// Reads the head.
    fn open(asked: String, stream: TcpStream) -> Result<Events, String> {
        let mut events = Events {
            asked,
            stream,
            headers: Vec::new(),
            framing: Framing::UntilClosed,
            unread: Vec::new(),
            body: Vec::new(),
            given_bytes: 0,
            chunks: 0,
            comments: 0,
            end: None,
        };
        let head = events.read_head();
        events.framing = match (head.field("transfer-encoding"), head.length()) {
            (Some("chunked"), _) => Framing::Chunked,
            (_, Some(length)) => Framing::Length(length),
            (_, None) => Framing::UntilClosed,
        };
        events.unread.drain(..head.size_bytes);
        events.unframe();
        let is_stream = head.field("content-type").is_some_and(|media| media.starts_with("text/event-stream"));
        if !(is_stream && head.line.contains(" 200")) {
            return Err(events.refuse(&head));
        }
        events.headers = head.fields;
        Ok(events)
    }

    fn read_head(&mut self) -> Head {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(head) = Head::parse(&self.unread) {
                return head;
            }
            assert!(self.end.is_none(), "{}: closed without an answer", self.asked);
            self.read(deadline);
        }
    }

    /// Shows an answer that is none of events.
    fn refuse(&mut self, head: &Head) -> String {
        let deadline = Instant::now() + PATIENCE;
        while self.end.is_none() {
            self.read(deadline);
            self.unframe();
        }
        format!("{}: no events but {} {:?}\n{}", self.asked, head.line, head.fields, self.text())
    }

    /// The headers, names in lower case.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// How many comments were before the events that were given.
    pub(crate) fn comments(&self) -> usize {
        self.comments
    }

    /// How many HTTP chunks have come.
    pub(crate) fn chunks(&self) -> usize {
        self.chunks
    }

    /// What has come of the body.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.body
    }

    /// Whether the connection broke off in the middle of the body.
    pub(crate) fn is_broken(&self) -> bool {
        self.end == Some(End::Broken)
    }

    /// The events that are left. Panics when the body breaks off: use the iterator for those.
    pub(crate) fn rest(mut self) -> Vec<Event> {
        let events = self.by_ref().collect();
        assert!(!self.is_broken(), "{}: broke off after\n{}", self.asked, self.text());
        events
    }

    /// Closes the connection at once.
    pub(crate) fn cut(self) {
        // The server may have closed it already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Waits for more bytes of the connection.
    fn read(&mut self, deadline: Instant) {
        // A timeout of nothing is refused.
        let remaining = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(remaining)).unwrap();
        let mut buffer = [0; 1 << 16];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.end = Some(if matches!(self.framing, Framing::UntilClosed) { End::Whole } else { End::Broken }),
            Ok(size_bytes) => self.unread.extend_from_slice(&buffer[..size_bytes]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("{}: nothing for {PATIENCE:?} after\n{}", self.asked, self.text())
            }
            Err(_) => self.end = Some(End::Broken),
        }
    }

    /// Moves what is whole from the connection's bytes to the body.
    fn unframe(&mut self) {
        match self.framing {
            Framing::Chunked => while self.unframe_chunk() {},
            Framing::Length(length) => {
                self.body.append(&mut self.unread);
                if self.body.len() >= length {
                    self.end = Some(End::Whole);
                }
            }
            Framing::UntilClosed => self.body.append(&mut self.unread),
        }
    }

    /// The same for one chunk; whether there may be another.
    fn unframe_chunk(&mut self) -> bool {
        let Some(line) = self.unread.windows(2).position(|window| window == b"\r\n") else { return false };
        let size = std::str::from_utf8(&self.unread[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.unwrap_or_else(|| panic!("{}: no size of a chunk: {:?}", self.asked, &self.unread[..line]));
        let (start, end) = (line + 2, line + 2 + size);
        if self.unread.len() < end + 2 {
            return false;
        }
        self.body.extend_from_slice(&self.unread[start..end]);
        self.unread.drain(..end + 2);
        if size == 0 {
            self.end = Some(End::Whole);
            return false;
        }
        self.chunks += 1;
        true
    }

    /// The lines up to the next empty one, once that is there.
    fn next_block(&mut self) -> Option<String> {
        let open = &self.body[self.given_bytes..];
        let size_bytes = open.windows(2).position(|window| window == b"\n\n")? + 2;
        let block = String::from_utf8(open[..size_bytes].to_vec()).unwrap();
        self.given_bytes += size_bytes;
        Some(block)
    }

    /// The event of a block; as in a browser, there is none without data.
    fn parse(&mut self, block: &str) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, "message", Vec::new());
        for line in block.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => self.comments += 1,
                "id" => id = Some(value.parse().unwrap_or_else(|_| panic!("{}: no number: {line:?}", self.asked))),
                "event" => name = value,
                "data" => data.push(value),
                "retry" => {}
                _ => panic!("{}: no field of an event: {line:?} in {block:?}", self.asked),
            }
        }
        let text = (!data.is_empty()).then(|| data.join("\n"))?;
        let data = match text.as_str() {
            "[DONE]" => text.into(),
            json => serde_json::from_str(json).unwrap_or_else(|error| panic!("{}: {error} in {block:?}", self.asked)),
        };
        Some(Event { id, name: name.to_owned(), data })
    }
}

impl Iterator for Events {
    type Item = Event;

    /// Waits for an event; none at the end of the body, whole or broken.
    fn next(&mut self) -> Option<Event> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(block) = self.next_block() {
                if let Some(event) = self.parse(&block) {
                    return Some(event);
                }
            }
            if self.end.is_some() {
                return None;
            }
            self.read(deadline);
            self.unframe();
        }
    }
}
