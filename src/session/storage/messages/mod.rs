//! The messages of a session: a row each, under their sequence number. In `siblings` those they took the place of, in
//! `search` their full text, in `shared` what the user's index is told of them.

pub(super) mod search;
pub(super) mod shared;
pub(super) mod siblings;

use serde::{Deserialize, Serialize};

use super::Storage;
use crate::{
    domain::{
        message::{Message, NewMessage, Role, ToolCall},
        time::Timestamp,
        turn::Cut,
    },
    error::{Error, Result},
    limits,
    platform::{
        self,
        sql::{Row, Value, Write},
    },
    session::{protocol::PageRequest, record::cut_named},
};

pub(super) const CREATE: Write = Write::new(
    "create table if not exists message (
       sequence integer primary key, created_at integer not null, role text not null, content text, tool_calls text,
       tool_call_id text, name text, metadata text, size_bytes integer not null, cut text, replaces integer,
       removed_at integer
     ) strict",
);
const INSERT: Write = Write::new(
    "insert or replace into message (sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, size_bytes, cut, replaces,
       removed_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);
const TAKE_OUT: &str = "delete from message where sequence >= ? returning sequence";
const NEWEST: &str = "select sequence from message order by sequence desc limit 1";
pub(super) const DELETE_ALL: Write = Write::new("delete from message");
// The running sum ends a page before it outgrows a call; the first message always fits.
const PAGE_OLDEST_FIRST: &str =
    "select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at from (
  select *, sum(size_bytes) over (order by sequence) - size_bytes as bytes_before from (
    select * from message where sequence > ? and sequence < ? order by sequence limit ? offset ?))
  where bytes_before < ? order by sequence";
const PAGE_NEWEST_FIRST: &str =
    "select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at from (
  select *, sum(size_bytes) over (order by sequence desc) - size_bytes as bytes_before from (
    select * from message where sequence > ? and sequence < ? order by sequence desc limit ? offset ?))
  where bytes_before < ? order by sequence desc";
pub(super) const CREATE_INSTRUCTIONS: Write =
    Write::new("create index if not exists message_instructions on message (sequence) where role = 'system'");
const INSTRUCTIONS_BEFORE: &str =
    "select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at
  from message where role = 'system' and sequence < ? order by sequence desc limit ?";
const INSTRUCTIONS_AFTER: &str =
    "select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at
  from message where role = 'system' and sequence > ? order by sequence limit ?";
const FIRST: &str = "select sequence from message order by sequence limit 1";
const LAST_OF_ROLES: &str = "select sequence from message where role = ? or role = ? order by sequence desc limit 1";
const FIRST_SAID: &str = "select content from message where role = 'user' order by sequence limit 2";
const IS_SECOND_SAID: &str = "select 1 from message where role = 'user' and sequence <= ? limit 1 offset 1";
const LAST_NOT_TOOL: &str = "select sequence from message where role <> 'tool' and sequence <= ? order by sequence desc limit 1";
const COUNT_SAID: &str = "select count(*) from message where sequence > ? and sequence < ? and role <> 'system'";

/// Calls of a message, as its column holds them.
#[derive(Serialize, Deserialize)]
struct StoredToolCall {
    id: String,
    name: String,
    arguments: String,
}

impl Storage {
    /// Stores a message under its sequence number, over what is there.
    pub(in crate::session) fn save_message(&self, message: &Message) -> Result<()> {
        self.sql.run(&INSERT, &values_of(message)?)
    }

    /// A page of messages in the order asked for, of at most `max_bytes` unless its first alone is larger.
    pub(in crate::session) fn page(&self, page: &PageRequest, max_bytes: u64) -> Result<Vec<Message>> {
        let takes_newest = page.before.is_some() || (page.newest_first && page.after.is_none());
        let query = if takes_newest { PAGE_NEWEST_FIRST } else { PAGE_OLDEST_FIRST };
        let (after, before) = (page.after.unwrap_or(0), page.before.unwrap_or(u64::MAX));
        let rows = self.sql.rows(query, &[after.into(), before.into(), page.limit.into(), page.offset.into(), max_bytes.into()])?;
        let mut messages = rows.iter().map(read_message).collect::<Result<Vec<_>>>()?;
        if takes_newest != page.newest_first {
            messages.reverse();
        }
        Ok(messages)
    }

    /// One message.
    pub(in crate::session) fn message(&self, sequence: u64) -> Result<Option<Message>> {
        let only = PageRequest { after: sequence.checked_sub(1), before: None, offset: 0, limit: 1, newest_first: false };
        Ok(self.page(&only, 1)?.pop().filter(|message| message.sequence == sequence))
    }

    /// The sequence number of the newest message of the user's, or of the user's and tools'.
    pub(in crate::session) fn last_said(&self, or_by_tools: bool) -> Result<Option<u64>> {
        let other = if or_by_tools { Role::Tool } else { Role::User };
        self.sql.row(LAST_OF_ROLES, &[Role::User.name().into(), other.name().into()])?.map(|row| row.count(0)).transpose()
    }

    /// The newest instructions before message `sequence`, oldest first.
    pub(in crate::session) fn instructions_before(&self, sequence: u64) -> Result<Vec<Message>> {
        let rows = self.sql.rows(INSTRUCTIONS_BEFORE, &[sequence.into(), limits::CONTEXT_INSTRUCTIONS.into()])?;
        rows.iter().rev().map(read_message).collect()
    }

    /// The oldest instructions after message `sequence`, oldest first.
    pub(in crate::session) fn instructions_after(&self, sequence: u64) -> Result<Vec<Message>> {
        let rows = self.sql.rows(INSTRUCTIONS_AFTER, &[sequence.into(), limits::CONTEXT_INSTRUCTIONS.into()])?;
        rows.iter().map(read_message).collect()
    }

    /// What the user has said, if that is one message.
    pub(in crate::session) fn only_said(&self) -> Result<Option<String>> {
        let mut said = self.sql.rows(FIRST_SAID, &[])?;
        match (said.pop(), said.pop()) {
            (Some(only), None) => only.optional_text(0),
            (_, _) => Ok(None),
        }
    }

    /// Does message `sequence` stand before the user's second? So do earlier versions of the second.
    pub(in crate::session) fn is_of_first_exchange(&self, sequence: u64) -> Result<bool> {
        Ok(self.sql.row(IS_SECOND_SAID, &[sequence.into()])?.is_none())
    }

    /// The newest message.
    pub(in crate::session) fn last_message(&self) -> Result<Option<Message>> {
        let newest = PageRequest { after: None, before: None, offset: 0, limit: 1, newest_first: true };
        Ok(self.page(&newest, 1)?.pop())
    }

    /// The sequence number of the oldest message, 0 when there is none.
    pub(in crate::session) fn first_sequence(&self) -> Result<u64> {
        self.sql.row(FIRST, &[])?.map_or(Ok(0), |row| row.count(0))
    }

    /// Deletes every message from `sequence` on and what stood in their places before; gives the numbers of both.
    pub(in crate::session) fn take_out(&self, sequence: u64) -> Result<(Vec<u64>, Vec<u64>)> {
        let mut taken = self.sql.rows(TAKE_OUT, &[sequence.into()])?.iter().map(|row| row.count(0)).collect::<Result<Vec<_>>>()?;
        taken.sort_unstable();
        Ok((taken, self.delete_versions(sequence)?))
    }

    /// The sequence number of the newest message, 0 when there is none.
    pub(in crate::session) fn newest_sequence(&self) -> Result<u64> {
        self.sql.row(NEWEST, &[])?.map_or(Ok(0), |row| row.count(0))
    }

    /// The newest message that is no tool result, and the results after it.
    pub(in crate::session) fn tail(&self) -> Result<Vec<Message>> {
        self.calls_before(u64::MAX)
    }

    /// How many messages but instructions are between `after` and `before`. Looks at each.
    pub(in crate::session) fn count_said(&self, after: u64, before: u64) -> Result<u64> {
        self.sql.row(COUNT_SAID, &[after.into(), before.into()])?.map_or(Ok(0), |row| row.count(0))
    }

    /// The newest message up to `through` that is no tool result, and the results after it.
    pub(in crate::session) fn calls_before(&self, through: u64) -> Result<Vec<Message>> {
        let Some(row) = self.sql.row(LAST_NOT_TOOL, &[through.into()])? else { return Ok(Vec::new()) };
        let after = row.count(0)?.saturating_sub(1);
        let before = Some(through.saturating_add(1));
        self.page(&PageRequest { after: Some(after), before, offset: 0, limit: u32::MAX, newest_first: false }, u64::from(u32::MAX))
    }
}

/// The values of a message's row, in the order of its columns.
pub(super) fn values_of(message: &Message) -> Result<[Value; 12]> {
    let Message { sequence, created_at, replaces, removed_at, body } = message;
    let size_bytes = body.size_bytes();
    if size_bytes > limits::ROW_BYTES {
        return Err(Error::TooLarge { field: "message".into(), limit_bytes: limits::ROW_BYTES });
    }
    let tool_calls = encode_tool_calls(&body.tool_calls)?;
    Ok([
        (*sequence).into(),
        created_at.millis().into(),
        body.role.name().into(),
        body.content.as_ref().into(),
        tool_calls.as_ref().into(),
        body.tool_call_id.as_ref().into(),
        body.name.as_ref().into(),
        body.metadata.as_ref().into(),
        u64::try_from(size_bytes).unwrap_or(u64::MAX).into(),
        body.cut.map(Cut::name).into(),
        (*replaces).into(),
        removed_at.map(Timestamp::millis).into(),
    ])
}

pub(super) fn read_message(row: &Row) -> Result<Message> {
    let role = row.text(2)?;
    let body = NewMessage {
        role: Role::from_name(&role).ok_or_else(|| Error::Internal(format!("role {role}")))?,
        content: row.optional_text(3)?,
        tool_calls: row.optional_text(4)?.map(|json| decode_tool_calls(&json)).transpose()?.unwrap_or_default(),
        tool_call_id: row.optional_text(5)?,
        name: row.optional_text(6)?,
        metadata: row.optional_text(7)?,
        cut: row.optional_text(8)?.as_deref().map(cut_named).transpose()?,
    };
    let (sequence, created_at) = (row.count(0)?, Timestamp::from_millis(row.integer(1)?));
    let removed_at = row.optional_integer(10)?.map(Timestamp::from_millis);
    Ok(Message { sequence, created_at, replaces: row.optional_count(9)?, removed_at, body })
}

fn encode_tool_calls(calls: &[ToolCall]) -> Result<Option<String>> {
    if calls.is_empty() {
        return Ok(None);
    }
    let stored: Vec<StoredToolCall> = calls
        .iter()
        .map(|call| StoredToolCall { id: call.id.clone(), name: call.name.clone(), arguments: call.arguments.clone() })
        .collect();
    platform::encode("tool calls", &stored).map(Some)
}

fn decode_tool_calls(json: &str) -> Result<Vec<ToolCall>> {
    let stored: Vec<StoredToolCall> = platform::decode("tool calls", json)?;
    Ok(stored.into_iter().map(|call| ToolCall { id: call.id, name: call.name, arguments: call.arguments }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_calls_format_unchanged() {
        let written = r#"[{"id":"a","name":"f","arguments":"{\"x\":1}"}]"#;
        assert_eq!(encode_tool_calls(&decode_tool_calls(written).unwrap()).unwrap().as_deref(), Some(written));
        assert_eq!(encode_tool_calls(&[]).unwrap(), None);
    }
}
