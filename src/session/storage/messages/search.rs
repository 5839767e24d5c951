//! The full text of a session's messages, as an FTS5 index over their table.
//!
//! It is filled when somebody searches, so that a session that nobody searches pays nothing: `searched_sequence` says up
//! to which message it is whole. What it has of a message must be taken out before that changes: FTS5 wants to be told
//! the text that it forgets.

use super::read_message;
use crate::{
    domain::message::Message,
    error::Result,
    platform::sql::{Row, Write},
    search::{
        MATCH_BEGINS, MATCH_ENDS,
        protocol::{Found, Hit, SearchCall},
    },
    session::storage::{Storage, Stored},
};

pub(in crate::session::storage) const CREATE: Write = Write::new(
    "create virtual table if not exists search using fts5(content, content='message', content_rowid='sequence',
       tokenize=\"unicode61 remove_diacritics 2\")",
);
/// What is taken out is not to stay in the index's own pages.
pub(in crate::session::storage) const SECURE: Write = Write::new("insert into search (search, rank) values ('secure-delete', 1)");
const ADD: Write =
    Write::new("insert into search (rowid, content) select sequence, content from message where sequence > ? and sequence <= ?");
const TAKE_OUT: Write = Write::new(
    "insert into search (search, rowid, content) select 'delete', sequence, content from message where sequence >= ? and sequence <= ?",
);
const SET_SEARCHED: Write = Write::new("update session set searched_sequence = ?");
const FIND: &str = "select message.sequence, message.role, message.created_at, snippet(search, 0, ?, ?, '\u{2026}', 32)
  from search join message on message.sequence = search.rowid
  where search match ? and (?4 is null or message.role = ?4) and (?5 is null or message.created_at >= ?5)
    and (?6 is null or message.created_at < ?6)
  order by rank, message.sequence desc limit ? offset ?";
const COUNT: &str = "select count(*) from search join message on message.sequence = search.rowid
  where search match ? and (?2 is null or message.role = ?2) and (?3 is null or message.created_at >= ?3)
    and (?4 is null or message.created_at < ?4)";
const FIND_MESSAGES: &str =
    "select sequence, created_at, role, message.content, tool_calls, tool_call_id, name, metadata, cut, replaces, removed_at
  from search join message on message.sequence = search.rowid
  where search match ? and message.sequence < ? and message.role in ('user', 'assistant') order by rank limit ?";
pub(in crate::session::storage) const DELETE_ALL: Write = Write::new("insert into search (search) values ('delete-all')");

impl Storage {
    /// Messages that the question finds, best first.
    pub(in crate::session) fn search(&self, stored: &mut Stored, call: &SearchCall) -> Result<Found> {
        self.index(stored, stored.session.last_sequence)?;
        let SearchCall { role, since, before, .. } = call;
        let (expression, role) = (call.expression.as_str(), role.as_deref());
        let (begins, ends) = (MATCH_BEGINS.to_string(), MATCH_ENDS.to_string());
        let values = [
            (&begins).into(),
            (&ends).into(),
            expression.into(),
            role.into(),
            (*since).into(),
            (*before).into(),
            call.limit.into(),
            call.offset.into(),
        ];
        let hits = self.sql.rows(FIND, &values)?;
        let hit = |row: &Row| {
            Ok(Hit {
                session_id: stored.session.id.as_str().to_owned(),
                sequence: row.count(0)?,
                role: row.text(1)?,
                created_at: row.integer(2)?,
                snippet: row.optional_text(3)?.unwrap_or_default(),
            })
        };
        let total = self.sql.row(COUNT, &[expression.into(), role.into(), (*since).into(), (*before).into()])?;
        Ok(Found { hits: hits.iter().map(hit).collect::<Result<_>>()?, total: total.map_or(Ok(0), |row| row.count(0))? })
    }

    /// Messages before message `before` that `expression` finds, best first.
    pub(in crate::session) fn passages(&self, stored: &mut Stored, expression: &str, before: u64, limit: u32) -> Result<Vec<Message>> {
        self.index(stored, before.saturating_sub(1))?;
        self.sql.rows(FIND_MESSAGES, &[expression.into(), before.into(), limit.into()])?.iter().map(read_message).collect()
    }

    /// Takes every message from `first` on out of the index: they are about to change.
    pub(in crate::session::storage) fn unindex_from(&self, stored: &mut Stored, first: u64) -> Result<()> {
        if first <= stored.searched_sequence {
            self.sql.run(&TAKE_OUT, &[first.into(), stored.searched_sequence.into()])?;
            stored.searched_sequence = first.saturating_sub(1);
        }
        Ok(())
    }

    /// Changes message `sequence` by `change`, and what the index has of it; summaries that cover it are forgotten.
    pub(in crate::session) fn reindexed(&self, stored: &Stored, sequence: u64, change: impl FnOnce() -> Result<()>) -> Result<()> {
        self.forget_summaries(sequence)?;
        self.note_change();
        if sequence > stored.searched_sequence {
            return change();
        }
        self.sql.run(&TAKE_OUT, &[sequence.into(), sequence.into()])?;
        change()?;
        self.sql.run(&ADD, &[sequence.saturating_sub(1).into(), sequence.into()])
    }

    /// Brings the index up to date as far as message `to`.
    fn index(&self, stored: &mut Stored, to: u64) -> Result<()> {
        let (from, to) = (stored.searched_sequence, to.min(stored.session.last_sequence));
        if from >= to {
            return Ok(());
        }
        self.sql.run(&ADD, &[from.into(), to.into()])?;
        self.sql.run(&SET_SEARCHED, &[to.into()])?;
        stored.searched_sequence = to;
        Ok(())
    }
}
