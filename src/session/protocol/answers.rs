//! What a session object answers.

use serde::{Deserialize, Serialize};

use crate::session::record::{
    MessageRecord, NewMessageRecord, SessionRecord,
    turn::{EndedRecord, MemoryChangeRecord, TurnRecord},
};

/// The session, and whether it is new.
#[derive(Serialize, Deserialize)]
pub(crate) struct Created {
    pub(crate) session: SessionRecord,
    pub(crate) is_new: bool,
}

/// The session, and what was said and done in it last.
#[derive(Serialize, Deserialize)]
pub(crate) struct Overview {
    pub(crate) session: SessionRecord,
    pub(crate) last_query: Option<String>,
    /// Of the message that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_query_metadata: Option<String>,
    /// Without its middle when it is long.
    pub(crate) last_response: Option<String>,
    /// What the last turn took.
    pub(crate) last_execution_ms: Option<u64>,
}

/// What went with the session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Deleted {
    pub(crate) message_count: u64,
    /// Until then it can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restorable_until: Option<i64>,
}

/// What became of the wish to end a session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ended {
    /// It goes on: a turn runs.
    pub(crate) is_spared: bool,
    /// Was there one to end? Absent in older answers.
    #[serde(default)]
    pub(crate) is_found: bool,
    /// How many messages went with it.
    pub(crate) message_count: u64,
}

/// The messages as stored, stubs for missing tool results among them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Appended {
    pub(crate) session: SessionRecord,
    pub(crate) messages: Vec<MessageRecord>,
}

/// A page of messages.
#[derive(Serialize, Deserialize)]
pub(crate) struct PageRecord {
    pub(crate) messages: Vec<MessageRecord>,
    pub(crate) total: u64,
    #[serde(default)]
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
}

/// A turn that has an answer. It is also what is kept under the request's key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Answered {
    pub(crate) session: SessionRecord,
    /// What was answered: a user's message, or the last result of a tool.
    pub(crate) user: MessageRecord,
    pub(crate) assistant: MessageRecord,
    pub(crate) model: String,
    /// Absent in what 0.1 kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<TurnRecord>,
    /// What was remembered and forgotten on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) memory: Vec<MemoryChangeRecord>,
}

/// A context: what a model is told, and why that.
#[derive(Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) prompt: Vec<NewMessageRecord>,
    pub(crate) parts: Vec<PartRecord>,
    pub(crate) left_out: Vec<LeftOutRecord>,
    pub(crate) strategy: String,
    pub(crate) model: String,
    pub(crate) budget_tokens: u64,
    /// Of the whole prompt, reckoned.
    pub(crate) tokens: u64,
}

/// A part of a context.
#[derive(Serialize, Deserialize)]
pub(crate) struct PartRecord {
    pub(crate) kind: String,
    pub(crate) count: u64,
    pub(crate) tokens: u64,
    pub(crate) span: Option<(u64, u64)>,
    /// Absent where it is messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

/// Something that a context does not show as it was said.
#[derive(Serialize, Deserialize)]
pub(crate) struct LeftOutRecord {
    pub(crate) kind: String,
    pub(crate) count: u64,
    pub(crate) span: Option<(u64, u64)>,
    pub(crate) why: String,
}

/// A turn whose events can be followed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) turn: u64,
    /// From after this event on.
    pub(crate) after: Option<u64>,
}

/// What became of the wish to stop.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stopped {
    /// Was there a turn to stop?
    pub(crate) was_running: bool,
    /// The turn that was meant, if there ever was one.
    pub(crate) last: Option<EndedRecord>,
}

/// What a sweep has found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Swept {
    /// Is there no session?
    pub(crate) is_gone: bool,
}

/// What was taken out.
#[derive(Serialize, Deserialize)]
pub(crate) struct Popped {
    pub(crate) session: SessionRecord,
    pub(crate) sequences: Vec<u64>,
}

/// Versions of one place in the history, the newest first, each one a stretch of messages.
#[derive(Serialize, Deserialize)]
pub(crate) struct Siblings {
    pub(crate) versions: Vec<Vec<MessageRecord>>,
    /// Do earlier ones not fit? Objects of an earlier version give all.
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// A session to make another one of.
#[derive(Serialize, Deserialize)]
pub(crate) struct Copied {
    pub(crate) session: SessionRecord,
    pub(crate) messages: Vec<MessageRecord>,
}
