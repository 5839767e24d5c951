//! What a user object keeps in SQLite. The only SQL about lists and settings; that about memory is in `memory/table.rs`, that
//! about full text in `documents`.
//!
//! Format 6: the number of the format in `format`; what `list` says; a row an entry in `memory` (since 2); the one row of
//! `setting`, there when it is not the default; a row a key of a request in `answer`; what `documents` says (since 3); what
//! `endings` says (since 4); what `behind` says (since 5). The tables exist only while one of them has a row: looking at an object that has none writes
//! nothing. Those in [`LAZY`] are made when they are needed (since 6). Every method is atomic.

mod behind;
mod documents;
mod endings;
mod list;
mod migrations;

pub(super) use endings::DueEnding;
pub(super) use list::Place;

use std::{cell::Cell, time::Duration};

use crate::{
    domain::{
        id::Repeatable,
        memory::{Entry, Origin, Source},
        time::Timestamp,
    },
    error::{Error, Result, Subject},
    memory::{
        protocol::{EntryRecord, FactRecord, MemoryCall, OriginRecord, Page},
        store as memory,
    },
    platform::{
        context::Context,
        namespace::Reply,
        sql::{LazyTable, Sql, Write},
    },
    search::protocol::{Found, SearchCall},
    session::record::refusal::Refusal,
    user::protocol::{Reminded, Settings},
};

/// Version of the format below.
const FORMAT: i64 = 6;

/// What most users do without.
const LAZY: &[LazyTable] = &[
    LazyTable { name: "memory", create: &[memory::CREATE, memory::CREATE_INDEX] },
    LazyTable { name: "setting", create: &[CREATE_SETTING] },
    LazyTable { name: "answer", create: &[CREATE_ANSWER] },
    LazyTable { name: "erasure", create: &[endings::CREATE_ERASURE] },
    LazyTable { name: "search", create: &[documents::CREATE, documents::SECURE] },
];

const READ_FORMAT: &str = "select version from format";
const CREATE_FORMAT: Write =
    Write::new("create table if not exists format (only integer primary key check (only = 1), version integer not null) strict");
const WRITE_FORMAT: Write = Write::new("insert into format (only, version) values (1, ?)");
const HAS_SESSIONS: &str = "select 1 from session limit 1";
const HAS_ENDINGS: &str = "select 1 from ending limit 1";
const HAS_ERASURE: &str = "select 1 from erasure";
const HAS_ANSWERS: &str = "select 1 from answer limit 1";
const CREATE_SETTING: Write =
    Write::new("create table if not exists setting (only integer primary key check (only = 1), uses_memory integer not null) strict");
const READ_SETTING: &str = "select uses_memory from setting";
const SET_SETTING: Write = Write::new("insert or replace into setting (only, uses_memory) values (1, ?)");
const CREATE_ANSWER: Write = Write::new(
    "create table if not exists answer (key text primary key, payload text not null, answer text not null, kept_until integer not null)
     strict, without rowid",
);
const FORGET_ANSWERS: Write = Write::new("delete from answer where kept_until < ?");
const DELETE_ANSWERS: Write = Write::new("delete from answer");
const BLANK_ANSWERS: Write = Write::new("update answer set answer = '{\"ok\":null}'");
const FIND_ANSWER: &str = "select payload, answer from answer where key = ?";
const KEEP_ANSWER: Write = Write::new("insert into answer (key, payload, answer, kept_until) values (?, ?, ?, ?)");
const DELETE_SETTING: Write = Write::new("delete from setting");
/// For so long an answer is kept under the key of its request.
const ANSWER_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The object's database.
pub(super) struct Storage {
    sql: Sql,
    has_schema: Cell<bool>,
}

impl Storage {
    pub(super) fn new(context: &Context) -> Storage {
        Storage { sql: context.database(LAZY), has_schema: Cell::new(false) }
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
    pub(super) fn remind(&self, facts: Vec<FactRecord>, origin: Option<OriginRecord>, is_late: bool, now: Timestamp) -> Result<Reminded> {
        let uses_memory = self.settings()?.uses_memory;
        if !uses_memory || (facts.is_empty() && !self.has_schema()?) {
            return Ok(Reminded { uses_memory, learned: Vec::new(), entries: Vec::new(), total: 0, is_late });
        }
        self.create_schema()?;
        // What the message itself teaches is in the message.
        let (entries, total) = memory::recent(&self.sql)?;
        let learned = memory::learn(&self.sql, facts, origin.map(Origin::from).as_ref(), now)?;
        let encode = |entries: Vec<Entry>| entries.into_iter().map(EntryRecord::from).collect();
        Ok(Reminded { uses_memory, learned: encode(learned), entries: encode(entries), total, is_late })
    }

    /// Is there a table, and nothing in it?
    pub(super) fn is_empty(&self) -> Result<bool> {
        if !self.has_schema()? {
            return Ok(false);
        }
        for has_any in [HAS_SESSIONS, HAS_ENDINGS, HAS_ERASURE, HAS_ANSWERS, READ_SETTING] {
            if self.sql.row(has_any, &[])?.is_some() {
                return Ok(false);
            }
        }
        memory::is_empty(&self.sql)
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
            MemoryCall::Clear => self.blank_answers()?,
            MemoryCall::Put(new) if new.source == Source::Model.name() && !self.settings()?.uses_memory => {
                return Err(Error::NotPossible("The user wants nothing remembered".into()));
            }
            MemoryCall::Put(_) | MemoryCall::Get { .. } | MemoryCall::List { .. } | MemoryCall::Delete { .. } | MemoryCall::Undo { .. } => {
            }
        }
        memory::answer(&self.sql, call, now)
    }

    /// What is asked again under a key is still not done twice; but what it told is gone.
    fn blank_answers(&self) -> Result<()> {
        self.sql.run(&BLANK_ANSWERS, &[])
    }

    /// Removes what the user wants and what was answered.
    fn delete_own(&self) -> Result<()> {
        self.sql.run(&DELETE_SETTING, &[])?;
        self.sql.run(&DELETE_ANSWERS, &[])
    }

    fn create_schema(&self) -> Result<()> {
        if self.has_schema()? {
            return Ok(());
        }
        self.sql.run(&CREATE_FORMAT, &[])?;
        self.sql.run(&WRITE_FORMAT, &[FORMAT.into()])?;
        let lists = [&list::CREATE, &list::CREATE_ORDER, &list::CREATE_NUMBERS, &endings::CREATE, &behind::CREATE];
        lists.into_iter().try_for_each(|create| self.sql.run(create, &[]))
    }

    /// To be called when the database is about to be emptied, or tables may have been rolled back.
    pub(super) fn forget_schema(&self) {
        self.has_schema.set(false);
    }

    /// Are there tables, of a format that this version reads?
    fn has_schema(&self) -> Result<bool> {
        if !self.has_schema.get() && self.sql.has_table("session")? {
            let format = self.sql.row(READ_FORMAT, &[])?.ok_or_else(|| Error::Internal("the list has no format".into()))?.integer(0)?;
            if format == FORMAT {
                self.has_schema.set(true);
            } else {
                // Not known from the next call on: this one may still be rolled back.
                self.migrate(format)?;
            }
            return Ok(true);
        }
        Ok(self.has_schema.get())
    }
}
