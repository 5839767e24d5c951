//! What a user object keeps in SQLite. The only SQL about lists; that about memory is in `memory/store.rs`.
//!
//! Format 2: the number of the format in `format`, a row a session in `session`: what the list is sorted and filtered by as
//! columns, the whole as a `SessionRecord` in `record`; a row an entry in `memory` (since 2). The tables exist only while
//! one of them has a row: looking at an object that has none writes nothing. Every method is atomic.

use std::cell::Cell;

use crate::{
    domain::{session::Session, time::Timestamp},
    error::{Error, Result, Subject},
    memory::{
        protocol::{MemoryCall, Page},
        store as memory,
    },
    platform::{
        namespace::Reply,
        sql::{Sql, Write},
    },
    session::record::{SessionRecord, refusal::Refusal},
    user::protocol::PositionRecord,
};

/// Version of the format below.
const FORMAT: i64 = 2;

const READ_FORMAT: &str = "select version from format";
const CREATE_FORMAT: Write =
    Write::new("create table if not exists format (only integer primary key check (only = 1), version integer not null) strict");
const WRITE_FORMAT: Write = Write::new("insert into format (only, version) values (1, ?)");
const SET_FORMAT: Write = Write::new("update format set version = ?");
const CREATE: Write = Write::new(
    "create table if not exists session (
       id text primary key, last_activity integer not null, expires_at integer not null, record text not null
     ) strict, without rowid",
);
const CREATE_ORDER: Write = Write::new("create index if not exists session_by_activity on session (last_activity desc, id desc)");
const PUT: Write = Write::new("insert or replace into session (id, last_activity, expires_at, record) values (?, ?, ?, ?)");
const REMOVE: Write = Write::new("delete from session where id = ?");
const IS_EMPTY: &str = "select 1 from session limit 1";
const LIST: &str = "select record from session where (last_activity, id) < (cast(? as integer), ?) and expires_at > ?
  order by last_activity desc, id desc limit ?";

/// The object's database.
pub(super) struct Storage {
    sql: Sql,
    has_schema: Cell<bool>,
}

impl Storage {
    pub(super) fn new(sql: Sql) -> Storage {
        Storage { sql, has_schema: Cell::new(false) }
    }

    /// Adds a session or replaces what is known of it.
    pub(super) fn put(&self, record: SessionRecord) -> Result<()> {
        self.create_schema()?;
        let json = serde_json::to_string(&record).map_err(|e| Error::Internal(format!("record: {e}")))?;
        let session = Session::try_from(record)?;
        let (id, expires_at) = (session.id.as_str(), session.expires_at());
        self.sql.run(&PUT, &[id.into(), session.last_activity.millis().into(), expires_at.millis().into(), (&json).into()])
    }

    /// Removes a session, if it is there.
    pub(super) fn remove(&self, session_id: &str) -> Result<()> {
        if self.has_schema()? { self.sql.run(&REMOVE, &[session_id.into()]) } else { Ok(()) }
    }

    /// Is there a table, and nothing in it?
    pub(super) fn is_empty(&self) -> Result<bool> {
        Ok(self.has_schema()? && self.sql.row(IS_EMPTY, &[])?.is_none() && memory::is_empty(&self.sql)?)
    }

    /// Sessions alive at `now`, those with the latest activity first.
    pub(super) fn list(&self, limit: u32, after: Option<&PositionRecord>, now: Timestamp) -> Result<Vec<SessionRecord>> {
        if !self.has_schema()? {
            return Ok(Vec::new());
        }
        let (last_activity, id) = after.map_or((i64::MAX, ""), |after| (after.last_activity, after.session_id.as_str()));
        let rows = self.sql.rows(LIST, &[last_activity.into(), id.into(), now.millis().into(), limit.into()])?;
        let read = |json: String| serde_json::from_str(&json).map_err(|e| Error::Internal(format!("record: {e}")));
        rows.iter().map(|row| row.text(0).and_then(read)).collect()
    }

    /// Does what is asked of the user's memory; the answer, encoded.
    pub(super) fn memory(&self, call: MemoryCall, now: Timestamp) -> Result<String> {
        if !self.has_schema()? {
            match call {
                MemoryCall::Put(_) => self.create_schema()?,
                // A memory that is not there is empty; asking it makes no table.
                MemoryCall::List { .. } => {
                    return Reply::<_, Refusal>::Ok(Page { entries: Vec::new(), total: 0, has_more: false }).encode();
                }
                MemoryCall::Clear => return Reply::<_, Refusal>::Ok(0).encode(),
                MemoryCall::Get { .. } | MemoryCall::Delete { .. } | MemoryCall::Undo { .. } => {
                    return Err(Error::NotFound(Subject::Memory));
                }
            }
        }
        memory::answer(&self.sql, call, now)
    }

    fn create_schema(&self) -> Result<()> {
        if self.has_schema()? {
            return Ok(());
        }
        self.sql.run(&CREATE_FORMAT, &[])?;
        self.sql.run(&WRITE_FORMAT, &[FORMAT.into()])?;
        [&CREATE, &CREATE_ORDER, &memory::CREATE, &memory::CREATE_INDEX].into_iter().try_for_each(|create| self.sql.run(create, &[]))
    }

    /// To be called when the database is about to be emptied.
    pub(super) fn forget_schema(&self) {
        self.has_schema.set(false);
    }

    /// Are there tables, of a format that this version reads?
    fn has_schema(&self) -> Result<bool> {
        if !self.has_schema.get() && self.sql.has_table("session")? {
            let format = self.sql.row(READ_FORMAT, &[])?.ok_or_else(|| Error::Internal("the list has no format".into()))?.integer(0)?;
            match format {
                FORMAT => self.has_schema.set(true),
                // Not known from the next call on: this one may still be rolled back.
                1 => {
                    self.sql.run(&memory::CREATE, &[])?;
                    self.sql.run(&memory::CREATE_INDEX, &[])?;
                    self.sql.run(&SET_FORMAT, &[FORMAT.into()])?;
                }
                _ => return Err(Error::Unavailable(format!("the list is stored in format {format}, this version reads up to {FORMAT}"))),
            }
            return Ok(true);
        }
        Ok(self.has_schema.get())
    }
}
