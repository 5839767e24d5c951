//! The events of the latest turns that have ended, in the session's row, which is written at the end of a turn anyway: a row of
//! their own would be one more to write, and another when it is forgotten. What a turn has stored before its end, and what does
//! not fit here, is in `events`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Storage, Stored, events};
use crate::{
    domain::{time::Timestamp, turn::event::Numbered},
    error::{Error, Result},
    platform::{self, sql::Write},
};

const READ: &str = "select recent_events from session";
const FORGET: Write = Write::new("update session set recent_events = '[]' where recent_events <> '[]'");

/// So much fits into the row, which is written at the beginning and the end of each turn.
const RECENT_BYTES: usize = 64 * 1024;

/// The last events of a turn.
#[derive(Serialize, Deserialize)]
struct RecentRecord {
    turn: u64,
    ended_at: i64,
    events: Box<RawValue>,
}

impl Storage {
    /// Keeps the last events of turn `number`, which has ended at `now`: with the row of `stored`, which is to be saved, if
    /// they fit there.
    pub(in crate::session) fn keep_events(&self, stored: &mut Stored, number: u64, events: &[Numbered], now: Timestamp) -> Result<()> {
        let mut recent = self.recent()?;
        let kept_bytes = recent.iter().fold(0_usize, |sum, kept| sum.saturating_add(kept.events.get().len()));
        let json = events::encode(events)?;
        if kept_bytes.saturating_add(json.len()) > RECENT_BYTES {
            return self.insert_events(number, events);
        }
        let events = RawValue::from_string(json).map_err(|e| Error::Internal(format!("events: {e}")))?;
        recent.push(RecentRecord { turn: number, ended_at: now.millis(), events });
        stored.recent_events = Some(platform::encode("events", &recent)?);
        Ok(())
    }

    /// The last events of turn `number`, if they are here.
    pub(super) fn recent_events(&self, number: u64) -> Result<Vec<Numbered>> {
        match self.recent()?.into_iter().find(|kept| kept.turn == number) {
            Some(kept) => events::decode(kept.events.get()),
            None => Ok(Vec::new()),
        }
    }

    /// Forgets the events of turns that had ended by `ended_by`, when `stored` is saved.
    pub(in crate::session) fn forget_recent_events(&self, stored: &mut Stored, ended_by: Timestamp) -> Result<()> {
        let mut recent = self.recent()?;
        let count = recent.len();
        recent.retain(|kept| kept.ended_at >= ended_by.millis());
        if recent.len() < count {
            stored.recent_events = Some(platform::encode("events", &recent)?);
        }
        Ok(())
    }

    /// Forgets them all, now.
    pub(super) fn delete_recent_events(&self) -> Result<()> {
        self.sql.run(&FORGET, &[])
    }

    fn recent(&self) -> Result<Vec<RecentRecord>> {
        let Some(row) = self.sql.row(READ, &[])? else { return Ok(Vec::new()) };
        platform::decode("events", &row.text(0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_format_unchanged() {
        let written = r#"[{"turn":1,"ended_at":2,"events":[{"sequence":1,"delta":"a"}]}]"#;
        let read: Vec<RecentRecord> = serde_json::from_str(written).unwrap();
        assert_eq!(platform::encode("events", &read).unwrap(), written);
    }
}
