//! The tokens of a value: what stands between spaces, as it was written.

use crate::domain::speech::prose::words;

use super::lexicon::has;

/// Longer than this, in words, nothing is a place, a thing or a choice.
const WORDS: usize = 8;

/// A token in lower case, without what stands around its letters.
pub(super) fn lower(token: &str) -> String {
    words(token).concat()
}

/// Is it a word of that list in `lexicon`?
pub(super) fn is_one_of(list: &str, token: &str) -> bool {
    has(list, &lower(token))
}

/// Does it begin with a capital?
pub(super) fn is_capitalised(token: &str) -> bool {
    token.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_uppercase)
}

/// Tokens as one text without punctuation around it; `None` when nothing is left or it is too long.
pub(super) fn joined(tokens: &[&str]) -> Option<String> {
    let text = tokens.join(" ");
    let text =
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '!' | '?' | ';' | ':' | '"' | '(' | ')' | '-' | '*'));
    (text.contains(char::is_alphanumeric) && tokens.len() <= WORDS).then(|| text.to_owned())
}

/// The tokens before the first that is not `kept`, or up to a comma that something in lower case follows.
pub(super) fn head<'a, 'b>(tokens: &'b [&'a str], kept: impl Fn(&str) -> bool) -> &'b [&'a str] {
    let end = tokens.iter().position(|token| !kept(token)).unwrap_or(tokens.len());
    let aside = tokens.windows(2).position(|pair| matches!(pair, [first, next] if first.ends_with(',') && !is_capitalised(next)));
    let end = end.min(aside.map_or(end, |aside| aside.saturating_add(1)));
    tokens.get(..end).unwrap_or_default()
}
