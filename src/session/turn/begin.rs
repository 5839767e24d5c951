//! The beginning of a turn, from what is said to the row that says that it exists.

use std::rc::Rc;

use super::{Begin, EVENTS_KEPT, Running, log::Log};
use crate::{
    domain::{
        history::pairing::OpenCalls,
        memory::Emptied,
        message::{Message, NewMessage, Role},
        speech::profile::Profile,
        time::Timestamp,
        turn::{
            Turn, TurnKind, TurnState,
            event::{Event, Numbered},
        },
    },
    error::{Error, Result},
    limits,
    session::{
        object::{Asker, Object, Outcome, answer},
        protocol::{Begun, Redo, TurnOptions},
        storage::{KeptTurn, Stored, StoredTurn},
    },
};

/// What a turn is to do.
struct Task {
    kind: TurnKind,
    /// The message to answer, or the answer to go on with.
    input_sequence: u64,
}

impl Object {
    /// Appends what is said and begins a turn that answers it.
    pub(in crate::session) fn begin_chat(
        &self,
        stored: &mut Stored,
        said: Vec<NewMessage>,
        options: TurnOptions,
        asker: Asker<'_>,
    ) -> Result<Outcome> {
        self.check_idle()?;
        adapt(stored, said.iter());
        let questions = said.iter().filter(|message| message.role == Role::User).count();
        stored.session.query_count = stored.session.query_count.saturating_add(u64::try_from(questions).unwrap_or(0));
        self.append(stored, said, None, asker.now)?;
        let task = Task { kind: TurnKind::Reply, input_sequence: stored.session.last_sequence };
        self.begin_turn(stored, &task, options, asker)
    }

    /// Begins a turn about what is there already.
    pub(in crate::session) fn begin_again(
        &self,
        stored: &mut Stored,
        redo: Redo,
        options: TurnOptions,
        asker: Asker<'_>,
    ) -> Result<Outcome> {
        self.check_idle()?;
        let task = match redo {
            Redo::Regenerate => {
                let said = self.storage.last_said(true)?;
                let input_sequence = said.ok_or_else(|| Error::NotPossible("Nothing has been said that could be answered".into()))?;
                Task { kind: TurnKind::Regenerate, input_sequence }
            }
            Redo::Continue => Task { kind: TurnKind::Continue, input_sequence: check_cut(self.storage.last_message()?)? },
            Redo::Edit(message) => {
                let said = self.storage.last_said(false)?;
                let edited = said.ok_or_else(|| Error::NotPossible("The user has said nothing that could be edited".into()))?;
                let replaced_by = stored.session.last_sequence.saturating_add(1);
                self.set_aside(stored, edited.saturating_sub(1), replaced_by)?;
                let said = vec![message.try_into()?];
                adapt(stored, said.iter());
                self.append(stored, said, Some(edited), asker.now)?;
                Task { kind: TurnKind::Reply, input_sequence: stored.session.last_sequence }
            }
        };
        self.begin_turn(stored, &task, options, asker)
    }

    /// A request whose turn has no answer, or none yet, is sent again: it joins the turn, or runs it again.
    pub(in crate::session) fn take_up(
        &self,
        stored: &mut Stored,
        kept: KeptTurn,
        options: TurnOptions,
        asker: Asker<'_>,
    ) -> Result<Outcome> {
        let KeptTurn { number, memory } = kept;
        if let Some(log) = self.running().filter(|log| log.turn == number) {
            return if options.streams { begun(number) } else { Ok(Outcome::Reply(log)) };
        }
        let StoredTurn { turn, .. } = self.storage.turn(number)?.ok_or_else(|| Error::Internal(format!("no turn {number}")))?;
        let last_sequence = stored.session.last_sequence;
        if !turn.has_failed() && options.streams {
            return begun(number);
        }
        if !turn.has_failed() {
            // Its answer is too large to be kept as it left.
            let answer = self.answer_of(&turn)?;
            return self.answered(stored, &turn, answer, memory).map(Outcome::Answer);
        }
        let is_there = self.storage.message(turn.input_sequence)?.is_some_and(|input| input.removed_at.is_none());
        let has_gone_on = match turn.kind {
            _ if !is_there => true,
            TurnKind::Reply => last_sequence != turn.answer_sequence.unwrap_or(turn.input_sequence),
            TurnKind::Regenerate => self.storage.last_said(true)? != Some(turn.input_sequence),
            TurnKind::Continue => last_sequence != turn.input_sequence,
        };
        if has_gone_on || number != stored.session.turn_count {
            return Err(Error::NotPossible("This turn has failed, and the conversation has gone on since".into()));
        }
        let task = Task { kind: turn.kind, input_sequence: turn.input_sequence };
        self.begin_turn(stored, &task, options, asker)
    }

    /// Writes the turn down. It runs when the burst is over, and exists from then on.
    fn begin_turn(&self, stored: &mut Stored, task: &Task, options: TurnOptions, asker: Asker<'_>) -> Result<Outcome> {
        let Asker { repeatable, now, .. } = asker;
        let mut input_sequence = task.input_sequence;
        if input_sequence == stored.session.last_sequence {
            self.close_calls(stored, now)?;
            input_sequence = stored.session.last_sequence;
        }
        let streams = options.streams;
        self.emptied.set(Emptied::default());
        self.is_late.set(false);
        let gathered = self.gather(stored, input_sequence, task.kind, options.wishes.into())?;
        let session = &mut stored.session;
        session.turn_count = session.turn_count.saturating_add(1);
        session.touch(now);
        session.last_persona = Some(session.persona.clone());
        let turn = Turn {
            number: session.turn_count,
            kind: task.kind,
            state: TurnState::Running,
            input_sequence,
            answer_sequence: None,
            model: gathered.model.model.clone(),
            started_at: now,
            ended_at: None,
            finish: None,
            failure: None,
            usage: None,
        };
        if let Some(repeatable) = repeatable {
            self.storage.keep_turn(repeatable, turn.number)?;
        }
        self.storage.forget_events(stored, turn.number, now.minus(EVENTS_KEPT))?;
        let log = Rc::new(Log::new(turn.number));
        log.push(&Numbered { sequence: 0, event: Event::Accepted(turn.clone()) })?;
        let number = turn.number;
        stored.begin_turn(&StoredTurn { turn: turn.clone(), key: repeatable.map(|request| request.key.as_str().to_owned()) })?;
        let running = Running { log: Rc::clone(&log), session: stored.session.clone(), turn, answer_bytes: gathered.answer_bytes() };
        *self.begin.borrow_mut() = Some(Begin { running, gathered });
        if streams { begun(number) } else { Ok(Outcome::Reply(log)) }
    }

    /// Puts stubs where results are missing at the end: the model is asked now.
    fn close_calls(&self, stored: &mut Stored, now: Timestamp) -> Result<()> {
        let tail = self.storage.tail()?;
        let stubs = OpenCalls::at_end_of(tail.iter().map(|message| &message.body)).stubs();
        if stubs.is_empty() { Ok(()) } else { self.append(stored, stubs, None, now).map(drop) }
    }

    /// Takes every message after `sequence` but instructions out of the history; gives the first of them.
    pub(super) fn set_aside(&self, stored: &mut Stored, sequence: u64, replaced_by: u64) -> Result<Option<u64>> {
        if stored.session.last_sequence <= sequence {
            return Ok(None);
        }
        self.storage.forget_from(stored, sequence.saturating_add(1))?;
        let (first, count) = self.storage.set_aside(sequence, replaced_by)?;
        stored.session.message_count = stored.session.message_count.saturating_sub(count);
        Ok(first)
    }
}

/// Moves the session's profile by what its user says.
fn adapt<'a>(stored: &mut Stored, said: impl Iterator<Item = &'a NewMessage>) {
    let texts = said.filter(|message| message.role == Role::User).filter_map(|message| message.content.as_deref());
    stored.session.profile = texts.fold(stored.session.profile, Profile::moved_by);
}

/// The number of the last message, if there can be more of it.
fn check_cut(last: Option<Message>) -> Result<u64> {
    let rule = match last {
        Some(Message { sequence, body: NewMessage { cut: Some(_), content: Some(text), tool_calls, .. }, .. }) if tool_calls.is_empty() => {
            match text.len() {
                0 => "The last answer has no text to go on with; regenerate it",
                limits::MESSAGE_BYTES.. => "The last answer is as long as an answer can be",
                _ => return Ok(sequence),
            }
        }
        Some(_) | None => "The last message is no answer that was cut off",
    };
    Err(Error::NotPossible(rule.into()))
}

fn begun(turn: u64) -> Result<Outcome> {
    answer(&Begun { turn, after: None }).map(Outcome::Answer)
}
