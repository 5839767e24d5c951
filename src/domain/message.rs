//! Messages: what may be said by whom.
//!
//! The rules are those that every model provider shares, so that no stored history can be refused by one later.

use crate::{
    domain::{time::Timestamp, turn::Cut},
    error::{Error, Result},
    limits,
};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Instructions to the model.
    System,
    /// A person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

impl Role {
    /// Every role.
    pub(crate) const ALL: [Role; 4] = [Role::System, Role::User, Role::Assistant, Role::Tool];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }

    /// The role of that name.
    pub(crate) fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A function that the model wants called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    /// Links the call to its result.
    pub id: String,
    /// The function.
    pub name: String,
    /// Its arguments, JSON text as the model wrote it: it may be broken.
    pub arguments: String,
}

/// A message before it has a place in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewMessage {
    /// Who speaks.
    pub role: Role,
    /// The text; `None` only where an assistant calls tools instead.
    pub content: Option<String>,
    /// Assistant only: the calls it makes.
    pub tool_calls: Vec<ToolCall>,
    /// Tool only: the call it answers.
    pub tool_call_id: Option<String>,
    /// Which participant or function, where the client tells.
    pub name: Option<String>,
    /// The client's own data: a JSON object as text.
    pub metadata: Option<String>,
    /// Assistant only: why its text ends early, if it does.
    pub cut: Option<Cut>,
}

/// A message in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its place in the session, from 1, never used twice.
    pub sequence: u64,
    /// When the server took it, Unix milliseconds.
    pub created_at: Timestamp,
    /// The first message of what stood here before: an earlier answer, or what was said before an edit.
    pub replaces: Option<u64>,
    /// When what it said was removed; it keeps its place, and its calls their results.
    pub removed_at: Option<Timestamp>,
    /// What was said.
    pub body: NewMessage,
}

impl Message {
    /// What is left of it when what it says is removed.
    #[must_use]
    pub(crate) fn removed(self, now: Timestamp) -> Message {
        let NewMessage { role, content, tool_calls, tool_call_id, .. } = self.body;
        let tool_calls = tool_calls.into_iter().map(|call| ToolCall { arguments: "{}".to_owned(), ..call }).collect();
        let body = NewMessage { content: content.map(|_| String::new()), tool_calls, tool_call_id, ..NewMessage::text(role, "") };
        Message { body, removed_at: Some(now), ..self }
    }
}

impl NewMessage {
    /// A message of text alone.
    pub(crate) fn text(role: Role, content: impl Into<String>) -> NewMessage {
        NewMessage {
            role,
            content: Some(content.into()),
            tool_calls: Vec::new(),
            tool_call_id: None,
            name: None,
            metadata: None,
            cut: None,
        }
    }

    /// Holds the message against the rules of its role.
    ///
    /// # Errors
    /// `Invalid` or `TooLarge`, naming the field.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_content()?;
        self.check_tool_calls()?;
        match (self.role, &self.tool_call_id) {
            (Role::Tool, None) => return Err(Error::invalid("tool_call_id", "is required in a message of role tool")),
            (Role::Tool, Some(id)) => limits::check_label("tool_call_id", id, limits::ID_CHARACTERS)?,
            (Role::System | Role::User | Role::Assistant, Some(_)) => {
                return Err(Error::invalid("tool_call_id", "is allowed only in a message of role tool"));
            }
            (Role::System | Role::User | Role::Assistant, None) => {}
        }
        if let Some(name) = &self.name {
            limits::check_label("name", name, limits::NAME_CHARACTERS)?;
        }
        match &self.metadata {
            Some(metadata) => limits::check_body("metadata", metadata, limits::METADATA_BYTES),
            None => Ok(()),
        }
    }

    /// What the message takes in storage, in bytes, up to a constant.
    pub(crate) fn size_bytes(&self) -> usize {
        let calls: usize =
            self.tool_calls.iter().map(|call| call.id.len().saturating_add(call.name.len()).saturating_add(call.arguments.len())).sum();
        [&self.content, &self.tool_call_id, &self.name, &self.metadata]
            .into_iter()
            .flatten()
            .fold(calls, |sum, text| sum.saturating_add(text.len()))
    }

    fn check_content(&self) -> Result<()> {
        match (self.role, &self.content) {
            (Role::Assistant, None) if !self.tool_calls.is_empty() => Ok(()),
            (_, None) => Err(Error::invalid("content", "may be null only in a message of role assistant that has tool_calls")),
            (Role::System | Role::User, Some(content)) if content.is_empty() => Err(Error::invalid("content", "must not be empty")),
            (_, Some(content)) => limits::check_body("content", content, limits::MESSAGE_BYTES),
        }
    }

    fn check_tool_calls(&self) -> Result<()> {
        if self.tool_calls.is_empty() {
            return Ok(());
        }
        if self.role != Role::Assistant {
            return Err(Error::invalid("tool_calls", "is allowed only in a message of role assistant"));
        }
        if self.tool_calls.len() > limits::TOOL_CALLS {
            return Err(Error::invalid("tool_calls", format!("must have at most {} items", limits::TOOL_CALLS)));
        }
        let mut arguments_left = limits::MESSAGE_BYTES;
        for (index, call) in self.tool_calls.iter().enumerate() {
            let field = |name: &str| format!("tool_calls[{index}].{name}");
            limits::check_label(&field("id"), &call.id, limits::ID_CHARACTERS)?;
            limits::check_label(&field("function.name"), &call.name, limits::NAME_CHARACTERS)?;
            limits::check_body(&field("function.arguments"), &call.arguments, arguments_left)?;
            arguments_left = arguments_left.saturating_sub(call.arguments.len());
            if self.tool_calls.iter().take(index).any(|earlier| earlier.id == call.id) {
                return Err(Error::invalid(field("id"), "must be different for each call of a message"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calling(ids: &[&str], content: Option<&str>) -> NewMessage {
        let tool_calls = ids.iter().map(|id| ToolCall { id: (*id).into(), name: "f".into(), arguments: "{}".into() }).collect();
        NewMessage { content: content.map(Into::into), tool_calls, ..NewMessage::text(Role::Assistant, "") }
    }

    fn result(id: Option<&str>, content: &str) -> NewMessage {
        NewMessage { tool_call_id: id.map(Into::into), ..NewMessage::text(Role::Tool, content) }
    }

    #[test]
    fn each_role_has_its_rules() {
        let limit = "x".repeat(limits::MESSAGE_BYTES);
        let cases: Vec<(NewMessage, Option<&str>)> = vec![
            (NewMessage::text(Role::User, "hi"), None),
            (NewMessage::text(Role::User, limit.as_str()), None),
            (NewMessage::text(Role::User, format!("{limit}x")), Some("content")),
            (NewMessage::text(Role::User, ""), Some("content")),
            (NewMessage::text(Role::System, ""), Some("content")),
            (NewMessage::text(Role::Assistant, ""), None),
            (NewMessage::text(Role::User, "a\0b"), Some("content")),
            (NewMessage { content: None, ..NewMessage::text(Role::User, "") }, Some("content")),
            (calling(&["a"], None), None),
            (calling(&["a", "b"], Some("wait")), None),
            (calling(&[], None), Some("content")),
            (calling(&["a", "a"], None), Some("tool_calls[1].id")),
            (calling(&[""], None), Some("tool_calls[0].id")),
            (NewMessage { role: Role::User, ..calling(&["a"], Some("x")) }, Some("tool_calls")),
            (result(Some("a"), ""), None),
            (result(None, "x"), Some("tool_call_id")),
            (NewMessage { role: Role::User, ..result(Some("a"), "x") }, Some("tool_call_id")),
            (NewMessage { name: Some("x".repeat(65)), ..NewMessage::text(Role::User, "x") }, Some("name")),
            (NewMessage { metadata: Some("x".repeat(limits::METADATA_BYTES + 1)), ..NewMessage::text(Role::User, "x") }, Some("metadata")),
        ];
        for (message, expected) in cases {
            let field = match message.check() {
                Ok(()) => None,
                Err(Error::Invalid { field, .. } | Error::TooLarge { field, .. }) => Some(field),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(field.as_deref(), expected, "{:?} of {} bytes", message.role, message.size_bytes());
        }
    }

    #[test]
    fn a_valid_message_fits_a_row() {
        let most =
            limits::MESSAGE_BYTES * 2 + limits::METADATA_BYTES + limits::TOOL_CALLS * (limits::ID_CHARACTERS + limits::NAME_CHARACTERS) * 4;
        assert!(most < limits::ROW_BYTES, "{most}");
    }
}
