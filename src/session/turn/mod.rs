//! Turns: what a call does with them. Each function here is part of one synchronous burst.
//!
//! `run` asks the model while the object serves other calls; `ending` puts the outcome into the history; `log` is what
//! clients follow meanwhile. One turn runs at a time: it is the lock of the conversation.

mod ending;
pub(super) mod log;
pub(super) mod run;

use std::{rc::Rc, time::Duration};

use log::{Log, Stop, Tail};

use crate::{
    config::Config,
    domain::{
        history::prompt,
        id::Repeatable,
        message::{Message, NewMessage},
        time::Timestamp,
        turn::{
            Turn, TurnKind, TurnState,
            event::{Ended, Event, Numbered},
        },
    },
    error::{Error, Result, Subject},
    limits,
    model::Settings,
    session::{
        object::{Object, Outcome},
        protocol::{Begun, PageRequest, Redo, TurnOptions},
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

/// What a turn is to do.
struct Task {
    kind: TurnKind,
    /// The message to answer, or the answer to go on with.
    input_sequence: u64,
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

    /// Appends what is said and begins a turn that answers it.
    pub(super) fn begin_chat(
        &self,
        stored: &mut Stored,
        said: Vec<NewMessage>,
        options: TurnOptions,
        repeatable: Option<&Repeatable>,
        now: Timestamp,
    ) -> Result<Outcome> {
        self.check_idle()?;
        self.append(stored, said, None, now)?;
        let task = Task { kind: TurnKind::Reply, input_sequence: stored.session.last_sequence };
        self.begin_turn(stored, &task, options, repeatable, now)
    }

    /// Begins a turn about what is there already.
    pub(super) fn begin_again(
        &self,
        stored: &mut Stored,
        redo: Redo,
        options: TurnOptions,
        repeatable: Option<&Repeatable>,
        now: Timestamp,
    ) -> Result<Outcome> {
        self.check_idle()?;
        let task = match redo {
            Redo::Regenerate => {
                let said = self.storage.last_said(true)?;
                let input_sequence = said.ok_or_else(|| Error::NotPossible("Nothing has been said that could be answered".into()))?;
                Task { kind: TurnKind::Regenerate, input_sequence }
            }
            Redo::Continue => {
                let input_sequence = stored.session.last_sequence;
                let last = self.storage.message(input_sequence)?;
                if !last.is_some_and(|last| last.body.cut.is_some() && last.body.tool_calls.is_empty()) {
                    return Err(Error::NotPossible("The last message is no answer that was cut off".into()));
                }
                Task { kind: TurnKind::Continue, input_sequence }
            }
            Redo::Edit(message) => {
                let said = self.storage.last_said(false)?;
                let edited = said.ok_or_else(|| Error::NotPossible("The user has said nothing that could be edited".into()))?;
                let replaced_by = stored.session.last_sequence.saturating_add(1);
                self.set_aside(stored, edited.saturating_sub(1), replaced_by)?;
                self.append(stored, vec![message.try_into()?], Some(edited), now)?;
                Task { kind: TurnKind::Reply, input_sequence: stored.session.last_sequence }
            }
        };
        self.begin_turn(stored, &task, options, repeatable, now)
    }

    /// A request whose turn has no answer, or none yet, is sent again: it joins the turn, or runs it again.
    pub(super) fn take_up(
        &self,
        stored: &mut Stored,
        number: u64,
        options: TurnOptions,
        repeatable: &Repeatable,
        now: Timestamp,
    ) -> Result<Outcome> {
        if let Some(log) = self.running().filter(|log| log.turn == number) {
            return if options.streams { begun(number) } else { Ok(Outcome::Reply(log)) };
        }
        let StoredTurn { turn, .. } = self.storage.turn(number)?.ok_or_else(|| Error::Internal(format!("no turn {number}")))?;
        let last_sequence = stored.session.last_sequence;
        let has_gone_on = match turn.kind {
            TurnKind::Reply => last_sequence != turn.answer_sequence.unwrap_or(turn.input_sequence),
            TurnKind::Regenerate => self.storage.last_said(true)? != Some(turn.input_sequence),
            TurnKind::Continue => last_sequence != turn.input_sequence,
        };
        if has_gone_on || number != stored.session.turn_count {
            return Err(turn.failure.map_or_else(
                || Error::NotPossible("The turn was interrupted, and the conversation has gone on since".into()),
                |failure| Error::Model { failure, cause: "an earlier failure, asked for again".into() },
            ));
        }
        let task = Task { kind: turn.kind, input_sequence: turn.input_sequence };
        self.begin_turn(stored, &task, options, Some(repeatable), now)
    }

    /// Writes the turn down. It runs when the burst is over, and exists from then on.
    fn begin_turn(
        &self,
        stored: &mut Stored,
        task: &Task,
        options: TurnOptions,
        repeatable: Option<&Repeatable>,
        now: Timestamp,
    ) -> Result<Outcome> {
        let session = &mut stored.session;
        let settings = Config::from_env(&self.env)?.model.settle(options.wishes.into(), &session.persona)?;
        session.turn_count = session.turn_count.saturating_add(1);
        session.touch(now);
        session.running_turn = Some(session.turn_count);
        let turn = Turn {
            number: session.turn_count,
            kind: task.kind,
            state: TurnState::Running,
            input_sequence: task.input_sequence,
            answer_sequence: None,
            model: settings.model.clone(),
            started_at: now,
            ended_at: None,
            finish: None,
            failure: None,
            usage: None,
        };
        if let Some(repeatable) = repeatable {
            self.storage.keep_turn(repeatable, turn.number)?;
        }
        self.storage.forget_events(turn.number, now.minus(EVENTS_KEPT))?;
        let log = Rc::new(Log::new(turn.number));
        log.push(&Numbered { sequence: 0, event: Event::Accepted(turn.clone()) })?;
        let history = self.history(task.input_sequence)?;
        let answer_bytes = history.last().and_then(|last| last.content.as_ref()).map_or(0, String::len);
        let (prompt, answer_bytes) = match task.kind {
            TurnKind::Continue => (prompt::to_go_on_with(history), answer_bytes),
            TurnKind::Reply | TurnKind::Regenerate => (prompt::of(history), 0),
        };
        let number = turn.number;
        self.storage.save_turn(&StoredTurn { turn, key: repeatable.map(|request| request.key.as_str().to_owned()) })?;
        let begin = Begin { log: Rc::clone(&log), session_created_at: stored.session.created_at, prompt, settings, answer_bytes };
        *self.begin.borrow_mut() = Some(begin);
        if options.streams { begun(number) } else { Ok(Outcome::Reply(log)) }
    }

    /// What the model may see of the messages up to `sequence`.
    fn history(&self, sequence: u64) -> Result<Vec<NewMessage>> {
        let newest = PageRequest {
            after: None,
            before: Some(sequence.saturating_add(1)),
            offset: 0,
            limit: limits::CONTEXT_MESSAGES,
            newest_first: false,
        };
        Ok(self.storage.page(&newest, limits::CONTEXT_BYTES)?.into_iter().map(|message| message.body).collect())
    }

    /// Takes every message after `sequence` out of the history; gives the first of them.
    fn set_aside(&self, stored: &mut Stored, sequence: u64, replaced_by: u64) -> Result<Option<u64>> {
        if stored.session.last_sequence <= sequence {
            return Ok(None);
        }
        let (first, count) = self.storage.set_aside(sequence, replaced_by)?;
        stored.session.message_count = stored.session.message_count.saturating_sub(count);
        Ok(first)
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

    /// Which turn there is to follow.
    pub(super) fn follow(&self, stored: &Stored, wanted: Option<u64>, after: Option<u64>, now: Timestamp) -> Result<Option<Begun>> {
        let turn = wanted.unwrap_or(stored.session.turn_count);
        if let Some(log) = self.running().filter(|log| log.turn == turn) {
            drop(log);
            return Ok(Some(Begun { turn, after }));
        }
        let Some(StoredTurn { turn: ended, .. }) = self.storage.turn(turn)? else { return Ok(None) };
        let is_kept = ended.ended_at.is_some_and(|ended_at| now.since(ended_at) < EVENTS_KEPT);
        let has_more = is_kept && self.log_of(turn)?.last_sequence().is_some_and(|last| after.is_none_or(|after| after < last));
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
        let text = answer.as_ref().and_then(|answer| answer.body.content.clone()).map(Event::Delta);
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

fn begun(turn: u64) -> Result<Outcome> {
    super::object::answer(&Begun { turn, after: None }).map(Outcome::Answer)
}
