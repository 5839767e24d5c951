//! What is remembered: values under keys, of a user or of a session. The two never mix.

pub(crate) mod statement;
mod plain;
mod lexicon;
mod tokens;
mod claim;
mod things;
mod preference;
pub(crate) mod extract;

use crate::domain::{id::MemoryKey, session::Version, time::Timestamp};

/// In place of a value that is forgotten.
const NO_VALUE: &str = "null";

/// Something remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub key: MemoryKey,
    /// The value: JSON as text, as it was written.
    pub value: String,
    /// When it was first remembered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes.
    pub revision: u64,
    /// Who wanted it remembered.
    pub source: Source,
    /// Where it was said, if it was.
    pub origin: Option<Origin>,
}

/// Who wants something remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A client, through the API.
    Client,
    /// The model, during a turn.
    Model,
    /// A rule that reads what people say about themselves.
    Rule,
}

/// A message that something was learned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its session.
    pub session_id: String,
    /// Its place there.
    pub sequence: u64,
}

/// What a turn is to know of what is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reminded {
    /// May the model know it, and remember more?
    pub uses_memory: bool,
    /// What was learned just now.
    pub learned: Vec<Entry>,
    /// What was remembered before, the latest first, as much as a prompt can be told.
    pub entries: Vec<Entry>,
    /// How many there are.
    pub total: u64,
}

/// Something that was remembered or forgotten in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemoryChange {
    /// In the user's memory, not in the session's?
    pub is_of_user: bool,
    /// Under which key.
    pub key: String,
    /// The value, JSON as text; `None`: it was forgotten.
    pub value: Option<String>,
    /// Who wanted it.
    pub source: Source,
}

/// Which memories have been emptied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Emptied {
    /// The user's?
    pub is_users: bool,
    /// The session's own?
    pub is_sessions: bool,
}

impl Emptied {
    /// These and those.
    pub(crate) fn and(self, other: Emptied) -> Emptied {
        Emptied { is_users: self.is_users || other.is_users, is_sessions: self.is_sessions || other.is_sessions }
    }

    /// Is the user's memory among them, or the session's?
    pub(crate) fn has(self, is_of_user: bool) -> bool {
        if is_of_user { self.is_users } else { self.is_sessions }
    }
}

impl MemoryChange {
    /// Forgets the value that was taught to a memory which is emptied since.
    pub(crate) fn forget(&mut self, emptied: Emptied) {
        if emptied.has(self.is_of_user) {
            self.value = self.value.take().map(|_| NO_VALUE.to_owned());
        }
    }

    /// That `entry` was saved.
    pub(crate) fn saved(entry: Entry, is_of_user: bool) -> MemoryChange {
        MemoryChange { is_of_user, key: entry.key.as_str().to_owned(), value: Some(entry.value), source: entry.source }
    }
}

impl Entry {
    /// Names its present state.
    pub(crate) fn version(&self) -> Version {
        Version { created_at_ms: self.created_at.millis(), revision: self.revision }
    }
}

impl Source {
    /// Everyone.
    pub(crate) const ALL: [Source; 3] = [Source::Client, Source::Model, Source::Rule];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Source::Client => "client",
            Source::Model => "model",
            Source::Rule => "rule",
        }
    }
}
