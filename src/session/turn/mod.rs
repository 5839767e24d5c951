//! Turns: what a call does with them. Each function here is part of one synchronous burst.
//!
//! `begin` writes a turn down; `run` asks the model while the object serves other calls; `ending` puts the outcome into the history; `log` is what
//! clients follow meanwhile. One turn runs at a time: it is the lock of the conversation.

mod begin;
mod ending;
pub(super) mod log;
pub(super) mod run;

use std::{rc::Rc, time::Duration};

use log::{Log, Stop, Tail};

use crate::{
    domain::{
        id::Repeatable,
        message::{Message, NewMessage},
        time::Timestamp,
        turn::{
            Turn, TurnKind,
            event::{Ended, Event, Numbered},
        },
    },
    error::{Error, Result, Subject},
    model::Settings,
    session::{
        object::{Object, Outcome},
        protocol::Begun,
        record::turn::EndedRecord,
        storage::{Stored, StoredTurn},
    },
};

/// For so long after a turn's end its events can be followed.
const EVENTS_KEPT: Duration = Duration::from_secs(10 * 60);

/// A turn that a call has begun: what `run` needs.
pub(super) struct Begin {
    log: Rc<Log>,
    session_created_at: Timestamp,
    idle_timeout: Duration,
    prompt: Vec<NewMessage>,
    settings: Settings,
    /// How much of the answer is there already, in bytes: what a continued one had.
    answer_bytes: usize,
}

impl Begin {
    /// Where its events will be.
    pub(super) fn log(&self) -> Rc<Log> {
        Rc::clone(&self.log)
    }
}

impl Object {
    /// The turn that runs, if one does.
    pub(super) fn running(&self) -> Option<Rc<Log>> {
        self.log.borrow().as_ref().filter(|log| !log.is_over()).cloned()
    }

    /// One turn at a time.
    ///
    /// # Errors
    /// `TurnInProgress`.
    pub(super) fn check_idle(&self) -> Result<()> {
        if self.running().is_some() { Err(Error::TurnInProgress) } else { Ok(()) }
    }

    /// Has the turn that runs stop, if it is the one that is meant.
    pub(super) fn stop(&self, stored: &Stored, wanted: Option<u64>, repeatable: Option<&Repeatable>) -> Result<Outcome> {
        let running = self.running().filter(|log| wanted.is_none_or(|wanted| wanted == log.turn));
        if let Some(log) = running {
            log.stop(Stop::Wanted);
            return Ok(Outcome::Stopped(log, repeatable.cloned()));
        }
        let last = wanted.unwrap_or(stored.session.turn_count);
        self.stopped(false, last).map(Outcome::Answer)
    }

    /// Which turn there is to follow, and from where on.
    ///
    /// Numbers of events begin anew with each turn. Who names no turn may mean an earlier one: who has seen its end, or
    /// more than there is, is told everything. The event that a turn begins with says that it is another one.
    pub(super) fn follow(&self, stored: &Stored, wanted: Option<u64>, after: Option<u64>, now: Timestamp) -> Result<Option<Begun>> {
        let turn = wanted.unwrap_or(stored.session.turn_count);
        let Some(StoredTurn { turn: told, .. }) = self.storage.turn(turn)? else { return Ok(None) };
        if told.ended_at.is_some_and(|ended_at| now.since(ended_at) >= EVENTS_KEPT) {
            return Ok(None);
        }
        let log = self.log_of(turn)?;
        let last = log.last_sequence();
        let is_of_another = match (wanted, after) {
            (None, Some(_)) => after > last || (turn > 1 && after == self.storage.last_event(turn.saturating_sub(1))?),
            (Some(_), Some(_)) => after > last && !log.is_over(),
            (_, None) => false,
        };
        let after = after.filter(|_| !is_of_another);
        let has_more = !log.is_over() || last.is_some_and(|last| after.is_none_or(|after| after < last));
        Ok(has_more.then_some(Begun { turn, after }))
    }

    /// A turn and its answer as they are now.
    pub(super) fn turn_record(&self, number: u64) -> Result<EndedRecord> {
        let StoredTurn { turn, .. } = self.storage.turn(number)?.ok_or(Error::NotFound(Subject::Turn))?;
        let answer = self.answer_of(&turn)?;
        Ok((&Ended { turn, answer, session: None }).into())
    }

    /// Follows the events of turn `number`.
    pub(super) fn tail(&self, begun: &Begun) -> Result<Tail> {
        Ok(Tail::new(self.log_of(begun.turn)?, begun.after))
    }

    /// The log of turn `number`, as it is in memory or in storage.
    fn log_of(&self, number: u64) -> Result<Rc<Log>> {
        if let Some(log) = self.log.borrow().as_ref().filter(|log| log.turn == number) {
            return Ok(Rc::clone(log));
        }
        let StoredTurn { turn, .. } = self.storage.turn(number)?.ok_or(Error::NotFound(Subject::Turn))?;
        let mut events = vec![Numbered { sequence: 0, event: Event::Accepted(turn.at_its_beginning()) }];
        events.extend(self.storage.events(number)?);
        if events.len() == 1 {
            events.extend(self.in_short(turn)?);
        }
        Log::of_ended(number, &events).map(Rc::new)
    }

    /// The events of a turn whose own are forgotten.
    fn in_short(&self, turn: Turn) -> Result<Vec<Numbered>> {
        let answer = self.answer_of(&turn)?;
        // The message of a continued answer is more than the turn has said: its end shows the whole.
        let said = answer.as_ref().filter(|_| turn.kind != TurnKind::Continue);
        let text = said.and_then(|answer| answer.body.content.clone()).map(Event::Delta);
        let has_failed = turn.has_failed();
        let ended = Box::new(Ended { turn, answer, session: None });
        let events = text.into_iter().chain([if has_failed { Event::Failed(ended) } else { Event::Done(ended) }]);
        Ok((1..).zip(events).map(|(sequence, event)| Numbered { sequence, event }).collect())
    }

    /// The message that holds a turn's answer, wherever it is now.
    fn answer_of(&self, turn: &Turn) -> Result<Option<Message>> {
        match turn.answer_sequence {
            Some(sequence) => self.storage.message_anywhere(sequence),
            None => Ok(None),
        }
    }
}
