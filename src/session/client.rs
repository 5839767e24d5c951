//! The edge's side of the session object: one method per call, domain values in and out.

use serde::de::DeserializeOwned;
use worker::Env;

use crate::{
    domain::{
        caller::Caller,
        id::{Repeatable, SessionId},
        message::{Message, NewMessage},
        session::{NewSession, Precondition, Session, SessionPatch},
    },
    error::Result,
    fault::{Fault, When},
    platform::namespace,
    session::{
        protocol::{self, Appended, BINDING, Call, Create, Created, Deleted, PageRecord, PageRequest, Refusal, Request, TurnRecord},
        record::{CallerRecord, MessageRecord, SessionRecord},
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
    /// The sequence number of its newest.
    pub last_sequence: u64,
}

/// A finished turn.
pub(crate) struct Turn {
    /// The session after it.
    pub session: Session,
    /// What the user said.
    pub user: Message,
    /// What was answered.
    pub assistant: Message,
    /// Who answered.
    pub model: String,
}

impl<'a> SessionClient<'a> {
    /// Talks to session `id` for `caller`.
    pub(crate) fn new(env: &'a Env, caller: &'a Caller, id: &'a SessionId) -> SessionClient<'a> {
        SessionClient { env, caller, id, repeatable: None }
    }

    /// Asks under a key: what was done under it before is answered as before, and not done again.
    ///
    /// Every method then fails with `KeyReused` when that was something else.
    #[must_use]
    pub(crate) fn once(mut self, repeatable: Option<&'a Repeatable>) -> SessionClient<'a> {
        self.repeatable = repeatable;
        self
    }

    /// Begins the session, or finds it when it is alive. True: it is new.
    ///
    /// # Errors
    /// `IdTaken` when it is alive and not the caller's.
    pub(crate) async fn create(&self, new: NewSession) -> Result<(Session, bool)> {
        let created: Created = self.ask(Call::Create(self.creation(new))).await?;
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
        let call = Call::Patch { if_match: protocol::encode_precondition(precondition), patch: patch.into() };
        self.ask::<SessionRecord>(call).await?.try_into()
    }

    /// Ends it. How many messages went with it.
    ///
    /// # Errors
    /// `Stale` when the precondition fails.
    pub(crate) async fn delete(&self, precondition: Precondition) -> Result<u64> {
        let call = Call::Delete { if_match: protocol::encode_precondition(precondition) };
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
        Ok(Page { messages: decode_messages(page.messages)?, total: page.total, last_sequence: page.last_sequence })
    }

    /// Says `message` and waits for the answer. `create`: begin the session with it.
    ///
    /// # Errors
    /// As [`SessionClient::get`], and what the model fails with.
    pub(crate) async fn chat(&self, message: NewMessage, create: Option<NewSession>) -> Result<Turn> {
        let call = Call::Chat { message: message.into(), create: create.map(|new| self.creation(new)) };
        let turn: TurnRecord = self.ask(call).await?;
        Ok(Turn {
            session: turn.session.try_into()?,
            user: turn.user.try_into()?,
            assistant: turn.assistant.try_into()?,
            model: turn.model,
        })
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

    fn creation(&self, new: NewSession) -> Create {
        Create { id: self.id.as_str().to_owned(), session: new.into() }
    }

    async fn ask<Answer: DeserializeOwned>(&self, call: Call) -> Result<Answer> {
        let request = Request { caller: CallerRecord::from(self.caller), repeatable: self.repeatable.map(Into::into), call };
        namespace::call::<_, Answer, Refusal>(self.env, BINDING, self.id.as_str(), &request).await
    }
}

fn decode_messages(records: Vec<MessageRecord>) -> Result<Vec<Message>> {
    records.into_iter().map(Message::try_from).collect()
}
