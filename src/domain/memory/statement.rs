//! What a message states about its user: the one reader of such English.
//!
//! Questions and denials state nothing. What is worth remembering, and for how long, is for those who ask.

use crate::domain::speech::prose::{ends_sentence, is_question_word, words};

/// Longer values are cut, longer keys name nothing.
pub(crate) const TEXT_CHARACTERS: usize = 200;
/// Longest thing that "my ... is" can name, in words.
const KEY_WORDS: usize = 4;

/// One thing that was stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// What it is about.
    pub about: About,
    /// What was said of it, as it was written.
    pub value: String,
    /// The words before it in its clause, in lower case.
    pub lead: Vec<String>,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// "my name is Ann".
    Name,
    /// "I'm Ann", which may be a name.
    PerhapsName,
    /// "I live in Porto": "in Porto".
    Place,
    /// "I moved to Porto": "Porto".
    MovedTo,
    /// "I'm from Ghana".
    Origin,
    /// "I work at a bank": "work at a bank".
    Work,
    /// "I am a nurse": "a nurse".
    Trade,
    /// "30 years old".
    Age,
    /// "I like tea".
    Likes,
    /// "I don't like tea".
    Dislikes,
    /// "my dog's name is Rex".
    Own {
        /// What stands between "my" and the verb.
        key: String,
        /// "is" or "are", as it was said.
        verb: &'static str,
    },
    /// "green is my favourite colour", with what it is chosen for.
    Choice(String),
    /// "I use Rust".
    Uses,
    /// "I'm allergic to nuts".
    Allergy,
    /// "I'm vegan".
    Diet,
    /// "I speak German".
    Speaks,
}

/// The statements of a message, in its order.
pub(crate) fn read(message: &str) -> impl Iterator<Item = Statement> {
    clauses(message).into_iter().filter_map(|clause| read_clause(&clause))
}

/// The key that words name: one spelling for what is spelt in two ways. `None` when they are too many.
pub(crate) fn key_of(words: &[&str]) -> Option<String> {
    let key = words.join(" ").replace("favorite", "favourite").replace("color", "colour");
    (!key.is_empty() && key.chars().count() <= TEXT_CHARACTERS).then_some(key)
}

/// The parts of a message that can each state one thing.
fn clauses(message: &str) -> Vec<Vec<&str>> {
    let mut clauses = vec![Vec::new()];
    let mut tokens = message.split_whitespace().peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek().map(|next| next.to_lowercase()).unwrap_or_default();
        let begins_anew = matches!(next.as_str(), "i" | "my" | "i'm" | "i\u{2019}m" | "call") || is_question_word(&next);
        let joins = matches!(token.to_lowercase().as_str(), "but" | "so" | "because") || (token.eq_ignore_ascii_case("and") && begins_anew);
        if joins {
            clauses.push(Vec::new());
            continue;
        }
        if let Some(clause) = clauses.last_mut() {
            clause.push(token);
        }
        if ends_clause(token) || (token.ends_with(',') && begins_anew) {
            clauses.push(Vec::new());
        }
    }
    clauses
}

fn ends_clause(token: &str) -> bool {
    ends_sentence(token) || token.trim_end_matches(['"', '\u{201d}', ')']).ends_with([';', ':'])
}

fn read_clause(clause: &[&str]) -> Option<Statement> {
    let lower: Vec<String> = clause.iter().map(|token| words(token).concat()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    // "Can you remember that my name is John?" tells, although it asks.
    let asked = lower
        .iter()
        .position(|word| *word == "that")
        .filter(|that| matches!(lower.get(..*that), Some(["can" | "could" | "please" | "will", ..] | ["remember" | "note"])) && *that <= 4);
    let skip = asked.map_or(0, |that| that.saturating_add(1));
    let (lower, clause) = (lower.get(skip..)?, clause.get(skip..)?);
    if asked.is_none() && (is_question_word(lower.first()?) || clause.last()?.ends_with('?')) {
        return None;
    }
    // "Hi, my name is" and "Actually, I live in": what stands before the first "my" or "I" is no part of it.
    let start = lower.iter().position(|word| matches!(*word, "my" | "i" | "i'm" | "im" | "call"))?;
    let lead = lower.get(..start)?;
    if lead.iter().any(|word| matches!(*word, "don't" | "dont" | "never" | "not" | "if" | "when")) {
        return None;
    }
    if let Some((about, value)) = read_statement(lower.get(start..)?, clause.get(start..)?) {
        return Some(Statement { about, value, lead: lead.iter().map(|word| (*word).to_owned()).collect() });
    }
    read_choice(lower, clause)
}

fn read_statement(lower: &[&str], clause: &[&str]) -> Option<(About, String)> {
    let of = |about: About, skip: usize| Some((about, value(clause.get(skip..)?)?));
    let name = |about: About, skip: usize| Some((about, until_comma(clause.get(skip..)?)?));
    match lower {
        ["my", "name's", ..] => name(About::Name, 2),
        ["my", "name", "is", after, ..] if !matches!(*after, "not" | "no") => name(About::Name, 3),
        ["my", rest @ ..] => read_possession(rest, clause.get(1..)?),
        ["call", "me", called @ ..] if is_name(clause.get(2..)?, called) => name(About::Name, 2),
        ["i", "live", "in" | "at" | "near" | "on", ..] => of(About::Place, 2),
        ["i", "moved", "to", ..] => of(About::MovedTo, 3),
        ["i", "come", "from", ..] | ["i", "am", "from", ..] => of(About::Origin, 3),
        ["i'm" | "im", "from", ..] => of(About::Origin, 2),
        ["i", "am", "called", ..] => name(About::Name, 3),
        ["i", "am", _, "years", "old", ..] => of(About::Age, 2),
        ["i'm" | "im", _, "years", "old", ..] => of(About::Age, 1),
        ["i", "work", "as" | "at" | "for" | "in" | "with" | "on", ..] => of(About::Work, 1),
        ["i", "am", "a" | "an" | "the", what, ..] if is_trade(what) => of(About::Trade, 2),
        ["i'm" | "im", "a" | "an" | "the", what, ..] if is_trade(what) => of(About::Trade, 1),
        ["i", "like" | "love" | "enjoy" | "prefer", what @ ..] if is_thing(what) => of(About::Likes, 2),
        ["i", "really", "like" | "love" | "enjoy", what @ ..] if is_thing(what) => of(About::Likes, 3),
        ["i", "hate" | "dislike", what @ ..] if is_thing(what) => of(About::Dislikes, 2),
        ["i", "don't" | "dont", "like", what @ ..] if is_thing(what) => of(About::Dislikes, 3),
        ["i", "do", "not", "like", what @ ..] if is_thing(what) => of(About::Dislikes, 4),
        ["i", "am", called @ ..] if is_name(clause.get(2..)?, called) => name(About::PerhapsName, 2),
        ["i'm" | "im", called @ ..] if is_name(clause.get(1..)?, called) => name(About::PerhapsName, 1),
        ["i", "use" | "write", ..] => of(About::Uses, 2),
        ["i", "code" | "program" | "develop", "in" | "with", ..] => of(About::Uses, 3),
        ["i", "speak", ..] => of(About::Speaks, 2),
        ["i", "am", "allergic", "to", ..] => of(About::Allergy, 4),
        ["i'm" | "im", "allergic", "to", ..] => of(About::Allergy, 3),
        ["i", "am", what, ..] if is_diet(what) => of(About::Diet, 2),
        ["i'm" | "im", what, ..] if is_diet(what) => of(About::Diet, 1),
        _ => None,
    }
}

/// "favourite colour is green" -> favourite colour, green.
fn read_possession(lower: &[&str], clause: &[&str]) -> Option<(About, String)> {
    let at = lower.iter().position(|word| matches!(*word, "is" | "are"))?;
    let after = lower.get(at.saturating_add(1))?;
    if at == 0 || at > KEY_WORDS || matches!(*after, "not" | "no") {
        return None;
    }
    let verb = if lower.get(at) == Some(&"are") { "are" } else { "is" };
    Some((About::Own { key: key_of(lower.get(..at)?)?, verb }, value(clause.get(at.saturating_add(1)..)?)?))
}

/// "green is my favourite colour" -> favourite colour, green.
fn read_choice(lower: &[&str], clause: &[&str]) -> Option<Statement> {
    let at = lower.windows(2).position(|pair| pair == ["is", "my"])?;
    let rest = lower.get(at.saturating_add(2)..)?;
    let end = rest.iter().position(|word| matches!(*word, "for" | "at" | "in" | "of" | "and")).unwrap_or(rest.len());
    if end > KEY_WORDS {
        return None;
    }
    Some(Statement { about: About::Choice(key_of(rest.get(..end)?)?), value: value(clause.get(..at)?)?, lead: Vec::new() })
}

/// Does it say how somebody eats?
pub(super) fn is_diet(word: &str) -> bool {
    matches!(word, "vegan" | "vegetarian" | "pescatarian" | "gluten-free" | "lactose-intolerant" | "halal" | "kosher" | "keto")
}

/// Can it be what somebody is? "a bit" cannot.
fn is_trade(word: &str) -> bool {
    !matches!(word, "bit" | "little" | "lot" | "fan" | "big" | "huge" | "few" | "one" | "same" | "only" | "first" | "last")
}

/// Does it say what is liked? "it" and "you" do not.
fn is_thing(words: &[&str]) -> bool {
    !matches!(words, [] | ["it" | "that" | "this" | "them" | "you" | "him" | "her" | "when" | "if" | "how", ..])
}

/// Capitalised words that follow "I am" and are no names.
const NO_NAMES: [&str; 36] = [
    "ok",
    "okay",
    "fine",
    "sorry",
    "back",
    "here",
    "done",
    "ready",
    "sure",
    "not",
    "happy",
    "sad",
    "tired",
    "hungry",
    "busy",
    "lost",
    "stuck",
    "german",
    "french",
    "dutch",
    "greek",
    "swiss",
    "thai",
    "american",
    "mexican",
    "canadian",
    "australian",
    "indian",
    "italian",
    "russian",
    "bulgarian",
    "ukrainian",
    "vegan",
    "vegetarian",
    "christian",
    "muslim",
];

/// One or two capitalised words, and nothing after them but what a comma sets off.
fn is_name(clause: &[&str], lower: &[&str]) -> bool {
    let length = clause.iter().position(|word| word.ends_with(',')).map_or(clause.len(), |comma| comma.saturating_add(1));
    matches!(length, 1 | 2)
        && clause.iter().take(length).all(|word| word.chars().next().is_some_and(char::is_uppercase))
        && lower.iter().take(length).all(|word| {
            word.chars().all(|c| c.is_alphabetic() || c == '-')
                && !NO_NAMES.contains(word)
                && !word.ends_with("ish")
                && !word.ends_with("ese")
        })
}

/// The words up to the first comma.
fn until_comma(tokens: &[&str]) -> Option<String> {
    let end = tokens.iter().position(|token| token.ends_with(',')).map_or(tokens.len(), |comma| comma.saturating_add(1));
    value(tokens.get(..end)?)
}

/// The words as they were written, without the punctuation around them.
fn value(tokens: &[&str]) -> Option<String> {
    let text = tokens.join(" ");
    let text =
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '!' | '?' | ';' | ':' | '"' | '\u{201c}' | '\u{201d}'));
    if text.is_empty() { None } else { Some(text.chars().take(TEXT_CHARACTERS).collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What it has read for longer is in the table of `model/offline/statement.rs`.
    #[test]
    fn statements_come_with_what_leads_to_them() {
        let own = |key: &str, verb| About::Own { key: key.to_owned(), verb };
        let cases = [
            ("Hi my name is John", vec![(About::Name, "John", "hi")]),
            ("The house I live in is old", vec![(About::Place, "in is old", "the house")]),
            ("Python is my go-to language for scripts", vec![(About::Choice("go-to language".to_owned()), "Python", "")]),
            ("Python is not my favourite", vec![]),
            ("I use c", vec![(About::Uses, "c", "")]),
            ("I code in C#", vec![(About::Uses, "C#", "")]),
            ("I'm allergic to nuts and I am vegan", vec![(About::Allergy, "nuts", ""), (About::Diet, "vegan", "")]),
            ("I speak German; my cats are old", vec![(About::Speaks, "German", ""), (own("cats", "are"), "old", "")]),
            ("", vec![]),
        ];
        for (message, expected) in cases {
            let got: Vec<Statement> = read(message).collect();
            let got: Vec<(About, &str, String)> =
                got.iter().map(|read| (read.about.clone(), read.value.as_str(), read.lead.join(" "))).collect();
            let expected: Vec<(About, &str, String)> =
                expected.into_iter().map(|(about, value, lead)| (about, value, lead.to_owned())).collect();
            assert_eq!(got, expected, "{message:?}");
        }
    }
}
