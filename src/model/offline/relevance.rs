//! Which of the things said before is about the same as a message.

use std::collections::HashSet;

use super::facts::{DISLIKES, Facts, LIKES, ORIGIN, PLACE, WORK};
use crate::domain::speech::prose::{is_question_word, words};

/// Words that point to a fact without naming it.
const TOPICS: [(&str, &[&str]); 4] = [
    (WORK, &["work", "job", "tools", "career", "office", "project", "programming", "profession"]),
    (PLACE, &["near", "nearby", "here", "local", "weather", "city", "town", "home"]),
    (LIKES, &["recommend", "suggest", "hobby", "weekend", "gift", "fun"]),
    (ORIGIN, &["country", "language", "culture"]),
];
/// Only so many words of a message are compared.
const WORDS: usize = 500;

/// Words that say nothing about the topic.
const STOP_WORDS: &[&str] = &[
    "the",
    "and",
    "you",
    "your",
    "for",
    "what",
    "that",
    "this",
    "with",
    "are",
    "was",
    "have",
    "has",
    "had",
    "how",
    "why",
    "who",
    "when",
    "where",
    "which",
    "can",
    "could",
    "would",
    "should",
    "will",
    "tell",
    "about",
    "more",
    "some",
    "any",
    "there",
    "from",
    "does",
    "did",
    "know",
    "want",
    "like",
    "please",
    "just",
    "say",
    "said",
    "not",
    "but",
    "its",
    "it's",
    "i'm",
    "is",
    "my",
    "me",
    "do",
    "talked",
    "something",
    "what's",
    "whats",
    "who's",
    "where's",
    "how's",
    "that's",
    "many",
    "much",
    "been",
    "very",
];

/// A fact that `message` touches, as a sentence.
pub(super) fn fact(facts: &Facts, message: &str) -> Option<String> {
    let words = content_words(message);
    let named = facts.keys().find(|key| !matches!(*key, LIKES | DISLIKES) && key.split(' ').any(|part| words.contains(part)));
    let hinted = || {
        TOPICS.iter().find(|(key, hints)| facts.get(key).is_some() && hints.iter().any(|hint| words.contains(*hint))).map(|(key, _)| *key)
    };
    named.or_else(hinted).and_then(|key| facts.sentence(key))
}

/// The earlier statement that shares most words with `message`; of equals the latest.
pub(super) fn message<'a>(earlier: &[&'a str], message: &str) -> Option<&'a str> {
    let wanted = content_words(message);
    let score = |text: &str| content_words(text).intersection(&wanted).count();
    let statements = earlier.iter().filter(|text| !is_question(text));
    statements.map(|text| (score(text), *text)).filter(|(score, _)| *score > 0).max_by_key(|(score, _)| *score).map(|(_, text)| text)
}

fn is_question(text: &str) -> bool {
    text.trim_end().ends_with('?')
        || words(text.split_whitespace().next().unwrap_or_default()).first().is_some_and(|first| is_question_word(first))
}

fn content_words(text: &str) -> HashSet<String> {
    let start = text.get(..text.floor_char_boundary(WORDS.saturating_mul(32))).unwrap_or(text);
    words(start).into_iter().filter(|word| word.chars().count() > 2 && !STOP_WORDS.contains(&word.as_str())).take(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_with_most_in_common_is_found() {
        let earlier = ["The harbour is old", "I saw the harbour festival", "Bread is cheap"];
        let cases = [
            ("tell me about the festival", Some(earlier[1])),
            ("the old harbour", Some(earlier[0])),
            ("harbour?", Some(earlier[1])),
            ("what about it", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(message(&earlier, text), expected, "{text:?}");
        }
    }
}
