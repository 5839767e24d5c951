//! The list of a user's sessions: a row a session in `session`.
//!
//! What it is sorted by stands in columns, the whole as a `SessionRecord` in `record`; `number` is its own as long as it is on
//! the list, for what is kept of its text. A row is `listed`; or `reserved`, a
//! place for a session that is about to begin; or `hidden`, of a session that is deleted and can be restored. Neither of
//! these has a record. What is to end is on the list no more, though its row is.

use std::{sync::LazyLock, time::Duration};

use super::{DueEnding, Storage, documents};
use crate::{
    domain::{
        caller::Owner,
        memory::Origin,
        session::{Session, SessionLimit},
        time::Timestamp,
    },
    error::{Error, Result},
    memory::store as memory,
    platform::{
        self,
        sql::{Row, Write},
    },
    session::record::{EndingRecord, SessionRecord},
    user::protocol::{FilterRecord, ListedRecord, PositionRecord, PreviewRecord, Share},
};

/// The table.
pub(super) const CREATE: Write = Write::new(
    "create table if not exists session (
       id text primary key, last_activity integer not null, expires_at integer not null, record text not null,
       state text not null default 'listed', number integer
     ) strict, without rowid",
);
/// Its order.
pub(super) const CREATE_ORDER: Write =
    Write::new("create index if not exists session_by_activity on session (last_activity desc, id desc)");
/// Finds a session by its number.
pub(super) const CREATE_NUMBERS: Write = Write::new("create unique index if not exists session_by_number on session (number)");
const PUT: Write = Write::new(
    "insert into session (id, last_activity, expires_at, record, state, number)
     values (?, ?, ?, ?, ?, (select coalesce(max(number), 0) + 1 from session))
     on conflict (id) do update set last_activity = excluded.last_activity, expires_at = excluded.expires_at,
       record = excluded.record, state = excluded.state",
);
const NUMBER: &str = "select number from session where id = ?";
const REMOVE: Write = Write::new("delete from session where id = ?");
// Whoever is behind may have begun.
const FORGET_RESERVED: Write =
    Write::new("delete from session where state = 'reserved' and expires_at < ? and id not in (select session_id from behind)");
const RELEASE: Write = Write::new("delete from session where id = ? and state = 'reserved' and id not in (select session_id from behind)");
// Who is behind may be more active than the row says, so its deadline there decides nothing: one that has ended has told so.
const STATE: &str = "select state from session where id = ?1 and (expires_at > ?2 or id in (select session_id from behind))";
/// Is a session there at ?2, as far as is known?
pub(super) const IS_THERE: &str = "(session.expires_at > ?2 or session.id in (select session_id from behind))
    and session.id not in (select session_id from ending)";
/// Others than ?1 that take a place at ?2.
static OTHERS: LazyLock<String> = LazyLock::new(|| format!("from session where state <> 'hidden' and id <> ?1 and {IS_THERE}"));
const SET_ACTIVE: Write = Write::new("update session set last_activity = ? where id = ?");
// Whoever is spared has been active since the record was told: where a page ends is where the next one begins.
static LIST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select json_set(record, '$.last_activity', last_activity), number from session
         where (last_activity, id) < (cast(?1 as integer), ?3) and last_activity >= ?4 and last_activity < ?5 and state = 'listed'
           and {IS_THERE}
         order by last_activity desc, id desc limit ?6"
    )
});
const IDS: &str = "select id from session where id > ? order by id limit ?";
static COUNT_OTHERS: LazyLock<String> = LazyLock::new(|| format!("select count(*) {}", *OTHERS));
// Who is behind when everybody was to share is amid a turn, or cannot be reached.
static IDLE_LONGEST: LazyLock<String> =
    LazyLock::new(|| format!("select id {} order by id in (select session_id from behind), last_activity, id limit ?3", *OTHERS));

/// For so long a place is kept for a session that is about to begin.
const RESERVED: Duration = Duration::from_secs(60);
/// And remembered for so long: should the session have begun all the same, an erasure finds it by that.
const RESERVED_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Rows that are read at once to find those that a filter lets through.
const BATCH: u32 = 100;
/// Most characters of a preview.
const PREVIEW_CHARACTERS: u32 = 200;

/// Is there a place for one session more?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::user) enum Place {
    /// It is kept.
    Kept,
    /// It is kept, and others have to end for it.
    KeptByEvicting,
    /// None.
    None,
}

impl Storage {
    /// Adds a session or replaces what is known of it.
    fn put(&self, record: SessionRecord, limit: SessionLimit, now: Timestamp) -> Result<Place> {
        self.create_schema()?;
        let json = platform::encode("record", &record)?;
        let session = Session::try_from(record)?;
        let (id, expires_at) = (session.id.as_str(), session.expires_at());
        let state = self.state(id, now)?;
        let mut place = Place::Kept;
        if !matches!(state.as_deref(), Some("listed" | "reserved")) {
            // Nobody has kept a place for it, and it is there already.
            let Owner::User(user) = &session.owner else { return Err(Error::Internal("nobody's session on a list".into())) };
            place = self.evict_for(id, user.as_str(), SessionLimit { evicts: true, ..limit }, now)?;
        }
        let values = [id.into(), session.last_activity.millis().into(), expires_at.millis().into(), (&json).into(), "listed".into()];
        self.sql.run(&PUT, &values).map(|()| place)
    }

    /// The same, with what is new in it. `None`: it is to end. Should it be spared, it is to tell that once more.
    pub(in crate::user) fn share(&self, share: Share, limit: SessionLimit, now: Timestamp) -> Result<Option<Place>> {
        let Share { session, after, documents, forgotten, stays_behind } = share;
        let (session_id, created_at) = (&session.id().to_owned(), session.created_at());
        match self.ending_decided_at(session_id)? {
            Some(decided_at) if created_at <= decided_at => return self.mark_untaken(session_id).map(|()| None),
            // It has begun since, in the place of another.
            Some(_) => {
                self.forget_ending(session_id)?;
                self.remove(session_id)?;
            }
            None => {}
        }
        let place = self.put(session, limit, now)?;
        let number = self.number(session_id)?.ok_or_else(|| Error::Internal("a session is not on its list".into()))?;
        documents::put(&self.sql, number, after, &documents)?;
        if !stays_behind {
            self.unmark(session_id)?;
        }
        forgotten.into_iter().try_for_each(|sequence| {
            documents::remove(&self.sql, number, sequence, sequence)?;
            // What was answered may have told it.
            self.blank_answers()?;
            memory::forget_from(&self.sql, &Origin { session_id: session_id.clone(), sequence }, created_at, now)
        })?;
        Ok(Some(place))
    }

    /// Removes a session and its text, if it is there.
    pub(in crate::user) fn remove(&self, session_id: &str) -> Result<()> {
        if !self.has_schema()? {
            return Ok(());
        }
        self.remove_text(session_id)?;
        self.unmark(session_id)?;
        self.sql.run(&REMOVE, &[session_id.into()])
    }

    /// Hides a session and removes its text until it is told of again, or ends.
    pub(in crate::user) fn hide(&self, session_id: &str, until: Timestamp, now: Timestamp) -> Result<()> {
        if !self.has_schema()? || self.ending_decided_at(session_id)?.is_some() {
            return Ok(());
        }
        self.remove_text(session_id)?;
        self.unmark(session_id)?;
        self.sql.run(&PUT, &[session_id.into(), now.millis().into(), until.millis().into(), "".into(), "hidden".into()])
    }

    /// Keeps a place for session `id`, which is about to begin, if there is one or one can be made.
    pub(in crate::user) fn admit(&self, id: &str, user: &str, limit: SessionLimit, now: Timestamp) -> Result<Place> {
        self.create_schema()?;
        self.sql.run(&FORGET_RESERVED, &[now.minus(RESERVED_KEPT).millis().into()])?;
        let state = self.state(id, now)?;
        if state.as_deref() == Some("listed") {
            return Ok(Place::Kept);
        }
        let place = self.evict_for(id, user, limit, now)?;
        if place != Place::None && state.is_none() {
            let expires_at = now.plus(RESERVED).millis();
            self.sql.run(&PUT, &[id.into(), now.millis().into(), expires_at.into(), "".into(), "reserved".into()])?;
        }
        Ok(place)
    }

    /// Is the place that was kept for session `id` not one too many? One that is kept no more, because a later session needs
    /// it, is none.
    pub(in crate::user) fn has_place(&self, id: &str, limit: SessionLimit, now: Timestamp) -> Result<bool> {
        let is_kept = self.state(id, now)?.is_some() && self.ending_decided_at(id)?.is_none();
        Ok(!is_kept || self.excess(id, limit, now)? == 0)
    }

    /// Gives back the place that is kept for a session.
    pub(in crate::user) fn release(&self, id: &str) -> Result<()> {
        self.sql.run(&RELEASE, &[id.into()])
    }

    /// Notes that a session that was to end goes on, unless it has been decided since that it is to end all the same.
    pub(in crate::user) fn spare(&self, ending: &DueEnding, now: Timestamp) -> Result<()> {
        let session_id = ending.session_id.as_str();
        if self.ending_decided_at(session_id)? != Some(ending.decided_at) {
            return Ok(());
        }
        self.forget_ending(session_id)?;
        self.sql.run(&SET_ACTIVE, &[now.millis().into(), session_id.into()])
    }

    /// Sessions alive at `now` that `filter` lets through, those with the latest activity first.
    pub(in crate::user) fn list(
        &self,
        limit: u32,
        after: Option<PositionRecord>,
        filter: &FilterRecord,
        now: Timestamp,
    ) -> Result<Vec<ListedRecord>> {
        let mut listed = Vec::new();
        if !self.has_schema()? {
            return Ok(listed);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (since, before) = (filter.active_since.unwrap_or(i64::MIN), filter.active_before.unwrap_or(i64::MAX));
        let mut position = after;
        loop {
            let (last_activity, id) = position.as_ref().map_or((i64::MAX, ""), |after| (after.last_activity, after.session_id.as_str()));
            let values = [last_activity.into(), now.millis().into(), id.into(), since.into(), before.into(), BATCH.into()];
            let rows = self.sql.rows(&LIST, &values)?;
            for row in &rows {
                let item = self.read(row)?;
                position =
                    Some(PositionRecord { last_activity: item.session.last_activity().millis(), session_id: item.session.id().to_owned() });
                if filter.lets_through(&item.session) {
                    listed.push(item);
                }
                if listed.len() >= limit {
                    return Ok(listed);
                }
            }
            if rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                return Ok(listed);
            }
        }
    }

    /// Ids after `after` of whatever has a row: no change of a session moves it from one page to another.
    pub(in crate::user) fn ids(&self, after: &str, limit: u32) -> Result<Vec<String>> {
        let rows = if self.has_schema()? { self.sql.rows(IDS, &[after.into(), limit.into()])? } else { Vec::new() };
        rows.iter().map(|row| row.text(0)).collect()
    }

    fn state(&self, id: &str, now: Timestamp) -> Result<Option<String>> {
        self.sql.row(STATE, &[id.into(), now.millis().into()])?.map(|row| row.text(0)).transpose()
    }

    /// How many are too many with session `id`?
    fn excess(&self, id: &str, limit: SessionLimit, now: Timestamp) -> Result<u64> {
        let Some(most) = limit.most else { return Ok(0) };
        let others = self.sql.row(&COUNT_OTHERS, &[id.into(), now.millis().into()])?.map_or(Ok(0), |row| row.count(0))?;
        Ok(others.saturating_add(1).saturating_sub(most))
    }

    /// Would somebody have to end for session `id`, or is there no place for it? `has_begun`: a place that was kept is its own.
    pub(super) fn lacks_place(&self, id: &str, has_begun: bool, limit: SessionLimit, now: Timestamp) -> Result<bool> {
        let has_place = match self.state(id, now)?.as_deref() {
            Some("listed") => true,
            Some("reserved") => has_begun,
            _ => false,
        };
        Ok(!has_place && self.excess(id, limit, now)? > 0)
    }

    /// Marks those that have to end so that session `id` is not one too many.
    fn evict_for(&self, id: &str, user: &str, limit: SessionLimit, now: Timestamp) -> Result<Place> {
        let excess = self.excess(id, limit, now)?;
        if excess == 0 {
            return Ok(Place::Kept);
        }
        if !limit.evicts {
            return Ok(Place::None);
        }
        for row in self.sql.rows(&IDLE_LONGEST, &[id.into(), now.millis().into(), excess.into()])? {
            self.end_later(&row.text(0)?, user, EndingRecord::Evicted, now)?;
        }
        Ok(Place::KeptByEvicting)
    }

    fn read(&self, row: &Row) -> Result<ListedRecord> {
        let session = platform::decode("record", &row.text(0)?)?;
        let last = documents::last(&self.sql, row.count(1)?, PREVIEW_CHARACTERS)?;
        Ok(ListedRecord { session, last: last.map(|(sequence, role, text)| PreviewRecord { sequence, role, text }) })
    }

    /// The number of a session on the list.
    fn number(&self, session_id: &str) -> Result<Option<u64>> {
        self.sql.row(NUMBER, &[session_id.into()])?.map(|row| row.count(0)).transpose()
    }

    fn remove_text(&self, session_id: &str) -> Result<()> {
        self.number(session_id)?.map_or(Ok(()), |number| documents::remove(&self.sql, number, 0, u64::MAX))
    }
}
