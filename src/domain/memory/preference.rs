//! Preferences that have a key of their own: the programming language, what an API may cost, the style of answers.

use crate::domain::speech::{
    prose::{is_question_word, words},
    style::Style,
};

use super::{
    extract::Fact,
    lexicon::{AFTER_LANGUAGES, has},
};

/// The preferred programming language.
pub(super) const LANGUAGE: &str = "preferred_language";
const API: &str = "api_preference";
const STYLE: &str = "communication_style";

/// Programming languages, as people write them and as they are spelt.
const LANGUAGES: [(&str, &str); 20] = [
    ("python", "Python"),
    ("javascript", "JavaScript"),
    ("js", "JavaScript"),
    ("java", "Java"),
    ("typescript", "TypeScript"),
    ("ts", "TypeScript"),
    ("go", "Go"),
    ("golang", "Go"),
    ("rust", "Rust"),
    ("c", "C"),
    ("cpp", "C++"),
    ("c++", "C++"),
    ("c#", "C#"),
    ("csharp", "C#"),
    ("php", "PHP"),
    ("ruby", "Ruby"),
    ("swift", "Swift"),
    ("kotlin", "Kotlin"),
    ("dart", "Dart"),
    ("c-sharp", "C#"),
];

/// What costs something or does not.
const SERVICES: [&str; 16] = [
    "api",
    "apis",
    "service",
    "services",
    "tool",
    "tools",
    "plan",
    "plans",
    "tier",
    "tiers",
    "model",
    "models",
    "option",
    "options",
    "software",
    "subscriptions",
];

/// The programming language that is called `word`.
pub(super) fn language(word: &str) -> Option<&'static str> {
    LANGUAGES.iter().find(|(name, _)| *name == word).map(|(_, spelling)| *spelling)
}

/// The programming language that a value begins with, when it speaks of the language: "Go for servers", not "go home".
pub(super) fn leading_language(value: &str) -> Option<&'static str> {
    let words = words(value);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (first, rest) = words.split_first()?;
    let first_token = value.split(' ').next().unwrap_or_default();
    let is_language = first_token.ends_with(',')
        || match rest {
            [] => true,
            ["to", next, ..] => language(next).is_some(),
            [next, ..] => is_continuation(next),
        };
    if is_language { language(first) } else { None }
}

/// What may follow the name of a language that somebody uses.
fn is_continuation(word: &str) -> bool {
    let is_version = word.starts_with(|c: char| c.is_ascii_digit());
    is_version || has(AFTER_LANGUAGES, word)
}

/// What a sentence says of APIs that cost something.
pub(super) fn api(sentence: &[&str]) -> Option<Fact> {
    let words = words(&sentence.join(" "));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let asks = sentence.last()?.ends_with('?') || is_question_word(words.first()?);
    if asks {
        return None;
    }
    let value = (0..words.len()).find_map(|at| {
        let (before, here) = words.split_at_checked(at)?;
        api_preference(before, here)
    })?;
    Some(Fact::text(API, value))
}

fn api_preference(before: &[&str], here: &[&str]) -> Option<&'static str> {
    let is_denied = before.iter().rev().take(3).any(|word| matches!(*word, "don't" | "dont" | "not" | "never" | "can't" | "won't"));
    let is_there = matches!(before, [.., "is" | "are" | "there" | "there's" | "has" | "have" | "with" | "had" | "offers"]);
    match here {
        ["no", "paid", rest @ ..] if !is_there && is_service(rest) => Some("free_only"),
        ["avoid" | "avoiding", "paid", rest @ ..] if !is_denied && is_service(rest) => Some("free_only"),
        ["don't" | "dont" | "never" | "not", "use" | "want", "paid", rest @ ..] if is_service(rest) => Some("free_only"),
        ["don't" | "dont" | "can't" | "cannot" | "won't", "pay", "for", rest @ ..] if is_service(rest) => Some("free_only"),
        ["free", rest @ ..] if !is_denied && is_only(before) && is_service(rest) => Some("free_only"),
        ["free", service, "only"] | ["free", service, "only", "please" | "thanks", ..] if SERVICES.contains(service) => Some("free_only"),
        ["free", "only"] => Some("free_only"),
        ["prefer", "free", rest @ ..] if !is_denied && is_service(rest) => Some("free_only"),
        ["prefer", "paid", rest @ ..] if !is_denied && is_service(rest) => Some("paid_ok"),
        ["paid", service, "is" | "are", "ok" | "okay" | "fine" | "good", ..] if SERVICES.contains(service) => Some("paid_ok"),
        ["paid", "is", "ok" | "okay" | "fine"] => Some("paid_ok"),
        ["ok" | "okay" | "fine" | "happy", "with", "paid", rest @ ..] if !is_denied && is_service(rest) => Some("paid_ok"),
        ["don't" | "dont", "mind", "paying" | "paid", ..] => Some("paid_ok"),
        ["happy" | "willing", "to", "pay", "for", rest @ ..] if !is_denied && is_service(rest) => Some("paid_ok"),
        _ => None,
    }
}

/// "only free", "only use free".
fn is_only(before: &[&str]) -> bool {
    matches!(before, [.., "only"] | [.., "only", "use" | "want" | "need" | "accept" | "take"])
}

/// Nothing more, or services.
fn is_service(rest: &[&str]) -> bool {
    rest.is_empty() || rest.iter().take(2).any(|word| SERVICES.contains(word))
}

/// The style of answers that a message asks for.
pub(super) fn style(prose: &str) -> Option<Fact> {
    let words = words(prose);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let wished = Style::ALL.into_iter().find(|style| style.is_wished(&words))?;
    Some(Fact::text(STYLE, wished.name()))
}
