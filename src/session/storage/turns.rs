//! The turns of a session: a row each, under their number.

use super::Storage;
use crate::{
    domain::{
        time::Timestamp,
        turn::{Finish, Turn, tokens::Usage},
    },
    error::Result,
    platform::sql::{Row, Write},
    session::record::{
        failure_named,
        turn::{finish_named, kind_named, state_named},
    },
};

pub(super) const CREATE: Write = Write::new(
    "create table if not exists turn (
       number integer primary key, kind text not null, state text not null, input_sequence integer not null, answer_sequence integer,
       model text not null, started_at integer not null, ended_at integer, finish text, failure text,
       prompt_tokens integer, completion_tokens integer, is_estimate integer, key text
     ) strict",
);
const SAVE: Write = Write::new(
    "insert or replace into turn (number, kind, state, input_sequence, answer_sequence, model, started_at, ended_at, finish, failure,
       prompt_tokens, completion_tokens, is_estimate, key)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);
const FIND: &str = "select number, kind, state, input_sequence, answer_sequence, model, started_at, ended_at, finish, failure,
  prompt_tokens, completion_tokens, is_estimate, key from turn where number = ?";
pub(super) const DELETE_ALL: Write = Write::new("delete from turn");

/// Everything in a turn's row.
pub(in crate::session) struct StoredTurn {
    pub(in crate::session) turn: Turn,
    /// The key of the request that began it.
    pub(in crate::session) key: Option<String>,
}

impl Storage {
    /// Writes a turn's row.
    pub(in crate::session) fn save_turn(&self, stored: &StoredTurn) -> Result<()> {
        let turn = &stored.turn;
        self.sql.run(
            &SAVE,
            &[
                turn.number.into(),
                turn.kind.name().into(),
                turn.state.name().into(),
                turn.input_sequence.into(),
                turn.answer_sequence.into(),
                (&turn.model).into(),
                turn.started_at.millis().into(),
                turn.ended_at.map(Timestamp::millis).into(),
                turn.finish.map(Finish::name).into(),
                turn.failure.map(|failure| failure.code()).into(),
                turn.usage.map(|usage| usage.prompt_tokens).into(),
                turn.usage.map(|usage| usage.completion_tokens).into(),
                turn.usage.map(|usage| usage.is_estimate).into(),
                stored.key.as_ref().into(),
            ],
        )
    }

    /// Turn `number`.
    pub(in crate::session) fn turn(&self, number: u64) -> Result<Option<StoredTurn>> {
        self.sql.row(FIND, &[number.into()])?.map(|row| read_turn(&row)).transpose()
    }
}

fn read_turn(row: &Row) -> Result<StoredTurn> {
    let usage = match (row.optional_count(10)?, row.optional_count(11)?, row.optional_integer(12)?) {
        (Some(prompt_tokens), Some(completion_tokens), Some(is_estimate)) => {
            Some(Usage { prompt_tokens, completion_tokens, is_estimate: is_estimate != 0 })
        }
        (_, _, _) => None,
    };
    let turn = Turn {
        number: row.count(0)?,
        kind: kind_named(&row.text(1)?)?,
        state: state_named(&row.text(2)?)?,
        input_sequence: row.count(3)?,
        answer_sequence: row.optional_count(4)?,
        model: row.text(5)?,
        started_at: Timestamp::from_millis(row.integer(6)?),
        ended_at: row.optional_integer(7)?.map(Timestamp::from_millis),
        finish: row.optional_text(8)?.as_deref().map(finish_named).transpose()?,
        failure: row.optional_text(9)?.as_deref().map(failure_named).transpose()?,
        usage,
    };
    Ok(StoredTurn { turn, key: row.optional_text(13)? })
}
