//! The end of a turn: its outcome becomes part of the history, in one burst.

use crate::{
    domain::{
        id::Repeatable,
        memory::MemoryChange,
        message::{Message, NewMessage, Role, ToolCall},
        session::title_of,
        time::Timestamp,
        turn::{
            Cut, Finish, ModelFailure, Turn, TurnKind, TurnState,
            event::{Ended, Event, Numbered},
            tokens::Usage,
        },
    },
    error::{Error, Result, Subject},
    limits,
    model::Failed,
    platform,
    session::{
        object::{Object, answer},
        protocol::{Answered, Stopped},
        storage::{KeptOutcome, Stored, StoredTurn},
    },
};

/// A gap in the numbers before the end of an interrupted turn: clients may have got events that were not stored yet,
/// and must not take the end for one of them. `draft` never has so many that are not stored.
pub(super) const ROOM: u64 = 1000;

/// What came of a turn.
pub(super) struct TurnOutcome {
    /// The text it got.
    pub(super) text: String,
    /// The number that its next event has.
    pub(super) next_sequence: u64,
    /// Events that are not stored yet.
    pub(super) unstored: Vec<Numbered>,
    /// What was remembered and forgotten on the way.
    pub(super) memory: Vec<MemoryChange>,
    /// What the model was sent, in bytes; `None` when that is not known any more.
    pub(super) prompt_bytes: Option<u64>,
    /// How it ended.
    pub(super) end: End,
}

impl TurnOutcome {
    /// That of a turn whose process is gone, or could not store another one. `last_sequence`: of what clients may have.
    pub(super) fn interrupted(text: String, last_sequence: Option<u64>) -> TurnOutcome {
        let next_sequence = last_sequence.unwrap_or(0).saturating_add(ROOM);
        TurnOutcome { text, next_sequence, unstored: Vec::new(), memory: Vec::new(), prompt_bytes: None, end: End::Interrupted }
    }
}

/// How a turn ended.
pub(super) enum End {
    /// The model came to its end.
    Answered { finish: Finish, tool_calls: Vec<ToolCall>, usage: Option<Usage> },
    /// Somebody stopped it.
    Stopped,
    /// The model failed.
    Failed(Failed),
    /// The process that ran it is gone.
    Interrupted,
}

/// A turn that has ended, and what is to be told of it.
pub(super) struct Concluded {
    /// Events to come after those that everybody has.
    pub(super) events: Vec<Numbered>,
    /// What the call that began it is answered.
    pub(super) reply: Result<String>,
}

impl Object {
    /// Puts the outcome of the session's running turn into the history. `stored` is left for the caller to save.
    pub(super) fn conclude(&self, stored: &mut Stored, outcome: TurnOutcome, now: Timestamp) -> Result<Concluded> {
        let number = stored.session.running_turn.take().ok_or_else(|| Error::Internal("no turn runs".into()))?;
        let StoredTurn { mut turn, key } = self.storage.turn(number)?.ok_or_else(|| Error::Internal(format!("no turn {number}")))?;
        let TurnOutcome { text, next_sequence, mut unstored, mut memory, prompt_bytes, end } = outcome;
        let (answer_bytes, end) = (text.len(), end.that_says_something(turn.kind, &text));

        turn.usage = usage(stored, &end, prompt_bytes, answer_bytes);
        let body = end.message(text);
        let mut happened: Vec<Event> = body.tool_calls.iter().cloned().map(Event::ToolCall).collect();
        let answer = if end.is_kept(&body) { self.store_answer(stored, &turn, body, now)? } else { None };
        turn.answer_sequence = answer.as_ref().map(|answer| answer.sequence);
        turn.ended_at = Some(now);
        end.mark(&mut turn);
        stored.session.touch(now);
        self.take_title(stored, &turn)?;
        if let Some(failure) = turn.failure {
            stored.session.note_failure(failure, now);
        }
        if let (Some(usage), Some(prompt_bytes)) = (turn.usage, prompt_bytes) {
            let answer_bytes = u64::try_from(answer_bytes).unwrap_or(u64::MAX);
            stored.session.tally.add(usage, prompt_bytes.saturating_add(answer_bytes));
            happened.push(Event::Usage(usage));
        }

        let ended = Box::new(Ended { turn: turn.clone(), answer: answer.clone(), session: Some(stored.session.clone()) });
        happened.push(if turn.has_failed() { Event::Failed(ended) } else { Event::Done(ended) });
        let events: Vec<Numbered> = (next_sequence..).zip(happened).map(|(sequence, event)| Numbered { sequence, event }).collect();
        let emptied = self.emptied.get();
        unstored.iter_mut().for_each(|event| event.forget(emptied));
        self.storage.keep_events(stored, number, &[unstored, events.clone()].concat(), now)?;
        let reply = match end.into_failure() {
            Some(error) => Err(error),
            None => self.answered(stored, &turn, answer.clone(), memory.clone()),
        };
        if let (Some(key), Ok(_)) = (&key, &reply) {
            memory.iter_mut().for_each(|change| change.forget(emptied));
            let kept = self.answered(stored, &turn, answer, memory.clone())?;
            self.keep_reply(key, &kept, &turn, memory)?;
        }
        self.storage.save_turn(&StoredTurn { turn, key })?;
        Ok(Concluded { events, reply })
    }

    /// Takes a title from the first exchange, which `turn` may have ended; who removes it later wants none.
    fn take_title(&self, stored: &mut Stored, turn: &Turn) -> Result<()> {
        if turn.state == TurnState::Done && turn.kind == TurnKind::Reply && stored.session.title.is_none() {
            stored.session.title = self.storage.only_said()?.as_deref().and_then(title_of);
            stored.session.is_title_made = stored.session.title.is_some();
        }
        Ok(())
    }

    /// Keeps what the call that began the turn is answered under its key; of a large answer what cannot be put together again.
    fn keep_reply(&self, key: &str, reply: &str, turn: &Turn, memory: Vec<MemoryChange>) -> Result<()> {
        if reply.len() <= limits::ROW_BYTES { self.storage.replace_answer(key, reply) } else { self.storage.keep_memory(key, turn, memory) }
    }

    /// A turn that a lost process was running has ended: what was stored of it is kept. Gives its last events.
    pub(in crate::session) fn conclude_interrupted(&self, stored: &mut Stored) -> Result<Vec<Numbered>> {
        let Some(number) = stored.session.running_turn else { return Ok(Vec::new()) };
        let events = self.storage.events(number)?;
        let last_sequence = events.last().map(|last| last.sequence);
        let deltas = events.into_iter().filter_map(|numbered| match numbered.event {
            Event::Delta(text) => Some(text),
            Event::Accepted(_) | Event::ToolCall(_) | Event::Memory(_) | Event::Usage(_) | Event::Done(_) | Event::Failed(_) => None,
        });
        let outcome = TurnOutcome::interrupted(deltas.collect(), last_sequence);
        self.conclude(stored, outcome, platform::now()).map(|concluded| concluded.events)
    }

    /// Answers a wish that has stopped turn `number`; its repetitions get the same answer, unless the session is gone.
    pub(in crate::session) fn stopped_once(&self, number: u64, repeatable: Option<&Repeatable>) -> Result<String> {
        if self.storage.load()?.is_none_or(|stored| stored.is_ended) {
            return Err(Error::NotFound(Subject::Session));
        }
        let answer = self.stopped(true, number)?;
        let Some(repeatable) = repeatable else { return Ok(answer) };
        self.context.atomically(|| match self.storage.kept(&repeatable.key)?.map(|kept| kept.outcome) {
            Some(KeptOutcome::Answer(kept)) => Ok(kept),
            Some(KeptOutcome::Turn(_)) => Err(Error::KeyReused),
            None => self.storage.keep_answer(repeatable, &answer).map(|()| answer),
        })
    }

    /// Answers a wish to stop turn `number`.
    pub(in crate::session) fn stopped(&self, was_running: bool, number: u64) -> Result<String> {
        let last = match self.turn_record(number) {
            Err(Error::NotFound(_)) => None,
            last => Some(last?),
        };
        answer(&Stopped { was_running, last })
    }

    /// Stores an answer in its place: at the end, instead of an earlier one, or as the rest of one.
    fn store_answer(&self, stored: &mut Stored, turn: &Turn, body: NewMessage, now: Timestamp) -> Result<Option<Message>> {
        if turn.kind == TurnKind::Continue {
            let Some(before) = self.storage.message(turn.input_sequence)? else { return Ok(None) };
            self.storage.forget_from(stored, before.sequence)?;
            let whole = Message { body: joined(before.body, body), ..before };
            self.storage.save_message(&whole)?;
            return Ok(Some(whole));
        }
        let sequence = stored.session.last_sequence.saturating_add(1);
        let replaces = self.set_aside(stored, turn.input_sequence, sequence)?;
        let appended = self.append(stored, vec![body], replaces, now)?;
        Ok(appended.into_iter().last())
    }

    pub(super) fn answered(&self, stored: &Stored, turn: &Turn, assistant: Option<Message>, memory: Vec<MemoryChange>) -> Result<String> {
        let input = match turn.kind {
            TurnKind::Continue => self.storage.last_said(true)?,
            TurnKind::Reply | TurnKind::Regenerate => Some(turn.input_sequence),
        };
        let user = input.map(|input| self.storage.message(input)).transpose()?.flatten();
        let (Some(user), Some(assistant)) = (user, assistant) else {
            return Err(Error::NotPossible("The messages of this turn have been taken out".into()));
        };
        answer(&Answered {
            session: (&stored.session).into(),
            user: user.into(),
            assistant: assistant.into(),
            model: turn.model.clone(),
            turn: Some(turn.into()),
            memory: memory.into_iter().map(Into::into).collect(),
        })
    }
}

impl End {
    /// An end without a word is a failure of the model's; unless an answer goes on, to which there may be nothing to add.
    fn that_says_something(self, kind: TurnKind, text: &str) -> End {
        let failed = |failure, cause: &str| End::Failed(Failed { failure, cause: cause.to_owned() });
        match self {
            End::Answered { finish: Finish::Filtered, ref tool_calls, .. } if text.is_empty() && tool_calls.is_empty() => {
                failed(ModelFailure::Refused, "the provider's filter left nothing")
            }
            End::Answered { finish: Finish::Stop, .. } if kind == TurnKind::Continue => self,
            End::Answered { ref tool_calls, .. } if text.is_empty() && tool_calls.is_empty() => {
                failed(ModelFailure::Unavailable, "the answer was empty")
            }
            End::Answered { .. } | End::Stopped | End::Failed(_) | End::Interrupted => self,
        }
    }

    /// The message that holds what there is.
    fn message(&self, text: String) -> NewMessage {
        let (cut, tool_calls) = match self {
            End::Answered { finish: Finish::Length, tool_calls, .. } => (Some(Cut::Length), tool_calls.clone()),
            End::Answered { tool_calls, .. } => (None, tool_calls.clone()),
            End::Stopped => (Some(Cut::Stopped), Vec::new()),
            End::Failed(_) | End::Interrupted => (Some(Cut::Interrupted), Vec::new()),
        };
        let content = if text.is_empty() && !tool_calls.is_empty() { None } else { Some(text) };
        NewMessage { content, tool_calls, cut, ..NewMessage::text(Role::Assistant, "") }
    }

    /// Of a failure only what was said is kept; who stops before the first word has that as the answer.
    fn is_kept(&self, body: &NewMessage) -> bool {
        match self {
            End::Answered { .. } | End::Stopped => true,
            End::Failed(_) | End::Interrupted => body.content.as_ref().is_some_and(|content| !content.is_empty()),
        }
    }

    fn mark(&self, turn: &mut Turn) {
        match self {
            End::Answered { finish, .. } => (turn.state, turn.finish) = (TurnState::Done, Some(*finish)),
            End::Stopped => turn.state = TurnState::Stopped,
            End::Failed(failed) => (turn.state, turn.failure) = (TurnState::Failed, Some(failed.failure)),
            End::Interrupted => turn.state = TurnState::Interrupted,
        }
    }

    fn into_failure(self) -> Option<Error> {
        match self {
            End::Answered { .. } | End::Stopped => None,
            End::Failed(Failed { failure, cause }) => Some(Error::Model { failure, cause }),
            End::Interrupted => Some(Error::Unavailable("the turn was interrupted".into())),
        }
    }
}

/// What the turn took: what the provider says, or an estimate if it has worked at all.
fn usage(stored: &Stored, end: &End, prompt_bytes: Option<u64>, answer_bytes: usize) -> Option<Usage> {
    let estimate = || Some(stored.session.tally.estimate(prompt_bytes?, u64::try_from(answer_bytes).unwrap_or(u64::MAX)));
    match end {
        End::Answered { usage: Some(usage), .. } => Some(*usage),
        End::Answered { usage: None, .. } | End::Stopped => estimate(),
        End::Failed(_) if answer_bytes > 0 => estimate(),
        End::Failed(_) | End::Interrupted => None,
    }
}

/// An answer and what it goes on with.
fn joined(before: NewMessage, rest: NewMessage) -> NewMessage {
    let content = [before.content, rest.content].into_iter().flatten().collect();
    NewMessage { content: Some(content), tool_calls: rest.tool_calls, cut: rest.cut, ..NewMessage::text(Role::Assistant, "") }
}
