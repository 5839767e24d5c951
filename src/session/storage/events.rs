//! What has happened in the latest turns, for clients that follow or come back: many events to a row, so that a long
//! answer takes tens of rows.
//!
//! The first event of a turn is not stored: what is known of the turn says the same. Its last are with those of other turns in
//! `recent`, if they fit there. Events are forgotten some time after their turn's end.

use super::{Storage, Stored};
use crate::{
    domain::{memory::Emptied, time::Timestamp, turn::event::Numbered},
    error::Result,
    limits,
    platform::{self, sql::Write},
    session::record::turn::EventRecord,
};

pub(super) const CREATE: Write = Write::new(
    "create table if not exists event (
       turn integer not null, sequence integer not null, events text not null, primary key (turn, sequence)
     ) strict, without rowid",
);
const INSERT: Write = Write::new("insert into event (turn, sequence, events) values (?, ?, ?)");
const FIND: &str = "select events from event where turn = ? order by sequence";
const REPLACE: Write = Write::new("update event set events = ? where turn = ? and sequence = ?");
// No row is written when there is nothing to forget.
const FORGET: Write = Write::new("delete from event where turn in (select number from turn where number < ? and ended_at < ?)");
const DELETE_OTHERS: Write = Write::new("delete from event where turn <> ?");
pub(super) const DELETE_ALL: Write = Write::new("delete from event");

impl Storage {
    /// Stores events of a turn that follow those that are stored.
    pub(in crate::session) fn insert_events(&self, turn: u64, events: &[Numbered]) -> Result<()> {
        let Some(first) = events.first() else { return Ok(()) };
        let json = encode(events)?;
        if json.len() > limits::ROW_BYTES && events.len() > 1 {
            let (earlier, later) = events.split_at_checked(events.len().div_ceil(2)).unwrap_or_default();
            return self.insert_events(turn, earlier).and_then(|()| self.insert_events(turn, later));
        }
        self.sql.run(&INSERT, &[turn.into(), first.sequence.into(), (&json).into()])
    }

    /// The stored events of a turn.
    pub(in crate::session) fn events(&self, turn: u64) -> Result<Vec<Numbered>> {
        let mut events = Vec::new();
        for row in self.sql.rows(FIND, &[turn.into()])? {
            events.extend(decode(&row.text(0)?)?);
        }
        events.extend(self.recent_events(turn)?);
        Ok(events)
    }

    /// Wipes from the stored events of a turn what memories were taught that are emptied now.
    pub(in crate::session) fn forget_values(&self, turn: u64, emptied: Emptied) -> Result<()> {
        for row in self.sql.rows(FIND, &[turn.into()])? {
            let events = decode(&row.text(0)?)?;
            let mut left = events.clone();
            left.iter_mut().for_each(|event| event.forget(emptied));
            if let Some(first) = left.first().filter(|_| left != events) {
                self.sql.run(&REPLACE, &[(&encode(&left)?).into(), turn.into(), first.sequence.into()])?;
            }
        }
        Ok(())
    }

    /// Forgets the events of every turn but the one that runs.
    pub(in crate::session) fn delete_events(&self, but: Option<u64>) -> Result<()> {
        self.delete_recent_events()?;
        self.sql.run(&DELETE_OTHERS, &[but.unwrap_or(0).into()])
    }

    /// Forgets the events of turns before `turn` that had ended by `ended_by`.
    pub(in crate::session) fn forget_events(&self, stored: &mut Stored, turn: u64, ended_by: Timestamp) -> Result<()> {
        self.forget_recent_events(stored, ended_by)?;
        self.sql.run(&FORGET, &[turn.into(), ended_by.millis().into()])
    }
}

pub(super) fn encode(events: &[Numbered]) -> Result<String> {
    let records: Vec<EventRecord> = events.iter().map(EventRecord::from).collect();
    platform::encode("events", &records)
}

pub(super) fn decode(json: &str) -> Result<Vec<Numbered>> {
    let records: Vec<EventRecord> = platform::decode("events", json)?;
    records.into_iter().map(Numbered::try_from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_format_unchanged() {
        let written = r#"[{"sequence":1,"delta":"a"},{"sequence":2,"delta":"b"}]"#;
        assert_eq!(encode(&decode(written).unwrap()).unwrap(), written);
    }
}
