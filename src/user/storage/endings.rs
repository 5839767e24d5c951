//! What the user's object has decided to end, until it has: a row a session in `ending`; and, while the user is erased, the
//! one row of `erasure`, which counts what has gone.

use super::{Storage, behind, documents};
use crate::{
    domain::{
        id::{Id, UserId},
        time::Timestamp,
    },
    error::Result,
    memory::store as memory,
    platform::sql::{Row, Write},
    session::record::EndingRecord,
    user::protocol::ErasedRecord,
};

/// The table. Since format 4, as the other.
pub(super) const CREATE: Write = Write::new(
    "create table if not exists ending (
       session_id text primary key, user_id text not null, ending text not null, decided_at integer not null
     ) strict, without rowid",
);
/// The other.
pub(super) const CREATE_ERASURE: Write = Write::new(
    "create table if not exists erasure (
       only integer primary key check (only = 1), started_at integer not null, sessions integer not null, messages integer not null,
       memories integer not null
     ) strict",
);
const END: Write = Write::new("insert or replace into ending (session_id, user_id, ending, decided_at) values (?, ?, ?, ?)");
const END_ALL: Write = Write::new(
    "insert into ending select id, ?, 'erased', ? from session where true
     on conflict (session_id) do update set ending = excluded.ending",
);
const DECIDED_AT: &str = "select decided_at from ending where session_id = ?";
const FIRST: &str = "select session_id, user_id, ending, decided_at from ending where session_id > ? order by session_id limit ?";
const DELETE: Write = Write::new("delete from ending where session_id = ?");
const OLDEST: &str = "select min(decided_at) from ending";
const REMOVE_OLD: Write = Write::new("delete from session where id = ? and last_activity <= ?");
const BEGIN_ERASURE: Write =
    Write::new("insert or ignore into erasure (only, started_at, sessions, messages, memories) values (1, ?, 0, 0, 0)");
const COUNT_MEMORIES: Write = Write::new("update erasure set memories = memories + ?");
// A place for a session that never began is no session.
const COUNT_SESSION: Write = Write::new(
    "update erasure set sessions = sessions + 1, messages = messages + ?
     where ? or not exists (select 1 from session where id = ? and state = 'reserved')",
);
const ERASURE: &str = "select started_at, sessions, messages, memories from erasure";
const END_ERASURE: Write = Write::new("delete from erasure");

/// A session that is to end, and has not yet.
pub(in crate::user) struct DueEnding {
    pub(in crate::user) session_id: String,
    pub(in crate::user) user: UserId,
    pub(in crate::user) ending: EndingRecord,
    pub(in crate::user) decided_at: Timestamp,
}

impl Storage {
    /// Notes that a session is to end.
    pub(super) fn end_later(&self, session_id: &str, user: &str, ending: EndingRecord, now: Timestamp) -> Result<()> {
        self.sql.run(&END, &[session_id.into(), user.into(), ending.name().into(), now.millis().into()])
    }

    /// Since when a session is to end, if it is.
    pub(super) fn ending_decided_at(&self, session_id: &str) -> Result<Option<Timestamp>> {
        let row = if self.has_schema()? { self.sql.row(DECIDED_AT, &[session_id.into()])? } else { None };
        row.map(|row| Ok(Timestamp::from_millis(row.integer(0)?))).transpose()
    }

    /// What is to end, after session `after`, in the order of ids.
    pub(in crate::user) fn endings(&self, after: &str, limit: u32) -> Result<Vec<DueEnding>> {
        if !self.has_schema()? {
            return Ok(Vec::new());
        }
        let rows = self.sql.rows(FIRST, &[after.into(), limit.into()])?;
        let read = |row: &Row| {
            Ok(DueEnding {
                session_id: row.text(0)?,
                user: Id::parse("user_id", &row.text(1)?)?,
                ending: EndingRecord::named(&row.text(2)?)?,
                decided_at: Timestamp::from_millis(row.integer(3)?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Since when the oldest of them is to end.
    pub(in crate::user) fn oldest_ending(&self) -> Result<Option<Timestamp>> {
        if !self.has_schema()? {
            return Ok(None);
        }
        let oldest = self.sql.row(OLDEST, &[])?.map_or(Ok(None), |row| row.optional_integer(0))?;
        Ok(oldest.map(Timestamp::from_millis))
    }

    /// Notes that nothing is left of a session, which had so many messages if it was there at all. One that has begun under
    /// its id since stays.
    pub(in crate::user) fn ended(&self, ending: &DueEnding, is_found: bool, message_count: u64) -> Result<()> {
        let session_id = ending.session_id.as_str();
        if self.ending_decided_at(session_id)? != Some(ending.decided_at) {
            return Ok(());
        }
        self.forget_ending(session_id)?;
        self.sql.run(&COUNT_SESSION, &[message_count.into(), is_found.into(), session_id.into()])?;
        self.sql.run(&REMOVE_OLD, &[session_id.into(), ending.decided_at.millis().into()])?;
        self.unmark_lost(session_id)
    }

    /// Notes that a session is to end no more.
    pub(super) fn forget_ending(&self, session_id: &str) -> Result<()> {
        self.sql.run(&DELETE, &[session_id.into()])
    }

    /// Removes everything that the object itself has of its user, and notes that the user's sessions are to end.
    pub(in crate::user) fn begin_erasure(&self, user: &str, now: Timestamp) -> Result<()> {
        if !self.has_schema()? {
            return Ok(());
        }
        self.sql.run(&BEGIN_ERASURE, &[now.millis().into()])?;
        self.sql.run(&COUNT_MEMORIES, &[memory::count(&self.sql, "")?.into()])?;
        self.sql.run(&memory::DELETE_ALL, &[])?;
        self.delete_own()?;
        documents::remove_all(&self.sql)?;
        self.sql.run(&behind::DELETE_ALL, &[])?;
        self.sql.run(&END_ALL, &[user.into(), now.millis().into()])
    }

    /// Is the user being erased?
    pub(in crate::user) fn is_erasing(&self) -> Result<bool> {
        Ok(self.has_schema()? && self.sql.row(ERASURE, &[])?.is_some())
    }

    /// What has gone with the user, and, if that is all, ends the erasure.
    pub(in crate::user) fn erased(&self, now: Timestamp) -> Result<ErasedRecord> {
        let none = ErasedRecord { started_at: now.millis(), sessions: 0, messages: 0, memories: 0, is_complete: true };
        if !self.has_schema()? {
            return Ok(none);
        }
        let Some(row) = self.sql.row(ERASURE, &[])? else { return Ok(none) };
        let is_complete = self.oldest_ending()?.is_none();
        if is_complete {
            self.sql.run(&END_ERASURE, &[])?;
        }
        Ok(ErasedRecord {
            started_at: row.integer(0)?,
            sessions: row.count(1)?,
            messages: row.count(2)?,
            memories: row.count(3)?,
            is_complete,
        })
    }
}
