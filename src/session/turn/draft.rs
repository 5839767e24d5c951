//! An answer while it comes: everybody has its events at once, storage now and then, many to a row.

use std::{mem, ops::ControlFlow, time::Duration};

use super::{
    Running,
    ending::{End, TurnOutcome},
    log::Stop,
};
use crate::{
    domain::{
        history::prompt,
        memory::MemoryChange,
        message::NewMessage,
        time::Timestamp,
        turn::event::{Event, Numbered},
    },
    limits,
    model::Settings,
    platform,
    session::object::Object,
};

/// What clients have and storage has not is never more than this: so much text,
const UNSTORED_BYTES: usize = 2048;
/// so many events, fewer than the gap that `ending` leaves,
const UNSTORED_EVENTS: usize = 500;
/// so old, as soon as more comes.
const UNSTORED_AGE: Duration = Duration::from_secs(1);

/// An answer while it comes.
pub(super) struct Draft<'a> {
    object: &'a Object,
    running: &'a Running,
    pub(super) text: String,
    /// Is the next text to begin a paragraph of its own?
    is_new_paragraph: bool,
    memory: Vec<MemoryChange>,
    /// What the model was sent in all rounds, in bytes.
    pub(super) prompt_bytes: u64,
    next_sequence: u64,
    unstored: Vec<Numbered>,
    unstored_bytes: usize,
    stored_at: Timestamp,
    touched_at: Timestamp,
}

impl<'a> Draft<'a> {
    /// Nothing yet.
    pub(super) fn new(object: &'a Object, running: &'a Running) -> Draft<'a> {
        let now = platform::now();
        Draft {
            object,
            running,
            text: String::new(),
            is_new_paragraph: false,
            memory: Vec::new(),
            prompt_bytes: 0,
            next_sequence: 1,
            unstored: Vec::new(),
            unstored_bytes: 0,
            stored_at: now,
            touched_at: now,
        }
    }

    /// Notes that the model is about to be asked.
    pub(super) fn asks(&mut self, prompt: &[NewMessage], settings: &Settings) {
        let tools_bytes = settings.tools.as_ref().map_or(0, String::len);
        let bytes = prompt::size_bytes(prompt).saturating_add(u64::try_from(tools_bytes).unwrap_or(u64::MAX));
        self.prompt_bytes = self.prompt_bytes.saturating_add(bytes);
    }

    /// Notes what was remembered or forgotten.
    pub(super) fn note(&mut self, change: MemoryChange) {
        self.memory.push(change.clone());
        self.emit(Event::Memory(change));
    }

    /// What the model says next is apart from what it has said.
    pub(super) fn begin_paragraph(&mut self) {
        self.is_new_paragraph = !self.text.is_empty() && !self.text.ends_with(char::is_whitespace);
    }

    /// Takes more text; breaks off when there is no room for more.
    pub(super) fn take(&mut self, text: &str) -> ControlFlow<()> {
        if mem::take(&mut self.is_new_paragraph) {
            let _ = self.take("\n\n");
        }
        let room = limits::MESSAGE_BYTES.saturating_sub(self.running.answer_bytes).saturating_sub(self.text.len());
        // NUL would end the text for SQLite's functions.
        let clean = text.replace('\0', "\u{fffd}");
        let taken = clean.get(..clean.floor_char_boundary(room)).unwrap_or_default();
        if !taken.is_empty() {
            self.text.push_str(taken);
            self.emit(Event::Delta(taken.to_owned()));
        }
        if taken.len() < clean.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn emit(&mut self, event: Event) {
        let numbered = Numbered { sequence: self.next_sequence, event };
        self.next_sequence = self.next_sequence.saturating_add(1);
        self.unstored_bytes = self.unstored_bytes.saturating_add(match &numbered.event {
            Event::Delta(text) => text.len(),
            Event::Memory(change) => change.value.as_ref().map_or(0, String::len),
            Event::Accepted(_) | Event::ToolCall(_) | Event::Usage(_) | Event::Done(_) | Event::Failed(_) => 0,
        });
        if let Err(error) = self.running.log.push(&numbered) {
            worker::console_error!("an event is lost: {error:?}");
        }
        self.unstored.push(numbered);
        let age = platform::now().since(self.stored_at);
        if self.unstored_bytes >= UNSTORED_BYTES || self.unstored.len() >= UNSTORED_EVENTS || age >= UNSTORED_AGE {
            self.store();
        }
    }

    /// Stores what is not stored yet. What cannot be stored now is stored with what comes next.
    fn store(&mut self) {
        if self.running.log.stopped() == Some(Stop::Gone) {
            return;
        }
        let now = platform::now();
        let emptied = self.object.emptied.get();
        self.unstored.iter_mut().for_each(|event| event.forget(emptied));
        let stored = self.object.storage.insert_events(self.running.log.turn, &self.unstored);
        // A turn that lasts is activity, also for those who only see the session's row.
        let touches = now.since(self.touched_at) >= self.running.session.idle_timeout.checked_div(4).unwrap_or_default();
        match stored.and_then(|()| if touches { self.object.storage.set_last_activity(now) } else { Ok(()) }) {
            Ok(()) => {
                mem::take(&mut self.unstored);
                (self.unstored_bytes, self.stored_at) = (0, now);
                self.touched_at = if touches { now } else { self.touched_at };
            }
            Err(error) => worker::console_warn!("events are stored later: {error:?}"),
        }
    }

    /// What came of it, whose end is `end`.
    pub(super) fn into_outcome(self, end: End) -> TurnOutcome {
        TurnOutcome {
            text: self.text,
            next_sequence: self.next_sequence,
            unstored: self.unstored,
            memory: self.memory,
            prompt_bytes: Some(self.prompt_bytes).filter(|bytes| *bytes > 0),
            end,
        }
    }
}
