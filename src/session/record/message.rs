//! How messages look when they cross between Worker and objects, and in files and events that are stored.

use serde::{Deserialize, Serialize};

use super::cut_named;
use crate::{
    domain::{
        message::{Message, NewMessage, Role, ToolCall},
        time::Timestamp,
    },
    error::{Error, Result},
};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<String>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removed_at: Option<i64>,
    #[serde(flatten)]
    body: NewMessageRecord,
}

impl From<NewMessage> for NewMessageRecord {
    fn from(message: NewMessage) -> Self {
        NewMessageRecord {
            role: message.role.name().to_owned(),
            content: message.content,
            tool_calls: message.tool_calls.into_iter().map(Into::into).collect(),
            tool_call_id: message.tool_call_id,
            name: message.name,
            metadata: message.metadata,
            cut: message.cut.map(|cut| cut.name().to_owned()),
        }
    }
}

impl From<ToolCall> for ToolCallRecord {
    fn from(call: ToolCall) -> Self {
        ToolCallRecord { id: call.id, name: call.name, arguments: call.arguments }
    }
}

impl From<ToolCallRecord> for ToolCall {
    fn from(record: ToolCallRecord) -> Self {
        ToolCall { id: record.id, name: record.name, arguments: record.arguments }
    }
}

impl TryFrom<NewMessageRecord> for NewMessage {
    type Error = Error;
    fn try_from(record: NewMessageRecord) -> Result<Self> {
        Ok(NewMessage {
            role: Role::from_name(&record.role).ok_or_else(|| Error::Internal(format!("role {}", record.role)))?,
            content: record.content,
            tool_calls: record.tool_calls.into_iter().map(Into::into).collect(),
            tool_call_id: record.tool_call_id,
            name: record.name,
            metadata: record.metadata,
            cut: record.cut.as_deref().map(cut_named).transpose()?,
        })
    }
}

impl From<Message> for MessageRecord {
    fn from(message: Message) -> Self {
        MessageRecord {
            sequence: message.sequence,
            created_at: message.created_at.millis(),
            replaces: message.replaces,
            removed_at: message.removed_at.map(Timestamp::millis),
            body: message.body.into(),
        }
    }
}

impl TryFrom<MessageRecord> for Message {
    type Error = Error;
    fn try_from(record: MessageRecord) -> Result<Self> {
        Ok(Message {
            sequence: record.sequence,
            created_at: Timestamp::from_millis(record.created_at),
            replaces: record.replaces,
            removed_at: record.removed_at.map(Timestamp::from_millis),
            body: record.body.try_into()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_format_unchanged() {
        let cases = [
            r#"{"sequence":1,"created_at":2,"role":"user","content":"hi"}"#,
            r#"{"sequence":1,"created_at":2,"role":"assistant","content":null,"tool_calls":[{"id":"a","name":"f","arguments":"{}"}]}"#,
            r#"{"sequence":1,"created_at":2,"role":"tool","content":"","tool_call_id":"a","name":"f","metadata":"{}"}"#,
            r#"{"sequence":3,"created_at":2,"replaces":2,"role":"assistant","content":"I was","cut":"stopped"}"#,
            r#"{"sequence":3,"created_at":2,"removed_at":4,"role":"user","content":""}"#,
        ];
        for written in cases {
            let message = Message::try_from(serde_json::from_str::<MessageRecord>(written).unwrap()).unwrap();
            assert_eq!(serde_json::to_string(&MessageRecord::from(message)).unwrap(), written);
        }
    }
}
