//! What a counter object keeps in SQLite: the only SQL about counts.
//!
//! Format 1: one row in `meta`; a row a heading in `tally`, of kind `total`, `persona`, `model`, `hour` or `day`; a row a kind of
//! failure in `failure`; in `applied` the number of the last report that was counted, by session and life, until a day after its end.
//! All but `applied` is bounded: names by [`NAMES`], hours and days by how long a `Bucket` is kept. The tables exist only when something
//! was counted. Every method is to be called within `Context::atomically`.

use std::{cell::Cell, collections::BTreeMap, time::Duration};

use super::protocol::{CountsRecord, EndedRecord, ReportRecord, Sums, TallyRecord};
use crate::{
    domain::{
        stats::{Bucket, Counts, Ending},
        time::Timestamp,
        turn::named,
    },
    error::{Error, Result},
    platform::sql::{Row, Sql, Value, Write},
};

/// Version of the format below.
const FORMAT: i64 = 1;
/// Personas, and models, that are counted by name; those that come later are counted under [`OTHER`].
const NAMES: u64 = 64;
/// See [`NAMES`].
const OTHER: &str = "other";
/// For so long after a session's end it is known which of its reports were counted. They are repeated within an hour.
const KNOWN_AFTER_END: Duration = Duration::from_secs(24 * 60 * 60);
/// So many rows are forgotten at a time.
const FORGET_ROWS: u32 = 10_000;

const CREATE_META: Write = Write::new(
    "create table if not exists meta (only integer primary key check (only = 1), version integer not null, alarm_at integer) strict",
);
const CREATE_TALLY: Write = Write::new(
    "create table if not exists tally (
       kind text not null, name text not null, start integer not null, created integer not null, deleted integer not null,
       expired integer not null, evicted integer not null, erased integer not null, messages integer not null, turns integer not null,
       errors integer not null, prompt_tokens integer not null, completion_tokens integer not null, primary key (kind, name, start)
     ) strict, without rowid",
);
const CREATE_FAILURE: Write =
    Write::new("create table if not exists failure (name text primary key, count integer not null) strict, without rowid");
const CREATE_APPLIED: Write = Write::new(
    "create table if not exists applied (
       session text not null, life integer not null, number integer not null, forget_at integer, primary key (session, life)
     ) strict, without rowid",
);
const CREATE_FORGET: Write = Write::new("create index if not exists applied_forget_at on applied (forget_at) where forget_at is not null");
const WRITE_META: Write = Write::new("insert or ignore into meta (only, version) values (1, ?)");
const READ_META: &str = "select version, alarm_at from meta";
const SET_ALARM: Write = Write::new("update meta set alarm_at = ?");
const LAST_APPLIED: &str = "select number, forget_at from applied where session = ? and life = cast(? as integer)";
const SET_APPLIED: Write = Write::new("insert or replace into applied (session, life, number, forget_at) values (?, ?, ?, ?)");
const FORGET: Write = Write::new(
    "delete from applied where (session, life) in (
       select session, life from applied where forget_at is not null and forget_at < cast(? as integer) limit cast(? as integer))",
);
const HAS_DUE: &str = "select 1 from applied where forget_at is not null and forget_at < cast(? as integer) limit 1";
const HAS_MORE: &str = "select 1 from applied where forget_at is not null union all select 1 from tally where kind = 'hour' limit 1";
const ADD: Write = Write::new(
    "insert into tally (kind, name, start, created, deleted, expired, evicted, erased, messages, turns, errors, prompt_tokens, completion_tokens)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict do update set created = created + excluded.created, deleted = deleted + excluded.deleted, expired = expired + excluded.expired,
       evicted = evicted + excluded.evicted, erased = erased + excluded.erased, messages = messages + excluded.messages,
       turns = turns + excluded.turns, errors = errors + excluded.errors, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
       completion_tokens = completion_tokens + excluded.completion_tokens",
);
const HAS_NAME: &str = "select 1 from tally where kind = ? and name = ? and start = 0";
const COUNT_NAMES: &str = "select count(*) from tally where kind = ?";
const HOURS_BEFORE: &str = "select kind, name, start, created, deleted, expired, evicted, erased, messages, turns, errors, prompt_tokens,
  completion_tokens from tally where kind = 'hour' and name = '' and start < cast(? as integer)";
const DELETE_BEFORE: Write = Write::new("delete from tally where kind = ? and name = '' and start < cast(? as integer)");
const HEADINGS: &str = "select kind, name, start, created, deleted, expired, evicted, erased, messages, turns, errors, prompt_tokens,
  completion_tokens from tally where kind in ('total', 'persona', 'model')";
const BUCKETS: &str = "select kind, name, start, created, deleted, expired, evicted, erased, messages, turns, errors, prompt_tokens,
  completion_tokens from tally where kind = ? and name = '' and start >= cast(? as integer) and start < cast(? as integer)";
const ADD_FAILURES: Write =
    Write::new("insert into failure (name, count) values (?, ?) on conflict do update set count = count + excluded.count");
const FAILURES: &str = "select name, count from failure";

/// What a pass has left to tidy up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Untidy {
    Nothing,
    /// It is not long ago yet.
    Later,
    /// More than one pass takes.
    Due,
}

/// A heading under which something is counted: kind, name, start.
type Heading = (&'static str, String, Timestamp);

/// The object's database.
pub(super) struct Storage {
    sql: Sql,
    has_schema: Cell<bool>,
}

impl Storage {
    pub(super) fn new(sql: Sql) -> Storage {
        Storage { sql, has_schema: Cell::new(false) }
    }

    /// Counts a report, unless it or one after it was counted.
    pub(super) fn apply(&self, report: ReportRecord, now: Timestamp) -> Result<()> {
        self.create_schema()?;
        let key: [Value; 2] = [(&report.session).into(), report.life.into()];
        let last = self.sql.row(LAST_APPLIED, &key)?;
        let forget_at = last.as_ref().map_or(Ok(None), |row| row.optional_integer(1))?;
        if last.map_or(Ok(0), |row| row.count(0))? >= report.number {
            return Ok(());
        }
        // One that comes after the end, of what fails then, puts that off.
        let forget_at = (report.ended.is_some() || forget_at.is_some()).then(|| now.plus(KNOWN_AFTER_END).millis());
        self.sql.run(&SET_APPLIED, &[(&report.session).into(), report.life.into(), report.number.into(), forget_at.into()])?;
        self.add_failures(&report.failures)?;
        for (heading, counts) in self.headings(report, now)? {
            self.add(&heading, counts)?;
        }
        Ok(())
    }

    /// Counts failures that are in no report.
    pub(super) fn fail(&self, failures: &BTreeMap<String, u64>) -> Result<()> {
        self.create_schema()?;
        self.add_failures(failures)
    }

    /// What is counted, and of the buckets those of that kind that begin in `since..until`.
    pub(super) fn read(&self, bucket: Bucket, since: i64, until: i64) -> Result<Sums> {
        if !self.has_schema()? {
            return Ok(Sums { tallies: Vec::new(), failures: BTreeMap::new() });
        }
        let in_range = |kind: Bucket, since: i64, until: i64| self.sql.rows(BUCKETS, &[kind.name().into(), since.into(), until.into()]);
        let mut rows = self.sql.rows(HEADINGS, &[])?;
        rows.extend(in_range(bucket, since, until)?);
        let mut tallies = rows.iter().map(read_tally).collect::<Result<Vec<_>>>()?;
        if bucket == Bucket::Day {
            // Hours that are no part of their day yet; of a day that begins in the range all of them.
            let [since, until] = [since, until].map(Timestamp::from_millis).map(first_day_from);
            for row in &in_range(Bucket::Hour, since.millis(), until.millis())? {
                let hour = read_tally(row)?;
                tallies.push(TallyRecord { start: Bucket::Day.start_of(Timestamp::from_millis(hour.start)).millis(), ..hour });
            }
        }
        let failures = self.sql.rows(FAILURES, &[])?;
        let failures = failures.iter().map(|row| Ok((row.text(0)?, row.count(1)?))).collect::<Result<_>>()?;
        Ok(Sums { tallies, failures })
    }

    /// Makes days of hours, and forgets what is long ago, as much as one pass can.
    pub(super) fn tidy(&self, now: Timestamp) -> Result<Untidy> {
        if !self.has_schema()? {
            return Ok(Untidy::Nothing);
        }
        let [hours, days] = Bucket::ALL.map(|bucket| now.minus(bucket.kept()).millis());
        for row in self.sql.rows(HOURS_BEFORE, &[hours.into()])? {
            let TallyRecord { start, counts, .. } = read_tally(&row)?;
            let day = Bucket::Day.start_of(Timestamp::from_millis(start));
            self.add(&(Bucket::Day.name(), String::new(), day), counts.into())?;
        }
        self.sql.run(&DELETE_BEFORE, &[Bucket::Hour.name().into(), hours.into()])?;
        self.sql.run(&DELETE_BEFORE, &[Bucket::Day.name().into(), days.into()])?;
        self.sql.run(&FORGET, &[now.millis().into(), FORGET_ROWS.into()])?;
        let is_due = self.sql.row(HAS_DUE, &[now.millis().into()])?.is_some();
        Ok(match self.sql.row(HAS_MORE, &[])? {
            Some(_) if is_due => Untidy::Due,
            Some(_) => Untidy::Later,
            None => Untidy::Nothing,
        })
    }

    /// When the alarm is set to go off.
    pub(super) fn alarm_at(&self) -> Result<Option<Timestamp>> {
        let row = if self.has_schema()? { self.sql.row(READ_META, &[])? } else { None };
        Ok(row.map_or(Ok(None), |row| row.optional_integer(1))?.map(Timestamp::from_millis))
    }

    /// Notes when the alarm is set to go off.
    pub(super) fn set_alarm(&self, at: Option<Timestamp>) -> Result<()> {
        self.sql.run(&SET_ALARM, &[at.map(Timestamp::millis).into()])
    }

    fn add_failures(&self, failures: &BTreeMap<String, u64>) -> Result<()> {
        failures.iter().try_for_each(|(name, count)| self.sql.run(&ADD_FAILURES, &[name.into(), (*count).into()]))
    }

    /// Under which headings a report counts what.
    fn headings(&self, report: ReportRecord, now: Timestamp) -> Result<BTreeMap<Heading, Counts>> {
        let mut sums: BTreeMap<Heading, Counts> = BTreeMap::new();
        let mut count = |heading: Heading, counts: Counts| {
            let sum = sums.entry(heading).or_default();
            *sum = sum.plus(counts);
        };
        let nowhen = Timestamp::from_millis(0);
        let persona = self.counted_name("persona", report.persona.clone())?;
        for (at, model, counts) in facts(report)? {
            count(("total", String::new(), nowhen), counts);
            count(("persona", persona.clone(), nowhen), counts);
            if let Some(model) = model {
                count(("model", self.counted_name("model", model)?, nowhen), counts);
            }
            if let Some((bucket, start)) = Bucket::for_event(Timestamp::from_millis(at), now) {
                count((bucket.name(), String::new(), start), counts);
            }
        }
        Ok(sums)
    }

    /// The name that is counted for `name`.
    fn counted_name(&self, kind: &'static str, name: String) -> Result<String> {
        if self.sql.row(HAS_NAME, &[kind.into(), (&name).into()])?.is_some() {
            return Ok(name);
        }
        let names = self.sql.row(COUNT_NAMES, &[kind.into()])?.map_or(Ok(0), |row| row.count(0))?;
        Ok(if names < NAMES { name } else { OTHER.to_owned() })
    }

    fn add(&self, (kind, name, start): &Heading, counts: Counts) -> Result<()> {
        let Counts { created, ended: [deleted, expired, evicted, erased], messages, turns, errors, prompt_tokens, completion_tokens } =
            counts;
        let counts = [created, deleted, expired, evicted, erased, messages, turns, errors, prompt_tokens, completion_tokens];
        let heading: [Value; 3] = [(*kind).into(), name.into(), start.millis().into()];
        let values: Vec<Value> = heading.into_iter().chain(counts.map(Value::from)).collect();
        self.sql.run(&ADD, &values)
    }

    fn create_schema(&self) -> Result<()> {
        if self.has_schema()? {
            return Ok(());
        }
        let all = [&CREATE_META, &CREATE_TALLY, &CREATE_FAILURE, &CREATE_APPLIED, &CREATE_FORGET];
        all.into_iter().try_for_each(|create| self.sql.run(create, &[]))?;
        self.sql.run(&WRITE_META, &[FORMAT.into()])
    }

    /// Are there tables, of a format that this version reads?
    fn has_schema(&self) -> Result<bool> {
        // Not known from its making on: that may still be rolled back.
        if !self.has_schema.get() && self.sql.has_table("meta")? {
            let format = self.sql.row(READ_META, &[])?.map_or(Ok(FORMAT), |row| row.integer(0))?;
            if format != FORMAT {
                return Err(Error::Unavailable(format!("counts are stored in format {format}, this version reads {FORMAT}")));
            }
            self.has_schema.set(true);
            return Ok(true);
        }
        Ok(self.has_schema.get())
    }
}

/// What a report says, fact by fact: when, by which model, and what to count.
fn facts(report: ReportRecord) -> Result<Vec<(i64, Option<String>, Counts)>> {
    let mut facts = Vec::new();
    facts.extend(report.began.map(|at| (at, None, Counts { created: 1, ..Counts::default() })));
    facts.extend(report.messages.map(|said| (said.at, None, Counts { messages: said.count, ..Counts::default() })));
    facts.extend(report.turns.into_iter().map(|turns| {
        let (errors, prompt_tokens, completion_tokens) = (turns.errors, turns.prompt_tokens, turns.completion_tokens);
        (turns.at, Some(turns.model), Counts { turns: turns.count, errors, prompt_tokens, completion_tokens, ..Counts::default() })
    }));
    if let Some(EndedRecord { how, at }) = report.ended {
        // Of a newer version, which is being deployed: then it is repeated.
        let ending = named(&Ending::ALL, Ending::name, &how).ok_or_else(|| Error::Unavailable(format!("ending {how}")))?;
        facts.push((at, None, Counts::of_ending(ending)));
    }
    Ok(facts)
}

/// The first day that begins at `at` or later.
fn first_day_from(at: Timestamp) -> Timestamp {
    let start = Bucket::Day.start_of(at);
    if start == at { at } else { start.plus(Bucket::Day.length()) }
}

fn read_tally(row: &Row) -> Result<TallyRecord> {
    let counts = Counts {
        created: row.count(3)?,
        ended: [row.count(4)?, row.count(5)?, row.count(6)?, row.count(7)?],
        messages: row.count(8)?,
        turns: row.count(9)?,
        errors: row.count(10)?,
        prompt_tokens: row.count(11)?,
        completion_tokens: row.count(12)?,
    };
    Ok(TallyRecord { kind: row.text(0)?, name: row.text(1)?, start: row.integer(2)?, counts: CountsRecord::from(counts) })
}
