//! What a message asks for.

use super::facts::{AGE, DISLIKES, LIKES, NAME, ORIGIN, PLACE, WORK};
use crate::domain::{
    memory::statement::key_of,
    speech::prose::{is_question_word, words},
};

/// What a message is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// One thing about the user.
    Attribute(String),
    /// What the user said last.
    LastMessage,
    /// What the user said first.
    FirstMessage,
    /// All that is known about the user.
    Everything,
    /// What was said so far.
    Summary,
    /// Who answers.
    Identity,
    /// A greeting and nothing else.
    Greeting,
    /// Thanks and nothing else.
    Thanks,
    /// The end of the conversation.
    Farewell,
    /// No question.
    Statement,
    /// A question about anything else.
    Other,
}

/// A greeting is at most this long.
const GREETING_WORDS: usize = 5;
/// A question is recognised within its first words.
const WORDS: usize = 200;
/// And within its first sentences.
const SENTENCES: usize = 20;

/// Words that may stand before what a message is about.
const FILLERS: [&str; 14] =
    ["hi", "hello", "hey", "thanks", "thank", "you", "ok", "okay", "so", "and", "please", "well", "actually", "now"];

/// Reads a message.
pub(super) fn parse(message: &str) -> Question {
    let all = words(message);
    let all: Vec<&str> = all.iter().take(WORDS).map(String::as_str).collect();
    let begin = all.iter().position(|word| !FILLERS.contains(word)).unwrap_or(0);
    let words = all.get(begin..).unwrap_or_default();
    let has = |phrase: &[&str]| words.windows(phrase.len()).any(|window| window == phrase);
    let any = |phrases: &[&[&str]]| phrases.iter().any(|phrase| has(phrase));
    let starts = |options: &[&str]| all.first().is_some_and(|first| options.contains(first));
    let is_said = words.starts_with(&["what", "did", "i"])
        && matches!(words, [.., "i", "say"] | [.., "just", "say"] | [.., "say", "before" | "last" | "earlier"]);

    if is_said || any(&[&["my", "last", "message"], &["what", "i", "just", "said"]]) {
        Question::LastMessage
    } else if any(&[&["my", "first", "message"], &["say", "first"]]) {
        Question::FirstMessage
    } else if any(&[
        &["know", "about", "me"],
        &["remember", "about", "me"],
        &["what", "do", "you", "remember"],
        &["told", "you", "about", "me"],
    ]) {
        Question::Everything
    } else if words.iter().any(|word| matches!(*word, "summarise" | "summarize" | "summary" | "recap")) || has(&["sum", "up"]) {
        Question::Summary
    } else if any(&[
        &["who", "are", "you"],
        &["what", "are", "you"],
        &["your", "name"],
        &["are", "you", "an", "ai"],
        &["are", "you", "a", "bot"],
        &["are", "you", "human"],
    ]) && !words.contains(&"my")
    {
        Question::Identity
    } else if let Some(key) = attribute_of(message) {
        Question::Attribute(key)
    } else if starts(&["bye", "goodbye", "farewell"]) {
        Question::Farewell
    } else if is_greeting(&all) {
        Question::Greeting
    } else if starts(&["thanks", "thank", "thx"]) {
        Question::Thanks
    } else if message.trim_end().ends_with('?') || words.first().is_some_and(|first| is_question_word(first)) {
        Question::Other
    } else {
        Question::Statement
    }
}

fn is_greeting(words: &[&str]) -> bool {
    let begins = matches!(words, ["hi" | "hello" | "hey" | "hallo" | "greetings", ..] | ["good", "morning" | "afternoon" | "evening", ..]);
    let asks_after_us = words.windows(3).any(|window| window == ["how", "are", "you"]);
    words.len() <= GREETING_WORDS && (begins || asks_after_us)
}

/// The key of the fact that a message asks for, in the first of its sentences that asks for one.
fn attribute_of(message: &str) -> Option<String> {
    let sentences = message.split_inclusive(['.', '?', '!', '\n']).take(SENTENCES);
    sentences.map(words).find_map(|words| {
        let words: Vec<&str> = words.iter().take(WORDS).map(String::as_str).collect();
        let begin = words.iter().position(|word| !FILLERS.contains(word))?;
        attribute(words.get(begin..)?)
    })
}

/// The key of the fact that is asked for.
fn attribute(words: &[&str]) -> Option<String> {
    let fixed = |key: &str| Some(key.to_owned());
    let asks = is_question_word(words.first()?);
    match words {
        ["who", "am", "i", ..] => return fixed(NAME),
        ["where", "am", "i", "from", ..] | ["where", "do", "i", "come", "from", ..] => return fixed(ORIGIN),
        ["how", "old", "am", "i", ..] => return fixed(AGE),
        [_, "you", "know" | "remember", asked @ ..] if attribute(asked).is_some() => return attribute(asked),
        ["where", "i", "live", ..] | ["where", "do", "i", "live", ..] => return fixed(PLACE),
        ["which" | "what", _, "do", "i", "live", "in", ..] => return fixed(PLACE),
        ["where", "i", "work", ..] | ["where", "do", "i", "work", ..] | ["what", "do", "i", "do", ..] => return fixed(WORK),
        ["what", "do", "i", "like" | "love" | "enjoy" | "prefer", ..] => return fixed(LIKES),
        ["what", "do", "i", "dislike" | "hate", ..] | ["what", "don't", "i", "like", ..] => return fixed(DISLIKES),
        _ => {}
    }
    if !asks {
        return None;
    }
    // "what's my X", "what is my X", "tell me my X", "do you know my X", "do you remember what my X is"
    let my = words.iter().position(|word| *word == "my")?;
    let before = words.get(..my)?;
    if before.contains(&"that") {
        return None;
    }
    let is_asked = matches!(
        before,
        ["what's" | "whats" | "who's"]
            | ["what" | "who" | "which", "is" | "are" | "was"]
            | ["tell" | "remind", "me"]
            | [_, "you", "know" | "remember" | "recall" | "tell" | "remind", ..]
    );
    let key: Vec<&str> = words
        .get(my.saturating_add(1)..)?
        .iter()
        .copied()
        .take_while(|word| !matches!(*word, "again" | "please" | "is" | "called" | "and" | "or" | "then"))
        .collect();
    if is_asked { key_of(&key) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let attribute = |key: &str| Question::Attribute(key.into());
        let cases = [
            ("What's my name?", attribute("name")),
            ("what is my favourite colour again?", attribute("favourite colour")),
            ("Do you remember my birthday?", attribute("birthday")),
            ("Tell me my name please", attribute("name")),
            ("What\u{2019}s my job?", attribute("job")),
            ("my name is John", Question::Statement),
            ("What did I just say?", Question::LastMessage),
            ("What do you know about me?", Question::Everything),
            ("Could you sum up?", Question::Summary),
            ("What is my name and where do I live?", attribute("name")),
            ("Do you know what my name is?", attribute("name")),
            ("Do you remember where I work?", attribute(WORK)),
            ("Do you know where I live?", attribute(PLACE)),
            ("How old am I?", attribute(AGE)),
            ("Can you help me with my code?", Question::Other),
            ("Tell me about my options", Question::Other),
            ("How are you?", Question::Greeting),
            ("Good morning", Question::Greeting),
            ("Goodbye then", Question::Farewell),
            ("Thanks! What's my name?", attribute("name")),
            ("Hi, what's my name?", attribute("name")),
            ("What's your name?", Question::Identity),
            ("What did I say about my dog?", Question::Other),
            ("What did I say before?", Question::LastMessage),
            ("What was my first message?", Question::FirstMessage),
            ("Hello, call me Ann", Question::Greeting),
            ("Hi, my name is John", Question::Greeting),
            ("who are you", Question::Identity),
            ("Hello there", Question::Greeting),
            ("Thank you!", Question::Thanks),
            ("What tools do you recommend for work?", Question::Other),
            ("Why is my code slow?", Question::Other),
            ("what is my", Question::Other),
            ("", Question::Statement),
        ];
        for (message, expected) in cases {
            assert_eq!(parse(message), expected, "{message:?}");
        }
    }
}
