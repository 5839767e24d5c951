//! What a session object keeps in SQLite: the only SQL about sessions.
//!
//! Here the session's own row; in `messages` its messages, those they took the place of, and their full text; in `turns` its
//! turns and in `events` what clients follow of them; in `summaries` what stands for messages long ago; in `answers` what was
//! answered to requests with a key; in `outbox` what is to be reported.
//! Format 6: one row in `session`, a row a message in `message`, a row a key in `answer` (since 2), a row a turn in
//! `turn`, a row for many events in `event`, a row a replaced message in `sibling` (since 3), a row an entry in `memory` (since 4), a row a version in `summary`, a row a
//! message that the user's index is to forget in `unshared`, the index `search` (since 5), and a row a report in `report`
//! with the one row of `reported` (since 6). The tables exist only while
//! a session does, or is being imported: looking at an object that has none writes nothing. Every method is one statement or a few without
//! an await between them, so it is atomic; callers that write more than once wrap the burst in `Context::atomically`.

mod answers;
mod events;
mod messages;
mod migrations;
mod outbox;
mod summaries;
mod turns;

use std::{cell::Cell, time::Duration};

use crate::{
    domain::{
        caller::Owner,
        id::{Id, UserId},
        memory::{Entry, Origin, Reminded, extract::Fact},
        session::{LastError, Session},
        time::Timestamp,
        turn::tokens::Tally,
    },
    error::{Error, Result},
    memory::{
        protocol::{FactRecord, MemoryCall},
        store as memory,
    },
    platform::{
        context::Context,
        sql::{Row, Sql, Write},
    },
    session::record::{failure_named, profile_named},
};

pub(super) use answers::{Kept, Outcome as KeptOutcome};
use messages::{search, shared, siblings};
pub(super) use outbox::{Reported, ended_turns};
pub(super) use turns::StoredTurn;

/// Version of the format below. An older one is brought up to it when it is loaded; a newer one is refused until the
/// newer code is everywhere.
const FORMAT: i64 = 6;

const CREATE_SESSION: Write = Write::new(
    "create table if not exists session (
       only integer primary key check (only = 1), format integer not null,
       id text not null, owner_kind text not null, owner_id text, user_id text, persona text not null, title text, metadata text not null,
       created_at integer not null, last_activity integer not null, idle_timeout_ms integer not null,
       message_count integer not null, last_sequence integer not null, revision integer not null,
       is_ended integer not null, listed_revision integer not null, indexed_at integer, alarm_at integer,
       turn_count integer not null default 0, running_turn integer, prompt_tokens integer not null default 0,
       completion_tokens integer not null default 0, has_estimates integer not null default 0, observed_bytes integer not null default 0,
       observed_tokens integer not null default 0, error_count integer not null default 0, last_error text, last_error_at integer,
       verbosity text not null default 'medium', tone text not null default 'neutral', depth text not null default 'normal',
       uses_memory integer not null default 1, is_title_made integer not null default 0,
       searched_sequence integer not null default 0, shared_sequence integer not null default 0, restorable_until integer,
       created_from text not null default 'api', query_count integer not null default 0, last_persona text
     ) strict",
);
const LOAD: &str = "select id, owner_kind, owner_id, user_id, persona, title, metadata, created_at, last_activity,
  idle_timeout_ms, message_count, last_sequence, revision, is_ended, listed_revision, indexed_at, alarm_at,
  turn_count, running_turn, prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens, error_count, last_error,
  last_error_at, verbosity, tone, depth, uses_memory, is_title_made, searched_sequence, shared_sequence, restorable_until,
  created_from, query_count, last_persona from session";
const SAVE: Write = Write::new(
    "insert or replace into session (only, format, id, owner_kind, owner_id, user_id, persona, title, metadata, created_at, last_activity,
       idle_timeout_ms, message_count, last_sequence, revision, is_ended, listed_revision, indexed_at, alarm_at, turn_count, running_turn,
       prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens, error_count, last_error, last_error_at,
       verbosity, tone, depth, uses_memory, is_title_made, searched_sequence, shared_sequence, restorable_until,
       created_from, query_count, last_persona)
     values (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);
const SET_LAST_ACTIVITY: Write = Write::new("update session set last_activity = ?");
const SET_IDLE: Write = Write::new("update session set running_turn = null");
const END_TURNS: Write = Write::new("update turn set state = 'interrupted', ended_at = started_at where state = 'running'");
const SET_HIDDEN: Write = Write::new("update session set listed_revision = revision, shared_sequence = 0, indexed_at = null");
const SET_INDEXING: Write = Write::new("update session set indexed_at = 0");
const SET_INDEXED: Write = Write::new("update session set indexed_at = ? where indexed_at = 0");
const SET_ALARM: Write = Write::new("update session set alarm_at = ?");
const MERGE: &str = "select json_patch(?, ?)";
/// Everything in the session's row.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) session: Session,
    /// Deleted, not yet tidied up. Absent for everybody.
    pub(super) is_ended: bool,
    /// The newest revision that the user's list is known to have; 0 when none.
    pub(super) listed_revision: u64,
    /// When the KV entry was last written; `None` when it must be, 0 while it is.
    pub(super) indexed_at: Option<Timestamp>,
    /// When the object's alarm is set to go off.
    pub(super) alarm_at: Option<Timestamp>,
    /// Up to this message the session's own index of the text is whole.
    pub(super) searched_sequence: u64,
    /// Up to this message the user's index is.
    pub(super) shared_sequence: u64,
    /// Deleted, and absent for everybody, but until then it can be restored.
    pub(super) restorable_until: Option<Timestamp>,
}

impl Stored {
    /// A session that no copy knows of yet.
    pub(super) fn begin(session: Session) -> Stored {
        Stored {
            session,
            is_ended: false,
            listed_revision: 0,
            indexed_at: None,
            alarm_at: None,
            searched_sequence: 0,
            shared_sequence: 0,
            restorable_until: None,
        }
    }

    /// Does a copy know less than it should?
    pub(super) fn is_behind(&self, now: Timestamp) -> bool {
        self.is_list_behind() || self.session.deadlines(self.indexed_at, now).is_index_due
    }

    /// Does the user's list know less than it should?
    pub(super) fn is_list_behind(&self) -> bool {
        matches!(self.session.owner, Owner::User(_)) && self.listed_revision < self.session.revision
    }

    /// Is it deleted, and can be restored at `now`?
    pub(super) fn is_restorable(&self, now: Timestamp) -> bool {
        !self.is_ended && self.restorable_until.is_some_and(|until| now < until)
    }

    /// Is its deadline past?
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.session.deadlines(self.indexed_at, now).is_expired
    }
}

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

/// What a copy has confirmed. The next write of the row takes it along: should the process be lost before, the copy is
/// told again.
#[derive(Clone, Copy)]
struct Heard {
    /// Of which session.
    created_at: Timestamp,
    listed_revision: u64,
    shared_sequence: u64,
}

impl Storage {
    pub(super) fn new(context: Context) -> Storage {
        let sql = context.database();
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
        let stored = self.sql.row(LOAD, &[])?.map(|row| read_stored(&row)).transpose()?;
        Ok(stored.map(|stored| self.with_heard(stored)))
    }

    fn with_heard(&self, stored: Stored) -> Stored {
        match self.heard.get().filter(|heard| heard.created_at == stored.session.created_at) {
            Some(Heard { listed_revision, shared_sequence, .. }) => Stored { listed_revision, shared_sequence, ..stored },
            None => stored,
        }
    }

    /// Makes the tables. They are seen from the next call on: this one may still be rolled back.
    pub(super) fn create_schema(&self) -> Result<()> {
        let since_1 = [&CREATE_SESSION, &messages::CREATE];
        let since_2 = [&answers::CREATE];
        let since_3 = [&messages::CREATE_INSTRUCTIONS, &turns::CREATE, &events::CREATE, &siblings::CREATE, &siblings::CREATE_INDEX];
        let since_4 = [&memory::CREATE, &memory::CREATE_INDEX];
        let since_5 = [&summaries::CREATE, &search::CREATE, &search::SECURE, &shared::CREATE];
        let since_6 = [&outbox::CREATE, &outbox::CREATE_REPORTED];
        [&since_1[..], &since_2, &since_3, &since_4, &since_5, &since_6]
            .into_iter()
            .flatten()
            .try_for_each(|create| self.sql.run(create, &[]))
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
    pub(super) fn forget_learned(&self, session: &Session, sequence: u64) -> Result<()> {
        // The session's own memory is of no earlier session, though an imported entry may be older than this one.
        memory::forget_from(&self.sql, session.id.as_str(), sequence, Timestamp::from_millis(0))
    }

    /// Does the session remember something under `key`?
    pub(super) fn is_remembered(&self, key: &str) -> Result<bool> {
        memory::has(&self.sql, key)
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
    pub(super) fn delete_contents(&self) -> Result<()> {
        let all = [
            &messages::DELETE_ALL,
            &siblings::DELETE_ALL,
            &answers::DELETE_ALL,
            &turns::DELETE_ALL,
            &events::DELETE_ALL,
            &memory::DELETE_ALL,
            &summaries::DELETE_ALL,
            &search::DELETE_ALL,
            &shared::DELETE_ALL,
        ];
        all.into_iter().try_for_each(|delete| self.sql.run(delete, &[]))
    }

    /// To be called when the database is about to be emptied.
    pub(super) fn forget_schema(&self) {
        self.has_schema.set(false);
        self.is_current.set(false);
    }

    /// Writes the session's row.
    pub(super) fn save(&self, stored: &Stored) -> Result<()> {
        self.heard.set(None);
        let session = &stored.session;
        let (owner_kind, owner_id) = match &session.owner {
            Owner::User(user) => ("user", Some(user.as_str())),
            Owner::Nobody => ("nobody", None),
        };
        let idle_timeout_ms = u64::try_from(session.idle_timeout.as_millis()).unwrap_or(u64::MAX);
        self.sql.run(
            &SAVE,
            &[
                FORMAT.into(),
                session.id.as_str().into(),
                owner_kind.into(),
                owner_id.into(),
                session.user_id.as_ref().map(UserId::as_str).into(),
                (&session.persona).into(),
                session.title.as_ref().into(),
                (&session.metadata).into(),
                session.created_at.millis().into(),
                session.last_activity.millis().into(),
                idle_timeout_ms.into(),
                session.message_count.into(),
                session.last_sequence.into(),
                session.revision.into(),
                stored.is_ended.into(),
                stored.listed_revision.into(),
                stored.indexed_at.map(Timestamp::millis).into(),
                stored.alarm_at.map(Timestamp::millis).into(),
                session.turn_count.into(),
                session.running_turn.into(),
                session.tally.prompt_tokens.into(),
                session.tally.completion_tokens.into(),
                session.tally.has_estimates.into(),
                session.tally.observed_bytes.into(),
                session.tally.observed_tokens.into(),
                session.error_count.into(),
                session.last_error.map(|last| last.failure.code()).into(),
                session.last_error.map(|last| last.at.millis()).into(),
                session.profile.verbosity.name().into(),
                session.profile.tone.name().into(),
                session.profile.depth.name().into(),
                session.uses_memory.into(),
                session.is_title_made.into(),
                stored.searched_sequence.into(),
                stored.shared_sequence.into(),
                stored.restorable_until.map(Timestamp::millis).into(),
                (&session.created_from).into(),
                session.query_count.into(),
                session.last_persona.as_ref().into(),
            ],
        )
    }

    /// Notes that no turn runs, without anything else that belongs to a turn's end.
    pub(super) fn set_idle(&self) -> Result<()> {
        self.sql.run(&END_TURNS, &[])?;
        self.sql.run(&SET_IDLE, &[])
    }

    /// Notes activity that changes nothing else.
    pub(super) fn set_last_activity(&self, at: Timestamp) -> Result<()> {
        self.sql.run(&SET_LAST_ACTIVITY, &[at.millis().into()])
    }

    /// Notes that neither the user's list nor the index has the session, as it is now.
    pub(super) fn set_hidden(&self) -> Result<()> {
        self.heard.set(None);
        self.sql.run(&SET_HIDDEN, &[])
    }

    /// Notes that the user's list has `revision` of the session, and its index the messages up to `shared_sequence`.
    pub(super) fn set_heard(&self, session: &Session, listed_revision: u64, shared_sequence: u64) {
        self.heard.set(Some(Heard { created_at: session.created_at, listed_revision, shared_sequence }));
    }

    /// Notes that the KV entry is being written: it is due until that has succeeded.
    pub(super) fn set_indexing(&self) -> Result<()> {
        self.sql.run(&SET_INDEXING, &[])
    }

    /// Notes when the KV entry was written, unless a change has made it due again meanwhile.
    pub(super) fn set_indexed(&self, at: Timestamp) -> Result<()> {
        self.sql.run(&SET_INDEXED, &[at.millis().into()])
    }

    /// Notes when the alarm is set to go off.
    pub(super) fn set_alarm(&self, at: Option<Timestamp>) -> Result<()> {
        self.sql.run(&SET_ALARM, &[at.map(Timestamp::millis).into()])
    }

    /// `metadata` with `patch` merged into it (RFC 7396).
    pub(super) fn merge_metadata(&self, metadata: &str, patch: &str) -> Result<String> {
        let row = self.sql.row(MERGE, &[metadata.into(), patch.into()])?;
        row.ok_or_else(|| Error::Internal("json_patch gave nothing".into()))?.text(0)
    }
}

fn read_stored(row: &Row) -> Result<Stored> {
    let owner = match (row.text(1)?.as_str(), row.optional_text(2)?) {
        ("user", Some(user)) => Owner::User(Id::parse("owner_id", &user)?),
        ("nobody", None) => Owner::Nobody,
        (kind, _) => return Err(Error::Internal(format!("owner of kind {kind}"))),
    };
    let session = Session {
        id: Id::parse("id", &row.text(0)?)?,
        owner,
        user_id: row.optional_text(3)?.map(|user| Id::parse("user_id", &user)).transpose()?,
        persona: row.text(4)?,
        title: row.optional_text(5)?,
        metadata: row.text(6)?,
        created_at: Timestamp::from_millis(row.integer(7)?),
        last_activity: Timestamp::from_millis(row.integer(8)?),
        idle_timeout: Duration::from_millis(row.count(9)?),
        message_count: row.count(10)?,
        last_sequence: row.count(11)?,
        revision: row.count(12)?,
        turn_count: row.count(17)?,
        running_turn: row.optional_count(18)?,
        tally: Tally {
            prompt_tokens: row.count(19)?,
            completion_tokens: row.count(20)?,
            has_estimates: row.integer(21)? != 0,
            observed_bytes: row.count(22)?,
            observed_tokens: row.count(23)?,
        },
        error_count: row.count(24)?,
        last_error: match (row.optional_text(25)?, row.optional_integer(26)?) {
            (Some(code), Some(at)) => Some(LastError { failure: failure_named(&code)?, at: Timestamp::from_millis(at) }),
            (_, _) => None,
        },
        profile: profile_named(&row.text(27)?, &row.text(28)?, &row.text(29)?)?,
        uses_memory: row.integer(30)? != 0,
        is_title_made: row.integer(31)? != 0,
        created_from: row.text(35)?,
        query_count: row.count(36)?,
        last_persona: row.optional_text(37)?,
    };
    Ok(Stored {
        session,
        is_ended: row.integer(13)? != 0,
        listed_revision: row.count(14)?,
        indexed_at: row.optional_integer(15)?.map(Timestamp::from_millis),
        alarm_at: row.optional_integer(16)?.map(Timestamp::from_millis),
        searched_sequence: row.count(32)?,
        shared_sequence: row.count(33)?,
        restorable_until: row.optional_integer(34)?.map(Timestamp::from_millis),
    })
}
