//! The edge's side of the session object: one method per call, domain values in and out.

use std::mem;

use serde::de::DeserializeOwned;
use worker::Env;

use crate::{
    domain::{
        caller::Caller,
        id::{Repeatable, SessionId},
        memory::MemoryChange,
        message::{Message, NewMessage},
        session::{NewSession, Precondition, Session, SessionPatch},
        turn::{
            Turn, Wishes,
            event::{Ended, Event, Numbered, Place},
        },
    },
    error::{Error, Result},
    fault::{Fault, When},
    memory::protocol::MemoryCall,
    platform::{lines::Lines, namespace},
    search::protocol::{Found, SearchCall},
    session::{
        protocol::{
            Answered, Appended, BINDING, Begun, Call, Chat, Copied, Create, Created, Deleted, PageRecord, PageRequest, Popped, Redo,
            Request, Siblings, Stopped, Told, TurnOptions,
        },
        record::{
            CallerRecord, MessageRecord, SessionRecord,
            refusal::Refusal,
            turn::{EndedRecord, EventRecord},
            version::encode_precondition,
        },
    },
};

/// One session, asked on behalf of one caller.
pub(crate) struct SessionClient<'a> {
    env: &'a Env,
    caller: &'a Caller,
    id: &'a SessionId,
    repeatable: Option<&'a Repeatable>,
}

/// A page of messages.
pub(crate) struct Page {
    /// In the order asked for.
    pub messages: Vec<Message>,
    /// How many the session has.
    pub total: u64,
    /// The sequence number of its oldest, 0 when it has none.
    pub first_sequence: u64,
    /// The sequence number of its newest.
    pub last_sequence: u64,
}

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

/// What a model would be told, and why that.
pub(crate) struct Shown {
    /// What it would be sent.
    pub prompt: Vec<NewMessage>,
    /// The rest.
    pub told: Told,
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
}

fn decode_event(line: &str) -> Result<Option<Numbered>> {
    if line.is_empty() {
        return Ok(None);
    }
    let record: EventRecord = serde_json::from_str(line).map_err(|e| Error::Internal(format!("event: {e}")))?;
    record.try_into().map(Some)
}

impl<'a> SessionClient<'a> {
    /// Talks to session `id` for `caller`.
    pub(crate) fn new(env: &'a Env, caller: &'a Caller, id: &'a SessionId) -> SessionClient<'a> {
        SessionClient { env, caller, id, repeatable: None }
    }

    /// The session's id.
    pub(crate) fn id(&self) -> &SessionId {
        self.id
    }

    /// Asks under a key: what was done under it before is answered as before, and not done again.
    ///
    /// Every method then fails with `KeyReused` when that was something else.
    #[must_use]
    pub(crate) fn once(mut self, repeatable: Option<&'a Repeatable>) -> SessionClient<'a> {
        self.repeatable = repeatable;
        self
    }

    /// Begins the session with `messages`, or finds it when it is alive. True: it is new.
    ///
    /// # Errors
    /// `IdTaken` when it is alive and not the caller's.
    pub(crate) async fn create(&self, new: NewSession, messages: Vec<Message>) -> Result<(Session, bool)> {
        let created: Created = self.ask(Call::Create(self.creation(new, messages))).await?;
        Ok((created.session.try_into()?, created.is_new))
    }

    /// The session.
    ///
    /// # Errors
    /// `NotFound` when it is absent, expired or not the caller's; so in every method below.
    pub(crate) async fn get(&self) -> Result<Session> {
        self.ask::<SessionRecord>(Call::Get).await?.try_into()
    }

    /// Changes it.
    ///
    /// # Errors
    /// `Stale` when the precondition fails, `TooLarge` when the merged metadata is.
    pub(crate) async fn patch(&self, precondition: Precondition, patch: SessionPatch) -> Result<Session> {
        let call = Call::Patch { if_match: encode_precondition(precondition), patch: patch.into() };
        self.ask::<SessionRecord>(call).await?.try_into()
    }

    /// Ends it. How many messages went with it.
    ///
    /// # Errors
    /// `Stale` when the precondition fails.
    pub(crate) async fn delete(&self, precondition: Precondition) -> Result<u64> {
        let call = Call::Delete { if_match: encode_precondition(precondition) };
        Ok(self.ask::<Deleted>(call).await?.message_count)
    }

    /// Counts as activity, changes nothing else.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn renew(&self) -> Result<Session> {
        self.ask::<SessionRecord>(Call::Renew).await?.try_into()
    }

    /// Appends all of `messages` or none; gives what was stored.
    ///
    /// # Errors
    /// `UnpairedToolResult` when a result answers no open call.
    pub(crate) async fn append(&self, messages: Vec<NewMessage>) -> Result<(Session, Vec<Message>)> {
        let call = Call::Append { messages: messages.into_iter().map(Into::into).collect() };
        let appended: Appended = self.ask(call).await?;
        Ok((appended.session.try_into()?, decode_messages(appended.messages)?))
    }

    /// A page of its messages.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn messages(&self, page: PageRequest) -> Result<Page> {
        let page: PageRecord = self.ask(Call::Messages(page)).await?;
        Ok(Page {
            messages: decode_messages(page.messages)?,
            total: page.total,
            first_sequence: page.first_sequence,
            last_sequence: page.last_sequence,
        })
    }

    /// Asks the model and waits for the answer.
    ///
    /// # Errors
    /// `TurnInProgress`, `NotPossible` when the session is in no state for it, `Model` when the model fails.
    pub(crate) async fn answer(&self, ask: Ask, manner: Manner) -> Result<Answer> {
        let answered: Answered = self.ask(self.turn_call(ask, manner, false)).await?;
        Ok(Answer {
            session: answered.session.try_into()?,
            user: answered.user.try_into()?,
            assistant: answered.assistant.try_into()?,
            model: answered.model,
            turn: answered.turn.map(Turn::try_from).transpose()?,
            memory: answered.memory.into_iter().map(MemoryChange::try_from).collect::<Result<_>>()?,
        })
    }

    /// Asks the model and gives what happens as it happens.
    ///
    /// # Errors
    /// As [`SessionClient::answer`]; what fails later is an event.
    pub(crate) async fn stream(&self, ask: Ask, manner: Manner) -> Result<Events> {
        let call = self.turn_call(ask, manner, true);
        let (begun, lines) = self.ask_for_stream::<Begun>(call).await?;
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

    /// The versions of the place where message `sequence` stands, the newest first.
    ///
    /// # Errors
    /// `NotFound` when there is no such message.
    pub(crate) async fn siblings(&self, sequence: u64) -> Result<Vec<Vec<Message>>> {
        let siblings: Siblings = self.ask(Call::Siblings { sequence }).await?;
        siblings.versions.into_iter().map(decode_messages).collect()
    }

    /// Asks the session's memory.
    ///
    /// # Errors
    /// As [`SessionClient::get`], and those of what is asked.
    pub(crate) async fn memory<T: DeserializeOwned>(&self, call: MemoryCall) -> Result<T> {
        self.ask(Call::Memory(call)).await
    }

    /// What a model would be told if the user said `message` now.
    ///
    /// # Errors
    /// As [`SessionClient::get`]; `Invalid` when the wishes break a rule.
    pub(crate) async fn context(&self, message: Option<String>, wishes: Wishes) -> Result<Shown> {
        let options = TurnOptions { wishes: wishes.into(), ..TurnOptions::default() };
        let mut told: Told = self.ask(Call::Context { message, options }).await?;
        let prompt = mem::take(&mut told.prompt).into_iter().map(NewMessage::try_from).collect::<Result<_>>()?;
        Ok(Shown { prompt, told })
    }

    /// Messages of the session that the question finds.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn search(&self, call: SearchCall) -> Result<Found> {
        self.ask(Call::Search(call)).await
    }

    /// What the request has created before, under its key.
    ///
    /// # Errors
    /// `NotFound` when it has created nothing.
    pub(crate) async fn recall_created(&self) -> Result<Session> {
        let created: Created = self.ask(Call::Recall).await?;
        created.session.try_into()
    }

    /// Removes what a message says. It keeps its place.
    ///
    /// # Errors
    /// `NotFound` when there is no such message, `TurnInProgress` while one runs, `Stale` when the precondition fails.
    pub(crate) async fn remove(&self, sequence: u64, precondition: Precondition) -> Result<Message> {
        let call = Call::Remove { sequence, if_match: encode_precondition(precondition) };
        self.ask::<MessageRecord>(call).await?.try_into()
    }

    /// Takes back what the user said last and everything after it; gives the session and the numbers of what was taken.
    ///
    /// # Errors
    /// `NotPossible` when the user has said nothing, `TurnInProgress` while a turn runs.
    pub(crate) async fn pop(&self) -> Result<(Session, Vec<u64>)> {
        let popped: Popped = self.ask(Call::Pop).await?;
        Ok((popped.session.try_into()?, popped.sequences))
    }

    /// The session and its messages up to `through`, to make another session of.
    ///
    /// # Errors
    /// `NotFound` when there is no such message, `NotPossible` when it is too much.
    pub(crate) async fn copy(&self, through: Option<u64>) -> Result<(Session, Vec<Message>)> {
        let copied: Copied = self.ask(Call::Copy { through }).await?;
        Ok((copied.session.try_into()?, decode_messages(copied.messages)?))
    }

    /// Can the object be reached?
    ///
    /// # Errors
    /// `Unavailable` when not.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.ask::<bool>(Call::Ping).await.map(drop)
    }

    /// Breaks the object on purpose.
    ///
    /// # Errors
    /// `Unavailable` when that was to be now.
    pub(crate) async fn fail(&self, when: When, fault: Fault) -> Result<()> {
        self.ask::<bool>(Call::Fault { when, fault }).await.map(drop)
    }

    fn turn_call(&self, ask: Ask, manner: Manner, streams: bool) -> Call {
        let if_match = encode_precondition(manner.precondition);
        let options = TurnOptions { wishes: manner.wishes.into(), waits: manner.waits, streams, if_match };
        let redo = match ask {
            Ask::Chat { message, results, create } => {
                return Call::Chat(Chat {
                    message: message.map(Into::into),
                    create: create.map(|new| self.creation(new, Vec::new())),
                    results: results.into_iter().map(Into::into).collect(),
                    options,
                });
            }
            Ask::Regenerate => Redo::Regenerate,
            Ask::Continue => Redo::Continue,
            Ask::Edit(message) => Redo::Edit(message.into()),
        };
        Call::Redo { redo, options }
    }

    fn creation(&self, new: NewSession, messages: Vec<Message>) -> Create {
        let messages = messages.into_iter().map(MessageRecord::from).collect();
        Create { id: self.id.as_str().to_owned(), session: Box::new(new.into()), messages }
    }

    pub(super) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        namespace::call::<_, T, Refusal>(self.env, BINDING, self.id.as_str(), &self.request(call)).await
    }

    pub(super) async fn ask_for_stream<T: DeserializeOwned>(&self, call: Call) -> Result<(T, Option<Lines>)> {
        namespace::stream::<_, T, Refusal>(self.env, BINDING, self.id.as_str(), &self.request(call)).await
    }

    fn request(&self, call: Call) -> Request {
        Request { caller: CallerRecord::from(self.caller), repeatable: self.repeatable.map(Into::into), call }
    }
}

fn decode_messages(records: Vec<MessageRecord>) -> Result<Vec<Message>> {
    records.into_iter().map(Message::try_from).collect()
}
