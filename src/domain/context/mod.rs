//! What a model sees of a session: instructions, what is remembered, a summary of what is long ago, passages that fit the
//! new message, and the latest messages, within a budget.
//!
//! Pure: what there is was read by others, and counts are bytes; what a byte costs in tokens is `turn/tokens.rs`'s business.

mod units;
pub(crate) mod words;
#[cfg(test)]
mod tests;

use crate::domain::{
    history::prompt,
    message::{Message, NewMessage, Role},
    time::Timestamp,
    turn::named,
};
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
    /// The persona's, the profile's, the client's, in this order.
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
    /// How many messages before all of these were not even read.
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
    /// The persona's, the profile's, the client's.
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

/// Room for what joins the parts: an opening, line breaks.
const JOINTS_BYTES: usize = 128;

/// Puts together what a model sees, in at most `budget_bytes` bytes of text.
pub(crate) fn assemble(material: Material, strategy: Strategy, budget_bytes: usize) -> Context {
    let Material { instructions, user_memory, session_memory, summary, recent, passages, goes_on, unread } = material;
    let mut context = Context::default();
    let mut room = budget_bytes.saturating_sub(JOINTS_BYTES).saturating_sub(if goes_on { prompt::GO_ON.len() } else { 0 });

    // The newest is always there.
    let mut units = units::group(recent);
    let newest = units.pop().map(|newest| {
        // However long it is, it leaves some room for instructions: nobody switches them off by length.
        let most = room.saturating_sub(instructions.iter().map(String::len).fold(0, usize::saturating_add)).max(share(room, 3, 4));
        let (newest, is_shortened) = newest.shrunk_to(most);
        if is_shortened {
            context.leave_out(Kind::Messages, newest.count(), newest.span(), Why::Shortened);
        }
        room = room.saturating_sub(newest.size_bytes());
        newest
    });

    let mut front = Vec::new();
    let mut put = |context: &mut Context, kind, text: String, count: u64, span| {
        if !text.is_empty() {
            context.parts.push(Part { kind, count, bytes: bytes(text.len()), span });
            front.push(text);
        }
    };
    let count = bytes(instructions.len());
    let (text, is_shortened) = units::shortened(instructions.join("\n\n"), room);
    if is_shortened {
        context.leave_out(Kind::Instructions, count, None, Why::Shortened);
    }
    room = room.saturating_sub(text.len());
    put(&mut context, Kind::Instructions, text, count, None);

    let (mut of_memory, each) = (share(room, 1, 3), [(Kind::UserMemory, user_memory), (Kind::SessionMemory, session_memory)]);
    for (kind, Remembered { latest, total }) in each {
        let (text, told) = words::of_memory(kind, &latest, of_memory);
        context.leave_out(kind, total.saturating_sub(told), None, Why::Budget);
        of_memory = of_memory.saturating_sub(text.len());
        room = room.saturating_sub(text.len());
        put(&mut context, kind, text, told, None);
    }

    // Room for what stands for older messages; the latest take the rest.
    let has_summary = strategy != Strategy::Truncate;
    let summary = summary.filter(|_| has_summary);
    let stored = summary.as_ref().map(|summary| units::shortened(summary.text.clone(), share(room, 1, 4)).0).unwrap_or_default();
    let of_passages = if strategy == Strategy::Hierarchical { share(room, 1, 4) } else { 0 };
    let of_recent = room.saturating_sub(stored.len()).saturating_sub(words::SUMMARY.len());
    let fits_whole = units.iter().map(Unit::size_bytes).fold(0_usize, usize::saturating_add) <= of_recent;
    let of_gap = if fits_whole || !has_summary { 0 } else { share(room, 1, 8) };
    let of_recent = if fits_whole { of_recent } else { of_recent.saturating_sub(of_gap).saturating_sub(of_passages) };
    let (gap, kept) = units::newest_within(units, of_recent);

    let kept_bytes: usize = kept.iter().map(Unit::size_bytes).fold(0, usize::saturating_add);
    let latest: Vec<Message> = kept.into_iter().chain(newest).flat_map(Unit::into_messages).collect();
    let window = latest.first().map_or(u64::MAX, |first| first.sequence);
    let gap: Vec<Message> = gap.into_iter().flat_map(Unit::into_messages).collect();
    let why = if has_summary { Why::Summarized } else { Why::Budget };
    context.leave_out(Kind::Messages, bytes(gap.len()), span(&gap), why);
    if let Some(summary) = &summary {
        let count = summary.through.saturating_sub(summary.from).saturating_add(1);
        context.leave_out(Kind::Messages, count, Some((summary.from, summary.through)), Why::Summarized);
    }
    context.leave_out(Kind::Messages, unread, None, Why::TooOld);

    if has_summary && (summary.is_some() || !gap.is_empty()) {
        let covered = (summary.as_ref().map(|summary| summary.from).or_else(|| span(&gap).map(|(first, _)| first)))
            .zip(span(&gap).map(|(_, last)| last).or_else(|| summary.as_ref().map(|summary| summary.through)));
        let text = words::extract(&stored, &gap, stored.len().saturating_add(of_gap));
        put(&mut context, Kind::Summary, format!("{}{text}", words::SUMMARY), 1, covered);
    }
    let left = room.saturating_sub(kept_bytes).saturating_sub(stored.len()).saturating_sub(of_gap).saturating_sub(words::SUMMARY.len());
    let quoted: Vec<Message> = passages.into_iter().filter(|passage| passage.sequence < window).collect();
    let (text, told) = words::of_passages(&quoted, of_passages.min(left));
    put(&mut context, Kind::Passages, text, told, None);

    let part = Part {
        kind: Kind::Messages,
        count: bytes(latest.len()),
        bytes: latest.iter().map(|message| bytes(message.body.size_bytes())).sum(),
        span: span(&latest),
    };
    context.parts.push(part);
    let system = (!front.is_empty()).then(|| NewMessage::text(Role::System, front.join("\n\n")));
    let history = system.into_iter().chain(latest.into_iter().map(|message| message.body));
    context.prompt = if goes_on { prompt::to_go_on_with(history) } else { prompt::of(history) };
    context
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

impl Context {
    fn leave_out(&mut self, kind: Kind, count: u64, span: Option<(u64, u64)>, why: Why) {
        if count > 0 {
            self.left_out.push(LeftOut { kind, count, span, why });
        }
    }
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
