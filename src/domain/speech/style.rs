//! How somebody wants to be answered, as far as a message says so: "be brief", "explain in detail", "keep it simple".
//!
//! Whole words only, and only where they ask for something: "I am short of money" asks for nothing.

/// A wish for answers of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Short ones.
    Brief,
    /// Thorough ones.
    Detailed,
    /// Ones that are easy to understand.
    Simple,
}

/// Adjectives and fixed phrases that ask for a style, and the nouns, beside those for answers, that the adjectives go with.
struct Vocabulary {
    adjectives: &'static [&'static str],
    nouns: &'static [&'static str],
    phrases: &'static [&'static [&'static str]],
}

const ANSWERS: [&str; 10] =
    ["answer", "answers", "response", "responses", "reply", "replies", "explanation", "explanations", "description", "descriptions"];
/// An adjective may stand this many words before its noun, or after "be" and "keep".
const REACH: usize = 3;

impl Style {
    /// Every style; who asks for two of them means the first.
    pub(crate) const ALL: [Style; 3] = [Style::Brief, Style::Detailed, Style::Simple];

    /// Its name, as it is remembered.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Style::Brief => "brief",
            Style::Detailed => "detailed",
            Style::Simple => "simple",
        }
    }

    /// Do the words of a message ask for it?
    pub(crate) fn is_wished(self, words: &[&str]) -> bool {
        let vocabulary = self.vocabulary();
        (0..words.len()).any(|at| {
            let (before, here) = words.split_at_checked(at).unwrap_or_default();
            vocabulary.is_asked_for(before, here)
        })
    }

    const fn vocabulary(self) -> Vocabulary {
        match self {
            Style::Brief => Vocabulary {
                adjectives: &["brief", "briefer", "short", "shorter", "concise", "succinct", "terse"],
                nouns: &[],
                phrases: &[
                    &["tldr"],
                    &["tl;dr"],
                    &["explain", "briefly"],
                    &["answer", "briefly"],
                    &["briefly", "explain"],
                    &["briefly", "describe"],
                    &["get", "to", "the", "point"],
                ],
            },
            Style::Detailed => Vocabulary {
                adjectives: &["detailed", "thorough", "comprehensive", "in-depth", "longer", "extensive"],
                nouns: &[],
                phrases: &[&["more", "detail"], &["go", "into", "detail"], &["go", "deep"], &["go", "deeper"]],
            },
            Style::Simple => Vocabulary {
                adjectives: &["simple", "simpler", "plain"],
                nouns: &["terms", "words", "english", "language"],
                phrases: &[
                    &["explain", "simply"],
                    &["explain", "it", "simply"],
                    &["like", "i'm", "five"],
                    &["like", "i'm", "5"],
                    &["like", "i", "am", "five"],
                    &["like", "i", "am", "5"],
                    &["eli5"],
                    &["dumb", "it", "down"],
                ],
            },
        }
    }
}

impl Vocabulary {
    /// Is it asked for by the words that begin `here`?
    fn is_asked_for(&self, before: &[&str], here: &[&str]) -> bool {
        let has_adjective = |words: &[&str]| words.iter().take(REACH).any(|word| self.adjectives.contains(word));
        let is_detail = || self.adjectives.contains(&"detailed");
        match here {
            // "be brief", "keep your answers short", not "I'll be short of money".
            ["be" | "keep", rest @ ..] if has_adjective(rest) => {
                !is_refused(before)
                    && !is_told(before)
                    && !rest.iter().take(REACH.saturating_add(1)).any(|word| matches!(*word, "of" | "on"))
            }
            // "short answers", not "your short answer was wrong".
            [adjective, rest @ ..] if self.adjectives.contains(adjective) && self.has_noun(rest) => {
                !is_refused(before) && !matches!(before, [.., "your" | "the" | "that" | "this" | "too" | "such"])
            }
            // "explain in detail", not "I explain it in detail".
            ["explain" | "describe" | "answer" | "tell" | "show" | "discuss" | "elaborate" | "reply" | "write", rest @ ..]
                if is_detail() && has_depth(rest) =>
            {
                !is_refused(before) && !is_told(before)
            }
            _ => self.phrases.iter().any(|phrase| here.starts_with(phrase)) && !is_refused(before),
        }
    }

    fn has_noun(&self, words: &[&str]) -> bool {
        words.iter().take(REACH).any(|word| ANSWERS.contains(word) || self.nouns.contains(word))
    }
}

/// "in detail" among the next words.
fn has_depth(words: &[&str]) -> bool {
    let near = words.get(..words.len().min(REACH.saturating_mul(3))).unwrap_or_default();
    near.contains(&"in-depth") || near.windows(2).any(|pair| matches!(pair, ["in", "detail" | "details" | "depth"]))
}

fn is_refused(before: &[&str]) -> bool {
    let no = ["don't", "dont", "not", "never", "hate", "dislike", "stop", "without", "can't", "cannot"];
    before.iter().rev().take(REACH).any(|word| no.contains(word))
}

/// Somebody does it, rather than being asked to.
fn is_told(before: &[&str]) -> bool {
    let who = ["i", "i'll", "i'd", "we", "we'll", "it", "it'll", "this", "that", "he", "she", "they", "let"];
    before.iter().rev().take(REACH).any(|word| who.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::speech::prose::words;

    #[test]
    fn only_wishes_ask_for_a_style() {
        let cases: &[(&str, &[Style])] = &[
            ("be brief please", &[Style::Brief]),
            ("Could you be more concise?", &[Style::Brief]),
            ("I want you to be brief", &[Style::Brief]),
            ("Keep your answers short", &[Style::Brief]),
            ("explain in detail", &[Style::Detailed]),
            ("Explain how the moon was made in detail", &[Style::Detailed]),
            ("in more detail please", &[Style::Detailed]),
            ("keep it simple", &[Style::Simple]),
            ("Explain it like I'm five", &[Style::Simple]),
            ("in simple terms", &[Style::Simple]),
            ("a detailed but short answer", &[Style::Brief, Style::Detailed]),
            ("don't be brief", &[]),
            ("I don't like short answers", &[]),
            ("Your short answer was wrong", &[]),
            ("I will be short of money", &[]),
            ("It should be short", &[]),
            ("I looked at it in detail", &[]),
            ("The boxer wears briefs in a simple room", &[]),
            ("", &[]),
        ];
        for (message, expected) in cases {
            let words = words(message);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let got: Vec<Style> = Style::ALL.into_iter().filter(|style| style.is_wished(&words)).collect();
            assert_eq!(got, *expected, "{message:?}");
        }
    }
}
