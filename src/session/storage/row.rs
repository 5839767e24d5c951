//! The session's own row: what is known of it, and what its copies know.

use std::time::Duration;

use super::{FORMAT, Storage};
use crate::{
    domain::{
        caller::Owner,
        id::{Id, UserId},
        session::{LastError, Session},
        time::{Timestamp, millis},
        turn::tokens::Tally,
    },
    error::{Error, Result},
    platform::sql::{Row, Write},
    session::record::{failure_named, profile_named},
};

pub(super) const CREATE: Write = Write::new(
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
       created_from text not null default 'api', query_count integer not null default 0, last_persona text,
       beginning text, recent_events text not null default '[]'
     ) strict",
);
const LOAD: &str = "select id, owner_kind, owner_id, user_id, persona, title, metadata, created_at, last_activity,
  idle_timeout_ms, message_count, last_sequence, revision, is_ended, listed_revision, indexed_at, alarm_at,
  turn_count, running_turn, prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens, error_count, last_error,
  last_error_at, verbosity, tone, depth, uses_memory, is_title_made, searched_sequence, shared_sequence, restorable_until,
  created_from, query_count, last_persona, beginning from session";
// Events that are not given stay as they are.
const SAVE: Write = Write::new(
    "insert or replace into session (only, format, id, owner_kind, owner_id, user_id, persona, title, metadata, created_at, last_activity,
       idle_timeout_ms, message_count, last_sequence, revision, is_ended, listed_revision, indexed_at, alarm_at, turn_count, running_turn,
       prompt_tokens, completion_tokens, has_estimates, observed_bytes, observed_tokens, error_count, last_error, last_error_at,
       verbosity, tone, depth, uses_memory, is_title_made, searched_sequence, shared_sequence, restorable_until,
       created_from, query_count, last_persona, beginning, recent_events)
     values (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
       coalesce(?, (select recent_events from session), '[]'))",
);
const SET_LAST_ACTIVITY: Write = Write::new("update session set last_activity = ?");
const SET_IDLE: Write = Write::new("update session set running_turn = null, beginning = null");
const SET_HIDDEN: Write = Write::new("update session set listed_revision = revision, shared_sequence = 0, indexed_at = null");
const SET_HEARD: Write = Write::new("update session set listed_revision = ?, shared_sequence = ? where created_at = ?");
const SET_INDEXING: Write = Write::new("update session set indexed_at = 0");
const SET_INDEXED: Write = Write::new("update session set indexed_at = ? where indexed_at = 0");
const SET_ALARM: Write = Write::new("update session set alarm_at = ?");

/// Everything in the session's row.
#[derive(Clone)]
pub(in crate::session) struct Stored {
    pub(in crate::session) session: Session,
    /// Deleted, not yet tidied up. Absent for everybody.
    pub(in crate::session) is_ended: bool,
    /// The newest revision that the user's list is known to have, or to ask for; 0 when none.
    pub(in crate::session) listed_revision: u64,
    /// When the KV entry was last written; `None` when it must be, 0 while it is. Of one that can be restored: `None` when there is no
    /// entry, else there may be one.
    pub(in crate::session) indexed_at: Option<Timestamp>,
    /// When the object's alarm is set to go off.
    pub(in crate::session) alarm_at: Option<Timestamp>,
    /// Up to this message the session's own index of the text is whole.
    pub(in crate::session) searched_sequence: u64,
    /// Up to this message the user's index is.
    pub(in crate::session) shared_sequence: u64,
    /// Deleted, and absent for everybody, but until then it can be restored.
    pub(in crate::session) restorable_until: Option<Timestamp>,
    /// How the turn that runs has begun, as `turns` has it. Counts while one runs.
    pub(in crate::session) beginning: Option<String>,
    /// The events of the latest turns, as `recent` has them; `None`: they are as they were.
    pub(in crate::session) recent_events: Option<String>,
}

impl Stored {
    /// A session that no copy knows of yet.
    pub(in crate::session) fn begin(session: Session) -> Stored {
        Stored {
            session,
            is_ended: false,
            listed_revision: 0,
            indexed_at: None,
            alarm_at: None,
            searched_sequence: 0,
            shared_sequence: 0,
            restorable_until: None,
            beginning: None,
            recent_events: None,
        }
    }

    /// Does a copy know less than it should?
    pub(in crate::session) fn is_behind(&self, now: Timestamp) -> bool {
        self.is_list_behind() || self.session.deadlines(self.indexed_at, now).is_index_due
    }

    /// Does the user's list know less than it should?
    pub(in crate::session) fn is_list_behind(&self) -> bool {
        matches!(self.session.owner, Owner::User(_)) && self.listed_revision < self.session.revision
    }

    /// Is it deleted, and can be restored at `now`?
    pub(in crate::session) fn is_restorable(&self, now: Timestamp) -> bool {
        !self.is_ended && self.restorable_until.is_some_and(|until| now < until)
    }

    /// Is its deadline past?
    pub(in crate::session) fn is_expired(&self, now: Timestamp) -> bool {
        self.session.deadlines(self.indexed_at, now).is_expired
    }
}

/// What a copy has confirmed. The next write of the row takes it along: should the process be lost before, the copy is
/// told again.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    /// Of which session.
    created_at: Timestamp,
    listed_revision: u64,
    shared_sequence: u64,
}

impl Storage {
    /// The row, and what copies have confirmed since it was written.
    pub(super) fn read_row(&self) -> Result<Option<Stored>> {
        let stored = self.sql.row(LOAD, &[])?.map(|row| read_stored(&row)).transpose()?;
        Ok(stored.map(|stored| self.with_heard(stored)))
    }

    fn with_heard(&self, stored: Stored) -> Stored {
        match self.heard.get().filter(|heard| heard.created_at == stored.session.created_at) {
            Some(Heard { listed_revision, shared_sequence, .. }) => Stored { listed_revision, shared_sequence, ..stored },
            None => stored,
        }
    }

    /// Writes the session's row.
    pub(in crate::session) fn save(&self, stored: &Stored) -> Result<()> {
        self.heard.set(None);
        let session = &stored.session;
        let (owner_kind, owner_id) = match &session.owner {
            Owner::User(user) => ("user", Some(user.as_str())),
            Owner::Nobody => ("nobody", None),
        };
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
                millis(session.idle_timeout).into(),
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
                session.running_turn.and(stored.beginning.as_ref()).into(),
                stored.recent_events.as_ref().into(),
            ],
        )
    }

    /// Notes that no turn runs, without anything else that belongs to a turn's end.
    pub(in crate::session) fn set_idle(&self) -> Result<()> {
        self.give_up_turns()?;
        self.sql.run(&SET_IDLE, &[])
    }

    /// Notes activity that changes nothing else.
    pub(in crate::session) fn set_last_activity(&self, at: Timestamp) -> Result<()> {
        self.sql.run(&SET_LAST_ACTIVITY, &[at.millis().into()])
    }

    /// Notes that neither the user's list nor the index has the session, as it is now.
    pub(in crate::session) fn set_hidden(&self) -> Result<()> {
        self.heard.set(None);
        self.sql.run(&SET_HIDDEN, &[])
    }

    /// Notes that the user's list has `revision` of the session, and its index the messages up to `shared_sequence`.
    pub(in crate::session) fn set_heard(&self, session: &Session, listed_revision: u64, shared_sequence: u64) {
        self.heard.set(Some(Heard { created_at: session.created_at, listed_revision, shared_sequence }));
    }

    /// Writes down at once what was noted so.
    pub(in crate::session) fn write_heard(&self) -> Result<()> {
        let Some(Heard { created_at, listed_revision, shared_sequence }) = self.heard.take() else { return Ok(()) };
        self.sql.run(&SET_HEARD, &[listed_revision.into(), shared_sequence.into(), created_at.millis().into()])
    }

    /// Notes that the KV entry is being written: it is due until that has succeeded.
    pub(in crate::session) fn set_indexing(&self) -> Result<()> {
        self.sql.run(&SET_INDEXING, &[])
    }

    /// Notes when the KV entry was written, unless a change has made it due again meanwhile.
    pub(in crate::session) fn set_indexed(&self, at: Timestamp) -> Result<()> {
        self.sql.run(&SET_INDEXED, &[at.millis().into()])
    }

    /// Notes when the alarm is set to go off.
    pub(in crate::session) fn set_alarm(&self, at: Option<Timestamp>) -> Result<()> {
        self.sql.run(&SET_ALARM, &[at.map(Timestamp::millis).into()])
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
        beginning: row.optional_text(38)?,
        recent_events: None,
    })
}
