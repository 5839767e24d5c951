//! One form for what has many: a sentence as the reader of statements knows it.

use super::tokens::lower;

/// Other ways to say what the reader of statements knows.
const PLAIN_FORMS: [(&[&str], &str); 24] = [
    (&["i'm", "based", "in"], "I live in"),
    (&["i", "am", "based", "in"], "I live in"),
    (&["i'm", "living", "in"], "I live in"),
    (&["i", "am", "living", "in"], "I live in"),
    (&["i've", "moved", "to"], "I moved to"),
    (&["i", "was", "born", "on"], "my birthday is"),
    (&["i", "was", "born", "in"], "I am from"),
    (&["i'm", "called"], "I am called"),
    (&["i", "go", "by"], "call me"),
    (&["i'm", "working"], "I work"),
    (&["i", "am", "working"], "I work"),
    (&["i'm", "using"], "I use"),
    (&["i", "am", "using"], "I use"),
    (&["i", "don't", "enjoy"], "I hate"),
    (&["i", "don't", "love"], "I don't like"),
    (&["i", "can't", "stand"], "I hate"),
    (&["i", "detest"], "I hate"),
    (&["i", "adore"], "I love"),
    (&["i", "like", "to", "code", "in"], "I code in"),
    (&["i", "like", "using"], "I like"),
    (&["i'm", "a", "fan", "of"], "I like"),
    (&["i'm", "a", "big", "fan", "of"], "I like"),
    (&["i", "am", "a", "big", "fan", "of"], "I like"),
    (&["i", "have", "an", "allergy", "to"], "I am allergic to"),
];

/// The sentence as the reader of statements knows it: one form for what has many, and no adverbs after "I".
pub(super) fn in_plain_form(sentence: &[&str]) -> String {
    let tokens = without_adverbs(sentence);
    let lower: Vec<String> = tokens.iter().map(|token| lower(token)).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let (mut plain, mut at) = (Vec::new(), 0_usize);
    while let (Some(token), Some(here)) = (tokens.get(at), lower.get(at..)) {
        let form = PLAIN_FORMS.iter().find(|(form, _)| here.starts_with(form));
        plain.push(form.map_or(*token, |(_, instead)| *instead));
        let is_age = matches!(lower.get(..at), Some([.., "i'm" | "im"] | [.., "i", "am"])) && ends_as_age(token, here);
        if is_age {
            plain.push("years old.");
        }
        at = at.saturating_add(form.map_or(1, |(form, _)| form.len()));
    }
    plain.join(" ")
}

/// "I'm 30." and "I'm 30 and", not "I'm 30 minutes late".
fn ends_as_age(token: &str, here: &[&str]) -> bool {
    let digits = token.trim_end_matches(['.', ',', '!', ';']);
    let is_last = digits.len() < token.len() || matches!(here, [_] | [_, "and" | "but", ..]);
    is_last && digits.parse::<u8>().is_ok_and(|age| (5..=120).contains(&age))
}

fn without_adverbs<'a>(sentence: &[&'a str]) -> Vec<&'a str> {
    let mut kept: Vec<&str> = Vec::new();
    for token in sentence {
        let before = kept.last().map(|before| lower(before)).unwrap_or_default();
        let adverb = lower(token);
        let is_timely = matches!(adverb.as_str(), "now" | "currently" | "still" | "actually" | "also" | "just");
        let is_usual = matches!(
            adverb.as_str(),
            "really" | "mostly" | "mainly" | "usually" | "primarily" | "always" | "generally" | "often" | "only" | "absolutely" | "truly"
        );
        let is_dropped = match before.as_str() {
            "i" | "i've" => is_timely || is_usual,
            "don't" => adverb == "really",
            "am" | "i'm" | "im" => is_timely,
            _ => false,
        };
        if !is_dropped {
            kept.push(token);
        }
    }
    kept
}
