//! What to remember of a user, read in their message by rules.
//!
//! Only what they state of themselves, now, in their own words: no questions, suppositions, reports, quotations, code or
//! text that they want worked on. When in doubt nothing is learned. Keeps nothing and forgets nothing itself.

use crate::domain::speech::prose::{is_greeting, prose, sentences, words};

use super::{
    claim,
    lexicon::{FILLERS, has},
    plain::in_plain_form,
    preference,
    statement::{self, About, TEXT_CHARACTERS},
};

/// Only so much of a message is read.
const MESSAGE_CHARACTERS: usize = 4000;
/// A message teaches no more than this.
const FACTS: usize = 8;
/// Longest key.
const KEY_CHARACTERS: usize = 64;
/// Longest value.
const VALUE_CHARACTERS: usize = 200;

/// Something learned from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Its name: at most 64 characters of `[a-z0-9_]`.
    pub key: String,
    /// What was learned: one line of at most 200 characters.
    pub value: Learned,
}

/// How something learned goes with what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Learned {
    /// It replaces what is known under the key.
    Text(String),
    /// It joins a list of distinct texts under the key.
    Item(String),
}

impl Fact {
    pub(super) fn text(key: &str, value: &str) -> Fact {
        Fact { key: key.to_owned(), value: Learned::Text(value.to_owned()) }
    }

    pub(super) fn item(key: &str, value: &str) -> Fact {
        Fact { key: key.to_owned(), value: Learned::Item(value.to_owned()) }
    }

    fn has_room(&self) -> bool {
        let (Learned::Text(value) | Learned::Item(value)) = &self.value;
        self.key.len() <= KEY_CHARACTERS && !value.is_empty() && value.chars().count() <= VALUE_CHARACTERS
    }
}

/// What `message` tells about its user.
pub(crate) fn extract(message: &str) -> Vec<Fact> {
    let text = prose(beginning(message));
    let all = words(&text);
    let is_introduction = all.iter().any(|word| is_greeting(word)) || all.windows(3).any(|three| three == ["to", "meet", "you"]);
    let mut facts = Vec::new();
    for sentence in sentences(&text) {
        let lower: Vec<String> = words(&sentence.join(" "));
        if hands_over_text(&lower) {
            break;
        }
        if lower.iter().any(|word| is_distant(word)) {
            continue;
        }
        let plain = in_plain_form(&sentence);
        for statement in statement::read(&plain).filter(|statement| is_own_voice(&statement.lead) && !is_cut(&statement.value)) {
            // "I'm Ann" is a name where people introduce themselves.
            if statement.about != About::PerhapsName || is_introduction {
                let is_weak = matches!(statement.about, About::PerhapsName | About::Uses | About::Work);
                claim::facts(statement).into_iter().for_each(|fact| keep(&mut facts, fact, is_weak));
            }
        }
        preference::api(&sentence).into_iter().for_each(|fact| keep(&mut facts, fact, false));
    }
    preference::style(&text).into_iter().for_each(|fact| keep(&mut facts, fact, false));
    facts.truncate(FACTS);
    facts.into_iter().map(|(fact, _)| fact).collect()
}

/// Adds a fact to those that were found, each with whether it is weak; a weak one never replaces a strong one.
fn keep(facts: &mut Vec<(Fact, bool)>, fact: Fact, is_weak: bool) {
    if !fact.has_room() || facts.iter().any(|(known, _)| *known == fact) {
        return;
    }
    let same = facts.iter_mut().find(|(known, _)| known.key == fact.key && matches!(fact.value, Learned::Text(_)));
    match same {
        Some((_, false)) if is_weak => {}
        Some(known) => *known = (fact, is_weak),
        None => facts.push((fact, is_weak)),
    }
}

/// Is it as long as the reader lets a value become?
fn is_cut(value: &str) -> bool {
    value.chars().count() >= TEXT_CHARACTERS
}

/// The part that is read, up to the end of a word.
fn beginning(message: &str) -> &str {
    let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARACTERS) else { return message };
    let cut = message.get(..end).unwrap_or_default();
    cut.rsplit_once(char::is_whitespace).map_or("", |(whole, _)| whole)
}

/// Text of anybody may follow.
fn hands_over_text(words: &[String]) -> bool {
    let tasks = ["translate", "rewrite", "rephrase", "paraphrase", "proofread", "summarise", "summarize"];
    words.iter().any(|word| tasks.contains(&word.as_str()))
}

/// A sentence with such a word supposes something, or reports what somebody says.
fn is_distant(word: &str) -> bool {
    matches!(
        word,
        "if" | "unless"
            | "suppose"
            | "supposing"
            | "imagine"
            | "imagining"
            | "pretend"
            | "wish"
            | "hypothetically"
            | "whether"
            | "assume"
            | "assuming"
            | "maybe"
            | "perhaps"
            | "said"
            | "says"
            | "say"
            | "saying"
            | "told"
            | "tells"
            | "asked"
            | "wrote"
            | "claims"
            | "claimed"
            | "thinks"
            | "thought"
            | "replied"
            | "sentence"
            | "phrase"
            | "novel"
            | "story"
            | "poem"
            | "lyrics"
            | "joke"
            | "example"
    )
}

/// Nothing but such words may stand before a statement: "the house I live in" states nothing.
fn is_own_voice(lead: &[String]) -> bool {
    let is_addressed = lead.first().is_some_and(|first| is_greeting(first)) && lead.len() <= 2;
    let ends_in_noun = matches!(lead.last().map(String::as_str), Some("way" | "information" | "morning" | "afternoon" | "evening") | None);
    let has_article = lead.iter().any(|word| matches!(word.as_str(), "the" | "your"));
    is_addressed || lead.iter().all(|word| has(FILLERS, word)) && (ends_in_noun || !has_article)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `key=text`, `key+item`.
    fn told(message: &str) -> String {
        let shown = extract(message).into_iter().map(|fact| match fact.value {
            Learned::Text(text) => format!("{}={text}", fact.key),
            Learned::Item(item) => format!("{}+{item}", fact.key),
        });
        shown.collect::<Vec<_>>().join("; ")
    }

    fn check(cases: &[(&str, &str)]) {
        let wrong: Vec<String> = cases
            .iter()
            .filter(|(message, expected)| told(message) != *expected)
            .map(|(message, expected)| format!("{message:?}\n  taught:   {}\n  expected: {expected}", told(message)))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_people_say_of_themselves_is_learned() {
        check(&[
            ("My name is John", "name=John"),
            ("my name is john and i live in sofia", "name=john; location=sofia"),
            ("Hi, my name is John Smith, nice to meet you", "name=John Smith"),
            ("My name's Ann.", "name=Ann"),
            ("My name is \"Rex\".", "name=Rex"),
            ("I'm called Bo", "name=Bo"),
            ("You can call me Bo", "name=Bo"),
            ("Hi! I'm Anna-Maria.", "name=Anna-Maria"),
            ("I am John, nice to meet you", "name=John"),
            ("Hello, my name is John. I'm Tall.", "name=John"),
            ("Can you remember that my name is John?", "name=John"),
            ("Actually, my name is Jon", "name=Jon"),
            ("My name is John. Sorry, my name is Jon.", "name=Jon"),
            ("My name is Ludwig van Beethoven", "name=Ludwig van Beethoven"),
            ("I live in New York, and I work at a bank.", "location=New York; workplace=a bank"),
            ("I live in Paris with my wife", "location=Paris"),
            ("I currently live in the Netherlands.", "location=the Netherlands"),
            ("I live in Bosnia and Herzegovina", "location=Bosnia and Herzegovina"),
            ("I live at 5 Main Street", "location=5 Main Street"),
            ("I moved to Porto last year.", "location=Porto"),
            ("I'm based in Berlin, Germany", "location=Berlin, Germany"),
            ("I\u{2019}m from Ghana", "origin=Ghana"),
            ("I was born in Ghana", "origin=Ghana"),
            ("I'm 30 years old.", "age=30"),
            ("I'm 30, and I like tea", "age=30; likes+tea"),
            ("My age is 41", "age=41"),
            ("I work as a nurse at St. Mary's", "occupation=nurse"),
            ("I work at St. Mary's", "workplace=St. Mary's"),
            ("I am a teacher and I love jazz", "occupation=teacher; likes+jazz"),
            ("I'm a Python programmer", "occupation=Python programmer"),
            ("I am the CEO of Acme", "occupation=CEO of Acme"),
            ("I'm allergic to peanuts and shellfish", "allergies+peanuts; allergies+shellfish"),
            ("I am allergic to cats, dogs and pollen.", "allergies+cats; allergies+dogs; allergies+pollen"),
            ("I like tea", "likes+tea"),
            ("I really like tea, old maps and jazz", "likes+tea; likes+old maps; likes+jazz"),
            ("I love rock and roll", "likes+rock and roll"),
            ("I like to go running", "likes+to go running"),
            ("I love tea, thanks", "likes+tea"),
            ("I like tea very much", "likes+tea"),
            ("I love my wife", "likes+my wife"),
            ("I love JavaScript frameworks", "likes+JavaScript frameworks"),
            ("I like your style, and I love the Beatles", "likes+the Beatles"),
            ("I prefer tea over coffee", "likes+tea over coffee"),
            ("I enjoy spending time with friends and family", "likes+spending time with friends and family"),
            ("I like tea and I like TEA and I like tea", "likes+tea; likes+TEA"),
            ("I don't like java but I love tea", "dislikes+java; likes+tea"),
            ("I hate Mondays", "dislikes+Mondays"),
            ("I can't stand loud music", "dislikes+loud music"),
            ("I'm vegan", "diet=vegan"),
            ("I am a vegetarian", "diet=vegetarian"),
            ("My favorite color is green", "favourite_colour=green"),
            ("Green is my favourite colour", "favourite_colour=Green"),
            ("my favourite food is rice and beans", "favourite_food=rice and beans"),
            ("My favourite language is French", "favourite_language=French"),
            ("my dog's name is Rex", "dogs_name=Rex"),
            ("My dog is called Rex", "dogs_name=Rex"),
            ("Our team name is secret but my team name is Blue Harbour", "team_name=Blue Harbour"),
            ("I speak German and a bit of French", "languages+German; languages+French"),
            ("My native language is bulgarian", "native_language=Bulgarian"),
            ("My birthday is on May 5", "birthday=May 5"),
            ("My time zone is UTC+2", "timezone=UTC+2"),
            ("My pronouns are they/them", "pronouns=they/them"),
            ("I use she/her pronouns", "pronouns=she/her"),
        ]);
    }

    // The pairs of a system whose clients we serve. It wrote "Javascript"; we spell languages as they spell themselves.
    #[test]
    fn preferences_are_learned_as_before() {
        check(&[
            ("I prefer Python and only use free APIs", "preferred_language=Python; api_preference=free_only"),
            ("My favorite language is JavaScript", "preferred_language=JavaScript"),
            ("Python is my go-to language", "preferred_language=Python"),
            ("I work with kotlin", "preferred_language=Kotlin"),
            ("no paid APIs", "api_preference=free_only"),
            ("avoid paid services", "api_preference=free_only"),
            ("free tier only", "api_preference=free_only"),
            ("I prefer paid plans", "api_preference=paid_ok"),
            ("be brief please", "communication_style=brief"),
            ("explain in detail", "communication_style=detailed"),
            ("keep it simple", "communication_style=simple"),
            ("a detailed but short answer", "communication_style=brief"),
            ("hello", ""),
            ("javascript", ""),
            // What it got wrong.
            ("I like to go running every day", "likes+to go running every day"),
            ("I don't like java", "dislikes+java"),
            ("I use c", "preferred_language=C"),
            ("I code in C#", "preferred_language=C#"),
            ("I know the free tier", ""),
            // And more of the kind.
            ("I prefer Rust but I use python at work", "preferred_language=Rust"),
            ("I mostly code in cpp.", "preferred_language=C++"),
            ("I like Go and hiking", "preferred_language=Go; likes+hiking"),
            ("I love ruby rings", "likes+ruby rings"),
            ("I don't use Java", ""),
            ("There are no paid APIs in the list", ""),
            ("Is it free tier only?", ""),
            ("The free tier only allows ten requests", ""),
            ("I won't pay for APIs", "api_preference=free_only"),
            ("I'm using Python 3.11 and get an error", "preferred_language=Python"),
            ("My main language is TypeScript for work", "preferred_language=TypeScript"),
            ("paid tools are fine", "api_preference=paid_ok"),
            ("I like brief answers", "communication_style=brief"),
        ]);
    }

    #[test]
    fn when_in_doubt_nothing_is_learned() {
        let silent = [
            "",
            "What is my name?",
            "is my name John",
            "Do I live in Paris?",
            "I live in Paris, right?",
            "my name is not John",
            "My name is spelled with a K",
            "My name is hard to pronounce",
            "Don't call me John",
            "call me later",
            "Call me Maybe",
            "I am fine",
            "I'm sorry",
            "I'm Tired",
            "Hi, I'm Bulgarian",
            "I am John",
            "if I lived in Paris I would be happy",
            "If my name is John, what is yours",
            "Imagine I live in Paris",
            "Pretend that I am a teacher and my name is Ann",
            "he said my name is mud",
            "My name is mud",
            "She told me I like tea",
            "Maybe I like tea",
            "I used to live in Paris",
            "I lived in Paris",
            "I don't live in Paris",
            "I live in fear",
            "I live in the moment",
            "I live in a bubble",
            "I live on coffee",
            "The house I live in is old",
            "I'm from the future",
            "I was born in 1990",
            "I moved to Linux",
            "I'm 30 minutes late",
            "I am 100% sure",
            "I am a bit tired",
            "I am a morning person",
            "I am a member of the club",
            "I am not a teacher",
            "I work at night",
            "I work on it",
            "I like it",
            "I love you",
            "I like the second option",
            "I like your answer",
            "I like to know how things work",
            "I hate to bother you",
            "The book I love is Dune",
            "I'm not allergic to nuts",
            "I'm allergic to work",
            "I am not vegan",
            "I speak my mind",
            "my bus is late",
            "My favourite is Python",
            "my variable name is foo",
            "My birthday is tomorrow",
            "my job is boring",
            "My password is hunter2",
            "> my name is John",
            "```\nmy name is John\n```",
            "look: `my name is John`",
            "The form says \"I live in Paris\"",
            "She wrote \u{201c}I am a teacher\u{201d} there",
            "Translate this:\nMy name is John. I live in Paris.",
            "Which is better, my car is old?",
            "I use go to definition a lot",
        ];
        check(&silent.map(|message| (message, "")));
    }

    #[test]
    fn only_so_much_is_read_and_learned() {
        let many: String = (10..30).map(|number| format!("I like number {number}. ")).collect();
        assert_eq!(extract(&many).len(), FACTS);
        let late = format!("{} my name is John", "word ".repeat(MESSAGE_CHARACTERS / 5));
        assert_eq!(told(&late), "");
        let cut = format!("{}. I live in Berlin", "w".repeat(MESSAGE_CHARACTERS - 15));
        assert_eq!(told(&cut), "");
        assert_eq!(told(&format!("I like {}", "x".repeat(300))), "");
        assert_eq!(told("my name is\u{7} Jo\u{200b}hn"), "");
    }

    /// Messages of the words that the rules look for, in any order.
    fn messages() -> impl Strategy<Value = String> {
        let words = "I I'm my name is am a called live in from like love don't use go c# C Python and , . ? John Paris 30 years old teacher \
                     favourite dog's paid free no only be brief answers to the ``` > \" birthday \n";
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        proptest::collection::vec(proptest::sample::select(words), 0..40).prop_map(|words| words.join(" "))
    }

    fn is_within_limits(fact: &Fact) -> bool {
        let (Learned::Text(value) | Learned::Item(value)) = &fact.value;
        let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (1..=KEY_CHARACTERS).contains(&fact.key.len())
            && fact.key.chars().all(is_key)
            && (1..=VALUE_CHARACTERS).contains(&value.chars().count())
            && !value.contains(char::is_control)
            && value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '!' | '?' | ';' | ':')) == value
    }

    proptest! {
        #[test]
        fn any_text_teaches_within_the_limits(any in any::<String>(), ours in messages()) {
            for message in [&any, &ours, &format!("my {any} name is {any}"), &format!("I like {any}")] {
                let facts = extract(message);
                prop_assert!(facts.len() <= FACTS && facts.iter().all(is_within_limits), "{message:?} taught {facts:?}");
                prop_assert_eq!(facts, extract(message));
            }
        }
    }
}
