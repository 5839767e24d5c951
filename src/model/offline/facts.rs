//! What is known about the user: facts under a key.
//!
//! A key is one of the kinds below, or what stands between "my" and "is". A later value replaces an earlier one; likes and
//! dislikes add up. What a message states is read in `statement`.

use super::statement;
use crate::domain::memory::statement::TEXT_CHARACTERS;

// Kinds of facts that have a sentence of their own. No text can produce these keys.
pub(super) const PLACE: &str = "@place";
pub(super) const ORIGIN: &str = "@origin";
pub(super) const WORK: &str = "@work";
pub(super) const AGE: &str = "@age";
pub(super) const LIKES: &str = "@likes";
pub(super) const DISLIKES: &str = "@dislikes";
/// The key of a name, however it was told.
pub(super) const NAME: &str = "name";

/// More facts than this are not kept.
const FACTS: usize = 100;

/// What is known, in the order it was learned.
#[derive(Debug, Default)]
pub(super) struct Facts(Vec<Fact>);

/// One thing that was stated.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) key: String,
    pub(super) value: String,
    /// "is" or "are", as it was said.
    pub(super) verb: &'static str,
    /// "I'm Ann" may be a name; "my name is Ann" is one.
    pub(super) is_guess: bool,
}

impl Facts {
    /// Learns from a message; the keys it spoke about.
    pub(super) fn learn(&mut self, message: &str) -> Vec<String> {
        let mut learned = Vec::new();
        for fact in statement::read(message) {
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
        self.0.iter().find(|fact| fact.key == key)
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
            if !is_known && known.value.len() < TEXT_CHARACTERS {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_much_is_kept() {
        let mut facts = Facts::default();
        for number in 0..FACTS * 2 {
            facts.learn(&format!("my thing{number} is {}", "x".repeat(1000)));
            facts.learn(&format!("I like number {number}"));
        }
        assert!(facts.0.len() <= FACTS);
        assert!(facts.0.iter().all(|fact| fact.value.len() <= 2 * TEXT_CHARACTERS), "{facts:?}");
    }
}
