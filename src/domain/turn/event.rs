//! What happens in a turn, in the order in which clients hear of it.

use crate::domain::{
    message::{Message, ToolCall},
    session::Session,
    turn::{Turn, tokens::Usage},
};

/// What happens in a turn, one after the other. The first is always `Accepted`, the last `Done` or `Failed`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The turn exists, whatever becomes of its client.
    Accepted(Turn),
    /// More text.
    Delta(String),
    /// A call of a tool, complete.
    ToolCall(ToolCall),
    /// What it took.
    Usage(Usage),
    /// It has ended with an answer: done, or stopped after a part of one.
    Done(Box<Ended>),
    /// It has ended without one, or with a part that it failed after.
    Failed(Box<Ended>),
}

/// A turn at its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    /// The turn.
    pub turn: Turn,
    /// Its answer, as far as there is one.
    pub answer: Option<Message>,
    /// The session after it; absent when it has been deleted meanwhile.
    pub session: Option<Session>,
}

/// An event with its place in the turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbered {
    /// Grows from event to event, from 0. It has a gap only before the end of a turn that was interrupted.
    pub sequence: u64,
    /// The event.
    pub event: Event,
}
