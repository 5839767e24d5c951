//! Full text search over messages, with the same questions and the same kind of index in a session's object and in a
//! user's. The tables are those of `session/storage` and `user/storage`; here is what they share.
//!
//! What people type is never FTS5 syntax: it is cut into words, and each word is quoted.

pub(crate) mod protocol;

use crate::{
    error::{Error, Result},
    limits,
};

/// What SQLite puts around a match, and no text should contain: Unicode has no characters here.
pub(crate) const MATCH_BEGINS: char = '\u{fdd0}';
/// See [`MATCH_BEGINS`].
pub(crate) const MATCH_ENDS: char = '\u{fdd1}';
/// Of more words than this only the first count.
const WORDS: usize = 32;
/// An ending has so many letters at most.
const ENDING_LETTERS: usize = 3;
/// Words that say nothing about what a message is about.
const COMMON: [&str; 48] = [
    "a", "about", "am", "an", "and", "are", "as", "at", "be", "but", "by", "can", "did", "do", "does", "for", "from", "had", "has", "have",
    "how", "i", "in", "is", "it", "me", "my", "of", "on", "or", "so", "tell", "that", "the", "this", "to", "was", "we", "were", "what",
    "when", "where", "which", "who", "why", "will", "with", "you",
];

/// The FTS5 expression for messages that have every word of `query`, the last one perhaps not typed to its end.
///
/// # Errors
/// `Invalid` when it has no word, or is too long.
pub(crate) fn all_words(query: &str) -> Result<String> {
    if query.len() > limits::QUERY_BYTES {
        return Err(Error::invalid("q", format!("must have at most {} bytes", limits::QUERY_BYTES)));
    }
    let words: Vec<String> = words(query).map(quoted).collect();
    match words.as_slice() {
        [] => Err(Error::invalid("q", "must have a word or a number to look for")),
        words if query.ends_with(is_of_word) => Ok(format!("{}*", words.join(" "))),
        words => Ok(words.join(" ")),
    }
}

/// The FTS5 expression for messages that have any of the words that matter in `text`; `None` when there are none.
pub(crate) fn any_word(text: &str) -> Option<String> {
    let words: Vec<String> = words(text).filter(|word| !COMMON.contains(&word.to_lowercase().as_str())).map(beginning).collect();
    (!words.is_empty()).then(|| words.join(" OR "))
}

/// A snippet as SQLite gives it, in pieces: text, and whether it matches.
pub(crate) fn pieces(snippet: &str) -> Vec<(&str, bool)> {
    let open = snippet.split(MATCH_BEGINS).enumerate();
    let pieces = open.flat_map(|(index, piece)| match piece.split_once(MATCH_ENDS) {
        Some((matching, rest)) if index > 0 => [(matching, true), (rest, false)],
        Some(_) | None => [(piece, false), ("", false)],
    });
    pieces.filter(|(text, _)| !text.is_empty()).collect()
}

/// A word whose end may be another: "running" finds "runner".
fn beginning(word: &str) -> String {
    let length = word.chars().count();
    if length < ENDING_LETTERS.saturating_mul(2) {
        return quoted(word);
    }
    let kept: String = word.chars().take(length.saturating_sub(ENDING_LETTERS)).collect();
    format!("{}*", quoted(&kept))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty()).take(WORDS)
}

/// Letters, digits, and the marks that belong to the letter before them.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c)
}

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_become_quoted_words() {
        let cases = [
            ("green tea", Some("\"green\" \"tea\"*")),
            ("green tea ", Some("\"green\" \"tea\"")),
            ("\"quoted\" OR (a NOT b) col:x*", Some("\"quoted\" \"OR\" \"a\" \"NOT\" \"b\" \"col\" \"x\"")),
            ("K\u{f6}ln", Some("\"K\u{f6}ln\"*")),
            ("C++", Some("\"C\"")),
            ("?!", None),
            ("", None),
        ];
        for (query, expected) in cases {
            assert_eq!(all_words(query).ok().as_deref(), expected, "{query:?}");
        }
        assert_eq!(any_word("What is the capital of Ghana?").as_deref(), Some("\"capi\"* OR \"Ghana\""));
        assert_eq!(any_word("what is it"), None);
    }

    #[test]
    fn snippets_are_told_apart_by_what_matches() {
        let snippet = format!("the {MATCH_BEGINS}quick{MATCH_ENDS} fox {MATCH_BEGINS}jumps{MATCH_ENDS}");
        assert_eq!(pieces(&snippet), [("the ", false), ("quick", true), (" fox ", false), ("jumps", true)]);
        assert_eq!(pieces("none"), [("none", false)]);
        assert_eq!(pieces(&format!("odd{MATCH_ENDS}")), [(format!("odd{MATCH_ENDS}").as_str(), false)]);
    }

    proptest! {
        /// Nothing but quoted words, whatever is typed.
        #[test]
        fn no_syntax_comes_through(query in ".{0,200}") {
            if let Ok(expression) = all_words(&query) {
                let is_word = |word: &str| word.strip_prefix('"').and_then(|word| word.strip_suffix('"')).is_some_and(|word| word.chars().all(is_of_word));
                prop_assert!(expression.trim_end_matches('*').split(' ').all(is_word), "{expression}");
            }
        }
    }
}
