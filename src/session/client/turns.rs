//! Turns as the edge asks for them: what a model is asked, and what comes of it, whole or event by event.

use std::time::Duration;

use super::SessionClient;
use crate::{
    domain::{
        memory::MemoryChange,
        message::{Message, NewMessage},
        session::{NewSession, Precondition, Session, SessionPatch},
        turn::{
            Turn, Wishes,
            event::{Ended, Event, Numbered, Place},
        },
    },
    error::{Error, Result},
    platform::{self, lines::Lines},
    session::{
        protocol::{Answered, Begun, Call, Chat, Redo, Stopped, TurnOptions},
        record::{
            turn::{EndedRecord, EventRecord},
            version::encode_precondition,
        },
    },
    trace::{self, TurnNote},
};

/// What a model is asked for.
#[derive(Clone)]
pub(crate) enum Ask {
    /// An answer to this.
    Chat {
        /// What the user says, if anything.
        message: Option<NewMessage>,
        /// Results of the tools that it wanted called.
        results: Vec<NewMessage>,
        /// The session to begin with it, if one is to begin.
        create: Option<NewSession>,
        /// What it changes in the session, if anything; nothing when it is refused, or was asked before.
        patch: Option<Box<SessionPatch>>,
    },
    /// Another answer to what was said last.
    Regenerate,
    /// The rest of an answer that was cut off.
    Continue,
    /// An answer to this in place of what the user said last.
    Edit(NewMessage),
}

/// How it is to answer.
#[derive(Clone)]
pub(crate) struct Manner {
    /// What the client wishes of the model.
    pub wishes: Wishes,
    /// Wait for the turn that is running, instead of being refused.
    pub waits: bool,
    /// What must be true of the session before.
    pub precondition: Precondition,
}

/// A turn that has an answer.
pub(crate) struct Answer {
    /// The session after it.
    pub session: Session,
    /// What was answered: a user's message, or the last result of a tool.
    pub user: Message,
    /// The answer.
    pub assistant: Message,
    /// Who answered.
    pub model: String,
    /// The turn; absent when it was kept by version 0.1.
    pub turn: Option<Turn>,
    /// What was remembered and forgotten on the way.
    pub memory: Vec<MemoryChange>,
}

impl Answer {
    /// How long its turn took.
    pub(crate) fn took(&self) -> Duration {
        self.turn.as_ref().and_then(|turn| Some(turn.ended_at?.since(turn.started_at))).unwrap_or_default()
    }
}

/// The events of a turn, as they come.
pub(crate) struct Events {
    turn: u64,
    lines: Lines,
}

impl Events {
    /// A stream of what `encode` makes of each event and its place; of `None` when nothing has come for a while.
    ///
    /// # Errors
    /// `Internal` when the platform cannot make it.
    pub(crate) fn map(self, encode: impl Fn(Option<(Place, &Event)>) -> String + 'static) -> Result<web_sys::ReadableStream> {
        let turn = self.turn;
        self.lines.map(move |line| {
            Ok(match line.map(decode_event) {
                None => String::new(),
                Some(Ok(numbered)) => {
                    encode(numbered.as_ref().map(|Numbered { sequence, event }| (Place { turn, sequence: *sequence }, event)))
                }
                Some(Err(error)) => {
                    worker::console_error!("an event is left out: {error:?}");
                    encode(None)
                }
            })
        })
    }

    /// Has `hear` take each event, until the last.
    ///
    /// # Errors
    /// `Unavailable` when they break off.
    pub(crate) async fn for_each(self, mut hear: impl FnMut(&Event)) -> Result<()> {
        let decoded = |line: &str| match decode_event(line) {
            Ok(Some(Numbered { event, .. })) => hear(&event),
            Ok(None) => {}
            Err(error) => worker::console_error!("an event is left out: {error:?}"),
        };
        self.lines.for_each(decoded).await
    }
}

fn decode_event(line: &str) -> Result<Option<Numbered>> {
    if line.is_empty() {
        return Ok(None);
    }
    let record: EventRecord = platform::decode("event", line)?;
    record.try_into().map(Some)
}

impl SessionClient<'_> {
    /// Asks the model and waits for the answer.
    ///
    /// # Errors
    /// `TurnInProgress`, `NotPossible` when the session is in no state for it, `Model` when the model fails.
    pub(crate) async fn answer(&self, ask: Ask, manner: Manner) -> Result<Answer> {
        self.ask_for_answer(self.turn_call(ask, manner, false)).await
    }

    /// The answer that the request has got before, under its key; of a turn that still runs when it has ended.
    ///
    /// # Errors
    /// `NotFound` when it has asked for none; `Model` when the model fails.
    pub(crate) async fn recall_answer(&self) -> Result<Answer> {
        self.ask_for_answer(Call::Recall).await
    }

    async fn ask_for_answer(&self, call: Call) -> Result<Answer> {
        let answered = self.ask::<Answered>(call).await.inspect_err(|error| {
            if let Error::Model { failure, .. } = error {
                trace::note(|trace| *trace.turn.borrow_mut() = Some(TurnNote::failed(*failure)));
            }
        })?;
        let answer = Answer {
            session: answered.session.try_into()?,
            user: answered.user.try_into()?,
            assistant: answered.assistant.try_into()?,
            model: answered.model,
            turn: answered.turn.map(Turn::try_from).transpose()?,
            memory: answered.memory.into_iter().map(MemoryChange::try_from).collect::<Result<_>>()?,
        };
        trace::note(|trace| *trace.turn.borrow_mut() = answer.turn.as_ref().map(TurnNote::from));
        Ok(answer)
    }

    /// Asks the model and gives what happens as it happens.
    ///
    /// # Errors
    /// As [`SessionClient::answer`]; what fails later is an event.
    pub(crate) async fn stream(&self, ask: Ask, manner: Manner) -> Result<Events> {
        let call = self.turn_call(ask, manner, true);
        let (begun, lines) = self.ask_for_stream::<Begun>(call).await?;
        trace::note(|trace| *trace.turn.borrow_mut() = Some(TurnNote::streaming()));
        let events = lines.map(|lines| Events { turn: begun.turn, lines });
        events.ok_or_else(|| Error::Internal("a turn without events".into()))
    }

    /// Follows turn `turn`, or the one that `seen` is of as long as it has more to tell, or the last one: from after `seen`
    /// on. `None`: there is nothing to come.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn follow(&self, turn: Option<u64>, seen: Option<Place>) -> Result<Option<Events>> {
        let call = Call::Follow { turn, after: seen.map(|seen| seen.sequence), seen: seen.map(|seen| seen.turn) };
        let (begun, lines) = self.ask_for_stream::<Option<Begun>>(call).await?;
        Ok(begun.zip(lines).map(|(begun, lines)| Events { turn: begun.turn, lines }))
    }

    /// Has the turn that runs stop, if it is `turn`, and waits for its end. Was there one to stop, and how did the last
    /// one end?
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn stop(&self, turn: Option<u64>) -> Result<(bool, Option<Ended>)> {
        let stopped: Stopped = self.ask(Call::Stop { turn }).await?;
        Ok((stopped.was_running, stopped.last.map(Ended::try_from).transpose()?))
    }

    /// A turn and its answer.
    ///
    /// # Errors
    /// `NotFound` when there is none of that number.
    pub(crate) async fn turn(&self, number: u64) -> Result<Ended> {
        self.ask::<EndedRecord>(Call::Turn { number }).await?.try_into()
    }

    fn turn_call(&self, ask: Ask, manner: Manner, streams: bool) -> Call {
        let if_match = encode_precondition(manner.precondition);
        let options = TurnOptions { wishes: manner.wishes.into(), waits: manner.waits, streams, if_match };
        let redo = match ask {
            Ask::Chat { message, results, create, patch } => {
                return Call::Chat(Chat {
                    message: message.map(Into::into),
                    create: create.map(|new| self.creation(new, Vec::new())),
                    results: results.into_iter().map(Into::into).collect(),
                    options,
                    patch: patch.map(|patch| Box::new((*patch).into())),
                });
            }
            Ask::Regenerate => Redo::Regenerate,
            Ask::Continue => Redo::Continue,
            Ask::Edit(message) => Redo::Edit(message.into()),
        };
        Call::Redo { redo, options }
    }
}
