//! What people say about themselves, as facts under a key.
//!
//! A key is one of the kinds below, or what stands between "my" and "is". A later value replaces an earlier one; likes and
//! dislikes add up. Questions and denials teach nothing.

use super::{question, words};

// Kinds of facts that have a sentence of their own. No text can produce these keys.
pub(super) const PLACE: &str = "@place";
pub(super) const ORIGIN: &str = "@origin";
pub(super) const WORK: &str = "@work";
pub(super) const AGE: &str = "@age";
pub(super) const LIKES: &str = "@likes";
pub(super) const DISLIKES: &str = "@dislikes";
/// The key of a name, however it was told.
pub(super) const NAME: &str = "name";

/// Longest thing that "my ... is" can name, in words.
const KEY_WORDS: usize = 4;
/// More facts than this are not kept, nor longer ones.
const FACTS: usize = 100;
const VALUE_CHARACTERS: usize = 200;

/// What is known, in the order it was learned.
#[derive(Debug, Default)]
pub(super) struct Facts(Vec<Fact>);

#[derive(Debug)]
struct Fact {
    key: String,
    value: String,
    verb: &'static str,
    /// "I'm Ann" may be a name; "my name is Ann" is one.
    is_guess: bool,
}

impl Facts {
    /// Learns from a message; the keys it spoke about.
    pub(super) fn learn(&mut self, message: &str) -> Vec<String> {
        let mut learned = Vec::new();
        for clause in clauses(message) {
            let Some(fact) = read_clause(&clause) else { continue };
            let key = fact.key.clone();
            if self.put(fact) && !learned.contains(&key) {
                learned.push(key);
            }
        }
        learned
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|fact| fact.value.as_str())
    }

    /// Is nothing known?
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|fact| fact.key.as_str())
    }

    /// "your name is John", for `key` or what else people call it.
    pub(super) fn sentence(&self, key: &str) -> Option<String> {
        let fact = self.find(key).or_else(|| other_words(key).iter().find_map(|other| self.find(other)))?;
        let value = to_second_person(&fact.value);
        Some(match fact.key.as_str() {
            PLACE => format!("you live {value}"),
            ORIGIN => format!("you are from {value}"),
            WORK => format!("you {value}"),
            AGE => format!("you are {value}"),
            LIKES => format!("you like {value}"),
            DISLIKES => format!("you do not like {value}"),
            key => format!("your {key} {} {value}", fact.verb),
        })
    }

    /// All of it.
    pub(super) fn sentences(&self) -> Vec<String> {
        self.keys().filter_map(|key| self.sentence(key)).collect()
    }

    fn find(&self, key: &str) -> Option<&Fact> {
        self.0.iter().find(|fact| spelling(&fact.key) == spelling(key))
    }

    /// Keeps a fact; false when a better one is known or there is no room.
    fn put(&mut self, fact: Fact) -> bool {
        let is_full = self.0.len() >= FACTS;
        let Some(known) = self.0.iter_mut().find(|known| known.key == fact.key) else {
            if !is_full {
                self.0.push(fact);
            }
            return !is_full;
        };
        if fact.is_guess && !known.is_guess {
            return false;
        }
        if matches!(fact.key.as_str(), LIKES | DISLIKES) {
            let is_known = known.value.split(" and ").any(|value| value == fact.value);
            if !is_known && known.value.len() < VALUE_CHARACTERS {
                known.value = format!("{} and {}", known.value, fact.value);
            }
        } else {
            *known = fact;
        }
        true
    }
}

/// What a question about an unknown `key` asks for: "your name".
pub(super) fn phrase(key: &str) -> String {
    match key {
        PLACE => "where you live".to_owned(),
        ORIGIN => "where you are from".to_owned(),
        WORK => "what you do".to_owned(),
        AGE => "how old you are".to_owned(),
        LIKES => "what you like".to_owned(),
        DISLIKES => "what you do not like".to_owned(),
        _ => format!("your {key}"),
    }
}

/// Keys that people use for the same thing.
fn other_words(key: &str) -> &'static [&'static str] {
    match key {
        "job" | "work" | "profession" | "occupation" | WORK => &[WORK, "job", "work", "profession", "occupation"],
        "age" | AGE => &[AGE, "age"],
        "first name" | "full name" | NAME => &[NAME, "first name", "full name"],
        "home" | "city" | "country" | PLACE => &[PLACE, "home", "city", "country"],
        _ => &[],
    }
}

/// One spelling for what is spelt in two ways.
fn spelling(key: &str) -> String {
    key.replace("favorite", "favourite").replace("color", "colour")
}

/// "my wife" -> "your wife".
fn to_second_person(value: &str) -> String {
    let turn = |word| match word {
        "my" | "My" => "your",
        "me" => "you",
        "mine" => "yours",
        "myself" => "yourself",
        other => other,
    };
    value.split(' ').map(turn).collect::<Vec<_>>().join(" ")
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
    Some(Fact { key: lower.get(..at)?.join(" "), value: value(clause.get(at.saturating_add(1)..)?)?, verb, is_guess: false })
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
    if text.is_empty() { None } else { Some(text.chars().take(VALUE_CHARACTERS).collect()) }
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
            ("My name is John. I'm Tall.", &[(NAME, "John")]),
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
            let mut facts = Facts::default();
            facts.learn(message);
            let got: Vec<(&str, &str)> = facts.0.iter().map(|fact| (fact.key.as_str(), fact.value.as_str())).collect();
            assert_eq!(got, *expected, "{message:?}");
        }
    }

    #[test]
    fn only_so_much_is_kept() {
        let mut facts = Facts::default();
        for number in 0..FACTS * 2 {
            facts.learn(&format!("my thing{number} is {}", "x".repeat(1000)));
            facts.learn(&format!("I like number {number}"));
        }
        assert!(facts.0.len() <= FACTS);
        assert!(facts.0.iter().all(|fact| fact.value.len() <= 2 * VALUE_CHARACTERS), "{facts:?}");
    }
}
