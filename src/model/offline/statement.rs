//! What a message states about its user. Questions and denials state nothing.

use super::{
    facts::{AGE, DISLIKES, Fact, LIKES, NAME, ORIGIN, PLACE, TEXT_CHARACTERS, WORK, key_of},
    question, words,
};

/// Longest thing that "my ... is" can name, in words.
const KEY_WORDS: usize = 4;

/// The facts that a message states, in its order.
pub(super) fn read(message: &str) -> impl Iterator<Item = Fact> {
    clauses(message).into_iter().filter_map(|clause| read_clause(&clause))
}

/// The parts of a message that can each state one thing.
fn clauses(message: &str) -> Vec<Vec<&str>> {
    let mut clauses = vec![Vec::new()];
    let mut tokens = message.split_whitespace().peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek().map(|next| next.to_lowercase()).unwrap_or_default();
        let begins_anew = matches!(next.as_str(), "i" | "my" | "i'm" | "i\u{2019}m" | "call") || question::is_question_word(&next);
        let joins = matches!(token.to_lowercase().as_str(), "but" | "so" | "because") || (token.eq_ignore_ascii_case("and") && begins_anew);
        if joins {
            clauses.push(Vec::new());
            continue;
        }
        if let Some(clause) = clauses.last_mut() {
            clause.push(token);
        }
        if ends_sentence(token) || (token.ends_with(',') && begins_anew) {
            clauses.push(Vec::new());
        }
    }
    clauses
}

fn ends_sentence(token: &str) -> bool {
    let is_title = matches!(token, "St." | "Dr." | "Mr." | "Mrs." | "Ms." | "Prof.");
    !is_title && token.trim_end_matches(['"', '\u{201d}', ')']).ends_with(['.', '!', '?', ';', ':'])
}

fn read_clause(clause: &[&str]) -> Option<Fact> {
    let lower: Vec<String> = clause.iter().map(|token| words(token).concat()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    // "Can you remember that my name is John?" tells, although it asks.
    let asked = lower
        .iter()
        .position(|word| *word == "that")
        .filter(|that| matches!(lower.get(..*that), Some(["can" | "could" | "please" | "will", ..] | ["remember" | "note"])) && *that <= 4);
    let skip = asked.map_or(0, |that| that.saturating_add(1));
    let (lower, clause) = (lower.get(skip..)?, clause.get(skip..)?);
    if asked.is_none() && (question::is_question_word(lower.first()?) || clause.last()?.ends_with('?')) {
        return None;
    }
    // "Hi, my name is" and "Actually, I live in": what stands before the first "my" or "I" is no part of it.
    let start = lower.iter().position(|word| matches!(*word, "my" | "i" | "i'm" | "im" | "call"))?;
    if lower.get(..start)?.iter().any(|word| matches!(*word, "don't" | "dont" | "never" | "not" | "if" | "when")) {
        return None;
    }
    read_statement(lower.get(start..)?, clause.get(start..)?)
}

fn read_statement(lower: &[&str], clause: &[&str]) -> Option<Fact> {
    let rest = |skip: usize| value(clause.get(skip..).unwrap_or_default());
    let fact = |key: &str, value: Option<String>| Some(Fact { key: key.to_owned(), value: value?, verb: "is", is_guess: false });
    let name = |skip: usize| fact(NAME, until_comma(clause.get(skip..)?));
    let work = |skip: usize| fact(WORK, rest(skip).map(|value| format!("are {value}")));
    match lower {
        ["my", "name's", ..] => name(2),
        ["my", "name", "is", after, ..] if !matches!(*after, "not" | "no") => name(3),
        ["my", rest @ ..] => read_possession(rest, clause.get(1..)?),
        ["call", "me", called @ ..] if is_name(clause.get(2..)?, called) => name(2),
        ["i", "live", "in" | "at" | "near" | "on", ..] => fact(PLACE, rest(2)),
        ["i", "moved", "to", ..] => fact(PLACE, rest(3).map(|place| format!("in {place}"))),
        ["i", "come", "from", ..] | ["i", "am", "from", ..] => fact(ORIGIN, rest(3)),
        ["i'm" | "im", "from", ..] => fact(ORIGIN, rest(2)),
        ["i", "am", "called", ..] => name(3),
        ["i", "am", _, "years", "old", ..] => fact(AGE, rest(2)),
        ["i'm" | "im", _, "years", "old", ..] => fact(AGE, rest(1)),
        ["i", "work", "as" | "at" | "for" | "in" | "with" | "on", ..] => fact(WORK, rest(1)),
        ["i", "am", "a" | "an" | "the", what, ..] if is_trade(what) => work(2),
        ["i'm" | "im", "a" | "an" | "the", what, ..] if is_trade(what) => work(1),
        ["i", "like" | "love" | "enjoy" | "prefer", what @ ..] if is_thing(what) => fact(LIKES, rest(2)),
        ["i", "really", "like" | "love" | "enjoy", what @ ..] if is_thing(what) => fact(LIKES, rest(3)),
        ["i", "hate" | "dislike", what @ ..] if is_thing(what) => fact(DISLIKES, rest(2)),
        ["i", "don't" | "dont", "like", what @ ..] if is_thing(what) => fact(DISLIKES, rest(3)),
        ["i", "do", "not", "like", what @ ..] if is_thing(what) => fact(DISLIKES, rest(4)),
        ["i", "am", called @ ..] if is_name(clause.get(2..)?, called) => guess(name(2)),
        ["i'm" | "im", called @ ..] if is_name(clause.get(1..)?, called) => guess(name(1)),
        _ => None,
    }
}

fn guess(fact: Option<Fact>) -> Option<Fact> {
    fact.map(|fact| Fact { is_guess: true, ..fact })
}

/// "favourite colour is green" -> favourite colour, green.
fn read_possession(lower: &[&str], clause: &[&str]) -> Option<Fact> {
    let at = lower.iter().position(|word| matches!(*word, "is" | "are"))?;
    let after = lower.get(at.saturating_add(1))?;
    if at == 0 || at > KEY_WORDS || matches!(*after, "not" | "no") {
        return None;
    }
    let verb = if lower.get(at) == Some(&"are") { "are" } else { "is" };
    Some(Fact { key: key_of(lower.get(..at)?)?, value: value(clause.get(at.saturating_add(1)..)?)?, verb, is_guess: false })
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

    #[test]
    fn statements_teach_and_questions_do_not() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("My name is John", &[(NAME, "John")]),
            ("My name is John, nice to meet you", &[(NAME, "John")]),
            ("My name is John, what's yours?", &[(NAME, "John")]),
            ("Can you remember that my name is John?", &[(NAME, "John")]),
            ("My name's Ann", &[(NAME, "Ann")]),
            ("Hi! I'm Anna-Maria.", &[(NAME, "Anna-Maria")]),
            ("I am John, nice to meet you", &[(NAME, "John")]),
            ("You can call me Bo", &[(NAME, "Bo")]),
            ("My name is John. I'm Tall.", &[(NAME, "John"), (NAME, "Tall")]),
            ("I\u{2019}m from Ghana", &[(ORIGIN, "Ghana")]),
            ("I live in New York, and I work at a bank.", &[(PLACE, "in New York"), (WORK, "work at a bank")]),
            ("I moved to Porto last year.", &[(PLACE, "in Porto last year")]),
            ("I work at St. Mary's", &[(WORK, "work at St. Mary's")]),
            (
                "I am an engineer and my favourite food is rice and beans",
                &[(WORK, "are an engineer"), ("favourite food", "rice and beans")],
            ),
            ("I like to go running", &[(LIKES, "to go running")]),
            ("I don't like java but I love tea", &[(DISLIKES, "java"), (LIKES, "tea")]),
            ("my keys are on the table", &[("keys", "on the table")]),
            ("my C++ version is 3.14", &[("c++ version", "3.14")]),
            ("My email is john@example.com.", &[("email", "john@example.com")]),
            ("My job is teaching", &[("job", "teaching")]),
            ("I'm 30 years old.", &[(AGE, "30 years old")]),
            ("I am British", &[]),
            ("I'm OK.", &[]),
            ("I am a bit tired", &[]),
            ("Call me later", &[]),
            ("Don't call me John", &[]),
            ("I love it", &[]),
            ("I like you", &[]),
            ("I have two cats", &[]),
            ("What is my name?", &[]),
            ("is my name John", &[]),
            ("Which is better, my car is old?", &[]),
            ("my name is not John", &[]),
            ("I am Tired Today Really", &[]),
            ("my", &[]),
            ("my is", &[]),
            ("my name is", &[]),
            ("the weather is fine", &[]),
            ("", &[]),
        ];
        for (message, expected) in cases {
            let facts: Vec<Fact> = read(message).collect();
            let got: Vec<(&str, &str)> = facts.iter().map(|fact| (fact.key.as_str(), fact.value.as_str())).collect();
            assert_eq!(got, *expected, "{message:?}");
        }
    }
}
