//! The turns of a session: a row each, under their number, written at their end. How the one that runs has begun is in the session's
//! row, which is written then anyway; until format 7 it had a row of its own from the beginning.

use serde::{Deserialize, Serialize};

use super::{Storage, Stored};
use crate::{
    domain::{
        time::Timestamp,
        turn::{Finish, Turn, tokens::Usage},
    },
    error::Result,
    platform::{
        self,
        sql::{Row, Write},
    },
    session::record::{
        failure_named,
        turn::{TurnRecord, finish_named, kind_named, state_named},
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
const BEGINNING: &str = "select beginning from session where running_turn = ?";
const WRITE_RUNNING: Write = Write::new(
    "insert or ignore into turn (number, kind, state, input_sequence, model, started_at, key)
     select running_turn, json_extract(beginning, '$.turn.kind'), 'running', json_extract(beginning, '$.turn.input_sequence'),
       json_extract(beginning, '$.turn.model'), json_extract(beginning, '$.turn.started_at'), json_extract(beginning, '$.key')
     from session where running_turn is not null and json_valid(beginning)",
);
const GIVE_UP: Write = Write::new("update turn set state = 'interrupted', ended_at = started_at where state = 'running'");
pub(super) const DELETE_ALL: Write = Write::new("delete from turn");

/// Everything in a turn's row.
pub(in crate::session) struct StoredTurn {
    pub(in crate::session) turn: Turn,
    /// The key of the request that began it.
    pub(in crate::session) key: Option<String>,
}

/// The same in the session's row.
#[derive(Serialize, Deserialize)]
struct BeginningRecord {
    turn: TurnRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Stored {
    /// Notes that a turn has begun.
    pub(in crate::session) fn begin_turn(&mut self, stored: &StoredTurn) -> Result<()> {
        let record = BeginningRecord { turn: (&stored.turn).into(), key: stored.key.clone() };
        self.beginning = Some(platform::encode("turn", &record)?);
        self.session.running_turn = Some(stored.turn.number);
        Ok(())
    }
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
        match self.sql.row(FIND, &[number.into()])? {
            Some(row) => read_turn(&row).map(Some),
            None => {
                self.sql.row(BEGINNING, &[number.into()])?.map_or(Ok(None), |row| row.optional_text(0)?.map(read_beginning).transpose())
            }
        }
    }

    /// Gives the turn that runs a row of its own, where all turns are looked at.
    pub(in crate::session) fn write_running(&self) -> Result<()> {
        self.sql.run(&WRITE_RUNNING, &[])
    }

    /// Notes that turns that ran have been interrupted, whatever is wrong with them.
    pub(super) fn give_up_turns(&self) -> Result<()> {
        self.write_running()?;
        self.sql.run(&GIVE_UP, &[])
    }
}

fn read_beginning(json: String) -> Result<StoredTurn> {
    let record: BeginningRecord = platform::decode("turn", &json)?;
    Ok(StoredTurn { turn: record.turn.try_into()?, key: record.key })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_format_unchanged() {
        let written =
            r#"{"turn":{"number":2,"kind":"reply","state":"running","input_sequence":4,"model":"some-model","started_at":5},"key":"k"}"#;
        let read = read_beginning(written.to_owned()).unwrap();
        assert_eq!((read.turn.number, read.turn.input_sequence, read.key.as_deref()), (2, 4, Some("k")));
        let record = BeginningRecord { turn: (&read.turn).into(), key: read.key };
        assert_eq!(serde_json::to_string(&record).unwrap(), written);
    }
}
