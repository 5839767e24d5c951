//! What a session has to report to the counters: reports that are not acknowledged yet, and how far they go.
//!
//! In `report` a row a report, as it is sent; in `reported` one row: of which life of the session the last report was, its
//! number and when it was written, up to which turn and message it goes, and what has failed since. Both outlive the session
//! until everything is acknowledged, and are used by the next one of the same id.

use std::collections::BTreeMap;

use super::Storage;
use crate::{
    domain::{session::Session, stats::Upkeep, time::Timestamp},
    error::Result,
    index::counters::protocol::{ReportRecord, TurnsRecord},
    platform::{
        self,
        sql::{Row, Write},
    },
};

pub(super) const CREATE: Write = Write::new("create table if not exists report (number integer primary key, json text not null) strict");
pub(super) const CREATE_REPORTED: Write = Write::new(
    "create table if not exists reported (
       only integer primary key check (only = 1), session text not null, life integer not null, number integer not null,
       turn integer not null, sequence integer not null, at integer not null, failures text not null
     ) strict",
);
const READ: &str = "select session, life, number, turn, sequence, at, failures, exists (select 1 from report) from reported";
const SAVE: Write = Write::new(
    "insert or replace into reported (only, session, life, number, turn, sequence, at, failures) values (1, ?, ?, ?, ?, ?, ?, '{}')",
);
const COUNT_FAILURE: Write =
    Write::new("update reported set failures = json_set(failures, '$.' || ?1, coalesce(json_extract(failures, '$.' || ?1), 0) + 1)");
const INSERT: Write = Write::new("insert into report (number, json) values (?, ?)");
const OLDEST: &str = "select json from report order by number limit ?";
const DELETE: Write = Write::new("delete from report where number <= ?");
// One that runs when its session ends, or is emptied, is counted all the same.
const TURNS: &str = "select model, max(coalesce(ended_at, started_at)), count(*), sum(state in ('failed', 'interrupted')),
    coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0)
  from turn where number > ? and (ended_at is not null or ?) group by model, coalesce(ended_at, started_at) / 3600000";
/// Everything but the outbox.
const DROP_REST: [Write; 10] = [
    Write::new("drop table if exists search"),
    Write::new("drop table if exists answer"),
    Write::new("drop table if exists event"),
    Write::new("drop table if exists memory"),
    Write::new("drop table if exists message"),
    Write::new("drop table if exists sibling"),
    Write::new("drop table if exists summary"),
    Write::new("drop table if exists turn"),
    Write::new("drop table if exists unshared"),
    Write::new("drop table if exists session"),
];

/// How far reports go.
#[derive(Clone)]
pub(in crate::session) struct Reported {
    /// What the counters know the session by.
    pub(in crate::session) session: String,
    /// When the session was created that the last report was of.
    pub(in crate::session) life: Timestamp,
    /// The last report's number.
    pub(in crate::session) number: u64,
    /// The last turn that is in a report.
    pub(in crate::session) turn: u64,
    /// The last message.
    pub(in crate::session) sequence: u64,
    /// When the last report was written.
    pub(in crate::session) at: Timestamp,
    /// What has failed since.
    pub(in crate::session) failures: BTreeMap<String, u64>,
    /// Is there one that is not acknowledged?
    pub(in crate::session) has_reports: bool,
}

impl Reported {
    /// Has something happened in the session that is in no report?
    pub(in crate::session) fn is_behind(&self, session: &Session) -> bool {
        self.turn < ended_turns(session) || self.sequence < session.last_sequence || !self.failures.is_empty()
    }
}

/// How many turns have ended: all but the one that runs.
pub(in crate::session) fn ended_turns(session: &Session) -> u64 {
    session.turn_count.saturating_sub(u64::from(session.running_turn.is_some()))
}

impl Storage {
    /// Is there an outbox? Writes nothing.
    pub(in crate::session) fn has_outbox(&self) -> Result<bool> {
        self.sql.has_table("reported")
    }

    /// How far reports go; `None` before the first. Only where there is an outbox.
    pub(in crate::session) fn reported(&self) -> Result<Option<Reported>> {
        self.sql.row(READ, &[])?.map(|row| read_reported(&row)).transpose()
    }

    /// Turns that have ended after turn `after`; with `has_broken_off` also one that has come to no end.
    pub(in crate::session) fn turns_after(&self, after: u64, has_broken_off: bool) -> Result<Vec<TurnsRecord>> {
        let rows = self.sql.rows(TURNS, &[after.into(), has_broken_off.into()])?;
        let read = |row: &Row| {
            let (model, at) = (row.text(0)?, row.integer(1)?);
            let (count, errors, prompt_tokens, completion_tokens) = (row.count(2)?, row.count(3)?, row.count(4)?, row.count(5)?);
            Ok(TurnsRecord { at, model, count, errors, prompt_tokens, completion_tokens })
        };
        rows.iter().map(read).collect()
    }

    /// Puts a report into the outbox, and notes that reports go up to `turn` and `sequence`.
    pub(in crate::session) fn add_report(&self, report: &ReportRecord, turn: u64, sequence: u64, now: Timestamp) -> Result<()> {
        let json = platform::encode("report", report)?;
        self.sql.run(&INSERT, &[report.number.into(), (&json).into()])?;
        let (session, life, number) = (&report.session, report.life, report.number);
        self.sql.run(&SAVE, &[session.into(), life.into(), number.into(), turn.into(), sequence.into(), now.millis().into()])
    }

    /// The oldest reports, at most `limit`.
    pub(in crate::session) fn oldest_reports(&self, limit: u32) -> Result<Vec<ReportRecord>> {
        let read = |json: String| platform::decode("report", &json);
        self.sql.rows(OLDEST, &[limit.into()])?.iter().map(|row| row.text(0).and_then(read)).collect()
    }

    /// Notes that the reports up to `number` are acknowledged.
    pub(in crate::session) fn delete_reports(&self, number: u64) -> Result<()> {
        self.sql.run(&DELETE, &[number.into()])
    }

    /// Counts a failure, for the next report.
    pub(in crate::session) fn count_failure(&self, upkeep: Upkeep) -> Result<()> {
        if self.has_outbox()? { self.sql.run(&COUNT_FAILURE, &[upkeep.name().into()]) } else { Ok(()) }
    }

    /// Removes everything but the outbox.
    pub(in crate::session) fn keep_outbox(&self) -> Result<()> {
        DROP_REST.iter().try_for_each(|drop| self.sql.run(drop, &[]))
    }
}

fn read_reported(row: &Row) -> Result<Reported> {
    Ok(Reported {
        session: row.text(0)?,
        life: Timestamp::from_millis(row.integer(1)?),
        number: row.count(2)?,
        turn: row.count(3)?,
        sequence: row.count(4)?,
        at: Timestamp::from_millis(row.integer(5)?),
        failures: platform::decode("failures", &row.text(6)?)?,
        has_reports: row.integer(7)? != 0,
    })
}
