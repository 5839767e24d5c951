//! From stored messages to what a model is sent: a list that every provider takes.
//!
//! Providers refuse results without calls and calls without results; many refuse empty texts, two messages of the same
//! role in a row, instructions in the middle, or an assistant who speaks first. Stored histories are paired, but a
//! stretch of one may begin anywhere, and failed turns leave questions without answers.

use crate::domain::{
    history::pairing::OpenCalls,
    message::{NewMessage, Role},
};

/// What asks a model to go on with an answer that was cut.
pub(crate) const GO_ON: &str = "Your last message was cut off. Go on exactly where it ends, without repeating anything.";
/// What stands before an assistant who would speak first.
const LEFT_OUT: &str = "(What was said before this is left out.)";

/// What a model is sent for the stretch `history` of a session.
pub(crate) fn of(history: impl IntoIterator<Item = NewMessage>) -> Vec<NewMessage> {
    let (instructions, said): (Vec<_>, Vec<_>) =
        history.into_iter().filter(|message| !is_empty(message)).partition(|message| message.role == Role::System);
    // Results whose calls are not in the stretch fall out; stubs come where results are missing.
    let paired = OpenCalls::default().close_to_the_end(said);
    let is_opened = paired.first().is_none_or(|first| first.role == Role::User);
    let opening = (!is_opened).then(|| NewMessage::text(Role::User, LEFT_OUT));
    instructions.into_iter().chain(opening).chain(paired).fold(Vec::new(), merge)
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

/// Appends `next`, to the message before it if that is of the same role.
fn merge(mut prompt: Vec<NewMessage>, next: NewMessage) -> Vec<NewMessage> {
    match prompt.last_mut() {
        Some(last) if goes_on(last, &next) => {
            let texts = [last.content.take(), next.content];
            last.content = Some(texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"));
            last.tool_calls = next.tool_calls;
            last.name = last.name.take().filter(|name| next.name.as_ref() == Some(name));
        }
        Some(_) | None => prompt.push(next),
    }
    prompt
}

fn goes_on(last: &NewMessage, next: &NewMessage) -> bool {
    next.role != Role::Tool && last.role == next.role && last.tool_calls.is_empty()
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
            ("r1 a u", "u a u"),
            ("r1 r2 u", "u"),
            ("r1 r2", ""),
            ("a", "u a"),
            ("c1 r1", "u c1 r1"),
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
    fn what_one_role_says_in_a_row_is_one_message_and_empty_ones_are_none() {
        let said = |text: &str| NewMessage::text(Role::User, text);
        let other = |text: &str| NewMessage { name: Some("ann".into()), ..said(text) };
        let answered = NewMessage::text(Role::Assistant, "");
        assert_eq!(of([said("a"), answered.clone(), said("b"), other("c")]), [said("a\n\nb\n\nc")]);
        assert_eq!(of([other("a"), answered, other("b")]), [other("a\n\nb")]);
        let cut = NewMessage::text(Role::Assistant, "I was");
        assert_eq!(to_go_on_with([said("a"), cut.clone()]), [said("a"), cut, said(GO_ON)]);
    }

    #[test]
    fn instructions_come_first_and_as_one() {
        let system = |text: &str| NewMessage::text(Role::System, text);
        let (asked, told) = (NewMessage::text(Role::User, "u"), NewMessage::text(Role::Assistant, "a"));
        assert_eq!(
            of([system("one"), asked.clone(), told.clone(), system("two"), asked.clone()]),
            [system("one\n\ntwo"), asked.clone(), told, asked]
        );
        assert_eq!(of([system("one")]), [system("one")]);
    }
}
