//! What people like, dislike and cannot eat: "tea, old maps and jazz" is three things, "rock and roll" is one.

use crate::domain::speech::prose::words;

use super::{
    extract::Fact,
    lexicon::{ANEW, EMPHASIS, KIN, MANNERS, POINTERS},
    preference::{LANGUAGE, language, leading_language},
    tokens::{is_capitalised, is_one_of, joined, lower},
};

/// What they like; a programming language among it is their choice of one.
pub(super) fn likes(value: &str) -> Vec<Fact> {
    let is_answer = |thing: &str| {
        words(thing).iter().any(|word| {
            matches!(word.as_str(), "free" | "paid" | "answer" | "answers" | "explanation" | "explanations" | "response" | "responses")
        })
    };
    let preferred = leading_language(value);
    let rest = things(value).into_iter().skip(usize::from(preferred.is_some()));
    let rest = rest.filter(|thing| !is_answer(thing) && language(&thing.to_lowercase()).is_none()).map(|thing| Fact::item("likes", &thing));
    preferred.map(|language| Fact::text(LANGUAGE, language)).into_iter().chain(rest).collect()
}

/// "tea, old maps and jazz" -> each of them. One that something else is said with stays whole.
pub(super) fn things(value: &str) -> Vec<String> {
    let tokens: Vec<&str> = value.split(' ').collect();
    if tokens.first().is_none_or(|first| is_elsewhere(first, tokens.get(1).copied().unwrap_or_default())) {
        return Vec::new();
    }
    if is_whole(&tokens) {
        return without_emphasis(&tokens).into_iter().collect();
    }
    let mut things = Vec::new();
    for group in groups(&tokens) {
        let first = group.first().copied().unwrap_or_default();
        let is_over = !things.is_empty() && (group.len() > 3 || is_one_of(ANEW, first));
        if is_over || is_elsewhere(first, group.get(1).copied().unwrap_or_default()) {
            break;
        }
        things.extend(without_emphasis(group));
    }
    things
}

/// The parts between commas and "and".
fn groups<'a, 'b>(tokens: &'b [&'a str]) -> Vec<&'b [&'a str]> {
    let parts = tokens.split(|token| is_one_of("and plus", token) || *token == "&");
    parts.flat_map(|part| part.split_inclusive(|token| token.ends_with(','))).filter(|part| !part.is_empty()).collect()
}

/// "to sing and dance", "rock and roll", "time with friends and family".
fn is_whole(tokens: &[&str]) -> bool {
    let pairs = [
        ("rock", "roll"),
        ("fish", "chips"),
        ("mac", "cheese"),
        ("macaroni", "cheese"),
        ("drum", "bass"),
        ("salt", "pepper"),
        ("bread", "butter"),
        ("peanut", "jelly"),
        ("dungeons", "dragons"),
        ("arts", "crafts"),
        ("rhythm", "blues"),
        ("rice", "beans"),
    ];
    let lower: Vec<String> = tokens.iter().map(|token| lower(token)).collect();
    let before_and = lower.split(|word| word == "and").next().unwrap_or_default();
    let has_preposition = before_and.iter().any(|word| matches!(word.as_str(), "with" | "of" | "between" | "from" | "to"));
    let is_pair = lower.windows(3).any(|three| matches!(three, [a, and, b] if and == "and" && pairs.contains(&(a.as_str(), b.as_str()))));
    has_preposition && !tokens.iter().any(|token| token.ends_with(',')) || is_pair
}

/// Does it point to something that was said elsewhere, or is it only a manner of speaking?
pub(super) fn is_elsewhere(first: &str, next: &str) -> bool {
    let is_that_one = is_one_of("the my", first) && !is_capitalised(next) && !is_one_of(KIN, next);
    is_one_of(POINTERS, first) || is_that_one || is_one_of("to", first) && is_one_of(MANNERS, next)
}

/// Without "very much" and what else only stresses it.
fn without_emphasis(tokens: &[&str]) -> Option<String> {
    let end = tokens.iter().rposition(|token| !is_one_of(EMPHASIS, token))?;
    joined(tokens.get(..=end)?)
}
