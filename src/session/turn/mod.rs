//! Turns: what a call does with them. Each function here is part of one synchronous burst.
//!
//! `begin` writes a turn down; `context` says what the model is told, `preview` shows that to clients, `tools` is what it may
//! remember with; `run` asks the model while the object serves other calls, `draft` is what it has said so far; `ending` puts
//! the outcome into the history; `log` is what clients follow meanwhile; `look_back` makes titles and summaries afterwards,
//! `observed` tells the log. One turn runs at a time: it is the lock of the conversation.

mod begin;
pub(super) mod context;
mod draft;
mod ending;
pub(super) mod log;
mod look_back;
mod observed;
mod preview;
pub(super) mod run;
mod tools;

use std::{rc::Rc, time::Duration};

use context::Gathered;
use log::{Follower, Log, Stop};

use crate::{
    domain::{
        id::Repeatable,
        message::Message,
        session::Session,
        time::Timestamp,
        turn::{
            Turn, TurnKind,
            event::{EVENTS_A_TURN, Ended, Event, Numbered},
        },
    },
    error::{Error, Result, Subject},
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
    running: Running,
    gathered: Gathered,
}

/// A turn that runs.
struct Running {
    log: Rc<Log>,
    /// The session and the turn as they were when it began.
    session: Session,
    turn: Turn,
    /// How much of the answer is there already, in bytes: what a continued one had.
    answer_bytes: usize,
}

impl Begin {
    /// Where its events will be.
    pub(super) fn log(&self) -> Rc<Log> {
        Rc::clone(&self.running.log)
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

    /// Which turn there is to follow, and from where on: after event `after` of turn `seen`.
    ///
    /// Who wants no turn in particular and comes from an earlier one is told the rest of that first, and comes back.
    pub(super) fn follow(
        &self,
        stored: &Stored,
        wanted: Option<u64>,
        after: Option<u64>,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Result<Option<Begun>> {
        let newest = stored.session.turn_count;
        if let (None, Some(seen)) = (wanted, seen.filter(|seen| *seen < newest))
            && let Some(rest) = self.rest_of(seen, after, now)?
        {
            return Ok(Some(rest));
        }
        let turn = wanted.unwrap_or(newest);
        self.rest_of(turn, after.filter(|_| seen.is_none_or(|seen| seen == turn)), now)
    }

    fn rest_of(&self, turn: u64, after: Option<u64>, now: Timestamp) -> Result<Option<Begun>> {
        let Some(StoredTurn { turn: told, .. }) = self.storage.turn(turn)? else { return Ok(None) };
        if told.ended_at.is_some_and(|ended_at| now.since(ended_at) >= EVENTS_KEPT) {
            return Ok(None);
        }
        let log = self.log_of(turn)?;
        let last = log.last_sequence();
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
    pub(super) fn follower(&self, begun: &Begun) -> Result<Follower> {
        Ok(Follower::new(self.log_of(begun.turn)?, begun.after))
    }

    /// The log of turn `number`, as it is in memory or in storage.
    fn log_of(&self, number: u64) -> Result<Rc<Log>> {
        if let Some(log) = self.log.borrow().as_ref().filter(|log| log.turn == number) {
            return Ok(Rc::clone(log));
        }
        let StoredTurn { turn, .. } = self.storage.turn(number)?.ok_or(Error::NotFound(Subject::Turn))?;
        let mut events = vec![Numbered { sequence: 0, event: Event::Accepted(turn.at_its_beginning()) }];
        events.extend(self.storage.events(number)?);
        self.make_whole(&mut events, turn)?;
        Log::of_ended(number, &events).map(Rc::new)
    }

    /// Adds what the events of a turn lack that has ended: all of them when its own are forgotten, the last when it could
    /// not be stored.
    fn make_whole(&self, events: &mut Vec<Numbered>, turn: Turn) -> Result<()> {
        let last = match events.last() {
            None | Some(Numbered { event: Event::Done(_) | Event::Failed(_), .. }) => return Ok(()),
            Some(last) => last.sequence,
        };
        let answer = self.answer_of(&turn)?;
        // The message of a continued answer is more than the turn has said: its end shows the whole.
        let said = answer.as_ref().filter(|_| last == 0 && turn.kind != TurnKind::Continue);
        let text = said.and_then(|answer| answer.body.content.clone()).map(Event::Delta);
        let end = if turn.has_failed() { Event::Failed } else { Event::Done };
        let end = end(Box::new(Ended { turn, answer, session: None }));
        events.extend(text.map(|event| Numbered { sequence: 1, event }));
        // After everything that a reader can have had.
        events.push(Numbered {
            sequence: if last == 0 { EVENTS_A_TURN.saturating_sub(1) } else { last.saturating_add(ending::ROOM) },
            event: end,
        });
        Ok(())
    }

    /// The message that holds a turn's answer, wherever it is now.
    fn answer_of(&self, turn: &Turn) -> Result<Option<Message>> {
        match turn.answer_sequence {
            Some(sequence) => self.storage.message_anywhere(sequence),
            None => Ok(None),
        }
    }
}
