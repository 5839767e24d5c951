//! What a model sees of a session: instructions, what is remembered, a summary of what is long ago, passages that fit the
//! new message, and the latest messages, within a budget.
//!
//! Pure: what there is was read by others, and counts are bytes; what a byte costs in tokens is `turn/tokens.rs`'s business.

mod assembly;
mod units;
pub(crate) mod words;
#[cfg(test)]
mod tests;

use crate::domain::{
    message::{Message, NewMessage},
    time::Timestamp,
    turn::named,
};
pub(crate) use assembly::assemble;
use units::Unit;
pub(crate) use units::shortened;
use words::Known;

/// How what does not fit is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Strategy {
    /// It is left out.
    #[default]
    Truncate,
    /// A summary stands for it.
    Summarize,
    /// A summary stands for it, and passages of it that fit the new message are quoted.
    Hierarchical,
}

/// What a client wants of the context of one turn. It has passed the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ContextWishes {
    /// How what does not fit is dealt with.
    pub strategy: Option<Strategy>,
    /// Most tokens of a prompt.
    pub budget_tokens: Option<u32>,
    /// Is the model told what is remembered, and may it remember more?
    pub uses_memory: Option<bool>,
}

/// A summary of messages `from` to `through`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The first message it stands for.
    pub from: u64,
    /// The last one.
    pub through: u64,
    /// What was said in them.
    pub text: String,
}

/// What there is to tell of a memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The latest first.
    pub latest: Vec<Known>,
    /// How much there is, with what is not among these.
    pub total: u64,
}

/// What there is to tell a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Material {
    /// The persona's instructions; empty when it has none.
    pub persona: String,
    /// The profile's and the client's, in this order.
    pub instructions: Vec<String>,
    /// What is remembered of the user.
    pub user_memory: Remembered,
    /// What is remembered in the session.
    pub session_memory: Remembered,
    /// Of messages before `recent`.
    pub summary: Option<Summary>,
    /// Messages without instructions, oldest first; the last one is to be answered.
    pub recent: Vec<Message>,
    /// Messages that fit the last one, best first.
    pub passages: Vec<Message>,
    /// Is the last message an answer to go on with?
    pub goes_on: bool,
    /// How many messages the summary stands for, where that matters.
    pub summarized: u64,
    /// How many others before these were not even read, where that matters.
    pub unread: u64,
}

/// What a model is sent, and why it is that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// What it is sent.
    pub prompt: Vec<NewMessage>,
    /// What it is made of, in this order.
    pub parts: Vec<Part>,
    /// What is not in it as it was said.
    pub left_out: Vec<LeftOut>,
}

/// Something that a context is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it is.
    pub kind: Kind,
    /// How many of them.
    pub count: u64,
    /// How much text that is, in bytes.
    pub bytes: u64,
    /// The first and the last message it is of.
    pub span: Option<(u64, u64)>,
    /// The text, where it is no messages.
    pub text: Option<String>,
}

/// Something that a context does not show as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// What it is.
    pub kind: Kind,
    /// How many of them.
    pub count: u64,
    /// The first and the last message it is of.
    pub span: Option<(u64, u64)>,
    /// Why.
    pub why: Why,
}

/// Kinds of what a model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The persona's instructions.
    Persona,
    /// The profile's and the client's.
    Instructions,
    /// What is remembered of the user.
    UserMemory,
    /// What is remembered in the session.
    SessionMemory,
    /// What stands for messages long ago.
    Summary,
    /// Messages long ago that fit the new one.
    Passages,
    /// The latest messages, the new one included.
    Messages,
}

/// Why something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is no room for it.
    Budget,
    /// There is no room for the middle of it.
    Shortened,
    /// A summary stands for it.
    Summarized,
    /// It is longer ago than what is looked back on.
    TooOld,
}

/// Calls and their results in at most `most` bytes, as a prompt may go on with.
pub(crate) fn shrunk(messages: impl IntoIterator<Item = NewMessage>, most: usize) -> Vec<NewMessage> {
    let created_at = Timestamp::from_millis(0);
    let numbered = (1..).zip(messages);
    let numbered = numbered.map(|(sequence, body)| Message { sequence, created_at, replaces: None, removed_at: None, body });
    let units = units::group(numbered.collect()).into_iter().map(|unit| unit.shrunk_to(most).0);
    units.flat_map(Unit::into_messages).map(|message| message.body).collect()
}

/// Up to which message a summary should be made, when `recent`, which it does not cover yet, takes too much of the budget.
pub(crate) fn summarize_through(recent: &[Message], budget_bytes: usize) -> Option<u64> {
    let units = units::group(recent.to_vec());
    let all_bytes = units.iter().map(Unit::size_bytes).fold(0_usize, usize::saturating_add);
    if all_bytes <= share(budget_bytes, 1, 2) {
        return None;
    }
    // So much stays as it was said that the next summary is some turns away; and what it is made of must fit, too.
    let (old, _) = units::newest_within(units, share(budget_bytes, 1, 4));
    let mut room = share(budget_bytes, 1, 2);
    let fits = |unit: &&Unit| {
        let rest = room.checked_sub(unit.size_bytes());
        room = rest.unwrap_or(room);
        rest.is_some()
    };
    let fitting = old.iter().take_while(fits).last();
    // One that alone is too much is cut by who makes the summary.
    fitting.or_else(|| old.first()).and_then(Unit::span).map(|(_, last)| last)
}

impl Strategy {
    /// Every one.
    pub(crate) const ALL: [Strategy; 3] = [Strategy::Truncate, Strategy::Summarize, Strategy::Hierarchical];

    /// Its name on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Strategy::Truncate => "truncate",
            Strategy::Summarize => "summarize",
            Strategy::Hierarchical => "hierarchical",
        }
    }

    /// The strategy of that name.
    pub(crate) fn from_name(name: &str) -> Option<Strategy> {
        named(&Strategy::ALL, Strategy::name, name)
    }
}

impl Kind {
    /// Its name on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Persona => "persona",
            Kind::Instructions => "instructions",
            Kind::UserMemory => "user_memory",
            Kind::SessionMemory => "session_memory",
            Kind::Summary => "summary",
            Kind::Passages => "passages",
            Kind::Messages => "messages",
        }
    }
}

impl Why {
    /// Its name on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Why::Budget => "budget",
            Why::Shortened => "shortened",
            Why::Summarized => "summarized",
            Why::TooOld => "too_old",
        }
    }
}

fn span(messages: &[Message]) -> Option<(u64, u64)> {
    Some((messages.first()?.sequence, messages.last()?.sequence))
}

fn share(room: usize, part: usize, of: usize) -> usize {
    room.checked_div(of).unwrap_or_default().saturating_mul(part)
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
