//! What a session consists of, piece by piece: what is written out and read in again.

use crate::domain::{memory::Entry, message::Message};

/// A piece of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A message of its history.
    Message(Message),
    /// Something it remembers.
    Memory(Entry),
    /// A message that others have taken the place of.
    Version {
        /// The first of those.
        replaced_by: u64,
        /// What stood there.
        message: Message,
    },
}
