//! What a user object keeps in SQLite. The only SQL about lists and settings; that about memory is in `memory/store.rs`, that
//! about full text in `documents`.
//!
//! Format 3: the number of the format in `format`, a row a session in `session`: what the list is sorted and filtered by as
//! columns, the whole as a `SessionRecord` in `record`; a row an entry in `memory` (since 2); the one row of
//! `setting`, there when it is not the default; a row a key of a request in `answer`; what `documents` says (since 3). The tables exist only while
//! one of them has a row: looking at an object that has none writes nothing. Every method is atomic.

mod documents;

use std::{cell::Cell, time::Duration};

use crate::{
    domain::{
        id::Repeatable,
        memory::{Entry, Origin, Source},
        session::Session,
        time::Timestamp,
    },
    error::{Error, Result, Subject},
    memory::{
        protocol::{EntryRecord, FactRecord, MemoryCall, OriginRecord, Page},
        store as memory,
    },
    platform::{
        namespace::Reply,
        sql::{Sql, Write},
    },
    search::protocol::{Found, SearchCall},
    session::record::{SessionRecord, refusal::Refusal},
    user::protocol::{PositionRecord, Reminded, Settings, Share},
};

/// Version of the format below.
const FORMAT: i64 = 3;

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
const IS_EMPTY: &str = "select 1 from session union all select 1 from setting union all select 1 from answer limit 1";
const CREATE_SETTING: Write =
    Write::new("create table if not exists setting (only integer primary key check (only = 1), uses_memory integer not null) strict");
const READ_SETTING: &str = "select uses_memory from setting";
const SET_SETTING: Write = Write::new("insert or replace into setting (only, uses_memory) values (1, ?)");
const CREATE_ANSWER: Write = Write::new(
    "create table if not exists answer (key text primary key, payload text not null, answer text not null, kept_until integer not null)
     strict, without rowid",
);
const FORGET_ANSWERS: Write = Write::new("delete from answer where kept_until < ?");
// What is asked again under a key is still not done twice; but what it told is gone.
const BLANK_ANSWERS: Write = Write::new("update answer set answer = '{\"ok\":null}'");
const FIND_ANSWER: &str = "select payload, answer from answer where key = ?";
const KEEP_ANSWER: Write = Write::new("insert into answer (key, payload, answer, kept_until) values (?, ?, ?, ?)");
const DELETE_SETTING: Write = Write::new("delete from setting");
const LIST: &str = "select record from session where (last_activity, id) < (cast(? as integer), ?) and expires_at > ?
  order by last_activity desc, id desc limit ?";

/// For so long an answer is kept under the key of its request.
const ANSWER_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What is new in a format.
const SINCE_2: [&Write; 2] = [&memory::CREATE, &memory::CREATE_INDEX];
/// See [`SINCE_2`].
const SINCE_3: [&Write; 6] =
    [&CREATE_SETTING, &CREATE_ANSWER, &documents::CREATE, &documents::CREATE_INDEX, &documents::CREATE_SEARCH, &documents::SECURE];

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

    /// The same, with what is new in it.
    pub(super) fn share(&self, share: Share) -> Result<()> {
        let Share { session, after, documents, forgotten } = share;
        let (session_id, created_at) = (&session.id().to_owned(), session.created_at());
        self.put(session)?;
        documents::put(&self.sql, session_id, after, &documents)?;
        forgotten.into_iter().try_for_each(|sequence| {
            documents::remove(&self.sql, session_id, sequence, sequence)?;
            // What was answered may have told it.
            self.sql.run(&BLANK_ANSWERS, &[])?;
            memory::forget_from(&self.sql, session_id, sequence, created_at)
        })
    }

    /// Removes a session and its text, if it is there.
    pub(super) fn remove(&self, session_id: &str) -> Result<()> {
        if !self.has_schema()? {
            return Ok(());
        }
        documents::remove(&self.sql, session_id, 0, u64::MAX)?;
        self.sql.run(&REMOVE, &[session_id.into()])
    }

    /// Messages of the user's sessions.
    pub(super) fn search(&self, call: &SearchCall, now: Timestamp) -> Result<Found> {
        if self.has_schema()? { documents::find(&self.sql, call, now) } else { Ok(Found::default()) }
    }

    /// What the user wants.
    pub(super) fn settings(&self) -> Result<Settings> {
        let row = if self.has_schema()? { self.sql.row(READ_SETTING, &[])? } else { None };
        Ok(Settings { uses_memory: row.map_or(Ok(true), |row| row.integer(0).map(|yes| yes != 0))? })
    }

    /// Changes that.
    pub(super) fn change(&self, settings: &Settings) -> Result<()> {
        match (settings.uses_memory, self.has_schema()?) {
            (true, true) => self.sql.run(&DELETE_SETTING, &[]),
            (true, false) => Ok(()),
            (false, _) => self.create_schema().and_then(|()| self.sql.run(&SET_SETTING, &[false.into()])),
        }
    }

    /// Answers a request: as the last time, when it was sent before.
    pub(super) fn once(&self, request: &Repeatable, now: Timestamp, answer: impl FnOnce() -> Result<String>) -> Result<String> {
        let key = request.key.as_str();
        if self.has_schema()? {
            self.sql.run(&FORGET_ANSWERS, &[now.millis().into()])?;
            if let Some(kept) = self.sql.row(FIND_ANSWER, &[key.into()])? {
                return if kept.text(0)? == request.payload { kept.text(1) } else { Err(Error::KeyReused) };
            }
        }
        let answer = answer()?;
        self.create_schema()?;
        let kept_until = now.plus(ANSWER_KEPT).millis();
        self.sql.run(&KEEP_ANSWER, &[key.into(), (&request.payload).into(), (&answer).into(), kept_until.into()])?;
        Ok(answer)
    }

    /// What a turn is to know of the user, who has just said `facts`.
    pub(super) fn remind(&self, facts: Vec<FactRecord>, origin: Option<OriginRecord>, now: Timestamp) -> Result<Reminded> {
        let uses_memory = self.settings()?.uses_memory;
        if !uses_memory || (facts.is_empty() && !self.has_schema()?) {
            return Ok(Reminded { uses_memory, learned: Vec::new(), entries: Vec::new(), total: 0 });
        }
        self.create_schema()?;
        // What the message itself teaches is in the message.
        let (entries, total) = memory::recent(&self.sql)?;
        let learned = memory::learn(&self.sql, facts, origin.map(Origin::from).as_ref(), now)?;
        let encode = |entries: Vec<Entry>| entries.into_iter().map(EntryRecord::from).collect();
        Ok(Reminded { uses_memory, learned: encode(learned), entries: encode(entries), total })
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
        match &call {
            // What is forgotten for good is in no answer.
            MemoryCall::Clear => self.sql.run(&BLANK_ANSWERS, &[])?,
            MemoryCall::Put(new) if new.source == Source::Model.name() && !self.settings()?.uses_memory => {
                return Err(Error::NotPossible("The user wants nothing remembered".into()));
            }
            MemoryCall::Put(_) | MemoryCall::Get { .. } | MemoryCall::List { .. } | MemoryCall::Delete { .. } | MemoryCall::Undo { .. } => {
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
        let since_1 = [&CREATE, &CREATE_ORDER];
        since_1.into_iter().chain(SINCE_2).chain(SINCE_3).try_for_each(|create| self.sql.run(create, &[]))
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
                1 => self.migrate(SINCE_2.into_iter().chain(SINCE_3))?,
                2 => self.migrate(SINCE_3)?,
                _ => return Err(Error::Unavailable(format!("the list is stored in format {format}, this version reads up to {FORMAT}"))),
            }
            return Ok(true);
        }
        Ok(self.has_schema.get())
    }

    fn migrate(&self, steps: impl IntoIterator<Item = &'static Write>) -> Result<()> {
        steps.into_iter().try_for_each(|step| self.sql.run(step, &[]))?;
        self.sql.run(&SET_FORMAT, &[FORMAT.into()])
    }
}
