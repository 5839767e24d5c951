//! The offline model: a small deterministic responder, no language model, and honest about it.
//!
//! It knows what the user has said in this session, what is remembered of the user, and nothing else. It makes everything
//! usable, testable and demonstrable without a key or a network. It does not reason, translate, or know the world.
//!
//! `statement` takes what people say about themselves, `facts` keeps it, `question` reads what they want to know, and
//! `relevance` finds what was said before about the same thing.

mod facts;
mod question;
mod relevance;
mod statement;

use facts::{Facts, NAME as NAME_KEY};
use question::Question;

/// Its name, wherever the answering model is named.
pub(crate) const NAME: &str = "offline-responder";

const MODESTY: &str = "I am the built-in offline responder, not a language model: I only know what you tell me in this session.";
/// A summary quotes at most this many messages, and of each at most this many characters.
const QUOTES: usize = 8;
const QUOTE_CHARACTERS: usize = 120;

/// Answers `message`. `known`: what is remembered of the user, keys and values; `earlier`: the user's messages before it,
/// oldest first.
pub(crate) fn answer(known: &[(&str, &str)], earlier: &[&str], message: &str) -> String {
    let mut facts = Facts::default();
    for text in known.iter().flat_map(|(key, value)| statements(key, value)) {
        facts.learn(&text);
    }
    for text in earlier {
        facts.learn(text);
    }
    match question::parse(message) {
        Question::Attribute(key) => about(&facts, &key, earlier, message),
        Question::LastMessage => said(earlier.last()),
        Question::FirstMessage => said(earlier.first()),
        Question::Everything => everything(&facts, earlier),
        Question::Summary => summary(&facts, earlier),
        Question::Identity => MODESTY.to_owned(),
        Question::Thanks => "You are welcome.".to_owned(),
        Question::Farewell => "Goodbye! I keep what you told me until this session ends.".to_owned(),
        Question::Greeting => acknowledge(&mut facts, message).unwrap_or_else(|| greet(&facts)),
        Question::Statement => acknowledge(&mut facts, message).unwrap_or_else(|| noted(earlier, message)),
        // It may tell something before it asks.
        Question::Other => match acknowledge(&mut facts, message) {
            Some(acknowledged) => format!("{acknowledged} {MODESTY}"),
            None => other(&facts, earlier, message),
        },
    }
}

/// How its user would tell what is remembered.
fn statements(key: &str, value: &str) -> Vec<String> {
    let items = || serde_json::from_str::<Vec<String>>(value).unwrap_or_else(|_| vec![value.to_owned()]);
    match key {
        "name" => vec![format!("My name is {value}.")],
        "location" => vec![format!("I live in {value}.")],
        "origin" => vec![format!("I am from {value}.")],
        "occupation" => vec![format!("I work as {value}.")],
        "age" => vec![format!("I am {value} years old.")],
        "likes" => items().iter().map(|item| format!("I like {item}.")).collect(),
        "dislikes" => items().iter().map(|item| format!("I do not like {item}.")).collect(),
        key => vec![format!("My {} is {value}.", key.replace('_', " "))],
    }
}

fn said(message: Option<&&str>) -> String {
    match message {
        Some(message) => format!("You said: \u{201c}{}\u{201d}", quote(message)),
        None => "You have not said anything before this.".to_owned(),
    }
}

fn greet(facts: &Facts) -> String {
    match facts.get(NAME_KEY) {
        Some(name) => format!("Hello, {name}! How can I help you?"),
        None => "Hello! How can I help you? You can tell me about yourself, and ask me about it later.".to_owned(),
    }
}

fn about(facts: &Facts, key: &str, earlier: &[&str], message: &str) -> String {
    // "name do you remember" is asked for as "name": the longest beginning that is known.
    let known = key.match_indices(' ').map(|(end, _)| end).chain([key.len()]).rev().find_map(|end| facts.sentence(key.get(..end)?));
    if let Some(sentence) = known {
        return format!("{}.", capitalised(&sentence));
    }
    match relevance::message(earlier, message) {
        Some(related) => format!("You have not told me {}, but you said: \u{201c}{}\u{201d}", facts::phrase(key), quote(related)),
        None => format!("You have not told me {} yet. Would you like to?", facts::phrase(key)),
    }
}

fn everything(facts: &Facts, earlier: &[&str]) -> String {
    if !facts.is_empty() {
        return format!("You told me: {}.", facts.sentences().join("; "));
    }
    match earlier.last() {
        Some(last) => format!("Nothing about you yet. The last thing you said was: \u{201c}{}\u{201d}", quote(last)),
        None => "Nothing yet. What would you like me to know?".to_owned(),
    }
}

fn summary(facts: &Facts, earlier: &[&str]) -> String {
    if earlier.is_empty() {
        return "There is nothing to summarise yet.".to_owned();
    }
    let first = earlier.len().saturating_sub(QUOTES);
    let quotes: Vec<String> = earlier.iter().skip(first).map(|text| format!("\u{201c}{}\u{201d}", quote(text))).collect();
    let count = if earlier.len() == 1 { "one message".to_owned() } else { format!("{} messages", earlier.len()) };
    let scope = if first == 0 { "You sent" } else { "The latest of what you sent, out of" };
    let known = if facts.is_empty() { String::new() } else { format!(" What I know about you: {}.", facts.sentences().join("; ")) };
    format!("{scope} {count}: {}.{known}", quotes.join(", "))
}

/// What to say when `message` tells something about the user.
fn acknowledge(facts: &mut Facts, message: &str) -> Option<String> {
    let learned = facts.learn(message);
    match learned.as_slice() {
        [] => None,
        [only] if only == NAME_KEY => Some(format!("Nice to meet you, {}!", facts.get(NAME_KEY).unwrap_or_default())),
        keys => {
            let sentences: Vec<String> = keys.iter().filter_map(|key| facts.sentence(key)).collect();
            Some(format!("I will remember that {}.", sentences.join(", and that ")))
        }
    }
}

fn noted(earlier: &[&str], message: &str) -> String {
    match relevance::message(earlier, message) {
        Some(related) => format!("I have noted that. Earlier you said: \u{201c}{}\u{201d}", quote(related)),
        None => format!("I have noted that. {MODESTY}"),
    }
}

fn other(facts: &Facts, earlier: &[&str], message: &str) -> String {
    if let Some(sentence) = relevance::fact(facts, message) {
        return format!("You told me that {sentence}, so I would start from there. {MODESTY}");
    }
    match relevance::message(earlier, message) {
        Some(related) => format!("Earlier you said: \u{201c}{}\u{201d} {MODESTY} What more can you tell me about it?", quote(related)),
        None => format!("I do not know anything about that yet. {MODESTY} What can you tell me about it?"),
    }
}

fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= QUOTE_CHARACTERS {
        return line;
    }
    let mut short: String = line.chars().take(QUOTE_CHARACTERS).collect();
    short.push('\u{2026}');
    short
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A conversation of the user's messages, and what the last answer must contain.
    fn check(conversation: &[&str], expected: &str) {
        let (message, earlier) = conversation.split_last().unwrap();
        let answer = answer(&[], earlier, message);
        assert!(answer.contains(expected), "{conversation:?}\n  was answered: {answer}\n  expected:     {expected}");
    }

    #[test]
    fn conversations_of_the_documents_it_replaces() {
        check(&["Hi, my name is John"], "Nice to meet you, John");
        check(&["Hi, my name is John", "What's my name?"], "Your name is John");
        check(&["I am a Python programmer", "What tools do you recommend for work?"], "Python programmer");
        check(&["Hello", "What did I just say?"], "\u{201c}Hello\u{201d}");
        check(&["Hello, how are you?"], "Hello");
        check(&["Hello, ATLUS!"], "Hello!");
        check(&["Hello!", "What did I say?"], "\u{201c}Hello!\u{201d}");
        check(&["I live in Japan", "Which country do I live in?"], "You live in Japan");
    }

    #[test]
    fn what_was_told_is_recalled() {
        check(&["My favourite colour is green.", "What is my favourite colour?"], "Your favourite colour is green");
        check(&["my dog's name is Rex and my cat is Tom", "what's my dog's name"], "Your dog's name is Rex");
        check(&["my dog's name is Rex and my cat is Tom", "What is my cat?"], "Your cat is Tom");
        check(&["I'm from Bulgaria", "where am I from?"], "You are from Bulgaria");
        check(&["I live in Sofia", "Where do I live?"], "You live in Sofia");
        check(&["I work at the harbour", "What do I do for work?"], "You work at the harbour");
        check(&["I work as a nurse", "what's my job?"], "You work as a nurse");
        check(&["I like tea", "I love old maps", "What do I like?"], "You like tea and old maps");
        check(&["call me Ann", "who am I?"], "Your name is Ann");
        check(&["I'm Maria", "do you know my name?"], "Your name is Maria");
        check(&["My name is John", "Actually, my name is Jon", "What's my name?"], "Your name is Jon.");
        check(&["My name is John", "I live in Paris", "What do you know about me?"], "your name is John; you live in Paris");
        check(&["My name is John", "hello"], "Hello, John!");
        check(&["My name is John", "summarise please"], "\u{201c}My name is John\u{201d}");
        check(&["tea", "Summarize our conversation"], "You sent one message: \u{201c}tea\u{201d}.");
        check(&["We talked about the harbour festival", "Tell me more about the festival"], "harbour festival");
        check(&["I don't like java", "What do I dislike?"], "You do not like java");
        check(&["I have two cats", "How many cats do I have?"], "I have two cats");
        check(&["I'm allergic to peanuts", "What am I allergic to?"], "I'm allergic to peanuts");
        check(&["I am 30 years old", "How old am I?"], "You are 30 years old");
        check(&["I have two cats"], "I have noted that");
        check(&["ok"], "I have noted that");
        check(&["I have a dog called Bruno", "What is my dog called?"], "\u{201c}I have a dog called Bruno\u{201d}");
        check(&["my favourite colour is red", "What's my favorite color?"], "Your favourite colour is red.");
        check(&["I live in Sofia", "I moved to Porto", "Do you know where I live?"], "You live in Porto.");
        check(&["My job is teaching", "What do I do?"], "Your job is teaching.");
        check(&["My place is messy", "Where do I live?"], "You have not told me where you live");
        check(&["My name is John", "I'm Bulgarian", "What's my name?"], "Your name is John.");
        check(&["I am a nurse", "I am a bit tired", "What's my job?"], "You are a nurse.");
        check(&["My name is John. Can you help me?"], "Nice to meet you, John!");
        check(&["Hello, call me Ann"], "Nice to meet you, Ann!");
        check(&["My name is John", "What's your name?"], "not a language model");
        check(&["My dog is old", "It rains", "What did I say about my dog?"], "your dog is old");
        check(&["What's my name?", "What's the weather?"], "I do not know anything about that yet");
        check(&["My name is John", "Thanks! What's my name?"], "Your name is John.");
        check(&["I love my wife", "What do I like?"], "You like your wife.");
        check(&["my bus is late", "what is my bus?"], "Your bus is late.");
        check(&["My name is John", "What's my name, do you remember?"], "Your name is John.");
        check(&["Can you remember that my name is John?"], "Nice to meet you, John!");
        check(&["Can you remember that my name is John?", "What's my name?"], "Your name is John.");
        check(&["My favourite colour is red", "My favorite color is blue", "What's my favorite color?"], "Your favourite colour is blue.");
        check(&["My name is John", "Do you know my name? I told you."], "Your name is John.");
        check(&["My name is John", "Hm. What's my name? You know it."], "Your name is John.");
        check(&["The weather is bad", "What did my boss say before?"], "I do not know anything about that");
        check(&["My name is John. I'm Tall.", "What's my name?"], "Your name is John.");
        check(&["one", "two", "What was my first message?"], "\u{201c}one\u{201d}");
    }

    #[test]
    fn what_is_remembered_is_known() {
        let known = [("name", "John"), ("location", "Sofia"), ("likes", r#"["tea","jazz"]"#), ("favourite_colour", "green")];
        for (question, expected) in [
            ("What's my name?", "Your name is John."),
            ("Where do I live?", "You live in Sofia."),
            ("What do I like?", "You like tea and jazz."),
            ("What is my favourite colour?", "Your favourite colour is green."),
        ] {
            assert_eq!(answer(&known, &[], question), expected);
        }
        assert_eq!(answer(&known, &["My name is Jim"], "What's my name?"), "Your name is Jim.");
    }

    #[test]
    fn what_was_not_told_is_asked_for() {
        check(&["What's my name?"], "You have not told me your name yet");
        check(&["my name is not John", "What's my name?"], "You have not told me your name");
        check(&["Is my name John?", "What's my name?"], "You have not told me your name");
        check(&["I am happy", "what's my name?"], "You have not told me your name");
        check(&["What is the capital of France?"], "not a language model");
        check(&["What did I just say?"], "You have not said anything");
        check(&["summary"], "nothing to summarise");
        check(&["What do you know about me?"], "Nothing yet");
        check(&["where do I live"], "You have not told me where you live");
        check(&["Are you an AI?"], "not a language model");
        check(&["thanks!"], "welcome");
    }

    #[test]
    fn any_text_is_answered_with_text_of_bounded_length() {
        let long = "word ".repeat(50_000);
        let log: String = (0..40_000).map(|number| format!("w{number} ")).collect();
        let key = format!("my {} is b", "x".repeat(200_000));
        let asked_key = format!("what's my {}", "x".repeat(200_000));
        let boasts: String = (0..20_000).map(|number| format!("my a{number} is b. ")).collect();
        for text in [
            "?",
            "...",
            "\u{1f980}",
            "'",
            "my",
            "my  is",
            "what's my",
            "what is my ?",
            "i am",
            "i like",
            "call me",
            long.as_str(),
            log.as_str(),
            boasts.as_str(),
            key.as_str(),
            asked_key.as_str(),
            "\u{130}stanbul is my \u{130}",
            "my \u{df} is \u{1e9e}",
        ] {
            let answer = answer(&[("note", text), (text, text)], &[text, text, "What do you know about me?"], text);
            assert!(!answer.is_empty() && answer.len() < 64 * 1024, "{text:.40}: {} bytes", answer.len());
        }
    }
}
