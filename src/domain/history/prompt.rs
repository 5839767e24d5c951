//! From stored messages to what a model is sent: a list that every provider takes.
//!
//! Providers refuse results without calls, calls without results, and many refuse empty texts or two messages of the
//! same person in a row. Stored histories are paired, but a stretch of one may begin in the middle of a pair, and failed
//! turns leave questions without answers.

use crate::domain::{
    history::pairing::OpenCalls,
    message::{NewMessage, Role},
};

/// What asks a model to go on with an answer that was cut.
const GO_ON: &str = "Your last message was cut off. Go on exactly where it ends, without repeating anything.";

/// What a model is sent for the stretch `history` of a session.
pub(crate) fn of(history: impl IntoIterator<Item = NewMessage>) -> Vec<NewMessage> {
    // Results at the beginning have lost their calls.
    let whole = history.into_iter().skip_while(|message| message.role == Role::Tool);
    let said = whole.filter(|message| !is_empty(message)).collect();
    // Every result that is left follows its call, so this only puts stubs where results are missing.
    let paired = OpenCalls::default().close_to_the_end(said);
    paired.into_iter().fold(Vec::new(), merge)
}

/// The same, asking the model to go on with its last answer.
pub(crate) fn to_go_on_with(history: impl IntoIterator<Item = NewMessage>) -> Vec<NewMessage> {
    of(history.into_iter().chain([NewMessage::text(Role::User, GO_ON)]))
}

/// How much text that is, in bytes.
pub(crate) fn size_bytes(prompt: &[NewMessage]) -> u64 {
    let bytes = prompt.iter().fold(0_usize, |sum, message| sum.saturating_add(message.size_bytes()));
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn is_empty(message: &NewMessage) -> bool {
    message.role != Role::Tool && message.tool_calls.is_empty() && message.content.as_deref().is_none_or(str::is_empty)
}

/// Appends `next`, to the message before it if the same person goes on speaking.
fn merge(mut prompt: Vec<NewMessage>, next: NewMessage) -> Vec<NewMessage> {
    match prompt.last_mut() {
        Some(last) if goes_on(last, &next) => {
            let texts = [last.content.take(), next.content];
            last.content = Some(texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"));
            last.tool_calls = next.tool_calls;
        }
        Some(_) | None => prompt.push(next),
    }
    prompt
}

fn goes_on(last: &NewMessage, next: &NewMessage) -> bool {
    let is_one_person = matches!(next.role, Role::User | Role::Assistant) && last.role == next.role && last.name == next.name;
    is_one_person && last.tool_calls.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::history::pairing::tests::{code, message};

    fn prompt(history: &str) -> String {
        of(history.split_whitespace().map(message)).iter().map(code).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn any_stretch_of_a_history_becomes_one_that_providers_take() {
        let cases = [
            ("", ""),
            ("u", "u"),
            ("u a u", "u a u"),
            // Cut in the middle of a pair.
            ("r1 a u", "a u"),
            ("r1 r2 u", "u"),
            // Calls at the very end.
            ("u c12 r1", "u c12 r1 s2"),
            // Questions whose turns failed, answers that were appended.
            ("u u u a a u", "u a u"),
            ("u a c1 r1 u", "u c1 r1 u"),
            ("u c1 r1 a c2 r2 u", "u c1 r1 c2 r2 u"),
        ];
        for (history, expected) in cases {
            assert_eq!(prompt(history), expected, "{history:?}");
        }
    }

    #[test]
    fn what_one_person_says_in_a_row_is_one_message_and_empty_ones_are_none() {
        let said = |text: &str| NewMessage::text(Role::User, text);
        let other = NewMessage { name: Some("ann".into()), ..said("c") };
        let answered = NewMessage::text(Role::Assistant, "");
        let prompt = of([said("a"), answered, said("b"), other.clone()]);
        assert_eq!(prompt, [said("a\n\nb"), other]);
        let cut = NewMessage::text(Role::Assistant, "I was");
        assert_eq!(to_go_on_with([said("a"), cut.clone()]), [said("a"), cut, said(GO_ON)]);
    }
}
