//! Messages that only go together: what is said, or calls of tools with their results. A history is cut between them.

use crate::domain::message::{Message, NewMessage, Role};

/// What stands for the middle of a text that is too long.
const SHORTENED: &str = "\n[... shortened ...]\n";
/// What joins two messages of one role.
const JOINT_BYTES: usize = 2;
/// What stands before a result whose call has no room.
const RESULT: &str = "(The result of a tool:) ";

/// A message, or one that calls tools with the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit(Vec<Message>);

/// `messages` in units. Results whose calls are missing at the beginning are left out.
pub(super) fn group(messages: Vec<Message>) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for mut message in messages {
        message.body.metadata = None;
        match (message.body.role, units.last_mut()) {
            (Role::Tool, Some(unit)) if unit.has_calls() => unit.0.push(message),
            (Role::Tool, _) => {}
            (Role::System | Role::User | Role::Assistant, _) => units.push(Unit(vec![message])),
        }
    }
    units
}

/// The newest of `units` that fit into `room` bytes, and the older ones before them.
pub(super) fn newest_within(units: Vec<Unit>, room: usize) -> (Vec<Unit>, Vec<Unit>) {
    let fitting = fitting(units.iter().rev().map(Unit::size_bytes), room);
    let mut older = units;
    let newest = older.split_off(older.len().saturating_sub(fitting));
    (older, newest)
}

/// How many of those sizes, from the first on, fit into `room` together.
pub(super) fn fitting(sizes: impl Iterator<Item = usize>, room: usize) -> usize {
    let mut left = room;
    let fitting = sizes.take_while(|size| match left.checked_sub(*size) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    fitting.count()
}

/// `text` in at most `most` bytes: without its middle when it is longer. Is it?
pub(crate) fn shortened(mut text: String, most: usize) -> (String, bool) {
    if text.len() <= most {
        return (text, false);
    }
    let Some(halves) = most.checked_sub(SHORTENED.len()) else { return (String::new(), true) };
    let half = halves.checked_div(2).unwrap_or_default();
    let (start, end) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len().saturating_sub(half)));
    text.replace_range(start..end, SHORTENED);
    (text, true)
}

impl Unit {
    /// What it takes in a prompt.
    pub(super) fn size_bytes(&self) -> usize {
        self.0.iter().fold(0, |sum, message| sum.saturating_add(message.body.size_bytes()).saturating_add(JOINT_BYTES))
    }

    /// How many messages it is.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// Its first and last message.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        super::span(&self.0)
    }

    /// Its messages.
    pub(super) fn into_messages(self) -> Vec<Message> {
        self.0
    }

    /// The same in at most `most` bytes: with texts and arguments that lose their middle, then with fewer calls, at last
    /// as plain text. Is it any different?
    pub(super) fn shrunk_to(mut self, most: usize) -> (Unit, bool) {
        if self.size_bytes() <= most {
            return (self, false);
        }
        loop {
            let fixed = self.0.iter().fold(0_usize, |sum, message| sum.saturating_add(fixed_bytes(&message.body)));
            let texts = self.0.iter().map(|message| message.body.tool_calls.len().saturating_add(1)).sum::<usize>();
            if let Some(each) = most.checked_sub(fixed).and_then(|room| room.checked_div(texts))
                && each > SHORTENED.len()
            {
                self.shorten_texts(each);
                return (self, true);
            }
            if !self.drop_first_call() {
                break;
            }
        }
        (self.flattened(most), true)
    }

    fn has_calls(&self) -> bool {
        self.0.first().is_some_and(|first| !first.body.tool_calls.is_empty())
    }

    /// Texts that are no longer than `each` stay as they are.
    fn shorten_texts(&mut self, each: usize) {
        for message in &mut self.0 {
            message.body.content = message.body.content.take().map(|text| shortened(text, each).0);
            for call in &mut message.body.tool_calls {
                // It is JSON: a part of it would be none.
                if call.arguments.len() > each {
                    "{}".clone_into(&mut call.arguments);
                }
            }
        }
    }

    /// Takes out the first call and its result, unless it is the last one.
    fn drop_first_call(&mut self) -> bool {
        let Some(first) = self.0.first_mut().filter(|first| first.body.tool_calls.len() > 1) else { return false };
        let call = first.body.tool_calls.remove(0);
        self.0.retain(|message| message.body.tool_call_id.as_ref() != Some(&call.id));
        true
    }

    /// What its last message says, as a plain one.
    fn flattened(self, most: usize) -> Unit {
        let last = self.0.into_iter().last().map(|message| {
            let (role, intro) = match message.body.role {
                Role::Tool => (Role::User, RESULT),
                role @ (Role::System | Role::User | Role::Assistant) => (role, ""),
            };
            let room = most.saturating_sub(JOINT_BYTES).saturating_sub(intro.len());
            let text = shortened(message.body.content.unwrap_or_default(), room).0;
            Message { body: NewMessage::text(role, format!("{intro}{text}")), ..message }
        });
        Unit(last.into_iter().collect())
    }
}

/// What cannot be shortened in it.
fn fixed_bytes(body: &NewMessage) -> usize {
    let texts =
        body.tool_calls.iter().fold(body.content.as_ref().map_or(0, String::len), |sum, call| sum.saturating_add(call.arguments.len()));
    body.size_bytes().saturating_sub(texts).saturating_add(JOINT_BYTES)
}
