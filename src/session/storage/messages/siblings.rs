//! Messages that others have taken the place of: earlier answers, what was said before an edit. They keep their numbers.

use super::{read_message, values_of};
use crate::{
    domain::{message::Message, time::Timestamp},
    error::Result,
    platform::sql::Write,
    session::storage::Storage,
};

pub(in crate::session::storage) const CREATE: Write = Write::new(
    "create table if not exists sibling (
       sequence integer primary key, created_at integer not null, role text not null, content text, tool_calls text,
       tool_call_id text, name text, metadata text, size_bytes integer not null, cut text, replaces integer, replaced_by integer not null,
       removed_at integer
     ) strict",
);
pub(in crate::session::storage) const CREATE_INDEX: Write =
    Write::new("create index if not exists sibling_replaced_by on sibling (replaced_by)");
const COPY: Write = Write::new(
    "insert into sibling (sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, size_bytes, cut, replaces,
       removed_at, replaced_by)
     select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, size_bytes, cut, replaces, removed_at, ?
     from message where sequence > ? and role <> 'system'",
);
const INSERT: Write = Write::new(
    "insert or replace into sibling (sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, size_bytes, cut, replaces,
       removed_at, replaced_by)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);
// The running sum ends a page before it outgrows a call; the first message always fits.
const PAGE: &str =
    "select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at, replaced_by from (
  select *, sum(size_bytes) over (order by sequence) - size_bytes as bytes_before from (
    select * from sibling where sequence > ? order by sequence limit ?))
  where bytes_before < ? order by sequence";
const DELETE_COPIED: &str = "delete from message where sequence > ? and role <> 'system' returning sequence";
// As in PAGE.
const VERSION: &str =
    "select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at, bytes, count from (
  select *, sum(size_bytes) over (order by sequence) as bytes, count(*) over () as count from sibling where replaced_by = ?)
  where bytes - size_bytes < ? order by sequence";
const FIND_ONE: &str = "select sequence, created_at, role, content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at
  from sibling where sequence = ?";
const REMOVE: Write = Write::new(
    "update sibling set content = case when content is null then null else '' end, tool_calls = null, name = null, metadata = null, cut = null,
       removed_at = ? where sequence = ?",
);
const DELETE_VERSIONS: &str = "with recursive version(sequence) as (
    select sequence from sibling where replaced_by >= ?
    union select sibling.sequence from sibling join version on sibling.replaced_by = version.sequence)
  delete from sibling where sequence in version returning sequence";
pub(in crate::session::storage) const DELETE_ALL: Write = Write::new("delete from sibling");

/// What once stood in a place of the history.
pub(in crate::session) struct Version {
    /// Never empty.
    pub messages: Vec<Message>,
    pub size_bytes: u64,
    /// Are these all of it?
    pub is_whole: bool,
}

impl Storage {
    /// Takes every message after `sequence` but instructions out of the history: `replaced_by` comes in their place.
    /// Gives the first of them and how many they were.
    pub(in crate::session) fn set_aside(&self, after: u64, replaced_by: u64) -> Result<(Option<u64>, u64)> {
        self.sql.run(&COPY, &[replaced_by.into(), after.into()])?;
        let rows = self.sql.rows(DELETE_COPIED, &[after.into()])?;
        let sequences = rows.iter().map(|row| row.count(0)).collect::<Result<Vec<_>>>()?;
        Ok((sequences.iter().copied().min(), u64::try_from(sequences.len()).unwrap_or(u64::MAX)))
    }

    /// A message, in the history or set aside.
    pub(in crate::session) fn message_anywhere(&self, sequence: u64) -> Result<Option<Message>> {
        match self.message(sequence)? {
            Some(message) => Ok(Some(message)),
            None => self.sql.row(FIND_ONE, &[sequence.into()])?.map(|row| read_message(&row)).transpose(),
        }
    }

    /// Stores a message that message `replaced_by` came in the place of.
    pub(in crate::session) fn save_sibling(&self, message: &Message, replaced_by: u64) -> Result<()> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = values_of(message)?;
        self.sql.run(&INSERT, &[a, b, c, d, e, f, g, h, i, j, k, l, replaced_by.into()])
    }

    /// Messages that were set aside, after number `after`, and what came in their place; at most `max_bytes` unless the
    /// first alone is larger.
    pub(in crate::session) fn siblings_after(&self, after: u64, limit: u32, max_bytes: u64) -> Result<Vec<(u64, Message)>> {
        let rows = self.sql.rows(PAGE, &[after.into(), limit.into(), max_bytes.into()])?;
        rows.iter().map(|row| Ok((row.count(11)?, read_message(row)?))).collect()
    }

    /// Deletes what stood in the places of the messages from `sequence` on before; gives its numbers.
    pub(super) fn delete_versions(&self, sequence: u64) -> Result<Vec<u64>> {
        self.sql.rows(DELETE_VERSIONS, &[sequence.into()])?.iter().map(|row| row.count(0)).collect()
    }

    /// Removes what a message that was set aside said.
    pub(in crate::session) fn remove_sibling(&self, sequence: u64, now: Timestamp) -> Result<()> {
        self.sql.run(&REMOVE, &[now.millis().into(), sequence.into()])
    }

    /// What message `sequence` came in the place of, if it did; at most `max_bytes` of it, but its first message in any case.
    pub(in crate::session) fn replaced_by(&self, sequence: u64, max_bytes: u64) -> Result<Option<Version>> {
        let rows = self.sql.rows(VERSION, &[sequence.into(), max_bytes.max(1).into()])?;
        let Some(last) = rows.last() else { return Ok(None) };
        let (size_bytes, count) = (last.count(11)?, last.count(12)?);
        let messages = rows.iter().map(read_message).collect::<Result<Vec<_>>>()?;
        let is_whole = u64::try_from(messages.len()).is_ok_and(|read| read == count);
        Ok(Some(Version { messages, size_bytes, is_whole }))
    }
}
