//! What happens in a turn, in the order in which clients hear of it.

use crate::domain::{
    memory::{Emptied, MemoryChange},
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
    /// Something was remembered, or forgotten.
    Memory(MemoryChange),
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

/// Room for the events of one turn in the numbers of its session's. A turn has at most 256 KiB of text, so fewer.
pub(crate) const EVENTS_A_TURN: u64 = 1_000_000;

/// The place of an event among all of a session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The turn it happened in, from 1.
    pub turn: u64,
    /// Its number there, from 0.
    pub sequence: u64,
}

impl Place {
    /// One number for it, which grows through all turns of the session.
    pub(crate) fn id(self) -> u64 {
        self.turn.saturating_sub(1).saturating_mul(EVENTS_A_TURN).saturating_add(self.sequence.min(EVENTS_A_TURN.saturating_sub(1)))
    }

    /// The place of that number.
    pub(crate) fn of_id(id: u64) -> Place {
        Place {
            turn: id.checked_div(EVENTS_A_TURN).unwrap_or_default().saturating_add(1),
            sequence: id.checked_rem(EVENTS_A_TURN).unwrap_or_default(),
        }
    }
}

/// An event with its place in the turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbered {
    /// Grows from event to event, from 0. It has a gap only before the end of a turn that was interrupted.
    pub sequence: u64,
    /// The event.
    pub event: Event,
}

impl Numbered {
    /// Forgets what was taught to a memory which is emptied since.
    pub(crate) fn forget(&mut self, emptied: Emptied) {
        if let Event::Memory(change) = &mut self.event {
            change.forget(emptied);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_events_grow_through_the_turns() {
        for (turn, sequence, id) in [(1, 0, 0), (1, 7, 7), (2, 0, 1_000_000), (3, 999_999, 2_999_999)] {
            let place = Place { turn, sequence };
            assert_eq!((place.id(), Place::of_id(id)), (id, place));
        }
    }
}
