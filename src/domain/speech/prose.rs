//! What a message says in its writer's own words: prose, its sentences, its words.
//!
//! English, and by rules. What the sentences mean is read elsewhere.

/// Of what stands in quotation marks, this many words may still be the writer's own: a name, a title.
const QUOTED_WORDS: usize = 2;

/// Words in lower case, without punctuation around them and with straight apostrophes.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| word.replace('\u{2019}', "'").trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '#')).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Does a sentence that starts with it ask something?
pub(crate) fn is_question_word(word: &str) -> bool {
    matches!(
        word,
        "what"
            | "what's"
            | "whats"
            | "who"
            | "who's"
            | "where"
            | "where's"
            | "when"
            | "why"
            | "how"
            | "which"
            | "is"
            | "are"
            | "am"
            | "do"
            | "does"
            | "did"
            | "can"
            | "could"
            | "would"
            | "should"
            | "will"
            | "tell"
            | "show"
            | "remind"
            | "explain"
            | "recommend"
    )
}

/// Does it open a conversation?
pub(crate) fn is_greeting(word: &str) -> bool {
    matches!(word, "hi" | "hello" | "hey" | "hallo" | "hiya" | "greetings")
}

/// Does a sentence end with this token?
pub(crate) fn ends_sentence(token: &str) -> bool {
    let is_title = matches!(token, "St." | "Dr." | "Mr." | "Mrs." | "Ms." | "Prof.");
    !is_title && token.trim_end_matches(['"', '\u{201d}', ')']).ends_with(['.', '!', '?'])
}

/// A message without what others said in it: code, quoted lines, quotations. No control characters but line ends.
pub(crate) fn prose(message: &str) -> String {
    // A fence that is not closed hides the rest.
    let outside = message.split("```").step_by(2).flat_map(str::lines);
    let own = outside.filter(|line| !line.trim_start().starts_with('>')).map(|line| {
        let line = line.replace(['\u{201c}', '\u{201d}'], "\"").replace(char::is_control, " ");
        without_spans(&without_spans(&line, '`', 0), '"', QUOTED_WORDS)
    });
    own.collect::<Vec<_>>().join("\n")
}

/// The sentences of a prose, as tokens. A line ends one.
pub(crate) fn sentences(prose: &str) -> Vec<Vec<&str>> {
    let mut sentences = Vec::new();
    for line in prose.lines() {
        let mut sentence = Vec::new();
        for token in line.split_whitespace() {
            sentence.push(token);
            if ends_sentence(token) {
                sentences.push(std::mem::take(&mut sentence));
            }
        }
        sentences.push(sentence);
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// A line without what stands between two `mark`s and is longer than `kept_words`.
fn without_spans(line: &str, mark: char, kept_words: usize) -> String {
    let pieces: Vec<&str> = line.split(mark).collect();
    let last = pieces.len().saturating_sub(1);
    let is_kept = |at: usize, piece: &str| at.is_multiple_of(2) || at == last || piece.split_whitespace().count() <= kept_words;
    pieces.iter().enumerate().map(|(at, piece)| if is_kept(at, piece) { *piece } else { " " }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_what_the_writer_says() {
        let cases = [
            ("a ```b``` c", vec!["a", "c"]),
            ("a\n```rust\nb\n```\nc", vec!["a", "c"]),
            ("a ```\nb", vec!["a"]),
            ("> a\nb\n  > c", vec!["b"]),
            ("He said \"my name is Bob\" twice.", vec!["He said twice."]),
            ("It is \u{201c}Rex\u{201d}.", vec!["It is Rex."]),
            ("call `my name is` now", vec!["call now"]),
            ("5\" is short", vec!["5 is short"]),
            ("One. Two! Dr. Who? Four", vec!["One.", "Two!", "Dr. Who?", "Four"]),
            ("a\u{7}b\0c", vec!["a b c"]),
            ("", vec![]),
        ];
        for (message, expected) in cases {
            let text = prose(message);
            let got: Vec<String> = sentences(&text).iter().map(|sentence| sentence.join(" ")).collect();
            assert_eq!(got, expected, "{message:?}");
        }
    }
}
