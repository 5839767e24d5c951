//! A memory's table in an object's database: the only SQL about memory.
//!
//! One row a key, with what stood there before its last change, so that this can be taken back for a while; a row without a
//! value is one that was deleted lately. Every function is atomic within the call that it is part of.

use std::time::Duration;

use super::protocol::source_named;
use crate::{
    domain::{
        id::{Id, MemoryKey},
        memory::{Entry, Origin, Source},
        session::Version,
        time::Timestamp,
    },
    error::{Error, Result, Subject},
    limits,
    platform::sql::{Row, Sql, Write},
};

/// The table. Since format 4 of sessions and 2 of users.
pub(crate) const CREATE: Write = Write::new(
    "create table if not exists memory (
       key text primary key, value text, source text not null, from_session text, from_sequence integer,
       created_at integer not null, updated_at integer not null, revision integer not null,
       previous_value text, previous_source text, previous_session text, previous_sequence integer, undo_until integer
     ) strict, without rowid",
);
const SAVE: Write = Write::new(
    "insert or replace into memory (key, value, source, from_session, from_sequence, created_at, updated_at, revision,
       previous_value, previous_source, previous_session, previous_sequence, undo_until)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);
const FIND: &str = "select key, value, source, from_session, from_sequence, created_at, updated_at, revision,
  previous_value, previous_source, previous_session, previous_sequence, undo_until from memory where key = ?";
// The running sum ends a page before it outgrows a call; the first entry always fits.
const LIST: &str = "select key, value, source, from_session, from_sequence, created_at, updated_at, revision, null, null, null, null, null
  from (select *, sum(length(value)) over (order by key) - length(value) as characters_before from (
    select * from memory where value is not null and substr(key, 1, length(?)) = ? and key > ? order by key limit ?))
  where characters_before < ? order by key";
// Of a long value a prompt is told the beginning.
const RECENT: &str =
    "select key, substr(value, 1, 1100), source, from_session, from_sequence, created_at, updated_at, revision, null, null, null, null,
  null from memory where value is not null order by updated_at desc, key limit ?";
const HAS_MORE: &str = "select 1 from memory where value is not null and substr(key, 1, length(?)) = ? and key > ? limit 1";
const COUNT: &str = "select count(*) from memory where value is not null and substr(key, 1, length(?)) = ?";
const COUNT_ALL: &str = "select count(*) from memory";
const DELETE: Write = Write::new("delete from memory where key = ?");
const WIPE_DELETED: Write = Write::new("delete from memory where value is null and undo_until < ?");
const WIPE_PREVIOUS: Write = Write::new(
    "update memory set previous_value = null, previous_source = null, previous_session = null, previous_sequence = null, undo_until = null
     where undo_until < ?",
);
/// Finds what can be taken back.
pub(crate) const CREATE_INDEX: Write =
    Write::new("create index if not exists memory_undo on memory (undo_until) where undo_until is not null");
const FORGET: Write = Write::new("delete from memory where from_session = ? and from_sequence = ? and updated_at >= ?");
const RESTORE: Write = Write::new(
    "update memory set value = previous_value, source = previous_source, from_session = previous_session, from_sequence = previous_sequence,
       revision = revision + 1, previous_value = null, previous_source = null, previous_session = null, previous_sequence = null, undo_until = null
     where from_session = ? and from_sequence = ? and updated_at >= ? and previous_value is not null",
);
const FORGET_DELETED: Write =
    Write::new("delete from memory where value is null and previous_session = ? and previous_sequence = ? and updated_at >= ?");
const FORGET_PREVIOUS: Write = Write::new(
    "update memory set previous_value = null, previous_source = null, previous_session = null, previous_sequence = null, undo_until = null
     where previous_session = ? and previous_sequence = ? and updated_at >= ?",
);
/// Leaves no row.
pub(crate) const DELETE_ALL: Write = Write::new("delete from memory");

/// For so long the last change of an entry can be taken back.
const UNDO: Duration = Duration::from_secs(10 * 60);

/// A prompt is told of so many entries.
const RECENT_ENTRIES: u32 = 200;

/// A row: what is there, and what was there before.
pub(super) struct Stored {
    key: MemoryKey,
    created_at: Timestamp,
    updated_at: Timestamp,
    revision: u64,
    pub(super) now: Option<State>,
    pub(super) before: Option<State>,
    pub(super) undo_until: Option<Timestamp>,
}

/// What an entry says.
#[derive(Clone, PartialEq)]
pub(super) struct State {
    pub(super) value: String,
    pub(super) source: Source,
    pub(super) origin: Option<Origin>,
}

impl Stored {
    /// The row of a key that has none yet.
    ///
    /// # Errors
    /// `Invalid` when that is no key.
    pub(super) fn new(key: &str, now: Timestamp) -> Result<Stored> {
        let key = Id::parse("key", key)?;
        Ok(Stored { key, created_at: now, updated_at: now, revision: 0, now: None, before: None, undo_until: None })
    }

    /// The row after a change to `state`.
    pub(super) fn changed(self, state: Option<State>, now: Timestamp) -> Stored {
        let revision = self.revision.saturating_add(1);
        let origin = |state: &Option<State>| state.as_ref().and_then(|state| state.origin.clone());
        // What one message has taught, by a rule and by the model, is one change.
        let goes_on = self.undo_until.is_some() && origin(&state).is_some() && origin(&state) == origin(&self.now);
        let before = if goes_on { self.before } else { self.now };
        Stored { revision, updated_at: now, before, now: state, undo_until: Some(now.plus(UNDO)), ..self }
    }

    /// The row after its last change is taken back, to `before`. Once: who asks again, because the answer was lost, must not
    /// bring back what was taken back.
    pub(super) fn undone(self, before: State, now: Timestamp) -> Stored {
        Stored { before: None, undo_until: None, ..self.changed(Some(before), now) }
    }

    /// Names its present state.
    pub(super) fn version(&self) -> Version {
        Version { created_at_ms: self.created_at.millis(), revision: self.revision }
    }

    /// What is there now.
    ///
    /// # Errors
    /// `NotFound` when nothing is.
    pub(super) fn entry(&self) -> Result<Entry> {
        let State { value, source, origin } = self.now.clone().ok_or(Error::NotFound(Subject::Memory))?;
        let (created_at, updated_at) = (self.created_at, self.updated_at);
        Ok(Entry { key: self.key.clone(), value, created_at, updated_at, revision: self.revision, source, origin })
    }
}

/// Wipes what can be taken back no more.
///
/// # Errors
/// `Internal`, SQLite's; so in every function below.
pub(super) fn wipe(sql: &Sql, now: Timestamp) -> Result<()> {
    sql.run(&WIPE_DELETED, &[now.millis().into()])?;
    sql.run(&WIPE_PREVIOUS, &[now.millis().into()])
}

/// How many entries there are whose keys begin with `prefix`.
///
/// # Errors
/// `Internal`, SQLite's.
pub(crate) fn count(sql: &Sql, prefix: &str) -> Result<u64> {
    sql.row(COUNT, &[prefix.into(), prefix.into()])?.map_or(Ok(0), |row| row.count(0))
}

/// Gives up what could be taken back of entries that were deleted.
pub(super) fn wipe_deleted(sql: &Sql) -> Result<()> {
    sql.run(&WIPE_DELETED, &[i64::MAX.into()])
}

/// Removes the row under `key`.
pub(super) fn remove(sql: &Sql, key: &str) -> Result<()> {
    sql.run(&DELETE, &[key.into()])
}

/// Removes every row.
pub(super) fn clear(sql: &Sql) -> Result<()> {
    sql.run(&DELETE_ALL, &[])
}

/// Are there entries after key `after` that begin with `prefix`?
pub(super) fn has_more(sql: &Sql, prefix: &str, after: &str) -> Result<bool> {
    Ok(sql.row(HAS_MORE, &[prefix.into(), prefix.into(), after.into()])?.is_some())
}

/// How many rows there are, also of what was deleted lately.
pub(super) fn count_all(sql: &Sql) -> Result<u64> {
    sql.row(COUNT_ALL, &[])?.map_or(Ok(0), |row| row.count(0))
}

/// The row under `key`, which may be one that was deleted lately.
pub(super) fn find(sql: &Sql, key: &str) -> Result<Option<Stored>> {
    sql.row(FIND, &[key.into()])?.map(|row| read(&row)).transpose()
}

/// The row under `key`, which has a value.
///
/// # Errors
/// `NotFound` when there is none.
pub(super) fn found(sql: &Sql, key: &str) -> Result<Stored> {
    find(sql, key)?.filter(|stored| stored.now.is_some()).ok_or(Error::NotFound(Subject::Memory))
}

/// Entries whose keys begin with `prefix`, in order, after `after`: as many as fit a call.
///
/// # Errors
/// `Internal`, SQLite's.
pub(crate) fn entries(sql: &Sql, prefix: &str, after: &str, limit: u32) -> Result<Vec<Entry>> {
    let rows = sql.rows(LIST, &[prefix.into(), prefix.into(), after.into(), limit.into(), limits::PAGE_BYTES.into()])?;
    rows.iter().map(|row| read(row)?.entry()).collect()
}

/// Puts back an entry, as it was; there is nothing to be taken back.
///
/// # Errors
/// `Internal`, SQLite's.
pub(crate) fn restore(sql: &Sql, entry: Entry) -> Result<()> {
    let Entry { key, value, created_at, updated_at, revision, source, origin } = entry;
    let now = Some(State { value, source, origin });
    save(sql, &Stored { key, created_at, updated_at, revision, now, before: None, undo_until: None })
}

/// What was changed last, the latest first, as much as a prompt can be told; and how much there is.
///
/// # Errors
/// `Internal`, SQLite's.
pub(crate) fn recent(sql: &Sql) -> Result<(Vec<Entry>, u64)> {
    let rows = sql.rows(RECENT, &[RECENT_ENTRIES.into()])?;
    Ok((rows.iter().map(|row| read(row)?.entry()).collect::<Result<_>>()?, count(sql, "")?))
}

/// Forgets for good what was learned from message `origin` of a session that has its id since `since`.
///
/// # Errors
/// `Internal`, SQLite's.
pub(crate) fn forget_from(sql: &Sql, origin: &Origin, since: Timestamp, now: Timestamp) -> Result<()> {
    // What can be taken back no more must not come back by this either.
    wipe(sql, now)?;
    let meant = [origin.session_id.as_str().into(), origin.sequence.into(), since.millis().into()];
    // Those first that have been deleted or written over; then what was known before, and from elsewhere, is known again.
    [&FORGET_DELETED, &FORGET_PREVIOUS, &RESTORE, &FORGET].into_iter().try_for_each(|forget| sql.run(forget, &meant))
}

/// Writes a row.
pub(super) fn save(sql: &Sql, stored: &Stored) -> Result<()> {
    let session = |state: &Option<State>| state.as_ref()?.origin.as_ref().map(|origin| origin.session_id.clone());
    let sequence = |state: &Option<State>| state.as_ref()?.origin.as_ref().map(|origin| origin.sequence);
    sql.run(
        &SAVE,
        &[
            stored.key.as_str().into(),
            stored.now.as_ref().map(|state| &state.value).into(),
            stored.now.as_ref().map_or(Source::Client, |state| state.source).name().into(),
            session(&stored.now).as_ref().into(),
            sequence(&stored.now).into(),
            stored.created_at.millis().into(),
            stored.updated_at.millis().into(),
            stored.revision.into(),
            stored.before.as_ref().map(|state| &state.value).into(),
            stored.before.as_ref().map(|state| state.source.name()).into(),
            session(&stored.before).as_ref().into(),
            sequence(&stored.before).into(),
            stored.undo_until.map(Timestamp::millis).into(),
        ],
    )
}

fn read(row: &Row) -> Result<Stored> {
    Ok(Stored {
        key: Id::parse("key", &row.text(0)?)?,
        now: read_state(row, [1, 2, 3, 4])?,
        created_at: Timestamp::from_millis(row.integer(5)?),
        updated_at: Timestamp::from_millis(row.integer(6)?),
        revision: row.count(7)?,
        before: read_state(row, [8, 9, 10, 11])?,
        undo_until: row.optional_integer(12)?.map(Timestamp::from_millis),
    })
}

fn read_state(row: &Row, [value, source, session, sequence]: [u32; 4]) -> Result<Option<State>> {
    let (Some(value), Some(source)) = (row.optional_text(value)?, row.optional_text(source)?) else { return Ok(None) };
    let origin = row.optional_text(session)?.zip(row.optional_count(sequence)?);
    let origin = origin.map(|(session_id, sequence)| Origin { session_id, sequence });
    Ok(Some(State { value, source: source_named(&source)?, origin }))
}
