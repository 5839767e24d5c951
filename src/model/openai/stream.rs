//! An answer, read from the bytes of a stream as they come, or from a body that came whole.
//!
//! It does not wait, retry or count text against a limit.

use serde_json::Value;

use crate::model::{
    Completion, Failed,
    openai::{
        answer::Answer,
        events::{Event, Events},
        failure::{failure_of_error, unavailable},
    },
};

/// Reads a stream.
pub(crate) struct Decoder {
    events: Events,
    answer: Answer,
    is_over: bool,
    failed: Option<Failed>,
}

impl Decoder {
    /// Before the first byte.
    pub(crate) fn new() -> Decoder {
        Decoder { events: Events::new(), answer: Answer::default(), is_over: false, failed: None }
    }

    /// The pieces of text that `bytes` complete, none of them empty.
    ///
    /// # Errors
    /// The failure the server tells of, or `Unavailable` when it talks nonsense. Text that came before it is given
    /// first: then the next call fails, whichever it is.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, Failed> {
        let events = self.events.feed(bytes);
        let deltas = self.read(events);
        if self.failed.is_none() && !self.is_over && self.events.is_too_large() {
            self.failed = Some(unavailable("event too large"));
        }
        self.give(deltas)
    }

    /// The text in the last event, if the bytes ended without ending it. To be called at their end.
    ///
    /// # Errors
    /// As [`Decoder::feed`], except for nonsense: half an event at the end is a stream that was cut, and [`Decoder::end`]
    /// knows whether that matters.
    pub(crate) fn flush(&mut self) -> Result<Vec<String>, Failed> {
        let events = self.events.flush().into_iter().filter(|event| is_done(event) || parse(&event.data).is_ok()).collect();
        let deltas = self.read(events);
        self.give(deltas)
    }

    /// The server has said that nothing follows.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Has the answer been said to its end? Counts of tokens may still come.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_over || self.answer.is_finished()
    }

    /// What the answer came to.
    ///
    /// # Errors
    /// A failure not given yet, or `Unavailable` when the answer did not come to its end.
    pub(crate) fn end(self) -> Result<Completion, Failed> {
        match self.failed {
            Some(failed) => Err(failed),
            None => self.answer.end(self.is_over),
        }
    }

    fn read(&mut self, events: Vec<Event>) -> Vec<String> {
        let mut deltas = Vec::new();
        for event in events {
            if self.is_over || self.failed.is_some() {
                break;
            }
            match self.take(&event) {
                Ok(text) => deltas.extend(text.filter(|text| !text.is_empty())),
                Err(failed) => self.failed = Some(failed),
            }
        }
        deltas
    }

    fn take(&mut self, event: &Event) -> Result<Option<String>, Failed> {
        if is_done(event) {
            self.is_over = true;
            return Ok(None);
        }
        let chunk = parse(&event.data)?;
        if event.is_error {
            return Err(failure_of_error(chunk.get("error").unwrap_or(&chunk)));
        }
        self.answer.take(&chunk)
    }

    fn give(&self, deltas: Vec<String>) -> Result<Vec<String>, Failed> {
        match &self.failed {
            Some(failed) if deltas.is_empty() => Err(failed.clone()),
            Some(_) | None => Ok(deltas),
        }
    }
}

/// Reads an answer in one piece, which is what servers send that know nothing of streams.
///
/// # Errors
/// The failure the server tells of, or `Unavailable` when there is no answer.
pub(crate) fn decode_whole(bytes: &[u8]) -> Result<(String, Completion), Failed> {
    let body = parse(bytes)?;
    // The envelope of Cloudflare's API.
    let body = body.get("result").filter(|result| result.is_object()).unwrap_or(&body);
    let mut answer = Answer::default();
    let text = answer.take(body)?.ok_or_else(|| unavailable("no answer"))?;
    Ok((text, answer.end(true)?))
}

fn is_done(event: &Event) -> bool {
    event.data.trim_ascii() == b"[DONE]"
}

fn parse(json: &[u8]) -> Result<Value, Failed> {
    // Whoever cuts a stream of text in the middle of a character sends what is no UTF-8.
    serde_json::from_str(&String::from_utf8_lossy(json)).map_err(|_| unavailable("not JSON"))
}
