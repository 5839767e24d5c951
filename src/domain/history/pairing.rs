//! Tool calls and their results stay paired.
//!
//! Providers refuse a history in which a call has no result or a result has no call. So a result is taken only while
//! its call is open, and calls that are still open when the conversation goes on are closed with an explicit stub.

use crate::{
    domain::message::{NewMessage, Role},
    error::{Error, Result},
};

/// What a stub says in place of the result that never came.
const STUB: &str = "No result was provided for this tool call.";

/// The calls that wait for a result, in the order they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OpenCalls(Vec<String>);

impl OpenCalls {
    /// What is open at the end of `messages`, which hold the rules already.
    pub(crate) fn at_end_of<'a>(messages: impl IntoIterator<Item = &'a NewMessage>) -> OpenCalls {
        messages.into_iter().fold(OpenCalls::default(), |mut open, message| {
            open.advance(message);
            open
        })
    }

    /// Puts stubs where `messages` leave calls open, and goes on to the end of them.
    ///
    /// # Errors
    /// `UnpairedToolResult` for a result whose call is not open.
    pub(crate) fn close(mut self, messages: Vec<NewMessage>) -> Result<Vec<NewMessage>> {
        let mut paired = Vec::with_capacity(messages.len());
        for (index, message) in messages.into_iter().enumerate() {
            paired.extend(self.stubs_before(&message).ok_or(Error::UnpairedToolResult { index })?);
            paired.push(message);
        }
        Ok(paired)
    }

    /// Keeps what fits of `messages`, with stubs also for calls that are open at their end.
    pub(crate) fn close_to_the_end(mut self, messages: Vec<NewMessage>) -> Vec<NewMessage> {
        let mut paired = Vec::with_capacity(messages.len());
        for message in messages {
            let Some(stubs) = self.stubs_before(&message) else { continue };
            paired.extend(stubs);
            paired.push(message);
        }
        paired.extend(self.stubs());
        paired
    }

    /// Goes on to after `message`; gives the stubs that stand before it. `None`, and nothing has changed: it is a result
    /// whose call is not open.
    pub(crate) fn stubs_before(&mut self, message: &NewMessage) -> Option<Vec<NewMessage>> {
        let stubs = match &message.tool_call_id {
            Some(id) if !self.0.contains(id) => return None,
            Some(_) => Vec::new(),
            None => self.0.drain(..).map(stub).collect(),
        };
        self.advance(message);
        Some(stubs)
    }

    /// What stands for the results that are missing.
    pub(crate) fn stubs(self) -> Vec<NewMessage> {
        self.0.into_iter().map(stub).collect()
    }

    fn advance(&mut self, message: &NewMessage) {
        match &message.tool_call_id {
            Some(answered) => self.0.retain(|id| id != answered),
            None => self.0 = message.tool_calls.iter().map(|call| call.id.clone()).collect(),
        }
    }
}

fn stub(id: String) -> NewMessage {
    NewMessage { tool_call_id: Some(id), ..NewMessage::text(Role::Tool, STUB) }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{history::prompt, message::ToolCall};

    /// `u`, `a`, `c12` (calls 1 and 2), `r1` (the result of 1).
    pub(in crate::domain::history) fn message(code: &str) -> NewMessage {
        let (kind, ids) = code.split_at(1);
        match kind {
            "c" => NewMessage {
                content: None,
                tool_calls: ids.chars().map(|id| ToolCall { id: id.into(), name: "f".into(), arguments: "{}".into() }).collect(),
                ..NewMessage::text(Role::Assistant, "")
            },
            "r" => NewMessage { tool_call_id: Some(ids.into()), ..NewMessage::text(Role::Tool, "x") },
            "u" => NewMessage::text(Role::User, "u"),
            _ => NewMessage::text(Role::Assistant, "a"),
        }
    }

    /// Back from [`message`]; `s1` is a stub.
    pub(in crate::domain::history) fn code(message: &NewMessage) -> String {
        match (message.role, &message.tool_call_id) {
            (Role::Tool, Some(id)) if message.content.as_deref() == Some(STUB) => format!("s{id}"),
            (Role::Tool, Some(id)) => format!("r{id}"),
            (Role::User, _) => "u".into(),
            _ if message.tool_calls.is_empty() => "a".into(),
            _ => format!("c{}", message.tool_calls.iter().map(|c| c.id.as_str()).collect::<String>()),
        }
    }

    fn append(history: &str, new: &str) -> std::result::Result<String, usize> {
        let read = |codes: &str| codes.split_whitespace().map(message).collect::<Vec<_>>();
        match OpenCalls::at_end_of(&read(history)).close(read(new)) {
            Ok(paired) => Ok(paired.iter().map(code).collect::<Vec<_>>().join(" ")),
            Err(Error::UnpairedToolResult { index }) => Err(index),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn results_follow_their_calls_and_stubs_fill_the_gaps() {
        // history, new messages -> what is stored, or the index of the message that fits nowhere
        let cases = [
            ("", "u a", Ok("u a")),
            ("", "u c1 r1 a", Ok("u c1 r1 a")),
            ("u c12", "r2 r1 a", Ok("r2 r1 a")),
            ("u c12", "r2 u", Ok("r2 s1 u")),
            ("u c12", "u", Ok("s1 s2 u")),
            ("u c1", "c2 r2", Ok("s1 c2 r2")),
            ("u c1", "", Ok("")),
            ("", "r1", Err(0)),
            ("u c1 r1", "r1", Err(0)),
            ("u c1", "r1 r1", Err(1)),
            ("u c1", "u r1", Err(1)),
            ("u c1 u", "r1", Err(0)),
        ];
        for (history, new, expected) in cases {
            assert_eq!(append(history, new), expected.map(String::from), "{history:?} + {new:?}");
        }
    }

    proptest! {
        /// Whatever is sent, and in whatever portions, what is stored satisfies the providers' rule.
        #[test]
        fn stored_histories_are_always_paired(codes in prop::collection::vec(prop::sample::select(vec!["u", "a", "c1", "c12", "r1", "r2", "r3"]), 0..30), portion in 1usize..5) {
            let mut stored: Vec<NewMessage> = Vec::new();
            for portion in codes.chunks(portion) {
                let new = portion.iter().map(|code| message(code)).collect();
                if let Ok(paired) = OpenCalls::at_end_of(&stored).close(new) {
                    stored.extend(paired);
                }
            }
            open_at_end(&stored)?;
            for start in 0..stored.len() {
                for end in start..=stored.len() {
                    let prompt = prompt::of(stored[start..end].to_vec());
                    prop_assert!(open_at_end(&prompt)?.is_empty(), "call without result at the end");
                    prop_assert!(prompt.windows(2).all(|pair| pair[0].role == Role::Tool || pair[0].role != pair[1].role));
                    prop_assert!(prompt.first().is_none_or(|first| first.role == Role::User));
                }
            }
        }
    }

    /// The calls that are open at the end, if everything before is paired.
    fn open_at_end(messages: &[NewMessage]) -> std::result::Result<Vec<String>, TestCaseError> {
        let mut open: Vec<String> = Vec::new();
        for message in messages {
            match &message.tool_call_id {
                Some(id) => {
                    prop_assert!(open.contains(id), "result without call");
                    open.retain(|other| other != id);
                }
                None => {
                    prop_assert!(open.is_empty(), "call without result");
                    open = message.tool_calls.iter().map(|call| call.id.clone()).collect();
                }
            }
        }
        Ok(open)
    }
}
