//! What a session object keeps in SQLite: the only SQL about sessions.
//!
//! In `row` the session's own row; in `messages` its messages, those they took the place of, and their full text; in `turns`
//! its turns, in `events` and `recent` what clients follow of them; in `summaries` what stands for messages long ago; in
//! `answers` what was answered to requests with a key; in `outbox` what is to be reported.
//!
//! Format 8: one row in `session`, a row a message in `message`, a row a key in `answer` (since 2), a row a turn in `turn`, a
//! row for many events in `event`, a row a replaced message in `sibling` (since 3), a row an entry in `memory` (since 4), a row
//! a version in `summary`, a row a message that the user's index is to forget in `unshared`, the index `search` (since 5), and
//! a row a report in `report` with the one row of `reported` (since 6). The beginning of the turn that runs, and the events of
//! the latest turns, are in the session's row (since 7).
//!
//! The tables exist only while a session does, or is being imported: looking at an object that has none writes nothing. Those
//! in [`LAZY`] are made when they are needed (since 8). Every method is one statement or a few without an await between them, so
//! it is atomic; callers that write more than once wrap the burst in `Context::atomically`.

mod answers;
mod events;
mod messages;
mod migrations;
mod outbox;
mod recent;
mod row;
mod summaries;
mod turns;

use std::cell::Cell;

use crate::{
    domain::{
        memory::{Entry, Origin, Reminded, extract::Fact},
        session::Session,
        time::Timestamp,
    },
    error::{Error, Result},
    memory::{
        protocol::{FactRecord, MemoryCall},
        store as memory,
    },
    platform::{
        context::Context,
        sql::{LazyTable, Sql},
    },
};

pub(super) use answers::{KeptOutcome, KeptTurn};
use messages::{search, shared, siblings};
pub(super) use outbox::{Reported, ended_turns};
use row::Heard;
pub(super) use row::Stored;
pub(super) use turns::StoredTurn;

/// Version of the format below. An older one is brought up to it when it is loaded; a newer one is refused until the
/// newer code is everywhere.
const FORMAT: i64 = 8;

/// What most sessions do without.
const LAZY: &[LazyTable] = &[
    LazyTable { name: "answer", create: &[answers::CREATE] },
    LazyTable { name: "event", create: &[events::CREATE] },
    LazyTable { name: "sibling", create: &[siblings::CREATE, siblings::CREATE_INDEX] },
    LazyTable { name: "memory", create: &[memory::CREATE, memory::CREATE_INDEX] },
    LazyTable { name: "summary", create: &[summaries::CREATE] },
    LazyTable { name: "search", create: &[search::CREATE, search::SECURE] },
    LazyTable { name: "unshared", create: &[shared::CREATE] },
];

const MERGE: &str = "select json_patch(?, ?)";

/// The object's database.
pub(super) struct Storage {
    context: Context,
    sql: Sql,
    has_schema: Cell<bool>,
    /// Are the tables known to be of today's format?
    is_current: Cell<bool>,
    /// See [`Storage::changes`].
    changes: Cell<u64>,
    /// What the copies are known to have and the row does not say yet.
    heard: Cell<Option<Heard>>,
}

impl Storage {
    pub(super) fn new(context: Context) -> Storage {
        let sql = context.database(LAZY);
        Storage { context, sql, has_schema: Cell::new(false), is_current: Cell::new(false), changes: Cell::new(0), heard: Cell::new(None) }
    }

    /// What is stored, dead or alive. Writes nothing unless that is in an older format.
    pub(super) fn load(&self) -> Result<Option<Stored>> {
        if !self.has_schema.get() {
            self.has_schema.set(self.sql.has_table("session")?);
        }
        if !self.has_schema.get() {
            return Ok(None);
        }
        self.migrate()?;
        self.read_row()
    }

    /// Makes the tables that every session needs. They are seen from the next call on: this one may still be rolled back.
    pub(super) fn create_schema(&self) -> Result<()> {
        let said = [&row::CREATE, &messages::CREATE, &messages::CREATE_INSTRUCTIONS, &turns::CREATE];
        let reported = [&outbox::CREATE, &outbox::CREATE_REPORTED];
        said.into_iter().chain(reported).try_for_each(|create| self.sql.run(create, &[]))
    }

    /// Does what is asked of the session's memory; the answer, encoded.
    pub(super) fn memory(&self, call: MemoryCall, now: Timestamp) -> Result<String> {
        memory::answer(&self.sql, call, now)
    }

    /// What a turn is to know of what the session remembers, after its user has said `facts`.
    pub(super) fn remind(&self, facts: Vec<Fact>, origin: Option<&Origin>, now: Timestamp) -> Result<Reminded> {
        let facts = facts.into_iter().map(FactRecord::from).collect();
        let (entries, total) = self.recent_memory()?;
        let learned = self.context.atomically(|| memory::learn(&self.sql, facts, origin, now))?;
        Ok(Reminded { uses_memory: true, learned, entries, total })
    }

    /// What the session remembers, the latest first, as much as a prompt can be told; and how much there is.
    pub(super) fn recent_memory(&self) -> Result<(Vec<Entry>, u64)> {
        memory::recent(&self.sql)
    }

    /// Forgets what was learned from message `sequence`.
    pub(super) fn forget_learned(&self, session: &Session, sequence: u64, now: Timestamp) -> Result<()> {
        let origin = Origin { session_id: session.id.as_str().to_owned(), sequence };
        // The session's own memory is of no earlier session, though an imported entry may be older than this one.
        memory::forget_from(&self.sql, &origin, Timestamp::from_millis(0), now)
    }

    /// Entries of the session's memory after key `after`.
    pub(super) fn memory_after(&self, after: &str, limit: u32) -> Result<Vec<Entry>> {
        memory::entries(&self.sql, "", after, limit)
    }

    /// Puts back an entry of a memory, as it was.
    pub(super) fn restore_memory(&self, entry: Entry) -> Result<()> {
        memory::restore(&self.sql, entry)
    }

    /// Are there tables without a session? To be asked after [`Storage::load`] has found none.
    pub(super) fn has_remains(&self) -> bool {
        self.has_schema.get()
    }

    /// Removes everything but the session's row and what it has to report.
    pub(super) fn delete_contents(&self, stored: &mut Stored) -> Result<()> {
        self.delete_said(stored)?;
        self.sql.run(&shared::DELETE_ALL, &[])
    }

    /// Removes what was said, done and remembered in the session, whose row is to be saved. What the user's index was to forget
    /// it still is.
    pub(super) fn delete_said(&self, stored: &mut Stored) -> Result<()> {
        (stored.searched_sequence, stored.shared_sequence, stored.recent_events) = (0, 0, Some("[]".to_owned()));
        self.note_change();
        let all = [
            &messages::DELETE_ALL,
            &siblings::DELETE_ALL,
            &answers::DELETE_ALL,
            &turns::DELETE_ALL,
            &events::DELETE_ALL,
            &memory::DELETE_ALL,
            &summaries::DELETE_ALL,
        ];
        // An index is emptied by an insert.
        if self.sql.has_table("search")? {
            self.sql.run(&search::DELETE_ALL, &[])?;
        }
        all.into_iter().try_for_each(|delete| self.sql.run(delete, &[]))
    }

    /// To be called when the database is about to be emptied.
    pub(super) fn forget_schema(&self) {
        self.has_schema.set(false);
        self.is_current.set(false);
    }

    /// `metadata` with `patch` merged into it (RFC 7396).
    pub(super) fn merge_metadata(&self, metadata: &str, patch: &str) -> Result<String> {
        let row = self.sql.row(MERGE, &[metadata.into(), patch.into()])?;
        row.ok_or_else(|| Error::Internal("json_patch gave nothing".into()))?.text(0)
    }
}
