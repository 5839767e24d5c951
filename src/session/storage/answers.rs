//! What was answered to requests that have a key: repeated, they get the same answer and nothing is done twice.
//!
//! An answer is kept as it left the object, and as long as the session. Until a turn has one, its number is kept: the
//! column then holds `{"turn":3}`. So it does for a turn whose answer is too large for a row, which is put together again
//! when it is asked for; there stands beside it what only the turn knew: `{"turn":3,"memory":[...],"messages":[5,6]}`.

use serde::{Deserialize, Serialize};

use super::{FORMAT, Storage};
use crate::{
    domain::{
        id::{Repeatable, RequestKey},
        memory::MemoryChange,
        turn::Turn,
    },
    error::{Error, Result},
    limits,
    platform::{
        self,
        sql::{Row, Write},
    },
    session::record::turn::MemoryChangeRecord,
};

pub(super) const CREATE: Write = Write::new(
    "create table if not exists answer (key text primary key, payload text not null, answer text not null) strict, without rowid",
);
const FIND: &str = "select payload, answer from answer where key = ?";
const INSERT: Write = Write::new("insert into answer (key, payload, answer) values (?, ?, ?)");
const INSERT_OR_REPLACE: Write = Write::new("insert or replace into answer (key, payload, answer) values (?, ?, ?)");
const NEXT: &str = "select key, answer from answer where key > ? order by key limit 1";
const REPLACE: Write = Write::new("update answer set answer = ? where key = ?");
pub(super) const DELETE_ALL: Write = Write::new("delete from answer");

const DELETE: Write = Write::new("delete from answer where key = ?");
/// Under this, which can be no request's key, stands who is importing, before there is a session: its token, and as
/// payload the format of the tables.
const IMPORT: &str = "\u{1}import";

/// What is kept under a key.
pub(in crate::session) struct Kept {
    /// Digest of what was asked.
    pub(in crate::session) payload: String,
    /// What came of it.
    pub(in crate::session) outcome: KeptOutcome,
}

/// What came of a request.
pub(in crate::session) enum KeptOutcome {
    /// This answer.
    Answer(String),
    /// A turn that has no answer, none yet, or a large one.
    Turn(KeptTurn),
}

/// A turn in place of an answer.
pub(in crate::session) struct KeptTurn {
    pub(in crate::session) number: u64,
    /// What was remembered and forgotten in it, if its answer is large.
    pub(in crate::session) memory: Vec<MemoryChange>,
}

/// A [`KeptTurn`]. Answers are JSON objects with other fields.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKeptTurn {
    turn: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    memory: Vec<MemoryChangeRecord>,
    /// Numbers of the messages that the memory goes with when they are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<u64>,
}

impl Storage {
    /// What is kept under `key`.
    pub(in crate::session) fn kept(&self, key: &RequestKey) -> Result<Option<Kept>> {
        let row = self.sql.row(FIND, &[key.as_str().into()])?;
        row.map(|row| Ok(Kept { payload: row.text(0)?, outcome: decode(row.text(1)?)? })).transpose()
    }

    /// Keeps `answer` under the request's key.
    pub(in crate::session) fn keep_answer(&self, request: &Repeatable, answer: &str) -> Result<()> {
        if answer.len() > limits::ROW_BYTES {
            return Err(Error::TooLarge { field: "body".into(), limit_bytes: limits::ROW_BYTES });
        }
        self.sql.run(&INSERT, &[request.key.as_str().into(), (&request.payload).into(), answer.into()])
    }

    /// Keeps the number of the turn that the request has begun; also in place of an earlier one.
    pub(in crate::session) fn keep_turn(&self, request: &Repeatable, turn: u64) -> Result<()> {
        let kept = platform::encode("kept turn", &StoredKeptTurn { turn, memory: Vec::new(), messages: Vec::new() })?;
        self.sql.run(&INSERT_OR_REPLACE, &[request.key.as_str().into(), (&request.payload).into(), (&kept).into()])
    }

    /// Keeps beside the turn's number, for an answer that is too large for a row, what was remembered and forgotten.
    pub(in crate::session) fn keep_memory(&self, key: &str, turn: &Turn, memory: Vec<MemoryChange>) -> Result<()> {
        let messages = [turn.input_sequence].into_iter().chain(turn.answer_sequence).collect();
        let memory = memory.into_iter().map(MemoryChangeRecord::from).collect();
        let kept = platform::encode("kept turn", &StoredKeptTurn { turn: turn.number, memory, messages })?;
        // Values of a megabyte in all may outgrow a row in their turn; the number stays.
        if kept.len() <= limits::ROW_BYTES { self.replace_answer(key, &kept) } else { Ok(()) }
    }

    /// Notes that `token` is importing a session.
    pub(in crate::session) fn set_importing(&self, token: &str) -> Result<()> {
        self.sql.run(&INSERT_OR_REPLACE, &[IMPORT.into(), (&FORMAT.to_string()).into(), token.into()])
    }

    /// Who is importing a session, into tables of today's format.
    pub(in crate::session) fn importing(&self) -> Result<Option<String>> {
        let row = if self.has_schema.get() { self.sql.row(FIND, &[IMPORT.into()])? } else { None };
        let is_current = |row: &Row| row.text(0).is_ok_and(|format| format == FORMAT.to_string());
        row.filter(is_current).map(|row| row.text(1)).transpose()
    }

    /// Notes that nobody is importing any more.
    pub(in crate::session) fn end_import(&self) -> Result<()> {
        self.sql.run(&DELETE, &[IMPORT.into()])
    }

    /// What is kept under the first key after `key`, with that key: all at once may be more than the memory holds.
    pub(in crate::session) fn answer_after(&self, key: &str) -> Result<Option<(String, String)>> {
        self.sql.row(NEXT, &[key.into()])?.map(|row| Ok((row.text(0)?, row.text(1)?))).transpose()
    }

    /// Puts another answer in the place of the one, or of the turn's number, that is kept.
    pub(in crate::session) fn replace_answer(&self, key: &str, answer: &str) -> Result<()> {
        self.sql.run(&REPLACE, &[answer.into(), key.into()])
    }
}

fn decode(stored: String) -> Result<KeptOutcome> {
    let Ok(StoredKeptTurn { turn, memory, messages: _ }) = serde_json::from_str(&stored) else { return Ok(KeptOutcome::Answer(stored)) };
    let memory = memory.into_iter().map(MemoryChange::try_from).collect::<Result<_>>()?;
    Ok(KeptOutcome::Turn(KeptTurn { number: turn, memory }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_turn_format_unchanged() {
        let learned = r#"{"turn":3,"memory":[{"is_of_user":true,"key":"name","value":"\"Ann\"","source":"rule"}],"messages":[5,6]}"#;
        for (written, count) in [(r#"{"turn":3}"#, 0), (learned, 1)] {
            assert_eq!(platform::encode("kept turn", &serde_json::from_str::<StoredKeptTurn>(written).unwrap()).unwrap(), written);
            let Ok(KeptOutcome::Turn(KeptTurn { number: 3, memory })) = decode(written.into()) else { panic!("{written}") };
            assert_eq!(memory.len(), count);
        }
        let answer = r#"{"ok":{"turn":{"number":3}}}"#;
        assert!(matches!(decode(answer.into()), Ok(KeptOutcome::Answer(text)) if text == answer));
    }
}
