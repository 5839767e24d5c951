//! The words of a context: how memory, passages and what is long ago are put.

use super::{Kind, units::fitting};
use crate::domain::message::Message;

/// What stands before a summary.
pub(super) const SUMMARY: &str = "What was said earlier in this conversation, in short:\n";
const OF_USER: &str = "What is known about the user:";
const OF_SESSION: &str = "What is noted for this conversation:";
const PASSAGES: &str = "From earlier in this conversation:";
/// Most of a value or a passage, in bytes.
const LINE_BYTES: usize = 1000;
/// Least and most of a sentence in a summary, in bytes.
const SENTENCE_BYTES: (usize, usize) = (40, 200);

/// Something remembered: its key, and its value as people would write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its name.
    pub key: String,
    /// The value, on one line.
    pub value: String,
}

/// As many of `known` as fit into `room` bytes; how many these are.
pub(super) fn of_memory(kind: Kind, known: &[Known], room: usize) -> (String, u64) {
    let heading = if kind == Kind::UserMemory { OF_USER } else { OF_SESSION };
    list(heading, known.iter().map(|Known { key, value }| format!("{key}: {value}")), room)
}

/// As many of `passages` as fit into `room` bytes; how many these are.
pub(super) fn of_passages(passages: &[Message], room: usize) -> (String, u64) {
    list(PASSAGES, passages.iter().map(said), room)
}

/// `messages` as they were said, one after the other.
pub(crate) fn transcript(messages: &[Message]) -> String {
    let calls = |message: &Message| message.body.tool_calls.iter().map(|call| format!(" [calls {}]", call.name)).collect::<String>();
    let line = |message: &Message| {
        let text = message.body.content.as_deref().unwrap_or_default();
        format!("{}: {text}{}", message.body.role.name(), calls(message))
    };
    messages.iter().map(line).collect::<Vec<_>>().join("\n\n")
}

/// What is known about the user, as a prompt's instructions tell it.
pub(crate) fn known_in(instructions: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = instructions.lines().skip_while(|line| *line != OF_USER).skip(1);
    lines.map_while(|line| line.strip_prefix("- ")).filter_map(|line| line.split_once(": "))
}

/// A summary that goes on from `before` with the first sentence of each of `messages`, in at most `most` bytes. What is
/// longest ago is left out first.
pub(crate) fn extract(before: &str, messages: &[Message], most: usize) -> String {
    let says_something = |message: &&Message| message.body.content.as_deref().is_some_and(|text| !text.trim().is_empty());
    let each = most.checked_div(messages.len().saturating_add(1)).unwrap_or_default().clamp(SENTENCE_BYTES.0, SENTENCE_BYTES.1);
    let news = messages.iter().filter(says_something).map(|message| cut(&sentence(message), each));
    let lines: Vec<String> = before.lines().map(str::to_owned).chain(news).collect();
    // The last line has no break after it.
    let fitting = fitting(lines.iter().rev().map(|line| line.len().saturating_add(1)), most.saturating_add(1));
    let skipped = lines.len().saturating_sub(fitting);
    lines.get(skipped..).unwrap_or_default().join("\n")
}

fn list(heading: &str, lines: impl Iterator<Item = String>, room: usize) -> (String, u64) {
    let (mut text, mut count) = (String::new(), 0_u64);
    for line in lines {
        let line = format!("\n- {}", cut(&line, LINE_BYTES));
        let so_far = if text.is_empty() { heading.len() } else { text.len() };
        if so_far.saturating_add(line.len()) > room {
            break;
        }
        if text.is_empty() {
            heading.clone_into(&mut text);
        }
        text.push_str(&line);
        count = count.saturating_add(1);
    }
    (text, count)
}

fn said(message: &Message) -> String {
    format!("{}: {}", message.body.role.name(), one_line(message.body.content.as_deref().unwrap_or_default()))
}

fn sentence(message: &Message) -> String {
    let text = one_line(message.body.content.as_deref().unwrap_or_default());
    let end = text.char_indices().zip(text.chars().skip(1)).find(|((_, c), next)| matches!(c, '.' | '!' | '?') && *next == ' ');
    let first = end.and_then(|((at, _), _)| text.get(..=at)).unwrap_or(&text);
    format!("- {}: {first}", message.body.role.name())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}\u{2026}", text.get(..text.floor_char_boundary(most)).unwrap_or_default())
}
