//! What was answered to requests that have a key: repeated, they get the same answer and nothing is done twice.
//!
//! An answer is kept as it left the object, and as long as the session. Until a turn has one, its number is kept: the
//! column then holds `{"turn":3}`.

use serde::{Deserialize, Serialize};

use super::{FORMAT, Storage};
use crate::{
    domain::id::{Repeatable, RequestKey},
    error::{Error, Result},
    limits,
    platform::sql::{Row, Write},
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
    pub(in crate::session) outcome: Outcome,
}

/// What came of a request.
pub(in crate::session) enum Outcome {
    /// This answer.
    Answer(String),
    /// A turn that has no answer, or none yet.
    Turn(u64),
}

/// A turn in place of an answer. Answers are JSON objects with other fields.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTurnNumber {
    turn: u64,
}

impl Storage {
    /// What is kept under `key`.
    pub(in crate::session) fn kept(&self, key: &RequestKey) -> Result<Option<Kept>> {
        let row = self.sql.row(FIND, &[key.as_str().into()])?;
        row.map(|row| Ok(Kept { payload: row.text(0)?, outcome: decode(row.text(1)?) })).transpose()
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
        self.sql.run(&INSERT_OR_REPLACE, &[request.key.as_str().into(), (&request.payload).into(), (&encode(turn)?).into()])
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

fn encode(turn: u64) -> Result<String> {
    serde_json::to_string(&StoredTurnNumber { turn }).map_err(|e| Error::Internal(format!("turn number: {e}")))
}

fn decode(stored: String) -> Outcome {
    match serde_json::from_str(&stored) {
        Ok(StoredTurnNumber { turn }) => Outcome::Turn(turn),
        Err(_) => Outcome::Answer(stored),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_number_format_unchanged() {
        assert_eq!(encode(3).unwrap(), r#"{"turn":3}"#);
        assert!(matches!(decode(r#"{"turn":3}"#.into()), Outcome::Turn(3)));
        let answer = r#"{"ok":{"turn":{"number":3}}}"#;
        assert!(matches!(decode(answer.into()), Outcome::Answer(text) if text == answer));
    }
}
