//! What a message states about its user, as facts of this session.
//!
//! The English is read in the domain; here the kinds of statements that this model can speak of get their keys.

use crate::domain::memory::statement::{self, About, Statement};

use super::facts::{AGE, DISLIKES, Fact, LIKES, NAME, ORIGIN, PLACE, WORK};

/// The facts that a message states, in its order.
pub(super) fn read(message: &str) -> impl Iterator<Item = Fact> {
    statement::read(message).filter_map(fact)
}

fn fact(Statement { about, value, .. }: Statement) -> Option<Fact> {
    let is_guess = about == About::PerhapsName;
    let (key, value, verb) = match about {
        About::Name | About::PerhapsName => (NAME.to_owned(), value, "is"),
        About::Place => (PLACE.to_owned(), value, "is"),
        About::MovedTo => (PLACE.to_owned(), format!("in {value}"), "is"),
        About::Origin => (ORIGIN.to_owned(), value, "is"),
        About::Work => (WORK.to_owned(), value, "is"),
        About::Trade => (WORK.to_owned(), format!("are {value}"), "is"),
        About::Age => (AGE.to_owned(), value, "is"),
        About::Likes => (LIKES.to_owned(), value, "is"),
        About::Dislikes => (DISLIKES.to_owned(), value, "is"),
        About::Own { key, verb } => (key, value, verb),
        About::Choice(_) | About::Uses | About::Allergy | About::Diet | About::Speaks => return None,
    };
    Some(Fact { key, value, verb, is_guess })
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
