//! How sessions and messages look when they cross between Worker and objects.
//!
//! Worker and objects may run different versions for some minutes after a deploy: fields are only ever added, with a
//! default. The formats are pinned by tests in this file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        caller::{Caller, Owner},
        id::{Id, UserId},
        message::{Message, NewMessage, Role, ToolCall},
        session::{NewSession, Session},
        time::Timestamp,
    },
    error::{Error, Result},
};

/// A [`Caller`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallerRecord {
    Open { acting_for: Option<String> },
}

/// An [`Owner`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnerRecord {
    User(String),
    Nobody,
}

/// A [`Session`].
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    id: String,
    owner: OwnerRecord,
    user_id: Option<String>,
    persona: String,
    title: Option<String>,
    metadata: String,
    created_at: i64,
    last_activity: i64,
    idle_timeout_ms: u64,
    message_count: u64,
    last_sequence: u64,
    revision: u64,
}

/// A [`NewSession`].
#[derive(Serialize, Deserialize)]
pub(crate) struct NewSessionRecord {
    user_id: Option<String>,
    persona: String,
    title: Option<String>,
    metadata: String,
    idle_timeout_ms: u64,
}

/// A [`NewMessage`].
#[derive(Serialize, Deserialize)]
pub(crate) struct NewMessageRecord {
    role: String,
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
}

/// A [`ToolCall`].
#[derive(Serialize, Deserialize)]
pub(crate) struct ToolCallRecord {
    id: String,
    name: String,
    arguments: String,
}

/// A [`Message`].
#[derive(Serialize, Deserialize)]
pub(crate) struct MessageRecord {
    sequence: u64,
    created_at: i64,
    #[serde(flatten)]
    body: NewMessageRecord,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn user_id(text: Option<String>) -> Result<Option<UserId>> {
    text.map(|text| Id::parse("user_id", &text)).transpose()
}

impl From<&Caller> for CallerRecord {
    fn from(caller: &Caller) -> Self {
        match caller {
            Caller::Open { acting_for } => CallerRecord::Open { acting_for: acting_for.as_ref().map(|user| user.as_str().to_owned()) },
        }
    }
}

impl TryFrom<CallerRecord> for Caller {
    type Error = Error;
    fn try_from(record: CallerRecord) -> Result<Self> {
        match record {
            CallerRecord::Open { acting_for } => Ok(Caller::Open { acting_for: user_id(acting_for)? }),
        }
    }
}

impl From<&Session> for SessionRecord {
    fn from(session: &Session) -> Self {
        SessionRecord {
            id: session.id.as_str().to_owned(),
            owner: match &session.owner {
                Owner::User(user) => OwnerRecord::User(user.as_str().to_owned()),
                Owner::Nobody => OwnerRecord::Nobody,
            },
            user_id: session.user_id.as_ref().map(|user| user.as_str().to_owned()),
            persona: session.persona.clone(),
            title: session.title.clone(),
            metadata: session.metadata.clone(),
            created_at: session.created_at.millis(),
            last_activity: session.last_activity.millis(),
            idle_timeout_ms: millis(session.idle_timeout),
            message_count: session.message_count,
            last_sequence: session.last_sequence,
            revision: session.revision,
        }
    }
}

impl TryFrom<SessionRecord> for Session {
    type Error = Error;
    fn try_from(record: SessionRecord) -> Result<Self> {
        Ok(Session {
            id: Id::parse("session_id", &record.id)?,
            owner: match record.owner {
                OwnerRecord::User(user) => Owner::User(Id::parse("owner", &user)?),
                OwnerRecord::Nobody => Owner::Nobody,
            },
            user_id: user_id(record.user_id)?,
            persona: record.persona,
            title: record.title,
            metadata: record.metadata,
            created_at: Timestamp::from_millis(record.created_at),
            last_activity: Timestamp::from_millis(record.last_activity),
            idle_timeout: Duration::from_millis(record.idle_timeout_ms),
            message_count: record.message_count,
            last_sequence: record.last_sequence,
            revision: record.revision,
        })
    }
}

impl From<NewSession> for NewSessionRecord {
    fn from(new: NewSession) -> Self {
        NewSessionRecord {
            user_id: new.user_id.map(|user| user.as_str().to_owned()),
            persona: new.persona,
            title: new.title,
            metadata: new.metadata,
            idle_timeout_ms: millis(new.idle_timeout),
        }
    }
}

impl TryFrom<NewSessionRecord> for NewSession {
    type Error = Error;
    fn try_from(record: NewSessionRecord) -> Result<Self> {
        Ok(NewSession {
            user_id: user_id(record.user_id)?,
            persona: record.persona,
            title: record.title,
            metadata: record.metadata,
            idle_timeout: Duration::from_millis(record.idle_timeout_ms),
        })
    }
}

impl From<NewMessage> for NewMessageRecord {
    fn from(message: NewMessage) -> Self {
        let tool_calls =
            message.tool_calls.into_iter().map(|call| ToolCallRecord { id: call.id, name: call.name, arguments: call.arguments });
        NewMessageRecord {
            role: message.role.name().to_owned(),
            content: message.content,
            tool_calls: tool_calls.collect(),
            tool_call_id: message.tool_call_id,
            name: message.name,
            metadata: message.metadata,
        }
    }
}

impl TryFrom<NewMessageRecord> for NewMessage {
    type Error = Error;
    fn try_from(record: NewMessageRecord) -> Result<Self> {
        let tool_calls = record.tool_calls.into_iter().map(|call| ToolCall { id: call.id, name: call.name, arguments: call.arguments });
        Ok(NewMessage {
            role: Role::from_name(&record.role).ok_or_else(|| Error::Internal(format!("role {}", record.role)))?,
            content: record.content,
            tool_calls: tool_calls.collect(),
            tool_call_id: record.tool_call_id,
            name: record.name,
            metadata: record.metadata,
        })
    }
}

impl From<Message> for MessageRecord {
    fn from(message: Message) -> Self {
        MessageRecord { sequence: message.sequence, created_at: message.created_at.millis(), body: message.body.into() }
    }
}

impl TryFrom<MessageRecord> for Message {
    type Error = Error;
    fn try_from(record: MessageRecord) -> Result<Self> {
        Ok(Message { sequence: record.sequence, created_at: Timestamp::from_millis(record.created_at), body: record.body.try_into()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_format_unchanged() {
        let written = r#"{"id":"s","owner":{"user":"ann"},"user_id":"Ann","persona":"default","title":null,"metadata":"{}","created_at":1,"last_activity":2,"idle_timeout_ms":3,"message_count":4,"last_sequence":5,"revision":6}"#;
        let session = Session::try_from(serde_json::from_str::<SessionRecord>(written).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&SessionRecord::from(&session)).unwrap(), written);
    }

    #[test]
    fn message_format_unchanged() {
        let cases = [
            r#"{"sequence":1,"created_at":2,"role":"user","content":"hi"}"#,
            r#"{"sequence":1,"created_at":2,"role":"assistant","content":null,"tool_calls":[{"id":"a","name":"f","arguments":"{}"}]}"#,
            r#"{"sequence":1,"created_at":2,"role":"tool","content":"","tool_call_id":"a","name":"f","metadata":"{}"}"#,
        ];
        for written in cases {
            let message = Message::try_from(serde_json::from_str::<MessageRecord>(written).unwrap()).unwrap();
            assert_eq!(serde_json::to_string(&MessageRecord::from(message)).unwrap(), written);
        }
    }
}
