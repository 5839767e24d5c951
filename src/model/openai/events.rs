//! Server-sent events out of bytes that are cut anywhere.
//!
//! The lines are read by `sseer`; this file alone knows that crate. It keeps nothing of an event but its data and
//! whether it is called `error`: no provider tells anything by ids or other names.

use sseer::parser::{RawEventLine, parse_line};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Most bytes of an event that has not ended.
const EVENT_BYTES: usize = 1024 * 1024;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The server calls it `error`.
    pub is_error: bool,
    /// Its data, never empty.
    pub data: Vec<u8>,
}

/// Reads events.
pub(super) struct Events {
    line: Vec<u8>,
    event: Event,
    is_at_start: bool,
}

impl Events {
    /// Before the first byte.
    pub(super) fn new() -> Events {
        Events { line: Vec::new(), event: no_event(), is_at_start: true }
    }

    /// The events that `bytes` complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.line.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.line);
        let mut rest = buffer.as_slice();
        let mut events = Vec::new();
        while let Some((line, after)) = parse_line(self.without_mark(rest)) {
            events.extend(self.read(line));
            self.is_at_start = false;
            rest = after;
        }
        self.line = rest.to_vec();
        events
    }

    /// The event that stands at the end of the bytes without the blank line that ends it.
    pub(super) fn flush(&mut self) -> Vec<Event> {
        self.feed(b"\n\n")
    }

    /// An event has grown over every measure without ending.
    pub(super) fn is_too_large(&self) -> bool {
        self.line.len().saturating_add(self.event.data.len()) > EVENT_BYTES
    }

    fn without_mark<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.strip_prefix(BYTE_ORDER_MARK).filter(|_| self.is_at_start).unwrap_or(bytes)
    }

    fn read(&mut self, line: RawEventLine<'_>) -> Option<Event> {
        match line {
            RawEventLine::Empty => return Some(std::mem::replace(&mut self.event, no_event())).filter(|event| !event.data.is_empty()),
            RawEventLine::Field { field_name: b"data", field_value } => self.add(field_value.unwrap_or_default()),
            RawEventLine::Field { field_name: b"event", field_value } => self.event.is_error = field_value == Some(b"error"),
            RawEventLine::Field { .. } | RawEventLine::Comment => {}
        }
        None
    }

    fn add(&mut self, data: &[u8]) {
        if !self.event.data.is_empty() {
            self.event.data.push(b'\n');
        }
        self.event.data.extend_from_slice(data);
    }
}

fn no_event() -> Event {
    Event { is_error: false, data: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_the_standard_says() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("data: a\n\n", &["a"]),
            ("data:a\n\ndata:  b\n\n", &["a", " b"]),
            ("data: a\ndata: b\n\n", &["a\nb"]),
            ("data: a\r\rdata: b\r\n\r\n", &["a", "b"]),
            (": ping\n\n:\n\nid: 1\nretry: 5\ndata: a\nother: x\n\n", &["a"]),
            ("data\n\ndata:\n\n\n\n", &[]),
            ("event: error\ndata: a\n\ndata: b\n\n", &["!a", "b"]),
            ("event: error\n\ndata: b\n\n", &["b"]),
            ("event: message\ndata: b\n\n", &["b"]),
            ("\u{feff}data: a\n\n", &["a"]),
            ("\u{feff}\u{feff}data: a\n\n", &[]),
            ("\n\u{feff}data: a\n\n", &[]),
            ("data: a", &["a"]),
            ("data: a\n", &["a"]),
            ("data: a\r", &["a"]),
            ("data: \u{fc}\u{1f600}", &["\u{fc}\u{1f600}"]),
        ];
        for (stream, expected) in cases {
            for size in 1..=stream.len().max(1) {
                let mut events = Events::new();
                let mut read: Vec<Event> = stream.as_bytes().chunks(size).flat_map(|chunk| events.feed(chunk)).collect();
                read.extend(events.flush());
                let read: Vec<String> = read
                    .into_iter()
                    .map(|e| format!("{}{}", if e.is_error { "!" } else { "" }, String::from_utf8(e.data).unwrap()))
                    .collect();
                assert_eq!(read, *expected, "{stream:?} in chunks of {size}");
            }
        }
    }

    #[test]
    fn an_event_without_end_is_too_large_at_some_point() {
        let line = format!("data: {}\n", "x".repeat(EVENT_BYTES / 4));
        let mut events = Events::new();
        for _ in 0..3 {
            events.feed(line.as_bytes());
        }
        assert!(!events.is_too_large());
        events.feed(line.as_bytes());
        assert!(events.is_too_large(), "lines of data");

        let mut events = Events::new();
        events.feed(&vec![b'x'; EVENT_BYTES]);
        assert!(!events.is_too_large());
        events.feed(b"x");
        assert!(events.is_too_large(), "a line");

        let mut events = Events::new();
        for _ in 0..100_000 {
            events.feed(b": OPENROUTER PROCESSING\n\n");
        }
        assert!(!events.is_too_large(), "comments");
    }
}
