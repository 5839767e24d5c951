//! What was answered to requests that have a key: repeated, they get the same answer and nothing is done twice.
//!
//! An answer is kept as it left the object, and as long as the session.

use super::Storage;
use crate::{
    domain::id::{Repeatable, RequestKey},
    error::{Error, Result},
    limits,
    platform::sql::Write,
};

pub(super) const CREATE: Write = Write::new(
    "create table if not exists answer (key text primary key, payload text not null, answer text not null) strict, without rowid",
);
const FIND: &str = "select payload, answer from answer where key = ?";
const INSERT: Write = Write::new("insert into answer (key, payload, answer) values (?, ?, ?)");
const DELETE_ALL: Write = Write::new("delete from answer");

/// What is kept under a key.
pub(in crate::session) struct Kept {
    /// Digest of what was asked.
    pub(in crate::session) payload: String,
    /// What was answered.
    pub(in crate::session) answer: String,
}

impl Storage {
    /// What is kept under `key`.
    pub(in crate::session) fn answer_of(&self, key: &RequestKey) -> Result<Option<Kept>> {
        let row = self.sql.row(FIND, &[key.as_str().into()])?;
        row.map(|row| Ok(Kept { payload: row.text(0)?, answer: row.text(1)? })).transpose()
    }

    /// Keeps `answer` under the request's key.
    pub(in crate::session) fn keep_answer(&self, request: &Repeatable, answer: &str) -> Result<()> {
        if answer.len() > limits::ROW_BYTES {
            return Err(Error::TooLarge { field: "body".into(), limit_bytes: limits::ROW_BYTES });
        }
        self.sql.run(&INSERT, &[request.key.as_str().into(), (&request.payload).into(), answer.into()])
    }

    /// Removes every answer.
    pub(in crate::session) fn delete_answers(&self) -> Result<()> {
        self.sql.run(&DELETE_ALL, &[])
    }
}
